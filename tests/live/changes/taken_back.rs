//! Taking a run back after the world went on: who would be left out, or given more than before, is said
//! first; and what is back works for its own clients.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::retiring::make;
use super::splitting::{ACTORS, Driven, opened, strs, words};
use super::{Desk, RBAC, accepted, binding, cluster, may, user, world};
use crate::support::cluster::Cluster;
use crate::support::process::await_some;

/// A client with the token that a Secret holds.
fn with_token(cluster: &Cluster, desk: &Desk, encoded: &str) -> PathBuf {
    let token = String::from_utf8(STANDARD.decode(encoded).expect("base64")).expect("text");
    let config = json!({
        "clusters": [{"name": "tests", "cluster": {
            "server": cluster.server(), "certificate-authority": cluster.ca_file()}}],
        "users": [{"name": "bot", "user": {"token": token}}],
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "bot"}}],
        "current-context": "tests",
    });
    let path = desk.folder.path().join("bot.kubeconfig");
    std::fs::write(&path, config.to_string()).expect("written");
    path
}

#[test]
fn a_split_is_not_taken_back_unwarned_while_a_stage_of_it_stands() {
    let Some(cluster) = cluster() else { return };
    let Driven { driver, desk, log, plan } = Driven::by(&cluster, &ACTORS);
    let mut all = words(&log, &plan);
    all.extend(["--retire-after", "7"].map(str::to_owned));
    desk.keybook(&strs(&all)).ends_with(0);
    let out = desk.folder.path().join("hand-over").display().to_string();
    desk.keybook(&["apply", &plan, "--out", &out, "--yes", "tests"]).ends_with(0);
    let (ana, ci) = (&ACTORS[0], &ACTORS[3]);
    let (_, _, own) = opened(Path::new(&format!("{out}/ana.kubeconfig")));
    let shared = driver.token(ci);
    let own_works = || !matches!(driver.send(&own, ana, ana.does[0]), 401 | 403);
    let shared_works = || !matches!(driver.send(&shared, ci, ci.does[0]), 401 | 403);
    assert!(own_works() && shared_works());
    make(&desk, &["--audit", &log], 8);
    await_some("the shared token to be refused", || (!shared_works()).then_some(()));

    // Both would be refused: the new token by the undoing, the shared one by the stage.
    let told = "run 2 made a stage of run 1, and stands";
    let said = desk.keybook(&["undo", "1"]).ends_with(0);
    assert!(said.text().contains(told), "{}", said.out);
    assert!(said.text().contains("Undo it first: keybook undo 2"), "{}", said.out);
    assert!(own_works(), "nothing was written yet");
    desk.keybook(&["undo", "2", "--yes", "tests"]).ends_with(0);
    await_some("the shared token to be taken again", || shared_works().then_some(()));
    let said = desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0);
    assert!(!said.text().contains(told), "{}", said.out);
    await_some("the new token to be refused", || (!own_works()).then_some(()));
    assert!(shared_works(), "everybody comes in as before the split");
}

#[test]
fn an_account_that_was_deleted_is_back_with_a_secret_that_opens_what_it_did() {
    let Some(cluster) = cluster() else { return };
    let world = world(&cluster, "back");
    let bot = json!([{"kind": "ServiceAccount", "name": "bot", "namespace": "back"}]);
    cluster.load(&binding(Some("back"), "bot", "view", &bot).to_string());
    let old = world.await_token(&cluster);
    let desk = Desk::new(cluster.kubeconfig());
    let reads = ["get", "pods", "-n", "back"];
    assert!(may(&cluster, &with_token(&cluster, &desk, &old), &reads));
    let plan = desk.plan(&["account:back/bot"]);
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0).says("run 1 is done");
    await_some("the token to be refused", || (!accepted(&cluster, &old)).then_some(()));

    desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0).says("run 2 is done");
    let new = world.await_token(&cluster);
    await_some("the new token to be taken", || accepted(&cluster, &new).then_some(()));
    assert!(may(&cluster, &with_token(&cluster, &desk, &new), &reads));
    assert_ne!(new, old, "it carries another UID");
    assert!(!accepted(&cluster, &old), "the plan said that it does not come back");
    // The Secret is the account's that there is, and stays.
    let of = |what: &str, path: &str| {
        let path = format!("jsonpath={{.metadata.{path}}}");
        cluster.kubectl_ok(&["get", what, "-n", "back", "-o", &path])
    };
    let uid = of("sa/bot", "uid");
    let named = of("secret/bot-token", "annotations.kubernetes\\.io/service-account\\.uid");
    assert_eq!(named, uid);
    desk.keybook(&["verify"]).ends_with(0);
    desk.keybook(&["verify", "2"]).ends_with(0);
}

#[test]
fn an_account_that_somebody_else_made_under_the_name_is_given_nothing_back() {
    let Some(cluster) = cluster() else { return };
    let world = world(&cluster, "taken");
    let bot = json!([{"kind": "ServiceAccount", "name": "bot", "namespace": "taken"}]);
    cluster.load(&binding(Some("taken"), "bot", "view", &bot).to_string());
    world.await_token(&cluster);
    let desk = Desk::new(cluster.kubeconfig());
    let plan = desk.plan(&["sa:taken/bot", "account:taken/bot"]);
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0).says("run 1 is done");
    cluster.kubectl_ok(&["create", "serviceaccount", "bot", "-n", "taken"]);
    let why = "ServiceAccount taken/bot was made again since, and not by a run of this journal";
    desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(5).says(why);
    // Whatever else of the run is taken back, the other one gets nothing by it.
    desk.keybook(&["undo", "1", "--leave-changed", "--yes", "tests"]).says(why);
    let there = cluster.kubectl_ok(&["get", "rolebindings,secrets", "-n", "taken", "-o", "name"]);
    let of_bot = |line: &str| line.ends_with("/bot") || line.ends_with("/bot-token");
    assert!(!there.lines().any(of_bot), "{there}");
}

