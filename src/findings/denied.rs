//! Requests that are refused again and again: somebody probes, or was narrowed too far, or a
//! program was never given what it needs.

use std::collections::BTreeMap;

use super::Subject;
use crate::book::{Finding, Severity};
use crate::model::{Identity, SubjectKind, Target, counted};

const RULE: (&str, &str) = ("denied", "denied");

/// From so many kinds of refused requests on it looks like a search for what works.
const MANY: usize = 10;

/// From so many on it does so however few the days are: a search is over in minutes.
const SEARCH: usize = 30;

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let (book, entry) = (subject.book, subject.entry);
    // Refused requests count for whoever made them; of a group they are its members' own.
    if entry.identity.kind == SubjectKind::Group || !book.log.is_whole() {
        return;
    }
    let Some(activity) = entry.activity.as_deref() else {
        return;
    };
    let policy = &book.policy;
    let mut days = activity.days.iter().filter(|(_, day)| day.denied > 0).map(|(day, _)| *day);
    let count = activity.days.values().filter(|day| day.denied > 0).count();
    if activity.denied < u64::from(policy.denied_requests) {
        return;
    }
    let (first, last) = (days.next(), days.next_back());
    let (kinds, folded) = refused(subject);
    if count < policy.denied_days as usize && kinds.len() < SEARCH && !folded {
        return;
    }
    let most = kinds.iter().max_by(|a, b| a.1.cmp(b.1).then_with(|| b.0.cmp(a.0)));
    let most = most
        .map_or_else(String::new, |(what, requests)| format!("; most often {what} ({requests})"));
    let others = match kinds.len() {
        0 | 1 => String::new(),
        kinds => format!(", and {} other kinds of requests", kinds - 1),
    };
    let between = match (first, last.or(first)) {
        (Some(first), Some(last)) => format!(" between {first} and {last}"),
        _ => String::new(),
    };
    let evidence = format!(
        "refused {} on {}{between}{most}{others}",
        counted(activity.denied, "time"),
        counted(count, "day")
    );
    let anonymous = &*entry.identity.name == Identity::ANONYMOUS;
    let severity = match (anonymous, folded || kinds.len() >= MANY) {
        // Whoever can reach the API server can do so much.
        (true, _) => Severity::Info,
        (false, true) => Severity::Medium,
        (false, false) => Severity::Low,
    };
    found.push(subject.finding(RULE, severity, None, evidence));
}

/// What was refused, by verb and resource, with how often; and whether there was more than could be
/// kept.
fn refused(subject: &Subject<'_>) -> (BTreeMap<String, u64>, bool) {
    let (mut kinds, mut folded): (BTreeMap<String, u64>, bool) = (BTreeMap::new(), false);
    let others = subject.entry.activity.iter().any(|activity| !activity.impersonated_by.is_empty());
    if others {
        // Some of what was refused in its name others asked for.
        return (kinds, folded);
    }
    for (call, denied) in subject.book.refused(subject.entry) {
        let what = match &call.target {
            Target::Resource { group, resource, subresource, .. } => {
                let dot = if group.is_empty() { "" } else { "." };
                let slash = if subresource.is_empty() { "" } else { "/" };
                format!("{} {resource}{slash}{subresource}{dot}{group}", call.verb)
            }
            Target::Path(_) | Target::Paths => format!("{} of paths", call.verb),
            Target::Folded => {
                folded = true;
                "requests of which too many kinds came to keep".to_owned()
            }
        };
        *kinds.entry(what).or_default() += denied;
    }
    (kinds, folded)
}
