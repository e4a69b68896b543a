//! JSON as kubectl prints it: lists, single objects, several of them one after another.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::gather::{self, Gather, Hurts, Item, Place};
use super::reason;
use crate::model::Name;

/// Lists within lists that are followed.
pub(super) const DEPTH: usize = 4;

/// What is said of those that are not.
pub(super) const TOO_DEEP: &str = "lists within lists, too deep to be followed";

/// How many times the length of a text may be looked at again after breaks in it.
const REREAD: usize = 20;

/// Reads every object of a text.
pub(super) fn read(place: &Place, text: &str, gather: &mut Gather) {
    let reader = Reader { source: &place.source, text, many: more_than_one(text) };
    let mut start = 0;
    let mut number = 0;
    // Each break may make the rest be looked at once more; that has to end.
    let mut patience = text.len().saturating_mul(REREAD);
    while let Some(rest) = text.get(start..) {
        let mut documents = Deserializer::from_str(rest).into_iter::<&RawValue>();
        loop {
            match documents.next() {
                None => return,
                Some(Ok(raw)) => {
                    number += 1;
                    reader.document(number, raw.get(), gather);
                }
                Some(Err(error)) => {
                    number += 1;
                    let from = start + documents.byte_offset();
                    let from = from + (text[from..].len() - text[from..].trim_start().len());
                    reader.broken_document(number, from, &error, gather);
                    let tried = reached(&text[start..], &error);
                    match (next_document(text, from), patience.checked_sub(tried)) {
                        (Some(next), Some(left)) => (start, patience) = (next, left),
                        (Some(next), None) => {
                            let place = place.at_line(reader.line_of(&text[next..]));
                            gather.broken(&place, Hurts::All, "too much is broken to go on here");
                            return;
                        }
                        (None, _) => return,
                    }
                    break;
                }
            }
        }
    }
}

/// Whether further documents follow the first; only then are they numbered.
fn more_than_one(text: &str) -> bool {
    let mut documents = Deserializer::from_str(text).into_iter::<IgnoredAny>();
    match documents.next() {
        Some(Err(_)) => next_document(text, 0).is_some(),
        _ => text.get(documents.byte_offset()..).is_some_and(|rest| !rest.trim().is_empty()),
    }
}

/// Where reading goes on after a document that is no JSON: at the next line that opens an object
/// in its first column, which no line inside an object as kubectl prints it does.
fn next_document(text: &str, from: usize) -> Option<usize> {
    let rest = text.as_bytes().get(from..)?;
    memchr::memmem::find(rest, b"\n{").map(|next| from + next + 1)
}

/// How far into a text its parser came before it gave up.
fn reached(text: &str, error: &serde_json::Error) -> usize {
    let line = memchr::memchr_iter(b'\n', text.as_bytes()).nth(error.line().saturating_sub(2));
    line.unwrap_or(0) + error.column()
}

/// A list or an object, as far as one look tells. Items are kept as text.
#[derive(Default)]
struct Document<'a> {
    api_version: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    metadata: Option<&'a RawValue>,
    items: Option<Vec<&'a RawValue>>,
}

/// What a list's own metadata says of its wholeness.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ListMeta<'a> {
    #[serde(borrow, rename = "continue")]
    more: Option<Cow<'a, str>>,
}

/// What a refusal of the API server says.
#[derive(Deserialize)]
struct Status {
    code: Option<u16>,
}

struct Reader<'t> {
    source: &'t Name,
    text: &'t str,
    many: bool,
}

impl<'t> Reader<'t> {
    fn place(&self, number: usize) -> Place {
        Place { document: self.many.then_some(number), ..Place::of(self.source) }
    }

    /// The line on which a part of the text begins.
    fn line_of(&self, part: &str) -> u64 {
        let offset = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        1 + memchr::memchr_iter(b'\n', before).count() as u64
    }

    fn document(&self, number: usize, text: &'t str, gather: &mut Gather) {
        self.value(&self.place(number), text, 0, gather);
    }

    /// A document that breaks off or is no JSON further on: what can be read of it is read.
    fn broken_document(
        &self,
        number: usize,
        from: usize,
        error: &serde_json::Error,
        gather: &mut Gather,
    ) {
        let place = self.place(number);
        let mut document = Document::default();
        let mut parser = Deserializer::from_str(&self.text[from..]);
        let inner = DocumentSeed(&mut document).deserialize(&mut parser);
        let error = inner.as_ref().err().unwrap_or(error);
        let line = self.line_of(&self.text[from..]) + (error.line() as u64).max(1) - 1;
        let items = document.items.as_ref().map_or(0, Vec::len);
        let after = if items > 0 { format!(" after item {items}") } else { String::new() };
        let reason = format!("{}{after}; the rest is not read", reason::safe(&error.to_string()));
        gather.broken(&place.at_line(line), Hurts::All, &reason);
        self.items(&place, &document, 0, gather);
    }

