//! Rules that must not pass over somebody for a name, nor take a program for a person.

use serde_json::json;

use super::*;
use crate::model::{Asked, BoundTo, Identity, Issued, Minted, SeenId};

/// What is said by one rule, by whom and how bad.
fn by(world: &World, rule: &str) -> Vec<(String, Severity, String)> {
    let found = findings(world).into_iter().filter(|one| one.rule == rule);
    found.map(|one| (one.identity.to_string(), one.severity, one.evidence)).collect()
}

fn whom(world: &World, rule: &str) -> Vec<(String, Severity)> {
    let mut found: Vec<_> =
        by(world, rule).into_iter().map(|(who, severity, _)| (who, severity)).collect();
    found.sort();
    found
}

#[test]
fn all_accounts_of_a_namespace_are_judged_as_a_group_and_as_many() {
    let secrets = rule(&["get", "list"], "", "secrets");
    let world = world()
        .cluster_role("secrets", &secrets)
        .cluster_role("core", &rule(&["*"], "", "*"))
        .bind(None, "1", "ClusterRole/secrets", "group:system:serviceaccounts:a")
        .bind(None, "2", "ClusterRole/core", "group:system:serviceaccounts:a")
        .bind(Some("a"), "3", "ClusterRole/view", "group:system:serviceaccounts:a")
        .bind(Some("a"), "4", "ClusterRole/edit", "group:system:serviceaccounts:a")
        .bind(None, "5", "ClusterRole/secrets", "group:system:anonymous")
        .bind(None, "6", "ClusterRole/secrets", "user:system:anonymous")
        .bind(None, "7", "ClusterRole/secrets", "group:system:serviceaccounts");
    let accounts = "group:system:serviceaccounts:a".to_owned();
    assert_eq!(
        whom(&world, "all-secrets"),
        [("group:system:anonymous".to_owned(), Severity::High), (accounts.clone(), Severity::High)]
    );
    assert_eq!(whom(&world, "wildcard"), [(accounts.clone(), Severity::High)]);
    // What they read where they are is usual, and is not said.
    let mut said = by(&world, "everybody");
    said.retain(|(who, ..)| *who == accounts);
    let of = |severity, evidence: &str| (accounts.clone(), severity, evidence.to_owned());
    assert_eq!(
        said,
        [
            of(
                Severity::High,
                "ClusterRoleBinding 1 grants ClusterRole secrets (reads secrets) to every service \
                 account of namespace a: get, list on secrets in the whole cluster"
            ),
            of(
                Severity::High,
                "ClusterRoleBinding 2 grants ClusterRole core (cluster write) to every service \
                 account of namespace a: every verb on every resource of the core group in the whole \
                 cluster"
            ),
            of(
                Severity::Medium,
                "RoleBinding a/4 grants ClusterRole edit (namespace write) to every service \
                 account of namespace a: create on pods in a"
            ),
        ]
    );
}

#[test]
fn all_accounts_of_a_namespace_that_is_gone_dangle() {
    let world = world().bind(None, "1", "ClusterRole/view", "group:system:serviceaccounts:gone");
    assert_eq!(
        by(&world, "dangling-namespace"),
        [(
            "group:system:serviceaccounts:gone".to_owned(),
            Severity::Medium,
            "ClusterRoleBinding 1 grants ClusterRole view to every service account of namespace \
             gone, which does not exist: whoever may create it gets these rights"
                .to_owned()
        )]
    );
    assert_eq!(by(&without(world, ListKind::Namespaces), "dangling-namespace"), []);
}

#[test]
fn a_wildcard_says_of_which_groups_and_reading_rbac_is_no_high_one() {
    let rbac = "rbac.authorization.k8s.io";
    let world = world()
        .cluster_role("reads", &rule(&["get", "list", "watch"], rbac, "*"))
        .cluster_role("writes", &rule(&["get", "update"], rbac, "*"))
        .cluster_role(
            "two",
            &json!([{"verbs": ["get"], "apiGroups": ["", "apps"], "resources": ["*"]}]),
        )
        .bind(None, "1", "ClusterRole/reads", "user:reads")
        .bind(None, "2", "ClusterRole/writes", "user:writes")
        .bind(None, "3", "ClusterRole/two", "user:two");
    assert_eq!(
        by(&world, "wildcard").into_iter().map(|(_, how, what)| (how, what)).collect::<Vec<_>>(),
        [
            (
                Severity::High,
                "ClusterRoleBinding 3 grants ClusterRole two, which allows get on every resource \
                 of the core group, apps in the whole cluster: resources that come later too"
                    .to_owned()
            ),
            (
                Severity::High,
                "ClusterRoleBinding 2 grants ClusterRole writes, which allows get, update on every \
                 resource of rbac.authorization.k8s.io in the whole cluster: resources that come \
                 later too"
                    .to_owned()
            ),
            (
                Severity::Low,
                "ClusterRoleBinding 1 grants ClusterRole reads, which allows get, list, watch on \
                 every resource of rbac.authorization.k8s.io in the whole cluster: resources that \
                 come later too"
                    .to_owned()
            ),
        ]
    );
}

