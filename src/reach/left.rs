//! What is left once something was deleted: a binding gives nothing any more to whoever it named, a
//! role nothing while it is away, and the token of a pod ends with the pod.

use super::ask::{Names, On, Verb, both, has};
use super::graph::{Holding, Node};
use super::moves::{Object, RoleSet};
use super::rights::Right;
use super::search::{Link, Search};
use super::step::Step;
use super::world::{Door, Where, of};
use crate::book::{GrantId, GrantKey};
use crate::model::{BindingKind, RoleKind};

/// A step on the way, None for the one that is to be made.
type At = Option<u32>;

impl Search<'_, '_> {
    /// Whether a step and those on the way to it can be made one after the other, whatever they
    /// delete.
    pub(super) fn is_left(&self, link: &Link) -> bool {
        let mut way = self.deleting(link);
        if way.is_empty() && link.deletes.is_none() {
            return true;
        }
        way.sort_unstable();
        let steps = way.into_iter().map(Some).chain([None]);
        let steps: Vec<(At, &Link)> =
            steps.filter_map(|at| Some((at, self.link_at(at, link)?))).collect();
        let mut rest = steps.as_slice();
        while let Some(((at, first), later)) = rest.split_first() {
            if let Some(gone) = &first.deletes {
                let before = |made: u32| at.is_none_or(|at| made < at);
                // What only deletes it is needed no more once it is gone.
                let stands = |step: &Link, own: bool| {
                    let over = |by: &u32| own && step.only_deletes.contains(by);
                    let ends = |by: &u32| !over(by) && self.ends(*by, gone, &before);
                    !self.uses(step, gone, own) && !step.from.iter().any(ends)
                };
                // A role that was made again allows everything.
                let is_role = matches!(gone.on, On::ClusterRoles | On::Roles);
                if !stands(first, true)
                    || !later.iter().all(|(_, step)| is_role || stands(step, false))
                {
                    return false;
                }
            }
            rest = later;
        }
        true
    }

    fn link_at<'l>(&'l self, at: At, own: &'l Link) -> Option<&'l Link> {
        match at {
            None => Some(own),
            Some(at) => self.found.get(at as usize)?.by.as_ref(),
        }
    }

    /// The steps on the way that come after something was deleted, or delete it.
    fn deleting(&self, link: &Link) -> Vec<u32> {
        let mut all: Vec<u32> = Vec::new();
        let mut next: Vec<u32> = link.from.clone();
        while let Some(at) = next.pop() {
            let Some(found) = self.found.get(at as usize).filter(|found| found.deleted) else {
                continue;
            };
            if !all.contains(&at) {
                all.push(at);
                next.extend(found.by.iter().flat_map(|by| by.from.iter().copied()));
            }
        }
        all
    }

    /// Whether a step uses what an object gives. `own`: the step deletes it.
    fn uses(&self, step: &Link, gone: &Object, own: bool) -> bool {
        let within = |right: &Right| right.within.as_ref().and_then(|within| within.grant);
        let by = |right: &Right| self.is_by(right.grant, gone) || self.is_by(within(right), gone);
        // The role that is made again is held by a binding that is there still.
        let is_role = own && matches!(gone.on, On::ClusterRoles | On::Roles);
        let after = |right: &&Right| !(own && right.verb.deletes());
        step.used.iter().filter(after).any(by) || (!is_role && self.holds_by(&step.held, gone))
    }

    fn holds_by(&self, held: &[Holding], gone: &Object) -> bool {
        held.iter().any(|holding| self.is_by(holding.grant, gone))
    }

