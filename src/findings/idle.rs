//! Access that is held and was not used in the policy's idle time.
//!
//! Bounded by what the log covers, and measured to its end, never to the wall clock: a log that is
//! shorter than the idle time proves nobody idle. What others did with its rights is a use of them; what
//! it got within the idle time is not judged.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::doubt::doubt;
use super::{Log, Subject, severity_of};
use crate::book::{Book, Entry, Existence, Finding, Grant, HeldRule, HintSource, Severity, Tier};
use crate::credentials::stands_for_many;
use crate::model::{Coverage, Identity, Shown, SubjectKind, counted, duration};

const RULE: (&str, &str) = ("idle", "idle");

/// So much of what would not show is named.
const NAMED: usize = 3;

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let (book, entry) = (subject.book, subject.entry);
    let Some(log) = subject.log else {
        return;
    };
    let Log { coverage, from, since } = log;
    let days = book.policy.idle_days;
    if !can_be_judged(subject, coverage) {
        return;
    }
    let held = held(subject, &log);
    let rules = subject.judged_rules(&log);
    let only_reads = matches!(held.tier, Tier::Read | Tier::ReadsSecrets);
    if held.tier <= Tier::DiscoveryOnly
        || (only_reads && !book.reads_cover(since))
        || rules.iter().all(|rule| rule.shown == Shown::No)
            && !rules.is_empty()
            && !book.may_leave_out(entry)
        || is_young(subject, &log)
        || subject.seen.is_some_and(|seen| seen >= since)
        || by_others(subject).any(|at| at >= since)
        || contradicted(book, entry, since)
    {
        return;
    }
    let reads = book.reads_cover(since);
    let what = what_was_not_seen(entry, subject.seen, from, days, reads);
    let doubt = doubt(subject).or_else(|| changed(subject, &log));
    // What is left out of the log may be all that somebody does: but nobody is there for events alone.
    // Of what the policy is known to leave out, a part is enough.
    let enough = if book.policy.audit.is_some() { Shown::Yes } else { Shown::Partly };
    let in_sight = rules.iter().all(|one| one.shown <= enough || book.is_beside(one.rule));
    let severity = match &doubt {
        None if reads && in_sight && !coverage.lacks_part(since) => severity_of(held.tier),
        _ => Severity::Info,
    };
    let in_doubt = doubt.is_some();
    let evidence = format!(
        "{what}{}{}{}{}{}",
        by_others_in_words(subject),
        if held.age_known { "" } else { "; when it got its grants is not known" },
        doubt.unwrap_or_default(),
        hidden(subject, rules.iter().copied()),
        limits(&log)
    );
    let mut finding = subject.finding(RULE, severity, None, evidence);
    if in_doubt {
        finding.fix = super::fix::ask_first(subject);
    }
    finding.rests_on_coverage = true;
    found.push(finding);
}

/// That what it holds need not have been its own all that time: something that names it was changed, or
/// all that it holds by others was. The last change.
fn changed(subject: &Subject<'_>, log: &Log<'_>) -> Option<String> {
    let last = |grants: Vec<&Arc<Grant>>| {
        let last = grants.into_iter().filter(|grant| log.doubts(grant).is_some());
        last.max_by_key(|grant| grant.changed().map(|(_, at)| at)).and_then(|one| log.doubts(one))
    };
    let by_name = last(subject.own().collect());
    by_name.or_else(|| mapped(subject, log)).or_else(|| {
        let (doubted, sure): (Vec<_>, Vec<_>) =
            judged(subject, log).partition(|grant| log.doubts(grant).is_some());
        let held = sure.into_iter().map(|grant| subject.book.tier_of(grant)).max();
        let beside = subject.book.beside(&subject.entry.identity).filter(|one| one.sure);
        let held = beside.map(|one| one.tier).chain(held).max().unwrap_or_default();
        let masters = subject.book.is_master(subject.entry);
        (held <= Tier::DiscoveryOnly && !masters).then(|| last(doubted)).flatten()
    })
}

