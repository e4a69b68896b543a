//! Tokens of Secrets: whoever has a copy may use it until somebody ends it.
//!
//! Tokens that pods and `kubectl create token` get end by themselves (KEP-1205); those of Secrets do
//! not, and are made only on request since Kubernetes 1.24 (KEP-2799).

use chrono::{DateTime, TimeDelta, Utc};

use super::{Subject, one_less, severity_of};
use crate::book::{Finding, Fix, Mend, Severity, Tier};
use crate::credentials::{Credential, Kind, LastUse, Made, Standing, hidden, missed, place};
use crate::model::{Name, SubjectKind};

const RULE: (&str, &str) = ("lasting-token", "lasting token");

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let entry = subject.entry;
    bootstrap(subject, found);
    if !subject.holds_something() {
        return;
    }
    for token in subject.credentials.iter().filter(|one| is_of_a_secret(one)) {
        let days = subject.book.policy.credential_days;
        let is_old = made_for(subject, token).is_some_and(|until| until <= subject.book.now);
        let whole = severity_of(entry.tier);
        let severity = if is_old { whole } else { one_less(whole) };
        let old = if is_old { format!(", more than {days} days ago,") } else { String::new() };
        let evidence = evidence(token, is_listed(subject, token), entry.tier, &old);
        let mut finding = subject.finding(RULE, severity, None, evidence);
        finding.fix = fix(subject, token);
        found.push(finding);
    }
}

/// Whether it is what a Secret holds: one that is listed, or one that a file or the log shows.
pub(super) fn is_of_a_secret(one: &Credential) -> bool {
    matches!(one.kind, Kind::TokenSecret | Kind::LegacyToken)
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
pub(super) fn fix(subject: &Subject<'_>, token: &Credential) -> Fix {
    let book = subject.book;
    let first = missed(book, token).map_or_else(String::new, |why| {
        format!("it {why}; give whoever uses it another first, then ")
    });
    let listed = place(token).filter(|_| is_listed(subject, token));
    let Some((namespace, name)) = listed else {
        return Fix::elsewhere(format!("{first}{}", token.revoke));
    };
    Fix::write(
        Mend::Quarantine { namespace: namespace.into(), name: name.into() },
        format!(
            "{first}have its token refused, which can be taken back; keybook revoke \
             secret:{namespace}/{name}{} deletes it once nobody misses it",
            book.policy.again.all()
        ),
    )
}

/// Whether the Secret that holds it is among those that were read.
fn is_listed(subject: &Subject<'_>, token: &Credential) -> bool {
    place(token).is_some_and(|(namespace, name)| {
        let key = (Name::from(namespace), Name::from(name));
        subject.book.snapshot.objects.secrets.contains_key(&key)
    })
}

/// How it is used, as far as that is known.
pub(super) fn used(of: &Credential) -> String {
    match &of.last_use {
        LastUse::NotSince(since) => format!(
            "; not used since {}, by the API server's own tracking",
            since.format("%Y-%m-%d")
        ),
        LastUse::NotKnown(_) => hidden(&of.last_use)
            .map_or_else(String::new, |why| format!("; when it was last used is not known: {why}")),
        LastUse::NotInLog(_) => "; it is in no request of the log".to_owned(),
        used => used.words().map_or_else(String::new, |words| format!("; {words}")),
    }
}

fn evidence(token: &Credential, listed: bool, tier: Tier, old: &str) -> String {
    let made = made(token);
    let made = if old.is_empty() && !made.is_empty() { format!("{made},") } else { made + old };
    let what = match place(token) {
        Some(_) => token.id.to_string(),
        None => format!("a Secret of the account ({})", token.id),
    };
    let doubt = match &token.standing {
        Standing::NotKnown(why) if !listed => format!("; whether it is taken is not known: {why}"),
        _ => String::new(),
    };
    let tier = tier.as_str();
    format!("{what}{made} holds a token that never expires, for {tier}{}{doubt}", used(token))
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

/// The same, set off from what follows it.
pub(super) fn made_aside(of: &Credential) -> String {
    let made = made(of);
    if made.is_empty() { made } else { made + "," }
}
