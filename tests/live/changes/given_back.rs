//! What was taken away comes back neither by a plan that was made before, nor, unsaid, by taking an
//! older run back.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::splitting::{ACTORS, Driven, strs, words};
use super::{Desk, RBAC, binding, cluster, may, user};
use crate::support::cluster::Cluster;
use crate::support::process::await_some;

/// Kim shares a role with lee in a namespace, lists Secrets and reads a Pod there.
struct Kim<'c> {
    cluster: &'c Cluster,
    ns: &'static str,
    name: String,
    client: PathBuf,
}

impl<'c> Kim<'c> {
    fn new(cluster: &'c Cluster, ns: &'static str) -> Self {
        let name = format!("kim@{ns}.example");
        let both = json!([user(&name), user("lee@corp.example")]);
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}});
        let role = json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": ns},
            "rules": [
                {"verbs": ["get", "list", "create"], "apiGroups": [""], "resources": ["pods"]},
                {"verbs": ["get", "list", "delete"], "apiGroups": [""], "resources": ["secrets"]}]});
        let binding = binding(Some(ns), "both", ns, &both);
        let lines = [namespace, role, binding].map(|one| one.to_string());
        cluster.load(&lines.join("\n"));
        let client = cluster.client_cert(&name, &[]).kubeconfig;
        let kim = Self { cluster, ns, name, client };
        assert!(kim.reads_pods() && kim.lists_secrets());
        for resource in ["pods", "secrets"] {
            let own = |event: &Value| {
                event["user"]["username"] == *kim.name && event["objectRef"]["resource"] == resource
            };
            cluster.await_audit("kim's request", own);
        }
        kim
    }

    fn lists_secrets(&self) -> bool {
        may(self.cluster, &self.client, &["get", "secrets", "-n", self.ns])
    }

    fn reads_pods(&self) -> bool {
        let pod = ["get", "pod", "no-such", "-n", self.ns, "--ignore-not-found"];
        may(self.cluster, &self.client, &pod)
    }

    /// A plan that narrows kim, by what they did.
    fn narrow(&self, desk: &Desk, file: &str) -> String {
        let log = self.cluster.audit_log().display().to_string();
        let file = desk.folder.path().join(file).display().to_string();
        let who = format!("user:{}", self.name);
        let words =
            ["narrow", &who, "--audit", &log, "--no-store", "--younger-than", "0", "--out", &file];
        desk.keybook(&words).ends_with(0);
        file
    }

    /// Somebody takes the Secrets out of the role.
    fn cut(&self) {
        let cut = json!([{"op": "remove", "path": "/rules/1"}]).to_string();
        self.cluster.kubectl_ok(&["patch", "clusterrole", self.ns, "--type=json", "-p", &cut]);
    }

    fn roles(&self) -> String {
        self.cluster.kubectl_ok(&["get", "roles", "-n", self.ns, "-o", "name"])
    }
}

#[test]
fn a_plan_that_was_made_before_rights_went_does_not_give_them_back() {
    let Some(cluster) = cluster() else { return };
    let desk = Desk::new(cluster.kubeconfig());
    let kim = Kim::new(&cluster, "cut");
    let plan = kim.narrow(&desk, "first.yaml");
    kim.cut();
    await_some("that kim is refused", || (!kim.lists_secrets()).then_some(()));
    let gained = format!("not held any more: user:{}: ", kim.name);
    for words in [&["apply", &plan][..], &["apply", &plan, "--yes", "tests"]] {
        let said = desk.keybook(words).ends_with(5).says("make the plan again").says(&gained);
        assert!(said.err.contains("list secrets in namespace cut"), "{}", said.err);
    }
    assert_eq!((kim.roles(), kim.lists_secrets()), (String::new(), false));
    // Made again it gives what is left.
    let plan = kim.narrow(&desk, "again.yaml");
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0);
    assert_eq!((kim.reads_pods(), kim.lists_secrets()), (true, false));
    desk.keybook(&["verify", "1"]).ends_with(0);

    // What is taken away once it was made stays with kim, and is told.
    let kim = Kim::new(&cluster, "late");
    let plan = kim.narrow(&desk, "late.yaml");
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0);
    desk.keybook(&["verify", "2"]).ends_with(0);
    kim.cut();
    let said = desk.keybook(&["verify", "2"]).ends_with(1);
    assert!(said.err.contains("list secrets in namespace late"), "{}", said.err);
    assert!(kim.lists_secrets());
}

#[test]
fn who_was_revoked_since_gets_nothing_back_by_an_older_runs_undoing_unsaid() {
    let Some(cluster) = cluster() else { return };
    let desk = Desk::new(cluster.kubeconfig());
    let kim = Kim::new(&cluster, "left");
    let plan = kim.narrow(&desk, "narrow.yaml");
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0);
    let plan = desk.plan(&[&format!("user:{}", kim.name)]);
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0);
    await_some("that kim is refused", || (!kim.reads_pods()).then_some(()));
    desk.keybook(&["verify", "2"]).ends_with(0);

    let sentence = "give back what run 2 took";
    for words in [&["undo", "1"][..], &["undo", "1", "--yes", "tests"]] {
        let said = desk.keybook(words).ends_with(5).says(sentence);
        let told = format!("run 2 (revoke user:{}) stands: user:{0}: ", kim.name);
        assert!(said.err.contains(&told), "{}", said.err);
        assert!(said.text().contains("GIVES BACK: "), "{}", said.out);
    }
    assert_eq!((kim.reads_pods(), kim.lists_secrets()), (false, false));
    // Who says so has it done; the later run is not as it was meant any more.
    let words = ["undo", "1", "--yes", "tests", "--force", sentence];
    let gives = format!("it gives what is not held now: user:{}: ", kim.name);
    desk.keybook(&words).ends_with(0).says(&gives);
    await_some("that kim is let in", || kim.lists_secrets().then_some(()));
    desk.keybook(&["verify", "2"]).ends_with(1).says("run 3, which took run 1 back, came after it");
}

#[test]
fn a_split_gives_nothing_that_was_taken_from_the_account_since() {
    let Some(cluster) = cluster() else { return };
    let Driven { driver, desk, log, plan } = Driven::by(&cluster, &ACTORS);
    desk.keybook(&strs(&words(&log, &plan))).ends_with(0);
    cluster.kubectl_ok(&["delete", "rolebinding", "ops", "-n", "team"]);
    let out = desk.folder.path().join("hand-over").display().to_string();
    let apply = ["apply", &plan, "--out", &out, "--yes", "tests"];
    let said = desk.keybook(&apply).ends_with(5).says("make the plan again");
    for who in ["sa:keys/ana: ", "sa:keys/bo: ", "sa:keys/ci: "] {
        assert!(said.err.contains(&format!("not held any more: {who}")), "{}", said.err);
    }
    // Cy used nothing of it.
    assert!(!said.err.contains("sa:keys/cy"), "{}", said.err);
    let words = ["get", "secret", "db", "-n", "team", "--ignore-not-found"];
    let as_bo = [&words[..], &["--as=system:serviceaccount:keys:bo"]].concat();
    assert!(may(&cluster, &cluster.kubeconfig(), &words));
    assert!(!may(&cluster, &cluster.kubeconfig(), &as_bo));
    drop(driver);
}
