//! To whom a credential was given, as far as that is known.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{Identity, Name, SubjectKind};

/// Whom an actor stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// Pods of one workload, by their names: `shop/cart`.
    Workload(Name),
    /// Who had the tokens made.
    MintedBy(Identity),
    /// The session of a cloud role.
    Session(Name),
    /// A certificate or a token, and those that took its place one after another: the first.
    Credential(Name),
    /// The log does not say by which credential.
    NotSaid,
}

impl Holder {
    /// In words.
    pub fn text(&self) -> String {
        match self {
            Self::Workload(name) => format!("pods of {name}"),
            Self::MintedBy(identity) => format!("tokens made by {identity}"),
            Self::Session(name) => format!("session {name}"),
            Self::Credential(id) => id.to_string(),
            Self::NotSaid => "credential not said".to_owned(),
        }
    }
}

/// Letters of which names are made up (`k8s.io/apimachinery/pkg/util/rand`).
const LETTERS: &str = "bcdfghjklmnpqrstvwxz2456789";

/// The workload of a pod by its name: without what controllers put behind it.
pub(super) fn workload(pod: &str) -> &str {
    let made_up = |part: &str| !part.is_empty() && part.chars().all(|c| LETTERS.contains(c));
    let numbers = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let Some((rest, last)) = pod.rsplit_once('-') else { return pod };
    if last.len() == 5 && made_up(last) {
        return match rest.rsplit_once('-') {
            // A ReplicaSet's hash, or the minute of a CronJob's Job.
            Some((owner, part))
                if (6..=10).contains(&part.len()) && (made_up(part) || numbers(part)) =>
            {
                owner
            }
            _ => rest,
        };
    }
    // A StatefulSet's ordinal.
    if last.len() <= 4 && numbers(last) { rest } else { pod }
}

/// Between one token and the one that takes its place, commands that still run may use both.
const SLACK: TimeDelta = TimeDelta::minutes(5);

/// A credential's kind, system and time.
pub(super) struct Span {
    pub(super) credential: Name,
    /// Of one kind credentials may take each other's place.
    pub(super) kind: &'static str,
    /// The systems that it was used on, sorted.
    pub(super) systems: Vec<String>,
    pub(super) first: DateTime<Utc>,
    pub(super) last: DateTime<Utc>,
}

/// Credentials that took each other's place, each with the first of its row: renewed ones, used one
/// after another on the same systems.
pub(super) fn chains(mut spans: Vec<Span>) -> BTreeMap<Name, Name> {
    spans.sort_by(|a, b| (a.first, &a.credential).cmp(&(b.first, &b.credential)));
    let mut chains: Vec<(Span, Name)> = Vec::new();
    let mut heads = BTreeMap::new();
    for span in spans {
        // Of those that it may follow, the one that ended last.
        let before = chains
            .iter_mut()
            .filter(|(last, _)| {
                last.kind == span.kind
                    && last.systems == span.systems
                    && last.last <= span.first + SLACK
            })
            .max_by_key(|(last, _)| last.last);
        let head = before.as_ref().map_or(&span.credential, |(_, head)| head).clone();
        heads.insert(span.credential.clone(), head.clone());
        match before {
            Some(chain) => chain.0 = span,
            None => chains.push((span, head)),
        }
    }
    heads
}

/// The kind of a credential that a person or a machine may hold.
pub(super) fn kind(credential: &str) -> &'static str {
    let kinds = ["X509SHA256=", "JTI=", "legacy:", "key:"];
    kinds.into_iter().find(|kind| credential.starts_with(kind)).unwrap_or("")
}

/// Whether tokens are told by who had them made: a user, or an account that has them made for others;
/// not the cluster's own parts.
pub(super) fn is_told(identity: &Identity) -> bool {
    identity.kind == SubjectKind::ServiceAccount || is_person(identity)
}

/// Whether one who has tokens made may be a person: not the cluster's own parts, and no account.
pub(super) fn is_person(identity: &Identity) -> bool {
    identity.kind == SubjectKind::User && !identity.name.starts_with("system:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_of_their_workload() {
        for (pod, of) in [
            ("cart-7d9f8b6c5d-x2x4z", "cart"),
            ("web-0", "web"),
            ("web-12", "web"),
            ("close-29381760-8mt2v", "close"),
            ("agent-x2x4z", "agent"),
            ("prometheus-k8s-0", "prometheus-k8s"),
            ("toolbox", "toolbox"),
            ("my-app", "my-app"),
            ("job-aeiou", "job-aeiou"),
        ] {
            assert_eq!(workload(pod), of, "{pod}");
        }
    }

    #[test]
    fn credentials_that_take_each_others_place_are_one() {
        let span = |credential: &str, system: &str, first: i64, last: i64| Span {
            credential: credential.into(),
            kind: kind(credential),
            systems: vec![system.to_owned()],
            first: DateTime::UNIX_EPOCH + TimeDelta::minutes(first),
            last: DateTime::UNIX_EPOCH + TimeDelta::minutes(last),
        };
        let heads = chains(vec![
            span("JTI=1", "a", 0, 60),
            span("JTI=2", "a", 58, 120),
            span("JTI=3", "a", 100, 130),
            span("JTI=4", "b", 200, 230),
            span("X509SHA256=1", "a", 300, 330),
            span("JTI=5", "a", 131, 140),
        ]);
        let of = |name: &str| &*heads[name];
        assert_eq!((of("JTI=1"), of("JTI=2")), ("JTI=1", "JTI=1"));
        // In use at the same time as the one before.
        assert_eq!(of("JTI=3"), "JTI=3");
        // After both; the later of them is followed.
        assert_eq!(of("JTI=5"), "JTI=3");
        assert_eq!((of("JTI=4"), of("X509SHA256=1")), ("JTI=4", "X509SHA256=1"));
    }
}
