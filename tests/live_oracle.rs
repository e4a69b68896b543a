//! The oracle, by which keybook's answers are judged, answers as a real API server does; and the
//! bootstrap policy is what such a server installs.

#![allow(clippy::unwrap_used)] // The helpers are a test's as much as the tests are.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::cluster::{Cluster, Options, bootstrap_policy, oracle, program};
use support::process::await_some;

#[test]
fn bootstrap_policy_is_what_the_server_installs() {
    let options = Options { without_controllers: true, ..Options::default() };
    let Some(cluster) = Cluster::start(&options) else { return };
    let installed: Vec<Value> = ["clusterroles", "clusterrolebindings", "roles", "rolebindings"]
        .iter()
        .flat_map(|resource| {
            let list = cluster.kubectl_ok(&["get", resource, "-A", "-o", "json"]);
            let list: Value = serde_json::from_str(&list).unwrap();
            list["items"].as_array().unwrap().clone()
        })
        .collect();
    let expected = bootstrap_policy(&program().unwrap());
    let expected = by_name(expected["items"].as_array().unwrap());
    let installed = by_name(&installed);
    assert_eq!(
        installed.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>(),
        "the names"
    );
    for (name, object) in &installed {
        assert_eq!(object, &expected[name], "{name}");
    }
}

/// What an RBAC object says, by kind, namespace and name, without what the server adds.
fn by_name(objects: &[Value]) -> BTreeMap<String, Value> {
    let content = |object: &Value| {
        let mut content = object.clone();
        let metadata = content["metadata"].as_object_mut().unwrap();
        metadata
            .retain(|field, _| ["name", "namespace", "labels", "annotations"].contains(&&**field));
        // Go writes no rules as null, and one that is being stored as nothing.
        content.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        content
    };
    objects
        .iter()
        .map(|object| {
            let metadata = &object["metadata"];
            let namespace = metadata["namespace"].as_str().unwrap_or("");
            let name = metadata["name"].as_str().unwrap();
            (format!("{} {namespace}/{name}", object["kind"].as_str().unwrap()), content(object))
        })
        .collect()
}

const RBAC: &str = "rbac.authorization.k8s.io";

fn rbac(kind: &str, metadata: &Value, rest: &Value) -> Value {
    let mut object =
        json!({"apiVersion": format!("{RBAC}/v1"), "kind": kind, "metadata": metadata});
    object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    object
}

fn cluster_role(name: &str, rules: &[Value]) -> Value {
    rbac("ClusterRole", &json!({"name": name}), &json!({"rules": rules}))
}

fn role(namespace: &str, name: &str, rules: &[Value]) -> Value {
    rbac("Role", &json!({"name": name, "namespace": namespace}), &json!({"rules": rules}))
}

fn cluster_role_binding(name: &str, role: &str, subjects: &[Value]) -> Value {
    let role = json!({"apiGroup": RBAC, "kind": "ClusterRole", "name": role});
    let rest = json!({"roleRef": role, "subjects": subjects});
    rbac("ClusterRoleBinding", &json!({"name": name}), &rest)
}

fn role_binding(namespace: &str, name: &str, role: (&str, &str), subjects: &[Value]) -> Value {
    let role = json!({"apiGroup": RBAC, "kind": role.0, "name": role.1});
    let rest = json!({"roleRef": role, "subjects": subjects});
    rbac("RoleBinding", &json!({"name": name, "namespace": namespace}), &rest)
}

fn user(name: &str) -> Value {
    json!({"apiGroup": RBAC, "kind": "User", "name": name})
}

fn group(name: &str) -> Value {
    json!({"apiGroup": RBAC, "kind": "Group", "name": name})
}

fn account(namespace: &str, name: &str) -> Value {
    json!({"kind": "ServiceAccount", "namespace": namespace, "name": name})
}

fn lines(values: &[Value]) -> String {
    let lines: Vec<String> = values.iter().map(ToString::to_string).collect();
    lines.join("\n") + "\n"
}

