//! `escalate`: a role can be made or changed to allow what its writer does not hold
//! (`pkg/registry/rbac/escalation_check.go`, `RoleEscalationAuthorized`). It is asked with the name
//! that the request carries: a plain create carries none.
//!
//! A role that is changed gives its rights to whoever is bound to it: to the one who acts only where
//! something of it is.
//!
//! Of an aggregated `ClusterRole` the controller puts the rules back
//! (`pkg/controller/clusterroleaggregation`), unless the aggregation rule is taken out of it: with
//! `escalate` nothing stands against that (`pkg/registry/rbac/clusterrole/policybased/storage.go`).
//! It gives its rights away by others besides: whatever `ClusterRole` has the labels that it selects
//! is part of it. A change of labels alone is no less checked than one of rules: who does not hold
//! what the role allows needs `escalate`.

use crate::reach::ask::{Names, On, Verb, both, is_empty};
use crate::reach::moves::{Out, Part};
use crate::reach::rights::{Rights, Write, changes, makes};
use crate::reach::step::{About, Seen, Shown};

pub(crate) const ABOUT: About = About {
    id: "escalate",
    does: "changes a role that it holds to give",
    seen: Seen { how: Shown::Yes, what: "create, update or patch of the role" },
    modelled: None,
};

pub(crate) const AGGREGATED: About = About {
    id: "escalate-aggregated",
    does: "takes the aggregationRule out of a role that it holds, and changes it to give",
    seen: Seen { how: Shown::Yes, what: "update or patch of the role" },
    modelled: None,
};

pub(crate) const AGGREGATE: About = About {
    id: "aggregate",
    does: "writes a ClusterRole that becomes part of a role that it holds, to give",
    seen: Seen {
        how: Shown::Yes,
        what: "create, update or patch of the ClusterRole, and the controller's patch of the role \
               that it becomes part of",
    },
    modelled: None,
};

pub(crate) const BOUND: About = About {
    id: "bind-and-escalate",
    does: "binds to itself, while it allows nothing, a role that it then changes to give",
    seen: Seen { how: Shown::Yes, what: "create, update or patch of the role and of the binding" },
    modelled: None,
};

pub(in crate::reach) fn find(rights: &Rights, out: &mut Out) {
    for on in [On::ClusterRoles, On::Roles] {
        let made = makes(rights, on);
        for Write { at, names, used } in made.clone() {
            let at = if on == On::Roles { at.inside() } else { at };
            out.part(Part::Make { on, at, names, used });
        }
        let writes = made.into_iter().map(|write| (write, true));
        let writes = writes.chain(changes(rights, on).map(|write| (write, false)));
        for (write, missing) in writes {
            for escalate in rights.of(on, Verb::Escalate) {
                let Some(at) = write.at.meet(escalate.at) else { continue };
                let plain = missing && write.names.is_none();
                let names = match &escalate.names {
                    Some(names) if plain => {
                        // A plain create is asked about under the empty name.
                        if names.first().is_none_or(|name| !name.is_empty()) {
                            continue;
                        }
                        None
                    }
                    names => unless_empty(both(&write.names, names)),
                };
                if is_empty(&names) {
                    continue;
                }
                let at = if on == On::Roles { at.inside() } else { at };
                let mut used = write.used.clone();
                used.push(escalate.clone());
                out.part(Part::Rewrite { on, at, names, missing, used });
            }
        }
    }
}

/// Of names those that an object can have.
fn unless_empty(names: Names) -> Names {
    match names.as_deref() {
        Some([first, others @ ..]) if first.is_empty() => Some(others.into()),
        _ => names,
    }
}
