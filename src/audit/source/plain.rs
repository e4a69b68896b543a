//! A source without compression, for those who look at it before it is read.

use std::io::{self, ErrorKind, Read};

use serde::Deserialize;
use serde::de::IgnoredAny;

pub use super::compressed::is_compressed;
use super::compressed::{Opened, Unreadable, open};
use super::framing::Framer;
use crate::audit::format::is_plain;

/// The content without compression.
pub fn decompressed(bytes: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
    Box::new(Plain(open(bytes)))
}

struct Plain(Result<Opened<'static>, &'static str>);

impl Read for Plain {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let opened = match &mut self.0 {
            Ok(opened) => opened,
            Err(reason) => return Err(io::Error::other(Unreadable(reason))),
        };
        opened.bytes.read(buffer).map_err(|error| match error.kind() {
            ErrorKind::Interrupted | ErrorKind::WouldBlock => error,
            _ => io::Error::other(Unreadable(opened.reason(&error))),
        })
    }
}

/// Whether a content that begins with `head` has the API server's own lines: each an event for
/// itself, so that what is behind one can be read without what came before it.
pub fn is_lines(head: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Event {
        #[serde(rename = "auditID")]
        _audit_id: IgnoredAny,
        #[serde(rename = "stage")]
        _stage: IgnoredAny,
    }
    let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
    is_plain(first) || serde_json::from_slice::<Event>(first).is_ok()
}

/// Whether what follows can be read without what came before: behind the API server's own lines it
/// can, in the middle of a line that a container runtime has split, of a table or a document it
/// cannot.
#[derive(Default)]
pub struct Hanging {
    framer: Option<Box<Framer>>,
}

impl Hanging {
    /// Takes the next lines, whole ones.
    pub fn pass(&mut self, lines: &[u8]) {
        let mut rest = lines;
        if self.framer.is_none() {
            while !rest.is_empty() {
                let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
                if !is_plain(rest) && !rest[..end].trim_ascii().is_empty() {
                    self.framer = Some(Box::default());
                    break;
                }
                rest = &rest[end..];
            }
        }
        if let Some(framer) = &mut self.framer {
            framer.push(rest);
            framer.records();
            if framer.leave().is_some_and(|line| line.is_empty()) {
                self.framer = None;
            }
        }
    }

    /// Whether it hangs on what came.
    pub fn any(&self) -> bool {
        self.framer.is_some()
    }
}

impl std::fmt::Debug for Hanging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hanging").field(&self.any()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_hangs_on_what_is_not_whole() {
        let event = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata"}"#;
        let piece = |tag: &str| format!("2026-05-04T09:10:11.123456789Z stdout {tag} {event}\n");
        let plain = format!("{event}\n\n{event}\n");
        for (text, hangs) in [
            (String::new(), false),
            (plain.clone(), false),
            (format!("{plain}rubbish\n{{\"auditID\":1}}\n"), false),
            (format!("{plain}{}", piece("F")), false),
            (format!("{plain}{}", piece("P")), true),
            (format!("{plain}{}{}", piece("P"), piece("F")), false),
            (format!("{plain}[\n{event},\n"), true),
            (format!("{plain}[\n{event}\n]\n"), false),
            (format!("{plain}@timestamp,@message\n1,2\n"), true),
        ] {
            for size in [1, 2, 100] {
                let mut hanging = Hanging::default();
                let lines: Vec<&str> = text.split_inclusive('\n').collect();
                for some in lines.chunks(size) {
                    hanging.pass(some.concat().as_bytes());
                }
                assert_eq!(hanging.any(), hangs, "{size} {text}");
            }
        }
    }

    #[test]
    fn only_events_by_themselves_are_lines() {
        for head in [
            "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level",
            "{\"level\":\"Metadata\",\"auditID\":",
            "{\"auditID\":\"1\",\"stage\":\"Panic\"}\n{\"au",
        ] {
            assert!(is_lines(head.as_bytes()), "{head}");
        }
        for head in [
            "",
            "{",
            "{\"auditID\":\"1\",",
            "[{\"auditID\":\"1\",\"stage\":\"Panic\"}]",
            "{\"kind\":\"EventList\",\"items\":[{\"auditID\":\"1\",\"stage\":\"Panic\"}]}",
            "{\"log\":\"{\\\"auditID\\\":\\\"1\\\",\\\"stage\\\":\\\"Panic\\\"}\\n\"}",
        ] {
            assert!(!is_lines(head.as_bytes()), "{head}");
        }
    }
}
