//! Splitting over random roles, bindings and logs: each gets what they used and nothing else, and
//! nobody gets what the account did not hold.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::narrow::{WHO, asked, lets_through, may, probes, random, random_call, strict};
use super::{World, applied, group, user};
use crate::book::tests::world::{Row, World as Logged, call};
use crate::change::plan::{Choices, Intent, Named, Plan, Refusal, Reversibility, Splitting, gains};
use crate::model::{Call, Identity, Implied, Target};
use crate::rbac::Authorizer;

/// Name, credential, agent, address. The last is named by nobody.
const ACTORS: [(&str, &str, &str, &str); 4] = [
    ("ana", "X509SHA256=a1", "kubectl/v1.36.1 (darwin/arm64) kubernetes/b1d5cc9", "203.0.113.1"),
    ("bo", "X509SHA256=b2", "kubectl/v1.36.2 (windows/amd64) kubernetes/e4c1a77", "203.0.113.2"),
    ("ci", "X509SHA256=c3", "pipeline/4.1 (linux/amd64)", "203.0.113.3"),
    ("", "X509SHA256=d4", "kubectl/v1.35.4 (freebsd/amd64) kubernetes/0f17c7b", "203.0.113.4"),
];

pub(super) fn row(account: &str, actor: usize, made: Call, day: i64) -> Row {
    let (_, credential, agent, address) = ACTORS[actor];
    let mut row = Row::new(account, "get /api", day).with(credential).agent(agent).from(address);
    row.call = made;
    row
}

/// The log of random requests by the four; gives every authorization that an allowed one needed.
fn logged(world: &mut World, account: &str, seed: u64) -> Vec<(usize, Call)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5911);
    let authorizer = Authorizer::new(&world.objects());
    let identity: Identity = account.parse().expect("an identity");
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    let mut needed = Vec::new();
    for _ in 0..160 {
        let actor = rng.random_range(0..4);
        let made = random_call(&mut rng);
        let all = asked(&made);
        let row = row(account, actor, made, rng.random_range(1..89));
        if all.iter().all(|call| may(&authorizer, &identity, call)) {
            needed.extend(all.into_iter().map(|call| (actor, call)));
            row.put(&mut parts);
        } else {
            row.denied().put(&mut parts);
        }
    }
    world.log = Some(parts);
    needed
}

pub(super) fn splitting(choices: Choices) -> Splitting {
    let named = |(name, credential, ..): &(&str, &str, &str, &str)| Named {
        name: (*name).into(),
        is: (*credential).into(),
    };
    Splitting {
        actors: ACTORS[..3].iter().map(named).collect(),
        to: [("bo".into(), Identity::user("bo@corp.example"))].into(),
        into: Some("keys".into()),
        choices,
        ..Splitting::default()
    }
}

pub(super) fn split(world: &World, account: &str, how: Splitting) -> Result<Plan, Refusal> {
    let identity = account.parse().expect("an identity");
    world.plan_of(&[Intent::Split { identity, how: Box::new(how) }])
}

/// The objects once everything is made; tokens are none.
pub(super) fn after(world: &World, plan: &Plan) -> World {
    let mut plan = plan.clone();
    plan.steps.retain(|step| !step.target.is_credential());
    applied(world, &plan)
}

