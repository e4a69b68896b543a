//! How those are split off an account whom a finding is about: nobody else leaves it.

use std::collections::{BTreeMap, BTreeSet};

use super::Subject;
use crate::actors::{self, Actor, Behind};
use crate::book::{Book, Fix, Mend};
use crate::model::{Activity, Identity, Name, Target};

/// Longest name, as splitting takes it, bytes.
const LONGEST: usize = 50;

/// Everybody behind it becomes somebody.
pub(super) fn all(subject: &Subject<'_>, how: &str) -> Fix {
    let identity = &subject.entry.identity;
    let into = into(subject, |_| true);
    Fix::write(Mend::Split { identity: identity.clone(), off: Vec::new(), into }, how)
}

/// Those whom `pick` has, by what they are to be called, leave it; the others keep it. Where the log
/// does not tell them from the others, that is for somebody to find out.
pub(super) fn some(
    subject: &Subject<'_>,
    behind: Option<&Behind>,
    pick: impl Fn(&Actor) -> Option<String>,
    how: &str,
) -> Fix {
    let identity = &subject.entry.identity;
    let picked: Vec<(usize, &Actor, String)> = behind
        .iter()
        .flat_map(|behind| behind.actors.iter().enumerate())
        .filter_map(|(at, actor)| Some((at, actor, pick(actor)?)))
        .collect();
    let Some(behind) = behind.filter(|_| !picked.is_empty()) else {
        return Fix::elsewhere(format!(
            "{how}: the log does not tell them from the others behind it, so find out first which \
             credential is whose"
        ));
    };
    let mut taken = BTreeSet::new();
    let mut off = Vec::new();
    for (at, actor, called) in &picked {
        let base = label(called);
        let mut name = base.clone();
        let mut more = 1;
        while !taken.insert(name.clone()) {
            more += 1;
            name = format!("{base}-{more}");
        }
        off.push((name.into(), known_by(behind, *at, actor)));
    }
    let agents: BTreeSet<&Name> = picked.iter().flat_map(|(_, actor, _)| &actor.agents).collect();
    let into = into(subject, |agent| agents.contains(agent));
    Fix::write(Mend::Split { identity: identity.clone(), off, into }, how)
}

/// What only this actor has: an address, a credential, or else its place in the list.
fn known_by(behind: &Behind, at: usize, actor: &Actor) -> Name {
    let others = || behind.actors.iter().enumerate().filter(move |(other, _)| *other != at);
    let alone = |value: &&Name| {
        !others()
            .any(|(_, other)| other.addresses.contains(value) || other.credentials.contains(value))
    };
    // A number would be read as a place.
    let named = actor.addresses.iter().chain(&actor.credentials);
    let own = named.filter(|value| value.parse::<usize>().is_err()).find(alone);
    own.cloned().unwrap_or_else(|| (at + 1).to_string().into())
}

/// A name for an account, made of what something is called.
fn label(called: &str) -> String {
    let lower = called.to_ascii_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut name = words.join("-");
    name.truncate(LONGEST - 3);
    let name = name.trim_matches('-');
    if name.is_empty() { "machine".to_owned() } else { name.to_owned() }
}

/// The namespace in which whoever leaves does most; that of an account is the account's own.
fn into(subject: &Subject<'_>, is_theirs: impl Fn(&Name) -> bool) -> Option<Name> {
    let (book, identity) = (subject.book, &subject.entry.identity);
    if identity.namespace.is_some() {
        return None;
    }
    let activity = book.activity.as_deref()?;
    let counts = namespaces(activity, identity, is_theirs);
    let mut counts: Vec<(&Name, u64)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let default = Name::from("default");
    let mut all = counts.into_iter().map(|(namespace, _)| namespace).chain([&default]);
    all.find(|namespace| is_fit(book, namespace)).cloned()
}

fn namespaces<'a>(
    activity: &'a Activity,
    identity: &Identity,
    is_theirs: impl Fn(&Name) -> bool,
) -> BTreeMap<&'a Name, u64> {
    let mut counts: BTreeMap<&Name, u64> = BTreeMap::new();
    let rows = activity.seen(identity).into_iter().flat_map(|seen| activity.by_authenticated(seen));
    for row in rows.filter(|row| row.allowed > 0) {
        if !activity.actor(row.actor).agent.as_ref().is_some_and(&is_theirs) {
            continue;
        }
        if let Target::Resource { namespace: Some(namespace), .. } = &activity.call(row.call).target
        {
            *counts.entry(namespace).or_default() += row.allowed;
        }
    }
    counts
}

/// Whether accounts may be made there without getting what its accounts are granted together.
fn is_fit(book: &Book, namespace: &Name) -> bool {
    let there = book.snapshot.objects.namespaces.get(namespace);
    let group = Identity::group(format!("system:serviceaccounts:{namespace}"));
    let grants = book.find(&group).into_iter().flat_map(|entry| &entry.grants);
    there.is_some_and(|there| there.meta.deletion_timestamp.is_none())
        && grants.filter_map(|id| book.grant(*id)).all(|grant| grant.bootstrap)
}

/// Who is behind the account, as the log tells.
pub(super) fn behind(subject: &Subject<'_>) -> Option<Behind> {
    let book = subject.book;
    actors::of(book.activity.as_deref()?, &book.snapshot, &subject.entry.identity)
}
