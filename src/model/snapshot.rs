//! A cluster's objects at one moment, with the health of every list.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Binding, BindingKind, CertificateSigningRequest, ConfigMap, Discovery, Name, Namespace, Object,
    OtherObject, Pod, Role, RoleKind, Secret, ServiceAccount,
};

/// The lists that a snapshot is made of, in the order in which they matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ListKind {
    /// `ClusterRoles`.
    ClusterRoles,
    /// Roles.
    Roles,
    /// `ClusterRoleBindings`.
    ClusterRoleBindings,
    /// `RoleBindings`.
    RoleBindings,
    /// Namespaces.
    Namespaces,
    /// `ServiceAccounts`.
    ServiceAccounts,
    /// Secrets of type `kubernetes.io/service-account-token`, metadata only.
    TokenSecrets,
    /// Secrets of type `bootstrap.kubernetes.io/token` in kube-system, metadata only.
    BootstrapTokens,
    /// `CertificateSigningRequests`.
    CertificateSigningRequests,
    /// The `ConfigMaps` `kube-system/aws-auth` and
    /// `kube-system/kube-apiserver-legacy-service-account-token-tracking`.
    ConfigMaps,
    /// rbac-manager's `RBACDefinitions`, where served.
    RbacDefinitions,
    /// Pods.
    Pods,
    /// Deployments, `StatefulSets`, `DaemonSets`, `ReplicaSets`, `ReplicationControllers`, Jobs,
    /// `CronJobs`.
    Workloads,
    /// `NetworkPolicies`.
    NetworkPolicies,
    /// `FlowSchemas`.
    FlowSchemas,
    /// `PriorityLevelConfigurations`.
    PriorityLevels,
    /// Access tokens of OpenShift's own login, where served.
    #[serde(rename = "oauthTokens")]
    OAuthTokens,
    /// API discovery.
    Discovery,
}

impl ListKind {
    /// All lists.
    pub const ALL: [Self; 18] = [
        Self::ClusterRoles,
        Self::Roles,
        Self::ClusterRoleBindings,
        Self::RoleBindings,
        Self::Namespaces,
        Self::ServiceAccounts,
        Self::TokenSecrets,
        Self::BootstrapTokens,
        Self::CertificateSigningRequests,
        Self::ConfigMaps,
        Self::RbacDefinitions,
        Self::Pods,
        Self::Workloads,
        Self::NetworkPolicies,
        Self::FlowSchemas,
        Self::PriorityLevels,
        Self::OAuthTokens,
        Self::Discovery,
    ];

    /// The four lists without which every "no" is incomplete.
    pub const RBAC: [Self; 4] =
        [Self::ClusterRoles, Self::Roles, Self::ClusterRoleBindings, Self::RoleBindings];

    /// The name on screens and in JSON: the resource, as kubectl writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterRoles => "clusterroles",
            Self::Roles => "roles",
            Self::ClusterRoleBindings => "clusterrolebindings",
            Self::RoleBindings => "rolebindings",
            Self::Namespaces => "namespaces",
            Self::ServiceAccounts => "serviceaccounts",
            Self::TokenSecrets => "secrets (service account tokens)",
            Self::BootstrapTokens => "secrets (bootstrap tokens)",
            Self::CertificateSigningRequests => "certificatesigningrequests",
            Self::ConfigMaps => "configmaps",
            Self::RbacDefinitions => "rbacdefinitions",
            Self::Pods => "pods",
            Self::Workloads => "workloads",
            Self::NetworkPolicies => "networkpolicies",
            Self::FlowSchemas => "flowschemas",
            Self::PriorityLevels => "prioritylevelconfigurations",
            Self::OAuthTokens => "oauthaccesstokens",
            Self::Discovery => "discovery",
        }
    }

    /// The list that a Secret of this type belongs to.
    pub fn of_secret(type_: &str) -> Option<Self> {
        match type_ {
            "kubernetes.io/service-account-token" => Some(Self::TokenSecrets),
            "bootstrap.kubernetes.io/token" => Some(Self::BootstrapTokens),
            _ => None,
        }
    }

    /// The list that an object of [`Objects::others`] belongs to, by its kind.
    pub fn of_other(kind: &str) -> Option<Self> {
        match kind {
            "RBACDefinition" => Some(Self::RbacDefinitions),
            "NetworkPolicy" => Some(Self::NetworkPolicies),
            "FlowSchema" => Some(Self::FlowSchemas),
            "PriorityLevelConfiguration" => Some(Self::PriorityLevels),
            "OAuthAccessToken" => Some(Self::OAuthTokens),
            "Deployment"
            | "StatefulSet"
            | "DaemonSet"
            | "ReplicaSet"
            | "Job"
            | "CronJob"
            | "ReplicationController" => Some(Self::Workloads),
            _ => None,
        }
    }

    /// The inverse of [`ListKind::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for ListKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How much of a list is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Health {
    /// On its way.
    Loading,
    /// Every object, as the API server answered.
    Complete,
    /// Only some namespaces could be listed; [`ListState::namespaces`] says which.
    Partial,
    /// The API server answered 403.
    Forbidden,
    /// Anything else went wrong; [`ListState::reason`] says what.
    Failed,
    /// Complete once, but its watch broke and has not come back.
    Outdated,
    /// Not asked for, or not among the files given.
    NotGiven,
    /// Read from files that carry no proof of being whole.
    Unverifiable,
}

