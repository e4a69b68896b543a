//! One grammar for finding identities: the `/` of the terminal, `who FILTER`, chips and views.
//!
//! ```text
//! query = { term }                      every term must hold
//! term  = [ "!" | "-" ] ( word | key ":" value )
//! word  = text | "quoted text"          part of the name, whatever its case
//!       | "~" regex | "%" letters       a regular expression; letters in this order
//! value = text | "quoted text" | "~" regex
//! ```
//!
//! | term | holds for |
//! |---|---|
//! | `kind:user`, `kind:group`, `kind:sa` | that kind |
//! | `user:X`, `sa:NS/X` | a user or an account of that name (`*` and `?` are wildcards) |
//! | `name:X` | a name of that form |
//! | `group:X` | members of the group, and the group itself |
//! | `ns:X` | accounts of the namespace, and whoever holds a grant for just this namespace |
//! | `scope:cluster`, `scope:namespace` | who holds a grant for the whole cluster; for a namespace |
//! | `role:X` | who holds a grant of that role, its own or a group's |
//! | `can:VERB/RESOURCE[.GROUP][/SUB][@NS]` | who is allowed that by RBAC, somewhere or in NS |
//! | `tier:X`, `tier:>=X` | that tier; that tier or a stronger one |
//! | `finding:X`, `finding:any` | who has a finding of that rule; any finding |
//! | `severity:X`, `severity:>=X` | whose worst finding is that bad; that bad or worse |
//! | `seen:<7d`, `seen:>30d` | seen in the last seven days of the log; not seen in its last thirty |
//! | `seen:never`, `seen:denied` | not in the log at all, neither by itself nor by others in its name; only ever refused |
//! | `used:0`, `used:>5`, `used:<10%` | so many rules in use, or such a part of those held |
//! | `agent:X`, `address:X` | seen with that user agent; from that address |
//! | `cluster:X` | identities of that cluster |
//! | `is:idle` `is:dangling` `is:shared` `is:admin` `is:system` | that state; the first three also as bare words |
//!
//! Times are measured to the end of what the log covers, never to the wall clock. What is not
//! known (a list that is still loading, no log) is never matched by a term that asks for it, and
//! not by its negation either, so `!seen:<7d` does not call unknown ones idle.

mod can;
mod parse;
mod pattern;
mod seen;
mod sort;
mod term;

use std::fmt;

use crate::book::{Book, Entry};

pub use can::{Remark, asker, roster};
pub use parse::KEYS;
pub use seen::Seen;
pub use sort::{Sort, SortKey};
use term::{Prepared, Term};

/// What a text of the grammar asks for. The empty one matches everybody.
#[derive(Clone, Debug, Default)]
pub struct Query {
    text: String,
    terms: Vec<(bool, Term)>,
}

/// Why a text is no query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("position {at}: {expected}")]
pub struct QueryError {
    /// Which character, counted from 1.
    pub at: usize,
    /// What is wrong and what was expected.
    pub expected: String,
}

impl Query {
    /// Reads a text.
    ///
    /// # Errors
    /// Names the position and what was expected there.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        Ok(Self { text: text.trim().to_owned(), terms: parse::terms(text)? })
    }

    /// The text that it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it matches everybody.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether it asks for findings of a rule, by the rule's name.
    pub fn asks_for(&self, rule: &str) -> bool {
        self.terms.iter().any(|(_, term)| term.is_finding(rule))
    }

    /// The bare words that stand for a state, and are looked for in no name.
    pub fn states(&self) -> impl Iterator<Item = &str> {
        self.text.split_whitespace().filter(|word| parse::is_state(word))
    }

    /// Makes it ready for many entries of one Book: what needs the whole cluster is asked once.
    pub fn prepare<'a>(&'a self, book: &'a Book) -> Filter<'a> {
        let mut remarks: Vec<Remark> = Vec::new();
        let mut prepare = |(no, term): &'a (bool, Term)| {
            let (prepared, said) = term.prepare(book);
            for remark in said {
                if !remarks.contains(&remark) {
                    remarks.push(remark);
                }
            }
            (*no, prepared)
        };
        let terms = self.terms.iter().map(&mut prepare).collect();
        Filter { book, terms, remarks }
    }

    /// Whether an entry is among those asked for.
    pub fn matches(&self, book: &Book, entry: &Entry) -> bool {
        self.prepare(book).matches(entry)
    }

    /// Where in a name the words are found, as byte ranges, for highlighting.
    pub fn highlights(&self, name: &str) -> Vec<std::ops::Range<usize>> {
        let words = self.terms.iter().filter(|(no, _)| !no).filter_map(|(_, term)| term.word());
        let mut found: Vec<_> = words.flat_map(|word| word.positions(name)).collect();
        found.sort_by_key(|range| (range.start, range.end));
        found
    }
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Query {}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A query, ready for the entries of one Book.
#[derive(Debug)]
pub struct Filter<'a> {
    book: &'a Book,
    terms: Vec<(bool, Prepared<'a>)>,
    remarks: Vec<Remark>,
}

impl Filter<'_> {
    /// What has to be said beside what it finds.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// Whether an entry is among those asked for. What is not known matches neither a term nor
    /// its negation.
    pub fn matches(&self, entry: &Entry) -> bool {
        self.terms.iter().all(|(no, term)| term.holds(self.book, entry) == Some(!no))
    }
}
