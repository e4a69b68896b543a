//! Somebody acts as a service account by something else than a token of it. The API server asks for an
//! account only where a token says so (`pkg/serviceaccount`): a client certificate with the account's
//! name and an impersonation of it work whether or not it is there, and go on once it is deleted.

use super::{Subject, severity_of};
use crate::book::{Existence, Finding, Fix, IdentityActivity, Severity};
use crate::credentials::{Credential, Expires, Kind};
use crate::model::counted;

const RULE: (&str, &str) = ("not-by-token", "not by token");

/// What the log calls client certificates by.
const PRINT: &str = "X509SHA256=";

/// So many are named.
const NAMED: usize = 2;

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let entry = subject.entry;
    let Some(namespace) = &entry.identity.namespace else { return };
    let is_missing = entry.existence == Existence::Missing;
    let activity = entry.activity.as_deref().filter(|_| subject.book.log.is_whole());
    let account = format!("ServiceAccount {namespace}/{}", entry.identity.name);
    by_certificate(subject, &account, is_missing, activity, found);
    if is_missing && let Some(activity) = activity {
        by_impersonation(subject, &account, activity, found);
    }
}

fn by_certificate(
    subject: &Subject<'_>,
    account: &str,
    is_missing: bool,
    activity: Option<&IdentityActivity>,
    found: &mut Vec<Finding>,
) {
    let listed: Vec<&Credential> =
        subject.credentials.iter().filter(|one| one.kind == Kind::Certificate).collect();
    let seen = activity.iter().flat_map(|activity| &activity.credentials);
    let seen: Vec<_> = seen.filter(|one| one.id.starts_with(PRINT)).collect();
    let mut ids: Vec<&str> = listed.iter().map(|one| &*one.id).collect();
    ids.extend(seen.iter().map(|one| &*one.id));
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return;
    }
    let requests: u64 = seen.iter().map(|one| one.requests).sum();
    let last = seen.iter().map(|one| one.last_seen).max();
    let used = match last {
        Some(at) => format!(
            "with {} by the log, the last on {}",
            counted(requests, "request"),
            at.format("%Y-%m-%d")
        ),
        None => "with no request in a log so far".to_owned(),
    };
    let named = ids.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let beyond = match ids.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let there = if is_missing { ", which does not exist" } else { "" };
    let which = match ids.len() {
        1 => "a client certificate authenticates".to_owned(),
        more => format!("{more} client certificates authenticate"),
    };
    let evidence = format!(
        "{which} as {account}{there}, {used}: {named}{beyond}; that gives what is bound to the account \
         by its name and to the groups in the certificate, and not to those of service accounts"
    );
    let severity = severity_of(subject.entry.tier).max(Severity::Medium);
    let mut finding = subject.finding(RULE, severity, None, evidence);
    let ends = listed.iter().filter_map(|one| match one.expires {
        Expires::At(at) => Some(at),
        _ => None,
    });
    let until = ends.max().map_or_else(
        || "until it runs out, which the log does not tell".to_owned(),
        |at| format!("until {}", at.format("%Y-%m-%d")),
    );
    if !is_missing {
        finding.fix = Fix::elsewhere(format!(
            "find who has the certificate and have it destroyed: it is taken {until}, and neither the \
             account's deletion nor that of its tokens ends it"
        ));
    }
    found.push(finding);
}

fn by_impersonation(
    subject: &Subject<'_>,
    account: &str,
    activity: &IdentityActivity,
    found: &mut Vec<Finding>,
) {
    let by = &activity.impersonated_by;
    let requests: u64 = by.values().map(|one| one.requests).sum();
    let Some(last) = by.values().map(|one| one.last_seen).max().flatten() else { return };
    let named: Vec<String> = by.keys().take(NAMED).map(ToString::to_string).collect();
    let beyond = match by.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let evidence = format!(
        "{}{beyond} acted as {account}, which does not exist, by impersonation: {}, the last on {}; \
         whether the account was there then objects do not say, and impersonation does not ask",
        named.join(", "),
        counted(requests, "request"),
        last.format("%Y-%m-%d"),
    );
    found.push(subject.finding(RULE, severity_of(subject.entry.tier), None, evidence));
}
