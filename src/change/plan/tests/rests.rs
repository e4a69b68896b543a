//! What a Plan rests on is kept in it, and looked at again.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{World, binding, group, now, pods, user};
use crate::book::tests::world::{Row, World as Logged};
use crate::change::plan::{
    Action, Choices, CoverageRef, Ground, Intent, Inverse, Made, Plan, Precondition, Rest, Step,
    Target, falls_short, gives_others, old, rests, since, stale, standing, taken_back,
};
use crate::model::{ListKind, Objects, Snapshot};

fn token(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"name": name, "namespace": "ci", "uid": name, "resourceVersion": "5",
            "annotations": {"kubernetes.io/service-account.name": "bot"}}})
}

/// A request by which somebody was given a certificate.
fn request(name: &str, common_name: &str, organization: &str) -> Value {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, organization);
    params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
    let key = rcgen::KeyPair::generate().expect("a key");
    let pem = params.self_signed(&key).expect("a certificate").pem();
    json!({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {"signerName": "kubernetes.io/kube-apiserver-client", "username": "admin"},
        "status": {"certificate": STANDARD.encode(pem)}})
}

fn world() -> World {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "bot", "namespace": "ci", "uid": "bot", "resourceVersion": "4"}});
    World::default()
        .role("reader", &pods(&["get"]))
        .bind(Some("n"), "first", "reader", &json!([user("ann"), user("bob")]))
        .with(account)
        .with(token("one"))
        .with(request("old", "ann", "ops"))
}

fn moved(plan: &Plan, world: &World) -> (Vec<String>, Vec<String>) {
    let snapshot: Arc<Snapshot> = world.book().snapshot;
    stale(plan, &snapshot)
}

#[test]
fn what_is_new_since_a_plan_was_made_is_told() {
    let plan = |wish: &str| world().plan(&[wish]).expect("a plan");
    let none = (Vec::new(), Vec::new());
    let cases = [
        (
            "user:ann",
            binding(None, "second", "reader", &json!([user("ann")])),
            "user:ann: more is granted to it since the plan was made on 2026-03-31 12:00 UTC \
             (ClusterRoleBinding second (ClusterRole reader)): that would stay",
        ),
        (
            "quarantine:sa:ci/bot",
            token("two"),
            "sa:ci/bot: it has other tokens since the plan was made on 2026-03-31 12:00 UTC (Secret \
             ci/two): they would stay good",
        ),
        (
            "account:ci/bot",
            token("two"),
            "sa:ci/bot: it has other tokens since the plan was made on 2026-03-31 12:00 UTC (Secret \
             ci/two): they would stay good",
        ),
    ];
    for (wish, new, words) in cases {
        let plan = plan(wish);
        assert_eq!(moved(&plan, &world()), none, "{wish}");
        assert_eq!(moved(&plan, &world().with(new)), (vec![words.to_owned()], Vec::new()));
    }
    // Others' are nobody's business.
    let others = world()
        .with(binding(None, "second", "reader", &json!([user("bob")])))
        .with(request("new", "bob", "ann"));
    assert_eq!(moved(&plan("user:ann"), &others), none);
    // What no list shows is not known to be as it was.
    let unseen = World {
        forbidden: vec![ListKind::TokenSecrets, ListKind::CertificateSigningRequests],
        ..world()
    };
    for wish in ["user:ann", "quarantine:sa:ci/bot"] {
        let (new, unknown) = moved(&plan(wish), &unseen);
        assert_eq!((new.len(), unknown.len()), (0, 1), "{wish}");
    }
}

#[test]
fn another_certificate_is_told_and_stops_a_plan_only_by_what_its_groups_give() {
    let group = |name: &str| super::group(name);
    let world = || world().bind(None, "others", "reader", &json!([group("other")]));
    let plan = world().plan(&["user:ann"]).expect("a plan");
    let since = "since the plan was made on 2026-03-31 12:00 UTC";
    // `rcgen` makes certificates that are good until the first day of 4096.
    let told = format!(
        "user:ann: it has another certificate {since} (CertificateSigningRequest new, good until \
         4096-01-01 00:00 UTC): it authenticates until then, whatever the plan says"
    );
    let rotated = world().with(request("new", "ann", "ops"));
    assert_eq!(moved(&plan, &rotated), (Vec::new(), vec![told.clone()]));
    let more = |what: &str| {
        format!(
            "user:ann: more is granted by the groups in its certificates {since} ({what}): that would \
             stay"
        )
    };
    let other = world().with(request("new", "ann", "other"));
    let by = more("group:other by ClusterRoleBinding others (ClusterRole reader)");
    assert_eq!(moved(&plan, &other), (vec![by], vec![told.clone()]));
    let masters = world().with(request("new", "ann", "system:masters"));
    let by = more("everything, by group:system:masters");
    assert_eq!(moved(&plan, &masters), (vec![by], vec![told]));
    // The group that was in it all along is given something.
    let given = world().bind(Some("n"), "ops", "reader", &json!([group("ops")]));
    let by = more("group:ops by RoleBinding n/ops (ClusterRole reader)");
    assert_eq!(moved(&plan, &given), (vec![by], Vec::new()));
    // Whoever is in a group that is revoked gets nothing by another certificate with it.
    let plan = world().plan(&["group:other"]).expect("a plan");
    let (stops, told) = moved(&plan, &other);
    assert_eq!((stops.len(), told.len()), (0, 1), "{told:?}");
}

