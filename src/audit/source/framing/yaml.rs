//! YAML: each document, or each item of a document's list, becomes a JSON object.

use serde::Deserialize;
use serde_json::Value;

use super::{Out, Taken};

/// A document being read.
pub struct Yaml {
    /// What stands before the items of a list that is the last member of the document.
    head: Vec<u8>,
    text: Vec<u8>,
    began: u64,
    too_large: bool,
    /// Whether what comes is the rest of an envelope, behind its list.
    behind: bool,
}

/// Keys with which the documents of a log begin.
const KEYS: [&str; 24] = [
    "annotations",
    "apiVersion",
    "auditID",
    "events",
    "httpRequest",
    "insertId",
    "items",
    "jsonPayload",
    "kind",
    "labels",
    "level",
    "logEvents",
    "logName",
    "nextToken",
    "operation",
    "protoPayload",
    "receiveTimestamp",
    "records",
    "resource",
    "results",
    "searchedLogStreams",
    "severity",
    "textPayload",
    "timestamp",
];

/// A document, or an item of a list, may have as much text, in bytes.
const LARGEST: usize = 1 << 20;
/// A longer beginning is no envelope, in bytes.
const LONGEST_HEAD: usize = 4 << 10;

impl Yaml {
    /// Where a line begins a document.
    pub fn begins(line: &[u8], out: &Out) -> Option<Self> {
        let first = line.first().filter(|byte| byte.is_ascii_alphabetic() || **byte == b'-');
        first?;
        let head = line.get(..64).unwrap_or(line);
        let text = std::str::from_utf8(head).ok()?.trim_end();
        let inside = text.strip_prefix("- ").unwrap_or(text);
        let key =
            inside.split_once(':').filter(|(_, rest)| rest.is_empty() || rest.starts_with(' '));
        let known = key.is_some_and(|(key, _)| KEYS.contains(&key));
        if text != "---" && !known {
            return None;
        }
        let mut yaml = Self {
            head: Vec::new(),
            text: Vec::new(),
            began: out.came,
            too_large: false,
            behind: false,
        };
        if text != "---" {
            yaml.add(line);
        }
        Some(yaml)
    }

    fn add(&mut self, line: &[u8]) {
        if self.text.len() + line.len() > LARGEST {
            self.too_large = true;
        } else {
            self.text.extend_from_slice(line);
            self.text.push(b'\n');
        }
    }

    /// Takes a line, unless it ends all documents.
    pub fn line(&mut self, line: &[u8], out: &mut Out) -> Taken {
        let end = line.trim_ascii_end();
        if end == b"---" || end == b"..." {
            self.finish(out);
            return Taken::Yes;
        }
        if !is_block_style(line) {
            self.finish(out);
            return Taken::No;
        }
        if self.behind {
            self.behind = !is_list(end);
        }
        if line.starts_with(b"- ") {
            self.item(out);
        } else if !self.head.is_empty() && line.first().is_some_and(u8::is_ascii_alphabetic) {
            self.finish(out);
            self.behind = !is_list(end);
        }
        if self.behind {
            return Taken::Yes;
        }
        if self.text.is_empty() {
            self.began = out.came;
        }
        self.add(line);
        Taken::Yes
    }

    /// An item of a list begins.
    fn item(&mut self, out: &mut Out) {
        if self.text.starts_with(b"- ") || self.text.is_empty() {
            self.emit(out);
        } else if self.head.is_empty() && self.text.len() <= LONGEST_HEAD && self.at_list() {
            self.head = std::mem::take(&mut self.text);
        }
    }

    /// Whether the last line names a list of records.
    fn at_list(&self) -> bool {
        let last = self.text.trim_ascii_end().rsplit(|byte| *byte == b'\n').next();
        last.is_some_and(is_list)
    }

    /// Ends a document.
    pub fn finish(&mut self, out: &mut Out) {
        self.emit(out);
        self.head.clear();
        self.behind = false;
    }

    fn emit(&mut self, out: &mut Out) {
        let text = std::mem::take(&mut self.text);
        let broken = std::mem::take(&mut self.too_large);
        if text.iter().all(u8::is_ascii_whitespace) && !broken {
            return;
        }
        let whole = [&self.head, &*text].concat();
        match Some(whole).filter(|_| !broken).and_then(|whole| json(&whole)) {
            Some(json) => out.record(&[json.to_string().as_bytes()], self.began),
            None => out.record(&[b"--- broken YAML"], self.began),
        }
    }
}

/// Whether a line names a list of records, which follows.
fn is_list(line: &[u8]) -> bool {
    const LISTS: [&[u8]; 8] = [
        b"items:",
        b"events:",
        b"records:",
        b"Records:",
        b"logEvents:",
        b"results:",
        b"entries:",
        b"value:",
    ];
    LISTS.contains(&line)
}

/// Whether a line may be part of what exporters write, which is in block style: it is indented, a
/// comment, an item, or the beginning of a member.
fn is_block_style(line: &[u8]) -> bool {
    match line.first() {
        None | Some(b' ' | b'#' | b'\r') => true,
        Some(b'-') => matches!(line.get(1), Some(b' ') | None),
        Some(_) => match memchr::memchr(b':', line) {
            Some(colon) => matches!(line.get(colon + 1), None | Some(b' ' | b'\r')),
            None => false,
        },
    }
}

fn json(text: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(text).ok()?;
    Value::deserialize(yaml_serde::Deserializer::from_str(text)).ok()
}
