//! One JSON document over many lines, or on one giant line: streamed element by element.
//!
//! An element of a list of records becomes a document of its own: the envelope as far as it was
//! read before the list, the element, and what closes them. So whoever reads it sees what the
//! envelope says, and only one element is in memory.

use super::{LARGEST, LONG, Out};

/// Reads documents until a line ends behind one.
#[derive(Debug)]
pub struct Document {
    levels: Vec<Level>,
    lists: Vec<List>,
    /// The envelope: what was read before the elements of the innermost list.
    head: Vec<u8>,
    /// What was read since, white space left out.
    record: Vec<u8>,
    /// The line on which the record began.
    began: u64,
    expected: Expected,
    text: Text,
    /// Where in `record` the last string begins, behind its quote.
    string_from: usize,
    /// Of an object that is left out: how deep it lies.
    dropping: Option<usize>,
    /// Whether the record holds nothing but an envelope whose elements went out.
    emptied: bool,
    /// Whether the record grew too large; its beginning went out.
    over: bool,
    line: Line,
}

/// The line being read, as it came: it may turn out to be no part of a document.
#[derive(Debug, Default)]
struct Line {
    bytes: Vec<u8>,
    /// How much of the record there was when it began.
    record: usize,
    /// Whether anything of it went out already, or it is too long to be kept.
    gone: bool,
    /// Whether nothing of it was read yet.
    fresh: bool,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    array: bool,
    /// The key of the member being read.
    key: Key,
}

#[derive(Debug)]
struct List {
    /// How many levels there are inside it.
    depth: usize,
    /// How much of `head` there was before it.
    head: usize,
    /// Whether any element of it went out.
    any: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Start,
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    /// The rest of a number or word.
    Word,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Outside,
    Inside,
    Escaped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Other,
    /// A member that may be a list of records.
    List,
    /// A body that is left out.
    Body,
    Hits,
    Data,
    Result,
}

impl Key {
    fn of(text: &[u8]) -> Self {
        match text {
            b"items" | b"logEvents" | b"events" | b"results" | b"Records" | b"records"
            | b"value" | b"values" | b"entries" | b"streams" | b"resourceLogs" | b"scopeLogs"
            | b"logRecords" | b"tables" | b"rows" => Self::List,
            b"requestObject" | b"responseObject" => Self::Body,
            b"hits" => Self::Hits,
            b"data" => Self::Data,
            b"result" => Self::Result,
            _ => Self::Other,
        }
    }
}

/// How a document ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// With its line.
    Line,
    /// Something else stands behind it on its line.
    Text,
    /// This beginning of a line does not belong to it; whether the line is not to be tried as a
    /// document again.
    Back(Vec<u8>, bool),
    /// The rest of the line is to be passed over.
    Passing,
}

/// How deep values may lie in each other.
const DEEPEST: usize = 256;
/// A longer envelope is left out but for the names of its lists, in bytes.
const LONGEST_HEAD: usize = 16 << 10;
/// The same for one that is more than so many times as long as the element.
const LONGEST_TIMES: usize = 64;
/// The elements of a list that lies deeper are records without an envelope.
const DEEPEST_LIST: usize = 32;

impl Document {
    pub fn new(out: &Out) -> Self {
        Self {
            levels: Vec::new(),
            lists: Vec::new(),
            head: Vec::new(),
            record: Vec::new(),
            began: out.came,
            expected: Expected::Start,
            text: Text::Outside,
            string_from: 0,
            dropping: None,
            emptied: false,
            over: false,
            line: Line { fresh: true, ..Line::default() },
        }
    }

    /// Takes the next bytes. Returns how many of them it took, and whether it ended with them.
    pub fn push(&mut self, bytes: &[u8], out: &mut Out) -> (usize, Option<End>) {
        let (mut at, mut line_from) = (0, 0);
        while let Some(byte) = bytes.get(at) {
            if self.text == Text::Inside {
                at += self.inside(&bytes[at..]);
                // A string may go on for longer than what is read at a time.
                self.grown(out);
                let Some(byte) = bytes.get(at) else { break };
                if *byte == b'\n' {
                    self.emit_cut(out);
                    out.came += 1;
                    return (at + 1, Some(End::Line));
                }
                self.string_byte(*byte);
            } else if self.text == Text::Escaped {
                self.text = Text::Inside;
                self.keep(*byte);
            } else if *byte == b'\n' {
                self.word_end(out);
                out.came += 1;
                if self.expected == Expected::Start {
                    return (at + 1, Some(End::Line));
                }
                self.line.restart(self.record.len());
                line_from = at + 1;
            } else if self.expected == Expected::Start && !may_begin(*byte) {
                return (at, Some(End::Text));
            } else if self.step(*byte, out).is_err() {
                return (at, Some(self.refuse(&bytes[line_from..at], out)));
            }
            self.grown(out);
            at += 1;
        }
        self.line.keep(&bytes[line_from.min(bytes.len())..]);
        (bytes.len(), None)
    }

