//! What the screens of everything have in common.

use super::{credentials, cuts, empty, findings, grants, title};
use crate::book::{Book, LogState};
use crate::tui::layout::Parts;
use crate::tui::state::State;
use crate::tui::text::figure;
use crate::tui::theme::Slot;
use crate::tui::whole::{Rows, Sort, Whole};
use crate::tui::widgets::{Canvas, Line};
use crate::tui::words;

pub(super) fn draw(state: &State, view: &Whole, canvas: &mut Canvas<'_, '_>, parts: &Parts) {
    match &view.rows {
        None => {
            let name = match view.sort {
                Sort::Findings => "Findings",
                Sort::Credentials => "Credentials",
                Sort::Grants => "Grants",
                Sort::Cuts => "Grants to cut",
            };
            head(state, view, name, &Line::new(), canvas, parts);
            empty(canvas, parts.body, words::LOADING);
        }
        Some(Rows::Findings(rows)) => findings::draw(state, view, rows, canvas, parts),
        Some(Rows::Credentials(rows)) => credentials::draw(state, view, rows, canvas, parts),
        Some(Rows::Grants(rows)) => grants::all(state, view, rows, canvas, parts),
        Some(Rows::Cuts(rows)) => cuts::draw(state, view, rows, canvas, parts),
    }
}

/// What is said where a log is on its way.
pub(super) const READING: &str = "the log is still being read";

/// Whether a log is being read, of any of them.
pub(super) fn is_reading<'a>(mut books: impl Iterator<Item = &'a Book>) -> bool {
    books.any(|book| matches!(book.log, LogState::Reading { .. }))
}

/// Whether what is counted is not all yet, as a log that tells of more is being read. Bindings no log
/// tells of.
fn is_awaited(state: &State, view: &Whole) -> bool {
    view.sort != Sort::Grants && is_reading(state.listed().filter_map(|feed| feed.book.as_deref()))
}

/// The title with the number of rows, more counts, and the filter.
pub(super) fn head(
    state: &State,
    view: &Whole,
    name: &str,
    counts: &Line<'static>,
    canvas: &mut Canvas<'_, '_>,
    parts: &Parts,
) {
    let mut left = Line::of(format!(" {name}"), Slot::Strong);
    if view.rows.is_some() {
        let awaited = is_awaited(state, view);
        let more = if awaited { words::LOADING } else { "" };
        left.push(format!(" {}{more}", figure(view.len() as u64)), Slot::Base);
        left.0.extend(counts.0.iter().cloned());
        if awaited {
            left.push(format!("   not all: {READING}"), Slot::Unknown);
        }
    }
    let right = match &*view.filter {
        "" => Line::new(),
        filter => Line::of(format!("/ {filter}"), Slot::Accent),
    };
    title(canvas, parts, &left, &right);
}

/// What stands where rows would be.
pub(super) fn nothing(state: &State, view: &Whole, none: &str) -> String {
    match &*view.filter {
        "" if is_awaited(state, view) => format!("Nothing so far: {READING}."),
        "" => none.to_owned(),
        _ if is_awaited(state, view) => {
            format!("Nothing matches so far: {READING}; esc takes the filter off.")
        }
        _ => "Nothing matches; esc takes the filter off.".to_owned(),
    }
}

/// More of the row under the cursor, put together for a width.
pub(super) fn detail(
    canvas: &mut Canvas<'_, '_>,
    parts: &Parts,
    lines: impl FnOnce(usize) -> Vec<Line<'static>>,
) {
    if parts.preview.height > 0 {
        canvas.rule(parts.tabs, parts.tabs.y);
        let width = usize::from(parts.preview.width).saturating_sub(2);
        super::lines(canvas, parts.preview, &lines(width), 0);
    }
}
