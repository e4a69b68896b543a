//! In which groups somebody is, and where that is known from; of a group, who is in it.

use ratatui::layout::Rect;

use super::page::Subject;
use super::{cursor, empty, inner, row_area};
use crate::book::{Entry, Membership};
use crate::model::{Identity, SubjectKind, distinct};
use crate::query::Seen;
use crate::tui::text::wrap;
use crate::tui::theme::Slot;
use crate::tui::time::ago;
use crate::tui::widgets::{Canvas, Column, Columns, Line, Scroll};
use crate::tui::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Id {
    Name,
    Source,
    Access,
    Seen,
}

fn columns(width: u16, of_group: bool) -> Columns<Id> {
    let (name, second) = if of_group {
        ("MEMBER", Column::new(Id::Access, "ACCESS", 15, 15, 2))
    } else {
        ("GROUP", Column::new(Id::Source, "KNOWN FROM", 12, 12, 0))
    };
    let seen = Column::new(Id::Seen, "LAST SEEN", 10, 18, 1);
    Columns::new(&[Column::new(Id::Name, name, 20, 60, 0), second, seen], width)
}

/// How many rows the tab has.
pub fn count(entry: &Entry) -> usize {
    match entry.identity.kind {
        SubjectKind::Group => entry.members.len(),
        _ => entry.groups.len(),
    }
}

pub(super) fn draw(
    subject: Subject<'_>,
    canvas: &mut Canvas<'_, '_>,
    heads: Rect,
    body: Rect,
    scroll: Option<Scroll>,
) {
    let entry = subject.entry;
    let of_group = entry.identity.kind == SubjectKind::Group;
    let count = count(entry);
    if count == 0 {
        let said = if of_group { "Nobody is known to be in it." } else { "No group is known." };
        empty(canvas, body, said);
        return;
    }
    let columns = columns(inner(heads).width, of_group);
    columns.heads(canvas, inner(heads), None);
    for (at, index) in scroll.unwrap_or_default().shown(count, body.height.into()).enumerate() {
        let area = row_area(body, at);
        columns.row(canvas, inner(area), |id, _| {
            if of_group { member(subject, index, id) } else { group(subject, index, id) }
        });
        if scroll.is_some_and(|scroll| scroll.cursor == index) {
            cursor(canvas, area);
        }
    }
}

fn member(subject: Subject<'_>, at: usize, id: Id) -> Line<'static> {
    let Some(entry) = subject.entry.members.get(at).and_then(|id| subject.book.entry(*id)) else {
        return Line::new();
    };
    match id {
        Id::Name => Line::plain(words::name(&entry.identity)),
        Id::Seen => words::seen(Seen::of(subject.book, entry), subject.state.now),
        Id::Access | Id::Source => words::access(subject.book, entry),
    }
}

fn group(subject: Subject<'_>, at: usize, id: Id) -> Line<'static> {
    let Some(group) = subject.entry.groups.get(at) else {
        return Line::new();
    };
    match id {
        Id::Name => Line::plain(distinct(&group.name).into_owned()),
        Id::Source | Id::Access => Line::of(words::source(group.source), Slot::Muted),
        Id::Seen => {
            group.last_seen.map_or_else(Line::new, |time| Line::plain(ago(time, subject.state.now)))
        }
    }
}

/// Whether somebody acts as it, or may, and not by a token of it.
fn acts_otherwise(entry: &Entry) -> bool {
    let of_accounts = |group: &Membership| &*group.name == Identity::ALL_SERVICE_ACCOUNTS;
    !entry.groups.iter().any(of_accounts)
        || entry.findings.iter().chain(&entry.exempt).any(|finding| finding.rule == "not-by-token")
}

/// Whether these are all.
pub(super) fn detail(subject: Subject<'_>, width: usize) -> Vec<Line<'static>> {
    let entry = subject.entry;
    let (said, slot) = match (entry.identity.kind, entry.groups_known) {
        (SubjectKind::Group, _) => (
            "Members are those that the log, certificates or given maps show; the API server \
             keeps no list of them.",
            Slot::Muted,
        ),
        (SubjectKind::ServiceAccount, _) if acts_otherwise(entry) => (
            "The API server gives the groups of service accounts to tokens of the account and to who \
             impersonates it; whoever comes by a certificate with its name is in the groups that the \
             certificate names and in system:authenticated alone.",
            Slot::Muted,
        ),
        (SubjectKind::ServiceAccount, _) => {
            ("These are all: the API server gives a service account its groups.", Slot::Muted)
        }
        (SubjectKind::User, true) => {
            ("As seen on its own requests, in its certificates, or as given.", Slot::Muted)
        }
        (SubjectKind::User, false) => (
            "groups unknown: no request of it is in the log and no --groups names it; what it \
             may do by groups is not counted.",
            Slot::Unknown,
        ),
    };
    wrap(said, width).into_iter().map(|text| Line::of(text, slot)).collect()
}
