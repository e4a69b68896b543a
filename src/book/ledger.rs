//! The log by identity: what each of them did, exercised and was credited with.
//!
//! Rows of an identity are folded into one [`Record`], so that no screen goes back to them; when
//! the log grows, the records of whom it touched are made anew.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use foldhash::{HashMap, HashMapExt};
use rayon::prelude::*;

use super::calls::{self, Sure};
use super::recorded::Asked;
use super::sums::Sums;
use super::{GrantKey, IdentityActivity};
use crate::model::{
    Activity, Call, CallId, CreditedGrant, GroupSetId, Identity, ImpersonationId, Name, RoleKind,
    SeenId, SharedHash, Use,
};

/// Requests with their times, summed over days, actors and credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) allowed: u64,
    pub(crate) denied: u64,
    pub(crate) undecided: u64,
    pub(crate) first: DateTime<Utc>,
    pub(crate) last: DateTime<Utc>,
    pub(crate) last_allowed: Option<DateTime<Utc>>,
}

impl Tally {
    fn of(row: &Use) -> Self {
        Self {
            allowed: row.allowed,
            denied: row.denied,
            undecided: row.undecided,
            first: row.first,
            last: row.last,
            last_allowed: row.last_allowed,
        }
    }

    /// A check behind an impersonated request: it passed, or the request would not have come as
    /// far as the log shows it.
    fn passed(row: &Use) -> Self {
        Self {
            allowed: row.requests(),
            denied: 0,
            undecided: 0,
            last_allowed: Some(row.last),
            ..Self::of(row)
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.allowed += other.allowed;
        self.denied += other.denied;
        self.undecided += other.undecided;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.last_allowed = self.last_allowed.max(other.last_allowed);
    }
}

/// A call that somebody's rights were used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exercised {
    /// What tells it from the record's others.
    key: (Option<GroupSetId>, u32),
    pub(crate) call: Arc<Call>,
    /// The groups on the request; None where the log carries none, and the identity's known
    /// groups stand in.
    pub(crate) groups: Option<GroupSetId>,
    /// Whether the authorization was surely asked for.
    pub(crate) sure: Sure,
    pub(crate) tally: Tally,
}

/// Requests credited to a grant by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Credit {
    pub(crate) requests: u64,
    pub(crate) last: Option<DateTime<Utc>>,
}

impl Credit {
    pub(crate) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.last = self.last.max(other.last);
    }
}

/// A grant as the log names it; a binding made anew for another role is another.
pub(crate) type CreditKey = (GrantKey, RoleKind, Name);

/// What the log has of one identity.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record {
    /// The requests that its rights were used for, one a call and set of groups, in a fixed order.
    pub(crate) calls: Vec<Exercised>,
    /// What it needed to impersonate others.
    pub(crate) needed: Vec<Exercised>,
    /// What it authenticated, summed.
    pub(crate) activity: Arc<IdentityActivity>,
    /// Its own groups as its requests carried them, with the last time.
    pub(crate) groups: Vec<(Name, DateTime<Utc>)>,
    /// What its rights were credited to.
    pub(crate) credits: Vec<(Arc<CreditedGrant>, Credit)>,
}

/// The number of calls that no line of the log is for.
const BEHIND: u32 = u32::MAX;

impl Exercised {
    /// Whether it is a check behind an impersonated request, which has no line of its own.
    pub(crate) fn is_behind(&self) -> bool {
        self.key.1 == BEHIND
    }
}

impl Record {
    pub(crate) fn new(activity: &Activity, seen: SeenId) -> Self {
        let mut sums = Sums::default();
        let mut needed = Needed::default();
        for row in activity.by_authenticated(seen) {
            sums.authenticated(activity, row);
            needed.add(activity, row);
        }
        let mut calls: HashMap<(Option<GroupSetId>, CallId), Tally> = HashMap::new();
        let mut credits: HashMap<_, Credit> = HashMap::new();
        for row in activity.by_effective(seen) {
            if row.effective != row.authenticated {
                sums.impersonated(activity, row);
            }
            let tally = Tally::of(row);
            calls
                .entry((carried(activity, row.groups), row.call))
                .and_modify(|have| have.add(&tally))
                .or_insert(tally);
            if let Some(credit) = row.credit.filter(|_| row.allowed > 0) {
                let more = Credit { requests: row.allowed, last: row.last_allowed };
                credits.entry(credit).or_default().add(more);
            }
        }
        let mut calls: Vec<_> = calls.into_iter().collect();
        calls.sort_unstable_by_key(|(key, _)| *key);
        let mut credits: Vec<_> = credits.into_iter().collect();
        credits.sort_unstable_by_key(|(id, _)| *id);
        Self {
            calls: calls
                .into_iter()
                .map(|((groups, call), tally)| Exercised {
                    key: (groups, call.0),
                    call: activity.call(call).clone(),
                    groups,
                    sure: Sure::Yes,
                    tally,
                })
                .collect(),
            needed: needed.finish(),
            activity: Arc::new(sums.finish(activity.truncated(seen))),
            groups: activity.groups_seen(seen).to_vec(),
            credits: credits
                .into_iter()
                .map(|(id, credit)| (activity.credit(id).clone(), credit))
                .collect(),
        }
    }
}

