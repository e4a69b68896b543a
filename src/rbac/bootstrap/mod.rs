//! The API server's own bootstrap policy, by content and version: the roles and bindings that it
//! installs by itself, which no cluster's owner made.

use std::cmp::Reverse;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::aggregation::would_be;
use crate::model::{Binding, Identity, Name, Object, Objects, PolicyRule, Role};

/// A policy that is built in, read when it is first asked for.
type BuiltIn = (&'static str, LazyLock<Option<Policy>>);

/// The policies that are built in, oldest first. Each was written by
/// `KEYBOOK_UPDATE=1 cargo test --test live bootstrap` with a control plane of that version (the
/// version of `k8s.io/kubernetes` in `tests/cluster/go.mod`), from what the API server's own code
/// installs; without the variable the test proves that the two are equal.
static POLICIES: [BuiltIn; 4] = [
    ("v1.34.4", LazyLock::new(|| Policy::read(include_str!("v1.34.4.json")).ok())),
    ("v1.35.4", LazyLock::new(|| Policy::read(include_str!("v1.35.4.json")).ok())),
    ("v1.36.3", LazyLock::new(|| Policy::read(include_str!("v1.36.3.json")).ok())),
    ("v1.37.2", LazyLock::new(|| Policy::read(include_str!("v1.37.2.json")).ok())),
];

/// What an API server of one version installs.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The version, `v1.36.3`.
    pub version: Name,
    /// Roles, with the rules that aggregation gives them, and bindings.
    pub objects: Objects,
}

#[derive(Deserialize)]
struct Text<'a> {
    version: Name,
    #[serde(borrow)]
    objects: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Name,
}

impl Policy {
    fn read(text: &str) -> Result<Self, serde_json::Error> {
        let text: Text<'_> = serde_json::from_str(text)?;
        let mut objects = Objects::default();
        for raw in text.objects {
            let Kind { kind } = serde_json::from_str(raw.get())?;
            let mut source = serde_json::Deserializer::from_str(raw.get());
            if let Some(object) = Object::read("rbac.authorization.k8s.io/v1", &kind, &mut source)?
            {
                objects.insert(object);
            }
        }
        aggregate(&mut objects);
        Ok(Self { version: text.version, objects })
    }

    /// Whether a role is exactly one that the API server installs: same place, same rules in any
    /// order. An aggregated one may have been filled by the controller or not yet.
    pub fn is_role(&self, role: &Role) -> bool {
        let namespace = role.meta.namespace.as_deref().unwrap_or_default();
        let Some(own) = self.objects.role(role.kind, namespace, &role.meta.name) else {
            return false;
        };
        let aggregated = own.aggregation.is_some();
        own.aggregation == role.aggregation
            && (same_rules(&own.rules, &role.rules) || (aggregated && role.rules.is_empty()))
    }

    /// Whether a grant is exactly one that the API server installs: the binding by place and
    /// `roleRef`, this subject of it, and the role by its rules. A subject that somebody added to
    /// one of the server's bindings is none.
    pub fn is_grant(&self, binding: &Binding, subject: &Identity, role: Option<&Role>) -> bool {
        let namespace: Name = binding.meta.namespace.clone().unwrap_or_else(|| "".into());
        let key = (binding.kind, namespace, binding.meta.name.clone());
        self.objects.bindings.get(&key).is_some_and(|own| {
            let namespace = own.meta.namespace.as_ref();
            own.role_ref == binding.role_ref
                && own
                    .subjects
                    .iter()
                    .any(|have| have.identity(namespace).as_ref() == Some(subject))
                && role.is_some_and(|role| self.is_role(role))
        })
    }

    /// How well it fits what is there. An upgrade leaves behind what it no longer installs, and
    /// adds what it does: so the most that is exactly as installed wins, then the least that is not.
    /// Of equals the newest wins.
    fn fit(&self, objects: &Objects) -> Fit {
        let own = &self.objects;
        let roles = own
            .roles
            .keys()
            .filter(|key| objects.roles.get(*key).is_some_and(|role| self.is_role(role)));
        let bindings = own.bindings.iter().filter(|(key, own)| {
            objects.bindings.get(*key).is_some_and(|binding| {
                own.role_ref == binding.role_ref && has_subjects(binding, own)
            })
        });
        let there = roles.count() + bindings.count();
        let not = own.roles.len() + own.bindings.len() - there;
        (there, Reverse(not), minor(&self.version).map_or(0, |minor| minor as usize))
    }
}

