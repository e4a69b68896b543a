//! What keybook says outside the terminal UI: the same answers as tables, JSON, YAML, CSV or names.
//!
//! Every answer is a [`Report`] of this room's own rows, so that the form of the output is apart
//! from the types that it was worked out with. JSON and YAML carry all of it; tables and CSV go by
//! [`Tabular`]. Text from clusters and logs is written out where it cannot be seen.

mod access;
mod actors;
mod check;
mod cluster;
mod credential;
mod csv;
mod cut;
mod detail;
mod finding;
mod folded;
mod identity;
mod in_hand;
mod json;
mod name;
mod owner;
mod parted;
mod path;
mod plan;
mod reach;
mod sections;
mod table;
mod time;
pub mod undoing;
mod unseen;
mod workload;
mod yaml;

use std::io::{self, Write};

use serde::Serialize;

pub use self::access::{AccessRow, HolderRow, Holders, Question, WayRow};
pub use self::check::CheckRow;
pub use self::cluster::{BootstrapPolicy, Cluster, Coverage, List, Metadata, Missing, NotJudged};
pub use self::credential::CredentialRow;
pub use self::csv::cell as csv_cell;
pub use self::cut::CutRow;
pub use self::detail::IdentityDetail;
pub use self::finding::FindingRow;
pub use self::identity::{IdentityRow, Names};
pub use self::in_hand::NO_CUT;
pub use self::json::{escape as escape_json, to_line, to_pretty};
pub use self::parted::{plan_read, plan_summary};
pub use self::plan::{plan_notes, plan_text, save_plan, step_text};
pub use self::reach::{ReachPart, ReachRow};
pub use self::table::{Align, Cell, Column, Table};
pub use self::time::{age, exact};
pub use self::unseen::Unseen;
pub use self::workload::BlastRadius;
pub use self::yaml::document as yaml_document;

/// The version of every form in which answers are written.
pub const API_VERSION: &str = "keybook/v1";

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Columns for a person.
    #[default]
    Table,
    /// The same with more columns.
    Wide,
    /// One name a line, as the other commands take it.
    Name,
    /// JSON, all of it.
    Json,
    /// YAML, the same.
    Yaml,
    /// All columns, exact values, for a spreadsheet.
    Csv,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report<T> {
    /// [`API_VERSION`].
    pub api_version: &'static str,
    /// What the items are.
    pub kind: &'static str,
    /// What the answer stands on.
    pub metadata: Metadata,
    /// Of credentials: what could not be seen or read.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Unseen>,
    /// The rows.
    pub items: Vec<T>,
}

impl<T: Tabular> Report<T> {
    /// An answer of these rows.
    pub fn new(metadata: Metadata, items: Vec<T>) -> Self {
        Self { api_version: API_VERSION, kind: T::KIND, metadata, unseen: None, items }
    }
}

/// Rows that can be columns.
pub trait Tabular: Serialize {
    /// `kind` of a report of such rows.
    const KIND: &'static str;

    /// The columns.
    fn columns() -> Vec<Column>;

    /// The lines of an item, each one cell a column.
    fn lines(&self, about: &Metadata) -> Vec<Vec<Cell>>;

    /// What to call the row where only a name is wanted.
    fn name(&self) -> String;

    /// The whole answer for a person, where rows and columns are not the best form of it.
    fn text(_report: &Report<Self>, _wide: bool, _headers: bool) -> Option<String>
    where
        Self: Sized,
    {
        None
    }
}

/// Writes an answer.
///
/// # Errors
/// Where `out` cannot be written to.
pub fn write<T: Tabular>(
    report: &Report<T>,
    format: Format,
    headers: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Json => out.write_all(to_pretty(report)?.as_bytes()),
        Format::Yaml => {
            let value = serde_json::to_value(report).map_err(io::Error::other)?;
            out.write_all(yaml::document(&value).as_bytes())
        }
        Format::Csv => csv::write(&rows(report), headers, out),
        Format::Name => name::write(report.items.iter().map(Tabular::name), out),
        Format::Table | Format::Wide => {
            let wide = format == Format::Wide;
            let text = T::text(report, wide, headers).unwrap_or_else(|| {
                let table = rows(report);
                let several = report.metadata.clusters.len() > 1;
                let table = if several { table } else { table.without("cluster") };
                table.text(wide, headers)
            });
            out.write_all(text.as_bytes())
        }
    }
}

fn rows<T: Tabular>(report: &Report<T>) -> Table {
    let mut table = Table::new(T::columns());
    for item in &report.items {
        for line in item.lines(&report.metadata) {
            table.push(line);
        }
    }
    table
}

#[cfg(test)]
mod tests;
