//! `show`: one identity whole.

use super::answer;
use super::args::Global;
use super::exit::{Code, Failure};
use super::identity::{self, ROWS, WHO_HOLDS_WHAT};
use super::sources::{Needs, open};
use crate::report::{IdentityDetail, Report};

pub(super) fn run(global: &Global, text: &str) -> Result<Code, Failure> {
    let session = open(global, Needs { lists: ROWS, log: true })?;
    let identity = identity::parse(text, &session)?;
    let items: Vec<IdentityDetail> = session
        .books
        .iter()
        .filter_map(|book| Some(IdentityDetail::new(book, book.find(&identity)?)))
        .collect();
    let missing = answer::missing(&session, WHO_HOLDS_WHAT, None);
    let metadata = answer::metadata(&session, missing);
    if items.is_empty() {
        answer::about(&session, &metadata);
        return Err(Failure {
            code: answer::code(&session, &metadata).max(Code::No),
            message: format!(
                "{identity} is named by no binding, no service account and no log that was read"
            ),
        });
    }
    answer::give(global, &session, &Report::new(metadata, items))
}
