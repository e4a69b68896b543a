//! The nodes of a YAML document, before their values are made out.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, YamlVersion};
use serde::Deserialize as _;
use serde::de::IgnoredAny;

/// A node. Others are told by their place among all.
#[derive(Debug)]
pub(super) enum Item {
    Scalar {
        value: String,
        /// Whether it is written without quotes and without a tag, so that its letters say what it is;
        /// or with the tag `!`, by which it is text, and a merge all the same.
        plain: bool,
        /// In full: `tag:yaml.org,2002:binary`.
        tag: Option<String>,
    },
    List(Vec<usize>),
    Map(Vec<(usize, usize)>),
    /// What it stands for, which may hold it.
    Alias(usize),
}

impl Item {
    /// Whether it is the key of a merge (`isMerge` of go-yaml).
    pub(super) fn is_merge(&self) -> bool {
        matches!(self, Self::Scalar { value, plain, tag } if value == "<<"
            && (*plain || tag.as_deref() == Some("tag:yaml.org,2002:merge")))
    }
}

/// The first document of a text.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// All nodes with their lines, counted from one.
    pub(super) items: Vec<(Item, usize)>,
    /// The outermost of them; None where there is none.
    pub(super) root: Option<usize>,
    /// Whether it says that it is of a version of YAML that go-yaml v2 refuses.
    pub(super) other_version: bool,
}

/// A list or a map whose end has not come.
struct Open {
    at: usize,
    key: Option<usize>,
}

impl Document {
    /// The error is the line, counted from one.
    pub(super) fn read(text: &str) -> Result<Self, usize> {
        let options = granit_parser::options! {
            emit_comments: false,
            block_scalar_eof_without_line_feed: true,
            // As go-yaml has it.
            flow_nesting_limit: 10_000,
            block_nesting_limit: 10_000,
        };
        let mut found = Self::default();
        let (mut open, mut anchors) = (Vec::<Open>::new(), HashMap::<usize, usize>::new());
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|error| error.marker().line())?;
            let line = span.start.line();
            let tag_of = |tag: Option<&granit_parser::Tag>| {
                tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix()))
            };
            let (item, anchor) = match event {
                Event::DocumentStart(_, version) => {
                    let first = YamlVersion::new(1, 1);
                    found.other_version = version.is_some_and(|version| version != first);
                    continue;
                }
                Event::DocumentEnd | Event::StreamEnd => break,
                Event::SequenceEnd | Event::MappingEnd => {
                    open.pop();
                    continue;
                }
                Event::Alias(id) => (Item::Alias(*anchors.get(&id).ok_or(line)?), 0),
                Event::Scalar(value, style, anchor, tag) => {
                    let tag = tag_of(tag.as_deref());
                    let plain = match tag.as_deref() {
                        None => style == ScalarStyle::Plain,
                        Some(tag) => tag == "!",
                    };
                    (Item::Scalar { value: value.into_owned(), plain, tag }, anchor)
                }
                Event::SequenceStart(_, anchor, _) => (Item::List(Vec::new()), anchor),
                Event::MappingStart(_, anchor, _) => (Item::Map(Vec::new()), anchor),
                _ => continue,
            };
            let at = found.items.len();
            let opens = matches!(item, Item::List(_) | Item::Map(_));
            found.items.push((item, line));
            if anchor != 0 {
                anchors.insert(anchor, at);
            }
            found.place(at, open.last_mut());
            if opens {
                open.push(Open { at, key: None });
            }
        }
        Ok(found)
    }

    /// Puts a node where it belongs.
    fn place(&mut self, at: usize, within: Option<&mut Open>) {
        let Some(within) = within else {
            self.root.get_or_insert(at);
            return;
        };
        match &mut self.items[within.at].0 {
            Item::List(list) => list.push(at),
            Item::Map(pairs) => match within.key.take() {
                Some(key) => pairs.push((key, at)),
                None => within.key = Some(at),
            },
            Item::Scalar { .. } | Item::Alias(_) => {}
        }
    }
}

/// Whether libyaml takes the first document of a text; if not, the line, where that is known.
pub(super) fn by_libyaml(text: &str) -> Result<(), Option<usize>> {
    let Some(document) = yaml_serde::Deserializer::from_str(text).next() else { return Ok(()) };
    IgnoredAny::deserialize(document)
        .map(|_| ())
        .map_err(|error| error.location().map(|at| at.line()))
}
