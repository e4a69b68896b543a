//! What a run's undoing may take back and give, and what goes with what cannot be taken back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{World, applied, binding, group, is, now, pods, user};
use crate::book::tests::world::{Row, World as Logged};
use crate::change::plan::{
    Action, Choices, Intent, Made, Plan, Precondition, Step, Target, against, goes_with,
    lost_since, undo,
};
use crate::model::Identity;

/// A run that was made whole.
fn back(plan: &Plan) -> Plan {
    let made: Vec<Made> =
        plan.steps.iter().map(|step| Made { step: step.id, left: step.after.clone() }).collect();
    undo(plan, (1, &made), Vec::new(), None, now())
}

/// Ann holds a role with bob in two namespaces, uses it in each, and is narrowed.
fn narrowed() -> (World, Plan) {
    let both = json!([user("ann"), user("bob")]);
    let world = World::default()
        .role("all", &pods(&["list", "delete"]))
        .bind(Some("a"), "first", "all", &both)
        .bind(Some("b"), "second", "all", &both);
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    for what in ["list pods@a", "list pods@b"] {
        Row::new("user:ann", what, 80).put(&mut parts);
    }
    let choices = Choices { younger_than: 0, ..Choices::default() };
    let wish = Intent::to_narrow("user:ann", choices).expect("an intent");
    let world = World { log: Some(parts), ..world };
    let plan = world.plan_of(&[wish]).expect("a plan");
    (world, plan)
}

/// The objects of the steps that wait for one.
fn waits(plan: &Plan, action: Action, of: impl Fn(&Target) -> bool) -> Vec<(Action, String)> {
    let moved: BTreeSet<u32> = plan
        .steps
        .iter()
        .filter(|step| step.action == action && of(&step.target))
        .map(|step| step.id)
        .collect();
    assert_eq!(moved.len(), 1, "{:?}", plan.steps);
    let waits = goes_with(plan, &moved);
    let mut all: Vec<(Action, String)> = plan
        .steps
        .iter()
        .filter(|step| waits.contains(&step.id))
        .map(|step| (step.action, step.target.kind.to_string()))
        .collect();
    all.sort();
    all
}

#[test]
fn nobody_loses_what_a_narrowing_gave_without_what_it_took() {
    let undo = back(&narrowed().1);
    assert_eq!(undo.steps.len(), 6);
    let waiting = waits(&undo, Action::Replace, |target| &*target.name == "first");
    let of = |action, kind: &str| (action, kind.to_owned());
    // Both bindings that were made for ann, and so their roles: she gets back the one of the other
    // namespace, and may keep more than that for a while.
    assert_eq!(
        waiting,
        [
            of(Action::Delete, "Role"),
            of(Action::Delete, "Role"),
            of(Action::Delete, "RoleBinding"),
            of(Action::Delete, "RoleBinding"),
        ]
    );
    // What is bound stays; that a role is left takes nobody anything.
    let first = |target: &Target| target.namespace.as_deref() == Some("a");
    let bound = |target: &Target| first(target) && target.is_binding();
    assert_eq!(waits(&undo, Action::Delete, bound), [of(Action::Delete, "Role")]);
    let role = |target: &Target| first(target) && target.is_role();
    assert!(waits(&undo, Action::Delete, role).is_empty());
}

#[test]
fn nobody_is_bound_to_a_role_that_is_somebody_elses_by_now() {
    let again = back(&back(&narrowed().1));
    let role = |target: &Target| target.namespace.as_deref() == Some("a") && target.is_role();
    let of = |action, kind: &str| (action, kind.to_owned());
    assert_eq!(
        waits(&again, Action::Create, role),
        [
            of(Action::Create, "RoleBinding"),
            of(Action::Replace, "RoleBinding"),
            of(Action::Replace, "RoleBinding"),
        ]
    );
}

#[test]
fn an_account_that_somebody_else_made_gets_nothing_back() {
    let bot = json!([{"kind": "ServiceAccount", "namespace": "n", "name": "bot"}]);
    let world = World::default()
        .role("reader", &pods(&["get"]))
        .bind(Some("m"), "bots", "reader", &bot)
        .with(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
            "name": "bot", "namespace": "n", "uid": "u", "resourceVersion": "1"}}))
        .with(json!({"apiVersion": "v1", "kind": "Secret",
            "type": "kubernetes.io/service-account-token", "metadata": {
                "name": "bot-token", "namespace": "n", "uid": "s", "resourceVersion": "1",
                "annotations": {"kubernetes.io/service-account.name": "bot"}}}));
    let undo = back(&world.plan(&["account:n/bot", "sa:n/bot"]).expect("a plan"));
    let of = |kind: &str| (Action::Create, kind.to_owned());
    let waiting = waits(&undo, Action::Create, Target::is_account);
    assert_eq!(waiting, [of("RoleBinding"), of("Secret")]);
}

/// A step of an undoing by what an object reads before and after.
fn step(kind: &str, namespace: &str, name: &str, images: [Option<Value>; 2]) -> Step {
    let [before, after] = images;
    let action = match (&before, &after) {
        (None, _) => Action::Create,
        (_, None) => Action::Delete,
        _ => Action::Replace,
    };
    let place = Some(namespace.into()).filter(|_| !namespace.is_empty());
    let world = World::default().bind(None, "b", "r", &json!([user("x")]));
    let made = world.plan(&["user:x"]).expect("a plan").steps.remove(0);
    Step {
        action,
        target: Target { kind: kind.into(), namespace: place, name: name.into() },
        precondition: Precondition::default(),
        before,
        after,
        ..made
    }
}

