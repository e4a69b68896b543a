//! One event in each carrier that has a shape of its own, and what that carrier keeps of it.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// Writes an event as a carrier has it.
pub type Writer = fn(&Value) -> String;
/// What the carrier keeps, as the API server would have written it.
pub type Kept = fn(&Value) -> Value;

pub fn text<'a>(event: &'a Value, pointer: &str) -> &'a str {
    event.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub fn code(event: &Value) -> u64 {
    event.pointer("/responseStatus/code").and_then(Value::as_u64).unwrap_or(0)
}

fn drop_keys(value: &mut Value, keys: &[&str]) {
    for key in keys {
        value.as_object_mut().unwrap().remove(*key);
    }
}

fn subresource(event: &Value) -> &str {
    text(event, "/objectRef/subresource")
}

/// Whether a request stays open and so has two entries.
fn stays_open(event: &Value) -> bool {
    text(event, "/verb") == "watch" || matches!(subresource(event), "exec" | "log" | "attach")
}

/// google.rpc.Code of an answer.
fn grpc(code: u64) -> u64 {
    match code {
        101 => 2,
        200..300 => 0,
        401 => 16,
        403 => 7,
        404 => 5,
        409 => 10,
        429 => 8,
        422 | 400 => 3,
        _ => 13,
    }
}

fn resource_name(event: &Value) -> String {
    let Some(object) = event.get("objectRef") else {
        let path = text(event, "/requestURI").split('?').next().unwrap();
        return path.trim_start_matches('/').to_owned();
    };
    let part = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let group = if part("apiGroup").is_empty() { "core" } else { part("apiGroup") };
    let mut name = format!("{group}/{}", part("apiVersion"));
    if !part("namespace").is_empty() && part("resource") != "namespaces" {
        _ = write!(name, "/namespaces/{}", part("namespace"));
    }
    for key in ["resource", "name", "subresource"] {
        if !part(key).is_empty() {
            _ = write!(name, "/{}", part(key));
        }
    }
    if matches!(part("subresource"), "exec" | "attach") {
        _ = write!(name, "/{}", part("name"));
    }
    name
}

fn method_name(event: &Value) -> String {
    let Some(object) = event.get("objectRef") else {
        return format!("io.k8s.{}", text(event, "/verb"));
    };
    let part = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let group = match part("apiGroup") {
        "" => "io.k8s.core".to_owned(),
        bare if !bare.contains('.') => format!("io.k8s.{bare}"),
        dotted => dotted.split('.').rev().collect::<Vec<_>>().join("."),
    };
    let mut name = format!("{group}.{}.{}", part("apiVersion"), part("resource"));
    if !part("subresource").is_empty() {
        _ = write!(name, ".{}", part("subresource"));
    }
    format!("{name}.{}", text(event, "/verb"))
}

fn gke_operation(event: &Value) -> Value {
    let mut operation = json!({"id": event["auditID"], "producer": "k8s.io"});
    let started = text(event, "/stage") == "ResponseStarted";
    if !stays_open(event) || started {
        operation["first"] = json!(true);
    }
    if !stays_open(event) || !started {
        operation["last"] = json!(true);
    }
    operation
}

fn gke_entry(event: &Value) -> Value {
    let last = event["sourceIPs"].as_array().and_then(|all| all.last().cloned());
    let allowed = text(event, "/annotations/authorization.k8s.io~1decision") == "allow";
    let mut check = json!({"permission": method_name(event), "resource": resource_name(event)});
    if allowed {
        check["granted"] = json!(true);
    }
    let time = if stays_open(event) { "stageTimestamp" } else { "requestReceivedTimestamp" };
    let mut status = json!({});
    if grpc(code(event)) > 0 {
        status["code"] = json!(grpc(code(event)));
        if let Some(message) = event.pointer("/responseStatus/message") {
            status["message"] = message.clone();
        }
    }
    json!({
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "authenticationInfo": {"principalEmail": event.pointer("/user/username")},
            "authorizationInfo": [check],
            "methodName": method_name(event), "resourceName": resource_name(event),
            "requestMetadata": {"callerIp": last, "callerSuppliedUserAgent": event["userAgent"]},
            "serviceName": "k8s.io", "status": status,
        },
        "insertId": event["auditID"], "operation": gke_operation(event),
        "labels": event.get("annotations").cloned().unwrap_or(json!({})),
        "resource": {"type": "k8s_cluster", "labels": {
            "project_id": "p", "location": "europe-west1", "cluster_name": "shop"}},
        "timestamp": event[time], "receiveTimestamp": "2026-06-01T00:00:00Z",
        "logName": "projects/p/logs/cloudaudit.googleapis.com%2Fdata_access",
    })
}

