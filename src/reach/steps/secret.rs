//! Secrets that hold an account's token: reading one that exists, or making one, which the token
//! controller fills, and reading it (`pkg/controller/serviceaccount/tokens_controller.go`).
//!
//! A list or watch of one named Secret is a request for the list with a field selector, which
//! carries the name.
//!
//! Other answers hold the Secret as well: that of a patch, be it one of nothing
//! (`apiserver/pkg/endpoints/handlers/patch.go`); of a delete that waits for something, as one with
//! `propagationPolicy=Foreground` does, be it a dry run
//! (`apiserver/pkg/registry/generic/registry/store.go`, `Delete`); and of one of the collection, the
//! list of what would be gone (`DeleteCollection` there). A PUT is answered with what was sent.

use crate::model::Name;
use crate::reach::ask::{Names, On, Verb, both, has, is_empty};
use crate::reach::moves::{Edge, Hub, Out, Part, Sees, To};
use crate::reach::rights::{Rights, changes, makes};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::world::{Mount, Where, World, of};

pub(crate) const READ: About = About {
    id: "read-token",
    does: "reads from a Secret the token of",
    seen: Seen {
        how: Shown::Partly,
        what: "the reading, where reads are logged; what the token then does only as the account's \
               own requests",
    },
    modelled: None,
};

pub(crate) const MAKE: About = About {
    id: "make-token-secret",
    does: "makes a Secret for a token, and reads it, of",
    seen: Seen {
        how: Shown::Yes,
        what: "create secrets; of the reading only where reads are logged",
    },
    modelled: None,
};

pub(crate) const CHANGE: About = About {
    id: "change-token-secret",
    does: "changes a token Secret to be the one, and reads it, of",
    seen: Seen {
        how: Shown::Partly,
        what: "the change of a Secret, not what it was; of the reading only where reads are logged",
    },
    modelled: None,
};

/// The verbs whose answers hold the Secret, what says that it reads first.
const READS: [Verb; 6] =
    [Verb::Get, Verb::List, Verb::Watch, Verb::Patch, Verb::Delete, Verb::DeleteCollection];

pub(crate) const NODE: About = About {
    id: "node-secret",
    does: "makes or changes a token Secret that a pod refers to, and reads it as that pod's node, of",
    seen: Seen {
        how: Shown::Yes,
        what: "the Secret being made or changed; of the reading only where reads are logged",
    },
    modelled: Some(
        "assumes that the Node authorizer is on, as kubeadm and cloud providers have it",
    ),
};

/// Where it leads to make or change a token Secret and to read it.
pub(in crate::reach) fn written(world: &World, made: &Part, read: &Part) -> Vec<Edge> {
    let (
        Part::MakeSecret { at, names, step, used },
        Part::ReadSecret { at: there, names: wanted, by, used: reads },
    ) = (made, read)
    else {
        return Vec::new();
    };
    let Some(at) = at.meet(*there) else { return Vec::new() };
    let makes = *step == Step::MakeTokenSecret;
    // What is not in the way where it is made: no Secret of that name is there, as far as is known.
    let is_free = |ns: u32, mount: &Mount| {
        mount.sight.optional && of(&world.token_secrets, ns).binary_search(&mount.secret).is_err()
    };
    let mounted = |is_it: &dyn Fn(&Mount) -> bool| -> Vec<Where> {
        let any = |ns: &u32| {
            of(&world.mounts, *ns).iter().any(|mount| {
                has(names, &mount.secret) && is_it(mount) && (!makes || is_free(*ns, mount))
            })
        };
        world.within(at).filter(any).map(Where::In).collect()
    };
    let meant = |mount: &Mount| has(wanted, &mount.pod);
    let on = |nodes: &[u32], mount: &Mount| nodes.contains(&mount.node);
    let places = match by {
        Sees::Answer | Sees::AnswerAnew if is_empty(&both(names, wanted)) => Vec::new(),
        Sees::AnswerAnew => vec![at],
        Sees::Answer => match both(names, wanted) {
            Some(both) if makes => not_taken(world, at, &both),
            _ => vec![at],
        },
        Sees::Added => world.with_pods(at),
        Sees::Running => mounted(&|mount| mount.sight.live && meant(mount)),
        Sees::Image => mounted(&|mount| mount.sight.started && !mount.held && meant(mount)),
        Sees::Kubelets(nodes) => mounted(&|mount| {
            mount.sight.live && nodes.as_ref().is_none_or(|nodes| on(nodes, mount))
        }),
        Sees::Nodes(nodes) => mounted(&|mount| on(nodes, mount) && has(wanted, &mount.secret)),
    };
    let step = if matches!(by, Sees::Nodes(_)) { Step::NodeSecret } else { *step };
    let open = |at: &Where| match at {
        Where::In(ns) => !makes || world.is_open(*ns),
        Where::Cluster | Where::Each => true,
    };
    let used = [used.as_slice(), reads].concat();
    let edge = |at| Edge::new(To::Hub(Hub::Accounts(at)), step, used.clone());
    places.into_iter().filter(open).map(edge).collect()
}

