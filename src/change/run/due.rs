//! What is to be done later, and whether its day has come.

use chrono::{DateTime, Utc};

use super::{History, Run};
use crate::change::plan::{Intent, Later};

/// A stage of a run, of which something is left to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage<'a> {
    /// The run whose plan has it.
    pub run: u64,
    /// The stage.
    pub later: &'a Later,
    /// What of it is left.
    pub left: Vec<&'a Intent>,
    /// The last run that was made for something of what is left, and whether it wrote anything: what it
    /// did did not last, or it left all of it to owners.
    pub tried: Option<(u64, bool)>,
    /// From when on it is to be made, UTC.
    pub not_before: DateTime<Utc>,
    /// Whether its day has come.
    pub due: bool,
}

impl History {
    /// The stages that are left, the earliest first, of what stands: a run that was undone, or made
    /// nothing before it stopped, has none. Whether something is done the world says (`is_done`); where
    /// it does not, what a later run did, came to its end with, and was not undone, is done. A run that
    /// wrote nothing did nothing.
    pub fn stages(
        &self,
        now: DateTime<Utc>,
        is_done: &dyn Fn(&Intent) -> Option<bool>,
    ) -> Vec<Stage<'_>> {
        let standing = || self.runs.values().filter(|run| run.stands());
        let mut stages = Vec::new();
        for run in standing() {
            for later in &run.plan.later {
                let meant = |intent: &Intent| {
                    let after = standing().filter(|other| other.id > run.id);
                    after.filter(|other| other.plan.intents.contains(intent)).collect::<Vec<_>>()
                };
                let wrote = |other: &&Run| !other.made().is_empty();
                let done = |intent: &Intent| {
                    let did = |other: &&Run| other.is_done() && !other.was_undone() && wrote(other);
                    is_done(intent).unwrap_or_else(|| meant(intent).iter().any(did))
                };
                let left: Vec<&Intent> =
                    later.intents.iter().filter(|intent| !done(intent)).collect();
                if !left.is_empty() {
                    let not_before = run.stage_from(later);
                    let due = not_before <= now;
                    let tried = left.iter().flat_map(|intent| meant(intent));
                    let tried = tried.max_by_key(|other| other.id);
                    let tried = tried.map(|other| (other.id, wrote(&other)));
                    stages.push(Stage { run: run.id, later, left, tried, not_before, due });
                }
            }
        }
        stages.sort_by_key(|stage| (stage.not_before, stage.run));
        stages
    }

    /// The runs that stand and made something of a run's stages, oldest first.
    pub(super) fn made_of_stages(&self, run: &Run) -> Vec<u64> {
        let all = self.runs.values().filter(|other| {
            other.id > run.id
                && other.undone_by.is_none()
                && other.plan.undoes.is_none()
                && !other.remains().is_empty()
        });
        let of_it = |other: &&Run| {
            let mut intents = run.plan.later.iter().flat_map(|later| &later.intents);
            intents.any(|intent| other.plan.intents.contains(intent))
        };
        all.filter(of_it).map(|other| other.id).collect()
    }
}