pub(super) fn space(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

fn whom(actor: usize) -> Identity {
    match actor {
        1 => Identity::user("bo@corp.example"),
        _ => Identity::service_account("keys", ACTORS[actor].0),
    }
}

/// What everybody has by groups alone.
fn by_groups(world: &World) -> Authorizer {
    let raw = world.raw.iter().cloned().map(|mut raw| {
        if let Some(Value::Array(subjects)) = raw.get_mut("subjects") {
            subjects.retain(|subject| subject["kind"] == "Group");
        }
        raw
    });
    Authorizer::new(&World { raw: raw.collect(), ..World::default() }.objects())
}

fn check(seed: u8, choices: &Choices, exact: bool, unattributed: Option<&str>) -> usize {
    let account = WHO[usize::from(seed % 3)];
    let mut world = random(seed.into()).with(space("keys"));
    let needed = logged(&mut world, account, seed.into());
    let how =
        Splitting { unattributed: unattributed.map(Into::into), ..splitting(choices.clone()) };
    let plan = match split(&world, account, how) {
        Ok(plan) => plan,
        Err(other) => panic!("seed {seed}: {other}"),
    };
    assert_eq!(gains(&plan, &world.objects(), &[]), [""; 0], "seed {seed}");
    let was = Authorizer::new(&world.objects());
    let is = Authorizer::new(&after(&world, &plan).objects());
    let everybody = by_groups(&world);
    let shared: Identity = account.parse().expect("an identity");
    let probes = probes();
    for (actor, (name, ..)) in ACTORS.iter().enumerate().take(3) {
        let to = whom(actor);
        let mine = |of: usize| of == actor || (of == 3 && unattributed == Some(*name));
        let own = || needed.iter().filter(|(of, _)| mine(*of)).map(|(_, call)| call);
        for call in own() {
            assert!(may(&is, &to, call), "seed {seed} {to} cannot do {call:?}");
        }
        for probe in &probes {
            let gets = may(&is, &to, probe);
            assert!(!gets || may(&was, &shared, probe), "seed {seed} {to} gains {probe:?}");
            if exact {
                let expected = may(&everybody, &to, probe)
                    || (may(&was, &shared, probe) && own().any(|need| lets_through(need, probe)));
                assert_eq!(gets, expected, "seed {seed} {to} {probe:?}");
            }
        }
    }
    for other in WHO {
        let other: Identity = other.parse().expect("an identity");
        for probe in &probes {
            assert_eq!(may(&was, &other, probe), may(&is, &other, probe), "seed {seed} {other}");
        }
    }
    let asked = &plan.verification;
    assert!(asked.denied.is_empty());
    for (checks, before, later) in [
        (&asked.allowed, true, true),
        (&asked.again, false, true),
        (&asked.still_denied, false, false),
    ] {
        for check in checks {
            assert_eq!(check.decide(&was).allowed(), before, "seed {seed} {}", check.words());
            assert_eq!(check.decide(&is).allowed(), later, "seed {seed} {}", check.words());
        }
    }
    assert_eq!(Plan::read(plan.value()).as_ref(), Ok(&plan), "seed {seed}");
    plan.steps.len()
}

#[test]
fn each_gets_what_they_used_and_nothing_else() {
    let steps: usize = (0..40).map(|seed| check(seed, &strict(), true, None)).sum();
    assert!(steps > 400, "{steps} steps");
}

#[test]
fn nobody_gets_what_the_account_did_not_hold() {
    let usual = splitting(Splitting::default().choices).choices;
    let steps: usize = (40..70).map(|seed| check(seed, &usual, false, Some("ana"))).sum();
    assert!(steps > 300, "{steps} steps");
}

/// `ops`, used by ana and a pipeline, with these grants.
pub(super) fn ops(grants: &[(&str, Value)], did: &[(usize, &str)]) -> World {
    let mut world = World::default().with(space("keys")).with(space("a"));
    for (at, (role, subject)) in grants.iter().enumerate() {
        world = world.bind(Some("a"), &format!("b{at}"), role, &json!([subject]));
    }
    let rules = json!([{"verbs": ["*"], "apiGroups": [""], "resources": ["pods", "secrets"]}]);
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    for (day, (actor, what)) in (1..).zip(did) {
        row("user:ops", *actor, call(what), day).put(&mut parts);
    }
    world.log = Some(parts);
    world.role("wide", &rules)
}

#[test]
fn what_is_made_for_whom() {
    let world = ops(&[("wide", user("ops"))], &[(0, "list pods@a"), (2, "delete pods@a/x")]);
    let how = Splitting {
        actors: vec![
            Named { name: "ana".into(), is: "203.0.113.1".into() },
            Named { name: "ci".into(), is: "X509SHA256=c3".into() },
        ],
        to: [].into(),
        choices: strict(),
        ..splitting(strict())
    };
    let plan = split(&world, "user:ops", how.clone()).expect("a plan");
    let made: Vec<&str> = plan.steps.iter().map(|step| &*step.target.kind).collect();
    assert_eq!(
        made,
        [
            "Role",
            "Role",
            "RoleBinding",
            "RoleBinding",
            "Secret",
            "Secret",
            "ServiceAccount",
            "ServiceAccount",
            "Token",
            "Token"
        ]
    );
    let account = |at: usize| plan.steps[at].after.clone().expect("an image");
    assert_eq!(account(6)["metadata"]["annotations"]["keybook/person"], json!("ana"));
    assert_eq!(account(7)["metadata"]["annotations"].get("keybook/person"), None);
    assert_eq!(
        account(0)["rules"],
        json!([{"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}])
    );
    let rights: Vec<String> = plan.steps[8].rights.iter().map(ToString::to_string).collect();
    assert_eq!(rights, ["create serviceaccounts/token \"ana\" in namespace keys"]);
    assert_eq!(account(8)["boundTo"]["name"], json!("ana-key"));
    // A user that there is gets bindings, and no credential.
    let to = [("ana".into(), Identity::user("ana@corp.example"))].into();
    let plan = split(&world, "user:ops", Splitting { to, ..how.clone() }).expect("a plan");
    let names = |of: &str| plan.steps.iter().filter(|step| &*step.target.kind == of).count();
    assert_eq!((names("ServiceAccount"), names("Token"), names("RoleBinding")), (1, 1, 2));
    // Or a certificate, which comes last, since it cannot be taken back.
    let certified = |name: &str, to: &str| Splitting {
        certificates: [name.into()].into(),
        to: [(name.into(), to.parse().expect("an identity"))].into(),
        ..how.clone()
    };
    let plan = split(&world, "user:ops", certified("ana", "user:ana@corp.example"));
    let plan = plan.expect("a plan");
    let last = plan.steps.last().expect("a step");
    assert_eq!(last.target.to_string(), "Certificate ana@corp.example");
    assert_eq!(last.reversibility, Reversibility::Irreversible);
    assert_eq!(last.after.as_ref().expect("what is asked for")["expirationSeconds"], 2_592_000);
    let rights: Vec<String> = last.rights.iter().map(ToString::to_string).collect();
    assert_eq!(
        rights,
        [
            "create certificatesigningrequests.certificates.k8s.io",
            "update certificatesigningrequests/approval.certificates.k8s.io",
            "get certificatesigningrequests.certificates.k8s.io",
            "approve signers.certificates.k8s.io \"kubernetes.io/kube-apiserver-client\""
        ]
    );
    // Without another name it is the actor's.
    let own = Splitting { certificates: ["ana".into()].into(), ..how.clone() };
    let plan = split(&world, "user:ops", own).expect("a plan");
    assert_eq!(plan.steps.last().expect("a step").target.to_string(), "Certificate ana");
    for (to, words) in [
        ("sa:keys/ana", "those are of users"),
        ("user:system:admin", "are the cluster's own"),
        ("user:system:serviceaccount:keys:ana", "those are of users"),
        (&format!("user:{}", "a".repeat(65)), "1 to 64 characters"),
        ("user:a\u{202e}b", "1 to 64 characters"),
    ] {
        let refused = split(&world, "user:ops", certified("ana", to)).expect_err(words);
        assert!(refused.to_string().contains(words), "{refused}");
    }
    // A person says who is no person.
    let machines = ["ana".into()].into();
    let plan = split(&world, "user:ops", Splitting { machines, ..how }).expect("a plan");
    let image = plan.steps[6].after.as_ref().expect("an image");
    assert_eq!(image["metadata"]["annotations"].get("keybook/person"), None);
}

#[test]
fn everything_by_system_masters_is_cut_to_what_was_used() {
    let mut world = ops(&[], &[]);
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    row("user:ops", 0, call("delete nodes@/x"), 3)
        .groups(&["system:authenticated", "system:masters"])
        .put(&mut parts);
    let seen = parts.uses[0].authenticated;
    let at = crate::book::tests::world::day(3);
    parts.groups_seen.entry(seen).or_default().insert("system:masters".into(), at);
    world.log = Some(parts);
    let how = Splitting { actors: vec![], to: [].into(), ..splitting(strict()) };
    let plan = split(&world, "user:ops", how).expect("a plan");
    let rules = &plan.steps[0].after.as_ref().expect("an image")["rules"];
    assert_eq!(
        *rules,
        json!([{"verbs": ["delete"], "apiGroups": [""], "resources": ["nodes"],
            "resourceNames": ["x"]}])
    );
    assert!(plan.warnings.iter().any(|line| line.contains("everything, ahead of RBAC")));
}

#[test]
fn what_cannot_be_split_is_said() {
    let did = [(0, "list pods@a"), (2, "delete pods@a/x")];
    let world = || ops(&[("wide", user("ops"))], &did);
    let named = |name: &str, is: &str| Named { name: name.into(), is: is.into() };
    let how = || Splitting { actors: vec![], to: [].into(), ..splitting(strict()) };
    let to =
        |name: &str, identity: &str| [(name.into(), identity.parse().expect("an identity"))].into();
    let cases: [(World, Splitting, &str); 9] = [
        (world(), Splitting { into: None, ..how() }, "whom actor-1 becomes is not said"),
        (
            world(),
            Splitting { into: Some("gone".into()), ..how() },
            "the namespace gone is not there",
        ),
        (
            world(),
            Splitting { actors: vec![named("ana", "JTI=0")], ..how() },
            "no actor is known by",
        ),
        (
            world(),
            Splitting { actors: vec![named("Ana", "1")], ..how() },
            "is no name for an actor",
        ),
        (
            world(),
            Splitting { actors: vec![named("ana", "1"), named("bo", "1")], ..how() },
            "who is ana too",
        ),
        (world(), Splitting { to: to("eve", "user:eve"), ..how() }, "nobody is called \"eve\""),
        (world(), Splitting { to: to("actor-1", "user:ops"), ..how() }, "is the account itself"),
        (world(), Splitting { to: to("actor-1", "group:devs"), ..how() }, "a group is nobody"),
        (
            world().bind(
                Some("a"),
                "others",
                "wide",
                &json!([group("system:serviceaccounts:keys")]),
            ),
            how(),
            "choose another namespace",
        ),
    ];
    for (world, how, words) in cases {
        let refused = split(&world, "user:ops", how).expect_err(words).to_string();
        assert!(refused.contains(words), "{refused}");
    }
    let folded = Call { verb: "".into(), target: Target::Folded, implied: Implied::Nothing };
    let mut many = world();
    row("user:ops", 0, folded, 9).put(many.log.as_mut().expect("a log"));
    let refused = split(&many, "user:ops", how()).expect_err("folded").to_string();
    assert!(refused.contains("too many different things"), "{refused}");
    let mut silent = world();
    silent.log = None;
    let refused = split(&silent, "user:ops", how()).expect_err("no log").to_string();
    assert!(refused.contains("no audit log"), "{refused}");
    let held = World::default().with(space("keys"));
    assert!(matches!(split(&held, "user:eve", how()), Err(Refusal::Nobody(_))));
}

#[test]
fn an_account_is_retired_in_stages() {
    let token = |ns: &str, name: &str, account: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": name, "namespace": ns, "uid": name,
                "annotations": {"kubernetes.io/service-account.name": account}}})
    };
    let later = |account: &str, days: Option<u32>| {
        let mut world = ops(&[("wide", user("ops"))], &[(0, "list pods@a")])
            .with(json!({"apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"name": "bot", "namespace": "a", "uid": "bot"}}))
            .with(token("a", "one", "bot"))
            .with(token("a", "of-another", "other"))
            .with(token("keys", "elsewhere", "bot"));
        let mut parts = Logged::new().log(0, 90).activity.expect("a log");
        row(account, 0, call("list pods@a"), 9).put(&mut parts);
        world.log = Some(parts);
        let how =
            Splitting { actors: vec![], to: [].into(), retire_after: days, ..splitting(strict()) };
        let plan = split(&world, account, how).expect("a plan");
        assert_eq!(Plan::read(plan.value()).as_ref(), Ok(&plan));
        let told = plan.manual.iter().any(|one| one.what.starts_with("tell everybody who uses"));
        assert_eq!(told, days.is_some());
        let stages: Vec<(String, Vec<String>)> = plan
            .later
            .iter()
            .map(|stage| {
                let words = stage.intents.iter().map(Intent::words).collect();
                (stage.not_before.to_rfc3339(), words)
            })
            .collect();
        stages
    };
    assert_eq!(later("sa:a/bot", None), []);
    let words = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    // Made on 2026-03-31 at noon.
    assert_eq!(
        later("sa:a/bot", Some(14)),
        [
            ("2026-04-14T12:00:00+00:00".to_owned(), words(&["revoke quarantine:sa:a/bot"])),
            (
                "2026-04-28T12:00:00+00:00".to_owned(),
                words(&["revoke sa:a/bot", "revoke account:a/bot"])
            ),
        ]
    );
    assert_eq!(
        later("user:ops", Some(7)),
        [("2026-04-07T12:00:00+00:00".to_owned(), words(&["revoke user:ops"]))]
    );
}

#[test]
fn whoever_would_be_cut_off_unseen_by_a_retirement_has_to_be_spoken_of() {
    // The last of the four is named by nobody.
    let did = [(0, "list pods@a"), (3, "delete pods@a/x"), (3, "list pods@a")];
    let world = ops(&[("wide", user("ops"))], &did);
    let how = Splitting {
        actors: vec![Named { name: "ana".into(), is: "203.0.113.1".into() }],
        to: [].into(),
        retire_after: Some(7),
        ..splitting(strict())
    };
    let refused = split(&world, "user:ops", how.clone()).expect_err("a refusal").to_string();
    for words in ["2 requests of user:ops belong to none", "203.0.113.4", "--retire-unattributed"] {
        assert!(refused.contains(words), "{refused}");
    }
    let said = |how: Splitting| {
        let plan = split(&world, "user:ops", how).expect("a plan");
        plan.warnings.iter().any(|line| line.contains("as was said (--retire-unattributed)"))
    };
    assert!(said(Splitting { retire_unattributed: true, ..how.clone() }));
    assert!(!said(Splitting { unattributed: Some("ana".into()), ..how.clone() }));
    assert!(!said(Splitting { retire_after: None, ..how }));
}

#[test]
fn a_plan_that_says_something_else_under_a_sum_of_its_own_is_refused() {
    let world = ops(&[("wide", user("ops"))], &[(0, "list pods@a"), (2, "delete pods@a/x")]);
    let how = Splitting {
        actors: vec![
            Named { name: "ana".into(), is: "203.0.113.1".into() },
            Named { name: "ci".into(), is: "X509SHA256=c3".into() },
        ],
        to: [("ana".into(), Identity::user("ana@corp.example"))].into(),
        certificates: ["ana".into()].into(),
        ..splitting(strict())
    };
    let plan = split(&world, "user:ops", how).expect("a plan");
    assert_eq!(Plan::read(plan.value()).as_ref(), Ok(&plan));
    let step =
        |kind: &str| plan.steps.iter().position(|step| &*step.target.kind == kind).expect("a step");
    let (certificate, token, role) = (step("Certificate"), step("Token"), step("Role"));
    let cases: [(&str, usize, &str, Value); 9] = [
        ("/target/name", certificate, "of somebody else", json!("carl")),
        ("/after/user", certificate, "of somebody else", json!("carl")),
        ("/after/signer", certificate, "is asked to sign", json!("example.com/ca")),
        ("/after/expirationSeconds", certificate, "takes 600 to", json!(99_999_999_999_u64)),
        ("/after/expirationSeconds", token, "takes 600 to", json!(5)),
        ("/after/serviceAccount/name", token, "not both made", json!("default")),
        ("/after/boundTo/name", token, "not both made", json!("other")),
        ("/rights", role, "takes the right to create roles", json!([])),
        ("/rights", certificate, "takes the right to create certificatesigningrequests", json!([])),
    ];
    for (pointer, at, words, value) in cases {
        let mut edited = plan.value();
        *edited["steps"][at].pointer_mut(pointer).expect(pointer) = value;
        let sealed = serde_json::from_value::<Plan>(edited).expect("its form").sealed();
        let refused = Plan::read(sealed.value()).expect_err(words).to_string();
        assert!(refused.contains(words), "{pointer}: {refused}");
        // What would pass is not told.
        let mut edited = sealed.value();
        edited["metadata"]["digest"] = json!("sha256:0");
        let refused = Plan::read(edited).expect_err("its sum").to_string();
        assert!(!refused.contains(sealed.metadata.digest.as_str()), "{refused}");
    }
    let mut system = plan.value();
    for pointer in ["/target/name", "/after/user"] {
        *system["steps"][certificate].pointer_mut(pointer).expect(pointer) =
            json!("system:kube-controller-manager");
    }
    let sealed = serde_json::from_value::<Plan>(system).expect("its form").sealed();
    let refused = Plan::read(sealed.value()).expect_err("the cluster's own").to_string();
    assert!(refused.contains("the cluster's own"), "{refused}");
}

#[test]
fn who_is_said_by_what_several_have_in_common_is_told() {
    let mut world = ops(&[("wide", user("ops"))], &[]);
    let log = world.log.as_mut().expect("a log");
    for actor in 0..2 {
        row("user:ops", actor, call("list pods@a"), 80).from("203.0.113.9").put(log);
    }
    let is_told = |is: &str| {
        let actors = vec![Named { name: "joe".into(), is: is.into() }];
        let how = Splitting { actors, to: [].into(), ..splitting(strict()) };
        let plan = split(&world, "user:ops", how).expect("a plan");
        let said = format!("joe is said by {is}, which is what 2 actors have that are told apart");
        plan.warnings.iter().any(|one| one.starts_with(&said))
    };
    assert!(is_told("203.0.113.9") && !is_told("X509SHA256=a1"));
}
