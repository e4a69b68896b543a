//! Times as words. Everything is UTC; nothing here looks at a clock.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// How long ago, in one short word: `now`, `4m`, `2h`, `3d`, `14mo`, `3y`. A time that is still
/// to come (a clock that differs) is `in 5m`.
pub fn ago(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - time).num_seconds();
    if seconds <= -MINUTE {
        return format!("in {}", span(-seconds));
    }
    if seconds < MINUTE { "now".to_owned() } else { span(seconds) }
}

/// A length of time in one short word; seconds.
pub fn span(seconds: i64) -> String {
    match seconds {
        ..MINUTE => "<1m".to_owned(),
        MINUTE..HOUR => format!("{}m", seconds / MINUTE),
        HOUR..DAY => format!("{}h", seconds / HOUR),
        _ if seconds < 100 * DAY => format!("{}d", seconds / DAY),
        _ if seconds < 2 * YEAR => format!("{}mo", seconds / (30 * DAY)),
        _ => format!("{}y", seconds / YEAR),
    }
}

/// A moment: `2026-10-02 14:03`.
pub fn moment(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M").to_string()
}

/// A day: `2026-10-02`.
pub fn day(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d").to_string()
}

/// Whole days that something covers: `90d`; `<1d` for less than one.
pub fn days(whole: i64) -> String {
    if whole < 1 { "<1d".to_owned() } else { format!("{whole}d") }
}

/// How long until [`ago`] says something else; None where that takes more than a day.
pub fn changes_in(time: DateTime<Utc>, now: DateTime<Utc>) -> Option<Duration> {
    let age = now - time;
    let unit = match age.num_seconds() {
        ..MINUTE => return Some(positive(TimeDelta::seconds(MINUTE) - age)),
        MINUTE..HOUR => MINUTE,
        HOUR..DAY => HOUR,
        _ => return None,
    };
    let next = (age.num_seconds() / unit + 1) * unit;
    Some(positive(TimeDelta::seconds(next) - age))
}

fn positive(delta: TimeDelta) -> Duration {
    delta.to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_time_is_one_word() {
        let now = at("2026-10-02T12:00:00Z");
        for (time, word) in [
            ("2026-10-02T11:59:30Z", "now"),
            ("2026-10-02T12:00:30Z", "now"),
            ("2026-10-02T12:05:00Z", "in 5m"),
            ("2026-10-02T11:56:00Z", "4m"),
            ("2026-10-02T10:00:01Z", "1h"),
            ("2026-10-01T12:00:00Z", "1d"),
            ("2026-07-04T12:00:00Z", "90d"),
            ("2026-01-01T12:00:00Z", "9mo"),
            ("2023-10-02T12:00:00Z", "3y"),
        ] {
            assert_eq!(ago(at(time), now), word, "{time}");
        }
        assert_eq!(moment(now), "2026-10-02 12:00");
    }

    #[test]
    fn what_ages_says_when() {
        let now = at("2026-10-02T12:00:00Z");
        let wait = |time: &str| changes_in(at(time), now).map(|wait| wait.as_secs());
        assert_eq!(wait("2026-10-02T11:59:30Z"), Some(30));
        assert_eq!(wait("2026-10-02T11:56:10Z"), Some(10));
        assert_eq!(wait("2026-10-02T09:30:00Z"), Some(30 * 60));
        assert_eq!(wait("2026-09-02T09:30:00Z"), None);
    }
}
