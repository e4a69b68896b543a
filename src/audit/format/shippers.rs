//! Shippers: each puts the line that it found into a member of an object of its own.

use std::borrow::Cow;

use super::object::{self, Object};
use super::{Carried, Carrier, Translated};
use crate::audit::request::micros;

/// Members that hold the line, the most telling first.
const LINES: [(&str, Carrier); 16] = [
    ("log", Carrier::Shipper),
    ("MESSAGE", Carrier::Journal),
    ("_raw", Carrier::Splunk),
    ("_source", Carrier::Elastic),
    ("line", Carrier::Loki),
    ("Line", Carrier::Loki),
    ("message", Carrier::Shipper),
    ("Message", Carrier::Shipper),
    ("json", Carrier::Shipper),
    ("event", Carrier::Splunk),
    ("result", Carrier::Splunk),
    ("body", Carrier::Shipper),
    ("stringValue", Carrier::Shipper),
    ("original", Carrier::Shipper),
    ("record", Carrier::Shipper),
    ("msg", Carrier::Shipper),
];

/// Members that say when the line was seen.
const TIMES: [&str; 8] =
    ["time", "timestamp", "@timestamp", "ts", "_time", "__REALTIME_TIMESTAMP", "date", "Time"];

/// Takes out the line.
pub fn entry<'a>(object: &Object<'a>) -> Option<Translated<'a>> {
    if object.get("MESSAGE") == Some("null") && object.get("__CURSOR").is_some() {
        return Some(Translated::Unreadable("left out by journalctl, which --all keeps it from"));
    }
    LINES.iter().find_map(|(key, carrier)| {
        let value = object.any(key)?;
        let (text, cut) = inside(value)?;
        let mut carried = Carried::new(text, *carrier);
        if *key == "log" && object.get("stream").is_some() {
            carried.carrier = Carrier::Container;
        }
        carried.cut = cut;
        carried.time = TIMES.iter().find_map(|key| time(object.get(key)?));
        carried.server = ["host", "hostname", "_HOSTNAME"].iter().find_map(|key| object.text(key));
        Some(Translated::Carried(carried))
    })
}

/// What is in a member: an object, a string, or the numbers of a string's bytes, as the journal
/// writes what is not printable. With whether it ends early.
fn inside(value: &str) -> Option<(Cow<'_, str>, bool)> {
    match value.as_bytes().first()? {
        b'{' => holds_more(value).then(|| (value.into(), false)),
        b'"' => object::string_head(value),
        b'[' => {
            let bytes: Option<Vec<u8>> =
                object::elements(value).map(|number| number.trim().parse().ok()).collect();
            Some((String::from_utf8(bytes?).ok()?.into(), false))
        }
        _ => None,
    }
}

/// Whether an object may have an event in it: `log` is an object that says something of the line as
/// often as it is the line.
fn holds_more(json: &str) -> bool {
    let Ok((object, _)) = Object::read(json) else { return false };
    object.get("auditID").is_some()
        || object.any_object("kubernetes").is_some()
        || LINES.iter().any(|(key, _)| object.any(key).is_some())
}

/// A time as RFC 3339 text, or as a number of seconds, milli-, micro- or nanoseconds since 1970,
/// told by its size.
pub fn time(json: &str) -> Option<i64> {
    let text = object::string(json).unwrap_or(json.into());
    micros(&text).or_else(|| number(&text))
}

fn number(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = whole.parse().ok()?;
    match whole {
        100_000_000..=99_999_999_999 => {
            let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(6);
            let mut micros = 0;
            for digit in digits {
                micros = micros * 10 + i64::from(digit.is_ascii_digit().then(|| digit - b'0')?);
            }
            Some(whole * 1_000_000 + micros)
        }
        100_000_000_000..=99_999_999_999_999 => Some(whole * 1000),
        100_000_000_000_000..=99_999_999_999_999_999 => Some(whole),
        100_000_000_000_000_000.. => Some(whole / 1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_by_their_size() {
        for text in [
            "1777885811.123456",
            "\"1777885811.123456\"",
            "1777885811123456",
            "\"1777885811123456789\"",
            "\"2026-05-04T09:10:11.123456Z\"",
        ] {
            assert_eq!(time(text), Some(1_777_885_811_123_456), "{text}");
        }
        assert_eq!(time("1777885811123"), Some(1_777_885_811_123_000));
        assert_eq!(time("1777885811"), Some(1_777_885_811_000_000));
        assert_eq!((time("12"), time("null"), time("\"x\"")), (None, None, None));
    }

    #[test]
    fn bytes_as_numbers_are_text() {
        assert_eq!(inside("[123, 125]"), Some(("{}".into(), false)));
        assert_eq!(inside("[256]"), None);
        assert_eq!(inside("7"), None);
    }
}
