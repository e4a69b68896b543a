//! The whole join at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use imbl::{OrdSet, Vector};
use rayon::prelude::*;

use super::by_credential::ByCredential;
use super::calls::Server;
use super::ledger::Ledger;
use super::node::{Node, Person};
use super::posing::Posing;
use super::recorded::Recorded;
use super::served::Served;
use super::tier::RoleFacts;
use super::{Book, Counts, Entry, Grant, GrantId, IdentityId, Inputs, Tier, hints};
use crate::model::{AuditPolicy, Identity, Name, Policy, Role, SharedHash, SubjectKind};
use crate::rbac::{Authorizer, bootstrap};

impl Book {
    /// Joins everything.
    pub fn build(inputs: Inputs) -> Self {
        let Inputs { snapshot, activity, log, policy, now } = inputs;
        let version = snapshot.cluster.server_version.as_deref();
        let mut book = Self {
            generation: 1,
            authorizer: Authorizer::new(&snapshot.objects),
            served: Arc::new(Served::new(&snapshot)),
            server: Server::of(version),
            installed: bootstrap::choose(version, &snapshot.objects),
            facts: SharedHash::default(),
            provenance: Arc::default(),
            ledger: activity.as_deref().map(Ledger::new).unwrap_or_default(),
            recorded: Arc::default(),
            posing: Arc::default(),
            ids: SharedHash::default(),
            nodes: Vector::default(),
            grants: Vector::default(),
            own_of_group: SharedHash::default(),
            members: SharedHash::default(),
            given: Arc::new(given(&policy)),
            by_credential: Arc::default(),
            requesters: SharedHash::default(),
            instants: OrdSet::default(),
            turns: OrdSet::default(),
            counts: Counts::default(),
            snapshot,
            activity,
            log,
            policy,
            now,
        };
        book.take_recorded();
        book.take_posing();
        book.weigh_roles();
        book.join();
        book
    }

    /// Looks at what the log proves to be logged.
    pub(super) fn take_recorded(&mut self) {
        let asked = &self.ledger.asked;
        let new = |activity: &Arc<crate::model::Activity>| {
            Arc::new(Recorded::new(asked, activity.coverage(), self.policy.idle_days))
        };
        self.recorded = self.activity.as_ref().map(new).unwrap_or_default();
    }

    /// Looks at who may act in the name of others, of whom an audit policy names; false where that is other
    /// than before.
    pub(super) fn take_posing(&mut self) -> bool {
        let objects = &self.snapshot.objects;
        let of = |policy: &Arc<AuditPolicy>| Posing::new(policy, objects);
        let posing = self.policy.audit.as_ref().map(of).unwrap_or_default();
        let stays = *self.posing == posing;
        if !stays {
            self.posing = Arc::new(posing);
        }
        stays
    }

    /// What a role comes to.
    pub(super) fn weigh(&self, role: &Role) -> RoleFacts {
        RoleFacts::new(role, &self.served, &self.recorded)
    }

    /// Says of every role what it comes to.
    pub(super) fn weigh_roles(&mut self) {
        let roles: Vec<_> = self.snapshot.objects.roles.iter().collect();
        let facts: Vec<_> = roles
            .into_par_iter()
            .map(|(key, role)| (key.clone(), Arc::new(self.weigh(role))))
            .collect();
        self.facts = facts.into_iter().collect();
    }

    /// Makes all grants and entries anew. Numbers that were given stay.
    pub(super) fn join(&mut self) {
        self.by_credential = Arc::new(ByCredential::new(self));
        self.join_grants();
        let (individuals, groups) = self.join_members();
        self.nodes = self.nodes.iter().map(|_| None).collect();
        self.instants = OrdSet::default();
        self.turns = OrdSet::default();
        self.counts = Counts::default();
        let nodes: Vec<Node> =
            individuals.into_par_iter().map(|person| self.individual(person, None)).collect();
        for node in nodes {
            self.put(node);
        }
        // What groups did is what their members did.
        let nodes: Vec<Node> =
            groups.into_par_iter().map(|(id, identity)| self.group(id, &identity)).collect();
        for node in nodes {
            self.put(node);
        }
    }

