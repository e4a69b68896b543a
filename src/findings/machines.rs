//! A person's account that machines use: what they do stands under the person's name, ends when the
//! person leaves, and has all that the person holds.
//!
//! Whose account it is the annotation says, or that a person is seen at it, or a name that is an address
//! for mail and has no word of a machine's. A machine is a program, or a command, on no desktop that
//! asks for something in more hours of a day than anybody works in, on several days; or a command that
//! begins by the clock; or what people run, by day and night as nobody does. A person's own programs come
//! and go with them, and what only reads where the person is, is left open by them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Timelike, Utc};

use super::{Subject, split_off};
use crate::actors::{
    self, PERSON, by_day_and_night, is_a_persons, is_annotated, is_by_the_clock, is_command,
    is_persons, is_program, program,
};
use crate::book::{Finding, Severity};
use crate::model::{
    Actor, Detail, Identity, Name, Policy, SubjectKind, Use, counted, quoted_agent,
};

const RULE: (&str, &str) = ("machines-on-person", "machines");

/// So many programs are named.
const NAMED: usize = 2;

/// Within so many seconds a clock begins the same each day.
const EXACT: u32 = 10;

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
    /// One of the agents that it has.
    agent: Name,
    addresses: BTreeSet<Name>,
    /// The hours of each day in which there was something, one bit each, UTC.
    days: BTreeMap<NaiveDate, u32>,
    last: Option<DateTime<Utc>>,
    /// When something was asked for, UTC.
    moments: Vec<DateTime<Utc>>,
    /// Whether it goes on by day and night, as nobody does by hand.
    by_day_and_night: bool,
}

impl Seen {
    fn add(&mut self, row: &Use, is_write: bool, is_watch: bool, actor: &Actor) {
        self.requests += row.requests();
        self.writes += if is_write { row.requests() } else { 0 };
        self.agent = self.agent.clone().max(actor.agent.clone().unwrap_or_default());
        self.addresses.extend(actor.address.clone());
        let hours = row.hours | 1 << row.first.hour() | 1 << row.last.hour();
        *self.days.entry(row.day).or_default() |= hours;
        self.last = self.last.max(Some(row.last));
        if !is_watch {
            self.moments.extend([row.first, row.last]);
        }
    }

    /// On how many days it was at it in so many hours: more than anybody is.
    fn long_days(&self, policy: &Policy) -> usize {
        self.days.values().filter(|hours| hours.count_ones() >= policy.machine_hours).count()
    }

    /// Whether it runs by itself: round the clock, or, being a command, by it.
    fn is_machine(&mut self, is_command: bool, policy: &Policy) -> bool {
        let least = (policy.machine_days as usize).max(1);
        if self.days.len() < least {
            return false;
        }
        self.moments.sort_unstable();
        self.by_day_and_night
            || self.long_days(policy) >= least
            || is_command && is_by_the_clock(&self.moments) && self.is_no_habit()
    }

    /// Whether it is no person's habit: who looks at something once a day does so at about the same time,
    /// and not to the second.
    fn is_no_habit(&self) -> bool {
        let mut starts: BTreeMap<NaiveDate, u32> = BTreeMap::new();
        for at in &self.moments {
            starts.entry(at.date_naive()).or_insert_with(|| at.num_seconds_from_midnight());
        }
        let hours: BTreeSet<u32> = self.moments.iter().map(Timelike::hour).collect();
        let spread =
            starts.values().max().zip(starts.values().min()).map(|(last, first)| last - first);
        hours.len() > 1 || spread.is_some_and(|spread| spread <= EXACT)
    }
}

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let (book, entry) = (subject.book, subject.entry);
    let identity = &entry.identity;
    let annotated = is_annotated(&book.snapshot, identity);
    let user = identity.kind == SubjectKind::User && !is_the_clusters(&identity.name);
    let Some(sums) = entry.activity.as_deref().filter(|_| annotated || user) else { return };
    let policy = &*book.policy;
    // Most have nothing of the kind, and rows are many.
    let any = sums.agents.iter().any(|seen| {
        let agent = &seen.value;
        is_program(agent) || is_command(agent) || is_persons(agent, false)
    });
    if !any || sums.requests < u64::from(policy.machine_requests) || !book.log.is_whole() {
        return;
    }
    // Of a machine's name it takes a person that is seen to be somebody's.
    let may_be = annotated || !has_a_machines_word(&identity.name);
    let a_person = || sums.agents.iter().any(|seen| is_persons(&seen.value, false));
    if !may_be && !a_person() {
        return;
    }
    let (programs, people) = seen(subject);
    let programs = machines(programs, policy);
    let whose = match people.iter().next() {
        _ if annotated => format!("annotation {PERSON} says whose own it is"),
        Some(agent) => format!("a person uses it too ({})", quoted_agent(agent)),
        None if may_be && is_address(&identity.name) => {
            "its name is an address for mail".to_owned()
        }
        None => return,
    };
    let requests: u64 = programs.values().map(|seen| seen.requests).sum();
    let Some(last) = programs.values().filter_map(|seen| seen.last).max() else { return };
    if requests < u64::from(policy.machine_requests) {
        return;
    }
    let writes: u64 = programs.values().map(|seen| seen.writes).sum();
    let addresses: BTreeSet<&Name> = programs.values().flat_map(|seen| &seen.addresses).collect();
    let days: BTreeSet<&NaiveDate> = programs.values().flat_map(|seen| seen.days.keys()).collect();
    let long = programs.values().map(|seen| seen.long_days(policy)).max().unwrap_or_default();
    let how = match long {
        0 if programs.values().any(|seen| seen.by_day_and_night) => "by day and night".to_owned(),
        0 => "by the clock".to_owned(),
        long => format!("{long} of them in {} hours of the day and more", policy.machine_hours),
    };
    let agents: BTreeSet<String> =
        programs.values().map(|seen| quoted_agent(&seen.agent)).collect();
    let evidence = format!(
        "{}, {} of them writes, by what runs by itself ({}) from {}, on {}, {how}, last on {}; {whose}",
        counted(requests, "request"),
        writes,
        listed(agents.into_iter()),
        listed(addresses.iter().map(ToString::to_string)),
        counted(days.len(), "day"),
        last.format("%Y-%m-%d")
    );
    let names: BTreeSet<&Name> = programs.keys().map(|(name, _)| name).collect();
    let is_one = |one: &actors::Actor| {
        let theirs = |agent: &Name| names.iter().find(|name| ****name == *program(agent)).copied();
        let own = one.agents.iter().map(theirs).collect::<Option<Vec<_>>>()?;
        let placed = one.addresses.iter().all(|address| addresses.contains(address));
        own.first().filter(|_| !one.person && placed).map(ToString::to_string)
    };
    let mut finding = subject.finding(RULE, Severity::Medium, None, evidence);
    finding.fix = split_off::some(
        subject,
        split_off::behind(subject).as_ref(),
        is_one,
        "give what runs by itself an account of its own; the person keeps this one",
    );
    found.push(finding);
}

