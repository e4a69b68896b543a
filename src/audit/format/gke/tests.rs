use serde_json::{Value, json};

use super::*;

fn translated(entry: &Value) -> Option<(Value, Option<String>)> {
    let text = entry.to_string();
    let (object, _) = Object::read(&text).unwrap();
    match super::entry(&object)? {
        Translated::Carried(carried) => Some((
            serde_json::from_str(&carried.text).unwrap(),
            carried.cluster.map(Cow::into_owned),
        )),
        _ => None,
    }
}

fn sample() -> Value {
    json!({
        "insertId": "a1",
        "logName": "projects/p1/logs/cloudaudit.googleapis.com%2Fdata_access",
        "timestamp": "2026-05-04T09:10:11.123456Z",
        "receiveTimestamp": "2026-05-04T09:10:12.5Z",
        "labels": {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": "x"},
        "operation": {"id": "op1", "producer": "k8s.io", "first": true, "last": true},
        "resource": {"type": "k8s_cluster", "labels": {
            "cluster_name": "c1", "location": "europe-west1", "project_id": "p1"}},
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "serviceName": "k8s.io",
            "methodName": "io.k8s.core.v1.pods.list",
            "resourceName": "core/v1/namespaces/shop/pods",
            "authenticationInfo": {"principalEmail": "ana@corp.example"},
            "authorizationInfo": [{"permission": "io.k8s.core.v1.pods.list", "granted": true,
                                   "resource": "core/v1/namespaces/shop/pods"}],
            "requestMetadata": {"callerIp": "198.51.100.7",
                                "callerSuppliedUserAgent": "kubectl/v1.34"},
            "status": {"code": 0}
        }
    })
}

fn expected() -> Value {
    json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1",
        "auditID": "op1", "stage": "ResponseComplete", "verb": "list",
        "objectRef": {"resource": "pods", "namespace": "shop", "apiVersion": "v1"},
        "user": {"username": "ana@corp.example"},
        "sourceIPs": ["198.51.100.7"], "userAgent": "kubectl/v1.34",
        "responseStatus": {"code": 200},
        "requestReceivedTimestamp": "2026-05-04T09:10:11.123456Z",
        "stageTimestamp": "2026-05-04T09:10:11.123456Z",
        "annotations": {"authorization.k8s.io/decision": "allow",
                        "authorization.k8s.io/reason": "x"}
    })
}

#[test]
fn an_entry_is_an_event() {
    let (event, cluster) = translated(&sample()).unwrap();
    assert_eq!(event, expected());
    assert_eq!(cluster.as_deref(), Some("projects/p1/locations/europe-west1/clusters/c1"));
}

#[test]
fn a_row_of_bigquery_is_the_same_event() {
    let row = json!({
        "logName": "x", "insertId": "a1", "timestamp": "2026-05-04 09:10:11.123456 UTC",
        "labels": {"authorization_k8s_io_decision": "allow", "authorization_k8s_io_reason": "x"},
        "operation": {"id": "op1", "first": "true", "last": "true"},
        "textPayload": null,
        "protopayload_auditlog": {
            "serviceName": "k8s.io", "methodName": "io.k8s.core.v1.pods.list",
            "resourceName": "core/v1/namespaces/shop/pods",
            "authenticationInfo": {"principalEmail": "ana@corp.example"},
            "authorizationInfo": [{"granted": "true"}],
            "requestMetadata": {"callerIp": "198.51.100.7",
                                "callerSuppliedUserAgent": "kubectl/v1.34"},
            "status": {"code": "0"}
        }
    });
    assert_eq!(translated(&row).unwrap().0, expected());
    let text = row.to_string();
    let snake = text
        .replace("protopayload_auditlog", "proto_payload")
        .replace("methodName", "method_name")
        .replace("resourceName", "resource_name")
        .replace("authenticationInfo", "authentication_info")
        .replace("principalEmail", "principal_email")
        .replace("callerIp", "caller_ip")
        .replace("insertId", "insert_id");
    assert_eq!(translated(&serde_json::from_str(&snake).unwrap()).unwrap().0, expected());
    let mut pairs = row;
    pairs["labels"] = json!([{"key": "authorization.k8s.io/decision", "value": "allow"},
                             {"key": "authorization.k8s.io/reason", "value": "x"}]);
    assert_eq!(translated(&pairs).unwrap().0, expected());
}

