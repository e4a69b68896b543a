//! `who`: every identity.

use std::sync::Arc;

use super::answer;
use super::args::{Global, SortBy};
use super::exit::{Code, Failure};
use super::identity::{ROWS, WHO_HOLDS_WHAT};
use super::sources::{Needs, open};
use crate::book::{Book, Entry};
use crate::query::{Query, Sort};
use crate::report::{IdentityRow, Report};

pub(super) fn run(global: &Global, filter: &str, sort: SortBy) -> Result<Code, Failure> {
    let query = parse(filter)?;
    let namespaces = namespaces(global)?;
    let session = open(global, Needs { lists: ROWS, log: true })?;
    let sort = Sort::by(sort.into());
    let mut rows: Vec<(&Arc<Book>, &Arc<Entry>)> = Vec::new();
    for book in &session.books {
        let filter = query.prepare(book);
        let places: Vec<_> = namespaces.iter().map(|place| place.prepare(book)).collect();
        let wanted = |entry: &Entry| {
            filter.matches(entry)
                && (places.is_empty() || places.iter().any(|place| place.matches(entry)))
        };
        rows.extend(book.entries().filter(|entry| wanted(entry)).map(|entry| (book, entry)));
    }
    let mut keyed: Vec<_> =
        rows.into_iter().map(|(book, entry)| (sort.key_of(book, entry), book, entry)).collect();
    keyed.sort_by(|a, b| sort.compare(&a.0, &b.0));
    let rows = keyed.into_iter().map(|(_, book, entry)| (book, entry));
    let missing = answer::missing(&session, WHO_HOLDS_WHAT, None);
    let report = Report::new(answer::metadata(&session, missing), IdentityRow::all(rows));
    let code = answer::give(global, &session, &report)?;
    if report.items.is_empty() {
        answer::say("nobody matches");
    }
    if session.books.iter().all(|book| book.coverage().is_none()) {
        answer::say(
            "no audit log (--audit): last activity is only what the cluster itself shows, \
             in brackets with its source; docs/logs has how to get a log, by platform",
        );
    }
    Ok(code)
}

fn parse(filter: &str) -> Result<Query, Failure> {
    Query::parse(filter).map_err(|error| {
        Failure::usage(format!("the filter {filter:?} is not understood: {error}"))
    })
}

/// Who is asked for by `-n`: whoever has to do with one of the namespaces; nothing is everybody.
fn namespaces(global: &Global) -> Result<Vec<Query>, Failure> {
    if global.cluster.all_namespaces {
        return Ok(Vec::new());
    }
    global.cluster.namespace.iter().map(|name| parse(&format!("ns:\"{name}\""))).collect()
}
