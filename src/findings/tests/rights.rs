//! What is granted, whoever uses it.

use serde_json::json;

use super::*;

/// What is said of one identity by one rule.
fn said(world: &World, who: &str, rule: &str) -> Vec<(Severity, String)> {
    findings(world)
        .into_iter()
        .filter(|finding| finding.identity.to_string() == who && finding.rule == rule)
        .map(|finding| (finding.severity, finding.evidence))
        .collect()
}

/// Who is said something of by one rule, with how bad it is.
fn whom(world: &World, rule: &str) -> Vec<(String, Severity)> {
    let mut found: Vec<_> = findings(world)
        .into_iter()
        .filter(|finding| finding.rule == rule)
        .map(|finding| (finding.identity.to_string(), finding.severity))
        .collect();
    found.sort();
    found
}

#[test]
fn every_resource_of_a_group_that_others_depend_on_is_a_wildcard() {
    let world = world()
        .cluster_role("read-all", &rule(&["get", "list"], "*", "*"))
        .cluster_role("core", &rule(&["*"], "", "*"))
        .cluster_role("operator", &rule(&["*"], "shop.corp.example", "*"))
        .cluster_role(
            "named",
            &json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"],
                "resourceNames": ["x"]}]),
        )
        // Requests that carry no name: every create and list, and no get.
        .cluster_role(
            "nameless",
            &json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"],
                "resourceNames": ["x", ""]}]),
        )
        .cluster_role(
            "nothing",
            &json!([{"verbs": ["get"], "apiGroups": ["*"], "resources": ["*"],
                "resourceNames": [""]}]),
        )
        .bind(None, "8", "ClusterRole/nameless", "user:nameless")
        .bind(None, "9", "ClusterRole/nothing", "user:nothing")
        .bind(None, "1", "ClusterRole/read-all", "user:reads")
        .bind(None, "2", "ClusterRole/core", "user:core")
        .bind(None, "3", "ClusterRole/operator", "user:operator")
        .bind(None, "4", "ClusterRole/named", "user:named")
        .bind(None, "5", "ClusterRole/all", "user:admin")
        .bind(Some("a"), "6", "ClusterRole/all", "user:ns-admin")
        .bind(Some("a"), "7", "ClusterRole/read-all", "user:ns-reads");
    assert_eq!(
        whom(&world, "wildcard"),
        [
            ("user:core".into(), Severity::High),
            ("user:nameless".into(), Severity::High),
            ("user:ns-admin".into(), Severity::Medium),
            ("user:ns-reads".into(), Severity::Low),
            ("user:reads".into(), Severity::High),
        ]
    );
    assert_eq!(
        said(&world, "user:ns-reads", "wildcard")[0].1,
        "RoleBinding a/7 grants ClusterRole read-all, which allows get, list on every resource in \
         a: resources that come later too"
    );
}

