//! Plans of random worlds, held against the authorizer and against what images say letter by letter.

mod absent;
mod account;
mod beside;
mod defined;
mod elsewhere;
mod foreseen;
mod gains;
mod ground;
mod handed;
mod in_hand;
mod in_use;
mod mapped;
mod narrow;
mod nowhere;
mod random;
mod rests;
mod retired;
mod since;
mod split;
mod split_gain;
mod split_off;
mod undone;
mod wishes;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::*;
use crate::book::{Book, Inputs, LogState};
use crate::model::{
    ActivityParts, AuditPolicy, Health, ListKind, ListState, Object, Objects, Policy, Snapshot,
};

const RBAC: &str = "rbac.authorization.k8s.io/v1";

fn now() -> DateTime<Utc> {
    "2026-03-31T12:00:00Z".parse().expect("a time")
}

/// Raw objects by target, as an API server has them.
#[derive(Clone, Debug, Default)]
struct World {
    raw: Vec<Value>,
    despite_owners: bool,
    operator: Option<Operator>,
    log: Option<ActivityParts>,
    forbidden: Vec<ListKind>,
    version: Option<crate::model::Name>,
}

impl World {
    fn with(mut self, object: Value) -> Self {
        self.raw.push(object);
        self
    }

    fn role(self, name: &str, rules: &Value) -> Self {
        self.with(json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": name,
            "uid": format!("uid-{name}"), "resourceVersion": "3"}, "rules": rules}))
    }

    fn bind(self, ns: Option<&str>, name: &str, role: &str, subjects: &Value) -> Self {
        self.with(binding(ns, name, role, subjects))
    }

    fn objects(&self) -> Objects {
        let mut objects = Objects::default();
        // Of Secrets only those are listed that hold a token.
        let listed = |raw: &&Value| {
            raw["kind"] != "Secret"
                || !["kubernetes.io/tls", "Opaque"].iter().any(|of| raw["type"] == *of)
        };
        for raw in self.raw.iter().filter(listed) {
            objects.insert(read(raw));
        }
        objects
    }

    fn book(&self) -> Book {
        let mut snapshot = Snapshot { objects: self.objects(), ..Snapshot::default() };
        for kind in ListKind::ALL {
            let forbidden = self.forbidden.contains(&kind);
            let health = if forbidden { Health::Forbidden } else { Health::Complete };
            snapshot.lists.insert(kind, ListState::new(health));
        }
        snapshot.cluster.id = "11111111-0000-4000-8000-000000000000".into();
        snapshot.cluster.name = "prod-eu".into();
        snapshot.cluster.server_version = self.version.clone().or_else(|| Some("v1.36.3".into()));
        Book::build(Inputs {
            snapshot: Arc::new(snapshot),
            log: if self.log.is_some() { LogState::Ready } else { LogState::None },
            activity: self.log.clone().map(|parts| Arc::new(parts.into())),
            policy: Arc::new(Policy {
                audit: Some(Arc::new(AuditPolicy::of_everything())),
                ..Policy::default()
            }),
            now: now(),
        })
    }

    fn plan(&self, intents: &[&str]) -> Result<Plan, Refusal> {
        let intents: Vec<Intent> =
            intents.iter().map(|text| text.parse().expect("an intent")).collect();
        self.plan_of(&intents)
    }

    fn plan_of(&self, intents: &[Intent]) -> Result<Plan, Refusal> {
        let book = self.book();
        let fresh: BTreeMap<Target, Value> = targets(&book, intents)?
            .into_iter()
            .map(|target| {
                let raw = self.raw.iter().find(|raw| is(raw, &target)).expect("an image");
                (target, raw.clone())
            })
            .collect();
        make(&Input {
            book: &book,
            intents,
            fresh: &fresh,
            operator: self.operator.as_ref(),
            despite_owners: self.despite_owners,
            now: now(),
        })
    }
}

fn read(raw: &Value) -> Object {
    let text = |field: &str| raw[field].as_str().expect("a text").to_owned();
    let object = Object::read(&text("apiVersion"), &text("kind"), raw).expect("its form");
    let mut object = object.expect("a kind that is read");
    if let (Object::Secret(secret), Some(type_)) = (&mut object, raw["type"].as_str()) {
        secret.type_ = type_.into();
    }
    object
}

