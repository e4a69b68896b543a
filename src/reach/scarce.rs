//! Names that run out: where objects can be made under a few names only, a path may need more of
//! them than are free.
//!
//! Each step of a search finds a name that is free, whatever the steps before it made. A binding
//! refers to one role, and a pod or a Job runs as one account: each of those takes a name. So it is
//! looked at once the path is known. Whoever makes an object under a name (by an apply or a PUT) can
//! have it deleted again as well ([`super::steps::remake`]), but what it gave is gone then: whether
//! the path holds with that is not looked for, and from there on it is a model.

use super::ask::{Names, On, Verb, both};
use super::graph::{Graph, Node};
use super::moves::RoleSet;
use super::rights::Right;
use super::search::{Found, Link};
use super::world::{Where, of};
use crate::book::IdentityId;
use crate::model::{Name, SubjectKind};

/// What such a step takes for granted.
pub(super) const MODEL: &str = "the steps before it take all the names under which it may make that: one of \
                                those objects is taken back first, and what it gave has to be needed no more";

/// Of what each has to have a name of its own. Secrets, roles and other workloads that one makes under
/// a name one may change as well.
const SCARCE: [On; 4] = [On::RoleBindings, On::ClusterRoleBindings, On::Pods, On::Jobs];

/// An object that a step makes under one of some names.
struct Made<'c> {
    /// Which step of the path.
    step: usize,
    on: On,
    at: Where,
    names: Vec<&'c Name>,
}

/// A name that is free, from a step of the path on.
struct Slot<'c> {
    name: &'c Name,
    from: usize,
    /// Which of those made has it.
    by: Option<usize>,
}

/// Of the steps of a path, in order, which find no name left. Each with its place in the search's order.
pub(super) fn run_out(graph: &Graph<'_>, steps: &[(usize, &Found)]) -> Vec<bool> {
    let mut out = vec![false; steps.len()];
    let makes: Vec<(usize, On, Where, Names)> = steps
        .iter()
        .enumerate()
        .filter_map(|(at, (_, found))| {
            made(graph, found).map(|(on, place, names)| (at, on, place, names))
        })
        .collect();
    for (first, (_, on, at, _)) in makes.iter().enumerate() {
        let alike = |one: &(usize, On, Where, Names)| one.1 == *on && one.2 == *at;
        if makes.get(..first).is_some_and(|before| before.iter().any(alike)) {
            continue;
        }
        let mut of_kind: Vec<Made<'_>> = Vec::new();
        for (step, on, at, names) in makes.iter().filter(|one| alike(one)) {
            for _ in 0..count(graph, steps, *step) {
                let free = names.iter().flat_map(|all| all.iter()).collect();
                of_kind.push(Made { step: *step, on: *on, at: *at, names: free });
            }
        }
        // That one is free was looked at by the search.
        if of_kind.len() < 2 {
            continue;
        }
        let mut slots = slots(graph, steps, &of_kind);
        for (number, one) in of_kind.iter().enumerate() {
            let mut tried = vec![false; slots.len()];
            if !place(number, &of_kind, &mut slots, &mut tried)
                && let Some(out) = out.get_mut(one.step)
            {
                *out = true;
            }
        }
    }
    out
}

/// How many objects a step makes: one, but a binding for each of the roles that are needed later of
/// those among which it chooses.
fn count(graph: &Graph<'_>, steps: &[(usize, &Found)], step: usize) -> usize {
    let Some((place, found)) = steps.get(step) else { return 1 };
    let world = &graph.world;
    let roles: &[u32] = match found.node {
        Node::Given(RoleSet::ClusterRoles, _) => &world.cluster_roles,
        Node::Given(RoleSet::RolesIn(ns), _) => of(&world.roles_in, ns),
        _ => return 1,
    };
    let is_it = |at: u32| usize::try_from(at).is_ok_and(|at| at == *place);
    let links = steps.iter().filter_map(|(_, found)| found.by.as_ref());
    let mut wanted: Vec<&Right> = links
        .flat_map(|link| {
            let acts = link.from.iter().any(|at| is_it(*at));
            link.used.iter().filter(move |right| {
                right.grant.is_none() && (is_it(right.from) || acts && right.from == u32::MAX)
            })
        })
        .collect();
    let gives = |role: u32, right: &Right| {
        world.role_facts(role).is_some_and(|role| {
            role.full
                || role.caps.iter().any(|cap| {
                    let names = match (&cap.names, &right.names) {
                        (None, _) => true,
                        (Some(have), Some(wanted)) => wanted.iter().all(|name| have.contains(name)),
                        (Some(_), None) => false,
                    };
                    cap.on == right.on && cap.verb == right.verb && names
                })
        })
    };
    // As few as are found by taking each time the one that gives most.
    let mut many = 0;
    while !wanted.is_empty() {
        let most = |role: &u32| wanted.iter().filter(|right| gives(*role, right)).count();
        let Some(best) = roles.iter().copied().max_by_key(most).filter(|best| most(best) > 0)
        else {
            break;
        };
        wanted.retain(|right| !gives(best, right));
        many += 1;
    }
    many.max(1)
}

