//! What a later run made otherwise than an earlier one said that it should be.

use serde_json::Value;

use super::edit::object;
use super::{Check, Made, Plan, Step, Verification};
use crate::model::Objects;
use crate::rbac::Authorizer;

/// A run: what was applied, and what was made of it.
#[derive(Clone, Copy, Debug)]
pub struct Ran<'a> {
    /// What was applied.
    pub plan: &'a Plan,
    /// What was made of it.
    pub made: &'a [Made],
}

/// Objects as they were before a run.
pub fn taken_back(objects: &mut Objects, plan: &Plan, made: &[Made]) {
    let steps = made.iter().filter_map(|made| plan.steps.iter().find(|step| step.id == made.step));
    back(objects, steps);
}

/// Objects as they were before these steps.
pub(super) fn back<'s>(objects: &mut Objects, steps: impl Iterator<Item = &'s Step>) {
    let steps: Vec<&Step> =
        steps.filter(|step| step.target.is_role() || step.target.is_binding()).collect();
    for step in steps.into_iter().rev() {
        let image = |image: Option<&Value>| object(&step.target, image?);
        if let Some(gone) = image(step.after.as_ref()) {
            objects.remove(&gone);
        }
        if let Some(there) = image(step.before.as_ref()) {
            objects.insert(there);
        }
    }
}

/// Objects with these steps as they were left, whatever became of them since.
pub fn standing(objects: &mut Objects, plan: &Plan, made: &[Made]) {
    for made in made {
        let Some(step) = plan.steps.iter().find(|step| step.id == made.step) else { continue };
        if !(step.target.is_role() || step.target.is_binding()) {
            continue;
        }
        let image = |image: Option<&Value>| object(&step.target, image?);
        if let Some(there) = image(step.after.as_ref()) {
            objects.insert(there);
        } else if let Some(gone) = image(step.before.as_ref()) {
            objects.remove(&gone);
        }
    }
}

impl Verification {
    /// What of it those objects answer: of a run that was taken back in part the rest is not to be
    /// expected, and neither is what it never came to. `stand`: what there is, with what is left of the run
    /// as it left it.
    #[must_use]
    pub fn of_what_stands(&self, stand: &Objects) -> Self {
        let stand = Authorizer::new(stand);
        let kept = |checks: &[Check], want: bool| -> Vec<Check> {
            checks.iter().filter(|check| check.decide(&stand).allowed() == want).cloned().collect()
        };
        Self {
            denied: kept(&self.denied, false),
            allowed: kept(&self.allowed, true),
            again: kept(&self.again, true),
            still_denied: kept(&self.still_denied, false),
            named: self.named.clone(),
            unnamed: self.unnamed.clone(),
        }
    }

    /// Without what RBAC answers otherwise now, and answered so before later runs: these changed it, and
    /// were meant to. What took an earlier run back was not meant to allow what this one refuses: for
    /// that the objects are `but_undone`, those before the other runs alone.
    #[must_use]
    pub fn without_later(
        &self,
        now: &Objects,
        before_them: &Objects,
        but_undone: &Objects,
    ) -> Self {
        let now = Authorizer::new(now);
        let (before, but_undone) = (Authorizer::new(before_them), Authorizer::new(but_undone));
        let kept = |checks: &[Check], want: bool| -> Vec<Check> {
            let before = if want { &before } else { &but_undone };
            let later = |check: &&Check| {
                check.decide(&now).allowed() != want && check.decide(before).allowed() == want
            };
            checks.iter().filter(|check| !later(check)).cloned().collect()
        };
        Self {
            denied: kept(&self.denied, false),
            allowed: kept(&self.allowed, true),
            again: kept(&self.again, true),
            still_denied: kept(&self.still_denied, false),
            named: self.named.clone(),
            unnamed: self.unnamed.clone(),
        }
    }
    /// What it says is refused, and was before later runs, in words.
    pub fn refused_before(&self, before_them: &Objects) -> Vec<String> {
        let before = Authorizer::new(before_them);
        let all = self.denied.iter().chain(&self.still_denied);
        all.filter(|check| !check.decide(&before).allowed()).map(Check::words).collect()
    }
}
