//! Tokens that people have made, under every audit level: until when each is really good is in the
//! token itself, and is compared with what the inventory makes of the log.

use std::process::Stdio;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use rustls::ClientConfig;
use serde_json::{Value, json};

use crate::activity::client::{Request, Server};
use crate::inventory::keybook;
use crate::support::cluster::{Cluster, Options};
use crate::support::process::run;

const NS: &str = "minted";

/// One level for each who has tokens made.
const POLICY: &str = r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  users: ["keybook-tests-supervisor"]
- level: Request
  users: ["bob@corp.example"]
- level: RequestResponse
  users: ["cleo@partner.example"]
- level: Metadata
"#;

const MINTERS: [(&str, &str); 3] = [
    ("token-ada", "ada@corp.example"),
    ("token-bob", "bob@corp.example"),
    ("token-cleo", "cleo@partner.example"),
];

/// What a token is bound to, and for how long it is asked for: the words of `kubectl create token`.
const KINDS: [(&str, &[&str]); 5] = [
    ("nothing", &["--duration=2h"]),
    ("Secret", &["--duration=2h", "--bound-object-kind=Secret", "--bound-object-name=tie"]),
    ("Pod", &["--duration=2h", "--bound-object-kind=Pod", "--bound-object-name=tool-0"]),
    // What kubelets ask for.
    ("year", &["--duration=3607s", "--bound-object-kind=Pod", "--bound-object-name=tool-0"]),
    ("Node", &["--duration=2h", "--bound-object-kind=Node", "--bound-object-name=n1"]),
];

/// A token as it was made.
struct Made {
    by: &'static str,
    kind: &'static str,
    token: String,
    id: String,
    until: DateTime<Utc>,
    issued: DateTime<Utc>,
}

fn make(cluster: &Cluster) -> Vec<Made> {
    cluster.kubectl_ok(&["create", "namespace", NS]);
    cluster.kubectl_ok(&["create", "serviceaccount", "tool", "-n", NS]);
    let role = ["create", "clusterrole", "minter", "--verb=create"];
    cluster.kubectl_ok(&[&role[..], &["--resource=serviceaccounts/token"]].concat());
    let users = MINTERS.map(|(_, user)| format!("--user={user}"));
    let bind = ["create", "clusterrolebinding", "minter", "--clusterrole=minter"];
    cluster.kubectl_ok(&[&bind[..], &users.each_ref().map(String::as_str)].concat());
    for object in [
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tie", "namespace": NS}}),
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tool-0", "namespace": NS},
            "spec": {"serviceAccountName": "tool",
                "containers": [{"name": "c", "image": "example.org/app"}]}}),
    ] {
        let output = cluster.kubectl_with(&["apply", "-f", "-"], &object.to_string());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let mut made = Vec::new();
    for (token, by) in MINTERS {
        let kubeconfig = format!("--kubeconfig={}", cluster.token(token).display());
        for (kind, how) in KINDS {
            let words = [&[&kubeconfig, "create", "token", "tool", "-n", NS][..], how].concat();
            let token = cluster.kubectl_ok(&words).trim().to_owned();
            let part = token.split('.').nth(1).expect("a payload");
            let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64");
            let said: Value = serde_json::from_slice(&bytes).expect("JSON");
            let time = |key: &str| {
                let seconds = said[key].as_i64().expect("a time");
                DateTime::from_timestamp(seconds, 0).expect("a time")
            };
            let id = format!("JTI={}", said["jti"].as_str().expect("a jti"));
            let (until, issued) = (time("exp"), time("iat"));
            made.push(Made { by, kind, token, id, until, issued });
        }
    }
    made
}

fn present(server: &Server, plain: &Arc<ClientConfig>, token: &str) {
    let request = Request {
        method: "GET",
        uri: format!("/api/v1/namespaces/{NS}/configmaps"),
        headers: vec![("Authorization".to_owned(), format!("Bearer {token}"))],
        ..Request::default()
    };
    let answer = server.send(plain, &request).expect("an answer");
    // It may do nothing, and is known.
    assert_eq!(answer.status, 403, "{}", answer.body);
}

