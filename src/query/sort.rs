//! The orders in which identities are listed.

use std::cmp::{Ordering, Reverse};

use super::seen::Seen;
use crate::book::{Book, Entry, Severity, Tier};
use crate::model::Identity;

/// What a list is sorted by. The name settles what is equal, so that an order is always the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SortKey {
    /// Worst finding first, then the stronger, then the longer idle.
    #[default]
    Risk,
    /// By name.
    Name,
    /// Users, groups, service accounts.
    Kind,
    /// Last seen first; never seen last.
    Time,
    /// The smallest part of rules in use first, then the most rules held.
    Used,
}

impl SortKey {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Risk, Self::Name, Self::Kind, Self::Time, Self::Used];

    /// The word on screens and the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Risk => "risk",
            Self::Name => "name",
            Self::Kind => "kind",
            Self::Time => "time",
            Self::Used => "used",
        }
    }

    /// The inverse of [`SortKey::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.as_str() == name)
    }
}

/// An order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sort {
    /// By what.
    pub key: SortKey,
    /// The other way round.
    pub reversed: bool,
}

impl Sort {
    /// By a key, its natural way round.
    pub fn by(key: SortKey) -> Self {
        Self { key, reversed: false }
    }

    /// What to sort an entry by. Keys of one order compare among all clusters.
    pub fn key_of<'a>(self, book: &Book, entry: &'a Entry) -> SortValue<'a> {
        let value = match self.key {
            SortKey::Risk => Value::Risk(
                Reverse(entry.findings.iter().map(|finding| finding.severity).max()),
                Reverse(entry.tier),
                idle_first(book, entry),
                Reverse(entry.findings.len()),
            ),
            SortKey::Name => Value::Name,
            SortKey::Kind => Value::Kind(entry.identity.kind),
            SortKey::Time => Value::Time(recent_first(book, entry)),
            SortKey::Used => {
                let part = entry.used.filter(|(_, held)| *held > 0).map(|(used, held)| {
                    // Parts in a ten thousandth, so that they compare as whole numbers.
                    u64::from(used) * 10_000 / u64::from(held)
                });
                Value::Used(part.unwrap_or(u64::MAX), Reverse(entry.held))
            }
        };
        SortValue { value, by_name: self.key == SortKey::Name, identity: &entry.identity }
    }

    /// Compares two values of this order.
    pub fn compare(self, a: &SortValue<'_>, b: &SortValue<'_>) -> Ordering {
        if self.reversed { b.cmp(a) } else { a.cmp(b) }
    }
}

/// Never seen, then the longest ago.
fn idle_first(book: &Book, entry: &Entry) -> i64 {
    Seen::of(book, entry).time().map_or(i64::MIN, |time| time.timestamp())
}

/// The newest first, then those never seen.
fn recent_first(book: &Book, entry: &Entry) -> i64 {
    Seen::of(book, entry).time().map_or(i64::MAX, |time| -time.timestamp())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Risk(Reverse<Option<Severity>>, Reverse<Tier>, i64, Reverse<usize>),
    Name,
    Kind(crate::model::SubjectKind),
    Time(i64),
    Used(u64, Reverse<u32>),
}

/// What an entry is sorted by, worked out once.
#[derive(Clone, Copy, Debug)]
pub struct SortValue<'a> {
    value: Value,
    by_name: bool,
    identity: &'a Identity,
}

impl SortValue<'_> {
    /// Names as they are shown: an account's begins with its namespace.
    fn name(&self) -> (&str, &str) {
        match &self.identity.namespace {
            Some(ns) => (ns, &self.identity.name),
            None => (&self.identity.name, ""),
        }
    }
}

impl Ord for SortValue<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_value = self.value.cmp(&other.value);
        by_value
            .then_with(
                || if self.by_name { self.name().cmp(&other.name()) } else { Ordering::Equal },
            )
            .then_with(|| self.identity.cmp(other.identity))
    }
}

impl PartialOrd for SortValue<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SortValue<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for SortValue<'_> {}
