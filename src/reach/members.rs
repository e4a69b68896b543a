//! Whom steps lead to that lead to many at once.

use std::sync::Arc;

use foldhash::HashSet;

use super::graph::{Graph, Node};
use super::moves::{Hub, Pose, To};
use super::world::{Where, World, of};

/// Whether a step would lead to somebody who is not among those.
pub(super) fn is_news(graph: &Graph<'_>, seen: &HashSet<Node>, to: &To) -> bool {
    match to {
        To::Hub(hub) => members(&graph.world, *hub).iter().any(|node| !seen.contains(node)),
        To::Given(set, at) => !seen.contains(&Node::Given(*set, *at)),
        To::Identity(id) => !seen.contains(&Node::Identity(*id)),
        To::Stranger(who) => !seen.contains(&Node::Stranger(*who)),
        To::Everything => !seen.contains(&Node::Everything),
        _ => true,
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
        Hub::Next(at) => world
            .within(at)
            .flat_map(|ns| of(&world.next, ns))
            .map(|account| Node::Identity(*account))
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