#[test]
fn decisions_come_from_labels_else_from_what_was_granted() {
    let decision = |entry: &Value| {
        let (event, _) = translated(entry).unwrap();
        event["annotations"]["authorization.k8s.io/decision"].as_str().map(str::to_owned)
    };
    let mut entry = sample();
    entry.as_object_mut().unwrap().remove("labels");
    assert_eq!(decision(&entry).as_deref(), Some("allow"));
    // `granted: false` is left out, as proto3 does.
    entry["protoPayload"]["authorizationInfo"] = json!([{"permission": "x"}]);
    assert_eq!(decision(&entry), None);
    entry["protoPayload"]["status"] = json!({"code": 7, "message": "no"});
    assert_eq!(decision(&entry).as_deref(), Some("forbid"));
    let (event, _) = translated(&entry).unwrap();
    assert_eq!(event["responseStatus"], json!({"code": 403, "message": "no"}));
    entry["protoPayload"].as_object_mut().unwrap().remove("authorizationInfo");
    assert_eq!(decision(&entry), None);
}

#[test]
fn whether_a_patch_created_is_not_known() {
    let mut entry = sample();
    entry["protoPayload"]["methodName"] = json!("io.k8s.core.v1.pods.patch");
    entry["protoPayload"]["resourceName"] = json!("core/v1/namespaces/shop/pods/p");
    assert_eq!(translated(&entry).unwrap().0.get("responseStatus"), None);
    entry["protoPayload"]["resourceName"] = json!("core/v1/namespaces/shop/pods/p/status");
    assert_eq!(translated(&entry).unwrap().0["responseStatus"], json!({"code": 200}));
    entry["protoPayload"]["status"] = json!({"code": 5});
    assert_eq!(translated(&entry).unwrap().0["responseStatus"], json!({"code": 404}));
}

#[test]
fn both_entries_of_a_long_operation_are_one_request() {
    let mut first = sample();
    first["operation"] = json!({"id": "op1", "first": true});
    let mut last = sample();
    last["operation"] = json!({"id": "op1", "last": true});
    last["timestamp"] = json!("2026-05-04T10:00:00Z");
    let [first, last] = [first, last].map(|entry| translated(&entry).unwrap().0);
    assert_eq!(first["stage"], "ResponseStarted");
    assert_eq!(last["stage"], "ResponseComplete");
    assert_eq!(first["auditID"], last["auditID"]);
    assert_eq!(first.get("requestReceivedTimestamp"), None);
    assert_eq!(last["stageTimestamp"], "2026-05-04T10:00:00Z");
}

#[test]
fn whoever_came_is_named_as_far_as_the_entry_does() {
    let mut entry = sample();
    entry["protoPayload"]["authenticationInfo"] = json!({
        "principalSubject": "principal://iam.googleapis.com/x",
        "serviceAccountKeyName": "//iam.googleapis.com/projects/p1/serviceAccounts/s/keys/1",
        "serviceAccountDelegationInfo": [{"firstPartyPrincipal": {"principalEmail": "a@b.example"}}]
    });
    let (event, _) = translated(&entry).unwrap();
    assert_eq!(event["user"]["username"], "principal://iam.googleapis.com/x");
    let extra = &event["user"]["extra"]["authentication.kubernetes.io/credential-id"];
    assert_eq!(extra, &json!(["//iam.googleapis.com/projects/p1/serviceAccounts/s/keys/1"]));
    entry["protoPayload"]["authenticationInfo"] = json!({"authoritySelector": "system:anonymous"});
    assert_eq!(translated(&entry).unwrap().0["user"]["username"], "system:anonymous");
}

#[test]
fn a_message_of_pubsub_holds_an_entry() {
    let data = STANDARD.encode(sample().to_string());
    for message in [
        json!({"message": {"data": data, "messageId": "1"}, "subscription": "s"}),
        json!({"data": data, "publishTime": "2026-05-04T09:10:12Z"}),
    ] {
        let text = message.to_string();
        let (object, _) = Object::read(&text).unwrap();
        let Some(Translated::Carried(carried)) = super::entry(&object) else { panic!("{text}") };
        assert_eq!(serde_json::from_str::<Value>(&carried.text).unwrap(), sample());
    }
}

#[test]
fn other_entries_are_passed_over_and_other_objects_left_alone() {
    let passed = |entry: &Value| {
        let text = entry.to_string();
        let (object, _) = Object::read(&text).unwrap();
        matches!(super::entry(&object), Some(Translated::Passed(_)))
    };
    let mut other = sample();
    other["protoPayload"]["serviceName"] = json!("container.googleapis.com");
    assert!(passed(&other));
    assert!(passed(&json!({"logName": "x", "textPayload": "hello"})));
    assert!(!passed(&json!({"log": "x"})));
    assert_eq!(translated(&json!({"log": "x", "labels": {}})), None);
}
