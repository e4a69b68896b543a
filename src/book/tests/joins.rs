//! Who is there, in which groups, and how strong.

use serde_json::json;

use super::world::{Row, World};
use crate::book::{Existence, GroupSource, Tier, UseState};
use crate::model::{Health, ListKind, ListState};

fn names(world: &World) -> Vec<String> {
    let mut names: Vec<String> =
        world.book().entries().map(|entry| entry.identity.to_string()).collect();
    names.sort();
    names
}

#[test]
fn everybody_that_anything_names_is_listed_once() {
    let mut world = World::new()
        .namespace("a")
        .account("a", "default")
        .bind(Some("a"), "gone", "Role/missing", "sa:a/ghost")
        .bind(None, "ops", "ClusterRole/view", "group:ops")
        .bind(None, "same", "ClusterRole/view", "user:system:serviceaccount:a:default")
        .object(&json!({
            "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "metadata": {"name": "x"}, "spec": {"username": "eve", "signerName": "s"},
        }))
        .log(0, 9)
        .row(Row::new("user:ana", "get pods@a/x", 1))
        .row(Row::new("user:ana", "get pods@a/x", 1).acting_as("user:bob", None));
    world.policy.groups.insert("kim".into(), vec!["devs".into()]);
    assert_eq!(
        names(&world),
        [
            "group:devs",
            "group:ops",
            "sa:a/default",
            "sa:a/ghost",
            "user:ana",
            "user:bob",
            "user:eve",
            "user:kim"
        ]
    );
    let book = world.book();
    assert_eq!(book.who("sa:a/default").existence, Existence::Exists);
    assert_eq!(book.who("sa:a/ghost").existence, Existence::Missing);
    assert_eq!(book.who("user:ana").existence, Existence::NoObject);
    let mut partial = world;
    partial
        .snapshot
        .lists
        .insert(ListKind::ServiceAccounts, ListState::because(Health::Forbidden, "403"));
    assert_eq!(partial.book().who("sa:a/ghost").existence, Existence::NotKnown);
}

#[test]
fn groups_have_their_strongest_source_and_are_known_or_not() {
    let mut world = World::new()
        .bind(None, "devs", "ClusterRole/view", "group:devs")
        .bind(None, "kim", "ClusterRole/view", "user:kim")
        .bind(None, "eve", "ClusterRole/view", "user:eve")
        .account("a", "x")
        .log(0, 9)
        .row(Row::new("user:ana", "get pods", 3).groups(&["devs", "system:authenticated"]))
        .row(Row::new("user:ana", "get pods", 5).groups(&["devs", "system:authenticated"]))
        // An impersonator chooses the groups of whom it impersonates: they prove nothing.
        .row(Row::new("user:ana", "get pods", 6).acting_as("user:eve", None));
    world.policy.groups.insert("kim".into(), vec!["devs".into()]);
    let book = world.book();
    let ana = book.who("user:ana");
    assert!(ana.groups_known);
    let of = |who: &str| {
        book.who(who)
            .groups
            .iter()
            .map(|group| (group.name.to_string(), group.source))
            .collect::<Vec<_>>()
    };
    let implicit = ("system:authenticated".to_owned(), GroupSource::Implicit);
    assert_eq!(of("user:ana"), [("devs".to_owned(), GroupSource::Log), implicit.clone()]);
    assert_eq!(ana.groups[0].last_seen, Some(super::world::day(5)));
    assert_eq!(of("user:kim"), [("devs".to_owned(), GroupSource::Given), implicit.clone()]);
    assert!(book.who("user:kim").groups_known);
    assert_eq!(of("user:eve"), [implicit]);
    assert!(!book.who("user:eve").groups_known);
    assert_eq!(
        book.who("sa:a/x").groups.iter().map(|group| &*group.name).collect::<Vec<_>>(),
        ["system:authenticated", "system:serviceaccounts", "system:serviceaccounts:a"]
    );
    let members = &book.who("group:devs").members;
    assert_eq!(members.len(), 2);
    assert!(members.contains(&ana.id) && members.contains(&book.who("user:kim").id));
}

