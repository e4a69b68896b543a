//! A Plan to read: words wrapped, images as they are.

use super::theme::Slot;
use super::widgets::{Line, wrapped};

/// The lines of a Plan's text at most so many columns wide, what it adds and takes set apart.
pub fn text<'a>(
    text: impl Iterator<Item = &'a str>,
    columns: usize,
    lines: &mut Vec<Line<'static>>,
) {
    for line in text {
        if let Some(slot) = image(line) {
            lines.push(Line::of(line.to_owned(), slot));
            continue;
        }
        let slot = match line {
            _ if line.starts_with("LOCKS OUT") => Slot::Danger,
            _ if line.starts_with("warning") => Slot::Warn,
            _ if line.starts_with(' ') => Slot::Base,
            _ => Slot::Strong,
        };
        wrapped(line, slot, columns, lines);
    }
}

/// What a line of an object looks like; None where it is none.
fn image(line: &str) -> Option<Slot> {
    match line.strip_prefix("     ").and_then(|rest| rest.chars().next())? {
        '+' => Some(Slot::Good),
        '-' => Some(Slot::Danger),
        ' ' | '…' => Some(Slot::Muted),
        _ => None,
    }
}

/// Only the objects of a Plan's text, each behind what becomes of it; so many lines at most.
pub fn images(text: &str, most: usize, lines: &mut Vec<Line<'static>>) {
    let mut step = None;
    for line in text.lines() {
        if lines.len() >= most {
            return;
        }
        if let Some(slot) = image(line) {
            if let Some(step) = step.take() {
                lines.push(Line::of(step, Slot::Strong));
            }
            let line = line.strip_prefix("   ").unwrap_or(line);
            lines.push(Line::of(line.to_owned(), slot));
        } else if line.starts_with(|first: char| first.is_ascii_digit()) {
            step = Some(line.to_owned());
        }
    }
}
