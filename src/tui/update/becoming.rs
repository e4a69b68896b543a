//! What everybody can become, laid over the Books as they come.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Effects, books, list, run};
use crate::book::{Book, LogState};
use crate::model::Health;
use crate::reach::LISTS;
use crate::tui::job::Job;
use crate::tui::state::{BecomingOf, FeedId, FeedView, State};

/// It is not worked out again sooner than this after the last time.
const REST: Duration = Duration::from_secs(2);

/// Nor sooner than after so many times what it took, so that it is a small part of one core.
const SHARE: u32 = 10;

/// Puts the newest Book on screen, with what is known of what everybody can become.
pub(super) fn lay_over(view: &mut FeedView) {
    let (Some(plain), Some(known)) = (&view.plain, &view.becoming) else {
        view.book = view.plain.clone();
        return;
    };
    view.becoming_is_old = !plain.reaches_as(&known.book);
    view.book = Some(Arc::new(plain.with_becoming(&known.becoming)));
}

/// Has it worked out where it is not known of the newest Book. One cluster at a time.
pub(super) fn ask(state: &mut State, effects: &mut Effects) {
    if state.feeds.iter().any(|view| view.awaits_becoming) {
        return;
    }
    let now = state.now;
    let due = |view: &&mut FeedView| due_at(view).is_some_and(|at| at <= now);
    let Some(view) = state.feeds.iter_mut().find(due) else { return };
    let Some(book) = view.plain.clone() else { return };
    view.awaits_becoming = true;
    let feed = view.id;
    run(effects, Job::Becoming { feed, book });
}

/// From when on it is to be worked out again, UTC; None where it is known of the newest Book, or
/// that is not whole yet.
fn due_at(view: &FeedView) -> Option<DateTime<Utc>> {
    let plain = view.plain.as_ref().filter(|plain| is_read(plain))?;
    let Some(known) = &view.becoming else { return Some(DateTime::<Utc>::MIN_UTC) };
    if Arc::ptr_eq(&known.book, plain) {
        return None;
    }
    let rest = TimeDelta::from_std(REST.max(known.took * SHARE)).unwrap_or(TimeDelta::MAX);
    known.at.checked_add_signed(rest)
}

/// How long until something is to be worked out again; None where nothing is, or it is on its way.
pub(in crate::tui) fn due_in(state: &State) -> Option<Duration> {
    if state.feeds.iter().any(|view| view.awaits_becoming) {
        return None;
    }
    let at = state.feeds.iter().filter_map(due_at).min()?;
    Some((at - state.now).to_std().unwrap_or_default())
}

/// Whether everything that it rests on was read, as far as it can be: the lists, and the log, which
/// says who is in which group.
fn is_read(book: &Book) -> bool {
    !matches!(book.log, LogState::Reading { .. })
        && LISTS.iter().all(|list| book.snapshot.list(*list).health != Health::Loading)
}

/// Takes over what was worked out.
pub(super) fn known(state: &mut State, feed: FeedId, known: BecomingOf, effects: &mut Effects) {
    let Some(view) = state.feeds.get_mut(usize::from(feed.0)) else { return };
    view.awaits_becoming = false;
    view.becoming = Some(known);
    lay_over(view);
    list::refresh(state, effects);
    books::refresh_screen(state, effects);
    ask(state, effects);
}
