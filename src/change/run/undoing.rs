//! What takes a run back.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _};

use super::credential::uid;
use super::look::{Found, look, same, settled, there};
use super::preflight::AT_ONCE;
use super::read::image;
use super::{History, How, Record, Run, RunError, Runner, StepState};
use crate::change::plan::{
    self, Action, Earlier, Intent, LeftAlone, Made, Plan, Step, Target, goes_with, is_quarantined,
    stored,
};
use crate::cluster::loader::{LoadOptions, load};
use crate::model::{Identity, ListKind};

/// What becomes of an undoing where somebody changed since what the run changed or took away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is refused.
    Stops,
    /// That is left as it is, with what goes with it, and the rest is taken back.
    Left,
}

impl Runner<'_> {
    /// The Plan that takes a run back. What is not known of its steps is looked up first, and
    /// written down.
    ///
    /// # Errors
    /// Where it is undone already, or an object is neither as a step leaves it nor as it was before and
    /// that is not to be left.
    pub async fn undoing(&mut self, run: u64, changed: Changed) -> Result<Plan, RunError> {
        let found = self.find(run)?;
        if let Some((by, true)) = found.undone_by {
            return Err(RunError::Refused(format!("run {run} was undone by run {by}")));
        }
        if let Some((by, false)) = found.undone_by {
            return Err(RunError::Refused(format!(
                "run {by} is undoing run {run}; finish it with keybook apply --finish {by}{}",
                self.again
            )));
        }
        let unknown = self.settle_unknown(&found).await?;
        let found = self.find(run)?;
        let (mut made, mut left_out) = (found.remains(), Vec::new());
        left_out.extend(
            unknown.iter().map(|made| {
                format!("whether step {} of run {run} was made is not known", made.step)
            }),
        );
        made.extend(unknown);
        made.sort_by_key(|made| made.step);
        let by_runs = self.history()?.made_of_stages(&found);
        if by_runs.is_empty() {
            left_out.extend(self.stages_elsewhere(&found).await?);
        }
        left_out.extend(by_runs.iter().map(|stage| {
            format!(
                "run {stage} made a stage of run {run}, and stands: what it had refused or taken stays \
                 so, while who was given something by run {run} loses that; nobody may be left who comes \
                 in. Undo it first: keybook undo {stage}{}",
                self.again
            )
        }));
        let only_words = left_out.len();
        let mut lost: BTreeMap<Identity, String> = BTreeMap::new();
        for step in found.plan.steps.iter().filter(|step| step.action == Action::Create) {
            let Some(at) = made.iter().position(|made| made.step == step.id) else { continue };
            if step.target.is_credential() {
                continue;
            }
            // What somebody changed since is theirs; what was taken away need not be put back for that.
            let now = there(image(self.cluster, &step.target).await)?;
            let as_left = now.as_ref().zip(made[at].left.as_ref());
            // Controllers write to these.
            let by_uid = !step.target.is_role() && !step.target.is_binding();
            let is_ours = |(now, left)| same(now, left) || (by_uid && uid(now) == uid(left));
            if as_left.is_some_and(is_ours) {
                // What controllers wrote to it since is how it reads before it is taken away; of others
                // it is another version that reads the same.
                made[at].left = now.map(stored);
                continue;
            }
            let how =
                if now.is_some() { "was changed since: it is left as it is" } else { "is gone" };
            for who in named_no_more(step, made[at].left.as_ref(), now.as_ref()) {
                let gone = if now.is_some() { "does not name them any more" } else { "is gone" };
                let why = format!("{who}: {}, which the run made for them, {gone}", step.target);
                lost.entry(who).or_insert(why);
            }
            left_out.push(format!("{}, which the run made, {how}", step.target));
            made.remove(at);
        }
        // Somebody touched it, and left it as it was: it is that version which is changed. What later runs
        // deleted and put back is another object, and the run's all the same.
        let history = self.history()?;
        for step in found.plan.steps.iter().filter(|step| step.action == Action::Replace) {
            let Some(one) = made.iter_mut().find(|made| made.step == step.id) else { continue };
            let Ok(now) = image(self.cluster, &step.target).await else { continue };
            let Some(left) = &one.left else { continue };
            let again = put_back(&history, run, &step.target, &now);
            let same = same(left, &now) || settled(step, left) == settled(step, &now);
            if !same || !(uid(left) == uid(&now) || again.is_some()) {
                continue;
            }
            if let Some(by) = again.filter(|_| step.target.is_secret() && uid(left) != uid(&now)) {
                left_out.push(format!(
                    "{} was deleted since, and made again by run {by}: the token that is taken again is the \
                     one that it holds now",
                    step.target
                ));
            }
            one.left = Some(stored(now));
        }
        left_out.extend(self.come_back_refused(&history, &found));
        let (by, now) = (self.by.clone(), (self.clock)());
        let plan = plan::undo(&found.plan, (run, &made), left_out, by, now);
        let (plan, moved) = self.without_what_is_so(plan, run).await?;
        let plan = self.without_what_moved(plan, moved, &found, changed).await?;
        let mut plan = self.with_what_it_gives_back(&found, plan, lost).await?;
        if plan.steps.iter().any(|step| step.target.is_role() || step.target.is_binding()) {
            let now = load(self.cluster, &LoadOptions::only(&ListKind::RBAC)).await?;
            plan = plan.keeping_bound_roles(&now.objects);
            if now.covers(&[ListKind::Roles, ListKind::ClusterRoles], None) {
                plan = plan.telling_gone_roles(&now.objects);
            }
        }
        self.rests(&mut plan, &found.plan).await?;
        let plan = plan.sealed();
        if plan.steps.is_empty() && plan.warnings.len() > only_words {
            let why = plan.warnings.join("; ");
            return Err(RunError::Refused(format!("nothing of run {run} is taken back: {why}")));
        }
        Ok(plan)
    }

    /// Looks up what is not known of a run's steps, and writes it down. Gives those of which nothing tells
    /// whether they were made.
    async fn settle_unknown(&mut self, found: &Run) -> Result<Vec<Made>, RunError> {
        let run = found.id;
        let mut unknown: Vec<Made> = Vec::new();
        for step in &found.plan.steps {
            if found.steps.get(&step.id) != Some(&StepState::NotKnown) {
                continue;
            }
            if step.target.is_credential() {
                self.settle_credential(run, step.id)?;
                continue;
            }
            match look(self.cluster, step).await? {
                Found::Made(left) => {
                    let (step, how) = (step.id, How::Found);
                    self.note(Record::Written { run, step, how, left })?;
                }
                Found::Unmade(_) => {
                    let why = "it was not made before the process ended".to_owned();
                    self.note(Record::Stopped { run, step: Some(step.id), why, unmade: true })?;
                }
                Found::Moved(_) => unknown.push(Made { step: step.id, left: step.after.clone() }),
            }
        }
        Ok(unknown)
    }

    /// The Plan with what it gives to those from whom a later run took it, or somebody else did: who are
    /// among `lost`, and who are not allowed any more what the run had left them.
    async fn with_what_it_gives_back(
        &self,
        undone: &Run,
        plan: Plan,
        mut lost: BTreeMap<Identity, String>,
    ) -> Result<Plan, RunError> {
        let history = self.history()?;
        let later: Vec<(&Run, Vec<Made>)> =
            history.after(undone.id).map(|run| (run, run.made())).collect();
        let later: Vec<Earlier<'_>> = later
            .iter()
            .map(|(of, made)| Earlier { run: of.id, plan: &of.plan, made, stands: of.stands() })
            .collect();
        let asked = &undone.plan.verification;
        let asks = !(asked.allowed.is_empty() && asked.again.is_empty());
        let looked = asks || !lost.is_empty() || later.iter().any(|run| run.stands);
        if !looked || plan.steps.is_empty() {
            return Ok(plan);
        }
        let now = load(self.cluster, &LoadOptions::only(&ListKind::RBAC)).await?;
        for (who, why) in plan::lost_since(&undone.plan, &plan, &now.objects) {
            lost.entry(who).or_insert(why);
        }
        let given = plan::against(&plan, &now.objects, &later, &lost);
        let unknown = (!now.covers(&ListKind::RBAC, None)).then(|| {
            "not all roles and bindings could be listed: whether it gives back what later runs took is \
             not certain"
                .to_owned()
        });
        Ok(plan.giving_back(given).with_warnings(unknown.into_iter().collect()))
    }

    /// The Plan without steps whose object is already as they would leave it: somebody took them back by
    /// hand. That is said.
    /// With it those whose object somebody changed, by their ids, and how.
    async fn without_what_is_so(
        &self,
        mut plan: Plan,
        run: u64,
    ) -> Result<(Plan, Vec<(u32, String)>), RunError> {
        let (cluster, mut moved) = (self.cluster, Vec::new());
        let history = self.history()?;
        // A bare account reads as any other of its name does: whose it is only the journal tells.
        let is_anothers = |step: &Step, now: Option<&serde_json::Value>| {
            step.target.is_account()
                // The cluster makes that one itself.
                && &*step.target.name != "default"
                && step.action == Action::Create
                && now.is_some_and(|now| put_back(&history, run, &step.target, now).is_none())
        };
        let steps = std::mem::take(&mut plan.steps);
        let looked = stream::iter(steps)
            .map(|step| async move { look(cluster, &step).await.map(|found| (step, found)) });
        let mut looked = looked.buffered(AT_ONCE);
        while let Some(found) = looked.next().await {
            match found? {
                (mut step, Found::Made(now)) if is_anothers(&step, now.as_ref()) => {
                    step.id = plan.steps.len().try_into().unwrap_or(u32::MAX).saturating_add(1);
                    let how = format!(
                        "{} was made again since, and not by a run of this journal: it may be somebody \
                         else's",
                        step.target
                    );
                    moved.push((step.id, how));
                    plan.steps.push(step);
                }
                (step, Found::Made(_)) => plan.warnings.push(format!(
                    "{} is already as it was before the run: nothing is left to take back there",
                    step.target
                )),
                (mut step, found) => {
                    step.id = plan.steps.len().try_into().unwrap_or(u32::MAX).saturating_add(1);
                    if let Found::Moved(how) = found {
                        moved.push((step.id, how));
                    }
                    plan.steps.push(step);
                }
            }
        }
        drop(looked);
        Ok((plan, moved))
    }

    /// The Plan without steps that cannot be made, since somebody changed their objects, and without
    /// those that go with them.
    ///
    /// # Errors
    /// Where they are not to be left: with what would be.
    async fn without_what_moved(
        &self,
        plan: Plan,
        moved: Vec<(u32, String)>,
        undone: &Run,
        changed: Changed,
    ) -> Result<Plan, RunError> {
        if moved.is_empty() {
            return Ok(plan);
        }
        let waits = goes_with(&plan, &moved.iter().map(|(id, _)| *id).collect());
        let of = |id: u32| plan.steps.iter().find(|step| step.id == id);
        let own = |target: &Target| {
            let mut own = undone.plan.steps.iter().filter(|step| step.target == *target);
            own.next_back().map(|step| step.id)
        };
        let left = |step: &Step, changed: bool, why: String| {
            let target = step.target.clone();
            Some(LeftAlone { step: own(&target)?, target, changed, why })
        };
        let names: Vec<String> =
            moved.iter().filter_map(|(id, _)| Some(of(*id)?.target.to_string())).collect();
        let names = names.join(", ");
        let all: Vec<LeftAlone> = moved
            .iter()
            .filter_map(|(id, how)| left(of(*id)?, true, how.clone()))
            .chain(waits.iter().filter_map(|id| {
                let why = format!("whoever has something by it would lose that without {names}");
                left(of(*id)?, false, why)
            }))
            .collect();
        let (run, rest) = (undone.id, plan.steps.len() - all.len());
        if changed == Changed::Left {
            let now = load(self.cluster, &LoadOptions::only(&ListKind::RBAC)).await?;
            return Ok(plan.leaving(&undone.plan, all, &now.objects));
        }
        let lines: Vec<String> =
            all.iter().map(|left| format!("{}: {}", left.target, left.why)).collect();
        let then = if rest == 0 {
            format!("Nothing else of run {run} is left to be taken back")
        } else {
            format!(
                "To leave these alone, and take back the other {rest} of {} steps: keybook undo {run} \
                 --leave-changed{}",
                plan.steps.len(),
                self.again
            )
        };
        Err(RunError::Refused(format!(
            "nothing was written: what somebody changed since run {run} is not overwritten.\n{}\n{then}",
            lines.join("\n")
        )))
    }

    /// What was made of a run's stages by no run of this journal: from another machine, or by hand.
    async fn stages_elsewhere(&self, found: &Run) -> Result<Vec<String>, RunError> {
        let intents = || found.plan.later.iter().flat_map(|later| &later.intents);
        let whose: BTreeSet<&Identity> = intents().filter_map(Intent::identity).collect();
        if whose.is_empty() {
            return Ok(Vec::new());
        }
        let lists = [ListKind::TokenSecrets, ListKind::ServiceAccounts];
        let now = load(self.cluster, &LoadOptions::only(&lists)).await?;
        let said = whose.into_iter().filter_map(|who| {
            let how = plan::retired_by_now(&now, who)?;
            Some(format!(
                "{who} {how}, by no run of this journal: that stays so, while who was given something by \
                 run {} loses that; nobody may be left who comes in. Take that back first",
                found.id
            ))
        });
        Ok(said.collect())
    }

    /// Secrets that come back as they were: with a label by which their token is refused, which an
    /// earlier run set.
    fn come_back_refused(&self, history: &History, found: &Run) -> Vec<String> {
        let steps = found.plan.steps.iter().filter(|step| step.action == Action::Delete);
        let refused = steps.filter(|step| step.before.as_ref().is_some_and(is_quarantined));
        let said = refused.map(|step| {
            let by = history.runs.values().rev().find(|run| {
                let sets = |own: &Step| {
                    own.target == step.target
                        && own.action == Action::Replace
                        && own.after.as_ref().is_some_and(is_quarantined)
                };
                run.id < found.id && run.stands() && run.plan.steps.iter().any(sets)
            });
            let by = by.map_or_else(String::new, |run| {
                format!("; keybook undo {}{} takes that back", run.id, self.again)
            });
            format!(
                "{} comes back as it was, with the label by which its token is refused{by}",
                step.target
            )
        });
        said.collect()
    }

    /// Whoever was bound to a role since it was narrowed would be given more than before.
    async fn rests(&self, plan: &mut Plan, undone: &Plan) -> Result<(), RunError> {
        if plan.steps.iter().any(|step| step.target.is_role() && step.after.is_some()) {
            let now = load(self.cluster, &LoadOptions::only(&ListKind::RBAC)).await?;
            plan.rests_on = plan::of_undo(&plan.steps, undone, &now.objects);
        }
        Ok(())
    }
}

/// Whom a binding named as it was left, and does not by now.
fn named_no_more(
    step: &Step,
    left: Option<&serde_json::Value>,
    now: Option<&serde_json::Value>,
) -> Vec<Identity> {
    let named = |image: Option<&serde_json::Value>| {
        image.map(|image| plan::subjects_of(&step.target, image)).unwrap_or_default()
    };
    named(left).difference(&named(now)).cloned().collect()
}

/// The later run that put an object back after another had taken it away, where it is the one that is
/// there.
fn put_back(history: &History, run: u64, target: &Target, now: &serde_json::Value) -> Option<u64> {
    let made = |later: &Run| {
        let step = |id: u32| later.plan.steps.iter().find(|step| step.id == id);
        later.made().iter().any(|made| {
            let is_it = step(made.step)
                .is_some_and(|step| step.target == *target && step.action == Action::Create);
            is_it && made.left.as_ref().is_some_and(|left| uid(left) == uid(now))
        })
    };
    history
        .after(run)
        .find(|later| later.plan.undoes.is_some() && made(later))
        .map(|later| later.id)
}
