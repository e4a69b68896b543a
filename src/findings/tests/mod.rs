//! Each rule: when it speaks, and when it has to be silent.

mod credentials;
mod fixes;
mod floods;
mod idle;
mod kinds;
mod kubeadm;
mod left;
mod left_out;
mod machines;
mod not_by_token;
mod rights;
mod uses;

use serde_json::{Value, json};

use crate::book::world::{Row, World, binding, day};
use crate::book::{Finding, Severity};
use crate::model::{Health, ListKind, ListState};

fn rule(verbs: &[&str], group: &str, resource: &str) -> Value {
    json!([{"verbs": verbs, "apiGroups": [group], "resources": [resource]}])
}

/// A world with roles to bind to.
fn world() -> World {
    World::new()
        .namespace("a")
        .cluster_role("all", &rule(&["*"], "*", "*"))
        .cluster_role("edit", &rule(&["create"], "", "pods"))
        .cluster_role("view", &rule(&["get"], "", "pods"))
}

fn findings(world: &World) -> Vec<Finding> {
    let found: Vec<Finding> = world.book().findings().into_iter().cloned().collect();
    found.iter().for_each(fixes::is_no_more_than_what_is_found);
    found
}

fn rules(world: &World) -> Vec<(String, &'static str)> {
    let mut found: Vec<_> = findings(world)
        .into_iter()
        .map(|finding| (finding.identity.to_string(), finding.rule))
        .collect();
    found.sort();
    found
}

fn without(mut world: World, list: ListKind) -> World {
    world.snapshot.lists.insert(list, ListState::because(Health::Forbidden, "403"));
    world
}

#[test]
fn a_binding_to_a_missing_role_dangles_once_the_list_is_whole() {
    let world = world().bind(Some("a"), "x", "Role/gone", "user:ana").bind(
        None,
        "y",
        "ClusterRole/gone",
        "group:devs",
    );
    assert_eq!(
        rules(&world),
        [("group:devs".into(), "dangling-role"), ("user:ana".into(), "dangling-role")]
    );
    let found = findings(&world);
    assert!(
        found.iter().any(|finding| finding.evidence
            == "RoleBinding a/x refers to Role a/gone, which does not exist: it grants nothing \
                today, and will grant again if the role is recreated"),
        "{found:?}"
    );
    assert_eq!(found[0].grant.as_ref().unwrap().subject, found[0].identity);
    assert_eq!(
        rules(&without(world.clone(), ListKind::Roles)),
        [("group:devs".into(), "dangling-role")]
    );
    let one_namespace = {
        let mut world = without(world, ListKind::ClusterRoles);
        let state = ListState { namespaces: vec!["a".into()], ..ListState::new(Health::Partial) };
        world.snapshot.lists.insert(ListKind::Roles, state);
        world
    };
    assert_eq!(rules(&one_namespace), [("user:ana".into(), "dangling-role")]);
}

#[test]
fn a_missing_account_or_namespace_dangles() {
    let world = world()
        .account("a", "here")
        .bind(Some("a"), "here", "ClusterRole/edit", "sa:a/here")
        .bind(Some("a"), "ghost", "ClusterRole/edit", "sa:a/ghost")
        .bind(Some("a"), "far", "ClusterRole/edit", "sa:gone/ghost")
        .bind(Some("lost"), "x", "ClusterRole/edit", "user:ana");
    assert_eq!(
        rules(&world),
        [
            ("sa:a/ghost".into(), "dangling-account"),
            ("sa:gone/ghost".into(), "dangling-namespace"),
            ("user:ana".into(), "dangling-namespace"),
        ]
    );
    assert_eq!(world.book().counts().dangling, 3);
    // Nothing is said to be missing from a list that was not read.
    let blind = without(without(world, ListKind::ServiceAccounts), ListKind::Namespaces);
    assert_eq!(rules(&blind), []);
}

#[test]
fn cluster_admin_says_through_what() {
    let world = world()
        .bind(None, "ops", "ClusterRole/all", "group:ops")
        .bind(Some("a"), "there", "ClusterRole/all", "user:ns-admin")
        .log(0, 10)
        .row(Row::new("user:ana", "get pods", 1).groups(&["ops", "system:authenticated"]))
        .row(
            Row::new("user:root", "get pods", 1)
                .groups(&["system:authenticated", "system:masters"]),
        )
        .row(Row::new("user:system:apiserver", "get pods", 1).groups(&["system:masters"]));
    let found = findings(&world);
    let mut said: Vec<(String, &str)> = found
        .iter()
        .map(|finding| (finding.identity.to_string(), finding.evidence.as_str()))
        .collect();
    said.sort();
    assert_eq!(
        said,
        [
            (
                "group:ops".into(),
                "ClusterRoleBinding ops grants ClusterRole all, which allows everything on \
                 everything"
            ),
            (
                "user:ana".into(),
                "ClusterRoleBinding ops grants ClusterRole all, which allows everything on \
                 everything by way of group ops"
            ),
            (
                "user:ns-admin".into(),
                "RoleBinding a/there grants ClusterRole all, which allows every verb on every \
                 resource in a: resources that come later too"
            ),
            (
                "user:root".into(),
                "is in group system:masters, which the API server allows everything ahead of \
                 RBAC: no binding takes that away"
            ),
        ]
    );
    let admins = || found.iter().filter(|finding| finding.rule == "cluster-admin");
    assert_eq!(admins().count(), 3);
    assert!(admins().all(|finding| finding.severity == Severity::High));
}

