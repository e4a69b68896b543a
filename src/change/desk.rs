//! Where changes are made from, as a screen sees it: what is wanted becomes a Plan that was tried, and
//! a Plan that was confirmed is applied.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::plan::{Intent, Plan};
use crate::book::Book;
use crate::model::Name;

/// A Plan, tried without writing.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What would be written.
    pub plan: Plan,
    /// Why it cannot be applied as it is. Empty where it can.
    pub problems: Vec<String>,
    /// What has to be known all the same.
    pub notes: Vec<String>,
    /// What a person types to have it applied: the context's name.
    pub confirm: Name,
    /// The run of the journal that is gone on with; None where one is begun.
    pub finishes: Option<u64>,
}

/// How applying came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The run's number in the journal.
    pub run: u64,
    /// Whether all of it was made and is as it should be.
    pub whole: bool,
    /// What there is to say, a line each.
    pub lines: Vec<String>,
}

/// One cluster's. Both wait for the cluster: they are called beside the screen.
pub trait Desk: Send + Sync {
    /// Makes a Plan from fresh images, and tries it.
    ///
    /// # Errors
    /// Where an Intent is about nothing, or the cluster does not answer: in words.
    fn plan(&self, book: &Book, intents: &[Intent]) -> Result<Planned, String>;

    /// The Plan that takes a run of the journal back, tried.
    ///
    /// # Errors
    /// Where there is no such run, or it cannot be taken back, in words.
    fn undoing(&self, run: u64) -> Result<Planned, String>;

    /// What is left of a run of the journal that was cut off or stopped, tried.
    ///
    /// # Errors
    /// Where there is no such run, or nothing is left of it, in words.
    fn finishing(&self, run: u64) -> Result<Planned, String>;

    /// What was applied to the cluster, a line a run, the newest last.
    ///
    /// # Errors
    /// Where the journal cannot be read, in words.
    fn journal(&self) -> Result<Vec<String>, String>;

    /// The run of the journal that was cut off: it is to be gone on with or taken back before another
    /// begins. None where there is none.
    ///
    /// # Errors
    /// Where the journal cannot be read, in words.
    fn cut_off(&self) -> Result<Option<u64>, String>;

    /// Applies a Plan, or goes on with its run: what it changes is in the journal before it is sent. The
    /// cluster is looked at again first, and the log, as `book` has it by now: a screen may stay open
    /// for long. Kubeconfigs, where it makes any, are written to `folder`, of a run that goes on to where
    /// it began. `told` hears of every step; once `stop` is set, it stops after the step at hand.
    ///
    /// # Errors
    /// Where nothing was written, in words.
    fn apply(
        &self,
        book: Option<&Book>,
        planned: &Planned,
        folder: Option<&Path>,
        stop: &AtomicBool,
        told: &mut dyn FnMut(String),
    ) -> Result<Applied, String>;
}
