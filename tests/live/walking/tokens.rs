//! Steps by tokens of accounts: made, read, and made in a Secret and read.

use serde_json::{Value, json};

use super::case::Case;
use super::rights::Right;
use super::site::Site;

fn secrets(verb: &'static str) -> Right {
    Right::new(verb, "", "secrets")
}

#[test]
fn tokens_are_made_for_accounts() {
    let Some(site) = Site::shared() else { return };
    let on = |verb, resource| Right::new(verb, "", resource);
    Case::to_strong("mint", &["mint-token"])
        .right(on("create", "serviceaccounts/token").named("strong"), 0)
        .near("another account", 0, &[on("create", "serviceaccounts/token").named("default")])
        .near("elsewhere", 0, &[on("create", "serviceaccounts/token").elsewhere()])
        .near(
            "the account itself",
            0,
            &[on("create", "serviceaccounts"), on("update", "serviceaccounts")],
        )
        .near(
            "other verbs",
            0,
            &[
                on("get", "serviceaccounts/token"),
                on("update", "serviceaccounts/token"),
                on("patch", "serviceaccounts/token"),
            ],
        )
        .near("a star for the subresource, which is none", 0, &[on("create", "serviceaccounts/*")])
        .near("another API group", 0, &[Right::new("create", "apps", "serviceaccounts/token")])
        .run(site);
    Case::to_strong("mint-any", &["mint-token"]).right(on("create", "*/token"), 0).run(site);
}

fn token_secret(world: &str, name: &str, account: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"name": name, "namespace": world,
            "annotations": {"kubernetes.io/service-account.name": account}}})
}

#[test]
fn tokens_are_read_from_secrets() {
    let Some(site) = Site::shared() else { return };
    for (name, verb) in [
        ("read", "get"),
        ("read-by-list", "list"),
        ("read-by-watch", "watch"),
        ("read-by-patch", "patch"),
        ("read-by-delete", "delete"),
    ] {
        // A token Secret that can be patched is made another account's.
        let other = if verb == "patch" { "none" } else { "weak" };
        Case::to_strong(name, &["read-token"])
            .object(token_secret(name, "kept", "strong"))
            .object(token_secret(name, "weak", "default"))
            .right(secrets(verb).named("kept"), 0)
            .near("another Secret", 0, &[secrets(verb).named(other)])
            .near("elsewhere", 0, &[secrets(verb).elsewhere()])
            .near("writing only", 0, &[secrets("update"), secrets("create")])
            .near("the account", 0, &[Right::new(verb, "", "serviceaccounts")])
            .run(site);
    }
    for (name, verb) in
        [("list-all", "list"), ("watch-all", "watch"), ("delete-all", "deletecollection")]
    {
        Case::to_strong(name, &["read-token"])
            .object(token_secret(name, "kept", "strong"))
            .right(secrets(verb), 0)
            .run(site);
    }
}

#[test]
fn tokens_are_made_in_secrets_and_read() {
    let Some(site) = Site::shared() else { return };
    Case::to_strong("make-secret", &["make-token-secret"])
        .right(secrets("create"), 0)
        .right(secrets("get").named("mine"), 1)
        .near("no reading", 1, &[secrets("create")])
        .near("reading elsewhere", 1, &[secrets("create"), secrets("get").elsewhere()])
        .near("making elsewhere", 0, &[secrets("create").elsewhere(), secrets("get")])
        .near(
            "a name only, which a plain create does not carry",
            0,
            &[secrets("create").named("mine"), secrets("get").named("mine")],
        )
        .run(site);
    // The answer to a patch of nothing is the Secret.
    Case::to_strong("apply-secret", &["make-token-secret"])
        .right(secrets("create").named("mine"), 0)
        .right(secrets("patch").named("mine"), 0)
        .near("another name", 0, &[secrets("create").named("mine"), secrets("patch").named("x")])
        .near("what was sent is no answer", 0, &[secrets("update").named("mine")])
        .run(site);
    for (name, verb) in [("make-and-delete", "delete"), ("make-and-delete-all", "deletecollection")]
    {
        Case::to_strong(name, &["make-token-secret"])
            .right(secrets("create"), 0)
            .right(secrets(verb), 1)
            .near("no making", 0, &[secrets(verb)])
            .near("deleting elsewhere", 1, &[secrets("create"), secrets(verb).elsewhere()])
            .run(site);
    }
}

#[test]
fn tokens_are_made_in_secrets_and_seen_in_pods() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    let name = "make-for-pod";
    let add = || Right::new("patch", "", "pods/ephemeralcontainers");
    Case::to_strong(name, &["make-token-secret"])
        .object(super::rights::service_account(name, "weak"))
        .pod("plain", "weak")
        .right(secrets("create"), 0)
        .right(add().named("plain"), 1)
        .near("another pod", 1, &[secrets("create"), add().named("other")])
        .near("a pod elsewhere", 1, &[secrets("create"), add().elsewhere()])
        .near("making elsewhere", 0, &[secrets("create").elsewhere(), add()])
        .near("no making", 0, &[add()])
        .run(site);
}

