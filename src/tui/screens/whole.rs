//! What the screens of everything have in common.

use super::{credentials, cuts, empty, findings, grants, title};
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
            head(view, name, &Line::new(), canvas, parts);
            empty(canvas, parts.body, words::LOADING);
        }
        Some(Rows::Findings(rows)) => findings::draw(state, view, rows, canvas, parts),
        Some(Rows::Credentials(rows)) => credentials::draw(state, view, rows, canvas, parts),
        Some(Rows::Grants(rows)) => grants::all(state, view, rows, canvas, parts),
        Some(Rows::Cuts(rows)) => cuts::draw(state, view, rows, canvas, parts),
    }
}

/// The title with the number of rows, more counts, and the filter.
pub(super) fn head(
    view: &Whole,
    name: &str,
    counts: &Line<'static>,
    canvas: &mut Canvas<'_, '_>,
    parts: &Parts,
) {
    let mut left = Line::of(format!(" {name}"), Slot::Strong);
    if view.rows.is_some() {
        left.push(format!(" {}", figure(view.len() as u64)), Slot::Base);
        left.0.extend(counts.0.iter().cloned());
    }
    let right = match &*view.filter {
        "" => Line::new(),
        filter => Line::of(format!("/ {filter}"), Slot::Accent),
    };
    title(canvas, parts, &left, &right);
}

/// What stands where rows would be.
pub(super) fn nothing<'a>(view: &Whole, none: &'a str) -> &'a str {
    if view.filter.is_empty() { none } else { "Nothing matches; esc takes the filter off." }
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
