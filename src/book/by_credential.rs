//! Who is known by a credential, and by that alone perhaps.

use chrono::{DateTime, Utc};
use foldhash::{HashMap, HashSet};

use super::{Book, Membership, Tier};
use crate::credentials::{Beside, Carried, Sources, carried};
use crate::model::{Identity, Name};

/// What credentials say of whom they authenticate.
#[derive(Clone, Debug, Default)]
pub(super) struct ByCredential {
    of: HashMap<Identity, Vec<Carried>>,
    sources: HashMap<Identity, Sources>,
    /// When the first of them ends, UTC: it is no longer so then.
    until: Option<DateTime<Utc>>,
    /// Whether any of them gives something beside RBAC.
    is_any_beside: bool,
}

impl ByCredential {
    /// Of a Book that has its objects, its policy and its time.
    pub(super) fn new(book: &Book) -> Self {
        let (all, sources) = carried(book);
        let mut found = Self { sources, ..Self::default() };
        for one in all {
            let ends = one.ends.filter(|ends| *ends > book.now);
            found.is_any_beside |= one.beside.is_some();
            found.until = [found.until, ends].into_iter().flatten().min();
            found.of.entry(one.identity.clone()).or_default().push(one);
        }
        found
    }

    pub(super) fn of(&self, identity: &Identity) -> &[Carried] {
        self.of.get(identity).map_or(&[], Vec::as_slice)
    }

    pub(super) fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.of.keys()
    }

    /// Whether it is another by that time, though no object changed.
    pub(super) fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Of whom the other says something else.
    pub(super) fn changed(&self, other: &Self) -> HashSet<Identity> {
        let both = self.of.keys().chain(other.of.keys());
        let both = both.chain(self.sources.keys()).chain(other.sources.keys());
        let differ = |identity: &&Identity| {
            self.of(identity) != other.of(identity)
                || self.sources.get(identity) != other.sources.get(identity)
        };
        both.filter(differ).cloned().collect()
    }
}

impl Book {
    /// What credentials say of an identity that were found without the log.
    pub(crate) fn carried(&self, identity: &Identity) -> &[Carried] {
        self.by_credential.of(identity)
    }

    /// Where to look for its credentials; None where there are none but by its own name.
    pub(crate) fn sources(&self, identity: &Identity) -> Option<&Sources> {
        self.by_credential.sources.get(identity)
    }

    /// What the cloud gives an identity beside RBAC.
    pub(crate) fn beside(&self, identity: &Identity) -> impl Iterator<Item = &Beside> {
        self.carried(identity).iter().filter_map(|one| one.beside.as_ref())
    }

    /// The same of an identity and of the groups that it is in.
    pub(super) fn all_beside<'a>(
        &'a self,
        identity: &'a Identity,
        groups: &'a [Membership],
    ) -> impl Iterator<Item = &'a Beside> {
        let of_groups = groups.iter().filter(|_| self.by_credential.is_any_beside);
        let of_groups = of_groups.map(|group| Identity::group(group.name.clone()));
        self.beside(identity).chain(of_groups.flat_map(|group| {
            // A group is looked up by a name of its own: what is found outlives it.
            self.by_credential
                .of
                .get(&group)
                .into_iter()
                .flatten()
                .filter_map(|one| one.beside.as_ref())
        }))
    }

    /// How strong whoever is in a group is by that.
    pub(crate) fn tier_of_group(&self, name: &Name) -> Tier {
        if &**name == Identity::SYSTEM_MASTERS {
            return Tier::ClusterAdmin;
        }
        let own = self.own_of_group.get(name).into_iter().flat_map(|own| own.iter());
        let tiers = own.filter_map(|id| self.grant(*id)).map(|grant| self.tier_of(grant));
        let group = Identity::group(name.clone());
        let beside = self.beside(&group).filter(|one| one.sure).map(|one| one.tier);
        tiers.chain(beside).max().unwrap_or_default()
    }
}
