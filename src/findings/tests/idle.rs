//! What is not idle although nobody of that name was seen.

use super::*;
use crate::model::{BindingKind, CreditedGrant, RoleKind};

fn idle(world: &World) -> Vec<(String, Severity, String)> {
    let found = findings(world).into_iter().filter(|one| one.rule == "idle");
    found.map(|one| (one.identity.to_string(), one.severity, one.evidence)).collect()
}

fn credit(binding: &str, subject: &str) -> CreditedGrant {
    CreditedGrant::Rbac {
        binding_kind: BindingKind::ClusterRoleBinding,
        namespace: None,
        binding: binding.into(),
        role_kind: RoleKind::ClusterRole,
        role: "edit".into(),
        subject: subject.parse().unwrap(),
    }
}

#[test]
fn what_others_do_with_its_rights_is_a_use_of_them() {
    let world = || world().bind(None, "g", "ClusterRole/edit", "group:devs").log(0, 200);
    // `--as nobody --as-group devs` on a day: the requests carry the group.
    let acting = |at| {
        let row = Row::new("user:bob", "create pods@a", at).acting_as("user:nobody", None);
        row.groups(&["devs", "system:authenticated"])
    };
    let devs = |world: &World| {
        let found = idle(world);
        found.into_iter().find(|one| one.0 == "group:devs").map(|one| (one.1, one.2))
    };
    assert_eq!(devs(&world().row(acting(110))), None);
    assert_eq!(
        devs(&world().row(acting(109))),
        Some((
            Severity::High,
            "last carried by a request on 2026-04-20, more than 90 days before the log ends"
                .to_owned()
        ))
    );
    // Where the log has no groups of it, but what allowed it.
    let credited = |at| {
        let row = Row::new("user:bob", "create pods@a", at).acting_as("user:nobody", None);
        world().row(row.credit(credit("g", "group:devs")))
    };
    assert_eq!(devs(&credited(110)), None);
    assert_eq!(
        devs(&credited(109)),
        Some((
            Severity::High,
            "never carried by a request in a log that begins on 2026-01-01; its rights were last \
             used by others on 2026-04-20"
                .to_owned()
        ))
    );
    // In a user's name.
    let acted =
        |at| ana(200).row(Row::new("user:bob", "get pods@a/x", at).acting_as("user:ana", None));
    assert_eq!(idle(&acted(110)), []);
    assert_eq!(
        idle(&acted(109)),
        [(
            "user:ana".to_owned(),
            Severity::Medium,
            "never seen in a log that begins on 2026-01-01; its rights were last used by others on \
             2026-04-20"
                .to_owned()
        )]
    );
}

#[test]
fn what_was_given_of_late_is_not_idle() {
    let given = |at: Value| {
        let mut made = binding(Some("a"), "ana", "ClusterRole/edit", &["user:ana"]);
        made["metadata"]["creationTimestamp"] = at;
        world().object(&made).log(0, 200)
    };
    let never = "never seen in a log that begins on 2026-01-01";
    // The idle time before the end of the log begins on day 110.
    assert_eq!(idle(&given(json!(day(199)))), []);
    assert_eq!(idle(&given(json!(day(111)))), []);
    let is = |evidence: &str| [("user:ana".to_owned(), Severity::Medium, evidence.to_owned())];
    assert_eq!(idle(&given(json!(day(110)))), is(never));
    assert_eq!(
        idle(&given(Value::Null)),
        is("never seen in a log that begins on 2026-01-01; when it got its grants is not known")
    );
    // An old grant beside it is told by itself.
    let both = given(json!(day(199))).bind(Some("a"), "old", "ClusterRole/view", "user:ana");
    let found = rules(&both);
    assert_eq!(found, [("user:ana".into(), "unused-grant")]);
    // What its group was given of late does not hide that nothing else is in use, nor count.
    let mut late = binding(None, "devs", "ClusterRole/all", &["group:devs"]);
    late["metadata"]["creationTimestamp"] = json!(day(199));
    let mut member = ana(200).object(&late);
    member.policy.groups = [("ana".into(), vec!["devs".into()])].into();
    let of_ana: Vec<_> = idle(&member).into_iter().filter(|one| one.0 == "user:ana").collect();
    assert_eq!(of_ana, is(never));
}

