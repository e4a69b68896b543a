//! What is applied from charts and repositories.

use super::helm::{HELM_LABEL, INSTANCE, MANAGED_BY, RELEASE, hook_of_helm};
use super::{Keeper, Kept, Owner, STAYS, Soon, Undone, scoped};
use crate::model::Name;

const ARGO: Undone = Undone::new(
    Soon::NextSync,
    "at the next sync of its Application; at once where that heals itself",
);
const ARGO_LABEL: Undone =
    Undone::new(Soon::Never, "it stays, unless its Application is synced with Replace=true");
/// What Argo CD calls itself to the API server: since 2.5, and before.
const ARGO_CLIENTS: [&str; 2] = ["argocd-controller", "argocd-application-controller"];

/// What Argo CD tracks: by annotation, which says of which object it is (Argo CD does not take a
/// copied one for its own), or by label, as it did by default before 3.0.
pub(super) fn argo_cd(kept: Kept<'_>) -> Option<Owner> {
    const TRACKING: &str = "argocd.argoproj.io/tracking-id";
    let owner = |name: Name, evidence: String, certain| Owner {
        keeper: Keeper::ArgoCd,
        name,
        evidence: evidence.into(),
        certain,
        edit: ARGO,
        deletion: ARGO,
        label: if replaces(kept) { ARGO } else { ARGO_LABEL },
        detail: None,
    };
    if let Some(id) = kept.annotation(TRACKING) {
        let application = tracked(kept, id)?;
        return Some(owner(application, format!("annotation {TRACKING}"), true));
    }
    if let Some(name) = kept.label("argocd.argoproj.io/instance") {
        return Some(owner(application(name), "label argocd.argoproj.io/instance".into(), true));
    }
    // Every chart sets this label, and Argo CD sets it where it tracks by label.
    let name = kept.label(INSTANCE).filter(|name| !name.is_empty())?;
    if let Some(client) =
        kept.meta.managers.iter().find(|client| ARGO_CLIENTS.contains(&&*client.name))
    {
        return Some(owner(
            application(name),
            format!("label {INSTANCE}, and the client {} wrote to it", client.name),
            true,
        ));
    }
    // Whoever installs by Helm notes the release, but not on hooks. What others wrote was not Argo
    // CD's.
    let others =
        kept.annotation(RELEASE).is_some() || !kept.meta.managers.is_empty() || hook_of_helm(kept);
    (!others).then(|| {
        let evidence = format!("label {INSTANCE}, and no Helm release; who wrote it is not known");
        owner(application(name), evidence, false)
    })
}

/// Whether Argo CD replaces the object instead of applying it, as far as the object itself says.
fn replaces(kept: Kept<'_>) -> bool {
    let options = kept.annotation("argocd.argoproj.io/sync-options");
    options.is_some_and(|all| all.split(',').any(|one| one.trim() == "Replace=true"))
}

/// An application that is not in Argo CD's own namespace is `NAMESPACE_NAME`.
fn application(name: &str) -> Name {
    name.replacen('_', "/", 1).into()
}

/// The application of `APP:GROUP/KIND:NAMESPACE/NAME`, where that names this object.
fn tracked(kept: Kept<'_>, id: &str) -> Option<Name> {
    let mut parts = id.splitn(3, ':');
    let (of, kind, place) = (parts.next()?, parts.next()?, parts.next()?);
    let (group, kind) = kind.split_once('/')?;
    let (namespace, name) = place.split_once('/')?;
    // For what has no namespace the place is that of the application's destination.
    let same = group == kept.group
        && kind == kept.kind
        && name == &*kept.meta.name
        && (kept.meta.namespace.is_none() || namespace == kept.namespace());
    same.then(|| application(of))
}

/// What a Flux Kustomization applied.
pub(super) fn flux_kustomization(kept: Kept<'_>) -> Option<Owner> {
    let name = kept.label("kustomize.toolkit.fluxcd.io/name")?;
    let marked = |key: &str, want: &str| {
        let is = |value: &Name| value.eq_ignore_ascii_case(want);
        kept.annotation(key).is_some_and(is) || kept.label(key).is_some_and(is)
    };
    let ssa = |want: &str| marked("kustomize.toolkit.fluxcd.io/ssa", want);
    let next = Undone::new(Soon::NextSync, "at its Kustomization's next reconciliation");
    let off = Undone::new(Soon::Never, "it stays while the object tells Flux to leave it alone");
    let left = marked("kustomize.toolkit.fluxcd.io/reconcile", "disabled") || ssa("Ignore");
    Some(Owner {
        keeper: Keeper::FluxKustomization,
        name: scoped(kept.label("kustomize.toolkit.fluxcd.io/namespace"), name),
        evidence: "label kustomize.toolkit.fluxcd.io/name".into(),
        certain: true,
        edit: if left || ssa("IfNotPresent") { off } else { next },
        // The mark goes with the object; what is in the repository comes back.
        deletion: next,
        label: if left {
            STAYS
        } else {
            Undone::new(
                Soon::Never,
                "it stays if keybook puts it on; what kubectl puts on is taken off at its \
                 Kustomization's next reconciliation",
            )
        },
        detail: None,
    })
}

/// What a Flux `HelmRelease` installed.
pub(super) fn flux_helm_release(kept: Kept<'_>) -> Option<Owner> {
    let name = kept.label("helm.toolkit.fluxcd.io/name")?;
    let undone = Undone::new(
        Soon::NextUpgrade,
        "at its release's next upgrade; at its next reconciliation where that corrects drift",
    );
    Some(Owner {
        keeper: Keeper::FluxHelmRelease,
        name: scoped(kept.label("helm.toolkit.fluxcd.io/namespace"), name),
        evidence: "label helm.toolkit.fluxcd.io/name".into(),
        certain: true,
        edit: undone,
        deletion: undone,
        label: HELM_LABEL,
        detail: None,
    })
}

/// What something else says that it manages.
pub(super) fn managed_by(kept: Kept<'_>) -> Option<Owner> {
    let by = kept.label(MANAGED_BY).filter(|by| !by.is_empty())?;
    let undone = Undone::new(Soon::NotKnown, "not known: the label says no more than a name");
    Some(Owner {
        keeper: Keeper::Label,
        name: by.clone(),
        evidence: "label app.kubernetes.io/managed-by".into(),
        certain: false,
        edit: undone,
        deletion: undone,
        label: undone,
        detail: None,
    })
}
