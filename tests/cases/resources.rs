//! What a resource is, in which group and scope, and whether it is served.

use std::time::Instant;

use keybook::rbac::Authorizer;
use keybook::rbac::query::Note;
use keybook::rbac::review::{Outcome, Reviewer};
use serde_json::json;

use crate::words::{account, cr, crb, custom, group, namespace, rb, rule, sa, user, world};

#[test]
fn rakkess_176_subresources_are_shown_and_asked() {
    let world = world(&[
        cr("exec", &[rule("create", "", "pods/exec", &[])]),
        rb("a", "x", "exec", &[user("alice")]),
    ]);
    assert!(world.allowed("u:alice", "create", "pods/exec", "a"));
    assert!(!world.allowed("u:alice", "create", "pods", "a"));
    assert!(!world.allowed("u:alice", "get", "pods/exec", "a"));
    assert_eq!(world.permissions("u:alice")[0].rule.resources, ["pods/exec".into()]);
    assert_eq!(world.holders("create", "pod/exec", "a"), ["user:alice"]);
}

#[test]
fn kubernetes_108706_and_kubectl_1217_what_is_not_served_nobody_can() {
    let world = world(&[cr("all", &[rule("*", "*", "*", &[])]), crb("x", "all", &[user("alice")])]);
    for resource in ["pods/nonsense", "nonsense", "nonsense.example.org", "pods/logs", "nodes/exec"]
    {
        let can = world.can("u:alice", "get", resource, "", "");
        assert!(!can.allowed(), "{resource}");
        assert!(matches!(can.notes[0], Note::NotServed { .. }), "{resource}: {:?}", can.notes);
        assert!(can.notes[0].to_string().contains("does not serve"), "{}", can.notes[0]);
        assert_eq!(world.holders("get", resource, ""), Vec::<String>::new(), "{resource}");
    }
    assert!(world.allowed("u:alice", "get", "pods/log", ""));
}

#[test]
fn kubernetes_75970_a_cluster_scoped_resource_is_in_no_namespace() {
    let world = world(&[
        cr("nodes", &[rule("get,list", "", "nodes", &[])]),
        rb("a", "x", "nodes", &[user("alice")]),
        crb("y", "nodes", &[user("bob")]),
    ]);
    for ns in ["", "a"] {
        assert!(!world.allowed("u:alice", "get", "nodes", ns), "{ns}");
        assert!(world.allowed("u:bob", "get", "nodes", ns), "{ns}");
        assert_eq!(world.holders("get", "nodes", ns), ["user:bob"], "{ns}");
    }
    let notes = world.can("u:bob", "get", "nodes", "a", "").notes;
    assert!(matches!(notes[..], [Note::NoNamespace { .. }, Note::GroupsUnknown]), "{notes:?}");
    // The authorizer knows no scopes, and answers the review that it is given.
    let authorizer = Authorizer::new(&world.snapshot.objects);
    let reviewer = Reviewer::new(&authorizer, &world.snapshot);
    let outcome = |namespace: &str| {
        let review = json!({"spec": {"user": "alice", "resourceAttributes":
            {"verb": "get", "resource": "nodes", "namespace": namespace}}});
        reviewer.answer(review.to_string().as_bytes(), &mut Vec::new()).outcome
    };
    assert_eq!((outcome("a"), outcome("")), (Outcome::Allowed, Outcome::Denied));
}

#[test]
fn a_namespace_can_be_deleted_from_inside() {
    let world = world(&[
        namespace("a"),
        cr("admin", &[rule("*", "*", "*", &[])]),
        rb("a", "x", "admin", &[user("alice")]),
    ]);
    // A watch too, by the path of one Namespace.
    for verb in ["get", "watch", "update", "patch", "delete"] {
        assert!(world.allowed("u:alice", verb, "namespaces", "a"), "{verb}");
        assert!(!world.allowed("u:alice", verb, "namespaces", "b"), "{verb}");
        assert_eq!(world.scopes("u:alice", verb, "namespaces"), ["a"], "{verb}");
    }
    for verb in ["list", "create", "deletecollection"] {
        assert!(!world.allowed("u:alice", verb, "namespaces", "a"), "{verb}");
    }
    for resource in ["nodes", "clusterroles", "persistentvolumes"] {
        assert!(!world.allowed("u:alice", "get", resource, "a"), "{resource}");
    }
}

