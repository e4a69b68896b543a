//! Times as the log writes them.

use chrono::DateTime;

/// Microseconds since 1970 (UTC) of an RFC 3339 time. The server writes six digits of a second and
/// `Z`; other writers' digits beyond the sixth are cut.
pub fn micros(text: &str) -> Option<i64> {
    server_form(text.as_bytes())
        .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_micros()))
}

/// `2026-05-04T09:10:11.123456Z`, with any number of digits after the point, or none.
fn server_form(text: &[u8]) -> Option<i64> {
    let (&last, text) = text.split_last()?;
    let (head, fraction) = text.split_at_checked(19)?;
    let punctuation = [head[4], head[7], head[10], head[13], head[16], last];
    if punctuation != *b"--T::Z" {
        return None;
    }
    let two = |at: usize| Some(digit(head[at])? * 10 + digit(head[at + 1])?);
    let year = two(0)? * 100 + two(2)?;
    let (month, day) = (two(5)?, two(8)?);
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    if hour > 23 || minute > 59 || second > 59 || !is_day(year, month, day) {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(seconds * 1_000_000 + fraction_micros(fraction)?)
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

fn fraction_micros(text: &[u8]) -> Option<i64> {
    let Some((point, digits)) = text.split_first() else { return Some(0) };
    if *point != b'.' || digits.is_empty() {
        return None;
    }
    let mut value = 0;
    for at in 0..digits.len().max(6) {
        let next = digits.get(at).map_or(Some(0), |byte| digit(*byte))?;
        if at < 6 {
            value = value * 10 + next;
        }
    }
    Some(value)
}

fn is_day(year: i64, month: i64, day: i64) -> bool {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// Days from 1970-01-01 of a proleptic Gregorian date from year 0 on. Years begin in March, so
/// that the leap day is a year's last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days_before_month = (153 * month + 2) / 5;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + days_before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_all_writers_are_the_same_microsecond() {
        // 1777885811 is `date -u -d 2026-05-04T09:10:11 +%s`.
        for text in [
            "2026-05-04T09:10:11.123456Z",
            "2026-05-04T09:10:11.123456789Z",
            "2026-05-04T11:10:11.123456+02:00",
            "2026-05-04t09:10:11.123456z",
        ] {
            assert_eq!(micros(text), Some(1_777_885_811_123_456), "{text}");
        }
        assert_eq!(micros("2026-05-04T09:10:11Z"), Some(1_777_885_811_000_000));
        assert_eq!(micros("2026-05-04T09:10:11.5Z"), Some(1_777_885_811_500_000));
        assert_eq!(micros("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(micros("0001-01-01T00:00:00Z"), Some(-62_135_596_800_000_000));
    }

    #[test]
    fn every_day_of_two_centuries_is_numbered_as_chrono_numbers_it() {
        let mut day = chrono::NaiveDate::from_ymd_opt(1899, 12, 25).unwrap();
        let end = chrono::NaiveDate::from_ymd_opt(2101, 1, 1).unwrap();
        while day < end {
            let midnight = day.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp_micros();
            assert_eq!(micros(&format!("{day}T00:00:00Z")), Some(midnight), "{day}");
            day = day.succ_opt().unwrap();
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "null",
            "2026-05-04",
            "2026-05-04T09:10:11",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-05-04T24:00:00Z",
            "2026-05-04T09:10:11.Z",
            "2026-05-04T09:10:11.12x456Z",
            "２026-05-04T09:10:11Z",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }
}
