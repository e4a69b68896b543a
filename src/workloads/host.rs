//! Whether a pod has its node: whoever runs a command in it reads and changes the node's files.

use crate::model::{Container, Containers, PodSpec, SecurityContext, Volume, VolumeSource};

/// A folder or file of a node, and what is had by it. No API server knows of that: it is modelled.
struct Own {
    path: &'static str,
    /// What there is to be read, or connected to: a socket takes that on a read-only mount too.
    reading: Option<&'static str>,
    /// What it is to write there.
    writing: Option<&'static str>,
}

const fn own(path: &'static str, reading: &'static str, writing: &'static str) -> Own {
    Own { path, reading: Some(reading), writing: Some(writing) }
}

/// Where there is nothing to be read that is worth the node.
const fn written(path: &'static str, writing: &'static str) -> Own {
    Own { path, reading: None, writing: Some(writing) }
}

const PROGRAMS: &str = "programs that the node runs as root";
const LIBRARIES: &str = "what programs of the node load";
const LAYERS: &str = "programs of every container there";
const JOBS: &str = "commands that the node runs as root";
const SETTINGS: &str = "settings of what runs as root, the kubelet's and containers' among it";
const MODULES: &str = "what the kernel loads";
const STARTS: &str = "what the node starts with";
const LOGINS: &str = "who is let in, and as whom";
const SOCKET: &str = "a socket by which containers are run";
const KEYS: &str = "private keys and credentials";

/// What of a node's files is the node's own.
const NODES_OWN: [Own; 68] = [
    own("/etc/kubernetes", KEYS, "static pods"),
    own("/etc/rancher", KEYS, "settings of the kubelet and static pods"),
    own("/home", KEYS, LOGINS),
    own("/root", KEYS, LOGINS),
    own("/proc", "files and variables of every process", "core_pattern, which the kernel runs"),
    own("/run/containerd", SOCKET, SOCKET),
    own("/run/cri-dockerd.sock", SOCKET, SOCKET),
    own("/run/crio", SOCKET, SOCKET),
    own("/run/docker", SOCKET, SOCKET),
    own("/run/docker.sock", SOCKET, SOCKET),
    own("/run/k0s", SOCKET, SOCKET),
    own("/run/k3s", SOCKET, SOCKET),
    own("/run/podman", SOCKET, SOCKET),
    own("/run/systemd/private", "systemd's own socket", "systemd's own socket"),
    own("/srv/kubernetes", KEYS, KEYS),
    own("/var/lib/etcd", "every Secret", "every object"),
    own("/var/lib/k0s", KEYS, PROGRAMS),
    own(
        "/var/lib/kubelet",
        "tokens of the node's pods, the kubelet's key",
        "the kubelet's settings",
    ),
    own("/var/lib/rancher", KEYS, PROGRAMS),
    own("/var/snap/microk8s", KEYS, PROGRAMS),
    written("/bin", PROGRAMS),
    written("/boot", STARTS),
    written("/etc/cni/net.d", JOBS),
    written("/etc/containerd", SETTINGS),
    written("/etc/cron.d", JOBS),
    written("/etc/cron.daily", JOBS),
    written("/etc/cron.hourly", JOBS),
    written("/etc/cron.monthly", JOBS),
    written("/etc/cron.weekly", JOBS),
    written("/etc/cron.yearly", JOBS),
    written("/etc/crontab", JOBS),
    written("/etc/crio", SETTINGS),
    written("/etc/default", SETTINGS),
    written("/etc/docker", SETTINGS),
    written("/etc/init.d", JOBS),
    written("/etc/kubelet.d", "static pods"),
    written("/etc/ld.so.conf", LIBRARIES),
    written("/etc/ld.so.conf.d", LIBRARIES),
    written("/etc/ld.so.preload", LIBRARIES),
    written("/etc/modprobe.d", MODULES),
    written("/etc/pam.d", LOGINS),
    written("/etc/passwd", LOGINS),
    written("/etc/profile", LOGINS),
    written("/etc/profile.d", LOGINS),
    written("/etc/shadow", LOGINS),
    written("/etc/ssh", LOGINS),
    written("/etc/sudoers", LOGINS),
    written("/etc/sudoers.d", LOGINS),
    written("/etc/sysconfig", SETTINGS),
    written("/etc/systemd", JOBS),
    written("/etc/udev", JOBS),
    written("/lib", LIBRARIES),
    written("/lib64", LIBRARIES),
    written("/opt/bin", PROGRAMS),
    written("/opt/cni/bin", PROGRAMS),
    written("/sbin", PROGRAMS),
    written("/sys", "what the kernel runs, and its devices"),
    written("/usr/bin", PROGRAMS),
    written("/usr/lib", LIBRARIES),
    written("/usr/lib64", LIBRARIES),
    written("/usr/libexec", PROGRAMS),
    written("/usr/local", PROGRAMS),
    written("/usr/sbin", PROGRAMS),
    written("/var/lib/cloud", JOBS),
    written("/var/lib/containerd", LAYERS),
    written("/var/lib/containers", LAYERS),
    written("/var/lib/docker", LAYERS),
    written("/var/spool/cron", JOBS),
];

