//! Which API servers, streams and clusters a log is of, and whether one is missing.
//!
//! Every API server renews a lease of its own in kube-system (`apiserver-…`,
//! `pkg/controlplane/server.go`), by itself, so in its own log only. A controller manager or
//! scheduler asks for the lease of the leader all the time, and whoever leads renews it: where the
//! one is in the log and the other is not, the leader's API server is not. Logs that are rotated by
//! size reach back less far where there is more to do: of each API server the days are kept.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::covered::{Span, utc};
use super::stored;
use crate::model::{Coverage, Gap, Name, Server};

/// What was met, in any order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Servers {
    leases: Named,
    /// Days, of the Unix epoch, on which a lease was renewed.
    renewed: BTreeMap<Name, BTreeSet<i64>>,
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
            // On which days in between is not known: on none of them it was missing.
            self.renewed_on(lease, span.first, span.last);
        }
    }

    /// Notes that a lease was renewed on all days between two times (microseconds).
    fn renewed_on(&mut self, lease: &str, first: i64, last: i64) {
        let lease = &lease[..lease.floor_char_boundary(Named::LONGEST)];
        if !self.leases.0.contains_key(lease) {
            return;
        }
        let (first, last) = (first.div_euclid(DAY), last.div_euclid(DAY));
        let days = first..=last.min(first.saturating_add(MOST_DAYS));
        match self.renewed.get_mut(lease) {
            Some(known) => known.extend(days),
            None => drop(self.renewed.insert(lease.into(), days.collect())),
        }
    }

    /// Of what was kept before days were, all days of the time are taken.
    fn fill(&mut self) {
        for (name, met) in &self.leases.0 {
            let days = self.renewed.entry(name.clone()).or_default();
            let (first, last) = (met.first.div_euclid(DAY), met.last.div_euclid(DAY));
            let most = last.min(first.saturating_add(MOST_DAYS));
            let known = (days.first().copied(), days.last().copied());
            let (Some(from), Some(to)) = known else {
                days.extend(first..=most);
                continue;
            };
            days.extend(first..from);
            days.extend((to + 1)..=most);
        }
        self.renewed.retain(|name, _| self.leases.0.contains_key(name));
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
        for (name, days) in other.renewed {
            self.renewed.entry(name).or_default().extend(days);
        }
        self.renewed.retain(|name, _| self.leases.0.contains_key(name));
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
            Self { leases: self.leases.clone(), renewed: self.renewed.clone(), ..Self::default() };
        whole.fill();
        let mut lacks = lacks(&whole.renewed);
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
const DAY: i64 = 86_400_000_000;

/// So many days are kept of one time, at most.
const MOST_DAYS: i64 = 10_000;

/// One API server comes in the place of another within so many days.
const SUCCEEDS: i64 = 3;

/// By API server, the times of whole days of which others' logs are there and its own is not. Where one
/// begins when another ends, the one took the other's place.
fn lacks(renewed: &BTreeMap<Name, BTreeSet<i64>>) -> BTreeMap<Name, Vec<Gap>> {
    let spans: BTreeMap<&Name, (i64, i64)> = renewed
        .iter()
        .filter_map(|(name, days)| Some((name, (*days.first()?, *days.last()?))))
        .collect();
    let Some(first) = spans.values().map(|(first, _)| *first).min() else { return BTreeMap::new() };
    let last = spans.values().map(|(_, last)| *last).max().unwrap_or(first);
    // A day is not whole at the beginning and at the end of a log.
    let (late, early) = (|begin: i64| begin > first + 1, |end: i64| end < last - 1);
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
        let from = if late(begin) && !newer.contains(name) { first } else { begin };
        let to = if gone.contains(name) { last } else { end };
        let own = &renewed[name];
        let others =
            |day: &i64| renewed.iter().any(|(other, days)| other != name && days.contains(day));
        let mut gaps: Vec<Gap> = Vec::new();
        for day in (from..=to).filter(|day| !own.contains(day)).filter(others) {
            let (from, to) = (utc(day * DAY), utc((day + 1) * DAY));
            match gaps.last_mut().filter(|gap| gap.to == from) {
                Some(gap) => gap.to = to,
                None => gaps.push(Gap { from, to }),
            }
        }
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
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    const MINUTE: i64 = 60_000_000;
    const START: i64 = 1_777_852_800_000_000;

    fn lease(servers: &mut Servers, verb: &str, name: &str, user: &str, minute: i64) {
        servers.lease(name, verb, user, START + minute * MINUTE);
    }

    #[test]
    fn api_servers_are_those_that_renew_their_own_lease() {
        let mut servers = Servers::default();
        lease(&mut servers, "update", "apiserver-aa", "system:apiserver", 0);
        lease(&mut servers, "update", "apiserver-aa", "system:apiserver", 7);
        lease(&mut servers, "update", "apiserver-bb", "system:apiserver", 3);
        lease(&mut servers, "get", "apiserver-cc", "system:apiserver", 3);
        lease(&mut servers, "update", "apiserver-dd", "eve", 3);
        let mut coverage = Coverage::default();
        servers.cover(&mut coverage);
        let server = |name: &str, from, to, events| Server {
            name: name.into(),
            from: utc(START + from * MINUTE),
            to: utc(START + to * MINUTE),
            events,
            lacks: Vec::new(),
        };
        assert_eq!(
            coverage.api_servers,
            [server("apiserver-aa", 0, 7, 2), server("apiserver-bb", 3, 3, 1)]
        );
        assert_eq!(coverage.servers(), 2);
    }

    /// On which days, of the first, the log of each lacks what others' have: first day and last.
    fn lacking(renewed: &[(&str, &[(i64, i64)])]) -> Vec<(String, Vec<(i64, i64)>)> {
        let mut servers = Servers::default();
        let mut rest = Servers::default();
        for (name, spans) in renewed {
            let name = format!("apiserver-{name}");
            for (index, day) in spans.iter().flat_map(|(from, to)| *from..=*to).enumerate() {
                let part = if index % 2 == 0 { &mut servers } else { &mut rest };
                lease(part, "update", &name, "system:apiserver", day * 24 * 60);
            }
        }
        servers.add(rest);
        let mut coverage = Coverage::default();
        servers.cover(&mut coverage);
        let day = |at: DateTime<Utc>| (at.timestamp_micros() - START).div_euclid(DAY);
        let all = coverage.api_servers.into_iter().filter(|one| !one.lacks.is_empty());
        let days = |gaps: &[Gap]| gaps.iter().map(|gap| (day(gap.from), day(gap.to) - 1)).collect();
        all.map(|one| (one.name.replace("apiserver-", ""), days(&one.lacks))).collect()
    }

    #[test]
    fn a_server_of_which_the_log_lacks_days_is_told_with_them() {
        let none: [(String, Vec<(i64, i64)>); 0] = [];
        let one = |name: &str, days: &[(i64, i64)]| vec![(name.to_owned(), days.to_vec())];
        // Both, but for the days at the ends, which are not whole.
        assert_eq!(lacking(&[("a", &[(0, 100)]), ("b", &[(1, 99)])]), none);
        // By size the one is rotated sooner; of another there is a hole; a third ends.
        assert_eq!(lacking(&[("a", &[(0, 100)]), ("b", &[(80, 100)])]), one("b", &[(0, 79)]));
        assert_eq!(
            lacking(&[("a", &[(0, 100)]), ("b", &[(0, 9), (20, 100)])]),
            one("b", &[(10, 19)])
        );
        assert_eq!(lacking(&[("a", &[(0, 100)]), ("b", &[(0, 60)])]), one("b", &[(61, 100)]));
        // Where none has anything, the whole log has a gap.
        assert_eq!(lacking(&[("a", &[(0, 9), (20, 99)]), ("b", &[(0, 9), (20, 99)])]), none);
        assert_eq!(lacking(&[("a", &[(0, 9), (20, 99)])]), none);
        // New machines, one after the other, in the place of the old ones.
        assert_eq!(
            lacking(&[
                ("a", &[(0, 50)]),
                ("b", &[(0, 52)]),
                ("c", &[(49, 99)]),
                ("d", &[(52, 99)])
            ]),
            none
        );
        // What takes nobody's place may have been there.
        assert_eq!(
            lacking(&[
                ("a", &[(0, 50)]),
                ("c", &[(49, 99)]),
                ("d", &[(60, 99)]),
                ("e", &[(0, 99)])
            ]),
            one("d", &[(0, 59)])
        );
    }

    #[test]
    fn of_what_was_kept_without_days_none_is_missing() {
        let mut old = Servers::default();
        for day in [0, 50] {
            lease(&mut old, "update", "apiserver-a", "system:apiserver", day * 24 * 60);
        }
        lease(&mut old, "update", "apiserver-b", "system:apiserver", 0);
        let mut kept = serde_json::to_value(&old).unwrap();
        kept.as_object_mut().unwrap().remove("renewed");
        let mut servers: Servers = serde_json::from_value(kept).unwrap();
        for day in 1..=100 {
            lease(&mut servers, "update", "apiserver-b", "system:apiserver", day * 24 * 60);
            lease(&mut servers, "update", "apiserver-a", "system:apiserver", day.max(51) * 24 * 60);
        }
        let mut coverage = Coverage::default();
        servers.cover(&mut coverage);
        assert!(coverage.api_servers.iter().all(|one| one.lacks.is_empty()), "{coverage:?}");
    }

    #[test]
    fn a_server_is_missing_where_the_leader_is() {
        let kcm = "system:kube-controller-manager";
        let mut whole = Servers::default();
        let mut half = Servers::default();
        for minute in 0..2000 {
            // One candidate at each of two servers; the leader moves from one to the other.
            lease(&mut half, "get", "kube-controller-manager", kcm, minute);
            lease(&mut whole, "get", "kube-controller-manager", kcm, minute);
            if minute >= 1000 {
                lease(&mut half, "update", "kube-controller-manager", kcm, minute);
            }
            lease(&mut whole, "update", "kube-controller-manager", kcm, minute);
        }
        let mut coverage = Coverage::default();
        half.cover(&mut coverage);
        assert_eq!((coverage.led, coverage.unled), (100, 100));
        assert!(coverage.lacks_server());
        whole.cover(&mut coverage);
        assert_eq!((coverage.led, coverage.unled), (200, 0));
        assert!(!coverage.lacks_server() && !Coverage::default().lacks_server());
    }

    #[test]
    fn an_account_that_is_two_at_once_is_of_two_clusters() {
        let seen = |spans: &[(&str, i64, i64)]| {
            let mut servers = Servers::default();
            for (uid, first, last) in spans {
                for minute in [first, last] {
                    servers.account("coredns", uid, START + minute * MINUTE);
                }
            }
            servers.told_apart()
        };
        let two = Some(("coredns".into(), vec!["a".into(), "b".into()]));
        assert_eq!(seen(&[("a", 0, 60), ("b", 30, 90), ("c", 91, 200)]), two);
        // Made anew, with what was still under way.
        assert_eq!(seen(&[("a", 0, 60), ("b", 50, 90)]), None);
        assert_eq!(seen(&[("a", 0, 60), ("b", 100, 190)]), None);
        assert_eq!(known("system:serviceaccount:kube-system:coredns"), Some("coredns"));
        assert_eq!(known("system:serviceaccount:shop:coredns"), None);
    }

    #[test]
    fn of_too_many_names_the_same_are_kept_in_any_order() {
        let names: Vec<String> = (0..1000).map(|number| format!("pod-{number:04}")).collect();
        let (mut one, mut other, mut third) =
            (Servers::default(), Servers::default(), Servers::default());
        for (index, name) in names.iter().enumerate() {
            one.envelope(Some(name), Some("c"), START);
            let part = if index % 3 == 0 { &mut other } else { &mut third };
            part.envelope(Some(&names[999 - index]), None, START);
        }
        third.add(other);
        assert_eq!(one.streams.servers(), third.streams.servers());
        assert_eq!(one.streams.servers().len(), Named::MOST);
        assert_eq!(one.clusters.0["c"].events, 1000);
    }
}
