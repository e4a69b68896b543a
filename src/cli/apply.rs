//! `apply` and `undo`: a Plan is shown, tried without writing, confirmed, and made.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::args::{Global, Output};
use super::change_args::Confirm;
use super::changing::{self, Reached};
use super::exit::{Code, Failure};
use super::sources::settings;
use super::text;
use super::which_journal::Besides;
use super::{again, answer, fits, outcome, planning};
use crate::book::Book;
use crate::change::plan::{self, Plan, gains, old, rests_by, rests_on_groups, stale};
use crate::change::run::{self, Changed, Ended, History, Pace, Progress, Run, Runner, StepState};
use crate::cluster::loader::{LoadOptions, load};
use crate::cluster::{Cluster, Writer};
use crate::model::{ClusterInfo, ListKind, counted, printable};
use crate::report;
use crate::store::Journal;

/// Most bytes of a Plan: tens of thousands of steps with their images.
const MOST: u64 = 256 << 20;

/// To try more steps than that takes a while.
const MANY: usize = 100;

/// What is applied.
pub(super) enum What<'a> {
    /// A Plan in a file.
    Plan(&'a Path),
    /// What is left of a run.
    Finish(u64),
    /// What takes a run back.
    Undo(u64, Changed),
}

pub(super) fn run(
    global: &Global,
    what: &What<'_>,
    out: Option<&Path>,
    confirm: &Confirm,
) -> Result<Code, Failure> {
    changing::one_live_cluster(global, "changes are made to a live cluster")?;
    changing::no_demo(global)?;
    if global.look.output == Some(Output::Csv) {
        return Err(planning::no_rows());
    }
    let given = match what {
        What::Plan(path) => Some(read(path)?),
        What::Finish(_) | What::Undo(..) => None,
    };
    if let Some(plan) = &given {
        for note in fits::is_allowed_since(global, plan)? {
            answer::say(&format!("note: {note}"));
        }
    }
    let session = match what {
        What::Undo(..) => fits::session_of_log(global)?,
        What::Plan(_) | What::Finish(_) => None,
    };
    let log = session.as_ref().and_then(|session| session.books.first()).map(|book| &**book);
    let settings = settings(global)?;
    let Reached { cluster, runtime } = changing::reach(global, &settings)?;
    let writer = changing::writer(global, &settings, &runtime)?;
    let info = runtime.block_on(cluster.info())?;
    let path = changing::journal_of(global, &settings, &info)?;
    Besides::of(&path, &info).words().iter().for_each(|words| answer::say(words));
    let mut journal = Journal::open(&path)?;
    let out = folder(&journal, what, out)?;
    let stop = Arc::new(AtomicBool::new(false));
    runtime.spawn(interrupted(stop.clone()));
    let mut told = |progress: Progress<'_>| {
        if let Some(line) = words(&progress) {
            answer::say(&line);
        }
    };
    let clock = super::feeds::clock();
    let again = again::of(global).cluster;
    let runner = Runner {
        cluster: &*cluster,
        writer: &*writer,
        journal: &mut journal,
        by: info.operator.clone(),
        clock: &*clock,
        progress: &mut told,
        stop: &stop,
        pace: Pace::default(),
        out: out.as_deref(),
        again: &again,
        unwritten: Vec::new(),
    };
    let force = confirm.force.as_deref();
    let form = global.look.output.unwrap_or(Output::Table);
    let held = !global.input.audit.is_empty();
    let work =
        Work { cluster: &*cluster, writer: &*writer, info: &info, force, again: &again, held };
    let done = runtime.block_on(work.all(runner, (what, log), given, (confirm, form)));
    runtime.shutdown_background();
    answer::say(&format!("journal: head {}", journal.head()));
    done
}

/// Where kubeconfigs are written to: of a run that goes on, the folder that it began with.
fn folder(
    journal: &Journal,
    what: &What<'_>,
    out: Option<&Path>,
) -> Result<Option<PathBuf>, Failure> {
    let given = out.map(std::path::absolute).transpose();
    let given = given.map_err(|cause| Failure::usage(format!("--out: {cause}")))?;
    let What::Finish(run) = what else { return Ok(given) };
    let history = History::read(journal.entries()).map_err(Failure::refused)?;
    let began = history.runs.get(run).and_then(|run| run.out.as_ref()).map(PathBuf::from);
    match (given, began) {
        (Some(given), Some(began)) if given != began => Err(Failure::usage(format!(
            "run {run} writes kubeconfigs to {}: leave --out out",
            began.display()
        ))),
        (given, began) => Ok(began.or(given)),
    }
}

