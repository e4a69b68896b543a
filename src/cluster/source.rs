//! What is asked of an API server for each list.

use std::borrow::Cow;

use crate::model::{ListKind, Name};

/// Which part of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extent {
    /// Everywhere.
    All,
    /// One namespace.
    Namespace(Name),
}

impl Extent {
    /// The namespace, where it is one.
    pub fn namespace(&self) -> Option<&Name> {
        match self {
            Self::All => None,
            Self::Namespace(namespace) => Some(namespace),
        }
    }
}

/// One resource of the API, as a list of the snapshot needs it. A list has one source or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The list that it feeds.
    pub list: ListKind,
    /// API group; `""` is core.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// Plural resource.
    pub resource: &'static str,
    /// Kind of its objects.
    pub kind: &'static str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// The one namespace in which it is looked for.
    pub only_in: Option<&'static str>,
    /// Value of `fieldSelector`.
    pub selector: Option<(&'static str, &'static str)>,
    /// Whether nothing but metadata is asked for.
    pub metadata_only: bool,
}

/// What makes pods.
const WORKLOADS: &[Source] = &[
    Source::namespaced(ListKind::Workloads, "apps", "v1", "deployments", "Deployment"),
    Source::namespaced(ListKind::Workloads, "apps", "v1", "statefulsets", "StatefulSet"),
    Source::namespaced(ListKind::Workloads, "apps", "v1", "daemonsets", "DaemonSet"),
    Source::namespaced(ListKind::Workloads, "apps", "v1", "replicasets", "ReplicaSet"),
    Source::namespaced(
        ListKind::Workloads,
        "",
        "v1",
        "replicationcontrollers",
        "ReplicationController",
    ),
    Source::namespaced(ListKind::Workloads, "batch", "v1", "jobs", "Job"),
    Source::namespaced(ListKind::Workloads, "batch", "v1", "cronjobs", "CronJob"),
];

const FLOW_CONTROL: &str = "flowcontrol.apiserver.k8s.io";

/// Which requests are of which priority level.
const FLOW_SCHEMAS: &[Source] =
    &[Source::cluster(ListKind::FlowSchemas, FLOW_CONTROL, "v1", "flowschemas", "FlowSchema")];

/// What each level is given.
const PRIORITY_LEVELS: &[Source] = &[Source::cluster(
    ListKind::PriorityLevels,
    FLOW_CONTROL,
    "v1",
    "prioritylevelconfigurations",
    "PriorityLevelConfiguration",
)];

impl Source {
    const fn cluster(
        list: ListKind,
        group: &'static str,
        version: &'static str,
        resource: &'static str,
        kind: &'static str,
    ) -> Self {
        Self {
            list,
            group,
            version,
            resource,
            kind,
            namespaced: false,
            only_in: None,
            selector: None,
            metadata_only: false,
        }
    }

    const fn namespaced(
        list: ListKind,
        group: &'static str,
        version: &'static str,
        resource: &'static str,
        kind: &'static str,
    ) -> Self {
        Self { namespaced: true, ..Self::cluster(list, group, version, resource, kind) }
    }

    const fn secrets(
        list: ListKind,
        only_in: Option<&'static str>,
        selector: (&'static str, &'static str),
    ) -> Self {
        Self {
            only_in,
            selector: Some(selector),
            metadata_only: true,
            ..Self::namespaced(list, "", "v1", "secrets", "Secret")
        }
    }

    const fn config_map(name: &'static str) -> Self {
        Self {
            only_in: Some("kube-system"),
            selector: Some(("metadata.name", name)),
            ..Self::namespaced(ListKind::ConfigMaps, "", "v1", "configmaps", "ConfigMap")
        }
    }

