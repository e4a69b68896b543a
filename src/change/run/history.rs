//! The runs of a cluster, read off its journal.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Differs, Record};
use crate::change::plan::{Later, LeftAlone, Made, Plan};
use crate::model::Name;
use crate::store::JournalEntry;

/// What is known of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Never sent.
    Untouched,
    /// It may have been sent: only the object tells whether it was made.
    NotKnown,
    /// Made; the object as it was left, None where it is gone.
    Made(Option<Value>),
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It neither ended nor stopped: its process did.
    CutOff,
    /// It stopped, for this reason.
    Stopped(String),
    /// All of it was made.
    Done(Vec<Differs>),
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its number.
    pub id: u64,
    /// When it began, UTC.
    pub at: DateTime<Utc>,
    /// Who applied it.
    pub by: Option<Name>,
    /// What was applied.
    pub plan: Plan,
    /// The folder that kubeconfigs are written to, where it makes any.
    pub out: Option<String>,
    /// By step id.
    pub steps: BTreeMap<u32, StepState>,
    /// How it stands.
    pub standing: Standing,
    /// The run that undoes it, and whether that is done.
    pub undone_by: Option<(u64, bool)>,
    /// The last run that took a part of it back, and left the rest.
    pub partly_by: Option<u64>,
    /// Its steps that are taken back, where others of it are not.
    pub taken_back: BTreeSet<u32>,
    /// Its steps that are left, since somebody changed what they wrote.
    pub left_alone: BTreeSet<u32>,
}

impl Run {
    /// What was made of it, in the order in which it was.
    pub fn made(&self) -> Vec<Made> {
        let made = self.steps.iter().filter_map(|(step, state)| match state {
            StepState::Made(left) => Some(Made { step: *step, left: left.clone() }),
            _ => None,
        });
        made.collect()
    }

    /// What was made of it and not taken back.
    pub fn remains(&self) -> Vec<Made> {
        let mut made = self.made();
        made.retain(|made| !self.taken_back.contains(&made.step));
        made
    }

    /// Whether it has to be finished or undone before anything else is applied.
    pub fn is_open(&self) -> bool {
        self.standing == Standing::CutOff && !self.was_undone()
    }

    /// Whether a run took it back, or a part of it, or is about to: it is not gone on with then.
    pub fn was_undone(&self) -> bool {
        self.undone_by.is_some() || self.partly_by.is_some()
    }

    /// Whether nothing is left to do of it.
    pub fn is_done(&self) -> bool {
        matches!(self.standing, Standing::Done(_))
    }

    /// Whether something of it stands: it came to its end, or made something before it did not, and not
    /// all of that was taken back.
    pub fn stands(&self) -> bool {
        let undone = matches!(self.undone_by, Some((_, true))) || self.plan.undoes.is_some();
        !undone && (self.is_done() || !self.remains().is_empty())
    }

    /// From when on a stage of it is to be made, UTC: so long after it was applied as its plan says after
    /// it was made. Where less than a day lay between, on the day that the plan says.
    pub fn stage_from(&self, later: &Later) -> DateTime<Utc> {
        later.not_before + self.plan.waited(self.at)
    }

    /// `done`, `cut off`, `stopped`, `undone by run 3`.
    pub fn words(&self) -> String {
        match (&self.standing, self.undone_by) {
            (_, Some((by, true))) => format!("undone by run {by}"),
            (_, Some((by, false))) => format!("partly undone by run {by}"),
            (_, None) if let Some(by) = self.partly_by => {
                let stays = |(step, state): &(&u32, &StepState)| {
                    **state != StepState::Untouched && !self.taken_back.contains(step)
                };
                let left = self.steps.iter().filter(stays).count();
                format!("undone by run {by} but for {left} of its steps")
            }
            (Standing::CutOff, None) => "cut off".to_owned(),
            (Standing::Stopped(_), None) => "stopped".to_owned(),
            (Standing::Done(differs), None) if differs.is_empty() => "done".to_owned(),
            (Standing::Done(_), None) => "done, with differences".to_owned(),
        }
    }
}

impl Run {
    /// That a run took it back, but for what it left.
    fn is_undone_by(&mut self, id: u64, leaves: &[LeftAlone]) {
        if leaves.is_empty() {
            self.undone_by = Some((id, true));
            return;
        }
        (self.undone_by, self.partly_by) = (None, Some(id));
        let stays: BTreeSet<u32> = leaves.iter().map(|left| left.step).collect();
        self.taken_back = self.steps.keys().filter(|step| !stays.contains(step)).copied().collect();
        self.left_alone = leaves.iter().filter(|left| left.changed).map(|left| left.step).collect();
    }
}

/// All runs, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// By number.
    pub runs: BTreeMap<u64, Run>,
}

impl History {
    /// Reads entries.
    ///
    /// # Errors
    /// Where an entry is of a form that this keybook does not know.
    pub fn read(entries: &[JournalEntry]) -> Result<Self, String> {
        let mut history = Self::default();
        for entry in entries {
            let record: Record = serde_json::from_value(entry.record.clone())
                .map_err(|error| format!("entry {} of the journal: {error}", entry.seq))?;
            history.take(record, entry.at);
        }
        Ok(history)
    }

    /// The one to be finished or undone before anything else.
    pub fn open(&self) -> Option<&Run> {
        self.runs.values().find(|run| run.is_open())
    }

    /// The runs after one that wrote anything, the newest first.
    pub fn after(&self, run: u64) -> impl Iterator<Item = &Run> {
        let later = self.runs.values().rev().filter(move |other| other.id > run);
        later.filter(|other| !other.made().is_empty())
    }

    /// The number of the next run.
    pub fn next(&self) -> u64 {
        self.runs.keys().next_back().map_or(1, |last| last + 1)
    }

    pub(super) fn take(&mut self, record: Record, at: DateTime<Utc>) {
        if let Record::Began { run, plan, by, out } = record {
            if let Some(undone) = plan.undoes.and_then(|id| self.runs.get_mut(&id)) {
                undone.undone_by = Some((run, false));
            }
            let steps = plan.steps.iter().map(|step| (step.id, StepState::Untouched)).collect();
            let plan = *plan;
            let new = Run {
                id: run,
                at,
                by,
                plan,
                out,
                steps,
                standing: Standing::CutOff,
                undone_by: None,
                partly_by: None,
                taken_back: BTreeSet::new(),
                left_alone: BTreeSet::new(),
            };
            self.runs.insert(run, new);
            return;
        }
        let Some(run) = self.runs.get_mut(&record.run()) else { return };
        match record {
            Record::Began { .. } => {}
            Record::Resumed { .. } => run.standing = Standing::CutOff,
            Record::Writing { step, .. } => {
                run.standing = Standing::CutOff;
                run.steps.insert(step, StepState::NotKnown);
            }
            Record::Written { step, left, .. } => {
                run.steps.insert(step, StepState::Made(left));
            }
            Record::Stopped { step, why, unmade, .. } => {
                run.standing = Standing::Stopped(why);
                if let Some(step) = step.filter(|_| unmade) {
                    run.steps.insert(step, StepState::Untouched);
                }
            }
            Record::Ended { differs, .. } => {
                run.standing = Standing::Done(differs);
                let (id, leaves) = (run.id, run.plan.leaves.clone());
                if let Some(undone) = run.plan.undoes.and_then(|of| self.runs.get_mut(&of)) {
                    undone.is_undone_by(id, &leaves);
                }
            }
        }
    }
}
