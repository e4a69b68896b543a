//! `check` against the API server and against its authorizer: the same answer to every review.

use std::fs;
use std::path::{Path, PathBuf};

use keybook::rbac::Authorizer;
use keybook::rbac::aggregation::drift;
use keybook::rbac::review::Reviewer;
use serde_json::{Value, json};

use crate::answers::{Tally, snapshot, stored};
use crate::full;
use crate::support::cluster::{Cluster, oracle, program};
use crate::support::process::await_some;
use crate::support::reviews::{review, specs};
use crate::support::world::{For, World, world};

/// An empty folder that is this test's own.
pub fn folder(name: &str) -> PathBuf {
    let path =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("live-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("make a folder");
    path
}

/// Writes a world's objects, one a line.
pub fn save(world: &World, folder: &Path) {
    let lines: Vec<String> = world.objects.iter().map(Value::to_string).collect();
    fs::write(folder.join("objects.ndjson"), lines.join("\n")).expect("write the objects");
}

fn lines(specs: &[Value]) -> String {
    specs.iter().map(review).collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn the_api_server_answers_as_keybook_does() {
    let Some(cluster) = Cluster::shared() else { return };
    let (worlds, each, decisive) = if full() { (5, 10_000, 500) } else { (2, 2_000, 20) };
    let mut tally = Tally::default();
    for seed in 1..=worlds {
        let world = world(seed, For::Server);
        let text: Vec<String> = world.objects.iter().map(Value::to_string).collect();
        let report = cluster.load(&text.join("\n"));
        assert_eq!(report["failed"], 0, "{report}");
        let folder = folder(&format!("server-{seed}"));
        // Aggregated roles have to have come to rest.
        let snapshot = await_some("aggregation to come to rest", || {
            cluster.save_rbac(&folder);
            let snapshot = snapshot(&folder);
            let objects = &snapshot.objects;
            let at_rest = objects
                .roles
                .values()
                .all(|role| drift(role, objects).is_none_or(|drift| drift.is_empty()));
            at_rest.then_some(snapshot)
        });
        // The server's own cache is behind what it stored for a moment.
        let specs = specs(&world, &stored(&folder), seed, each);
        await_caught_up(cluster, &snapshot, &specs);
        tally.compare(&snapshot, &specs, &cluster.sar(&lines(&specs)));
        fs::remove_dir_all(folder).expect("remove the folder");
    }
    tally.suffices("API server", decisive);
}

/// Waits until the server's authorizer has seen the last of what was written.
fn await_caught_up(cluster: &Cluster, snapshot: &keybook::model::Snapshot, specs: &[Value]) {
    let authorizer = Authorizer::new(&snapshot.objects);
    let reviewer = Reviewer::new(&authorizer, snapshot);
    let sample: Vec<Value> = specs.iter().step_by(specs.len() / 200 + 1).cloned().collect();
    await_some("the authorizer to catch up", || {
        let theirs = cluster.sar(&lines(&sample));
        let own = reviewer.answer_lines(lines(&sample).as_bytes());
        let own: Vec<Value> = own
            .iter()
            .flat_map(|part| part.text.split(|byte| *byte == b'\n'))
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).expect("JSON"))
            .collect();
        let same = theirs
            .iter()
            .zip(&own)
            .all(|(theirs, own)| theirs["status"]["allowed"] == own["status"]["allowed"]);
        same.then_some(())
    });
}

#[test]
fn the_oracle_answers_as_keybook_does() {
    let Some(program) = program() else { return };
    let (worlds, each, decisive) = if full() { (20, 50_000, 500) } else { (5, 10_000, 500) };
    let mut tally = Tally::default();
    for seed in 0..worlds {
        let purpose = if seed % 2 == 0 { For::Files } else { For::Server };
        let world = world(1_000 + seed, purpose);
        let folder = folder(&format!("oracle-{seed}"));
        save(&world, &folder);
        let snapshot = snapshot(&folder);
        let specs = specs(&world, &world.objects, seed, each);
        tally.compare(&snapshot, &specs, &oracle(&program, &folder, &lines(&specs)));
        fs::remove_dir_all(folder).expect("remove the folder");
    }
    tally.suffices("oracle", decisive);
}

