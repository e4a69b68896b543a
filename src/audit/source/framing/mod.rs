//! From a stream of bytes to records, one a line.
//!
//! Most logs are lines already. Others are one JSON document over many lines or one giant line,
//! objects joined without newlines, CSV, YAML, or lines that a container runtime has split. What is
//! there is seen at every line, so that a stream may change in the middle. What comes out is one line
//! a record, on the line on which the record begins as long as there is room: empty lines stand for
//! lines that became part of a record.
//!
//! Memory is bounded whatever comes: see [`LARGEST`].

mod document;
mod halves;
mod journal;
mod pieces;
mod table;
mod yaml;

use document::{Document, End};
use halves::Halves;
use pieces::Pieces;
use table::Table;
use yaml::Yaml;

/// Of a larger record only the beginning is kept, in bytes.
const LARGEST: usize = 4 << 20;
/// A line longer than this is not looked at as a whole, in bytes.
const LONG: usize = 1 << 18;

/// Makes records of what is pushed into it.
pub struct Framer {
    mode: Mode,
    /// The beginning of a line.
    line: Vec<u8>,
    /// Whether the line in hand is a line and nothing else, because reading it otherwise failed.
    only_a_line: bool,
    pieces: Pieces,
    halves: Halves,
    out: Out,
}

enum Mode {
    Lines,
    /// A line too long to keep; what is beyond is passed over.
    Passing,
    Document(Box<Document>),
    Table(Box<Table>),
    Yaml(Box<Yaml>),
}

/// Records, one a line.
#[derive(Default)]
struct Out {
    text: Vec<u8>,
    /// How many lines went in, the one being read left out.
    came: u64,
    /// How many lines went out.
    went: u64,
}

impl Out {
    /// Writes a record that began on the line `began`.
    fn record(&mut self, parts: &[&[u8]], began: u64) {
        self.fill_to(began);
        for part in parts {
            self.text.extend_from_slice(part);
        }
        self.text.push(b'\n');
        self.went += 1;
    }
}

impl Out {
    /// Writes empty lines in place of those that became part of a record.
    fn fill_to(&mut self, line: u64) {
        while self.went < line {
            self.text.push(b'\n');
            self.went += 1;
        }
    }

    fn fill(&mut self) {
        self.fill_to(self.came);
    }
}

/// What became of a line that a mode was offered.
enum Taken {
    /// It belongs to it.
    Yes,
    /// It does not, nor does what follows.
    No,
}

impl Default for Framer {
    fn default() -> Self {
        Self {
            mode: Mode::Lines,
            line: Vec::new(),
            only_a_line: false,
            pieces: Pieces::default(),
            halves: Halves::default(),
            out: Out::default(),
        }
    }
}

impl Framer {
    /// Takes the next bytes.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match &mut self.mode {
                Mode::Document(document) => {
                    let (used, end) = document.push(bytes, &mut self.out);
                    if let Some(end) = end {
                        self.after_document(end);
                    }
                    &bytes[used..]
                }
                Mode::Passing => match memchr::memchr(b'\n', bytes) {
                    Some(end) => {
                        self.mode = Mode::Lines;
                        self.out.came += 1;
                        &bytes[end + 1..]
                    }
                    None => return,
                },
                _ => self.push_line(bytes),
            };
        }
    }

    /// Takes what there is up to the end of the line, and returns the rest.
    fn push_line<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            self.line.extend_from_slice(bytes);
            if self.line.len() > LONG {
                self.long_line();
            }
            return &[];
        };
        if self.line.is_empty() {
            self.whole_line(&bytes[..end]);
        } else {
            let mut line = std::mem::take(&mut self.line);
            line.extend_from_slice(&bytes[..end]);
            self.whole_line(&line);
            if self.line.is_empty() {
                line.clear();
                self.line = line;
            }
        }
        &bytes[end + 1..]
    }

    fn whole_line(&mut self, line: &[u8]) {
        let taken = match &mut self.mode {
            Mode::Table(table) => table.line(line, &mut self.out),
            Mode::Yaml(yaml) => yaml.line(line, &mut self.out),
            _ => Taken::No,
        };
        if matches!(taken, Taken::No) {
            self.mode = Mode::Lines;
            let only_a_line = std::mem::take(&mut self.only_a_line);
            if !only_a_line && self.begin(line) {
                return;
            }
            let a_line = only_a_line || matches!(self.mode, Mode::Lines);
            if a_line && !self.halves.line(line, &mut self.out) {
                self.pieces.line(line, &mut self.out);
            }
        }
        self.out.came += 1;
    }

    /// Looks whether a line that belongs to nothing begins something. Returns whether it was a
    /// document, which counts its own lines.
    fn begin(&mut self, line: &[u8]) -> bool {
        let text = line.trim_ascii();
        match text.first() {
            Some(b'{' | b'[') if begins_document(text) => {
                self.pieces.flush(&mut self.out);
                self.mode = Mode::Document(Box::new(Document::new(&self.out)));
                self.push(line);
                self.push(b"\n");
                return true;
            }
            Some(b'{' | b'[') | None => {}
            Some(_) => {
                let yaml = || Some(Mode::Yaml(Box::new(Yaml::begins(line, &self.out)?)));
                let table = || Some(Mode::Table(Box::new(Table::begins(text)?)));
                if let Some(mode) = yaml().or_else(table) {
                    self.pieces.flush(&mut self.out);
                    self.mode = mode;
                }
            }
        }
        false
    }

    /// Goes on behind a document: with a line that it did not want, if there is one.
    fn after_document(&mut self, end: End) {
        self.mode = Mode::Lines;
        match end {
            End::Line | End::Text => {}
            End::Back(line, only_a_line) => {
                self.only_a_line = only_a_line;
                self.line = line;
            }
            End::Passing => self.mode = Mode::Passing,
        }
    }

    /// A line that is too long to be looked at as a whole.
    fn long_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = line.trim_ascii_start();
        if matches!(self.mode, Mode::Table(_) | Mode::Yaml(_)) {
            if line.len() > LARGEST {
                self.cut(&line);
            } else {
                self.line = line;
            }
        } else if matches!(text.first(), Some(b'{' | b'[')) && !self.only_a_line {
            self.pieces.flush(&mut self.out);
            self.mode = Mode::Document(Box::new(Document::new(&self.out)));
            self.push(&line);
        } else if line.len() > LARGEST {
            self.cut(&line);
        } else {
            self.line = line;
        }
    }

    /// Keeps the beginning of a line, and passes over the rest.
    fn cut(&mut self, line: &[u8]) {
        self.pieces.flush(&mut self.out);
        let began = self.out.came;
        self.out.record(&[&line[..line.len().min(LONG)]], began);
        self.only_a_line = false;
        self.mode = Mode::Passing;
    }

    /// Ends what is open: the stream has ended.
    pub fn finish(&mut self) {
        if !self.line.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.whole_line(&line);
        }
        match std::mem::replace(&mut self.mode, Mode::Lines) {
            Mode::Document(mut document) => {
                if let Some(rest) = document.finish(&mut self.out) {
                    self.only_a_line = true;
                    self.whole_line(&rest);
                }
            }
            Mode::Table(mut table) => table.finish(&mut self.out),
            Mode::Yaml(mut yaml) => yaml.finish(&mut self.out),
            Mode::Lines | Mode::Passing => {}
        }
        self.pieces.flush(&mut self.out);
        self.halves.finish(&mut self.out);
        self.out.fill();
    }

    /// Takes the records made so far.
    pub fn records(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out.text)
    }

    /// Where nothing but the beginning of a line is open: that, to be read by other means. All lines
    /// that came have then gone out.
    pub fn leave(&mut self) -> Option<Vec<u8>> {
        let idle = matches!(self.mode, Mode::Lines)
            && self.pieces.is_empty()
            && self.halves.is_empty()
            && !self.only_a_line;
        if !idle {
            return None;
        }
        self.out.fill();
        Some(std::mem::take(&mut self.line))
    }
}

