//! Which rules cannot be judged, or not of everybody, for want of what they rest on.

use std::sync::Arc;

use super::Log;
use crate::book::{Book, Entry, LogState};
use crate::model::{Health, ListKind, SubjectKind};

/// Rules that rest on a log, however long it is.
const BY_LOG: [&str; 6] = [
    "acted-after-leaving",
    "denied",
    "floods",
    "machines-on-person",
    "people-on-machine",
    "shared-account",
];

/// Rules of what was not used: they rest on one that is as long as the policy's idle time.
const BY_IDLE_TIME: [&str; 3] = ["idle", "unused-grant", "unused-permissions"];

/// What rests on which list beside roles and bindings, without which nothing is judged. Of lists of what
/// not every cluster has, only what was refused is told.
const BY_LIST: [(ListKind, &[&str]); 9] = [
    (ListKind::ServiceAccounts, &["dangling-account", "not-by-token"]),
    (ListKind::Namespaces, &["dangling-namespace"]),
    (ListKind::TokenSecrets, &["lasting-token", "unused-credential"]),
    (
        ListKind::CertificateSigningRequests,
        &["long-credential", "not-by-token", "unused-credential"],
    ),
    (ListKind::OAuthTokens, &["long-credential"]),
    (ListKind::Pods, &["idle", "reach", "unused-credential"]),
    (ListKind::Workloads, &["idle", "reach"]),
    (ListKind::FlowSchemas, &["floods"]),
    (ListKind::PriorityLevels, &["floods"]),
];

/// Something that is lacking, and what of the rules rests on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotJudged {
    /// The list, or what of an audit log.
    pub lacks: &'static str,
    /// How that stands: `not given`, `forbidden`, `20 of 90 days`.
    pub why: String,
    /// The rules, sorted.
    pub rules: Vec<&'static str>,
}

impl NotJudged {
    /// `without pods (not given): idle, reach, unused-credential`.
    pub fn words(&self) -> String {
        format!("without {} ({}): {}", self.lacks, self.why, self.rules.join(", "))
    }
}

/// What could not be judged of a cluster. What is still on its way is not among it.
pub fn not_judged(book: &Book) -> Vec<NotJudged> {
    let lists = BY_LIST.into_iter().filter_map(|(list, rules)| {
        let health = book.snapshot.list(list).health;
        let lacks = match health {
            Health::Complete | Health::Unverifiable | Health::Loading => false,
            Health::NotGiven => list != ListKind::OAuthTokens,
            Health::Partial | Health::Forbidden | Health::Failed | Health::Outdated => true,
        };
        let why = if health == Health::NotGiven { "not given" } else { health.as_str() };
        lacks.then(|| NotJudged {
            lacks: list.as_str(),
            why: why.to_owned(),
            rules: rules.to_vec(),
        })
    });
    let all = log(book).into_iter().chain(credentials(book)).chain(cut(book)).chain(lists);
    all.chain(version(book)).collect()
}

/// What a permission leads to depends on the API server's version, which files of kubectl do not say.
fn version(book: &Book) -> Option<NotJudged> {
    book.snapshot.cluster.minor().is_none().then(|| NotJudged {
        lacks: "the API server's version",
        why: "not given".to_owned(),
        rules: vec!["reach"],
    })
}

/// Of accounts with more credentials than are kept nobody can say that none was a certificate, nor who had
/// which of them in use.
fn cut(book: &Book) -> Option<NotJudged> {
    let is_cut = |entry: &&Arc<Entry>| {
        let activity = entry.activity.as_ref().filter(|_| book.log.is_whole());
        entry.identity.kind == SubjectKind::ServiceAccount
            && activity.is_some_and(|activity| activity.truncated.contains_key("credentials"))
    };
    let mut all = book.entries().filter(is_cut).map(|entry| &entry.identity);
    let first = all.next()?;
    let more = match all.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(NotJudged {
        lacks: "all credentials in the audit log",
        why: format!("{first}{more} had more than are kept"),
        rules: vec!["not-by-token", "shared-account"],
    })
}

/// A log that names no credential says of none that it was not used.
fn credentials(book: &Book) -> Option<NotJudged> {
    let events = book.coverage().is_some_and(|coverage| coverage.from.is_some());
    (events && book.log.is_whole() && !book.names_credentials()).then(|| NotJudged {
        lacks: "credentials in the audit log",
        why: "no request in it has the id of one".to_owned(),
        rules: vec!["unused-credential"],
    })
}

fn log(book: &Book) -> Option<NotJudged> {
    let lacks = |why: String, rules: Vec<&'static str>| {
        Some(NotJudged { lacks: "an audit log", why, rules })
    };
    let mut all: Vec<&'static str> = BY_LOG.into_iter().chain(BY_IDLE_TIME).collect();
    all.sort_unstable();
    match (&book.log, book.coverage().filter(|coverage| coverage.from.is_some())) {
        (LogState::Reading { .. }, _) => None,
        (LogState::None, _) => lacks("not given".to_owned(), all),
        (LogState::Failed(_), _) => lacks("it could not be read".to_owned(), all),
        (_, None) => lacks("it holds no event".to_owned(), all),
        (_, Some(_)) if Log::of(book).is_some() => None,
        (_, Some(coverage)) => {
            let (days, idle) = (coverage.days(), book.policy.idle_days);
            lacks(format!("it covers {days} days, and idle_days are {idle}"), BY_IDLE_TIME.to_vec())
                .map(|one| NotJudged { lacks: "a log of the whole idle time", ..one })
        }
    }
}
