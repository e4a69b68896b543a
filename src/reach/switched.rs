//! Pods that have no token only because their account says so: another is made in the place of each with
//! it, once the account says otherwise.

use super::ask::On;
use super::world::{Where, World, of};
use crate::book::Book;
use crate::model::{Containers, Name, OwnerReference, Pod};
use crate::workloads::{has_place, tokens_named};

/// A pod that runs without its account's token, and that its controller makes anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Switched {
    pub(crate) name: Name,
    /// The account that it runs as.
    pub(crate) account: u32,
    /// Its controller, by kind and name.
    pub(crate) controller: Name,
    /// Whether the one in its place has its name.
    pub(crate) keeps_name: bool,
    /// By what there can be more of it.
    pub(crate) scaled_by: Option<(On, Name)>,
    /// Whether a container sees the token then that goes on running.
    pub(crate) lasts: bool,
}

impl Switched {
    /// The pod as such a one; None where it is none. `account`: that it runs as, where it is there.
    pub(super) fn of(
        book: &Book,
        (ns, name): (&Name, &Name),
        pod: &Pod,
        account: Option<u32>,
    ) -> Option<Self> {
        let objects = &book.snapshot.objects;
        let owner = pod.meta.owner_references.iter().find(|owner| owner.controller)?;
        let runs_as = pod.service_account.clone();
        let is_off = objects.service_accounts.get(&(ns.clone(), runs_as))?.automount == Some(false);
        if !is_off || pod.spec.automount_service_account_token.is_some() {
            return None;
        }
        // A volume of its own it has now.
        if tokens_named(&pod.spec).0 || !Containers::All.of(&pod.spec).any(has_place) {
            return None;
        }
        let keeps_name = keeps_name(owner)?;
        Some(Self {
            name: name.clone(),
            account: account?,
            controller: format!("{}/{}", owner.kind, owner.name).into(),
            keeps_name,
            scaled_by: scaled_by(book, ns, owner),
            lasts: Containers::Changeable.of(&pod.spec).any(has_place),
        })
    }
}

/// Whether what a controller makes in the place of a pod has its name; None where it is not sure that it
/// makes another. A Job does not, where that counts as too many failures (`backoffLimit`).
fn keeps_name(owner: &OwnerReference) -> Option<bool> {
    match (group(owner), &*owner.kind) {
        ("apps", "StatefulSet") => Some(true),
        ("apps", "ReplicaSet" | "DaemonSet") | ("", "ReplicationController") => Some(false),
        _ => None,
    }
}

fn group(owner: &OwnerReference) -> &str {
    owner.api_version.split_once('/').map_or("", |(group, _)| group)
}

/// What says how many there are to be. What a Deployment controls it scales itself.
fn scaled_by(book: &Book, ns: &Name, owner: &OwnerReference) -> Option<(On, Name)> {
    let on = match &*owner.kind {
        "StatefulSet" => On::StatefulSetScale,
        "ReplicaSet" => On::ReplicaSetScale,
        "ReplicationController" => On::ReplicationControllerScale,
        _ => return None,
    };
    let key = (owner.kind.clone(), ns.clone(), owner.name.clone());
    let there = book.snapshot.objects.others.get(&key)?;
    match there.meta.owner_references.iter().find(|owner| owner.controller) {
        None => Some((on, owner.name.clone())),
        Some(above) if (group(above), &*above.kind) == ("apps", "Deployment") => {
            Some((On::DeploymentScale, above.name.clone()))
        }
        Some(_) => None,
    }
}

impl World {
    /// Whether a place has such pods.
    pub(crate) fn is_switched(&self, at: Where) -> bool {
        !self.switched.is_empty() && self.within(at).any(|ns| !of(&self.switched, ns).is_empty())
    }
}
