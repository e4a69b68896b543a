//! Pods of one's own making run as any account of their namespace: made as such, or by a
//! controller from a template. The API server asks for nothing but the account's existence
//! (`plugin/pkg/admission/serviceaccount`), whatever the account holds.

use crate::reach::ask::{On, has};
use crate::reach::moves::{Hub, Out, Part, Sees, To};
use crate::reach::rights::{Rights, Write, changes, makes};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::steps::{automount, host, pods, seen};
use crate::reach::world::{Door, Where, World, of};

pub(crate) const RUN: About = About {
    id: "run-pod",
    does: "runs a pod as",
    seen: Seen {
        how: Shown::Yes,
        what: "the pod or the workload being made; what it then does as the account's own requests",
    },
    modelled: None,
};

pub(crate) const CHANGE: About = About {
    id: "change-workload",
    does: "changes a workload to run as",
    seen: Seen {
        how: Shown::Yes,
        what: "update or patch of the workload; what it then does as the account's own requests",
    },
    modelled: None,
};

pub(crate) const IMAGE: About = About {
    id: "change-pod",
    does: "changes the image of a pod that holds the token of",
    seen: Seen {
        how: Shown::Yes,
        what: "update or patch of the pod; what it then does as the account's own requests",
    },
    modelled: None,
};

pub(in crate::reach) fn find(rights: &Rights, world: &World, out: &mut Out) {
    for on in std::iter::once(On::Pods).chain(On::CONTROLLERS) {
        for made in makes(rights, on) {
            if made.at.inside() == Where::Each {
                out.part(Part::RunAnywhere { used: made.used.clone() });
            }
            for at in free(world, on, &made) {
                out.edge(To::Hub(Hub::Accounts(at)), Step::RunPod, &made.used);
                out.part(Part::Run { at, used: made.used.clone(), deletes: None });
            }
            taken(world, on, &made, out);
        }
    }
    // The template of a Job that is there never changes.
    for on in On::CONTROLLERS.into_iter().filter(|on| *on != On::Jobs) {
        for change in changes(rights, on) {
            // What its controller makes is made there.
            for ns in world.open_within(change.at) {
                let there = of(&world.workloads, ns)
                    .iter()
                    .any(|(kind, name)| *kind == on && has(&change.names, name));
                if there {
                    let at = Where::In(ns);
                    out.edge(To::Hub(Hub::Accounts(at)), Step::ChangeWorkload, &change.used);
                    out.part(Part::Run { at, used: change.used.clone(), deletes: None });
                }
            }
        }
    }
    for change in changes(rights, On::Pods) {
        pods(&change, world, Door::Image, Step::ChangePod, out);
        seen(&change, world, Sees::Image, out);
        automount::enter(&change, world, Door::Image, out);
    }
}

/// Where an object under one of the names can be made: where there is none yet.
fn free(world: &World, on: On, made: &Write) -> Vec<Where> {
    let at = made.at.inside();
    let Some(names) = &made.names else { return vec![at] };
    let is_free = |ns: &u32| names.iter().any(|name| !world.runs_by(on, *ns, name));
    world.open_within(at).filter(is_free).map(Where::In).collect()
}

/// Where all its names are taken. Whoever makes a workload under a name may change the one that has
/// it, but for a Job.
fn taken(world: &World, on: On, made: &Write, out: &mut Out) {
    let Some(names) = made.names.as_ref().filter(|_| matches!(on, On::Pods | On::Jobs)) else {
        return;
    };
    let is_taken = |ns: &u32| names.iter().all(|name| world.runs_by(on, *ns, name));
    for at in world.open_within(made.at).filter(is_taken).map(Where::In) {
        let mut leads = vec![(To::Hub(Hub::Accounts(at)), Step::RunPod)];
        if host::lets(world, at) {
            leads.extend(host::node(world).map(|to| (to, Step::Host)));
        }
        let (names, used) = (names.clone(), made.used.clone());
        out.part(Part::Taken { on, at, names, used, leads: leads.into() });
    }
}