#[test]
fn kubectl_1598_and_kubernetes_140961_resources_that_discovery_does_not_list() {
    // An aggregated API with users of its own must not get in the way.
    let world = world(&[
        cr("imp", &[rule("impersonate", "", "users,groups", &[])]),
        cr("sign", &[rule("approve,sign", "certificates.k8s.io", "signers", &[])]),
        cr("extra", &[rule("impersonate", "authentication.k8s.io", "userextras/scopes,uids", &[])]),
        cr("accounts", &[rule("impersonate", "", "serviceaccounts", &[])]),
        crb("x", "imp", &[user("alice")]),
        crb("y", "sign", &[user("alice")]),
        crb("z", "extra", &[user("alice")]),
        rb("a", "v", "imp", &[user("bob")]),
        rb("a", "w", "accounts", &[user("bob")]),
    ])
    .serving([custom("user.example.org", "users"), custom("user.example.org", "groups")]);
    for (verb, resource) in [
        ("impersonate", "users"),
        ("impersonate", "groups"),
        ("approve", "signers"),
        ("sign", "signers.certificates.k8s.io"),
        ("impersonate", "userextras/scopes"),
        ("impersonate", "uids"),
    ] {
        assert!(world.allowed("u:alice", verb, resource, ""), "{verb} {resource}");
        let notes = world.can("u:alice", verb, resource, "", "").notes;
        assert!(notes.iter().any(|note| matches!(note, Note::Virtual { .. })), "{notes:?}");
    }
    assert!(!world.allowed("u:alice", "impersonate", "userextras/other", ""));
    // Whom to impersonate is asked without a namespace, an account in its own.
    assert!(!world.allowed("u:bob", "impersonate", "users", "a"));
    assert!(world.allowed("u:bob", "impersonate", "serviceaccounts", "a"));
    assert!(!world.allowed("u:bob", "impersonate", "serviceaccounts", "b"));
    assert!(!world.allowed("u:alice", "get", "users", ""), "the group's own users are others");
}

#[test]
fn krane_80_530_a_wildcard_stays_in_its_group() {
    let world = world(&[
        cr("metal", &[rule("get", "metal3.io", "*", &[])]),
        crb("x", "metal", &[user("alice")]),
    ])
    .serving([custom("metal3.io", "hosts"), custom("other.io", "things")]);
    assert!(world.allowed("u:alice", "get", "hosts", ""));
    for resource in ["things", "secrets", "pods", "*", "deployments"] {
        assert!(!world.allowed("u:alice", "get", resource, ""), "{resource}");
    }
    assert!(world.allowed("u:alice", "get", "*.metal3.io", ""));
}

#[test]
fn rakkess_a_resource_of_another_group_is_another() {
    let world = world(&[
        cr("r", &[rule("get", "x.example.org", "widgets", &[])]),
        crb("x", "r", &[user("alice")]),
    ])
    .serving([custom("x.example.org", "widgets"), custom("y.example.org", "widgets")]);
    assert!(world.allowed("u:alice", "get", "widgets.x.example.org", ""));
    assert!(!world.allowed("u:alice", "get", "widgets.y.example.org", ""));
}

#[test]
fn rbac_tool_78_many_custom_resources_and_bindings() {
    let plural = |at: usize| format!("thing{at}s");
    let crds: Vec<_> =
        (0..500).map(|at| custom(&format!("g{at}.example.org"), &plural(at))).collect();
    let mut objects = Vec::new();
    for at in 0..500 {
        let group = format!("g{at}.example.org");
        objects.push(cr(&format!("role-{at}"), &[rule("get", &group, &plural(at), &[])]));
    }
    for at in 0..2_000 {
        let (ns, role) = (format!("ns-{}", at % 50), format!("role-{}", at % 500));
        let subjects =
            [user(&format!("u{at}")), group(&format!("g{}", at % 20)), sa("", &format!("s{at}"))];
        objects.push(rb(&ns, &format!("b{at}"), &role, &subjects));
        objects.push(account(&ns, &format!("s{at}")));
    }
    let world = world(&objects).serving(crds);
    let begun = Instant::now();
    let holders = world.holders("get", "thing7s", "");
    // Bindings 7, 507, 1007 and 1507: four users, four accounts, and one group over again.
    assert_eq!(holders.len(), 9, "{holders:?}");
    assert!(holders.contains(&"user:u1507".to_owned()) && holders.contains(&"group:g7".to_owned()));
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}
