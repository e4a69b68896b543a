//! The Kubernetes objects that keybook reads, cut to the fields it uses.
//!
//! All types read what the API server prints; a JSON `null` where a list or map
//! is expected is an empty one, as the API server itself treats it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use core::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    BootstrapToken, DefinedBinding, FlowSchemaSpec, Identity, Manager, Name, NetworkPolicySpec,
    PodSpec, PodTemplate, PriorityLevelSpec, SubjectKind, is_copy,
};

/// Reads `null` as the empty value: Go prints empty slices and maps as `null`.
pub(super) fn null_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// An empty string is an absent one (`metadata.namespace: ""`).
pub(super) fn empty_none<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Name>, D::Error> {
    Ok(Option::<Name>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

/// `ObjectMeta`, as far as keybook needs it. Times are UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// The object's name, unique per kind and namespace.
    #[serde(deserialize_with = "null_default")]
    pub name: Name,
    /// None for cluster-scoped objects.
    #[serde(deserialize_with = "empty_none", skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Name>,
    /// Evidence, not key: a recreated object has another.
    #[serde(deserialize_with = "empty_none", skip_serializing_if = "Option::is_none")]
    pub uid: Option<Name>,
    /// Opaque version for preconditions and watches.
    #[serde(deserialize_with = "empty_none", skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<Name>,
    /// When the API server stored it first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<DateTime<Utc>>,
    /// Set while a finaliser holds back deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<DateTime<Utc>>,
    /// Labels.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Name, Name>,
    /// Annotations, without those that repeat the whole object; of what may hold something secret
    /// only those that are read ([`super::is_kept_of_secrets`]).
    #[serde(deserialize_with = "annotations", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<Name, Name>,
    /// Who owns the object, for garbage collection.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub owner_references: Vec<OwnerReference>,
    /// The clients that wrote it; empty where that was not given, as kubectl leaves it out.
    #[serde(
        rename = "managedFields",
        with = "super::managers",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub managers: Vec<Manager>,
}

fn annotations<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Name, Name>, D::Error> {
    let mut all: BTreeMap<Name, Name> = null_default(deserializer)?;
    all.retain(|key, _| !is_copy(key));
    Ok(all)
}

/// `metadata.ownerReferences[]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnerReference {
    /// API group and version of the owner.
    pub api_version: Name,
    /// Kind of the owner.
    pub kind: Name,
    /// Name of the owner.
    pub name: Name,
    /// UID of the owner.
    pub uid: Name,
    /// Whether it is the managing controller.
    #[serde(deserialize_with = "null_default")]
    pub controller: bool,
}

/// `rbac.authorization.k8s.io/v1 PolicyRule`. Order and case are kept as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyRule {
    /// Verbs; `*` is every verb.
    #[serde(deserialize_with = "null_default")]
    pub verbs: Vec<Name>,
    /// API groups; `""` is core, `*` every group.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub api_groups: Vec<Name>,
    /// Resources, `resource/subresource`, `*`, or `*/subresource`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Name>,
    /// Empty is every name.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<Name>,
    /// Paths; `*` is every path, a trailing `*` a prefix.
    #[serde(
        rename = "nonResourceURLs",
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub non_resource_urls: Vec<Name>,
}

/// Role or `ClusterRole`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RoleKind {
    /// Rules that hold anywhere, or for aggregation.
    ClusterRole,
    /// Rules inside one namespace.
    Role,
}

impl RoleKind {
    /// Kubernetes' own spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterRole => "ClusterRole",
            Self::Role => "Role",
        }
    }
}

impl fmt::Display for RoleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A Role or `ClusterRole`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Which of the two.
    pub kind: RoleKind,
    /// Metadata.
    pub meta: Meta,
    /// The stored rules: what the authorizer reads, also for an aggregated role.
    pub rules: Vec<PolicyRule>,
    /// Explains where an aggregated role's rules come from; never the answer.
    pub aggregation: Option<AggregationRule>,
}

/// `ClusterRole.aggregationRule`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AggregationRule {
    /// A role whose labels match any of these feeds the aggregate.
    #[serde(deserialize_with = "null_default")]
    pub cluster_role_selectors: Vec<LabelSelector>,
}

/// `meta/v1 LabelSelector`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// All must be equal.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<Name, Name>,
    /// All must hold.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// One expression of a label selector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LabelSelectorRequirement {
    /// The label.
    pub key: Name,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: Name,
    /// For `In` and `NotIn`.
    #[serde(deserialize_with = "null_default")]
    pub values: Vec<Name>,
}

