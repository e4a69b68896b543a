//! kill -9 at every write of a run and of its undoing, before and after the write was made.

use serde_json::{Value, json};

use super::faults::{Act, Faulty};
use super::{Desk, RBAC, World, binding, cluster, may, user, world};
use crate::support::cluster::Cluster;

/// Every point at which a run of four writes can be cut off: the write at hand never made, or made
/// and its answer never seen.
fn points() -> impl Iterator<Item = (usize, Act)> {
    (0..4).flat_map(|write| [(write, Act::HoldBefore), (write, Act::HoldAfter)])
}

fn acts(write: usize, last: Act) -> Vec<Act> {
    std::iter::repeat_n(Act::Pass, write).chain([last]).collect()
}

/// Starts a command, and kills it at a write.
pub(super) fn killed_at(faulty: &Faulty, desk: &Desk, (write, act): (usize, Act), words: &[&str]) {
    faulty.next(&acts(write, act));
    let mut process = desk.start(words);
    faulty.await_held();
    process.kill().expect("kill -9");
    process.wait().expect("it is dead");
    assert_eq!(faulty.writes().len(), write + 1);
    faulty.next(&[]);
}

struct Killed<'a> {
    cluster: &'a Cluster,
    faulty: &'a Faulty,
    world: World,
    desk: Desk,
}

impl<'a> Killed<'a> {
    fn new(cluster: &'a Cluster, faulty: &'a Faulty, ns: &str) -> Self {
        let world = world(cluster, ns);
        let mut desk = Desk::new(cluster.kubeconfig());
        desk.by(&faulty.kubeconfig());
        Self { cluster, faulty, world, desk }
    }

    fn killed_at(&self, point: (usize, Act), words: &[&str]) {
        killed_at(self.faulty, &self.desk, point, words);
    }

    fn plan(&self) -> String {
        let all = self.world.all();
        self.desk.plan(&[&all[0], &all[1]])
    }

    fn done(&self, words: &[&str]) {
        self.desk.keybook(&[words, &["--yes", "faulty"]].concat()).ends_with(0);
    }
}

#[test]
fn a_run_that_is_killed_at_any_write_is_finished_or_undone_as_if_it_was_not() {
    let Some(cluster) = cluster() else { return };
    let faulty = Faulty::start(&cluster);
    for (at, point) in points().enumerate() {
        for finish in [true, false] {
            let ns = format!("run-{at}-{finish}");
            let it = Killed::new(&cluster, &faulty, &ns);
            let before = it.world.state(&cluster);
            let plan = it.plan();
            it.killed_at(point, &["apply", &plan, "--yes", "faulty"]);
            // It is found at the next start, and nothing else is begun. Finishing may be killed too.
            it.desk.keybook(&["journal"]).ends_with(0).says("run 1 was cut off");
            it.desk.keybook(&["due"]).ends_with(1).says("run 1 was cut off");
            let other = it.desk.keybook(&["apply", &plan, "--yes", "faulty"]);
            other.ends_with(5).says("run 1 was cut off");
            if finish {
                let made = point.0 + usize::from(point.1 == Act::HoldAfter);
                if made < 4 {
                    it.killed_at((0, point.1), &["apply", "--finish", "1", "--yes", "faulty"]);
                }
                it.done(&["apply", "--finish", "1"]);
                assert_eq!(it.world.state(&cluster), it.world.revoked(&before), "{point:?}");
                it.desk.keybook(&["verify", "1"]).ends_with(0);
            }
            it.done(&["undo", "1"]);
            it.world.await_token(it.cluster);
            assert_eq!(it.world.state(&cluster), before, "{point:?} finish {finish}");
        }
    }
}

