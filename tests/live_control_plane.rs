//! The control plane that the other live tests stand on does what they take for granted.

#![allow(clippy::unwrap_used)] // The helpers are a test's as much as the tests are.

mod support;

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::{Value, json};
use support::cluster::{Cluster, Options, program};
use support::process::{await_some, is_running, kill};

fn await_gone(pids: &[(String, u32)]) {
    for (name, pid) in pids {
        await_some(&format!("the end of {name} ({pid})"), || (!is_running(*pid)).then_some(()));
    }
}

#[test]
fn a_ready_cluster_has_settled_and_leaves_nothing_behind() {
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let pids = cluster.pids();
    let names: Vec<&str> = pids.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["etcd", "kube-apiserver", "kube-controller-manager", "supervisor"]);
    assert!(pids.iter().all(|(_, pid)| is_running(*pid)));

    assert_eq!(cluster.kubectl_ok(&["get", "--raw", "/readyz"]), "ok");
    let version: Value =
        serde_json::from_str(&cluster.kubectl_ok(&["version", "-o", "json"])).unwrap();
    assert_eq!(version["serverVersion"]["gitVersion"], cluster.ready()["version"]);
    let accounts = cluster.kubectl_ok(&["get", "serviceaccount", "-A", "-o", "name"]);
    assert_eq!(accounts.lines().filter(|name| *name == "serviceaccount/default").count(), 4);
    let admin = cluster.kubectl_ok(&["get", "clusterrole", "admin", "-o", "jsonpath={.rules}"]);
    assert!(admin.contains("rolebindings"), "aggregation has not happened: {admin}");

    let folder = cluster.folder().to_owned();
    drop(cluster);
    await_gone(&pids);
    assert!(!folder.exists());
}

#[test]
fn two_clusters_at_once_do_not_know_each_other() {
    let (left, right) = thread::scope(|scope| {
        let start = |name: &str| {
            let options = Options {
                name: Some(name.into()),
                without_controllers: true,
                ..Options::default()
            };
            scope.spawn(move || Cluster::start(&options))
        };
        let (left, right) = (start("left"), start("right"));
        (left.join().unwrap(), right.join().unwrap())
    });
    let (Some(left), Some(right)) = (left, right) else { return };
    assert_ne!(left.server(), right.server());
    left.kubectl_ok(&["create", "namespace", "only-left"]);
    assert!(!right.kubectl(&["get", "namespace", "only-left"]).status.success());
    assert_eq!(left.kubectl_ok(&["config", "current-context"]).trim(), "left");
}

#[test]
fn a_killed_supervisor_takes_its_children_along() {
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    let pids = cluster.pids();
    let supervisor = pids.iter().find(|(name, _)| name == "supervisor").unwrap().1;
    kill(supervisor);
    await_gone(&pids);
}

/// Set for the process that the next test starts in order to kill it.
const VICTIM: &str = "KEYBOOK_TEST_VICTIM";

#[test]
fn a_killed_test_process_takes_its_cluster_along() {
    if env::var_os(VICTIM).is_some() {
        let cluster = Cluster::shared().unwrap();
        println!("\nvictim {}", json!({"pids": cluster.pids(), "folder": cluster.folder()}));
        // Until it is killed.
        thread::park();
        return;
    }
    if program().is_none() {
        return;
    }
    let mut victim = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_killed_test_process_takes_its_cluster_along", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let said = lines.map_while(Result::ok).find_map(|line| {
        line.strip_prefix("victim ").map(|said| serde_json::from_str::<Value>(said).unwrap())
    });
    let said = said.expect("the other process says what it started");
    victim.kill().unwrap();
    victim.wait().unwrap();
    let pids: Vec<(String, u32)> = serde_json::from_value(said["pids"].clone()).unwrap();
    assert_eq!(pids.len(), 4);
    await_gone(&pids);
    let folder = said["folder"].as_str().unwrap();
    assert!(!fs::exists(folder).unwrap(), "{folder} was left behind");
}

