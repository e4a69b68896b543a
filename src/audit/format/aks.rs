//! AKS: diagnostic records of Azure Monitor, as storage accounts, Event Hub and the table
//! AzureDiagnostics have them, and the resource-specific tables AKSAudit and AKSAuditAdmin.
//!
//! Storage cuts what it holds of an event at 16 KiB, the table at 32 KiB. The resource-specific
//! tables have no column for who was impersonated.

use std::borrow::Cow;

use super::entry::{self, Inner, Writer, loose, loose_text};
use super::object::{Object, string};
use super::{Carried, Carrier, Translated};

/// Reads a record or a row.
pub fn entry<'a>(entry: &Object<'a>) -> Option<Translated<'a>> {
    row(entry).or_else(|| record(entry)).or_else(|| diagnostics(entry))
}

const OTHER: &str = "a line of another log";

/// Whether a category is the API server's audit log; one that is not named may be.
fn is_audit(category: Option<&str>) -> bool {
    category.is_none_or(|category| {
        let category = category.to_ascii_lowercase();
        category.is_empty() || category.starts_with("kube-audit")
    })
}

/// `{"category":"kube-audit","resourceId":…,"properties":{"log":…,"pod":…},"time":…}`.
fn record<'a>(entry: &Object<'a>) -> Option<Translated<'a>> {
    let inside = loose(entry, "properties")?;
    let category = loose_text(entry, "category");
    let operation = loose_text(entry, "operationName");
    let aks = |text: &str| text.to_ascii_lowercase().contains("microsoft.containerservice");
    let resource = loose_text(entry, "resourceId");
    let known = category.is_some()
        || operation.as_deref().is_some_and(aks)
        || resource.as_deref().is_some_and(aks);
    if !known {
        return None;
    }
    if !is_audit(category.as_deref()) {
        return Some(Translated::Passed(OTHER));
    }
    let (log, pod) = properties(inside)?;
    Some(carried(log, pod, resource.as_deref(), loose(entry, "time")))
}

/// `log` and `pod` of the properties, which may be a string of JSON themselves.
fn properties(json: &str) -> Option<(Cow<'_, str>, Option<Cow<'_, str>>)> {
    if let Some(text) = string(json) {
        let inner = Inner(text);
        let (log, pod) = log_and_pod(&inner.object())?;
        return Some((log.into_owned().into(), pod.map(|pod| pod.into_owned().into())));
    }
    log_and_pod(&Object::read(json).ok()?.0)
}

fn log_and_pod<'a>(properties: &Object<'a>) -> Option<(Cow<'a, str>, Option<Cow<'a, str>>)> {
    Some((line(loose(properties, "log")?)?, loose_text(properties, "pod")))
}

/// The event, which is a string or an object.
fn line(json: &str) -> Option<Cow<'_, str>> {
    if json.starts_with('{') { Some(json.into()) } else { string(json) }
}

/// `log_s`, `pod_s`, `Category` of AzureDiagnostics.
fn diagnostics<'a>(entry: &Object<'a>) -> Option<Translated<'a>> {
    let log = line(entry.get("log_s")?)?;
    if !is_audit(loose_text(entry, "Category").as_deref()) {
        return Some(Translated::Passed(OTHER));
    }
    let resource = loose_text(entry, "ResourceId");
    Some(carried(log, loose_text(entry, "pod_s"), resource.as_deref(), generated(entry)))
}

/// `TimeGenerated`, which a CSV file's header calls `TimeGenerated [UTC]`.
fn generated<'a>(entry: &Object<'a>) -> Option<&'a str> {
    let mut members = entry.members();
    members.find(|(key, _)| key.starts_with("TimeGenerated")).map(|(_, value)| value)
}

fn carried<'a>(
    log: Cow<'a, str>,
    pod: Option<Cow<'a, str>>,
    resource: Option<&str>,
    time: Option<&str>,
) -> Translated<'a> {
    let mut carried = Carried::new(log, Carrier::Aks);
    carried.time = time.and_then(entry::time).map(|(_, at)| at);
    carried.cluster = resource.map(cluster);
    carried.server = pod;
    Translated::Carried(carried)
}

/// Azure writes the ids of resources in any case.
fn cluster(resource: &str) -> Cow<'static, str> {
    resource.to_ascii_lowercase().into()
}

/// A row of AKSAudit: `AuditId`, `Stage`, `Verb`, `User` …
fn row<'a>(entry: &Object<'a>) -> Option<Translated<'a>> {
    let (id, stage) = (entry.get("AuditId")?, entry.get("Stage")?);
    let mut event = Writer::event();
    event.text("level", text(entry, "Level").as_deref());
    event.json("auditID", Some(id));
    event.json("stage", Some(stage));
    event.text("requestURI", text(entry, "RequestUri").as_deref());
    event.text("verb", text(entry, "Verb").as_deref());
    event.json("user", dynamic(entry, "User").as_deref());
    event.json("sourceIPs", dynamic(entry, "SourceIps").as_deref());
    event.text("userAgent", text(entry, "UserAgent").as_deref());
    event.json("objectRef", dynamic(entry, "ObjectRef").as_deref());
    event.json("responseStatus", dynamic(entry, "ResponseStatus").as_deref());
    for (key, column) in [
        ("requestReceivedTimestamp", "RequestReceivedTime"),
        ("stageTimestamp", "StageReceivedTime"),
    ] {
        let time = column_of(entry, column).and_then(entry::time);
        event.text(key, time.map(|(time, _)| time).as_deref());
    }
    event.json("annotations", dynamic(entry, "Annotations").as_deref());
    let mut carried = Carried::new(event.finish(), Carrier::AksTable);
    carried.time = generated(entry).and_then(entry::time).map(|(_, at)| at);
    carried.cluster = loose_text(entry, "ResourceId").as_deref().map(cluster);
    carried.server = text(entry, "PodName");
    Some(Translated::Carried(carried))
}

