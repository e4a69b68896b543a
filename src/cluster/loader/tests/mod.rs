//! The loader against a cluster in memory. Time is the test's own: pauses cost nothing.

mod away;
mod follows;
mod loads;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};

use super::{Changes, LoadOptions, follow, load, refollow};
use crate::cluster::memory::{MemoryCluster, Operator};
use crate::model::{Change, ClusterInfo, Health, ListKind, Object, Snapshot};

/// How long anything may take, in the test's own time.
const PATIENCE: Duration = Duration::from_hours(1);

fn object(value: &Value) -> Object {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let read = Object::read(&text("apiVersion"), &text("kind"), value);
    read.expect("an object").expect("a known kind")
}

fn plain(api_version: &str, kind: &str, namespace: &str, name: &str) -> Object {
    let mut value = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
    if !namespace.is_empty() {
        value["metadata"]["namespace"] = json!(namespace);
    }
    if kind.ends_with("Binding") {
        value["roleRef"] = json!({"kind": "ClusterRole", "name": "reader"});
        value["subjects"] = json!([]);
    }
    object(&value)
}

fn namespace(name: &str) -> Object {
    plain("v1", "Namespace", "", name)
}

fn account(namespace: &str, name: &str) -> Object {
    plain("v1", "ServiceAccount", namespace, name)
}

fn rbac(kind: &str, namespace: &str, name: &str) -> Object {
    plain("rbac.authorization.k8s.io/v1", kind, namespace, name)
}

fn deployment(namespace: &str, name: &str) -> Object {
    plain("apps/v1", "Deployment", namespace, name)
}

/// Two namespaces with something in each, and what holds cluster-wide.
fn world() -> Vec<Object> {
    let mut objects =
        vec![rbac("ClusterRole", "", "reader"), rbac("ClusterRoleBinding", "", "all")];
    for ns in ["pay", "shop"] {
        objects.push(namespace(ns));
        objects.push(account(ns, "default"));
        objects.push(rbac("Role", ns, "r"));
        objects.push(rbac("RoleBinding", ns, "b"));
        objects.push(deployment(ns, "web"));
        objects.push(plain("batch/v1", "Job", ns, "once"));
        objects.push(plain("v1", "Pod", ns, "web-0"));
    }
    objects
}

fn cluster(objects: Vec<Object>) -> MemoryCluster {
    let info = ClusterInfo { id: "c".into(), name: "test".into(), ..ClusterInfo::default() };
    MemoryCluster::new(info, objects)
}

/// The cluster as someone sees it who may read everything in some namespaces, and some lists
/// elsewhere.
fn confined(cluster: &MemoryCluster, namespaces: &[&str], cluster_wide: &[&str]) -> MemoryCluster {
    cluster.put(object(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "everything"},
        "rules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
    })));
    for ns in namespaces {
        cluster.put(object(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "mine", "namespace": ns},
            "roleRef": {"kind": "ClusterRole", "name": "everything"},
            "subjects": [{"kind": "User", "name": "ada@corp.example"}],
        })));
    }
    cluster.put(object(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "some"},
        "rules": [{"verbs": ["list", "watch"], "apiGroups": ["*"], "resources": cluster_wide}],
    })));
    cluster.put(object(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "some"},
        "roleRef": {"kind": "ClusterRole", "name": "some"},
        "subjects": [{"kind": "User", "name": "ada@corp.example"}],
    })));
    cluster.operated_by(Operator::new("ada@corp.example", &[]))
}

async fn loaded(cluster: &MemoryCluster, options: &LoadOptions) -> Snapshot {
    load(cluster, options).await.expect("a snapshot")
}

fn health(snapshot: &Snapshot, list: ListKind) -> Health {
    snapshot.list(list).health
}

fn reason(snapshot: &Snapshot, list: ListKind) -> String {
    snapshot.list(list).reason.map(|reason| reason.to_string()).unwrap_or_default()
}

/// A snapshot that is kept current.
struct Followed {
    changes: Changes,
    snapshot: Snapshot,
}

impl Followed {
    fn new(cluster: &MemoryCluster, options: LoadOptions) -> Self {
        let changes = follow(Arc::new(cluster.clone()), options);
        Self { changes, snapshot: Snapshot::default() }
    }

    /// Reads everything again, over what is there.
    fn again(&mut self, cluster: &MemoryCluster, options: LoadOptions) {
        self.changes = refollow(Arc::new(cluster.clone()), options);
    }

    /// Takes changes over until something holds.
    async fn until(&mut self, what: &str, holds: impl Fn(&Snapshot) -> bool) {
        let work = async {
            while !holds(&self.snapshot) {
                let change = self.changes.next().await.expect("changes never end");
                self.snapshot.apply(change);
            }
        };
        let waited = tokio::time::timeout(PATIENCE, work).await;
        assert!(waited.is_ok(), "waited in vain for {what}: {:#?}", self.snapshot.lists);
    }

    async fn until_settled(&mut self) {
        self.until("every list", |snapshot| {
            snapshot.lists.len() == ListKind::ALL.len()
                && snapshot.lists.values().all(|state| state.health != Health::Loading)
                && !snapshot.cluster.id.is_empty()
        })
        .await;
    }

    /// Takes changes over until the snapshot is as a fresh load would have it.
    async fn until_fresh(&mut self, cluster: &MemoryCluster, options: &LoadOptions) {
        let mut fresh = loaded(cluster, options).await;
        fresh.taken_at = None;
        self.until("a fresh load", |snapshot| {
            Snapshot { taken_at: None, ..snapshot.clone() } == fresh
        })
        .await;
    }
}

/// The order in which lists were settled, and in which the first rows came.
fn order(changes: &[Change]) -> (Vec<ListKind>, Option<usize>) {
    let settled = changes.iter().filter_map(|change| match change {
        Change::List(list, state) if state.health != Health::Loading => Some(*list),
        _ => None,
    });
    let first_rows = changes.iter().position(|change| matches!(change, Change::Applied(_)));
    (settled.collect(), first_rows)
}
