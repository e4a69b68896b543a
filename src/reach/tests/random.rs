//! Random worlds against the slow reference.

use std::collections::BTreeSet;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::reference::Simulation;
use super::*;
use crate::model::SubjectKind;

const AUTH: &str = "authentication.k8s.io";
const CERTS: &str = "certificates.k8s.io";

/// An API group, resources of it, verbs that go with them, and names that are worth giving.
pub(super) type Dish =
    (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

const MENU: &[Dish] = &[
    ("", &["serviceaccounts/token"], &["create", "get"], &["x", "y"]),
    ("", &["serviceaccounts"], &["impersonate", "create"], &["x", "z", "ghost"]),
    ("", &["users"], &["impersonate"], &["u1", "u2"]),
    ("", &["groups"], &["impersonate"], &["g1", "g2"]),
    (
        AUTH,
        &["users", "serviceaccounts"],
        &["impersonate:user-info", "impersonate:serviceaccount"],
        &["u1", "x"],
    ),
    (AUTH, &["groups"], &["impersonate:user-info"], &["g1"]),
    (
        "",
        &["secrets", "pods", "serviceaccounts/token"],
        &[
            "impersonate-on:user-info:create",
            "impersonate-on:serviceaccount:create",
            "impersonate-on:user-info:get",
        ],
        &[],
    ),
    ("", &["secrets"], &["get", "list", "create", "patch"], &["t", "mine"]),
    ("", &["pods"], &["create", "patch", "get"], &["p"]),
    ("", &["pods/exec"], &["create", "get"], &["p", "q"]),
    ("", &["pods/*", "*/*", "pods/ephemeralcontainers"], &["patch", "create"], &["p"]),
    ("apps", &["deployments"], &["create", "update"], &["web"]),
    ("", &["nodes/proxy"], &["get", "create", "update"], &["n1", "n2"]),
    (RBAC, &["clusterrolebindings"], &["create", "update", "patch"], &["mine", "b0"]),
    (RBAC, &["rolebindings"], &["create", "update", "patch"], &["mine", "b1"]),
    (RBAC, &["clusterroles"], &["bind", "escalate", "create", "patch"], &["c0", "c1", "mine"]),
    (RBAC, &["roles"], &["bind", "escalate", "create", "patch"], &["r0", "mine"]),
    (CERTS, &["certificatesigningrequests"], &["create", "patch"], &["mine"]),
    (CERTS, &["certificatesigningrequests/approval"], &["update"], &["mine"]),
    (
        CERTS,
        &["signers"],
        &["approve"],
        &["kubernetes.io/kube-apiserver-client", "kubernetes.io/*", "other.io/x"],
    ),
];

/// What else there is, beside those.
const WIDE: &[Dish] = &[
    (
        "",
        &["secrets"],
        &["get", "list", "create", "patch", "update", "delete", "deletecollection"],
        &["t", "mine"],
    ),
    ("", &["pods/exec"], &["create", "get"], &["p", "q"]),
    ("", &["pods/ephemeralcontainers"], &["patch", "update"], &["p", "q"]),
    (
        "",
        &["secrets", "pods/exec", "serviceaccounts/token", "pods"],
        &[
            "impersonate-on:user-info:get",
            "impersonate-on:serviceaccount:get",
            "impersonate-on:user-info:create",
            "impersonate-on:serviceaccount:create",
        ],
        &[],
    ),
    (AUTH, &["users"], &["impersonate:user-info"], &["u1", "u2"]),
    (AUTH, &["serviceaccounts"], &["impersonate:serviceaccount"], &["x", "y", "z", "ghost"]),
];

/// What is deleted and made again, besides.
const AGAIN: &[Dish] = &[
    (RBAC, &["clusterrolebindings"], &["*", "delete", "deletecollection"], &["b0", "b2", "b4"]),
    (RBAC, &["rolebindings"], &["*", "delete", "deletecollection"], &["b1", "b3", "b5"]),
    (RBAC, &["rolebindings"], &["create", "patch", "delete"], &["b0", "b4", "b6"]),
    (RBAC, &["clusterroles", "roles"], &["delete", "create", "escalate"], &["c0", "r0", "r1"]),
    (RBAC, &["clusterroles", "roles"], &["bind", "*"], &["c1", "c2", "r1", "cluster-admin"]),
    ("", &["pods"], &["*", "delete", "deletecollection"], &["p"]),
];

/// Secrets that are read by what is answered with them, or in a container that is added.
const ANSWERED: &[Dish] = &[
    (
        "",
        &["secrets"],
        &["create", "patch", "update", "delete", "deletecollection", "list"],
        &["t", "mine"],
    ),
    ("", &["pods/ephemeralcontainers"], &["patch", "update"], &["p", "q"]),
];

fn some_of<'a>(from: &[&'a str], most: usize, rng: &mut ChaCha8Rng) -> Vec<&'a str> {
    let count = rng.random_range(1..=most.min(from.len()));
    from.sample(rng, count).copied().collect()
}

