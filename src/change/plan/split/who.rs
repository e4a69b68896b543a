//! Who is behind an account, what they are called, and whom they become.

use std::collections::{BTreeMap, BTreeSet};

use super::{Splitting, alike, seats, taken};
use crate::actors::{self, Actor, ActorUse, Behind, Holder};
use crate::book::{Book, Entry};
use crate::change::plan::wanted::nobody;
use crate::change::plan::{Intent, Refusal, narrow};
use crate::model::{Activity, Identity, Name, SubjectKind, counted};

/// Longest name of an account that is made, bytes: names of what is bound to it go on from it.
const LONGEST: usize = 50;

/// One who gets an identity.
#[derive(Clone, Debug)]
pub(in crate::change::plan) struct Part {
    pub(super) name: Name,
    pub(super) actors: Vec<Actor>,
    /// By what only they are known.
    pub(super) known_by: Vec<Name>,
    /// Whether it is no person.
    pub(super) machine: bool,
    /// Pods, which get their token from the cluster: namespace and workload.
    pub(super) workload: Option<(Name, Name)>,
    pub(in crate::change::plan) to: Identity,
    pub(in crate::change::plan) uses: Vec<ActorUse>,
}

/// An account, taken apart.
#[derive(Clone, Debug)]
pub(in crate::change::plan) struct Parts {
    pub(in crate::change::plan) intent: Intent,
    pub(super) account: Identity,
    pub(super) how: Splitting,
    pub(in crate::change::plan) all: Vec<Part>,
    /// Requests that belong to none of them, what they were for, and who made them.
    pub(in crate::change::plan) left: (u64, Vec<ActorUse>, Vec<String>),
    /// Requests in others' names.
    pub(super) for_others: u64,
    /// Who may be taken for another.
    pub(super) alike: Vec<String>,
    pub(super) shares: narrow::Shares,
}

fn naming(why: impl Into<String>) -> Refusal {
    Refusal::Naming(why.into())
}

/// What the Intents want split.
///
/// # Errors
/// Where the log does not tell who is behind an account, or somebody cannot become whom they should.
pub(in crate::change::plan) fn parts(
    book: &Book,
    intents: &[Intent],
) -> Result<Vec<Parts>, Refusal> {
    let wanted: BTreeSet<&Intent> = intents.iter().collect();
    let split = wanted.into_iter().filter_map(|intent| match intent {
        Intent::Split { identity, how } => Some((intent, identity, how)),
        _ => None,
    });
    split.map(|(intent, identity, how)| of(book, intent, (identity, how))).collect()
}

