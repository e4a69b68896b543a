//! From one Book to the next: what did not change is shared, what did is followed from roles to
//! grants to identities, and between groups and their members.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use foldhash::HashSet;

use super::build::given;
use super::by_credential::ByCredential;
use super::calls::Server;
use super::difference::{Difference, same_ground};
use super::ledger::{CreditKey, Ledger};
use super::node::{Before, Person, counts, existence};
use super::served::Served;
use super::{
    Book, Changes, Entry, Existence, Grant, GrantId, IdentityId, LogChange, LogState, Membership,
    groups, hints,
};
use crate::credentials::same_tracking;
use crate::model::{Coverage, Identity, Name, Policy, SubjectKind};
use crate::rbac::bootstrap;

/// What has to be made anew.
#[derive(Default)]
struct Dirty {
    /// Those of whom anything may have changed.
    identities: HashSet<Identity>,
    /// Those of whom only the log's part did.
    logged: BTreeSet<Identity>,
    /// Groups that have to look at all their members.
    groups: HashSet<Name>,
    /// Subjects whose grants changed.
    subjects: BTreeSet<Identity>,
    /// Grants with other credits.
    credited: Vec<CreditKey>,
}

/// Whether no verdict changes: how far reading has come is only shown.
fn same_log(old: &LogState, new: &LogState) -> bool {
    let reading = |log: &LogState| matches!(log, LogState::Reading { .. });
    old == new || (reading(old) && reading(new)) || (old.is_whole() && new.is_whole())
}

/// Whether no exemption ran out in between.
fn same_exemptions(policy: &Policy, before: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    policy.exemptions.iter().all(|one| one.holds(before) == one.holds(now))
}

impl Book {
    /// The next Book. Equal to one built from scratch, but for ids: those of whom this one knows
    /// stay.
    #[must_use]
    pub fn advance(&self, changes: Changes) -> Self {
        let mut next = self.clone();
        next.generation += 1;
        let difference = Difference::new(&self.snapshot.objects, &changes.snapshot.objects);
        let ground = same_ground(&self.snapshot, &changes.snapshot)
            && !difference.flows
            && self.policy == changes.policy
            && same_exemptions(&self.policy, self.now, changes.now)
            && same_tracking(&self.snapshot.objects, &changes.snapshot.objects)
            && same_log(&self.log, &changes.log);
        next.snapshot = changes.snapshot;
        next.policy = changes.policy;
        next.log = changes.log;
        next.now = changes.now;
        let mut dirty = Dirty::default();
        let log = next.take_log(changes.activity, &mut dirty);
        next.take_recorded();
        let slots = next.take_objects(&difference);
        let installed = next.take_installed(ground, &difference);
        let posing = next.take_posing();
        if ground && log && installed && posing && self.same_gates(&next) {
            next.follow(self, difference, &slots, dirty);
        } else {
            next.take_ground(self);
            next.join();
        }
        next
    }

    /// Takes over the log; false where everything has to be made anew.
    fn take_log(&mut self, change: LogChange, dirty: &mut Dirty) -> bool {
        match change {
            LogChange::Same => true,
            LogChange::Replaced(activity) => {
                self.ledger = activity.as_deref().map(Ledger::new).unwrap_or_default();
                self.activity = activity;
                false
            }
            LogChange::Grown { activity, touched } => {
                for seen in touched {
                    let Some(credited) = self.ledger.renew(&activity, seen) else {
                        return self.take_log(LogChange::Replaced(Some(activity)), dirty);
                    };
                    dirty.credited.extend(credited);
                    let identity = activity.identity(seen);
                    dirty.logged.insert(identity.clone());
                    if !self.policy.left.is_empty() {
                        // Tokens of it that somebody had made who left are that one's finding.
                        let made = activity.issued().of(identity).map(|(issued, _)| issued);
                        dirty.identities.extend(made.flat_map(|of| [&of.by, of.maker()]).cloned());
                    }
                }
                if let Some(before) = &self.activity {
                    dirty.identities.extend(activity.issued().beyond(before.issued()).cloned());
                }
                self.activity = Some(activity);
                true
            }
        }
    }

    /// Takes over roles and bindings; returns the slots of grants that changed.
    fn take_objects(&mut self, difference: &Difference) -> Vec<u32> {
        let objects = &self.snapshot.objects;
        let mut slots = Vec::new();
        for key in &difference.bindings {
            slots.extend(self.authorizer.rebind(key, objects));
        }
        for key in &difference.roles {
            slots.extend(self.authorizer.rerole(key, objects));
            match objects.roles.get(key) {
                Some(role) => {
                    let facts = self.weigh(role);
                    self.facts.insert(key.clone(), Arc::new(facts));
                }
                None => {
                    self.facts.remove(key);
                }
            }
        }
        if !difference.roles.is_empty() {
            self.provenance = Arc::default();
        }
        slots
    }

