//! Which grants another one makes redundant.
//!
//! Sound, not complete: a grant is called shadowed only where each of its rules is covered by one
//! single rule of the other. Two grants that allow the same shadow each other.

use std::sync::Arc;

use foldhash::HashMap;

use crate::model::{Name, PolicyRule, Role, Scope};

/// A grant as far as it matters here.
pub(crate) struct Held<'a> {
    /// Its number.
    pub(crate) slot: u32,
    /// Where it holds.
    pub(crate) scope: &'a Scope,
    /// What it gives.
    pub(crate) role: &'a Arc<Role>,
}

/// For each of `own`, the first of `own` and `others` that allows all that it does; both sorted
/// by key.
pub(crate) fn shadows(own: &[Held<'_>], others: &[Held<'_>]) -> HashMap<u32, u32> {
    let all: Vec<&Held<'_>> = own.iter().chain(others).collect();
    let mut roles: Vec<&Arc<Role>> = Vec::new();
    let mut numbers: HashMap<*const Role, usize> = HashMap::default();
    // By scope and role: the first two, as the first may be the asker itself.
    let mut first: HashMap<(&Scope, usize), Vec<(usize, u32)>> = HashMap::default();
    for (place, held) in all.iter().enumerate() {
        let number = *numbers.entry(Arc::as_ptr(held.role)).or_insert_with(|| {
            roles.push(held.role);
            roles.len() - 1
        });
        let slots = first.entry((held.scope, number)).or_default();
        if slots.len() < 2 {
            slots.push((place, held.slot));
        }
    }
    let mut covers: HashMap<(usize, usize, bool), bool> = HashMap::default();
    let mut found = HashMap::default();
    for held in own {
        let Some(&mine) = numbers.get(&Arc::as_ptr(held.role)) else {
            continue;
        };
        let cluster = *held.scope == Scope::Cluster;
        if !conveys(held.role, cluster) {
            continue;
        }
        let scopes = std::iter::once(&Scope::Cluster).chain((!cluster).then_some(held.scope));
        let best = scopes
            .flat_map(|scope| (0..roles.len()).map(move |number| (scope, number)))
            .filter_map(|(scope, number)| {
                let slots = first.get(&(scope, number))?;
                let candidate = *slots.iter().find(|(_, slot)| *slot != held.slot)?;
                let yes = *covers.entry((number, mine, cluster)).or_insert_with(|| {
                    number == mine || role_covers(roles[number], roles[mine], cluster)
                });
                yes.then_some(candidate)
            })
            .min();
        if let Some((_, slot)) = best {
            found.insert(held.slot, slot);
        }
    }
    found
}

fn conveys(role: &Role, cluster: bool) -> bool {
    role.rules.iter().any(|rule| {
        !rule.verbs.is_empty()
            && (!(rule.api_groups.is_empty() || rule.resources.is_empty())
                || (cluster && !rule.non_resource_urls.is_empty()))
    })
}

/// Whether `wide` allows all that `narrow` does. Paths count only cluster-wide.
fn role_covers(wide: &Role, narrow: &Role, cluster: bool) -> bool {
    narrow.rules.iter().all(|rule| {
        let resources = rule.api_groups.is_empty()
            || rule.resources.is_empty()
            || wide.rules.iter().any(|by| resources_cover(by, rule));
        let paths = !cluster
            || rule.non_resource_urls.is_empty()
            || wide.rules.iter().any(|by| paths_cover(by, rule));
        resources && paths
    })
}

fn all_in(wide: &[Name], narrow: &[Name]) -> bool {
    narrow.iter().all(|wanted| wide.iter().any(|have| &**have == "*" || have == wanted))
}

fn resources_cover(wide: &PolicyRule, narrow: &PolicyRule) -> bool {
    all_in(&wide.verbs, &narrow.verbs)
        && all_in(&wide.api_groups, &narrow.api_groups)
        && narrow
            .resources
            .iter()
            .all(|wanted| wide.resources.iter().any(|have| resource_covers(have, wanted)))
        && (wide.resource_names.is_empty()
            || (!narrow.resource_names.is_empty()
                && narrow.resource_names.iter().all(|name| wide.resource_names.contains(name))))
}

fn resource_covers(wide: &str, narrow: &str) -> bool {
    wide == "*"
        || wide == narrow
        || wide.strip_prefix("*/").is_some_and(|sub| {
            narrow.split_once('/').is_some_and(|(parent, have)| parent != "*" && have == sub)
        })
}

fn paths_cover(wide: &PolicyRule, narrow: &PolicyRule) -> bool {
    all_in(&wide.verbs, &narrow.verbs)
        && narrow
            .non_resource_urls
            .iter()
            .all(|wanted| wide.non_resource_urls.iter().any(|have| path_covers(have, wanted)))
}

fn path_covers(wide: &str, narrow: &str) -> bool {
    wide == "*"
        || wide == narrow
        || (wide.ends_with('*')
            && narrow.trim_end_matches('*').starts_with(wide.trim_end_matches('*')))
}
