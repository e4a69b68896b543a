//! Narrowing on ground that does not bear it: what another wish takes, what an owner keeps, what the log
//! leaves out, what others would gain.

use serde_json::{Value, json};

use super::{World, group, user};
use crate::book::tests::world::{Row, World as Logged};
use crate::change::plan::{Choices, Intent, Plan, Refusal};
use crate::model::{BindingKind, CreditedGrant, RoleKind, Target};

fn choices() -> Choices {
    Choices { younger_than: 0, ..Choices::default() }
}

fn narrow(who: &str) -> Intent {
    Intent::to_narrow(who, choices()).expect("an intent")
}

fn rules(verbs: &[&str], resource: &str) -> Value {
    json!([{"verbs": verbs, "apiGroups": [""], "resources": [resource]}])
}

fn logged(world: World, rows: Vec<Row>) -> World {
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    for row in rows {
        row.put(&mut parts);
    }
    World { log: Some(parts), ..world }
}

fn said(plan: &Plan) -> String {
    let lines = plan.steps.iter().flat_map(|step| &step.reasons).flat_map(|why| &why.evidence);
    let manual = plan.manual.iter().flat_map(|manual| [&manual.what, &manual.why]);
    lines.chain(&plan.warnings).chain(manual).cloned().collect::<Vec<_>>().join("\n")
}

/// A narrow grant that is used, and a wide one that allows the same and more.
fn two_grants() -> World {
    let world = World::default()
        .role("list", &rules(&["list"], "pods"))
        .role("all", &rules(&["list", "delete"], "pods"))
        .bind(Some("a"), "small", "list", &json!([user("ann")]))
        .bind(None, "wide", "all", &json!([user("ann"), user("bob")]));
    logged(world, vec![Row::new("user:ann", "list pods@a", 80)])
}

#[test]
fn what_is_revoked_in_the_same_plan_is_not_counted_on() {
    let alone = two_grants().plan_of(&[narrow("user:ann")]).expect("a plan");
    assert_eq!(alone.steps.len(), 1, "the wide grant is not needed: {:?}", alone.steps);
    assert!(said(&alone).contains("RoleBinding a/small allows too"), "{}", said(&alone));
    let revoke = "rb:a/small=user:ann".parse().expect("an intent");
    let both = two_grants().plan_of(&[narrow("user:ann"), revoke]).expect("a plan");
    let made = both.steps.iter().find(|step| step.target.is_role()).expect("a role of her own");
    let held = &made.after.as_ref().expect("an image")["rules"];
    assert_eq!(*held, rules(&["list"], "pods"), "what she used she keeps of the wide one");
    let still = both.verification.allowed.iter().any(|check| check.words().contains("list pods"));
    assert!(still, "{:?}", both.verification.allowed);
}

/// One rule that names several things, of which another grant allows one, in one namespace.
#[test]
fn a_grant_is_named_for_what_it_can_allow_only() {
    let of = |verbs: &[&str], resources: &[&str]| json!([{"verbs": verbs, "apiGroups": [""], "resources": resources}]);
    let world = World::default()
        .with(super::split::space("b"))
        .role("list", &of(&["list"], &["pods"]))
        .role("all", &of(&["get", "list"], &["pods", "configmaps", "secrets"]))
        .bind(Some("a"), "small", "list", &json!([user("ann")]))
        .bind(None, "wide", "all", &json!([user("ann"), user("bob")]));
    let rows = vec![
        Row::new("user:ann", "list pods@a", 80),
        Row::new("user:ann", "get secrets@b/s", 81),
        // What nobody is seen reading may not be logged.
        Row::new("user:controller", "list configmaps", 82),
    ];
    let said = said(&logged(world, rows).plan_of(&[narrow("user:ann")]).expect("a plan"));
    let lines = |what: &str| -> Vec<&str> {
        said.lines().filter(|line| line.starts_with("takes away") && line.contains(what)).collect()
    };
    let [pods, configmaps, secrets] = ["pods", "configmaps", "secrets"].map(lines);
    assert_eq!(
        pods,
        [
            "takes away get, list of pods: what requests needed of it in 90 days, RoleBinding a/small allows too"
        ]
    );
    assert_eq!(configmaps, ["takes away get, list of configmaps: no request needed it in 90 days"]);
    let kept = "takes away get, list of secrets outside b: no request needed it in 90 days";
    assert_eq!(secrets, [kept], "{said}");
}

