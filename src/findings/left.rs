//! Somebody who acts although the policy says that they have left: a credential of theirs still works,
//! or somebody else has it.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::{Subject, severity_of};
use crate::book::{Finding, Fix, Severity};
use crate::model::{Activity, Detail, Identity, SubjectKind, counted};

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
    let Some(log) = book.activity.as_deref() else { return };
    tokens(subject, log, last_day, found);
    let Some(activity) = entry.activity.as_deref() else { return };
    let Some(seen) = activity.last_seen.filter(|seen| seen.date_naive() > last_day) else { return };
    let after = || activity.days.range(last_day..).filter(|(day, _)| **day > last_day);
    let (mut allowed, mut others) = (0, 0);
    for (_, day) in after() {
        allowed += day.allowed;
        others += day.denied + day.undecided;
    }
    let figures = if log.detail() == Detail::Days {
        let days = after().count();
        let days = counted(days, "day");
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

/// What a token was used for after a day.
#[derive(Default)]
struct After {
    tokens: usize,
    requests: u64,
    last: Option<DateTime<Utc>>,
}

/// Tokens that they had made for accounts, and that were used after their last day: they may have taken
/// them along. What a pod uses that they had a token made for is the pod's.
fn tokens(subject: &Subject<'_>, log: &Activity, last_day: NaiveDate, found: &mut Vec<Finding>) {
    let who = &subject.entry.identity;
    let mut after: BTreeMap<&Identity, After> = BTreeMap::new();
    for (issued, _) in
        log.issued().iter().filter(|(issued, _)| issued.by == *who || issued.maker() == who)
    {
        let Some(seen) = log.seen(&issued.account) else { continue };
        let of_it = log.by_authenticated(seen).iter().filter(|row| {
            row.day > last_day
                && log.actor(row.actor).credential.as_ref() == Some(&issued.credential)
        });
        let (mut requests, mut last) = (0, None);
        for row in of_it {
            requests += row.requests();
            last = last.max(Some(row.last));
        }
        if last.is_some() {
            let sum = after.entry(&issued.account).or_default();
            sum.tokens += 1;
            sum.requests += requests;
            sum.last = sum.last.max(last);
        }
    }
    for (account, After { tokens, requests, last }) in after {
        let tokens = match tokens {
            1 => "a token".to_owned(),
            more => format!("{more} tokens"),
        };
        let last =
            last.map_or_else(String::new, |at| format!(", the last on {}", at.format("%Y-%m-%d")));
        let evidence = format!(
            "its last day was {last_day}, by the policy; {tokens} of {account} that it had made \
             had {} after it{last}",
            counted(requests, "request")
        );
        // Whatever the account may do, somebody who is gone does it.
        let mut finding = subject.finding(RULE, Severity::High, None, evidence);
        finding.fix = Fix::elsewhere(format!(
            "have those tokens end: keybook credentials {account} says of each until when it is good \
             and what ends it; deleting the account ends all of its tokens"
        ));
        found.push(finding);
    }
}
