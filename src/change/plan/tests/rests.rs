//! What a Plan rests on is kept in it, and looked at again.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{World, binding, now, pods, user};
use crate::book::tests::world::{Row, World as Logged};
use crate::change::plan::{
    Action, CoverageRef, Intent, Made, Plan, Precondition, Step, Target, old, refused_since, rests,
    stale, taken_back,
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
            "user:ann",
            request("new", "ann", "other"),
            "user:ann: it has other certificates since the plan was made on 2026-03-31 12:00 UTC \
             (CertificateSigningRequest new): they would stay good",
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
    assert_eq!(old(&plan, later(0)), [""; 0]);
    assert_eq!(old(&plan, later(1)), ["the plan was made on 2026-03-31, 1 day ago"]);
    plan.intents = vec![
        Intent::to_narrow("user:ann", crate::change::plan::Choices::default()).expect("a wish"),
    ];
    let coverage = CoverageRef {
        from: None,
        to: Some("2026-03-01T00:00:00Z".parse().expect("a time")),
        gaps: 0,
    };
    plan.metadata.coverage = Some(coverage);
    let said = old(&plan, later(92));
    assert_eq!(said[0], "the plan was made on 2026-03-31, 92 days ago");
    assert!(said[1].starts_with("the log that it rests on ended on 2026-03-01, 122 days ago"));
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
        refused_since(&world.book(), &plan)
    };
    let refused = seen(88, 20);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].starts_with("user:ann: get pods p in namespace n, the last on 2026-03-30"));
    // What the log had when the plan was made was weighed then.
    assert_eq!(seen(88, 30), [""; 0]);
    plan.intents = vec!["user:ann".parse().expect("a wish")];
    let revoked = World { log: Some(parts(88)), ..world() };
    assert_eq!(refused_since(&revoked.book(), &plan), [""; 0]);
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
    assert!(earlier.without_later(&now, &before).is_empty());
    // Where nobody's run did it, it is a difference.
    assert_eq!(earlier.without_later(&now, &now), earlier);
}
