//! Of which namespaces lists say what is not there.

use super::*;

const LISTS: [ListKind; 5] = [
    ListKind::ServiceAccounts,
    ListKind::Pods,
    ListKind::TokenSecrets,
    ListKind::BootstrapTokens,
    ListKind::Workloads,
];

/// One of each in namespace b.
fn world() -> World {
    let of = |kind: &str, type_: Option<&str>| {
        let version = if kind == "StatefulSet" { "apps/v1" } else { "v1" };
        let name = type_.map_or("x", |type_| type_.split('.').next().unwrap_or_default());
        json!({"apiVersion": version, "kind": kind, "type": type_,
            "metadata": {"namespace": "b", "name": name}})
    };
    World::new()
        .account("b", "x")
        .object(&of("Pod", None))
        .object(&of("Secret", Some("kubernetes.io/service-account-token")))
        .object(&of("Secret", Some("bootstrap.kubernetes.io/token")))
        .object(&of("StatefulSet", None))
}

fn telling(world: &World, namespace: &str) -> Vec<ListKind> {
    let snapshot = &world.snapshot;
    LISTS.into_iter().filter(|list| snapshot.tells_of(*list, namespace)).collect()
}

#[test]
fn files_say_nothing_of_a_namespace_of_which_they_have_nothing_of_the_kind() {
    let mut world = world();
    assert_eq!((telling(&world, "a"), telling(&world, "b")), (LISTS.to_vec(), LISTS.to_vec()));
    for list in LISTS {
        world.snapshot.lists.insert(list, ListState::new(Health::Unverifiable));
    }
    assert_eq!((telling(&world, "a"), telling(&world, "b")), (vec![], LISTS.to_vec()));
    // What is there of one kind says nothing of another.
    world.snapshot.objects.pods.clear();
    let others = LISTS.into_iter().filter(|list| *list != ListKind::Pods);
    assert_eq!(telling(&world, "b"), others.collect::<Vec<_>>());
    let snapshot = &world.snapshot;
    assert!(snapshot.lacks_account(&"b".into(), &"y".into()));
    assert!(!snapshot.lacks_account(&"a".into(), &"y".into()));
}

#[test]
fn files_have_all_namespaces_only_with_the_one_that_is_always_there() {
    let with = |health: Health, namespaces: &[&str]| {
        let world = namespaces.iter().fold(World::new(), |world, name| world.namespace(name));
        let mut snapshot = world.snapshot;
        snapshot.lists.insert(ListKind::Namespaces, ListState::new(health));
        (snapshot.has_all_namespaces(), snapshot.lacks_namespace("a"))
    };
    assert_eq!(with(Health::Unverifiable, &["b"]), (false, false));
    assert_eq!(with(Health::Unverifiable, &["b", "kube-system"]), (true, true));
    assert_eq!(with(Health::Unverifiable, &["a", "kube-system"]), (true, false));
    assert_eq!(with(Health::Complete, &["b"]), (true, true));
    assert_eq!(with(Health::Forbidden, &["kube-system"]), (false, false));
}

#[test]
fn a_list_of_some_namespaces_says_nothing_of_another() {
    let mut world = world();
    for list in LISTS {
        let mut some = ListState::because(Health::Partial, "403");
        some.namespaces = vec!["c".into()];
        world.snapshot.lists.insert(list, some);
    }
    assert_eq!((telling(&world, "a"), telling(&world, "b")), (vec![], vec![]));
    assert_eq!(telling(&world, "c"), LISTS);
}
