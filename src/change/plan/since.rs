//! A Plan that rests on a log, held against that log as it is by now: whom it would refuse what they did
//! since, and who came since of whom it says nothing.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::check::{self, Check};
use super::in_use::{first, refused};
use super::split::{actor_words, explicitly, told_apart, words_of};
use super::{Intent, Parted, Plan, Splitting, Who, nowhere};
use crate::actors::{Actor, ActorUse, Behind};
use crate::book::{Book, Entry};
use crate::model::{Activity, Target, counted};
use crate::rbac::Authorizer;

/// What a log shows that a Plan did not rest on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Since {
    /// What was allowed since, and would be refused: a line for each who did it. It may not be applied.
    pub refused: Vec<String>,
    /// What has to be known besides.
    pub notes: Vec<String>,
}

/// Holds a Plan that narrows or splits against a log that was read whole: what was allowed after the log
/// that it rests on had ended. What takes a run back rests on no log.
pub fn since(book: &Book, plan: &Plan) -> Since {
    let mut found = Since::default();
    let Some(log) = book.activity.as_deref() else { return found };
    if plan.undoes.is_some() || !plan.intents.iter().any(Intent::rests_on_log) {
        return found;
    }
    let ended = plan.metadata.coverage.as_ref().and_then(|coverage| coverage.to);
    let ended = ended.unwrap_or(plan.metadata.made_at);
    if let Some(coverage) = book.coverage() {
        found.notes.extend(super::uncovered::uncovered(coverage, ended, book.now));
    }
    let before = &book.snapshot.objects;
    let after = super::lock_out::applied(plan, before);
    let (before, after) = (Authorizer::new(before), Authorizer::new(&after));
    if plan.intents.iter().any(Intent::narrows) {
        found.refused = refused(book, (&before, &after), ended);
    }
    for parted in &plan.parted {
        let how = plan.intents.iter().find_map(|intent| match intent {
            Intent::Split { identity, how } if *identity == parted.account => Some(how),
            _ => None,
        });
        let Some((how, entry)) = how.zip(book.find(&parted.account)) else { continue };
        let rights = (&before, &after);
        Held { book, log, parted, how, entry, ended, rights }.held(&mut found);
    }
    found
}

/// A split that is held against a log.
struct Held<'a> {
    book: &'a Book,
    log: &'a Activity,
    parted: &'a Parted,
    how: &'a Splitting,
    /// The account.
    entry: &'a Entry,
    /// When the log had ended that it rests on, UTC.
    ended: DateTime<Utc>,
    /// Before it is applied, and after.
    rights: (&'a Authorizer, &'a Authorizer),
}

/// What is not allowed of what somebody did.
#[derive(Default)]
struct Missed {
    what: BTreeSet<Check>,
    last: Option<DateTime<Utc>>,
    /// What was folded away, so that it cannot be said one by one.
    folded: bool,
}

