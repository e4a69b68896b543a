//! Grants: one subject of one binding, joined to its role and to what the log credited to it.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::ledger::Credit;
use super::shadow::{self, Held};
use super::tier;
use super::tier::RoleFacts;
use super::{Access, Book, Entry, Grant, GrantId, GrantKey, RoleState, Tier};
use crate::model::{Giving, Identity, ListKind, RoleKind, Scope, SubjectKind};
use crate::rbac::{Held as Joined, RoleKey};

impl Grant {
    /// When the later of the binding and the role was made, UTC: before that nothing was granted by it.
    pub fn made(&self) -> Option<DateTime<Utc>> {
        let role = self.role.as_ref().and_then(|role| role.meta.creation_timestamp);
        self.created.max(role)
    }

    /// When who gets it, or what it gives, was last written after it was made, UTC: since when it is as
    /// it is now nobody can tell from objects.
    pub fn changed(&self) -> Option<(Giving, DateTime<Utc>)> {
        let rules = self.role.as_ref().and_then(|role| role.meta.gave());
        let written = [(Giving::Subjects, self.named), (Giving::Rules, rules)];
        let written = written.into_iter().filter_map(|(what, at)| Some((what, at?)));
        let last = written.max_by_key(|(_, at)| *at)?;
        // Making it is writing it.
        self.made().is_none_or(|made| last.1 > made).then_some(last)
    }

    /// When it was made, and when it last changed, UTC, each with what that is in words.
    pub fn written(&self) -> impl Iterator<Item = (&'static str, DateTime<Utc>)> {
        let made = self.made().map(|at| ("it or its role was made", at));
        let changed = self.changed().map(|(what, at)| match what {
            Giving::Subjects => ("whom it names was last written", at),
            Giving::Rules => ("what its role gives was last written", at),
        });
        made.into_iter().chain(changed)
    }
}

impl Book {
    /// Makes the grants of one subject anew; returns their ids, sorted by key.
    pub(super) fn make_grants(&self, subject: &Identity) -> Vec<Arc<Grant>> {
        let own = self.sorted(subject);
        let implicit: Vec<(GrantKey, u32, &Arc<Joined>)> = subject
            .implicit_groups()
            .into_iter()
            .flat_map(|group| self.sorted(&Identity::group(group)))
            .collect();
        let shadows = shadow::shadows(&with_roles(&own), &with_roles(&implicit));
        own.into_iter()
            .map(|(key, slot, held)| {
                let shadowed_by = shadows.get(&slot).copied().map(GrantId);
                Arc::new(self.make_grant(key, slot, held, shadowed_by))
            })
            .collect()
    }

    fn make_grant(
        &self,
        key: GrantKey,
        slot: u32,
        held: &Joined,
        shadowed_by: Option<GrantId>,
    ) -> Grant {
        let bootstrap = self.installed.is_some_and(|installed| {
            installed.policy.is_grant(&held.binding, &held.identity, held.role.as_deref())
        });
        let mut grant = Grant {
            id: GrantId(slot),
            key,
            role_ref: held.binding.role_ref.clone(),
            scope: held.scope.clone(),
            role: held.role.clone(),
            uid: held.binding.meta.uid.clone(),
            created: held.binding.meta.creation_timestamp,
            named: held.binding.meta.gave(),
            bootstrap,
            last_credited: None,
            credited: 0,
            shadowed_by,
        };
        self.credit(&mut grant);
        grant
    }

    /// Fills in what the log credited to a grant.
    pub(super) fn credit(&self, grant: &mut Grant) {
        let credit = match role_kind(&grant.role_ref.kind) {
            Some(kind) => {
                self.ledger.credit(&(grant.key.clone(), kind, grant.role_ref.name.clone()))
            }
            None => Credit::default(),
        };
        grant.last_credited = credit.last;
        grant.credited = credit.requests;
    }

