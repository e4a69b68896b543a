//! Narrowing over random roles, bindings and logs: what was used stays, nothing is gained, and with
//! nothing left to judgement what is left is what was used and nothing else.

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::{World, all, applied, group, user};
use crate::book::tests::world::{Row, World as Logged, call};
use crate::change::plan::{Choices, Intent, NotInLogs, Plan, Refusal, gains};
use crate::model::{ActivityParts, Call, Identity, Implied, RoleKind, Target};
use crate::rbac::{Action as Asked, Attributes, Authorizer};

const NAMESPACES: [&str; 3] = ["a", "b", "c"];
pub(super) const WHO: [&str; 4] = ["user:ann", "user:bob", "sa:a/bot", "user:eve"];
const VERBS: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "*"];
const RESOURCES: [&str; 9] = [
    "pods",
    "pods/log",
    "configmaps",
    "apps:deployments",
    "apps:deployments/scale",
    "nodes",
    "namespaces",
    "secrets",
    "pods/exec",
];
const RULES: [(&str, &str); 12] = [
    ("", "pods"),
    ("", "*"),
    ("*", "*"),
    ("apps", "*"),
    ("", "configmaps"),
    ("apps", "deployments"),
    ("*", "*/scale"),
    ("", "pods/log"),
    ("", "pods/*"),
    ("", "nodes"),
    ("", "namespaces"),
    ("", "pods/exec"),
];
const NAMES: [&str; 3] = ["", "x", "y"];
const PATHS: [&str; 4] = ["/metrics", "/api/v1", "/api", "/logs/kube"];

fn rule(rng: &mut ChaCha8Rng) -> Value {
    let many = rng.random_range(1..4);
    let verbs: Vec<&str> = VERBS.sample(rng, many).copied().collect();
    if rng.random_range(0..6) == 0 {
        let path = ["*", "/api*", "/metrics", "/api/*", "/logs/*"].choose(rng).expect("one");
        return json!({"verbs": verbs, "nonResourceURLs": [path]});
    }
    let (group, resource) = RULES.choose(rng).expect("one");
    let (_, second) = RULES.choose(rng).expect("one");
    let mut rule = json!({"verbs": verbs, "apiGroups": [group], "resources": [resource, second]});
    if rng.random_range(0..4) == 0 {
        let name = ["x", "y", "z"].choose(rng).expect("one");
        rule["resourceNames"] = json!([name]);
    }
    rule
}

pub(super) fn random(seed: u64) -> World {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut world = World::default();
    for namespace in NAMESPACES {
        world = world.with(
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
        );
    }
    for at in 0..4 {
        let many = rng.random_range(1..4);
        let rules: Vec<Value> = (0..many).map(|_| rule(&mut rng)).collect();
        world = world.role(&format!("r{at}"), &json!(rules));
    }
    for at in 0..rng.random_range(2..9) {
        let ns = [None, Some("a"), Some("b")].choose(&mut rng).copied().flatten();
        let role = format!("r{}", rng.random_range(0..4));
        let subjects: Vec<Value> = (0..rng.random_range(1..3))
            .map(|_| match rng.random_range(0..7) {
                0..=2 => user("ann"),
                3 | 4 => user("bob"),
                5 => json!({"kind": "ServiceAccount", "namespace": "a", "name": "bot"}),
                _ => group("system:authenticated"),
            })
            .collect();
        world = world.bind(ns, &format!("b{at}"), &role, &json!(subjects));
    }
    world
}

/// `get pods@a/x` with everything that goes together.
pub(super) fn random_call(rng: &mut ChaCha8Rng) -> Call {
    let verb = VERBS[..7].choose(rng).expect("one");
    if rng.random_range(0..8) == 0 {
        return call(&format!(
            "{} {}",
            ["get", "create"].choose(rng).expect("one"),
            PATHS.choose(rng).expect("one")
        ));
    }
    let what = RESOURCES.choose(rng).expect("one");
    let namespace = match (*what, *verb) {
        ("nodes", _) => "",
        (_, "get" | "create" | "update" | "patch" | "delete") => {
            NAMESPACES[..2].choose(rng).expect("one")
        }
        _ => ["a", "b", ""].choose(rng).expect("one"),
    };
    let name = match *verb {
        "get" | "update" | "patch" | "delete" => ["x", "y"].choose(rng).expect("one"),
        _ => "",
    };
    let mut made = call(&format!("{verb} {what}@{namespace}/{name}"));
    if *verb == "patch" && rng.random_range(0..3) == 0 {
        made.implied = Implied::CreateBehindWrite;
    }
    made
}

/// Every authorization that a call needed, by hand.
pub(super) fn asked(call: &Call) -> Vec<Call> {
    let plain = |verb: &str| Call {
        verb: verb.into(),
        target: call.target.clone(),
        implied: Implied::Nothing,
    };
    let mut all = vec![plain(&call.verb)];
    if call.implied == Implied::CreateBehindWrite {
        all.push(plain("create"));
    }
    all
}

