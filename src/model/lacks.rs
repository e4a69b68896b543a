//! What a snapshot says is not there, and of which namespaces it says nothing.

use super::snapshot::{Key, Snapshot};
use super::{Health, ListKind, Name};

/// What is made of it that a list does not have something of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// It is not there.
    Told,
    /// Nothing: the list was not read, or not of this namespace.
    NotRead,
    /// Nothing: the files have nothing of the kind of this namespace.
    NotInFiles,
}

/// What has pods made, of which [`ListKind::Workloads`] is.
const WORKLOADS: [&str; 7] = [
    "CronJob",
    "DaemonSet",
    "Deployment",
    "Job",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
];

impl Snapshot {
    /// Whether an account is known not to be there ([`Self::tells_of`]).
    pub fn lacks_account(&self, namespace: &Name, name: &Name) -> bool {
        !self.objects.service_accounts.contains_key(&(namespace.clone(), name.clone()))
            && self.tells_of(ListKind::ServiceAccounts, namespace)
    }

    /// Whether what a list does not have of a namespace is not there ([`Self::absence`]).
    pub fn tells_of(&self, list: ListKind, namespace: &str) -> bool {
        self.absence(list, namespace) == Absence::Told
    }

    /// What it means that a list does not have something of a namespace: the one rule by which anything
    /// in a namespace is said not to be there. Files do not say of which namespaces they are: of one from
    /// which they have nothing of the kind (of accounts each has its `default`) they say nothing.
    pub fn absence(&self, list: ListKind, namespace: &str) -> Absence {
        if !self.covers(&[list], Some(namespace)) {
            return Absence::NotRead;
        }
        let of_files = self.list(list).health == Health::Unverifiable;
        if of_files && !self.has_any(list, namespace) { Absence::NotInFiles } else { Absence::Told }
    }

    /// Whether there is something of a namespace's list; of a list that is told here.
    fn has_any(&self, list: ListKind, namespace: &str) -> bool {
        let from = (Name::from(namespace), Name::from(""));
        let objects = &self.objects;
        let of = |type_: &str| {
            let all = objects.secrets.range(from.clone()..);
            let mut all = all.take_while(|((have, _), _)| **have == *namespace);
            all.any(|(_, secret)| &*secret.type_ == type_)
        };
        let is_of_it = |key: Option<&Key>| key.is_some_and(|(have, _)| **have == *namespace);
        match list {
            ListKind::ServiceAccounts => {
                is_of_it(objects.service_accounts.range(from..).next().map(|(key, _)| key))
            }
            ListKind::Pods => is_of_it(objects.pods.range(from..).next().map(|(key, _)| key)),
            ListKind::TokenSecrets => of("kubernetes.io/service-account-token"),
            ListKind::BootstrapTokens => of("bootstrap.kubernetes.io/token"),
            ListKind::Workloads => WORKLOADS.into_iter().any(|kind| {
                let (kind, (namespace, first)) = (Name::from(kind), from.clone());
                let mut all = objects.others.range((kind.clone(), namespace.clone(), first)..);
                all.next().is_some_and(|((of, have, _), _)| *of == kind && *have == namespace)
            }),
            _ => false,
        }
    }

    /// Whether a namespace is known not to be there.
    pub fn lacks_namespace(&self, namespace: &str) -> bool {
        !self.objects.namespaces.contains_key(namespace) && self.has_all_namespaces()
    }

    /// Whether every namespace is known: not by files that lack `kube-system`, which every cluster
    /// has, so that they are of some only.
    pub fn has_all_namespaces(&self) -> bool {
        self.covers(&[ListKind::Namespaces], None)
            && (self.list(ListKind::Namespaces).health != Health::Unverifiable
                || self.objects.namespaces.contains_key("kube-system"))
    }
}
