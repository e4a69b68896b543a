//! The questions that decide whether a step can be made: a verb on a resource, as the API server,
//! its admission plugins and the kubelet put them to the authorizer.

use std::sync::Arc;

pub(crate) use super::verb::Verb;
use crate::model::{Name, PolicyRule};
use crate::rbac::matching::{group_matches, name_matches, one_resource_matches, verb_matches};

/// What a step asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum On {
    Users,
    Groups,
    Accounts,
    /// The same three in the group that constrained impersonation asks in.
    InfoUsers,
    InfoGroups,
    InfoAccounts,
    InfoNodes,
    ClusterRoles,
    Roles,
    ClusterRoleBindings,
    RoleBindings,
    Token,
    Secrets,
    Pods,
    Exec,
    Attach,
    Ephemeral,
    Deployments,
    StatefulSets,
    DaemonSets,
    ReplicaSets,
    ReplicationControllers,
    Jobs,
    CronJobs,
    Kubelet,
    Requests,
    Approval,
    Signers,
    MutatingWebhooks,
    ConfigMaps,
    Definitions,
    Namespaces,
    NamespaceStatus,
    NamespaceFinalize,
    MutatingPolicies,
    MutatingPolicyBindings,
    DeploymentScale,
    StatefulSetScale,
    ReplicaSetScale,
    ReplicationControllerScale,
}

const RBAC: &str = "rbac.authorization.k8s.io";
const AUTHENTICATION: &str = "authentication.k8s.io";
const CERTIFICATES: &str = "certificates.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";
const WRITES: &[Verb] = &[Verb::Create, Verb::Update, Verb::Patch];
/// Of what is made again under its name, since no change does as much.
const REMAKES: &[Verb] =
    &[Verb::Create, Verb::Update, Verb::Patch, Verb::Delete, Verb::DeleteCollection];

impl On {
    pub(crate) const ALL: [Self; 40] = [
        Self::Users,
        Self::Groups,
        Self::Accounts,
        Self::InfoUsers,
        Self::InfoGroups,
        Self::InfoAccounts,
        Self::InfoNodes,
        Self::ClusterRoles,
        Self::Roles,
        Self::ClusterRoleBindings,
        Self::RoleBindings,
        Self::Token,
        Self::Secrets,
        Self::Pods,
        Self::Exec,
        Self::Attach,
        Self::Ephemeral,
        Self::Deployments,
        Self::StatefulSets,
        Self::DaemonSets,
        Self::ReplicaSets,
        Self::ReplicationControllers,
        Self::Jobs,
        Self::CronJobs,
        Self::Kubelet,
        Self::Requests,
        Self::Approval,
        Self::Signers,
        Self::MutatingWebhooks,
        Self::ConfigMaps,
        Self::Definitions,
        Self::Namespaces,
        Self::NamespaceStatus,
        Self::NamespaceFinalize,
        Self::MutatingPolicies,
        Self::MutatingPolicyBindings,
        Self::DeploymentScale,
        Self::StatefulSetScale,
        Self::ReplicaSetScale,
        Self::ReplicationControllerScale,
    ];

    /// What makes pods by a template: the controllers of the controller manager.
    pub(crate) const CONTROLLERS: [Self; 7] = [
        Self::Deployments,
        Self::StatefulSets,
        Self::DaemonSets,
        Self::ReplicaSets,
        Self::ReplicationControllers,
        Self::Jobs,
        Self::CronJobs,
    ];

    /// By what a controller is told how many pods there are to be, without a change of its template.
    pub(crate) const SCALES: [Self; 4] = [
        Self::DeploymentScale,
        Self::StatefulSetScale,
        Self::ReplicaSetScale,
        Self::ReplicationControllerScale,
    ];

    /// By what the labels of a namespace are changed: its subresources keep everything but the metadata
    /// of the request (`pkg/registry/core/namespace/strategy.go`, `PrepareForUpdate` of each). `finalize`
    /// takes a PUT only (`storage/storage.go` there, `FinalizeREST`).
    pub(crate) const LABELS: [Self; 3] =
        [Self::Namespaces, Self::NamespaceStatus, Self::NamespaceFinalize];

