//! What is applied from charts and repositories.

use super::{Keeper, Kept, Owner, Soon, Undone, scoped};
use crate::model::Name;

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const INSTANCE: &str = "app.kubernetes.io/instance";
const RELEASE: &str = "meta.helm.sh/release-name";

const ARGO: Undone = Undone::new(
    Soon::NextSync,
    "at the next sync of its Application; at once where that heals itself",
);

/// What Argo CD tracks: by annotation, which says of which object it is (Argo CD does not take a
/// copied one for its own), or by label, as it did by default before 3.0.
pub(super) fn argo_cd(kept: Kept<'_>) -> Option<Owner> {
    const TRACKING: &str = "argocd.argoproj.io/tracking-id";
    let owner = |name: Name, evidence: &'static str, certain| Owner {
        keeper: Keeper::ArgoCd,
        name,
        evidence: evidence.into(),
        certain,
        edit: ARGO,
        deletion: ARGO,
    };
    if let Some(id) = kept.annotation(TRACKING) {
        let application = tracked(kept, id)?;
        return Some(owner(application, "annotation argocd.argoproj.io/tracking-id", true));
    }
    if let Some(application) = kept.label("argocd.argoproj.io/instance") {
        return Some(owner(application.clone(), "label argocd.argoproj.io/instance", true));
    }
    // Every chart sets this label. Where the chart was not installed by Helm, something rendered
    // it, and that may be Argo CD.
    let rendered = kept.label(MANAGED_BY).is_some_and(|by| &**by == "Helm")
        && kept.annotation(RELEASE).is_none();
    let instance = kept.label(INSTANCE).filter(|_| rendered)?;
    Some(owner(instance.clone(), "label app.kubernetes.io/instance, and no Helm release", false))
}

/// The application of `APP:GROUP/KIND:NAMESPACE/NAME`, where that names this object; an
/// application outside Argo CD's namespace is `NAMESPACE_APP`.
fn tracked(kept: Kept<'_>, id: &str) -> Option<Name> {
    let mut parts = id.splitn(3, ':');
    let (application, kind, place) = (parts.next()?, parts.next()?, parts.next()?);
    let (group, kind) = kind.split_once('/')?;
    let (namespace, name) = place.split_once('/')?;
    // For what has no namespace the place is that of the application's destination.
    let same = group == kept.group
        && kind == kept.kind
        && name == &*kept.meta.name
        && (kept.meta.namespace.is_none() || namespace == kept.namespace());
    same.then(|| application.replacen('_', "/", 1).into())
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
    })
}

/// What Helm installed: it writes the release into annotations by itself; the label alone comes
/// from a chart.
pub(super) fn helm(kept: Kept<'_>) -> Option<Owner> {
    let release = kept.annotation(RELEASE)?;
    let undone = Undone::new(Soon::NextUpgrade, "at its release's next upgrade or rollback");
    Some(Owner {
        keeper: Keeper::Helm,
        name: scoped(kept.annotation("meta.helm.sh/release-namespace"), release),
        evidence: "annotation meta.helm.sh/release-name".into(),
        certain: true,
        edit: undone,
        deletion: undone,
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
    })
}