/// What rules are made of.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Menu {
    /// Half of the rules.
    pub(super) more: &'static [Dish],
    /// Whether the others are of all that there is.
    pub(super) wide: bool,
}

pub(super) const PLAIN: Menu = Menu { more: &[], wide: false };

fn random_rule(menu: Menu, rng: &mut ChaCha8Rng) -> Value {
    let more = !menu.more.is_empty() && rng.random_bool(0.5);
    let wide: Vec<Dish> = if menu.wide { [MENU, WIDE].concat() } else { MENU.to_vec() };
    let dishes = if more { menu.more } else { &wide };
    let (group, resources, verbs, names) = *dishes.choose(rng).unwrap();
    let mut verbs = some_of(verbs, 3, rng);
    if rng.random_bool(0.04) {
        verbs = vec!["*"];
    }
    let mut rule = rule(&verbs, group, &some_of(resources, 2, rng));
    if !names.is_empty() && rng.random_bool(0.45) {
        let mut names = some_of(names, 2, rng);
        if rng.random_bool(0.2) {
            // Requests that carry no name, whatever they are about.
            names.insert(0, "");
            names.truncate(rng.random_range(1..=2));
        }
        rule = named(rule, &names);
    }
    rule
}

fn rules(menu: Menu, rng: &mut ChaCha8Rng) -> Value {
    let count = rng.random_range(1..=3);
    Value::Array((0..count).map(|_| random_rule(menu, rng)).collect())
}

/// The same and groups that accounts are in, whoever they are.
const GROUPS: [&str; 13] = [
    "user:eve",
    "user:u1",
    "user:u2",
    "group:g1",
    "group:g2",
    "sa:a/x",
    "sa:a/y",
    "sa:b/x",
    "sa:b/z",
    "sa:b/ghost",
    "group:system:serviceaccounts",
    "group:system:serviceaccounts:a",
    "group:system:serviceaccounts:b",
];

const SUBJECTS: [&str; 10] = [
    "user:eve",
    "user:u1",
    "user:u2",
    "group:g1",
    "group:g2",
    "sa:a/x",
    "sa:a/y",
    "sa:b/x",
    "sa:b/z",
    "sa:b/ghost",
];

pub(super) fn random(seed: u64) -> (World, u32) {
    random_of(seed, PLAIN)
}

