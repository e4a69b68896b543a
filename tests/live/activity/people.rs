//! Who drives, and by what credential.

use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::ClientConfig;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::client::{Server, certificate};
use crate::support::cluster::Cluster;
use crate::support::process::await_some;

/// Somebody as the authorizer sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    pub user: String,
    /// All groups, sorted, each once.
    pub groups: Vec<String>,
}

impl Who {
    pub fn new(user: &str, groups: &[&str]) -> Self {
        let mut groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        groups.sort();
        groups.dedup();
        Self { user: user.to_owned(), groups }
    }

    pub fn is_master(&self) -> bool {
        self.groups.iter().any(|group| group == "system:masters")
    }
}

/// A credential in somebody's hands.
#[derive(Clone)]
pub struct Holder {
    pub who: Who,
    /// What the log calls the credential; None for those that have no mark.
    pub credential: Option<String>,
    pub tls: Arc<ClientConfig>,
    pub token: Option<String>,
}

/// Static tokens of the test's own: token, user, uid, groups.
const STATIC: [(&str, &str, &str, &str); 7] = [
    ("token-ada", "ada@corp.example", "u-1001", "platform,engineering"),
    ("token-bob", "bob@corp.example", "u-1002", "engineering"),
    ("token-cleo", "cleo@partner.example", "u-1003", ""),
    ("token-ci", "ci-runner", "u-2001", "automation"),
    ("token-julia", "юля@corp.example", "u-1004", "night shift,deployers"),
    ("token-owner", "owner@corp.example", "u-1005", ""),
    ("token-root", "root@corp.example", "u-0001", "system:masters"),
];

/// How many there are who may act as others within limits, and who do it once each.
const LIMITED: usize = 30;

fn limited() -> impl Iterator<Item = String> {
    (0..LIMITED).map(|at| format!("limited-{at}"))
}

/// The file of static tokens.
pub fn token_file() -> String {
    let line = |(token, user, uid, groups): &(&str, &str, &str, &str)| match *groups {
        "" => format!("{token},{user},{uid}\n"),
        groups => format!("{token},{user},{uid},\"{groups}\"\n"),
    };
    let limited = limited().map(|name| format!("token-{name},{name},,\"limited\"\n"));
    STATIC.iter().map(line).chain(limited).collect()
}

/// User, groups; one twice, one that is also an account's name.
const CERTIFICATES: [(&str, &[&str]); 11] = [
    ("carla", &["auditors"]),
    ("dev-shared", &["engineering"]),
    ("dev-shared", &["engineering"]),
    ("ada@corp.example", &["platform"]),
    ("CN with spaces, a comma", &["auditors", "platform"]),
    ("pager", &["deployers"]),
    ("ops-lead", &["operations"]),
    ("helpdesk", &[]),
    ("break-glass", &["system:masters"]),
    ("system:serviceaccount:act-a:bot", &["impersonators"]),
    ("system:node:n1", &["system:nodes"]),
];

/// Namespaces, accounts and what else there has to be.
pub fn objects() -> Vec<Value> {
    let mut all = Vec::new();
    for namespace in ["act-a", "act-b"] {
        let core = |kind: &str, name: &str, more: Value| {
            let mut object = more;
            object["apiVersion"] = json!("v1");
            object["kind"] = json!(kind);
            object["metadata"] = json!({"name": name, "namespace": namespace});
            object
        };
        all.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}));
        for name in ["bot", "batch", "proxy", "idle", "default"] {
            all.push(core("ServiceAccount", name, json!({})));
        }
        all.push(core("ConfigMap", "settings", json!({"data": {"colour": "blue"}})));
        let containers = json!([{"name": "main", "image": "registry.example/web:1"}]);
        for name in ["web-0", "web-1"] {
            let spec = json!({"serviceAccountName": "bot", "containers": containers});
            all.push(core("Pod", name, json!({"spec": spec})));
        }
        all.push(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": {
                "metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}}}}));
    }
    all.push(
        json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"name": "batch-token", "namespace": "act-a",
            "annotations": {"kubernetes.io/service-account.name": "batch"}}}),
    );
    all
}

