//! What a Plan takes away that is in use: told with figures before anybody confirms it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use foldhash::HashMap;

use super::check::{Check, of_call};
use super::left::secret_id;
use super::make::Work;
use super::{Target, nowhere};
use crate::book::{Book, Entry};
use crate::credentials::{self, Credential, LastUse};
use crate::model::{Activity, CallId, Identity, Name, SubjectKind, counted, quoted_agent};
use crate::rbac::Authorizer;

/// So many kinds of requests, addresses and agents are named.
const NAMED: usize = 3;

/// So many members of a group are told one by one.
const MEMBERS: usize = 5;

/// Requests that would be refused.
#[derive(Default)]
struct Missed {
    requests: u64,
    last: Option<DateTime<Utc>>,
    what: BTreeMap<Check, u64>,
    from: BTreeMap<Name, DateTime<Utc>>,
    by: BTreeMap<Name, DateTime<Utc>>,
}

impl Work<'_> {
    /// Warns of a token Secret that is in use, and says how far that is known.
    pub(super) fn token_in_use(&mut self, target: &Target, account: &Name) -> Option<String> {
        let book = self.input.book;
        let identity = Identity::service_account(target.namespace.clone()?, account.clone());
        let all = credentials::of(book, &identity);
        let token = all.iter().find(|one| *one.id == *secret_id(target))?;
        self.credential_in_use(token)
    }

    /// Warns of a credential that is in use, and says how far that is known.
    fn credential_in_use(&mut self, credential: &Credential) -> Option<String> {
        if let Some(why) = credentials::missed(self.input.book, credential) {
            let stops = "what uses it stops working within ten seconds";
            self.warnings.push(format!("{} {why}: {stops}", credential.id));
        }
        Some(match &credential.last_use {
            LastUse::Log { .. } | LastUse::Label { .. } => credential.last_use.words()?,
            LastUse::NotSince(since) => format!(
                "not used since {}, by the API server's own tracking",
                since.format("%Y-%m-%d")
            ),
            LastUse::NotInLog(days) => {
                format!("it is in no request of the {} of the log", counted(*days, "day"))
            }
            LastUse::NotKnown(why) => format!("whether it is in use is not known: {why}"),
        })
    }

    /// The same of those of somebody that end with a Secret in which they are not, or whose data is never
    /// read.
    pub(super) fn ends_in_use(&mut self, target: &Target, identity: &Identity) -> Vec<String> {
        let all = credentials::of(self.input.book, identity);
        let bound = target.to_string();
        let ends = |one: &&Credential| {
            *one.id == *secret_id(target)
                || one.bound.as_ref().is_some_and(|to| to.to_string() == bound)
        };
        let told = all
            .iter()
            .filter(ends)
            .filter_map(|one| Some(format!("{}: {}", one.id, self.credential_in_use(one)?)));
        told.collect()
    }

    /// Warns of requests of the policy's idle time that were allowed by what goes, and that nothing else
    /// allows.
    pub(super) fn rights_in_use(
        &mut self,
        before: &Authorizer,
        after: &Authorizer,
        whom: &BTreeSet<&Identity>,
    ) {
        let book = self.input.book;
        let Some(activity) = book.activity.as_deref().filter(|_| book.log.is_whole()) else {
            return;
        };
        let mut who: BTreeMap<&Identity, &Entry> = BTreeMap::new();
        for entry in whom.iter().filter_map(|identity| book.find(identity)) {
            let members = entry.members.iter().filter_map(|id| book.entry(*id));
            let all = members.map(|member| &**member).chain([&**entry]);
            let seen = all.filter(|one| one.identity.kind != SubjectKind::Group);
            who.extend(seen.map(|one| (&one.identity, one)));
        }
        let idle = TimeDelta::days(i64::from(book.policy.idle_days));
        let since = book.coverage().and_then(|coverage| coverage.to?.checked_sub_signed(idle));
        let mut told: Vec<(u64, String)> = Vec::new();
        for (identity, entry) in who {
            let missed = missed(activity, entry, (before, after), since);
            if missed.requests > 0 {
                told.push((missed.requests, missed.words(identity)));
            }
        }
        told.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let more = told.len().saturating_sub(MEMBERS);
        self.warnings.extend(told.drain(..told.len() - more).map(|(_, words)| words));
        if more > 0 {
            let requests: u64 = told.iter().map(|(requests, _)| requests).sum();
            self.warnings.push(format!(
                "and {more} more whose requests ({requests} of the log) would be refused"
            ));
        }
    }
}