fn is(raw: &Value, target: &Target) -> bool {
    raw["kind"] == *target.kind
        && raw["metadata"]["name"] == *target.name
        && raw["metadata"]["namespace"].as_str() == target.namespace.as_deref()
}

fn binding(ns: Option<&str>, name: &str, role: &str, subjects: &Value) -> Value {
    let kind = if ns.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    let mut raw = json!({
        "apiVersion": RBAC, "kind": kind,
        "metadata": {"name": name, "uid": format!("uid-{name}"), "resourceVersion": "7",
            "creationTimestamp": "2026-01-01T00:00:00Z", "futureField": {"kept": true},
            "managedFields": [{"manager": "kubectl"}]},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": subjects,
    });
    if let Some(ns) = ns {
        raw["metadata"]["namespace"] = json!(ns);
    }
    raw
}

fn user(name: &str) -> Value {
    json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name})
}

fn group(name: &str) -> Value {
    json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": name})
}

/// What the objects are once the steps are made.
fn applied(world: &World, plan: &Plan) -> World {
    let mut after = world.clone();
    for step in &plan.steps {
        let at = after.raw.iter().position(|raw| is(raw, &step.target));
        if step.action == Action::Create {
            assert_eq!(at, None, "{} is there already", step.target);
            after.raw.push(step.after.clone().expect("an image"));
            continue;
        }
        let at = at.unwrap_or_else(|| panic!("{} is not there", step.target));
        let raw = &after.raw[at];
        assert_eq!(raw["metadata"]["uid"].as_str(), step.precondition.uid.as_deref());
        assert_eq!(
            raw["metadata"]["resourceVersion"].as_str(),
            step.precondition.resource_version.as_deref()
        );
        match &step.after {
            Some(image) => after.raw[at] = image.clone(),
            None => drop(after.raw.remove(at)),
        }
    }
    after
}

const ALL: &str = r#"[{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}]"#;

fn all() -> Value {
    serde_json::from_str(ALL).expect("JSON")
}

fn pods(verbs: &[&str]) -> Value {
    json!([{"verbs": verbs, "apiGroups": [""], "resources": ["pods"]}])
}

#[test]
fn a_subject_is_taken_out_and_everything_else_stays_letter_by_letter() {
    let world = World::default().role("edit", &pods(&["get", "delete"])).bind(
        Some("pay"),
        "ops",
        "edit",
        &json!([user("ann"), user("bob"), group("devs")]),
    );
    let plan = world.plan(&["rb:pay/ops=user:bob"]).expect("a plan");
    assert_eq!(plan.steps.len(), 1);
    let step = &plan.steps[0];
    assert_eq!(
        (step.id, step.action, step.reversibility),
        (1, Action::Replace, Reversibility::Reversible)
    );
    let mut expected = world.raw[1].clone();
    expected["metadata"].as_object_mut().expect("metadata").remove("managedFields");
    assert_eq!(step.before.as_ref(), Some(&expected));
    expected["subjects"] = json!([user("ann"), group("devs")]);
    assert_eq!(step.after.as_ref(), Some(&expected));
    let rights: Vec<String> = step.rights.iter().map(ToString::to_string).collect();
    assert_eq!(
        rights,
        [
            "update rolebindings.rbac.authorization.k8s.io \"ops\" in namespace pay",
            "bind clusterroles.rbac.authorization.k8s.io \"edit\" in namespace pay",
        ]
    );
    let denied: Vec<String> = plan.verification.denied.iter().map(Check::words).collect();
    assert_eq!(denied, ["bob: get pods in namespace pay"]);
    let allowed: Vec<String> = plan.verification.allowed.iter().map(Check::words).collect();
    assert_eq!(
        allowed,
        ["group devs: get pods in namespace pay", "ann: get pods in namespace pay"]
    );
}

