//! Whom taking a run back would give more than they ever had: a role that was narrowed is widened again for
//! all who hold it, those too who were bound to it since.

use super::edit::role;
use super::rests::{Holder, holders, made_by, some};
use super::wanted::names;
use super::{Action, Ground, Plan, Risk, Step, Target};
use crate::model::{Objects, PolicyRule, Role, RoleKind};
use crate::rbac::escalation;

/// Whom a Plan that takes a run back gives more than before that run, by the objects as they are; with the
/// sentence that has to be typed to do it all the same.
pub fn gives_others(plan: &Plan, now: &Objects) -> Option<Risk> {
    plan.undoes?;
    // What the plan makes is as it was; what it deletes gives nothing afterwards.
    let mut own = made_by(&plan.steps);
    let deleted = plan.steps.iter().filter(|step| step.action == Action::Delete);
    own.extend(deleted.map(|step| &step.target));
    let mut said = Vec::new();
    for step in &plan.steps {
        let more = more(step, now);
        if more.is_empty() {
            continue;
        }
        let of = step.target.to_string();
        let was = plan.rests_on.iter().find(|rest| rest.what == Ground::Holders && rest.of == of);
        let held = |holder: &Holder| was.is_some_and(|was| was.are.contains(&holder.to_string()));
        let all = holders(&step.target, now, &own);
        let new: Vec<Holder> = all
            .into_iter()
            .filter(|holder| !held(holder) && !has_all(holder, &step.target, &more, now))
            .collect();
        if !new.is_empty() {
            said.push(format!(
                "{of} gets back what was taken from it, and more bindings give it than when that was \
                 planned ({}): these would give that as well",
                some(&new)
            ));
        }
    }
    (!said.is_empty()).then(|| Risk {
        what: said.join("; "),
        sentence: format!("give more to others on {}", plan.metadata.cluster.name),
    })
}

/// Whether a step gives a role rights that it has not.
pub(super) fn widens(step: &Step, now: &Objects) -> bool {
    !more(step, now).is_empty()
}

/// The rights that a step gives a role beside those that it has.
fn more(step: &Step, now: &Objects) -> Vec<PolicyRule> {
    let after = step.after.as_ref().filter(|_| step.target.is_role());
    let Some(after) = after.and_then(|after| role(&step.target, after)) else { return Vec::new() };
    let have = role_of(&step.target, now).map_or(&[][..], |role| &role.rules);
    escalation::missing(have, &after.rules)
}

fn role_of<'o>(target: &Target, objects: &'o Objects) -> Option<&'o Role> {
    let kind = if &*target.kind == "Role" { RoleKind::Role } else { RoleKind::ClusterRole };
    let place = target.namespace.clone().unwrap_or_else(|| "".into());
    objects.roles.get(&(kind, place, target.name.clone())).map(|role| &**role)
}

/// Whether who holds a role has these rights by other roles already, wherever this one gives them.
fn has_all(holder: &Holder, of: &Target, rights: &[PolicyRule], objects: &Objects) -> bool {
    let mut held: Vec<&PolicyRule> = Vec::new();
    for ((_, namespace, _), binding) in &objects.bindings {
        let place = &binding.meta.namespace;
        if !names(binding, &holder.identity) || (place.is_some() && *place != holder.by.namespace) {
            continue;
        }
        let role = &binding.role_ref;
        let by = Target {
            kind: role.kind.clone(),
            namespace: Some(namespace.clone()).filter(|_| &*role.kind == "Role"),
            name: role.name.clone(),
        };
        if by != *of {
            held.extend(role_of(&by, objects).into_iter().flat_map(|role| &role.rules));
        }
    }
    escalation::is_covered(&held, rights)
}