/// Who did what after `since`, UTC, that was allowed and would be refused: a line each.
pub(super) fn refused(
    book: &Book,
    rights: (&Authorizer, &Authorizer),
    since: DateTime<Utc>,
) -> Vec<String> {
    let Some(activity) = book.activity.as_deref() else { return Vec::new() };
    // What was seen at that very time is in the log that ended then.
    let since = since.checked_add_signed(TimeDelta::microseconds(1));
    let seen = book.entries().filter(|entry| entry.identity.kind != SubjectKind::Group);
    seen.filter_map(|entry| {
        let missed = missed(activity, entry, rights, since);
        let last = missed.last?.format("%Y-%m-%d %H:%M");
        let what = missed.what.keys().map(Check::what).collect();
        Some(format!("{}: {}, the last on {last} UTC", entry.identity, first(what)))
    })
    .collect()
}

fn missed(
    activity: &Activity,
    entry: &Entry,
    (before, after): (&Authorizer, &Authorizer),
    since: Option<DateTime<Utc>>,
) -> Missed {
    let mut missed = Missed::default();
    let Some(seen) = activity.seen(&entry.identity) else { return missed };
    let asker = entry.asker();
    let mut refused: HashMap<CallId, Option<Check>> = HashMap::default();
    for row in activity.by_effective(seen).filter(|row| row.allowed > 0) {
        let Some(last) = row.last_allowed.filter(|at| since.is_none_or(|since| *at >= since))
        else {
            continue;
        };
        let check = refused.entry(row.call).or_insert_with(|| {
            let call = Some(activity.call(row.call)).filter(|call| !nowhere::is_wild(call))?;
            of_call(&asker, call)
                .filter(|check| check.decide(before).allowed() && !check.decide(after).allowed())
        });
        let Some(check) = check else { continue };
        missed.requests += row.allowed;
        missed.last = missed.last.max(Some(last));
        *missed.what.entry(check.clone()).or_default() += row.allowed;
        let actor = activity.actor(row.actor);
        let places = [(&actor.address, &mut missed.from), (&actor.agent, &mut missed.by)];
        for (value, into) in places {
            if let Some(value) = value {
                let at = into.entry(value.clone()).or_insert(last);
                *at = last.max(*at);
            }
        }
    }
    missed
}

impl Missed {
    fn words(&self, identity: &Identity) -> String {
        let mut what: Vec<(&Check, &u64)> = self.what.iter().collect();
        what.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        let what = what.into_iter().map(|(check, times)| format!("{} ({times})", check.what()));
        let last = self.last.map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M").to_string());
        let part = |word: &str, text: String| {
            if text.is_empty() { text } else { format!(", {word} {text}") }
        };
        format!(
            "{identity} is in use: {} of the log, the last on {last} UTC, would be refused afterwards: \
             {}{}{}",
            counted(self.requests, "request"),
            first(what.collect()),
            part("from", first(newest(&self.from, str::to_owned))),
            part("by", first(newest(&self.by, quoted_agent)))
        )
    }
}

fn newest(of: &BTreeMap<Name, DateTime<Utc>>, word: fn(&str) -> String) -> Vec<String> {
    let mut all: Vec<(&Name, &DateTime<Utc>)> = of.iter().collect();
    all.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    all.into_iter().map(|(name, _)| word(name)).collect()
}

/// The first of them, and how many more there are.
pub(super) fn first(all: Vec<String>) -> String {
    let more = all.len().saturating_sub(NAMED);
    let named: Vec<String> = all.into_iter().take(NAMED).collect();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", named.join(", "))
}
