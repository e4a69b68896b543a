//! What comes by way of groups.

use keybook::rbac::query::{Note, Via};

use crate::words::{account, cr, crb, group, rb, rule, sa, user, world};

#[test]
fn kubectl_permissions_97_every_account_has_what_all_accounts_have() {
    let world = world(&[
        cr("view", &[rule("get", "", "pods", &[])]),
        account("a", "one"),
        account("b", "two"),
        crb("x", "view", &[group("system:serviceaccounts")]),
        rb("a", "y", "view", &[user("alice")]),
    ]);
    assert_eq!(
        world.holders("get", "pods", ""),
        ["user:alice", "group:system:serviceaccounts", "sa:a/one", "sa:b/two"]
    );
    assert!(world.allowed("s:c/not-there-yet", "get", "pods", "c"));
    assert!(!world.allowed("u:alice", "get", "pods", "b"));
    assert!(world.permissions("s:b/two").iter().any(|one| one.rule.resources == ["pods".into()]));
}

#[test]
fn the_accounts_of_one_namespace_are_a_group() {
    let world = world(&[
        cr("view", &[rule("get", "", "pods", &[])]),
        account("a", "one"),
        account("b", "two"),
        rb("b", "x", "view", &[group("system:serviceaccounts:a")]),
    ]);
    assert_eq!(world.holders("get", "pods", "b"), ["group:system:serviceaccounts:a", "sa:a/one"]);
    assert!(!world.allowed("s:b/two", "get", "pods", "b"));
}

#[test]
fn everybody_who_authenticates_and_who_does_not() {
    let world = world(&[
        cr("view", &[rule("get", "", "pods", &[])]),
        cr("open", &[rule("get", "", "services", &[])]),
        account("a", "one"),
        crb("x", "view", &[group("system:authenticated")]),
        crb("y", "open", &[group("system:unauthenticated")]),
        crb("z", "gone", &[user("alice")]),
    ]);
    assert_eq!(
        world.holders("get", "pods", ""),
        ["user:alice", "group:system:authenticated", "sa:a/one"]
    );
    assert_eq!(
        world.holders("get", "services", ""),
        ["user:system:anonymous", "group:system:unauthenticated"]
    );
}

#[test]
fn kubernetes_122579_rights_by_a_group_count_where_the_group_is_known_and_are_doubted_else() {
    let objects = [
        cr("cluster-admin", &[rule("*", "*", "*", &[])]),
        crb("x", "cluster-admin", &[group("example:masters")]),
        crb("y", "gone", &[user("jane"), user("bob")]),
    ];
    let world = world(&objects).in_groups("jane", &["example:masters"]);
    let jane = world.can("u:jane", "delete", "nodes", "", "");
    assert!(jane.allowed() && !jane.notes.contains(&Note::GroupsUnknown));
    let bob = world.can("u:bob", "delete", "nodes", "", "");
    assert!(!bob.allowed() && bob.notes.contains(&Note::GroupsUnknown));
    assert_eq!(world.holders("delete", "nodes", ""), ["user:jane", "group:example:masters"]);
    let undecided = world.who_can("delete", "nodes", "").undecided;
    let undecided: Vec<String> = undecided.iter().map(|one| one.identity.to_string()).collect();
    assert_eq!(undecided, ["user:bob"]);
    // The groups of accounts and of the anonymous user are never in doubt.
    for who in ["s:a/bot", "u:system:anonymous"] {
        let notes = world.can(who, "delete", "nodes", "", "").notes;
        assert!(!notes.contains(&Note::GroupsUnknown), "{who}");
    }
    let book = world.book();
    let known = |who: &str| book.find(&who.parse().unwrap()).unwrap().groups_known;
    assert!(known("u:jane") && !known("u:bob"));
}

#[test]
fn kubernetes_119036_98092_masters_need_no_binding() {
    let world = world(&[crb("x", "gone", &[user("boss"), sa("a", "bot")])])
        .in_groups("boss", &["system:masters"]);
    for (verb, resource) in [("*", "*"), ("delete", "nodes"), ("get", "/metrics")] {
        let can = world.can("u:boss", verb, resource, "", "");
        assert!(matches!(can.ways[..], [ref way] if way.via == Via::Masters), "{verb} {resource}");
        assert!(!world.allowed("s:a/bot", verb, resource, ""));
    }
    let found = world.who_can("delete", "nodes", "");
    let holders: Vec<String> =
        found.holders.iter().map(|holder| holder.asker.identity.to_string()).collect();
    assert_eq!(holders, ["user:boss", "group:system:masters"]);
    assert!(world.permissions("u:boss").iter().all(|one| one.via.is_none()));
}
