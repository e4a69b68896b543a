//! One file a carrier: how the events of a log are wrapped.
//!
//! The API server's own lines are read as they are ([`json_lines`]). Any other record comes to
//! [`unwrap`], which hands each event in it, as the JSON of an audit.k8s.io Event, to a [`Sink`].
//! A record is what framing (`audit::source`) made one line of: a JSON value, or text. Lists in it
//! are gone through, strings in it that are JSON are read again, at most [`DEEPEST`] deep.
//!
//! # A new carrier
//! - An entry that *holds* an event (as text or object), or that is not in the API server's shape
//!   and must be *translated*: one file with a [`Translator`], named in [`OBJECTS`] if the entry is
//!   a JSON object, in [`TEXTS`] if it is any other line. The rows of a CSV file come as objects
//!   keyed by the header, all values strings; a YAML document comes as the object it is.
//! - It answers None where the record is not its own, quickly: all are asked in turn.
//! - What it returns in [`Carried::text`] is unwrapped again, so that a translator for an envelope
//!   gives back the text inside, and one for a foreign shape an event's JSON.
//! - What the entry does not say, the event does not say. Times go into the event
//!   (`requestReceivedTimestamp`, `stageTimestamp`) only where the entry's time is the request's own;
//!   the time at which a collector saw it goes into [`Carried::time`], and counts only where the event
//!   itself has none.

mod aks;
mod eks;
mod elastic;
mod entry;
mod gke;
mod insights;
pub mod json_lines;
mod legacy;
mod lines;
mod lists;
mod object;
mod ocsf;
pub mod scan;
mod shippers;
mod when;

use std::borrow::Cow;

use super::summary;

pub use object::Object;

/// Why a record is not read, or passed over: few, fixed.
pub type Reason = &'static str;

/// What carries events. One record may go through several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Carrier {
    /// The API server's own JSON, one event a line.
    JsonLines,
    /// An EventList or an array of events.
    EventList,
    /// The API server's text form before 1.12.
    Legacy,
    /// Amazon EKS by CloudWatch Logs, in any of its exports.
    Eks,
    /// Rows of CloudWatch Logs Insights with chosen fields.
    EksFields,
    /// Open Cybersecurity Schema Framework, as Amazon Security Lake has it.
    Ocsf,
    /// Google Cloud Logging's entries.
    Gke,
    /// Azure Monitor's records.
    Aks,
    /// Azure's tables AKSAudit and AKSAuditAdmin.
    AksTable,
    /// OpenShift's log forwarder.
    OpenShift,
    /// A container runtime's log: docker's json-file or CRI.
    Container,
    /// The journal of systemd.
    Journal,
    /// Syslog's header.
    Syslog,
    /// Fluentd, Fluent Bit, Vector, Filebeat, Logstash and others that put a line into an object.
    Shipper,
    /// Loki's answers and downloads.
    Loki,
    /// Elastic's documents.
    Elastic,
    /// Splunk's events.
    Splunk,
}

impl Carrier {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All, in the order of their numbers.
    pub const ALL: [Self; 17] = [
        Self::JsonLines,
        Self::EventList,
        Self::Legacy,
        Self::Eks,
        Self::EksFields,
        Self::Ocsf,
        Self::Gke,
        Self::Aks,
        Self::AksTable,
        Self::OpenShift,
        Self::Container,
        Self::Journal,
        Self::Syslog,
        Self::Shipper,
        Self::Loki,
        Self::Elastic,
        Self::Splunk,
    ];

    /// What a person calls it. What it loses is in the model by this name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JsonLines => "JSON lines",
            Self::EventList => "EventList",
            Self::Legacy => "legacy text",
            Self::Eks => "EKS CloudWatch",
            Self::EksFields => "EKS Insights fields",
            Self::Ocsf => "OCSF",
            Self::Gke => "GKE Cloud Logging",
            Self::Aks => "AKS Azure Monitor",
            Self::AksTable => "AKSAudit table",
            Self::OpenShift => "OpenShift",
            Self::Container => "container log",
            Self::Journal => "journal",
            Self::Syslog => "syslog",
            Self::Shipper => "log shipper",
            Self::Loki => "Loki",
            Self::Elastic => "Elastic",
            Self::Splunk => "Splunk",
        }
    }
}

/// The carriers that a record came through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carriers(u32);

