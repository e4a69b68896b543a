//! Accounts that bindings name and that are not there, made by one of those taken over and taken over
//! by one of them.

use std::sync::Arc;

use super::ask::both;
use super::moves::{Edge, Hub, Part, To, Way};
use super::search::Search;
use super::stranger::Stranger;
use super::world::{World, of};

impl Search<'_, '_> {
    /// Whoever takes over all accounts of a place takes over those too that are made there.
    pub(super) fn waits_for_accounts(&mut self, hub: Hub, edge: &Edge, from: &[u32]) {
        let Hub::Accounts(at) = hub else { return };
        if !self.graph.world.misses(at, &None) || !self.waits.insert(hub) {
            return;
        }
        let Some((who, with)) = from.split_first() else { return };
        let (step, used, deletes) = (edge.step, edge.used.clone(), edge.deletes.clone());
        let way = Way { step, used, with: with.to_vec(), deletes };
        self.bring(*who, &Part::Become { at, names: None, way: Arc::new(way) });
    }
}

/// Where it leads to make accounts and take them over.
pub(super) fn made(world: &World, one: &Part, other: &Part) -> Vec<Edge> {
    let (Part::MakeAccount { at, names, used }, Part::Become { at: there, names: wanted, way }) =
        (one, other)
    else {
        return Vec::new();
    };
    let Some(at) = at.meet(*there) else { return Vec::new() };
    let used = [way.used.as_slice(), used].concat();
    let is_it =
        |id: &&u32| [names, wanted].into_iter().flatten().all(|names| world.is_named(**id, names));
    let missing = world.within(at).flat_map(|ns| of(&world.missing, ns)).filter(is_it);
    let both = both(names, wanted);
    let is_new = |who: &Stranger| match who {
        Stranger::Account(ns) => world.is_new_account(*ns, &both),
        Stranger::Anonymous => false,
    };
    let strangers = world.strangers(at).filter(is_new).map(To::Stranger);
    let edge =
        |to: To| Edge { deletes: way.deletes.clone(), ..Edge::new(to, way.step, used.clone()) };
    missing.map(|id| To::Identity(*id)).chain(strangers).map(edge).collect()
}

/// Who takes part besides.
pub(super) fn with<'p>(one: &'p Part, other: &'p Part) -> impl Iterator<Item = u32> + 'p {
    let of = |part: &'p Part| match part {
        Part::Become { way, .. } => way.with.as_slice(),
        _ => &[],
    };
    [one, other].into_iter().flat_map(of).copied()
}
