//! The desk of a screen: a live cluster or the demo's, with its journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures::future::BoxFuture;
use tokio::runtime::Handle;

use super::apply::{self, Work};
use super::exit::Failure;
use super::feeds::clock;
use super::journal;
use super::which_journal::Besides;
use crate::book::Book;
use crate::change::plan::{Input, Intent, Plan, make};
use crate::change::run::{self, Ended, History, Pace, Progress, Runner};
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
    /// Where kubeconfigs go whatever is said, of a cluster that nobody could use them for.
    pub(super) kubeconfigs: Option<PathBuf>,
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
        Ok(self.tried(plan, &cluster.info().await?).await)
    }

    /// Tries a Plan, where there is a way to write.
    async fn tried(&self, plan: Plan, info: &ClusterInfo) -> Planned {
        let confirm = if info.context.is_empty() { &info.name } else { &info.context };
        let confirm: Name = confirm.clone();
        let mut planned = Planned { plan, problems: Vec::new(), notes: Vec::new(), confirm };
        let tried = match self.open().await {
            Ok(writer) => {
                let work = Work { cluster: &*self.cluster, writer: &*writer, info, force: None };
                work.tried(&planned.plan, &[]).await
            }
            Err(refused) => Err(refused),
        };
        if let Err(refused) = (self.journal)(info) {
            planned.problems.push(refused.to_string());
        }
        match tried {
            Ok(notes) => planned.notes = notes,
            Err(refused) => planned.problems.push(refused.to_string()),
        }
        planned
    }

    /// Does something with what makes the writes, and with the journal.
    async fn run<T>(
        &self,
        folder: Option<&Path>,
        stop: &AtomicBool,
        told: &mut dyn FnMut(String),
        work: impl AsyncFnOnce(&mut Runner<'_>, &ClusterInfo) -> Result<T, Failure>,
    ) -> Result<(T, String), Failure> {
        let info = self.cluster.info().await?;
        let writer = self.open().await?;
        let mut journal = Journal::open(&(self.journal)(&info)?)?;
        let clock = clock();
        let mut progress = |made: Progress<'_>| {
            if let Some(line) = apply::words(&made) {
                told(line);
            }
        };
        let mut runner = Runner {
            cluster: &*self.cluster,
            writer: &*writer,
            journal: &mut journal,
            by: info.operator.clone(),
            clock: &*clock,
            progress: &mut progress,
            stop,
            pace: Pace::default(),
            out: folder,
            unwritten: Vec::new(),
        };
        let done = work(&mut runner, &info).await?;
        Ok((done, format!("journal: head {}", journal.head())))
    }

    async fn applied(
        &self,
        plan: &Plan,
        folder: Option<&Path>,
        stop: &AtomicBool,
        told: &mut dyn FnMut(String),
    ) -> Result<Applied, Failure> {
        let makes = run::makes_kubeconfigs(plan);
        let folder = folder.filter(|_| makes).map(|folder| match &self.kubeconfigs {
            Some(own) => Ok(own.clone()),
            None => std::path::absolute(folder)
                .map_err(|cause| Failure::usage(format!("{}: {cause}", folder.display()))),
        });
        let folder = folder.transpose()?;
        if let Some(folder) = &folder {
            run::is_free(plan, folder, &[]).map_err(Failure::refused)?;
        }
        let ((run, ended), head) = self
            .run(folder.as_deref(), stop, told, async |runner, info| {
                if plan.undoes.is_none() {
                    apply::was_applied(&runner.history()?, plan)?;
                    Work::is_not_in_the_way(runner, None)?;
                }
                // Between the plan and its confirmation, minutes may have gone by.
                let (cluster, writer) = (runner.cluster, runner.writer);
                Work { cluster, writer, info, force: None }.tried(plan, &[]).await?;
                Ok(runner.apply(plan).await?)
            })
            .await?;
        let mut lines = apply::outcome_lines(run, &ended);
        lines.push(head);
        if let Some(own) = self.kubeconfigs.as_ref().filter(|_| makes) {
            let place = own.display();
            lines.push(format!("the demo keeps its kubeconfigs in {place}, which goes with it"));
        }
        let whole = matches!(&ended, Ended::Done(differs) if differs.iter().all(|one| !one.known));
        Ok(Applied { run, whole, lines })
    }

    async fn undone(&self, run: u64) -> Result<Planned, Failure> {
        let (stop, mut told) = (AtomicBool::new(false), |_| {});
        let undoing =
            async |runner: &mut Runner<'_>, _: &ClusterInfo| Ok(runner.undoing(run).await?);
        let (plan, _) = self.run(None, &stop, &mut told, undoing).await?;
        let info = self.cluster.info().await?;
        Ok(self.tried(plan, &info).await)
    }

    async fn listed(&self) -> Result<Vec<String>, Failure> {
        let info = self.cluster.info().await?;
        let path = (self.journal)(&info)?;
        let entries = Journal::entries_at(&path)?;
        let mut lines = journal::listing(&History::read(&entries).map_err(Failure::refused)?);
        lines.extend(Besides::of(&path, &info).words());
        Ok(lines)
    }
}

impl Desk for ClusterDesk {
    fn plan(&self, book: &Book, intents: &[Intent]) -> Result<Planned, String> {
        self.runtime.block_on(self.made(book, intents)).map_err(|failure| failure.to_string())
    }

    fn undoing(&self, run: u64) -> Result<Planned, String> {
        self.runtime.block_on(self.undone(run)).map_err(|failure| failure.to_string())
    }

    fn journal(&self) -> Result<Vec<String>, String> {
        self.runtime.block_on(self.listed()).map_err(|failure| failure.to_string())
    }

    fn apply(
        &self,
        plan: &Plan,
        folder: Option<&Path>,
        stop: &AtomicBool,
        told: &mut dyn FnMut(String),
    ) -> Result<Applied, String> {
        let applied = self.applied(plan, folder, stop, told);
        self.runtime.block_on(applied).map_err(|failure| failure.to_string())
    }
}
