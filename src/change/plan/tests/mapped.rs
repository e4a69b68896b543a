//! Entries of `aws-auth`: one write of the lines that are meant, or none, with the reason.

use serde_json::{Value, json};

use super::*;

const ACCOUNT: &str = "arn:aws:iam::111122223333";

/// Comments, an entry in braces, a list of its own in each map.
const ROLES: &str = "\
# Nodes.
- rolearn: arn:aws:iam::111122223333:role/node
  username: system:node:{{EC2PrivateDNSName}}
  groups: [system:bootstrappers, system:nodes]
# People.
- {rolearn: 'arn:aws:iam::111122223333:role/admin', username: ops, groups: [system:masters, ops]}
- rolearn: arn:aws:iam::111122223333:role/dev
  username: dev:{{SessionName}}
  groups:
  - devs  # all
  - view
";

const USERS: &str = "\
- userarn: arn:aws:iam::111122223333:user/ana
  username: ana
  groups:
  - devs
- userarn: arn:aws:iam::111122223333:user/bob
  username: bob
";

fn map(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data, "immutable": false,
        "metadata": {"namespace": "kube-system", "name": "aws-auth", "uid": "uid-map",
            "resourceVersion": "9", "managedFields": [{"manager": "eksctl"}]}})
}

fn world() -> World {
    World::default()
        .role("view", &pods(&["get"]))
        .bind(Some("n"), "anas", "view", &json!([user("ana"), user("bob")]))
        .bind(Some("n"), "of-devs", "view", &json!([group("devs")]))
        .with(map(&json!({"mapRoles": ROLES, "mapUsers": USERS, "note": "kept"})))
}

/// The step for the map, which is one.
fn step(plan: &Plan) -> &Step {
    let mut all = plan.steps.iter().filter(|step| step.target.is_aws_auth());
    let one = all.next().unwrap_or_else(|| panic!("{:#?} {:#?}", plan.manual, plan.warnings));
    assert!(all.next().is_none());
    one
}

fn field<'a>(step: &'a Step, field: &str) -> &'a str {
    step.after.as_ref().expect("an image")["data"][field].as_str().expect("a text")
}

fn manual(plan: &Plan) -> String {
    let all = plan.manual.iter().map(|one| format!("{}: {}\n", one.what, one.why));
    all.collect()
}

#[test]
fn who_is_revoked_leaves_the_map_and_the_bindings_in_one_write_each() {
    let plan = world().plan(&["user:ana", &format!("aws-auth:mapUsers/{ACCOUNT}:user/bob")]);
    let plan = plan.expect("a plan");
    let targets: Vec<String> = plan.steps.iter().map(|step| step.target.to_string()).collect();
    assert_eq!(targets, ["ConfigMap kube-system/aws-auth", "RoleBinding n/anas"]);
    let step = step(&plan);
    assert_eq!(step.action, Action::Replace);
    assert_eq!(step.precondition.uid.as_deref(), Some("uid-map"));
    assert_eq!(step.precondition.resource_version.as_deref(), Some("9"));
    assert_eq!(step.reversibility, Reversibility::Reversible);
    assert_eq!(step.inverse.action, Action::Replace);
    let right = step.rights[0].to_string();
    assert_eq!(right, "update configmaps \"aws-auth\" in namespace kube-system");
    // Nothing but the text of one key is another.
    let mut expected = step.before.clone().expect("an image");
    assert_eq!(expected["metadata"].get("managedFields"), None);
    expected["data"]["mapUsers"] = json!("");
    assert_eq!(step.after.as_ref(), Some(&expected));
    // Her group by the map goes with it; what AWS has to do is said, and no entry is left to be told.
    let manual = manual(&plan);
    assert!(!manual.contains("take user:ana out of the group"), "{manual}");
    assert!(manual.contains(&format!("in AWS: take away what lets anybody be {ACCOUNT}:user/ana")));
    let works: Vec<&str> = plan.still_works.iter().map(|one| &*one.what).collect();
    assert!(!works.iter().any(|what| what.contains("cloud mapping")), "{works:?}");
    assert!(works.iter().any(|what| what.contains("presented before")), "{works:?}");
    assert_eq!(plan.lock_out, None);
    assert_eq!(Plan::read(plan.value()).as_ref(), Ok(&plan));
}

