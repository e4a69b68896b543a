//! The entries of `aws-auth`, each with its place: what a change takes out of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Entry, is_skipped};
use crate::credentials::Inventory;
use crate::credentials::template;
use crate::model::{Identity, Name};
use crate::yaml::{For, Node};

/// The groups of nodes, and of those who join (`aws-auth` of node roles, EKS User Guide).
const NODE_GROUPS: [&str; 2] = ["system:nodes", "system:bootstrappers"];

/// What a node's user name is made of.
const NODE_NAME: &str = "{{EC2PrivateDNSName}}";

/// A list of `aws-auth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MapField {
    /// `mapRoles`.
    MapRoles,
    /// `mapUsers`.
    MapUsers,
    /// `mapAccounts`.
    MapAccounts,
}

impl MapField {
    /// All of them, those first that count first.
    pub const ALL: [Self; 3] = [Self::MapRoles, Self::MapUsers, Self::MapAccounts];

    /// The key of the `ConfigMap`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MapRoles => "mapRoles",
            Self::MapUsers => "mapUsers",
            Self::MapAccounts => "mapAccounts",
        }
    }
}

impl FromStr for MapField {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|field| field.as_str() == text).ok_or(())
    }
}

impl fmt::Display for MapField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An entry that the authenticator takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// In which list.
    pub(crate) field: MapField,
    /// At which place of it, from 0.
    pub(crate) at: usize,
    /// For whom of the cloud it is, as the inventory calls it.
    pub(crate) principal: Name,
    /// Whom it makes of them.
    pub(crate) identity: Identity,
    /// Its groups.
    pub(crate) groups: Vec<Name>,
}

impl Mapping {
    /// As the inventory calls it.
    pub(crate) fn id(&self) -> Name {
        format!("aws-auth {} {}", self.field, self.principal).into()
    }

    /// Two of the same are one: the authenticator minds no case.
    pub(crate) fn key(&self) -> String {
        self.principal.to_lowercase()
    }

    /// Whether its user name is made anew for each session.
    pub(crate) fn is_template(&self) -> bool {
        template::is_template(&self.identity.name)
    }

    /// Whether it makes users of this name, among others.
    pub(crate) fn makes(&self, name: &str) -> bool {
        self.is_template() && template::could_make(&self.identity.name, name)
    }

    /// Whether nodes come in by it.
    pub(crate) fn is_of_nodes(&self) -> bool {
        self.identity.name.contains(NODE_NAME)
            || self.groups.iter().any(|group| NODE_GROUPS.contains(&&**group))
    }
}

/// The entries that the authenticator takes, in the order in which they stand. Lists that are no YAML
/// have none.
pub(crate) fn mappings(data: &BTreeMap<Name, Name>) -> Vec<Mapping> {
    let mut all = Vec::new();
    // What is wrong with the others, the inventory says.
    let mut passed_over = Inventory::default();
    for field in MapField::ALL {
        let text = data.get(field.as_str()).filter(|text| !is_skipped(text));
        let Some(Ok((Node::List(list), _))) = text.map(|text| Node::read(text, eyes(field))) else {
            continue;
        };
        for (at, one) in list.iter().enumerate() {
            if field == MapField::MapAccounts {
                let (Node::Text(account) | Node::Number(account)) = one else { continue };
                all.push(Mapping {
                    field,
                    at,
                    principal: account.as_str().into(),
                    identity: Identity::user(format!("arn:aws:iam::{account}:*")),
                    groups: Vec::new(),
                });
                continue;
            }
            let Some(entry) = Entry::read(field.as_str(), at, one, &mut passed_over) else {
                continue;
            };
            all.push(Mapping {
                field,
                at,
                principal: entry.principal.to_string().into(),
                identity: Identity::from_user_name(&entry.username),
                groups: entry.groups,
            });
        }
    }
    all
}

/// How the authenticator reads a list.
fn eyes(field: MapField) -> For {
    if field == MapField::MapAccounts { For::Typed } else { For::Json }
}

/// Of which lists nothing can be told, since they are no YAML, or no list.
pub(crate) fn unreadable(data: &BTreeMap<Name, Name>) -> Vec<MapField> {
    let broken = |field: &MapField| {
        let text = data.get(field.as_str()).filter(|text| !is_skipped(text));
        // What readers of YAML are at odds over EKS may read otherwise.
        let tells = |text: &Name| {
            matches!(Node::read(text, eyes(*field)), Ok((Node::List(_) | Node::Null, false)))
        };
        text.is_some_and(|text| !tells(text))
    };
    MapField::ALL.into_iter().filter(broken).collect()
}

/// The one entry that counts for each principal: of one list the last one, of `mapRoles` before
/// `mapUsers`.
pub(crate) fn counting(all: &[Mapping]) -> BTreeMap<String, &Mapping> {
    let mut counts: BTreeMap<String, &Mapping> = BTreeMap::new();
    let mut of_roles = BTreeSet::new();
    for one in all.iter().filter(|one| one.field != MapField::MapAccounts) {
        if one.field == MapField::MapRoles {
            of_roles.insert(one.key());
        } else if of_roles.contains(&one.key()) {
            continue;
        }
        counts.insert(one.key(), one);
    }
    counts
}