#[test]
fn the_secrets_of_every_namespace_are_said_and_those_of_one_are_not() {
    let named = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"],
        "resourceNames": ["x"]}]);
    let nameless = json!([{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["secrets"],
        "resourceNames": [""]}]);
    let split = json!([
        {"verbs": ["list"], "apiGroups": [""], "resources": ["pods", "secrets"]},
        {"verbs": ["get", "create"], "apiGroups": ["*"], "resources": ["secrets"]},
    ]);
    let world = world()
        .cluster_role("named", &named)
        .cluster_role("split", &split)
        .cluster_role("write", &rule(&["create"], "", "secrets"))
        .cluster_role("other", &rule(&["get"], "shop.corp.example", "secrets"))
        .bind(None, "1", "ClusterRole/named", "user:named")
        .bind(None, "2", "ClusterRole/split", "user:split")
        .bind(None, "3", "ClusterRole/write", "user:write")
        .bind(None, "4", "ClusterRole/other", "user:other")
        // A list carries no name, which is what the rule names, and a get does.
        .cluster_role("nameless", &nameless)
        .bind(None, "6", "ClusterRole/nameless", "user:nameless")
        // Writing that is answered with them.
        .cluster_role("clear", &rule(&["deletecollection"], "", "secrets"))
        .bind(None, "7", "ClusterRole/clear", "user:clear")
        .cluster_role("put", &rule(&["create", "update"], "", "secrets"))
        .bind(None, "8", "ClusterRole/put", "user:put")
        .bind(Some("a"), "5", "ClusterRole/split", "user:inside");
    let all = ["user:clear", "user:nameless", "user:split"];
    assert_eq!(whom(&world, "all-secrets"), all.map(|who| (who.into(), Severity::High)));
    assert_eq!(
        said(&world, "user:clear", "all-secrets")[0].1,
        "ClusterRoleBinding 7 grants ClusterRole clear, which allows to deletecollection the Secrets \
         of every namespace, and be answered with them: the tokens of other accounts are among them"
    );
    assert_eq!(
        said(&world, "user:nameless", "all-secrets")[0].1,
        "ClusterRoleBinding 6 grants ClusterRole nameless, which allows to list the Secrets of \
         every namespace: the tokens of other accounts are among them"
    );
    assert_eq!(
        said(&world, "user:split", "all-secrets")[0].1,
        "ClusterRoleBinding 2 grants ClusterRole split, which allows to get, list the Secrets of \
         every namespace: the tokens of other accounts are among them"
    );
}

#[test]
fn verbs_that_set_the_guards_aside_are_said_where_they_are_of_use() {
    let rbac = "rbac.authorization.k8s.io";
    let world = world()
        .cluster_role("bind", &rule(&["bind"], rbac, "clusterroles"))
        .cluster_role("escalate", &rule(&["escalate"], rbac, "clusterroles"))
        .cluster_role("act", &rule(&["impersonate"], "", "users"))
        .cluster_role("act-account", &rule(&["impersonate"], "", "serviceaccounts"))
        .cluster_role("writes", &rule(&["create", "update"], rbac, "roles"))
        .cluster_role(
            "one",
            &json!([{"verbs": ["impersonate"], "apiGroups": [""], "resources": ["groups"],
                "resourceNames": ["devs"]}]),
        )
        .bind(None, "1", "ClusterRole/bind", "user:binds")
        .bind(Some("a"), "2", "ClusterRole/bind", "user:binds-in-a")
        .bind(Some("a"), "3", "ClusterRole/escalate", "user:escalates-nothing")
        .bind(None, "4", "ClusterRole/act", "user:acts")
        .bind(Some("a"), "5", "ClusterRole/act", "user:acts-as-nobody")
        .bind(Some("a"), "6", "ClusterRole/act-account", "user:acts-as-accounts-of-a")
        .bind(None, "7", "ClusterRole/act-account", "user:acts-as-accounts")
        .bind(None, "8", "ClusterRole/writes", "user:writes")
        .bind(None, "9", "ClusterRole/one", "user:one");
    assert_eq!(
        whom(&world, "escalation-verbs"),
        [
            ("user:acts".into(), Severity::High),
            ("user:acts-as-accounts".into(), Severity::High),
            ("user:binds".into(), Severity::High),
            ("user:binds-in-a".into(), Severity::Medium),
            ("user:one".into(), Severity::High),
        ]
    );
    assert_eq!(
        said(&world, "user:binds-in-a", "escalation-verbs")[0].1,
        "RoleBinding a/2 grants ClusterRole bind, which allows bind clusterroles in a: past the \
         check that nobody gives away or takes on more than they hold"
    );
}

#[test]
fn what_the_default_account_holds_every_pod_holds() {
    let world = world()
        .account("a", "default")
        .account("a", "default-2")
        .bind(Some("a"), "1", "ClusterRole/view", "sa:a/default")
        .bind(Some("a"), "2", "ClusterRole/edit", "sa:a/default-2")
        .bind(Some("a"), "3", "ClusterRole/gone", "sa:a/default")
        .bind(Some("a"), "4", "ClusterRole/edit", "user:default");
    assert_eq!(whom(&world, "default-account"), [("sa:a/default".into(), Severity::Medium)]);
    assert_eq!(
        said(&world, "sa:a/default", "default-account")[0].1,
        "RoleBinding a/1 grants ClusterRole view (read) to every pod in a that names no account"
    );
}

