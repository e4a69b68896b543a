//! Who is seen behind an account, as rows.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::detail::UseRow;
use super::{Cell, Column, Metadata, Table, age, exact};
use crate::actors::{self, Actor, Behind, Holder, Signal};
use crate::book::{Book, Entry, UseSummary};
use crate::model::Name;

/// One who is seen behind an account.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActorRow {
    /// Whom it stands for, as far as that is known: `workload`, `minter`, `session`, `credential` or
    /// `notSaid`.
    pub kind: &'static str,
    /// In words.
    pub holder: String,
    /// The system that its agents name.
    pub system: Option<Name>,
    /// Whether a person may be at it.
    pub attended: bool,
    /// Its credentials, newest first.
    pub credentials: Vec<Name>,
    /// Its user agents, newest first.
    pub user_agents: Vec<Name>,
    /// Its last-hop addresses, newest first.
    #[serde(rename = "sourceIPs")]
    pub source_ips: Vec<Name>,
    /// Requests.
    pub requests: u64,
    /// First, UTC.
    pub first_seen: DateTime<Utc>,
    /// Last, UTC.
    pub last_seen: DateTime<Utc>,
    /// On how many days.
    pub days: usize,
    /// In which hours of the day (UTC), by the first and last request of each kind of a day.
    pub hours: Vec<u32>,
    /// What it did, the latest first.
    pub uses: Vec<UseRow>,
}

impl From<&Actor> for ActorRow {
    fn from(of: &Actor) -> Self {
        let uses = of.uses.iter().map(|call| {
            UseRow::from(&UseSummary {
                call: call.call.clone(),
                allowed: call.allowed,
                denied: call.denied,
                undecided: call.undecided,
                first_seen: call.first,
                last_seen: call.last,
            })
        });
        Self {
            kind: match of.holder {
                Holder::Workload(_) => "workload",
                Holder::MintedBy(_) => "minter",
                Holder::Session(_) => "session",
                Holder::Credential(_) => "credential",
                Holder::NotSaid => "notSaid",
            },
            holder: of.holder.text(),
            system: of.system.clone(),
            attended: of.attended,
            credentials: of.credentials.clone(),
            user_agents: of.agents.clone(),
            source_ips: of.addresses.clone(),
            requests: of.requests,
            first_seen: of.first,
            last_seen: of.last,
            days: of.days,
            hours: (0..24).filter(|hour| of.hours >> hour & 1 == 1).collect(),
            uses: uses.collect(),
        }
    }
}

/// Something that speaks for more than one person.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignalRow {
    /// What it is about.
    pub sign: &'static str,
    /// How much it says.
    pub weight: u32,
    /// With its figures.
    pub evidence: String,
}

impl From<&Signal> for SignalRow {
    fn from(of: &Signal) -> Self {
        Self { sign: of.sign.as_str(), weight: of.weight, evidence: of.evidence.clone() }
    }
}

/// What belongs to nobody.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestRow {
    /// How many requests.
    pub requests: u64,
    /// First, UTC.
    pub first_seen: Option<DateTime<Utc>>,
    /// Last, UTC.
    pub last_seen: Option<DateTime<Utc>>,
}

/// Everybody behind an account.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BehindPart {
    /// Whether the signs are enough to call it shared.
    pub shared: bool,
    /// The sum of their weights.
    pub weight: u32,
    /// From which sum on it is called so.
    pub shared_from: u32,
    /// The signs, the weightiest first.
    pub signals: Vec<SignalRow>,
    /// Who is seen, the busiest first.
    pub actors: Vec<ActorRow>,
    /// What belongs to none of them.
    pub unattributed: RestRow,
    /// Requests in others' names, which are left out.
    pub in_others_names: u64,
}

impl From<&Behind> for BehindPart {
    fn from(of: &Behind) -> Self {
        Self {
            shared: of.is_shared(),
            weight: of.weight,
            shared_from: actors::SHARED,
            signals: of.signals.iter().map(SignalRow::from).collect(),
            actors: of.actors.iter().map(ActorRow::from).collect(),
            unattributed: RestRow {
                requests: of.rest.requests,
                first_seen: of.rest.first,
                last_seen: of.rest.last,
            },
            in_others_names: of.for_others,
        }
    }
}

impl BehindPart {
    /// What the log shows behind an entry.
    pub(super) fn of(book: &Book, entry: &Entry) -> Option<Self> {
        let log = book.activity.as_deref().filter(|_| book.log.is_whole())?;
        actors::of(log, &book.snapshot, &entry.identity).as_ref().map(Self::from)
    }
}

/// The first of a list, and how many more there are.
fn first(of: &[Name]) -> String {
    match of {
        [] => String::new(),
        [one] => one.to_string(),
        [one, rest @ ..] => format!("{one} +{}", rest.len()),
    }
}

/// Who is seen, with what belongs to nobody last.
pub(super) fn table(of: &BehindPart, about: &Metadata) -> Table {
    let mut table = Table::new(vec![
        Column::new("ACTOR", "holder"),
        Column::new("SYSTEM", "system"),
        Column::new("FROM", "sourceIPs"),
        Column::new("WITH", "userAgents"),
        Column::new("REQUESTS", "requests").right(),
        Column::new("DAYS", "days").right(),
        Column::new("HOURS", "hours"),
        Column::new("LAST SEEN", "lastSeen"),
        Column::new("CREDENTIALS", "credentials").wide(),
    ]);
    let ago = |time: DateTime<Utc>| {
        let ago = age(about.as_of.unwrap_or(time) - time);
        Cell::exactly(ago.clone(), exact(time)).or_full(format!("{ago} ({})", exact(time)))
    };
    for actor in &of.actors {
        table.push(vec![
            Cell::new(actor.holder.clone()),
            Cell::new(actor.system.as_deref().unwrap_or_default()),
            Cell::new(first(&actor.source_ips)),
            Cell::new(first(&actor.user_agents)),
            Cell::new(actor.requests.to_string()),
            Cell::new(actor.days.to_string()),
            Cell::new(actors::hours_text(&actor.hours)),
            ago(actor.last_seen),
            Cell::new(actor.credentials.join(", ")),
        ]);
    }
    if of.unattributed.requests > 0 {
        let mut cells = vec![Cell::new("(nobody)")];
        cells.extend([(); 3].map(|()| Cell::default()));
        cells.push(Cell::new(of.unattributed.requests.to_string()));
        cells.extend([(); 2].map(|()| Cell::default()));
        cells.push(of.unattributed.last_seen.map_or_else(Cell::default, ago));
        cells.push(Cell::default());
        table.push(cells);
    }
    table
}

/// What speaks for more than one person.
pub(super) fn signals(of: &BehindPart) -> Table {
    let mut table = Table::new(vec![
        Column::new("WEIGHT", "weight").right(),
        Column::new("SIGN", "sign"),
        Column::new("EVIDENCE", "evidence"),
    ]);
    for signal in &of.signals {
        table.push(vec![
            Cell::new(signal.weight.to_string()),
            Cell::new(signal.sign),
            Cell::new(signal.evidence.clone()),
        ]);
    }
    table
}
