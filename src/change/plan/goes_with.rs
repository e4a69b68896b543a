//! What taking a run back leaves alone where somebody changed since what the run wrote: that object, and
//! what may not be taken back without it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::against::{defined, mapped};
use super::edit::{binding, text};
use super::inverse::account_of;
use super::lock_out::applied;
use super::rests::some;
use super::{Action, Plan, Step, Target};
use crate::model::{Identity, Objects, RoleKind};
use crate::rbac::Authorizer;

/// A step of a run that is not taken back with the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeftAlone {
    /// The step of the run, by its id.
    pub step: u32,
    /// Its object.
    pub target: Target,
    /// Whether somebody changed the object; else it is left for another that is.
    pub changed: bool,
    /// Why, in words.
    pub why: String,
}

/// The steps of a Plan that takes a run back that have to wait where those of `moved` cannot be made, by
/// their ids: nobody loses what the run gave as long as they do not get back what it took, and nothing is
/// given by a role, or to an account, that is somebody else's by now.
pub fn goes_with(undo: &Plan, moved: &BTreeSet<u32>) -> BTreeSet<u32> {
    let mut waits: BTreeSet<u32> = BTreeSet::new();
    loop {
        let stays = |step: &&Step| moved.contains(&step.id) || waits.contains(&step.id);
        let stay: Vec<&Step> = undo.steps.iter().filter(stays).collect();
        let more: Vec<u32> = undo
            .steps
            .iter()
            .filter(|step| !stays(step))
            .filter(|step| stay.iter().any(|stays| needs(step, stays)))
            .map(|step| step.id)
            .collect();
        if more.is_empty() {
            return waits;
        }
        waits.extend(more);
    }
}

/// Whether a step may not be made without another that is not.
fn needs(step: &Step, other: &Step) -> bool {
    // What it takes is what was given for what the other gives back.
    let given = given(other);
    if taken(step).iter().any(|one| given.contains(one)) {
        return true;
    }
    // A role that is bound stays; one that is not put back is not bound.
    let bound = |binding: &Step, role: &Step| role_of(binding).as_ref() == Some(&role.target);
    let role_waits = step.target.is_role()
        && step.action == Action::Delete
        && other.action == Action::Delete
        && bound(other, step);
    let role_missing = other.target.is_role()
        && other.action != Action::Delete
        && step.action != Action::Delete
        && bound(step, other);
    if role_waits || role_missing {
        return true;
    }
    // An account that somebody else made.
    other.target.is_account()
        && other.action == Action::Create
        && (account_of(&step.target, step.after.as_ref()).as_ref() == Some(&other.target)
            || own_identity(&other.target).is_some_and(|own| self::given(step).contains(&own)))
}

fn own_identity(account: &Target) -> Option<Identity> {
    Some(Identity::service_account(account.namespace.clone()?, account.name.clone()))
}

/// Whom a step gives something that they had not by its object.
fn given(step: &Step) -> BTreeSet<Identity> {
    if step.target.is_definition() {
        return defined(step);
    }
    if step.target.is_aws_auth() {
        return mapped(step);
    }
    let (before, after) = (named(step, false), named(step, true));
    after.difference(&before).cloned().collect()
}

/// From whom a step takes something.
fn taken(step: &Step) -> BTreeSet<Identity> {
    let (before, after) = (named(step, false), named(step, true));
    before.difference(&after).cloned().collect()
}

/// Whom a binding names, before or after.
fn named(step: &Step, after: bool) -> BTreeSet<Identity> {
    let image = if after { &step.after } else { &step.before };
    image.as_ref().map(|image| subjects_of(&step.target, image)).unwrap_or_default()
}

/// Whom a binding names; nobody for what is none.
pub fn subjects_of(target: &Target, image: &Value) -> BTreeSet<Identity> {
    let Some(binding) = binding(target, image).filter(|_| target.is_binding()) else {
        return BTreeSet::new();
    };
    let place = binding.meta.namespace.as_ref();
    binding.subjects.iter().filter_map(|subject| subject.identity(place)).collect()
}

