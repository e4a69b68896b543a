//! Whether what a Plan says that it wants is what keybook can be asked for, and whether it is for that
//! that a Secret or an account is touched.

use crate::change::plan::edit::text;
use crate::change::plan::{Action, Ending, Intent, Plan, Step};
use crate::model::{Identity, SubjectKind};

/// Why nobody can want that.
///
/// # Errors
/// In words.
pub(super) fn check(plan: &Plan) -> Result<(), String> {
    let split = |account: &Identity| {
        plan.intents
            .iter()
            .any(|intent| matches!(intent, Intent::Split { identity, .. } if identity == account))
    };
    for intent in &plan.intents {
        if let Intent::Split { identity, .. } = intent
            && identity.kind == SubjectKind::Group
        {
            return Err(format!("{identity}: a group is no account that could be split"));
        }
    }
    match plan.parted.iter().find(|parted| !split(&parted.account)) {
        None => Ok(()),
        Some(parted) => Err(format!("{}: it is not split by what is wanted", parted.account)),
    }
}

/// Whether a step to a Secret, or to an account that is there, is for something that is wanted.
///
/// # Errors
/// In words.
pub(super) fn wants(plan: &Plan, step: &Step) -> Result<(), String> {
    let target = &step.target;
    // What takes a run back is looked at against that run.
    if plan.undoes.is_some() || step.action == Action::Create {
        return Ok(());
    }
    let Some(namespace) = target.namespace.clone() else { return Ok(()) };
    let whose = if target.is_account() {
        Some(target.name.clone())
    } else if target.is_secret() {
        let account = "/metadata/annotations/kubernetes.io~1service-account.name";
        step.before.as_ref().and_then(|image| text(image, account))
    } else {
        return Ok(());
    };
    let whose = whose.map(|name| Identity::service_account(namespace.clone(), name));
    let is_wanted = |intent: &Intent| match intent {
        Intent::TokenSecret { namespace: place, name } => {
            target.is_secret()
                && step.action == Action::Delete
                && (place, name) == (&namespace, &target.name)
        }
        Intent::Quarantine { namespace: place, name } => {
            target.is_secret()
                && step.action == Action::Replace
                && (place, name) == (&namespace, &target.name)
        }
        Intent::Account { identity, how } => {
            let fits = match step.action {
                Action::Replace => *how == Ending::Quarantine,
                _ => *how != Ending::Quarantine,
            };
            fits && whose.as_ref() == Some(identity)
        }
        _ => false,
    };
    if plan.intents.iter().any(is_wanted) {
        Ok(())
    } else {
        Err("nothing that is wanted is about it".to_owned())
    }
}
