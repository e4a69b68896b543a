//! Whoever writes roles or bindings needs more than the right to write them, and no line of a log is
//! for that.

use serde_json::{Value, json};

use super::narrow::{may, strict};
use super::split::{ops, split, splitting};
use super::{World, applied, user};
use crate::book::tests::world::{Row, World as Logged, call};
use crate::change::plan::{Choices, Intent, NotInLogs, Plan, Splitting};
use crate::model::Identity;
use crate::rbac::Authorizer;

const RBAC: &str = "rbac.authorization.k8s.io";

fn rule(verbs: &[&str], resources: &[&str], names: &[&str]) -> Value {
    let mut rule = json!({"verbs": verbs, "apiGroups": [RBAC], "resources": resources});
    if !names.is_empty() {
        rule["resourceNames"] = json!(names);
    }
    rule
}

/// `dana`, who holds these rules cluster-wide and wrote three bindings and a role in namespace a.
fn dana(rules: &Value) -> World {
    let space = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}});
    let mut world = World::default().with(space).role("held", rules).bind(
        None,
        "b",
        "held",
        &json!([user("dana")]),
    );
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    for what in [
        "create rbac.authorization.k8s.io:rolebindings@a/x",
        "create rbac.authorization.k8s.io:rolebindings@a/y",
        "patch rbac.authorization.k8s.io:rolebindings@a/x",
        "create rbac.authorization.k8s.io:roles@a/r",
    ] {
        Row::new("user:dana", what, 80).put(&mut parts);
    }
    world.log = Some(parts);
    world
}

fn narrowed(rules: &Value) -> Plan {
    let choices = Choices { younger_than: 0, ..Choices::default() };
    let intent = Intent::to_narrow("user:dana", choices).expect("an intent");
    dana(rules).plan_of(&[intent]).expect("a plan")
}

/// Verb, resources and names of what is left of special verbs.
fn special(plan: &Plan) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    let made = plan.steps.iter().filter(|step| step.target.is_role());
    for rule in made.filter_map(|step| step.after.as_ref()?["rules"].as_array()).flatten() {
        for verb in rule["verbs"].as_array().expect("verbs") {
            let verb = verb.as_str().expect("a verb");
            if !matches!(verb, "bind" | "escalate") {
                continue;
            }
            for resource in rule["resources"].as_array().expect("resources") {
                let resource = resource.as_str().expect("a resource");
                found.push((verb.to_owned(), resource.to_owned(), rule["resourceNames"].clone()));
            }
        }
    }
    found.sort_by_key(|(verb, resource, _)| (verb.clone(), resource.clone()));
    found
}

fn one(verb: &str, resource: &str) -> (String, String, Value) {
    (verb.to_owned(), resource.to_owned(), Value::Null)
}

fn by_rights(plan: &Plan) -> Vec<&String> {
    plan.warnings.iter().filter(|line| line.contains("every right that was given")).collect()
}

#[test]
fn what_writing_took_beside_stays_as_it_is_held() {
    // By a star everything of it is held, and was what let the writes pass.
    let all = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
    let plan = narrowed(&all);
    assert_eq!(
        special(&plan),
        [one("bind", "clusterroles"), one("bind", "roles"), one("escalate", "roles")]
    );
    assert_eq!(by_rights(&plan), Vec::<&String>::new(), "{:?}", plan.warnings);
    let said = plan.steps.iter().flat_map(|step| &step.reasons).flat_map(|why| &why.evidence);
    let said: Vec<&String> = said.filter(|line| line.starts_with("keeps bind")).collect();
    assert_eq!(
        *said[0],
        format!(
            "keeps bind of clusterroles.{RBAC} in namespace a: 3 requests that wrote roles, \
             bindings or certificates took it, or the rights that they gave, the last on {}",
            "2026-03-22"
        ),
        "{said:?}"
    );
}

#[test]
fn writes_that_passed_by_the_rights_are_told_with_figures() {
    // Nothing special is held: what was given was held itself.
    let own = json!([
        rule(&["create", "patch", "delete"], &["rolebindings", "roles"], &[]),
        {"verbs": ["list", "delete"], "apiGroups": [""], "resources": ["pods"]},
    ]);
    let plan = narrowed(&own);
    assert_eq!(special(&plan), []);
    let lines = by_rights(&plan);
    assert_eq!(lines.len(), 2, "{:?}", plan.warnings);
    assert!(lines[0].starts_with("3 requests of user:dana wrote rolebindings: that takes bind"));
    assert!(lines[1].starts_with("1 request of user:dana wrote roles: that takes escalate"));
    let dropped: Vec<&String> = plan
        .steps
        .iter()
        .flat_map(|step| &step.reasons)
        .flat_map(|why| &why.evidence)
        .filter(|line| line.starts_with("takes away"))
        .collect();
    assert!(!dropped.is_empty());
    for line in dropped {
        assert!(line.contains("roles or bindings that were written may have given it"), "{line}");
    }
    // By name: whether it was this name the log does not say.
    let by_name = json!([
        rule(&["create", "patch", "delete"], &["rolebindings"], &[]),
        rule(&["bind"], &["clusterroles"], &["view", "edit"]),
    ]);
    let plan = narrowed(&by_name);
    assert_eq!(
        special(&plan),
        [("bind".to_owned(), "clusterroles".to_owned(), json!(["edit", "view"]))]
    );
    assert_eq!(by_rights(&plan).len(), 2, "{:?}", plan.warnings);
}

