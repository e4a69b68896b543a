//! A person's account that machines use: what they do stands under the person's name, ends when the
//! person leaves, and has all that the person holds.
//!
//! Whose account it is the annotation says, or that a person is seen at it, or a name that is an address
//! for mail; not where a word of the name is a machine's. A machine is a program on no desktop that is
//! at it for longer than anybody works in a day, on several days; or a command that begins by the
//! clock. A person's own programs come and go with them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::Subject;
use crate::actors::{PERSON, is_annotated, is_by_the_clock, is_command, is_persons, is_program};
use crate::book::{Finding, Severity};
use crate::model::{Detail, Identity, Name, Policy, SubjectKind, Use};

const RULE: (&str, &str) = ("machines-on-person", "machines");

/// So many programs are named.
const NAMED: usize = 2;

/// Words of names that are no person's.
const MACHINES: [&str; 32] = [
    "admin",
    "agent",
    "argo",
    "argocd",
    "automation",
    "backup",
    "bot",
    "build",
    "builder",
    "cd",
    "ci",
    "cicd",
    "controller",
    "cron",
    "deploy",
    "deployer",
    "deployment",
    "flux",
    "github",
    "gitlab",
    "jenkins",
    "job",
    "machine",
    "masterclient",
    "monitoring",
    "operator",
    "pipeline",
    "prometheus",
    "robot",
    "runner",
    "svc",
    "terraform",
];

/// What one program was seen to do.
#[derive(Default)]
struct Seen {
    requests: u64,
    writes: u64,
    addresses: BTreeSet<Name>,
    /// First and last request of each day, UTC.
    days: BTreeMap<NaiveDate, (DateTime<Utc>, DateTime<Utc>)>,
    /// When something was asked for, UTC.
    moments: Vec<DateTime<Utc>>,
}

impl Seen {
    /// On how many days it was at it for so long.
    fn long_days(&self, policy: &Policy) -> usize {
        let hours = TimeDelta::hours(i64::from(policy.machine_hours));
        self.days.values().filter(|(first, last)| *last - *first >= hours).count()
    }

    /// Whether it runs by itself, being a program that this agent names.
    fn is_machine(&mut self, agent: &str, policy: &Policy) -> bool {
        let least = policy.machine_days as usize;
        if is_program(agent) {
            return self.days.len() >= least && self.long_days(policy) >= least.max(1);
        }
        self.moments.sort_unstable();
        is_command(agent) && self.days.len() >= least && is_by_the_clock(&self.moments)
    }
}

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let (book, entry) = (subject.book, subject.entry);
    let identity = &entry.identity;
    let annotated = is_annotated(&book.snapshot, identity);
    let named = identity.kind == SubjectKind::User && may_be_a_persons(&identity.name);
    let Some(sums) = entry.activity.as_deref().filter(|_| annotated || named) else { return };
    let policy = &*book.policy;
    // Most have nothing of the kind, and rows are many.
    let any = sums.agents.iter().any(|seen| is_program(&seen.value) || is_command(&seen.value));
    if !any || sums.requests < u64::from(policy.machine_requests) || !book.log.is_whole() {
        return;
    }
    let (mut programs, people) = seen(subject);
    programs.retain(|agent, seen| seen.is_machine(agent, policy));
    let person = people.iter().next();
    let whose = match person {
        _ if annotated => format!("annotation {PERSON} says whose own it is"),
        Some(agent) => format!("a person uses it too ({})", short(agent)),
        None if is_address(&identity.name) => "its name is an address for mail".to_owned(),
        None => return,
    };
    let requests: u64 = programs.values().map(|seen| seen.requests).sum();
    let Some(last) = programs.values().filter_map(|seen| seen.days.values().last()).max() else {
        return;
    };
    if requests < u64::from(policy.machine_requests) {
        return;
    }
    let writes: u64 = programs.values().map(|seen| seen.writes).sum();
    let addresses: BTreeSet<&Name> = programs.values().flat_map(|seen| &seen.addresses).collect();
    let days: BTreeSet<&NaiveDate> = programs.values().flat_map(|seen| seen.days.keys()).collect();
    let long = programs.values().map(|seen| seen.long_days(policy)).max().unwrap_or_default();
    let how = match long {
        0 => "by the clock".to_owned(),
        long => format!("{} of them for {} hours and more", long, policy.machine_hours),
    };
    let evidence = format!(
        "{requests} requests, {writes} of them writes, by what runs by itself ({}) from {}, on {} \
         days, {how}, last on {}; {whose}",
        listed(programs.keys().map(|agent| short(agent))),
        listed(addresses.into_iter().map(|address| &**address)),
        days.len(),
        last.1.format("%Y-%m-%d")
    );
    found.push(subject.finding(RULE, Severity::Medium, None, evidence));
}

/// What each program did that may be a machine's, and what people use.
fn seen(subject: &Subject<'_>) -> (BTreeMap<Name, Seen>, BTreeSet<Name>) {
    let (mut programs, mut people): (BTreeMap<Name, Seen>, BTreeSet<Name>) = <_>::default();
    let activity = subject.book.activity.as_deref();
    // Rows of weeks have no days.
    let Some(activity) = activity.filter(|activity| activity.detail() == Detail::Days) else {
        return (programs, people);
    };
    let Some(seen) = activity.seen(&subject.entry.identity) else { return (programs, people) };
    let own = |row: &&Use| row.effective == row.authenticated;
    for row in activity.by_authenticated(seen).iter().filter(own) {
        let actor = activity.actor(row.actor);
        // Pods are what accounts are for.
        let of_a_pod = actor.credential.as_ref().is_some_and(|id| id.starts_with("pod"));
        let Some(agent) = actor.agent.as_ref().filter(|_| !of_a_pod) else { continue };
        if is_persons(agent, false) {
            people.insert(agent.clone());
            continue;
        }
        let call = activity.call(row.call);
        let seen = programs.entry(agent.clone()).or_default();
        seen.requests += row.requests();
        seen.writes += if call.is_write() { row.requests() } else { 0 };
        seen.addresses.extend(actor.address.clone());
        let day = seen.days.entry(row.day).or_insert((row.first, row.last));
        *day = (day.0.min(row.first), day.1.max(row.last));
        if &*call.verb != "watch" {
            seen.moments.extend([row.first, row.last]);
        }
    }
    (programs, people)
}

/// Whether a user's name may be a person's: not the cluster's own, and no machine's by a word of it.
fn may_be_a_persons(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    // Google Cloud's accounts of machines have addresses too.
    if lower == Identity::ANONYMOUS
        || lower.starts_with("system:")
        || lower.ends_with("gserviceaccount.com")
    {
        return false;
    }
    let local = lower.split('@').next().unwrap_or_default();
    !local.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| MACHINES.contains(&word))
}

/// Whether a name is an address for mail, as identity providers have people's.
fn is_address(name: &str) -> bool {
    name.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.contains(['@', '/']) && domain.trim_matches('.').contains('.')
    })
}

/// Without the commit that clients put behind.
fn short(agent: &str) -> &str {
    agent.split_once(") ").map_or(agent, |(head, _)| &agent[..=head.len()])
}

fn listed<'a>(all: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = all.collect();
    let named = all.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMED) {
        0 if named.is_empty() => "an address that was not kept".to_owned(),
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