pub fn gke(event: &Value) -> String {
    gke_entry(event).to_string()
}

/// As `gcloud logging read` prints an entry if nothing else is asked for.
pub fn gke_yaml(event: &Value) -> String {
    format!("---\n{}", yaml_serde::to_string(&gke_entry(event)).unwrap())
}

/// As `gcloud logging read --format=json` prints a list.
pub fn gke_list(event: &Value) -> String {
    format!("{:#}", json!([gke_entry(event)]))
}

/// A row of the table that a sink to BigQuery fills.
pub fn gke_bigquery(event: &Value) -> String {
    let mut entry = gke_entry(event);
    let mut payload = entry["protoPayload"].take();
    drop_keys(&mut payload, &["@type"]);
    drop_keys(&mut entry, &["protoPayload"]);
    entry["protopayload_auditlog"] = payload;
    let labels = entry["labels"].as_object().unwrap().iter();
    let columns: Map<String, Value> = labels
        .map(|(key, value)| (key.replace(|c: char| !c.is_alphanumeric(), "_"), value.clone()))
        .collect();
    entry["labels"] = Value::Object(columns);
    let time = text(&entry, "/timestamp").replace('T', " ").replace('Z', " UTC");
    entry["timestamp"] = json!(time);
    entry.to_string()
}

/// No groups, no credential, nobody acted for, one address, coarser codes; of a patch and of a
/// connection that was upgraded not even those.
pub fn kept_gke(event: &Value) -> Value {
    let mut kept = event.clone();
    drop_keys(&mut kept, &["level", "impersonatedUser", "authenticationMetadata"]);
    if kept["user"].get("username").is_some() {
        kept["user"] = json!({"username": event["user"]["username"]});
    }
    let last = event["sourceIPs"].as_array().and_then(|all| all.last().cloned());
    kept["sourceIPs"] = json!([last]);
    let write = matches!(text(event, "/verb"), "patch" | "update") && subresource(event).is_empty();
    let decided = event.get("annotations").is_some_and(|notes| *notes != json!({}));
    kept["responseStatus"]["code"] = json!(match code(event) {
        200..300 if write && decided => 0,
        200..300 => 200,
        101 => 500,
        422 => 400,
        other => other,
    });
    if stays_open(event) {
        drop_keys(&mut kept, &["requestReceivedTimestamp"]);
    }
    kept
}

fn aks_record(event: &Value, log: &Value) -> Value {
    json!({"operationName": "Microsoft.ContainerService/managedClusters/diagnosticLogs/Read",
        "category": "kube-audit", "ccpNamespace": "5f", "resourceId": "/SUBSCRIPTIONS/S/C",
        "properties": {"log": log, "stream": "stdout", "pod": "kube-apiserver-7c9-x",
                       "containerID": "c"},
        "time": event["stageTimestamp"], "Cloud": "AzureCloud", "Environment": "prod"})
}

pub fn aks_storage(event: &Value) -> String {
    aks_record(event, &json!(format!("{event}\n"))).to_string()
}

pub fn aks_object(event: &Value) -> String {
    aks_record(event, event).to_string()
}

pub fn aks_event_hub(event: &Value) -> String {
    let other = json!({"category": "kube-controller-manager",
        "properties": {"log": "I0504 09:10:11.1 x.go:1] hello"}, "time": "2026-05-04T09:10:11Z"});
    json!({"records": [other, aks_record(event, &json!(event.to_string()))]}).to_string()
}

pub fn aks_diagnostics(event: &Value) -> String {
    json!({"TenantId": "t", "TimeGenerated [UTC]": "6/1/2026, 12:00:00.000 AM",
        "Category": "kube-audit", "log_s": event.to_string(), "pod_s": "kube-apiserver-7c9-x",
        "ResourceId": "/SUBSCRIPTIONS/S/C", "Type": "AzureDiagnostics"})
    .to_string()
}

fn aks_columns(event: &Value, dynamic: fn(&Value) -> Value) -> String {
    let empty = Value::Null;
    let column = |key: &str| dynamic(event.get(key).unwrap_or(&empty));
    json!({"TenantId": "t", "TimeGenerated": event["stageTimestamp"], "Level": event["level"],
        "AuditId": event["auditID"], "Stage": event["stage"], "RequestUri": event["requestURI"],
        "Verb": event["verb"], "User": column("user"), "SourceIps": column("sourceIPs"),
        "UserAgent": event["userAgent"], "ObjectRef": column("objectRef"),
        "ResponseStatus": column("responseStatus"), "RequestObject": "", "ResponseObject": "",
        "RequestReceivedTime": event["requestReceivedTimestamp"],
        "StageReceivedTime": event["stageTimestamp"], "Annotations": column("annotations"),
        "PodName": "kube-apiserver-7c9-x", "Type": "AKSAudit"})
    .to_string()
}

