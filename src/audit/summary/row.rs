//! A row of an activity summary, and the event that stands for its requests.

use chrono::{DateTime, NaiveDateTime};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::VERSION;
use crate::audit::request;

/// A row as an engine gave it: everything as text, nothing where there is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct Row {
    keybook_summary: Cell,
    kind: Cell,
    lacks: Cell,
    requests: Cell,
    lines: Cell,
    first_seen: Cell,
    last_seen: Cell,
    level: Cell,
    stage: Cell,
    code: Cell,
    message: Cell,
    decision: Cell,
    reason: Cell,
    legacy_token: Cell,
    legacy_secret: Cell,
    verb: Cell,
    api_group: Cell,
    resource: Cell,
    subresource: Cell,
    namespace: Cell,
    name: Cell,
    path: Cell,
    user_name: Cell,
    user_groups: Cell,
    credential_id: Cell,
    pod_name: Cell,
    pod_uid: Cell,
    impersonated_user: Cell,
    impersonated_groups: Cell,
    impersonated_uid: Cell,
    impersonated_extra: Cell,
    impersonation_constraint: Cell,
    user_agent: Cell,
    source_ip: Cell,
}

/// A value of a row, as text; what is empty is not there. Engines write numbers as text and lists
/// as JSON, or the other way round.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Cell(Option<String>);

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(from)? {
            Value::Null => None,
            Value::String(text) => Some(text).filter(|text| !text.is_empty()),
            other => Some(other.to_string()),
        }))
    }
}

impl Cell {
    fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    fn or_empty(&self) -> &str {
        self.text().unwrap_or_default()
    }
}

/// What a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Equal requests of one day.
    Requests {
        /// How many.
        requests: u64,
        /// The first, microseconds since 1970, UTC.
        first: i64,
        /// The last.
        last: i64,
    },
    /// The lines of one level in a stretch of time: what coverage is made of.
    Stretch {
        /// How many.
        lines: u64,
        /// The first, microseconds since 1970, UTC.
        first: i64,
        /// The last.
        last: i64,
    },
}

/// Why a row is not read.
type Reason = &'static str;

const DAY: i64 = 24 * 3_600_000_000;

impl Row {
    /// Reads the JSON of a row.
    pub fn read(json: &str) -> Result<Self, Reason> {
        // Loki puts a row's columns into labels, and the count beside them.
        #[derive(Deserialize)]
        struct Vector {
            metric: Row,
            value: (Value, Cell),
        }
        let row = match serde_json::from_str::<Vector>(json) {
            Ok(Vector { metric, value }) => Ok(Self { requests: value.1, ..metric }),
            Err(_) => serde_json::from_str(json),
        };
        let row: Self = row.map_err(|_| "a summary's row that is broken")?;
        match row.keybook_summary.text() {
            Some(VERSION | "1.0") => Ok(row),
            _ => Err("a summary of another version"),
        }
    }

    /// What it counts, checked.
    pub fn kind(&self) -> Result<Kind, Reason> {
        let time =
            |cell: &Cell| cell.text().and_then(micros).ok_or("a summary's row without a time");
        let count = |cell: &Cell| {
            let count = cell.text().and_then(whole).filter(|count| *count > 0);
            count.ok_or("a summary's row without a count")
        };
        let (first, last) = (time(&self.first_seen)?, time(&self.last_seen)?);
        if first > last {
            return Err("a summary's row that ends before it begins");
        }
        match self.kind.or_empty() {
            "requests" if first.div_euclid(DAY) != last.div_euclid(DAY) => {
                Err("a summary's row of several days")
            }
            "requests" => Ok(Kind::Requests { requests: count(&self.requests)?, first, last }),
            "stretch" => Ok(Kind::Stretch { lines: count(&self.lines)?, first, last }),
            _ => Err("a summary's row of no known kind"),
        }
    }

    /// `level`, as in an event.
    pub fn level(&self) -> Option<&str> {
        self.level.text()
    }

    /// What the engine could not say, by word.
    pub fn lacks(&self) -> impl Iterator<Item = &str> {
        self.lacks.or_empty().split([',', ' ']).filter(|word| !word.is_empty())
    }