#[test]
fn grants_to_everybody_are_said_of_everybody_once() {
    let world = world()
        .account("a", "x")
        .bind(None, "w", "ClusterRole/all", "group:system:authenticated")
        .bind(None, "x", "ClusterRole/view", "user:system:anonymous")
        .bind(None, "y", "ClusterRole/view", "group:system:serviceaccounts")
        .bind(None, "z", "ClusterRole/view", "group:system:serviceaccounts:a");
    let found: Vec<(String, &str, Severity)> = findings(&world)
        .into_iter()
        .map(|finding| (finding.identity.to_string(), finding.rule, finding.severity))
        .collect();
    assert_eq!(
        found,
        [
            ("group:system:authenticated".into(), "everybody", Severity::Critical),
            ("group:system:authenticated".into(), "cluster-admin", Severity::High),
            ("user:system:anonymous".into(), "everybody", Severity::High),
            ("group:system:serviceaccounts".into(), "everybody", Severity::Medium),
            ("group:system:serviceaccounts:a".into(), "everybody", Severity::Low),
        ]
    );
}

#[test]
fn the_servers_own_policy_is_exempt_and_nothing_else() {
    let mut world = World::new();
    let installed = crate::rbac::bootstrap::policy("v1.36.3").unwrap().policy;
    world.snapshot.objects = installed.objects.clone();
    assert_eq!(rules(&world), []);
    assert!(world.book().grants().all(|grant| grant.bootstrap));
    let subject = |name: &str| json!({"kind": "User", "name": name});
    let mut widened =
        binding(None, "cluster-admin", "ClusterRole/cluster-admin", &["group:system:masters"]);
    widened["subjects"].as_array_mut().unwrap().push(subject("eve"));
    assert_eq!(rules(&world.object(&widened)), [("user:eve".into(), "cluster-admin")]);
}

#[test]
fn the_servers_own_policy_is_exempt_where_its_version_is_not_known() {
    for installed in crate::rbac::bootstrap::policies() {
        let mut world = World::new().namespace("kube-system");
        world.snapshot.cluster.server_version = None;
        let own = &installed.objects;
        world.snapshot.objects.roles = own.roles.clone();
        world.snapshot.objects.bindings = own.bindings.clone();
        assert_eq!(rules(&world), [], "{}", installed.version);
        assert!(world.book().grants().all(|grant| grant.bootstrap), "{}", installed.version);
    }
}

/// Ana, who may edit in a, and a log of so many days.
fn ana(days: i64) -> World {
    world().bind(Some("a"), "ana", "ClusterRole/edit", "user:ana").log(0, days)
}

#[test]
fn idle_is_measured_to_the_end_of_a_log_that_is_long_enough() {
    let idle: &[(String, &str)] = &[("user:ana".into(), "idle")];
    assert_eq!(rules(&ana(90)), idle);
    assert_eq!(rules(&ana(89)), []);
    let evidence = |world: &World| findings(world)[0].evidence.clone();
    assert_eq!(evidence(&ana(90)), "never seen in a log that begins on 2026-01-01");
    let seen = |at| ana(200).row(Row::new("user:ana", "create pods@a", at));
    assert_eq!(rules(&seen(110)), []);
    assert_eq!(rules(&seen(109)), idle);
    assert_eq!(
        evidence(&seen(109)),
        "last seen on 2026-04-20, more than 90 days before the log ends"
    );
    assert!(findings(&seen(109))[0].rests_on_coverage);
    assert_eq!(seen(109).book().counts().idle, 1);
    // A refusal is a sign of life, though of no right.
    assert_eq!(
        rules(&ana(200).row(Row::new("user:ana", "get pods@a/x", 150).denied())),
        [("user:ana".into(), "unused-grant")]
    );
    // Without a log, nobody is idle.
    assert_eq!(rules(&world().bind(Some("a"), "ana", "ClusterRole/edit", "user:ana")), []);
}

