//! What is under the cursor, and looking closer at it.

use super::{Effects, run, visit};
use crate::book::{Finding, GrantId, IdentityId};
use crate::credentials::{self, Credential};
use crate::model::{Identity, Name, Scope, SubjectKind, distinct, printable};
use crate::rbac::query::Via;
use crate::tui::asked::Asked;
use crate::tui::effect::Effect;
use crate::tui::job::{Frame, Job, TextOf};
use crate::tui::layers::{Choice, Layer, PageView, Picker, Prompt, PromptKind, TextView};
use crate::tui::matrix::{Object, Row};
use crate::tui::state::{FeedId, State, Tone, Who};
use crate::tui::tabs::Tab;
use crate::tui::whole::Rows;
use crate::tui::widgets::Scroll;
use crate::tui::{action::ActionId as Id, words, yaml};

/// What the cursor is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// An identity.
    Identity(Who, Identity),
    /// A permission of an identity.
    Permission(Who, Box<Row>),
    /// A grant; to whom, where that is on its page or listed.
    Grant(FeedId, GrantId, Option<Who>),
    /// A finding of an identity, by its place.
    Finding(Who, usize),
    /// A credential; whose, where that is listed.
    Credential(FeedId, Box<Credential>, Option<Who>),
}

impl Target {
    pub(super) fn feed(&self) -> FeedId {
        match self {
            Self::Identity(who, _) | Self::Permission(who, _) | Self::Finding(who, _) => who.feed,
            Self::Grant(feed, ..) | Self::Credential(feed, ..) => *feed,
        }
    }
}

/// What the cursor of the topmost screen is on.
pub(super) fn target(state: &State) -> Option<Target> {
    let identity = |who: Who| {
        let (_, entry) = state.entry(who)?;
        Some(Target::Identity(who, entry.identity.clone()))
    };
    match state.screen() {
        None => identity(state.list.current()?),
        Some(Layer::Page(page)) => on_page(state, page),
        Some(Layer::Reverse(view)) => {
            let Some(Ok(answer)) = &view.answer else {
                return None;
            };
            identity(answer.holders.get(*view.rows.get(view.scroll.cursor)?)?.who?)
        }
        Some(Layer::Whole(view)) => match view.rows.as_ref()? {
            Rows::Findings(rows) => {
                let row = rows.get(view.scroll.cursor)?;
                // The Book may be newer than the rows.
                let (_, entry) = state.entry(row.who)?;
                let at = entry.findings.iter().position(|have| *have == row.finding)?;
                Some(Target::Finding(row.who, at))
            }
            Rows::Credentials(rows) => {
                let row = rows.get(view.scroll.cursor)?;
                Some(Target::Credential(row.feed, Box::new(row.credential.clone()), row.who))
            }
            Rows::Cuts(rows) => {
                let row = rows.get(view.scroll.cursor)?;
                Some(Target::Grant(row.feed, row.id, row.who))
            }
            Rows::Grants(rows) => {
                let row = rows.get(view.scroll.cursor)?;
                Some(Target::Grant(row.feed, row.id, row.who))
            }
        },
        Some(_) => None,
    }
}

/// The finding that the cursor of the topmost screen is on.
pub(super) fn finding(state: &State) -> Option<&Finding> {
    let Target::Finding(who, at) = target(state)? else { return None };
    let (_, entry) = state.entry(who)?;
    entry.findings.get(at)
}

fn on_page(state: &State, page: &PageView) -> Option<Target> {
    let (book, entry) = state.entry(page.who)?;
    let at = page.scroll().cursor;
    let other = |id: IdentityId| {
        let entry = book.entry(id)?;
        Some(Target::Identity(Who { id, ..page.who }, entry.identity.clone()))
    };
    match page.tab {
        Tab::Permissions => {
            let row = page.data.as_ref()?.matrix.get(at)?;
            Some(Target::Permission(page.who, Box::new(row.clone())))
        }
        Tab::Grants => Some(Target::Grant(page.who.feed, *entry.grants.get(at)?, Some(page.who))),
        Tab::Credentials => {
            let credential = page.data.as_ref()?.credentials.get(at)?;
            let credential = Box::new(credential.clone());
            Some(Target::Credential(page.who.feed, credential, Some(page.who)))
        }
        Tab::Findings => {
            entry.findings.get(at)?;
            Some(Target::Finding(page.who, at))
        }
        Tab::Groups if entry.identity.kind == SubjectKind::Group => other(*entry.members.get(at)?),
        Tab::Groups => {
            let group = Identity::group(entry.groups.get(at)?.name.clone());
            other(book.find(&group)?.id)
        }
        Tab::Activity | Tab::Reach | Tab::Workloads => {
            Some(Target::Identity(page.who, entry.identity.clone()))
        }
    }
}

