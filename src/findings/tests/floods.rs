//! Who asks too much, and what the API server has against it.

use super::*;
use crate::model::{Peak, Rate, SeenId};

fn schema(name: &str, level: &str, precedence: u32, subject: &Value) -> Value {
    json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema",
        "metadata": {"name": name, "annotations": {"apf.kubernetes.io/autoupdate-spec": "true"}},
        "spec": {"matchingPrecedence": precedence, "distinguisherMethod": {"type": "ByUser"},
            "priorityLevelConfiguration": {"name": level},
            "rules": [{"subjects": [subject],
                "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"],
                    "clusterScope": true, "namespaces": ["*"]}],
                "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]}]}})
}

fn level(name: &str, shares: u32) -> Value {
    json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "PriorityLevelConfiguration",
        "metadata": {"name": name}, "spec": {"type": "Limited",
            "limited": {"nominalConcurrencyShares": shares}}})
}

fn group(name: &str) -> Value {
    json!({"kind": "Group", "group": {"name": name}})
}

/// As a server has it, but for most of what is for the system.
fn limits() -> World {
    let exempt = json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "PriorityLevelConfiguration", "metadata": {"name": "exempt"},
        "spec": {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0}}});
    World::new()
        .log(0, 20)
        .object(&exempt)
        .object(&level("system", 30))
        .object(&level("global-default", 20))
        .object(&level("catch-all", 5))
        .object(&schema("exempt", "exempt", 1, &group("system:masters")))
        .object(&schema("system-nodes", "system", 500, &group("system:nodes")))
        .object(&schema("global-default", "global-default", 9900, &group("system:authenticated")))
        .object(&schema("catch-all", "catch-all", 10000, &group("*")))
}

/// One that asks so often in a minute and an hour.
fn asking(world: World, who: &str, groups: &[&str], (minute, hour): (u64, u64)) -> World {
    let mut row = Row::new(who, "get pods@a/p", 3).times(700);
    row.groups.extend(groups.iter().map(|group| crate::model::Name::from(*group)));
    row.groups.sort();
    let mut world = world.row(row);
    let parts = world.activity.as_mut().unwrap();
    let peak = |requests| Peak { requests, at: day(3) };
    let rate = Rate {
        counted: 700,
        minute: peak(minute),
        hour: peak(hour),
        rejected: 0,
        last_rejected: None,
    };
    let at = parts.tables.identities.iter().position(|one| one.to_string() == who).unwrap();
    parts.rates.insert(SeenId(u32::try_from(at).unwrap()), rate);
    world
}

fn floods(world: &World) -> Vec<(Severity, String)> {
    let found = findings(world).into_iter().filter(|finding| finding.rule == "floods");
    found.map(|finding| (finding.severity, finding.evidence)).collect()
}

fn rate(world: &mut World) -> &mut Rate {
    world.activity.as_mut().unwrap().rates.values_mut().next().unwrap()
}

#[test]
fn a_flood_is_told_in_figures_with_what_limits_it() {
    let usual = asking(limits(), "user:ana", &[], (2_999, 35_999));
    assert_eq!(floods(&usual), []);
    let hour = asking(limits(), "user:ana", &[], (2_999, 36_000));
    let limited = "all its requests are of FlowSchema global-default, priority level \
                   global-default, which no other FlowSchema has: 20 of 55 shares, each user's \
                   flow apart; how many requests at once that is, the API server's flags say";
    let fast = "2999 requests in the minute from 2026-01-04 12:00 UTC (49 a second), 36000 in the \
                hour from 2026-01-04 12:00 (10 a second)";
    assert_eq!(floods(&hour), [(Severity::Low, format!("{fast}; {limited}"))]);

    let mut rejected = asking(limits(), "user:ana", &[], (3_000, 3_000));
    *rate(&mut rejected) =
        Rate { rejected: 12, last_rejected: Some(day(4)), counted: 600, ..*rate(&mut rejected) };
    let (severity, evidence) = floods(&rejected).remove(0);
    assert_eq!(severity, Severity::Medium);
    assert!(evidence.contains("12 were answered 429, the last on 2026-01-05 12:00"), "{evidence}");
    assert!(evidence.ends_with("at least: of 100 more the log does not tell the minute"));

    let mut lower = usual.clone();
    lower.policy.flood_minute = 2_999;
    assert_eq!(floods(&lower).len(), 1);
    (lower.policy.flood_minute, lower.policy.flood_hour) = (3_000, 35_999);
    assert_eq!(floods(&lower).len(), 1);
}

