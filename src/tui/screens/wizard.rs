//! A wizard: its choices, and what comes of them.

use ratatui::layout::Rect;

use super::{cursor, inner, row_area, title};
use crate::actors::{Actor, Holder};
use crate::tui::layout::Parts;
use crate::tui::text::{fit, plural, short_figure, width};
use crate::tui::theme::Slot;
use crate::tui::time::ago;
use crate::tui::widgets::{Canvas, Line};
use crate::tui::wizard::{Field, Form, SplitForm, Wizard, panes, summary};
use crate::tui::words;

/// Columns of what stands before a value.
const LABEL: usize = 17;

/// Columns of a value, at least.
const VALUE: usize = 16;

pub(super) fn draw(view: &Wizard, canvas: &mut Canvas<'_, '_>, parts: &Parts) {
    let mut right = Line::new();
    if view.stage {
        right.push("staged when worked out  ", Slot::Warn);
    }
    let (said, slot) = match (view.is_worked_out(), view.as_plan) {
        (false, _) => ("working it out …", Slot::Unknown),
        (true, true) => ("the whole plan", Slot::Accent),
        (true, false) => ("h l change", Slot::Muted),
    };
    let writes = view.sight.as_ref().map_or(0, |(_, sight)| sight.writes());
    if writes > 0 {
        right.push(format!("{}  ", plural(writes, "write")), Slot::Base);
    }
    right.push(said, slot);
    let left = Line::of(format!(" {}", view.form.title()), Slot::Strong);
    title(canvas, parts, &left, &right);
    let fields = view.form.fields();
    let panes = panes(parts.body, fields.len());
    form(view, &fields, canvas, panes.form);
    if panes.beside {
        let x = panes.effect.x - 1;
        for y in parts.body.top()..parts.body.bottom() {
            canvas.put(x, y, 1, "│", Slot::Faint);
        }
        if panes.aside.height > 0 {
            canvas.rule(panes.form, panes.aside.y - 1);
            super::lines(canvas, panes.aside, &view.aside, 0);
        }
    } else if panes.summary.height > 0 {
        canvas.rule(panes.summary, panes.summary.y - 1);
    }
    effect(view, canvas, (panes.summary, panes.effect));
}

fn form(view: &Wizard, fields: &[Field], canvas: &mut Canvas<'_, '_>, area: Rect) {
    let shown = view.scroll.shown(fields.len(), area.height.into());
    for (at, index) in shown.enumerate() {
        let Some(field) = fields.get(index) else { break };
        let row = row_area(area, at);
        let here = index == view.scroll.cursor;
        match (&view.form, field) {
            (Form::Split(form), Field::Actor(at)) => actor(view, form, *at, canvas, row),
            _ => choice(view, *field, here, canvas, inner(row)),
        }
        if here && !view.on_effect {
            cursor(canvas, row);
        } else if here {
            canvas.put(row.x, row.y, 1, "▏", Slot::Bar);
        }
    }
}

fn choice(view: &Wizard, field: Field, here: bool, canvas: &mut Canvas<'_, '_>, row: Rect) {
    let sight = view.sight.as_ref().map(|(_, sight)| &**sight);
    let (value, says) = view.form.value(field, sight);
    let value = if here { format!("‹ {value} ›") } else { format!("  {value}") };
    let pad = " ".repeat(VALUE.saturating_sub(width(&value)));
    let line = Line::of(format!("{:<LABEL$}", field.label()), Slot::Muted)
        .then(value, Slot::Accent)
        .then(format!("{pad}  "), Slot::Base)
        .then(says, Slot::Base);
    canvas.line(row.x, row.y, row.width, &line);
}

/// One who is seen: what they are called, what they are, whom they become, when and how much they were
/// seen, and by what they are known.
fn actor(view: &Wizard, form: &SplitForm, at: usize, canvas: &mut Canvas<'_, '_>, row: Rect) {
    let (Some(seat), Some(seen)) = (form.seats.get(at), form.actor(at)) else { return };
    if seat.marked {
        canvas.put(row.x + 1, row.y, 1, "✓", Slot::Mark);
    }
    let row = inner(row);
    let wide = row.width >= 88;
    let (name, to) = if wide { (14, 26) } else { (12, 22) };
    let column = |text: &str, columns: usize| {
        let shown = fit(text, columns).into_owned();
        let pad = columns.saturating_sub(width(&shown));
        format!("{shown}{}", " ".repeat(pad))
    };
    let kind = match (form.is_pods(at), form.is_machine(at)) {
        (true, _) => "pods",
        (false, true) => "machine",
        (false, false) => "person",
    };
    let mut line = Line::of(column(&seat.name, name), Slot::Strong);
    if seat.left_out {
        line.push(column(" left out", 9 + to + 2), Slot::Warn);
    } else {
        line.push(format!(" {kind:<8}"), Slot::Muted);
        let (value, _) = view.form.value(Field::Actor(at), None);
        let slot = if value == "?" { Slot::Warn } else { Slot::Accent };
        line.push(column(&format!("→ {value}"), to + 2), slot);
    }
    line.push(format!(" {:>4}  ", ago(seen.last, form.now)), Slot::Muted);
    if wide {
        line.push(format!("{:>5}  ", short_figure(seen.requests)), Slot::Muted);
    }
    line.push(known(seen, &seat.is), Slot::Base);
    canvas.line(row.x, row.y, row.width, &line);
}

/// By what one is told from the others.
fn known(seen: &Actor, is: &str) -> String {
    let holder = match &seen.holder {
        Holder::Credential(_) | Holder::NotSaid => is.to_owned(),
        other => other.text(),
    };
    match &seen.system {
        Some(system) => format!("{system} {holder}"),
        None => holder,
    }
}

/// Why nothing comes of it.
fn why(view: &Wizard) -> String {
    let refused = || view.sight.as_ref().and_then(|(_, sight)| sight.refused().into_iter().next());
    let why = match &view.form {
        Form::Split(form) => match &form.behind {
            Some(Err(why)) => Some(why.clone()),
            _ => form.open(),
        },
        Form::Narrow(_) => None,
    };
    format!("✗ {}", why.or_else(refused).unwrap_or_default())
}

fn effect(view: &Wizard, canvas: &mut Canvas<'_, '_>, (above, area): (Rect, Rect)) {
    if above.height > 0 {
        let mut line = Line::new();
        if view.on_effect {
            line.push("▌", Slot::Bar);
        } else {
            line.push(" ", Slot::Base);
        }
        let (said, slot) = match &view.sight {
            None => (words::LOADING.to_owned(), Slot::Muted),
            Some((_, sight)) => match summary(&view.form, sight) {
                Some(said) => (said, Slot::Heading),
                None => (why(view), Slot::Danger),
            },
        };
        line.push(said, slot);
        let shown = view.effect.shown(view.lines.len(), area.height.into());
        let below = view.lines.len().saturating_sub(shown.end);
        let right = match below {
            0 => Line::new(),
            below => Line::of(format!("↓ {}", plural(below, "line")), Slot::Key),
        };
        canvas.ends(Rect { width: above.width.saturating_sub(1), ..above }, &line, &right, 30);
    }
    let shown = view.effect.shown(view.lines.len(), area.height.into());
    for (y, index) in (area.top()..area.bottom()).zip(shown) {
        let Some(line) = view.lines.get(index) else { break };
        canvas.line(area.x + 1, y, area.width.saturating_sub(1), line);
    }
}
