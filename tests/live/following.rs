//! A real cluster, followed through whatever happens to it.

use std::time::Duration;

use futures::StreamExt;
use keybook::cluster::kube::{ConnectOptions, connect, connect_writer};
use keybook::cluster::loader::{Changes, LoadOptions, follow, load};
use keybook::cluster::{DryRun, Error, Preconditions, Writer};
use keybook::model::{Health, ListKind, Snapshot};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::relay::Relay;
use crate::support::cluster::{Cluster, Options};
use crate::support::process::PATIENCE;

/// A kubeconfig in a file.
pub fn options(cluster: &Cluster, name: &str, kubeconfig: &str) -> ConnectOptions {
    let path = cluster.folder().join(name);
    std::fs::write(&path, kubeconfig).expect("write a kubeconfig");
    ConnectOptions { kubeconfig: Some(path), ..ConnectOptions::default() }
}

/// A snapshot that is kept current.
struct Followed {
    changes: Changes,
    snapshot: Snapshot,
}

impl Followed {
    /// Takes changes over until something holds.
    async fn until(&mut self, what: &str, holds: impl Fn(&Snapshot) -> bool) {
        let work = async {
            while !holds(&self.snapshot) {
                self.snapshot.apply(self.changes.next().await.expect("changes never end"));
            }
        };
        let waited = tokio::time::timeout(PATIENCE, work).await;
        assert!(waited.is_ok(), "waited in vain for {what}: {:#?}", self.snapshot.lists);
    }
}

