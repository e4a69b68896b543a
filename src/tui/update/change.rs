//! Changes: wishes are staged, a plan is made of them, and applied once its cluster's name was typed.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Effects, stage, wizard};
use crate::book::Book;
use crate::change::plan::{About, Intent, about, moved};
use crate::change::run;
use crate::change::{Applied, Planned};
use crate::tui::action::ActionId as Id;
use crate::tui::effect::Effect;
use crate::tui::layers::{Layer, PlanPart, PlanStage, Prompt, PromptKind, TextView};
use crate::tui::planned::text;
use crate::tui::state::{FeedId, State, Tone};
use crate::tui::theme::Slot;
use crate::tui::widgets::{Line, Scroll, wrapped};

pub(super) fn perform(state: &mut State, id: Id, effects: &mut Effects) {
    match id {
        Id::Revoke => stage::perform(state),
        Id::Narrow => wizard::narrow(state, effects),
        Id::Split => wizard::split(state, effects),
        Id::Unstage => stage::unstage(state),
        Id::Plan => plan(state, effects),
        Id::Apply => confirm(state),
        _ => ask_where(state),
    }
}

/// Why an action about changes can do nothing now; None where it can.
pub(super) fn disabled(state: &State, id: Id) -> Option<String> {
    let none = |what: &str| Some(what.to_owned());
    let part = match state.screen() {
        Some(Layer::Text(view)) => view.plan.as_ref(),
        _ => None,
    };
    match id {
        Id::Plan if state.staged.is_empty() => {
            none("plan: nothing is staged; r stages a revoke, n a narrowing, s a split")
        }
        Id::Unstage if state.staged.is_empty() => none("unstage: nothing is staged"),
        Id::Revoke | Id::Narrow | Id::Split => stage::disabled(state, id),
        Id::Apply | Id::SavePlan => match part.map(|part| &part.stage) {
            Some(PlanStage::Ready(planned)) if id == Id::Apply => {
                cannot(planned).or_else(|| log_has_come(state, part.map(|part| part.feed), planned))
            }
            Some(PlanStage::Ready(_)) => None,
            Some(PlanStage::Making) => none("the plan is still being made"),
            Some(PlanStage::Applying) => none("the plan is being applied"),
            Some(PlanStage::Applied) => none("the plan was applied; make another with p"),
            Some(PlanStage::Failed) | None => {
                none("there is no plan that could be applied; p makes one")
            }
        },
        _ => None,
    }
}

/// That the log was on its way when the plan was made, and is there by now.
fn log_has_come(state: &State, feed: Option<FeedId>, planned: &Planned) -> Option<String> {
    let plan = &planned.plan;
    let rests = plan.undoes.is_none() && planned.finishes.is_none();
    let is_read = state.book(feed?)?.coverage().is_some();
    (rests && plan.metadata.coverage.is_none() && is_read).then(|| {
        "apply: the log has been read since, and the plan says nothing of use: p makes it again"
            .to_owned()
    })
}

fn cannot(planned: &Planned) -> Option<String> {
    if let Some(lock_out) = &planned.plan.lock_out {
        return Some(format!("apply: refused: {}", lock_out.what));
    }
    if !planned.problems.is_empty() {
        return Some("apply: it cannot be applied as it is: see the first lines".to_owned());
    }
    planned.plan.steps.is_empty().then(|| "apply: nothing is written by it".to_owned())
}

/// The feed whose wishes are planned: the one at hand, else the first that has some.
fn feed_of(state: &State) -> Option<FeedId> {
    let has = |feed: FeedId| state.staged.keys().any(|(at, _)| *at == feed);
    let here = state.current_feed();
    if has(here) { Some(here) } else { state.staged.keys().next().map(|(feed, _)| *feed) }
}

fn plan(state: &mut State, effects: &mut Effects) {
    let Some(feed) = feed_of(state) else { return };
    let Some(book) = state.book(feed).cloned() else {
        state.say(Tone::Refused, "nothing is known of the cluster yet");
        return;
    };
    let staged = state.staged.iter().filter(|((at, _), _)| *at == feed);
    let (intents, moved) = as_it_is(&book, staged.map(|((_, wish), was)| (wish, was)));
    let tag = show(state, feed, "plan", moved);
    if intents.is_empty() {
        let why = "nothing of what is staged is there any more; z unstages it".to_owned();
        planned(state, tag, Err(why));
        return;
    }
    effects.push(Effect::Plan { feed, tag, book, intents });
}

/// The wishes that are still about something, and what became of the others and of what they are about.
fn as_it_is<'a>(
    book: &Book,
    staged: impl Iterator<Item = (&'a Intent, &'a About)>,
) -> (Vec<Intent>, Vec<String>) {
    let (mut wishes, mut said) = (Vec::new(), Vec::new());
    for (wish, was) in staged {
        match about(book, wish) {
            Ok(is) => {
                said.extend(moved(wish, was, &is).map(|moved| format!("moved: {moved}")));
                wishes.push(wish.clone());
            }
            Err(why) => said.push(format!("left out: {}: {why}", wish.words())),
        }
    }
    (wishes, said)
}

