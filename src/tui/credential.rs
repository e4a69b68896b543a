//! Credentials in words: the cells of their rows, and one in full.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::job::Frame;
use super::text::{figure, plural, width as width_of, wrap};
use super::theme::Slot;
use super::time::{ago, day, days, moment};
use super::widgets::Line;
use super::words;
use crate::change::plan::what_ends;
use crate::credentials::{Bound, Credential, Expires, Hand, LastUse, Made, Standing, words_beyond};
use crate::model::{Name, distinct};

type Lines = Vec<Line<'static>>;

/// What it is called in a row: the fingerprint of a certificate is cut.
pub fn id(credential: &Credential) -> Cow<'_, str> {
    match credential.id.strip_prefix("X509SHA256=").and_then(|hex| hex.get(..16)) {
        Some(hex) => format!("X509SHA256={hex}…").into(),
        None => distinct(&credential.id),
    }
}

/// Whether the API server takes it.
pub fn standing(standing: &Standing) -> Line<'static> {
    let slot = match standing {
        Standing::Good => Slot::Base,
        Standing::NotKnown(_) => Slot::Unknown,
        Standing::Refused(_) | Standing::Expired => Slot::Muted,
    };
    Line::of(standing.as_str(), slot)
}

/// When it ends by itself: `in 3d`, `never`, `not known`.
pub fn expires(expires: &Expires, now: DateTime<Utc>) -> Line<'static> {
    match expires {
        Expires::At(at) if *at <= now => Line::of(phrase(*at, now), Slot::Muted),
        Expires::At(at) => Line::plain(ago(*at, now)),
        Expires::Never => Line::of("never", Slot::Warn),
        Expires::NotKnown(_) => Line::of("not known", Slot::Unknown),
    }
}

/// When it was last presented, with the weakness of what tells it.
pub fn last_use(used: &LastUse, now: DateTime<Utc>) -> Line<'static> {
    match used {
        LastUse::Log { at, .. } => Line::plain(ago(*at, now)),
        LastUse::Label { day, attempt } => {
            let what = if *attempt { "tried " } else { "" };
            Line::of(format!("{} {what}{day}", words::SIGN), Slot::Unknown)
        }
        LastUse::NotSince(since) => {
            Line::of(format!("{} not since {}", words::SIGN, day(*since)), Slot::Warn)
        }
        LastUse::NotInLog(whole) => Line::of(format!("not in {}", days(*whole)), Slot::Warn),
        LastUse::NotKnown(_) => Line::of("not known", Slot::Unknown),
    }
}

/// When it was made, and, where there is room, that it was by hand.
pub fn issued(credential: &Credential, now: DateTime<Utc>, columns: usize) -> Line<'static> {
    let line = credential.issued.map_or_else(Line::new, |at| Line::plain(ago(at, now)));
    let (how, slot) = match &credential.made {
        Some(Made::ByHand) => ("by hand".to_owned(), Slot::Warn),
        Some(Made::By(who)) => {
            let whose = who.as_who.iter().map(|who| format!(" as {}", distinct(&who.name)));
            (format!("by {}{}", distinct(&who.by.name), whose.collect::<String>()), Slot::Base)
        }
        Some(Made::Automatically) | None => return line,
    };
    let made = if line.0.is_empty() { how } else { format!(" {how}") };
    if line.width() + width_of(&made) <= columns {
        return line.then(made, slot);
    }
    // Where there is less room, at least that it was by hand: what the controller made reads otherwise.
    let short = " hand";
    let is_by_hand = credential.made == Some(Made::ByHand);
    let fits = is_by_hand && line.width() + width_of(short) <= columns;
    if fits { line.then(short, slot) } else { line }
}

/// `2h ago`, `in 5m`, `now`.
fn phrase(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let word = ago(time, now);
    if word == "now" || word.starts_with("in ") { word } else { format!("{word} ago") }
}

fn exactly(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} UTC ({})", moment(time), phrase(time, now))
}

/// What would revoke it, and what has to be known first: as much as a few lines hold.
pub fn short(credential: &Credential, width: usize) -> Lines {
    let mut lines: Lines = wrap(&format!("revoke: {}", credential.revoke), width)
        .into_iter()
        .take(2)
        .map(Line::plain)
        .collect();
    let state = match &credential.standing {
        Standing::Refused(why) => Some((format!("refused: {why}"), Slot::Muted)),
        Standing::NotKnown(why) => Some((format!("not known: {why}"), Slot::Unknown)),
        Standing::Good | Standing::Expired => None,
    };
    let state = state
        .iter()
        .flat_map(|(text, slot)| wrap(text, width).into_iter().map(|text| Line::of(text, *slot)));
    lines.extend(state);
    let notes = credential.notes.iter().flat_map(|note| wrap(note, width));
    lines.extend(notes.map(|text| Line::of(text, Slot::Unknown)));
    lines
}

