//! What a role's rules come to, by themselves: how strong they are, and what a log could show of
//! their use.
//!
//! Tiers are by effective permissions, never by a role's name:
//!
//! * **cluster-admin**: one cluster-wide rule with verb `*`, group `*`, resource `*` and no names;
//!   or the group `system:masters`.
//! * **cluster write**: a cluster-wide rule with any verb but get, list and watch on a resource.
//! * **reads secrets**: get, list or watch of `secrets` in the core group, in any scope, and whatever
//!   else is answered with the Secret (`rbac::answers`); a rule narrowed to named Secrets still reads
//!   Secrets.
//! * **namespace admin**: in a namespace, all verbs on all resources in all groups, or create,
//!   update or patch of its roles or bindings.
//! * **namespace write**: in a namespace, any verb but get, list and watch.
//! * **read**: everything else that reads an object or a path, or asks the API server about
//!   others (token and access reviews).
//! * **discovery only**: what every client may do anyway: discovery, health, version and issuer
//!   paths, trust bundles, questions about oneself; on OpenShift pods as the strictest of its
//!   `SecurityContextConstraints` have them.
//!
//! A rule of a `RoleBinding` counts only for what has a namespace.

use std::sync::LazyLock;

use super::Tier;
use super::recorded::Recorded;
use super::served::Served;
use crate::model::{Name, PolicyRule, Role, Scope, Shown};
use crate::rbac::answers::{ANSWERED, READS};
use crate::rbac::effective::Inert;
use crate::rbac::matching::name_matches;

impl Tier {
    /// All of them, from the weakest on.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::DiscoveryOnly,
        Self::Read,
        Self::NamespaceWrite,
        Self::NamespaceAdmin,
        Self::ReadsSecrets,
        Self::ClusterWrite,
        Self::ClusterAdmin,
    ];

    /// The next stronger one; None: there is none.
    pub fn next(self) -> Option<Self> {
        Self::ALL.get(self as usize + 1).copied()
    }
}

/// Any namespace: what a rule gives does not depend on which.
static IN_A_NAMESPACE: LazyLock<Scope> = LazyLock::new(|| Scope::Namespace("".into()));

const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

/// What one rule comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RuleFacts {
    /// How strong it is cluster-wide; None where it conveys nothing.
    pub(crate) cluster: Option<Tier>,
    /// How strong it is in a namespace; None where it conveys nothing.
    pub(crate) namespace: Option<Tier>,
    /// Whether a log can show any of it in use.
    pub(crate) observable: bool,
    /// Whether some of it reads.
    pub(crate) reads: bool,
    /// Whether the log would show all of it, by what is in it.
    pub(crate) shown: Shown,
}

impl RuleFacts {
    /// How strong it is in a scope.
    pub(crate) fn tier(self, cluster: bool) -> Option<Tier> {
        if cluster { self.cluster } else { self.namespace }
    }
}

/// What a role comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RoleFacts {
    /// By rule, in the role's order.
    pub(crate) rules: Vec<RuleFacts>,
}

impl RoleFacts {
    pub(crate) fn new(role: &Role, served: &Served, recorded: &Recorded) -> Self {
        Self { rules: role.rules.iter().map(|rule| facts(rule, served, recorded)).collect() }
    }

    /// How strong the role is in a scope.
    pub(crate) fn tier(&self, cluster: bool) -> Tier {
        self.rules.iter().filter_map(|rule| rule.tier(cluster)).max().unwrap_or_default()
    }

    /// How many of its rules convey something in a scope.
    pub(crate) fn held(&self, cluster: bool) -> u32 {
        let rows = self.rules.iter().filter(|rule| rule.tier(cluster).is_some()).count();
        u32::try_from(rows).unwrap_or(u32::MAX)
    }
}

/// What one rule comes to.
pub(super) fn facts(rule: &PolicyRule, served: &Served, recorded: &Recorded) -> RuleFacts {
    let gives = |scope: &Scope| Inert::of(rule, scope).is_none();
    let cluster = resource_tier(rule, true, served).max(path_tier(rule));
    RuleFacts {
        cluster: gives(&Scope::Cluster).then(|| cluster.unwrap_or_default()),
        namespace: gives(&IN_A_NAMESPACE)
            .then(|| resource_tier(rule, false, served).unwrap_or_default()),
        observable: is_observable(rule, served),
        reads: rule.verbs.iter().any(|verb| reads(verb)),
        shown: recorded.shows(rule, served),
    }
}

