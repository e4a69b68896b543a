//! What is not there, and what may be there where a list was refused.

use serde_json::json;

use super::{World, pods, user};
use crate::book::tests::world::{Row, World as Logged};
use crate::change::plan::{Choices, Intent, Refusal};
use crate::model::{ListKind, RoleKind};

fn world() -> World {
    let subjects = json!([user("a")]);
    World::default().role("reader", &pods(&["get"])).bind(Some("n"), "b", "reader", &subjects)
}

#[test]
fn what_is_not_there_is_refused() {
    let world = world();
    assert!(matches!(world.plan(&["user:nobody"]), Err(Refusal::Nobody(_))));
    assert!(matches!(world.plan(&["rb:n/other=user:a"]), Err(Refusal::NotThere(_))));
    assert!(matches!(world.plan(&["rb:n/b=user:A"]), Err(Refusal::NotNamed { .. })));
    assert!(matches!(world.plan(&["secret:n/x"]), Err(Refusal::NotThere(_))));
}

#[test]
fn what_a_refused_list_would_tell_is_not_called_absent() {
    for (intent, forbidden, said) in [
        ("user:nobody", ListKind::RoleBindings, "rolebindings: forbidden"),
        ("user:nobody", ListKind::ClusterRoleBindings, "clusterrolebindings: forbidden"),
        ("sa:n/nobody", ListKind::ServiceAccounts, "serviceaccounts: forbidden"),
        ("rb:n/other=user:a", ListKind::RoleBindings, "rolebindings in n: forbidden"),
        ("crb:other=user:a", ListKind::ClusterRoleBindings, "clusterrolebindings: forbidden"),
        ("secret:n/x", ListKind::TokenSecrets, "in n: forbidden"),
    ] {
        let mut world = world();
        world.forbidden = vec![forbidden];
        match world.plan(&[intent]) {
            Err(refusal @ Refusal::NotKnown { .. }) => {
                assert!(refusal.to_string().contains(said), "{intent}: {refusal}");
            }
            other => panic!("{intent} with {forbidden}: {other:?}"),
        }
    }
    // One that has nothing to do with it.
    let mut world = world();
    world.forbidden = vec![ListKind::Pods, ListKind::ClusterRoleBindings];
    assert!(matches!(world.plan(&["rb:n/other=user:a"]), Err(Refusal::NotThere(_))));
}

#[test]
fn a_role_is_not_narrowed_for_holders_that_no_list_shows() {
    let intent = |kind, namespace: Option<&str>, name: &str| Intent::NarrowRole {
        role_kind: kind,
        namespace: namespace.map(Into::into),
        name: name.into(),
        choices: Choices::default(),
    };
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    Row::new("user:a", "get pods@n", 80).put(&mut parts);
    let world = World { log: Some(parts), ..world() };
    let reader = intent(RoleKind::ClusterRole, None, "reader");
    let whole = world.plan_of(std::slice::from_ref(&reader));
    assert!(whole.is_ok(), "{whole:?}");
    for list in [ListKind::RoleBindings, ListKind::ClusterRoleBindings] {
        let world = World { forbidden: vec![list], ..world.clone() };
        match world.plan_of(std::slice::from_ref(&reader)) {
            Err(Refusal::NotKnown { what, lists }) => {
                assert_eq!(what, "who holds ClusterRole reader");
                assert_eq!(lists, [format!("{list}: forbidden")]);
            }
            other => panic!("{list}: {other:?}"),
        }
    }
    let gone = intent(RoleKind::ClusterRole, None, "gone");
    let refused = world.plan_of(std::slice::from_ref(&gone));
    assert!(matches!(refused, Err(Refusal::NotThere(_))), "{refused:?}");
    let unlisted = World { forbidden: vec![ListKind::ClusterRoles], ..world };
    let refused = unlisted.plan_of(&[gone]);
    assert!(matches!(refused, Err(Refusal::NotKnown { .. })), "{refused:?}");
}

#[test]
fn who_is_not_known_is_said_before_the_log_that_is_not_there() {
    let narrow = |name: &str| Intent::Narrow {
        identity: crate::model::Identity::user(name),
        choices: Choices::default(),
    };
    let role = Intent::NarrowRole {
        role_kind: RoleKind::ClusterRole,
        namespace: None,
        name: "other".into(),
        choices: Choices::default(),
    };
    let forbidden = vec![ListKind::ClusterRoleBindings, ListKind::ClusterRoles];
    for intent in [narrow("nobody"), role] {
        let plan =
            |forbidden| World { forbidden, ..world() }.plan_of(std::slice::from_ref(&intent));
        let refusal = plan(forbidden.clone()).unwrap_err();
        assert!(matches!(refusal, Refusal::NotKnown { .. }), "{refusal}");
        let refusal = plan(Vec::new()).unwrap_err();
        assert!(matches!(refusal, Refusal::Nobody(_) | Refusal::NotThere(_)), "{refusal}");
    }
    let refusal = world().plan_of(&[narrow("a")]).unwrap_err();
    assert!(matches!(refusal, Refusal::Log(_)), "{refusal}");
}
