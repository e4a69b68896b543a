//! What rbac-manager keeps: its `RBACDefinition` is edited, and what it makes of that is waited for.

use serde_json::{Value, json};

use super::*;

fn definition(entries: &Value) -> Value {
    json!({"apiVersion": "rbacmanager.reactiveops.io/v1beta1", "kind": "RBACDefinition",
        "metadata": {"name": "devs", "uid": "uid-devs", "resourceVersion": "3",
            "managedFields": [{"manager": "kubectl"}]},
        "future": {"kept": true}, "rbacBindings": entries})
}

/// As rbac-manager makes one.
fn made(ns: Option<&str>, name: &str, subjects: &Value, labelled: bool) -> Value {
    let mut made = binding(ns, name, "edit", subjects);
    if labelled {
        made["metadata"]["labels"] = json!({"rbac-manager": "reactiveops"});
    }
    made["metadata"]["ownerReferences"] = json!([{"kind": "RBACDefinition", "name": "devs",
        "apiVersion": "rbacmanager.reactiveops.io/v1beta1", "uid": "uid-devs", "controller": true}]);
    made
}

fn both() -> Value {
    json!([user("ann"), user("bob")])
}

/// Ann and bob in one namespace, ann alone everywhere; something else that is not hers.
fn entries() -> Value {
    json!([
        {"name": "all", "subjects": both(), "note": "kept",
            "roleBindings": [{"clusterRole": "edit", "namespace": "n"}]},
        {"name": "lone", "subjects": [user("ann")],
            "clusterRoleBindings": [{"clusterRole": "edit"}]},
        {"name": "other", "subjects": [user("bob")],
            "clusterRoleBindings": [{"clusterRole": "edit"}]},
    ])
}

fn world() -> World {
    World::default()
        .role("edit", &pods(&["delete"]))
        .with(definition(&entries()))
        .with(made(Some("n"), "devs-all-edit", &both(), true))
        .with(made(None, "devs-lone-edit", &json!([user("ann")]), true))
        .with(made(None, "devs-other-edit", &json!([user("bob")]), true))
}

fn targets(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| step.target.to_string()).collect()
}

fn left(plan: &Plan) -> &Value {
    let of = plan.steps.iter().find(|step| step.target.is_definition()).expect("a step");
    &of.after.as_ref().expect("an image")["rbacBindings"]
}

fn followed(all: &[Followed]) -> Vec<String> {
    all.iter().map(Followed::words).collect()
}

#[test]
fn who_is_revoked_leaves_the_definition_and_the_bindings_are_awaited() {
    let plan = world().plan(&["user:ann"]).expect("a plan");
    assert_eq!(targets(&plan), ["RBACDefinition devs"]);
    let step = &plan.steps[0];
    assert_eq!(step.action, Action::Replace);
    assert_eq!(step.precondition.uid.as_deref(), Some("uid-devs"));
    assert_eq!(step.precondition.resource_version.as_deref(), Some("3"));
    let right = step.rights[0].to_string();
    assert_eq!(right, "update rbacdefinitions.rbacmanager.reactiveops.io \"devs\"");
    // The entry that was hers alone goes; what nobody knows stays.
    let mut expected = step.before.clone().expect("an image");
    expected["rbacBindings"] = json!([
        {"name": "all", "subjects": [user("bob")], "note": "kept",
            "roleBindings": [{"clusterRole": "edit", "namespace": "n"}]},
        {"name": "other", "subjects": [user("bob")],
            "clusterRoleBindings": [{"clusterRole": "edit"}]},
    ]);
    assert_eq!(step.after.as_ref(), Some(&expected));
    assert_eq!(
        followed(&plan.verification.unnamed),
        ["ClusterRoleBinding devs-lone-edit: user:ann", "RoleBinding n/devs-all-edit: user:ann"]
    );
    let denied: Vec<String> = plan.verification.denied.iter().map(Check::words).collect();
    assert_eq!(denied, ["ann: delete pods", "ann: delete pods in namespace n"]);
    let allowed: Vec<String> = plan.verification.allowed.iter().map(Check::words).collect();
    assert_eq!(allowed, ["bob: delete pods in namespace n"]);
    assert!(
        plan.manual.iter().all(|one| !one.what.contains("RBACDefinition")),
        "{:?}",
        plan.manual
    );
    assert_eq!(Plan::read(plan.value()).as_ref(), Ok(&plan));
    // Its undoing waits for them to be there again.
    let image = step.after.clone();
    let made = [Made { step: step.id, left: image }];
    let undone = undo(&plan, (1, &made), Vec::new(), None, now());
    assert_eq!(undone.verification.named, plan.verification.unnamed);
    assert_eq!(undone.verification.unnamed, []);
    assert_eq!(undone.steps[0].after.as_ref().expect("an image")["rbacBindings"], entries());
}

