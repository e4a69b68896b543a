//! Asking again for what is new. Requests are kept in parts, whole hours of the time in which they
//! were received, each with the number of its lines: a part of which there are more lines by now is
//! asked for anew, as a whole, and takes the place of what was known of it.

use super::slices;
use super::{Engine, EngineError, Part, Trouble, stamp};
use crate::audit::Progress;

/// A part that was asked for: `[start, until)`, whole hours in seconds since 1970, and how many lines
/// it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its beginning.
    pub start: i64,
    /// Its end.
    pub until: i64,
    /// How many lines were counted.
    pub lines: u64,
}

/// A part to ask for, and how many lines there are of it at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its beginning, seconds since 1970.
    pub start: i64,
    /// Its end.
    pub until: i64,
    /// How many lines there are.
    pub counted: u64,
}

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

impl Engine<'_> {
    /// What is to be asked for, where `known` is known already, oldest first.
    pub fn parts(&self, known: &[Known]) -> Vec<Asked> {
        let since = self.target.since.map_or(i64::MIN, |time| time.timestamp());
        let until = self.target.until.map_or(i64::MAX, |time| time.timestamp());
        let received = self.received.iter().map(|(hour, lines)| (*hour, *lines));
        let wanted = received.filter(|(hour, _)| hour + HOUR > since && *hour < until);
        plan(wanted, known, self.target.part)
    }

    /// The summary of a part.
    ///
    /// # Errors
    /// Where the engine does not answer, or has fewer lines of it than it had.
    pub fn part(&self, asked: &Asked, progress: &dyn Progress) -> Result<Part, EngineError> {
        let pieces = asked.counted.div_ceil(self.target.part.max(1));
        let mut waiting = slices::even(asked.start, asked.until, pieces);
        waiting.reverse();
        let mut whole = Part::default();
        while let Some(slice) = waiting.pop() {
            if progress.cancelled() {
                return Err(EngineError::Cancelled { shown: self.target.shown.clone() });
            }
            match self.rows(slice) {
                Ok(part) => {
                    progress.advanced(part.rows.len() as u64);
                    whole.lines += part.lines;
                    whole.rows.extend(part.rows);
                }
                Err(Trouble::TooMuch(why)) => {
                    let Some([one, other]) = slice.halves() else {
                        let (shown, from) = (self.target.shown.clone(), stamp(slice.from));
                        return Err(EngineError::TooMuch { shown, from, why });
                    };
                    waiting.extend([other, one]);
                }
                Err(trouble) => return Err(self.error(trouble)),
            }
        }
        if whole.lines < asked.counted {
            return Err(EngineError::Lost {
                shown: self.target.shown.clone(),
                counted: asked.counted,
                found: whole.lines,
            });
        }
        Ok(whole)
    }
}

/// Parts of which there is more than is known, and the rest of the hours in parts of about `most`
/// lines, each within one day. What an engine no longer has stays as it is known.
fn plan(received: impl Iterator<Item = (i64, u64)>, known: &[Known], most: u64) -> Vec<Asked> {
    let mut known: Vec<(Known, u64)> = known.iter().map(|known| (*known, 0)).collect();
    known.sort_unstable_by_key(|(known, _)| known.start);
    let mut all: Vec<Asked> = Vec::new();
    // Behind which known part the last one begins.
    let mut last = None;
    for (hour, lines) in received {
        let place = known.partition_point(|(known, _)| known.start <= hour);
        if let Some((part, found)) = place.checked_sub(1).map(|at| &mut known[at])
            && hour < part.until
        {
            *found += lines;
            continue;
        }
        match all.last_mut() {
            Some(part)
                if last == Some(place)
                    && part.counted + lines <= most
                    && part.start.div_euclid(DAY) == hour.div_euclid(DAY) =>
            {
                part.until = hour + HOUR;
                part.counted += lines;
            }
            _ => all.push(Asked { start: hour, until: hour + HOUR, counted: lines }),
        }
        last = Some(place);
    }
    let grown = known.iter().filter(|(known, found)| *found > known.lines);
    all.extend(grown.map(|(known, found)| Asked {
        start: known.start,
        until: known.until,
        counted: *found,
    }));
    all.sort_unstable_by_key(|part| part.start);
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn asked(start: i64, until: i64, counted: u64) -> Asked {
        Asked { start: start * HOUR, until: until * HOUR, counted }
    }

    fn known(start: i64, until: i64, lines: u64) -> Known {
        Known { start: start * HOUR, until: until * HOUR, lines }
    }

    fn planned(hours: &[(i64, u64)], known: &[Known], most: u64) -> Vec<Asked> {
        plan(hours.iter().map(|(hour, lines)| (hour * HOUR, *lines)), known, most)
    }

    #[test]
    fn what_is_new_and_what_grew_is_asked_for() {
        let hours = [(20, 5), (21, 6), (23, 1), (24, 2), (30, 90)];
        // The second day begins at 24.
        let all = [asked(20, 24, 12), asked(24, 25, 2), asked(30, 31, 90)];
        assert_eq!(planned(&hours, &[], 20), all);
        assert_eq!(planned(&hours, &[], 11)[..2], [asked(20, 22, 11), asked(23, 24, 1)]);
        let done = [known(20, 24, 12), known(24, 25, 2), known(30, 31, 90)];
        assert_eq!(planned(&hours, &done, 20), []);
        // One line more of an hour that had none.
        let more = [(20, 5), (21, 6), (22, 1), (23, 1), (24, 2), (30, 90), (31, 4)];
        assert_eq!(planned(&more, &done, 20), [asked(20, 24, 13), asked(31, 32, 4)]);
        // What the engine has no more of is left.
        assert_eq!(planned(&hours[3..], &done, 20), []);
        // Nothing new reaches over what is known.
        assert_eq!(
            planned(&[(1, 1), (2, 5), (3, 1)], &[known(2, 3, 5)], 20),
            [asked(1, 2, 1), asked(3, 4, 1)]
        );
    }

    proptest! {
        #[test]
        fn every_line_is_in_one_part(
            first in prop::collection::btree_map(0i64..80, 1u64..50, 0..40),
            more in prop::collection::btree_map(0i64..80, 1u64..50, 0..40),
            most in 1u64..120,
        ) {
            let hours = |all: &BTreeMap<i64, u64>| -> Vec<(i64, u64)> {
                all.iter().map(|(hour, lines)| (*hour, *lines)).collect()
            };
            let mut parts: BTreeMap<i64, Known> = BTreeMap::new();
            let mut both = first.clone();
            for (hour, lines) in &more {
                *both.entry(*hour).or_default() += lines;
            }
            for found in [&first, &both] {
                let known: Vec<Known> = parts.values().copied().collect();
                for part in planned(&hours(found), &known, most) {
                    parts.insert(
                        part.start,
                        Known { start: part.start, until: part.until, lines: part.counted },
                    );
                }
                let all: Vec<Known> = parts.values().copied().collect();
                prop_assert!(all.windows(2).all(|pair| pair[0].until <= pair[1].start));
                let day = |at: i64| at.div_euclid(DAY);
                prop_assert!(all.iter().all(|part| day(part.start) == day(part.until - 1)));
                prop_assert_eq!(
                    all.iter().map(|part| part.lines).sum::<u64>(),
                    found.values().sum::<u64>()
                );
                prop_assert_eq!(planned(&hours(found), &all, most), []);
            }
        }
    }
}
