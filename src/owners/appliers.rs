//! What kapp, Rancher, k3s and EKS apply, by the marks that they put on it.

use super::{Keeper, Kept, Owner, STAYS, Soon, Undone, scoped};
use crate::model::Name;

/// What kapp deployed: it labels all of an app, and notes which object it made, so that it does not take
/// a copy for its own (`pkg/kapp/resources/identity_annotation.go`). Labels that are not its own it takes
/// off (`pkg/kapp/config/default.go`). The name of the app is in no mark.
pub(super) fn kapp(kept: Kept<'_>) -> Option<Owner> {
    const IDENTITY: &str = "kapp.k14s.io/identity";
    let app = kept.label("kapp.k14s.io/app")?;
    let mut parts = kept.annotation(IDENTITY)?.split(';');
    let (version, key, _api_version) = (parts.next()?, parts.next()?, parts.next()?);
    let own = format!("{}/{}/{}/{}", kept.namespace(), kept.group, kept.kind, kept.meta.name);
    if version != "v1" || key != own || parts.next().is_some() {
        return None;
    }
    let next = Undone::new(
        Soon::NextSync,
        "when its app is next deployed; where kapp-controller does that, at its App's next sync",
    );
    Some(Owner {
        keeper: Keeper::Kapp,
        name: format!("app {app}").into(),
        evidence: format!("annotation {IDENTITY}").into(),
        certain: true,
        edit: next,
        deletion: next,
        label: next,
        detail: None,
    })
}

/// What Rancher makes of its bindings and role templates in the clusters that it manages
/// (`pkg/controllers/managementuser/rbac/handler_base.go`): a binding that says somebody else is deleted
/// and made anew, a role gets its rules back, when their object at Rancher is next gone through.
pub(super) fn rancher(kept: Kept<'_>) -> Option<Owner> {
    const BINDING: &str = "authz.cluster.cattle.io/rtb-owner-updated";
    const ROLE: &str = "authz.cluster.cattle.io/clusterrole-owner";
    let owner = |name, evidence: String, when| {
        let next = Undone::new(Soon::NextSync, when);
        Owner {
            keeper: Keeper::Rancher,
            name,
            evidence: evidence.into(),
            certain: true,
            edit: next,
            deletion: next,
            label: STAYS,
            detail: None,
        }
    };
    if let Some(of) = kept.label(BINDING) {
        let name = of.replacen('_', "/", 1).into();
        let when = "when Rancher next goes through its cluster or project role template binding";
        return Some(owner(name, format!("label {BINDING}"), when));
    }
    let template = kept.annotation(ROLE)?;
    let when = "when Rancher next goes through its role template";
    Some(owner(template.clone(), format!("annotation {ROLE}"), when))
}

/// What Rancher's controllers, Fleet's among them, and k3s apply for an object of theirs: all by one
/// library, which notes the owner in annotations (`rancher/wrangler`, `pkg/apply/desiredset_apply.go`).
/// What it applied before it merges with what is there: labels of others stay. k3s applies the manifests
/// on its servers' disks when a server starts, and when they change (`k3s-io/k3s`,
/// `pkg/deploy/controller.go`).
pub(super) fn object_set(kept: Kept<'_>) -> Option<Owner> {
    const KIND: &str = "objectset.rio.cattle.io/owner-gvk";
    // `k3s.cattle.io/v1, Kind=Addon`
    let (version, kind) = kept.annotation(KIND)?.split_once(", Kind=")?;
    let name = kept.annotation("objectset.rio.cattle.io/owner-name")?;
    let namespace = kept.annotation("objectset.rio.cattle.io/owner-namespace");
    let name: Name = scoped(namespace.filter(|namespace| !namespace.is_empty()), name);
    let of_k3s = kind == "Addon" && version.split('/').next() == Some("k3s.cattle.io");
    let (keeper, undone) = if of_k3s {
        let when = "when a server of k3s or RKE2 next starts, or its manifest changes";
        (Keeper::K3s, Undone::new(Soon::ServerStart, when))
    } else {
        let when = "when what works on its owner next applies it";
        (Keeper::Rancher, Undone::new(Soon::NextSync, when))
    };
    Some(Owner {
        keeper,
        name: format!("{kind} {name}").into(),
        evidence: format!("annotation {KIND}").into(),
        certain: true,
        edit: undone,
        deletion: undone,
        label: STAYS,
        detail: None,
    })
}

/// What EKS applies for an add-on: by server-side apply, as the client `eks`. It goes through it when
/// the add-on is updated, and whether it overwrites what others wrote is said there (the guide's page
/// "Determine fields you can customize for Amazon EKS add-ons"). The label
/// `eks.amazonaws.com/component` is on what nobody keeps as well.
pub(super) fn eks_add_on(kept: Kept<'_>) -> Option<Owner> {
    const CLIENT: &str = "eks";
    kept.meta.managers.iter().find(|client| &*client.name == CLIENT)?;
    let update = Undone::new(
        Soon::NextUpgrade,
        "when its add-on is next updated, unless that is told to preserve what others wrote",
    );
    Some(Owner {
        keeper: Keeper::EksAddOn,
        name: "".into(),
        evidence: format!("the client {CLIENT} wrote to it").into(),
        certain: true,
        edit: update,
        deletion: Undone::new(Soon::NextUpgrade, "when its add-on is next updated"),
        // Server-side apply leaves the fields of others.
        label: STAYS,
        detail: None,
    })
}
