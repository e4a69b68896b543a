//! The kinds of steps: one file each.

pub(super) mod account;
pub(super) mod anonymous;
pub(super) mod aws_auth;
pub(super) mod bind;
pub(super) mod certificate;
pub(super) mod definition;
pub(super) mod escalate;
pub(super) mod exec;
pub(super) mod host;
pub(super) mod impersonate;
pub(super) mod kubelet;
pub(super) mod node;
pub(super) mod policy;
pub(super) mod remake;
pub(super) mod secret;
pub(super) mod token;
pub(super) mod webhook;
pub(super) mod workload;

use super::moves::{Hub, Out, To};
use super::rights::Right;
use super::step::Step;
use super::world::{Door, Running, World, of};

/// The accounts of pods that a right on a subresource of pods reaches.
fn pods(right: &Right, world: &World, door: Door, step: Step, out: &mut Out) {
    let Some(names) = &right.names else {
        let hub = Hub::Pods(door, right.at.inside());
        return out.edge(To::Hub(hub), step, std::slice::from_ref(right));
    };
    let is_meant = |pod: &&Running| pod.opens(door) && names.binary_search(&pod.name).is_ok();
    for ns in world.within(right.at) {
        for pod in of(&world.pods, ns).iter().filter(is_meant) {
            out.edge(To::Identity(pod.account), step, std::slice::from_ref(right));
        }
    }
}
