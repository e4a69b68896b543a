//! Objects that one of those taken over can delete, so that one of them makes another under the name.

use super::ask::{Names, On, has};
use super::moves::{Object, Part};
use super::parts::{Brought, Kind, given_by};
use super::rights::Right;
use super::search::Search;
use super::step::Step;
use super::world::{Bound, Where, of};
use crate::model::Name;

/// An object that somebody can delete.
#[derive(Clone, Debug)]
pub(super) struct Cleared {
    pub(super) object: Object,
    pub(super) who: u32,
    pub(super) used: Vec<Right>,
}

/// A role that somebody can write.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) who: u32,
    pub(super) step: Step,
    pub(super) used: Vec<Right>,
    /// What has to be deleted first, by whom.
    pub(super) deletes: Option<Cleared>,
}

/// Who deletes it.
pub(super) fn cleared_by(deletes: Option<&Cleared>) -> Option<u32> {
    deletes.map(|cleared| cleared.who)
}

/// A pod, or a Job, that runs under the name of one that is deleted.
pub(super) fn runs_again(one: &Brought, other: &Brought) -> Option<Brought> {
    let ((who, taken), (by, clear)) = match (&one.1, &other.1) {
        (Part::Taken { .. }, Part::Clear { .. }) => (one, other),
        (Part::Clear { .. }, Part::Taken { .. }) => (other, one),
        _ => return None,
    };
    let Part::Taken { on: on @ (On::Pods | On::Jobs), at, names, used, .. } = taken else {
        return None;
    };
    let Part::Clear { names: wanted, used: clears, .. } = clear else { return None };
    let name = names.iter().find(|name| has(wanted, name))?.clone();
    // Whoever deletes it is not the one who acts.
    let used = [given_by(clears, *by, *who).as_slice(), used].concat();
    let deletes = Some(Object { on: *on, at: *at, name });
    Some((*who, Part::Run { at: *at, used, deletes }))
}

impl Search<'_, '_> {
    /// By whom and by which rights objects of these names can be deleted.
    pub(super) fn cleared(&self, on: On, at: Where, names: &[Name]) -> Vec<Cleared> {
        let wide = [Where::Each, at].into_iter();
        let parts = wide.filter_map(|at| self.cleared.get(&(Kind::Clear(on), at))).flatten();
        let mut found = Vec::new();
        for (who, part) in parts {
            let Part::Clear { names: wanted, used, .. } = part else { continue };
            found.extend(names.iter().filter(|name| has(wanted, name)).map(|name| Cleared {
                object: Object { on, at, name: name.clone() },
                who: *who,
                used: used.clone(),
            }));
        }
        found
    }

    /// What has to be deleted before a binding of one of the names is written there: each way that
    /// there is.
    pub(super) fn under_a_name(
        &self,
        bindings: On,
        at: Where,
        names: &Names,
        missing: bool,
    ) -> Vec<Option<Cleared>> {
        let world = &self.graph.world;
        let bound: &[Bound] = match at {
            Where::In(ns) => of(&world.bindings_in, ns),
            Where::Each => &[],
            Where::Cluster => &world.cluster_bindings,
        };
        let is_free = names.as_ref().is_none_or(|names| {
            names.iter().any(|name| !bound.iter().any(|binding| binding.name == *name))
        });
        if is_free || !missing {
            return vec![None];
        }
        let names = names.as_deref().unwrap_or_default();
        self.cleared(bindings, at, names).into_iter().map(Some).collect()
    }

    /// Whether nobody who is there still may delete the same.
    pub(super) fn is_new_clear(&self, part: &Part) -> bool {
        let Part::Clear { on, at, names, .. } = part else { return true };
        let mut places = vec![Where::Each, *at];
        places.dedup();
        let have = places.iter().filter_map(|at| self.cleared.get(&(Kind::Clear(*on), *at)));
        !have.flatten().any(|(who, have)| {
            let Part::Clear { names: wanted, used, .. } = have else { return false };
            (wanted.is_none() || wanted == names) && self.is_there(*who, used)
        })
    }
}