    /// Takes text inside a string; returns how many bytes.
    fn inside(&mut self, bytes: &[u8]) -> usize {
        let length = memchr::memchr3(b'"', b'\\', b'\n', bytes).unwrap_or(bytes.len());
        self.line.fresh = false;
        if self.stores() {
            // More than fits is not looked at as a whole.
            self.record.extend_from_slice(&bytes[..length.min(LARGEST + 1)]);
        }
        length
    }

    fn stores(&self) -> bool {
        self.dropping.is_none() && !self.over
    }

    fn keep(&mut self, byte: u8) {
        if self.stores() {
            self.record.push(byte);
        }
    }

    fn string_byte(&mut self, byte: u8) {
        self.keep(byte);
        if byte == b'\\' {
            self.text = Text::Escaped;
            return;
        }
        self.text = Text::Outside;
        self.expected = match self.expected {
            Expected::Key | Expected::KeyOrEnd => {
                let text = self.record.get(self.string_from..self.record.len().saturating_sub(1));
                let key = text.filter(|_| self.stores()).map_or(Key::Other, Key::of);
                if let Some(level) = self.levels.last_mut() {
                    level.key = key;
                }
                Expected::Colon
            }
            // The end of a value is noted with the byte behind it.
            _ => Expected::Word,
        };
    }

