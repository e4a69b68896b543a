//! Requests in somebody's name, within the rules of several: who impersonates asks for that by one of
//! its roles, and for the request itself (`impersonate-on:MODE:VERB`) by the same or another. Roles
//! that steps gave are as good for either as its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::HashSet;

use super::ask::{Mode, On, Verb};
use super::graph::{By, Node};
use super::moves::{Edge, Pose, RoleSet, To};
use super::rights::Right;
use super::search::Search;
use super::step::Step;
use super::world::Where;

/// The sorts that ask besides for the request itself, of those who are no nodes.
const MODES: [Mode; 2] = [Mode::OnUser, Mode::OnAccount];

/// As whom somebody may make requests, whatever of them its rules let through.
#[derive(Clone, Debug)]
struct Posed {
    pose: Pose,
    mode: Mode,
    used: Vec<Right>,
    acts: u32,
}

/// Roles and where they are held; None: everything.
type Set = Vec<(Option<u32>, Where)>;

/// Roles that were given, with the place of what gave them.
type Lent = (RoleSet, Where, u32);

/// What a search knows of who lets requests be made in whose name.
#[derive(Debug, Default)]
pub(super) struct Lending {
    posed: Vec<Posed>,
    noted: HashSet<(Pose, Mode, u32)>,
    /// How many of those who are there were looked at.
    looked_at: usize,
    /// By sort: roles that were given and let something be done so, and those who hold such roles.
    given: [Vec<Lent>; 2],
    holders: [Vec<u32>; 2],
    /// By sort: what those hold who can impersonate somebody so who was not taken over otherwise, and
    /// what those hold who let something be done so; each set once.
    posers: [Vec<Set>; 2],
    letters: [Vec<Set>; 2],
    /// What there was when it was looked at last.
    lent: [usize; 2],
}

impl Lending {
    /// Takes note of somebody who can be impersonated within rules.
    pub(super) fn note(&mut self, pose: &Pose, mode: Mode, used: &[Right], acts: u32) {
        // Who only authenticated may nothing that not everybody may.
        let is_nobody = pose.who.is_none() && pose.groups.is_empty();
        if !is_nobody && self.noted.insert((pose.clone(), mode, acts)) {
            self.posed.push(Posed { pose: pose.clone(), mode, used: used.to_vec(), acts });
        }
    }
}

fn number(mode: Mode) -> usize {
    MODES.iter().position(|have| *have == mode).unwrap_or_default()
}

impl Search<'_, '_> {
    /// Takes note of those found whose roles let something be done in the name of others.
    pub(super) fn take_lenders(&mut self) {
        if self.lending.posed.is_empty() {
            return;
        }
        for at in self.lending.looked_at..self.order.len() {
            let Some(at) = self.order.get(at).copied() else { break };
            let Some(found) = self.found.get(at as usize) else { continue };
            let own = match &found.node {
                Node::Identity(_) | Node::Stranger(_) => None,
                Node::Given(set, place) => Some((*set, *place)),
                // Nobody impersonates in another's name. A certificate says that one is whoever it is.
                Node::Posing(_) | Node::Constrained(..) | Node::Anyone | Node::Everything => {
                    continue;
                }
            };
            let mut lets = [false; 2];
            for holding in self.graph.holdings(&found.node, self.terms.without) {
                let role = holding.role.map(|role| self.graph.world.role_facts(role));
                let of = role.map_or([true; 2], |role| role.map_or([false; 2], |role| role.lets));
                lets = [lets[0] | of[0], lets[1] | of[1]];
            }
            let set = self.set_of(at);
            let lists = self.lending.given.iter_mut().zip(&mut self.lending.holders);
            let lists = lists.zip(&mut self.lending.letters).zip(lets);
            for (((given, holders), letters), _) in lists.filter(|(_, lets)| *lets) {
                match own {
                    Some((set, place)) => given.push((set, place, at)),
                    None => holders.push(at),
                }
                if !letters.contains(&set) {
                    letters.push(set.clone());
                }
            }
        }
        self.lending.looked_at = self.order.len();
        self.lending.posers = MODES.map(|mode| {
            let posed = self.lending.posed.iter().filter(|posed| posed.mode == mode);
            let who: BTreeSet<u32> =
                posed.filter(|posed| !self.is_had(&posed.pose)).map(|posed| posed.acts).collect();
            let sets: BTreeSet<Set> = who.into_iter().map(|at| self.set_of(at)).collect();
            sets.into_iter().collect()
        });
    }

