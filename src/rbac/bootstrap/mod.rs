//! The API server's own bootstrap policy, by content and version: the roles and bindings that it
//! installs by itself, which no cluster's owner made.

use std::sync::LazyLock;

use serde::Deserialize;
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
}

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
    /// Whether it is that of the server's own minor version; else the nearest that is known was
    /// taken, which has to be said.
    pub exact: bool,
}

/// The policy for a server's version (`v1.36.3`, `v1.36.3-gke.100`): of the same minor version,
/// else the nearest. None only where the program carries no policy.
pub fn policy(version: Option<&str>) -> Option<Chosen> {
    let wanted = version.and_then(minor);
    let (version, policy) = match wanted {
        Some(wanted) => POLICIES
            .iter()
            .min_by_key(|(have, _)| minor(have).map_or(u32::MAX, |have| wanted.abs_diff(have)))?,
        // Unknown: the newest.
        None => POLICIES.last()?,
    };
    let exact = wanted.is_some() && wanted == minor(version);
    Some(Chosen { policy: policy.as_ref()?, exact })
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

/// Whether a grant is the API server's own; see [`Policy::is_grant`].
pub fn is_bootstrap(
    binding: &Binding,
    subject: &Identity,
    role: Option<&Role>,
    version: Option<&str>,
) -> bool {
    policy(version).is_some_and(|chosen| chosen.policy.is_grant(binding, subject, role))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{BindingKind, BindingSubject, RoleKind};

    fn chosen() -> &'static Policy {
        let chosen = policy(Some("v1.36.3")).expect("built in");
        assert!(chosen.exact);
        chosen.policy
    }

    fn grant(binding: &str) -> (Arc<Binding>, Arc<Role>) {
        let policy = chosen();
        let key = (BindingKind::ClusterRoleBinding, "".into(), binding.into());
        let binding = policy.objects.bindings.get(&key).expect("a binding").clone();
        let role = policy.objects.role(RoleKind::ClusterRole, "", &binding.role_ref.name);
        (binding, role.expect("a role").clone())
    }

    #[test]
    fn every_policy_is_readable_and_its_own() {
        assert_eq!(policies().count(), POLICIES.len());
        for (policy, (version, _)) in policies().zip(&POLICIES) {
            assert_eq!(&*policy.version, *version);
            assert!(policy.objects.roles.len() > 60, "{}", policy.objects.roles.len());
            assert!(policy.objects.bindings.len() > 40, "{}", policy.objects.bindings.len());
            for binding in policy.objects.bindings.values() {
                for subject in &binding.subjects {
                    let namespace = binding.meta.namespace.as_ref();
                    let identity = subject.identity(namespace).expect("matches somebody");
                    let kind = match &*binding.role_ref.kind {
                        "Role" => RoleKind::Role,
                        _ => RoleKind::ClusterRole,
                    };
                    let ns = namespace.map_or("", |ns| &**ns);
                    let role = policy.objects.role(kind, ns, &binding.role_ref.name);
                    assert!(
                        policy.is_grant(binding, &identity, role.map(|role| &**role)),
                        "{:?} {}",
                        binding.kind,
                        binding.meta.name
                    );
                }
            }
        }
    }

    #[test]
    fn an_added_subject_or_a_changed_role_is_not_the_servers() {
        let (binding, role) = grant("system:basic-user");
        let everybody = Identity::group(Identity::AUTHENTICATED);
        let version = Some("v1.36.3");
        assert!(is_bootstrap(&binding, &everybody, Some(&role), version));

        let mut more = Binding::clone(&binding);
        more.subjects.push(BindingSubject {
            kind: "User".into(),
            name: "jane".into(),
            ..BindingSubject::default()
        });
        assert!(is_bootstrap(&more, &everybody, Some(&role), version));
        assert!(!is_bootstrap(&more, &Identity::user("jane"), Some(&role), version));

        let mut wider = Role::clone(&role);
        wider.rules[0].verbs.push("delete".into());
        assert!(!is_bootstrap(&binding, &everybody, Some(&wider), version));
        let mut turned = Role::clone(&role);
        turned.rules.reverse();
        turned.rules[0].resources.reverse();
        assert!(is_bootstrap(&binding, &everybody, Some(&turned), version));
        assert!(!is_bootstrap(&binding, &everybody, None, version));

        let mut other = Binding::clone(&binding);
        other.role_ref.name = "cluster-admin".into();
        let (_, admin) = grant("cluster-admin");
        assert!(!is_bootstrap(&other, &everybody, Some(&admin), version));
        other = Binding::clone(&binding);
        other.meta.name = "somebody-elses".into();
        assert!(!is_bootstrap(&other, &everybody, Some(&role), version));
    }

    #[test]
    fn aggregated_roles_are_filled() {
        let admin = chosen().objects.role(RoleKind::ClusterRole, "", "admin").expect("admin");
        assert!(admin.rules.len() > 10);
        assert!(admin.rules.iter().any(|rule| rule.resources.contains(&"secrets".into())));
    }

    #[test]
    fn the_nearest_version_is_taken_and_said() {
        for (version, exact) in [
            (Some("v1.36.3"), true),
            (Some("v1.36.0-gke.1234"), true),
            (Some("1.36+"), true),
            (Some("v1.34.0"), true),
            (Some("v1.20.1"), false),
            (Some("v9.99.0"), false),
            (Some("nonsense"), false),
            (None, false),
        ] {
            assert_eq!(policy(version).map(|chosen| chosen.exact), Some(exact), "{version:?}");
        }
    }
}
