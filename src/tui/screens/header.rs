//! The first lines: which cluster, as whom, and whether the picture is whole.

use std::collections::BTreeMap;

use ratatui::layout::Rect;

use crate::book::{Book, LogState};
use crate::model::{Health, ListKind};
use crate::tui::layout::Parts;
use crate::tui::state::State;
use crate::tui::text::{figure, plural};
use crate::tui::theme::Slot;
use crate::tui::widgets::{Canvas, Line};
use crate::tui::words::LOADING;

/// Lists without which no answer is whole: they count even where nobody gave them.
const NEEDED: [ListKind; 6] = [
    ListKind::ClusterRoles,
    ListKind::Roles,
    ListKind::ClusterRoleBindings,
    ListKind::RoleBindings,
    ListKind::Namespaces,
    ListKind::ServiceAccounts,
];

/// From so many columns on, the program's own name has room beside everything else.
const BRANDED: u16 = 79;

/// How the lists stand without which no answer is whole; the worst counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needed {
    /// All are there.
    #[default]
    Whole,
    /// One is not whole.
    Lacking,
    /// One is on its way.
    Awaited,
}

/// How the lists of one or more clusters stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// How many are known as a whole.
    pub whole: usize,
    /// How many there are.
    pub of: usize,
    /// Whether one is on its way.
    pub loading: bool,
    /// How those stand without which no answer is whole.
    pub needed: Needed,
    /// Whether one carries no proof of being whole.
    pub unverified: bool,
    /// Those that are not whole and not on their way, by how they stand.
    pub wrong: BTreeMap<&'static str, Vec<&'static str>>,
}

impl Lists {
    /// How the lists of some Books stand, together.
    pub fn of<'a>(books: impl IntoIterator<Item = &'a Book>) -> Self {
        let mut lists = Self::default();
        for book in books {
            for kind in ListKind::ALL {
                let health = book.snapshot.list(kind).health;
                if health == Health::NotGiven && !NEEDED.contains(&kind) {
                    continue;
                }
                lists.of += 1;
                let needed = NEEDED.contains(&kind);
                match health {
                    Health::Complete => lists.whole += 1,
                    Health::Unverifiable => {
                        lists.whole += 1;
                        lists.unverified = true;
                    }
                    Health::Loading => {
                        lists.loading = true;
                        if needed {
                            lists.needed = Needed::Awaited;
                        }
                    }
                    _ => {
                        if needed {
                            lists.needed = lists.needed.max(Needed::Lacking);
                        }
                        let names = lists.wrong.entry(health.as_str()).or_default();
                        if !names.contains(&kind.as_str()) {
                            names.push(kind.as_str());
                        }
                    }
                }
            }
        }
        lists
    }

    fn line(&self) -> Line<'static> {
        let text = format!("lists {}/{}", self.whole, self.of);
        if !self.wrong.is_empty() {
            return Line::of(format!("{text} !"), Slot::Danger);
        }
        if self.loading {
            return Line::of(format!("{text} {LOADING}"), Slot::Warn);
        }
        let line = Line::of(text, Slot::Muted);
        if self.unverified { line.then(" unverified", Slot::Unknown) } else { line }
    }
}

/// What there is to say of a log in a few words.
pub fn log(book: &Book) -> Line<'static> {
    match &book.log {
        LogState::None => return Line::of("no log", Slot::Muted),
        LogState::Failed(_) => return Line::of("log failed !", Slot::Danger),
        LogState::Reading { bytes, of: Some(of) } if *of > 0 => {
            let percent = bytes.saturating_mul(100) / of;
            return Line::of(format!("log {}% {LOADING}", percent.min(100)), Slot::Warn);
        }
        LogState::Reading { bytes, .. } => {
            let read = format!("log {} MB {LOADING}", figure(bytes / 1_000_000));
            return Line::of(read, Slot::Warn);
        }
        LogState::Ready | LogState::Following(_) => {}
    }
    let Some(coverage) = book.coverage().filter(|coverage| coverage.to.is_some()) else {
        return Line::of("log without events !", Slot::Danger);
    };
    let covered = crate::tui::time::days(coverage.days());
    let mut line = Line::of(format!("log {covered}"), Slot::Muted);
    if matches!(book.log, LogState::Following(_)) {
        line.push(", followed", Slot::Muted);
    }
    let gaps = coverage.gaps.len() as u64 + coverage.gaps_left_out;
    if gaps > 0 {
        let count = usize::try_from(gaps).unwrap_or(usize::MAX);
        line.push(format!(", {}", plural(count, "gap")), Slot::Warn);
    }
    let unreadable: u64 = coverage.unreadable.values().map(|have| have.count).sum();
    if unreadable > 0 {
        line.push(format!(", {} unreadable !", figure(unreadable)), Slot::Danger);
    }
    line
}

