//! One identity's place in the join: its entry, and what makes the next one cheap.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::calls::Sure;
use super::ledger::{Exercised, Record};
use super::{
    Book, Entry, Existence, GrantId, GroupSource, Hint, IdentityActivity, IdentityId, Membership,
    Tier, groups, sums,
};
use crate::findings;
use crate::model::{Identity, Name, Snapshot, SubjectKind};

/// An entry with what it was made from.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) entry: Arc<Entry>,
    /// For each rule row, in order, whether the log shows it in use.
    rows: Arc<[Sure]>,
    /// When the identity was last seen; for a group, when a request last carried it. UTC.
    pub(super) seen: Option<DateTime<Utc>>,
    /// Times of which the idle time counts for a verdict about it: when one of them is that long
    /// before the end of the log, the verdict may change. UTC.
    pub(super) instants: Arc<[DateTime<Utc>]>,
    /// When a verdict about it changes by the time alone, UTC.
    pub(super) turns: Arc<[DateTime<Utc>]>,
}

/// The node that a new one follows, where nothing but the log moved in between.
#[derive(Clone, Copy)]
pub(super) struct Before<'a> {
    pub(super) book: &'a Book,
    pub(super) node: &'a Node,
}

/// Who it is, before the join.
pub(super) struct Person {
    pub(super) id: IdentityId,
    pub(super) identity: Identity,
    pub(super) groups: Vec<Membership>,
    pub(super) hints: Vec<Hint>,
}

impl Book {
    /// A user or service account.
    pub(super) fn individual(&self, person: Person, before: Option<Before<'_>>) -> Node {
        let record = self.ledger.record(&person.identity).cloned();
        let mut entry = self.bare(person);
        entry.activity = record.as_ref().map(|record| record.activity.clone());
        let seen = entry.activity.as_ref().and_then(|activity| activity.last_seen);
        let Some(record) = record else {
            return self.finish(entry, &[], seen);
        };
        let grown = before.and_then(|before| {
            let earlier = before.book.ledger.record(&entry.identity)?;
            let same = before.node.entry.grants == entry.grants
                && same_names(&before.node.entry.groups, &entry.groups);
            Some((before.node.rows.to_vec(), record.since(earlier).filter(|_| same)?))
        });
        let (mut rows, calls) = grown.unwrap_or_else(|| (Vec::new(), record.allowed().collect()));
        self.judge(&entry, &mut rows, &calls);
        self.finish(entry, &rows, seen)
    }

    /// A group: what its members did.
    pub(super) fn group(&self, id: IdentityId, identity: &Identity) -> Node {
        let mut entry = self.bare(nobody(id, identity));
        let mut sum = IdentityActivity::default();
        let mut seen = None;
        let members = entry.members.iter().filter_map(|id| self.entry(*id));
        for member in members.filter(|member| acts_in(member, identity)) {
            seen = seen.max(membership(member, identity));
            if let Some(activity) = &member.activity {
                sums::add_counts(&mut sum, activity);
            }
        }
        entry.activity = (sum.requests > 0).then(|| Arc::new(sum));
        let calls = self.group_calls(&entry);
        // Who acts in others' names chooses groups that nobody else is in.
        seen = seen.max(self.last_carried(&entry, calls.iter().copied()));
        let calls: Vec<&Exercised> =
            calls.into_iter().filter(|call| call.tally.allowed > 0).collect();
        let mut rows = Vec::new();
        self.judge(&entry, &mut rows, &calls);
        self.finish(entry, &rows, seen)
    }

    /// A group of which nothing moved but the log of some, who are no fewer in it than before.
    /// None where something was taken back, so that only looking at all members can tell.
    pub(super) fn grown_group(&self, before: Before<'_>, touched: &[&Identity]) -> Option<Node> {
        let old = &before.node.entry;
        let mut entry = self.bare(nobody(old.id, &old.identity));
        let mut sum = old.activity.as_deref().cloned().unwrap_or_default();
        let mut seen = before.node.seen;
        let mut rows = before.node.rows.to_vec();
        let mut calls: Vec<&Exercised> = Vec::new();
        for who in touched {
            let Some(record) = self.ledger.record(who) else {
                continue;
            };
            let is = self.acts_in(&entry, who);
            let was = before.book.acts_in(old, who);
            let nothing = Arc::new(Record::default());
            let earlier = before.book.ledger.record(who).unwrap_or(&nothing);
            let since = record.since(earlier)?;
            if was && !is {
                return None;
            }
            if is {
                seen = seen.max(self.find(who).and_then(|entry| membership(entry, &old.identity)));
                if was {
                    sums::take_counts(&mut sum, &earlier.activity);
                }
                sums::add_counts(&mut sum, &record.activity);
            }
            seen = seen.max(self.last_carried(&entry, record.calls.iter()));
            let fresh = if is == was { since } else { record.allowed().collect() };
            calls.extend(fresh.into_iter().filter(|call| self.counts_for(&entry, call, is)));
        }
        entry.activity = (sum.requests > 0).then(|| Arc::new(sum));
        self.judge(&entry, &mut rows, &calls);
        Some(self.finish(entry, &rows, seen))
    }

