//! Columns for a person, as kubectl lays them out.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::model::printable;

/// Between columns.
const GAP: usize = 3;

/// How a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// To the left.
    Left,
    /// To the right: figures.
    Right,
}

/// When a column is shown to a person; a program gets all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// Where something stands in it, and in the wide form.
    AtNeed,
    /// Only in the wide form.
    Wide,
    /// Never: a person reads it in another column.
    Never,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its head.
    pub title: &'static str,
    /// Its head in CSV, where the cell's exact value stands.
    pub field: &'static str,
    /// How it is set.
    pub align: Align,
    /// When it is shown.
    pub when: When,
    /// Whether it holds names: one that is longer than any object's may be is cut for a person.
    pub is_name: bool,
}

/// So wide a name may be in a table, and so wide in the wide form. Whatever Kubernetes itself names is
/// whole in both: an account has 63 characters of namespace, 253 of its own and `sa:` before.
const WIDEST: [usize; 2] = [320, 520];

impl Column {
    /// A column of text that is always there.
    pub const fn new(title: &'static str, field: &'static str) -> Self {
        Self { title, field, align: Align::Left, when: When::Always, is_name: false }
    }

    /// The same, only in the wide form.
    #[must_use]
    pub const fn wide(self) -> Self {
        Self { when: When::Wide, ..self }
    }

    /// The same, for programs only.
    #[must_use]
    pub const fn for_programs(self) -> Self {
        Self { when: When::Never, ..self }
    }

    /// The same, in the narrow form only where something stands in it.
    #[must_use]
    pub const fn at_need(self) -> Self {
        Self { when: When::AtNeed, ..self }
    }

    /// The same, of names, which clients and providers may make as long as they like.
    #[must_use]
    pub const fn of_names(self) -> Self {
        Self { is_name: true, ..self }
    }

    /// The same, set to the right.
    #[must_use]
    pub const fn right(self) -> Self {
        Self { align: Align::Right, ..self }
    }
}

/// What stands in a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// For a person.
    pub shown: String,
    /// For the wide form, where that says more.
    pub full: Option<String>,
    /// For a program, where that is another text.
    pub exact: Option<String>,
}

impl Cell {
    /// One text for all.
    pub fn new(text: impl Into<String>) -> Self {
        Self { shown: text.into(), full: None, exact: None }
    }

    /// One text for a person, another for a program.
    pub fn exactly(shown: impl Into<String>, exact: impl Into<String>) -> Self {
        Self { shown: shown.into(), full: None, exact: Some(exact.into()) }
    }

    /// The same with a longer text for the wide form.
    #[must_use]
    pub fn or_full(self, full: impl Into<String>) -> Self {
        Self { full: Some(full.into()), ..self }
    }

    /// The text for a program.
    pub fn value(&self) -> &str {
        self.exact.as_deref().unwrap_or(&self.shown)
    }

    fn text(&self, wide: bool) -> &str {
        self.full.as_deref().filter(|_| wide).unwrap_or(&self.shown)
    }
}

/// Rows and columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, one cell a column.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Puts a row at the end.
    pub fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// Takes out a column that nobody needs to see.
    #[must_use]
    pub fn without(mut self, field: &str) -> Self {
        if let Some(at) = self.columns.iter().position(|column| column.field == field) {
            self.columns.remove(at);
            for row in &mut self.rows {
                row.remove(at);
            }
        }
        self
    }

    /// The text, each line ended. What cannot be seen is written out; an empty cell is `-`.
    pub fn text(&self, wide: bool, headers: bool) -> String {
        let is_set =
            |row: &Vec<Cell>, at: usize| row.get(at).is_some_and(|cell| !cell.shown.is_empty());
        let is_shown = |at: &usize| match self.columns[*at].when {
            When::Always => true,
            When::AtNeed => wide || self.rows.iter().any(|row| is_set(row, *at)),
            When::Wide => wide,
            When::Never => false,
        };
        let shown: Vec<usize> = (0..self.columns.len()).filter(is_shown).collect();
        let mut lines: Vec<Vec<Cow<'_, str>>> = Vec::new();
        if headers {
            lines.push(shown.iter().map(|&at| self.columns[at].title.into()).collect());
        }
        for row in &self.rows {
            let cell = |at: usize| match row.get(at).map(|cell| cell.text(wide)) {
                None | Some("") => "-".into(),
                Some(text) if self.columns[at].is_name => {
                    cut(printable(text), WIDEST[usize::from(wide)])
                }
                Some(text) => printable(text),
            };
            lines.push(shown.iter().map(|&at| cell(at)).collect());
        }
        let widths: Vec<usize> = (0..shown.len())
            .map(|at| lines.iter().map(|line| line[at].width()).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for line in &lines {
            let start = text.len();
            for ((cell, &width), &column) in line.iter().zip(&widths).zip(&shown) {
                let blank = " ".repeat(width.saturating_sub(cell.width()));
                match self.columns[column].align {
                    Align::Left => text.extend([cell, blank.as_str()]),
                    Align::Right => text.extend([blank.as_str(), cell]),
                }
                text.push_str(&" ".repeat(GAP));
            }
            let end = text.trim_end_matches(' ').len().max(start);
            text.truncate(end);
            text.push('\n');
        }
        text
    }
}

/// A text that is too wide, with an ellipsis in place of what is too much.
fn cut(text: Cow<'_, str>, widest: usize) -> Cow<'_, str> {
    if text.width() <= widest {
        return text;
    }
    let mut kept = String::new();
    for one in text.chars() {
        if kept.width() + one.width().unwrap_or(0) >= widest {
            break;
        }
        kept.push(one);
    }
    kept.push('…');
    kept.into()
}
