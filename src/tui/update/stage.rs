//! Staging: what is wanted of what the cursor is on, or is marked.

use std::sync::Arc;

use super::open;
use crate::book::{Book, Grant, GrantId};
use crate::change::plan::{Choices, Ending, Intent, about};
use crate::credentials::Credential;
use crate::model::{Identity, RoleKind, SubjectKind};
use crate::reach::Kept;
use crate::tui::action::ActionId as Id;
use crate::tui::layers::{Choice, Layer, Picker};
use crate::tui::mend;
use crate::tui::state::{FeedId, State, Tone, Who};
use crate::tui::tabs::Tab;
use crate::tui::text::plural;
use crate::tui::widgets::Scroll;
use crate::tui::wizard::RoleOf;
use crate::tui::words;

/// Stages that what is marked, or under the cursor, is revoked.
pub(super) fn perform(state: &mut State) {
    if on_reach(state) {
        cut(state);
    } else {
        stage(state);
    }
}

/// Why nothing can be staged by a key; None where it can.
pub(super) fn disabled(state: &State, id: Id) -> Option<String> {
    let marked = open::has_marked(state);
    if open::target(state).is_none() && !marked {
        return Some(format!("{}: there is nothing under the cursor", super::name(id)));
    }
    let finding = open::finding(state).filter(|_| !marked)?;
    mend::refusal(state, finding, id)
}

/// The account under the cursor.
///
/// # Errors
/// Where there is none, in words.
pub(super) fn account(state: &State) -> Result<(FeedId, Identity), String> {
    if open::has_marked(state) {
        return Err("one account at a time, without marks".to_owned());
    }
    let who = match open::target(state) {
        Some(
            open::Target::Identity(who, _)
            | open::Target::Permission(who, _)
            | open::Target::Finding(who, _),
        ) => Some(who),
        Some(open::Target::Grant(.., who) | open::Target::Credential(.., who)) => who,
        None => None,
    };
    let entry = who.and_then(|who| Some((who.feed, state.entry(who)?.1.identity.clone())));
    entry.ok_or_else(|| "nobody is under the cursor who is listed".to_owned())
}

/// An identity of a cluster.
type Whom = (FeedId, Identity);

/// Who is marked, or under the cursor, and the role of a grant that is under it.
///
/// # Errors
/// Where there is nobody, in words.
pub(super) fn whom(state: &State) -> Result<(Vec<Whom>, Option<RoleOf>), String> {
    let all = wishes(state, true)?;
    let whom = all.into_iter().filter_map(|(feed, wish)| Some((feed, wish.identity()?.clone())));
    Ok((whom.collect(), role(state)))
}

/// The role of the grant under the cursor.
fn role(state: &State) -> Option<RoleOf> {
    if open::has_marked(state) {
        return None;
    }
    let Some(open::Target::Grant(feed, id, _)) = open::target(state) else { return None };
    let book = state.book(feed)?;
    let grant = book.grant(id)?;
    let role = grant.role.as_ref()?;
    let is_it = |other: &&Arc<Grant>| {
        other.role_ref.kind == grant.role_ref.kind
            && other.role_ref.name == grant.role_ref.name
            && (role.kind == RoleKind::ClusterRole || other.key.namespace == grant.key.namespace)
    };
    Some(RoleOf {
        feed,
        kind: role.kind,
        namespace: role.meta.namespace.clone(),
        name: role.meta.name.clone(),
        grants: book.grants().filter(is_it).count(),
    })
}

/// Whether the ways of somebody to more are on the screen.
pub(super) fn on_reach(state: &State) -> bool {
    matches!(state.screen(), Some(Layer::Page(page)) if page.tab == Tab::Reach)
}

/// A wish with what it comes to.
type Worded = (Intent, String);

/// The wishes that close the strongest way on the screen, each alone, with their words; or why there
/// are none.
fn cuts(state: &State) -> Result<(FeedId, Vec<Worded>), &'static str> {
    let Some(Layer::Page(page)) = state.screen() else { return Err("nothing is on the screen") };
    let (book, _) = state.entry(page.who).ok_or("it is no longer there")?;
    let data = page.reach.as_deref().filter(|data| data.who == page.who);
    let data = data.ok_or("what it can become is still being worked out")?;
    let Some(path) = data.first() else {
        return Err("it cannot become more than it is: there is no way to cut");
    };
    let closing = data.cuts.iter().filter(|kept| {
        kept.cuts(path) && book.grant(kept.grant).is_some_and(|grant| !grant.bootstrap)
    });
    let wish = |kept: &Kept| {
        let key = &book.grant(kept.grant)?.key;
        let to = words::full(&key.subject);
        Some((
            Intent::of_grant(key),
            format!("{} to {to}: {}", words::binding(key), kept.words(path)),
        ))
    };
    let found: Vec<Worded> = closing.filter_map(wish).collect();
    if found.is_empty() {
        return Err(
            "no grant closes this way alone: what mends the finding reach is those that do together",
        );
    }
    Ok((page.who.feed, found))
}

