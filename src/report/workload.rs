//! What uses an account, and what a hole in it is worth.

use serde::Serialize;

use super::{Cell, Column, Table};
use crate::book::{Book, Entry};
use crate::model::{ListKind, Name, SubjectKind};
use crate::workloads::{self, Readable, Workload};

/// All that runs as an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BlastRadius {
    /// Controllers and pods, by kind and name.
    pub workloads: Vec<WorkloadRow>,
    /// Pods of its namespace that are shown of files on nodes, which have no account; told with
    /// `default`.
    pub mirror_pods: usize,
    /// The Pod Security level to which pods of its namespace are held; None where the namespace was not
    /// read.
    pub pod_security: Option<EnforcedPart>,
    #[serde(skip)]
    pub(super) held_to: String,
    /// Secrets that the account can read through the API.
    pub reads_secrets: Vec<ReadableRow>,
    /// Lists that are not whole, so that there may be more, or less may be known of it.
    pub missing: Vec<&'static str>,
}

/// What a namespace's pods are held to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnforcedPart {
    /// `privileged`, `baseline`, `restricted`.
    pub level: &'static str,
    /// What says it: `label`, `default` or `exempt`, by what somebody told of the API server's own
    /// configuration; `nothing`: neither does, and it is taken to be privileged.
    pub by: &'static str,
}

/// A controller with its pods, or a pod that nothing controls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadRow {
    /// `Deployment`, `CronJob`, …, `Pod`.
    pub kind: Name,
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Its pods that have not ended.
    pub pods: u64,
    /// Whether the account's token is in it: `yes`, `no`, `other audience`, `not known`.
    pub token: &'static str,
    /// The strictest of the Pod Security Standards that it meets: `privileged`, `baseline`,
    /// `restricted`; None where its containers are not known.
    pub level: Option<&'static str>,
    /// What it fails of them.
    pub violations: Vec<ViolationPart>,
    /// Whether it runs as root: `yes`, `no`, `by image`.
    pub root: &'static str,
    /// Containers that are privileged.
    pub privileged: Vec<Name>,
    /// `network`, `PID`, `IPC`.
    pub host_namespaces: Vec<&'static str>,
    /// Folders of the node that it mounts.
    pub host_paths: Vec<Name>,
    /// Types of its volumes that lead to what is not read, and may be folders of the node:
    /// `persistentVolumeClaim`, `ephemeral`, `csi`, `flexVolume`.
    pub unread_volumes: Vec<Name>,
    /// Capabilities added.
    pub capabilities: Vec<Name>,
    /// What comes in: `isolated`, `all allowed`, `open`, `host network`, `not known`.
    pub ingress: &'static str,
    /// What goes out: the same.
    pub egress: &'static str,
    /// `NetworkPolicies` that select it.
    pub network_policies: Vec<Name>,
    /// Secrets that are in it.
    pub secrets: Vec<Name>,
    /// Other accounts of its namespace whose tokens are in it, in Secrets.
    pub tokens_of: Vec<Name>,
    /// The account that it runs as, where that is another and it only has this one's token.
    pub runs_as: Option<Name>,
}

/// A check of the Pod Security Standards that it fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ViolationPart {
    /// Of which level.
    pub level: &'static str,
    /// The reason in the API server's words.
    pub reason: Name,
}

/// Secrets that an account can read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadableRow {
    /// Of `get`, `list`, `watch` those that it may.
    pub verbs: Vec<&'static str>,
    /// In which namespace; None: in every one.
    pub namespace: Option<Name>,
    /// Names; none: every Secret.
    pub names: Vec<Name>,
}

impl From<Workload> for WorkloadRow {
    fn from(of: Workload) -> Self {
        Self {
            kind: of.kind,
            namespace: of.namespace,
            name: of.name,
            pods: of.pods,
            token: of.token.as_str(),
            level: of.level.map(workloads::Level::as_str),
            violations: of
                .violations
                .into_iter()
                .map(|one| ViolationPart { level: one.level.as_str(), reason: one.reason })
                .collect(),
            root: of.root.as_str(),
            privileged: of.privileged,
            host_namespaces: of.host_namespaces,
            host_paths: of.host_paths,
            unread_volumes: of.unread_volumes,
            capabilities: of.capabilities,
            ingress: of.isolation.ingress.as_str(),
            egress: of.isolation.egress.as_str(),
            network_policies: of.isolation.policies,
            secrets: of.secrets,
            tokens_of: of.tokens_of,
            runs_as: of.runs_as,
        }
    }
}