#[test]
fn tiers_are_by_what_rules_allow_never_by_a_name() {
    let rule = |verbs: &[&str], group: &str, resource: &str| json!([{"verbs": verbs, "apiGroups": [group], "resources": [resource]}]);
    let named = json!([{
        "verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"],
    }]);
    let clear_named = json!([{"verbs": ["deletecollection"], "apiGroups": [""],
        "resources": ["secrets"], "resourceNames": ["a"]}]);
    let paths = json!([{"verbs": ["get"], "nonResourceURLs": ["/healthz", "/api/*"]}]);
    let metrics = json!([{"verbs": ["get"], "nonResourceURLs": ["/metrics"]}]);
    let ask = json!([{
        "verbs": ["create"], "apiGroups": ["authorization.k8s.io"],
        "resources": ["selfsubjectaccessreviews"],
    }]);
    let scc = |verb: &str, name: &str| {
        json!([{"verbs": [verb], "apiGroups": ["security.openshift.io"],
            "resources": ["securitycontextconstraints"], "resourceNames": [name]}])
    };
    let cases = [
        ("scc", scc("use", "restricted-v2"), Tier::DiscoveryOnly, Tier::DiscoveryOnly),
        ("scc-strong", scc("use", "privileged"), Tier::ClusterWrite, Tier::NamespaceWrite),
        ("scc-edit", scc("patch", "restricted-v2"), Tier::ClusterWrite, Tier::NamespaceWrite),
        ("all", rule(&["*"], "*", "*"), Tier::ClusterAdmin, Tier::NamespaceAdmin),
        ("write", rule(&["patch"], "", "pods"), Tier::ClusterWrite, Tier::NamespaceWrite),
        (
            "roles",
            rule(&["create"], "rbac.authorization.k8s.io", "rolebindings"),
            Tier::ClusterWrite,
            Tier::NamespaceAdmin,
        ),
        ("secrets", rule(&["list"], "", "secrets"), Tier::ReadsSecrets, Tier::ReadsSecrets),
        // Answered with what is there; a PUT with what was sent.
        ("patch", rule(&["patch"], "", "secrets"), Tier::ClusterWrite, Tier::ReadsSecrets),
        ("delete", rule(&["delete"], "", "secrets"), Tier::ClusterWrite, Tier::ReadsSecrets),
        ("clear", rule(&["deletecollection"], "", "*"), Tier::ClusterWrite, Tier::ReadsSecrets),
        ("clear-named", clear_named, Tier::ClusterWrite, Tier::NamespaceWrite),
        ("put", rule(&["update"], "", "secrets"), Tier::ClusterWrite, Tier::NamespaceWrite),
        ("star", rule(&["get"], "*", "*"), Tier::ReadsSecrets, Tier::ReadsSecrets),
        ("other", rule(&["get"], "metal3.io", "*"), Tier::Read, Tier::Read),
        ("named", named, Tier::ReadsSecrets, Tier::ReadsSecrets),
        ("read", rule(&["get"], "", "pods"), Tier::Read, Tier::Read),
        ("nodes", rule(&["get"], "", "nodes"), Tier::Read, Tier::None),
        ("own-ns", rule(&["delete"], "", "namespaces"), Tier::ClusterWrite, Tier::NamespaceWrite),
        ("paths", paths, Tier::DiscoveryOnly, Tier::None),
        ("metrics", metrics, Tier::Read, Tier::None),
        ("ask", ask, Tier::DiscoveryOnly, Tier::DiscoveryOnly),
    ];
    for (name, rules, cluster, namespace) in cases {
        let world = World::new()
            .namespace("a")
            .cluster_role(name, &rules)
            .bind(None, "everywhere", &format!("ClusterRole/{name}"), "user:c")
            .bind(Some("a"), "there", &format!("ClusterRole/{name}"), "user:n");
        let book = world.book();
        assert_eq!(book.who("user:c").tier, cluster, "{name} cluster-wide");
        assert_eq!(book.who("user:n").tier, namespace, "{name} in a namespace");
    }
    let impostor = World::new().role("a", "cluster-admin", &rule(&["get"], "", "pods")).bind(
        Some("a"),
        "x",
        "Role/cluster-admin",
        "user:ana",
    );
    assert_eq!(impostor.book().who("user:ana").tier, Tier::Read);
}

#[test]
fn system_masters_needs_no_grant() {
    let world = World::new().log(0, 9).row(
        Row::new("user:root", "get pods", 1).groups(&["system:masters", "system:authenticated"]),
    );
    let book = world.book();
    for who in ["user:root", "group:system:masters"] {
        let entry = book.who(who);
        assert_eq!(entry.tier, Tier::ClusterAdmin, "{who}");
        let permissions = book.held_by(who);
        assert_eq!(permissions.len(), 1, "{who}");
        assert_eq!((permissions[0].via, permissions[0].use_state), (None, UseState::Used));
        assert_eq!(entry.used, Some((1, 1)), "{who}");
    }
}

#[test]
fn groups_bring_their_grants_and_implicit_ones_do_too() {
    let read = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]);
    let world = World::new()
        .account("a", "x")
        .account("b", "y")
        .cluster_role("view", &read)
        .bind(None, "all", "ClusterRole/view", "group:system:serviceaccounts")
        .bind(Some("b"), "own", "ClusterRole/view", "sa:b/y");
    let book = world.book();
    assert_eq!(book.held_by("sa:a/x").len(), 1);
    let of_y: Vec<_> = book
        .who("sa:b/y")
        .grants
        .iter()
        .map(|id| book.grant(*id).unwrap().key.binding.to_string())
        .collect();
    assert_eq!(of_y, ["own", "all"]);
    assert_eq!(book.who("group:system:serviceaccounts").members.len(), 2);
    // The binding in b adds nothing to what every account has.
    let own = book.grant(book.who("sa:b/y").grants[0]).unwrap();
    assert_eq!(own.shadowed_by, Some(book.who("sa:b/y").grants[1]));
}