    /// API group, resource and subresource.
    pub(crate) fn target(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Users => ("", "users", ""),
            Self::Groups => ("", "groups", ""),
            Self::Accounts => ("", "serviceaccounts", ""),
            Self::InfoUsers => (AUTHENTICATION, "users", ""),
            Self::InfoGroups => (AUTHENTICATION, "groups", ""),
            Self::InfoAccounts => (AUTHENTICATION, "serviceaccounts", ""),
            Self::InfoNodes => (AUTHENTICATION, "nodes", ""),
            Self::ClusterRoles => (RBAC, "clusterroles", ""),
            Self::Roles => (RBAC, "roles", ""),
            Self::ClusterRoleBindings => (RBAC, "clusterrolebindings", ""),
            Self::RoleBindings => (RBAC, "rolebindings", ""),
            Self::Token => ("", "serviceaccounts", "token"),
            Self::Secrets => ("", "secrets", ""),
            Self::Pods => ("", "pods", ""),
            Self::Exec => ("", "pods", "exec"),
            Self::Attach => ("", "pods", "attach"),
            Self::Ephemeral => ("", "pods", "ephemeralcontainers"),
            Self::Deployments => ("apps", "deployments", ""),
            Self::StatefulSets => ("apps", "statefulsets", ""),
            Self::DaemonSets => ("apps", "daemonsets", ""),
            Self::ReplicaSets => ("apps", "replicasets", ""),
            Self::DeploymentScale => ("apps", "deployments", "scale"),
            Self::StatefulSetScale => ("apps", "statefulsets", "scale"),
            Self::ReplicaSetScale => ("apps", "replicasets", "scale"),
            Self::ReplicationControllerScale => ("", "replicationcontrollers", "scale"),
            Self::ReplicationControllers => ("", "replicationcontrollers", ""),
            Self::Jobs => ("batch", "jobs", ""),
            Self::CronJobs => ("batch", "cronjobs", ""),
            Self::Kubelet => ("", "nodes", "proxy"),
            Self::Requests => (CERTIFICATES, "certificatesigningrequests", ""),
            Self::Approval => (CERTIFICATES, "certificatesigningrequests", "approval"),
            Self::Signers => (CERTIFICATES, "signers", ""),
            Self::MutatingWebhooks => (ADMISSION, "mutatingwebhookconfigurations", ""),
            Self::MutatingPolicies => (ADMISSION, "mutatingadmissionpolicies", ""),
            Self::MutatingPolicyBindings => (ADMISSION, "mutatingadmissionpolicybindings", ""),
            Self::ConfigMaps => ("", "configmaps", ""),
            Self::Definitions => ("rbacmanager.reactiveops.io", "rbacdefinitions", ""),
            Self::Namespaces => ("", "namespaces", ""),
            Self::NamespaceStatus => ("", "namespaces", "status"),
            Self::NamespaceFinalize => ("", "namespaces", "finalize"),
        }
    }

    /// `pods/exec`, `rolebindings`: as rules write it.
    pub(crate) fn resource(self) -> String {
        match self.target() {
            (_, resource, "") => resource.to_owned(),
            (_, resource, subresource) => format!("{resource}/{subresource}"),
        }
    }

    /// The verbs that are asked for on it.
    const fn verbs(self) -> &'static [Verb] {
        match self {
            Self::Users | Self::Groups => &[Verb::Impersonate],
            Self::Accounts => &[Verb::Create, Verb::Update, Verb::Patch, Verb::Impersonate],
            Self::InfoUsers | Self::InfoGroups => &[Verb::UserInfo],
            Self::InfoAccounts => &[Verb::ServiceAccount],
            Self::InfoNodes => &[Verb::ArbitraryNode, Verb::AssociatedNode],
            Self::ClusterRoles | Self::Roles => &[
                Verb::Create,
                Verb::Update,
                Verb::Patch,
                Verb::Delete,
                Verb::DeleteCollection,
                Verb::Bind,
                Verb::Escalate,
            ],
            Self::ClusterRoleBindings | Self::RoleBindings | Self::Pods | Self::Jobs => REMAKES,
            Self::Token => &[Verb::Create, Verb::CreateOnNode, Verb::CreateOnOwnNode],
            Self::Secrets => &[
                Verb::Get,
                Verb::List,
                Verb::Watch,
                Verb::Create,
                Verb::Update,
                Verb::Patch,
                Verb::Delete,
                Verb::DeleteCollection,
                Verb::GetOnNode,
                Verb::ListOnNode,
                Verb::WatchOnNode,
                Verb::GetOnOwnNode,
                Verb::ListOnOwnNode,
                Verb::WatchOnOwnNode,
            ],
            Self::Exec | Self::Attach | Self::Kubelet => &[Verb::Get, Verb::Create],
            Self::Ephemeral
            | Self::Approval
            | Self::NamespaceStatus
            | Self::DeploymentScale
            | Self::StatefulSetScale
            | Self::ReplicaSetScale
            | Self::ReplicationControllerScale => &[Verb::Update, Verb::Patch],
            Self::NamespaceFinalize => &[Verb::Update],
            Self::Signers => &[Verb::Approve],
            _ => WRITES,
        }
    }

    /// The question's place in a set of questions.
    pub(crate) fn bit(self, verb: Verb) -> u128 {
        let first = STARTS.get(self as usize).copied().unwrap_or_default();
        let of = self.verbs().iter().position(|have| *have == verb).unwrap_or_default();
        1u128.checked_shl(first + u32::try_from(of).unwrap_or_default()).unwrap_or_default()
    }

    /// Whether a PUT of an object that is not there makes it: of what is asked about here RBAC's kinds
    /// only.
    pub(crate) fn is_made_by_put(self) -> bool {
        let (group, resource, subresource) = self.target();
        subresource.is_empty() && is_made_by_put(group, resource)
    }

    /// Whether the question carries a namespace when it comes with this verb.
    pub(crate) fn is_namespaced(self, verb: Verb) -> bool {
        match self {
            Self::ClusterRoles => verb == Verb::Bind,
            Self::Users
            | Self::Groups
            | Self::InfoUsers
            | Self::InfoGroups
            | Self::InfoNodes
            | Self::ClusterRoleBindings
            | Self::Kubelet
            | Self::Requests
            | Self::Approval
            | Self::Signers
            | Self::MutatingWebhooks
            | Self::MutatingPolicies
            | Self::MutatingPolicyBindings
            | Self::Definitions => false,
            _ => true,
        }
    }
}

