use super::*;

fn round_trip(value: &Value) -> Value {
    let object = Object::read(
        value["apiVersion"].as_str().unwrap_or_default(),
        value["kind"].as_str().unwrap_or_default(),
        value,
    );
    match object {
        Ok(Some(object)) => object.to_json(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn objects_come_back_as_they_went() {
    for value in [
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "r", "labels": {"a": "b"}},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]},
            "rules": [{"verbs": ["get"], "nonResourceURLs": ["/metrics/*"]},
                      {"verbs": ["*"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["x"]}]}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "b", "namespace": "n"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
            "subjects": [{"kind": "ServiceAccount", "name": "x"}]}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"},
            "type": "kubernetes.io/service-account-token", "immutable": true}),
        json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c", "namespace": "n"},
            "spec": {"jobTemplate": {"spec": {"template": {"spec": {"serviceAccountName": "x"}}}}}}),
        json!({"apiVersion": "rbacmanager.reactiveops.io/v1beta1", "kind": "RBACDefinition",
            "metadata": {"name": "d", "managedFields": [{"manager": "a"}, {"manager": "b"}]},
            "rbacBindings": [{"name": "dev", "subjects": [{"kind": "User", "name": "x"}],
                "clusterRoleBindings": [{"clusterRole": "view"}],
                "roleBindings": [
                    {"clusterRole": "edit", "namespaceSelector": {"matchLabels": {},
                        "matchExpressions": [{"key": "a", "operator": "Exists", "values": []}]}},
                    {"role": "own", "namespace": "n", "namespaceSelector": {}}]}]}),
    ] {
        assert_eq!(round_trip(&value), value);
    }
}

#[test]
fn of_managed_fields_the_clients_and_what_they_gave_are_kept() {
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "r", "managedFields": [
            {"manager": "b", "operation": "Update", "fieldsV1": {"f:rules": {}}},
            {"manager": "a", "operation": "Apply"}, {"manager": "b", "operation": "Apply"},
            {"manager": "c", "time": "2026-03-01T00:00:00Z", "fieldsV1": {"f:metadata": {}}},
            {"manager": "d", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:rules": {}}},
            {"manager": "d", "time": "2026-02-01T00:00:00Z",
             "fieldsV1": {"f:aggregationRule": {".": {}}, "f:metadata": {}}}]},
        "rules": []});
    let kept = json!([{"manager": "a"}, {"manager": "b"}, {"manager": "c"},
        {"manager": "d", "time": "2026-02-01T00:00:00Z", "fieldsV1": {"f:rules": {}}}]);
    let once = round_trip(&role);
    assert_eq!(once["metadata"]["managedFields"], kept);
    assert_eq!(round_trip(&once), once);
}

#[test]
fn null_lists_are_empty_ones() {
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "r", "labels": null}, "rules": null});
    assert_eq!(round_trip(&role)["rules"], json!([]));
}

#[test]
fn no_data_of_a_secret_survives_reading() {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "s", "namespace": "n", "annotations":
            {"kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{\"k\":\"c2VjcmV0\"}}"}},
        "data": {"k": "c2VjcmV0"}, "stringData": {"k": "secret"}});
    let text = round_trip(&secret).to_string();
    assert!(!text.contains("c2VjcmV0") && !text.contains("secret\""), "{text}");
}
