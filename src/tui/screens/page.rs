//! An identity's page, and the same in small below the list.

use ratatui::layout::Rect;

use super::{
    activity, credentials, empty, findings, grants, groups, permissions, reach, workloads,
};
use crate::book::{Book, Entry};
use crate::model::SubjectKind;
use crate::query::Seen;
use crate::tui::job::PageData;
use crate::tui::layers::PageView;
use crate::tui::layout::Parts;
use crate::tui::state::{FeedId, State};
use crate::tui::tabs::Tab;
use crate::tui::theme::Slot;
use crate::tui::widgets::{Canvas, Line, Scroll};
use crate::tui::words;

/// What is left at least of a name before tabs.
const NAME: usize = 17;

/// What a tab is drawn from.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) state: &'a State,
    pub(super) feed: FeedId,
    pub(super) book: &'a Book,
    pub(super) entry: &'a Entry,
    pub(super) data: Option<&'a PageData>,
}

pub(super) fn draw(state: &State, page: &PageView, canvas: &mut Canvas<'_, '_>, parts: &Parts) {
    let area = parts.bar;
    let Some((book, entry)) = state.entry(page.who) else {
        canvas.put(area.x + 1, area.y, area.width, &words::name(&page.identity), Slot::Strong);
        empty(canvas, parts.body, "It is no longer there. esc goes back.");
        return;
    };
    let feed = page.who.feed;
    let subject = Subject { state, feed, book, entry, data: page.data.as_deref() };
    canvas.line(area.x + 1, area.y, area.width.saturating_sub(2), &facts(subject));
    let tabs = tabs(subject, page.tab, usize::from(area.width).saturating_sub(2));
    canvas.line(area.x + 1, area.y + 1, area.width.saturating_sub(2), &tabs);
    canvas.rule(area, area.y + 2);
    match page.tab {
        Tab::Activity => {
            let width = parts.body.width.into();
            let lines = activity::lines(book, entry, subject.data, state.now, width);
            super::lines(canvas, parts.body, &lines, page.scroll().offset);
        }
        Tab::Reach => {
            let lines = reach::lines(book, entry, page.reach.as_deref(), parts.body.width.into());
            super::lines(canvas, parts.body, &lines, page.scroll().offset);
        }
        Tab::Workloads => {
            let lines = workloads::lines(entry, subject.data, parts.body.width.into());
            super::lines(canvas, parts.body, &lines, page.scroll().offset);
        }
        tab => {
            rows(subject, tab, canvas, parts.heads, parts.body, Some(page.scroll()));
            if parts.preview.height > 0 {
                canvas.rule(parts.tabs, parts.tabs.y);
                detail(subject, tab, page.scroll().cursor, canvas, parts.preview);
            }
        }
    }
}