    /// Whether a grant may be in use though the log credits nothing to it: acting as others, `bind`,
    /// `escalate`, `approve` and the like are asked about beside a request, which is credited to what
    /// allows its own verb. So it is where it gives nothing else, and where it lets somebody act as others
    /// who does so.
    pub fn may_leave_no_credit(&self, grant: &Grant) -> bool {
        let Some(role) = &grant.role else { return false };
        let acts = || {
            let subject = self.find(&grant.key.subject);
            let activity = subject.and_then(|entry| entry.activity.as_deref());
            activity.is_some_and(|activity| !activity.impersonated_as.is_empty())
        };
        !role.rules.is_empty()
            && (!role.rules.iter().any(tier::is_credited)
                || role.rules.iter().any(tier::impersonates) && acts())
    }

    /// Whether the role of a grant is there; "no" only by a list that is whole.
    pub fn role_state(&self, grant: &Grant) -> RoleState {
        if grant.role.is_some() {
            return RoleState::Exists;
        }
        let (list, ns) = match role_kind(&grant.role_ref.kind) {
            Some(RoleKind::ClusterRole) => (ListKind::ClusterRoles, None),
            Some(RoleKind::Role) => (ListKind::Roles, grant.key.namespace.as_deref()),
            None => return RoleState::Missing,
        };
        if self.snapshot.covers(&[list], ns) { RoleState::Missing } else { RoleState::NotKnown }
    }

    /// How strong an identity is, as far as the lists tell.
    pub fn access(&self, entry: &Entry) -> Access {
        let tier = entry.tier;
        let bindings = [ListKind::ClusterRoleBindings, ListKind::RoleBindings];
        let unknown = |id: &GrantId| {
            self.grant(*id).is_some_and(|grant| self.role_state(grant) == RoleState::NotKnown)
        };
        let at_least = tier != Tier::ClusterAdmin
            && (entry.identity.is_node()
                || !self.snapshot.covers(&bindings, None)
                || entry.grants.iter().any(unknown)
                || self.all_beside(&entry.identity, &entry.groups).any(|one| !one.sure));
        Access { tier, at_least }
    }

    /// The subject's own grants, sorted by key.
    fn sorted(&self, subject: &Identity) -> Vec<(GrantKey, u32, &Arc<Joined>)> {
        let mut own: Vec<_> = self
            .authorizer
            .direct(subject)
            .into_iter()
            .filter_map(|slot| {
                let held = self.authorizer.held(slot)?;
                Some((key_of(held), slot, held))
            })
            .collect();
        own.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        own
    }

    /// What the role of a grant comes to; None where it does not exist.
    pub(super) fn facts_of(&self, grant: &Grant) -> Option<&Arc<RoleFacts>> {
        let role = grant.role.as_ref()?;
        let ns = role.meta.namespace.clone().unwrap_or_else(|| "".into());
        let key: RoleKey = (role.kind, ns, role.meta.name.clone());
        self.facts.get(&key)
    }
}

/// The group that a grant is to; None for one to the identity itself.
pub(super) fn group_of(grant: &Grant) -> Option<&crate::model::Name> {
    let subject = &grant.key.subject;
    (subject.kind == SubjectKind::Group).then_some(&subject.name)
}

/// Whether a grant holds cluster-wide.
pub(super) fn is_cluster(grant: &Grant) -> bool {
    grant.scope == Scope::Cluster
}

pub(super) fn role_kind(kind: &str) -> Option<RoleKind> {
    match kind {
        "ClusterRole" => Some(RoleKind::ClusterRole),
        "Role" => Some(RoleKind::Role),
        _ => None,
    }
}

fn key_of(held: &Joined) -> GrantKey {
    GrantKey {
        binding_kind: held.binding.kind,
        namespace: held.binding.meta.namespace.clone(),
        binding: held.binding.meta.name.clone(),
        subject: held.identity.clone(),
    }
}

fn with_roles<'a>(list: &'a [(GrantKey, u32, &'a Arc<Joined>)]) -> Vec<Held<'a>> {
    list.iter()
        .filter_map(|(_, slot, held)| {
            Some(Held { slot: *slot, scope: &held.scope, role: held.role.as_ref()? })
        })
        .collect()
}
