//! Rows of activity summaries, by hand.

use serde_json::{Value, json};

use super::*;
use crate::model::{CreditedGrant, Detail, Identity, Target};

fn row(more: &Value) -> Value {
    let mut row = json!({
        "keybook_summary": "1", "kind": "requests", "day": "2026-05-04", "requests": 7,
        "first_seen": "2026-05-04T09:10:11.000001Z", "last_seen": "2026-05-04T21:00:00.5Z",
        "stage": "ResponseComplete", "code": 200, "decision": "allow",
        "verb": "get", "api_group": "apps", "resource": "deployments", "namespace": "shop",
        "name": "web", "user_name": "ana", "user_groups": "[\"devs\"]", "user_agent": "kubectl",
        "source_ip": "198.51.100.7",
    });
    for (key, value) in more.as_object().unwrap() {
        row[key] = value.clone();
    }
    row
}

fn read_texts(texts: &[String]) -> Activity {
    let inputs = (0..).zip(texts).map(|(n, text)| input(&format!("{n}"), text.as_bytes()));
    read_inputs(inputs.collect(), &options(), &()).unwrap()
}

fn lines(rows: &[Value]) -> String {
    rows.iter().flat_map(|row| [row.to_string(), "\n".to_owned()]).collect()
}

fn only(more: &Value) -> (Activity, crate::model::Use) {
    let activity = read_texts(&[lines(&[row(more)])]);
    let uses: Vec<_> = activity.uses().copied().collect();
    assert_eq!(uses.len(), 1, "{:?}", activity.coverage());
    (activity, uses[0])
}

#[test]
fn a_row_is_a_use_with_its_counts_and_times() {
    let (activity, row) = only(&json!({}));
    assert_eq!((row.allowed, row.denied, row.undecided), (7, 0, 0));
    assert_eq!(row.first.to_rfc3339(), "2026-05-04T09:10:11.000001+00:00");
    assert_eq!(row.last.to_rfc3339(), "2026-05-04T21:00:00.500+00:00");
    assert_eq!(row.last_allowed, Some(row.last));
    assert_eq!(row.day.to_string(), "2026-05-04");
    assert_eq!(activity.detail(), Detail::Days);
    let call = activity.call(row.call);
    let name = |text: &str| crate::model::Name::from(text);
    let target = Target::Resource {
        group: name("apps"),
        resource: name("deployments"),
        subresource: name(""),
        namespace: Some(name("shop")),
        name: Some(name("web")),
        names_folded: false,
    };
    assert_eq!((&*call.verb, &call.target), ("get", &target));
    let ana = activity.seen(&Identity::user("ana")).unwrap();
    assert_eq!(activity.groups_seen(ana), [(name("devs"), row.last)]);
    let coverage = activity.coverage();
    assert_eq!((coverage.events, coverage.lines, coverage.repeats), (7, 7, 0));
    assert_eq!((coverage.from, coverage.to), (Some(row.first), Some(row.last)));
    let summaries = coverage.summaries.as_ref().unwrap();
    assert_eq!((summaries.requests, summaries.gaps_known), (7, false));
    assert!(coverage.gaps.is_empty(), "they are not known");
}

#[test]
fn cells_are_read_as_events_are() {
    let reason = "RBAC: allowed by ClusterRoleBinding \"b\" of ClusterRole \"r\" to User \"bob\"";
    let (activity, row) = only(&json!({
        "impersonated_user": "bob", "impersonated_groups": "ops\nsystem:authenticated",
        "impersonated_extra": "{\"impersonatedUser.extra.scopes\":\"[\\\"a\\\"]\"}",
        "reason": reason, "verb": "patch", "code": "201",
        "pod_name": "[\"web-0\"]", "user_name": "system:serviceaccount:shop:web",
    }));
    assert_eq!(*activity.identity(row.authenticated), Identity::service_account("shop", "web"));
    assert_eq!(*activity.identity(row.effective), Identity::user("bob"));
    let how = activity.impersonation(row.impersonation.unwrap());
    assert_eq!(*how.groups, ["ops".into()]);
    assert_eq!(how.extra, [("scopes".into(), "a".into())]);
    assert!(matches!(&**activity.credit(row.credit.unwrap()), CreditedGrant::Rbac { .. }));
    let actor = activity.actor(row.actor);
    assert_eq!(actor.credential.as_deref(), Some("pod:shop/web-0"));
    let implied = activity.call(row.call).implied;
    assert_eq!(implied, crate::model::Implied::CreateBehindWrite);
}

#[test]
fn a_path_alone_says_what_was_asked_for() {
    let call = |more: &Value| {
        let mut all = json!({"api_group": null, "resource": null, "namespace": null, "name": null});
        for (key, value) in more.as_object().unwrap() {
            all[key] = value.clone();
        }
        let (activity, row) = only(&all);
        (**activity.call(row.call)).clone()
    };
    let pods = |name: Option<&str>| Target::Resource {
        group: "".into(),
        resource: "pods".into(),
        subresource: "".into(),
        namespace: Some("shop".into()),
        name: name.map(Into::into),
        names_folded: false,
    };
    let path = "/api/v1/namespaces/shop/pods";
    let one = json!({"path": format!("{path}/web-0")});
    assert_eq!(call(&one).target, pods(Some("web-0")));
    assert_eq!(call(&json!({"path": path, "verb": "list"})).target, pods(None));
    let selected = json!({"path": path, "verb": "watch", "name": "web-0"});
    assert_eq!(call(&selected).target, pods(Some("web-0")));
    // A name from a body is none that the authorizer saw.
    let created = json!({"path": path, "verb": "create", "name": "web-0"});
    assert_eq!(call(&created).target, pods(None));
    assert_eq!(call(&json!({"path": "/metrics"})).target, Target::Path("/metrics".into()));
}

