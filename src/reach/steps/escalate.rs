//! `escalate`: a role can be made or changed to allow what its writer does not hold
//! (`pkg/registry/rbac/escalation_check.go`, `RoleEscalationAuthorized`). It is asked with the name
//! that the request carries: a plain create carries none.
//!
//! A role that is changed gives its rights to whoever is bound to it: to the one who acts only where
//! something of it is.

use crate::reach::ask::{On, Verb, both, is_empty};
use crate::reach::moves::{Out, Part};
use crate::reach::rights::{Rights, Write, changes, makes};
use crate::reach::step::{About, Seen, Shown};

pub(crate) const ABOUT: About = About {
    id: "escalate",
    does: "changes a role that it holds to give",
    seen: Seen { how: Shown::Yes, what: "create, update or patch of the role" },
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
                if missing && write.names.is_none() && escalate.names.is_some() {
                    continue;
                }
                let Some(at) = write.at.meet(escalate.at) else { continue };
                let names = both(&write.names, &escalate.names);
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
