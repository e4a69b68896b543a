//! A small invented cluster with a log, on which each answer can be worked out by hand.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::Home;

const RBAC: &str = "rbac.authorization.k8s.io/v1";

pub(super) fn cluster_role(name: &str, rules: &Value) -> Value {
    json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules})
}

pub(super) fn role(ns: &str, name: &str, rules: &Value) -> Value {
    json!({"apiVersion": RBAC, "kind": "Role", "metadata": {"name": name, "namespace": ns},
        "rules": rules})
}

pub(super) fn binding(ns: Option<&str>, name: &str, role: (&str, &str), subjects: &Value) -> Value {
    let kind = if ns.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    let mut metadata = json!({"name": name, "creationTimestamp": "2025-01-01T00:00:00Z"});
    if let Some(ns) = ns {
        metadata["namespace"] = json!(ns);
    }
    json!({"apiVersion": RBAC, "kind": kind, "metadata": metadata, "subjects": subjects,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1}})
}

pub(super) fn user(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name})
}

pub(super) fn group(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name})
}

pub(super) fn account(ns: Option<&str>, name: &str) -> Value {
    match ns {
        Some(ns) => json!({"kind": "ServiceAccount", "name": name, "namespace": ns}),
        None => json!({"kind": "ServiceAccount", "name": name}),
    }
}

fn plain(kind: &str, ns: Option<&str>, name: &str) -> Value {
    let mut metadata = json!({"name": name});
    if let Some(ns) = ns {
        metadata["namespace"] = json!(ns);
    }
    json!({"apiVersion": "v1", "kind": kind, "metadata": metadata})
}

pub(super) fn list(items: &[Value]) -> String {
    format!("{:#}\n", json!({"apiVersion": "v1", "kind": "List", "items": items}))
}

/// All objects of the world.
///
/// - root is cluster-admin; jane may read pods in pay, through the `reader`, and is in
///   `ops` by the log, which may read pods of shop; zoe holds `gone`, which does not exist.
/// - pay/batch may get secrets in pay, its subject being without a namespace; pay/web does nothing.
pub(super) fn objects() -> Vec<Value> {
    let pods = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]);
    vec![
        plain("Namespace", None, "pay"),
        plain("Namespace", None, "shop"),
        plain("ServiceAccount", Some("pay"), "batch"),
        plain("ServiceAccount", Some("pay"), "web"),
        json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "web-token", "namespace": "pay",
                "annotations": {"kubernetes.io/service-account.name": "web"},
                "labels": {"kubernetes.io/legacy-token-last-used": "2026-02-03"}},
            "data": {"token": "bm90LWEtdG9rZW4="}}),
        cluster_role(
            "cluster-admin",
            &json!([
            {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
            {"nonResourceURLs": ["*"], "verbs": ["*"]}]),
        ),
        cluster_role("reader", &pods),
        role(
            "pay",
            "vault",
            &json!([
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]),
        ),
        binding(None, "root", ("ClusterRole", "cluster-admin"), &json!([user("root")])),
        binding(
            Some("pay"),
            "readers",
            ("ClusterRole", "reader"),
            &json!([user("jane@corp.example")]),
        ),
        binding(Some("shop"), "ops", ("ClusterRole", "reader"), &json!([group("ops")])),
        binding(Some("pay"), "vault", ("Role", "vault"), &json!([account(None, "batch")])),
        binding(Some("shop"), "lost", ("Role", "gone"), &json!([user("zoe@corp.example")])),
    ]
}

/// One answered request as the API server logs it.
pub(super) fn event(
    id: u32,
    at: &str,
    who: (&str, &[&str]),
    what: (&str, &str, &str),
    allowed: bool,
) -> Value {
    let (verb, ns, resource) = what;
    let decision = if allowed { "allow" } else { "forbid" };
    json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
        "auditID": format!("00000000-0000-4000-8000-{id:012}"), "stage": "ResponseComplete",
        "requestURI": format!("/api/v1/namespaces/{ns}/{resource}"), "verb": verb,
        "user": {"username": who.0, "groups": who.1},
        "sourceIPs": ["192.0.2.7"], "userAgent": "kubectl/v1.36.0",
        "objectRef": {"resource": resource, "namespace": ns, "apiVersion": "v1"},
        "responseStatus": {"metadata": {}, "code": if allowed { 200 } else { 403 }},
        "requestReceivedTimestamp": at, "stageTimestamp": at,
        "annotations": {"authorization.k8s.io/decision": decision,
            "authorization.k8s.io/reason": ""}})
}

const AUTHENTICATED: &str = "system:authenticated";

/// The log of the world: 100 days up to an hour before now. root is never in it, jane is on its last
/// day, batch was only ever refused; every other day somebody without a credential knocks.
pub(super) fn log() -> String {
    let batch = "system:serviceaccount:pay:batch";
    let accounts = ["system:serviceaccounts", "system:serviceaccounts:pay", AUTHENTICATED];
    let lines = [
        event(
            1,
            "2025-12-21T11:00:00.000000Z",
            ("jane@corp.example", &["ops", AUTHENTICATED]),
            ("list", "pay", "pods"),
            true,
        ),
        event(
            2,
            "2026-03-30T11:00:00.000000Z",
            (batch, &accounts),
            ("list", "shop", "secrets"),
            false,
        ),
        event(
            3,
            "2026-03-31T10:00:00.000000Z",
            ("jane@corp.example", &["ops", AUTHENTICATED]),
            ("list", "shop", "pods"),
            true,
        ),
        event(
            4,
            "2026-03-31T11:00:00.000000Z",
            ("jane@corp.example", &["ops", AUTHENTICATED]),
            ("list", "pay", "secrets"),
            false,
        ),
    ];
    let first: DateTime<Utc> = "2025-12-21T11:00:00Z".parse().expect("a time");
    let knocks = (1..50).map(|at| knock(at, first + TimeDelta::days(2 * i64::from(at))));
    lines.into_iter().chain(knocks).fold(String::new(), |text, line| format!("{text}{line}\n"))
}

/// One answered 401, which belongs to nobody: the log goes on.
fn knock(id: u32, at: DateTime<Utc>) -> Value {
    let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
    json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
        "auditID": format!("00000000-0000-4000-8000-1{id:011}"), "stage": "ResponseComplete",
        "requestURI": "/api", "verb": "get", "user": {}, "sourceIPs": ["192.0.2.9"],
        "responseStatus": {"metadata": {}, "status": "Failure", "code": 401},
        "requestReceivedTimestamp": at, "stageTimestamp": at})
}

impl Home {
    /// The world's objects and log as files: their paths.
    pub(super) fn world(&self) -> (String, String) {
        (self.put("world.json", list(&objects())), self.put("audit.log", log()))
    }
}