pub fn aks_table(event: &Value) -> String {
    aks_columns(event, Value::clone)
}

pub fn aks_table_csv(event: &Value) -> String {
    aks_columns(event, |value| match value {
        Value::Null => json!(""),
        value => json!(value.to_string()),
    })
}

pub fn kept_aks_table(event: &Value) -> Value {
    let mut kept = event.clone();
    drop_keys(&mut kept, &["impersonatedUser", "authenticationMetadata"]);
    kept
}

fn millis(time: &str) -> String {
    format!("{}Z", &time[..23])
}

fn without_names_of_the_impersonated(kept: &mut Value) {
    if kept.get("impersonatedUser").is_some() {
        drop_keys(&mut kept["impersonatedUser"], &["uid", "extra"]);
    }
    drop_keys(kept, &["authenticationMetadata"]);
}

/// As Security Lake has it: what has no place of its own lies flat under `unmapped`.
pub fn ocsf(event: &Value) -> String {
    let time = |key: &str| {
        let time = text(event, key);
        format!("{} {}000", &time[..10], &time[11..23])
    };
    let groups = event.pointer("/user/groups").and_then(Value::as_array);
    let groups: Vec<Value> =
        groups.into_iter().flatten().map(|name| json!({"name": name})).collect();
    let mut unmapped = Map::new();
    let strings = |list: &Value| {
        let all = list.as_array().cloned().unwrap_or_default();
        all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
    };
    unmapped.insert("sourceIPs[]".into(), json!(strings(&event["sourceIPs"])));
    for (key, value) in event["annotations"].as_object().into_iter().flatten() {
        unmapped.insert(format!("annotations.{key}"), value.clone());
    }
    for (key, values) in event["user"]["extra"].as_object().into_iter().flatten() {
        unmapped.insert(format!("user.extra.{key}[]"), json!(strings(values)));
    }
    for key in ["apiGroup", "subresource"] {
        if let Some(value) = event["objectRef"].get(key) {
            unmapped.insert(format!("objectRef.{key}"), value.clone());
        }
    }
    if let Some(other) = event.get("impersonatedUser") {
        unmapped.insert("impersonatedUser.username".into(), other["username"].clone());
        unmapped.insert("impersonatedUser.groups[]".into(), json!(strings(&other["groups"])));
    }
    let object = event.get("objectRef").map(|object| {
        json!([{"type": object["resource"], "name": object["name"],
            "namespace": object["namespace"], "version": object["apiVersion"]}])
    });
    json!({"class_uid": 6003, "class_name": "API Activity", "message": event["stage"],
        "metadata": {"log_level": event["level"], "version": "1.1.0",
            "product": {"name": "Amazon EKS", "vendor_name": "AWS", "version": "audit.k8s.io/v1"}},
        "actor": {"user": {"name": event["user"]["username"], "uid": event["user"]["uid"],
                           "groups": groups}},
        "api": {"operation": event["verb"], "version": "v1",
            "request": {"uid": event["auditID"]},
            "response": {"code": event["responseStatus"]["code"],
                         "message": event["responseStatus"]["message"]}},
        "http_request": {"url": {"path": event["requestURI"]}, "user_agent": event["userAgent"]},
        "resources": object, "src_endpoint": {"ip": event["sourceIPs"][0]},
        "start_time_dt": time("/requestReceivedTimestamp"), "time_dt": time("/stageTimestamp"),
        "unmapped": unmapped})
    .to_string()
}

pub fn kept_ocsf(event: &Value) -> Value {
    let mut kept = event.clone();
    without_names_of_the_impersonated(&mut kept);
    for key in ["requestReceivedTimestamp", "stageTimestamp"] {
        kept[key] = json!(millis(text(event, &format!("/{key}"))));
    }
    kept
}

/// Every field that Insights discovers, as a row keyed by column.
pub fn insights(event: &Value) -> String {
    fn flat(under: &str, value: &Value, row: &mut Map<String, Value>) {
        let path =
            |key: &str| if under.is_empty() { key.to_owned() } else { format!("{under}.{key}") };
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| flat(&path(key), value, row)),
            Value::Array(list) => {
                list.iter().enumerate().for_each(|(at, v)| flat(&path(&at.to_string()), v, row));
            }
            Value::String(text) => _ = row.insert(under.to_owned(), json!(text)),
            other => _ = row.insert(under.to_owned(), json!(other.to_string())),
        }
    }
    let mut row = Map::new();
    row.insert("@timestamp".into(), json!("2026-06-01 00:00:00.000"));
    flat("", event, &mut row);
    row.entry("user.username").or_insert(json!(""));
    Value::Object(row).to_string()
}

