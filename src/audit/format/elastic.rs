//! Elastic's own integration: the event under `kubernetes.audit`, with dots in the names of
//! annotations replaced; in documents, or in the columns of a CSV file or an ES|QL answer.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::object::Object;
use super::{Carried, Carrier, Translated, entry, insights, shippers};

/// What Elastic's pipeline makes of names that are looked for.
const RENAMED: [(&str, &str); 4] = [
    ("authorization_k8s_io/", "authorization.k8s.io/"),
    ("authentication_k8s_io/", "authentication.k8s.io/"),
    ("authentication_kubernetes_io/", "authentication.kubernetes.io/"),
    ("pod-security_kubernetes_io/", "pod-security.kubernetes.io/"),
];

/// What stands before the name of a column.
const COLUMN: &str = "kubernetes.audit.";

/// Columns that hold lists: several values are joined by commas.
const LISTS: [&str; 3] = ["sourceIPs", "user.groups", "impersonatedUser.groups"];

/// `{"@timestamp":…,"kubernetes":{"audit":{…}}}`, or a row of `kubernetes.audit.…`.
pub fn entry<'a>(object: &Object<'a>) -> Option<Translated<'a>> {
    let Some(kubernetes) = object.any_object("kubernetes") else { return row(object) };
    let audit = kubernetes.any("audit").filter(|value| value.starts_with('{'))?;
    let mut text = Cow::Borrowed(audit);
    for (from, to) in RENAMED {
        let (from, to) = (format!("\"{from}"), format!("\"{to}"));
        if text.contains(&from) {
            text = text.replace(&from, &to).into();
        }
    }
    let mut carried = Carried::new(text, Carrier::Elastic);
    carried.time = object.get("@timestamp").and_then(shippers::time);
    Some(Translated::Carried(carried))
}

/// A row with a column for each field.
fn row<'a>(object: &Object<'a>) -> Option<Translated<'a>> {
    let has = |key: &str| object.get(&format!("{COLUMN}{key}")).is_some();
    if !has("user.username") || !(has("verb") || has("requestURI")) {
        return None;
    }
    let mut columns = Map::new();
    let mut unzoned = false;
    for (key, json) in object.members() {
        let Some(key) = key.strip_prefix(COLUMN) else { continue };
        let Ok(value) = serde_json::from_str::<Value>(json) else { continue };
        let key = RENAMED.iter().fold(key.to_owned(), |key, (from, to)| key.replace(from, to));
        if matches!(&*key, "requestReceivedTimestamp" | "stageTimestamp") {
            unzoned |= value.as_str().is_some_and(|text| text.contains(" @ "));
        }
        for (key, text) in cells(&key, &value) {
            columns.insert(key, text.into());
        }
    }
    if unzoned {
        return Some(Translated::Unreadable("Kibana's times, which have no zone"));
    }
    let row = Value::Object(columns).to_string();
    let event = insights::event(&Object::read(&row).ok()?.0);
    let mut carried = Carried::new(event, Carrier::Elastic);
    carried.time = object.get("@timestamp").and_then(entry::time).map(|(_, at)| at);
    Some(Translated::Carried(carried))
}

/// A column's value as text, those of lists numbered.
fn cells(key: &str, value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::String(text) if text == "-" => String::new(),
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let is_list = LISTS.contains(&key) || key.contains(".extra.");
    let values: Vec<String> = match value {
        Value::Array(values) => values.iter().map(text).collect(),
        value if is_list => text(value).split(',').map(|one| one.trim().to_owned()).collect(),
        value => return vec![(key.to_owned(), text(value))],
    };
    let numbered = values.into_iter().filter(|value| !value.is_empty()).enumerate();
    numbered.map(|(at, value)| (format!("{key}.{at}"), value)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn translated(row: &Value) -> Result<Value, &'static str> {
        let text = row.to_string();
        match entry(&Object::read(&text).unwrap().0) {
            Some(Translated::Carried(carried)) => Ok(serde_json::from_str(&carried.text).unwrap()),
            Some(Translated::Unreadable(reason)) => Err(reason),
            _ => Err("not its own"),
        }
    }

    #[test]
    fn columns_are_the_event_as_far_as_they_were_asked_for() {
        let mut row = json!({"@timestamp": "2026-05-04T09:11:00.000Z", "other": "x",
            "kubernetes.audit.auditID": "a1", "kubernetes.audit.stage": "ResponseComplete",
            "kubernetes.audit.verb": "get", "kubernetes.audit.requestURI": "/api/v1/pods/p",
            "kubernetes.audit.user.username": "ana",
            "kubernetes.audit.user.groups": "devs, system:authenticated",
            "kubernetes.audit.impersonatedUser.username": "-",
            "kubernetes.audit.sourceIPs": ["203.0.113.1", "198.51.100.7"],
            "kubernetes.audit.responseStatus.code": 200,
            "kubernetes.audit.annotations.authorization_k8s_io/decision": "allow",
            "kubernetes.audit.requestReceivedTimestamp": "2026-05-04T09:10:11.123Z"});
        assert_eq!(
            translated(&row),
            Ok(json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": "a1",
                "stage": "ResponseComplete", "requestURI": "/api/v1/pods/p", "verb": "get",
                "user": {"username": "ana", "groups": ["devs", "system:authenticated"]},
                "sourceIPs": ["203.0.113.1", "198.51.100.7"], "responseStatus": {"code": 200},
                "requestReceivedTimestamp": "2026-05-04T09:10:11.123Z",
                "annotations": {"authorization.k8s.io/decision": "allow"}}))
        );
        row["kubernetes.audit.stageTimestamp"] = json!("May 4, 2026 @ 09:10:11.123");
        assert_eq!(translated(&row), Err("Kibana's times, which have no zone"));
        assert_eq!(translated(&json!({"kubernetes.audit.verb": "get"})), Err("not its own"));
    }
}
