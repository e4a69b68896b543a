//! Whether a Plan still fits the cluster, beside the objects that it writes.

use super::args::Global;
use super::exit::{Code, Failure};
use super::identity::ROWS;
use super::sources::{Needs, Session, open};
use crate::book::Book;
use crate::change::plan::{self, Action, Intent, Operator, Plan, Risk, Since, since};
use crate::change::run::{Changed, Runner};
use crate::model::{Name, Objects};

/// With a log: whether a Plan that narrows or splits would refuse what was allowed since it was made; gives
/// what has to be known besides.
pub(super) fn is_allowed_since(global: &Global, plan: &Plan) -> Result<Vec<String>, Failure> {
    if global.input.audit.is_empty() || !plan.intents.iter().any(Intent::rests_on_log) {
        return Ok(Vec::new());
    }
    let session = open(global, Needs { lists: ROWS, log: true, findings: false })?;
    let Some(book) = session.books.first() else { return Ok(Vec::new()) };
    if !book.log.is_whole() {
        return Err(Failure {
            code: Code::Incomplete,
            message: format!("{NOT_WHOLE}. Leave --audit out to apply it all the same"),
        });
    }
    is_allowed_in(book, plan)
}

/// What a log that is named says, for a Plan that takes a run back. None where none is.
pub(super) fn session_of_log(global: &Global) -> Result<Option<Session>, Failure> {
    if global.input.audit.is_empty() {
        return Ok(None);
    }
    open(global, Needs { lists: ROWS, log: true, findings: false }).map(Some)
}

/// That a log does not tell.
pub(super) const NOT_WHOLE: &str = "the log could not be read whole: whether what the plan refuses was \
                                    used since is not known";

/// Whether a Plan that narrows or splits would refuse what a log, read whole, shows allowed since it was
/// made; gives what has to be known besides.
///
/// # Errors
/// Where it would.
pub(super) fn is_allowed_in(book: &Book, plan: &Plan) -> Result<Vec<String>, Failure> {
    let Since { refused, notes } = since(book, plan);
    if refused.is_empty() {
        return Ok(notes);
    }
    let notes = notes.into_iter().map(|note| format!("note: {note}"));
    let lines: Vec<String> = notes.chain(refused).collect();
    Err(Failure::refused(format!(
        "nothing was written; make the plan again: it would refuse what was allowed since the log that it \
         rests on had ended:\n{}",
        lines.join("\n")
    )))
}

/// Whom a Plan locks out, whom it gives more than they had, by the objects as they are now, and what else
/// is done by who says so only: allowed by the sentence for it.
///
/// # Errors
/// Where there is such a risk, and the sentence was not given.
pub(super) fn risks(
    plan: &Plan,
    now: &Objects,
    more: Option<Risk>,
    (operator, force): (Option<&Operator>, Option<&str>),
) -> Result<(), Failure> {
    match plan::risks(plan, now, operator, more) {
        Some(risk) if force != Some(&*risk.sentence) => {
            let Risk { what, sentence } = risk;
            Err(Failure::refused(format!(
                "{what}. If that is what is wanted: --force {sentence:?}"
            )))
        }
        _ => Ok(()),
    }
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
    let changed = if given.leaves.is_empty() { Changed::Stops } else { Changed::Left };
    let own = runner.undoing(run, changed).await?;
    let same = own.intents == given.intents
        && own.steps == given.steps
        && own.verification == given.verification
        && own.leaves == given.leaves;
    if same {
        return Ok(own);
    }
    Err(Failure::refused(format!(
        "the plan says that it takes run {run} back, and is not what does so; keybook undo {run}{} makes \
         that by itself",
        runner.again
    )))
}
