//! Steps by way of objects that are deleted and made again under their names.

use serde_json::{Value, json};

use super::case::Case;
use super::pods::workload;
use super::rights::{Right, account, bound, grant, role, service_account};
use super::site::Site;

const RBAC: &str = "rbac.authorization.k8s.io";

fn on(verb: &'static str, resource: &'static str) -> Right {
    Right::new(verb, RBAC, resource)
}

/// What leads nowhere.
fn look() -> Value {
    json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}])
}

#[test]
fn a_binding_is_made_again_for_another_role() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.without_pods();
    for (name, verb) in [("remake-by-apply", "patch"), ("remake-by-put", "update")] {
        let kept = |verb| on(verb, "clusterrolebindings").named(name).everywhere();
        let bind = |role: &str| on("bind", "clusterroles").named(role).everywhere();
        Case::to_role(name, &["bind"])
            .object(role(&format!("{name}-look"), None, &look()))
            .object(bound(
                name,
                None,
                ("ClusterRole", &format!("{name}-look")),
                &account(name, "default"),
            ))
            .right(kept("delete"), 0)
            .right(kept("create"), 1)
            .right(kept(verb), 1)
            .right(bind("cluster-admin"), 1)
            .near("no deleting", 0, &[kept("create"), kept(verb), bind("cluster-admin")])
            .near(
                "deleting a collection, which carries no name",
                0,
                &[kept("deletecollection"), kept("create"), kept(verb), bind("cluster-admin")],
            )
            .near(
                "deleting another",
                0,
                &[
                    on("delete", "clusterrolebindings").named("x").everywhere(),
                    kept("create"),
                    kept(verb),
                    bind("cluster-admin"),
                ],
            )
            .near("no making", 1, &[kept("delete"), kept(verb), bind("cluster-admin")])
            .near("another role", 1, &[kept("delete"), kept("create"), kept(verb), bind("view")])
            .run(site);
    }
    // In a namespace, by a request for the collection.
    let name = "remake-in";
    let kept = |verb| on(verb, "rolebindings").named("kept");
    let any = || on("deletecollection", "rolebindings");
    Case::to_strong(name, &["bind", "mint-token"])
        .object(role("keeper", Some(name), &minting()))
        .object(role("look", Some(name), &look()))
        .object(bound("kept", Some(name), ("Role", "look"), &account(name, "default")))
        .right(any(), 0)
        .right(kept("create"), 1)
        .right(kept("patch"), 1)
        .right(on("bind", "roles").named("keeper"), 1)
        .near(
            "deleting elsewhere",
            0,
            &[
                any().elsewhere(),
                kept("create"),
                kept("patch"),
                on("bind", "roles").named("keeper"),
            ],
        )
        .run(site);
}

fn minting() -> Value {
    json!([{"verbs": ["create"], "apiGroups": [""], "resources": ["serviceaccounts/token"]}])
}

/// One of those taken over deletes, another makes again.
#[test]
fn one_deletes_what_another_makes() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.without_pods();
    let name = "remake-by-two";
    let kept = |verb| on(verb, "rolebindings").named("kept");
    let mint = || Right::new("create", "", "serviceaccounts/token").named("deleter");
    let deletes = json!([{"verbs": ["delete"], "apiGroups": [RBAC], "resources": ["rolebindings"],
        "resourceNames": ["kept"]}]);
    let [gives, by] = grant("deletes", Some(name), &deletes, &account(name, "deleter"));
    Case::to_strong(name, &["mint-token", "bind", "impersonate"])
        .object(service_account(name, "deleter"))
        .object(gives)
        .object(by)
        .object(bound("kept", Some(name), ("ClusterRole", "view"), &account(name, "default")))
        .right(mint(), 0)
        .right(kept("create"), 2)
        .right(kept("patch"), 2)
        .right(on("bind", "clusterroles").named("cluster-admin"), 2)
        .stands_on("deletes", 1)
        .near(
            "nobody who deletes",
            0,
            &[kept("create"), kept("patch"), on("bind", "clusterroles").named("cluster-admin")],
        )
        .run(site);
}

#[test]
fn a_role_that_is_there_is_made_again() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.without_pods();
    let name = "remake-role";
    let clear = |name: &str| on("delete", "roles").named(name);
    Case::to_strong(name, &["escalate", "impersonate"])
        .all_hold("held", Some(name))
        .right(clear("held"), 0)
        .right(on("create", "roles"), 1)
        .right(on("escalate", "roles"), 1)
        .near("no deleting", 0, &[on("create", "roles"), on("escalate", "roles")])
        .near("deleting another", 0, &[clear("x"), on("create", "roles"), on("escalate", "roles")])
        .near("no escalate", 1, &[clear("held"), on("create", "roles")])
        .run(site);
}

#[test]
fn pods_and_jobs_are_made_again_as_another_account() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    for (name, group, resource) in [("remake-pod", "", "pods"), ("remake-job", "batch", "jobs")] {
        let kept = |verb| Right::new(verb, group, resource).named("kept");
        let mut there = workload(resource, name, "kept", "default", false);
        if resource == "jobs" {
            there["spec"]["suspend"] = json!(true);
        }
        Case::to_strong(name, &["run-pod"])
            .object(there)
            .right(kept("delete"), 0)
            .right(kept("create"), 1)
            .right(kept("patch"), 1)
            .near("no deleting", 0, &[kept("create"), kept("patch")])
            .near("no making", 1, &[kept("delete"), kept("patch")])
            .near(
                "deleting elsewhere",
                0,
                &[kept("delete").elsewhere(), kept("create"), kept("patch")],
            )
            .run(site);
    }
}
