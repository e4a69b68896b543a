//! The logs that engines are asked about.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeZone as _, Utc};
use keybook::demo;
use serde_json::{Value, json};

use crate::support::cluster::{Cluster, Options};

/// When the invented logs are read.
pub fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 5, 10, 0, 0, 0).unwrap()
}

/// A log as a file.
pub fn write(folder: &Path, name: &str, lines: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::File::create(&path).and_then(|mut file| file.write_all(lines)).expect("a log");
    path
}

/// Ninety days of the demo, the last `days` of them.
pub fn demo(days: i64) -> Vec<u8> {
    let from = (now() - chrono::TimeDelta::days(days)).to_rfc3339();
    let all = demo::log(now());
    let text = String::from_utf8(all).expect("text");
    let late = text.lines().filter(|line| {
        let event: Value = serde_json::from_str(line).expect("an event");
        event["requestReceivedTimestamp"].as_str() >= Some(&from[..19])
    });
    late.flat_map(|line| [line, "\n"]).collect::<String>().into_bytes()
}

/// What a real API server and its controllers write in some seconds, all stages; None where there
/// is no control plane.
pub fn real() -> Option<Vec<u8>> {
    let policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: RequestResponse\n  \
                  resources: [{group: \"\", resources: [\"configmaps\"]}]\n- level: Metadata\n";
    let cluster =
        Cluster::start(&Options { audit_policy: Some(policy.to_owned()), ..Options::default() })?;
    let objects = [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap",
               "metadata": {"name": "settings", "namespace": "shop"}, "data": {"a": "b"}}),
    ];
    let objects: Vec<String> = objects.iter().map(Value::to_string).collect();
    cluster.load(&objects.join("\n"));
    let log = || {
        let mut log = std::fs::read(cluster.audit_log()).expect("the log");
        let end = log.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        log.truncate(end);
        log
    };
    // Controllers are never still: some more of what they do.
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while log().split(|byte| *byte == b'\n').count() < 1_000 && std::time::Instant::now() < deadline
    {
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(log())
}

/// An event of the user `ana`, complete and allowed.
fn event(id: u32, verb: &str, uri: &str, object: &Value) -> Value {
    let time =
        format!("2026-05-04T09:{:02}:{:02}.{:06}Z", id / 60 % 60, id % 60, id * 7919 % 999_983);
    let reason = "RBAC: allowed by RoleBinding \"devs/shop\" of Role \"dev\" to Group \"devs\"";
    let mut event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
        "auditID": format!("id-{id}"), "stage": "ResponseComplete", "requestURI": uri, "verb": verb,
        "user": {"username": "ana@corp.example", "groups": ["devs", "system:authenticated"]},
        "sourceIPs": ["198.51.100.7"], "userAgent": "kubectl/v1.36.0",
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": time, "stageTimestamp": time,
        "annotations": {"authorization.k8s.io/decision": "allow",
                        "authorization.k8s.io/reason": reason},
    });
    if !object.is_null() {
        event["objectRef"] = object.clone();
    }
    event
}

fn with(mut event: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let mut at = &mut event;
        for key in pointer.split('|') {
            at = &mut at[key];
        }
        *at = value.clone();
    }
    event
}

fn at_stage(event: &Value, stage: &str) -> Value {
    let mut event = with(event.clone(), &[("stage", json!(stage))]);
    if stage == "RequestReceived" {
        for key in ["responseStatus", "annotations", "impersonatedUser"] {
            event.as_object_mut().expect("an event").remove(key);
        }
    }
    event
}

fn object(resource: &str, sub: &str, namespace: &str, name: &str) -> Value {
    let all =
        [("resource", resource), ("subresource", sub), ("namespace", namespace), ("name", name)];
    let there = all.iter().filter(|(_, value)| !value.is_empty());
    let mut object: Value = there.map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    object["apiVersion"] = json!("v1");
    object
}

/// Everything that a query can get wrong.
pub fn pitfalls() -> Vec<u8> {
    let mut lines: Vec<Value> = plain();
    lines.extend(people());
    lines.extend(outcomes());
    // Stages and copies, later ones first and last, and one hour apart in the file.
    let mut stages = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        match index % 5 {
            0 => stages.push(at_stage(line, "RequestReceived")),
            1 => stages.push(line.clone()),
            2 => {
                stages.push(at_stage(line, "ResponseStarted"));
                stages.push(at_stage(line, "RequestReceived"));
            }
            _ => {}
        }
    }
    stages.extend(lines);
    stages.iter().flat_map(|line| [line.to_string(), "\n".to_owned()]).collect::<String>().into()
}

