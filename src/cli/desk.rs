//! The desk of a screen: a live cluster or the demo's, with its journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures::future::BoxFuture;
use tokio::runtime::Handle;

use super::apply::{self, Work};
use super::exit::{Code, Failure};
use super::feeds::clock;
use super::which_journal::Besides;
use super::{fits, journal, outcome};
use crate::book::{Book, LogState};
use crate::change::plan::{Input, Intent, Plan, make};
use crate::change::run::{self, Changed, Ended, History, Pace, Progress, Runner};
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
    /// The options by which a command means the same cluster, a space before each.
    pub(super) again: String,
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
        let mut planned = self.tried(plan, &[], &info).await;
        planned.problems.extend(self.in_the_way(&info, None));
        Ok(planned)
    }

    fn open_run(&self, info: &ClusterInfo) -> Result<Option<u64>, Failure> {
        let history = History::read(&Journal::entries_at(&(self.journal)(info)?)?);
        Ok(history.map_err(Failure::refused)?.open().map(|run| run.id))
    }

    /// That a run was cut off, where it is not the one that is taken back.
    fn in_the_way(&self, info: &ClusterInfo, undoes: Option<u64>) -> Option<String> {
        // That a journal cannot be read is said where it is opened.
        let open = self.open_run(info).ok()?.filter(|open| Some(*open) != undoes)?;
        Some(format!(
            "run {open} was cut off, and nothing else is begun: :finish {open} goes on with it, :undo \
             {open} takes it back"
        ))
    }

    /// Tries a Plan, where there is a way to write.
    async fn tried(&self, plan: Plan, settled: &[u32], info: &ClusterInfo) -> Planned {
        let confirm = if info.context.is_empty() { &info.name } else { &info.context };
        let confirm: Name = confirm.clone();
        let (problems, notes) = (Vec::new(), Vec::new());
        let mut planned = Planned { plan, problems, notes, confirm, finishes: None };
        let tried = match self.open().await {
            Ok(writer) => {
                let work = Work {
                    cluster: &*self.cluster,
                    writer: &*writer,
                    info,
                    force: None,
                    again: &self.again,
                    held: true,
                };
                work.tried(&planned.plan, settled).await
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
            again: &self.again,
            unwritten: Vec::new(),
        };
        let done = work(&mut runner, &info).await?;
        Ok((done, format!("journal: head {}", journal.head())))
    }

    async fn applied(
        &self,
        book: Option<&Book>,
        planned: &Planned,
        folder: Option<&Path>,
        stop: &AtomicBool,
        told: &mut dyn FnMut(String),
    ) -> Result<Applied, Failure> {
        let plan = &planned.plan;
        let of_log = Self::fits_log(book, plan)?;
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
                // Between the plan and its confirmation, hours may have gone by.
                let (cluster, writer) = (runner.cluster, runner.writer);
                let work =
                    Work { cluster, writer, info, force: None, again: &self.again, held: true };
                (runner.progress)(Progress::Trying(plan.steps.len()));
                let notes = [of_log, work.tried(plan, &[]).await?].concat();
                Self::is_as_shown(&notes, &planned.notes)?;
                Ok(runner.apply(plan).await?)
            })
            .await?;
        let mut applied = self.came_out(run, plan, &ended, head);
        if let Some(own) = self.kubeconfigs.as_ref().filter(|_| makes) {
            let place = own.display();
            let line = format!("the demo keeps its kubeconfigs in {place}, which goes with it");
            applied.lines.push(line);
        }
        Ok(applied)
    }

    /// Whether a Plan that narrows or splits would refuse what the log shows by now; gives what has to be
    /// known besides.
    fn fits_log(book: Option<&Book>, plan: &Plan) -> Result<Vec<String>, Failure> {
        if plan.undoes.is_none()
            && plan.metadata.coverage.is_none()
            && book.is_some_and(|book| book.coverage().is_some())
        {
            return Err(Failure::refused(
                "nothing was written; the log has been read since the plan was made, which says nothing of \
                 what is in use: make the plan again",
            ));
        }
        let rests = plan.intents.iter().any(Intent::rests_on_log);
        let Some(book) = book.filter(|book| rests && book.log != LogState::None) else {
            return Ok(Vec::new());
        };
        if book.log.is_whole() {
            return fits::is_allowed_in(book, plan);
        }
        Err(Failure {
            code: Code::Incomplete,
            message: format!(
                "{}. Have it read again (ctrl-r), or save the plan and apply it with keybook apply",
                fits::NOT_WHOLE
            ),
        })
    }

    /// What has to be known was on the screen when the context's name was typed.
    fn is_as_shown(notes: &[String], shown: &[String]) -> Result<(), Failure> {
        let new: Vec<String> = notes
            .iter()
            .filter(|note| !shown.contains(note))
            .map(|note| format!("note: {note}"))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        Err(Failure::refused(format!(
            "nothing was written; there is more to know than when the plan was shown. Make it again, and \
             apply it then:\n{}",
            new.join("\n")
        )))
    }

    async fn undone(&self, run: u64) -> Result<Planned, Failure> {
        let (stop, mut told) = (AtomicBool::new(false), |_| {});
        let undoing = async |runner: &mut Runner<'_>, _: &ClusterInfo| {
            Ok(runner.undoing(run, Changed::Stops).await?)
        };
        let (plan, _) = self.run(None, &stop, &mut told, undoing).await?;
        let info = self.cluster.info().await?;
        let mut planned = self.tried(plan, &[], &info).await;
        planned.problems.extend(self.in_the_way(&info, Some(run)));
        Ok(planned)
    }

    async fn unfinished(&self, run: u64) -> Result<Planned, Failure> {
        let (stop, mut told) = (AtomicBool::new(false), |_| {});
        let finding = async |runner: &mut Runner<'_>, _: &ClusterInfo| {
            let found = apply::to_finish(runner, run)?;
            Work::is_not_in_the_way(runner, Some(&found))?;
            let untold = runner.untold(&found).await?;
            Ok((found, untold))
        };
        let ((found, untold), _) = self.run(None, &stop, &mut told, finding).await?;
        let info = self.cluster.info().await?;
        let settled = apply::settled(&found);
        let mut planned = self.tried(found.plan, &settled, &info).await;
        planned.problems.extend(untold);
        Ok(Planned { finishes: Some(run), ..planned })
    }

    async fn finished(
        &self,
        run: u64,
        stop: &AtomicBool,
        told: &mut dyn FnMut(String),
    ) -> Result<Applied, Failure> {
        let info = self.cluster.info().await?;
        let history = History::read(&Journal::entries_at(&(self.journal)(&info)?)?);
        let began = history.map_err(Failure::refused)?.runs.remove(&run).and_then(|run| run.out);
        let folder = began.map(PathBuf::from);
        let going_on = async |runner: &mut Runner<'_>, info: &ClusterInfo| {
            let found = apply::to_finish(runner, run)?;
            Work::is_not_in_the_way(runner, Some(&found))?;
            let settled = apply::settled(&found);
            if let Some(out) = runner.out.filter(|_| run::makes_kubeconfigs(&found.plan)) {
                run::is_free(&found.plan, out, &settled).map_err(Failure::refused)?;
            }
            let (cluster, writer) = (runner.cluster, runner.writer);
            (runner.progress)(Progress::Trying(found.plan.steps.len() - settled.len()));
            Work { cluster, writer, info, force: None, again: &self.again, held: true }
                .tried(&found.plan, &settled)
                .await?;
            Ok((runner.finish(run).await?, found.plan))
        };
        let ((ended, plan), head) = self.run(folder.as_deref(), stop, told, going_on).await?;
        Ok(self.came_out(run, &plan, &ended, head))
    }

    fn came_out(&self, run: u64, plan: &Plan, ended: &Ended, head: String) -> Applied {
        let mut lines = outcome::outcome_lines(run, plan, ended, &self.again);
        lines.push(head);
        let whole = matches!(ended, Ended::Done(differs) if differs.iter().all(|one| !one.known));
        Applied { run, whole, lines }
    }

    async fn listed(&self) -> Result<Vec<String>, Failure> {
        let info = self.cluster.info().await?;
        let path = (self.journal)(&info)?;
        let entries = Journal::entries_at(&path)?;
        let mut lines =
            journal::listing(&History::read(&entries).map_err(Failure::refused)?, &self.again);
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

    fn finishing(&self, run: u64) -> Result<Planned, String> {
        self.runtime.block_on(self.unfinished(run)).map_err(|failure| failure.to_string())
    }

    fn journal(&self) -> Result<Vec<String>, String> {
        self.runtime.block_on(self.listed()).map_err(|failure| failure.to_string())
    }

    fn cut_off(&self) -> Result<Option<u64>, String> {
        let found = self.runtime.block_on(async { self.open_run(&self.cluster.info().await?) });
        found.map_err(|failure| failure.to_string())
    }

    fn apply(
        &self,
        book: Option<&Book>,
        planned: &Planned,
        folder: Option<&Path>,
        stop: &AtomicBool,
        told: &mut dyn FnMut(String),
    ) -> Result<Applied, String> {
        let applied = match planned.finishes {
            Some(run) => self.runtime.block_on(self.finished(run, stop, told)),
            None => self.runtime.block_on(self.applied(book, planned, folder, stop, told)),
        };
        applied.map_err(|failure| failure.to_string())
    }
}

#[cfg(test)]
mod tests;
