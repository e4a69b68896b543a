//! Whether a pod has its node: whoever runs a command in it reads and changes the node's files.

use crate::model::{PodSpec, VolumeSource};

/// Folders of a node that hold what is the node's own: the tokens of its pods and the kubelet's key,
/// the container runtime's socket, the control plane's keys, its own programs and jobs.
const NODES_OWN: [&str; 14] = [
    "/etc/cron.d",
    "/etc/kubernetes",
    "/etc/systemd",
    "/proc",
    "/root",
    "/run/containerd",
    "/run/crio",
    "/usr/bin",
    "/usr/local/bin",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/lib/kubelet",
    "/var/lib/etcd",
];

/// Sockets by which containers are run.
const SOCKETS: [&str; 3] = ["docker.sock", "containerd.sock", "crio.sock"];

/// Whether one of a pod's containers is privileged, or sees files of the node that are the node's
/// own.
pub fn has_node(spec: &PodSpec) -> bool {
    let privileged = spec
        .containers
        .iter()
        .chain(&spec.ephemeral_containers)
        .filter_map(|container| container.security_context.as_deref())
        .any(|context| context.privileged == Some(true));
    let paths = spec.volumes.iter().filter(|volume| spec.mounts(volume));
    privileged
        || paths
            .filter_map(|volume| match &volume.source {
                Some(VolumeSource::HostPath(path)) => Some(path),
                _ => None,
            })
            .any(|path| is_nodes_own(path))
}

fn is_nodes_own(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // `/var/run` is `/run` on every node of today.
    let path = path.strip_prefix("/var").filter(|rest| within(rest, "/run")).unwrap_or(path);
    SOCKETS.iter().any(|socket| path.ends_with(socket))
        || NODES_OWN.iter().any(|own| within(path, own) || within(own, path))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn has(spec: &Value) -> bool {
        has_node(&serde_json::from_value(spec.clone()).unwrap())
    }

    #[test]
    fn what_has_the_nodes_own_files_has_the_node() {
        let path = |path: &str| {
            json!({"volumes": [{"name": "v", "hostPath": {"path": path}}], "containers": [
                {"name": "main", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]})
        };
        for own in [
            "/",
            "/var",
            "/var/lib/kubelet/pods",
            "/var/run/docker.sock",
            "/etc",
            "/var/run",
            "/run/",
        ] {
            assert!(has(&path(own)), "{own}");
        }
        for other in
            ["/var/log", "/data", "/etc/localtime", "/var/lib/kubelet-plugins", "/var/runs"]
        {
            assert!(!has(&path(other)), "{other}");
        }
        let unmounted = json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}],
            "containers": [{"name": "main"}]});
        assert!(!has(&unmounted));
    }

    #[test]
    fn privileged_containers_have_the_node_while_they_run() {
        let context = |kind: &str, privileged: bool| {
            json!({"containers": [{"name": "main"}], kind: [
                {"name": "one", "securityContext": {"privileged": privileged}}]})
        };
        assert!(has(&context("containers", true)));
        assert!(!has(&context("containers", false)));
        // It has ended.
        assert!(!has(&context("initContainers", true)));
    }
}
