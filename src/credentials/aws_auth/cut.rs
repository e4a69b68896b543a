//! Entries, and groups of entries, taken out of a text of `aws-auth`: every byte of the others stays, and
//! what is left means what it meant.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};
use serde::Deserialize as _;
use yaml_serde::Value;

use crate::model::Name;

/// How deep values are read.
const DEEPEST: usize = 32;

/// What goes of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// All of it.
    Entry,
    /// These of its groups.
    Groups(BTreeSet<Name>),
}

/// Why nothing is taken out of a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Uncut {
    /// It is broken.
    #[error("it is no YAML{}", .0.map_or_else(String::new, |line| format!(" (line {line})")))]
    NoYaml(Option<usize>),
    /// It is something else than a list.
    #[error("it is no list of entries")]
    NoList,
    /// Only the first counts.
    #[error("it is more than one YAML document, of which EKS reads the first")]
    Documents,
    /// Readers of YAML differ in what they make of that.
    #[error(
        "a key stands twice in one map of it (line {0}): which of the two counts is not certain"
    )]
    Twice(usize),
    /// What it merges shows in no entry by itself.
    #[error("it merges maps (<<, line {0}): what an entry is made of stands elsewhere")]
    Merged(usize),
    /// The groups are no list of its own.
    #[error("the groups of the entry are no list that stands in it (line {0})")]
    Groups(usize),
    /// It shares its lines with something else.
    #[error(
        "the entry shares its lines with what stays (line {0}): it is written in flow style, or by a comment within it"
    )]
    Shared(usize),
    /// An anchor or the like.
    #[error(
        "what is left would not mean the same: something else refers to it, as an alias (*name) does to \
         its anchor"
    )]
    Differs,
}

/// A value, by where it stands. Of a collection that is written by indentation the end is that of the
/// last thing in it.
struct Spot {
    bytes: Range<usize>,
    line: usize,
    what: What,
}

enum What {
    Scalar { text: String, plain: bool },
    Alias,
    List { flow: bool, items: Vec<Spot> },
    Map { pairs: Vec<(Spot, Spot)> },
}

type Events<'t> = std::iter::Peekable<std::vec::IntoIter<(Event<'t>, Range<usize>, usize)>>;

/// All events of a text with their bytes and lines, without comments.
fn events(text: &str) -> Result<Events<'_>, Uncut> {
    let mut all = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Uncut::NoYaml(Some(error.marker().line())))?;
        if matches!(event, Event::Comment(..) | Event::Anchor(..)) {
            continue;
        }
        let line = span.start.line();
        let (Some(start), Some(end)) = (span.start.byte_offset(), span.end.byte_offset()) else {
            return Err(Uncut::NoYaml(Some(line)));
        };
        all.push((event, start..end.max(start), line));
    }
    Ok(all.into_iter().peekable())
}

/// The one document of a text; None where there is nothing in it.
fn document(text: &str) -> Result<Option<Spot>, Uncut> {
    let mut events = events(text)?;
    let mut found = None;
    let mut documents = 0;
    while let Some((event, ..)) = events.peek() {
        match event {
            Event::DocumentStart(..) => {
                events.next();
                documents += 1;
                let spot = spot(&mut events, 0)?;
                found = found.or(Some(spot));
            }
            _ => drop(events.next()),
        }
    }
    if documents > 1 {
        return Err(Uncut::Documents);
    }
    Ok(found)
}

fn spot(events: &mut Events<'_>, depth: usize) -> Result<Spot, Uncut> {
    let (event, bytes, line) = events.next().ok_or(Uncut::NoYaml(None))?;
    if depth > DEEPEST {
        return Err(Uncut::NoYaml(Some(line)));
    }
    match event {
        Event::Scalar(text, style, ..) => {
            let (text, plain) = (text.into_owned(), style == ScalarStyle::Plain);
            Ok(Spot { bytes, line, what: What::Scalar { text, plain } })
        }
        Event::Alias(_) => Ok(Spot { bytes, line, what: What::Alias }),
        Event::SequenceStart(style, ..) => {
            let mut items = Vec::new();
            while !matches!(events.peek(), Some((Event::SequenceEnd, ..)) | None) {
                items.push(spot(events, depth + 1)?);
            }
            let flow = style == StructureStyle::Flow;
            let end = closing(events, flow, items.last(), &bytes);
            let bytes = bytes.start..end;
            Ok(Spot { bytes, line, what: What::List { flow, items } })
        }
        Event::MappingStart(style, ..) => {
            let mut pairs = Vec::new();
            while !matches!(events.peek(), Some((Event::MappingEnd, ..)) | None) {
                let key = spot(events, depth + 1)?;
                pairs.push((key, spot(events, depth + 1)?));
            }
            let flow = style == StructureStyle::Flow;
            let last = pairs.last().map(
                |(key, value)| {
                    if value.bytes.end > key.bytes.end { value } else { key }
                },
            );
            let end = closing(events, flow, last, &bytes);
            let bytes = bytes.start..end;
            Ok(Spot { bytes, line, what: What::Map { pairs } })
        }
        _ => Err(Uncut::NoYaml(Some(line))),
    }
}

