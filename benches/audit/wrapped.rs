//! The same log as clouds hand it out.

use std::io::{BufRead, Write};

use serde_json::{Value, json};

/// How it is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// CloudWatch's export to S3: a time before each line.
    EksExport,
    /// CloudWatch's subscription: batches of quoted lines, joined without newlines.
    EksFirehose,
    /// Azure's storage: a record around each quoted line.
    Aks,
    /// Google's log entries, in a shape of their own.
    Gke,
}

/// Wraps a log of the API server.
pub fn write(wrapping: Wrapping, log: impl BufRead, mut out: impl Write) -> std::io::Result<()> {
    let mut batch: Vec<Value> = Vec::new();
    for line in log.lines() {
        let line = line?;
        match wrapping {
            Wrapping::EksExport => writeln!(out, "2026-05-04T09:10:11.123Z {line}")?,
            Wrapping::EksFirehose => {
                batch
                    .push(json!({"id": "38", "timestamp": 1_777_885_811_123_u64, "message": line}));
                if batch.len() == 50 {
                    write!(out, "{}", firehose(&std::mem::take(&mut batch)))?;
                }
            }
            Wrapping::Aks => writeln!(out, "{}", aks(&line))?,
            Wrapping::Gke => writeln!(out, "{}", gke(&line))?,
        }
    }
    if !batch.is_empty() {
        write!(out, "{}", firehose(&batch))?;
    }
    out.flush()
}

fn firehose(events: &[Value]) -> Value {
    json!({"messageType": "DATA_MESSAGE", "owner": "111122223333",
           "logGroup": "/aws/eks/shop/cluster", "logStream": "kube-apiserver-audit-0a1b",
           "subscriptionFilters": ["all"], "logEvents": events})
}

fn aks(line: &str) -> Value {
    json!({"category": "kube-audit", "ccpNamespace": "6f",
           "operationName": "Microsoft.ContainerService/managedClusters/diagnosticLogs/Read",
           "resourceId": "/SUBSCRIPTIONS/0/RESOURCEGROUPS/R/PROVIDERS/MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/SHOP",
           "properties": {"log": format!("{line}\n"), "stream": "stdout",
                          "pod": "kube-apiserver-7c9-x", "containerID": "c0"},
           "time": "2026-05-04T09:10:11.1234567Z"})
}

fn gke(line: &str) -> Value {
    let event: Value = serde_json::from_str(line).unwrap_or_default();
    let object = &event["objectRef"];
    let part = |key: &str| object[key].as_str().unwrap_or_default();
    let group = if part("apiGroup").is_empty() { "core" } else { part("apiGroup") };
    let (resource, verb) = (part("resource"), event["verb"].as_str().unwrap_or_default());
    let mut name = format!("{group}/{}", part("apiVersion"));
    for (before, key) in [("/namespaces/", "namespace"), ("/", "resource"), ("/", "name")] {
        if !part(key).is_empty() {
            name += before;
            name += part(key);
        }
    }
    let method = format!("io.k8s.{group}.{}.{resource}.{verb}", part("apiVersion"));
    let code = match event["responseStatus"]["code"].as_u64() {
        Some(403) => 7,
        Some(404) => 5,
        _ => 0,
    };
    json!({"insertId": event["auditID"], "timestamp": event["requestReceivedTimestamp"],
           "logName": "projects/p1/logs/cloudaudit.googleapis.com%2Fdata_access",
           "labels": event["annotations"], "receiveTimestamp": "2026-05-04T09:10:12Z",
           "operation": {"id": event["auditID"], "producer": "k8s.io", "first": true, "last": true},
           "resource": {"type": "k8s_cluster", "labels": {"cluster_name": "shop",
                        "location": "europe-west1", "project_id": "p1"}},
           "protoPayload": {"@type": "type.googleapis.com/google.cloud.audit.AuditLog",
               "serviceName": "k8s.io", "methodName": method, "resourceName": name,
               "authenticationInfo": {"principalEmail": event["user"]["username"]},
               "authorizationInfo": [{"granted": code != 7, "permission": method, "resource": name}],
               "requestMetadata": {"callerIp": event["sourceIPs"][0],
                                   "callerSuppliedUserAgent": event["userAgent"]},
               "status": {"code": code}}})
}
