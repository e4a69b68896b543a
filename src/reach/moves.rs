//! Where rights lead: steps that one set of rights makes by itself, and parts of steps that need
//! something from elsewhere.

use std::sync::Arc;

use super::ask::{Mode, Names, On};
use super::graph::Holding;
use super::rights::{Joins, Right, Rights};
use super::step::Step;
use super::steps;
use super::stranger::Stranger;
use super::switched::Switched;
use super::world::{Door, Where, World};
use crate::model::Name;

/// Which roles are bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RoleSet {
    /// One, by its number.
    One(u32),
    /// Every `ClusterRole` that exists.
    ClusterRoles,
    /// Every Role of a namespace.
    RolesIn(u32),
    /// One of one's own making: everything.
    Own,
}

/// Many that are taken over alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Hub {
    /// Accounts that exist.
    Accounts(Where),
    /// The same and those that only bindings name, impersonated.
    Posed(Where),
    /// Accounts that bindings name and that are not there, once they are made.
    Missing(Where),
    /// Users, impersonated.
    Users,
    /// Accounts with a token Secret.
    Tokens(Where),
    /// Accounts whose tokens are in pods that run.
    Pods(Door, Where),
    /// Accounts whose tokens are in the pods that `CronJob`s make next.
    Next(Where),
    /// Accounts whose tokens are in pods that break their namespace's Pod Security level.
    Held(Where),
    /// Accounts with a token Secret where a container can be added to a pod.
    PodSecrets(Where),
    /// Accounts of the pods of a node; None: of every node.
    Node(Option<u32>),
    /// The same, of containers that run.
    Kubelet(Option<u32>),
}

/// As whom an impersonator makes a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Pose {
    /// The user or account; None for one that no grant names.
    pub(crate) who: Option<u32>,
    /// The groups that are asked for, sorted. Where none are, an account has its own.
    pub(crate) groups: Arc<[u32]>,
}

/// Where a step leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum To {
    /// An identity, with a credential of its own.
    Identity(u32),
    /// Whom nothing names, with a credential of its own.
    Stranger(Stranger),
    /// The request of an impersonator.
    Posing(Pose),
    /// The same, as far as the impersonator's own rules let it.
    Constrained(Pose, Mode),
    /// Many.
    Hub(Hub),
    /// A role.
    Given(RoleSet, Where),
    /// Any user and any groups but `system:masters`.
    Anyone,
    /// `system:masters`, or what is as much.
    Everything,
}

/// An object that is there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Object {
    pub(crate) on: On,
    /// Its namespace, or cluster-wide.
    pub(crate) at: Where,
    pub(crate) name: Name,
}

/// A step that can be made.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub(crate) to: To,
    pub(crate) step: Step,
    pub(crate) used: Vec<Right>,
    /// Roles that have to be held besides.
    pub(crate) held: Vec<Holding>,
    /// What is deleted first, since it has the name that is needed.
    pub(crate) deletes: Option<Object>,
}

impl Edge {
    pub(crate) fn new(to: To, step: Step, used: Vec<Right>) -> Self {
        Self { to, step, used, held: Vec::new(), deletes: None }
    }
}

/// How accounts can be taken over.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) step: Step,
    pub(crate) used: Vec<Right>,
    /// Who makes it besides.
    pub(crate) with: Vec<u32>,
    pub(crate) deletes: Option<Object>,
}

impl Way {
    pub(crate) fn new(step: Step, used: &[Right]) -> Self {
        Self { step, used: used.to_vec(), with: Vec::new(), deletes: None }
    }
}

/// How Secrets are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sees {
    /// In answers of the API server. Names are theirs.
    Answer,
    /// The same by who can also have one go that has the name.
    AnswerAnew,
    /// In a container that is added to a pod that is there. Names are of pods, here and below.
    Added,
    /// In containers that run, as far as these see them as they are then.
    Running,
    /// In containers that start anew with another image.
    Image,
    /// The same as the third by way of kubelets; None: of every node. There are no names.
    Kubelets(Option<Arc<[u32]>>),
    /// By being a node, as far as its pods refer to them. Names are the Secrets'.
    Nodes(Arc<[u32]>),
}

