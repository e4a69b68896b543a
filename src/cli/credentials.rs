//! `credentials`: every credential that is known to be out, riskiest first.

use super::answer;
use super::args::Global;
use super::exit::{Code, Failure};
use super::identity::{self, ROWS};
use super::places::Places;
use super::sources::{Needs, open};
use crate::credentials;
use crate::report::{CredentialRow, Report, Unseen};

pub(super) fn run(global: &Global, of: Option<&str>) -> Result<Code, Failure> {
    let places = Places::of(global)?;
    let session = open(global, Needs { lists: ROWS, log: true, findings: false })?;
    let only = of.map(|text| identity::parse(text, &session)).transpose()?;
    let mut items = Vec::new();
    let mut unseen = Unseen::default();
    for book in &session.books {
        let found = credentials::inventory(book);
        let there = places.over(book);
        let wanted = found.credentials.iter().filter(|credential| {
            only.as_ref().is_none_or(|only| credential.identity == *only)
                && there.has_identity(&credential.identity)
        });
        items.extend(wanted.map(|credential| CredentialRow::new(book, credential)));
        unseen.add(book, found.unreadable, found.remarks);
    }
    let missing = answer::unread(&session, credentials::LISTS, ROWS);
    let mut report = Report::new(answer::metadata(&session, missing), items);
    report.unseen = Some(unseen.clone());
    let code = answer::give(global, &session, &report)?;
    for one in &unseen.unreadable {
        answer::say(&format!("not readable: {}: {}", one.place, one.reason));
    }
    for one in &unseen.remarks {
        answer::say(&format!("{}: {}", one.place, one.text));
    }
    if report.items.is_empty() {
        answer::say("no credential is known");
        places.say_unknown(&session);
    }
    answer::say("what no list and no log shows:");
    for what in &unseen.not_seen {
        answer::say(&format!("  {what}"));
    }
    let unreadable = &unseen.unreadable;
    Ok(if unreadable.is_empty() { code } else { code.max(Code::Incomplete) })
}
