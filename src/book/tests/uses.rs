//! What the log says about what is held.

use serde_json::{Value, json};

use super::world::{Row, World, day};
use crate::book::UseState::{NotCovered, NotObservable, Unused, Used};
use crate::book::{GrantKey, UseState};
use crate::model::{BindingKind, CreditedGrant, Implied, Name, RoleKind, Target};
use crate::query::Seen;

fn rule(verbs: &[&str], group: &str, resources: &[&str]) -> Value {
    json!({"verbs": verbs, "apiGroups": [group], "resources": resources})
}

/// The states of what `user:ana` holds cluster-wide by these rules, in their order.
fn states(world: World, rules: &[Value]) -> Vec<UseState> {
    let book =
        world.cluster_role("r", &json!(rules)).bind(None, "b", "ClusterRole/r", "user:ana").book();
    book.held_by("user:ana").iter().map(|permission| permission.use_state).collect()
}

#[test]
fn without_a_log_nothing_is_said_of_use() {
    let rules = [rule(&["get"], "", &["pods"]), rule(&["bind"], "", &["pods"])];
    assert_eq!(states(World::new(), &rules), [UseState::NoLog, UseState::NoLog]);
}

#[test]
fn a_log_without_a_single_event_leaves_open_how_much_is_used() {
    let world =
        World::new().log(0, 90).coverage(|coverage| (coverage.from, coverage.to) = (None, None));
    let book = world
        .cluster_role("r", &json!([rule(&["get"], "", &["pods"])]))
        .bind(None, "b", "ClusterRole/r", "user:ana")
        .book();
    let ana = book.who("user:ana");
    assert_eq!((ana.used, ana.held), (None, 1));
}

#[test]
fn denied_is_not_used_and_not_found_is() {
    let world = World::new()
        .log(0, 90)
        .row(Row::new("user:ana", "get pods@a/x", 3))
        .row(Row::new("user:ana", "get secrets@a/x", 3).denied());
    let rules = [rule(&["get"], "", &["pods"]), rule(&["get"], "", &["secrets"])];
    assert_eq!(states(world, &rules), [UseState::Used, UseState::Unused]);
}

#[test]
fn what_http_cannot_show_is_never_called_unused() {
    let rules = [
        rule(&["bind", "escalate"], "rbac.authorization.k8s.io", &["clusterroles"]),
        rule(&["get"], "", &["nodes/metrics"]),
        rule(&["get"], "argoproj.io", &["applications"]),
        rule(&["impersonate"], "", &["users"]),
        rule(&["*"], "*", &["*"]),
        rule(&["get"], "", &["nodes/metrics", "pods/log"]),
    ];
    assert_eq!(
        states(World::new().log(0, 90), &rules),
        [NotObservable, NotObservable, NotObservable, Unused, Unused, Unused]
    );
}

#[test]
fn what_others_ask_the_api_server_about_is_never_called_unused() {
    let paths = |paths: &[&str]| json!({"verbs": ["get"], "nonResourceURLs": paths});
    let rules = [
        paths(&["/metrics"]),
        paths(&["/metrics", "/healthz"]),
        paths(&["/version", "/apis/*"]),
        paths(&["*"]),
        rule(&["get", "create"], "", &["nodes/proxy"]),
        rule(&["get"], "", &["nodes"]),
    ];
    let expected = [NotObservable, Unused, Unused, Unused, NotObservable, Unused];
    assert_eq!(states(World::new().log(0, 90), &rules), expected);
}

