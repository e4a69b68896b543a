//! Whether two worked at the same time.
//!
//! Rows have the first and the last request of each kind of a day, so these are the moments that are
//! known for sure; in between there may be more. What is found is there, what is not may be missed.
//!
//! One person with two machines at hand goes from one to the other, which takes a while each time; two
//! who do not know of each other come within seconds sooner or later. How often they would have, by
//! how many moments of both there are in how long a time, tells one from the other.

use chrono::{DateTime, TimeDelta, Utc};

/// A longer pause ends an occasion.
const PAUSE: TimeDelta = TimeDelta::minutes(10);

/// From so many turns on it is no change of places: one who goes from one machine to the other turns
/// once, a token that is renewed under two commands a few times.
const TURNS: usize = 3;

/// …and from so long on that both were at it.
const LEAST: TimeDelta = TimeDelta::minutes(5);

/// What comes within so short a time on one side is one thing done there: a command asks several times.
const ONE_THING: TimeDelta = TimeDelta::seconds(10);

/// One who goes from one machine to the other needs as long…
const CHANGE: TimeDelta = TimeDelta::seconds(10);

/// …and may well have been at both, where it was not for longer than that in all.
const SHORT: TimeDelta = TimeDelta::minutes(30);

/// So often two who do not know of each other would have come as near as they never did: that they
/// did not by chance is as likely as e to the power of minus this (5: 7 in 1,000).
const EXPECTED: f64 = 5.0;

/// When two were at it together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Together {
    /// How often; a pause of ten minutes ends one.
    pub(super) occasions: u32,
    /// How long in all.
    long: TimeDelta,
    /// The last moment, UTC.
    pub(super) last: Option<DateTime<Utc>>,
    /// How near two moments came, one of each.
    nearest: Option<TimeDelta>,
    /// How often two who do not know of each other would have come within a second, by now.
    a_second: f64,
}

impl Together {
    /// Whether they ever were.
    pub(super) fn any(&self) -> bool {
        self.occasions > 0
    }

    /// How long in all, in whole minutes.
    pub(super) fn minutes(&self) -> i64 {
        self.long.num_minutes()
    }

    /// How near they came, in whole seconds.
    pub(super) fn nearest(&self) -> i64 {
        self.nearest.unwrap_or_default().num_seconds()
    }

    /// Whether one person may have gone from one to the other.
    pub(super) fn in_turns(&self) -> bool {
        let seconds = i32::try_from(self.nearest()).map_or(f64::MAX, f64::from);
        self.nearest.is_some_and(|nearest| nearest >= CHANGE)
            && (self.long < SHORT || self.a_second * seconds >= EXPECTED)
    }

    /// Both together: one person who is at none of them while at another.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            occasions: self.occasions.saturating_add(other.occasions),
            long: self.long + other.long,
            last: self.last.max(other.last),
            nearest: self.nearest.into_iter().chain(other.nearest).min(),
            a_second: self.a_second + other.a_second,
        }
    }
}

/// A time without a long pause: the moments of both, in order, and whose each is.
#[derive(Default)]
struct Occasion(Vec<(DateTime<Utc>, bool)>);

impl Occasion {
    fn turns(&self) -> usize {
        self.0.windows(2).filter(|two| two[0].1 != two[1].1).count()
    }

    /// First and last of a side.
    fn span(&self, mine: bool) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let mut of = self.0.iter().filter(|(_, whose)| *whose == mine).map(|(at, _)| *at);
        let first = of.next()?;
        Some((first, of.next_back().unwrap_or(first)))
    }

    /// Where both were at it.
    fn overlap(&self) -> Option<Together> {
        let (mine, theirs) = (self.span(true)?, self.span(false)?);
        let (start, end) = (mine.0.max(theirs.0), mine.1.min(theirs.1));
        let long = end - start;
        if self.turns() < TURNS || long < LEAST {
            return None;
        }
        let done = |whose: bool| {
            let of = self.0.iter().filter(|(_, side)| *side == whose).map(|(at, _)| *at);
            let within: Vec<_> = of.filter(|at| (start..=end).contains(at)).collect();
            let more = within.windows(2).filter(|two| two[1] - two[0] > ONE_THING).count();
            u32::try_from(more + 1).map_or(f64::MAX, f64::from)
        };
        let seconds = i32::try_from(long.num_seconds()).map_or(f64::MAX, f64::from);
        let changes = self.0.windows(2).filter(|two| two[0].1 != two[1].1);
        Some(Together {
            occasions: 1,
            long,
            last: Some(end),
            nearest: changes.map(|two| two[1].0 - two[0].0).min(),
            a_second: 2.0 * done(true) * done(false) / seconds,
        })
    }
}

