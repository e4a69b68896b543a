//! What is granted and, as far as the log shows, not needed; and what is done that should not be.

use chrono::NaiveDate;
use serde_json::json;

use super::*;
use crate::model::Exemption;

/// Bob, who reads pods every month, so that he is not idle.
fn bob(days: i64) -> World {
    let mut world = world()
        .cluster_role("secrets", &rule(&["get", "list"], "", "secrets"))
        .bind(Some("a"), "view", "ClusterRole/view", "user:bob")
        .log(0, days);
    for at in (10..days).step_by(30) {
        world = world.row(Row::new("user:bob", "get pods@a/x", at));
    }
    world
}

fn unused(world: &World) -> Vec<(String, &'static str)> {
    let mut found = rules(world);
    found.retain(|(_, rule)| ["unused-grant", "unused-permissions"].contains(rule));
    found
}

fn made(mut binding: Value, at: i64) -> Value {
    binding["metadata"]["creationTimestamp"] = json!(day(at));
    binding
}

#[test]
fn a_grant_that_nothing_needed_is_unused_once_the_log_and_the_grant_are_old_enough() {
    let with = |world: World| world.bind(Some("a"), "s", "ClusterRole/secrets", "user:bob");
    let is: &[(String, &str)] = &[("user:bob".into(), "unused-grant")];
    assert_eq!(unused(&with(bob(90))), is);
    assert_eq!(unused(&with(bob(89))), []);
    let found = findings(&with(bob(100)));
    assert_eq!(
        (found[0].severity, &*found[0].evidence, found[0].rests_on_coverage),
        (
            Severity::Medium,
            "RoleBinding a/s grants ClusterRole secrets (reads secrets): its rule was not used in a \
             log that begins on 2026-01-01",
            true
        )
    );
    // Used once, long ago; or perhaps, for the log does not say what was decided.
    let used = with(bob(200)).row(Row::new("user:bob", "list secrets@a", 1));
    assert_eq!(unused(&used), []);
    let perhaps = with(bob(200)).row(Row::new("user:bob", "list secrets@a", 1).undecided());
    assert_eq!(unused(&perhaps), []);
    let denied = with(bob(200)).row(Row::new("user:bob", "list secrets@a", 1).denied());
    assert_eq!(unused(&denied), is);
    let elsewhere = with(bob(200)).row(Row::new("user:bob", "list secrets@b", 1));
    assert_eq!(unused(&elsewhere), is);
    // A grant that was made of late was not there to be used.
    let young = |at| {
        bob(200).object(&made(binding(Some("a"), "s", "ClusterRole/secrets", &["user:bob"]), at))
    };
    assert_eq!(unused(&young(111)), []);
    assert_eq!(unused(&young(110)), is);
}

#[test]
fn what_a_log_leaves_out_is_not_called_unused() {
    let world = bob(100).bind(Some("a"), "s", "ClusterRole/secrets", "user:bob");
    assert_eq!(unused(&world).len(), 1);
    let reads = world.clone().coverage(|coverage| coverage.reads_logged = false);
    assert_eq!(unused(&reads), []);
    let dropped = world.clone().coverage(|coverage| (coverage.led, coverage.unled) = (10, 10));
    assert_eq!(unused(&dropped), []);
    // What no log can show is no evidence.
    let silent = bob(100)
        .cluster_role("silent", &rule(&["use"], "shop.corp.example", "things"))
        .bind(Some("a"), "s", "ClusterRole/silent", "user:bob");
    assert_eq!(unused(&silent), []);
    // A token that was used, by its label, when the log has nothing of it.
    let account = |at: i64| {
        bob(100)
            .account("a", "x")
            .bind(Some("a"), "s", "ClusterRole/secrets", "sa:a/x")
            .row(Row::new("sa:a/x", "get pods@a/x", 40).denied())
            .object(&json!({
                "apiVersion": "v1", "kind": "Secret",
                "type": "kubernetes.io/service-account-token",
                "metadata": {
                    "namespace": "a", "name": "t",
                    "annotations": {"kubernetes.io/service-account.name": "x"},
                    "labels": {"kubernetes.io/legacy-token-last-used":
                        day(at).format("%Y-%m-%d").to_string()},
                },
            }))
    };
    assert_eq!(unused(&account(40)), [("sa:a/x".into(), "unused-grant")]);
    assert_eq!(unused(&account(41)), []);
}