impl Record {
    /// Calls that were allowed and so used rights, those behind impersonation last.
    pub(crate) fn allowed(&self) -> impl Iterator<Item = &Exercised> {
        self.calls.iter().chain(&self.needed).filter(|exercised| exercised.tally.allowed > 0)
    }

    /// Calls of which none was surely allowed, and some may have been.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Exercised> {
        let all = self.calls.iter().chain(&self.needed);
        all.filter(|exercised| exercised.tally.allowed == 0 && exercised.tally.undecided > 0)
    }

    /// Where this record is an earlier one grown: the allowed calls that are new since, or surer.
    /// None where anything was taken back.
    pub(crate) fn since<'s>(&'s self, earlier: &Self) -> Option<Vec<&'s Exercised>> {
        if !grew(&earlier.activity, &self.activity) {
            return None;
        }
        let key = |exercised: &Exercised| (exercised.key, exercised.call.clone());
        let mut before: HashMap<_, Sure> =
            earlier.allowed().map(|exercised| (key(exercised), exercised.sure)).collect();
        let fresh = self
            .allowed()
            .filter(|exercised| {
                before.remove(&key(exercised)).is_none_or(|sure| sure < exercised.sure)
            })
            .collect();
        before.is_empty().then_some(fresh)
    }
}

/// Whether sums only grew.
fn grew(before: &IdentityActivity, after: &IdentityActivity) -> bool {
    before.allowed <= after.allowed
        && before.denied <= after.denied
        && before.undecided <= after.undecided
        && before.first_seen.is_none_or(|first| after.first_seen.is_some_and(|now| now <= first))
        && before.last_seen <= after.last_seen
        && before.last_allowed <= after.last_allowed
        && before.last_write <= after.last_write
        && before.days.iter().all(|(day, was)| {
            after.days.get(day).is_some_and(|is| {
                was.allowed <= is.allowed
                    && was.denied <= is.denied
                    && was.undecided <= is.undecided
            })
        })
}

fn carried(activity: &Activity, set: GroupSetId) -> Option<GroupSetId> {
    (!activity.group_set(set).is_empty()).then_some(set)
}

/// The log by identity.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    records: SharedHash<Identity, Arc<Record>>,
    credits: SharedHash<CreditKey, Credit>,
    /// Those in whose name others acted.
    impersonated: imbl::OrdSet<Identity>,
    /// Those of whose requests the log does not always say whether they were allowed.
    undecided: imbl::OrdSet<Identity>,
    /// Whether the log tells of any request that it was allowed.
    pub(crate) any_allowed: bool,
    /// Whether any request has the id of what was presented.
    pub(crate) names_credentials: bool,
    /// What anybody's requests asked for.
    pub(crate) asked: Arc<Asked>,
    /// Authorizers beside RBAC that the log shows at work.
    pub(crate) others: BTreeSet<&'static str>,
}

/// Whose words the reason of an allowed request is, where it is not RBAC's. Free text of a webhook
/// may name anybody, so it stays out.
fn authorizer(reason: &str) -> &'static str {
    if reason.starts_with("EKS Access Policy:") {
        "EKS access policies (seen in the log)"
    } else if reason.starts_with("access granted by IAM") {
        "GKE IAM (seen in the log)"
    } else if reason.starts_with("Access allowed by Azure RBAC") {
        "Azure RBAC (seen in the log)"
    } else {
        "another authorizer (seen in the log)"
    }
}

impl Ledger {
    pub(crate) fn new(activity: &Activity) -> Self {
        let identities: Vec<(SeenId, &Identity)> = activity.identities().collect();
        let records: Vec<(Identity, Arc<Record>)> = identities
            .into_par_iter()
            .map(|(seen, identity)| (identity.clone(), Arc::new(Record::new(activity, seen))))
            .collect();
        let mut ledger = Self::default();
        for (identity, record) in records {
            ledger.put(&identity, record);
        }
        ledger
    }

