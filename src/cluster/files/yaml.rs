//! YAML as kubectl prints it: any number of documents, each a list or an object.
//!
//! Values become what kubectl's own YAML-to-JSON step makes of them, so that both forms are read
//! by one path. Aliases are followed within a budget: a few lines of text must not grow into
//! gigabytes.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde_json::{Map, Number, Value};

use super::flow;
use super::gather::{self, Gather, Hurts, Item, Place};
use super::json::{DEPTH, TOO_DEEP, not_objects};
use super::reason;
use crate::yaml::{For, Node, is_read_otherwise};

/// Reads every document of a text.
pub(super) fn read(place: &Place, text: &str, gather: &mut Gather) {
    let documents: Vec<(u64, &str)> =
        documents(text).into_iter().filter(|(_, text)| has_content(text)).collect();
    let many = documents.len() > 1;
    for (at, (line, text)) in documents.into_iter().enumerate() {
        let place = Place { document: many.then_some(at + 1), ..place.clone() };
        document(&place, line, text, gather);
    }
}

/// The documents with the line on which each begins. A line that starts with `---` or `...` ends
/// a document wherever it stands, inside quoted and block scalars too (YAML 1.2, 9.1.2).
fn documents(text: &str) -> Vec<(u64, &str)> {
    let mut found = Vec::new();
    let (mut start, mut start_line) = (0, 1);
    let mut at = 0;
    for (line, with_end) in (1..).zip(text.split_inclusive('\n')) {
        let mark = with_end.get(..3).filter(|mark| matches!(*mark, "---" | "..."));
        let alone = with_end[mark.map_or(0, str::len)..].starts_with([' ', '\t', '\r', '\n'])
            || with_end.len() == 3;
        if mark.is_some() && alone && at > start {
            found.push((start_line, &text[start..at]));
            (start, start_line) = (at, line);
        }
        at += with_end.len();
    }
    found.push((start_line, &text[start..]));
    found
}

/// Whether a document holds more than marks, directives and comments.
fn has_content(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.strip_prefix("---").or_else(|| line.strip_prefix("...")).unwrap_or(line);
        let line = line.trim();
        !line.is_empty() && !line.starts_with(['#', '%'])
    })
}

fn document(place: &Place, line: u64, text: &str, gather: &mut Gather) {
    // What lies deeper is refused all the same, after a time that grows with the square of it.
    if let Some(at) = flow::too_deep(text) {
        let line = line + memchr::memchr_iter(b'\n', &text.as_bytes()[..at]).count() as u64;
        let reason = format!("values that lie more than {} deep in each other", flow::DEEPEST);
        gather.broken(&place.at_line(line), Hurts::All, &format!("{reason}; it is not read"));
        return;
    }
    if is_read_otherwise(text) {
        return otherwise(place, line, text, gather);
    }
    let mut found = Found::default();
    let mut budget = Budget::of(text);
    let source = yaml_serde::Deserializer::from_str(text);
    let read = Document { found: &mut found, budget: &mut budget }.deserialize(source);
    if let Err(error) = &read {
        let line = error.location().map_or(line, |at| line + (at.line() as u64).max(1) - 1);
        let after = match found.items.as_ref().map_or(0, Vec::len) {
            0 => String::new(),
            items => format!(" after item {items}"),
        };
        let mut reason = format!("{}{after}", reason::safe(&error.to_string()));
        if found.scalar {
            "not an object; save objects with kubectl get … -o yaml".clone_into(&mut reason);
        } else if budget.spent {
            "aliases that grow beyond measure".clone_into(&mut reason);
        }
        gather.broken(&place.at_line(line), Hurts::All, &format!("{reason}; the rest is not read"));
    }
    take(place, line, found, read.is_ok(), gather);
}

/// Reads a document as kubectl's reader does, for what others have in it that kubectl has not, or the
/// other way round: merges bring subjects and rules, and tags change names.
fn otherwise(place: &Place, line: u64, text: &str, gather: &mut Gather) {
    let root = match Node::read(text, For::Objects) {
        Ok((root, false)) => root,
        other => {
            let (at, refused) = match other {
                Err(why) => (why.line, why.refused),
                Ok(_) => (None, true),
            };
            let line = at.map_or(line, |at| line + (at as u64).max(1) - 1);
            let reason = if refused {
                "merges or tags that kubectl's own reader of YAML refuses; it is not read"
            } else {
                "merges or tags that are not followed; it is not read: save what kubectl get … -o yaml \
                 makes of it"
            };
            return gather.broken(&place.at_line(line), Hurts::All, reason);
        }
    };
    let mut found = Found::default();
    let Value::Object(mut fields) = root.json() else {
        let reason = "not an object; save objects with kubectl get … -o yaml";
        return gather.broken(&place.at_line(line), Hurts::All, reason);
    };
    if let Some(items) = fields.get_mut("items").and_then(Value::as_array_mut) {
        let items = std::mem::take(items);
        fields.remove("items");
        let mut listed = Vec::new();
        for one in items {
            list(one, 0, &mut listed);
        }
        found.items = Some(listed);
    }
    found.fields = fields;
    take(place, line, found, true, gather);
}