#[test]
fn what_the_log_leaves_out_is_not_called_idle() {
    let reads = world()
        .bind(Some("a"), "ana", "ClusterRole/view", "user:ana")
        .bind(Some("a"), "bob", "ClusterRole/edit", "user:bob")
        .log(0, 90)
        .coverage(|coverage| coverage.reads_logged = false);
    assert_eq!(rules(&reads), [("user:bob".into(), "idle")]);
    assert_eq!(findings(&reads)[0].severity, Severity::Info);
    assert_eq!(
        findings(&reads)[0].evidence,
        "never seen with any but reading requests, which are not all logged here in a log that begins \
         on 2026-01-01"
    );
    assert_eq!(rules(&ana(90).coverage(|coverage| coverage.identities_left_out = 1)), []);
    // The log of one API server of several, and one that hides who acted for whom.
    let half = ana(90).coverage(|coverage| (coverage.led, coverage.unled) = (50, 50));
    assert_eq!(findings(&half)[0].severity, Severity::Info);
    assert!(findings(&half)[0].evidence.ends_with("; the log of an API server is missing"));
    let table =
        ana(90).coverage(|coverage| _ = coverage.carriers.insert("AKSAudit table".into(), 1));
    assert!(
        findings(&table)[0]
            .evidence
            .ends_with("; in logs by AKSAudit table it does not show who acted in its name")
    );
    // Reads that are logged only of late prove nothing of those who only read.
    let late = reads.clone().coverage(|coverage| {
        coverage.reads_logged = true;
        coverage.reads_from = Some(day(60));
    });
    assert_eq!(rules(&late), [("user:bob".into(), "idle")]);
    // A group is idle only where the log shows groups.
    let group = world().bind(None, "devs", "ClusterRole/edit", "group:devs").log(0, 200);
    assert_eq!(rules(&group), [("group:devs".into(), "idle")]);
    assert_eq!(rules(&group.clone().coverage(|coverage| coverage.groups_logged = false)), []);
    let left = Row::new("user:ana", "get pods", 100).groups(&["devs", "system:authenticated"]);
    let group = group.row(left).row(Row::new("user:ana", "get pods", 190));
    assert_eq!(
        findings(&group)[0].evidence,
        "last carried by a request on 2026-04-11, more than 90 days before the log ends"
    );
}

#[test]
fn an_account_that_may_be_used_elsewhere_is_doubted_and_a_used_token_speaks_for_it() {
    let account = |extra: Value| {
        let mut object = json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"namespace": "a", "name": "x"},
        });
        if let (Some(all), Value::Object(extra)) = (object.as_object_mut(), extra) {
            all.extend(extra);
        }
        world().object(&object).bind(Some("a"), "x", "ClusterRole/edit", "sa:a/x").log(0, 100)
    };
    let only = |world: &World| {
        let found = findings(world);
        assert_eq!(found.len(), 1, "{found:?}");
        (found[0].severity, found[0].evidence.clone())
    };
    let never = "never seen in a log that begins on 2026-01-01";
    assert_eq!(only(&account(json!({}))), (Severity::Medium, never.to_owned()));
    let cloud = account(json!({"metadata": {
        "namespace": "a", "name": "x", "annotations": {"eks.amazonaws.com/role-arn": "arn:x"},
    }}));
    assert_eq!(
        only(&cloud),
        (
            Severity::Info,
            format!(
                "{never}; annotation eks.amazonaws.com/role-arn lets its token be used outside \
                 the API, so it need not be unused"
            )
        )
    );
    let pod = account(json!({})).object(&json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "a", "name": "p"},
        "spec": {"serviceAccountName": "x"},
        "status": {"phase": "Running", "startTime": day(1)},
    }));
    assert_eq!(
        only(&pod),
        (
            Severity::Info,
            format!(
                "{never}; pod a/p runs as it now and may use its token outside the API, so it \
                 need not be unused"
            )
        )
    );
    let token = |at: i64| {
        account(json!({})).object(&json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {
                "namespace": "a", "name": "t",
                "annotations": {"kubernetes.io/service-account.name": "x"},
                "labels": {"kubernetes.io/legacy-token-last-used": day(at).format("%Y-%m-%d").to_string()},
            },
        }))
    };
    let lasting = ("sa:a/x".to_owned(), "lasting-token");
    assert_eq!(rules(&token(50)), std::slice::from_ref(&lasting));
    assert_eq!(rules(&token(5)), [("sa:a/x".into(), "idle"), lasting]);
}

#[test]
fn gaps_and_unreadable_lines_bound_what_is_said() {
    let gap = crate::model::Gap { from: day(3), to: day(4) };
    let world = ana(90).coverage(|coverage| coverage.gaps = vec![gap, gap]);
    assert_eq!(
        findings(&world)[0].evidence,
        "never seen in a log that begins on 2026-01-01; the log has 2 gaps"
    );
    // Of the ninety days nine are left to be idle in: nobody was.
    let most = crate::model::Gap { from: day(3), to: day(84) };
    let world = ana(90).coverage(|coverage| coverage.gaps = vec![most]);
    assert_eq!(rules(&world), [] as [(String, &str); 0]);
    // More than a tenth of the idle time.
    let some = crate::model::Gap { from: day(70), to: day(84) };
    let world = ana(90).coverage(|coverage| coverage.gaps = vec![some]);
    assert_eq!(rules(&world), [] as [(String, &str); 0]);
}
