//! A machine's account that people use: what they do there is nobody's in the log, and the
//! account's token lies on their disks.
//!
//! kubectl alone proves nothing, for scripts in pods use it as well. A desktop's operating system
//! in the user agent does (`client-go/rest/config.go`: `kubectl/v1.30.0 (darwin/arm64) …`), and so
//! does a program that is nothing but a screen for a person.

use super::Subject;
use crate::book::{Finding, Seen, Severity};
use crate::model::{Name, SubjectKind};

const RULE: (&str, &str) = ("people-on-machine", "people");

/// On an account, says whose own it is: it is no machine's then.
pub const PERSON: &str = "keybook/person";

/// What only a person starts.
const SCREENS: [&str; 6] = ["k9s", "lens", "openlens", "freelens", "headlamp", "mozilla"];

/// Where no pod of a cluster's control plane or workload runs, but people sit.
const DESKTOPS: [&str; 2] = ["(darwin/", "(windows/"];

/// So many agents are named.
const NAMED: usize = 2;

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let (book, entry) = (subject.book, subject.entry);
    let identity = &entry.identity;
    let (SubjectKind::ServiceAccount, Some(namespace)) = (identity.kind, &identity.namespace)
    else {
        return;
    };
    let key = (namespace.clone(), identity.name.clone());
    let account = book.snapshot.objects.service_accounts.get(&key);
    if account.is_some_and(|account| account.meta.annotations.contains_key(PERSON)) {
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

/// Whether a user agent is one of a person's machine.
fn is_persons(agent: &str) -> bool {
    let agent = agent.to_ascii_lowercase();
    let program = agent.split(['/', ' ']).next().unwrap_or_default();
    DESKTOPS.iter().any(|system| agent.contains(system)) || SCREENS.contains(&program)
}

/// Without the commit that clients put behind.
fn short(agent: &str) -> &str {
    agent.split_once(") ").map_or(agent, |(head, _)| &agent[..=head.len()])
}
