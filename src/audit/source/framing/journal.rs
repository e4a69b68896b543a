//! Lines that systemd's journal has split: what a service writes to its standard output is cut at
//! `LineMax`, 48 KiB unless configured (`journald.conf`). As JSON the journal says so in
//! `_LINE_BREAK`; its short forms say nothing, but the rest of a line has the same host and process
//! before it, and does not begin as events do.

use super::{LARGEST, Out};
use crate::audit::format::{Object, is_plain, scan};

/// Streams of which more is to come.
#[derive(Default)]
pub struct Journal {
    open: Vec<Open>,
}

/// What became of a line.
pub enum Took {
    /// It was taken.
    Piece,
    /// It is of the journal, and of another stream.
    OtherStream,
    /// It is something else.
    Nothing,
}

struct Open {
    /// What tells the stream from others.
    stream: Vec<u8>,
    /// What stands before the text, and behind it.
    head: Vec<u8>,
    tail: Vec<u8>,
    text: Vec<u8>,
    /// How long the first piece is: all are but the last.
    piece: usize,
    /// Whether the text is a member of a JSON object, decoded.
    member: bool,
    began: u64,
}

/// How many streams may be open at once.
const MOST: usize = 16;

/// What is shorter was not cut by the journal, in bytes.
const SHORTEST: usize = 1 << 10;

/// What stands before a text in the short forms is no longer than this, in bytes.
const LONGEST_HEAD: usize = 256;

impl Journal {
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Takes a line if it is a piece; what is whole goes out.
    pub fn line(&mut self, line: &[u8], out: &mut Out) -> Took {
        if line.first() == Some(&b'{') {
            let marked = || memchr::memmem::find(line, b"\"_LINE_BREAK\"").is_some();
            let looked_at = !self.is_empty() || marked();
            return looked_at.then(|| self.entry(line, out)).flatten().unwrap_or(Took::Nothing);
        }
        self.short(line, out).unwrap_or(Took::Nothing)
    }

    /// `{"MESSAGE":"…","_STREAM_ID":"…","_LINE_BREAK":"line-max",…}`
    fn entry(&mut self, line: &[u8], out: &mut Out) -> Option<Took> {
        let text = std::str::from_utf8(line).ok()?;
        let (object, _) = Object::read(text).ok()?;
        let message = object.get("MESSAGE")?;
        let stream = object.get("_STREAM_ID").or_else(|| object.get("_PID")).unwrap_or_default();
        let more = object.text("_LINE_BREAK").as_deref() == Some("line-max");
        let at = self.open.iter().position(|open| open.member && open.stream == stream.as_bytes());
        if at.is_none() && !more {
            return Some(Took::OtherStream);
        }
        let bytes = decoded(message)?;
        let new = || {
            let from = message.as_ptr() as usize - text.as_ptr() as usize;
            Open {
                stream: stream.as_bytes().to_vec(),
                head: text.as_bytes()[..from].to_vec(),
                tail: text.as_bytes()[from + message.len()..].to_vec(),
                text: Vec::new(),
                piece: 0,
                member: true,
                began: out.came,
            }
        };
        let mut open = at.map_or_else(new, |at| self.open.remove(at));
        open.text.extend(bytes);
        self.go_on(open, more, out);
        Some(Took::Piece)
    }

    /// `May 04 09:10:11 cp1 k3s[812]: …`
    fn short(&mut self, line: &[u8], out: &mut Out) -> Option<Took> {
        let (head, text) = short(line)?;
        let stream = stream(head);
        let at = self.open.iter().position(|open| !open.member && open.stream == stream);
        if is_plain(text) {
            if let Some(at) = at {
                self.open.remove(at).out(out);
            }
            if text.len() < SHORTEST || !is_cut(text) {
                return Some(Took::OtherStream);
            }
            let (stream, head, text) = (stream.to_vec(), head.to_vec(), text.to_vec());
            let (tail, piece, member, began) = (Vec::new(), text.len(), false, out.came);
            self.go_on(Open { stream, head, tail, text, piece, member, began }, true, out);
            return Some(Took::Piece);
        }
        let Some(at) = at else { return Some(Took::OtherStream) };
        let mut open = self.open.remove(at);
        open.text.extend_from_slice(text);
        let more = text.len() == open.piece;
        self.go_on(open, more, out);
        Some(Took::Piece)
    }

    fn go_on(&mut self, open: Open, more: bool, out: &mut Out) {
        if !more || open.text.len() > LARGEST {
            return open.out(out);
        }
        self.open.push(open);
        if self.open.len() > MOST {
            self.open.remove(0).out(out);
        }
    }

    /// What does not go on goes out as it is.
    pub fn flush(&mut self, out: &mut Out) {
        self.open.sort_by_key(|open| open.began);
        for open in self.open.drain(..) {
            open.out(out);
        }
    }
}

impl Open {
    fn out(self, out: &mut Out) {
        let text = if self.member {
            // What is no text is told where it is read.
            serde_json::to_vec(&String::from_utf8_lossy(&self.text)).unwrap_or_default()
        } else {
            self.text
        };
        out.record(&[&self.head, &text, &self.tail], self.began);
    }
}

/// A message: text, or the bytes of what is none, as half of a letter.
fn decoded(message: &str) -> Option<Vec<u8>> {
    if message.starts_with('[') {
        return serde_json::from_str(message).ok();
    }
    serde_json::from_str::<String>(message).ok().map(String::into_bytes)
}

/// A line of a short form: up to the process, and behind it.
fn short(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if !line.first()?.is_ascii_alphanumeric() {
        return None;
    }
    let within = &line[..line.len().min(LONGEST_HEAD)];
    let end = memchr::memmem::find(within, b"]: ")? + 3;
    let (head, text) = line.split_at(end);
    memchr::memchr2(b'{', b'"', head).is_none().then_some((head, text))
}

/// Host and process: `cp1 k3s[812]: `.
fn stream(head: &[u8]) -> &[u8] {
    let words = head.trim_ascii_end();
    let mut spaces = memchr::memrchr_iter(b' ', words);
    let from = spaces.nth(1).map_or(0, |at| at + 1);
    &head[from..]
}

/// Whether a text is the beginning of a JSON value.
fn is_cut(text: &[u8]) -> bool {
    scan::value_end(text, 0) == Err(scan::Broken::CutOff)
}
