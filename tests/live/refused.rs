//! Every list that an API server may refuse, and what it says of itself, refused alone: no command
//! gives another answer for it without saying that it is incomplete.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keybook::model::ListKind;
use serde_json::{Value, json};

use crate::commands::{Ran, keybook, live};
use crate::relay::{Refusal, Relay};
use crate::support::cluster::{Cluster, Options};

const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// By list, what the requests for it hold that those for no other do. Custom resources and OpenShift's
/// are not served here.
const LISTS: [(ListKind, &[&str]); 16] = [
    (ListKind::ClusterRoles, &["/clusterroles?"]),
    (ListKind::Roles, &["/roles?"]),
    (ListKind::ClusterRoleBindings, &["/clusterrolebindings?"]),
    (ListKind::RoleBindings, &["/rolebindings?"]),
    (ListKind::Namespaces, &["/v1/namespaces?"]),
    (ListKind::ServiceAccounts, &["/serviceaccounts?"]),
    (ListKind::TokenSecrets, &["service-account-token"]),
    (ListKind::BootstrapTokens, &["bootstrap.kubernetes.io"]),
    (ListKind::CertificateSigningRequests, &["/certificatesigningrequests?"]),
    (ListKind::ConfigMaps, &["/configmaps?"]),
    (ListKind::Pods, &["/pods?"]),
    (ListKind::Workloads, &["/deployments?"]),
    (ListKind::NetworkPolicies, &["/networkpolicies?"]),
    (ListKind::FlowSchemas, &["/flowschemas?"]),
    (ListKind::PriorityLevels, &["/prioritylevelconfigurations?"]),
    (ListKind::Discovery, DISCOVERY),
];

/// The two requests of discovery, whichever form they ask for.
const DISCOVERY: &[&str] = &["=/api", "=/apis"];

fn role(kind: &str, ns: Option<&str>, name: &str, rules: &Value) -> Value {
    json!({"apiVersion": RBAC, "kind": kind, "metadata": {"name": name, "namespace": ns},
        "rules": rules})
}

fn binding(ns: Option<&str>, name: &str, role: (&str, &str), subject: &Value) -> Value {
    let kind = if ns.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    json!({"apiVersion": RBAC, "kind": kind, "metadata": {"name": name, "namespace": ns},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1},
        "subjects": [subject]})
}

fn user(name: &str) -> Value {
    json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name})
}

/// Something of every list, each with a part in some answer.
fn world() -> Vec<Value> {
    let on = |resources: &[&str], verbs: &[&str]| json!([{"apiGroups": ["", "apps", "x.example.org"], "resources": resources, "verbs": verbs}]);
    let meta = |name: &str| json!({"name": name, "namespace": "east"});
    let account = json!({"kind": "ServiceAccount", "name": "worker", "namespace": "east"});
    let accounts = json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io",
        "name": "system:serviceaccounts:east"});
    let pod = json!({"serviceAccountName": "worker",
        "containers": [{"name": "c", "image": "registry.example/app:1"}]});
    let labels = json!({"app": "worker"});
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "east"}}),
        role("ClusterRole", None, "readers", &on(&["pods", "gizmos"], &["get", "list"])),
        role("Role", Some("east"), "keepers", &on(&["secrets"], &["get"])),
        binding(None, "readers", ("ClusterRole", "readers"), &user("rae@corp.example")),
        binding(Some("east"), "keepers", ("Role", "keepers"), &user("kim@corp.example")),
        binding(Some("east"), "all", ("ClusterRole", "view"), &accounts),
        binding(Some("east"), "worker", ("ClusterRole", "admin"), &account),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("worker")}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("default")}),
        json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "worker-token", "namespace": "east",
                "labels": {"kubernetes.io/legacy-token-last-used": "2026-03-01"},
                "annotations": {"kubernetes.io/service-account.name": "worker"}}}),
        json!({"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
            "metadata": {"name": "bootstrap-token-made12", "namespace": "kube-system"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "aws-auth", "namespace": "kube-system"},
            "data": {"mapUsers": "- userarn: arn:aws:iam::111122223333:user/ann\n  username: ann\n  groups: [system:masters]\n"}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "east",
            "labels": labels}, "spec": pod}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("d"), "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod}}}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta("n"),
            "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}),
    ]
}

/// A certificate is asked for by the cluster's administrator.
fn request(cluster: &Cluster) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "rae@corp.example");
    let pem = params.serialize_request(&key).expect("a request").pem().expect("PEM");
    let csr = json!({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
        "metadata": {"name": "rae"}, "spec": {"request": STANDARD.encode(pem),
            "usages": ["client auth"], "signerName": "kubernetes.io/kube-apiserver-client"}});
    let made = cluster.kubectl_with(&["create", "-f", "-"], &csr.to_string());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn refusals(of: &[&str], status: &'static str, body: &'static str) -> Vec<Refusal> {
    of.iter().map(|of| Refusal { of: (*of).to_owned(), status, body }).collect()
}

