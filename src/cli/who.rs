//! `who`: every identity.

use std::collections::HashMap;
use std::sync::Arc;

use super::answer;
use super::args::{Global, SortBy};
use super::exit::{Code, Failure};
use super::identity::{REACH, ROWS, WHO_HOLDS_WHAT};
use super::places::Places;
use super::sources::{Needs, open};
use crate::book::{Book, Entry, IdentityId};
use crate::findings;
use crate::model::counted_with;
use crate::query::{Query, Remark, Sort};
use crate::reach::{LISTS, Reach};
use crate::report::{IdentityRow, Missing, ReachPart, Report};

pub(super) fn run(
    global: &Global,
    filter: &str,
    sort: SortBy,
    with_reach: bool,
) -> Result<Code, Failure> {
    let query = parse(filter)?;
    let namespaces = Places::of(global)?;
    let with_reach = with_reach || query.asks_for(findings::reach::RULE);
    let (lists, needed) = if with_reach { (REACH, LISTS) } else { (ROWS, WHO_HOLDS_WHAT) };
    let session = open(global, Needs { lists, log: true, findings: true })?;
    let sort = Sort::by(sort.into());
    let books: Vec<(Arc<Book>, HashMap<IdentityId, ReachPart>)> = session
        .books
        .iter()
        .map(|book| if with_reach { reached(book) } else { (book.clone(), HashMap::new()) })
        .collect();
    let mut rows: Vec<(&Arc<Book>, &Arc<Entry>, Option<&ReachPart>)> = Vec::new();
    let (mut notes, mut missing): (Vec<String>, Vec<Missing>) = Default::default();
    for (book, reached) in &books {
        let filter = query.prepare(book);
        for remark in filter.remarks() {
            match remark {
                Remark::Unresolved(why) => return Err(Failure::usage(why.clone())),
                Remark::Note(note) => notes.push(note.to_string()),
                Remark::Missing(list) => {
                    missing.push(answer::of_list(&book.snapshot.cluster.id, list.clone()));
                }
            }
        }
        let places = namespaces.over(book);
        let wanted = |entry: &Entry| filter.matches(entry) && places.has(entry);
        let listed = book.entries().filter(|entry| wanted(entry));
        rows.extend(listed.map(|entry| (book, entry, reached.get(&entry.id))));
    }
    let mut keyed: Vec<_> = rows.into_iter().map(|row| (sort.key_of(row.0, row.1), row)).collect();
    keyed.sort_by(|a, b| sort.compare(&a.0, &b.0));
    let mut rows = IdentityRow::all(keyed.iter().map(|(_, (book, entry, _))| (*book, *entry)));
    for (row, (_, (_, _, reach))) in rows.iter_mut().zip(&keyed) {
        row.reach = reach.cloned();
    }
    for list in answer::unread(&session, needed, lists) {
        if !missing.contains(&list) {
            missing.push(list);
        }
    }
    let report = Report::new(answer::metadata(&session, missing), rows);
    let code = answer::give(global, &session, &report)?;
    answer::about_policy(&report.metadata);
    notes.dedup();
    for note in &notes {
        answer::say(note);
    }
    if report.items.is_empty() {
        // Where nobody is known there was nothing that could match.
        let known = session.books.iter().any(|book| book.entries().next().is_some());
        answer::say(if known { "nobody matches" } else { "nobody is known" });
        let name = |word: &str| {
            let entries = session.books.iter().flat_map(|book| book.entries());
            entries.filter(|entry| entry.identity.to_string().contains(word)).count()
        };
        for (word, count) in query.states().map(|word| (word, name(word))) {
            if count > 0 {
                answer::say(&format!(
                    "{word} is a state (is:{word}); {} it in the name: keybook who '\"{word}\"'",
                    counted_with(count, "identity", ["has", "have"])
                ));
            }
        }
        namespaces.say_unknown(&session);
    }
    if session.books.iter().all(|book| book.coverage().is_none()) {
        answer::say(
            "no audit log (--audit): last activity is only what the cluster itself shows, \
             in brackets with its source; docs/logs has how to get a log, by platform",
        );
    }
    Ok(code)
}

/// The Book with what everybody can become, and that by identity: what is more than somebody is
/// is one of their findings.
fn reached(book: &Arc<Book>) -> (Arc<Book>, HashMap<IdentityId, ReachPart>) {
    let reach = Reach::new(book);
    let all = reach.all();
    let with = book.with_becoming(&findings::reach::becoming(&reach, &all));
    (Arc::new(with), all.iter().map(|one| (one.id, ReachPart::from(one))).collect())
}

fn parse(filter: &str) -> Result<Query, Failure> {
    Query::parse(filter).map_err(|error| {
        Failure::usage(format!("the filter {filter:?} is not understood: {error}"))
    })
}
