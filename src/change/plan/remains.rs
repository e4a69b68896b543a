//! What remains of an account that is retired, by the objects and the log of now: what authenticates
//! as it, until when, and who was seen using it.

use chrono::{DateTime, Utc};

use super::split::actor_words;
use crate::actors::{self, Actor};
use crate::book::Book;
use crate::credentials::{self, Credential, Expires, LISTS, LastUse, Standing};
use crate::model::{Identity, ListKind, Name, SubjectKind, counted};
use crate::rbac::query::missing;

/// A credential that is known to be out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// What to call it.
    pub credential: Name,
    /// What it is: `client certificate`.
    pub kind: &'static str,
    /// Whether the API server takes it, as far as is known.
    pub taken: bool,
    /// Whether the last use that is known is of the day on which it was refused, and may have been before
    /// that.
    pub perhaps_before: bool,
    /// Why that is not known; None where it is.
    pub unsure: Option<&'static str>,
    /// When it ends by itself, UTC; None for not, or where that is not known.
    pub ends: Option<DateTime<Utc>>,
    /// The same in words.
    pub until: String,
    /// What ends it before.
    pub revoke: Name,
    /// How it is used, or that it is tried; None where nothing shows it.
    pub use_: Option<String>,
}

/// What remains of somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remains {
    /// What authenticates, and what is refused and tried all the same.
    pub credentials: Vec<Remaining>,
    /// Who was seen using it since, a line each, the busiest first.
    pub users: Vec<String>,
    /// What would have to be read for this to be all.
    pub unknown: Vec<String>,
}

impl Remains {
    /// Whether nothing is known to remain.
    pub fn is_empty(&self) -> bool {
        self.credentials.is_empty() && self.users.is_empty()
    }

    /// The last time at which something is known to end by itself, UTC.
    pub fn ends(&self) -> Option<DateTime<Utc>> {
        self.credentials.iter().filter_map(|one| one.ends).max()
    }
}

/// What remains of `identity`; of who uses it, what was seen `since`, UTC.
pub fn remains(book: &Book, identity: &Identity, since: DateTime<Utc>) -> Remains {
    let all = credentials::of(book, identity);
    let credentials = all.iter().filter_map(|one| remaining(one, since)).collect();
    let mut remains = Remains { credentials, ..Remains::default() };
    let mut lists: Vec<ListKind> = LISTS.to_vec();
    if identity.kind != SubjectKind::ServiceAccount {
        lists.retain(|list| *list != ListKind::TokenSecrets && *list != ListKind::ServiceAccounts);
    }
    let gaps = missing(&book.snapshot, &lists, identity.namespace.as_ref());
    remains.unknown.extend(gaps.iter().map(ToString::to_string));
    match book.activity.as_deref().filter(|_| book.log.is_whole()) {
        None => remains.unknown.push(
            "no log was read: who still uses it is not known (--audit, or keybook ingest)"
                .to_owned(),
        ),
        Some(activity) => {
            if let Some(to) = book.coverage().and_then(|coverage| coverage.to)
                && to < since
            {
                let to = to.format("%Y-%m-%d %H:%M");
                remains
                    .unknown
                    .push(format!("the log ends on {to} UTC: who uses it since is not in it"));
            }
            let behind = actors::of(activity, &book.snapshot, identity);
            let used = behind.iter().flat_map(|behind| &behind.actors);
            let used = used.filter(|actor| actor.last >= since);
            remains.users = used.map(|actor| user(actor, since)).collect();
            let rest = behind.as_ref().map(|behind| &behind.rest);
            if let Some(rest) = rest.filter(|rest| rest.last.is_some_and(|last| last >= since)) {
                let requests = counted(rest.requests, "request");
                let before = rest.first.is_some_and(|first| first < since);
                let whole = if before { WHOLE } else { "" };
                remains.users.push(format!("{requests} of nobody in particular{whole}"));
            }
        }
    }
    remains
}

/// That figures are not of the time since alone.
const WHOLE: &str = " (all of the log, from before too)";

fn user(actor: &Actor, since: DateTime<Utc>) -> String {
    let whole = if actor.first < since { WHOLE } else { "" };
    format!("{}{whole}", actor_words(actor))
}

fn remaining(one: &Credential, since: DateTime<Utc>) -> Option<Remaining> {
    let taken = one.standing.is_taken();
    // A mere attempt, by the day.
    let tried = matches!(&one.last_use, LastUse::Label { day, attempt: true } if *day >= since.date_naive());
    if !taken && (!tried || one.standing == Standing::Expired) {
        return None;
    }
    let (ends, until) = match &one.expires {
        _ if !taken => (None, "refused".to_owned()),
        Expires::At(at) => (Some(*at), format!("until {} UTC", at.format("%Y-%m-%d %H:%M"))),
        Expires::Never => (None, "for ever".to_owned()),
        Expires::NotKnown(why) => (None, format!("until when is not known: {why}")),
    };
    // Of the day on which it was refused nothing says whether that was before.
    let refused_on = match &one.standing {
        Standing::Refused(why) => why.rsplit(' ').next().and_then(|day| day.parse().ok()),
        _ => None,
    };
    let same_day =
        matches!(&one.last_use, LastUse::Label { day, attempt: true } if refused_on == Some(*day));
    Some(Remaining {
        perhaps_before: same_day,
        credential: one.id.clone(),
        kind: one.kind.as_str(),
        taken,
        unsure: match one.standing {
            Standing::NotKnown(why) => Some(why),
            _ => None,
        },
        ends,
        until,
        revoke: one.revoke.clone(),
        use_: one.last_use.words(),
    })
}