/// The role that a binding gives.
fn role_of(step: &Step) -> Option<Target> {
    let image =
        step.after.as_ref().or(step.before.as_ref()).filter(|_| step.target.is_binding())?;
    let kind = text(image, "/roleRef/kind")?;
    Some(Target {
        namespace: step.target.namespace.clone().filter(|_| &*kind == "Role"),
        name: text(image, "/roleRef/name")?,
        kind,
    })
}

impl Plan {
    /// The same without taking away roles that bindings refer to afterwards, by the objects as they are now:
    /// whoever is bound by those would lose what they have by it, and a binding to a role that is not there
    /// gives what anybody makes under the name. That they stay is said.
    #[must_use]
    pub fn keeping_bound_roles(mut self, now: &Objects) -> Self {
        let after = applied(&self, now);
        let bound = |step: &Step| {
            let gone = step.target.is_role() && step.action == Action::Delete;
            let mut all = after.bindings.values().filter(|_| gone);
            all.find(|binding| {
                let role = &binding.role_ref;
                let place = binding.meta.namespace.as_ref().filter(|_| &*role.kind == "Role");
                role.kind == step.target.kind
                    && role.name == step.target.name
                    && place == step.target.namespace.as_ref()
            })
        };
        let mut said = Vec::new();
        self.steps.retain(|step| {
            let Some(binding) = bound(step) else { return true };
            let place = binding.meta.namespace.as_ref();
            let who = binding.subjects.iter().filter_map(|subject| subject.identity(place));
            let place = place.map_or_else(String::new, |place| format!("{place}/"));
            said.push(format!(
                "{}, which the run made, is left as it is: {} {place}{} binds {} to it",
                step.target,
                binding.kind.as_str(),
                binding.meta.name,
                some(&who.collect::<Vec<_>>())
            ));
            false
        });
        self.left_out(said)
    }

    /// The same saying which bindings it gives something by whose role is not there by the objects as they
    /// are now, and is not made.
    #[must_use]
    pub fn telling_gone_roles(mut self, now: &Objects) -> Self {
        let after = applied(&self, now);
        let gone = |step: &Step| {
            let gives = step.action != Action::Delete && !given(step).is_empty();
            let role = role_of(step).filter(|_| gives)?;
            let kind = if &*role.kind == "Role" { RoleKind::Role } else { RoleKind::ClusterRole };
            let key = (kind, role.namespace.clone().unwrap_or_default(), role.name.clone());
            (!after.roles.contains_key(&key)).then(|| {
                format!(
                    "{} gives {role}, which is not there: nothing by now, and then whatever somebody makes \
                     under that name",
                    step.target
                )
            })
        };
        let said: Vec<String> = self.steps.iter().filter_map(gone).collect();
        self.warnings.extend(said);
        self
    }

    /// With the steps numbered anew, and what was left out said.
    fn left_out(mut self, said: Vec<String>) -> Self {
        for (id, step) in (1..).zip(&mut self.steps) {
            step.id = id;
        }
        self.warnings.extend(said);
        self
    }

    /// The same without these of its steps, which are left alone; of what the run had refused, asked is
    /// what the rest of the steps changes, by the objects as they are now.
    #[must_use]
    pub fn leaving(mut self, undone: &Self, left: Vec<LeftAlone>, now: &Objects) -> Self {
        self.steps.retain(|step| !left.iter().any(|left| left.target == step.target));
        for (id, step) in (1..).zip(&mut self.steps) {
            step.id = id;
        }
        let (had, have) = (Authorizer::new(now), Authorizer::new(&applied(&self, now)));
        let asked = &mut self.verification;
        asked.again.clear();
        for check in &undone.verification.denied {
            if !check.decide(&had).allowed() && check.decide(&have).allowed() {
                asked.again.push(check.clone());
            }
        }
        asked.denied.clear();
        for check in &undone.verification.again {
            if check.decide(&had).allowed() && !check.decide(&have).allowed() {
                asked.denied.push(check.clone());
            }
        }
        // What is left may be what kept these so.
        asked.allowed.retain(|check| check.decide(&have).allowed());
        asked.still_denied.retain(|check| !check.decide(&have).allowed());
        asked.named.clear();
        asked.unnamed.clear();
        self.warnings.extend(
            left.iter().map(|left| format!("{} is left as it is: {}", left.target, left.why)),
        );
        self.leaves = left;
        self.sealed()
    }
}
