//! Settings that decide verdicts. A value, passed in and printed with every result.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Name;

/// Groups that somebody gave for users by hand: the source `given`.
pub type GroupMap = BTreeMap<Name, Vec<Name>>;

/// Thresholds and maps. Pure code takes it as a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Policy {
    /// An identity is idle when it was not seen in this many days before the end of coverage.
    pub idle_days: u32,
    /// Groups given for users: `--groups USER=G,G` or a map file.
    pub groups: GroupMap,
}

impl Default for Policy {
    fn default() -> Self {
        Self { idle_days: 90, groups: GroupMap::new() }
    }
}
