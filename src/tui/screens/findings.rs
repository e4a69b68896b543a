//! What is wrong: of one identity, and of everybody.

use std::collections::BTreeSet;

use ratatui::layout::Rect;

use super::header::Lists;
use super::page::Subject;
use super::{cursor, empty, inner, row_area, staged, whole};
use crate::book::{Book, Finding, Severity};
use crate::findings::{RULES, not_judged};
use crate::tui::layout::Parts;
use crate::tui::mend;
use crate::tui::state::State;
use crate::tui::theme::Slot;
use crate::tui::whole::{FindingRow, Whole};
use crate::tui::widgets::{Canvas, Column, Columns, Line, Scroll};
use crate::tui::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Id {
    Sign,
    Severity,
    Rule,
    Who,
    Fix,
    Evidence,
}

fn columns(width: u16, everybody: bool) -> Columns<Id> {
    let mut all = vec![
        Column::new(Id::Sign, "", 1, 1, 0),
        Column::new(Id::Severity, "SEVERITY", 8, 8, 3),
        Column::new(Id::Rule, "FINDING", 18, 24, 0).grow(2),
    ];
    if everybody {
        all.push(Column::new(Id::Who, "IDENTITY", 20, 40, 0).grow(1));
    }
    all.push(Column::new(Id::Fix, "FIX", 3, 9, 0).grow(3));
    // On 80 columns whose it is has what it needs, and what is wrong the rest.
    all.push(
        Column::new(Id::Evidence, "EVIDENCE", if everybody { 27 } else { 21 }, 200, 1).grow(4),
    );
    Columns::new(&all, width)
}

fn severity(severity: Severity, id: Id) -> Line<'static> {
    let text = match id {
        Id::Sign => words::severity_sign(severity),
        _ => severity.as_str(),
    };
    Line::of(text, words::severity_slot(severity))
}

pub(super) fn tab(
    subject: Subject<'_>,
    canvas: &mut Canvas<'_, '_>,
    heads: Rect,
    body: Rect,
    scroll: Option<Scroll>,
) {
    let found = &subject.entry.findings;
    if found.is_empty() {
        empty(canvas, body, &nothing_wrong([subject.book].into_iter()));
        return;
    }
    let columns = columns(inner(heads).width, false);
    columns.heads(canvas, inner(heads), None);
    let shown = scroll.unwrap_or_default().shown(found.len(), body.height.into());
    for (at, index) in shown.enumerate() {
        let Some(finding) = found.get(index) else {
            break;
        };
        let area = row_area(body, at);
        columns.row(canvas, inner(area), |id, wide| match id {
            Id::Sign | Id::Severity => severity(finding.severity, id),
            Id::Rule | Id::Who => Line::plain(finding.rule),
            Id::Fix => mend::short(subject.state, &finding.fix, wide.into()),
            Id::Evidence => Line::of(finding.evidence.clone(), Slot::Muted),
        });
        if scroll.is_some_and(|scroll| scroll.cursor == index) {
            cursor(canvas, area);
        }
        if scroll.is_some() && subject.state.fix_is_staged(subject.feed, &finding.fix) {
            staged(canvas, area);
        }
    }
}

/// A finding's evidence as far as there is room, and what mends it.
pub(super) fn detail(
    state: &State,
    finding: Option<&Finding>,
    (width, height): (usize, usize),
) -> Vec<Line<'static>> {
    let Some(finding) = finding else {
        return Vec::new();
    };
    let mut below = mend::lines(state, &finding.fix, width);
    if finding.rests_on_coverage {
        let text = "Rests on what the log does not show: i tells what it covers.";
        below.insert(0, Line::of(text, Slot::Unknown));
    }
    let room = height.saturating_sub(below.len()).max(1);
    let evidence = mend::clipped(&finding.evidence, width, room);
    evidence.into_iter().map(Line::plain).chain(below).collect()
}

/// That nothing was found, and how much was not looked at.
fn nothing_wrong<'a>(books: impl Iterator<Item = &'a Book> + Clone) -> String {
    if whole::is_reading(books.clone()) {
        return format!("Nothing is wrong so far: {}.", whole::READING);
    }
    let lists = Lists::of(books.clone());
    let open: BTreeSet<&str> = books.flat_map(not_judged).flat_map(|one| one.rules).collect();
    match (lists.of.saturating_sub(lists.whole), open.len()) {
        (0, 0) => "Nothing is wrong, as far as is known.".to_owned(),
        (0, rules) => format!(
            "Nothing is wrong by the rules that were judged; {} of {} rest on what was not given: i.",
            rules,
            RULES.len()
        ),
        (unread, _) => format!(
            "Nothing is wrong in what was read: {unread} of {} lists are not whole.",
            lists.of
        ),
    }
}

/// The findings of everybody.
pub(super) fn draw(
    state: &State,
    view: &Whole,
    rows: &[FindingRow],
    canvas: &mut Canvas<'_, '_>,
    parts: &Parts,
) {
    let mut counts = Line::new();
    for severity in
        [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info]
    {
        let count = rows.iter().filter(|row| row.finding.severity == severity).count();
        if count > 0 {
            let text =
                format!("   {} {count} {}", words::severity_sign(severity), severity.as_str());
            counts.push(text, words::severity_slot(severity));
        }
    }
    whole::head(state, view, "Findings", &counts, canvas, parts);
    let body = parts.body;
    if rows.is_empty() {
        let books: Vec<&Book> = state.listed().filter_map(|feed| feed.book.as_deref()).collect();
        empty(canvas, body, &whole::nothing(state, view, &nothing_wrong(books.into_iter())));
    }
    let columns = columns(inner(parts.heads).width, true);
    columns.heads(canvas, inner(parts.heads), None);
    for (at, index) in view.scroll.shown(rows.len(), body.height.into()).enumerate() {
        let Some(row) = rows.get(index) else {
            break;
        };
        let area = row_area(body, at);
        let finding = &row.finding;
        columns.row(canvas, inner(area), |id, wide| match id {
            Id::Sign | Id::Severity => severity(finding.severity, id),
            Id::Rule => Line::plain(finding.rule),
            Id::Who => {
                let name = words::name(&finding.identity);
                let name = match state.entry(row.who) {
                    Some((book, _)) => words::with_alias(book, &finding.identity, name),
                    None => name,
                };
                Line::of(name, Slot::Strong)
            }
            Id::Fix => mend::short(state, &finding.fix, wide.into()),
            Id::Evidence => Line::of(finding.evidence.clone(), Slot::Muted),
        });
        if index == view.scroll.cursor {
            cursor(canvas, area);
        }
        if state.fix_is_staged(row.who.feed, &finding.fix) {
            staged(canvas, area);
        }
    }
    let height = parts.preview.height.into();
    whole::detail(canvas, parts, |width| {
        let finding = rows.get(view.scroll.cursor).map(|row| &row.finding);
        detail(state, finding, (width, height))
    });
}
