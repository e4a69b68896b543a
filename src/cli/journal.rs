//! `journal` and `verify`: what was applied to a cluster, and whether it is still so.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::args::{Global, Output};
use super::changing::{self, Reached};
use super::exit::{Code, Failure};
use super::sources::settings;
use super::which_journal::Besides;
use super::{again, answer, outcome};
use crate::change::plan::{Elsewhere, Intent, Made, Ran, Target, standing, taken_back};
use crate::change::run::{self, History, Run, Standing, StepState};
use crate::cluster::loader::{LoadOptions, load};
use crate::model::{ListKind, Objects, counted};
use crate::report::{self, exact};
use crate::store::{Journal, JournalEntry};

struct Opened {
    reached: Reached,
    entries: Vec<JournalEntry>,
    history: History,
    besides: Besides,
}

fn open(global: &Global) -> Result<Opened, Failure> {
    changing::one_live_cluster(global, "the journal is of a live cluster")?;
    changing::no_demo(global)?;
    let settings = settings(global)?;
    let reached = changing::reach(global, &settings)?;
    let info = reached.runtime.block_on(reached.cluster.info())?;
    let path = changing::journal_of(global, &settings, &info)?;
    let entries = Journal::entries_at(&path)?;
    let history = History::read(&entries).map_err(Failure::refused)?;
    let besides = Besides::of(&path, &info);
    besides.words().iter().for_each(|words| answer::say(words));
    Ok(Opened { reached, entries, history, besides })
}

/// What was applied to the cluster that is meant, and whether that is all that is known to have been: what
/// was split by others and is not retired is told.
pub(super) fn history(global: &Global) -> Result<(History, Code), Failure> {
    let Opened { reached, history, besides, .. } = open(global)?;
    let mut lists = ListKind::RBAC.to_vec();
    lists.push(ListKind::ServiceAccounts);
    let now = reached.runtime.block_on(load(&*reached.cluster, &LoadOptions::only(&lists)))?;
    reached.runtime.shutdown_background();
    let elsewhere = made_elsewhere(&now.objects, &history);
    let open = elsewhere.not_retired(&now.objects);
    let code = if open.is_empty() { Code::Done } else { Code::Incomplete };
    for who in open {
        answer::say(&format!(
            "incomplete: {who} was split, by no run of the journal of this machine, and is there yet: \
             whether stages are left for it the journal knows that has the run"
        ));
    }
    Ok((history, besides.code().max(code)))
}

/// What keybook made there by runs that a journal does not have.
fn made_elsewhere(now: &Objects, history: &History) -> Elsewhere {
    let steps = history.runs.values().flat_map(|run| &run.plan.steps);
    let ours: BTreeSet<&Target> = steps.map(|step| &step.target).collect();
    Elsewhere::of(now, &|target| ours.contains(target))
}

/// Lists runs, or shows one.
pub(super) fn run(global: &Global, only: Option<u64>, head: Option<&str>) -> Result<Code, Failure> {
    let Opened { reached, entries, history, besides } = open(global)?;
    reached.runtime.shutdown_background();
    let runs: Vec<&Run> =
        history.runs.values().filter(|run| only.is_none_or(|only| only == run.id)).collect();
    if let (Some(only), true) = (only, runs.is_empty()) {
        return Err(Failure { code: Code::No, message: format!("the journal has no run {only}") });
    }
    let now = entries.last().map(|entry| entry.hash.as_str());
    let text = match global.look.output.unwrap_or(Output::Table) {
        Output::Json => pretty(&document(&runs, now))?,
        Output::Yaml => report::yaml_document(&document(&runs, now)),
        Output::Name => lines(runs.iter().map(|run| run.id.to_string())),
        Output::Csv => {
            return Err(Failure::usage("the journal is no table of rows: use -o json or yaml"));
        }
        Output::Table | Output::Wide if only.is_some() => {
            runs.iter().map(|run| whole(run)).collect()
        }
        Output::Table | Output::Wide => runs.iter().map(|run| line(run)).collect(),
    };
    answer::out(text.as_bytes())?;
    if let Some(open) = history.open() {
        answer::say(&cut_off(open, &again::of(global).cluster));
    }
    let Some(head) = head else {
        answer::say(&format!("{} entries, head {}", entries.len(), now.unwrap_or("none")));
        return Ok(besides.code());
    };
    let place = entries.iter().position(|entry| entry.hash == head);
    let Some(place) = place else {
        let message = format!("{head} is not in the journal: it was cut, or made anew");
        return Err(Failure { code: Code::No, message });
    };
    let more = entries.len() - place - 1;
    answer::say(&format!("{head} is entry {}; {more} came after it", place + 1));
    Ok(Code::Done)
}

