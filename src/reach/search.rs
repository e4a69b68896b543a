//! What one identity can become: a search outwards, fewest steps first.
//!
//! A step needs rights of one node, or of several: parts that anybody of those taken over brings
//! (a Secret made by one and read by another), and, once a step gave a role, rights that the role
//! adds to any of them in one request. Parts are looked at once a round is complete, so that a step
//! counts one more than the later of what it needs. What given roles add to the requests of others
//! is looked at where all else leads no further: it is what costs, and the longer way to explain.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use super::ask::Verb;
use super::bounds::Bound;
use super::graph::{By, Graph, Holding, Node};
use super::hand::Hands;
use super::join::{Brought, Parts};
use super::lend::Lending;
use super::moves::{Edge, Hub, Moves, Object, Part, Pose, To};
use super::rights::{Classes, Joins, Right, Said};
use super::step::Step;
use super::world::{Where, World, of};
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

/// Where a search ends early.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends<'l> {
    /// At the first that is this strong.
    pub(crate) goal: Tier,
    /// Given up once more than so many were taken over: there may be more yet.
    pub(crate) most: usize,
    /// What cannot lead there within so many steps is left out, and what given roles add to requests
    /// is not looked at.
    pub(crate) bound: Option<Bound<'l>>,
}

impl Default for Ends<'_> {
    fn default() -> Self {
        Self { goal: Tier::ClusterAdmin, most: usize::MAX, bound: None }
    }
}

/// Something that was taken over.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) node: Node,
    pub(crate) steps: u32,
    pub(crate) tier: Tier,
    /// Which step led there; None for the one who starts.
    pub(crate) by: Option<Link>,
    /// Whether something was deleted on the way there.
    pub(crate) deleted: bool,
}

/// A step that was made.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) step: Step,
    /// What it needed, by place in the search's order.
    pub(crate) from: Vec<u32>,
    pub(crate) used: Vec<Right>,
    /// Roles that have to be held besides.
    pub(crate) held: Vec<Holding>,
    /// What was deleted first.
    pub(crate) deletes: Option<Object>,
    /// Of those whom it needed, who only deleted that: it does not matter whether they are still
    /// there afterwards.
    pub(crate) only_deletes: Vec<u32>,
}

/// A finished search.
#[derive(Debug)]
pub(crate) struct Closure {
    pub(crate) found: Vec<Found>,
    /// Whether it ended early, at one who is as strong as was asked for: who may do everything.
    pub(crate) ended: bool,
    /// Whether somebody was left out who could not lead there in time.
    pub(crate) pruned: bool,
    /// Whether steps were left out because they are a model only, and lead to somebody else.
    pub(crate) left_out: bool,
}

/// Somebody whose requests a given role could add to.
#[derive(Clone, Debug)]
pub(super) struct Joining {
    pub(super) at: u32,
    /// How many of the given rights were looked at.
    pub(super) done: usize,
    pub(super) joins: Arc<Joins>,
}

/// Rights of one place that given roles add to every request.
#[derive(Clone, Debug, Default)]
pub(super) struct Pooled {
    pub(super) rights: Vec<Right>,
    pub(super) classes: Classes,
    /// Whether everything is allowed there.
    pub(super) full: bool,
    /// The roles that were given there, None for everything, and by which of those found.
    pub(super) roles: Vec<(Option<u32>, u32)>,
}

pub(super) struct Search<'g, 'b> {
    pub(super) graph: &'g Graph<'b>,
    pub(super) terms: Terms,
    ends: Ends<'g>,
    pruned: bool,
    /// Whether somebody was found who holds a `ClusterRole` cluster-wide, where that is asked.
    held: bool,
    seen: HashSet<Node>,
    hubs: HashSet<Hub>,
    /// Of which places somebody could take over the accounts that are not there.
    pub(super) waits: HashSet<Hub>,
    pub(super) found: Vec<Found>,
    pub(super) ended: bool,
    /// To how many of those found anything was deleted on the way.
    deletes: usize,
    /// Where steps lead that were left out because they are a model only.
    left: HashSet<To>,
    /// What came up since the last round was complete, and what was tried before.
    pub(super) fresh: VecDeque<Brought>,
    pub(super) parts: Parts,
    /// What can be deleted.
    pub(super) cleared: Parts,
    /// Who can write bindings.
    pub(super) writers: Vec<Brought>,
    /// What there was when roles that can be changed were bound last: writers, parts, and
    /// what can be deleted.
    pub(super) bound_changed: [usize; 3],
    /// How many of those found were looked at as holders of roles that can be changed.
    pub(super) holders: usize,
    /// What given roles add to every request: where, in order, and what, by place.
    pub(super) given: Vec<(Where, Classes)>,
    pub(super) pool: HashMap<Where, Pooled>,
    /// What those say: one of each is enough.
    said: HashSet<Said>,
    /// Nodes to which they could add.
    pub(super) joining: Vec<Joining>,
    /// Which of those that say the same are there: impersonated ones or not.
    joined: HashSet<(bool, u64)>,
    pub(super) hands: Hands,
    pub(super) lending: Lending,
}

