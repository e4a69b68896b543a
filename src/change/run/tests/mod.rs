//! Runs against the model of a cluster in memory: cut off at every point, refused, raced, and undone.

mod against;
mod cut_off;
mod due;
mod edited;
mod in_part;
mod rights;
mod secrets;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::*;
use crate::book::{Book, Inputs, LogState};
use crate::change::plan::{Input, Intent, Plan, make, without_server_fields};
use crate::cluster::loader::{LoadOptions, load};
use crate::cluster::memory::{Call, Fault, MemoryCluster, Operator, Trouble};
use crate::cluster::{Cluster, DryRun, Preconditions, Writer};
use crate::model::{AuditPolicy, ClusterInfo, ListKind, Policy};
use crate::store::Journal;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

fn now() -> DateTime<Utc> {
    "2026-03-31T12:00:00Z".parse().expect("a time")
}

fn pace() -> Pace {
    Pace {
        attempts: 3,
        pause: Duration::from_millis(1),
        longest: Duration::from_millis(2),
        patience: Duration::ZERO,
    }
}

fn user(name: &str) -> Value {
    json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name})
}

/// Where the four bindings of [`cluster`] are.
fn paths() -> [String; 4] {
    let inside = |name: &str| format!("{RBAC}/namespaces/n/rolebindings/{name}");
    [format!("{RBAC}/clusterrolebindings/every"), inside("both"), inside("lone"), inside("other")]
}

async fn cluster() -> MemoryCluster {
    let info = ClusterInfo { id: "memory".into(), name: "memory".into(), ..ClusterInfo::default() };
    let cluster = MemoryCluster::new(info, []);
    let make = async |collection: &str, object: Value| {
        cluster.create(collection, &object, DryRun::No).await.expect("create");
    };
    make("/api/v1/namespaces", json!({"kind": "Namespace", "metadata": {"name": "n"}})).await;
    let rules = json!([{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}]);
    let role = json!({"kind": "ClusterRole", "metadata": {"name": "reader"}, "rules": rules});
    make(&format!("{RBAC}/clusterroles"), role).await;
    for (path, subjects) in paths().iter().zip([
        json!([user("ann"), user("bob")]),
        json!([user("ann"), user("bob")]),
        json!([user("ann")]),
        json!([user("bob")]),
    ]) {
        let (collection, name) = path.rsplit_once('/').expect("a path");
        let binding = json!({
            "metadata": {"name": name, "annotations": {"example.org/why": name}},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"},
            "subjects": subjects,
        });
        make(collection, binding).await;
    }
    cluster
}

async fn plan(cluster: &MemoryCluster, intents: &[&str]) -> Plan {
    let intents: Vec<Intent> = intents.iter().map(|it| it.parse().expect("an intent")).collect();
    let snapshot = load(cluster, &LoadOptions::only(&ListKind::ALL)).await.expect("a snapshot");
    let book = Book::build(Inputs {
        snapshot: Arc::new(snapshot),
        activity: None,
        log: LogState::None,
        policy: Arc::new(Policy {
            audit: Some(Arc::new(AuditPolicy::of_everything())),
            ..Policy::default()
        }),
        now: now(),
    });
    let fresh = fresh(cluster, &book, &intents).await.expect("images");
    let input = Input {
        book: &book,
        intents: &intents,
        fresh: &fresh,
        operator: None,
        despite_owners: false,
        now: now(),
    };
    make(&input).expect("a plan")
}

/// The four bindings as they stand, but for what the server sets.
async fn state(cluster: &MemoryCluster) -> BTreeMap<String, Option<Value>> {
    let mut state = BTreeMap::new();
    for path in paths() {
        let object = cluster.get(&path).await.ok();
        state.insert(path, object.map(without_server_fields));
    }
    state
}

