//! What an identity may do: a row a resource, a column a verb.

use ratatui::layout::Rect;

use super::page::Subject;
use super::{cursor, empty, inner, row_area};
use crate::book::{LogState, UseState};
use crate::model::or_quotes;
use crate::tui::describe;
use crate::tui::matrix::{Row, VERBS};
use crate::tui::theme::Slot;
use crate::tui::time::ago;
use crate::tui::widgets::{Canvas, Column, Columns, Line, Scroll};
use crate::tui::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Id {
    Object,
    Verbs,
    Others,
    Scope,
    Last,
    Via,
}

/// Three columns a verb, and one between.
const VERBS_WIDE: u16 = 8 * 4 - 1;

/// The columns, as wide as what stands in them needs.
fn columns(subject: Subject<'_>, rows: &[Row], width: u16) -> Columns<Id> {
    let widest = |id: Id, least: usize, most: usize| {
        let widths = rows.iter().map(|row| cell(subject, row, id).width());
        let widest = widths.max().unwrap_or(0);
        let wide = if widest == 0 { 0 } else { widest.clamp(least, most) };
        u16::try_from(wide).unwrap_or(0)
    };
    let object = widest(Id::Object, 14, 48);
    let scope = widest(Id::Scope, 7, 24);
    let others = widest(Id::Others, 5, 30);
    let mut all = vec![
        Column::new(Id::Object, "RESOURCE", object.min(16), object, 0),
        Column::new(Id::Scope, "SCOPE", scope.min(8), scope, 2).grow(1),
        Column::new(Id::Verbs, "", VERBS_WIDE, VERBS_WIDE, 0),
    ];
    if others > 0 {
        all.push(Column::new(Id::Others, "OTHER", others.min(10), others, 0).grow(1));
    }
    if widest(Id::Last, 4, 5) > 0 {
        all.push(Column::new(Id::Last, "LAST", 4, 5, 1));
    }
    all.push(Column::new(Id::Via, "BY", 20, 60, 3).grow(2));
    Columns::new(&all, width)
}

pub(super) fn draw(
    subject: Subject<'_>,
    canvas: &mut Canvas<'_, '_>,
    heads: Rect,
    body: Rect,
    scroll: Option<Scroll>,
) {
    let Some(data) = subject.data else {
        empty(canvas, body, words::LOADING);
        return;
    };
    if data.matrix.is_empty() {
        let said = if subject.entry.identity.is_node() {
            "Nothing by RBAC. What a node needs for its pods the Node authorizer allows it, where it is on."
        } else if subject.book.access(subject.entry).at_least {
            "Nothing that is known: some bindings, or the roles that they lead to, could not be \
             read. i says which, and why."
        } else {
            "Holds nothing: no grant, or none that leads to a role that exists."
        };
        empty(canvas, body, said);
        return;
    }
    let columns = columns(subject, &data.matrix, inner(heads).width);
    columns.heads(canvas, inner(heads), None);
    columns.row(canvas, inner(heads), |id, _| match id {
        Id::Verbs => verb_heads(),
        _ => Line::new(),
    });
    let shown = scroll.unwrap_or_default().shown(data.matrix.len(), body.height.into());
    for (at, index) in shown.enumerate() {
        let Some(row) = data.matrix.get(index) else {
            break;
        };
        let area = row_area(body, at);
        columns.row(canvas, inner(area), |id, _| cell(subject, row, id));
        if scroll.is_some_and(|scroll| scroll.cursor == index) {
            cursor(canvas, area);
        }
    }
}

fn verb_heads() -> Line<'static> {
    let heads: Vec<&str> = VERBS.iter().map(|(_, head)| *head).collect();
    Line::of(heads.join(" "), Slot::Heading)
}

