//! What a plan would give is held against what is held when it is applied.

use serde_json::{Value, json};

use super::narrow::strict;
use super::split::{ops, split, splitting};
use super::{World, applied, binding, user};
use crate::book::tests::world::{Row, World as Logged};
use crate::change::plan::{
    Action, Choices, Intent, Made, Named, Plan, Ran, Splitting, gains, kept_beyond,
};
use crate::model::Identity;

const NONE: [&str; 0] = [];

fn rule(verbs: &[&str], resource: &str) -> Value {
    json!({"verbs": verbs, "apiGroups": [""], "resources": [resource]})
}

/// Ann and eve share a role for the whole cluster, of which ann used two things; and what it gives.
fn world(rules: &[Value]) -> World {
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    for (day, what) in (1..).zip(["list secrets@a", "get pods@a/x"]) {
        Row::new("user:ann", what, day).put(&mut parts);
    }
    let mut world = World::default()
        .with(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}))
        .role("wide", &json!(rules))
        .bind(None, "both", "wide", &json!([user("ann"), user("eve")]));
    world.log = Some(parts);
    world
}

fn all() -> World {
    world(&[rule(&["*"], "secrets"), rule(&["get"], "pods"), rule(&["get"], "nodes")])
}

/// As it is once somebody took the secrets out of the role.
fn cut() -> World {
    world(&[rule(&["get"], "pods"), rule(&["get"], "nodes")])
}

fn narrowed(namespaces: u32) -> Plan {
    let choices = Choices { namespaces, ..strict() };
    let intent = Intent::to_narrow("user:ann", choices).expect("an intent");
    let plan = all().plan_of(&[intent]).expect("a plan");
    assert!(plan.steps.iter().any(|step| step.action == Action::Create), "it is forked");
    plan
}

fn now(plan: &Plan, world: &World) -> Vec<String> {
    gains(plan, &world.objects(), &[])
}

fn edited(edit: impl Fn(&mut Value)) -> Plan {
    let mut plan = narrowed(100);
    for step in plan.steps.iter_mut().filter(|step| step.action == Action::Create) {
        edit(step.after.as_mut().expect("an image"));
    }
    plan
}

#[test]
fn what_was_taken_away_since_is_not_given_back_by_narrowing() {
    assert_eq!(now(&narrowed(100), &all()), NONE);
    assert_eq!(now(&narrowed(100), &cut()), ["user:ann: list secrets in namespace a"]);
    assert_eq!(now(&narrowed(0), &cut()), ["user:ann: list secrets"]);
    // What another grant of hers gives by now is held.
    let other = |who: Value| {
        cut().role("reads", &json!([rule(&["list"], "secrets")])).bind(
            Some("a"),
            "mine",
            "reads",
            &json!([who]),
        )
    };
    assert_eq!(now(&narrowed(100), &other(user("ann"))), NONE);
    assert_eq!(now(&narrowed(100), &other(user("eve"))).len(), 1);
    assert_eq!(now(&narrowed(0), &other(user("ann"))), ["user:ann: list secrets"]);
    // The binding is gone, with all that it gave.
    let mut gone = all();
    gone.raw.retain(|raw| raw["metadata"]["name"] != "both");
    assert_eq!(
        now(&narrowed(100), &gone),
        ["user:ann: get pods \"x\" in namespace a; list secrets in namespace a"]
    );
}

#[test]
fn an_edited_plan_gives_nobody_more_than_they_hold() {
    let wide = edited(|image| {
        if image["kind"] == "Role" {
            image["rules"] = json!([rule(&["delete"], "secrets"), rule(&["delete"], "pods")]);
        }
    });
    assert_eq!(now(&wide, &all()), ["user:ann: delete pods in namespace a"]);
    let stranger = edited(|image| {
        if image["kind"] == "RoleBinding" {
            image["subjects"] = json!([user("ann"), user("mallory")]);
        }
    });
    let said = now(&stranger, &all());
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("user:mallory: ") && said[0].contains("list secrets"), "{said:?}");
    let other_role = edited(|image| {
        if image["kind"] == "RoleBinding" {
            image["roleRef"]["kind"] = json!("ClusterRole");
            image["roleRef"]["name"] = json!("top");
        }
    });
    let world = all().role("top", &json!([rule(&["impersonate"], "users")]));
    assert_eq!(now(&other_role, &world), ["user:ann: impersonate users in namespace a"]);
}

#[test]
fn a_run_that_is_gone_on_with_gives_nothing_back_either() {
    let plan = narrowed(100);
    for many in 0..=plan.steps.len() {
        let mut begun = plan.clone();
        begun.steps.truncate(many);
        let sent: Vec<u32> = begun.steps.iter().map(|step| step.id).collect();
        let so_far = applied(&all(), &begun);
        assert_eq!(gains(&plan, &so_far.objects(), &sent), NONE, "{many}");
        // What its own steps gave does not count as held.
        let so_far = applied(&cut(), &begun).objects();
        assert_eq!(gains(&plan, &so_far, &sent).len(), 1, "{many}");
    }
}