#[test]
fn two_wishes_about_one_definition_are_one_write() {
    let wishes = ["rb:n/devs-all-edit=user:ann", "crb:devs-other-edit=user:bob"];
    let plan = world().plan(&wishes).expect("a plan");
    assert_eq!(targets(&plan), ["RBACDefinition devs"]);
    assert_eq!(
        *left(&plan),
        json!([
            {"name": "all", "subjects": [user("bob")], "note": "kept",
                "roleBindings": [{"clusterRole": "edit", "namespace": "n"}]},
            {"name": "lone", "subjects": [user("ann")],
                "clusterRoleBindings": [{"clusterRole": "edit"}]},
        ])
    );
}

#[test]
fn what_an_entry_gives_beside_it_is_not_taken_for_one_grant() {
    let wide = json!([{"name": "all", "subjects": both(),
        "roleBindings": [{"clusterRole": "edit", "namespaceSelector": {"matchLabels": {"a": "b"}}}]}]);
    let world = World::default()
        .role("edit", &pods(&["delete"]))
        .with(definition(&wide))
        .with(made(Some("n"), "devs-all-edit", &both(), true))
        .with(made(Some("m"), "devs-all-edit", &both(), true));
    let one = "rb:n/devs-all-edit=user:ann";
    let plan = world.plan(&[one]).expect("a plan");
    assert_eq!(targets(&plan), [""; 0]);
    let own = "give RoleBinding n/devs-all-edit an entry of its own";
    let manual = plan.manual.iter().find(|manual| manual.what.contains(own)).expect("a way");
    assert!(manual.why.contains("RoleBinding m/devs-all-edit would not name it"), "{}", manual.why);
    for wishes in [&[one, "rb:m/devs-all-edit=user:ann"][..], &["user:ann"]] {
        let plan = world.plan(wishes).expect("a plan");
        assert_eq!(targets(&plan), ["RBACDefinition devs"], "{wishes:?}");
        assert_eq!(left(&plan)[0]["subjects"], json!([user("bob")]));
        assert_eq!(plan.verification.unnamed.len(), 2);
    }
}

#[test]
fn who_is_named_where_nothing_is_bound_yet_leaves_that_too() {
    let waits = json!([{"name": "all", "subjects": both(),
        "roleBindings": [{"clusterRole": "edit", "namespaceSelector": {"matchLabels": {"a": "b"}}}]}]);
    let world = World::default().with(definition(&waits));
    let plan = world.plan(&["user:ann"]).expect("a plan");
    assert_eq!(left(&plan)[0]["subjects"], json!([user("bob")]));
    assert_eq!(plan.verification.unnamed, []);
}

