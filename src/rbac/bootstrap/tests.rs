use std::sync::Arc;

use super::*;
use crate::model::{BindingKind, BindingSubject, RoleKind};

fn chosen() -> &'static Policy {
    let chosen = policy("v1.36.3").expect("built in");
    assert_eq!(chosen.by, ChosenBy::Version);
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
    let is_bootstrap = |binding: &Binding, subject: &Identity, role: Option<&Role>| {
        chosen().is_grant(binding, subject, role)
    };
    assert!(is_bootstrap(&binding, &everybody, Some(&role)));

    let mut more = Binding::clone(&binding);
    more.subjects.push(BindingSubject {
        kind: "User".into(),
        name: "jane".into(),
        ..BindingSubject::default()
    });
    assert!(is_bootstrap(&more, &everybody, Some(&role)));
    assert!(!is_bootstrap(&more, &Identity::user("jane"), Some(&role)));

    let mut wider = Role::clone(&role);
    wider.rules[0].verbs.push("delete".into());
    assert!(!is_bootstrap(&binding, &everybody, Some(&wider)));
    let mut turned = Role::clone(&role);
    turned.rules.reverse();
    turned.rules[0].resources.reverse();
    assert!(is_bootstrap(&binding, &everybody, Some(&turned)));
    assert!(!is_bootstrap(&binding, &everybody, None));

    let mut other = Binding::clone(&binding);
    other.role_ref.name = "cluster-admin".into();
    let (_, admin) = grant("cluster-admin");
    assert!(!is_bootstrap(&other, &everybody, Some(&admin)));
    other = Binding::clone(&binding);
    other.meta.name = "somebody-elses".into();
    assert!(!is_bootstrap(&other, &everybody, Some(&role)));
}

#[test]
fn aggregated_roles_are_filled() {
    let admin = chosen().objects.role(RoleKind::ClusterRole, "", "admin").expect("admin");
    assert!(admin.rules.len() > 10);
    assert!(admin.rules.iter().any(|rule| rule.resources.contains(&"secrets".into())));
}

#[test]
fn the_nearest_version_is_taken_and_said() {
    use ChosenBy::{Nearest, Version};
    for (version, have, by) in [
        ("v1.36.3", "v1.36.3", Version),
        ("v1.36.0-gke.1234", "v1.36.3", Version),
        ("1.36+", "v1.36.3", Version),
        ("v1.34.0", "v1.34.4", Version),
        ("v1.20.1", "v1.34.4", Nearest),
        ("v9.99.0", "v1.37.2", Nearest),
    ] {
        let chosen = policy(version).expect("a policy");
        assert_eq!((&*chosen.policy.version, chosen.by), (have, by), "{version}");
    }
    assert!(policy("nonsense").is_none());
}

#[test]
fn without_a_version_the_policy_is_the_one_that_is_there() {
    for installed in policies() {
        let chosen = choose(None, &installed.objects).expect("a policy");
        assert_eq!(chosen.policy.version, installed.version);
        assert_eq!(chosen.by, ChosenBy::Content);

        // What an earlier version installed stays behind when a cluster is upgraded.
        let mut upgraded = installed.objects.clone();
        for earlier in policies().take_while(|one| one.version != installed.version) {
            let roles = earlier.objects.roles.iter();
            for (key, role) in roles.filter(|(key, _)| !installed.objects.roles.contains_key(*key))
            {
                upgraded.roles.insert(key.clone(), role.clone());
            }
            for (key, binding) in &earlier.objects.bindings {
                if !installed.objects.bindings.contains_key(key) {
                    upgraded.bindings.insert(key.clone(), binding.clone());
                }
            }
        }
        let chosen = choose(Some("nonsense"), &upgraded).expect("a policy");
        assert_eq!(chosen.policy.version, installed.version);

        // A version that is known is not gone against.
        let chosen = choose(Some("v1.35.0"), &installed.objects).expect("a policy");
        assert_eq!((&*chosen.policy.version, chosen.by), ("v1.35.4", ChosenBy::Version));
    }
    let chosen = choose(None, &Objects::default()).expect("a policy");
    assert_eq!(chosen.by, ChosenBy::Content);
}

#[test]
fn without_a_version_any_policy_may_be_the_servers() {
    let versions =
        |version| -> Vec<&str> { possible(version).map(|policy| &*policy.version).collect() };
    assert_eq!(versions(Some("v1.35.0")), ["v1.35.4"]);
    assert_eq!(versions(None), ["v1.34.4", "v1.35.4", "v1.36.3", "v1.37.2"]);
}
