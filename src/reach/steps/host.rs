//! A pod that has its node: privileged, or with a path of the host, where the namespace's Pod
//! Security level lets it. The node holds the tokens of all its pods; a node of the control plane
//! the keys of the cluster.

use crate::reach::ask::{On, Verb, has};
use crate::reach::moves::{Hub, Out, Part, To};
use crate::reach::rights::{Right, Rights, changes};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::steps::exec::connects;
use crate::reach::world::{Level, Placed, Where, World, of};

const MODEL: &str = "assumes that no other admission refuses such pods and that nodes take them";

pub(crate) const POD: About = About {
    id: "host",
    does: "runs a pod with the node's files, and so takes the tokens there of",
    seen: Seen { how: Shown::Partly, what: "the pod being made, not what it does on the node" },
    modelled: Some(MODEL),
};

pub(crate) const REACHED: About = About {
    id: "host-pod",
    does: "reaches into a pod that has its node's files, and so takes the tokens there of",
    seen: Seen {
        how: Shown::Partly,
        what: "the connection or the change of the pod, not what it does on the node; nothing where it \
               is by way of the kubelet",
    },
    modelled: Some(
        "assumes that what runs in the pod reaches the node's files, and has what it takes to read \
         them",
    ),
};

pub(crate) const LABEL: About = About {
    id: "label-and-host",
    does: "takes a namespace's Pod Security level away, and by a pod there the tokens on its node of",
    seen: Seen {
        how: Shown::Partly,
        what: "the label and the pod being made, not what it does on the node",
    },
    modelled: Some(MODEL),
};

pub(in crate::reach) fn find(rights: &Rights, world: &World, out: &mut Out) {
    let runs: Vec<(Where, Vec<Right>)> = out.runs();
    for (at, used) in runs {
        for to in node(world).filter(|_| lets(world, at)) {
            out.edge(to, Step::Host, &used);
        }
    }
    reached(rights, world, out);
    for change in changes(rights, On::Namespaces) {
        let Some(at) = labelled(world, change.at, &change.names) else { continue };
        out.part(Part::Label { at, names: change.names, used: change.used });
    }
}

/// Pods that run and have their node, or, by a container that is added, can have it.
fn reached(rights: &Rights, world: &World, out: &mut Out) {
    for right in connects(rights, world, On::Exec) {
        into_pods(right, world, |_, pod| pod.has_node, out);
    }
    for right in changes(rights, On::Pods).flat_map(|change| change.used) {
        into_pods(&right, world, |_, pod| pod.has_node && !pod.mirror, out);
    }
    let lets = |ns: u32| world.levels.get(ns as usize).is_some_and(|level| *level != Level::Held);
    for right in changes(rights, On::Ephemeral).flat_map(|change| change.used) {
        into_pods(&right, world, |ns, pod| lets(ns) && !pod.mirror, out);
    }
    // By way of the kubelet its pods' tokens are had already; what more there is are the keys.
    for right in [Verb::Get, Verb::Create].into_iter().flat_map(|verb| rights.of(On::Kubelet, verb))
    {
        let mut pods = world.placed.iter().flatten().filter(|pod| pod.has_node);
        let keys = |pod: &Placed| {
            let node = world.nodes.get(pod.node as usize);
            holds_keys(world, pod.node) && node.is_some_and(|name| has(&right.names, name))
        };
        if pods.any(keys) {
            out.edge(To::Everything, Step::HostPod, std::slice::from_ref(right));
        }
    }
}

fn into_pods(right: &Right, world: &World, is_it: impl Fn(u32, &Placed) -> bool, out: &mut Out) {
    for ns in world.within(right.at) {
        for pod in of(&world.placed, ns) {
            if !has(&right.names, &pod.name) || !is_it(ns, pod) {
                continue;
            }
            let used = std::slice::from_ref(right);
            if holds_keys(world, pod.node) {
                out.edge(To::Everything, Step::HostPod, used);
            }
            out.edge(To::Hub(Hub::Node(Some(pod.node))), Step::HostPod, used);
        }
    }
}

fn holds_keys(world: &World, node: u32) -> bool {
    world.holds_keys.get(node as usize).copied().unwrap_or_default()
}

/// A place in which some namespace can be labelled.
fn labelled(world: &World, at: Where, names: &crate::reach::ask::Names) -> Option<Where> {
    let at = at.inside();
    world
        .within(at)
        .any(|ns| world.namespace(ns).is_some_and(|name| has(names, name)))
        .then_some(at)
}

/// Whether some namespace of a place lets such pods run.
pub(in crate::reach) fn lets(world: &World, at: Where) -> bool {
    world
        .open_within(at)
        .any(|ns| world.levels.get(ns as usize).is_some_and(|level| *level != Level::Held))
}

/// What a node holds.
pub(in crate::reach) fn node(world: &World) -> impl Iterator<Item = To> {
    let keys = world.sees_control_plane().then_some(To::Everything);
    keys.into_iter().chain([To::Hub(Hub::Node(None))])
}
