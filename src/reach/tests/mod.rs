mod acting;
mod aggregated;
mod automount;
mod constrained;
mod cuts;
mod deletions;
mod levels;
mod missing;
mod mounts;
mod nodes;
mod paths;
mod places;
mod random;
mod reference;
mod remakes;
mod scarce;
mod secrets;
mod twins;
mod ways;

use serde_json::{Value, json};

use super::*;
use crate::book::world::World;
use crate::model::{Identity, Name};

/// A rule.
fn rule(verbs: &[&str], group: &str, resources: &[&str]) -> Value {
    json!({"verbs": verbs, "apiGroups": [group], "resources": resources})
}

fn named(mut rule: Value, names: &[&str]) -> Value {
    rule["resourceNames"] = json!(names);
    rule
}

const RBAC: &str = "rbac.authorization.k8s.io";

/// What a pod runs, with its account's token as admission mounts it; nothing of it breaks a Pod Security
/// level.
fn mounted(account: &str) -> Value {
    json!({"serviceAccountName": account, "nodeName": "node-1",
        "volumes": [{"name": "kube-api-access",
            "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}],
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "main", "securityContext": {"allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]}}, "volumeMounts": [{"name": "kube-api-access",
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]}]})
}

/// Namespaces `app`, where pods may do anything, and `quiet`, where they may not; in both an account
/// `strong`, which may do everything, and `weak`; the `ClusterRole` cluster-admin.
fn company() -> World {
    let mut world = World::new()
        .cluster_role("cluster-admin", &json!([rule(&["*"], "*", &["*"])]))
        .object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app",
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}))
        .object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "quiet",
            "labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}));
    for ns in ["app", "quiet"] {
        world = world.account(ns, "strong").account(ns, "weak");
        let binding = format!("strong-{ns}");
        world = world.bind(None, &binding, "ClusterRole/cluster-admin", &format!("sa:{ns}/strong"));
    }
    world
}

/// The company with user jane, who holds these rules in `app`, or cluster-wide.
fn jane(world: World, ns: Option<&str>, rules: &Value) -> World {
    match ns {
        Some(ns) => world.role(ns, "jane", rules).bind(Some(ns), "jane", "Role/jane", "user:jane"),
        None => {
            world.cluster_role("jane", rules).bind(None, "jane", "ClusterRole/jane", "user:jane")
        }
    }
}

fn reached(world: &World, who: &str) -> Reached {
    let book = world.book();
    let identity: Identity = who.parse().unwrap();
    Reach::new(&book).of(book.find(&identity).unwrap())
}

/// The steps to cluster-admin; None where there is no way.
fn steps(world: &World) -> Option<Vec<Step>> {
    let reached = reached(world, "user:jane");
    let path = reached.highest()?;
    (reached.tier == Tier::ClusterAdmin).then(|| path.hops.iter().map(|hop| hop.step).collect())
}

/// Those who take over a great deal are found the same as one by one.
fn agrees(world: &World) {
    let book = world.book();
    let reach = Reach::new(&book);
    let entries: Vec<&Entry> = book.entries().map(|entry| &**entry).collect();
    let near = |found: Reached| Reached { beside: None, ..found };
    let expected: Vec<Reached> = entries.iter().map(|entry| near(reach.of(entry))).collect();
    for most in [1, 2, 5] {
        let found = reach.many_within(&entries, many::Small { most, few: 0 }).into_iter().map(near);
        assert_eq!(found.collect::<Vec<_>>(), expected, "at most {most}");
    }
}

/// What can be acted as, in words.
fn gains(world: &World) -> Vec<String> {
    let book = world.book();
    let reach = Reach::new(&book);
    let entry = book.find(&Identity::user("jane")).unwrap();
    let node = graph::Node::Identity(entry.id.0);
    let closure = search(
        &reach.graph,
        &[node],
        Terms { modelled: true, ..Terms::default() },
        Ends::default(),
    );
    let mut words: Vec<String> = (1..closure.found.len())
        .filter_map(|at| {
            let path = path::path(&reach.graph, &closure, at);
            path.hops.last().map(|hop| hop.gain.to_string())
        })
        .collect();
    words.sort();
    words
}