/// When two were at it together; the moments of each sorted.
pub(super) fn together(mine: &[DateTime<Utc>], theirs: &[DateTime<Utc>]) -> Together {
    let (mut a, mut b) = (mine.iter().peekable(), theirs.iter().peekable());
    let mut found = Together::default();
    let mut occasion = Occasion::default();
    loop {
        let is_mine = match (a.peek(), b.peek()) {
            (Some(one), Some(other)) => one <= other,
            (one, None) => one.is_some(),
            (None, Some(_)) => false,
        };
        let Some(at) = (if is_mine { a.next() } else { b.next() }).copied() else { break };
        if occasion.0.last().is_some_and(|(before, _)| at - *before > PAUSE) {
            found = occasion.overlap().into_iter().fold(found, Together::and);
            occasion.0.clear();
        }
        occasion.0.push((at, is_mine));
    }
    occasion.overlap().into_iter().fold(found, Together::and)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: &[i64]) -> Vec<DateTime<Utc>> {
        minutes.iter().map(|minute| DateTime::UNIX_EPOCH + TimeDelta::minutes(*minute)).collect()
    }

    fn of(mine: &[i64], theirs: &[i64]) -> (u32, i64) {
        let both = together(&at(mine), &at(theirs));
        assert_eq!(both, together(&at(theirs), &at(mine)), "{mine:?} {theirs:?}");
        (both.occasions, both.minutes())
    }

    #[test]
    fn two_who_take_turns_within_minutes_are_together() {
        assert_eq!(of(&[0, 6, 12], &[3, 9]), (1, 6));
        assert_eq!(of(&[0, 6, 12, 100, 106, 112], &[3, 9, 103, 109]), (2, 12));
        assert_eq!(of(&[0, 6], &[3, 9]), (0, 0), "three minutes are too short");
        assert_eq!(together(&at(&[0, 6, 12]), &at(&[3, 9])).last, Some(at(&[9])[0]));
    }

    fn seconds(all: impl IntoIterator<Item = i64>) -> Vec<DateTime<Utc>> {
        let at = |second| DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
        all.into_iter().map(at).collect()
    }

    #[test]
    fn one_who_goes_from_one_to_the_other_never_comes_near() {
        // Every four minutes at each, two minutes apart, for an hour: of two who do not know of each
        // other about 12 would have come as near (15 · 15 · 2 · 2 minutes in 58).
        let mine = seconds((0..15).map(|turn| turn * 240));
        let theirs = seconds((0..15).map(|turn| turn * 240 + 120));
        let both = together(&mine, &theirs);
        assert_eq!(
            (both.occasions, both.minutes(), both.nearest(), both.in_turns()),
            (1, 54, 120, true)
        );
        // Once within five seconds: nobody is as quick.
        let mut quick = theirs.clone();
        quick[7] = mine[8] - TimeDelta::seconds(5);
        assert!(!together(&mine, &quick).in_turns());
        // As far apart, but so seldom at it that two might by chance have kept out of each other's way
        // (6 · 6 · 2 · 30 seconds in 50 minutes are not one).
        let mine = seconds((0..7).map(|turn| turn * 500));
        let theirs = seconds((0..7).map(|turn| turn * 500 + 30));
        assert!(!together(&mine, &theirs).in_turns());
        // The same for a quarter of an hour may be anything.
        assert!(together(&mine[..3], &theirs[..3]).in_turns());
        // A command that asks ten times in a second is one thing done.
        let burst =
            |at: &DateTime<Utc>| (0..10).map(|ms| *at + TimeDelta::milliseconds(ms)).collect();
        let mine: Vec<DateTime<Utc>> = mine.iter().flat_map::<Vec<_>, _>(burst).collect();
        assert!(!together(&mine, &theirs).in_turns());
    }

    #[test]
    fn who_changes_places_is_not() {
        // From one to the other and back, hours apart.
        assert_eq!(of(&[0, 5, 300, 305], &[10, 15, 290]), (0, 0));
        // Once, even if it takes long.
        assert_eq!(of(&[0, 5, 10], &[12, 20, 25]), (0, 0));
        // And back again.
        assert_eq!(of(&[0, 5, 20], &[10, 12, 15]), (0, 0));
        // A token that is renewed under two commands.
        assert_eq!(of(&[0, 2, 4], &[3, 5]), (0, 0));
        assert_eq!(of(&[], &[1, 2]), (0, 0));
        assert_eq!(of(&[], &[]), (0, 0));
    }
}
