//! How a run came out, in words.

use super::answer;
use super::exit::{Code, Failure};
use crate::change::plan::{Plan, Reversibility};
use crate::change::run::{Differs, Ended, RunError};
use crate::model::counted_with;

/// That a run is done, and whether it can be taken back.
/// Commands carry the options `again` by which they mean the same cluster.
pub(super) fn done(id: u64, plan: &Plan, again: &str) -> String {
    let objects = || plan.steps.iter().filter(|step| !step.target.is_credential());
    let lost = objects().filter(|step| step.reversibility == Reversibility::Irreversible).count();
    let all = objects().count();
    if let (Some(of), left @ 1..) = (plan.undoes, plan.leaves.len()) {
        return format!(
            "run {id} is done; {} left of run {of}: keybook undo {of}{again} takes back what reads again as \
             it left it; keybook undo {id}{again} makes again what run {id} took back",
            counted_with(left, "step", ["is", "are"])
        );
    }
    match (all, lost) {
        (0, _) if plan.later.is_empty() => format!("run {id} is done; it wrote nothing"),
        (0, _) => format!("run {id} is done; keybook undo {id}{again} takes its stages back"),
        _ if lost == all => format!("run {id} is done; nothing of it can be taken back"),
        (_, 0) => format!("run {id} is done; keybook undo {id}{again} takes it back"),
        _ => format!(
            "run {id} is done; keybook undo {id}{again} takes it back, but for {lost} of its {all} steps"
        ),
    }
}

pub(super) fn stopped(id: u64, step: Option<u32>, why: &str, again: &str) -> String {
    let at = step.map_or_else(String::new, |step| format!(" at step {step}"));
    format!(
        "run {id} stopped{at}: {why}\nfinish it with keybook apply --finish {id}{again}, or take back \
         what was made with keybook undo {id}{again}"
    )
}

/// That nothing more is known of a run that was begun, as where the disk is full: which it is, and how it
/// is gone on with.
pub(super) fn broken(id: u64, begun: bool, error: RunError, again: &str) -> Failure {
    let mut failure = Failure::from(error);
    if begun {
        failure.message = format!(
            "{}\nrun {id} was begun, and nothing more was sent. Once that is mended, finish it with keybook \
             apply --finish {id}{again}, or take back what was made with keybook undo {id}{again}",
            failure.message
        );
    }
    failure
}

/// How a run came out, a line each.
pub(super) fn outcome_lines(id: u64, plan: &Plan, ended: &Ended, again: &str) -> Vec<String> {
    match ended {
        Ended::Done(differs) => {
            let mut lines: Vec<String> = differs.iter().map(differing).collect();
            lines.push(done(id, plan, again));
            lines
        }
        Ended::Stopped { step, why, .. } => {
            stopped(id, *step, why, again).lines().map(str::to_owned).collect()
        }
    }
}

/// Says what is not as it should be.
pub(super) fn say(one: &Differs) {
    answer::say(&differing(one));
}

fn differing(one: &Differs) -> String {
    let not = if one.known { "not as it should be" } else { "not known" };
    format!("{not}: {}: {}", one.what, one.how)
}

/// What differences amount to.
pub(super) fn code(differs: &[Differs], known: Code) -> Code {
    if differs.iter().any(|one| one.known) {
        known
    } else if differs.is_empty() {
        Code::Done
    } else {
        Code::Incomplete
    }
}
