//! Whether an account's token is in a pod.

use std::collections::BTreeSet;

use super::secrets::{self, is_mounted};
use crate::model::{Name, PodSpec, Projection, ServiceAccount, VolumeSource};

/// Whether an account's token is in what runs as it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenMount {
    /// It is not.
    No,
    /// Its account is not known, which decides it.
    NotKnown,
    /// One for another audience than the API server's usual one is.
    OtherAudience,
    /// It is, for the API server.
    Yes,
}

impl TokenMount {
    /// The words on screens and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::NotKnown => "not known",
            Self::OtherAudience => "other audience",
            Self::Yes => "yes",
        }
    }
}

/// What of the account's tokens a spec itself brings into its containers: by projection, or as a
/// Secret that holds one (`token_secrets`).
pub(super) fn brought(spec: &PodSpec, token_secrets: &[&Name]) -> TokenMount {
    let seen = secrets::seen_by(spec);
    if token_secrets.iter().any(|name| seen.contains(*name)) {
        return TokenMount::Yes;
    }
    let mounted = spec.volumes.iter().filter(|volume| is_mounted(spec, volume));
    let tokens = mounted.map(|volume| match &volume.source {
        Some(VolumeSource::Projected(sources)) => {
            sources.iter().map(projected).max().unwrap_or(TokenMount::No)
        }
        _ => TokenMount::No,
    });
    tokens.max().unwrap_or(TokenMount::No)
}

/// The tokens that a pod's containers see: whether one of its own account for the API server's usual
/// audience, by projection; and the Secrets whose values they see, which may hold further ones.
pub fn tokens_in(spec: &PodSpec) -> (bool, BTreeSet<Name>) {
    (brought(spec, &[]) == TokenMount::Yes, secrets::seen_by(spec))
}

fn projected(of: &Projection) -> TokenMount {
    match of {
        Projection::Token(None) => TokenMount::Yes,
        Projection::Token(Some(_)) => TokenMount::OtherAudience,
        Projection::Secret(_) | Projection::Other => TokenMount::No,
    }
}

/// Whether admission would mount the token into a pod made from a spec: the pod's word, then the
/// account's, then yes (`plugin/pkg/admission/serviceaccount/admission.go`, `shouldAutomount`).
pub(super) fn admitted(
    spec: &PodSpec,
    account: Option<&ServiceAccount>,
    whole: bool,
) -> TokenMount {
    let automount = spec
        .automount_service_account_token
        .or_else(|| account.and_then(|account| account.automount));
    match automount {
        Some(false) => TokenMount::No,
        None if account.is_none() && !whole => TokenMount::NotKnown,
        Some(true) | None => TokenMount::Yes,
    }
}
