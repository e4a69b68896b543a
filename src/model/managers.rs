//! `metadata.managedFields`, of which the clients' names are kept, and when each last wrote what an
//! object of RBAC gives.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::de::IgnoredAny;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::object::null_default;
use super::{Meta, Name};

/// A client that wrote an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// As it calls itself.
    pub name: Name,
    /// When it last wrote fields of which these are some, UTC: what it gives did not change later by
    /// it, and may have changed earlier (`apimachinery/pkg/util/managedfields`: an entry's time moves
    /// with any change of the fields that it owns).
    pub gave: Option<(Giving, DateTime<Utc>)>,
}

impl Meta {
    /// When what it gives was last written, UTC: the subjects of a binding, the rules of a role. Before
    /// that it may have given something else; it need not have, since a client's other fields of the
    /// same object count as well. None where that is not told.
    pub fn gave(&self) -> Option<DateTime<Utc>> {
        self.managers.iter().filter_map(|manager| manager.gave).map(|(_, at)| at).max()
    }
}

/// What of an object says who gets what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Giving {
    /// The subjects of a binding; the data of a `ConfigMap`, as `aws-auth` is one.
    Subjects,
    /// The rules of a role, or the selectors by which it gets them.
    Rules,
}

impl Giving {
    fn field(self) -> &'static str {
        match self {
            Self::Subjects => "f:subjects",
            Self::Rules => "f:rules",
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    #[serde(deserialize_with = "null_default")]
    manager: Name,
    time: Option<DateTime<Utc>>,
    #[serde(rename = "fieldsV1", deserialize_with = "null_default")]
    fields: Fields,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    #[serde(rename = "f:subjects")]
    subjects: Option<IgnoredAny>,
    #[serde(rename = "f:data")]
    data: Option<IgnoredAny>,
    #[serde(rename = "f:rules")]
    rules: Option<IgnoredAny>,
    #[serde(rename = "f:aggregationRule")]
    selectors: Option<IgnoredAny>,
}

impl Fields {
    fn giving(&self) -> Option<Giving> {
        let rules = self.rules.is_some() || self.selectors.is_some();
        let subjects = self.subjects.is_some() || self.data.is_some();
        let subjects = subjects.then_some(Giving::Subjects);
        subjects.or(rules.then_some(Giving::Rules))
    }
}

/// Each name once, sorted.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Manager>, D::Error> {
    let entries: Vec<Entry> = null_default(from)?;
    let mut managers: BTreeMap<Name, Option<(Giving, DateTime<Utc>)>> = BTreeMap::new();
    for entry in entries {
        let gave = entry.fields.giving().zip(entry.time);
        let have = managers.entry(entry.manager).or_default();
        *have = (*have).into_iter().chain(gave).max_by_key(|(_, at)| *at);
    }
    Ok(managers.into_iter().map(|(name, gave)| Manager { name, gave }).collect())
}

pub(super) fn serialize<S: Serializer>(managers: &[Manager], into: S) -> Result<S::Ok, S::Error> {
    into.collect_seq(managers)
}

impl Serialize for Manager {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        let mut map = into.serialize_map(None)?;
        map.serialize_entry("manager", &self.name)?;
        if let Some((giving, at)) = self.gave {
            map.serialize_entry("time", &at)?;
            map.serialize_entry(
                "fieldsV1",
                &BTreeMap::from([(giving.field(), BTreeMap::<Name, Name>::new())]),
            )?;
        }
        map.end()
    }
}