/// Whether a PUT of an object that is not there makes it (`AllowCreateOnUpdate` in each kind's
/// `pkg/registry/GROUP/KIND/strategy.go`, 1.36). Custom resources are not made by one
/// (`apiextensions-apiserver/pkg/registry/customresource/strategy.go`).
pub(crate) fn is_made_by_put(group: &str, resource: &str) -> bool {
    match group {
        RBAC => {
            matches!(resource, "roles" | "clusterroles" | "rolebindings" | "clusterrolebindings")
        }
        "" => matches!(resource, "endpoints" | "events" | "limitranges" | "services"),
        "events.k8s.io" => resource == "events",
        "coordination.k8s.io" => matches!(resource, "leases" | "leasecandidates"),
        "node.k8s.io" => resource == "runtimeclasses",
        _ => false,
    }
}

/// By number of the target, how many questions there are about those before it.
const STARTS: [u32; 40] = {
    let mut starts = [0; 40];
    let (mut at, mut sum) = (0, 0);
    while at < On::ALL.len() {
        starts[at] = sum;
        let mut verbs = On::ALL[at].verbs();
        while let [_, rest @ ..] = verbs {
            sum += 1;
            verbs = rest;
        }
        at += 1;
    }
    assert!(sum <= 128, "a question a bit");
    starts
};

/// On which objects: None is every one. Sorted.
pub(crate) type Names = Option<Arc<[Name]>>;

/// What is in both.
pub(crate) fn both(one: &Names, other: &Names) -> Names {
    match (one, other) {
        (None, names) | (names, None) => names.clone(),
        (Some(one), Some(other)) => {
            Some(one.iter().filter(|name| other.binary_search(name).is_ok()).cloned().collect())
        }
    }
}

pub(crate) fn is_empty(names: &Names) -> bool {
    names.as_ref().is_some_and(|names| names.is_empty())
}

pub(crate) fn has(names: &Names, name: &str) -> bool {
    names.as_ref().is_none_or(|names| names.iter().any(|have| &**have == name))
}

/// A question to which a rule says yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cap {
    pub(crate) on: On,
    pub(crate) verb: Verb,
    pub(crate) names: Names,
    /// Which rule of its role.
    pub(crate) rule: u32,
}

/// Whose verbs a rule is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    /// Its own.
    Own,
    /// What it lets be done in the name of an impersonated user: `impersonate-on:user-info:VERB`.
    OnUser,
    /// The same of a service account: `impersonate-on:serviceaccount:VERB`.
    OnAccount,
}

