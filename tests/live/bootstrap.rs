//! The bootstrap policy that is built in is the one that API servers install.

use keybook::model::{Identity, Objects, RoleKind};
use keybook::rbac::bootstrap::{ChosenBy, policies, policy};
use serde_json::{Value, json};

use crate::answers::snapshot;
use crate::reviews::folder;
use crate::support::cluster::{Cluster, Options, bootstrap_policy, program};

/// The text that is built in: what `cluster bootstrap-policy` prints, cut to what decides.
fn text(policy: &Value, version: &str) -> String {
    let cut = |object: &Value| {
        let mut cut = json!({"kind": object["kind"], "metadata": {}});
        let fields = ["rules", "aggregationRule", "roleRef", "subjects"];
        for (from, into, names) in
            [("metadata", "metadata", &["name", "namespace", "labels"][..]), ("", "", &fields)]
        {
            for name in names {
                let value = if from.is_empty() { &object[*name] } else { &object[from][*name] };
                if !value.is_null() {
                    let place =
                        if into.is_empty() { &mut cut[*name] } else { &mut cut[into][*name] };
                    *place = value.clone();
                }
            }
        }
        cut.to_string()
    };
    let objects: Vec<String> = policy["items"].as_array().expect("items").iter().map(cut).collect();
    format!("{{\"version\":{},\"objects\":[\n{}\n]}}\n", json!(version), objects.join(",\n"))
}

#[test]
fn bootstrap_policy_is_built_in_as_the_server_has_it() {
    let Some(program) = program() else { return };
    let version = std::process::Command::new(&program).arg("version").output().expect("version");
    let version = String::from_utf8(version.stdout).expect("text").trim().to_owned();
    let text = text(&bootstrap_policy(&program), &version);
    let place = format!("{}/src/rbac/bootstrap/{version}.json", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("KEYBOOK_UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(&place, &text).expect("write the policy");
    }
    let built_in = std::fs::read_to_string(&place).expect("a policy of this version");
    assert!(built_in == text, "{place} is outdated: run this test with KEYBOOK_UPDATE=1");
    assert!(policies().any(|policy| *policy.version == *version), "{version} is not listed");
}

/// What of a cluster's grants is not the server's own.
fn foreign(objects: &Objects, version: &str) -> Vec<String> {
    let chosen = policy(version).expect("a policy");
    assert_eq!(chosen.by, ChosenBy::Version, "{version}");
    let mut foreign = Vec::new();
    for binding in objects.bindings.values() {
        let namespace = binding.meta.namespace.as_ref();
        let kind =
            if &*binding.role_ref.kind == "Role" { RoleKind::Role } else { RoleKind::ClusterRole };
        let role = objects.role(kind, namespace.map_or("", |ns| &**ns), &binding.role_ref.name);
        for subject in &binding.subjects {
            let identity = subject.identity(namespace).unwrap_or_else(|| Identity::user("?"));
            if !chosen.policy.is_grant(binding, &identity, role.map(|role| &**role)) {
                foreign.push(format!("{} {} {identity}", binding.kind, binding.meta.name));
            }
        }
    }
    for role in objects.roles.values().filter(|role| !chosen.policy.is_role(role)) {
        foreign.push(format!("{} {}", role.kind, role.meta.name));
    }
    foreign
}

#[test]
fn a_fresh_control_plane_has_nothing_but_the_servers_own_grants() {
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let version = cluster.ready()["version"].as_str().expect("a version").to_owned();
    // Whatever the controllers add is there once they have made the accounts of a namespace.
    cluster.kubectl_ok(&["create", "namespace", "fresh"]);
    crate::support::process::await_some("controllers", || {
        cluster
            .kubectl(&["get", "serviceaccount", "default", "-n", "fresh"])
            .status
            .success()
            .then_some(())
    });
    let folder = folder("fresh");
    cluster.save_rbac(&folder);
    let snapshot = snapshot(&folder);
    assert!(snapshot.objects.bindings.len() > 40);
    assert_eq!(foreign(&snapshot.objects, &version), Vec::<String>::new());
    std::fs::remove_dir_all(folder).expect("remove the folder");
}
