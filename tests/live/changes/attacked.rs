//! Plans that are no longer, or never were, of the cluster that they are applied to: edited, made before
//! the world went on, or against the credential of whoever applies them.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use keybook::change::plan::Plan;

use super::{Desk, Ran, accepted, binding, cluster, may, user, world};
use crate::support::cluster::Cluster;
use crate::support::process::{await_some, run};

/// Plans to a file of JSON and gives its path.
fn planned(desk: &Desk, words: &[&str]) -> String {
    let number = std::fs::read_dir(desk.folder.path()).expect("its files").count();
    let path = desk.folder.path().join(format!("plan-{number}.json")).display().to_string();
    desk.keybook(&[words, &["--out", &path]].concat()).ends_with(0);
    path
}

/// The plan in a file, edited, with the sum that goes with it.
fn edited(desk: &Desk, plan: &str, edit: impl FnOnce(&mut Value)) -> String {
    let text = std::fs::read(plan).expect("a plan");
    let mut value: Value = serde_json::from_slice(&text).expect("JSON");
    edit(&mut value);
    let mut plan: Plan = serde_json::from_value(value).expect("its form");
    plan.metadata.digest = plan.digest();
    let path = desk.folder.path().join("edited.json");
    std::fs::write(&path, plan.value().to_string()).expect("written");
    path.display().to_string()
}

fn apply(desk: &Desk, plan: &str) -> Ran {
    desk.keybook(&["apply", plan, "--yes", "tests"])
}

#[test]
fn a_plan_whose_images_the_objects_never_had_is_not_applied() {
    let Some(cluster) = cluster() else { return };
    let world = world(&cluster, "edited");
    let desk = Desk::new(cluster.kubeconfig());
    let before = world.state(&cluster);
    let plan = planned(&desk, &["revoke", &world.all()[0], &world.all()[1]]);
    let step = |value: &Value, kind: &str, name: &str| -> usize {
        let steps = value["steps"].as_array().expect("steps");
        let is = |step: &Value| step["target"]["kind"] == kind && step["target"]["name"] == name;
        steps.iter().position(is).expect("a step")
    };
    let add = |image: &mut Value| {
        image["subjects"].as_array_mut().expect("subjects").push(user("attacker"));
    };
    let never = "never read as the plan says it did before";
    // In both images the diff that is shown is that of the honest plan.
    let both = edited(&desk, &plan, |value| {
        let at = step(value, "RoleBinding", "both");
        add(&mut value["steps"][at]["before"]);
        add(&mut value["steps"][at]["after"]);
    });
    apply(&desk, &both).ends_with(5).says(never);
    // What undoing would put back.
    let one = edited(&desk, &plan, |value| {
        let at = step(value, "RoleBinding", "lone");
        add(&mut value["steps"][at]["before"]);
    });
    apply(&desk, &one).ends_with(5).says(never);
    let secret = edited(&desk, &plan, |value| {
        let at = step(value, "Secret", "bot-token");
        value["steps"][at]["before"]["metadata"]["labels"]["team"] = json!("other");
    });
    apply(&desk, &secret).ends_with(5).says(never);
    let name = edited(&desk, &plan, |value| {
        let at = step(value, "RoleBinding", "lone");
        value["steps"][at]["before"]["metadata"]["name"] = json!("harmless");
    });
    apply(&desk, &name).ends_with(5).says("is of another object");
    let undoes = edited(&desk, &plan, |value| value["undoes"] = json!(1));
    apply(&desk, &undoes).ends_with(5);
    assert_eq!(world.state(&cluster), before);
    // The honest plan is applied, and undone with every image as it was.
    apply(&desk, &plan).ends_with(0);
    desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0);
    assert_eq!(world.state(&cluster)[..3], before[..3]);
}

/// A kubeconfig with a token.
fn with_token(cluster: &Cluster, token: &str) -> String {
    json!({
        "clusters": [{"name": "tests", "cluster": {
            "server": cluster.server(), "certificate-authority": cluster.ca_file()}}],
        "users": [{"name": "bot", "user": {"token": token}}],
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "bot"}}],
        "current-context": "tests",
    })
    .to_string()
}

