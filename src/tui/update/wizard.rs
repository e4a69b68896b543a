//! Wizards: what opens them, what their keys do, and what comes of it.

use std::sync::Arc;

use super::{Effects, books, moving, run, stage};
use crate::actors::Behind;
use crate::change::plan::{Choices, Intent, Splitting};
use crate::model::{Identity, SubjectKind, printable};
use crate::tui::action::ActionId as Id;
use crate::tui::effect::Effect;
use crate::tui::geometry;
use crate::tui::job::Job;
use crate::tui::layers::{Layer, Prompt, PromptKind};
use crate::tui::state::{FeedId, State, Tone};
use crate::tui::text::plural;
use crate::tui::widgets::{Scroll, Step};
use crate::tui::wizard::{Ask, Field, Form, NarrowForm, Sight, SplitForm, Wizard, panes};

fn view(state: &mut State) -> Option<&mut Wizard> {
    match state.screen_mut() {
        Some(Layer::Wizard(view)) => Some(view),
        _ => None,
    }
}

/// Opens the choices for who is marked, or under the cursor.
pub(super) fn narrow(state: &mut State, effects: &mut Effects) {
    let (whom, role) = match stage::whom(state) {
        Ok(whom) => whom,
        Err(why) => return state.say(Tone::Refused, format!("narrow: {why}")),
    };
    // What is staged of them already is where choosing goes on.
    let staged = |(feed, identity): &(FeedId, Identity)| {
        state.staged.keys().find_map(|(at, wish)| match wish {
            Intent::Narrow { identity: of, choices } if at == feed && of == identity => {
                Some(choices.clone())
            }
            _ => None,
        })
    };
    let choices = whom.first().and_then(staged).unwrap_or_else(Choices::default);
    let form = NarrowForm { whom, role, as_role: false, choices };
    begin(state, Form::Narrow(form), effects);
}

/// Opens the choices for the account under the cursor.
pub(super) fn split(state: &mut State, effects: &mut Effects) {
    let (feed, account) = match stage::account(state) {
        Ok(account) => account,
        Err(why) => return state.say(Tone::Refused, format!("split: {why}")),
    };
    if account.kind == SubjectKind::Group {
        return state.say(Tone::Refused, "split: a group is nobody's account: its members are");
    }
    let staged = state.staged.keys().find_map(|(at, wish)| match wish {
        Intent::Split { identity, how } if *at == feed && *identity == account => {
            Some((**how).clone())
        }
        _ => None,
    });
    let how = staged
        .unwrap_or_else(|| Splitting { into: account.namespace.clone(), ..Splitting::default() });
    let form = SplitForm {
        feed,
        account,
        behind: None,
        behind_of: 0,
        seats: Vec::new(),
        how,
        folder: state.folders.get(&feed).cloned().unwrap_or_default(),
        now: state.now,
    };
    begin(state, Form::Split(Box::new(form)), effects);
}

fn begin(state: &mut State, form: Form, effects: &mut Effects) {
    let flags = state.feeds.iter().map(|feed| feed.flags.clone()).collect();
    state.layers.push(Layer::Wizard(Box::new(Wizard::new(form, flags))));
    again(state, effects);
}

/// Has everything worked out anew, by the newest Books.
pub(super) fn again(state: &mut State, effects: &mut Effects) {
    let tag = state.next_tag();
    let Some(view) = view(state) else { return };
    if view.since == 0 {
        view.since = tag;
    }
    let Form::Split(form) = &view.form else { return ask(state, effects) };
    let (feed, account) = (form.feed, form.account.clone());
    if let Some(book) = state.book(feed).cloned() {
        run(effects, Job::Behind { tag, book, account });
    }
}

/// Who is behind an account is known.
pub(super) fn behind(
    state: &mut State,
    tag: u64,
    behind: Result<Arc<Behind>, String>,
    effects: &mut Effects,
) {
    let Some(view) = view(state).filter(|view| tag >= view.since) else { return };
    if let Form::Split(form) = &mut view.form {
        if tag < form.behind_of {
            return;
        }
        form.behind_of = tag;
        form.follow(behind);
        ask(state, effects);
    }
}

/// Asks what comes of the choices.
fn ask(state: &mut State, effects: &mut Effects) {
    let tag = state.next_tag();
    let Some(Layer::Wizard(view)) = state.screen() else { return };
    let wishes = view.form.wishes();
    let folder = match &view.form {
        Form::Split(form) => form.folder.clone(),
        Form::Narrow(_) => String::new(),
    };
    // What would be written stands beside, where there is room.
    let panes = panes(geometry::of(state).body, view.form.fields().len());
    let as_plan = view.as_plan || panes.aside.height > 0;
    let asks = asks(state, &wishes);
    let Some(view) = self::view(state) else { return };
    view.tag = tag;
    if asks.is_empty() {
        // There is nothing to be worked out.
        view.sight = Some((tag, Arc::new(Sight::of(asks, false, ""))));
        return;
    }
    run(effects, Job::Sight { tag, asks, as_plan, folder });
}

