//! Which list an object belongs to, and what a list holds.

use super::{BindingKind, ListKind, Meta, Name, Object, Objects, RoleKind};

/// The `ConfigMaps` that a snapshot keeps, by namespace and name.
pub const KEPT_CONFIG_MAPS: [(&str, &str); 2] = [
    ("kube-system", "aws-auth"),
    ("kube-system", "kube-apiserver-legacy-service-account-token-tracking"),
];

impl Object {
    /// The list that holds it; None for what no list of a snapshot asks for (Secrets of other
    /// types, other `ConfigMaps`, kinds that only later parts read).
    pub fn list(&self) -> Option<ListKind> {
        let meta = self.meta();
        let ns = meta.namespace.as_deref().unwrap_or_default();
        Some(match self {
            Self::Role(role) => match role.kind {
                RoleKind::ClusterRole => ListKind::ClusterRoles,
                RoleKind::Role => ListKind::Roles,
            },
            Self::Binding(binding) => match binding.kind {
                BindingKind::ClusterRoleBinding => ListKind::ClusterRoleBindings,
                BindingKind::RoleBinding => ListKind::RoleBindings,
            },
            Self::Namespace(_) => ListKind::Namespaces,
            Self::ServiceAccount(_) => ListKind::ServiceAccounts,
            Self::Secret(secret) => {
                let list = ListKind::of_secret(&secret.type_)?;
                // Bootstrap tokens work in kube-system only.
                if list == ListKind::BootstrapTokens && ns != "kube-system" {
                    return None;
                }
                list
            }
            Self::Pod(_) => ListKind::Pods,
            Self::CertificateSigningRequest(_) => ListKind::CertificateSigningRequests,
            Self::ConfigMap(_) => {
                if !KEPT_CONFIG_MAPS.contains(&(ns, &*meta.name)) {
                    return None;
                }
                ListKind::ConfigMaps
            }
            Self::Other(other) => ListKind::of_other(&other.kind)?,
        })
    }

    /// The kind, as Kubernetes spells it.
    pub fn kind(&self) -> &str {
        match self {
            Self::Role(role) => role.kind.as_str(),
            Self::Binding(binding) => binding.kind.as_str(),
            Self::Namespace(_) => "Namespace",
            Self::ServiceAccount(_) => "ServiceAccount",
            Self::Secret(_) => "Secret",
            Self::Pod(_) => "Pod",
            Self::CertificateSigningRequest(_) => "CertificateSigningRequest",
            Self::ConfigMap(_) => "ConfigMap",
            Self::Other(other) => &other.kind,
        }
    }
}

impl Objects {
    /// The object of the same kind, namespace and name, if there is one.
    pub fn like(&self, object: &Object) -> Option<Object> {
        let meta = object.meta();
        let ns: Name = meta.namespace.clone().unwrap_or_else(|| "".into());
        let name = meta.name.clone();
        match object {
            Object::Role(role) => {
                self.roles.get(&(role.kind, ns, name)).map(|have| Object::Role((**have).clone()))
            }
            Object::Binding(binding) => self
                .bindings
                .get(&(binding.kind, ns, name))
                .map(|have| Object::Binding((**have).clone())),
            Object::Namespace(_) => {
                self.namespaces.get(&name).map(|have| Object::Namespace((**have).clone()))
            }
            Object::ServiceAccount(_) => self
                .service_accounts
                .get(&(ns, name))
                .map(|have| Object::ServiceAccount((**have).clone())),
            Object::Secret(_) => {
                self.secrets.get(&(ns, name)).map(|have| Object::Secret((**have).clone()))
            }
            Object::Pod(_) => self.pods.get(&(ns, name)).map(|have| Object::Pod((**have).clone())),
            Object::CertificateSigningRequest(_) => {
                self.csrs.get(&name).map(|have| Object::CertificateSigningRequest((**have).clone()))
            }
            Object::ConfigMap(_) => {
                self.config_maps.get(&(ns, name)).map(|have| Object::ConfigMap((**have).clone()))
            }
            Object::Other(other) => self
                .others
                .get(&(other.kind.clone(), ns, name))
                .map(|have| Object::Other((**have).clone())),
        }
    }

    /// Shows the metadata of every object, with its kind.
    pub fn each_meta<'o>(&'o self, mut show: impl FnMut(&'o str, &'o Meta)) {
        self.roles.values().for_each(|one| show(one.kind.as_str(), &one.meta));
        self.bindings.values().for_each(|one| show(one.kind.as_str(), &one.meta));
        self.namespaces.values().for_each(|one| show("Namespace", &one.meta));
        self.service_accounts.values().for_each(|one| show("ServiceAccount", &one.meta));
        self.secrets.values().for_each(|one| show("Secret", &one.meta));
        self.pods.values().for_each(|one| show("Pod", &one.meta));
        self.csrs.values().for_each(|one| show("CertificateSigningRequest", &one.meta));
        self.config_maps.values().for_each(|one| show("ConfigMap", &one.meta));
        self.others.values().for_each(|one| show(&one.kind, &one.meta));
    }

    /// Every object, list by list, in order of their keys.
    pub fn all(&self) -> impl Iterator<Item = Object> + '_ {
        let roles = self.roles.values().map(|object| Object::Role((**object).clone()));
        let bindings = self.bindings.values().map(|object| Object::Binding((**object).clone()));
        let namespaces =
            self.namespaces.values().map(|object| Object::Namespace((**object).clone()));
        let accounts =
            self.service_accounts.values().map(|object| Object::ServiceAccount((**object).clone()));
        let secrets = self.secrets.values().map(|object| Object::Secret((**object).clone()));
        let pods = self.pods.values().map(|object| Object::Pod((**object).clone()));
        let csrs =
            self.csrs.values().map(|object| Object::CertificateSigningRequest((**object).clone()));
        let maps = self.config_maps.values().map(|object| Object::ConfigMap((**object).clone()));
        let others = self.others.values().map(|object| Object::Other((**object).clone()));
        roles
            .chain(bindings)
            .chain(namespaces)
            .chain(accounts)
            .chain(secrets)
            .chain(pods)
            .chain(csrs)
            .chain(maps)
            .chain(others)
    }

    /// How many objects each list holds; lists without any are left out.
    pub fn counts(&self) -> std::collections::BTreeMap<ListKind, u64> {
        let mut counts = std::collections::BTreeMap::new();
        for list in self.all().filter_map(|object| object.list()) {
            *counts.entry(list).or_default() += 1;
        }
        counts
    }
}
