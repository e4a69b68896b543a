//! What controllers keep from objects of their own.

use super::definition::Said;
use super::{Keeper, Kept, Owner, STAYS, Soon, Undone, scoped};
use crate::model::{Meta, OwnerReference};

pub(super) const RBAC_MANAGER: &str = "rbacmanager.reactiveops.io";

pub(super) fn of_rbac_manager(reference: &OwnerReference) -> bool {
    &*reference.kind == "RBACDefinition"
        && reference.api_version.split_once('/').is_some_and(|(group, _)| group == RBAC_MANAGER)
}

/// Whether rbac-manager finds an object among its own: by a label.
pub(super) fn is_labelled(meta: &Meta) -> bool {
    meta.labels.get("rbac-manager").is_some_and(|value| &**value == "reactiveops")
}

/// An object made from an `RBACDefinition`. rbac-manager looks at what has its label, and goes through
/// the definition that the owner reference names (`pkg/reconciler/reconciler.go`); `said` is what
/// that definition has to do with the object.
pub(super) fn rbac_manager(kept: Kept<'_>, said: impl FnOnce(&str) -> Said) -> Option<Owner> {
    let labelled = is_labelled(kept.meta);
    let reference = kept.meta.owner_references.iter().find(|owner| of_rbac_manager(owner));
    let owner = |(edit, deletion), detail: Option<String>| Owner {
        keeper: Keeper::RbacManager,
        name: reference.map_or_else(|| "".into(), |owner| owner.name.clone()),
        evidence: if labelled { "label rbac-manager" } else { "owner reference" }.into(),
        certain: reference.is_some(),
        edit,
        deletion,
        label: STAYS,
        detail: detail.map(Into::into),
    };
    let Some(reference) = reference else {
        let undone = (
            Undone::new(
                Soon::Never,
                "it stays: without an owner reference rbac-manager does not know of which \
                 definition it is",
            ),
            Undone::new(Soon::NextSync, "when an RBACDefinition that says it is next gone through"),
        );
        return labelled.then(|| owner(undone, None));
    };
    let said = said(&reference.name);
    let hidden = Undone::new(
        Soon::Never,
        "it stays: without the label rbac-manager does not see it; it is deleted with its \
         RBACDefinition",
    );
    let next = Undone::new(Soon::NextSync, "when its RBACDefinition is next gone through");
    Some(match said {
        Said::Gone => owner(
            (
                Undone::new(
                    Soon::Never,
                    "it stays: its RBACDefinition is gone, and it is deleted like it",
                ),
                Undone::new(Soon::Never, "it stays away: its RBACDefinition is gone"),
            ),
            None,
        ),
        Said::Not(why) => owner(
            (
                if labelled {
                    Undone::new(
                        Soon::AtOnce,
                        "at once: its RBACDefinition does not say it, and rbac-manager deletes it",
                    )
                } else {
                    hidden
                },
                Undone::new(Soon::Never, "it stays away: its RBACDefinition does not say it"),
            ),
            Some(why),
        ),
        Said::By(_) | Said::NotRead => {
            let detail = match said {
                Said::By(entry) => entry,
                _ => "its RBACDefinition was not read".to_owned(),
            };
            let undone = if labelled {
                (
                    Undone::new(
                        Soon::AtOnce,
                        "at once: it is deleted and made again as its RBACDefinition says",
                    ),
                    Undone::new(Soon::AtOnce, "at once, as its RBACDefinition says"),
                )
            } else {
                (hidden, next)
            };
            owner(undone, Some(detail))
        }
    })
}

/// What the Operator Lifecycle Manager made: for a `ClusterServiceVersion` what its operator needs,
/// for an `OperatorGroup` roles over what its operators offer
/// (`pkg/controller/operators/olm`). OLM of version 1 makes what a `ClusterExtension` has.
pub(super) fn olm(kept: Kept<'_>) -> Option<Owner> {
    const V1: &str = "olm.operatorframework.io/owner-kind";
    let owner = |name, evidence: &'static str, when| Owner {
        keeper: Keeper::Olm,
        name,
        evidence: evidence.into(),
        certain: true,
        edit: Undone::new(Soon::NextSync, when),
        deletion: Undone::new(Soon::NextSync, when),
        label: STAYS,
        detail: None,
    };
    if kept.label(V1).is_some_and(|kind| &**kind == "ClusterExtension") {
        let name = kept.label("olm.operatorframework.io/owner-name")?;
        let when = "when OLM next goes through its ClusterExtension";
        return Some(owner(name.clone(), "label olm.operatorframework.io/owner-name", when));
    }
    let name = kept.label("olm.owner")?;
    let when = match kept.label("olm.owner.kind").map(|kind| &**kind) {
        None | Some("ClusterServiceVersion") => {
            "when OLM next finds that its ClusterServiceVersion lacks the permission"
        }
        Some("OperatorGroup") => "when OLM next goes through its OperatorGroup",
        Some("CatalogSource") => "when OLM next goes through its CatalogSource",
        Some(_) => "when OLM next goes through its owner",
    };
    Some(owner(scoped(kept.label("olm.owner.namespace"), name), "label olm.owner", when))
}

/// What OLM makes objects for, which have an owner reference too.
const OF_OLM: [&str; 4] =
    ["CatalogSource", "ClusterExtension", "ClusterServiceVersion", "OperatorGroup"];

/// Owner references; those that name an `RBACDefinition` are told by [`rbac_manager`], and those of
/// OLM's by [`olm`]. Without being the controller an owner has the object deleted after
/// it, and no more (`pkg/controller/garbagecollector`).
pub(super) fn references(kept: Kept<'_>, told: &[Keeper]) -> Vec<Owner> {
    let references = kept.meta.owner_references.iter().filter(|owner| {
        let of_olm = OF_OLM.contains(&&*owner.kind) && told.contains(&Keeper::Olm);
        !of_rbac_manager(owner) && !of_olm
    });
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
            edit: if owner.controller {
                Undone::new(
                    Soon::NotKnown,
                    "not known: it depends on what works on its owner; it is deleted with its owner",
                )
            } else {
                Undone::new(
                    Soon::Never,
                    "by the reference it stays: that only has it deleted with its owner",
                )
            },
            deletion: if owner.controller {
                Undone::new(Soon::NotKnown, "not known: what works on its owner may make it again")
            } else {
                Undone::new(Soon::Never, "by the reference it stays away: that only has it deleted")
            },
            label: if owner.controller {
                Undone::new(Soon::NotKnown, "not known: it depends on what works on its owner")
            } else {
                STAYS
            },
            detail: None,
        })
        .collect()
}
