//! Steps that need more than one of those taken over.

use std::collections::VecDeque;

use foldhash::{HashMap, HashMapExt};

use super::ask::{Names, On, both, has, is_empty};
use super::graph::Node;
use super::missing;
use super::moves::{Edge, Object, Part, RoleSet, To};
use super::parts::{Brought, Kind, Parts, is_new, place};
use super::remake::{Written, cleared_by, runs_again};
use super::rights::{Classes, Joins, Right};
use super::search::{Joining, Search};
use super::step::Step;
use super::steps::{automount, host, node, secret};
use super::world::{Level, RoleFacts, Where};
use crate::model::{Name, RoleKind};

impl Search<'_, '_> {
    /// Steps that need more than one of those taken over, once a round is complete; where nothing
    /// else is left to follow, with what given roles add to each request.
    pub(super) fn join(&mut self, looked_at: usize, given: bool) {
        if self.ended {
            return;
        }
        if given {
            self.take_lenders();
            self.hand_over(looked_at);
            self.join_given();
            self.lend();
        }
        self.join_holders(looked_at);
        self.join_parts();
        if given {
            self.bind_changed();
        }
    }

    /// What given roles add to those who hold part of what one request needs.
    fn join_given(&mut self) {
        let all = self.given.len();
        let mut joining = std::mem::take(&mut self.joining);
        // Most look at the same.
        let mut news: HashMap<usize, Vec<(Where, Classes)>> = HashMap::new();
        for Joining { at, done, joins } in &mut joining {
            let from = std::mem::replace(done, all);
            if from == all || self.ended {
                continue;
            }
            let new = news.entry(from).or_insert_with(|| by_place(self.given.get(from..)));
            let meets = |(place, classes): &&(Where, Classes)| joins.at(*place).meets(*classes);
            let mut places: Vec<Where> =
                new.iter().filter(meets).map(|(place, _)| *place).collect();
            if places.iter().any(|place| !matches!(place, Where::In(_))) {
                // What is new everywhere may come to something with what was there before.
                let there = self.pool.iter().map(|(place, pooled)| (*place, pooled.classes));
                places.extend(there.filter(|one| meets(&one)).map(|(place, _)| place));
            }
            places.sort_unstable();
            places.dedup();
            for place in places {
                self.join_at(*at, joins, place);
            }
        }
        self.joining = joining;
    }

    /// The same, of one place.
    fn join_at(&mut self, at: u32, joins: &Joins, place: Where) {
        let Some(found) = self.found.get(at as usize).filter(|_| !self.ended) else { return };
        let posing = matches!(found.node, Node::Posing(_));
        let mut places = vec![Where::Cluster, Where::Each];
        match place {
            Where::In(_) => places.push(place),
            _ => places.extend(
                joins.places.iter().map(|(at, _)| *at).filter(|at| matches!(at, Where::In(_))),
            ),
        }
        let classes = joins.all();
        let pool = places.iter().filter_map(|at| self.pool.get(at)).flat_map(|pool| &pool.rights);
        let fits = |right: &&Right| classes.meets(Classes::of(right));
        let mut rights = joins.rights.within_reach(place, pool.filter(fits));
        if posing {
            rights = rights.without_impersonation();
        }
        let moves = super::moves::of(&rights, &self.graph.world);
        let anyone = matches!(found.node, Node::Anyone);
        let graph = self.graph;
        for edge in moves.edges.iter().filter(|edge| !anyone || graph.is_one_user(&edge.used)) {
            self.edge(edge, &[at], at);
        }
        let parts = moves.parts.iter();
        parts
            .filter(|part| !anyone || graph.is_one_user(part.used()))
            .for_each(|part| self.bring(at, part));
    }

    /// A role that one can change gives its rights to whoever of all is bound to it.
    fn join_holders(&mut self, all: usize) {
        // Those that can be changed now, for all who were looked at before; where more can be deleted,
        // all that can be made in its place for all.
        let (rewrites, others): (VecDeque<Brought>, VecDeque<Brought>) =
            std::mem::take(&mut self.fresh)
                .into_iter()
                .partition(|(_, part)| matches!(part, Part::Rewrite { .. }));
        self.fresh = others;
        let mut new = Parts::new();
        for brought in rewrites {
            let (kind, at) = place(&brought.1);
            if is_new(&self.parts, &brought.1) && is_new(&new, &brought.1) {
                new.entry((kind, at)).or_default().push(brought);
            }
        }
        let looked_at = if self.takes_cleared_roles() { 0 } else { self.holders };
        self.holders = all;
        if new.is_empty() && self.parts.keys().all(|(kind, _)| !matches!(kind, Kind::Rewrite(_))) {
            return;
        }
        for holder in self.places_from(0, looked_at.min(all)) {
            self.hold(holder, &new);
        }
        // Who holds a role that is away has it again once it is there.
        let away = self.away.as_ref().map(|away| away.holders.clone()).unwrap_or_default();
        for (key, mut brought) in new {
            self.parts.entry(key).or_default().append(&mut brought);
        }
        let parts = std::mem::take(&mut self.parts);
        for holder in self.places_from(looked_at, all).into_iter().chain(away) {
            self.hold(holder, &parts);
        }
        self.parts = parts;
    }