/// Requests that are allowed and give no token, each as often as it says: of an account that is not
/// there, for a time that is too short, in another account's UID, bound to a Secret that is not there.
const FAILING: [(&str, u16, u32); 4] =
    [("gone", 404, 3), ("tool", 422, 2), ("tool", 409, 2), ("tool", 404, 1)];

/// Makes them, as everybody who may.
fn fail(server: &Server, plain: &Arc<ClientConfig>) {
    for (token, _) in MINTERS {
        for (account, status, times) in FAILING {
            let mut body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": {"expirationSeconds": if status == 422 { 10 } else { 3600 }}});
            if status == 409 {
                body["metadata"] = json!({"uid": "00000000-0000-0000-0000-000000000000"});
            }
            if account == "tool" && status == 404 {
                let gone = json!({"apiVersion": "v1", "kind": "Secret", "name": "gone"});
                body["spec"]["boundObjectRef"] = gone;
            }
            let request = Request {
                method: "POST",
                uri: format!("/api/v1/namespaces/{NS}/serviceaccounts/{account}/token"),
                headers: vec![
                    ("Authorization".to_owned(), format!("Bearer {token}")),
                    ("Content-Type".to_owned(), "application/json".to_owned()),
                ],
                body: body.to_string(),
                ..Request::default()
            };
            for _ in 0..times {
                let answer = server.send(plain, &request).expect("an answer");
                assert_eq!(answer.status, status, "{account}: {}", answer.body);
            }
        }
    }
}

/// No token is told that was not made, of nobody.
fn check_failed(items: &[Value]) {
    let more: Vec<&Value> = items
        .iter()
        .filter(|item| item["kind"] == "further credentials")
        .filter(|item| item["identity"]["namespace"] == NS)
        .collect();
    assert!(more.is_empty(), "{more:#?}");
    let gone = items.iter().find(|item| item["identity"]["name"] == "gone");
    assert_eq!(gone, None);
}

fn uid(cluster: &Cluster, words: &[&str]) -> Value {
    let path = ["-o", "jsonpath={.metadata.uid}"];
    json!(cluster.kubectl_ok(&[&["get"][..], words, &path].concat()))
}

/// What the inventory must say of it.
fn check(cluster: &Cluster, made: &Made, found: &Value) {
    let what = format!("{} by {}: {found}", made.kind, made.by);
    assert_eq!(found["kind"], "issued token", "{what}");
    let note = format!("made by user:{}, by the log", made.by);
    assert_eq!(found["notes"][0], note, "{what}");
    let bodies = made.by != "ada@corp.example";
    let answer = made.by == "cleo@partner.example";
    let pod = matches!(made.kind, "Pod" | "year");
    let bound = &found["boundTo"];
    let known = bodies || pod || made.kind == "Node";
    assert_eq!(bound["known"], known, "{what}");
    if known {
        let (kind, namespace, name, uid) = match made.kind {
            "nothing" => (Value::Null, Value::Null, Value::Null, Value::Null),
            "Secret" => {
                ("Secret".into(), NS.into(), "tie".into(), uid(cluster, &["secret/tie", "-n", NS]))
            }
            "Node" => ("Node".into(), Value::Null, "n1".into(), uid(cluster, &["node/n1"])),
            _ => {
                ("Pod".into(), NS.into(), "tool-0".into(), uid(cluster, &["pod/tool-0", "-n", NS]))
            }
        };
        // What was asked for need not say the UID.
        let uid = if bodies && bound["uid"].is_null() { Value::Null } else { uid };
        let expected = json!({"known": true, "kind": kind, "namespace": namespace, "name": name,
            "uid": uid, "reason": null});
        assert_eq!(bound, &expected, "{what}");
    }
    let expires = &found["expires"];
    if bodies && made.kind != "year" {
        let at: DateTime<Utc> = expires["at"].as_str().expect(&what).parse().expect("a time");
        // The answer has the second; what was asked for counts from when the request came.
        let most = if answer { TimeDelta::zero() } else { TimeDelta::seconds(1) };
        assert!((at - made.until).abs() <= most, "{what}: {}", made.until);
        let at_latest = found["notes"].to_string().contains("it ends then at the latest");
        assert_eq!(at_latest, !answer, "{what}");
    } else {
        assert_eq!(expires["at"], Value::Null, "{what}");
        let reason = expires["reason"].as_str().expect("a reason");
        assert_eq!(reason.contains("a year"), bodies, "{what}");
    }
    // The server makes a year of what kubelets ask for, which the answer does not say.
    let whole = made.until - made.issued;
    let year = TimeDelta::days(364);
    assert_eq!(whole > year, made.kind == "year", "{what}: {whole}");
    let used = found["lastUse"]["requests"].as_u64();
    assert_eq!(used, if pod { None } else { Some(1) }, "{what}");
}

