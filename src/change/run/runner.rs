//! Making the writes of a Plan, one after another.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::look::{Found, look};
use super::send::{may_have_been_made, send};
use super::{Differs, History, How, Record, Run, StepState, beyond, verify};
use crate::change::plan::{Action, Plan, Ran, Step};
use crate::cluster::loader::{LoadOptions, load};
use crate::cluster::{self, Cluster, DryRun, Writer};
use crate::model::{ListKind, Name};
use crate::store::{Addition, Journal, JournalError};

/// How patient a run is.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How often a request is sent, at most.
    pub attempts: u32,
    /// How long it waits before the second time, doubled each time, where the server does not say.
    pub pause: Duration,
    /// How long it waits at most because the server says so.
    pub longest: Duration,
    /// How long access may take to be as it should be.
    pub patience: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            attempts: 5,
            pause: Duration::from_millis(200),
            longest: Duration::from_secs(30),
            patience: Duration::from_secs(10),
        }
    }
}

/// What is told while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// So many steps are tried without writing.
    Trying(usize),
    /// A step is begun.
    Step(&'a Step),
    /// It was made.
    Made(&'a Step, How),
    /// A kubeconfig was written: where, until when it is good, and by what the log knows it.
    Handed(&'a Step, &'a Value),
    /// It is sent again, for this reason.
    Again(&'a Step, String),
    /// All steps are made; now everything is looked at again.
    Verifying,
}

/// How a run came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All of it was made; this is not as it should be.
    Done(Vec<Differs>),
    /// It stopped.
    Stopped {
        /// At which step.
        step: Option<u32>,
        /// What happened, and how things stand.
        why: String,
        /// Whether the person stopped it.
        interrupted: bool,
    },
}

/// Why a run did not come to an end that the journal knows.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The journal could not be written: nothing more was sent.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The cluster did not answer what had to be known first.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// It cannot be done.
    #[error("{0}")]
    Refused(String),
}

/// What runs are made with.
pub struct Runner<'a> {
    /// The cluster, to look at.
    pub cluster: &'a dyn Cluster,
    /// The way to write.
    pub writer: &'a dyn Writer,
    /// Its journal.
    pub journal: &'a mut Journal,
    /// Who applies, as the API server calls them.
    pub by: Option<Name>,
    /// The time, UTC.
    pub clock: &'a dyn Fn() -> DateTime<Utc>,
    /// Told what happens.
    pub progress: &'a mut dyn FnMut(Progress<'_>),
    /// Set by the person who wants it to stop after the step at hand.
    pub stop: &'a AtomicBool,
    /// How patient it is.
    pub pace: Pace,
    /// The folder that kubeconfigs are written to.
    pub out: Option<&'a Path>,
    /// The options by which a command means the same cluster, a space before each: for commands that are
    /// named.
    pub again: &'a str,
    /// What is known to have been made, and goes to the journal with the entry after it. Where the
    /// process ends before, the object tells.
    pub unwritten: Vec<Record>,
}

impl std::fmt::Debug for Runner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

/// What was done for a step while the one before it was written.
#[derive(Clone, Copy, Debug, Default)]
struct Ahead {
    /// The API server would take it.
    tried: bool,
    /// The journal has that it is about to be sent.
    announced: bool,
}

/// What became of one step.
pub(super) enum Outcome {
    Made(How, Option<Value>),
    Stopped { why: String, unmade: bool },
}

