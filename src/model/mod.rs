//! The nouns: what Kubernetes and its log say, in keybook's vocabulary.
//!
//! Nothing here reads a file, a socket or the clock. Objects deserialise from
//! the form in which the API server and `kubectl get -o json` print them.

mod activity;
mod again;
mod annotations;
mod audit_policy;
mod bootstrap_token;
mod change;
mod counted;
mod coverage;
mod discovery;
mod flow_control;
mod grown;
mod identity;
mod issued;
mod lacks;
mod lists;
mod managers;
mod network_policy;
mod object;
mod outside;
mod pod;
mod pod_secrets;
mod pod_security;
mod policy;
mod printable;
mod rate;
mod rbac_definition;
mod shared;
mod snapshot;
mod uses;
mod volume;
mod wire;

pub use activity::{
    ActivityTables, Actor, ActorId, Call, CallId, CreditId, CreditedGrant, GroupSetId,
    Impersonation, ImpersonationId, Implied, SeenId, Target, Use,
};
pub use again::Again;
pub use annotations::{is_copy, is_kept_of_secrets};
pub(crate) use audit_policy::OFTEN_LEFT_OUT;
pub use audit_policy::{About, AuditPolicy, AuditResources, AuditRule, Shown, is_often_left_out};
pub use bootstrap_token::{BootstrapToken, is_bootstrap_id};
pub use change::Change;
pub use counted::{counted, counted_with, noun};
pub use coverage::{Coverage, Gap, Place, Server, Summaries, Unreadable, duration};
pub use discovery::{ApiResource, Discovery};
pub use flow_control::{
    Concurrency, Distinguisher, FlowName, FlowPaths, FlowRequest, FlowResources, FlowRule,
    FlowSchemaSpec, FlowSubject, LevelReference, PriorityLevelSpec,
};
pub use identity::{Identity, IdentityParseError, Name, SubjectKind};
pub use issued::{Asked, BoundTo, Issuances, Issued, Maker, Minted};
pub use lacks::Absence;
pub use lists::KEPT_CONFIG_MAPS;
pub use managers::{Giving, Manager};
pub use network_policy::{Direction, Named as NamedByRule, NetworkPolicySpec, NetworkRule};
pub use object::{
    AggregationRule, Binding, BindingKind, BindingSubject, CertificateSigningRequest, ConfigMap,
    LabelSelector, LabelSelectorRequirement, Meta, Namespace, OAuthToken, Object, ObjectBody,
    OtherObject, OwnerReference, Pod, PolicyRule, Role, RoleKind, RoleRef, Scope, Secret,
    ServiceAccount,
};
pub use outside::{
    AccessEntry, AccessPolicy, Claims, Held, HeldContext, HeldKind, Outside, RoleMember, Tied,
};
pub use pod::{
    Capabilities, Container, Named, PodSpec, PodTemplate, Port, SeLinuxOptions, SecurityContext,
    TemplateMeta, Typed, VolumeMount,
};
pub use pod_secrets::{Containers, SecretSight};
pub use pod_security::{PodSecurity, PodSecurityLevel};
pub use policy::{Exemption, GroupMap, Policy, fits};
pub use printable::{
    distinct, is_hidden, or_quotes, printable, quoted, quoted_agent, read_as_is, read_back,
    shell_word,
};
pub use rate::{Peak, Rate};
pub use rbac_definition::{
    DefinedBinding, DefinedClusterRoleBinding, DefinedRoleBinding, NamespaceSelector,
};
pub use snapshot::{
    BrokenInput, ClusterInfo, Health, ListKind, ListState, Objects, Passed, SharedHash, SharedMap,
    Snapshot,
};
pub use uses::{Activity, ActivityDelta, ActivityParts, Detail};
pub use volume::{KeyFile, Projection, SecretFiles, TokenFile, Volume, VolumeSource};

/// The signer of client certificates that the API server takes
/// (`pkg/controller/certificates/signer/signer.go`).
pub const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";
