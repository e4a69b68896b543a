//! What is asked of the API server after a change: requests that a rule allows, made concrete.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::{Call, Identity, Name, PolicyRule, Scope, Target};
use crate::rbac::query::Asker;
use crate::rbac::{Action, Attributes, Authorizer, Decision};

/// Rules of a role for which a request is asked about, at most.
const RULES: usize = 12;

/// One request of somebody's, as a `SubjectAccessReview` puts it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Check {
    /// The user name; empty for a group by itself.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub user: Name,
    /// Groups.
    pub groups: Vec<Name>,
    /// The verb.
    pub verb: Name,
    /// The API group.
    #[serde(default)]
    pub group: Name,
    /// The plural resource; empty for a path.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub resource: Name,
    /// The subresource.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub subresource: Name,
    /// The namespace.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub namespace: Name,
    /// The object.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub name: Name,
    /// The path; empty for a resource.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub path: Name,
}

impl Check {
    /// The review that asks it.
    pub fn review(&self) -> Value {
        let mut spec = json!({ "groups": self.groups });
        if !self.user.is_empty() {
            spec["user"] = json!(self.user);
        }
        if self.path.is_empty() {
            spec["resourceAttributes"] = json!({
                "verb": self.verb, "group": self.group, "resource": self.resource,
                "subresource": self.subresource, "namespace": self.namespace, "name": self.name,
            });
        } else {
            spec["nonResourceAttributes"] = json!({"verb": self.verb, "path": self.path});
        }
        json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec,
        })
    }

    /// `jane: delete pods in namespace a`.
    pub fn words(&self) -> String {
        let who = if self.user.is_empty() {
            format!("group {}", self.groups.join(", "))
        } else {
            self.user.to_string()
        };
        format!("{who}: {}", self.what())
    }

    /// `delete pods in namespace a`.
    pub fn what(&self) -> String {
        if !self.path.is_empty() {
            return format!("{} {}", self.verb, self.path);
        }
        let slash = if self.subresource.is_empty() { "" } else { "/" };
        let dot = if self.group.is_empty() { "" } else { "." };
        let mut text = format!(
            "{} {}{dot}{}{slash}{}",
            self.verb, self.resource, self.group, self.subresource
        );
        if !self.name.is_empty() {
            text = format!("{text} {}", self.name);
        }
        if !self.namespace.is_empty() {
            text = format!("{text} in namespace {}", self.namespace);
        }
        text
    }

    /// By RBAC alone.
    pub(super) fn decide(&self, authorizer: &Authorizer) -> Decision {
        let groups: Vec<&str> = self.groups.iter().map(|group| &**group).collect();
        let action = if self.path.is_empty() {
            Action::Resource {
                group: &self.group,
                resource: &self.resource,
                subresource: &self.subresource,
                namespace: &self.namespace,
                name: &self.name,
            }
        } else {
            Action::Path(&self.path)
        };
        let attributes = Attributes { user: &self.user, groups: &groups, verb: &self.verb, action };
        authorizer.decide(&attributes)
    }
}

/// A call of somebody's; None where what it was for was folded away.
pub(super) fn of_call(asker: &Asker, call: &Call) -> Option<Check> {
    let (user, groups) = who(asker);
    let none = || Name::from("");
    let verb = call.verb.clone();
    match &call.target {
        Target::Resource { names_folded: true, .. } | Target::Paths | Target::Folded => None,
        Target::Resource { group, resource, subresource, namespace, name, .. } => Some(Check {
            user,
            groups,
            verb,
            group: group.clone(),
            resource: resource.clone(),
            subresource: subresource.clone(),
            namespace: namespace.clone().unwrap_or_else(none),
            name: name.clone().unwrap_or_else(none),
            path: none(),
        }),
        Target::Path(path) => Some(Check {
            user,
            groups,
            verb,
            group: none(),
            resource: none(),
            subresource: none(),
            namespace: none(),
            name: none(),
            path: path.clone(),
        }),
    }
}

/// One request for each of the rules (the first [`RULES`] of them) that a role gives in a scope.
pub(super) fn of_rules(asker: &Asker, rules: &[PolicyRule], scope: &Scope) -> Vec<Check> {
    let (user, groups) = who(asker);
    let mut all: Vec<Check> = rules
        .iter()
        .take(RULES)
        .filter_map(|rule| concrete(rule, scope))
        .map(|check| Check { user: user.clone(), groups: groups.clone(), ..check })
        .collect();
    all.sort();
    all.dedup();
    all
}

fn who(asker: &Asker) -> (Name, Vec<Name>) {
    (asker.identity.user_name().unwrap_or_else(|| "".into()), asker.groups.clone())
}

/// A request that a rule allows; None where it allows none.
fn concrete(rule: &PolicyRule, scope: &Scope) -> Option<Check> {
    let verb = rule.verbs.first()?;
    // A star stands for every verb; one is asked about.
    let verb_or = |any: &str| if &**verb == "*" { any.into() } else { verb.clone() };
    let none = || Name::from("");
    let empty = Check {
        user: none(),
        groups: Vec::new(),
        verb: verb_or("delete"),
        group: none(),
        resource: none(),
        subresource: none(),
        namespace: none(),
        name: none(),
        path: none(),
    };
    let resource = rule.resources.iter().find(|resource| {
        // A star behind a slash, or within a name, is no wildcard.
        !resource.trim_start_matches('*').contains('*')
            && (!resource.starts_with('*') || matches!(resource.get(1..2), None | Some("/")))
    });
    if let (Some(group), Some(resource)) = (rule.api_groups.first(), resource) {
        let group: Name = if &**group == "*" { none() } else { group.clone() };
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let resource = if resource == "*" { "pods" } else { resource };
        return Some(Check {
            group,
            resource: resource.into(),
            subresource: subresource.into(),
            namespace: scope.namespace().cloned().unwrap_or_else(none),
            name: rule.resource_names.first().cloned().unwrap_or_else(none),
            ..empty
        });
    }
    let path = rule.non_resource_urls.first().filter(|_| scope == &Scope::Cluster)?;
    let path: Name = match path.strip_suffix('*') {
        None => path.clone(),
        Some("" | "/") => "/metrics".into(),
        Some(before) if before.ends_with('/') => format!("{before}v1").into(),
        Some(before) => before.into(),
    };
    Some(Check { path, verb: verb_or("get"), ..empty })
}

/// Somebody as the API server sees them, with these groups beside those that it adds itself.
pub(super) fn asker(identity: &Identity, groups: impl IntoIterator<Item = Name>) -> Asker {
    Asker::new(identity.clone(), groups, true)
}
