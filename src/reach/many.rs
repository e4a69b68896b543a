//! What many can become, at once.
//!
//! Most can become little, and a search for each is quick. Who can become a great deal comes to the
//! same thousands as all the others who can: for those each path is searched for by itself, leaving
//! out what cannot be on it, and that no way leads higher is shown for all of them together: what
//! one of them alone could become, all of them together could.

use rayon::prelude::*;

use super::bounds::Bounds;
use super::graph::Node;
use super::search::{Closure, Ends, Terms, search};
use super::{Reach, Reached, path};
use crate::book::{Entry, Tier};

/// What is searched to the end for one by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Small {
    /// So many at most that it takes over.
    pub(super) most: usize,
    /// So few who take over more.
    pub(super) few: usize,
}

pub(super) const SMALL: Small = Small { most: 200, few: 2 };
/// How many steps more than the fewest that there could be are tried one by one.
const TRIES: u32 = 4;
/// How often those of whom some may come higher are parted, before each is looked at alone.
const PARTED: u32 = 3;

/// How far somebody's search came.
enum Begun {
    Done(Reached),
    /// What it can become without models; None where that is too much for a search.
    Big(Option<Reached>),
}

impl Reach<'_> {
    /// What each of those can become, in their order. The same as [`Reach::of`] says of each, but
    /// that of who takes over a great deal and comes no higher the nearest are asked first whether
    /// they add anything: the path is to one of those.
    pub fn many(&self, entries: &[&Entry]) -> Vec<Reached> {
        self.many_within(entries, SMALL)
    }

    pub(super) fn many_within(&self, entries: &[&Entry], small: Small) -> Vec<Reached> {
        let mut begun: Vec<Begun> =
            entries.par_iter().map(|entry| self.begin(entry, small.most)).collect();
        let big: Vec<bool> = begun.iter().map(|one| matches!(one, Begun::Big(_))).collect();
        let top = self.finish(entries, &mut begun, small.few, false, None);
        self.finish(entries, &mut begun, small.few, true, top);
        let done =
            entries.par_iter().zip(begun).zip(big).map(|((entry, begun), big)| match begun {
                Begun::Done(reached) if !big || reached.is_higher() => reached,
                Begun::Done(reached) => {
                    Reached { beside: self.beside_of_big(entry, small.most), ..reached }
                }
                Begun::Big(_) => self.of(entry),
            });
        done.collect()
    }

    /// Who adds something to what somebody may do who takes over a great deal and comes no higher:
    /// those next to it are looked at first.
    fn beside_of_big(&self, entry: &Entry, most: usize) -> Option<path::Path> {
        let start = [Self::start(entry)];
        let mut best: Option<path::Path> = None;
        for modelled in [false, true] {
            for most in [most, usize::MAX] {
                let terms = Terms { modelled, ..Terms::default() };
                let found = search(&self.graph, &start, terms, Ends { most, ..Ends::default() });
                let more = self.beside(entry, &found, terms);
                if more.as_ref().is_some_and(path::Path::is_worth) {
                    return more;
                }
                best = best.or(more);
                if !found.given_up {
                    if !found.left_out {
                        return best;
                    }
                    break;
                }
            }
        }
        best
    }

    fn begin(&self, entry: &Entry, most: usize) -> Begun {
        if entry.tier == Tier::ClusterAdmin {
            return Begun::Done(Reached::nothing(entry));
        }
        let ends = Ends { most, ..Ends::default() };
        let of = |modelled| {
            let terms = Terms { modelled, ..Terms::default() };
            search(&self.graph, &[Self::start(entry)], terms, ends)
        };
        let exact = of(false);
        if exact.given_up {
            return Begun::Big(None);
        }
        let reached = self.all_of(entry, &exact, Terms::default());
        if exact.ended || !exact.left_out {
            return Begun::Done(reached);
        }
        let modelled = of(true);
        if modelled.given_up {
            return Begun::Big(Some(reached));
        }
        Begun::Done(reached.or_modelled(self.all_of(entry, &modelled, Terms::default())))
    }

    /// Looks at those who are left: what they can become without models first, then with them.
    /// Returns how strong with models any of them can become, where that is known; `top` is that.
    fn finish(
        &self,
        entries: &[&Entry],
        begun: &mut [Begun],
        few: usize,
        modelled: bool,
        top: Option<Tier>,
    ) -> Option<Tier> {
        let is_left = |one: &Begun| match one {
            Begun::Done(_) => false,
            Begun::Big(None) => !modelled,
            Begun::Big(Some(_)) => modelled,
        };
        let left: Vec<usize> =
            (0..begun.len()).filter(|at| begun.get(*at).is_some_and(is_left)).collect();
        if left.len() <= few {
            for at in left {
                if let (Some(place), Some(entry)) = (begun.get_mut(at), entries.get(at)) {
                    *place = Begun::Done(self.of(entry));
                }
            }
            return None;
        }
        let start = |at: &usize| entries.get(*at).map(|entry| Self::start(entry));
        // What one of them could become, all of them could.
        let starts: Vec<Node> = left.iter().filter_map(start).collect();
        let terms = Terms { modelled, ..Terms::default() };
        // Those too who are looked at only then.
        let all = |at: &usize| begun.get(*at).is_some_and(|one| matches!(one, Begun::Big(_)));
        let all: Vec<usize> = (0..begun.len()).filter(all).collect();
        let all: Vec<Node> = all.iter().filter_map(start).collect();
        let (top, left_out) = top.map_or_else(|| self.together(&all, terms), |top| (top, false));
        let bounds = Bounds::new(&self.graph, starts, modelled);
        let mut ways: Vec<(usize, Reached)> = left
            .into_par_iter()
            .filter_map(|at| Some((at, self.ways(entries.get(at)?, &bounds, terms, top))))
            .collect();
        // Without models no less; what is no more with them is not told.
        for (at, way) in &mut ways {
            if let Some(Begun::Big(Some(exact))) = begun.get(*at) {
                *way = if exact.tier >= way.tier {
                    exact.clone()
                } else {
                    way.clone().with_exact(exact)
                };
            }
        }
        let mut open: Vec<(usize, Tier)> = Vec::new();
        for (at, way) in &ways {
            if way.tier < top {
                open.push((*at, way.tier));
            }
        }
        open.sort_by_key(|(_, tier)| *tier);
        let higher: Vec<usize> = open
            .chunk_by(|a, b| a.1 == b.1)
            .flat_map(|group| {
                let tier = group.first().map(|(_, tier)| *tier).unwrap_or_default();
                let group: Vec<usize> = group.iter().map(|(at, _)| *at).collect();
                self.higher(entries, &group, tier, modelled, PARTED)
            })
            .collect();
        for (at, way) in ways {
            let Some(place) = begun.get_mut(at) else { continue };
            *place = if higher.contains(&at) {
                // All that is left to do is to look at everything.
                entries.get(at).map_or(Begun::Big(None), |entry| Begun::Done(self.of(entry)))
            } else if modelled || way.tier == Tier::ClusterAdmin || (!left_out && way.tier == top) {
                Begun::Done(way)
            } else {
                Begun::Big(Some(way))
            };
        }
        (!left_out).then_some(top)
    }

    /// How strong any of those can become, and whether it may be more with models.
    fn together(&self, starts: &[Node], terms: Terms<'_>) -> (Tier, bool) {
        let closure = search(&self.graph, starts, terms, Ends::default());
        let top = closure.found.iter().map(|found| found.tier).max().unwrap_or_default();
        (top, !closure.ended && closure.left_out)
    }

    /// Those who may come higher than that, by whatever way.
    fn higher(
        &self,
        entries: &[&Entry],
        group: &[usize],
        tier: Tier,
        modelled: bool,
        parted: u32,
    ) -> Vec<usize> {
        let Some(goal) = tier.next() else { return Vec::new() };
        let starts: Vec<Node> = group
            .iter()
            .filter_map(|at| entries.get(*at))
            .map(|entry| Self::start(entry))
            .collect();
        let terms = Terms { modelled, ..Terms::default() };
        let together = search(&self.graph, &starts, terms, Ends { goal, ..Ends::default() });
        if !together.ended {
            return Vec::new();
        }
        if parted == 0 || group.len() < 2 {
            return group.to_vec();
        }
        let (one, other) = group.split_at(group.len() / 2);
        let look = |part: &[usize]| self.higher(entries, part, tier, modelled, parted - 1);
        let (mut one, other) = rayon::join(|| look(one), || look(other));
        one.extend(other);
        one
    }

    /// The paths of somebody to what is no stronger than `top`, each searched for by itself.
    fn ways(&self, entry: &Entry, bounds: &Bounds, terms: Terms<'_>, top: Tier) -> Reached {
        let mut reached = Reached::nothing(entry);
        let higher = |tier: Tier| tier.next().filter(|goal| *goal <= top);
        while let Some(closure) =
            higher(reached.tier).and_then(|goal| self.first(entry, goal, bounds, terms))
        {
            let Some(last) = closure.found.len().checked_sub(1) else { break };
            reached.take(path::path(&self.graph, &closure, last));
        }
        if reached.modelled && !terms.modelled {
            // Names run out on it: whether another way is sure only a whole search tells.
            let closure = search(&self.graph, &[Self::start(entry)], terms, Ends::default());
            return Reached { beside: None, ..self.all_of(entry, &closure, terms) };
        }
        reached
    }

    /// The search up to the first that is this strong; None where no step leads there that is made
    /// with what one of those taken over holds.
    pub(super) fn first(
        &self,
        entry: &Entry,
        goal: Tier,
        bounds: &Bounds,
        terms: Terms<'_>,
    ) -> Option<Closure> {
        let start = Self::start(entry);
        let far = bounds.far(&start, goal)?;
        let tries = (far..far + TRIES).chain([u32::MAX]);
        for steps in tries {
            let bound = Some(bounds.within(goal, steps));
            let ends = Ends { goal, most: usize::MAX, bound };
            let closure = search(&self.graph, std::slice::from_ref(&start), terms, ends);
            if closure.ended {
                return Some(closure);
            }
            if !closure.pruned {
                return None;
            }
        }
        None
    }

    /// What a whole search says.
    pub(super) fn all_of(&self, entry: &Entry, closure: &Closure, terms: Terms<'_>) -> Reached {
        let mut reached = Reached::nothing(entry);
        // Where names run out on the way another may be sure, a longer one or a lower.
        let mut sure = Reached::nothing(entry);
        for (place, found) in closure.found.iter().enumerate() {
            if found.tier <= sure.tier {
                continue;
            }
            let path = path::path(&self.graph, closure, place);
            if terms.modelled || !path.is_modelled() {
                sure.take(path.clone());
            }
            if found.tier > reached.tier {
                reached.take(path);
            }
        }
        if sure.tier == reached.tier {
            reached = sure;
        } else {
            reached = reached.with_exact(&sure);
        }
        if !reached.is_higher() {
            reached.beside = self.beside(entry, closure, terms);
        }
        reached.bounded = closure.bounded && !closure.ended;
        reached
    }
}

