//! Which API servers, streams and clusters a log is of, and whether one is missing.
//!
//! Every API server renews a lease of its own in kube-system (`apiserver-…`,
//! `pkg/controlplane/server.go`), by itself, so in its own log only. A controller manager or
//! scheduler asks for the lease of the leader all the time, and whoever leads renews it: where the
//! one is in the log and the other is not, the leader's API server is not. Logs that are rotated by
//! size reach back less far where there is more to do: of each API server the hours are kept. One that
//! was down is told from one whose log is lost: an hour after it stopped the others begin to delete its
//! lease (`pkg/controlplane/controller/apiserverleasegc/gc_controller.go`).

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::covered::{Span, utc};
use super::stored;
use crate::model::{Coverage, Gap, Name, Server};

/// Hours of the Unix epoch, by lease.
type Hours = BTreeMap<Name, BTreeSet<i64>>;

/// What was met, in any order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Servers {
    leases: Named,
    /// Hours, of the Unix epoch, in which a lease was renewed.
    hours: Hours,
    /// Hours in which one was deleted, and in which one was looked for or made, as whoever has it does when
    /// it starts.
    deleted: Hours,
    started: Hours,
    streams: Named,
    clusters: Named,
    /// Uids of accounts that every cluster has.
    accounts: BTreeMap<Name, Named>,
    /// By stretch of [`Coverage::GAP`].
    #[serde(with = "stored::stretches")]
    stretches: HashMap<i64, Led>,
}

/// What became of leaders' leases.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Led {
    asked: bool,
    renewed: bool,
}

const LEADERS: [&str; 3] =
    ["kube-controller-manager", "kube-scheduler", "cloud-controller-manager"];

/// Accounts of kube-system that most clusters have, and that nobody makes anew.
const ACCOUNTS: [&str; 6] = [
    "coredns",
    "generic-garbage-collector",
    "kube-proxy",
    "namespace-controller",
    "resourcequota-controller",
    "root-ca-cert-publisher",
];

/// The one of [`ACCOUNTS`] that a user is.
pub fn known(username: &str) -> Option<&'static str> {
    let name = username.strip_prefix("system:serviceaccount:kube-system:")?;
    ACCOUNTS.into_iter().find(|account| *account == name)
}

impl Servers {
    /// Notes an allowed request for a lease in kube-system, at `at` (microseconds).
    pub fn lease(&mut self, lease: &str, verb: &str, user: &str, at: i64) {
        let renewed = matches!(verb, "update" | "patch");
        if lease.starts_with("apiserver-") && renewed && user == "system:apiserver" {
            self.leases.met(lease, at);
            self.renewed_on(lease, at, at);
        } else if lease.starts_with("apiserver-") && user == "system:apiserver" {
            let lease = &lease[..lease.floor_char_boundary(Named::LONGEST)];
            let noted = match verb {
                "delete" => &mut self.deleted,
                "get" | "create" => &mut self.started,
                _ => return,
            };
            if noted.len() < Named::MOST || noted.contains_key(lease) {
                noted.entry(lease.into()).or_default().insert(at.div_euclid(HOUR));
            }
        } else if LEADERS.contains(&lease) && (renewed || verb == "get") {
            let led = self.stretches.entry(at.div_euclid(super::covered::STRETCH)).or_default();
            led.renewed |= renewed;
            led.asked |= !renewed;
        }
    }

    /// Notes so many equal requests of a summary for a lease in kube-system, that were allowed. When
    /// in between they were is not known, so that they say nothing of who led when.
    pub fn leases(&mut self, lease: &str, (verb, user): (&str, &str), span: Span, requests: u64) {
        let renewed = matches!(verb, "update" | "patch") && user == "system:apiserver";
        if lease.starts_with("apiserver-") && renewed {
            let name = &lease[..lease.floor_char_boundary(Named::LONGEST)];
            self.leases.put(name, Met { first: span.first, last: span.last, events: requests });
            // In which hours in between is not known: in none of them it was missing.
            self.renewed_on(lease, span.first, span.last);
        }
    }

    /// Notes that a lease was renewed in all hours between two times (microseconds).
    fn renewed_on(&mut self, lease: &str, first: i64, last: i64) {
        let lease = &lease[..lease.floor_char_boundary(Named::LONGEST)];
        if !self.leases.0.contains_key(lease) {
            return;
        }
        let (first, last) = (first.div_euclid(HOUR), last.div_euclid(HOUR));
        let hours = first..=last.min(first.saturating_add(MOST_HOURS));
        match self.hours.get_mut(lease) {
            Some(known) => known.extend(hours),
            None => drop(self.hours.insert(lease.into(), hours.collect())),
        }
    }

