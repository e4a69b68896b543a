//! What a step is about.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::Name;

/// An object, by where it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// `ClusterRole`, `Role`, `ClusterRoleBinding`, `RoleBinding`, `Secret`, `ServiceAccount`,
    /// `ConfigMap` (only `aws-auth`), `RBACDefinition`; or
    /// `Token` or `Certificate`, which are no objects: what an account or a user of the same name is
    /// given.
    pub kind: Name,
    /// None for what is in no namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Name>,
    /// Its name.
    pub name: Name,
}

impl Target {
    /// The API group and plural resource of its kind.
    pub fn resource(&self) -> (&'static str, &'static str) {
        match &*self.kind {
            "ClusterRoleBinding" => ("rbac.authorization.k8s.io", "clusterrolebindings"),
            "RoleBinding" => ("rbac.authorization.k8s.io", "rolebindings"),
            "ClusterRole" => ("rbac.authorization.k8s.io", "clusterroles"),
            "Role" => ("rbac.authorization.k8s.io", "roles"),
            "ServiceAccount" => ("", "serviceaccounts"),
            "ConfigMap" => ("", "configmaps"),
            "RBACDefinition" => ("rbacmanager.reactiveops.io", "rbacdefinitions"),
            "Token" => ("", "serviceaccounts/token"),
            "Certificate" => ("certificates.k8s.io", "certificatesigningrequests"),
            _ => ("", "secrets"),
        }
    }

    /// The `ConfigMap` by which EKS maps cloud identities.
    pub fn aws_auth() -> Self {
        let (kind, namespace) = ("ConfigMap".into(), Some("kube-system".into()));
        Self { kind, namespace, name: "aws-auth".into() }
    }

    /// An `RBACDefinition`.
    pub fn definition(name: &Name) -> Self {
        Self { kind: "RBACDefinition".into(), namespace: None, name: name.clone() }
    }

    /// Whether it is the `ConfigMap` by which EKS maps cloud identities.
    pub fn is_aws_auth(&self) -> bool {
        *self == Self::aws_auth()
    }

    /// Whether it is an `RBACDefinition`.
    pub fn is_definition(&self) -> bool {
        &*self.kind == "RBACDefinition"
    }

    /// `apiVersion` of its kind.
    pub fn api_version(&self) -> &'static str {
        match &*self.kind {
            "ClusterRoleBinding" | "RoleBinding" | "ClusterRole" | "Role" => {
                "rbac.authorization.k8s.io/v1"
            }
            "RBACDefinition" => "rbacmanager.reactiveops.io/v1beta1",
            _ => "v1",
        }
    }

    /// Whether it is a role.
    pub fn is_role(&self) -> bool {
        matches!(&*self.kind, "ClusterRole" | "Role")
    }

    /// Whether it is a binding.
    pub fn is_binding(&self) -> bool {
        matches!(&*self.kind, "ClusterRoleBinding" | "RoleBinding")
    }

    /// Whether it is a token or a certificate, which the API server makes whenever it is asked, and
    /// keeps no object of that a step is about.
    pub fn is_credential(&self) -> bool {
        matches!(&*self.kind, "Token" | "Certificate")
    }

    /// Whether it is a `ServiceAccount`.
    pub fn is_account(&self) -> bool {
        &*self.kind == "ServiceAccount"
    }

    /// Whether nothing but its metadata is ever read.
    pub fn is_secret(&self) -> bool {
        &*self.kind == "Secret"
    }
}

/// `RoleBinding pay/ops`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}