/// What each program did, by its name, and of commands what each did from one address, too.
type Programs = BTreeMap<(Name, Option<Name>), Seen>;

/// Those that run by themselves. A command that somebody types as well may do so from one address.
fn machines(programs: Programs, policy: &Policy) -> Programs {
    let mut found = Programs::new();
    // Without an address comes first.
    for ((name, address), mut seen) in programs {
        if found.contains_key(&(name.clone(), None)) && !seen.by_day_and_night {
            continue;
        }
        if seen.is_machine(is_command(&seen.agent), policy) {
            found.insert((name, address), seen);
        }
    }
    found
}

/// What each program did that may be a machine's, and what people use.
fn seen(subject: &Subject<'_>) -> (Programs, BTreeSet<Name>) {
    let (mut programs, mut people): (Programs, BTreeSet<Name>) = <_>::default();
    let activity = subject.book.activity.as_deref();
    // Rows of weeks have no days.
    let Some(activity) = activity.filter(|activity| activity.detail() == Detail::Days) else {
        return (programs, people);
    };
    let Some(seen) = activity.seen(&subject.entry.identity) else { return (programs, people) };
    let own = |row: &&Use| row.effective == row.authenticated;
    let rows = || activity.by_authenticated(seen).iter().filter(own);
    let nobodys = by_day_and_night(activity, &subject.entry.identity);
    let mut desks: BTreeSet<Place<'_>> = BTreeSet::new();
    let mut writers: BTreeSet<(&str, Place<'_>)> = BTreeSet::new();
    for row in rows() {
        let actor = activity.actor(row.actor);
        let Some((agent, place)) = actor.agent.as_ref().zip(place(actor)) else { continue };
        if activity.call(row.call).is_write() {
            writers.insert((program(agent), place));
        }
        if is_persons(agent, false) && !nobodys.contains(&row.actor) {
            desks.insert(place);
        }
    }
    for row in rows() {
        let actor = activity.actor(row.actor);
        // Pods are what accounts are for.
        let of_a_pod = actor.credential.as_ref().is_some_and(|id| id.starts_with("pod"));
        let Some(agent) = actor.agent.as_ref().filter(|_| !of_a_pod) else { continue };
        let by_day_and_night = nobodys.contains(&row.actor);
        if is_persons(agent, false) && !by_day_and_night {
            people.insert(agent.clone());
            continue;
        }
        // What is rolled out anew each day is the same program.
        let name = program(agent);
        let left_open = |at: &Place<'_>| desks.contains(at) && !writers.contains(&(name, *at));
        let by_itself = is_program(agent) || by_day_and_night;
        if by_itself && place(actor).as_ref().is_some_and(left_open) {
            continue;
        }
        let call = activity.call(row.call);
        let name = Name::from(name);
        let of_each = actor.address.clone().filter(|_| is_command(agent) || by_day_and_night);
        let in_all = (of_each.is_none() || !by_day_and_night).then_some(None);
        for address in in_all.into_iter().chain(of_each.map(Some)) {
            let seen = programs.entry((name.clone(), address)).or_default();
            seen.add(row, call.is_write(), &*call.verb == "watch", actor);
            seen.by_day_and_night |= by_day_and_night;
        }
    }
    (programs, people)
}

/// An address, and a credential there; of tokens that are renewed all the time, that they are such.
type Place<'a> = (&'a str, &'a str);

fn place(actor: &Actor) -> Option<Place<'_>> {
    let id = actor.credential.as_deref().unwrap_or_default();
    let id = if id.starts_with("JTI=") { "JTI=" } else { id };
    Some((actor.address.as_deref()?, id))
}

/// Whether a user is the cluster's own, or the cloud's, whose accounts have addresses too.
fn is_the_clusters(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower == Identity::ANONYMOUS
        || lower.starts_with("system:")
        || lower.ends_with("gserviceaccount.com")
}

/// Whether a word of a user's name is a machine's.
fn has_a_machines_word(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let local = lower.split('@').next().unwrap_or_default();
    if is_a_persons(&lower) {
        return false;
    }
    local.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| MACHINES.contains(&word))
}

/// Whether a name is an address for mail, as identity providers have people's.
fn is_address(name: &str) -> bool {
    name.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.contains(['@', '/']) && domain.trim_matches('.').contains('.')
    })
}

fn listed(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    let named = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMED) {
        0 if named.is_empty() => "an address that was not kept".to_owned(),
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
