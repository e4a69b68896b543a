//! The desk of a screen: a live cluster or the demo's, with its journal.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures::future::BoxFuture;
use tokio::runtime::Handle;

use super::apply::{self, Work};
use super::exit::Failure;
use super::feeds::clock;
use crate::book::Book;
use crate::change::plan::{Input, Intent, Plan, make};
use crate::change::run::{self, Ended, Pace, Progress, Runner};
use crate::change::{Applied, Desk, Planned};
use crate::cluster::{Cluster, Writer};
use crate::model::{ClusterInfo, Name};
use crate::store::Journal;

/// The way to write, on its way.
type Opening = BoxFuture<'static, Result<Arc<dyn Writer>, Failure>>;

/// The way to write, made when it is needed; refused where nothing may be written.
type Open = Box<dyn Fn() -> Result<Opening, Failure> + Send + Sync>;

/// Where the journal of a cluster is.
type Place = Box<dyn Fn(&ClusterInfo) -> Result<PathBuf, Failure> + Send + Sync>;

/// One cluster's.
pub(super) struct ClusterDesk {
    pub(super) cluster: Arc<dyn Cluster>,
    pub(super) writer: Open,
    pub(super) journal: Place,
    pub(super) runtime: Handle,
}

impl ClusterDesk {
    async fn open(&self) -> Result<Arc<dyn Writer>, Failure> {
        (self.writer)()?.await
    }

    async fn made(&self, book: &Book, intents: &[Intent]) -> Result<Planned, Failure> {
        let cluster = &*self.cluster;
        let fresh = run::fresh(cluster, book, intents).await?;
        let operator = run::operator(cluster).await?;
        let plan = make(&Input {
            book,
            intents,
            fresh: &fresh,
            operator: operator.as_ref(),
            despite_owners: false,
            now: clock()(),
        })?;
        let info = cluster.info().await?;
        let confirm = if info.context.is_empty() { &info.name } else { &info.context };
        let confirm: Name = confirm.clone();
        let mut planned = Planned { plan, problems: Vec::new(), notes: Vec::new(), confirm };
        let writer = match self.open().await {
            Ok(writer) => writer,
            Err(refused) => {
                planned.problems.push(refused.to_string());
                return Ok(planned);
            }
        };
        let work = Work { cluster, writer: &*writer, info: &info, force: None };
        match work.tried(&planned.plan, &[]).await {
            Ok(notes) => planned.notes = notes,
            Err(refused) => planned.problems.push(refused.to_string()),
        }
        Ok(planned)
    }

    async fn applied(
        &self,
        plan: &Plan,
        stop: &AtomicBool,
        told: &mut dyn FnMut(String),
    ) -> Result<Applied, Failure> {
        let cluster = &*self.cluster;
        let info = cluster.info().await?;
        let writer = self.open().await?;
        let mut journal = Journal::open(&(self.journal)(&info)?)?;
        let clock = clock();
        let mut progress = |made: Progress<'_>| {
            if let Some(line) = apply::words(&made) {
                told(line);
            }
        };
        let mut runner = Runner {
            cluster,
            writer: &*writer,
            journal: &mut journal,
            by: info.operator.clone(),
            clock: &*clock,
            progress: &mut progress,
            stop,
            pace: Pace::default(),
            unwritten: Vec::new(),
        };
        apply::was_applied(&runner.history()?, plan)?;
        Work::is_not_in_the_way(&runner, None)?;
        // Between the plan and its confirmation, minutes may have gone by.
        let work = Work { cluster, writer: &*writer, info: &info, force: None };
        work.tried(plan, &[]).await?;
        let (run, ended) = runner.apply(plan).await?;
        let mut lines = apply::outcome_lines(run, &ended);
        lines.push(format!("journal: head {}", journal.head()));
        let whole = matches!(&ended, Ended::Done(differs) if differs.iter().all(|one| !one.known));
        Ok(Applied { run, whole, lines })
    }
}

impl Desk for ClusterDesk {
    fn plan(&self, book: &Book, intents: &[Intent]) -> Result<Planned, String> {
        self.runtime.block_on(self.made(book, intents)).map_err(|failure| failure.to_string())
    }

    fn apply(
        &self,
        plan: &Plan,
        stop: &AtomicBool,
        told: &mut dyn FnMut(String),
    ) -> Result<Applied, String> {
        let applied = self.applied(plan, stop, told);
        self.runtime.block_on(applied).map_err(|failure| failure.to_string())
    }
}