#[test]
fn an_account_that_was_made_of_late_is_not_judged() {
    let made = |at: i64| {
        world()
            .object(&json!({
                "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"namespace": "a", "name": "x", "creationTimestamp": day(at)},
            }))
            .bind(Some("a"), "x", "ClusterRole/edit", "sa:a/x")
            .log(0, 200)
    };
    assert_eq!(rules(&made(111)), []);
    assert_eq!(rules(&made(110)), [("sa:a/x".into(), "idle")]);
}

/// An account with a token Secret, and something in its namespace.
fn with(object: &Value) -> World {
    world()
        .account("a", "x")
        .account("a", "other")
        .object(&json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {
                "namespace": "a", "name": "t", "creationTimestamp": day(-300),
                "annotations": {
                    "kubernetes.io/service-account.name": "x",
                    "kubernetes.io/service-account.uid": "u",
                },
            },
        }))
        .bind(Some("a"), "x", "ClusterRole/edit", "sa:a/x")
        .log(0, 200)
        .object(object)
}

fn spec(account: &str, secret: Option<&str>, by_volume: bool) -> Value {
    let from = |name: &str| json!([{"secretRef": {"name": name}}]);
    match secret {
        None => json!({"serviceAccountName": account, "containers": [{"name": "c"}]}),
        Some(name) if by_volume => json!({
            "serviceAccountName": account,
            "volumes": [{"name": "v", "secret": {"secretName": name}}],
            "containers": [{"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/t"}]}],
        }),
        Some(name) => json!({
            "serviceAccountName": account,
            "containers": [{"name": "c", "envFrom": from(name)}],
        }),
    }
}

#[test]
fn an_account_whose_token_others_carry_or_that_is_due_is_doubted() {
    let says = |object: &Value| {
        let found = idle(&with(object));
        assert_eq!(found.len(), 1, "{found:?}");
        let never = "never seen in a log that begins on 2026-01-01";
        let why = found[0].2.strip_prefix(never).unwrap().to_owned();
        (found[0].1, why)
    };
    let pod = |spec: Value, phase: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "a", "name": "p"},
            "spec": spec, "status": {"phase": phase, "startTime": day(1)}})
    };
    for by_volume in [true, false] {
        let carried = pod(spec("other", Some("t"), by_volume), "Running");
        assert_eq!(
            says(&carried),
            (
                Severity::Info,
                "; its token in secret a/t is in the containers of pod a/p, which may use it \
                 outside the API, so it need not be unused"
                    .to_owned()
            )
        );
    }
    let nothing = (Severity::Medium, String::new());
    assert_eq!(says(&pod(spec("other", Some("t"), true), "Succeeded")), nothing);
    assert_eq!(says(&pod(spec("other", None, true), "Running")), nothing);

    let cron = |spec: Value| {
        json!({"apiVersion": "batch/v1", "kind": "CronJob",
            "metadata": {"namespace": "a", "name": "quarter"},
            "spec": {"schedule": "0 0 1 */3 *", "suspend": true,
                "jobTemplate": {"spec": {"template": {"spec": spec}}}}})
    };
    assert_eq!(
        says(&cron(spec("x", None, true))),
        (
            Severity::Info,
            "; cronjob a/quarter runs as it whenever it makes a pod, however seldom that is, so it \
             need not be unused"
                .to_owned()
        )
    );
    assert_eq!(
        says(&cron(spec("other", Some("t"), false))),
        (
            Severity::Info,
            "; cronjob a/quarter has its token, of secret a/t, in the containers of its pods, \
             however seldom it makes any, so it need not be unused"
                .to_owned()
        )
    );
    assert_eq!(says(&cron(spec("other", None, true))), nothing);
    let scaled = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": "a", "name": "d"},
        "spec": {"replicas": 0, "template": {"spec": spec("x", None, true)}}});
    assert!(says(&scaled).1.starts_with("; deployment a/d runs as it"));
    // What a Deployment left behind of a former version.
    let former = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"namespace": "a", "name": "d-1", "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "d", "controller": true}]},
        "spec": {"replicas": 0, "template": {"spec": spec("x", None, true)}}});
    assert_eq!(says(&former), nothing);
    // Where nobody looked.
    let blind = without(with(&former), ListKind::Workloads);
    assert!(idle(&blind)[0].2.ends_with(
        "; whether a workload is to run as it is not known, since workloads were not read"
    ));
}