#[test]
fn constrained_impersonation_sets_the_guards_aside_too() {
    let group = "authentication.k8s.io";
    let world = world()
        .cluster_role("info", &rule(&["impersonate:user-info"], group, "users"))
        .cluster_role("account", &rule(&["impersonate:serviceaccount"], group, "serviceaccounts"))
        .cluster_role("node", &rule(&["impersonate:arbitrary-node"], group, "nodes"))
        .cluster_role("own-node", &rule(&["impersonate:associated-node"], group, "nodes"))
        .cluster_role("core", &rule(&["impersonate:user-info"], "", "users"))
        .bind(None, "1", "ClusterRole/info", "user:info")
        .bind(Some("a"), "2", "ClusterRole/info", "user:nobody")
        .bind(None, "3", "ClusterRole/account", "user:account")
        .bind(Some("a"), "4", "ClusterRole/account", "user:account-of-a")
        .bind(None, "5", "ClusterRole/node", "user:node")
        .bind(None, "6", "ClusterRole/own-node", "user:own-node")
        .bind(None, "7", "ClusterRole/core", "user:core");
    assert_eq!(
        whom(&world, "escalation-verbs"),
        [
            ("user:account".to_owned(), Severity::High),
            ("user:account-of-a".to_owned(), Severity::Medium),
            ("user:info".to_owned(), Severity::High),
            ("user:node".to_owned(), Severity::High),
            ("user:own-node".to_owned(), Severity::High),
        ]
    );
    // What may be done in whoever's name is no wildcard.
    let on = rule(&["impersonate-on:user-info:get", "impersonate-on:user-info:list"], "*", "*");
    let world = world.cluster_role("on", &on).bind(None, "8", "ClusterRole/on", "user:info");
    assert_eq!(by(&world, "wildcard"), []);
    // What a server does not ask for it does not give.
    let mut older = world;
    older.snapshot.cluster.server_version = Some("v1.34.1".into());
    assert_eq!(by(&older, "escalation-verbs"), []);
}

#[test]
fn a_search_is_said_however_few_days_it_takes() {
    let search = |kinds: usize, each: u64| {
        (0..kinds).fold(world().log(0, 20), |world, at| {
            let mut row = Row::new("user:eve", &format!("get thing{at}s@a/x"), 5).denied();
            row.denied = each;
            world.row(row)
        })
    };
    assert_eq!(
        by(&search(300, 10), "denied"),
        [(
            "user:eve".to_owned(),
            Severity::Medium,
            "refused 3000 times on 1 day between 2026-01-06 and 2026-01-06; most often get \
             thing0s (10), and 299 other kinds of requests"
                .to_owned()
        )]
    );
    // Somebody who asks for what they may not is not searching.
    assert_eq!(by(&search(29, 10), "denied"), []);
    assert_eq!(by(&search(33, 3), "denied"), []);
}

fn used(agent: &str, who: &str, credential: &str) -> Vec<String> {
    let world = world()
        .account("a", "x")
        .log(0, 20)
        .row(Row::new(who, "get pods@a/x", 3).with(credential).agent(agent).times(7));
    let found = by(&world, "people-on-machine").into_iter();
    found.map(|(who, _, evidence)| format!("{who}: {evidence}")).collect()
}

#[test]
fn what_runs_on_windows_nodes_is_no_person() {
    let windows = "(windows/amd64) kubernetes/abc1234";
    let kubectl = format!("kubectl/v1.33.1 {windows}");
    for (agent, credential) in [
        (format!("calico-node/v3.29.1 {windows}"), "pod:a/calico-node-x"),
        (format!("calico-node/v3.29.1 {windows}"), "legacy:a/x"),
        (kubectl.clone(), "pod:a/job-1"),
        (kubectl.clone(), "pod-uid:1-2-3"),
    ] {
        assert_eq!(used(&agent, "sa:a/x", credential), [] as [&str; 0], "{agent} {credential}");
    }
    assert_eq!(used(&kubectl, "sa:a/x", "legacy:a/x").len(), 1);
    // No node runs macOS: what has a pod's token there has it from a pod.
    assert_eq!(used("kubectl/v1.33.1 (darwin/arm64)", "sa:a/x", "pod:a/job-1").len(), 1);
    let kubelet = format!("kubelet/v1.36.1 {windows}");
    assert_eq!(used(&kubelet, "user:system:node:w1", "X509SHA256=1"), [] as [&str; 0]);
}