fn review(spec: &Value) -> Value {
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})
}

/// A small world with one of each of the authorizer's corners.
fn world(namespace: &str) -> String {
    lines(&[
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
        cluster_role(
            "corner-named",
            &[json!({"apiGroups": [""], "resources": ["configmaps"],
                "resourceNames": ["settings"], "verbs": ["get", "update"]})],
        ),
        cluster_role(
            "corner-urls",
            &[json!({"nonResourceURLs": ["/metrics", "/debug/*"], "verbs": ["get"]})],
        ),
        cluster_role(
            "corner-subresources",
            &[
                json!({"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}),
                json!({"apiGroups": ["*"], "resources": ["*/scale"], "verbs": ["*"]}),
            ],
        ),
        cluster_role(
            "corner-everything",
            &[json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]})],
        ),
        role(
            namespace,
            "corner-local",
            &[json!({"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]})],
        ),
        cluster_role_binding("corner-named", "corner-named", &[user("named@corp.example")]),
        cluster_role_binding("corner-urls", "corner-urls", &[group("corner-scrapers")]),
        cluster_role_binding(
            "corner-subresources",
            "corner-subresources",
            &[account(namespace, "runner")],
        ),
        cluster_role_binding("corner-dangling", "corner-missing", &[user("lost@corp.example")]),
        role_binding(
            namespace,
            "corner-everything",
            ("ClusterRole", "corner-everything"),
            &[user("local@corp.example")],
        ),
        role_binding(
            namespace,
            "corner-local",
            ("Role", "corner-local"),
            &[group("system:serviceaccounts:corner-elsewhere"), user("named@corp.example")],
        ),
    ])
}

/// Reviews of that world, from every corner.
fn reviews(namespace: &str) -> String {
    let runner = format!("system:serviceaccount:{namespace}:runner");
    let subjects = [
        json!({"user": "named@corp.example", "groups": ["system:authenticated"]}),
        json!({"user": "local@corp.example", "groups": ["system:authenticated"]}),
        json!({"user": "lost@corp.example"}),
        json!({"user": runner, "groups": ["system:serviceaccounts", "system:authenticated"]}),
        json!({"user": "system:serviceaccount:corner-elsewhere:runner",
            "groups": ["system:serviceaccounts:corner-elsewhere"]}),
        json!({"groups": ["corner-scrapers"]}),
        json!({"user": "boss@corp.example", "groups": ["system:masters"]}),
        json!({"user": "system:anonymous", "groups": ["system:unauthenticated"]}),
        json!({"user": "system:kube-controller-manager", "extra": {"scopes": ["any"]}}),
    ];
    let resources = [
        json!({"verb": "get", "resource": "configmaps", "name": "settings"}),
        json!({"verb": "get", "resource": "configmaps", "name": "settings", "namespace": namespace}),
        json!({"verb": "get", "resource": "configmaps", "name": "other", "namespace": namespace}),
        json!({"verb": "list", "resource": "configmaps", "namespace": namespace}),
        json!({"verb": "list", "group": "apps", "resource": "deployments", "namespace": namespace}),
        json!({"verb": "list", "group": "apps", "resource": "deployments"}),
        json!({"verb": "create", "resource": "pods", "subresource": "exec", "namespace": "default"}),
        json!({"verb": "create", "resource": "pods", "namespace": "default"}),
        json!({"verb": "patch", "group": "any.example", "resource": "things",
            "subresource": "scale"}),
        json!({"verb": "*", "group": "*", "resource": "*"}),
        json!({"verb": "*", "group": "*", "resource": "*", "namespace": namespace}),
        json!({"verb": "get", "resource": "pods", "version": "v7", "namespace": namespace}),
        json!({"verb": "list", "resource": "pods", "namespace": namespace,
            "labelSelector": {"rawSelector": "a=b"}}),
        json!({"verb": "list", "resource": "pods", "namespace": namespace,
            "fieldSelector": {"rawSelector": "not a selector"}}),
    ];
    let paths =
        ["/metrics", "/debug/", "/debug/pprof/heap", "/debug", "/healthz", "/version/", "/"];
    let mut asked = Vec::new();
    for subject in &subjects {
        let mut ask = |field: &str, attributes: &Value| {
            let mut spec = subject.clone();
            spec[field] = attributes.clone();
            asked.push(review(&spec));
        };
        for attributes in &resources {
            ask("resourceAttributes", attributes);
        }
        for path in paths {
            ask("nonResourceAttributes", &json!({"path": path, "verb": "get"}));
        }
    }
    // What the API server refuses to answer.
    for spec in [
        json!({"resourceAttributes": {"verb": "get", "resource": "pods"}}),
        json!({"user": "named@corp.example"}),
        json!({"user": "named@corp.example", "resourceAttributes": {"verb": "get"},
            "nonResourceAttributes": {"verb": "get", "path": "/"}}),
    ] {
        asked.push(review(&spec));
    }
    lines(&asked)
}

#[test]
fn the_oracle_answers_as_the_server_does() {
    let Some(cluster) = Cluster::shared() else { return };
    let report = cluster.load(&world("corner"));
    assert_eq!(report["failed"], 0, "{report}");
    let reviews = reviews("corner");
    let first = review(&json!({"user": "named@corp.example", "resourceAttributes":
        {"verb": "list", "group": "apps", "resource": "deployments", "namespace": "corner"}}));
    // The binding that was made last; the authorizer sees new objects a moment later.
    await_some("the authorizer to know the new objects", || {
        let answers = cluster.sar(&lines(std::slice::from_ref(&first)));
        (answers[0]["status"]["allowed"] == true).then_some(())
    });
    let saved = cluster.folder().join("rbac");
    cluster.save_rbac(&saved);
    let server = cluster.sar(&reviews);
    let oracle = oracle(&program().unwrap(), &saved, &reviews);
    assert_eq!(server.len(), reviews.lines().count());
    assert_eq!(oracle.len(), server.len());
    let mut allowed = 0;
    for (said, expected) in oracle.iter().zip(&server) {
        let question = &expected["spec"];
        assert_eq!(said["kind"], expected["kind"], "{question}");
        if expected["kind"] == "Status" {
            assert_eq!(said, expected);
            continue;
        }
        assert_eq!(&said["spec"], question);
        for field in ["allowed", "denied", "evaluationError"] {
            assert_eq!(said["status"][field], expected["status"][field], "{field} of {question}");
        }
        // Where several bindings allow, the server names whichever it met first.
        let (said, expected) = (&said["status"], &expected["status"]);
        assert_eq!(said["reason"].is_null(), expected["reason"].is_null(), "{question}");
        allowed += usize::from(expected["allowed"] == true);
    }
    assert!(allowed > 40 && allowed < server.len() / 2, "{allowed} of {} allowed", server.len());
}

#[test]
fn the_oracle_answers_before_it_is_asked_again() {
    let Some(program) = program() else { return };
    let folder = env!("CARGO_TARGET_TMPDIR");
    let objects = format!("{folder}/one-question-{}.json", std::process::id());
    fs::write(&objects, bootstrap_policy(&program).to_string()).unwrap();
    let mut oracle = Command::new(&program)
        .args(["oracle", "--objects", &objects])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = oracle.stdin.take().unwrap();
    let mut answers = BufReader::new(oracle.stdout.take().unwrap()).lines();
    for (group, allowed) in [("system:monitoring", true), ("nobody", false)] {
        let metrics = json!({"path": "/metrics", "verb": "get"});
        let spec = json!({"groups": [group], "nonResourceAttributes": metrics});
        writeln!(stdin, "{}", review(&spec)).unwrap();
        let answer: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer["status"]["allowed"], allowed);
    }
    drop(stdin);
    assert!(oracle.wait().unwrap().success());
    fs::remove_file(objects).unwrap();
}
