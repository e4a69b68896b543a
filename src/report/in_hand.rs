//! What somebody has in hand that authenticates others, as a part of rows.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::identity::Names;
use super::{Cell, Column, CredentialRow, Table};
use crate::book::{Book, Tier};
use crate::change::plan::what_ends;
use crate::credentials::{self, CertificatesAsked, Hand, InHand};
use crate::model::{Identity, Name};
use crate::reach::Reach;

/// Below the cuts, where somebody has something in hand.
pub const NO_CUT: &str = "what it has in hand stays good: no cut of a grant ends it";

/// A credential of somebody else that an identity, or a member of a group, has or may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InHandPart {
    /// Who has it.
    pub by: Names,
    /// How: `made`, `signed`, `read`, `created` or `listed`.
    pub how: &'static str,
    /// How many are told as one.
    pub count: u64,
    /// The credential, with whom it authenticates.
    pub credential: CredentialRow,
    /// What would end it before its time, with the command where one does.
    pub ends: String,
    /// How strong that is by itself.
    pub tier: &'static str,
    /// How strong it can become; None where that was not looked at.
    pub reaches: Option<&'static str>,
    /// The whole in words.
    pub words: Name,
    #[serde(skip)]
    what: String,
    #[serde(skip)]
    until: String,
}

impl InHandPart {
    /// All of those, the strongest first.
    pub(super) fn all(book: &Book, hand: &Hand) -> Vec<Self> {
        hand.known.iter().map(|one| Self::new(book, one, None)).collect()
    }

    /// The same with what each can become.
    pub(super) fn with_reach(reach: &Reach<'_>, hand: &Hand) -> Vec<Self> {
        let book = reach.book();
        let mut reaches: BTreeMap<Identity, Option<Tier>> = BTreeMap::new();
        let part = |one: &InHand| {
            let whose = &one.credential.identity;
            let tier = reaches
                .entry(whose.clone())
                .or_insert_with(|| book.find(whose).map(|entry| reach.of(entry).tier));
            Self::new(book, one, *tier)
        };
        hand.known.iter().map(part).collect()
    }

    fn new(book: &Book, of: &InHand, reaches: Option<Tier>) -> Self {
        let credential = &of.credential;
        let tier = credentials::strength(book, credential);
        // What a certificate's groups give is not in its user's reach.
        let reaches = reaches.map(|reaches| reaches.max(tier));
        let (what, until, ends) = (of.what(), of.until(), what_ends(credential));
        let to = reaches.filter(|reaches| *reaches > tier);
        let to = to.map_or_else(String::new, |to| format!(" → {}", to.as_str()));
        let words = format!("{what}: {until}; it is {}{to}; what ends it: {ends}", tier.as_str());
        Self {
            by: Names::from(&of.by),
            how: of.how.as_str(),
            count: of.count,
            credential: CredentialRow::new(book, credential),
            ends,
            tier: tier.as_str(),
            reaches: reaches.map(Tier::as_str),
            words: words.into(),
            what,
            until,
        }
    }
}

/// Certificates that an identity, or a member of a group, asked for, and of which it is not known whom they
/// name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AskedPart {
    /// Who asked.
    pub by: Names,
    /// How many.
    pub count: u64,
    /// The last time, UTC.
    pub last: DateTime<Utc>,
    /// The whole in words.
    pub words: String,
    #[serde(skip)]
    what: String,
}

impl AskedPart {
    /// All of those.
    pub(super) fn all(hand: &Hand) -> Vec<Self> {
        let part = |one: &CertificatesAsked| {
            let what = one.what();
            let (by, words) = (Names::from(&one.by), format!("{what}; it is good {}", one.until()));
            Self { by, count: one.count, last: one.last, words, what }
        };
        hand.asked.iter().map(part).collect()
    }
}

/// The table of an identity whole.
pub(super) fn table(all: &[InHandPart], asked: &[AskedPart]) -> Table {
    let mut table = Table::new(vec![
        Column::new("IDENTITY", "identity").of_names(),
        Column::new("ACCESS", "tier"),
        Column::new("IN HAND", "what"),
        Column::new("GOOD", "until"),
        Column::new("REVOKED BY", "ends").wide(),
    ]);
    for one in all {
        table.push(vec![
            Cell::new(one.credential.identity.text()),
            Cell::new(one.tier),
            Cell::new(one.what.clone()),
            Cell::new(one.until.clone()),
            Cell::new(one.ends.clone()),
        ]);
    }
    for one in asked {
        table.push(vec![
            Cell::new(""),
            Cell::new("not known"),
            Cell::new(one.what.clone()),
            Cell::new("not known"),
            Cell::new("taking what its name and groups hold, once they are known"),
        ]);
    }
    table
}
