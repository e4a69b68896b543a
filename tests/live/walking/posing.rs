//! Steps by impersonation.

use serde_json::json;

use super::case::Case;
use super::rights::{Right, account, bound, grant, role, service_account};
use super::site::Site;

const AUTHENTICATION: &str = "authentication.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";

fn legacy(resource: &'static str) -> Right {
    Right::new("impersonate", "", resource)
}

#[test]
fn who_impersonates_asks_as_another() {
    let Some(site) = Site::shared() else { return };
    Case::to_strong("pose-account", &["impersonate"])
        .right(legacy("serviceaccounts").named("strong"), 0)
        .near("another account", 0, &[legacy("serviceaccounts").named("default")])
        .near("elsewhere", 0, &[legacy("serviceaccounts").elsewhere()])
        .near("a user of the name", 0, &[legacy("users").named("strong").everywhere()])
        .near(
            "other verbs",
            0,
            &[
                Right::new("get", "", "serviceaccounts"),
                Right::new("create", "", "serviceaccounts"),
                Right::new("delete", "", "serviceaccounts"),
            ],
        )
        .near("another group", 0, &[Right::new("impersonate", AUTHENTICATION, "serviceaccounts")])
        .run(site);
    let boss = "pose-user-boss@walk.example";
    let user = json!({"kind": "User", "name": boss, "apiGroup": "rbac.authorization.k8s.io"});
    Case::to_role("pose-user", &["impersonate"])
        .object(bound("pose-user-boss", None, ("ClusterRole", "cluster-admin"), &user))
        .right(legacy("users").named(boss).everywhere(), 0)
        .stands_on("pose-user-boss", 0)
        .near("another user", 0, &[legacy("users").named("someone@walk.example").everywhere()])
        .near("in a namespace, where users are not", 0, &[legacy("users").named(boss)])
        .near("the group's right", 0, &[legacy("groups").named(boss).everywhere()])
        .run(site);
    let group =
        json!({"kind": "Group", "name": "walk-bosses", "apiGroup": "rbac.authorization.k8s.io"});
    let nobody = "nobody@walk.example";
    Case::to_role("pose-group", &["impersonate"])
        .object(bound("pose-group-bosses", None, ("ClusterRole", "cluster-admin"), &group))
        .right(legacy("users").named(nobody).everywhere(), 0)
        .right(legacy("groups").named("walk-bosses").everywhere(), 0)
        .stands_on("pose-group-bosses", 0)
        .near("the group without a user", 0, &[legacy("groups").named("walk-bosses").everywhere()])
        .near(
            "another group",
            0,
            &[
                legacy("users").named(nobody).everywhere(),
                legacy("groups").named("others").everywhere(),
            ],
        )
        .run(site);
    Case::to_role("pose-masters", &["impersonate"])
        .right(legacy("serviceaccounts"), 0)
        .right(legacy("groups").named("system:masters").everywhere(), 0)
        .run(site);
}

/// The constrained sort (KEP-5284): who is impersonated, and for what.
#[test]
fn constrained_impersonation_is_for_what_its_rules_say() {
    let Some(site) = Site::shared() else { return };
    let version = site.cluster.ready()["version"].as_str().expect("a version").to_owned();
    assert!(version.starts_with("v1.36."), "on by default since 1.36: {version}");
    // Somebody may have tokens made for the strong one, and be impersonated for that.
    let minter = |name: &'static str, subject| {
        let rules = json!([{"verbs": ["create"], "apiGroups": [""],
            "resources": ["serviceaccounts/token"]}]);
        let [role, binding] = grant("mints", Some(name), &rules, &subject);
        Case::to_strong(name, &["constrained-impersonate", "mint-token"])
            .object(role)
            .object(binding)
            .stands_on("mints", 0)
    };
    let token = |verb| Right::new(verb, "", "serviceaccounts/token");
    let info = |verb| Right::new(verb, AUTHENTICATION, "users").everywhere();
    let user = "minter@walk.example";
    let subject = json!({"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"});
    let on_user = "impersonate-on:user-info:create";
    minter("constrained-user", subject)
        .right(info("impersonate:user-info").named(user), 0)
        .right(token(on_user), 0)
        .near("nobody to be", 0, &[token(on_user)])
        .near("nothing to do", 0, &[info("impersonate:user-info").named(user)])
        .near("another user", 0, &[info("impersonate:user-info").named("x"), token(on_user)])
        .near(
            "for another request",
            0,
            &[info("impersonate:user-info").named(user), token("impersonate-on:user-info:get")],
        )
        .near(
            "in another mode",
            0,
            &[
                info("impersonate:user-info").named(user),
                token("impersonate-on:serviceaccount:create"),
            ],
        )
        .near(
            "elsewhere",
            0,
            &[info("impersonate:user-info").named(user), token(on_user).elsewhere()],
        )
        .run(site);
    let name = "constrained-account";
    let be = |verb, group| Right::new(verb, group, "serviceaccounts").named("minter");
    let on_account = "impersonate-on:serviceaccount:create";
    minter(name, account(name, "minter"))
        .object(service_account(name, "minter"))
        .right(be("impersonate:serviceaccount", AUTHENTICATION), 0)
        .right(token(on_account), 0)
        .near(
            "the right of users",
            0,
            &[be("impersonate:user-info", AUTHENTICATION), token(on_account)],
        )
        .near(
            "in the group of accounts",
            0,
            &[be("impersonate:serviceaccount", ""), token(on_account)],
        )
        .near(
            "in another mode",
            0,
            &[be("impersonate:serviceaccount", AUTHENTICATION), token(on_user)],
        )
        .run(site);
}