#[test]
fn a_pod_in_place_of_its_token_is_the_pod() {
    let who = "system:serviceaccount:shop:web";
    let (activity, row) =
        only(&json!({"user_name": who, "pod_name": "web-0", "credential_id": "web-0"}));
    assert_eq!(activity.actor(row.actor).credential.as_deref(), Some("pod:shop/web-0"));
    let (activity, row) = only(&json!({"user_name": who, "credential_id": "JTI=1"}));
    assert_eq!(activity.actor(row.actor).credential.as_deref(), Some("JTI=1"));
}

#[test]
fn outcomes_are_told_apart_and_nobody_is_counted() {
    let text = lines(&[
        row(&json!({"decision": "forbid", "code": 403})),
        row(&json!({"decision": "", "code": 429, "requests": "2"})),
        row(&json!({"user_name": null, "requests": 5})),
        row(&json!({"stage": "RequestReceived", "decision": null, "code": null, "requests": 3})),
    ]);
    let activity = read_texts(&[text]);
    let sum = |of: fn(&crate::model::Use) -> u64| activity.uses().map(of).sum::<u64>();
    assert_eq!((sum(|u| u.allowed), sum(|u| u.denied), sum(|u| u.undecided)), (0, 7, 5));
    assert_eq!(activity.coverage().unauthenticated, 5);
    assert_eq!(activity.coverage().received_only, 3);
    assert_eq!(activity.coverage().events, 17);
}

#[test]
fn the_same_row_counts_once_and_another_of_the_same_time_is_told() {
    let stretch = json!({"keybook_summary": 1, "kind": "stretch", "lines": 14, "level": "Metadata",
        "first_seen": "2026-05-04 09:10:11.000001", "last_seen": "2026-05-04 09:19:11 UTC"});
    let text = lines(&[row(&json!({})), stretch]);
    let twice = read_texts(&[text.clone(), text.clone()]);
    assert_eq!(twice.uses().map(|row| row.allowed).sum::<u64>(), 7);
    let summaries = twice.coverage().summaries.as_ref().unwrap();
    assert_eq!((summaries.repeated_rows, summaries.overlapping), (1, false));
    assert!(summaries.gaps_known);
    assert_eq!(twice.coverage().gaps.len(), 1, "from 9:19 to 21:00");
    let other = lines(&[row(&json!({"requests": 9, "lacks": "groups,codes"}))]);
    let both = read_texts(&[text, other]);
    assert_eq!(both.uses().map(|row| row.allowed).sum::<u64>(), 16);
    let summaries = both.coverage().summaries.as_ref().unwrap();
    assert!(summaries.overlapping && !summaries.gaps_known);
    assert_eq!(summaries.lacks, ["codes".into(), "groups".into()]);
}

#[test]
fn rows_stand_in_lists_and_labels_too() {
    let insights: Vec<Value> = row(&json!({}))
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            json!({"field": key, "value": text})
        })
        .collect();
    let labels: Value = row(&json!({"requests": null}));
    // As `az monitor log-analytics query -o json` prints it: everything as text.
    let mut azure = row(&json!({"TableName": "PrimaryResult", "requests": "7", "lines": "None"}));
    azure["first_seen"] = json!("2026-05-04T09:10:11.0000010Z");
    // As the query API answers.
    let columns: Vec<Value> =
        row(&json!({})).as_object().unwrap().keys().map(|key| json!({"name": key})).collect();
    let cells: Vec<Value> = row(&json!({})).as_object().unwrap().values().cloned().collect();
    for text in [
        json!([row(&json!({}))]),
        json!([azure]),
        json!({"tables": [{"name": "PrimaryResult", "columns": columns, "rows": [cells]}]}),
        json!({"results": [insights], "status": "Complete"}),
        json!({"status": "success", "data": {"resultType": "vector",
               "result": [{"metric": labels, "value": [1_777_885_811, "7"]}]}}),
    ] {
        let activity = read_texts(&[text.to_string()]);
        let uses: Vec<u64> = activity.uses().map(|row| row.allowed).collect();
        assert_eq!(uses, [7], "{text} {:?}", activity.coverage().unreadable);
    }
}

#[test]
fn rows_that_cannot_be_are_counted_by_reason() {
    let bad = [
        (json!({"keybook_summary": "2"}), "a summary of another version"),
        (json!({"kind": "week"}), "a summary's row of no known kind"),
        (json!({"requests": 0}), "a summary's row without a count"),
        (json!({"requests": "many"}), "a summary's row without a count"),
        (json!({"first_seen": null}), "a summary's row without a time"),
        (json!({"last_seen": "2026-05-05T00:00:00Z"}), "a summary's row of several days"),
        (
            json!({"first_seen": "2026-05-04T22:00:00Z"}),
            "a summary's row that ends before it begins",
        ),
        (
            json!({"first_seen": "2030-01-01T00:00:00Z", "last_seen": "2030-01-01T00:00:00Z"}),
            "dated in the future",
        ),
    ];
    for (more, reason) in bad {
        let activity = read_texts(&[lines(&[row(&more), row(&json!({}))])]);
        let unreadable = &activity.coverage().unreadable;
        assert_eq!(unreadable.keys().map(|key| &**key).collect::<Vec<_>>(), [reason]);
        assert_eq!(activity.uses().count(), 1);
    }
}