/// What makes a step together with something else, whosesoever right that is.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// Roles can be changed (or, where `missing`, made) to allow anything.
    Rewrite { on: On, at: Where, names: Names, missing: bool, used: Vec<Right> },
    /// Roles can be made, at least such as allow nothing.
    Make { on: On, at: Where, names: Names, used: Vec<Right> },
    /// Bindings can be changed (or, where `missing`, made), to a role that one holds.
    Bind { bindings: On, at: Where, names: Names, missing: bool, used: Vec<Right> },
    /// Token Secrets can be made, or those that are there changed.
    MakeSecret { at: Where, names: Names, step: Step, used: Vec<Right> },
    /// Secrets can be read.
    ReadSecret { at: Where, names: Names, by: Sees, used: Vec<Right> },
    /// Certificate requests can be made.
    Request { names: Names, used: Vec<Right> },
    /// They can be approved for client certificates.
    Approve { names: Names, used: Vec<Right> },
    /// Pods can be run; where something `deletes`, under its name.
    Run { at: Where, used: Vec<Right>, deletes: Option<Object> },
    /// The same cluster-wide, so that it is in namespaces too that are made.
    RunAnywhere { used: Vec<Right> },
    /// Namespaces can be made.
    MakeNamespace { used: Vec<Right> },
    /// Pods that run can be changed, which a Pod Security level holds back: those that have their
    /// node, or, where a container `adds` that, any.
    Held { at: Where, names: Names, adds: bool, used: Vec<Right> },
    /// The Pod Security level of namespaces can be changed.
    Label { at: Where, names: Names, used: Vec<Right> },
    /// Accounts can be made.
    MakeAccount { at: Where, names: Names, used: Vec<Right> },
    /// Accounts of some names can be taken over, once they are there; by others too, where it takes
    /// several.
    Become { at: Where, names: Names, way: Arc<Way> },
    /// Mutating admission policies can be made.
    Policy { used: Vec<Right> },
    /// What puts them into force can be made, or, where it is `there`, changed.
    PolicyBinding { there: bool, used: Vec<Right> },
    /// Objects can be deleted.
    Clear { on: On, at: Where, names: Names, used: Vec<Right> },
    /// Tokens can be made for accounts of these names.
    Mint { at: Where, names: Names, used: Vec<Right> },
    /// Where it leads that the token of an account of these names is bound to a node of one's choice.
    OwnNode { at: Where, names: Names, moves: Arc<Moves> },
    /// Accounts can be changed to have their token mounted.
    Switch { at: Where, names: Names, used: Vec<Right> },
    /// What makes pods can be scaled.
    Scale { on: On, at: Where, names: Names, used: Vec<Right> },
    /// A pod is made anew, with its account's token. Names are what tells it from others.
    Anew { at: Where, names: Names, keeps_name: bool, pod: Arc<Switched>, used: Vec<Right> },
    /// Pods that run can be got into. Names are theirs.
    Enter { at: Where, names: Names, door: Door, used: Vec<Right> },
    /// What could be made under names that are all taken, and where that would lead.
    Taken { on: On, at: Where, names: Arc<[Name]>, used: Vec<Right>, leads: Arc<[(To, Step)]> },
}

impl Part {
    /// The rights of its one request.
    pub(crate) fn used(&self) -> &[Right] {
        match self {
            Self::Rewrite { used, .. }
            | Self::Make { used, .. }
            | Self::Bind { used, .. }
            | Self::MakeSecret { used, .. }
            | Self::ReadSecret { used, .. }
            | Self::Request { used, .. }
            | Self::Approve { used, .. }
            | Self::Run { used, .. }
            | Self::RunAnywhere { used }
            | Self::MakeNamespace { used }
            | Self::Held { used, .. }
            | Self::Label { used, .. }
            | Self::MakeAccount { used, .. }
            | Self::Policy { used }
            | Self::PolicyBinding { used, .. }
            | Self::Clear { used, .. }
            | Self::Mint { used, .. }
            | Self::Switch { used, .. }
            | Self::Scale { used, .. }
            | Self::Anew { used, .. }
            | Self::Enter { used, .. }
            | Self::Taken { used, .. } => used,
            Self::Become { way, .. } => &way.used,
            Self::OwnNode { .. } => &[],
        }
    }
}

/// Where one set of rights leads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moves {
    pub(crate) edges: Vec<Edge>,
    pub(crate) parts: Vec<Part>,
    /// What rights from elsewhere could make a step with in one request.
    pub(crate) joins: Arc<Joins>,
}

