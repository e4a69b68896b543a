//! What a controller makes again: told before, seen afterwards, and gone once its definition is changed.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::{Desk, RBAC, cluster, may, user};
use crate::support::cluster::Cluster;
use crate::support::process::await_some;

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

/// What rbac-manager does when it goes through its definition: what differs is deleted and made again,
/// and what the definition has no more is deleted.
fn reconcile(cluster: &Cluster) {
    let definition = get(cluster, &["rbacdefinition", "ops"]).expect("the definition");
    let owner = json!([{"apiVersion": definition["apiVersion"], "kind": "RBACDefinition",
        "name": "ops", "uid": definition["metadata"]["uid"], "controller": true}]);
    let parts = definition["rbacBindings"].as_array().expect("bindings");
    for (entry, name) in [("team", TEAM), ("lone", LONE)] {
        let have = get(cluster, &["rolebinding", name, "-n", "owned"]);
        let wanted = parts.iter().find(|part| part["name"] == entry).map(|part| {
            let mut binding = json!({"apiVersion": RBAC, "kind": "RoleBinding",
                "metadata": {"name": name, "namespace": "owned", "ownerReferences": owner},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                    "name": part["roleBindings"][0]["clusterRole"]},
                "subjects": part["subjects"]});
            if is_labelled(entry) {
                binding["metadata"]["labels"] = json!({"rbac-manager": "reactiveops"});
            }
            binding
        });
        let same = match (&have, &wanted) {
            (Some(have), Some(wanted)) => have["subjects"] == wanted["subjects"],
            (have, wanted) => have.is_none() && wanted.is_none(),
        };
        if same {
            continue;
        }
        if have.is_some() {
            cluster.kubectl(&["delete", "rolebinding", name, "-n", "owned"]);
        }
        if let Some(wanted) = wanted {
            cluster.kubectl_with(&["create", "-f", "-"], &wanted.to_string());
        }
    }
}

/// Stops the controller, also where an assertion fails before.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
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

#[test]
fn what_a_controller_makes_again_is_told_before_and_seen_after() {
    let Some(cluster) = cluster() else { return };
    serve_definitions(&cluster);
    reconcile(&cluster);
    let kim = cluster.client_cert(KIM, &[]).kubeconfig;
    let reads = ["get", "pods", "-n", "owned"];
    assert!(may(&cluster, &kim, &reads));
    let desk = Desk::new(cluster.kubeconfig());
    let what = format!("user:{KIM}");

    // Both are the definition's; nothing is written behind its back.
    let told = desk.keybook(&["revoke", &what, "-o", "json"]).ends_with(0).json();
    assert_eq!(told["steps"].as_array().map(Vec::len), Some(0), "{told}");
    let manual = told["manual"].to_string();
    for words in ["RoleBinding owned/ops-team-view", "RoleBinding owned/ops-lone-edit", "at once"] {
        assert!(manual.contains(words), "{words:?} in {manual}");
    }
    // What stays when it is made here is made where somebody insists, with a warning.
    let insisting = ["--despite-owners", &what];
    let plan = desk.plan(&insisting);
    let told = desk.keybook(&[&["revoke", "-o", "json"], &insisting[..]].concat()).json();
    let steps = told["steps"].as_array().expect("steps");
    let names: Vec<&str> =
        steps.iter().filter_map(|step| step["target"]["name"].as_str()).collect();
    assert_eq!(names, [LONE], "{told}");
    let owners = steps[0]["owners"].to_string();
    assert!(owners.contains("when its RBACDefinition is next gone through"), "{owners}");
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0).says("run 1 is done");
    assert!(get(&cluster, &["rolebinding", LONE, "-n", "owned"]).is_none());
    desk.keybook(&["verify", "1"]).ends_with(0);

    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                reconcile(&cluster);
            }
        });
        let _stop = Stop(&stop);
        let lone = || get(&cluster, &["rolebinding", LONE, "-n", "owned"]);
        await_some("the controller to make it again", lone);
        let said = desk.keybook(&["verify", "1"]).ends_with(1);
        assert!(
            said.err.contains("RoleBinding owned/ops-lone-edit: it is there again"),
            "{}",
            said.err
        );
        assert!(may(&cluster, &kim, &reads), "as was told: the definition still says so");

        // The owner's patch, made where it belongs.
        let put = definition(false).to_string();
        let put = cluster.kubectl_with(&["apply", "-f", "-"], &put);
        assert!(put.status.success(), "{}", String::from_utf8_lossy(&put.stderr));
        await_some("the controller to follow", || {
            let team = get(&cluster, &["rolebinding", TEAM, "-n", "owned"])?;
            (lone().is_none() && team["subjects"] == json!([user(LEE)])).then_some(())
        });
        await_some("kim to be refused", || (!may(&cluster, &kim, &reads)).then_some(()));
        desk.keybook(&["verify", "1"]).ends_with(0);
    });
}