    /// Looks at what the API server installs by itself; false where it is another policy now.
    fn take_installed(&mut self, ground: bool, difference: &Difference) -> bool {
        let version = self.snapshot.cluster.server_version.as_deref();
        // Only where the version is not known it depends on what is there.
        let stays =
            version.is_some() || (difference.roles.is_empty() && difference.bindings.is_empty());
        if ground && stays {
            return true;
        }
        let of = |chosen: Option<bootstrap::Chosen>| {
            chosen.map(|chosen| (chosen.policy.version.clone(), chosen.by))
        };
        let before = of(self.installed);
        self.installed = bootstrap::choose(version, &self.snapshot.objects);
        before == of(self.installed)
    }

    /// Takes over what everything rests on.
    fn take_ground(&mut self, old: &Self) {
        let version = self.snapshot.cluster.server_version.as_deref();
        self.server = Server::of(version);
        if old.policy != self.policy {
            self.given = Arc::new(given(&self.policy));
        }
        self.served = Arc::new(Served::new(&self.snapshot));
        self.weigh_roles();
    }

    /// Whether what all verdicts take from the log's coverage is the same.
    fn same_gates(&self, next: &Self) -> bool {
        let gates = |book: &Self| {
            let coverage = book.coverage()?;
            let idle = TimeDelta::days(i64::from(book.policy.idle_days));
            let reads = |since: Option<_>| since.map(|since| book.reads_cover(since));
            Some((
                coverage.from,
                coverage.to.is_some(),
                coverage
                    .to
                    .and_then(|to| to.checked_sub_signed(idle))
                    .is_some_and(|since| coverage.covers_since(since)),
                (coverage.reads_logged, coverage.decisions_logged, coverage.knows_groups()),
                (
                    reads(coverage.from),
                    reads(coverage.to.and_then(|to| to.checked_sub_signed(idle))),
                ),
                (book.lacks_part(), coverage.cut, coverage.hides_impersonation()),
                (coverage.gaps.len() as u64 + coverage.gaps_left_out, coverage.missing()),
                coverage.unreadable.values().map(|one| one.count).sum::<u64>(),
                coverage.identities_left_out > 0,
                (book.ledger.any_allowed, book.recorded.clone()),
            ))
        };
        gates(self) == gates(next)
    }

    /// Makes anew what the changes touch.
    fn follow(&mut self, old: &Self, difference: Difference, slots: &[u32], mut dirty: Dirty) {
        for (identity, more) in difference.requests {
            let count = self.requesters.entry(identity.clone()).or_default();
            *count = if more { *count + 1 } else { count.saturating_sub(1) };
            if *count == 0 {
                self.requesters.remove(&identity);
            }
        }
        dirty.identities.extend(self.makers_who_left(&difference.identities));
        dirty.identities.extend(difference.identities);
        self.take_credentials(old, difference.credentials, &mut dirty);
        self.mark_subjects(old, slots, &mut dirty);
        self.mark_namespaces(&difference.namespaces, &mut dirty);
        self.mark_idle(old, &mut dirty);
        self.mark_turned(old, &mut dirty);
        self.renew_grants(old, &mut dirty);
        self.renew_members(old, &mut dirty);
        self.renew_entries(old, &dirty);
    }

    /// Looks again at what credentials say of whom, and marks whom that changes.
    fn take_credentials(&mut self, old: &Self, differ: bool, dirty: &mut Dirty) {
        if !differ && !old.by_credential.is_over(self.now) {
            return;
        }
        self.by_credential = Arc::new(ByCredential::new(self));
        for identity in self.by_credential.changed(&old.by_credential) {
            if identity.kind == SubjectKind::Group {
                // Its members hold what it is given.
                dirty.subjects.insert(identity);
            } else {
                dirty.identities.insert(identity);
            }
        }
    }

    /// Whose grants changed, and whoever holds them by way of a group.
    fn mark_subjects(&self, old: &Self, slots: &[u32], dirty: &mut Dirty) {
        for slot in slots {
            let held = [old.authorizer.held(*slot), self.authorizer.held(*slot)];
            dirty.subjects.extend(held.into_iter().flatten().map(|held| held.identity.clone()));
        }
        let mut shadowed = Vec::new();
        for subject in &dirty.subjects {
            dirty.identities.insert(subject.clone());
            if subject.kind != SubjectKind::Group {
                continue;
            }
            dirty.groups.insert(subject.name.clone());
            for member in self.members_of(&subject.name) {
                dirty.identities.insert(member.identity.clone());
            }
            // What everybody has may shadow what they were granted themselves, accounts that are not
            // there among them.
            if groups::is_implicit(&subject.name) {
                let all = self.entries().map(|entry| &entry.identity);
                let theirs = all.filter(|one| one.implicit_groups().contains(&subject.name));
                shadowed.extend(theirs.cloned());
            }
        }
        dirty.identities.extend(shadowed.iter().cloned());
        dirty.subjects.extend(shadowed);
    }

