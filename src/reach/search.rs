//! What one identity can become: a search outwards, fewest steps first.
//!
//! A step needs rights of one node, or of several: parts that anybody of those taken over brings
//! (a Secret made by one and read by another), and, once a step gave a role, rights that the role
//! adds to any of them in one request. The latter are looked at once a round is complete, so that a
//! step counts one more than the later of what it needs.

use std::borrow::Cow;

use foldhash::{HashSet, HashSetExt};

use super::ask::On;
use super::graph::{Graph, Node};
use super::join::{Brought, Parts};
use super::moves::{Edge, Hub, Moves, Part, Pose, To};
use super::rights::{Classes, Right, Said};
use super::step::Step;
use super::world::of;
use crate::book::Tier;

/// What a search leaves out, and where it ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terms {
    /// As if this grant were not there.
    pub(crate) without: Option<u32>,
    /// Whether steps are taken that are a model only.
    pub(crate) modelled: bool,
    /// Of the one who starts, what the API server itself installed is left out.
    pub(crate) added_only: bool,
}

/// Something that was taken over.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) node: Node,
    pub(crate) steps: u32,
    pub(crate) tier: Tier,
    /// Which step led there; None for the one who starts.
    pub(crate) by: Option<Link>,
}

impl Found {
    /// Whether it is a role that one who held it gave to the others.
    pub(crate) fn is_handed(&self) -> bool {
        self.by.as_ref().is_some_and(|by| by.step == Step::HandOver)
    }
}

/// A step that was made.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) step: Step,
    /// What it needed, by place in the search's order.
    pub(crate) from: Vec<u32>,
    pub(crate) used: Vec<Right>,
}

/// A finished search.
#[derive(Debug)]
pub(crate) struct Closure {
    pub(crate) found: Vec<Found>,
    /// Whether it ended early, at one who may do everything.
    pub(crate) ended: bool,
    /// Whether steps were left out because they are a model only.
    pub(crate) left_out: bool,
}

/// Somebody whose requests a given role could add to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joining {
    pub(super) at: u32,
    /// How many of the given rights were looked at.
    pub(super) done: usize,
    pub(super) classes: Classes,
}

pub(super) struct Search<'g, 'b> {
    pub(super) graph: &'g Graph<'b>,
    pub(super) terms: Terms,
    seen: HashSet<Node>,
    hubs: HashSet<Hub>,
    pub(super) found: Vec<Found>,
    pub(super) ended: bool,
    left_out: bool,
    /// What came up since the last round was complete, and what was tried before.
    pub(super) fresh: Vec<Brought>,
    pub(super) parts: Parts,
    /// Who can write bindings.
    pub(super) writers: Vec<Brought>,
    /// How many of those found were looked at as holders of roles that can be changed.
    pub(super) holders: usize,
    /// Rights that given roles add to every request.
    pub(super) given: Vec<Right>,
    /// What those say: one of each is enough.
    said: HashSet<Said>,
    /// Nodes to which they could add.
    pub(super) joining: Vec<Joining>,
}

/// Searches what somebody can become.
pub(crate) fn search(graph: &Graph<'_>, start: Node, terms: Terms) -> Closure {
    let mut search = Search {
        graph,
        terms,
        seen: HashSet::new(),
        hubs: HashSet::new(),
        found: Vec::new(),
        ended: false,
        left_out: false,
        fresh: Vec::new(),
        parts: Parts::new(),
        writers: Vec::new(),
        holders: 0,
        given: Vec::new(),
        said: HashSet::new(),
        joining: Vec::new(),
    };
    search.take(start, 0, None);
    // The start is never the end.
    search.ended = false;
    let (mut at, mut round) = (0, 0);
    while !search.ended {
        while let Some(found) = search.found.get(at).filter(|found| found.steps == round) {
            let node = found.node.clone();
            search.follow(u32::try_from(at).unwrap_or(u32::MAX), &node, round);
            at += 1;
            if search.ended {
                break;
            }
        }
        if !search.ended {
            search.join(round);
        }
        round += 1;
        if search.found.len() == at {
            break;
        }
    }
    Closure { found: search.found, ended: search.ended, left_out: search.left_out }
}

impl Search<'_, '_> {
    /// Takes over a node, unless it was before.
    fn take(&mut self, node: Node, steps: u32, by: Option<Link>) {
        if self.ended || self.seen.contains(&node) {
            return;
        }
        let tier = self.graph.tier(&node, self.terms.without);
        self.seen.insert(node.clone());
        self.found.push(Found { node, steps, tier, by });
        self.ended = tier == Tier::ClusterAdmin;
    }

