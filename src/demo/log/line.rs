//! A line as the API server writes it: everything that does not change from one request to the
//! next of its kind is made once.

use std::fmt::Write as _;

use chrono::DateTime;

use super::ask::{As, Ask};
use super::client::{Client, Credential};
use crate::demo::identifiers::uuid;
use crate::demo::random::Random;
use crate::model::Name;
use crate::rbac::{Action, Attributes, Authorizer, Decision};

/// Where in its life a request is when its line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// A request that stays open has been answered.
    ResponseStarted,
    /// It is over.
    ResponseComplete,
}

impl Stage {
    fn as_str(self) -> &'static str {
        match self {
            Self::ResponseStarted => "ResponseStarted",
            Self::ResponseComplete => "ResponseComplete",
        }
    }
}

/// What the API server decides about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// With the reason.
    Allowed(String),
    /// With what the authorizer could not resolve.
    Forbidden(String),
    /// The impersonation was refused before the authorizer was asked: what, and its name.
    NotAs(&'static str, Name),
    /// The credential was refused before anything else: nobody knows who it was.
    Nobody,
}

/// All lines of one kind of request by one client.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// From the stage to the token's id.
    middle: Vec<u8>,
    /// From the token's id to the time; empty where there is no token.
    after_token: Vec<u8>,
    /// Behind the times.
    tail: Vec<u8>,
    /// Whether the request is let through and stays open.
    pub(super) stays_open: bool,
}

const HEAD: &[u8] =
    br#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":""#;

/// A text as JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn list<'a>(texts: impl IntoIterator<Item = &'a Name>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(","))
}