impl Carriers {
    /// These and one more.
    #[must_use]
    pub fn and(self, carrier: Carrier) -> Self {
        Self(self.0 | 1 << carrier as u32)
    }

    /// Whether it is among them.
    pub fn has(self, carrier: Carrier) -> bool {
        self.0 >> (carrier as u32) & 1 == 1
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// An event, or the text in which one is wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried<'a> {
    /// An event's JSON, or what is to be unwrapped again.
    pub text: Cow<'a, str>,
    /// What it came in.
    pub carrier: Carrier,
    /// The envelope's time, microseconds since 1970, UTC.
    pub time: Option<i64>,
    /// The cluster that the envelope names (a log group, a resource id).
    pub cluster: Option<Cow<'a, str>>,
    /// The server that the envelope names (a log stream, a pod, a node).
    pub server: Option<Cow<'a, str>>,
    /// Whether the carrier cut it, where the text itself does not show it.
    pub cut: bool,
}

impl<'a> Carried<'a> {
    /// Text that came in a carrier of which nothing more is known.
    pub fn new(text: impl Into<Cow<'a, str>>, carrier: Carrier) -> Self {
        Self { text: text.into(), carrier, time: None, cluster: None, server: None, cut: false }
    }
}

/// What a translator makes of a record of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Translated<'a> {
    /// This is in it.
    Carried(Carried<'a>),
    /// It belongs to the carrier but is no audit event.
    Passed(Reason),
    /// It cannot be read.
    Unreadable(Reason),
}

/// Reads an entry that is a JSON object; None where it is not the carrier's.
pub type Translator = for<'a> fn(&Object<'a>) -> Option<Translated<'a>>;
/// Reads a line that is no JSON; None where it is not the carrier's.
pub type TextTranslator = for<'a> fn(&'a str) -> Option<Translated<'a>>;

/// Asked in this order of every object that is no event itself.
const OBJECTS: [Translator; 7] = [
    gke::entry,
    ocsf::entry,
    aks::entry,
    eks::entry,
    insights::entry,
    elastic::entry,
    shippers::entry,
];
/// Asked in this order of every line that is no JSON.
const TEXTS: [TextTranslator; 2] = [legacy::line, lines::line];

/// How many envelopes may lie around each other: five times quoted, and lists between them.
const DEEPEST: u8 = 16;

/// What all envelopes around a text say, the innermost first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context<'a> {
    /// What it came in.
    pub carriers: Carriers,
    /// See [`Carried::time`].
    pub time: Option<i64>,
    /// See [`Carried::cluster`].
    pub cluster: Option<&'a str>,
    /// See [`Carried::server`].
    pub server: Option<&'a str>,
    /// See [`Carried::cut`].
    pub cut: bool,
    /// How many envelopes there are.
    pub depth: u8,
}

/// Takes what is found in a record.
pub trait Sink {
    /// A text that begins as the API server begins an event: takes it if it is a whole one.
    fn whole(&mut self, text: &str, context: &Context<'_>) -> bool;
    /// An event's JSON, or the head of it.
    fn event(&mut self, json: &str, context: &Context<'_>);
    /// A row of an activity summary.
    fn summary(&mut self, json: &str);
    /// Something that belongs to a carrier but is no audit event.
    fn passed(&mut self, reason: Reason);
    /// Something that cannot be read.
    fn unreadable(&mut self, reason: Reason);
}

/// Whether a line begins as the API server begins one.
pub fn is_plain(line: &[u8]) -> bool {
    line.starts_with(b"{\"kind\":\"Event\",") || line.starts_with(b"{\"level\":\"")
}

/// Whether this is nothing but what is left of a list that was torn: there is no event in it, and
/// nothing to be said of it.
pub fn is_remnant(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b'[' | b']' | b'{' | b'}' | b','))
}

/// Hands all events in a record to `sink`.
pub fn unwrap(record: &str, sink: &mut dyn Sink) {
    text(record, Context::default(), sink);
}

/// What CloudWatch puts in place of the end of an event that is too long.
const CUT_MARK: &str = "[Truncated...]";