/// Sockets by which containers are run, wherever they are.
const SOCKETS: [&str; 5] =
    ["containerd.sock", "cri-dockerd.sock", "crio.sock", "docker.sock", "podman.sock"];

/// Folders of those in which there is no pod's token and no key: plugins' sockets and data, what the
/// kubelet says of devices, profiles, volumes.
const OTHERS: [&str; 6] = [
    "/var/lib/kubelet/device-plugins",
    "/var/lib/kubelet/plugins",
    "/var/lib/kubelet/plugins_registry",
    "/var/lib/kubelet/pod-resources",
    "/var/lib/kubelet/seccomp",
    "/var/lib/rancher/k3s/storage",
];

/// Capabilities of Linux by which a process that has them comes out of its container
/// (`capabilities(7)`): it mounts the node's disks, loads modules, reads files by their numbers, or
/// writes to devices.
const CAPABILITIES: [&str; 5] = ["ALL", "DAC_READ_SEARCH", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO"];

/// The same where it sees the node's processes.
const TRACES: &str = "SYS_PTRACE";

/// Whether one of a pod's containers that run is privileged or a process of the node's, has a
/// capability that comes to as much, sees the node's processes as root, or files of the node that are the
/// node's own.
pub fn has_node(spec: &PodSpec) -> bool {
    let mut running = Containers::Running.of(spec);
    running.any(|container| {
        let context = container.security_context.as_deref();
        context.and_then(|of| of.privileged) == Some(true)
            || is_process(spec, container)
            || can_leave(spec, context)
            || sees_processes(spec, container)
            || spec.volumes.iter().any(|volume| sees_nodes_own(spec, container, volume))
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

/// Whether it sees the node's processes as root, with what the runtime gives root: what those of other
/// containers have in their files and variables, as `/proc/PID/root` and `/proc/PID/environ` have it, is
/// open to it, those of the API server's own pod among it (`ptrace(2)`, access mode
/// `PTRACE_MODE_READ_FSCREDS`: the same user, and no capability that it does not have). As whom an image
/// runs that says nothing here is not known: it is taken to be root.
fn sees_processes(spec: &PodSpec, container: &Container) -> bool {
    if !spec.host_pid || spec.host_users == Some(false) {
        return false;
    }
    let (own, pod) = (container.security_context.as_deref(), spec.security_context.as_deref());
    let user = own.and_then(|of| of.run_as_user).or_else(|| pod.and_then(|of| of.run_as_user));
    let not_root =
        own.and_then(|of| of.run_as_non_root).or_else(|| pod.and_then(|of| of.run_as_non_root));
    let dropped = own.and_then(|of| of.capabilities.as_ref()).map_or(&[][..], |of| &of.drop);
    let has_none = dropped.iter().any(|name| name.eq_ignore_ascii_case("ALL"));
    user.is_none_or(|user| user == 0) && not_root != Some(true) && !has_none
}

fn sees_nodes_own(spec: &PodSpec, container: &Container, volume: &Volume) -> bool {
    let Some(VolumeSource::HostPath(path)) = &volume.source else { return false };
    // What there is to be read or written is root's, and its group's at most; but for homes.
    let is_open = |path: &str| match never_root(spec, container) {
        None => true,
        Some(user) => PEOPLE.contains(&user) && is_a_home(path),
    };
    container.mounts_of(volume).any(|mount| {
        let path = cleaned(&format!("{path}/{}", mount.sub_path));
        is_nodes_own(&path, mount.read_only) && is_open(&path)
    })
}

/// Numbers of users who have a home (`login.defs(5)`, `UID_MIN` and `UID_MAX`).
const PEOPLE: std::ops::RangeInclusive<i64> = 1_000..=60_000;

/// The number of the user that a container's processes are and stay, where they are neither root nor in
/// its group: a program of the image that runs as its owner makes none of them root. None where they are,
/// or may be.
fn never_root(spec: &PodSpec, container: &Container) -> Option<i64> {
    let (own, pod) = (container.security_context.as_deref(), spec.security_context.as_deref());
    let user = own.and_then(|of| of.run_as_user).or_else(|| pod.and_then(|of| of.run_as_user));
    let group = own.and_then(|of| of.run_as_group).or_else(|| pod.and_then(|of| of.run_as_group));
    let more = pod.map_or(&[][..], |of| &of.supplemental_groups);
    let in_roots = more.contains(&0) || pod.and_then(|of| of.fs_group) == Some(0);
    let stays = group.is_some_and(|group| group != 0)
        && !in_roots
        && own.and_then(|of| of.allow_privilege_escalation) == Some(false)
        && own.and_then(|of| of.capabilities.as_ref()).is_none_or(|of| of.add.is_empty());
    user.filter(|user| *user != 0 && stays)
}

/// Whether there may be somebody's home in it, whose number a process may have.
fn is_a_home(path: &str) -> bool {
    let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
    path.is_empty() || path.strip_prefix("/home").is_some_and(below)
}

/// A path without what changes nothing of it, as Go's `path.Clean` has it; the root is empty.
fn cleaned(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.iter().flat_map(|part| ["/", part]).collect()
}

/// Whether a cleaned path holds what is the node's own, for one who may only read it or not.
fn is_nodes_own(path: &str, read_only: bool) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // `/var/run` is `/run` on every node of today.
    let path = path.strip_prefix("/var").filter(|rest| within(rest, "/run")).unwrap_or(path);
    let gives = |own: &&Own| if read_only { own.reading } else { own.writing }.is_some();
    // In somebody's home it is the hidden folders that let others in.
    let is_data = path
        .strip_prefix("/home")
        .and_then(|rest| rest.split('/').nth(2))
        .is_some_and(|part| !part.starts_with('.'));
    SOCKETS.iter().any(|socket| path.ends_with(socket))
        || (!is_data
            && !OTHERS.iter().any(|others| within(path, others))
            && NODES_OWN
                .iter()
                .filter(gives)
                .any(|own| within(path, own.path) || within(own.path, path)))
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
            "/etc/containerd",
            "/etc/udev/rules.d",
            "/etc/default",
            "/etc/sysconfig/kubelet",
            "/etc/ld.so.conf.d",
            "/etc/profile.d",
            "/boot",
            "/sys",
            "/var/lib/cloud/scripts",
            "/srv",
            "/srv/kubernetes/kube-apiserver",
        ] {
            assert!(has(&path(own)), "{own}");
        }
        for other in [
            "/var/log",
            "/data",
            "/etc/ssl/certs",
            "/etc/machine-id",
            "/etc/profiles",
            "/srv/data",
            "/etc/localtime",
            "/var/lib/kubelet-plugins",
            "/var/runs",
        ] {
            assert!(!has(&path(other)), "{other}");
        }
        for spelled in
            ["/./", "//", "//var//lib/kubelet", "/var/./lib/kubelet", "/var/lib//kubelet/./pods"]
        {
            assert!(has(&path(spelled)), "{spelled}");
        }
        for other in ["//var//log", "/var/lib/kubelet/./plugins", "/./data/"] {
            assert!(!has(&path(other)), "{other}");
        }
        let unmounted = json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}],
            "containers": [{"name": "main"}]});
        assert!(!has(&unmounted));
    }

    #[test]
    fn a_read_only_mount_gives_what_is_to_be_read() {
        let mounts = |path: &str, read_only: &[bool]| {
            let mounts: Vec<Value> = read_only
                .iter()
                .enumerate()
                .map(|(at, is)| json!({"name": "v", "mountPath": format!("/{at}"), "readOnly": is}))
                .collect();
            has(&json!({"volumes": [{"name": "v", "hostPath": {"path": path}}],
                "containers": [{"name": "main", "volumeMounts": mounts}]}))
        };
        for written in [
            "/bin",
            "/etc/cni/net.d",
            "/etc/cron.d",
            "/etc/cron.daily",
            "/etc/ld.so.preload",
            "/etc/pam.d",
            "/etc/shadow",
            "/etc/ssh",
            "/etc/systemd/system",
            "/lib",
            "/lib/systemd",
            "/opt/cni/bin",
            "/opt/cni",
            "/sbin",
            "/usr",
            "/usr/bin",
            "/usr/lib/systemd/system",
            "/usr/local/bin",
            "/usr/sbin",
            "/var/lib/containerd",
            "/var/spool/cron",
        ] {
            assert!(mounts(written, &[false]), "{written}");
            assert!(!mounts(written, &[true]), "{written}");
            assert!(mounts(written, &[true, false]), "{written}");
        }
        for read in [
            "/",
            "/etc",
            "/etc/kubernetes/pki",
            "/home",
            concat!("/home", "/ana/.ssh"),
            "/proc",
            "/root",
            "/run/cri-dockerd.sock",
            "/run/systemd/private",
            "/var/lib/etcd",
            "/var/lib/kubelet/pods",
            "/var/lib/rancher",
            "/var/lib/rancher/k3s/server/tls",
            "/var/run/docker.sock",
        ] {
            assert!(mounts(read, &[false]), "{read}");
            assert!(mounts(read, &[true]), "{read}");
        }
        for other in [
            concat!("/home", "/ana/data"),
            "/opt/app",
            "/etc/hosts",
            "/etc/ssl",
            "/var/lib/rancher/k3s/storage/pvc-1",
        ] {
            assert!(!mounts(other, &[false]), "{other}");
        }
    }

    #[test]
    fn nobody_reads_what_is_roots() {
        let pod = |path: &str, read_only: bool, of_pod: &Value, context: &Value| {
            let mount = json!({"name": "v", "mountPath": "/v", "readOnly": read_only});
            has(&json!({"volumes": [{"name": "v", "hostPath": {"path": path}}],
                "securityContext": of_pod, "containers": [
                    {"name": "main", "securityContext": context, "volumeMounts": [mount]}]}))
        };
        let (none, stays) = (json!({}), json!({"allowPrivilegeEscalation": false}));
        let nobody = json!({"runAsUser": 65534, "runAsGroup": 65534, "runAsNonRoot": true});
        for path in ["/etc/kubernetes", "/var/lib/kubelet", "/proc", "/run/containerd", "/usr/bin"]
        {
            for read_only in [true, false] {
                assert!(!pod(path, read_only, &nobody, &stays), "{path}");
            }
            assert!(pod(path, false, &none, &stays), "{path}");
        }
        let keys = "/etc/kubernetes";
        assert!(pod(keys, true, &nobody, &none));
        let user = json!({"runAsUser": 65534});
        assert!(pod(keys, true, &user, &stays));
        let root = json!({"runAsUser": 65534, "runAsGroup": 0});
        assert!(pod(keys, true, &root, &stays));
        let more = |key: &str, value: Value| {
            let mut more = nobody.clone();
            more[key] = value;
            pod(keys, true, &more, &stays)
        };
        assert!(more("supplementalGroups", json!([10, 0])));
        assert!(!more("supplementalGroups", json!([10])));
        assert!(more("fsGroup", json!(0)));
        assert!(!more("fsGroup", json!(2000)));
        assert!(more("runAsUser", json!(0)));
        let reads = json!({"allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"], "add": ["DAC_OVERRIDE"]}});
        assert!(pod(keys, true, &nobody, &reads));
        let own_root = json!({"allowPrivilegeEscalation": false, "runAsUser": 0});
        assert!(pod(keys, true, &nobody, &own_root));
        // Somebody's home may be of a user of that number, and all of the node holds homes.
        let person = json!({"runAsUser": 1000, "runAsGroup": 1000});
        for path in ["/", "/home", concat!("/home", "/ana/.ssh")] {
            assert!(pod(path, true, &person, &stays), "{path}");
            assert!(!pod(path, true, &nobody, &stays), "{path}");
        }
        assert!(!pod(keys, true, &person, &stays));
    }

    #[test]
    fn root_among_the_nodes_processes_has_what_others_hold() {
        let pod = |more: &Value, context: &Value| {
            let mut spec = json!({"hostPID": true, "containers": [
                {"name": "main", "securityContext": context}]});
            spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            has(&spec)
        };
        let (none, nobody) = (json!({}), json!({"runAsUser": 65534}));
        assert!(pod(&none, &none));
        assert!(pod(&none, &json!({"runAsUser": 0})));
        assert!(pod(&json!({"securityContext": {"runAsUser": 65534}}), &json!({"runAsUser": 0})));
        assert!(pod(&none, &json!({"capabilities": {"drop": ["NET_RAW"]}})));
        assert!(!pod(&json!({"hostPID": false}), &none));
        assert!(!pod(&json!({"hostUsers": false}), &none));
        assert!(!pod(&none, &nobody));
        assert!(!pod(&json!({"securityContext": nobody}), &none));
        assert!(!pod(&none, &json!({"runAsNonRoot": true})));
        assert!(!pod(&json!({"securityContext": {"runAsNonRoot": true}}), &none));
        assert!(!pod(&none, &json!({"capabilities": {"drop": ["ALL"]}})));
        let traces = json!({"capabilities": {"drop": ["ALL"], "add": ["SYS_PTRACE"]}});
        assert!(pod(&none, &traces));
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
