//! Every screen, drawn from the state. Drawing reads; it changes nothing but the buffer.

pub mod activity;
mod credentials;
mod cuts;
mod findings;
mod foot;
mod grants;
pub mod groups;
pub mod header;
pub mod health;
pub mod help;
mod list;
mod page;
mod permissions;
pub mod picker;
pub mod reach;
mod reverse;
mod text;
mod whole;
mod wizard;
pub mod workloads;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::geometry;
use super::layers::Layer;
use super::layout::{Parts, SMALLEST};
use super::state::State;
use super::theme::Slot;
use super::widgets::{Canvas, Line};

/// Draws the state; returns where the terminal's own cursor stands, where text is typed.
pub fn draw(state: &State, buffer: &mut Buffer) -> Option<Position> {
    let (width, height) = state.size;
    let mut canvas = Canvas::new(buffer, &state.theme);
    if width < SMALLEST.0 || height < SMALLEST.1 {
        floor(&mut canvas, width, height);
        return None;
    }
    let parts = geometry::of(state);
    header::draw(state, &mut canvas, &parts);
    match state.screen() {
        None => list::draw(state, &mut canvas, &parts),
        Some(Layer::Page(page)) => page::draw(state, page, &mut canvas, &parts),
        Some(Layer::Reverse(view)) => reverse::draw(state, view, &mut canvas, &parts),
        Some(Layer::Whole(view)) => whole::draw(state, view, &mut canvas, &parts),
        Some(Layer::Health(scroll)) => {
            title(&mut canvas, &parts, &Line::of(" Health", Slot::Strong), &Line::new());
            lines(&mut canvas, parts.body, &health::lines(state), scroll.offset);
        }
        Some(Layer::Text(view)) => text::draw(view, &mut canvas, &parts),
        Some(Layer::Wizard(view)) => wizard::draw(view, &mut canvas, &parts),
        Some(Layer::Help(view)) => help::draw(state, view, &mut canvas, &parts),
        Some(Layer::Picker(_) | Layer::Prompt(_)) => {}
    }
    if let Some(Layer::Picker(view)) = state.layers.last() {
        picker::draw(state, view, &mut canvas);
    }
    foot::draw(state, &mut canvas, &parts)
}

/// What a terminal shows that is too small for anything else.
fn floor(canvas: &mut Canvas<'_, '_>, width: u16, height: u16) {
    let (wide, high) = SMALLEST;
    let sentences = [
        format!("keybook needs {wide}x{high}, this is {width}x{height}; ctrl-c quits"),
        format!("keybook needs {wide}x{high}"),
        format!("needs {wide}x{high}"),
        format!("{wide}x{high}"),
    ];
    let mut fitting = sentences.iter().map(|said| super::text::wrap(said, width.into()));
    let lines = fitting.find(|lines| lines.len() <= height.into()).unwrap_or_default();
    for (y, line) in (0..height).zip(lines) {
        canvas.put(0, y, width, &line, Slot::Base);
    }
}

/// A screen's title with a rule below.
fn title(canvas: &mut Canvas<'_, '_>, parts: &Parts, left: &Line<'_>, right: &Line<'_>) {
    let area = parts.bar;
    let wide = u16::try_from(right.width()).unwrap_or(0);
    canvas.line(area.x, area.y, area.width.saturating_sub(wide + 2), left);
    canvas.line_right(Rect { width: area.width.saturating_sub(1), ..area }, area.y, right);
    if area.height > 1 {
        canvas.rule(area, area.bottom() - 1);
    }
}

/// Lines from one of them on.
fn lines(canvas: &mut Canvas<'_, '_>, area: Rect, lines: &[Line<'_>], from: usize) {
    for (y, line) in (area.top()..area.bottom()).zip(lines.iter().skip(from)) {
        canvas.line(area.x + 1, y, area.width.saturating_sub(2), line);
    }
}

/// One row of a body, by its place among those shown.
fn row_area(body: Rect, at: usize) -> Rect {
    let at = u16::try_from(at).unwrap_or(u16::MAX);
    Rect { y: body.y.saturating_add(at), height: 1, ..body }
}

/// A row without its gutter of two: the bar of the cursor and a space.
fn inner(row: Rect) -> Rect {
    Rect { x: row.x + 2, width: row.width.saturating_sub(3), ..row }
}

/// Makes a row the one that the cursor is on.
fn cursor(canvas: &mut Canvas<'_, '_>, row: Rect) {
    let text = Rect { x: row.x + 1, width: row.width.saturating_sub(1), ..row };
    canvas.cursor_row(text);
    canvas.put(row.x, row.y, 1, "▌", Slot::Bar);
}

/// Marks a row as one about which something is staged.
fn staged(canvas: &mut Canvas<'_, '_>, row: Rect) {
    canvas.put(row.x + 1, row.y, 1, "~", Slot::Warn);
}

/// A sentence where rows would be.
fn empty(canvas: &mut Canvas<'_, '_>, body: Rect, said: &str) {
    let width = usize::from(body.width).saturating_sub(8);
    for (y, line) in (body.top() + 1..body.bottom()).zip(super::text::wrap(said, width)) {
        canvas.put(body.x + 4, y, body.width.saturating_sub(5), &line, Slot::Muted);
    }
}