/// The parts of an object that say when it was made and when what it gives was last written.
fn written(mut object: serde_json::Value, made: i64, field: &str, last: i64) -> serde_json::Value {
    object["metadata"]["creationTimestamp"] = json!(day(made));
    object["metadata"]["managedFields"] = json!([
        {"manager": "kubectl-edit", "operation": "Update", "time": day(last),
         "fieldsType": "FieldsV1", "fieldsV1": {field: {}}},
        {"manager": "labels", "operation": "Update", "time": day(199),
         "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {"f:labels": {}}}},
    ]);
    object
}

fn of(world: &World, who: &str, rule: &str) -> (Severity, String, &'static str) {
    let found =
        findings(world).into_iter().find(|one| one.identity.to_string() == who && one.rule == rule);
    let found = found.expect("found");
    (found.severity, found.evidence.clone(), found.fix.kind())
}

#[test]
fn who_was_named_of_late_by_an_old_binding_need_not_have_had_it_before() {
    let devs = binding(Some("a"), "devs", "ClusterRole/edit", &["user:ana", "user:new"]);
    let world = |last: i64| {
        let devs = written(devs.clone(), -900, "f:subjects", last);
        let ana = Row::new("user:ana", "create pods@a", 195);
        world().object(&devs).log(0, 200).row(ana)
    };
    let (severity, evidence, fix) = of(&world(190), "user:new", "idle");
    assert_eq!((severity, fix), (Severity::Info, "elsewhere"));
    assert!(
        evidence.contains(
            "; whom RoleBinding a/devs names was last written on 2026-07-10: whether it had this \
             before is not known"
        ),
        "{evidence}"
    );
    // It was named all that time, as no one was since: the labels are no matter.
    let (severity, evidence, fix) = of(&world(100), "user:new", "idle");
    assert_eq!((severity, fix), (Severity::Medium, "revokeIdentity"));
    assert!(!evidence.contains("last written"), "{evidence}");
    // The binding's making is no change of it, and what was made within that time is not judged.
    let fresh = written(devs.clone(), 190, "f:subjects", 190);
    let fresh = super::world().object(&fresh).log(0, 200);
    assert!(idle(&fresh).is_empty());
}

#[test]
fn what_a_role_gives_of_late_need_not_have_been_given_before() {
    let wide = |last: i64| {
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "wide"}, "rules": [
                {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]},
                {"verbs": ["get", "update"], "apiGroups": [""], "resources": ["secrets"]}]});
        let role = written(role, -900, "f:rules", last);
        let mut used = binding(Some("a"), "w", "ClusterRole/wide", &["user:bob"]);
        used["metadata"]["creationTimestamp"] = json!(day(-900));
        let mut unused = binding(Some("b"), "w", "ClusterRole/wide", &["user:bob"]);
        unused["metadata"]["creationTimestamp"] = json!(day(-900));
        let bob = Row::new("user:bob", "get pods@a", 195);
        world().namespace("b").object(&role).object(&used).object(&unused).log(0, 200).row(bob)
    };
    let said = "; what ClusterRole wide gives was last written on 2026-07-10: whether it had this \
                before is not known";
    for rule in ["unused-permissions", "unused-grant"] {
        let (severity, evidence, _) = of(&wide(190), "user:bob", rule);
        assert!(severity == Severity::Info && evidence.contains(said), "{rule}: {evidence}");
        let (severity, evidence, _) = of(&wide(100), "user:bob", rule);
        assert!(severity > Severity::Info && !evidence.contains(said), "{rule}: {evidence}");
    }
    // A role that was made of late gave nothing before.
    let made = written(
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "edit"},
            "rules": [{"verbs": ["create"], "apiGroups": [""], "resources": ["pods"]}]}),
        190,
        "f:rules",
        190,
    );
    let mut old = binding(Some("a"), "o", "ClusterRole/edit", &["user:eve"]);
    old["metadata"]["creationTimestamp"] = json!(day(-900));
    assert!(idle(&world().object(&made).object(&old).log(0, 200)).is_empty());
}
