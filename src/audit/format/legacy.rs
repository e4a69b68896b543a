//! The API server's text form (`--audit-log-format=legacy`, gone in 1.18).
//!
//! It has no decision and no reason, no uid and no extra, of several addresses the first, which the
//! client may choose. Servers before 1.8 wrote two lines a request, which one id joins.

use super::entry::Writer;
use super::{Carried, Carrier, Translated};
use crate::audit::request::{self, micros};

const MARK: &str = " AUDIT: id=\"";

/// Reads a line.
pub fn line(text: &str) -> Option<Translated<'_>> {
    let (time, pairs) = split(text)?;
    let Some(pairs) = values(pairs) else {
        return Some(Translated::Unreadable("broken legacy line"));
    };
    if !pairs.iter().any(|(key, _)| *key == "method") {
        // The second line of two, without its first.
        return Some(Translated::Unreadable("an answer without its request"));
    }
    Some(Translated::Carried(Carried::new(event(time, &pairs), Carrier::Legacy)))
}

/// The time, and what stands from `id=` on.
fn split(text: &str) -> Option<(&str, &str)> {
    let at = text.find(MARK)?;
    let time = text[..at].rsplit(char::is_whitespace).next()?;
    Some((time, &text[at + MARK.len() - 4..]))
}

type Value<'a> = (&'a str, String);

/// `key="value"` after `key="value"`; values as Go quotes them, numbers bare in old versions.
fn values(mut text: &str) -> Option<Vec<Value<'_>>> {
    let mut found = Vec::new();
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return Some(found);
        }
        let (key, rest) = text.split_once('=')?;
        text = rest;
        let value = if rest.starts_with('"') {
            request::quoted(&mut text)?
        } else {
            let end = rest.find(' ').unwrap_or(rest.len());
            text = &rest[end..];
            rest[..end].to_owned()
        };
        found.push((key, value));
    }
}

fn event(time: &str, pairs: &[Value<'_>]) -> String {
    // The server puts what it does not know in angle brackets.
    let get = |key: &str| {
        let found = pairs.iter().find(|(found, _)| *found == key).map(|(_, value)| &**value);
        found.filter(|value| !(value.starts_with('<') && value.ends_with('>')))
    };
    let (method, uri) = (get("method").unwrap_or_default(), get("uri").unwrap_or_default());
    let answer = get("response").filter(|code| code.parse::<u16>().is_ok());
    let mut event = Writer::event();
    event.text("auditID", get("id"));
    let unknown = if answer.is_some() { "ResponseComplete" } else { "RequestReceived" };
    event.text("stage", Some(get("stage").unwrap_or(unknown)));
    event.text("requestURI", Some(uri));
    event.text("verb", Some(&request::verb_of(method, uri)));
    event.json("user", Some(&person(get("user"), get("groups"))));
    event.json("impersonatedUser", Some(&person(get("as"), get("asgroups"))));
    event.list("sourceIPs", get("ip"));
    event.text("userAgent", get("user-agent"));
    let mut status = Writer::object();
    status.json("code", answer);
    event.json("responseStatus", Some(&status.finish()));
    if micros(time).is_some() {
        event.text("requestReceivedTimestamp", Some(time));
    }
    event.finish()
}

fn person(name: Option<&str>, groups: Option<&str>) -> String {
    let mut person = Writer::object();
    person.text("username", name);
    let groups = groups.filter(|_| name.is_some()).and_then(groups_of).unwrap_or_default();
    person.list("groups", groups.iter().map(|group| &**group));
    person.finish()
}

/// `"a","b"`.
fn groups_of(mut text: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    while !text.is_empty() {
        found.push(request::quoted(&mut text)?);
        text = text.trim_start_matches(',');
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn translated(text: &str) -> Value {
        match line(text) {
            Some(Translated::Carried(carried)) => serde_json::from_str(&carried.text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_line_is_an_event() {
        let text = r#"2026-05-04T09:10:11.123456789Z AUDIT: id="7f1c" stage="ResponseComplete" ip="198.51.100.7" method="list" user="a\"na" groups="\"devs\",\"DOM\\\\x\"" as="bob" asgroups="\"ops\"" user-agent="kubectl/v1.34 \u65e5" namespace="shop" uri="/api/v1/namespaces/shop/pods?limit=5" response="200""#;
        assert_eq!(
            translated(text),
            json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": "7f1c",
                "stage": "ResponseComplete", "requestURI": "/api/v1/namespaces/shop/pods?limit=5",
                "verb": "list", "user": {"username": "a\"na", "groups": ["devs", "DOM\\x"]},
                "impersonatedUser": {"username": "bob", "groups": ["ops"]},
                "sourceIPs": ["198.51.100.7"], "userAgent": "kubectl/v1.34 日",
                "responseStatus": {"code": 200},
                "requestReceivedTimestamp": "2026-05-04T09:10:11.123456789Z"})
        );
        let nobody = r#"2026-05-04T09:10:11Z AUDIT: id="7" stage="ResponseStarted" ip="<unknown>" method="get" user="<none>" groups="<none>" as="<self>" asgroups="<lookup>" user-agent="" namespace="<none>" uri="/api" response="<deferred>""#;
        assert_eq!(
            translated(nobody),
            json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": "7",
                "stage": "ResponseStarted", "requestURI": "/api", "verb": "get",
                "requestReceivedTimestamp": "2026-05-04T09:10:11Z"})
        );
    }

    const FIRST: &str = r#"2016-09-07T13:03:57.400333046Z AUDIT: id="5c3b" ip="127.0.0.1" method="GET" user="admin" groups="\"system:masters\"" as="<self>" asgroups="<lookup>" namespace="default" uri="/api/v1/namespaces/default/pods?watch=true""#;
    const SECOND: &str = r#"2016-09-07T13:03:57.400710987Z AUDIT: id="5c3b" response=200"#;

    #[test]
    fn both_lines_of_old_servers_in_one_are_a_request_and_one_alone_is_not() {
        let joined = format!("{FIRST}{}", &SECOND[SECOND.find(" response").unwrap()..]);
        let event = translated(&joined);
        assert_eq!(event["verb"], "watch");
        assert_eq!(event["stage"], "ResponseComplete");
        assert_eq!(event["responseStatus"], json!({"code": 200}));
        assert_eq!(event["requestReceivedTimestamp"], "2016-09-07T13:03:57.400333046Z");
        assert_eq!(translated(FIRST)["stage"], "RequestReceived");
        assert!(matches!(line(SECOND), Some(Translated::Unreadable(_))));
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(text in ".{0,80}", at in 0usize..FIRST.len()) {
            let mut broken = FIRST.to_owned();
            broken.insert_str(at, &text);
            let _ = (line(&broken), line(&FIRST[..at]), line(&text));
        }
    }
}