/// Searches what somebody can become, or several together.
pub(crate) fn search(graph: &Graph<'_>, starts: &[Node], terms: Terms, ends: Ends<'_>) -> Closure {
    let mut search = Search {
        graph,
        terms,
        ends,
        pruned: false,
        held: false,
        seen: HashSet::new(),
        hubs: HashSet::new(),
        waits: HashSet::new(),
        found: Vec::new(),
        ended: false,
        deletes: 0,
        left: HashSet::new(),
        fresh: VecDeque::new(),
        parts: Parts::new(),
        cleared: Parts::new(),
        writers: Vec::new(),
        bound_changed: [0; 3],
        holders: 0,
        given: Vec::new(),
        pool: HashMap::new(),
        said: HashSet::new(),
        joining: Vec::new(),
        joined: HashSet::new(),
        hands: Hands::default(),
        lending: Lending::default(),
    };
    for start in starts {
        search.take(start.clone(), None);
        // A start is never the end.
        search.ended = false;
    }
    let mut at = 0;
    while !search.ended {
        let Some(round) = search.found.get(at).map(|found| found.steps) else { break };
        while let Some(found) = search.found.get(at).filter(|found| found.steps == round) {
            let node = found.node.clone();
            search.follow(u32::try_from(at).unwrap_or(u32::MAX), &node);
            at += 1;
            if search.ended {
                break;
            }
        }
        search.join(at, false);
        if search.found.len() == at && ends.bound.is_none() {
            search.join(at, true);
        }
    }
    let given_up = search.found.len() > ends.most;
    let pruned = search.pruned;
    let left_out = !given_up && !pruned && search.left.iter().any(|to| search.is_news(to));
    let ended = search.ended && !given_up;
    Closure { found: search.found, ended, pruned, left_out }
}

impl Search<'_, '_> {
    /// Takes over a node, unless it was before.
    fn take(&mut self, node: Node, by: Option<Link>) {
        if self.ended || self.seen.contains(&node) {
            return;
        }
        let from = by.iter().flat_map(|by| by.from.iter().copied());
        let steps = self.steps_after(from);
        if let Some(bound) = self.ends.bound {
            if by.is_some() && !bound.lets_node(&node, steps, self.held) {
                self.pruned = true;
                return;
            }
            self.held = self.held || bound.is_holder(&node);
        }
        let tier = self.graph.tier(&node, self.terms.without);
        self.seen.insert(node.clone());
        let from = by.iter().flat_map(|by| &by.from);
        let deleted = by.as_ref().is_some_and(|by| by.deletes.is_some())
            || from.filter_map(|at| self.found.get(*at as usize)).any(|before| before.deleted);
        self.deletes += usize::from(deleted);
        self.found.push(Found { node, steps, tier, by, deleted });
        self.ended = tier >= self.ends.goal || self.found.len() > self.ends.most;
    }

    /// How many steps what comes of those takes.
    fn steps_after(&self, from: impl Iterator<Item = u32>) -> u32 {
        let before = |at: u32| self.found.get(at as usize).map(|found| found.steps + 1);
        from.filter_map(before).max().unwrap_or_default()
    }