    fn join_grants(&mut self) {
        let subjects: BTreeSet<Identity> =
            self.authorizer.all().map(|(_, held)| held.identity.clone()).collect();
        let subjects: Vec<Identity> = subjects.into_iter().collect();
        let made: Vec<(Identity, Vec<Arc<Grant>>)> = subjects
            .into_par_iter()
            .map(|subject| {
                let grants = self.make_grants(&subject);
                (subject, grants)
            })
            .collect();
        self.grants = Vector::default();
        self.own_of_group = SharedHash::default();
        for (subject, grants) in made {
            self.put_grants(&subject, grants);
        }
    }

    /// Everybody with their groups; fills in numbers, members and requesters.
    fn join_members(&mut self) -> (Vec<Person>, Vec<(IdentityId, Identity)>) {
        self.requesters = SharedHash::default();
        for csr in self.snapshot.objects.csrs.values() {
            *self.requesters.entry(hints::requester(csr)).or_default() += 1;
        }
        let mut hints = hints::all(&self.snapshot.objects, self.now);
        let (mut individuals, mut all_groups) = (Vec::new(), BTreeMap::new());
        let mut members: HashMap<Name, Vec<IdentityId>> = HashMap::default();
        for identity in self.population() {
            let id = self.id_of(&identity);
            if identity.kind == SubjectKind::Group {
                all_groups.insert(identity, id);
                continue;
            }
            let groups = self.groups_of(&identity);
            for group in &groups {
                members.entry(group.name.clone()).or_default().push(id);
            }
            let hints = hints.remove(&identity).unwrap_or_default();
            individuals.push(Person { id, identity, groups, hints });
        }
        if members.contains_key(Identity::SYSTEM_MASTERS) {
            let identity = Identity::group(Identity::SYSTEM_MASTERS);
            let id = self.id_of(&identity);
            all_groups.insert(identity, id);
        }
        self.members = members
            .into_iter()
            .map(|(name, mut ids)| {
                ids.sort_unstable();
                (name, ids.into())
            })
            .collect();
        let groups = all_groups.into_iter().map(|(identity, id)| (id, identity)).collect();
        (individuals, groups)
    }

    /// Everybody whom something names, sorted. A group that only memberships name is left out, but
    /// for `system:masters`, which needs no grant.
    fn population(&self) -> BTreeSet<Identity> {
        let objects = &self.snapshot.objects;
        let accounts = objects
            .service_accounts
            .keys()
            .map(|(ns, name)| Identity::service_account(ns.clone(), name.clone()));
        let subjects = self.authorizer.all().map(|(_, held)| held.identity.clone());
        accounts
            .chain(subjects)
            .chain(self.requesters.keys().cloned())
            .chain(self.given.iter().cloned())
            .chain(self.by_credential.identities().cloned())
            .chain(self.ledger.identities().cloned())
            .filter(|identity| !identity.name.is_empty())
            .collect()
    }

    /// Whether anything names the identity, as [`Book::population`] counts.
    pub(super) fn is_named(&self, identity: &Identity) -> bool {
        if identity.name.is_empty() {
            return false;
        }
        let is_account = identity.namespace.as_ref().is_some_and(|ns| {
            let key = (ns.clone(), identity.name.clone());
            self.snapshot.objects.service_accounts.contains_key(&key)
        });
        is_account
            || self.authorizer.is_subject(identity)
            || self.requesters.contains_key(identity)
            || self.given.contains(identity)
            || !self.carried(identity).is_empty()
            || self.ledger.record(identity).is_some()
            || (identity.kind == SubjectKind::Group
                && &*identity.name == Identity::SYSTEM_MASTERS
                && self.members.contains_key(&identity.name))
    }

