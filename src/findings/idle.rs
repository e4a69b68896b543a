//! Access that is held and was not used in the policy's idle time.
//!
//! Bounded by what the log covers, and measured to its end, never to the wall clock: a log that is
//! shorter than the idle time proves nobody idle.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Log, Subject, severity_of};
use crate::book::{Book, Entry, Existence, Finding, Grant, HintSource, Severity, Tier};
use crate::model::{Coverage, Identity, ListKind, SubjectKind, duration};

const RULE: (&str, &str) = ("idle", "idle");

/// Annotations of accounts whose tokens are presented elsewhere than to the API server.
const CLOUD: [&str; 3] = [
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
    "azure.workload.identity/client-id",
];

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let (book, entry) = (subject.book, subject.entry);
    let Some(Log { coverage, from, since }) = subject.log else {
        return;
    };
    let days = book.policy.idle_days;
    if !can_be_judged(subject, coverage) {
        return;
    }
    let tier = held(subject);
    let only_reads = matches!(tier, Tier::Read | Tier::ReadsSecrets);
    if tier <= Tier::DiscoveryOnly
        || (only_reads && !coverage.reads_cover(since))
        || subject.seen.is_some_and(|seen| seen >= since)
        || contradicted(book, entry, since)
    {
        return;
    }
    let reads = coverage.reads_cover(since);
    let what = what_was_not_seen(entry, subject.seen, from, days, reads);
    let doubt = doubt(book, entry);
    let severity = match &doubt {
        None if reads && !coverage.lacks_server() => severity_of(tier),
        _ => Severity::Info,
    };
    let in_doubt = doubt.is_some();
    let evidence = format!("{what}{}{}", doubt.unwrap_or_default(), limits(coverage));
    let mut finding = subject.finding(RULE, severity, None, evidence);
    if in_doubt {
        finding.fix = super::fix::ask_first(subject);
    }
    finding.rests_on_coverage = true;
    found.push(finding);
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
        _ => entry.existence != Existence::Missing && &*entry.identity.name != Identity::ANONYMOUS,
    }
}

/// How much it holds by itself or by groups that somebody put it in, the API server's own grants
/// left out.
fn held(subject: &Subject<'_>) -> Tier {
    let in_masters =
        subject.entry.groups.iter().any(|group| &*group.name == Identity::SYSTEM_MASTERS);
    if in_masters {
        return Tier::ClusterAdmin;
    }
    let from_everybody = |grant: &Grant| {
        grant.key.subject != subject.entry.identity
            && subject.book.is_implicit(&grant.key.subject.name)
    };
    let grants = subject.grants().filter(|grant| !grant.bootstrap && !from_everybody(grant));
    let beside = subject.book.beside(&subject.entry.identity).filter(|one| one.sure);
    let tiers = grants.map(|grant| subject.book.tier_of(grant));
    tiers.chain(beside.map(|one| one.tier)).max().unwrap_or_default()
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
pub(super) fn instants(
    book: &Book,
    entry: &Entry,
    seen: Option<DateTime<Utc>>,
) -> impl Iterator<Item = DateTime<Utc>> {
    seen.into_iter().chain(shown(book, entry))
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

/// Why what never authenticates at the API server may be in use all the same.
fn doubt(book: &Book, entry: &Entry) -> Option<String> {
    let by = entry.activity.iter().flat_map(|activity| activity.impersonated_by.values());
    if let Some(last) = by.filter_map(|by| by.last_seen).max() {
        return Some(format!(
            "; others acted in its name, last on {}: its rights are in use",
            last.format("%Y-%m-%d")
        ));
    }
    if let Some(pod) = entry.hints.iter().find(|hint| hint.source == HintSource::RunningPod) {
        return Some(format!(
            "; {} runs as it now and may use its token outside the API, so it need not be unused",
            pod.object
        ));
    }
    let namespace = entry.identity.namespace.as_deref()?;
    if !book.snapshot.covers(&[ListKind::Pods], Some(namespace)) {
        return Some(
            "; whether a pod runs as it now is not known, since pods were not read".to_owned(),
        );
    }
    let key = (namespace.into(), entry.identity.name.clone());
    let account = book.snapshot.objects.service_accounts.get(&key)?;
    let annotation = CLOUD.into_iter().find(|key| account.meta.annotations.contains_key(*key));
    if let Some(annotation) = annotation {
        return Some(format!(
            "; annotation {annotation} lets its token be used outside the API, so it need not be \
             unused"
        ));
    }
    (!account.image_pull_secrets.is_empty())
        .then(|| "; its imagePullSecrets may be in use all the same".to_owned())
}

/// What bounds the claim.
pub(super) fn limits(coverage: &Coverage) -> String {
    let gaps = coverage.gaps.len() as u64 + coverage.gaps_left_out;
    let unreadable: u64 = coverage.unreadable.values().map(|one| one.count).sum();
    let missing = Some(coverage.missing()).filter(|missing| !missing.is_zero()).map(duration);
    let gaps = match (gaps, missing) {
        (0, _) => String::new(),
        (1, None) => "; the log has 1 gap".to_owned(),
        (1, Some(missing)) => format!("; the log has 1 gap of {missing}"),
        (gaps, None) => format!("; the log has {gaps} gaps"),
        (gaps, Some(missing)) => format!("; the log has {gaps} gaps, and lacks {missing}"),
    };
    let mut said = match (gaps.is_empty(), unreadable) {
        (_, 0) => gaps,
        (true, lines) => format!("; {lines} lines of the log could not be read"),
        (false, lines) => format!("{gaps}, and {lines} lines of it could not be read"),
    };
    if coverage.lacks_server() {
        said.push_str("; the log of an API server is missing");
    }
    if let Some(carrier) = coverage.hides_impersonation() {
        said = format!("{said}; in logs by {carrier} it does not show who acted in its name");
    }
    said
}
