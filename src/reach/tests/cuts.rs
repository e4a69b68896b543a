//! What is named as a cut against what is left without each grant that there is: one after the
//! other is taken back in the objects, and everything is looked at anew.

use std::collections::BTreeMap;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::random::{random, worlds};
use super::reference::Simulation;
use super::*;
use crate::book::GrantKey;
use crate::model::Object;

/// Who holds a verb on a resource of a group, with a name or none.
type Part = (&'static str, &'static str, &'static str, &'static str, &'static str);

const AUTH: &str = "authentication.k8s.io";
const TOKEN: &str = "serviceaccounts/token";

/// Ways to a strong account that need more than rights to act: somebody to be and what for, a role
/// that is held and can be changed, what can be handed over.
const WAYS: [&[Part]; 5] = [
    &[
        ("user:eve", "impersonate:user-info", AUTH, "users", "u1"),
        ("user:eve", "impersonate-on:user-info:create", "", TOKEN, ""),
        ("user:u1", "create", "", TOKEN, ""),
    ],
    &[
        ("user:eve", "impersonate:serviceaccount", AUTH, "serviceaccounts", "giver"),
        ("user:eve", "impersonate-on:serviceaccount:create", "", TOKEN, ""),
        ("sa:a/giver", "create", "", TOKEN, "strong"),
    ],
    &[("user:eve", "patch", RBAC, "roles", "p0"), ("user:eve", "escalate", RBAC, "roles", "")],
    &[
        ("user:eve", "create", "", TOKEN, "giver"),
        ("user:eve", "create", "", TOKEN, "taker"),
        ("sa:a/giver", "escalate", RBAC, "roles", ""),
        ("sa:a/giver", "create", RBAC, "rolebindings", ""),
        ("sa:a/taker", "patch", RBAC, "roles", ""),
    ],
    &[
        ("user:eve", "create", "", TOKEN, "taker"),
        ("sa:a/taker", "create", RBAC, "rolebindings", ""),
        ("sa:a/taker", "bind", RBAC, "roles", "p1"),
    ],
];

/// One of the ways, some of it held twice, and something besides.
fn way(seed: u64) -> (World, u32) {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let mut world = World::new();
    world.snapshot.cluster.server_version = Some("v1.36.0".into());
    world = world.object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata":
        {"name": "a", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}));
    for name in ["giver", "taker", "strong"] {
        world = world.account("a", name);
    }
    world = world.cluster_role("cluster-admin", &json!([rule(&["*"], "*", &["*"])]));
    world = world.bind(None, "strong", "ClusterRole/cluster-admin", "sa:a/strong");
    let mut parts: Vec<Part> = WAYS.choose(rng).unwrap().to_vec();
    for _ in 0..rng.random_range(0..3) {
        let (who, verb, group, on, name) = *WAYS.choose(rng).unwrap().choose(rng).unwrap();
        let who = *[who, "user:eve", "group:system:authenticated"].choose(rng).unwrap();
        parts.push((who, verb, group, on, name));
    }
    for (at, (who, verb, group, on, name)) in (0..).zip(parts) {
        let mut rule = rule(&[verb], group, &[on]);
        if !name.is_empty() {
            rule = named(rule, &[name]);
        }
        let (part, rules) = (format!("p{at}"), json!([rule]));
        // Who is impersonated is asked for cluster-wide, but for accounts.
        let ns = (on != "users").then_some("a");
        let kind = if ns.is_none() || rng.random_bool(0.2) { "ClusterRole" } else { "Role" };
        world = world.role("a", &part, &rules).cluster_role(&part, &rules);
        world = world.bind(ns, &format!("b{at}"), &format!("{kind}/{part}"), who);
    }
    (world, 36)
}

/// The world in which a subject is taken out of a binding.
fn without(world: &World, grant: &GrantKey) -> World {
    let mut world = world.clone();
    let namespace = grant.namespace.clone();
    let place = namespace.clone().unwrap_or_else(|| "".into());
    let key = (grant.binding_kind, place, grant.binding.clone());
    let mut binding = (*world.snapshot.objects.bindings[&key]).clone();
    binding
        .subjects
        .retain(|one| one.identity(namespace.as_ref()).as_ref() != Some(&grant.subject));
    world.snapshot.objects.insert(Object::Binding(binding));
    world
}

/// What somebody comes to.
#[derive(Clone, Copy, Debug)]
struct Standing {
    tier: Tier,
    /// How much others add as whom it can act.
    adds: Option<Adds>,
    closed: bool,
}

/// Who is not there comes to nothing.
const NOBODY: Standing = Standing { tier: Tier::None, adds: None, closed: true };