#[test]
fn nobody_ends_the_credential_that_they_come_with_unless_forced() {
    use base64::Engine as _;
    let Some(cluster) = cluster() else { return };
    let world = world(&cluster, "own");
    let bot = json!([{"kind": "ServiceAccount", "name": "bot", "namespace": "own"}]);
    cluster.load(&binding(None, "bot-admin", "cluster-admin", &bot).to_string());
    let encoded = world.await_token(&cluster);
    let bytes = base64::engine::general_purpose::STANDARD.decode(&encoded).expect("base64");
    let token = String::from_utf8(bytes).expect("text");
    let admin = Desk::new(cluster.kubeconfig());
    let mut robot = Desk::new(cluster.kubeconfig());
    robot.by(&with_token(&cluster, &token));
    let wishes = [
        "quarantine:own/bot-token",
        "quarantine:sa:own/bot",
        "secret:own/bot-token",
        "account:own/bot",
        "renew:own/bot",
    ];
    let force = "--force \"lock myself out of";
    for wish in wishes {
        robot.keybook(&["revoke", wish]).ends_with(5).says(force);
        // A plan of somebody else's is looked at by who applies it.
        let plan = planned(&admin, &["revoke", wish]);
        apply(&robot, &plan).ends_with(5).says(force);
        // Who acts as another comes with their own all the same.
        let acting = ["revoke", wish, "--as", "helper", "--as-group", "system:masters"];
        robot.keybook(&acting).ends_with(5).says(force);
    }
    assert!(accepted(&cluster, &encoded));
    // With a token that was made on request the Secret's is somebody else's.
    let issued = cluster.kubectl_ok(&["create", "token", "bot", "-n", "own"]);
    robot.by(&with_token(&cluster, issued.trim()));
    robot.keybook(&["revoke", "account:own/bot"]).ends_with(5).says(force);
    let plan = planned(&robot, &["revoke", "quarantine:sa:own/bot"]);
    apply(&robot, &plan).ends_with(0);
    await_some("the token to be refused", || (!accepted(&cluster, &encoded)).then_some(()));
    robot.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0);
}

#[test]
fn what_is_new_since_a_plan_was_made_stops_it() {
    let Some(cluster) = cluster() else { return };
    let world = world(&cluster, "stale");
    let desk = Desk::new(cluster.kubeconfig());
    let who = format!("user:{}", world.kim);
    // Another grant of whoever is revoked.
    let plan = planned(&desk, &["revoke", &who]);
    let more = binding(None, "stale-more", "view", &json!([user(&world.kim)]));
    cluster.load(&more.to_string());
    apply(&desk, &plan).ends_with(5).says("more is granted to it").says("stale-more");
    let plan = planned(&desk, &["revoke", &who]);
    // Another token of an account.
    let tokens = planned(&desk, &["revoke", "quarantine:sa:stale/bot"]);
    cluster.load(
        &json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "second", "namespace": "stale",
                "annotations": {"kubernetes.io/service-account.name": "bot"}}})
        .to_string(),
    );
    apply(&desk, &tokens).ends_with(5).says("it has other tokens").says("Secret stale/second");
    apply(&desk, &plan).ends_with(0);
}

#[test]
fn a_narrowing_that_is_old_says_so_and_is_held_against_the_log_as_it_is() {
    let Some(cluster) = cluster() else { return };
    let kim = "kim@slow.example";
    let role = json!({"apiVersion": super::RBAC, "kind": "Role",
        "metadata": {"name": "ops", "namespace": "slow"},
        "rules": [{"apiGroups": [""], "resources": ["pods", "services", "configmaps"],
            "verbs": ["get"]}]});
    let mut own = binding(Some("slow"), "ops", "ops", &json!([user(kim)]));
    own["roleRef"]["kind"] = json!("Role");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "slow"}});
    cluster.load(&[namespace, role, own].map(|one| one.to_string()).join("\n"));
    let client = cluster.client_cert(kim, &[]).kubeconfig;
    let gets = |what: &str| {
        let words = ["get", what, "no-such", "-n", "slow", "--ignore-not-found"];
        assert!(may(&cluster, &client, &words), "{what}");
        let is = |event: &Value| {
            event["user"]["username"] == kim && event["objectRef"]["resource"] == what
        };
        cluster.await_audit("kim's request", is);
    };
    gets("pods");
    let desk = Desk::new(cluster.kubeconfig());
    let log = cluster.audit_log().display().to_string();
    let with_log = ["--audit", &log, "--no-store"];
    let who = format!("user:{kim}");
    let narrow = [&["narrow", &who, "--younger-than", "0"][..], &with_log].concat();
    let plan = planned(&desk, &narrow);
    // Three months later it says how old it is, and what it rests on.
    let mut command = desk.command(&["apply", &plan]);
    command.env("KEYBOOK_NOW", (Utc::now() + TimeDelta::days(92)).to_rfc3339());
    let output = run(command, "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("the plan was made on") && said.contains(", 92 days ago"), "{said}");
    assert!(said.contains("the log that it rests on ended on"), "{said}");
    // Somebody else holds the role that nobody else held.
    let mut theirs = binding(Some("slow"), "theirs", "ops", &json!([user("bob")]));
    theirs["roleRef"]["kind"] = json!("Role");
    cluster.load(&theirs.to_string());
    apply(&desk, &plan).ends_with(5).says("others hold it").says("user:bob by RoleBinding");
    cluster.kubectl_ok(&["delete", "rolebinding", "theirs", "-n", "slow"]);
    // A request that was allowed since, and would be refused.
    gets("services");
    let with_it = ["apply", &plan, "--yes", "tests", "--audit", &log];
    let refused = desk.keybook(&with_it).ends_with(5);
    assert!(refused.err.contains("get services"), "{}", refused.err);
    gets("services");
    // A plan of the log as it is now keeps it.
    let plan = planned(&desk, &narrow);
    desk.keybook(&["apply", &plan, "--yes", "tests", "--audit", &log]).ends_with(0);
    gets("services");
}