/// What is asked of each cluster, beside what is staged of it.
fn asks(state: &State, wishes: &[(FeedId, Intent)]) -> Vec<Ask> {
    let of = |feed: &crate::tui::state::FeedView| {
        let own: Vec<Intent> =
            wishes.iter().filter(|(at, _)| *at == feed.id).map(|(_, wish)| wish.clone()).collect();
        let book = feed.book.clone().filter(|_| !own.is_empty())?;
        let staged = state.staged.keys().filter(|(at, _)| *at == feed.id);
        let beside = staged
            .map(|(_, wish)| wish)
            .filter(|wish| !own.iter().any(|one| one.is_about_the_same(wish)));
        Some(Ask {
            feed: feed.id,
            name: feed.title().clone(),
            beside: beside.cloned().collect(),
            wishes: own,
            book,
        })
    };
    state.feeds.iter().filter_map(of).collect()
}

/// What comes of choices is known.
pub(super) fn seen(state: &mut State, tag: u64, sight: Arc<Sight>, effects: &mut Effects) {
    // Where Books come faster than this is worked out, what is older is shown, and told to be.
    let Some(view) = view(state) else { return };
    let newest = view.sight.as_ref().map_or(view.since, |(have, _)| *have);
    if tag < newest {
        return;
    }
    view.sight = Some((tag, sight));
    if view.stage && view.is_of_what_is_chosen() {
        stage_it(state, effects);
    }
}

/// Does what an action says, where it is one of a wizard's.
pub(super) fn perform(state: &mut State, id: Id, effects: &mut Effects) -> bool {
    let Some(view) = view(state) else { return false };
    if id != Id::Stage {
        view.stage = false;
    }
    match id {
        Id::Left | Id::Right => turn(state, if id == Id::Left { -1 } else { 1 }, effects),
        Id::NextTab => view.on_effect = !view.on_effect,
        Id::PageUp | Id::PageDown | Id::HalfUp | Id::HalfDown => page(state, id),
        Id::Stage => stage_it(state, effects),
        Id::Type => type_it(state),
        Id::AsPlan => {
            view.as_plan = !view.as_plan;
            view.effect = Scroll::default();
            ask(state, effects);
        }
        Id::Copy => copy(state, effects),
        Id::Mark | Id::LeaveOut | Id::Merge | Id::Become => actor(state, id, effects),
        _ => return false,
    }
    true
}

/// The pages that are turned are those of what comes of it, wherever the cursor is.
fn page(state: &mut State, id: Id) {
    let body = geometry::of(state).body;
    let Some(view) = view(state) else { return };
    let panes = panes(body, view.form.fields().len());
    let step = match id {
        Id::PageUp => Step::Halves(-2),
        Id::PageDown => Step::Halves(2),
        Id::HalfUp => Step::Halves(-1),
        _ => Step::Halves(1),
    };
    view.effect.view(step, view.lines.len(), panes.effect.height.into());
}

fn turn(state: &mut State, by: isize, effects: &mut Effects) {
    let Some(Layer::Wizard(view)) = state.screen() else { return };
    let Some(field) = view.field() else { return };
    let book = view.form.feed().and_then(|feed| state.book(feed)).cloned();
    let Some(view) = self::view(state) else { return };
    match view.form.turn(field, by, book.as_deref()) {
        Ok(()) => ask(state, effects),
        Err(why) => state.say(Tone::Refused, why),
    }
}

/// Asks for the value of the choice under the cursor.
fn type_it(state: &mut State) {
    let Some(view) = view(state) else { return };
    let Some(field) = view.field() else { return };
    match view.form.typed(field) {
        Some(text) => prompt(state, PromptKind::Choice(field), text),
        None => state.say(Tone::Refused, "type: this is one of few: h and l choose it"),
    }
}

fn prompt(state: &mut State, kind: PromptKind, text: String) {
    state.layers.push(Layer::Prompt(Prompt {
        kind,
        text,
        before: String::new(),
        error: None,
        earlier: 0,
        draft: String::new(),
    }));
}

