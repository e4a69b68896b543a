//! Which grant to cut: who loses the way to what it can become.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use rayon::prelude::*;

use super::bounds::Bounds;
use super::graph::Node;
use super::many::SMALL;
use super::search::{Ends, Terms, search};
use super::{Kept, Reach, Reached};
use crate::book::{Entry, GrantId, IdentityId, Tier};

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
    /// How strong it is by itself without the grant.
    pub own: Tier,
    /// Where it comes no higher than it is: how strong is what others add as whom it can act.
    pub adds: Option<Tier>,
    /// How strong is what others still add then as whom it can act; None: nobody adds anything.
    pub still_adds: Option<Tier>,
}

impl Lost {
    /// Whether it cannot become more any more than it is.
    pub fn closes(&self) -> bool {
        self.still_adds.is_none()
    }

    /// `cluster-admin → read`; what it may do only as others is told apart from how strong it is.
    pub fn words(&self) -> String {
        match (self.adds, self.still_adds) {
            (None, Some(still)) if self.to == self.own => format!(
                "{} → {}, and {} as others",
                self.from.as_str(),
                self.to.as_str(),
                still.as_str()
            ),
            (None, _) => format!("{} → {}", self.from.as_str(), self.to.as_str()),
            (Some(adds), None) => format!("{} as others → nothing more", adds.as_str()),
            (Some(adds), Some(still)) => {
                format!("{} as others → {}", adds.as_str(), still.as_str())
            }
        }
    }
}

impl Cut {
    /// How many of those who lose their way had one to cluster-admin.
    pub fn admins(&self) -> usize {
        self.loses.iter().filter(|lost| lost.from == Tier::ClusterAdmin).count()
    }
}

/// How far those are from who is stronger for whom grants are tried: without models, and with them.
#[derive(Debug)]
pub struct Ways {
    starts: Vec<Node>,
    bounds: [OnceLock<Bounds>; 2],
}

impl Ways {
    /// Of those. It is counted once it is asked for.
    pub fn new(ids: impl Iterator<Item = IdentityId>) -> Self {
        let mut starts: Vec<Node> = ids.map(|id| Node::Identity(id.0)).collect();
        starts.dedup();
        Self { starts, bounds: Default::default() }
    }

    pub(super) fn bounds(&self, reach: &Reach<'_>, terms: Terms<'_>) -> &Bounds {
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
                let grants = reached.way().map(super::Path::stands_on).unwrap_or_default();
                grants.into_iter().map(move |grant| (grant, reached))
            })
            .filter(|(grant, _)| self.book().grant(*grant).is_some_and(|grant| !grant.bootstrap))
            .collect();
        let ways = Ways::new(tried.iter().map(|(_, reached)| reached.id));
        let lost: Vec<(GrantId, Lost)> = tried
            .into_par_iter()
            .filter_map(|(grant, reached)| Some((grant, self.loses(reached, grant, &ways)?)))
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

    /// What an identity loses without a grant; None where that is nothing.
    fn loses(&self, reached: &Reached, without: GrantId, ways: &Ways) -> Option<Lost> {
        let entry = self.book().entry(reached.id)?;
        let way = reached.way()?;
        let adds = way.adds.as_ref().map(|added| added.adds);
        let modelled = way.needs_models();
        let terms = Terms { without: &[without.0], modelled, ..Terms::default() };
        // Most have another way, and no more without a grant than with it: whoever comes to a great
        // deal is not searched to the end for that.
        let start = [Self::start(entry)];
        let goal = if adds.is_none() { reached.tier } else { Tier::ClusterAdmin };
        let near = search(&self.graph, &start, terms, Ends { most: SMALL.most, goal, bound: None });
        let other = || self.first(entry, reached.tier, ways.bounds(self, terms), terms);
        let is_kept = match adds {
            None => near.ended || (near.given_up && other().is_some()),
            Some(_) => near.ended || self.most_added(entry, &near, terms) >= adds,
        };
        if is_kept {
            return None;
        }
        let terms = Terms { modelled: false, ..terms };
        let looked = self.look(entry, terms);
        let to = looked.tier();
        let all = looked.modelled.iter().chain([&looked.exact]);
        let still = all.filter_map(|closure| self.most_added(entry, closure, terms)).max();
        if looked.is_bounded() {
            return None;
        }
        let is_lost = if adds.is_some() { still < adds } else { to < reached.tier };
        is_lost.then(|| Lost {
            id: reached.id,
            from: reached.tier,
            to,
            own: self.graph.tier(&Self::start(entry), &[without.0]),
            adds: adds.map(|adds| adds.tier),
            still_adds: still.map(|adds| adds.tier),
        })
    }

    /// What is left to somebody without each of the grants on which these paths stand, taken back
    /// alone, in their order. Whatever grant is not among them changes nothing about them: each path
    /// is there without it.
    pub fn cuts_of<'p>(
        &self,
        entry: &Entry,
        paths: impl IntoIterator<Item = &'p super::Path>,
    ) -> Vec<Kept> {
        let mut grants: Vec<GrantId> = Vec::new();
        for id in paths.into_iter().flat_map(super::Path::stands_on) {
            if !grants.contains(&id) {
                grants.push(id);
            }
        }
        grants.into_par_iter().map(|grant| self.kept(entry, Terms::default(), grant)).collect()
    }
}
