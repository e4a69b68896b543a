//! Steps by way of pods. What runs in a container reads its account's token there: as much is done
//! here once the API server let a pod be made, changed or reached into.

use serde_json::{Value, json};

use super::site::{Credential, NODE, content_type, request, token_volume};
use super::steps::{account_of, by_all, lets, needed};
use super::streams::{By, NOT_PASSED_ON, To};
use super::walk::{How, Refused, Walk};
use crate::support::process::await_some;

const TOKEN_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
const OTHER_IMAGE: &str = "registry.example/walk:1";

/// A pod's, or a template's.
pub fn pod_spec(account: &str) -> Value {
    json!({"serviceAccountName": account, "nodeName": NODE, "terminationGracePeriodSeconds": 0,
        "tolerations": [{"operator": "Exists"}],
        "containers": [{"name": "main", "image": "registry.example/web:1"}]})
}

/// The resource's group, kind, and what its objects hold beside a template.
fn kind_of(resource: &str) -> (&'static str, &'static str) {
    match resource {
        "pods" => ("v1", "Pod"),
        "replicationcontrollers" => ("v1", "ReplicationController"),
        "deployments" => ("apps/v1", "Deployment"),
        "statefulsets" => ("apps/v1", "StatefulSet"),
        "daemonsets" => ("apps/v1", "DaemonSet"),
        "replicasets" => ("apps/v1", "ReplicaSet"),
        "jobs" => ("batch/v1", "Job"),
        "cronjobs" => ("batch/v1", "CronJob"),
        other => panic!("what is {other}"),
    }
}

/// An object that makes a pod as the account; where it is `idle`, not yet.
pub fn workload(resource: &str, namespace: &str, name: &str, account: &str, idle: bool) -> Value {
    let (version, kind) = kind_of(resource);
    let labels = json!({"walk": name});
    let mut template = json!({"metadata": {"labels": labels}, "spec": pod_spec(account)});
    let replicas = i32::from(!idle);
    let spec = match resource {
        "pods" => template["spec"].take(),
        "replicationcontrollers" => {
            json!({"replicas": replicas, "selector": labels, "template": template})
        }
        "jobs" | "cronjobs" => {
            template["spec"]["restartPolicy"] = json!("Never");
            let job = json!({"template": template});
            if resource == "jobs" {
                job
            } else {
                json!({"schedule": "* * * * *", "suspend": idle, "jobTemplate": {"spec": job}})
            }
        }
        "daemonsets" => {
            if idle {
                template["spec"]["nodeSelector"] = json!({"no": "such"});
            }
            json!({"selector": {"matchLabels": labels}, "template": template})
        }
        _ => json!({"replicas": replicas, "serviceName": null,
            "selector": {"matchLabels": labels}, "template": template}),
    };
    let mut object = json!({"apiVersion": version, "kind": kind, "spec": spec,
        "metadata": {"name": name, "namespace": namespace, "labels": {"walk": name}}});
    if resource != "statefulsets" {
        object["spec"].as_object_mut().expect("a spec").remove("serviceName");
    }
    object
}

/// Where the objects of a resource are.
pub fn collection(resource: &str, namespace: &str) -> String {
    let root = match kind_of(resource).0 {
        "v1" => "/api/v1".to_owned(),
        version => format!("/apis/{version}"),
    };
    format!("{root}/namespaces/{namespace}/{resource}")
}

pub fn take(walk: &mut Walk<'_>, hop: &Value, step: &str) -> Result<Credential, Refused> {
    match step {
        "run-pod" => run(walk, hop),
        "change-workload" => change_workload(walk, hop),
        "change-pod" => change_pod(walk, hop),
        "exec" | "attach" => into_pod(walk, hop, step),
        "add-container" => add_container(walk, hop),
        "add-container-secret" => add_secret(walk, hop),
        "kubelet" => by_kubelet(walk, hop),
        "switch-automount" => super::automount::take(walk, hop),
        other => panic!("{other} is not walked"),
    }
}

