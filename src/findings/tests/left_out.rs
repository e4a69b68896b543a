//! What an audit policy leaves out of the log is not called unused; and groups that nobody carries
//! any more.

use std::sync::Arc;

use super::*;
use crate::book::UseState;
use crate::model::{AuditPolicy, AuditResources, AuditRule, Name};

const CONTROLLER: &str = "user:system:kube-controller-manager";

/// Kinds of which controllers read and write something every day of such a log.
const READ: [&str; 6] =
    ["nodes", "namespaces", "services", "serviceaccounts", "apps:deployments", "apps:replicasets"];
const WRITTEN: [&str; 4] =
    ["coordination.k8s.io:leases", "pods", "apps:deployments", "apps:replicasets"];

/// A log of a hundred days of which the audit policy is not known.
fn logged(world: World, what: &[String]) -> World {
    let mut world = world.log(0, 100);
    world.policy.audit = None;
    // What is served is not known.
    world.snapshot.discovery = Arc::default();
    for at in (0..=100).step_by(10) {
        for call in what {
            world = world.row(Row::new(CONTROLLER, call, at));
        }
    }
    world
}

fn writes() -> Vec<String> {
    WRITTEN.iter().map(|kind| format!("update {kind}@a/x")).collect()
}

fn reads(but: &str) -> Vec<String> {
    let kinds = READ.iter().chain(&["pods", "secrets", "configmaps"]);
    let kinds = kinds.filter(|kind| **kind != but).map(|kind| format!("list {kind}"));
    kinds.chain(writes()).collect()
}

fn found(world: &World, who: &str) -> Vec<(&'static str, Severity, String)> {
    let all = findings(world).into_iter().filter(|one| one.identity.to_string() == who);
    all.map(|one| (one.rule, one.severity, one.evidence)).collect()
}

fn names(world: &World, who: &str) -> Vec<&'static str> {
    let all = found(world, who).into_iter().map(|(rule, ..)| rule);
    all.filter(|rule| rule.starts_with("idle") || rule.starts_with("unused")).collect()
}

fn state(world: &World, who: &str) -> Vec<UseState> {
    let book = world.book();
    let entry = book.find(&who.parse().unwrap()).unwrap();
    book.permissions(entry.id).into_iter().map(|row| row.use_state).collect()
}

#[test]
fn a_log_of_writes_and_of_reads_of_secrets_alone_says_nothing_of_reads() {
    let held = || {
        world()
            .bind(None, "v", "ClusterRole/view", "user:viewer")
            .bind(None, "w", "ClusterRole/view", "group:viewers")
            .bind(None, "d", "ClusterRole/view", "user:bob")
            .bind(None, "e", "ClusterRole/edit", "user:eve")
    };
    let active = |world: World| {
        let groups = ["system:authenticated", "viewers"];
        world.row(Row::new("user:bob", "patch apps:deployments@a/x", 90).groups(&groups))
    };
    let mut secrets = writes();
    secrets.push("list secrets".into());
    let world = active(logged(held(), &secrets));
    assert_eq!(names(&world, "user:viewer"), [] as [&str; 0]);
    assert_eq!(names(&world, "group:viewers"), [] as [&str; 0]);
    assert_eq!(names(&world, "user:bob"), [] as [&str; 0]);
    assert_eq!(state(&world, "user:bob"), [UseState::NotCovered, UseState::NotCovered]);
    assert!(!world.book().logs_reads());
    // Writes are logged: who may only write is idle, and it says that reads would not show.
    let eve = found(&world, "user:eve");
    assert_eq!((eve[0].0, eve[0].1), ("idle", Severity::Info));
    assert!(eve[0].2.contains("which are not all logged here"), "{eve:?}");
    // Where reads are logged, all of it is said.
    let world = active(logged(held(), &reads("")));
    assert_eq!(names(&world, "user:viewer"), ["idle"]);
    assert_eq!(names(&world, "group:viewers"), ["unused-grant"]);
    assert_eq!(names(&world, "user:bob"), ["unused-grant"]);
    assert_eq!(found(&world, "user:eve")[0].1, Severity::High);
    assert!(world.book().logs_reads());
}