/// Opens the screen of a plan that is on its way.
fn show(state: &mut State, feed: FeedId, what: &str, moved: Vec<String>) -> u64 {
    let name = state.feed(feed).map(|feed| feed.title().to_string()).unwrap_or_default();
    let tag = state.next_tag();
    let part = PlanPart { feed, stage: PlanStage::Making, moved };
    let awaited = TextView::awaited(format!("{what} · {name}"), false, tag);
    let view = TextView { plan: Some(part), ..awaited };
    // A plan on the screen gives way to the newer one.
    if matches!(state.layers.last(), Some(Layer::Text(view)) if view.plan.is_some()) {
        state.layers.pop();
    }
    state.layers.push(Layer::Text(Box::new(view)));
    tag
}

/// The plan that takes a run back.
pub(super) fn undo(state: &mut State, run: u64, effects: &mut Effects) {
    let feed = state.current_feed();
    let tag = show(state, feed, &format!("undo run {run}"), Vec::new());
    effects.push(Effect::Undo { feed, tag, run });
}

/// What is left of a run that was cut off.
pub(super) fn finish(state: &mut State, run: u64, effects: &mut Effects) {
    let feed = state.current_feed();
    let tag = show(state, feed, &format!("finish run {run}"), Vec::new());
    effects.push(Effect::Finish { feed, tag, run });
}

/// What was applied.
pub(super) fn journal(state: &mut State, effects: &mut Effects) {
    let feed = state.current_feed();
    let name = state.feed(feed).map(|feed| feed.title().to_string()).unwrap_or_default();
    let tag = state.next_tag();
    let view = TextView::awaited(format!("journal · {name}"), false, tag);
    state.layers.push(Layer::Text(Box::new(view)));
    effects.push(Effect::Journal { feed, tag });
}

fn view(state: &mut State, tag: u64) -> Option<&mut TextView> {
    state.layers.iter_mut().find_map(|layer| match layer {
        Layer::Text(view) if view.tag == tag && view.plan.is_some() => Some(&mut **view),
        _ => None,
    })
}

/// A plan is made, or why there is none.
pub(super) fn planned(state: &mut State, tag: u64, result: Result<Arc<Planned>, String>) {
    let columns = usize::from(state.size.0).saturating_sub(2);
    let Some(view) = view(state, tag) else { return };
    let Some(part) = view.plan.as_mut() else { return };
    let mut lines = Vec::new();
    for moved in &part.moved {
        wrapped(moved, Slot::Warn, columns, &mut lines);
    }
    match result {
        Ok(planned) => {
            lines.extend(lines_of(&planned, columns));
            part.stage = PlanStage::Ready(planned);
        }
        Err(why) => {
            part.stage = PlanStage::Failed;
            for line in why.lines() {
                wrapped(line, Slot::Danger, columns, &mut lines);
            }
        }
    }
    view.lines = lines.into();
    state.notice = None;
    super::moving::clamp(state);
}

/// A Plan to read: words wrapped, images as they are.
fn lines_of(planned: &Planned, columns: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for problem in planned.problems.iter().flat_map(|problem| problem.lines()) {
        wrapped(problem, Slot::Danger, columns, &mut lines);
    }
    for note in crate::report::plan_notes(&planned.plan, &planned.notes) {
        wrapped(&format!("note: {note}"), Slot::Warn, columns, &mut lines);
    }
    if planned.problems.is_empty() && !planned.plan.steps.is_empty() {
        let said = "tried without writing: the API server takes every step; a applies it";
        wrapped(said, Slot::Good, columns, &mut lines);
    }
    lines.push(Line::new());
    text(crate::report::plan_text(&planned.plan).lines(), columns, &mut lines);
    lines
}

/// Whether a plan is on the screen that can be applied or saved.
pub(super) fn is_ready(state: &State) -> bool {
    ready(state).is_some()
}

fn ready(state: &State) -> Option<(u64, FeedId, Arc<Planned>)> {
    let Some(Layer::Text(view)) = state.screen() else { return None };
    let part = view.plan.as_ref()?;
    let PlanStage::Ready(planned) = &part.stage else { return None };
    Some((view.tag, part.feed, planned.clone()))
}

fn prompt(kind: PromptKind, text: &str, before: &str) -> Layer {
    Layer::Prompt(Prompt {
        kind,
        text: text.to_owned(),
        before: before.to_owned(),
        error: None,
        earlier: 0,
        draft: String::new(),
    })
}

/// Asks for the name of the cluster's context; before that, where it is needed, for the folder that
/// kubeconfigs are written to.
fn confirm(state: &mut State) {
    let Some((_, feed, planned)) = ready(state) else { return };
    // A run that goes on has the folder with which it began.
    let asks = run::makes_kubeconfigs(&planned.plan) && planned.finishes.is_none();
    let kind = if asks && !state.folders.contains_key(&feed) {
        PromptKind::Folder
    } else {
        PromptKind::Confirm
    };
    state.layers.push(prompt(kind, "", &planned.confirm));
}

