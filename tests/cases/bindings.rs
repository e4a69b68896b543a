//! Whom a binding reaches, and where.

use keybook::book::Tier;
use serde_json::Value;

use crate::words::{
    World, account, cr, crb, group, namespace, rb, rb_role, role, rule, sa, user, world,
};

fn view() -> Value {
    cr("view", &[rule("get,list", "", "pods", &[])])
}

fn identities(world: &World) -> Vec<String> {
    world.book().entries().map(|entry| entry.identity.to_string()).collect()
}

#[test]
fn kubectl_who_can_31_a_role_binding_to_a_cluster_role_counts() {
    let world = world(&[
        cr("secret-reader", &[rule("get", "", "secrets", &[])]),
        rb("a", "readers", "secret-reader", &[user("alice")]),
    ]);
    assert_eq!(world.holders("get", "secrets", "a"), ["user:alice"]);
    assert_eq!(world.holders("get", "secrets", "b"), Vec::<String>::new());
    assert_eq!(world.holders("get", "secrets", ""), ["user:alice"]);
    assert_eq!(world.scopes("u:alice", "get", "secrets"), ["a"]);
}

#[test]
fn rbac_lookup_42_every_role_binding_is_a_row() {
    let world = world(&[
        view(),
        rb("a", "x", "view", &[user("alice")]),
        rb("b", "x", "view", &[user("alice")]),
    ]);
    assert_eq!(world.scopes("u:alice", "get", "pods"), ["a", "b"]);
    let scopes: Vec<_> = world
        .permissions("u:alice")
        .iter()
        .map(|permission| permission.scope.namespace().cloned())
        .collect();
    assert_eq!(scopes, [Some("a".into()), Some("b".into())]);
}

#[test]
fn rbac_lookup_30_178_and_kubehound_pr314_an_account_without_namespace_is_the_bindings() {
    let world = world(&[view(), rb("a", "x", "view", &[sa("", "x")])]);
    assert_eq!(world.holders("get", "pods", "a"), ["sa:a/x"]);
    assert!(identities(&world).contains(&"sa:a/x".to_owned()));
    assert!(world.allowed("s:a/x", "get", "pods", "a"));
    assert!(!world.allowed("s:b/x", "get", "pods", "a"));
}

#[test]
fn an_account_without_namespace_in_a_cluster_role_binding_is_nobody() {
    let world = world(&[view(), crb("x", "view", &[sa("", "x")])]);
    assert_eq!(world.holders("get", "pods", ""), Vec::<String>::new());
}

#[test]
fn k9s_2169_a_grant_in_a_namespace_is_shown_in_it_only() {
    let world = world(&[view(), rb("a", "x", "view", &[user("alice")])]);
    let permissions = world.permissions("u:alice");
    assert_eq!(permissions.len(), 1);
    assert_eq!(permissions[0].scope.namespace().map(|ns| &**ns), Some("a"));
    assert!(!world.allowed("u:alice", "list", "pods", "b"));
}

#[test]
fn kubectl_rolesum_31_bindings_in_other_namespaces_count() {
    let world = world(&[
        view(),
        rb("a", "x", "view", &[user("alice")]),
        rb("b", "x", "view", &[user("alice"), sa("a", "bot")]),
    ]);
    assert_eq!(world.scopes("u:alice", "get", "pods"), ["a", "b"]);
    assert_eq!(world.scopes("s:a/bot", "get", "pods"), ["b"]);
}

#[test]
fn rbac_tool_112_two_accounts_of_one_name_are_two() {
    let world = world(&[
        view(),
        account("a", "default"),
        account("b", "default"),
        crb("x", "view", &[sa("a", "default"), sa("b", "default")]),
    ]);
    assert_eq!(world.holders("get", "pods", ""), ["sa:a/default", "sa:b/default"]);
    let listed: Vec<String> =
        identities(&world).into_iter().filter(|name| name.ends_with("/default")).collect();
    assert_eq!(listed, ["sa:a/default", "sa:b/default"]);
}

