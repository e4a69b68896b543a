//! Who is seen behind an account: sets of credentials, addresses and agents that go together, each
//! with its hours and uses, and the signs that more than one person is behind it.
//!
//! A sign has a weight that a person can read, and its figures; the account is called shared where
//! the weights come to [`SHARED`]. Nothing is done because of it. What speaks for one holder is
//! taken together first: pods of a workload, credentials that took each other's place, tokens that
//! one person had made, a machine that moves from address to address.

mod agent;
mod at_once;
mod clock;
mod copied;
mod day_and_night;
mod gather;
mod holder;
mod looped;
mod minters;
mod programs;
mod seats;
mod sessions;
mod signals;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use agent::{is_command, is_persons, is_program, program};
pub use clock::is_by_the_clock;
pub use holder::Holder;
pub(crate) use programs::is_a_persons;
pub use signals::{Sign, Signal};

use crate::model::{Activity, ActorId, Call, Detail, Identity, Name, Snapshot, SubjectKind};

/// On an account, says whose own it is: it is no machine's then.
pub const PERSON: &str = "keybook/person";

/// From this sum of weights on an account is called shared.
pub const SHARED: u32 = 50;

/// One who is seen behind an account.
#[expect(clippy::struct_excessive_bools)] // Each is a fact of its own that no other implies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Whom it stands for, as far as that is known.
    pub holder: Holder,
    /// The system that its agents name: `darwin/arm64`.
    pub system: Option<Name>,
    /// Whether a person may be at it: programs that people run, no pod, and not by the clock.
    pub attended: bool,
    /// Whether what people run begins by the clock, as cron does.
    pub by_the_clock: bool,
    /// Whether what people run goes on by day and night, as nobody does by hand.
    pub by_day_and_night: bool,
    /// Whether only a person can be: a desktop's system, or a screen.
    pub person: bool,
    /// Its credentials, newest first.
    pub credentials: Vec<Name>,
    /// Its user agents, newest first.
    pub agents: Vec<Name>,
    /// Its last-hop addresses, newest first.
    pub addresses: Vec<Name>,
    /// Requests.
    pub requests: u64,
    /// First of them, UTC.
    pub first: DateTime<Utc>,
    /// Last of them, UTC.
    pub last: DateTime<Utc>,
    /// On how many days (UTC) it was seen; of rows that are of weeks or of all time, how many of
    /// these.
    pub days: usize,
    /// The hours of the day (UTC, 0 to 23) in which it asked for something, one bit each.
    pub hours: u32,
    /// What it did, the latest first.
    pub uses: Vec<ActorUse>,
    /// When something was run by hand, UTC, sorted: as far as rows tell.
    by_hand: Vec<DateTime<Utc>>,
    /// When a program on no desktop asked for something, likewise.
    by_itself: Vec<DateTime<Utc>>,
    /// When it was inside a pod or reached into one, likewise.
    sessions: Vec<DateTime<Utc>>,
    /// The builds of kubectl that its agents name.
    builds: Vec<String>,
}

/// A call of an actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorUse {
    /// Verb and target.
    pub call: Arc<Call>,
    /// Requests that the authorizer allowed.
    pub allowed: u64,
    /// Requests that it refused.
    pub denied: u64,
    /// Requests of which no decision is known.
    pub undecided: u64,
    /// First of them, UTC.
    pub first: DateTime<Utc>,
    /// Last of them, UTC.
    pub last: DateTime<Utc>,
}

/// What belongs to nobody: requests of which neither credential nor agent nor address was kept; where
/// the log names more credentials than are kept, all of which no credential is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// How many.
    pub requests: u64,
    /// First of them, UTC.
    pub first: Option<DateTime<Utc>>,
    /// Last of them, UTC.
    pub last: Option<DateTime<Utc>>,
    /// What they were for, the latest first.
    pub uses: Vec<ActorUse>,
}

