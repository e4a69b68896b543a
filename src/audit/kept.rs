//! What is kept of everything that clients and authenticators choose.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::assemble::Beside;
use super::covered::utc;
use super::hashing::{id, mix};
use super::newest::{Bounds, Newest};
use super::record::HOUR;
use super::who::{Dims, Groups, Values, Who};
use crate::model::{
    Asked, BoundTo, Call, CreditedGrant, Identity, Impersonation, Issued, Minted, Name,
};

/// How much is kept, of one identity and in all.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Identities, authenticated or impersonated.
    pub identities: usize,
    /// Groups that an identity authenticated with.
    pub groups_seen: Bounds,
    /// Sets of groups with which an identity's rights were used.
    pub group_sets: Bounds,
    /// Ways in which one impersonated another.
    pub impersonations: Bounds,
    /// Credentials that an identity presented, pods and others apart. A pipeline has one a job.
    pub credentials: Bounds,
    /// Agents and addresses of an identity, each.
    pub actors: Bounds,
    /// Calls of an identity without names and paths, allowed, denied and undecided ones apart.
    pub places: Bounds,
    /// Names or paths of one such call.
    pub names: Bounds,
    /// Grants credited to an identity.
    pub credits: Bounds,
    /// Tokens that one had made for another, and what was asked for each.
    pub issued: Bounds,
    /// The same of those that are good for longest.
    pub lasting: Bounds,
    /// The same of those that kubelets had made and of which it is not known that they are a pod's.
    pub by_nodes: Bounds,
    /// Tokens of an account that said which pod or node they end with.
    pub bound: Bounds,
}

/// A token that is good for long, as it was seen to be made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lasting {
    issued: Arc<Issued>,
    /// Microseconds since 1970, UTC.
    at: i64,
    asked: Asked,
}

/// From this time on a token is one that lasts, in microseconds: a day.
const LASTING: i64 = 24 * HOUR;

/// More identities than keybook is made for, and what they have one each of.
const MANY: usize = 100_000;

impl Default for Limits {
    fn default() -> Self {
        Self {
            identities: MANY,
            groups_seen: Bounds { each: 512, all: 2 * MANY },
            group_sets: Bounds { each: 32, all: MANY },
            impersonations: Bounds { each: 16, all: MANY / 4 },
            credentials: Bounds { each: 256, all: MANY },
            actors: Bounds { each: 64, all: MANY },
            places: Bounds { each: 1024, all: 2 * MANY },
            names: Bounds { each: 1024, all: MANY },
            credits: Bounds { each: 128, all: MANY },
            issued: Bounds { each: 256, all: MANY / 4 },
            lasting: Bounds { each: 64, all: MANY / 8 },
            by_nodes: Bounds { each: 16, all: MANY / 8 },
            bound: Bounds { each: 512, all: MANY / 4 },
        }
    }
}

/// The newest of everything, and which they are.
#[derive(Clone, Debug)]
pub struct Kept {
    pub identities: Newest<Identity>,
    pub groups_seen: Newest<Name>,
    pub group_sets: Newest<Groups>,
    pub impersonations: Newest<Arc<Impersonation>>,
    pub credentials: Newest<Name>,
    pub agents: Newest<Name>,
    pub addresses: Newest<Name>,
    pub places: Newest<Arc<Call>>,
    pub names: Newest<Name>,
    pub credits: Newest<Arc<CreditedGrant>>,
    pub issued: Newest<Arc<Issued>>,
    /// What was asked for each, where the log has bodies; told like `issued`.
    pub asked: Newest<Arc<Asked>>,
    /// Those that end last, however many were made since: by their end.
    pub lasting: Newest<Arc<Lasting>>,
    /// Tokens that kubelets had made. One that is used, and not as a pod's, is told.
    pub by_nodes: Newest<Arc<Issued>>,
    /// By account and token.
    pub bound: Newest<Arc<BoundTo>>,
}

/// The group of all identities.
const EVERYBODY: u64 = 0;

