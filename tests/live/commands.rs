//! The real binary against a real API server: what an operator with few rights is told, and that a
//! snapshot repeats the live verdict.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::cluster::{Cluster, Options};
use crate::support::process::{run, stdout};

#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.err))
    }

    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }
}

/// Runs keybook as the user of a kubeconfig.
pub fn keybook(words: &[&str], input: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keybook"));
    command
        .args(words)
        .env_remove("KUBECONFIG")
        .env("KEYBOOK_NOW", "2026-03-31T12:00:00Z")
        .env("KEYBOOK_CONFIG", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = run(command, input);
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

pub fn live(kubeconfig: &Path, words: &[&str]) -> Ran {
    let kubeconfig = kubeconfig.display().to_string();
    keybook(&[&["--kubeconfig", &kubeconfig], words].concat(), "")
}

const RBAC: &str = "rbac.authorization.k8s.io/v1";

fn rules(resources: &[&str]) -> Value {
    let groups = ["", "rbac.authorization.k8s.io", "certificates.k8s.io"];
    json!([{"apiGroups": groups, "resources": resources,
        "verbs": ["get", "list", "watch"]}])
}

/// Two namespaces that `few@corp.example` may list in, one that it may not, and somebody with a
/// grant in each; `most@corp.example` may list all but Secrets.
fn world() -> String {
    let everything = ["roles", "rolebindings", "serviceaccounts", "configmaps", "pods"];
    let mut cluster_wide = everything.to_vec();
    cluster_wide.extend([
        "clusterroles",
        "clusterrolebindings",
        "namespaces",
        "certificatesigningrequests",
    ]);
    let subject = |name: &str| json!([{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name}]);
    let role_ref = |kind: &str, name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name});
    let mut objects = vec![
        json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": "few"},
            "rules": rules(&everything)}),
        json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": "most"},
            "rules": rules(&cluster_wide)}),
        json!({"apiVersion": RBAC, "kind": "ClusterRoleBinding", "metadata": {"name": "most"},
            "roleRef": role_ref("ClusterRole", "most"), "subjects": subject("most@corp.example")}),
        json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": "pods"},
            "rules": rules(&["pods"])}),
    ];
    for ns in ["east", "west", "north"] {
        objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}}));
    }
    for ns in ["east", "west", "north"] {
        objects.push(json!({"apiVersion": RBAC, "kind": "RoleBinding",
            "metadata": {"name": "worker", "namespace": ns}, "roleRef": role_ref("ClusterRole", "pods"),
            "subjects": subject(&format!("{ns}@corp.example"))}));
    }
    for ns in ["east", "west"] {
        objects.push(json!({"apiVersion": RBAC, "kind": "RoleBinding",
            "metadata": {"name": "few", "namespace": ns}, "roleRef": role_ref("ClusterRole", "few"),
            "subjects": subject("few@corp.example")}));
    }
    let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
    lines.join("\n")
}

fn cluster() -> Option<Cluster> {
    let cluster = Cluster::start(&Options { without_controllers: true, ..Options::default() })?;
    cluster.load(&world());
    Some(cluster)
}

fn health(json: &Value, list: &str) -> String {
    let lists = json["metadata"]["clusters"][0]["lists"].as_array().expect("lists");
    let found = lists.iter().find(|one| one["list"] == list).expect("every list is there");
    found["health"].as_str().expect("a word").to_owned()
}