    /// Makes the steps of a node.
    fn follow(&mut self, at: u32, node: &Node) {
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
            self.edge(edge, &[at], at);
            if self.ended {
                return;
            }
        }
        self.keep(at, node, &moves);
    }

    /// Remembers what may make a step together with something else.
    fn keep(&mut self, at: u32, node: &Node, moves: &Moves) {
        moves.parts.iter().for_each(|part| self.bring(at, part));
        if let Node::Given(_, place) = node {
            self.pool(at, node, *place);
        }
        // What holds within somebody's rules is not added to; what says the same joins alike.
        if moves.joins.is_empty() || matches!(node, Node::Constrained(..)) {
            return;
        }
        let posing = matches!(node, Node::Posing(_));
        if moves.joins.key.is_none_or(|key| self.joined.insert((posing, key))) {
            self.joining.push(Joining { at, done: 0, joins: moves.joins.clone() });
        }
    }

    /// Adds what a given role allows to every request.
    fn pool(&mut self, at: u32, node: &Node, place: Where) {
        let rights = self.graph.rights(node, None);
        // What allows everything in a place makes all steps there by itself, but for one: a group
        // is impersonated cluster-wide, and may go with an account of that place.
        let full = rights.is_full(place);
        let adds = |right: &&Right| {
            if full { right.verb == Verb::Impersonate } else { !Classes::of(right).is_empty() }
        };
        let roles = self.graph.holdings(node, None).into_iter().map(|held| (held.role, at));
        let pooled = self.pool.entry(place).or_default();
        pooled.full |= full;
        pooled.roles.extend(roles);
        for right in rights.iter().filter(adds) {
            if self.said.insert(right.says()) {
                let classes = Classes::of(right);
                self.given.push((right.at, classes));
                let pooled = self.pool.entry(right.at).or_default();
                pooled.classes = pooled.classes.and(classes);
                pooled.rights.push(Right { from: at, ..right.clone() });
            }
        }
    }

    /// Takes note of a part that somebody brings.
    pub(super) fn bring(&mut self, who: u32, part: &Part) {
        match part {
            Part::Bind { .. } => self.writers.push((who, part.clone())),
            _ => self.fresh.push_back((who, part.clone())),
        }
    }

    /// Whether all have a right by roles that were given.
    pub(super) fn is_said(&self, right: &Right) -> bool {
        let wider = [right.at, Where::Each, Where::Cluster].into_iter();
        let wider = wider.filter(|at| at.meet(right.at) == Some(right.at));
        let mut said = wider.flat_map(|at| [(at, right.names.clone()), (at, None)]);
        said.any(|(at, names)| self.said.contains(&(right.on, right.verb, at, names)))
    }

    /// Whether a node was taken over.
    pub(super) fn has(&self, node: &Node) -> bool {
        self.seen.contains(node)
    }

    /// Takes over where a step leads. `acts`: who makes it.
    pub(super) fn edge(&mut self, edge: &Edge, from: &[u32], acts: u32) {
        if edge.step.modelled().is_some() && !self.terms.modelled {
            if !self.left.contains(&edge.to) {
                self.left.insert(edge.to.clone());
            }
            return;
        }
        match &edge.to {
            To::Hub(hub) => {
                self.waits_for_accounts(*hub, edge, from);
                if let Some(bound) = self.ends.bound
                    && !bound.lets_hub(*hub, self.steps_after(from.iter().copied()), self.held)
                {
                    self.pruned = true;
                    return;
                }
                if self.hubs.contains(hub) {
                    return;
                }
                let Some(link) = self.link(edge, from) else { return };
                self.hubs.insert(*hub);
                for node in members(&self.graph.world, *hub) {
                    if !self.seen.contains(&node) {
                        self.take(node, Some(link.clone()));
                    }
                }
            }
            To::Constrained(pose, mode) => {
                let Some(by) = self.found.get(acts as usize).map(|found| found.node.clone()) else {
                    return;
                };
                if self.ends.bound.is_none() {
                    self.lending.note(pose, *mode, &edge.used, acts);
                }
                let node = Node::Constrained(pose.clone(), *mode, Box::new(By::alone(by)));
                self.reach(node, edge, from);
            }
            to => {
                let node = match to {
                    To::Identity(id) => Node::Identity(*id),
                    To::Stranger(who) => Node::Stranger(*who),
                    To::Posing(pose) => Node::Posing(pose.clone()),
                    To::Everything => Node::Everything,
                    To::Given(set, at) => Node::Given(*set, *at),
                    To::Anyone | To::Hub(_) | To::Constrained(..) => Node::Anyone,
                };
                self.reach(node, edge, from);
            }
        }
    }

    pub(super) fn reach(&mut self, node: Node, edge: &Edge, from: &[u32]) {
        if self.seen.contains(&node) {
            return;
        }
        if let Some(link) = self.link(edge, from) {
            self.take(node, Some(link));
        }
    }

    /// How a step is remembered; None where it cannot be made after what was deleted on the way.
    fn link(&self, edge: &Edge, from: &[u32]) -> Option<Link> {
        let acts = from;
        let given = |right: &Right| Some(right.from).filter(|at| *at != u32::MAX);
        let mut from: Vec<u32> =
            acts.iter().copied().chain(edge.used.iter().filter_map(given)).collect();
        from.sort_unstable();
        from.dedup();
        let mut only_deletes = Vec::new();
        if edge.deletes.is_some() {
            let makes = edge.used.iter().filter(|right| !right.verb.deletes()).filter_map(given);
            let acts = acts.iter().copied().filter(|at| Some(*at) != edge.deleter);
            let stay: Vec<u32> = acts.chain(makes).collect();
            only_deletes.extend(from.iter().copied().filter(|at| !stay.contains(at)));
        }
        let (step, used, held) = (edge.step, edge.used.clone(), edge.held.clone());
        let link = Link { step, from, used, held, deletes: edge.deletes.clone(), only_deletes };
        // Most delete nothing.
        ((self.deletes == 0 && edge.deletes.is_none()) || self.is_left(&link)).then_some(link)
    }

    /// Whether a step that is a model only would lead to somebody who was not taken over.
    fn is_news(&self, to: &To) -> bool {
        match to {
            To::Hub(hub) => {
                !self.hubs.contains(hub)
                    && members(&self.graph.world, *hub).iter().any(|node| !self.seen.contains(node))
            }
            To::Given(set, at) => !self.seen.contains(&Node::Given(*set, *at)),
            To::Identity(id) => !self.seen.contains(&Node::Identity(*id)),
            To::Stranger(who) => !self.seen.contains(&Node::Stranger(*who)),
            To::Everything => !self.seen.contains(&Node::Everything),
            _ => true,
        }
    }
}

