//! Steps by roles and bindings.

use serde_json::{Value, json};

use super::case::Case;
use super::rights::{Right, account, bound, grant, role, service_account};
use super::site::Site;

const RBAC: &str = "rbac.authorization.k8s.io";

/// What a role of the namespace gives that leads on: tokens of its accounts.
fn minting() -> Value {
    json!([{"verbs": ["create"], "apiGroups": [""], "resources": ["serviceaccounts/token"]}])
}

fn on(verb: &'static str, resource: &'static str) -> Right {
    Right::new(verb, RBAC, resource)
}

#[test]
fn who_may_bind_binds_itself() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.without_pods();
    // To a Role of the namespace.
    let name = "bind-role";
    Case::to_strong(name, &["bind", "mint-token"])
        .object(role("keeper", Some(name), &minting()))
        .right(on("create", "rolebindings"), 0)
        .right(on("bind", "roles").named("keeper"), 0)
        .near("another name", 0, &[on("create", "rolebindings"), on("bind", "roles").named("k")])
        .near(
            "a ClusterRole of the name",
            0,
            &[on("create", "rolebindings"), on("bind", "clusterroles").named("keeper")],
        )
        .near("no bind", 0, &[on("create", "rolebindings")])
        .near(
            "bindings elsewhere",
            0,
            &[on("create", "rolebindings").elsewhere(), on("bind", "roles").named("keeper")],
        )
        .near(
            "bind elsewhere",
            0,
            &[on("create", "rolebindings"), on("bind", "roles").named("keeper").elsewhere()],
        )
        .near(
            "every verb but bind",
            0,
            &[
                on("create", "rolebindings"),
                on("get", "roles"),
                on("update", "roles"),
                on("patch", "roles"),
                on("delete", "roles"),
            ],
        )
        .near(
            "a binding under a name only, which a plain create does not carry",
            0,
            &[on("create", "rolebindings").named("x"), on("bind", "roles").named("keeper")],
        )
        .run(site);
    // To a ClusterRole, in the namespace and in the cluster.
    Case::to_strong("bind-in", &["bind", "impersonate"])
        .right(on("create", "rolebindings"), 0)
        .right(on("bind", "clusterroles").named("cluster-admin"), 0)
        .run(site);
    Case::to_role("bind-cluster-role", &["bind"])
        .right(on("create", "clusterrolebindings").everywhere(), 0)
        .right(on("bind", "clusterroles").named("cluster-admin").everywhere(), 0)
        .near(
            "bind in a namespace only",
            0,
            &[
                on("create", "clusterrolebindings").everywhere(),
                on("bind", "clusterroles").named("cluster-admin"),
            ],
        )
        .near(
            "bindings that are no cluster-wide ones' right",
            0,
            &[
                on("create", "clusterrolebindings"),
                on("bind", "clusterroles").named("cluster-admin").everywhere(),
            ],
        )
        .run(site);
}

#[test]
fn bindings_are_written_under_the_names_that_rules_give() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.without_pods();
    for (name, verb) in [("bind-by-apply", "patch"), ("bind-by-put", "update")] {
        Case::to_strong(name, &["bind", "mint-token"])
            .object(role("keeper", Some(name), &minting()))
            .right(on("create", "rolebindings").named("mine"), 0)
            .right(on(verb, "rolebindings").named("mine"), 0)
            .right(on("bind", "roles").named("keeper"), 0)
            .near(
                "names that do not meet",
                0,
                &[
                    on("create", "rolebindings").named("mine"),
                    on(verb, "rolebindings").named("other"),
                    on("bind", "roles").named("keeper"),
                ],
            )
            .run(site);
    }
    for (name, verb) in [("rebind-by-patch", "patch"), ("rebind-by-put", "update")] {
        let nobody = account(name, "nobody");
        Case::to_strong(name, &["bind", "mint-token"])
            .object(role("keeper", Some(name), &minting()))
            .object(role("other", Some(name), &minting()))
            .object(bound("kept", Some(name), ("Role", "keeper"), &nobody))
            .right(on(verb, "rolebindings").named("kept"), 0)
            .right(on("bind", "roles").named("keeper"), 0)
            .near(
                "a role that the binding does not give",
                0,
                &[on(verb, "rolebindings").named("kept"), on("bind", "roles").named("other")],
            )
            .near(
                "another binding",
                0,
                &[on(verb, "rolebindings").named("k"), on("bind", "roles").named("keeper")],
            )
            .run(site);
    }
}

