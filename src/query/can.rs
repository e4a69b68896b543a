//! `can:VERB/RESOURCE[.GROUP][/SUB][@NAMESPACE]`: who is allowed something, asked of the whole
//! cluster at once.

use std::collections::BTreeSet;

use crate::book::{Book, Entry, IdentityId};
use crate::model::Name;
use crate::rbac::query::{Asker, Question, Resolver, Roster, who_can};

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

    /// Everybody of the Book who is allowed it; None where the words name no resource.
    pub(super) fn holders(&self, book: &Book) -> Option<BTreeSet<IdentityId>> {
        let snapshot = &book.snapshot;
        let resolver = Resolver::of(snapshot);
        let target = resolver.resolve(&self.verb, &self.words).ok()?;
        let question = Question {
            verb: self.verb.clone(),
            target,
            namespace: self.namespace.clone(),
            name: None,
        };
        let answer = who_can(book.authorizer(), snapshot, &roster(book), &question);
        let ids = answer.holders.iter().filter_map(|holder| book.find(&holder.asker.identity));
        Some(ids.map(|entry| entry.id).collect())
    }
}

/// Everybody of a Book, with the groups that the Book knows of.
pub fn roster(book: &Book) -> Roster {
    Roster::new(book.entries().map(|entry| asker(entry)))
}

/// An entry as one who asks.
pub fn asker(entry: &Entry) -> Asker {
    let groups = entry.groups.iter().map(|group| group.name.clone());
    Asker::new(entry.identity.clone(), groups, entry.groups_known)
}
