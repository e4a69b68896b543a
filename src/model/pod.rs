//! What of a pod's spec says what a hole in it is worth. The rest is skipped while reading.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::object::{empty_none, null_default};
use super::{Name, Volume};

/// `core/v1 PodSpec`, cut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// `serviceAccountName`; taken out of what a snapshot keeps, which has it beside the spec.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "is_empty")]
    pub service_account_name: Name,
    /// `nodeName`; the same.
    #[serde(deserialize_with = "empty_none", skip_serializing_if = "Option::is_none")]
    pub node_name: Option<Name>,
    /// `automountServiceAccountToken`, where set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automount_service_account_token: Option<bool>,
    /// `hostNetwork`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "is_false")]
    pub host_network: bool,
    /// `hostPID`.
    #[serde(
        rename = "hostPID",
        deserialize_with = "null_default",
        skip_serializing_if = "is_false"
    )]
    pub host_pid: bool,
    /// `hostIPC`.
    #[serde(
        rename = "hostIPC",
        deserialize_with = "null_default",
        skip_serializing_if = "is_false"
    )]
    pub host_ipc: bool,
    /// `hostUsers`: false is a user namespace of the pod's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_users: Option<bool>,
    /// `os`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<Named>,
    /// `securityContext`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_context: Option<Box<SecurityContext>>,
    /// `initContainers`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub init_containers: Vec<Container>,
    /// `containers`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<Container>,
    /// `ephemeralContainers`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub ephemeral_containers: Vec<Container>,
    /// `volumes`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
}

impl PodSpec {
    /// All containers, in the order in which the Pod Security Standards look at them.
    pub fn all_containers(&self) -> impl Iterator<Item = &Container> {
        self.init_containers.iter().chain(&self.containers).chain(&self.ephemeral_containers)
    }

    /// Those that go on once the pod runs, but for those that were added to it: init containers have
    /// ended then, unless they are sidecars.
    pub fn lasting_containers(&self) -> impl Iterator<Item = &Container> {
        let goes_on = |one: &&Container| one.restart_policy.as_deref() == Some("Always");
        self.init_containers.iter().filter(goes_on).chain(&self.containers)
    }
}

/// Something with a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Named {
    /// Its name.
    #[serde(deserialize_with = "null_default")]
    pub name: Name,
}

/// Something with a type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// Its type.
    #[serde(rename = "type", deserialize_with = "null_default")]
    pub type_: Name,
}

/// The pod's `securityContext` and that of a container, which have most fields in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityContext {
    /// `privileged`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileged: Option<bool>,
    /// `allowPrivilegeEscalation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_privilege_escalation: Option<bool>,
    /// `runAsNonRoot`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_as_non_root: Option<bool>,
    /// `runAsUser`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_as_user: Option<i64>,
    /// `runAsGroup`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_as_group: Option<i64>,
    /// `fsGroup`, of a pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fs_group: Option<i64>,
    /// `supplementalGroups`, of a pod.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub supplemental_groups: Vec<i64>,
    /// `procMount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proc_mount: Option<Name>,
    /// `capabilities`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
    /// `seccompProfile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seccomp_profile: Option<Typed>,
    /// `appArmorProfile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_armor_profile: Option<Typed>,
    /// `seLinuxOptions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub se_linux_options: Option<Box<SeLinuxOptions>>,
    /// `windowsOptions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows_options: Option<WindowsOptions>,
    /// `sysctls`, of a pod.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub sysctls: Vec<Named>,
}

/// `capabilities`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Added to those that the runtime gives.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<Name>,
    /// Taken from them.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<Name>,
}

/// `seLinuxOptions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SeLinuxOptions {
    /// `type`.
    #[serde(rename = "type", deserialize_with = "null_default", skip_serializing_if = "is_empty")]
    pub type_: Name,
    /// `user`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "is_empty")]
    pub user: Name,
    /// `role`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "is_empty")]
    pub role: Name,
}

/// `windowsOptions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WindowsOptions {
    /// `hostProcess`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_process: Option<bool>,
}

