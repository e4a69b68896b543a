//! A watch: one answer without an end, one event a line.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::unfold;
use http::Response;
use http_body_util::BodyExt;
use kube::client::Body;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{answer, decode, trouble};
use crate::cluster::{Error, Event, Events, Source};
use crate::model::Name;

/// How long the server is asked to let a watch live.
pub(super) const LIFE: Duration = Duration::from_mins(5);

/// A watch that says nothing for this long may be dead without anybody knowing; the server says
/// something (a bookmark) about once a minute.
const SILENCE: Duration = Duration::from_mins(2);

/// An event longer than this is no event; objects are at most some 3 MB.
const LONGEST: usize = 64 << 20;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type", borrow)]
    type_: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

struct Watching {
    body: Body,
    buffer: Vec<u8>,
    /// Up to here the buffer is known to hold no end of a line.
    looked: usize,
    ready: VecDeque<Result<Event, Error>>,
    source: Source,
    tried: String,
    server: String,
    ended: bool,
}

/// The events of an answer.
pub(super) fn events(
    response: Response<Body>,
    source: &Source,
    tried: String,
    server: String,
) -> Events {
    let watching = Watching {
        body: response.into_body(),
        buffer: Vec::new(),
        looked: 0,
        ready: VecDeque::new(),
        source: *source,
        tried,
        server,
        ended: false,
    };
    unfold(watching, |mut watching| async move {
        let item = watching.next().await?;
        Some((item, watching))
    })
    .boxed()
}

impl Watching {
    async fn next(&mut self) -> Option<Result<Event, Error>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                if item.is_err() {
                    self.ended = true;
                    self.ready.clear();
                }
                return Some(item);
            }
            if self.ended {
                return None;
            }
            // A stream that breaks off in the middle of a line is continued from the last event,
            // as one that ends is.
            let frame = tokio::time::timeout(SILENCE, self.body.frame()).await.ok()??;
            match frame {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                        self.split();
                    }
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(trouble::of(&self.tried, &self.server, &error)));
                }
            }
        }
    }

    /// Takes whole lines out of the buffer.
    fn split(&mut self) {
        let mut begin = 0;
        while let Some(at) = memchr::memchr(b'\n', &self.buffer[self.looked.max(begin)..]) {
            let end = self.looked.max(begin) + at;
            let item = read(&self.buffer[begin..end], &self.source, &self.tried, &self.server);
            self.ready.extend(item);
            begin = end + 1;
            self.looked = begin;
        }
        self.buffer.drain(..begin);
        self.looked = self.buffer.len();
        if self.buffer.len() > LONGEST {
            self.ready.push_back(Err(Error::Failed {
                tried: self.tried.clone(),
                cause: format!("{}: an event of more than {LONGEST} bytes", self.server),
                status: Some(200),
            }));
        }
    }
}

/// One line; None for an empty one.
fn read(line: &[u8], source: &Source, tried: &str, server: &str) -> Option<Result<Event, Error>> {
    if line.trim_ascii().is_empty() {
        return None;
    }
    let event: Line<'_> = match serde_json::from_slice(line) {
        Ok(event) => event,
        Err(error) => return Some(Err(answer::unreadable(tried, server, line, &error))),
    };
    let text = event.object.get();
    match &*event.type_ {
        "BOOKMARK" => {
            // A bookmark without a version says nothing.
            return version(text).map(|version| Ok(Event::Bookmark(version)));
        }
        "ERROR" => {
            let status = serde_json::from_str(text).unwrap_or_default();
            return Some(Err(answer::of_status_object(status, tried)));
        }
        _ => {}
    }
    if source.metadata_only && !is_metadata(text) {
        return Some(Err(super::not_metadata(tried)));
    }
    let object = match decode::object(text, source) {
        Ok(object) => object,
        Err(error) => {
            let words = decode::error_words(&error);
            return Some(Ok(Event::Unreadable(decode::place(event.object), words)));
        }
    };
    Some(match &*event.type_ {
        "ADDED" => Ok(Event::Added(object)),
        "MODIFIED" => Ok(Event::Modified(object)),
        "DELETED" => Ok(Event::Deleted(object)),
        other => Err(Error::Failed {
            tried: tried.to_owned(),
            cause: format!("{server}: an event of type {other:?}"),
            status: Some(200),
        }),
    })
}

fn version(text: &str) -> Option<Name> {
    #[derive(Deserialize)]
    struct Object {
        metadata: Meta,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Meta {
        resource_version: Name,
    }
    serde_json::from_str::<Object>(text).ok().map(|object| object.metadata.resource_version)
}

fn is_metadata(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow)]
        kind: Cow<'a, str>,
    }
    serde_json::from_str::<Object<'_>>(text)
        .is_ok_and(|object| object.kind == "PartialObjectMetadata")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ListKind;

    fn one(list: ListKind, line: &str) -> Option<Result<Event, Error>> {
        read(line.as_bytes(), &Source::of(list)[0], "watch", "https://api.example.org")
    }

    #[test]
    fn events_are_told_apart() {
        let line = |type_: &str| {
            format!(
                r#"{{"type":"{type_}","object":{{"kind":"Namespace","metadata":{{"name":"a","resourceVersion":"9"}}}}}}"#
            )
        };
        let event = |type_: &str| one(ListKind::Namespaces, &line(type_));
        assert!(matches!(event("ADDED"), Some(Ok(Event::Added(_)))));
        assert!(matches!(event("MODIFIED"), Some(Ok(Event::Modified(_)))));
        assert!(matches!(event("DELETED"), Some(Ok(Event::Deleted(_)))));
        assert_eq!(event("BOOKMARK"), Some(Ok(Event::Bookmark("9".into()))));
        assert!(matches!(event("RENAMED"), Some(Err(Error::Failed { .. }))));
        assert_eq!(one(ListKind::Namespaces, "  "), None);
    }

    #[test]
    fn a_status_is_the_error_that_it_says() {
        let line = r#"{"type":"ERROR","object":{"kind":"Status","status":"Failure",
            "message":"too old resource version: 1 (2)","reason":"Expired","code":410}}"#;
        let line = line.replace('\n', " ");
        assert!(matches!(one(ListKind::Pods, &line), Some(Err(Error::Gone { .. }))));
    }

    #[test]
    fn what_cannot_be_read_is_named_and_ends_nothing() {
        let line =
            r#"{"type":"ADDED","object":{"metadata":{"name":"b","namespace":"n"},"roleRef":1}}"#;
        let event = one(ListKind::RoleBindings, line);
        assert!(
            matches!(&event, Some(Ok(Event::Unreadable(place, _))) if &**place == "n/b"),
            "{event:?}"
        );
    }

    #[test]
    fn whole_secrets_end_a_watch() {
        let line = r#"{"type":"ADDED","object":{"kind":"Secret","metadata":{"name":"s"},"data":{"k":"aHVudGVyMg=="}}}"#;
        let Some(Err(error)) = one(ListKind::TokenSecrets, line) else {
            panic!("a secret was taken");
        };
        assert!(!error.to_string().contains("aHVudGVyMg"), "{error}");
    }
}
