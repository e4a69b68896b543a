//! What is wrong: of one identity, and of everybody.

use ratatui::layout::Rect;

use super::page::Subject;
use super::{cursor, empty, inner, row_area, whole};
use crate::book::{Finding, Severity};
use crate::tui::layout::Parts;
use crate::tui::state::State;
use crate::tui::text::wrap;
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
    Evidence,
}

fn columns(width: u16, everybody: bool) -> Columns<Id> {
    let mut all = vec![
        Column::new(Id::Sign, "", 1, 1, 0),
        Column::new(Id::Severity, "SEVERITY", 8, 8, 3),
        Column::new(Id::Rule, "FINDING", 18, 24, 0).grow(1),
    ];
    if everybody {
        all.push(Column::new(Id::Who, "IDENTITY", 20, 40, 0));
    }
    all.push(Column::new(Id::Evidence, "EVIDENCE", 26, 200, 1).grow(2));
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
        empty(canvas, body, "Nothing is wrong, as far as is known.");
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
        columns.row(canvas, inner(area), |id, _| match id {
            Id::Sign | Id::Severity => severity(finding.severity, id),
            Id::Rule | Id::Who => Line::plain(finding.rule),
            Id::Evidence => Line::of(finding.evidence.clone(), Slot::Muted),
        });
        if scroll.is_some_and(|scroll| scroll.cursor == index) {
            cursor(canvas, area);
        }
    }
}

/// A finding's evidence in full.
pub(super) fn detail(finding: Option<&Finding>, width: usize) -> Vec<Line<'static>> {
    let Some(finding) = finding else {
        return Vec::new();
    };
    let mut lines: Vec<Line<'static>> =
        wrap(&finding.evidence, width).into_iter().take(2).map(Line::plain).collect();
    if finding.rests_on_coverage {
        lines.push(Line::of(
            "Rests on what the log does not show: i tells what it covers.",
            Slot::Unknown,
        ));
    }
    lines
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
        let count = rows.iter().filter(|row| row.severity == severity).count();
        if count > 0 {
            let text =
                format!("   {} {count} {}", words::severity_sign(severity), severity.as_str());
            counts.push(text, words::severity_slot(severity));
        }
    }
    whole::head(view, "Findings", &counts, canvas, parts);
    let body = parts.body;
    if rows.is_empty() {
        empty(canvas, body, whole::nothing(view, "Nothing is wrong, as far as is known."));
    }
    let columns = columns(inner(parts.heads).width, true);
    columns.heads(canvas, inner(parts.heads), None);
    for (at, index) in view.scroll.shown(rows.len(), body.height.into()).enumerate() {
        let Some(row) = rows.get(index) else {
            break;
        };
        let area = row_area(body, at);
        columns.row(canvas, inner(area), |id, _| match id {
            Id::Sign | Id::Severity => severity(row.severity, id),
            Id::Rule => Line::plain(row.rule),
            Id::Who => Line::of(words::name(&row.identity), Slot::Strong),
            Id::Evidence => Line::of(row.evidence.clone(), Slot::Muted),
        });
        if index == view.scroll.cursor {
            cursor(canvas, area);
        }
    }
    whole::detail(canvas, parts, |width| {
        let finding = rows.get(view.scroll.cursor).and_then(|row| {
            let (_, entry) = state.entry(row.who)?;
            entry.findings.get(row.index)
        });
        detail(finding, width)
    });
}