/// Whether a binding has all subjects of another one of its place.
fn has_subjects(binding: &Binding, of: &Binding) -> bool {
    let namespace = of.meta.namespace.as_ref();
    let names = |binding: &Binding, wanted: &Identity| {
        let mut subjects = binding.subjects.iter();
        subjects.any(|subject| subject.identity(namespace).as_ref() == Some(wanted))
    };
    let mut wanted = of.subjects.iter().filter_map(|subject| subject.identity(namespace));
    wanted.all(|wanted| names(binding, &wanted))
}

/// How well a policy fits a cluster; the greatest is the best.
type Fit = (usize, Reverse<usize>, usize);

/// Fills aggregated roles the way the controller does, until nothing changes.
fn aggregate(objects: &mut Objects) {
    loop {
        let changed: Vec<Role> = objects
            .roles
            .values()
            .filter_map(|role| {
                let rules = would_be(role, objects)?;
                (rules != role.rules).then(|| Role { rules, ..Role::clone(role) })
            })
            .collect();
        if changed.is_empty() {
            return;
        }
        for role in changed {
            objects.insert(Object::Role(role));
        }
    }
}

fn same_rules(one: &[PolicyRule], other: &[PolicyRule]) -> bool {
    let within = |some: &[PolicyRule], all: &[PolicyRule]| {
        some.iter().all(|rule| all.iter().any(|have| same_rule(rule, have)))
    };
    within(one, other) && within(other, one)
}

/// Equal but for the order of what it lists.
fn same_rule(one: &PolicyRule, other: &PolicyRule) -> bool {
    let same = |one: &[Name], other: &[Name]| {
        let sorted = |list: &[Name]| {
            let mut list = list.to_vec();
            list.sort();
            list
        };
        one == other || sorted(one) == sorted(other)
    };
    same(&one.verbs, &other.verbs)
        && same(&one.api_groups, &other.api_groups)
        && same(&one.resources, &other.resources)
        && same(&one.resource_names, &other.resource_names)
        && same(&one.non_resource_urls, &other.non_resource_urls)
}

/// The policy that a cluster is measured by.
#[derive(Clone, Copy, Debug)]
pub struct Chosen {
    /// The policy.
    pub policy: &'static Policy,
    /// How it was come by.
    pub by: ChosenBy,
}

/// How the policy was come by that a cluster is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ChosenBy {
    /// It is that of the server's own minor version.
    Version,
    /// The server's version is not built in: it is that of the nearest one, which has to be said.
    Nearest,
    /// The server's version is not known: more of what it installs is there than of any other.
    Content,
}

/// The policy for a server's version (`v1.36.3`, `v1.36.3-gke.100`): of the same minor version,
/// else the nearest. None for what is no version.
pub fn policy(version: &str) -> Option<Chosen> {
    let wanted = minor(version)?;
    let (version, policy) = POLICIES
        .iter()
        .min_by_key(|(have, _)| minor(have).map_or(u32::MAX, |have| wanted.abs_diff(have)))?;
    let exact = Some(wanted) == minor(version);
    let by = if exact { ChosenBy::Version } else { ChosenBy::Nearest };
    Some(Chosen { policy: policy.as_ref()?, by })
}

/// The policy that a cluster's objects are measured by: for the server's version, where that is
/// known; else the one that fits them best. It looks at what is installed only, however much else
/// there is. None only where the program carries no policy.
pub fn choose(version: Option<&str>, objects: &Objects) -> Option<Chosen> {
    version.and_then(policy).or_else(|| {
        let policy = policies().max_by_key(|policy| policy.fit(objects))?;
        Some(Chosen { policy, by: ChosenBy::Content })
    })
}

/// The policies that a server of that version may have: one, but all where it is not known.
pub fn possible(version: Option<&str>) -> impl Iterator<Item = &'static Policy> {
    let chosen = version.and_then(policy).map(|chosen| chosen.policy);
    let any = if chosen.is_none() { Some(policies()) } else { None };
    chosen.into_iter().chain(any.into_iter().flatten())
}

/// All policies that are built in, oldest first.
pub fn policies() -> impl Iterator<Item = &'static Policy> {
    POLICIES.iter().filter_map(|(_, policy)| policy.as_ref())
}

/// Major and minor version as one number: 1.36 is 1036.
fn minor(version: &str) -> Option<u32> {
    let mut parts = version.trim_start_matches('v').split('.');
    let major: u32 = parts.next()?.parse().ok()?;
    let digits: String = parts.next()?.chars().take_while(char::is_ascii_digit).collect();
    let minor: u32 = digits.parse().ok()?;
    major.checked_mul(1000)?.checked_add(minor)
}

#[cfg(test)]
mod tests;
