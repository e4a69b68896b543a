//! `revoke`, `narrow` and `split`: what would be changed, as a Plan. Nothing is written to the cluster.

use std::path::Path;

use tokio::runtime::Runtime;

use super::args::{Global, Output};
use super::change_args::{ChangeCommand, Made};
use super::changing::{self, Reached};
use super::exit::{Code, Failure};
use super::identity::PLANS;
use super::sources::{Needs, open};
use super::splitting::to_split;
use super::{answer, journal};
use crate::book::Book;
use crate::change::plan::{Choices, Input, Intent, IntentParseError, Plan, Refusal, make};
use crate::change::run;
use crate::cluster::Address;
use crate::config::Settings;
use crate::model::{counted, read_back, shell_word};
use crate::report;

impl ChangeCommand {
    /// What it wants planned: nothing, of a command that plans nothing.
    ///
    /// # Errors
    /// Where its words say nothing that could be planned.
    pub fn wishes(&self) -> Result<Vec<Intent>, Failure> {
        match self {
            Self::Revoke { what, .. } => to_revoke(what),
            Self::Narrow { what, choices, .. } => to_narrow(what, &choices.choices()),
            Self::Split { identity, how, .. } => Ok(vec![to_split(identity, how)?]),
            _ => Ok(Vec::new()),
        }
    }
}

/// What these words want revoked.
pub(super) fn to_revoke(what: &[String]) -> Result<Vec<Intent>, Failure> {
    what.iter()
        .map(|text| {
            Intent::of_word(text)
                .map_err(|error: IntentParseError| Failure::usage(error.to_string()))
        })
        .collect()
}

/// What these words want narrowed.
pub(super) fn to_narrow(what: &[String], choices: &Choices) -> Result<Vec<Intent>, Failure> {
    what.iter()
        .map(|text| Intent::to_narrow(&read_back(text), choices.clone()).map_err(Failure::usage))
        .collect()
}

pub(super) fn run(global: &Global, intents: &[Intent], wish: &Made) -> Result<Code, Failure> {
    changing::one_live_cluster(
        global,
        "a plan is made from the cluster's objects as they are now",
    )?;
    // With -A they say where to look for somebody who may not list namespaces.
    if !global.cluster.namespace.is_empty() && !global.cluster.all_namespaces {
        return Err(Failure::usage(
            "-n: a plan is about all that an identity, a grant or a role is in every namespace; name one \
             grant (rb:NAMESPACE/NAME=IDENTITY) where that is meant (with -A, -n says where to look if \
             namespaces may not be listed)",
        ));
    }
    let form = global.look.output.unwrap_or(Output::Table);
    if form == Output::Csv {
        return Err(no_rows());
    }
    let session = open(global, Needs { lists: PLANS, log: true, findings: false })?;
    let Some(book) = session.books.first() else {
        return Err(Failure::unreachable("there is no cluster to plan for"));
    };
    if let Some(coverage) = book.coverage() {
        answer::say_unread(&coverage.unreadable, &coverage.passed);
    }
    if let Some(days) = session.settings.require_coverage.value {
        let have = book.coverage().map_or(0, crate::model::Coverage::days);
        if have < i64::from(days) {
            return Err(Failure {
                code: Code::Incomplete,
                message: format!(
                    "the log covers {} of the {days} required: nothing is planned",
                    counted(have, "day")
                ),
            });
        }
    }
    let Reached { cluster, runtime } = changing::reach(global, &session.settings)?;
    let made = runtime.block_on(async {
        let fresh = run::fresh(&*cluster, book, intents).await?;
        let operator = run::operator(&*cluster).await?;
        let input = Input {
            book,
            intents,
            fresh: &fresh,
            operator: operator.as_ref(),
            despite_owners: wish.despite_owners,
            now: book.now,
        };
        Ok::<_, run::Error>(make(&input)?)
    });
    let mut plan = made?;
    if run::makes_kubeconfigs(&plan) {
        // Whoever applies it may come by another address; that is told again then.
        let address = address(global, &session.settings, &runtime, book);
        plan = plan.with_warnings(run::handed(&address));
    }
    runtime.shutdown_background();
    if let Some(lock_out) = &plan.lock_out
        && wish.force.as_ref() != Some(&lock_out.sentence)
    {
        return Err(Failure {
            code: Code::ChangeFailed,
            message: format!(
                "refused: {}. If that is what is wanted: --force {:?}",
                lock_out.what, lock_out.sentence
            ),
        });
    }
    give(&plan, form, wish.out.as_deref(), &book.policy.again.cluster)?;
    for warning in &session.settings.warnings {
        answer::say(&format!("warning: {warning}"));
    }
    let whole = plan.metadata.incomplete.is_empty();
    if !whole {
        answer::say(&format!("incomplete: {}", plan.metadata.incomplete.join(", ")));
    }
    Ok(if whole { Code::Done } else { Code::Incomplete })
}

