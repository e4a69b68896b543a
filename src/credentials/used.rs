//! How a credential is used, in words, and whether that is so today.

use chrono::{DateTime, TimeDelta, Utc};

use super::unnamed::{LEFT_OUT, NOT_NAMED, TOO_MANY};
use super::{Credential, Kind, LastUse, legacy, words_beyond};
use crate::book::Book;
use crate::model::{Absence, Containers, ListKind, Name, quoted_agent};

/// So many addresses and agents are told.
const TOLD: usize = 3;

impl LastUse {
    /// `used 5 times, last on 2026-01-31 10:00 UTC, from 192.0.2.7, by "payroll/v1"`; None where
    /// nothing shows a use.
    pub fn words(&self) -> Option<String> {
        match self {
            Self::Log { at, requests, addresses, agents, more, .. } => {
                let named = |all: &[Name], word: fn(&str) -> String| {
                    let named: Vec<String> = all.iter().take(TOLD).map(|one| word(one)).collect();
                    named.join(", ")
                };
                let left = |all: &[Name], more: usize| all.len().saturating_sub(TOLD) + more;
                let from =
                    words_beyond(left(addresses, more.addresses), more.requests_without_address);
                let by = words_beyond(left(agents, more.agents), more.requests_without_agent);
                let part = |word: &str, named: String, beyond: String| {
                    if named.is_empty() { named } else { format!(", {word} {named}{beyond}") }
                };
                let times =
                    if *requests == 1 { "once".into() } else { format!("{requests} times") };
                Some(format!(
                    "used {times}, last on {} UTC{}{}, by the log",
                    at.format("%Y-%m-%d %H:%M"),
                    part("from", named(addresses, str::to_owned), from),
                    part("by", named(agents, quoted_agent), by)
                ))
            }
            Self::Label { day, attempt: false } => {
                Some(format!("last used on {day}, by the Secret's label"))
            }
            Self::Label { day, attempt: true } => {
                Some(format!("last tried on {day}, by the Secret's label"))
            }
            Self::NotSince(_) | Self::NotInLog(_) | Self::NotKnown(_) => None,
        }
    }

    /// Whether it is in use: not longer ago than the policy's idle time, of what the log shows by the
    /// end of the log, of what a label says by now.
    pub fn is_current(&self, book: &Book) -> bool {
        let idle = TimeDelta::days(i64::from(book.policy.idle_days));
        let since = |end: DateTime<Utc>| end.checked_sub_signed(idle);
        match self {
            Self::Log { at, .. } => {
                let end = book.coverage().and_then(|coverage| coverage.to).unwrap_or(book.now);
                since(end).is_none_or(|since| *at >= since)
            }
            // A day only: the use may have been at its very end.
            Self::Label { attempt: false, .. } => self
                .at()
                .and_then(|at| at.checked_add_signed(TimeDelta::days(1)))
                .is_some_and(|at| since(book.now).is_none_or(|since| at > since)),
            _ => false,
        }
    }
}

/// Why the log may show more of its use than is told; None where it does not.
pub(crate) fn hidden(last_use: &LastUse) -> Option<&'static str> {
    match last_use {
        LastUse::NotKnown(why) => {
            Some(*why).filter(|why| [legacy::WHICH, TOO_MANY, NOT_NAMED, LEFT_OUT].contains(why))
        }
        _ => None,
    }
}

/// Why one that is ended would be missed, or may be, in words; None where nothing says so.
pub fn missed(book: &Book, credential: &Credential) -> Option<String> {
    if let Some(words) = credential.last_use.words()
        && credential.last_use.is_current(book)
    {
        return Some(format!("is in use: {words}"));
    }
    if let Some(why) = hidden(&credential.last_use) {
        return Some(format!("may be in use: {why}"));
    }
    if let Some(by) = mounted_by(book, credential) {
        return Some(format!("may be in use: it is in the containers of {by}"));
    }
    let why = mounting_unknown(book, credential)?;
    Some(format!("may be in use: which pods have it in their containers is not known, since {why}"))
}

/// The running pods in whose containers a token Secret is: `pod a/p and 2 more`.
pub(crate) fn mounted_by(book: &Book, credential: &Credential) -> Option<String> {
    let (namespace, secret) = place(credential)?;
    let first = (Name::from(namespace), Name::from(""));
    let pods = book.snapshot.objects.pods.range(first..);
    let mut inside = pods
        .take_while(|((ns, _), _)| **ns == *namespace)
        .filter(|(_, pod)| {
            !pod.has_ended() && pod.spec.tokens_seen(Containers::All).contains(secret)
        })
        .map(|((ns, name), _)| format!("pod {ns}/{name}"));
    let first = inside.next()?;
    Some(match inside.count() {
        0 => first,
        more => format!("{first} and {more} more"),
    })
}

/// Why it is not known which pods have it, in words; None where that is known.
pub(crate) fn mounting_unknown(book: &Book, credential: &Credential) -> Option<&'static str> {
    let (namespace, _) = place(credential)?;
    match book.snapshot.absence(ListKind::Pods, namespace) {
        Absence::Told => None,
        Absence::NotRead => Some("pods were not read"),
        Absence::NotInFiles => Some("the files have no pod of its namespace"),
    }
}

/// Namespace and name of the token Secret that a credential is.
pub(crate) fn place(credential: &Credential) -> Option<(&str, &str)> {
    let secrets = matches!(credential.kind, Kind::TokenSecret | Kind::LegacyToken);
    credential.id.strip_prefix("secret ").filter(|_| secrets)?.split_once('/')
}
