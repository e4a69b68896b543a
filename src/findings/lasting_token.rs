//! Tokens of Secrets: whoever has a copy may use it until somebody ends it.
//!
//! Tokens that pods and `kubectl create token` get end by themselves (KEP-1205); those of Secrets do
//! not, and are made only on request since Kubernetes 1.24 (KEP-2799).

use chrono::{DateTime, TimeDelta, Utc};

use super::unused_credential::{last_in_log, several};
use super::{Subject, one_less, severity_of};
use crate::book::{Finding, Fix, Mend, Severity, Tier};
use crate::credentials::{Credential, Kind, LastUse, Made, log_ids, unnamed_legacy};
use crate::model::{Name, SubjectKind};

const RULE: (&str, &str) = ("lasting-token", "lasting token");

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let entry = subject.entry;
    bootstrap(subject, found);
    for token in subject.credentials.iter().filter(|one| one.kind == Kind::TokenSecret) {
        let days = subject.book.policy.credential_days;
        let is_old = made_for(subject, token).is_some_and(|until| until <= subject.book.now);
        let whole = severity_of(entry.tier);
        let severity = if is_old { whole } else { one_less(whole) };
        let old = if is_old { format!(", more than {days} days ago,") } else { String::new() };
        let evidence = evidence(token, entry.tier, &old, &used(subject, token));
        let mut finding = subject.finding(RULE, severity, None, evidence);
        finding.fix = fix(token);
        found.push(finding);
    }
}

/// When a credential is as old as the policy has it, UTC.
pub(super) fn made_for(subject: &Subject<'_>, of: &Credential) -> Option<DateTime<Utc>> {
    let days = TimeDelta::days(i64::from(subject.book.policy.credential_days));
    of.issued?.checked_add_signed(days)
}

/// A bootstrap token without an expiration, where its data was read: it joins nodes as long as its
/// Secret is there (`pkg/controller/bootstrap/tokencleaner.go`).
fn bootstrap(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let identity = &subject.entry.identity;
    let Some(id) = identity.name.strip_prefix("system:bootstrap:") else { return };
    let key = ("kube-system".into(), format!("bootstrap-token-{id}").into());
    let Some(secret) = subject.book.snapshot.objects.secrets.get(&key) else { return };
    let lasts = secret.bootstrap.as_ref().is_some_and(|token| {
        token.authenticates && token.expires.is_none() && !token.bad_expiration
    });
    if identity.kind != SubjectKind::User || !lasts {
        return;
    }
    let made = secret.meta.creation_timestamp;
    let made = made.map_or_else(String::new, |at| format!(", made on {},", at.format("%Y-%m-%d")));
    let evidence = format!(
        "secret kube-system/bootstrap-token-{id}{made} holds a token for joining nodes that never \
         expires"
    );
    let mut finding = subject.finding(RULE, Severity::Medium, None, evidence);
    finding.fix = Fix::elsewhere(format!(
        "delete it, or give it an end: kubectl -n kube-system delete secret bootstrap-token-{id}"
    ));
    found.push(finding);
}

/// Its token is refused; the account keeps what it is granted.
pub(super) fn fix(token: &Credential) -> Fix {
    let place = token.id.strip_prefix("secret ").and_then(|place| place.split_once('/'));
    let Some((namespace, name)) = place else {
        return Fix::elsewhere(token.revoke.to_string());
    };
    Fix::write(
        Mend::Quarantine { namespace: namespace.into(), name: name.into() },
        format!(
            "have its token refused, which can be taken back; keybook revoke \
             secret:{namespace}/{name} deletes it once nobody misses it"
        ),
    )
}

/// When it was last used: by the log, where that knows a later use than the API server's own tracking
/// (who writes a Secret whole takes the label off).
fn used(subject: &Subject<'_>, token: &Credential) -> String {
    let several = several(subject);
    let logged = log_ids(token, several).and_then(|ids| last_in_log(subject, &ids));
    if let Some(at) = logged
        && token.last_use.at().is_none_or(|label| label.date_naive() <= at.date_naive())
    {
        return format!("; last used on {}, by the log", at.format("%Y-%m-%d"));
    }
    let unnamed = |namespace: &Name| vec![unnamed_legacy(namespace, &subject.entry.identity.name)];
    let namespace = subject.entry.identity.namespace.as_ref();
    if several && namespace.is_some_and(|ns| last_in_log(subject, &unnamed(ns)).is_some()) {
        return "; the log shows one of the account's Secrets in use, and not which".to_owned();
    }
    match &token.last_use {
        LastUse::Label { day, .. } => format!("; its label says that it was last used on {day}"),
        LastUse::NotSince(since) => format!(
            "; not used since {}, by the API server's own tracking",
            since.format("%Y-%m-%d")
        ),
        _ => String::new(),
    }
}

fn evidence(token: &Credential, tier: Tier, old: &str, used: &str) -> String {
    let made = made(token);
    let made = if old.is_empty() && !made.is_empty() { format!("{made},") } else { made + old };
    let Credential { id, .. } = token;
    format!("{id}{made} holds a token that never expires, for {}{used}", tier.as_str())
}

/// `, made by hand on 2026-01-31`.
pub(super) fn made(of: &Credential) -> String {
    let how = match &of.made {
        Some(Made::ByHand) => " by hand".to_owned(),
        Some(Made::Automatically) => " by the controller".to_owned(),
        Some(Made::By(by)) => format!(" by request of {by}"),
        None => String::new(),
    };
    of.issued.map_or_else(String::new, |at| format!(", made{how} on {}", at.format("%Y-%m-%d")))
}