fn reads(verb: &str) -> bool {
    verb == "*" || verb == "head" || READS.contains(&verb)
}

fn writes(verb: &str) -> bool {
    !READS.contains(&verb)
}

fn has(list: &[Name], wanted: &str) -> bool {
    list.iter().any(|have| &**have == "*" || &**have == wanted)
}

fn is_star(list: &[Name]) -> bool {
    list.iter().any(|have| &**have == "*")
}

/// How strong the rule's resources make it; None where no request matches.
fn resource_tier(rule: &PolicyRule, cluster: bool, served: &Served) -> Option<Tier> {
    if rule.verbs.is_empty() {
        return None;
    }
    if is_star(&rule.verbs)
        && is_star(&rule.api_groups)
        && is_star(&rule.resources)
        && rule.resource_names.is_empty()
    {
        return Some(if cluster { Tier::ClusterAdmin } else { Tier::NamespaceAdmin });
    }
    let groups = rule.api_groups.iter();
    groups
        .flat_map(|group| rule.resources.iter().map(move |resource| (group, resource)))
        .map(|(group, resource)| {
            if !cluster && served.is_cluster_scoped(group, resource) {
                // The authorizer would answer for them, but no request asks.
                return Tier::None;
            }
            atom_tier(rule, group, resource, cluster)
        })
        .max()
}

fn atom_tier(rule: &PolicyRule, group: &str, resource: &str, cluster: bool) -> Tier {
    if let Some(tier) = review_tier(group, resource) {
        return tier;
    }
    let reads_it = rule.verbs.iter().any(|verb| reads(verb));
    let mut tier = if reads_it { Tier::Read } else { Tier::None };
    if reads_it && group == "certificates.k8s.io" && resource == "clustertrustbundles" {
        tier = Tier::DiscoveryOnly;
    }
    if matches!(group, "" | "*")
        && matches!(resource, "secrets" | "*")
        && (reads_it || is_answered(rule))
    {
        tier = Tier::ReadsSecrets;
    }
    let plain = is_plain(rule, group, resource);
    if plain && rule.verbs.iter().any(|verb| &**verb == "use") {
        tier = tier.max(Tier::DiscoveryOnly);
    }
    if rule.verbs.iter().any(|verb| writes(verb) && !(plain && &**verb == "use")) {
        tier = tier.max(match (cluster, governs(rule, group, resource)) {
            (true, _) => Tier::ClusterWrite,
            (false, true) => Tier::NamespaceAdmin,
            (false, false) => Tier::NamespaceWrite,
        });
    }
    tier
}

/// OpenShift's `SecurityContextConstraints` that let a pod have nothing on its node
/// (`cluster-kube-apiserver-operator/bindata/bootkube/scc-manifests`); the first ones are everybody's.
const PLAIN: [&str; 5] = ["restricted", "restricted-v2", "restricted-v3", "nonroot", "nonroot-v2"];

/// Whether a rule names `SecurityContextConstraints`, and none but those.
fn is_plain(rule: &PolicyRule, group: &str, resource: &str) -> bool {
    (group, resource) == ("security.openshift.io", "securitycontextconstraints")
        && !rule.resource_names.is_empty()
        && rule.resource_names.iter().all(|name| PLAIN.contains(&&**name))
}

/// Whether it lets something be written that is answered with what is there.
fn is_answered(rule: &PolicyRule) -> bool {
    let named =
        rule.resource_names.is_empty() || rule.resource_names.iter().any(|name| !name.is_empty());
    ANSWERED.iter().filter(|verb| has(&rule.verbs, verb)).any(|verb| match *verb {
        // No request to delete a collection carries a name.
        "deletecollection" => name_matches(rule, ""),
        _ => named,
    })
}