#[test]
fn polaris_1019_a_role_called_cluster_admin_is_a_role() {
    let world = world(&[
        cr("cluster-admin", &[rule("*", "*", "*", &[])]),
        role("a", "cluster-admin", &[rule("get", "", "configmaps", &[])]),
        rb_role("a", "x", "cluster-admin", &[user("alice")]),
        rb("a", "y", "cluster-admin", &[user("bob")]),
        crb("z", "cluster-admin", &[user("carol")]),
    ]);
    assert!(world.allowed("u:alice", "get", "configmaps", "a"));
    assert!(!world.allowed("u:alice", "get", "secrets", "a"));
    assert!(!world.allowed("u:alice", "*", "*", "a"));
    assert!(world.allowed("u:bob", "*", "*", "a") && !world.allowed("u:bob", "get", "nodes", ""));
    let book = world.book();
    let tier = |who: &str| book.find(&who.parse().unwrap()).unwrap().tier;
    assert_eq!(tier("u:alice"), Tier::Read);
    assert!(tier("u:bob") < Tier::ClusterAdmin);
    assert_eq!(tier("u:carol"), Tier::ClusterAdmin);
}

#[test]
fn k9s_three_namespaces_are_three_rows_and_an_unbound_role_is_none() {
    let mut objects = vec![
        view(),
        role("a", "r", &[rule("get", "", "secrets", &[])]),
        role("d", "r", &[rule("get", "", "secrets", &[])]),
        rb_role("a", "r", "r", &[user("alice")]),
    ];
    objects.extend(["a", "b", "c"].map(|ns| rb(ns, "x", "view", &[user("alice")])));
    let world = world(&objects);
    assert_eq!(world.scopes("u:alice", "get", "pods"), ["a", "b", "c"]);
    assert_eq!(world.scopes("u:alice", "get", "secrets"), ["a"]);
    let in_d = world
        .permissions("u:alice")
        .iter()
        .any(|permission| permission.scope.namespace().is_some_and(|ns| &**ns == "d"));
    assert!(!in_d);
}

#[test]
fn rbac_lookup_a_user_and_a_group_of_one_name_are_two() {
    let world = world(&[
        view(),
        cr("write", &[rule("delete", "", "pods", &[])]),
        crb("x", "view", &[user("dev")]),
        crb("y", "write", &[group("dev")]),
    ]);
    let listed: Vec<String> =
        identities(&world).into_iter().filter(|name| name.ends_with(":dev")).collect();
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert!(!world.allowed("u:dev", "delete", "pods", ""));
    assert!(!world.allowed("g:dev", "get", "pods", ""));
}

#[test]
fn a_user_that_spells_an_account_is_that_account() {
    let world = world(&[
        view(),
        account("a", "bot"),
        crb("x", "view", &[user("system:serviceaccount:a:bot")]),
    ]);
    assert_eq!(world.holders("get", "pods", ""), ["sa:a/bot"]);
    let bots = identities(&world).into_iter().filter(|name| name.contains("bot")).count();
    assert_eq!(bots, 1);
}

#[test]
fn krane_509_roles_of_one_name_in_two_namespaces_are_two() {
    let world = world(&[
        role("a", "r", &[rule("get", "", "secrets", &[])]),
        role("b", "r", &[rule("get", "", "configmaps", &[])]),
        rb_role("a", "x", "r", &[user("alice")]),
        rb_role("b", "x", "r", &[user("alice")]),
    ]);
    assert_eq!(world.scopes("u:alice", "get", "secrets"), ["a"]);
    assert_eq!(world.scopes("u:alice", "get", "configmaps"), ["b"]);
}

#[test]
fn rbac_manager_563_what_is_in_a_namespace_that_is_gone_stops_nothing_else() {
    let world = world(&[
        view(),
        namespace("a"),
        rb("a", "x", "view", &[user("alice")]),
        rb("gone", "x", "view", &[user("alice"), sa("", "bot")]),
        rb("z", "x", "lost", &[user("alice")]),
    ]);
    assert!(world.allowed("u:alice", "get", "pods", "a"));
    assert_eq!(world.permissions("u:alice").len(), 2);
    assert!(identities(&world).contains(&"sa:gone/bot".to_owned()));
}