#[test]
fn an_entry_that_is_named_goes_with_its_own_lines() {
    let of_dev = format!("aws-auth:mapRoles/{ACCOUNT}:role/DEV");
    let plan = world().plan(&[&of_dev]).expect("a plan");
    let cut = ROLES.split_inclusive('\n').take(6).collect::<String>();
    assert_eq!(field(step(&plan), "mapRoles"), cut);
    assert_eq!(field(step(&plan), "mapUsers"), USERS);
    // Whoever comes in by its template loses that, and it is said.
    let warned = plan.warnings.join("\n");
    assert!(warned.contains("everybody who assumes it comes in by this one entry"), "{warned}");
    assert!(warned.contains("comments on lines of their own"), "{warned}");
    for gone in [
        format!("aws-auth:mapRoles/{ACCOUNT}:role/gone"),
        format!("aws-auth:mapUsers/{ACCOUNT}:role/dev"),
        format!("{of_dev}=group:ops"),
        "aws-auth:mapAccounts/444455556666".to_owned(),
    ] {
        assert!(matches!(world().plan(&[&gone]), Err(Refusal::NotThere(_))), "{gone}");
    }
    let unseen = World { forbidden: vec![ListKind::ConfigMaps], ..World::default() };
    assert!(matches!(unseen.plan(&[&of_dev]), Err(Refusal::NotKnown { .. })));
}

#[test]
fn a_group_leaves_every_entry_that_has_it_and_no_more() {
    let plan = world().plan(&["group:devs"]).expect("a plan");
    assert_eq!(field(step(&plan), "mapRoles"), ROLES.replace("  - devs  # all\n", ""));
    let users = USERS.replace("  groups:\n  - devs\n", "  groups: []\n");
    assert_eq!(field(step(&plan), "mapUsers"), users);
    assert!(plan.steps.iter().any(|step| &*step.target.name == "of-devs"));
    let one = format!("aws-auth:mapRoles/{ACCOUNT}:role/admin=group:ops");
    let plan = world().plan(&[&one]).expect("a plan");
    let expected = ROLES.replace("[system:masters, ops]", "[system:masters]");
    assert_eq!(field(step(&plan), "mapRoles"), expected);
    assert_eq!(plan.steps.len(), 1);
}

#[test]
fn one_of_many_behind_a_template_is_not_taken_out_and_who_else_comes_in_is_said() {
    let world = world().bind(Some("n"), "p", "view", &json!([user("dev:ana"), user("dev:cy")]));
    let plan = world.plan(&["user:dev:ana"]).expect("a plan");
    let targets: Vec<String> = plan.steps.iter().map(|step| step.target.to_string()).collect();
    assert_eq!(targets, ["RoleBinding n/p"]);
    let manual = manual(&plan);
    assert!(manual.contains(&format!("no longer assume {ACCOUNT}:role/dev in IAM")), "{manual}");
    assert!(manual.contains("would cut off user:dev:cy, and whoever else"), "{manual}");
    assert!(
        manual.contains(&format!("keybook revoke aws-auth:mapRoles/{ACCOUNT}:role/dev")),
        "{manual}"
    );
    let works: Vec<&str> = plan.still_works.iter().map(|one| &*one.what).collect();
    assert!(works.iter().any(|what| what.starts_with("user:dev:ana comes in")), "{works:?}");
}

#[test]
fn what_cannot_be_cut_is_done_by_hand_for_a_reason_that_is_said() {
    let of_ana = format!("aws-auth:mapUsers/{ACCOUNT}:user/ana");
    let by = |wishes: &[&str], text: &str, why: &str| {
        let world = World::default()
            .role("view", &pods(&["get"]))
            .bind(Some("n"), "anas", "view", &json!([user("ana")]))
            .with(map(&json!({"mapUsers": text})));
        let plan = world.plan(wishes).expect("a plan");
        let targets: Vec<String> = plan.steps.iter().map(|step| step.target.to_string()).collect();
        assert_eq!(targets, ["RoleBinding n/anas"], "{text}");
        let manual = manual(&plan);
        assert!(manual.contains(why), "{why:?} in {manual}");
    };
    let ana = |text: &str, why: &str| by(&[&of_ana, "user:ana"], text, why);
    let entry = format!("userarn: {ACCOUNT}:user/ana, username: ana");
    ana("- userarn: [oops\n", "it is no YAML");
    ana(&format!("[{{{entry}}}, # why\n {{userarn: x, username: y}}]\n"), "shares its lines");
    ana(&format!("- {{{entry}, username: ana}}\n"), "a key stands twice");
    let anchor = format!("- {{{entry}, groups: &g [a]}}\n- {{userarn: x, groups: *g}}\n");
    ana(&anchor, "not mean the same");
    // Another entry of the same ARN would count instead.
    let two = format!("- {{userarn: {ACCOUNT}:user/ANA, username: root}}\n- {{{entry}}}\n");
    by(&["user:ana"], &two, "name both in one plan");
    let world = World::default().with(map(&json!({"mapUsers": two})));
    let plan = world.plan(&[&of_ana]).expect("a plan");
    assert_eq!(field(step(&plan), "mapUsers"), "", "all entries of the ARN are meant");
}

