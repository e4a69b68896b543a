//! Whoever can become more than it is, by what was granted to it: stronger, or as strong and somebody
//! else who may do what it may not. Of the latter only what is worth something is told: that others
//! read more, or write other things where one may write already, is everyday.
//!
//! It needs everything at once, so that it is not a part of the Book's own judgement. What the API
//! server installed by itself is left out of the grants from which a path starts: its controllers
//! can become more by design.

use super::{binding, role, severity_of};
use crate::book::{Becoming, Entry, Finding, Higher, Severity};
use crate::reach::{Path, Reach, Reached};

/// The rule's id.
pub const RULE: &str = "reach";

/// Findings of everybody, in the order of [`Book::findings`].
pub fn all(reach: &Reach<'_>, reached: &[Reached]) -> Vec<Finding> {
    use rayon::prelude::*;
    let book = reach.book();
    let judged: Vec<Option<Finding>> =
        reached.par_iter().map(|one| of(reach, book.entry(one.id)?, one)).collect();
    let mut found: Vec<Finding> = judged.into_iter().flatten().collect();
    found.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.identity.cmp(&b.identity)));
    found
}

/// Who can become more than they are, with what is to be said of them.
pub fn becoming(reach: &Reach<'_>, reached: &[Reached]) -> Becoming {
    use rayon::prelude::*;
    let book = reach.book();
    let judged: Vec<_> = reached
        .par_iter()
        .filter_map(|one| {
            let higher = Higher { tier: one.becomes()?, modelled: one.way()?.is_modelled() };
            Some((one.id, higher, of(reach, book.entry(one.id)?, one)))
        })
        .collect();
    let mut becoming = Becoming::default();
    for (id, higher, finding) in judged {
        becoming.add(id, higher, finding);
    }
    becoming
}

/// What is to be said of one identity; None where it cannot become more than it is, or where that is
/// said of everybody.
pub fn of(reach: &Reach<'_>, entry: &Entry, reached: &Reached) -> Option<Finding> {
    let book = reach.book();
    let reached = reach.by_what_was_added(entry, reached)?;
    let path = reached.way()?;
    let first = path.hops.first()?.needed.iter().find_map(|needed| book.grant(needed.id?))?;
    // What everybody has is said of everybody, once.
    let subject = &first.key.subject;
    if *subject != entry.identity && book.is_implicit(&subject.name) {
        return None;
    }
    Some(Finding {
        rule: RULE,
        chip: "reach",
        severity: severity(path),
        identity: entry.identity.clone(),
        grant: Some(first.key.clone()),
        evidence: evidence(&reached, path, first),
        rests_on_coverage: false,
        fix: super::fix::of_grant(book, &entry.identity, RULE, &first.key),
    })
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
