//! A source on its way to the readers, noting how far it is read.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::IgnoredAny;

use super::cursor::{Cursor, Ends};
use crate::audit::{self, Hanging};

/// Where a source that is read by others leaves how far it was read.
#[derive(Clone, Debug, Default)]
pub struct Reached(Arc<Mutex<Option<Cursor>>>);

impl Reached {
    /// How far; None where it was not read to its end.
    pub fn take(&self) -> Option<Cursor> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The bytes of a source without compression.
pub struct Watched {
    bytes: Box<dyn Read + Send>,
    ends: Ends,
    /// Whether a line at the end that is not whole is left for the next time.
    by_lines: bool,
    /// Whether something that is no line is open.
    hanging: Hanging,
    buffer: Vec<u8>,
    /// What of the buffer is handed out, may be handed out, and is filled.
    out: usize,
    ready: usize,
    filled: usize,
    /// Whether a line is being handed out that did not fit the buffer.
    long: bool,
    ended: bool,
    reached: Reached,
}

/// How much is read at a time, in bytes. A line that is longer is handed out before it is whole.
const BUFFER: usize = 1 << 20;

impl Watched {
    /// `ends` are of what was read before.
    pub fn new(bytes: Box<dyn Read + Send>, ends: Ends, by_lines: bool) -> (Self, Reached) {
        let reached = Reached::default();
        let watched = Self {
            bytes,
            ends,
            by_lines,
            hanging: Hanging::default(),
            buffer: Vec::new(),
            out: 0,
            ready: 0,
            filled: 0,
            long: false,
            ended: false,
            reached: reached.clone(),
        };
        (watched, reached)
    }

    fn end(&mut self, broken: bool, held: bool) {
        self.ended = true;
        let by_lines = self.by_lines && !self.hanging.any();
        let cursor = Cursor { by_lines, broken, held, ..self.ends.cursor() };
        *self.reached.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(cursor);
    }

