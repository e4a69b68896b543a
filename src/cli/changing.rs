//! What the commands that change something have in common: one cluster, alive, and its journal.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Runtime;

use super::args::Global;
use super::change_args::ChangeCommand;
use super::exit::{Code, Failure};
use super::sources::{connect_options, contexts_named, now, runtime};
use super::{apply, due, journal, kept, planning};
use crate::change::run::{Changed, RunError};
use crate::cluster::kube::{connect, connect_writer};
use crate::cluster::memory::MemoryCluster;
use crate::cluster::{Cluster, Writer};
use crate::config::Settings;
use crate::demo;
use crate::model::ClusterInfo;
use crate::store::JournalError;

/// Why nothing is written.
pub(super) const READONLY: &str =
    "--readonly (or the setting of that name): nothing is written to a cluster";

/// Why nothing is written.
pub(super) const NO_JOURNAL: &str = "--no-store: nothing is changed without its journal";

pub(super) fn run(global: &Global, command: &ChangeCommand) -> Result<Code, Failure> {
    match command {
        ChangeCommand::Revoke { made, .. }
        | ChangeCommand::Narrow { made, .. }
        | ChangeCommand::Split { made, .. } => planning::run(global, &command.wishes()?, made),
        ChangeCommand::Apply { plan: Some(plan), out, confirm, .. } => {
            apply::run(global, &apply::What::Plan(plan), out.as_deref(), confirm)
        }
        ChangeCommand::Apply { plan: None, finish, out, confirm } => {
            let what = apply::What::Finish(finish.unwrap_or_default());
            apply::run(global, &what, out.as_deref(), confirm)
        }
        ChangeCommand::Undo { run, leave_changed, confirm } => {
            let changed = if *leave_changed { Changed::Left } else { Changed::Stops };
            apply::run(global, &apply::What::Undo(*run, changed), None, confirm)
        }
        ChangeCommand::Due => due::run(global),
        ChangeCommand::Verify { run } => journal::verify(global, *run),
        ChangeCommand::Journal { run, head } => journal::run(global, *run, head.as_deref()),
    }
}

/// A cluster, and what to wait for it on.
pub(super) struct Reached {
    pub(super) cluster: Arc<dyn Cluster>,
    pub(super) runtime: Runtime,
}

/// Changes are of one cluster, and never of saved objects.
pub(super) fn one_live_cluster(global: &Global, why: &str) -> Result<(), Failure> {
    if !global.input.from.is_empty() {
        return Err(Failure::usage(format!(
            "--from: {why}; leave --from out, and name with --context the cluster that the objects are of"
        )));
    }
    if global.cluster.all_contexts || global.cluster.context.len() > 1 {
        return Err(Failure::usage("a change is of one cluster: name one --context"));
    }
    Ok(())
}

/// What the demo has not: a cluster that outlives the command.
pub(super) fn no_demo(global: &Global) -> Result<(), Failure> {
    if global.input.demo {
        return Err(Failure::usage(
            "the demo's cluster lives as long as one command: nothing is applied to it, and it has no \
             journal",
        ));
    }
    Ok(())
}

/// The context that is meant; None is the current one where nothing is configured for it.
pub(super) fn context(global: &Global, settings: &Settings) -> Result<Option<String>, Failure> {
    Ok(contexts_named(global, settings)?.first().cloned().flatten())
}

/// The cluster that is meant; nothing is asked of it yet.
pub(super) fn reach(global: &Global, settings: &Settings) -> Result<Reached, Failure> {
    let runtime = runtime()?;
    if global.input.demo {
        let cluster = MemoryCluster::new(demo::cluster(), demo::objects(now()?));
        return Ok(Reached { cluster: Arc::new(cluster), runtime });
    }
    let options = connect_options(global, settings, context(global, settings)?.as_deref());
    let cluster = runtime.block_on(connect(&options))?;
    Ok(Reached { cluster, runtime })
}

/// The way to write to it, which `--readonly` keeps shut.
pub(super) fn writer(
    global: &Global,
    settings: &Settings,
    runtime: &Runtime,
) -> Result<Arc<dyn Writer>, Failure> {
    if settings.readonly.value {
        return Err(Failure::refused(READONLY));
    }
    let options = connect_options(global, settings, context(global, settings)?.as_deref());
    Ok(runtime.block_on(connect_writer(&options))?)
}

/// Where the journal of a cluster is.
pub(super) fn journal_of(
    global: &Global,
    settings: &Settings,
    info: &ClusterInfo,
) -> Result<PathBuf, Failure> {
    if global.input.no_store {
        return Err(Failure::usage(NO_JOURNAL));
    }
    Ok(kept::needed(global, settings)?.journal(&info.id))
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::refused(error.to_string())
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Cluster(error) => error.into(),
            RunError::Journal(error) => error.into(),
            RunError::Refused(why) => Self::refused(why),
        }
    }
}
