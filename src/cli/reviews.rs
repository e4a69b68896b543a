//! Access reviews from a file, whatever it holds: one, several, one a line, a List, JSON or YAML.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::exit::Failure;

/// Reviews as JSON texts.
#[derive(Debug)]
pub(super) enum Reviews<'t> {
    /// One a line.
    Lines(&'t [u8]),
    /// One by one.
    Each(Vec<Cow<'t, str>>),
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
}

/// Takes a text apart. `name` is what to call it.
pub(super) fn split<'t>(name: &str, text: &'t str) -> Result<Reviews<'t>, Failure> {
    let text = text.trim_start_matches('\u{feff}').trim();
    match text.chars().next() {
        None => Err(Failure::usage(format!("{name}: empty; access reviews belong there"))),
        Some('{' | '[') => json(name, text),
        Some(_) => yaml(name, text),
    }
}

fn json<'t>(name: &str, text: &'t str) -> Result<Reviews<'t>, Failure> {
    // Where the first line is a whole review, each line is one: a broken line is then answered as
    // one, and the others are not touched by it.
    let first = text.lines().next().unwrap_or_default();
    if serde_json::from_str::<Head<'_>>(first).is_ok_and(|head| !is_list(&head)) {
        return Ok(Reviews::Lines(text.as_bytes()));
    }
    let mut each = Vec::new();
    for document in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let raw = document.map_err(|error| {
            Failure::usage(format!("{name}:{}: no JSON: {error}", error.line()))
        })?;
        expand(name, raw.get(), &mut each)?;
    }
    Ok(Reviews::Each(each))
}

fn is_list(head: &Head<'_>) -> bool {
    head.kind.as_ref().is_some_and(|kind| kind.ends_with("List"))
}

/// A list's items, or the review itself.
fn expand<'t>(name: &str, text: &'t str, each: &mut Vec<Cow<'t, str>>) -> Result<(), Failure> {
    let wrong = |error: serde_json::Error| Failure::usage(format!("{name}: no reviews: {error}"));
    if text.starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(text).map_err(wrong)?;
        each.extend(items.into_iter().map(|item| Cow::Borrowed(item.get())));
    } else if serde_json::from_str::<Head<'_>>(text).is_ok_and(|head| is_list(&head)) {
        let list: List<'_> = serde_json::from_str(text).map_err(wrong)?;
        each.extend(list.items.into_iter().map(|item| Cow::Borrowed(item.get())));
    } else {
        each.push(text.into());
    }
    Ok(())
}

fn yaml<'t>(name: &str, text: &'t str) -> Result<Reviews<'t>, Failure> {
    let mut each = Vec::new();
    for document in yaml_serde::Deserializer::from_str(text) {
        let value = serde_json::Value::deserialize(document).map_err(|error| {
            let line = error.location().map_or(1, |at| at.line());
            Failure::usage(format!("{name}:{line}: neither JSON nor YAML: {error}"))
        })?;
        if value.is_null() {
            continue;
        }
        if !value.is_object() {
            return Err(Failure::usage(format!("{name}: no access review in it")));
        }
        let text = value.to_string();
        let mut found = Vec::new();
        expand(name, &text, &mut found)?;
        each.extend(found.into_iter().map(|one| Cow::Owned(one.into_owned())));
    }
    Ok(Reviews::Each(each))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> Option<usize> {
        match split("x", text).ok()? {
            Reviews::Lines(text) => Some(text.split(|byte| *byte == b'\n').count()),
            Reviews::Each(each) => Some(each.len()),
        }
    }

    #[test]
    fn every_form_gives_its_reviews() {
        let review = r#"{"kind":"SubjectAccessReview","spec":{"user":"u"}}"#;
        let pretty = "{\n\"kind\": \"SubjectAccessReview\"\n}";
        for (text, reviews) in [
            (review.to_owned(), 1),
            (format!("{review}\nbroken\n{review}\n"), 3),
            (format!("{pretty}\n{pretty}"), 2),
            (format!("[{review},{review}]"), 2),
            (format!("{{\"kind\":\"List\",\"items\":[{review},{review}]}}"), 2),
            ("kind: SubjectAccessReview\n---\nkind: SubjectAccessReview\n---\n".to_owned(), 2),
            ("kind: List\nitems:\n- kind: SubjectAccessReview\n".to_owned(), 1),
        ] {
            assert_eq!(count(&text), Some(reviews), "{text}");
        }
        for text in ["", " \n", "nonsense", "{\n\"kind\": oops }"] {
            assert_eq!(count(text), None, "{text}");
        }
    }
}