impl Health {
    /// The word on screens and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Forbidden => "forbidden",
            Self::Failed => "failed",
            Self::Outdated => "outdated",
            Self::NotGiven => "not given",
            Self::Unverifiable => "unverifiable",
        }
    }
}

/// A list's health with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListState {
    /// How much is known.
    pub health: Health,
    /// Why it is not complete: what was tried and what was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Name>,
    /// For [`Health::Partial`]: the namespaces that were listed, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<Name>,
    /// Objects received.
    #[serde(default)]
    pub count: u64,
}

impl ListState {
    /// A state without a reason.
    pub fn new(health: Health) -> Self {
        Self { health, reason: None, namespaces: Vec::new(), count: 0 }
    }

    /// A state with the reason why it is not complete.
    pub fn because(health: Health, reason: impl Into<Name>) -> Self {
        Self { reason: Some(reason.into()), ..Self::new(health) }
    }

    /// Whether everything that the list holds in `namespace` (None: in the whole cluster) is known.
    /// An unverifiable list counts as whole: that its proof is missing is said beside it.
    pub fn covers(&self, namespace: Option<&str>) -> bool {
        match self.health {
            Health::Complete | Health::Unverifiable => true,
            Health::Partial => {
                namespace.is_some_and(|ns| self.namespaces.iter().any(|have| &**have == ns))
            }
            _ => false,
        }
    }
}

/// Which cluster, and as whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterInfo {
    /// UID of the kube-system namespace, else `ca:` and the CA's SHA-256, else `server:` and its URL.
    pub id: Name,
    /// Short name: configured, or the last part of the context's name.
    pub name: Name,
    /// The context's whole name; empty for files.
    #[serde(default)]
    pub context: Name,
    /// The server's URL; empty for files.
    #[serde(default)]
    pub server: Name,
    /// `v1.36.3`; None where it could not be asked.
    pub server_version: Option<Name>,
    /// Who looks, as the API server calls them (`SelfSubjectReview`); None where not known.
    #[serde(default)]
    pub operator: Option<Name>,
    /// The real user behind `operator` where `--as` is given.
    #[serde(default)]
    pub impersonator: Option<Name>,
    /// Signs of authorizers beside RBAC (EKS, GKE, AKS reasons; incomplete rules reviews).
    #[serde(default)]
    pub authorizers: Vec<Name>,
}

impl ClusterInfo {
    /// Whether it is one of EKS, which writes that into its version: `v1.36.3-eks-1a2b3c4`. It signs no
    /// client certificates.
    pub fn is_eks(&self) -> bool {
        self.server_version.as_deref().is_some_and(|version| version.contains("-eks-"))
    }

    /// Whether the API server refuses a token for the label `legacy-token-invalid-since` on its Secret:
    /// from 1.29 on (`LegacyServiceAccountTokenCleanUp`, KEP-2799), or where its version is not known.
    pub fn refuses_invalidated(&self) -> bool {
        self.minor().is_none_or(|minor| minor >= 29)
    }

    /// The minor version of the API server; None where that is not known.
    pub fn minor(&self) -> Option<u32> {
        let version = self.server_version.as_deref()?.trim_start_matches('v');
        version.strip_prefix("1.")?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    }
}

