//! By which bindings somebody holds what they hold.

use ratatui::layout::Rect;

use super::page::Subject;
use super::{cursor, empty, inner, row_area};
use crate::book::Grant;
use crate::model::SubjectKind;
use crate::tui::describe;
use crate::tui::text::short_figure;
use crate::tui::theme::Slot;
use crate::tui::time::ago;
use crate::tui::widgets::{Canvas, Column, Columns, Line, Scroll};
use crate::tui::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Id {
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
            Column::new(Id::Credited, "CREDITED", 8, 10, 2).grow(2),
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
        }
        if scroll.is_some_and(|scroll| scroll.cursor == index) {
            cursor(canvas, area);
        }
    }
}

fn cell(subject: Subject<'_>, grant: &Grant, id: Id) -> Line<'static> {
    let now = subject.state.now;
    match id {
        Id::Binding => Line::plain(grant.key.binding.to_string()),
        Id::Role => match words::role_missing(subject.book, grant) {
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
        Id::Credited => {
            let line = words::credited(subject.book, grant, now);
            // What any member did is not what this one did.
            match grant.last_credited {
                Some(_) if by_group(subject, grant) => line.then(" any", Slot::Muted),
                _ => line,
            }
        }
        Id::Requests if subject.book.coverage().is_none() => Line::of("–", Slot::Muted),
        Id::Requests => Line::of(short_figure(grant.credited), Slot::Muted),
        Id::Note => note(subject, grant),
    }
}

/// Whether somebody holds a grant as a member of a group.
fn by_group(subject: Subject<'_>, grant: &Grant) -> bool {
    let to = &grant.key.subject;
    *to != subject.entry.identity && to.kind == SubjectKind::Group
}

fn note(subject: Subject<'_>, grant: &Grant) -> Line<'static> {
    let mut line = Line::new();
    let mut say = |text: String, slot: Slot| {
        if !line.0.is_empty() {
            line.push(" · ", Slot::Faint);
        }
        line.push(text, slot);
    };
    if let Some((said, slot)) = words::role_missing(subject.book, grant) {
        say(said.to_owned(), slot);
    }
    if by_group(subject, grant) {
        say(words::full(&grant.key.subject), Slot::Base);
    }
    if let Some(other) = grant.shadowed_by.and_then(|id| subject.book.grant(id)) {
        say(format!("shadowed by {}", other.key.binding), Slot::Unknown);
    }
    if grant.bootstrap {
        say("built in".to_owned(), Slot::Muted);
    } else if let Some(owner) = describe::owners_of(subject.book, grant).binding.first() {
        say(format!("kept by {}", owner.words()), Slot::Muted);
    }
    line
}

/// The grant in full.
pub(super) fn detail(subject: Subject<'_>, at: usize) -> Vec<Line<'static>> {
    let Some(grant) = subject.entry.grants.get(at).and_then(|id| subject.book.grant(*id)) else {
        return Vec::new();
    };
    let mut lines = vec![Line::plain(describe::grant_line(grant))];
    let said = match (&grant.role, words::role_missing(subject.book, grant)) {
        (Some(role), _) => format!("  {}", crate::tui::text::plural(role.rules.len(), "rule")),
        (None, Some((_, Slot::Unknown))) => {
            "  the list of its role is not whole: what it grants is not known".to_owned()
        }
        (None, _) => "  the role does not exist: it grants nothing".to_owned(),
    };
    let to = Line::of("to ", Slot::Muted).then(words::full(&grant.key.subject), Slot::Base);
    lines.push(to.then(said, Slot::Muted));
    if let Some(time) = grant.last_credited.filter(|_| by_group(subject, grant)) {
        let when = ago(time, subject.state.now);
        let text = format!("last credited to any member of the group: {when}");
        lines.push(Line::of(text, Slot::Muted));
    }
    lines.extend(describe::kept_lines(subject.book, grant, ""));
    if grant.shadowed_by.is_some() {
        lines.push(Line::of(
            "shadowed: another grant allows all that this one does and may be credited instead, \
             so that \"never\" proves nothing",
            Slot::Unknown,
        ));
    }
    lines
}
