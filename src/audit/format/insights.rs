//! CloudWatch Logs Insights where not the message was asked for but fields that it discovered in
//! it: a column each, named by its path in the event, `user.username` or `sourceIPs.0`.
//!
//! Only what was selected is there. A row without an `auditID` gets one of its own, made of what it
//! says: the same row again is the same request.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::entry::{self, Writer};
use super::object::{Object, string};
use super::{Carried, Carrier, Translated};

/// Reads a row.
pub fn entry<'a>(entry: &Object<'a>) -> Option<Translated<'a>> {
    let has = |key: &str| entry.get(key).is_some();
    if has("@message") || !has("user.username") || !(has("verb") || has("requestURI")) {
        return None;
    }
    let mut carried = Carried::new(event(entry), Carrier::EksFields);
    carried.time = entry.get("@timestamp").and_then(entry::time).map(|(_, at)| at);
    carried.server = entry.text("@logStream");
    carried.cluster = entry.text("@log").map(super::eks::cluster);
    Some(Translated::Carried(carried))
}

/// An event of a row of columns.
pub fn event(row: &Object<'_>) -> String {
    let text = |key: &str| row.text(key).filter(|text| !text.is_empty());
    let mut event = Writer::event();
    event.text("level", text("level").as_deref());
    event.text("auditID", Some(&id(row)));
    // An answer is there from the second stage on.
    let answered = text("responseStatus.code").is_some();
    let unknown = if answered { "ResponseComplete" } else { "RequestReceived" };
    event.text("stage", Some(text("stage").as_deref().unwrap_or(unknown)));
    event.text("requestURI", text("requestURI").as_deref());
    event.text("verb", text("verb").as_deref());
    for key in ["user", "impersonatedUser"] {
        event.json(key, Some(&person(row, key)));
    }
    list(&mut event, row, "sourceIPs");
    event.text("userAgent", text("userAgent").as_deref());
    let parts = ["resource", "namespace", "name", "apiGroup", "apiVersion", "subresource"];
    event.json("objectRef", Some(&part(row, "objectRef", &parts)));
    let mut status = Writer::object();
    let number = text("responseStatus.code").filter(|code| code.parse::<u16>().is_ok());
    status.json("code", number.as_deref());
    status.text("message", text("responseStatus.message").as_deref());
    event.json("responseStatus", Some(&status.finish()));
    for key in ["requestReceivedTimestamp", "stageTimestamp"] {
        let time = row.get(key).and_then(entry::time);
        event.text(key, time.map(|(time, _)| time).as_deref());
    }
    event.json("annotations", Some(&part(row, "annotations", &entry::NOTES)));
    event.finish()
}

fn part(row: &Object<'_>, under: &str, keys: &[&str]) -> String {
    let mut object = Writer::object();
    for key in keys {
        object.text(key, row.text(&format!("{under}.{key}")).as_deref());
    }
    object.finish()
}

fn person(row: &Object<'_>, under: &str) -> String {
    let mut person = Writer::object();
    for key in ["username", "uid"] {
        person.text(key, row.text(&format!("{under}.{key}")).as_deref());
    }
    let groups = numbered(row, &format!("{under}.groups"));
    person.list("groups", groups.iter().map(|group| &**group));
    let mut extra = Writer::object();
    for key in entry::CREDENTIAL {
        let found = numbered(row, &format!("{under}.extra.{key}"));
        extra.list(key, found.iter().map(|value| &**value));
    }
    person.json("extra", Some(&extra.finish()));
    person.finish()
}

fn list(event: &mut Writer, row: &Object<'_>, key: &str) {
    let values = numbered(row, key);
    event.list(key, values.iter().map(|value| &**value));
}

/// `key.0`, `key.1` …
fn numbered<'a>(row: &Object<'a>, key: &str) -> Vec<Cow<'a, str>> {
    (0..64)
        .map_while(|number| row.text(&format!("{key}.{number}")))
        .filter(|value| !value.is_empty())
        .collect()
}