    /// What one of those found gains by roles of its own that can be changed.
    fn hold(&mut self, holder: u32, rewrites: &Parts) {
        if rewrites.is_empty() || self.ended {
            return;
        }
        let Some(node) = self.found.get(holder as usize).map(|found| found.node.clone()) else {
            return;
        };
        if matches!(node, Node::Constrained(..)) {
            return;
        }
        let held_in = self.away.as_ref().map_or(self.graph, |away| away.held_in);
        for holding in held_in.holdings(&node, self.terms.without) {
            let Some(role) = holding.role else { continue };
            let to = To::Given(RoleSet::Own, holding.at);
            let held = vec![holding];
            for Written { who, step, used, deletes } in self.changed(rewrites, role) {
                let (to, held) = (to.clone(), held.clone());
                let from: Vec<u32> =
                    [who, holder].into_iter().chain(cleared_by(deletes.as_ref())).collect();
                let object = deletes.map(|cleared| cleared.object);
                self.edge(&Edge { to, step, used, held, deletes: object }, &from, who);
            }
        }
    }

    /// Who can change a role, or what feeds it, and by which rights; where nobody, who can make it
    /// again.
    fn changed(&self, rewrites: &Parts, role: u32) -> Vec<Written> {
        let Some(facts) = self.graph.world.role_facts(role) else { return Vec::new() };
        let number = || self.graph.world.number(&facts.key.1);
        let (on, narrow) = match facts.key.0 {
            RoleKind::ClusterRole => (On::ClusterRoles, Some(Where::Cluster)),
            RoleKind::Role => (On::Roles, number().map(Where::In)),
        };
        let Some(narrow) = narrow else { return Vec::new() };
        let wide = [Where::Each, narrow].into_iter();
        let brought = wide.filter_map(|at| rewrites.get(&(Kind::Rewrite(on), at))).flatten();
        let (mut changed, mut again) = (Vec::new(), Vec::new());
        for (who, part) in brought {
            let Part::Rewrite { names, missing, used, .. } = part else { continue };
            if *missing && matches!(narrow, Where::In(ns) if !self.graph.world.is_open(ns)) {
                continue;
            }
            let by = |step| Written { who: *who, step, used: used.clone(), deletes: None };
            if facts.fed_by.is_some() && self.feeds(role, names, *missing) {
                return vec![by(Step::Aggregate)];
            }
            if *missing != facts.exists && self.fits(names, facts) {
                if !facts.aggregated {
                    return vec![by(Step::Escalate)];
                }
                changed.push(by(Step::EscalateAggregated));
            }
            // One that is there is made again under its name.
            if *missing && facts.exists && has(names, &facts.key.2) {
                let name = std::slice::from_ref(&facts.key.2);
                again.extend(self.cleared(on, narrow, name).into_iter().map(|cleared| Written {
                    who: *who,
                    step: Step::Escalate,
                    used: [used.as_slice(), &cleared.used].concat(),
                    deletes: Some(cleared),
                }));
            }
        }
        if changed.is_empty() { again } else { changed }
    }

    /// Whether another `ClusterRole` can be written under one of the names: one that is there, or one
    /// that is missing.
    fn feeds(&self, role: u32, names: &Names, missing: bool) -> bool {
        let world = &self.graph.world;
        let Some(names) = names else { return missing || world.cluster_roles.len() > 1 };
        names.iter().any(|name| {
            let have = world.role(RoleKind::ClusterRole, "", name);
            let exists =
                have.and_then(|have| world.role_facts(have)).is_some_and(|role| role.exists);
            exists != missing && have != Some(role)
        })
    }

    /// Takes up what lets roles be deleted: whether there is any that is new.
    fn takes_cleared_roles(&mut self) -> bool {
        let is_it = |(_, part): &Brought| {
            matches!(part, Part::Clear { on: On::ClusterRoles | On::Roles, .. })
        };
        let (roles, others): (VecDeque<Brought>, VecDeque<Brought>) =
            std::mem::take(&mut self.fresh).into_iter().partition(is_it);
        self.fresh = others;
        let new = roles.into_iter().filter(|brought| self.takes(brought.clone()));
        new.count() > 0
    }

    /// Keeps a part, where it says more than those before it.
    fn takes(&mut self, brought: Brought) -> bool {
        let is_new = match &brought.1 {
            Part::Clear { .. } => self.is_new_clear(&brought.1),
            Part::Taken { .. } | Part::OwnNode { .. } => true,
            part => is_new(&self.parts, part),
        };
        let key = place(&brought.1);
        let parts = match key.0 {
            Kind::Clear(_) => &mut self.cleared,
            _ => &mut self.parts,
        };
        if is_new {
            parts.entry(key).or_default().push(brought);
        }
        is_new
    }