/// (namespace, name); the namespace is `""` for cluster-scoped objects.
pub type Key = (Name, Name);

/// A sorted map whose copies share what they have in common: copying is one pointer, and the
/// difference of two copies costs what they differ in.
pub type SharedMap<K, V> = imbl::OrdMap<K, V>;

/// The same without an order.
pub type SharedHash<K, V> =
    imbl::GenericHashMap<K, V, foldhash::fast::RandomState, imbl::shared_ptr::DefaultSharedPtr>;

/// The objects. Maps and values are shared, so that a changed snapshot is cheap to derive
/// and to compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objects {
    /// Roles and `ClusterRoles` by kind, namespace and name.
    pub roles: SharedMap<(RoleKind, Name, Name), Arc<Role>>,
    /// Bindings by kind, namespace and name; cluster-wide ones first.
    pub bindings: SharedMap<(BindingKind, Name, Name), Arc<Binding>>,
    /// By name.
    pub namespaces: SharedMap<Name, Arc<Namespace>>,
    /// By namespace and name.
    pub service_accounts: SharedMap<Key, Arc<ServiceAccount>>,
    /// By namespace and name.
    pub secrets: SharedMap<Key, Arc<Secret>>,
    /// By namespace and name.
    pub pods: SharedMap<Key, Arc<Pod>>,
    /// By name.
    pub csrs: SharedMap<Name, Arc<CertificateSigningRequest>>,
    /// By namespace and name.
    pub config_maps: SharedMap<Key, Arc<ConfigMap>>,
    /// By kind, namespace and name.
    pub others: SharedMap<(Name, Name, Name), Arc<OtherObject>>,
}

impl Objects {
    /// Puts an object in its place; returns whether one of that key was there before.
    pub fn insert(&mut self, object: Object) -> bool {
        let meta = object.meta();
        let ns = meta.namespace.clone().unwrap_or_else(|| "".into());
        let name = meta.name.clone();
        match object {
            Object::Role(role) => {
                self.roles.insert((role.kind, ns, name), Arc::new(role)).is_some()
            }
            Object::Binding(binding) => {
                self.bindings.insert((binding.kind, ns, name), Arc::new(binding)).is_some()
            }
            Object::Namespace(object) => self.namespaces.insert(name, Arc::new(object)).is_some(),
            Object::ServiceAccount(object) => {
                self.service_accounts.insert((ns, name), Arc::new(object)).is_some()
            }
            Object::Secret(object) => self.secrets.insert((ns, name), Arc::new(object)).is_some(),
            Object::Pod(object) => self.pods.insert((ns, name), Arc::new(object)).is_some(),
            Object::CertificateSigningRequest(object) => {
                self.csrs.insert(name, Arc::new(object)).is_some()
            }
            Object::ConfigMap(object) => {
                self.config_maps.insert((ns, name), Arc::new(object)).is_some()
            }
            Object::Other(object) => {
                self.others.insert((object.kind.clone(), ns, name), Arc::new(object)).is_some()
            }
        }
    }

    /// Takes out the object that has the same kind, namespace and name; returns whether it was there.
    pub fn remove(&mut self, object: &Object) -> bool {
        let meta = object.meta();
        let ns = meta.namespace.clone().unwrap_or_else(|| "".into());
        let name = meta.name.clone();
        match object {
            Object::Role(role) => self.roles.remove(&(role.kind, ns, name)).is_some(),
            Object::Binding(binding) => self.bindings.remove(&(binding.kind, ns, name)).is_some(),
            Object::Namespace(_) => self.namespaces.remove(&name).is_some(),
            Object::ServiceAccount(_) => self.service_accounts.remove(&(ns, name)).is_some(),
            Object::Secret(_) => self.secrets.remove(&(ns, name)).is_some(),
            Object::Pod(_) => self.pods.remove(&(ns, name)).is_some(),
            Object::CertificateSigningRequest(_) => self.csrs.remove(&name).is_some(),
            Object::ConfigMap(_) => self.config_maps.remove(&(ns, name)).is_some(),
            Object::Other(object) => self.others.remove(&(object.kind.clone(), ns, name)).is_some(),
        }
    }