fn text(text: &str, mut context: Context<'_>, sink: &mut dyn Sink) {
    let blank = |c: char| c.is_whitespace() || matches!(c, '\0' | '\x1e' | '\u{feff}');
    let mut text = text.trim_matches(blank);
    if let Some(head) = text.strip_suffix(CUT_MARK) {
        context.cut = true;
        text = head;
    }
    match text.as_bytes().first() {
        None => {}
        Some(_) if is_remnant(text.as_bytes()) => {}
        Some(b'{') if is_plain(text.as_bytes()) && sink.whole(text, &context) => {}
        Some(b'{' | b'[') => values(text, context, sink),
        Some(_) => match TEXTS.iter().find_map(|translate| translate(text)) {
            Some(translated) => carried(translated, context, sink),
            None => sink.unreadable("not JSON"),
        },
    }
}

/// JSON values, one after the other.
fn values(mut text: &str, context: Context<'_>, sink: &mut dyn Sink) {
    while !text.is_empty() {
        let length = if text.starts_with('[') {
            let list = lists::List::new(text, Carrier::EventList);
            all(&list, context, sink);
            scan::value_end(text.as_bytes(), 0).unwrap_or(text.len())
        } else {
            match Object::read(text) {
                Ok((found, length)) => {
                    object(&text[..length], &found, context, sink);
                    length
                }
                // What a carrier puts behind an event, or the head of a line that lost its beginning.
                Err(_) if !text.starts_with('{') && !context.carriers.is_empty() => {
                    match text.find("{\"") {
                        Some(next) if !text[..next].contains('"') => next,
                        Some(_) => return sink.unreadable("broken JSON"),
                        None => return,
                    }
                }
                Err(_) => return sink.unreadable("broken JSON"),
            }
        };
        text = text[length..].trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    }
}

fn object(text: &str, object: &Object<'_>, context: Context<'_>, sink: &mut dyn Sink) {
    // A row with a column for each field has the same names, but no user as a whole.
    let is_row = object.get("user").is_none() && object.get("user.username").is_some();
    if object.get("auditID").is_some() && object.get("stage").is_some() && !is_row {
        return sink.event(text, &context);
    }
    let marked = |labels: &str| labels.contains(summary::MARK);
    if object.get(summary::MARK).is_some() || object.get("metric").is_some_and(marked) {
        return sink.summary(text);
    }
    // A list without elements may stand beside what carries the event.
    let list = lists::list(object);
    let is_empty = list.as_ref().is_some_and(lists::List::is_empty);
    if let Some(list) = list.filter(|list| !list.is_empty()) {
        // And so may any other.
        if let Some(beside) = OBJECTS.iter().find_map(|translate| translate(object))
            && holds_event(&beside)
        {
            carried(beside, context, sink);
            if !names_event(list.elements) {
                return;
            }
        }
        return all(&list, context, sink);
    }
    match OBJECTS.iter().find_map(|translate| translate(object)) {
        Some(translated) => carried(translated, context, sink),
        None if is_empty => {}
        None if object.cut => sink.unreadable("cut off"),
        None => sink.unreadable("not an audit event"),
    }
}

fn holds_event(translated: &Translated<'_>) -> bool {
    matches!(translated, Translated::Carried(inside) if names_event(&inside.text))
}

/// Whether a text has what no event lacks, however often it is quoted.
fn names_event(text: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), b"auditID").is_some()
}

/// All that a list holds.
fn all(list: &lists::List<'_>, context: Context<'_>, sink: &mut dyn Sink) {
    let mut elements = object::elements(list.elements).peekable();
    if list.cut && elements.peek().is_none() {
        return sink.unreadable("cut off");
    }
    for element in elements {
        carried(list.element(element), context, sink);
    }
}

/// Reads on inside an envelope.
fn carried(translated: Translated<'_>, context: Context<'_>, sink: &mut dyn Sink) {
    let inside = match translated {
        Translated::Carried(inside) => inside,
        Translated::Passed(reason) => return sink.passed(reason),
        Translated::Unreadable(reason) => return sink.unreadable(reason),
    };
    if context.depth >= DEEPEST {
        return sink.unreadable("wrapped too deep");
    }
    let context = Context {
        carriers: context.carriers.and(inside.carrier),
        time: inside.time.or(context.time),
        cluster: inside.cluster.as_deref().or(context.cluster),
        server: inside.server.as_deref().or(context.server),
        cut: inside.cut || context.cut,
        depth: context.depth + 1,
    };
    text(&inside.text, context, sink);
}