fn run(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, Refused> {
    let (namespace, account) = account_of(hop);
    let create = needed(hop, |verb, _| verb == "create").expect("making them");
    let resource = create["resource"].as_str().expect("a resource").to_owned();
    let who = walk.holder(hop, create);
    let all = collection(&resource, &namespace);
    super::steps::make_account(walk, hop)?;
    walk.delete(hop, &all)?;
    let there = walk.pods_follow(&namespace);
    match hop["deletes"]["name"].as_str().map(str::to_owned).or_else(|| by_all(hop)) {
        None => {
            let object = workload(&resource, &namespace, &walk.name, &account, false);
            walk.create(&who, &all, &object)?;
        }
        Some(name) => {
            let object = workload(&resource, &namespace, &name, &account, false);
            walk.change(&who, &format!("{all}/{name}"), How::Apply(&object))?;
        }
    }
    Ok(new_pod(walk, &namespace, &account, &there))
}

/// The node runs a pod of the account that was not there before.
fn new_pod(walk: &Walk<'_>, namespace: &str, account: &str, there: &[String]) -> Credential {
    let made = await_some(&format!("a pod as {account} in {namespace}"), || {
        let pods = walk.site.list(&format!("/api/v1/namespaces/{namespace}/pods"));
        let is_new = |pod: &&Value| {
            let name = pod["metadata"]["name"].as_str().expect("a name");
            !there.iter().any(|there| there == name)
                && pod["spec"]["serviceAccountName"] == account
                && pod["metadata"]["deletionTimestamp"].is_null()
        };
        let found = pods.iter().find(is_new)?;
        found["metadata"]["name"].as_str().map(str::to_owned)
    });
    walk.site.run(namespace, &made);
    walk.site.token_in(namespace, &made, "main")
}

fn change_workload(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, Refused> {
    let (namespace, account) = account_of(hop);
    super::steps::make_account(walk, hop)?;
    let changes = |verb: &str, on: &str| verb != "create" && on != "serviceaccounts";
    let change = needed(hop, changes).expect("changing them");
    let resource = change["resource"].as_str().expect("a resource").to_owned();
    let all = collection(&resource, &namespace);
    let there = walk.site.list(&all);
    let mut names = there.iter().map(|one| text(&one["metadata"]["name"]));
    let name = names.find(|name| lets(change, name)).expect("one that is there");
    let who = walk.from(hop, 0);
    let there = walk.pods_follow(&namespace);
    let mut object = workload(&resource, &namespace, &name, &account, false);
    if resource == "daemonsets" {
        object["spec"]["template"]["spec"]["nodeSelector"] = Value::Null;
    }
    let how = if change["verb"] == "update" { How::Put(&object) } else { How::Merge(&object) };
    walk.change(&who, &format!("{all}/{name}"), how)?;
    Ok(new_pod(walk, &namespace, &account, &there))
}

/// The pod that is meant: one that runs as the account.
fn pod_of(walk: &Walk<'_>, hop: &Value, only: Option<&Value>) -> (String, Value) {
    let (namespace, account) = account_of(hop);
    let pods = walk.site.list(&format!("/api/v1/namespaces/{namespace}/pods"));
    let found = pods.into_iter().find(|pod| {
        let name = only.is_none_or(|right| lets(right, &text(&pod["metadata"]["name"])));
        name && pod["spec"]["serviceAccountName"] == account && pod["status"]["phase"] == "Running"
    });
    (namespace, found.expect("a pod that runs as the account"))
}

pub fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// Another image under the same account.
fn change_pod(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, Refused> {
    let change = needed(hop, |_, resource| resource == "pods").expect("changing pods");
    let (namespace, mut pod) = pod_of(walk, hop, Some(change));
    let name = text(&pod["metadata"]["name"]);
    pod["spec"]["containers"][0]["image"] = json!(OTHER_IMAGE);
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"].as_object_mut().expect("metadata").remove("resourceVersion");
    let merge = json!({"spec": {"containers": pod["spec"]["containers"]}});
    let who = walk.from(hop, 0);
    let how = if change["verb"] == "update" { How::Put(&pod) } else { How::Merge(&merge) };
    let made = walk.change(&who, &format!("/api/v1/namespaces/{namespace}/pods/{name}"), how)?;
    assert_eq!(made["spec"]["containers"][0]["image"], OTHER_IMAGE);
    Ok(walk.site.token_in(&namespace, &name, "main"))
}

fn into_pod(walk: &mut Walk<'_>, hop: &Value, step: &str) -> Result<Credential, Refused> {
    let right = needed(hop, |_, resource| resource.starts_with("pods/")).expect("the connection");
    let (namespace, pod) = pod_of(walk, hop, Some(right));
    let name = text(&pod["metadata"]["name"]);
    let command = if step == "exec" { command() } else { String::new() };
    let uri = format!(
        "/api/v1/namespaces/{namespace}/pods/{name}/{step}?{command}container=main&stdout=true"
    );
    let said = walk.connect(&walk.from(hop, 0), To::ApiServer, by(right), &uri)?;
    let came = match step {
        "exec" => ran(&namespace, &name),
        _ => format!("attached to {namespace}/{name} main\n"),
    };
    assert!(said.contains(&came), "{said:?}");
    Ok(walk.site.token_in(&namespace, &name, "main"))
}

pub fn by(right: &Value) -> By {
    if right["verb"] == "get" { By::Websocket } else { By::Spdy }
}

pub fn command() -> String {
    format!("command=cat&command={TOKEN_FILE}&")
}

/// A Secret that is not there, and to which a pod refers into which that right lets one come.
pub fn awaited_secret(walk: &Walk<'_>, right: &Value, namespace: &str) -> Option<String> {
    let pods = walk.site.list(&format!("/api/v1/namespaces/{namespace}/pods"));
    let meant = pods.iter().filter(|pod| lets(right, &text(&pod["metadata"]["name"])));
    let volumes = meant.flat_map(|pod| pod["spec"]["volumes"].as_array().into_iter().flatten());
    let mut optional = volumes.filter(|volume| volume["secret"]["optional"] == true);
    optional.find_map(|volume| volume["secret"]["secretName"].as_str().map(str::to_owned))
}

/// Reads what a container sees of a Secret: its node brings it up to date.
pub fn look_at(
    walk: &mut Walk<'_>,
    who: &Credential,
    right: &Value,
    (namespace, secret): (&str, &str),
) -> Result<Credential, Refused> {
    let pods = walk.site.list(&format!("/api/v1/namespaces/{namespace}/pods"));
    let mut names = pods.iter().map(|pod| text(&pod["metadata"]["name"]));
    let name = names.find(|name| lets(right, name)).expect("a pod");
    let uri = format!(
        "/api/v1/namespaces/{namespace}/pods/{name}/exec?{}container=main&stdout=true",
        command()
    );
    let said = walk.connect(who, To::ApiServer, by(right), &uri)?;
    assert!(said.contains(&ran(namespace, &name)), "{said:?}");
    Ok(walk.site.secret_of_node(namespace, secret))
}

/// What the kubelet says that it was asked to run.
pub fn ran(namespace: &str, pod: &str) -> String {
    format!("exec in {namespace}/{pod} main: cat {TOKEN_FILE}\n")
}

/// The kubelet's own API.
fn by_kubelet(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, Refused> {
    let right = needed(hop, |_, resource| resource == "nodes/proxy").expect("the connection");
    let (namespace, pod) = pod_of(walk, hop, None);
    let (name, node) = (text(&pod["metadata"]["name"]), text(&pod["spec"]["nodeName"]));
    if let Some(names) = right["resourceNames"].as_array() {
        assert!(names.contains(&json!(node)), "{right}");
    }
    let uri = format!("/exec/{namespace}/{name}/main?{}output=1", command());
    let who = walk.from(hop, 0);
    // The kubelet knows no impersonation.
    let (to, uri) = if who.poses() {
        (To::ApiServer, format!("/api/v1/nodes/{node}/proxy{uri}"))
    } else {
        (To::Kubelet, uri)
    };
    let seen = if to == To::Kubelet { "no" } else { "yes" };
    assert_eq!(hop["seen"]["how"], seen, "{hop:#}");
    let said = walk.connect(&who, to, by(right), &uri)?;
    let came = if to == To::Kubelet { ran(&namespace, &name) } else { NOT_PASSED_ON.to_owned() };
    assert!(said.contains(&came), "{said:?}");
    Ok(walk.site.token_in(&namespace, &name, "main"))
}

/// A container beside the others: what comes back to the first request says where the token is, the
/// second mounts it.
fn add_container(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, Refused> {
    let right = needed(hop, |_, resource| resource == "pods/ephemeralcontainers").expect("adding");
    let (namespace, mut pod) = pod_of(walk, hop, Some(right));
    let name = text(&pod["metadata"]["name"]);
    let uri = format!("/api/v1/namespaces/{namespace}/pods/{name}/ephemeralcontainers");
    let have = pod["spec"]["ephemeralContainers"].as_array().map_or(0, Vec::len);
    let who = walk.from(hop, 0);
    for (at, mounted) in [(have, false), (have + 1, true)] {
        let mut container = json!({"name": format!("walk-{at}"), "image": OTHER_IMAGE});
        if mounted {
            container["volumeMounts"] = json!([{"name": token_volume(&pod), "readOnly": true,
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]);
        }
        let sent = if right["verb"] == "update" {
            let mut all =
                pod["spec"]["ephemeralContainers"].as_array().cloned().unwrap_or_default();
            all.push(container);
            pod["spec"]["ephemeralContainers"] = json!(all);
            pod["apiVersion"] = json!("v1");
            pod["kind"] = json!("Pod");
            request("PUT", &uri, Some(&pod))
        } else {
            let change = json!({"spec": {"ephemeralContainers": [container]}});
            let mut sent = request("PATCH", &uri, Some(&change));
            content_type(&mut sent, "application/strategic-merge-patch+json");
            sent
        };
        // Nobody takes a container away again.
        pod = walk.ask(&who, &sent)?;
    }
    Ok(walk.site.token_in(&namespace, &name, &format!("walk-{}", have + 1)))
}

/// A container one of whose variables is a Secret's: its node may read the Secret then, and hands it to
/// the container.
fn add_secret(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, Refused> {
    let right = needed(hop, |_, resource| resource == "pods/ephemeralcontainers").expect("adding");
    let (namespace, account) = account_of(hop);
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    let all = walk.site.list(&secrets);
    let of_account = |secret: &&Value| {
        secret["metadata"]["annotations"]["kubernetes.io/service-account.name"] == account
    };
    let secret = text(&all.iter().find(of_account).expect("a token Secret")["metadata"]["name"]);
    let pods = walk.site.list(&format!("/api/v1/namespaces/{namespace}/pods"));
    let name = |pod: &Value| text(&pod["metadata"]["name"]);
    let pod = pods.iter().find(|pod| lets(right, &name(pod))).expect("a pod");
    let uri = format!("/api/v1/namespaces/{namespace}/pods/{}/ephemeralcontainers", name(pod));
    let have = pod["spec"]["ephemeralContainers"].as_array().map_or(0, Vec::len);
    let container = json!({"name": format!("walk-{have}"), "image": OTHER_IMAGE, "env": [
        {"name": "T", "valueFrom": {"secretKeyRef": {"name": secret, "key": "token"}}}]});
    let change = json!({"spec": {"ephemeralContainers": [container]}});
    let mut sent = request("PATCH", &uri, Some(&change));
    content_type(&mut sent, "application/strategic-merge-patch+json");
    let who = walk.holder(hop, right);
    walk.ask(&who, &sent)?;
    Ok(walk.site.secret_of_node(&namespace, &secret))
}
