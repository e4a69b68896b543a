//! Times as exports write them: with a blank for the `T`, without a zone, or as numbers.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};

use crate::audit::request;

/// Microseconds since 1970 (UTC) of a time in any form that exports have. A time without a zone is
/// UTC, as all the exports that leave it out write it; a number counts seconds, milliseconds,
/// microseconds or nanoseconds, which its size tells.
pub fn micros(text: &str) -> Option<i64> {
    let text = text.trim();
    request::micros(text).or_else(|| written(text)).or_else(|| counted(text))
}

/// RFC 3339 of microseconds since 1970, as the API server writes it.
pub fn rfc3339(micros: i64) -> Option<String> {
    let time: DateTime<Utc> = DateTime::from_timestamp_micros(micros)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Micros, true))
}

/// `2026-05-04 09:10:11.123`, with or without `T`, ` UTC` or an offset.
fn written(text: &str) -> Option<i64> {
    let bare = text.strip_suffix("UTC").or_else(|| text.strip_suffix('Z')).unwrap_or(text).trim();
    if bare.len() < 19 || !bare.is_char_boundary(10) {
        return None;
    }
    let (date, clock) = bare.split_at(10);
    let clock = clock.trim_start_matches(['T', ' ']);
    let zoned = clock.find(['+', '-']).map(|at| clock.split_at(at));
    if let Some((clock, offset)) = zoned {
        let offset = match offset.len() {
            3 => Cow::Owned(format!("{offset}:00")),
            5 => Cow::Owned(format!("{}:{}", offset.get(..3)?, offset.get(3..)?)),
            _ => Cow::Borrowed(offset),
        };
        let whole = format!("{date}T{}{offset}", clock.trim_end());
        return DateTime::parse_from_rfc3339(&whole).ok().map(|time| time.timestamp_micros());
    }
    let whole = format!("{date}T{clock}");
    let time = NaiveDateTime::parse_from_str(&whole, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    Some(time.and_utc().timestamp_micros())
}

/// Digits, maybe with a fraction and an exponent.
fn counted(text: &str) -> Option<i64> {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.trim_start_matches('+').parse().ok()?),
        None => (text, 0i32),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: String = [whole, fraction].concat();
    if digits.is_empty() || digits.len() > 30 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    // In nanoseconds of the unit, whatever that is: none of the digits is lost on the way.
    let shift = shift.checked_add(9).filter(|shift| (-30..=20).contains(shift))?;
    let value: i128 = digits.parse().ok()?;
    let power = 10i128.checked_pow(shift.unsigned_abs())?;
    let nanos = if shift < 0 { value / power } else { value.checked_mul(power)? };
    let unit = nanos / 1_000_000_000;
    // Until 5138 seconds have at most 11 digits, and from 1973 on milliseconds have at least 12.
    let micros = match unit {
        0..100_000_000_000 => nanos / 1_000,
        100_000_000_000..100_000_000_000_000 => nanos / 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => nanos / 1_000_000_000,
        _ => nanos / 1_000_000_000_000,
    };
    i64::try_from(micros).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_moment_in_all_its_forms() {
        // 1777885811 is `date -u -d 2026-05-04T09:10:11 +%s`.
        for text in [
            "2026-05-04T09:10:11.123456Z",
            "2026-05-04 09:10:11.123456 UTC",
            "2026-05-04 09:10:11.123456",
            "2026-05-04T09:10:11.123456",
            "2026-05-04 09:10:11.123456789",
            "2026-05-04 09:10:11.123456+00",
            "2026-05-04 11:10:11.123456+0200",
            "2026-05-04 11:10:11.123456+02:00",
            "2026-05-04T05:10:11.123456 -04:00",
            "1777885811.123456",
            "1.777885811123456E9",
            "1.777885811123456e+9",
            "1777885811123456",
            "1777885811123456789",
        ] {
            assert_eq!(micros(text), Some(1_777_885_811_123_456), "{text}");
        }
        for text in ["2026-05-04 09:10:11.123", "1777885811123", " 2026-05-04T09:10:11.123Z "] {
            assert_eq!(micros(text), Some(1_777_885_811_123_000), "{text}");
        }
        for text in ["2026-05-04 09:10:11", "1777885811", "1777885811000000000"] {
            assert_eq!(micros(text), Some(1_777_885_811_000_000), "{text}");
        }
        assert_eq!(rfc3339(1_777_885_811_000_001).unwrap(), "2026-05-04T09:10:11.000001Z");
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            ".",
            "e9",
            "soon",
            "2026-05-04",
            "2026-13-04 09:10:11",
            "2026-05-04 9:10",
            "-5",
            "12:00:00",
            "1e999",
            "1.5.5",
            "99999999999999999999999999999999",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}", number in "[0-9.eE+:TZ -]{0,40}") {
            let _ = (micros(&text), micros(&number));
        }

        #[test]
        fn a_moment_comes_back(at in 100_000_000_000_000i64..4_000_000_000_000_000) {
            let text = rfc3339(at).unwrap();
            prop_assert_eq!(micros(&text), Some(at));
            let bare = text.replace('T', " ").replace('Z', "");
            prop_assert_eq!(micros(&bare), Some(at));
            prop_assert_eq!(micros(&at.to_string()), Some(at));
        }
    }
}
