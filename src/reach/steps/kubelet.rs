//! `nodes/proxy`: the kubelet's own API, which runs commands in every pod of its node. A websocket
//! is a GET, so that `get` is enough; a POST needs `create` (`pkg/kubelet/server/auth.go`). Who
//! talks to the kubelet itself leaves no event at the API server.

use std::sync::Arc;

use crate::reach::ask::{Names, On, Verb};
use crate::reach::moves::{Hub, Out, Part, Sees, To};
use crate::reach::rights::{Right, Rights};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::world::{Where, World};

pub(crate) const ABOUT: About = About {
    id: "kubelet",
    does: "runs a command by way of the kubelet in a pod that holds the token of",
    seen: Seen {
        how: Shown::No,
        what: "talking to the kubelet itself leaves only the kubelet's own SubjectAccessReview",
    },
    modelled: None,
};

/// The same in somebody's name: the kubelet knows no impersonation, the API server passes such a
/// request on under its own (`nodes/proxy` there).
pub(crate) const POSED: Seen = Seen {
    how: Shown::Yes,
    what: "the request by way of the API server, with both names; what runs then is not seen",
};

/// The same under a name that only the API server knows.
pub(crate) const PROXIED: Seen = Seen {
    how: Shown::Yes,
    what: "the request by way of the API server; what runs then is not seen",
};

/// The port of kubelets.
const PORT: &str = "10250";

/// Whether names are of a node: its own, or, by way of the API server, with its kubelet's port and a
/// scheme, which the authorizer is asked about as they are in the path
/// (`pkg/registry/core/node/strategy.go`, `ResourceLocation`).
pub(in crate::reach) fn has_node(names: &Names, node: &str) -> bool {
    let is_it = |name: &str| {
        let parts: Vec<&str> = name.split(':').collect();
        match parts.as_slice() {
            [name] => *name == node,
            [name, port] | ["" | "http" | "https", name, port] => {
                *name == node && ["", PORT].contains(port)
            }
            _ => false,
        }
    };
    names.as_ref().is_none_or(|names| names.iter().any(|name| is_it(name)))
}

/// What containers see of Secrets that somebody makes or changes.
fn read(nodes: Option<Arc<[u32]>>, used: &[Right], world: &World, out: &mut Out) {
    if !world.awaits_secrets(Where::Each) {
        return;
    }
    let by = Sees::Kubelets(nodes);
    out.part(Part::ReadSecret { at: Where::Each, names: None, by, used: used.to_vec() });
}

pub(in crate::reach) fn find(rights: &Rights, world: &World, out: &mut Out) {
    for right in [Verb::Get, Verb::Create].into_iter().flat_map(|verb| rights.of(On::Kubelet, verb))
    {
        let used = std::slice::from_ref(right);
        match &right.names {
            None => {
                out.edge(To::Hub(Hub::Kubelet(None)), Step::Kubelet, used);
                read(None, used, world, out);
            }
            names => {
                let mut nodes: Vec<u32> = Vec::new();
                for (at, node) in (0u32..).zip(&world.nodes) {
                    if has_node(names, node) {
                        out.edge(To::Hub(Hub::Kubelet(Some(at))), Step::Kubelet, used);
                        nodes.push(at);
                    }
                }
                if !nodes.is_empty() {
                    read(Some(nodes.into()), used, world, out);
                }
            }
        }
    }
}
