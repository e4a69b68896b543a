//! What runs by the clock, and not by hand.
//!
//! cron begins at the same minute of each hour, or of some of them. People do not: that several
//! beginnings fall within a minute and a half of an hour by chance is one in forty for each but the
//! first.

use chrono::{DateTime, TimeDelta, Utc};

/// A longer pause is between one run and the next.
const PAUSE: TimeDelta = TimeDelta::minutes(10);

/// Seconds of an hour within which beginnings are at the same time of it.
const WITHIN: i64 = 90;

const HOUR: i64 = 3600;

/// With so few it may be chance.
const LEAST: usize = 4;

/// So many for each time of the hour…
const EACH: usize = 3;

/// …of which there are no more than so many: what is begun often enough falls on all of them.
const TIMES: usize = 4;

/// Whether everything that was run, at these moments (UTC, sorted), began by the clock.
pub fn is_by_the_clock(moments: &[DateTime<Utc>]) -> bool {
    let mut before: Option<DateTime<Utc>> = None;
    let mut starts: Vec<i64> = Vec::new();
    for at in moments {
        if before.is_none_or(|before| *at - before > PAUSE) {
            starts.push(at.timestamp().rem_euclid(HOUR));
        }
        before = Some(*at);
    }
    starts.sort_unstable();
    let times = times(&starts);
    times <= TIMES && starts.len() >= LEAST && starts.len() >= EACH * times
}

/// At how many times of the hour they are; sorted.
fn times(starts: &[i64]) -> usize {
    // An hour has no first second: it is cut where the longest time without a beginning ends.
    let Some((first, last)) = starts.first().zip(starts.last()) else { return 0 };
    let gaps = starts.windows(2).enumerate().map(|(at, two)| (two[1] - two[0], at + 1));
    let cut = gaps.chain([(first + HOUR - last, 0)]).max().map_or(0, |(_, at)| at);
    let (end, begin) = starts.split_at(cut);
    let mut times = 0;
    let mut since: Option<i64> = None;
    for start in begin.iter().copied().chain(end.iter().map(|start| start + HOUR)) {
        if since.is_none_or(|since| start - since > WITHIN) {
            times += 1;
            since = Some(start);
        }
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_the_clock(minutes: &[i64]) -> bool {
        let at = |minute: &i64| DateTime::UNIX_EPOCH + TimeDelta::minutes(*minute);
        is_by_the_clock(&minutes.iter().map(at).collect::<Vec<_>>())
    }

    #[test]
    fn cron_begins_at_the_same_minute() {
        // Once an hour, a script of six minutes.
        assert!(by_the_clock(&[0, 3, 6, 60, 63, 66, 120, 126, 180]));
        // Once a day at five past three, and its end in a row of its own.
        assert!(by_the_clock(&[185, 225, 1625, 1665, 3065, 3105]));
        // Around the full hour.
        assert!(by_the_clock(&[59, 120, 179, 240]));
        // Three are chance.
        assert!(!by_the_clock(&[0, 60, 120]));
    }

    #[test]
    fn people_do_not() {
        assert!(!by_the_clock(&[]));
        assert!(!by_the_clock(&[3, 71, 140, 222, 300, 377, 430]));
        // Within the same half hour, for a quarter of a year.
        let days: Vec<i64> = (0..90).map(|day| day * 1440 + 540 + day * 7 % 25).collect();
        assert!(!by_the_clock(&days));
        // At nine o'clock each day, and at any time later.
        assert!(!by_the_clock(&[540, 575, 611, 1980, 2033, 3420, 3477, 3505]));
    }
}
