//! CSV with a header: each row becomes an object keyed by column.

use serde_json::{Map, Value};

use super::{LARGEST, LONG, Out, Taken};

/// A table being read.
pub struct Table {
    columns: Vec<String>,
    delimiter: u8,
    /// The row, as far as it was read: a quoted cell may hold newlines.
    row: Vec<u8>,
    quoted: bool,
    began: u64,
}

/// Columns by which a header is known: of these at least one holds an event, or part of one.
const KNOWN: [&str; 27] = [
    "@message",
    "message",
    "log_s",
    "properties_log_s",
    "_raw",
    "line",
    "log",
    "auditid",
    "auditid_g",
    "auditid_s",
    "requesturi",
    "requesturi_s",
    "verb",
    "verb_s",
    "user.username",
    "requestobject",
    "protopayload",
    "protopayload_auditlog",
    "protopayload.methodname",
    "protopayload_auditlog.methodname",
    "methodname",
    "textpayload",
    "jsonpayload",
    "event.original",
    "kubernetes.audit.user.username",
    "kubernetes.audit.verb",
    "kubernetes.audit.requesturi",
];

/// Headers are short, in bytes.
const LONGEST_HEADER: usize = 16 << 10;

impl Table {
    /// Where a line is a header.
    pub fn begins(line: &[u8]) -> Option<Self> {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        if line.len() > LONGEST_HEADER || memchr::memchr3(b'{', b'}', b'=', line).is_some() {
            return None;
        }
        [b',', b';', b'\t'].into_iter().find_map(|delimiter| {
            let columns = cells(line, delimiter)?;
            let known = |cell: &String| KNOWN.contains(&cell.to_ascii_lowercase().as_str());
            let alone =
                columns.len() == 1 && !matches!(&*columns[0], "@message" | "_raw" | "log_s");
            (columns.iter().any(known) && !alone).then_some(Self {
                columns,
                delimiter,
                row: Vec::new(),
                quoted: false,
                began: 0,
            })
        })
    }

    /// Takes a line, unless a row cannot begin with it.
    pub fn line(&mut self, line: &[u8], out: &mut Out) -> Taken {
        if self.row.is_empty() {
            if line.trim_ascii().is_empty() {
                return Taken::Yes;
            }
            if self.is_other(line) || Self::begins(line.trim_ascii()).is_some() {
                return Taken::No;
            }
            self.began = out.came;
        } else {
            self.row.push(b'\n');
        }
        self.row.extend_from_slice(line);
        self.quoted ^= memchr::memchr_iter(b'"', line).count() % 2 == 1;
        if !self.quoted {
            self.finish(out);
        } else if self.row.len() > LARGEST {
            out.record(&[&self.row[..LONG]], self.began);
            self.row.clear();
            return Taken::No;
        }
        Taken::Yes
    }

    /// Whether a row cannot begin with a line: it has one cell that is not quoted, or JSON stands in
    /// it as it would not in a cell, whose quotes are doubled.
    fn is_other(&self, line: &[u8]) -> bool {
        let json = |at: usize| line.get(at + 2) != Some(&b'"');
        memchr::memchr2(self.delimiter, b'"', line).is_none()
            || line.trim_ascii_start().starts_with(b"{")
            || self.delimiter == b',' && memchr::memmem::find_iter(line, b"{\"").any(json)
    }

    /// Ends a row.
    pub fn finish(&mut self, out: &mut Out) {
        self.quoted = false;
        if self.row.is_empty() {
            return;
        }
        let row = std::mem::take(&mut self.row);
        match cells(&row, self.delimiter) {
            Some(cells) => {
                let members = self.columns.iter().cloned().zip(cells.into_iter().map(Value::from));
                let object = Value::Object(members.collect::<Map<_, _>>());
                out.record(&[object.to_string().as_bytes()], self.began);
            }
            None => out.record(&[&row], self.began),
        }
    }
}

/// The cells of one row; None where they are no text.
fn cells(row: &[u8], delimiter: u8) -> Option<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(row);
    let mut record = csv::StringRecord::new();
    let read = reader.read_record(&mut record).ok()?;
    read.then(|| record.iter().map(str::to_owned).collect())
}
