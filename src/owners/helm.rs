//! What Helm installed, and what it makes anew as hooks.

use super::{Keeper, Kept, Owner, STAYS, Soon, Undone, scoped};
use crate::model::Name;

pub(super) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
pub(super) const INSTANCE: &str = "app.kubernetes.io/instance";
pub(super) const RELEASE: &str = "meta.helm.sh/release-name";
pub(super) const HELM_LABEL: Undone =
    Undone::new(Soon::Never, "it stays, unless an upgrade or rollback is forced");

const HOOK: &str = "helm.sh/hook";
const HOOK_DELETION: &str = "helm.sh/hook-delete-policy";

/// What Helm installed: it writes the release into annotations by itself; the label alone comes
/// from a chart. On hooks it writes nothing (`pkg/action`).
pub(super) fn helm(kept: Kept<'_>, of_argo: bool) -> Option<Owner> {
    if let Some(events) = kept.annotation(HOOK) {
        return hook(kept, events, of_argo);
    }
    let release = kept.annotation(RELEASE)?;
    let undone = Undone::new(Soon::NextUpgrade, "at its release's next upgrade or rollback");
    Some(Owner {
        keeper: Keeper::Helm,
        name: scoped(kept.annotation("meta.helm.sh/release-namespace"), release),
        evidence: "annotation meta.helm.sh/release-name".into(),
        certain: true,
        edit: undone,
        deletion: undone,
        label: HELM_LABEL,
        detail: None,
    })
}

/// Whether it is a hook that a client of Helm's wrote. A chart's label does not say it: Argo CD takes a
/// chart's hooks for its own, and so does who applies what `helm template` prints; nor does an object
/// without `managedFields`, as kubectl prints it.
pub(super) fn hook_of_helm(kept: Kept<'_>) -> bool {
    kept.annotation(HOOK).is_some() && kept.meta.managers.iter().any(|client| is_helm(&client.name))
}

/// Helm itself, and what carries it: `helm-controller`, `terraform-provider-helm_v2.17.0_x5`.
fn is_helm(client: &str) -> bool {
    client.split(['-', '_', '.']).any(|part| part.eq_ignore_ascii_case("helm"))
}

/// When hooks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Install,
    Upgrade,
    Rollback,
    Uninstall,
    Test,
}

/// The events of `pre-install,post-upgrade`; None where Helm knows one of them not, and leaves the
/// object out (`pkg/release/util/manifest_sorter.go`).
fn events(of: &str) -> Option<Vec<Event>> {
    of.split(',')
        .map(|one| match &*one.trim().to_lowercase() {
            "pre-install" | "post-install" => Some(Event::Install),
            "pre-upgrade" | "post-upgrade" => Some(Event::Upgrade),
            "pre-rollback" | "post-rollback" => Some(Event::Rollback),
            "pre-delete" | "post-delete" => Some(Event::Uninstall),
            "test" | "test-success" => Some(Event::Test),
            _ => None,
        })
        .collect()
}

/// Whether Helm deletes the one that is there before it makes it: also where there is no policy. One
/// that Helm does not know is a policy too (`pkg/action/hooks.go`).
fn is_made_anew(kept: Kept<'_>) -> bool {
    kept.annotation(HOOK_DELETION).is_none_or(|text| {
        text.split(',').any(|one| one.trim().eq_ignore_ascii_case("before-hook-creation"))
    })
}

fn hook(kept: Kept<'_>, text: &Name, of_argo: bool) -> Option<Owner> {
    let events = events(text)?;
    let when = at(&events);
    let stays = Undone::new(
        Soon::Never,
        "it stays: its hook makes it only where it is not there (helm.sh/hook-delete-policy), and \
         fails where it is",
    );
    // A chart's own label has the release, which `Helm` writes on no hook.
    let name = match (kept.annotation(RELEASE), kept.label(INSTANCE)) {
        (Some(release), _) => scoped(kept.annotation("meta.helm.sh/release-namespace"), release),
        (None, Some(instance)) => instance.clone(),
        (None, None) => "".into(),
    };
    let made_anew = is_made_anew(kept);
    Some(Owner {
        keeper: Keeper::HelmHook,
        name,
        evidence: format!("annotation {HOOK}: {text}").into(),
        certain: !of_argo && hook_of_helm(kept),
        edit: if made_anew { when } else { stays },
        deletion: when,
        label: if made_anew { when } else { STAYS },
        detail: None,
    })
}

/// When hooks of these events are made anew.
fn at(events: &[Event]) -> Undone {
    let has = |event| events.contains(&event);
    let upgrade = |when| Undone::new(Soon::NextUpgrade, when);
    // When a release is next installed, tested or uninstalled is not told by anything.
    let not_known = |when| Undone::new(Soon::NotKnown, when);
    match (has(Event::Upgrade), has(Event::Rollback)) {
        (true, true) => upgrade("at its release's next upgrade or rollback, whose hook it is"),
        (true, false) => upgrade("at its release's next upgrade, whose hook it is"),
        (false, true) => upgrade("at its release's next rollback, whose hook it is"),
        _ if has(Event::Install) => {
            not_known("when its release is installed anew, whose hook it is; upgrades leave it")
        }
        _ if has(Event::Test) => not_known("when its release is next tested, whose hook it is"),
        _ => not_known("when its release is uninstalled, whose hook it is"),
    }
}
