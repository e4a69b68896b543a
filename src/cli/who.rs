//! `who`: every identity.

use std::sync::Arc;

use super::answer;
use super::args::{Global, SortBy};
use super::exit::{Code, Failure};
use super::identity::{REACH, ROWS, WHO_HOLDS_WHAT};
use super::sources::{Needs, open};
use crate::book::{Book, Entry};
use crate::query::{Query, Sort};
use crate::reach::{LISTS, Reach};
use crate::report::{IdentityRow, ReachPart, Report};

pub(super) fn run(
    global: &Global,
    filter: &str,
    sort: SortBy,
    with_reach: bool,
) -> Result<Code, Failure> {
    let query = parse(filter)?;
    let namespaces = namespaces(global)?;
    let (lists, read) = if with_reach { (REACH, LISTS) } else { (ROWS, WHO_HOLDS_WHAT) };
    let session = open(global, Needs { lists, log: true })?;
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
    let listed: Vec<_> = keyed.into_iter().map(|(_, book, entry)| (book, entry)).collect();
    let mut rows = IdentityRow::all(listed.iter().copied());
    if with_reach {
        for (row, reached) in rows.iter_mut().zip(reached(&session.books, &listed)) {
            row.reach = Some(reached);
        }
    }
    let missing = answer::missing(&session, read, None);
    let report = Report::new(answer::metadata(&session, missing), rows);
    let code = answer::give(global, &session, &report)?;
    answer::about_policy(&report.metadata);
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

/// What each of those listed can become.
fn reached(books: &[Arc<Book>], listed: &[(&Arc<Book>, &Arc<Entry>)]) -> Vec<ReachPart> {
    let mut found: Vec<(usize, ReachPart)> = Vec::with_capacity(listed.len());
    for book in books {
        let of_this = |(_, one): &(usize, &(&Arc<Book>, &Arc<Entry>))| Arc::ptr_eq(one.0, book);
        let (places, entries): (Vec<usize>, Vec<&Entry>) =
            listed.iter().enumerate().filter(of_this).map(|(at, one)| (at, &**one.1)).unzip();
        let reached = Reach::new(book).many(&entries);
        found.extend(places.into_iter().zip(reached.iter().map(ReachPart::from)));
    }
    found.sort_unstable_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, part)| part).collect()
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
