//! A pod that has its node: privileged, or with a path of the host, where the namespace's Pod
//! Security level lets it. The node holds the tokens of all its pods; a node of the control plane
//! the keys of the cluster.

use crate::reach::ask::On;
use crate::reach::ask::has;
use crate::reach::moves::{Hub, Out, Part, To};
use crate::reach::rights::{Right, Rights, changes};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::world::{Level, Where, World};

const MODEL: &str = "assumes that no other admission refuses such pods and that nodes take them";

pub(crate) const POD: About = About {
    id: "host",
    does: "runs a pod with the node's files, and so takes the tokens there of",
    seen: Seen { how: Shown::Partly, what: "the pod being made, not what it does on the node" },
    modelled: Some(MODEL),
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
        let free = world
            .within(at)
            .any(|ns| world.levels.get(ns as usize).is_some_and(|level| *level != Level::Held));
        if free {
            node(world, Step::Host, &used, out);
        }
    }
    for change in changes(rights, On::Namespaces) {
        let Some(at) = labelled(world, change.at, &change.names) else { continue };
        out.part(Part::Label { at, names: change.names, used: change.used });
    }
}

/// A place in which some namespace can be labelled.
fn labelled(world: &World, at: Where, names: &crate::reach::ask::Names) -> Option<Where> {
    let at = at.inside();
    world
        .within(at)
        .any(|ns| world.namespace(ns).is_some_and(|name| has(names, name)))
        .then_some(at)
}

/// What a node holds.
pub(in crate::reach) fn node(world: &World, step: Step, used: &[Right], out: &mut Out) {
    if world.sees_control_plane {
        out.edge(To::Everything, step, used);
    }
    out.edge(To::Hub(Hub::Node(None)), step, used);
}
