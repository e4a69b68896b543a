//! Which of the grants that name somebody end what it can become, taken away together. One alone often
//! does not: where another leads there as well, both have to go.

use super::cut::Ways;
use super::many::SMALL;
use super::path::path;
use super::search::{Closure, Ends, Terms, search};
use super::{Gain, Path, Reach, Reached};
use crate::book::{Entry, GrantId, Tier};

/// So many grants at most are taken away together.
pub const MOST_CUT: usize = 8;

/// What of the grants that name somebody has to go for a way to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnCut {
    /// These together, in the order in which ways begin with them: without any one of them a way is left.
    By(Vec<GrantId>),
    /// All of them would not do: a way is left that is none of theirs. With what it begins with, unless
    /// that is no grant.
    No(Option<GrantId>),
    /// More of them than are tried.
    TooMany,
    /// Not known: more can be deleted on the way than was tried.
    NotKnown,
}

/// Where something leads with grants taken away.
enum Left {
    Nowhere,
    Way(Box<Path>),
    NotKnown,
}

impl Reach<'_> {
    /// Which grants that name somebody, and that the API server did not install, have to go together
    /// for it to come no more where it does. `by_added`: as [`Reach::by_what_was_added`] says it.
    pub fn own_cut(&self, entry: &Entry, reached: &Reached, by_added: bool, ways: &Ways) -> OwnCut {
        let Some(first) = reached.way() else { return OwnCut::No(None) };
        let left = |less: &[GrantId]| self.left_without(entry, reached, by_added, less, ways);
        let mut cut: Vec<GrantId> = Vec::new();
        let mut way = Box::new(first.clone());
        loop {
            let used = grants_of(entry, &way);
            let is_own = |id: &&GrantId| {
                let grant = self.book().grant(**id);
                grant.is_some_and(|one| one.key.subject == entry.identity && !one.bootstrap)
            };
            let Some(own) = used.iter().find(is_own) else {
                return OwnCut::No(used.first().copied());
            };
            if cut.len() == MOST_CUT {
                return OwnCut::TooMany;
            }
            cut.push(*own);
            match left(&cut) {
                Left::Nowhere => break,
                Left::Way(next) => way = next,
                Left::NotKnown => return OwnCut::NotKnown,
            }
        }
        // What a later one does as well is not needed.
        for id in cut.clone() {
            let rest: Vec<GrantId> = cut.iter().copied().filter(|other| *other != id).collect();
            if !rest.is_empty() && matches!(left(&rest), Left::Nowhere) {
                cut = rest;
            }
        }
        OwnCut::By(cut)
    }

    /// The way on which somebody comes as far without some grants.
    fn left_without(
        &self,
        entry: &Entry,
        reached: &Reached,
        by_added: bool,
        less: &[GrantId],
        ways: &Ways,
    ) -> Left {
        let slots: Vec<u32> = less.iter().map(|id| id.0).collect();
        let adds = reached.way().and_then(|way| way.adds.as_ref()).map(|added| added.adds);
        let goal = if adds.is_none() { reached.tier } else { Tier::ClusterAdmin };
        let start = [Self::start(entry)];
        let mut bounded = false;
        for modelled in [false, true] {
            let terms = Terms { without: &slots, modelled, added_only: by_added };
            let ends = Ends { goal, ..Ends::default() };
            let beside = |of: &Closure| {
                let adds = adds?;
                let way = self.beside(entry, of, terms)?;
                (way.adds.as_ref()?.adds >= adds).then_some(way)
            };
            let mut all = search(&self.graph, &start, terms, Ends { most: SMALL.most, ..ends });
            if all.given_up {
                if let Some(way) = beside(&all) {
                    return Left::Way(way.into());
                }
                let first = || self.first(entry, goal, ways.bounds(self, terms), terms);
                let first = adds.is_none().then(first).flatten();
                all = first.unwrap_or_else(|| search(&self.graph, &start, terms, ends));
            }
            if let Some(last) = all.found.len().checked_sub(1).filter(|_| all.ended) {
                return Left::Way(path(&self.graph, &all, last).into());
            }
            if let Some(way) = beside(&all) {
                return Left::Way(way.into());
            }
            bounded |= all.bounded;
            if !all.left_out {
                break;
            }
        }
        if bounded { Left::NotKnown } else { Left::Nowhere }
    }
}

/// The grants by which somebody makes steps of a way itself, in order.
fn grants_of(entry: &Entry, way: &Path) -> Vec<GrantId> {
    let itself = Gain::Identity(entry.identity.clone());
    let own = way.hops.iter().filter(|hop| hop.from.contains(&itself));
    own.flat_map(super::Hop::grants).collect()
}
