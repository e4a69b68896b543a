//! The Pod Security Standards, check by check
//! (`staging/src/k8s.io/pod-security-admission/policy`, 1.36).

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Container, Name, PodSpec, SecurityContext};

pub use crate::model::PodSecurityLevel as Level;

/// A check that a pod fails.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Of which level it is.
    pub level: Level,
    /// The reason in the words of the API server.
    pub reason: Name,
}

/// A pod as the checks see it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// `metadata.annotations`.
    pub annotations: &'a BTreeMap<Name, Name>,
    /// The spec.
    pub spec: &'a PodSpec,
}

/// The newest minor version of 1 whose rules are known here.
pub const NEWEST: u32 = 36;

const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Safe sysctls, each with the minor version since which it is one.
const SYSCTLS: [(&str, u32); 12] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
];

/// Types of volumes that the restricted level allows.
const VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// What of the restricted level, that of baseline included, a pod fails by the rules of a minor
/// version of 1: baseline's first, then those of restricted alone. What annotations said of seccomp
/// before 1.19 is not looked at.
pub fn violations(subject: Subject<'_>, minor: u32) -> Vec<Violation> {
    let of = Checks { subject, minor };
    let mut found = Vec::new();
    let mut check = |level, reason: Option<String>| {
        found.extend(reason.map(|reason| Violation { level, reason: reason.into() }));
    };
    let mut baseline = |reason| check(Level::Baseline, reason);
    baseline(of.app_armor());
    baseline(of.added_capabilities());
    baseline(of.host_namespaces());
    baseline(of.host_paths());
    baseline(of.host_ports());
    baseline(of.hosts_in_probes());
    baseline(of.privileged());
    baseline(of.proc_mount(of.minor >= 35 && of.in_user_namespace()));
    baseline(of.se_linux());
    baseline(of.seccomp());
    baseline(of.sysctls());
    baseline(of.host_process());
    let mut restricted = |reason| check(Level::Restricted, reason);
    restricted(of.escalation());
    restricted(of.capabilities());
    restricted(of.unmasked_in_user_namespace());
    restricted(of.volumes());
    restricted(of.non_root());
    restricted(of.root());
    restricted(of.seccomp_set());
    found
}

/// The strictest level whose checks all pass.
pub fn level(violations: &[Violation]) -> Level {
    let fails = |level| violations.iter().any(|one| one.level == level);
    if fails(Level::Baseline) {
        Level::Privileged
    } else if fails(Level::Restricted) {
        Level::Baseline
    } else {
        Level::Restricted
    }
}

struct Checks<'a> {
    subject: Subject<'a>,
    minor: u32,
}

fn when(fails: bool, reason: &str) -> Option<String> {
    fails.then(|| reason.to_owned())
}