/// Texts, each on a line of its own.
pub(super) fn lines(texts: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = texts.collect();
    all.push(String::new());
    all.join("\n")
}

/// Every run, a line each; and what is to be done about one that was cut off.
pub(super) fn listing(history: &History, again: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        history.runs.values().map(|run| line(run).trim_end().to_owned()).collect();
    if lines.is_empty() {
        lines.push("nothing was applied to this cluster from here".to_owned());
    }
    lines.extend(history.open().map(|open| cut_off(open, again)));
    lines
}

/// What a step of a run was made to.
fn target(run: &Run, made: &Made) -> Option<Target> {
    let step = run.plan.steps.iter().find(|step| step.id == made.step);
    step.map(|step| step.target.clone())
}

pub(super) fn cut_off(open: &Run, again: &str) -> String {
    format!(
        "run {} was cut off: keybook apply --finish {0}{again}, or keybook undo {0}{again}",
        open.id
    )
}

/// So many wishes of a run are named in its line.
const NAMED: usize = 5;

/// One run a line.
fn line(run: &Run) -> String {
    let by = run.by.as_deref().unwrap_or("somebody");
    let made = run.made().len();
    let of = run.plan.steps.len();
    let what = if let Some(undone) = run.plan.undoes {
        format!("undo run {undone}")
    } else {
        let first = run.plan.intents.iter().take(NAMED).map(Intent::words);
        let more = run.plan.intents.len().saturating_sub(NAMED);
        let more = (more > 0).then(|| format!("and {more} more"));
        first.chain(more).collect::<Vec<_>>().join(", ")
    };
    let text = format!("{}  {}  {by}  {made}/{of}  {}  {what}", run.id, exact(run.at), run.words());
    format!("{}\n", crate::model::printable(&text))
}

/// All of a run.
fn whole(run: &Run) -> String {
    let mut text = line(run);
    if let Standing::Stopped(why) = &run.standing {
        let _ = writeln!(text, "stopped: {}", crate::model::printable(why));
    }
    for (step, state) in &run.steps {
        let _ = writeln!(text, "step {step}: {}", state_words(state));
    }
    text.push('\n');
    text.push_str(&report::plan_text(&run.plan));
    text
}

fn state_words(state: &StepState) -> &'static str {
    match state {
        StepState::Untouched => "not made",
        StepState::NotKnown => "not known",
        StepState::Made(_) => "made",
    }
}

fn document(runs: &[&Run], head: Option<&str>) -> Value {
    let items: Vec<Value> = runs
        .iter()
        .map(|run| {
            let steps: Vec<Value> = run
                .steps
                .iter()
                .map(|(step, state)| {
                    let left = match state {
                        StepState::Made(left) => left.clone().unwrap_or_default(),
                        _ => Value::Null,
                    };
                    json!({"step": step, "state": state_words(state), "left": left})
                })
                .collect();
            let (stopped, differs) = match &run.standing {
                Standing::Stopped(why) => (Some(why.clone()), json!([])),
                Standing::Done(differs) => (None, json!(differs)),
                Standing::CutOff => (None, json!([])),
            };
            json!({
                "run": run.id, "at": run.at, "by": run.by, "state": run.words(), "steps": steps,
                "stopped": stopped, "differs": differs,
                "undoneBy": run.undone_by.map(|(by, _)| by), "partlyUndoneBy": run.partly_by,
                "plan": run.plan.value(),
            })
        })
        .collect();
    json!({
        "apiVersion": report::API_VERSION, "kind": "RunList", "metadata": {"head": head},
        "items": items,
    })
}

pub(super) fn pretty(value: &Value) -> Result<String, Failure> {
    report::to_pretty(value)
        .map_err(|cause| Failure::unreachable(format!("writing the answer: {cause}")))
}

/// The runs that stand, or the one that is named.
fn to_verify(history: &History, only: Option<u64>) -> Result<Vec<&Run>, Failure> {
    let stands = |run: &&Run| match only {
        Some(only) => run.id == only,
        None => run.undone_by.is_none(),
    };
    let runs: Vec<&Run> = history.runs.values().filter(stands).collect();
    let Some(only) = only else { return Ok(runs) };
    let message = match runs.first() {
        None => format!("the journal has no run {only}"),
        Some(run) if run.undone_by.is_some() => format!("run {only} was {}", run.words()),
        Some(_) => return Ok(runs),
    };
    Err(Failure { code: Code::No, message })
}

