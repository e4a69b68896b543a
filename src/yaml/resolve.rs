//! What the letters of a scalar are by YAML 1.1, as go-yaml v2 has it (`resolve.go`).

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

/// A scalar's value, as far as anybody asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Number,
    /// A whole number that needs all of 64 bits.
    Long,
    /// No number, or one without end.
    Infinite,
    Text(String),
}

/// What Go decodes, which minds no bits that are left over.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The value of a scalar; None where go-yaml refuses the whole text for it. `plain` is one whose
/// letters say what it is.
pub(super) fn resolve(tag: Option<&str>, value: &str, plain: bool) -> Option<Scalar> {
    let text = || Scalar::Text(value.to_owned());
    let Some(tag) = tag else {
        return Some(if plain { by_letters(value) } else { text() });
    };
    let of = by_letters(value);
    match tag.strip_prefix("tag:yaml.org,2002:").unwrap_or_default() {
        "null" => (of == Scalar::Null).then_some(of),
        "bool" => matches!(of, Scalar::Bool(_)).then_some(of),
        "int" => (matches!(of, Scalar::Number) && !is_fraction(value) || of == Scalar::Long)
            .then_some(of),
        // Not a whole number that needs all of 64 bits.
        "float" => matches!(of, Scalar::Number | Scalar::Infinite).then_some(of),
        // Days that there are not go-yaml refuses.
        "timestamp" => has_year(value).then(text),
        "binary" => {
            let letters: String = value.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
            let bytes = BASE64.decode(letters).ok()?;
            Some(Scalar::Text(String::from_utf8_lossy(&bytes).into_owned()))
        }
        _ => Some(text()),
    }
}

fn has_year(value: &str) -> bool {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    digits == 4 && value[digits..].starts_with('-')
}

fn by_letters(value: &str) -> Scalar {
    let text = || Scalar::Text(value.to_owned());
    match value {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Scalar::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => return Scalar::Infinite,
        _ => {}
    }
    match value.as_bytes().first() {
        Some(b'.') if is_float(value) => Scalar::Number,
        Some(b'+' | b'-' | b'0'..=b'9') if !has_year(value) => {
            let plain = value.replace('_', "");
            whole(&plain).unwrap_or_else(|| if is_float(&plain) { Scalar::Number } else { text() })
        }
        _ => text(),
    }
}

/// A number as JSON has it.
pub(super) fn number(text: &str) -> Value {
    let plain = text.replace('_', "");
    match digits(&plain) {
        Some((true, value)) => match 0_i64.checked_sub_unsigned(value) {
            Some(value) => value.into(),
            None => Value::Null,
        },
        Some((false, value)) => value.into(),
        None => plain.parse::<f64>().map_or(Value::Null, Value::from),
    }
}

/// A whole number as `strconv.ParseInt` and `ParseUint` with base 0 take it.
fn whole(text: &str) -> Option<Scalar> {
    let (negative, value) = digits(text)?;
    let most = i64::MAX.unsigned_abs() + u64::from(negative);
    match (value <= most, text.starts_with(['+', '-'])) {
        (true, _) => Some(Scalar::Number),
        (false, false) => Some(Scalar::Long),
        (false, true) => None,
    }
}

/// Whether it is below zero, and how much it is without that.
fn digits(text: &str) -> Option<(bool, u64)> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, &*lower),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let value = u64::from_str_radix(digits, radix).ok()?;
    Some((text.starts_with('-'), value))
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`, within what a float holds.
fn is_float(text: &str) -> bool {
    let form = |byte: u8| byte.is_ascii_digit() || b".eE+-".contains(&byte);
    text.bytes().all(form) && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Whether a number is written as none that is whole.
fn is_fraction(value: &str) -> bool {
    whole(&value.replace('_', "")).is_none()
}
