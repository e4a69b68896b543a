//! How many steps anybody is away from somebody strong, at least: what lets a search for one path
//! leave out all that cannot be on it.
//!
//! It is counted backwards over the steps that one node makes by itself. A step that needs two of
//! those taken over counts as if either were enough, so that the figure is never too high; what
//! given roles add to requests is not in it, nor in the searches that use it.
//!
//! Nearly everybody holds some `ClusterRole` cluster-wide, and one who can change any makes all of
//! those strong: of them only the first counts that a search comes to. Its search says when it has.

use foldhash::{HashMap, HashMapExt, HashSet};
use rayon::prelude::*;

use super::ask::{Cap, On, Verb, has};
use super::graph::{By, Graph, Node};
use super::members::members;
use super::moves::{Hub, Moves, Part, RoleSet, To};
use super::step::Step;
use super::world::{Level, Where};
use crate::book::Tier;
use crate::model::{Name, RoleKind};

/// No way, or none so short.
const NEVER: u8 = u8::MAX;

/// How far everybody is from everybody stronger.
#[derive(Debug)]
pub(crate) struct Bounds {
    nodes: HashMap<Node, u32>,
    hubs: HashMap<Hub, u32>,
    /// By number: whether it holds a `ClusterRole` cluster-wide.
    holders: Vec<bool>,
    /// By tier, by number; without such a holder, and with one.
    far: [Vec<Vec<u8>>; 2],
}

/// What a search of one path leaves out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound<'l> {
    bounds: &'l Bounds,
    goal: Tier,
    /// How many steps the path may take.
    steps: u32,
}

impl Bound<'_> {
    /// Whether it could lead there in time. `held`: whether there is a holder already.
    pub(super) fn lets_node(self, node: &Node, steps: u32, held: bool) -> bool {
        self.lets(self.bounds.nodes.get(node), steps, held)
    }

    pub(super) fn lets_hub(self, hub: Hub, steps: u32, held: bool) -> bool {
        self.lets(self.bounds.hubs.get(&hub), steps, held)
    }

    pub(super) fn is_holder(self, node: &Node) -> bool {
        self.bounds.nodes.get(node).is_some_and(|at| self.bounds.is_holder(*at))
    }

    /// Nothing is left out of which nothing is known.
    fn lets(self, at: Option<&u32>, steps: u32, held: bool) -> bool {
        let far = at.map_or(0, |at| self.bounds.far_of(*at, self.goal, held));
        far != NEVER && steps + u32::from(far) <= self.steps
    }
}

impl Bounds {
    /// Counts for everybody whom those could come to.
    pub(crate) fn new(graph: &Graph<'_>, starts: Vec<Node>, modelled: bool) -> Self {
        let map = Map::explore(graph, starts, modelled);
        let far = |held| Tier::ALL.par_iter().map(|goal| map.backwards(*goal, held)).collect();
        let far = [far(false), far(true)];
        Self { nodes: map.nodes, hubs: map.hubs, holders: map.holders, far }
    }

    /// How many steps a node is away from somebody that strong, at least.
    pub(crate) fn far(&self, node: &Node, goal: Tier) -> Option<u32> {
        let at = self.nodes.get(node)?;
        let far = self.far_of(*at, goal, self.is_holder(*at));
        (far != NEVER).then_some(u32::from(far))
    }

    /// For a search of a path of so many steps.
    pub(crate) fn within(&self, goal: Tier, steps: u32) -> Bound<'_> {
        Bound { bounds: self, goal, steps }
    }

    fn far_of(&self, at: u32, goal: Tier, held: bool) -> u8 {
        let far = self.far.get(usize::from(held)).and_then(|far| far.get(goal as usize));
        far.and_then(|far| far.get(at as usize)).copied().unwrap_or(NEVER)
    }

    fn is_holder(&self, at: u32) -> bool {
        self.holders.get(at as usize) == Some(&true)
    }
}

/// Everybody, by number, and where a step leads.
#[derive(Debug, Default)]
struct Map {
    nodes: HashMap<Node, u32>,
    hubs: HashMap<Hub, u32>,
    tiers: Vec<Tier>,
    holders: Vec<bool>,
    /// Everything in a namespace, of each.
    every: Option<u32>,
    /// By number: who comes here by one step, and the hubs of which it is one.
    from: Vec<Vec<u32>>,
    hubs_of: Vec<Vec<u32>>,
}

/// Whose way leads on.
enum Lead {
    Node(Node),
    Hub(Hub),
    /// Everything in any one namespace.
    Every,
}

