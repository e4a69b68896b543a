//! What a snapshot says is not there, and of which namespaces it says nothing.

use super::snapshot::{Key, Snapshot};
use super::{Health, ListKind, Name};

impl Snapshot {
    /// Whether an account is known not to be there ([`Self::tells_of`]).
    pub fn lacks_account(&self, namespace: &Name, name: &Name) -> bool {
        !self.objects.service_accounts.contains_key(&(namespace.clone(), name.clone()))
            && self.tells_of(ListKind::ServiceAccounts, namespace)
    }

    /// Whether what a list does not have of a namespace is not there. Files do not say of which
    /// namespaces they are: of one from which they have nothing of the kind (of accounts each has its
    /// `default`) they say nothing.
    pub fn tells_of(&self, list: ListKind, namespace: &str) -> bool {
        self.covers(&[list], Some(namespace))
            && (self.list(list).health != Health::Unverifiable || self.has_any(list, namespace))
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
            _ => false,
        }
    }

    /// Whether a namespace is known not to be there: not by files that lack `kube-system`, which every
    /// cluster has, so that they are of some only.
    pub fn lacks_namespace(&self, namespace: &str) -> bool {
        let namespaces = &self.objects.namespaces;
        !namespaces.contains_key(namespace)
            && self.covers(&[ListKind::Namespaces], None)
            && (self.list(ListKind::Namespaces).health != Health::Unverifiable
                || namespaces.contains_key("kube-system"))
    }
}
