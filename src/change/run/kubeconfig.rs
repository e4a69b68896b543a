//! What is in a kubeconfig that somebody is handed: where the API server is, who they are by what, and
//! how long that is good.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::change::plan::Plan;
use crate::cluster::{Address, CertificateAsk, IssuedCertificate, IssuedToken, TokenAsk};
use crate::model::{Name, printable};

/// One, before it is written. It is never shown.
pub(super) struct Kubeconfig {
    /// Lines about it, each beginning with `#`, without any secret.
    pub(super) comment: String,
    /// Until when it is good, UTC, as the server granted it.
    pub(super) expires: DateTime<Utc>,
    /// By which id audit logs know it; None where that is not known.
    pub(super) credential: Option<Name>,
    config: String,
}

impl Kubeconfig {
    /// By a token that is bound to a Secret.
    pub(super) fn of_token(
        plan: &Plan,
        address: &Address,
        token: &IssuedToken,
        ask: &TokenAsk,
    ) -> Self {
        let TokenAsk { namespace, account, secret, secret_uid, seconds, .. } = ask;
        let comment = format!(
            "# This is system:serviceaccount:{namespace}:{account}. Whoever has this file can be it.\n\
             # The token is good until then, as the server granted it, and ends at once when the Secret\n\
             # {namespace}/{secret} is deleted. Who may create serviceaccounts/token renews it with\n\
             # kubectl create token {account} -n {namespace} --duration {seconds}s \\\n\
             #   --bound-object-kind Secret --bound-object-name {secret} --bound-object-uid {secret_uid}\n"
        );
        Self {
            comment,
            expires: token.expires,
            credential: token.credential.clone(),
            config: config(plan, address, account, &json!({"token": token.reveal()})),
        }
    }

    /// By a client certificate; the key is PEM.
    pub(super) fn of_certificate(
        plan: &Plan,
        address: &Address,
        (issued, key): (&IssuedCertificate, &str),
        ask: &CertificateAsk,
    ) -> Self {
        let user = printable(&ask.user);
        let comment = format!(
            "# This is the user {user}. Whoever has this file can be it.\n\
             # The certificate is good until then, as the server granted it, and cannot be revoked: what\n\
             # ends it before is that the user loses what it is granted. It is renewed by another\n\
             # request for signing (kubectl explain certificatesigningrequests), which somebody approves.\n"
        );
        let credential = json!({
            "client-certificate-data": STANDARD.encode(&issued.pem),
            "client-key-data": STANDARD.encode(key),
        });
        Self {
            comment,
            expires: issued.expires,
            credential: Some(issued.credential.clone()),
            config: config(plan, address, &ask.user, &credential),
        }
    }

    /// The configuration itself, to be written where its holder finds it.
    pub(super) fn reveal(&self) -> &str {
        &self.config
    }
}

fn config(plan: &Plan, address: &Address, user: &str, credential: &Value) -> String {
    let cluster = &plan.metadata.cluster.name;
    json!({
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{"name": cluster, "cluster": address.entry()}],
        "users": [{"name": user, "user": credential}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
        "current-context": cluster,
    })
    .to_string()
}