    /// Forgets everything that a list holds, or all that it holds in one namespace.
    pub fn clear(&mut self, list: ListKind, namespace: Option<&str>) {
        let gone = |ns: &Name| namespace.is_none_or(|only| &**ns == only);
        match list {
            ListKind::ClusterRoles | ListKind::Roles => {
                let kind =
                    if list == ListKind::Roles { RoleKind::Role } else { RoleKind::ClusterRole };
                remove_where(&mut self.roles, |(have, ns, _), _| *have == kind && gone(ns));
            }
            ListKind::ClusterRoleBindings | ListKind::RoleBindings => {
                let kind = if list == ListKind::RoleBindings {
                    BindingKind::RoleBinding
                } else {
                    BindingKind::ClusterRoleBinding
                };
                remove_where(&mut self.bindings, |(have, ns, _), _| *have == kind && gone(ns));
            }
            ListKind::Namespaces => self.namespaces.clear(),
            ListKind::ServiceAccounts => {
                remove_where(&mut self.service_accounts, |(ns, _), _| gone(ns));
            }
            ListKind::TokenSecrets | ListKind::BootstrapTokens => {
                remove_where(&mut self.secrets, |(ns, _), secret| {
                    gone(ns) && ListKind::of_secret(&secret.type_) == Some(list)
                });
            }
            ListKind::CertificateSigningRequests => self.csrs.clear(),
            ListKind::ConfigMaps => remove_where(&mut self.config_maps, |(ns, _), _| gone(ns)),
            ListKind::Pods => remove_where(&mut self.pods, |(ns, _), _| gone(ns)),
            ListKind::RbacDefinitions
            | ListKind::Workloads
            | ListKind::NetworkPolicies
            | ListKind::FlowSchemas
            | ListKind::PriorityLevels
            | ListKind::OAuthTokens => {
                remove_where(&mut self.others, |(kind, ns, _), _| {
                    ListKind::of_other(kind) == Some(list) && gone(ns)
                });
            }
            ListKind::Discovery => {}
        }
    }

    /// A role by what a `roleRef` says; `namespace` is the binding's.
    pub fn role(&self, kind: RoleKind, namespace: &str, name: &str) -> Option<&Arc<Role>> {
        let ns: Name = match kind {
            RoleKind::ClusterRole => "".into(),
            RoleKind::Role => namespace.into(),
        };
        self.roles.get(&(kind, ns, name.into()))
    }
}

fn remove_where<K: Ord + Clone, V: Clone>(
    map: &mut SharedMap<K, V>,
    gone: impl Fn(&K, &V) -> bool,
) {
    let keys: Vec<K> =
        map.iter().filter(|(key, value)| gone(key, value)).map(|(key, _)| key.clone()).collect();
    for key in &keys {
        map.remove(key);
    }
}

/// Something that was given but could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrokenInput {
    /// File, and document or item in it.
    pub place: Name,
    /// What the parser said, without any of the text.
    pub reason: Name,
}

/// Objects of kinds that keybook does not read, counted by `apiVersion/kind`.
pub type Passed = BTreeMap<Name, u64>;

/// A cluster's objects at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Which cluster.
    pub cluster: ClusterInfo,
    /// When it was taken, UTC; None where files do not say.
    pub taken_at: Option<DateTime<Utc>>,
    /// The health of every list.
    pub lists: BTreeMap<ListKind, ListState>,
    /// What the server serves.
    pub discovery: Arc<Discovery>,
    /// The objects.
    pub objects: Objects,
    /// Kinds passed over.
    pub passed: Passed,
    /// Inputs that could not be read.
    pub broken: Vec<BrokenInput>,
    /// Objects that were given more than once; the newest of each was kept.
    pub repeated: u64,
}

impl Snapshot {
    /// A list's state; not given where nothing is known.
    pub fn list(&self, kind: ListKind) -> ListState {
        self.lists.get(&kind).cloned().unwrap_or_else(|| ListState::new(Health::NotGiven))
    }

    /// Whether all of `kinds` are known for `namespace` (None: everywhere).
    pub fn covers(&self, kinds: &[ListKind], namespace: Option<&str>) -> bool {
        kinds.iter().all(|kind| {
            // Cluster-scoped lists have no namespaces to be partial in.
            self.lists.get(kind).is_some_and(|state| state.covers(namespace))
        })
    }
}
