//! Roles handed from one of those taken over to the others.
//!
//! Who writes bindings may bind every role whose rights it holds itself, without `bind`
//! (`pkg/registry/rbac/escalation_check.go`). It gains nothing by that, but the others do: what it
//! holds may be what another lacks for one request.

use foldhash::{HashMap, HashSet};

use super::ask::{Names, On, has};
use super::graph::{Holding, Node};
use super::moves::{Edge, Part, RoleSet, To};
use super::rights::{Classes, Right, Rights};
use super::search::Search;
use super::step::Step;
use super::world::{Bound, Where, of};
use crate::rbac::escalation;

/// Roles and where they are held; None: everything.
type Set = Vec<(Option<u32>, Where)>;

/// What a search knows of who could hand over what.
#[derive(Debug, Default)]
pub(super) struct Hands {
    /// What there was when it was looked at last: writers, given rights, those who join, found, and
    /// what can be deleted.
    looked_at: [usize; 5],
    /// How many of those found are among the holders.
    taken: usize,
    /// Who holds roles, each set once, by place.
    holders: HashMap<Where, Vec<u32>>,
    /// Whether in somebody's name, and what they hold.
    sets: HashSet<(bool, Set)>,
}

/// Bindings that somebody can write.
#[derive(Debug)]
struct Writer {
    who: u32,
    bindings: On,
    at: Where,
    names: Names,
    missing: bool,
    used: Vec<Right>,
}

/// Somebody who holds roles.
#[derive(Debug)]
struct Holder {
    who: u32,
    node: Node,
    holdings: Vec<Holding>,
}

/// What somebody holds in a place.
#[derive(Debug)]
struct Held {
    /// Each with who holds it: the holder, or what gave it to all.
    all: Vec<(Holding, u32)>,
    /// The questions to which those say yes.
    asks: u128,
}

impl Search<'_, '_> {
    /// Roles that one holds and can bind to the others, where they add to what one of them needs.
    pub(super) fn hand_over(&mut self, looked_at: usize) {
        let cleared = self.cleared.values().map(Vec::len).sum();
        let now = [self.writers.len(), self.given.len(), self.joining.len(), looked_at, cleared];
        if self.writers.is_empty() || self.hands.looked_at == now {
            return;
        }
        self.hands.looked_at = now;
        let mut wanted: HashMap<Where, (Classes, usize)> = HashMap::default();
        for (place, classes) in self.joining.iter().flat_map(|one| &one.joins.places) {
            let have = wanted.entry(*place).or_default();
            *have = (have.0.and(*classes), have.1 + 1);
        }
        for writer in self.all_writers() {
            let Some(found) = self.found.get(writer.who as usize) else { continue };
            // What a given role lets be written, all can.
            let given = matches!(found.node, Node::Given(..));
            let own = if given { None } else { self.holder(writer.who) };
            if given {
                self.take_holders(looked_at);
            }
            for at in self.places(&writer, own.as_ref()) {
                self.hand_over_at(&writer, own.as_ref(), at, &wanted);
                if self.ended {
                    return;
                }
            }
        }
    }

    fn all_writers(&self) -> Vec<Writer> {
        let writer = |(who, part): &(u32, Part)| match part.clone() {
            Part::Bind { bindings, at, names, missing, used } => {
                Some(Writer { who: *who, bindings, at, names, missing, used })
            }
            _ => None,
        };
        self.writers.iter().filter_map(writer).collect()
    }

    fn holder(&self, who: u32) -> Option<Holder> {
        let node = self.found.get(who as usize)?.node.clone();
        let holdings = self.graph.holdings(&node, self.terms.without);
        Some(Holder { who, node, holdings })
    }

    /// Takes note of those who hold roles, but where that is bounded by somebody's rules.
    fn take_holders(&mut self, looked_at: usize) {
        for at in self.places_from(self.hands.taken, looked_at) {
            let Some(holder) = self.holder(at) else { break };
            if matches!(holder.node, Node::Constrained(..) | Node::Given(..)) {
                continue;
            }
            let mut set: Set =
                holder.holdings.iter().map(|holding| (holding.role, holding.at)).collect();
            set.sort_unstable();
            set.dedup();
            let mut places: Vec<Where> = set.iter().map(|(_, at)| *at).collect();
            if !self.hands.sets.insert((matches!(holder.node, Node::Posing(_)), set)) {
                continue;
            }
            places.sort_unstable();
            places.dedup();
            for place in places {
                self.hands.holders.entry(place).or_default().push(holder.who);
            }
        }
        self.hands.taken = looked_at;
    }

