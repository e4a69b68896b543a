//! A text to read: YAML, a description.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::title;
use crate::model::printable;
use crate::tui::layers::TextView;
use crate::tui::layout::Parts;
use crate::tui::text::plural;
use crate::tui::theme::Slot;
use crate::tui::widgets::{Canvas, Line};

pub(super) fn draw(view: &TextView, canvas: &mut Canvas<'_, '_>, parts: &Parts) {
    let mut right = Line::new();
    if !view.search.is_empty() {
        right.push(format!("/ {}   ", view.search), Slot::Accent);
    }
    let columns = usize::from(parts.body.width).saturating_sub(2);
    let widest = view.lines.iter().map(Line::width).max().unwrap_or(0);
    if widest > columns {
        let (left, more) = (view.column > 0, widest > view.column + columns);
        let said = match (left, more) {
            (true, true) => "← h  l → more   ",
            (true, false) => "← h more   ",
            (false, _) => "l → more   ",
        };
        right.push(said, Slot::Key);
    }
    right.push(plural(view.lines.len(), "line"), Slot::Muted);
    title(canvas, parts, &Line::of(format!(" {}", view.title), Slot::Strong), &right);
    let body = parts.body;
    let shown = view.scroll.shown(view.lines.len(), body.height.into());
    for (y, index) in (body.top()..body.bottom()).zip(shown) {
        let Some(line) = view.lines.get(index) else {
            break;
        };
        let line = highlighted(&from_column(line, view.column), &view.search);
        canvas.line(body.x + 1, y, body.width.saturating_sub(2), &line);
        if view.found == Some(index) {
            canvas.put(body.x, y, 1, "▌", Slot::Bar);
        }
    }
}

/// The line without its first columns.
fn from_column(line: &Line<'_>, column: usize) -> Line<'static> {
    let mut cut = Line::new();
    let mut at = 0;
    for piece in &line.0 {
        let mut rest = String::new();
        for grapheme in printable(&piece.text).graphemes(true) {
            if at >= column {
                rest.push_str(grapheme);
            }
            at += grapheme.width();
        }
        cut.push(rest, piece.slot);
    }
    cut
}

/// The line with what is looked for set apart. Words that span two pieces are left as they are.
fn highlighted(line: &Line<'static>, search: &str) -> Line<'static> {
    if search.is_empty() {
        return line.clone();
    }
    let wanted = search.to_lowercase();
    let mut shown = Line::new();
    for piece in &line.0 {
        let lower = piece.text.to_lowercase();
        // Where lower case has another length, places differ; such a piece stays plain.
        if lower.len() != piece.text.len() {
            shown.0.push(piece.clone());
            continue;
        }
        let mut at = 0;
        for (start, found) in lower.match_indices(&wanted) {
            let end = start + found.len();
            if let (Some(before), Some(found)) =
                (piece.text.get(at..start), piece.text.get(start..end))
            {
                shown.push(before.to_owned(), piece.slot);
                shown.push(found.to_owned(), Slot::Match);
                at = end;
            }
        }
        shown.push(piece.text.get(at..).unwrap_or_default().to_owned(), piece.slot);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_can_be_read_from_any_column() {
        let line = Line::plain("ab").then("日本c", Slot::Key);
        assert_eq!(from_column(&line, 0).text(), "ab日本c");
        assert_eq!(from_column(&line, 1).text(), "b日本c");
        assert_eq!(from_column(&line, 3).text(), "本c");
        assert_eq!(from_column(&line, 90).text(), "");
    }

    #[test]
    fn what_is_looked_for_is_set_apart() {
        let line = highlighted(&Line::plain("get Secrets, secrets"), "secret");
        let found: Vec<&str> = line
            .0
            .iter()
            .filter(|piece| piece.slot == Slot::Match)
            .map(|piece| &*piece.text)
            .collect();
        assert_eq!(found, ["Secret", "secret"]);
        assert_eq!(line.text(), "get Secrets, secrets");
    }
}
