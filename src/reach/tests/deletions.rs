//! What is deleted takes a way from who needs it, and from nobody else: more rights, or one more way to
//! something, never close what was open.

use rand::SeedableRng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::random::{Dish, Menu, check, random_of, searched, worlds};
use super::twins::{APP, pod};
use super::*;

fn on(verbs: &[&str], resource: &str, names: &[&str]) -> Value {
    named(rule(verbs, RBAC, &[resource]), names)
}

fn mint(name: &str) -> Value {
    named(rule(&["create"], "", &["serviceaccounts/token"]), &[name])
}

/// What lets a binding be made again for cluster-admin.
fn again() -> Value {
    json!([
        on(&["create", "patch", "delete"], "rolebindings", &["b"]),
        on(&["bind"], "clusterroles", &["cluster-admin"]),
    ])
}

fn held(bindings: &[&str]) -> World {
    let world = company().role("app", "w", &again());
    let bind = |world: World, name: &&str| world.bind(APP, name, "Role/w", "user:jane");
    bindings.iter().fold(world, bind)
}

const REMADE: [Step; 2] = [Step::Bind, Step::Impersonate];

#[test]
fn what_is_held_twice_is_held_once_when_one_is_deleted() {
    // Nobody has b, or jane has it herself besides, by whatever order of names.
    assert_eq!(steps(&held(&["c"])).as_deref(), Some(&[Step::Bind, Step::Impersonate][..]));
    assert_eq!(steps(&held(&["b"])), None);
    for twice in [["b", "c"], ["b", "a"]] {
        assert_eq!(steps(&held(&twice)).as_deref(), Some(&REMADE[..]), "{twice:?}");
    }
    // By two roles that say the same.
    let two = held(&["b"]).role("app", "w2", &again()).bind(APP, "c", "Role/w2", "user:jane");
    assert_eq!(steps(&two).as_deref(), Some(&REMADE[..]));
    // As another, whom two bindings let be impersonated.
    let act = named(rule(&["impersonate"], "", &["serviceaccounts"]), &["weak"]);
    let posing = |bindings: &[&str]| {
        let world = company().role("app", "w", &again()).role("app", "imp", &json!([act]));
        let world = world.bind(APP, "m", "Role/w", "sa:app/weak");
        let bind = |world: World, name: &&str| world.bind(APP, name, "Role/imp", "user:jane");
        bindings.iter().fold(world, bind)
    };
    let by = [Step::Impersonate, Step::Bind, Step::Impersonate];
    assert_eq!(steps(&posing(&["b", "c"])).as_deref(), Some(&by[..]));
    assert_eq!(steps(&posing(&["b"])), None);
}

#[test]
fn a_shorter_way_that_deletes_does_not_hide_a_longer_one() {
    let world = |more: bool| {
        let world = company()
            .role("app", "x", &json!([rule(&["get"], "", &["secrets"])]))
            .bind(APP, "b", "Role/x", "user:jane")
            .role("app", "r", &json!([rule(&["create"], "", &["secrets"])]))
            .role(
                "app",
                "mid",
                &json!([
                    rule(&["create"], RBAC, &["rolebindings"]),
                    on(&["bind"], "roles", &["r"])
                ]),
            )
            .bind(APP, "mid", "Role/mid", "sa:app/weak");
        let mut rules = vec![mint("weak")];
        if more {
            rules.push(on(&["create", "patch", "delete"], "rolebindings", &["b"]));
            rules.push(on(&["bind"], "roles", &["r"]));
        }
        jane(world, APP, &Value::Array(rules))
    };
    let by = [Step::MintToken, Step::Bind, Step::MakeTokenSecret];
    assert_eq!(steps(&world(false)).as_deref(), Some(&by[..]));
    assert_eq!(steps(&world(true)).as_deref(), Some(&by[..]));
}

#[test]
fn a_token_that_two_pods_hold_stays_where_one_is_deleted() {
    let by = |p1: bool| {
        let add = named(rule(&["patch"], "", &["pods/ephemeralcontainers"]), &["p1"]);
        let exec = named(rule(&["create"], "", &["pods/exec"]), &["p0"]);
        let makes = named(rule(&["create", "patch", "delete"], "", &["pods"]), &["p0"]);
        let world = company()
            .object(&pod("app", "p0", "weak", "Running"))
            .object(&pod("app", "p1", "weak", "Running"))
            .role("app", "makes", &json!([makes]))
            .bind(APP, "makes", "Role/makes", "sa:app/weak");
        steps(&jane(world, APP, &if p1 { json!([exec, add]) } else { json!([exec]) }))
    };
    assert_eq!(by(true), Some(vec![Step::AddContainer, Step::RunPod]));
    assert_eq!(by(false), None);
}

#[test]
fn a_cut_leaves_open_what_a_deletion_leads_to() {
    let world = held(&["b", "c"]).role("app", "g1", &json!([mint("strong")])).bind(
        APP,
        "g1",
        "Role/g1",
        "user:jane",
    );
    let book = world.book();
    let reach = Reach::new(&book);
    let entry = book.find(&Identity::user("jane")).unwrap();
    let reached = reach.of(entry);
    let way = reached.highest().unwrap();
    assert_eq!(way.hops.iter().map(|hop| hop.step).collect::<Vec<_>>(), [Step::MintToken]);
    let is_g1 = |id: GrantId| &*book.grant(id).unwrap().key.binding == "g1";
    let kept = reach.cuts_of(entry, &reached.paths);
    let without = kept.iter().find(|kept| is_g1(kept.grant)).unwrap();
    assert!(without.count.everybody && !without.closes() && !without.cuts(way));
    assert!(!reach.cuts(&reach.all()).iter().any(|cut| is_g1(cut.grant)));
}