#[test]
fn a_binding_that_a_finalizer_holds_gives_what_it_gave_and_is_not_back_before_it_is_gone() {
    let Some(cluster) = cluster() else { return };
    let world = world(&cluster, "held");
    let held_by = |value: &Value| {
        let patch = json!({"metadata": {"finalizers": value}}).to_string();
        let words = ["patch", "rolebinding", "lone", "-n", "held", "--type=merge", "-p", &patch];
        cluster.kubectl_ok(&words);
    };
    held_by(&json!(["example.org/hold"]));
    let kim = cluster.client_cert(&world.kim, &[]).kubeconfig;
    let deletes = ["delete", "configmap", "no-such", "-n", "held", "--ignore-not-found"];
    assert!(may(&cluster, &kim, &deletes));
    let desk = Desk::new(cluster.kubeconfig());
    let what = format!("rb:held/lone=user:{}", world.kim);
    let plan = desk.plan(&[&what]);
    let said = desk.keybook(&["apply", &plan]).ends_with(0);
    let told = "RoleBinding held/lone is only marked for deletion";
    assert!(said.text().contains(told), "{}", said.out);
    assert!(said.text().contains("what it gives stays until then"), "{}", said.out);
    // The deletion was taken, and everything stays as it was: that is how it is told.
    let being = "it is being deleted since";
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(5).says(being);
    assert!(may(&cluster, &kim, &deletes));
    desk.keybook(&["verify", "1"]).ends_with(1).says(being);
    let undone = desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(5);
    undone.says("RoleBinding held/lone is still there").says("example.org/hold");
    held_by(&Value::Null);
    await_some("kim to be refused", || (!may(&cluster, &kim, &deletes)).then_some(()));
    desk.keybook(&["verify", "1"]).ends_with(0);
    desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0);
    await_some("kim to be let in again", || may(&cluster, &kim, &deletes).then_some(()));
}

#[test]
fn who_was_bound_to_a_narrowed_role_since_is_given_no_more_by_undoing_that_unless_forced() {
    let Some(cluster) = cluster() else { return };
    let (kim, eve) = ("kim@wider.example", "eve@wider.example");
    let own = |name: &str, whom: &str| {
        let mut own = binding(Some("wider"), name, "ops", &json!([user(whom)]));
        own["roleRef"]["kind"] = json!("Role");
        own
    };
    let role = json!({"apiVersion": RBAC, "kind": "Role",
        "metadata": {"name": "ops", "namespace": "wider"},
        "rules": [{"apiGroups": [""], "resources": ["pods", "configmaps"], "verbs": ["get"]}]});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "wider"}});
    cluster.load(&[namespace, role, own("ops", kim)].map(|one| one.to_string()).join("\n"));
    let [of_kim, of_eve] = [kim, eve].map(|who| cluster.client_cert(who, &[]).kubeconfig);
    let pods = ["get", "pod", "no-such", "-n", "wider", "--ignore-not-found"];
    let maps = ["get", "configmap", "no-such", "-n", "wider", "--ignore-not-found"];
    assert!(may(&cluster, &of_kim, &pods));
    cluster.await_audit("kim's request", |event| event["user"]["username"] == kim);
    let desk = Desk::new(cluster.kubeconfig());
    let log = cluster.audit_log().display().to_string();
    let plan = desk.folder.path().join("plan.yaml").display().to_string();
    let narrow = ["narrow", &format!("user:{kim}"), "--audit", &log, "--no-store"];
    let narrow = [&narrow[..], &["--younger-than", "0", "--out", &plan]].concat();
    desk.keybook(&narrow).ends_with(0);
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0);
    assert!(!may(&cluster, &of_kim, &maps));

    // Eve is given the narrow role, and never had more.
    cluster.load(&own("theirs", eve).to_string());
    await_some("eve to be let in", || may(&cluster, &of_eve, &pods).then_some(()));
    let by = format!("user:{eve} by RoleBinding wider/theirs");
    for more in [&[][..], &["--yes", "tests"], &["--yes", "tests", "--force", "please"]] {
        let refused = desk.keybook(&[&["undo", "1"], more].concat()).ends_with(5);
        refused.says("gets back what was taken from it").says(&by);
    }
    assert!(!may(&cluster, &of_eve, &maps) && !may(&cluster, &of_kim, &maps));
    let said = desk.keybook(&["undo", "1"]).ends_with(5).err;
    let (_, rest) = said.split_once("--force \"").expect("the sentence");
    let (sentence, _) = rest.split_once('"').expect("its end");
    assert!(sentence.starts_with("give more to others on "), "{sentence}");
    desk.keybook(&["undo", "1", "--yes", "tests", "--force", sentence]).ends_with(0);
    // As was said.
    for client in [&of_kim, &of_eve] {
        await_some("them to be let in", || may(&cluster, client, &maps).then_some(()));
    }
    // Taken back itself, and then again: who held it by then is not new.
    desk.keybook(&["undo", "2", "--yes", "tests"]).ends_with(0);
    await_some("eve to be refused", || (!may(&cluster, &of_eve, &maps)).then_some(()));
    desk.keybook(&["undo", "3", "--yes", "tests"]).ends_with(0);
}