impl Template {
    /// Asks the authorizer and writes what stays the same.
    pub(super) fn new(
        client: &Client,
        ask: &Ask,
        acting: Option<&As>,
        authorizer: &Authorizer,
    ) -> Self {
        let verdict = decide(client, ask, acting, authorizer);
        let (before, after) = user(client);
        let mut rest = after;
        rest.push('}');
        if let (Some(acting), Verdict::Allowed(_) | Verdict::Forbidden(_)) = (acting, &verdict) {
            let groups = list(&acting.groups);
            let name = quoted(&acting.user);
            _ = write!(rest, r#","impersonatedUser":{{"username":{name},"groups":{groups}}}"#);
        }
        let addresses: Vec<Name> = client.addresses.split(' ').map(Name::from).collect();
        let agent = quoted(client.agent);
        // Writing to a String never fails.
        _ = write!(rest, r#","sourceIPs":{},"userAgent":{agent}"#, list(&addresses));
        rest.push_str(&object_ref(ask, &verdict));
        rest.push_str(&status(client, ask, acting, &verdict));
        rest.push_str(r#","requestReceivedTimestamp":""#);
        let start =
            format!(r#"","requestURI":{},"verb":{},"#, quoted(&ask.uri()), quoted(ask.verb));
        let tail = format!(r#""{}}}"#, annotations(client, &verdict));
        let (middle, after_token) = match client.credential {
            Credential::Token { .. } => (start + &before, rest),
            _ => (start + &before + &rest, String::new()),
        };
        Self {
            middle: middle.into_bytes(),
            after_token: after_token.into_bytes(),
            tail: (tail + "\n").into_bytes(),
            stays_open: ask.stays_open() && matches!(verdict, Verdict::Allowed(_)),
        }
    }

    /// Writes one line. Times are microseconds since 1970, UTC; `id` makes the audit id, which
    /// all lines of one request share.
    pub(super) fn write(
        &self,
        out: &mut Vec<u8>,
        times: &mut Times,
        line: &Line,
        token_number: u64,
    ) {
        let mut id = Random::new(line.id);
        out.extend_from_slice(HEAD);
        uuid(out, id.next(), id.next());
        out.extend_from_slice(b"\",\"stage\":\"");
        out.extend_from_slice(line.stage.as_str().as_bytes());
        out.extend_from_slice(&self.middle);
        if !self.after_token.is_empty() {
            let mut token = Random::new(token_number);
            uuid(out, token.next(), token.next());
            out.extend_from_slice(&self.after_token);
        }
        times.write(out, line.received);
        out.extend_from_slice(b"\",\"stageTimestamp\":\"");
        times.write(out, line.written);
        out.extend_from_slice(&self.tail);
    }
}

/// What differs between two lines of one kind. Times in microseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Number of the request.
    pub(super) id: u64,
    /// When it came in.
    pub(super) received: i64,
    /// When the line was written.
    pub(super) written: i64,
    /// Of which stage it is.
    pub(super) stage: Stage,
}

/// Writes times; remembers the last minute written, since lines come in order.
#[derive(Debug, Default)]
pub(super) struct Times {
    minute: i64,
    text: String,
}

impl Times {
    fn write(&mut self, out: &mut Vec<u8>, micros: i64) {
        let minute = micros.div_euclid(60_000_000);
        if minute != self.minute || self.text.is_empty() {
            let at = DateTime::from_timestamp(minute * 60, 0).unwrap_or_default();
            self.text = at.format("%Y-%m-%dT%H:%M:").to_string();
            self.minute = minute;
        }
        out.extend_from_slice(self.text.as_bytes());
        let rest = micros.rem_euclid(60_000_000);
        digits(out, rest / 1_000_000, 2);
        out.push(b'.');
        digits(out, rest % 1_000_000, 6);
        out.push(b'Z');
    }
}

fn digits(out: &mut Vec<u8>, value: i64, count: u32) {
    for place in (0..count).rev() {
        let digit = value / 10_i64.pow(place) % 10;
        out.push(b'0' + u8::try_from(digit).unwrap_or(0));
    }
}

/// The authenticated user up to and behind the place of a token's id.
fn user(client: &Client) -> (String, String) {
    if client.user.is_empty() {
        return (r#""user":{"#.to_owned(), String::new());
    }
    let mut text = format!(r#""user":{{"username":{}"#, quoted(&client.user));
    if !client.uid.is_empty() {
        _ = write!(text, r#","uid":{}"#, quoted(&client.uid));
    }
    _ = write!(text, r#","groups":{}"#, list(&client.groups));
    let (mut before, mut after) = (text, String::new());
    let extra = client.extra();
    for (at, (key, value)) in extra.iter().enumerate() {
        let open = if at == 0 { r#","extra":{"# } else { "," };
        let place = if after.is_empty() { &mut before } else { &mut after };
        _ = write!(place, "{open}{}:[", quoted(key));
        if let Some(value) = value {
            place.push_str(&quoted(value));
        } else {
            place.push_str("\"JTI=");
            after.push('"');
        }
        let place = if after.is_empty() { &mut before } else { &mut after };
        place.push(']');
    }
    if !extra.is_empty() {
        let place = if after.is_empty() { &mut before } else { &mut after };
        place.push('}');
    }
    (before, after)
}

fn object_ref(ask: &Ask, verdict: &Verdict) -> String {
    if ask.resource.is_empty() {
        return String::new();
    }
    // The body, which names what is created, is not read where the request is refused.
    let unread = ask.names_in_body() && !matches!(verdict, Verdict::Allowed(_));
    let name = if unread { "" } else { ask.name };
    let fields = [
        ("resource", ask.resource),
        ("namespace", ask.namespace),
        ("name", name),
        ("apiGroup", ask.group),
        ("apiVersion", ask.version()),
        ("subresource", ask.subresource),
    ];
    let fields: Vec<String> = fields
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| format!("{}:{}", quoted(key), quoted(value)))
        .collect();
    format!(r#","objectRef":{{{}}}"#, fields.join(","))
}

fn status(client: &Client, ask: &Ask, acting: Option<&As>, verdict: &Verdict) -> String {
    let failure = |message: String, reason: &str, code: u16| {
        let message = quoted(&message);
        format!(
            r#","responseStatus":{{"metadata":{{}},"status":"Failure","message":{message},"reason":"{reason}","code":{code}}}"#
        )
    };
    match verdict {
        Verdict::Allowed(_) if ask.code == 404 => {
            let what = match ask.group {
                "" => ask.resource.to_owned(),
                group => format!("{}.{group}", ask.resource),
            };
            failure(format!("{what} {:?} not found", ask.name), "NotFound", 404)
        }
        Verdict::Allowed(_) if ask.code == 409 => {
            failure(format!("{} {:?} already exists", ask.resource, ask.name), "AlreadyExists", 409)
        }
        Verdict::Allowed(_) => {
            format!(r#","responseStatus":{{"metadata":{{}},"code":{}}}"#, ask.code)
        }
        Verdict::Forbidden(_) => {
            let asker = acting.map_or(&client.user, |acting| &acting.user);
            failure(ask.refusal(asker), "Forbidden", 403)
        }
        Verdict::Nobody => {
            let message = "Authentication failed, attempted: bearer".to_owned();
            failure(message, "Unauthorized", 401)
        }
        Verdict::NotAs(resource, name) => failure(
            format!(
                "{resource} {name:?} is forbidden: User {:?} cannot impersonate resource \
                 {resource:?} in API group \"\" at the cluster scope",
                &*client.user
            ),
            "Forbidden",
            403,
        ),
    }
}

fn annotations(client: &Client, verdict: &Verdict) -> String {
    let mut found = Vec::new();
    if let Credential::Legacy { secret } = client.credential {
        found.extend([
            ("authentication.k8s.io/legacy-token", &*client.user),
            ("authentication.k8s.io/legacy-token-autogenerated-secret", secret),
        ]);
    }
    match verdict {
        Verdict::Allowed(reason) => found.extend([(DECISION, "allow"), (REASON, reason)]),
        Verdict::Forbidden(reason) => found.extend([(DECISION, "forbid"), (REASON, reason)]),
        Verdict::NotAs(..) | Verdict::Nobody => {}
    }
    if found.is_empty() {
        return String::new();
    }
    let found: Vec<String> = found
        .into_iter()
        .map(|(key, value)| format!("{}:{}", quoted(key), quoted(value)))
        .collect();
    format!(r#","annotations":{{{}}}"#, found.join(","))
}

const DECISION: &str = "authorization.k8s.io/decision";
const REASON: &str = "authorization.k8s.io/reason";

fn decide(client: &Client, ask: &Ask, acting: Option<&As>, authorizer: &Authorizer) -> Verdict {
    if client.user.is_empty() {
        return Verdict::Nobody;
    }
    let own: Vec<&str> = client.groups.iter().map(|group| &**group).collect();
    if let Some(acting) = acting {
        for (resource, name) in impersonates(acting) {
            let action =
                Action::Resource { group: "", resource, subresource: "", namespace: "", name };
            let attributes =
                Attributes { user: &client.user, groups: &own, verb: "impersonate", action };
            if !authorizer.decide(&attributes).allowed() {
                return Verdict::NotAs(resource, name.clone());
            }
        }
    }
    let (user, groups) = match acting {
        Some(acting) => (&acting.user, acting.groups.iter().map(|group| &**group).collect()),
        None => (&client.user, own),
    };
    let attributes = Attributes { user, groups: &groups, verb: ask.verb, action: ask.action() };
    let mut dangling = Vec::new();
    match authorizer.decide_noting(&attributes, |grant| dangling.push(grant)) {
        Decision::Masters => Verdict::Allowed(String::new()),
        Decision::Allowed { grant, .. } => Verdict::Allowed(authorizer.reason(&attributes, grant)),
        Decision::Denied => Verdict::Forbidden(authorizer.denial(&dangling)),
    }
}

/// What the impersonation filter asks about: the user, and the groups that the client named.
fn impersonates(acting: &As) -> Vec<(&'static str, &Name)> {
    let named = acting.groups.iter().filter(|group| !group.starts_with("system:"));
    std::iter::once(("users", &acting.user)).chain(named.map(|group| ("groups", group))).collect()
}