#[test]
fn what_the_log_lacks_bounds_what_it_says() {
    let rules = [
        rule(&["create"], "", &["configmaps"]),
        rule(&["delete"], "", &["pods"]),
        rule(&["get"], "", &["pods"]),
    ];
    let whole = World::new().log(0, 90);
    assert_eq!(states(whole.clone(), &rules), [Unused, Unused, Unused]);
    let patch = Row::new("user:ana", "patch configmaps@a/x", 3).implied(Implied::PerhapsCreate);
    assert_eq!(states(whole.clone().row(patch), &rules), [NotCovered, Unused, Unused]);
    let half = whole.clone().coverage(|coverage| (coverage.led, coverage.unled) = (50, 50));
    assert_eq!(states(half, &rules), [NotCovered, NotCovered, NotCovered]);
    let late = whole.clone().coverage(|coverage| coverage.reads_from = Some(day(30)));
    assert_eq!(states(late, &rules), [Unused, Unused, NotCovered]);
    let ended = whole.clone().coverage(|coverage| coverage.reads_to = Some(day(60)));
    assert_eq!(states(ended, &rules), [Unused, Unused, NotCovered]);
    let book = whole
        .coverage(|coverage| coverage.without_groups = 1)
        .cluster_role("r", &json!(rules))
        .bind(None, "b", "ClusterRole/r", "group:devs")
        .book();
    let held = book.held_by("group:devs");
    assert!(held.iter().all(|permission| permission.use_state == NotCovered));
}

#[test]
fn reads_that_are_not_logged_are_not_covered() {
    let world = World::new().log(0, 90).coverage(|coverage| coverage.reads_logged = false);
    let rules = [
        rule(&["get", "list"], "", &["pods"]),
        rule(&["delete"], "", &["pods"]),
        rule(&["*"], "", &["pods"]),
    ];
    assert_eq!(states(world, &rules), [NotCovered, Unused, NotCovered]);
}

#[test]
fn what_a_request_needed_behind_its_line_counts() {
    let world = World::new()
        .log(0, 90)
        .row(
            Row::new("user:ana", "patch configmaps@a/x", 3)
                .implied(Implied::CreateBehindWrite)
                .times(4),
        )
        .row(Row::new("user:ana", "get pods/exec@a/web", 5).implied(Implied::UpgradedGet));
    let rules = [
        rule(&["create"], "", &["configmaps"]),
        rule(&["create"], "", &["pods/exec"]),
        rule(&["update"], "", &["configmaps"]),
    ];
    assert_eq!(states(world.clone(), &rules), [Used, Used, Unused]);
    let mut older = world.clone();
    older.snapshot.cluster.server_version = Some("v1.34.1".into());
    assert_eq!(states(older, &rules), [Used, Unused, Unused]);
    let mut unknown = world.clone();
    unknown.snapshot.cluster.server_version = None;
    assert_eq!(states(unknown, &rules), [Used, NotCovered, Unused]);
    let attempt = Row::new("user:ana", "get pods/exec@a/web", 5).implied(Implied::AttemptedGet);
    let mut attempted = World::new().log(0, 90).row(attempt);
    assert_eq!(states(attempted.clone(), &rules), [Unused, NotCovered, Unused]);
    attempted.snapshot.cluster.server_version = Some("v1.34.1".into());
    assert_eq!(states(attempted, &rules), [Unused, Unused, Unused]);
    let book =
        world.cluster_role("r", &json!(rules)).bind(None, "b", "ClusterRole/r", "user:ana").book();
    let held = book.held_by("user:ana");
    assert_eq!((held[0].allowed, held[0].last_used), (4, Some(day(3))));
    assert_eq!(book.who("user:ana").used, Some((2, 3)));
}

