//! A small invented cluster with an account that three share, for sixty days of log: ana on a Mac, bo
//! on Windows, and a pipeline, each with a certificate of its own.
#![allow(clippy::expect_used, clippy::panic)] // Tests have nobody to hand errors to.

use std::io::Cursor;
use std::sync::Arc;

use chrono::TimeDelta;
use keybook::audit;
use keybook::book::{Book, Inputs, LogState};
use keybook::model::{Object, Policy};
use serde_json::{Value, json};

use super::invented::{now, snapshot};

/// The account.
pub const ACCOUNT: &str = "user:ops";

const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// Who is behind it: credential, agent, address, and what each does once a day: verb, resource,
/// namespace, name.
type Behind = (&'static str, &'static str, &'static str, &'static [[&'static str; 4]]);

const BEHIND: [Behind; 3] = [
    (
        "X509SHA256=a1",
        "kubectl/v1.36.1 (darwin/arm64) kubernetes/b1d5cc9",
        "203.0.113.1",
        &[["get", "pods", "pay", "web"], ["list", "pods", "pay", ""]],
    ),
    (
        "X509SHA256=b2",
        "kubectl/v1.36.2 (windows/amd64) kubernetes/e4c1a77",
        "203.0.113.2",
        &[["delete", "pods", "shop", "web"]],
    ),
    (
        "X509SHA256=c3",
        "pipeline/4.1 (linux/amd64)",
        "203.0.113.3",
        &[["update", "configmaps", "shop", "settings"]],
    ),
];

fn line(id: usize, minutes_ago: i64, behind: &Behind, what: [&str; 4]) -> String {
    let time =
        (now() - TimeDelta::minutes(minutes_ago)).format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    let [verb, resource, namespace, name] = what;
    let event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
        "auditID": format!("shared-{id}"), "stage": "ResponseComplete",
        "requestURI": format!("/api/v1/namespaces/{namespace}/{resource}/{name}"), "verb": verb,
        "user": {"username": "ops", "groups": ["system:authenticated"],
            "extra": {"authentication.kubernetes.io/credential-id": [behind.0]}},
        "sourceIPs": [behind.2], "userAgent": behind.1,
        "objectRef": {"resource": resource, "apiVersion": "v1", "namespace": namespace, "name": name},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": time, "stageTimestamp": time,
        "annotations": {"authorization.k8s.io/decision": "allow",
            "authorization.k8s.io/reason": ""},
    });
    format!("{event}\n")
}

fn log() -> String {
    let mut lines = Vec::new();
    for day in 0..60 {
        for (at, behind) in (0i64..).zip(&BEHIND) {
            for (more, what) in (0i64..).zip(behind.3) {
                lines.push(line(lines.len(), day * 24 * 60 + at * 120 + more * 3, behind, *what));
            }
        }
    }
    lines.concat()
}

fn objects() -> Vec<Value> {
    let meta = |name: &str| {
        json!({"name": name, "uid": format!("uid-{name}"), "resourceVersion": "7",
            "creationTimestamp": "2025-01-15T09:00:00Z"})
    };
    vec![
        json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": meta("ops"), "rules": [
            {"verbs": ["*"], "apiGroups": [""], "resources": ["pods", "configmaps", "secrets"]}]}),
        json!({"apiVersion": RBAC, "kind": "ClusterRoleBinding", "metadata": meta("shared-ops"),
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "ops"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ops"}]}),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": meta("people")}),
    ]
}

/// All of it, beside the invented cluster.
pub fn book() -> Arc<Book> {
    let mut snapshot = snapshot();
    for value in objects() {
        let (version, kind) = (value["apiVersion"].as_str(), value["kind"].as_str());
        let object = Object::read(version.unwrap_or_default(), kind.unwrap_or_default(), &value);
        snapshot.objects.insert(object.expect("read").expect("a kind that is read"));
    }
    let bytes = Box::new(Cursor::new(log().into_bytes()));
    let input = audit::Input { name: "audit.log".into(), bytes };
    let read = audit::read_inputs(vec![input], &audit::Options::new(now()), &()).expect("a log");
    Arc::new(Book::build(Inputs {
        snapshot: Arc::new(snapshot),
        activity: Some(Arc::new(read)),
        log: LogState::Ready,
        policy: Arc::new(Policy::default()),
        now: now(),
    }))
}
