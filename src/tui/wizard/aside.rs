//! Beside what comes of choices, where there is room: the command that chooses the same, and the
//! objects as they would be written.

use super::{Lines, Wizard};
use crate::tui::planned;
use crate::tui::text::{plural, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::Line;

/// Commands that are shown, at most.
const COMMANDS: usize = 3;

/// Lines of objects, at most: as high as terminals are.
const LINES: usize = 200;

pub(super) fn lines(view: &Wizard, columns: usize) -> Lines {
    let mut lines = Lines::new();
    let commands = view.commands();
    if !commands.is_empty() {
        lines.push(Line::of("The same as a command (c copies it)", Slot::Heading));
    }
    for command in commands.iter().take(COMMANDS) {
        for (at, part) in wrap(command, columns.saturating_sub(4).max(16)).into_iter().enumerate() {
            let indent = if at == 0 { "" } else { "  " };
            lines.push(Line::of(format!("{indent}{part}"), Slot::Base));
        }
    }
    if commands.len() > COMMANDS {
        let more = format!("and {}", plural(commands.len() - COMMANDS, "more command"));
        lines.push(Line::of(more, Slot::Muted));
    }
    let texts = view.sight.iter().flat_map(|(_, sight)| &sight.of);
    let mut images = Lines::new();
    for text in texts.filter_map(|seen| seen.plan.as_deref()) {
        planned::images(text, LINES, &mut images);
    }
    if !images.is_empty() {
        lines.push(Line::new());
        lines.push(Line::of("What would be written (v shows all of it)", Slot::Heading));
        lines.append(&mut images);
    }
    lines
}