#[test]
fn undoing_that_is_killed_at_any_write_is_finished_or_undone_itself() {
    let Some(cluster) = cluster() else { return };
    let faulty = Faulty::start(&cluster);
    for (at, point) in points().enumerate() {
        let it = Killed::new(&cluster, &faulty, &format!("undo-{at}"));
        let before = it.world.state(&cluster);
        let plan = it.plan();
        it.done(&["apply", &plan]);
        let revoked = it.world.state(&cluster);
        assert_eq!(revoked, it.world.revoked(&before));
        it.killed_at(point, &["undo", "1", "--yes", "faulty"]);
        it.desk.keybook(&["undo", "1"]).ends_with(5).says("run 2 is undoing run 1");
        if at % 2 == 0 {
            it.done(&["apply", "--finish", "2"]);
            it.world.await_token(it.cluster);
            assert_eq!(it.world.state(&cluster), before, "{point:?}");
        } else {
            // Taken back itself, it leaves what the run had left.
            it.done(&["undo", "2"]);
            assert_eq!(it.world.state(&cluster), revoked, "{point:?}");
        }
    }
}

/// Roles and bindings of the namespace as they read, without what the server sets.
fn roles(cluster: &Cluster) -> Vec<Value> {
    let list = cluster.kubectl_ok(&["get", "roles,rolebindings", "-n", "narrow", "-o", "json"]);
    let mut list: Value = serde_json::from_str(&list).expect("JSON");
    let items = list["items"].as_array_mut().expect("items");
    for item in &mut *items {
        let meta = item["metadata"].as_object_mut().expect("metadata");
        for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
            meta.remove(field);
        }
    }
    std::mem::take(items)
}

#[test]
fn narrowing_that_is_killed_at_any_write_is_finished_or_undone_as_if_it_was_not() {
    let Some(cluster) = cluster() else { return };
    let faulty = Faulty::start(&cluster);
    let kim = json!([user("kim@corp.example")]);
    let mut own = binding(Some("narrow"), "own", "own", &kim);
    own["roleRef"]["kind"] = json!("Role");
    let objects = [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "narrow"}}),
        json!({"apiVersion": RBAC, "kind": "Role", "metadata": {"name": "own", "namespace": "narrow"},
            "rules": [{"verbs": ["get", "list", "delete"], "apiGroups": [""],
                "resources": ["configmaps"]}]}),
        own,
        binding(Some("narrow"), "lone", "edit", &kim),
    ];
    let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
    cluster.load(&lines.join("\n"));
    let client = cluster.client_cert("kim@corp.example", &[]).kubeconfig;
    for what in ["configmap", "pod"] {
        let args = ["get", what, "no-such", "-n", "narrow", "--ignore-not-found"];
        assert!(may(&cluster, &client, &args));
    }
    let mut desk = Desk::new(cluster.kubeconfig());
    desk.by(&faulty.kubeconfig());
    let log = cluster.audit_log().display().to_string();
    let file = desk.folder.path().join("plan.yaml").display().to_string();
    let plan = || {
        if std::fs::exists(&file).expect("a folder") {
            std::fs::remove_file(&file).expect("the plan before");
        }
        let words =
            ["narrow", "user:kim@corp.example", "--audit", &log, "--no-store", "--out", &file];
        desk.keybook(&[&words[..], &["--younger-than", "0", "--single-verbs"]].concat())
            .ends_with(0);
    };
    let done = |words: &[&str]| {
        desk.keybook(&[words, &["--yes", "faulty"]].concat()).ends_with(0);
    };
    let mut run = 1;
    let before = roles(&cluster);
    plan();
    done(&["apply", &file]);
    let narrowed = roles(&cluster);
    // A role of its own edited, of the shared one a copy bound in place of the binding.
    assert_eq!((before.len(), narrowed.len()), (3, 4), "{narrowed:?}");
    done(&["undo", "1"]);
    assert_eq!(roles(&cluster), before);
    for point in points() {
        for finish in [true, false] {
            run += 2;
            let (of_run, of_undo) = (run.to_string(), (run + 1).to_string());
            plan();
            killed_at(&faulty, &desk, point, &["apply", &file, "--yes", "faulty"]);
            if finish {
                done(&["apply", "--finish", &of_run]);
                assert_eq!(roles(&cluster), narrowed, "{point:?}");
                killed_at(&faulty, &desk, point, &["undo", &of_run, "--yes", "faulty"]);
                done(&["apply", "--finish", &of_undo]);
            } else {
                done(&["undo", &of_run]);
            }
            assert_eq!(roles(&cluster), before, "{point:?} finish {finish}");
        }
    }
}
