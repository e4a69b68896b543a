//! Who keeps an object as it is: what would undo an edit or a deletion of it, and when.
//!
//! Everything here is read off the object itself, as the tools write it. What only the owner's own
//! configuration says (whether Argo CD heals by itself, how often Flux looks) is named in the
//! words, never guessed.

mod account;
mod appliers;
mod cluster;
mod controller;
mod definition;
mod gitops;
mod helm;

use definition::Said;
pub use definition::{Defined, defined_by, is_made_by, makes};

use crate::model::{
    Binding, BindingKind, ConfigMap, Meta, Name, OtherObject, Role, Secret, ServiceAccount,
    Snapshot,
};

/// Who keeps objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keeper {
    /// The controller manager, which fills aggregated `ClusterRoles`.
    Aggregation,
    /// The API server, which restores its own policy when it starts.
    ApiServer,
    /// The controller manager's accounts and tokens.
    ControllerManager,
    /// kube-addon-manager.
    AddonManager,
    /// `OpenShift`'s cluster version operator.
    ClusterVersionOperator,
    /// Fairwinds rbac-manager, from an `RBACDefinition`.
    RbacManager,
    /// The Operator Lifecycle Manager, from a `ClusterServiceVersion`.
    Olm,
    /// Argo CD, from an Application.
    ArgoCd,
    /// Flux, from a Kustomization.
    FluxKustomization,
    /// Flux, from a `HelmRelease`.
    FluxHelmRelease,
    /// kapp, by hand, from a pipeline or by kapp-controller.
    Kapp,
    /// Rancher, or a controller of its makers'.
    Rancher,
    /// k3s or RKE2, from a manifest on its servers' disks.
    K3s,
    /// EKS, for an add-on.
    EksAddOn,
    /// Helm, by hand or from a pipeline.
    Helm,
    /// Helm, which makes a chart's hooks anew when they run.
    HelmHook,
    /// The controller of an owner reference.
    OwnerReference,
    /// Something that names itself in `app.kubernetes.io/managed-by`.
    Label,
}

impl Keeper {
    /// The words on screens and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aggregation => "aggregation",
            Self::ApiServer => "API server",
            Self::ControllerManager => "controller manager",
            Self::AddonManager => "addon manager",
            Self::ClusterVersionOperator => "cluster version operator",
            Self::RbacManager => "rbac-manager",
            Self::Olm => "OLM",
            Self::ArgoCd => "Argo CD",
            Self::FluxKustomization => "Flux Kustomization",
            Self::FluxHelmRelease => "Flux HelmRelease",
            Self::Kapp => "kapp",
            Self::Rancher => "Rancher",
            Self::K3s => "k3s",
            Self::EksAddOn => "EKS add-on",
            Self::Helm => "Helm",
            Self::HelmHook => "Helm hook",
            Self::OwnerReference => "owner",
            Self::Label => "managed-by label",
        }
    }
}

/// How soon a change is undone. Soonest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Soon {
    /// A watch sees it.
    AtOnce,
    /// Within minutes, by a timer.
    Minutes,
    /// When the owner next compares, at an interval that the object does not tell.
    NextSync,
    /// When the owner's release is next upgraded or rolled back.
    NextUpgrade,
    /// When an API server next starts.
    ServerStart,
    /// The object does not tell.
    NotKnown,
    /// The change stays.
    Never,
}

impl Soon {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtOnce => "at once",
            Self::Minutes => "within minutes",
            Self::NextSync => "at its next sync",
            Self::NextUpgrade => "at its next upgrade",
            Self::ServerStart => "at an API server's next start",
            Self::NotKnown => "not known",
            Self::Never => "never",
        }
    }
}

/// Whether and when a kind of change is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undone {
    /// How soon.
    pub soon: Soon,
    /// The same in words, with what it depends on.
    pub when: &'static str,
}

impl Undone {
    const fn new(soon: Soon, when: &'static str) -> Self {
        Self { soon, when }
    }
}

const STAYS: Undone = Undone::new(Soon::Never, "it stays");

/// One who keeps an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Who.
    pub keeper: Keeper,
    /// Its release, application, definition or object, `NAMESPACE/NAME` where it has a namespace;
    /// empty where there is but one.
    pub name: Name,
    /// What on the object says so.
    pub evidence: Name,
    /// False where the same mark may come from something else.
    pub certain: bool,
    /// What becomes of an edit.
    pub edit: Undone,
    /// What becomes of a deletion.
    pub deletion: Undone,
    /// What becomes of a label that is put on and is not the owner's.
    pub label: Undone,
    /// What the owner's own object says of it, where that was read.
    pub detail: Option<Name>,
}

impl Owner {
    /// `Helm pay/payroll (at its next upgrade)`: who, and how soon an edit is undone.
    pub fn words_and_when(&self) -> String {
        let soon = match self.edit.soon {
            Soon::Never => "an edit stays",
            Soon::NotKnown => "when is not known",
            soon => soon.as_str(),
        };
        format!("{} ({soon})", self.words())
    }

    /// `Helm pay/payroll`, `maybe Argo CD shop`.
    pub fn words(&self) -> String {
        let maybe = if self.certain { "" } else { "maybe " };
        let space = if self.name.is_empty() { "" } else { " " };
        format!("{maybe}{}{space}{}", self.keeper.as_str(), self.name)
    }
}

/// An object, as far as its owners are told from it.
#[derive(Clone, Copy)]
struct Kept<'a> {
    /// API group.
    group: &'static str,
    kind: &'static str,
    meta: &'a Meta,
}

