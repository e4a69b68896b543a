//! What an `RBACDefinition` says of a binding or an account that rbac-manager made from it
//! (`pkg/reconciler/parser.go`).

use crate::model::{
    Binding, BindingKind, DefinedBinding, DefinedRoleBinding, Health, Identity, LabelSelector,
    ListKind, Meta, Name, ObjectBody, OwnerReference, ServiceAccount, Snapshot,
};
use crate::rbac::labels;

use super::controller::{is_labelled, of_rbac_manager};

/// So many namespaces are named.
const NAMED: usize = 5;

/// What a definition has to do with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Definitions were not read whole.
    NotRead,
    /// There is none of the name.
    Gone,
    /// It is there, and does not say the object now: why.
    Not(String),
    /// It says it: where.
    By(String),
}

/// A binding that an `RBACDefinition` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defined<'a> {
    /// The definition.
    pub definition: &'a Name,
    /// Whether rbac-manager finds the binding among its own, and follows.
    pub found: bool,
    /// Whether one of its entries that say the binding names the subject that was asked about.
    pub names: bool,
}

/// The definition that a binding was made from, where that was read and says the binding still;
/// whether it says so with this subject.
pub fn defined_by<'a>(
    snapshot: &Snapshot,
    binding: &'a Binding,
    subject: &Identity,
) -> Option<Defined<'a>> {
    let reference = binding.meta.owner_references.iter().find(|owner| of_rbac_manager(owner))?;
    let bindings = said(snapshot, &reference.name).ok()?;
    let own: Vec<&DefinedBinding> =
        bindings.iter().filter(|entry| makes(&reference.name, entry, binding)).collect();
    (!own.is_empty()).then(|| Defined {
        definition: &reference.name,
        found: is_labelled(&binding.meta),
        names: own.iter().any(|entry| {
            entry.subjects.iter().any(|one| one.identity(None).as_ref() == Some(subject))
        }),
    })
}

/// Whether an object says of itself that rbac-manager made it from this definition, and is found
/// among its own.
pub fn is_made_by(meta: &Meta, definition: &Name) -> bool {
    let is_it = |owner: &OwnerReference| of_rbac_manager(owner) && owner.name == *definition;
    is_labelled(meta) && meta.owner_references.iter().any(is_it)
}

/// Whether an entry of a definition says a binding, by its name and place.
pub fn makes(definition: &str, entry: &DefinedBinding, binding: &Binding) -> bool {
    let start = format!("{definition}-{}", entry.name);
    if binding.kind == BindingKind::ClusterRoleBinding {
        let mut roles = entry.cluster_role_bindings.iter().map(|one| &one.cluster_role);
        return roles.any(|role| *binding.meta.name == *format!("{start}-{role}"));
    }
    entry.role_bindings.iter().any(|one| {
        let here =
            one.namespace_selector.selector().is_some() || one.namespace == binding.meta.namespace;
        here && name(&start, one).is_some_and(|name| *name == *binding.meta.name)
    })
}

/// Of a binding.
pub(super) fn of_binding(snapshot: &Snapshot, definition: &str, binding: &Binding) -> Said {
    let said = said(snapshot, definition);
    let bindings = match said {
        Ok(bindings) => bindings,
        Err(said) => return said,
    };
    let mut not = None;
    for defined in bindings {
        let start = format!("{definition}-{}", defined.name);
        if binding.kind == BindingKind::ClusterRoleBinding {
            let mut roles = defined.cluster_role_bindings.iter().map(|one| &one.cluster_role);
            if roles.any(|role| *binding.meta.name == *format!("{start}-{role}")) {
                return Said::By(format!("its entry {}, in the whole cluster", defined.name));
            }
            continue;
        }
        for one in &defined.role_bindings {
            if name(&start, one).is_some_and(|name| *name == *binding.meta.name) {
                match in_namespace(snapshot, defined, one, &binding.meta) {
                    by @ Said::By(_) => return by,
                    other => not = Some(other),
                }
            }
        }
    }
    not.unwrap_or_else(|| Said::Not("none of its entries has a binding of this name".to_owned()))
}

