//! A small invented cluster with thirty days of log, through the ordinary readers: one of each
//! thing that a screen has to tell apart.
#![allow(clippy::expect_used, clippy::panic)] // Tests have nobody to hand errors to.

use std::io::Cursor;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use keybook::audit;
use keybook::book::{Book, Inputs, LogState};
use keybook::model::{ClusterInfo, Health, ListKind, ListState, Object, Policy, Snapshot};
use keybook::rbac::query::builtin_discovery;
use serde_json::{Value, json};

/// The moment at which the log ends and everybody looks.
pub fn now() -> DateTime<Utc> {
    "2026-05-06T14:20:00Z".parse().expect("a time")
}

/// A right-to-left override, a bell and an escape sequence in a name.
pub const HOSTILE: &str = "eve\u{202e}nimda\u{7}\u{1b}[31m";

/// As long as a name may be in a certificate, and wide.
pub fn long_name() -> String {
    format!("日本語-{}@corp.example", "very-long-name-".repeat(12))
}

const RBAC: &str = "rbac.authorization.k8s.io/v1";

fn meta(name: &str, namespace: Option<&str>) -> Value {
    let mut meta = json!({"name": name, "uid": format!("uid-{name}"), "resourceVersion": "7",
        "creationTimestamp": "2025-01-15T09:00:00Z"});
    if let Some(ns) = namespace {
        meta["namespace"] = json!(ns);
    }
    meta
}

fn role(kind: &str, name: &str, namespace: Option<&str>, rules: &Value) -> Value {
    json!({"apiVersion": RBAC, "kind": kind, "metadata": meta(name, namespace), "rules": rules})
}

fn binding(name: &str, namespace: Option<&str>, role: (&str, &str), subjects: &[Value]) -> Value {
    let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    json!({"apiVersion": RBAC, "kind": kind, "metadata": meta(name, namespace),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1},
        "subjects": subjects})
}

fn user(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name})
}

fn group(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name})
}

fn account(namespace: &str, name: &str) -> Value {
    json!({"kind": "ServiceAccount", "name": name, "namespace": namespace})
}

fn objects() -> Vec<Value> {
    let mut all = vec![
        role(
            "ClusterRole",
            "cluster-admin",
            None,
            &json!([
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
            {"verbs": ["*"], "nonResourceURLs": ["*"]}]),
        ),
        role(
            "ClusterRole",
            "deployer",
            None,
            &json!([
            {"verbs": ["get", "list", "watch", "create", "update", "patch"],
             "apiGroups": ["apps"], "resources": ["deployments", "deployments/scale"]},
            {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["secrets"]},
            {"verbs": ["impersonate"], "apiGroups": [""], "resources": ["users"]}]),
        ),
        role(
            "ClusterRole",
            "viewer",
            None,
            &json!([
            {"verbs": ["get", "list", "watch"], "apiGroups": [""],
             "resources": ["pods", "pods/log", "services"]},
            {"verbs": ["get"], "nonResourceURLs": ["/metrics"]}]),
        ),
        role(
            "Role",
            "reader",
            Some("pay"),
            &json!([
            {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"],
             "resourceNames": ["db", "mail"]}]),
        ),
        binding("ops", None, ("ClusterRole", "cluster-admin"), &[group("platform")]),
        binding(
            "migration-2024",
            None,
            ("ClusterRole", "cluster-admin"),
            &[user("gone@corp.example")],
        ),
        binding(
            "look",
            None,
            ("ClusterRole", "viewer"),
            &[user("jane@corp.example"), user(HOSTILE), user(&long_name())],
        ),
        binding("ci", Some("pay"), ("ClusterRole", "deployer"), &[account("ci", "deployer")]),
        binding("ci", Some("shop"), ("ClusterRole", "deployer"), &[account("ci", "deployer")]),
        binding("team", Some("pay"), ("ClusterRole", "viewer"), &[group("pay-team")]),
        binding("batch", Some("pay"), ("Role", "reader"), &[account("pay", "batch")]),
        binding("ghost", Some("shop"), ("Role", "never-made"), &[user("zoe@corp.example")]),
        binding("old", Some("shop"), ("ClusterRole", "viewer"), &[account("shop", "removed")]),
    ];
    for ns in ["ci", "pay", "shop"] {
        all.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": meta(ns, None)}));
    }
    for (ns, name) in [("ci", "deployer"), ("pay", "batch"), ("shop", "default")] {
        let meta = meta(name, Some(ns));
        all.push(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}));
    }
    let mut token = meta("batch-token", Some("pay"));
    token["labels"] = json!({"kubernetes.io/legacy-token-last-used": "2026-04-30"});
    token["annotations"] = json!({"kubernetes.io/service-account.name": "batch"});
    all.push(json!({"apiVersion": "v1", "kind": "Secret", "metadata": token,
        "type": "kubernetes.io/service-account-token"}));
    all.push(json!({"apiVersion": "v1", "kind": "Pod", "metadata": meta("deployer-0", Some("ci")),
        "spec": {"serviceAccountName": "deployer", "nodeName": "n1"},
        "status": {"phase": "Running", "startTime": "2026-05-01T08:00:00Z"}}));
    all
}