    /// Takes a byte outside strings.
    fn step(&mut self, byte: u8, out: &mut Out) -> Result<(), ()> {
        let fresh = std::mem::replace(&mut self.line.fresh, false);
        if is_space(byte) {
            self.word_end(out);
            return Ok(());
        }
        if self.expected == Expected::Word {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.') {
                self.keep(byte);
                return Ok(());
            }
            self.word_end(out);
        }
        if self.record.is_empty() && !self.over {
            self.began = out.came;
        }
        match (self.expected, byte) {
            (Expected::Start, b',') => {}
            (Expected::Start | Expected::Value | Expected::ValueOrEnd, b'{' | b'[') => {
                if fresh && byte == b'{' && !self.may_begin_a_line() {
                    return Err(());
                }
                self.open(byte == b'[')?;
            }
            (Expected::Value | Expected::ValueOrEnd | Expected::Key | Expected::KeyOrEnd, b'"') => {
                if self.dropping.is_none() {
                    self.string_from = self.record.len() + 1;
                }
                self.keep(byte);
                self.text = Text::Inside;
            }
            (Expected::Value | Expected::ValueOrEnd, b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                self.keep(byte);
                self.expected = Expected::Word;
            }
            (Expected::Colon, b':') => {
                self.keep(byte);
                self.expected = Expected::Value;
            }
            (Expected::CommaOrEnd, b',') => self.comma(),
            (Expected::CommaOrEnd | Expected::ValueOrEnd | Expected::KeyOrEnd, b'}' | b']') => {
                self.close(byte == b']', out)?;
            }
            _ => return Err(()),
        }
        Ok(())
    }

    /// Whether an object may begin at the very beginning of a line: an element of a list, or a
    /// document. Where it stands for anything else the line before was cut.
    fn may_begin_a_line(&self) -> bool {
        self.levels.is_empty() || self.at_list()
    }

    /// Whether what comes next is an element of a list of records.
    fn at_list(&self) -> bool {
        self.lists.last().is_some_and(|list| list.depth == self.levels.len())
    }

    fn comma(&mut self) {
        if !self.at_list() {
            self.keep(b',');
        }
        let array = self.levels.last().is_some_and(|level| level.array);
        self.expected = if array { Expected::Value } else { Expected::Key };
    }

    fn open(&mut self, array: bool) -> Result<(), ()> {
        if self.levels.len() >= DEEPEST {
            return Err(());
        }
        let base = self.lists.last().map_or(0, |list| list.depth);
        let path = self.levels.get(base..).unwrap_or_default();
        let is_list = array && self.dropping.is_none() && !self.over && is_list(path, base == 0);
        let is_body = matches!(path, [level] if level.key == Key::Body);
        if is_body && self.stores() {
            self.record.extend_from_slice(b"null");
            self.dropping = Some(self.levels.len());
        }
        self.keep(if array { b'[' } else { b'{' });
        self.levels.push(Level { array, key: Key::Other });
        self.expected = if array { Expected::ValueOrEnd } else { Expected::KeyOrEnd };
        if is_list {
            let head = self.head.len();
            self.head.append(&mut self.record);
            self.lists.push(List { depth: self.levels.len(), head, any: false });
            self.line.record = 0;
        }
        Ok(())
    }

    fn close(&mut self, array: bool, out: &mut Out) -> Result<(), ()> {
        if self.levels.last().is_none_or(|level| level.array != array) {
            return Err(());
        }
        if self.at_list()
            && let Some(list) = self.lists.pop()
        {
            self.record = self.head.split_off(list.head.min(self.head.len()));
            self.emptied |= list.any;
        }
        self.keep(if array { b']' } else { b'}' });
        self.levels.pop();
        if self.dropping.is_some_and(|depth| depth == self.levels.len()) {
            self.dropping = None;
        }
        self.value_end(out);
        Ok(())
    }

    /// Ends a number, word or string value if one is open.
    fn word_end(&mut self, out: &mut Out) {
        if self.expected == Expected::Word {
            self.value_end(out);
        }
    }

    fn value_end(&mut self, out: &mut Out) {
        self.expected = Expected::CommaOrEnd;
        let document = self.levels.is_empty();
        let element = self.at_list();
        if element && let Some(list) = self.lists.last_mut() {
            list.any = true;
        }
        if document || element {
            let emptied = std::mem::take(&mut self.emptied);
            let over = std::mem::take(&mut self.over);
            if !emptied && !over {
                self.emit(out);
            }
            self.record.clear();
        }
        if document {
            self.expected = Expected::Start;
        }
    }

    fn emit(&mut self, out: &mut Out) {
        let (mut head, mut closing) = (Vec::new(), Vec::new());
        // What is around an element is repeated with each, so that it must not be many times as
        // long: elements that are so much shorter hold no event.
        if self.levels.len() <= DEEPEST_LIST {
            head = self.envelope(self.record.len() * LONGEST_TIMES);
            let ends = self.levels.iter().rev().map(|level| if level.array { b']' } else { b'}' });
            closing.extend(ends);
        }
        out.record(&[&head, &self.record, &closing], self.began);
        self.line.gone = true;
    }

    /// What is put before an element, if possible not longer than `longest`.
    fn envelope(&self, longest: usize) -> Vec<u8> {
        if self.head.len() <= longest.min(LONGEST_HEAD) {
            return self.head.clone();
        }
        // Of so much only the place of the list matters.
        let mut head = Vec::new();
        for level in &self.levels {
            head.extend_from_slice(match (level.array, level.key) {
                (true, _) => b"[",
                (_, Key::Hits) => b"{\"hits\":",
                (_, Key::Data) => b"{\"data\":",
                (_, Key::Result) => b"{\"result\":",
                _ => b"{\"items\":",
            });
        }
        head
    }

    /// Emits what there is of a record that does not go on.
    fn emit_cut(&mut self, out: &mut Out) {
        let head = self.envelope(LONGEST_HEAD);
        if !self.over && !self.emptied && head.len() + self.record.len() > 0 {
            let record = &self.record[..self.record.len().min(LONG * 4)];
            out.record(&[&head, record], self.began);
        }
        self.line.gone = true;
    }

    /// Lets go of a record that is too large.
    fn grown(&mut self, out: &mut Out) {
        if self.record.len() > LARGEST {
            self.emit_cut(out);
            self.record = Vec::new();
            self.over = true;
        }
    }

    /// What is read is no JSON: ends here. `rest` is the end of the line as far as it was read.
    fn refuse(&mut self, rest: &[u8], out: &mut Out) -> End {
        self.line.keep(rest);
        if self.line.gone {
            self.emit_cut(out);
            return End::Passing;
        }
        let first = self.began == out.came;
        self.record.truncate(self.line.record);
        if !self.record.is_empty() {
            self.emit_cut(out);
        }
        End::Back(std::mem::take(&mut self.line.bytes), first)
    }

    /// The stream has ended. Returns a line that is none of a document.
    pub fn finish(&mut self, out: &mut Out) -> Option<Vec<u8>> {
        self.word_end(out);
        if self.expected == Expected::Start {
            return None;
        }
        if self.began == out.came && !self.line.gone && self.head.is_empty() {
            return Some(std::mem::take(&mut self.line.bytes));
        }
        self.emit_cut(out);
        None
    }
}

impl Line {
    fn restart(&mut self, record: usize) {
        self.bytes.clear();
        (self.record, self.gone, self.fresh) = (record, false, true);
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.bytes.len() + bytes.len() > LONG * 2 {
            self.gone = true;
            self.bytes = Vec::new();
        } else if !self.gone {
            self.bytes.extend_from_slice(bytes);
        }
    }
}

/// White space, and what marks records beside newlines.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x1e | 0)
}

/// What may stand between documents.
fn may_begin(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b',' | b'{' | b'[')
}

/// Whether an array at the end of this path holds records.
fn is_list(path: &[Level], outermost: bool) -> bool {
    let mut keys = [Key::Other; 2];
    if path.len() > keys.len() || path.iter().any(|level| level.array) {
        return false;
    }
    for (key, level) in keys.iter_mut().zip(path) {
        *key = level.key;
    }
    match path.len() {
        0 => outermost,
        1 => matches!(keys[0], Key::List | Key::Result),
        _ => matches!(keys, [Key::Hits, Key::Hits] | [Key::Data, Key::Result]),
    }
}
