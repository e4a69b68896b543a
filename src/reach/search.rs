//! What one identity can become: a search outwards, fewest steps first.
//!
//! A step needs rights of one node, or of several: parts that anybody of those taken over brings
//! (a Secret made by one and read by another), and, once a step gave a role, rights that the role
//! adds to any of them in one request. Parts are looked at once a round is complete, so that a step
//! counts one more than the later of what it needs. What given roles add to the requests of others
//! is looked at where all else leads no further: it is what costs, and the longer way to explain. What
//! takes that something is deleted comes last of all ([`super::states`]).

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use super::ask::Verb;
use super::bounds::Bound;
use super::graph::{By, Graph, Holding, Node};
use super::hand::Hands;
use super::lend::Lending;
use super::members::{is_news, members};
use super::moves::{Edge, Hub, Moves, Object, Part, To};
use super::parts::{Brought, Parts};
use super::rights::{Classes, Joins, Right, Said};
use super::states::{Away, Later, explore};
use super::step::Step;
use super::world::Where;
use crate::book::Tier;

/// What a search leaves out, and where it ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terms<'t> {
    /// As if these grants were not there.
    pub(crate) without: &'t [u32],
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
}

/// A finished search.
#[expect(clippy::struct_excessive_bools)] // Each is another way in which it is not all.
#[derive(Debug)]
pub(crate) struct Closure {
    pub(crate) found: Vec<Found>,
    /// Whether it ended early, at one who is as strong as was asked for: who may do everything.
    pub(crate) ended: bool,
    /// Whether it was given up, since more were taken over than was asked for.
    pub(crate) given_up: bool,
    /// Whether somebody was left out who could not lead there in time.
    pub(crate) pruned: bool,
    /// Whether more could have been deleted than was tried.
    pub(crate) bounded: bool,
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
    /// Where nothing is gone.
    pub(super) root: &'g Graph<'b>,
    pub(super) terms: Terms<'g>,
    pub(super) ends: Ends<'g>,
    pub(super) pruned: bool,
    /// Whether somebody was found who holds a `ClusterRole` cluster-wide, where that is asked.
    held: bool,
    pub(super) seen: HashSet<Node>,
    hubs: HashSet<Hub>,
    /// Of which places somebody could take over the accounts that are not there.
    pub(super) waits: HashSet<Hub>,
    /// All that were found, whatever was gone then.
    pub(super) found: Vec<Found>,
    /// Those of them who are there, by place, in the order in which they are followed.
    pub(super) order: Vec<u32>,
    /// Those who were there at the start, and what place the first that came then has.
    pub(super) began: HashSet<u32>,
    pub(super) begun: u32,
    /// What is away, and can be made again.
    pub(super) away: Option<Away<'g, 'b>>,
    /// What would have to be deleted to come further, as what it is made again, and where that leads.
    pub(super) later: Vec<(Later, Vec<To>)>,
    pub(super) ended: bool,
    /// Where steps lead that were left out because they are a model only.
    pub(super) left: HashSet<To>,
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
pub(crate) fn search(
    graph: &Graph<'_>,
    starts: &[Node],
    terms: Terms<'_>,
    ends: Ends<'_>,
) -> Closure {
    let mut search = Search::new(graph, terms, ends);
    for start in starts {
        search.take(start.clone(), None);
        // A start is never the end.
        search.ended = false;
    }
    search.run();
    let given_up = search.order.len() > ends.most;
    let mut seen = search.seen.clone();
    // Where not all is looked at, nothing is deleted either.
    if search.ended || search.later.is_empty() || ends.bound.is_some() {
        let left_out =
            !given_up && !search.pruned && search.left.iter().any(|to| search.is_news(to));
        let Search { found, ended, pruned, .. } = search;
        let ended = ended && !given_up;
        return Closure { found, ended, given_up, pruned, bounded: false, left_out };
    }
    let all = explore(search);
    seen.extend(all.found.iter().map(|found| found.node.clone()));
    let left_out = !all.pruned && all.left.iter().any(|to| is_news(graph, &seen, to));
    Closure {
        found: all.found,
        ended: all.ended,
        given_up: false,
        pruned: all.pruned,
        bounded: all.bounded,
        left_out,
    }
}

impl<'g, 'b> Search<'g, 'b> {
    pub(super) fn new(graph: &'g Graph<'b>, terms: Terms<'g>, ends: Ends<'g>) -> Self {
        Self {
            graph,
            root: graph,
            terms,
            ends,
            pruned: false,
            held: false,
            seen: HashSet::new(),
            hubs: HashSet::new(),
            waits: HashSet::new(),
            found: Vec::new(),
            order: Vec::new(),
            began: HashSet::new(),
            begun: 0,
            away: None,
            later: Vec::new(),
            ended: false,
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
        }
    }

