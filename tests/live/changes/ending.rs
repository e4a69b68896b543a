//! Accounts and Secrets of which something else is in the way: the cluster makes them again by itself,
//! finalizers hold them, they hold more than a token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Desk, accepted, binding, cluster, world};
use crate::support::cluster::Cluster;
use crate::support::process::await_some;

fn space(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

/// A token of an account, made on request, as a Secret would have it.
fn issued(cluster: &Cluster, ns: &str, account: &str) -> String {
    STANDARD.encode(cluster.kubectl_ok(&["create", "token", account, "-n", ns]).trim())
}

/// What `kubectl` says of something, None where there is none.
fn of(cluster: &Cluster, ns: &str, what: &str, path: &str) -> Option<String> {
    let path = format!("jsonpath={{{path}}}");
    let output = cluster.kubectl(&["get", what, "-n", ns, "-o", &path]);
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_account_default_is_made_anew_though_the_cluster_is_faster() {
    let Some(cluster) = cluster() else { return };
    let default = json!([{"kind": "ServiceAccount", "name": "default", "namespace": "plain"}]);
    let objects = [space("plain"), binding(Some("plain"), "default", "view", &default)];
    cluster.load(&objects.map(|one| one.to_string()).join("\n"));
    let uid = || of(&cluster, "plain", "sa/default", ".metadata.uid");
    let before = await_some("the account", uid);
    cluster.kubectl_ok(&["annotate", "sa", "default", "-n", "plain", "example.org/why=ours"]);
    let token = issued(&cluster, "plain", "default");
    assert!(accepted(&cluster, &token));
    let desk = Desk::new(cluster.kubeconfig());
    let plan = desk.plan(&["renew:plain/default"]);
    let said = desk.keybook(&["apply", &plan]).ends_with(0);
    assert!(said.text().contains("makes it again by itself"), "{}", said.out);
    assert!(said.text().contains("example.org/why"), "what it had is said: {}", said.out);
    let done = desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0);
    done.says("run 1 is done");
    await_some("the token to be refused", || (!accepted(&cluster, &token)).then_some(()));
    let now = await_some("the account", uid);
    assert_ne!(now, before);
    let path = ".metadata.annotations.example\\.org/why";
    assert_eq!(of(&cluster, "plain", "sa/default", path).as_deref(), Some(""), "as was said");
    // It holds what it held, with tokens of its own.
    assert!(accepted(&cluster, &issued(&cluster, "plain", "default")));
    let who = "--as=system:serviceaccount:plain:default";
    let may = cluster.kubectl_ok(&["auth", "can-i", "list", "pods", "-n", "plain", who]);
    assert_eq!(may.trim(), "yes");
    desk.keybook(&["verify", "1"]).ends_with(0);
}

#[test]
fn tokens_of_an_account_that_finalizers_hold_are_refused_all_the_same() {
    let Some(cluster) = cluster() else { return };
    let world = world(&cluster, "holds");
    let hold = |value: &Value| {
        let patch = json!({"metadata": {"finalizers": value}}).to_string();
        cluster.kubectl_ok(&["patch", "sa", "bot", "-n", "holds", "--type=merge", "-p", &patch]);
    };
    hold(&json!(["example.org/hold"]));
    let (in_secret, on_request) = (world.await_token(&cluster), issued(&cluster, "holds", "bot"));
    for token in [&in_secret, &on_request] {
        assert!(accepted(&cluster, token));
    }
    let desk = Desk::new(cluster.kubeconfig());
    let plan = desk.plan(&["account:holds/bot"]);
    let refused = "its tokens are refused all the same, within two minutes";
    let said = desk.keybook(&["apply", &plan]).ends_with(0);
    assert!(
        said.text().contains("ServiceAccount holds/bot is only marked for deletion"),
        "{}",
        said.out
    );
    assert!(said.text().contains(refused), "{}", said.out);
    let before = of(&cluster, "holds", "sa/bot", ".metadata.uid");
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(5).says(refused);
    for token in [&in_secret, &on_request] {
        // Two minutes are the patience of this, too.
        await_some("the token to be refused", || (!accepted(&cluster, token)).then_some(()));
    }
    assert_eq!(of(&cluster, "holds", "sa/bot", ".metadata.uid"), before, "it is still there");
    desk.keybook(&["verify", "1"]).ends_with(1).says(refused);
    desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(5).says("is still there");
    hold(&Value::Null);
    await_some("it to be gone", || {
        of(&cluster, "holds", "sa/bot", ".metadata.uid").is_none().then_some(())
    });
    desk.keybook(&["verify", "1"]).ends_with(0);
    desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0);
    let again = world.await_token(&cluster);
    await_some("the new token to be taken", || accepted(&cluster, &again).then_some(()));
    assert!(!accepted(&cluster, &in_secret));
}

#[test]
fn a_secret_that_holds_more_than_a_token_is_not_deleted_for_one() {
    let Some(cluster) = cluster() else { return };
    let secret = |name: &str, type_: &str, data: &Value| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": type_, "stringData": data,
            "metadata": {"name": name, "namespace": "more",
                "annotations": {"keybook/split-from": "user:ops"}}})
    };
    let account = |name: &str| {
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name,
            "namespace": "more", "annotations": {"keybook/split-from": "user:ops"}}})
    };
    let objects = [
        space("more"),
        account("payment"),
        account("ana"),
        account("bo"),
        secret("payment-key", "kubernetes.io/tls", &json!({"tls.crt": "a", "tls.key": "hunter2"})),
        secret("ana-key", "Opaque", &json!({"password": "hunter2"})),
        secret("bo-key", "Opaque", &json!({})),
    ];
    cluster.load(&objects.map(|one| one.to_string()).join("\n"));
    let desk = Desk::new(cluster.kubeconfig());
    for (name, words) in [
        ("payment-key", "is of type kubernetes.io/tls and holds 2 entries"),
        ("ana-key", "is of type Opaque and holds 1 entry"),
    ] {
        let refused = desk.keybook(&["revoke", &format!("secret:more/{name}")]).ends_with(5);
        assert!(!refused.err.contains("hunter2"), "{}", refused.err);
        refused.says(words).says(&format!("kubectl delete secret -n more {name}"));
        assert!(of(&cluster, "more", &format!("secret/{name}"), ".type").is_some());
    }
    // What is as a split makes it goes.
    let plan = desk.plan(&["secret:more/bo-key"]);
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0);
    assert_eq!(of(&cluster, "more", "secret/bo-key", ".type"), None);
}
