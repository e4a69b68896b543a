//! Which grants to cut: without each of them some can become less than they can.

use super::{cursor, empty, inner, row_area, staged, whole};
use crate::tui::layout::Parts;
use crate::tui::mend::clipped;
use crate::tui::state::State;
use crate::tui::text::plural;
use crate::tui::theme::Slot;
use crate::tui::whole::{CutRow, Whole};
use crate::tui::widgets::{Canvas, Column, Columns, Line};
use crate::tui::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Id {
    Binding,
    To,
    Role,
    Admins,
    Loses,
}

fn columns(width: u16) -> Columns<Id> {
    Columns::new(
        &[
            Column::new(Id::Binding, "CUT", 26, 64, 0).grow(1),
            Column::new(Id::To, "FROM", 20, 44, 0).grow(1),
            Column::new(Id::Role, "ROLE", 12, 40, 1).grow(2),
            Column::new(Id::Admins, "TO ADMIN", 8, 8, 0).right(),
            Column::new(Id::Loses, "ALL", 5, 6, 0).right(),
        ],
        width,
    )
}

pub(super) fn draw(
    state: &State,
    view: &Whole,
    rows: &[CutRow],
    canvas: &mut Canvas<'_, '_>,
    parts: &Parts,
) {
    whole::head(state, view, "Grants to cut", &Line::new(), canvas, parts);
    if rows.is_empty() {
        let none = "There is no grant without which somebody can become less, as far as was read.";
        empty(canvas, parts.body, &whole::nothing(state, view, none));
    }
    let columns = columns(inner(parts.heads).width);
    columns.heads(canvas, inner(parts.heads), None);
    let shown = view.scroll.shown(rows.len(), parts.body.height.into());
    for (at, index) in shown.enumerate() {
        let Some(row) = rows.get(index) else {
            break;
        };
        let area = row_area(parts.body, at);
        columns.row(canvas, inner(area), |id, _| match id {
            Id::Binding => Line::of(words::binding(&row.key), Slot::Strong),
            Id::To => Line::plain(words::full(&row.key.subject)),
            Id::Role => Line::of(row.role.to_string(), Slot::Muted),
            Id::Admins => Line::of(row.admins.to_string(), Slot::Danger),
            Id::Loses => Line::plain(row.loses.len().to_string()),
        });
        if index == view.scroll.cursor {
            cursor(canvas, area);
        }
        if state.grant_is_staged(row.feed, &row.key) {
            staged(canvas, area);
        }
    }
    let height = usize::from(parts.preview.height);
    whole::detail(canvas, parts, |width| {
        rows.get(view.scroll.cursor).map_or_else(Vec::new, |row| loses(row, width, height))
    });
}

/// Who can become less without it.
fn loses(row: &CutRow, width: usize, height: usize) -> Vec<Line<'static>> {
    let who = plural(row.loses.len(), "identity");
    let head = format!("Without it {who} can become less, {} nothing more:", row.closed);
    let all: Vec<String> =
        row.loses.iter().map(|(who, loses)| format!("{} ({loses})", words::full(who))).collect();
    let mut lines = vec![Line::of(head, Slot::Strong)];
    if let Some(by) = &row.kept_by {
        let text = format!("Its binding is {by}, which puts the subject back.");
        lines.extend(clipped(&text, width, 2).into_iter().map(|text| Line::of(text, Slot::Warn)));
    }
    let text = clipped(&all.join(", "), width, height.saturating_sub(lines.len()).max(1));
    lines.extend(text.into_iter().map(Line::plain));
    lines
}
