//! Where everything is drawn: a buffer with a theme. Nothing drawn is ever outside, whatever the
//! sizes, and nothing untrusted reaches the terminal as it is.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

use crate::tui::text::{fit, width, wrap};
use crate::tui::theme::{Slot, Theme};

/// A piece of text with what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The text, not yet made safe to show.
    pub text: Cow<'a, str>,
    /// What it means.
    pub slot: Slot,
}

/// Pieces of text in one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line<'a>(pub Vec<Piece<'a>>);

impl<'a> Line<'a> {
    /// An empty line.
    pub fn new() -> Self {
        Self::default()
    }

    /// A line of one piece.
    pub fn of(text: impl Into<Cow<'a, str>>, slot: Slot) -> Self {
        Self::new().then(text, slot)
    }

    /// Ordinary text.
    pub fn plain(text: impl Into<Cow<'a, str>>) -> Self {
        Self::of(text, Slot::Base)
    }

    /// With another piece behind.
    #[must_use]
    pub fn then(mut self, text: impl Into<Cow<'a, str>>, slot: Slot) -> Self {
        self.push(text, slot);
        self
    }

    /// Puts another piece behind.
    pub fn push(&mut self, text: impl Into<Cow<'a, str>>, slot: Slot) {
        self.0.push(Piece { text: text.into(), slot });
    }

    /// How many columns it takes.
    pub fn width(&self) -> usize {
        self.0.iter().map(|piece| width(&piece.text)).sum()
    }

    /// The text alone, made safe to show.
    pub fn text(&self) -> String {
        self.0.iter().map(|piece| crate::model::printable(&piece.text)).collect()
    }
}

impl From<String> for Line<'_> {
    fn from(text: String) -> Self {
        Self::plain(text)
    }
}

impl<'a> From<&'a str> for Line<'a> {
    fn from(text: &'a str) -> Self {
        Self::plain(text)
    }
}

/// Where everything is drawn.
#[derive(Debug)]
pub struct Canvas<'b, 't> {
    buffer: &'b mut Buffer,
    theme: &'t Theme,
}

impl<'b, 't> Canvas<'b, 't> {
    /// A canvas over the whole buffer, filled with the theme's ground.
    pub fn new(buffer: &'b mut Buffer, theme: &'t Theme) -> Self {
        let area = buffer.area;
        buffer.set_style(area, theme.style(Slot::Base));
        Self { buffer, theme }
    }

    /// All of it.
    pub fn area(&self) -> Rect {
        self.buffer.area
    }

    /// What a slot looks like. Ordinary text leaves the ground as it is.
    pub fn style(&self, slot: Slot) -> Style {
        match slot {
            Slot::Base => Style::new(),
            slot => self.theme.style(slot),
        }
    }

    /// Writes a text from a place on, at most `columns` wide; returns where it ends.
    pub fn put(&mut self, x: u16, y: u16, columns: u16, text: &str, slot: Slot) -> u16 {
        let area = self.buffer.area;
        if y < area.top() || y >= area.bottom() || x < area.left() || x >= area.right() {
            return x;
        }
        let columns = columns.min(area.right() - x);
        let shown = fit(text, columns.into());
        let style = self.style(slot);
        self.buffer.set_stringn(x, y, &shown, columns.into(), style).0
    }

    /// Writes a line from a place on, at most `columns` wide; what does not fit is cut with `…`.
    pub fn line(&mut self, x: u16, y: u16, columns: u16, line: &Line<'_>) -> u16 {
        let end = x.saturating_add(columns);
        let mut at = x;
        for (index, piece) in line.0.iter().enumerate() {
            let left = end.saturating_sub(at);
            if left == 0 {
                break;
            }
            let more = line.0[index + 1..].iter().any(|piece| !piece.text.is_empty());
            let wide = width(&piece.text);
            // The last column is kept for the mark, where the rest will not fit.
            if more && wide >= usize::from(left) {
                let cut = format!("{}…", crate::model::printable(&piece.text));
                at = self.put(at, y, left, &cut, piece.slot);
                break;
            }
            at = self.put(at, y, left, &piece.text, piece.slot);
        }
        at
    }

    /// Writes a line that ends at the right of an area.
    pub fn line_right(&mut self, area: Rect, y: u16, line: &Line<'_>) {
        let wide = u16::try_from(line.width()).unwrap_or(u16::MAX).min(area.width);
        self.line(area.right() - wide, y, wide, line);
    }

