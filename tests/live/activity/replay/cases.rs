//! What is asked. Every name that a request has to itself ends in its tag.

use keybook::model::Target;
use serde_json::{Value, json};

use super::case::Case;
use crate::activity::ask::{Ask, target};

/// The namespace in which all of it happens.
pub const NAMESPACE: &str = "replay";

const LEASES: &str = "coordination.k8s.io";
const FLUNDERS: &str = "wardle.example.com";

/// What it shows, and how it is made of a tag.
pub type Kind = (&'static str, fn(&str) -> Case);

fn core(rest: &str) -> String {
    format!("/api/v1/namespaces/{NAMESPACE}/{rest}")
}

fn of_core(resource: &str, subresource: &str, name: &str) -> Target {
    target(["", resource, subresource, NAMESPACE, name])
}

fn map(metadata: &Value) -> Value {
    let mut metadata = metadata.clone();
    metadata["namespace"] = json!(NAMESPACE);
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
}

fn named_map(name: &str) -> Value {
    map(&json!({"name": name, "labels": {"of": name}}))
}

fn maps(method: &'static str, rest: &str, verb: &'static str, name: &str) -> Ask {
    Ask::new(method, core(&format!("configmaps{rest}")), verb, of_core("configmaps", "", name))
}

fn apply(ask: Ask, object: &Value) -> Ask {
    ask.body("application/apply-patch+yaml", object.to_string())
}

fn lease(tag: &str) -> Value {
    json!({"apiVersion": format!("{LEASES}/v1"), "kind": "Lease",
        "metadata": {"name": tag, "namespace": NAMESPACE}})
}

fn leases(query: &str, tag: &str) -> Ask {
    let uri = format!("/apis/{LEASES}/v1/namespaces/{NAMESPACE}/leases/{tag}{query}");
    Ask::new("PUT", uri, "update", target([LEASES, "leases", "", NAMESPACE, tag])).json(&lease(tag))
}

fn flunder(tag: &str) -> Value {
    json!({"apiVersion": format!("{FLUNDERS}/v1beta1"), "kind": "Flunder",
        "metadata": {"name": tag, "namespace": NAMESPACE, "labels": {"of": tag}}})
}

fn flunders(method: &'static str, rest: &str, verb: &'static str, name: &str) -> Ask {
    let uri = format!("/apis/{FLUNDERS}/v1beta1/namespaces/{NAMESPACE}/flunders{rest}");
    Ask::new(method, uri, verb, target([FLUNDERS, "flunders", "", NAMESPACE, name]))
}

fn pod(tag: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": tag, "namespace": NAMESPACE},
        "spec": {"serviceAccountName": "bot",
            "containers": [{"name": "main", "image": "registry.example/web:1"}]}})
}

fn deployment(tag: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": tag, "namespace": NAMESPACE},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": tag}}, "template": {
            "metadata": {"labels": {"app": tag}},
            "spec": {"containers": [{"name": "main", "image": "registry.example/web:1"}]}}}})
}

fn scale(method: &'static str, verb: &'static str, tag: &str) -> Ask {
    let uri = format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{tag}/scale");
    Ask::new(method, uri, verb, target(["apps", "deployments", "scale", NAMESPACE, tag]))
}

fn evict(query: &str, tag: &str) -> Ask {
    let uri = core(&format!("pods/{tag}/eviction{query}"));
    Ask::new("POST", uri, "create", of_core("pods", "eviction", tag)).json(&json!({
        "apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": tag, "namespace": NAMESPACE}}))
}

/// Into the running pod: by what, and the protocols offered.
fn reach(method: &'static str, rest: &str, upgrade: &[(&str, &str)]) -> Ask {
    let subresource = rest.split('?').next().unwrap_or_default();
    let verb = if method == "GET" { "get" } else { "create" };
    let uri = core(&format!("pods/running/{rest}"));
    let mut ask = Ask::new(method, uri, verb, of_core("pods", subresource, "running")).streams();
    let upgrade = upgrade.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    ask.headers.extend(upgrade);
    ask
}

fn websocket(rest: &str, protocol: &'static str) -> Case {
    let ask = reach(
        "GET",
        rest,
        &[
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Protocol", protocol),
        ],
    );
    Case::new(ask, 101).and("create")
}

fn spdy(rest: &str, protocol: &'static str) -> Case {
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "SPDY/3.1"),
        ("X-Stream-Protocol-Version", protocol),
    ];
    Case::new(reach("POST", rest, &upgrade), 101)
}

fn get_map(tag: &str) -> Case {
    Case::new(maps("GET", &format!("/{tag}"), "get", tag), 200).with(named_map(tag))
}

fn details(resource: &str, subresource: &str, name: &str) -> Target {
    target(["authentication.k8s.io", resource, subresource, "", name])
}

