//! What a plan says of what it cuts off and somebody uses.

use serde_json::{Value, json};

use super::{World, group, pods, user};
use crate::book::tests::world::{Row, World as Logged};
use crate::model::{ActivityParts, ListKind};

/// A log of a hundred days up to the eve of the plan, with these rows.
fn log(rows: impl IntoIterator<Item = Row>) -> ActivityParts {
    let mut parts = Logged::new().log(-12, 88).activity.expect("a log");
    for row in rows {
        row.put(&mut parts);
    }
    parts
}

fn token(name: &str, labels: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"namespace": "app", "name": name, "uid": "u", "resourceVersion": "3",
            "creationTimestamp": "2025-01-01T00:00:00Z", "labels": labels, "annotations": {
                "kubernetes.io/service-account.name": "prod",
                "kubernetes.io/service-account.uid": "a"}}})
}

fn world(labels: &Value) -> World {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": "app", "name": "prod", "uid": "a"}});
    World::default().with(account).with(token("prod-tok", labels))
}

fn work(on: i64, credential: &str) -> Row {
    let row = Row::new("sa:app/prod", "get pods@app/p", on).with(credential).times(5);
    row.from("192.0.2.7").agent("payroll/v1; it is \"idle\"")
}

/// Warnings, and the evidence of the only step.
fn said(world: &World, wish: &str) -> (Vec<String>, Vec<String>) {
    let plan = world.plan(&[wish]).expect("a plan");
    let [step] = &plan.steps[..] else { panic!("{:?}", plan.steps) };
    (plan.warnings.clone(), step.reasons[0].evidence.clone())
}

#[test]
fn a_token_that_is_used_is_warned_of_with_figures() {
    let none = json!({});
    let mut used = world(&none);
    used.log =
        Some(log([work(88, "legacy:app/prod/prod-tok"), work(2, "legacy:app/prod/prod-tok")]));
    let words = "used 10 times, last on 2026-03-30 12:00 UTC, from 192.0.2.7, by \"payroll/v1; it is \
                 \\\"idle\\\"\", by the log";
    for wish in ["quarantine:app/prod-tok", "secret:app/prod-tok"] {
        let (warnings, evidence) = said(&used, wish);
        let warning = format!(
            "secret app/prod-tok is in use: {words}: what uses it stops working within ten seconds"
        );
        assert_eq!(warnings, [warning], "{wish}");
        assert_eq!(evidence[1], words);
    }
    // By the label, where no log shows it; a plan is of 2026-03-31.
    let labelled = world(&json!({"kubernetes.io/legacy-token-last-used": "2026-03-20"}));
    let (warnings, _) = said(&labelled, "quarantine:app/prod-tok");
    assert!(
        warnings[0].starts_with("secret app/prod-tok is in use: last used on 2026-03-20"),
        "{warnings:?}"
    );
    // Longer ago than the idle time it is no use of today's, and told all the same.
    let old = world(&json!({"kubernetes.io/legacy-token-last-used": "2025-12-20"}));
    let (warnings, evidence) = said(&old, "quarantine:app/prod-tok");
    assert_eq!(warnings, [""; 0]);
    assert_eq!(evidence[1], "last used on 2025-12-20, by the Secret's label");
    // A day to come nobody has used it on.
    let future = world(&json!({"kubernetes.io/legacy-token-last-used": "2099-01-01"}));
    let (warnings, evidence) = said(&future, "quarantine:app/prod-tok");
    assert_eq!(warnings, [""; 0]);
    assert_eq!(evidence[1], "whether it is in use is not known: no log");
}

#[test]
fn a_token_that_may_be_used_is_warned_of() {
    let none = json!({});
    // Of two the log does not say which.
    let mut two = world(&none).with(token("other", &none));
    two.log = Some(log([work(88, "legacy:app/prod")]));
    let (warnings, _) = said(&two, "quarantine:app/prod-tok");
    assert!(warnings[0].contains("may be in use: the log shows one of the account's Secrets"));
    // A pod has it.
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "app", "name": "job-0"}, "status": {"phase": "Running"},
        "spec": {"containers": [{"name": "c", "volumeMounts": [{"name": "t", "mountPath": "/t"}]}],
            "volumes": [{"name": "t", "secret": {"secretName": "prod-tok"}}]}});
    let (warnings, _) = said(&world(&none).with(pod), "quarantine:app/prod-tok");
    assert!(warnings[0].contains("may be in use: it is in the containers of pod app/job-0"));
    assert_eq!(said(&world(&none), "quarantine:app/prod-tok").0, [""; 0]);
    // Whether one has it nobody looked.
    let blind = World { forbidden: vec![ListKind::Pods], ..world(&none) };
    assert_eq!(
        said(&blind, "quarantine:app/prod-tok").0,
        [
            "secret app/prod-tok may be in use: which pods have it in their containers is not known, \
          since pods were not read: what uses it stops working within ten seconds"
        ]
    );
}