impl Reached {
    /// Nothing more than it is.
    pub(super) fn nothing(entry: &Entry) -> Self {
        let own = entry.tier;
        Self {
            id: entry.id,
            own,
            tier: own,
            modelled: false,
            paths: Vec::new(),
            beside: None,
            bounded: false,
            exact: None,
        }
    }

    /// Keeps what there is without models beside what comes higher with them.
    fn with_exact(self, exact: &Self) -> Self {
        let exact = if exact.modelled { exact.exact.as_deref() } else { Some(exact) };
        let exact = exact.filter(|exact| exact.is_higher());
        Self {
            exact: exact.map(|exact| Box::new(Self { bounded: false, ..exact.clone() })),
            ..self
        }
    }

    /// What it is with models too, where that is more.
    pub(super) fn or_modelled(self, modelled: Self) -> Self {
        let worth = |one: &Self| one.beside.as_ref().map(path::Path::is_worth);
        let is_more = modelled.tier > self.tier
            || (modelled.tier == self.tier && worth(&modelled) > worth(&self));
        let top = |one: &Self| one.tier == Tier::ClusterAdmin;
        let bounded = !top(&self) && !top(&modelled) && (self.bounded || modelled.bounded);
        let found = if is_more { modelled.with_exact(&self) } else { self };
        Self { bounded, ..found }
    }

    /// Takes note of the path to something stronger.
    fn take(&mut self, path: path::Path) {
        // One that takes as many steps and is less is no news.
        self.paths.retain(|have| have.hops.len() < path.hops.len());
        self.tier = path.tier;
        self.modelled = path.is_modelled();
        self.paths.push(path);
    }
}
