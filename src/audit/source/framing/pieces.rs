//! Lines that a container runtime has split: docker's json-file at 16 KiB, containerd's and CRI-O's
//! at 16 KiB with a mark. The pieces of a line are joined, each stream for itself.

use super::journal::{Journal, Took};
use super::{LARGEST, Out};
use crate::audit::format::scan;

/// Lines on their way out.
#[derive(Default)]
pub struct Pieces {
    /// Of stdout and stderr.
    open: [Option<Open>; 2],
    journal: Journal,
}

/// A line of which more is to come.
struct Open {
    text: Vec<u8>,
    began: u64,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Docker,
    Cri,
}

/// A piece, as it is cut out of its line.
struct Piece<'a> {
    kind: Kind,
    stream: usize,
    /// What stands before it.
    head: &'a [u8],
    text: &'a [u8],
    /// What stands behind it.
    tail: &'a [u8],
    more: bool,
}

impl Pieces {
    pub fn is_empty(&self) -> bool {
        self.open.iter().all(Option::is_none) && self.journal.is_empty()
    }

    /// Takes a line; what is whole goes out.
    pub fn line(&mut self, line: &[u8], out: &mut Out) {
        let Some(piece) = docker(line).or_else(|| cri(line)) else {
            match self.journal.line(line, out) {
                Took::Piece => return,
                Took::OtherStream => {}
                Took::Nothing if self.is_empty() || line.trim_ascii().is_empty() => {}
                Took::Nothing => self.flush(out),
            }
            return out.record(&[line], out.came);
        };
        let slot = &mut self.open[piece.stream];
        if slot.as_ref().is_some_and(|open| {
            open.kind != piece.kind || open.text.len() + piece.text.len() > LARGEST
        }) && let Some(open) = slot.take()
        {
            open.out(out);
        }
        match (slot.take(), piece.more) {
            (None, false) => out.record(&[line], out.came),
            (None, true) => {
                let text = [piece.head, piece.text].concat();
                *slot = Some(Open { text, began: out.came, kind: piece.kind });
            }
            (Some(mut open), true) => {
                open.text.extend_from_slice(piece.text);
                *slot = Some(open);
            }
            (Some(open), false) => out.record(&[&open.text, piece.text, piece.tail], open.began),
        }
    }

    /// What does not go on goes out as it is.
    pub fn flush(&mut self, out: &mut Out) {
        let mut open: Vec<Open> = self.open.iter_mut().filter_map(Option::take).collect();
        open.sort_by_key(|open| open.began);
        for open in open {
            open.out(out);
        }
        self.journal.flush(out);
    }
}

impl Open {
    fn out(self, out: &mut Out) {
        out.record(&[&self.text], self.began);
    }
}

/// Docker cuts here, in bytes.
const DOCKER_CUT: usize = 16 << 10;
const DOCKER: &[u8] = b"{\"log\":\"";

/// `{"log":"…\n","stream":"stdout","time":"…"}`: a piece that ends without a newline, and is as
/// long as pieces are, goes on in the next.
fn docker(line: &[u8]) -> Option<Piece<'_>> {
    let inside = line.strip_prefix(DOCKER)?;
    let end = scan::string_end(line, DOCKER.len()).ok()?;
    let (text, tail) = (&line[DOCKER.len()..end], &line[end..]);
    let ended = text.strip_suffix(b"\\n").is_some_and(|before| {
        before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0
    });
    let stream = usize::from(memchr::memmem::find(tail, b"\"stderr\"").is_some());
    let head = &line[..line.len() - inside.len()];
    let more = !ended && text.len() >= DOCKER_CUT;
    Some(Piece { kind: Kind::Docker, stream, head, text, tail, more })
}

/// `2026-05-04T09:10:11.1Z stdout P …`, and `F` for the last.
fn cri(line: &[u8]) -> Option<Piece<'_>> {
    if !line.first()?.is_ascii_digit() {
        return None;
    }
    let space = memchr::memchr(b' ', line.get(..48.min(line.len()))?)?;
    let rest = &line[space + 1..];
    let (stream, tagged) = match (rest.strip_prefix(b"stdout "), rest.strip_prefix(b"stderr ")) {
        (Some(rest), _) => (0, rest),
        (_, Some(rest)) => (1, rest),
        _ => return None,
    };
    // Tags are joined by colons; the first is that of pieces.
    let tag_end = memchr::memchr(b' ', tagged)?;
    let more = match tagged.first()? {
        b'P' => true,
        b'F' => false,
        _ => return None,
    };
    let text = &tagged[tag_end + 1..];
    let head = &line[..line.len() - text.len()];
    let text = if more { text.strip_suffix(b"\r").unwrap_or(text) } else { text };
    Some(Piece { kind: Kind::Cri, stream, head, text, tail: b"", more })
}