/// The same of what a cloud's mapping gives: the groups that it puts somebody in, or what it allows beside
/// RBAC.
fn mapped(subject: &Subject<'_>, log: &Log<'_>) -> Option<String> {
    let carried = subject.book.carried(&subject.entry.identity);
    let at = carried.iter().filter_map(|one| one.changed).max().filter(|at| *at > log.since)?;
    let by_name = judged(subject, log).filter(|one| one.key.subject == subject.entry.identity);
    let by_name = by_name.map(|grant| subject.book.tier_of(grant)).max().unwrap_or_default();
    (by_name <= Tier::DiscoveryOnly).then(|| {
        format!(
            "; what maps it was last written on {}: whether it had this before is not known",
            at.format("%Y-%m-%d")
        )
    })
}

/// Whether it, or something that names it, was made within the idle time: what somebody was given
/// yesterday they had no time to use.
fn is_young(subject: &Subject<'_>, log: &Log<'_>) -> bool {
    subject.is_new(log) || subject.own().any(|grant| !log.judges(grant))
}

/// When requests of others used its rights, UTC: what they did in its name, and what its grants were
/// credited with, whoever asked.
fn by_others(subject: &Subject<'_>) -> impl Iterator<Item = DateTime<Utc>> {
    let by = subject.entry.activity.iter().flat_map(|activity| activity.impersonated_by.values());
    let credited = subject.own().filter_map(|grant| grant.last_credited);
    by.filter_map(|by| by.last_seen).chain(credited)
}

/// The last of them, where it was not seen itself since.
fn by_others_in_words(subject: &Subject<'_>) -> String {
    let last = by_others(subject).max().filter(|last| subject.seen.is_none_or(|seen| *last > seen));
    last.map_or_else(String::new, |last| {
        format!("; its rights were last used by others on {}", last.format("%Y-%m-%d"))
    })
}

/// Whether the log would show the identity if it had come.
fn can_be_judged(subject: &Subject<'_>, coverage: &Coverage) -> bool {
    let entry = subject.entry;
    // Who was left out for lack of room cannot be said never to have come.
    if subject.seen.is_none() && coverage.identities_left_out > 0 {
        return false;
    }
    match entry.identity.kind {
        SubjectKind::Group => {
            coverage.knows_groups() && !subject.book.is_implicit(&entry.identity.name)
        }
        _ => {
            entry.existence != Existence::Missing
                && &*entry.identity.name != Identity::ANONYMOUS
                && !stands_for_many(&entry.identity)
        }
    }
}

/// What was held all the idle time.
struct Held {
    tier: Tier,
    /// Whether any of its grants says since when.
    age_known: bool,
}

/// How much it holds by itself or by groups that somebody put it in, the API server's own grants
/// left out, and those that are younger than the idle time.
fn held(subject: &Subject<'_>, log: &Log<'_>) -> Held {
    let in_masters =
        subject.entry.groups.iter().any(|group| &*group.name == Identity::SYSTEM_MASTERS);
    // A credential may say since when it gives that; a mapping does not.
    let dated =
        subject.book.carried(&subject.entry.identity).iter().any(|one| one.issued.is_some());
    if in_masters {
        return Held { tier: Tier::ClusterAdmin, age_known: dated };
    }
    let beside = subject.book.beside(&subject.entry.identity).filter(|one| one.sure);
    let beside = beside.map(|one| one.tier).max().unwrap_or_default();
    let tiers = judged(subject, log).map(|grant| subject.book.tier_of(grant));
    let granted = tiers.max().unwrap_or_default();
    let age_known = if granted > Tier::DiscoveryOnly {
        judged(subject, log).any(|grant| grant.created.is_some())
    } else {
        dated || beside <= Tier::DiscoveryOnly
    };
    Held { tier: granted.max(beside), age_known }
}

/// Its grants that are old enough, those of everybody and the API server's own left out.
fn judged<'a>(subject: &Subject<'a>, log: &Log<'_>) -> impl Iterator<Item = &'a Arc<Grant>> {
    let (book, identity) = (subject.book, &subject.entry.identity);
    let from_everybody = move |grant: &Grant| {
        grant.key.subject != *identity && book.is_implicit(&grant.key.subject.name)
    };
    let log = *log;
    subject
        .grants()
        .filter(move |grant| !grant.bootstrap && !from_everybody(grant) && log.judges(grant))
}

/// Whether the cluster itself shows that it was used after all.
fn contradicted(book: &Book, entry: &Entry, since: DateTime<Utc>) -> bool {
    shown(book, entry).any(|at| at >= since)
}