pub(super) fn may(authorizer: &Authorizer, who: &Identity, call: &Call) -> bool {
    let groups = who.implicit_groups();
    let groups: Vec<&str> = groups.iter().map(|group| &**group).collect();
    let action = match &call.target {
        Target::Resource { group, resource, subresource, namespace, name, .. } => Asked::Resource {
            group,
            resource,
            subresource,
            namespace: namespace.as_deref().unwrap_or_default(),
            name: name.as_deref().unwrap_or_default(),
        },
        Target::Path(path) => Asked::Path(path),
        _ => panic!("a call is for something"),
    };
    let user = who.user_name().expect("a user");
    let attributes = Attributes { user: &user, groups: &groups, verb: &call.verb, action };
    authorizer.decide(&attributes).allowed()
}

/// The log of random requests of these, allowed or denied as the roles have it; gives every
/// authorization that an allowed one needed.
pub(super) fn logged(world: &mut World, seed: u64) -> Vec<(Identity, Call)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
    let authorizer = Authorizer::new(&world.objects());
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    let mut needed = Vec::new();
    for _ in 0..160 {
        let who = WHO[..3].choose(&mut rng).expect("one");
        let identity: Identity = who.parse().expect("an identity");
        let made = random_call(&mut rng);
        let all = asked(&made);
        let mut row = Row::new(who, "get /api", rng.random_range(1..89));
        row.call = made;
        if all.iter().all(|call| may(&authorizer, &identity, call)) {
            needed.extend(all.into_iter().map(|call| (identity.clone(), call)));
        } else {
            row = row.denied();
        }
        row.put(&mut parts);
    }
    world.log = Some(parts);
    needed
}

pub(super) fn probes() -> Vec<Call> {
    let mut all = Vec::new();
    for verb in VERBS[..7].iter().chain(&["bind", "impersonate"]) {
        for what in RESOURCES.iter().chain(&["apps:daemonsets", "nodes/proxy", "jobs/scale"]) {
            for namespace in ["", "a", "b", "c"] {
                for name in NAMES.iter().chain(&["z"]) {
                    all.push(call(&format!("{verb} {what}@{namespace}/{name}")));
                }
            }
        }
    }
    for path in PATHS.iter().chain(&["/healthz", "/api/v1/x", "/logs/other"]) {
        all.extend(["get", "create"].map(|verb| call(&format!("{verb} {path}"))));
    }
    all
}

pub(super) fn strict() -> Choices {
    Choices {
        families: false,
        names: 100,
        namespaces: 100,
        younger_than: 0,
        not_in_logs: NotInLogs::Drop,
    }
}

/// Whether an observed authorization, kept as narrowly as rules can, lets a request through.
pub(super) fn lets_through(need: &Call, probe: &Call) -> bool {
    match (&need.target, &probe.target) {
        (
            Target::Resource { group, resource, subresource, namespace, name, .. },
            Target::Resource {
                group: of,
                resource: what,
                subresource: sub,
                namespace: place,
                name: which,
                ..
            },
        ) => {
            need.verb == probe.verb
                && (group, resource, subresource) == (of, what, sub)
                && (namespace.is_none() || namespace == place)
                && (name.is_none() || name == which)
        }
        (one, other) => need.verb == probe.verb && one == other,
    }
}

fn check(seed: u64, choices: &Choices, exact: bool) -> usize {
    let mut world = random(seed);
    let needed = logged(&mut world, seed);
    let before = Authorizer::new(&world.objects());
    let probes = probes();
    let mut steps = 0;
    for who in &WHO[..3] {
        let identity: Identity = who.parse().expect("an identity");
        let intent = Intent::Narrow { identity: identity.clone(), choices: choices.clone() };
        let plan = match world.plan_of(&[intent]) {
            Ok(plan) => plan,
            Err(Refusal::Nobody(_)) => continue,
            Err(other) => panic!("seed {seed} {who}: {other}"),
        };
        steps += plan.steps.len();
        assert_eq!(gains(&plan, &world.objects(), &[]), [""; 0], "seed {seed}");
        let after = Authorizer::new(&applied(&world, &plan).objects());
        let own = || needed.iter().filter(|(of, _)| *of == identity).map(|(_, call)| call);
        for call in own() {
            assert!(may(&after, &identity, call), "seed {seed} {who} lost {call:?}");
        }
        // What the server gives everybody by their groups stays, whatever was used.
        let others: Vec<Value> = world
            .raw
            .iter()
            .cloned()
            .map(|mut raw| {
                if let Some(Value::Array(subjects)) = raw.get_mut("subjects") {
                    subjects.retain(|subject| subject["kind"] == "Group");
                }
                raw
            })
            .collect();
        let by_groups = Authorizer::new(&World { raw: others, ..World::default() }.objects());
        for probe in &probes {
            let (was, is) = (may(&before, &identity, probe), may(&after, &identity, probe));
            assert!(was || !is, "seed {seed} {who} gained {probe:?}");
            if exact {
                let expected = may(&by_groups, &identity, probe)
                    || (was && own().any(|need| lets_through(need, probe)));
                assert_eq!(is, expected, "seed {seed} {who} {probe:?}");
            }
            for other in WHO.iter().filter(|other| *other != who) {
                let other: Identity = other.parse().expect("an identity");
                let (was, is) = (may(&before, &other, probe), may(&after, &other, probe));
                assert_eq!(was, is, "seed {seed} {who}: {other} {probe:?}");
            }
        }
        for check in &plan.verification.allowed {
            assert!(check.decide(&before).allowed() && check.decide(&after).allowed());
        }
        for check in &plan.verification.denied {
            assert!(check.decide(&before).allowed() && !check.decide(&after).allowed());
        }
        assert_eq!(Plan::read(plan.value()).as_ref(), Ok(&plan), "seed {seed} {who}");
    }
    steps
}

