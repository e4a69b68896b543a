//! `can`: what somebody would be able to do.

use super::asker::Asker;
use super::completeness::{self, Missing};
use super::note::{self, Note};
use super::target::Question;
use super::ways::{Condition, Inquiry, Places, Via, Way, practicable};
use crate::model::{Identity, Name, Scope, Snapshot};
use crate::rbac::Authorizer;

/// The answer to `can`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Can {
    /// Every way in which it is allowed, cluster-wide ones first. Empty: no.
    pub ways: Vec<Way>,
    /// What has to be said beside it.
    pub notes: Vec<Note>,
    /// Lists that the answer reads and that are not whole.
    pub missing: Vec<Missing>,
}

impl Can {
    /// Whether it is allowed, anywhere and in any way.
    pub fn allowed(&self) -> bool {
        !self.ways.is_empty()
    }

    /// Whether the answer may be different once everything is known: a "no" that rests on lists
    /// that are not whole, or a list of ways that may be longer.
    pub fn incomplete(&self) -> bool {
        !self.missing.is_empty()
    }

    /// The ways, summed up by scope.
    pub fn extents(&self) -> Vec<AllowedIn> {
        extents(&self.ways)
    }
}

/// Where something is allowed, all grants taken together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedIn {
    /// Where.
    pub scope: Scope,
    /// On which objects only, sorted; None: on every one.
    pub names: Option<Vec<Name>>,
    /// What it depends on, where every way there to as many objects depends on it.
    pub condition: Option<Condition>,
}

/// Sums ways up by scope, cluster-wide first.
pub fn extents(ways: &[Way]) -> Vec<AllowedIn> {
    let mut by_scope: std::collections::BTreeMap<&Scope, AllowedIn> =
        std::collections::BTreeMap::new();
    for way in ways {
        let extent = by_scope.entry(&way.scope).or_insert_with(|| AllowedIn {
            scope: way.scope.clone(),
            names: Some(Vec::new()),
            condition: way.condition,
        });
        match (&mut extent.names, &way.names) {
            // Among every object those with a name are already.
            (None, Some(_)) => continue,
            (Some(_), None) => {
                extent.names = None;
                extent.condition = way.condition;
            }
            (Some(names), Some(more)) => names.extend(more.iter().cloned()),
            (None, None) => {}
        }
        extent.condition = extent.condition.filter(|have| Some(*have) == way.condition);
    }
    by_scope
        .into_values()
        .map(|mut extent| {
            if let Some(names) = &mut extent.names {
                names.sort();
                names.dedup();
            }
            extent
        })
        .collect()
}

/// What `asker` would be able to do: its groups counted, scopes minded.
pub fn can(
    authorizer: &Authorizer,
    snapshot: &Snapshot,
    asker: &Asker,
    question: &Question,
) -> Can {
    let inquiry = Inquiry::new(question);
    let mut found = ways(authorizer, asker, &inquiry);
    if let Some(beside) = inquiry.beside() {
        let beside = beside.iter().flat_map(|other| ways(authorizer, asker, other));
        found = practicable(found, &beside.collect::<Vec<_>>());
    }
    Can {
        ways: found,
        notes: note::of(question, asker),
        missing: completeness::of_inquiry(snapshot, &inquiry),
    }
}

fn ways(authorizer: &Authorizer, asker: &Asker, inquiry: &Inquiry<'_>) -> Vec<Way> {
    let mut ways = Vec::new();
    if asker.is_master() && *inquiry.places() != Places::Nowhere {
        ways.push(masters());
    }
    let groups = asker.groups.iter().map(|group| Identity::group(group.clone()));
    let own = asker.identity.user_name().map(|_| asker.identity.clone());
    for subject in own.into_iter().chain(groups) {
        for slot in authorizer.direct(&subject) {
            if let Some(held) = authorizer.held(slot) {
                ways.extend(inquiry.ways(slot, held));
            }
        }
    }
    ways.sort();
    ways
}

/// The way of `system:masters`.
pub(super) fn masters() -> Way {
    Way { scope: Scope::Cluster, names: None, condition: None, via: Via::Masters }
}