impl Map {
    fn explore(graph: &Graph<'_>, starts: Vec<Node>, modelled: bool) -> Self {
        let rules = Rules::new(graph, modelled);
        let mut map = Self { nodes: HashMap::with_capacity(starts.len()), ..Self::default() };
        let mut next: Vec<(u32, Node)> = Vec::new();
        for start in starts {
            map.node(graph, start, &mut next);
        }
        while !next.is_empty() {
            let led: Vec<(u32, Vec<Lead>, bool)> = std::mem::take(&mut next)
                .into_par_iter()
                .map(|(at, node)| {
                    let mut leads = Vec::new();
                    let holds = rules.leads(graph, &node, &mut leads);
                    (at, leads, holds)
                })
                .collect();
            for (at, mut leads, holds) in led {
                // Whoever takes over accounts takes over those that are made.
                let made = |lead: &Lead| match lead {
                    Lead::Hub(Hub::Accounts(at)) if graph.world.misses(*at, &None) => {
                        Some(Lead::Hub(Hub::Missing(*at)))
                    }
                    _ => None,
                };
                let made: Vec<Lead> = leads.iter().filter_map(made).collect();
                leads.extend(made);
                if let Some(place) = map.holders.get_mut(at as usize) {
                    *place = holds;
                }
                for lead in leads {
                    let to = match lead {
                        Lead::Node(node) => map.node(graph, node, &mut next),
                        Lead::Hub(hub) => map.hub(graph, hub, &mut next),
                        Lead::Every => map.every(graph, &mut next),
                    };
                    if let Some(from) = map.from.get_mut(to as usize) {
                        from.push(at);
                    }
                }
            }
        }
        map
    }

    fn add(&mut self, tier: Tier) -> u32 {
        let at = u32::try_from(self.tiers.len()).unwrap_or(u32::MAX);
        self.tiers.push(tier);
        self.holders.push(false);
        self.from.push(Vec::new());
        self.hubs_of.push(Vec::new());
        at
    }

    fn node(&mut self, graph: &Graph<'_>, node: Node, next: &mut Vec<(u32, Node)>) -> u32 {
        if let Some(at) = self.nodes.get(&node) {
            return *at;
        }
        let tier = graph.tier(&node, &[]);
        let at = self.add(tier);
        self.nodes.insert(node.clone(), at);
        // A search ends there.
        if tier != Tier::ClusterAdmin {
            next.push((at, node));
        }
        at
    }

    fn hub(&mut self, graph: &Graph<'_>, hub: Hub, next: &mut Vec<(u32, Node)>) -> u32 {
        if let Some(at) = self.hubs.get(&hub) {
            return *at;
        }
        let at = self.add_hub(graph, members(&graph.world, hub), next);
        self.hubs.insert(hub, at);
        at
    }

    fn every(&mut self, graph: &Graph<'_>, next: &mut Vec<(u32, Node)>) -> u32 {
        if let Some(at) = self.every {
            return at;
        }
        let each = graph.world.within(Where::Each);
        let each = each.map(|ns| Node::Given(RoleSet::Own, Where::In(ns))).collect();
        let at = self.add_hub(graph, each, next);
        self.every = Some(at);
        at
    }

    fn add_hub(
        &mut self,
        graph: &Graph<'_>,
        members: Vec<Node>,
        next: &mut Vec<(u32, Node)>,
    ) -> u32 {
        let at = self.add(Tier::None);
        for member in members {
            let member = self.node(graph, member, next);
            if let Some(hubs) = self.hubs_of.get_mut(member as usize) {
                hubs.push(at);
            }
        }
        at
    }

    /// How far everybody is from somebody that strong, where there is a holder already or not.
    fn backwards(&self, goal: Tier, held: bool) -> Vec<u8> {
        let own = self.nodes.get(&Node::Given(RoleSet::Own, Where::Cluster)).copied();
        let is_holder = |(_, holds): &(u32, &bool)| **holds;
        let holders: Vec<u32> = if held {
            Vec::new()
        } else {
            (0u32..).zip(&self.holders).filter(is_holder).map(|(at, _)| at).collect()
        };
        let mut far = vec![NEVER; self.tiers.len()];
        let strong =
            (0u32..).zip(&self.tiers).filter(|(_, tier)| **tier >= goal && goal > Tier::None);
        let mut round: Vec<u32> = strong.map(|(at, _)| at).collect();
        let mut steps = 0;
        while !round.is_empty() && steps < NEVER {
            let mut next: Vec<u32> = Vec::new();
            let mut at = 0;
            while let Some(one) = round.get(at).copied() {
                at += 1;
                let Some(have) = far.get_mut(one as usize).filter(|far| **far == NEVER) else {
                    continue;
                };
                *have = steps;
                round.extend(self.hubs_of.get(one as usize).into_iter().flatten());
                next.extend(self.from.get(one as usize).into_iter().flatten());
                if Some(one) == own {
                    next.extend(&holders);
                }
            }
            round = next;
            steps += 1;
        }
        far
    }
}

