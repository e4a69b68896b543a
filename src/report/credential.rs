//! A credential as a row.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::identity::Names;
use super::owner::{self, OwnerRow};
use super::{Cell, Column, Metadata, Table, Tabular, age, exact};
use crate::book::Book;
use crate::credentials::{Bound, Credential, Expires, LastUse, Made, Standing, words_beyond};
use crate::model::{Identity, Name};

/// When it ends by itself: at a time, never, or not known for a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpiresPart {
    /// Then, UTC.
    pub at: Option<DateTime<Utc>>,
    /// Whether it never does.
    pub never: bool,
    /// Why that is not known.
    pub reason: Option<&'static str>,
}

/// What a token ends with, beside its account and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BoundPart {
    /// Whether that is known. Then without a kind it is nothing.
    pub known: bool,
    /// `Pod`, `Secret` or `Node`.
    pub kind: Option<Name>,
    /// Where it lies; null for a node.
    pub namespace: Option<Name>,
    /// What it is called, where that is known.
    pub name: Option<Name>,
    /// Its UID, where that is known.
    pub uid: Option<Name>,
    /// Why it is not known.
    pub reason: Option<&'static str>,
}

impl From<&Bound> for BoundPart {
    fn from(of: &Bound) -> Self {
        let none =
            Self { known: true, kind: None, namespace: None, name: None, uid: None, reason: None };
        match of.clone() {
            Bound::Nothing => none,
            Bound::NotKnown(reason) => Self { known: false, reason: Some(reason), ..none },
            Bound::Object { kind, namespace, name, uid } => {
                Self { kind: Some(kind), namespace, name, uid, ..none }
            }
        }
    }
}

/// What a credential was used from and with beside what is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MorePart {
    /// Addresses.
    pub addresses: usize,
    /// User agents.
    pub agents: usize,
    /// Requests at most whose address was one too many to keep.
    pub requests_without_address: u64,
    /// The same of user agents.
    pub requests_without_agent: u64,
}

/// When it was last presented.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LastUsePart {
    /// `log`, `label` or `tracking`; None where it is not known.
    pub source: Option<&'static str>,
    /// Then, UTC; of a label, midnight of the day.
    pub at: Option<DateTime<Utc>>,
    /// By the log: the first time, UTC.
    pub first: Option<DateTime<Utc>>,
    /// By the log: how many requests.
    pub requests: Option<u64>,
    /// By the log: last-hop addresses, newest first, at most five.
    pub addresses: Vec<Name>,
    /// By the log: user agents, newest first, at most five.
    pub agents: Vec<Name>,
    /// By the log: how many addresses and user agents there are beyond these.
    pub more: Option<MorePart>,
    /// Whether it may have been a refused attempt.
    pub attempt: bool,
    /// By the server's tracking: not used since then, UTC.
    pub not_since: Option<DateTime<Utc>>,
    /// By the log: not in so many days.
    pub not_in_days: Option<i64>,
    /// Why it is not known.
    pub reason: Option<&'static str>,
}

impl From<&LastUse> for LastUsePart {
    fn from(of: &LastUse) -> Self {
        let none = Self::default();
        match of {
            LastUse::Log { at, first, requests, addresses, agents, more } => Self {
                source: Some("log"),
                at: Some(*at),
                first: Some(*first),
                requests: Some(*requests),
                addresses: addresses.clone(),
                agents: agents.clone(),
                more: Some(MorePart {
                    addresses: more.addresses,
                    agents: more.agents,
                    requests_without_address: more.requests_without_address,
                    requests_without_agent: more.requests_without_agent,
                }),
                ..none
            },
            LastUse::Label { attempt, .. } => {
                Self { source: Some("label"), at: of.at(), attempt: *attempt, ..none }
            }
            LastUse::NotSince(since) => {
                Self { source: Some("tracking"), not_since: Some(*since), ..none }
            }
            LastUse::NotInLog(days) => {
                Self { source: Some("log"), not_in_days: Some(*days), ..none }
            }
            LastUse::NotKnown(reason) => Self { reason: Some(*reason), ..none },
        }
    }
}