#[test]
fn a_groups_grants_are_judged_by_its_members() {
    let group = |row: Row| {
        bob(100)
            .bind(Some("a"), "s", "ClusterRole/secrets", "group:devs")
            .row(Row::new("user:bob", "get pods@a/y", 50).groups(&["devs", "system:authenticated"]))
            .row(row)
    };
    let read = || Row::new("user:eve", "get secrets@a/x", 60);
    let devs: &[(String, &str)] = &[("group:devs".into(), "unused-grant")];
    assert_eq!(unused(&group(read())), devs);
    let carried = |row: Row| row.groups(&["devs", "system:authenticated"]);
    assert_eq!(unused(&group(carried(read()))), []);
    assert_eq!(unused(&group(carried(read()).undecided())), []);
    assert_eq!(unused(&group(read()).coverage(|coverage| coverage.groups_logged = false)), []);
}

#[test]
fn unused_rules_are_said_where_they_make_somebody_stronger() {
    let both = json!([
        {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]},
        {"verbs": ["list"], "apiGroups": [""], "resources": ["configmaps"]},
        {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["configmaps", "secrets"]},
        {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["x"]},
    ]);
    let world = |world: World| {
        world.cluster_role("both", &both).bind(Some("a"), "both", "ClusterRole/both", "user:bob")
    };
    let found = findings(&world(bob(100)));
    let found: Vec<_> = found.iter().filter(|one| one.rule == "unused-permissions").collect();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].severity, &*found[0].evidence),
        (
            Severity::Medium,
            "what was used comes to read; rules that were not, in a log that begins on 2026-01-01, \
             make it reads secrets: get, list on secrets, configmaps in a by RoleBinding a/both; \
             get on secrets named x in a by RoleBinding a/both"
        )
    );
    // Used, or held in another way that is not for this grant to give up: nothing would be gained.
    let used = world(bob(100)).row(Row::new("user:bob", "get secrets@a/x", 50));
    assert_eq!(unused(&used), []);
    let member = world(bob(100))
        .bind(Some("a"), "devs", "ClusterRole/secrets", "group:devs")
        .row(Row::new("user:bob", "get pods@a/y", 50).groups(&["devs", "system:authenticated"]));
    assert_eq!(unused(&member), [("group:devs".into(), "unused-grant")]);
}

#[test]
fn requests_that_are_refused_again_and_again_are_said() {
    let denied = |world: World, who: &str, what: &str, days: std::ops::Range<i64>, each: u64| {
        days.fold(world, |world, at| {
            let mut row = Row::new(who, what, at).denied();
            row.denied = each;
            world.row(row)
        })
    };
    let of = |world: &World| -> Vec<(Severity, String)> {
        let found = findings(world).into_iter().filter(|finding| finding.rule == "denied");
        found.map(|finding| (finding.severity, finding.evidence)).collect()
    };
    let start = || world().log(0, 20);
    assert_eq!(of(&denied(start(), "user:ana", "list secrets@a", 1..3, 60)), []);
    assert_eq!(of(&denied(start(), "user:ana", "list secrets@a", 1..4, 33)), []);
    assert_eq!(
        of(&denied(start(), "user:ana", "list secrets@a", 1..4, 40)),
        [(
            Severity::Low,
            "refused 120 times on 3 days between 2026-01-02 and 2026-01-04; most often list \
             secrets (120)"
                .to_owned()
        )]
    );
    let kinds = ["pods", "secrets", "configmaps", "nodes", "namespaces", "apps:deployments"];
    let probing = kinds.iter().fold(start(), |world, kind| {
        let world = denied(world, "user:ana", &format!("get {kind}"), 1..4, 10);
        denied(world, "user:ana", &format!("list {kind}"), 1..4, 11)
    });
    assert_eq!(
        of(&probing),
        [(
            Severity::Medium,
            "refused 378 times on 3 days between 2026-01-02 and 2026-01-04; most often list \
             configmaps (33), and 11 other kinds of requests"
                .to_owned()
        )]
    );
    let anonymous = denied(start(), "user:system:anonymous", "get pods", 1..4, 40);
    assert_eq!(of(&anonymous)[0].0, Severity::Info);
    let mut lower = denied(start(), "user:ana", "list secrets@a", 1..3, 5);
    (lower.policy.denied_requests, lower.policy.denied_days) = (10, 2);
    assert_eq!(of(&lower).len(), 1);
}