    /// Where a writer may have something to hand over: everywhere first.
    fn places(&self, writer: &Writer, own: Option<&Holder>) -> Vec<Where> {
        let world = &self.graph.world;
        match writer.at {
            Where::Cluster if writer.bindings == On::ClusterRoleBindings => vec![Where::Cluster],
            Where::In(_) => vec![writer.at],
            // Where there is nothing to write and nobody who holds more than elsewhere, nothing is
            // handed over that was not everywhere.
            _ => {
                let all = writer.missing && writer.names.is_none() && world.is_all_open();
                let more = |ns: &u32| {
                    let at = Where::In(*ns);
                    let pooled = self.pool.contains_key(&at);
                    let held = match own {
                        Some(own) => own.holdings.iter().any(|holding| holding.at == at),
                        None => self.hands.holders.contains_key(&at),
                    };
                    !all || pooled || held || !of(&world.roles_in, *ns).is_empty()
                };
                let open = |ns: &u32| !writer.missing || world.is_open(*ns);
                let inside = world.within(writer.at).filter(open).filter(more).map(Where::In);
                std::iter::once(Where::Each).filter(|_| all).chain(inside).collect()
            }
        }
    }

    fn hand_over_at(
        &mut self,
        writer: &Writer,
        own: Option<&Holder>,
        at: Where,
        wanted: &HashMap<Where, (Classes, usize)>,
    ) {
        let wider = || {
            [Where::Cluster, Where::Each, at].into_iter().filter(move |w| w.meet(at) == Some(at))
        };
        let pools: Vec<Where> = wider().filter(|at| self.pool.contains_key(at)).collect();
        let pool = |at: &Where| self.pool.get(at);
        // There is nothing to be added to everything.
        if pools.iter().filter_map(pool).any(|pool| pool.full) {
            return;
        }
        // Of a place everywhere, all that is anywhere.
        let there = wanted.iter().filter(|(place, _)| match at {
            Where::In(_) => false,
            _ => place.meet(at).is_some(),
        });
        let narrow = wider().filter(|_| matches!(at, Where::In(_)));
        let narrow = narrow.filter_map(|at| wanted.get(&at));
        let (wanted, joining) = there
            .map(|(_, wanted)| wanted)
            .chain(narrow)
            .fold((Classes::default(), 0), |all, one| (all.0.and(one.0), all.1 + one.1));
        // What costs least to ask comes first: there are many roles in many places.
        let mut roles = self.roles_to_bind(writer, at);
        roles.retain(|role| {
            (joining > 1 && self.brings(*role, wanted))
                || self.is_lent(*role, at)
                || self.is_more(*role, own)
        });
        if roles.is_empty() {
            return;
        }
        let mut others: Vec<Holder> = Vec::new();
        if own.is_none() {
            let there = wider().filter_map(|at| self.hands.holders.get(&at)).flatten().copied();
            let mut all: Vec<u32> = there.chain([writer.who]).collect();
            all.sort_unstable();
            all.dedup();
            others.extend(all.into_iter().filter_map(|who| self.holder(who)));
        }
        let given: Vec<(Option<u32>, u32)> =
            pools.iter().filter_map(pool).flat_map(|pool| pool.roles.iter().copied()).collect();
        let holders: Vec<(&Holder, Held)> = own
            .into_iter()
            .chain(&others)
            .map(|holder| (holder, self.held(holder, &given, at)))
            .collect();
        let roles: Vec<(u32, bool)> = roles
            .into_iter()
            .filter(|role| holders.iter().any(|(_, held)| self.may_hold_all(held, *role)))
            .filter(|role| !wider().any(|at| self.has(&Node::Given(RoleSet::One(*role), at))))
            .map(|role| {
                let adds = joining > 1 && self.is_wanted(role, at, wanted);
                (role, adds || self.is_lent(role, at))
            })
            .filter(|(role, is_wanted)| *is_wanted || self.is_more(*role, own))
            .collect();
        if roles.is_empty() {
            return;
        }
        let ways = self.under_a_name(writer.bindings, at, &writer.names, writer.missing);
        for (role, is_wanted) in roles {
            let able = holders.iter().find(|(holder, held)| {
                (is_wanted || self.adds_more(role, &holder.node)) && self.holds_all(held, role)
            });
            if let Some((holder, held)) = able {
                let to = To::Given(RoleSet::One(role), at);
                let by = self.enough(held, role);
                let mut from = vec![writer.who, holder.who];
                from.extend(by.iter().map(|(_, who)| *who));
                let held: Vec<Holding> = by.into_iter().map(|(holding, _)| holding).collect();
                for way in &ways {
                    let mut edge = Edge::new(to.clone(), Step::HandOver, writer.used.clone());
                    edge.held.clone_from(&held);
                    let mut from = from.clone();
                    if let Some(cleared) = way {
                        from.push(cleared.who);
                        edge.used.extend_from_slice(&cleared.used);
                        edge.deletes = Some(cleared.object.clone());
                    }
                    self.edge(&edge, &from, holder.who);
                    if self.ended {
                        return;
                    }
                }
            }
        }
    }

