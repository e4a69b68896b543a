//! What is left once something was deleted: a binding gives nothing any more to whoever it named, a
//! role nothing while it is away, and the token of a pod ends with the pod. A token that was had by a
//! binding is there still.

use foldhash::{HashSet, HashSetExt};

use super::ask::{Names, On, Verb, both, has};
use super::graph::{Graph, Holding, Node};
use super::moves::{Object, RoleSet};
use super::rights::Right;
use super::search::{Found, Link};
use super::step::Step;
use super::world::{Bound, Door, Where, of};
use crate::model::RoleKind;

/// Those of some who are there still once an object is gone, in the order in which they were found.
pub(super) fn left(graph: &Graph<'_>, found: &[Found], some: &[u32], gone: &Object) -> Vec<u32> {
    let mut all = some.to_vec();
    all.sort_unstable();
    let mut there: HashSet<u32> = HashSet::with_capacity(all.len());
    all.retain(|at| {
        let one = found.get(*at as usize);
        let stays = one.is_some_and(|one| !ends(graph, one, gone, &there));
        if stays {
            there.insert(*at);
        }
        stays
    });
    all
}

/// Whether somebody ends with an object. `there`: who was found before and does not.
fn ends(graph: &Graph<'_>, found: &Found, gone: &Object, there: &HashSet<u32>) -> bool {
    let Some(by) = &found.by else { return false };
    match &found.node {
        // An impersonator has to be one still.
        Node::Posing(_) | Node::Constrained(..) => {
            uses(graph, by, gone) || by.from.iter().any(|by| !there.contains(by))
        }
        Node::Given(set, place) => {
            let is_role = matches!(set, RoleSet::One(role) if is_role(graph, *role, gone));
            // What is handed over is held by a binding of its own.
            let held = by.step != Step::HandOver && holds_by(graph, &by.held, gone);
            let again = by.deletes.as_ref() == Some(gone);
            is_role || held || again || is_changed(graph, by, *set, *place, gone)
        }
        Node::Identity(account) => is_in_pod(graph, by, *account, gone),
        Node::Stranger(_) | Node::Anyone | Node::Everything => false,
    }
}

/// Whether a step uses what an object gives.
fn uses(graph: &Graph<'_>, step: &Link, gone: &Object) -> bool {
    let within = |right: &Right| right.within.as_ref().and_then(|within| within.grant);
    let by = |right: &Right| {
        [right.grant, within(right)].into_iter().flatten().any(|slot| graph.is_by(slot, gone))
    };
    step.used.iter().any(by) || holds_by(graph, &step.held, gone)
}

fn holds_by(graph: &Graph<'_>, held: &[Holding], gone: &Object) -> bool {
    held.iter().filter_map(|holding| holding.grant).any(|slot| graph.is_by(slot, gone))
}

fn is_role(graph: &Graph<'_>, role: u32, gone: &Object) -> bool {
    let Some(facts) = graph.world.role_facts(role) else { return false };
    let (kind, ns, name) = &facts.key;
    *name == gone.name
        && match (kind, gone.on, gone.at) {
            (RoleKind::ClusterRole, On::ClusterRoles, _) => true,
            (RoleKind::Role, On::Roles, Where::In(at)) => graph.world.number(ns) == Some(at),
            _ => false,
        }
}

/// Whether a role was given by a change of that binding, and can have been by that of no other.
fn is_changed(graph: &Graph<'_>, by: &Link, set: RoleSet, place: Where, gone: &Object) -> bool {
    let is_binding =
        |right: &&Right| matches!(right.on, On::ClusterRoleBindings | On::RoleBindings);
    let makes = by.used.iter().filter(is_binding).any(|right| right.verb == Verb::Create);
    if place != gone.at
        || makes
        || !matches!(gone.on, On::ClusterRoleBindings | On::RoleBindings)
        || !matches!(by.step, Step::Bind | Step::HandOver | Step::BindAndEscalate)
    {
        return false;
    }
    let world = &graph.world;
    let bound: &[Bound] = match gone.at {
        Where::In(ns) => of(&world.bindings_in, ns),
        _ => &world.cluster_bindings,
    };
    let changed = |one: &&Bound| {
        let mut rights = by.used.iter();
        let named = by.used.iter().filter(is_binding).all(|right| has(&right.names, &one.name));
        named
            && match set {
                RoleSet::One(role) => role == one.role,
                _ => world.role_facts(one.role).is_some_and(|facts| {
                    rights.any(|right| {
                        matches!(right.on, On::ClusterRoles | On::Roles)
                            && has(&right.names, &facts.key.2)
                    })
                }),
            }
    };
    let mut all = bound.iter().filter(changed).peekable();
    all.peek().is_some() && all.all(|one| one.name == gone.name)
}

/// Whether an account's token was had from that pod, and is to be had from no other.
fn is_in_pod(graph: &Graph<'_>, by: &Link, account: u32, gone: &Object) -> bool {
    let Where::In(there) = gone.at else { return false };
    let door = match by.step {
        Step::Exec | Step::ExecByGet | Step::Attach | Step::Kubelet => Door::Command,
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
    let world = &graph.world;
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
