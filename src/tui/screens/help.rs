//! Help, made from the action registry.

use super::title;
use crate::query::KEYS;
use crate::tui::action::{Action, ActionId, Context, Group};
use crate::tui::actions::ACTIONS;
use crate::tui::job::holds;
use crate::tui::layers::HelpView;
use crate::tui::layout::Parts;
use crate::tui::state::State;
use crate::tui::text::{fit, width, wrap};
use crate::tui::theme::Slot;
use crate::tui::update::disabled;
use crate::tui::widgets::{Canvas, Line};

/// From this width on there are two columns.
const TWO: u16 = 120;

pub(super) fn draw(state: &State, view: &HelpView, canvas: &mut Canvas<'_, '_>, parts: &Parts) {
    let mut right = Line::of("/ searches", Slot::Muted);
    if !view.filter.is_empty() {
        right = Line::of(format!("/ {}", view.filter), Slot::Accent);
    }
    let place = view.context.unwrap_or(Context::List).title();
    let left =
        Line::of(" Keys and commands", Slot::Strong).then(format!("  in {place}"), Slot::Muted);
    title(canvas, parts, &left, &right);
    let all = lines(state, view, parts.body.width);
    super::lines(canvas, parts.body, &all, view.scroll.offset);
}

/// The lines, in one or two columns.
pub fn lines(state: &State, view: &HelpView, columns: u16) -> Vec<Line<'static>> {
    let wide = usize::from(if columns < TWO { columns } else { columns / 2 });
    let mut blocks: Vec<Vec<Line<'static>>> = Group::ALL
        .into_iter()
        .filter_map(|group| block(state, view, group, wide))
        .chain(grammar(view, wide))
        .collect();
    if blocks.is_empty() {
        return vec![Line::of("nothing matches", Slot::Muted)];
    }
    if columns < TWO {
        return blocks.into_iter().flatten().collect();
    }
    // The left column takes blocks until it holds half of the lines.
    let half = blocks.iter().map(Vec::len).sum::<usize>().div_ceil(2);
    let mut left: Vec<Line<'static>> = Vec::new();
    while left.len() < half && !blocks.is_empty() {
        left.extend(blocks.remove(0));
    }
    let right: Vec<Line<'static>> = blocks.into_iter().flatten().collect();
    beside(left, &right, wide)
}

/// Two columns of lines as one.
pub(super) fn beside(
    mut left: Vec<Line<'static>>,
    right: &[Line<'static>],
    wide: usize,
) -> Vec<Line<'static>> {
    while left.len() < right.len() {
        left.push(Line::new());
    }
    for (line, more) in left.iter_mut().zip(right) {
        let have = line.width();
        if have + 2 > wide {
            *line = cut(line, wide.saturating_sub(2));
        }
        line.push(" ".repeat(wide.saturating_sub(line.width())), Slot::Base);
        line.0.extend(more.0.iter().cloned());
    }
    left
}

/// A line cut to a width.
fn cut(line: &Line<'static>, wide: usize) -> Line<'static> {
    let mut kept = Line::new();
    for piece in &line.0 {
        let left = wide.saturating_sub(kept.width());
        let text = crate::tui::text::fit(&piece.text, left).into_owned();
        let whole = crate::tui::text::width(&piece.text) <= left;
        kept.push(text, piece.slot);
        if !whole {
            break;
        }
    }
    kept
}

fn block(state: &State, view: &HelpView, group: Group, wide: usize) -> Option<Vec<Line<'static>>> {
    let mut rows: Vec<Line<'static>> = ACTIONS
        .iter()
        .filter(|action| action.group == group)
        .filter_map(|action| row(state, view, action, wide))
        .flatten()
        .collect();
    if rows.is_empty() {
        return None;
    }
    rows.insert(0, Line::of(group.title(), Slot::Brand));
    rows.push(Line::new());
    Some(rows)
}

