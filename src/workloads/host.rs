//! Whether a pod has its node: whoever runs a command in it reads and changes the node's files.

use crate::model::{Container, Containers, PodSpec, SecurityContext, Volume, VolumeSource};

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

/// Folders of the kubelet's in which no pod's token is, nor its own key: plugins' sockets and data,
/// what it says of devices, profiles.
const PLUGINS: [&str; 5] = [
    "/var/lib/kubelet/device-plugins",
    "/var/lib/kubelet/plugins",
    "/var/lib/kubelet/plugins_registry",
    "/var/lib/kubelet/pod-resources",
    "/var/lib/kubelet/seccomp",
];

/// Capabilities of Linux by which a process that has them comes out of its container
/// (`capabilities(7)`): it mounts the node's disks, loads modules, reads files by their numbers, or
/// writes to devices.
const CAPABILITIES: [&str; 5] = ["ALL", "DAC_READ_SEARCH", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO"];

/// The same where it sees the node's processes.
const TRACES: &str = "SYS_PTRACE";

/// Whether one of a pod's containers that run is privileged or a process of the node's, has a
/// capability that comes to as much, or sees files of the node that are the node's own.
pub fn has_node(spec: &PodSpec) -> bool {
    let mut running = Containers::Running.of(spec);
    running.any(|container| {
        let context = container.security_context.as_deref();
        context.and_then(|of| of.privileged) == Some(true)
            || is_process(spec, container)
            || can_leave(spec, context)
            || spec.volumes.iter().any(|volume| sees_nodes_own(container, volume))
    })
}

/// Whether one of its containers is a process of a Windows node.
pub(super) fn is_host_process(spec: &PodSpec) -> bool {
    spec.all_containers().any(|container| is_process(spec, container))
}

/// The container's own word, then the pod's.
fn is_process(spec: &PodSpec, container: &Container) -> bool {
    let says = |context: Option<&SecurityContext>| context?.windows_options.as_ref()?.host_process;
    let own = says(container.security_context.as_deref());
    own.or_else(|| says(spec.security_context.as_deref())) == Some(true)
}

fn can_leave(spec: &PodSpec, context: Option<&SecurityContext>) -> bool {
    // In a user namespace of its own a capability is good for that only.
    if spec.host_users == Some(false) {
        return false;
    }
    let added = context.and_then(|of| of.capabilities.as_ref()).map_or(&[][..], |of| &of.add);
    added.iter().any(|name| {
        let name = name.to_ascii_uppercase();
        let name = name.strip_prefix("CAP_").unwrap_or(&name);
        CAPABILITIES.contains(&name) || (spec.host_pid && name == TRACES)
    })
}

fn sees_nodes_own(container: &Container, volume: &Volume) -> bool {
    let Some(VolumeSource::HostPath(path)) = &volume.source else { return false };
    container.mounts_of(volume).any(|mount| {
        let part = mount.sub_path.trim_matches('/');
        is_nodes_own(&format!("{}/{part}", path.trim_end_matches('/')))
    })
}

fn is_nodes_own(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // `/var/run` is `/run` on every node of today.
    let path = path.strip_prefix("/var").filter(|rest| within(rest, "/run")).unwrap_or(path);
    SOCKETS.iter().any(|socket| path.ends_with(socket))
        || (!PLUGINS.iter().any(|plugins| within(path, plugins))
            && NODES_OWN.iter().any(|own| within(path, own) || within(own, path)))
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