/// To whom something comes back by other things than roles and bindings, and how that is told.
#[test]
fn who_is_let_in_again_is_told_by_what_the_object_reads() {
    let account = json!({"metadata": {"name": "bot", "namespace": "n"}});
    let secret = |label: bool| {
        let mut secret = json!({"metadata": {"name": "t", "namespace": "n", "annotations": {
            "kubernetes.io/service-account.name": "bot"}}});
        if label {
            secret["metadata"]["labels"] = json!({"kubernetes.io/legacy-token-invalid-since": "x"});
        }
        secret
    };
    let map = |text: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "aws-auth", "namespace": "kube-system"},
            "data": {"mapUsers": text}})
    };
    let entry =
        "- userarn: arn:aws:iam::111122223333:user/ana\n  username: ana\n  groups: [devs]\n";
    let without = "- userarn: arn:aws:iam::111122223333:user/ana\n  username: ana\n  groups: []\n";
    let defined = |subjects: &[Value]| json!({"metadata": {"name": "d"}, "rbacBindings": [{"name": "x", "subjects": subjects}]});
    let bot = Identity::service_account("n", "bot");
    let told = |step: Step| {
        let world = World::default().bind(None, "b", "r", &json!([user("x")]));
        let mut plan = world.plan(&["user:x"]).expect("a plan");
        plan.steps = vec![step];
        against::given_again(&plan)
    };
    for (step, expected) in [
        (
            step("ServiceAccount", "n", "bot", [None, Some(account.clone())]),
            vec![(bot.clone(), "it is made again")],
        ),
        (step("ServiceAccount", "n", "bot", [Some(account), None]), vec![]),
        (
            step("Secret", "n", "t", [Some(secret(true)), Some(secret(false))]),
            vec![(bot.clone(), "the token in Secret n/t is good again")],
        ),
        (
            step("Secret", "n", "t", [None, Some(secret(false))]),
            vec![(bot, "the token in Secret n/t is good again")],
        ),
        // It comes back as it was: refused.
        (step("Secret", "n", "t", [None, Some(secret(true))]), vec![]),
        (step("Secret", "n", "t", [Some(secret(false)), None]), vec![]),
        (
            step("ConfigMap", "kube-system", "aws-auth", [Some(map("[]\n")), Some(map(entry))]),
            vec![
                (Identity::user("ana"), "ConfigMap kube-system/aws-auth maps to it again"),
                (Identity::group("devs"), "ConfigMap kube-system/aws-auth maps to it again"),
            ],
        ),
        (
            step("ConfigMap", "kube-system", "aws-auth", [Some(map(without)), Some(map(entry))]),
            vec![
                (Identity::user("ana"), "ConfigMap kube-system/aws-auth maps to it again"),
                (Identity::group("devs"), "ConfigMap kube-system/aws-auth maps to it again"),
            ],
        ),
        (
            step("ConfigMap", "kube-system", "aws-auth", [Some(map(entry)), Some(map(without))]),
            vec![],
        ),
        (
            step(
                "RBACDefinition",
                "",
                "d",
                [Some(defined(&[user("bob")])), Some(defined(&[user("bob"), group("devs")]))],
            ),
            vec![(Identity::group("devs"), "RBACDefinition d names it again")],
        ),
        (
            step("RBACDefinition", "", "d", [Some(defined(&[user("bob")])), Some(defined(&[]))]),
            vec![],
        ),
        (
            step(
                "RoleBinding",
                "n",
                "b",
                [None, Some(binding(Some("n"), "b", "r", &json!([user("ann")])))],
            ),
            vec![],
        ),
    ] {
        let mut found = told(step.clone());
        found.sort();
        let mut expected: Vec<(Identity, String)> =
            expected.into_iter().map(|(who, how)| (who, how.to_owned())).collect();
        expected.sort();
        assert_eq!(found, expected, "{:?} {}", step.action, step.target);
    }
}

/// Who was offboarded on another machine, or by hand: the journal says nothing of it, and the world does.
#[test]
fn what_was_taken_since_by_nobodys_run_is_not_given_back_unsaid() {
    let (world, plan) = narrowed();
    let undo = back(&plan);
    let after = applied(&world, &plan);
    let none = BTreeMap::new();
    // As the run left it.
    assert_eq!(lost_since(&plan, &undo, &after.objects()), none);
    assert_eq!(against::against(&undo, &after.objects(), &[], &none), None);
    // Ann left: what the narrowing had made for her is gone, in one namespace or in both.
    let without = |places: &[&str]| {
        let mut gone = after.clone();
        gone.raw.retain(|raw| {
            let made = plan.steps.iter().any(|step| {
                step.action == Action::Create && step.target.is_binding() && is(raw, &step.target)
            });
            !(made && places.iter().any(|place| raw["metadata"]["namespace"] == **place))
        });
        gone.objects()
    };
    for places in [&["a"][..], &["a", "b"]] {
        let now = without(places);
        let lost = lost_since(&plan, &undo, &now);
        let ann = Identity::user("ann");
        assert_eq!(lost.keys().collect::<Vec<_>>(), [&ann]);
        assert_eq!(lost[&ann], "ann: list pods in namespace a is refused, which the run had left");
        let risk = against::against(&undo, &now, &[], &lost).expect("it gives back");
        assert_eq!(risk.sentence, "give back what was taken from user:ann");
        assert!(risk.what.contains("not by a run of this journal. user:ann: "), "{}", risk.what);
    }
    // Of somebody to whom the undoing gives nothing there is nothing to say.
    let other = [(Identity::user("bob"), "bob is gone".to_owned())].into();
    assert_eq!(against::against(&undo, &after.objects(), &[], &other), None);
}
