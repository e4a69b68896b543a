//! What is gone, comes back, may not change, or was refused.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use keybook::audit::{Options, SourceSpec};
use keybook::book::{Book, Inputs, LogState, UseState};
use keybook::cluster::memory::MemoryCluster;
use keybook::cluster::{Cluster, DryRun, Error, Writer};
use keybook::model::{ClusterInfo, Policy, RoleKind};
use keybook::rbac::{Attributes, Authorizer, RoleKey};
use serde_json::json;

use crate::words::{cr, crb, rb_role, read, role, rule, user, world};

#[test]
fn kor_608_a_binding_without_its_role_grants_nothing_until_the_role_is_there_again() {
    let binding = rb_role("a", "x", "r", &[user("alice")]);
    let before = world(&[binding]);
    assert!(!before.allowed("u:alice", "get", "pods", "a"));
    let book = before.book();
    let entry = book.find(&"u:alice".parse().unwrap()).expect("listed");
    assert_eq!(entry.grants.len(), 1, "the grant is there");
    assert!(book.grant(entry.grants[0]).unwrap().role.is_none(), "and dangles");
    assert!(book.permissions(entry.id).is_empty());

    let mut after = before;
    after.snapshot.objects.insert(read(&role("a", "r", &[rule("get", "", "pods", &[])])));
    assert!(after.allowed("u:alice", "get", "pods", "a"));
    assert!(!after.allowed("u:alice", "get", "pods", "b"));
}

#[test]
fn a_role_that_comes_back_gives_again_what_the_authorizer_had_lost() {
    let mut world = world(&[
        rb_role("a", "x", "r", &[user("alice")]),
        role("a", "r", &[rule("get", "", "pods", &[])]),
    ]);
    let mut authorizer = Authorizer::new(&world.snapshot.objects);
    let allowed = |authorizer: &Authorizer| {
        let action = keybook::rbac::Action::Resource {
            group: "",
            resource: "pods",
            subresource: "",
            namespace: "a",
            name: "",
        };
        let attributes = Attributes { user: "alice", groups: &[], verb: "get", action };
        authorizer.decide(&attributes).allowed()
    };
    assert!(allowed(&authorizer));
    let key: RoleKey = (RoleKind::Role, "a".into(), "r".into());
    let role = world.snapshot.objects.roles.remove(&key).expect("there");
    authorizer.rerole(&key, &world.snapshot.objects);
    assert!(!allowed(&authorizer));
    world.snapshot.objects.roles.insert(key.clone(), role);
    authorizer.rerole(&key, &world.snapshot.objects);
    assert!(allowed(&authorizer));
}

#[tokio::test]
async fn kubernetes_66353_a_role_ref_never_changes() {
    let objects = [
        cr("edit", &[rule("*", "", "pods", &[])]),
        cr("view", &[rule("get", "", "pods", &[])]),
        crb("x", "edit", &[user("alice")]),
    ];
    let cluster =
        MemoryCluster::new(ClusterInfo::default(), objects.iter().map(read).collect::<Vec<_>>());
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    let place = format!("{bindings}/x");
    let mut binding = cluster.get(&place).await.expect("there");
    binding["roleRef"]["name"] = json!("view");
    for dry in [DryRun::Yes, DryRun::No] {
        let refused = cluster.replace(&place, &binding, dry).await;
        let Err(Error::Invalid { cause, .. }) = refused else { panic!("{refused:?}") };
        assert!(cause.contains("cannot change roleRef"), "{cause}");
    }
    // What narrows: a new binding first, then the old one goes.
    let narrow = crb("x-view", "view", &[user("alice")]);
    cluster.create(bindings, &narrow, DryRun::No).await.expect("created");
    cluster
        .delete(&place, &keybook::cluster::Preconditions::default(), DryRun::No)
        .await
        .expect("deleted");
    let world = crate::words::World {
        snapshot: keybook::model::Snapshot { objects: cluster.objects(), ..world(&[]).snapshot },
        groups: keybook::model::GroupMap::new(),
    };
    assert!(world.allowed("u:alice", "get", "pods", ""));
    assert!(!world.allowed("u:alice", "delete", "pods", ""));
}

/// A line of the API server's log.
fn line(id: &str, verb: &str, resource: &str, allowed: bool) -> String {
    let (decision, code) = if allowed { ("allow", 200) } else { ("forbid", 403) };
    json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": id,
        "stage": "ResponseComplete", "requestURI": format!("/api/v1/namespaces/a/{resource}/x"),
        "verb": verb, "user": {"username": "alice", "groups": ["system:authenticated"]},
        "sourceIPs": ["192.0.2.7"], "userAgent": "kubectl/v1.36.3",
        "objectRef": {"resource": resource, "namespace": "a", "name": "x", "apiVersion": "v1"},
        "responseStatus": {"metadata": {}, "code": code},
        "requestReceivedTimestamp": "2026-05-01T10:00:00.000000Z",
        "stageTimestamp": "2026-05-01T10:00:00.010000Z",
        "annotations": {"authorization.k8s.io/decision": decision, "authorization.k8s.io/reason": ""}})
    .to_string()
}

#[test]
fn audit2rbac_what_was_refused_was_not_used() {
    let world = world(&[
        cr("r", &[rule("get", "", "secrets", &[]), rule("get", "", "configmaps", &[])]),
        // Made after the requests: what was refused then would be allowed now.
        crb("x", "r", &[user("alice")]),
    ]);
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("cases-denied.log");
    let lines = [line("1", "get", "secrets", false), line("2", "get", "configmaps", true)];
    std::fs::write(&path, lines.join("\n") + "\n").expect("written");
    let now: DateTime<Utc> = "2026-05-02T00:00:00Z".parse().expect("a time");
    let source = SourceSpec::Path(path);
    let activity = keybook::audit::read(&[source], &Options::new(now), &()).expect("read");
    let book = Book::build(Inputs {
        snapshot: Arc::new(world.snapshot),
        activity: Some(Arc::new(activity)),
        log: LogState::Ready,
        policy: Arc::new(Policy::default()),
        now,
    });
    let entry = book.find(&"u:alice".parse().unwrap()).expect("listed");
    let permissions = book.permissions(entry.id);
    let states: Vec<UseState> = permissions.iter().map(|one| one.use_state).collect();
    assert_eq!(states, [UseState::Unused, UseState::Used]);
    assert_eq!((permissions[0].allowed, permissions[1].allowed), (0, 1));
    let activity = entry.activity.as_ref().expect("seen");
    assert_eq!((activity.requests, activity.allowed, activity.denied), (2, 1, 1));
}