/// A credential that is known to be out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialRow {
    /// Id of the cluster.
    pub cluster: Name,
    /// Whom it authenticates.
    pub identity: Names,
    /// `token Secret`, `client certificate`, `issued token`, …
    pub kind: &'static str,
    /// What to call it.
    pub id: Name,
    /// Of a token Secret: `automatically` or `by hand`; of a token that somebody had made, `by
    /// request`.
    pub made: Option<&'static str>,
    /// Who had it made, where the log shows it.
    pub made_by: Option<Names>,
    /// In whose name they asked for it, where they impersonated somebody.
    pub made_as: Option<Names>,
    /// When it was made, UTC.
    pub issued: Option<DateTime<Utc>>,
    /// When it ends by itself.
    pub expires: ExpiresPart,
    /// What it ends with; null for what is no token of an account, and for several pods' together.
    pub bound_to: Option<BoundPart>,
    /// Whether the API server takes it, as far as is known: `live`, `not known`, `refused` or
    /// `expired`.
    pub state: &'static str,
    /// Why it does not.
    pub refused: Option<String>,
    /// Why it is not known whether it does.
    pub not_known: Option<&'static str>,
    /// When it was last presented.
    pub last_use: LastUsePart,
    /// Groups that it carries by itself.
    pub groups: Vec<Name>,
    /// Who keeps the Secret that holds it, and what becomes of a change to it.
    pub kept_by: Vec<OwnerRow>,
    /// What would revoke it.
    pub revoke: Name,
    /// What else has to be known before acting on it.
    pub notes: Vec<String>,
    #[serde(skip)]
    bound: String,
    #[serde(skip)]
    how: Option<String>,
    #[serde(skip)]
    who: Identity,
}

impl CredentialRow {
    /// The row of a credential.
    pub fn new(book: &Book, of: &Credential) -> Self {
        let none = ExpiresPart { at: None, never: false, reason: None };
        Self {
            cluster: book.snapshot.cluster.id.clone(),
            identity: Names::from(&of.identity),
            kind: of.kind.as_str(),
            id: of.id.clone(),
            made: of.made.as_ref().map(|made| match made {
                Made::Automatically => "automatically",
                Made::ByHand => "by hand",
                Made::By(_) => "by request",
            }),
            made_by: match &of.made {
                Some(Made::By(maker)) => Some(Names::from(&maker.by)),
                _ => None,
            },
            made_as: match &of.made {
                Some(Made::By(maker)) => maker.as_who.as_ref().map(Names::from),
                _ => None,
            },
            issued: of.issued,
            expires: match of.expires {
                Expires::At(at) => ExpiresPart { at: Some(at), ..none },
                Expires::Never => ExpiresPart { never: true, ..none },
                Expires::NotKnown(reason) => ExpiresPart { reason: Some(reason), ..none },
            },
            bound_to: of.bound.as_ref().map(BoundPart::from),
            state: of.standing.as_str(),
            refused: match &of.standing {
                Standing::Refused(why) => Some(why.clone()),
                Standing::Good | Standing::NotKnown(_) | Standing::Expired => None,
            },
            not_known: match of.standing {
                Standing::NotKnown(why) => Some(why),
                Standing::Good | Standing::Refused(_) | Standing::Expired => None,
            },
            last_use: LastUsePart::from(&of.last_use),
            groups: of.groups.clone(),
            kept_by: owner::rows("secret", &of.owners),
            revoke: of.revoke.clone(),
            notes: of.notes.clone(),
            bound: of.bound.as_ref().map(Bound::to_string).unwrap_or_default(),
            how: match &of.made {
                Some(Made::By(by)) => Some(format!("by {by}")),
                Some(Made::Automatically) => Some("automatically".to_owned()),
                Some(Made::ByHand) => Some("by hand".to_owned()),
                None => None,
            },
            who: of.identity.clone(),
        }
    }

    /// `never`, `in 3d`, `12d ago`, or `not known`.
    fn expires_cell(&self, about: &Metadata) -> Cell {
        match self.expires.at {
            Some(at) => {
                let now = about.as_of.unwrap_or(at);
                let words = if at <= now {
                    format!("{} ago", age(now - at))
                } else {
                    format!("in {}", age(at - now))
                };
                Cell::exactly(words.clone(), exact(at)).or_full(format!("{words} ({})", exact(at)))
            }
            None if self.expires.never => Cell::exactly("never", "never"),
            None => {
                let reason = self.expires.reason.unwrap_or_default();
                Cell::exactly("not known", "").or_full(format!("not known: {reason}"))
            }
        }
    }