const FORBIDDEN: (&str, &str) =
    ("403 Forbidden", r#"{"kind":"Status","code":403,"message":"not for you"}"#);
const BROKEN: (&str, &str) =
    ("500 Internal Server Error", r#"{"kind":"Status","code":500,"message":"sad"}"#);
const FAILURE: (&str, &str) =
    ("200 OK", r#"{"kind":"Status","apiVersion":"v1","status":"Failure","code":500,"items":null}"#);
const ANOTHER: (&str, &str) = ("200 OK", r#"{"kind":"PodList","apiVersion":"v1","items":[]}"#);
/// What a server of nothing would say to either request.
const NOTHING: (&str, &str) = (
    "200 OK",
    r#"{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","items":[]}"#,
);

/// Every command that answers something.
const COMMANDS: &[&[&str]] = &[
    &["who"],
    &["who", "--reach"],
    &["who", "can:get/pods"],
    &["who", "can:get/gizmos"],
    &["who", "finding:lasting-token"],
    &["show", "user:rae@corp.example"],
    &["show", "sa:east/worker"],
    &["show", "user:nobody@corp.example"],
    &["can", "user:rae@corp.example", "get", "pods"],
    &["can", "user:rae@corp.example", "get", "gizmos"],
    &["can", "user:rae@corp.example", "get", "widgets"],
    &["can", "user:rae@corp.example", "delete", "pods"],
    &["can", "user:kim@corp.example", "get", "secrets", "-n", "east"],
    &["can", "user:nobody@corp.example", "get", "pods"],
    &["can", "sa:east/worker", "get", "pods/gears"],
    &["can", "user:nobody@corp.example", "get", "/healthz"],
    &["who-can", "get", "pods"],
    &["who-can", "get", "gizmos"],
    &["who-can", "get", "secrets", "-n", "east"],
    &["findings"],
    &["findings", "--fail-on", "info"],
    &["credentials"],
    &["credentials", "sa:east/worker"],
    &["reach"],
    &["reach", "sa:east/worker"],
    &["reach", "user:nobody@corp.example"],
];

/// Every command that plans: only from a live cluster.
const PLANS: &[&[&str]] = &[
    &["revoke", "user:rae@corp.example"],
    &["revoke", "user:nobody@corp.example"],
    &["revoke", "sa:east/worker"],
    &["revoke", "secret:east/worker-token"],
    &["revoke", "rb:east/keepers=user:kim@corp.example"],
];

/// What of an answer is about the cluster: not when and how it was read.
fn gist(ran: &Ran) -> Value {
    match serde_json::from_str::<Value>(&ran.out) {
        Ok(json) => json!([json["items"], json["spec"], json["steps"]]),
        Err(_) => json!(ran.out),
    }
}

/// What every command says, of a snapshot or else live.
fn all(from: &Path, kubeconfig: &Path) -> Vec<(&'static [&'static str], Ran)> {
    let from = from.display().to_string();
    let answers = COMMANDS
        .iter()
        .map(|words| (*words, keybook(&[*words, &["--from", &from, "-o", "json"]].concat(), "")));
    let plans = PLANS
        .iter()
        .map(|words| (*words, live(kubeconfig, &[*words, &["-o", "json"][..]].concat())));
    answers.chain(plans).collect()
}

#[test]
fn a_list_that_is_refused_changes_no_answer_in_silence() {
    let options = Options { without_controllers: true, ..Options::default() };
    let Some(cluster) = Cluster::start(&options) else { return };
    let objects: Vec<String> = world().iter().map(Value::to_string).collect();
    cluster.load(&objects.join("\n"));
    request(&cluster);
    let relay = Relay::start(&cluster);
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, relay.kubeconfig()).expect("written");
    let saved = |name: &str, refused: Vec<Refusal>| {
        relay.refuse(refused);
        let out = folder.path().join(name);
        let ran = live(&kubeconfig, &["snapshot", "--out", &out.display().to_string()]);
        (out, ran)
    };
    let (whole, ran) = saved("whole", Vec::new());
    ran.ends_with(0);
    let truth = all(&whole, &kubeconfig);
    for (words, ran) in &truth {
        assert!(matches!(ran.code, Some(0 | 1)), "{words:?}: {ran:?}");
    }

    let mut silent: Vec<String> = Vec::new();
    for (list, of) in LISTS {
        for (how, (status, body)) in [
            ("forbidden", FORBIDDEN),
            ("failed", BROKEN),
            ("a failure in good form", FAILURE),
            ("another list", ANOTHER),
        ] {
            // That a list failed is one matter whichever it is; these stand for the others.
            let stands = match how {
                "forbidden" => true,
                "failed" => [ListKind::RoleBindings, ListKind::Discovery].contains(&list),
                _ => list == ListKind::ClusterRoleBindings,
            };
            if !stands {
                continue;
            }
            let name = list.as_str();
            let (without, ran) = saved(&format!("{name}-{how}"), refusals(of, status, body));
            let ran = ran.ends_with(4);
            let said = |ran: &Ran| {
                let line = |line: &str| line.contains("incomplete") && line.contains(name);
                ran.err.lines().any(line)
            };
            assert!(said(&ran), "{name} {how}: {}", ran.err);
            let mut told = BTreeSet::new();
            for ((words, ran), (_, truth)) in all(&without, &kubeconfig).iter().zip(&truth) {
                let incomplete = ran.code == Some(4);
                if incomplete {
                    told.insert(words[0]);
                }
                if !incomplete && (ran.code, gist(ran)) != (truth.code, gist(truth)) {
                    silent.push(format!(
                        "{name} {how}: {words:?}: {:?} in place of {:?}\n{}",
                        ran.code, truth.code, ran.err
                    ));
                }
            }
            // Whatever it is for, somebody shows it.
            assert!(!told.is_empty(), "{name} {how}");
        }
    }
    assert!(silent.is_empty(), "{} silent:\n{}", silent.len(), silent.join("\n"));
    what_is_served(&relay, &kubeconfig);
}

/// Without its word on it, nothing is called not served, and nobody unable for that.
fn what_is_served(relay: &Relay, kubeconfig: &Path) {
    for ((status, body), of) in [
        (FORBIDDEN, DISCOVERY),
        (BROKEN, DISCOVERY),
        (NOTHING, DISCOVERY),
        (NOTHING, &DISCOVERY[..1]),
        (NOTHING, &DISCOVERY[1..]),
    ] {
        relay.refuse(refusals(of, status, body));
        for (words, code, says) in [
            (&["can", "user:rae@corp.example", "get", "pods"][..], 0, ""),
            (&["can", "user:kim@corp.example", "get", "pods"], 4, "incomplete: discovery"),
            (&["who-can", "get", "pods"], 4, "incomplete: discovery"),
            (&["can", "user:rae@corp.example", "get", "gizmos"], 4, "is not known"),
            (&["can", "user:kim@corp.example", "get", "gears"], 4, "which API group gears is of"),
            (&["who", "can:get/pods"], 4, "incomplete: discovery"),
        ] {
            let ran = live(kubeconfig, words).ends_with(code);
            assert!(ran.err.contains(says), "{words:?} {status}: {}", ran.err);
            assert!(
                !ran.err.contains("the server does not serve"),
                "{words:?} {status}: {}",
                ran.err
            );
        }
    }
    relay.refuse(Vec::new());
    let ran = live(kubeconfig, &["can", "user:rae@corp.example", "get", "gears"]).ends_with(1);
    assert!(ran.err.contains("the server does not serve gears: nobody can do this"), "{}", ran.err);
    let ran = live(kubeconfig, &["who", "can:get/gears"]).ends_with(0);
    assert!(ran.err.contains("the server does not serve gears: nobody can do this"), "{}", ran.err);

    // An older server says group by group what it serves, and of some it cannot.
    relay.hide_aggregated_discovery();
    let (status, body) = FORBIDDEN;
    relay.refuse(refusals(&["=/apis/apps/v1"], status, body));
    for (words, code) in [
        (&["can", "user:rae@corp.example", "get", "pods"][..], 0),
        (&["can", "user:rae@corp.example", "delete", "pods"], 1),
        (&["can", "user:rae@corp.example", "list", "deployments.apps"], 4),
        (&["can", "user:kim@corp.example", "list", "deployments.apps"], 4),
        (&["can", "user:kim@corp.example", "get", "deploy"], 4),
        (&["who-can", "get", "deploy"], 4),
        (&["who-can", "get", "pods"], 0),
        (&["who", "can:get/deploy"], 4),
        (&["who", "can:get/pods"], 0),
    ] {
        let ran = live(kubeconfig, words).ends_with(code);
        assert!(code != 4 || ran.err.contains("incomplete: discovery: partial"), "{}", ran.err);
        assert!(!ran.err.contains("the server does not serve"), "{words:?}: {}", ran.err);
    }
}
