//! Steps by way of objects that are deleted and made again under their names.

use serde_json::{Value, json};

use super::case::{Case, reach};
use super::pods::workload;
use super::rights::{Right, account, bound, first_of, grant, role, service_account};
use super::site::{Site, VAULT, WALKERS, content_type, namespace, request};
use super::walk::{Walk, goal};

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
            .right(kept(verb), 0)
            .right(kept("create"), 1)
            .right(bind("cluster-admin"), 1)
            .near("deleting it", 0, &[kept("delete"), kept("create"), bind("cluster-admin")])
            .near(
                "changing another",
                0,
                &[
                    on(verb, "clusterrolebindings").named("x").everywhere(),
                    kept("create"),
                    bind("cluster-admin"),
                ],
            )
            .near("no making", 1, &[kept("delete"), kept(verb), bind("cluster-admin")])
            .near("another role", 1, &[kept("create"), kept(verb), bind("view")])
            .run(site);
    }
    // In a namespace.
    let name = "remake-in";
    let kept = |verb| on(verb, "rolebindings").named("kept");
    let bind = || on("bind", "roles").named("keeper");
    Case::to_strong(name, &["bind", "mint-token"])
        .object(role("keeper", Some(name), &minting()))
        .object(role("look", Some(name), &look()))
        .object(bound("kept", Some(name), ("Role", "look"), &account(name, "default")))
        .right(kept("create"), 1)
        .right(kept("patch"), 0)
        .right(bind(), 1)
        .near("changing elsewhere", 0, &[kept("patch").elsewhere(), kept("create"), bind()])
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
    for (name, verb) in [("remake-by-two", "delete"), ("remake-by-owner", "patch")] {
        let mint = || Right::new("create", "", "serviceaccounts/token").named("deleter");
        let deletes = json!([{"verbs": [verb], "apiGroups": [RBAC], "resources": ["roles"],
            "resourceNames": ["held"]}]);
        let binding = format!("{name}-deletes");
        let [gives, by] = grant(&binding, Some(name), &deletes, &account(name, "deleter"));
        Case::to_strong(name, &["mint-token", "escalate", "impersonate"])
            .all_hold("held", Some(name))
            .object(service_account(name, "deleter"))
            .object(gives)
            .object(by)
            .right(mint(), 0)
            .right(on("create", "roles"), 2)
            .right(on("escalate", "roles").named(""), 2)
            .stands_on(binding, 1)
            .near("nobody who deletes", 0, &[on("create", "roles"), on("escalate", "roles")])
            .run(site);
    }
}

#[test]
fn a_role_that_is_there_is_made_again() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.without_pods();
    for (name, verb) in
        [("remake-role", "delete"), ("remake-role-patch", "patch"), ("remake-role-put", "update")]
    {
        let clear = |name: &str| on(verb, "roles").named(name);
        // For roles that are new only.
        let escalate = || on("escalate", "roles").named("");
        Case::to_strong(name, &["escalate", "impersonate"])
            .all_hold("held", Some(name))
            .right(clear("held"), 0)
            .right(on("create", "roles"), 1)
            .right(escalate(), 1)
            .near("no deleting", 0, &[on("create", "roles"), escalate()])
            .near("deleting another", 0, &[clear("x"), on("create", "roles"), escalate()])
            .near("no escalate", 1, &[clear("held"), on("create", "roles")])
            .run(site);
    }
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
            .right(kept("patch"), 0)
            .right(kept("create"), 1)
            .near("deleting it", 0, &[kept("delete"), kept("create")])
            .near("no making", 1, &[kept("delete"), kept("patch")])
            .near("changing elsewhere", 0, &[kept("patch").elsewhere(), kept("create")])
            .run(site);
    }
}

/// Who holds twice what lets a binding be made again holds it still once one of the two is deleted, and
/// the way by that is not hidden by the shorter one, which ends with the binding.
#[test]
fn a_deletion_does_not_hide_another_way() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.without_pods();
    let rules = json!([
        {"verbs": ["create", "patch", "delete"], "apiGroups": [RBAC], "resources": ["rolebindings"],
            "resourceNames": ["b"]},
        {"verbs": ["bind"], "apiGroups": [RBAC], "resources": ["clusterroles"],
            "resourceNames": ["cluster-admin"]},
    ]);
    for (name, bindings) in
        [("hidden-not", &["b", "c"][..]), ("hidden-by-order", &["a", "b"]), ("hidden", &["b"])]
    {
        let (walker, strong) = (account(WALKERS, name), account(name, "strong"));
        site.load(&[
            namespace(name),
            service_account(name, "strong"),
            service_account(WALKERS, name),
            bound(&format!("{name}-strong"), None, ("ClusterRole", "cluster-admin"), &strong),
            role("w", Some(name), &rules),
        ]);
        for binding in bindings {
            site.load(&[bound(binding, Some(name), ("Role", "w"), &walker)]);
        }
        for rule in rules.as_array().expect("rules") {
            site.await_answer(&first_of(rule, &walker, name), true);
        }
        let who = site.account(WALKERS, name);
        let row = reach(site, name);
        if bindings.len() == 1 {
            assert_eq!(row["reaches"], row["tier"], "{row:#}");
            let uri = format!("/apis/{RBAC}/v1/namespaces/{name}/rolebindings/b");
            let gone = site.send(&who, &request("DELETE", &uri, None));
            assert_eq!(gone.status, 200, "{}", gone.body);
            site.await_answer(&first_of(&rules[0], &walker, name), false);
            let again = bound("b", Some(name), ("ClusterRole", "cluster-admin"), &walker);
            let mut apply =
                request("PATCH", &format!("{uri}?fieldManager=walk&force=true"), Some(&again));
            content_type(&mut apply, "application/apply-patch+yaml");
            super::modelled::refused(site, &who, &apply);
            continue;
        }
        assert_eq!(row["reaches"], "cluster-admin", "{row:#}");
        let hops = row["paths"].as_array().and_then(|paths| paths.first()).expect("a path");
        let hops = hops["hops"].as_array().expect("steps").clone();
        let steps: Vec<&str> = hops.iter().filter_map(|hop| hop["step"].as_str()).collect();
        assert_eq!(steps, ["bind", "impersonate"], "{row:#}");
        assert_eq!(hops[0]["deletes"]["name"], "b", "{row:#}");
        let mut walk = Walk::new(site, name, &hops, who, None);
        let gained = walk.steps().unwrap_or_else(|at| panic!("{name}: refused at {at}"));
        let read = walk.ask(&gained, &goal(VAULT)).expect("the goal");
        assert_eq!(read["data"]["of"], VAULT, "{name}");
        walk.undo();
    }
}
