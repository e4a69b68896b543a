//! `who-can`: everybody who would be able to do something.

use std::sync::Arc;

use foldhash::fast::RandomState as Seed;
use hashbrown::HashMap;

use super::asker::{Asker, Roster};
use super::can::masters;
use super::completeness::{self, Missing};
use super::note::{self, Note};
use super::target::Question;
use super::ways::{Condition, Inquiry, Places, Way, practicable};
use crate::model::{Identity, ListKind, Name, Snapshot, SubjectKind};
use crate::rbac::Authorizer;

/// Somebody who can, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who, with the groups that were counted.
    pub asker: Arc<Asker>,
    /// Every way, cluster-wide ones first; never empty.
    pub ways: Vec<Way>,
}

/// The answer to `who-can`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhoCan {
    /// Everybody of the roster who can, sorted by identity.
    pub holders: Vec<Holder>,
    /// Users of the roster whose groups are not known and who are not among the holders: they may
    /// be by a group.
    pub undecided: Vec<Arc<Asker>>,
    /// What has to be said beside it.
    pub notes: Vec<Note>,
    /// Lists that the answer reads and that are not whole.
    pub missing: Vec<Missing>,
}

/// Everybody of `roster` who would be able to do what `question` asks: the same answer as
/// [`super::can`] gives for each of them.
pub fn who_can(
    authorizer: &Authorizer,
    snapshot: &Snapshot,
    roster: &Roster,
    question: &Question,
) -> WhoCan {
    let inquiry = Inquiry::new(question);
    let beside = inquiry.beside();
    let beside: Vec<BySubject> =
        beside.iter().flatten().map(|other| by_subject(authorizer, other)).collect();
    let by_subject = by_subject(authorizer, &inquiry);
    let possible = *inquiry.places() != Places::Nowhere;
    let mut holders = Vec::new();
    let mut undecided = Vec::new();
    for asker in roster.askers() {
        let mut ways = ways(asker, &by_subject, possible);
        if ways.iter().any(|way| way.condition == Some(Condition::Apply)) {
            let beside = beside.iter().flat_map(|other| self::ways(asker, other, possible));
            ways = practicable(ways, &beside.collect::<Vec<_>>());
        }
        if !ways.is_empty() {
            holders.push(Holder { asker: asker.clone(), ways });
        } else if possible && !asker.groups_known {
            undecided.push(asker.clone());
        }
    }
    let mut missing = completeness::of_inquiry(snapshot, &inquiry);
    if possible {
        // Which accounts there are is read only where a group of accounts can.
        let lists = [ListKind::ServiceAccounts];
        match by_subject.accounts() {
            Accounts::None => {}
            Accounts::Of(ns) => {
                missing.extend(completeness::missing(snapshot, &lists, Some(&ns)));
            }
            Accounts::All => missing.extend(completeness::missing(snapshot, &lists, None)),
        }
    }
    WhoCan { holders, undecided, notes: note::of_all(question), missing }
}

/// The ways that grants give, by who they name: users by user name, groups by name.
#[derive(Default)]
struct BySubject {
    users: HashMap<Name, Vec<Way>, Seed>,
    groups: HashMap<Name, Vec<Way>, Seed>,
}

/// Which service accounts are in a group that can.
enum Accounts {
    None,
    Of(Name),
    All,
}

impl BySubject {
    fn accounts(&self) -> Accounts {
        let mut accounts = Accounts::None;
        for group in self.groups.keys() {
            let of = match group.strip_prefix(Identity::ALL_SERVICE_ACCOUNTS) {
                Some("") => return Accounts::All,
                Some(rest) => rest.strip_prefix(':'),
                None if &**group == Identity::AUTHENTICATED => return Accounts::All,
                None => None,
            };
            accounts = match (accounts, of) {
                (accounts, None) => accounts,
                (Accounts::None, Some(ns)) => Accounts::Of(ns.into()),
                _ => Accounts::All,
            };
        }
        accounts
    }
}

fn by_subject(authorizer: &Authorizer, inquiry: &Inquiry<'_>) -> BySubject {
    let mut found = BySubject::default();
    for (slot, held) in authorizer.all() {
        let ways = inquiry.ways(slot, held);
        if !ways.is_empty() {
            let (map, name) = match held.identity.user_name() {
                Some(user) => (&mut found.users, user),
                None => (&mut found.groups, held.identity.name.clone()),
            };
            map.entry(name).or_default().extend(ways);
        }
    }
    found
}

fn ways(asker: &Asker, by_subject: &BySubject, possible: bool) -> Vec<Way> {
    let mut ways = Vec::new();
    if possible && asker.is_master() {
        ways.push(masters());
    }
    if asker.identity.kind != SubjectKind::Group
        && let Some(own) = asker.identity.user_name().and_then(|user| by_subject.users.get(&user))
    {
        ways.extend(own.iter().cloned());
    }
    for group in &asker.groups {
        ways.extend(by_subject.groups.get(group).into_iter().flatten().cloned());
    }
    ways.sort();
    ways
}