#[test]
fn what_rbac_manager_does_not_find_is_written_too() {
    let world = World::default()
        .role("edit", &pods(&["delete"]))
        .with(definition(&entries()))
        .with(made(Some("n"), "devs-all-edit", &both(), false))
        .with(made(None, "devs-lone-edit", &json!([user("ann")]), false));
    let plan = world.plan(&["user:ann"]).expect("a plan");
    let expected =
        ["RBACDefinition devs", "RoleBinding n/devs-all-edit", "ClusterRoleBinding devs-lone-edit"];
    assert_eq!(targets(&plan), expected);
    assert!(plan.steps.iter().all(|step| step.owners.is_empty()));
    assert_eq!(plan.verification.unnamed, []);
}

#[test]
fn a_definition_that_is_kept_is_its_owners_to_change() {
    let mut kept = definition(&entries());
    kept["metadata"]["labels"] = json!({"kustomize.toolkit.fluxcd.io/name": "rbac",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
    let mut world = World::default().role("edit", &pods(&["delete"])).with(kept).with(made(
        None,
        "devs-lone-edit",
        &json!([user("ann")]),
        true,
    ));
    let plan = world.plan(&["user:ann"]).expect("a plan");
    assert_eq!(targets(&plan), [""; 0]);
    let patch = plan.manual.iter().find_map(|one| one.patch.as_ref()).expect("a patch");
    assert_eq!(patch.target, Target::definition(&"devs".into()));
    let merge: Value = serde_json::from_str(&patch.merge).expect("JSON");
    assert_eq!(merge["rbacBindings"][0]["subjects"], json!([user("bob")]));
    assert_eq!(plan.verification.unnamed, []);
    assert_eq!(plan.verification.denied, []);
    world.despite_owners = true;
    let plan = world.plan(&["user:ann"]).expect("a plan");
    assert_eq!(targets(&plan), ["RBACDefinition devs"]);
    assert!(plan.steps[0].owners[0].owner.contains("Flux"), "{:?}", plan.steps[0].owners);
}

#[test]
fn an_account_that_rbac_manager_made_goes_with_its_last_entry_and_that_is_said() {
    let bot = json!([{"kind": "ServiceAccount", "name": "bot", "namespace": "n"}]);
    let account = |labelled: bool| {
        let mut account = made(Some("n"), "bot", &json!([]), labelled);
        account["apiVersion"] = json!("v1");
        account["kind"] = json!("ServiceAccount");
        account
    };
    let of = |labelled: bool| {
        let entry = json!([{"name": "bots", "subjects": bot,
            "roleBindings": [{"clusterRole": "edit", "namespace": "n"}]}]);
        let world = World::default()
            .role("edit", &pods(&["delete"]))
            .with(definition(&entry))
            .with(account(labelled))
            .with(made(Some("n"), "devs-bots-edit", &bot, true));
        world.plan(&["sa:n/bot"]).expect("a plan")
    };
    let plan = of(true);
    assert_eq!(*left(&plan), json!([]));
    assert_eq!(plan.steps[0].reversibility, Reversibility::WithLoss);
    let said = "rbac-manager made the account sa:n/bot and deletes it";
    assert!(plan.warnings.iter().any(|line| line.contains(said)), "{:?}", plan.warnings);
    let plan = of(false);
    assert_eq!(plan.steps[0].reversibility, Reversibility::Reversible);
    assert!(!plan.warnings.iter().any(|line| line.contains(said)), "{:?}", plan.warnings);
}

#[test]
fn the_last_admin_that_a_definition_names_is_not_locked_out_unseen() {
    let entry = json!([{"name": "root", "subjects": [user("ann")],
        "clusterRoleBindings": [{"clusterRole": "root"}]}]);
    let world = World::default().role("root", &all()).with(definition(&entry)).with({
        let mut root = made(None, "devs-root-root", &json!([user("ann")]), true);
        root["roleRef"]["name"] = json!("root");
        root
    });
    let plan = world.plan(&["user:ann"]).expect("a plan");
    let sentence = plan.lock_out.as_ref().map(|one| one.sentence.clone());
    assert_eq!(sentence.as_deref(), Some("lock everybody out of prod-eu"));
    assert_eq!(locks_out(&plan, &world.objects(), None), plan.lock_out);
}
