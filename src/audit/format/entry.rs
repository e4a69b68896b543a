//! Entries that are not in the API server's shape: writing the event that they amount to.
//!
//! What an entry does not say, its event does not say either.

use std::borrow::Cow;

use super::object::{Object, string};

/// The keys of `user.extra` that tell tokens and certificates apart.
pub const CREDENTIAL: [&str; 3] = [
    "authentication.kubernetes.io/credential-id",
    "authentication.kubernetes.io/pod-name",
    "authentication.kubernetes.io/pod-uid",
];

/// The annotations that are read.
pub const NOTES: [&str; 3] = [
    "authorization.k8s.io/decision",
    "authorization.k8s.io/reason",
    "authentication.k8s.io/legacy-token",
];

/// An object in the making; its members are written one after the other.
#[derive(Clone, Debug)]
pub struct Writer {
    json: String,
}

impl Writer {
    /// An event.
    pub fn event() -> Self {
        Self { json: r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1""#.to_owned() }
    }

    /// An object within one.
    pub fn object() -> Self {
        Self { json: "{".to_owned() }
    }

    /// Writes a member whose value is JSON already; none for None, null and what is empty.
    pub fn json(&mut self, key: &str, value: Option<&str>) {
        let Some(value) = value.filter(|value| !matches!(*value, "null" | "{}" | "[]" | "")) else {
            return;
        };
        if self.json.len() > 1 {
            self.json.push(',');
        }
        self.json.push('"');
        self.json.push_str(key);
        self.json.push_str("\":");
        self.json.push_str(value);
    }

    /// Writes a member that is a string; none for None and for the empty string.
    pub fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.json(key, Some(&quoted(value)));
        }
    }

    /// Writes a member that is a list of strings; none for an empty one.
    pub fn list<'a>(&mut self, key: &str, values: impl IntoIterator<Item = &'a str>) {
        let mut list = String::from("[");
        for value in values {
            if list.len() > 1 {
                list.push(',');
            }
            list.push_str(&quoted(value));
        }
        list.push(']');
        self.json(key, Some(&list));
    }

    /// The object.
    pub fn finish(mut self) -> String {
        self.json.push('}');
        self.json
    }
}

/// A text as JSON.
pub fn quoted(text: &str) -> Cow<'_, str> {
    // Strings are written without fail.
    serde_json::to_string(text).map_or(Cow::Borrowed("\"\""), Cow::Owned)
}

/// The JSON text of the first of `keys` that is there and not null. Case and underscores do not
/// tell keys apart: `methodName`, `method_name` and `methodname` are one.
pub fn loose<'a>(object: &Object<'a>, key: &str) -> Option<&'a str> {
    let found = object.members().find(|(found, value)| *value != "null" && is_alike(found, key));
    found.map(|(_, value)| value)
}

fn is_alike(one: &str, other: &str) -> bool {
    let letters = |text| -> std::iter::Filter<std::str::Bytes<'_>, fn(&u8) -> bool> {
        str::bytes(text).filter(|byte| *byte != b'_')
    };
    letters(one)
        .map(|byte| byte.to_ascii_lowercase())
        .eq(letters(other).map(|byte| byte.to_ascii_lowercase()))
}

/// As [`loose`], a string decoded; None for an empty one.
pub fn loose_text<'a>(object: &Object<'a>, key: &str) -> Option<Cow<'a, str>> {
    string(loose(object, key)?).filter(|text| !text.is_empty())
}

/// As [`loose`], an object; also one written into a string.
pub fn loose_object<'a>(object: &Object<'a>, key: &str) -> Option<Inner<'a>> {
    Inner::of(loose(object, key)?)
}

/// JSON within an entry, which is written out, or as a string, as a CSV file has it.
#[derive(Clone, Debug)]
pub struct Inner<'a>(pub Cow<'a, str>);

impl<'a> Inner<'a> {
    /// Of a member's JSON text; None where it is neither an object nor a list, nor a string of one.
    pub fn of(json: &'a str) -> Option<Self> {
        let text = if json.starts_with('"') { string(json)? } else { Cow::Borrowed(json) };
        text.trim_start().starts_with(['{', '[']).then_some(Self(text))
    }

    /// Its members.
    pub fn object(&self) -> Object<'_> {
        Object::read(&self.0).map(|(object, _)| object).unwrap_or_default()
    }
}

/// Whether a member is true, be it a boolean or a string.
pub fn is_true(json: Option<&str>) -> bool {
    json.is_some_and(|json| json.trim_matches('"').eq_ignore_ascii_case("true"))
}

/// The time of a member as RFC 3339 (UTC), and in microseconds since 1970.
pub fn time(json: &str) -> Option<(Cow<'_, str>, i64)> {
    let text = string(json).unwrap_or(Cow::Borrowed(json));
    let micros = super::when::micros(&text)?;
    Some(match crate::audit::request::micros(&text) {
        Some(_) => (text, micros),
        None => (super::when::rfc3339(micros)?.into(), micros),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_written_without_what_is_not_known() {
        let mut event = Writer::event();
        event.text("verb", Some("get"));
        event.text("level", None);
        event.json("user", Some("{}"));
        event.list("sourceIPs", ["a\"b", "c"]);
        event.list("none", []);
        assert_eq!(
            event.finish(),
            r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"get","sourceIPs":["a\"b","c"]}"#
        );
        assert_eq!(Writer::object().finish(), "{}");
    }

    #[test]
    fn keys_are_one_however_they_are_spelled() {
        let text = r#"{"method_name":null,"methodname":"a","B":{"c":1},"d":"{\"e\":true}","f":3}"#;
        let (object, _) = Object::read(text).unwrap();
        assert_eq!(loose_text(&object, "methodName").as_deref(), Some("a"));
        assert_eq!(loose_object(&object, "b").unwrap().object().get("c"), Some("1"));
        let inner = loose_object(&object, "d").unwrap();
        assert!(is_true(inner.object().get("e")) && !is_true(inner.object().get("x")));
        assert!(loose_object(&object, "f").is_none() && loose_text(&object, "f").is_none());
    }
}
