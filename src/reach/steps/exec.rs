//! Into pods that run: `pods/exec`, `pods/ephemeralcontainers` and `pods/attach`.
//!
//! A POST is authorised as `create`. A websocket is a GET: until 1.35 `get` alone was enough, since
//! then `create` is asked for besides (`pkg/registry/core/pod/rest/subresources.go`,
//! `AuthorizePodWebsocketUpgradeCreatePermission`), so that `create` is what decides.

use crate::reach::ask::{On, Verb};
use crate::reach::moves::Out;
use crate::reach::rights::Rights;
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::steps::pods;
use crate::reach::world::World;

/// The first version that asks for `create` behind a `get`.
const ASKS_TWICE: u32 = 35;

pub(crate) const EXEC: About = About {
    id: "exec",
    does: "runs a command in a pod that holds the token of",
    seen: Seen {
        how: Shown::Partly,
        what: "the connection and its first command, not what is typed then",
    },
    modelled: None,
};

pub(crate) const EPHEMERAL: About = About {
    id: "add-container",
    does: "adds a container to a pod that holds the token of",
    seen: Seen { how: Shown::Yes, what: "update or patch of pods/ephemeralcontainers" },
    modelled: None,
};

pub(crate) const ATTACH: About = About {
    id: "attach",
    does: "types into a container of a pod that holds the token of",
    seen: Seen { how: Shown::Partly, what: "the connection, not what is typed" },
    modelled: Some("only where the container's own process takes input, such as a shell"),
};

pub(in crate::reach) fn find(rights: &Rights, world: &World, out: &mut Out) {
    for right in connects(rights, world, On::Exec) {
        pods(right, world, Step::Exec, out);
    }
    for verb in [Verb::Update, Verb::Patch] {
        for right in rights.of(On::Ephemeral, verb) {
            pods(right, world, Step::AddContainer, out);
        }
    }
}

pub(in crate::reach) fn find_attach(rights: &Rights, world: &World, out: &mut Out) {
    for right in connects(rights, world, On::Attach) {
        pods(right, world, Step::Attach, out);
    }
}

/// The rights by which somebody connects to a pod's subresource.
pub(in crate::reach) fn connects<'r>(
    rights: &'r Rights,
    world: &World,
    on: On,
) -> impl Iterator<Item = &'r crate::reach::rights::Right> {
    let by_get = world.minor.is_some_and(|minor| minor < ASKS_TWICE);
    let gets = if by_get { rights.of(on, Verb::Get) } else { &[] };
    rights.of(on, Verb::Create).iter().chain(gets)
}