fn of(
    book: &Book,
    intent: &Intent,
    (identity, how): (&Identity, &Splitting),
) -> Result<Parts, Refusal> {
    if identity.kind == SubjectKind::Group {
        return Err(naming(format!("{identity}: a group is no account; split one of its members")));
    }
    let Some(entry) = book.find(identity) else {
        return Err(nobody(book, identity));
    };
    let log = book.activity.as_deref().filter(|_| book.log.is_whole());
    let log = log.ok_or_else(|| {
        Refusal::NotSplit("no audit log was read whole: name one with --audit".to_owned())
    })?;
    let behind = told_apart(log, book, (identity, how)).ok_or_else(|| {
        Refusal::NotSplit(format!("{identity}: the log does not show who is behind it"))
    })?;
    let (mut all, mut left) = attribute(&behind, how)?;
    for name in how.to.keys().chain(&how.certificates).chain(&how.machines).chain(&how.unattributed)
    {
        if !all.iter().any(|part| part.name == *name) {
            let known: Vec<&str> = all.iter().map(|part| &*part.name).collect();
            return Err(naming(format!(
                "nobody is called {name:?}; there are {}",
                known.join(", ")
            )));
        }
    }
    if let Some(name) = &how.unattributed {
        let given = all.iter_mut().find(|part| part.name == *name);
        if let Some(part) = given {
            part.uses.extend(std::mem::take(&mut left.1));
        }
    }
    cuts_nobody_off(identity, how, &left)?;
    let mut taken = BTreeSet::from([identity.clone()]);
    for part in &mut all {
        part.machine |= how.machines.contains(&part.name);
        part.to = becomes(book, entry, how, part)?;
        if !taken.insert(part.to.clone()) {
            return Err(naming(format!(
                "{} would become {}, which {}",
                part.name,
                part.to,
                if part.to == *identity { "is the account itself" } else { "another becomes too" }
            )));
        }
    }
    alike::told_apart(&all)?;
    let mut alike = alike::users(book, &all, |name| how.certificates.contains(name));
    alike.extend(alike::of_several(&behind, how));
    if how.actors.is_empty() {
        alike.extend(alike::by_default(&behind));
    }
    let used: Vec<(&[ActorUse], &Identity)> =
        all.iter().map(|part| (&*part.uses, &part.to)).collect();
    // Where requests are left that belong to none of them, it is said whose are meant.
    let names: Vec<&str> = all.iter().map(|part| &*part.name).collect();
    let whose = match (left.0 > 0 && how.unattributed.is_none(), names.len() > 3) {
        (false, _) => String::new(),
        (true, false) => format!("of {} ", names.join(", ")),
        (true, true) => format!("of the {} who get an identity ", names.len()),
    };
    let shares =
        narrow::shares(book, (intent, &how.choices), entry, &used, &whose).map_err(|refusal| {
            match refusal {
                Refusal::Log(why) => Refusal::NotSplit(why),
                other => other,
            }
        })?;
    Ok(Parts {
        intent: intent.clone(),
        account: identity.clone(),
        how: how.clone(),
        all,
        left,
        for_others: behind.for_others,
        alike,
        shares,
    })
}

/// Refuses to retire an account that somebody uses who gets nothing, unless that is said.
///
/// # Errors
/// With how many requests there are, from where, and when the last of them was.
fn cuts_nobody_off(
    account: &Identity,
    how: &Splitting,
    (requests, _, who): &(u64, Vec<ActorUse>, Vec<String>),
) -> Result<(), Refusal> {
    let said = how.retire_unattributed || how.unattributed.is_some();
    let Some(days) = how.retire_after.filter(|_| *requests > 0 && !said) else { return Ok(()) };
    let belong = if *requests == 1 { "belongs" } else { "belong" };
    let requests = counted(*requests, "request");
    Err(Refusal::NotSplit(format!(
        "{requests} of {account} {belong} to none of those who get an identity, and in {days} days, when \
         it is retired, whoever made them is refused: {}. Name them (--actor), give one of the others what \
         they needed (--unattributed NAME), or say that they may be cut off (--retire-unattributed)",
        who.join("; ")
    )))
}

/// Who is behind an account. Where a person gives credentials of one actor to several, these are told
/// apart: somebody had them made for others.
pub(in crate::change::plan) fn told_apart(
    log: &Activity,
    book: &Book,
    (identity, how): (&Identity, &Splitting),
) -> Option<Behind> {
    let behind = actors::of(log, &book.snapshot, identity)?;
    let mut apart: BTreeSet<Name> = BTreeSet::new();
    for (at, actor) in behind.actors.iter().enumerate() {
        let named = || how.actors.iter().filter(|named| is_called(actor, at, &named.is));
        let whose: BTreeSet<&Name> = named().map(|named| &named.name).collect();
        let known = |word: &Name| actor.credentials.contains(word);
        if whose.len() > 1 && named().all(|named| known(&named.is)) {
            apart.extend(named().map(|named| named.is.clone()));
        }
    }
    if apart.is_empty() {
        return Some(behind);
    }
    actors::told_apart(log, &book.snapshot, identity, &apart)
}

type Attributed = (Vec<Part>, (u64, Vec<ActorUse>, Vec<String>));

