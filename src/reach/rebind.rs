//! Roles that one of those taken over can change, bound by one of them.
//!
//! Without `bind` somebody may bind a role whose rights it holds: one that allows nothing anybody
//! may. Who may change a role to allow what it does not hold (`escalate`) may change it to allow
//! nothing before, and whoever makes roles may make one that does: neither is held back
//! (`pkg/registry/rbac/role/policybased/storage.go`, `rolebinding/policybased/storage.go`). So a role
//! that can be changed gives everything where a binding to it can be written.

use super::ask::{Names, On, both, has, is_empty};
use super::graph::Node;
use super::moves::{Edge, Part, RoleSet, To};
use super::parts::{Brought, Kind, Parts};
use super::rights::Right;
use super::search::Search;
use super::step::Step;
use super::world::{Bound, Where, of};
use crate::model::{Name, RoleKind};

/// Bindings that somebody can write.
struct Writer {
    who: u32,
    bindings: On,
    at: Where,
    names: Names,
    missing: bool,
    used: Vec<Right>,
}

/// Roles that somebody can change, or make.
struct Roles {
    who: u32,
    on: On,
    at: Where,
    names: Names,
    used: Vec<Right>,
}

impl Search<'_, '_> {
    /// Roles that can be changed, where a binding to them can be written.
    pub(super) fn bind_changed(&mut self) {
        let count = |parts: &Parts| parts.values().map(Vec::len).sum();
        let now = [self.writers.len(), count(&self.parts), count(&self.cleared)];
        if self.ended || self.bound_changed == now {
            return;
        }
        self.bound_changed = now;
        let changed: Vec<Roles> = [On::ClusterRoles, On::Roles]
            .into_iter()
            .flat_map(|on| self.roles_of(Kind::Rewrite(on)))
            .collect();
        if changed.is_empty() {
            return;
        }
        let writers: Vec<Writer> = self.writers.iter().filter_map(writer).collect();
        for writer in &writers {
            for roles in &changed {
                self.bind_at(writer, roles);
                if self.ended {
                    return;
                }
            }
        }
    }

    /// Roles that are there and can be changed, or those that can be made.
    fn roles_of(&self, kind: Kind) -> Vec<Roles> {
        let all = self.parts.range((kind, Where::Cluster)..);
        let all = all.take_while(|((have, _), _)| *have == kind).flat_map(|(_, all)| all);
        all.filter_map(|(who, part)| match part.clone() {
            Part::Rewrite { on, at, names, missing: false, used }
            | Part::Make { on, at, names, used } => Some(Roles { who: *who, on, at, names, used }),
            _ => None,
        })
        .collect()
    }

    fn bind_at(&mut self, writer: &Writer, roles: &Roles) {
        let world = &self.graph.world;
        let at = match (roles.on, writer.bindings) {
            (On::ClusterRoles, On::ClusterRoleBindings) => Some(Where::Cluster),
            (On::ClusterRoles, _) => Some(writer.at.inside()),
            (_, On::RoleBindings) => writer.at.meet(roles.at),
            _ => None,
        };
        let Some(at) = at else { return };
        // The same everywhere, or in each namespace by itself.
        let alike = roles.on == On::ClusterRoles
            && writer.missing
            && writer.names.is_none()
            && world.is_all_open();
        let places: Vec<Where> = match at {
            Where::Each if !alike => world.within(at).map(Where::In).collect(),
            _ => vec![at],
        };
        for at in places {
            let wider = [Where::Cluster, Where::Each, at].into_iter();
            let mut wider = wider.filter(|wide| wide.meet(at) == Some(at));
            if wider.any(|at| self.has(&Node::Given(RoleSet::Own, at))) {
                continue;
            }
            let Some(made) = self.bound(writer, roles, at) else { continue };
            let mut from = vec![roles.who, writer.who];
            let mut used = [roles.used.as_slice(), &writer.used].concat();
            for made in made {
                from.push(made.who);
                used.extend(made.used);
            }
            for way in self.under_a_name(writer.bindings, at, &writer.names, writer.missing) {
                let mut edge =
                    Edge::new(To::Given(RoleSet::Own, at), Step::BindAndEscalate, used.clone());
                let mut from = from.clone();
                if let Some(cleared) = way {
                    from.push(cleared.who);
                    edge.used.extend(cleared.used);
                    edge.deletes = Some(cleared.object);
                }
                self.edge(&edge, &from, roles.who);
                if self.ended {
                    return;
                }
            }
        }
    }

    /// What has to be made before a binding to one of the roles is written there: nothing, where
    /// there is one. None where no such binding can be written.
    fn bound(&self, writer: &Writer, roles: &Roles, at: Where) -> Option<Vec<Roles>> {
        let world = &self.graph.world;
        let (bound, numbers): (&[Bound], &[u32]) = match at {
            Where::In(ns) => (of(&world.bindings_in, ns), of(&world.roles_in, ns)),
            Where::Each => (&[], &[]),
            Where::Cluster => (&world.cluster_bindings, &[]),
        };
        let (kind, numbers) = match roles.on {
            On::ClusterRoles => (RoleKind::ClusterRole, world.cluster_roles.as_slice()),
            _ => (RoleKind::Role, numbers),
        };
        let is_it = |role: u32| {
            let facts = world.role_facts(role).filter(|role| role.exists && role.key.0 == kind);
            facts.is_some_and(|role| has(&roles.names, &role.key.2))
        };
        if !writer.missing {
            let fits = |one: &Bound| has(&writer.names, &one.name) && is_it(one.role);
            return bound.iter().any(fits).then(Vec::new);
        }
        if matches!(at, Where::In(ns) if !world.is_open(ns)) {
            return None;
        }
        if self.under_a_name(writer.bindings, at, &writer.names, true).is_empty() {
            return None;
        }
        if numbers.iter().any(|role| is_it(*role)) {
            return Some(Vec::new());
        }
        let is_there = |name: &Name| {
            let mut all = numbers.iter().filter_map(|role| world.role_facts(*role));
            all.any(|role| role.key.2 == *name)
        };
        let makes = |made: &Roles| {
            let names = both(&made.names, &roles.names);
            let place = roles.on == On::ClusterRoles || made.at.meet(at) == Some(at);
            let free = names.as_ref().is_none_or(|names| names.iter().any(|name| !is_there(name)));
            place && !is_empty(&names) && free
        };
        self.roles_of(Kind::Make(roles.on)).into_iter().find(makes).map(|made| vec![made])
    }
}

fn writer((who, part): &Brought) -> Option<Writer> {
    match part.clone() {
        Part::Bind { bindings, at, names, missing, used } => {
            Some(Writer { who: *who, bindings, at, names, missing, used })
        }
        _ => None,
    }
}