/// A column; the portal's CSV puts ` [UTC]` behind the names of times.
fn column_of<'a>(entry: &Object<'a>, column: &str) -> Option<&'a str> {
    let mut members = entry.members();
    members.find(|(key, _)| key.strip_suffix(" [UTC]").unwrap_or(key) == column).map(|(_, v)| v)
}

fn text<'a>(entry: &Object<'a>, column: &str) -> Option<Cow<'a, str>> {
    string(entry.get(column)?)
}

/// A column of the type `dynamic`: JSON, or a string of JSON.
fn dynamic<'a>(entry: &Object<'a>, column: &str) -> Option<Cow<'a, str>> {
    entry.get(column).and_then(Inner::of).map(|inner| inner.0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event() -> Value {
        json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
            "auditID": "a1", "stage": "ResponseComplete", "requestURI": "/api/v1/pods",
            "verb": "list", "user": {"username": "ana@corp.example", "groups": ["g"]},
            "sourceIPs": ["198.51.100.7", "10.0.0.1"], "userAgent": "kubectl/v1.34",
            "objectRef": {"resource": "pods", "apiVersion": "v1"},
            "responseStatus": {"metadata": {}, "code": 200},
            "requestReceivedTimestamp": "2026-05-04T09:10:11.123456Z",
            "stageTimestamp": "2026-05-04T09:10:11.130000Z",
            "annotations": {"authorization.k8s.io/decision": "allow"}})
    }

    fn found(entry: &Value) -> Carried<'static> {
        let text: &'static str = Box::leak(entry.to_string().into_boxed_str());
        let (object, _) = Object::read(text).unwrap();
        match super::entry(&object) {
            Some(Translated::Carried(carried)) => carried,
            other => panic!("{other:?}"),
        }
    }

    fn inside(carried: &Carried<'_>) -> Value {
        serde_json::from_str(carried.text.trim()).unwrap()
    }

    const AT: i64 = 1_777_885_812_000_000;

    #[test]
    fn records_hold_the_event_as_text_or_object() {
        let text = event().to_string() + "\n";
        for log in [json!(text), event()] {
            let record = json!({"category": "kube-audit", "operationName": "x",
                "resourceId": "/SUBSCRIPTIONS/S/MANAGEDCLUSTERS/C",
                "properties": {"log": log, "stream": "stdout", "pod": "kube-apiserver-1"},
                "time": "2026-05-04T09:10:12.0000000Z"});
            let carried = found(&record);
            assert_eq!(inside(&carried), event());
            assert_eq!(carried.cluster.as_deref(), Some("/subscriptions/s/managedclusters/c"));
            assert_eq!(carried.server.as_deref(), Some("kube-apiserver-1"));
            assert_eq!(carried.time, Some(AT));
        }
        let row = json!({"Category": "kube-audit-admin", "log_s": text, "pod_s": "p",
            "TimeGenerated [UTC]": "2026-05-04 09:10:12"});
        let carried = found(&row);
        assert_eq!((inside(&carried), carried.time), (event(), Some(AT)));
    }

    #[test]
    fn columns_of_the_tables_are_the_event() {
        let columns = |dynamic: fn(&Value) -> Value| {
            json!({"TenantId": "t", "TimeGenerated": "2026-05-04T09:10:12Z", "Level": "Metadata",
            "AuditId": "a1", "Stage": "ResponseComplete", "RequestUri": "/api/v1/pods",
            "Verb": "list", "User": dynamic(&event()["user"]),
            "SourceIps": dynamic(&event()["sourceIPs"]), "UserAgent": "kubectl/v1.34",
            "ObjectRef": dynamic(&event()["objectRef"]),
            "ResponseStatus": dynamic(&event()["responseStatus"]),
            "RequestReceivedTime": "2026-05-04T09:10:11.123456Z",
            "StageReceivedTime": "2026-05-04T09:10:11.130000Z", "RequestObject": "",
            "Annotations": dynamic(&event()["annotations"]), "PodName": "p"})
        };
        assert_eq!(inside(&found(&columns(Value::clone))), event());
        assert_eq!(inside(&found(&columns(|value| json!(value.to_string())))), event());
    }

    #[test]
    fn other_categories_are_passed_over() {
        for entry in [
            json!({"category": "kube-controller-manager", "properties": {"log": "I0504 x"}}),
            json!({"Category": "guard", "log_s": "x"}),
        ] {
            let text = entry.to_string();
            let (object, _) = Object::read(&text).unwrap();
            assert_eq!(super::entry(&object), Some(Translated::Passed(OTHER)));
        }
        let text = r#"{"properties":{"log":"x"}}"#;
        assert_eq!(super::entry(&Object::read(text).unwrap().0), None);
    }
}