/// `RoleBinding` or `ClusterRoleBinding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BindingKind {
    /// Grants everywhere. First, as the authorizer walks them first.
    ClusterRoleBinding,
    /// Grants inside its own namespace.
    RoleBinding,
}

impl BindingKind {
    /// Kubernetes' own spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterRoleBinding => "ClusterRoleBinding",
            Self::RoleBinding => "RoleBinding",
        }
    }
}

impl fmt::Display for BindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A `RoleBinding` or `ClusterRoleBinding`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Which of the two.
    pub kind: BindingKind,
    /// Metadata.
    pub meta: Meta,
    /// Never changes during the binding's life.
    pub role_ref: RoleRef,
    /// As stored: order, case and repeats kept.
    pub subjects: Vec<BindingSubject>,
}

impl Binding {
    /// Where the binding grants.
    pub fn scope(&self) -> Scope {
        match (self.kind, &self.meta.namespace) {
            (BindingKind::ClusterRoleBinding, _) => Scope::Cluster,
            (BindingKind::RoleBinding, ns) => {
                Scope::Namespace(ns.clone().unwrap_or_else(|| "".into()))
            }
        }
    }
}

/// `roleRef`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoleRef {
    /// `rbac.authorization.k8s.io`.
    #[serde(deserialize_with = "null_default")]
    pub api_group: Name,
    /// `Role` or `ClusterRole`; anything else grants nothing.
    pub kind: Name,
    /// The role's name.
    pub name: Name,
}

/// `subjects[]`, as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BindingSubject {
    /// `User`, `Group` or `ServiceAccount`, in exactly this case; anything else matches nobody.
    pub kind: Name,
    /// Not looked at by the authorizer.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "str_is_empty")]
    pub api_group: Name,
    /// The subject's name.
    pub name: Name,
    /// Only for a `ServiceAccount`.
    #[serde(deserialize_with = "empty_none", skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Name>,
}

fn str_is_empty(text: &Name) -> bool {
    text.is_empty()
}

impl BindingSubject {
    /// The identity that this subject grants to, or None where it can match nobody: an
    /// unknown kind, or an account without a namespace in a `ClusterRoleBinding`.
    ///
    /// In a `RoleBinding` an account without a namespace is of the binding's namespace
    /// (`plugin/pkg/auth/authorizer/rbac/rbac.go`, `appliesToUser`).
    pub fn identity(&self, binding_namespace: Option<&Name>) -> Option<Identity> {
        match &*self.kind {
            "User" => Some(Identity::from_user_name(&self.name)),
            "Group" => Some(Identity::group(self.name.clone())),
            "ServiceAccount" => {
                let ns = self.namespace.as_ref().or(binding_namespace)?;
                Some(Identity {
                    kind: SubjectKind::ServiceAccount,
                    namespace: Some(ns.clone()),
                    name: self.name.clone(),
                })
            }
            _ => None,
        }
    }
}

/// Where a grant or a question holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Cluster-wide, all namespaces included.
    Cluster,
    /// One namespace.
    Namespace(Name),
}

impl Scope {
    /// The namespace, where there is one.
    pub fn namespace(&self) -> Option<&Name> {
        match self {
            Self::Cluster => None,
            Self::Namespace(ns) => Some(ns),
        }
    }
}

/// A Namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// Metadata.
    pub meta: Meta,
}

/// A `ServiceAccount`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Metadata.
    pub meta: Meta,
    /// Names under `secrets`: the auto-made token Secrets, and mountable ones.
    pub secrets: Vec<Name>,
    /// Names under `imagePullSecrets`.
    pub image_pull_secrets: Vec<Name>,
    /// `automountServiceAccountToken`, where set.
    pub automount: Option<bool>,
}

/// A Secret's metadata. There is deliberately no field that could hold its secret data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secret {
    /// Metadata, with `legacy-token-last-used` and `legacy-token-invalid-since` in its labels.
    pub meta: Meta,
    /// The Secret's type, known from the field selector that listed it.
    pub type_: Name,
    /// `immutable`: whether its data never changes. Not known, and false, where Secrets were listed as
    /// metadata.
    pub immutable: bool,
    /// What may be read of a bootstrap token's data, where that was asked for.
    pub bootstrap: Option<Arc<BootstrapToken>>,
}