#[test]
fn the_last_subject_takes_the_binding_with_it_and_deleting_takes_less_right() {
    let world = World::default().role("view", &pods(&["get"])).bind(
        None,
        "lone",
        "view",
        // Named twice, and once by the name of its user.
        &json!([{"kind": "ServiceAccount", "namespace": "ci", "name": "bot"},
            user("system:serviceaccount:ci:bot"),
            {"kind": "ServiceAccount", "namespace": "ci", "name": "bot"}]),
    );
    let plan = world.plan(&["sa:ci/bot"]).expect("a plan");
    let step = &plan.steps[0];
    assert_eq!((step.action, step.after.as_ref()), (Action::Delete, None));
    let verbs = |rights: &[Right]| -> Vec<String> {
        rights.iter().map(|right| right.verb.to_string()).collect()
    };
    assert_eq!(verbs(&step.rights), ["delete"]);
    assert_eq!(
        (step.inverse.action, verbs(&step.inverse.rights)),
        (Action::Create, vec!["create".into(), "bind".into()])
    );
}

#[test]
fn five_intents_on_one_binding_are_one_write() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let subjects: Vec<Value> = names.iter().map(|name| user(name)).collect();
    let world = World::default().role("view", &pods(&["get"])).bind(
        Some("n"),
        "many",
        "view",
        &json!(subjects),
    );
    let plan = world
        .plan(&["rb:n/many=user:a", "rb:n/many=user:b", "user:c", "user:d", "rb:n/many=user:e"])
        .expect("a plan");
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(plan.steps[0].after.as_ref().expect("an image")["subjects"], json!([user("f")]));
    assert_eq!(plan.intents.len(), 5);
}

#[test]
fn a_plan_reads_back_and_one_that_was_edited_does_not() {
    let world = World::default().role("view", &pods(&["get"])).bind(
        Some("n"),
        "b",
        "view",
        &json!([user("a"), user("yes"), user("0777")]),
    );
    let plan = world.plan(&["user:a"]).expect("a plan");
    let value = plan.value();
    assert_eq!(Plan::read(value.clone()).as_ref(), Ok(&plan));
    for (pointer, to) in [
        ("/steps/0/after/subjects/0/name", json!("mallory")),
        ("/steps/0/precondition/resourceVersion", json!("8")),
        ("/metadata/cluster/id", json!("another")),
    ] {
        let mut edited = value.clone();
        *edited.pointer_mut(pointer).expect(pointer) = to;
        assert!(matches!(Plan::read(edited), Err(ReadError::Edited { .. })), "{pointer}");
    }
    let mut more = value.clone();
    more["steps"][0]["sudo"] = json!(true);
    assert!(matches!(Plan::read(more), Err(ReadError::Form(_))));
    let mut later = value;
    later["apiVersion"] = json!("keybook/v2");
    assert!(matches!(Plan::read(later), Err(ReadError::Version(_))));
}

#[test]
fn what_comes_another_way_is_said() {
    let world = World::default()
        .role("edit", &pods(&["delete"]))
        .bind(Some("n"), "own", "edit", &json!([user("ann")]))
        .bind(Some("n"), "everybody", "edit", &json!([group("system:authenticated")]));
    let plan = world.plan(&["user:ann"]).expect("a plan");
    assert_eq!(plan.verification.denied, []);
    let works: Vec<&str> = plan.still_works.iter().map(|one| &*one.what).collect();
    assert!(works.contains(&"user:ann: delete pods in namespace n"), "{works:?}");
    assert!(
        works.iter().any(|what| what.contains("by the group system:authenticated: RoleBinding n/everybody")),
        "{works:?}"
    );
    assert!(
        plan.manual.iter().any(|one| one.what.contains("in which groups user:ann is")),
        "{:?}",
        plan.manual
    );
}

