//! What is asked of the API server afterwards: what must be refused, and what nobody else must lose.

use std::collections::BTreeSet;

use super::left;
use super::make::Work;
use super::{Check, Refusal, StillWorks, Target, Verification, check};
use crate::model::{Binding, Identity, Name, PolicyRule, RoleKind, Scope, counted_with};
use crate::rbac::query::Asker;
use crate::rbac::{Authorizer, Decision};

/// Requests of which it is asked afterwards whether they are still allowed, at most.
const NEEDED: usize = 300;

/// Other subjects of a changed binding that are asked about, at most.
const BYSTANDERS: usize = 10;

impl Work<'_> {
    /// Works out what is asked; what stays allowed another way is put among what still works.
    ///
    /// # Errors
    /// Where what is in use would be refused.
    pub(super) fn verification(
        &mut self,
        before: &Authorizer,
        after: &Authorizer,
    ) -> Result<Verification, Refusal> {
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
        allowed.extend(self.still_needed(before, after)?);
        Ok(Verification {
            denied: denied.into_iter().collect(),
            allowed: allowed.into_iter().collect(),
            unnamed: std::mem::take(&mut self.follows).into_iter().collect(),
            ..Verification::default()
        })
    }

    /// What the log shows in use, as far as RBAC allowed it: all of it stays allowed.
    fn still_needed(
        &mut self,
        before: &Authorizer,
        after: &Authorizer,
    ) -> Result<BTreeSet<Check>, Refusal> {
        let mut found = BTreeSet::new();
        let revoked = Authorizer::new(&self.only_revoked());
        for (identity, call) in std::mem::take(&mut self.needs) {
            let asker = self.asker(&identity);
            let Some(check) = check::of_call(&asker, &call) else { continue };
            // What is revoked on purpose is used as well, perhaps.
            if !check.decide(before).allowed() || !check.decide(&revoked).allowed() {
                continue;
            }
            if !check.decide(after).allowed() {
                return Err(Refusal::Breaks(check.words()));
            }
            found.insert(check);
        }
        let more = found.len().saturating_sub(NEEDED);
        if more > 0 {
            self.warnings.push(format!(
                "of what must stay allowed, {} not asked about afterwards: {NEEDED} are",
                counted_with(more, "request", ["is", "are"])
            ));
            found = found.into_iter().take(NEEDED).collect();
        }
        Ok(found)
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
        check::of_rules(&self.asker(identity), rules, scope)
    }

    fn asker(&self, identity: &Identity) -> Asker {
        let entry = self.input.book.find(identity);
        entry.map_or_else(|| check::asker(identity, []), |entry| entry.asker())
    }

    /// Whether narrowing made a binding, or leaves something in the role that it gives.
    fn gives(&self, binding: &Binding) -> bool {
        let namespace = &binding.meta.namespace;
        let of = |kind: &str, namespace: Option<Name>, name: &Name| Target {
            kind: kind.into(),
            namespace,
            name: name.clone(),
        };
        let role = &binding.role_ref;
        let role = match &*role.kind {
            "Role" => of("Role", namespace.clone(), &role.name),
            _ => of("ClusterRole", None, &role.name),
        };
        let made = of(binding.kind.as_str(), namespace.clone(), &binding.meta.name);
        self.created.contains(&made) || self.steps.iter().any(|step| step.target == role)
    }

    fn still_allowed(
        &mut self,
        identity: &Identity,
        check: &Check,
        after: &Authorizer,
        decision: Decision,
    ) {
        if let Decision::Allowed { grant, .. } = decision
            && after.held(grant).is_some_and(|held| self.gives(&held.binding))
        {
            // What narrowing leaves is no surprise.
            return;
        }
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
