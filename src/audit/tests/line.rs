//! Lines of invented logs.

use serde_json::{Map, Value, json};

/// One event, as the API server writes it.
#[derive(Clone)]
pub struct Line(Value);

impl Line {
    /// A request of the user `ana` at `2026-05-04T09:10:11.000000Z`, allowed, complete.
    pub fn new(id: &str, verb: &str, uri: &str) -> Self {
        let mut line = Self(json!({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
            "auditID": id, "stage": "ResponseComplete", "requestURI": uri, "verb": verb,
            "user": {"username": "ana", "groups": ["devs", "system:authenticated"]},
            "sourceIPs": ["198.51.100.7"], "userAgent": "kubectl/v1.36.0",
            "responseStatus": {"metadata": {}, "code": 200},
            "annotations": {"authorization.k8s.io/decision": "allow",
                            "authorization.k8s.io/reason": ""},
        }));
        line = line.at("2026-05-04T09:10:11.000000Z");
        line
    }

    pub fn set(mut self, pointer: &str, value: Value) -> Self {
        let mut at = &mut self.0;
        for key in pointer.split('|') {
            let map = at.as_object_mut().expect("an object on the way");
            at = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
        }
        *at = value;
        self
    }

    pub fn without(mut self, key: &str) -> Self {
        self.0.as_object_mut().unwrap().remove(key);
        self
    }

    pub fn at(self, time: &str) -> Self {
        self.set("requestReceivedTimestamp", json!(time)).set("stageTimestamp", json!(time))
    }

    pub fn user(self, name: &str, groups: &[&str]) -> Self {
        self.set("user", json!({"username": name, "groups": groups}))
    }

    pub fn code(self, code: u16) -> Self {
        self.set("responseStatus", json!({"metadata": {}, "code": code}))
    }

    pub fn stage(self, stage: &str) -> Self {
        self.set("stage", json!(stage))
    }

    /// As the server writes a line before it knows anything more.
    pub fn received(self) -> Self {
        self.stage("RequestReceived")
            .without("responseStatus")
            .without("annotations")
            .without("impersonatedUser")
            .without("authenticationMetadata")
    }

    pub fn forbidden(self) -> Self {
        self.code(403).set(
            "annotations",
            json!({"authorization.k8s.io/decision": "forbid", "authorization.k8s.io/reason": ""}),
        )
    }

    pub fn text(&self) -> String {
        format!("{}\n", self.0)
    }
}
