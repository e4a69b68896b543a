//! To whom a credential was given, as far as that is known.

use std::collections::{BTreeMap, BTreeSet};

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

/// A credential: its kind, where it was used and when.
pub(super) struct Span<'a> {
    pub(super) credential: Name,
    /// Of one kind credentials may take each other's place.
    pub(super) kind: &'static str,
    /// The systems that it was used on.
    pub(super) systems: BTreeSet<&'a str>,
    /// The addresses that it was used from.
    pub(super) addresses: BTreeSet<&'a str>,
    /// The agents that used it.
    pub(super) agents: BTreeSet<&'a str>,
    pub(super) first: DateTime<Utc>,
    pub(super) last: DateTime<Utc>,
}

impl Span<'_> {
    /// Whether it may have taken the other's place.
    fn may_follow(&self, before: &Self) -> bool {
        before.kind == self.kind
            && before.last <= self.first + SLACK
            && before.systems == self.systems
    }

    fn is_at_one_place(&self, other: &Self) -> bool {
        !self.addresses.is_disjoint(&other.addresses)
    }

    fn is_of_one_agent(&self, other: &Self) -> bool {
        !self.agents.is_disjoint(&other.agents)
    }

    /// Whether another, in use beside this one, is where the one before both was: so that this one took
    /// some other's place.
    fn is_anothers(&self, before: &Self, later: &[Self]) -> bool {
        later
            .iter()
            .take_while(|other| other.first + SLACK < self.last)
            .any(|other| other.may_follow(before) && other.is_at_one_place(before))
    }
}

/// Credentials that took each other's place, each with the first of its row: renewed ones, used one
/// after another on the same systems. Where one may follow several, as when two who have a login each
/// get their next tokens in the same minute, it follows the one that was at its address, else the one
/// that its program had, else the one that no other follows for such a reason, else the one that was
/// used last.
pub(super) fn chains(mut spans: Vec<Span<'_>>) -> BTreeMap<Name, Name> {
    spans.sort_by(|a, b| (a.first, &a.credential).cmp(&(b.first, &b.credential)));
    let mut chains: Vec<(&Span<'_>, Name)> = Vec::new();
    let mut heads = BTreeMap::new();
    for (at, span) in spans.iter().enumerate() {
        let later = spans.get(at + 1..).unwrap_or_default();
        let may = chains.iter_mut().filter(|(last, _)| span.may_follow(last));
        let before = may.max_by_key(|(last, _)| {
            let at_one_place = span.is_at_one_place(last);
            let free = at_one_place || !span.is_anothers(last, later);
            (at_one_place, span.is_of_one_agent(last), free, last.last)
        });
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

    /// From one address by one agent, in minutes.
    fn span(
        credential: &'static str,
        (system, address, agent): (&'static str, &'static str, &'static str),
        (first, last): (i64, i64),
    ) -> Span<'static> {
        Span {
            credential: credential.into(),
            kind: kind(credential),
            systems: BTreeSet::from([system]),
            addresses: BTreeSet::from([address]),
            agents: BTreeSet::from([agent]),
            first: DateTime::UNIX_EPOCH + TimeDelta::minutes(first),
            last: DateTime::UNIX_EPOCH + TimeDelta::minutes(last),
        }
    }

    #[test]
    fn credentials_that_take_each_others_place_are_one() {
        let heads = chains(vec![
            span("JTI=1", ("a", "", ""), (0, 60)),
            span("JTI=2", ("a", "", ""), (58, 120)),
            span("JTI=3", ("a", "", ""), (100, 130)),
            span("JTI=4", ("b", "", ""), (200, 230)),
            span("X509SHA256=1", ("a", "", ""), (300, 330)),
            span("JTI=5", ("a", "", ""), (131, 140)),
        ]);
        let of = |name: &str| &*heads[name];
        assert_eq!((of("JTI=1"), of("JTI=2")), ("JTI=1", "JTI=1"));
        // In use at the same time as the one before.
        assert_eq!(of("JTI=3"), "JTI=3");
        // After both; the later of them is followed.
        assert_eq!(of("JTI=5"), "JTI=3");
        assert_eq!((of("JTI=4"), of("X509SHA256=1")), ("JTI=4", "X509SHA256=1"));
    }

    #[test]
    fn of_two_logins_each_goes_on_with_its_own() {
        let rows = |p2: (&'static str, &'static str), q2: (&'static str, &'static str)| {
            // The second ends after the first each time, so that the first of the next ones comes upon
            // it.
            let heads = chains(vec![
                span("JTI=p1", ("a", "home", "kubectl"), (0, 60)),
                span("JTI=q1", ("a", "office", "k9s"), (1, 61)),
                span("JTI=p2", ("a", p2.0, p2.1), (1000, 1060)),
                span("JTI=q2", ("a", q2.0, q2.1), (1001, 1061)),
                span("JTI=p3", ("a", "home", "kubectl"), (2000, 2060)),
                span("JTI=q3", ("a", "office", "k9s"), (2001, 2061)),
            ]);
            ["p2", "q2", "p3", "q3"].map(|id| heads[&*format!("JTI={id}")].to_string())
        };
        let apart = ["JTI=p1", "JTI=q1", "JTI=p1", "JTI=q1"];
        assert_eq!(rows(("home", "kubectl"), ("office", "k9s")), apart);
        // The address says more than the agent.
        assert_eq!(rows(("home", "k9s"), ("office", "kubectl")), apart);
        // Both from elsewhere: by the agent.
        assert_eq!(rows(("train", "kubectl"), ("hotel", "k9s")), apart);
        // One from elsewhere by another program: the other one's is not its own.
        assert_eq!(rows(("train", "helm"), ("office", "k9s")), apart);
    }

    #[test]
    fn one_who_moves_is_one_though_old_places_are_seen_again() {
        // The last one is at the first one's address, and yet all follow each other.
        let heads = chains(vec![
            span("JTI=1", ("a", "home", ""), (0, 60)),
            span("JTI=2", ("a", "train", ""), (100, 160)),
            span("JTI=3", ("a", "hotel", ""), (200, 260)),
            span("JTI=4", ("a", "home", ""), (300, 360)),
        ]);
        assert!(heads.values().all(|head| &**head == "JTI=1"), "{heads:?}");
    }
}
