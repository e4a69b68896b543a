//! What nodes may by being nodes (`plugin/pkg/auth/authorizer/node`): a user `system:node:NAME` in
//! the group `system:nodes` has tokens made for the accounts of the pods that are bound to it, and
//! reads the Secrets that they mount. Whoever is impersonated as one may the same; constrained
//! impersonation has a verb of its own for nodes, and adds the group itself (KEP-5284).

use std::sync::Arc;

use crate::model::Identity;
use crate::reach::ask::{Names, On, Verb, both, has};
use crate::reach::moves::{Edge, Hub, Moves, Object, Out, Part, Sees, To};
use crate::reach::parts::{Brought, given_by};
use crate::reach::rights::{Right, Rights};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::steps::impersonate::is_constrained;
use crate::reach::world::{Where, World, of};

pub(in crate::reach) const PREFIX: &str = Identity::NODE_PREFIX;
const GROUP: &str = "system:nodes";

const MODEL: &str =
    "assumes that the Node authorizer is on, as kubeadm and cloud providers have it";

pub(crate) const OWN: About = About {
    id: "node-token",
    does: "has tokens made for pods on its node, or reads those that they mount, of",
    seen: Seen { how: Shown::Yes, what: "the token being made or the Secret being read" },
    modelled: Some(MODEL),
};

pub(crate) const POSED_OWN: About = About {
    id: "impersonate-own-node",
    does: "impersonates the node of its pod, and has tokens made for the pods there, or reads those \
           that they mount, of",
    seen: Seen { how: Shown::Yes, what: "each request, with both names" },
    modelled: Some(
        "assumes that the Node authorizer is on, as kubeadm and cloud providers have it, and a token \
         that is bound to a pod on that node, as those in pods are",
    ),
};

pub(crate) const POSED_CHOSEN: About = About {
    id: "impersonate-chosen-node",
    does: "by a token that is bound to a node of its choice impersonates that node, and has tokens made \
           for the pods there, or reads those that they mount, of",
    seen: Seen {
        how: Shown::Yes,
        what: "the token or the pod being made, and each request, with both names",
    },
    modelled: Some(
        "assumes that the Node authorizer is on, as kubeadm and cloud providers have it. The token is \
         made for the node by its name (`boundObjectRef`), or is that of a pod that is run there \
         (`nodeName`); every node counts on which a pod is seen to run",
    ),
};

pub(crate) const POSED: About = About {
    id: "impersonate-node",
    does: "impersonates a node, and has tokens made for its pods, or reads those that they mount, of",
    seen: Seen { how: Shown::Yes, what: "each request, with both names" },
    modelled: Some(MODEL),
};

/// By impersonation of the legacy sort: a node's name as a user's, with the nodes' group.
pub(in crate::reach) fn find(rights: &Rights, world: &World, out: &mut Out) {
    let groups = rights.of(On::Groups, Verb::Impersonate);
    if let Some(group) = groups.iter().find(|right| has(&right.names, GROUP)) {
        for user in rights.of(On::Users, Verb::Impersonate) {
            let used = [user.clone(), group.clone()];
            match &user.names {
                None => out.edge(To::Hub(Hub::Node(None)), Step::ImpersonateNode, &used),
                Some(names) => {
                    let nodes =
                        names.iter().filter_map(|name| world.node(name.strip_prefix(PREFIX)?));
                    for node in nodes {
                        out.edge(To::Hub(Hub::Node(Some(node))), Step::ImpersonateNode, &used);
                    }
                }
            }
        }
    }
    if is_constrained(world) {
        for node in rights.of(On::InfoNodes, Verb::ArbitraryNode) {
            let nodes = (0u32..).zip(&world.nodes).filter(|(_, name)| has(&node.names, name));
            let nodes: Vec<u32> = nodes.map(|(at, _)| at).collect();
            posed(&ARBITRARY, rights, world, node, &nodes, out);
        }
    }
}

/// The same of the node of one's own pod: the API server takes its name from the token. Which it is
/// is not asked, but the name `*` (KEP-5284).
pub(in crate::reach) fn find_own(rights: &Rights, world: &World, account: u32, out: &mut Out) {
    let nodes = world.nodes_of.get(&account).map_or(&[][..], Vec::as_slice);
    if is_constrained(world) {
        let any = rights.of(On::InfoNodes, Verb::AssociatedNode).iter();
        for node in any.filter(|right| has(&right.names, "*")) {
            posed(&OWN_NODE, rights, world, node, nodes, out);
        }
    }
}

/// The same of a node of one's choice: to be joined with a token that is bound to it.
pub(in crate::reach) fn find_chosen(
    rights: &Rights,
    world: &World,
    (at, names): (Where, Names),
    out: &mut Out,
) {
    let all: Vec<u32> = (0u32..).zip(&world.nodes).map(|(at, _)| at).collect();
    let mut found = Out::default();
    let any = rights.of(On::InfoNodes, Verb::AssociatedNode).iter();
    for node in any.filter(|right| has(&right.names, "*")) {
        posed(&CHOSEN_NODE, rights, world, node, &all, &mut found);
    }
    let moves = found.into_moves();
    if !moves.edges.is_empty() || !moves.parts.is_empty() {
        out.part(Part::OwnNode { at, names, moves: Arc::new(moves) });
    }
}

