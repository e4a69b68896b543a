//! Impersonation (`apiserver/pkg/endpoints/filters/impersonation`).
//!
//! The legacy verb `impersonate` is asked for the user, the account (in its namespace) and each
//! group; a group needs a user or an account to go with. The constrained verbs (KEP-5284, on since
//! 1.36) ask besides, for the request itself, `impersonate-on:MODE:VERB`; they take no
//! `system:masters`, and an account without groups only. What is impersonated can impersonate
//! nobody: the headers are the authenticated user's.

use std::sync::Arc;

use crate::model::{Identity, SubjectKind};
use crate::reach::ask::{Mode, Names, On, Verb, has};
use crate::reach::moves::{Hub, Out, Pose, To};
use crate::reach::rights::{Right, Rights};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::steps::node::PREFIX as NODE;
use crate::reach::world::{World, of};

/// The first version in which constrained impersonation is on.
const CONSTRAINED_SINCE: u32 = 36;

pub(crate) const LEGACY: About = About {
    id: "impersonate",
    does: "impersonates",
    seen: Seen { how: Shown::Yes, what: "each request, with both names" },
    modelled: None,
};

pub(crate) const CONSTRAINED: About = About {
    id: "constrained-impersonate",
    does: "impersonates, for what its impersonate-on rules let it,",
    seen: Seen { how: Shown::Yes, what: "each request, with both names and the constraint" },
    modelled: None,
};

pub(in crate::reach) fn find(rights: &Rights, world: &World, out: &mut Out) {
    legacy(rights, world, out);
    if is_constrained(world) {
        constrained(rights, world, out);
    }
}

/// Whether the API server knows the constrained sort.
pub(in crate::reach) fn is_constrained(world: &World) -> bool {
    world.minor.is_some_and(|minor| minor >= CONSTRAINED_SINCE)
}

fn legacy(rights: &Rights, world: &World, out: &mut Out) {
    let users = rights.of(On::Users, Verb::Impersonate);
    let accounts = rights.of(On::Accounts, Verb::Impersonate);
    let groups = rights.of(On::Groups, Verb::Impersonate);
    // The name of an account among users' is asked for as an account.
    let is_user = |right: &&Right| !user_ids(&right.names, world, |_| true).is_empty();
    let Some(anybody) = users.iter().find(is_user).or_else(|| accounts.first()) else { return };
    if let Some(masters) = groups.iter().find(|r| has(&r.names, Identity::SYSTEM_MASTERS)) {
        let used = [anybody.clone(), masters.clone()];
        out.edge(To::Everything, Step::Impersonate, &used);
    }
    let (asked, by) = group_ids(groups, world);
    let asked: Arc<[u32]> = asked.into();
    for right in users {
        let whos = user_ids(&right.names, world, |_| true);
        if right.names.is_none() {
            let used = std::slice::from_ref(right);
            out.edge(To::Hub(Hub::Users), Step::Impersonate, used);
        }
        for who in whos {
            pose(who, &asked, right, &by, out);
        }
    }
    for right in accounts {
        if right.names.is_none() {
            let hub = Hub::Posed(right.at.inside());
            out.edge(To::Hub(hub), Step::Impersonate, std::slice::from_ref(right));
            if !asked.is_empty() {
                pose(None, &asked, right, &by, out);
            }
        }
        for (who, groups) in account_ids(right, world) {
            if groups.is_empty() {
                pose(who, &asked, right, &by, out);
            } else {
                let to = To::Posing(Pose { who, groups: groups.into() });
                out.edge(to, Step::Impersonate, std::slice::from_ref(right));
            }
        }
    }
}

/// One request as somebody, alone and with all the groups that may go with it.
fn pose(who: Option<u32>, groups: &Arc<[u32]>, right: &Right, by: &[Right], out: &mut Out) {
    let alone = To::Posing(Pose { who, groups: Arc::default() });
    out.edge(alone, Step::Impersonate, std::slice::from_ref(right));
    if !groups.is_empty() {
        let used: Vec<Right> = std::iter::once(right).chain(by).cloned().collect();
        out.edge(To::Posing(Pose { who, groups: groups.clone() }), Step::Impersonate, &used);
    }
}

