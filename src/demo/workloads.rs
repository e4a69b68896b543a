//! What runs in the cluster, and what accounts leave behind: pods, workloads, tokens, requests.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::company::ACCOUNTS;
use super::identifiers::suffix;
use super::objects::Make;
use super::random::Random;
use super::specs;
use crate::model::{
    CertificateSigningRequest, ConfigMap, Name, Object, ObjectBody, OtherObject, OwnerReference,
    Pod, Secret,
};

/// The nodes that pods run on.
pub(super) const NODES: &[&str] = &["node-a1", "node-a2", "node-b1", "node-b2", "node-c1"];

/// A token that never expires, from the time before tokens were issued on request: namespace,
/// account, Secret, its age and the days since its last use.
const LEGACY_TOKENS: &[(&str, &str, &str, i64, i64)] = &[
    // Nobody has used it for almost two years, and it still opens the namespace.
    ("legacy", "batch-import", "batch-import-token-x7k2p", 915, 691),
    // Still in use, from outside the cluster.
    ("data", "warehouse-sync", "warehouse-sync-token-m4q9d", 606, 0),
    ("ci", "deployer", "deployer-token", 903, 214),
];

/// Since when the API server tracks the use of such tokens, in days.
const TRACKED_SINCE: i64 = 902;

/// The Secrets that an account lists as its own.
pub(super) fn token_secrets(namespace: &str, name: &str) -> Vec<Name> {
    LEGACY_TOKENS
        .iter()
        .filter(|token| (token.0, token.1) == (namespace, name))
        .map(|token| token.2.into())
        .collect()
}

/// The pod of an account's workload with this number, as its Deployment names it.
pub(super) fn pod_name(account: &str, number: usize) -> String {
    let set = suffix(account, 9);
    let own = suffix(&format!("{account}/{number}"), 5);
    format!("{account}-{set}-{own}")
}

/// The node that the pod runs on.
pub(super) fn node_of(pod: &str) -> &'static str {
    Random::of(pod).pick(NODES).copied().unwrap_or("node-a1")
}

/// All of it.
pub(super) fn all(make: &Make, objects: &mut Vec<Object>) {
    for &(namespace, name, age, count) in ACCOUNTS {
        if count > 0 {
            objects.push(workload(make, namespace, "apps/v1", "Deployment", name, name, age));
            objects.push(replica_set(make, namespace, name));
        }
        for number in 0..count {
            objects.push(pod(make, namespace, name, number));
        }
    }
    let jobs = [("quarter-close", "quarter-close"), ("nightly-features", "airflow")];
    for (name, account) in jobs {
        objects.push(workload(make, "data", "batch/v1", "CronJob", name, account, 598));
    }
    for &(namespace, account, name, age, unused) in LEGACY_TOKENS {
        objects.push(token(make, namespace, account, name, age, unused));
    }
    objects.extend(specs::network_policies(make));
    objects.push(tracking(make));
    objects.push(request(make));
}

fn pod(make: &Make, namespace: &str, account: &str, number: usize) -> Object {
    let name = pod_name(account, number);
    let mut random = Random::of(&name);
    let age = random.between(1, 23);
    let mut meta = make.meta("Pod", namespace, &name, age);
    let set = set_name(account);
    meta.owner_references = vec![OwnerReference {
        api_version: "apps/v1".into(),
        kind: "ReplicaSet".into(),
        uid: super::identifiers::uid("ReplicaSet", namespace, &set).into(),
        name: set,
        controller: true,
    }];
    meta.labels = specs::labels(account);
    let started = meta.creation_timestamp.map(|made| made + TimeDelta::seconds(2));
    Object::Pod(Pod {
        node: Some(node_of(&name).into()),
        meta,
        service_account: account.into(),
        phase: "Running".into(),
        started,
        ips: Vec::new(),
        spec: specs::of_pod(namespace, account).into(),
    })
}

/// The set of an account's Deployment that makes its pods.
fn set_name(account: &str) -> Name {
    format!("{account}-{}", suffix(account, 9)).into()
}

fn replica_set(make: &Make, namespace: &str, account: &str) -> Object {
    let mut set =
        workload(make, namespace, "apps/v1", "ReplicaSet", &set_name(account), account, 20);
    set.meta_mut().owner_references = vec![OwnerReference {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        uid: super::identifiers::uid("Deployment", namespace, account).into(),
        name: account.into(),
        controller: true,
    }];
    set
}

fn workload(
    make: &Make,
    namespace: &str,
    api_version: &str,
    kind: &str,
    name: &str,
    account: &str,
    age: i64,
) -> Object {
    Object::Other(OtherObject {
        api_version: api_version.into(),
        kind: kind.into(),
        meta: make.meta(kind, namespace, name, age),
        service_account: Some(account.into()),
        body: ObjectBody::Workload(specs::template(namespace, account).into()),
    })
}

fn token(make: &Make, namespace: &str, account: &str, name: &str, age: i64, unused: i64) -> Object {
    let mut meta = make.meta("Secret", namespace, name, age);
    let last = (make.now - TimeDelta::days(unused)).format("%Y-%m-%d").to_string();
    meta.labels = BTreeMap::from([("kubernetes.io/legacy-token-last-used".into(), last.into())]);
    let owner = super::identifiers::uid("ServiceAccount", namespace, account);
    meta.annotations = BTreeMap::from([
        ("kubernetes.io/service-account.name".into(), account.into()),
        ("kubernetes.io/service-account.uid".into(), owner.into()),
    ]);
    Object::Secret(Secret {
        meta,
        type_: "kubernetes.io/service-account-token".into(),
        immutable: false,
        bootstrap: None,
    })
}

fn tracking(make: &Make) -> Object {
    let name = "kube-apiserver-legacy-service-account-token-tracking";
    let since = (make.now - TimeDelta::days(TRACKED_SINCE)).format("%Y-%m-%d").to_string();
    Object::ConfigMap(ConfigMap {
        meta: make.meta("ConfigMap", "kube-system", name, TRACKED_SINCE),
        data: BTreeMap::from([("since".into(), since.into())]),
    })
}

/// Somebody renewed the shared certificate this morning: a request lives for an hour.
fn request(make: &Make) -> Object {
    let mut meta = make.meta("CertificateSigningRequest", "", "ops-shared-renewal", 0);
    meta.creation_timestamp = Some(make.now - TimeDelta::minutes(41));
    Object::CertificateSigningRequest(CertificateSigningRequest {
        meta,
        requester: "ondrej@corp.example".into(),
        requester_groups: vec!["sre".into(), "system:authenticated".into()],
        signer: "kubernetes.io/kube-apiserver-client".into(),
        expiration_seconds: Some(31_536_000),
        conditions: Vec::new(),
        approved: None,
        certificate: None,
        request: None,
    })
}
