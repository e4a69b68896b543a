//! Who can do something, and by what.

use super::{cursor, empty, inner, row_area, title};
use crate::query::Seen;
use crate::tui::asked::{Answer, HolderRow};
use crate::tui::describe;
use crate::tui::layers::ReverseView;
use crate::tui::layout::Parts;
use crate::tui::state::State;
use crate::tui::text::{figure, plural};
use crate::tui::theme::Slot;
use crate::tui::widgets::{Canvas, Column, Columns, Line};
use crate::tui::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Id {
    Name,
    Access,
    Scope,
    By,
    Seen,
}

fn columns(width: u16) -> Columns<Id> {
    Columns::new(
        &[
            Column::new(Id::Name, "NAME", 20, 48, 0),
            Column::new(Id::Access, "ACCESS", 15, 15, 3),
            Column::new(Id::Scope, "SCOPE", 10, 20, 1),
            Column::new(Id::By, "BY", 14, 80, 0),
            Column::new(Id::Seen, "LAST SEEN", 11, 19, 2),
        ],
        width,
    )
}

pub(super) fn draw(state: &State, view: &ReverseView, canvas: &mut Canvas<'_, '_>, parts: &Parts) {
    let asked = match &view.answer {
        Some(Ok(answer)) => answer.title.clone(),
        _ => view.asked.to_string(),
    };
    let left = Line::of(" who can ", Slot::Muted).then(asked, Slot::Strong);
    let mut bar = *parts;
    bar.bar.height = bar.bar.height.min(1);
    title(canvas, &bar, &left, &right(view));
    let body = parts.body;
    let answer = match &view.answer {
        None => return empty(canvas, body, words::LOADING),
        Some(Err(why)) => return empty(canvas, body, why),
        Some(Ok(answer)) => answer,
    };
    canvas.line(
        parts.bar.x + 1,
        parts.bar.y + 1,
        parts.bar.width.saturating_sub(2),
        &beside(state, view, answer),
    );
    if view.rows.is_empty() {
        empty(canvas, body, &nobody(view, answer));
        return;
    }
    let columns = columns(inner(parts.heads).width);
    let sorted = Some((if view.by_time { Id::Seen } else { Id::Name }, false));
    columns.heads(canvas, inner(parts.heads), sorted);
    for (at, index) in view.scroll.shown(view.rows.len(), body.height.into()).enumerate() {
        let row = view.rows.get(index).and_then(|row| answer.holders.get(*row));
        let Some(row) = row else {
            break;
        };
        let area = row_area(body, at);
        columns.row(canvas, inner(area), |id, _| cell(state, view, row, id));
        if index == view.scroll.cursor {
            cursor(canvas, area);
        }
    }
    detail(state, view, answer, canvas, parts);
}

/// What has to be said beside the answer.
fn beside(state: &State, view: &ReverseView, answer: &Answer) -> Line<'static> {
    if !answer.missing.is_empty() {
        let text = format!("! not whole: {}", answer.missing.join(", "));
        return Line::of(text, Slot::Danger);
    }
    let others = state.book(view.feed).map(|book| book.authorizers()).unwrap_or_default();
    let by = (!others.is_empty()).then(|| format!("by RBAC; not known by {}", others.join(", ")));
    match (answer.notes.is_empty(), by) {
        (false, by) => {
            let said: Vec<String> = answer.notes.iter().cloned().chain(by).collect();
            Line::of(said.join(" · "), Slot::Unknown)
        }
        (true, Some(by)) => Line::of(by, Slot::Warn),
        (true, None) => Line::of("by RBAC", Slot::Muted),
    }
}

fn nobody(view: &ReverseView, answer: &Answer) -> String {
    if !view.filter.is_empty() {
        return "Nobody of these matches.".to_owned();
    }
    if answer.missing.is_empty() {
        "Nobody, by RBAC.".to_owned()
    } else {
        "Nobody that is known: some lists are not whole.".to_owned()
    }
}

fn right(view: &ReverseView) -> Line<'static> {
    let mut line = Line::new();
    if !view.filter.is_empty() {
        line.push(format!("/ {}   ", view.filter), Slot::Accent);
    }
    if let Some(Ok(answer)) = &view.answer {
        let count = figure(answer.holders.len() as u64);
        line.push(format!("{count} can"), Slot::Base);
        if answer.undecided > 0 {
            let text = format!(" · {} of unknown groups", plural(answer.undecided, "user"));
            line.push(text, Slot::Unknown);
        }
    }
    line
}

fn cell(state: &State, view: &ReverseView, row: &HolderRow, id: Id) -> Line<'static> {
    let known = row.who.and_then(|who| state.entry(who));
    let first = row.ways.first();
    match id {
        Id::Name => Line::plain(words::name(&row.identity)),
        Id::Access => known.map_or_else(Line::new, |(book, entry)| words::access(book, entry)),
        Id::Scope => {
            let mut scopes: Vec<_> = row.ways.iter().map(|way| way.scope.clone()).collect();
            scopes.dedup();
            Line::of(words::scopes(&scopes), Slot::Muted)
        }
        Id::By => match (first, state.book(view.feed)) {
            (Some(way), Some(book)) => {
                let mut text = describe::via(book, &way.via);
                if row.ways.len() > 1 {
                    text = format!("{text} +{}", row.ways.len() - 1);
                }
                Line::of(text, Slot::Muted)
            }
            _ => Line::new(),
        },
        Id::Seen => known
            .map_or_else(Line::new, |(book, entry)| words::seen(Seen::of(book, entry), state.now)),
    }
}

/// Every way of the holder under the cursor, as far as they fit.
fn detail(
    state: &State,
    view: &ReverseView,
    answer: &Answer,
    canvas: &mut Canvas<'_, '_>,
    parts: &Parts,
) {
    let row = view.rows.get(view.scroll.cursor).and_then(|row| answer.holders.get(*row));
    let (Some(row), Some(book), true) = (row, state.book(view.feed), parts.preview.height > 0)
    else {
        return;
    };
    canvas.rule(parts.tabs, parts.tabs.y);
    let room = usize::from(parts.preview.height);
    let mut lines: Vec<Line<'_>> =
        row.ways.iter().take(room).map(|way| describe::way_line(book, way, 0)).collect();
    if row.ways.len() > room {
        lines.truncate(room - 1);
        let more = row.ways.len() - lines.len();
        lines.push(Line::of(format!("and {} more", plural(more, "way")), Slot::Muted));
    }
    super::lines(canvas, parts.preview, &lines, 0);
}