#[test]
fn with_nothing_left_to_judgement_what_was_used_is_what_is_left() {
    let steps: usize = (0..60).map(|seed| check(seed, &strict(), true)).sum();
    assert!(steps > 300, "{steps} steps");
}

#[test]
fn whatever_is_chosen_what_was_used_stays_and_nothing_is_gained() {
    let mut steps = 0;
    for seed in 100..160 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let choices = Choices {
            families: rng.random(),
            names: rng.random_range(0..3),
            namespaces: rng.random_range(0..3),
            younger_than: 0,
            not_in_logs: *[NotInLogs::Keep, NotInLogs::KeepAll, NotInLogs::Drop]
                .choose(&mut rng)
                .expect("one"),
        };
        steps += check(seed, &choices, false);
    }
    assert!(steps > 200, "{steps} steps");
}

#[test]
fn a_role_narrowed_for_all_keeps_what_anybody_used_of_it() {
    let mut plans = 0;
    for seed in 200..240 {
        let mut world = random(seed);
        let needed = logged(&mut world, seed);
        let before = Authorizer::new(&world.objects());
        for role in 0..4 {
            let intent = Intent::NarrowRole {
                role_kind: RoleKind::ClusterRole,
                namespace: None,
                name: format!("r{role}").into(),
                choices: Choices { younger_than: 0, ..Choices::default() },
            };
            let name = format!("r{role}");
            let held = world.raw.iter().any(|raw| raw["roleRef"]["name"] == name);
            let plan = match world.plan_of(&[intent]) {
                Ok(plan) => plan,
                Err(Refusal::Log(why)) if !held && why.contains("nobody holds it") => continue,
                Err(other) => panic!("{seed}: {other}"),
            };
            assert!(plan.steps.len() <= 1, "a role is one object");
            plans += plan.steps.len();
            let after = Authorizer::new(&applied(&world, &plan).objects());
            for (who, call) in &needed {
                assert!(may(&after, who, call), "seed {seed} r{role} {who} lost {call:?}");
            }
            for probe in probes() {
                for who in WHO {
                    let who: Identity = who.parse().expect("an identity");
                    let (was, is) = (may(&before, &who, &probe), may(&after, &who, &probe));
                    assert!(was || !is, "seed {seed} r{role} {who} gained {probe:?}");
                }
            }
        }
    }
    assert!(plans > 60, "{plans} plans");
}

#[test]
fn what_the_log_does_not_bear_is_refused() {
    let world = |change: fn(&mut ActivityParts)| {
        let mut world = random(1);
        logged(&mut world, 1);
        if let Some(parts) = &mut world.log {
            change(parts);
        }
        let intent =
            Intent::to_narrow("user:ann", Choices { younger_than: 0, ..Choices::default() });
        world.plan_of(&[intent.expect("an intent")])
    };
    world(|_| {}).expect("it bears this");
    for (change, words) in [
        ((|parts| parts.coverage.unled = 50) as fn(&mut ActivityParts), "an API server is missing"),
        (|parts| parts.coverage.from = None, "holds no request"),
        (
            |parts| {
                let mut row = Row::new("user:ann", "get /api", 3);
                row.call = folded();
                row.put(parts);
            },
            "too many different things",
        ),
    ] {
        let refused = world(change).expect_err(words);
        assert!(refused.to_string().contains(words), "{refused}");
    }
    let mut silent = random(1);
    silent.log = None;
    let intent = Intent::to_narrow("user:ann", Choices::default()).expect("an intent");
    let refused = silent.plan_of(&[intent]).expect_err("no log");
    assert!(refused.to_string().contains("no audit log"), "{refused}");
}

