//! Of what time since a Plan was made a log says nothing: one that was rotated begins later, an old file
//! ends before.

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{Coverage, counted};

/// A log that is written all the time ends so long ago at most.
const LATE: TimeDelta = TimeDelta::days(1);

fn at(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// What of the time from `ended` (when the log of the Plan had ended) to `now` a log does not cover, in
/// words. All times UTC.
pub(super) fn uncovered(
    coverage: &Coverage,
    ended: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Vec<String> {
    let (Some(from), Some(to)) = (coverage.from, coverage.to) else {
        return vec!["the log that was read has no request in it".to_owned()];
    };
    let mut said = Vec::new();
    if to <= ended {
        said.push(format!(
            "the log that was read ends on {}, and the one that the plan rests on ended on {}: what was \
             used since is not in it",
            at(to),
            at(ended)
        ));
        return said;
    }
    if from > ended + Coverage::GAP {
        said.push(format!(
            "the log that was read begins on {}, and the one that the plan rests on ended on {}: what was \
             used between is not in it",
            at(from),
            at(ended)
        ));
    }
    if now - to > LATE {
        said.push(format!(
            "the log that was read ends on {}: what was used since is not in it",
            at(to)
        ));
    }
    let gaps: Vec<_> = coverage.gaps.iter().filter(|gap| gap.to > ended).collect();
    let longest = gaps.iter().max_by_key(|gap| gap.to - gap.from.max(ended));
    said.extend(longest.map(|gap| {
        format!(
            "the log that was read has {} since {}, the longest from {} to {}: what was used then is not \
             in it",
            counted(gaps.len() as u64, "gap"),
            at(ended),
            at(gap.from.max(ended)),
            at(gap.to)
        )
    }));
    said.extend(coverage.lacking_in_words(ended));
    said.extend(coverage.unread_in_words());
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Gap;

    fn day(day: u32) -> DateTime<Utc> {
        format!("2026-01-{day:02}T08:00:00Z").parse().unwrap()
    }

    /// What is told of a log of those days, of a Plan whose log ended on the 15th, on the 20th.
    fn told(from: u32, to: u32, gaps: &[(u32, u32)]) -> Vec<String> {
        let gaps = gaps.iter().map(|(from, to)| Gap { from: day(*from), to: day(*to) }).collect();
        let coverage =
            Coverage { from: Some(day(from)), to: Some(day(to)), gaps, ..Coverage::default() };
        uncovered(&coverage, day(15), day(20))
    }

    #[test]
    fn what_a_log_does_not_cover_of_the_time_since_is_told() {
        assert_eq!(told(1, 20, &[]), [""; 0]);
        assert_eq!(told(15, 19, &[(3, 9)]), [""; 0]);
        // Rotated since, old, and not gone on with.
        let begins = "the log that was read begins on 2026-01-18 08:00 UTC, and the one that the plan \
                      rests on ended on 2026-01-15 08:00 UTC: what was used between is not in it";
        assert_eq!(told(18, 20, &[]), [begins]);
        let ends = "the log that was read ends on 2026-01-10 08:00 UTC, and the one that the plan rests \
                    on ended on 2026-01-15 08:00 UTC: what was used since is not in it";
        assert_eq!(told(1, 10, &[]), [ends]);
        let ends =
            "the log that was read ends on 2026-01-17 08:00 UTC: what was used since is not in it";
        assert_eq!(told(1, 17, &[]), [ends]);
        // Two gaps, of which one began before.
        let gaps = "the log that was read has 2 gaps since 2026-01-15 08:00 UTC, the longest from \
                    2026-01-17 08:00 UTC to 2026-01-19 08:00 UTC: what was used then is not in it";
        assert_eq!(told(1, 20, &[(3, 9), (10, 16), (17, 19)]), [gaps]);
        let none = uncovered(&Coverage::default(), day(15), day(20));
        assert_eq!(none, ["the log that was read has no request in it"]);
    }
}
