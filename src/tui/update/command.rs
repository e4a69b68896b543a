//! Commands typed after `:`.

use super::{Effects, change, disabled, list, open, perform, visit};
use crate::model::Identity;
use crate::query::Query;
use crate::tui::action::ActionId as Id;
use crate::tui::actions::{ACTIONS, IN_THE_SHELL};
use crate::tui::asked::Asked;
use crate::tui::complete::nearest;
use crate::tui::effect::Effect;
use crate::tui::job::TextOf;
use crate::tui::state::{State, Tone};
use crate::tui::tabs::Tab;
use crate::tui::words;

/// Runs a line.
pub(super) fn run(state: &mut State, line: &str, effects: &mut Effects) {
    let mut words = line.split_whitespace();
    let word = words.next().unwrap_or_default();
    let rest: Vec<&str> = words.collect();
    let Some(action) = ACTIONS.iter().find(|action| action.words.contains(&word)) else {
        state.say(Tone::Refused, unknown(word));
        return;
    };
    if let Some(why) = disabled(state, action.id) {
        state.say(Tone::Refused, why);
        return;
    }
    if action.args.is_empty() && !rest.is_empty() {
        state.say(Tone::Refused, format!("{word} takes nothing behind it"));
        return;
    }
    if let Err(why) = with_arguments(state, action.id, &rest, effects) {
        state.say(Tone::Refused, format!("{word}: {why}"));
    }
}

/// Why a word is no command here.
fn unknown(word: &str) -> String {
    if IN_THE_SHELL.contains(&word) {
        let key = ACTIONS.iter().find(|action| action.hint == Some(word));
        let here = key.and_then(|action| action.keys.first()).map_or_else(
            || format!("{word} is for the shell"),
            |key| format!("{word} is the key {key} here, on a row"),
        );
        return format!("{here}; keybook {word} --help says how");
    }
    let near = nearest(word);
    let hint = if near.is_empty() {
        "? lists all".to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    format!("{word}: no such command; {hint}")
}

fn with_arguments(
    state: &mut State,
    id: Id,
    rest: &[&str],
    effects: &mut Effects,
) -> Result<(), String> {
    match id {
        Id::Namespace => {
            let ([] | [_]) = rest else {
                return Err("expected one NAMESPACE".to_owned());
            };
            state.layers.clear();
            let ns = rest.first().filter(|ns| **ns != "all").map(|ns| (*ns).into());
            list::namespace(state, ns, effects);
        }
        Id::Cluster => cluster(state, rest, effects)?,
        Id::Theme => theme(state, rest)?,
        Id::WhoCommand => {
            let query = Query::parse(&rest.join(" ")).map_err(|error| error.to_string())?;
            state.layers.clear();
            state.list.filter = query;
            list::to_top(state);
            list::refresh(state, effects);
        }
        Id::ShowCommand => {
            let [name] = rest else {
                return Err("expected one IDENTITY".to_owned());
            };
            let identity: Identity = name.parse().map_err(|error| format!("{error}"))?;
            if !open::show(state, &identity, Tab::Permissions, effects) {
                return Err(format!("{identity} is not among the identities listed"));
            }
        }
        Id::Reach => match rest {
            [] => perform(state, id, None, effects),
            [name] => {
                let identity: Identity = name.parse().map_err(|error| format!("{error}"))?;
                if !open::show(state, &identity, Tab::Reach, effects) {
                    return Err(format!("{identity} is not among the identities listed"));
                }
            }
            _ => return Err("expected one IDENTITY, or none".to_owned()),
        },
        Id::CanCommand => {
            let [name, question @ ..] = rest else {
                return Err("expected IDENTITY VERB RESOURCE[.GROUP][/SUB]".to_owned());
            };
            let identity: Identity = name.parse().map_err(|error| format!("{error}"))?;
            let asked = Asked::parse(question)?;
            let title = format!("can {} {asked}", words::name(&identity));
            let feed = state.current_feed();
            open::text(state, feed, TextOf::Can(identity, asked), &title, effects);
        }
        Id::WhoCanCommand => {
            let asked = Asked::parse(rest)?;
            let feed = state.current_feed();
            if state.book(feed).is_none() {
                return Err("nothing is known of the cluster yet".to_owned());
            }
            visit::reverse(state, feed, asked, effects);
        }
        Id::SnapshotCommand => snapshot(state, rest, effects)?,
        Id::UndoCommand | Id::FinishCommand => {
            let run = match rest {
                [run] => run.parse().ok(),
                _ => None,
            };
            let run = run.ok_or("expected the number of a RUN; journal lists them")?;
            if id == Id::UndoCommand {
                change::undo(state, run, effects);
            } else {
                change::finish(state, run, effects);
            }
        }
        id => perform(state, id, None, effects),
    }
    Ok(())
}

/// One cluster by its name, or all.
fn cluster(state: &mut State, rest: &[&str], effects: &mut Effects) -> Result<(), String> {
    let chosen = match rest {
        [] | ["all"] => None,
        [name] => {
            let found = state.feeds.iter().find(|feed| &**feed.title() == *name);
            let names: Vec<&str> = state.feeds.iter().map(|feed| &**feed.title()).collect();
            let missing = || format!("no cluster {name}; there are {}", names.join(", "));
            Some(found.ok_or_else(missing)?.id)
        }
        _ => return Err("expected one NAME".to_owned()),
    };
    state.layers.clear();
    state.list.cluster = chosen;
    list::to_top(state);
    list::refresh(state, effects);
    Ok(())
}

fn theme(state: &mut State, rest: &[&str]) -> Result<(), String> {
    let names = || state.themes.iter().map(|theme| &*theme.name).collect::<Vec<_>>().join(", ");
    let [name] = rest else {
        return Err(format!("this is {}; there are {}", state.theme.name, names()));
    };
    let found = state.themes.iter().find(|theme| theme.name == *name);
    let theme = found.ok_or_else(|| format!("no theme {name}; there are {}", names()))?;
    state.theme = theme.at(state.depth);
    Ok(())
}

fn snapshot(state: &mut State, rest: &[&str], effects: &mut Effects) -> Result<(), String> {
    let dir = match rest {
        [dir] if !dir.starts_with('-') => *dir,
        ["--out", dir] => dir,
        [flag] if flag.starts_with("--out=") => &flag["--out=".len()..],
        _ => return Err("expected --out DIR".to_owned()),
    };
    let feed = state.current_feed();
    let book = state.book(feed).cloned().ok_or("nothing is known of the cluster yet")?;
    effects.push(Effect::Save { feed, book, dir: dir.into() });
    state.say(Tone::Done, format!("saving to {dir}"));
    Ok(())
}
