//! A choice in a window over the screen.

use ratatui::layout::Rect;

use super::cursor;
use crate::tui::layers::Picker;
use crate::tui::state::State;
use crate::tui::text::width;
use crate::tui::theme::Slot;
use crate::tui::widgets::Canvas;

/// How many options are shown at once.
pub fn height(state: &State, picker: &Picker) -> usize {
    picker.options.len().min(usize::from(state.size.1).saturating_sub(6)).max(1)
}

pub(super) fn draw(state: &State, picker: &Picker, canvas: &mut Canvas<'_, '_>) {
    let (columns, lines) = state.size;
    let widest = picker.options.iter().map(|option| width(option)).max().unwrap_or(0);
    let wide = widest.max(width(&picker.title) + 4).max(24) + 8;
    let wide = u16::try_from(wide).unwrap_or(u16::MAX).min(columns.saturating_sub(2));
    let shown = height(state, picker);
    let high = u16::try_from(shown + 2).unwrap_or(u16::MAX).min(lines);
    let area = Rect { x: (columns - wide) / 2, y: (lines - high) / 2, width: wide, height: high };
    let inside = canvas.window(area, &picker.title);
    for (at, index) in picker.scroll.shown(picker.options.len(), shown).enumerate() {
        let Some(option) = picker.options.get(index) else {
            break;
        };
        let row = super::row_area(inside, at);
        canvas.put(row.x + 2, row.y, row.width.saturating_sub(2), option, Slot::Base);
        if index == picker.scroll.cursor {
            cursor(canvas, row);
        }
    }
}
