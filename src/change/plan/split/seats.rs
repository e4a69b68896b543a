//! Everybody behind an account, as a person chooses from them: what each is called where nobody says,
//! and by what each is known.

use std::collections::BTreeSet;

use super::who::{is_called, is_label};
use super::{Named, Splitting};
use crate::actors::{Actor, Behind, Holder};
use crate::change::plan::narrow;
use crate::model::Name;

impl Named {
    /// Whether a name is one for an actor, of which accounts and bindings are called: small letters,
    /// digits and dashes, not too many.
    pub fn fits(name: &str) -> bool {
        is_label(name)
    }
}

/// Everybody who is seen, in the order in which they are listed. Each is known by what no other has,
/// and only where there is nothing by the place in the list, which moves as the log goes on.
pub fn everybody(behind: &Behind) -> Vec<Named> {
    let all = names(behind).into_iter().enumerate();
    all.map(|(at, name)| Named { name, is: handle(behind, at) }).collect()
}

/// What everybody is called where nobody says.
pub(super) fn names(behind: &Behind) -> Vec<Name> {
    let mut taken = BTreeSet::new();
    let mut names = Vec::new();
    for (at, actor) in behind.actors.iter().enumerate() {
        let base = called(&actor.holder).unwrap_or_else(|| format!("actor-{}", at + 1));
        let mut name = base.clone();
        let mut more = 1;
        while !taken.insert(name.clone()) {
            more += 1;
            name = format!("{base}-{more}");
        }
        names.push(name.into());
    }
    names
}

/// What an actor may be called, where it says.
pub(super) fn called(holder: &Holder) -> Option<String> {
    let text = match holder {
        Holder::Workload(name) => name.rsplit('/').next().unwrap_or(name),
        Holder::MintedBy(identity) => identity.name.split('@').next().unwrap_or_default(),
        Holder::Session(name) => name.split('@').next().unwrap_or(name),
        Holder::Credential(_) | Holder::NotSaid => return None,
    };
    let name = narrow::part(text).replace('.', "-");
    Some(name).filter(|name| is_label(name))
}

/// What only the actor at this place is known by.
fn handle(behind: &Behind, at: usize) -> Name {
    let only = |word: &Name| {
        let known = behind.actors.iter().enumerate();
        let mut known = known.filter(|(at, actor)| is_called(actor, *at, word));
        known.next().is_some_and(|(found, _)| found == at) && known.next().is_none()
    };
    let words = behind.actors.get(at).into_iter().flat_map(words);
    words.into_iter().find(only).unwrap_or_else(|| (at + 1).to_string().into())
}

/// By what these actors are known and no other behind the account is.
pub(super) fn known_by(behind: &Behind, own: &[Actor]) -> Vec<Name> {
    let others: BTreeSet<Name> =
        behind.actors.iter().filter(|actor| !own.contains(actor)).flat_map(words).collect();
    let mut known: Vec<Name> = Vec::new();
    for word in own.iter().flat_map(words) {
        if !others.contains(&word) && !known.contains(&word) {
            known.push(word);
        }
    }
    known
}

/// Whom a wish says that an actor at this place is, by more than that place: it moves as the log goes on.
pub(in crate::change::plan) fn explicitly(
    how: &Splitting,
    actor: &Actor,
    at: usize,
) -> BTreeSet<Name> {
    let lasts = |named: &&Named| named.is.parse::<usize>().is_err();
    let named = how.actors.iter().filter(lasts).filter(|named| is_called(actor, at, &named.is));
    named.map(|named| named.name.clone()).collect()
}

/// By what an actor is known, what lasts longest first.
pub(in crate::change::plan) fn words(actor: &Actor) -> Vec<Name> {
    let holder: Option<Name> = match &actor.holder {
        Holder::Workload(name) | Holder::Session(name) => Some(name.clone()),
        Holder::MintedBy(identity) => Some(identity.to_string().into()),
        Holder::Credential(_) | Holder::NotSaid => None,
    };
    holder
        .into_iter()
        .chain(actor.credentials.iter().cloned())
        .chain(actor.addresses.iter().cloned())
        .collect()
}