#[test]
fn one_is_deleted_after_the_other() {
    // c is needed to make b again, and is made again then by what b gives.
    let world = company()
        .role(
            "app",
            "first",
            &json!([
                on(&["create", "patch"], "rolebindings", &["b"]),
                on(&["bind"], "roles", &["second"])
            ]),
        )
        .bind(APP, "c", "Role/first", "user:jane")
        .role("app", "look", &json!([rule(&["get"], "", &["pods"])]))
        .bind(APP, "b", "Role/look", "user:other")
        .role(
            "app",
            "second",
            &json!([
                on(&["create", "patch"], "rolebindings", &["c"]),
                on(&["bind"], "roles", &["third"])
            ]),
        )
        .role("app", "third", &json!([mint("strong")]));
    assert_eq!(steps(&world), Some(vec![Step::Bind, Step::Bind, Step::MintToken]));
}

/// Bindings of which each gives what others give as well, and what lets them be made again, but seldom
/// changed.
const TWICE: &[Dish] = &[
    (RBAC, &["rolebindings"], &["create", "patch", "delete"], &["b0", "b1", "b3", "b4", "b5"]),
    (RBAC, &["rolebindings"], &["create", "patch", "deletecollection"], &["b2", "b6", "twice0"]),
    (RBAC, &["clusterrolebindings"], &["create", "patch", "delete"], &["b0", "b2", "twice2"]),
    (RBAC, &["roles", "clusterroles"], &["bind"], &["r0", "r1", "c1", "c2"]),
    (RBAC, &["roles"], &["delete", "create", "escalate"], &["r0", "r1"]),
    ("", &["serviceaccounts/token", "serviceaccounts"], &["create", "impersonate"], &["x", "y"]),
    ("", &["pods/exec", "pods"], &["create", "patch", "delete"], &["p", "q"]),
];

/// A random world in which half of what is bound is bound twice.
fn twice(seed: u64) -> (World, u32) {
    let (mut world, minor) = random_of(seed, Menu { more: TWICE, wide: false });
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let bindings: Vec<_> = world.snapshot.objects.bindings.values().cloned().collect();
    for (at, binding) in bindings.iter().enumerate() {
        if *[true, false].choose(rng).unwrap() {
            let mut more = (**binding).clone();
            more.meta.name = format!("twice{at}").into();
            world.snapshot.objects.insert(crate::model::Object::Binding(more));
        }
    }
    (world, minor)
}

/// In this world the right to make bindings has to be handed to an account that is impersonated, and
/// holds what one does not: not followed, with or without deletions (docs/reach.md).
const HANDED_TO_AN_IMPERSONATED: u64 = 44;

#[test]
fn random_worlds_rich_in_deletions_come_out_as_by_trying_everything() {
    let worlds = 200;
    let seeds = (0..worlds).into_par_iter().filter(|seed| *seed != HANDED_TO_AN_IMPERSONATED);
    let found: Vec<_> = seeds.map(|seed| check(seed, twice(seed))).collect();
    let deleted = found.iter().filter(|found| found.deleted).count();
    let bounded = found.iter().filter(|found| found.bounded).count();
    let others = found.iter().filter(|found| !found.everything && found.others > 0).count();
    println!(
        "reach: {worlds} worlds, {deleted} delete something, {bounded} come to the bound, {others} \
         lead to somebody"
    );
    // The worlds are worth the trying: in some nothing else leads there.
    assert!(deleted > 4 && others > found.len() / 10);
    assert!(bounded < found.len() / 20);
}

/// One more grant, to whomever: whoever could be reached can be still.
#[test]
fn one_more_grant_takes_nothing_away() {
    let grown = |seed: u64| {
        let (world, _) = twice(seed);
        let start = Identity::user("eve");
        let before = searched(&world, &start);
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let who = *["user:eve", "sa:a/x", "sa:b/z", "user:u1"].choose(rng).unwrap();
        let role = *["ClusterRole/c0", "ClusterRole/c1", "Role/r0", "Role/r1"].choose(rng).unwrap();
        let ns = *[Some("a"), Some("b")].choose(rng).unwrap();
        let after = searched(&world.bind(ns, "one-more", role, who), &start);
        if before.bounded || after.bounded {
            return false;
        }
        assert!(after.everything >= before.everything, "seed {seed}");
        if !after.everything {
            let kept = |had: &[String], has: &[String]| had.iter().all(|one| has.contains(one));
            assert!(kept(&before.accounts, &after.accounts), "seed {seed}");
            assert!(kept(&before.names, &after.names), "seed {seed}");
        }
        before != after
    };
    let changed = (0..worlds().max(200)).into_par_iter().filter(|seed| grown(*seed)).count();
    assert!(changed as u64 > worlds() / 10);
}
