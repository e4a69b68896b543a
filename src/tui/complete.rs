//! What would complete a line being typed.

use super::actions::ACTIONS;
use super::layers::{Prompt, PromptKind};
use super::state::State;
use super::theme::Theme;
use super::wizard::Field;
use crate::model::{Identity, SubjectKind};
use crate::query::KEYS;

/// A candidate with what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The whole word.
    pub word: String,
    /// What follows it.
    pub args: String,
    /// What it is for.
    pub help: String,
}

/// Words of the registry that begin with a text, in the order of the registry.
pub fn commands(text: &str) -> Vec<Candidate> {
    ACTIONS
        .iter()
        .filter_map(|action| {
            let word = action.words.iter().find(|word| word.starts_with(text))?;
            Some(Candidate {
                word: (*word).to_owned(),
                args: action.args.to_owned(),
                help: action.help.to_owned(),
            })
        })
        .collect()
}

/// What could follow what is typed.
pub fn candidates(state: &State, prompt: &Prompt) -> Vec<Candidate> {
    let (head, last) = prompt.text.rsplit_once(' ').map_or(("", &*prompt.text), |cut| cut);
    match prompt.kind {
        PromptKind::Command if head.is_empty() && !prompt.text.contains(' ') => commands(last),
        PromptKind::Command => arguments(state, head.split(' ').next().unwrap_or_default(), last),
        // Only the list is filtered by the grammar; other screens by plain words.
        PromptKind::Filter if state.screen().is_none() => keys(last),
        PromptKind::Choice(Field::Into) => arguments(state, "ns", &prompt.text),
        PromptKind::Becomes(_) => arguments(state, "show", &prompt.text),
        _ => Vec::new(),
    }
}

/// Keys of the grammar that begin with a text.
fn keys(last: &str) -> Vec<Candidate> {
    let (sign, start) = match last.strip_prefix(['!', '-']) {
        Some(rest) => (&last[..1], rest),
        None => ("", last),
    };
    if start.is_empty() {
        return Vec::new();
    }
    KEYS.iter()
        .filter(|(key, _)| key.starts_with(start) || start == format!("{key}:"))
        .map(|(key, what)| Candidate {
            word: format!("{sign}{key}:"),
            args: String::new(),
            help: (*what).to_owned(),
        })
        .collect()
}

/// What may stand behind a command.
fn arguments(state: &State, command: &str, last: &str) -> Vec<Candidate> {
    let plain = |word: String| Candidate { word, args: String::new(), help: String::new() };
    let begin = |words: Vec<String>| -> Vec<Candidate> {
        words.into_iter().filter(|word| word.starts_with(last)).take(50).map(plain).collect()
    };
    match command {
        "theme" => begin(state.themes.iter().map(|theme: &Theme| theme.name.clone()).collect()),
        "cluster" | "ctx" | "context" => {
            begin(state.feeds.iter().map(|feed| feed.title().to_string()).collect())
        }
        "ns" | "namespace" => {
            let books = state.listed().filter_map(|feed| feed.book.as_ref());
            let mut names: Vec<String> = books
                .flat_map(|book| book.snapshot.objects.namespaces.keys())
                .map(ToString::to_string)
                .collect();
            names.sort();
            names.dedup();
            begin(names)
        }
        "show" | "can" if !last.is_empty() => {
            let books = state.listed().filter_map(|feed| feed.book.as_ref());
            books
                .flat_map(|book| book.entries())
                .filter(|entry| begins(&entry.identity, last))
                .take(50)
                .map(|entry| plain(entry.identity.to_string()))
                .collect()
        }
        "who" => keys(last),
        _ => Vec::new(),
    }
}

/// Whether an identity, written out, begins with a text. There may be very many to ask.
fn begins(identity: &Identity, text: &str) -> bool {
    let name = &*identity.name;
    let parts = match (identity.kind, identity.namespace.as_deref().unwrap_or_default()) {
        (SubjectKind::User, _) => ["user:", name, "", ""],
        (SubjectKind::Group, _) => ["group:", name, "", ""],
        (SubjectKind::ServiceAccount, ns) => ["sa:", ns, "/", name],
    };
    let mut rest = text;
    for part in parts {
        match rest.strip_prefix(part) {
            Some(left) => rest = left,
            None => return part.starts_with(rest),
        }
    }
    rest.is_empty()
}

/// The rest of the first candidate, where it goes on from what is typed.
pub fn ghost(state: &State, prompt: &Prompt) -> Option<String> {
    ghost_of(&candidates(state, prompt), prompt)
}

/// The same, of candidates that are there already.
pub fn ghost_of(candidates: &[Candidate], prompt: &Prompt) -> Option<String> {
    let last = prompt.text.rsplit(' ').next().unwrap_or_default();
    if last.is_empty() {
        return None;
    }
    let first = candidates.first()?;
    let rest = first.word.strip_prefix(last)?;
    let space = if first.args.is_empty() { "" } else { " " };
    (!rest.is_empty() || !space.is_empty()).then(|| format!("{rest}{space}"))
}

/// The words of the registry nearest to one that is none.
pub fn nearest(word: &str) -> Vec<&'static str> {
    let mut near: Vec<(usize, &'static str)> = ACTIONS
        .iter()
        .flat_map(|action| action.words.iter().copied())
        .map(|have| (distance(word, have), have))
        .filter(|(distance, have)| *distance <= 2 && *distance < have.len())
        .collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, word)| word).collect()
}

/// How many letters have to be put in, taken out or changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_completed_from_the_registry() {
        let words = |text: &str| -> Vec<String> {
            commands(text).into_iter().map(|candidate| candidate.word).collect()
        };
        assert_eq!(words("who"), ["who", "who-can"]);
        assert_eq!(words("use"), ["users"]);
        assert!(words("xyz").is_empty());
        assert!(words("").len() > 15);
    }

    #[test]
    fn identities_are_found_by_how_they_begin() {
        let all = [
            Identity::user("jane@corp.example"),
            Identity::group("dev"),
            Identity::service_account("ci", "deployer"),
        ];
        for identity in &all {
            let written = identity.to_string();
            for at in 0..=written.len() {
                for other in &all {
                    let said = begins(other, &written[..at]);
                    assert_eq!(said, other.to_string().starts_with(&written[..at]), "{other}");
                }
            }
            assert!(!begins(identity, &format!("{written}x")));
        }
    }

    #[test]
    fn a_slip_is_answered_with_the_nearest() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("fndings"), ["findings"]);
        assert_eq!(nearest("uesrs"), ["users"]);
        assert!(nearest("xylophone").is_empty());
    }
}
