//! GKE: entries of Google Cloud Logging, as `gcloud logging read`, sinks, Pub/Sub, the Logs Explorer
//! and BigQuery write them.
//!
//! An entry has no groups, no uid, nothing about the token, no URI, and no HTTP code but in the body
//! of an error. What was asked is in `resourceName`; `methodName` only has the verb for sure, its
//! group stands backwards.

mod names;
mod status;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::entry::{self, Inner, Writer, is_true, loose, loose_object, loose_text};
use super::object::{Object, elements, string};
use super::{Carried, Carrier, Translated};
use names::Asked;

/// Reads a LogEntry, a message of Pub/Sub with one, or a row of the table that BigQuery makes of
/// them.
pub fn entry<'a>(entry: &Object<'a>) -> Option<Translated<'a>> {
    if let Some(message) = message(entry) {
        return Some(message);
    }
    let payload = loose_object(entry, "protoPayload")
        .or_else(|| loose_object(entry, "protopayload_auditlog"));
    let Some(payload) = payload else {
        let other = loose(entry, "logName").is_some()
            && (loose(entry, "textPayload").or_else(|| loose(entry, "jsonPayload"))).is_some();
        return other.then_some(Translated::Passed("a line of another log"));
    };
    let payload = payload.object();
    let method = loose_text(&payload, "methodName").unwrap_or_default();
    let service = loose_text(&payload, "serviceName");
    let kubernetes = service.as_deref().map_or_else(
        || method.starts_with("io.k8s."),
        |service| service == "k8s.io" || service.ends_with(".k8s.io"),
    );
    if !kubernetes {
        return Some(Translated::Passed("an entry of another service"));
    }
    let mut carried = Carried::new(event(entry, &payload, &method), Carrier::Gke);
    carried.cluster = cluster(entry).map(Cow::Owned);
    carried.time = loose(entry, "receiveTimestamp").and_then(entry::time).map(|(_, at)| at);
    Some(Translated::Carried(carried))
}

/// `{"message":{"data":"<base64>","messageId":…}}` as Pub/Sub pushes it, or the message alone.
fn message<'a>(entry: &Object<'a>) -> Option<Translated<'a>> {
    let inside = loose_object(entry, "message");
    let inside = inside.as_ref().map(Inner::object);
    let message = inside.as_ref().unwrap_or(entry);
    loose(message, "messageId").or_else(|| loose(message, "publishTime"))?;
    let data = loose_text(message, "data")?;
    let bytes = STANDARD.decode(data.as_bytes()).ok();
    Some(match bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) => Translated::Carried(Carried::new(text, Carrier::Gke)),
        None => Translated::Unreadable("packed data that is broken"),
    })
}

fn event(entry: &Object<'_>, payload: &Object<'_>, method: &str) -> String {
    let operation = Operation::of(entry);
    let resource = loose_text(payload, "resourceName").unwrap_or_default();
    let asked = names::asked(method, &resource);
    let granted = granted(payload);
    let mut status = status::of(payload, granted);
    let notes = Notes::of(entry, granted, status.code);
    if notes.decided && status.code == 200 && asked.may_create() {
        // A success has one code, be it 200 or 201: whether it created is not known.
        status.code = 0;
    }
    let mut event = Writer::event();
    let id = operation.id.or_else(|| loose_text(entry, "insertId"));
    event.text("auditID", id.as_deref());
    event.json("stage", Some(operation.stage));
    what(&mut event, &asked);
    event.json("user", Some(&user(payload)));
    let metadata = loose_object(payload, "requestMetadata");
    let metadata = metadata.as_ref().map(Inner::object).unwrap_or_default();
    if let Some(address) = loose_text(&metadata, "callerIp") {
        event.list("sourceIPs", [&*address]);
    }
    event.text("userAgent", loose_text(&metadata, "callerSuppliedUserAgent").as_deref());
    event.json("responseStatus", Some(&status.json()));
    if let Some((time, _)) = loose(entry, "timestamp").and_then(entry::time) {
        // The two entries of one long operation have times of their own: neither is when it came.
        if operation.is_all {
            event.text("requestReceivedTimestamp", Some(&time));
        }
        event.text("stageTimestamp", Some(&time));
    }
    event.json("annotations", Some(&notes.json));
    event.finish()
}

fn what(event: &mut Writer, asked: &Asked<'_>) {
    match asked {
        Asked::Path { verb, path } => {
            event.text("requestURI", Some(path));
            event.text("verb", Some(verb));
        }
        Asked::Resource { verb, group, version, resource, subresource, namespace, name } => {
            event.text("verb", Some(verb));
            let mut object = Writer::object();
            object.text("resource", Some(resource));
            object.text("namespace", Some(namespace));
            object.text("name", Some(name));
            object.text("apiGroup", Some(group));
            object.text("apiVersion", Some(version));
            object.text("subresource", Some(subresource));
            event.json("objectRef", Some(&object.finish()));
        }
    }
}