    /// Of what was kept before hours were, all hours of the time are taken.
    fn fill(&mut self) {
        for (name, met) in &self.leases.0 {
            let hours = self.hours.entry(name.clone()).or_default();
            let (first, last) = (met.first.div_euclid(HOUR), met.last.div_euclid(HOUR));
            let most = last.min(first.saturating_add(MOST_HOURS));
            let known = (hours.first().copied(), hours.last().copied());
            let (Some(from), Some(to)) = known else {
                hours.extend(first..=most);
                continue;
            };
            hours.extend(first..from);
            hours.extend((to + 1)..=most);
        }
        self.hours.retain(|name, _| self.leases.0.contains_key(name));
    }

    /// Notes what an envelope says of an event of `at` (microseconds).
    pub fn envelope(&mut self, server: Option<&str>, cluster: Option<&str>, at: i64) {
        if let Some(server) = server {
            self.streams.met(server, at);
        }
        if let Some(cluster) = cluster.filter(|cluster| !cluster.is_empty()) {
            self.clusters.met(cluster, at);
        }
    }

    /// Notes that an account of a cluster's own was seen at `at` (microseconds) with a uid, which is
    /// the object's: what another cluster calls alike has another.
    pub fn account(&mut self, account: &str, uid: &str, at: i64) {
        match self.accounts.get_mut(account) {
            Some(uids) => uids.met(uid, at),
            None => self.accounts.entry(account.into()).or_default().met(uid, at),
        }
    }

    /// The account that was two at the same time, with its uids, if there is one: then these are
    /// logs of several clusters. One that was made anew has one uid after the other.
    pub fn told_apart(&self) -> Option<(Name, Vec<Name>)> {
        let overlap = |one: &Met, other: &Met| {
            one.last.min(other.last) - one.first.max(other.first) > super::covered::STRETCH
        };
        self.accounts.iter().find_map(|(account, Named(uids))| {
            let is_two = |(uid, met): &(&Name, &Met)| {
                uids.iter().any(|(other, at)| other != *uid && overlap(met, at))
            };
            let several: Vec<Name> =
                uids.iter().filter(is_two).map(|(uid, _)| uid.clone()).collect();
            (!several.is_empty()).then(|| (account.clone(), several))
        })
    }

    /// Whether an account was seen with a uid.
    pub fn has(&self, account: &str, uid: &str) -> bool {
        self.accounts.get(account).is_some_and(|Named(uids)| uids.contains_key(uid))
    }

    /// The clusters that envelopes name, with the number of events.
    pub fn clusters(&self) -> Vec<(Name, u64)> {
        self.clusters.0.iter().map(|(name, met)| (name.clone(), met.events)).collect()
    }

    /// Both together.
    pub fn add(&mut self, mut other: Self) {
        self.fill();
        other.fill();
        self.leases.add(other.leases);
        for (name, hours) in other.hours {
            self.hours.entry(name).or_default().extend(hours);
        }
        self.hours.retain(|name, _| self.leases.0.contains_key(name));
        for (own, other) in [(&mut self.deleted, other.deleted), (&mut self.started, other.started)]
        {
            for (name, hours) in other {
                own.entry(name).or_default().extend(hours);
            }
            while own.len() > Named::MOST {
                own.pop_last();
            }
        }
        self.streams.add(other.streams);
        self.clusters.add(other.clusters);
        for (account, uids) in other.accounts {
            self.accounts.entry(account).or_default().add(uids);
        }
        for (stretch, led) in other.stretches {
            let known = self.stretches.entry(stretch).or_default();
            known.renewed |= led.renewed;
            known.asked |= led.asked;
        }
    }

    /// Puts it into the model's terms.
    pub fn cover(&self, coverage: &mut Coverage) {
        let mut whole =
            Self { leases: self.leases.clone(), hours: self.hours.clone(), ..Self::default() };
        whole.fill();
        let mut lacks = lacks(&whole.hours, (&self.started, &self.deleted));
        coverage.api_servers = self.leases.servers();
        for server in &mut coverage.api_servers {
            server.lacks = lacks.remove(&server.name).unwrap_or_default();
        }
        coverage.streams = self.streams.servers();
        coverage.clusters = self.clusters().into_iter().collect();
        let count = |of: fn(&Led) -> bool| self.stretches.values().filter(|led| of(led)).count();
        coverage.led = count(|led| led.renewed) as u64;
        coverage.unled = count(|led| led.asked && !led.renewed) as u64;
    }
}

/// Microseconds.
const HOUR: i64 = 3_600_000_000;

/// Hours.
const DAY: i64 = 24;

/// So many hours are kept of one time, at most.
const MOST_HOURS: i64 = 240_000;

/// One API server comes in the place of another within so many hours.
const SUCCEEDS: i64 = 3 * DAY;

/// So many hours without a lease may be those of an API server that is made anew: what is longer, and no
/// deletion of the lease, is a log that is lost. The lease expires within one, and is deleted within one
/// more.
const DOWN: i64 = 4;

