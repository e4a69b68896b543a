//! Moving about: the cursor, the view, the tabs.

use super::{Effects, books, list};
use crate::tui::action::ActionId as Id;
use crate::tui::geometry::rows_and_height;
use crate::tui::layers::{Layer, TextView};
use crate::tui::state::{Chip, State, Tone};
use crate::tui::tabs::turned;
use crate::tui::widgets::{Scroll, Step};

/// The scroll of the topmost layer, and whether it has a cursor.
fn scroll(state: &mut State) -> Option<(&mut Scroll, bool)> {
    let at = state.layers.iter().rposition(|layer| !matches!(layer, Layer::Prompt(_)));
    let Some(layer) = at.and_then(|at| state.layers.get_mut(at)) else {
        return Some((&mut state.list.scroll, true));
    };
    match layer {
        Layer::Page(page) => {
            let cursor = !page.tab.is_text();
            page.scrolls.get_mut(page.tab as usize).map(|scroll| (scroll, cursor))
        }
        Layer::Reverse(view) => Some((&mut view.scroll, true)),
        Layer::Whole(view) => Some((&mut view.scroll, true)),
        Layer::Picker(picker) => Some((&mut picker.scroll, true)),
        Layer::Health(scroll) => Some((scroll, false)),
        Layer::Text(text) => Some((&mut text.scroll, false)),
        Layer::Wizard(view) => {
            let choosing = !view.on_effect;
            Some((if choosing { &mut view.scroll } else { &mut view.effect }, choosing))
        }
        Layer::Help(help) => Some((&mut help.scroll, false)),
        Layer::Prompt(_) => None,
    }
}

/// Keeps every cursor where there is something, after sizes or rows have changed.
pub(super) fn clamp(state: &mut State) {
    let (count, height) = rows_and_height(state);
    if let Some((scroll, cursor)) = scroll(state) {
        if cursor {
            scroll.clamp(count, height);
        } else {
            scroll.view(Step::Rows(0), count, height);
        }
    }
}

pub(super) fn perform(state: &mut State, id: Id, effects: &mut Effects) {
    match id {
        Id::Left | Id::Right => sideways(state, if id == Id::Left { -1 } else { 1 }, effects),
        Id::NextTab => turn(state, 1, effects),
        Id::PreviousTab => turn(state, -1, effects),
        Id::NextMatch => find(state, 1),
        Id::PreviousMatch => find(state, -1),
        _ => step(state, id, effects),
    }
}

fn step(state: &mut State, id: Id, effects: &mut Effects) {
    let step = match id {
        Id::Up => Step::Rows(-1),
        Id::Down => Step::Rows(1),
        Id::PageUp => Step::Halves(-2),
        Id::PageDown => Step::Halves(2),
        Id::HalfUp => Step::Halves(-1),
        Id::HalfDown => Step::Halves(1),
        Id::Top => Step::Top,
        _ => Step::Bottom,
    };
    let (count, height) = rows_and_height(state);
    if let Some((scroll, cursor)) = scroll(state) {
        if cursor {
            scroll.step(step, count, height);
        } else {
            scroll.view(step, count, height);
        }
    }
    if state.layers.is_empty() {
        list::preview(state, effects);
    }
}

/// On the list, the chip beside; on a page, the tab beside; in a text, to the side.
fn sideways(state: &mut State, by: isize, effects: &mut Effects) {
    match state.layers.last_mut() {
        None => {
            state.list.chip = turned(&Chip::ALL, state.list.chip, by);
            list::to_top(state);
            list::refresh(state, effects);
        }
        Some(Layer::Text(text)) => {
            let widest = text.lines.iter().map(crate::tui::widgets::Line::width).max();
            let most = widest.unwrap_or(0).saturating_sub(1);
            text.column = text.column.saturating_add_signed(by * 8).min(most);
        }
        Some(_) => turn(state, by, effects),
    }
}

fn turn(state: &mut State, by: isize, effects: &mut Effects) {
    match state.layers.last_mut() {
        None => {
            state.list.tab = state.list.tab.turned(by);
            list::preview(state, effects);
        }
        Some(Layer::Page(page)) => {
            page.tab = page.tab.turned(by);
            books::reach(state, effects);
        }
        _ => {}
    }
    clamp(state);
}

/// The next or previous line that holds what is looked for, round and round.
fn find(state: &mut State, by: isize) {
    let (count, height) = rows_and_height(state);
    let Some(Layer::Text(text)) = state.layers.last_mut() else {
        return;
    };
    let places = places(text);
    if places.is_empty() {
        let said = format!("{:?} is not in this text", text.search);
        state.say(Tone::Refused, said);
        return;
    }
    let from = text.found.unwrap_or(text.scroll.offset);
    let next = match by {
        1 => places.iter().find(|line| **line > from).or(places.first()),
        _ => places.iter().rev().find(|line| **line < from).or(places.last()),
    };
    text.found = next.copied();
    show_found(text, count, height);
}

/// The first line from the top of the view on that holds what is looked for.
pub(super) fn find_first(text: &mut TextView, height: usize) {
    let places = places(text);
    let from = text.scroll.offset;
    text.found = places.iter().find(|line| **line >= from).or(places.first()).copied();
    show_found(text, text.lines.len(), height);
}

fn show_found(text: &mut TextView, count: usize, height: usize) {
    let Some(line) = text.found else {
        return;
    };
    if !text.scroll.shown(count, height).contains(&line) {
        text.scroll.offset = line.saturating_sub(height / 3);
        text.scroll.view(Step::Rows(0), count, height);
    }
}

fn places(text: &TextView) -> Vec<usize> {
    if text.search.is_empty() {
        return Vec::new();
    }
    let wanted = text.search.to_lowercase();
    let holds = |line: &crate::tui::widgets::Line<'_>| line.text().to_lowercase().contains(&wanted);
    (0..text.lines.len()).filter(|at| text.lines.get(*at).is_some_and(holds)).collect()
}
