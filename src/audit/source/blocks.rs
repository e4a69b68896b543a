//! A source as blocks of whole lines.
//!
//! The API server's own lines are handed on as they are. Everything else goes through a [`Framer`]
//! until it has nothing open.

use std::io::{ErrorKind, Read};

use super::compressed::{self, Opened};
use super::framing::Framer;
use crate::audit::format::is_plain;

/// Whole lines of a source, one after the other.
pub struct Blocks<'a> {
    opened: Option<Opened<'a>>,
    /// The beginning of a line that the last block left.
    carry: Vec<u8>,
    /// Where something longer than a line is open.
    framer: Option<Box<Framer>>,
    number: u32,
    end: Option<End>,
    /// Whether the source said that there is no more for now.
    waits: bool,
}

/// A line without its end that is longer, in bytes, waits for it without its bodies.
const LONGEST_WAIT: usize = if cfg!(test) { 64 } else { 1 << 20 };

/// How a source ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Whole,
    Broken(&'static str),
}

/// What one call of [`Blocks::next`] gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// So many bytes at the beginning of the buffer are the lines of the block of this number.
    /// `framed` says whether each is known to be a record.
    Lines { number: u32, bytes: usize, framed: bool },
    /// The source cannot be read on, for this reason, behind the block before this number.
    Broken { number: u32, reason: &'static str },
    /// There is no more for now: the source is followed, and answered [`ErrorKind::WouldBlock`]. What
    /// it holds of a line that has no end yet waits for it.
    Nothing,
    /// There is no more.
    End,
}

impl<'a> Blocks<'a> {
    /// Looks at the first bytes and decompresses as they say, whatever the name. A source that is
    /// followed has its first line by then.
    pub fn new(bytes: impl Read + Send + 'a) -> Self {
        let (opened, end) = match compressed::open(bytes) {
            Ok(opened) => (Some(opened), None),
            Err(reason) => (None, Some(End::Broken(reason))),
        };
        Self { opened, carry: Vec::new(), framer: None, number: 0, end, waits: false }
    }

    /// Fills `buffer` with the next lines. Its length is how much is read at a time.
    pub fn next(&mut self, buffer: &mut Vec<u8>) -> Next {
        loop {
            if let Some(framer) = self.framer.take() {
                if let Some(bytes) = self.framed(framer, buffer) {
                    return self.lines(bytes, true);
                }
                if self.waits {
                    return Next::Nothing;
                }
                if self.framer.is_some() {
                    continue;
                }
            }
            let filled = self.fill_behind_carry(buffer);
            let whole = memchr::memrchr(b'\n', &buffer[..filled]).map_or(0, |last| last + 1);
            if whole == 0 && self.waits && filled <= LONGEST_WAIT {
                self.carry.extend_from_slice(&buffer[..filled]);
                return Next::Nothing;
            }
            // The rest of a source that broke is no line.
            if filled == 0 || whole == 0 && matches!(self.end, Some(End::Broken(_))) {
                return self.ended();
            }
            if is_plain_block(&buffer[..whole]) {
                self.carry.extend_from_slice(&buffer[whole..filled]);
                return self.lines(whole, false);
            }
            self.carry.extend_from_slice(&buffer[..filled]);
            self.framer = Some(Box::default());
        }
    }

    fn lines(&mut self, bytes: usize, framed: bool) -> Next {
        let number = self.number;
        self.number += 1;
        Next::Lines { number, bytes, framed }
    }

    fn ended(&mut self) -> Next {
        match self.end {
            Some(End::Broken(reason)) => {
                self.end = Some(End::Whole);
                Next::Broken { number: self.number, reason }
            }
            _ => Next::End,
        }
    }

    fn fill_behind_carry(&mut self, buffer: &mut Vec<u8>) -> usize {
        let carried = self.carry.len();
        if buffer.len() < carried * 2 {
            buffer.resize(carried * 2, 0);
        }
        buffer[..carried].copy_from_slice(&self.carry);
        self.carry.clear();
        self.fill(buffer, carried)
    }

    /// Makes records of what was carried over, and of more where that is not enough for one. Puts
    /// them into the buffer and returns their length; None where there are none.
    fn framed(&mut self, mut framer: Box<Framer>, buffer: &mut Vec<u8>) -> Option<usize> {
        if self.carry.is_empty() {
            let filled = self.fill(buffer, 0);
            framer.push(&buffer[..filled]);
        } else {
            framer.push(&std::mem::take(&mut self.carry));
        }
        if self.end.is_some() {
            framer.finish();
        }
        let left = framer.leave();
        let records = framer.records();
        match left {
            Some(rest) => self.carry = rest,
            None if self.end.is_none() => self.framer = Some(framer),
            None => {}
        }
        if buffer.len() < records.len() {
            buffer.resize(records.len(), 0);
        }
        buffer[..records.len()].copy_from_slice(&records);
        (!records.is_empty()).then_some(records.len())
    }

    /// Reads until the buffer is full, or the source ends or has no more for now. Returns how much
    /// of it is filled.
    fn fill(&mut self, buffer: &mut [u8], mut filled: usize) -> usize {
        self.waits = false;
        while filled < buffer.len() && self.end.is_none() && !self.waits {
            let Some(opened) = &mut self.opened else { break };
            match opened.bytes.read(&mut buffer[filled..]) {
                Ok(0) => self.end = Some(End::Whole),
                Ok(more) => filled += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.waits = true,
                Err(error) => self.end = Some(End::Broken(opened.reason(&error))),
            }
        }
        filled
    }
}