/// Those who are taken over alike.
pub(crate) fn members(world: &World, hub: Hub) -> Vec<Node> {
    let posing = |id: u32| Node::Posing(Pose { who: Some(id), groups: Arc::default() });
    let each = |lists: &[Vec<u32>], at| -> Vec<u32> {
        world.within(at).flat_map(|ns| of(lists, ns).iter().copied()).collect()
    };
    match hub {
        // A token or a pod is made for them.
        Hub::Accounts(at @ Where::In(_)) => {
            each(&world.accounts, at).into_iter().map(Node::Identity).collect()
        }
        Hub::Accounts(at) => {
            let accounts = world.open_within(at).flat_map(|ns| of(&world.accounts, ns));
            accounts.copied().map(Node::Identity).collect()
        }
        Hub::Missing(at) => {
            let strangers = world.strangers(at).map(Node::Stranger);
            let known = each(&world.missing, at).into_iter().map(Node::Identity);
            known.chain(strangers).collect()
        }
        Hub::Posed(at) => each(&world.known, at).into_iter().map(posing).collect(),
        Hub::Users => world.users.iter().copied().map(posing).collect(),
        Hub::Tokens(at) => world
            .within(at)
            .flat_map(|ns| of(&world.tokens, ns))
            .map(|(_, account)| Node::Identity(*account))
            .collect(),
        Hub::Pods(door, at) => world
            .within(at)
            .flat_map(|ns| of(&world.pods, ns))
            .filter(|pod| pod.opens(door))
            .map(|pod| Node::Identity(pod.account))
            .collect(),
        Hub::Held(at) => world
            .within(at)
            .flat_map(|ns| of(&world.pods, ns))
            .filter(|pod| pod.held)
            .map(|pod| Node::Identity(pod.account))
            .collect(),
        Hub::PodSecrets(at) => world
            .within(at)
            .filter(|ns| !of(&world.addable, *ns).is_empty())
            .flat_map(|ns| of(&world.tokens, ns))
            .map(|(_, account)| Node::Identity(*account))
            .collect(),
        Hub::Node(Some(node)) => {
            of(&world.on_node, node).iter().copied().map(Node::Identity).collect()
        }
        Hub::Kubelet(Some(node)) => {
            of(&world.seen_on_node, node).iter().copied().map(Node::Identity).collect()
        }
        Hub::Kubelet(None) => {
            world.seen_on_node.iter().flatten().copied().map(Node::Identity).collect()
        }
        Hub::Node(None) => world.on_node.iter().flatten().copied().map(Node::Identity).collect(),
    }
}
