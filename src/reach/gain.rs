//! What a step gains, and where that holds.

use std::fmt;

use crate::model::{Identity, Name, RoleKind};

/// Where a right that was gained holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reaches {
    /// Cluster-wide.
    Cluster,
    /// In every namespace.
    EveryNamespace,
    /// In one.
    Namespace(Name),
}

impl fmt::Display for Reaches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("cluster-wide"),
            Self::EveryNamespace => f.write_str("in every namespace"),
            Self::Namespace(ns) => write!(f, "in {ns}"),
        }
    }
}

/// What a step gains.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gain {
    /// An identity, with a credential of its own.
    Identity(Identity),
    /// Requests in its name, with these groups asked for besides.
    Name {
        /// Whose name; None for any name.
        identity: Option<Identity>,
        /// Where, of an account of any name; None: a user.
        accounts: Option<Reaches>,
        /// The groups that are asked for.
        groups: Vec<Name>,
        /// Whether only some requests.
        constrained: bool,
    },
    /// A role; without a name, every one of its kind there.
    Role {
        /// Its kind.
        kind: RoleKind,
        /// Its name.
        name: Option<Name>,
        /// Where it is held then.
        at: Reaches,
    },
    /// Everything there.
    Everything(Reaches),
    /// Any user in any groups but `system:masters`.
    Anyone,
}

impl fmt::Display for Gain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(identity) => identity.fmt(f),
            Self::Name { identity, accounts, groups, .. } => {
                match (identity, accounts) {
                    (Some(identity), _) => identity.fmt(f)?,
                    (None, None) => f.write_str("a user of any name")?,
                    (None, Some(at)) => write!(f, "an account of any name {at}")?,
                }
                if groups.is_empty() { Ok(()) } else { write!(f, " in {}", groups.join(", ")) }
            }
            Self::Role { kind, name: Some(name), at } => write!(f, "{kind} {name} {at}"),
            Self::Role { kind, name: None, at } => write!(f, "every {kind} {at}"),
            Self::Everything(at) => write!(f, "everything {at}"),
            Self::Anyone => f.write_str("any user in any groups but system:masters"),
        }
    }
}