    /// The identity's number, a new one where it has none.
    pub(super) fn id_of(&mut self, identity: &Identity) -> IdentityId {
        if let Some(id) = self.ids.get(identity) {
            return *id;
        }
        let id = IdentityId(u32::try_from(self.ids.len()).unwrap_or(u32::MAX));
        self.ids.insert(identity.clone(), id);
        id
    }

    /// Takes over a node, in place of an earlier one.
    pub(super) fn put(&mut self, node: Node) {
        let id = node.entry.id;
        self.drop_node(id);
        while self.nodes.len() <= id.0 as usize {
            self.nodes.push_back(None);
        }
        self.counts.add(&node.entry);
        for at in node.instants.iter() {
            self.instants.insert((*at, id));
        }
        for at in node.turns.iter() {
            self.turns.insert((*at, id));
        }
        if let Some(place) = self.nodes.get_mut(id.0 as usize) {
            *place = Some(node);
        }
    }

    pub(super) fn drop_node(&mut self, id: IdentityId) {
        if let Some(node) = self.nodes.get_mut(id.0 as usize).and_then(Option::take) {
            self.counts.take(&node.entry);
            for at in node.instants.iter() {
                self.instants.remove(&(*at, id));
            }
            for at in node.turns.iter() {
                self.turns.remove(&(*at, id));
            }
        }
    }

    /// Takes over the grants of a subject, sorted by key; those that it no longer has are the
    /// caller's to drop.
    pub(super) fn put_grants(&mut self, subject: &Identity, grants: Vec<Arc<Grant>>) {
        if subject.kind == SubjectKind::Group {
            if grants.is_empty() {
                self.own_of_group.remove(&subject.name);
            } else {
                let own: Arc<[GrantId]> = grants.iter().map(|grant| grant.id).collect();
                self.own_of_group.insert(subject.name.clone(), own);
            }
        }
        for grant in grants {
            self.put_grant(grant);
        }
    }

    pub(super) fn put_grant(&mut self, grant: Arc<Grant>) {
        let at = grant.id.0 as usize;
        while self.grants.len() <= at {
            self.grants.push_back(None);
        }
        if let Some(place) = self.grants.get_mut(at) {
            *place = Some(grant);
        }
    }
}

/// Whom the group map names.
pub(super) fn given(policy: &Policy) -> HashSet<Identity> {
    let named = |(user, groups): (&Name, &Vec<Name>)| {
        let groups: Vec<Identity> = groups.iter().cloned().map(Identity::group).collect();
        std::iter::once(Identity::from_user_name(user)).chain(groups)
    };
    policy.groups.iter().flat_map(named).collect()
}

impl Counts {
    fn of(entry: &Entry) -> Self {
        let has = |rule: &str| entry.findings.iter().any(|finding| finding.rule.starts_with(rule));
        Self {
            identities: 1,
            idle: usize::from(has("idle")),
            shared: usize::from(has("shared")),
            admin: usize::from(entry.tier == Tier::ClusterAdmin),
            reach: usize::from(has("reach")),
            dangling: usize::from(has("dangling")),
            findings: usize::from(!entry.findings.is_empty()),
        }
    }

    pub(super) fn add(&mut self, entry: &Entry) {
        let more = Self::of(entry);
        self.identities += more.identities;
        self.idle += more.idle;
        self.shared += more.shared;
        self.admin += more.admin;
        self.reach += more.reach;
        self.dangling += more.dangling;
        self.findings += more.findings;
    }

    pub(super) fn take(&mut self, entry: &Entry) {
        let less = Self::of(entry);
        self.identities -= less.identities;
        self.idle -= less.idle;
        self.shared -= less.shared;
        self.admin -= less.admin;
        self.reach -= less.reach;
        self.dangling -= less.dangling;
        self.findings -= less.findings;
    }
}
