//! From blocks of lines to events: plain ones as they stand, others out of what carries them.

use super::super::covered::At;
use super::super::format::json_lines::{self, Fields};
use super::super::format::scan::Broken;
use super::super::format::{self, Context, Sink, is_plain};
use super::super::source::framing::Framer;
use super::{Reader, Reason, stage};

impl Reader<'_> {
    /// Reads a block of whole lines. Where one of them cannot be read and the lines are not known to
    /// be records, it may be part of something longer: the rest of the block is then made records.
    pub fn block(&mut self, source: u32, number: u32, bytes: &[u8], framed: bool) {
        self.turn_to(source);
        let whole = std::str::from_utf8(bytes).ok();
        let (mut line, mut at) = (0, 0);
        while at < bytes.len() {
            let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |more| at + more);
            let text = match whole {
                Some(text) => Ok(&text[at..end]),
                None => std::str::from_utf8(&bytes[at..end]),
            };
            let place = (source, number, line + 1);
            match text {
                Ok(text) if framed => self.record(text, place),
                Ok(text) if self.plain(text, place) => {}
                Ok(_) => {
                    line += self.framed(&bytes[at..], place);
                    break;
                }
                Err(_) => self.covered.unreadable("not UTF-8", place),
            }
            line += 1;
            at = end + 1;
        }
        self.covered.block(source, number, line);
    }

    /// Reads the rest of a block, and returns how many lines it has.
    fn framed(&mut self, bytes: &[u8], (source, number, from): At) -> u32 {
        let mut framer = Framer::default();
        framer.push(bytes);
        framer.finish();
        let mut lines = 0;
        for record in framer.records().split_inclusive(|byte| *byte == b'\n') {
            let place = (source, number, from + lines);
            match std::str::from_utf8(record) {
                Ok(record) => self.record(record, place),
                Err(_) => self.covered.unreadable("not UTF-8", place),
            }
            lines += 1;
        }
        lines
    }

    /// Reads a record.
    fn record(&mut self, record: &str, at: At) {
        if !self.plain(record, at) {
            self.note_zeros(record, at);
            format::unwrap(record, &mut Found { reader: self, at });
        }
    }

    /// Reads a line if it is the API server's own, or empty.
    fn plain(&mut self, line: &str, at: At) -> bool {
        let text = line.trim_matches(|c: char| c == '\0' || c.is_ascii_whitespace());
        let read = text.is_empty()
            || is_plain(text.as_bytes()) && self.whole(text, &Context::default(), at);
        if !read {
            return false;
        }
        if text.len() < line.len() {
            self.note_zeros(line, at);
        }
        true
    }

    /// Reads a text if it is one whole event.
    fn whole(&mut self, text: &str, context: &Context<'_>, at: At) -> bool {
        // A row with a column for each field has none for the user as a whole.
        let is_event = |fields: &Fields<'_>| stage(fields).is_ok() && fields.user.is_some();
        let fields = json_lines::fields(text, &mut self.memos);
        let Some(fields) = fields.ok().filter(is_event) else { return false };
        if let Err(reason) = self.event(&fields, context, None) {
            self.covered.unreadable(reason, at);
        }
        true
    }

    /// After a crash the end of a file may be zeros, and the log goes on behind them.
    fn note_zeros(&mut self, line: &str, at: At) {
        if line.starts_with('\0') || line.ends_with('\0') {
            self.covered.unreadable("NUL bytes", at);
        }
    }

    /// Reads an event that came in something.
    fn carried(&mut self, json: &str, context: &Context<'_>) -> Result<(), Reason> {
        match json_lines::fields(json, &mut self.memos) {
            Ok(fields) => self.event(&fields, context, None),
            Err(Broken::Malformed) => Err("broken JSON"),
            Err(Broken::CutOff) => {
                let head = json_lines::head(json).ok_or("cut off")?;
                self.event(&head, &Context { cut: true, ..*context }, None)
            }
        }
    }
}

/// Takes what is found in a record.
struct Found<'r, 's> {
    reader: &'r mut Reader<'s>,
    at: At,
}

impl Found<'_, '_> {
    fn is_of_another_cluster(&self, context: &Context<'_>) -> bool {
        let wanted = self.reader.cluster.as_deref();
        wanted.zip(context.cluster).is_some_and(|(wanted, named)| wanted != named)
    }
}

impl Sink for Found<'_, '_> {
    fn whole(&mut self, text: &str, context: &Context<'_>) -> bool {
        !self.is_of_another_cluster(context) && self.reader.whole(text, context, self.at)
    }

    fn event(&mut self, json: &str, context: &Context<'_>) {
        if self.is_of_another_cluster(context) {
            return self.reader.covered.passed("an event of another cluster", self.at);
        }
        if let Err(reason) = self.reader.carried(json, context) {
            self.reader.covered.unreadable(reason, self.at);
        }
    }

    fn summary(&mut self, json: &str) {
        if let Err(reason) = self.reader.summed(json, self.at) {
            self.reader.covered.unreadable(reason, self.at);
        }
    }

    fn passed(&mut self, reason: Reason) {
        self.reader.covered.passed(reason, self.at);
    }

    fn unreadable(&mut self, reason: Reason) {
        self.reader.covered.unreadable(reason, self.at);
    }
}
