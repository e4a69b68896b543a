//! What the API servers' own configuration says of Pod Security, which no list of a cluster shows.

use serde::{Deserialize, Serialize};

use super::Name;

/// A level of the Pod Security Standards: how strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PodSecurityLevel {
    /// Anything goes.
    Privileged,
    /// No known way to more privileges.
    Baseline,
    /// Hardened.
    Restricted,
}

impl PodSecurityLevel {
    /// The word of Kubernetes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }

    /// The inverse of [`PodSecurityLevel::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Privileged, Self::Baseline, Self::Restricted];
        all.into_iter().find(|level| level.as_str() == name)
    }
}

/// What the configuration of the admission plugin `PodSecurity` says
/// (`pod-security-admission/admission/api/types.go`, `PodSecurityConfiguration`), as far as somebody told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PodSecurity {
    /// The level of namespaces that say none (`defaults.enforce`); None where nobody told: then it is
    /// taken to be none, as it is where an API server is not configured.
    pub default: Option<PodSecurityLevel>,
    /// Namespaces whose pods are held to no level, whatever their labels say
    /// (`exemptions.namespaces`), sorted.
    pub exempt: Vec<Name>,
}

impl PodSecurity {
    /// Whether nobody told anything.
    pub fn is_unsaid(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a namespace's pods are held to no level.
    pub fn exempts(&self, namespace: &str) -> bool {
        self.exempt.iter().any(|name| **name == *namespace)
    }
}