/// One random change, by way of the API.
async fn change(writer: &dyn Writer, random: &mut StdRng) {
    const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
    let ns = ["pay", "shop", "ops"][random.random_range(0..3)];
    let name = format!("o{}", random.random_range(0..6));
    let number = random.random_range(0..1000);
    let meta = json!({"name": name, "labels": {"number": format!("n{number}")}});
    let spec = json!({"selector": {"matchLabels": {"a": "b"}}, "template": {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"serviceAccountName": "robot", "containers": [{"name": "c", "image": "i.example/i"}]}}});
    let role_ref =
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"});
    let subjects = json!([{"kind": "User", "name": format!("u{number}@corp.example"),
        "apiGroup": "rbac.authorization.k8s.io"}]);
    let rules = json!([{"verbs": ["get"], "apiGroups": [""], "resources": [format!("r{number}")]}]);
    let (at, mut object): (String, Value) = match random.random_range(0..6) {
        0 => (
            format!("{RBAC}/namespaces/{ns}/rolebindings"),
            json!({"roleRef": role_ref, "subjects": subjects}),
        ),
        1 => (
            format!("{RBAC}/clusterrolebindings"),
            json!({"roleRef": role_ref, "subjects": subjects}),
        ),
        2 => (format!("{RBAC}/namespaces/{ns}/roles"), json!({"rules": rules})),
        3 => (format!("{RBAC}/clusterroles"), json!({"rules": rules})),
        4 => (format!("/api/v1/namespaces/{ns}/serviceaccounts"), json!({})),
        _ => (format!("/apis/apps/v1/namespaces/{ns}/deployments"), json!({"spec": spec})),
    };
    object["metadata"] = meta;
    let path = format!("{at}/{name}");
    if random.random_bool(0.3) {
        match writer.delete(&path, &Preconditions::default(), DryRun::No).await {
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        return;
    }
    match writer.create(&at, &object, DryRun::No).await {
        Ok(_) => {}
        Err(Error::Conflict { .. }) => {
            writer.replace(&path, &object, DryRun::No).await.expect("replace");
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_a_forgotten_past_and_a_restart_end_as_a_fresh_load() {
    let Some(real) = Cluster::start(&Options::default()) else { return };
    let relay = Relay::start(&real);
    let cluster = connect(&options(&real, "relay", &relay.kubeconfig())).await.expect("connect");
    let direct =
        ConnectOptions { kubeconfig: Some(real.kubeconfig()), ..ConnectOptions::default() };
    let writer = connect_writer(&direct).await.expect("connect");
    for namespace in ["pay", "shop", "ops"] {
        let object =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        writer.create("/api/v1/namespaces", &object, DryRun::No).await.expect("create");
    }
    let loading = LoadOptions { page: 20, ..LoadOptions::default() };
    let changes = follow(cluster.clone(), loading.clone());
    let mut followed = Followed { changes, snapshot: Snapshot::default() };
    followed
        .until("every list", |snapshot| {
            ListKind::ALL.iter().all(|list| snapshot.list(*list).health == Health::Complete)
        })
        .await;

    let mut random = StdRng::seed_from_u64(7);
    for number in 0..200 {
        match number {
            50 => {
                // Nothing is heard of ten changes, and then it is too late to ask for them.
                relay.cut();
                let refused =
                    |snapshot: &Snapshot| snapshot.list(ListKind::Roles).health == Health::Outdated;
                followed.until("an outdated list", refused).await;
            }
            60 => {
                real.compact();
                relay.mend();
            }
            120 => relay.cut(),
            125 => relay.mend(),
            160 => real.restart_apiserver(),
            _ => {}
        }
        change(&*writer, &mut random).await;
    }

    // The controllers may still be at work on what was written: what is compared is what both see
    // once neither sees anything new.
    let began = tokio::time::Instant::now();
    loop {
        let mut fresh = load(&*cluster, &loading).await.expect("a fresh load");
        fresh.taken_at = None;
        let same = |snapshot: &Snapshot| Snapshot { taken_at: None, ..snapshot.clone() } == fresh;
        let work = async {
            while !same(&followed.snapshot) {
                let change = followed.changes.next().await.expect("changes never end");
                followed.snapshot.apply(change);
            }
        };
        if tokio::time::timeout(Duration::from_secs(5), work).await.is_ok() {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{}", difference(&followed.snapshot, &fresh));
    }
    let answers = String::from_utf8_lossy(&relay.answers()).into_owned();
    assert!(answers.contains("\"code\":410"), "nothing was too old");
}

/// In what two snapshots differ.
fn difference(one: &Snapshot, other: &Snapshot) -> String {
    let mut found: Vec<String> = ListKind::ALL
        .into_iter()
        .filter(|list| one.list(*list) != other.list(*list))
        .map(|list| format!("{list}: {:?} {:?}", one.list(list), other.list(list)))
        .collect();
    if one.cluster != other.cluster {
        found.push(format!("{:?} {:?}", one.cluster, other.cluster));
    }
    for (differs, what) in
        [(one.discovery != other.discovery, "discovery"), (one.objects != other.objects, "objects")]
    {
        if differs {
            found.push(what.to_owned());
        }
    }
    found.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_only_ever_asked_for_as_metadata() {
    let Some(real) = Cluster::start(&Options::default()) else { return };
    let relay = Relay::start(&real);
    let cluster = connect(&options(&real, "relay", &relay.kubeconfig())).await.expect("connect");
    let direct =
        ConnectOptions { kubeconfig: Some(real.kubeconfig()), ..ConnectOptions::default() };
    let writer = connect_writer(&direct).await.expect("connect");
    let secret = |name: &str, type_: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": type_, "metadata": {"name": name,
                "annotations": {"kubernetes.io/service-account.name": "default"}},
            "stringData": {"token-id": "abcdef", "token-secret": "0123456789abcdef", "password": "hunter2hunter2"}})
    };
    let token = secret("default-token", "kubernetes.io/service-account-token");
    let at = "/api/v1/namespaces/default/secrets";
    writer.create(at, &token, DryRun::No).await.expect("create");
    let bootstrap = secret("bootstrap-token-abcdef", "bootstrap.kubernetes.io/token");
    let at = "/api/v1/namespaces/kube-system/secrets";
    writer.create(at, &bootstrap, DryRun::No).await.expect("create");

    let changes = follow(cluster.clone(), LoadOptions::default());
    let mut followed = Followed { changes, snapshot: Snapshot::default() };
    followed
        .until("every list", |snapshot| {
            ListKind::ALL.iter().all(|list| snapshot.list(*list).health == Health::Complete)
        })
        .await;
    assert_eq!(followed.snapshot.objects.secrets.len(), 2);
    // One that is changed while it is watched.
    let later = secret("later-token", "kubernetes.io/service-account-token");
    writer.create("/api/v1/namespaces/default/secrets", &later, DryRun::No).await.expect("create");
    followed.until("the event", |snapshot| snapshot.objects.secrets.len() == 3).await;
    load(&*cluster, &LoadOptions::default()).await.expect("a load");
    for path in ["/api/v1/namespaces/default/secrets/default-token", "/api/v1/secrets?limit=1"] {
        cluster.get(path).await.expect_err("Secrets are never read whole");
    }

    let requests = relay.requests();
    let of_secrets: Vec<_> = requests.iter().filter(|it| it.path.contains("secrets")).collect();
    // A list and a watch of each type by following, a list of each by loading.
    assert!(of_secrets.len() >= 6, "{of_secrets:#?}");
    assert!(requests.iter().any(|it| it.path.contains("secrets?watch=1")));
    for request in of_secrets {
        assert_eq!(request.method, "GET");
        let wanted = if request.path.contains("watch=1") {
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
        } else {
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
        };
        assert_eq!(request.headers["accept"], wanted, "{request:?}");
        assert!(request.path.contains("fieldSelector=type%3D"), "{request:?}");
    }
    let answers = relay.answers();
    for data in
        ["hunter2hunter2", "aHVudGVyMmh1bnRlcjI", "0123456789abcdef", "MDEyMzQ1Njc4OWFiY2RlZg"]
    {
        assert!(memchr::memmem::find(&answers, data.as_bytes()).is_none(), "{data} was sent");
    }
    let path =
        real.kubectl_ok(&["get", "secret", "default-token", "-o", "jsonpath={.data.password}"]);
    assert_eq!(path, "aHVudGVyMmh1bnRlcjI=", "the test itself looks for the right text");
}

/// Objects of a namespace, by list.
fn inside(snapshot: &Snapshot, namespace: &str) -> usize {
    let objects = &snapshot.objects;
    objects.service_accounts.keys().filter(|(have, _)| &**have == namespace).count()
        + objects.bindings.keys().filter(|(_, have, _)| &**have == namespace).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_list_two_namespaces_sees_these_and_is_told_so() {
    let Some(real) = Cluster::shared() else { return };
    for namespace in ["two-a", "two-b", "two-c"] {
        real.kubectl_ok(&["create", "namespace", namespace]);
    }
    for namespace in ["two-a", "two-b"] {
        let role = "--clusterrole=view";
        let user = "--user=cleo@partner.example";
        real.kubectl_ok(&["-n", namespace, "create", "rolebinding", "cleo", role, user]);
        let resources = "--resource=roles,rolebindings,secrets";
        real.kubectl_ok(&[
            "-n",
            namespace,
            "create",
            "role",
            "rbac",
            "--verb=list,watch",
            resources,
        ]);
        real.kubectl_ok(&["-n", namespace, "create", "rolebinding", "rbac", "--role=rbac", user]);
    }
    let kubeconfig = Some(real.token("token-cleo"));
    let options = ConnectOptions { kubeconfig, ..ConnectOptions::default() };
    let cluster = connect(&options).await.expect("connect");
    let given = ["two-a", "two-b", "two-c"].map(Into::into).to_vec();
    let loading = LoadOptions { namespaces: given, ..LoadOptions::default() };
    let began = tokio::time::Instant::now();
    let snapshot = loop {
        let snapshot = load(&*cluster, &loading).await.expect("a snapshot");
        // The API server's authorizer learns of a grant a moment after it was made.
        if snapshot.list(ListKind::TokenSecrets).namespaces.len() == 2 {
            break snapshot;
        }
        assert!(began.elapsed() < PATIENCE, "{:#?}", snapshot.lists);
    };
    assert_eq!(snapshot.cluster.operator.as_deref(), Some("cleo@partner.example"));
    assert!(snapshot.cluster.id.starts_with("ca:"), "{}", snapshot.cluster.id);
    for list in [
        ListKind::Roles,
        ListKind::RoleBindings,
        ListKind::ServiceAccounts,
        ListKind::TokenSecrets,
        ListKind::Pods,
        ListKind::Workloads,
    ] {
        let state = snapshot.list(list);
        assert_eq!(state.health, Health::Partial, "{list}: {state:?}");
        assert_eq!(state.namespaces, ["two-a".into(), "two-b".into()], "{list}");
        let reason = state.reason.unwrap_or_default();
        assert!(reason.contains("User \"cleo@partner.example\" cannot list resource"), "{reason}");
        assert!(reason.contains("listed in 2 of 3 namespaces known"), "{reason}");
    }
    for list in [
        ListKind::ClusterRoles,
        ListKind::ClusterRoleBindings,
        ListKind::Namespaces,
        ListKind::BootstrapTokens,
        ListKind::ConfigMaps,
        ListKind::CertificateSigningRequests,
    ] {
        assert_eq!(snapshot.list(list).health, Health::Forbidden, "{list}");
    }
    // What is not served is whole, whoever asks.
    assert_eq!(snapshot.list(ListKind::Discovery).health, Health::Complete);
    assert!(inside(&snapshot, "two-a") >= 3 && inside(&snapshot, "two-b") >= 3);
    assert_eq!((inside(&snapshot, "two-c"), inside(&snapshot, "kube-system")), (0, 0));

    // With the namespaces listed, nothing has to be given.
    real.kubectl_ok(&[
        "create",
        "clusterrole",
        "two-lists",
        "--verb=list,watch",
        "--resource=namespaces",
    ]);
    let role = "--clusterrole=two-lists";
    real.kubectl_ok(&[
        "create",
        "clusterrolebinding",
        "two-lists",
        role,
        "--user=cleo@partner.example",
    ]);
    let began = tokio::time::Instant::now();
    let snapshot = loop {
        let snapshot = load(&*cluster, &LoadOptions::default()).await.expect("a snapshot");
        if snapshot.list(ListKind::Namespaces).health == Health::Complete {
            break snapshot;
        }
        assert!(began.elapsed() < PATIENCE);
    };
    let state = snapshot.list(ListKind::RoleBindings);
    assert_eq!(
        (state.health, state.namespaces),
        (Health::Partial, vec!["two-a".into(), "two-b".into()])
    );
}