/// All that is known of it.
pub fn describe(credential: &Credential, frame: Frame) -> Lines {
    let Frame { now, width } = frame;
    let field = |label: &str, text: String| -> Lines {
        const LABEL: usize = 14;
        let mut parts = wrap(&text, width.saturating_sub(LABEL).max(10)).into_iter();
        let first = Line::of(format!("{label:<LABEL$}"), Slot::Muted)
            .then(parts.next().unwrap_or_default(), Slot::Base);
        let rest = parts.map(|text| Line::plain(format!("{:LABEL$}{text}", "")));
        std::iter::once(first).chain(rest).collect()
    };
    let names = |list: &[Name]| {
        list.iter().map(|name| distinct(name).into_owned()).collect::<Vec<_>>().join(", ")
    };
    let mut lines = field("Credential", distinct(&credential.id).into_owned());
    lines.extend(field("Kind", credential.kind.as_str().to_owned()));
    lines.extend(field("Of", words::full(&credential.identity)));
    let state = match &credential.standing {
        Standing::Refused(why) => format!("refused: {why}"),
        Standing::NotKnown(why) => format!("not known: {why}"),
        other => other.as_str().to_owned(),
    };
    lines.extend(field("State", state));
    let made = match &credential.made {
        Some(Made::ByHand) => ", by hand".to_owned(),
        Some(Made::Automatically) => ", by the controller".to_owned(),
        Some(Made::By(who)) => {
            let whose = who.as_who.iter().map(|who| format!(" as {}", words::full(who)));
            format!(", by {}{}", words::full(&who.by), whose.collect::<String>())
        }
        None => String::new(),
    };
    let issued = credential.issued.map_or_else(|| "not known".to_owned(), |at| exactly(at, now));
    lines.extend(field("Made", format!("{issued}{made}")));
    let expires = match credential.expires {
        Expires::At(at) => exactly(at, now),
        Expires::Never => "never by itself".to_owned(),
        Expires::NotKnown(why) => format!("not known: {why}"),
    };
    lines.extend(field("Expires", expires));
    match &credential.bound {
        None => {}
        Some(Bound::NotKnown(why)) => lines.extend(field("Bound to", format!("not known: {why}"))),
        Some(bound) => lines.extend(field("Bound to", distinct(&bound.to_string()).into_owned())),
    }
    match &credential.last_use {
        LastUse::Log { at, first, requests, addresses, agents, more } => {
            lines.extend(field("Last used", format!("{}, by the log", exactly(*at, now))));
            lines.extend(field("First used", exactly(*first, now)));
            lines.extend(field("Requests", figure(*requests)));
            let and = |list: &[Name], beyond: usize, without: u64| {
                let text = words_beyond(beyond, without);
                names(list) + if list.is_empty() { text.trim_start_matches(", ") } else { &text }
            };
            let from = and(addresses, more.addresses, more.requests_without_address);
            lines.extend(field("From", from));
            lines.extend(field("With", and(agents, more.agents, more.requests_without_agent)));
        }
        LastUse::Label { day, attempt } => {
            let tried = if *attempt { ", or a refused attempt" } else { "" };
            lines.extend(field("Last used", format!("{day}, by the Secret's label{tried}")));
        }
        LastUse::NotSince(since) => {
            let text = format!("not since {}, by the API server's own tracking", day(*since));
            lines.extend(field("Last used", text));
        }
        LastUse::NotInLog(whole) => {
            let text = format!("not in the log, which covers {}", days(*whole));
            lines.extend(field("Last used", text));
        }
        LastUse::NotKnown(why) => lines.extend(field("Last used", format!("not known: {why}"))),
    }
    if !credential.groups.is_empty() {
        lines.extend(field("Carries", names(&credential.groups)));
    }
    lines.push(Line::new());
    lines.extend(field("Revoke", credential.revoke.to_string()));
    if !credential.notes.is_empty() {
        lines.push(Line::new());
        lines.push(Line::of(plural(credential.notes.len(), "note"), Slot::Strong));
        let notes = credential.notes.iter().flat_map(|note| wrap(note, width.saturating_sub(2)));
        lines.extend(notes.map(|text| Line::plain(format!("  {text}"))));
    }
    lines
}

/// What somebody has in hand that authenticates others, until when, and what ends it; nothing where there
/// is nothing.
pub fn in_hand_lines(hand: &Hand, width: usize) -> Lines {
    let mut lines = Lines::new();
    if hand.is_empty() {
        return lines;
    }
    lines.push(Line::new());
    lines.push(Line::of("In hand, of others: no cut of a grant ends it", Slot::Strong));
    let asked = hand.asked.iter().map(|one| (one.what(), format!("it is good {}", one.until())));
    let known = hand.known.iter().map(|one| {
        let ends = format!("what ends it: {}", what_ends(&one.credential));
        (format!("{}: {}", one.what(), one.until()), ends)
    });
    for (text, ends) in asked.chain(known) {
        for (text, slot) in [(text, Slot::Warn), (ends, Slot::Muted)] {
            let parts = wrap(&text, width.saturating_sub(2).max(10));
            lines.extend(parts.into_iter().map(|part| Line::of(format!("  {part}"), slot)));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::tests::world::{World, day};

    #[test]
    fn by_hand_is_said_wherever_the_age_leaves_any_room() {
        let world = World::new().account("a", "x").object(&serde_json::json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"namespace": "a", "name": "t", "creationTimestamp": day(0),
                "annotations": {"kubernetes.io/service-account.name": "x"}}}));
        let book = world.book();
        let token = crate::credentials::inventory(&book).credentials.remove(0);
        let told = |days: i64, columns: usize| {
            let line = issued(&token, day(days), columns);
            line.0.iter().map(|piece| piece.text.to_string()).collect::<String>()
        };
        assert_eq!(told(9, 10), "9d by hand");
        assert_eq!(told(12, 10), "12d hand");
        assert_eq!(told(12, 11), "12d by hand");
        assert_eq!(told(12, 6), "12d");
    }
}