/// Looks at what runs left.
pub(super) fn verify(global: &Global, only: Option<u64>) -> Result<Code, Failure> {
    let Opened { reached, history, besides, .. } = open(global)?;
    let runs = to_verify(&history, only)?;
    let lists = LoadOptions::only(&ListKind::RBAC);
    let now = reached.runtime.block_on(load(&*reached.cluster, &lists))?;
    if let Some(words) = made_elsewhere(&now.objects, &history).words().filter(|_| only.is_none()) {
        answer::say(&words);
    }
    if runs.is_empty() {
        answer::say("nothing was applied to this cluster from this machine that was not undone");
        return Ok(besides.code());
    }
    // Of an object that several runs wrote, the newest says how it should be.
    let mut seen: BTreeSet<Target> = BTreeSet::new();
    let mut ended = besides.code();
    if let Some(only) = only {
        for other in history.after(only) {
            seen.extend(other.made().iter().filter_map(|made| target(other, made)));
        }
    }
    for run in runs.iter().rev() {
        let mut made = run.remains();
        if !run.left_alone.is_empty() {
            made.retain(|made| !run.left_alone.contains(&made.step));
            answer::say(&format!(
                "run {} is {}; {} that somebody had changed before are not looked at",
                run.id,
                run.words(),
                counted(run.left_alone.len(), "object")
            ));
        }
        let wrote = made.len();
        made.retain(|made| target(run, made).is_some_and(|target| !seen.contains(&target)));
        seen.extend(made.iter().filter_map(|made| target(run, made)));
        if only.is_some() && made.len() < wrote {
            answer::say(&format!(
                "run {}: {} of its objects were written by later runs, which say how they are to be",
                run.id,
                wrote - made.len()
            ));
        }
        let mut plan = run.plan.clone();
        if run.partly_by.is_some() {
            let mut stand = now.objects.clone();
            standing(&mut stand, &run.plan, &run.remains());
            plan.verification = plan.verification.of_what_stands(&stand);
        }
        let expected = plan.verification.len();
        // What later runs changed of access, they were meant to; but what took an earlier one back was
        // not meant to give back what this one took.
        let later: Vec<(&Run, Vec<Made>)> =
            history.after(run.id).map(|run| (run, run.made())).collect();
        let (undoing, meant): (Vec<_>, Vec<_>) =
            later.iter().partition(|(other, _)| other.plan.undoes.is_some_and(|of| of < run.id));
        let before = |of: &mut dyn Iterator<Item = &(&Run, Vec<Made>)>| {
            let mut before = now.objects.clone();
            of.for_each(|(run, made)| taken_back(&mut before, &run.plan, made));
            before
        };
        let (all, others) = (before(&mut later.iter()), before(&mut meant.iter().copied()));
        plan.verification = plan.verification.without_later(&now.objects, &all, &others);
        let work = run::verify(&*reached.cluster, &plan, &made, Duration::ZERO);
        let mut differs = reached.runtime.block_on(work)?;
        let refused = plan.verification.refused_before(&all);
        for one in differs.iter_mut().filter(|one| refused.contains(&one.what)) {
            let by = undoing.iter().filter_map(|(other, _)| Some((other.id, other.plan.undoes?)));
            let by =
                by.map(|(id, of)| format!("; run {id}, which took run {of} back, came after it"));
            one.how.extend(by);
        }
        let meant: Vec<Ran<'_>> =
            meant.iter().map(|(run, made)| Ran { plan: &run.plan, made }).collect();
        differs.extend(run::beyond(Ran { plan: &plan, made: &run.made() }, &now, &meant));
        let all = plan.verification.len();
        let other = expected - all;
        if other > 0 {
            answer::say(&format!(
                "run {}: {other} answers are other since later runs, which were meant to change them",
                run.id
            ));
        }
        let text = if differs.is_empty() {
            format!(
                "run {}: {} objects and {all} answers are as they should be\n",
                run.id,
                made.len()
            )
        } else {
            format!("run {}: {} are not as they should be\n", run.id, differs.len())
        };
        answer::out(text.as_bytes())?;
        differs.iter().for_each(outcome::say);
        ended = ended.max(outcome::code(&differs, Code::No));
        if !run.is_done() {
            answer::say(&format!("run {} is {}", run.id, run.words()));
        }
    }
    reached.runtime.shutdown_background();
    Ok(ended)
}