#[test]
fn what_people_have_tokens_bound_to_and_until_when_under_every_audit_level() {
    let options = Options { audit_policy: Some(POLICY.to_owned()), ..Options::default() };
    let Some(cluster) = Cluster::start(&options) else { return };
    let server = Server::new(&cluster.server(), &cluster.ca_file());
    let plain = server.tls(None);
    let made = make(&cluster);
    for one in &made {
        present(&server, &plain, &one.token);
    }
    fail(&server, &plain);
    let log = cluster.audit_log().display().to_string();
    // The log itself has whole tokens, of those whose answers it has.
    let raw = std::fs::read_to_string(&log).expect("the log");
    let secret = |one: &Made| one.token.rsplit('.').next().expect("a signature").to_owned();
    let logged = made.iter().filter(|one| raw.contains(&secret(one)));
    assert_eq!(logged.count(), KINDS.len(), "of cleo's alone");

    let answer = keybook(&cluster.kubeconfig(), &["credentials", "--audit", &log]);
    let text = answer.to_string();
    assert!(made.iter().all(|one| !text.contains(&secret(one))));
    let items = answer["items"].as_array().expect("items");
    for one in &made {
        let found: Vec<&Value> = items.iter().filter(|item| item["id"] == one.id).collect();
        let [found] = found[..] else { panic!("{} {} times", one.id, found.len()) };
        check(&cluster, one, found);
    }
    check_failed(items);
    let pod = items.iter().find(|item| item["id"] == "pod minted/tool-0").expect("the pod's");
    let notes = pod["notes"].to_string();
    for (_, by) in MINTERS {
        assert!(notes.contains(&format!("user:{by} had a token of it made")), "{notes}");
    }
    assert_eq!(pod["lastUse"]["requests"], 2 * MINTERS.len());

    // Through the store it is the same.
    let home = cluster.folder().join("store");
    let stored = |words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_keybook"));
        command
            .arg("--kubeconfig")
            .arg(cluster.kubeconfig())
            .args(words)
            .env_remove("KUBECONFIG")
            .env("KEYBOOK_CONFIG", "")
            .env("XDG_DATA_HOME", &home)
            .env("HOME", &home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let output = run(command, "");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (String::from_utf8(output.stdout).expect("text"), said)
    };
    let frozen = cluster.folder().join("audit-so-far.log");
    std::fs::write(&frozen, raw).expect("written");
    let (_, said) = stored(&["ingest", &frozen.display().to_string()]);
    for _ in 0..2 {
        let (text, more) = stored(&["credentials", "-o", "json"]);
        let again: Value =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e} {said} {more}"));
        let again = again["items"].as_array().expect("items");
        check_failed(again);
        for one in &made {
            let found = again.iter().find(|item| item["id"] == one.id).expect("stored");
            check(&cluster, one, found);
        }
    }
    println!("minted: {} tokens of {} kinds under three audit levels", made.len(), KINDS.len());
}
