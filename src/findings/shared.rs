//! An account behind which more than one person is seen: what is done with it is nobody's, and who
//! leaves takes it along.

use super::{Subject, severity_of};
use crate::actors;
use crate::book::Finding;

const RULE: (&str, &str) = ("shared-account", "shared");

/// So many signs are told.
const TOLD: usize = 3;

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let (book, entry) = (subject.book, subject.entry);
    let (Some(log), Some(sums)) = (book.activity.as_deref(), entry.activity.as_deref()) else {
        return;
    };
    // Most have one of each.
    if !book.log.is_whole()
        || sums.addresses.len() < 2 && sums.agents.len() < 2 && sums.credentials.len() < 2
    {
        return;
    }
    let behind = actors::of(log, &book.snapshot, &entry.identity);
    let Some(behind) = behind.filter(actors::Behind::is_shared) else { return };
    let told: Vec<&str> =
        behind.signals.iter().take(TOLD).map(|signal| &*signal.evidence).collect();
    let more = match behind.signals.len().saturating_sub(TOLD) {
        0 => String::new(),
        1 => "; and another sign".to_owned(),
        more => format!("; and {more} other signs"),
    };
    let evidence = format!(
        "{}{more}; the signs weigh {}, from {} on an account is called shared",
        told.join("; "),
        behind.weight,
        actors::SHARED
    );
    found.push(subject.finding(RULE, severity_of(entry.tier), None, evidence));
}
