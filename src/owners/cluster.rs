//! What the cluster itself keeps: the API server's own policy, aggregated roles, addons, `OpenShift`'s release.

use super::{Keeper, Kept, Owner, STAYS, Soon, Undone};
use crate::model::{Binding, Role};
use crate::rbac::bootstrap;

/// Opts an object of the API server's own policy out of being restored.
const AUTO_UPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";

/// An aggregated `ClusterRole`: its rules are written by the controller whenever any `ClusterRole`
/// changes, this one included (`pkg/controller/clusterroleaggregation`).
pub(super) fn aggregation(role: &Role) -> Option<Owner> {
    role.aggregation.as_ref()?;
    Some(Owner {
        keeper: Keeper::Aggregation,
        name: "".into(),
        evidence: "aggregationRule".into(),
        certain: true,
        edit: Undone::new(
            Soon::AtOnce,
            "at once: its rules are those of the roles that its selectors choose",
        ),
        deletion: STAYS,
        label: STAYS,
        detail: None,
    })
}

/// A role of the API server's own policy, by its name: at each start rules that are missing come
/// back and added ones stay (`component-helpers/auth/rbac/reconciliation`).
pub(super) fn server_role(role: &Role, version: Option<&str>) -> Option<Owner> {
    let namespace = role.meta.namespace.as_deref().unwrap_or_default();
    bootstrap::possible(version)
        .find_map(|policy| policy.objects.role(role.kind, namespace, &role.meta.name))?;
    Some(server(
        role.meta.annotations.get(AUTO_UPDATE).map(|value| &**value),
        Undone::new(
            Soon::ServerStart,
            "when an API server next starts: rules taken out come back, added ones stay",
        ),
    ))
}

/// The same of a binding and its subjects.
pub(super) fn server_binding(binding: &Binding, version: Option<&str>) -> Option<Owner> {
    let namespace = binding.meta.namespace.clone().unwrap_or_else(|| "".into());
    let key = (binding.kind, namespace, binding.meta.name.clone());
    bootstrap::possible(version).find_map(|policy| policy.objects.bindings.get(&key))?;
    Some(server(
        binding.meta.annotations.get(AUTO_UPDATE).map(|value| &**value),
        Undone::new(
            Soon::ServerStart,
            "when an API server next starts: subjects taken out come back, added ones stay",
        ),
    ))
}

fn server(auto_update: Option<&str>, edit: Undone) -> Owner {
    // Any value that Go reads as false opts out.
    let out = auto_update
        .is_some_and(|value| matches!(value, "0" | "f" | "F" | "false" | "FALSE" | "False"));
    Owner {
        keeper: Keeper::ApiServer,
        name: "".into(),
        evidence: "name of the API server's own policy".into(),
        certain: true,
        edit: if out {
            Undone::new(Soon::Never, "it stays: the annotation autoupdate is false")
        } else {
            edit
        },
        deletion: Undone::new(Soon::ServerStart, "when an API server next starts"),
        label: STAYS,
        detail: None,
    }
}

/// kube-addon-manager looks once a minute unless told otherwise.
pub(super) fn addon_manager(kept: Kept<'_>) -> Option<Owner> {
    let mode = kept.label("addonmanager.kubernetes.io/mode");
    let timer = Undone::new(Soon::Minutes, "within a minute or so, by its timer");
    let (evidence, edit) = match mode.map(|mode| &**mode) {
        Some("Reconcile") => ("label addonmanager.kubernetes.io/mode: Reconcile", timer),
        Some("EnsureExists") => ("label addonmanager.kubernetes.io/mode: EnsureExists", STAYS),
        _ => {
            let old = kept.label("kubernetes.io/cluster-service").is_some_and(|on| &**on == "true");
            old.then_some(("label kubernetes.io/cluster-service", timer))?
        }
    };
    Some(Owner {
        keeper: Keeper::AddonManager,
        name: "".into(),
        evidence: evidence.into(),
        // The old label is also on objects that nobody keeps any more.
        certain: mode.is_some(),
        edit,
        deletion: timer,
        // Both apply what they have, and leave other labels.
        label: STAYS,
        detail: None,
    })
}

/// What is part of an `OpenShift` release.
pub(super) fn version_operator(kept: Kept<'_>) -> Option<Owner> {
    const PART: &str = "include.release.openshift.io/";
    let (key, _) = kept
        .meta
        .annotations
        .iter()
        .find(|(key, value)| key.starts_with(PART) && &***value == "true")?;
    let timer = Undone::new(Soon::Minutes, "within minutes: it goes through its release again");
    let once =
        kept.annotation("release.openshift.io/create-only").is_some_and(|only| &**only == "true");
    Some(Owner {
        keeper: Keeper::ClusterVersionOperator,
        name: "".into(),
        evidence: format!("annotation {key}").into(),
        certain: true,
        edit: if once { STAYS } else { timer },
        deletion: timer,
        // Both apply what they have, and leave other labels.
        label: STAYS,
        detail: None,
    })
}