/// The folder was typed.
pub(super) fn folder(state: &mut State, path: &str) {
    let Some((_, feed, _)) = ready(state) else { return };
    if path.is_empty() {
        return state.say(Tone::Refused, "nothing was written: kubeconfigs need a folder");
    }
    state.folders.insert(feed, path.to_owned());
    confirm(state);
}

fn ask_where(state: &mut State) {
    state.layers.push(prompt(PromptKind::Save, "plan.yaml", ""));
}

/// The name was typed: the plan is applied, if it is the right one.
pub(super) fn confirmed(state: &mut State, typed: &str, effects: &mut Effects) {
    let Some((tag, feed, planned)) = ready(state) else { return };
    if *typed != *planned.confirm {
        state.say(Tone::Refused, "nothing was written: that is not the context's name");
        return;
    }
    let Some(view) = view(state, tag) else { return };
    if let Some(part) = view.plan.as_mut() {
        part.stage = PlanStage::Applying;
    }
    let undone = of_a_run(view);
    view.lines = vec![Line::of("applying", Slot::Strong)].into();
    view.scroll = Scroll::default();
    let makes = run::makes_kubeconfigs(&planned.plan);
    let folder = state.folders.get(&feed).filter(|_| makes).map(PathBuf::from);
    let book = state.book(feed).cloned();
    state.applying.insert(tag, (feed, undone));
    effects.push(Effect::Apply { feed, tag, book, planned, folder });
}

/// Whether what is applied takes a run back, or goes on with one.
fn of_a_run(view: &TextView) -> bool {
    view.title.starts_with("undo ") || view.title.starts_with("finish ")
}

/// Ends the program; what is being applied stops after the step at hand before that, unless it is said again.
pub(super) fn quit(state: &mut State, effects: &mut Effects) {
    if state.applying.is_empty() || state.stopping {
        effects.push(Effect::Quit);
        return;
    }
    state.stopping = true;
    effects.push(Effect::Stop);
    state.say(
        Tone::Refused,
        "stopping after this step; ctrl-c again ends at once and leaves it cut off",
    );
}

/// Where to was typed.
pub(super) fn save(state: &mut State, path: &str, effects: &mut Effects) {
    if let Some((_, feed, planned)) = ready(state)
        && !path.is_empty()
    {
        let again = state.book(feed).map(|book| book.policy.again.cluster.clone());
        let again = again.unwrap_or_default();
        effects.push(Effect::SavePlan { planned, path: path.into(), again });
    }
}

/// Something happened while a plan is applied.
pub(super) fn applying(state: &mut State, tag: u64, line: String) {
    add(state, tag, [Line::of(line, Slot::Base)]);
}

fn add(state: &mut State, tag: u64, more: impl IntoIterator<Item = Line<'static>>) {
    if let Some(view) = view(state, tag) {
        view.lines = view.lines.iter().cloned().chain(more).collect();
        // What is newest stays in sight.
        view.scroll.offset = view.lines.len();
    }
    super::moving::clamp(state);
}

/// What was found of a run that was cut off.
pub(super) fn cut_off(state: &mut State, feed: FeedId, found: Result<Option<u64>, String>) {
    let said = match found {
        Ok(None) => None,
        Ok(Some(run)) => Some(format!(
            "run {run} was cut off: :finish {run} goes on with it, :undo {run} takes it back"
        )),
        Err(why) => Some(format!("the journal cannot be read: {why}")),
    };
    if let Some(view) = state.feeds.get_mut(usize::from(feed.0)) {
        view.cut_off = said;
    }
    super::moving::clamp(state);
}

/// It was applied, or not.
pub(super) fn applied(state: &mut State, tag: u64, result: Result<Applied, String>) {
    let known = state.applying.remove(&tag);
    state.stopping &= !state.applying.is_empty();
    let (feed, undone) = if let Some(view) = view(state, tag) {
        let undone = of_a_run(view);
        let Some(part) = view.plan.as_mut() else { return };
        // Where nothing was written, there is nothing that was applied.
        part.stage = if result.is_ok() { PlanStage::Applied } else { PlanStage::Failed };
        (part.feed, undone)
    } else {
        // Its screen was left: how it came out is told wherever one is by now.
        let Some(known) = known else { return };
        let (tone, said) = match &result {
            Ok(applied) => {
                let tone = if applied.whole { Tone::Done } else { Tone::Refused };
                (tone, format!("{} (:journal has it)", applied.lines.join("; ")))
            }
            Err(why) => (Tone::Refused, why.lines().collect::<Vec<_>>().join(" ")),
        };
        state.say(tone, said);
        known
    };
    let (lines, slot, whole) = match result {
        Ok(applied) if applied.whole => (applied.lines, Slot::Good, true),
        Ok(applied) => (applied.lines, Slot::Danger, false),
        Err(why) => (why.lines().map(str::to_owned).collect(), Slot::Danger, false),
    };
    let columns = usize::from(state.size.0).saturating_sub(2);
    let mut shown = Vec::new();
    for line in lines {
        wrapped(&line, slot, columns, &mut shown);
    }
    add(state, tag, shown);
    // What is done about a run leaves alone what is wanted next.
    if whole && !undone {
        state.staged.retain(|(at, _), _| *at != feed);
        state.folders.remove(&feed);
    }
}
