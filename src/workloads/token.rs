//! Whether an account's token is in a pod.

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
    let mut found = TokenMount::No;
    for volume in &spec.volumes {
        let is_mounted = spec
            .all_containers()
            .any(|container| container.volume_mounts.iter().any(|of| of.name == volume.name));
        if !is_mounted {
            continue;
        }
        let brings = match &volume.source {
            Some(VolumeSource::Projected(sources)) => {
                sources.iter().map(projected).max().unwrap_or(TokenMount::No)
            }
            Some(VolumeSource::Secret(name)) if token_secrets.contains(&name) => TokenMount::Yes,
            _ => TokenMount::No,
        };
        found = found.max(brings);
    }
    found
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