#[test]
fn nodes_the_operator_and_the_last_admin_are_not_cut_off_unseen() {
    let locks = |world: World, wish: &str| {
        let plan = world.plan(&[wish]).expect("a plan");
        let applied = locks_out(&plan, &world.objects(), world.operator.as_ref());
        assert_eq!(plan.lock_out, applied, "{wish}");
        plan.lock_out.map(|one| one.sentence)
    };
    let role = |name: &str| format!("aws-auth:mapRoles/{ACCOUNT}:role/{name}");
    let nodes = Some("cut nodes off from prod-eu".to_owned());
    assert_eq!(locks(world(), &role("node")), nodes);
    assert_eq!(locks(world(), "group:system:nodes"), nodes);
    let everybody = Some("lock everybody out of prod-eu".to_owned());
    assert_eq!(locks(world(), &role("admin")), everybody);
    assert_eq!(locks(world(), &format!("{}=group:system:masters", role("admin"))), everybody);
    assert_eq!(locks(world(), &format!("{}=group:ops", role("admin"))), None);
    assert_eq!(locks(world(), &role("dev")), None);
    let by = |user: &str| World {
        operator: Some(Operator { user: user.into(), ..Operator::default() }),
        ..world()
    };
    let myself = Some("lock myself out of prod-eu".to_owned());
    assert_eq!(locks(by("dev:kim"), &role("dev")), myself);
    assert_eq!(locks(by("bob"), &format!("aws-auth:mapUsers/{ACCOUNT}:user/bob")), myself);
    assert_eq!(locks(by("kim"), &role("dev")), None);
}

#[test]
fn what_an_owner_keeps_is_the_owners_to_change() {
    let mut kept = map(&json!({"mapRoles": ROLES, "mapUsers": USERS}));
    kept["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "Helm"});
    kept["metadata"]["annotations"] = json!({"meta.helm.sh/release-name": "auth",
        "meta.helm.sh/release-namespace": "kube-system"});
    let mut world = World::default().with(kept);
    let wish = format!("aws-auth:mapUsers/{ACCOUNT}:user/ana");
    let plan = world.plan(&[&wish]).expect("a plan");
    assert_eq!(plan.steps, []);
    let patch = plan.manual.iter().find_map(|one| one.patch.as_ref()).expect("a patch");
    let left = USERS.split_inclusive('\n').skip(4).collect::<String>();
    let merge: Value = serde_json::from_str(&patch.merge).expect("JSON");
    assert_eq!(merge, json!({"data": {"mapUsers": left}}));
    world.despite_owners = true;
    let plan = world.plan(&[&wish]).expect("a plan");
    assert_eq!(field(step(&plan), "mapUsers"), left);
    assert!(step(&plan).owners[0].owner.contains("Helm kube-system/auth"));
}

#[test]
fn it_is_undone_to_the_byte_and_no_other_step_of_it_is_taken() {
    let plan = world().plan(&["group:devs"]).expect("a plan");
    let of = step(&plan);
    let mut left = of.after.clone().expect("an image");
    left["metadata"]["resourceVersion"] = json!("10");
    let made = [Made { step: of.id, left: Some(left) }];
    let undone = undo(&plan, (1, &made), Vec::new(), None, now());
    assert_eq!(undone.steps.len(), 1);
    let back = &undone.steps[0];
    assert_eq!(back.precondition.resource_version.as_deref(), Some("10"));
    assert_eq!(field(back, "mapRoles"), ROLES);
    assert_eq!(field(back, "mapUsers"), USERS);
    assert_eq!(Plan::read(undone.value()).as_ref(), Ok(&undone));
    for wrong in [json!({"name": "other"}), json!({"labels": {"a": "b"}})] {
        let mut forged = plan.clone();
        for step in forged.steps.iter_mut().filter(|step| step.target.is_aws_auth()) {
            if let Some(name) = wrong["name"].as_str() {
                step.target.name = name.into();
            } else if let Some(after) = &mut step.after {
                after["metadata"]["labels"] = wrong["labels"].clone();
            }
        }
        let read = Plan::read(forged.sealed().value());
        assert!(matches!(read, Err(ReadError::Unsound(_))), "{wrong}: {read:?}");
    }
}
