//! Whether an account's token is in a pod.

use std::collections::BTreeSet;

use crate::model::{
    Container, Containers, Name, PodSpec, Projection, ServiceAccount, TokenFile, Volume,
    VolumeSource,
};

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
    let seen = spec.tokens_seen(Containers::All);
    if token_secrets.iter().any(|name| seen.contains(*name)) {
        return TokenMount::Yes;
    }
    projected(spec, Containers::All)
}

/// The tokens that containers of a pod see: whether one of its own account for the API server's usual
/// audience, by projection; and the Secrets of which they see the key of a token.
pub fn tokens_in(spec: &PodSpec, of: Containers) -> (bool, BTreeSet<Name>) {
    (projected(spec, of) == TokenMount::Yes, spec.tokens_seen(of))
}

/// The same of those that a pod's spec names, whether a container sees them or not.
pub fn tokens_named(spec: &PodSpec) -> (bool, BTreeSet<Name>) {
    let mut files = spec.volumes.iter().flat_map(token_files);
    (files.any(|file| mount_of(file) == TokenMount::Yes), spec.secrets_named())
}

/// The best of the projected tokens that containers see.
fn projected(spec: &PodSpec, of: Containers) -> TokenMount {
    let seen = |volume| {
        let files = token_files(volume);
        of.of(spec).flat_map(move |container| {
            let files = files.clone();
            container.mounts_of(volume).flat_map(move |mount| {
                files.clone().into_iter().filter(|file| mount.has(&file.path)).map(mount_of)
            })
        })
    };
    spec.volumes.iter().flat_map(seen).max().unwrap_or(TokenMount::No)
}

fn token_files(volume: &Volume) -> Vec<&TokenFile> {
    let mut found = Vec::new();
    if let Some(VolumeSource::Projected(sources)) = &volume.source {
        for source in sources {
            if let Projection::Token(file) = source {
                found.push(file);
            }
        }
    }
    found
}

fn mount_of(file: &TokenFile) -> TokenMount {
    match &file.audience {
        Some(audience) if !is_api_servers(audience) => TokenMount::OtherAudience,
        _ => TokenMount::Yes,
    }
}

/// Whether an audience is the API server's own by one of its usual names: that under which pods reach
/// it, with any cluster domain (kubeadm, EKS), k3s's, GKE's. An API server may have others
/// (`--api-audiences`), which no list shows.
fn is_api_servers(audience: &str) -> bool {
    let name = audience.strip_prefix("https://").unwrap_or(audience);
    let name = name.strip_suffix('/').unwrap_or(name);
    let name = name.strip_suffix(":443").unwrap_or(name);
    let in_cluster = name.strip_prefix("kubernetes.default.svc");
    in_cluster.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        || audience == "k3s"
        || audience.starts_with("https://container.googleapis.com/v1/projects/")
}

/// Where admission mounts the token (`DefaultAPITokenMountPath`).
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Whether each of its containers has something of its own where the token would be: there admission
/// mounts nothing (`plugin/pkg/admission/serviceaccount/admission.go`, `mountServiceAccountToken`).
fn has_no_place(spec: &PodSpec) -> bool {
    let mut containers = spec.all_containers().peekable();
    containers.peek().is_some() && !containers.any(has_place)
}

/// Whether a container has nothing of its own where the token would be.
pub fn has_place(container: &Container) -> bool {
    !container.volume_mounts.iter().any(|of| &*of.mount_path == TOKEN_PATH)
}

/// Whether admission would mount the token into a pod made from a spec: the pod's word, then the
/// account's, then yes (`plugin/pkg/admission/serviceaccount/admission.go`, `shouldAutomount`).
pub fn admitted(spec: &PodSpec, account: Option<&ServiceAccount>, whole: bool) -> TokenMount {
    let automount = spec
        .automount_service_account_token
        .or_else(|| account.and_then(|account| account.automount));
    match automount {
        Some(false) => TokenMount::No,
        _ if has_no_place(spec) => TokenMount::No,
        None if account.is_none() && !whole => TokenMount::NotKnown,
        Some(true) | None => TokenMount::Yes,
    }
}
