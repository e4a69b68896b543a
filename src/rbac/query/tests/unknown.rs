//! What is not known to be served: said, and no ground for a "no".

use std::sync::Arc;

use serde_json::json;

use super::super::*;
use super::{discovery, served, snapshot};
use crate::model::{Health, Identity, ListKind, ListState, Snapshot};
use crate::rbac::Authorizer;

#[test]
fn what_is_not_served_is_told_apart_from_what_is_not_known() {
    assert_eq!(served("get", "pods"), Served::Yes);
    assert_eq!(served("get", "gizmos"), Served::No(Vec::new()));
    let Served::No(instead) = served("get", "pods/logs") else { panic!("not served") };
    assert!(instead.contains(&"pods/log".into()), "{instead:?}");
    assert!(matches!(served("get", "pods/*"), Served::No(_)));
    assert_eq!(served("get", "*/scale"), Served::Pattern);

    // With a group that could not be asked, what is nowhere else may be in it.
    let mut failing = discovery();
    failing.failed_groups.push(("down.example.org".into(), "503".into()));
    let failing = Resolver::new(Arc::new(failing));
    let target = |resolver: &Resolver, text: &str| match resolver.resolve("get", text) {
        Ok(Target::Resource(target)) => target,
        other => panic!("{text}: {other:?}"),
    };
    // Without a group of its own it may be of the one that failed, and core only stands in.
    assert!(matches!(target(&failing, "gizmos").served, Served::Unresolved(_)));
    assert!(matches!(target(&failing, "gizmos.down.example.org").served, Served::NotKnown(_)));
    assert!(matches!(target(&failing, "gizmos.up.example.org").served, Served::No(_)));
    assert!(matches!(target(&failing, "pods/logs").served, Served::No(_)));
    assert_eq!(target(&failing, "pods").served, Served::Yes);
    // A role that grants it says of which group it is.
    let granted = snapshot(&[json!({"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": [
        {"verbs": ["get"], "apiGroups": ["down.example.org"], "resources": ["gizmos"]},
        {"verbs": ["get"], "apiGroups": ["up.example.org"], "resources": ["gizmos", "gears"]}]})]);
    let learnt = failing.with_objects(&granted.objects);
    assert_eq!(target(&learnt, "gizmos").to_string(), "gizmos.down.example.org");
    assert!(matches!(target(&learnt, "gizmos").served, Served::NotKnown(_)));
    assert!(matches!(target(&learnt, "gears").served, Served::Unresolved(_)));

    let mut half = discovery();
    half.failed_groups.push(("apps".into(), "v2 is stale".into()));
    let half = Resolver::new(Arc::new(half));
    assert!(matches!(target(&half, "deployments/gears").served, Served::NotKnown(_)));

    let offline = Resolver::new(builtin_discovery());
    assert!(matches!(target(&offline, "gizmos").served, Served::Unresolved(_)));
    assert_eq!(target(&offline, "gizmos").scoping, Scoping::Either);
    assert!(matches!(target(&offline, "gizmos.x.example.org").served, Served::NotKnown(_)));
    assert!(matches!(target(&offline, "pods/logs").served, Served::NotKnown(_)));
}

#[test]
fn a_table_with_nothing_in_it_is_no_table() {
    let none = Snapshot::default();
    assert!(none.discovery.resources.is_empty());
    let Ok(Target::Resource(pods)) = Resolver::of(&none).resolve("get", "po") else { panic!("po") };
    assert_eq!((pods.to_string().as_str(), pods.served), ("pods", Served::Yes));
}

#[test]
fn a_no_is_not_certain_where_the_server_does_not_say_what_it_serves() {
    let objects = [json!({"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": [
        {"verbs": ["get"], "apiGroups": ["x.example.org"], "resources": ["*"]}]})];
    let mut given = snapshot(&objects);
    for list in ListKind::RBAC {
        given.lists.insert(list, ListState::new(Health::Complete));
    }
    let lacking = |health: Health, text: &str| {
        let mut given = given.clone();
        given.lists.insert(ListKind::Discovery, ListState::new(health));
        let target = Resolver::of(&given).resolve("get", text).expect("resolves");
        let question = Question { verb: "get".into(), target, namespace: None, name: None };
        let asker = Asker::bare(Identity::user("jane"));
        let answer = can(&Authorizer::new(&given.objects), &given, &asker, &question);
        let lists: Vec<ListKind> = answer.missing.iter().map(|missing| missing.list).collect();
        assert!(lists.iter().all(|list| *list == ListKind::Discovery), "{lists:?}");
        !lists.is_empty()
    };
    for (health, pods, gizmos) in [
        (Health::Forbidden, true, true),
        (Health::Failed, true, true),
        (Health::Loading, true, true),
        // Files say nothing of it, and whoever reads files knows that.
        (Health::NotGiven, false, true),
    ] {
        assert_eq!(lacking(health, "pods"), pods, "{health:?}");
        assert_eq!(lacking(health, "gizmos"), gizmos, "{health:?}");
        assert_eq!(lacking(health, "gizmos.x.example.org"), pods, "{health:?}");
        assert!(!lacking(health, "/healthz"), "{health:?}");
        assert!(!lacking(health, "*"), "{health:?}");
    }
}

#[test]
fn offline_custom_resources_are_known_by_rules() {
    let known = snapshot(&[json!({"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": [
        {"verbs": ["get"], "apiGroups": ["x.example.org"], "resources": ["gizmos", "gizmos/status"]},
        {"verbs": ["get"], "apiGroups": ["x.example.org", "y.example.org"], "resources": ["twos"]},
        {"verbs": ["get"], "apiGroups": ["*", ""], "resources": ["pods", "*"]}]})]);
    let resolver = Resolver::new(builtin_discovery()).with_objects(&known.objects);
    let name = |text: &str| resolver.resolve("get", text).map(|target| target.to_string());
    assert_eq!(name("gizmos").as_deref(), Ok("gizmos.x.example.org"));
    assert_eq!(name("Gizmos/status").as_deref(), Ok("gizmos.x.example.org/status"));
    assert!(matches!(name("twos"), Err(ResolveError::Ambiguous { .. })));
    assert_eq!(name("twos.y.example.org").as_deref(), Ok("twos.y.example.org"));
    // Rules often name several groups at once; of those that the table lists, it is the last thought.
    let mixed = snapshot(&[json!({"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": [
        {"verbs": ["get"], "apiGroups": ["", "apps", "x.example.org"], "resources": ["gizmos"]},
        {"verbs": ["get"], "apiGroups": ["apps"], "resources": ["gears"]}]})]);
    let mixed = Resolver::new(builtin_discovery()).with_objects(&mixed.objects);
    let name_in = |text: &str| mixed.resolve("get", text).map(|target| target.to_string());
    assert_eq!(name_in("gizmos").as_deref(), Ok("gizmos.x.example.org"));
    assert_eq!(name_in("gears").as_deref(), Ok("gears.apps"));
    assert_eq!(name("pods").as_deref(), Ok("pods"));
}