    fn value(&self, place: &Place, text: &'t str, depth: usize, gather: &mut Gather) {
        let mut document = Document::default();
        if text.starts_with('[') {
            let mut items = Vec::new();
            let read = ItemsSeed(&mut items).deserialize(&mut Deserializer::from_str(text));
            if read.is_ok() {
                document.items = Some(items);
                self.items(place, &document, depth, gather);
                return;
            }
        }
        let mut parser = Deserializer::from_str(text);
        if let Err(error) = DocumentSeed(&mut document).deserialize(&mut parser) {
            let line = self.line_of(text) + (error.line() as u64).max(1) - 1;
            gather.broken(
                &place.at_line(line),
                Hurts::All,
                &format!("not an object: {}", reason::safe(&error.to_string())),
            );
            return;
        }
        let (api_version, kind) = (document.api_version.as_deref(), document.kind.as_deref());
        if let Some(refused) = not_objects(api_version, kind, || {
            serde_json::from_str::<Status>(text).ok().and_then(|status| status.code)
        }) {
            gather.broken(&place.at_line(self.line_of(text)), Hurts::All, &refused);
            return;
        }
        let is_list = kind.is_none_or(|kind| kind.ends_with("List"));
        if document.items.is_some() && is_list {
            if depth > DEPTH {
                gather.broken(&place.at_line(self.line_of(text)), Hurts::All, TOO_DEEP);
                return;
            }
            self.items(place, &document, depth, gather);
            return;
        }
        let item = gather::item(api_version, kind, &mut Deserializer::from_str(text));
        self.add(place, text, item, gather);
    }

    fn items(&self, place: &Place, list: &Document<'t>, depth: usize, gather: &mut Gather) {
        let Some(items) = &list.items else {
            return;
        };
        // `RoleBindingList` holds items that need not repeat their kind; `List` does not tell.
        let of = list.kind.as_deref().and_then(|kind| kind.strip_suffix("List"));
        let of = of.filter(|kind| !kind.is_empty());
        let default = (of.and(list.api_version.as_deref()), of);
        if let (Some(api_version), Some(kind), true) = (default.0, default.1, items.is_empty()) {
            gather.empty_list(api_version, kind);
        }
        for (at, raw) in items.iter().enumerate() {
            let place = Place { item: Some(at + 1), ..place.clone() };
            self.one(&place, raw.get(), default, depth, gather);
        }
        let meta =
            list.metadata.and_then(|raw| serde_json::from_str::<ListMeta<'_>>(raw.get()).ok());
        if meta.and_then(|meta| meta.more).is_some_and(|more| !more.is_empty()) {
            let hurts = gather::hurts(default.0, default.1);
            gather.broken(place, hurts, "one page of a list; the others were not saved");
        }
    }

    fn one(
        &self,
        place: &Place,
        text: &'t str,
        default: (Option<&str>, Option<&str>),
        depth: usize,
        gather: &mut Gather,
    ) {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Head<'a> {
            #[serde(borrow, default)]
            api_version: Option<Cow<'a, str>>,
            #[serde(borrow, default)]
            kind: Option<Cow<'a, str>>,
        }
        let head: Head<'_> = match serde_json::from_str(text) {
            Ok(head) => head,
            Err(error) => {
                let reason = format!("not an object: {}", reason::safe(&error.to_string()));
                gather.broken(&place.at_line(self.line_of(text)), Hurts::All, &reason);
                return;
            }
        };
        let kind = head.kind.as_deref().or(default.1);
        let api_version = head.api_version.as_deref().or(default.0);
        if kind.is_some_and(|kind| kind.ends_with("List")) {
            self.value(place, text, depth + 1, gather);
            return;
        }
        let item = gather::item(api_version, kind, &mut Deserializer::from_str(text));
        self.add(place, text, item, gather);
    }

    fn add(&self, place: &Place, text: &str, item: Item, gather: &mut Gather) {
        match item {
            Item::Broken(..) => gather.add(&place.at_line(self.line_of(text)), item),
            item => gather.add(place, item),
        }
    }
}

/// What stands where objects should, in words that help; None for anything else.
pub(super) fn not_objects(
    api_version: Option<&str>,
    kind: Option<&str>,
    code: impl FnOnce() -> Option<u16>,
) -> Option<String> {
    let group = api_version.unwrap_or_default().split_once('/').map_or("", |(group, _)| group);
    match (group, kind?) {
        ("meta.k8s.io", "Table" | "PartialObjectMetadataList") => Some(
            "the columns of a table without the objects; save them with kubectl get … -o json"
                .to_owned(),
        ),
        ("", "Status") => Some(match code() {
            Some(code) => format!("an answer {code} of the API server in place of objects"),
            None => "an error of the API server in place of objects".to_owned(),
        }),
        _ => None,
    }
}

/// Fills a document field by field, so that what was read before an error is kept.
struct DocumentSeed<'d, 'a>(&'d mut Document<'a>);

impl<'de> DeserializeSeed<'de> for DocumentSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DocumentSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "apiVersion" => self.0.api_version = map.next_value()?,
                "kind" => self.0.kind = map.next_value()?,
                "metadata" => self.0.metadata = Some(map.next_value()?),
                "items" => {
                    let items = self.0.items.insert(Vec::new());
                    if !map.next_value_seed(ItemsSeed(items))? {
                        self.0.items = None;
                    }
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Collects items as they come; false where there is no list of them. `null` is an empty list.
struct ItemsSeed<'d, 'a>(&'d mut Vec<&'a RawValue>);

impl<'de> DeserializeSeed<'de> for ItemsSeed<'_, 'de> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'de>>(self, source: D) -> Result<bool, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ItemsSeed<'_, 'de> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        while let Some(item) = seq.next_element()? {
            self.0.push(item);
        }
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }
}
