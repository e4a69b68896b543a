//! The list: what is in it, in which order, and what is marked.

use super::{Effects, run};
use crate::model::{Name, SubjectKind};
use crate::query::{Query, Sort, SortKey};
use crate::tui::action::ActionId as Id;
use crate::tui::job::{Job, RowsJob};
use crate::tui::key::{Code, Key};
use crate::tui::state::{OFF_THREAD, State, Tone, Who};

/// Puts the rows together anew. Few are, on the spot; many, beside the screen, and the old ones
/// stay meanwhile.
pub(super) fn refresh(state: &mut State, effects: &mut Effects) {
    let Ok(query) = Query::parse(&state.list.combined()) else {
        return;
    };
    let tag = state.next_tag();
    state.list.asked = tag;
    let books: Vec<_> =
        state.listed().filter_map(|feed| Some((feed.id, feed.book.clone()?))).collect();
    let count: usize = books.iter().map(|(_, book)| book.counts().identities).sum();
    let job = RowsJob { tag, books, query, sort: state.list.sort };
    if count > OFF_THREAD {
        run(effects, Job::Rows(job));
    } else {
        let (rows, remarks) = job.run();
        take_rows(state, tag, rows, remarks, effects);
    }
}

/// Takes over rows, unless newer ones are there already. The cursor stays on who it was on.
pub(super) fn take_rows(
    state: &mut State,
    tag: u64,
    rows: Vec<Who>,
    remarks: Vec<String>,
    effects: &mut Effects,
) {
    if tag <= state.list.have || tag > state.list.asked {
        return;
    }
    // Rows of another filter than the one before: the cursor starts at the top, as long as it was
    // not moved; those of the same, after a newer Book, keep their cursor.
    let current = state.list.current();
    state.list.have = tag;
    state.list.marks.relist(&rows);
    state.list.rows = rows;
    state.list.remarks = remarks;
    if let Some(at) = current.and_then(|who| state.list.rows.iter().position(|have| *have == who)) {
        state.list.scroll.cursor = at;
    }
    super::moving::clamp(state);
    preview(state, effects);
}

/// Asks for what the preview shows, where that is not there yet.
pub(super) fn preview(state: &mut State, effects: &mut Effects) {
    let Some(who) = state.list.current() else {
        state.list.preview = None;
        return;
    };
    let Some(book) = state.book(who.feed).cloned() else {
        return;
    };
    let fresh = state
        .list
        .preview
        .as_ref()
        .is_some_and(|have| have.who == who && have.generation == book.generation);
    if !fresh {
        run(effects, Job::Page { who, book });
    }
    super::books::reach(state, effects);
}

pub(super) fn perform(state: &mut State, id: Id, key: Option<Key>, effects: &mut Effects) {
    match id {
        Id::Mark => mark(state, effects),
        Id::MarkRange => mark_range(state),
        Id::ClearMarks => {
            state.list.marks.clear();
            state.list.anchor = None;
        }
        Id::Namespace => digit(state, key, effects),
        Id::SortRisk => sort(state, SortKey::Risk, effects),
        Id::SortName => sort(state, SortKey::Name, effects),
        Id::SortKind => sort(state, SortKey::Kind, effects),
        Id::SortTime => sort(state, SortKey::Time, effects),
        Id::SortUsed => sort(state, SortKey::Used, effects),
        Id::Identities => only_kind(state, None, effects),
        Id::Users => only_kind(state, Some(SubjectKind::User), effects),
        Id::Groups => only_kind(state, Some(SubjectKind::Group), effects),
        Id::Accounts => only_kind(state, Some(SubjectKind::ServiceAccount), effects),
        _ => {}
    }
}

fn mark(state: &mut State, effects: &mut Effects) {
    let Some(who) = state.list.current() else {
        return;
    };
    state.list.marks.toggle(who);
    state.list.anchor = Some(who);
    super::moving::perform(state, Id::Down, effects);
}

fn mark_range(state: &mut State) {
    let list = &mut state.list;
    let at = list.scroll.cursor;
    let anchor = list.anchor.and_then(|who| list.rows.iter().position(|have| *have == who));
    let from = anchor.unwrap_or(at);
    let range = from.min(at)..=from.max(at);
    list.marks.extend(list.rows.get(range).unwrap_or_default().iter().copied());
    list.anchor = list.current();
}

fn sort(state: &mut State, key: SortKey, effects: &mut Effects) {
    // In the answer to a question there are names and times only.
    if let Some(crate::tui::layers::Layer::Reverse(view)) = state.layers.last_mut() {
        view.by_time = key == SortKey::Time;
        super::done::arrange_answer(state);
        return;
    }
    let sort = state.list.sort;
    state.list.sort =
        if sort.key == key { Sort { key, reversed: !sort.reversed } } else { Sort::by(key) };
    refresh(state, effects);
}

fn only_kind(state: &mut State, kind: Option<SubjectKind>, effects: &mut Effects) {
    state.layers.clear();
    state.list.kind = kind;
    if kind.is_none() {
        state.list.chip = crate::tui::state::Chip::All;
        state.list.filter = Query::default();
        state.list.namespace = None;
    }
    to_top(state);
    refresh(state, effects);
}

/// The cursor on the first row: for another list than before.
pub(super) fn to_top(state: &mut State) {
    state.list.scroll = crate::tui::widgets::Scroll::default();
    state.list.rows.truncate(0);
    state.list.marks.relist(&[]);
}

/// `0` lists all namespaces, the others those that were chosen last.
fn digit(state: &mut State, key: Option<Key>, effects: &mut Effects) {
    let digit = match key.map(|key| key.code) {
        Some(Code::Char(c)) => c.to_digit(10).map_or(0, |digit| digit as usize),
        _ => 0,
    };
    if digit == 0 {
        namespace(state, None, effects);
        return;
    }
    match state.list.recent.get(digit - 1).cloned() {
        Some(ns) => namespace(state, Some(ns), effects),
        None => {
            state.say(Tone::Refused, format!("no namespace {digit} yet: choose one by :ns NAME"));
        }
    }
}

/// Lists one namespace only, or all.
pub(super) fn namespace(state: &mut State, namespace: Option<Name>, effects: &mut Effects) {
    if let Some(ns) = &namespace
        && !state.list.recent.contains(ns)
    {
        state.list.recent.insert(0, ns.clone());
        state.list.recent.truncate(9);
    }
    state.list.namespace = namespace;
    refresh(state, effects);
}