/// How wide the column of keys is.
const KEYS_WIDE: usize = 17;

/// An action's lines: its keys, then its words and what it does, as many lines as that takes.
fn row(state: &State, view: &HelpView, action: &Action, wide: usize) -> Option<Vec<Line<'static>>> {
    let keys = state.keymap.keys_text(action.id);
    let words: Vec<String> = action.words.iter().map(|word| format!(":{word}")).collect();
    let mut words = words.join(" ");
    if keys.is_empty() && words.is_empty() {
        return None;
    }
    if !action.args.is_empty() {
        words = format!("{words} {}", action.args);
    }
    if !holds(&format!("{keys} {words} {}", action.help), &view.filter) {
        return None;
    }
    let here = view.context.is_none_or(|context| {
        action.contexts.contains(&context) || action.contexts.contains(&Context::Anywhere)
    });
    let (key_slot, slot) = if here { (Slot::Key, Slot::Base) } else { (Slot::Muted, Slot::Muted) };
    let mut help = action.help.to_owned();
    if action.id == ActionId::Namespace && !state.list.recent.is_empty() {
        let named = (1..).zip(&state.list.recent).map(|(digit, ns)| format!("{digit} {ns}"));
        help = format!("{help}: {}", named.collect::<Vec<_>>().join(", "));
    }
    if let Some(why) = disabled(state, action.id).filter(|_| action.keys.is_empty()) {
        help = format!("{help} ({why})");
    }
    let room = wide.saturating_sub(KEYS_WIDE + 2).max(20);
    let mut lines = vec![Line::of(format!("{keys:<KEYS_WIDE$}"), key_slot)];
    let indent = || Line::of(" ".repeat(KEYS_WIDE), Slot::Base);
    if !words.is_empty() {
        // Words stand on the line of the keys; what they do goes on behind, or below.
        let text = fit(&words, room).into_owned();
        if width(&text) + 2 + width(&help) <= room {
            let line = lines.pop().unwrap_or_default();
            return Some(vec![line.then(format!("{text}  "), key_slot).then(help, slot)]);
        }
        let line = lines.pop().unwrap_or_default();
        lines.push(line.then(text, key_slot));
        lines.extend(
            wrap(&help, room - 2).into_iter().map(|text| indent().then(format!("  {text}"), slot)),
        );
        return Some(lines);
    }
    for (at, text) in wrap(&help, room).into_iter().enumerate() {
        if at == 0 {
            let line = lines.pop().unwrap_or_default();
            lines.push(line.then(text, slot));
        } else {
            lines.push(indent().then(text, slot));
        }
    }
    Some(lines)
}

/// The grammar of filters.
fn grammar(view: &HelpView, wide: usize) -> Option<Vec<Line<'static>>> {
    let plain = [
        ("word", "part of the name, whatever its case; \"two words\" in quotes"),
        ("~regex  %abc", "a regular expression; letters in this order"),
        ("!term  -term", "everybody for whom it does not hold"),
    ];
    let keys = KEYS.iter().map(|(key, what)| (format!("{key}:"), (*what).to_owned()));
    let all = plain.into_iter().map(|(word, what)| (word.to_owned(), what.to_owned())).chain(keys);
    let mut rows: Vec<Line<'static>> = all
        .filter(|(word, what)| holds(&format!("{word} {what}"), &view.filter))
        .flat_map(|(word, what)| {
            let room = wide.saturating_sub(KEYS_WIDE + 2).max(20);
            wrap(&what, room).into_iter().enumerate().map(move |(at, text)| {
                let key = if at == 0 { word.as_str() } else { "" };
                Line::of(format!("{key:<KEYS_WIDE$}"), Slot::Key).then(text, Slot::Base)
            })
        })
        .collect();
    if rows.is_empty() {
        return None;
    }
    rows.insert(0, Line::of("filters, after / and :who", Slot::Brand));
    Some(rows)
}