#[test]
fn a_kind_of_which_nobody_reads_anything_is_left_out_of_the_log() {
    let held = || {
        world()
            .cluster_role("services", &rule(&["get"], "", "services"))
            .cluster_role(
                "both",
                &json!([
                    {"verbs": ["get"], "apiGroups": [""], "resources": ["services", "events"]},
                    {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]},
                ]),
            )
            .bind(None, "p", "ClusterRole/view", "user:pods")
            .bind(None, "s", "ClusterRole/services", "user:services")
            .bind(None, "b", "ClusterRole/both", "user:both")
    };
    let world = logged(held(), &reads("pods"));
    assert_eq!(names(&world, "user:pods"), [] as [&str; 0]);
    assert_eq!(found(&world, "user:services")[0].1, Severity::Low);
    let both = found(&world, "user:both");
    assert_eq!((both[0].0, both[0].1), ("idle", Severity::Info));
    assert!(
        both[0].2.contains(
            "; whether the log has reads of events, reads of pods is not known, since nobody's are \
             in it"
        ),
        "{both:?}"
    );
    assert_eq!(state(&world, "user:both"), [UseState::Unused, UseState::NotCovered]);
    // Events, which nearly every policy leaves out, do not hide the use of what is beside them.
    let world = logged(held(), &reads(""));
    assert_eq!(found(&world, "user:both")[0].1, Severity::Low);
    // Reads that were logged in the first half only.
    let mut world = logged(held(), &reads("pods"));
    for at in [0, 10, 20, 30] {
        world = world.row(Row::new(CONTROLLER, "list pods", at));
    }
    assert_eq!(names(&world, "user:pods"), [] as [&str; 0]);
}

#[test]
fn what_every_cluster_reads_and_nobody_does_is_left_out_though_the_control_plane_is_too() {
    let with = |also: &'static str| {
        let mut world = world()
            .bind(None, "p", "ClusterRole/view", "user:pods")
            .cluster_role("jobs", &rule(&["get"], "batch", "cronjobs"))
            .bind(None, "j", "ClusterRole/jobs", "user:jobs")
            .log(0, 100);
        world.policy.audit = None;
        world.snapshot.discovery = Arc::default();
        for at in (0..=100).step_by(10) {
            for call in ["list networking.k8s.io:ingresses", "create batch:jobs@a", also] {
                world = world.row(Row::new("user:dev", call, at));
            }
        }
        world
    };
    let world = with("list batch:jobs");
    assert_eq!(names(&world, "user:pods"), [] as [&str; 0]);
    assert_eq!(state(&world, "user:pods"), [UseState::NotCovered]);
    // What few clusters use need not be read by anybody.
    assert_eq!(names(&world, "user:jobs"), ["idle"]);
    assert_eq!(names(&with("list pods"), "user:pods"), ["idle"]);
}

#[test]
fn the_audit_policy_decides_where_it_is_known() {
    let list = |of: &[&str]| Some(of.iter().map(|one| Name::from(*one)).collect::<Vec<Name>>());
    let pods =
        || Some(vec![AuditResources { resources: list(&["pods"]), ..AuditResources::default() }]);
    let policy = |first: AuditRule| {
        let mut all = AuditPolicy::of_everything();
        all.rules.as_mut().unwrap().insert(0, AuditRule { level: "None".into(), ..first });
        Some(Arc::new(all))
    };
    let with = |first: AuditRule| {
        let mut world = world()
            .bind(Some("a"), "p", "ClusterRole/view", "user:ana")
            .log(0, 100)
            .row(Row::new(CONTROLLER, "list secrets", 1))
            .row(Row::new("user:ben", "list secrets", 90));
        world.policy.audit = policy(first);
        names(&world, "user:ana")
    };
    let rule = AuditRule::default;
    assert_eq!(with(AuditRule { users: list(&["user:x"]), ..rule() }), ["idle"]);
    assert_eq!(with(AuditRule { users: list(&["ana"]), ..rule() }), [] as [&str; 0]);
    assert_eq!(with(AuditRule { resources: pods(), ..rule() }), [] as [&str; 0]);
    assert_eq!(
        with(AuditRule { verbs: list(&["get"]), resources: pods(), ..rule() }),
        [] as [&str; 0]
    );
    assert_eq!(with(AuditRule { verbs: list(&["watch"]), ..rule() }), ["idle"]);
    assert_eq!(with(AuditRule { namespaces: list(&["a"]), ..rule() }), [] as [&str; 0]);
    assert_eq!(with(AuditRule { namespaces: list(&["b"]), ..rule() }), ["idle"]);
    // Her groups are not known: she may be in any that people are put in. That is no reason to be silent.
    assert_eq!(with(AuditRule { user_groups: list(&["devs"]), ..rule() }), ["idle"]);
}