    /// Makes the steps of a node.
    fn follow(&mut self, at: u32, node: &Node, round: u32) {
        if *node == Node::Everything {
            return;
        }
        let graph = self.graph;
        let without = self.terms.without.filter(|slot| graph.holds(node, *slot));
        let start = at == 0 && self.terms.added_only;
        let moves = match graph.shared(node).filter(|_| without.is_none() && !start) {
            Some(moves) => Cow::Borrowed(moves),
            None => Cow::Owned(graph.moves_of(node, without, start)),
        };
        for edge in &moves.edges {
            self.edge(edge, &[at], at, round);
            if self.ended {
                return;
            }
        }
        self.keep(at, node, &moves);
    }

    /// Remembers what may make a step together with something else.
    fn keep(&mut self, at: u32, node: &Node, moves: &Moves) {
        moves.parts.iter().for_each(|part| self.bring(at, part));
        // What holds within somebody's rules is not added to.
        if moves.classes.is_empty() || matches!(node, Node::Constrained(..)) {
            return;
        }
        self.joining.push(Joining { at, done: 0, classes: moves.classes });
        let Node::Given(_, place) = node else { return };
        let rights = self.graph.rights(node, None);
        // What allows everything in a place makes all steps there by itself, but for one: a group
        // is impersonated cluster-wide, and may go with an account of that place.
        let full = rights.is_full(*place);
        let adds = |right: &&Right| {
            if full { right.on == On::Accounts } else { !Classes::of(right).is_empty() }
        };
        let said = &mut self.said;
        let added = rights.iter().filter(adds).filter(|right| said.insert(right.says()));
        self.given.extend(added.map(|right| Right { from: at, ..right.clone() }));
    }

    /// Takes note of a part that somebody brings.
    pub(super) fn bring(&mut self, who: u32, part: &Part) {
        match part {
            Part::Bind { .. } => self.writers.push((who, part.clone())),
            _ => self.fresh.push((who, part.clone())),
        }
    }

    /// Whether all have a right by roles that were given.
    pub(super) fn is_said(&self, right: &Right) -> bool {
        self.said.contains(&right.says())
    }

    /// Whether a node was taken over.
    pub(super) fn has(&self, node: &Node) -> bool {
        self.seen.contains(node)
    }

    /// Takes over where a step leads. `acts`: who makes it.
    pub(super) fn edge(&mut self, edge: &Edge, from: &[u32], acts: u32, round: u32) {
        if edge.step.modelled().is_some() && !self.terms.modelled {
            self.left_out = true;
            return;
        }
        let link = || {
            let given = edge.used.iter().map(|right| right.from).filter(|at| *at != u32::MAX);
            let mut from: Vec<u32> = from.iter().copied().chain(given).collect();
            from.sort_unstable();
            from.dedup();
            Some(Link { step: edge.step, from, used: edge.used.clone() })
        };
        let steps = round + 1;
        match &edge.to {
            To::Hub(hub) => {
                if self.hubs.insert(*hub) {
                    for node in self.members(*hub) {
                        if !self.seen.contains(&node) {
                            self.take(node, steps, link());
                        }
                    }
                }
            }
            To::Constrained(pose, mode) => {
                let Some(by) = self.found.get(acts as usize).map(|found| found.node.clone()) else {
                    return;
                };
                let node = Node::Constrained(pose.clone(), *mode, Box::new(by));
                self.take(node, steps, link());
            }
            to => {
                let node = match to {
                    To::Identity(id) => Node::Identity(*id),
                    To::Posing(pose) => Node::Posing(pose.clone()),
                    To::Everything => Node::Everything,
                    To::Given(set, at) => Node::Given(*set, *at),
                    To::Anyone | To::Hub(_) | To::Constrained(..) => Node::Anyone,
                };
                if !self.seen.contains(&node) {
                    self.take(node, steps, link());
                }
            }
        }
    }

    fn members(&self, hub: Hub) -> Vec<Node> {
        let world = &self.graph.world;
        let posing = |id: u32| Node::Posing(Pose { who: Some(id), groups: Vec::new() });
        let each = |lists: &[Vec<u32>], at| -> Vec<u32> {
            world.within(at).flat_map(|ns| of(lists, ns).iter().copied()).collect()
        };
        match hub {
            Hub::Accounts(at) => {
                each(&world.accounts, at).into_iter().map(Node::Identity).collect()
            }
            Hub::Posed(at) => each(&world.known, at).into_iter().map(posing).collect(),
            Hub::Users => world.users.iter().copied().map(posing).collect(),
            Hub::Tokens(at) => world
                .within(at)
                .flat_map(|ns| of(&world.tokens, ns))
                .map(|(_, account)| Node::Identity(*account))
                .collect(),
            Hub::Pods(at) => world
                .within(at)
                .flat_map(|ns| of(&world.pods, ns))
                .map(|pod| Node::Identity(pod.account))
                .collect(),
            Hub::Node(Some(node)) => {
                of(&world.on_node, node).iter().copied().map(Node::Identity).collect()
            }
            Hub::Node(None) => {
                world.on_node.iter().flatten().copied().map(Node::Identity).collect()
            }
        }
    }
}
