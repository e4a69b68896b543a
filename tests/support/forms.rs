//! The forms that rules have, and what random rules and reviews are made of.

use serde_json::Value;

/// What a rule is made of. A rule has one of these forms and is exact in everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleForm {
    /// Verbs, groups and resources spelt out.
    Exact,
    /// All verbs.
    VerbStar,
    /// All groups.
    GroupStar,
    /// All resources of a group, subresources included.
    ResourceStar,
    /// All of everything.
    Everything,
    /// `pods/exec`.
    Subresource,
    /// `*/scale`.
    StarSubresource,
    /// Bound to names.
    Names,
    /// `impersonate`, `bind`, `escalate`, `approve`, `sign`, `use`.
    SpecialVerb,
    /// What looks like a pattern or a misspelling and is a literal: `pods/*`, `*/*`, `Pods`, `GET`.
    Literal,
    /// A path.
    Path,
    /// `*` as path.
    PathStar,
    /// `/logs/*`.
    PathPrefixSlash,
    /// `/logs*`.
    PathPrefix,
}

impl RuleForm {
    /// All forms.
    pub const ALL: [Self; 14] = [
        Self::Exact,
        Self::VerbStar,
        Self::GroupStar,
        Self::ResourceStar,
        Self::Everything,
        Self::Subresource,
        Self::StarSubresource,
        Self::Names,
        Self::SpecialVerb,
        Self::Literal,
        Self::Path,
        Self::PathStar,
        Self::PathPrefixSlash,
        Self::PathPrefix,
    ];

    /// Whether it is about paths.
    pub fn is_path(self) -> bool {
        matches!(self, Self::Path | Self::PathStar | Self::PathPrefixSlash | Self::PathPrefix)
    }

    /// The form of a rule of a world.
    pub fn of(rule: &Value) -> Self {
        let all = |field: &str| -> Vec<&str> {
            rule[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
        };
        let (verbs, groups, resources) = (all("verbs"), all("apiGroups"), all("resources"));
        if let Some(path) = all("nonResourceURLs").first() {
            return match path.strip_suffix('*') {
                Some("") => Self::PathStar,
                Some(prefix) if prefix.ends_with('/') => Self::PathPrefixSlash,
                Some(_) => Self::PathPrefix,
                None => Self::Path,
            };
        }
        if verbs.iter().any(|verb| SPECIAL.iter().any(|special| special.0 == *verb)) {
            return Self::SpecialVerb;
        }
        let is_literal = |text: &&&str| LITERALS.contains(text);
        if resources.iter().chain(&verbs).find(is_literal).is_some() {
            return Self::Literal;
        }
        match (verbs == ["*"], groups == ["*"], resources == ["*"]) {
            (true, true, true) => Self::Everything,
            (true, ..) => Self::VerbStar,
            (_, true, _) => Self::GroupStar,
            (_, _, true) => Self::ResourceStar,
            _ if !all("resourceNames").is_empty() => Self::Names,
            _ if resources.iter().any(|resource| resource.starts_with("*/")) => {
                Self::StarSubresource
            }
            _ if resources.iter().any(|resource| resource.contains('/')) => Self::Subresource,
            _ => Self::Exact,
        }
    }
}

/// Verbs of requests.
pub const VERBS: [&str; 8] =
    ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
/// Groups with some of their resources.
pub const RESOURCES: [(&str, &[&str]); 6] = [
    ("", &["pods", "secrets", "configmaps", "nodes", "namespaces", "serviceaccounts"]),
    ("apps", &["deployments", "statefulsets", "daemonsets"]),
    ("batch", &["jobs", "cronjobs"]),
    ("rbac.authorization.k8s.io", &["roles", "clusterroles", "rolebindings"]),
    ("networking.k8s.io", &["ingresses", "networkpolicies"]),
    ("widgets.example.org", &["widgets", "gadgets"]),
];
/// Subresources.
pub const SUBRESOURCES: [&str; 7] =
    ["exec", "log", "scale", "status", "token", "portforward", "finalizers"];
/// Special verbs with what they are about.
pub const SPECIAL: [(&str, &str, &str); 9] = [
    ("impersonate", "", "users"),
    ("impersonate", "", "groups"),
    ("impersonate", "", "serviceaccounts"),
    ("impersonate", "authentication.k8s.io", "userextras/scopes"),
    ("bind", "rbac.authorization.k8s.io", "clusterroles"),
    ("escalate", "rbac.authorization.k8s.io", "roles"),
    ("approve", "certificates.k8s.io", "signers"),
    ("sign", "certificates.k8s.io", "signers"),
    ("use", "policy", "podsecuritypolicies"),
];
/// What is no pattern.
pub const LITERALS: [&str; 10] =
    ["pods/*", "*/*", "Pods", "PODS/exec", "pods/Exec", "GET", "List", "get*", "**", "secrets "];
/// Object names, and that of a request without one.
pub const NAMES: [&str; 7] =
    ["settings", "db-0", "", "Settings", "example.com/*", "example.com/signer", "名前"];
/// Paths.
pub const PATHS: [&str; 6] =
    ["/healthz", "/metrics", "/debug/pprof", "/logs", "/version/", "/api/v1/nodes/x/proxy"];