    /// The roles that such a binding can refer to.
    fn roles_to_bind(&self, writer: &Writer, at: Where) -> Vec<u32> {
        let world = &self.graph.world;
        let (bound, roles): (&[Bound], &[u32]) = match at {
            Where::In(ns) => (of(&world.bindings_in, ns), of(&world.roles_in, ns)),
            Where::Each => (&[], &[]),
            Where::Cluster => (&world.cluster_bindings, &[]),
        };
        if !writer.missing {
            let fits = |bound: &&Bound| has(&writer.names, &bound.name);
            return bound.iter().filter(fits).map(|bound| bound.role).collect();
        }
        let all = world.cluster_roles.iter().chain(roles).copied();
        if self.under_a_name(writer.bindings, at, &writer.names, writer.missing).is_empty() {
            Vec::new()
        } else {
            all.collect()
        }
    }

    /// Whether a role brings a right of a kind that another lacks for one request.
    fn brings(&self, role: u32, wanted: Classes) -> bool {
        let facts = self.graph.world.role_facts(role).filter(|role| role.exists);
        facts.is_some_and(|role| role.classes.meets(wanted))
    }

    /// Whether a role brings a right that not all have, and that another lacks for one request.
    fn is_wanted(&self, role: u32, at: Where, wanted: Classes) -> bool {
        let world = &self.graph.world;
        let Some(facts) = world.role_facts(role).filter(|_| self.brings(role, wanted)) else {
            return false;
        };
        let mut rights = Rights::default();
        rights.add(&facts.caps, at, None, world);
        rights.iter().any(|right| Classes::of(right).meets(wanted) && !self.is_said(right))
    }

    /// Whether somebody could bring more by a role than it can do in another's name.
    fn is_more(&self, role: u32, own: Option<&Holder>) -> bool {
        match own {
            Some(own) => self.adds_more(role, &own.node),
            None => self.poses(role),
        }
    }

    /// Whether a role adds to what is done in somebody's name, where not all can be done that it
    /// allows.
    fn adds_more(&self, role: u32, node: &Node) -> bool {
        match node {
            Node::Constrained(..) => {
                self.graph.world.role_facts(role).is_some_and(|role| role.asks != 0)
            }
            Node::Posing(_) => self.poses(role),
            _ => false,
        }
    }

    fn poses(&self, role: u32) -> bool {
        let facts = self.graph.world.role_facts(role);
        facts.is_some_and(|role| role.caps.iter().any(|cap| cap.verb.is_impersonation()))
    }

    /// What somebody holds in a place, with what was given to all.
    fn held(&self, holder: &Holder, given: &[(Option<u32>, u32)], at: Where) -> Held {
        let here = holder.holdings.iter().filter(|holding| holding.at.meet(at) == Some(at));
        let mut all: Vec<(Holding, u32)> = here.map(|holding| (*holding, holder.who)).collect();
        // What is impersonated within somebody's rules is not what roles are given to.
        if !matches!(holder.node, Node::Constrained(..)) {
            let given =
                given.iter().map(|(role, who)| (Holding { grant: None, role: *role, at }, *who));
            all.extend(given);
        }
        let asks = |role: u32| self.graph.world.role_facts(role).map_or(0, |role| role.asks);
        let roles = all.iter().filter_map(|(holding, _)| holding.role);
        let asks = roles.fold(0, |questions, role| questions | asks(role));
        Held { all, asks }
    }

    /// The API server's check.
    fn holds_all(&self, held: &Held, role: u32) -> bool {
        self.may_hold_all(held, role)
            && (whole(&held.all, role).is_some() || self.covers(held.all.iter(), role))
    }

    /// Whether it may be passed: no question is known to which only the role says yes.
    fn may_hold_all(&self, held: &Held, role: u32) -> bool {
        let asks = || self.graph.world.role_facts(role).map_or(0, |role| role.asks);
        self.graph.rules_of(role).is_some()
            && (asks() & !held.asks == 0 || whole(&held.all, role).is_some())
    }

    /// Whether roles together allow all that one does.
    fn covers<'h>(&self, held: impl Iterator<Item = &'h (Holding, u32)>, role: u32) -> bool {
        let Some(wanted) = self.graph.rules_of(role) else { return false };
        let of = |(holding, _): &'h (Holding, u32)| self.graph.rules_of(holding.role?);
        escalation::is_covered(&held.filter_map(of).flatten().collect::<Vec<_>>(), wanted)
    }

    /// As few of what is held as pass the check: without any of those it fails.
    fn enough(&self, held: &Held, role: u32) -> Vec<(Holding, u32)> {
        if let Some(one) = whole(&held.all, role) {
            return vec![one];
        }
        let mut rest = held.all.clone();
        // What was given on the way goes first: without it the path is shorter.
        for at in (0..rest.len()).rev() {
            let others = rest.iter().enumerate().filter(|(other, _)| *other != at);
            if self.covers(others.map(|(_, one)| one), role) {
                rest.remove(at);
            }
        }
        rest
    }
}

/// What is all of a role by itself.
fn whole(held: &[(Holding, u32)], role: u32) -> Option<(Holding, u32)> {
    let is_all = |one: &&(Holding, u32)| one.0.role.is_none_or(|have| have == role);
    held.iter().find(is_all).copied()
}
