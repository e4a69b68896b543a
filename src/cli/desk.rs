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
        Ok(self.tried(plan, &[], &cluster.info().await?).await)
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
        Ok(self.tried(plan, &[], &info).await)
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
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::book::Inputs;
    use crate::change::run::Record;
    use crate::cluster::loader::{LoadOptions, load};
    use crate::cluster::memory::MemoryCluster;
    use crate::model::{ListKind, Policy};

    /// A desk at a cluster in which ann holds something, by a binding of her own.
    struct Made {
        folder: tempfile::TempDir,
        runtime: tokio::runtime::Runtime,
        cluster: MemoryCluster,
        desk: ClusterDesk,
    }

    const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";

    fn binding(name: &str) -> Value {
        json!({"metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"},
            "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "ann"}]})
    }

    impl Made {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let info = ClusterInfo {
                id: "memory".into(),
                name: "memory".into(),
                ..ClusterInfo::default()
            };
            let cluster = MemoryCluster::new(info, []);
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            let (place, writer) = (folder.path().join("journal"), cluster.clone());
            let desk = ClusterDesk {
                again: String::new(),
                cluster: Arc::new(cluster.clone()),
                writer: Box::new(move || {
                    let writer: Arc<dyn Writer> = Arc::new(writer.clone());
                    Ok(Box::pin(async move { Ok(writer) }))
                }),
                journal: Box::new(move |_| Ok(place.clone())),
                kubeconfigs: None,
                runtime: runtime.handle().clone(),
            };
            let made = Self { folder, runtime, cluster, desk };
            let rules = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]);
            made.create(
                &BINDINGS.replace("bindings", "s"),
                &json!({"metadata": {"name": "r"}, "rules": rules}),
            );
            made.create(BINDINGS, &binding("lone"));
            made
        }

        fn create(&self, place: &str, object: &Value) {
            let made = self.cluster.create(place, object, crate::cluster::DryRun::No);
            self.runtime.block_on(made).expect("made");
        }

        fn book(&self, activity: Option<crate::model::Activity>, log: LogState) -> Book {
            let options = LoadOptions::only(&ListKind::ALL);
            let snapshot =
                self.runtime.block_on(load(&self.cluster, &options)).expect("a snapshot");
            Book::build(Inputs {
                snapshot: Arc::new(snapshot),
                activity: activity.map(Arc::new),
                log,
                policy: Arc::new(Policy::default()),
                now: chrono::Utc::now(),
            })
        }

        fn apply(&self, book: &Book, planned: &Planned) -> Result<Applied, String> {
            self.desk.apply(Some(book), planned, None, &AtomicBool::new(false), &mut |_| {})
        }
    }

    #[test]
    fn a_plan_that_was_on_the_screen_for_long_is_looked_at_again_as_the_command_does() {
        let made = Made::new();
        let book = made.book(None, LogState::None);
        let intents = ["user:ann".parse().expect("an intent")];
        let shown = made.desk.plan(&book, &intents).expect("a plan");
        assert_eq!((shown.problems.len(), shown.notes.len()), (0, 0));
        let is_there =
            || made.runtime.block_on(made.cluster.get(&format!("{BINDINGS}/lone"))).is_ok();
        // Somebody grants more.
        made.create(BINDINGS, &binding("more"));
        let refused = made.apply(&book, &shown).expect_err("more would stay");
        let since = "user:ann: more is granted to it since the plan was made on";
        assert!(refused.contains("make the plan again") && refused.contains(since), "{refused}");
        assert!(is_there());
        // What is to be known by now and was not on the screen.
        let book = made.book(None, LogState::None);
        let shown = made.desk.plan(&book, &intents).expect("a plan");
        let mut old = shown.clone();
        old.plan.metadata.made_at -= chrono::TimeDelta::days(3);
        let refused = made.apply(&book, &old).expect_err("there is more to know");
        assert!(refused.contains(", 3 days ago"), "{refused}");
        assert!(is_there());
        // It is applied where that was shown.
        old.notes = refused
            .lines()
            .filter_map(|line| line.strip_prefix("note: "))
            .map(str::to_owned)
            .collect();
        let done = made.apply(&book, &old).expect("applied");
        assert!(done.whole && !is_there(), "{:?}", done.lines);
    }

    #[test]
    fn what_a_plan_on_the_screen_narrows_is_held_against_the_log_as_it_is_by_then() {
        use crate::book::tests::world::{Row, World};

        let made = Made::new();
        let intents = ["crb:lone=user:ann".parse().expect("an intent")];
        let mut shown = made.desk.plan(&made.book(None, LogState::None), &intents).expect("a plan");
        let narrow = Intent::to_narrow("user:ann", crate::change::plan::Choices::default());
        shown.plan.intents = vec![narrow.expect("an intent")];
        shown.plan.metadata.made_at = "2026-03-20T00:00:00Z".parse().expect("a time");
        let mut parts = World::new().log(-12, 88).activity.expect("a log");
        Row::new("user:ann", "get pods@n/p", 88).put(&mut parts);
        let is_there =
            || made.runtime.block_on(made.cluster.get(&format!("{BINDINGS}/lone"))).is_ok();
        for (log, words) in [
            (LogState::Ready, "user:ann: get pods p in namespace n, the last on 2026-03-30"),
            (LogState::Reading { bytes: 0, of: None }, "the log could not be read whole"),
        ] {
            let book = made.book(Some(parts.clone().into()), log);
            let refused = made.apply(&book, &shown).expect_err("it would be refused");
            assert!(refused.contains(words), "{refused}");
            assert!(is_there());
        }
    }

    #[test]
    fn a_run_that_was_cut_off_is_gone_on_with_from_a_screen() {
        let made = Made::new();
        let path = made.folder.path().join("journal");
        let book = made.book(None, LogState::None);
        let desk = &made.desk;
        let intents = ["user:ann".parse().expect("an intent")];
        let planned = desk.plan(&book, &intents).expect("a plan");
        assert_eq!(planned.problems, Vec::<String>::new());
        // A process that ended with its write on the way.
        let plan = Box::new(planned.plan);
        let began = [
            Record::Began { run: 1, plan, by: None, out: None },
            Record::Writing { run: 1, step: 1 },
        ];
        let began: Vec<Value> =
            began.iter().map(|one| serde_json::to_value(one).expect("JSON")).collect();
        let mut journal = Journal::open(&path).expect("a journal");
        journal.append(chrono::Utc::now(), began).expect("written");
        drop(journal);
        let refused = desk.finishing(2).expect_err("no such run");
        assert!(refused.contains("no run 2"), "{refused}");
        let left = desk.finishing(1).expect("what is left of it");
        assert_eq!((left.finishes, left.problems.len()), (Some(1), 0));
        let stop = AtomicBool::new(false);
        let done = desk.apply(Some(&book), &left, None, &stop, &mut |_| {}).expect("gone on with");
        assert_eq!((done.run, done.whole), (1, true), "{:?}", done.lines);
        let gone = made.runtime.block_on(made.cluster.get(&format!("{BINDINGS}/lone")));
        assert!(gone.is_err(), "{gone:?}");
        let refused = desk.finishing(1).expect_err("it is done");
        assert!(refused.contains("run 1 is done"), "{refused}");
    }
}
