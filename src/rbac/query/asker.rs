//! Who a question is asked for: an identity with the groups that hold for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{GroupMap, Identity, Name, Snapshot, SubjectKind};

/// An identity with its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Who.
    pub identity: Identity,
    /// The groups that hold for it, the implicit ones among them, sorted. For a group: itself.
    pub groups: Vec<Name>,
    /// Whether these are all: always for service accounts, groups and the anonymous user, for
    /// other users only where something says so.
    pub groups_known: bool,
}

impl Asker {
    /// An identity in these groups; the ones that the API server adds by itself are added.
    pub fn new(
        identity: Identity,
        groups: impl IntoIterator<Item = Name>,
        groups_known: bool,
    ) -> Self {
        if identity.kind == SubjectKind::Group {
            return Self { groups: vec![identity.name.clone()], groups_known: true, identity };
        }
        let mut all: Vec<Name> = groups.into_iter().collect();
        all.extend(identity.implicit_groups());
        all.sort();
        all.dedup();
        let fixed =
            identity.kind == SubjectKind::ServiceAccount || &*identity.name == Identity::ANONYMOUS;
        Self { groups: all, groups_known: groups_known || fixed, identity }
    }

    /// An identity in exactly these groups; a group is itself.
    pub fn in_groups(
        identity: Identity,
        groups: impl IntoIterator<Item = Name>,
        groups_known: bool,
    ) -> Self {
        if identity.kind == SubjectKind::Group {
            return Self::new(identity, [], groups_known);
        }
        let mut groups: Vec<Name> = groups.into_iter().collect();
        groups.sort();
        groups.dedup();
        Self { groups, ..Self::new(identity, [], groups_known) }
    }

    /// An identity of which nothing but itself is known.
    pub fn bare(identity: Identity) -> Self {
        Self::new(identity, [], false)
    }

    /// Whether the API server allows it everything ahead of RBAC.
    pub fn is_master(&self) -> bool {
        self.groups.iter().any(|group| &**group == Identity::SYSTEM_MASTERS)
    }
}

/// The identities that `who-can` looks through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    askers: Vec<Arc<Asker>>,
}

impl Roster {
    /// A roster of these; of an identity that is given twice, the last counts.
    pub fn new(askers: impl IntoIterator<Item = Asker>) -> Self {
        let by_identity: BTreeMap<Identity, Arc<Asker>> =
            askers.into_iter().map(|asker| (asker.identity.clone(), Arc::new(asker))).collect();
        Self { askers: by_identity.into_values().collect() }
    }

    /// Everybody that a snapshot's objects speak of: subjects of bindings, service accounts, the
    /// users of the group map, `system:masters` and the anonymous user.
    pub fn of(snapshot: &Snapshot, given: &GroupMap) -> Self {
        let mut identities: Vec<Identity> =
            vec![Identity::group(Identity::SYSTEM_MASTERS), Identity::user(Identity::ANONYMOUS)];
        for binding in snapshot.objects.bindings.values() {
            let namespace = binding.meta.namespace.as_ref();
            identities
                .extend(binding.subjects.iter().filter_map(|subject| subject.identity(namespace)));
        }
        identities.extend(
            snapshot
                .objects
                .service_accounts
                .keys()
                .map(|(ns, name)| Identity::service_account(ns.clone(), name.clone())),
        );
        identities.extend(given.keys().map(|user| Identity::from_user_name(user)));
        Self::new(identities.into_iter().map(|identity| {
            let groups = identity.user_name().and_then(|user| given.get(&user));
            let known = groups.is_some();
            Asker::new(identity, groups.into_iter().flatten().cloned(), known)
        }))
    }

    /// All of them, sorted by identity.
    pub fn askers(&self) -> &[Arc<Asker>] {
        &self.askers
    }

    /// One of them.
    pub fn find(&self, identity: &Identity) -> Option<&Arc<Asker>> {
        let at = self.askers.binary_search_by(|asker| asker.identity.cmp(identity)).ok()?;
        self.askers.get(at)
    }
}