/// The first ctrl-c stops after the step at hand, the second at once: the journal knows what is to be
/// looked at then.
async fn interrupted(stop: Arc<AtomicBool>) {
    while tokio::signal::ctrl_c().await.is_ok() {
        if stop.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(Code::Interrupted.number()));
        }
        answer::say("stopping after the step at hand");
    }
}

/// What there is to say of a step; None where it only begins.
pub(super) fn words(progress: &Progress<'_>) -> Option<String> {
    match progress {
        Progress::Step(_) => None,
        Progress::Trying(steps) => {
            Some(format!("trying {} without writing", counted(*steps as u64, "step")))
        }
        Progress::Made(step, how) => {
            let found = match how {
                run::How::Answered => "",
                run::How::Found => " (the answer was lost; the object shows it)",
            };
            Some(format!("{}. {} {}: made{found}", step.id, step.action.as_str(), step.target))
        }
        Progress::Handed(_, left) => Some(handed(left)),
        Progress::Again(step, why) => {
            Some(format!("{}. {}: again, since {why}", step.id, step.target))
        }
        Progress::Verifying => Some("looking at everything again".to_owned()),
    }
}

/// What there is to say of a kubeconfig that was written.
fn handed(left: &Value) -> String {
    let text = |field: &str| left[field].as_str().unwrap_or("?");
    format!(
        "{} is written; the server granted it until {}. It says itself how it is renewed",
        text("kubeconfig"),
        text("expires")
    )
}

/// Reads a Plan that nobody changed.
fn read(path: &Path) -> Result<Plan, Failure> {
    let name = text::name(path);
    let text = text::read(path, MOST)?;
    if text.trim().is_empty() {
        let words =
            format!("{name}: empty; give a Plan that keybook revoke, narrow or split wrote");
        return Err(Failure::usage(words));
    }
    let value: Value = if text.trim_start().starts_with('{') {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    } else {
        yaml_serde::from_str(&text).map_err(|error| error.to_string())
    }
    .map_err(|error| Failure::usage(format!("{name} is neither JSON nor YAML: {error}")))?;
    Plan::read(value).map_err(|error| Failure::refused(format!("{name}: {error}")))
}

/// What a Plan is tried with.
pub(super) struct Work<'a> {
    pub(super) cluster: &'a dyn Cluster,
    pub(super) writer: &'a dyn Writer,
    pub(super) info: &'a ClusterInfo,
    /// The sentence that allows a lock-out.
    pub(super) force: Option<&'a str>,
    /// The options by which a command means the same cluster, a space before each.
    pub(super) again: &'a str,
    /// Whether the plan is held against the log as it is now.
    pub(super) held: bool,
}

