//! Records that are lists of records: the webhook's EventList, pages of answers, batches.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::object::{self, Object};
use super::{Carried, Carrier, Translated, eks};

/// A list, and what its envelope says of all its elements.
#[derive(Clone, Debug)]
pub struct List<'a> {
    /// A JSON array.
    pub elements: &'a str,
    /// Whether it ends early.
    pub cut: bool,
    /// Where its elements are rows of cells: what the cells are called.
    columns: Vec<String>,
    carrier: Carrier,
    cluster: Option<Cow<'a, str>>,
    server: Option<Cow<'a, str>>,
}

impl<'a> List<'a> {
    pub fn new(elements: &'a str, carrier: Carrier) -> Self {
        let columns = Vec::new();
        Self { elements, cut: false, columns, carrier, cluster: None, server: None }
    }

    /// Whether it ends, and has no elements.
    pub fn is_empty(&self) -> bool {
        !self.cut && object::elements(self.elements).next().is_none()
    }

    /// One element, as a record of its own.
    pub fn element<'b>(&'b self, json: &'b str) -> Translated<'b> {
        let mut carried = Carried::new(json, self.carrier);
        if json.starts_with('"') {
            match object::string_head(json) {
                Some((text, _)) => carried.text = text,
                None => return Translated::Unreadable("broken JSON"),
            }
        } else if json.starts_with('[') {
            let row =
                if self.columns.is_empty() { row(json) } else { Some((self.cells(json), None)) };
            let Some((text, time)) = row else {
                return Translated::Unreadable("not an audit event");
            };
            (carried.text, carried.time) = (text, time);
        } else if !json.starts_with('{') {
            return Translated::Unreadable("not an audit event");
        }
        carried.cluster = self.cluster.as_deref().map(Cow::Borrowed);
        carried.server = self.server.as_deref().map(Cow::Borrowed);
        Translated::Carried(carried)
    }

    /// A row of cells, as an object keyed by column.
    fn cells(&self, row: &str) -> Cow<'static, str> {
        let mut map = Map::new();
        for (column, cell) in self.columns.iter().zip(object::elements(row)) {
            map.insert(column.clone(), serde_json::from_str(cell).unwrap_or(Value::Null));
        }
        Value::Object(map).to_string().into()
    }
}

/// Members that are lists of records wherever they stand in an envelope.
const LISTS: [(&str, Carrier); 16] = [
    ("items", Carrier::EventList),
    ("logEvents", Carrier::Eks),
    ("events", Carrier::Eks),
    ("results", Carrier::Eks),
    ("Records", Carrier::Eks),
    ("records", Carrier::Aks),
    ("value", Carrier::Aks),
    ("tables", Carrier::Aks),
    ("rows", Carrier::Aks),
    ("entries", Carrier::Gke),
    ("streams", Carrier::Loki),
    ("result", Carrier::Loki),
    ("values", Carrier::Loki),
    ("resourceLogs", Carrier::Shipper),
    ("scopeLogs", Carrier::Shipper),
    ("logRecords", Carrier::Shipper),
];

/// The list that an object is the envelope of.
pub fn list<'a>(object: &Object<'a>) -> Option<List<'a>> {
    let found = LISTS.iter().find_map(|(key, carrier)| Some((array(object, key)?, *carrier)));
    let (elements, carrier) = found.or_else(|| inner(object))?;
    let mut list = List::new(elements, carrier);
    list.cut = object.cut;
    if let Some(columns) = array(object, "columns") {
        // Azure names a column, and says of what type it is.
        let name = |column| Object::read(column).ok()?.0.text("name").map(Cow::into_owned);
        list.columns = object::elements(columns).filter_map(name).collect();
    }
    if carrier == Carrier::Eks {
        list.cluster = object.text("logGroup").map(eks::cluster);
        list.server = object.text("logStream");
    }
    Some(list)
}

/// Lists one member deeper: Elastic's hits, Loki's result.
fn inner<'a>(object: &Object<'a>) -> Option<(&'a str, Carrier)> {
    let deeper = |outer: &str, key: &str| array(&object.any_object(outer)?, key);
    deeper("hits", "hits")
        .map(|hits| (hits, Carrier::Elastic))
        .or_else(|| deeper("data", "result").map(|result| (result, Carrier::Loki)))
}

/// A member that is an array, or as much of one as there is.
fn array<'a>(object: &Object<'a>, key: &str) -> Option<&'a str> {
    object.any(key).filter(|value| value.starts_with('['))
}

/// An element that is an array: a row of a CloudWatch Logs Insights answer, `[{"field":…,"value":…}]`,
/// as an object keyed by field, or a line of Loki, `["<ns>","<line>"]`.
fn row(json: &str) -> Option<(Cow<'_, str>, Option<i64>)> {
    let mut elements = object::elements(json);
    let first = elements.next()?;
    if first.starts_with('"') {
        let nanos: i64 = object::string(first)?.parse().ok()?;
        let (line, _) = object::string_head(elements.next()?)?;
        return Some((line, Some(nanos / 1000)));
    }
    let mut map = Map::new();
    for field in object::elements(json) {
        let (field, _) = Object::read(field).ok()?;
        if let (Some(name), Some(value)) = (field.text("field"), field.text("value")) {
            map.insert(name.into_owned(), Value::from(value.into_owned()));
        }
    }
    (!map.is_empty()).then(|| (Value::Object(map).to_string().into(), None))
}
