//! The members of one JSON object, each where it stands: what carriers are told by.

use std::borrow::Cow;

use super::scan::{self, Broken};

/// An object's members as they stand, values as their JSON text. Keys are compared as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object<'a> {
    members: Vec<(&'a str, &'a str)>,
    /// The member in whose value the text ends too early, with what there is of it.
    pub torn: Option<(&'a str, &'a str)>,
    /// Whether the text ends before the object does.
    pub cut: bool,
}

impl<'a> Object<'a> {
    /// Takes the object apart that `text` begins with, and says how many bytes it has. An object
    /// that ends early is read as far as it goes.
    ///
    /// # Errors
    /// Where it is no JSON object.
    pub fn read(text: &'a str) -> Result<(Self, usize), Broken> {
        let json = text.as_bytes();
        let mut object = Self::default();
        let mut at = scan::skip_space(json, 0);
        if json.get(at) != Some(&b'{') {
            return Err(Broken::Malformed);
        }
        at = scan::skip_space(json, at + 1);
        if json.get(at) == Some(&b'}') {
            return Ok((object, at + 1));
        }
        loop {
            match object.member(text, at) {
                Ok(after) if json.get(after) == Some(&b'}') => return Ok((object, after + 1)),
                Ok(after) if json.get(after) == Some(&b',') => {
                    at = scan::skip_space(json, after + 1);
                }
                Ok(after) if after < json.len() => return Err(Broken::Malformed),
                Ok(_) | Err(Broken::CutOff) => {
                    object.cut = true;
                    return Ok((object, json.len()));
                }
                Err(Broken::Malformed) => return Err(Broken::Malformed),
            }
        }
    }

    /// Reads the member at `at`, and returns the place of what follows it.
    fn member(&mut self, text: &'a str, at: usize) -> Result<usize, Broken> {
        let json = text.as_bytes();
        match json.get(at) {
            Some(b'"') => {}
            Some(_) => return Err(Broken::Malformed),
            None => return Err(Broken::CutOff),
        }
        let key_end = scan::string_end(json, at + 1)?;
        let key = &text[at + 1..key_end];
        let colon = scan::skip_space(json, key_end + 1);
        match json.get(colon) {
            Some(b':') => {}
            Some(_) => return Err(Broken::Malformed),
            None => return Err(Broken::CutOff),
        }
        let from = scan::skip_space(json, colon + 1);
        let end = scan::value_end(json, from).inspect_err(|broken| {
            if *broken == Broken::CutOff {
                self.torn = Some((key, &text[from.min(text.len())..]));
            }
        })?;
        self.members.push((key, &text[from..end]));
        Ok(scan::skip_space(json, end))
    }

    /// The JSON text of a member's value; of a key that comes twice the last.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.members.iter().rev().find(|(found, _)| *found == key).map(|(_, value)| *value)
    }

    /// As [`Object::get`], also where the text ends inside the value.
    pub fn any(&self, key: &str) -> Option<&'a str> {
        let torn = self.torn.filter(|(found, _)| *found == key);
        self.get(key).or_else(|| torn.map(|(_, value)| value))
    }

    /// The first of `keys` that is there and not null.
    pub fn first(&self, keys: &[&str]) -> Option<&'a str> {
        keys.iter().find_map(|key| self.get(key).filter(|value| *value != "null"))
    }

    /// A member that is a string, decoded.
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        string(self.get(key)?)
    }

    /// A member that is an object, or as much of one as there is.
    pub fn any_object(&self, key: &str) -> Option<Object<'a>> {
        let value = self.any(key).filter(|value| value.starts_with('{'))?;
        Object::read(value).ok().map(|(object, _)| object)
    }

    /// All members that are there whole, in their order.
    pub fn members(&self) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        self.members.iter().copied()
    }
}