/// Where a collection ends.
fn closing(
    events: &mut Events<'_>,
    flow: bool,
    last: Option<&Spot>,
    start: &Range<usize>,
) -> usize {
    let end = events.next().map_or(start.end, |(_, bytes, _)| bytes.end);
    if flow { end } else { last.map_or(start.end, |last| last.bytes.end) }
}

/// What readers of YAML do not agree on, anywhere in a text.
fn is_plain_sailing(spot: &Spot, depth: usize) -> Result<(), Uncut> {
    match &spot.what {
        What::Scalar { .. } | What::Alias => Ok(()),
        What::List { items, .. } => {
            items.iter().try_for_each(|item| is_plain_sailing(item, depth + 1))
        }
        What::Map { pairs } => {
            let mut keys = BTreeSet::new();
            for (key, value) in pairs {
                let What::Scalar { text, plain } = &key.what else {
                    return Err(Uncut::Twice(key.line));
                };
                if *plain && text == "<<" {
                    return Err(Uncut::Merged(key.line));
                }
                // The authenticator minds no case in the keys of an entry.
                let same = if depth == 1 { text.to_lowercase() } else { text.clone() };
                if !keys.insert(same) {
                    return Err(Uncut::Twice(key.line));
                }
                is_plain_sailing(value, depth + 1)?;
            }
            Ok(())
        }
    }
}

/// The one document of a text, as a value.
fn value(text: &str) -> Result<Value, Uncut> {
    let no_yaml = |error: &yaml_serde::Error| Uncut::NoYaml(error.location().map(|at| at.line()));
    let mut documents = yaml_serde::Deserializer::from_str(text);
    let Some(first) = documents.next() else { return Ok(Value::Null) };
    let value = Value::deserialize(first).map_err(|error| no_yaml(&error))?;
    if documents.next().is_some() { Err(Uncut::Documents) } else { Ok(value) }
}