#[test]
fn what_an_owner_would_undo_is_the_owners_to_change() {
    let mut helm = binding(Some("n"), "ops", "edit", &json!([user("ann"), user("bob")]));
    helm["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "Helm"});
    helm["metadata"]["annotations"] =
        json!({"meta.helm.sh/release-name": "ops", "meta.helm.sh/release-namespace": "n"});
    let both = json!([user("ann"), user("bob")]);
    // Its definition does not name her: rbac-manager makes it anew at once, and without her.
    let mut defined = binding(Some("n"), "devs-all-edit", "edit", &both);
    defined["metadata"]["labels"] = json!({"rbac-manager": "reactiveops"});
    defined["metadata"]["ownerReferences"] = json!([{"kind": "RBACDefinition", "name": "devs",
        "apiVersion": "rbacmanager.reactiveops.io/v1beta1", "uid": "u", "controller": true}]);
    let definition = json!({"apiVersion": "rbacmanager.reactiveops.io/v1beta1",
        "kind": "RBACDefinition", "metadata": {"name": "devs"},
        "rbacBindings": [{"name": "all", "subjects": [user("bob")],
            "roleBindings": [{"clusterRole": "edit", "namespace": "n"}]}]});
    let mut world =
        World::default().role("edit", &pods(&["delete"])).with(helm).with(defined).with(definition);
    let plan = world.plan(&["user:ann"]).expect("a plan");
    assert_eq!(plan.steps, []);
    let patch = json!({"subjects": [user("bob")]}).to_string();
    let patches: Vec<&str> = plan
        .manual
        .iter()
        .filter_map(|manual| manual.patch.as_ref())
        .map(|patch| &*patch.merge)
        .collect();
    assert_eq!(patches, [&*patch, &*patch]);
    // Who insists changes what stays until the next upgrade, and not what comes back at once.
    world.despite_owners = true;
    let plan = world.plan(&["user:ann"]).expect("a plan");
    let changed: Vec<String> = plan.steps.iter().map(|step| step.target.to_string()).collect();
    assert_eq!(changed, ["RoleBinding n/ops"]);
    assert!(plan.steps[0].owners[0].owner.contains("Helm"), "{:?}", plan.steps[0].owners);
}

#[test]
fn nobody_is_locked_out_unseen() {
    let operator = |user: &str, groups: &[&str]| Operator {
        user: user.into(),
        groups: groups.iter().map(|group| (*group).into()).collect(),
        ..Operator::default()
    };
    let mut world = World::default()
        .role("root", &all())
        .bind(None, "admins", "root", &json!([user("ann"), group("platform")]))
        .bind(
            None,
            "robot",
            "root",
            &json!([{"kind": "ServiceAccount", "namespace": "x", "name": "y"}]),
        );
    assert_eq!(world.plan(&["crb:admins=user:ann"]).expect("a plan").lock_out, None);
    let both = world.plan(&["crb:admins=user:ann", "group:platform"]).expect("a plan");
    assert_eq!(both.lock_out.expect("locked out").sentence, "lock everybody out of prod-eu");
    world.operator = Some(operator("ann", &["system:authenticated"]));
    let own = world.plan(&["crb:admins=user:ann"]).expect("a plan");
    assert_eq!(own.lock_out.expect("locked out").sentence, "lock myself out of prod-eu");
    // Who is in the group as well stays in, and so does who is in system:masters.
    for groups in [["platform"], ["system:masters"]] {
        world.operator = Some(operator("ann", &groups));
        assert_eq!(world.plan(&["crb:admins=user:ann"]).expect("a plan").lock_out, None);
    }
    // Who could not take it back is locked out of that.
    let rbac =
        json!([{"verbs": ["*"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"]}]);
    let mut world = world.role("rbac", &rbac).bind(None, "rbac", "rbac", &json!([user("joe")]));
    world.operator = Some(operator("joe", &["system:authenticated"]));
    let own = world.plan(&["user:joe"]).expect("a plan");
    assert!(own.lock_out.expect("locked out").what.contains("could not take it back"));
}

#[test]
fn a_token_secret_is_deleted_with_what_is_lost_and_what_comes_back() {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"namespace": "pay", "name": "batch-token", "uid": "u", "resourceVersion": "3",
            "annotations": {"kubernetes.io/service-account.name": "batch"}}});
    let other = json!({"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
        "metadata": {"namespace": "kube-system", "name": "bootstrap-token-abc"}});
    let world = World::default().with(secret).with(other);
    let plan = world.plan(&["secret:pay/batch-token"]).expect("a plan");
    let step = &plan.steps[0];
    assert_eq!((step.action, step.reversibility), (Action::Delete, Reversibility::WithLoss));
    assert_eq!(step.loses.len(), 2);
    assert!(plan.still_works.iter().any(|one| one.what.contains("byte-identical")));
    // A bootstrap token is deleted, and cannot be brought back; there is no label that has it refused.
    let plan = world.plan(&["secret:kube-system/bootstrap-token-abc"]).expect("a plan");
    let step = &plan.steps[0];
    assert_eq!((step.action, step.reversibility), (Action::Delete, Reversibility::Irreversible));
    assert!(step.reasons[0].why.contains("system:bootstrap:abc is refused"), "{step:?}");
    assert!(matches!(
        world.plan(&["quarantine:kube-system/bootstrap-token-abc"]),
        Err(Refusal::NoToken(_))
    ));
    let made = [Made { step: step.id, left: None }];
    let undone = undo(&plan, (3, &made), Vec::new(), None, now());
    assert_eq!(undone.steps.len(), 0);
    assert!(undone.warnings[0].contains("cannot be taken back"), "{:?}", undone.warnings);
    // The same name elsewhere is none, whatever it says of itself.
    let astray = World::default().with(json!({"apiVersion": "v1", "kind": "Secret",
        "type": "bootstrap.kubernetes.io/token",
        "metadata": {"namespace": "pay", "name": "bootstrap-token-abc"}}));
    let refused = astray.plan(&["secret:pay/bootstrap-token-abc"]);
    assert!(matches!(refused, Err(Refusal::NoToken(_))), "{refused:?}");
}

#[test]
fn a_token_is_quarantined_by_a_dated_label_and_only_that() {
    let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"namespace": "pay", "name": "batch-token", "uid": "u", "resourceVersion": "3",
            "annotations": {"kubernetes.io/service-account.name": "batch"}}});
    let world = World::default().with(secret.clone());
    let plan = world.plan(&["quarantine:pay/batch-token"]).expect("a plan");
    let step = &plan.steps[0];
    assert_eq!((step.action, step.reversibility), (Action::Replace, Reversibility::Reversible));
    assert_eq!((step.loses.len(), &*step.rights[0].verb), (0, "patch"));
    let label = json!({"kubernetes.io/legacy-token-invalid-since": "2026-03-31"});
    assert_eq!(step.after.as_ref().expect("an image")["metadata"]["labels"], label);
    // Where both are wanted it is deleted, once.
    let both = world.plan(&["quarantine:pay/batch-token", "secret:pay/batch-token"]);
    let both = both.expect("a plan").steps;
    assert_eq!((both.len(), both[0].action), (1, Action::Delete));
    secret["metadata"]["labels"] = label;
    let already = World::default().with(secret).plan(&["quarantine:pay/batch-token"]);
    let already = already.expect("a plan");
    assert_eq!((already.steps.len(), already.warnings.len()), (0, 1));
}

