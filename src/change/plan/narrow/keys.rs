//! What names roles, bindings and grants.

use crate::book::{Entry, Grant, GroupSource};
use crate::model::{BindingKind, Identity, Name, Role, RoleKind, RoleRef, SubjectKind};
use crate::rbac::{BindingKey, RoleKey};

/// `ClusterRole edit`.
pub(in crate::change::plan) fn role_words((kind, namespace, name): &RoleKey) -> String {
    let slash = if namespace.is_empty() { "" } else { "/" };
    format!("{} {namespace}{slash}{name}", kind.as_str())
}

pub(super) fn refers(
    binding: &BindingKey,
    to: &RoleRef,
    (kind, namespace, name): &RoleKey,
) -> bool {
    to.kind == Name::from(kind.as_str())
        && to.name == *name
        && (*kind == RoleKind::ClusterRole || binding.1 == *namespace)
}

pub(in crate::change::plan) fn refers_grant(grant: &Grant, key: &RoleKey) -> bool {
    refers(&binding_of(grant), &grant.role_ref, key)
}

pub(super) fn binding_of(grant: &Grant) -> BindingKey {
    let key = &grant.key;
    let namespace = key.namespace.clone().unwrap_or_else(|| "".into());
    (key.binding_kind, namespace, key.binding.clone())
}

pub(super) fn key_of(role: &Role) -> RoleKey {
    let namespace = role.meta.namespace.clone().unwrap_or_else(|| "".into());
    (role.kind, namespace, role.meta.name.clone())
}

/// Whether a group is one that the API server itself puts somebody in.
pub(super) fn is_implicit(entry: &Entry, subject: &Identity) -> bool {
    subject.kind == SubjectKind::Group
        && entry
            .groups
            .iter()
            .any(|group| group.name == subject.name && group.source == GroupSource::Implicit)
}

/// Whether the API server lets somebody do everything ahead of RBAC.
pub(super) fn is_master(entry: &Entry) -> bool {
    entry.groups.iter().any(|group| &*group.name == Identity::SYSTEM_MASTERS)
}

/// `RoleBinding pay/ops`.
pub(in crate::change::plan) fn words_of(grant: &Grant) -> String {
    let slash = grant.key.namespace.as_ref().map_or_else(String::new, |name| format!("{name}/"));
    let kind = match grant.key.binding_kind {
        BindingKind::ClusterRoleBinding => "ClusterRoleBinding",
        BindingKind::RoleBinding => "RoleBinding",
    };
    format!("{kind} {slash}{}", grant.key.binding)
}