    /// The JSON of an event that says what the row says, at `at` (microseconds since 1970, UTC).
    pub fn event(&self, at: i64) -> String {
        let time = DateTime::from_timestamp_micros(at).unwrap_or_default();
        let mut event = json!({
            "level": self.level.or_empty(),
            "auditID": "summary",
            "stage": self.stage.text().unwrap_or("ResponseComplete"),
            "requestURI": self.uri(),
            "verb": self.verb.or_empty(),
            "user": self.user(),
            "requestReceivedTimestamp": time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        });
        if let Some(address) = self.source_ip.text() {
            event["sourceIPs"] = json!([address]);
        }
        if let Some(agent) = self.user_agent.text() {
            event["userAgent"] = json!(agent);
        }
        if self.impersonated_user.text().is_some() {
            event["impersonatedUser"] = self.impersonated();
            let how = self.impersonation_constraint.text();
            event["authenticationMetadata"] = json!({ "impersonationConstraint": how });
        }
        if self.resource.text().is_some() {
            event["objectRef"] = self.object();
        }
        if self.code.text().is_some() || self.message.text().is_some() {
            let code = self.code.text().and_then(whole);
            event["responseStatus"] = json!({ "code": code, "message": self.message.text() });
        }
        event["annotations"] = texts(&[
            ("authorization.k8s.io/decision", &self.decision),
            ("authorization.k8s.io/reason", &self.reason),
            ("authentication.k8s.io/legacy-token", &self.legacy_token),
            // By hand or not: the token is the same.
            ("authentication.k8s.io/legacy-token-manual-secret", &self.legacy_secret),
        ]);
        event.to_string()
    }

    /// The path; and the selected name, where the path says all but that.
    fn uri(&self) -> String {
        let path = self.path.or_empty();
        match (self.resource.text(), self.name.text(), self.verb.text()) {
            (None, Some(name), Some("list" | "watch")) => {
                format!("{path}?fieldSelector=metadata.name%3D{name}")
            }
            _ => path.to_owned(),
        }
    }

    fn user(&self) -> Value {
        // Engines that know no "if" give the pod's name in place of its token.
        let of_pod = self.credential_id.text().is_some() && self.credential_id == self.pod_name;
        let credential = if of_pod { &Cell(None) } else { &self.credential_id };
        let extra: Map<String, Value> = [
            ("authentication.kubernetes.io/credential-id", credential),
            ("authentication.kubernetes.io/pod-name", &self.pod_name),
            ("authentication.kubernetes.io/pod-uid", &self.pod_uid),
        ]
        .into_iter()
        .filter_map(|(key, cell)| Some((key.to_owned(), json!(list(cell.text()?)))))
        .collect();
        json!({
            "username": self.user_name.or_empty(),
            "groups": list(self.user_groups.or_empty()),
            "extra": extra,
        })
    }

    fn impersonated(&self) -> Value {
        let extra: Option<Value> =
            self.impersonated_extra.text().and_then(|text| serde_json::from_str(text).ok());
        json!({
            "username": self.impersonated_user.or_empty(),
            "uid": self.impersonated_uid.text(),
            "groups": list(self.impersonated_groups.or_empty()),
            "extra": extra.map(extra_values),
        })
    }

    fn object(&self) -> Value {
        texts(&[
            ("apiGroup", &self.api_group),
            ("resource", &self.resource),
            ("subresource", &self.subresource),
            ("namespace", &self.namespace),
            ("name", &self.name),
        ])
    }
}

/// An object of those that are there.
fn texts(all: &[(&str, &Cell)]) -> Value {
    let there = all.iter().filter_map(|(key, cell)| Some(((*key).to_owned(), json!(cell.text()?))));
    Value::Object(there.collect())
}

/// A list in a cell: JSON, else one a line.
fn list(text: &str) -> Vec<String> {
    if text.starts_with('[')
        && let Ok(all) = serde_json::from_str(text)
    {
        return all;
    }
    text.split('\n').filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// `extra` as an event has it: its keys, and lists of values. Engines that flatten objects write
/// whole paths as keys, and lists as text.
fn extra_values(extra: Value) -> Value {
    let Value::Object(all) = extra else { return Value::Null };
    let plain = |(key, values): (String, Value)| {
        let key = key.strip_prefix("impersonatedUser.extra.").map_or(key.clone(), str::to_owned);
        let values = match values {
            Value::String(text) => json!(list(&text)),
            other => other,
        };
        (key, values)
    };
    all.into_iter().map(plain).collect()
}

fn whole(text: &str) -> Option<u64> {
    let digits = text.strip_suffix(".0").unwrap_or(text);
    digits.parse().ok()
}

/// Microseconds since 1970 of a time as engines write it: RFC 3339, or the same with a space and
/// without a zone, which is UTC.
fn micros(text: &str) -> Option<i64> {
    if let Some(micros) = request::micros(text) {
        return Some(micros);
    }
    let text = text.strip_suffix(" UTC").or_else(|| text.strip_suffix('Z')).unwrap_or(text);
    let forms = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
    let time = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    Some(time?.and_utc().timestamp_micros())
}