#[test]
fn who_wrote_bindings_gets_what_it_took() {
    let rules = json!([
        rule(&["create"], &["rolebindings"], &[]),
        rule(&["bind"], &["clusterroles"], &["view"]),
    ]);
    let did = [(0, "create rbac.authorization.k8s.io:rolebindings@a/x"), (2, "list pods@a")];
    let world = ops(&[("wide", user("ops")), ("giver", user("ops"))], &did).role("giver", &rules);
    let how = Splitting { actors: vec![], to: [].into(), ..splitting(strict()) };
    let plan = split(&world, "user:ops", how).expect("a plan");
    assert_eq!(special(&plan), [("bind".to_owned(), "clusterroles".to_owned(), json!(["view"]))]);
    let said = plan.warnings.join("\n");
    assert!(!said.contains("nobody gets bind"), "{said}");
    for words in [
        "1 request of sa:keys/actor-1 wrote rolebindings: that takes bind, which is not held for every",
        "sa:keys/actor-1 gets bind of clusterroles in namespace a, as far as it is held",
    ] {
        assert!(said.contains(words), "{said}");
    }
}

/// `dana`, who holds these rules and made these requests, narrowed with what no log shows treated so:
/// the plan, and what is allowed once it is made.
fn after(rules: &Value, did: &[&str], not_in_logs: NotInLogs) -> (Plan, Authorizer) {
    let mut world = dana(rules);
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    for what in did {
        Row::new("user:dana", what, 80).put(&mut parts);
    }
    world.log = Some(parts);
    let choices = Choices { younger_than: 0, not_in_logs, ..Choices::default() };
    let intent = Intent::to_narrow("user:dana", choices).expect("an intent");
    let plan = world.plan_of(&[intent]).expect("a plan");
    let after = Authorizer::new(&applied(&world, &plan).objects());
    (plan, after)
}

fn lets(after: &Authorizer, what: &str) -> bool {
    may(after, &Identity::user("dana"), &call(what))
}

#[test]
fn what_the_status_of_a_claim_took_stays() {
    let all = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
    let did = ["update resource.k8s.io:resourceclaims/status@a/c", "list pods@a"];
    let (plan, is) = after(&all, &did, NotInLogs::Keep);
    for (what, stays) in [
        ("update resource.k8s.io:resourceclaims/binding", true),
        ("arbitrary-node:update resource.k8s.io:resourceclaims/driver@a/gpu", true),
        ("associated-node:update resource.k8s.io:resourceclaims/driver@a/gpu", true),
        ("patch resource.k8s.io:resourceclaims/binding", false),
        ("arbitrary-node:update resource.k8s.io:resourceclaims/driver@b/gpu", false),
    ] {
        assert_eq!(lets(&is, what), stays, "{what}");
    }
    let kept = plan.steps.iter().flat_map(|step| &step.reasons).flat_map(|why| &why.evidence);
    let kept: Vec<&String> = kept.filter(|line| line.contains("the status of claims")).collect();
    assert!(kept.iter().any(|line| line.contains("binding")), "{kept:?}");
    let (_, is) = after(&all, &did[1..], NotInLogs::Keep);
    assert!(!lets(&is, "update resource.k8s.io:resourceclaims/binding"));
}

#[test]
fn whose_parameters_an_admission_policy_names_no_log_says() {
    let all = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
    let did = [
        "create admissionregistration.k8s.io:validatingadmissionpolicies@/p",
        "create admissionregistration.k8s.io:validatingadmissionpolicybindings@/b",
    ];
    let told = |plan: &Plan| {
        let told = |line: &&String| line.contains("paramKind") || line.contains("paramRef");
        plan.warnings.iter().filter(told).count()
    };
    let (plan, is) = after(&all, &did, NotInLogs::Keep);
    assert_eq!(told(&plan), 2, "{:?}", plan.warnings);
    assert!(!lets(&is, "get configmaps@a/x"));
    let (plan, is) = after(&all, &did, NotInLogs::KeepAll);
    assert_eq!(told(&plan), 0, "{:?}", plan.warnings);
    for what in ["get configmaps@a/x", "list things.example:things"] {
        assert!(lets(&is, what), "{what}");
    }
    assert!(!lets(&is, "create configmaps@a/x"));
    let (plan, is) = after(&all, &["list pods@a"], NotInLogs::KeepAll);
    assert!(told(&plan) == 0 && !lets(&is, "get things.example:things@a/x"));
}
