//! Volumes of which the pod does not say where they lead.

use std::collections::BTreeSet;

use crate::model::{Name, PodSpec, Volume};

const CLAIM: &str = "persistentVolumeClaim";
/// Types that lead to a `PersistentVolume`, by a claim that is there or one that is made for the pod.
const CLAIMS: [&str; 2] = [CLAIM, "ephemeral"];
/// Types of which a driver on the node decides.
const DRIVERS: [&str; 2] = ["csi", "flexVolume"];

/// The types of volumes that lead to what is not read, sorted. `claims`: whether a container may
/// mount what its spec has no volume for, by the claims that a `StatefulSet` makes for its pods.
pub(super) fn unread(spec: &PodSpec, claims: bool) -> Vec<Name> {
    let types = spec.volumes.iter().map(Volume::type_name);
    let mut found: BTreeSet<Name> =
        types.filter(|of| CLAIMS.contains(of) || DRIVERS.contains(of)).map(Name::from).collect();
    let mut mounts = spec.all_containers().flat_map(|of| &of.volume_mounts);
    if claims && mounts.any(|mount| !spec.volumes.iter().any(|of| of.name == mount.name)) {
        found.insert(CLAIM.into());
    }
    found.into_iter().collect()
}

/// That they are not read: what they lead to may be a folder of the node.
pub fn unread_words(types: &[Name]) -> Vec<&'static str> {
    let any = |of: &[&str]| types.iter().any(|type_| of.contains(&&**type_));
    let claims = any(&CLAIMS).then_some("its PersistentVolumes are not read");
    let drivers = any(&DRIVERS).then_some("what its volumes' drivers mount is not read");
    claims.into_iter().chain(drivers).collect()
}