/// With further dishes.
pub(super) fn random_of(seed: u64, menu: Menu) -> (World, u32) {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let more = menu.more;
    let minor = *[34, 36].choose(rng).unwrap();
    let subjects: &[&str] = if more.is_empty() { &SUBJECTS } else { &GROUPS };
    let mut world = World::new();
    world.snapshot.cluster.server_version = Some(format!("v1.{minor}.0").into());
    world.snapshot.discovery = crate::rbac::query::builtin_discovery();
    for ns in ["a", "b"] {
        let mut namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata":
            {"name": ns, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
        if !more.is_empty() && rng.random_bool(0.1) {
            namespace["metadata"]["deletionTimestamp"] = json!("2026-05-01T10:00:00Z");
        }
        world = world.object(&namespace);
    }
    for (ns, name) in [("a", "x"), ("a", "y"), ("b", "x"), ("b", "z")] {
        world = world.account(ns, name);
    }
    if rng.random_bool(0.6) {
        world = world.cluster_role("cluster-admin", &json!([rule(&["*"], "*", &["*"])]));
        let who = *subjects[1..].choose(rng).unwrap();
        world = world.bind(None, "admin", "ClusterRole/cluster-admin", who);
    }
    for at in 0..3 {
        world = world.cluster_role(&format!("c{at}"), &rules(menu, rng));
        for ns in ["a", "b"] {
            world = world.role(ns, &format!("r{at}"), &rules(menu, rng));
        }
    }
    if !more.is_empty() && rng.random_bool(0.5) {
        world = world.object(&json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole",
            "metadata": {"name": "c1"}, "rules": rules(menu, rng), "aggregationRule":
                {"clusterRoleSelectors": [{"matchLabels": {"example.org/c1": "yes"}}]}}));
    }
    for at in 0..rng.random_range(5..14) {
        let who = if at < 3 { "user:eve" } else { *subjects.choose(rng).unwrap() };
        let ns = *[None, Some("a"), Some("b"), Some("a")].choose(rng).unwrap();
        // The last of each is missing.
        let role = rng.random_range(0..4);
        let role = if ns.is_some() && rng.random_bool(0.6) {
            format!("Role/r{role}")
        } else {
            format!("ClusterRole/c{role}")
        };
        world = world.bind(ns, &format!("b{at}"), &role, who);
    }
    for (ns, account) in [("a", "y"), ("b", "z")] {
        if rng.random_bool(0.5) {
            world = world.object(&json!({"apiVersion": "v1", "kind": "Secret",
                "type": "kubernetes.io/service-account-token",
                "metadata": {"namespace": ns, "name": "t",
                    "annotations": {"kubernetes.io/service-account.name": account}}}));
        }
        if rng.random_bool(0.5) {
            let mut spec = mounted(account);
            spec["nodeName"] = json!("n1");
            if menu.wide && rng.random_bool(0.25) {
                spec["containers"][0]["ports"] = json!([{"containerPort": 80, "hostPort": 80}]);
            }
            if menu.wide && rng.random_bool(0.4) {
                let secret = *["t", "mine"].choose(rng).unwrap();
                let volume = json!({"name": "s", "secret":
                    {"secretName": secret, "optional": true}});
                spec["volumes"].as_array_mut().unwrap().push(volume);
                let mounts = spec["containers"][0]["volumeMounts"].as_array_mut().unwrap();
                mounts.push(json!({"name": "s", "mountPath": "/s"}));
            }
            world = world.object(&json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"namespace": ns, "name": "p"}, "status": {"phase": "Running"},
                "spec": spec}));
        }
    }
    if rng.random_bool(0.5) {
        world = world.object(&json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"namespace": "a", "name": "web"}}));
    }
    (world, minor)
}

/// What a search says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Whether everything can be done; if not, which accounts and names it gets.
    pub(super) everything: bool,
    pub(super) accounts: Vec<String>,
    pub(super) names: Vec<String>,
    /// How many others those are.
    pub(super) others: usize,
    /// Whether anything was deleted for it.
    pub(super) deleted: bool,
    /// Whether more could have been.
    pub(super) bounded: bool,
}

pub(super) fn searched(world: &World, start: &Identity) -> Said {
    let book = world.book();
    let reach = Reach::new(&book);
    let entry = book.find(start).unwrap();
    let node = graph::Node::Identity(entry.id.0);
    let closure = search(&reach.graph, &[node], Terms::default(), Ends::default());
    let name =
        |id: u32| book.entry(IdentityId(id)).unwrap().identity.user_name().map(|n| n.to_string());
    let (mut accounts, mut names) = (Vec::new(), Vec::new());
    for found in &closure.found[1..] {
        match &found.node {
            graph::Node::Identity(id) => accounts.extend(name(*id)),
            graph::Node::Posing(pose) => names.extend(pose.who.and_then(name)),
            _ => {}
        }
    }
    accounts.sort();
    accounts.dedup();
    names.sort();
    names.dedup();
    let deleted = closure.found.iter().any(|found| found.deleted);
    let others = accounts.len() + names.len();
    let (everything, bounded) = (closure.ended, closure.bounded);
    Said { everything, accounts, names, others, deleted, bounded }
}