/// A container, cut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// Its name.
    #[serde(deserialize_with = "null_default")]
    pub name: Name,
    /// `restartPolicy`, of an init container: `Always` is a sidecar, which goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<Name>,
    /// `securityContext`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_context: Option<Box<SecurityContext>>,
    /// `ports`, those on the host.
    #[serde(deserialize_with = "host_ports", skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// `livenessProbe`, where it names a host.
    #[serde(deserialize_with = "handler", skip_serializing_if = "Option::is_none")]
    pub liveness_probe: Option<Box<Handler>>,
    /// `readinessProbe`, the same.
    #[serde(deserialize_with = "handler", skip_serializing_if = "Option::is_none")]
    pub readiness_probe: Option<Box<Handler>>,
    /// `startupProbe`, the same.
    #[serde(deserialize_with = "handler", skip_serializing_if = "Option::is_none")]
    pub startup_probe: Option<Box<Handler>>,
    /// `lifecycle`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Box<Lifecycle>>,
    /// `env`, values from Secrets.
    #[serde(deserialize_with = "env", skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<Env>,
    /// `envFrom`, Secrets.
    #[serde(deserialize_with = "env_from", skip_serializing_if = "Vec::is_empty")]
    pub env_from: Vec<EnvFrom>,
    /// `command`, and `args` below: of all that is in them only the flag
    /// `--use-service-account-credentials`, by which the controller manager has accounts of its own.
    #[serde(deserialize_with = "flags", skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<Name>,
    /// `args`.
    #[serde(deserialize_with = "flags", skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Name>,
    /// `volumeMounts`, where they are.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub volume_mounts: Vec<VolumeMount>,
    /// Whether the pod's status says of it, as a container that was added, that it has ended: it never
    /// starts again.
    #[serde(skip)]
    pub ended: bool,
}

/// Where a volume is mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeMount {
    /// The volume's name.
    #[serde(deserialize_with = "null_default")]
    pub name: Name,
    /// The path.
    #[serde(deserialize_with = "null_default")]
    pub mount_path: Name,
    /// `subPath`: what of the volume is mounted; empty is all of it.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "is_empty")]
    pub sub_path: Name,
    /// `subPathExpr`: the same, out of variables.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "is_empty")]
    pub sub_path_expr: Name,
    /// `readOnly`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "is_false")]
    pub read_only: bool,
}

impl VolumeMount {
    /// Whether it has a file of the volume in it; true where what it mounts is made of variables.
    pub fn has(&self, file: &str) -> bool {
        let part = self.sub_path.trim_end_matches('/');
        let inside =
            file.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        part.is_empty() || inside
    }
}

impl Container {
    /// What has a host in it: probes and handlers.
    pub fn handlers(&self) -> impl Iterator<Item = &Handler> {
        let lifecycle = self.lifecycle.as_deref();
        let probes = [&self.liveness_probe, &self.readiness_probe, &self.startup_probe];
        let hooks = lifecycle.into_iter().flat_map(|of| [&of.post_start, &of.pre_stop]);
        probes.into_iter().chain(hooks).filter_map(|of| of.as_deref())
    }
}

/// A port on the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Port {
    /// `containerPort`.
    #[serde(deserialize_with = "null_default")]
    pub container_port: i64,
    /// `hostPort`; 0 is none.
    #[serde(deserialize_with = "null_default")]
    pub host_port: i64,
}

/// A probe or a handler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Handler {
    /// `httpGet`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_get: Option<Host>,
    /// `tcpSocket`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_socket: Option<Host>,
}

impl Handler {
    /// The hosts that it names.
    pub fn hosts(&self) -> impl Iterator<Item = &Name> {
        let both = [&self.http_get, &self.tcp_socket].into_iter().flatten();
        both.map(|of| &of.host).filter(|host| !host.is_empty())
    }
}

/// Where a probe goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Host {
    /// The host; empty is the pod.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "is_empty")]
    pub host: Name,
}

