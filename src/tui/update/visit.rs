//! Going to places, and back to them.

use super::{Effects, books, open};
use crate::tui::action::ActionId as Id;
use crate::tui::asked::Asked;
use crate::tui::layers::{HelpView, Layer, ReverseView};
use crate::tui::places::Place;
use crate::tui::state::{FeedId, State, Tone};
use crate::tui::tabs::Tab;
use crate::tui::whole::{Sort, Whole};
use crate::tui::widgets::Scroll;

/// The place that the topmost screen is. Texts, help and windows are over a place, and none.
pub(super) fn place(state: &State) -> Place {
    let place = |layer: &Layer| match layer {
        Layer::Page(page) => Some(Place::Page(page.who)),
        Layer::Reverse(view) => Some(Place::Reverse(view.feed, view.asked.clone())),
        Layer::Whole(view) => Some(Place::Whole(view.sort)),
        Layer::Health(_) => Some(Place::Health),
        Layer::Text(_)
        | Layer::Wizard(_)
        | Layer::Help(_)
        | Layer::Picker(_)
        | Layer::Prompt(_) => None,
    };
    state.layers.iter().rev().find_map(place).unwrap_or_default()
}

pub(super) fn perform(state: &mut State, id: Id, effects: &mut Effects) {
    match id {
        Id::HistoryBack => step(state, -1, effects),
        Id::HistoryForward => step(state, 1, effects),
        Id::LastPlace => {
            if let Some(place) = state.places.last() {
                go(state, place, effects);
            }
        }
        Id::Findings => whole(state, Sort::Findings, effects),
        Id::Credentials => whole(state, Sort::Credentials, effects),
        Id::Grants => whole(state, Sort::Grants, effects),
        Id::Reach => whole(state, Sort::Cuts, effects),
        Id::Health | Id::InfoCommand => {
            if !matches!(state.layers.last(), Some(Layer::Health(_))) {
                state.layers.push(Layer::Health(Scroll::default()));
            }
        }
        _ => {
            if !matches!(state.layers.last(), Some(Layer::Help(_))) {
                let context = Some(state.context());
                state.layers.push(Layer::Help(HelpView { context, ..HelpView::default() }));
            }
        }
    }
}

/// Everything of one sort.
fn whole(state: &mut State, sort: Sort, effects: &mut Effects) {
    if !matches!(state.layers.last(), Some(Layer::Whole(view)) if view.sort == sort) {
        state.layers.push(Layer::Whole(Box::new(Whole::new(sort))));
        books::whole(state, effects);
    }
}

fn step(state: &mut State, by: isize, effects: &mut Effects) {
    match state.places.go(by) {
        Some(place) => go(state, place, effects),
        None if by < 0 => state.say(Tone::Refused, "there is no place before this"),
        None => state.say(Tone::Refused, "there is no place after this"),
    }
}

/// Goes to a place, from the ground up.
fn go(state: &mut State, place: Place, effects: &mut Effects) {
    state.layers.clear();
    match place {
        Place::List => books::refresh_screen(state, effects),
        Place::Page(who) => open::open_page(state, who, Some(Tab::Permissions), effects),
        Place::Reverse(feed, asked) => reverse(state, feed, asked, effects),
        Place::Whole(sort) => whole(state, sort, effects),
        Place::Health => perform(state, Id::Health, effects),
    }
}

/// Asks who can do something.
pub(super) fn reverse(state: &mut State, feed: FeedId, asked: Asked, effects: &mut Effects) {
    state.layers.push(Layer::Reverse(Box::new(ReverseView {
        feed,
        asked,
        answer: None,
        filter: String::new(),
        rows: Vec::new(),
        by_time: false,
        scroll: Scroll::default(),
        tag: 0,
    })));
    books::ask_again(state, effects);
}