/// A Pod, cut to who runs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Metadata.
    pub meta: Meta,
    /// `spec.serviceAccountName`.
    pub service_account: Name,
    /// `spec.nodeName`, where scheduled.
    pub node: Option<Name>,
    /// `status.phase`.
    pub phase: Name,
    /// `status.startTime`, UTC.
    pub started: Option<DateTime<Utc>>,
    /// `status.podIPs`, those that are addresses.
    pub ips: Vec<IpAddr>,
    /// What of its spec says what a hole in it is worth.
    pub spec: Arc<PodSpec>,
}

impl Pod {
    /// Whether all of its containers have ended for good.
    pub fn has_ended(&self) -> bool {
        matches!(&*self.phase, "Succeeded" | "Failed")
    }

    /// Whether the kubelet shows it of one that a file on its node says
    /// (`pkg/kubelet/types/constants.go`). It has no account and no token: none is given to it, and it
    /// may name none (`plugin/pkg/admission/serviceaccount`).
    pub fn is_mirror(&self) -> bool {
        self.meta.annotations.contains_key("kubernetes.io/config.mirror")
    }
}

/// A `CertificateSigningRequest`, cut to who asked for what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateSigningRequest {
    /// Metadata.
    pub meta: Meta,
    /// `spec.username`: who asked, as the API server authenticated them.
    pub requester: Name,
    /// `spec.groups` of who asked.
    pub requester_groups: Vec<Name>,
    /// `spec.signerName`.
    pub signer: Name,
    /// `spec.expirationSeconds`.
    pub expiration_seconds: Option<i64>,
    /// Types of `status.conditions`: `Approved`, `Denied`, `Failed`.
    pub conditions: Vec<Name>,
    /// When it was approved, UTC.
    pub approved: Option<DateTime<Utc>>,
    /// `status.certificate`, PEM in base64, where issued. Public data.
    pub certificate: Option<Name>,
    /// `spec.request`, PEM in base64. Public data.
    pub request: Option<Name>,
}

/// One of the few `ConfigMaps` that keybook reads, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigMap {
    /// Metadata.
    pub meta: Meta,
    /// `data`.
    pub data: BTreeMap<Name, Name>,
}

/// An object that later parts read, or that only counts: metadata and, for workloads, the
/// account that its pods run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherObject {
    /// `apiVersion`.
    pub api_version: Name,
    /// `kind`.
    pub kind: Name,
    /// Metadata.
    pub meta: Meta,
    /// `spec.template.spec.serviceAccountName` of a workload.
    pub service_account: Option<Name>,
    /// What else of it is kept.
    pub body: ObjectBody,
}

/// What of an object is kept beside its metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ObjectBody {
    /// Nothing.
    #[default]
    None,
    /// Of a workload, what it makes pods of.
    Workload(Arc<PodTemplate>),
    /// Of a `NetworkPolicy`, its spec.
    NetworkPolicy(Arc<NetworkPolicySpec>),
    /// Of a `FlowSchema`, its spec.
    FlowSchema(Arc<FlowSchemaSpec>),
    /// Of a `PriorityLevelConfiguration`, its spec.
    PriorityLevel(Arc<PriorityLevelSpec>),
    /// Of an access token of OpenShift, whose it is and for how long.
    OAuthToken(OAuthToken),
    /// Of an `RBACDefinition`, its `rbacBindings`.
    RbacDefinition(Arc<[DefinedBinding]>),
}

/// An access token of OpenShift's own login, without the token: its name is the hash of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OAuthToken {
    /// `userName`.
    pub user_name: Name,
    /// `clientName`: with what the user logged in.
    pub client_name: Name,
    /// `expiresIn`: seconds from its creation on; 0 is for ever.
    pub expires_in: i64,
    /// `inactivityTimeoutSeconds`: it ends so many seconds from its creation on, unless it is used
    /// before, which puts that off; 0 is never.
    pub inactivity_timeout_seconds: i32,
    /// `scopes`.
    pub scopes: Vec<Name>,
}

/// Any object of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// Role or `ClusterRole`.
    Role(Role),
    /// `RoleBinding` or `ClusterRoleBinding`.
    Binding(Binding),
    /// Namespace.
    Namespace(Namespace),
    /// `ServiceAccount`.
    ServiceAccount(ServiceAccount),
    /// Secret, metadata only.
    Secret(Secret),
    /// Pod.
    Pod(Pod),
    /// `CertificateSigningRequest`.
    CertificateSigningRequest(CertificateSigningRequest),
    /// `ConfigMap`.
    ConfigMap(ConfigMap),
    /// Anything else that a list of the snapshot holds.
    Other(OtherObject),
}
