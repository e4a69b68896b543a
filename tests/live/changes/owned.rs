//! What a controller makes: its definition is edited, what it makes of that is awaited, and whatever comes
//! back is seen.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::faults::{Act, Faulty};
use super::killed::killed_at;
use super::{Desk, RBAC, cluster, may, user};
use crate::support::cluster::Cluster;
use crate::support::process::await_some;
use crate::support::schemas::fits;

const KIM: &str = "kim-owned@corp.example";
const LEE: &str = "lee-owned@corp.example";

fn get(cluster: &Cluster, place: &[&str]) -> Option<Value> {
    let output = cluster.kubectl(&[&["get", "-o", "json"], place].concat());
    serde_json::from_slice(&output.stdout).ok()
}

/// The definition, with kim in it or without.
fn definition(with_kim: bool) -> Value {
    let team = if with_kim { json!([user(KIM), user(LEE)]) } else { json!([user(LEE)]) };
    let mut bindings = vec![json!({"name": "team", "subjects": team,
        "roleBindings": [{"clusterRole": "view", "namespace": "owned"}]})];
    if with_kim {
        bindings.push(json!({"name": "lone", "subjects": [user(KIM)],
            "roleBindings": [{"clusterRole": "edit", "namespace": "owned"}]}));
    }
    json!({"apiVersion": "rbacmanager.reactiveops.io/v1beta1", "kind": "RBACDefinition",
        "metadata": {"name": "ops"}, "rbacBindings": bindings})
}

/// What rbac-manager calls the bindings of the two parts: by the definition, the part and the role.
const TEAM: &str = "ops-team-view";
const LONE: &str = "ops-lone-edit";

/// Whether the label by which rbac-manager finds its own is on what is made of a part; one of the two
/// lacks it and has the owner reference only.
fn is_labelled(part: &str) -> bool {
    part == "team"
}

/// The bindings that the definition says, by name, as rbac-manager makes them.
fn said(definition: &Value) -> Vec<(String, Value)> {
    let owner = json!([{"apiVersion": definition["apiVersion"], "kind": "RBACDefinition",
        "name": "ops", "uid": definition["metadata"]["uid"], "controller": true,
        "blockOwnerDeletion": true}]);
    let parts = definition["rbacBindings"].as_array().expect("bindings");
    let made = parts.iter().map(|part| {
        let role = part["roleBindings"][0]["clusterRole"].as_str().expect("a role");
        let entry = part["name"].as_str().expect("a name");
        let name = format!("ops-{entry}-{role}");
        let binding = json!({"apiVersion": RBAC, "kind": "RoleBinding",
            "metadata": {"name": name, "namespace": "owned", "ownerReferences": owner,
                "labels": {"rbac-manager": "reactiveops"}},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                "name": role},
            "subjects": part["subjects"]});
        (name, binding)
    });
    made.collect()
}

/// What rbac-manager does when it goes through its definition (`reconcileRoleBindings`): of what has
/// its label it deletes what the definition does not say so, and makes what is not there. Gives whether
/// it saw all of that as it should be, and wrote nothing.
fn reconcile(cluster: &Cluster) -> bool {
    let Some(definition) = get(cluster, &["rbacdefinition", "ops"]) else { return false };
    let labelled = ["rolebindings", "-n", "owned", "-l", "rbac-manager=reactiveops"];
    let Some(have) = get(cluster, &labelled) else { return false };
    let have = have["items"].as_array().cloned().unwrap_or_default();
    let wanted = said(&definition);
    let is_so = |one: &Value, (name, wanted): &(String, Value)| {
        one["metadata"]["name"] == **name
            && one["subjects"] == wanted["subjects"]
            && one["roleRef"] == wanted["roleRef"]
    };
    let mut wrote = false;
    for one in &have {
        if !wanted.iter().any(|wanted| is_so(one, wanted)) {
            let name = one["metadata"]["name"].as_str().expect("a name");
            cluster.kubectl(&["delete", "rolebinding", name, "-n", "owned"]);
            wrote = true;
        }
    }
    for wanted in wanted.iter().filter(|wanted| !have.iter().any(|one| is_so(one, wanted))) {
        // One that is there without the label stays as it is: the server says that it exists.
        let made = cluster.kubectl_with(&["create", "-f", "-"], &wanted.1.to_string());
        wrote |= !String::from_utf8_lossy(&made.stderr).contains("AlreadyExists");
    }
    !wrote
}