/// What has to be said beside what a filter found. Of an empty list the list says it.
fn of_filter(state: &State) -> &[String] {
    let shown = state.layers.is_empty() && !state.list.rows.is_empty();
    if shown { &state.list.remarks } else { &[] }
}

/// What there is to be done first, and what is missing, in one line; None where there is neither.
pub fn warning(state: &State) -> Option<Line<'static>> {
    let several = state.listed().count() > 1;
    let cut_off = state.listed().filter_map(|feed| {
        let what = feed.cut_off.as_ref()?;
        Some(if several { format!("{}: {what}", feed.title()) } else { what.clone() })
    });
    let of_filter = of_filter(state).iter().cloned();
    let said: Vec<String> = cut_off.chain(of_filter).chain(missing(state)).collect();
    if said.is_empty() {
        return None;
    }
    Some(Line::of(" ! ", Slot::Danger).then(said.join(" · "), Slot::Warn))
}

/// What is missing.
fn missing(state: &State) -> Vec<String> {
    let books = state.listed().filter_map(|feed| feed.book.as_deref());
    let lists = Lists::of(books);
    let mut said: Vec<String> = lists
        .wrong
        .iter()
        .map(|(health, names)| format!("{health}: {}", names.join(", ")))
        .collect();
    for book in state.listed().filter_map(|feed| feed.book.as_deref()) {
        if let LogState::Failed(why) = &book.log {
            said.push(format!("log: {why}"));
        }
        if let LogState::Following(Some(note)) = &book.log {
            said.push(format!("log: {note}"));
        }
        if !book.snapshot.broken.is_empty() {
            said.push(format!("{} not read", plural(book.snapshot.broken.len(), "input")));
        }
    }
    said
}

pub(super) fn draw(state: &State, canvas: &mut Canvas<'_, '_>, parts: &Parts) {
    let area = parts.header;
    let area = Rect { width: area.width.saturating_sub(1), ..area };
    let right = right(state);
    // Which cluster it is goes before everything else that is said here.
    let brand = Line::of(" keybook ", Slot::Brand);
    let name = name(state);
    let widths = [&brand, &name].map(|line| u16::try_from(line.width()).unwrap_or(u16::MAX));
    let needed = u16::try_from(right.width()).unwrap_or(u16::MAX).saturating_add(2);
    let whole = widths[0].saturating_add(widths[1]);
    let branded = whole.saturating_add(needed) <= area.width || area.width >= BRANDED;
    let least = if branded { whole } else { widths[1] };
    let mut left = if branded { brand } else { Line::new() };
    left.0.extend(name.0);
    let least = least.min(area.width / 2);
    // Who looks is left out before a trace of it could be taken for the end of the cluster's name.
    if least.saturating_add(needed).saturating_add(8) <= area.width {
        left.0.extend(as_whom(state).0);
    }
    canvas.ends(area, &left, &right, least);
    if let Some(warning) = warning(state) {
        // The key that says more stays in sight, however long the list is.
        let says_why = of_filter(state).is_empty() && !missing(state).is_empty();
        let tail = Line::of(if says_why { "  i says why " } else { " " }, Slot::Muted);
        let wide = u16::try_from(tail.width()).unwrap_or(0);
        let room = area.width.saturating_sub(wide);
        let end = canvas.line(parts.warning.x, parts.warning.y, room, &warning);
        canvas.line(end, parts.warning.y, wide, &tail);
    }
}

/// Which cluster, or how many.
fn name(state: &State) -> Line<'static> {
    let feeds: Vec<_> = state.listed().collect();
    match feeds.as_slice() {
        [feed] => Line::of(format!(" {}", feed.title()), Slot::Strong),
        feeds => Line::of(format!(" {}", plural(feeds.len(), "cluster")), Slot::Strong),
    }
}

fn as_whom(state: &State) -> Line<'static> {
    let feeds: Vec<_> = state.listed().collect();
    let line = Line::new();
    let [feed] = feeds.as_slice() else {
        return line;
    };
    let Some(book) = &feed.book else {
        return line.then(" · connecting …", Slot::Muted);
    };
    let info = &book.snapshot.cluster;
    match (&info.impersonator, &info.operator) {
        (Some(real), Some(operator)) => line.then(format!(" · as {real} → {operator}"), Slot::Warn),
        (_, Some(operator)) => line.then(format!(" · {operator}"), Slot::Muted),
        (_, None) => line,
    }
}

fn right(state: &State) -> Line<'static> {
    let books: Vec<&Book> = state.listed().filter_map(|feed| feed.book.as_deref()).collect();
    if books.is_empty() {
        return Line::new();
    }
    let mut line = Lists::of(books.iter().copied()).line();
    if let [book] = books.as_slice() {
        line.push(" · ", Slot::Faint);
        line.0.extend(log(book).0);
    }
    line
}
