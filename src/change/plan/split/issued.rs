//! The steps that have a token or a certificate made, and written into a kubeconfig.

use serde_json::json;

use super::{Part, Parts};
use crate::change::plan::sound;
use crate::change::plan::{
    Action, Inverse, Precondition, Reason, Reversibility, Right, Step, Target,
};
use crate::model::{CLIENT_SIGNER, Name};

/// A token bound to the Secret, written into a kubeconfig.
pub(super) fn token(parts: &Parts, part: &Part, namespace: &Name, secret: &str) -> Step {
    let name = &part.to.name;
    let right = |verb: &str, resource: &str, name: &Name| Right {
        verb: verb.into(),
        group: "".into(),
        resource: resource.into(),
        namespace: namespace.clone(),
        name: name.clone(),
        or_held: false,
    };
    let rights = sound::rights_of_token(namespace, name);
    let after = json!({
        "serviceAccount": {"namespace": namespace, "name": name},
        "boundTo": {"kind": "Secret", "name": secret},
        "expirationSeconds": parts.how.token_seconds,
        "kubeconfig": format!("{}.kubeconfig", part.name),
    });
    Step {
        id: 0,
        action: Action::Create,
        target: Target {
            kind: "Token".into(),
            namespace: Some(namespace.clone()),
            name: name.clone(),
        },
        precondition: Precondition::default(),
        before: None,
        after: Some(after),
        reasons: vec![Reason {
            why: format!(
                "a kubeconfig for {}, written once to the folder that apply --out names. The API \
                 server makes a token whenever it is asked: there is no trial of it",
                part.name
            ),
            evidence: vec![parts.intent.words()],
        }],
        reversibility: Reversibility::Reversible,
        loses: Vec::new(),
        rights,
        inverse: Inverse {
            action: Action::Delete,
            rights: vec![right("delete", "secrets", &secret.into())],
        },
        owners: Vec::new(),
    }
}

/// A certificate of the user, written into a kubeconfig with its key.
pub(super) fn certificate(parts: &Parts, part: &Part) -> Step {
    let name = &part.to.name;
    let days = parts.how.token_seconds / super::DAY;
    let after = json!({
        "user": name,
        "signer": CLIENT_SIGNER,
        "expirationSeconds": parts.how.token_seconds,
        "kubeconfig": format!("{}.kubeconfig", part.name),
    });
    Step {
        id: 0,
        action: Action::Create,
        target: Target { kind: "Certificate".into(), namespace: None, name: name.clone() },
        precondition: Precondition::default(),
        before: None,
        after: Some(after),
        reasons: vec![Reason {
            why: format!(
                "a kubeconfig for {}, written once to the folder that apply --out names. Its key is \
                 made there and never sent; whoever applies has the certificate signed and approves \
                 that. There is no trial of it",
                part.name
            ),
            evidence: vec![parts.intent.words()],
        }],
        reversibility: Reversibility::Irreversible,
        loses: vec![format!(
            "the certificate cannot be revoked: it is {} for {days} days, or as long as the signer grants",
            part.to
        )],
        rights: sound::rights_of_certificate(),
        inverse: Inverse { action: Action::Delete, rights: Vec::new() },
        owners: Vec::new(),
    }
}