    /// Whether a grant is given by an object.
    fn is_by(&self, slot: Option<u32>, gone: &Object) -> bool {
        let Some(grant) = slot.and_then(|slot| self.graph.book.grant(GrantId(slot))) else {
            return false;
        };
        let GrantKey { binding_kind, namespace, binding, .. } = &grant.key;
        let there = || match (namespace, gone.at) {
            (Some(ns), Where::In(at)) => self.graph.world.number(ns) == Some(at),
            _ => false,
        };
        let role = |kind: RoleKind| {
            *grant.role_ref.kind == *kind.as_str() && grant.role_ref.name == gone.name
        };
        match gone.on {
            On::ClusterRoleBindings => {
                *binding_kind == BindingKind::ClusterRoleBinding && *binding == gone.name
            }
            On::RoleBindings => {
                *binding_kind == BindingKind::RoleBinding && *binding == gone.name && there()
            }
            On::ClusterRoles => role(RoleKind::ClusterRole),
            On::Roles => role(RoleKind::Role) && there(),
            _ => false,
        }
    }

    /// Whether one of those found ends with an object. `before`: whether it was found before the
    /// object was deleted.
    fn ends(&self, at: u32, gone: &Object, before: &impl Fn(u32) -> bool) -> bool {
        let Some(found) = self.found.get(at as usize) else { return false };
        let Some(by) = &found.by else { return false };
        match &found.node {
            // An impersonator has to be one still.
            Node::Posing(_) | Node::Constrained(..) => {
                self.uses(by, gone, false) || by.from.iter().any(|by| self.ends(*by, gone, before))
            }
            Node::Given(set, place) => {
                let again = by.deletes.as_ref() == Some(gone) && before(at);
                again || self.holds_by(&by.held, gone) || self.is_changed(by, *set, *place, gone)
            }
            Node::Identity(account) => self.is_in_pod(by, *account, gone),
            Node::Stranger(_) | Node::Anyone | Node::Everything => false,
        }
    }

    /// Whether a role was given by a change of that binding, as far as is known.
    fn is_changed(&self, by: &Link, set: RoleSet, place: Where, gone: &Object) -> bool {
        let world = &self.graph.world;
        let bound = match gone.at {
            Where::In(ns) => of(&world.bindings_in, ns),
            _ => world.cluster_bindings.as_slice(),
        };
        let is_it = |set: RoleSet| {
            let mut all = bound.iter().filter(|one| one.name == gone.name);
            all.any(|one| set == RoleSet::One(one.role))
        };
        let is_binding =
            |right: &Right| matches!(right.on, On::ClusterRoleBindings | On::RoleBindings);
        place == gone.at
            && matches!(gone.on, On::ClusterRoleBindings | On::RoleBindings)
            && matches!(by.step, Step::Bind | Step::HandOver)
            && !by.used.iter().any(|right| is_binding(right) && right.verb == Verb::Create)
            && is_it(set)
    }

    /// Whether an account's token was had from that pod, and is to be had from no other.
    fn is_in_pod(&self, by: &Link, account: u32, gone: &Object) -> bool {
        let Where::In(there) = gone.at else { return false };
        let door = match by.step {
            Step::Exec | Step::Attach | Step::Kubelet => Door::Command,
            Step::AddContainer => Door::Container,
            Step::LabelAndChange if by.used.iter().any(|right| right.on == On::Ephemeral) => {
                Door::Container
            }
            Step::ChangePod | Step::LabelAndChange => Door::Image,
            _ => return false,
        };
        if gone.on != On::Pods {
            return false;
        }
        let world = &self.graph.world;
        let is_pods = |on| matches!(on, On::Pods | On::Exec | On::Attach | On::Ephemeral);
        let mut used = by.used.iter().filter(|right| is_pods(right.on));
        let all = (Where::Cluster, None);
        let meant = used.try_fold(all, |(at, names): (Where, Names), right| {
            Some((at.meet(right.at)?, both(&names, &right.names)))
        });
        let Some((at, names)) = meant else { return true };
        !world.within(at.inside()).any(|ns| {
            of(&world.pods, ns).iter().any(|pod| {
                // What is in a Secret stays.
                let stays = !pod.own || (ns, &pod.name) != (there, &gone.name);
                pod.account == account && pod.has(door) && stays && has(&names, &pod.name)
            })
        })
    }
}