#[test]
fn people_with_a_certificate_of_the_clusters_own_are_said() {
    let mac = "kubectl/v1.33.1 (darwin/arm64) kubernetes/abc1234";
    for who in ["user:system:kube-scheduler", "user:system:node:n1"] {
        assert_eq!(
            used(mac, who, "X509SHA256=1"),
            [format!(
                "{who}: 7 requests by what people use (\"kubectl/v1.33.1 (darwin/arm64)\"), last on \
                 2026-01-04; it is a part of the cluster, and its certificate is nobody's own"
            )]
        );
    }
    for who in ["user:ana", "user:system:admin", "user:system:anonymous"] {
        assert_eq!(used(mac, who, "X509SHA256=1"), [] as [&str; 0], "{who}");
    }
    let both = |who: &str| {
        let agents = [mac, "kubectl/v1.31.0 (windows/amd64) kubernetes/def5678"];
        let rows = (0..12).map(|turn| {
            let what = format!("get configmaps@a/{turn}");
            let at = usize::from(turn % 2 == 1);
            Row::new(who, &what, 10)
                .with(["X509SHA256=1", "X509SHA256=2"][at])
                .from(["192.0.2.1", "192.0.2.2"][at])
                .agent(agents[at])
                .minutes(turn * 3)
        });
        rows.fold(world().log(0, 20), World::row)
    };
    for who in ["user:system:ops", "user:system:kube-scheduler", "user:system:node:n1"] {
        assert_eq!(whom(&both(who), "shared-account").len(), 1, "{who}");
    }
    // Of these there are many by design.
    for who in ["user:system:anonymous", "user:system:bootstrap:abcdef"] {
        assert_eq!(by(&both(who), "shared-account"), [], "{who}");
    }
    // A controller on three machines is one.
    let controller = |at: i64| {
        Row::new("user:system:kube-controller-manager", &format!("update configmaps@a/{at}"), 10)
            .with(
                ["X509SHA256=1", "X509SHA256=2", "X509SHA256=3"][usize::try_from(at % 3).unwrap()],
            )
            .from(["192.0.2.1", "192.0.2.2", "192.0.2.3"][usize::try_from(at % 3).unwrap()])
            .agent("kube-controller-manager/v1.36.1 (linux/amd64) kubernetes/abc/leader-election")
            .minutes(at)
    };
    let several = (0..30).map(controller).fold(world().log(0, 20), World::row);
    assert_eq!(by(&several, "shared-account"), []);
}

/// The label moves with what is refused as well.
#[test]
fn attempts_after_a_token_was_invalidated_are_no_sign_of_life() {
    let with = |used: i64, invalid: Option<&str>| {
        let mut labels = json!({"kubernetes.io/legacy-token-last-used":
            day(used).format("%Y-%m-%d").to_string()});
        if let Some(invalid) = invalid {
            labels["kubernetes.io/legacy-token-invalid-since"] = json!(invalid);
        }
        let world = world()
            .account("a", "x")
            .object(&json!({
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
                "metadata": {"namespace": "a", "name": "t", "labels": labels,
                    "annotations": {"kubernetes.io/service-account.name": "x"}},
            }))
            .bind(Some("a"), "x", "ClusterRole/edit", "sa:a/x")
            .log(0, 119);
        (whom(&world, "idle").len(), world.book().who("sa:a/x").hints.len())
    };
    // Day 60 is the second of March.
    assert_eq!(with(60, None), (0, 1));
    assert_eq!(with(60, Some("2026-03-01")), (1, 0));
    // On the day itself it may have been used before.
    assert_eq!(with(60, Some("2026-03-02")), (0, 1));
    assert_eq!(with(60, Some("2026-05-01")), (0, 1));
    // When is not known.
    assert_eq!(with(60, Some("yes")), (0, 1));
}

/// The token that somebody took along says that somebody is still there.
#[test]
fn tokens_of_who_left_that_are_used_later_are_said() {
    let mut world = world()
        .account("a", "x")
        .bind(None, "x", "ClusterRole/all", "sa:a/x")
        .log(0, 60)
        .row(Row::new("user:ada", "create serviceaccounts/token@a/x", 10))
        .row(Row::new("sa:a/x", "get pods@a/p", 20).with("JTI=1").times(4))
        .row(Row::new("sa:a/x", "get pods@a/p", 40).with("JTI=1").times(3))
        .row(Row::new("sa:a/x", "get secrets@a/p", 41).with("JTI=2").times(2))
        .row(Row::new("sa:a/x", "get nodes", 50).with("JTI=3").times(9));
    let issued = |id: &str, by: &str| {
        let issued = Issued {
            account: Identity::service_account("a", "x"),
            credential: id.into(),
            by: by.parse().expect("an identity"),
            as_who: None,
        };
        (issued.into(), Minted::new(day(10)))
    };
    let all =
        [issued("JTI=1", "user:ada"), issued("JTI=2", "user:ada"), issued("JTI=3", "user:bob")];
    world.activity.as_mut().unwrap().issued = all.to_vec();
    // Day 33 is the third of February.
    world.policy.left = [("user:ada".into(), "2026-02-03".parse().expect("a day"))].into();
    assert_eq!(
        by(&world, "acted-after-leaving"),
        [(
            "user:ada".to_owned(),
            Severity::High,
            "its last day was 2026-02-03, by the policy; 2 tokens of sa:a/x that it had made had 5 \
             requests after it, the last on 2026-02-11"
                .to_owned()
        )]
    );
    world.policy.left = [("user:ada".into(), "2026-02-11".parse().expect("a day"))].into();
    assert_eq!(by(&world, "acted-after-leaving"), []);
}

