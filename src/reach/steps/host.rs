//! A pod that has its node: privileged, or with a path of the host, where the namespace's Pod
//! Security level lets it. The node holds the tokens of all its pods; a node of the control plane
//! the keys of the cluster.

use crate::model::Name;
use crate::reach::ask::{On, Verb, has};
use crate::reach::moves::{Edge, Hub, Out, Part, To};
use crate::reach::rights::{Right, Rights, Write, changes, makes};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::steps::exec::{connects, perhaps};
use crate::reach::steps::kubelet::has_node;
use crate::reach::world::{Door, Level, Placed, Where, World, of};

const MODEL: &str = "assumes that a namespace that says no Pod Security level has the one that the setting \
                     pod_security says, or else none, that no other admission refuses such pods and that \
                     nodes take them";
/// Where a label is written that says what pods may be.
const LABELLED: &str = "assumes that no other admission refuses such pods and that nodes take them";

pub(crate) const POD: About = About {
    id: "host",
    does: "runs a pod with the node's files, and so takes the tokens there of",
    seen: Seen { how: Shown::Partly, what: "the pod being made, not what it does on the node" },
    modelled: Some(MODEL),
};

pub(crate) const REACHED: About = About {
    id: "host-pod",
    does: "reaches into a pod that has its node's files or processes, and so takes the tokens there of",
    seen: Seen {
        how: Shown::Partly,
        what: "the connection or the change of the pod, not what it does on the node; nothing where it \
               is by way of the kubelet",
    },
    modelled: Some(
        "assumes that what runs in the pod reaches the node's files, or those of its processes, and has \
         what it takes to read them",
    ),
};

pub(crate) const LABEL: About = About {
    id: "label-and-host",
    does: "takes a namespace's Pod Security level away, and by a pod there the tokens on its node of",
    seen: Seen {
        how: Shown::Partly,
        what: "the label and the pod being made or changed, not what it does on the node",
    },
    modelled: Some(LABELLED),
};

pub(crate) const CHANGE: About = About {
    id: "label-and-change",
    does: "takes a namespace's Pod Security level away, and changes a pod there that holds the token of",
    seen: Seen { how: Shown::Yes, what: "the label, and update or patch of the pod" },
    modelled: None,
};

pub(crate) const NEW: About = About {
    id: "namespace-and-host",
    does: "makes a namespace with a label that lets pods be anything, and takes by a pod there the tokens \
           on its node of",
    seen: Seen {
        how: Shown::Partly,
        what: "the namespace and the pod being made, not what it does on the node",
    },
    modelled: Some(LABELLED),
};

pub(in crate::reach) fn find(rights: &Rights, world: &World, out: &mut Out) {
    let runs: Vec<(Where, Vec<Right>)> = out.runs();
    for (at, used) in runs {
        for to in node(world).filter(|_| lets(world, at)) {
            out.edge(to, Step::Host, &used);
        }
    }
    reached(rights, world, out);
    for change in On::LABELS.into_iter().flat_map(|on| changes(rights, on)) {
        let Some(at) = labelled(world, change.at, &change.names) else { continue };
        out.part(Part::Label { at, names: change.names, used: change.used });
    }
    // In a namespace that is there, none is made.
    for made in makes(rights, On::Namespaces).into_iter().filter(|made| made.at == Where::Cluster) {
        let is_free = |names: &[Name]| names.iter().any(|name| !world.namespaces.contains(name));
        if made.names.as_deref().is_none_or(is_free) {
            out.part(Part::MakeNamespace { used: made.used });
        }
    }
}

