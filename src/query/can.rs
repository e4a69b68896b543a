//! `can:VERB/RESOURCE[.GROUP][/SUB][@NAMESPACE]`: who is allowed something, asked of the whole
//! cluster at once.

use std::collections::BTreeSet;
use std::fmt;

use crate::book::{Book, Entry, IdentityId};
use crate::model::Name;
use crate::rbac::query::{Asker, Missing, Note, Question, Resolver, Roster, who_can};

/// What has to be said beside what a filter finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// The words of a right name no one resource, for this reason: nobody is found by them.
    Unresolved(String),
    /// As beside the answer of `who-can`.
    Note(Note),
    /// A list that it reads and that is not whole, so that there may be more.
    Missing(Missing),
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolved(why) => f.write_str(why),
            Self::Note(note) => note.fmt(f),
            Self::Missing(missing) => write!(f, "not whole: {missing}"),
        }
    }
}

/// A right that is asked about, its words not resolved yet: that takes a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Right {
    verb: Name,
    words: String,
    namespace: Option<Name>,
}

impl Right {
    /// Reads the value of a `can:` term.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let expected = || "expected can:VERB/RESOURCE[.GROUP][/SUB][@NAMESPACE]".to_owned();
        let (verb, rest) = text.split_once('/').ok_or_else(expected)?;
        let (words, namespace) = match rest.split_once('@') {
            Some((words, ns)) => (words, Some(ns)),
            None => (rest, None),
        };
        if verb.is_empty() || words.is_empty() || namespace == Some("") {
            return Err(expected());
        }
        Ok(Self {
            verb: verb.into(),
            words: words.to_owned(),
            namespace: namespace.map(Into::into),
        })
    }

    /// Everybody of the Book who is allowed it, with what has to be said beside it; no ids where the
    /// words name no one resource.
    pub(super) fn holders(&self, book: &Book) -> (Option<BTreeSet<IdentityId>>, Vec<Remark>) {
        let snapshot = &book.snapshot;
        let resolver = Resolver::of(snapshot);
        let target = match resolver.resolve(&self.verb, &self.words) {
            Ok(target) => target,
            Err(error) => return (None, vec![Remark::Unresolved(error.to_string())]),
        };
        let question = Question {
            verb: self.verb.clone(),
            target,
            namespace: self.namespace.clone(),
            name: None,
        };
        let answer = who_can(book.authorizer(), snapshot, &roster(book), &question);
        let ids = answer.holders.iter().filter_map(|holder| book.find(&holder.asker.identity));
        let ids = ids.map(|entry| entry.id).collect();
        let notes = answer.notes.into_iter().map(Remark::Note);
        (Some(ids), notes.chain(answer.missing.into_iter().map(Remark::Missing)).collect())
    }
}

/// Everybody of a Book, with the groups that the Book knows of.
pub fn roster(book: &Book) -> Roster {
    Roster::new(book.entries().map(|entry| asker(entry)))
}

/// An entry as one who asks.
pub fn asker(entry: &Entry) -> Asker {
    entry.asker()
}
