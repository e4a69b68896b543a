//! What is done in somebody's name as far as one's own rules let it.

use super::twins::{APP, leads, never};
use super::*;

const AUTH: &str = "authentication.k8s.io";

#[test]
fn constrained_impersonation_reaches_what_its_rules_let_through() {
    let boss = || company().bind(None, "boss", "ClusterRole/cluster-admin", "user:boss");
    let who = || named(rule(&["impersonate:user-info"], AUTH, &["users"]), &["boss"]);
    let on = |verb: &str, resource| {
        rule(&[&*format!("impersonate-on:user-info:{verb}")], "", &[resource])
    };
    let by = [Step::ConstrainedImpersonate, Step::MintToken];
    leads(boss(), None, json!([who(), on("create", "serviceaccounts/token")]), &by);
    never(boss(), None, json!([who(), on("get", "serviceaccounts/token")]));
    never(boss(), None, json!([who(), on("list", "pods")]));
    // What is left of the boss is as strong as that.
    let be = named(rule(&["impersonate:serviceaccount"], AUTH, &["serviceaccounts"]), &["strong"]);
    let tiers = |verb: &str| {
        let rules = json!([be, rule(&[verb], "", &["secrets"])]);
        let found = reached(&jane(company(), APP, &rules), "user:jane");
        (found.own, found.tier)
    };
    let read = (Tier::NamespaceWrite, Tier::ReadsSecrets);
    assert_eq!(tiers("impersonate-on:serviceaccount:get"), read);
    let none = (Tier::NamespaceWrite, Tier::NamespaceWrite);
    assert_eq!(tiers("impersonate-on:user-info:get"), none);
    assert_eq!(tiers("impersonate-on:serviceaccount:update"), none);
    // A delete is answered with the Secret.
    assert_eq!(tiers("impersonate-on:serviceaccount:delete"), read);
    never(boss(), None, json!([on("create", "serviceaccounts/token")]));
    // A star is every verb only where it is all of one.
    let star = |verb: &str| rule(&[verb], "", &["serviceaccounts/token"]);
    never(boss(), None, json!([who(), star("impersonate-on:user-info:*")]));
    assert_eq!(tiers("impersonate-on:serviceaccount:*"), none);
    // What an apply makes is asked about as the patch that it is.
    let maker = || {
        let mine = named(rule(&["create", "patch"], "", &["pods"]), &["mine"]);
        company().role("app", "maker", &json!([mine])).bind(APP, "maker", "Role/maker", "user:boss")
    };
    let run = [Step::ConstrainedImpersonate, Step::RunPod];
    leads(maker(), None, json!([who(), on("patch", "pods")]), &run);
    never(maker(), None, json!([who(), on("create", "pods")]));
    let mut old = boss();
    old.snapshot.cluster.server_version = Some("v1.34.4".into());
    never(old, None, json!([who(), on("create", "serviceaccounts/token")]));
}

#[test]
fn many_groups_are_asked_for_under_one_name() {
    let admins = || company().bind(None, "admins", "ClusterRole/cluster-admin", "group:admins");
    let who = || named(rule(&["impersonate:user-info"], AUTH, &["users"]), &["x"]);
    let groups = |name: &str| named(rule(&["impersonate:user-info"], AUTH, &["groups"]), &[name]);
    let mint = || on("user-info", "create", "serviceaccounts/token");
    let by = [Step::ConstrainedImpersonate, Step::MintToken];
    leads(admins(), None, json!([who(), groups("admins"), mint()]), &by);
    leads(admins(), None, json!([who(), groups("*"), mint()]), &by);
    never(admins(), None, json!([who(), groups("other"), mint()]));
    // Not so of system:masters, nor of who is impersonated.
    never(company(), None, json!([who(), groups("*"), mint()]));
    let any = || named(rule(&["impersonate:user-info"], AUTH, &["users"]), &["*"]);
    let boss = company().bind(None, "boss", "ClusterRole/cluster-admin", "user:boss");
    never(boss, None, json!([any(), mint()]));
}

#[test]
fn an_account_that_is_not_there_is_impersonated_with_its_groups() {
    let mints = json!([rule(&["create"], "", &["serviceaccounts/token"])]);
    let group = "group:system:serviceaccounts:app";
    let world = || company().role("app", "mints", &mints).bind(APP, "all", "Role/mints", group);
    let ghost =
        || named(rule(&["impersonate:serviceaccount"], AUTH, &["serviceaccounts"]), &["ghost"]);
    let by = [Step::ConstrainedImpersonate, Step::MintToken];
    let mint = || on("serviceaccount", "create", "serviceaccounts/token");
    leads(world(), APP, json!([ghost(), mint()]), &by);
    never(world(), APP, json!([ghost()]));
    never(company(), APP, json!([ghost(), mint()]));
}

/// Requests in the name of `strong`, for what a role lets be done so.
fn be() -> Value {
    named(rule(&["impersonate:serviceaccount"], AUTH, &["serviceaccounts"]), &["strong"])
}

fn on(mode: &str, verb: &str, resource: &str) -> Value {
    rule(&[&*format!("impersonate-on:{mode}:{verb}")], "", &[resource])
}