fn plain() -> Vec<Value> {
    let pods = "/api/v1/namespaces/shop/pods";
    let made = object("configmaps", "", "shop", "from-the-body");
    let cluster_wide = object("things", "", "from-the-body", "from-the-body");
    let mut all = vec![
        event(1, "get", &format!("{pods}/cart"), &object("pods", "", "shop", "cart")),
        event(2, "list", &format!("{pods}?limit=500"), &object("pods", "", "shop", "")),
        event(
            3,
            "list",
            &format!("{pods}?fieldSelector=metadata.name%3Dcart"),
            &object("pods", "", "shop", "cart"),
        ),
        event(4, "create", "/api/v1/namespaces/shop/configmaps", &made),
        event(5, "create", "/api/v1/things", &cluster_wide),
        event(
            6,
            "create",
            &format!("{pods}/cart/eviction"),
            &object("pods", "eviction", "shop", "cart"),
        ),
        event(7, "deletecollection", pods, &object("pods", "", "shop", "")),
        event(8, "get", "/healthz%20x?verbose=1", &Value::Null),
        event(9, "get", "/version", &Value::Null),
        event(10, "get", "/api/v1/namespaces/shop", &object("namespaces", "", "shop", "shop")),
        event(11, "create", "/api/v1/namespaces", &object("namespaces", "", "", "from-the-body")),
    ];
    let apps = json!({"resource": "deployments", "apiGroup": "apps", "apiVersion": "v1",
                      "namespace": "shop", "name": "web"});
    let uri = "/apis/apps/v1/namespaces/shop/deployments/web";
    all.push(with(event(12, "patch", uri, &apps), &[("responseStatus|code", json!(201))]));
    all.push(event(13, "patch", uri, &apps));
    let exec = object("pods", "exec", "shop", "cart");
    let uri = format!("{pods}/cart/exec?command=sh");
    all.push(with(event(14, "get", &uri, &exec), &[("responseStatus|code", json!(101))]));
    // Open: only the first answer is known.
    all.push(at_stage(
        &event(15, "watch", &format!("{pods}?watch=1"), &object("pods", "", "shop", "")),
        "ResponseStarted",
    ));
    // Nothing but its coming is known.
    all.push(at_stage(
        &event(16, "list", pods, &object("pods", "", "shop", "")),
        "RequestReceived",
    ));
    all
}

fn people() -> Vec<Value> {
    let get = |id| {
        event(id, "get", "/api/v1/namespaces/shop/pods/cart", &object("pods", "", "shop", "cart"))
    };
    let pod = |id, jti: &str| {
        let extra = json!({
            "authentication.kubernetes.io/credential-id": [jti],
            "authentication.kubernetes.io/pod-name": ["cart-0"],
            "authentication.kubernetes.io/pod-uid": ["77"],
        });
        let user = json!({"username": "system:serviceaccount:shop:cart", "extra": extra,
                          "groups": ["system:serviceaccounts", "system:authenticated"]});
        with(get(id), &[("user", user)])
    };
    let secret = |id, how: &str, name: &str| {
        let of = |what: String| format!("annotations|authentication.k8s.io/legacy-token{what}");
        let (account, secret) = (of(String::new()), of(format!("-{how}-secret")));
        let user = json!("system:serviceaccount:pay:batch");
        with(get(id), &[(&account, user), (&secret, json!(name))])
    };
    let odd = json!(["CN=a\"b\\c, O=x", "日本", "system:authenticated"]);
    let certificate = json!({"authentication.kubernetes.io/credential-id": ["X509SHA256=ab12"]});
    let bob = json!({"username": "bob", "uid": "u-7", "groups": ["ops", "system:authenticated"],
                     "extra": {"scopes": ["b", "a"], "example.org/team": ["x"]}});
    vec![
        pod(101, "JTI=1"),
        pod(102, "JTI=2"),
        with(get(103), &[("user|groups", odd), ("user|extra", certificate)]),
        with(get(104), &[("impersonatedUser", bob.clone())]),
        with(
            get(105),
            &[
                ("impersonatedUser", bob),
                (
                    "authenticationMetadata",
                    json!({"impersonationConstraint": "impersonate:user-info"}),
                ),
            ],
        ),
        with(get(106), &[("sourceIPs", json!(["203.0.113.9", "198.51.100.8"]))]),
        with(get(107), &[("sourceIPs", json!([])), ("userAgent", json!(""))]),
        with(
            get(108),
            &[(
                "annotations|authentication.k8s.io/legacy-token",
                json!("system:serviceaccount:pay:batch"),
            )],
        ),
        secret(111, "manual", "by-hand"),
        secret(112, "autogenerated", "by-itself"),
        with(get(109), &[("user", json!({}))]),
        // 401: nobody.
        with(
            at_stage(&get(110), "ResponseStarted"),
            &[
                ("user", json!({})),
                ("annotations", Value::Null),
                ("responseStatus|code", json!(401)),
            ],
        ),
    ]
}

fn outcomes() -> Vec<Value> {
    let get = |id| {
        event(id, "get", "/api/v1/namespaces/shop/secrets/s", &object("secrets", "", "shop", "s"))
    };
    let coded = |id, code| with(get(id), &[("responseStatus|code", json!(code))]);
    let forbidden = json!({"authorization.k8s.io/decision": "forbid",
                           "authorization.k8s.io/reason": "none of it"});
    let undecided = |id, code, message: &str| {
        with(
            coded(id, code),
            &[("annotations", json!({})), ("responseStatus|message", json!(message))],
        )
    };
    let refused = "users \"bob\" is forbidden: User \"ana@corp.example\" cannot impersonate resource \
                   \"users\" in API group \"\" at the cluster scope";
    let mut panicked = at_stage(&get(209), "Panic");
    panicked["responseStatus"] = json!({"metadata": {}, "code": 500, "message": "panic"});
    vec![
        coded(201, 404),
        with(coded(202, 403), &[("annotations", forbidden)]),
        with(coded(203, 403), &[("responseStatus|message", json!("exceeded quota"))]),
        undecided(204, 403, refused),
        undecided(205, 429, "too many"),
        undecided(206, 200, "Connection closed early"),
        undecided(207, 200, ""),
        coded(208, 500),
        panicked,
        with(
            get(210),
            &[(
                "annotations|authorization.k8s.io/reason",
                json!("access granted by \"IAM\", permissions."),
            )],
        ),
    ]
}
