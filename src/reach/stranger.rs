//! Whom nothing names, and who holds what groups are granted all the same: accounts that are made in
//! a namespace, and whoever leaves its credential out.

use super::ask::{Names, On};
use super::graph::{Graph, Node};
use super::moves::To;
use super::rights::Right;
use super::world::{Where, World, of};
use crate::book::{Book, Grant, GrantId};
use crate::model::{Identity, ListKind, Name};

/// What an account is called whose name no rule gives.
const ANY_NAME: &str = "new";

/// Whom nothing names, with a credential of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Stranger {
    /// An account that is made in a namespace, by its number.
    Account(u32),
    /// Whoever leaves its credential out.
    Anonymous,
}

impl World {
    /// Finds where groups are granted something that whoever is in them has without a name.
    pub(super) fn add_strangers(&mut self, book: &Book) {
        let namespaces = &book.snapshot.objects.namespaces;
        let every = gives(book, &Identity::group(Identity::ALL_SERVICE_ACCOUNTS), |_| true);
        self.welcomes = self
            .namespaces
            .iter()
            .zip(&self.closed)
            .map(|(ns, closed)| {
                let group = format!("{}:{ns}", Identity::ALL_SERVICE_ACCOUNTS);
                !closed
                    && namespaces.contains_key(ns)
                    && book.snapshot.tells_of(ListKind::ServiceAccounts, ns)
                    && (every || gives(book, &Identity::group(group), |_| true))
            })
            .collect();
        let anonymous = Identity::user(Identity::ANONYMOUS);
        let group = Identity::group(Identity::UNAUTHENTICATED);
        let more = |grant: &Grant| !is_cluster_info(grant);
        if gives(book, &anonymous, more) || gives(book, &group, more) {
            self.anonymous = Some(match self.user(Identity::ANONYMOUS) {
                Some(id) => To::Identity(id),
                None => To::Stranger(Stranger::Anonymous),
            });
        }
    }

    /// The groups of one whom nothing names, as far as grants name them.
    pub(super) fn groups_of(&self, who: Stranger) -> Vec<u32> {
        let groups = match who {
            Stranger::Account(ns) => {
                let Some(ns) = self.namespace(ns) else { return Vec::new() };
                Identity::service_account(ns.clone(), ANY_NAME).implicit_groups()
            }
            Stranger::Anonymous => Identity::user(Identity::ANONYMOUS).implicit_groups(),
        };
        groups.iter().filter_map(|group| self.group(group)).collect()
    }

    /// Accounts that could be made in a place and hold what their groups do.
    pub(super) fn strangers(&self, at: Where) -> impl Iterator<Item = Stranger> + '_ {
        let welcome = |ns: &u32| self.welcomes.get(*ns as usize) == Some(&true);
        self.within(at).filter(welcome).map(Stranger::Account)
    }

    /// Whether one of the names is no account's there, so that one is made.
    pub(super) fn is_new_account(&self, ns: u32, names: &Names) -> bool {
        names.as_ref().is_none_or(|names| names.iter().any(|name| self.is_free(ns, name)))
    }

    fn is_free(&self, ns: u32, name: &Name) -> bool {
        let there = of(&self.accounts, ns).iter().chain(of(&self.going, ns));
        !name.is_empty() && !there.copied().any(|id| self.is_named(id, std::slice::from_ref(name)))
    }

    /// Who one is whom nothing names, by the rights that made it.
    pub(super) fn identity_of(&self, who: Stranger, used: &[Right]) -> Identity {
        let Stranger::Account(ns) = who else { return Identity::user(Identity::ANONYMOUS) };
        let of_accounts = used.iter().filter(|right| matches!(right.on, On::Accounts | On::Token));
        let given: Vec<&[Name]> = of_accounts.filter_map(|right| right.names.as_deref()).collect();
        let fits =
            |name: &&Name| self.is_free(ns, name) && given.iter().all(|names| names.contains(name));
        let name = given.first().and_then(|names| names.iter().find(fits));
        let name = name.cloned().unwrap_or_else(|| ANY_NAME.into());
        Identity::service_account(self.namespace(ns).cloned().unwrap_or_default(), name)
    }
}

impl Graph<'_> {
    /// Whether one whom nothing names holds something by its groups but for some grants: what gives it to
    /// whoever it is, as [`World::add_strangers`] finds it.
    pub(super) fn welcomes_without(&self, who: Stranger, without: &[u32]) -> bool {
        let counts = |grant: &Grant| {
            let anybody = &*grant.key.subject.name == Identity::AUTHENTICATED;
            !grant.bootstrap && !anybody && (who != Stranger::Anonymous || !is_cluster_info(grant))
        };
        let slots = self.slots(&Node::Stranger(who)).into_iter();
        let slots = slots.filter(|slot| !without.contains(slot));
        slots.filter_map(|slot| self.book.grant(GrantId(slot))).any(|grant| counts(grant))
    }
}

/// Whether a subject is granted anything that counts, beside what the API server installs.
fn gives(book: &Book, subject: &Identity, counts: impl Fn(&Grant) -> bool) -> bool {
    let grants = book.find(subject).map_or(&[][..], |entry| &entry.grants);
    grants
        .iter()
        .filter_map(|id| book.grant(*id))
        .any(|grant| !grant.bootstrap && grant.key.subject == *subject && counts(grant))
}

/// kubeadm lets everybody read how to join (`cmd/kubeadm/app/phases/bootstraptoken/clusterinfo`):
/// nobody is more by that.
fn is_cluster_info(grant: &Grant) -> bool {
    let rules = grant.role.iter().flat_map(|role| &role.rules);
    grant.key.namespace.as_deref() == Some("kube-public")
        && rules.into_iter().all(|rule| {
            rule.verbs.iter().all(|verb| &**verb == "get")
                && rule.resource_names.iter().any(|name| &**name == "cluster-info")
                && rule.resource_names.len() == 1
        })
}