/// Everybody by name, and what is left.
fn attribute(behind: &Behind, how: &Splitting) -> Result<Attributed, Refusal> {
    let mut owner: Vec<Option<Name>> = vec![None; behind.actors.len()];
    if how.actors.is_empty() {
        for (owner, name) in owner.iter_mut().zip(seats::names(behind)) {
            *owner = Some(name);
        }
    }
    for named in &how.actors {
        if !is_label(&named.name) {
            return Err(naming(format!(
                "{:?} is no name for an actor: small letters, digits and dashes, {LONGEST} at most",
                named.name
            )));
        }
        let mut found = false;
        for (at, actor) in behind.actors.iter().enumerate() {
            if !is_called(actor, at, &named.is) {
                continue;
            }
            found = true;
            match &owner[at] {
                Some(other) if *other != named.name => {
                    return Err(naming(format!(
                        "{:?} is {} ({}), who is {other} too: say it by what only one of them has",
                        named.is,
                        named.name,
                        actor.holder.text()
                    )));
                }
                _ => owner[at] = Some(named.name.clone()),
            }
        }
        if !found {
            return Err(naming(format!(
                "no actor is known by {:?}: keybook show lists them, with credentials and addresses",
                named.is
            )));
        }
    }
    let mut parts: BTreeMap<Name, Part> = BTreeMap::new();
    let mut left = (behind.rest.requests, behind.rest.uses.clone(), Vec::new());
    if behind.rest.requests > 0 {
        left.2.push(format!(
            "{} of which neither credential nor agent nor address was kept",
            counted(behind.rest.requests, "request")
        ));
    }
    for (actor, owner) in behind.actors.iter().zip(owner) {
        let Some(name) = owner else {
            left.0 += actor.requests;
            left.1.extend(actor.uses.iter().cloned());
            left.2.push(words(actor));
            continue;
        };
        let part = parts.entry(name.clone()).or_insert_with(|| Part {
            name,
            actors: Vec::new(),
            known_by: Vec::new(),
            machine: true,
            workload: None,
            to: Identity::user(""),
            uses: Vec::new(),
        });
        part.machine &= !actor.attended;
        part.uses.extend(actor.uses.iter().cloned());
        part.actors.push(actor.clone());
    }
    let mut all: Vec<Part> = parts.into_values().collect();
    for part in &mut all {
        part.workload = workload(part)?;
        part.known_by = seats::known_by(behind, &part.actors);
    }
    Ok((all, left))
}

/// The pods that a part is; None where it is none.
fn workload(part: &Part) -> Result<Option<(Name, Name)>, Refusal> {
    let workloads: BTreeSet<Option<&Name>> = part
        .actors
        .iter()
        .map(|actor| match &actor.holder {
            Holder::Workload(name) => Some(name),
            _ => None,
        })
        .collect();
    let mut all = workloads.into_iter();
    match (all.next().flatten(), all.next()) {
        (None, None) => Ok(None),
        (Some(one), None) => match one.split_once('/') {
            Some((namespace, name)) => Ok(Some((namespace.into(), name.into()))),
            None => Err(Refusal::NotSplit(format!(
                "{}: {one}, so that which pods would have to use another account is not known",
                part.name
            ))),
        },
        _ => Err(naming(format!(
            "{}: pods of one workload get an identity of their own: name them apart",
            part.name
        ))),
    }
}