impl Kept<'_> {
    fn label(&self, key: &str) -> Option<&Name> {
        self.meta.labels.get(key)
    }

    fn annotation(&self, key: &str) -> Option<&Name> {
        self.meta.annotations.get(key)
    }

    fn namespace(&self) -> &str {
        self.meta.namespace.as_deref().unwrap_or_default()
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";

/// Who keeps a role; `version` is the server's.
pub fn of_role(role: &Role, version: Option<&str>) -> Vec<Owner> {
    let kept = Kept { group: RBAC, kind: role.kind.as_str(), meta: &role.meta };
    let server = cluster::server_role(role, version);
    // rbac-manager makes no roles.
    let marked = marked(kept, |_| Said::NotRead);
    sorted(cluster::aggregation(role).into_iter().chain(server).chain(marked))
}

/// Who keeps a binding of a cluster.
pub fn of_binding(snapshot: &Snapshot, binding: &Binding) -> Vec<Owner> {
    let version = snapshot.cluster.server_version.as_deref();
    let kept = Kept { group: RBAC, kind: binding.kind.as_str(), meta: &binding.meta };
    let marked = marked(kept, |name| definition::of_binding(snapshot, name, binding));
    sorted(cluster::server_binding(binding, version).into_iter().chain(marked))
}

/// Who keeps an account of a cluster.
pub fn of_account(snapshot: &Snapshot, account: &ServiceAccount) -> Vec<Owner> {
    let kept = Kept { group: "", kind: "ServiceAccount", meta: &account.meta };
    let marked = marked(kept, |name| definition::of_account(snapshot, name, account));
    let own = account::default_account(kept).or_else(|| account::of_controller(snapshot, kept));
    sorted(own.into_iter().chain(marked))
}

/// Who keeps a Secret.
pub fn of_secret(secret: &Secret) -> Vec<Owner> {
    let kept = Kept { group: "", kind: "Secret", meta: &secret.meta };
    // rbac-manager makes no Secrets.
    sorted(marked(kept, |_| Said::NotRead))
}

/// Who keeps a `ConfigMap`.
pub fn of_config_map(map: &ConfigMap) -> Vec<Owner> {
    let kept = Kept { group: "", kind: "ConfigMap", meta: &map.meta };
    // rbac-manager makes none.
    sorted(marked(kept, |_| Said::NotRead))
}

/// Who keeps an `RBACDefinition`.
pub fn of_definition(definition: &OtherObject) -> Vec<Owner> {
    let kept =
        Kept { group: controller::RBAC_MANAGER, kind: "RBACDefinition", meta: &definition.meta };
    sorted(marked(kept, |_| Said::NotRead))
}

/// Who keeps the two objects of a grant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfGrant {
    /// The binding's.
    pub binding: Vec<Owner>,
    /// The role's.
    pub role: Vec<Owner>,
}

/// Who keeps the binding of that kind, namespace and name, and the role that it gives.
pub fn of_grant(
    snapshot: &Snapshot,
    (kind, namespace, name): (BindingKind, Option<&Name>, &Name),
    role: Option<&Role>,
) -> OfGrant {
    let version = snapshot.cluster.server_version.as_deref();
    let key = (kind, namespace.cloned().unwrap_or_else(|| "".into()), name.clone());
    let binding = snapshot.objects.bindings.get(&key);
    OfGrant {
        binding: binding.map(|binding| of_binding(snapshot, binding)).unwrap_or_default(),
        role: role.map(|role| of_role(role, version)).unwrap_or_default(),
    }
}

/// The owners that mark what they keep; `said` is what an `RBACDefinition` has to do with it.
fn marked(kept: Kept<'_>, said: impl FnOnce(&str) -> Said) -> impl Iterator<Item = Owner> {
    let argo = gitops::argo_cd(kept);
    let of_argo = argo.as_ref().is_some_and(|argo| argo.certain);
    let found = [
        cluster::addon_manager(kept),
        cluster::version_operator(kept),
        controller::rbac_manager(kept, said),
        controller::olm(kept),
        argo,
        gitops::flux_kustomization(kept),
        gitops::flux_helm_release(kept),
        appliers::kapp(kept),
        appliers::rancher(kept),
        appliers::object_set(kept),
        appliers::eks_add_on(kept),
        helm::helm(kept, of_argo),
    ];
    let mut all: Vec<Owner> = found.into_iter().flatten().collect();
    let told: Vec<Keeper> = all.iter().map(|owner| owner.keeper).collect();
    all.extend(controller::references(kept, &told));
    // Whoever keeps it for sure may as well write what it likes into that label.
    let sure = |owner: &Owner| owner.certain && owner.edit.soon != Soon::Never;
    if !all.iter().any(sure) {
        let renders = [Keeper::ArgoCd, Keeper::HelmHook];
        let rendered = all.iter().any(|owner| renders.contains(&owner.keeper));
        all.extend(gitops::managed_by(kept).filter(|by| !(rendered && &*by.name == "Helm")));
    }
    all.into_iter()
}

/// Whoever undoes an edit soonest comes first.
fn sorted(owners: impl Iterator<Item = Owner>) -> Vec<Owner> {
    let mut all: Vec<Owner> = owners.collect();
    all.sort_by_key(|owner| (owner.edit.soon, owner.deletion.soon, owner.keeper));
    all
}

fn scoped(namespace: Option<&Name>, name: &str) -> Name {
    namespace.map_or_else(|| name.into(), |namespace| format!("{namespace}/{name}").into())
}

#[cfg(test)]
mod tests;