#[test]
fn people_on_a_machines_account_are_told_by_what_only_people_use() {
    let of = |agent: &str, annotations: Value| -> Vec<String> {
        let by = |mut row: Row| {
            row.agent = Some(agent.into());
            row
        };
        let world = world()
            .object(&json!({
                "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"namespace": "a", "name": "x", "annotations": annotations},
            }))
            .log(0, 20)
            .row(by(Row::new("sa:a/x", "get pods@a/x", 3).times(7)))
            .row(by(Row::new("user:ana", "get pods@a/x", 3)));
        let found = findings(&world).into_iter().filter(|one| one.rule == "people-on-machine");
        found.map(|finding| format!("{}: {}", finding.identity, finding.evidence)).collect()
    };
    let mac = "kubectl/v1.33.1 (darwin/arm64) kubernetes/abc1234";
    assert_eq!(
        of(mac, json!({})),
        ["sa:a/x: 7 requests by what people use (\"kubectl/v1.33.1 (darwin/arm64)\"), last on \
          2026-01-04; annotation keybook/person says whose it is if it is one person's own"]
    );
    assert_eq!(of(mac, json!({"keybook/person": "ana@corp.example"})), [] as [&str; 0]);
    // A proxy that people log in by hands their agents on, and says who they are; what is done in the
    // name of another account is nobody's.
    let proxy = |whom: &str| {
        let mut row = Row::new("sa:a/proxy", "get pods@a/x", 3).acting_as(whom, None).times(7);
        row.agent = Some(mac.into());
        let world = world().account("a", "proxy").log(0, 20).row(row);
        findings(&world).into_iter().filter(|one| one.rule == "people-on-machine").count()
    };
    assert_eq!((proxy("user:ana"), proxy("sa:a/other")), (0, 1));
    for person in ["k9s/v0.50.1 (linux/amd64) kubernetes/abc", "Lens/2025.1", "Mozilla/5.0 (X11)"] {
        assert_eq!(of(person, json!({})).len(), 1, "{person}");
    }
    for machine in ["kubectl/v1.33.1 (linux/amd64) kubernetes/abc1234", "argocd/v3", "lensless/1"] {
        assert_eq!(of(machine, json!({})), [] as [&str; 0], "{machine}");
    }
}

#[test]
fn build_agents_on_desktops_systems_are_no_people() {
    let of = |hours: &[i64], exec: bool| {
        let mut world = world().account("ci", "agents").log(0, 20);
        for day in 0..4 {
            for hour in hours {
                for agent in ["kubectl/v1.36.1 (windows/amd64)", "kubectl/v1.36.1 (darwin/arm64)"] {
                    let row = Row::new("sa:ci/agents", "patch deployments@a/x", day);
                    world = world.row(row.agent(agent).minutes(hour * 60 - 700));
                }
            }
        }
        if exec {
            let row = Row::new("sa:ci/agents", "create pods/exec@a/x", 2);
            world = world.row(row.agent("kubectl/v1.36.1 (windows/amd64)"));
        }
        let found = findings(&world);
        found.iter().filter(|one| one.rule == "people-on-machine").count()
    };
    let around = [0, 3, 6, 9, 12, 15, 18, 21];
    assert_eq!(of(&around, false), 0);
    assert_eq!(of(&around, true), 1);
    assert_eq!(of(&around[3..6], false), 1);
}

