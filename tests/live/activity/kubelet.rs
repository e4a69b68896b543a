//! A node whose kubelet is the control plane's small one, and a pod that runs there.

use serde_json::{Value, json};

use crate::support::cluster::Cluster;

/// Makes both, the pod in a namespace that is there.
pub fn make(cluster: &Cluster, namespace: &str) {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": cluster.kubelet_port()}}}});
    let report = cluster.load(&format!("{node}\n{}", pod(namespace)));
    assert_eq!(report["failed"], 0, "{report}");
    // No client reaches into a pod of which nobody said that it runs.
    let running = json!({"status": {"phase": "Running", "containerStatuses": [{"name": "main",
        "image": "registry.example/web:1", "imageID": "", "ready": true, "restartCount": 0,
        "state": {"running": {}}}]}});
    cluster.kubectl_ok(&[
        "patch",
        "pod",
        "running",
        "--namespace",
        namespace,
        "--subresource=status",
        "--type=merge",
        "--patch",
        &running.to_string(),
    ]);
}

fn pod(namespace: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "running", "namespace": namespace},
        "spec": {"nodeName": "n1", "serviceAccountName": "bot",
            "containers": [{"name": "main", "image": "registry.example/web:1"}]}})
}
