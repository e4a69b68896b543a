//! What is asked of the API server afterwards: what must be refused, and what nobody else must lose.

use std::collections::BTreeSet;

use super::left;
use super::make::Work;
use super::{Check, StillWorks, Verification, check};
use crate::model::{Binding, Identity, PolicyRule, RoleKind, Scope};
use crate::rbac::{Authorizer, Decision};

/// Other subjects of a changed binding that are asked about, at most.
const BYSTANDERS: usize = 10;

impl Work<'_> {
    /// Works out what is asked; what stays allowed another way is put among what still works.
    pub(super) fn verification(&mut self, before: &Authorizer, after: &Authorizer) -> Verification {
        let mut denied = BTreeSet::new();
        let mut allowed = BTreeSet::new();
        for (identity, key) in self.taken.clone() {
            let Some(binding) = self.before.bindings.get(&key).cloned() else { continue };
            let scope = binding.scope();
            let rules = self.rules(&binding);
            for check in self.checks(&identity, &rules, &scope) {
                match (check.decide(before).allowed(), check.decide(after)) {
                    (true, decision) if decision.allowed() => {
                        self.still_allowed(&identity, &check, after, decision);
                    }
                    (true, _) => drop(denied.insert(check)),
                    (false, _) => {}
                }
            }
            let namespace = binding.meta.namespace.as_ref();
            let others =
                binding.subjects.iter().filter_map(|subject| subject.identity(namespace)).filter(
                    |other| !self.taken.iter().any(|(gone, of)| gone == other && *of == key),
                );
            for other in others.collect::<BTreeSet<_>>().into_iter().take(BYSTANDERS) {
                let first = self.checks(&other, &rules, &scope).into_iter().next();
                allowed.extend(first.filter(|check| check.decide(after).allowed()));
            }
        }
        Verification {
            denied: denied.into_iter().collect(),
            allowed: allowed.into_iter().collect(),
            again: Vec::new(),
        }
    }

    fn rules(&self, binding: &Binding) -> Vec<PolicyRule> {
        let kind = match &*binding.role_ref.kind {
            "Role" => RoleKind::Role,
            "ClusterRole" => RoleKind::ClusterRole,
            _ => return Vec::new(),
        };
        let namespace = binding.meta.namespace.as_deref().unwrap_or_default();
        let role = self.before.role(kind, namespace, &binding.role_ref.name);
        role.map(|role| role.rules.clone()).unwrap_or_default()
    }

    fn checks(&self, identity: &Identity, rules: &[PolicyRule], scope: &Scope) -> Vec<Check> {
        let entry = self.input.book.find(identity);
        let groups = entry.into_iter().flat_map(|entry| entry.groups.iter());
        let asker = check::asker(identity, groups.map(|group| group.name.clone()));
        check::of_rules(&asker, rules, scope)
    }

    fn still_allowed(
        &mut self,
        identity: &Identity,
        check: &Check,
        after: &Authorizer,
        decision: Decision,
    ) {
        let by = match decision {
            Decision::Allowed { grant, .. } => after.held(grant).map_or_else(String::new, |held| {
                format!("{} to {}", left::grant(held), held.identity)
            }),
            _ => "the group system:masters, ahead of RBAC".to_owned(),
        };
        self.left.still_works.insert(StillWorks {
            what: format!("{identity}: {}", check.what()),
            until: format!("allowed by {by} too, until that is revoked"),
        });
    }
}
