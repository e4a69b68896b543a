//! What a split comes to, said once for a person: who is made, what each gets, what nobody gets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Target;
use crate::model::{Identity, Name};

/// A split, in sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parted {
    /// The account that is split.
    pub account: Identity,
    /// The groups that it is in beside those that the API server puts it in: what these hold is given
    /// too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Name>,
    /// Who gets an identity.
    pub who: Vec<Who>,
    /// What of the account's grants nobody gets, by grant and by reason.
    pub nobody: Vec<Nobody>,
}

/// One who gets an identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Who {
    /// What they are called.
    pub name: Name,
    /// Whom they become.
    pub to: Identity,
    /// Whether they are no person.
    pub machine: bool,
    /// By what they come in.
    pub by: By,
    /// By what they were known behind the account, and nobody else was: whom their tokens are made by,
    /// credentials, addresses. By these they are found again in the log as it goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known_by: Vec<Name>,
    /// A line for each rule that they get.
    pub gets: Vec<String>,
    /// The steps that are theirs, by their objects.
    pub makes: Vec<Target>,
}

/// By what somebody comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum By {
    /// What they have already.
    Own,
    /// A token, for so many seconds as it is asked for.
    Token(u64),
    /// A certificate, likewise.
    Certificate(u64),
    /// What the cluster gives their pods.
    Pods,
}

/// What nobody gets of a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Nobody {
    /// Of which grant: `ClusterRoleBinding admins`.
    pub of: String,
    /// What: verbs and resources.
    pub what: Vec<String>,
    /// Why.
    pub because: String,
}

impl Nobody {
    /// `of ClusterRoleBinding ops, nobody gets get of namespaces; … : no request needed it in 90 days`,
    /// so many things at most.
    pub fn words(&self, most: usize) -> String {
        let more = self.what.len().saturating_sub(most);
        let shown: Vec<&str> = self.what.iter().take(most).map(String::as_str).collect();
        let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
        let because = if self.because.is_empty() { "" } else { ": " };
        format!("of {}, nobody gets {}{rest}{because}{}", self.of, shown.join("; "), self.because)
    }
}

/// Lines of one grant, each with its reason behind a colon, folded by reason in the order of the first.
pub(super) fn folded(of: &str, lines: impl Iterator<Item = String>) -> Vec<Nobody> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut all: Vec<Nobody> = Vec::new();
    for line in lines {
        let (what, because) = line.split_once(": ").unwrap_or((&line, ""));
        let place = *places.entry(because.to_owned()).or_insert_with(|| {
            all.push(Nobody { of: of.to_owned(), what: Vec::new(), because: because.to_owned() });
            all.len() - 1
        });
        if let Some(have) = all.get_mut(place) {
            have.what.push(what.to_owned());
        }
    }
    all
}
