//! One term of a query, and what it holds for.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::can::{Remark, Right};
use super::pattern::Pattern;
use super::seen::Seen;
use crate::book::{Book, Entry, Grant, IdentityId, Severity, Tier};
use crate::model::{Scope, SubjectKind};

/// How a figure is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Than {
    Less,
    More,
    Same,
}

impl Than {
    fn holds<T: Ord>(self, have: &T, want: &T) -> bool {
        match self {
            Self::Less => have < want,
            Self::More => have > want,
            Self::Same => have == want,
        }
    }
}

/// A state that a term asks for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Idle,
    Dangling,
    Shared,
    Admin,
    System,
}

/// One term.
#[derive(Clone, Debug)]
pub(super) enum Term {
    Word(Pattern),
    Name(Pattern),
    Kind(SubjectKind),
    Named(SubjectKind, Pattern),
    Group(Pattern),
    Namespace(Pattern),
    ClusterScope(bool),
    Role(Pattern),
    Can(Right),
    Tier { at_least: bool, tier: Tier },
    Finding(Pattern),
    AnyFinding,
    Severity { at_least: bool, severity: Severity },
    SeenWithin(TimeDelta),
    SeenBefore(TimeDelta),
    NeverSeen,
    DeniedOnly,
    Used(Than, u32),
    UsedPart(Than, u32),
    Agent(Pattern),
    Address(Pattern),
    Cluster(Pattern),
    Is(State),
}

/// A term with what it needs of the whole cluster.
#[derive(Debug)]
pub(super) enum Prepared<'a> {
    Plain(&'a Term),
    Among(BTreeSet<IdentityId>),
    /// Not known for this Book.
    Unknown,
}

impl Term {
    /// The pattern of a word, for highlighting.
    pub(super) fn word(&self) -> Option<&Pattern> {
        match self {
            Self::Word(pattern) | Self::Name(pattern) | Self::Named(_, pattern) => Some(pattern),
            _ => None,
        }
    }

