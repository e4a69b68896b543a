//! What runs as an account, on pods that real controllers made and real admission filled out; and a
//! snapshot repeats it.

use serde_json::{Value, json};

use crate::inventory::keybook;
use crate::support::cluster::{Cluster, Options};
use crate::support::process::await_some;

const NS: &str = "blast";

fn deployment(name: &str, account: &str, replicas: u32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": NS},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {
                "serviceAccountName": account,
                "volumes": [{"name": "db", "secret": {"secretName": "db"}},
                    {"name": "other", "secret": {"secretName": "mounted-nowhere"}}],
                "containers": [{"name": "c", "image": "example.org/app",
                    "volumeMounts": [{"name": "db", "mountPath": "/db"}],
                    "securityContext": {"runAsUser": 0}}]}}}})
}

fn apply(cluster: &Cluster, object: &Value) {
    let output = cluster.kubectl_with(&["apply", "-f", "-"], &object.to_string());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Its workloads as `KIND NAME`, with pods, token and both directions.
fn told(of: &Value) -> Vec<(String, u64, String)> {
    let text = |row: &Value, field: &str| row[field].as_str().unwrap_or("?").to_owned();
    let rows = of["items"][0]["blastRadius"]["workloads"].as_array().expect("workloads");
    rows.iter()
        .map(|row| {
            let name = format!("{} {}", text(row, "kind"), text(row, "name"));
            let [token, level, root] = ["token", "level", "root"].map(|field| text(row, field));
            let [into, out] = ["ingress", "egress"].map(|field| text(row, field));
            let says = format!("token {token}, {level}, root {root}, in {into}, out {out}");
            (name, row["pods"].as_u64().expect("a number"), says)
        })
        .collect()
}

#[test]
fn pods_of_real_controllers_are_told_with_what_made_them() {
    let Some(cluster) = Cluster::start(&Options { workloads: true, ..Options::default() }) else {
        return;
    };
    cluster.kubectl_ok(&["create", "namespace", NS]);
    for (account, automount) in [("on", json!(null)), ("off", json!(false))] {
        apply(
            &cluster,
            &json!({"apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"name": account, "namespace": NS},
                "automountServiceAccountToken": automount}),
        );
    }
    apply(&cluster, &deployment("web", "on", 2));
    apply(&cluster, &deployment("quiet", "off", 1));
    let template = deployment("x", "on", 1)["spec"]["template"].clone();
    let mut job = template;
    job["spec"]["restartPolicy"] = json!("Never");
    apply(
        &cluster,
        &json!({"apiVersion": "batch/v1", "kind": "CronJob",
            "metadata": {"name": "night", "namespace": NS},
            "spec": {"schedule": "0 3 * * *", "suspend": true,
                "jobTemplate": {"spec": {"template": job}}}}),
    );
    apply(
        &cluster,
        &json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": "web", "namespace": NS}, "spec": {"podSelector":
                {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}}}),
    );
    await_some("three pods", || {
        let pods = cluster.kubectl_ok(&["get", "pods", "-n", NS, "-o", "name"]);
        (pods.lines().count() == 3).then_some(())
    });
    let live = |account: &str| keybook(&cluster.kubeconfig(), &["show", account]);
    let on = live("sa:blast/on");
    let row = |name: &str, pods: u64, says: &str| (name.to_owned(), pods, says.to_owned());
    assert_eq!(
        told(&on),
        [
            row("CronJob night", 0, "token yes, baseline, root yes, in open, out open"),
            row("Deployment web", 2, "token yes, baseline, root yes, in isolated, out open"),
        ]
    );
    let radius = &on["items"][0]["blastRadius"];
    assert_eq!(radius["missing"], json!([]));
    assert_eq!(radius["workloads"][1]["secrets"], json!(["db"]));
    assert_eq!(radius["workloads"][1]["networkPolicies"], json!(["web"]));
    let off = live("sa:blast/off");
    assert_eq!(
        told(&off),
        [row("Deployment quiet", 1, "token no, baseline, root yes, in open, out open")]
    );

    let saved = cluster.folder().join("saved").display().to_string();
    let (kubeconfig, program) = (cluster.kubeconfig(), env!("CARGO_BIN_EXE_keybook"));
    let done = std::process::Command::new(program)
        .arg("--kubeconfig")
        .arg(&kubeconfig)
        .args(["snapshot", "--out", &saved])
        .env_remove("KUBECONFIG")
        .env("KEYBOOK_CONFIG", "")
        .output()
        .expect("it runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for (account, told) in [("sa:blast/on", &on), ("sa:blast/off", &off)] {
        let again = std::process::Command::new(program)
            .args(["show", account, "--from", &saved, "--no-store", "-o", "json"])
            .env("KEYBOOK_CONFIG", "")
            .output()
            .expect("it runs");
        let again: Value = serde_json::from_slice(&again.stdout).expect("JSON");
        assert_eq!(again["items"][0]["blastRadius"], told["items"][0]["blastRadius"], "{account}");
    }
}