/// Reviews that are no ordinary ones: what is refused, and how.
fn odd() -> Vec<String> {
    let resource = json!({"verb": "get", "resource": "pods"});
    let path = json!({"verb": "get", "path": "/healthz"});
    let selector = |field: Value, label: Value| {
        let mut attributes = resource.clone();
        if !field.is_null() {
            attributes["fieldSelector"] = field;
        }
        if !label.is_null() {
            attributes["labelSelector"] = label;
        }
        json!({"user": "u", "resourceAttributes": attributes})
    };
    let raw = |text: &str| json!({"rawSelector": text});
    let specs = [
        json!({}),
        json!({"user": "u"}),
        json!({"user": "", "groups": [], "resourceAttributes": resource}),
        json!({"groups": [""], "resourceAttributes": resource}),
        json!({"groups": [null], "resourceAttributes": resource}),
        json!({"resourceAttributes": resource, "nonResourceAttributes": path}),
        json!({"user": "u", "resourceAttributes": resource, "nonResourceAttributes": path}),
        json!({"user": "u", "resourceAttributes": {}}),
        json!({"user": "u", "resourceAttributes": {}, "nonResourceAttributes": {}}),
        json!({"user": "u", "resourceAttributes": null, "nonResourceAttributes": {}}),
        json!({"user": null, "groups": null, "extra": null, "resourceAttributes": resource}),
        json!({"user": "u", "extra": {"a": null, "b": []}, "resourceAttributes": resource}),
        json!({"user": 3, "resourceAttributes": resource}),
        json!({"user": "u", "groups": "g", "resourceAttributes": resource}),
        json!({"user": "u", "groups": [1], "resourceAttributes": resource}),
        json!({"user": "u", "extra": {"a": "b"}, "resourceAttributes": resource}),
        json!({"user": "u", "uid": true, "resourceAttributes": resource}),
        json!({"user": "u", "resourceAttributes": []}),
        json!({"user": "u", "resourceAttributes": {"verb": ["get"]}}),
        json!({"user": "u", "USER": "v", "Groups": 7, "resourceAttributes": resource}),
        selector(json!({}), Value::Null),
        selector(Value::Null, json!({})),
        selector(
            json!({"rawSelector": "a=b", "requirements": [{"key": "a", "operator": "In", "values": ["b"]}]}),
            Value::Null,
        ),
        selector(json!({"requirements": [{"operator": "In", "values": ["b"]}]}), Value::Null),
        selector(json!({"requirements": [{"key": "k", "operator": "In"}]}), Value::Null),
        selector(
            json!({"requirements": [{"key": "k", "operator": "Exists", "values": ["b"]}]}),
            Value::Null,
        ),
        selector(json!({"requirements": [{"key": "k", "operator": "Exists"}]}), Value::Null),
        selector(
            json!({"requirements": [{"key": "k", "operator": "In", "values": ["a", "b"]}, {"key": "k", "operator": "NotIn", "values": ["a"]}]}),
            Value::Null,
        ),
        selector(raw("a=b,c!=d"), raw("a in (b,c),!d,e=f,g>1")),
        selector(raw("a"), raw("a b")),
        selector(raw("a=b=c"), raw("a in (b")),
        selector(raw(r"a=b\,c"), raw("-a")),
        selector(raw(","), raw(",")),
        selector(
            Value::Null,
            json!({"requirements": [{"key": "k", "operator": "Gt", "values": ["1"]}, {"key": "k", "operator": "In", "values": ["1"]}]}),
        ),
        selector(
            Value::Null,
            json!({"requirements": [{"key": "k", "operator": "Gt", "values": ["1"]}]}),
        ),
    ];
    let mut odd: Vec<String> = specs.iter().map(review).collect();
    let good = json!({"user": "u", "resourceAttributes": resource});
    for metadata in [
        json!(null),
        json!({}),
        json!({"creationTimestamp": null}),
        json!({"labels": {}}),
        json!({"name": ""}),
        json!({"generation": 0}),
        json!({"name": "x"}),
        json!({"labels": {"a": "b"}}),
        json!({"namespace": "x"}),
        json!({"managedFields": [{"manager": "x"}]}),
        json!({"finalizers": ["x/y"]}),
        json!([]),
    ] {
        odd.push(
            json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "metadata": metadata, "spec": good})
            .to_string(),
        );
    }
    odd.push(json!({"spec": good}).to_string());
    odd.push(
        json!({"kind": "SubjectAccessReview", "apiVersion": "authorization.k8s.io/v1"}).to_string(),
    );
    odd.push(
        json!({"kind": "SubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
        "spec": good, "status": {"allowed": true, "reason": "so it was said"}})
        .to_string(),
    );
    odd.push(r#"{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","spec":{"user":"u","user":"v","resourceAttributes":{"verb":"get"},"resourceAttributes":{"resource":"pods"}}}"#.to_owned());
    odd
}

#[test]
fn what_the_api_server_refuses_is_refused_alike() {
    let Some(cluster) = Cluster::shared() else { return };
    let snapshot = keybook::model::Snapshot::default();
    let authorizer = Authorizer::new(&snapshot.objects);
    let reviewer = Reviewer::new(&authorizer, &snapshot);
    let odd = odd();
    for (review, theirs) in odd.iter().zip(cluster.sar(&(odd.join("\n") + "\n"))) {
        let mut text = Vec::new();
        reviewer.answer(review.as_bytes(), &mut text);
        let own: Value = serde_json::from_slice(&text).expect("JSON");
        assert_eq!(own["kind"], theirs["kind"], "{review}\n{own}\n{theirs}");
        assert_eq!(own["code"], theirs["code"], "{review}\n{own}\n{theirs}");
        assert_eq!(own["reason"], theirs["reason"], "{review}\n{own}\n{theirs}");
        if theirs["code"] == 422 {
            let causes = |status: &Value| status["details"]["causes"].as_array().cloned();
            let (theirs_why, own_why) = (causes(&theirs).expect("why"), causes(&own).expect("why"));
            if theirs_why[0]["field"] == "metadata" {
                // The server has put managed fields of its own in by then, and names them.
                assert_eq!(theirs_why[0]["reason"], own_why[0]["reason"], "{review}");
                assert_eq!(theirs_why.len(), own_why.len(), "{review}");
                continue;
            }
            assert_eq!(theirs_why, own_why, "{review}");
            // The server leaves its own kind out of these messages.
            let message = own["message"].as_str().unwrap_or_default();
            let message = message.strip_prefix("SubjectAccessReview").unwrap_or_default();
            assert_eq!(theirs["message"], message, "{review}");
        } else if theirs["kind"] != "Status" {
            assert_eq!(own["status"]["allowed"], theirs["status"]["allowed"], "{review}");
            let unread = |status: &Value| {
                let text = status["evaluationError"].as_str().unwrap_or_default();
                text.split("; ")
                    .filter(|part| !part.is_empty() && !part.starts_with("keybook"))
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            assert_eq!(unread(&own["status"]), unread(&theirs["status"]), "{review}");
        }
    }
}
