//! Whether two worked at the same time.
//!
//! Rows have the first and the last request of each kind of a day, so these are the moments that are
//! known for sure; in between there may be more. What is found is there, what is not may be missed.

use chrono::{DateTime, TimeDelta, Utc};

/// A longer pause ends an occasion.
const PAUSE: TimeDelta = TimeDelta::minutes(10);

/// From so many turns on it is no change of places: one who goes from one machine to the other turns
/// once, a token that is renewed under two commands a few times.
const TURNS: u32 = 3;

/// …and from so long on that both were at it.
const LEAST: TimeDelta = TimeDelta::minutes(5);

/// When two were at it together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Together {
    /// How often; a pause of ten minutes ends one.
    pub occasions: u32,
    /// How long in all, in whole minutes.
    pub minutes: i64,
    /// The last moment, UTC.
    pub last: Option<DateTime<Utc>>,
}

impl Together {
    /// Whether they ever were.
    pub fn any(&self) -> bool {
        self.occasions > 0
    }
}

#[derive(Clone, Copy)]
struct Occasion {
    turns: u32,
    mine: bool,
    /// First and last of each side.
    spans: [Option<(DateTime<Utc>, DateTime<Utc>)>; 2],
    end: DateTime<Utc>,
}

impl Occasion {
    fn begin(at: DateTime<Utc>, mine: bool) -> Self {
        let mut occasion = Self { turns: 0, mine, spans: [None; 2], end: at };
        occasion.add(at, mine);
        occasion
    }

    fn add(&mut self, at: DateTime<Utc>, mine: bool) {
        self.turns += u32::from(mine != self.mine);
        (self.mine, self.end) = (mine, at);
        let span = &mut self.spans[usize::from(mine)];
        *span = Some((span.map_or(at, |(first, _)| first), at));
    }

    /// How long both were at it, and until when.
    fn overlap(&self) -> Option<(TimeDelta, DateTime<Utc>)> {
        let [Some(one), Some(other)] = self.spans else { return None };
        let end = one.1.min(other.1);
        let long = end - one.0.max(other.0);
        (self.turns >= TURNS && long >= LEAST).then_some((long, end))
    }
}

/// When two were at it together; the moments of each sorted.
pub(super) fn together(mine: &[DateTime<Utc>], theirs: &[DateTime<Utc>]) -> Together {
    let (mut a, mut b) = (mine.iter().peekable(), theirs.iter().peekable());
    let mut found = Together::default();
    let mut long = TimeDelta::zero();
    let mut current: Option<Occasion> = None;
    let mut close = |occasion: Option<Occasion>| {
        if let Some((more, end)) = occasion.and_then(|occasion| occasion.overlap()) {
            found.occasions += 1;
            long += more;
            found.last = Some(end);
        }
    };
    loop {
        let is_mine = match (a.peek(), b.peek()) {
            (Some(one), Some(other)) => one <= other,
            (one, None) => one.is_some(),
            (None, Some(_)) => false,
        };
        let Some(at) = (if is_mine { a.next() } else { b.next() }).copied() else { break };
        match &mut current {
            Some(occasion) if at - occasion.end <= PAUSE => occasion.add(at, is_mine),
            _ => close(current.replace(Occasion::begin(at, is_mine))),
        }
    }
    close(current);
    found.minutes = long.num_minutes();
    found
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
        (both.occasions, both.minutes)
    }

    #[test]
    fn two_who_take_turns_within_minutes_are_together() {
        assert_eq!(of(&[0, 6, 12], &[3, 9]), (1, 6));
        assert_eq!(of(&[0, 6, 12, 100, 106, 112], &[3, 9, 103, 109]), (2, 12));
        assert_eq!(of(&[0, 6], &[3, 9]), (0, 0), "three minutes are too short");
        assert_eq!(together(&at(&[0, 6, 12]), &at(&[3, 9])).last, Some(at(&[9])[0]));
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
