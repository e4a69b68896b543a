//! `findings`: what is wrong, worst first.

use std::sync::Arc;

use super::answer;
use super::args::{FailOn, Global};
use super::exit::{Code, Failure};
use super::identity::{REACH, WHO_HOLDS_WHAT};
use super::sources::{Needs, open};
use crate::book::{Book, Finding, Severity};
use crate::model::ListKind;
use crate::report::{FindingRow, Report};

pub(super) fn run(global: &Global, fail_on: Option<FailOn>) -> Result<Code, Failure> {
    let session = open(global, Needs { lists: REACH, log: true })?;
    let at_least = fail_on.map(Severity::from);
    let mut found: Vec<(&Arc<Book>, Finding)> = Vec::new();
    for book in &session.books {
        found.extend(book.findings().into_iter().map(|finding| (book, finding.clone())));
        found.extend(super::reach::findings(book).into_iter().map(|finding| (book, finding)));
    }
    // Of each cluster the worst come first; of several clusters too.
    found.sort_by(|(_, a), (_, b)| b.severity.cmp(&a.severity).then_with(|| a.rule.cmp(b.rule)));
    let failing =
        found.iter().any(|(_, finding)| at_least.is_some_and(|at| finding.severity >= at));
    let items = found.iter().map(|(book, finding)| FindingRow::new(book, finding)).collect();
    let mut lists = WHO_HOLDS_WHAT.to_vec();
    lists.push(ListKind::Namespaces);
    let missing = answer::missing(&session, &lists, None);
    let report = Report::new(answer::metadata(&session, missing), items);
    let code = answer::give(global, &session, &report)?;
    if report.items.is_empty() {
        answer::say("nothing is found wrong in what was read");
    }
    Ok(code.max(if failing { Code::No } else { Code::Done }))
}