#[test]
fn who_may_list_two_namespaces_is_told_what_is_missing_and_where_it_matters() {
    let Some(cluster) = cluster() else { return };
    let few = cluster.client_cert("few@corp.example", &[]).kubeconfig;
    let in_both = ["-n", "east", "-n", "west"];

    let who = live(&few, &["who", "-A", "-o", "json", "-n", "east", "-n", "west"]).ends_with(4);
    let json = who.json();
    assert_eq!(json["metadata"]["complete"], false);
    assert_eq!(health(&json, "rolebindings"), "partial");
    assert_eq!(health(&json, "clusterrolebindings"), "forbidden");
    let names: Vec<&str> = json["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|item| item["identity"]["name"].as_str())
        .collect();
    for (name, seen) in
        [("east@corp.example", true), ("west@corp.example", true), ("north@corp.example", false)]
    {
        assert_eq!(names.contains(&name), seen, "{name}: {names:?}");
    }
    assert!(who.err.contains("incomplete: clusterrolebindings: forbidden"), "{}", who.err);
    assert!(who.err.contains("incomplete: rolebindings: partial"), "{}", who.err);

    // Roles by name are not known to it, so that neither yes nor no is certain.
    let table = live(&few, &[&["who"], &in_both[..]].concat()).ends_with(4);
    assert!(table.out.contains("user:east@corp.example"), "{}", table.out);
    assert!(table.out.contains("user:west@corp.example"), "{}", table.out);
    live(&few, &["can", "user:east@corp.example", "delete", "pods", "-n", "east"]).ends_with(4);
    live(&few, &["can", "user:east@corp.example", "get", "nodes"]).ends_with(4);
    let review = |ns: &str| {
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec":
            {"user": "east@corp.example", "resourceAttributes":
                {"verb": "list", "resource": "pods", "namespace": ns}}})
        .to_string()
    };
    let kubeconfig = few.display().to_string();
    let check = |ns: &str| {
        keybook(
            &["check", "-", "--kubeconfig", &kubeconfig, "-n", "east", "-n", "west"],
            &review(ns),
        )
    };
    check("north").ends_with(4);
    // Nobody of that name in what it sees: there may be elsewhere, and so nothing is called absent.
    for words in [
        &["revoke", "user:nobody@corp.example"][..],
        &["revoke", "rb:north/gone=user:nobody@corp.example"],
        &["revoke", "secret:north/gone"],
    ] {
        for places in [&[][..], &["-A", "-n", "east", "-n", "west"]] {
            let said = live(&few, &[words, places].concat()).ends_with(4);
            assert!(said.err.contains("lists that would tell are not whole"), "{}", said.err);
            assert!(said.out.is_empty(), "{}", said.out);
        }
    }

    // Everything but Secrets: what reads none of them is whole. The list shows what they tell.
    let most = cluster.client_cert("most@corp.example", &[]).kubeconfig;
    let who = live(&most, &["who", "-o", "json"]).ends_with(4).json();
    assert_eq!(who["metadata"]["complete"], false);
    assert_eq!(health(&who, "secrets (service account tokens)"), "forbidden");
    // It is refused these too, and there are none of them: no such resource is served.
    assert_eq!(health(&who, "oauthaccesstokens"), "complete");
    live(&most, &["findings"]).ends_with(4);
    live(&most, &["who-can", "list", "pods", "-n", "east"]).ends_with(0);
    live(&most, &["can", "user:east@corp.example", "list", "pods", "-n", "east"]).ends_with(0);
    live(&most, &["can", "user:east@corp.example", "list", "pods", "-n", "west"]).ends_with(1);
    live(&most, &["can", "user:east@corp.example", "get", "nodes"]).ends_with(1);
    // A snapshot holds all lists, and one is missing.
    let dir = tempfile::tempdir().expect("a folder");
    let out = dir.path().join("saved").display().to_string();
    let saved = live(&most, &["snapshot", "--out", &out]).ends_with(4);
    assert!(
        saved.err.contains("incomplete: secrets (service account tokens): forbidden"),
        "{}",
        saved.err
    );
}

#[test]
fn a_snapshot_repeats_the_live_verdict_incompleteness_included() {
    let Some(cluster) = cluster() else { return };
    let admin = cluster.kubeconfig();
    let few = cluster.client_cert("few@corp.example", &[]).kubeconfig;
    let most = cluster.client_cert("most@corp.example", &[]).kubeconfig;
    let dir = tempfile::tempdir().expect("a folder");
    for (number, (kubeconfig, namespaces)) in
        [(&admin, &[][..]), (&few, &["-n", "east", "-n", "west", "-A"]), (&most, &[])]
            .iter()
            .enumerate()
    {
        let out = dir.path().join(number.to_string()).display().to_string();
        live(kubeconfig, &[&["snapshot", "--out", &out], *namespaces].concat());
        for words in [
            &["who"][..],
            &["findings", "--fail-on", "info"],
            &["show", "user:east@corp.example"],
            &["show", "user:nobody@corp.example"],
            &["can", "user:east@corp.example", "list", "pods"],
            &["can", "user:east@corp.example", "list", "pods", "-n", "west"],
            &["can", "user:north@corp.example", "list", "nodes"],
            &["who-can", "list", "pods"],
            &["who-can", "get", "/healthz"],
        ] {
            let words = [words, &["-o", "json"]].concat();
            // A question names its namespace itself.
            let asked = words.contains(&"-n");
            let more = if asked { &[][..] } else { *namespaces };
            let live = live(kubeconfig, &[&words, more].concat());
            let saved = keybook(&[&words, &["--from", &out][..]].concat(), "");
            assert_eq!(live.code, saved.code, "{words:?}\n{}\n{}", live.err, saved.err);
            if live.out.is_empty() {
                assert_eq!(saved.out, "");
                continue;
            }
            let (live, saved) = (live.json(), saved.json());
            assert_eq!(live["items"], saved["items"], "{words:?}");
            assert_eq!(live["metadata"]["complete"], saved["metadata"]["complete"], "{words:?}");
            if !asked {
                assert_eq!(live["metadata"]["missing"], saved["metadata"]["missing"], "{words:?}");
            }
        }
    }
    let wrong = cluster.token("nobody-has-this");
    let refused = live(&wrong, &["who"]).ends_with(3);
    assert!(refused.err.contains("not authenticated"), "{}", refused.err);
}

