//! What every message does to the state. Pure: what has to happen outside comes back as effects.

pub(super) mod becoming;
mod books;
mod change;
mod command;
mod done;
mod list;
mod moving;
mod open;
mod prompt;
mod stage;
mod visit;
mod wizard;

use super::action::{ActionId as Id, Context};
use super::effect::{Effect, Msg};
use super::job::Job;
use super::key::Key;
use super::layers::Layer;
use super::state::{State, Tone};

/// What is to be done outside, in order.
pub(super) type Effects = Vec<Effect>;

/// Takes over one message.
pub fn update(state: &mut State, msg: Msg) -> Vec<Effect> {
    let mut effects = Effects::new();
    match msg {
        Msg::Key(key) => press(state, key, &mut effects),
        Msg::Paste(text) => prompt::paste(state, &text, &mut effects),
        Msg::Resize(width, height) => {
            state.size = (width, height);
            moving::clamp(state);
            if matches!(state.screen(), Some(Layer::Wizard(_))) {
                wizard::again(state, &mut effects);
            }
        }
        Msg::Focus(focused) => state.focused = focused,
        Msg::Book(feed, book) => books::arrived(state, feed, book, &mut effects),
        Msg::Done(done) => done::done(state, *done, &mut effects),
        Msg::Planned { tag, result } => change::planned(state, tag, result),
        Msg::Applying { tag, line } => change::applying(state, tag, line),
        Msg::Applied { tag, result } => {
            change::applied(state, tag, result);
            let seen = state.feeds.iter().filter(|feed| feed.plain.is_some());
            effects.extend(seen.map(|feed| Effect::CutOff { feed: feed.id }));
        }
        Msg::CutOff { feed, found } => change::cut_off(state, feed, found),
        Msg::Tick(now) => {
            state.now = now;
            becoming::ask(state, &mut effects);
        }
        Msg::Notice(notice) => state.notice = Some(notice),
    }
    wizard::lay(state);
    effects
}

/// A key goes to the top layer; what that has no use for, to what holds everywhere.
fn press(state: &mut State, key: Key, effects: &mut Effects) {
    state.notice = None;
    let context = state.context();
    match state.keymap.resolve(context, key) {
        Some(id) => perform(state, id, Some(key), effects),
        None if context == Context::Prompt => {
            if let Some(c) = key.typed() {
                prompt::insert(state, c, effects);
            }
        }
        None => elsewhere(state, context, key),
    }
    let place = visit::place(state);
    state.places.visit(place);
}

/// Says where a key would do something that does nothing here.
fn elsewhere(state: &mut State, context: Context, key: Key) {
    let Some(id) = state.keymap.elsewhere(key) else { return };
    let action = id.action();
    let wheres: Vec<&str> = action.contexts.iter().map(|context| context.title()).collect();
    let said = format!(
        "{key} does nothing on this screen ({}); it is for {}: {}",
        context.title(),
        wheres.join(", "),
        action.help
    );
    state.say(Tone::Refused, said);
}

/// Why an action can do nothing now; None where it can.
pub fn disabled(state: &State, id: Id) -> Option<String> {
    let none = |what: &str| Some(format!("{}: {what}", name(id)));
    match id {
        Id::Open | Id::Describe | Id::Yaml | Id::Who | Id::Copy
            if open::target(state).is_none()
                && !(id == Id::Copy && open::has_marked(state))
                && !matches!(
                    state.layers.last(),
                    Some(Layer::Text(_) | Layer::Picker(_) | Layer::Wizard(_))
                ) =>
        {
            none("there is nothing under the cursor")
        }
        Id::Mark | Id::MarkRange if state.list.rows.is_empty() && state.layers.is_empty() => {
            none("there is no row to mark")
        }
        Id::ClearMarks if state.list.marks.is_empty() => none("nothing is marked"),
        Id::NextMatch | Id::PreviousMatch => match state.layers.last() {
            Some(Layer::Text(text)) if text.search.is_empty() => {
                none("look for something with / first")
            }
            _ => None,
        },
        Id::Revoke | Id::Narrow | Id::Split | Id::Unstage | Id::Plan | Id::Apply | Id::SavePlan => {
            change::disabled(state, id)
        }
        Id::LastPlace if state.places.last().is_none() => none("there is no place before this"),
        Id::Cluster if state.feeds.len() < 2 => none("there is only one cluster"),
        Id::CheckCommand => none("reads reviews from a file; run keybook check FILE in a shell"),
        Id::DemoCommand => none("is a cluster of its own; run keybook demo in a shell"),
        _ => None,
    }
}