impl From<Readable> for ReadableRow {
    fn from(of: Readable) -> Self {
        Self { verbs: of.verbs, namespace: of.namespace, names: of.names }
    }
}

impl BlastRadius {
    /// Of an account; None for users and groups.
    pub fn of(book: &Book, entry: &Entry) -> Option<Self> {
        if entry.identity.kind != SubjectKind::ServiceAccount {
            return None;
        }
        let found = workloads::of(book, &entry.identity);
        let namespace = entry.identity.namespace.as_deref().unwrap_or_default();
        let enforced = workloads::enforced(book, namespace);
        let missing = workloads::missing(book, &entry.identity);
        Some(Self {
            mirror_pods: workloads::mirrors(book, &entry.identity),
            pod_security: enforced
                .map(|of| EnforcedPart { level: of.level.as_str(), by: of.by.as_str() }),
            held_to: workloads::held_to(book, &entry.identity),
            workloads: found.into_iter().map(WorkloadRow::from).collect(),
            reads_secrets: workloads::readable(book, entry).into_iter().map(Into::into).collect(),
            missing: missing.into_iter().map(ListKind::as_str).collect(),
        })
    }

    /// The workloads as a table.
    pub(super) fn table(&self) -> Table {
        let mut table = Table::new(vec![
            Column::new("WORKLOAD", "workload"),
            Column::new("PODS", "pods").right(),
            Column::new("TOKEN", "token"),
            Column::new("LEVEL", "level"),
            Column::new("ROOT", "root"),
            Column::new("NODE", "node"),
            Column::new("IN", "ingress"),
            Column::new("OUT", "egress"),
            Column::new("SECRETS", "secrets"),
            Column::new("FAILS", "violations").wide(),
            Column::new("POLICIES", "networkPolicies").wide(),
        ]);
        for row in &self.workloads {
            let reasons: Vec<&str> = row.violations.iter().map(|one| &*one.reason).collect();
            table.push(vec![
                Cell::new(format!("{} {}{}", row.kind.to_lowercase(), row.name, row.runs_as())),
                Cell::new(row.pods.to_string()),
                Cell::new(row.token),
                Cell::new(row.level.unwrap_or("not known")),
                Cell::new(row.root),
                Cell::new(row.node()),
                Cell::new(row.ingress),
                Cell::new(row.egress),
                Cell::new(format!("{}{}", row.secrets.join(", "), row.tokens())),
                Cell::new(reasons.join(", ")),
                Cell::new(row.network_policies.join(", ")),
            ]);
        }
        table
    }

    /// Secrets that it can read, as a table.
    pub(super) fn secrets(&self) -> Table {
        let mut table = Table::new(vec![
            Column::new("VERBS", "verbs"),
            Column::new("NAMESPACE", "namespace"),
            Column::new("SECRETS", "names"),
        ]);
        for row in &self.reads_secrets {
            table.push(vec![
                Cell::new(row.verbs.join(",")),
                Cell::new(row.namespace.as_deref().unwrap_or("all")),
                Cell::new(if row.names.is_empty() {
                    "all".to_owned()
                } else {
                    row.names.join(", ")
                }),
            ]);
        }
        table
    }
}

impl WorkloadRow {
    /// That it runs as another account.
    fn runs_as(&self) -> String {
        self.runs_as.as_ref().map_or_else(String::new, |name| format!(", which runs as {name}"))
    }

    /// Whose tokens are among its Secrets.
    fn tokens(&self) -> String {
        let of = self.tokens_of.join(", ");
        if of.is_empty() { of } else { format!(", tokens of {of} among them") }
    }

    /// What of its node is open to it.
    fn node(&self) -> String {
        let mut words = Vec::new();
        if !self.privileged.is_empty() {
            words.push("privileged".to_owned());
        }
        words.extend(self.host_namespaces.iter().map(|name| format!("host {name}")));
        words.extend(self.host_paths.iter().map(ToString::to_string));
        words.extend(self.capabilities.iter().map(|name| format!("+{name}")));
        let own = (!words.is_empty()).then(|| words.join(" "));
        let unread = workloads::unread_words(&self.unread_volumes);
        own.into_iter().chain(unread.into_iter().map(str::to_owned)).collect::<Vec<_>>().join("; ")
    }
}