impl<'a> Checks<'a> {
    fn spec(&self) -> &'a PodSpec {
        self.subject.spec
    }

    fn containers(&self) -> impl Iterator<Item = &'a Container> {
        self.spec().all_containers()
    }

    /// What containers say of themselves.
    fn contexts(&self) -> impl Iterator<Item = &'a SecurityContext> {
        self.containers().filter_map(|container| container.security_context.as_deref())
    }

    fn pod(&self) -> Option<&'a SecurityContext> {
        self.spec().security_context.as_deref()
    }

    fn is_windows(&self) -> bool {
        self.minor >= 25 && self.spec().os.as_ref().is_some_and(|os| &*os.name == "windows")
    }

    fn in_user_namespace(&self) -> bool {
        self.spec().host_users == Some(false)
    }

    fn app_armor(&self) -> Option<String> {
        let mut bad: BTreeSet<&str> = BTreeSet::new();
        for context in self.pod().into_iter().chain(self.contexts()) {
            let type_ = context.app_armor_profile.as_ref().map(|profile| &*profile.type_);
            bad.extend(type_.filter(|type_| !matches!(*type_, "RuntimeDefault" | "Localhost")));
        }
        let annotations = self.subject.annotations.iter().filter(|(key, value)| {
            key.starts_with("container.apparmor.security.beta.kubernetes.io/")
                && !value.is_empty()
                && &***value != "runtime/default"
                && !value.starts_with("localhost/")
        });
        match bad.len() + annotations.count() {
            0 => None,
            1 => Some("forbidden AppArmor profile".to_owned()),
            _ => Some("forbidden AppArmor profiles".to_owned()),
        }
    }

    fn added_capabilities(&self) -> Option<String> {
        let mut added = self.contexts().filter_map(|context| context.capabilities.as_ref());
        when(
            added.any(|of| of.add.iter().any(|name| !CAPABILITIES.contains(&&**name))),
            "non-default capabilities",
        )
    }

    fn host_namespaces(&self) -> Option<String> {
        let spec = self.spec();
        when(spec.host_network || spec.host_pid || spec.host_ipc, "host namespaces")
    }

    fn host_paths(&self) -> Option<String> {
        let mut types = self.spec().volumes.iter().map(crate::model::Volume::type_name);
        when(types.any(|type_| type_ == "hostPath"), "hostPath volumes")
    }

    fn host_ports(&self) -> Option<String> {
        let mut ports = self.containers().flat_map(|container| &container.ports);
        when(ports.any(|port| port.host_port != 0), "hostPort")
    }

    fn hosts_in_probes(&self) -> Option<String> {
        let mut handlers = self.containers().flat_map(Container::handlers);
        let named = handlers.any(|handler| handler.hosts().next().is_some());
        when(self.minor >= 34 && named, "probe or lifecycle host")
    }

    fn privileged(&self) -> Option<String> {
        when(self.contexts().any(|context| context.privileged == Some(true)), "privileged")
    }

    fn proc_mount(&self, allowed: bool) -> Option<String> {
        let mut mounts = self.contexts().filter_map(|context| context.proc_mount.as_deref());
        when(!allowed && mounts.any(|mount| mount != "Default"), "procMount")
    }

    /// What baseline lets pass since 1.35 and restricted does not.
    fn unmasked_in_user_namespace(&self) -> Option<String> {
        (self.minor >= 35 && self.in_user_namespace()).then(|| self.proc_mount(false)).flatten()
    }

    fn se_linux(&self) -> Option<String> {
        let allowed = |type_: &str| {
            matches!(type_, "" | "container_t" | "container_init_t" | "container_kvm_t")
                || (self.minor >= 31 && type_ == "container_engine_t")
        };
        let contexts = self.pod().into_iter().chain(self.contexts());
        let mut options = contexts.filter_map(|context| context.se_linux_options.as_deref());
        when(
            options.any(|of| !allowed(&of.type_) || !of.user.is_empty() || !of.role.is_empty()),
            "seLinuxOptions",
        )
    }

    fn seccomp(&self) -> Option<String> {
        let mut contexts = self.pod().into_iter().chain(self.contexts());
        let fails = contexts.any(|context| seccomp_of(context) == Some(false));
        when(self.minor >= 19 && fails, "seccompProfile")
    }

    /// Beyond baseline: somebody has to have set it.
    fn seccomp_set(&self) -> Option<String> {
        if self.minor < 19 || self.is_windows() || self.seccomp().is_some() {
            return None;
        }
        let of_pod = self.pod().and_then(seccomp_of) == Some(true);
        let mut own = self
            .containers()
            .map(|container| container.security_context.as_deref().and_then(seccomp_of));
        when(!of_pod && own.any(|own| own.is_none()), "seccompProfile")
    }

    fn sysctls(&self) -> Option<String> {
        let safe =
            |name: &str| SYSCTLS.iter().any(|(safe, since)| *safe == name && *since <= self.minor);
        let mut names = self.pod().into_iter().flat_map(|context| &context.sysctls);
        when(names.any(|sysctl| !safe(&sysctl.name)), "forbidden sysctls")
    }

    fn host_process(&self) -> Option<String> {
        let contexts = self.pod().into_iter().chain(self.contexts());
        let mut options = contexts.filter_map(|context| context.windows_options.as_ref());
        when(options.any(|options| options.host_process == Some(true)), "hostProcess")
    }

    fn escalation(&self) -> Option<String> {
        let mut own = self.containers().map(|container| {
            container.security_context.as_ref().and_then(|of| of.allow_privilege_escalation)
        });
        when(
            self.minor >= 8 && !self.is_windows() && own.any(|own| own != Some(false)),
            "allowPrivilegeEscalation != false",
        )
    }

    fn capabilities(&self) -> Option<String> {
        let fails = |container: &Container| {
            let of = container.security_context.as_ref().and_then(|of| of.capabilities.as_ref());
            of.is_none_or(|of| {
                !of.drop.iter().any(|name| &**name == "ALL")
                    || of.add.iter().any(|name| &**name != "NET_BIND_SERVICE")
            })
        };
        let looked_at = self.minor >= 22 && !self.is_windows();
        when(looked_at && self.containers().any(fails), "unrestricted capabilities")
    }

    fn volumes(&self) -> Option<String> {
        let mut types = self.spec().volumes.iter().map(crate::model::Volume::type_name);
        when(types.any(|type_| !VOLUMES.contains(&type_)), "restricted volume types")
    }

    fn non_root(&self) -> Option<String> {
        if self.minor >= 35 && self.in_user_namespace() {
            return None;
        }
        let of_pod = self.pod().and_then(|of| of.run_as_non_root);
        let mut own = self
            .containers()
            .map(|container| container.security_context.as_ref().and_then(|of| of.run_as_non_root));
        let fails =
            of_pod == Some(false) || own.any(|own| own.map_or(of_pod != Some(true), |own| !own));
        when(fails, "runAsNonRoot != true")
    }

    fn root(&self) -> Option<String> {
        if self.minor < 23 || (self.minor >= 35 && self.in_user_namespace()) {
            return None;
        }
        let mut contexts = self.pod().into_iter().chain(self.contexts());
        when(contexts.any(|context| context.run_as_user == Some(0)), "runAsUser=0")
    }
}

/// Whether a profile is set and one that is allowed; None where none is set.
fn seccomp_of(context: &SecurityContext) -> Option<bool> {
    let profile = context.seccomp_profile.as_ref()?;
    Some(matches!(&*profile.type_, "RuntimeDefault" | "Localhost"))
}
