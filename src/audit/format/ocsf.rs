//! OCSF's API Activity (class 6003), as Amazon Security Lake keeps the audit log of EKS: the names
//! of the event's fields are others, and what has no place in the schema is under `unmapped`.
//!
//! Times have milliseconds only, of several addresses the first is left unless `unmapped` has all,
//! and tables without `unmapped` have no decisions.

use std::borrow::Cow;

use super::entry::{self, Inner, Writer, loose_object};
use super::object::{Object, elements, string};
use super::{Carried, Carrier, Translated};

/// Reads an API Activity.
pub fn entry<'a>(entry: &Object<'a>) -> Option<Translated<'a>> {
    let class = entry.get("class_uid")?;
    if class.trim_matches('"') != "6003" {
        return Some(Translated::Passed("a record of another class"));
    }
    let metadata = Part::of(entry, "metadata");
    let product = metadata.part("product");
    if !product.text("name").is_some_and(|name| name.contains("EKS"))
        && !product.text("version").is_some_and(|version| version.starts_with("audit.k8s.io"))
    {
        return Some(Translated::Passed("a record of another service"));
    }
    let mut carried = Carried::new(event(entry, &metadata), Carrier::Ocsf);
    carried.time = entry.first(&["time_dt", "time"]).and_then(entry::time).map(|(_, at)| at);
    Some(Translated::Carried(carried))
}

fn event(entry: &Object<'_>, metadata: &Part<'_>) -> String {
    let (api, http) = (Part::of(entry, "api"), Part::of(entry, "http_request"));
    let unmapped = Part::of(entry, "unmapped");
    let mut event = Writer::event();
    let level = metadata.text("log_level").or_else(|| unmapped.text("level"));
    event.text("level", level.as_deref());
    event.text("auditID", api.part("request").text("uid").as_deref());
    let stage = entry.text("message").or_else(|| unmapped.text("stage").map(own));
    event.text("stage", stage.as_deref());
    event.text("requestURI", uri(&http).as_deref());
    event.text("verb", api.text("operation").as_deref());
    event.json("user", Some(&user(entry, &unmapped)));
    event.json("impersonatedUser", Some(&impersonated(&unmapped)));
    let addresses = unmapped.list("sourceIPs");
    let source = Part::of(entry, "src_endpoint");
    if addresses.is_empty() {
        event.list("sourceIPs", source.text("ip").as_deref());
    } else {
        event.list("sourceIPs", addresses.iter().map(|address| &**address));
    }
    event.text("userAgent", http.text("user_agent").as_deref());
    event.json("objectRef", Some(&object_ref(entry, &unmapped)));
    event.json("responseStatus", Some(&status(&api.part("response"))));
    for (key, names) in [
        ("requestReceivedTimestamp", ["start_time_dt", "start_time"]),
        ("stageTimestamp", ["time_dt", "time"]),
    ] {
        let time = entry.first(&names).and_then(entry::time);
        event.text(key, time.map(|(time, _)| time).as_deref());
    }
    event.json("annotations", Some(&annotations(&unmapped)));
    event.finish()
}

fn own(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

/// The path with what is asked behind it.
fn uri(http: &Part<'_>) -> Option<String> {
    let url = http.part("url");
    let path = url.text("path")?.into_owned();
    Some(match url.text("query_string") {
        Some(query) if !path.contains('?') => format!("{path}?{query}"),
        _ => path,
    })
}

fn user(entry: &Object<'_>, unmapped: &Part<'_>) -> String {
    let actor = Part::of(entry, "actor");
    let from = actor.part("user");
    let mut user = Writer::object();
    user.text("username", from.text("name").as_deref());
    user.text("uid", from.text("uid").as_deref());
    let from = from.object();
    let groups = from.get("groups").map(elements).into_iter().flatten();
    let groups: Vec<Cow<'_, str>> = groups
        .filter_map(|group| match string(group) {
            Some(name) => Some(name),
            None => Object::read(group).ok()?.0.text("name"),
        })
        .collect();
    user.list("groups", groups.iter().map(|group| &**group));
    user.json("extra", Some(&extra(&unmapped.part("user"), unmapped, "user.extra.")));
    user.finish()
}

fn impersonated(unmapped: &Part<'_>) -> String {
    let nested = unmapped.part("impersonatedUser");
    let mut user = Writer::object();
    let name = nested.text("username").or_else(|| unmapped.text("impersonatedUser.username"));
    user.text("username", name.as_deref());
    let groups = unmapped.list("impersonatedUser.groups");
    let inside = nested.list("groups");
    user.list("groups", groups.iter().chain(&inside).map(|group| &**group));
    user.finish()
}

/// What tells tokens apart.
fn extra(user: &Part<'_>, unmapped: &Part<'_>, flat: &str) -> String {
    let nested = user.part("extra");
    let mut extra = Writer::object();
    for key in entry::CREDENTIAL {
        let mut values = unmapped.list(&format!("{flat}{key}"));
        if values.is_empty() {
            values = nested.list(key);
        }
        extra.list(key, values.iter().map(|value| &**value));
    }
    extra.finish()
}

fn object_ref(entry: &Object<'_>, unmapped: &Part<'_>) -> String {
    let resources = entry.get("resources").unwrap_or("[]");
    let Some(resource) = elements(resources).next() else { return String::new() };
    let resource = Part(Some(Inner(resource.into())));
    let rest = unmapped.part("objectRef");
    let flat = |key: &str| {
        rest.text(key).map(own).or_else(|| unmapped.text(&format!("objectRef.{key}")).map(own))
    };
    let mut object = Writer::object();
    object.text("resource", resource.text("type").as_deref());
    object.text("namespace", resource.text("namespace").as_deref());
    object.text("name", resource.text("name").as_deref());
    let group = flat("apiGroup").or_else(|| resource.part("group").text("name").map(own));
    object.text("apiGroup", group.as_deref());
    let version = resource.text("version").map(own).or_else(|| flat("apiVersion"));
    object.text("apiVersion", version.as_deref());
    object.text("subresource", flat("subresource").as_deref());
    object.finish()
}

fn status(response: &Part<'_>) -> String {
    let mut status = Writer::object();
    status.json("code", response.object().get("code"));
    status.text("message", response.text("message").as_deref());
    status.finish()
}

fn annotations(unmapped: &Part<'_>) -> String {
    let nested = unmapped.part("annotations");
    let mut notes = Writer::object();
    for key in entry::NOTES {
        let note = nested.text(key).map(own);
        let note = note.or_else(|| unmapped.text(&format!("annotations.{key}")).map(own));
        notes.text(key, note.as_deref());
    }
    notes.finish()
}

/// An object within an entry, that need not be there.
struct Part<'a>(Option<Inner<'a>>);