pub(super) fn is_label(name: &str) -> bool {
    let inside = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-';
    !name.is_empty()
        && name.len() <= LONGEST
        && name.chars().all(inside)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Whether an actor, at this place of the list, is known by a word.
pub(super) fn is_called(actor: &Actor, at: usize, word: &str) -> bool {
    let holder = match &actor.holder {
        Holder::Workload(name) => **name == *word || name.rsplit('/').next() == Some(word),
        Holder::MintedBy(identity) => *identity.name == *word || identity.to_string() == *word,
        Holder::Session(name) => **name == *word,
        Holder::Credential(_) | Holder::NotSaid => false,
    };
    holder
        || word.parse() == Ok(at + 1)
        || actor.credentials.iter().any(|have| **have == *word)
        || actor.addresses.iter().any(|have| **have == *word)
}

/// Whom it becomes.
fn becomes(
    book: &Book,
    account: &Entry,
    how: &Splitting,
    part: &Part,
) -> Result<Identity, Refusal> {
    let name = &part.name;
    let certified = how.certificates.contains(name);
    let to = match (how.to.get(name), &part.workload, &how.into) {
        (Some(to), _, _) => to.clone(),
        (None, None, _) if certified => Identity::user(name.clone()),
        (None, Some((namespace, _)), _) => {
            Identity::service_account(namespace.clone(), name.clone())
        }
        (None, None, Some(into)) => Identity::service_account(into.clone(), name.clone()),
        (None, None, None) => {
            return Err(naming(format!(
                "whom {name} becomes is not said: --into NAMESPACE for a new account there, or --to \
                 {name}=user:NAME for a user that there is"
            )));
        }
    };
    let namespace = match (to.kind, &to.namespace) {
        (SubjectKind::User, _) if part.workload.is_some() => {
            return Err(naming(format!("{name} is pods: they can be no user, but an account")));
        }
        (SubjectKind::User, _) => {
            if certified {
                taken::may_be_certified(book, name, &to)?;
                if !how.to.contains_key(name) {
                    taken::is_nobody_yet(book, name, &to)?;
                }
            }
            return Ok(to);
        }
        _ if certified => {
            return Err(naming(format!(
                "{name} cannot become {to} by a certificate: those are of users (--to \
                 {name}=user:NAME)"
            )));
        }
        (SubjectKind::ServiceAccount, Some(namespace)) => namespace.clone(),
        _ => return Err(naming(format!("{name} cannot become {to}: a group is nobody"))),
    };
    if let Some((pods, workload)) = part.workload.as_ref().filter(|(pods, _)| *pods != namespace) {
        return Err(naming(format!(
            "{name} cannot become {to}: the pods of {workload} are in {pods}, and take accounts of \
             their own namespace only"
        )));
    }
    if !is_label(&to.name) {
        return Err(naming(format!(
            "{:?} is no name for an account: small letters, digits and dashes, {LONGEST} at most",
            to.name
        )));
    }
    let objects = &book.snapshot.objects;
    if objects.service_accounts.contains_key(&(namespace.clone(), to.name.clone())) {
        return Err(naming(format!(
            "{to} is there already, and whoever uses it would gain what {name} gets: name another"
        )));
    }
    let whole = book.snapshot.has_all_namespaces();
    let there = objects.namespaces.get(&namespace);
    match there {
        None if whole => {
            return Err(naming(format!(
                "the namespace {namespace} is not there: make it first (kubectl create namespace \
                 {namespace})"
            )));
        }
        Some(there) if there.meta.deletion_timestamp.is_some() => {
            return Err(naming(format!("the namespace {namespace} is being deleted")));
        }
        _ => {}
    }
    taken::is_named(book, name, &to)?;
    taken::would_gain(book, account, &to)?;
    Ok(to)
}

/// One who is seen, in a line.
pub(in crate::change::plan) fn words(actor: &Actor) -> String {
    let hours: Vec<u32> = (0..24).filter(|hour| actor.hours >> hour & 1 == 1).collect();
    let first = |all: &[Name]| all.first().map_or("?".to_owned(), ToString::to_string);
    let system = actor.system.as_ref().map_or_else(String::new, |on| format!(" on {on}"));
    format!(
        "{}{system}: {} on {}, hours {} UTC, from {} with {}, the last on {}",
        actor.holder.text(),
        counted(actor.requests, "request"),
        counted(actor.days, "day"),
        actors::hours_text(&hours),
        first(&actor.addresses),
        first(&actor.agents),
        actor.last.format("%Y-%m-%d")
    )
}
