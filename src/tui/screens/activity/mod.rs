//! What somebody did: by day, from where, with what, as whom, and what for.

mod behind;
mod calendar;

use chrono::{DateTime, Utc};

pub use calendar::spark;

use super::help::beside;
use crate::book::{Book, Entry, IdentityActivity, Seen};
use crate::model::Name;
use crate::tui::job::PageData;
use crate::tui::text::{figure, fit, plural, short_figure};
use crate::tui::theme::Slot;
use crate::tui::time::{ago, moment};
use crate::tui::widgets::Line;
use crate::tui::words;

type Lines = Vec<Line<'static>>;

/// How many addresses, agents and credentials are listed each.
const LISTED: usize = 12;

/// From this width on the days stand beside the rest.
const BESIDE: usize = 76;

/// All of it.
pub fn lines(
    book: &Book,
    entry: &Entry,
    data: Option<&PageData>,
    now: DateTime<Utc>,
    width: usize,
) -> Lines {
    let Some(activity) = entry.activity.as_deref() else {
        return without(book, entry);
    };
    let days = calendar::lines(book, activity, if width < BESIDE { width } else { width / 2 });
    let facts = facts(book, activity, now);
    let mut lines = if width < BESIDE || days.is_empty() {
        let mut lines = facts;
        lines.push(Line::new());
        lines.extend(days);
        lines
    } else {
        let wide = days.iter().map(Line::width).max().unwrap_or(0) + 3;
        let mut facts = facts;
        // The first lines are what the preview shows: the newest of each stand there.
        facts.extend(actors(activity, now, width.saturating_sub(wide + 2)));
        beside(days, &facts, wide)
    };
    if width < BESIDE || lines.is_empty() {
        lines.push(Line::new());
        lines.extend(actors(activity, now, width.saturating_sub(2)));
    }
    impersonation(&mut lines, activity, now);
    truncated(&mut lines, activity);
    behind::lines(&mut lines, data.and_then(|data| data.behind.as_ref()), now, width);
    signs(&mut lines, entry);
    uses(&mut lines, data, now, width);
    lines
}

/// Where the log shows nothing.
fn without(book: &Book, entry: &Entry) -> Lines {
    let mut lines = Vec::new();
    let seen = crate::query::Seen::of(book, entry);
    let said = match seen {
        crate::query::Seen::Reading => "The log is still being read.".to_owned(),
        crate::query::Seen::LeftOut => {
            "Not known: the log names more identities than are kept, the last seen of them."
                .to_owned()
        }
        crate::query::Seen::NotLogged => {
            "Not known: the audit policy leaves its requests out of the log.".to_owned()
        }
        crate::query::Seen::NotIn(0) => "Not in the log, which covers less than a day.".to_owned(),
        crate::query::Seen::NotIn(days) => {
            let days = usize::try_from(days).unwrap_or_default();
            format!("Not in the log, which covers {}.", plural(days, "day"))
        }
        _ => "There is no log: --audit FILE shows who did what.".to_owned(),
    };
    lines.push(Line::of(said, Slot::Muted));
    signs(&mut lines, entry);
    lines
}

/// Signs of life that the cluster itself shows, each with what it cannot tell.
fn signs(lines: &mut Lines, entry: &Entry) {
    if entry.hints.is_empty() {
        return;
    }
    lines.push(Line::new());
    lines.push(Line::of("signs in the cluster, no log's word", Slot::Heading));
    for hint in &entry.hints {
        lines.push(
            Line::of(format!("{} ", words::SIGN), Slot::Unknown)
                .then(format!("{}  {}", moment(hint.at), hint.object), Slot::Base)
                .then(format!("  {}", hint.source.weakness()), Slot::Muted),
        );
    }
}

fn facts(book: &Book, activity: &IdentityActivity, now: DateTime<Utc>) -> Lines {
    let mut counts =
        Line::of(figure(activity.requests), Slot::Strong).then(" requests", Slot::Base);
    if activity.denied > 0 {
        counts.push(format!("  {} denied", figure(activity.denied)), Slot::Warn);
    }
    if activity.undecided > 0 {
        counts.push(format!("  {} undecided", figure(activity.undecided)), Slot::Unknown);
    }
    let when = |time: Option<DateTime<Utc>>| match time {
        None => Line::of(words::not_in_log(book), Slot::Warn),
        Some(time) => Line::plain(ago(time, now)),
    };
    let mut times = Line::of("last ", Slot::Muted);
    times.0.extend(when(activity.last_seen).0);
    times.push("  allowed ", Slot::Muted);
    times.0.extend(when(activity.last_allowed).0);
    times.push("  write ", Slot::Muted);
    times.0.extend(when(activity.last_write).0);
    times.push("  first ", Slot::Muted);
    times.0.extend(when(activity.first_seen).0);
    let by_others = activity.impersonated_by.values().filter_map(|by| by.last_seen).max();
    let by_others = by_others.map(|time| {
        Line::of("last by others, in its name, ", Slot::Muted).then(ago(time, now), Slot::Base)
    });
    [counts, times].into_iter().chain(by_others).collect()
}

