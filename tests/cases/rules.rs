//! What a rule gives.

use keybook::book::Tier;

use crate::words::{cr, crb, rb, rule, user, world};

#[test]
fn checkov_7110_a_rule_bound_to_names_is_bounded() {
    let world = world(&[
        cr("one", &[rule("get,update,delete", "", "secrets", &["tls"])]),
        crb("x", "one", &[user("alice")]),
        cr("stars", &[rule("*", "*", "*", &["only"])]),
        crb("y", "stars", &[user("bob")]),
    ]);
    let can = world.can("u:alice", "get", "secrets", "", "");
    assert_eq!(can.ways[0].names, Some(vec!["tls".into()]));
    assert!(world.can("u:alice", "get", "secrets", "", "tls").allowed());
    assert!(!world.can("u:alice", "get", "secrets", "", "other").allowed());
    let book = world.book();
    let tier = |who: &str| book.find(&who.parse().unwrap()).unwrap().tier;
    assert!(tier("u:bob") < Tier::ClusterAdmin, "{:?}", tier("u:bob"));
}

#[test]
fn rolesum_two_rules_with_names_add_up() {
    let world = world(&[
        cr("r", &[rule("get", "", "configmaps", &["a"]), rule("get", "", "configmaps", &["b"])]),
        crb("x", "r", &[user("alice")]),
    ]);
    let can = world.can("u:alice", "get", "configmaps", "", "");
    assert_eq!(can.ways[0].names, Some(vec!["a".into(), "b".into()]));
    assert_eq!(world.permissions("u:alice").len(), 2);
}

#[test]
fn names_of_two_grants_add_up() {
    let world = world(&[
        cr("r", &[rule("get", "", "configmaps", &["a"])]),
        cr("s", &[rule("get", "", "configmaps", &["b"])]),
        rb("n", "x", "r", &[user("alice")]),
        rb("n", "y", "s", &[user("alice")]),
    ]);
    let extents = world.can("u:alice", "get", "configmaps", "n", "").extents();
    assert_eq!(extents.len(), 1);
    assert_eq!(extents[0].names, Some(vec!["a".into(), "b".into()]));
}

#[test]
fn kubehound_a_star_after_a_resource_grants_nothing() {
    let world = world(&[
        cr("r", &[rule("create,get", "", "pods/*", &[])]),
        crb("x", "r", &[user("alice")]),
        cr("s", &[rule("create,get", "*", "*/*", &[])]),
        crb("y", "s", &[user("alice")]),
    ]);
    for resource in ["pods/exec", "pods", "pods/log", "*", "pods/*"] {
        assert!(!world.allowed("u:alice", "create", resource, ""), "{resource}");
        assert!(!world.allowed("u:alice", "get", resource, ""), "{resource}");
    }
    assert_eq!(world.holders("create", "pods/exec", ""), Vec::<String>::new());
    assert!(world.permissions("u:alice").is_empty());
}

#[test]
fn kubehound_a_star_before_a_subresource_grants_it() {
    let world = world(&[
        cr("r", &[rule("create", "", "*/exec", &[])]),
        crb("x", "r", &[user("alice")]),
        cr("s", &[rule("update", "*", "*/scale", &[])]),
        crb("y", "s", &[user("alice")]),
    ]);
    assert!(world.allowed("u:alice", "create", "pods/exec", ""));
    assert!(!world.allowed("u:alice", "create", "pods", ""));
    assert!(!world.allowed("u:alice", "create", "pods/attach", ""));
    assert!(world.allowed("u:alice", "update", "deployments/scale", ""));
    assert!(world.allowed("u:alice", "update", "*/scale", ""));
    assert!(!world.allowed("u:alice", "update", "deployments/status", ""));
}

#[test]
fn case_and_spelling_count() {
    let world = world(&[
        cr(
            "r",
            &[
                rule("GET", "", "pods", &[]),
                rule("get", "", "Pods", &[]),
                rule("get", "", "pod", &[]),
            ],
        ),
        crb("x", "r", &[user("alice")]),
    ]);
    assert!(!world.allowed("u:alice", "get", "pods", ""));
}