/// Of an account: those among the subjects are made.
pub(super) fn of_account(snapshot: &Snapshot, definition: &str, account: &ServiceAccount) -> Said {
    let bindings = match said(snapshot, definition) {
        Ok(bindings) => bindings,
        Err(said) => return said,
    };
    let is_it = |defined: &&DefinedBinding| {
        defined.subjects.iter().any(|subject| {
            &*subject.kind == "ServiceAccount"
                && subject.name == account.meta.name
                && subject.namespace == account.meta.namespace
        })
    };
    match bindings.iter().find(is_it) {
        Some(defined) => Said::By(format!("a subject of its entry {}", defined.name)),
        None => Said::Not("it is a subject of none of its entries".to_owned()),
    }
}

fn said<'a>(snapshot: &'a Snapshot, definition: &str) -> Result<&'a [DefinedBinding], Said> {
    let others = &snapshot.objects.others;
    let found = others
        .values()
        .find(|other| &*other.kind == "RBACDefinition" && *other.meta.name == *definition);
    let whole = snapshot.list(ListKind::RbacDefinitions).health == Health::Complete;
    match found.map(|other| &other.body) {
        Some(ObjectBody::RbacDefinition(bindings)) => Ok(bindings),
        None if whole => Err(Said::Gone),
        _ => Err(Said::NotRead),
    }
}

/// The name of the binding: with a Role it ends in the namespace that is named, which is none where
/// one selects.
fn name(start: &str, one: &DefinedRoleBinding) -> Option<String> {
    if let Some(role) = &one.cluster_role {
        return Some(format!("{start}-{role}"));
    }
    let role = one.role.as_ref()?;
    Some(format!("{start}-{role}-{}", one.namespace.as_deref().unwrap_or_default()))
}

fn in_namespace(
    snapshot: &Snapshot,
    defined: &DefinedBinding,
    one: &DefinedRoleBinding,
    meta: &Meta,
) -> Said {
    let here = meta.namespace.clone().unwrap_or_else(|| "".into());
    let entry = &defined.name;
    let Some(selector) = one.namespace_selector.selector() else {
        return if one.namespace.as_ref() == Some(&here) {
            Said::By(format!("its entry {entry}, in namespace {here}"))
        } else {
            Said::Not(format!("its entry {entry} is not for namespace {here}"))
        };
    };
    let all = &snapshot.objects.namespaces;
    let mut chosen: Vec<&Name> = Vec::new();
    for (name, namespace) in all {
        match labels::selects(&selector, &namespace.meta.labels) {
            Some(true) => chosen.push(name),
            Some(false) => {}
            None => {
                return Said::Not(format!("the namespaceSelector of its entry {entry} is none"));
            }
        }
    }
    let words = words(&selector);
    let whole = snapshot.has_all_namespaces();
    if !chosen.contains(&&here) {
        return if whole || all.contains_key(&here) {
            Said::Not(format!(
                "its entry {entry} is for namespaces with {words}, and {here} is none"
            ))
        } else {
            Said::NotRead
        };
    }
    let named: Vec<&str> = chosen.iter().take(NAMED).map(|name| &***name).collect();
    let more = match chosen.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let known = if whole { "" } else { ", of those that were read" };
    Said::By(format!(
        "its entry {entry}, in every namespace with {words}: {}{more} now{known}; one that gets these \
         labels is bound too, one that loses them no longer",
        named.join(", ")
    ))
}

/// As kubectl writes selectors: `team=a,tier in (x,y),!old`.
fn words(selector: &LabelSelector) -> String {
    let equal = selector.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
    let other = selector.match_expressions.iter().map(|one| {
        let (key, values) = (&one.key, one.values.join(","));
        match &*one.operator {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_string(),
        }
    });
    let all: Vec<String> = equal.chain(other).collect();
    if all.is_empty() { "whatever labels".to_owned() } else { format!("labels {}", all.join(",")) }
}
