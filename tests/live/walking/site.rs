//! The control plane on which paths are walked, with a node for pods to run on, and those who send
//! requests to it.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rustls::ClientConfig;
use serde_json::{Value, json};

use crate::activity::client::{Answer, Request, Server};
use crate::support::cluster::{Beside, Cluster, Options};
use crate::support::process::await_some;

/// Those who walk have their accounts here, where nobody may do anything.
pub const WALKERS: &str = "walkers";
/// A namespace in which there is nothing to be had.
pub const ELSEWHERE: &str = "elsewhere";
/// What only an administrator of the cluster can read is here.
pub const VAULT: &str = "vault";
/// The name of what there is to be read.
pub const TREASURE: &str = "treasure";
/// The node on which all pods run.
pub const NODE: &str = "n1";
/// One on which none does.
pub const EMPTY_NODE: &str = "n2";

/// The API group of rbac-manager's own objects.
pub const DEFINITIONS: &str = "rbacmanager.reactiveops.io";

/// What somebody presents, and in whose name the requests are made.
#[derive(Clone)]
pub struct Credential {
    tls: Arc<ClientConfig>,
    headers: Vec<(String, String)>,
}

impl Credential {
    /// The same with further headers.
    pub fn with(&self, headers: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut more = self.clone();
        more.headers.extend(headers);
        more
    }

    /// Whether its requests are made in somebody's name.
    pub fn poses(&self) -> bool {
        self.headers.iter().any(|(header, _)| header.starts_with("Impersonate-"))
    }
}

/// A question to the API server's authorizer.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub user: String,
    pub groups: Vec<String>,
    pub verb: String,
    pub group: String,
    /// With its subresource: `pods/exec`.
    pub resource: String,
    pub namespace: String,
    pub name: String,
}

/// The control plane and who administers it.
pub struct Site {
    pub cluster: Cluster,
    server: Server,
    plain: Arc<ClientConfig>,
    pub admin: Credential,
    /// The kubelet of [`NODE`].
    node: Credential,
    /// Where it listens.
    kubelet: Server,
    /// Held while pods run as strong accounts: who has a namespace to itself may label it and so, by
    /// a model, take over every pod of a node. Who wants none to run holds it alone.
    pods: RwLock<()>,
}