#[test]
fn only_what_the_api_server_gives_everybody_is_taken_for_granted() {
    let world = World::default()
        .role("list", &rules(&["list"], "pods"))
        .role("all", &rules(&["list", "delete"], "pods"))
        .bind(None, "everybody", "list", &json!([group("system:authenticated")]))
        .bind(None, "wide", "all", &json!([user("ann")]));
    let world = logged(world, vec![Row::new("user:ann", "list pods", 80)]);
    let plan = world.plan_of(&[narrow("user:ann")]).expect("a plan");
    let after = plan.steps[0].after.as_ref().expect("an image");
    assert_eq!(after["rules"], rules(&["list"], "pods"));
}

#[test]
fn what_an_owner_keeps_is_left_whole_with_the_rules_for_its_owner() {
    let mut world = World::default().role("all", &rules(&["update", "delete"], "pods")).bind(
        Some("a"),
        "helms",
        "all",
        &json!([user("ann"), user("bob")]),
    );
    let at = world.raw.len() - 1;
    world.raw[at]["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "Helm"});
    world.raw[at]["metadata"]["annotations"] =
        json!({"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "a"});
    let world = logged(world, vec![Row::new("user:ann", "delete pods@a/x", 80)]);
    let plan = world.plan_of(&[narrow("user:ann")]).expect("a plan");
    assert_eq!(plan.steps, []);
    assert!(plan.manual.iter().all(|manual| manual.patch.is_none()), "{:?}", plan.manual);
    let said = said(&plan);
    assert!(
        said.contains("a role with these rules, bound first") && said.contains("delete"),
        "{said}"
    );
}

#[test]
fn names_that_were_too_many_to_keep_are_kept_of_every_grant() {
    let world = World::default()
        .role(
            "one",
            &json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"],
            "resourceNames": ["s0"]}]),
        )
        .role("all", &rules(&["get", "delete"], "secrets"))
        .bind(Some("a"), "small", "one", &json!([user("ann")]))
        .bind(Some("a"), "wide", "all", &json!([user("ann")]));
    let mut row = Row::new("user:ann", "get secrets@a", 80);
    if let Target::Resource { names_folded, .. } = &mut row.call.target {
        *names_folded = true;
    }
    let plan = logged(world, vec![row]).plan_of(&[narrow("user:ann")]).expect("a plan");
    let images: Vec<&Value> = plan.steps.iter().filter_map(|step| step.after.as_ref()).collect();
    let whole = |image: &&&Value| {
        let rule = &image["rules"][0];
        rule["verbs"].to_string().contains("get") && rule["resourceNames"].is_null()
    };
    assert!(images.iter().any(|image| whole(&image)), "{images:?}");
}

#[test]
fn nobody_else_gains_what_is_made() {
    let world = || {
        let world = World::default().role("all", &rules(&["list", "delete"], "pods")).bind(
            None,
            "b",
            "all",
            &json!([user("ann"), user("bob")]),
        );
        logged(world, vec![Row::new("user:ann", "list pods", 80)])
    };
    let first = world().plan_of(&[narrow("user:ann")]).expect("a plan");
    let made = first.steps[0].target.name.to_string();
    // Somebody waits for a role of that name.
    let awaited = world().bind(None, "evil", &made, &json!([user("mallory")]));
    let plan = awaited.plan_of(&[narrow("user:ann")]).expect("a plan");
    assert!(plan.steps.iter().all(|step| *step.target.name != *made), "{made}");
    // An aggregated role takes whatever has no label.
    let taking = world().with(json!({"apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole", "metadata": {"name": "team"}, "rules": [],
        "aggregationRule": {"clusterRoleSelectors": [{"matchExpressions":
            [{"key": "sensitive", "operator": "NotIn", "values": ["yes"]}]}]}}));
    let mut taking = taking;
    taking.raw[0]["metadata"]["labels"] = json!({"sensitive": "yes"});
    let refused = taking.plan_of(&[narrow("user:ann")]).expect_err("it would be part of it");
    assert!(matches!(refused, Refusal::Feeds { .. }), "{refused}");
}

#[test]
fn a_role_that_is_young_or_was_used_by_bindings_that_are_gone_stays() {
    let mut world = World::default().role("all", &rules(&["list", "delete"], "pods")).bind(
        None,
        "b",
        "all",
        &json!([user("ann")]),
    );
    world.raw[0]["metadata"]["creationTimestamp"] = json!("2026-03-31T00:00:00Z");
    let rows = || vec![Row::new("user:ann", "list pods", 80)];
    let intent = Intent::to_narrow("user:ann", Choices::default()).expect("an intent");
    let plan = logged(world.clone(), rows()).plan_of(&[intent]).expect("a plan");
    assert!(
        plan.steps.is_empty() && said(&plan).contains("it or its role was made on"),
        "{plan:?}"
    );
    let credit = CreditedGrant::Rbac {
        binding_kind: BindingKind::RoleBinding,
        namespace: Some("a".into()),
        binding: "jit-1".into(),
        role_kind: RoleKind::ClusterRole,
        role: "all".into(),
        subject: "user:zoe".parse().expect("an identity"),
    };
    let mut rows = rows();
    rows.push(Row::new("user:zoe", "delete pods@a/x", 80).credit(credit));
    let refused = logged(world, rows).plan_of(&[narrow("clusterrole:all")]).expect_err("JIT");
    assert!(refused.to_string().contains("RoleBinding jit-1"), "{refused}");
}

