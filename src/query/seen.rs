//! When an identity was last seen, in the cases that have to be told apart.

use chrono::{DateTime, TimeDelta, Utc};

use crate::book::{Book, Entry, Hint, LogState};

/// When an identity was last seen. Only a log's word is a time; a sign that the cluster itself
/// shows stays a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen<'a> {
    /// Its last request, UTC.
    At(DateTime<Utc>),
    /// Its last request, UTC; every one of them was refused.
    DeniedOnly(DateTime<Utc>),
    /// The last request that somebody else made in its name, UTC: later than any of its own. Whoever works
    /// through a proxy makes none.
    InItsName(DateTime<Utc>),
    /// Not in the log, which covers so many days.
    NotIn(i64),
    /// Not in what is kept of the log, which names more identities than that: it may have been
    /// there before those that were seen later.
    LeftOut,
    /// The audit policy leaves its requests out of the log.
    NotLogged,
    /// The log is still being read.
    Reading,
    /// There is no log, but the cluster shows something.
    Sign(&'a Hint),
    /// There is no log.
    NoLog,
}

impl<'a> Seen<'a> {
    /// What is known of an entry.
    pub fn of(book: &Book, entry: &'a Entry) -> Self {
        let activity = entry.activity.as_deref();
        let by_others = activity.into_iter().flat_map(|have| have.impersonated_by.values());
        let by_others = by_others.filter_map(|by| by.last_seen).max();
        if let Some(last) = by_others
            .filter(|last| activity.and_then(|have| have.last_seen).is_none_or(|own| *last > own))
        {
            return Self::InItsName(last);
        }
        if let Some((activity, last)) = activity.and_then(|have| Some((have, have.last_seen?))) {
            let refused = activity.denied > 0 && activity.denied == activity.requests;
            return if refused { Self::DeniedOnly(last) } else { Self::At(last) };
        }
        match book.coverage() {
            _ if matches!(book.log, LogState::Reading { .. }) => Self::Reading,
            Some(_) if activity.is_none() && book.may_be_left_out(entry) => Self::LeftOut,
            Some(_) if book.is_not_logged(entry) => Self::NotLogged,
            Some(coverage) if coverage.to.is_some() => Self::NotIn(coverage.days()),
            _ => entry.hints.first().map_or(Self::NoLog, Self::Sign),
        }
    }

    /// The time of the last request, of whatever outcome and by whomever in its name.
    pub fn time(self) -> Option<DateTime<Utc>> {
        match self {
            Self::At(time) | Self::DeniedOnly(time) | Self::InItsName(time) => Some(time),
            _ => None,
        }
    }

    /// Whether the log tells, by having it or by not having it.
    pub fn is_told(self) -> bool {
        !matches!(self, Self::Reading | Self::LeftOut | Self::NotLogged)
    }

    /// Whether the last request is no longer ago than `age`, counted back from the end of what
    /// the log covers. None where that is not known: there is no log, it does not reach back so
    /// far, or it was left out.
    pub fn within(self, age: TimeDelta, book: &Book) -> Option<bool> {
        let coverage = book.coverage().filter(|_| self.is_told())?;
        let from = coverage.to?.checked_sub_signed(age)?;
        match self.time() {
            Some(time) if time >= from => Some(true),
            // What was not seen may have been done in a gap.
            _ => coverage.covers_since(from).then_some(false),
        }
    }
}