/// Both bindings as they were made; of one the label was taken since.
fn make_bindings(cluster: &Cluster) {
    reconcile(cluster);
    if !is_labelled("lone") {
        cluster.kubectl_ok(&["label", "rolebinding", LONE, "-n", "owned", "rbac-manager-"]);
    }
}

/// The controller: it goes through its definition again and again, beside the test.
#[derive(Default)]
struct Controller {
    stop: AtomicBool,
    /// How often it began to.
    begun: AtomicUsize,
    /// The last time that nothing was to be written.
    quiet: AtomicUsize,
}

impl Controller {
    fn run(&self, cluster: &Cluster) {
        while !self.stop.load(Ordering::SeqCst) {
            let this = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            if reconcile(cluster) {
                self.quiet.store(this, Ordering::SeqCst);
            }
        }
    }

    /// Waits until it went through all that there is now, and had nothing to write. What it read before
    /// is of the past: only what it began from here on counts.
    fn await_rest(&self) {
        let begun = self.begun.load(Ordering::SeqCst);
        await_some("the controller to have nothing left to write", || {
            (self.quiet.load(Ordering::SeqCst) > begun).then_some(())
        });
    }
}

/// Stops the controller, also where an assertion fails before.
struct Stop<'a>(&'a Controller);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::SeqCst);
    }
}

fn serve_definitions(cluster: &Cluster) {
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "rbacdefinitions.rbacmanager.reactiveops.io"},
        "spec": {"group": "rbacmanager.reactiveops.io", "scope": "Cluster",
            "names": {"kind": "RBACDefinition", "plural": "rbacdefinitions",
                "singular": "rbacdefinition"},
            "versions": [{"name": "v1beta1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object",
                    "x-kubernetes-preserve-unknown-fields": true}}}]}});
    cluster.load(&crd.to_string());
    await_some("definitions to be served", || {
        cluster.kubectl(&["get", "rbacdefinitions"]).status.success().then_some(())
    });
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "owned"}});
    cluster.load(&namespace.to_string());
    let made = cluster.kubectl_with(&["create", "-f", "-"], &definition(true).to_string());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// An object as it reads, without what the server sets.
fn state(cluster: &Cluster, place: &[&str]) -> Option<Value> {
    let mut object = get(cluster, place)?;
    let meta = object["metadata"].as_object_mut().expect("metadata");
    for field in ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"] {
        meta.remove(field);
    }
    Some(object)
}

/// The definition, both bindings.
fn states(cluster: &Cluster) -> Vec<Option<Value>> {
    let places: [&[&str]; 3] = [
        &["rbacdefinition", "ops"],
        &["rolebinding", TEAM, "-n", "owned"],
        &["rolebinding", LONE, "-n", "owned"],
    ];
    places.into_iter().map(|place| state(cluster, place)).collect()
}

fn put(cluster: &Cluster, definition: &Value) {
    let put = cluster.kubectl_with(&["apply", "-f", "-"], &definition.to_string());
    assert!(put.status.success(), "{}", String::from_utf8_lossy(&put.stderr));
}

#[test]
fn what_rbac_manager_keeps_is_revoked_by_its_definition_and_undone_by_it() {
    let Some(cluster) = cluster() else { return };
    serve_definitions(&cluster);
    make_bindings(&cluster);
    let kim = cluster.client_cert(KIM, &[]).kubeconfig;
    let lee = cluster.client_cert(LEE, &[]).kubeconfig;
    let reads = ["get", "pods", "-n", "owned"];
    assert!(may(&cluster, &kim, &reads));
    let before = states(&cluster);
    let desk = Desk::new(cluster.kubeconfig());
    let what = format!("user:{KIM}");

    // What rbac-manager finds among its own is not written; what it does not find is.
    let told = desk.keybook(&["revoke", &what, "-o", "json"]).ends_with(0).json();
    fits("plan.json", &told);
    let steps: Vec<String> = told["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| format!("{} {}", step["action"], step["target"]["name"]).replace('"', ""))
        .collect();
    assert_eq!(steps, ["replace ops".to_owned(), format!("delete {LONE}")], "{told}");
    let unnamed = &told["verification"]["unnamed"];
    assert_eq!(unnamed.as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!(unnamed[0]["binding"]["name"], TEAM);

    let controller = Controller::default();
    std::thread::scope(|scope| {
        scope.spawn(|| controller.run(&cluster));
        let _stop = Stop(&controller);
        controller.await_rest();
        let plan = desk.plan(&[&what]);
        desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0).says("run 1 is done");
        let mut left = before.clone();
        left[0].as_mut().expect("the definition")["rbacBindings"] =
            definition(false)["rbacBindings"].clone();
        left[1].as_mut().expect("it stays")["subjects"] = json!([user(LEE)]);
        left[2] = None;
        controller.await_rest();
        assert_eq!(states(&cluster), left);
        assert!(!may(&cluster, &kim, &reads) && may(&cluster, &lee, &reads));
        desk.keybook(&["verify", "1"]).ends_with(0);

        desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0);
        controller.await_rest();
        assert_eq!(states(&cluster), before);
        await_some("kim to be let in again", || may(&cluster, &kim, &reads).then_some(()));

        // Once more; and somebody writes kim into the definition again.
        let plan = desk.plan(&[&what]);
        desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0).says("run 3 is done");
        controller.await_rest();
        put(&cluster, &definition(true));
        controller.await_rest();
        await_some("the controller to let kim in", || may(&cluster, &kim, &reads).then_some(()));
        let said = desk.keybook(&["verify", "3"]).ends_with(1);
        for words in [
            "RBACDefinition ops: it reads otherwise".to_owned(),
            format!("RoleBinding owned/{TEAM}: it still names user:{KIM}"),
            format!("RoleBinding owned/{LONE}: it is there again"),
        ] {
            assert!(said.err.contains(&words), "{words:?} in {}", said.err);
        }
        put(&cluster, &definition(false));
        await_some("the controller to follow", || (!may(&cluster, &kim, &reads)).then_some(()));
    });
}

