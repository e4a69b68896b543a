//! All columns with exact values, for a spreadsheet that must not take them for formulas.

use std::borrow::Cow;
use std::io::{self, Write};

use super::Table;
use crate::model::printable;

/// A cell's text, made safe: what a spreadsheet would take for a formula (CWE-1236) gets an
/// apostrophe before it, and what cannot be seen is written out.
pub fn cell(text: &str) -> Cow<'_, str> {
    let shown = printable(text);
    let first = shown.trim_start().chars().next();
    if matches!(first, Some('=' | '+' | '-' | '@' | '|' | '%' | '＝' | '＋' | '－' | '＠')) {
        return format!("'{shown}").into();
    }
    shown
}

/// Writes a table, its columns' fields first.
pub(super) fn write(table: &Table, headers: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::WriterBuilder::new().from_writer(out);
    if headers {
        csv.write_record(table.columns.iter().map(|column| column.field))?;
    }
    for row in &table.rows {
        csv.write_record(row.iter().map(|of| cell(of.value()).into_owned()))?;
    }
    csv.flush()
}
