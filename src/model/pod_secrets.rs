//! Which Secrets, and which tokens in them, the containers of a pod see.

use std::collections::{BTreeMap, BTreeSet};

use super::{Container, Name, PodSpec, Projection, SecretFiles, Volume, VolumeMount, VolumeSource};

/// The key of a token Secret that is the token (`ServiceAccountTokenKey`); beside it there are
/// `ca.crt` and `namespace`.
const TOKEN: &str = "token";

impl PodSpec {
    /// Names of the Secrets of whose values its containers see any. Those for pulling images are not
    /// among them: only the kubelet sees these.
    pub fn secrets_seen(&self) -> BTreeSet<Name> {
        in_containers(self, Containers::All, true)
    }

    /// The same, of those whose key `token` they see: whatever else is in a Secret of a token is none.
    pub fn tokens_seen(&self, of: Containers) -> BTreeSet<Name> {
        in_containers(self, of, false)
    }

    /// Names of all Secrets that it refers to, whether a container sees them or not: its node may read
    /// them (`plugin/pkg/auth/authorizer/node`), and so may a container that is added to it.
    pub fn secrets_named(&self) -> BTreeSet<Name> {
        let volumes = self.volumes.iter().flat_map(of_volume).map(|of| of.name.clone());
        let mut found = in_containers(self, Containers::All, true);
        found.extend(volumes.filter(|name| !name.is_empty()));
        found
    }
}

/// A Secret that a pod refers to, and what of a token in it there would be in its containers, whatever
/// there is in it now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretSight {
    /// Whether the pod runs where it is not there.
    pub optional: bool,
    /// Whether a container that runs sees it as it is then: by a volume, which the kubelet brings up to
    /// date. What is mounted of it alone (`subPath`), and variables, stay as they were at the start.
    pub live: bool,
    /// Whether a container does that starts anew with another image.
    pub started: bool,
}

impl PodSpec {
    /// The Secrets that it refers to, each with what there would be of a token in it.
    pub fn secret_sights(&self) -> BTreeMap<Name, SecretSight> {
        let mut found: BTreeMap<Name, SecretSight> = BTreeMap::new();
        let mut see = |name: &Name, optional: bool, live: bool, started: bool| {
            if name.is_empty() {
                return;
            }
            let first = SecretSight { optional: true, ..SecretSight::default() };
            let have = found.entry(name.clone()).or_insert(first);
            have.optional &= optional;
            have.live |= live;
            have.started |= started;
        };
        for (volume, of) in self
            .volumes
            .iter()
            .flat_map(|of| of_volume(of).into_iter().map(move |secret| (of, secret)))
        {
            let sees = |which: Containers, takes: fn(&VolumeMount) -> bool| {
                let mut mounts = which.of(self).flat_map(|container| container.mounts_of(volume));
                mounts.any(|mount| takes(mount) && of.files_of(TOKEN).any(|file| mount.has(file)))
            };
            let is_whole =
                |mount: &VolumeMount| mount.sub_path.is_empty() && mount.sub_path_expr.is_empty();
            let live = sees(Containers::Running, is_whole);
            see(&of.name, of.optional, live, sees(Containers::Changeable, |_| true));
        }
        for (which, started) in [(Containers::All, false), (Containers::Changeable, true)] {
            for container in which.of(self) {
                let values = container.env.iter().filter_map(|env| env.value_from.as_ref());
                for of in values.filter_map(|from| from.secret_key_ref.as_ref()) {
                    see(&of.name, of.optional, false, started && &*of.key == TOKEN);
                }
                for of in container.env_from.iter().filter_map(|from| from.secret_ref.as_ref()) {
                    see(&of.name, of.optional, false, started);
                }
            }
        }
        found
    }
}

impl Container {
    /// Where it has a volume.
    pub fn mounts_of<'c>(&'c self, volume: &'c Volume) -> impl Iterator<Item = &'c VolumeMount> {
        self.volume_mounts.iter().filter(|of| of.name == volume.name)
    }
}

/// Which containers of a pod are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Containers {
    /// Every one.
    All,
    /// Those that run once the pod does.
    Running,
    /// Those of them whose image can be changed, and that start anew then.
    Changeable,
}

impl Containers {
    /// Those of a pod.
    pub fn of(self, spec: &PodSpec) -> Box<dyn Iterator<Item = &Container> + '_> {
        match self {
            Self::All => Box::new(spec.all_containers()),
            Self::Running => {
                let added = spec.ephemeral_containers.iter().filter(|one| !one.ended);
                Box::new(spec.lasting_containers().chain(added))
            }
            Self::Changeable => Box::new(spec.lasting_containers()),
        }
    }
}

/// The Secrets of which containers see the token, or, where it may be `any`, some key, by a volume
/// or a variable.
fn in_containers(spec: &PodSpec, which: Containers, any: bool) -> BTreeSet<Name> {
    let mut found = BTreeSet::new();
    for container in which.of(spec) {
        for volume in &spec.volumes {
            for of in of_volume(volume) {
                let seen = container
                    .mounts_of(volume)
                    .any(|mount| any || of.files_of(TOKEN).any(|file| mount.has(file)));
                if seen {
                    found.insert(of.name.clone());
                }
            }
        }
        let values = container.env.iter().filter_map(|env| env.value_from.as_ref());
        let single = values.filter_map(|from| from.secret_key_ref.as_ref());
        found.extend(single.filter(|of| any || &*of.key == TOKEN).map(|of| of.name.clone()));
        let all = container.env_from.iter().filter_map(|from| from.secret_ref.as_ref());
        found.extend(all.map(|named| named.name.clone()));
    }
    found.remove(&Name::from(""));
    found
}

/// The Secrets of a volume.
fn of_volume(volume: &Volume) -> Vec<&SecretFiles> {
    let sources = match &volume.source {
        Some(VolumeSource::Secret(of)) => return vec![of],
        Some(VolumeSource::Projected(sources)) => sources.as_slice(),
        _ => &[],
    };
    let mut found = Vec::new();
    for source in sources {
        if let Projection::Secret(of) = source {
            found.push(of);
        }
    }
    found
}
