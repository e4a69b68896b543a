//! The kinds of steps: one file each.

pub(super) mod account;
pub(super) mod anonymous;
pub(super) mod automount;
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

use super::moves::{Hub, Out, Part, Sees, To};
use super::rights::Write;
use super::step::Step;
use super::world::{Door, Running, World, of};

/// Secrets that containers of pods see, once somebody makes or changes them.
fn seen(way: &Write, world: &World, by: Sees, out: &mut Out) {
    let at = way.at.inside();
    if world.awaits_secrets(at) {
        out.part(Part::ReadSecret { at, names: way.names.clone(), by, used: way.used.clone() });
    }
}

/// The accounts of pods that rights on a subresource of pods reach.
fn pods(way: &Write, world: &World, door: Door, step: Step, out: &mut Out) {
    let Some(names) = &way.names else {
        let hub = Hub::Pods(door, way.at.inside());
        return out.edge(To::Hub(hub), step, &way.used);
    };
    let is_meant = |pod: &&Running| pod.opens(door) && names.binary_search(&pod.name).is_ok();
    for ns in world.within(way.at) {
        for pod in of(&world.pods, ns).iter().filter(is_meant) {
            out.edge(To::Identity(pod.account), step, &way.used);
        }
    }
}
