//! `-n` where a list is asked for: only what has to do with one of these namespaces.

use std::sync::Arc;

use super::answer;
use super::args::Global;
use super::exit::Failure;
use super::sources::Session;
use crate::book::{Book, Entry};
use crate::model::{Identity, ListKind};
use crate::query::{Filter, Query};

/// The namespaces that are asked about; none is all of them.
pub(super) struct Places {
    names: Vec<String>,
    queries: Vec<Query>,
}

/// The same over one Book.
pub(super) struct PlacesOf<'b> {
    book: &'b Arc<Book>,
    names: &'b [String],
    filters: Vec<Filter<'b>>,
}

impl Places {
    /// What the command line asks for.
    pub(super) fn of(global: &Global) -> Result<Self, Failure> {
        let all = global.cluster.all_namespaces;
        let names = if all { Vec::new() } else { global.cluster.namespace.clone() };
        let query = |name: &String| {
            Query::parse(&format!("ns:\"{name}\"")).map_err(|error| {
                Failure::usage(format!("-n {name:?} is no name of a namespace: {error}"))
            })
        };
        let queries = names.iter().map(query).collect::<Result<_, _>>()?;
        Ok(Self { names, queries })
    }

    /// Over one Book.
    pub(super) fn over<'b>(&'b self, book: &'b Arc<Book>) -> PlacesOf<'b> {
        let filters = self.queries.iter().map(|query| query.prepare(book)).collect();
        PlacesOf { book, names: &self.names, filters }
    }

    /// Says which of these namespaces are in no cluster, as far as that is known.
    pub(super) fn say_unknown(&self, session: &Session) {
        let lists = [ListKind::Namespaces];
        if !answer::missing(session, &lists, None).is_empty() {
            return;
        }
        let is_there = |name: &str| {
            session.books.iter().any(|book| book.snapshot.objects.namespaces.contains_key(name))
        };
        for name in self.names.iter().filter(|name| !is_there(name)) {
            answer::say(&format!("there is no namespace {name}"));
        }
    }

    /// Says that an answer about one identity is of all it holds, wherever.
    pub(super) fn say_whole(&self, what: &str) {
        if !self.names.is_empty() {
            answer::say(&format!(
                "{what} is of every namespace; -n says where to look only, if namespaces may not be \
                 listed"
            ));
        }
    }
}

impl PlacesOf<'_> {
    /// Whether somebody has to do with one of them: an account there, or a grant.
    pub(super) fn has(&self, entry: &Entry) -> bool {
        self.names.is_empty() || self.filters.iter().any(|filter| filter.matches(entry))
    }

    /// The same of an identity that may be nobody's who is listed.
    pub(super) fn has_identity(&self, identity: &Identity) -> bool {
        let there = || {
            identity.namespace.as_deref().is_some_and(|ns| self.names.iter().any(|name| name == ns))
        };
        self.book
            .find(identity)
            .map_or_else(|| self.names.is_empty() || there(), |entry| self.has(entry))
    }
}