    /// What a list is made of; nothing for discovery, which is no list of objects.
    pub fn of(list: ListKind) -> &'static [Self] {
        const RBAC: &str = "rbac.authorization.k8s.io";
        const CLUSTER_ROLES: &[Source] =
            &[Source::cluster(ListKind::ClusterRoles, RBAC, "v1", "clusterroles", "ClusterRole")];
        const ROLES: &[Source] =
            &[Source::namespaced(ListKind::Roles, RBAC, "v1", "roles", "Role")];
        const CLUSTER_ROLE_BINDINGS: &[Source] = &[Source::cluster(
            ListKind::ClusterRoleBindings,
            RBAC,
            "v1",
            "clusterrolebindings",
            "ClusterRoleBinding",
        )];
        const ROLE_BINDINGS: &[Source] = &[Source::namespaced(
            ListKind::RoleBindings,
            RBAC,
            "v1",
            "rolebindings",
            "RoleBinding",
        )];
        const NAMESPACES: &[Source] =
            &[Source::cluster(ListKind::Namespaces, "", "v1", "namespaces", "Namespace")];
        const SERVICE_ACCOUNTS: &[Source] = &[Source::namespaced(
            ListKind::ServiceAccounts,
            "",
            "v1",
            "serviceaccounts",
            "ServiceAccount",
        )];
        const TOKEN_SECRETS: &[Source] = &[Source::secrets(
            ListKind::TokenSecrets,
            None,
            ("type", "kubernetes.io/service-account-token"),
        )];
        // The token cleaner and the bootstrap authenticator look nowhere else.
        const BOOTSTRAP_TOKENS: &[Source] = &[Source::secrets(
            ListKind::BootstrapTokens,
            Some("kube-system"),
            ("type", "bootstrap.kubernetes.io/token"),
        )];
        const CSRS: &[Source] = &[Source::cluster(
            ListKind::CertificateSigningRequests,
            "certificates.k8s.io",
            "v1",
            "certificatesigningrequests",
            "CertificateSigningRequest",
        )];
        const CONFIG_MAPS: &[Source] = &[
            Source::config_map("aws-auth"),
            Source::config_map("kube-apiserver-legacy-service-account-token-tracking"),
        ];
        const RBAC_DEFINITIONS: &[Source] = &[Source::cluster(
            ListKind::RbacDefinitions,
            "rbacmanager.reactiveops.io",
            "v1beta1",
            "rbacdefinitions",
            "RBACDefinition",
        )];
        const PODS: &[Source] = &[Source::namespaced(ListKind::Pods, "", "v1", "pods", "Pod")];
        const NETWORK_POLICIES: &[Source] = &[Source::namespaced(
            ListKind::NetworkPolicies,
            "networking.k8s.io",
            "v1",
            "networkpolicies",
            "NetworkPolicy",
        )];
        const OAUTH_TOKENS: &[Source] = &[Source::cluster(
            ListKind::OAuthTokens,
            "oauth.openshift.io",
            "v1",
            "oauthaccesstokens",
            "OAuthAccessToken",
        )];
        match list {
            ListKind::ClusterRoles => CLUSTER_ROLES,
            ListKind::Roles => ROLES,
            ListKind::ClusterRoleBindings => CLUSTER_ROLE_BINDINGS,
            ListKind::RoleBindings => ROLE_BINDINGS,
            ListKind::Namespaces => NAMESPACES,
            ListKind::ServiceAccounts => SERVICE_ACCOUNTS,
            ListKind::TokenSecrets => TOKEN_SECRETS,
            ListKind::BootstrapTokens => BOOTSTRAP_TOKENS,
            ListKind::CertificateSigningRequests => CSRS,
            ListKind::ConfigMaps => CONFIG_MAPS,
            ListKind::RbacDefinitions => RBAC_DEFINITIONS,
            ListKind::Pods => PODS,
            ListKind::Workloads => WORKLOADS,
            ListKind::NetworkPolicies => NETWORK_POLICIES,
            ListKind::FlowSchemas => FLOW_SCHEMAS,
            ListKind::PriorityLevels => PRIORITY_LEVELS,
            ListKind::OAuthTokens => OAUTH_TOKENS,
            ListKind::Discovery => &[],
        }
    }

    /// `apiVersion` of its objects.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The path under which the API server lists it.
    pub fn path(&self, extent: &Extent) -> String {
        let root = if self.group.is_empty() { "/api" } else { "/apis" };
        let namespace = self.only_in.or(extent.namespace().map(|name| &**name));
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => {
                let namespace = segment(namespace);
                format!("{root}/{}/namespaces/{namespace}/{}", self.api_version(), self.resource)
            }
            None => format!("{root}/{}/{}", self.api_version(), self.resource),
        }
    }

    /// The path of one of its objects.
    pub fn object_path(&self, extent: &Extent, name: &str) -> String {
        format!("{}/{}", self.path(extent), segment(name))
    }

    /// Value of `fieldSelector`, where it has one.
    pub fn field_selector(&self) -> Option<String> {
        self.selector.map(|(field, value)| format!("{field}={value}"))
    }

    /// Whether every API server that has RBAC serves it. What does not is none, or the way to it is
    /// wrong: that it has no objects says nothing.
    pub fn is_always_served(&self) -> bool {
        !matches!(
            self.list,
            ListKind::CertificateSigningRequests
                | ListKind::RbacDefinitions
                | ListKind::Pods
                | ListKind::Workloads
                | ListKind::NetworkPolicies
                | ListKind::FlowSchemas
                | ListKind::PriorityLevels
                | ListKind::OAuthTokens
        )
    }

    /// Whether it may be listed namespace by namespace where listing it everywhere is refused.
    pub fn can_be_split(&self) -> bool {
        self.namespaced && self.only_in.is_none()
    }

    /// What is listed, for people: `roles.rbac.authorization.k8s.io in namespace a`.
    pub fn describe(&self, extent: &Extent) -> String {
        let mut text = self.resource.to_owned();
        if !self.group.is_empty() {
            text = format!("{text}.{}", self.group);
        }
        if let Some((field, value)) = self.selector {
            text = format!("{text} ({field} {value})");
        }
        match self.only_in.or(extent.namespace().map(|name| &**name)) {
            Some(namespace) if self.namespaced => format!("{text} in namespace {namespace}"),
            _ if self.namespaced => format!("{text} in all namespaces"),
            _ => text,
        }
    }
}

