//! The uses of one credential by one identity, added up.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{LastUse, More};
use crate::model::{Activity, Actor, Identity, Name, Use};

/// So many addresses and agents of each are told.
const TOLD: usize = 5;

/// The uses of one credential by one identity.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) first: DateTime<Utc>,
    pub(super) last: DateTime<Utc>,
    pub(super) requests: u64,
    addresses: BTreeMap<Name, DateTime<Utc>>,
    agents: BTreeMap<Name, DateTime<Utc>>,
    /// Requests without one of these.
    without: [u64; 2],
    groups: BTreeSet<Name>,
}

/// How many requests of an identity have a value that was not kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cut {
    pub(super) credentials: u64,
    addresses: u64,
    agents: u64,
}

impl Cut {
    pub(super) fn of(counts: &BTreeMap<Name, u64>) -> Self {
        let of = |kind: &str| counts.get(kind).copied().unwrap_or_default();
        Self { credentials: of("credentials"), addresses: of("addresses"), agents: of("agents") }
    }
}

impl Span {
    /// Whether all of it came from the machine itself, as far as all addresses were kept.
    pub(super) fn is_loopback(&self) -> bool {
        let own = |address: &Name| {
            address.parse::<core::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        };
        self.without[0] == 0 && !self.addresses.is_empty() && self.addresses.keys().all(own)
    }

    pub(super) fn new(row: &Use) -> Self {
        Self {
            first: row.first,
            last: row.last,
            requests: 0,
            addresses: BTreeMap::new(),
            agents: BTreeMap::new(),
            without: [0; 2],
            groups: BTreeSet::new(),
        }
    }

    pub(super) fn add(&mut self, row: &Use, actor: &Actor) {
        self.first = self.first.min(row.first);
        self.last = self.last.max(row.last);
        self.requests += row.requests();
        for (value, into) in
            [(&actor.address, &mut self.addresses), (&actor.agent, &mut self.agents)]
        {
            if let Some(value) = value {
                let at = into.entry(value.clone()).or_insert(row.last);
                *at = (*at).max(row.last);
            }
        }
        for (value, without) in [&actor.address, &actor.agent].into_iter().zip(&mut self.without) {
            *without += if value.is_none() { row.requests() } else { 0 };
        }
    }

    /// The groups of whoever presented it, where nobody was impersonated.
    pub(super) fn in_groups(&mut self, activity: &Activity, row: &Use) {
        if row.effective == row.authenticated {
            self.groups.extend(activity.group_set(row.groups).iter().cloned());
        }
    }

    /// Of requests without an address or an agent only those are told that had one which was not
    /// kept.
    pub(super) fn settle(&mut self, cut: Cut) {
        let [addresses, agents] = self.without;
        self.without = [addresses.min(cut.addresses), agents.min(cut.agents)];
    }

    /// The groups that it was used with, but for those that the API server adds by itself.
    pub(super) fn groups(&self, identity: &Identity) -> Vec<Name> {
        let implicit = identity.implicit_groups();
        self.groups.iter().filter(|group| !implicit.contains(group)).cloned().collect()
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.requests += other.requests;
        self.groups.extend(other.groups);
        for (without, more) in self.without.iter_mut().zip(other.without) {
            *without += more;
        }
        for (into, from) in
            [(&mut self.addresses, other.addresses), (&mut self.agents, other.agents)]
        {
            for (value, last) in from {
                let at = into.entry(value).or_insert(last);
                *at = (*at).max(last);
            }
        }
    }

    pub(super) fn last_use(&self) -> LastUse {
        LastUse::Log {
            at: self.last,
            first: self.first,
            requests: self.requests,
            addresses: newest(&self.addresses),
            agents: newest(&self.agents),
            more: More {
                addresses: self.addresses.len().saturating_sub(TOLD),
                agents: self.agents.len().saturating_sub(TOLD),
                requests_without_address: self.without[0],
                requests_without_agent: self.without[1],
            },
        }
    }
}

fn newest(of: &BTreeMap<Name, DateTime<Utc>>) -> Vec<Name> {
    let mut all: Vec<(&Name, &DateTime<Utc>)> = of.iter().collect();
    all.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    all.into_iter().take(TOLD).map(|(name, _)| name.clone()).collect()
}