#[test]
fn who_is_impersonated_and_for_what_may_be_said_by_two_roles() {
    let token = |mode, verb| on(mode, verb, "serviceaccounts/token");
    let world = |lends: Value| {
        company()
            .cluster_role("lends", &json!([lends]))
            .cluster_role("poses", &json!([be()]))
            .cluster_role("reads", &json!([rule(&["get"], "", &["pods"])]))
    };
    let lends = || world(token("serviceaccount", "create"));
    let write = || rule(&["create"], RBAC, &["rolebindings"]);
    let bind = |names: &[&str]| named(rule(&["bind"], RBAC, &["clusterroles"]), names);
    let by = [Step::Bind, Step::ConstrainedImpersonate, Step::MintToken];
    // One is held, the other is given on the way.
    leads(lends(), APP, json!([be(), write(), bind(&["lends"])]), &by);
    let own = || token("serviceaccount", "create");
    leads(lends(), APP, json!([own(), write(), bind(&["poses"])]), &by);
    // Both are given.
    let both = [Step::Bind, Step::Bind, Step::ConstrainedImpersonate, Step::MintToken];
    leads(lends(), APP, json!([write(), bind(&["lends", "poses"])]), &both);
    never(lends(), APP, json!([be(), write(), bind(&["reads"])]));
    never(lends(), APP, json!([write(), bind(&["lends"])]));
    never(lends(), APP, json!([write(), bind(&["poses"])]));
    never(lends(), APP, json!([be(), bind(&["lends"])]));
    for other in [token("serviceaccount", "get"), token("user-info", "create")] {
        never(world(other.clone()), APP, json!([be(), write(), bind(&["lends"])]));
        never(lends(), APP, json!([other, write(), bind(&["poses"])]));
    }
    // What is given in a namespace lets something be done there, whomever one is impersonated as.
    let elsewhere = |place: &str| {
        let rules = json!([write(), bind(&["lends"])]);
        let world = lends().account("bare", "weak");
        let world = jane(world, Some(place), &rules).role("app", "poser", &json!([be()]));
        world.bind(APP, "poser", "Role/poser", "user:jane")
    };
    for place in ["app", "quiet"] {
        assert_eq!(steps(&elsewhere(place)).as_deref(), Some(&by[..]), "{place}");
    }
    assert_eq!(steps(&elsewhere("bare")), None);
}

#[test]
fn a_role_that_another_holds_is_handed_over_for_what_it_lets_be_done() {
    let lends = on("serviceaccount", "create", "serviceaccounts/token");
    let mint = named(rule(&["create"], "", &["serviceaccounts/token"]), &["weak"]);
    let world = |weak: &[Value]| {
        company()
            .role("app", "lends", &json!([lends.clone()]))
            .role("app", "more", &json!(weak))
            .bind(APP, "lends", "Role/lends", "sa:app/weak")
            .bind(APP, "more", "Role/more", "sa:app/weak")
    };
    let write = rule(&["create"], RBAC, &["rolebindings"]);
    let rules = || json!([be(), mint.clone()]);
    let by = [Step::MintToken, Step::HandOver, Step::ConstrainedImpersonate, Step::MintToken];
    leads(world(std::slice::from_ref(&write)), APP, rules(), &by);
    never(world(&[rule(&["create"], RBAC, &["clusterrolebindings"])]), APP, rules());
    never(world(&[write]), APP, json!([mint]));
}

#[test]
fn a_websocket_asks_for_get_in_the_name_of_another() {
    let who = || named(rule(&["impersonate:user-info"], AUTH, &["users"]), &["boss"]);
    for (resource, step) in [("pods/exec", Step::Exec), ("pods/attach", Step::Attach)] {
        let world = |verbs: &[&str]| {
            company()
                .object(&super::twins::pod("app", "p", "strong", "Running"))
                .role("app", "into", &json!([rule(verbs, "", &[resource])]))
                .bind(APP, "into", "Role/into", "user:boss")
        };
        let on = |verb| on("user-info", verb, resource);
        let by = [Step::ConstrainedImpersonate, step];
        // By SPDY the request is a `create`.
        leads(world(&["create"]), None, json!([who(), on("create")]), &by);
        // By a websocket it is a `get`; `create` is asked besides, of the one who is impersonated.
        leads(world(&["get", "create"]), None, json!([who(), on("get")]), &by);
        never(world(&["create"]), None, json!([who(), on("get")]));
        never(world(&["get"]), None, json!([who(), on("get")]));
        never(world(&["get"]), None, json!([who(), on("create")]));
        never(world(&["get", "create"]), None, json!([who(), on("list")]));
        never(world(&["get", "create"]), None, json!([on("get")]));
    }
    // Both are for the same pod.
    let parted = |pod: &str| {
        let into = |verb: &str, name: &str| named(rule(&[verb], "", &["pods/exec"]), &[name]);
        let rules = json!([into("get", "p"), into("create", pod)]);
        company()
            .object(&super::twins::pod("app", "p", "strong", "Running"))
            .role("app", "into", &rules)
            .bind(APP, "into", "Role/into", "user:boss")
    };
    let get = || json!([who(), on("user-info", "get", "pods/exec")]);
    leads(parted("p"), None, get(), &[Step::ConstrainedImpersonate, Step::Exec]);
    never(parted("q"), None, get());
    // A node's proxy is asked about by what is sent.
    let node = |verb: &str| {
        let world = company().object(&super::twins::pod("app", "p", "strong", "Running"));
        let world = world.cluster_role("node", &json!([rule(&[verb], "", &["nodes/proxy"])]));
        world.bind(None, "node", "ClusterRole/node", "user:boss")
    };
    let asked = |verb| json!([who(), on("user-info", verb, "nodes/proxy")]);
    for (verb, other) in [("get", "create"), ("create", "get")] {
        leads(node(verb), None, asked(verb), &[Step::ConstrainedImpersonate, Step::Kubelet]);
        never(node(verb), None, asked(other));
    }
}