#[test]
fn who_holds_an_aggregated_role_that_takes_in_what_is_made_gains() {
    // It chooses what has no label of that name: all that a plan makes.
    let takes = |rules: &Value| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "takes"}, "rules": rules, "aggregationRule": {
                "clusterRoleSelectors": [
                    {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}]}})
    };
    let since =
        |rules: &Value| all().with(takes(rules)).bind(None, "zeds", "takes", &json!([user("zed")]));
    // It took in the wide role before.
    let filled = json!([rule(&["*"], "secrets"), rule(&["get"], "pods"), rule(&["get"], "nodes")]);
    assert_eq!(now(&narrowed(0), &since(&filled)), NONE);
    let mut labelled = since(&json!([]));
    for raw in labelled.raw.iter_mut().filter(|raw| raw["metadata"]["name"] == "wide") {
        raw["metadata"]["labels"] = json!({"team": "other"});
    }
    let said = now(&narrowed(0), &labelled);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("user:zed: "), "{said:?}");
}

fn ana() -> Splitting {
    let actors = vec![Named { name: "ana".into(), is: "203.0.113.1".into() }];
    Splitting { actors, to: [].into(), ..splitting(strict()) }
}

#[test]
fn a_split_gives_nothing_that_the_account_does_not_hold_any_more() {
    let did = [(0, "list pods@a"), (0, "get secrets@a/x")];
    let before = ops(&[("wide", user("ops"))], &did);
    let plan = split(&before, "user:ops", ana()).expect("a plan");
    assert_eq!(now(&plan, &before), NONE);
    let mut gone = before.clone();
    gone.raw.retain(|raw| raw["kind"] != "RoleBinding");
    assert_eq!(
        now(&plan, &gone),
        ["sa:keys/ana: get secrets \"x\" in namespace a; list pods in namespace a"]
    );
    // Somebody waits under the new name.
    let account = json!({"kind": "ServiceAccount", "namespace": "keys", "name": "ana"});
    let waits = before.clone().with(binding(None, "waits", "wide", &json!([account])));
    assert_eq!(
        now(&plan, &waits),
        ["sa:keys/ana, which is made: all that ClusterRoleBinding waits (ClusterRole wide) gives \
          sa:keys/ana"]
    );
    let group = json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io",
        "name": "system:serviceaccounts:keys"});
    let waits = before.clone().with(binding(None, "waits", "wide", &json!([group])));
    assert_eq!(now(&plan, &waits).len(), 1);
    // Another account's share is nobody's to take.
    let mut other = plan.clone();
    other.intents.clear();
    assert_eq!(now(&other, &before).len(), 1);
}

#[test]
fn what_an_account_has_by_its_groups_is_given_as_long_as_they_hold_it() {
    let team = json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "team"});
    let mut world = ops(&[("wide", team)], &[]);
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    let row = super::split::row("user:ops", 0, crate::book::tests::world::call("list pods@a"), 9);
    row.groups(&["team", "system:authenticated"]).put(&mut parts);
    world.log = Some(parts);
    let plan = split(&world, "user:ops", ana()).expect("a plan");
    assert_eq!(plan.parted[0].groups, ["team".into()]);
    assert_eq!(now(&plan, &world), NONE);
    let mut gone = world.clone();
    gone.raw.retain(|raw| raw["kind"] != "RoleBinding");
    assert_eq!(now(&plan, &gone), ["sa:keys/ana: list pods in namespace a"]);
    // A plan of before says nothing of groups. It is read, and gives what the account holds itself.
    let mut older = plan.value();
    older["parted"][0].as_object_mut().expect("an object").remove("groups");
    let mut older: Plan = serde_json::from_value(older).expect("a plan");
    older.metadata.digest = older.digest();
    let older = Plan::read(older.value()).expect("it is read");
    assert_eq!(now(&older, &world).len(), 1);
    // Of pods' accounts nobody has to say in which groups they are.
    older.parted.iter().for_each(|parted| assert_eq!(parted.groups.len(), 0));
}

#[test]
fn what_a_narrowing_keeps_though_it_was_taken_away_is_told() {
    let plan = narrowed(100);
    let made: Vec<Made> =
        plan.steps.iter().map(|step| Made { step: step.id, left: step.after.clone() }).collect();
    let left = applied(&all(), &plan).objects();
    assert_eq!(kept_beyond(Ran { plan: &plan, made: &made }, &left, &[]), NONE);
    let left = applied(&cut(), &plan).objects();
    assert_eq!(
        kept_beyond(Ran { plan: &plan, made: &made }, &left, &[]),
        ["user:ann: list secrets in namespace a"]
    );
}

#[test]
fn a_split_whose_account_was_retired_by_hand_keeps_nothing_beyond() {
    let world = ops(
        &[("wide", user("ops")), ("wide", user("ops"))],
        &[(0, "list pods@a"), (0, "get secrets@a/x")],
    );
    let plan = split(&world, "user:ops", ana()).expect("a plan");
    let plan = Plan {
        steps: plan.steps.iter().filter(|step| !step.target.is_credential()).cloned().collect(),
        ..plan
    };
    let made: Vec<Made> =
        plan.steps.iter().map(|step| Made { step: step.id, left: step.after.clone() }).collect();
    let mut left = applied(&world, &plan);
    left.raw.retain(|raw| !["b0", "b1"].iter().any(|name| raw["metadata"]["name"] == *name));
    assert_eq!(kept_beyond(Ran { plan: &plan, made: &made }, &left.objects(), &[]), NONE);
    let other = binding(Some("a"), "b0", "get", &json!([user("ops")]));
    let left = left.with(other).objects();
    assert_eq!(kept_beyond(Ran { plan: &plan, made: &made }, &left, &[]).len(), 1);
    assert_eq!(plan.parted[0].account, Identity::user("ops"));
}