/// Whether a line that begins with a brace or bracket is the beginning of a longer document.
fn begins_document(line: &[u8]) -> bool {
    let last = line.strip_suffix(b",").unwrap_or(line).last();
    let mut inside = line[1..].trim_ascii_start().iter();
    match (line[0], last) {
        (b'{', Some(b'}')) | (b'[', Some(b']')) => false,
        (b'[', _) => {
            matches!(inside.next(), None | Some(b'{' | b'[' | b'"')) && !ends_in_string(line)
        }
        _ => matches!(inside.next(), None | Some(b'"')) && !ends_in_string(line),
    }
}

/// Whether a JSON text ends inside a string: then it is a line that was cut.
fn ends_in_string(text: &[u8]) -> bool {
    let mut at = 0;
    let mut inside = false;
    while let Some(more) = memchr::memchr2(b'"', b'\\', &text[at.min(text.len())..]) {
        match text[at + more] {
            b'"' => inside = !inside,
            _ => at += 1,
        }
        at += more + 1;
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_too_large_is_let_go_of_before_it_ends() {
        for begin in
            ["{\"a\":\"", "[{\"a\":\"", "{\"items\":[{\"a\":\"\\\"", "{\"", "{\"a\":[", "x"]
        {
            let mut framer = Framer::default();
            framer.push(begin.as_bytes());
            let piece = if begin.ends_with('[') { "1," } else { "xx" }.repeat(1 << 19);
            let mut out = 0;
            for _ in 0..LARGEST / piece.len() + 2 {
                framer.push(piece.as_bytes());
                out += framer.records().len();
            }
            // Its beginning is out, to be counted; of the rest nothing is kept.
            assert!((1..=LONG * 4 + 99).contains(&out), "{begin}: {out}");
            framer.push(format!("{piece}\n{{\"b\":1}}\n").as_bytes());
            framer.finish();
            assert_eq!(String::from_utf8_lossy(&framer.records()).trim(), "{\"b\":1}", "{begin}");
        }
    }

    #[test]
    fn an_envelope_is_not_repeated_for_elements_that_hold_nothing() {
        let envelope = format!("{{\"x\":\"{}\",", "y".repeat(15_000));
        for (before, element) in [
            (format!("{envelope}\"items\":["), "{}"),
            (format!("{envelope}{}\"items\":[", "\"items\":[{".repeat(20)), "7"),
            (format!("{{{}\"items\":[", "\"items\":[{".repeat(120)), "7"),
        ] {
            let text = format!("{before}{}", format!("{element},").repeat(200_000));
            let mut framer = Framer::default();
            framer.push(text.as_bytes());
            let records = framer.records();
            assert!(records.len() < text.len() * 100, "{} of {}", records.len(), text.len());
            let found = memchr::memmem::find_iter(&records, element).count();
            assert!(found >= 199_999, "{found}");
        }
        // Those that do keep it.
        let one = format!("{{\"a\":\"{}\"}}", "z".repeat(300));
        let mut framer = Framer::default();
        framer.push(format!("{envelope}\"items\":[\n{one},{one}]}}\n").as_bytes());
        let whole = format!("{envelope}\"items\":[{one}]}}\n");
        assert_eq!(String::from_utf8_lossy(&framer.records()).trim_start(), whole.repeat(2));
    }
}
