//! What rbac-manager's `RBACDefinition` says
//! (`pkg/apis/rbacmanager/v1beta1/rbacdefinition_types.go`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::object::{empty_none, null_default};
use super::{BindingSubject, LabelSelector, LabelSelectorRequirement, Name};

/// `rbacBindings[]`: what some subjects are bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DefinedBinding {
    /// Its name within the definition.
    #[serde(deserialize_with = "null_default")]
    pub name: Name,
    /// Who is bound; accounts among them are made.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<BindingSubject>,
    /// To what everywhere.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub cluster_role_bindings: Vec<DefinedClusterRoleBinding>,
    /// To what in namespaces.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub role_bindings: Vec<DefinedRoleBinding>,
}

/// `clusterRoleBindings[]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DefinedClusterRoleBinding {
    /// The `ClusterRole`.
    #[serde(deserialize_with = "null_default")]
    pub cluster_role: Name,
}

/// `roleBindings[]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DefinedRoleBinding {
    /// The `ClusterRole`; before `role`.
    #[serde(deserialize_with = "empty_none", skip_serializing_if = "Option::is_none")]
    pub cluster_role: Option<Name>,
    /// The Role.
    #[serde(deserialize_with = "empty_none", skip_serializing_if = "Option::is_none")]
    pub role: Option<Name>,
    /// The namespace, where nothing selects.
    #[serde(deserialize_with = "empty_none", skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Name>,
    /// What selects namespaces.
    #[serde(deserialize_with = "null_default")]
    pub namespace_selector: NamespaceSelector,
}

/// `namespaceSelector`. It selects only where it has labels, be it none of them, or expressions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NamespaceSelector {
    /// All must be equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_labels: Option<BTreeMap<Name, Name>>,
    /// All must hold.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

impl NamespaceSelector {
    /// The selector, where there is one.
    pub fn selector(&self) -> Option<LabelSelector> {
        (self.match_labels.is_some() || !self.match_expressions.is_empty()).then(|| LabelSelector {
            match_labels: self.match_labels.clone().unwrap_or_default(),
            match_expressions: self.match_expressions.clone(),
        })
    }
}