    fn members_of(&self, group: &str) -> impl Iterator<Item = &Arc<Entry>> {
        self.members
            .get(group)
            .into_iter()
            .flat_map(|ids| ids.iter())
            .filter_map(|id| self.entry(*id))
    }

    /// Who is in a namespace that came or went, or holds something in it.
    fn mark_namespaces(&self, namespaces: &HashSet<Name>, dirty: &mut Dirty) {
        if namespaces.is_empty() {
            return;
        }
        let held = self
            .grants()
            .filter(|grant| grant.key.namespace.as_ref().is_some_and(|ns| namespaces.contains(ns)));
        let subjects = held.map(|grant| &grant.key.subject);
        let inside = self.entries().map(|entry| &entry.identity).filter(|identity| {
            let of = identity.namespace.as_deref().or_else(|| identity.accounts_of());
            of.is_some_and(|ns| namespaces.contains(ns))
        });
        for identity in subjects.chain(inside) {
            if identity.kind == SubjectKind::Group {
                dirty.groups.insert(identity.name.clone());
            }
            dirty.identities.insert(identity.clone());
        }
    }

    /// Of whom something else is to be said by the time alone.
    fn mark_turned(&self, old: &Self, dirty: &mut Dirty) {
        let (from, to) = (old.now.min(self.now), old.now.max(self.now));
        for (_, id) in self.turns.range((from, IdentityId(0))..=(to, IdentityId(u32::MAX))) {
            dirty.identities.extend(self.entry(*id).map(|entry| entry.identity.clone()));
        }
    }

    /// Whoever may have become idle, now that the log ends later.
    fn mark_idle(&self, old: &Self, dirty: &mut Dirty) {
        let end = |book: &Self| book.coverage().and_then(|coverage: &Coverage| coverage.to);
        let idle = TimeDelta::days(i64::from(self.policy.idle_days));
        let (Some(before), Some(now)) = (end(old), end(self)) else {
            return;
        };
        let (from, to) = (before.min(now) - idle, before.max(now) - idle);
        for (_, id) in self.instants.range((from, IdentityId(0))..=(to, IdentityId(u32::MAX))) {
            if let Some(entry) = self.entry(*id) {
                if entry.identity.kind == SubjectKind::Group {
                    dirty.groups.insert(entry.identity.name.clone());
                }
                dirty.identities.insert(entry.identity.clone());
            }
        }
    }

    fn renew_grants(&mut self, old: &Self, dirty: &mut Dirty) {
        for subject in &dirty.subjects {
            for slot in old.authorizer.direct(subject) {
                if let Some(place) = self.grants.get_mut(slot as usize) {
                    *place = None;
                }
            }
        }
        for subject in &dirty.subjects {
            let grants = self.make_grants(subject);
            self.put_grants(subject, grants);
        }
        for (key, ..) in std::mem::take(&mut dirty.credited) {
            // Whose it is is judged by it, whoever asked.
            if key.subject.kind == SubjectKind::Group {
                dirty.identities.insert(key.subject.clone());
            } else {
                dirty.logged.insert(key.subject.clone());
            }
            let renewed: Vec<Arc<Grant>> = self
                .authorizer
                .of_binding(&(
                    key.binding_kind,
                    key.namespace.clone().unwrap_or_else(|| "".into()),
                    key.binding.clone(),
                ))
                .iter()
                .filter_map(|slot| self.grant(GrantId(*slot)))
                .filter(|grant| grant.key == key)
                .map(|grant| {
                    let mut grant = Grant::clone(grant);
                    self.credit(&mut grant);
                    Arc::new(grant)
                })
                .collect();
            for grant in renewed {
                self.put_grant(grant);
            }
        }
    }