fn folded() -> Call {
    Call { verb: "".into(), target: Target::Folded, implied: Implied::Nothing }
}

#[test]
fn reads_that_no_log_shows_stay() {
    let mut world = World::default()
        .role(
            "edit",
            &json!([{"verbs": ["get", "list", "delete"], "apiGroups": [""],
            "resources": ["pods", "secrets"]}]),
        )
        .bind(Some("a"), "b", "edit", &json!([user("ann")]));
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    parts.coverage.reads_logged = false;
    Row::new("user:ann", "delete pods@a/x", 80).put(&mut parts);
    world.log = Some(parts);
    let intent = Intent::to_narrow("user:ann", Choices::default()).expect("an intent");
    let plan = world.plan_of(&[intent]).expect("a plan");
    let rules = &plan.steps[0].after.as_ref().expect("an image")["rules"];
    assert_eq!(
        *rules,
        json!([
            {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["secrets"]},
            {"verbs": ["get", "list", "delete"], "apiGroups": [""], "resources": ["pods"]},
        ])
    );
}

#[test]
fn what_only_a_rule_of_the_role_can_tell_is_kept_or_named() {
    let rules = json!([
        {"verbs": ["*"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"]},
        {"verbs": ["approve"], "apiGroups": ["certificates.k8s.io"], "resources": ["signers"],
            "resourceNames": ["corp.example/client"]},
    ]);
    let plan = |how: NotInLogs| {
        let mut world =
            World::default().role("ops", &rules).bind(None, "b", "ops", &json!([user("ann")]));
        let mut parts = Logged::new().log(0, 90).activity.expect("a log");
        Row::new("user:ann", "list rbac.authorization.k8s.io:clusterroles", 80).put(&mut parts);
        world.log = Some(parts);
        let choices = Choices { families: false, not_in_logs: how, ..Choices::default() };
        let intent = Intent::to_narrow("user:ann", choices).expect("an intent");
        let plan = world.plan_of(&[intent]).expect("a plan");
        let step = plan.steps[0].clone();
        let lines = step.reasons[0].evidence.join("\n");
        (step.after.expect("an image")["rules"].clone(), lines)
    };
    let listed = json!({"verbs": ["list"], "apiGroups": ["rbac.authorization.k8s.io"],
        "resources": ["clusterroles"]});
    let approve = json!({"verbs": ["approve"], "apiGroups": ["certificates.k8s.io"],
        "resources": ["signers"], "resourceNames": ["corp.example/client"]});
    let (rules, lines) = plan(NotInLogs::Drop);
    assert_eq!(rules, json!([listed]));
    assert!(lines.contains("takes away approve of signers.certificates.k8s.io"), "{lines}");
    let (rules, lines) = plan(NotInLogs::Keep);
    assert_eq!(rules, json!([approve, listed]));
    assert!(lines.contains("clusterroles.rbac.authorization.k8s.io (bind escalate)"), "{lines}");
    assert!(lines.contains("this log would not show that"), "{lines}");
    let (rules, lines) = plan(NotInLogs::KeepAll);
    let text = rules.to_string();
    assert!(text.contains("bind") && text.contains("escalate"), "{text}");
    assert!(!lines.contains("this log would not show that"), "{lines}");
}

#[test]
fn nothing_is_cut_down_to_a_log_of_which_much_cannot_be_read() {
    let unread = |count: u64, line: u64| {
        let first = crate::model::Place { source: "audit.log".into(), line };
        [("cut off".into(), crate::model::Unreadable { count, first })].into()
    };
    let with = |edit: &dyn Fn(&mut crate::model::Coverage)| {
        let mut parts = Logged::new().log(0, 88).activity.expect("a log");
        Row::new("user:ana", "get pods@a/x", 80).put(&mut parts);
        parts.coverage.lines = 1000;
        edit(&mut parts.coverage);
        let world = World::default().role("edit", &all());
        let world = world.bind(Some("a"), "b", "edit", &json!([user("ana")]));
        let choices = Choices::default();
        let intent = Intent::Narrow { identity: Identity::user("ana"), choices };
        World { log: Some(parts), ..world }.plan_of(&[intent])
    };
    let told = |plan: &Plan| plan.warnings.iter().any(|one| one.contains("audit.log:313"));
    let few = with(&|coverage| coverage.unreadable = unread(10, 313)).expect("a plan");
    assert!(told(&few), "{:?}", few.warnings);
    for (count, broken, line) in [(11, 0, 313), (1, 1, 0)] {
        let refusal = with(&|coverage| {
            coverage.unreadable = unread(count, line);
            coverage.broken = broken;
        })
        .expect_err("too little of it can be read");
        let Refusal::Log(why) = refusal else { panic!("{refusal}") };
        assert!(why.contains("would be taken away"), "{why}");
    }
}
