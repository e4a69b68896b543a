//! What takes a run back.

use futures::stream::{self, StreamExt as _};

use super::credential::uid;
use super::look::{Found, look, same, there};
use super::preflight::AT_ONCE;
use super::read::image;
use super::{How, Record, Run, RunError, Runner, StepState};
use crate::change::plan::{self, Action, Earlier, Made, Plan, stored};
use crate::cluster::loader::{LoadOptions, load};
use crate::model::ListKind;

impl Runner<'_> {
    /// The Plan that takes a run back. What is not known of its steps is looked up first, and
    /// written down.
    ///
    /// # Errors
    /// Where it is undone already, or an object is neither as a step leaves it nor as it was before.
    pub async fn undoing(&mut self, run: u64) -> Result<Plan, RunError> {
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
                Found::Moved(how) => {
                    return Err(RunError::Refused(format!(
                        "whether step {} was made is not known, and {how}; nothing was undone",
                        step.id
                    )));
                }
            }
        }
        let found = self.find(run)?;
        let (mut made, mut left_out) = (found.made(), Vec::new());
        left_out.extend(self.history()?.made_of_stages(&found).iter().map(|stage| {
            format!(
                "run {stage} made a stage of run {run}, and stands: what it had refused or taken stays \
                 so, while who was given something by run {run} loses that; nobody may be left who comes \
                 in. Undo it first: keybook undo {stage}{}",
                self.again
            )
        }));
        let only_words = left_out.len();
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
            left_out.push(format!("{}, which the run made, {how}", step.target));
            made.remove(at);
        }
        // Somebody touched it, and left it as it was: it is that version which is changed.
        for step in found.plan.steps.iter().filter(|step| step.action == Action::Replace) {
            let Some(one) = made.iter_mut().find(|made| made.step == step.id) else { continue };
            if let Ok(now) = image(self.cluster, &step.target).await
                && one.left.as_ref().is_some_and(|left| uid(left) == uid(&now) && same(left, &now))
            {
                one.left = Some(stored(now));
            }
        }
        let (by, now) = (self.by.clone(), (self.clock)());
        let plan = plan::undo(&found.plan, (run, &made), left_out, by, now);
        let plan = self.without_what_is_so(plan).await?;
        let mut plan = self.with_what_it_gives_back(run, plan).await?;
        self.rests(&mut plan, &found.plan).await?;
        let plan = plan.sealed();
        if plan.steps.is_empty() && plan.warnings.len() > only_words {
            let why = plan.warnings.join("; ");
            return Err(RunError::Refused(format!("nothing of run {run} is taken back: {why}")));
        }
        Ok(plan)
    }

    /// The Plan with what it gives to those from whom a later run took it.
    async fn with_what_it_gives_back(&self, run: u64, plan: Plan) -> Result<Plan, RunError> {
        let history = self.history()?;
        let later: Vec<(&Run, Vec<Made>)> =
            history.after(run).map(|run| (run, run.made())).collect();
        let later: Vec<Earlier<'_>> = later
            .iter()
            .map(|(of, made)| Earlier { run: of.id, plan: &of.plan, made, stands: of.stands() })
            .collect();
        if !later.iter().any(|run| run.stands) || plan.steps.is_empty() {
            return Ok(plan);
        }
        let now = load(self.cluster, &LoadOptions::only(&ListKind::RBAC)).await?;
        let given = plan::against(&plan, &now.objects, &later);
        let unknown = (!now.covers(&ListKind::RBAC, None)).then(|| {
            "not all roles and bindings could be listed: whether it gives back what later runs took is \
             not certain"
                .to_owned()
        });
        Ok(plan.giving_back(given).with_warnings(unknown.into_iter().collect()))
    }

    /// The Plan without steps whose object is already as they would leave it: somebody took them back by
    /// hand. That is said.
    async fn without_what_is_so(&self, mut plan: Plan) -> Result<Plan, RunError> {
        let cluster = self.cluster;
        let steps = std::mem::take(&mut plan.steps);
        let looked = stream::iter(steps)
            .map(|step| async move { look(cluster, &step).await.map(|found| (step, found)) });
        let mut looked = looked.buffered(AT_ONCE);
        while let Some(found) = looked.next().await {
            match found? {
                (step, Found::Made(_)) => plan.warnings.push(format!(
                    "{} is already as it was before the run: nothing is left to take back there",
                    step.target
                )),
                (mut step, _) => {
                    step.id = plan.steps.len().try_into().unwrap_or(u32::MAX).saturating_add(1);
                    plan.steps.push(step);
                }
            }
        }
        drop(looked);
        Ok(plan)
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
