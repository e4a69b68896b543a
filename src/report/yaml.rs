//! YAML that reads back equal, whatever version of YAML the reader speaks.
//!
//! Names in Kubernetes may be `yes`, `0777` or `1e3`, which are no texts in YAML 1.1 (kubectl's) or
//! 1.2. So a text stands unquoted only where it can be nothing else, and otherwise in double quotes.

use std::fmt::Write as _;

use serde_json::Value;

use crate::model::is_hidden;

/// One document, without a mark before it.
pub fn document(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

/// A value on lines of its own.
fn block(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                indent(depth, text);
                scalar(key, text);
                text.push(':');
                after(value, depth, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                indent(depth, text);
                text.push('-');
                listed(item, depth, text);
            }
        }
        other => {
            indent(depth, text);
            flow(other, text);
            text.push('\n');
        }
    }
}

/// What follows a key.
fn after(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push('\n');
            block(value, depth + 1, text);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            block(value, depth, text);
        }
        other => {
            text.push(' ');
            flow(other, text);
            text.push('\n');
        }
    }
}

/// What follows a dash: the first field of a map stands on the dash's own line.
fn listed(item: &Value, depth: usize, text: &mut String) {
    match item {
        Value::Object(fields) if !fields.is_empty() => {
            let mut inner = String::new();
            block(item, depth + 1, &mut inner);
            text.push(' ');
            text.push_str(inner.trim_start_matches(' '));
        }
        Value::Array(items) if !items.is_empty() => {
            let mut inner = String::new();
            block(item, depth + 1, &mut inner);
            text.push(' ');
            text.push_str(inner.trim_start_matches(' '));
        }
        other => {
            text.push(' ');
            flow(other, text);
            text.push('\n');
        }
    }
}

fn indent(depth: usize, text: &mut String) {
    text.push_str(&"  ".repeat(depth));
}

fn flow(value: &Value, text: &mut String) {
    match value {
        Value::String(string) => scalar(string, text),
        Value::Object(_) => text.push_str("{}"),
        Value::Array(_) => text.push_str("[]"),
        other => text.push_str(&other.to_string()),
    }
}

/// Words that are no texts in YAML 1.1 or 1.2, in lower case.
const TAKEN: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// Whether a text can be nothing but a text: a letter, then letters, digits and a few marks that
/// mean nothing to YAML, and no word of its own.
fn is_plain(string: &str) -> bool {
    string.starts_with(|c: char| c.is_ascii_alphabetic())
        && string
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '@'))
        && !TAKEN.contains(&string.to_ascii_lowercase().as_str())
}

fn scalar(string: &str, text: &mut String) {
    if is_plain(string) {
        text.push_str(string);
        return;
    }
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            // Writing to a String cannot fail.
            c if is_hidden(c) && u32::from(c) > 0xffff => {
                let _ = write!(text, "\\U{:08x}", u32::from(c));
            }
            c if is_hidden(c) || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}