pub(in crate::reach) fn find(rights: &Rights, world: &World, out: &mut Out) {
    for right in READS.into_iter().flat_map(|verb| rights.of(On::Secrets, verb)) {
        let used = std::slice::from_ref(right);
        match &right.names {
            None => out.edge(To::Hub(Hub::Tokens(right.at.inside())), Step::ReadToken, used),
            Some(names) => {
                for ns in world.within(right.at) {
                    for (secret, account) in of(&world.tokens, ns) {
                        if names.binary_search(secret).is_ok() {
                            out.edge(To::Identity(*account), Step::ReadToken, used);
                        }
                    }
                }
            }
        }
        let (at, names) = (right.at.inside(), right.names.clone());
        // Whoever writes one has it go: what is patched names an owner that is not there.
        let by = if matches!(right.verb, Verb::Get | Verb::List | Verb::Watch) {
            Sees::Answer
        } else {
            Sees::AnswerAnew
        };
        out.part(Part::ReadSecret { at, names, by, used: used.to_vec() });
        for other in rights.of(On::Secrets, Verb::Update).iter().filter(|_| right.names.is_some()) {
            let names = both(&right.names, &other.names);
            if let Some(at) = right.at.meet(other.at).filter(|_| !is_empty(&names)) {
                let (at, used) = (at.inside(), vec![right.clone(), other.clone()]);
                out.part(Part::ReadSecret { at, names, by: Sees::AnswerAnew, used });
            }
        }
    }
    // Of one that is there, only the type cannot be changed: without data and with another account's name the
    // controller fills it for that one (`pkg/apis/core/validation/validation.go`,
    // `ValidateSecretUpdate`; `tokens_controller.go`, `generateTokenIfNeeded`).
    for change in changes(rights, On::Secrets) {
        for ns in world.within(change.at) {
            let there = of(&world.token_secrets, ns).iter();
            let names: Vec<_> = there.filter(|name| has(&change.names, name)).cloned().collect();
            if names.is_empty() {
                continue;
            }
            let (at, names) = (Where::In(ns), Some(names.into()));
            let (step, used) = (Step::ChangeTokenSecret, change.used.clone());
            out.part(Part::MakeSecret { at, names, step, used });
        }
    }
    for made in makes(rights, On::Secrets) {
        let step = Step::MakeTokenSecret;
        for (at, names) in writable(world, made.at.inside(), made.names) {
            out.part(Part::MakeSecret { at, names, step, used: made.used.clone() });
        }
    }
}

/// Where one of the names is not taken by a Secret of another type, which stays what it is: as far as that
/// is known, which is by pods that run and need it.
fn not_taken(world: &World, at: Where, names: &[Name]) -> Vec<Where> {
    let is_free = |ns: &u32| {
        names.iter().any(|name| of(&world.other_secrets, *ns).binary_search(name).is_err())
    };
    if world.within(at).all(|ns| is_free(&ns)) {
        return vec![at];
    }
    world.within(at).filter(is_free).map(Where::In).collect()
}

/// Under which of the names a Secret can be made: what is there and `immutable` stays what it is
/// (`pkg/apis/core/validation/validation.go`, `ValidateSecretUpdate`).
fn writable(world: &World, at: Where, names: Names) -> Vec<(Where, Names)> {
    let is_fixed = |ns: u32, name: &Name| of(&world.fixed_secrets, ns).binary_search(name).is_ok();
    let Some(all) = names
        .as_ref()
        .filter(|all| world.within(at).any(|ns| all.iter().any(|name| is_fixed(ns, name))))
    else {
        return vec![(at, names)];
    };
    let left = |ns: u32| -> Names {
        Some(all.iter().filter(|name| !is_fixed(ns, name)).cloned().collect())
    };
    let places = world.within(at).map(|ns| (Where::In(ns), left(ns)));
    places.filter(|(_, names)| !is_empty(names)).collect()
}
