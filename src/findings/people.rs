//! A machine's account that people use: what they do there is nobody's in the log, and the
//! account's token lies on their disks.
//!
//! kubectl alone proves nothing, for scripts in pods use it as well. A desktop's operating system
//! in the user agent does, and so does a program that is nothing but a screen for a person.

use super::Subject;
use crate::actors::{PERSON, is_annotated, is_persons};
use crate::book::{Finding, Seen, Severity};
use crate::model::{Name, SubjectKind};

const RULE: (&str, &str) = ("people-on-machine", "people");

/// So many agents are named.
const NAMED: usize = 2;

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let (book, entry) = (subject.book, subject.entry);
    let identity = &entry.identity;
    if identity.kind != SubjectKind::ServiceAccount {
        return;
    }
    if is_annotated(&book.snapshot, identity) {
        return;
    }
    let Some(activity) = entry.activity.as_deref() else {
        return;
    };
    let people: Vec<&Seen> =
        activity.agents.iter().filter(|seen| is_persons(&seen.value)).collect();
    let Some(last) = people.iter().map(|seen| seen.last_seen).max() else {
        return;
    };
    let requests: u64 = people.iter().map(|seen| seen.requests).sum();
    let mut named: Vec<&Name> = people.iter().map(|seen| &seen.value).collect();
    named.sort();
    let rest = match named.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named: Vec<&str> = named.into_iter().take(NAMED).map(|name| short(name)).collect();
    let evidence = format!(
        "{requests} requests by what people use ({}{rest}), last on {}; annotation {PERSON} says \
         whose it is if it is one person's own",
        named.join(", "),
        last.format("%Y-%m-%d")
    );
    found.push(subject.finding(RULE, Severity::Medium, None, evidence));
}

/// Without the commit that clients put behind.
fn short(agent: &str) -> &str {
    agent.split_once(") ").map_or(agent, |(head, _)| &agent[..=head.len()])
}
