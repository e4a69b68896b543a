//! Random worlds, with every way in which a binding may name somebody.

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::{World, all, applied, group, pods, user};
use crate::change::plan::{Plan, Refusal};
use crate::model::Identity;
use crate::rbac::{Action as Asked, Attributes, Authorizer};

const NAMESPACES: [&str; 2] = ["a", "b"];
const PEOPLE: [&str; 8] = [
    "user:ann",
    "user:Ann",
    "user:bob",
    "group:ann",
    "group:devs",
    "group:system:authenticated",
    "sa:a/bot",
    "sa:b/bot",
];

/// Every way in which a binding may name somebody.
fn subject(rng: &mut ChaCha8Rng) -> Value {
    match rng.random_range(0..10) {
        0..=3 => user(["ann", "Ann", "bob"].choose(rng).expect("one")),
        4 | 5 => group(["ann", "devs", "system:authenticated"].choose(rng).expect("one")),
        6 => json!({"kind": "ServiceAccount", "namespace": NAMESPACES.choose(rng), "name": "bot"}),
        // Of the binding's own namespace; in a ClusterRoleBinding of none.
        7 => json!({"kind": "ServiceAccount", "name": "bot"}),
        8 => user(
            ["system:serviceaccount:a:bot", "system:serviceaccount:b:bot"]
                .choose(rng)
                .expect("one"),
        ),
        _ => json!({"kind": "Robot", "name": "ann"}),
    }
}

fn random(seed: u64) -> World {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut world = World::default()
        .role("get", &pods(&["get"]))
        .role("write", &pods(&["create", "delete"]))
        .role("all", &all());
    for at in 0..rng.random_range(3..14) {
        let ns = [None, Some("a"), Some("b")].choose(&mut rng).copied().flatten();
        let role = ["get", "write", "all", "missing"].choose(&mut rng).expect("one");
        let subjects: Vec<Value> = (0..rng.random_range(0..5)).map(|_| subject(&mut rng)).collect();
        world = world.bind(ns, &format!("b{at}"), role, &json!(subjects));
    }
    world
}

fn may(authorizer: &Authorizer, who: &str, verb: &str, namespace: &str) -> bool {
    let identity: Identity = who.parse().expect("an identity");
    let user = identity.user_name().unwrap_or_else(|| "".into());
    let groups = match identity.user_name() {
        Some(_) => identity.implicit_groups(),
        None => vec![identity.name.clone()],
    };
    let groups: Vec<&str> = groups.iter().map(|group| &**group).collect();
    let action =
        Asked::Resource { group: "", resource: "pods", subresource: "", namespace, name: "" };
    authorizer.decide(&Attributes { user: &user, groups: &groups, verb, action }).allowed()
}

/// Whether a subject is this identity, worked out from the text alone.
fn is_named(subject: &Value, namespace: Option<&str>, who: &str) -> bool {
    let text = |field: &str| subject[field].as_str();
    match who.split_once(':').expect("a kind") {
        ("sa", place) => {
            let (ns, name) = place.split_once('/').expect("a place");
            let by_user = text("kind") == Some("User")
                && text("name") == Some(&*format!("system:serviceaccount:{ns}:{name}"));
            let by_account = text("kind") == Some("ServiceAccount")
                && text("name") == Some(name)
                && text("namespace").or(namespace) == Some(ns);
            by_user || by_account
        }
        ("group", name) => text("kind") == Some("Group") && text("name") == Some(name),
        (_, name) => text("kind") == Some("User") && text("name") == Some(name),
    }
}

#[test]
fn whoever_is_revoked_holds_nothing_and_nobody_else_notices() {
    let (mut plans, mut steps) = (0, 0);
    for seed in 0..120 {
        let world = random(seed);
        for who in PEOPLE {
            let holds = |world: &World| {
                world.raw.iter().any(|raw| {
                    let namespace = raw["metadata"]["namespace"].as_str();
                    let subjects = raw["subjects"].as_array().into_iter().flatten();
                    subjects.into_iter().any(|subject| is_named(subject, namespace, who))
                })
            };
            let plan = match world.plan(&[who]) {
                Ok(plan) => plan,
                Err(Refusal::Nobody(_)) => {
                    assert!(!holds(&world), "seed {seed} {who}");
                    continue;
                }
                Err(other) => panic!("seed {seed} {who}: {other}"),
            };
            plans += 1;
            steps += plan.steps.len();
            let after = applied(&world, &plan);
            assert!(!holds(&after), "seed {seed} {who}");
            let (was, is) = (Authorizer::new(&world.objects()), Authorizer::new(&after.objects()));
            for other in PEOPLE {
                for verb in ["get", "create", "delete", "patch"] {
                    for namespace in ["a", "b", ""] {
                        let (was, is) =
                            (may(&was, other, verb, namespace), may(&is, other, verb, namespace));
                        let in_it =
                            who == "group:system:authenticated" && !other.starts_with("group:");
                        if other == who || in_it {
                            assert!(was || !is, "seed {seed} {who} {other} {verb} {namespace}");
                        } else {
                            assert_eq!(was, is, "seed {seed} {who} {other} {verb} {namespace}");
                        }
                    }
                }
            }
            for check in &plan.verification.denied {
                assert!(check.decide(&was).allowed() && !check.decide(&is).allowed());
            }
            for check in &plan.verification.allowed {
                assert!(check.decide(&was).allowed() && check.decide(&is).allowed());
            }
            assert_eq!(Plan::read(plan.value()).as_ref(), Ok(&plan), "seed {seed} {who}");
        }
    }
    assert!(plans > 500 && steps > 600, "{plans} plans, {steps} steps");
}
