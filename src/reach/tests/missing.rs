//! Accounts that bindings name and that are not there: worlds in which making one leads to
//! cluster-admin, and twins in which nothing does.

use super::twins::{APP, leads, never};
use super::*;
use crate::model::{Health, ListKind, ListState};

/// An account that may do everything and is not there.
fn gone() -> World {
    World::new()
        .object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app",
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}))
        .cluster_role("cluster-admin", &json!([rule(&["*"], "*", &["*"])]))
        .account("app", "weak")
        .bind(None, "gone", "ClusterRole/cluster-admin", "sa:app/gone")
}

fn make(verbs: &[&str]) -> Value {
    rule(verbs, "", &["serviceaccounts"])
}

fn mint() -> Value {
    rule(&["create"], "", &["serviceaccounts/token"])
}

#[test]
fn an_account_that_is_not_there_is_made_and_taken_over() {
    let create = || make(&["create"]);
    let by = |step: Step| [step];
    leads(gone(), APP, json!([create(), mint()]), &by(Step::MintToken));
    leads(gone(), APP, json!([create(), named(mint(), &["gone"])]), &by(Step::MintToken));
    leads(gone(), None, json!([create(), named(mint(), &["gone"])]), &by(Step::MintToken));
    leads(gone(), APP, json!([create(), rule(&["create"], "", &["pods"])]), &by(Step::RunPod));
    let secrets = rule(&["create", "get"], "", &["secrets"]);
    leads(gone(), APP, json!([create(), secrets]), &by(Step::MakeTokenSecret));
    let job = json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"namespace": "app", "name": "j"}});
    let again = named(rule(&["*"], "batch", &["jobs"]), &["j"]);
    leads(gone().object(&job), APP, json!([create(), again]), &by(Step::RunPod));
    // Under its name by server-side apply; a PUT makes none.
    let apply = |verb, name| named(make(&["create", verb]), &[name]);
    leads(gone(), APP, json!([apply("patch", "gone"), mint()]), &by(Step::MintToken));
    never(gone(), APP, json!([apply("update", "gone"), mint()]));
    never(gone(), APP, json!([apply("patch", "other"), mint()]));
    never(gone(), APP, json!([create()]));
    never(gone(), APP, json!([mint()]));
    never(gone(), APP, json!([make(&["get", "patch", "delete"]), mint()]));
    never(gone(), APP, json!([create(), named(mint(), &["weak"])]));
    never(gone().namespace("other"), Some("other"), json!([create(), mint()]));
    // Nobody takes over what has no namespace to be in.
    let nowhere = gone().bind(None, "gone", "ClusterRole/cluster-admin", "sa:nowhere/gone");
    never(nowhere, None, json!([create(), mint()]));
    // One that nothing names gives what all accounts have.
    let unnamed = gone().bind(None, "gone", "ClusterRole/cluster-admin", "user:boss");
    never(unnamed, APP, json!([create(), mint()]));
}

/// Files that have no account of a namespace do not say that one is not there.
#[test]
fn an_account_of_which_files_say_nothing_is_not_made() {
    let listed = |mut world: World, health: Health| {
        world.snapshot.lists.insert(ListKind::ServiceAccounts, ListState::new(health));
        world
    };
    let rules = || json!([make(&["create"]), mint()]);
    // Without weak there is no account at all.
    let bare = || {
        let mut world = gone();
        world.snapshot.objects.service_accounts.clear();
        world
    };
    leads(listed(bare(), Health::Complete), APP, rules(), &[Step::MintToken]);
    never(listed(bare(), Health::Unverifiable), APP, rules());
    // One of them is enough to know who else is there.
    leads(listed(gone(), Health::Unverifiable), APP, rules(), &[Step::MintToken]);
    never(listed(gone(), Health::Forbidden), APP, rules());
}

#[test]
fn one_makes_the_account_that_another_takes_over() {
    let world = || {
        gone().role("app", "makes", &json!([make(&["create"])])).bind(
            APP,
            "makes",
            "Role/makes",
            "sa:app/weak",
        )
    };
    let steps = [Step::MintToken, Step::MintToken];
    leads(world(), APP, json!([mint()]), &steps);
    never(gone(), APP, json!([mint()]));
    let secrets = |verbs: &[&str]| rule(verbs, "", &["secrets"]);
    let both = || {
        world().role("app", "reads", &json!([secrets(&["get"])])).bind(
            APP,
            "reads",
            "Role/reads",
            "sa:app/weak",
        )
    };
    let weak = || named(mint(), &["weak"]);
    let steps = [Step::MintToken, Step::MakeTokenSecret];
    leads(both(), APP, json!([weak(), secrets(&["create"])]), &steps);
    never(both(), APP, json!([weak()]));
}

#[test]
fn what_is_made_is_said() {
    let world = jane(gone(), APP, &json!([make(&["create"]), mint()]));
    let reached = reached(&world, "user:jane");
    let hop = &reached.highest().unwrap().hops[0];
    assert_eq!(
        hop.words(),
        "makes sa:app/gone, which is not there, and has a token made for sa:app/gone"
    );
    let needed: Vec<String> = hop.needed.iter().map(Needed::words).collect();
    assert_eq!(needed, ["create serviceaccounts/token in app", "create serviceaccounts in app"]);
}