/// The groups that grants name among those that may be asked for, sorted, and by which rights.
fn group_ids(groups: &[Right], world: &World) -> (Vec<u32>, Vec<Right>) {
    let mut ids: Vec<u32> = Vec::new();
    let mut by = Vec::new();
    for right in groups {
        let Some(names) = &right.names else { continue };
        let before = ids.len();
        ids.extend(names.iter().filter_map(|name| world.group(name)));
        if ids.len() > before {
            by.push(right.clone());
        }
    }
    ids.sort_unstable();
    ids.dedup();
    (ids, by)
}

/// The users that are named: None stands for one that nothing knows, which only authenticated.
fn user_ids(names: &Names, world: &World, takes: impl Fn(&str) -> bool) -> Vec<Option<u32>> {
    let Some(names) = names else { return vec![None] };
    names
        .iter()
        .filter(|name| Identity::from_user_name(name).kind == SubjectKind::User && takes(name))
        .map(|name| world.user(name))
        .collect()
}

/// The accounts that are named, and of those that nothing knows the groups alone.
fn account_ids(right: &Right, world: &World) -> Vec<(Option<u32>, Vec<u32>)> {
    let mut found: Vec<(Option<u32>, Vec<u32>)> = Vec::new();
    for ns in world.within(right.at) {
        let known = of(&world.known, ns);
        let strangers = match &right.names {
            None => known.is_empty(),
            Some(names) => {
                let some: Vec<u32> =
                    known.iter().copied().filter(|id| world.is_named(*id, names)).collect();
                let all = some.len() == names.len();
                found.extend(some.into_iter().map(|id| (Some(id), Vec::new())));
                !all
            }
        };
        let groups = world.account_groups(ns);
        if strangers && !groups.is_empty() {
            found.push((None, groups));
        }
    }
    found
}

fn constrained(rights: &Rights, world: &World, out: &mut Out) {
    let groups = rights.of(On::InfoGroups, Verb::UserInfo);
    let (mut asked, mut by) = group_ids(groups, world);
    // For four groups and more one name is asked for that stands for all (`authorizeGroups`), and there
    // is nothing against groups that nobody knows.
    if let Some(any) = groups.iter().find(|right| has(&right.names, "*")) {
        asked.clone_from(&world.groups);
        by = vec![any.clone()];
    }
    asked.retain(|id| !world.is_masters(*id));
    let asked: Arc<[u32]> = asked.into();
    for right in rights.of(On::InfoUsers, Verb::UserInfo) {
        let mut whos = user_ids(&right.names, world, |name| !name.starts_with(NODE));
        if right.names.is_none() {
            let users = world.users.iter().filter(|id| !world.is_node(**id, NODE));
            whos.extend(users.copied().map(Some));
        }
        let used: Vec<Right> = std::iter::once(right).chain(&by).cloned().collect();
        for who in whos {
            let pose = Pose { who, groups: asked.clone() };
            out.edge(To::Constrained(pose, Mode::OnUser), Step::ConstrainedImpersonate, &used);
        }
    }
    for right in rights.of(On::InfoAccounts, Verb::ServiceAccount) {
        // Nobody asks whether the account is there.
        for (who, groups) in account_ids(right, world) {
            let to = To::Constrained(Pose { who, groups: groups.into() }, Mode::OnAccount);
            out.edge(to, Step::ConstrainedImpersonate, std::slice::from_ref(right));
        }
        if right.names.is_none() {
            for id in world.within(right.at).flat_map(|ns| of(&world.known, ns)) {
                let to = To::Constrained(
                    Pose { who: Some(*id), groups: Arc::default() },
                    Mode::OnAccount,
                );
                out.edge(to, Step::ConstrainedImpersonate, std::slice::from_ref(right));
            }
        }
    }
}
