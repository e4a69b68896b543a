//! What is bound to oneself, and roles that are made or changed.

use std::collections::BTreeSet;

use super::*;

/// Stands for a role that was changed to allow everything, for oneself.
const EVERYTHING: &str = "everything";

impl Simulation {
    /// All rules that hold for a context in a place.
    fn rules(&self, who: &Context, ns: &str) -> Vec<PolicyRule> {
        let subjects = who
            .groups
            .iter()
            .map(|group| Identity::group(group.as_str()))
            .chain([Identity::from_user_name(&who.user)]);
        subjects
            .flat_map(|subject| self.authorizer.direct(&subject))
            .filter_map(|slot| self.authorizer.held(slot))
            .filter(|held| match held.scope.namespace() {
                None => true,
                Some(have) => !ns.is_empty() && &**have == ns,
            })
            .flat_map(|held| held.rules().to_vec())
            .collect()
    }

    pub(super) fn may_bind(&self, who: &Context, role: &RoleRef, ns: &str) -> bool {
        let resource = if &*role.kind == "ClusterRole" { "clusterroles" } else { "roles" };
        if self.may(who, "bind", (RBAC, resource, ""), ns, &role.name) {
            return true;
        }
        let place = if &*role.kind == "ClusterRole" { "" } else { ns };
        let kind = if place.is_empty() { RoleKind::ClusterRole } else { RoleKind::Role };
        self.objects
            .role(kind, place, &role.name)
            .is_some_and(|role| escalation::missing(&self.rules(who, ns), &role.rules).is_empty())
    }

    /// Whatever can be bound to oneself is.
    pub(super) fn bindings(&mut self, who: &Context) {
        let spaces = std::iter::once(Name::from("")).chain(self.namespaces.clone());
        for ns in spaces.collect::<Vec<_>>() {
            let resource = if ns.is_empty() { "clusterrolebindings" } else { "rolebindings" };
            let on = (RBAC, resource, "");
            let kind = if ns.is_empty() {
                BindingKind::ClusterRoleBinding
            } else {
                BindingKind::RoleBinding
            };
            let makes = self.names().into_iter().any(|name| {
                let key = (kind, ns.clone(), name);
                self.is_free(&key) && self.can_make(who, on, &ns, &key.2)
            });
            for role in if makes { self.bindable(&ns) } else { Vec::new() } {
                if self.may_bind(who, &role, &ns) {
                    self.bind_self(kind, &ns, &role, None);
                }
            }
            for ((have, place, name), binding) in self.objects.bindings.clone() {
                if have == kind
                    && place == ns
                    && self.can_change(who, on, &ns, &name)
                    && self.may_bind(who, &binding.role_ref, &ns)
                {
                    let by = (kind, ns.clone(), name);
                    self.bind_self(kind, &ns, &binding.role_ref, Some(by));
                }
            }
        }
    }

    /// Every role that could be bound there: those that exist.
    pub(super) fn bindable(&self, ns: &Name) -> Vec<RoleRef> {
        let fits = |key: &&(RoleKind, Name, Name)| {
            // What stands for a role that was changed is not to be bound elsewhere.
            &*key.2 != EVERYTHING
                && (key.0 == RoleKind::ClusterRole || (!ns.is_empty() && key.1 == *ns))
        };
        self.objects
            .roles
            .keys()
            .filter(fits)
            .map(|(kind, _, name)| RoleRef {
                api_group: RBAC.into(),
                kind: kind.as_str().into(),
                name: name.clone(),
            })
            .collect()
    }

    /// `by`: the binding that is changed, or made again, for that.
    pub(super) fn bind_self(
        &mut self,
        kind: BindingKind,
        ns: &Name,
        role: &RoleRef,
        by: Option<BindingKey>,
    ) {
        let name = format!("{SELF}-{}-{}", role.kind.to_lowercase(), role.name);
        let key = (kind, ns.clone(), Name::from(name.as_str()));
        self.sources.entry(key).or_default().insert(by);
        let namespace = Some(ns.clone()).filter(|ns| !ns.is_empty());
        let meta = Meta { name: name.into(), namespace, ..Meta::default() };
        let subject =
            BindingSubject { kind: "Group".into(), name: SELF.into(), ..BindingSubject::default() };
        self.objects.insert(Object::Binding(Binding {
            kind,
            meta,
            role_ref: role.clone(),
            subjects: vec![subject],
        }));
    }