/// The elements of a JSON array, each where it stands; the last may be torn.
pub fn elements(json: &str) -> impl Iterator<Item = &str> {
    let bytes = json.as_bytes();
    let mut at = scan::skip_space(bytes, 0);
    let mut open = bytes.get(at) == Some(&b'[');
    std::iter::from_fn(move || {
        if !open {
            return None;
        }
        let from = scan::skip_space(bytes, at + 1);
        if matches!(bytes.get(from), None | Some(b']')) {
            open = false;
            return None;
        }
        let Ok(end) = scan::value_end(bytes, from) else {
            open = false;
            return json.get(from..);
        };
        at = scan::skip_space(bytes, end);
        open = bytes.get(at) == Some(&b',');
        json.get(from..end)
    })
}

/// A JSON string, decoded; None for any other value.
pub fn string(json: &str) -> Option<Cow<'_, str>> {
    let inside = json.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inside));
    }
    serde_json::from_str::<String>(json).ok().map(Cow::Owned)
}

/// A JSON string, decoded, also one whose end is missing; with whether it is.
pub fn string_head(json: &str) -> Option<(Cow<'_, str>, bool)> {
    if let Some(whole) = string(json).filter(|_| scan::value_end(json.as_bytes(), 0).is_ok()) {
        return Some((whole, false));
    }
    let head = json.strip_prefix('"')?;
    if scan::string_end(json.as_bytes(), 1) != Err(Broken::CutOff) {
        return None;
    }
    // An escape of which the end is missing is left out, and half of a pair with it.
    (0..=12.min(head.len())).find_map(|less| {
        let whole = format!("\"{}\"", head.get(..head.len() - less)?);
        Some((serde_json::from_str::<String>(&whole).ok()?.into(), true))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_as_they_stand() {
        let text = r#" { "a" : "x\ny" , "b":{"c":[1,2]},"n":null,"a":"z"} {"next":1}"#;
        let (object, length) = Object::read(text).unwrap();
        assert_eq!(&text[length..], r#" {"next":1}"#);
        assert_eq!(object.text("a").as_deref(), Some("z"));
        assert_eq!(object.get("b"), Some(r#"{"c":[1,2]}"#));
        assert_eq!(object.any_object("b").unwrap().get("c"), Some("[1,2]"));
        assert_eq!(object.first(&["n", "x", "b"]), object.get("b"));
        assert_eq!(string_head(r#""x\"#), Some(("x".into(), true)));
        assert_eq!(string_head(r#""x\u00"#), Some(("x".into(), true)));
        assert_eq!(string_head(r#""x\ud83d\ude0"#), Some(("x".into(), true)));
        assert_eq!(string_head(r#""x""#), Some(("x".into(), false)));
        assert_eq!(string(r#""x\ny""#).as_deref(), Some("x\ny"));
        assert!(!object.cut);
        assert_eq!(Object::read("{}").unwrap().1, 2);
    }

    #[test]
    fn what_is_cut_is_read_as_far_as_it_goes() {
        let whole = r#"{"a":"one","b":{"c":2},"d":"three"}"#;
        for end in 1..whole.len() {
            let (object, length) = Object::read(&whole[..end]).unwrap();
            assert!(object.cut && length == end);
            assert_eq!(object.get("a").is_some(), end >= 10);
            assert_eq!(object.get("b").is_some(), end >= 22);
            assert_eq!(object.get("d").is_some(), end >= 34);
        }
        let (object, _) = Object::read(&whole[..31]).unwrap();
        assert_eq!(object.any("d").and_then(string_head), Some(("thr".into(), true)));
        assert_eq!(object.torn, Some(("d", r#""thr"#)));
        assert_eq!(Object::read("[1]"), Err(Broken::Malformed));
        assert_eq!(
            elements(r#" [ {"a":[1,2]} , "x,y",3 ] 4"#).collect::<Vec<_>>(),
            [r#"{"a":[1,2]}"#, r#""x,y""#, "3"]
        );
        assert_eq!(elements(r#"[1,{"a":"#).collect::<Vec<_>>(), ["1", r#"{"a":"#]);
        assert_eq!(elements("[]").count() + elements("{}").count() + elements("[").count(), 0);
        assert_eq!(Object::read("{a:1}"), Err(Broken::Malformed));
    }
}