/// The value was typed.
pub(super) fn typed(state: &mut State, field: Field, text: &str, effects: &mut Effects) {
    let Some(view) = view(state) else { return };
    match view.form.set(field, text) {
        Ok(()) => ask(state, effects),
        Err(why) => state.say(Tone::Refused, why),
    }
}

/// Whom one becomes was typed.
pub(super) fn becomes(state: &mut State, at: usize, text: &str, effects: &mut Effects) {
    let Some(Wizard { form: Form::Split(form), .. }) = view(state) else { return };
    match form.becomes(at, text) {
        Ok(()) => ask(state, effects),
        Err(why) => state.say(Tone::Refused, why),
    }
}

/// What is done with one of those behind an account.
fn actor(state: &mut State, id: Id, effects: &mut Effects) {
    let Some(view) = view(state) else { return };
    let field = view.field();
    let (Form::Split(form), Some(Field::Actor(at))) = (&mut view.form, field) else {
        return state.say(Tone::Refused, "that is for one who is seen: move the cursor there");
    };
    match id {
        Id::Mark => {
            if let Some(seat) = form.seats.get_mut(at) {
                seat.marked = !seat.marked;
            }
            let count = view.form.fields().len();
            view.scroll.cursor = (view.scroll.cursor + 1).min(count.saturating_sub(1));
            moving::clamp(state);
        }
        Id::LeaveOut => {
            if let Some(seat) = form.seats.get_mut(at) {
                seat.left_out = !seat.left_out;
            }
            ask(state, effects);
        }
        Id::Merge => match form.merge(at) {
            Ok(_) => ask(state, effects),
            Err(why) => state.say(Tone::Refused, why),
        },
        _ => {
            let to = form.becoming(at);
            prompt(state, PromptKind::Becomes(at), to);
        }
    }
}

/// Copies the commands that choose the same.
fn copy(state: &mut State, effects: &mut Effects) {
    let Some(view) = view(state) else { return };
    // Written out, a name cannot drive the terminal that it is pasted into; keybook reads it back.
    let commands: Vec<String> =
        view.commands().iter().map(|command| printable(command).into_owned()).collect();
    if commands.is_empty() {
        return state.say(Tone::Refused, "copy: nothing is chosen");
    }
    let said = match commands.as_slice() {
        [one] => format!("copied: {one}"),
        many => format!("copied: {}", plural(many.len(), "command")),
    };
    effects.push(Effect::Copy(commands.join("\n")));
    state.say(Tone::Done, said);
}

/// Stages what is chosen, once it is known what comes of it.
fn stage_it(state: &mut State, effects: &mut Effects) {
    let Some(view) = view(state) else { return };
    let known = view.is_of_what_is_chosen();
    let Some((_, sight)) = view.sight.clone().filter(|_| known) else {
        view.stage = true;
        return state.say(Tone::Done, "it is staged as soon as it is known what comes of it");
    };
    let wishes: Vec<(FeedId, Intent)> =
        sight.wishes().map(|(feed, wish)| (feed, wish.clone())).collect();
    let refused = sight.refused();
    if wishes.is_empty() {
        let why = match &view.form {
            Form::Split(form) => match &form.behind {
                Some(Err(why)) => Some(why.clone()),
                _ => form.open(),
            },
            Form::Narrow(_) => None,
        };
        let why = why.or(refused.into_iter().next()).unwrap_or_default();
        return state.say(Tone::Refused, format!("nothing is staged: {why}"));
    }
    if let Form::Split(form) = &view.form {
        let (feed, folder) = (form.feed, form.folder.clone());
        if folder.is_empty() {
            state.folders.remove(&feed);
        } else {
            state.folders.insert(feed, folder);
        }
    }
    state.layers.retain(|layer| !matches!(layer, Layer::Wizard(_)));
    for (feed, wish) in &wishes {
        state.staged.retain(|(at, have), _| at != feed || !have.is_about_the_same(wish));
    }
    stage::take(state, wishes);
    if let (false, Some(notice)) = (refused.is_empty(), &mut state.notice) {
        notice.text =
            format!("{}; {} left out: {}", notice.text, refused.len(), refused.join("; "));
    }
    books::refresh_screen(state, effects);
}

/// Puts what comes of choices in words, for the room that the screen has.
pub(super) fn lay(state: &mut State) {
    if !matches!(state.screen(), Some(Layer::Wizard(_))) {
        return;
    }
    let body = geometry::of(state).body;
    let Some(view) = view(state) else { return };
    let panes = panes(body, view.form.fields().len());
    view.lay(&panes);
    view.effect.view(Step::Rows(0), view.lines.len(), panes.effect.height.into());
    let count = view.form.fields().len();
    view.scroll.clamp(count, panes.form.height.into());
}