#[test]
fn requests_that_would_be_refused_are_warned_of_and_no_others() {
    let bound = |more: bool| {
        let mut world = World::default().role("read", &pods(&["get"])).bind(
            None,
            "one",
            "read",
            &json!([user("ana"), user("bob")]),
        );
        if more {
            world = world.bind(Some("a"), "two", "read", &json!([user("ana")]));
        }
        let row = |what: &str, on: i64| {
            Row::new("user:ana", what, on).from("192.0.2.9").agent("kubectl/v1.36.3").times(4)
        };
        world.log = Some(log([
            row("get pods@a/p", 80),
            row("get pods@a/p", 88),
            row("get pods@b/q", 70),
            // Of another time, refused, and another's.
            row("get pods@b/q", -5),
            row("delete pods@a/p", 88).denied(),
        ]));
        world
    };
    let warning = |world: &World, wish: &str| {
        let plan = world.plan(&[wish]).expect("a plan");
        plan.warnings
    };
    assert_eq!(
        warning(&bound(false), "user:ana"),
        [
            "user:ana is in use: 12 requests of the log, the last on 2026-03-30 12:00 UTC, would be refused \
          afterwards: get pods p in namespace a (8), get pods q in namespace b (4), from 192.0.2.9, by \
          \"kubectl/v1.36.3\""
        ]
    );
    // What another grant allows as well is not missed.
    assert_eq!(
        warning(&bound(true), "crb:one=user:ana"),
        [
            "user:ana is in use: 4 requests of the log, the last on 2026-03-12 12:00 UTC, would be refused \
          afterwards: get pods q in namespace b (4), from 192.0.2.9, by \"kubectl/v1.36.3\""
        ]
    );
    assert_eq!(warning(&bound(false), "crb:one=user:bob"), [""; 0]);
    // Without a log nothing is known.
    let mut blind = bound(false);
    blind.log = None;
    assert_eq!(warning(&blind, "user:ana"), [""; 0]);
}

#[test]
fn of_a_group_its_members_are_told() {
    let mut world = World::default().role("read", &pods(&["get"])).bind(
        None,
        "one",
        "read",
        &json!([group("devs")]),
    );
    let row = |who: &str, times: u64| {
        Row::new(who, "get pods@a/p", 88).groups(&["devs", "system:authenticated"]).times(times)
    };
    world.log = Some(log((0..7u64).map(|at| row(&format!("user:u{at}"), at + 1))));
    let warnings = world.plan(&["group:devs"]).expect("a plan").warnings;
    assert_eq!(warnings.len(), 6, "{warnings:?}");
    assert!(warnings[0].starts_with("user:u6 is in use: 7 requests of the log"), "{warnings:?}");
    // The last two have one and two requests.
    assert_eq!(warnings[5], "and 2 more whose requests (3 of the log) would be refused");
}

#[test]
fn a_token_that_an_old_api_server_takes_all_the_same_is_not_called_quarantined() {
    let none = json!({});
    let of = |version: &str| {
        let world = World { version: Some(version.into()), ..world(&none) };
        let plan = world.plan(&["quarantine:app/prod-tok"]).expect("a plan");
        let manual: Vec<String> = plan.manual.iter().map(|one| one.what.clone()).collect();
        let works =
            plan.still_works.iter().any(|one| one.what == "the token in Secret app/prod-tok");
        (plan.steps.len(), manual, works)
    };
    let delete = "delete Secret app/prod-tok, once nobody needs its token: keybook revoke \
                  secret:app/prod-tok";
    assert_eq!(of("v1.28.9"), (0, vec![delete.to_owned()], true));
    assert_eq!(of("v1.29.0"), (1, Vec::new(), false));
}