#[test]
fn a_restart_keeps_what_a_compaction_forgets() {
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    cluster.kubectl_ok(&["create", "namespace", "kept"]);
    let (server, pids) = (cluster.server(), cluster.pids());

    cluster.restart_apiserver();
    assert_eq!(cluster.server(), server);
    let moved: Vec<_> = cluster.pids().into_iter().filter(|pid| !pids.contains(pid)).collect();
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0].0, "kube-apiserver");
    cluster.kubectl_ok(&["get", "namespace", "kept"]);

    let list: Value =
        serde_json::from_str(&cluster.kubectl_ok(&["get", "--raw", "/api/v1/namespaces?limit=2"]))
            .unwrap();
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let token = list["metadata"]["continue"].as_str().unwrap();
    let watch = format!("/api/v1/namespaces?watch=1&timeoutSeconds=1&resourceVersion={version}");
    assert_eq!(cluster.kubectl_ok(&["get", "--raw", &watch]), "");
    cluster.compact();
    let answer: Value =
        serde_json::from_str(&cluster.kubectl_ok(&["get", "--raw", &watch])).unwrap();
    assert_eq!(answer["object"]["code"], 410, "{answer}");
    let next = format!("/api/v1/namespaces?limit=2&continue={token}");
    let refused = cluster.kubectl(&["get", "--raw", &next]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("(Expired)"), "{refused:?}");
    cluster.kubectl_ok(&["get", "namespace", "kept"]);

    cluster.stop_apiserver();
    assert!(!cluster.kubectl(&["get", "--raw", "/livez"]).status.success());
    cluster.start_apiserver();
    assert_eq!(cluster.kubectl_ok(&["get", "--raw", "/livez"]), "ok");
}

#[test]
fn the_audit_log_tells_who_did_what_by_which_credential() {
    let Some(cluster) = Cluster::shared() else { return };
    let jane = cluster.client_cert("jane@corp.example", &["auditors"]);
    let kubeconfig = |path: &std::path::Path| format!("--kubeconfig={}", path.display());
    let refused =
        cluster.kubectl(&[&kubeconfig(&jane.kubeconfig), "get", "secrets", "-n", "kube-system"]);
    assert!(!refused.status.success());
    let event = cluster.await_audit("jane's attempt", |event| {
        event["user"]["username"] == "jane@corp.example"
            && event["objectRef"]["resource"] == "secrets"
            && event["stage"] == "ResponseComplete"
    });
    assert_eq!(event["responseStatus"]["code"], 403);
    assert_eq!(event["user"]["groups"], json!(["auditors", "system:authenticated"]));
    assert_eq!(event["annotations"]["authorization.k8s.io/decision"], "forbid");
    assert_eq!(event["sourceIPs"], json!(["127.0.0.1"]));
    let credential = &event["user"]["extra"]["authentication.kubernetes.io/credential-id"][0];
    assert!(credential.as_str().unwrap().starts_with("X509SHA256="));

    let ada = kubeconfig(&cluster.token("token-ada"));
    cluster.kubectl(&[&ada, "get", "pods"]);
    let event = cluster.await_audit("ada's attempt", |event| {
        event["user"]["username"] == "ada@corp.example" && event["objectRef"]["resource"] == "pods"
    });
    let groups = json!(["platform", "engineering", "system:authenticated"]);
    assert_eq!(event["user"]["groups"], groups);

    let expired = cluster.expired_cert("jane@corp.example", &[]);
    let refused = cluster.kubectl(&[&kubeconfig(&expired.kubeconfig), "get", "pods"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Unauthorized"), "{refused:?}");

    let supervisor = |event: &Value| {
        event["user"]["username"].as_str().is_some_and(|name| name.contains("supervisor"))
    };
    assert!(!cluster.audit_events().iter().any(supervisor));
}

#[test]
fn every_question_to_the_authorizers_is_recorded() {
    let options =
        Options { record_authorizer: true, without_controllers: true, ..Options::default() };
    let Some(cluster) = Cluster::start(&options) else { return };
    let bob = format!("--kubeconfig={}", cluster.token("token-bob").display());
    let asked = |name: &str| {
        let questions = cluster.authorizer_questions();
        let wanted = |question: &Value| {
            question["spec"]["user"] == "bob@corp.example"
                && question["spec"]["resourceAttributes"]["name"] == name
        };
        questions.into_iter().filter(wanted).count()
    };
    cluster.kubectl(&[&bob, "get", "configmap", "first"]);
    cluster.kubectl(&[&bob, "get", "configmap", "first"]);
    // Uncached, so that the same question is seen as often as it is asked.
    assert_eq!(asked("first"), 2);
    // The recorder has no opinion: RBAC still decides.
    cluster.kubectl_ok(&["create", "clusterrole", "reader", "--verb=get", "--resource=configmaps"]);
    let binding = ["create", "clusterrolebinding", "bob", "--clusterrole=reader"];
    cluster.kubectl_ok(&[&binding[..], &["--user=bob@corp.example"]].concat());
    let answer = await_some("bob's right", || {
        let answer = cluster.kubectl(&[&bob, "get", "configmap", "second"]);
        let errors = String::from_utf8_lossy(&answer.stderr).into_owned();
        errors.contains("NotFound").then_some(errors)
    });
    assert!(answer.contains("second"));
}
