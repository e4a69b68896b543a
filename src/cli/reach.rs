//! `reach`: what an identity can become and by which steps; without one, which grants to cut.

use std::collections::BTreeSet;

use super::answer;
use super::args::{FailOn, Global};
use super::exit::{Code, Failure};
use super::identity::{self, REACH, WHO_HOLDS_WHAT};
use super::places::Places;
use super::sources::{Needs, Session, open};
use crate::book::{Book, IdentityId, Severity};
use crate::credentials;
use crate::findings;
use crate::model::{Identity, counted_with};
use crate::reach::{BOUNDED, LISTS, Reach, Reached, not_followed, not_followed_by, with_node};
use crate::report::{CutRow, ReachRow, Report, Tabular};

pub(super) fn run(
    global: &Global,
    of: Option<&str>,
    fail_on: Option<FailOn>,
) -> Result<Code, Failure> {
    let places = Places::of(global)?;
    let session = open(global, Needs { lists: REACH, log: true, findings: false })?;
    let fail_on = fail_on.map(Severity::from);
    match of {
        Some(text) => {
            places.say_whole("what somebody can become");
            one(global, &session, text, fail_on)
        }
        None => cuts(global, &session, fail_on, &places),
    }
}

fn one(
    global: &Global,
    session: &Session,
    text: &str,
    fail_on: Option<Severity>,
) -> Result<Code, Failure> {
    let identity = identity::parse(text, session)?;
    let mut items = Vec::new();
    let mut failing = false;
    let mut beside = Vec::new();
    for book in &session.books {
        // Nodes come into no list unless something names them.
        let node = if book.find(&identity).is_none() { with_node(book, &identity) } else { None };
        let book = node.as_ref().unwrap_or(book);
        let Some(entry) = book.find(&identity) else { continue };
        beside.extend(not_followed_by(book, entry));
        let reach = Reach::new(book);
        items.push(ReachRow::new(&reach, entry));
        let reached = reach.of(entry);
        if reached.bounded {
            answer::say(BOUNDED);
        }
        failing |= fails(&reach, &[reached], fail_on);
        if !entry.groups_known {
            answer::say("its groups are not known: it may become more by what they are granted");
        }
    }
    if items.is_empty() {
        let message = answer::nobody(&identity, &answer::missing(session, WHO_HOLDS_WHAT, None));
        let metadata = answer::metadata(session, answer::missing(session, LISTS, None));
        answer::about(session, &metadata);
        return Err(Failure { code: answer::code(session, &metadata).max(Code::No), message });
    }
    give(global, session, items, failing, &beside)
}

fn cuts(
    global: &Global,
    session: &Session,
    fail_on: Option<Severity>,
    places: &Places,
) -> Result<Code, Failure> {
    let mut items = Vec::new();
    let mut failing = false;
    let (mut higher, mut admins) = (0, 0);
    let mut in_hand = BTreeSet::new();
    for book in &session.books {
        let reach = Reach::new(book);
        let mut all = reach.all();
        let there = places.over(book);
        all.retain(|one| book.entry(one.id).is_some_and(|entry| there.has(entry)));
        higher += all.iter().filter(|reached| reached.is_more()).count();
        let top = crate::book::Tier::ClusterAdmin;
        admins += all.iter().filter(|one| one.is_higher() && one.tier == top).count();
        let bounded = all.iter().filter(|reached| reached.bounded).count();
        if bounded > 0 {
            answer::say(&format!("of {bounded}: {BOUNDED}"));
        }
        failing |= fails(&reach, &all, fail_on);
        in_hand.extend(
            stronger_in_hand(book)
                .into_iter()
                .filter(|(_, id)| book.entry(*id).is_some_and(|entry| there.has(entry))),
        );
        let cuts = reach.cuts(&all);
        items.extend(cuts.iter().filter_map(|cut| CutRow::new(book, cut)));
    }
    let none = items.is_empty();
    let missing = answer::unread(session, LISTS, REACH);
    let unread = answer::not_read(&answer::metadata(session, missing));
    let beside: Vec<&str> = session.books.iter().flat_map(|book| not_followed(book)).collect();
    let code = give(global, session, items, failing, &beside)?;
    if none {
        places.say_unknown(session);
    }
    let read = if unread.is_some() { ", as far as was read" } else { "" };
    answer::say(&format!(
        "{higher} can become more than they are, {admins} of them cluster-admin{read}; a grant is listed \
         where without it alone some can become less"
    ));
    if !in_hand.is_empty() {
        let many = counted_with(in_hand.len(), "identity", ["has", "have"]);
        answer::say(&format!(
            "{many} credentials of somebody stronger in hand, as far as logs and lists tell: no cut of a \
             grant ends those; keybook reach IDENTITY and show IDENTITY tell which ({})",
            named(&in_hand)
        ));
    }
    if let Some(more) = unread {
        answer::say(&more);
    }
    Ok(code)
}

/// So many are named.
const NAMED: usize = 5;

fn named(all: &BTreeSet<(Identity, IdentityId)>) -> String {
    let more = all.len().saturating_sub(NAMED);
    let named: Vec<String> = all.iter().take(NAMED).map(|(who, _)| who.to_string()).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}

/// Who has in hand what authenticates somebody stronger.
fn stronger_in_hand(book: &Book) -> BTreeSet<(Identity, IdentityId)> {
    let all = credentials::all_in_hand(book);
    let stronger = all.into_iter().filter_map(|one| {
        let entry = book.find(&one.by)?;
        let is_stronger = credentials::strength(book, &one.credential) > entry.tier;
        is_stronger.then(|| (one.by, entry.id))
    });
    stronger.collect()
}

fn fails(reach: &Reach<'_>, reached: &[Reached], fail_on: Option<Severity>) -> bool {
    fail_on.is_some_and(|at_least| {
        findings::reach::all(reach, reached).iter().any(|finding| finding.severity >= at_least)
    })
}

fn give<T: Tabular>(
    global: &Global,
    session: &Session,
    items: Vec<T>,
    failing: bool,
    beside: &[&'static str],
) -> Result<Code, Failure> {
    let missing = answer::unread(session, LISTS, REACH);
    let report = Report::new(answer::metadata(session, missing), items);
    let code = answer::give(global, session, &report)?;
    answer::say("what is not followed:");
    let mut all: Vec<&str> = Vec::new();
    for what in beside {
        if !all.contains(what) {
            answer::say(&format!("  {what}"));
            all.push(what);
        }
    }
    Ok(code.max(if failing { Code::No } else { Code::Done }))
}

/// What can become more than it is, of everybody of a Book.
pub(super) fn findings(book: &Book) -> Vec<crate::book::Finding> {
    let reach = Reach::new(book);
    findings::reach::all(&reach, &reach.all())
}