impl<'a> Part<'a> {
    fn of(object: &Object<'a>, key: &str) -> Self {
        Self(loose_object(object, key))
    }

    fn object(&self) -> Object<'_> {
        self.0.as_ref().map(Inner::object).unwrap_or_default()
    }

    fn part(&self, key: &str) -> Part<'_> {
        Part(self.object().get(key).and_then(Inner::of))
    }

    fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        self.object().text(key)
    }

    /// A list of strings; written flat its key ends in `[]`, with commas between the values.
    fn list(&self, key: &str) -> Vec<String> {
        let object = self.object();
        if let Some(flat) = object.text(&format!("{key}[]")) {
            return flat.split(',').map(|value| value.trim().to_owned()).collect();
        }
        let found = object.get(key).map(elements).into_iter().flatten();
        found.filter_map(|value| string(value).map(Cow::into_owned)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn sample(unmapped: &Value) -> Value {
        json!({"activity_id": 1, "class_uid": 6003, "class_name": "API Activity",
            "actor": {"user": {"name": "ana", "uid": "u1",
                "groups": [{"name": "devs"}, {"name": "system:authenticated"}]}},
            "api": {"operation": "create", "request": {"uid": "a1"},
                "response": {"code": 201}, "version": "v1"},
            "http_request": {"url": {"path": "/api/v1/namespaces/shop/pods/p/exec"},
                "user_agent": "kubectl/v1.34"},
            "message": "ResponseComplete",
            "metadata": {"log_level": "Metadata", "version": "1.1.0",
                "product": {"name": "Amazon EKS", "version": "audit.k8s.io/v1"}},
            "resources": [{"type": "pods", "name": "p", "namespace": "shop", "version": "v1"}],
            "src_endpoint": {"ip": "198.51.100.7"},
            "start_time_dt": "2026-05-04 09:10:11.123000",
            "time": 1_777_885_811_130_i64, "time_dt": "2026-05-04 09:10:11.130000",
            "unmapped": unmapped})
    }

    fn translated(entry: &Value) -> Option<Value> {
        let text = entry.to_string();
        match super::entry(&Object::read(&text).unwrap().0)? {
            Translated::Carried(carried) => Some(serde_json::from_str(&carried.text).unwrap()),
            _ => None,
        }
    }

    #[test]
    fn an_activity_is_an_event_whether_the_rest_is_flat_or_nested() {
        let flat = json!({"annotations.authorization.k8s.io/decision": "allow",
            "annotations.authorization.k8s.io/reason": "r", "objectRef.subresource": "exec",
            "sourceIPs[]": "198.51.100.7,10.0.0.1", "impersonatedUser.username": "bob",
            "impersonatedUser.groups[]": "ops"});
        let nested = json!({"annotations": {"authorization.k8s.io/decision": "allow",
            "authorization.k8s.io/reason": "r"}, "objectRef": {"subresource": "exec"},
            "sourceIPs": ["198.51.100.7", "10.0.0.1"],
            "impersonatedUser": {"username": "bob", "groups": ["ops"]}});
        let expected = json!({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
            "auditID": "a1", "stage": "ResponseComplete",
            "requestURI": "/api/v1/namespaces/shop/pods/p/exec", "verb": "create",
            "user": {"username": "ana", "uid": "u1",
                     "groups": ["devs", "system:authenticated"]},
            "impersonatedUser": {"username": "bob", "groups": ["ops"]},
            "sourceIPs": ["198.51.100.7", "10.0.0.1"], "userAgent": "kubectl/v1.34",
            "objectRef": {"resource": "pods", "namespace": "shop", "name": "p",
                "apiVersion": "v1", "subresource": "exec"},
            "responseStatus": {"code": 201},
            "requestReceivedTimestamp": "2026-05-04T09:10:11.123000Z",
            "stageTimestamp": "2026-05-04T09:10:11.130000Z",
            "annotations": {"authorization.k8s.io/decision": "allow",
                "authorization.k8s.io/reason": "r"}});
        for unmapped in [flat, nested.clone(), json!(nested.to_string())] {
            assert_eq!(translated(&sample(&unmapped)), Some(expected.clone()));
        }
        let bare = translated(&sample(&Value::Null)).unwrap();
        assert_eq!(bare["sourceIPs"], json!(["198.51.100.7"]));
        assert_eq!(bare.get("annotations"), None);
    }

    #[test]
    fn other_records_are_passed_over() {
        let mut other = sample(&Value::Null);
        other["metadata"]["product"] = json!({"name": "CloudTrail"});
        assert_eq!(translated(&other), None);
        other["class_uid"] = json!(4001);
        assert_eq!(translated(&other), None);
        assert_eq!(translated(&json!({"message": "x"})), None);
    }
}