/// Addresses, agents and credentials: the newest of each first, so that a few lines show some of
/// each, and then the rest.
fn actors(activity: &IdentityActivity, now: DateTime<Utc>, width: usize) -> Lines {
    let credentials: Vec<Seen> = activity
        .credentials
        .iter()
        .map(|have| Seen {
            value: Name::from(format!("{} {}", have.kind, have.id)),
            first_seen: have.first_seen,
            last_seen: have.last_seen,
            requests: have.requests,
        })
        .collect();
    let mut lines = Lines::new();
    for (title, list) in
        [("from", &activity.addresses), ("with", &activity.agents), ("by", &credentials)]
    {
        for (at, seen) in list.iter().take(LISTED).enumerate() {
            let label = if at == 0 { title } else { "" };
            lines.push(actor(label, seen, now, width));
        }
        if list.len() > LISTED {
            let more = format!("      and {} more", list.len() - LISTED);
            lines.push(Line::of(more, Slot::Muted));
        }
    }
    lines
}

fn actor(label: &str, seen: &Seen, now: DateTime<Utc>, width: usize) -> Line<'static> {
    let when = ago(seen.last_seen, now);
    let count = short_figure(seen.requests);
    let room = width.saturating_sub(6 + 12).clamp(8, 60);
    let value = fit(&seen.value, room).into_owned();
    let pad = " ".repeat(room.saturating_sub(crate::tui::text::width(&value)));
    Line::of(format!("{label:<6}"), Slot::Muted)
        .then(value, Slot::Base)
        .then(format!("{pad} {when:>5}"), Slot::Base)
        .then(format!(" {count:>5}"), Slot::Muted)
}

fn requests_of(count: u64) -> String {
    plural(count, "request")
}

fn impersonation(lines: &mut Lines, activity: &IdentityActivity, now: DateTime<Utc>) {
    if !activity.impersonated_as.is_empty() {
        lines.push(Line::new());
        lines.push(Line::of("acted as others", Slot::Heading));
        for (identity, requests) in &activity.impersonated_as {
            lines.push(
                Line::plain(format!("  as {identity}"))
                    .then(format!("  {}", requests_of(*requests)), Slot::Muted),
            );
        }
    }
    if !activity.impersonated_by.is_empty() {
        lines.push(Line::new());
        lines.push(Line::of("others acted as this one, not counted above", Slot::Heading));
        for (identity, by) in &activity.impersonated_by {
            let last =
                by.last_seen.map_or_else(String::new, |time| format!(", {}", ago(time, now)));
            lines.push(
                Line::plain(format!("  {identity}"))
                    .then(format!("  {}{last}", requests_of(by.requests)), Slot::Muted),
            );
        }
    }
}

fn truncated(lines: &mut Lines, activity: &IdentityActivity) {
    let cut: Vec<String> = activity
        .truncated
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(what, count)| format!("{} {what}", figure(*count)))
        .collect();
    if !cut.is_empty() {
        lines.push(Line::of(format!("counted but not kept: {}", cut.join(", ")), Slot::Unknown));
    }
}

/// What the rights were used for, the latest first.
fn uses(lines: &mut Lines, data: Option<&PageData>, now: DateTime<Utc>, width: usize) {
    let Some(data) = data.filter(|data| !data.uses.is_empty()) else {
        return;
    };
    lines.push(Line::new());
    let room = width.saturating_sub(2 + 28).clamp(20, 70);
    let head = format!("{:<room$} {:>5} {:>8} {:>7}", "used for", "last", "allowed", "denied");
    lines.push(Line::of(head, Slot::Heading));
    for use_ in &data.uses {
        let what = fit(&words::call(&use_.call), room).into_owned();
        let pad = " ".repeat(room.saturating_sub(crate::tui::text::width(&what)));
        let mut line = Line::plain(what);
        line.push(format!("{pad} {:>5}", ago(use_.last_seen, now)), Slot::Base);
        line.push(format!(" {:>8}", short_figure(use_.allowed)), Slot::Muted);
        let slot = if use_.denied > 0 { Slot::Warn } else { Slot::Faint };
        line.push(format!(" {:>7}", short_figure(use_.denied)), slot);
        lines.push(line);
    }
}