impl Kept {
    pub fn new(limits: &Limits) -> Self {
        let everybody = Bounds { each: limits.identities, all: limits.identities };
        Self {
            identities: Newest::new(everybody),
            groups_seen: Newest::new(limits.groups_seen),
            group_sets: Newest::new(limits.group_sets),
            impersonations: Newest::new(limits.impersonations),
            credentials: Newest::new(limits.credentials),
            agents: Newest::new(limits.actors),
            addresses: Newest::new(limits.actors),
            places: Newest::new(limits.places),
            names: Newest::new(limits.names),
            credits: Newest::new(limits.credits),
            issued: Newest::new(limits.issued),
            asked: Newest::new(limits.issued),
            lasting: Newest::new(limits.lasting),
            by_nodes: Newest::new(limits.by_nodes),
            bound: Newest::new(limits.bound),
        }
    }

    /// Notes that a request of these parts was seen, last at `last` (microseconds).
    pub fn offer(&mut self, dims: &Dims, values: &Values, last: i64) {
        let who = &values.who;
        self.offer_who(who, dims, last);
        let own = who.authenticated.id;
        if let Some(credential) = &values.credential {
            let group = if credential.starts_with("pod") { pods_of(own) } else { own };
            self.credentials.offer(group, dims.credential, last, || credential.clone());
        }
        for (table, value, payload) in [
            (&mut self.agents, dims.agent, &values.agent),
            (&mut self.addresses, dims.address, &values.address),
        ] {
            if let Some(payload) = payload {
                table.offer(own, value, last, || payload.clone());
            }
        }
        self.places.offer(places_of(dims), dims.place, last, || values.place.clone());
        if let Some(credit) = &values.credit {
            self.credits.offer(who.effective.id, dims.credit, last, || credit.clone());
        }
    }

    /// Notes that a token was made, at `at` (microseconds). Kubelets have one made for every pod every
    /// hour: of one that is a pod's the log says whose pod has it.
    pub fn offer_issued(&mut self, issued: Issued, asked: Option<Asked>, at: i64, is_node: bool) {
        let (group, value) = Self::place_of(&issued);
        let issued = Arc::new(issued);
        match asked {
            Some(asked) if is_node && asked.is_of_pod() => return,
            None if is_node => return self.by_nodes.offer(group, value, at, || issued),
            Some(asked) => {
                if let Some(end) = asked.end(at).filter(|end| end - at >= LASTING) {
                    let lasting = Lasting { issued: issued.clone(), at, asked: asked.clone() };
                    let sighting = id(&lasting);
                    self.lasting.offer(group, sighting, end, || Arc::new(lasting));
                }
                self.asked.offer(group, value, at, || Arc::new(asked));
            }
            None => {}
        }
        self.issued.offer(group, value, at, || issued);
    }

    fn place_of(issued: &Issued) -> (u64, u64) {
        let Issued { account, credential, by, as_who } = issued;
        (mix(&[id(account), id(by), id(as_who)]), id(credential))
    }

    /// The tokens that were made, each with what is known of it.
    pub fn minted(&self) -> impl Iterator<Item = (&Arc<Issued>, Minted)> {
        let newest = self.issued.iter().map(|(_, at, issued)| {
            let (group, token) = Self::place_of(issued);
            (issued, at, self.asked.get(group, token).map(|asked| &**asked))
        });
        let of_nodes = self.by_nodes.iter().filter(|(_, _, issued)| {
            self.credentials.get(id(&issued.account), id(&issued.credential)).is_some()
        });
        let of_nodes = of_nodes.map(|(_, at, issued)| (issued, at, None));
        // One that came several times is told by the last of them.
        let mut lasting: BTreeMap<&Arc<Issued>, &Lasting> = BTreeMap::new();
        for (_, _, one) in self.lasting.iter() {
            let (group, token) = Self::place_of(&one.issued);
            if self.issued.get(group, token).is_none() {
                let last = lasting.entry(&one.issued).or_insert(one);
                *last = (*last).max(one);
            }
        }
        let lasting = lasting.into_iter().map(|(issued, one)| (issued, one.at, Some(&one.asked)));
        newest.chain(of_nodes).chain(lasting).map(|(issued, at, asked)| {
            let used_by = self.bound.get(id(&issued.account), id(&issued.credential));
            let minted = Minted {
                at: utc(at),
                asked: asked.cloned(),
                used_by: used_by.map(|to| (**to).clone()),
            };
            (issued, minted)
        })
    }