#[test]
fn who_may_act_in_somebodys_name_may_be_left_out_by_the_audit_policy() {
    let with = |first: Option<AuditRule>, poses: &[&str]| {
        let names = json!([{"verbs": ["impersonate"], "apiGroups": [""], "resources": ["users"],
            "resourceNames": poses}]);
        let mut world = world()
            .account("tools", "proxy")
            .cluster_role("poses", &names)
            .bind(None, "proxy", "ClusterRole/poses", "sa:tools/proxy")
            .bind(None, "r", "ClusterRole/all", "user:root")
            .bind(None, "g", "ClusterRole/all", "group:old")
            .log(0, 100)
            .row(Row::new("user:ben", "list secrets", 1).groups(&["staff"]))
            .row(Row::new("user:ben", "list secrets", 99).groups(&["staff"]));
        let mut policy = AuditPolicy::of_everything();
        policy
            .rules
            .as_mut()
            .unwrap()
            .splice(0..0, first.map(|first| AuditRule { level: "None".into(), ..first }));
        world.policy.audit = Some(Arc::new(policy));
        let of = |who: &str| {
            let all = found(&world, who).into_iter().find(|(rule, ..)| *rule == "idle");
            all.map(|(_, severity, evidence)| (severity, evidence.contains("may leave out")))
        };
        (of("user:root"), of("group:old"))
    };
    let high = Some((Severity::High, false));
    let info = Some((Severity::Info, true));
    let users = |name: &str| AuditRule { users: Some(vec![name.into()]), ..AuditRule::default() };
    let proxy = || users("system:serviceaccount:tools:proxy");
    assert_eq!(with(None, &["root"]), (high, high));
    assert_eq!(with(Some(proxy()), &["root"]).0, info);
    assert_eq!(with(Some(proxy()), &["other"]).0, high);
    let accounts = Some(vec!["system:serviceaccounts".into()]);
    let all = AuditRule { user_groups: accounts, ..AuditRule::default() };
    assert_eq!(with(Some(all), &["root"]).0, info);
    // One of the group's may be that one.
    assert_eq!(with(Some(users("agent")), &["other"]), (high, info));
}

#[test]
fn what_nearly_all_policies_leave_out_does_not_make_less_of_who_holds_more() {
    // As the default roles have it: events in a rule of their own.
    let roles = json!([
        {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]},
        {"verbs": ["get", "list"], "apiGroups": ["", "events.k8s.io"], "resources": ["events"]},
    ]);
    let held = || {
        world()
            .cluster_role("look", &roles)
            .bind(None, "l", "ClusterRole/look", "user:ana")
            .cluster_role("events", &rule(&["list"], "", "events"))
            .bind(None, "e", "ClusterRole/events", "user:eve")
            .bind(None, "r", "ClusterRole/all", "user:root")
    };
    let all = logged(held(), &reads(""));
    assert_eq!(found(&all, "user:ana")[0].0, "idle");
    assert_eq!(found(&all, "user:ana")[0].1, Severity::Low);
    assert_eq!(names(&all, "user:eve"), [] as [&str; 0]);
    assert_eq!(found(&all, "user:root")[0].1, Severity::High);
    // The same, where the policy says it.
    let mut named = held().log(0, 100);
    named.snapshot.discovery = Arc::default();
    for at in [1, 50, 99] {
        named = named.row(Row::new("user:ben", "list pods", at));
    }
    let mut policy = AuditPolicy::of_everything();
    let events = AuditResources {
        resources: Some(vec!["events".into()]),
        group: "*".into(),
        ..AuditResources::default()
    };
    let none = AuditRule { level: "None".into(), ..AuditRule::default() };
    let paths = AuditRule { non_resource_urls: Some(vec!["*".into()]), ..none.clone() };
    let events = AuditRule { resources: Some(vec![events]), ..none };
    policy.rules.as_mut().unwrap().splice(0..0, [paths, events]);
    named.policy.audit = Some(Arc::new(policy));
    assert_eq!(found(&named, "user:ana")[0].1, Severity::Low);
    assert_eq!(names(&named, "user:eve"), [] as [&str; 0]);
    assert_eq!(found(&named, "user:root")[0].1, Severity::High);
}