    /// Takes over one identity's record, in place of an earlier one.
    fn put(&mut self, identity: &Identity, record: Arc<Record>) -> Vec<CreditKey> {
        let mut credited = Vec::new();
        let earlier = self.records.get(identity).cloned().unwrap_or_default();
        for (grant, credit) in &record.credits {
            if let CreditedGrant::Other(reason) = &**grant {
                self.others.insert(authorizer(reason));
            }
            let was = earlier.credits.iter().find(|(have, _)| have == grant);
            let was = was.map(|(_, credit)| *credit).unwrap_or_default();
            if was != *credit
                && let Some(key) = credit_key(grant)
            {
                let have = self.credits.entry(key.clone()).or_default();
                have.requests = have.requests.saturating_sub(was.requests);
                have.add(*credit);
                credited.push(key);
            }
        }
        if !record.activity.impersonated_by.is_empty() {
            self.impersonated.insert(identity.clone());
        }
        self.names_credentials |= !record.activity.credentials.is_empty();
        self.any_allowed |= record.calls.iter().any(|exercised| exercised.tally.allowed > 0);
        let asked = Arc::make_mut(&mut self.asked);
        if !record.calls.is_empty() {
            asked.note_who(identity);
        }
        record.calls.iter().for_each(|exercised| asked.note(exercised));
        if record.open().next().is_some() {
            self.undecided.insert(identity.clone());
        } else {
            self.undecided.remove(identity);
        }
        self.records.insert(identity.clone(), record);
        credited
    }

    /// Makes the record of one identity anew. Returns the grants whose credits changed; None where
    /// something was taken back that only a look at everybody can tell the rest of.
    pub(crate) fn renew(&mut self, activity: &Activity, seen: SeenId) -> Option<Vec<CreditKey>> {
        let identity = activity.identity(seen);
        let record = Arc::new(Record::new(activity, seen));
        if let Some(earlier) = self.records.get(identity) {
            let kept = earlier.credits.iter().all(|(grant, was)| {
                let now = record.credits.iter().find(|(have, _)| have == grant);
                now.is_some_and(|(_, now)| now.requests >= was.requests && now.last >= was.last)
            });
            if !kept || record.since(earlier).is_none() {
                return None;
            }
        }
        Some(self.put(identity, record))
    }

    pub(crate) fn record(&self, identity: &Identity) -> Option<&Arc<Record>> {
        self.records.get(identity)
    }

    pub(crate) fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.records.keys()
    }

    /// Those in whose name others acted, sorted: their requests carry groups that others chose.
    pub(crate) fn impersonated(&self) -> impl Iterator<Item = &Identity> {
        self.impersonated.iter()
    }

    /// Those of whose requests the log does not always say whether they were allowed, sorted.
    pub(crate) fn undecided(&self) -> impl Iterator<Item = &Identity> {
        self.undecided.iter()
    }

    /// Every grant that the log names, with what it is credited with.
    pub(crate) fn credited(&self) -> impl Iterator<Item = (&CreditKey, &Credit)> {
        self.credits.iter().filter(|(_, credit)| credit.requests > 0)
    }

    pub(crate) fn credit(&self, key: &CreditKey) -> Credit {
        self.credits.get(key).copied().unwrap_or_default()
    }
}

/// The grant that the log names; None where another authorizer allowed.
pub(crate) fn credit_key(credit: &CreditedGrant) -> Option<CreditKey> {
    match credit {
        CreditedGrant::Rbac { binding_kind, namespace, binding, role_kind, role, subject } => {
            let key = GrantKey {
                binding_kind: *binding_kind,
                namespace: namespace.clone(),
                binding: binding.clone(),
                subject: subject.clone(),
            };
            Some((key, *role_kind, role.clone()))
        }
        CreditedGrant::Other(_) => None,
    }
}

/// The checks behind one identity's impersonated requests.
#[derive(Default)]
struct Needed {
    /// What each distinct impersonation needs.
    known: HashMap<(ImpersonationId, SeenId, CallId), Vec<calls::Needed>>,
    found: HashMap<Arc<Call>, (Sure, Tally)>,
}

impl Needed {
    fn add(&mut self, activity: &Activity, row: &Use) {
        let Some(how) = row.impersonation else {
            return;
        };
        let known = self.known.entry((how, row.effective, row.call)).or_insert_with(|| {
            calls::impersonating(
                activity.impersonation(how),
                activity.identity(row.effective),
                activity.call(row.call),
            )
        });
        let tally = Tally::passed(row);
        for needed in known {
            self.found
                .entry(needed.call.clone())
                .and_modify(|(sure, have)| {
                    // A sure check outweighs one that is left open; the sums are of both.
                    *sure = (*sure).max(needed.sure);
                    have.add(&tally);
                })
                .or_insert((needed.sure, tally));
        }
    }

    fn finish(self) -> Vec<Exercised> {
        let mut found: Vec<Exercised> = self
            .found
            .into_iter()
            .map(|(call, (sure, tally))| Exercised {
                key: (None, BEHIND),
                call,
                groups: None,
                sure,
                tally,
            })
            .collect();
        found.sort_unstable_by(|a, b| a.call.cmp(&b.call));
        found
    }
}