    fn offer_who(&mut self, who: &Who, dims: &Dims, last: i64) {
        for side in [&who.authenticated, &who.effective] {
            self.identities.offer(EVERYBODY, side.id, last, || side.value.clone());
        }
        // Of who comes by another server that one authenticated somebody, perhaps somebody else.
        let own = if dims.came_directly() { &who.own_groups.value[..] } else { &[] };
        for group in own {
            self.groups_seen.offer(who.authenticated.id, id(group), last, || group.clone());
        }
        let groups = &who.groups;
        self.group_sets.offer(who.effective.id, groups.id, last, || groups.value.clone());
        if let Some(how) = &who.impersonation {
            self.impersonations.offer(dims.pair, how.id, last, || how.value.clone());
        }
    }

    /// What an activity has beside rows.
    pub fn beside(&self) -> Beside<'_> {
        let minted = self.minted().map(|(issued, minted)| (issued.clone(), minted));
        (&self.groups_seen, minted.collect())
    }

    /// Takes what another one has.
    pub fn absorb(&mut self, other: Self) {
        self.identities.absorb(other.identities);
        self.groups_seen.absorb(other.groups_seen);
        self.group_sets.absorb(other.group_sets);
        self.impersonations.absorb(other.impersonations);
        self.credentials.absorb(other.credentials);
        self.agents.absorb(other.agents);
        self.addresses.absorb(other.addresses);
        self.places.absorb(other.places);
        self.names.absorb(other.names);
        self.credits.absorb(other.credits);
        self.issued.absorb(other.issued);
        self.asked.absorb(other.asked);
        self.lasting.absorb(other.lasting);
        self.by_nodes.absorb(other.by_nodes);
        self.bound.absorb(other.bound);
        self.trim();
    }

    /// Drops all but what is kept.
    pub fn trim(&mut self) {
        self.identities.trim();
        self.groups_seen.trim();
        self.group_sets.trim();
        self.impersonations.trim();
        for names in [&mut self.credentials, &mut self.agents, &mut self.addresses, &mut self.names]
        {
            names.trim();
        }
        self.places.trim();
        self.credits.trim();
        self.issued.trim();
        self.asked.trim();
        self.lasting.trim();
        self.by_nodes.trim();
        self.bound.trim();
    }

    /// Whether all that was kept when this was asked last still is, and nothing is kept that was not
    /// then though it had been seen. What tokens end with, and which of them kubelets had made, is not
    /// asked: it changes no row. To be asked after [`Kept::trim`].
    pub fn was_steady(&mut self) -> bool {
        let all = [
            self.identities.was_steady(),
            self.groups_seen.was_steady(),
            self.group_sets.was_steady(),
            self.impersonations.was_steady(),
            self.credentials.was_steady(),
            self.agents.was_steady(),
            self.addresses.was_steady(),
            self.places.was_steady(),
            self.names.was_steady(),
            self.credits.was_steady(),
            self.issued.was_steady(),
            self.asked.was_steady(),
            self.lasting.was_steady(),
        ];
        all == [true; 13]
    }

    /// The kept credential of an identity, both by id.
    pub fn credential(&self, own: u64, credential: u64) -> Option<&Name> {
        let among = |group| self.credentials.get(group, credential);
        among(own).or_else(|| among(pods_of(own)))
    }

    /// The kept identity of this id.
    pub fn identity(&self, id: u64) -> Option<&Identity> {
        self.identities.get(EVERYBODY, id)
    }
}

/// The group of an identity's pods among its credentials: pods come and go, and push out no other
/// credential.
fn pods_of(own: u64) -> u64 {
    mix(&[own, 1])
}

/// The group of a request's place among those of the same two identities and the same answer.
pub fn places_of(dims: &Dims) -> u64 {
    mix(&[dims.pair, dims.kind()])
}

/// The group of a request's name among those of the same place.
pub fn names_of(dims: &Dims) -> u64 {
    mix(&[dims.pair, dims.kind(), dims.place])
}
