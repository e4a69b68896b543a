//! What somebody holds, cut down to what the log shows in use over the time that it covers.
//!
//! Every allowed request stays allowed, nothing is allowed that was not, and what no log can show
//! is kept or named: see [`Choices`].

mod beside;
mod compact;
mod grants;
mod ground;
mod keys;
mod need;
mod rules;
mod share;
mod steps;
mod strong;
mod unseen;
mod words;

pub(super) use grants::{Cut, Cuts, How, Revoked, cuts};
pub(super) use keys::{refers_grant, role_words, words_of};
pub(super) use share::{Share, Shares, shares};
pub(super) use steps::{FOR, creation, part, role_target, subject};

use serde::{Deserialize, Serialize};

/// What a person decides about narrowing. The log cannot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Choices {
    /// Whether get, list and watch stay together where one of them was used.
    pub families: bool,
    /// Up to so many objects of a kind are named one by one; from more on, or with 0, every name
    /// stays allowed.
    pub names: u32,
    /// What is held cluster-wide and was used in so many namespaces or fewer is held there only; with
    /// 0 it stays cluster-wide.
    pub namespaces: u32,
    /// A grant that was younger than so many days when the log ends stays whole.
    pub younger_than: u32,
    /// What becomes of what no log shows.
    pub not_in_logs: NotInLogs,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            families: true,
            names: 0,
            namespaces: 8,
            younger_than: 14,
            not_in_logs: NotInLogs::Keep,
        }
    }
}

/// What becomes of verbs and resources that no log shows in use: bind, escalate, approve, sign, what
/// kubelets are asked for, what the server does not serve.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum NotInLogs {
    /// What a rule names stays; what only its stars allow goes, and is said.
    #[default]
    Keep,
    /// What stars allow stays as well.
    KeepAll,
    /// All of it goes.
    Drop,
}