/// By API server, the times of which others' logs are there and its own is not, in whole hours. Where one
/// begins when another ends, the one took the other's place; where its lease was deleted, it was down, or
/// is gone; where it was seen to start, it is new.
fn lacks(renewed: &Hours, (started, deleted): (&Hours, &Hours)) -> BTreeMap<Name, Vec<Gap>> {
    let spans: BTreeMap<&Name, (i64, i64)> = renewed
        .iter()
        .filter_map(|(name, hours)| Some((name, (*hours.first()?, *hours.last()?))))
        .collect();
    let Some(first) = spans.values().map(|(first, _)| *first).min() else { return BTreeMap::new() };
    let last = spans.values().map(|(_, last)| *last).max().unwrap_or(first);
    // A day is not whole at the beginning and at the end of a log.
    let (late, early) = (|begin: i64| begin > first + 2 * DAY, |end: i64| end < last - 2 * DAY);
    let mut places: Vec<(&Name, i64)> = spans
        .iter()
        .filter(|(_, span)| early(span.1))
        .map(|(name, span)| (*name, span.1))
        .collect();
    let mut begins: Vec<(&Name, i64)> =
        spans.iter().filter(|(_, span)| late(span.0)).map(|(name, span)| (*name, span.0)).collect();
    begins.sort_by_key(|(_, begin)| *begin);
    let mut newer: BTreeSet<&Name> = BTreeSet::new();
    for (name, begin) in begins {
        let near = places
            .iter()
            .enumerate()
            .filter(|(_, (other, end))| *other != name && (*end - begin).abs() <= SUCCEEDS);
        if let Some((at, _)) = near.min_by_key(|(_, (_, end))| (*end - begin).abs()) {
            places.remove(at);
            newer.insert(name);
        }
    }
    let gone: BTreeSet<&Name> = places.into_iter().map(|(name, _)| name).collect();
    let mut all = BTreeMap::new();
    for (name, (begin, end)) in spans {
        let met = |noted: &Hours, from: i64, to: i64| {
            noted.get(name).is_some_and(|hours| hours.range(from..=to).next().is_some())
        };
        // Where it was seen to start, and its lease to go soon after, there is nothing before and after.
        let is_new = newer.contains(name) || met(started, begin - 1, begin);
        let from = if late(begin) && !is_new { first } else { begin };
        let to = if gone.contains(name) && !met(deleted, end, end + DOWN) { last } else { end };
        let own = &renewed[name];
        let others =
            |hour: &i64| renewed.iter().any(|(other, hours)| other != name && hours.contains(hour));
        let mut holes: Vec<(i64, i64)> = Vec::new();
        for hour in (from..=to).filter(|hour| !own.contains(hour)).filter(others) {
            match holes.last_mut().filter(|hole| hole.1 + 1 == hour) {
                Some(hole) => hole.1 = hour,
                None => holes.push((hour, hour)),
            }
        }
        holes.retain(|(from, to)| to - from >= DOWN && !met(deleted, *from, *to));
        let gaps: Vec<Gap> = holes
            .into_iter()
            .map(|(from, to)| Gap { from: utc(from * HOUR), to: utc((to + 1) * HOUR) })
            .collect();
        if !gaps.is_empty() {
            all.insert(name.clone(), gaps);
        }
    }
    all
}

/// Names with what was met of each; of too many the first in their order are kept, whatever the
/// order in which they came.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Named(BTreeMap<Name, Met>);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Met {
    first: i64,
    last: i64,
    events: u64,
}

impl Named {
    /// How many are kept.
    const MOST: usize = 256;
    /// How much of a name is kept, in bytes.
    const LONGEST: usize = 512;

    fn met(&mut self, name: &str, at: i64) {
        let name = &name[..name.floor_char_boundary(Self::LONGEST)];
        self.put(name, Met { first: at, last: at, events: 1 });
    }

    fn put(&mut self, name: &str, more: Met) {
        if let Some(met) = self.0.get_mut(name) {
            met.first = met.first.min(more.first);
            met.last = met.last.max(more.last);
            met.events += more.events;
            return;
        }
        self.0.insert(name.into(), more);
        // What falls out is behind all that stays, and falls out whenever it comes again.
        if self.0.len() > Self::MOST {
            self.0.pop_last();
        }
    }

    fn add(&mut self, other: Self) {
        for (name, met) in other.0 {
            self.put(&name, met);
        }
    }

    fn servers(&self) -> Vec<Server> {
        let server = |(name, met): (&Name, &Met)| Server {
            name: name.clone(),
            from: utc(met.first),
            to: utc(met.last),
            events: met.events,
            lacks: Vec::new(),
        };
        self.0.iter().map(server).collect()
    }
}

#[cfg(test)]
mod tests;