/// What is the same for every node.
struct Rules<'g> {
    modelled: bool,
    /// `ClusterRoles` that are changed by name.
    named: HashSet<&'g Name>,
    /// Whether any `ClusterRole` could be changed.
    escalates: bool,
    /// Of which roles one of any name could be made.
    new: HashSet<On>,
    /// Names under which objects are made.
    made: HashMap<On, HashSet<&'g Name>>,
    /// Whether a namespace holds pods back, so that its label could be changed.
    held: bool,
}

impl<'g> Rules<'g> {
    fn new(graph: &'g Graph<'_>, modelled: bool) -> Self {
        let world = &graph.world;
        // Who holds everything cluster-wide ends a search.
        let all = world.roles.iter().filter(|role| !role.full).flat_map(|role| &role.caps);
        let mut made: HashMap<On, HashSet<&Name>> = HashMap::new();
        for cap in all.clone().filter(|cap| cap.verb == Verb::Create) {
            let names = cap.names.as_deref().unwrap_or_default();
            if !names.is_empty() {
                made.entry(cap.on).or_default().extend(names);
            }
        }
        let any_new = |cap: &&Cap| cap.verb == Verb::Escalate && has(&cap.names, "");
        let new = all.clone().filter(any_new).map(|cap| cap.on).collect();
        let caps: Vec<&Cap> = all.filter(|cap| cap.on == On::ClusterRoles).collect();
        let writes = caps.iter().filter(|cap| cap.verb != Verb::Bind);
        Self {
            modelled,
            named: writes.filter_map(|cap| cap.names.as_deref()).flatten().collect(),
            escalates: caps.iter().any(|cap| cap.verb == Verb::Escalate),
            new,
            made,
            held: world.levels.contains(&Level::Held),
        }
    }

    /// Where a node leads, and where it could together with any other; whether it holds a
    /// `ClusterRole` cluster-wide, of which nothing more is to be said.
    fn leads(&self, graph: &Graph<'_>, node: &Node, leads: &mut Vec<Lead>) -> bool {
        if *node == Node::Everything {
            return false;
        }
        match graph.shared(node) {
            Some(moves) => self.add_moves(graph, node, moves, leads),
            None => self.add_moves(graph, node, &graph.moves_of(node, &[], false), leads),
        }
        if matches!(node, Node::Constrained(..)) {
            return false;
        }
        let mut holds = false;
        for holding in graph.holdings(node, &[]) {
            let Some(role) = holding.role.and_then(|role| graph.world.role_facts(role)) else {
                continue;
            };
            let is_role = role.key.0 == RoleKind::Role;
            if !is_role && !self.escalates {
                continue;
            }
            // A Role is changed by whoever holds everything in its namespace.
            let any = !is_role && role.exists && holding.at == Where::Cluster;
            holds |= any;
            // An aggregated one is changed by way of others.
            let fed = role.fed_by.is_some() && self.feeds();
            if !any || fed || self.named.contains(&role.key.2) {
                leads.push(Lead::Node(Node::Given(RoleSet::Own, holding.at)));
            }
        }
        holds
    }

