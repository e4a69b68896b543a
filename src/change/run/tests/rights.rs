//! What the operator may not do.

use super::*;

#[test]
fn who_may_not_is_told_which_verb_is_missing() {
    block_on(async {
        let cluster = cluster().await;
        let grant = async |name: &str, rules: Value| {
            let role = json!({"kind": "ClusterRole", "metadata": {"name": name}, "rules": rules});
            cluster
                .create(&format!("{RBAC}/clusterroles"), &role, DryRun::No)
                .await
                .expect("create");
            let binding = json!({"metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
                "subjects": [user("op")]});
            let at = format!("{RBAC}/clusterrolebindings");
            cluster.create(&at, &binding, DryRun::No).await.expect("create");
        };
        let op = cluster.operated_by(Operator::new("op", &[]));
        let plan = plan(&cluster, &["rb:n/both=user:ann", "rb:n/lone=user:ann"]).await;
        let rbac = |verbs: &[&str], resources: &[&str]| json!([{"verbs": verbs, "apiGroups": ["rbac.authorization.k8s.io"], "resources": resources}]);
        grant("see", rbac(&["get"], &["rolebindings"])).await;
        let found = preflight(&op, &op, &plan, &[]).await.expect("a preflight");
        assert_eq!(found.problems.len(), 2, "{found:?}");
        assert!(found.problems[0].contains("you may not update rolebindings"), "{found:?}");
        assert!(found.problems[1].contains("you may not delete rolebindings"), "{found:?}");
        // May write bindings, and holds nothing of what they give.
        grant("write", rbac(&["update", "delete", "create"], &["rolebindings"])).await;
        let found = preflight(&op, &op, &plan, &[]).await.expect("a preflight");
        assert_eq!(found.problems.len(), 1, "{found:?}");
        assert!(found.problems[0].contains("bind clusterroles"), "{found:?}");
        assert_eq!(found.notes.len(), 1, "{found:?}");
        assert!(found.notes[0].contains("you could not take it back"), "{found:?}");
        let any = json!([{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}]);
        grant("hold", any).await;
        let found = preflight(&op, &op, &plan, &[]).await.expect("a preflight");
        assert_eq!(found, Preflight::default(), "who holds it may give it");
    });
}