impl Moves {
    /// Takes up further ones: of each end, the first way to it stands.
    pub(crate) fn add(&mut self, more: Self) {
        let seen: foldhash::HashSet<To> = self.edges.iter().map(|edge| edge.to.clone()).collect();
        self.edges.extend(more.edges.into_iter().filter(|edge| !seen.contains(&edge.to)));
        self.parts.extend(more.parts);
    }
}

/// Takes up steps, each end once: the first way to it stands.
#[derive(Debug, Default)]
pub(crate) struct Out {
    seen: foldhash::HashSet<To>,
    moves: Moves,
}

impl Out {
    pub(crate) fn edge(&mut self, to: To, step: Step, used: &[Right]) {
        if !self.seen.contains(&to) {
            self.seen.insert(to.clone());
            self.moves.edges.push(Edge::new(to, step, used.to_vec()));
        }
    }

    pub(crate) fn part(&mut self, part: Part) {
        self.moves.parts.push(part);
    }

    /// What was found so far.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.moves.parts
    }

    pub(crate) fn into_moves(self) -> Moves {
        self.moves
    }

    pub(crate) fn into_edges(self) -> Vec<Edge> {
        self.moves.edges
    }

    /// Where the steps lead that were found, and by what.
    pub(crate) fn leads(self) -> Arc<[(To, Step)]> {
        self.moves.edges.into_iter().map(|edge| (edge.to, edge.step)).collect()
    }

    /// Where pods can be run, as far as was found.
    pub(crate) fn runs(&self) -> Vec<(Where, Vec<Right>)> {
        let run = |part: &Part| match part {
            Part::Run { at, used, .. } => Some((*at, used.clone())),
            _ => None,
        };
        self.moves.parts.iter().filter_map(run).collect()
    }
}

/// Where being a node leads; None: any node.
pub(crate) fn of_nodes(node: Option<u32>) -> Moves {
    let mut out = Out::default();
    out.edge(To::Hub(Hub::Node(node)), Step::NodeToken, &[]);
    if let Some(node) = node {
        let (at, by) = (Where::Each, Sees::Nodes([node].into()));
        out.part(Part::ReadSecret { at, names: None, by, used: Vec::new() });
    }
    out.moves
}

/// Who leaves its credential out is anonymous.
pub(crate) fn of_anybody(world: &World) -> Moves {
    let mut out = Out::default();
    if let Some(to) = &world.anonymous {
        out.edge(to.clone(), Step::Anonymous, &[]);
    }
    out.moves
}

/// Where being impersonated as the node of one's pod leads.
pub(crate) fn of_own_nodes(rights: &Rights, world: &World, account: u32) -> Moves {
    let mut out = Out::default();
    steps::node::find_own(rights, world, account, &mut out);
    out.moves
}

/// Where it leads that a token is bound to a node of one's choice: of an account of these names there.
pub(crate) fn of_chosen_nodes(rights: &Rights, world: &World, at: Where, names: Names) -> Moves {
    let mut out = Out::default();
    steps::node::find_chosen(rights, world, (at, names), &mut out);
    out.moves
}

/// Where rights lead. What the API server's own checks decide comes first.
pub(crate) fn of(rights: &Rights, world: &World) -> Moves {
    let mut out = Out::default();
    steps::impersonate::find(rights, world, &mut out);
    steps::escalate::find(rights, &mut out);
    steps::bind::find(rights, world, &mut out);
    steps::account::find(rights, world, &mut out);
    steps::token::find(rights, world, &mut out);
    steps::secret::find(rights, world, &mut out);
    steps::exec::find(rights, world, &mut out);
    steps::workload::find(rights, world, &mut out);
    steps::kubelet::find(rights, world, &mut out);
    steps::node::find(rights, world, &mut out);
    if world.signs_clients {
        steps::certificate::find(rights, &mut out);
    }
    steps::exec::find_attach(rights, world, &mut out);
    steps::host::find(rights, world, &mut out);
    steps::webhook::find(rights, &mut out);
    steps::policy::find(rights, world, &mut out);
    steps::aws_auth::find(rights, world, &mut out);
    steps::definition::find(rights, world, &mut out);
    steps::remake::find(rights, &mut out);
    steps::automount::find(rights, world, &mut out);
    out.moves.joins = Arc::new(rights.joins());
    out.moves
}