/// Reviews store nothing: they ask the API server, about oneself or about others.
fn review_tier(group: &str, resource: &str) -> Option<Tier> {
    match (group, resource) {
        ("authorization.k8s.io", "selfsubjectaccessreviews" | "selfsubjectrulesreviews")
        | ("authentication.k8s.io", "selfsubjectreviews") => Some(Tier::DiscoveryOnly),
        ("authorization.k8s.io", "subjectaccessreviews" | "localsubjectaccessreviews")
        | ("authentication.k8s.io", "tokenreviews") => Some(Tier::Read),
        _ => None,
    }
}

/// Whether the rule changes roles or bindings.
fn governs(rule: &PolicyRule, group: &str, resource: &str) -> bool {
    matches!(group, RBAC_GROUP | "*")
        && matches!(resource, "roles" | "rolebindings" | "*")
        && ["create", "update", "patch"].iter().any(|verb| has(&rule.verbs, verb))
}

/// How strong the rule's paths make it. Paths hold no objects, so all of them count as reading.
fn path_tier(rule: &PolicyRule) -> Option<Tier> {
    if rule.verbs.is_empty() {
        return None;
    }
    let tier = |path: &str| if is_discovery(path) { Tier::DiscoveryOnly } else { Tier::Read };
    rule.non_resource_urls.iter().map(|path| tier(path)).max()
}

/// Paths that say what a server is, and how it is, and nothing about what is in it.
fn is_discovery(path: &str) -> bool {
    const ROOTS: [&str; 9] = [
        "/api",
        "/apis",
        "/openapi",
        "/version",
        "/healthz",
        "/livez",
        "/readyz",
        "/.well-known",
        "/openid",
    ];
    ROOTS.iter().any(|root| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Whether HTTP can produce the verb on a resource (`apiserver/pkg/endpoints/request`).
fn is_http(verb: &str) -> bool {
    matches!(
        verb,
        "*" | "get"
            | "list"
            | "watch"
            | "create"
            | "update"
            | "patch"
            | "delete"
            | "deletecollection"
    )
}

/// Whether a request that a rule allows can be credited to it in the log: a line names what allowed the
/// verb of the request itself, and none of the checks beside it.
pub(super) fn is_credited(rule: &PolicyRule) -> bool {
    !rule.non_resource_urls.is_empty() || rule.verbs.iter().any(|verb| is_http(verb))
}

/// Whether a rule lets somebody act in the name of others.
pub(super) fn impersonates(rule: &PolicyRule) -> bool {
    rule.verbs.iter().any(|verb| &**verb == "*" || verb.starts_with("impersonate"))
        && rule.api_groups.iter().any(|group| {
            rule.resources.iter().any(|resource| is_impersonation("impersonate", group, resource))
        })
}

/// Whether an impersonated request shows the verb on the resource in use.
fn is_impersonation(verb: &str, group: &str, resource: &str) -> bool {
    if verb.starts_with("impersonate-on:") {
        return true;
    }
    let parent = resource.split_once('/').map_or(resource, |(parent, _)| parent);
    (verb == "impersonate" || verb.starts_with("impersonate:"))
        && matches!(group, "" | "authentication.k8s.io" | "*")
        && matches!(
            parent,
            "users" | "groups" | "serviceaccounts" | "uids" | "userextras" | "nodes" | "*"
        )
}

/// Whether the path is the API server's alone. Any other may be one of a kubelet, an operator or a
/// proxy that asks the API server who may reach it, which the log shows without the path
/// (`SubjectAccessReview`).
fn is_api_servers(path: &str) -> bool {
    path == "*" || path.starts_with("/logs") || is_discovery(path)
}

fn is_observable(rule: &PolicyRule, served: &Served) -> bool {
    if !rule.non_resource_urls.is_empty() {
        return rule.non_resource_urls.iter().any(|path| is_api_servers(path));
    }
    rule.verbs.iter().any(|verb| {
        rule.api_groups.iter().any(|group| {
            rule.resources.iter().any(|resource| {
                is_impersonation(verb, group, resource)
                    || (is_http(verb)
                        // Who talks to a kubelet needs it too, which asks for itself.
                        && &**resource != "nodes/proxy"
                        // Asked about beside a write that sets an owner
                        // (`plugin/pkg/admission/gc/gc_admission.go`): nothing serves it.
                        && !resource.ends_with("/finalizers")
                        && served.may_be_served(group, resource))
            })
        })
    })
}
