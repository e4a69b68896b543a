//! A machine's account that people use: what they do there is nobody's in the log, and the
//! account's token lies on their disks. So does the certificate of a node or of a part of the control
//! plane.
//!
//! kubectl alone proves nothing, for scripts in pods use it as well. A desktop's operating system
//! in the user agent does, and so does a program that is nothing but a screen for a person. On Windows
//! pods run too: neither a program by itself nor what comes with a pod's token proves anything there. Build
//! agents have desktops' systems as well: what goes on by day and night is nobody's desk.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Subject, split_off};
use crate::actors::{PERSON, by_day_and_night, is_annotated, is_machine, is_persons};
use crate::book::{Finding, Severity};
use crate::model::{Name, SubjectKind, Use, counted, quoted_agent};

const RULE: (&str, &str) = ("people-on-machine", "people");

/// So many agents are named.
const NAMED: usize = 2;

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let (book, entry) = (subject.book, subject.entry);
    let identity = &entry.identity;
    let of_account = identity.kind == SubjectKind::ServiceAccount;
    if !(of_account || is_machine(identity)) || is_annotated(&book.snapshot, identity) {
        return;
    }
    // Most have no such agent, and rows are many.
    let any = entry.activity.iter().flat_map(|activity| &activity.agents);
    if !any.into_iter().any(|seen| is_persons(&seen.value, false)) {
        return;
    }
    let people = people(subject);
    let Some(last) = people.values().map(|(_, last)| *last).max() else {
        return;
    };
    let requests: u64 = people.values().map(|(requests, _)| *requests).sum();
    let rest = match people.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named: Vec<String> = people.keys().take(NAMED).map(|name| quoted_agent(name)).collect();
    let but = if of_account {
        format!("; annotation {PERSON} says whose it is if it is one person's own")
    } else {
        "; it is a part of the cluster, and its certificate is nobody's own".to_owned()
    };
    let evidence = format!(
        "{} by what people use ({}{rest}), last on {}{but}",
        counted(requests, "request"),
        named.join(", "),
        last.format("%Y-%m-%d")
    );
    let mut finding = subject.finding(RULE, Severity::Medium, None, evidence);
    finding.fix = split_off::some(
        subject,
        split_off::behind(subject).as_ref(),
        |actor| actor.person.then(|| "person".to_owned()),
        "give the people an identity of their own; what runs by itself keeps the account",
    );
    found.push(finding);
}

/// What people use, with how many requests and the last of them.
fn people(subject: &Subject<'_>) -> BTreeMap<Name, (u64, DateTime<Utc>)> {
    let mut found: BTreeMap<Name, (u64, DateTime<Utc>)> = BTreeMap::new();
    let Some(activity) = subject.book.activity.as_deref() else { return found };
    let Some(seen) = activity.seen(&subject.entry.identity) else { return found };
    // What a proxy does in a user's name is that user's, and the log says so, by whatever agent it is.
    let own = |row: &&Use| {
        row.effective == row.authenticated
            || activity.identity(row.effective).kind != SubjectKind::User
    };
    let nobodys = by_day_and_night(activity, &subject.entry.identity);
    for row in activity.by_authenticated(seen).iter().filter(own) {
        let actor = activity.actor(row.actor);
        let Some(agent) = actor.agent.as_ref().filter(|_| !nobodys.contains(&row.actor)) else {
            continue;
        };
        let of_a_pod = actor.credential.as_ref().is_some_and(|id| id.starts_with("pod"));
        if is_persons(agent, of_a_pod) {
            let (requests, last) = found.entry(agent.clone()).or_insert((0, row.last));
            *requests += row.requests();
            *last = (*last).max(row.last);
        }
    }
    found
}