pub(super) fn perform(state: &mut State, id: Id, effects: &mut Effects) {
    if let (Id::Open, Some(Layer::Picker(_))) = (id, state.layers.last()) {
        choose(state, effects);
        return;
    }
    if let (Id::Copy, Some(Layer::Text(text))) = (id, state.layers.last()) {
        copy(state, yaml::text(&text.lines.clone()), "the text", effects);
        return;
    }
    if id == Id::Copy && copy_marked(state, effects) {
        return;
    }
    let Some(target) = target(state) else {
        return;
    };
    match id {
        Id::Open => open(state, target, effects),
        Id::Describe => describe(state, &target, effects),
        Id::Yaml => show_yaml(state, &target, effects),
        Id::Who => who_else(state, target, effects),
        _ => copy_target(state, &target, effects),
    }
}

/// Opens an identity's page on a tab.
pub(super) fn open_page(state: &mut State, who: Who, tab: Option<Tab>, effects: &mut Effects) {
    let Some((_, entry)) = state.entry(who) else {
        state.say(Tone::Refused, "it is no longer there");
        return;
    };
    let identity = entry.identity.clone();
    let data = state.list.preview.clone().filter(|have| have.who == who);
    let tab = tab.unwrap_or(state.list.tab);
    state.layers.push(Layer::Page(Box::new(PageView::new(who, identity, tab, data))));
    super::books::refresh_screen(state, effects);
}

fn open(state: &mut State, target: Target, effects: &mut Effects) {
    match target {
        Target::Identity(who, _) => {
            // From the activity of a page, the page itself is open already.
            let open = matches!(state.screen(), Some(Layer::Page(page)) if page.who == who);
            if !open {
                let tab = state.screen().map(|_| Tab::Permissions);
                open_page(state, who, tab, effects);
            }
        }
        Target::Permission(..) => who_else(state, target, effects),
        Target::Grant(_, grant, Some(who)) if !on_a_page(state) => {
            let grants = state.entry(who).map(|(_, entry)| entry.grants.clone());
            let at = grants.and_then(|grants| grants.iter().position(|have| *have == grant));
            open_at(state, who, (Tab::Grants, at.unwrap_or_default()), effects);
        }
        Target::Credential(_, credential, Some(who)) if !on_a_page(state) => {
            let all = state.entry(who).map(|(book, entry)| credentials::of(book, &entry.identity));
            let at = all.and_then(|all| all.iter().position(|have| *have == *credential));
            open_at(state, who, (Tab::Credentials, at.unwrap_or_default()), effects);
        }
        Target::Grant(..) | Target::Credential(..) => describe(state, &target, effects),
        Target::Finding(..) if on_a_page(state) => show_yaml(state, &target, effects),
        Target::Finding(who, at) => open_at(state, who, (Tab::Findings, at), effects),
    }
}

fn on_a_page(state: &State) -> bool {
    matches!(state.screen(), Some(Layer::Page(_)))
}

/// Opens an identity's page with the cursor on one row of a tab.
fn open_at(state: &mut State, who: Who, (tab, at): (Tab, usize), effects: &mut Effects) {
    open_page(state, who, Some(tab), effects);
    if let Some(Layer::Page(page)) = state.layers.last_mut() {
        page.scrolls[tab as usize].cursor = at;
    }
    super::moving::clamp(state);
}

/// Opens a text whose lines come later.
pub(super) fn text(
    state: &mut State,
    feed: FeedId,
    what: TextOf,
    title: &str,
    effects: &mut Effects,
) {
    let Some(book) = state.book(feed).cloned() else {
        state.say(Tone::Refused, "nothing is known of the cluster yet");
        return;
    };
    let tag = state.next_tag();
    let yaml = matches!(what, TextOf::Yaml(_));
    let asked = Some((feed, what.clone(), book.generation));
    let view = TextView { asked, ..TextView::awaited(title, yaml, tag) };
    state.layers.push(Layer::Text(Box::new(view)));
    run(effects, Job::Text { tag, feed, book, what });
}

/// Puts the text on the screen together anew where its Book is not the newest; what is read stays
/// where it is.
pub(super) fn text_again(state: &mut State, effects: &mut Effects) {
    let tag = state.next_tag();
    let Some(Layer::Text(view)) = state.screen() else {
        return;
    };
    let Some((feed, what, generation)) = view.asked.clone() else {
        return;
    };
    let Some(book) = state.book(feed).filter(|book| book.generation != generation).cloned() else {
        return;
    };
    if let Some(Layer::Text(view)) = state.screen_mut() {
        view.tag = tag;
        view.asked = Some((feed, what.clone(), book.generation));
    }
    run(effects, Job::Text { tag, feed, book, what });
}