/// Whether a key is one for what the cursor is on: of those that stage, on a finding only what mends
/// it.
pub fn is_offered(state: &State, id: Id) -> bool {
    // There is nothing to cut where no way leads anywhere.
    if id == Id::Revoke && stage::on_reach(state) && !stage::has_way(state) {
        return false;
    }
    // Once it is applied, or where there is none, there is nothing to apply.
    if matches!(id, Id::Apply | Id::SavePlan) && !change::is_ready(state) {
        return false;
    }
    let stages = matches!(id, Id::Revoke | Id::Narrow | Id::Split);
    let finding = open::finding(state).filter(|_| stages);
    finding.is_none_or(|finding| super::mend::refusal(state, finding, id).is_none())
}

/// What an action is called when it refuses.
pub(super) fn name(id: Id) -> String {
    let action = id.action();
    action.hint.or(action.words.first().copied()).map_or_else(
        || action.keys.first().map_or_else(String::new, ToString::to_string),
        ToString::to_string,
    )
}

/// Does what an action says.
pub(super) fn perform(state: &mut State, id: Id, key: Option<Key>, effects: &mut Effects) {
    if let Some(why) = disabled(state, id) {
        state.say(Tone::Refused, why);
        return;
    }
    if matches!(state.layers.last(), Some(Layer::Wizard(_))) && wizard::perform(state, id, effects)
    {
        return;
    }
    match id {
        Id::Quit => change::quit(state, effects),
        Id::Suspend => effects.push(Effect::Suspend),
        Id::Reload => {
            let feeds: Vec<_> = state.listed().map(|feed| feed.id).collect();
            effects.extend(feeds.into_iter().map(Effect::Reload));
            state.say(Tone::Done, "reading everything again");
        }
        Id::Back => back(state, effects),
        Id::Up
        | Id::Down
        | Id::Top
        | Id::Bottom
        | Id::PageUp
        | Id::PageDown
        | Id::HalfUp
        | Id::HalfDown
        | Id::Left
        | Id::Right
        | Id::NextTab
        | Id::PreviousTab
        | Id::NextMatch
        | Id::PreviousMatch => moving::perform(state, id, effects),
        Id::Mark
        | Id::MarkRange
        | Id::ClearMarks
        | Id::Namespace
        | Id::SortRisk
        | Id::SortName
        | Id::SortKind
        | Id::SortTime
        | Id::SortUsed
        | Id::Identities
        | Id::Users
        | Id::Groups
        | Id::Accounts
        | Id::Cluster => list::perform(state, id, key, effects),
        Id::Open | Id::Describe | Id::Yaml | Id::Who | Id::Copy => {
            open::perform(state, id, effects);
        }
        Id::Revoke | Id::Narrow | Id::Split | Id::Unstage | Id::Plan | Id::Apply | Id::SavePlan => {
            change::perform(state, id, effects);
        }
        Id::JournalCommand => change::journal(state, effects),
        Id::HistoryBack
        | Id::HistoryForward
        | Id::LastPlace
        | Id::Findings
        | Id::Credentials
        | Id::Grants
        | Id::Reach
        | Id::Health
        | Id::Help
        | Id::InfoCommand => visit::perform(state, id, effects),
        Id::Filter
        | Id::Command
        | Id::Accept
        | Id::Cancel
        | Id::Complete
        | Id::Earlier
        | Id::Later
        | Id::Rubout
        | Id::RuboutWord
        | Id::RuboutLine => {
            prompt::perform(state, id, effects);
        }
        // Of a wizard alone; and what takes words.
        Id::Stage
        | Id::Type
        | Id::Merge
        | Id::Become
        | Id::LeaveOut
        | Id::AsPlan
        | Id::Theme
        | Id::WhoCommand
        | Id::ShowCommand
        | Id::CanCommand
        | Id::WhoCanCommand
        | Id::SnapshotCommand
        | Id::CheckCommand
        | Id::UndoCommand
        | Id::FinishCommand
        | Id::DemoCommand => {}
    }
}

/// Takes off what narrows the screen, one thing at a time, and then the screen itself.
fn back(state: &mut State, effects: &mut Effects) {
    match state.layers.last_mut() {
        Some(Layer::Whole(view)) if !view.filter.is_empty() => {
            view.filter.clear();
            books::whole(state, effects);
            return;
        }
        Some(Layer::Reverse(view)) if !view.filter.is_empty() => {
            view.filter.clear();
            done::arrange_answer(state);
            return;
        }
        _ => {}
    }
    if state.layers.pop().is_some() {
        books::refresh_screen(state, effects);
        return;
    }
    if !state.list.marks.is_empty() {
        state.list.marks.clear();
        state.list.anchor = None;
    } else if state.list.is_narrowed() {
        let list = &mut state.list;
        list.filter = crate::query::Query::default();
        list.chip = super::state::Chip::All;
        list.kind = None;
        list.namespace = None;
        list.cluster = None;
        list::refresh(state, effects);
    }
}

/// Asks for work beside the screen.
pub(super) fn run(effects: &mut Effects, job: Job) {
    effects.push(Effect::Run(job));
}