/// When the cluster itself shows that it was used, or that a credential was made for it, UTC.
fn shown(book: &Book, entry: &Entry) -> impl Iterator<Item = DateTime<Utc>> {
    let made = book.carried(&entry.identity).iter().filter_map(|one| one.issued);
    let used = entry.hints.iter().filter_map(|hint| match hint.source {
        // A day only: the use may have been at its very end.
        HintSource::LegacyTokenLastUsed => Some(hint.at + TimeDelta::days(1)),
        HintSource::CertificateRequest => Some(hint.at),
        HintSource::RunningPod => None,
    });
    used.chain(made)
}

/// The times from which the idle time of an entry counts: when one of them is that long before the
/// end of the log, the verdict may change.
pub(super) fn instants(subject: &Subject<'_>) -> impl Iterator<Item = DateTime<Utc>> {
    let shown = shown(subject.book, subject.entry);
    let mapped = subject.book.carried(&subject.entry.identity).iter().filter_map(|one| one.changed);
    subject.seen.into_iter().chain(by_others(subject)).chain(shown).chain(mapped)
}

fn what_was_not_seen(
    entry: &Entry,
    seen: Option<DateTime<Utc>>,
    from: DateTime<Utc>,
    days: u32,
    reads: bool,
) -> String {
    let group = entry.identity.kind == SubjectKind::Group;
    let what = match (group, reads) {
        (false, true) => "seen",
        (false, false) => "seen with any but reading requests, which are not all logged here",
        (true, _) => "carried by a request",
    };
    match seen {
        Some(seen) => format!(
            "last {what} on {}, more than {days} days before the log ends",
            seen.format("%Y-%m-%d")
        ),
        None => format!("never {what} in a log that begins on {}", from.format("%Y-%m-%d")),
    }
}

/// What of these rules would not show, as it goes on in the evidence.
pub(super) fn hidden<'r>(
    subject: &Subject<'_>,
    rules: impl Iterator<Item = &'r HeldRule<'r>>,
) -> String {
    let hidden = subject.book.hidden(subject.entry, rules);
    let by_policy = subject.book.policy.audit.is_some();
    let named: Vec<&str> = hidden.iter().take(NAMED).map(String::as_str).collect();
    let rest = match hidden.len().saturating_sub(named.len()) {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    };
    match (named.is_empty(), by_policy) {
        (true, _) => String::new(),
        (_, true) => {
            // Of whoever is in the group, or acts in their name, it may leave some out.
            let is_open = subject.book.may_leave_out(subject.entry);
            let may = if is_open { "may leave" } else { "leaves" };
            format!("; the audit policy {may} out {}{rest}", named.join(", "))
        }
        (_, false) => format!(
            "; whether the log has {}{rest} is not known, since nobody's are in it",
            named.join(", ")
        ),
    }
}

/// What bounds the claim.
pub(super) fn limits(log: &Log<'_>) -> String {
    let coverage = log.coverage;
    let gaps = coverage.gaps.len() as u64 + coverage.gaps_left_out;
    let unreadable: u64 = coverage.unreadable.values().map(|one| one.count).sum();
    let unreadable = unreadable.saturating_sub(coverage.broken);
    let missing = Some(coverage.missing()).filter(|missing| !missing.is_zero()).map(duration);
    let gaps = match (gaps, missing) {
        (0, _) => String::new(),
        (1, Some(missing)) => format!("; the log has 1 gap of {missing}"),
        (gaps, None) => format!("; the log has {}", counted(gaps, "gap")),
        (gaps, Some(missing)) => format!("; the log has {gaps} gaps, and lacks {missing}"),
    };
    let mut said = match (gaps.is_empty(), unreadable) {
        (_, 0) => gaps,
        (true, lines) => format!("; {} of the log could not be read", counted(lines, "line")),
        (false, lines) => format!("{gaps}, and {} of it could not be read", counted(lines, "line")),
    };
    if coverage.broken > 0 {
        let files = counted(coverage.broken, "file");
        said = format!("{said}; {files} of the log could not be read, or not to the end");
    }
    if coverage.lacks_server() {
        said.push_str("; the log of an API server is missing");
    }
    if let Some(lacking) = coverage.lacking_in_words(log.since) {
        said = format!("{said}; {lacking}");
    }
    if let Some(carrier) = coverage.hides_impersonation() {
        said = format!("{said}; in logs by {carrier} it does not show who acted in its name");
    }
    said
}