/// One request in the log.
struct Request<'a> {
    who: (&'a str, &'a [&'a str]),
    minutes_ago: i64,
    verb: &'a str,
    /// Group, resource, subresource, namespace, name.
    on: (&'a str, &'a str, &'a str, &'a str, &'a str),
    allowed: bool,
    agent: &'a str,
    address: &'a str,
    as_user: Option<&'a str>,
}

impl Request<'_> {
    fn line(&self, id: usize) -> String {
        let at = now() - TimeDelta::minutes(self.minutes_ago);
        let time = at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        let (group, resource, sub, ns, name) = self.on;
        let mut groups = self.who.1.to_vec();
        groups.push("system:authenticated");
        let decision = if self.allowed { "allow" } else { "forbid" };
        let mut event = json!({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
            "auditID": format!("id-{id}"), "stage": "ResponseComplete",
            "requestURI": format!("/apis/{group}/{resource}"), "verb": self.verb,
            "user": {"username": self.who.0, "groups": groups},
            "sourceIPs": [self.address], "userAgent": self.agent,
            "objectRef": {"resource": resource, "apiGroup": group, "apiVersion": "v1",
                "namespace": ns, "name": name, "subresource": sub},
            "responseStatus": {"metadata": {}, "code": if self.allowed { 200 } else { 403 }},
            "requestReceivedTimestamp": time, "stageTimestamp": time,
            "annotations": {"authorization.k8s.io/decision": decision,
                "authorization.k8s.io/reason": ""},
        });
        if let Some(name) = self.as_user {
            event["impersonatedUser"] =
                json!({"username": name, "groups": ["system:authenticated"]});
        }
        format!("{event}\n")
    }
}

const DAY: i64 = 24 * 60;

/// Thirty days: the platform's own hum every five minutes, so that what is missing is a gap, and
/// what people and programs did.
fn log() -> String {
    let hum = ("system:serviceaccount:ci:deployer", &["system:serviceaccounts"] as &[&str]);
    let jane = ("jane@corp.example", &["platform"] as &[&str]);
    let kubectl = "kubectl/v1.36.0 (linux/amd64)";
    let mut requests = Vec::new();
    for at in (0..30 * DAY).step_by(5) {
        // Six hours in which the log was lost.
        if (10 * DAY..10 * DAY + 360).contains(&at) {
            continue;
        }
        requests.push(Request {
            who: hum,
            minutes_ago: at,
            verb: "get",
            on: ("apps", "deployments", "", "pay", "web"),
            allowed: true,
            agent: "deployer/2.1",
            address: "10.0.0.7",
            as_user: None,
        });
    }
    for day in 0..30 {
        if day % 7 < 5 {
            for n in 0..=(day % 4) {
                requests.push(Request {
                    who: jane,
                    minutes_ago: 125 + day * DAY + n,
                    verb: "list",
                    on: ("", "pods", "", "pay", ""),
                    allowed: true,
                    agent: kubectl,
                    address: "198.51.100.7",
                    as_user: None,
                });
            }
        }
    }
    requests.push(Request {
        who: jane,
        minutes_ago: 3 * DAY,
        verb: "get",
        on: ("", "secrets", "", "pay", "db"),
        allowed: true,
        agent: "k9s/v0.50",
        as_user: None,
        address: "203.0.113.9",
    });
    requests.push(Request {
        who: jane,
        minutes_ago: 2 * DAY,
        verb: "list",
        on: ("", "pods", "", "shop", ""),
        allowed: true,
        agent: kubectl,
        address: "198.51.100.7",
        as_user: Some("zoe@corp.example"),
    });
    for at in [30, 40] {
        requests.push(Request {
            who: (HOSTILE, &["pay-team"]),
            minutes_ago: at,
            verb: "get",
            on: ("", "secrets", "", "pay", "db"),
            allowed: false,
            agent: "curl/8.9",
            address: "203.0.113.66",
            as_user: None,
        });
    }
    requests.iter().enumerate().map(|(id, request)| request.line(id)).collect()
}

/// The objects with every list whole.
pub fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot {
        cluster: ClusterInfo {
            id: "0b6f2a1e-test".into(),
            name: "test-eu".into(),
            context: "corp/test-eu".into(),
            server: "https://test-eu.corp.example:6443".into(),
            server_version: Some("v1.36.3".into()),
            operator: Some("ops@corp.example".into()),
            ..ClusterInfo::default()
        },
        taken_at: Some(now()),
        discovery: builtin_discovery(),
        ..Snapshot::default()
    };
    for value in objects() {
        let (version, kind) = (value["apiVersion"].as_str(), value["kind"].as_str());
        let object = Object::read(version.unwrap_or_default(), kind.unwrap_or_default(), &value);
        snapshot.objects.insert(object.expect("read").expect("a kind that is read"));
    }
    for kind in ListKind::ALL {
        let mut state = ListState::new(Health::Complete);
        state.count = 3;
        snapshot.lists.insert(kind, state);
    }
    snapshot
}