    pub(super) fn prepare<'a>(&'a self, book: &Book) -> (Prepared<'a>, Vec<Remark>) {
        match self {
            Self::Can(right) => {
                let (holders, remarks) = right.holders(book);
                (holders.map_or(Prepared::Unknown, Prepared::Among), remarks)
            }
            plain => (Prepared::Plain(plain), Vec::new()),
        }
    }

    /// Whether it asks for findings of a rule, by the rule's name.
    pub(super) fn is_finding(&self, rule: &str) -> bool {
        matches!(self, Self::Finding(asked) if asked.fits(rule))
    }

    /// Whether it holds; None where that is not known.
    fn holds(&self, book: &Book, entry: &Entry) -> Option<bool> {
        let identity = &entry.identity;
        Some(match self {
            Self::Word(word) => {
                word.fits(&identity.to_string())
                    || identity.user_name().is_some_and(|name| word.fits(&name))
            }
            Self::Name(name) => name.fits(&identity.name) || name.fits(&short_name(entry)),
            Self::Kind(kind) => identity.kind == *kind,
            Self::Named(kind, name) => identity.kind == *kind && name.fits(&short_name(entry)),
            Self::Group(group) => {
                (identity.kind == SubjectKind::Group && group.fits(&identity.name))
                    || entry.groups.iter().any(|have| group.fits(&have.name))
            }
            Self::Namespace(namespace) => {
                identity.namespace.as_ref().is_some_and(|have| namespace.fits(have))
                    || grants(book, entry).any(|grant| {
                        grant.scope.namespace().is_some_and(|have| namespace.fits(have))
                    })
            }
            Self::ClusterScope(cluster) => {
                grants(book, entry).any(|grant| (grant.scope == Scope::Cluster) == *cluster)
            }
            Self::Role(role) => grants(book, entry).any(|grant| role.fits(&grant.role_ref.name)),
            Self::Tier { at_least: true, tier } => entry.tier >= *tier,
            Self::Tier { at_least: false, tier } => entry.tier == *tier,
            Self::Finding(rule) => entry
                .findings
                .iter()
                .any(|finding| rule.fits(finding.rule) || rule.fits(finding.chip)),
            Self::AnyFinding => !entry.findings.is_empty(),
            Self::Severity { at_least, severity } => {
                let worst = entry.findings.iter().map(|finding| finding.severity).max();
                worst.is_some_and(|have| have == *severity || (*at_least && have > *severity))
            }
            Self::Cluster(name) => {
                let cluster = &book.snapshot.cluster;
                name.fits(&cluster.name) || name.fits(&cluster.id)
            }
            // A right is asked of the whole cluster at once, by `prepare`.
            Self::Can(_) => return None,
            _ => return self.holds_by_log(book, entry),
        })
    }

    /// The terms that a log, a threshold or a finding answers.
    fn holds_by_log(&self, book: &Book, entry: &Entry) -> Option<bool> {
        let seen = Seen::of(book, entry);
        let logged = || book.coverage().filter(|_| seen.is_told())?.to;
        match self {
            Self::SeenWithin(age) => seen.within(*age, book),
            Self::SeenBefore(age) => seen.within(*age, book).map(|within| !within),
            Self::NeverSeen => logged().map(|_| seen.time().is_none()),
            Self::DeniedOnly => logged().map(|_| matches!(seen, Seen::DeniedOnly(_))),
            Self::Used(than, count) => entry.used.map(|(used, _)| than.holds(&used, count)),
            Self::UsedPart(than, percent) => {
                entry.used.filter(|(_, held)| *held > 0).map(|(used, held)| {
                    let (used, held) = (u64::from(used), u64::from(held));
                    than.holds(&(used * 100), &(held * u64::from(*percent)))
                })
            }
            // A group presents nothing itself: its members do.
            Self::Agent(_) | Self::Address(_) if entry.identity.kind == SubjectKind::Group => None,
            Self::Agent(agent) => entry
                .activity
                .as_ref()
                .map(|have| have.agents.iter().any(|seen| agent.fits(&seen.value))),
            Self::Address(address) => entry
                .activity
                .as_ref()
                .map(|have| have.addresses.iter().any(|seen| address.fits(&seen.value))),
            Self::Is(state) => Some(is(*state, entry)),
            _ => None,
        }
    }
}

impl Prepared<'_> {
    /// Whether it holds; None where that is not known.
    pub(super) fn holds(&self, book: &Book, entry: &Entry) -> Option<bool> {
        match self {
            Self::Plain(term) => term.holds(book, entry),
            Self::Among(ids) => Some(ids.contains(&entry.id)),
            Self::Unknown => None,
        }
    }
}

fn grants<'a>(book: &'a Book, entry: &'a Entry) -> impl Iterator<Item = &'a Grant> {
    entry.grants.iter().filter_map(|id| book.grant(*id)).map(|grant| &**grant)
}

/// The name as the list shows it, without its kind: an account's with its namespace.
fn short_name(entry: &Entry) -> String {
    match &entry.identity.namespace {
        Some(ns) => format!("{ns}/{}", entry.identity.name),
        None => entry.identity.name.to_string(),
    }
}

fn found(entry: &Entry, rule: &str) -> bool {
    entry.findings.iter().any(|finding| finding.rule.starts_with(rule))
}

fn is(state: State, entry: &Entry) -> bool {
    match state {
        State::Idle => found(entry, "idle") || found(entry, "never-seen"),
        State::Dangling => found(entry, "dangling"),
        State::Shared => found(entry, "shared"),
        State::Admin => entry.tier == Tier::ClusterAdmin,
        State::System => {
            entry
                .identity
                .user_name()
                .unwrap_or_else(|| entry.identity.name.clone())
                .starts_with("system:")
                && (entry.identity.kind != SubjectKind::ServiceAccount
                    || entry.identity.namespace.as_deref() == Some("kube-system"))
        }
    }
}