/// Acting as a user by the one right that is the same whatever is done.
fn as_user(case: Case, tag: &str, and: Vec<(&'static str, Target)>) -> Case {
    let user = format!("other-{tag}");
    let mut takes = vec![("impersonate", target(["", "users", "", "", &user]))];
    takes.extend(and);
    case.acting_as(&user, takes)
}

const REACH: &str = "command=id&stdout=true";
const BY_NAME: &str = "fieldSelector=metadata.name%3D";

/// All of them.
pub const CASES: &[Kind] = &[
    ("get", get_map),
    ("get, 404", |t| Case::new(maps("GET", &format!("/{t}"), "get", t), 404)),
    ("list", |t| Case::new(maps("GET", &format!("?labelSelector=of%3D{t}"), "list", ""), 200)),
    ("list of one", |t| Case::new(maps("GET", &format!("?{BY_NAME}{t}"), "list", t), 200)),
    ("watch of one", |t| {
        let ask = maps("GET", &format!("?watch=true&{BY_NAME}{t}"), "watch", t).streams();
        Case::new(ask, 200)
    }),
    ("create", |t| Case::new(maps("POST", "", "create", "").json(&named_map(t)), 201)),
    ("create, 409", |t| {
        Case::new(maps("POST", "", "create", "").json(&named_map(t)), 409).with(named_map(t))
    }),
    ("create, 422", |t| {
        let wrong = named_map(&format!("NOT VALID {t}"));
        Case::new(maps("POST", "", "create", "").json(&wrong), 422)
    }),
    ("create under a name of the server's", |t| {
        let prefix = map(&json!({"generateName": format!("{t}-")}));
        Case::new(maps("POST", "", "create", "").json(&prefix), 201)
    }),
    ("create, dry run", |t| {
        Case::new(maps("POST", "?dryRun=All", "create", "").json(&named_map(t)), 201)
    }),
    ("apply that creates", |t| {
        let ask = maps("PATCH", &format!("/{t}?fieldManager=t"), "patch", t);
        Case::new(apply(ask, &named_map(t)), 201).and("create")
    }),
    ("apply that changes", |t| {
        let ask = maps("PATCH", &format!("/{t}?fieldManager=t&force=true"), "patch", t);
        Case::new(apply(ask, &named_map(t)), 200).with(named_map(t))
    }),
    ("apply that creates, dry run", |t| {
        let ask = maps("PATCH", &format!("/{t}?dryRun=All&fieldManager=t"), "patch", t);
        Case::new(apply(ask, &named_map(t)), 201).and("create")
    }),
    ("patch", |t| {
        let ask = maps("PATCH", &format!("/{t}"), "patch", t)
            .body("application/merge-patch+json", json!({"data": {"a": "b"}}).to_string());
        Case::new(ask, 200).with(named_map(t))
    }),
    ("update that creates", |t| Case::new(leases("", t), 201).and("create")),
    ("update that creates, dry run", |t| Case::new(leases("?dryRun=All", t), 201).and("create")),
    ("update", |t| {
        let ask = maps("PUT", &format!("/{t}"), "update", t).json(&named_map(t));
        Case::new(ask, 200).with(named_map(t))
    }),
    ("update, 422", |t| Case::new(leases("", t), 422).with(lease(t))),
    ("update, 409", |t| {
        let mut old = named_map(t);
        old["metadata"]["resourceVersion"] = json!("1");
        let ask = maps("PUT", &format!("/{t}"), "update", t).json(&old);
        Case::new(ask, 409).with(named_map(t))
    }),
    ("delete", |t| {
        Case::new(maps("DELETE", &format!("/{t}"), "delete", t), 200).with(named_map(t))
    }),
    ("delete, dry run", |t| {
        let ask = maps("DELETE", &format!("/{t}?dryRun=All"), "delete", t);
        Case::new(ask, 200).with(named_map(t))
    }),
    ("deletecollection", |t| {
        let ask = maps("DELETE", &format!("?labelSelector=of%3D{t}"), "deletecollection", "");
        Case::new(ask, 200).with(named_map(t))
    }),
    ("deletecollection of one", |t| {
        let ask = maps("DELETE", &format!("?{BY_NAME}{t}"), "deletecollection", "");
        Case::new(ask, 200).with(named_map(t))
    }),
    ("deletecollection, dry run", |t| {
        let query = format!("?dryRun=All&labelSelector=of%3D{t}");
        Case::new(maps("DELETE", &query, "deletecollection", ""), 200).with(named_map(t))
    }),
    ("look at a scale", |t| Case::new(scale("GET", "get", t), 200).with(deployment(t))),
    ("scale", |t| {
        let ask = scale("PATCH", "patch", t)
            .body("application/merge-patch+json", json!({"spec": {"replicas": 0}}).to_string());
        Case::new(ask, 200).with(deployment(t))
    }),
    ("evict", |t| Case::new(evict("", t), 201).with(pod(t))),
    ("evict, dry run", |t| Case::new(evict("?dryRun=All", t), 201).with(pod(t))),
    ("token", |t| {
        let uri = core(&format!("serviceaccounts/{t}/token"));
        let ask = Ask::new("POST", uri, "create", of_core("serviceaccounts", "token", t))
            .json(&json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": {"expirationSeconds": 600}}));
        Case::new(ask, 201).with(json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": t, "namespace": NAMESPACE}}))
    }),
    ("logs", |_| Case::new(reach("GET", "log", &[]), 200)),
    ("exec, websocket", |_| websocket(&format!("exec?{REACH}"), "v4.channel.k8s.io")),
    ("exec, websocket that the server translates", |_| {
        websocket(&format!("exec?{REACH}"), "v5.channel.k8s.io")
    }),
    ("exec, SPDY", |_| spdy(&format!("exec?{REACH}"), "v4.channel.k8s.io")),
    ("attach, websocket", |_| websocket("attach?stdout=true", "v5.channel.k8s.io")),
    ("attach, SPDY", |_| spdy("attach?stdout=true", "v4.channel.k8s.io")),
    ("port-forward, websocket", |_| websocket("portforward", "SPDY/3.1+portforward.k8s.io")),
    ("port-forward, SPDY", |_| spdy("portforward", "portforward.k8s.io")),
    ("path", |_| {
        let ask = Ask::new(
            "GET",
            "/healthz/ping".to_owned(),
            "get",
            Target::Path("/healthz/ping".into()),
        );
        Case::new(ask, 200)
    }),
    ("get a namespace", |_| {
        let ask = Ask::new(
            "GET",
            format!("/api/v1/namespaces/{NAMESPACE}"),
            "get",
            target(["", "namespaces", "", NAMESPACE, NAMESPACE]),
        );
        Case::new(ask, 200)
    }),
    ("aggregated get, 404", |t| Case::new(flunders("GET", &format!("/{t}"), "get", t), 404)),
    ("aggregated list of one", |t| {
        Case::new(flunders("GET", &format!("?{BY_NAME}{t}&limit=7"), "list", t), 200)
    }),
    ("aggregated watch", |_| Case::new(flunders("GET", "?watch=true", "watch", "").streams(), 200)),
    ("aggregated create", |t| Case::new(flunders("POST", "", "create", "").json(&flunder(t)), 201)),
    ("aggregated create, dry run", |t| {
        Case::new(flunders("POST", "?dryRun=All", "create", "").json(&flunder(t)), 201)
    }),
    ("aggregated apply that creates", |t| {
        let ask = flunders("PATCH", &format!("/{t}?fieldManager=t"), "patch", t);
        Case::new(apply(ask, &flunder(t)), 201).and("create")
    }),
    ("aggregated deletecollection", |t| {
        let ask = flunders("DELETE", &format!("?labelSelector=of%3D{t}"), "deletecollection", "");
        Case::new(ask, 200).with(flunder(t))
    }),
    ("aggregated get as another", |t| {
        let case = Case::new(flunders("GET", &format!("/{t}"), "get", t), 200).with(flunder(t));
        as_user(case, t, Vec::new())
    }),
    ("as another", |t| as_user(get_map(t), t, Vec::new())),
    ("as another in groups", |t| {
        let (red, blue) = (format!("red-{t}"), format!("blue-{t}"));
        let group = |name: &str| ("impersonate", target(["", "groups", "", "", name]));
        as_user(get_map(t), t, vec![group(&red), group(&blue)])
            .saying("Impersonate-Group", &red)
            .saying("Impersonate-Group", &blue)
    }),
    ("as another with everything", |t| {
        let uid = format!("uid-{t}");
        let and = vec![
            ("impersonate", details("uids", "", &uid)),
            ("impersonate", details("userextras", "scopes", "view")),
        ];
        as_user(get_map(t), t, and)
            .saying("Impersonate-Uid", &uid)
            .saying("Impersonate-Extra-Scopes", "view")
    }),
    ("as another that applies and creates", |t| {
        let ask = maps("PATCH", &format!("/{t}?fieldManager=t"), "patch", t);
        as_user(Case::new(apply(ask, &named_map(t)), 201).and("create"), t, Vec::new())
    }),
    ("as an account", |t| {
        let takes = vec![("impersonate", of_core("serviceaccounts", "", t))];
        get_map(t).acting_as(&format!("system:serviceaccount:{NAMESPACE}:{t}"), takes)
    }),
    ("within limits as another", |t| {
        let (user, group) = (format!("other-{t}"), format!("red-{t}"));
        let takes = vec![
            ("impersonate-on:user-info:get", of_core("configmaps", "", t)),
            ("impersonate:user-info", details("users", "", &user)),
            ("impersonate:user-info", details("groups", "", &group)),
        ];
        get_map(t).acting_as(&user, takes).saying("Impersonate-Group", &group)
    }),
    ("within limits as an account", |t| {
        let account = target(["authentication.k8s.io", "serviceaccounts", "", NAMESPACE, t]);
        let takes = vec![
            ("impersonate-on:serviceaccount:get", of_core("configmaps", "", t)),
            ("impersonate:serviceaccount", account),
        ];
        get_map(t).acting_as(&format!("system:serviceaccount:{NAMESPACE}:{t}"), takes)
    }),
    ("within limits as a node", |t| {
        let takes = vec![
            ("impersonate-on:arbitrary-node:get", of_core("configmaps", "", t)),
            ("impersonate:arbitrary-node", details("nodes", "", t)),
        ];
        get_map(t).acting_as(&format!("system:node:{t}"), takes)
    }),
];