    /// Every role that can be made or changed to allow everything is. A role that one does not hold
    /// may be held by another, who is nobody's business here.
    pub(super) fn roles(&mut self, who: &Context) {
        let spaces: Vec<Name> =
            std::iter::once(Name::from("")).chain(self.namespaces.clone()).collect();
        for ns in spaces.clone() {
            let (kind, resource) = if ns.is_empty() {
                (RoleKind::ClusterRole, "clusterroles")
            } else {
                (RoleKind::Role, "roles")
            };
            let on = (RBAC, resource, "");
            let mut names: BTreeSet<Name> = self.names().into_iter().collect();
            let refs = self.objects.bindings.values();
            names.extend(refs.map(|binding| binding.role_ref.name.clone()));
            names.extend(self.objects.roles.keys().map(|(_, _, name)| name.clone()));
            for name in names {
                let there = self.objects.role(kind, &ns, &name).is_some();
                let again = there && self.deletes_role(who, kind, &ns, &name);
                let makes = (!there || again)
                    && !self.closed.contains(&ns)
                    && ((self.may(who, "create", on, &ns, "")
                        && self.may(who, "escalate", on, &ns, ""))
                        || (self.may(who, "create", on, &ns, &name)
                            && self.can_change(who, on, &ns, &name)
                            && self.may(who, "escalate", on, &ns, &name)));
                let changes = there
                    && self.can_change(who, on, &ns, &name)
                    && self.may(who, "escalate", on, &ns, &name);
                if makes || changes {
                    self.rewrite(kind, &ns, &name);
                }
                // One that allows nothing is bound by anybody who writes bindings, and changed then.
                let fills = self.can_change(who, on, &ns, &name)
                    && self.may(who, "escalate", on, &ns, &name)
                    && (there
                        || self.contexts.iter().any(|one| self.can_make(one, on, &ns, &name)));
                let places =
                    if ns.is_empty() { spaces.as_slice() } else { std::slice::from_ref(&ns) };
                for place in places.iter().filter(|_| fills) {
                    let mut all = self.contexts.iter();
                    if !self.has_everything(place)
                        && all.any(|one| self.can_bind_empty(one, kind, &name, place))
                    {
                        self.bind_everything(place);
                    }
                }
            }
        }
    }

    /// Whether somebody can write a binding to a role that allows nothing.
    fn can_bind_empty(&self, who: &Context, kind: RoleKind, role: &Name, place: &Name) -> bool {
        let (bindings, resource) = if place.is_empty() {
            (BindingKind::ClusterRoleBinding, "clusterrolebindings")
        } else {
            (BindingKind::RoleBinding, "rolebindings")
        };
        let on = (RBAC, resource, "");
        let mut names = self.names().into_iter();
        let is_free = |name: &Name| self.is_free(&(bindings, place.clone(), name.clone()));
        names.any(|name| is_free(&name) && self.can_make(who, on, place, &name))
            || self.objects.bindings.iter().any(|((have, at, name), binding)| {
                *have == bindings
                    && at == place
                    && !name.starts_with(SELF)
                    && binding.role_ref.name == *role
                    && &*binding.role_ref.kind == kind.as_str()
                    && self.can_change(who, on, place, name)
            })
    }

    /// Whether all have everything there by a role that was changed.
    pub(super) fn has_everything(&self, place: &Name) -> bool {
        self.objects.bindings.iter().any(|((_, at, name), binding)| {
            at == place && name.starts_with(SELF) && &*binding.role_ref.name == EVERYTHING
        })
    }

    pub(super) fn bind_everything(&mut self, ns: &Name) {
        let (kind, name) = if ns.is_empty() {
            (BindingKind::ClusterRoleBinding, Name::from(EVERYTHING))
        } else {
            (BindingKind::RoleBinding, Name::from(EVERYTHING))
        };
        let meta = Meta { name: name.clone(), ..Meta::default() };
        let rules = vec![crate::reach::world::everything()];
        let role = Role { kind: RoleKind::ClusterRole, meta, rules, aggregation: None };
        self.objects.insert(Object::Role(role));
        let role = RoleRef { api_group: RBAC.into(), kind: "ClusterRole".into(), name };
        self.bind_self(kind, ns, &role, None);
    }

    /// The aggregated roles that select a role with the labels that they ask for.
    fn fed_by(&self, name: &Name) -> Vec<Name> {
        let selects = |role: &Role| {
            let rule = role.aggregation.iter().flat_map(|rule| &rule.cluster_role_selectors);
            let mut all = rule.filter(|one| one.match_expressions.is_empty());
            all.any(|one| !one.match_labels.is_empty()) && role.meta.name != *name
        };
        let roles = self.objects.roles.values().filter(|role| selects(role));
        roles.map(|role| role.meta.name.clone()).collect()
    }

