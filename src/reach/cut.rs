//! Which grant to cut: who loses the way to what it can become.

use std::collections::BTreeMap;

use rayon::prelude::*;

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
        let lost: Vec<(GrantId, Lost)> = tried
            .into_par_iter()
            .filter_map(|(grant, reached)| {
                let to = self.keeps(reached, grant);
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

    /// Those of a path's grants that end every way to the tier when cut alone.
    pub fn cuts_of(&self, reached: &Reached) -> Vec<(GrantId, Tier)> {
        let grants = reached.highest().map(super::Path::stands_on).unwrap_or_default();
        grants.into_iter().map(|grant| (grant, self.keeps(reached, grant))).collect()
    }
}
