//! From lines of a log to findings: what is asked for by a selector.

use std::io::Cursor;

use serde_json::Value;

use super::*;
use crate::audit::{self, Options};

/// So many days the log is long.
const DAYS: i64 = 100;

/// A line as the API server writes it, or as it did before 1.18.
fn line(form: &str, at: i64, who: &str, uri: &str, name: Option<&str>) -> String {
    let time = day(at).format("%Y-%m-%dT%H:%M:%S.000000Z");
    if form == "legacy" {
        return format!(
            "{time} AUDIT: id=\"{who}-{at}\" stage=\"ResponseComplete\" ip=\"198.51.100.7\" \
             method=\"list\" user=\"{who}\" groups=\"\\\"system:authenticated\\\"\" as=\"<self>\" \
             asgroups=\"<lookup>\" user-agent=\"kubectl\" namespace=\"a\" uri=\"{uri}\" \
             response=\"200\"\n"
        );
    }
    let resource = uri.split(['/', '?']).nth(5);
    let event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
        "auditID": format!("{who}-{at}"), "stage": "ResponseComplete", "requestURI": uri,
        "verb": "list", "user": {"username": who, "groups": ["system:authenticated"]},
        "sourceIPs": ["198.51.100.7"], "userAgent": "kubectl",
        "objectRef": {"resource": resource, "namespace": "a", "name": name, "apiVersion": "v1"},
        "responseStatus": {"code": 200}, "requestReceivedTimestamp": time.to_string(),
        "stageTimestamp": time.to_string(),
        "annotations": if form == "json" {
            json!({"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": ""})
        } else {
            Value::Null
        },
    });
    format!("{event}\n")
}

/// The rules of which something is wrong with ana, who lists Secrets by this query, and may list the
/// one that is called x.
fn wrong(form: &str, query: &str, name: Option<&str>) -> Vec<&'static str> {
    let names = json!([{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["secrets"],
        "resourceNames": ["x"]}]);
    let world = world()
        .cluster_role("one", &names)
        .bind(Some("a"), "one", "ClusterRole/one", "user:ana")
        .bind(Some("a"), "two", "ClusterRole/view", "user:ana");
    let mut text = String::new();
    for at in 0..=DAYS {
        text += &line(form, at, "bob", "/api/v1/namespaces/a/pods", None);
        if at % 20 == 0 {
            let uri = format!("/api/v1/namespaces/a/secrets{query}");
            text += &line(form, at, "ana", &uri, name);
        }
    }
    let input = Input { name: "log".into(), bytes: Box::new(Cursor::new(text.into_bytes())) };
    let options = Options::new(day(DAYS + 1));
    let activity = audit::read_inputs(vec![input], &options, &()).expect("it is read");
    assert_eq!(activity.coverage().unreadable, [].into(), "{form}");
    let book = Book::build(Inputs {
        activity: Some(activity.into()),
        log: LogState::Ready,
        ..world.inputs()
    });
    let found = &book.find(&"user:ana".parse().unwrap()).unwrap().findings;
    let of_one = |grant: &crate::book::GrantKey| &*grant.binding == "one";
    found.iter().filter(|one| one.grant.as_ref().is_some_and(of_one)).map(|one| one.rule).collect()
}

#[test]
fn a_list_by_a_selector_is_a_use_of_a_rule_for_that_name() {
    for form in ["json", "undecided", "legacy"] {
        for query in [
            "?fieldSelector=metadata.name%3Dx",
            "?fieldSelector=metadata.name=x&limit=500",
            "?fieldSelector=metadata.name%3Dx%2Ctype%3DOpaque&labelSelector=app%3Dy",
        ] {
            assert_eq!(wrong(form, query, Some("x")), [] as [&str; 0], "{form} {query}");
        }
        // Of another name, it needed another rule: this one was not used.
        for query in ["?fieldSelector=metadata.name%3Dy", "?labelSelector=app%3Dx", ""] {
            let name = query.ends_with("Dy").then_some("y");
            assert_eq!(wrong(form, query, name), ["unused-grant"], "{form} {query}");
        }
    }
}
