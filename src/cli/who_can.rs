//! `who-can`: everybody who would be able to do something.

use super::answer;
use super::args::Global;
use super::exit::{Code, Failure};
use super::identity::{self, QUESTIONS, WHO_IS_IN_WHAT, Words};
use super::sources::{Needs, open};
use crate::book::Book;
use crate::model::Identity;
use crate::query::roster;
use crate::rbac::query::{Asker, Roster, who_can};
use crate::report::{Holders, Report};

pub(super) fn run(global: &Global, words: &Words) -> Result<Code, Failure> {
    let session = open(global, Needs { lists: QUESTIONS, log: true, findings: false })?;
    let mut holders = Holders::default();
    let mut missing = Vec::new();
    for book in &session.books {
        let question = identity::question(book, global, words)?;
        let answer = who_can(book.authorizer(), &book.snapshot, &everybody(book), &question);
        holders.add(book, &answer);
        let cluster = &book.snapshot.cluster.id;
        missing.extend(answer.missing.iter().cloned().map(|list| answer::of_list(cluster, list)));
    }
    missing.extend(answer::unread(&session, &[], WHO_IS_IN_WHAT));
    let mut metadata = answer::metadata(&session, missing);
    let Holders { rows, undecided, notes } = holders;
    metadata.undecided = undecided;
    metadata.notes = notes;
    let report = Report::new(metadata, rows);
    let code = answer::give(global, &session, &report)?;
    for note in &report.metadata.notes {
        answer::say(note);
    }
    match report.metadata.undecided.len() {
        0 => {}
        1 => answer::say(
            "1 user whose groups are unknown may be able to by a group (-o json names them)",
        ),
        many => answer::say(&format!(
            "{many} users whose groups are unknown may be able to by a group (-o json names them)"
        )),
    }
    let nobody = report.items.is_empty();
    Ok(code.max(if nobody { Code::No } else { Code::Done }))
}

/// Everybody of the Book, and those whom the API server knows without any object or binding.
fn everybody(book: &Book) -> Roster {
    let built_in = [Identity::group(Identity::SYSTEM_MASTERS), Identity::user(Identity::ANONYMOUS)];
    let known = roster(book);
    let known = known.askers().iter().map(|asker| (**asker).clone());
    Roster::new(built_in.into_iter().map(Asker::bare).chain(known))
}
