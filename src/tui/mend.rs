//! The key that mends a finding, and what is staged of what is on the screen.

use super::action::ActionId as Id;
use super::state::{FeedId, State};
use super::text::{fit, wrap};
use super::theme::Slot;
use super::widgets::Line;
use crate::book::{Finding, Fix, GrantKey, Mend};
use crate::change::plan::{Intent, words_of};
use crate::credentials::Credential;
use crate::model::printable;

/// The key that mends it; None where it lies elsewhere.
pub fn action(fix: &Fix) -> Option<Id> {
    Some(match fix.write.as_ref()? {
        Mend::Revoke(_) | Mend::RevokeEach(_) | Mend::RevokeAll(_) | Mend::Quarantine { .. } => {
            Id::Revoke
        }
        Mend::Narrow(_) => Id::Narrow,
        Mend::Split { .. } => Id::Split,
    })
}

/// What that key stages, or chooses about; nothing where the fix lies elsewhere.
pub fn intents(fix: &Fix) -> Vec<Intent> {
    fix.write.as_ref().map(Intent::to_mend).unwrap_or_default()
}

/// The key as it is pressed.
fn key(state: &State, id: Id) -> String {
    state.keymap.keys(id).first().map_or_else(String::new, ToString::to_string)
}

/// `r revoke`, `n narrow`, `s split`; in few columns the key alone.
pub fn short(state: &State, fix: &Fix, columns: usize) -> Line<'static> {
    let Some(id) = action(fix) else {
        let word = if columns < "elsewhere".len() { "–" } else { "elsewhere" };
        return Line::of(word, Slot::Muted);
    };
    let line = Line::of(key(state, id), Slot::Key);
    let word = id.action().hint.unwrap_or_default();
    if columns < word.len() + 2 { line } else { line.then(format!(" {word}"), Slot::Muted) }
}

/// What is to be done, in one or two lines.
pub fn lines(state: &State, fix: &Fix, width: usize) -> Vec<Line<'static>> {
    const MOST: usize = 2;
    let (key, text) = match action(fix) {
        Some(id) => {
            let words = words_of(&intents(fix));
            (key(state, id), format!(" stages {}: {}", printable(&words), fix.how))
        }
        None => ("Elsewhere".to_owned(), format!(": {}", fix.how)),
    };
    let first = key.len();
    clipped(&format!("{key}{text}"), width, MOST)
        .into_iter()
        .enumerate()
        .map(|(at, text)| match text.split_at_checked(first) {
            Some((key, rest)) if at == 0 => {
                Line::of(key.to_owned(), Slot::Key).then(rest.to_owned(), Slot::Base)
            }
            _ => Line::plain(text),
        })
        .collect()
}

/// A text in so many lines at most; what is cut off shows as `…`.
pub fn clipped(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines = wrap(text, width);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = fit(&format!("{last} …"), width).into_owned();
        }
    }
    lines
}

/// Why a key is not what mends a finding, with what is; None where it is.
pub fn refusal(state: &State, finding: &Finding, id: Id) -> Option<String> {
    let fix = &finding.fix;
    let mends = action(fix);
    if mends == Some(id) {
        return None;
    }
    let pressed = id.action().hint.unwrap_or_default();
    let (rule, how) = (finding.rule, &fix.how);
    Some(match mends {
        Some(id) => {
            let what = words_of(&intents(fix));
            format!("{pressed} would not mend {rule}: {} does ({what})", key(state, id))
        }
        None => format!("{pressed} would not mend {rule}: {how}"),
    })
}

impl State {
    /// Whether a wish is staged, by itself or as a part of what is.
    pub fn is_wished(&self, feed: FeedId, wish: &Intent) -> bool {
        let has = |wish: Intent| {
            self.staged.keys().any(|(at, have)| *at == feed && have.is_about_the_same(&wish))
        };
        let whole = match wish {
            Intent::Grant { subject, .. } => has(Intent::Identity { identity: subject.clone() }),
            _ => false,
        };
        whole || has(wish.clone())
    }

    /// Whether a grant is to go.
    pub fn grant_is_staged(&self, feed: FeedId, key: &GrantKey) -> bool {
        self.is_wished(feed, &Intent::of_grant(key))
    }

    /// Whether what mends a finding is staged.
    pub fn fix_is_staged(&self, feed: FeedId, fix: &Fix) -> bool {
        let wishes = intents(fix);
        !wishes.is_empty() && wishes.iter().all(|wish| self.is_wished(feed, wish))
    }

    /// Whether what revokes a credential is staged.
    pub fn credential_is_staged(&self, feed: FeedId, credential: &Credential) -> bool {
        Intent::to_end(credential).is_ok_and(|wish| self.is_wished(feed, &wish))
    }
}
