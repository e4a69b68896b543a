//! Into pods that run: `pods/exec`, `pods/ephemeralcontainers` and `pods/attach`.
//!
//! A POST is authorised as `create`. A websocket is a GET: until 1.35 `get` alone was enough, since
//! then `create` is asked for besides (`pkg/registry/core/pod/rest/subresources.go`,
//! `AuthorizePodWebsocketUpgradeCreatePermission`), so that `create` is what decides.
//!
//! Within somebody's rules the request itself is what is asked of who impersonates: by a websocket
//! `impersonate-on:MODE:get`, and the `create` behind it only of the one who is impersonated.

use crate::reach::ask::{On, Verb, both, is_empty};
use crate::reach::moves::{Hub, Out, Part, Sees, To};
use crate::reach::rights::{Right, Rights, Write, changes};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::steps::{automount, pods, seen};
use crate::reach::world::{Door, Where, World, of};

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

pub(crate) const BY_GET: About = About {
    id: "exec-by-get",
    does: "runs a command, by a websocket, in a pod that holds the token of",
    seen: EXEC.seen,
    modelled: Some(
        "only where the API server is older than 1.35, which is not known here: then `get` is enough",
    ),
};

pub(crate) const NEXT: About = About {
    id: "next-pod",
    does: "waits for the next pod of a CronJob, and runs a command in it or adds a container, with the token of",
    seen: Seen {
        how: Shown::Partly,
        what: "the connection, or the container, not what is done then",
    },
    modelled: Some(
        "only once the CronJob makes one (not while it is suspended), and as long as that runs",
    ),
};

pub(crate) const EPHEMERAL: About = About {
    id: "add-container",
    does: "adds a container to a pod that holds the token of",
    seen: Seen { how: Shown::Yes, what: "update or patch of pods/ephemeralcontainers" },
    modelled: None,
};

pub(crate) const SECRET: About = About {
    id: "add-container-secret",
    does: "adds a container that sees a Secret to a pod, and so has the token of",
    seen: Seen {
        how: Shown::Yes,
        what: "update or patch of pods/ephemeralcontainers, and the node's reading of the Secret \
               where reads are logged",
    },
    modelled: None,
};

pub(crate) const ATTACH: About = About {
    id: "attach",
    does: "types into a container of a pod that holds the token of",
    seen: Seen { how: Shown::Partly, what: "the connection, not what is typed" },
    modelled: Some("only where the container's own process takes input, such as a shell"),
};

pub(in crate::reach) fn find(rights: &Rights, world: &World, out: &mut Out) {
    for way in connects(rights, world, On::Exec) {
        pods(&way, world, Door::Command, Step::Exec, out);
        seen(&way, world, Sees::Running, out);
        automount::enter(&way, world, Door::Command, out);
    }
    // What such pods will be called nobody knows.
    let any = connects(rights, world, On::Exec).into_iter().chain(changes(rights, On::Ephemeral));
    for way in any.filter(|way| way.names.is_none()) {
        out.edge(To::Hub(Hub::Next(way.at.inside())), Step::NextPod, &way.used);
    }
    for way in perhaps(rights, world, On::Exec) {
        pods(&way, world, Door::Command, Step::ExecByGet, out);
    }
    for way in changes(rights, On::Ephemeral) {
        pods(&way, world, Door::Container, Step::AddContainer, out);
        automount::enter(&way, world, Door::Container, out);
        way.used.iter().for_each(|right| secrets(right, world, out));
    }
}

/// A container that is added sees every Secret of the namespace: its variables name them, and the
/// kubelet, which may read what pods on its node name, reads them.
fn secrets(right: &Right, world: &World, out: &mut Out) {
    let used = std::slice::from_ref(right);
    let read = |at| Part::ReadSecret { at, names: None, by: Sees::Added, used: used.to_vec() };
    let Some(names) = &right.names else {
        let at = right.at.inside();
        out.part(read(at));
        return out.edge(To::Hub(Hub::PodSecrets(at)), Step::AddedSecret, used);
    };
    for ns in world.within(right.at) {
        let pods = of(&world.addable, ns);
        if names.iter().any(|name| pods.binary_search(name).is_ok()) {
            let at = Where::In(ns);
            out.part(read(at));
            out.edge(To::Hub(Hub::Tokens(at)), Step::AddedSecret, used);
        }
    }
}

pub(in crate::reach) fn find_attach(rights: &Rights, world: &World, out: &mut Out) {
    let all = connects(rights, world, On::Attach).into_iter();
    for way in all.chain(perhaps(rights, world, On::Attach)) {
        pods(&way, world, Door::Command, Step::Attach, out);
    }
}

/// The same where the version of the API server is not known, and decides whether it is enough.
pub(in crate::reach) fn perhaps(rights: &Rights, world: &World, on: On) -> Vec<Write> {
    let gets = rights.of(on, Verb::Get).iter().filter(|_| world.minor.is_none());
    gets.map(|right| Write { at: right.at, names: right.names.clone(), used: vec![right.clone()] })
        .collect()
}

/// How somebody connects to a pod's subresource.
pub(in crate::reach) fn connects(rights: &Rights, world: &World, on: On) -> Vec<Write> {
    let by_get = world.minor.is_some_and(|minor| minor < ASKS_TWICE);
    let gets = rights.of(on, Verb::Get);
    let alone = rights.of(on, Verb::Create).iter().chain(gets.iter().filter(|_| by_get));
    let mut found: Vec<Write> = alone
        .map(|right| Write { at: right.at, names: right.names.clone(), used: vec![right.clone()] })
        .collect();
    for create in rights.of(on, Verb::CreateBehind).iter().filter(|_| !by_get) {
        for get in gets {
            let names = both(&get.names, &create.names);
            if let Some(at) = get.at.meet(create.at).filter(|_| !is_empty(&names)) {
                found.push(Write { at, names, used: vec![get.clone(), create.clone()] });
            }
        }
    }
    found
}
