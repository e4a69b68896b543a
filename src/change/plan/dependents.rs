//! What goes with an object that is deleted: whatever names it as its only owner the garbage collector
//! deletes, and nothing brings that back, since an object that is made again has another UID
//! (`pkg/controller/garbagecollector/garbagecollector.go`).

use std::collections::{BTreeMap, BTreeSet};

use super::rests::some;
use super::{Action, Reversibility, Step};
use crate::model::{Meta, Name, Objects};

/// Says of each step that deletes an object what of the objects that are known goes with it. Of an account
/// more may be meant than is listed: that is said as well.
pub(super) fn tell(steps: &mut [Step], objects: &Objects) {
    let uids: BTreeSet<Name> = steps.iter().filter_map(|step| deleted(step).cloned()).collect();
    if uids.is_empty() {
        return;
    }
    let mut owned: BTreeMap<&Name, Vec<String>> = BTreeMap::new();
    objects.each_meta(|kind, meta| {
        let mut owners = meta.owner_references.iter().map(|owner| &owner.uid);
        // What has another owner besides stays.
        if let (Some(uid), None) = (owners.next(), owners.next())
            && let Some(uid) = uids.get(uid)
        {
            owned.entry(uid).or_default().push(called(kind, meta));
        }
    });
    for step in steps {
        let Some(names) = deleted(step).map(|uid| owned.remove(uid).unwrap_or_default()) else {
            continue;
        };
        let is_account = step.target.is_account();
        if names.is_empty() && !is_account {
            continue;
        }
        let said = match (names.is_empty(), is_account) {
            (true, _) => "whatever names it as its owner (ownerReferences) goes with it, in the hands of the \
                          garbage collector: of what is listed nothing does"
                .to_owned(),
            (false, more) => format!(
                "{}, which {} it as the owner and {} with it{}",
                some(&names),
                if names.len() == 1 { "names" } else { "name" },
                if names.len() == 1 { "goes" } else { "go" },
                if more { ", and whatever else does so" } else { "" },
            ),
        };
        step.loses.push(said);
        if step.reversibility == Reversibility::Reversible {
            step.reversibility = Reversibility::WithLoss;
        }
    }
}

/// The UID of what a step deletes.
fn deleted(step: &Step) -> Option<&Name> {
    step.precondition.uid.as_ref().filter(|_| step.action == Action::Delete)
}

fn called(kind: &str, meta: &Meta) -> String {
    match &meta.namespace {
        Some(namespace) => format!("{kind} {namespace}/{}", meta.name),
        None => format!("{kind} {}", meta.name),
    }
}