    fn set_of(&self, at: u32) -> Set {
        let Some(found) = self.found.get(at as usize) else { return Set::new() };
        let holdings = self.graph.holdings(&found.node, self.terms.without);
        let mut set: Set = holdings.iter().map(|holding| (holding.role, holding.at)).collect();
        set.sort_unstable();
        set.dedup();
        set
    }

    /// Whether a role that one holds and another does not is what is missing for a request in
    /// somebody's name.
    pub(super) fn is_lent(&self, role: u32, at: Where) -> bool {
        let Lending { posers, letters, .. } = &self.lending;
        let Some(facts) =
            self.graph.world.role_facts(role).filter(|_| posers.iter().any(|of| !of.is_empty()))
        else {
            return false;
        };
        let asks = [
            On::InfoUsers.bit(Verb::UserInfo) | On::InfoGroups.bit(Verb::UserInfo),
            On::InfoAccounts.bit(Verb::ServiceAccount),
        ];
        let lack = |sets: &[Set]| {
            let has = |(have, there): &(Option<u32>, Where)| {
                have.is_none_or(|have| have == role) && there.meet(at) == Some(at)
            };
            sets.iter().any(|set| !set.iter().any(has))
        };
        let sorts = posers.iter().zip(letters).zip(asks).zip(facts.lets);
        let mut sorts = sorts.filter(|(((posers, _), _), _)| !posers.is_empty());
        sorts.any(|(((posers, letters), asks), lets)| {
            (lets && lack(posers)) || (facts.asks & asks != 0 && lack(letters))
        })
    }

    /// Whether all that somebody may is had otherwise: with a credential of its own, or in its name
    /// without rules.
    fn is_had(&self, pose: &Pose) -> bool {
        let own = pose.who.filter(|_| pose.groups.is_empty());
        own.is_some_and(|id| self.has(&Node::Identity(id)))
            || self.has(&Node::Posing(pose.clone()))
            || self.has(&Node::Anyone)
    }

    /// Those who can be impersonated, within the rules of all who were taken over: each with every one
    /// of the roles that were given, then with all of them.
    pub(super) fn lend(&mut self) {
        let now = [self.lending.posed.len(), self.lending.looked_at];
        if self.ended || self.lending.lent == now {
            return;
        }
        self.lending.lent = now;
        for posed in self.lending.posed.clone() {
            if self.is_had(&posed.pose) {
                continue;
            }
            let Some(acts) = self.found.get(posed.acts as usize).map(|found| found.node.clone())
            else {
                continue;
            };
            let at = number(posed.mode);
            let given = self.lending.given.get(at).cloned().unwrap_or_default();
            let mut who = vec![(acts.clone(), posed.acts)];
            match acts {
                // All have what was given; what is impersonated impersonates nobody.
                Node::Given(..) => {
                    let holders = self.lending.holders.get(at).cloned().unwrap_or_default();
                    let node = |at: u32| Some((self.found.get(at as usize)?.node.clone(), at));
                    who.extend(holders.into_iter().filter_map(node));
                }
                Node::Identity(_) | Node::Stranger(_) => {}
                _ => continue,
            }
            for (node, place) in who {
                if place != posed.acts {
                    self.pose_by(&posed, (&node, place), &[]);
                }
                let is_own = |(set, at, _): &&Lent| node == Node::Given(*set, *at);
                for one in given.iter().filter(|one| !is_own(one)) {
                    self.pose_by(&posed, (&node, place), std::slice::from_ref(one));
                }
                if given.len() > 1 {
                    self.pose_by(&posed, (&node, place), &given);
                }
                if self.ended {
                    return;
                }
            }
        }
    }

    /// A request within the rules of somebody and of roles that it was given.
    fn pose_by(&mut self, posed: &Posed, (node, place): (&Node, u32), given: &[Lent]) {
        let roles: Arc<[(RoleSet, Where)]> = given.iter().map(|(set, at, _)| (*set, *at)).collect();
        let by = By { node: node.clone(), given: roles };
        let edge = Edge::new(
            To::Constrained(posed.pose.clone(), posed.mode),
            Step::ConstrainedImpersonate,
            posed.used.clone(),
        );
        let given = given.iter().map(|(_, _, at)| *at);
        let from: Vec<u32> = [posed.acts, place].into_iter().chain(given).collect();
        let node = Node::Constrained(posed.pose.clone(), posed.mode, Box::new(by));
        self.reach(node, &edge, &from);
    }
}