#[test]
fn who_may_escalate_makes_a_role_give_everything() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.without_pods();
    for (name, verb) in [("escalate", "patch"), ("escalate-by-put", "update")] {
        Case::to_strong(name, &["escalate", "impersonate"])
            .all_hold("held", Some(name))
            .right(on(verb, "roles").named("held"), 0)
            .right(on("escalate", "roles").named("held"), 0)
            .near(
                "escalate of another",
                0,
                &[on(verb, "roles").named("held"), on("escalate", "roles").named("other")],
            )
            .near(
                "bind in the place of escalate",
                0,
                &[on(verb, "roles").named("held"), on("bind", "roles").named("held")],
            )
            .near("no write", 0, &[on("get", "roles"), on("escalate", "roles")])
            .near(
                "elsewhere",
                0,
                &[on(verb, "roles").elsewhere(), on("escalate", "roles").elsewhere()],
            )
            .run(site);
    }
    // A binding refers to a role that nobody made yet.
    let name = "escalate-missing";
    Case::to_strong(name, &["escalate", "impersonate"])
        .all_bound("unmade", Some(name))
        .right(on("create", "roles"), 0)
        .right(on("escalate", "roles"), 0)
        .near(
            "escalate of the name, which a plain create does not carry",
            0,
            &[on("create", "roles"), on("escalate", "roles").named("unmade")],
        )
        .run(site);
    // The same under its name.
    for (name, verb) in [("escalate-by-apply", "patch"), ("escalate-by-new-put", "update")] {
        let right = |verb, name: &str| on(verb, "roles").named(name);
        Case::to_strong(name, &["escalate", "impersonate"])
            .all_bound("unmade", Some(name))
            .right(right("create", "unmade"), 0)
            .right(right(verb, "unmade"), 0)
            .right(right("escalate", "unmade"), 0)
            .near(
                "a name that does not meet",
                0,
                &[right("create", "x"), right(verb, "unmade"), right("escalate", "unmade")],
            )
            .run(site);
    }
    let name = "escalate-cluster-role";
    Case::to_role(name, &["escalate"])
        .all_hold(name, None)
        .right(on("patch", "clusterroles").named(name).everywhere(), 0)
        .right(on("escalate", "clusterroles").named(name).everywhere(), 0)
        .near(
            "escalate in a namespace",
            0,
            &[
                on("patch", "clusterroles").named(name).everywhere(),
                on("escalate", "clusterroles").named(name),
            ],
        )
        .run(site);
}

/// Without `bind` one may bind a role that allows nothing: who may change one may empty it first.
#[test]
fn who_may_change_a_role_binds_it_to_itself_first() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.without_pods();
    let secrets = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}]);
    let kept = |verb| on(verb, "roles").named("kept");
    let bind = || on("create", "rolebindings");
    for (name, verb) in [("bind-and-escalate", "patch"), ("bind-and-put", "update")] {
        Case::to_strong(name, &["bind-and-escalate", "impersonate"])
            .object(role("kept", Some(name), &secrets))
            .right(kept(verb), 0)
            .right(bind(), 1)
            .right(kept("escalate"), 2)
            .near("no escalate", 2, &[kept(verb), bind()])
            .near("no binding", 1, &[kept(verb), kept("escalate")])
            .near("bindings elsewhere", 1, &[kept(verb), kept("escalate"), bind().elsewhere()])
            .near("no change", 0, &[bind(), kept("escalate"), on("get", "roles")])
            .near(
                "a role that is not there",
                0,
                &[bind(), on(verb, "roles").named("x"), on("escalate", "roles").named("x")],
            )
            .run(site);
    }
    // Made first.
    let name = "make-and-escalate";
    let mine = |verb| on(verb, "roles").named("mine");
    Case::to_strong(name, &["bind-and-escalate", "impersonate"])
        .right(on("create", "roles"), 0)
        .right(bind(), 1)
        .right(mine("patch"), 2)
        .right(mine("escalate"), 2)
        .near("no change", 2, &[on("create", "roles"), bind(), mine("escalate")])
        .near("no making", 0, &[bind(), mine("patch"), mine("escalate")])
        .run(site);
}

#[test]
fn who_makes_roles_and_binds_any_makes_its_own() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.without_pods();
    Case::to_strong("bind-own", &["bind-own-role", "impersonate"])
        .right(on("create", "roles"), 0)
        .right(on("escalate", "roles"), 0)
        .right(on("create", "rolebindings"), 1)
        .right(on("bind", "roles"), 1)
        .near(
            "no escalate",
            0,
            &[on("create", "roles"), on("create", "rolebindings"), on("bind", "roles")],
        )
        .near(
            "no bind",
            1,
            &[on("create", "roles"), on("escalate", "roles"), on("create", "rolebindings")],
        )
        .run(site);
}

/// One may change a role that it holds and not escalate; another holds `escalate` and may bind what
/// it holds to others. Together they can, though neither is stronger than the one who takes both.
#[test]
fn what_one_lacks_another_hands_over() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.without_pods();
    let name = "hand-over";
    let rules = |verb: &str, resource: &str| json!([{"verbs": [verb], "apiGroups": [RBAC], "resources": [resource]}]);
    let (giver, taker) = (account(name, "giver"), account(name, "taker"));
    let [escalates, by] = grant("escalates", Some(name), &rules("escalate", "roles"), &giver);
    let [binds, too] = grant("binds", Some(name), &rules("create", "rolebindings"), &giver);
    let [changes, of] = grant("changes", Some(name), &rules("patch", "roles"), &taker);
    let mint = |name: &str| Right::new("create", "", "serviceaccounts/token").named(name);
    Case::to_strong(name, &["mint-token", "mint-token", "hand-over", "escalate", "impersonate"])
        .object(service_account(name, "giver"))
        .object(service_account(name, "taker"))
        .object(escalates)
        .object(by)
        .object(binds)
        .object(too)
        .object(changes)
        .object(of)
        .right(mint("giver"), 0)
        .right(mint("taker"), 1)
        .stands_on("escalates", 2)
        .stands_on("binds", 2)
        .stands_on("changes", 3)
        .near("one of them", 1, &[mint("giver")])
        .that_rises()
        .near("the other", 0, &[mint("taker")])
        .that_rises()
        .run(site);
}