/// Who it is, in one line.
fn facts(subject: Subject<'_>) -> Line<'static> {
    let Subject { state, book, entry, .. } = subject;
    let name = words::with_alias(book, &entry.identity, words::name(&entry.identity));
    let mut line = Line::of(name, Slot::Strong);
    let kind = entry.identity.kind.as_str();
    line.push(format!("  {kind}"), Slot::Muted);
    line.push(" · ", Slot::Faint);
    line.0.extend(words::access(book, entry).0);
    line.push(" · ", Slot::Faint);
    let seen = Seen::of(book, entry);
    if matches!(seen, Seen::At(_) | Seen::InItsName(_)) {
        line.push("seen ", Slot::Muted);
    }
    line.0.extend(words::seen(seen, state.now).0);
    if let Some((used, held)) = entry.used {
        line.push(" · ", Slot::Faint);
        line.push(format!("{used}/{held} used"), Slot::Base);
    }
    if entry.existence == crate::book::Existence::Missing {
        line.push(" · ", Slot::Faint);
        line.push("does not exist", Slot::Danger);
    }
    if !entry.groups_known && entry.identity.kind == SubjectKind::User {
        line.push(" · ", Slot::Faint);
        line.push("groups unknown", Slot::Unknown);
    }
    line
}

/// The tabs with what is in them, the chosen one set apart. Where they do not fit, only the chosen
/// one says how much is in it, and they stand closer; where that does not fit either, those around it
/// stay.
fn tabs(subject: Subject<'_>, chosen: Tab, room: usize) -> Line<'static> {
    let of_group = subject.entry.identity.kind == SubjectKind::Group;
    let last = Tab::ALL.len() - 1;
    let row = |(from, until): (usize, usize), counted: bool, gap: &'static str| {
        let mut line = Line::new();
        if from > 0 {
            line.push("‹ ", Slot::Muted);
        }
        for (at, tab) in Tab::ALL.into_iter().enumerate().take(until + 1).skip(from) {
            if at > from {
                line.push(gap, Slot::Base);
            }
            let slot = if tab == chosen { Slot::Accent } else { Slot::Muted };
            line.push(tab.title(of_group), slot);
            if let Some(count) = count(subject, tab).filter(|_| counted || tab == chosen) {
                line.push(format!(" {count}"), Slot::Muted);
            }
        }
        if until < last {
            line.push(" ›", Slot::Muted);
        }
        line
    };
    let whole = [(true, "  "), (false, "  "), (false, " ")]
        .map(|(counted, gap)| row((0, last), counted, gap));
    if let Some(whole) = whole.into_iter().find(|line| line.width() <= room) {
        return whole;
    }
    let chosen = chosen as usize;
    (0..=chosen)
        .flat_map(|from| (chosen..=last).rev().map(move |until| (from, until)))
        .map(|range| row(range, false, "  "))
        .find(|line| line.width() <= room)
        .unwrap_or_else(|| row((chosen, chosen), false, "  "))
}

/// How much is in a tab, where that is a number.
fn count(subject: Subject<'_>, tab: Tab) -> Option<usize> {
    let entry = subject.entry;
    let of_people = entry.identity.kind != SubjectKind::ServiceAccount;
    match tab {
        Tab::Permissions => subject.data.map(|data| data.matrix.len()),
        Tab::Grants => Some(entry.grants.len()),
        Tab::Credentials => subject.data.map(|data| data.credentials.len()),
        Tab::Activity | Tab::Reach => None,
        Tab::Workloads => subject.data.filter(|_| !of_people).map(|data| data.workloads.len()),
        Tab::Findings => Some(entry.findings.len()),
        Tab::Groups => Some(groups::count(entry)),
    }
}

/// The rows of a tab with the heads of their columns.
fn rows(
    subject: Subject<'_>,
    tab: Tab,
    canvas: &mut Canvas<'_, '_>,
    heads: Rect,
    body: Rect,
    scroll: Option<Scroll>,
) {
    match tab {
        Tab::Permissions => permissions::draw(subject, canvas, heads, body, scroll),
        Tab::Grants => grants::draw(subject, canvas, heads, body, scroll),
        Tab::Findings => findings::tab(subject, canvas, heads, body, scroll),
        Tab::Groups => groups::draw(subject, canvas, heads, body, scroll),
        Tab::Credentials => credentials::tab(subject, canvas, heads, body, scroll),
        Tab::Activity | Tab::Reach | Tab::Workloads => {}
    }
}

/// More of the row under the cursor.
fn detail(subject: Subject<'_>, tab: Tab, at: usize, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let width = usize::from(area.width).saturating_sub(2);
    let lines = match tab {
        Tab::Permissions => permissions::detail(subject, at),
        Tab::Grants => grants::detail(subject, at),
        Tab::Findings => {
            let finding = subject.entry.findings.get(at);
            findings::detail(subject.state, finding, (width, area.height.into()))
        }
        Tab::Groups => groups::detail(subject, width),
        Tab::Credentials => credentials::detail(subject, at, width),
        Tab::Activity | Tab::Reach | Tab::Workloads => Vec::new(),
    };
    super::lines(canvas, area, &lines, 0);
}

/// The page in small, below the list.
pub(super) fn preview(state: &State, canvas: &mut Canvas<'_, '_>, parts: &Parts) {
    if parts.preview.height == 0 {
        return;
    }
    canvas.rule(parts.tabs, parts.tabs.y);
    let Some(who) = state.list.current() else {
        return;
    };
    let Some((book, entry)) = state.entry(who) else {
        return;
    };
    let data = state.list.preview.as_deref().filter(|data| data.who == who);
    let subject = Subject { state, feed: who.feed, book, entry, data };
    let y = parts.tabs.y + 1;
    let width = parts.tabs.width.saturating_sub(2);
    let tabs = tabs(subject, state.list.tab, usize::from(width).saturating_sub(NAME + 3));
    // The tabs stay whole; the name before them gives way.
    let room = usize::from(width).saturating_sub(tabs.width() + 3).max(NAME);
    let mut name = words::name(&entry.identity);
    if state.listed().count() > 1 {
        name = format!("{name} · {}", book.snapshot.cluster.name);
    }
    let name = crate::tui::text::fit(&name, room.min(40));
    let mut line = Line::of(name.into_owned(), Slot::Strong).then("   ", Slot::Base);
    line.0.extend(tabs.0);
    canvas.line(parts.tabs.x + 1, y, width, &line);
    let area = parts.preview;
    match state.list.tab {
        Tab::Activity => {
            let lines = activity::lines(book, entry, data, state.now, area.width.into());
            super::lines(canvas, area, &lines, 0);
        }
        Tab::Reach => {
            let reach = state.list.reach.as_deref().filter(|data| data.who == who);
            let lines = reach::lines(book, entry, reach, area.width.into());
            super::lines(canvas, area, &lines, 0);
        }
        Tab::Workloads => {
            let lines = workloads::lines(entry, data, area.width.into());
            super::lines(canvas, area, &lines, 0);
        }
        tab => {
            let heads = Rect { height: 1, ..area };
            let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
            rows(subject, tab, canvas, heads, body, None);
        }
    }
}