pub fn kept_insights(event: &Value) -> Value {
    let mut kept = event.clone();
    without_names_of_the_impersonated(&mut kept);
    kept
}

/// Go's `%q`, for what the demo writes.
fn go(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn legacy_groups(user: &Value) -> Option<String> {
    let groups: Vec<String> =
        user["groups"].as_array()?.iter().map(|name| go(name.as_str().unwrap())).collect();
    Some(groups.join(","))
}

fn legacy_people(event: &Value) -> [String; 4] {
    let name = event["user"]["username"].as_str();
    let other = event.get("impersonatedUser");
    [
        name.unwrap_or("<none>").to_owned(),
        name.and_then(|_| legacy_groups(&event["user"])).unwrap_or("<none>".into()),
        other.map_or("<self>".into(), |other| text(other, "/username").to_owned()),
        other.and_then(legacy_groups).unwrap_or("<lookup>".into()),
    ]
}

/// The API server's text form.
pub fn legacy(event: &Value) -> String {
    let [user, groups, other, other_groups] = legacy_people(event).map(|text| go(&text));
    let [id, stage, verb, agent, uri] = ["auditID", "stage", "verb", "userAgent", "requestURI"]
        .map(|key| go(text(event, &format!("/{key}"))));
    let ip = go(event["sourceIPs"][0].as_str().unwrap_or("<unknown>"));
    let namespace =
        go(event.pointer("/objectRef/namespace").and_then(Value::as_str).unwrap_or("<none>"));
    let answer = if code(event) > 0 { code(event).to_string() } else { "<deferred>".to_owned() };
    format!(
        "{} AUDIT: id={id} stage={stage} ip={ip} method={verb} user={user} groups={groups} as={other} asgroups={other_groups} user-agent={agent} namespace={namespace} uri={uri} response=\"{answer}\"",
        text(event, "/requestReceivedTimestamp")
    )
}

/// As servers before 1.8 wrote it, which is all of a request: a line when it came and one when it
/// was answered, HTTP's method for the verb, no agent.
pub fn legacy_halves(event: &Value) -> String {
    let whole = legacy(event);
    let method = match text(event, "/verb") {
        "get" | "list" | "watch" => "GET",
        "create" | "post" => "POST",
        "update" => "PUT",
        "patch" => "PATCH",
        _ => "DELETE",
    };
    let verb = go(text(event, "/verb"));
    let (head, answer) = whole.rsplit_once(" response=").unwrap();
    let head = head
        .replace(&format!(" stage={}", go(text(event, "/stage"))), "")
        .replace(&format!(" user-agent={}", go(text(event, "/userAgent"))), "")
        .replace(&format!(" method={verb}"), &format!(" method=\"{method}\""));
    let id = go(text(event, "/auditID"));
    format!("{head}\n{} AUDIT: id={id} response={answer}", text(event, "/stageTimestamp"))
}

pub fn kept_halves(event: &Value) -> Value {
    let mut kept = kept_legacy(event);
    drop_keys(&mut kept, &["userAgent"]);
    kept["stage"] = json!("ResponseComplete");
    kept
}

pub fn kept_legacy(event: &Value) -> Value {
    let mut kept = event.clone();
    without_names_of_the_impersonated(&mut kept);
    drop_keys(&mut kept, &["level", "annotations"]);
    if kept.get("user").is_some() {
        drop_keys(&mut kept["user"], &["uid", "extra"]);
    }
    kept["sourceIPs"] = json!([event["sourceIPs"][0]]);
    kept["responseStatus"] = json!({"code": code(event)});
    kept
}

/// As OpenShift's log forwarder sends it on.
pub fn viaq(event: &Value) -> String {
    let mut record = json!({"@timestamp": "2026-06-01T00:00:00Z", "hostname": "cp1.example.org",
        "log_source": "kubeAPI", "log_type": "audit", "openshift": {"cluster_id": "5f"}});
    for (key, value) in event.as_object().unwrap() {
        record[key] = value.clone();
    }
    record["k8s_audit_level"] = record["level"].take();
    record["level"] = json!("default");
    record.to_string()
}

pub fn whole(event: &Value) -> Value {
    event.clone()
}