#[test]
fn a_controller_that_does_not_follow_is_seen() {
    let Some(cluster) = cluster() else { return };
    serve_definitions(&cluster);
    make_bindings(&cluster);
    let desk = Desk::new(cluster.kubeconfig());
    // Somebody edits the definition after it was planned.
    let plan = desk.plan(&[&format!("user:{KIM}")]);
    cluster.kubectl_ok(&["annotate", "rbacdefinition", "ops", "example.org/why=since"]);
    let moved = "RBACDefinition ops was changed since the plan was made";
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(5).says(moved);
    let plan = desk.plan(&[&format!("user:{KIM}")]);
    let said = desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(5);
    let words = format!("RoleBinding owned/{TEAM}: it still names user:{KIM}");
    assert!(said.err.contains(&words), "{}", said.err);
    reconcile(&cluster);
    desk.keybook(&["verify", "1"]).ends_with(0);
}

#[test]
fn editing_a_definition_that_is_killed_at_any_write_is_finished_or_undone_as_if_it_was_not() {
    let Some(cluster) = cluster() else { return };
    serve_definitions(&cluster);
    make_bindings(&cluster);
    let faulty = Faulty::start(&cluster);
    let mut desk = Desk::new(cluster.kubeconfig());
    desk.by(&faulty.kubeconfig());
    let controller = Controller::default();
    std::thread::scope(|scope| {
        scope.spawn(|| controller.run(&cluster));
        let _stop = Stop(&controller);
        let rests_as = |expected: &[Option<Value>], when: &str| {
            controller.await_rest();
            assert_eq!(states(&cluster), expected, "{when}");
        };
        let done = |words: &[&str]| {
            desk.keybook(&[words, &["--yes", "faulty"]].concat()).ends_with(0);
        };
        let before = states(&cluster);
        rests_as(&before, "before");
        let what = format!("user:{KIM}");
        done(&["apply", &desk.plan(&[&what])]);
        let mut revoked = before.clone();
        revoked[0].as_mut().expect("the definition")["rbacBindings"] =
            definition(false)["rbacBindings"].clone();
        revoked[1].as_mut().expect("it stays")["subjects"] = json!([user(LEE)]);
        revoked[2] = None;
        rests_as(&revoked, "undisturbed");
        done(&["undo", "1"]);
        rests_as(&before, "undone");
        let mut run = 1;
        for point in (0..2).flat_map(|write| [(write, Act::HoldBefore), (write, Act::HoldAfter)]) {
            for finish in [true, false] {
                run += 2;
                let (of_run, of_undo) = (run.to_string(), (run + 1).to_string());
                let when = format!("{point:?}, finish {finish}");
                let plan = desk.plan(&[&what]);
                killed_at(&faulty, &desk, point, &["apply", &plan, "--yes", "faulty"]);
                controller.await_rest();
                if finish {
                    done(&["apply", "--finish", &of_run]);
                    rests_as(&revoked, &when);
                    killed_at(&faulty, &desk, point, &["undo", &of_run, "--yes", "faulty"]);
                    controller.await_rest();
                    done(&["apply", "--finish", &of_undo]);
                } else {
                    done(&["undo", &of_run]);
                }
                rests_as(&before, &when);
            }
        }
    });
}
