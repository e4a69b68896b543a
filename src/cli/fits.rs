//! Whether a Plan still fits the cluster, beside the objects that it writes.

use super::args::Global;
use super::exit::{Code, Failure};
use super::identity::ROWS;
use super::sources::{Needs, open};
use crate::change::plan::{Action, Intent, Plan, refused_since};
use crate::change::run::Runner;
use crate::model::{Name, Objects};

/// With a log: whether a Plan that narrows would refuse what was allowed since it was made.
pub(super) fn is_allowed_since(global: &Global, plan: &Plan) -> Result<(), Failure> {
    if global.input.audit.is_empty() || !plan.intents.iter().any(Intent::narrows) {
        return Ok(());
    }
    let session = open(global, Needs { lists: ROWS, log: true, findings: false })?;
    let Some(book) = session.books.first() else { return Ok(()) };
    if !book.log.is_whole() {
        return Err(Failure {
            code: Code::Incomplete,
            message:
                "the log could not be read whole: whether what the plan refuses was used since is \
                      not known. Leave --audit out to apply it all the same"
                    .to_owned(),
        });
    }
    let refused = refused_since(book, plan);
    if refused.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "nothing was written; make the plan again: it would refuse what was allowed since the log that it \
         rests on had ended:\n{}",
        refused.join("\n")
    )))
}

/// Bindings that stay and lead nowhere once the roles that a plan deletes are gone.
pub(super) fn held_by_others(plan: &Plan, objects: &Objects) -> Vec<String> {
    let deleted = |kind: &str, namespace: Option<&Name>, name: &Name| {
        plan.steps.iter().any(|step| {
            step.action == Action::Delete
                && *step.target.kind == *kind
                && step.target.name == *name
                && step.target.namespace.as_ref() == namespace
        })
    };
    let mut notes = Vec::new();
    for binding in objects.bindings.values() {
        let (role, meta) = (&binding.role_ref, &binding.meta);
        let of = meta.namespace.as_ref().filter(|_| &*role.kind == "Role");
        if deleted(&role.kind, of, &role.name)
            && !deleted(binding.kind.as_str(), meta.namespace.as_ref(), &meta.name)
        {
            let place = meta.namespace.as_ref().map_or_else(String::new, |name| format!("{name}/"));
            notes.push(format!(
                "{} {place}{} gives {} {} as well, which goes: whoever it names loses that",
                binding.kind.as_str(),
                meta.name,
                role.kind,
                role.name
            ));
        }
    }
    notes
}

/// What takes a run back is what keybook makes of the journal now, whatever a file says.
///
/// # Errors
/// Where the file says something else.
pub(super) async fn takes_back(
    runner: &mut Runner<'_>,
    run: u64,
    given: &Plan,
) -> Result<Plan, Failure> {
    let own = runner.undoing(run).await?;
    let same = own.intents == given.intents
        && own.steps == given.steps
        && own.verification == given.verification;
    if same {
        return Ok(own);
    }
    Err(Failure::refused(format!(
        "the plan says that it takes run {run} back, and is not what does so; keybook undo {run}{} makes \
         that by itself",
        runner.again
    )))
}