#[test]
fn what_nobody_in_the_log_reads_the_log_leaves_out() {
    let held = json!([
        {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "configmaps"]},
        {"verbs": ["create", "patch"], "apiGroups": [""], "resources": ["events"]},
        {"verbs": ["update"], "apiGroups": ["coordination.k8s.io"], "resources": ["leases"]},
        {"verbs": ["delete"], "apiGroups": [""], "resources": ["pods"]},
    ]);
    let world =
        World::default().role("all", &held).bind(Some("a"), "b", "all", &json!([user("ann")]));
    let rows = vec![
        Row::new("user:ann", "get pods@a/x", 80),
        Row::new("user:controller", "list configmaps", 80),
    ];
    let plan = logged(world, rows).plan_of(&[narrow("user:ann")]).expect("a plan");
    let said = said(&plan);
    for words in [
        "keeps create, patch of events: nothing in the log is about it",
        "keeps update of leases.coordination.k8s.io: nothing in the log is about it",
        "takes away get, list of configmaps: no request needed it in 90 days",
        "takes away delete of pods: no request needed it in 90 days",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
}

#[test]
fn a_rule_that_names_the_request_without_a_name_gives_no_other() {
    let held = json!([{"verbs": ["list", "delete"], "apiGroups": [""], "resources": ["pods"],
        "resourceNames": [""]}]);
    let world =
        World::default().role("odd", &held).bind(Some("a"), "b", "odd", &json!([user("ann")]));
    let plan = logged(world, vec![Row::new("user:ann", "list pods@a", 80)])
        .plan_of(&[Intent::to_narrow("user:ann", Choices { families: false, ..choices() })
            .expect("an intent")])
        .expect("a plan");
    let after = plan.steps[0].after.as_ref().expect("an image");
    assert_eq!(
        after["rules"],
        json!([{"verbs": ["list"], "apiGroups": [""], "resources": ["pods"], "resourceNames": [""]}])
    );
}

#[test]
fn what_stays_whole_since_no_log_shows_it_is_not_said_to_be_needed() {
    let world = World::default()
        .role("events", &rules(&["create"], "events"))
        .bind(Some("a"), "b", "events", &json!([user("ann")]))
        .role("pods", &rules(&["get"], "pods"))
        .bind(Some("a"), "c", "pods", &json!([user("ann")]));
    let rows = vec![Row::new("user:ann", "get pods@a/x", 80)];
    let plan = logged(world, rows).plan_of(&[narrow("user:ann")]).expect("a plan");
    assert_eq!(plan.steps, []);
    let said = said(&plan);
    assert!(said.contains("RoleBinding a/c: all of it was needed; it stays as it is"), "{said}");
    let unseen = "RoleBinding a/b: nothing of it goes, though not all of it was seen in use; it stays as \
                  it is. It keeps create of events: nothing in the log is about it, whoever's";
    assert!(said.contains(unseen), "{said}");
}

#[test]
fn that_tokens_of_accounts_are_made_by_what_stays_is_said_with_the_strongest() {
    let account = |name: &str| {
        json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": "a", "name": name, "uid": name, "resourceVersion": "1"}})
    };
    let bound = |name: &str| json!([{"kind": "ServiceAccount", "namespace": "a", "name": name}]);
    let world = World::default()
        .with(account("strong"))
        .with(account("weak"))
        .role("everything", &json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]))
        .bind(None, "strong", "everything", &bound("strong"))
        .bind(None, "weak", "tokens", &bound("weak"))
        .role("tokens", &rules(&["create", "delete"], "serviceaccounts/token"))
        .bind(Some("a"), "b", "tokens", &json!([user("ann"), user("bob")]));
    let rows = vec![Row::new("user:ann", "create serviceaccounts/token@a/weak", 80)];
    let plan = logged(world, rows).plan_of(&[narrow("user:ann")]).expect("a plan");
    let said = said(&plan);
    let kept = "user:ann keeps create of serviceaccounts/token in namespace a: whoever holds it has \
                tokens made for these accounts, and does what they may. The strongest is sa:a/strong \
                (cluster-admin)";
    assert!(said.contains(kept), "{said}");
}