/// A pipeline that has a token a job pushes the one that somebody took along out of what is kept.
#[test]
fn tokens_of_who_left_are_said_where_their_use_could_not_be_kept() {
    let with = |cut: bool, after: i64, until: Option<&str>| {
        let mut world = world()
            .account("a", "x")
            .bind(None, "x", "ClusterRole/all", "sa:a/x")
            .log(0, 60)
            .row(Row::new("user:ada", "create serviceaccounts/token@a/x", 10))
            .row(Row::new("sa:a/x", "get pods@a/p", 20).with("JTI=9").times(4))
            .row(Row::new("sa:a/x", "get secrets@a/p", after).times(3));
        let issued = Issued {
            account: Identity::service_account("a", "x"),
            credential: "JTI=1".into(),
            by: "user:ada".parse().expect("an identity"),
            as_who: None,
        };
        let mut minted = Minted::new(day(10));
        minted.asked = until.map(|until| Asked {
            bound: BoundTo::Nothing,
            seconds: None,
            until: Some(until.parse().expect("a time")),
            audiences: Vec::new(),
        });
        let activity = world.activity.as_mut().unwrap();
        activity.issued = vec![(issued.into(), minted)];
        if cut {
            let account = Identity::service_account("a", "x");
            let place = activity.tables.identities.iter().position(|one| *one == account);
            let id = SeenId(u32::try_from(place.expect("it was seen")).unwrap());
            activity.truncated = [(id, [("credentials".into(), 3)].into())].into();
        }
        // Day 33 is the third of February.
        world.policy.left = [("user:ada".into(), "2026-02-03".parse().expect("a day"))].into();
        by(&world, "acted-after-leaving")
    };
    let told = |until: Option<&str>| with(true, 40, until);
    assert_eq!(
        told(None),
        [(
            "user:ada".to_owned(),
            Severity::Medium,
            "its last day was 2026-02-03, by the policy; whether a token of sa:a/x that it had made, and \
             which may have been good then, had requests after it is not known, since the log names \
             more credentials of sa:a/x than are kept"
                .to_owned()
        )]
    );
    assert_eq!(told(Some("2026-02-04T00:00:00Z")).len(), 1);
    assert_eq!(told(Some("2026-02-03T23:00:00Z")), [], "it had ended by then");
    assert_eq!(with(true, 30, None), [], "nothing came after it");
    assert_eq!(with(false, 40, None), [], "all were kept: it was not used");
}

/// `kubectl get -n part serviceaccounts` is no list of everybody's, and its file does not say so.
#[test]
fn what_files_of_one_namespace_do_not_have_does_not_dangle() {
    let with = |health: Health, all: bool| {
        let mut world = World::new()
            .namespace("part")
            .cluster_role("view", &rule(&["get"], "", "pods"))
            .account("part", "default")
            .bind(None, "1", "ClusterRole/view", "sa:part/gone")
            .bind(None, "2", "ClusterRole/view", "sa:other/real")
            .bind(Some("third"), "3", "ClusterRole/view", "user:ana");
        if all {
            world = world.namespace("kube-system").account("other", "default");
        }
        for list in [ListKind::ServiceAccounts, ListKind::Namespaces] {
            world.snapshot.lists.insert(list, ListState::new(health));
        }
        rules(&world)
    };
    let gone = |who: &str, rule: &'static str| (who.to_owned(), rule);
    assert_eq!(
        with(Health::Unverifiable, false),
        [gone("sa:part/gone", "dangling-account")],
        "of its own namespace the file says who is there"
    );
    assert_eq!(
        with(Health::Unverifiable, true),
        [
            gone("sa:other/real", "dangling-namespace"),
            gone("sa:part/gone", "dangling-account"),
            gone("user:ana", "dangling-namespace")
        ]
    );
    assert_eq!(
        with(Health::Complete, false),
        [
            gone("sa:other/real", "dangling-namespace"),
            gone("sa:part/gone", "dangling-account"),
            gone("user:ana", "dangling-namespace")
        ]
    );
}