    /// Goes on with those who were found before.
    pub(super) fn begin(&mut self, order: &[u32]) {
        self.begun = u32::try_from(self.found.len()).unwrap_or(u32::MAX);
        self.began = order.iter().copied().collect();
        self.order = order.to_vec();
        for found in order.iter().filter_map(|at| self.found.get(*at as usize)) {
            self.held |= self.ends.bound.is_some_and(|bound| bound.is_holder(&found.node));
            self.seen.insert(found.node.clone());
        }
    }

    /// Follows everybody, round by round.
    pub(super) fn run(&mut self) {
        // Whoever is there at the start is the first round.
        let first = self.order.len();
        let mut at = 0;
        while !self.ended && at < self.order.len() {
            let round = self.steps_at(at);
            while at < self.order.len() && (at < first || self.steps_at(at) == round) {
                let Some(place) = self.order.get(at).copied() else { break };
                let Some(node) = self.found.get(place as usize).map(|found| found.node.clone())
                else {
                    break;
                };
                self.follow(place, &node);
                at += 1;
                if self.ended {
                    break;
                }
            }
            self.join(at, false);
            if self.order.len() == at && self.ends.bound.is_none() {
                self.join(at, true);
            }
        }
    }

    fn steps_at(&self, position: usize) -> Option<u32> {
        let place = self.order.get(position)?;
        self.found.get(*place as usize).map(|found| found.steps)
    }

    /// The places of those whom a range of the order names.
    pub(super) fn places_from(&self, from: usize, to: usize) -> Vec<u32> {
        self.order.get(from..to).unwrap_or_default().to_vec()
    }
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
        self.order.push(u32::try_from(self.found.len()).unwrap_or(u32::MAX));
        self.found.push(Found { node, steps, tier, by, deleted });
        // Who was found without a deletion is few enough, or it is given up.
        let is_first = self.began.is_empty();
        self.ended = tier >= self.ends.goal || (is_first && self.order.len() > self.ends.most);
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
        let without = self.terms.without;
        let is_less = without.iter().any(|slot| graph.holds(node, *slot));
        let start = at == 0 && self.terms.added_only;
        let shared = Some(self.root).filter(|_| !is_less && !start);
        let shared = shared.and_then(|root| root.shared(node));
        let moves = match shared.filter(|moves| graph.is_as_before(node, moves)) {
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
        let rights = self.graph.rights(node, &[]);
        // What allows everything in a place makes all steps there by itself, but for one: a group
        // is impersonated cluster-wide, and may go with an account of that place.
        let full = rights.is_full(place);
        let adds = |right: &&Right| {
            if full { right.verb == Verb::Impersonate } else { !Classes::of(right).is_empty() }
        };
        let roles = self.graph.holdings(node, &[]).into_iter().map(|held| (held.role, at));
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
        if !self.is_away(edge) {
            return self.put_off(edge);
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
                let link = link(edge, from);
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
        self.take(node, Some(link(edge, from)));
    }

    /// Whether a step would lead to somebody who was not taken over.
    pub(super) fn is_news(&self, to: &To) -> bool {
        !matches!(to, To::Hub(hub) if self.hubs.contains(hub))
            && is_news(self.graph, &self.seen, to)
    }
}

/// How a step is remembered.
fn link(edge: &Edge, from: &[u32]) -> Link {
    let given = |right: &Right| Some(right.from).filter(|at| *at != u32::MAX);
    let mut from: Vec<u32> =
        from.iter().copied().chain(edge.used.iter().filter_map(given)).collect();
    from.sort_unstable();
    from.dedup();
    let (step, used, held) = (edge.step, edge.used.clone(), edge.held.clone());
    Link { step, from, used, held, deletes: edge.deletes.clone() }
}