/// The audit id, else what stands for the request: with the time at which it came, what all its
/// stages share, else the whole row.
fn id(row: &Object<'_>) -> String {
    if let Some(id) = row.text("auditID").filter(|id| !id.is_empty()) {
        return id.into_owned();
    }
    let whole = row.get("requestReceivedTimestamp").is_none();
    let shared = |key: &str| {
        matches!(key, "requestReceivedTimestamp" | "verb" | "requestURI" | "user.username")
            || key.starts_with("objectRef.")
    };
    let mut members: Vec<(&str, &str)> =
        row.members().filter(|(key, _)| whole || shared(key)).collect();
    members.sort_unstable();
    let mut digest = Sha256::new();
    for (key, value) in members {
        digest.update(key.as_bytes());
        digest.update([0]);
        digest.update(string(value).as_deref().unwrap_or(value).as_bytes());
        digest.update([0]);
    }
    let digest = digest.finalize();
    digest[..16].iter().fold(String::from("row-"), |id, byte| format!("{id}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn translated(row: &Value) -> Option<Value> {
        let text = row.to_string();
        match super::entry(&Object::read(&text).unwrap().0)? {
            Translated::Carried(carried) => Some(serde_json::from_str(&carried.text).unwrap()),
            _ => None,
        }
    }

    #[test]
    fn columns_are_the_event_as_far_as_they_were_asked_for() {
        let row = json!({"@timestamp": "2026-05-04 09:10:11.123", "auditID": "a1",
            "stage": "ResponseComplete", "user.username": "ana", "user.groups.0": "devs",
            "user.groups.1": "system:authenticated", "verb": "get",
            "requestURI": "/api/v1/namespaces/shop/pods/p", "objectRef.resource": "pods",
            "objectRef.name": "p", "sourceIPs.0": "198.51.100.7", "responseStatus.code": "200",
            "requestReceivedTimestamp": "2026-05-04T09:10:11.123456Z",
            "annotations.authorization.k8s.io/decision": "allow"});
        assert_eq!(
            translated(&row),
            Some(json!({
                "kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": "a1",
                "stage": "ResponseComplete", "requestURI": "/api/v1/namespaces/shop/pods/p",
                "verb": "get",
                "user": {"username": "ana", "groups": ["devs", "system:authenticated"]},
                "sourceIPs": ["198.51.100.7"], "objectRef": {"resource": "pods", "name": "p"},
                "responseStatus": {"code": 200},
                "requestReceivedTimestamp": "2026-05-04T09:10:11.123456Z",
                "annotations": {"authorization.k8s.io/decision": "allow"}}))
        );
        let whole = json!({"@message": "{}", "user.username": "ana", "verb": "get"});
        assert_eq!(translated(&whole), None);
        assert_eq!(
            translated(&json!({"user.username": "ana", "verb": "get"})).unwrap()["stage"],
            "RequestReceived"
        );
    }

    #[test]
    fn all_that_tells_credentials_apart_is_kept() {
        let id = "authentication.kubernetes.io/credential-id";
        let extra = [id, "arn", "sessionName", "accessKeyId"];
        let notes = [
            "authentication.k8s.io/legacy-token",
            "authentication.k8s.io/legacy-token-manual-secret",
            "authentication.k8s.io/legacy-token-autogenerated-secret",
            "authentication.kubernetes.io/issued-credential-id",
        ];
        let mut row = json!({"user.username": "ana", "verb": "get"});
        for key in extra {
            row[format!("user.extra.{key}.0")] = json!(key);
        }
        for key in notes {
            row[format!("annotations.{key}")] = json!(key);
        }
        let event = translated(&row).unwrap();
        assert!(extra.iter().all(|key| event["user"]["extra"][key] == json!([key])), "{event}");
        assert!(notes.iter().all(|key| event["annotations"][key] == json!(key)), "{event}");
    }

    #[test]
    fn rows_without_an_id_are_told_apart_by_what_they_say() {
        let row = |at: &str, code: &str| {
            json!({"@timestamp": at, "user.username": "ana", "verb": "get", "requestURI": "/x",
                "responseStatus.code": code})
        };
        let id = |row: &Value| translated(row).unwrap()["auditID"].as_str().unwrap().to_owned();
        let one = row("2026-05-04 09:10:11.123", "200");
        assert_eq!(id(&one), id(&one.clone()));
        assert_ne!(id(&one), id(&row("2026-05-04 09:10:11.124", "200")));
        // With the time at which the request came, its stages are one.
        let mut stages = [one, row("2026-05-04 09:10:19.000", "")];
        for stage in &mut stages {
            stage["requestReceivedTimestamp"] = json!("2026-05-04T09:10:11.123456Z");
        }
        assert_eq!(id(&stages[0]), id(&stages[1]));
    }
}