    /// Finds out who is there and in which groups, and marks whom that changes.
    fn renew_members(&mut self, old: &Self, dirty: &mut Dirty) {
        let mut moved: BTreeMap<Name, Vec<(IdentityId, bool)>> = BTreeMap::new();
        let individuals = dirty
            .identities
            .iter()
            .chain(&dirty.logged)
            .filter(|identity| identity.kind != SubjectKind::Group);
        for identity in individuals.cloned().collect::<BTreeSet<Identity>>() {
            let had = old.find(&identity).map(|entry| entry.groups.clone()).unwrap_or_default();
            let has = if self.is_named(&identity) { self.groups_of(&identity) } else { Vec::new() };
            // Known from another source, what it did may count for a group or no longer.
            let turned = has.iter().map(|group| &group.name).filter(|name| {
                had.iter().any(|group| group.name == **name)
                    && counts(&had, name) != counts(&has, name)
            });
            dirty.groups.extend(turned.cloned());
            let names = |groups: &[Membership]| -> Vec<Name> {
                groups.iter().map(|group| group.name.clone()).collect()
            };
            let (before, after) = (names(&had), names(&has));
            if before == after {
                continue;
            }
            let id = self.id_of(&identity);
            for name in before.iter().filter(|name| !after.contains(name)) {
                moved.entry(name.clone()).or_default().push((id, false));
                dirty.groups.insert(name.clone());
            }
            for name in after.iter().filter(|name| !before.contains(name)) {
                moved.entry(name.clone()).or_default().push((id, true));
                // It brings what it did along.
                if !dirty.logged.contains(&identity) && self.ledger.record(&identity).is_some() {
                    dirty.groups.insert(name.clone());
                }
            }
        }
        for (name, moves) in moved {
            let mut ids: Vec<IdentityId> =
                self.members.get(&name).map(|ids| ids.to_vec()).unwrap_or_default();
            for (id, is) in moves {
                match (ids.binary_search(&id), is) {
                    (Ok(at), false) => drop(ids.remove(at)),
                    (Err(at), true) => ids.insert(at, id),
                    _ => {}
                }
            }
            dirty.identities.insert(Identity::group(name.clone()));
            if ids.is_empty() {
                self.members.remove(&name);
            } else {
                self.members.insert(name, ids.into());
            }
        }
    }

    pub(super) fn groups_of(&self, identity: &Identity) -> Vec<Membership> {
        let record = self.ledger.record(identity).map(|record| &**record);
        let is_missing = existence(identity, &self.snapshot) == Existence::Missing;
        groups::of(identity, record, &self.policy, self.carried(identity), is_missing)
    }

    fn renew_entries(&mut self, old: &Self, dirty: &Dirty) {
        let all: BTreeSet<&Identity> = dirty.identities.iter().chain(&dirty.logged).collect();
        let (groups, individuals): (Vec<&Identity>, Vec<&Identity>) =
            all.into_iter().partition(|identity| identity.kind == SubjectKind::Group);
        for identity in individuals {
            if !self.is_named(identity) {
                self.forget(identity);
                continue;
            }
            let only_logged = !dirty.identities.contains(identity);
            let person = Person {
                id: self.id_of(identity),
                identity: identity.clone(),
                groups: self.groups_of(identity),
                hints: match old.find(identity) {
                    Some(entry) if only_logged => entry.hints.clone(),
                    _ => hints::of(identity, &self.snapshot.objects, self.now),
                },
            };
            let node = old.node(person.id);
            let before = node.filter(|_| only_logged).map(|node| Before { book: old, node });
            self.put(self.individual(person, before));
        }
        let touched = self.touched_groups(old, dirty);
        let names: BTreeSet<&Name> = groups
            .iter()
            .map(|group| &group.name)
            .chain(touched.keys())
            .chain(&dirty.groups)
            .collect();
        for name in names {
            let identity = Identity::group(name.clone());
            if !self.is_named(&identity) {
                self.forget(&identity);
                continue;
            }
            let id = self.id_of(&identity);
            let whole = dirty.groups.contains(name);
            let before = old.node(id).filter(|_| !whole).map(|node| Before { book: old, node });
            let who = touched.get(name).map(Vec::as_slice).unwrap_or_default();
            let grown = before.and_then(|before| self.grown_group(before, who));
            let node = grown.unwrap_or_else(|| self.group(id, &identity));
            self.put(node);
        }
    }

    /// Groups of those whom only the log touched: the ones that they are in, and those that their
    /// requests carried.
    fn touched_groups<'d>(
        &self,
        old: &Self,
        dirty: &'d Dirty,
    ) -> BTreeMap<Name, Vec<&'d Identity>> {
        let mut found: BTreeMap<Name, Vec<&Identity>> = BTreeMap::new();
        for identity in &dirty.logged {
            let mut names: BTreeSet<Name> = [old.find(identity), self.find(identity)]
                .into_iter()
                .flatten()
                .flat_map(|entry| entry.groups.iter().map(|group| group.name.clone()))
                .collect();
            if let (Some(record), Some(activity)) = (self.ledger.record(identity), &self.activity) {
                let sets: BTreeSet<_> =
                    record.calls.iter().filter_map(|call| call.groups).collect();
                names.extend(sets.into_iter().flat_map(|set| activity.group_set(set).to_vec()));
            }
            for name in names {
                found.entry(name).or_default().push(identity);
            }
        }
        found
    }

    fn forget(&mut self, identity: &Identity) {
        if let Some(id) = self.ids.get(identity).copied() {
            self.drop_node(id);
        }
    }
}
