//! How far a source has been read, told by what is in it: names change, files are compressed.

use std::collections::VecDeque;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How many bytes at the beginning, and before the end, tell one content from another.
pub const ENDS: usize = 4096;

/// How far a content has been read, in bytes without compression.
#[expect(clippy::struct_excessive_bools)] // Each is a fact of the reading that no other implies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The first bytes.
    pub head: End,
    /// How many bytes were taken.
    pub taken: u64,
    /// The last bytes taken.
    pub tail: End,
    /// Whether what follows can be read without what came before.
    pub by_lines: bool,
    /// Whether reading ended before the content did.
    pub broken: bool,
    /// Whether something in it was not believed for being of a time to come: all of it is read again.
    #[serde(default)]
    pub early: bool,
    /// Whether the content ends in a line that is not whole yet, and was not taken.
    pub held: bool,
}

/// Some bytes, by their hash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// How many.
    pub length: usize,
    /// SHA-256, in hexadecimal digits.
    pub hash: String,
}

impl End {
    pub fn of(bytes: &[u8]) -> Self {
        Self { length: bytes.len(), hash: format!("{:x}", Sha256::digest(bytes)) }
    }
}

impl Cursor {
    /// Whether a content that begins with `head` may be this one.
    pub fn begins(&self, head: &[u8]) -> bool {
        head.get(..self.head.length).is_some_and(|head| End::of(head) == self.head)
    }
}

/// Notes what goes through: how much, and its ends.
#[derive(Clone, Debug, Default)]
pub struct Ends {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    pub taken: u64,
}

impl Ends {
    /// Behind something read before, of which these are the ends.
    pub fn behind(head: &[u8], tail: &[u8], taken: u64) -> Self {
        let short = usize::try_from(taken).unwrap_or(ENDS).min(ENDS).min(head.len());
        Self { head: head[..short].to_vec(), tail: tail.iter().copied().collect(), taken }
    }

    pub fn pass(&mut self, bytes: &[u8]) {
        if self.head.len() < ENDS {
            let more = bytes.len().min(ENDS - self.head.len());
            self.head.extend_from_slice(&bytes[..more]);
        }
        let last = &bytes[bytes.len().saturating_sub(ENDS)..];
        let over = (self.tail.len() + last.len()).saturating_sub(ENDS);
        self.tail.drain(..over.min(self.tail.len()));
        self.tail.extend(last);
        self.taken += bytes.len() as u64;
    }

    /// Whether nothing was read, or whole lines.
    pub fn at_line_end(&self) -> bool {
        self.tail.back().is_none_or(|last| *last == b'\n')
    }

    pub fn cursor(&mut self) -> Cursor {
        Cursor {
            head: End::of(&self.head),
            taken: self.taken,
            tail: End::of(self.tail.make_contiguous()),
            ..Cursor::default()
        }
    }
}

/// Reads on until `cursor` is reached. Returns the bytes before it, or None where they are not those
/// that were taken.
pub fn skip(bytes: &mut dyn Read, cursor: &Cursor) -> io::Result<Option<Vec<u8>>> {
    let mut buffer = vec![0; 1 << 16];
    let mut ends = Ends::default();
    while ends.taken < cursor.taken {
        let left = usize::try_from(cursor.taken - ends.taken).unwrap_or(usize::MAX);
        let most = left.min(buffer.len());
        match bytes.read(&mut buffer[..most]) {
            Ok(0) => return Ok(None),
            Ok(read) => ends.pass(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let tail = ends.tail.make_contiguous();
    let tail = &tail[tail.len().saturating_sub(cursor.tail.length)..];
    Ok((End::of(tail) == cursor.tail).then(|| tail.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_of_all_that_passed() {
        let text: Vec<u8> = (0..20_000u32).flat_map(|n| n.to_string().into_bytes()).collect();
        for length in [0, 1, 100, ENDS - 1, ENDS, ENDS + 1, 2 * ENDS, text.len()] {
            for step in [1, 7, ENDS - 3, ENDS * 3] {
                let mut ends = Ends::default();
                text[..length].chunks(step).for_each(|part| ends.pass(part));
                let cursor = ends.cursor();
                let short = length.min(ENDS);
                assert_eq!(cursor.taken, length as u64);
                assert_eq!(cursor.head, End::of(&text[..short]));
                assert_eq!(cursor.tail, End::of(&text[length - short..length]));
                assert!(cursor.begins(&text[..short]));
                let mut rest = &text[..];
                let tail = skip(&mut rest, &cursor).unwrap().expect("the same content");
                assert_eq!((rest, &*tail), (&text[length..], &text[length - short..length]));
                let mut behind = Ends::behind(&text, &tail, cursor.taken);
                behind.pass(&text[length..]);
                let mut whole = Ends::default();
                whole.pass(&text);
                assert_eq!(behind.cursor(), whole.cursor());
            }
        }
    }

    #[test]
    fn another_content_is_not_skipped() {
        let mut ends = Ends::default();
        ends.pass(b"line one\nline two\n");
        let cursor = ends.cursor();
        assert_eq!(skip(&mut &b"line one\nline 2\n"[..], &cursor).unwrap(), None);
        assert_eq!(skip(&mut &b"line one\nline six\n"[..], &cursor).unwrap(), None);
        assert!(!cursor.begins(b"line one\n"));
        assert!(!cursor.begins(b"line one\nline six\n"));
    }
}