/// What is replaced by what.
type Edit = (Range<usize>, &'static str);

/// Takes these entries, by their places, or their groups, out of a text.
///
/// # Errors
/// Where what is left would not be every byte of the rest, with the same meaning.
pub(crate) fn without(text: &str, cuts: &BTreeMap<usize, Cut>) -> Result<String, Uncut> {
    let spot = document(text)?.ok_or(Uncut::NoList)?;
    is_plain_sailing(&spot, 0)?;
    let What::List { flow, items } = &spot.what else { return Err(Uncut::NoList) };
    let Value::Sequence(old) = value(text)? else { return Err(Uncut::NoList) };
    if old.len() != items.len() || cuts.keys().any(|at| *at >= items.len()) {
        return Err(Uncut::NoList);
    }
    let whole: BTreeSet<usize> =
        cuts.iter().filter(|(_, cut)| **cut == Cut::Entry).map(|(at, _)| *at).collect();
    let mut edits: Vec<Edit> = items_out(text, *flow, items, &whole)?;
    let mut wanted = Vec::new();
    for (at, entry) in old.into_iter().enumerate() {
        match cuts.get(&at) {
            None => wanted.push(entry),
            Some(Cut::Entry) => {}
            Some(Cut::Groups(gone)) => {
                let (more, entry) = groups_out(text, &items[at], entry, gone)?;
                edits.extend(more);
                wanted.push(entry);
            }
        }
    }
    let left = edited(text, edits).ok_or(Uncut::Shared(spot.line))?;
    means(&left, &wanted)?;
    Ok(left)
}

/// That a text means exactly this list.
fn means(text: &str, wanted: &[Value]) -> Result<(), Uncut> {
    let broken = |_| Uncut::Differs;
    if let Some(spot) = document(text).map_err(broken)? {
        is_plain_sailing(&spot, 0).map_err(broken)?;
    }
    match value(text).map_err(broken)? {
        Value::Null if wanted.is_empty() => Ok(()),
        Value::Sequence(have) if have == wanted => Ok(()),
        _ => Err(Uncut::Differs),
    }
}

/// The text with all of it done; None where two of them are about the same bytes.
fn edited(text: &str, mut edits: Vec<Edit>) -> Option<String> {
    edits.sort_by_key(|(bytes, _)| (bytes.start, bytes.end));
    let (mut left, mut from) = (String::with_capacity(text.len()), 0);
    for (bytes, instead) in edits {
        left.push_str(text.get(from..bytes.start)?);
        left.push_str(instead);
        from = bytes.end;
    }
    left.push_str(text.get(from..)?);
    Some(left)
}

/// What takes some items out of a list.
fn items_out(
    text: &str,
    flow: bool,
    items: &[Spot],
    gone: &BTreeSet<usize>,
) -> Result<Vec<Edit>, Uncut> {
    if flow {
        return flow_items_out(text, items, gone);
    }
    gone.iter().filter_map(|at| items.get(*at)).map(|item| lines_of(text, item)).collect()
}

/// The lines of an item of a list that is written with dashes, from the dash on.
fn lines_of(text: &str, item: &Spot) -> Result<Edit, Uncut> {
    let shared = Uncut::Shared(item.line);
    let start_of =
        |at: usize| text.get(..at).and_then(|head| head.rfind('\n')).map_or(0, |at| at + 1);
    let mut start = start_of(item.bytes.start);
    let mut line = text.get(start..item.bytes.start).unwrap_or_default();
    loop {
        let trimmed = line.trim();
        if let Some(rest) = trimmed.strip_prefix('-') {
            // Behind the dash stands nothing but what belongs to the item: an anchor, a tag, a comment.
            let rest = rest.split('#').next().unwrap_or_default();
            let own = |word: &str| word.starts_with(['&', '!']);
            if rest.is_empty() || rest.starts_with([' ', '\t']) && rest.split_whitespace().all(own)
            {
                break;
            }
            return Err(shared);
        }
        // The item stands below its dash.
        let own = |word: &str| word.starts_with(['&', '!']);
        let passes = trimmed.starts_with('#') || trimmed.split_whitespace().all(own);
        if !passes || start == 0 {
            return Err(shared);
        }
        let before = start - 1;
        start = start_of(before);
        line = text.get(start..before).unwrap_or_default();
    }
    // A text in several lines (`|`) ends behind the blank lines that follow it, which stay.
    let own = text.get(start..item.bytes.end.max(item.bytes.start)).unwrap_or_default();
    let end = start + own.trim_end().len();
    let rest = text.get(end..).unwrap_or_default();
    let (tail, after) =
        rest.find('\n').map_or((rest, text.len()), |at| (&rest[..at], end + at + 1));
    let tail = tail.trim();
    if tail.is_empty() || tail.starts_with('#') { Ok((start..after, "")) } else { Err(shared) }
}

/// What takes items out of a list in brackets: with a comma, and nothing else but blanks.
fn flow_items_out(text: &str, items: &[Spot], gone: &BTreeSet<usize>) -> Result<Vec<Edit>, Uncut> {
    let blank = |bytes: Range<usize>, line: usize| {
        let between = text.get(bytes).unwrap_or("#");
        let only = between.chars().all(|one| one == ',' || one.is_whitespace());
        if only { Ok(()) } else { Err(Uncut::Shared(line)) }
    };
    let stays: Vec<usize> = (0..items.len()).filter(|at| !gone.contains(at)).collect();
    let mut edits = Vec::new();
    for at in gone {
        let Some(item) = items.get(*at) else { continue };
        let own = &item.bytes;
        // Up to the next one; of those behind the last that stays, from the end of the one before.
        let last = stays.last().is_none_or(|last| last < at);
        let before = at.checked_sub(1).and_then(|at| items.get(at)).filter(|_| !stays.is_empty());
        let bytes = match (items.get(at + 1).filter(|_| !last), before) {
            (Some(next), _) => {
                blank(own.end..next.bytes.start, item.line)?;
                own.start..next.bytes.start
            }
            (None, Some(before)) => {
                blank(before.bytes.end..own.start, item.line)?;
                before.bytes.end..own.end
            }
            (None, None) => {
                // All of them go, each with the comma behind it.
                let end = items.get(at + 1).map_or(own.end, |next| next.bytes.start);
                blank(own.end..end, item.line)?;
                own.start..end
            }
        };
        edits.push((bytes, ""));
    }
    Ok(edits)
}

/// What takes groups out of an entry, and the entry as it means then.
fn groups_out(
    text: &str,
    entry: &Spot,
    mut value: Value,
    gone: &BTreeSet<Name>,
) -> Result<(Vec<Edit>, Value), Uncut> {
    let no_list = Uncut::Groups(entry.line);
    let What::Map { pairs } = &entry.what else { return Err(no_list) };
    let is_groups = |key: &Spot| matches!(&key.what, What::Scalar { text, .. } if text.eq_ignore_ascii_case("groups"));
    let Some((key, groups)) = pairs.iter().find(|(key, _)| is_groups(key)) else {
        return Err(no_list);
    };
    let What::List { flow, items } = &groups.what else { return Err(no_list) };
    let Value::Mapping(map) = &mut value else { return Err(no_list) };
    let held = map
        .iter_mut()
        .find(|(key, _)| key.as_str().is_some_and(|key| key.eq_ignore_ascii_case("groups")));
    let Some((_, Value::Sequence(held))) = held else { return Err(no_list) };
    if held.len() != items.len() {
        return Err(no_list);
    }
    let is_gone = |group: &Value| group.as_str().is_some_and(|name| gone.contains(name));
    let out: BTreeSet<usize> =
        held.iter().enumerate().filter(|(_, group)| is_gone(group)).map(|(at, _)| at).collect();
    held.retain(|group| !is_gone(group));
    let mut edits = items_out(text, *flow, items, &out)?;
    if held.is_empty() && !*flow && !out.is_empty() {
        let behind = text.get(key.bytes.end..).unwrap_or_default();
        let colon = behind.find(':').filter(|at| behind[..*at].trim().is_empty());
        let at = key.bytes.end + colon.ok_or(no_list)? + 1;
        edits.push((at..at, " []"));
    }
    Ok((edits, value))
}

#[cfg(test)]
mod tests;