/// The credentials of those who act as others once.
pub fn limited_holders(server: &Server) -> Vec<Holder> {
    let plain = server.tls(None);
    let who = |name: &str| Who::new(name, &["limited", "system:authenticated"]);
    limited().map(|name| bearer(&plain, who(&name), None, &format!("token-{name}"))).collect()
}

/// Everybody else's credentials. The cluster has [`objects`] already.
pub fn holders(cluster: &Cluster, server: &Server) -> Vec<Holder> {
    let plain = server.tls(None);
    let known = "system:authenticated";
    let mut all: Vec<Holder> = STATIC
        .iter()
        .map(|(token, user, _, groups)| {
            let groups: Vec<&str> =
                groups.split(',').filter(|g| !g.is_empty()).chain([known]).collect();
            bearer(&plain, Who::new(user, &groups), None, token)
        })
        .collect();
    for (user, groups) in CERTIFICATES {
        let files = cluster.client_cert(user, groups);
        let groups: Vec<&str> = groups.iter().copied().chain([known]).collect();
        all.push(Holder {
            who: Who::new(user, &groups),
            credential: Some(format!("X509SHA256={}", digest(&files.cert))),
            tls: server.tls(Some((&files.cert, &files.key))),
            token: None,
        });
    }
    for (namespace, name, pod) in [
        ("act-a", "bot", None),
        ("act-a", "bot", None),
        ("act-a", "bot", Some("web-0")),
        ("act-a", "bot", Some("web-0")),
        ("act-b", "bot", None),
        ("act-b", "bot", Some("web-1")),
        ("act-b", "proxy", None),
        ("act-a", "batch", None),
    ] {
        let mut args = vec!["create", "token", name, "-n", namespace];
        args.extend(
            pod.iter().flat_map(|pod| ["--bound-object-kind=Pod", "--bound-object-name", pod]),
        );
        let token = cluster.kubectl_ok(&args).trim().to_owned();
        let credential = match pod {
            Some(pod) => format!("pod:{namespace}/{pod}"),
            None => format!("JTI={}", token_id(&token)),
        };
        all.push(bearer(&plain, account(namespace, name), Some(credential), &token));
    }
    let legacy = await_some("the token of a Secret", || {
        let path = "-o=jsonpath={.data.token}";
        let text = cluster.kubectl_ok(&["get", "secret", "batch-token", "-n", "act-a", path]);
        STANDARD.decode(text.trim()).ok().filter(|token| !token.is_empty())
    });
    let legacy = String::from_utf8(legacy).expect("a token is text");
    let credential = Some("legacy:act-a/batch/batch-token".to_owned());
    all.push(bearer(&plain, account("act-a", "batch"), credential, &legacy));
    all.push(Holder {
        who: Who::new("system:anonymous", &["system:unauthenticated"]),
        credential: None,
        tls: plain,
        token: None,
    });
    all
}

fn bearer(tls: &Arc<ClientConfig>, who: Who, credential: Option<String>, token: &str) -> Holder {
    Holder { who, credential, tls: tls.clone(), token: Some(token.to_owned()) }
}

/// A service account, with the groups that the server gives it.
pub fn account(namespace: &str, name: &str) -> Who {
    let of_namespace = format!("system:serviceaccounts:{namespace}");
    let groups = ["system:serviceaccounts", &of_namespace, "system:authenticated"];
    Who::new(&format!("system:serviceaccount:{namespace}:{name}"), &groups)
}

fn digest(cert: &Path) -> String {
    format!("{:x}", Sha256::digest(certificate(cert)))
}

/// `jti` of a token.
fn token_id(token: &str) -> String {
    let claims = token.split('.').nth(1).expect("a token has three parts");
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    claims["jti"].as_str().expect("a jti").to_owned()
}
