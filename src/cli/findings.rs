//! `findings`: what is wrong, worst first.

use std::sync::Arc;

use super::answer;
use super::args::{FailOn, Global};
use super::exit::{Code, Failure};
use super::identity::{REACH, WHO_HOLDS_WHAT};
use super::places::Places;
use super::sources::{Needs, Session, open};
use crate::book::{Book, Finding, Severity};
use crate::config::Setting;
use crate::findings::{self, RULES, floods};
use crate::model::{ListKind, SubjectKind, counted_with, fits};
use crate::report::{FindingRow, NotJudged, Report};

pub(super) fn run(
    global: &Global,
    fail_on: Option<FailOn>,
    exempted: bool,
) -> Result<Code, Failure> {
    let places = Places::of(global)?;
    let session = open(global, Needs { lists: REACH, log: true, findings: true })?;
    let at_least = fail_on.map(Severity::from);
    let mut found: Vec<(&Arc<Book>, Finding)> = Vec::new();
    let mut exempt: Vec<(&Arc<Book>, Finding)> = Vec::new();
    for book in &session.books {
        let there = places.over(book);
        let wanted = |finding: &Finding| there.has_identity(&finding.identity);
        let judged = book.findings().into_iter().filter(|finding| wanted(finding));
        found.extend(judged.map(|finding| (book, finding.clone())));
        for finding in super::reach::findings(book).into_iter().filter(wanted) {
            let is_exempt = findings::is_exempt(book, &finding);
            if is_exempt { &mut exempt } else { &mut found }.push((book, finding));
        }
        let judged = book.exempt().into_iter().filter(|finding| wanted(finding));
        exempt.extend(judged.map(|finding| (book, finding.clone())));
    }
    // Of each cluster the worst come first; of several clusters too.
    found.sort_by(|(_, a), (_, b)| b.severity.cmp(&a.severity).then_with(|| a.rule.cmp(b.rule)));
    let failing =
        found.iter().any(|(_, finding)| at_least.is_some_and(|at| finding.severity >= at));
    let mut items: Vec<FindingRow> =
        found.iter().map(|(book, finding)| FindingRow::new(book, finding)).collect();
    let left_out = if exempted { 0 } else { exempt.len() };
    if exempted {
        items.extend(exempt.iter().map(|(book, finding)| FindingRow::exempt(book, finding)));
    }
    let mut needed = WHO_HOLDS_WHAT.to_vec();
    needed.push(ListKind::Namespaces);
    let read: Vec<ListKind> = REACH.iter().chain(floods::LISTS).copied().collect();
    let missing = answer::unread(&session, &needed, &read);
    let mut report = Report::new(answer::metadata(&session, missing), items);
    report.metadata.not_judged =
        session.books.iter().flat_map(|book| NotJudged::of(book)).collect();
    let code = answer::give(global, &session, &report)?;
    answer::about_policy(&report.metadata);
    for book in &session.books {
        let at = match session.books.len() {
            1 => String::new(),
            _ => format!("{}: ", book.snapshot.cluster.name),
        };
        for one in findings::not_judged(book) {
            answer::say(&format!("{at}not judged, or not of everybody, {}", one.words()));
        }
    }
    if found.is_empty() {
        answer::say(if report.metadata.not_judged.is_empty() {
            "nothing is found wrong in what was read"
        } else {
            "nothing is found wrong in what was read, by the rules that were judged"
        });
        if let Some(more) = answer::not_read(&report.metadata) {
            answer::say(&more);
        }
        places.say_unknown(&session);
    }
    if left_out > 0 {
        let are = counted_with(left_out, "finding", ["is", "are"]);
        answer::say(&format!("{are} exempt by the policy: --exempted lists them"));
    }
    let all = found.iter().chain(&exempt).map(|(_, finding)| finding);
    exemptions(&session, &all.collect::<Vec<_>>());
    left(&session);
    Ok(code.max(if failing { Code::No } else { Code::Done }))
}