/// `lifecycle`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Lifecycle {
    /// `postStart`, where it names a host.
    #[serde(deserialize_with = "handler", skip_serializing_if = "Option::is_none")]
    pub post_start: Option<Box<Handler>>,
    /// `preStop`, the same.
    #[serde(deserialize_with = "handler", skip_serializing_if = "Option::is_none")]
    pub pre_stop: Option<Box<Handler>>,
}

/// A variable that comes from a Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Env {
    /// Its name.
    #[serde(deserialize_with = "null_default")]
    pub name: Name,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueFrom>,
}

/// `valueFrom`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ValueFrom {
    /// `secretKeyRef`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<KeyRef>,
}

/// `secretKeyRef`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyRef {
    /// The Secret's name.
    #[serde(deserialize_with = "null_default")]
    pub name: Name,
    /// The key in it.
    #[serde(deserialize_with = "null_default")]
    pub key: Name,
    /// `optional`: whether the container starts where the Secret is not there.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "is_false")]
    pub optional: bool,
}

/// `envFrom[]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvFrom {
    /// `secretRef`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
}

/// `secretRef`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretRef {
    /// The Secret's name.
    #[serde(deserialize_with = "null_default")]
    pub name: Name,
    /// `optional`, as of [`KeyRef`].
    #[serde(deserialize_with = "null_default", skip_serializing_if = "is_false")]
    pub optional: bool,
}

/// What a workload makes pods of, cut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PodTemplate {
    /// Labels, and the annotations that the Pod Security Standards look at.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "TemplateMeta::is_empty")]
    pub metadata: TemplateMeta,
    /// The spec.
    pub spec: PodSpec,
}

/// `template.metadata`, cut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TemplateMeta {
    /// Labels.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Name, Name>,
    /// Annotations about `AppArmor`; no other matters here.
    #[serde(deserialize_with = "annotations", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<Name, Name>,
}

impl TemplateMeta {
    fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty()
    }
}

fn annotations<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<Name, Name>, D::Error> {
    let mut all: BTreeMap<Name, Name> = null_default(d)?;
    all.retain(|key, _| key.starts_with("container.apparmor.security.beta.kubernetes.io/"));
    Ok(all)
}

fn is_empty(text: &Name) -> bool {
    text.is_empty()
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
fn is_false(flag: &bool) -> bool {
    !flag
}

fn host_ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Port>, D::Error> {
    let mut all: Vec<Port> = null_default(deserializer)?;
    all.retain(|port| port.host_port != 0);
    Ok(all)
}

fn handler<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<Handler>>, D::Error> {
    let handler = Option::<Box<Handler>>::deserialize(deserializer)?;
    Ok(handler.filter(|handler| handler.hosts().next().is_some()))
}

/// A flag of the controller manager's, out of the words of a command line or of a shell's one text.
const OWN_CREDENTIALS: &str = "--use-service-account-credentials";

fn flags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Name>, D::Error> {
    let all: Vec<Name> = null_default(deserializer)?;
    let words = all.iter().flat_map(|text| text.split_whitespace());
    let is_flag = |word: &&str| {
        let rest = word.strip_prefix(OWN_CREDENTIALS);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    Ok(words.filter(is_flag).map(Name::from).collect())
}

impl Container {
    /// What the flag `--use-service-account-credentials` is set to; None where it is not there. The
    /// last one counts, and without a value it is true, as pflag reads them.
    pub fn own_credentials(&self) -> Option<bool> {
        let flag = self.command.iter().chain(&self.args).next_back()?;
        let value = flag.split_once('=').map_or("true", |(_, value)| value);
        // As Go's `strconv.ParseBool`; with anything else it does not start.
        Some(matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True"))
    }
}

fn env<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Env>, D::Error> {
    let mut all: Vec<Env> = null_default(deserializer)?;
    all.retain(|env| env.value_from.as_ref().is_some_and(|from| from.secret_key_ref.is_some()));
    Ok(all)
}

fn env_from<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<EnvFrom>, D::Error> {
    let mut all: Vec<EnvFrom> = null_default(deserializer)?;
    all.retain(|from| from.secret_ref.is_some());
    Ok(all)
}
