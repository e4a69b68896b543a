//! A source without compression, for those who look at it before it is read.

use std::io::{self, ErrorKind, Read};

use serde::Deserialize;
use serde::de::IgnoredAny;

pub use super::compressed::is_compressed;
use super::compressed::{Opened, Unreadable, open};
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

#[cfg(test)]
mod tests {
    use super::*;

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