/// What those come to.
fn standings(world: &World, who: &[Identity]) -> BTreeMap<Identity, Standing> {
    let book = world.book();
    let reach = Reach::new(&book);
    let of = |entry: &Entry| {
        let (reached, acts) = reach.whole(entry);
        let adds = acts.adding().filter_map(|act| act.path.adds.as_ref()).map(|one| one.adds).max();
        Standing { tier: reached.tier, adds, closed: acts.count.adds_nothing() }
    };
    let there = who.iter().filter_map(|who| book.find(who));
    there.map(|entry| (entry.identity.clone(), of(entry))).collect()
}

/// By grant, who loses its way, with how strong it becomes then and what others add.
type Losses = BTreeMap<GrantKey, Vec<(Identity, Tier, Option<Tier>)>>;

/// How many grants cut something, and how many of them not the steps' own rights. Of how many what
/// is left is tried out as well, which takes its time.
fn check(seed: u64, (world, minor): (World, u32), mut tried: usize) -> (usize, usize) {
    // Users are somebody without any other grant, too.
    let mut world = world.cluster_role("nothing", &json!([]));
    for who in ["eve", "u1", "u2"] {
        let user = format!("user:{who}");
        for again in ["nobody", "nothing"] {
            world = world.bind(None, &format!("{again}-{who}"), "ClusterRole/nothing", &user);
        }
    }
    let book = world.book();
    let reach = Reach::new(&book);
    let name = |id: IdentityId| book.entry(id).unwrap().identity.clone();
    let all = reach.all();
    let more = all.iter().filter(|reached| reached.is_more());
    let more: Vec<Identity> = more.map(|reached| name(reached.id)).collect();

    let mut expected = Losses::new();
    let mut left: BTreeMap<GrantKey, BTreeMap<Identity, Standing>> = BTreeMap::new();
    for grant in book.grants() {
        let less = without(&world, &grant.key);
        let standings = standings(&less, &more);
        let of = |who: &Identity| standings.get(who).copied().unwrap_or(NOBODY);
        let eve = Identity::user("eve");
        if tried > 0 {
            tried -= 1;
            let everything = Simulation::new(&less.snapshot, &eve, minor).run().everything;
            let objects = || {
                let all: Vec<String> =
                    less.snapshot.objects.all().map(|o| o.to_json().to_string()).collect();
                all.join("\n")
            };
            // What is a model only is not tried.
            let book = less.book();
            let found = Reach::new(&book).of(book.find(&eve).unwrap());
            let found = found.tier == Tier::ClusterAdmin && !found.modelled;
            assert_eq!(found, everything, "seed {seed}: {}", objects());
        }
        let mut lost: Vec<(Identity, Tier, Option<Tier>)> = Vec::new();
        for reached in &all {
            let (who, Some(way)) = (name(reached.id), reached.way()) else { continue };
            let less = of(&who);
            let is_lost = match &way.adds {
                // Who may do everything then adds nothing more to it.
                Some(added) => less.adds < Some(added.adds) && less.tier != Tier::ClusterAdmin,
                None => less.tier < reached.tier,
            };
            if is_lost {
                lost.push((who, less.tier, less.adds.map(|adds| adds.tier)));
            }
        }
        lost.sort();
        if !lost.is_empty() {
            expected.insert(grant.key.clone(), lost);
        }
        left.insert(grant.key.clone(), standings);
    }

    let mut named = Losses::new();
    for cut in reach.cuts(&all) {
        let lost = cut.loses.iter().map(|lost| (name(lost.id), lost.to, lost.still_adds));
        let mut lost: Vec<(Identity, Tier, Option<Tier>)> = lost.collect();
        lost.sort();
        named.insert(book.grant(cut.grant).unwrap().key.clone(), lost);
    }
    assert_eq!(named, expected, "seed {seed}");

    // The same of each alone, with every path's own grants.
    let mut beside = 0;
    for reached in all.iter().filter(|reached| reached.is_higher()) {
        let who = name(reached.id);
        let cuts = reach.cuts_of(book.entry(reached.id).unwrap(), reached.paths.iter().rev());
        for kept in &cuts {
            let key = &book.grant(kept.grant).unwrap().key;
            let of = left[key].get(&who).copied().unwrap_or(NOBODY);
            assert_eq!(kept.tier, of.tier, "seed {seed}: {who} without {key:?}");
            assert_eq!(kept.closes(), of.closed, "seed {seed}: {who} without {key:?}");
        }
        for path in &reached.paths {
            let closes =
                |id: &GrantId| cuts.iter().any(|kept| kept.grant == *id && kept.cuts(path));
            let ends: Vec<GrantKey> = path
                .stands_on()
                .into_iter()
                .filter(closes)
                .map(|id| book.grant(id).unwrap().key.clone())
                .collect();
            let wanted = left
                .iter()
                .filter(|(_, of)| of.get(&who).copied().unwrap_or(NOBODY).tier < path.tier);
            let mut wanted: Vec<&GrantKey> = wanted.map(|(key, _)| key).collect();
            let mut ends: Vec<&GrantKey> = ends.iter().collect();
            wanted.sort();
            ends.sort();
            assert_eq!(ends, wanted, "seed {seed}: {who} to {:?}", path.tier);
            for hop in &path.hops {
                let text = hop.cut(path, &cuts);
                for id in hop.grants().into_iter().filter(closes) {
                    let key = &book.grant(id).unwrap().key;
                    assert!(text.contains(&*key.binding), "seed {seed}: {text}");
                }
                let own = hop.needed.iter().filter(|one| !one.verb.contains('-'));
                let own: Vec<GrantId> = own.filter_map(|one| one.id).collect();
                beside += hop.grants().iter().filter(|id| closes(id) && !own.contains(id)).count();
            }
        }
    }
    (expected.len(), beside)
}