/// Whom it can act as, of those who are known, and who of them adds to what it may do itself.
fn listed(book: &Book, acts: &Acts, start: &Identity) -> [BTreeSet<String>; 2] {
    let user = |identity: &Identity| identity.user_name().map(|name| name.to_string());
    let any = acts.all.iter().find(|act| act.path.end() == Some(&Gain::Anyone));
    let mut all = [BTreeSet::new(), BTreeSet::new()];
    for act in acts.all.iter().filter(|act| act.is_other) {
        let end = act.path.end().unwrap();
        if let (Gain::Name { identity: None, accounts, .. }, Some(_)) = (end, &act.path.adds) {
            // Whoever it is, in further groups: told once, and true of each.
            let is_meant = |of: &Identity| match accounts {
                None => of.kind == SubjectKind::User,
                Some(Reaches::Namespace(ns)) => of.namespace.as_ref() == Some(ns),
                Some(_) => of.kind == SubjectKind::ServiceAccount,
            };
            let meant = book
                .entries()
                .filter(|entry| is_meant(&entry.identity) && entry.identity != *start);
            all[1].extend(meant.filter_map(|entry| user(&entry.identity)));
        }
        let Some(name) = acts::who(end).as_ref().and_then(user) else { continue };
        if book.find(&Identity::from_user_name(&name)).is_none() {
            continue;
        }
        let adds = act.path.adds.is_some();
        all[0].insert(name.clone());
        all[1].extend(Some(name).filter(|_| adds));
    }
    if any.is_some() {
        // They are not told one by one.
        let people = book.entries().filter(|entry| entry.identity != *start);
        all[0].extend(people.filter_map(|entry| user(&entry.identity)));
        assert_eq!(acts.count.others, all[0].len());
    } else {
        let strangers = acts.all.iter().filter(|act| act.is_other).count() - all[0].len();
        assert_eq!(acts.count.others, all[0].len() + strangers);
        assert!(acts.count.adding >= all[1].len());
    }
    all
}

pub(super) fn check(seed: u64, (world, minor): (World, u32)) -> Said {
    let start = Identity::user("eve");
    let expected = Simulation::new(&world.snapshot, &start, minor).run();
    let said = searched(&world, &start);
    if said.bounded {
        return said;
    }
    let Said { everything, accounts, names, .. } = said.clone();
    let is_known = {
        let book = world.book();
        move |name: &String| book.find(&Identity::from_user_name(name)).is_some()
    };
    let objects = || {
        let all: Vec<String> =
            world.snapshot.objects.all().map(|o| o.to_json().to_string()).collect();
        format!("seed {seed}, 1.{minor}\n{}", all.join("\n"))
    };
    assert_eq!(everything, expected.everything, "everything: {}", objects());
    if !everything {
        let theirs: Vec<String> = expected.accounts.into_iter().filter(&is_known).collect();
        assert_eq!(accounts, theirs, "accounts: {}", objects());
        let theirs: Vec<String> = expected.names.into_iter().filter(&is_known).collect();
        assert_eq!(names, theirs, "names: {}", objects());
        // Whom it can act as, however, and who of those adds anything.
        let book = world.book();
        let reach = Reach::new(&book);
        let entry = book.find(&start).unwrap();
        let looked = Looked { modelled: None, ..reach.look(entry, Terms::default()) };
        let acts = reach.acts(entry, &looked, Terms::default());
        let [others, adding] = listed(&book, &acts, &start);
        let anyone = acts.all.iter().any(|act| act.path.end() == Some(&Gain::Anyone));
        let known = |all: BTreeSet<String>| all.into_iter().filter(&is_known).collect();
        let (theirs, more): (BTreeSet<String>, BTreeSet<String>) =
            (known(expected.others), known(expected.adding));
        assert_eq!(others, theirs, "others: {}", objects());
        if anyone {
            assert_eq!(acts.count.adding, more.len(), "adding: {}", objects());
        } else {
            assert_eq!(adding, more, "adding: {}", objects());
        }
        assert_eq!(acts.count.adds_nothing(), !expected.more, "more: {}", objects());
    }
    said
}