/// Whether there is a way on the screen that a grant could close, as far as is known.
pub(super) fn has_way(state: &State) -> bool {
    let Some(Layer::Page(page)) = state.screen() else { return false };
    page.reach.as_deref().is_none_or(|data| data.first().is_some())
}

/// Stages the grant that closes the way on the screen; of several, the one that is chosen.
fn cut(state: &mut State) {
    match cuts(state) {
        Err(why) => state.say(Tone::Refused, format!("revoke: {why}")),
        Ok((feed, found)) => {
            if let [(wish, _)] = found.as_slice() {
                return take(state, vec![(feed, wish.clone())]);
            }
            let (wishes, options) = found.into_iter().unzip();
            state.layers.push(Layer::Picker(Picker {
                title: "cut by taking away".to_owned(),
                options,
                choice: Choice::Cut { feed, wishes },
                scroll: Scroll::default(),
            }));
        }
    }
}

/// Stages what was chosen.
pub(super) fn chosen(state: &mut State, feed: FeedId, wish: Intent) {
    take(state, vec![(feed, wish)]);
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
            let finding = entry.findings.get(at).ok_or("it is no longer there")?;
            let id = if narrow { Id::Narrow } else { Id::Revoke };
            if let Some(why) = mend::refusal(state, finding, id) {
                return Err(why);
            }
            let fix = mend::intents(&finding.fix);
            if fix.is_empty() {
                return Err("it has no fix that is staged".to_owned());
            }
            return Ok(fix.into_iter().map(|wish| (feed, wish)).collect());
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
    Ok(Intent::of_grant(key))
}

fn of_credential(credential: &Credential, narrow: bool) -> Result<Intent, String> {
    if narrow {
        return Ok(of_identity(&credential.identity, true));
    }
    Intent::to_end(credential).map_err(|why| format!("revoke: {why}"))
}

/// What can be revoked of an account, with words: what the command takes. One row is one of a picker's.
fn of_account(book: &Book, identity: &Identity) -> Vec<Worded> {
    let account = |how| Intent::Account { identity: identity.clone(), how };
    let ways = [
        (of_identity(identity, false), "take it out of every binding that names it"),
        (
            account(Ending::Quarantine),
            "have the API server refuse what its Secrets hold; that can be taken back",
        ),
        (account(Ending::Delete), "delete it, with the Secrets that hold its tokens"),
        (account(Ending::Renew), "make it anew: it keeps its grants, and every token of it ends"),
    ];
    let can = ways.into_iter().filter(|(wish, _)| about(book, wish).is_ok());
    can.map(|(wish, what)| {
        let words = format!("{wish}: {what}");
        (wish, words)
    })
    .collect()
}

/// Asks what is meant of an account under the cursor; whether there is something to ask.
fn ask(state: &mut State) -> bool {
    if open::has_marked(state) {
        return false;
    }
    let Some(open::Target::Identity(who, identity)) = open::target(state) else { return false };
    if identity.kind != SubjectKind::ServiceAccount {
        return false;
    }
    let ways = state.book(who.feed).map(|book| of_account(book, &identity)).unwrap_or_default();
    if ways.len() < 2 {
        return false;
    }
    let (wishes, options) = ways.into_iter().unzip();
    state.layers.push(Layer::Picker(Picker {
        title: format!("revoke {}", words::full(&identity)),
        options,
        choice: Choice::Cut { feed: who.feed, wishes },
        scroll: Scroll::default(),
    }));
    true
}

fn stage(state: &mut State) {
    if ask(state) {
        return;
    }
    let wishes = match wishes(state, false) {
        Ok(wishes) => wishes,
        Err(why) => {
            state.say(Tone::Refused, why);
            return;
        }
    };
    take(state, wishes);
}

/// Stages wishes, and says so.
pub(super) fn take(state: &mut State, wishes: Vec<(FeedId, Intent)>) {
    let words = match wishes.as_slice() {
        [(_, one)] => one.words(),
        many => plural(many.len(), "wish"),
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
pub(super) fn unstage(state: &mut State) {
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
        // A split that mends a finding is no wish of a single key.
        let fix = open::finding(state).map(|finding| mend::intents(&finding.fix));
        let fix = fix.unwrap_or_default().into_iter().map(|fix| (target.feed(), fix));
        let staged: Vec<(FeedId, Intent)> = staged.into_iter().chain(fix).collect();
        let role = role(state);
        let is_meant = |(feed, wish): &(FeedId, Intent)| {
            let same = |(at, one): &(FeedId, Intent)| at == feed && one.is_about_the_same(wish);
            staged.iter().any(same) || role.as_ref().is_some_and(|role| role.is_of(*feed, wish))
        };
        if state.staged.keys().any(is_meant) {
            state.staged.retain(|wish, _| !is_meant(wish));
            state.say(Tone::Done, format!("unstaged; {} left", state.staged.len()));
            return;
        }
        // What mends a finding is about that alone.
        if matches!(target, open::Target::Finding(..)) {
            return state.say(Tone::Refused, "unstage: what mends this is not staged");
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
