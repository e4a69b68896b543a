//! `metadata.managedFields`, of which only the clients' names are kept.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Name;
use super::object::null_default;

#[derive(Deserialize, Serialize)]
#[serde(default)]
#[derive(Default)]
struct Entry {
    #[serde(deserialize_with = "null_default")]
    manager: Name,
}

/// The names, each once, sorted.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Name>, D::Error> {
    let entries: Vec<Entry> = null_default(from)?;
    let mut names: Vec<Name> = entries.into_iter().map(|entry| entry.manager).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

pub(super) fn serialize<S: Serializer>(names: &[Name], into: S) -> Result<S::Ok, S::Error> {
    into.collect_seq(names.iter().map(|name| Entry { manager: name.clone() }))
}
