//! Which grant to cut: who loses the way to what it can become.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use rayon::prelude::*;

use super::bounds::Bounds;
use super::graph::Node;
use super::many::SMALL;
use super::search::{Ends, Terms, search};
use super::{Reach, Reached};
use crate::book::{GrantId, IdentityId, Tier};

/// A grant without which somebody can become less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The grant.
    pub grant: GrantId,
    /// Who loses its way by it, in order of ids.
    pub loses: Vec<Lost>,
}

/// Somebody who can become less without a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Who.
    pub id: IdentityId,
    /// How strong it can become.
    pub from: Tier,
    /// How strong it can become without the grant.
    pub to: Tier,
}

impl Cut {
    /// How many of those who lose their way had one to cluster-admin.
    pub fn admins(&self) -> usize {
        self.loses.iter().filter(|lost| lost.from == Tier::ClusterAdmin).count()
    }
}

/// How far those are from who is stronger for whom grants are tried: without models, and with them.
#[derive(Debug)]
struct Ways {
    starts: Vec<Node>,
    bounds: [OnceLock<Bounds>; 2],
}

impl Ways {
    fn new(ids: impl Iterator<Item = IdentityId>) -> Self {
        let mut starts: Vec<Node> = ids.map(|id| Node::Identity(id.0)).collect();
        starts.dedup();
        Self { starts, bounds: Default::default() }
    }

    fn bounds(&self, reach: &Reach<'_>, terms: Terms) -> &Bounds {
        let [exact, modelled] = &self.bounds;
        let place = if terms.modelled { modelled } else { exact };
        place.get_or_init(|| Bounds::new(&reach.graph, self.starts.clone(), terms.modelled))
    }
}

impl Reach<'_> {
    /// The grants without which somebody can become less, each tried alone; what takes most ways to
    /// cluster-admin first. What the API server itself installed is not to be cut.
    ///
    /// A grant that is not on the path that was found cannot be one: without it the path is still
    /// there.
    pub fn cuts(&self, all: &[Reached]) -> Vec<Cut> {
        let tried: Vec<(GrantId, &Reached)> = all
            .iter()
            .flat_map(|reached| {
                let grants = reached.highest().map(super::Path::stands_on).unwrap_or_default();
                grants.into_iter().map(move |grant| (grant, reached))
            })
            .filter(|(grant, _)| self.book().grant(*grant).is_some_and(|grant| !grant.bootstrap))
            .collect();
        let ways = Ways::new(tried.iter().map(|(_, reached)| reached.id));
        let lost: Vec<(GrantId, Lost)> = tried
            .into_par_iter()
            .filter_map(|(grant, reached)| {
                let to = self.keeps(reached, grant, Some(&ways));
                let lost = Lost { id: reached.id, from: reached.tier, to };
                (to < reached.tier).then_some((grant, lost))
            })
            .collect();
        let mut cuts: BTreeMap<GrantId, Vec<Lost>> = BTreeMap::new();
        for (grant, one) in lost {
            cuts.entry(grant).or_default().push(one);
        }
        let mut cuts: Vec<Cut> =
            cuts.into_iter().map(|(grant, loses)| Cut { grant, loses }).collect();
        for cut in &mut cuts {
            cut.loses.sort_by_key(|lost| lost.id);
        }
        cuts.sort_by_key(|cut| {
            let key = self.book().grant(cut.grant).map(|grant| grant.key.clone());
            (std::cmp::Reverse((cut.admins(), cut.loses.len())), key)
        });
        cuts
    }

    /// How high an identity still gets without a grant.
    fn keeps(&self, reached: &Reached, without: GrantId, ways: Option<&Ways>) -> Tier {
        let Some(entry) = self.book().entry(reached.id) else { return Tier::None };
        let terms =
            Terms { without: Some(without.0), modelled: reached.modelled, ..Terms::default() };
        // Most have another way, and no more without a grant than with it: whoever comes to a great
        // deal is not searched to the end for that.
        if let Some(ways) = ways {
            let ends = Ends { most: SMALL.most, goal: reached.tier, bound: None };
            let search = search(&self.graph, &[Self::start(entry)], terms, ends);
            let other = || self.first(entry, reached.tier, ways.bounds(self, terms), terms);
            if search.ended || (search.found.len() > SMALL.most && other().is_some()) {
                return reached.tier;
            }
        }
        let closure = self.closure(entry, Terms { modelled: false, ..terms });
        closure.found.iter().map(|found| found.tier).max().unwrap_or_default()
    }

    /// How strong somebody can become without each of the grants on which its paths stand, taken
    /// back alone, the highest path's first. Whatever grant is not among them changes nothing: the
    /// path is there without it.
    pub fn cuts_of(&self, reached: &Reached) -> Vec<(GrantId, Tier)> {
        let mut grants: Vec<GrantId> = Vec::new();
        for id in reached.paths.iter().rev().flat_map(super::Path::stands_on) {
            if !grants.contains(&id) {
                grants.push(id);
            }
        }
        grants.into_par_iter().map(|grant| (grant, self.keeps(reached, grant, None))).collect()
    }
}
