//! The join of a snapshot, activity, a policy and a time: what every screen, report and plan
//! reads.

mod advance;
mod becoming;
mod build;
mod by_credential;
mod calls;
mod difference;
mod finding;
mod grants;
mod groups;
mod hints;
mod ledger;
mod needed;
mod node;
mod parts;
mod permissions;
mod posing;
mod recorded;
mod served;
mod shadow;
mod shown;
mod sums;
#[cfg(test)]
pub(crate) mod tests;
mod tier;
mod types;

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use foldhash::HashSet;
use imbl::{OrdSet, Vector};

pub use becoming::{Becoming, Higher};
pub use finding::{Finding, Fix, Mend};
pub use needed::Authorization;
pub(crate) use needed::Logged;
pub use parts::PartUse;
pub(crate) use permissions::HeldRule;
#[cfg(test)]
pub(crate) use tests::world;
pub use types::*;

use crate::model::{Activity, Coverage, Identity, Name, Policy, Secret, SharedHash, Snapshot};
use crate::rbac::aggregation::Provenance;
use crate::rbac::{Authorizer, RoleKey, bootstrap};
use by_credential::ByCredential;
use calls::Server;
pub(crate) use calls::Sure;
use ledger::Ledger;
use node::Node;
use posing::Posing;
use recorded::Recorded;
use served::Served;
use tier::RoleFacts;

/// What a Book is made of.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The cluster's objects.
    pub snapshot: Arc<Snapshot>,
    /// The log, where there is one.
    pub activity: Option<Arc<Activity>>,
    /// How reading the log stands.
    pub log: LogState,
    /// Thresholds and maps.
    pub policy: Arc<Policy>,
    /// The time, UTC. No verdict rests on it: idle is measured to the end of coverage.
    pub now: DateTime<Utc>,
}

/// What a Book is made anew of. What changed in the snapshot and the policy is found by comparing.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The cluster's objects as they are now.
    pub snapshot: Arc<Snapshot>,
    /// What became of the log.
    pub activity: LogChange,
    /// How reading the log stands.
    pub log: LogState,
    /// Thresholds and maps as they are now.
    pub policy: Arc<Policy>,
    /// The time, UTC.
    pub now: DateTime<Utc>,
}

/// What became of the log.
#[derive(Clone, Debug)]
pub enum LogChange {
    /// It is as it was.
    Same,
    /// It is another, or none.
    Replaced(Option<Arc<Activity>>),
    /// [`Activity::advance`] made it of the one before.
    Grown {
        /// The whole of it.
        activity: Arc<Activity>,
        /// Whose part of it is not as it was (`ActivityDelta::touched`).
        touched: Vec<crate::model::SeenId>,
    },
}

/// The join.
///
/// A copy is cheap, and so is what [`Book::advance`] makes: it shares what did not change.
#[derive(Clone, Debug)]
pub struct Book {
    /// Counts the Books of one feed, from 1.
    pub generation: u64,
    /// The cluster's objects.
    pub snapshot: Arc<Snapshot>,
    /// The log, where there is one.
    pub activity: Option<Arc<Activity>>,
    /// How reading the log stands.
    pub log: LogState,
    /// Thresholds and maps.
    pub policy: Arc<Policy>,
    /// The time at which it was made, UTC.
    pub now: DateTime<Utc>,
    authorizer: Authorizer,
    served: Arc<Served>,
    server: Server,
    /// What the API server installs by itself.
    installed: Option<bootstrap::Chosen>,
    facts: SharedHash<RoleKey, Arc<RoleFacts>>,
    /// Where aggregated rules come from; found when first asked for.
    provenance: Arc<OnceLock<Provenance>>,
    ledger: Ledger,
    /// What the log proves to be logged.
    recorded: Arc<Recorded>,
    /// As whom those may act whom the audit policy's rules name; empty where none is named.
    posing: Arc<Posing>,
    /// Everybody who ever had an entry, so that they get the same number again.
    ids: SharedHash<Identity, IdentityId>,
    nodes: Vector<Option<Node>>,
    grants: Vector<Option<Arc<Grant>>>,
    /// Of every group with a grant: its grants, sorted by key.
    own_of_group: SharedHash<Name, Arc<[GrantId]>>,
    /// Of every group that anybody is known to be in: who, sorted.
    members: SharedHash<Name, Arc<[IdentityId]>>,
    /// Whom the group map names.
    given: Arc<HashSet<Identity>>,
    /// Whom credentials authenticate that are known without the log.
    by_credential: Arc<ByCredential>,
    /// How many certificate requests each identity made.
    requesters: SharedHash<Identity, u32>,
    /// The times from which the idle time of everybody counts.
    instants: OrdSet<(DateTime<Utc>, IdentityId)>,
    turns: OrdSet<(DateTime<Utc>, IdentityId)>,
    counts: Counts,
}