    fn addresses_cell(&self) -> Cell {
        let more = self.last_use.more.clone().unwrap_or_default();
        let beyond = words_beyond(more.addresses, more.requests_without_address);
        let told = |between: &str| {
            let words = self.last_use.addresses.join(between) + &beyond.replace(", ", between);
            words.strip_prefix(between).map_or(words.clone(), str::to_owned)
        };
        Cell::exactly(told(", "), told(";"))
    }

    fn last_use_cell(&self, about: &Metadata) -> Cell {
        let used = &self.last_use;
        let ago = |at: DateTime<Utc>| age(about.as_of.unwrap_or(at) - at);
        if let Some(at) = used.at {
            if used.source != Some("label") {
                return Cell::exactly(ago(at), exact(at)).or_full(format!(
                    "{} ({})",
                    ago(at),
                    exact(at)
                ));
            }
            // Only the day is known: no hours are told.
            let day = about.as_of.unwrap_or(at).date_naive() - at.date_naive();
            let ago = if day <= TimeDelta::zero() {
                "today".to_owned()
            } else {
                format!("{}d", day.num_days())
            };
            let what = if used.attempt { ", maybe only tried" } else { "" };
            return Cell::exactly(format!("{ago}{what}"), exact(at))
                .or_full(format!("{ago} (day {}{what})", at.format("%Y-%m-%d")));
        }
        if let Some(since) = used.not_since {
            let day = since.format("%Y-%m-%d");
            return Cell::exactly(format!("not since {day}"), "");
        }
        if let Some(days) = used.not_in_days {
            return Cell::exactly(format!("not in {days}d of log"), "");
        }
        let reason = used.reason.unwrap_or_default();
        Cell::exactly("not known", "").or_full(format!("not known: {reason}"))
    }
}

impl Tabular for CredentialRow {
    const KIND: &'static str = "CredentialList";

    fn columns() -> Vec<Column> {
        vec![
            Column::new("CLUSTER", "cluster"),
            Column::new("IDENTITY", "identity").of_names(),
            Column::new("KIND", "kind"),
            Column::new("CREDENTIAL", "id").of_names(),
            Column::new("STATE", "state"),
            Column::new("MADE", "issued"),
            Column::new("EXPIRES", "expires"),
            Column::new("LAST USED", "lastUse"),
            Column::new("FROM", "addresses").wide(),
            Column::new("BOUND TO", "boundTo").wide().of_names(),
            Column::new("GROUPS", "groups").wide(),
            Column::new("REVOKED BY", "revoke").wide(),
            Column::new("NOTES", "notes").wide(),
        ]
    }

    fn lines(&self, about: &Metadata) -> Vec<Vec<Cell>> {
        let state = match self.refused.as_deref().or(self.not_known) {
            Some(why) => Cell::new(self.state).or_full(format!("{}: {why}", self.state)),
            None => Cell::new(self.state),
        };
        let made = self.issued.map_or_else(Cell::default, |at| {
            let ago = age(about.as_of.unwrap_or(at) - at);
            let how = self.how.as_ref().map_or_else(String::new, |how| format!(" {how}"));
            Cell::exactly(format!("{ago}{how}"), exact(at)).or_full(format!("{}{how}", exact(at)))
        });
        vec![vec![
            Cell::new(&*about.cluster_name(&self.cluster)),
            Cell::new(self.who.to_string()),
            Cell::new(self.kind),
            Cell::new(short(&self.id)).or_full(&*self.id),
            state,
            made,
            self.expires_cell(about),
            self.last_use_cell(about),
            self.addresses_cell(),
            Cell::new(&*self.bound),
            Cell::exactly(about.group_words(&self.groups), self.groups.join(";")),
            Cell::new(&*self.revoke),
            Cell::new(self.notes.join("; ")),
        ]]
    }

    fn name(&self) -> String {
        self.id.to_string()
    }
}

/// The credentials of one identity: what they have in common is left out.
pub(super) fn table(of: &[CredentialRow], about: &Metadata) -> Table {
    const COMMON: usize = 2; // Cluster and identity.
    let mut table = Table::new(CredentialRow::columns().into_iter().skip(COMMON).collect());
    for row in of.iter().flat_map(|row| row.lines(about)) {
        table.push(row.into_iter().skip(COMMON).collect());
    }
    table
}

/// The fingerprint of a certificate is cut for a person; nothing else is that long.
fn short(id: &str) -> String {
    match id.strip_prefix("X509SHA256=").and_then(|hex| hex.get(..16)) {
        Some(hex) => format!("X509SHA256={hex}…"),
        None => id.to_owned(),
    }
}