/// Everybody behind an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Who is seen, the busiest first.
    pub actors: Vec<Actor>,
    /// What belongs to none of them.
    pub rest: Rest,
    /// Requests in others' names, which are left out: one who acts for many by design is no shared
    /// account for it.
    pub for_others: u64,
    /// What speaks for more than one person, the weightiest first.
    pub signals: Vec<Signal>,
    /// The sum of the weights.
    pub weight: u32,
}

impl Behind {
    /// Whether the signs are enough to call it shared.
    pub fn is_shared(&self) -> bool {
        self.weight >= SHARED
    }
}

/// Who is behind an account by the log; None for a group, for whom there are many by design, and for
/// whom the log does not show.
pub fn of(activity: &Activity, snapshot: &Snapshot, identity: &Identity) -> Option<Behind> {
    told_apart(activity, snapshot, identity, &BTreeSet::new())
}

/// As [`of`]; a credential among `apart` stands for somebody of its own, whoever had it made and
/// whatever it took the place of.
pub fn told_apart(
    activity: &Activity,
    snapshot: &Snapshot,
    identity: &Identity,
    apart: &BTreeSet<Name>,
) -> Option<Behind> {
    if is_many(identity) || activity.detail() >= Detail::NoActors {
        return None;
    }
    let seen = activity.seen(identity)?;
    let gathered = gather::gather(activity, (identity, seen), apart)?;
    let annotated = is_annotated(snapshot, identity);
    let about = signals::About { identity, annotated, activity };
    let signals = signals::signals(&gathered.actors, &about);
    let weight = signals.iter().map(|signal| signal.weight).sum();
    Some(Behind {
        actors: gathered.actors,
        rest: gathered.rest,
        for_others: gathered.for_others,
        signals,
        weight,
    })
}

/// Of what people run with an account, what goes on by day and night as nobody does: its credentials,
/// agents and addresses, each together.
pub fn by_day_and_night(activity: &Activity, identity: &Identity) -> BTreeSet<ActorId> {
    let seen = activity.seen(identity);
    seen.map_or_else(BTreeSet::new, |seen| gather::by_day_and_night(activity, identity, seen))
}

/// Hours of a day in words, sorted ones: `8-11 14`.
pub fn hours_text(hours: &[u32]) -> String {
    let runs = hours.chunk_by(|before, hour| before + 1 == *hour);
    let words = runs.filter_map(|run| match run {
        [] => None,
        [one] => Some(one.to_string()),
        [first, .., last] => Some(format!("{first}-{last}")),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a person's name is on an account.
pub fn is_annotated(snapshot: &Snapshot, identity: &Identity) -> bool {
    let (SubjectKind::ServiceAccount, Some(namespace)) = (identity.kind, &identity.namespace)
    else {
        return false;
    };
    let key = (namespace.clone(), identity.name.clone());
    let account = snapshot.objects.service_accounts.get(&key);
    account.is_some_and(|account| account.meta.annotations.contains_key(PERSON))
}

/// Behind whom there are many by design: whoever shows no credential, and the nodes that join by one
/// token. Nodes and parts of the control plane are judged as anybody is: what they do by themselves is
/// nobody's doing by hand.
fn is_many(identity: &Identity) -> bool {
    match identity.kind {
        SubjectKind::Group => true,
        SubjectKind::User => {
            &*identity.name == Identity::ANONYMOUS || identity.name.starts_with("system:bootstrap:")
        }
        SubjectKind::ServiceAccount => false,
    }
}

/// Whether it is a user of the cluster's own machinery, whose certificate no person should have.
pub fn is_machine(identity: &Identity) -> bool {
    const PARTS: [&str; 8] = [
        "system:apiserver",
        "system:cloud-controller-manager",
        "system:konnectivity-server",
        "system:kube-apiserver",
        "system:kube-controller-manager",
        "system:kube-proxy",
        "system:kube-scheduler",
        "system:volume-scheduler",
    ];
    identity.kind == SubjectKind::User
        && (PARTS.contains(&&*identity.name) || identity.name.starts_with("system:node:"))
}