#[test]
fn undoing_puts_back_every_object_as_it_was() {
    let world = World::default()
        .role("edit", &pods(&["delete"]))
        .bind(Some("n"), "both", "edit", &json!([user("ann"), user("bob")]))
        .bind(Some("n"), "lone", "edit", &json!([user("ann")]));
    let plan = world.plan(&["user:ann"]).expect("a plan");
    let made: Vec<Made> = plan
        .steps
        .iter()
        .map(|step| {
            let mut left = step.after.clone();
            if let Some(left) = &mut left {
                left["metadata"]["resourceVersion"] = json!("9");
            }
            Made { step: step.id, left }
        })
        .collect();
    let back = undo(&plan, (1, &made), Vec::new(), None, now());
    let actions: Vec<(Action, String)> =
        back.steps.iter().map(|step| (step.action, step.target.to_string())).collect();
    assert_eq!(
        actions,
        [
            (Action::Create, "RoleBinding n/lone".to_owned()),
            (Action::Replace, "RoleBinding n/both".to_owned())
        ]
    );
    assert_eq!(back.steps[1].precondition.resource_version.as_deref(), Some("9"));
    for step in &back.steps {
        let was = world.raw.iter().find(|raw| is(raw, &step.target)).expect("it was there");
        let put_back = without_server_fields(step.after.clone().expect("an image"));
        assert_eq!(put_back, without_server_fields(was.clone()));
    }
    assert_eq!(back.verification.again, plan.verification.denied);
    assert_eq!(back.verification.allowed, plan.verification.allowed);
    assert_eq!(Plan::read(back.value()).as_ref(), Ok(&back));
}
