//! What two snapshots differ in, as far as the join reads it.

use foldhash::HashSet;
use imbl::ordmap::DiffItem;

use super::{Book, hints};
use crate::model::{
    Identity, ListKind, Name, ObjectBody, Objects, OtherObject, PodSpec, Secret, SharedMap,
    Snapshot,
};
use crate::rbac::{BindingKey, RoleKey};

/// What is not as it was.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub(super) roles: Vec<RoleKey>,
    pub(super) bindings: Vec<BindingKey>,
    /// Namespaces that came or went.
    pub(super) namespaces: HashSet<Name>,
    /// Whose object, or whose hints, changed.
    pub(super) identities: HashSet<Identity>,
    /// Who made one more certificate request, or one less.
    pub(super) requests: Vec<(Identity, bool)>,
    /// Whether an object changed that says whom a credential authenticates.
    pub(super) credentials: bool,
    /// Whether what limits requests is not what it was.
    pub(super) flows: bool,
}

impl Difference {
    pub(super) fn is_empty(&self) -> bool {
        self.roles.is_empty()
            && self.bindings.is_empty()
            && self.namespaces.is_empty()
            && self.identities.is_empty()
            && self.requests.is_empty()
            && !self.credentials
            && !self.flows
    }

    pub(super) fn new(old: &Objects, new: &Objects) -> Self {
        let mut found = Self::default();
        each(&old.roles, &new.roles, |key, _, _| found.roles.push(key.clone()));
        each(&old.bindings, &new.bindings, |key, _, _| found.bindings.push(key.clone()));
        each(&old.namespaces, &new.namespaces, |name, old, new| {
            if old.is_some() != new.is_some() {
                found.namespaces.insert(name.clone());
            }
        });
        each(&old.service_accounts, &new.service_accounts, |(ns, name), _, _| {
            found.identities.insert(Identity::service_account(ns.clone(), name.clone()));
        });
        each(&old.secrets, &new.secrets, |(ns, _), old, new| {
            let both = old.into_iter().chain(new);
            found.credentials |= both.clone().any(|one| is_bootstrap(one));
            found.identities.extend(both.filter_map(|one| hints::account_of_token(ns, one)));
        });
        let (old_secrets, new_secrets) = (&old.secrets, &new.secrets);
        // Whose tokens lie in the containers of a pod.
        let tokens_in = |ns: &Name, spec: &PodSpec| -> Vec<Identity> {
            let keys = spec.secrets_seen().into_iter().map(|secret| (ns.clone(), secret));
            keys.flat_map(|key| [old_secrets.get(&key), new_secrets.get(&key)])
                .flatten()
                .filter_map(|secret| hints::account_of_token(ns, secret))
                .collect()
        };
        each(&old.pods, &new.pods, |(ns, _), old, new| {
            let both = old.into_iter().chain(new);
            found.identities.extend(both.clone().map(|one| hints::account_of_pod(ns, one)));
            found.identities.extend(both.flat_map(|pod| tokens_in(ns, &pod.spec)));
        });
        each(&old.csrs, &new.csrs, |_, old, new| {
            found.credentials = true;
            let of = |csr: &std::sync::Arc<_>, more| (hints::requester(csr), more);
            found.requests.extend(old.map(|csr| of(csr, false)));
            found.requests.extend(new.map(|csr| of(csr, true)));
        });
        each(&old.config_maps, &new.config_maps, |_, _, _| found.credentials = true);
        each(&old.others, &new.others, |(kind, ns, _), old, new| {
            let both = old.into_iter().chain(new);
            for (one, template) in both.clone().filter_map(|one| match &one.body {
                ObjectBody::Workload(template) => Some((one, template)),
                _ => None,
            }) {
                let name = one.service_account.clone().unwrap_or_else(|| "default".into());
                found.identities.insert(Identity::service_account(ns.clone(), name));
                found.identities.extend(tokens_in(ns, &template.spec));
            }
            found.credentials |=
                both.clone().any(|one| matches!(one.body, ObjectBody::OAuthToken(_)));
            let body = |one: Option<&std::sync::Arc<OtherObject>>| one.map(|one| one.body.clone());
            let flows = matches!(
                ListKind::of_other(kind),
                Some(ListKind::FlowSchemas | ListKind::PriorityLevels)
            );
            found.flows |= flows && body(old) != body(new);
        });
        found.identities.extend(found.requests.iter().map(|(identity, _)| identity.clone()));
        found
    }
}

fn is_bootstrap(secret: &Secret) -> bool {
    ListKind::of_secret(&secret.type_) == Some(ListKind::BootstrapTokens)
}

fn each<K: Ord + Clone, V: PartialEq + Clone>(
    old: &SharedMap<K, V>,
    new: &SharedMap<K, V>,
    mut found: impl FnMut(&K, Option<&V>, Option<&V>),
) {
    for item in old.diff(new) {
        match item {
            DiffItem::Add(key, value) => found(key, None, Some(value)),
            DiffItem::Update { old: (key, old), new: (_, new) } => {
                found(key, Some(old), Some(new));
            }
            DiffItem::Remove(key, value) => found(key, Some(value), None),
        }
    }
}

/// Whether everything but objects, as far as verdicts rest on it, is the same.
pub(super) fn same_ground(old: &Snapshot, new: &Snapshot) -> bool {
    let lists = ListKind::ALL.iter().all(|kind| {
        let (old, new) = (old.lists.get(kind), new.lists.get(kind));
        let known = |state: Option<&crate::model::ListState>| {
            state.map(|state| (state.health, state.namespaces.clone()))
        };
        old == new || known(old) == known(new)
    });
    lists
        && old.cluster.server_version == new.cluster.server_version
        && (std::sync::Arc::ptr_eq(&old.discovery, &new.discovery)
            || old.discovery == new.discovery)
}

impl Book {
    /// Who had tokens of these accounts made, where somebody is said to have left: whether such a token is
    /// good is a finding of theirs.
    pub(super) fn makers_who_left(&self, accounts: &HashSet<Identity>) -> HashSet<Identity> {
        let log = self.activity.as_deref().filter(|_| !self.policy.left.is_empty());
        log.into_iter()
            .flat_map(|log| accounts.iter().flat_map(|account| log.issued().of(account)))
            .flat_map(|(issued, _)| [&issued.by, issued.maker()])
            .cloned()
            .collect()
    }
}