impl Mode {
    /// How verbs begin that are asked for besides.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            // No verb is asked for besides.
            Self::Own => "",
            Self::OnUser => "impersonate-on:user-info:",
            Self::OnAccount => "impersonate-on:serviceaccount:",
        }
    }

    /// The verb that is asked for where somebody is impersonated for a request of that verb; the
    /// verb itself where nothing is asked besides.
    pub(crate) fn verb(self, verb: Verb) -> &'static str {
        match (self, verb.asked()) {
            (Self::OnUser, Verb::Get) => "impersonate-on:user-info:get",
            (Self::OnUser, Verb::List) => "impersonate-on:user-info:list",
            (Self::OnUser, Verb::Watch) => "impersonate-on:user-info:watch",
            (Self::OnUser, Verb::Create) => "impersonate-on:user-info:create",
            (Self::OnUser, Verb::Update) => "impersonate-on:user-info:update",
            (Self::OnUser, Verb::Patch) => "impersonate-on:user-info:patch",
            (Self::OnUser, Verb::Delete) => "impersonate-on:user-info:delete",
            (Self::OnUser, Verb::DeleteCollection) => "impersonate-on:user-info:deletecollection",
            (Self::OnAccount, Verb::Get) => "impersonate-on:serviceaccount:get",
            (Self::OnAccount, Verb::List) => "impersonate-on:serviceaccount:list",
            (Self::OnAccount, Verb::Watch) => "impersonate-on:serviceaccount:watch",
            (Self::OnAccount, Verb::Create) => "impersonate-on:serviceaccount:create",
            (Self::OnAccount, Verb::Update) => "impersonate-on:serviceaccount:update",
            (Self::OnAccount, Verb::Patch) => "impersonate-on:serviceaccount:patch",
            (Self::OnAccount, Verb::Delete) => "impersonate-on:serviceaccount:delete",
            (Self::OnAccount, Verb::DeleteCollection) => {
                "impersonate-on:serviceaccount:deletecollection"
            }
            _ => verb.as_str(),
        }
    }
}

/// The questions to which a role's rules say yes.
pub(crate) fn caps<'r>(rules: impl IntoIterator<Item = &'r PolicyRule>, mode: Mode) -> Vec<Cap> {
    let mut found = Vec::new();
    for (at, rule) in (0u32..).zip(rules) {
        of_rule(rule, at, mode, &mut found);
    }
    found.sort_by_key(|cap| (cap.on, cap.verb));
    found
}

fn of_rule(rule: &PolicyRule, at: u32, mode: Mode, found: &mut Vec<Cap>) {
    if rule.verbs.is_empty() || rule.resources.is_empty() {
        return;
    }
    let mut written: Option<Arc<[Name]>> = None;
    for on in On::ALL {
        let (group, resource, subresource) = on.target();
        let is_it = group_matches(rule, group)
            && rule.resources.iter().any(|have| one_resource_matches(have, resource, subresource));
        if !is_it {
            continue;
        }
        for &verb in on.verbs() {
            let says_yes = match mode {
                Mode::Own => verb_matches(rule, verb.as_str()),
                _ => verb.is_http() && verb_matches(rule, mode.verb(verb)),
            };
            if !says_yes {
                continue;
            }
            let names = if rule.resource_names.is_empty() || is_unnamed(rule, on, verb) {
                None
            } else if verb == Verb::DeleteCollection {
                continue;
            } else {
                let written = written.get_or_insert_with(|| sorted(rule)).clone();
                match written.first() {
                    None => continue,
                    Some(name) if name.is_empty() && verb != Verb::Escalate => {
                        match &written[1..] {
                            [] => continue,
                            others => Some(others.into()),
                        }
                    }
                    Some(_) => Some(written),
                }
            };
            found.push(Cap { on, verb, names, rule: at });
        }
    }
}

/// Whether the rule allows requests of the verb that carry no name, by the empty one among its names:
/// rules compare names as text. Such a request is about every object.
fn is_unnamed(rule: &PolicyRule, on: On, verb: Verb) -> bool {
    let (.., subresource) = on.target();
    subresource.is_empty() && verb.is_nameless() && name_matches(rule, "")
}

fn sorted(rule: &PolicyRule) -> Arc<[Name]> {
    let mut names = rule.resource_names.clone();
    names.sort();
    names.dedup();
    names.into()
}

#[cfg(test)]
mod tests;