    /// Writes one line from the left and one that ends at the right, and nothing over one another:
    /// the right one keeps what the left one's first `least` columns leave of the room, the left
    /// one the rest.
    pub fn ends(&mut self, area: Rect, left: &Line<'_>, right: &Line<'_>, least: u16) {
        const SPACE: u16 = 2;
        let most = area.width.saturating_sub(least.saturating_add(SPACE));
        let wide = u16::try_from(right.width()).unwrap_or(u16::MAX).min(most);
        self.line(area.right() - wide, area.y, wide, right);
        self.line(area.x, area.y, area.width.saturating_sub(wide + SPACE), left);
    }

    /// A line across.
    pub fn rule(&mut self, area: Rect, y: u16) {
        let text = "─".repeat(area.width.into());
        self.put(area.x, y, area.width, &text, Slot::Faint);
    }

    /// The look of the row that the cursor is on. Where it is reversed, the colours of its text
    /// would become grounds, and are taken off.
    pub fn cursor_row(&mut self, row: Rect) {
        let style = self.theme.style(Slot::Cursor);
        let area = self.buffer.area.intersection(row);
        let reversed = style.add_modifier.contains(Modifier::REVERSED);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut(Position { x, y }) {
                    if reversed {
                        let keep = cell.modifier & (Modifier::BOLD | Modifier::UNDERLINED);
                        let base = self.theme.style(Slot::Base);
                        cell.set_style(Style::reset().patch(base).patch(style).add_modifier(keep));
                    } else {
                        cell.set_style(Style { fg: None, ..style });
                    }
                }
            }
        }
    }

    /// Lays a slot's look over what is there.
    pub fn tint(&mut self, area: Rect, slot: Slot) {
        let style = self.style(slot);
        self.buffer.set_style(area, style);
    }

    /// An empty window with a border and a title, over whatever was there; returns its inside.
    pub fn window(&mut self, area: Rect, title: &str) -> Rect {
        let area = self.buffer.area.intersection(area);
        let style = self.theme.style(Slot::Base).patch(self.theme.style(Slot::Window));
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut(Position { x, y }) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
        }
        if area.width < 4 || area.height < 3 {
            return Rect { width: area.width, height: area.height, ..area };
        }
        let across = "─".repeat(usize::from(area.width) - 2);
        let bottom = area.bottom() - 1;
        self.put(area.x, area.y, area.width, &format!("╭{across}╮"), Slot::Faint);
        self.put(area.x, bottom, area.width, &format!("╰{across}╯"), Slot::Faint);
        for y in area.y + 1..bottom {
            self.put(area.x, y, 1, "│", Slot::Faint);
            self.put(area.right() - 1, y, 1, "│", Slot::Faint);
        }
        if !title.is_empty() {
            self.put(area.x + 2, area.y, area.width - 4, &format!(" {title} "), Slot::Strong);
        }
        Rect { x: area.x + 2, y: area.y + 1, width: area.width - 4, height: area.height - 2 }
    }
}

/// A line with what does not fit below, a little to the right.
pub fn wrapped(line: &str, slot: Slot, columns: usize, lines: &mut Vec<Line<'static>>) {
    let words = line.trim_start();
    let indent = line.len() - words.len();
    if words.is_empty() {
        lines.push(Line::new());
        return;
    }
    for (at, part) in
        wrap(words, columns.saturating_sub(indent + 2).max(20)).into_iter().enumerate()
    {
        let more = if at == 0 { 0 } else { 2 };
        lines.push(Line::of(format!("{}{part}", " ".repeat(indent + more)), slot));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(width: u16, line: &Line<'_>) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, 1));
        let theme = Theme::default();
        Canvas::new(&mut buffer, &theme).line(0, 0, width, line);
        buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    #[test]
    fn a_line_is_cut_once_and_marked() {
        let line = Line::plain("abc").then("def", Slot::Muted);
        assert_eq!(drawn(8, &line), "abcdef  ");
        assert_eq!(drawn(6, &line), "abcdef");
        assert_eq!(drawn(5, &line), "abcd…");
        assert_eq!(drawn(3, &line), "ab…");
        assert_eq!(drawn(1, &line), "…");
    }

    #[test]
    fn nothing_is_drawn_outside_and_nothing_raw() {
        let theme = Theme::default();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 2));
        let mut canvas = Canvas::new(&mut buffer, &theme);
        canvas.put(9, 9, 5, "x", Slot::Base);
        canvas.put(0, 1, 900, "\u{1b}[2J", Slot::Base);
        canvas.cursor_row(Rect::new(0, 0, 90, 90));
        canvas.rule(Rect::new(0, 0, 90, 1), 40);
        canvas.window(Rect::new(1, 1, 90, 90), "title");
        canvas.window(Rect::new(2, 0, 1, 1), "title");
        canvas.line_right(Rect::new(0, 0, 4, 1), 0, &Line::plain("abcdefgh"));
        assert!(buffer.content.iter().all(|cell| !cell.symbol().contains('\u{1b}')));
    }
}
