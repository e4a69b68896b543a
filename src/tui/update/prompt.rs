//! The line being typed: a filter or search that works while it is typed, or a command.

use super::{Effects, books, change, command, done, list, moving, wizard};
use crate::query::Query;
use crate::tui::action::ActionId as Id;
use crate::tui::complete;
use crate::tui::geometry;
use crate::tui::layers::{Layer, Prompt, PromptKind};
use crate::tui::state::State;
use crate::tui::terms;

/// How many lines are remembered.
const REMEMBERED: usize = 100;

pub(super) fn perform(state: &mut State, id: Id, effects: &mut Effects) {
    match id {
        Id::Filter => open(state, PromptKind::Filter),
        Id::Command => open(state, PromptKind::Command),
        Id::Accept => accept(state, effects),
        Id::Cancel => cancel(state, effects),
        Id::Complete => complete(state, effects),
        Id::Earlier => remember(state, true, effects),
        Id::Later => remember(state, false, effects),
        _ => rubout(state, id, effects),
    }
}

fn prompt(state: &mut State) -> Option<&mut Prompt> {
    match state.layers.last_mut() {
        Some(Layer::Prompt(prompt)) => Some(prompt),
        _ => None,
    }
}

fn open(state: &mut State, kind: PromptKind) {
    let before = match state.screen() {
        _ if kind != PromptKind::Filter => String::new(),
        None => state.list.filter.text().to_owned(),
        Some(Layer::Reverse(view)) => view.filter.clone(),
        Some(Layer::Whole(view)) => view.filter.clone(),
        Some(Layer::Text(text)) => text.search.clone(),
        Some(Layer::Help(help)) => help.filter.clone(),
        Some(_) => String::new(),
    };
    state.layers.push(Layer::Prompt(Prompt {
        kind,
        text: before.clone(),
        before,
        error: None,
        earlier: 0,
        draft: String::new(),
    }));
}

/// Puts a character at the end.
pub(super) fn insert(state: &mut State, c: char, effects: &mut Effects) {
    if let Some(prompt) = prompt(state) {
        prompt.text.push(c);
        prompt.earlier = 0;
        changed(state, effects);
    }
}

/// Puts pasted text at the end; a line has no line breaks.
pub(super) fn paste(state: &mut State, text: &str, effects: &mut Effects) {
    if let Some(prompt) = prompt(state) {
        let line: Vec<&str> =
            text.split(['\n', '\r', '\t']).filter(|part| !part.is_empty()).collect();
        prompt.text.push_str(&line.join(" "));
        prompt.text.retain(|c| !c.is_control());
        prompt.earlier = 0;
        changed(state, effects);
    }
}

fn rubout(state: &mut State, id: Id, effects: &mut Effects) {
    let Some(prompt) = prompt(state) else {
        return;
    };
    match id {
        Id::Rubout if prompt.text.is_empty() => {
            cancel(state, effects);
            return;
        }
        Id::Rubout => {
            prompt.text.pop();
        }
        Id::RuboutWord => {
            let end = prompt.text.trim_end().len();
            let start = prompt.text[..end].rfind(' ').map_or(0, |at| at + 1);
            prompt.text.truncate(start);
        }
        _ => prompt.text.clear(),
    }
    changed(state, effects);
}

/// A filter takes effect while it is typed; what is no query yet says so, and changes nothing.
fn changed(state: &mut State, effects: &mut Effects) {
    let Some(prompt) = prompt(state) else {
        return;
    };
    prompt.error = None;
    if prompt.kind != PromptKind::Filter {
        return;
    }
    let text = prompt.text.clone();
    apply(state, &text, effects);
}

/// Filters the topmost screen by a text.
fn apply(state: &mut State, text: &str, effects: &mut Effects) {
    let height = geometry::of(state).body.height.into();
    match state.screen_mut() {
        None => match Query::parse(text) {
            Ok(query) => {
                state.list.filter = query;
                list::refresh(state, effects);
            }
            Err(error) => {
                if let Some(prompt) = prompt(state) {
                    prompt.error = Some(error.to_string());
                }
            }
        },
        Some(Layer::Reverse(view)) => {
            text.clone_into(&mut view.filter);
            done::arrange_answer(state);
        }
        Some(Layer::Whole(view)) => match terms::wrong(view.sort, text) {
            None => {
                text.clone_into(&mut view.filter);
                books::whole(state, effects);
            }
            error => {
                if let Some(prompt) = prompt(state) {
                    prompt.error = error;
                }
            }
        },
        Some(Layer::Text(view)) => {
            text.clone_into(&mut view.search);
            moving::find_first(view, height);
        }
        Some(Layer::Help(help)) => text.clone_into(&mut help.filter),
        Some(_) => {}
    }
    moving::clamp(state);
}

fn accept(state: &mut State, effects: &mut Effects) {
    let Some(Layer::Prompt(prompt)) = state.layers.last().cloned() else {
        return;
    };
    if prompt.error.is_some() {
        return;
    }
    state.layers.pop();
    let text = prompt.text.trim().to_owned();
    let remembered = match prompt.kind {
        PromptKind::Filter => Some(&mut state.typed.filters),
        PromptKind::Command => Some(&mut state.typed.commands),
        _ => None,
    };
    if let Some(remembered) = remembered.filter(|_| !text.is_empty()) {
        remembered.retain(|have| *have != text);
        remembered.push(text.clone());
        if remembered.len() > REMEMBERED {
            remembered.remove(0);
        }
    }
    match prompt.kind {
        PromptKind::Command if !text.is_empty() => command::run(state, &text, effects),
        PromptKind::Filter if state.screen().is_none() => list::preview(state, effects),
        PromptKind::Confirm => change::confirmed(state, &text, effects),
        PromptKind::Save => change::save(state, &text, effects),
        PromptKind::Folder => change::folder(state, &text),
        PromptKind::Choice(field) => wizard::typed(state, field, &text, effects),
        PromptKind::Becomes(at) => wizard::becomes(state, at, &text, effects),
        _ => {}
    }
}

fn cancel(state: &mut State, effects: &mut Effects) {
    let Some(Layer::Prompt(prompt)) = state.layers.pop() else {
        return;
    };
    if prompt.kind == PromptKind::Filter && prompt.text != prompt.before {
        apply(state, &prompt.before, effects);
    }
}

fn complete(state: &mut State, effects: &mut Effects) {
    let Some(Layer::Prompt(prompt)) = state.layers.last() else {
        return;
    };
    if let Some(ghost) = complete::ghost(state, prompt) {
        if let Some(prompt) = self::prompt(state) {
            prompt.text.push_str(&ghost);
        }
        changed(state, effects);
    }
}

fn remember(state: &mut State, earlier: bool, effects: &mut Effects) {
    let typed = state.typed.clone();
    let Some(prompt) = prompt(state) else {
        return;
    };
    let lines = match prompt.kind {
        PromptKind::Filter => typed.filters,
        PromptKind::Command => typed.commands,
        _ => return,
    };
    if prompt.earlier == 0 {
        prompt.draft.clone_from(&prompt.text);
    }
    let wanted = if earlier { prompt.earlier + 1 } else { prompt.earlier.saturating_sub(1) };
    prompt.earlier = wanted.min(lines.len());
    prompt.text = match prompt.earlier {
        0 => prompt.draft.clone(),
        back => lines[lines.len() - back].clone(),
    };
    changed(state, effects);
}