#[test]
fn an_exemption_holds_to_its_last_day_and_for_nobody_else() {
    let exempt = |rule: &str, identity: &str, expires: &str| Exemption {
        rule: rule.into(),
        identity: identity.into(),
        owner: "platform@corp.example".into(),
        reason: "used once a year".into(),
        expires: expires.parse::<NaiveDate>().unwrap(),
    };
    // The Book is of the last but one day of 2026.
    let with = |exemption| {
        let mut world = ana(90).bind(Some("a"), "ana-2", "ClusterRole/edit", "user:ana-2");
        world.policy.exemptions = vec![exemption];
        let book = world.book();
        let all = |findings: Vec<&Finding>| -> Vec<String> {
            findings.into_iter().map(|finding| finding.identity.to_string()).collect()
        };
        (all(book.findings()), all(book.exempt()), book.counts().idle)
    };
    let (ana, other) = ("user:ana".to_owned(), "user:ana-2".to_owned());
    assert_eq!(
        with(exempt("idle", "user:ana", "2026-12-31")),
        (vec![other.clone()], vec![ana.clone()], 1)
    );
    assert_eq!(
        with(exempt("idle", "user:ana*", "2026-12-31")),
        (vec![], vec![ana.clone(), other.clone()], 0)
    );
    for misses in [
        exempt("idle", "user:ana", "2026-12-30"),
        exempt("denied", "user:ana", "2026-12-31"),
        exempt("idle", "ana", "2026-12-31"),
    ] {
        assert_eq!(with(misses), (vec![ana.clone(), other.clone()], vec![], 2));
    }
}

#[test]
fn an_account_with_two_behind_it_is_shared() {
    let with = |second: &'static str| {
        // One every four minutes, the other every five: both at the twentieth.
        let rows = (0..14).map(|turn| {
            let (credential, minutes) = match turn % 2 {
                0 => ("X509SHA256=1", turn / 2 * 4),
                _ => (second, turn / 2 * 5),
            };
            let what = format!("get configmaps@a/{turn}");
            Row::new("user:jenny", &what, 10)
                .with(credential)
                .agent("kubectl/v1.36.1 (linux/amd64)")
                .minutes(minutes)
        });
        rows.fold(world().log(0, 20), World::row)
    };
    let found = findings(&with("X509SHA256=2"));
    assert_eq!(
        found.iter().map(|one| (one.rule, &*one.evidence)).collect::<Vec<_>>(),
        [(
            "shared-account",
            "credentials X509SHA256=1 and X509SHA256=2 at once, once, 24 minutes in all, last on \
             2026-01-11 12:24; the signs weigh 50, from 50 on an account is called shared"
        )]
    );
    assert_eq!(with("X509SHA256=2").book().counts().shared, 1);
    assert_eq!(findings(&with("X509SHA256=1")), []);
}

#[test]
fn who_left_and_is_seen_later_is_said() {
    let with = |who: &str, last: &str| {
        let mut world = world()
            .bind(Some("a"), "ana", "ClusterRole/edit", "user:ana")
            .log(0, 60)
            .row(Row::new("user:ana", "get pods@a/x", 10).with("X509SHA256=1"))
            .row(Row::new("user:ana", "get configmaps@a/x", 40).with("JTI=1").times(3))
            .row(Row::new("user:ana", "get secrets@b/x", 41).with("JTI=2").denied())
            .row(Row::new("user:bob", "get pods@a/x", 50).acting_as("user:ana", None));
        world.policy.left = [(who.into(), last.parse::<NaiveDate>().expect("a day"))].into();
        world
    };
    let said = |world: &World| {
        let found = findings(world);
        let one = found.iter().find(|one| one.rule == "acted-after-leaving");
        one.map(|one| (one.identity.to_string(), one.severity, one.evidence.clone()))
    };
    // Day 0 is the first of January; the ninth of February is day 39.
    assert_eq!(
        said(&with("user:ana", "2026-02-09")),
        Some((
            "user:ana".to_owned(),
            Severity::Medium,
            "its last day was 2026-02-09, by the policy; 3 allowed and 1 other requests on 2 days \
             after it, the last on 2026-02-11; by JTI=2, JTI=1"
                .to_owned()
        ))
    );
    assert!(said(&with("user:a*", "2026-02-10")).is_some_and(|(_, _, evidence)| {
        evidence.contains("0 allowed and 1 other requests on 1 day after it")
    }));
    // To the last day itself, and what others do in her name is theirs.
    assert_eq!(said(&with("user:ana", "2026-02-11")), None);
    assert_eq!(said(&with("user:someone", "2026-01-01")), None);
}