pub(super) fn worlds() -> u64 {
    let full = std::env::var_os("KEYBOOK_TEST_FULL").is_some_and(|value| value == "1");
    if full { 5_000 } else { 80 }
}

#[test]
fn random_worlds_come_out_as_by_trying_everything() {
    let menus: [&[Dish]; 3] = [&[], AGAIN, ANSWERED];
    for more in menus {
        come_out(Menu { more, wide: true });
    }
}

fn come_out(menu: Menu) {
    let worlds = worlds().max(160);
    let found: Vec<Said> =
        (0..worlds).into_par_iter().map(|seed| check(seed, random_of(seed, menu))).collect();
    let count = |is: fn(&Said) -> bool| found.iter().filter(|one| is(one)).count();
    let everything = count(|said| said.everything);
    let others = count(|said| !said.everything && said.others > 0);
    let deleted = count(|said| said.deleted);
    assert!(count(|said| said.bounded) <= found.len() / 100);
    println!(
        "reach: {worlds} worlds, {everything} lead to everything, {others} to somebody; {deleted} \
         delete something"
    );
    // The worlds are worth the trying.
    let least = found.len() / 10;
    assert!(everything > least && others > least);
    assert!(deleted > least / 4 || menu.more != AGAIN);
}

/// Worlds that came out wrong once.
#[test]
fn worlds_that_were_wrong_are_right() {
    // What one holds and can bind to another is what the other lacks for a request (532); all can
    // bind what they hold by a role that was given (1428); a certificate says that it is an account
    // without having its token (2338); a role is given in its own namespace only (4286); what
    // nobody is granted is let be done as one who may do everything (3536).
    for seed in [532, 1428, 2338, 3536, 4286] {
        check(seed, random_of(seed, PLAIN));
    }
}

/// Whoever comes to more than one other is looked at together with all the others: each path is the
/// same as one search of everything finds.
fn check_many(seed: u64, menu: Menu) -> usize {
    let (mut world, _) = random_of(seed, menu);
    // With models: pods that may have their node.
    if seed % 2 == 1 {
        world = world.namespace("a");
    }
    let book = world.book();
    let reach = Reach::new(&book);
    let entries: Vec<&Entry> = book.entries().map(|entry| &**entry).collect();
    // Of who takes over a great deal the nearest are asked first whether they add anything.
    let near = |found: Reached| {
        let adds = found.beside.as_ref().map(Path::is_worth);
        (adds, Reached { beside: None, ..found })
    };
    let expected: Vec<Reached> = entries.iter().map(|entry| reach.of(entry)).collect();
    assert_eq!(reach.many(&entries), expected, "seed {seed}");
    let expected: Vec<_> = expected.into_iter().map(near).collect();
    for most in [1, 2, 5] {
        let small = many::Small { most, few: 0 };
        let found = reach.many_within(&entries, small).into_iter().map(near);
        assert_eq!(found.collect::<Vec<_>>(), expected, "seed {seed}, at most {most}");
    }
    let expected: Vec<Reached> = expected.into_iter().map(|(_, reached)| reached).collect();
    expected.iter().filter(|reached| reached.is_higher()).count()
}

#[test]
fn many_are_found_the_same_as_one_by_one() {
    let worlds = worlds();
    let menus: [&[Dish]; 2] = [&[], AGAIN];
    let higher = |more| {
        let menu = Menu { more, wide: true };
        (0..worlds).into_par_iter().map(|seed| check_many(seed, menu)).sum()
    };
    let higher: usize = menus.into_iter().map(higher).min().unwrap();
    println!("reach: {worlds} worlds, {higher} can become more");
    // The worlds are worth the trying.
    assert!(higher as u64 > worlds / 2);
}
