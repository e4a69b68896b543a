//! Times in words.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// How long ago, in one unit, as kubectl writes it: `45s`, `12m`, `5h`, `3d`. Never negative.
pub fn age(since: TimeDelta) -> String {
    let seconds = since.num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A time to the second, RFC 3339, UTC.
pub fn exact(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_cut_not_rounded() {
        for (seconds, text) in [
            (-5, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3_599, "59m"),
            (7_199, "1h"),
            (172_799, "47h"),
            (172_800, "2d"),
            (86_400 * 412, "412d"),
        ] {
            assert_eq!(age(TimeDelta::seconds(seconds)), text);
        }
    }
}