impl Held<'_> {
    fn held(&self, into: &mut Since) {
        let account = &self.parted.account;
        let Some(behind) = told_apart(self.log, self.book, (account, self.how)) else {
            into.notes.push(format!(
                "{account} is not in the log that was read: who used it since, and for what, is not known"
            ));
            return;
        };
        let mut found: BTreeSet<&str> = BTreeSet::new();
        for (at, actor) in behind.actors.iter().enumerate() {
            let mut whose = self.whose(actor, at);
            found.extend(whose.iter().map(|who| &*who.name));
            if actor.last <= self.ended {
                continue;
            }
            if whose.is_empty() {
                self.newcomer(&actor_words(actor), actor.first, into);
                whose.extend(self.of_nobody());
            }
            self.weigh(&whose, &actor.uses, into);
        }
        self.rest(&behind, into);
        let lost = self.parted.who.iter().filter(|who| !found.contains(&*who.name));
        into.notes.extend(lost.map(|who| {
            format!(
                "{} is not found again behind {account} in the log: whether they did more since the plan \
                 was made, than it gives them, is not known",
                who.name
            )
        }));
    }

    /// What belongs to nobody of whom anything is known.
    fn rest(&self, behind: &Behind, into: &mut Since) {
        let Some((from, last)) = behind.rest.first.zip(behind.rest.last) else { return };
        if last <= self.ended {
            return;
        }
        let requests = counted(behind.rest.requests, "request");
        self.newcomer(&format!("{requests} of nobody in particular"), from, into);
        self.weigh(&self.of_nobody(), &behind.rest.uses, into);
    }

    /// Who of those who get an identity an actor is: whom the wish says, by more than a place in a list
    /// that moves; else whom the plan knew by what nobody else had. At an address there may be others by
    /// now.
    fn whose(&self, actor: &Actor, at: usize) -> Vec<&Who> {
        let named = explicitly(self.how, actor, at);
        if !named.is_empty() {
            return self.parted.who.iter().filter(|who| named.contains(&who.name)).collect();
        }
        let words = words_of(actor);
        let is_old = actor.first <= self.ended;
        let known = |who: &&Who| {
            let mut shared = who.known_by.iter().filter(|word| words.contains(word));
            shared.any(|word| is_old || !actor.addresses.contains(word))
        };
        self.parted.who.iter().filter(known).collect()
    }

    /// Who gets what is nobody's.
    fn of_nobody(&self) -> Vec<&Who> {
        let given = |who: &&Who| self.how.unattributed.as_ref() == Some(&who.name);
        self.parted.who.iter().filter(given).collect()
    }

    /// One who is none of those who get an identity. Who was there when the plan was made was told then.
    fn newcomer(&self, who: &str, from: DateTime<Utc>, into: &mut Since) {
        if from <= self.ended {
            return;
        }
        let account = &self.parted.account;
        let new = format!("{account} has been used since by who gets no identity: {who}");
        match (&self.how.unattributed, self.how.retire_after) {
            (Some(name), _) => into.notes.push(format!(
                "{account} has been used since by who was not there: {who}. {name} gets what is nobody's"
            )),
            (None, Some(_)) => {
                into.refused.push(format!("{new}; once {account} is retired, they are refused"));
            }
            (None, None) => into.notes.push(new),
        }
    }

    /// Tells what whoever did this could not do as any of these.
    fn weigh(&self, whose: &[&Who], uses: &[ActorUse], into: &mut Since) {
        if whose.is_empty() {
            return;
        }
        let missed = self.missed(whose, uses);
        let names: Vec<String> =
            whose.iter().map(|who| format!("{} ({})", who.name, who.to)).collect();
        let names = names.join(" or ");
        if let Some(last) = missed.last {
            into.refused.push(format!(
                "{names} would not be allowed what was done since as {}: {}, the last on {} UTC",
                self.parted.account,
                first(missed.what.iter().map(Check::what).collect()),
                last.format("%Y-%m-%d %H:%M")
            ));
        }
        if missed.folded {
            into.notes.push(format!(
                "{names}: of some requests since, the log no longer says what they were for: whether they \
                 would be allowed is not known"
            ));
        }
    }

    fn missed(&self, whose: &[&Who], uses: &[ActorUse]) -> Missed {
        let (before, after) = self.rights;
        let now = self.entry.asker();
        let then: Vec<_> = whose.iter().map(|who| check::asker(&who.to, [])).collect();
        let mut missed = Missed::default();
        let snapshot = &self.book.snapshot;
        let is_lost = |used: &&ActorUse| {
            nowhere::is_wild(&used.call) || nowhere::missing(&used.call, snapshot).is_some()
        };
        let since = uses.iter().filter(|used| used.allowed > 0 && used.last > self.ended);
        for used in since.filter(|used| !is_lost(used)) {
            missed.folded |= match &used.call.target {
                Target::Paths | Target::Folded => true,
                Target::Resource { names_folded, .. } => *names_folded,
                Target::Path(_) => false,
            };
            let calls = std::iter::once((&used.call, used.allowed, used.last));
            for needed in self.book.authorizations(calls) {
                let may = |asker, by: &Authorizer| {
                    check::of_call(asker, &needed.call)
                        .map(|check| (check.decide(by).allowed(), check))
                };
                // What the account may not any more was taken from it, and nobody gets that.
                if !may(&now, before).is_some_and(|(allowed, _)| allowed)
                    || then.iter().any(|to| may(to, after).is_none_or(|(allowed, _)| allowed))
                {
                    continue;
                }
                missed.what.extend(may(&now, before).map(|(_, check)| check));
                missed.last = missed.last.max(Some(used.last));
            }
        }
        missed
    }
}