#[test]
fn impersonating_uses_rights_of_the_impersonator_and_the_impersonated() {
    let rules = [
        rule(&["impersonate"], "", &["users"]),
        rule(&["impersonate"], "", &["serviceaccounts"]),
        rule(&["get"], "", &["pods"]),
    ];
    let world = World::new()
        .log(0, 90)
        .row(Row::new("user:ana", "get pods@a/x", 3).acting_as("user:bob", None));
    assert_eq!(states(world.clone(), &rules), [Used, Unused, Unused]);
    let book = world
        .cluster_role("r", &json!(rules))
        .bind(None, "bob", "ClusterRole/r", "user:bob")
        .book();
    let of_bob: Vec<_> = book.held_by("user:bob").iter().map(|p| p.use_state).collect();
    assert_eq!(of_bob, [Unused, Unused, Used]);
    let bob = book.who("user:bob").activity.as_ref().unwrap();
    assert_eq!((bob.requests, bob.last_seen), (0, None));
    let by = &bob.impersonated_by[&"user:ana".parse().unwrap()];
    // Whoever works through a proxy is there, though by no request of its own.
    let seen = Seen::of(&book, book.who("user:bob"));
    assert_eq!(Some(seen), by.last_seen.map(Seen::InItsName));
    assert_eq!(seen.time(), by.last_seen);
    assert_eq!((by.requests, by.last_seen), (1, Some(day(3))));
    let ana = book.who("user:ana").activity.as_ref().unwrap();
    assert_eq!((ana.requests, ana.last_seen), (1, Some(day(3))));
    assert_eq!(ana.impersonated_as[&"user:bob".parse().unwrap()], 1);

    // An account is checked in its namespace: a RoleBinding there is enough.
    let book = World::new()
        .cluster_role("r", &json!(rules))
        .bind(Some("pay"), "b", "ClusterRole/r", "user:ana")
        .bind(Some("other"), "b", "ClusterRole/r", "user:ana")
        .log(0, 90)
        .row(Row::new("user:ana", "get pods@a/x", 3).acting_as("sa:pay/batch", None))
        .book();
    let held = book.held_by("user:ana");
    let used: Vec<_> = held
        .iter()
        .filter(|permission| permission.use_state == Used)
        .map(|permission| (permission.scope.namespace().unwrap().to_string(), &permission.rule))
        .collect();
    assert_eq!(used.len(), 1);
    assert_eq!(used[0].0, "pay");
    assert_eq!(&*used[0].1.resources[0], "serviceaccounts");

    // Constrained: verbs of their own, the request's included, in another group.
    let rules = [
        rule(&["impersonate"], "", &["users"]),
        rule(&["impersonate:user-info"], "authentication.k8s.io", &["users"]),
        rule(&["impersonate-on:user-info:get"], "", &["pods"]),
        rule(&["impersonate-on:user-info:list"], "", &["pods"]),
        rule(&["impersonate:user-info"], "authentication.k8s.io", &["groups"]),
    ];
    let world = World::new().log(0, 90).row(
        Row::new("user:ana", "get pods@a/x", 3)
            .acting_as("user:bob", Some("impersonate:user-info")),
    );
    // The server itself may have added the one group.
    assert_eq!(states(world, &rules), [Unused, Used, Used, Unused, NotCovered]);
}

#[test]
fn a_groups_grant_is_used_by_requests_that_carried_the_group() {
    let world = World::new()
        .cluster_role("r", &json!([rule(&["get"], "", &["pods"])]))
        .bind(None, "b", "ClusterRole/r", "group:devs")
        .log(0, 90)
        .row(Row::new("user:ana", "get pods@a/x", 3).groups(&["ops", "system:authenticated"]))
        .row(Row::new("user:ana", "list pods@a", 4).groups(&["devs", "system:authenticated"]));
    let state = |world: &World, who: &str| world.book().held_by(who)[0].use_state;
    assert_eq!(state(&world, "user:ana"), Unused, "she was not in the group at the time");
    assert_eq!(state(&world, "group:devs"), Unused);
    let more = world
        .clone()
        .row(Row::new("user:ana", "get pods@a/y", 5).groups(&["devs", "system:authenticated"]));
    assert_eq!((state(&more, "user:ana"), state(&more, "group:devs")), (Used, Used));
    // A log without groups says nothing of who is in one, but for those given.
    let silent = World::new()
        .cluster_role("r", &json!([rule(&["get"], "", &["pods"])]))
        .bind(None, "b", "ClusterRole/r", "group:devs")
        .log(0, 90)
        .coverage(|coverage| coverage.groups_logged = false)
        .row(Row::new("user:ana", "get pods@a/x", 3).groups(&[]));
    assert_eq!(state(&silent, "group:devs"), NotCovered);
    let mut given = silent;
    given.policy.groups.insert("ana".into(), vec!["devs".into()]);
    assert_eq!((state(&given, "user:ana"), state(&given, "group:devs")), (Used, Used));
}

#[test]
fn whether_an_undecided_request_was_allowed_stays_open() {
    let world = World::new().log(0, 90).row(Row::new("user:ana", "get pods@a/x", 3).undecided());
    let rules = [rule(&["get"], "", &["pods"]), rule(&["get"], "", &["secrets"])];
    assert_eq!(states(world.clone(), &rules), [NotCovered, Unused]);
    let decided = world.row(Row::new("user:ana", "get pods@a/y", 4));
    assert_eq!(states(decided, &rules), [Used, Unused]);
}