/// By which rights a token of such an account can be had that is bound to a node, and what is deleted
/// first: a token is made for a node by its name (`boundObjectRef`, KEP-4193), and a pod is run where
/// its `nodeName` says.
fn bound<'p>(
    world: &World,
    own: &'p Part,
    token: &'p Part,
) -> Option<(&'p Moves, &'p [Right], Option<&'p Object>)> {
    let Part::OwnNode { at, names, moves } = own else { return None };
    let (there, wanted, used, deletes) = match token {
        Part::Mint { at, names, used } => (at, names, used, None),
        Part::Run { at, used, deletes } => (at, &None, used, deletes.as_ref()),
        _ => return None,
    };
    let (at, names) = (at.meet(*there)?, both(names, wanted));
    let is_it = |id: &u32| names.as_ref().is_none_or(|names| world.is_named(*id, names));
    let accounts = |ns| of(&world.accounts, ns).iter().chain(of(&world.missing, ns));
    world.open_within(at).any(|ns| accounts(ns).any(is_it)).then_some((
        moves,
        used.as_slice(),
        deletes,
    ))
}

/// Where it leads to have a token bound to a node, and to pass for it.
pub(in crate::reach) fn chosen(world: &World, own: &Part, token: &Part) -> Vec<Edge> {
    let Some((moves, used, deletes)) = bound(world, own, token) else { return Vec::new() };
    let edge = |edge: &Edge| Edge {
        used: [used, &edge.used].concat(),
        deletes: deletes.cloned(),
        ..edge.clone()
    };
    moves.edges.iter().map(edge).collect()
}

/// The Secrets that one reads so.
pub(in crate::reach) fn read_on_chosen(
    world: &World,
    one: &Brought,
    other: &Brought,
) -> Vec<Brought> {
    let ((who, own), (by, token)) = match (&one.1, &other.1) {
        (Part::OwnNode { .. }, _) => (one, other),
        (_, Part::OwnNode { .. }) => (other, one),
        _ => return Vec::new(),
    };
    let Some((moves, token, None)) = bound(world, own, token) else { return Vec::new() };
    let token = given_by(token, *by, *who);
    let read = |part: &Part| match part {
        Part::ReadSecret { at, names, by, used } => {
            let (names, by) = (names.clone(), by.clone());
            let used = [token.as_slice(), used].concat();
            Some((*who, Part::ReadSecret { at: *at, names, by, used }))
        }
        _ => None,
    };
    moves.parts.iter().filter_map(read).collect()
}

/// What a constrained sort asks for besides, of what nodes may.
struct Sort {
    create: Verb,
    reads: [Verb; 3],
    step: Step,
}

const ARBITRARY: Sort = Sort {
    create: Verb::CreateOnNode,
    reads: [Verb::GetOnNode, Verb::ListOnNode, Verb::WatchOnNode],
    step: Step::ImpersonateNode,
};

const OWN_NODE: Sort = Sort {
    create: Verb::CreateOnOwnNode,
    reads: [Verb::GetOnOwnNode, Verb::ListOnOwnNode, Verb::WatchOnOwnNode],
    step: Step::ImpersonateOwnNode,
};

const CHOSEN_NODE: Sort = Sort { step: Step::ImpersonateChosenNode, ..OWN_NODE };

/// Tokens of the accounts as which pods run on nodes, and those in Secrets that these name.
fn posed(sort: &Sort, rights: &Rights, world: &World, node: &Right, nodes: &[u32], out: &mut Out) {
    for token in rights.of(On::Token, sort.create) {
        let used = [node.clone(), token.clone()];
        let there = |account: u32| {
            let mut all = world.open_within(token.at);
            all.any(|ns| of(&world.accounts, ns).contains(&account))
        };
        for account in nodes.iter().flat_map(|at| of(&world.runs_on_node, *at)).copied() {
            let named = token.names.as_ref().is_none_or(|names| world.is_named(account, names));
            if named && there(account) {
                out.edge(To::Identity(account), sort.step, &used);
            }
        }
    }
    for read in sort.reads.into_iter().flat_map(|verb| rights.of(On::Secrets, verb)) {
        let used = [node.clone(), read.clone()];
        if !nodes.is_empty() && world.awaits_secrets(read.at) {
            let (at, names, by) = (read.at.inside(), read.names.clone(), Sees::Nodes(nodes.into()));
            out.part(Part::ReadSecret { at, names, by, used: used.to_vec() });
        }
        for (ns, name, account) in nodes.iter().flat_map(|at| of(&world.secrets_on_node, *at)) {
            if Where::In(*ns).meet(read.at).is_some() && has(&read.names, name) {
                out.edge(To::Identity(*account), sort.step, &used);
            }
        }
    }
}