/// Whether a block begins and ends with lines of the API server's own; what is between is seen when
/// it is read.
fn is_plain_block(lines: &[u8]) -> bool {
    let Some(body) = lines.strip_suffix(b"\n") else { return false };
    let last = memchr::memrchr(b'\n', body).map_or(0, |before| before + 1);
    is_plain(body) && is_plain(&body[last..])
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor, Write};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn all(bytes: &[u8], block: usize) -> (Vec<String>, Vec<&'static str>) {
        through(Blocks::new(Cursor::new(bytes.to_vec())), block)
    }

    fn through(mut blocks: Blocks<'_>, block: usize) -> (Vec<String>, Vec<&'static str>) {
        let (mut lines, mut problems) = (Vec::new(), Vec::new());
        let mut buffer = vec![0; block];
        let mut numbers = 0..;
        loop {
            match blocks.next(&mut buffer) {
                Next::Lines { number, bytes, .. } => {
                    assert_eq!(Some(number), numbers.next());
                    let text = std::str::from_utf8(&buffer[..bytes]).unwrap();
                    lines.extend(text.lines().map(str::to_owned));
                }
                Next::Broken { reason, .. } => problems.push(reason),
                Next::Nothing => {}
                Next::End => return (lines, problems),
            }
        }
    }

    #[test]
    fn lines_are_whole_whatever_the_size_of_blocks() {
        for text in [
            "{\"a\":1}\n\n{\"bb\":22}\n{\"ccc\":333}",
            "{\"kind\":\"Event\",1}\n{\"kind\":\"Event\",22}\nx\n{\"level\":\"3\"}\n{\"level\":\"",
        ] {
            let expected: Vec<&str> = text.split('\n').collect();
            let members = [gzip(&text.as_bytes()[..11]), gzip(&text.as_bytes()[11..])].concat();
            let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
            for block in 1..40 {
                for bytes in [text.as_bytes(), &members, &marked] {
                    assert_eq!(
                        all(bytes, block),
                        (expected.iter().map(|l| (*l).to_owned()).collect(), vec![]),
                        "{block}"
                    );
                }
            }
        }
        assert_eq!(all(b"", 8), (vec![], vec![]));
        assert_eq!(all(b"\n", 8).0, [""]);
    }

    #[test]
    fn what_is_broken_is_named_and_what_came_before_is_read() {
        let text = "line one\nline two\n".repeat(4000);
        let whole = gzip(text.as_bytes());
        let (lines, problems) = all(&whole[..whole.len() - 9], 4096);
        assert!(lines.len() > 7000 && lines[..lines.len() - 1].iter().all(|l| l.len() == 8));
        assert_eq!(problems, ["gzip that is cut off"]);
        let broken = [&*whole, b"rubbish behind it"].concat();
        assert_eq!(
            all(&broken, 4096),
            (text.lines().map(str::to_owned).collect(), vec!["gzip that is broken"])
        );
        assert_eq!(all(&[0x1f, 0x8b], 64).1, ["gzip that is cut off"]);
    }

    #[test]
    fn a_line_longer_than_a_block_is_whole_without_its_bodies() {
        let body = "x".repeat(6 << 20);
        let text = format!(
            "{{\"a\":1}}\n{{\"requestObject\":{{\"b\":\"{body}\"}},\"verb\":\"get\"}}\n{{}}"
        );
        for block in [64, 4096, 1 << 18] {
            let (lines, problems) = all(text.as_bytes(), block);
            assert_eq!(lines, ["{\"a\":1}", "{\"requestObject\":null,\"verb\":\"get\"}", "{}"]);
            assert!(problems.is_empty());
        }
        for line in [format!("{{\"verb\":\"{body}\"}}"), body.clone()] {
            let (lines, _) = all(format!("{line}\n{{}}\n").as_bytes(), 4096);
            assert_eq!(lines.len(), 2);
            assert!(lines[0].len() <= 8 << 20 && line.starts_with(&lines[0]));
            assert_eq!(lines[1], "{}");
        }
    }

    /// Has no more for now behind each of its pieces.
    struct Pieces(Vec<Vec<u8>>, bool);

    impl Read for Pieces {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if std::mem::take(&mut self.1) {
                return Err(ErrorKind::WouldBlock.into());
            }
            let Some(first) = self.0.first_mut() else { return Ok(0) };
            let count = first.len().min(into.len());
            into[..count].copy_from_slice(&first[..count]);
            first.drain(..count);
            if first.is_empty() {
                self.0.remove(0);
                self.1 = true;
            }
            Ok(count)
        }
    }

    #[test]
    fn a_line_without_its_end_waits_for_it_wherever_it_is_cut() {
        let body = "x".repeat(90);
        let text = format!(
            "{{\"a\":1}}\n{{\"requestObject\":{{\"b\":\"{body}\"}},\"verb\":\"get\"}}\n\n{{}}\n{{\"c\":3}}"
        );
        let whole = format!("{{\"b\":\"{body}\"}}");
        let cut_short = text.replace(&whole, "null");
        let texts = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        for block in [8, 40, 64, 1000] {
            for size in 1..text.len() {
                // The first piece is at least what tells a compressed file.
                let (head, rest) = text.as_bytes().split_at(6);
                let pieces = [head].into_iter().chain(rest.chunks(size)).map(<[u8]>::to_vec);
                let (found, problems) =
                    through(Blocks::new(Pieces(pieces.collect(), false)), block);
                // A line that came whole keeps its bodies.
                let bare: Vec<String> =
                    found.iter().map(|line| line.replace(&whole, "null")).collect();
                assert_eq!(bare, texts(&cut_short), "blocks of {block}, pieces of {size}");
                assert!(problems.is_empty());
            }
        }
    }
}
