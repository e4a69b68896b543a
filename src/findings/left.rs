//! Somebody who acts although the policy says that they have left: a credential of theirs still works,
//! or somebody else has it.

use super::{Subject, severity_of};
use crate::book::{Finding, Severity};
use crate::model::{Detail, SubjectKind};

const RULE: (&str, &str) = ("acted-after-leaving", "left");

/// So many credentials are named.
const NAMED: usize = 2;

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let (book, entry) = (subject.book, subject.entry);
    // What a group did are its members' own doings.
    if entry.identity.kind == SubjectKind::Group || !book.log.is_whole() {
        return;
    }
    let Some(last_day) = book.policy.last_day(&entry.identity.to_string()) else { return };
    let (Some(activity), Some(log)) = (entry.activity.as_deref(), book.activity.as_deref()) else {
        return;
    };
    let Some(seen) = activity.last_seen.filter(|seen| seen.date_naive() > last_day) else { return };
    let after = || activity.days.range(last_day..).filter(|(day, _)| **day > last_day);
    let (mut allowed, mut others) = (0, 0);
    for (_, day) in after() {
        allowed += day.allowed;
        others += day.denied + day.undecided;
    }
    let figures = if log.detail() == Detail::Days {
        let days = after().count();
        let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        format!("{allowed} allowed and {others} other requests on {days} after it, the last on")
    } else {
        "seen after it, the last time on".to_owned()
    };
    let used = activity.credentials.iter().filter(|one| one.last_seen.date_naive() > last_day);
    let used: Vec<&str> = used.map(|one| &*one.id).collect();
    let by = match used.len() {
        0 => String::new(),
        some => {
            let named = used.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
            let more = some.saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("; by {named}{more}")
        }
    };
    let evidence = format!(
        "its last day was {last_day}, by the policy; {figures} {}{by}",
        seen.format("%Y-%m-%d")
    );
    let severity = severity_of(entry.tier).max(Severity::Medium);
    found.push(subject.finding(RULE, severity, None, evidence));
}