#[test]
fn the_grants_that_cut_are_those_without_which_there_is_no_way() {
    let worlds = worlds();
    let of_seed = |seed: u64| {
        let (any, minor) = random(seed);
        // With models: pods that may have their node.
        let modelled = seed % 2 == 1;
        let any = if modelled { any.namespace("a") } else { any };
        let (cuts, _) = check(seed, (any, minor), if modelled { 0 } else { usize::MAX });
        let (more, beside) = check(seed, way(seed), usize::from(!modelled));
        [cuts, more, beside]
    };
    let found: Vec<[usize; 3]> = (0..worlds).into_par_iter().map(of_seed).collect();
    let [cuts, more, beside] = [0, 1, 2].map(|at| found.iter().map(|one| one[at]).sum::<usize>());
    println!(
        "reach: {worlds} worlds with {cuts} cuts, as many ways with {more}, {beside} of those \
         what is held or lets be impersonated"
    );
    // The worlds are worth the trying.
    let least = found.len() / 2;
    assert!(cuts > least && more > least && beside > least / 4);
}

/// What of eve's own grants is said to end her way, against worlds without them: together they do, with
/// any one of them left they do not; where it is said that none would, all of them do not. How many
/// grants it is; none: it is said that none would.
fn ends_by_her_own(seed: u64, world: World) -> Option<usize> {
    let mut world = world.cluster_role("nothing", &json!([]));
    for again in ["nobody", "nothing"] {
        world = world.bind(None, again, "ClusterRole/nothing", "user:eve");
    }
    let book = world.book();
    let reach = Reach::new(&book);
    let eve = Identity::user("eve");
    let entry = book.find(&eve).unwrap();
    let reached = reach.of(entry);
    let way = reached.way()?;
    let is_lost = |keys: &[GrantKey]| {
        let less = keys.iter().fold(world.clone(), |world, key| without(&world, key));
        let left = standings(&less, std::slice::from_ref(&eve));
        let left = left.get(&eve).copied().unwrap_or(NOBODY);
        match &way.adds {
            Some(added) => left.adds < Some(added.adds) && left.tier != Tier::ClusterAdmin,
            None => left.tier < reached.tier,
        }
    };
    let key = |id: &GrantId| book.grant(*id).unwrap().key.clone();
    match reach.own_cut(entry, &reached, false, &Ways::new(std::iter::once(entry.id))) {
        OwnCut::By(ids) => {
            let keys: Vec<GrantKey> = ids.iter().map(key).collect();
            assert!(keys.iter().all(|key| key.subject == eve), "seed {seed}: {keys:?}");
            assert!(is_lost(&keys), "seed {seed}: {keys:?}");
            for at in 0..keys.len() {
                let mut fewer = keys.clone();
                fewer.remove(at);
                assert!(!is_lost(&fewer), "seed {seed}: {fewer:?}");
            }
            Some(keys.len())
        }
        OwnCut::No(_) => {
            // But for those by which she is somebody.
            let own = book.grants().filter(|grant| {
                grant.key.subject == eve && !["nobody", "nothing"].contains(&&*grant.key.binding)
            });
            let own: Vec<GrantKey> = own.map(|grant| grant.key.clone()).collect();
            assert!(!is_lost(&own[..]), "seed {seed}: {own:?}");
            Some(0)
        }
        other => panic!("seed {seed}: {other:?}"),
    }
}