#[test]
fn of_two_grants_that_allow_the_same_one_is_redundant() {
    let world = world()
        .bind(Some("a"), "first", "ClusterRole/view", "user:ana")
        .bind(Some("a"), "second", "ClusterRole/view", "user:ana")
        .bind(None, "wide", "ClusterRole/edit", "user:bob")
        .bind(Some("a"), "narrow", "ClusterRole/edit", "user:bob")
        .bind(Some("a"), "other", "ClusterRole/view", "user:bob")
        .bind(None, "all", "ClusterRole/view", "group:system:authenticated")
        .bind(Some("a"), "mine", "ClusterRole/view", "user:zoe");
    let mut found: Vec<String> = findings(&world)
        .into_iter()
        .filter(|finding| finding.rule == "redundant-grant")
        .map(|finding| format!("{}: {}", finding.identity, finding.evidence))
        .collect();
    found.sort();
    let everybody = "is granted by ClusterRoleBinding all (ClusterRole view) to group \
                     system:authenticated as well";
    assert_eq!(
        found,
        [
            // The first of the two comes next, once the second is gone.
            "user:ana: RoleBinding a/second grants ClusterRole view: all of it is granted by \
             RoleBinding a/first (ClusterRole view) as well"
                .to_owned(),
            "user:bob: RoleBinding a/narrow grants ClusterRole edit: all of it is granted by \
             ClusterRoleBinding wide (ClusterRole edit) as well"
                .to_owned(),
            format!("user:bob: RoleBinding a/other grants ClusterRole view: all of it {everybody}"),
            format!("user:zoe: RoleBinding a/mine grants ClusterRole view: all of it {everybody}"),
        ]
    );
    let two = super::world().bind(Some("a"), "first", "ClusterRole/view", "user:ana").bind(
        Some("a"),
        "second",
        "ClusterRole/view",
        "user:ana",
    );
    assert_eq!(
        said(&two, "user:ana", "redundant-grant"),
        [(
            Severity::Low,
            "RoleBinding a/second grants ClusterRole view: all of it is granted by RoleBinding \
             a/first (ClusterRole view) as well"
                .to_owned()
        )]
    );
}

#[test]
fn a_token_of_a_secret_lasts_until_somebody_ends_it() {
    let secret = |name: &str, account: &str, labels: &serde_json::Value| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"namespace": "a", "name": name, "creationTimestamp": "2025-02-03T04:05:06Z",
                "labels": labels,
                "annotations": {"kubernetes.io/service-account.name": account}}})
    };
    let used = json!({"kubernetes.io/legacy-token-last-used": "2026-01-20"});
    let ended = json!({"kubernetes.io/legacy-token-invalid-since": "2026-01-20"});
    let world = world()
        .account("a", "strong")
        .account("a", "weak")
        .account("a", "nobody")
        .bind(None, "1", "ClusterRole/all", "sa:a/strong")
        .bind(None, "2", "ClusterRole/view", "sa:a/weak")
        .object(&secret("strong-token", "strong", &used))
        .object(&secret("strong-ended", "strong", &ended))
        .object(&secret("weak-token", "weak", &json!({})))
        .object(&secret("of-nobody", "nobody", &json!({})));
    assert_eq!(
        said(&world, "sa:a/strong", "lasting-token"),
        [(
            Severity::High,
            "secret a/strong-token, made by hand on 2025-02-03, more than 365 days ago, holds a token that never expires, \
             for cluster-admin; last used on 2026-01-20, by the Secret's label"
                .to_owned()
        )]
    );
    assert_eq!(
        whom(&world, "lasting-token"),
        [("sa:a/strong".into(), Severity::High), ("sa:a/weak".into(), Severity::Low)]
    );
}
