//! `show`: one identity whole.

use super::answer;
use super::args::Global;
use super::exit::{Code, Failure};
use super::identity::{self, WHO_HOLDS_WHAT, WHOLE};
use super::places::Places;
use super::sources::{Needs, open};
use crate::findings;
use crate::reach::Reach;
use crate::report::{FindingRow, Format, IdentityDetail, ReachPart, Report};

pub(super) fn run(global: &Global, text: &str) -> Result<Code, Failure> {
    Places::of(global)?.say_whole("what is shown of somebody");
    let session = open(global, Needs { lists: WHOLE, log: true, findings: true })?;
    let identity = identity::parse(text, &session)?;
    let items: Vec<IdentityDetail> = session
        .books
        .iter()
        .filter_map(|book| {
            let reach = Reach::new(book);
            let reached = reach.of(book.find(&identity)?);
            let becoming = findings::reach::becoming(&reach, std::slice::from_ref(&reached));
            let with = book.with_becoming(&becoming);
            let entry = with.find(&identity)?;
            let mut detail = IdentityDetail::new(&with, entry);
            detail.row.reach = Some(ReachPart::from(&reached));
            Some(detail)
        })
        .collect();
    if items.is_empty() {
        let missing = answer::missing(&session, WHO_HOLDS_WHAT, None);
        let message = answer::nobody(&identity, &missing);
        let metadata = answer::metadata(&session, missing);
        answer::about(&session, &metadata);
        return Err(Failure { code: answer::code(&session, &metadata).max(Code::No), message });
    }
    let metadata = answer::metadata(&session, answer::unread(&session, WHO_HOLDS_WHAT, WHOLE));
    answer::about_policy(&metadata);
    let report = Report::new(metadata, items);
    let code = answer::give(global, &session, &report)?;
    // One line an identity has no place for them.
    if matches!(answer::format(global), Format::Name | Format::Csv) {
        for one in report.items.iter().flat_map(|item| &item.exempt) {
            answer::say(&said(one));
        }
    }
    Ok(code)
}

/// That a finding is exempt, and who answers for it until when: of one that is not shown it would seem
/// that nothing is wrong.
fn said(one: &FindingRow) -> String {
    let by = one.exemption.as_ref().map_or_else(String::new, |by| {
        format!(" until {}, {} answers for it ({})", by.expires, by.owner, by.reason)
    });
    format!("exempt by the policy{by}: {} {}: {}", one.severity, one.rule, one.evidence)
}