/// The address of the API server by which whoever plans comes in.
fn address(global: &Global, settings: &Settings, runtime: &Runtime, book: &Book) -> Address {
    let made = changing::writer(global, settings, runtime).ok();
    let known = made.and_then(|writer| writer.address().ok()).filter(|_| !global.input.demo);
    known.unwrap_or_else(|| Address {
        server: book.snapshot.cluster.server.to_string(),
        authority: None,
        tls_server_name: None,
        insecure: false,
        proxy: None,
    })
}

/// A command that is named carries the options `again` by which it means the same cluster.
fn give(plan: &Plan, form: Output, out: Option<&Path>, again: &str) -> Result<(), Failure> {
    if let Some(path) = out {
        report::save_plan(plan, path).map_err(|cause| {
            let said = format!("writing the plan to {}: {cause}", path.display());
            match cause.kind() {
                std::io::ErrorKind::AlreadyExists => Failure::usage(said),
                _ => Failure::unreachable(said),
            }
        })?;
        let nothing = plan.steps.is_empty() && plan.later.is_empty();
        answer::say(&if nothing {
            format!("the plan is in {}; it has no step that could be applied", path.display())
        } else {
            format!(
                "the plan is in {}; apply it with keybook apply {}{again}",
                path.display(),
                shell_word(path.display().to_string())
            )
        });
    }
    answer::out(shown(plan, form)?.as_bytes())
}

pub(super) fn no_rows() -> Failure {
    Failure::usage("a plan is no table of rows: use -o yaml, json, name or table")
}

/// A Plan in the form that is asked for: as text for whoever reads it, where none is.
pub(super) fn shown(plan: &Plan, form: Output) -> Result<String, Failure> {
    Ok(match form {
        Output::Json => journal::pretty(&plan.value())?,
        Output::Yaml => report::yaml_document(&plan.value()),
        Output::Name => {
            let mut names: Vec<String> =
                plan.steps.iter().map(|step| step.target.to_string()).collect();
            names.push(String::new());
            names.join("\n")
        }
        Output::Csv => return Err(no_rows()),
        Output::Wide => report::plan_text(plan),
        Output::Table => report::plan_read(plan),
    })
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::Moved(_)
            | Refusal::Log(_)
            | Refusal::NotSplit(_)
            | Refusal::NotEdited { .. }
            | Refusal::Feeds { .. }
            | Refusal::HoldsMore { .. }
            | Refusal::Breaks(_) => Code::ChangeFailed,
            Refusal::NoToken(_) | Refusal::Twice(_) | Refusal::Naming(_) => Code::Usage,
            Refusal::NotKnown { .. } => Code::Incomplete,
            Refusal::NotThere(_) | Refusal::Nobody(_) | Refusal::NotNamed { .. } => Code::No,
        };
        Self { code, message: refusal.to_string() }
    }
}

impl From<run::Error> for Failure {
    fn from(error: run::Error) -> Self {
        match error {
            run::Error::Refused(refusal) => refusal.into(),
            run::Error::Cluster(error) => error.into(),
        }
    }
}
