//! Changes: wishes are staged, a plan is made of them, and applied once its cluster's name was typed.

use std::sync::Arc;

use super::{Effects, open};
use crate::book::{Book, Finding, GrantId};
use crate::change::plan::{About, Choices, Intent, about, moved};
use crate::change::{Applied, Planned};
use crate::credentials::{Credential, Kind};
use crate::model::Identity;
use crate::tui::action::ActionId as Id;
use crate::tui::effect::Effect;
use crate::tui::layers::{Layer, PlanPart, PlanStage, Prompt, PromptKind, TextView};
use crate::tui::state::{FeedId, State, Tone, Who};
use crate::tui::text::plural;
use crate::tui::theme::Slot;
use crate::tui::widgets::{Line, Scroll, wrapped};

pub(super) fn perform(state: &mut State, id: Id, effects: &mut Effects) {
    match id {
        Id::Revoke | Id::Narrow => stage(state, id == Id::Narrow),
        Id::Unstage => unstage(state),
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
            none("plan: nothing is staged; r stages a revoke, n a narrowing")
        }
        Id::Unstage if state.staged.is_empty() => none("unstage: nothing is staged"),
        Id::Revoke | Id::Narrow if open::target(state).is_none() && !open::has_marked(state) => {
            Some(format!("{}: there is nothing under the cursor", super::name(id)))
        }
        Id::Apply | Id::SavePlan => match part.map(|part| &part.stage) {
            Some(PlanStage::Ready(planned)) if id == Id::Apply => cannot(planned),
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

fn cannot(planned: &Planned) -> Option<String> {
    if let Some(lock_out) = &planned.plan.lock_out {
        return Some(format!("apply: refused: {}", lock_out.what));
    }
    if !planned.problems.is_empty() {
        return Some("apply: it cannot be applied as it is: see the first lines".to_owned());
    }
    planned.plan.steps.is_empty().then(|| "apply: nothing is written by it".to_owned())
}

/// The wishes about what is marked, or under the cursor; or why there is none.
fn wishes(state: &State, narrow: bool) -> Result<Vec<(FeedId, Intent)>, String> {
    if open::has_marked(state) {
        let (marked, _) = state.marked();
        let of = |who: Who| {
            let (_, entry) = state.entry(who)?;
            Some((who.feed, of_identity(&entry.identity, narrow)))
        };
        return Ok(marked.into_iter().filter_map(of).collect());
    }
    let target = open::target(state).ok_or("there is nothing under the cursor")?;
    let feed = target.feed();
    let identity = |who: Who| {
        let entry = state.entry(who).map(|(_, entry)| entry.identity.clone());
        entry.ok_or_else(|| "it is no longer there".to_owned())
    };
    let one = match target {
        open::Target::Identity(_, identity) => of_identity(&identity, narrow),
        open::Target::Permission(who, _) if narrow => of_identity(&identity(who)?, true),
        open::Target::Permission(..) => {
            return Err(
                "revoke: a permission goes with its grant: see Grants, or narrow with n".into()
            );
        }
        open::Target::Grant(_, grant, _) => of_grant(state, feed, grant, narrow)?,
        open::Target::Finding(who, at) => {
            let entry = state.entry(who).map(|(_, entry)| entry.clone());
            let entry = entry.ok_or("it is no longer there")?;
            match entry.findings.get(at) {
                Some(finding) if !narrow => of_finding(finding),
                _ => of_identity(&entry.identity, narrow),
            }
        }
        open::Target::Credential(_, credential, _) => of_credential(&credential, narrow)?,
    };
    Ok(vec![(feed, one)])
}

fn of_identity(identity: &Identity, narrow: bool) -> Intent {
    let identity = identity.clone();
    if narrow {
        return Intent::Narrow { identity, choices: Choices::default() };
    }
    Intent::Identity { identity }
}

fn of_grant(state: &State, feed: FeedId, id: GrantId, narrow: bool) -> Result<Intent, String> {
    let grant = state.book(feed).and_then(|book| book.grant(id)).ok_or("it is no longer there")?;
    let key = &grant.key;
    if narrow {
        return Ok(of_identity(&key.subject, true));
    }
    Ok(Intent::Grant {
        binding_kind: key.binding_kind,
        namespace: key.namespace.clone(),
        binding: key.binding.clone(),
        subject: key.subject.clone(),
    })
}

/// What would mend a finding: its grant goes, or all that the identity was granted.
fn of_finding(finding: &Finding) -> Intent {
    let Some(key) = &finding.grant else {
        return of_identity(&finding.identity, false);
    };
    Intent::Grant {
        binding_kind: key.binding_kind,
        namespace: key.namespace.clone(),
        binding: key.binding.clone(),
        subject: key.subject.clone(),
    }
}

fn of_credential(credential: &Credential, narrow: bool) -> Result<Intent, String> {
    if narrow {
        return Ok(of_identity(&credential.identity, true));
    }
    let place = credential.id.strip_prefix("secret ").and_then(|place| place.split_once('/'));
    match place.filter(|_| credential.kind == Kind::TokenSecret) {
        Some((namespace, name)) => {
            Ok(Intent::Quarantine { namespace: namespace.into(), name: name.into() })
        }
        None => Err(format!("no write to the cluster revokes it alone: {}", credential.revoke)),
    }
}

fn stage(state: &mut State, narrow: bool) {
    let wishes = match wishes(state, narrow) {
        Ok(wishes) => wishes,
        Err(why) => {
            state.say(Tone::Refused, why);
            return;
        }
    };
    let words = match wishes.as_slice() {
        [(_, one)] => one.words(),
        many => plural(many.len(), "wish").replace("wishs", "wishes"),
    };
    let before = state.staged.len();
    for (feed, wish) in wishes {
        match state.book(feed).map(|book| about(book, &wish)) {
            Some(Ok(what)) => {
                state.staged.entry((feed, wish)).or_insert(what);
            }
            Some(Err(why)) => return state.say(Tone::Refused, why.to_string()),
            None => {}
        }
    }
    let said = if state.staged.len() == before {
        format!("{words} is staged already; p shows the plan")
    } else {
        format!("staged: {words}; p shows the plan of {}, z takes it back", state.staged.len())
    };
    state.say(Tone::Done, said);
}

/// Takes back what is staged about what the cursor is on or is marked; elsewhere all of it.
fn unstage(state: &mut State) {
    let about: Vec<(FeedId, Identity)> = if open::has_marked(state) {
        let (marked, _) = state.marked();
        let of = |who: Who| Some((who.feed, state.entry(who)?.1.identity.clone()));
        marked.into_iter().filter_map(of).collect()
    } else {
        let Some(target) = open::target(state) else {
            let count = state.staged.len();
            state.staged.clear();
            state.say(Tone::Done, format!("{count} unstaged"));
            return;
        };
        let staged: Vec<(FeedId, Intent)> = [false, true]
            .into_iter()
            .filter_map(|narrow| wishes(state, narrow).ok())
            .flatten()
            .collect();
        if staged.iter().any(|wish| state.staged.contains_key(wish)) {
            state.staged.retain(|wish, _| !staged.contains(wish));
            state.say(Tone::Done, format!("unstaged; {} left", state.staged.len()));
            return;
        }
        let feed = target.feed();
        staged.iter().filter_map(|(_, intent)| Some((feed, intent.identity()?.clone()))).collect()
    };
    let before = state.staged.len();
    state.staged.retain(|(feed, intent), _| {
        let of =
            |(at, identity): &(FeedId, Identity)| at == feed && intent.identity() == Some(identity);
        !about.iter().any(of)
    });
    if state.staged.len() == before {
        state.say(Tone::Refused, "unstage: nothing is staged about it");
    } else {
        state.say(Tone::Done, format!("unstaged; {} left", state.staged.len()));
    }
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
    for note in &planned.notes {
        wrapped(&format!("note: {note}"), Slot::Warn, columns, &mut lines);
    }
    if planned.problems.is_empty() && !planned.plan.steps.is_empty() {
        let said = "tried without writing: the API server takes every step; a applies it";
        wrapped(said, Slot::Good, columns, &mut lines);
    }
    lines.push(Line::new());
    for line in crate::report::plan_text(&planned.plan).lines() {
        let image = line.strip_prefix("     ").and_then(|rest| rest.chars().next());
        match image {
            Some('+') => lines.push(Line::of(line.to_owned(), Slot::Good)),
            Some('-') => lines.push(Line::of(line.to_owned(), Slot::Danger)),
            Some(' ' | '…') => lines.push(Line::of(line.to_owned(), Slot::Muted)),
            _ => {
                let slot = match line {
                    _ if line.starts_with("LOCKS OUT") => Slot::Danger,
                    _ if line.starts_with("warning") => Slot::Warn,
                    _ if line.starts_with(' ') => Slot::Base,
                    _ => Slot::Strong,
                };
                wrapped(line, slot, columns, &mut lines);
            }
        }
    }
    lines
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

/// Asks for the name of the cluster's context.
fn confirm(state: &mut State) {
    if let Some((_, _, planned)) = ready(state) {
        state.layers.push(prompt(PromptKind::Confirm, "", &planned.confirm));
    }
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
    view.lines = vec![Line::of("applying", Slot::Strong)].into();
    view.scroll = Scroll::default();
    effects.push(Effect::Apply { feed, tag, planned });
}

/// Where to was typed.
pub(super) fn save(state: &mut State, path: &str, effects: &mut Effects) {
    if let Some((_, _, planned)) = ready(state)
        && !path.is_empty()
    {
        effects.push(Effect::SavePlan { planned, path: path.into() });
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

/// It was applied, or not.
pub(super) fn applied(state: &mut State, tag: u64, result: Result<Applied, String>) {
    let Some(view) = view(state, tag) else { return };
    let Some(part) = view.plan.as_mut() else { return };
    let (feed, undone) = (part.feed, view.title.starts_with("undo "));
    // Where nothing was written, there is nothing that was applied.
    part.stage = if result.is_ok() { PlanStage::Applied } else { PlanStage::Failed };
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
    // An undo leaves alone what is wanted next.
    if whole && !undone {
        state.staged.retain(|(at, _), _| *at != feed);
    }
}