/// What words are put together for.
fn frame(state: &State) -> Frame {
    Frame { now: state.now, width: usize::from(state.size.0).saturating_sub(2) }
}

fn describe(state: &mut State, target: &Target, effects: &mut Effects) {
    let frame = frame(state);
    match target {
        Target::Grant(feed, grant, _) => {
            let title = format!("grant · {}", label(state, target));
            text(state, *feed, TextOf::Grant(*grant, frame), &title, effects);
        }
        Target::Credential(feed, credential, _) => {
            let title = format!("credential · {}", label(state, target));
            let what = TextOf::Credential(credential.clone(), frame);
            text(state, *feed, what, &title, effects);
        }
        Target::Permission(who, row) if row.via.len() == 1 => {
            let grant = row.via.first().copied().unwrap_or(GrantId(0));
            describe(state, &Target::Grant(who.feed, grant, Some(*who)), effects);
        }
        Target::Identity(who, _) | Target::Permission(who, _) | Target::Finding(who, _) => {
            let title = title_of(state, *who);
            text(state, who.feed, TextOf::Identity(*who, frame), &title, effects);
        }
    }
}

fn title_of(state: &State, who: Who) -> String {
    state.entry(who).map_or_else(String::new, |(_, entry)| words::name(&entry.identity))
}

fn show_yaml(state: &mut State, target: &Target, effects: &mut Effects) {
    let grants: Vec<GrantId> = match target {
        Target::Permission(_, row) => row.via.clone(),
        Target::Grant(_, grant, _) => vec![*grant],
        Target::Credential(_, _, who) => who
            .and_then(|who| state.entry(who))
            .map_or_else(Vec::new, |(_, entry)| entry.grants.clone()),
        Target::Identity(who, _) => match state.screen() {
            Some(Layer::Reverse(_)) => ways(state),
            _ => state.entry(*who).map_or_else(Vec::new, |(_, entry)| entry.grants.clone()),
        },
        Target::Finding(who, at) => of_finding(state, *who, *at),
    };
    if grants.is_empty() {
        state.say(Tone::Refused, "yaml: no binding grants this");
        return;
    }
    let title = format!("yaml · {}", label(state, target));
    text(state, target.feed(), TextOf::Yaml(grants), &title, effects);
}

/// The grants by which the holder under the cursor can.
fn ways(state: &State) -> Vec<GrantId> {
    let Some(Layer::Reverse(view)) = state.screen() else {
        return Vec::new();
    };
    let Some(Ok(answer)) = &view.answer else {
        return Vec::new();
    };
    let row = view.rows.get(view.scroll.cursor).and_then(|at| answer.holders.get(*at));
    row.map_or_else(Vec::new, |row| {
        let grant = |via: &Via| match via {
            Via::Grant { grant, .. } => Some(GrantId(*grant)),
            Via::Masters => None,
        };
        row.ways.iter().filter_map(|way| grant(&way.via)).collect()
    })
}

/// The grant that a finding is about, or all of the identity's.
fn of_finding(state: &State, who: Who, at: usize) -> Vec<GrantId> {
    let Some((book, entry)) = state.entry(who) else {
        return Vec::new();
    };
    let key = entry.findings.get(at).and_then(|finding| finding.grant.as_ref());
    let is_it = |id: &GrantId| {
        let grant = book.grant(*id);
        key.is_none_or(|key| grant.is_some_and(|grant| grant.key == *key))
    };
    entry.grants.iter().copied().filter(is_it).collect()
}

/// What a target is called.
fn label(state: &State, target: &Target) -> String {
    match target {
        Target::Identity(who, _) | Target::Finding(who, _) => title_of(state, *who),
        Target::Permission(_, row) => row.object.words(),
        Target::Credential(_, credential, _) => distinct(&credential.id).into_owned(),
        Target::Grant(feed, grant, _) => state
            .book(*feed)
            .and_then(|book| book.grant(*grant))
            .map_or_else(String::new, |grant| grant.key.binding.to_string()),
    }
}