#[test]
fn token_secrets_that_are_there_are_made_those_of_others() {
    let Some(site) = Site::shared() else { return };
    let with = |name| {
        Case::to_strong(name, &["change-token-secret"])
            .object(super::rights::service_account(name, "weak"))
            .object(token_secret(name, "kept", "weak"))
            .near("reading alone", 0, &[secrets("get").named("kept")])
    };
    with("put-secret")
        .right(secrets("update").named("kept"), 0)
        .right(secrets("get").named("kept"), 1)
        .near("another name", 0, &[secrets("update").named("other"), secrets("get")])
        .near("no reading", 1, &[secrets("update").named("kept")])
        .run(site);
    // A patch is answered with what there is then.
    with("change-secret")
        .right(secrets("patch").named("kept"), 0)
        .near("another name", 0, &[secrets("patch").named("other"), secrets("get")])
        .run(site);
}

/// A Secret that is made under a name to which a pod refers that runs without it: the kubelet brings it
/// into the pod, where whoever comes in reads it.
#[test]
fn tokens_are_made_in_secrets_that_pods_refer_to() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    let world = |name: &'static str| {
        let mut spec = super::pods::pod_spec("weak");
        spec["automountServiceAccountToken"] = json!(false);
        spec["volumes"] =
            json!([{"name": "late", "secret": {"secretName": "late", "optional": true}}]);
        spec["containers"][0]["volumeMounts"] = json!([{"name": "late", "mountPath": "/late"}]);
        Case::to_strong(name, &["make-token-secret"])
            .object(super::rights::service_account(name, "weak"))
            .pod_of("busy", &spec)
    };
    let exec = || Right::new("create", "", "pods/exec");
    world("made-mounted")
        .right(secrets("create"), 0)
        .right(exec().named("busy"), 1)
        .near("another pod", 1, &[secrets("create"), exec().named("other")])
        .near("no Secret is made", 0, &[secrets("update"), exec()])
        .near("made elsewhere", 0, &[secrets("create").elsewhere(), exec()])
        .near(
            "a websocket alone",
            1,
            &[secrets("create"), Right::new("get", "", "pods/exec").named("busy")],
        )
        .run(site);
}

/// What is `immutable` the API server changes for nobody. Where Secrets were listed as metadata that is
/// not known; where they were saved whole it is.
#[test]
fn what_is_immutable_is_not_made_anothers() {
    use super::modelled::somebody;
    use super::site::{content_type, request};
    let Some(site) = Site::shared() else { return };
    let ns = "immutable";
    let strong = super::rights::account(ns, "strong");
    site.load(&[
        super::site::namespace(ns),
        super::rights::service_account(ns, "strong"),
        super::rights::service_account(ns, "weak"),
        super::rights::bound(ns, None, ("ClusterRole", "cluster-admin"), &strong),
    ]);
    // Filled before it is closed: nothing fills it afterwards.
    site.load(&[token_secret(ns, "kept", "weak")]);
    let uri = format!("/api/v1/namespaces/{ns}/secrets/kept");
    crate::support::process::await_some("the token", || {
        site.get(&uri).filter(|secret| secret["data"]["token"].is_string())
    });
    let merge = |who, change: &Value| {
        let mut request = request("PATCH", &uri, Some(change));
        content_type(&mut request, "application/merge-patch+json");
        site.send(who, &request)
    };
    let who =
        somebody(site, ns, Some(ns), &[super::modelled::rule("patch", "", "secrets", &["kept"])]);
    let anothers = json!({"data": null, "metadata": {"annotations": {
        "kubernetes.io/service-account.name": "strong",
        "kubernetes.io/service-account.uid": null}}});
    let saved = || {
        let folder = tempfile::tempdir().expect("a folder");
        for (root, lists) in [
            ("/api/v1", &["namespaces", "serviceaccounts", "secrets", "pods"][..]),
            (
                "/apis/rbac.authorization.k8s.io/v1",
                &["clusterroles", "roles", "clusterrolebindings", "rolebindings"],
            ),
        ] {
            for list in lists {
                let all = site.get(&format!("{root}/{list}")).expect("a list");
                let file = folder.path().join(format!("{list}.json"));
                std::fs::write(file, all.to_string()).expect("write a list");
            }
        }
        let from = folder.path().to_str().expect("a path").to_owned();
        let who = format!("sa:{}/{ns}", super::site::WALKERS);
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_keybook"));
        command.args(["reach", &who, "--from", &from, "--no-store", "-o", "json"]);
        let done = command.env("KEYBOOK_CONFIG", "").output().expect("it runs");
        let said: Value = serde_json::from_slice(&done.stdout).expect("JSON");
        said["items"][0]["reaches"].clone()
    };
    assert_eq!(saved(), "cluster-admin");
    assert_eq!(merge(&site.admin, &json!({"immutable": true})).status, 200);
    assert_ne!(saved(), "cluster-admin");
    let answer = merge(&who, &anothers);
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(answer.body.contains("immutable"), "{}", answer.body);
    site.delete(&uri);
}
