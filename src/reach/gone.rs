//! The graph without an object that was deleted: what it gave nobody holds any more, and its name is
//! still taken until another is made under it.

use std::sync::Arc;

use super::ask::On;
use super::graph::{Graph, Node, Shared};
use super::moves::{Moves, Object};
use super::step::Step;
use super::world::Where;
use crate::book::{GrantId, GrantKey};
use crate::model::{BindingKind, RoleKind, SubjectKind};

/// No role has this number.
const NO_ROLE: u32 = u32::MAX;

impl Graph<'_> {
    /// The same without what somebody granted to everybody; None where that is nothing.
    pub(super) fn without_everybodys(&self) -> Option<Self> {
        let is_it = |slot: &u32| {
            let grant = self.book.grant(GrantId(*slot)).filter(|grant| !grant.bootstrap);
            grant.is_some_and(|grant| {
                let subject = &grant.key.subject;
                subject.kind == SubjectKind::Group && self.book.is_implicit(&subject.name)
            })
        };
        let slots = 0..u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        let slots: Vec<u32> = slots.filter(is_it).collect();
        let mut less = self.copy();
        for slot in &slots {
            *less.held.get_mut(*slot as usize)? = None;
        }
        less.shared = Arc::new(Shared::new(&less.world));
        less.gone.slots.extend(slots.iter().copied());
        (!slots.is_empty()).then_some(less)
    }

    /// The same without an object.
    pub(super) fn less(&self, object: &Object) -> Self {
        let slots = 0..u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        let given: Vec<u32> = slots.filter(|slot| self.is_by(*slot, object)).collect();
        let mut less = self.copy();
        for slot in &given {
            if let Some(held) = less.held.get_mut(*slot as usize) {
                *held = None;
            }
        }
        less.gone.slots.extend(given);
        less.gone.objects.insert(object.clone());
        let is_binding = matches!(object.on, On::RoleBindings | On::ClusterRoleBindings);
        if !is_binding && object.on != On::Pods {
            return less;
        }
        let mut world = (*self.world).clone();
        let bound = match object.at {
            Where::In(ns) => world.bindings_in.get_mut(ns as usize),
            Where::Cluster | Where::Each => Some(&mut world.cluster_bindings),
        };
        for bound in bound.into_iter().flatten().filter(|_| is_binding) {
            if bound.name == object.name {
                bound.role = NO_ROLE;
            }
        }
        if let (On::Pods, Where::In(ns)) = (object.on, object.at) {
            let at = ns as usize;
            if let Some(pods) = world.pods.get_mut(at) {
                pods.retain(|pod| pod.name != object.name);
            }
            if let Some(pods) = world.placed.get_mut(at) {
                pods.retain(|pod| pod.name != object.name);
            }
            if let Some(pods) = world.addable.get_mut(at) {
                pods.retain(|name| *name != object.name);
            }
        }
        less.world = Arc::new(world);
        less
    }

    /// Whether somebody's steps are the same without what is gone.
    pub(super) fn is_as_before(&self, node: &Node, moves: &Moves) -> bool {
        let gone = &self.gone;
        let of_pods = |step: Step| {
            matches!(
                step,
                Step::Exec
                    | Step::ExecByGet
                    | Step::Attach
                    | Step::Kubelet
                    | Step::ChangePod
                    | Step::AddContainer
                    | Step::AddedSecret
                    | Step::HostPod
            )
        };
        let touched = |step: Step| {
            gone.objects.iter().any(|object| match object.on {
                On::Pods => of_pods(step),
                On::RoleBindings | On::ClusterRoleBindings => step == Step::Bind,
                _ => false,
            })
        };
        gone.objects.is_empty()
            || (!self.slots(node).iter().any(|slot| gone.slots.contains(slot))
                && !moves.edges.iter().any(|edge| touched(edge.step)))
    }

    /// Whether a grant is given by an object.
    pub(super) fn is_by(&self, slot: u32, object: &Object) -> bool {
        let Some(grant) = self.book.grant(GrantId(slot)) else { return false };
        let GrantKey { binding_kind, namespace, binding, .. } = &grant.key;
        let there = || match (namespace, object.at) {
            (Some(ns), Where::In(at)) => self.world.number(ns) == Some(at),
            _ => false,
        };
        let role = |kind: RoleKind| {
            grant.role_ref.name == object.name && *grant.role_ref.kind == *kind.as_str()
        };
        match object.on {
            On::ClusterRoleBindings => {
                *binding == object.name && *binding_kind == BindingKind::ClusterRoleBinding
            }
            On::RoleBindings => {
                *binding == object.name && *binding_kind == BindingKind::RoleBinding && there()
            }
            On::ClusterRoles => role(RoleKind::ClusterRole),
            On::Roles => role(RoleKind::Role) && there(),
            _ => false,
        }
    }
}