#[test]
fn what_the_audit_policy_leaves_out_in_part_is_not_unused() {
    let roles = json!([
        {"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["pods", "secrets"]}]);
    let with = |first: AuditRule| {
        let mut world = world()
            .cluster_role("both", &roles)
            .bind(None, "b", "ClusterRole/both", "user:ana")
            .log(0, 100)
            .row(Row::new("user:ana", "create configmaps@a", 99));
        let mut policy = AuditPolicy::of_everything();
        policy.rules.as_mut().unwrap().insert(0, AuditRule { level: "None".into(), ..first });
        world.policy.audit = Some(Arc::new(policy));
        state(&world, "user:ana")
    };
    let of = |kind: &str| {
        let kind = vec![kind.into()];
        Some(vec![AuditResources { resources: Some(kind), ..AuditResources::default() }])
    };
    let watches = Some(vec!["watch".into()]);
    let rule = AuditRule::default;
    assert_eq!(with(AuditRule { resources: of("nodes"), ..rule() }), [UseState::Unused]);
    for first in [
        AuditRule { resources: of("pods"), verbs: watches.clone(), ..rule() },
        AuditRule { resources: of("secrets"), ..rule() },
        AuditRule { namespaces: Some(vec!["a".into()]), ..rule() },
    ] {
        assert_eq!(with(first.clone()), [UseState::NotCovered], "{first:?}");
    }
}

#[test]
fn the_right_to_set_an_owner_is_in_no_log() {
    let mut world = world()
        .cluster_role("owner", &rule(&["update"], "shop.corp.example", "widgets/finalizers"))
        .bind(None, "o", "ClusterRole/owner", "user:bob")
        .log(0, 100)
        .row(Row::new("user:bob", "get pods@a/x", 90).denied());
    // What is served is not known.
    world.snapshot.discovery = Arc::default();
    assert_eq!(state(&world, "user:bob"), [UseState::NotObservable]);
    assert_eq!(names(&world, "user:bob"), [] as [&str; 0]);
}

#[test]
fn a_group_that_no_request_carries_any_more_is_doubted() {
    let with = |groups: &[&'static str], last: i64| {
        let mut world = world().bind(None, "ops", "ClusterRole/all", "group:ops").log(0, 100);
        for at in 0..100 {
            let all = [&["system:authenticated"], groups].concat();
            let row = Row::new("user:ana", "get pods@a/x", at);
            let carried = if at <= last { &all[..] } else { &["system:authenticated"] };
            world = world.row(row.groups(carried));
        }
        world
    };
    let is = |world: &World, rule: &str| {
        found(world, "user:ana").into_iter().find(|(have, ..)| *have == rule)
    };
    let (_, severity, evidence) = is(&with(&["ops"], 99), "cluster-admin").unwrap();
    assert_eq!(severity, Severity::High);
    assert!(!evidence.contains("no request"), "{evidence}");
    let (_, severity, evidence) = is(&with(&["ops"], 19), "cluster-admin").unwrap();
    assert_eq!(severity, Severity::Medium);
    assert!(
        evidence.ends_with(
            "by way of group ops; no request carried group ops since 2026-01-20, and 80 after that \
             day did not: whether it is in it today is not known"
        ),
        "{evidence}"
    );
    // A few requests say nothing.
    assert_eq!(is(&with(&["ops"], 95), "cluster-admin").unwrap().1, Severity::High);
    let (_, severity, evidence) = is(&with(&["system:masters"], 19), "cluster-admin").unwrap();
    assert_eq!(severity, Severity::Medium);
    assert!(evidence.contains("no request carried group system:masters since"), "{evidence}");
}