#[test]
fn of_whom_the_log_had_no_room_for_nothing_is_said_to_be_unused() {
    let rules = json!([rule(&["get"], "", &["pods"]), rule(&["get"], "", &["secrets"])]);
    let book = World::new()
        .cluster_role("r", &rules)
        .bind(None, "ana", "ClusterRole/r", "user:ana")
        .bind(None, "bob", "ClusterRole/r", "user:bob")
        .bind(None, "devs", "ClusterRole/r", "group:devs")
        .log(0, 90)
        .coverage(|coverage| coverage.identities_left_out = 1)
        .row(Row::new("user:ana", "get pods@a/x", 3).groups(&["devs", "system:authenticated"]))
        .book();
    let said = |who: &str| {
        let states: Vec<_> = book.held_by(who).iter().map(|held| held.use_state).collect();
        (states, book.who(who).used)
    };
    // Of an identity that is kept, all is.
    let mine = vec![Used, Unused, Used, Unused];
    assert_eq!(said("user:ana"), (mine, Some((2, 4))));
    assert_eq!(said("user:bob"), (vec![NotCovered; 2], None));
    // Of a group's members, any may be missing.
    assert_eq!(said("group:devs"), (vec![Used, NotCovered], None));
    assert_eq!(Seen::of(&book, book.who("user:bob")), Seen::LeftOut);
}

#[test]
fn authorizers_beside_rbac_are_known_by_what_they_say_in_the_log() {
    let book = |reasons: &[&str]| {
        let row = |(at, reason): (usize, &&str)| {
            let row = Row::new("user:ana", &format!("get pods@a/{at}"), 3);
            row.credit(CreditedGrant::Other((*reason).into()))
        };
        let rows = reasons.iter().enumerate().map(row);
        rows.fold(World::new().log(0, 90), World::row).book().authorizers()
    };
    assert_eq!(book(&[]), [] as [Name; 0]);
    let eks =
        r#"EKS Access Policy: allowed by ClusterRoleBinding "b" of ClusterRole "r" to User "u""#;
    assert_eq!(book(&[eks, eks]), [Name::from("EKS access policies (seen in the log)")]);
    let gke = "access granted by IAM permissions.";
    assert_eq!(book(&[gke]), [Name::from("GKE IAM (seen in the log)")]);
    let aks = "Access allowed by Azure RBAC Role Assignment 1 of Role 2 to user 3";
    let other = "by decree of the Azure team";
    assert_eq!(
        book(&[other, aks]),
        [
            Name::from("Azure RBAC (seen in the log)"),
            Name::from("another authorizer (seen in the log)"),
        ]
    );
}

#[test]
fn a_name_among_too_many_may_be_the_one() {
    let mut row = Row::new("user:ana", "get configmaps@a", 3);
    if let Target::Resource { names_folded, .. } = &mut row.call.target {
        *names_folded = true;
    }
    let named = json!({
        "verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["x"],
    });
    let rules = [named, rule(&["get"], "", &["configmaps"])];
    let world = World::new().log(0, 90).row(row);
    assert_eq!(states(world, &rules), [UseState::NotCovered, UseState::Used]);
}

#[test]
fn a_grant_is_credited_by_name_while_it_is_the_same_grant() {
    let credit = |role: &str| CreditedGrant::Rbac {
        binding_kind: BindingKind::RoleBinding,
        namespace: Some("a".into()),
        binding: "b".into(),
        role_kind: RoleKind::ClusterRole,
        role: role.into(),
        subject: "user:ana".parse().unwrap(),
    };
    let world = World::new()
        .cluster_role("r", &json!([rule(&["get"], "", &["pods"])]))
        .bind(Some("a"), "b", "ClusterRole/r", "user:ana")
        .bind(Some("z"), "b", "ClusterRole/r", "user:ana")
        .log(0, 90)
        .row(Row::new("user:ana", "get pods@a/x", 3).credit(credit("r")).times(5))
        .row(Row::new("user:ana", "get pods@a/x", 1).credit(credit("r")))
        // The binding was made anew since: it referred to another role then.
        .row(Row::new("user:ana", "get pods@a/x", 7).credit(credit("old")));
    let book = world.book();
    let grant = |ns: &str| {
        let key = GrantKey {
            binding_kind: BindingKind::RoleBinding,
            namespace: Some(ns.into()),
            binding: "b".into(),
            subject: "user:ana".parse().unwrap(),
        };
        book.grants().find(|grant| grant.key == key).unwrap().clone()
    };
    assert_eq!((grant("a").credited, grant("a").last_credited), (6, Some(day(3))));
    assert_eq!((grant("z").credited, grant("z").last_credited), (0, None));
}