impl Work<'_> {
    async fn all(
        &self,
        mut runner: Runner<'_>,
        (what, log): (&What<'_>, Option<&Book>),
        given: Option<Plan>,
        (confirm, form): (&Confirm, Output),
    ) -> Result<Code, Failure> {
        let (plan, before): (Plan, Option<Run>) = match (what, given) {
            (What::Finish(run), _) => {
                let run = to_finish(&runner, *run)?;
                let untold = runner.untold(&run).await?;
                if !untold.is_empty() {
                    return Err(Failure::refused(format!(
                        "nothing was written:\n{}",
                        untold.join("\n")
                    )));
                }
                (run.plan.clone(), Some(run))
            }
            (What::Undo(run, moved), _) => (runner.undoing(*run, *moved).await?, None),
            (What::Plan(_), Some(plan)) => {
                was_applied(&runner.history()?, &plan)?;
                match plan.undoes {
                    Some(run) => (fits::takes_back(&mut runner, run, &plan).await?, None),
                    None => (plan, None),
                }
            }
            (What::Plan(_), None) => return Err(Failure::usage("no plan was given")),
        };
        self.is_of_this_cluster(&plan)?;
        if plan.undoes.is_none() || before.is_some() {
            Self::is_not_in_the_way(&runner, before.as_ref())?;
        }
        // Who says yes beforehand has read it.
        let shown = match form {
            Output::Table if confirm.yes.is_some() => report::plan_summary(&plan),
            form => planning::shown(&plan, form)?,
        };
        answer::out(shown.as_bytes())?;
        for note in log.iter().flat_map(|book| plan::taken_with(book, &plan)) {
            answer::say(&format!("note: {note}"));
        }
        let settled = before.as_ref().map(settled).unwrap_or_default();
        if let Some(out) = runner.out.filter(|_| run::makes_kubeconfigs(&plan)) {
            run::is_free(&plan, out, &settled)
                .map_err(|why| Failure::refused(format!("--out: {why}")))?;
        } else if run::makes_kubeconfigs(&plan) {
            answer::say(
                "note: it makes kubeconfigs: to apply it, name a folder for them with --out",
            );
        }
        // What takes no time needs no word.
        if plan.steps.len() > MANY {
            (runner.progress)(Progress::Trying(plan.steps.len()));
        }
        for note in report::plan_notes(&plan, &self.tried(&plan, &settled).await?) {
            answer::say(&format!("note: {note}"));
        }
        if !self.confirmed(confirm)? {
            return Ok(Code::Done);
        }
        let next = before.as_ref().map_or(runner.history()?.next(), |run| run.id);
        let applied = match &before {
            Some(run) => runner.finish(run.id).await.map(|ended| (run.id, ended)),
            None => runner.apply(&plan).await,
        };
        let (id, ended) = applied.map_err(|error| {
            let begun = runner.history().is_ok_and(|history| history.runs.contains_key(&next));
            outcome::broken(next, begun, error, self.again)
        })?;
        Ok(self.outcome(id, &plan, ended))
    }

    /// Asks whom it locks out, looks at its objects, asks for the operator's rights and has every write
    /// tried; nothing is written. Steps that `settled` names are left out. Gives what has to be known
    /// all the same.
    ///
    /// # Errors
    /// Where it may not be applied.
    pub(super) async fn tried(&self, plan: &Plan, settled: &[u32]) -> Result<Vec<String>, Failure> {
        if plan.steps.is_empty() && plan.later.is_empty() && plan.undoes.is_none() {
            return Err(Failure::refused(
                "nothing is written: the plan has no step. What it leaves to owners and people is to be \
                 done elsewhere, and is not done by applying it",
            ));
        }
        let mut notes = Vec::new();
        notes.extend(self.fits(plan, settled).await?);
        if run::makes_kubeconfigs(plan)
            && let Ok(address) = self.writer.address()
        {
            notes.extend(run::handed(&address));
        }
        let found = run::preflight(self.cluster, self.writer, plan, settled).await?;
        notes.extend(found.notes);
        if found.problems.is_empty() {
            return Ok(notes);
        }
        let lines = notes.iter().map(|note| format!("note: {note}")).chain(found.problems);
        let lines: Vec<String> = lines.collect();
        Err(Failure::refused(format!("nothing was written:\n{}", lines.join("\n"))))
    }

    fn is_of_this_cluster(&self, plan: &Plan) -> Result<(), Failure> {
        let of = &plan.metadata.cluster;
        if of.id == self.info.id {
            return Ok(());
        }
        Err(Failure::refused(format!(
            "the plan is for the cluster {} ({}), and this is {} ({}): choose another --context",
            of.name, of.id, self.info.name, self.info.id
        )))
    }

    pub(super) fn is_not_in_the_way(runner: &Runner<'_>, own: Option<&Run>) -> Result<(), Failure> {
        let history = runner.history()?;
        match history.open().filter(|open| own.is_none_or(|own| own.id != open.id)) {
            None => Ok(()),
            Some(open) => Err(Failure::refused(format!(
                "run {} was cut off; finish it with keybook apply --finish {0}{1}, or undo it with \
                 keybook undo {0}{1}",
                open.id, runner.again
            ))),
        }
    }

    /// By the objects as they are now, and by who applies it now: whom it locks out, and whether what it
    /// rests on is still so. What was begun is gone on with all the same, unless it gives what is not held
    /// any more.
    async fn fits(&self, plan: &Plan, sent: &[u32]) -> Result<Vec<String>, Failure> {
        let lists = [&ListKind::RBAC[..], &rests_by(plan)].concat();
        let snapshot = load(self.cluster, &LoadOptions::only(&lists)).await?;
        let mut note = fits::held_by_others(plan, &snapshot.objects);
        if !snapshot.covers(&ListKind::RBAC, None) {
            note.push(
                "not all roles and bindings could be listed: whether it locks anybody out, and whether \
                 what it rests on is still so, is not certain"
                    .to_owned(),
            );
        }
        note.extend(old(plan, super::feeds::clock()(), self.held));
        let (moved, unknown) = stale(plan, &snapshot);
        note.extend(unknown);
        note.extend(rests_on_groups(plan));
        let gained = gains(plan, &snapshot.objects, sent).into_iter();
        let (held, more) = run::holds(self.cluster, plan, sent).await?;
        note.extend(run::owned(self.cluster, plan, sent).await);
        let refused = |moved: Vec<String>, then: &str| {
            let notes = note.iter().map(|note| format!("note: {note}"));
            let lines: Vec<String> = notes.chain(moved).collect();
            Err(Failure::refused(format!("nothing was written; {then}:\n{}", lines.join("\n"))))
        };
        if !held.is_empty() {
            return refused(held, "make the plan again");
        }
        if plan.undoes.is_some() {
            note.extend(gained.map(|line| format!("it gives what is not held now: {line}")));
        } else {
            let gained: Vec<String> = gained
                .map(|line| format!("it would give what is not held any more: {line}"))
                .collect();
            // Of lists that are not whole nothing has gone for sure.
            let whole = snapshot.covers(&ListKind::RBAC, None);
            let lost = if whole { plan::falls_short(plan, &snapshot.objects) } else { Vec::new() };
            let all = [gained.clone(), lost, moved.clone()].concat();
            if sent.is_empty() && !all.is_empty() {
                return refused(all, "make the plan again");
            }
            if !gained.is_empty() {
                return refused(gained, "take back what was made, with keybook undo");
            }
            note.extend(moved);
        }
        let operator = run::operator(self.cluster).await?;
        fits::risks(plan, &snapshot.objects, more, (operator.as_ref(), self.force))?;
        Ok(note)
    }

    /// Whether whoever applies it knows where they are.
    fn confirmed(&self, confirm: &Confirm) -> Result<bool, Failure> {
        let name = if self.info.context.is_empty() { &self.info.name } else { &self.info.context };
        let shown = printable(name);
        if let Some(yes) = &confirm.yes {
            if **name == **yes || *self.info.name == **yes {
                return Ok(true);
            }
            return Err(Failure::refused(format!(
                "nothing was written: --yes {yes:?} is not the context {shown:?}"
            )));
        }
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            answer::say(&format!(
                "nothing was written; the API server would take every step. To apply it: --yes {shown:?}"
            ));
            return Ok(false);
        }
        let mut stderr = std::io::stderr();
        let _ = write!(stderr, "type the context's name, {shown}, to apply it: ");
        let _ = stderr.flush();
        let mut typed = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut typed)
            .map_err(|cause| Failure::unreachable(format!("reading the confirmation: {cause}")))?;
        if typed.trim() == &**name {
            return Ok(true);
        }
        answer::say("nothing was written: that is not its name");
        Ok(false)
    }

    fn outcome(&self, id: u64, plan: &Plan, ended: Ended) -> Code {
        match ended {
            Ended::Done(differs) => {
                for one in &differs {
                    outcome::say(one);
                }
                answer::say(&outcome::done(id, plan, self.again));
                outcome::code(&differs, Code::ChangeFailed)
            }
            Ended::Stopped { step, why, interrupted } => {
                answer::say_error(&outcome::stopped(id, step, &why, self.again));
                if interrupted { Code::Interrupted } else { Code::ChangeFailed }
            }
        }
    }
}

/// The run that is to be gone on with.
pub(super) fn to_finish(runner: &Runner<'_>, run: u64) -> Result<Run, Failure> {
    let run = runner.find(run)?;
    if run.is_done() || run.was_undone() {
        return Err(Failure::refused(format!("run {} is {}", run.id, run.words())));
    }
    Ok(run)
}

/// The steps of a run that were sent, or may have been.
pub(super) fn settled(run: &Run) -> Vec<u32> {
    let steps = run.steps.iter().filter(|(_, state)| **state != StepState::Untouched);
    steps.map(|(step, _)| *step).collect()
}

/// A plan is applied once: its objects are not as it expects them after that.
pub(super) fn was_applied(history: &History, plan: &Plan) -> Result<(), Failure> {
    let same = |run: &&Run| {
        run.plan.metadata.digest == plan.metadata.digest && !run.made().is_empty() && !run.is_open()
    };
    match history.runs.values().rev().find(same) {
        None => Ok(()),
        Some(run) => Err(Failure::refused(format!(
            "run {} applied this plan; it is {}. To do the same again, make the plan again",
            run.id,
            run.words()
        ))),
    }
}
