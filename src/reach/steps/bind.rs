//! `bind`: a binding can be written to a role whose rights its writer does not hold
//! (`pkg/registry/rbac/escalation_check.go`, `BindingAuthorized`). Without it the writer holds all of
//! the role already, and gains nothing by binding it; the others that were taken over do, where they
//! lack it for a request of their own.
//!
//! The check is made with the role's name in the binding's namespace. The `roleRef` of a binding that
//! is there never changes: changing one gives its own role only.

use crate::model::RoleKind;
use crate::reach::ask::{Names, On, Verb, has};
use crate::reach::moves::{Out, Part, RoleSet, To};
use crate::reach::rights::{Right, Rights, changes, makes};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::world::{Bound, Where, World, of};

pub(crate) const BIND: About = About {
    id: "bind",
    does: "binds to itself",
    seen: Seen { how: Shown::Yes, what: "create, update or patch of the binding" },
    modelled: None,
};

pub(crate) const OWN: About = About {
    id: "bind-own-role",
    does: "makes and binds to itself a role that gives",
    seen: Seen { how: Shown::Yes, what: "create of the role, and create of the binding" },
    modelled: None,
};

pub(crate) const HAND_OVER: About = About {
    id: "hand-over",
    does: "binds to all who were taken over a role that it holds itself,",
    seen: Seen { how: Shown::Yes, what: "create, update or patch of the binding" },
    modelled: None,
};

pub(in crate::reach) fn find(rights: &Rights, world: &World, out: &mut Out) {
    for bindings in [On::ClusterRoleBindings, On::RoleBindings] {
        let mut any: Vec<(On, Where)> = Vec::new();
        for write in makes(rights, bindings) {
            for (roles, bind) in binds(rights, bindings) {
                let Some(here) = place(bindings, write.at, bind.at) else { continue };
                if rights.is_full(here) {
                    continue;
                }
                let mut used = write.used.clone();
                used.push(bind.clone());
                taken(world, bindings, here, &write.names, (roles, bind, &used), out);
                for here in free(world, bindings, here, &write.names) {
                    if bind.names.is_none() {
                        any.push((roles, here));
                        if let Some(own) = own(out, roles, here) {
                            let used = [used.as_slice(), &own].concat();
                            out.edge(To::Given(RoleSet::Own, here), Step::BindOwnRole, &used);
                            continue;
                        }
                    }
                    give(world, roles, &bind.names, here, &used, out);
                }
            }
        }
        change(rights, world, bindings, &any, out);
        let writes = makes(rights, bindings).into_iter().map(|write| (write, true));
        for (write, missing) in writes.chain(changes(rights, bindings).map(|write| (write, false)))
        {
            let at = if bindings == On::RoleBindings { write.at.inside() } else { write.at };
            out.part(Part::Bind { bindings, at, names: write.names, missing, used: write.used });
        }
    }
}

/// Rights to bind roles that such a binding can refer to.
fn binds(rights: &Rights, bindings: On) -> impl Iterator<Item = (On, &Right)> {
    let roles = if bindings == On::RoleBindings { rights.of(On::Roles, Verb::Bind) } else { &[] };
    let cluster = rights.of(On::ClusterRoles, Verb::Bind).iter();
    cluster.map(|right| (On::ClusterRoles, right)).chain(roles.iter().map(|r| (On::Roles, r)))
}

/// Where a binding can be written to a role that may be bound.
fn place(bindings: On, write: Where, bind: Where) -> Option<Where> {
    let here = write.meet(bind)?;
    match bindings {
        On::RoleBindings => Some(here.inside()),
        _ => (here == Where::Cluster).then_some(here),
    }
}

/// Where of it a binding under one of the names can be made: where there is none yet.
fn free(world: &World, bindings: On, here: Where, names: &Names) -> Vec<Where> {
    let Some(names) = names else {
        // The same everywhere, or in each namespace by itself.
        return match here {
            Where::Each if !world.is_all_open() => world.open_within(here).map(Where::In).collect(),
            _ => vec![here],
        };
    };
    let is_free = |bound: &[Bound]| {
        names.iter().any(|name| !bound.iter().any(|binding| binding.name == *name))
    };
    if bindings == On::ClusterRoleBindings {
        return is_free(&world.cluster_bindings).then_some(here).into_iter().collect();
    }
    world
        .open_within(here)
        .filter(|ns| is_free(of(&world.bindings_in, *ns)))
        .map(Where::In)
        .collect()
}

