//! By which bindings somebody holds what they hold.

use chrono::{DateTime, Utc};
use ratatui::layout::Rect;

use super::page::Subject;
use super::{cursor, empty, inner, row_area, staged, whole};
use crate::book::{Book, Grant};
use crate::model::SubjectKind;
use crate::tui::describe;
use crate::tui::layout::Parts;
use crate::tui::state::State;
use crate::tui::text::short_figure;
use crate::tui::theme::Slot;
use crate::tui::time::ago;
use crate::tui::whole::{GrantRow, Whole};
use crate::tui::widgets::{Canvas, Column, Columns, Line, Scroll};
use crate::tui::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Id {
    To,
    Gives,
    Binding,
    Role,
    Scope,
    Age,
    Credited,
    Requests,
    Note,
}

fn columns(width: u16) -> Columns<Id> {
    Columns::new(
        &[
            Column::new(Id::Binding, "BINDING", 18, 44, 0).grow(1),
            Column::new(Id::Role, "ROLE", 14, 40, 0).grow(1),
            Column::new(Id::Scope, "SCOPE", 8, 20, 3).grow(2),
            Column::new(Id::Age, "AGE", 4, 5, 4).right(),
            Column::new(Id::Credited, "CREDITED", 10, 10, 2).grow(2),
            Column::new(Id::Requests, "REQUESTS", 8, 8, 5).right(),
            Column::new(Id::Note, "", 12, 26, 1),
        ],
        width,
    )
}

pub(super) fn draw(
    subject: Subject<'_>,
    canvas: &mut Canvas<'_, '_>,
    heads: Rect,
    body: Rect,
    scroll: Option<Scroll>,
) {
    let grants = &subject.entry.grants;
    if grants.is_empty() {
        empty(canvas, body, "No binding names it, nor a group that it is known to be in.");
        return;
    }
    let columns = columns(inner(heads).width);
    columns.heads(canvas, inner(heads), None);
    let shown = scroll.unwrap_or_default().shown(grants.len(), body.height.into());
    for (at, index) in shown.enumerate() {
        let area = row_area(body, at);
        if let Some(grant) = grants.get(index).and_then(|id| subject.book.grant(*id)) {
            columns.row(canvas, inner(area), |id, _| cell(subject, grant, id));
            if scroll.is_some() && subject.state.grant_is_staged(subject.feed, &grant.key) {
                staged(canvas, area);
            }
        }
        if scroll.is_some_and(|scroll| scroll.cursor == index) {
            cursor(canvas, area);
        }
    }
}

fn columns_of_all(width: u16) -> Columns<Id> {
    Columns::new(
        &[
            Column::new(Id::To, "TO", 18, 44, 0).grow(1),
            Column::new(Id::Gives, "GIVES", 15, 15, 0),
            Column::new(Id::Role, "ROLE", 14, 40, 0).grow(1),
            Column::new(Id::Scope, "SCOPE", 8, 20, 3).grow(2),
            Column::new(Id::Credited, "CREDITED", 10, 10, 1).grow(2),
            Column::new(Id::Binding, "BINDING", 18, 44, 4).grow(3),
            Column::new(Id::Age, "AGE", 4, 5, 5).right(),
            Column::new(Id::Requests, "REQUESTS", 8, 8, 6).right(),
            Column::new(Id::Note, "", 12, 26, 7),
        ],
        width,
    )
}

fn cell(subject: Subject<'_>, grant: &Grant, id: Id) -> Line<'static> {
    let line = plain(subject.book, grant, subject.state.now, id);
    match id {
        // What any member did is not what this one did.
        Id::Credited if grant.last_credited.is_some() && by_group(subject, grant) => {
            line.then(" any", Slot::Muted)
        }
        Id::Note if by_group(subject, grant) => {
            let mut notes = vec![Line::plain(words::full(&grant.key.subject))];
            notes.extend(self::notes(subject.book, grant));
            together(notes)
        }
        _ => line,
    }
}

/// A cell that is the same for everybody who holds a grant.
fn plain(book: &Book, grant: &Grant, now: DateTime<Utc>, id: Id) -> Line<'static> {
    match id {
        Id::To | Id::Gives => Line::new(),
        Id::Binding => Line::plain(grant.key.binding.to_string()),
        Id::Role => match words::role_missing(book, grant) {
            None => Line::plain(grant.role_ref.name.to_string()),
            Some((_, slot)) => {
                let sign = if slot == Slot::Danger { "✗" } else { "?" };
                Line::of(format!("{} {sign}", grant.role_ref.name), slot)
            }
        },
        Id::Scope => Line::of(words::scope(&grant.scope), Slot::Muted),
        Id::Age => Line::of(
            grant.created.map_or_else(|| "–".to_owned(), |time| ago(time, now)),
            Slot::Muted,
        ),
        Id::Credited => words::credited(book, grant, now),
        Id::Requests if book.coverage().is_none() => Line::of("–", Slot::Muted),
        Id::Requests => Line::of(short_figure(grant.credited), Slot::Muted),
        Id::Note => together(notes(book, grant)),
    }
}

