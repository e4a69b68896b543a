//! An identity's own requests, summed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use foldhash::HashMap;

use super::{IdentityActivity, Seen, SeenCredential};
use crate::model::{Activity, Name, Use};

/// Sums under way: lists by value, so that adding a row costs the same whatever is there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    sum: IdentityActivity,
    addresses: HashMap<Name, Span>,
    agents: HashMap<Name, Span>,
    credentials: HashMap<Name, Span>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    first: DateTime<Utc>,
    last: DateTime<Utc>,
    requests: u64,
}

impl Span {
    fn add(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.requests += other.requests;
    }
}

fn add_to(map: &mut HashMap<Name, Span>, value: Name, span: Span) {
    map.entry(value).and_modify(|have| have.add(span)).or_insert(span);
}

fn earlier(a: Option<DateTime<Utc>>, b: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// How a credential's id tells its kind.
fn credential_kind(id: &str) -> &'static str {
    if id.starts_with("X509SHA256=") {
        "client certificate"
    } else if id.starts_with("legacy:") {
        "legacy token"
    } else {
        "token"
    }
}

impl Sums {
    /// A request that the identity authenticated.
    pub(crate) fn authenticated(&mut self, activity: &Activity, row: &Use) {
        let sum = &mut self.sum;
        sum.requests += row.requests();
        sum.allowed += row.allowed;
        sum.denied += row.denied;
        sum.undecided += row.undecided;
        sum.first_seen = earlier(sum.first_seen, Some(row.first));
        sum.last_seen = sum.last_seen.max(Some(row.last));
        sum.last_allowed = sum.last_allowed.max(row.last_allowed);
        if activity.call(row.call).is_write() {
            sum.last_write = sum.last_write.max(row.last_allowed);
        }
        let day = sum.days.entry(row.day).or_default();
        day.allowed += row.allowed;
        day.denied += row.denied;
        day.undecided += row.undecided;
        if row.effective != row.authenticated {
            let other = activity.identity(row.effective).clone();
            *sum.impersonated_as.entry(other).or_default() += row.requests();
        }
        let span = Span { first: row.first, last: row.last, requests: row.requests() };
        let actor = activity.actor(row.actor);
        if let Some(address) = &actor.address {
            add_to(&mut self.addresses, address.clone(), span);
        }
        if let Some(agent) = &actor.agent {
            add_to(&mut self.agents, agent.clone(), span);
        }
        if let Some(credential) = &actor.credential {
            add_to(&mut self.credentials, credential.clone(), span);
        }
    }

    /// A request that another made in this identity's name: kept apart, and no sign of life.
    pub(crate) fn impersonated(&mut self, activity: &Activity, row: &Use) {
        let other = activity.identity(row.authenticated).clone();
        let by = self.sum.impersonated_by.entry(other).or_default();
        by.requests += row.requests();
        by.last_seen = by.last_seen.max(Some(row.last));
    }

    pub(crate) fn finish(self, truncated: Option<&BTreeMap<Name, u64>>) -> IdentityActivity {
        IdentityActivity {
            addresses: newest_first(self.addresses),
            agents: newest_first(self.agents),
            credentials: newest_first(self.credentials)
                .into_iter()
                .map(|seen| SeenCredential {
                    kind: credential_kind(&seen.value),
                    id: seen.value,
                    first_seen: seen.first_seen,
                    last_seen: seen.last_seen,
                    requests: seen.requests,
                })
                .collect(),
            truncated: truncated.cloned().unwrap_or_default(),
            ..self.sum
        }
    }
}

/// Adds counts, times and days; lists and impersonation are left alone.
pub(crate) fn add_counts(sum: &mut IdentityActivity, other: &IdentityActivity) {
    sum.requests += other.requests;
    sum.allowed += other.allowed;
    sum.denied += other.denied;
    sum.undecided += other.undecided;
    sum.first_seen = earlier(sum.first_seen, other.first_seen);
    sum.last_seen = sum.last_seen.max(other.last_seen);
    sum.last_allowed = sum.last_allowed.max(other.last_allowed);
    sum.last_write = sum.last_write.max(other.last_write);
    for (day, more) in &other.days {
        let have = sum.days.entry(*day).or_default();
        have.allowed += more.allowed;
        have.denied += more.denied;
        have.undecided += more.undecided;
    }
}

/// Takes away what [`add_counts`] added, but for times: they stand until something later comes.
pub(crate) fn take_counts(sum: &mut IdentityActivity, other: &IdentityActivity) {
    sum.requests = sum.requests.saturating_sub(other.requests);
    sum.allowed = sum.allowed.saturating_sub(other.allowed);
    sum.denied = sum.denied.saturating_sub(other.denied);
    sum.undecided = sum.undecided.saturating_sub(other.undecided);
    for (day, less) in &other.days {
        if let Some(have) = sum.days.get_mut(day) {
            have.allowed = have.allowed.saturating_sub(less.allowed);
            have.denied = have.denied.saturating_sub(less.denied);
            have.undecided = have.undecided.saturating_sub(less.undecided);
        }
    }
}

fn newest_first(map: HashMap<Name, Span>) -> Vec<Seen> {
    let mut list: Vec<Seen> = map
        .into_iter()
        .map(|(value, span)| Seen {
            value,
            first_seen: span.first,
            last_seen: span.last,
            requests: span.requests,
        })
        .collect();
    list.sort_unstable_by(|a, b| b.last_seen.cmp(&a.last_seen).then_with(|| a.value.cmp(&b.value)));
    list
}