/// A role that was narrowed, and what undoing that makes of it in a world as it is by then.
fn undone(now: &World) -> Plan {
    let wide = world();
    let mut plan = wide.plan(&["user:ann"]).expect("a plan");
    let target = Target { kind: "ClusterRole".into(), namespace: None, name: "reader".into() };
    let image = |verbs: &[&str]| {
        Some(json!({"apiVersion": super::RBAC, "kind": "ClusterRole", "rules": pods(verbs),
            "metadata": {"name": "reader", "uid": "uid-reader", "resourceVersion": "3"}}))
    };
    let step = Step {
        target,
        action: Action::Replace,
        inverse: Inverse { action: Action::Replace, rights: Vec::new() },
        before: image(&["get", "delete"]),
        after: image(&["get"]),
        ..plan.steps[0].clone()
    };
    plan.steps = vec![step];
    plan.rests_on = rests::of(&plan.intents, &plan.steps, &wide.objects());
    let made = [Made { step: plan.steps[0].id, left: image(&["get"]) }];
    let mut undo = crate::change::plan::undo(&plan, (1, &made), Vec::new(), None, super::now());
    undo.rests_on = rests::of_undo(&undo.steps, &plan, &now.objects());
    undo
}

#[test]
fn who_was_bound_to_a_role_since_it_was_narrowed_would_gain_by_undoing_that() {
    let given = |now: &World| gives_others(&undone(now), &now.objects());
    assert_eq!(given(&world()), None, "who held it before held all of it");
    let theirs = || world().bind(Some("m"), "theirs", "reader", &json!([user("eve")]));
    let found = given(&theirs()).expect("eve gains");
    assert_eq!(
        found.what,
        "ClusterRole reader gets back what was taken from it, and more bindings give it than when that \
         was planned (user:eve by RoleBinding m/theirs): these would give that as well"
    );
    assert_eq!(found.sentence, "give more to others on prod-eu");
    // Who has it all otherwise gains nothing, where they have it.
    let deletes = pods(&["delete"]);
    let elsewhere = |ns: Option<&str>| {
        theirs().role("deleter", &deletes).bind(ns, "more", "deleter", &json!([user("eve")]))
    };
    assert_eq!(given(&elsewhere(None)), None);
    assert_eq!(given(&elsewhere(Some("m"))), None);
    assert!(given(&elsewhere(Some("other"))).is_some());
    // An aggregated role that takes it in gives it to its holders.
    let mut aggregated = world();
    aggregated.raw[0]["metadata"]["labels"] = json!({"to": "all"});
    let aggregated = aggregated
        .with(json!({"apiVersion": super::RBAC, "kind": "ClusterRole",
            "metadata": {"name": "sum", "uid": "uid-sum", "resourceVersion": "3"}, "rules": [],
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to": "all"}}]}}))
        .bind(None, "sums", "sum", &json!([user("eve")]));
    let found = given(&aggregated).expect("eve gains");
    let by = "(user:eve by ClusterRoleBinding sums of ClusterRole sum)";
    assert!(found.what.contains(by), "{}", found.what);
    // Where it was widened already, nothing is given any more.
    let wide =
        World::default().role("reader", &pods(&["get", "delete"])).with(theirs().raw.remove(5));
    assert_eq!(given(&wide), None);
}

#[test]
fn who_holds_a_role_that_is_edited_where_it_is_is_looked_at_again() {
    let mut plan = world().plan(&["user:ann"]).expect("a plan");
    let target = Target { kind: "ClusterRole".into(), namespace: None, name: "reader".into() };
    let step = Step { target, action: Action::Replace, ..plan.steps[0].clone() };
    plan.steps.push(Step { precondition: Precondition::default(), ..step });
    plan.rests_on = rests::of(&plan.intents, &plan.steps, &world().objects());
    assert_eq!(moved(&plan, &world()), (Vec::new(), Vec::new()));
    let another = binding(Some("m"), "theirs", "reader", &json!([user("eve")]));
    let (new, _) = moved(&plan, &world().with(another));
    assert_eq!(
        new,
        ["ClusterRole reader: others hold it since the plan was made on 2026-03-31 12:00 UTC \
          (user:eve by RoleBinding m/theirs): the step would change what they may do"]
    );
}

#[test]
fn the_age_of_a_plan_is_told_in_days() {
    let mut plan = world().plan(&["user:ann"]).expect("a plan");
    let later = |days: i64| now() + chrono::TimeDelta::days(days);
    assert_eq!(old(&plan, later(0), false), [""; 0]);
    assert_eq!(old(&plan, later(1), false), ["the plan was made on 2026-03-31, 1 day ago"]);
    plan.intents = vec![
        Intent::to_narrow("user:ann", crate::change::plan::Choices::default()).expect("a wish"),
    ];
    let coverage = CoverageRef {
        from: None,
        to: Some("2026-03-01T00:00:00Z".parse().expect("a time")),
        gaps: 0,
    };
    plan.metadata.coverage = Some(coverage);
    let said = old(&plan, later(92), false);
    assert_eq!(said[0], "the plan was made on 2026-03-31, 92 days ago");
    assert!(said[1].starts_with("the log that it rests on ended on 2026-03-01, 122 days ago"));
    let stage = crate::change::plan::Later {
        not_before: later(14),
        what: String::new(),
        intents: Vec::new(),
        still_works: Vec::new(),
    };
    plan.later = vec![stage];
    // Made on 2026-03-31, applied on 2026-04-29.
    let said = old(&plan, later(29), true);
    assert_eq!(said[1], "its stages come so much later than it says: from 2026-05-13 on");
}

#[test]
fn what_was_allowed_since_and_would_be_refused_is_found_in_the_log() {
    let mut plan = world().plan(&["rb:n/first=user:ann"]).expect("a plan");
    plan.intents = vec![
        Intent::to_narrow("user:ann", crate::change::plan::Choices::default()).expect("a wish"),
    ];
    let row = |on: i64| Row::new("user:ann", "get pods@n/p", on);
    // Day 88 of the log is the eve of the plan.
    let parts = |on: i64| {
        let mut parts = Logged::new().log(-12, 88).activity.expect("a log");
        row(on).put(&mut parts);
        parts
    };
    let seen = |on: i64, ended: i64| {
        let ended = format!("2026-03-{ended}T23:00:00Z").parse().expect("a time");
        let mut plan = plan.clone();
        plan.metadata.coverage = Some(CoverageRef { from: None, to: Some(ended), gaps: 0 });
        let world = World { log: Some(parts(on)), ..world() };
        since(&world.book(), &plan).refused
    };
    let refused = seen(88, 20);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].starts_with("user:ann: get pods p in namespace n, the last on 2026-03-30"));
    // What the log had when the plan was made was weighed then.
    assert_eq!(seen(88, 30), [""; 0]);
    plan.intents = vec!["user:ann".parse().expect("a wish")];
    let revoked = World { log: Some(parts(88)), ..world() };
    assert_eq!(since(&revoked.book(), &plan).refused, [""; 0]);
}

#[test]
fn what_a_later_run_takes_is_no_difference_of_an_earlier_one() {
    let world = world();
    let plan = world.plan(&["rb:n/first=user:bob"]).expect("a plan");
    assert!(!plan.verification.denied.is_empty(), "{:?}", plan.verification);
    let later = world.plan(&["user:ann"]).expect("a plan");
    let made: Vec<Made> =
        later.steps.iter().map(|step| Made { step: step.id, left: step.after.clone() }).collect();
    let now = super::applied(&world, &later).objects();
    let mut before = now.clone();
    taken_back(&mut before, &later, &made);
    // Images in a plan have no `managedFields`.
    let subjects = |objects: &Objects| -> Vec<_> {
        objects.bindings.values().map(|binding| binding.subjects.clone()).collect()
    };
    assert_eq!(subjects(&before), subjects(&world.objects()));
    assert_ne!(subjects(&now), subjects(&before));
    // An earlier run had said that ann may, and that bob may not.
    let mut earlier = plan.verification.clone();
    earlier.denied.clear();
    earlier.allowed = later.verification.denied.clone();
    assert!(earlier.without_later(&now, &before, &before).is_empty());
    // What took an earlier run back was not meant to give back what this one took.
    let mut taken = later.verification.clone();
    taken.allowed.clear();
    assert!(!taken.denied.is_empty() && taken.without_later(&before, &now, &now).is_empty());
    assert_eq!(taken.without_later(&before, &now, &before), taken);
    // Where nobody's run did it, it is a difference.
    assert_eq!(earlier.without_later(&now, &now, &now), earlier);
}

#[test]
fn of_a_run_that_was_taken_back_in_part_only_what_stands_is_expected() {
    let world = world().bind(Some("o"), "second", "reader", &json!([user("ann"), user("bob")]));
    let plan = world.plan(&["user:ann"]).expect("a plan");
    let made: Vec<Made> =
        plan.steps.iter().map(|step| Made { step: step.id, left: step.after.clone() }).collect();
    let places = |made: &[Made]| -> Vec<String> {
        let mut stand = world.objects();
        standing(&mut stand, &plan, made);
        let all = plan.verification.of_what_stands(&stand).denied;
        all.iter().map(crate::change::plan::Check::what).collect()
    };
    let [n, o] = ["get pods in namespace n", "get pods in namespace o"];
    // All of it stands, whatever somebody gave back since.
    assert_eq!(places(&made), [n, o]);
    // What was taken back, or never made, is not refused.
    assert_eq!(places(&made[1..]), [o]);
    assert_eq!(places(&made[..1]), [n]);
    assert_eq!(places(&[]), [""; 0]);
}

#[test]
fn what_a_persons_groups_are_granted_since_stops_their_revocation() {
    let mut parts = Logged::new().log(0, 88).activity.expect("a log");
    Row::new("user:ann", "get pods@n/p", 80)
        .groups(&["system:authenticated", "devs"])
        .put(&mut parts);
    let seen = parts.uses[0].authenticated;
    let at = crate::book::tests::world::day(80);
    parts.groups_seen.entry(seen).or_default().insert("devs".into(), at);
    let before = World { log: Some(parts), ..world() };
    let before = before.bind(Some("m"), "theirs", "reader", &json!([group("devs")]));
    let plan = before.plan(&["user:ann"]).expect("a plan");
    let of: Vec<&Rest> =
        plan.rests_on.iter().filter(|rest| rest.what == Ground::GroupGrants).collect();
    assert_eq!(of.len(), 1, "{:?}", plan.rests_on);
    assert_eq!(
        (&*of[0].of, &of[0].are[..]),
        ("group:devs", &["RoleBinding m/theirs (ClusterRole reader)".to_owned()][..])
    );
    assert_eq!(moved(&plan, &before), (Vec::new(), Vec::new()));
    let more = before.bind(None, "all-of-them", "reader", &json!([group("devs"), user("bob")]));
    let (new, _) = moved(&plan, &more);
    assert_eq!(
        new,
        ["group:devs: more is granted to it since the plan was made on 2026-03-31 12:00 UTC \
         (ClusterRoleBinding all-of-them (ClusterRole reader)): who is in it, and is to lose all, would keep \
         that"]
    );
    assert_eq!(Plan::read(plan.value()).as_ref(), Ok(&plan));
}

#[test]
fn what_a_plan_counts_on_and_has_gone_since_is_found() {
    // ann lists pods in a by two grants, of which the wide one goes.
    let pods = json!([{"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}]);
    let mut log = Logged::new().log(0, 90).activity.expect("a log");
    Row::new("user:ann", "list pods@a", 80).put(&mut log);
    let ann = json!([user("ann")]);
    let wide = World::default()
        .with(super::split::space("a"))
        .role("lister", &pods)
        .bind(None, "wide", "lister", &ann);
    let world = World { log: Some(log), ..wide.clone().bind(Some("a"), "near", "lister", &ann) };
    let choices = Choices { families: false, younger_than: 0, ..Choices::default() };
    let narrow = Intent::to_narrow("user:ann", choices).expect("an intent");
    let plan = world.plan_of(&[narrow]).expect("a plan");
    let written: Vec<String> = plan.steps.iter().map(|step| step.target.to_string()).collect();
    assert_eq!(written, ["ClusterRoleBinding wide"]);
    assert_eq!(falls_short(&plan, &world.objects()), Vec::<String>::new());
    let [line] = &falls_short(&plan, &wide.objects())[..] else { panic!("nothing is lost") };
    assert!(
        line.starts_with("ann: list pods in namespace a would be refused afterwards"),
        "{line}"
    );
}