/// Whether somebody holds a grant as a member of a group.
fn by_group(subject: Subject<'_>, grant: &Grant) -> bool {
    let to = &grant.key.subject;
    *to != subject.entry.identity && to.kind == SubjectKind::Group
}

fn together(notes: Vec<Line<'static>>) -> Line<'static> {
    let mut line = Line::new();
    for note in notes {
        if !line.0.is_empty() {
            line.push(" · ", Slot::Faint);
        }
        line.0.extend(note.0);
    }
    line
}

fn notes(book: &Book, grant: &Grant) -> Vec<Line<'static>> {
    let mut notes = Vec::new();
    if let Some((said, slot)) = words::role_missing(book, grant) {
        notes.push(Line::of(said, slot));
    }
    if let Some(other) = grant.shadowed_by.and_then(|id| book.grant(id)) {
        notes.push(Line::of(format!("shadowed by {}", other.key.binding), Slot::Unknown));
    }
    if grant.bootstrap {
        notes.push(Line::of("built in", Slot::Muted));
    } else if let Some(owner) = describe::owners_of(book, grant).binding.first() {
        notes.push(Line::of(format!("kept by {}", owner.words()), Slot::Muted));
    }
    notes
}

/// All grants, over everybody.
pub(super) fn all(
    state: &State,
    view: &Whole,
    rows: &[GrantRow],
    canvas: &mut Canvas<'_, '_>,
    parts: &Parts,
) {
    let grant = |row: &GrantRow| {
        let book = state.book(row.feed)?;
        Some((book.clone(), book.grant(row.id)?.clone()))
    };
    whole::head(state, view, "Grants", &Line::new(), canvas, parts);
    if rows.is_empty() {
        empty(canvas, parts.body, &whole::nothing(state, view, "No binding is known."));
    }
    let columns = columns_of_all(inner(parts.heads).width);
    columns.heads(canvas, inner(parts.heads), None);
    let shown = view.scroll.shown(rows.len(), parts.body.height.into());
    for (at, index) in shown.enumerate() {
        let Some(row) = rows.get(index) else {
            break;
        };
        let area = row_area(parts.body, at);
        if let Some((book, grant)) = grant(row) {
            columns.row(canvas, inner(area), |id, _| match id {
                Id::To => Line::of(words::full(&grant.key.subject), Slot::Strong),
                Id::Gives => Line::of(row.tier.as_str(), words::tier_slot(row.tier)),
                id => plain(&book, &grant, state.now, id),
            });
            if state.grant_is_staged(row.feed, &grant.key) {
                staged(canvas, area);
            }
        }
        if index == view.scroll.cursor {
            cursor(canvas, area);
        }
    }
    whole::detail(canvas, parts, |_| {
        let found = rows.get(view.scroll.cursor).and_then(grant);
        found.map_or_else(Vec::new, |(book, grant)| in_full(&book, &grant))
    });
}

/// The grant in full.
pub(super) fn detail(subject: Subject<'_>, at: usize) -> Vec<Line<'static>> {
    let Some(grant) = subject.entry.grants.get(at).and_then(|id| subject.book.grant(*id)) else {
        return Vec::new();
    };
    let mut lines = in_full(subject.book, grant);
    if let Some(time) = grant.last_credited.filter(|_| by_group(subject, grant)) {
        let when = ago(time, subject.state.now);
        let text = format!("last credited to any member of the group: {when}");
        lines.insert(2, Line::of(text, Slot::Muted));
    }
    lines
}

fn in_full(book: &Book, grant: &Grant) -> Vec<Line<'static>> {
    let mut lines = vec![Line::plain(describe::grant_line(grant))];
    let said = match (&grant.role, words::role_missing(book, grant)) {
        (Some(role), _) => format!("  {}", crate::tui::text::plural(role.rules.len(), "rule")),
        (None, Some((_, Slot::Unknown))) => {
            "  the list of its role is not whole: what it grants is not known".to_owned()
        }
        (None, _) => "  the role does not exist: it grants nothing".to_owned(),
    };
    let to = Line::of("to ", Slot::Muted).then(words::full(&grant.key.subject), Slot::Base);
    lines.push(to.then(said, Slot::Muted));
    lines.extend(describe::kept_lines(book, grant, ""));
    if grant.last_credited.is_none() && book.may_leave_no_credit(grant) {
        lines.push(Line::of(
            "what it gives is asked about beside other requests (acting as others, bind, approve …), \
             which the log credits to other grants: Permissions tell whether it was used",
            Slot::Unknown,
        ));
    }
    if grant.shadowed_by.is_some() {
        lines.push(Line::of(
            "shadowed: another grant allows all that this one does and may be credited instead, \
             so that its absence from the log proves nothing",
            Slot::Unknown,
        ));
    }
    lines
}