impl Book {
    /// Everybody, in order of ids.
    pub fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.nodes.iter().flatten().map(|node| &node.entry)
    }

    /// One identity by its id; None where it is no longer there.
    pub fn entry(&self, id: IdentityId) -> Option<&Arc<Entry>> {
        self.node(id).map(|node| &node.entry)
    }

    fn node(&self, id: IdentityId) -> Option<&Node> {
        self.nodes.get(id.0 as usize)?.as_ref()
    }

    /// One identity by who it is.
    pub fn find(&self, identity: &Identity) -> Option<&Arc<Entry>> {
        self.entry(*self.ids.get(identity)?)
    }

    /// One grant by its id; None where it is no longer there.
    pub fn grant(&self, id: GrantId) -> Option<&Arc<Grant>> {
        self.grants.get(id.0 as usize)?.as_ref()
    }

    /// Every grant, in order of ids.
    pub fn grants(&self) -> impl Iterator<Item = &Arc<Grant>> {
        self.grants.iter().flatten()
    }

    /// What the API server installs by itself, by which grants are told to be its own. None only
    /// where the program carries no policy.
    pub fn installed(&self) -> Option<bootstrap::Chosen> {
        self.installed
    }

    /// The RBAC answer over the same objects; its slots are the numbers of [`GrantId`].
    pub fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }

    /// Where the rules of aggregated roles come from.
    pub fn provenance(&self) -> &Provenance {
        self.provenance.get_or_init(|| Provenance::new(&self.snapshot.objects))
    }

    /// What is wrong, worst first; of equals, by rule and identity.
    pub fn findings(&self) -> Vec<&Finding> {
        worst_first(self.entries().flat_map(|entry| entry.findings.iter()))
    }

    /// What would be wrong, but for the policy's exemptions; in the same order.
    pub fn exempt(&self) -> Vec<&Finding> {
        worst_first(self.entries().flat_map(|entry| entry.exempt.iter()))
    }

    /// How strong a grant is by itself.
    pub fn tier_of(&self, grant: &Grant) -> Tier {
        self.facts_of(grant).map(|facts| facts.tier(grants::is_cluster(grant))).unwrap_or_default()
    }

    /// How strong a role is by itself, held cluster-wide or in a namespace; nothing where it does not
    /// exist.
    pub fn tier_of_role(&self, role: &RoleKey, cluster: bool) -> Tier {
        self.facts.get(role).map(|facts| facts.tier(cluster)).unwrap_or_default()
    }

    /// How strong one rule is, held cluster-wide or in a namespace.
    pub fn tier_of_rule(&self, rule: &crate::model::PolicyRule, cluster: bool) -> Tier {
        tier::facts(rule, &self.served, &self.recorded).tier(cluster).unwrap_or_default()
    }

    /// Whether the API server allows somebody everything ahead of RBAC.
    pub fn is_master(&self, entry: &Entry) -> bool {
        node::is_masters(&entry.identity, &entry.groups)
    }

    /// Signs of authorizers beside RBAC, of the cluster itself and of its log: where there are any,
    /// a "no" is by RBAC and not known otherwise.
    pub fn authorizers(&self) -> Vec<Name> {
        let mut all = self.snapshot.cluster.authorizers.clone();
        all.extend(self.ledger.others.iter().map(|other| Name::from(*other)));
        all
    }

    /// Whether the API server alone decides who is in the group.
    pub fn is_implicit(&self, group: &str) -> bool {
        groups::is_implicit(group)
    }

    /// How many of what.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether a log could show some of what a rule allows in use.
    pub(crate) fn is_observable(&self, rule: &crate::model::PolicyRule) -> bool {
        tier::facts(rule, &self.served, &self.recorded).observable
    }

    /// Whose token a Secret holds that lies in a namespace.
    pub(crate) fn account_of_token(ns: &Name, secret: &Secret) -> Option<Identity> {
        hints::account_of_token(ns, secret)
    }

    /// Whether the log tells of any request that it was allowed.
    pub(crate) fn any_allowed(&self) -> bool {
        self.ledger.any_allowed
    }

    /// Whether the log has the id of what was presented of any request: API servers before 1.32 have
    /// none of certificates, and some forms of the log have none at all.
    pub(crate) fn names_credentials(&self) -> bool {
        self.ledger.names_credentials
    }

    /// What the log covers; None where there is no log.
    pub fn coverage(&self) -> Option<&Coverage> {
        self.activity.as_deref().map(Activity::coverage)
    }
}

fn worst_first<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<&'a Finding> {
    let mut found: Vec<&Finding> = findings.collect();
    found.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then_with(|| a.rule.cmp(b.rule))
            .then_with(|| a.identity.cmp(&b.identity))
            .then_with(|| a.grant.cmp(&b.grant))
    });
    found
}