/// Text as one segment of a path, whatever a person gave for the name of a namespace.
fn segment(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    if text.bytes().all(plain) && !matches!(text, "." | "..") {
        return Cow::Borrowed(text);
    }
    text.bytes()
        .flat_map(|byte| {
            let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('0');
            ['%', digit(byte >> 4), digit(byte & 15)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_feeds_its_own_list() {
        for list in ListKind::ALL {
            for source in Source::of(list) {
                assert_eq!(source.list, list);
            }
            assert_eq!(Source::of(list).is_empty(), list == ListKind::Discovery);
        }
    }

    #[test]
    fn paths_are_those_of_the_api() {
        let path = |list: ListKind, extent: &Extent| Source::of(list)[0].path(extent);
        let shop = Extent::Namespace("shop".into());
        assert_eq!(path(ListKind::Namespaces, &Extent::All), "/api/v1/namespaces");
        assert_eq!(path(ListKind::Pods, &shop), "/api/v1/namespaces/shop/pods");
        assert_eq!(
            path(ListKind::RoleBindings, &Extent::All),
            "/apis/rbac.authorization.k8s.io/v1/rolebindings"
        );
        assert_eq!(
            path(ListKind::BootstrapTokens, &Extent::All),
            "/api/v1/namespaces/kube-system/secrets"
        );
        assert_eq!(
            path(ListKind::ClusterRoles, &shop),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles"
        );
    }

    #[test]
    fn a_name_that_is_none_leads_nowhere_else() {
        let path = Source::of(ListKind::Pods)[0].path(&Extent::Namespace("a/../b?c".into()));
        assert_eq!(path, "/api/v1/namespaces/%61%2f%2e%2e%2f%62%3f%63/pods");
        let path = Source::of(ListKind::Pods)[0].path(&Extent::Namespace("..".into()));
        assert_eq!(path, "/api/v1/namespaces/%2e%2e/pods");
    }

    #[test]
    fn secrets_are_asked_for_by_type_and_as_metadata() {
        for list in ListKind::ALL {
            for source in Source::of(list).iter().filter(|source| source.resource == "secrets") {
                assert!(source.metadata_only);
                assert!(source.field_selector().is_some_and(|text| text.starts_with("type=")));
            }
        }
    }
}
