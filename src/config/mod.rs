//! Settings and where each of them came from.
//!
//! Strongest first: a flag, a `KEYBOOK_*` variable, the policy file, the user's configuration, the
//! default. The policy file holds what decides verdicts and is meant to be shared; the user's
//! configuration holds that too, and how keybook looks and which clusters are called what.

mod file;
mod groups;
mod origin;
mod paths;
mod resolve;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;

pub use file::ClusterSettings;
pub use groups::{GroupsError, parse_groups};
pub use origin::{Origin, Setting};
pub use paths::Paths;
pub use resolve::{Flags, resolve};

use crate::model::{Again, AuditPolicy, Exemption, Name, Outside, PodSecurity, Policy};

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// The word for it in flags and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }

    /// The inverse of [`Color::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Auto, Self::Always, Self::Never].into_iter().find(|color| color.as_str() == name)
    }
}

/// Something in a file that is not understood and was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file.
    pub path: PathBuf,
    /// Line, counted from 1.
    pub line: usize,
    /// What is there.
    pub message: String,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.message)
    }
}

/// Why settings could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that was named, or that is there, cannot be read.
    #[error("reading the {what} {}: {cause}", .path.display())]
    Unreadable {
        /// `policy file`, `configuration` or `audit policy`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        cause: std::io::Error,
    },
    /// A file holds a value of the wrong kind, or is no TOML.
    #[error("{}:{line}: {message}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// What is wrong, and what belongs there.
        message: String,
    },
    /// A file is no audit policy.
    #[error("{}: no audit policy (audit.k8s.io/v1): {message}", .path.display())]
    AuditPolicy {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A variable holds a value of the wrong kind.
    #[error("{name}={value:?}: {expected} belongs there")]
    Variable {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What belongs there.
        expected: &'static str,
    },
}

/// All settings, each with its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// After how many days without a request an identity is idle.
    pub idle_days: Setting<u32>,
    /// Refused requests are a finding from so many on.
    pub denied_requests: Setting<u32>,
    /// …where they came on at least so many days.
    pub denied_days: Setting<u32>,
    /// Requests are a flood from so many in one minute on.
    pub flood_minute: Setting<u32>,
    /// …or from so many in one hour on.
    pub flood_hour: Setting<u32>,
    /// Machines on a person's account are a finding from so many requests on.
    pub machine_requests: Setting<u32>,
    /// …where they are at it on at least so many days.
    pub machine_days: Setting<u32>,
    /// …for at least so many hours between the first and the last request of a day.
    pub machine_hours: Setting<u32>,
    /// Credentials that are good for longer, or have no end and are older, are worse than others.
    pub credential_days: Setting<u32>,
    /// Findings that somebody answers for, sorted.
    pub exemptions: Vec<Setting<Exemption>>,
    /// Who is said to have left, with the last day (UTC).
    pub left: BTreeMap<Name, Setting<NaiveDate>>,
    /// Groups given for users by hand.
    pub groups: BTreeMap<Name, Setting<Vec<Name>>>,
    /// What to call groups whose names are ids.
    pub group_names: BTreeMap<Name, Setting<Name>>,
    /// What the API servers' own configuration says of Pod Security.
    pub pod_security: Setting<PodSecurity>,
    /// Days that the log must cover for an answer to count as whole.
    pub require_coverage: Setting<Option<u32>>,
    /// The policy file.
    pub policy_file: Setting<Option<PathBuf>>,
    /// Name of the theme.
    pub theme: Setting<Option<String>>,
    /// When output is coloured.
    pub color: Setting<Color>,
    /// Whether nothing may be changed.
    pub readonly: Setting<bool>,
    /// Short names and namespaces of clusters, by the name of their context.
    pub clusters: BTreeMap<String, ClusterSettings>,
    /// Where keybook keeps what.
    pub paths: Paths,
    /// The file of the API servers' audit policy.
    pub audit_policy: Setting<Option<PathBuf>>,
    /// What is in it.
    pub audit: Option<Arc<AuditPolicy>>,
    /// What was passed over.
    pub warnings: Vec<Warning>,
    /// What files tell of credentials that no list of a cluster shows.
    pub outside: Arc<Outside>,
}

impl Settings {
    /// What decides verdicts about the cluster of a context, as a value.
    pub fn policy(&self, context: Option<&str>) -> Policy {
        let cluster = context.and_then(|context| self.clusters.get(context));
        let pod_security = cluster.and_then(|cluster| cluster.pod_security.as_ref());
        Policy {
            idle_days: self.idle_days.value,
            denied_requests: self.denied_requests.value,
            denied_days: self.denied_days.value,
            flood_minute: self.flood_minute.value,
            flood_hour: self.flood_hour.value,
            machine_requests: self.machine_requests.value,
            machine_days: self.machine_days.value,
            machine_hours: self.machine_hours.value,
            credential_days: self.credential_days.value,
            exemptions: self.exemptions.iter().map(|one| one.value.clone()).collect(),
            left: self.left.iter().map(|(who, day)| (who.clone(), day.value)).collect(),
            groups: self
                .groups
                .iter()
                .map(|(user, groups)| (user.clone(), groups.value.clone()))
                .collect(),
            group_names: self
                .group_names
                .iter()
                .map(|(id, name)| (id.clone(), name.value.clone()))
                .collect(),
            pod_security: pod_security.unwrap_or(&self.pod_security.value).clone(),
            outside: self.outside.clone(),
            again: Again::default(),
            audit: self.audit.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
