//! Whoever can become more than it is, by what was granted to it: stronger, or as strong and somebody
//! else who may do what it may not. Of the latter only what is worth something is told: that others
//! read more, or write other things where one may write already, is everyday.
//!
//! It needs everything at once, so that it is not a part of the Book's own judgement. What the API
//! server installed by itself is left out of the grants from which a path starts: its controllers
//! can become more by design.

use super::{binding, one_less, role, severity_of};
use crate::book::{Becoming, Entry, Finding, Higher, Severity};
use crate::reach::{Path, Reach, Reached};

/// The rule's id.
pub const RULE: &str = "reach";

/// Findings of everybody, in the order of [`Book::findings`].
pub fn all(reach: &Reach<'_>, reached: &[Reached]) -> Vec<Finding> {
    let mut found: Vec<Finding> = each(reach, reached).into_iter().flatten().collect();
    found.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.identity.cmp(&b.identity)));
    found
}

/// Who can become more than they are, with what is to be said of them.
pub fn becoming(reach: &Reach<'_>, reached: &[Reached]) -> Becoming {
    let mut becoming = Becoming::default();
    for (one, finding) in reached.iter().zip(each(reach, reached)) {
        let (Some(tier), Some(way)) = (one.becomes(), one.way()) else { continue };
        becoming.add(one.id, Higher { tier, modelled: way.is_modelled() }, finding);
    }
    becoming
}

/// What is to be said of one identity by itself.
enum Judged {
    Said(Option<Box<Finding>>),
    /// Its way begins with what everybody has.
    Everybodys,
}

/// What is to be said of each, in their order.
fn each(reach: &Reach<'_>, reached: &[Reached]) -> Vec<Option<Finding>> {
    use rayon::prelude::*;
    let book = reach.book();
    let judge = |one: &Reached| match book.entry(one.id) {
        Some(entry) => judged(reach, entry, one),
        None => Judged::Said(None),
    };
    let judged: Vec<Judged> = reached.par_iter().map(judge).collect();
    let is_everybodys = |(_, judged): &(&Reached, &Judged)| matches!(judged, Judged::Everybodys);
    let others: Vec<&Entry> = reached
        .iter()
        .zip(&judged)
        .filter(is_everybodys)
        .filter_map(|(one, _)| book.entry(one.id).map(|entry| &**entry))
        .collect();
    // What everybody has is said of everybody, once: of each, what there is besides.
    let besides = reach.without_everybodys().filter(|_| !others.is_empty());
    let besides: Vec<Option<Finding>> = besides.map_or_else(Vec::new, |besides| {
        let reached = besides.many(&others);
        others.par_iter().zip(reached).map(|(entry, one)| said(besides, entry, &one)).collect()
    });
    let mut besides = besides.into_iter();
    let all = judged.into_iter().map(|judged| match judged {
        Judged::Said(found) => found.map(|found| *found),
        Judged::Everybodys => besides.next().flatten(),
    });
    all.collect()
}

/// What is to be said of one identity; None where it cannot become more than it is, or where that is
/// said of everybody.
pub fn of(reach: &Reach<'_>, entry: &Entry, reached: &Reached) -> Option<Finding> {
    match judged(reach, entry, reached) {
        Judged::Said(found) => found.map(|found| *found),
        Judged::Everybodys => {
            let besides = reach.without_everybodys()?;
            said(besides, entry, &besides.of(entry))
        }
    }
}

/// The same, with no way that begins with what everybody has.
fn said(reach: &Reach<'_>, entry: &Entry, reached: &Reached) -> Option<Finding> {
    match judged(reach, entry, reached) {
        Judged::Said(found) => found.map(|found| *found),
        Judged::Everybodys => None,
    }
}

fn judged(reach: &Reach<'_>, entry: &Entry, reached: &Reached) -> Judged {
    let book = reach.book();
    let Some(reached) = reach.by_what_was_added(entry, reached) else { return Judged::Said(None) };
    let Some(path) = reached.way() else { return Judged::Said(None) };
    let mut needed = path.hops.first().into_iter().flat_map(|hop| &hop.needed);
    let Some(first) = needed.find_map(|needed| book.grant(needed.id?)) else {
        return Judged::Said(None);
    };
    let subject = &first.key.subject;
    if *subject != entry.identity && book.is_implicit(&subject.name) {
        return Judged::Everybodys;
    }
    let left = (*subject != entry.identity).then(|| book.uncarried(entry, &subject.name)).flatten();
    let severity = severity(path);
    Judged::Said(Some(Box::new(Finding {
        rule: RULE,
        chip: "reach",
        severity: if left.is_some() { one_less(severity) } else { severity },
        identity: entry.identity.clone(),
        grant: Some(first.key.clone()),
        evidence: evidence(&reached, path, first)
            + &left.map(|left| left.words(&subject.name)).unwrap_or_default(),
        rests_on_coverage: false,
        fix: super::fix::of_grant(book, &entry.identity, RULE, &first.key),
    })))
}

/// As bad as holding it would be; one less where a step is a model only.
fn severity(path: &Path) -> Severity {
    let tier = path.adds.as_ref().map_or(path.tier, |added| added.adds.tier);
    match (severity_of(tier), path.is_modelled()) {
        (severity, false) => severity,
        (Severity::Critical | Severity::High, true) => Severity::Medium,
        (Severity::Medium, true) => Severity::Low,
        (Severity::Low | Severity::Info, true) => Severity::Info,
    }
}

fn evidence(reached: &Reached, path: &Path, first: &crate::book::Grant) -> String {
    const TOLD: usize = 4;
    let steps = path.hops.len();
    let mut told: Vec<String> = path.hops.iter().take(TOLD).map(crate::reach::Hop::words).collect();
    if steps > TOLD {
        told.push(format!("{} more steps", steps - TOLD));
    }
    let plural = if steps == 1 { "" } else { "s" };
    let modelled = path.modelled_words().map_or_else(String::new, |words| format!(", {words}"));
    let becomes = match (&path.adds, path.end()) {
        (Some(added), Some(end)) => {
            format!("act as {end} and do what it may not itself ({})", added.words())
        }
        _ => format!("become {}", path.tier.as_str()),
    };
    format!(
        "its own access is {}; it can {becomes} in {steps} step{plural}{modelled}: {}; begins with {}, \
         which grants {}",
        reached.own.as_str(),
        told.join(", "),
        binding(first),
        role(first)
    )
}
