//! What comes of choices, in words: what goes and why, what stays and by what evidence, what has to be
//! known besides.

use super::sight::Seen;
use super::{Form, Lines, Wizard, parts};
use crate::change::plan::{Figure, Foreseen, Held, Intent, Step};
use crate::report::exact;
use crate::tui::planned;
use crate::tui::text::{figure, plural, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::{Line, wrapped};
use crate::tui::words;

/// About so many lines are shown at most, so that they are put in words between two keys: the plan has
/// all of it.
pub(super) const MOST: usize = 1_000;

/// All of it.
pub(super) fn lines(view: &Wizard, columns: usize) -> Lines {
    let columns = columns.max(20);
    let mut lines = Lines::new();
    if let (Form::Split(form), Some(field)) = (&view.form, view.field()) {
        parts::lines(
            form,
            field,
            view.sight.as_ref().map(|(_, sight)| &**sight),
            columns,
            &mut lines,
        );
    }
    let Some((_, sight)) = &view.sight else {
        if let (true, Form::Narrow(_)) = (lines.is_empty(), &view.form) {
            lines.push(Line::of(words::LOADING, Slot::Muted));
        }
        return lines;
    };
    if let Some(why) = &sight.folder {
        said("!", why, Slot::Danger, columns, &mut lines);
    }
    for seen in &sight.of {
        if sight.of.len() > 1 {
            gap(&mut lines);
            lines.push(Line::of(seen.name.to_string(), Slot::Brand));
        }
        of(view, seen, columns, &mut lines);
    }
    if lines.len() > MOST {
        lines.truncate(MOST);
        lines.push(Line::of("and more: once it is staged, p shows all of it", Slot::Muted));
    }
    lines
}

fn of(view: &Wizard, seen: &Seen, columns: usize, lines: &mut Lines) {
    let foreseen = match &seen.foreseen {
        Ok(foreseen) => foreseen,
        Err(why) => {
            let open = matches!(&view.form, Form::Split(form) if form.open().is_some());
            if !open {
                said("✗", why, Slot::Danger, columns, lines);
            }
            return;
        }
    };
    for (wish, why) in &foreseen.left_out {
        said("✗", &format!("{wish} is left out: {why}"), Slot::Danger, columns, lines);
    }
    if let Some(why) = &foreseen.apart {
        let why = format!("with what else is staged there is no plan: {why}");
        said("✗", &why, Slot::Danger, columns, lines);
    }
    if let Some(text) = seen.plan.as_ref().filter(|_| view.as_plan) {
        gap(lines);
        let fresh = "by the objects as they were read last; the plan itself reads them again";
        lines.push(Line::of(fresh, Slot::Muted));
        return planned::text(text.lines().take(MOST), columns, lines);
    }
    if foreseen.figures.len() > 1 {
        gap(lines);
        figures(&foreseen.figures, columns, lines);
    }
    if let Form::Narrow(_) = view.form {
        steps(foreseen, columns, lines);
        besides(foreseen, columns, lines);
    } else {
        besides(foreseen, columns, lines);
        parts::together(foreseen, columns, lines);
    }
}

/// How much each holds, before and after.
fn figures(all: &[Figure], columns: usize, lines: &mut Lines) {
    for one in all.iter().take(MOST / 4) {
        let line = Line::of(format!("{}  ", one.of), Slot::Strong);
        let words = line.then(figure_words(&one.before, &one.after), Slot::Base);
        if words.width() <= columns {
            lines.push(words);
        } else {
            lines.push(Line::of(one.of.clone(), Slot::Strong));
            let figures = figure_words(&one.before, &one.after);
            wrapped(&format!("  {figures}"), Slot::Base, columns, lines);
        }
    }
}

/// `cluster-wide 1,412 → 12, in namespaces 0 → 23, grants 3 → 2`: verbs on what the server serves.
pub(super) fn figure_words(before: &Held, after: &Held) -> String {
    let pair = |name: &str, before: usize, after: usize| {
        let (before, after) = (figure(before as u64), figure(after as u64));
        if before == after {
            format!("{name} {before}")
        } else {
            format!("{name} {before} → {after}")
        }
    };
    let mut parts = vec![
        pair("cluster-wide", before.wide, after.wide),
        pair("in namespaces", before.placed, after.placed),
    ];
    if before.named + after.named > 0 {
        parts.push(pair("by name", before.named, after.named));
    }
    parts.push(pair("grants", before.grants, after.grants));
    parts.join(", ")
}

/// The sum of figures, for the line above.
pub(super) fn sum(all: &[Figure]) -> (Held, Held) {
    let add = |sum: Held, one: &Held| Held {
        grants: sum.grants + one.grants,
        wide: sum.wide + one.wide,
        placed: sum.placed + one.placed,
        named: sum.named + one.named,
    };
    all.iter().fold((Held::default(), Held::default()), |(before, after), one| {
        (add(before, &one.before), add(after, &one.after))
    })
}

/// The steps of what is wished here, those that take something away first.
fn steps(foreseen: &Foreseen, columns: usize, lines: &mut Lines) {
    let own: Vec<String> = foreseen.of.iter().map(Intent::words).collect();
    let is_own = |step: &&Step| {
        step.reasons.iter().any(|reason| reason.evidence.iter().any(|line| own.contains(line)))
    };
    let (made, changed): (Vec<&Step>, Vec<&Step>) =
        foreseen.plan.steps.iter().filter(is_own).partition(|step| step.before.is_none());
    if changed.is_empty() {
        gap(lines);
        lines.push(Line::of("Nothing is taken away with these choices.", Slot::Warn));
    }
    for step in changed {
        if lines.len() > MOST {
            return;
        }
        gap(lines);
        lines.push(Line::of(step.target.to_string(), Slot::Strong));
        for reason in &step.reasons {
            wrapped(&format!("  {}", reason.why), Slot::Base, columns, lines);
            for owner in &step.owners {
                let words =
                    format!("{} undoes it {} ({})", owner.owner, owner.undone, owner.evidence);
                said("!", &words, Slot::Warn, columns, lines);
            }
            let evidence: Vec<&String> =
                reason.evidence.iter().filter(|line| !own.contains(line)).collect();
            for line in evidence.iter().filter(|line| line.starts_with(GOES)) {
                let line = line.trim_start_matches(GOES);
                said("−", line, Slot::Danger, columns, lines);
            }
            for line in evidence.iter().filter(|line| line.starts_with(STAYS)) {
                let line = line.trim_start_matches(STAYS);
                said("+", line, Slot::Good, columns, lines);
            }
            let rest =
                evidence.iter().filter(|line| !line.starts_with(GOES) && !line.starts_with(STAYS));
            for line in rest {
                said("·", line, Slot::Muted, columns, lines);
            }
        }
    }
    if !made.is_empty() {
        gap(lines);
        let names: Vec<String> = made.iter().map(|step| step.target.to_string()).collect();
        lines.push(Line::of(format!("Made: {}", plural(made.len(), "object")), Slot::Strong));
        for name in names {
            said("+", &name, Slot::Base, columns, lines);
        }
    }
}

/// How a line of evidence begins.
pub(super) const GOES: &str = "takes away ";

/// Likewise.
const STAYS: &str = "keeps ";

/// What has to be known besides, and what is to be done elsewhere and later.
fn besides(foreseen: &Foreseen, columns: usize, lines: &mut Lines) {
    let plan = &foreseen.plan;
    if let Some(lock_out) = &plan.lock_out {
        gap(lines);
        said("!", &format!("locks out: {}", lock_out.what), Slot::Danger, columns, lines);
    }
    if !plan.later.is_empty() {
        gap(lines);
        lines.push(Line::of("Later (keybook due lists it)", Slot::Strong));
        for later in &plan.later {
            let line = format!("from {} on: {}", exact(later.not_before), later.what);
            said("·", &line, Slot::Base, columns, lines);
        }
    }
    if !plan.warnings.is_empty() || !plan.parted.is_empty() {
        gap(lines);
        let nobody = plan.parted.iter().flat_map(|of| &of.nobody).map(|of| of.words(MOST / 8));
        for warning in plan.warnings.iter().cloned().chain(nobody).take(MOST / 4) {
            said("!", &warning, Slot::Warn, columns, lines);
        }
    }
    if !plan.manual.is_empty() {
        gap(lines);
        lines.push(Line::of("To be done elsewhere", Slot::Strong));
        for manual in plan.manual.iter().take(MOST / 4) {
            said("·", &format!("{}: {}", manual.what, manual.why), Slot::Base, columns, lines);
        }
    }
    if !plan.still_works.is_empty() {
        gap(lines);
        lines.push(Line::of("What works afterwards all the same", Slot::Strong));
        for works in plan.still_works.iter().take(MOST / 4) {
            said("·", &format!("{}: {}", works.what, works.until), Slot::Base, columns, lines);
        }
    }
}

/// A sentence behind its sign, as many lines as that takes.
pub(super) fn said(sign: &str, text: &str, slot: Slot, columns: usize, lines: &mut Lines) {
    let quiet = matches!(slot, Slot::Danger | Slot::Good) && ["−", "+"].contains(&sign);
    let words = if quiet { Slot::Base } else { slot };
    for (at, part) in wrap(text, columns.saturating_sub(4).max(16)).into_iter().enumerate() {
        let before = if at == 0 { sign } else { " " };
        lines.push(Line::of(format!("  {before} "), slot).then(part, words));
    }
}

/// An empty line, where there is something before.
pub(super) fn gap(lines: &mut Lines) {
    if lines.last().is_some_and(|line| !line.0.is_empty()) {
        lines.push(Line::new());
    }
}
