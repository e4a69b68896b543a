//! Who is seen behind an account, and what speaks for more than one person.

use chrono::{DateTime, Utc};

use super::Lines;
use crate::actors::{self, Actor, Behind};
use crate::model::Name;
use crate::tui::text::{fit, plural, short_figure};
use crate::tui::theme::Slot;
use crate::tui::time::ago;
use crate::tui::widgets::Line;

/// So many are listed.
const LISTED: usize = 12;

/// Appends it, where there is more than one of anything.
pub(super) fn lines(lines: &mut Lines, behind: Option<&Behind>, now: DateTime<Utc>, width: usize) {
    let Some(behind) = behind else { return };
    if behind.actors.len() < 2 && behind.signals.is_empty() && behind.rest.requests == 0 {
        return;
    }
    lines.push(Line::new());
    let count = plural(behind.actors.len(), "actor");
    let mut head = Line::of(format!("seen behind it: {count}"), Slot::Heading);
    if behind.is_shared() {
        head.push("  shared", Slot::Warn);
    }
    lines.push(head);
    for signal in &behind.signals {
        let text = fit(&signal.evidence, width.saturating_sub(6)).into_owned();
        let slot = if behind.is_shared() { Slot::Warn } else { Slot::Muted };
        lines.push(Line::of(format!("{:>4}  ", signal.weight), slot).then(text, Slot::Base));
    }
    if !behind.signals.is_empty() {
        let sum =
            format!("{:>4}  in all; from {} on it is called shared", behind.weight, actors::SHARED);
        lines.push(Line::of(sum, Slot::Muted));
    }
    for actor in behind.actors.iter().take(LISTED) {
        one(lines, actor, now, width);
    }
    if behind.actors.len() > LISTED {
        let more = format!("  and {} more", behind.actors.len() - LISTED);
        lines.push(Line::of(more, Slot::Muted));
    }
    if behind.rest.requests > 0 {
        let count = usize::try_from(behind.rest.requests).unwrap_or(usize::MAX);
        let text = format!("  of nobody: {}", plural(count, "request"));
        lines.push(Line::of(text, Slot::Unknown));
    }
}

fn one(lines: &mut Lines, actor: &Actor, now: DateTime<Utc>, width: usize) {
    let figures = format!(
        " {:>5} {:>6} {:>9}",
        ago(actor.last, now),
        short_figure(actor.requests),
        plural(actor.days, "day")
    );
    let room = width.saturating_sub(2 + figures.len()).clamp(8, 60);
    let holder = fit(&actor.holder.text(), room).into_owned();
    let pad = " ".repeat(room.saturating_sub(crate::tui::text::width(&holder)));
    lines.push(
        Line::of("  ", Slot::Base)
            .then(holder, Slot::Strong)
            .then(format!("{pad}{figures}"), Slot::Muted),
    );
    let hours: Vec<u32> = (0..24).filter(|hour| actor.hours >> hour & 1 == 1).collect();
    let parts = [
        Some(first(&actor.addresses)),
        Some(first(&actor.agents)),
        Some(format!("hours {} UTC", actors::hours_text(&hours))),
    ];
    let text = parts.into_iter().flatten().filter(|part| !part.is_empty());
    let text = text.collect::<Vec<_>>().join(" · ");
    lines.push(Line::of(format!("    {}", fit(&text, width.saturating_sub(5))), Slot::Muted));
}

/// The newest, and how many more there are.
fn first(of: &[Name]) -> String {
    match of {
        [] => String::new(),
        [one] => one.to_string(),
        [one, rest @ ..] => format!("{one} +{}", rest.len()),
    }
}
