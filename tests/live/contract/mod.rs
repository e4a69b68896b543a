//! What a cluster does, whichever it is: the same assertions on the model in memory and on a real
//! API server.

mod reads;
mod writes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use keybook::cluster::kube::{ConnectOptions, connect, connect_writer};
use keybook::cluster::memory::{MemoryCluster, Operator};
use keybook::cluster::{Cluster, DryRun, Error, Extent, Preconditions, Source, TokenAsk, Writer};
use keybook::model::{ClusterInfo, ListKind, Name};
use serde_json::{Value, json};

use crate::support::cluster::{self, Options};
use crate::support::process::PATIENCE;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// A user of both clusters, in the groups platform and engineering.
const ADA: &str = "ada@corp.example";

/// A cluster under test.
struct Subject {
    cluster: Arc<dyn Cluster>,
    writer: Arc<dyn Writer>,
    /// The same as ada sees and writes it.
    ada: Arc<dyn Cluster>,
    ada_writer: Arc<dyn Writer>,
    forget_the_past: Box<dyn Fn()>,
}

fn block_on(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work);
}

#[test]
fn the_model_in_memory_keeps_the_contract() {
    block_on(async {
        let info = ClusterInfo { id: "memory".into(), ..ClusterInfo::default() };
        let cluster = MemoryCluster::new(info, []);
        let ada = cluster.operated_by(Operator::new(ADA, &["platform", "engineering"]));
        holds(&Subject {
            cluster: Arc::new(cluster.clone()),
            writer: Arc::new(cluster.clone()),
            ada: Arc::new(ada.clone()),
            ada_writer: Arc::new(ada),
            forget_the_past: Box::new(move || cluster.compact()),
        })
        .await;
    });
}

#[test]
fn a_real_api_server_keeps_the_contract() {
    let Some(real) = cluster::Cluster::start(&Options::default()) else { return };
    let real = Arc::new(real);
    block_on(async {
        let by = |kubeconfig| ConnectOptions {
            kubeconfig: Some(kubeconfig),
            ..ConnectOptions::default()
        };
        let (admin, ada) = (by(real.kubeconfig()), by(real.token("token-ada")));
        let forgetful = real.clone();
        holds(&Subject {
            cluster: connect(&admin).await.expect("connect"),
            writer: connect_writer(&admin).await.expect("connect"),
            ada: connect(&ada).await.expect("connect"),
            ada_writer: connect_writer(&ada).await.expect("connect"),
            forget_the_past: Box::new(move || forgetful.compact()),
        })
        .await;
    });
}

async fn holds(subject: &Subject) {
    for namespace in ["contract", "other"] {
        let object =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        subject.writer.create("/api/v1/namespaces", &object, DryRun::No).await.expect("create");
    }
    who_looks(subject).await;
    writes::creation(subject).await;
    writes::replacement(subject).await;
    writes::merging(subject).await;
    writes::deletion(subject).await;
    writes::tokens(subject).await;
    reads::pages(subject).await;
    reads::watches(subject).await;
    reads::secrets(subject).await;
    reads::refusals(subject).await;
    writes::reviews(subject).await;
    writes::escalation(subject).await;
    reads::served(subject).await;
    reads::forgetting(subject).await;
}

fn bindings(namespace: &str) -> String {
    format!("{RBAC}/namespaces/{namespace}/rolebindings")
}

fn binding(name: &str, role: &str, users: &[&str]) -> Value {
    let subject = |user: &&str| json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user});
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "annotations": {"example.org/why": "a test"}},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": users.iter().map(subject).collect::<Vec<_>>(),
    })
}

fn role(name: &str, rules: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    })
}

fn source(list: ListKind) -> &'static Source {
    &Source::of(list)[0]
}

fn inside(namespace: &str) -> Extent {
    Extent::Namespace(namespace.into())
}

async fn made(writer: &Arc<dyn Writer>, collection: &str, object: &Value) -> Value {
    writer.create(collection, object, DryRun::No).await.expect("create")
}

/// What an error is, for comparison with what it should be.
fn kind<T: std::fmt::Debug>(result: &Result<T, Error>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(Error::Forbidden { .. }) => "forbidden",
        Err(Error::NotFound { .. }) => "not found",
        Err(Error::Conflict { .. }) => "conflict",
        Err(Error::Invalid { .. }) => "invalid",
        Err(Error::Gone { .. }) => "gone",
        Err(_) => "another",
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

async fn who_looks(subject: &Subject) {
    let (all, ada) = (subject.cluster.info().await, subject.ada.info().await);
    let (all, ada) = (all.expect("info"), ada.expect("info"));
    assert!(!all.id.is_empty());
    assert_eq!(ada.operator.as_deref(), Some(ADA));
    assert_eq!((all.impersonator, ada.impersonator), (None, None));
    let user = subject.ada.user().await.expect("an answer").expect("it says who");
    assert_eq!(&*user.user, ADA);
    for group in ["platform", "engineering", "system:authenticated"] {
        assert!(user.groups.iter().any(|have| &**have == group), "{group}: {user:?}");
    }
}

/// Tries something until it is allowed: the authorizer of a real server learns of a grant a moment
/// after it was made.
async fn granted<T>(mut attempt: impl AsyncFnMut() -> Result<T, Error>) -> T {
    let began = Instant::now();
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => assert!(began.elapsed() < PATIENCE, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
