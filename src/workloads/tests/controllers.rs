//! Who is told with whom, and who no more.

use serde_json::{Value, json};

use super::{all, deployment, world};

#[test]
fn what_an_operator_controls_is_told_without_a_pod() {
    let own = |kind: &str, api: &str| json!([{"apiVersion": api, "kind": kind, "name": "o", "uid": "o", "controller": true}]);
    let spec = json!({"serviceAccountName": "x", "containers": [{"name": "c"}]});
    let of = |kind: &str, owner: Value| {
        let mut made = deployment(&spec);
        made["kind"] = json!(kind);
        if matches!(kind, "Job" | "CronJob") {
            made["apiVersion"] = json!("batch/v1");
        }
        made["metadata"]["ownerReferences"] = owner;
        if kind == "CronJob" {
            made["spec"] = json!({"jobTemplate": {"spec": made["spec"]}});
        }
        let rows = all(&world().object(&made));
        rows.iter().map(|row| format!("{} {}", row.kind, row.name)).collect::<Vec<_>>()
    };
    let custom = || own("Backup", "ops.example.org/v1");
    // Under whom their pods are told: a Deployment's and a CronJob's own name stays.
    assert_eq!(of("CronJob", custom()), ["CronJob web"]);
    assert_eq!(of("Deployment", custom()), ["Deployment web"]);
    for kind in ["StatefulSet", "DaemonSet", "ReplicaSet", "Job"] {
        assert_eq!(of(kind, custom()), ["Backup o"], "{kind}");
    }
    // Of its own kinds the one that was listed tells it; one that was not, no.
    assert_eq!(of("ReplicaSet", own("Deployment", "apps/v1")), ["Deployment o"]);
}

#[test]
fn a_job_that_has_ended_is_nobodys() {
    let job = |condition: &str, status: &str| {
        let mut made =
            deployment(&json!({"serviceAccountName": "x", "containers": [{"name": "c"}]}));
        made["apiVersion"] = json!("batch/v1");
        made["kind"] = json!("Job");
        made["status"] = json!({"conditions": [{"type": condition, "status": status}]});
        all(&world().object(&made)).len()
    };
    assert_eq!(job("Complete", "True"), 0);
    assert_eq!(job("Failed", "True"), 0);
    assert_eq!(job("Complete", "False"), 1);
    assert_eq!(job("Suspended", "True"), 1);
}
