//! What controllers keep from objects of their own.

use super::{Keeper, Kept, Owner, Soon, Undone, scoped};
use crate::model::OwnerReference;

const RBAC_MANAGER: &str = "rbacmanager.reactiveops.io";

fn of_rbac_manager(reference: &OwnerReference) -> bool {
    &*reference.kind == "RBACDefinition"
        && reference.api_version.split_once('/').is_some_and(|(group, _)| group == RBAC_MANAGER)
}

/// An object made from an `RBACDefinition`. rbac-manager finds its own by the label; the owner
/// reference says which definition they are from.
pub(super) fn rbac_manager(kept: Kept<'_>) -> Option<Owner> {
    let labelled = kept.label("rbac-manager").is_some_and(|value| &**value == "reactiveops");
    let reference = kept.meta.owner_references.iter().find(|owner| of_rbac_manager(owner));
    if !labelled && reference.is_none() {
        return None;
    }
    let (edit, deletion) = if labelled {
        (
            Undone::new(
                Soon::AtOnce,
                "at once: it is deleted and made again as its RBACDefinition says",
            ),
            Undone::new(Soon::AtOnce, "at once, as its RBACDefinition says"),
        )
    } else {
        (
            Undone::new(
                Soon::Never,
                "it stays: without the label rbac-manager does not see it; it is deleted with its \
                 RBACDefinition",
            ),
            Undone::new(Soon::NextSync, "when its RBACDefinition is next gone through"),
        )
    };
    Some(Owner {
        keeper: Keeper::RbacManager,
        name: reference.map_or_else(|| "".into(), |owner| owner.name.clone()),
        evidence: if labelled { "label rbac-manager" } else { "owner reference" }.into(),
        certain: true,
        edit,
        deletion,
    })
}

/// What the Operator Lifecycle Manager made for a `ClusterServiceVersion`.
pub(super) fn olm(kept: Kept<'_>) -> Option<Owner> {
    let owner = kept.label("olm.owner")?;
    let undone = Undone::new(
        Soon::NextSync,
        "when OLM next finds that its ClusterServiceVersion lacks the permission",
    );
    Some(Owner {
        keeper: Keeper::Olm,
        name: scoped(kept.label("olm.owner.namespace"), owner),
        evidence: "label olm.owner".into(),
        certain: true,
        edit: undone,
        deletion: undone,
    })
}

/// Owner references; those that name an `RBACDefinition` are told by [`rbac_manager`].
pub(super) fn references(kept: Kept<'_>) -> Vec<Owner> {
    let references = kept.meta.owner_references.iter().filter(|owner| !of_rbac_manager(owner));
    references
        .map(|owner| Owner {
            keeper: Keeper::OwnerReference,
            // An owner is in the same namespace, or in none.
            name: format!("{} {}", owner.kind, owner.name).into(),
            evidence: if owner.controller {
                "owner reference, its controller".into()
            } else {
                "owner reference".into()
            },
            certain: true,
            edit: Undone::new(
                Soon::NotKnown,
                "not known: it depends on what works on its owner; it is deleted with its owner",
            ),
            deletion: Undone::new(
                Soon::NotKnown,
                "not known: what works on its owner may make it again",
            ),
        })
        .collect()
}