/// Which part of a request an entry is about.
struct Operation<'a> {
    id: Option<Cow<'a, str>>,
    /// As JSON.
    stage: &'static str,
    /// Whether it is the only entry of its request.
    is_all: bool,
}

impl<'a> Operation<'a> {
    fn of(entry: &Object<'a>) -> Self {
        let whole = "\"ResponseComplete\"";
        let Some(json) = loose(entry, "operation").filter(|json| json.starts_with('{')) else {
            return Self { id: None, stage: whole, is_all: true };
        };
        let operation = Object::read(json).map(|(operation, _)| operation).unwrap_or_default();
        let [first, last] = ["first", "last"].map(|key| is_true(loose(&operation, key)));
        let stage = if first && !last { "\"ResponseStarted\"" } else { whole };
        Self { id: loose_text(&operation, "id"), stage, is_all: first == last }
    }
}

/// The account that came, as the cluster names it. A key of a Google service account is what it
/// presented.
fn user(payload: &Object<'_>) -> String {
    let who = loose_object(payload, "authenticationInfo");
    let who = who.as_ref().map(Inner::object).unwrap_or_default();
    let name = ["principalEmail", "principalSubject", "authoritySelector"];
    let name = name.iter().find_map(|key| loose_text(&who, key));
    let mut user = Writer::object();
    user.text("username", name.as_deref());
    if let Some(key) = loose_text(&who, "serviceAccountKeyName") {
        let mut extra = Writer::object();
        extra.list("authentication.kubernetes.io/credential-id", [&*key]);
        user.json("extra", Some(&extra.finish()));
    }
    user.finish()
}

/// Whether all checks were passed; None where the entry does not say which were made.
fn granted(payload: &Object<'_>) -> Option<bool> {
    let checks = loose(payload, "authorizationInfo")?;
    let mut checks = elements(checks).peekable();
    checks.peek()?;
    Some(checks.all(|check| {
        let check = Object::read(check).map(|(check, _)| check).unwrap_or_default();
        is_true(loose(&check, "granted"))
    }))
}

const DECISION: &str = "authorization.k8s.io/decision";
const REASON: &str = "authorization.k8s.io/reason";

/// The annotations that an entry amounts to.
struct Notes {
    json: String,
    /// Whether the decision is among them.
    decided: bool,
}

impl Notes {
    fn of(entry: &Object<'_>, granted: Option<bool>, code: u16) -> Self {
        let labels = loose(entry, "labels").and_then(Inner::of);
        if let Some(labels) = &labels
            && labels.object().get(DECISION).is_some()
        {
            return Self { json: labels.0.clone().into_owned(), decided: true };
        }
        let label = |key: &str| labels.as_ref().and_then(|labels| label(labels, key));
        let decision = label(DECISION).or_else(|| {
            // What is not granted is left out of the entry, as everything false is: only with the
            // answer that goes with it does it tell anything.
            match granted {
                Some(true) => Some("allow".to_owned()),
                Some(false) if code == 403 => Some("forbid".to_owned()),
                _ => None,
            }
        });
        let mut notes = Writer::object();
        notes.text(DECISION, decision.as_deref());
        notes.text(REASON, label(REASON).as_deref());
        for note in entry::NOTES.into_iter().filter(|note| ![DECISION, REASON].contains(note)) {
            notes.text(note, label(note).as_deref());
        }
        Self { json: notes.finish(), decided: decision.is_some() }
    }
}

/// A label of BigQuery's: a column, whose name has letters and underscores only, or a pair.
fn label(labels: &Inner<'_>, key: &str) -> Option<String> {
    if labels.0.trim_start().starts_with('[') {
        let pairs = elements(&labels.0).filter_map(|pair| Object::read(pair).ok());
        return pairs.map(|(pair, _)| pair).find_map(|pair| {
            let found = pair.text("key").is_some_and(|found| found == key);
            found.then(|| pair.text("value").map(Cow::into_owned)).flatten()
        });
    }
    let column = key.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let labels = labels.object();
    let value = labels.get(key).or_else(|| labels.get(&column))?;
    string(value).map(Cow::into_owned)
}

/// `projects/P/locations/L/clusters/C`.
fn cluster(entry: &Object<'_>) -> Option<String> {
    let resource = loose_object(entry, "resource")?;
    let resource = resource.object();
    let labels = loose_object(&resource, "labels")?;
    let labels = labels.object();
    let part = |key| loose_text(&labels, key).unwrap_or_default();
    let name = loose_text(&labels, "cluster_name")?;
    Some(format!("projects/{}/locations/{}/clusters/{name}", part("project_id"), part("location")))
}

#[cfg(test)]
mod tests;