/// What of the log is there.
pub enum LogPart {
    /// All of it.
    Whole,
    /// None was given.
    None,
    /// It is being read.
    Reading,
}

/// A Book of some snapshot.
pub fn book_of(snapshot: Snapshot, log_part: &LogPart) -> Arc<Book> {
    let (activity, log) = match log_part {
        LogPart::Whole => {
            let bytes = Box::new(Cursor::new(log().into_bytes()));
            let input = audit::Input { name: "audit.log".into(), bytes };
            let read = audit::read_inputs(vec![input], &audit::Options::new(now()), &());
            (Some(Arc::new(read.expect("read"))), LogState::Ready)
        }
        LogPart::None => (None, LogState::None),
        LogPart::Reading => (None, LogState::Reading { bytes: 43, of: Some(100) }),
    };
    Arc::new(Book::build(Inputs {
        snapshot: snapshot.into(),
        activity,
        log,
        policy: Arc::new(Policy { idle_days: 20, ..Policy::default() }),
        now: now(),
    }))
}

/// Everything, whole.
pub fn whole() -> Arc<Book> {
    static BOOK: std::sync::OnceLock<Arc<Book>> = std::sync::OnceLock::new();
    BOOK.get_or_init(|| book_of(snapshot(), &LogPart::Whole)).clone()
}

/// No log.
pub fn without_log() -> Arc<Book> {
    book_of(snapshot(), &LogPart::None)
}

/// Some lists are not whole, and the log is being read.
pub fn incomplete() -> Arc<Book> {
    let mut snapshot = snapshot();
    for (kind, health, reason) in [
        (ListKind::Pods, Health::Forbidden, "list pods: forbidden: no RBAC policy matched"),
        (ListKind::Roles, Health::Partial, "list roles: forbidden; read by namespace"),
        (ListKind::TokenSecrets, Health::Loading, ""),
    ] {
        let mut state = ListState::because(health, reason);
        if health == Health::Partial {
            state.namespaces = vec!["pay".into()];
        }
        snapshot.lists.insert(kind, state);
    }
    book_of(snapshot, &LogPart::Reading)
}
