//! What would mend a finding, as wishes.

use super::{Choices, Intent, Named, Splitting};
use crate::book::{GrantKey, Mend};
use crate::model::Name;

impl Intent {
    /// That somebody is taken out of one binding.
    pub fn of_grant(key: &GrantKey) -> Self {
        Self::Grant {
            binding_kind: key.binding_kind,
            namespace: key.namespace.clone(),
            binding: key.binding.clone(),
            subject: key.subject.clone(),
        }
    }

    /// What would mend a finding: one wish, or several of grants.
    pub fn to_mend(mend: &Mend) -> Vec<Self> {
        let one = match mend {
            Mend::RevokeEach(keys) => return keys.iter().map(Self::of_grant).collect(),
            Mend::Revoke(key) => Self::of_grant(key),
            Mend::RevokeAll(identity) => Self::Identity { identity: identity.clone() },
            Mend::Quarantine { namespace, name } => {
                Self::Quarantine { namespace: namespace.clone(), name: name.clone() }
            }
            Mend::Narrow(identity) => {
                Self::Narrow { identity: identity.clone(), choices: Choices::default() }
            }
            Mend::Split { identity, off, into } => {
                let named =
                    |(name, is): &(Name, Name)| Named { name: name.clone(), is: is.clone() };
                let how = Splitting {
                    actors: off.iter().map(named).collect(),
                    into: into.clone(),
                    ..Splitting::default()
                };
                Self::Split { identity: identity.clone(), how: how.into() }
            }
        };
        vec![one]
    }
}
