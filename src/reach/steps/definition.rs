//! rbac-manager binds what an `RBACDefinition` says, with its own rights.

use crate::reach::ask::{On, has};
use crate::reach::moves::{Out, RoleSet, To};
use crate::reach::rights::{Rights, Write, changes, makes};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::world::{Where, World};

pub(crate) const ABOUT: About = About {
    id: "rbac-definition",
    does: "has rbac-manager bind to it",
    seen: Seen { how: Shown::Partly, what: "the RBACDefinition; the binding as rbac-manager's" },
    modelled: Some("needs an rbac-manager that runs with the rights its manifests give it"),
};

pub(in crate::reach) fn find(rights: &Rights, world: &World, out: &mut Out) {
    if !world.rbac_manager {
        return;
    }
    let is_there = |write: &Write| world.definitions.iter().any(|name| has(&write.names, name));
    let writes = makes(rights, On::Definitions);
    for write in writes.into_iter().chain(changes(rights, On::Definitions).filter(is_there)) {
        let to = To::Given(RoleSet::ClusterRoles, Where::Cluster);
        out.edge(to, Step::Definition, &write.used);
    }
}
