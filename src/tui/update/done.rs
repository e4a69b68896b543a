//! Work that is done. What was asked for by an older question is dropped.

use std::sync::Arc;

use super::{Effects, list, wizard};
use crate::query::Seen;
use crate::tui::asked::Answer;
use crate::tui::job::{Done, holds};
use crate::tui::layers::Layer;
use crate::tui::state::{BecomingOf, State};
use crate::tui::words;

pub(super) fn done(state: &mut State, done: Done, effects: &mut Effects) {
    match done {
        Done::Rows { tag, rows, remarks } => list::take_rows(state, tag, rows, remarks, effects),
        Done::Page(data) => {
            if state.list.current() == Some(data.who) {
                state.list.preview = Some(data.clone());
            }
            for layer in &mut state.layers {
                if let Layer::Page(page) = layer
                    && page.who == data.who
                {
                    page.data = Some(data.clone());
                }
            }
        }
        Done::Reach(data) => {
            let Some(data) = data else { return };
            if state.list.current() == Some(data.who) {
                state.list.reach = Some(data.clone());
            }
            for layer in &mut state.layers {
                if let Layer::Page(page) = layer
                    && page.who == data.who
                {
                    page.reach = Some(data.clone());
                }
            }
        }
        Done::Becoming { feed, book, becoming, took } => {
            let known = BecomingOf { book, becoming, at: state.now, took };
            super::becoming::known(state, feed, known, effects);
        }
        Done::Whole { tag, rows } => {
            for layer in &mut state.layers {
                if let Layer::Whole(view) = layer
                    && view.tag == tag
                {
                    view.take(rows.clone());
                }
            }
        }
        Done::Answer { tag, answer } => {
            for layer in &mut state.layers {
                if let Layer::Reverse(view) = layer
                    && view.tag == tag
                {
                    view.answer = Some(answer.clone());
                }
            }
            arrange_answer(state);
        }
        Done::Behind { tag, behind } => wizard::behind(state, tag, behind, effects),
        Done::Sight { tag, sight } => wizard::seen(state, tag, sight, effects),
        Done::Text { tag, lines } => {
            for layer in &mut state.layers {
                if let Layer::Text(text) = layer
                    && text.tag == tag
                {
                    text.lines = lines.clone();
                }
            }
        }
    }
    super::moving::clamp(state);
}

/// Puts the rows of the topmost answer in order; the cursor stays on who it was on.
pub(super) fn arrange_answer(state: &mut State) {
    let Some(Layer::Reverse(view)) = state.screen() else {
        return;
    };
    let Some(Ok(answer)) = view.answer.clone() else {
        return;
    };
    let mut rows: Vec<usize> = (0..answer.holders.len())
        .filter(|at| holds(&row_text(&answer, *at), &view.filter))
        .collect();
    if view.by_time {
        let time = |at: &usize| {
            let who = answer.holders.get(*at).and_then(|row| row.who)?;
            let (book, entry) = state.entry(who)?;
            Seen::of(book, entry).time()
        };
        rows.sort_by_cached_key(|at| std::cmp::Reverse(time(at)));
    }
    let current = view.rows.get(view.scroll.cursor).copied();
    if let Some(Layer::Reverse(view)) = state.screen_mut() {
        view.rows = rows;
        if let Some(at) = current.and_then(|row| view.rows.iter().position(|have| *have == row)) {
            view.scroll.cursor = at;
        }
    }
}

fn row_text(answer: &Arc<Answer>, at: usize) -> String {
    answer.holders.get(at).map_or_else(String::new, |row| {
        let scopes: Vec<String> = row.ways.iter().map(|way| words::scope(&way.scope)).collect();
        format!("{} {}", row.identity, scopes.join(" "))
    })
}