/// Says which exemptions are of no use, or no longer.
fn exemptions(session: &Session, all: &[&Finding]) {
    let now = session.books.first().map(|book| book.now);
    // What was not judged may be a finding all the same.
    let unjudged = session.books.iter().flat_map(|book| findings::not_judged(book));
    let unjudged: Vec<&str> = unjudged.flat_map(|one| one.rules).collect();
    let judged = |rule: &str| RULES.contains(&rule) && !unjudged.contains(&rule);
    for Setting { value, origin } in &session.settings.exemptions {
        if !RULES.contains(&&*value.rule) {
            let known = RULES.join(", ");
            answer::say(&format!(
                "warning: {origin}: no finding is called {:?} (known: {known})",
                &*value.rule
            ));
        }
        let somebody = session
            .books
            .iter()
            .flat_map(|book| book.entries())
            .any(|entry| value.is_for(&entry.identity.to_string()));
        let of_rule =
            |finding: &&Finding| value.is_about(finding.rule, &finding.identity.to_string());
        if !somebody {
            answer::say(&format!(
                "warning: {origin}: the exemption of {} is for {:?}, and nobody who is listed is \
                 called so (user:NAME, group:NAME or sa:NAMESPACE/NAME, * stands for anything)",
                value.rule, &*value.identity
            ));
        } else if judged(&value.rule) && !all.iter().copied().any(|one| of_rule(&one)) {
            answer::say(&format!(
                "warning: {origin}: the exemption of {} for {} exempts nothing now: there is no such \
                 finding",
                value.rule, value.identity
            ));
        }
        if now.is_some_and(|now| !value.holds(now)) {
            answer::say(&format!(
                "warning: {origin}: the exemption of {} for {} ran out on {}; {} answers for it",
                value.rule, value.identity, value.expires, value.owner
            ));
        }
    }
}

/// Says which names of those who left are nobody's: a slip in one would hide whoever is meant.
fn left(session: &Session) {
    let entries = || session.books.iter().flat_map(|book| book.entries());
    for (who, Setting { origin, .. }) in &session.settings.left {
        let known = entries()
            .filter(|entry| entry.identity.kind != SubjectKind::Group)
            .map(|entry| entry.identity.to_string());
        if let Some(words) = unknown(who, known) {
            answer::say(&format!("warning: {origin}: {words}"));
        }
    }
}

/// That a pattern of who left fits none of those who are known, with one whom it would fit but for large
/// and small letters; None where it fits one.
fn unknown(who: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let lower = who.to_lowercase();
    let mut like = None;
    for identity in known {
        if fits(who, &identity) {
            return None;
        }
        if like.is_none() && fits(&lower, &identity.to_lowercase()) {
            like = Some(identity);
        }
    }
    let like = like.map_or_else(
        || " (user:NAME or sa:NAMESPACE/NAME, * stands for anything)".to_owned(),
        |like| format!(", but {like:?} is: large and small letters differ"),
    );
    Some(format!(
        "{who:?} is said to have left, and nobody who is listed or in the log is called so{like}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_the_name_of_one_who_left_is_told() {
        let said = |who: &str| {
            let known = ["user:Bo@corp.example", "sa:ci/deployer", "user:system:admin"];
            unknown(who, known.into_iter().map(str::to_owned))
        };
        for who in ["user:Bo@corp.example", "user:*@corp.example", "sa:ci/*", "user:system:admin"] {
            assert_eq!(said(who), None, "{who}");
        }
        assert_eq!(
            said("user:bo@corp.example").unwrap(),
            "\"user:bo@corp.example\" is said to have left, and nobody who is listed or in the log \
             is called so, but \"user:Bo@corp.example\" is: large and small letters differ"
        );
        assert_eq!(
            said("user:ana@corp.example").unwrap(),
            "\"user:ana@corp.example\" is said to have left, and nobody who is listed or in the log \
             is called so (user:NAME or sa:NAMESPACE/NAME, * stands for anything)"
        );
    }
}