/// Who is impersonated one role says, and for what another that is given on the way.
#[test]
fn two_roles_say_who_is_impersonated_and_for_what() {
    let Some(site) = Site::shared() else { return };
    let name = "constrained-two";
    let token = json!([{"verbs": ["create"], "apiGroups": [""],
        "resources": ["serviceaccounts/token"]}]);
    let lends = json!([{"verbs": ["impersonate-on:serviceaccount:create"], "apiGroups": [""],
        "resources": ["serviceaccounts/token"]}]);
    let [minting, mints] = grant("mints", Some(name), &token, &account(name, "minter"));
    let write = || Right::new("create", RBAC, "rolebindings");
    let bind = || Right::new("bind", RBAC, "clusterroles").named("constrained-two-lends");
    let be = || {
        let right = Right::new("impersonate:serviceaccount", AUTHENTICATION, "serviceaccounts");
        right.named("minter")
    };
    Case::to_strong(name, &["bind", "constrained-impersonate", "mint-token"])
        .object(service_account(name, "minter"))
        .object(minting)
        .object(mints)
        .object(role("constrained-two-lends", None, &lends))
        .stands_on("mints", 1)
        .right(write(), 0)
        .right(bind(), 0)
        .right(be(), 1)
        .near("nobody to be", 1, &[write(), bind()])
        .near("nothing to bind it with", 0, &[bind(), be()])
        .near("another role", 0, &[write(), be(), Right::new("bind", RBAC, "roles").named("other")])
        .near("elsewhere", 0, &[write().elsewhere(), bind().elsewhere(), be()])
        .run(site);
}

/// A websocket is a `get`, also in the name of another; SPDY is a `create`.
#[test]
fn what_a_connection_is_asked_about_is_asked_in_the_name_of_another() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    for (name, boss, verbs, on, others) in [
        (
            "constrained-socket",
            "socket-boss@walk.example",
            &["get", "create"][..],
            "impersonate-on:user-info:get",
            &["impersonate-on:user-info:list", "impersonate-on:serviceaccount:get"],
        ),
        (
            "constrained-spdy",
            "spdy-boss@walk.example",
            &["create"],
            "impersonate-on:user-info:create",
            &["impersonate-on:user-info:get", "impersonate-on:user-info:update"],
        ),
    ] {
        let subject =
            json!({"kind": "User", "name": boss, "apiGroup": "rbac.authorization.k8s.io"});
        let rules = json!([{"verbs": verbs, "apiGroups": [""], "resources": ["pods/exec"]}]);
        let [role, binding] = grant("enters", Some(name), &rules, &subject);
        let be = || {
            let right = Right::new("impersonate:user-info", AUTHENTICATION, "users");
            right.named(boss).everywhere()
        };
        let into = |verb| Right::new(verb, "", "pods/exec");
        let mut case = Case::to_strong(name, &["constrained-impersonate", "exec"])
            .object(role)
            .object(binding)
            .pod("busy", "strong")
            .stands_on("enters", 0)
            .right(be(), 0)
            .right(into(on), 0)
            .near("nobody to be", 0, &[into(on)]);
        for other in others {
            case = case.near(other, 0, &[be(), into(other)]);
        }
        case.run(site);
    }
}
