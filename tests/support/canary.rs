//! A cluster and a log with secrets wherever tools and API servers put them. Nothing that keybook
//! writes may hold one.

use serde_json::{Value, json};

/// The secret in the three forms in which it stands in the world: as it is, in base64, and as the
/// beginning of what a tool has packed.
pub const SECRETS: [&str; 3] = ["canary5ecret", "Y2FuYXJ5NWVjcmV0", "H4sIAcanaryPacked"];

/// The forms of [`SECRETS`] that a text holds.
pub fn found(text: &str) -> Vec<&'static str> {
    SECRETS.into_iter().filter(|secret| text.contains(secret)).collect()
}

/// What appliers note of an object, each in its own annotation; and annotations of no known tool.
fn notes() -> Value {
    let whole = json!({"data": {"token-secret": SECRETS[1]}, "stringData": {"k": SECRETS[0]},
        "spec": {"containers": [{"env": [{"name": "PASSWORD", "value": SECRETS[0]}]}]}});
    let whole = whole.to_string();
    json!({
        "kubectl.kubernetes.io/last-applied-configuration": whole,
        "kapp.k14s.io/original": whole,
        "kapp.k14s.io/original-diff": format!("+ {whole}"),
        "objectset.rio.cattle.io/applied": SECRETS[2],
    })
}

/// [`notes`], and those that nobody could list.
fn more_notes() -> Value {
    let mut notes = notes();
    notes["openshift.io/token-secret.value"] = json!(SECRETS[0]);
    notes["applier.corp.example/last"] = json!(SECRETS[1]);
    notes["applier.corp.example/packed"] = json!(SECRETS[2]);
    notes
}

fn noted(kind: (&str, &str), ns: &str, name: &str, mut notes: Value, rest: &Value) -> Value {
    notes["kubernetes.io/service-account.name"] = json!("robot");
    let mut object = json!({"apiVersion": kind.0, "kind": kind.1,
        "metadata": {"name": name, "namespace": ns, "uid": format!("uid-{name}"), "annotations": notes,
            "creationTimestamp": "2026-01-01T00:00:00Z"}});
    for (field, value) in rest.as_object().into_iter().flatten() {
        object[field] = value.clone();
    }
    object
}

/// The objects; the Secret of `robot`'s token is `inv/robot-token`.
pub fn objects() -> Vec<Value> {
    let data = json!({"token": SECRETS[1], "token-secret": SECRETS[1], "token-id": "YWJjZGVm",
        "usage-bootstrap-authentication": "dHJ1ZQ=="});
    let secret = |ns, name, type_: &str| {
        let rest = json!({"type": type_, "data": data, "stringData": {"k": SECRETS[0]}});
        noted(("v1", "Secret"), ns, name, more_notes(), &rest)
    };
    let spec = json!({"serviceAccountName": "robot", "containers": [{"name": "c", "image": "i",
        "args": [format!("--password={}", SECRETS[0])],
        "env": [{"name": "PASSWORD", "value": SECRETS[0]}]}]});
    let template = json!({"metadata": {"annotations": more_notes()}, "spec": spec});
    let rbac = "rbac.authorization.k8s.io";
    vec![
        noted(("v1", "Namespace"), "", "inv", notes(), &json!({})),
        noted(("v1", "Namespace"), "", "kube-system", notes(), &json!({})),
        noted(("v1", "ServiceAccount"), "inv", "robot", notes(), &json!({})),
        secret("inv", "robot-token", "kubernetes.io/service-account-token"),
        secret("inv", "ordinary", "Opaque"),
        secret("kube-system", "bootstrap-token-abcdef", "bootstrap.kubernetes.io/token"),
        noted(("v1", "Pod"), "inv", "web", more_notes(), &json!({"spec": spec})),
        noted(
            ("apps/v1", "Deployment"),
            "inv",
            "web",
            more_notes(),
            &json!({"spec": {"template": template}}),
        ),
        noted(
            ("v1", "ConfigMap"),
            "kube-system",
            "aws-auth",
            more_notes(),
            &json!({"data": {"mapUsers": "- userarn: arn:aws:iam::1:user/a\n  username: a\n"}}),
        ),
        noted(
            ("v1", "ConfigMap"),
            "inv",
            "settings",
            more_notes(),
            &json!({"data": {"password": SECRETS[0]}}),
        ),
        json!({"apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding",
            "metadata": {"name": "robot", "uid": "uid-crb", "annotations": notes()},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "namespace": "inv", "name": "robot"}]}),
        json!({"apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole",
            "metadata": {"name": "cluster-admin", "annotations": notes()},
            "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}),
    ]
}

/// What of an audit log of level `RequestResponse` may hold secrets: bodies, commands that were run
/// in a pod, annotations.
pub fn log() -> String {
    let mut lines = String::new();
    let query = format!("?command=mysql&command=-p{}", SECRETS[0]);
    for (id, (verb, resource, sub, name)) in [
        ("create", "secrets", None, "made"),
        ("get", "secrets", None, "robot-token"),
        ("create", "serviceaccounts", Some("token"), "robot"),
        ("create", "pods", Some("exec"), "web"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name,
            "annotations": more_notes()}, "data": {"token": SECRETS[1]},
            "stringData": {"k": SECRETS[0]}, "status": {"token": SECRETS[0],
                "expirationTimestamp": "2036-01-01T00:00:00Z"}});
        let below = sub.map(|sub| format!("/{name}/{sub}{query}")).unwrap_or_default();
        let uri = format!("/api/v1/namespaces/inv/{resource}{below}");
        let at = format!("2026-03-30T11:00:0{id}.000000Z");
        let event = json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1",
            "level": "RequestResponse", "stage": "ResponseComplete", "verb": verb,
            "auditID": format!("00000000-0000-4000-8000-00000000000{id}"), "requestURI": uri,
            "user": {"username": "system:serviceaccount:inv:robot",
                "groups": ["system:serviceaccounts", "system:authenticated"]},
            "sourceIPs": ["192.0.2.7"], "userAgent": "kubectl/v1.36.0 (linux/amd64)",
            "objectRef": {"resource": resource, "namespace": "inv", "name": name,
                "subresource": sub, "apiVersion": "v1"},
            "responseStatus": {"code": 200}, "requestObject": body, "responseObject": body,
            "requestReceivedTimestamp": at, "stageTimestamp": at,
            "annotations": {"authorization.k8s.io/decision": "allow",
                "authorization.k8s.io/reason": "", "webhook.corp.example/patch": body.to_string()}});
        lines.push_str(&event.to_string());
        lines.push('\n');
    }
    lines
}
