//! Credentials that the API server takes and that nobody used in the policy's idle time.
//!
//! By the log, where it is whole, as long as the idle time, and names the credentials of whatever the
//! identity did; else of a token Secret by the API server's own tracking of its use.

use chrono::{DateTime, TimeDelta, Utc};

use super::fix::{end_of, is_missed, named};
use super::lasting_token::{fix, is_of_a_secret, made_aside};
use super::{Log, Subject, one_less, severity_of};
use crate::book::{Existence, Finding, Fix, Severity};
use crate::credentials::{
    Credential, Kind, LastUse, has_untold_end, is_for_another, mounted_by, mounting_unknown,
};
use crate::model::{Detail, Shown};

const RULE: (&str, &str) = ("unused-credential", "unused credential");

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let entry = subject.entry;
    // Of whom nothing was seen at all it is said as a whole.
    let idle = found.iter().any(|finding| finding.rule == "idle");
    let none = subject.credentials.is_empty() || !subject.holds_something();
    if none || idle || entry.existence == Existence::Missing {
        return;
    }
    let log = telling_log(subject);
    // A token whose end the log does not tell has most likely ended; one for another audience is used
    // elsewhere.
    let told = |one: &&Credential| !has_untold_end(one) && !is_for_another(one);
    for one in subject.credentials.iter().filter(told) {
        let Some((evidence, by_log)) = unused(subject, one, log) else { continue };
        let doubt = doubt(subject, one);
        let hidden = hidden(subject).filter(|_| by_log && doubt.is_none());
        let severity = match (&doubt, &hidden) {
            (Some(_), _) | (_, Some((_, true))) => Severity::Info,
            _ => one_less(severity_of(entry.tier)),
        };
        let name = named(one);
        let said = doubt.or_else(|| hidden.map(|(said, _)| said)).unwrap_or_default();
        let made = made_aside(one);
        let evidence = format!("{name}{made} {evidence}, for {}{said}", entry.tier.as_str());
        let mut finding = subject.finding(RULE, severity, None, evidence);
        finding.rests_on_coverage = by_log;
        finding.fix = if is_of_a_secret(one) {
            fix(subject, one)
        } else {
            Fix::elsewhere(format!("{}{}", is_missed(subject, one), end_of(subject, one)))
        };
        found.push(finding);
    }
}

/// Why one may be in use all the same, where neither log nor tracking would show it. What pods get by
/// themselves, or what the account's name is used for, says nothing of a token that somebody made.
fn doubt(subject: &Subject<'_>, one: &Credential) -> Option<String> {
    let book = subject.book;
    if let Some(by) = mounted_by(book, one) {
        return Some(format!(
            "; it is in the containers of {by}, which may use it outside the API, so it need not be \
             unused"
        ));
    }
    let why = mounting_unknown(book, one)?;
    Some(format!("; whether it is in a pod's containers is not known, since {why}"))
}

/// What of all that its identity may do the log would not show: of a token for that alone it has nothing.
/// With it, whether that is more than nearly all policies leave out, and some of each rule where the policy
/// is not known.
fn hidden(subject: &Subject<'_>) -> Option<(String, bool)> {
    let log = subject.log?;
    let book = subject.book;
    let rules = subject.judged_rules(&log);
    let said = super::idle::hidden(subject, rules.iter().copied());
    let own = rules.iter().filter(|one| !book.is_beside(one.rule));
    let worst = own.map(|rule| rule.shown).max().unwrap_or_default();
    let doubted = match &book.policy.audit {
        Some(_) => worst != Shown::Yes,
        None => worst == Shown::No,
    };
    (!said.is_empty()).then_some((said, doubted))
}

/// The log, where it would show the use of any credential of this identity.
fn telling_log<'a>(subject: &Subject<'a>) -> Option<Log<'a>> {
    let log = subject.log?;
    let detail = subject.book.activity.as_deref()?.detail();
    if !subject.book.reads_cover(log.since)
        || subject.book.leaves_out_entry(subject.entry)
        || log.coverage.lacks_part(log.since)
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
    let last = match &one.last_use {
        LastUse::Log { at, .. } => Some(*at),
        // It may have been in use all the time.
        LastUse::NotKnown(_) => return None,
        _ => None,
    };
    let tracked = tracked(one);
    if let (Some(log), true) = (log, is_named(one)) {
        let young = one.issued.is_none_or(|made| made > log.since);
        let used = last.is_some_and(|at| at >= log.since)
            || matches!(tracked, Some((at, true)) if at >= log.since);
        if young || used {
            return None;
        }
        let from = log.from.format("%Y-%m-%d");
        let limits = super::idle::limits(&log);
        let what = match (last, tracked) {
            (Some(at), _) => format!(
                "was last used on {}, more than {days} days before the log ends",
                at.format("%Y-%m-%d")
            ),
            (None, Some((at, true))) if at > log.from => {
                format!("was last used on {}, by its label", label_day(at))
            }
            (None, _) => format!("is in no request of the log, which begins on {from}"),
        };
        return Some((format!("{what}{limits}"), true));
    }
    let (at, is_use) = tracked?;
    if until(subject, at)? > subject.book.now {
        return None;
    }
    let what = if is_use {
        format!("was last used on {}, by its label, more than {days} days ago", label_day(at))
    } else {
        let day = at.format("%Y-%m-%d");
        format!(
            "was not used since {day}, by the API server's own tracking, for {days} days and more"
        )
    };
    Some((what, false))
}

/// Whether the log has a name of its own for it.
fn is_named(one: &Credential) -> bool {
    matches!(one.kind, Kind::Certificate | Kind::IssuedToken | Kind::TokenSecret)
}

/// The day whose end that is.
fn label_day(end: DateTime<Utc>) -> String {
    (end - TimeDelta::days(1)).format("%Y-%m-%d").to_string()
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
        let tracked = tracked(one).map(|(at, _)| at);
        [one.issued, tracked, one.last_use.at()].into_iter().flatten()
    })
}

/// When what is said of them changes by the time alone, UTC.
pub(super) fn turns(subject: &Subject<'_>) -> impl Iterator<Item = DateTime<Utc>> {
    subject.credentials.iter().filter_map(|one| until(subject, tracked(one)?.0))
}