    /// Whether a role has one of the names; one that is not made yet may have any that is free.
    fn fits(&self, names: &Names, facts: &RoleFacts) -> bool {
        let (kind, ns, name) = &facts.key;
        let world = &self.graph.world;
        let is_free = |name: &Name| {
            let role = world.role(*kind, ns, name).and_then(|role| world.role_facts(role));
            role.is_none_or(|role| !role.exists)
        };
        match names {
            Some(names) if name.is_empty() => names.iter().any(is_free),
            names => has(names, name),
        }
    }

    /// Parts that make a step together.
    fn join_parts(&mut self) {
        while let Some(brought) = self.fresh.pop_front() {
            if self.ended {
                return;
            }
            if !self.takes(brought.clone()) {
                continue;
            }
            let (kind, at) = place(&brought.1);
            let mut edges: Vec<(Edge, Vec<u32>)> = Vec::new();
            let mut more: Vec<Brought> = Vec::new();
            let world = &self.graph.world;
            let mut meet = |others: &[Brought]| {
                for (who, other) in others {
                    let both = self.together(&brought.1, other).into_iter();
                    let both = both.chain(self.together(other, &brought.1));
                    let both = both.chain(missing::made(world, &brought.1, other));
                    let both = both.chain(missing::made(world, other, &brought.1));
                    let with = missing::with(&brought.1, other);
                    let from: Vec<u32> = [*who, brought.0].into_iter().chain(with).collect();
                    edges.extend(both.map(|edge| (edge, from.clone())));
                    let other = (*who, other.clone());
                    more.extend(runs_again(&brought, &other));
                    more.extend(node::read_on_chosen(world, &brought, &other));
                    more.extend(automount::made_anew(world, &brought, &other));
                }
            };
            for wanted in kind.counterparts() {
                let parts = match wanted {
                    Kind::Clear(_) => &self.cleared,
                    _ => &self.parts,
                };
                if at == Where::Each {
                    let from = (wanted, Where::Cluster);
                    let all = parts.range(from..).take_while(|((kind, _), _)| *kind == wanted);
                    all.for_each(|(_, others)| meet(others));
                } else {
                    for at in [Where::Each, at] {
                        meet(parts.get(&(wanted, at)).map_or(&[], Vec::as_slice));
                    }
                }
            }
            for (edge, from) in edges {
                self.edge(&edge, &from, from.first().copied().unwrap_or_default());
            }
            self.fresh.extend(more);
        }
    }

    fn together(&self, one: &Part, other: &Part) -> Vec<Edge> {
        let world = &self.graph.world;
        match (one, other) {
            (Part::MakeSecret { .. }, Part::ReadSecret { .. }) => {
                secret::written(world, one, other)
            }
            (Part::Request { names, used }, Part::Approve { names: wanted, used: approves })
                if !is_empty(&both(names, wanted)) =>
            {
                let used = [used.as_slice(), approves].concat();
                vec![Edge::new(To::Anyone, Step::Certificate, used)]
            }
            (Part::Label { at, names, used }, Part::Run { at: there, used: runs, deletes }) => {
                let opens = at.meet(*there).is_some_and(|at| {
                    world.within(at).any(|ns| {
                        let held = world.level(ns) == Level::Held;
                        held && world.is_open(ns)
                            && world.namespace(ns).is_some_and(|name| has(names, name))
                    })
                });
                if !opens {
                    return Vec::new();
                }
                let used = [used.as_slice(), runs].concat();
                host::node(world)
                    .map(|to| Edge::new(to, Step::LabelAndHost, used.clone()))
                    .map(|edge| Edge { deletes: deletes.clone(), ..edge })
                    .collect()
            }
            (Part::Label { .. }, Part::Held { .. }) => host::opened(world, one, other),
            (Part::OwnNode { .. }, Part::Mint { .. } | Part::Run { .. }) => {
                node::chosen(world, one, other)
            }
            (Part::Anew { .. }, Part::Enter { .. }) => {
                automount::entered(one, other).into_iter().collect()
            }
            (Part::MakeNamespace { .. }, Part::RunAnywhere { .. }) => {
                host::in_new(world, one, other)
            }
            (Part::Policy { used }, Part::PolicyBinding { there, used: binds }) => {
                let step = if *there { Step::ChangePolicy } else { Step::Policy };
                let used = [used.as_slice(), binds].concat();
                vec![Edge::new(To::Given(RoleSet::Own, Where::Cluster), step, used)]
            }
            (
                Part::Taken { on, at, names, used, leads },
                Part::Clear { names: wanted, used: clears, .. },
            ) => {
                let used = [clears.as_slice(), used].concat();
                let edge = |name: &Name, (to, step): &(To, Step)| Edge {
                    deletes: Some(Object { on: *on, at: *at, name: name.clone() }),
                    ..Edge::new(to.clone(), *step, used.clone())
                };
                let names = names.iter().filter(|name| has(wanted, name));
                names.flat_map(|name| leads.iter().map(move |lead| edge(name, lead))).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Each place once, with all that came there.
fn by_place(given: Option<&[(Where, Classes)]>) -> Vec<(Where, Classes)> {
    let mut places: HashMap<Where, Classes> = HashMap::new();
    for (at, classes) in given.unwrap_or_default() {
        let have = places.entry(*at).or_default();
        *have = have.and(*classes);
    }
    places.into_iter().collect()
}
