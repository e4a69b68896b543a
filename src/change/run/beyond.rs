//! What somebody holds by a run's own making, and would not without it.

use super::Differs;
use crate::change::plan::{Action, Plan, Ran, kept_beyond};
use crate::model::{ListKind, Snapshot};

/// Whether a run makes anything that somebody may hold by it alone.
pub(super) fn gives(plan: &Plan) -> bool {
    let gives = |action: Action| action != Action::Delete;
    plan.undoes.is_none()
        && plan.steps.iter().any(|step| step.target.is_binding() && gives(step.action))
}

/// What [`kept_beyond`] finds by lists of roles and bindings, and whether these are whole. `later` are the
/// runs after it, the newest first, that did what they were meant to.
pub fn beyond(run: Ran<'_>, now: &Snapshot, later: &[Ran<'_>]) -> Vec<Differs> {
    if !gives(run.plan) {
        return Vec::new();
    }
    let known = now.covers(&ListKind::RBAC, None);
    let unless = if known { "" } else { " (not all roles and bindings could be listed)" };
    let lines = kept_beyond(run, &now.objects, later).into_iter();
    let differs = lines.map(|what| Differs {
        what,
        how: format!(
            "allowed by what the run made, and by nothing else that it was cut from any more: that was \
             taken away{unless}"
        ),
        known,
    });
    differs.collect()
}
