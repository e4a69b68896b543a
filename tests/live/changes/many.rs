//! Plans of many steps: progress, stopping in between, going on.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use keybook::cluster::DryRun;
use keybook::cluster::kube::{ConnectOptions, connect_writer};
use serde_json::{Value, json};

use super::faults::{Act, Faulty};
use super::{Desk, binding, cluster, user};
use crate::support::cluster::Cluster;

/// As many bindings that each name dan and one other, in one namespace.
fn bindings(cluster: &Cluster, ns: &str, count: usize) {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}});
    let mut lines = vec![namespace.to_string()];
    lines.extend((0..count).map(|at| {
        let subjects = json!([user(&format!("other-{at}")), user("dan@corp.example")]);
        binding(Some(ns), &format!("b{at:04}"), "view", &subjects).to_string()
    }));
    cluster.load(&lines.join("\n"));
}

/// Whom the bindings of a namespace name.
fn named(cluster: &Cluster, ns: &str) -> Vec<BTreeSet<String>> {
    let list = cluster.kubectl_ok(&["get", "rolebindings", "-n", ns, "-o", "json"]);
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let items = list["items"].as_array().expect("items");
    let subjects = |item: &Value| {
        let subjects = item["subjects"].as_array().expect("subjects").iter();
        subjects.map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
    };
    items.iter().map(subjects).collect()
}

#[test]
fn ctrl_c_stops_after_the_step_at_hand_and_the_run_goes_on_later() {
    let Some(cluster) = cluster() else { return };
    bindings(&cluster, "many", 12);
    let before = named(&cluster, "many");
    let faulty = Faulty::start(&cluster);
    let mut desk = Desk::new(cluster.kubeconfig());
    desk.by(&faulty.kubeconfig());
    let plan = desk.plan(&["user:dan@corp.example"]);
    faulty.next(&[Act::Pass, Act::Pass, Act::Gate]);
    let mut command = desk.command(&["apply", &plan, "--yes", "faulty"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("start keybook");
    faulty.await_held();
    let interrupt = format!("kill -INT {}", process.id());
    assert!(Command::new("sh").args(["-c", &interrupt]).status().expect("sh").success());
    let mut said = BufReader::new(process.stderr.take().expect("a pipe")).lines();
    let line =
        said.find(|line| line.as_ref().expect("text").contains("stopping after the step at hand"));
    assert!(line.is_some(), "it says so");
    faulty.release();
    let rest: Vec<String> = said.map(|line| line.expect("text")).collect();
    assert_eq!(process.wait().expect("it ends").code(), Some(130), "{rest:?}");
    let dan = |all: &[BTreeSet<String>]| {
        all.iter().filter(|names| names.contains("dan@corp.example")).count()
    };
    assert_eq!(dan(&named(&cluster, "many")), 9, "three steps were made");
    desk.keybook(&["apply", "--finish", "1", "--yes", "faulty"]).ends_with(0).says("12. replace");
    assert_eq!(dan(&named(&cluster, "many")), 0);
    desk.keybook(&["undo", "1", "--yes", "faulty"]).ends_with(0);
    assert_eq!(named(&cluster, "many"), before);
}

#[test]
fn many_steps_are_applied_and_undone() {
    let Some(cluster) = cluster() else { return };
    let count = if crate::full() { 2_000 } else { 40 };
    bindings(&cluster, "crowd", count);
    let before = named(&cluster, "crowd");
    let desk = Desk::new(cluster.kubeconfig());
    let began = Instant::now();
    let plan = desk.plan(&["user:dan@corp.example"]);
    let planned = began.elapsed();
    let began = Instant::now();
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0);
    let applied = began.elapsed();
    assert!(named(&cluster, "crowd").iter().all(|names| names.len() == 1));
    desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0);
    assert_eq!(named(&cluster, "crowd"), before);
    let began = Instant::now();
    in_order(&cluster, "crowd");
    println!(
        "{count} steps: planned in {planned:?}, applied in {applied:?}; one client that makes the \
         writes in order and nothing else: {:?}",
        began.elapsed()
    );
}

/// The same writes, by one client, without looking, journal or question.
fn in_order(cluster: &Cluster, ns: &str) {
    let list = cluster.kubectl_ok(&["get", "rolebindings", "-n", ns, "-o", "json"]);
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let options =
        ConnectOptions { kubeconfig: Some(cluster.kubeconfig()), ..ConnectOptions::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let writer = connect_writer(&options).await.expect("connect");
        for item in list["items"].as_array().expect("items") {
            let mut item = item.clone();
            item["subjects"].as_array_mut().expect("subjects").pop();
            let name = item["metadata"]["name"].as_str().expect("a name");
            let path =
                format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings/{name}");
            writer.replace(&path, &item, DryRun::No).await.expect("replace");
        }
    });
}