    /// What is ready may be handed out, but for the end of a line that was taken without it: it is
    /// no line of its own. `inside` a line that is too long there is none.
    fn release(&mut self, inside: bool) {
        let ready = &self.buffer[..self.ready];
        if !inside && !self.ends.at_line_end() {
            self.out = match ready {
                [b'\r', b'\n', ..] => 2,
                [b'\n', ..] => 1,
                _ => 0,
            };
        }
        self.ends.pass(ready);
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.resize(BUFFER, 0);
        self.buffer.copy_within(self.ready..self.filled, 0);
        self.filled -= self.ready;
        (self.out, self.ready) = (0, 0);
        let inside = self.long;
        while self.filled < BUFFER {
            let read = self.bytes.read(&mut self.buffer[self.filled..])?;
            if read == 0 {
                let rest = &self.buffer[..self.filled];
                // What is open needs all there is, and is read anew when there is more.
                let open = self.hanging.any();
                let whole = self.long || open || rest.is_empty() || is_whole(rest);
                if whole {
                    self.ready = self.filled;
                }
                let held = !whole && !audit::is_remnant(rest.trim_ascii());
                self.release(inside);
                self.end(self.long, held);
                return Ok(());
            }
            let new = self.filled..self.filled + read;
            self.filled += read;
            if let Some(last) = memchr::memrchr(b'\n', &self.buffer[new.clone()]) {
                self.ready = new.start + last + 1;
                self.long = false;
                self.release(inside);
                self.hanging.pass(&self.buffer[..self.ready]);
                return Ok(());
            }
        }
        self.long = true;
        self.ready = self.filled;
        self.release(inside);
        Ok(())
    }
}

/// Whether a line without an end is one all the same.
fn is_whole(line: &[u8]) -> bool {
    line.first() == Some(&b'{') && serde_json::from_slice::<IgnoredAny>(line).is_ok()
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.by_lines {
            return match self.bytes.read(buffer) {
                Ok(0) if !buffer.is_empty() => {
                    self.end(false, false);
                    Ok(0)
                }
                Ok(read) => {
                    self.ends.pass(&buffer[..read]);
                    Ok(read)
                }
                Err(error) => {
                    if error.kind() != io::ErrorKind::Interrupted {
                        self.end(true, false);
                    }
                    Err(error)
                }
            };
        }
        while self.out == self.ready && !self.ended {
            if let Err(error) = self.fill() {
                if error.kind() != io::ErrorKind::Interrupted {
                    self.end(true, false);
                }
                return Err(error);
            }
        }
        let count = buffer.len().min(self.ready - self.out);
        buffer[..count].copy_from_slice(&self.buffer[self.out..self.out + count]);
        self.out += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor as Bytes;

    use super::*;

    fn read(text: &str, by_lines: bool) -> (String, Cursor) {
        let bytes = Box::new(Bytes::new(text.as_bytes().to_vec()));
        let (mut watched, reached) = Watched::new(bytes, Ends::default(), by_lines);
        let mut out = String::new();
        watched.read_to_string(&mut out).unwrap();
        (out, reached.take().expect("read to its end"))
    }

    #[test]
    fn a_half_written_line_is_left_for_the_next_time() {
        let (out, cursor) = read("{\"a\":1}\n{\"b\":2}\n{\"c\":", true);
        assert_eq!(out, "{\"a\":1}\n{\"b\":2}\n");
        assert_eq!((cursor.taken, cursor.held, cursor.broken), (16, true, false));
        let (out, cursor) = read("{\"c\":", true);
        assert_eq!((&*out, cursor.taken, cursor.held), ("", 0, true));
        let (out, cursor) = read("{\"a\":1}\n{\"b\":2}", true);
        assert_eq!((&*out, cursor.taken, cursor.held), ("{\"a\":1}\n{\"b\":2}", 15, false));
        let (out, cursor) = read("{\"c\":", false);
        assert_eq!((&*out, cursor.taken, cursor.held), ("{\"c\":", 5, false));
        let (out, cursor) = read("", true);
        assert_eq!((&*out, cursor.taken, cursor.held), ("", 0, false));
    }

    #[test]
    fn the_end_of_a_line_that_was_taken_without_it_is_no_line() {
        let again = |before: &str, after: &str| {
            let mut ends = Ends::default();
            ends.pass(before.as_bytes());
            let bytes = Box::new(Bytes::new(after.as_bytes().to_vec()));
            let (mut watched, reached) = Watched::new(bytes, ends, true);
            let mut out = String::new();
            watched.read_to_string(&mut out).unwrap();
            (out, reached.take().expect("read to its end").taken)
        };
        assert_eq!(again("{\"a\":1}", "\n{\"b\":2}\n"), ("{\"b\":2}\n".into(), 16));
        assert_eq!(again("{\"a\":1}", "\r\n{\"b\":2}\r\n"), ("{\"b\":2}\r\n".into(), 18));
        assert_eq!(again("{\"a\":1}", "\n"), (String::new(), 8));
        assert_eq!(again("{\"a\":1}", "\n\n"), ("\n".into(), 9));
        assert_eq!(again("{\"a\":1}\n", "\n{\"b\":2}\n"), ("\n{\"b\":2}\n".into(), 17));
        assert_eq!(again("", "\n{\"b\":2}\n"), ("\n{\"b\":2}\n".into(), 9));
        assert_eq!(again("{\"a\":1}", "{\"b\":2}\n"), ("{\"b\":2}\n".into(), 15));
    }

    #[test]
    fn a_line_longer_than_the_buffer_goes_through() {
        let long = format!("{{\"a\":1}}\n{{\"b\":\"{}\"}}\n", "x".repeat(3 * BUFFER));
        let (out, cursor) = read(&long, true);
        assert_eq!((out == long, cursor.taken, cursor.broken), (true, long.len() as u64, false));
        let (out, cursor) = read(&long[..2 * BUFFER + 5], true);
        assert_eq!((out.len(), cursor.broken), (2 * BUFFER + 5, true));
    }
}