/// The sign of a verb's use; while the log is being read it is not known yet.
fn sign(subject: Subject<'_>, state: UseState) -> (&'static str, Slot) {
    let reading = matches!(subject.book.log, LogState::Reading { .. });
    if reading && state == UseState::NoLog {
        return (words::LOADING, Slot::Muted);
    }
    (words::use_sign(state), words::use_slot(state))
}

fn cell(subject: Subject<'_>, row: &Row, id: Id) -> Line<'static> {
    match id {
        Id::Object => {
            let mut line = Line::plain(row.object.label());
            match row.names.as_slice() {
                [] => {}
                [name] => line.push(format!(" {}", or_quotes(name)), Slot::Unknown),
                names => line.push(format!(" {} names", names.len()), Slot::Unknown),
            }
            line
        }
        Id::Scope => Line::of(words::scopes(&row.scopes), Slot::Muted),
        Id::Verbs => {
            let mut line = Line::new();
            for (at, cell) in row.cells.iter().enumerate() {
                let space = if at + 1 < row.cells.len() { "   " } else { "" };
                match cell {
                    None => line.push(" ·", Slot::Faint),
                    Some(cell) => {
                        line.push(" ", Slot::Base);
                        let (sign, slot) = sign(subject, cell.state);
                        line.push(sign, slot);
                    }
                }
                // Two columns so far; the next verb begins after four.
                line.push(space.get(..2).unwrap_or_default(), Slot::Base);
            }
            line
        }
        Id::Others => {
            let mut line = Line::new();
            for (at, (verb, cell)) in row.others.iter().enumerate() {
                if at > 0 {
                    line.push(" ", Slot::Base);
                }
                let (sign, slot) = sign(subject, cell.state);
                line.push(sign, slot);
                line.push(verb.to_string(), Slot::Base);
            }
            line
        }
        Id::Last => {
            row.last_used().map_or_else(Line::new, |time| Line::plain(ago(time, subject.state.now)))
        }
        Id::Via => Line::of(via(subject, row), Slot::Muted),
    }
}

/// The bindings that give a row.
fn via(subject: Subject<'_>, row: &Row) -> String {
    let mut grants = row.via.iter().filter_map(|id| subject.book.grant(*id));
    let Some(first) = grants.next() else {
        return "system:masters".to_owned();
    };
    let more = row.via.len() - 1;
    let text = format!("{} → {}", first.key.binding, first.role_ref.name);
    if more > 0 { format!("{text} +{more}") } else { text }
}

/// The row in full, by what it is held, and what the signs mean.
pub(super) fn detail(subject: Subject<'_>, at: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some(row) = subject.data.and_then(|data| data.matrix.get(at)) {
        let mut line = Line::of(row.object.label(), Slot::Strong);
        if !row.names.is_empty() {
            line.push(format!("  only {}", words::names(&row.names)), Slot::Unknown);
        }
        let scopes: Vec<String> = row.scopes.iter().map(words::scope).collect();
        line.push(format!("  in {}", scopes.join(" ")), Slot::Base);
        if row.allowed() > 0 {
            let count = crate::tui::text::plural(row.allowed(), "request");
            line.push(format!("  {count}"), Slot::Muted);
        }
        lines.push(line);
        let mut by = Line::of("by ", Slot::Muted);
        let grants: Vec<String> = row
            .via
            .iter()
            .filter_map(|id| subject.book.grant(*id))
            .map(|grant| describe::grant_line(grant))
            .collect();
        let grants =
            if grants.is_empty() { "system:masters".to_owned() } else { grants.join("; ") };
        by.push(grants, Slot::Base);
        lines.push(by);
    }
    lines.push(legend());
    lines
}

fn legend() -> Line<'static> {
    let mut line = Line::new();
    for state in [
        UseState::Used,
        UseState::Unused,
        UseState::NotObservable,
        UseState::NotCovered,
        UseState::NoLog,
    ] {
        line.push(words::use_sign(state), words::use_slot(state));
        line.push(format!(" {}   ", state.as_str()), Slot::Muted);
    }
    line
}