/// A journal in a folder of its own.
struct Desk {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { path: folder.path().join("journal.jsonl"), _folder: folder }
    }

    /// What a keybook does from its start to its end: it has the journal to itself.
    async fn at_work<T>(
        &self,
        cluster: &dyn Cluster,
        writer: &dyn Writer,
        work: impl AsyncFnOnce(&mut Runner<'_>) -> T,
    ) -> T {
        let mut journal = Journal::open(&self.path).expect("the journal");
        let mut runner = Runner {
            cluster,
            writer,
            journal: &mut journal,
            by: Some("operator".into()),
            clock: &now,
            progress: &mut |_| {},
            stop: &AtomicBool::new(false),
            pace: pace(),
            out: None,
            again: "",
            unwritten: Vec::new(),
        };
        work(&mut runner).await
    }

    fn history(&self) -> History {
        History::read(&Journal::entries_at(&self.path).expect("entries")).expect("a history")
    }
}

async fn apply(
    desk: &Desk,
    cluster: &MemoryCluster,
    plan: &Plan,
) -> Result<(u64, Ended), RunError> {
    desk.at_work(cluster, cluster, async |runner| runner.apply(plan).await).await
}

async fn undo(desk: &Desk, cluster: &MemoryCluster, run: u64) -> Ended {
    desk.at_work(cluster, cluster, async |runner| {
        let plan = runner.undoing(run, Changed::Stops).await.expect("a plan that undoes");
        let found = preflight(cluster, cluster, &plan, &[]).await.expect("a preflight");
        assert_eq!(found.problems, Vec::<String>::new());
        runner.apply(&plan).await.expect("applied").1
    })
    .await
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

#[test]
fn a_plan_is_applied_and_undone() {
    block_on(async {
        let cluster = cluster().await;
        let before = state(&cluster).await;
        let plan = plan(&cluster, &["user:ann"]).await;
        assert_eq!(plan.steps.len(), 3);
        let found = preflight(&cluster, &cluster, &plan, &[]).await.expect("a preflight");
        assert_eq!(found, Preflight::default());
        assert_eq!(state(&cluster).await, before, "a preflight writes nothing");
        let desk = Desk::new();
        let (run, ended) = apply(&desk, &cluster, &plan).await.expect("applied");
        assert_eq!((run, ended), (1, Ended::Done(Vec::new())));
        let after = state(&cluster).await;
        let [every, both, lone, other] = paths();
        for path in [&every, &both] {
            assert_eq!(after[path].as_ref().expect("there")["subjects"], json!([user("bob")]));
        }
        assert_eq!((&after[&lone], &after[&other]), (&None, &before[&other]));
        assert_eq!(undo(&desk, &cluster, 1).await, Ended::Done(Vec::new()));
        assert_eq!(state(&cluster).await, before);
        let history = desk.history();
        assert_eq!(history.runs[&1].words(), "undone by run 2");
        // Undoing twice is refused, undoing the undoing is not.
        let again = desk
            .at_work(&cluster, &cluster, async |runner| runner.undoing(1, Changed::Stops).await)
            .await;
        assert!(matches!(again, Err(RunError::Refused(_))));
        assert_eq!(undo(&desk, &cluster, 2).await, Ended::Done(Vec::new()));
        assert_eq!(state(&cluster).await, after);
    });
}

#[test]
fn what_somebody_else_changed_stops_it() {
    block_on(async {
        let cluster = cluster().await;
        let plan = plan(&cluster, &["user:ann"]).await;
        let [every, both, lone, _] = paths();
        // The second of the three steps.
        assert_eq!(path_of(&plan.steps[1].target), both);
        let mut changed = cluster.get(&both).await.expect("there");
        changed["subjects"] = json!([user("ann"), user("eve")]);
        cluster.replace(&both, &changed, DryRun::No).await.expect("replace");
        let found = preflight(&cluster, &cluster, &plan, &[]).await.expect("a preflight");
        assert_eq!(found.problems.len(), 1, "{found:?}");
        assert!(found.problems[0].contains("RoleBinding n/both was changed"), "{found:?}");
        let desk = Desk::new();
        let (_, ended) = apply(&desk, &cluster, &plan).await.expect("a run");
        let Ended::Stopped { step: Some(2), why, .. } = ended else { panic!("{ended:?}") };
        assert!(why.contains("was changed since the plan was made"), "{why}");
        let kept = cluster.get(&both).await.expect("there");
        assert_eq!(kept["subjects"], json!([user("ann"), user("eve")]));
        assert!(cluster.get(&lone).await.is_ok(), "nothing after it was done");
        // What was made is undone; what somebody else wrote is left alone.
        assert_eq!(undo(&desk, &cluster, 1).await, Ended::Done(Vec::new()));
        let back = cluster.get(&every).await.expect("there");
        assert_eq!(back["subjects"], json!([user("ann"), user("bob")]));
    });
}

#[test]
fn gone_made_again_and_already_done_are_told_apart() {
    block_on(async {
        for (how, words) in [
            ("gone", "is gone"),
            ("again", "deleted and made again"),
            ("same", "how it is already"),
        ] {
            let cluster = cluster().await;
            let plan = plan(&cluster, &["rb:n/both=user:ann"]).await;
            let both = &paths()[1];
            let mut object = cluster.get(both).await.expect("there");
            if how == "same" {
                object["subjects"] = json!([user("bob")]);
                cluster.replace(both, &object, DryRun::No).await.expect("replace");
            } else {
                let any = Preconditions::default();
                cluster.delete(both, &any, DryRun::No).await.expect("delete");
            }
            if how == "again" {
                let (collection, _) = both.rsplit_once('/').expect("a path");
                let object = without_server_fields(object);
                cluster.create(collection, &object, DryRun::No).await.expect("create");
            }
            let now = state(&cluster).await;
            let found = preflight(&cluster, &cluster, &plan, &[]).await.expect("a preflight");
            assert!(found.problems[0].contains(words), "{how}: {found:?}");
            let desk = Desk::new();
            let (_, ended) = apply(&desk, &cluster, &plan).await.expect("a run");
            assert!(matches!(ended, Ended::Stopped { step: Some(1), .. }), "{how}: {ended:?}");
            assert_eq!(state(&cluster).await, now, "{how}");
        }
    });
}

#[test]
fn a_busy_server_is_waited_for_and_a_dead_one_is_not() {
    block_on(async {
        let busy = |status| Trouble::Busy { status, retry_after: Some(Duration::from_millis(1)) };
        for (trouble, times, done) in [
            (busy(429), 2, true),
            (busy(500), 2, true),
            (Trouble::Reset, 2, true),
            (busy(429), 9, false),
            (busy(503), 9, false),
            (Trouble::Forbidden("no".to_owned()), 1, false),
        ] {
            let cluster = cluster().await;
            let before = state(&cluster).await;
            let plan = plan(&cluster, &["rb:n/both=user:ann"]).await;
            let desk = Desk::new();
            // The trial passes, the write itself meets it.
            cluster.inject(Fault::always(Call::Write, trouble.clone()).after(1).times(times));
            let (_, ended) = apply(&desk, &cluster, &plan).await.expect("a run");
            cluster.heal();
            assert_eq!(matches!(ended, Ended::Done(_)), done, "{trouble:?} {ended:?}");
            if !done {
                assert_eq!(state(&cluster).await, before);
                let ended =
                    desk.at_work(&cluster, &cluster, async |runner| runner.finish(1).await).await;
                assert_eq!(ended.expect("finished"), Ended::Done(Vec::new()));
            }
            assert_eq!(undo(&desk, &cluster, 1).await, Ended::Done(Vec::new()));
            assert_eq!(state(&cluster).await, before, "{trouble:?}");
        }
    });
}

#[test]
fn a_write_that_is_put_back_is_seen() {
    block_on(async {
        let cluster = cluster().await;
        let before = cluster.get(&paths()[2]).await.expect("there");
        let plan = plan(&cluster, &["rb:n/lone=user:ann"]).await;
        let desk = Desk::new();
        apply(&desk, &cluster, &plan).await.expect("applied");
        let made = desk.history().runs[&1].made();
        let look = async || verify(&cluster, &plan, &made, Duration::ZERO).await.expect("answers");
        assert_eq!(look().await, []);
        let (collection, _) = paths()[2]
            .rsplit_once('/')
            .map(|(at, name)| (at.to_owned(), name.to_owned()))
            .expect("a path");
        cluster
            .create(&collection, &without_server_fields(before), DryRun::No)
            .await
            .expect("create");
        let differs = look().await;
        assert_eq!(differs[0].what, "RoleBinding n/lone");
        assert!(differs[0].how.contains("there again"), "{differs:?}");
        assert!(plan.verification.denied.is_empty(), "she may by another grant: that is said");
    });
}