    /// When one of these requests last carried a group, UTC.
    fn last_carried<'c>(
        &self,
        group: &Entry,
        calls: impl Iterator<Item = &'c Exercised>,
    ) -> Option<DateTime<Utc>> {
        let carried = calls.filter(|call| call.groups.is_some());
        carried.filter(|call| self.counts_for(group, call, false)).map(|call| call.tally.last).max()
    }

    /// Whether what somebody did counts for a group.
    pub(super) fn acts_in(&self, group: &Entry, who: &Identity) -> bool {
        self.ids.get(who).is_some_and(|id| group.members.binary_search(id).is_ok())
            && self.find(who).is_some_and(|member| acts_in(member, &group.identity))
    }

    /// Everything but what rests on the log.
    fn bare(&self, person: Person) -> Entry {
        let Person { id, identity, groups, hints } = person;
        let record = self.ledger.record(&identity).map(|record| &**record);
        let grants = self.effective(&identity, &groups);
        let members = match identity.kind {
            SubjectKind::Group => self.members.get(&identity.name).cloned(),
            _ => None,
        };
        let mut entry = Entry {
            id,
            existence: existence(&identity, &self.snapshot),
            tier: self.tier(&identity, &groups, &grants),
            groups_known: groups::are_known(&identity, record, &self.policy),
            groups,
            members: members.unwrap_or_default(),
            grants,
            used: None,
            held: 0,
            activity: None,
            hints,
            findings: Vec::new(),
            exempt: Vec::new(),
            becomes: None,
            identity,
        };
        entry.held = self.held(&entry);
        entry
    }

    fn finish(&self, mut entry: Entry, rows: &[Sure], seen: Option<DateTime<Utc>>) -> Node {
        // A log without a single event covers nothing: of how many rules is not known.
        // Nor is it where it shows of no request whether it was allowed.
        let covers = self.coverage().is_some_and(|coverage| {
            coverage.from.is_some() && (coverage.decisions_logged || self.ledger.any_allowed)
        });
        let left_out = self.may_be_left_out(&entry) || self.is_not_logged(&entry);
        if self.log.is_whole() && covers && !left_out {
            let used = rows.iter().filter(|row| **row == Sure::Yes).count();
            entry.used = Some((u32::try_from(used).unwrap_or(u32::MAX), entry.held));
        }
        let judged = findings::of(self, &entry, seen, rows);
        entry.findings = judged.findings;
        entry.exempt = judged.exempt;
        let (instants, turns) = (judged.instants.into(), judged.turns.into());
        Node { entry: Arc::new(entry), rows: rows.into(), seen, instants, turns }
    }

    /// The grants that hold for an identity: its own, then its groups'.
    fn effective(&self, identity: &Identity, groups: &[Membership]) -> Vec<GrantId> {
        let of_group = |name| self.own_of_group.get(name).into_iter().flat_map(|own| own.iter());
        if identity.kind == SubjectKind::Group {
            return of_group(&identity.name).copied().collect();
        }
        let mut own: Vec<_> = self
            .authorizer
            .direct(identity)
            .into_iter()
            .filter_map(|slot| self.grant(GrantId(slot)))
            .collect();
        own.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        let own = own.into_iter().map(|grant| grant.id);
        own.chain(groups.iter().flat_map(|group| of_group(&group.name)).copied()).collect()
    }

    fn tier(&self, identity: &Identity, groups: &[Membership], own: &[GrantId]) -> Tier {
        if is_masters(identity, groups) {
            return Tier::ClusterAdmin;
        }
        let tiers = own.iter().filter_map(|id| self.grant(*id)).map(|grant| self.tier_of(grant));
        let beside = self.all_beside(identity, groups).filter(|one| one.sure);
        tiers.chain(beside.map(|one| one.tier)).max().unwrap_or_default()
    }
}

fn nobody(id: IdentityId, identity: &Identity) -> Person {
    Person { id, identity: identity.clone(), groups: Vec::new(), hints: Vec::new() }
}

fn same_names(one: &[Membership], other: &[Membership]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.name == b.name)
}

/// Whether what a member of a group did counts for the group: not where the log shows its groups and
/// this one is known from another source only, a credential that it did not use.
pub(super) fn acts_in(member: &Entry, group: &Identity) -> bool {
    counts(&member.groups, &group.name)
}

/// The same by the groups of the member, sorted by name.
pub(super) fn counts(groups: &[Membership], group: &Name) -> bool {
    use GroupSource::{BootstrapToken, Certificate, CloudMapping, Given, Implicit, Log};
    let Ok(at) = groups.binary_search_by(|have| have.name.cmp(group)) else {
        return false;
    };
    match groups.get(at).map(|have| have.source) {
        Some(Implicit | Log | Given) => true,
        Some(Certificate | CloudMapping | BootstrapToken) => {
            !groups.iter().any(|have| have.source == Log)
        }
        None => false,
    }
}

/// When requests of an entry last carried the group.
fn membership(entry: &Entry, group: &Identity) -> Option<DateTime<Utc>> {
    let at = entry.groups.binary_search_by(|have| have.name.cmp(&group.name)).ok()?;
    entry.groups.get(at)?.last_seen
}

/// Whether the API server allows it everything ahead of RBAC.
pub(super) fn is_masters(identity: &Identity, groups: &[Membership]) -> bool {
    let masters = Identity::SYSTEM_MASTERS;
    (identity.kind == SubjectKind::Group && &*identity.name == masters)
        || groups.iter().any(|group| &*group.name == masters)
}

pub(super) fn existence(identity: &Identity, snapshot: &Snapshot) -> Existence {
    let (SubjectKind::ServiceAccount, Some(ns)) = (identity.kind, &identity.namespace) else {
        return Existence::NoObject;
    };
    let key = (ns.clone(), identity.name.clone());
    if snapshot.objects.service_accounts.contains_key(&key) {
        Existence::Exists
    } else if snapshot.lacks_account(ns, &identity.name) {
        Existence::Missing
    } else {
        Existence::NotKnown
    }
}