#[test]
fn yaml_is_read_back_equal_by_kubectl() {
    let Some(cluster) = Cluster::shared() else { return };
    let names = [
        "yes",
        "no",
        "on",
        "y",
        "true",
        "null",
        "~",
        "0777",
        "0o17",
        "0x1F",
        "0b11",
        "1e3",
        "1_000",
        "12:30:45",
        "190:20:30",
        ".5",
        "1.",
        "+1",
        ".inf",
        ".NaN",
        "2024-01-01",
        "=",
        "<<",
        "- a",
        "a: b",
        "a #b",
        "&a",
        "*a",
        "!a",
        "|",
        "'a'",
        "\"a\"",
        "%a",
        "@a",
        "`a`",
        "[a]",
        "{a}",
        "---",
        " a ",
        "a\nb",
        "\t",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{202e}",
        "日本",
        "😀",
        "\u{e0041}",
    ];
    for name in names {
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "metadata": {}, "spec": {"user": name, "groups": [name, "x"],
                "extra": {"keybook": [name]},
                "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}}});
        let kubeconfig = cluster.kubeconfig().display().to_string();
        let yaml = keybook(
            &["check", "-", "-o", "yaml", "--kubeconfig", &kubeconfig],
            &review.to_string(),
        )
        .ends_with(0)
        .out;
        let args = ["create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-"];
        let read = stdout(cluster.kubectl_with(&args, &yaml), "kubectl create");
        let read: Value = serde_json::from_str(&read).expect("JSON");
        assert_eq!(read["spec"], review["spec"], "{yaml}");
    }
}

#[test]
fn of_several_clusters_one_that_is_out_of_reach_is_said_and_the_others_answer() {
    let Some(cluster) = Cluster::shared() else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let gone = dir.path().join("gone");
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr();
    let config = json!({"apiVersion": "v1", "kind": "Config",
        "clusters": [{"name": "gone", "cluster": {"server":
            format!("http://127.0.0.1:{}", port.expect("bound").port())}}],
        "users": [{"name": "gone", "user": {}}],
        "contexts": [{"name": "gone", "context": {"cluster": "gone", "user": "gone"}}]});
    std::fs::write(&gone, config.to_string()).expect("written");
    let list = std::env::join_paths([cluster.kubeconfig(), gone]).expect("paths");
    let all = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keybook"));
        command.args(words).env("KUBECONFIG", &list).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(Stdio::piped());
        let output = run(command, "");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    };
    let who = all(&["who", "--all-contexts", "-o", "json"]).ends_with(3);
    let json = who.json();
    assert_eq!(json["metadata"]["clusters"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["metadata"]["complete"], false);
    let missing = json["metadata"]["missing"].as_array().expect("a list");
    assert!(missing.iter().any(|one| one["cluster"] == "gone" && one["list"] == "cluster"));
    assert!(json["items"].as_array().is_some_and(|items| items.len() > 10));
    assert!(who.err.contains("gone: incomplete: cluster: failed"), "{}", who.err);
    // The same cluster twice: every row says which it is of.
    let contexts: Vec<String> = {
        let config = cluster.kubectl_ok(&["config", "get-contexts", "-o", "name"]);
        config.lines().map(str::to_owned).collect()
    };
    let twice = all(&["who", "--context", &contexts[0], "--context", &contexts[0]]).ends_with(0);
    assert!(twice.out.starts_with("CLUSTER "), "{}", twice.out);
    all(&["who", "--context", "gone"]).ends_with(3);
    all(&["who", "--all-contexts", "--audit", "x"]).ends_with(2);
}
