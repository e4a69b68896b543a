//! With what somebody authenticates, and every credential that is known to be out.

use ratatui::layout::Rect;

use super::page::Subject;
use super::{cursor, empty, inner, row_area, staged, whole};
use crate::credentials::{Credential, not_seen};
use crate::model::{SubjectKind, distinct};
use crate::tui::credential as said;
use crate::tui::layout::Parts;
use crate::tui::state::State;
use crate::tui::text::wrap;
use crate::tui::theme::Slot;
use crate::tui::whole::{CredentialRow, Whole};
use crate::tui::widgets::{Canvas, Column, Columns, Line, Scroll};
use crate::tui::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Id {
    Kind,
    Who,
    Access,
    Name,
    State,
    Made,
    Expires,
    Used,
}

fn columns(width: u16, everybody: bool) -> Columns<Id> {
    let mut all = vec![Column::new(Id::Kind, "KIND", 15, 18, 0).grow(2)];
    if everybody {
        all.push(Column::new(Id::Who, "IDENTITY", 16, 40, 0).grow(1));
        all.push(Column::new(Id::Access, "ACCESS", 13, 15, 4));
        all.push(Column::new(Id::Name, "CREDENTIAL", 20, 60, 5).grow(2));
    } else {
        all.push(Column::new(Id::Name, "CREDENTIAL", 20, 60, 0).grow(1));
    }
    // Room for `364d by hand` wherever there is any.
    let made = if width >= 140 { 12 } else { 6 };
    all.extend([
        Column::new(Id::State, "STATE", 9, 9, 2),
        Column::new(Id::Made, "MADE", made, 14, 3).grow(3),
        Column::new(Id::Expires, "EXPIRES", 9, 9, 1),
        Column::new(Id::Used, "LAST USED", 12, 22, 0).grow(1),
    ]);
    Columns::new(&all, width)
}

fn cell(state: &State, credential: &Credential, id: Id, wide: u16) -> Line<'static> {
    match id {
        Id::Kind => Line::plain(credential.kind.as_str()),
        Id::Who => Line::of(words::name(&credential.identity), Slot::Strong),
        Id::Name => Line::of(said::id(credential).into_owned(), Slot::Muted),
        Id::State => said::standing(&credential.standing),
        Id::Made => said::issued(credential, state.now, wide.into()),
        Id::Expires => said::expires(&credential.expires, state.now),
        Id::Used => said::last_use(&credential.last_use, state.now),
        Id::Access => Line::new(),
    }
}

pub(super) fn tab(
    subject: Subject<'_>,
    canvas: &mut Canvas<'_, '_>,
    heads: Rect,
    body: Rect,
    scroll: Option<Scroll>,
) {
    let Some(data) = subject.data else {
        empty(canvas, body, words::LOADING);
        return;
    };
    let width = usize::from(body.width).saturating_sub(2);
    let in_hand = said::in_hand_lines(&data.in_hand, width);
    if data.credentials.is_empty() {
        let said = match subject.entry.identity.kind {
            SubjectKind::Group => "A group has no credentials: its members have.",
            _ if whole::is_reading([subject.book].into_iter()) => {
                "No credential is known of it so far: the log is still being read."
            }
            _ => "No credential is known of it. i tells which lists and logs were read.",
        };
        empty(canvas, body, said);
        beside(canvas, body, 1, &in_hand);
        return;
    }
    let columns = columns(inner(heads).width, false);
    columns.heads(canvas, inner(heads), None);
    let shown = scroll.unwrap_or_default().shown(data.credentials.len(), body.height.into());
    for (at, index) in shown.enumerate() {
        let Some(credential) = data.credentials.get(index) else {
            break;
        };
        let area = row_area(body, at);
        columns.row(canvas, inner(area), |id, wide| cell(subject.state, credential, id, wide));
        if scroll.is_some_and(|scroll| scroll.cursor == index) {
            cursor(canvas, area);
        }
        if scroll.is_some() && subject.state.credential_is_staged(subject.feed, credential) {
            staged(canvas, area);
        }
    }
    beside(canvas, body, data.credentials.len(), &in_hand);
}

