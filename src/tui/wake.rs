//! When the screen has to be drawn again although nothing happened: when an age on it changes.

use std::time::Duration;

use super::geometry;
use super::layers::Layer;
use super::state::{State, Who};
use super::time::changes_in;
use super::update::becoming;
use crate::query::Seen;

/// Never more often than this.
const LEAST: Duration = Duration::from_mins(1);

/// How long until something on the screen ages, or is to be worked out again; None where nothing
/// is, or nobody looks.
pub fn next(state: &State) -> Option<Duration> {
    if !state.focused {
        return None;
    }
    ages(state).into_iter().chain(becoming::due_in(state)).min()
}

fn ages(state: &State) -> Option<Duration> {
    let height = usize::from(geometry::of(state).body.height);
    let rows: Vec<Who> = match state.screen() {
        None => {
            let list = &state.list;
            let shown = list.scroll.shown(list.rows.len(), height);
            list.rows.get(shown).unwrap_or_default().to_vec()
        }
        Some(Layer::Page(page)) => vec![page.who],
        Some(Layer::Reverse(view)) => {
            let Some(Ok(answer)) = &view.answer else {
                return None;
            };
            let shown = view.scroll.shown(view.rows.len(), height);
            let rows = view.rows.get(shown).unwrap_or_default();
            rows.iter().filter_map(|row| answer.holders.get(*row)?.who).collect()
        }
        Some(_) => return None,
    };
    let times = rows.into_iter().filter_map(|who| {
        let (book, entry) = state.entry(who)?;
        Seen::of(book, entry).time()
    });
    times.filter_map(|time| changes_in(time, state.now)).min().map(|wait| wait.max(LEAST))
}