/// Pods that run and have their node, or, by a container that is added, can have it.
fn reached(rights: &Rights, world: &World, out: &mut Out) {
    let ways = connects(rights, world, On::Exec).into_iter();
    for way in ways.chain(perhaps(rights, world, On::Exec)) {
        into_pods(&way, world, |_, pod| pod.has_node, out);
    }
    for way in changes(rights, On::Pods) {
        // A pod whose image changes is held against the level as one that is made
        // (`pod-security-admission/admission/admission.go`, `isSignificantPodUpdate`).
        let is_free = |ns: u32| world.level(ns) != Level::Held;
        into_pods(&way, world, |ns, pod| is_free(ns) && pod.has_node && !pod.mirror, out);
        held(&way, false, out);
    }
    for way in changes(rights, On::Ephemeral) {
        into_pods(&way, world, |ns, pod| world.level(ns).lets() && !pod.mirror, out);
        held(&way, true, out);
    }
    // By way of the kubelet its pods' tokens are had already; what more there is are the keys.
    for right in [Verb::Get, Verb::Create].into_iter().flat_map(|verb| rights.of(On::Kubelet, verb))
    {
        let mut pods = world.placed.iter().flatten().filter(|pod| pod.has_node);
        let keys = |pod: &Placed| {
            let node = world.nodes.get(pod.node as usize);
            holds_keys(world, pod.node) && node.is_some_and(|name| has_node(&right.names, name))
        };
        if pods.any(keys) {
            out.edge(To::Everything, Step::HostPod, std::slice::from_ref(right));
        }
    }
}

/// What a right comes to where the level is taken away first.
fn held(way: &Write, adds: bool, out: &mut Out) {
    let (at, names, used) = (way.at.inside(), way.names.clone(), way.used.clone());
    out.part(Part::Held { at, names, adds, used });
}

/// Where it leads to take the level of namespaces away and to change a pod then that runs there.
pub(in crate::reach) fn opened(world: &World, label: &Part, other: &Part) -> Vec<Edge> {
    let (
        Part::Label { at, names: labelled, used },
        Part::Held { at: there, names, adds, used: changes },
    ) = (label, other)
    else {
        return Vec::new();
    };
    let Some(at) = at.meet(*there) else { return Vec::new() };
    let is_held = |ns: &u32| {
        world.level(*ns) == Level::Held
            && world.namespace(*ns).is_some_and(|name| has(labelled, name))
    };
    let used = [used.as_slice(), changes].concat();
    let mut found = Out::default();
    for pod in world.within(at).filter(is_held).flat_map(|ns| of(&world.placed, ns)) {
        if has(names, &pod.name) && !pod.mirror && (*adds || pod.has_node) {
            on_node(world, pod.node, Step::LabelAndHost, &used, &mut found);
        }
    }
    // A pod that breaks the level is changed once there is none, whatever it may do on its node.
    let door = if *adds { Door::Container } else { Door::Image };
    for ns in world.within(at).filter(is_held) {
        let held = of(&world.pods, ns).iter().filter(|pod| pod.held && has(names, &pod.name));
        let to = held.filter(|pod| pod.has(door)).map(|pod| To::Identity(pod.account));
        to.for_each(|to| found.edge(to, Step::LabelAndChange, &used));
    }
    found.into_edges()
}

/// Where it leads to make a namespace and to run a pod in it.
pub(in crate::reach) fn in_new(world: &World, made: &Part, runs: &Part) -> Vec<Edge> {
    let (Part::MakeNamespace { used }, Part::RunAnywhere { used: runs }) = (made, runs) else {
        return Vec::new();
    };
    let used = [used.as_slice(), runs].concat();
    node(world).map(|to| Edge::new(to, Step::NewNamespaceAndHost, used.clone())).collect()
}

fn on_node(world: &World, at: u32, step: Step, used: &[Right], out: &mut Out) {
    if holds_keys(world, at) {
        out.edge(To::Everything, step, used);
    }
    out.edge(To::Hub(Hub::Node(Some(at))), step, used);
}

fn into_pods(way: &Write, world: &World, is_it: impl Fn(u32, &Placed) -> bool, out: &mut Out) {
    for ns in world.within(way.at) {
        for pod in of(&world.placed, ns) {
            if !has(&way.names, &pod.name) || !is_it(ns, pod) {
                continue;
            }
            on_node(world, pod.node, Step::HostPod, &way.used, out);
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
    world.open_within(at).any(|ns| world.level(ns).lets())
}

/// What a node holds.
pub(in crate::reach) fn node(world: &World) -> impl Iterator<Item = To> {
    let keys = world.sees_control_plane().then_some(To::Everything);
    keys.into_iter().chain([To::Hub(Hub::Node(None))])
}
