//! What the API server says it serves.

use serde::{Deserialize, Serialize};

use super::Name;

/// One served resource or subresource of one API group (all versions folded: the authorizer
/// does not look at versions).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiResource {
    /// `""` is the core group.
    pub group: Name,
    /// Plural name, `pods`, or `pods/exec` for a subresource.
    pub name: Name,
    /// Singular name; empty where the server gives none.
    #[serde(default)]
    pub singular: Name,
    /// Short names, `po`.
    #[serde(default)]
    pub short_names: Vec<Name>,
    /// Kind.
    #[serde(default)]
    pub kind: Name,
    /// Whether its requests carry a namespace.
    pub namespaced: bool,
    /// Verbs that the server offers over HTTP.
    #[serde(default)]
    pub verbs: Vec<Name>,
}

/// All served resources, sorted by group and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Discovery {
    /// Sorted by (group, name).
    pub resources: Vec<ApiResource>,
    /// Groups whose list failed (an aggregated server that is down), with the reason.
    #[serde(default)]
    pub failed_groups: Vec<(Name, Name)>,
    /// True where this is the table built in for want of the server's own.
    #[serde(default)]
    pub builtin: bool,
}