impl Site {
    /// The one that all walks share, started by the first: each has namespaces of its own.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Site>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// One of its own.
    pub fn start() -> Option<Self> {
        let cluster = Cluster::start(&Options {
            workloads: true,
            beside: &[Beside::Kubelet],
            authorization_mode: Some("Node,RBAC".to_owned()),
            ..Options::default()
        })?;
        let server = Server::new(&cluster.server(), &cluster.ca_file());
        let plain = server.tls(None);
        let file = |name: &str| PathBuf::from(cluster.ready()[name].as_str().expect("a file"));
        let (cert, key) = (file("adminCert"), file("adminKey"));
        let admin = Credential { tls: server.tls(Some((&cert, &key))), headers: Vec::new() };
        let node = cluster.client_cert(&format!("system:node:{NODE}"), &["system:nodes"]);
        let node =
            Credential { tls: server.tls(Some((&node.cert, &node.key))), headers: Vec::new() };
        let kubelet = format!("https://127.0.0.1:{}", cluster.kubelet_port());
        let kubelet = Server::new(&kubelet, &cluster.ca_file());
        let pods = RwLock::default();
        let site = Self { cluster, server, plain, admin, node, kubelet, pods };
        let mut objects: Vec<Value> =
            [WALKERS, ELSEWHERE, VAULT].into_iter().map(namespace).collect();
        objects.push(treasure(VAULT));
        for name in [NODE, EMPTY_NODE] {
            objects.push(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
                "status": {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                    "daemonEndpoints": {"kubeletEndpoint": {"Port": site.cluster.kubelet_port()}}}}));
        }
        objects.push(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"mapRoles": "[]"},
            "metadata": {"name": "aws-auth", "namespace": "kube-system"}}));
        site.load(&objects);
        site.serve_definitions();
        Some(site)
    }

    /// Has the API server serve `RBACDefinition`s, as where rbac-manager runs.
    fn serve_definitions(&self) {
        let names = json!({"plural": "rbacdefinitions", "singular": "rbacdefinition",
            "kind": "RBACDefinition", "listKind": "RBACDefinitionList"});
        let schema = json!({"openAPIV3Schema":
            {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
        self.load(&[json!({"apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition", "metadata": {"name": format!("rbacdefinitions.{DEFINITIONS}")},
            "spec": {"group": DEFINITIONS, "scope": "Cluster", "names": names, "versions": [
                {"name": "v1beta1", "served": true, "storage": true, "schema": schema}]}})]);
        let told = format!("/apis/{DEFINITIONS}/v1beta1");
        for uri in [format!("{told}/rbacdefinitions"), told] {
            let told = || self.send(&self.admin, &request("GET", &uri, None)).status == 200;
            await_some(&uri, || told().then_some(()));
        }
    }

    /// While pods may run.
    pub fn with_pods(&self) -> RwLockReadGuard<'_, ()> {
        self.pods.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// While none does.
    pub fn without_pods(&self) -> RwLockWriteGuard<'_, ()> {
        self.pods.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes objects that are not there.
    pub fn load(&self, objects: &[Value]) {
        let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
        let report = self.cluster.load(&lines.join("\n"));
        assert_eq!(report["failed"], 0, "{report}");
    }

    pub fn send(&self, who: &Credential, request: &Request) -> Answer {
        Self::send_to(&self.server, who, request)
    }

    fn send_to(server: &Server, who: &Credential, request: &Request) -> Answer {
        let mut request = request.clone();
        request.headers.extend(who.headers.iter().cloned());
        request.from = 1;
        server.send(&who.tls, &request).expect("the server answers")
    }

    /// A request to the kubelet itself. The tests' kubelet lets everybody in; a kubelet asks the API
    /// server first, as its node, whose token that is and whether they may (by default in every
    /// distribution: `--authentication-token-webhook`, `--authorization-mode=Webhook`). That is done
    /// here, with the questions of `pkg/kubelet/server/auth.go`.
    pub fn send_to_kubelet(&self, who: &Credential, request: &Request) -> Answer {
        let bearer = who.headers.iter().find_map(|(_, value)| value.strip_prefix("Bearer "));
        let ask = |uri: &str, review: &Value| {
            let answer = self.send(&self.node, &self::request("POST", uri, Some(review)));
            assert_eq!(answer.status, 201, "{}", answer.body);
            parsed(&answer.body)["status"].clone()
        };
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
            "spec": {"token": bearer.expect("a token")}});
        let known = ask("/apis/authentication.k8s.io/v1/tokenreviews", &review);
        assert_eq!(known["authenticated"], true, "{known}");
        let verb = if request.method == "GET" { "get" } else { "create" };
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {"user": known["user"]["username"], "groups": known["user"]["groups"],
                "resourceAttributes": {"verb": verb, "version": "v1", "resource": "nodes",
                    "subresource": "proxy", "name": NODE}}});
        let says = ask("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review);
        if says["allowed"] != true {
            return Answer { status: 403, body: says.to_string(), flow: None, open: None };
        }
        Self::send_to(&self.kubelet, who, request)
    }

    /// Makes objects that are not there.
    /// What the administrator gets, None where it is not there.
    pub fn get(&self, uri: &str) -> Option<Value> {
        let answer = self.send(&self.admin, &request("GET", uri, None));
        if answer.status == 404 {
            return None;
        }
        assert_eq!(answer.status, 200, "GET {uri}: {}", answer.body);
        Some(parsed(&answer.body))
    }

    /// The items of a list.
    pub fn list(&self, uri: &str) -> Vec<Value> {
        let list = self.get(uri).expect("a list");
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// Puts an object in the place of the one that is there, whatever happened to it meanwhile.
    pub fn put(&self, uri: &str, object: &Value) {
        let mut object = object.clone();
        for field in ["resourceVersion", "uid", "managedFields", "generation"] {
            object["metadata"].as_object_mut().expect("metadata").remove(field);
        }
        let answer = self.send(&self.admin, &request("PUT", uri, Some(&object)));
        assert!(matches!(answer.status, 200 | 201), "PUT {uri}: {}", answer.body);
    }

    /// Makes an object again that was there before.
    pub fn make(&self, collection: &str, object: &Value) {
        let mut object = object.clone();
        for field in ["resourceVersion", "uid", "managedFields", "generation", "creationTimestamp"]
        {
            object["metadata"].as_object_mut().expect("metadata").remove(field);
        }
        if object["kind"] == "Job" {
            // What the API server adds is the old one's.
            object["spec"].as_object_mut().expect("a spec").remove("selector");
            for of in ["/metadata/labels", "/spec/template/metadata/labels"] {
                let labels = object.pointer_mut(of).and_then(Value::as_object_mut);
                labels.expect("labels").retain(|label, _| label == "walk");
            }
        }
        let answer = self.send(&self.admin, &request("POST", collection, Some(&object)));
        assert_eq!(answer.status, 201, "POST {collection}: {}", answer.body);
    }

    /// Takes an object away, at once.
    pub fn delete(&self, uri: &str) {
        let uri = format!("{uri}?gracePeriodSeconds=0&propagationPolicy=Background");
        let answer = self.send(&self.admin, &request("DELETE", &uri, None));
        assert!(matches!(answer.status, 200 | 202 | 404), "DELETE {uri}: {}", answer.body);
    }

    /// Who presents this token.
    pub fn bearer(&self, token: &str) -> Credential {
        let header = ("Authorization".to_owned(), format!("Bearer {token}"));
        Credential { tls: self.plain.clone(), headers: vec![header] }
    }

    /// Who presents a certificate, PEM, for which it has the key.
    pub fn certified(&self, certificate: &str, key: &str) -> Credential {
        let folder = tempfile::tempdir_in(self.cluster.folder()).expect("a folder");
        let (cert_file, key_file) = (folder.path().join("crt"), folder.path().join("key"));
        std::fs::write(&cert_file, certificate).expect("write a certificate");
        std::fs::write(&key_file, key).expect("write a key");
        let tls = self.server.tls(Some((&cert_file, &key_file)));
        Credential { tls, headers: Vec::new() }
    }

    /// A token of an account, by right of the administrator.
    pub fn account(&self, namespace: &str, name: &str) -> Credential {
        let uri = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
        let answer = self.send(&self.admin, &request("POST", &uri, Some(&json!({}))));
        assert_eq!(answer.status, 201, "{}", answer.body);
        self.bearer(token(&parsed(&answer.body)))
    }

    /// Whether the authorizer allows it now.
    pub fn allows(&self, question: &Question) -> bool {
        let (resource, subresource) =
            question.resource.split_once('/').unwrap_or((&question.resource, ""));
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": question.user, "groups": question.groups, "resourceAttributes": {"verb": question.verb,
            "group": question.group, "resource": resource, "subresource": subresource,
            "namespace": question.namespace, "name": question.name}}});
        let uri = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let answer = self.send(&self.admin, &request("POST", uri, Some(&review)));
        assert_eq!(answer.status, 201, "{}", answer.body);
        parsed(&answer.body)["status"]["allowed"] == true
    }

    /// Waits until the authorizer, which follows what is stored, answers so.
    pub fn await_answer(&self, question: &Question, allowed: bool) {
        let what = format!("{question:?} to be answered with {allowed}");
        await_some(&what, || (self.allows(question) == allowed).then_some(()));
    }

    /// What the node does with a pod: it says that it runs.
    pub fn run(&self, namespace: &str, pod: &str) {
        let status = json!({"status": {"phase": "Running", "containerStatuses": [{"name": "main",
            "image": "registry.example/web:1", "imageID": "", "ready": true, "restartCount": 0,
            "state": {"running": {}}}]}});
        let uri = format!("/api/v1/namespaces/{namespace}/pods/{pod}/status");
        let mut request = request("PATCH", &uri, Some(&status));
        content_type(&mut request, "application/strategic-merge-patch+json");
        // The node hears of its pods a moment later.
        await_some("the node's word", || {
            let answer = self.send(&self.node, &request);
            assert!(matches!(answer.status, 200 | 403), "{}", answer.body);
            (answer.status == 200).then_some(())
        });
    }

    /// What the node hands a container that names a token Secret: the token.
    pub fn secret_of_node(&self, namespace: &str, secret: &str) -> Credential {
        use base64::Engine as _;
        let uri = format!("/api/v1/namespaces/{namespace}/secrets/{secret}");
        let secret = await_some("the node's reading", || {
            let answer = self.send(&self.node, &request("GET", &uri, None));
            assert!(matches!(answer.status, 200 | 403), "{}", answer.body);
            (answer.status == 200).then(|| parsed(&answer.body))
        });
        let token = secret["data"]["token"].as_str().expect("a token");
        let token = base64::engine::general_purpose::STANDARD.decode(token).expect("base64");
        self.bearer(&String::from_utf8(token).expect("text"))
    }

    /// Who presents nothing.
    pub fn nobody(&self) -> Credential {
        Credential { tls: self.plain.clone(), headers: Vec::new() }
    }

    /// What a process in a container of a pod finds: the token of the pod's account, which the
    /// kubelet has made as the node and mounts where the container says.
    pub fn token_in(&self, namespace: &str, pod: &str, container: &str) -> Credential {
        let uri = format!("/api/v1/namespaces/{namespace}/pods/{pod}");
        let pod = self.get(&uri).expect("the pod");
        assert_eq!(pod["spec"]["nodeName"], NODE);
        let of = |field: &str| pod["spec"][field].as_array().cloned().unwrap_or_default();
        let volume = token_volume(&pod);
        let containers = [of("containers"), of("ephemeralContainers")].concat();
        let found = containers.iter().find(|one| one["name"] == container).expect("the container");
        let mounts = found["volumeMounts"].as_array().cloned().unwrap_or_default();
        assert!(mounts.iter().any(|mount| mount["name"] == volume), "no token there: {found}");
        let account = pod["spec"]["serviceAccountName"].as_str().expect("an account");
        let wanted = json!({"spec": {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod",
            "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}}});
        let uri = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let request = request("POST", &uri, Some(&wanted));
        await_some("the pod's token", || {
            let answer = self.send(&self.node, &request);
            assert!(matches!(answer.status, 201 | 403), "{}", answer.body);
            (answer.status == 201).then(|| self.bearer(token(&parsed(&answer.body))))
        })
    }
}

/// The volume of a pod that holds its account's token.
pub fn token_volume(pod: &Value) -> String {
    let volumes = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    let found = volumes.iter().filter_map(|volume| volume["name"].as_str());
    let mut found = found.filter(|name| name.starts_with("kube-api-access-"));
    found.next().expect("a token").to_owned()
}

fn token(answer: &Value) -> &str {
    answer["status"]["token"].as_str().expect("a token")
}

pub fn parsed(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// A request with a body in JSON, or none.
pub fn request(method: &'static str, uri: &str, body: Option<&Value>) -> Request {
    let mut headers = vec![("Accept".to_owned(), "application/json".to_owned())];
    if body.is_some() && method != "PATCH" {
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    Request { method, uri: uri.to_owned(), headers, body, ..Request::default() }
}

pub fn content_type(request: &mut Request, media: &str) {
    request.headers.push(("Content-Type".to_owned(), media.to_owned()));
}

/// A namespace that lets no pod have its node: what is walked elsewhere leads nowhere by such pods.
pub fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name,
        "labels": {"pod-security.kubernetes.io/enforce": "baseline"}}})
}

/// What is to be read in a namespace by those alone who become as strong as that.
pub fn treasure(namespace: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": TREASURE, "namespace": namespace}, "data": {"of": namespace}})
}
