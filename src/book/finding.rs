//! Something wrong, and what would mend it.

use super::{GrantKey, Severity};
use crate::model::{Identity, Name};

/// Something wrong, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's stable id: `dangling-role`, `idle`, `cluster-admin`, …
    pub rule: &'static str,
    /// The chip on screens: one or two words.
    pub chip: &'static str,
    /// How bad.
    pub severity: Severity,
    /// Who it is about.
    pub identity: Identity,
    /// The grant it is about, where it is about one.
    pub grant: Option<GrantKey>,
    /// One sentence with figures.
    pub evidence: String,
    /// Whether it rests on what a log does not show (coverage bounds it).
    pub rests_on_coverage: bool,
    /// What would mend it.
    pub fix: Fix,
}

/// The change that would mend a finding, never more than the finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What would be planned; None where nothing that keybook writes mends it.
    pub write: Option<Mend>,
    /// What is to be done, without a full stop.
    pub how: String,
}

/// A change to the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// One subject is taken out of one binding.
    Revoke(GrantKey),
    /// The same of several grants of somebody, of which none alone would do.
    RevokeEach(Vec<GrantKey>),
    /// Somebody is taken out of every binding that names it.
    RevokeAll(Identity),
    /// The token in a Secret is refused.
    Quarantine {
        /// The Secret's namespace.
        namespace: Name,
        /// Its name.
        name: Name,
    },
    /// What somebody is granted is cut down to what the log shows in use.
    Narrow(Identity),
    /// Those behind an account get an identity each.
    Split {
        /// The account.
        identity: Identity,
        /// Who leaves it, with what to call them and by what each is known; none: all of them.
        off: Vec<(Name, Name)>,
        /// The namespace of accounts that are made, where one offers itself.
        into: Option<Name>,
    },
}

impl Fix {
    /// One by a change.
    pub fn write(write: Mend, how: impl Into<String>) -> Self {
        Self { write: Some(write), how: how.into() }
    }

    /// One that lies outside of what keybook writes.
    pub fn elsewhere(how: impl Into<String>) -> Self {
        Self { write: None, how: how.into() }
    }

    /// Its kind, as JSON has it.
    pub fn kind(&self) -> &'static str {
        match &self.write {
            Some(Mend::Revoke(_)) => "revokeGrant",
            Some(Mend::RevokeEach(_)) => "revokeGrants",
            Some(Mend::RevokeAll(_)) => "revokeIdentity",
            Some(Mend::Quarantine { .. }) => "quarantine",
            Some(Mend::Narrow(_)) => "narrow",
            Some(Mend::Split { .. }) => "split",
            None => "elsewhere",
        }
    }
}