    /// Makes a role allow everything, for oneself: others keep what they had.
    fn rewrite(&mut self, kind: RoleKind, ns: &Name, name: &Name) {
        let everything = Name::from(EVERYTHING);
        let meta = Meta { name: everything.clone(), ..Meta::default() };
        let rules = vec![crate::reach::world::everything()];
        let fed = if kind == RoleKind::ClusterRole { self.fed_by(name) } else { Vec::new() };
        // What the role would give to those who hold it, who are all oneself.
        let holds: Vec<(BindingKind, Name)> = self
            .objects
            .bindings
            .values()
            .filter(|binding| {
                let space = binding.meta.namespace.clone().unwrap_or_else(|| "".into());
                &*binding.role_ref.kind == kind.as_str()
                    && (binding.role_ref.name == *name || fed.contains(&binding.role_ref.name))
                    && (kind == RoleKind::ClusterRole || space == *ns)
                    && self.is_bound(binding)
            })
            .map(|binding| {
                (binding.kind, binding.meta.namespace.clone().unwrap_or_else(|| "".into()))
            })
            .collect();
        if !holds.is_empty() {
            self.objects.insert(Object::Role(Role {
                kind: RoleKind::ClusterRole,
                meta,
                rules: rules.clone(),
                aggregation: None,
            }));
        }
        let role = RoleRef { api_group: RBAC.into(), kind: "ClusterRole".into(), name: everything };
        for (kind, ns) in holds {
            self.bind_self(kind, &ns, &role, None);
        }
        let referred = self.objects.bindings.iter().any(|((_, space, _), binding)| {
            *binding.role_ref.kind == *kind.as_str()
                && binding.role_ref.name == *name
                && (kind == RoleKind::ClusterRole || space == ns)
        });
        if !referred && self.objects.role(kind, ns, name).is_none() {
            let namespace = Some(ns.clone()).filter(|ns| !ns.is_empty());
            let meta = Meta { name: name.clone(), namespace, ..Meta::default() };
            self.objects.insert(Object::Role(Role { kind, meta, rules, aggregation: None }));
        }
    }

    /// Whether something that was taken over, without bounds, is a subject of a binding.
    fn is_bound(&self, binding: &Binding) -> bool {
        let ns = binding.meta.namespace.as_ref();
        let subjects: Vec<Identity> =
            binding.subjects.iter().filter_map(|subject| subject.identity(ns)).collect();
        self.contexts.iter().filter(|who| !matches!(who.by, Some((_, Some(_))))).any(|who| {
            subjects.contains(&Identity::from_user_name(&who.user))
                || subjects.iter().any(|subject| {
                    subject.user_name().is_none() && who.groups.contains(&*subject.name)
                })
        })
    }
}

impl Simulation {
    /// Accounts that bindings name and that are not there, and others where their group is named.
    pub(super) fn make_accounts(&mut self) {
        let mut named: BTreeSet<Identity> = self
            .objects
            .bindings
            .values()
            .flat_map(|binding| {
                let ns = binding.meta.namespace.as_ref();
                binding.subjects.iter().filter_map(move |subject| subject.identity(ns))
            })
            .collect();
        for ns in &self.namespaces {
            let groups = [
                Identity::group(Identity::ALL_SERVICE_ACCOUNTS),
                Identity::group(format!("{}:{ns}", Identity::ALL_SERVICE_ACCOUNTS)),
            ];
            if groups.iter().any(|group| named.contains(group)) {
                let all = self.names().into_iter();
                named.extend(all.map(|name| Identity::service_account(ns.clone(), name)));
            }
        }
        for account in named {
            let Some(ns) = account.namespace.clone() else { continue };
            let key = (ns.clone(), account.name.clone());
            let on = ("", "serviceaccounts", "");
            if !self.objects.service_accounts.contains_key(&key)
                && self.objects.namespaces.contains_key(&ns)
                && self.contexts.iter().any(|who| self.can_make(who, on, &ns, &account.name))
            {
                let meta = Meta { name: account.name, namespace: Some(ns), ..Meta::default() };
                let made = ServiceAccount { meta, ..ServiceAccount::default() };
                self.objects.insert(Object::ServiceAccount(made));
            }
        }
    }
}
