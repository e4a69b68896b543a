//! Who or what a step gained, for people to read.

use super::ask::{On, Verb};
use super::gain::{Gain, Reaches};
use super::graph::{Graph, Node};
use super::moves::{Pose, RoleSet};
use super::rights::Right;
use super::search::Found;
use super::step::Step;
use super::world::{Where, of};
use crate::book::IdentityId;
use crate::model::{Identity, Name, RoleKind, SubjectKind};

pub(super) fn gain(graph: &Graph<'_>, found: &Found) -> Gain {
    let identity = |id: u32| {
        let entry = graph.book.entry(IdentityId(id));
        entry.map_or_else(|| Identity::user(""), |entry| entry.identity.clone())
    };
    let name = |pose: &Pose, constrained| {
        let groups = pose.groups.iter().map(|id| identity(*id).name).collect();
        let right = found.by.iter().flat_map(|by| &by.used).find(|right| is_somebody(right));
        let (identity, accounts) = match (pose.who, right) {
            (Some(id), _) => (Some(identity(id)), None),
            (None, Some(right)) => stranger(graph, right, &pose.groups),
            (None, None) => (None, None),
        };
        Gain::Name { identity, accounts, groups, constrained }
    };
    match &found.node {
        Node::Identity(id) => Gain::Identity(identity(*id)),
        Node::Stranger(who) => {
            let used = found.by.as_ref().map_or(&[][..], |by| &by.used);
            Gain::Identity(graph.world.identity_of(*who, used))
        }
        Node::Posing(pose) => name(pose, false),
        Node::Constrained(pose, ..) => name(pose, true),
        Node::Given(RoleSet::One(role), at) => match graph.world.role_facts(*role) {
            Some(role) => Gain::Role {
                kind: role.key.0,
                name: Some(role.key.2.clone()),
                at: reaches(graph, *at),
            },
            None => Gain::Everything(reaches(graph, *at)),
        },
        Node::Given(RoleSet::ClusterRoles, at) => {
            Gain::Role { kind: RoleKind::ClusterRole, name: None, at: reaches(graph, *at) }
        }
        Node::Given(RoleSet::RolesIn(_), at) => {
            Gain::Role { kind: RoleKind::Role, name: None, at: reaches(graph, *at) }
        }
        Node::Given(RoleSet::Own, at) => Gain::Everything(reaches(graph, *at)),
        Node::Anyone => Gain::Anyone,
        Node::Everything => Gain::Identity(Identity::group(Identity::SYSTEM_MASTERS)),
    }
}

fn is_somebody(right: &Right) -> bool {
    matches!(right.on, On::Users | On::InfoUsers | On::Accounts | On::InfoAccounts)
}

/// As whom that right lets one act of those that no grant names: the first of its names, or where
/// accounts of any name are.
fn stranger(
    graph: &Graph<'_>,
    right: &Right,
    groups: &[u32],
) -> (Option<Identity>, Option<Reaches>) {
    let world = &graph.world;
    let is_account = matches!(right.on, On::Accounts | On::InfoAccounts);
    let Some(names) = &right.names else {
        return (None, is_account.then(|| reaches(graph, right.at.inside())));
    };
    if !is_account {
        let is_user = |name: &&Name| Identity::from_user_name(name).kind == SubjectKind::User;
        let mut unknown = names.iter().filter(is_user).filter(|name| world.user(name).is_none());
        return (unknown.next().map(|name| Identity::user(name.clone())), None);
    }
    let account = |ns: u32| {
        let of_it = world.account_groups(ns) == groups;
        let known = |name: &Name| {
            let all = of(&world.known, ns).iter();
            all.copied().any(|id| world.is_named(id, std::slice::from_ref(name)))
        };
        let name = names.iter().filter(|_| of_it).find(|name| !known(name))?;
        Some(Identity::service_account(world.namespace(ns)?.clone(), name.clone()))
    };
    (world.within(right.at).find_map(account), None)
}

/// In whose name a request is made that is for a group only.
pub(super) fn poses_as(graph: &Graph<'_>, found: &Found) -> Option<String> {
    let by = found.by.as_ref().filter(|by| by.step == Step::Impersonate)?;
    let right = by.used.iter().find(|right| is_somebody(right))?;
    if found.node != Node::Everything {
        return None;
    }
    let Some(names) = &right.names else {
        return Some(match right.on {
            On::Accounts => format!("an account of any name {}", reaches(graph, right.at.inside())),
            _ => "a user of any name".to_owned(),
        });
    };
    let identity = if right.on == On::Accounts {
        let ns = graph.world.within(right.at).next()?;
        Identity::service_account(graph.world.namespace(ns)?.clone(), names.first()?.clone())
    } else {
        let is_user = |name: &&Name| Identity::from_user_name(name).kind == SubjectKind::User;
        Identity::user(names.iter().find(is_user)?.clone())
    };
    Some(identity.to_string())
}

pub(super) fn makes(graph: &Graph<'_>, found: &Found) -> Option<Identity> {
    let is_made = |right: &Right| right.on == On::Accounts && right.verb == Verb::Create;
    let used = &found.by.as_ref()?.used;
    used.iter().find(|right| is_made(right))?;
    match found.node {
        Node::Identity(id) => graph.book.entry(IdentityId(id)).map(|entry| entry.identity.clone()),
        Node::Stranger(who) => Some(graph.world.identity_of(who, used)),
        _ => None,
    }
}

pub(super) fn reaches(graph: &Graph<'_>, at: Where) -> Reaches {
    match at {
        Where::Cluster => Reaches::Cluster,
        Where::Each => Reaches::EveryNamespace,
        Where::In(ns) => {
            Reaches::Namespace(graph.world.namespace(ns).cloned().unwrap_or_else(|| "".into()))
        }
    }
}
