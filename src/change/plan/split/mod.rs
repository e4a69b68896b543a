//! A shared account taken apart: an identity for each of those who are seen behind it, with what it
//! used of what the account holds.
//!
//! The account itself stays as it is: it is retired once nobody needs it any more.

mod alike;
mod becoming;
mod foreseen;
mod issued;
mod retire;
mod seats;
mod steps;
mod taken;
mod who;

pub use seats::everybody;
pub(super) use seats::{explicitly, words as words_of};
pub(super) use steps::{FROM, Promise};
use who::Part;
pub(super) use who::words as actor_words;
pub(super) use who::{Parts, parts, told_apart};

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Choices;
use crate::model::{Identity, Name};

/// A day, seconds.
const DAY: u64 = 24 * 60 * 60;

/// One actor, as a person names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Named {
    /// What it is to be called.
    pub name: Name,
    /// By what it is known: its place in the list of `keybook show`, one of its credentials or
    /// addresses, whoever had its tokens made, its session, its workload.
    pub is: Name,
}

/// How an account is split.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Splitting {
    /// Who is to get an identity. Several of one name are one; without any, everybody who is seen.
    pub actors: Vec<Named>,
    /// Who becomes whom, by name: users that there are, or accounts that are made.
    pub to: BTreeMap<Name, Identity>,
    /// Users among them who get a certificate, by a key that is made where the plan is applied.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub certificates: BTreeSet<Name>,
    /// Where the accounts of the others are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<Name>,
    /// Who is no person, beside those that the log shows to be none.
    pub machines: BTreeSet<Name>,
    /// Who gets what the log shows of nobody in particular; None for nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unattributed: Option<Name>,
    /// After how many days the account is retired, in stages; None where that is not planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retire_after: Option<u32>,
    /// Whether it is retired though requests belong to nobody who gets an identity: whoever made them
    /// is refused then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retire_unattributed: bool,
    /// How long tokens and certificates are asked for, seconds.
    pub token_seconds: u64,
    /// What the log cannot decide.
    pub choices: Choices,
}

impl Default for Splitting {
    fn default() -> Self {
        Self {
            actors: Vec::new(),
            to: BTreeMap::new(),
            certificates: BTreeSet::new(),
            into: None,
            machines: BTreeSet::new(),
            unattributed: None,
            retire_after: None,
            retire_unattributed: false,
            token_seconds: 30 * DAY,
            choices: Choices {
                younger_than: 0,
                not_in_logs: super::NotInLogs::Drop,
                ..Choices::default()
            },
        }
    }
}
