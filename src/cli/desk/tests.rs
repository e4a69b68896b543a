//! Plans that are looked at on a screen for long, and runs that were cut off.

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
        let info =
            ClusterInfo { id: "memory".into(), name: "memory".into(), ..ClusterInfo::default() };
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
        let snapshot = self.runtime.block_on(load(&self.cluster, &options)).expect("a snapshot");
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
    let is_there = || made.runtime.block_on(made.cluster.get(&format!("{BINDINGS}/lone"))).is_ok();
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
    old.notes =
        refused.lines().filter_map(|line| line.strip_prefix("note: ")).map(str::to_owned).collect();
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
    // It was made by a log, as narrowing always is.
    let coverage = crate::change::plan::CoverageRef { from: None, to: None, gaps: 0 };
    shown.plan.metadata.coverage = Some(coverage);
    let mut parts = World::new().log(-12, 88).activity.expect("a log");
    Row::new("user:ann", "get pods@n/p", 88).put(&mut parts);
    let is_there = || made.runtime.block_on(made.cluster.get(&format!("{BINDINGS}/lone"))).is_ok();
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
    let began =
        [Record::Began { run: 1, plan, by: None, out: None }, Record::Writing { run: 1, step: 1 }];
    let began: Vec<Value> =
        began.iter().map(|one| serde_json::to_value(one).expect("JSON")).collect();
    let mut journal = Journal::open(&path).expect("a journal");
    journal.append(chrono::Utc::now(), began).expect("written");
    drop(journal);
    let refused = desk.finishing(2).expect_err("no such run");
    assert!(refused.contains("no run 2"), "{refused}");
    // It is found when a screen is opened, and stands in the way of all else.
    assert_eq!(desk.cut_off(), Ok(Some(1)));
    let shown = desk.plan(&book, &intents).expect("a plan");
    let said = "run 1 was cut off, and nothing else is begun: :finish 1 goes on with it";
    assert!(shown.problems.iter().any(|problem| problem.starts_with(said)), "{shown:?}");
    assert_eq!(desk.undoing(1).expect("what takes it back").problems, Vec::<String>::new());
    let left = desk.finishing(1).expect("what is left of it");
    assert_eq!((left.finishes, left.problems.len()), (Some(1), 0));
    let stop = AtomicBool::new(false);
    let done = desk.apply(Some(&book), &left, None, &stop, &mut |_| {}).expect("gone on with");
    assert_eq!((done.run, done.whole), (1, true), "{:?}", done.lines);
    let gone = made.runtime.block_on(made.cluster.get(&format!("{BINDINGS}/lone")));
    assert!(gone.is_err(), "{gone:?}");
    assert_eq!(desk.cut_off(), Ok(None));
    let refused = desk.finishing(1).expect_err("it is done");
    assert!(refused.contains("run 1 is done"), "{refused}");
}

#[test]
fn a_plan_that_was_made_before_the_log_was_read_is_made_again() {
    use crate::book::tests::world::{Row, World};

    let made = Made::new();
    let intents = ["user:ann".parse().expect("an intent")];
    let reading = made.book(None, LogState::Reading { bytes: 1, of: None });
    let shown = made.desk.plan(&reading, &intents).expect("a plan");
    let warns = |planned: &Planned| {
        planned.plan.warnings.iter().any(|one| one.starts_with("the log is still being read"))
    };
    assert!(warns(&shown), "{:?}", shown.plan.warnings);
    let mut parts = World::new().log(-12, 88).activity.expect("a log");
    Row::new("user:ann", "get pods@n/p", 88).put(&mut parts);
    let book = made.book(Some(parts.into()), LogState::Ready);
    let refused = made.apply(&book, &shown).expect_err("it says nothing of use");
    assert!(refused.contains("the log has been read since the plan was made"), "{refused}");
    let again = made.desk.plan(&book, &intents).expect("a plan");
    assert!(!warns(&again), "{:?}", again.plan.warnings);
    assert!(made.apply(&book, &again).expect("applied").whole);
}