/// Hands on what a document holds.
fn take(place: &Place, line: u64, found: Found, whole: bool, gather: &mut Gather) {
    let text = |name: &str| found.fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let code = || found.fields.get("code")?.as_u64().and_then(|code| u16::try_from(code).ok());
    if let Some(refused) = not_objects(api_version.as_deref(), kind.as_deref(), code) {
        gather.broken(&place.at_line(line), Hurts::All, &refused);
        return;
    }
    let is_list = kind.as_deref().is_none_or(|kind| kind.ends_with("List"));
    let Some(items) = found.items.filter(|_| is_list) else {
        if whole {
            let item =
                gather::item(api_version.as_deref(), kind.as_deref(), &Value::Object(found.fields));
            let place =
                if let Item::Broken(..) = item { place.at_line(line) } else { place.clone() };
            gather.add(&place, item);
        }
        return;
    };
    let of = kind.as_deref().and_then(|kind| kind.strip_suffix("List")).filter(|of| !of.is_empty());
    let default = (of.and(api_version.as_deref()), of);
    if let (Some(api_version), Some(kind), true) = (default.0, default.1, items.is_empty()) {
        gather.empty_list(api_version, kind);
    }
    for (at, item) in items.into_iter().enumerate() {
        let place = Place { item: Some(at + 1), ..place.clone() };
        match item {
            Listed::Read(item) => gather.add(&place, *item),
            Listed::Later(value) => {
                gather.add(&place, gather::item(default.0, default.1, &value));
            }
        }
    }
    let more = found.fields.get("metadata").and_then(|meta| meta.get("continue")?.as_str());
    if more.is_some_and(|more| !more.is_empty()) {
        let hurts = gather::hurts(default.0, default.1);
        gather.broken(place, hurts, "one page of a list; the others were not saved");
    }
}

/// An item of a list.
enum Listed {
    /// Read on its own.
    Read(Box<Item>),
    /// Without a kind of its own: it is of the list's, which comes after the items.
    Later(Value),
}

/// What a document holds, as far as it was read.
#[derive(Default)]
struct Found {
    /// Everything but the items of a list.
    fields: Map<String, Value>,
    items: Option<Vec<Listed>>,
    /// The document is no map at all.
    scalar: bool,
}

/// How much a document may grow to. Without aliases no value costs more than its own text.
struct Budget {
    left: usize,
    spent: bool,
}

impl Budget {
    fn of(text: &str) -> Self {
        Self { left: text.len().saturating_mul(4).saturating_add(1 << 16), spent: false }
    }

    fn spend<E: serde::de::Error>(&mut self, cost: usize) -> Result<(), E> {
        let Some(left) = self.left.checked_sub(cost + 1) else {
            self.spent = true;
            return Err(E::custom("repetition limit exceeded"));
        };
        self.left = left;
        Ok(())
    }
}

struct Document<'f> {
    found: &'f mut Found,
    budget: &'f mut Budget,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        self.found.scalar = true;
        source.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.found.scalar = false;
        while let Some(key) = map.next_key_seed(Tree(self.budget))? {
            let key = key_text(key);
            if key != "items" {
                let value = map.next_value_seed(Tree(self.budget))?;
                self.found.fields.insert(key, value);
                continue;
            }
            let items = self.found.items.insert(Vec::new());
            if let Some(other) = map.next_value_seed(Items { items, budget: self.budget })? {
                self.found.items = None;
                self.found.fields.insert(key, other);
            }
        }
        Ok(())
    }
}

/// Takes over one item, or the items of a list that is one.
fn list(mut value: Value, depth: usize, items: &mut Vec<Listed>) {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let is_list = kind.is_some_and(|kind| kind.ends_with("List"));
    if is_list && value.get("items").is_some_and(Value::is_array) {
        if depth == DEPTH {
            let item = gather::Item::Broken(gather::Hurts::All, TOO_DEEP.to_owned());
            items.push(Listed::Read(Box::new(item)));
            return;
        }
        if let Some(Value::Array(nested)) = value.get_mut("items").map(Value::take) {
            for one in nested {
                list(one, depth + 1, items);
            }
        }
        return;
    }
    items.push(match (api_version, kind) {
        (None, None) if value.is_object() => Listed::Later(value),
        (api_version, kind) => Listed::Read(Box::new(gather::item(api_version, kind, &value))),
    });
}

/// Reads the items of a list one by one; gives the value back where it is none. Nothing is an
/// empty list.
struct Items<'f> {
    items: &'f mut Vec<Listed>,
    budget: &'f mut Budget,
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while let Some(value) = seq.next_element_seed(Tree(self.budget))? {
            list(value, 0, self.items);
        }
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Tree(self.budget).visit_map(map).map(Some)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }
}

/// Any value, as JSON, within a budget.
struct Tree<'f>(&'f mut Budget);

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        self.0.spend(0)?;
        Ok(Value::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        self.0.spend(0)?;
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        self.0.spend(0)?;
        Ok(value.into())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.0.spend(0)?;
        Ok(value.into())
    }

    fn visit_i128<E: serde::de::Error>(self, _: i128) -> Result<Value, E> {
        self.0.spend(0)?;
        Ok(Value::Number(Number::from(i64::MIN)))
    }

    fn visit_u128<E: serde::de::Error>(self, _: u128) -> Result<Value, E> {
        self.0.spend(0)?;
        Ok(Value::Number(Number::from(u64::MAX)))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        self.0.spend(0)?;
        Ok(value.into())
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.0.spend(value.len())?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        self.0.spend(0)?;
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(Tree(self.0))? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        self.0.spend(0)?;
        let mut values = Map::new();
        while let Some(key) = map.next_key_seed(Tree(self.0))? {
            let value = map.next_value_seed(Tree(self.0))?;
            // Of a key given twice the last one counts, as for kubectl.
            values.insert(key_text(key), value);
        }
        Ok(Value::Object(values))
    }

    /// A value with a tag of its own is the value.
    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (_, inner) = data.variant::<serde::de::IgnoredAny>()?;
        inner.newtype_variant_seed(self)
    }
}

/// A map's key as JSON has it: always text.
fn key_text(key: Value) -> String {
    match key {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
