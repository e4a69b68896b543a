//! Roles handed from one of those taken over to the others.
//!
//! Who writes bindings may bind every role whose rights it holds itself, without `bind`
//! (`pkg/registry/rbac/escalation_check.go`). It gains nothing by that, but the others do: what it
//! holds may be what another lacks for one request.

use super::ask::{Names, On, has};
use super::graph::Node;
use super::moves::{Edge, Part, RoleSet, To};
use super::rights::{Classes, Right, Rights};
use super::search::Search;
use super::step::Step;
use super::world::{Bound, Where, everything, of};
use crate::model::PolicyRule;
use crate::rbac::escalation;

/// Bindings that somebody can write.
struct Writer {
    who: u32,
    bindings: On,
    at: Where,
    names: Names,
    missing: bool,
    used: Vec<Right>,
}

impl Search<'_, '_> {
    /// Roles that one holds and can bind to the others, where they add to what one of them needs.
    pub(super) fn hand_over(&mut self, round: u32) {
        let writers = self.all_writers();
        let looked_at = self.found.partition_point(|found| found.steps <= round);
        for writer in &writers {
            let Some(node) = self.found.get(writer.who as usize).map(|found| found.node.clone())
            else {
                continue;
            };
            // What a given role lets be written, all can.
            let is_given = matches!(node, Node::Given(..));
            let all: Vec<(u32, Node)> = if is_given {
                let found = (0u32..).zip(&self.found).take(looked_at);
                let can = found.filter(|(_, found)| !matches!(found.node, Node::Constrained(..)));
                can.map(|(who, found)| (who, found.node.clone())).collect()
            } else {
                vec![(writer.who, node)]
            };
            for (role, at) in self.roles_to_bind(writer) {
                for (who, node) in &all {
                    if self.ended {
                        return;
                    }
                    if self.is_wanted(node, *who, role, at) && self.holds_all(node, role, at) {
                        let to = To::Given(RoleSet::One(role), at);
                        let edge = Edge { to, step: Step::HandOver, used: writer.used.clone() };
                        self.edge(&edge, &[writer.who, *who], *who, round);
                    }
                }
            }
        }
    }

    fn all_writers(&self) -> Vec<Writer> {
        self.writers
            .iter()
            .filter_map(|(who, part)| match part.clone() {
                Part::Bind { bindings, at, names, missing, used } => {
                    Some(Writer { who: *who, bindings, at, names, missing, used })
                }
                _ => None,
            })
            .collect()
    }

    /// The roles that such a binding can refer to, and where they hold then.
    fn roles_to_bind(&self, writer: &Writer) -> Vec<(u32, Where)> {
        let world = &self.graph.world;
        let fits = |bound: &&Bound| has(&writer.names, &bound.name);
        let is_free = |bound: &[Bound]| {
            writer.names.as_ref().is_none_or(|names| {
                names.iter().any(|name| !bound.iter().any(|binding| binding.name == *name))
            })
        };
        let mut found = Vec::new();
        let mut add = |bound: &[Bound], roles: &[u32], at: Where| {
            if !writer.missing {
                found.extend(bound.iter().filter(fits).map(|bound| (bound.role, at)));
            } else if is_free(bound) {
                found.extend(world.cluster_roles.iter().chain(roles).map(|role| (*role, at)));
            }
        };
        if writer.bindings == On::ClusterRoleBindings {
            add(&world.cluster_bindings, &[], Where::Cluster);
        } else {
            for ns in world.within(writer.at) {
                add(of(&world.bindings_in, ns), of(&world.roles_in, ns), Where::In(ns));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether a role brings a right that not all have, and that another lacks for one request.
    fn is_wanted(&self, node: &Node, writer: u32, role: u32, at: Where) -> bool {
        if self.has(&Node::Given(RoleSet::One(role), at)) {
            return false;
        }
        let world = &self.graph.world;
        let Some(facts) = world.role_facts(role).filter(|role| role.exists) else { return false };
        let mut rights = Rights::default();
        rights.add(&facts.caps, at, None, world);
        // In somebody's name not all can be done that its role allows.
        let more = match node {
            Node::Constrained(..) => rights.iter().next().is_some(),
            Node::Posing(_) => rights.iter().any(|right| right.verb.is_impersonation()),
            _ => false,
        };
        if more {
            return true;
        }
        let new = rights.iter().filter(|right| !self.is_said(right));
        let classes = new.fold(Classes::default(), |all, right| all.and(Classes::of(right)));
        !classes.is_empty()
            && self.joining.iter().any(|other| other.at != writer && other.classes.meets(classes))
    }

    /// The API server's check, with what was given to all besides.
    fn holds_all(&self, node: &Node, role: u32, at: Where) -> bool {
        let graph = self.graph;
        let Some(wanted) = graph.rules_of(role) else { return false };
        let mut held: Vec<PolicyRule> = Vec::new();
        let mut add = |node: &Node| {
            for holding in graph.holdings(node, self.terms.without) {
                if holding.at.meet(at) != Some(at) {
                    continue;
                }
                match holding.role {
                    None => held.push(everything()),
                    Some(role) => held.extend_from_slice(graph.rules_of(role).unwrap_or_default()),
                }
            }
        };
        add(node);
        // What is impersonated within somebody's rules is not what roles are given to.
        if !matches!(node, Node::Constrained(..)) {
            let given = self.found.iter().filter(|found| matches!(found.node, Node::Given(..)));
            given.for_each(|found| add(&found.node));
        }
        escalation::missing(&held, wanted).is_empty()
    }
}
