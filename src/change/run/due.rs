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
    /// What of it no later run did.
    pub left: Vec<&'a Intent>,
    /// Whether its day has come.
    pub due: bool,
}

impl History {
    /// The stages that are left, the earliest first. A run that was undone, or never came to its end,
    /// has none; what a later run did, and was not undone, is done.
    pub fn stages(&self, now: DateTime<Utc>) -> Vec<Stage<'_>> {
        // What takes a run back has the same wishes.
        let stands =
            |run: &&Run| run.is_done() && run.undone_by.is_none() && run.plan.undoes.is_none();
        let standing = || self.runs.values().filter(stands);
        let mut stages = Vec::new();
        for run in standing() {
            for later in &run.plan.later {
                let done = |intent: &&Intent| {
                    standing()
                        .any(|other| other.id > run.id && other.plan.intents.contains(*intent))
                };
                let left: Vec<&Intent> =
                    later.intents.iter().filter(|intent| !done(intent)).collect();
                if !left.is_empty() {
                    let due = later.not_before <= now;
                    stages.push(Stage { run: run.id, later, left, due });
                }
            }
        }
        stages.sort_by_key(|stage| (stage.later.not_before, stage.run));
        stages
    }
}
