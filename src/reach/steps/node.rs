//! What nodes may by being nodes (`plugin/pkg/auth/authorizer/node`): a user `system:node:NAME` in
//! the group `system:nodes` has tokens made for the accounts of the pods that are bound to it, and
//! reads the Secrets that they mount. Whoever is impersonated as one may the same; constrained
//! impersonation has a verb of its own for nodes, and adds the group itself (KEP-5284).

use crate::reach::ask::{On, Verb, has};
use crate::reach::moves::{Hub, Out, To};
use crate::reach::rights::{Right, Rights};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::world::{World, of};

pub(in crate::reach) const PREFIX: &str = "system:node:";
const GROUP: &str = "system:nodes";

const MODEL: &str =
    "assumes that the Node authorizer is on, as kubeadm and cloud providers have it";

pub(crate) const OWN: About = About {
    id: "node-token",
    does: "has tokens made for pods on its node, or reads those that they mount, of",
    seen: Seen { how: Shown::Yes, what: "the token being made or the Secret being read" },
    modelled: Some(MODEL),
};

pub(crate) const POSED: About = About {
    id: "impersonate-node",
    does: "impersonates a node, and has tokens made for its pods, or reads those that they mount, of",
    seen: Seen { how: Shown::Yes, what: "each request, with both names" },
    modelled: Some(MODEL),
};

/// By impersonation of the legacy sort: a node's name as a user's, with the nodes' group.
pub(in crate::reach) fn find(rights: &Rights, world: &World, constrained: bool, out: &mut Out) {
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
    if constrained {
        for node in rights.of(On::InfoNodes, Verb::ArbitraryNode) {
            for token in rights.of(On::Token, Verb::CreateOnNode) {
                tokens(world, node, token, out);
            }
        }
    }
}

/// Tokens of the accounts as which pods run on nodes.
fn tokens(world: &World, node: &Right, token: &Right, out: &mut Out) {
    let used = [node.clone(), token.clone()];
    for (at, name) in (0u32..).zip(&world.nodes) {
        if !has(&node.names, name) {
            continue;
        }
        for account in of(&world.runs_on_node, at).iter().copied() {
            let there = world.within(token.at).any(|ns| of(&world.accounts, ns).contains(&account));
            let named = token.names.as_ref().is_none_or(|names| world.is_named(account, names));
            if there && named {
                out.edge(To::Identity(account), Step::ImpersonateNode, &used);
            }
        }
    }
}