    fn add_moves(&self, graph: &Graph<'_>, node: &Node, moves: &Moves, leads: &mut Vec<Lead>) {
        for edge in &moves.edges {
            if self.takes(edge.step) {
                leads.push(lead(&edge.to, node));
            }
        }
        for part in &moves.parts {
            match part {
                Part::Rewrite { at, .. } => own(*at, leads),
                Part::MakeSecret { at, .. }
                | Part::ReadSecret { at, .. }
                | Part::Switch { at, .. }
                | Part::Scale { at, .. }
                | Part::Anew { at, .. }
                | Part::Enter { at, .. } => {
                    leads.push(Lead::Hub(Hub::Accounts(*at)));
                }
                Part::MakeAccount { at, .. } | Part::Become { at, .. } => {
                    leads.push(Lead::Hub(Hub::Missing(*at)));
                }
                Part::Policy { .. } | Part::PolicyBinding { .. } => {
                    if self.takes(Step::Policy) {
                        leads.push(Lead::Node(Node::Given(RoleSet::Own, Where::Cluster)));
                    }
                }
                Part::Request { .. } | Part::Approve { .. } => leads.push(Lead::Node(Node::Anyone)),
                Part::Label { at, .. } | Part::Held { at, .. } => {
                    self.add_host(graph, leads);
                    if self.held {
                        leads.push(Lead::Hub(Hub::Held(*at)));
                    }
                }
                Part::Run { .. } => {
                    self.add_host(graph, leads);
                    self.add_chosen(graph, leads);
                }
                Part::Mint { .. } | Part::OwnNode { .. } => self.add_chosen(graph, leads),
                Part::MakeNamespace { .. } | Part::RunAnywhere { .. } => {
                    self.add_node(graph, Step::NewNamespaceAndHost, leads);
                }
                Part::Clear { on, at, names, .. } => {
                    self.add_remade(graph, (*on, *at), names.as_deref(), leads);
                }
                Part::Taken { leads: ends, .. } => {
                    let taken = ends.iter().filter(|(_, step)| self.takes(*step));
                    leads.extend(taken.map(|(to, _)| lead(to, node)));
                    self.add_host(graph, leads);
                }
                // Given roles are not looked at.
                Part::Bind { .. } | Part::Make { .. } => {}
            }
        }
    }

    /// Whether some `ClusterRole` and not any can be changed, or one be made.
    fn feeds(&self) -> bool {
        !self.named.is_empty() || self.new.contains(&On::ClusterRoles)
    }

    fn takes(&self, step: Step) -> bool {
        self.modelled || step.modelled().is_none()
    }

    /// Where it leads to delete what has one of the names, with whoever makes it again.
    fn add_remade(
        &self,
        graph: &Graph<'_>,
        (on, at): (On, Where),
        names: Option<&[Name]>,
        leads: &mut Vec<Lead>,
    ) {
        let made = self.made.get(&on).is_some_and(|made| {
            names.is_none_or(|names| names.iter().any(|name| made.contains(name)))
        });
        if on == On::Pods && graph.world.is_switched(at) {
            leads.push(Lead::Hub(Hub::Accounts(at)));
        }
        match on {
            On::Pods | On::Jobs if made => {
                leads.push(Lead::Hub(Hub::Accounts(at)));
                self.add_host(graph, leads);
                self.add_node(graph, Step::Host, leads);
            }
            On::RoleBindings | On::ClusterRoleBindings if made => own(at, leads),
            On::Roles | On::ClusterRoles if self.new.contains(&on) => own(at, leads),
            _ => {}
        }
    }

    fn add_host(&self, graph: &Graph<'_>, leads: &mut Vec<Lead>) {
        if self.held {
            self.add_node(graph, Step::LabelAndHost, leads);
        }
    }

    /// Where a token leads that is bound to a node of one's choice.
    fn add_chosen(&self, graph: &Graph<'_>, leads: &mut Vec<Lead>) {
        if graph.world.own_nodes && self.takes(Step::ImpersonateChosenNode) {
            leads.push(Lead::Hub(Hub::Node(None)));
            if graph.world.awaits_secrets(Where::Each) {
                leads.push(Lead::Hub(Hub::Accounts(Where::Each)));
            }
        }
    }

    fn add_node(&self, graph: &Graph<'_>, step: Step, leads: &mut Vec<Lead>) {
        if self.takes(step) {
            leads.push(Lead::Hub(Hub::Node(None)));
            if graph.world.sees_control_plane() {
                leads.push(Lead::Node(Node::Everything));
            }
        }
    }
}

/// Everything there: of whichever namespace, where it is not in one.
fn own(at: Where, leads: &mut Vec<Lead>) {
    leads.push(Lead::Node(Node::Given(RoleSet::Own, at)));
    // A ClusterRole may be held anywhere.
    if !matches!(at, Where::In(_)) {
        leads.push(Lead::Node(Node::Given(RoleSet::Own, Where::Each)));
        leads.push(Lead::Every);
    }
}

fn lead(to: &To, by: &Node) -> Lead {
    Lead::Node(match to {
        To::Hub(hub) => return Lead::Hub(*hub),
        To::Identity(id) => Node::Identity(*id),
        To::Stranger(who) => Node::Stranger(*who),
        To::Posing(pose) => Node::Posing(pose.clone()),
        To::Constrained(pose, mode) => {
            Node::Constrained(pose.clone(), *mode, Box::new(By::alone(by.clone())))
        }
        To::Given(set, at) => Node::Given(*set, *at),
        To::Anyone => Node::Anyone,
        To::Everything => Node::Everything,
    })
}