/// What it has in hand of others, below the rows where there is room for it.
fn beside(canvas: &mut Canvas<'_, '_>, body: Rect, rows: usize, in_hand: &[Line<'static>]) {
    if in_hand.is_empty() {
        return;
    }
    let rows = u16::try_from(rows).unwrap_or(u16::MAX).min(body.height.saturating_sub(1));
    let area = Rect { y: body.y + rows, height: body.height - rows, x: body.x + 1, ..body };
    if in_hand.len() <= area.height.into() {
        super::lines(canvas, area, in_hand, 0);
    } else if area.height > 0 {
        let text = "It has credentials of others in hand: Reach tells which.";
        super::lines(canvas, area, &[Line::of(text, Slot::Warn)], 0);
    }
}

/// What would revoke it, and what has to be known first.
pub(super) fn detail(subject: Subject<'_>, at: usize, width: usize) -> Vec<Line<'static>> {
    let credential = subject.data.and_then(|data| data.credentials.get(at));
    credential.map_or_else(Vec::new, |credential| said::short(credential, width))
}

/// All of them, over everybody.
pub(super) fn draw(
    state: &State,
    view: &Whole,
    rows: &[CredentialRow],
    canvas: &mut Canvas<'_, '_>,
    parts: &Parts,
) {
    let live = rows.iter().filter(|row| row.credential.standing.is_taken()).count();
    let mut counts = Line::of(format!("   {live} may be taken"), Slot::Base);
    let lasting = |row: &&CredentialRow| {
        row.credential.standing.is_taken() && row.credential.expires.is_never()
    };
    let never = rows.iter().filter(lasting).count();
    if never > 0 {
        counts.push(format!("   {never} never expire"), Slot::Warn);
    }
    whole::head(state, view, "Credentials", &counts, canvas, parts);
    if rows.is_empty() {
        empty(canvas, parts.body, &whole::nothing(state, view, "No credential is known."));
    }
    let columns = columns(inner(parts.heads).width, true);
    columns.heads(canvas, inner(parts.heads), None);
    let shown = view.scroll.shown(rows.len(), parts.body.height.into());
    let shown_rows = shown.len();
    for (at, index) in shown.enumerate() {
        let Some(row) = rows.get(index) else {
            break;
        };
        let area = row_area(parts.body, at);
        columns.row(canvas, inner(area), |id, wide| match id {
            Id::Access => Line::of(row.tier.as_str(), words::tier_slot(row.tier)),
            id => cell(state, &row.credential, id, wide),
        });
        if index == view.scroll.cursor {
            cursor(canvas, area);
        }
        if state.credential_is_staged(row.feed, &row.credential) {
            staged(canvas, area);
        }
    }
    unseen(state, canvas, parts.body, shown_rows);
    whole::detail(canvas, parts, |width| {
        let Some(row) = rows.get(view.scroll.cursor) else {
            return Vec::new();
        };
        let id = distinct(&row.credential.id).into_owned();
        let mut lines = vec![Line::of(id, Slot::Strong)];
        lines.extend(said::short(&row.credential, width));
        lines
    });
}

/// What no list and no log shows, below the rows where there is room for it.
fn unseen(state: &State, canvas: &mut Canvas<'_, '_>, body: Rect, rows: usize) {
    let rows = u16::try_from(rows.max(2)).unwrap_or(u16::MAX);
    let area = Rect {
        y: body.y.saturating_add(rows).saturating_add(1),
        height: body.height.saturating_sub(rows.saturating_add(1)),
        ..body
    };
    let width = usize::from(area.width).saturating_sub(6);
    let lines = unseen_lines(state, width);
    let area = Rect { x: area.x + 1, ..area };
    if lines.len() <= area.height.into() {
        super::lines(canvas, area, &lines, 0);
    } else if area.height > 0 {
        let text = "There is more that no list and no log shows: i tells what.";
        super::lines(canvas, area, &[Line::of(text, Slot::Muted)], 0);
    }
}

/// The same in words.
pub(super) fn unseen_lines(state: &State, width: usize) -> Vec<Line<'static>> {
    let mut all: Vec<&str> = Vec::new();
    for book in state.listed().filter_map(|feed| feed.book.as_ref()) {
        for what in not_seen(book) {
            if !all.contains(&what) {
                all.push(what);
            }
        }
    }
    let mut lines = vec![Line::of("Shown by no list and no log:", Slot::Muted)];
    for what in all {
        let texts = wrap(what, width);
        lines.extend(texts.into_iter().map(|text| Line::of(format!("  {text}"), Slot::Muted)));
    }
    lines
}
