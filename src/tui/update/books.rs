//! A newer Book of a feed: everything on screen that rests on it is put together anew.

use std::sync::Arc;

use super::{Effects, list, open, run};
use crate::book::Book;
use crate::tui::effect::Effect;
use crate::tui::job::Job;
use crate::tui::layers::Layer;
use crate::tui::state::{FeedId, State};
use crate::tui::tabs::Tab;
use crate::tui::whole::Sort;

pub(super) fn arrived(state: &mut State, feed: FeedId, book: Arc<Book>, effects: &mut Effects) {
    let Some(view) = state.feeds.get_mut(usize::from(feed.0)) else {
        return;
    };
    state.now = state.now.max(book.now);
    if view.plain.is_none() {
        effects.push(Effect::CutOff { feed });
    }
    view.plain = Some(book);
    super::becoming::lay_over(view);
    remember_namespaces(state);
    list::refresh(state, effects);
    refresh_screen(state, effects);
    super::becoming::ask(state, effects);
}

/// The digits begin with the namespaces that hold most of what can be seen.
fn remember_namespaces(state: &mut State) {
    if !state.list.recent.is_empty() {
        return;
    }
    let mut counts: std::collections::BTreeMap<crate::model::Name, usize> =
        std::collections::BTreeMap::new();
    for book in state.feeds.iter().filter_map(|feed| feed.book.as_ref()) {
        for grant in book.grants() {
            if let Some(ns) = grant.scope.namespace().filter(|ns| !ns.starts_with("kube-")) {
                *counts.entry(ns.clone()).or_default() += 1;
            }
        }
    }
    let mut names: Vec<(usize, crate::model::Name)> =
        counts.into_iter().map(|(ns, count)| (count, ns)).collect();
    names.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    state.list.recent = names.into_iter().take(9).map(|(_, ns)| ns).collect();
}

/// Asks again for what the topmost screen shows, where it is older than its Book.
pub(super) fn refresh_screen(state: &mut State, effects: &mut Effects) {
    super::moving::clamp(state);
    match state.screen() {
        None => list::preview(state, effects),
        Some(Layer::Page(page)) => {
            let who = page.who;
            let generation = page.data.as_ref().map(|data| data.generation);
            if let Some(book) = state.book(who.feed).cloned()
                && generation != Some(book.generation)
            {
                run(effects, Job::Page { who, book });
            }
            reach(state, effects);
        }
        Some(Layer::Reverse(_)) => ask_again(state, effects),
        Some(Layer::Whole(_)) => whole(state, effects),
        Some(Layer::Text(_)) => open::text_again(state, effects),
        Some(Layer::Wizard(_)) => super::wizard::again(state, effects),
        _ => {}
    }
}

/// Asks the question of the topmost screen.
pub(super) fn ask_again(state: &mut State, effects: &mut Effects) {
    let tag = state.next_tag();
    let Some(Layer::Reverse(view)) = state.screen_mut() else {
        return;
    };
    view.tag = tag;
    let (feed, asked) = (view.feed, view.asked.clone());
    if let Some(book) = state.book(feed).cloned() {
        run(effects, Job::Answer { tag, feed, book, asked });
    }
}

/// Puts the rows of the topmost screen together.
pub(super) fn whole(state: &mut State, effects: &mut Effects) {
    let tag = state.next_tag();
    let of: Vec<_> =
        state.listed().filter_map(|feed| Some((feed.id, feed.book.as_ref()?.generation))).collect();
    let Some(Layer::Whole(view)) = state.screen_mut() else {
        return;
    };
    // What takes long is worked out once a Book, and filtered when it is there.
    if view.sort == Sort::Cuts && view.of == of && (view.filter_cuts() || view.tag > 0) {
        return;
    }
    view.tag = tag;
    view.of = of;
    let (sort, filter) = (view.sort, view.filter.clone());
    let books: Vec<_> =
        state.listed().filter_map(|feed| Some((feed.id, feed.book.clone()?))).collect();
    run(effects, Job::Whole { tag, sort, books, filter });
}

/// Asks for what the identity of the topmost screen can become, where that is on the screen and not
/// known of its newest Book.
pub(super) fn reach(state: &mut State, effects: &mut Effects) {
    let (who, known) = match state.screen() {
        None if state.list.tab == Tab::Reach => {
            let Some(who) = state.list.current() else { return };
            (who, state.list.reach.as_ref().filter(|have| have.who == who))
        }
        Some(Layer::Page(page)) if page.tab == Tab::Reach => (page.who, page.reach.as_ref()),
        _ => return,
    };
    let generation = known.map(|known| known.generation);
    if let Some(book) = state.book(who.feed).cloned()
        && generation != Some(book.generation)
    {
        run(effects, Job::Reach { who, book });
    }
}