impl Runner<'_> {
    /// What the journal holds.
    ///
    /// # Errors
    /// Where it holds what this keybook does not know.
    pub fn history(&self) -> Result<History, RunError> {
        History::read(self.journal.entries()).map_err(RunError::Refused)
    }

    pub(super) fn note(&mut self, record: Record) -> Result<(), RunError> {
        self.unwritten.push(record);
        self.flush()
    }

    pub(super) fn flush(&mut self) -> Result<(), RunError> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let values = self.values()?;
        Ok(self.journal.append((self.clock)(), values)?)
    }

    fn values(&mut self) -> Result<Vec<Value>, RunError> {
        let values: Result<Vec<Value>, _> =
            self.unwritten.drain(..).map(serde_json::to_value).collect();
        values.map_err(|error| RunError::Refused(format!("write the journal: {error}")))
    }

    /// That the next step is about to be sent, to be written while the one before it is.
    fn announce(&mut self, run: u64, next: Option<&Step>) -> Result<Option<Addition>, RunError> {
        let Some(next) = next else { return Ok(None) };
        self.unwritten.push(Record::Writing { run, step: next.id });
        let values = self.values()?;
        Ok(Some(self.journal.prepare((self.clock)(), values)?))
    }

    /// That a run stops at a step, or before it; a step that was announced was not sent.
    fn stopped(
        &mut self,
        run: u64,
        step: Option<u32>,
        (why, unmade): (&str, bool),
        announced: Option<&Step>,
    ) -> Result<(), RunError> {
        let stopped = |step, unmade| Record::Stopped { run, step, why: why.to_owned(), unmade };
        self.unwritten.extend(announced.map(|next| stopped(Some(next.id), true)));
        self.note(stopped(step, unmade))
    }

    /// Applies a Plan; gives the run's number and how it came out.
    ///
    /// # Errors
    /// Where another run has to be finished or undone first, or the journal cannot be written.
    pub async fn apply(&mut self, plan: &Plan) -> Result<(u64, Ended), RunError> {
        let history = self.history()?;
        if let Some(open) = history.open().filter(|open| plan.undoes != Some(open.id)) {
            return Err(RunError::Refused(format!(
                "run {} was cut off; finish it with keybook apply --finish {0}{1}, or undo it with \
                 keybook undo {0}{1}",
                open.id, self.again
            )));
        }
        let run = history.next();
        let (by, out) = (self.by.clone(), self.folder_of(plan)?);
        self.note(Record::Began { run, plan: Box::new(plan.clone()), by, out })?;
        let ended = self.steps(run, plan, &std::collections::BTreeMap::new()).await?;
        Ok((run, ended))
    }

    /// Goes on with a run that was cut off or stopped.
    ///
    /// # Errors
    /// As for [`Self::apply`].
    pub async fn finish(&mut self, run: u64) -> Result<Ended, RunError> {
        let found = self.find(run)?;
        if found.is_done() || found.was_undone() {
            return Err(RunError::Refused(format!("run {run} is {}", found.words())));
        }
        let by = self.by.clone();
        self.note(Record::Resumed { run, by })?;
        self.steps(run, &found.plan, &found.steps).await
    }

    /// A run of the journal.
    ///
    /// # Errors
    /// Where there is none of that number.
    pub fn find(&self, run: u64) -> Result<Run, RunError> {
        self.history()?.runs.remove(&run).ok_or_else(|| {
            RunError::Refused(format!(
                "the journal has no run {run}; keybook journal{} lists those that there are. It is of this \
                 machine: what was applied from elsewhere is not in it",
                self.again
            ))
        })
    }

    /// The steps of a run of which it is not known whether they were made, and whose objects do not tell,
    /// since somebody else was there: it is not gone on with.
    ///
    /// # Errors
    /// Where the cluster does not answer.
    pub async fn untold(&self, run: &Run) -> Result<Vec<String>, RunError> {
        let mut lines = Vec::new();
        for step in &run.plan.steps {
            let unknown = run.steps.get(&step.id) == Some(&StepState::NotKnown);
            if !unknown || step.target.is_credential() {
                continue;
            }
            if let Found::Moved(how) = look(self.cluster, step).await? {
                lines.push(format!(
                    "step {}: whether it was made is not known, and {how}; keybook undo {} --leave-changed{} \
                     takes back what was made, and leaves that alone",
                    step.id, run.id, self.again
                ));
            }
        }
        Ok(lines)
    }

    async fn steps(
        &mut self,
        run: u64,
        plan: &Plan,
        before: &std::collections::BTreeMap<u32, StepState>,
    ) -> Result<Ended, RunError> {
        let left: Vec<&Step> = plan
            .steps
            .iter()
            .filter(|step| !matches!(before.get(&step.id), Some(StepState::Made(_))))
            .collect();
        let unsent = |step: &&Step| before.get(&step.id) != Some(&StepState::NotKnown);
        let mut ahead = Ahead::default();
        for (at, step) in left.iter().copied().enumerate() {
            let state = before.get(&step.id);
            if self.stop.load(Ordering::SeqCst) {
                let why = "it was interrupted".to_owned();
                let announced = ahead.announced.then_some(step).filter(unsent);
                self.stopped(run, None, (&why, true), announced)?;
                return Ok(Ended::Stopped { step: None, why, interrupted: true });
            }
            (self.progress)(Progress::Step(step));
            let next = left.get(at + 1).copied();
            // A token cannot be tried: the server would make it.
            let next = next.filter(|next| !next.target.is_credential());
            let outcome = if step.target.is_credential() {
                ahead = Ahead::default();
                self.credential(run, plan, step).await?
            } else {
                let (outcome, next_ahead) = self.step(run, (step, ahead), state, next).await?;
                ahead = next_ahead;
                outcome
            };
            match outcome {
                Outcome::Made(how, left) => {
                    (self.progress)(Progress::Made(step, how));
                    if let Some(left) = left.as_ref().filter(|_| step.target.is_credential()) {
                        (self.progress)(Progress::Handed(step, left));
                    }
                    self.unwritten.push(Record::Written { run, step: step.id, how, left });
                }
                Outcome::Stopped { why, unmade } => {
                    let announced = next.filter(|_| ahead.announced).filter(unsent);
                    self.stopped(run, Some(step.id), (&why, unmade), announced)?;
                    return Ok(Ended::Stopped { step: Some(step.id), why, interrupted: false });
                }
            }
        }
        (self.progress)(Progress::Verifying);
        self.flush()?;
        let made = self.find(run)?.made();
        match verify(self.cluster, plan, &made, self.pace.patience).await {
            Ok(mut differs) => {
                if beyond::gives(plan) {
                    match load(self.cluster, &LoadOptions::only(&ListKind::RBAC)).await {
                        Ok(now) => {
                            differs.extend(super::beyond(Ran { plan, made: &made }, &now, &[]));
                        }
                        Err(error) => differs.push(Differs {
                            what: "what is held by it that nothing else gives".to_owned(),
                            how: error.to_string(),
                            known: false,
                        }),
                    }
                }
                self.note(Record::Ended { run, differs: differs.clone() })?;
                Ok(Ended::Done(differs))
            }
            Err(error) => {
                let why = format!("every step was made, but not looked at again: {error}");
                self.note(Record::Stopped { run, step: None, why: why.clone(), unmade: true })?;
                Ok(Ended::Stopped { step: None, why, interrupted: false })
            }
        }
    }

    /// Tries without writing, with the same preconditions, writes down what is about to be done, and
    /// does it. What an earlier process may have sent is looked at first. While it is written, the
    /// next one is tried and written down.
    async fn step(
        &mut self,
        run: u64,
        (step, done): (&Step, Ahead),
        state: Option<&StepState>,
        next: Option<&Step>,
    ) -> Result<(Outcome, Ahead), RunError> {
        let sent = state == Some(&StepState::NotKnown);
        let stopped = |why: String| Ok((Outcome::Stopped { why, unmade: !sent }, Ahead::default()));
        if sent {
            match self.looked(step).await {
                Ok(Found::Made(left)) => {
                    return Ok((Outcome::Made(How::Found, left), Ahead::default()));
                }
                Ok(Found::Unmade(_)) => {}
                Ok(Found::Moved(how)) => return stopped(how),
                Err(error) => return stopped(error.to_string()),
            }
        }
        if !done.tried
            && let Err(error) = self.dry(step).await
        {
            let how = match self.looked(step).await {
                Ok(Found::Moved(how)) => how,
                Ok(Found::Made(_)) => somebody_else(step),
                Ok(Found::Unmade(_)) => "the object is as it was before".to_owned(),
                Err(silent) => format!("how the object stands is not known: {silent}"),
            };
            return stopped(format!("the API server would not take it: {error}; {how}"));
        }
        if !done.announced {
            self.note(Record::Writing { run, step: step.id })?;
        }
        let addition = self.announce(run, next.filter(|next| tell_themselves(step, next)))?;
        let writer = self.writer;
        let tried = async {
            match next {
                Some(next) => send(writer, next, DryRun::Yes).await.is_ok(),
                None => false,
            }
        };
        let announced = async {
            let addition = addition?;
            let write = move || (addition.write(), addition);
            Some(tokio::task::spawn_blocking(write).await)
        };
        let (outcome, tried, announced) = futures::join!(self.write(step), tried, announced);
        let mut ahead = Ahead { tried, announced: false };
        if let Some(written) = announced {
            let (written, addition) = written
                .map_err(|error| RunError::Refused(format!("write the journal: {error}")))?;
            self.journal.take(addition, written)?;
            ahead.announced = true;
        }
        Ok((outcome?, ahead))
    }

    /// The same again where nothing was written and the server is only busy.
    async fn dry(&mut self, step: &Step) -> Result<(), cluster::Error> {
        let mut attempt = 1;
        loop {
            match send(self.writer, step, DryRun::Yes).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_transient() && attempt < self.pace.attempts => {
                    self.wait(step, &error, attempt).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn looked(&mut self, step: &Step) -> Result<Found, cluster::Error> {
        let mut attempt = 1;
        loop {
            match look(self.cluster, step).await {
                Err(error) if error.is_transient() && attempt < self.pace.attempts => {
                    self.wait(step, &error, attempt).await;
                    attempt += 1;
                }
                found => return found,
            }
        }
    }

    pub(super) async fn wait(&mut self, step: &Step, error: &cluster::Error, attempt: u32) {
        (self.progress)(Progress::Again(step, error.to_string()));
        let doubled = self.pace.pause * 2_u32.saturating_pow(attempt.saturating_sub(1));
        let pause = error.retry_after().unwrap_or(doubled).min(self.pace.longest);
        tokio::time::sleep(pause).await;
    }

    /// Sends a write until it is known what became of it. What may have been made is never sent again
    /// before the object says that it was not; and what is sent again carries the same preconditions.
    async fn write(&mut self, step: &Step) -> Result<Outcome, RunError> {
        let mut uncertain = false;
        let mut attempt = 1;
        loop {
            let error = match send(self.writer, step, DryRun::No).await {
                Ok(left) => return Ok(Outcome::Made(How::Answered, left)),
                Err(error) => error,
            };
            uncertain |= may_have_been_made(&error);
            let stopped = |why: String| Ok(Outcome::Stopped { why, unmade: !uncertain });
            // A server that says 429 has not looked at the request.
            if !matches!(error, cluster::Error::Busy { status: 429, .. }) {
                match self.looked(step).await {
                    Ok(Found::Made(left)) if uncertain => {
                        return Ok(Outcome::Made(How::Found, left));
                    }
                    Ok(Found::Made(_)) => return stopped(somebody_else(step)),
                    Ok(Found::Moved(how)) => return stopped(format!("{error}; {how}")),
                    Ok(Found::Unmade(_)) => {}
                    Err(silent) => {
                        return stopped(format!(
                            "{error}; and how the object stands is not known: {silent}"
                        ));
                    }
                }
            }
            if attempt >= self.pace.attempts || !error.is_transient() {
                return stopped(format!("{error}; the object is as it was before"));
            }
            self.wait(step, &error, attempt).await;
            attempt += 1;
        }
    }
}

/// Whether what became of two steps is told by their objects, whichever was made: then that the first
/// was made need not be on the disk before the second is sent. What is deleted and made again is not
/// told so, nor is what controllers write to.
fn tell_themselves(step: &Step, next: &Step) -> bool {
    let edited = |step: &Step| {
        step.action == Action::Replace && (step.target.is_role() || step.target.is_binding())
    };
    edited(step) && edited(next) && step.target != next.target
}

fn somebody_else(step: &Step) -> String {
    format!("{} is already as this step would leave it: somebody else did that", step.target)
}