/// Who else can do what the cursor is on: for a permission, its verb or a choice of them; else
/// the question is asked for.
fn who_else(state: &mut State, target: Target, effects: &mut Effects) {
    let Target::Permission(who, row) = target else {
        let mut prompt = Prompt {
            kind: PromptKind::Command,
            text: "who-can ".to_owned(),
            before: String::new(),
            error: None,
            earlier: 0,
            draft: String::new(),
        };
        prompt.draft.clone_from(&prompt.text);
        state.layers.push(Layer::Prompt(prompt));
        return;
    };
    if let Object::Many { .. } = row.object {
        let said = format!("{} are asked about one by one: y shows them", row.object.words());
        return state.say(Tone::Refused, said);
    }
    let verbs = row.verbs();
    let mut asked = Asked { words: row.object.words(), ..Asked::default() };
    if let [name] = row.names.as_slice() {
        asked.name = Some(name.clone());
    }
    if let ([Scope::Namespace(ns)], Object::Resource { .. }) = (row.scopes.as_slice(), &row.object)
    {
        asked.namespace = Some(ns.clone());
    }
    if let [verb] = verbs.as_slice() {
        visit::reverse(state, who.feed, Asked { verb: verb.clone(), ..asked }, effects);
        return;
    }
    state.layers.push(Layer::Picker(Picker {
        title: format!("who else can … {}", asked.words),
        options: verbs.iter().map(verb_words).collect(),
        choice: Choice::Verb { feed: who.feed, asked, verbs },
        scroll: Scroll::default(),
    }));
}

fn verb_words(verb: &Name) -> String {
    if &**verb == "*" { "* (every verb)".to_owned() } else { verb.to_string() }
}

fn choose(state: &mut State, effects: &mut Effects) {
    let Some(Layer::Picker(picker)) = state.layers.pop() else {
        return;
    };
    let at = picker.scroll.cursor;
    match picker.choice {
        Choice::Verb { feed, asked, verbs } => {
            if let Some(verb) = verbs.get(at) {
                visit::reverse(state, feed, Asked { verb: verb.clone(), ..asked }, effects);
            }
        }
        Choice::Cut { feed, wishes } => {
            if let Some(wish) = wishes.get(at) {
                super::stage::chosen(state, feed, wish.clone());
            }
        }
    }
}

/// Whether somebody is marked, on the list.
pub(super) fn has_marked(state: &State) -> bool {
    state.layers.is_empty() && state.has_marked()
}

/// Copies the names of all marked, of those too that a filter hides; false where none is.
fn copy_marked(state: &mut State, effects: &mut Effects) -> bool {
    if !state.layers.is_empty() {
        return false;
    }
    let (marked, listed) = state.marked();
    let names: Vec<String> = marked
        .iter()
        .filter_map(|who| state.entry(*who))
        .map(|(_, entry)| distinct(&entry.identity.to_string()).into_owned())
        .collect();
    if names.is_empty() {
        return false;
    }
    let mut what = crate::tui::text::plural(names.len(), "name");
    if listed < names.len() {
        what = format!("{what} ({} of them not listed)", names.len() - listed);
    }
    copy(state, names.join("\n"), &what, effects);
    true
}

fn copy_target(state: &mut State, target: &Target, effects: &mut Effects) {
    let text = match target {
        Target::Identity(_, identity) => distinct(&identity.to_string()).into_owned(),
        Target::Permission(_, row) => row.object.words(),
        Target::Grant(..) | Target::Credential(..) => label(state, target),
        Target::Finding(who, at) => state
            .entry(*who)
            .and_then(|(_, entry)| entry.findings.get(*at))
            .map_or_else(String::new, |finding| {
                format!("{} {}: {}", finding.rule, finding.identity, finding.evidence)
            }),
    };
    // What is pasted into a shell must do nothing by itself.
    let text = printable(&text).into_owned();
    let what = text.clone();
    copy(state, text, &what, effects);
}

fn copy(state: &mut State, text: String, what: &str, effects: &mut Effects) {
    effects.push(Effect::Copy(text));
    state.say(Tone::Done, format!("copied {what}"));
}

/// Opens somebody by name on a tab, wherever that is listed.
pub(super) fn show(
    state: &mut State,
    identity: &Identity,
    tab: Tab,
    effects: &mut Effects,
) -> bool {
    let feeds: Vec<FeedId> = state.listed().map(|feed| feed.id).collect();
    let found = feeds.into_iter().find_map(|feed| {
        let entry = state.book(feed)?.find(identity)?;
        Some(Who { feed, id: entry.id })
    });
    if let Some(who) = found {
        open_page(state, who, Some(tab), effects);
        // The list behind shows the same place, where it lists it.
        if let Some(at) = state.list.rows.iter().position(|have| *have == who) {
            state.list.scroll.cursor = at;
        }
    }
    found.is_some()
}