/// Where of it all names are taken, each binding would have to be deleted first.
fn taken(
    world: &World,
    bindings: On,
    here: Where,
    names: &Names,
    (roles, bind, used): (On, &Right, &[Right]),
    out: &mut Out,
) {
    let Some(names) = names else { return };
    let is_taken = |bound: &[Bound]| {
        names.iter().all(|name| bound.iter().any(|binding| binding.name == *name))
    };
    let places: Vec<Where> = if bindings == On::ClusterRoleBindings {
        is_taken(&world.cluster_bindings).then_some(here).into_iter().collect()
    } else {
        let within = world.open_within(here).filter(|ns| is_taken(of(&world.bindings_in, *ns)));
        within.map(Where::In).collect()
    };
    for at in places {
        let own = if bind.names.is_none() { own(out, roles, at) } else { None };
        let mut ends = Out::default();
        let used = [used, own.as_deref().unwrap_or_default()].concat();
        if own.is_some() {
            ends.edge(To::Given(RoleSet::Own, at), Step::BindOwnRole, &used);
        } else {
            give(world, roles, &bind.names, at, &used, &mut ends);
        }
        let leads = ends.leads();
        out.part(Part::Taken { on: bindings, at, names: names.clone(), used, leads });
    }
}

/// By which rights a role that allows everything can be made under any name.
fn own(out: &Out, roles: On, here: Where) -> Option<Vec<Right>> {
    out.parts().iter().find_map(|part| match part {
        Part::Rewrite { on, at, names: None, missing: true, used } if *on == roles => {
            let role_at = if roles == On::Roles { at.meet(here) == Some(here) } else { true };
            role_at.then(|| used.clone())
        }
        _ => None,
    })
}

/// The roles that can be bound.
fn give(world: &World, roles: On, names: &Names, here: Where, used: &[Right], out: &mut Out) {
    match (roles, names) {
        (On::ClusterRoles, None) => {
            out.edge(To::Given(RoleSet::ClusterRoles, here), Step::Bind, used);
        }
        (On::ClusterRoles, Some(names)) => {
            for name in names.iter() {
                if let Some(role) = world.role(RoleKind::ClusterRole, "", name) {
                    out.edge(To::Given(RoleSet::One(role), here), Step::Bind, used);
                }
            }
        }
        (_, None) => {
            // A namespace without a Role may be given one.
            for ns in world.within(here) {
                let to = To::Given(RoleSet::RolesIn(ns), Where::In(ns));
                out.edge(to, Step::Bind, used);
            }
        }
        (_, Some(names)) => {
            for ns in world.within(here) {
                let space = world.namespace(ns).map_or("", |name| &**name);
                for name in names.iter() {
                    if let Some(role) = world.role(RoleKind::Role, space, name) {
                        let to = To::Given(RoleSet::One(role), Where::In(ns));
                        out.edge(to, Step::Bind, used);
                    }
                }
            }
        }
    }
}

/// Bindings that are there and can be changed to name the one who acts.
fn change(rights: &Rights, world: &World, bindings: On, any: &[(On, Where)], out: &mut Out) {
    for write in changes(rights, bindings) {
        for (roles, bind) in binds(rights, bindings) {
            let Some(here) = place(bindings, write.at, bind.at) else { continue };
            if rights.is_full(here) {
                continue;
            }
            // What can be made under any name is at least as much.
            if any.iter().any(|(on, at)| *on == roles && at.meet(here) == Some(here)) {
                continue;
            }
            let mut used = write.used.clone();
            used.push(bind.clone());
            let mut each = |bound: &Bound| {
                let fits = world.role_facts(bound.role).is_some_and(|role| {
                    let kind =
                        if roles == On::Roles { RoleKind::Role } else { RoleKind::ClusterRole };
                    role.key.0 == kind && has(&bind.names, &role.key.2)
                });
                if fits && has(&write.names, &bound.name) {
                    out.edge(To::Given(RoleSet::One(bound.role), bound.at), Step::Bind, &used);
                }
            };
            if bindings == On::ClusterRoleBindings {
                world.cluster_bindings.iter().for_each(&mut each);
            } else {
                for ns in world.within(here) {
                    of(&world.bindings_in, ns).iter().for_each(&mut each);
                }
            }
        }
    }
}
