//! What the operator may do, in the API server's words.

use super::Operator;
use super::path::{Target, qualified};
use super::store::Store;
use crate::cluster::{Error, Extent, Source};
use crate::model::{Binding, CLIENT_SIGNER, Identity, Name, Object, PolicyRule, Role};
use crate::rbac::{Action, Attributes, escalation};

/// Somebody before a store. Nobody in particular may do everything.
pub(super) struct Permits<'a> {
    pub(super) store: &'a Store,
    pub(super) operator: Option<&'a Operator>,
}

impl Permits<'_> {
    /// Whether the operator may.
    fn allowed(&self, verb: &str, action: Action<'_>) -> bool {
        let Some(operator) = self.operator else {
            return true;
        };
        let groups: Vec<&str> = operator.groups.iter().map(|group| &**group).collect();
        let attributes = Attributes { user: &operator.user, groups: &groups, verb, action };
        self.store.authorizer.decide(&attributes).allowed()
    }

    fn refuse(&self, verb: &str, action: Action<'_>, tried: &str) -> Result<(), Error> {
        if self.allowed(verb, action) {
            return Ok(());
        }
        let Action::Resource { group, resource, namespace, name, .. } = action else {
            return Ok(());
        };
        let user = self.operator.map_or("", |operator| &*operator.user);
        let what = qualified(group, resource);
        let what = if name.is_empty() { what } else { format!("{what} {name:?}") };
        let place = if namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace {namespace:?}")
        };
        let cause = format!(
            "{what} is forbidden: User {user:?} cannot {verb} resource {resource:?} in API group \
             {group:?} {place}"
        );
        Err(Error::Forbidden { tried: tried.to_owned(), cause })
    }

    /// Lists and watches.
    pub(super) fn may_read(
        &self,
        verb: &str,
        source: &Source,
        extent: &Extent,
        tried: &str,
    ) -> Result<(), Error> {
        let namespace = source.only_in.or(extent.namespace().map(|name| &**name));
        // A list of one name is authorized as a request for that name.
        let name = match source.selector {
            Some(("metadata.name", name)) => name,
            _ => "",
        };
        let action = Action::Resource {
            group: source.group,
            resource: source.resource,
            subresource: "",
            namespace: namespace.filter(|_| source.namespaced).unwrap_or(""),
            name,
        };
        self.refuse(verb, action, tried)
    }

    /// Anything at a path.
    pub(super) fn may(&self, verb: &str, target: &Target, tried: &str) -> Result<(), Error> {
        // A Namespace's own name is its namespace to the authorizer.
        let namespace = match (target.kind, &target.name) {
            ("Namespace", Some(name)) => name,
            _ => target.namespace.as_deref().unwrap_or(""),
        };
        let action = Action::Resource {
            group: target.group,
            resource: target.resource,
            subresource: "",
            namespace,
            // A creation carries no name.
            name: target.name.as_deref().filter(|_| verb != "create").unwrap_or(""),
        };
        self.refuse(verb, action, tried)
    }

    /// The token of an account.
    pub(super) fn may_make_token(&self, account: &Target, tried: &str) -> Result<(), Error> {
        let action = Action::Resource {
            group: account.group,
            resource: account.resource,
            subresource: "token",
            namespace: account.namespace.as_deref().unwrap_or(""),
            name: account.name.as_deref().unwrap_or(""),
        };
        self.refuse("create", action, tried)
    }

    /// A client certificate: asked for, approved, and by the signer at that
    /// (`plugin/pkg/admission/certificates/approval/admission.go`).
    pub(super) fn may_have_signed(&self, tried: &str) -> Result<(), Error> {
        for (verb, resource, subresource, name) in [
            ("create", "certificatesigningrequests", "", ""),
            ("update", "certificatesigningrequests", "approval", "new"),
            ("approve", "signers", "", CLIENT_SIGNER),
        ] {
            let group = "certificates.k8s.io";
            let action = Action::Resource { group, resource, subresource, namespace: "", name };
            self.refuse(verb, action, tried)?;
        }
        Ok(())
    }

    /// Whether the operator may give away what a role or binding gives
    /// (`pkg/registry/rbac/*/policybased/storage.go`).
    pub(super) fn may_grant(
        &self,
        object: &Object,
        before: Option<&Object>,
        target: &Target,
        tried: &str,
    ) -> Result<(), Error> {
        let (held, wanted) = match object {
            Object::Role(role) => {
                let unchanged = matches!(before, Some(Object::Role(old))
                    if old.rules == role.rules && old.aggregation == role.aggregation);
                if unchanged || self.may_escalate(role, target) {
                    return Ok(());
                }
                (self.rules_held(role.meta.namespace.as_ref()), role.rules.clone())
            }
            Object::Binding(binding) => {
                if self.may_bind(binding) {
                    return Ok(());
                }
                (
                    self.rules_held(binding.meta.namespace.as_ref()),
                    self.rules_of(binding, target, tried)?,
                )
            }
            _ => return Ok(()),
        };
        let missing = escalation::missing(&held, &wanted);
        if missing.is_empty() {
            return Ok(());
        }
        let user = self.operator.map_or("", |operator| &*operator.user);
        let cause = format!(
            "{} is forbidden: user {user:?} is attempting to grant RBAC permissions not currently \
             held: {}",
            target.named(&object.meta().name),
            missing.iter().map(in_words).collect::<Vec<_>>().join(", ")
        );
        Err(Error::Forbidden { tried: tried.to_owned(), cause })
    }

    fn is_privileged(&self) -> bool {
        self.operator.is_none_or(|operator| {
            operator.groups.iter().any(|group| &**group == Identity::SYSTEM_MASTERS)
        })
    }

    fn may_escalate(&self, role: &Role, target: &Target) -> bool {
        let namespace = role.meta.namespace.as_deref().unwrap_or("");
        let action = Action::Resource {
            group: target.group,
            resource: target.resource,
            subresource: "",
            namespace,
            name: &role.meta.name,
        };
        self.is_privileged() || self.allowed("escalate", action)
    }

    fn may_bind(&self, binding: &Binding) -> bool {
        let resource = if &*binding.role_ref.kind == "Role" { "roles" } else { "clusterroles" };
        let action = Action::Resource {
            group: "rbac.authorization.k8s.io",
            resource,
            subresource: "",
            namespace: binding.meta.namespace.as_deref().unwrap_or(""),
            name: &binding.role_ref.name,
        };
        self.is_privileged() || self.allowed("bind", action)
    }

    /// What a binding would give.
    fn rules_of(
        &self,
        binding: &Binding,
        target: &Target,
        tried: &str,
    ) -> Result<Vec<PolicyRule>, Error> {
        let kind = match &*binding.role_ref.kind {
            "Role" => crate::model::RoleKind::Role,
            _ => crate::model::RoleKind::ClusterRole,
        };
        let namespace = binding.meta.namespace.as_deref().unwrap_or("");
        let role = self.store.objects.role(kind, namespace, &binding.role_ref.name);
        // Who does not hold everything must not bind what does not exist yet.
        role.map(|role| role.rules.clone()).ok_or_else(|| Error::NotFound {
            tried: format!(
                "{tried}: {} of {}",
                binding.role_ref.name,
                target.named(&binding.meta.name)
            ),
        })
    }

    /// The operator's own rules, in a namespace and everywhere.
    fn rules_held(&self, namespace: Option<&Name>) -> Vec<PolicyRule> {
        let Some(operator) = self.operator else {
            return Vec::new();
        };
        let mut subjects = vec![Identity::from_user_name(&operator.user)];
        subjects.extend(operator.groups.iter().map(|group| Identity::group(group.clone())));
        let mut rules = Vec::new();
        for slot in subjects.iter().flat_map(|subject| self.store.authorizer.direct(subject)) {
            if let Some(held) = self.store.authorizer.held(slot)
                && held.scope.namespace().is_none_or(|scope| namespace == Some(scope))
            {
                rules.extend_from_slice(held.rules());
            }
        }
        rules
    }
}

fn in_words(rule: &PolicyRule) -> String {
    let list = |names: &[Name]| names.join(",");
    if !rule.non_resource_urls.is_empty() {
        return format!("{} {}", list(&rule.verbs), list(&rule.non_resource_urls));
    }
    let names = if rule.resource_names.is_empty() {
        String::new()
    } else {
        format!(" named {}", list(&rule.resource_names))
    };
    format!("{} {:?}/{}{names}", list(&rule.verbs), list(&rule.api_groups), list(&rule.resources))
}