#[test]
fn what_is_asked_about_beside_a_request_leaves_no_credit() {
    let untold = |rules: &[Value], acts: bool| {
        let row = Row::new("user:ana", "get pods@a/x", 3);
        let row = if acts { row.acting_as("user:bob", None) } else { row };
        let book = World::new()
            .cluster_role("r", &json!(rules))
            .bind(None, "b", "ClusterRole/r", "user:ana")
            .log(0, 90)
            .row(row)
            .book();
        let grant = book.grants().find(|grant| &*grant.key.binding == "b").unwrap();
        book.may_leave_no_credit(grant)
    };
    let acting = rule(&["impersonate"], "", &["users"]);
    let constrained = rule(&["impersonate:user-info"], "authentication.k8s.io", &["users"]);
    let binding = rule(&["bind"], "rbac.authorization.k8s.io", &["clusterroles"]);
    let reading = rule(&["get"], "", &["pods"]);
    let path = json!({"verbs": ["probe"], "nonResourceURLs": ["/probe"]});
    for silent in [&acting, &constrained, &binding] {
        assert!(untold(std::slice::from_ref(silent), false), "{silent}");
    }
    assert!(!untold(&[reading.clone(), acting.clone()], false));
    assert!(untold(&[reading.clone(), acting], true));
    assert!(untold(&[rule(&["*"], "*", &["*"])], true));
    assert!(!untold(&[rule(&["*"], "*", &["*"])], false));
    assert!(!untold(&[reading, binding], true));
    assert!(!untold(&[path], true));
    assert!(!untold(&[], true));
}

#[test]
fn uses_are_of_the_effective_identity_and_counts_of_the_authenticated() {
    let world = World::new()
        .log(0, 90)
        .row(Row::new("user:ana", "get pods@a/x", 3).times(2))
        .row(Row::new("user:ana", "get pods@a/x", 9).groups(&["devs", "system:authenticated"]))
        .row(Row::new("user:ana", "create pods@a", 8).denied())
        .row(Row::new("user:ana", "delete pods@a/x", 4).acting_as("user:bob", None));
    let book = world.book();
    let uses = |who: &str| {
        book.uses(book.who(who).id)
            .into_iter()
            .map(|one| (one.call.verb.to_string(), one.allowed, one.denied, one.last_seen))
            .collect::<Vec<_>>()
    };
    assert_eq!(uses("user:ana"), [("create".into(), 0, 1, day(8)), ("get".into(), 3, 0, day(9))]);
    assert_eq!(uses("user:bob"), [("delete".into(), 1, 0, day(4))]);
    let ana = book.who("user:ana").activity.as_ref().unwrap();
    assert_eq!((ana.requests, ana.allowed, ana.denied), (5, 4, 1));
    assert_eq!((ana.first_seen, ana.last_seen), (Some(day(3)), Some(day(9))));
    assert_eq!((ana.last_allowed, ana.last_write), (Some(day(9)), Some(day(4))));
    assert_eq!(ana.agents[0].requests, 5);
    assert_eq!(ana.days.len(), 4);
}

#[test]
fn asking_what_one_may_is_no_write_and_running_in_a_pod_is_one() {
    let world = World::new()
        .log(0, 90)
        .row(Row::new("user:ana", "create authorization.k8s.io:selfsubjectaccessreviews", 7))
        .row(Row::new("user:bob", "get pods/exec@a/p", 7).implied(Implied::UpgradedGet));
    let book = world.book();
    let last_write = |who: &str| book.who(who).activity.as_ref().unwrap().last_write;
    assert_eq!((last_write("user:ana"), last_write("user:bob")), (None, Some(day(7))));
}
