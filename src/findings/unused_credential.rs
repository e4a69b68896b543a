//! Credentials that the API server takes and that nobody used in the policy's idle time.
//!
//! By the log, where it is whole, as long as the idle time, and names the credentials of whatever the
//! identity did; else of a token Secret by the API server's own tracking of its use.

use chrono::{DateTime, TimeDelta, Utc};

use super::lasting_token::{fix, made};
use super::{Log, Subject, one_less, severity_of};
use crate::book::{Existence, Finding, Fix, Severity};
use crate::credentials::{Credential, Kind, LastUse, log_ids};
use crate::model::Detail;

const RULE: (&str, &str) = ("unused-credential", "unused credential");

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let entry = subject.entry;
    // Of whom nothing was seen at all it is said as a whole.
    let idle = found.iter().any(|finding| finding.rule == "idle");
    if subject.credentials.is_empty() || idle || entry.existence == Existence::Missing {
        return;
    }
    let log = telling_log(subject);
    let mut doubt = None;
    for one in &subject.credentials {
        let Some((evidence, by_log)) = unused(subject, one, log) else { continue };
        let doubt = doubt.get_or_insert_with(|| super::idle::doubt(subject.book, entry));
        let severity = match doubt {
            Some(_) => Severity::Info,
            None => one_less(severity_of(entry.tier)),
        };
        let name = match one.kind {
            Kind::TokenSecret => one.id.to_string(),
            kind => format!("{} {}", kind.as_str(), one.id),
        };
        let said = doubt.as_deref().unwrap_or_default();
        let evidence = format!("{name}{} {evidence}, for {}{said}", made(one), entry.tier.as_str());
        let mut finding = subject.finding(RULE, severity, None, evidence);
        finding.rests_on_coverage = by_log;
        finding.fix = if one.kind == Kind::TokenSecret {
            fix(one)
        } else {
            Fix::elsewhere(format!("end it: {}", one.revoke))
        };
        found.push(finding);
    }
}

/// The log, where it would show the use of any credential of this identity.
fn telling_log<'a>(subject: &Subject<'a>) -> Option<Log<'a>> {
    let log = subject.log?;
    let detail = subject.book.activity.as_deref()?.detail();
    if !log.coverage.reads_cover(log.since)
        || log.coverage.lacks_server()
        || detail == Detail::NoCalls
    {
        return None;
    }
    match subject.entry.activity.as_deref() {
        None => (log.coverage.identities_left_out == 0).then_some(log),
        // Of what has no id it is not known which credential it was.
        Some(activity) => {
            let named: u64 = activity.credentials.iter().map(|one| one.requests).sum();
            (named >= activity.requests).then_some(log)
        }
    }
}

/// That it was not used, and whether the log says so.
fn unused(subject: &Subject<'_>, one: &Credential, log: Option<Log<'_>>) -> Option<(String, bool)> {
    let days = subject.book.policy.idle_days;
    let by_log = log_ids(one, several(subject));
    let last = by_log.as_deref().and_then(|ids| last_in_log(subject, ids));
    let tracked = tracked(one);
    if let (Some(log), true) = (log, by_log.is_some()) {
        let young = one.issued.is_none_or(|made| made > log.since);
        let used = last.is_some_and(|at| at >= log.since)
            || matches!(tracked, Some((at, true)) if at >= log.since);
        if young || used {
            return None;
        }
        let (from, to) = (log.from.format("%Y-%m-%d"), log.coverage.to?.format("%Y-%m-%d"));
        let limits = super::idle::limits(log.coverage);
        let what = match last {
            Some(at) => format!(
                "was last used on {}, more than {days} days before the log ends on {to}",
                at.format("%Y-%m-%d")
            ),
            None => format!("is in no request of the log, which is from {from} to {to}"),
        };
        return Some((format!("{what}{limits}"), true));
    }
    let (at, is_use) = tracked?;
    if until(subject, at)? > subject.book.now || last.is_some_and(|last| last > at) {
        return None;
    }
    let what = if is_use {
        let day = (at - TimeDelta::days(1)).format("%Y-%m-%d");
        format!("was last used on {day}, by its label, more than {days} days ago")
    } else {
        let day = at.format("%Y-%m-%d");
        format!(
            "was not used since {day}, by the API server's own tracking, for {days} days and more"
        )
    };
    Some((what, false))
}

/// Whether the account has more than one token Secret.
pub(super) fn several(subject: &Subject<'_>) -> bool {
    subject.credentials.iter().filter(|one| one.kind == Kind::TokenSecret).count() > 1
}

pub(super) fn last_in_log(subject: &Subject<'_>, ids: &[String]) -> Option<DateTime<Utc>> {
    let activity = subject.entry.activity.as_deref()?;
    let of_it = activity.credentials.iter().filter(|seen| ids.iter().any(|id| **id == *seen.id));
    of_it.map(|seen| seen.last_seen).max()
}

/// The end of the day of its last use by the API server's tracking, or the time since which there was
/// none, UTC; and whether it is a use.
fn tracked(one: &Credential) -> Option<(DateTime<Utc>, bool)> {
    match &one.last_use {
        // A day only: the use may have been at its very end.
        LastUse::Label { .. } => Some((one.last_use.at()? + TimeDelta::days(1), true)),
        LastUse::NotSince(since) => Some((*since, false)),
        _ => None,
    }
}

fn until(subject: &Subject<'_>, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    at.checked_add_signed(TimeDelta::days(i64::from(subject.book.policy.idle_days)))
}

/// Times from which the idle time of its credentials counts, in the log, UTC.
pub(super) fn instants(subject: &Subject<'_>) -> impl Iterator<Item = DateTime<Utc>> {
    subject.credentials.iter().flat_map(move |one| {
        let ids = log_ids(one, several(subject)).unwrap_or_default();
        let tracked = tracked(one).map(|(at, _)| at);
        [one.issued, tracked, last_in_log(subject, &ids)].into_iter().flatten()
    })
}

/// When what is said of them changes by the time alone, UTC.
pub(super) fn turns(subject: &Subject<'_>) -> impl Iterator<Item = DateTime<Utc>> {
    subject.credentials.iter().filter_map(|one| until(subject, tracked(one)?.0))
}
