//! An account may say that no pod has its token mounted (`automountServiceAccountToken: false`). That is
//! asked of it as each pod is made that says nothing of it itself
//! (`plugin/pkg/admission/serviceaccount/admission.go`, `shouldAutomount`): who changes the account, has a
//! controller make one of its pods anew and gets into that one has the token. The new one is there
//! once the old one is deleted, or once there are to be more.

use foldhash::{HashSet, HashSetExt};

use crate::model::Name;
use crate::reach::ask::{Names, On, has};
use crate::reach::moves::{Edge, Out, Part, To};
use crate::reach::parts::{Brought, given_by};
use crate::reach::rights::{Rights, Write, changes};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::switched::Switched;
use crate::reach::world::{Door, Where, World, of};

pub(crate) const ABOUT: About = About {
    id: "switch-automount",
    does: "has an account's token mounted, one of its pods made anew, and gets there the token of",
    seen: Seen {
        how: Shown::Yes,
        what: "the change of the account, what the pod is made anew by, and the connection or the change \
               of the pod; of a connection not what is typed then",
    },
    modelled: None,
};

pub(in crate::reach) fn find(rights: &Rights, world: &World, out: &mut Out) {
    if world.switched.is_empty() {
        return;
    }
    for change in changes(rights, On::Accounts) {
        let is_meant = |pod: &Switched| is_named(world, pod.account, &change.names);
        if world.within(change.at).any(|ns| of(&world.switched, ns).iter().any(is_meant)) {
            let (at, names, used) = (change.at.inside(), change.names, change.used);
            out.part(Part::Switch { at, names, used });
        }
    }
    for on in On::SCALES {
        for change in changes(rights, on) {
            let at = change.at.inside();
            if world.is_switched(at) {
                out.part(Part::Scale { on, at, names: change.names, used: change.used });
            }
        }
    }
}

/// What lets one into pods that run.
pub(in crate::reach) fn enter(way: &Write, world: &World, door: Door, out: &mut Out) {
    let at = way.at.inside();
    if world.is_switched(at) {
        let (names, used) = (way.names.clone(), way.used.clone());
        out.part(Part::Enter { at, names, door, used });
    }
}

fn is_named(world: &World, account: u32, names: &Names) -> bool {
    names.as_ref().is_none_or(|names| world.is_named(account, names))
}

/// The pods that are made anew with the token, by whoever changes the account and whoever has them made
/// anew.
pub(in crate::reach) fn made_anew(world: &World, one: &Brought, other: &Brought) -> Vec<Brought> {
    let ((who, switch), (by, anew)) = match (&one.1, &other.1) {
        (Part::Switch { .. }, _) => (one, other),
        (_, Part::Switch { .. }) => (other, one),
        _ => return Vec::new(),
    };
    let Part::Switch { at, names, used } = switch else { return Vec::new() };
    // What is made beside the others has another name than they.
    let (there, of_names, by_used, scales) = match anew {
        Part::Clear { on: On::Pods, at, names, used } => (at, names, used, None),
        Part::Scale { on, at, names, used } => (at, names, used, Some(*on)),
        _ => return Vec::new(),
    };
    let Some(at) = at.meet(*there) else { return Vec::new() };
    let used = [used.as_slice(), &given_by(by_used, *by, *who)].concat();
    let is_meant = |pod: &Switched| match scales {
        None => has(of_names, &pod.name),
        Some(on) => {
            pod.scaled_by.as_ref().is_some_and(|(by, name)| *by == on && has(of_names, name))
        }
    };
    let mut found = Vec::new();
    let mut seen: HashSet<(u32, Name)> = HashSet::new();
    for ns in world.within(at) {
        for pod in of(&world.switched, ns) {
            if !is_meant(pod) || !is_named(world, pod.account, names) {
                continue;
            }
            let keeps_name = pod.keeps_name && scales.is_none();
            // One of those that are alike is enough.
            let key = if keeps_name { pod.name.clone() } else { pod.controller.clone() };
            if seen.insert((ns, key.clone())) {
                let (at, names) = (Where::In(ns), Some([key].into()));
                let (pod, used) = (pod.clone().into(), used.clone());
                found.push((*who, Part::Anew { at, names, keeps_name, pod, used }));
            }
        }
    }
    found
}

/// Where it leads to get into a pod that is made anew.
pub(in crate::reach) fn entered(anew: &Part, enter: &Part) -> Option<Edge> {
    let (
        Part::Anew { at, keeps_name, pod, used, .. },
        Part::Enter { at: there, names, door, used: enters },
    ) = (anew, enter)
    else {
        return None;
    };
    at.meet(*there)?;
    // Nobody knows the name of a new one beforehand, unless it is the old one's.
    let is_it = if *keeps_name { has(names, &pod.name) } else { names.is_none() };
    let sees = *door == Door::Container || pod.lasts;
    let used = [used.as_slice(), enters].concat();
    (is_it && sees).then(|| Edge::new(To::Identity(pod.account), Step::Automount, used))
}
