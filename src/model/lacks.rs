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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::book::world::World;
    use crate::model::ListState;

    const LISTS: [ListKind; 4] = [
        ListKind::ServiceAccounts,
        ListKind::Pods,
        ListKind::TokenSecrets,
        ListKind::BootstrapTokens,
    ];

    /// One of each in namespace b.
    fn world() -> World {
        let of = |kind: &str, type_: Option<&str>| {
            let name = type_.map_or("x", |type_| type_.split('.').next().unwrap_or_default());
            json!({"apiVersion": "v1", "kind": kind, "type": type_,
                "metadata": {"namespace": "b", "name": name}})
        };
        World::new()
            .account("b", "x")
            .object(&of("Pod", None))
            .object(&of("Secret", Some("kubernetes.io/service-account-token")))
            .object(&of("Secret", Some("bootstrap.kubernetes.io/token")))
    }

    fn telling(world: &World, namespace: &str) -> Vec<ListKind> {
        let snapshot = &world.snapshot;
        LISTS.into_iter().filter(|list| snapshot.tells_of(*list, namespace)).collect()
    }

    #[test]
    fn files_say_nothing_of_a_namespace_of_which_they_have_nothing_of_the_kind() {
        let mut world = world();
        assert_eq!((telling(&world, "a"), telling(&world, "b")), (LISTS.to_vec(), LISTS.to_vec()));
        for list in LISTS {
            world.snapshot.lists.insert(list, ListState::new(Health::Unverifiable));
        }
        assert_eq!((telling(&world, "a"), telling(&world, "b")), (vec![], LISTS.to_vec()));
        // What is there of one kind says nothing of another.
        world.snapshot.objects.pods = Default::default();
        let others = [ListKind::ServiceAccounts, ListKind::TokenSecrets, ListKind::BootstrapTokens];
        assert_eq!(telling(&world, "b"), others);
        let snapshot = &world.snapshot;
        assert!(snapshot.lacks_account(&"b".into(), &"y".into()));
        assert!(!snapshot.lacks_account(&"a".into(), &"y".into()));
    }

    #[test]
    fn a_list_of_some_namespaces_says_nothing_of_another() {
        let mut world = world();
        for list in LISTS {
            let mut some = ListState::because(Health::Partial, "403");
            some.namespaces = vec!["c".into()];
            world.snapshot.lists.insert(list, some);
        }
        assert_eq!((telling(&world, "a"), telling(&world, "b")), (vec![], vec![]));
        assert_eq!(telling(&world, "c"), LISTS);
    }
}