#[test]
fn the_own_grants_that_end_a_way_are_those_and_no_more() {
    let of_seed = |seed: u64| {
        let (mut world, _) = way(seed);
        // The same way once more, in whole or in part, by grants of her own or of everybody's.
        let again = world.snapshot.objects.bindings.values().cloned().collect::<Vec<_>>();
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        for binding in again {
            let mut twin = (*binding).clone();
            twin.meta.name = format!("again-{}", twin.meta.name).into();
            if rng.random_bool(0.5) && &*binding.meta.name != "strong" {
                world.snapshot.objects.insert(Object::Binding(twin));
            }
        }
        ends_by_her_own(seed, world)
    };
    let found: Vec<usize> = (0..worlds()).into_par_iter().filter_map(of_seed).collect();
    let with = |is_it: &dyn Fn(usize) -> bool| found.iter().filter(|many| is_it(**many)).count();
    let (none, one, several) = (with(&|of| of == 0), with(&|of| of == 1), with(&|of| of > 1));
    println!("reach: {none} ways that no own grants end, {one} that one does, {several} several");
    let least = found.len() / 20;
    assert!(none > least && one > least && several > least);
}

/// Worlds that came out wrong once.
#[test]
fn worlds_that_were_wrong_are_right() {
    // A role that one may change and another may bind once it is emptied (22).
    check(22, way(22), 2);
}

#[test]
fn whom_only_a_lost_grant_names_is_nobody_without_it() {
    let act = named(rule(&["impersonate"], "", &["users"]), &["ghost"]);
    let mint = named(rule(&["create"], "", &["serviceaccounts/token"]), &["strong"]);
    let others = |more: bool| {
        let world = company().bind(None, "ghost", "ClusterRole/cluster-admin", "user:ghost");
        let world = world.cluster_role("look", &json!([rule(&["get"], "", &["pods"])]));
        let world =
            if more { world.bind(None, "looks", "ClusterRole/look", "user:ghost") } else { world };
        let book = jane(world, None, &json!([act, mint])).book();
        let reach = Reach::new(&book);
        let entry = book.find(&Identity::user("jane")).unwrap();
        let kept = reach.cuts_of(entry, &reach.of(entry).paths);
        let of = |binding: &str| {
            let is_it = |kept: &&Kept| &*book.grant(kept.grant).unwrap().key.binding == binding;
            kept.iter().find(is_it).map(|kept| (kept.count.everybody, kept.count.others))
        };
        of("ghost")
    };
    // Four accounts, and ghost where something else names it.
    assert_eq!(others(false), Some((true, 4)));
    assert_eq!(others(true), Some((true, 5)));
}

#[test]
fn who_is_still_to_be_made_is_somebody_by_what_its_groups_hold() {
    let rules = json!([rule(&["create"], "", &["serviceaccounts", "serviceaccounts/token"])]);
    let others = |group: &str| {
        let world = World::new().namespace("app").account("app", "default").namespace("ops");
        let world = world.role("ops", "r", &json!([rule(&["get"], "", &["secrets"])]));
        let book = jane(world.bind(Some("ops"), "g", "Role/r", group), Some("app"), &rules).book();
        let reach = Reach::new(&book);
        let entry = book.find(&Identity::user("jane")).unwrap();
        let (reached, acts) = reach.whole(entry);
        let kept = reach.cuts_of(entry, acts.told(&reached));
        let is_it = |kept: &&Kept| &*book.grant(kept.grant).unwrap().key.binding == "g";
        (acts.count.others, kept.iter().find(is_it).map(|kept| kept.count.others))
    };
    // The account default, and a new one while the group holds something.
    assert_eq!(others("group:system:serviceaccounts:app"), (2, Some(1)));
    assert_eq!(others("group:other"), (1, None));
}

#[test]
fn who_adds_only_by_the_lost_grant_adds_nothing_without() {
    let mut world = World::new()
        .cluster_role("cluster-admin", &json!([rule(&["*"], "*", &["*"])]))
        .namespace("app");
    for (account, binding) in [("s1", "a1"), ("s2", "a2")] {
        let who = format!("sa:app/{account}");
        world = world.account("app", account);
        world = world.bind(None, binding, "ClusterRole/cluster-admin", &who);
    }
    let rules = json!([rule(&["create"], "", &["serviceaccounts/token"])]);
    let book = jane(world, Some("app"), &rules).book();
    let reach = Reach::new(&book);
    let entry = book.find(&Identity::user("jane")).unwrap();
    let a1 = book.grants().find(|grant| &*grant.key.binding == "a1").unwrap().id;
    let kept = reach.kept(entry, Terms::default(), a1);
    assert!(kept.count.everybody);
    assert_eq!((kept.count.others, kept.count.adding), (2, 1));
}