/// What a step makes under one of some names, and where.
fn made(graph: &Graph<'_>, found: &Found) -> Option<(On, Where, Names)> {
    let link = found.by.as_ref()?;
    let create = link.used.iter().find(|right| is_named(right))?;
    let changes =
        |right: &&Right| right.on == create.on && matches!(right.verb, Verb::Patch | Verb::Update);
    let names = match link.used.iter().find(changes) {
        Some(change) => both(&create.names, &change.names),
        None => create.names.clone(),
    };
    let at = match (&found.node, create.at) {
        (_, Where::Cluster) if create.on == On::ClusterRoleBindings => Where::Cluster,
        (_, at @ Where::In(_)) => at,
        (Node::Given(_, at @ Where::In(_)), _) => *at,
        (Node::Identity(id), _) => {
            let identity = &graph.book.entry(IdentityId(*id))?.identity;
            let is_account = identity.kind == SubjectKind::ServiceAccount;
            Where::In(graph.world.number(identity.namespace.as_deref().filter(|_| is_account)?)?)
        }
        _ => return None,
    };
    Some((create.on, at, names))
}

fn is_named(right: &Right) -> bool {
    right.verb == Verb::Create && right.names.is_some() && SCARCE.contains(&right.on)
}

/// The names that are free there, or that a step frees.
fn slots<'c>(graph: &Graph<'_>, steps: &[(usize, &'c Found)], made: &[Made<'c>]) -> Vec<Slot<'c>> {
    let mut slots: Vec<Slot<'c>> = Vec::new();
    let Some(Made { on, at, .. }) = made.first() else { return slots };
    for name in made.iter().flat_map(|made| made.names.iter().copied()) {
        if !slots.iter().any(|slot| slot.name == name) && !is_taken(graph, *on, *at, name) {
            slots.push(Slot { name, from: 0, by: None });
        }
    }
    for (from, (_, found)) in steps.iter().enumerate() {
        let deletes = found.by.as_ref().and_then(|Link { deletes, .. }| deletes.as_ref());
        if let Some(object) = deletes.filter(|object| object.on == *on && object.at == *at) {
            slots.push(Slot { name: &object.name, from, by: None });
        }
    }
    slots
}

fn is_taken(graph: &Graph<'_>, on: On, at: Where, name: &Name) -> bool {
    let bound = match (on, at) {
        (On::ClusterRoleBindings, _) => &graph.world.cluster_bindings[..],
        (On::RoleBindings, Where::In(ns)) => of(&graph.world.bindings_in, ns),
        (_, Where::In(ns)) => return graph.world.runs_by(on, ns, name),
        _ => return false,
    };
    bound.iter().any(|bound| bound.name == *name)
}

/// Finds a name for one of those made, and others for those who had it (Kuhn's algorithm).
fn place(number: usize, made: &[Made<'_>], slots: &mut [Slot<'_>], tried: &mut [bool]) -> bool {
    let Some(one) = made.get(number) else { return false };
    for at in 0..slots.len() {
        let fits = |slot: &Slot<'_>| slot.from <= one.step && one.names.contains(&slot.name);
        let (Some(slot), Some(done)) = (slots.get(at), tried.get_mut(at)) else { continue };
        if *done || !fits(slot) {
            continue;
        }
        *done = true;
        let free = match slot.by {
            None => true,
            Some(other) => place(other, made, slots, tried),
        };
        if free {
            if let Some(slot) = slots.get_mut(at) {
                slot.by = Some(number);
            }
            return true;
        }
    }
    false
}