#[test]
fn what_may_go_on_for_long_is_of_no_flow_schema() {
    let logs = Row::new("user:ana", "get pods/log@a/p", 3).times(300);
    let world = asking(limits().row(logs), "user:ana", &[], (9_000, 9_000));
    let told = floods(&world).remove(0).1;
    let expected = "700 of its 1000 requests (300 may go on for long and are of none) are of \
                    FlowSchema global-default";
    assert!(told.contains(expected), "{told}");
}

#[test]
fn what_nothing_limits_is_worse_and_what_is_the_systems_work_is_none() {
    let fast = (9_000, 90_000);
    let (severity, evidence) =
        floods(&asking(limits(), "user:root", &["system:masters"], fast)).remove(0);
    assert_eq!(severity, Severity::Medium);
    assert!(evidence.contains("FlowSchema exempt, priority level exempt, which is exempt"));
    assert_eq!(floods(&asking(limits(), "user:system:node:n1", &["system:nodes"], fast)), []);
    // The API server's own requests are nobody's.
    let itself = asking(limits(), "user:system:apiserver", &["system:masters"], fast);
    assert_eq!(floods(&itself), []);
    // Whoever made a FlowSchema of that name did not make it the server's.
    let mut made = schema("system-nodes", "system", 500, &group("bots"));
    made["metadata"]["annotations"] = json!(null);
    let bots = asking(limits().object(&made), "user:bot", &["bots"], fast);
    assert_eq!(floods(&bots).len(), 1);
}

#[test]
fn the_first_by_precedence_and_name_counts_and_one_without_its_level_does_not() {
    let told = |world: World| {
        let found = floods(&asking(world, "sa:a/x", &[], (9_000, 9_000))).remove(0).1;
        let rest = found.split_once("FlowSchema ").unwrap().1;
        rest.split_once(',').unwrap().0.to_owned()
    };
    let account = json!({"kind": "ServiceAccount",
        "serviceAccount": {"namespace": "a", "name": "x"}});
    let world = || limits().object(&schema("b", "system", 700, &account));
    assert_eq!(told(world()), "b");
    assert_eq!(told(world().object(&schema("a", "system", 700, &account))), "a");
    assert_eq!(told(world().object(&schema("c", "system", 699, &account))), "c");
    assert_eq!(told(world().object(&schema("d", "none", 1, &account))), "b");
}

#[test]
fn without_the_lists_or_groups_the_limit_is_not_known_and_the_system_is_left_out() {
    let fast = (9_000, 90_000);
    let said = |world: &World| floods(world).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
    for list in [ListKind::FlowSchemas, ListKind::PriorityLevels] {
        let world = without(asking(limits(), "user:ana", &[], fast), list);
        let told = said(&world);
        assert!(
            told[0].ends_with(
                "what limits them is not known: the lists of flow control were not read"
            )
        );
        for system in ["user:system:node:n1", "sa:kube-system/dns"] {
            assert_eq!(said(&without(asking(limits(), system, &[], fast), list)), [""; 0]);
        }
    }
    let world = asking(limits(), "user:ana", &[], fast).coverage(|of| of.groups_logged = false);
    assert!(said(&world)[0].ends_with("not known: the log does not tell groups"));
}
