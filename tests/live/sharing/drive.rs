//! From the plan to a log that a real API server wrote.
//!
//! Everything is sent in its order, each request from its address with its credential and user
//! agent. A plan lasts for days; it is driven in seconds, so each line gets the time of the plan in
//! place of the one at which it was sent, by the audit id that the client gave it. And what a cloud's
//! authenticator would have put to a user is added to the lines of those who are planned to come by
//! one, as EKS's does (`sessionName`, `accessKeyId`); nothing else of a line is touched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::ClientConfig;
use serde_json::{Value, json};

use super::plan::{Account, Act, By, Desk, Plan};
use crate::activity::client::{Request, Server};
use crate::support::cluster::Cluster;
use crate::support::process::await_some;

/// The plan's first minute.
pub fn start() -> DateTime<Utc> {
    "2026-05-04T00:00:00Z".parse().expect("a time")
}

/// A namespace, the accounts of the plan, their pods and Secrets; everybody may do everything.
pub fn objects(plan: &Plan) -> Vec<Value> {
    let mut all = vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "share"}}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "share"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                "name": "cluster-admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group",
                "name": "system:authenticated"}]}),
    ];
    let core = |kind: &str, name: &str, more: Value| {
        let mut object = more;
        object["apiVersion"] = json!("v1");
        object["kind"] = json!(kind);
        object["metadata"]["name"] = json!(name);
        object["metadata"]["namespace"] = json!("share");
        object
    };
    all.push(core("ServiceAccount", "default", json!({})));
    all.push(core("ServiceAccount", VAULT, json!({})));
    for account in plan.accounts.iter().filter(|account| account.machine) {
        let note = if account.annotated { json!({"keybook/person": "ana"}) } else { json!({}) };
        all.push(core("ServiceAccount", &account.name, json!({"metadata": {"annotations": note}})));
        let secret = json!({"type": "kubernetes.io/service-account-token", "metadata": {
            "annotations": {"kubernetes.io/service-account.name": account.name}}});
        let used: BTreeSet<String> =
            account.acts.iter().filter_map(|act| secret_of(account, act.desk.by)).collect();
        all.extend(used.iter().map(|name| core("Secret", name, secret.clone())));
    }
    all
}

/// The account of the program that has tokens made.
const VAULT: &str = "vault";

/// The Secret whose token is meant.
fn secret_of(account: &Account, by: By) -> Option<String> {
    match by {
        By::Secret => Some(account.name.clone()),
        By::Another(number) => Some(format!("{}-{number}", account.name)),
        _ => None,
    }
}

/// Where one who gives tokens away sits, and where the program that has them made runs.
const GIVER: Desk = Desk {
    who: "giver",
    by: By::Static,
    agent: "kubectl/v1.36.1 (linux/amd64) kubernetes/b1d5cc9",
    from: 90,
};
const ISSUER: Desk = Desk { who: "vault", by: By::Static, agent: "vault/1.19", from: 91 };

/// The static token of every user.
pub fn token_file(plan: &Plan) -> String {
    let users = plan.accounts.iter().filter(|account| !account.machine);
    let lines = users.map(|account| format!("token-{0},{0},", account.name));
    lines.collect::<Vec<_>>().join("\n")
}

/// Something sent, when by the plan, and what the cloud's authenticator notes of it.
struct Sent {
    at: i64,
    extra: Option<Value>,
}

/// The extra of EKS's authenticator for whoever comes in a session, or by an access key.
fn extra(by: By) -> Option<Value> {
    let arn = "arn:aws:iam::111122223333:user/deploy";
    match by {
        By::Session(name) => Some(json!({"sessionName": [name]})),
        By::Key(id) => Some(json!({"arn": [arn], "canonicalArn": [arn], "sessionName": [""],
            "accessKeyId": [id]})),
        _ => None,
    }
}

/// One who drives.
pub struct Driver<'c> {
    cluster: &'c Cluster,
    server: Server,
    admin: Arc<ClientConfig>,
    plain: Arc<ClientConfig>,
    /// Who has tokens made.
    people: BTreeMap<&'static str, Arc<ClientConfig>>,
    /// The token of the program that does.
    vault: Option<String>,
    sent: Vec<Sent>,
}

/// A credential ready to be presented.
#[derive(Clone)]
struct Presented {
    tls: Arc<ClientConfig>,
    token: Option<String>,
}

impl<'c> Driver<'c> {
    pub fn new(cluster: &'c Cluster) -> Self {
        let server = Server::new(&cluster.server(), &cluster.ca_file());
        let by = |name: &str, groups: &[&str]| {
            let files = cluster.client_cert(name, groups);
            server.tls(Some((&files.cert, &files.key)))
        };
        let people = ["ana", "bo", "cleo", "robot"].map(|name| (name, by(name, &[])));
        let (admin, plain) = (by("issuer", &["system:masters"]), server.tls(None));
        let people = people.into();
        Self { cluster, people, vault: None, admin, plain, server, sent: Vec::new() }
    }

    /// Sends a request of the plan's second `at`; one without is none of the plan.
    fn send(
        &mut self,
        by: &Presented,
        (at, act): (Option<i64>, &Act),
        body: &Value,
    ) -> (u16, String) {
        let mut headers = vec![("User-Agent".to_owned(), act.desk.agent.to_owned())];
        if let Some(at) = at {
            headers.push(("Audit-ID".to_owned(), format!("plan-{}", self.sent.len())));
            self.sent.push(Sent { at, extra: extra(act.desk.by) });
        }
        if let Some(token) = &by.token {
            headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        }
        let kind = match act.method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        headers.push(("Content-Type".to_owned(), kind.to_owned()));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request {
            method: act.method,
            uri: act.path.clone(),
            headers,
            body,
            from: act.desk.from,
            streams: false,
        };
        let answer = self.server.send(&by.tls, &request).expect("an answer");
        (answer.status, answer.body)
    }

    /// Drives one account through its plan.
    pub fn drive(&mut self, account: &Account) {
        let mut held: BTreeMap<By, Presented> = BTreeMap::new();
        for act in &account.acts {
            let by = if let Some(by) = held.get(&act.desk.by) {
                by.clone()
            } else {
                let by = self.credential(account, act);
                held.insert(act.desk.by, by.clone());
                by
            };
            let body =
                if act.method == "PATCH" { json!({"data": {"a": "b"}}) } else { Value::Null };
            let (status, answer) = self.send(&by, (Some(act.at), act), &body);
            assert!(
                status != 401 && status != 403,
                "{} {}: {status} {answer}",
                account.name,
                act.path
            );
        }
    }

    fn credential(&mut self, account: &Account, act: &Act) -> Presented {
        let bearer = |tls: &Arc<ClientConfig>, token: String| Presented {
            tls: tls.clone(),
            token: Some(token),
        };
        match act.desk.by {
            By::Certificate(_) => Presented { tls: self.certificate(&account.name), token: None },
            By::Static | By::Session(_) | By::Key(_) => {
                bearer(&self.plain, format!("token-{}", account.name))
            }
            By::Secret | By::Another(_) => {
                let path = "-o=jsonpath={.data.token}";
                let secret = secret_of(account, act.desk.by).expect("it is one");
                let token = await_some("the token of a Secret", || {
                    let args = ["get", "secret", &secret, "-n", "share", path];
                    let text = self.cluster.kubectl_ok(&args);
                    STANDARD.decode(text.trim()).ok().filter(|token| !token.is_empty())
                });
                bearer(&self.plain, String::from_utf8(token).expect("a token is text"))
            }
            By::Handed(person, _) => {
                let by = Presented { tls: self.people[person].clone(), token: None };
                let asked = Act { desk: GIVER, ..act.clone() };
                let token = self.token(&by, &account.name, (Some(act.at), &asked), &Value::Null);
                bearer(&self.plain, token)
            }
            By::Job(_) | By::Robot(_) => {
                let by = if let By::Robot(_) = act.desk.by {
                    Presented { tls: self.people["robot"].clone(), token: None }
                } else {
                    let token = self.vault(act);
                    bearer(&self.plain, token)
                };
                let asked = Act { desk: ISSUER, ..act.clone() };
                let token = self.token(&by, &account.name, (Some(act.at), &asked), &Value::Null);
                bearer(&self.plain, token)
            }
            By::Token(person, _) => {
                let by = Presented { tls: self.people[person].clone(), token: None };
                let token = self.token(&by, &account.name, (Some(act.at), act), &Value::Null);
                bearer(&self.plain, token)
            }
            By::Pod(pod, _) => {
                let admin = Presented { tls: self.admin.clone(), token: None };
                let spec = json!({"serviceAccountName": account.name,
                    "containers": [{"name": "main", "image": "registry.example/web:1"}]});
                let object = json!({"apiVersion": "v1", "kind": "Pod",
                    "metadata": {"name": pod, "namespace": "share"}, "spec": spec});
                self.make("pods", act, &object);
                let bound = json!({"apiVersion": "v1", "kind": "Pod", "name": pod});
                let token = self.token(&admin, &account.name, (None, act), &bound);
                bearer(&self.plain, token)
            }
        }
    }

    /// Makes a pod anew: another account of the plan may have had one of the same name.
    fn make(&mut self, resource: &str, act: &Act, object: &Value) {
        let admin = Presented { tls: self.admin.clone(), token: None };
        let all = format!("/api/v1/namespaces/share/{resource}");
        let name = object["metadata"]["name"].as_str().expect("a name");
        let one = format!("{all}/{name}?gracePeriodSeconds=0");
        let delete = Act { method: "DELETE", path: one, ..act.clone() };
        self.send(&admin, (None, &delete), &Value::Null);
        let create = Act { method: "POST", path: all, ..act.clone() };
        let (status, answer) = self.send(&admin, (None, &create), object);
        assert_eq!(status, 201, "{answer}");
    }

    /// The token by which the program that has tokens made asks for them.
    fn vault(&mut self, act: &Act) -> String {
        if let Some(token) = &self.vault {
            return token.clone();
        }
        let admin = Presented { tls: self.admin.clone(), token: None };
        let token = self.token(&admin, VAULT, (None, act), &Value::Null);
        self.vault = Some(token.clone());
        token
    }

    fn token(
        &mut self,
        by: &Presented,
        account: &str,
        (at, act): (Option<i64>, &Act),
        bound: &Value,
    ) -> String {
        let path = format!("/api/v1/namespaces/share/serviceaccounts/{account}/token");
        let ask = Act { method: "POST", path, ..act.clone() };
        let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"boundObjectRef": bound}});
        let (status, answer) = self.send(by, (at, &ask), &body);
        assert_eq!(status, 201, "{answer}");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        answer["status"]["token"].as_str().expect("a token").to_owned()
    }

    /// A certificate by a request that the cluster signs.
    fn certificate(&mut self, user: &str) -> Arc<ClientConfig> {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, user);
        let request = params.serialize_request(&key).expect("a request").pem().expect("PEM");
        let name = format!("{user}-{}", self.sent.len());
        let object = json!({"apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest", "metadata": {"name": name},
            "spec": {"request": STANDARD.encode(request), "usages": ["client auth"],
                "signerName": "kubernetes.io/kube-apiserver-client"}});
        let made = self.cluster.kubectl_with(&["create", "-f", "-"], &object.to_string());
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        self.cluster.kubectl_ok(&["certificate", "approve", &name]);
        let pem = await_some("the certificate", || {
            let path = "-o=jsonpath={.status.certificate}";
            let text = self.cluster.kubectl_ok(&["get", "csr", &name, path]);
            STANDARD.decode(text.trim()).ok().filter(|pem| !pem.is_empty())
        });
        let file = |extension| self.cluster.folder().join(format!("{name}.{extension}"));
        std::fs::write(file("crt"), pem).expect("write the certificate");
        std::fs::write(file("key"), key.serialize_pem()).expect("write its key");
        self.server.tls(Some((&file("crt"), &file("key"))))
    }

    /// The lines of what was planned, at the times of the plan.
    pub fn log(&self) -> String {
        let mut text = String::new();
        let mut whole = 0;
        for mut line in self.cluster.audit_events() {
            let number = line["auditID"].as_str().and_then(|id| id.strip_prefix("plan-"));
            let Some(number) = number.and_then(|number| number.parse::<usize>().ok()) else {
                continue;
            };
            let sent = &self.sent[number];
            // Those of one second stay apart.
            let micros = i64::try_from(number % 900_000).expect("a few");
            let at = start() + TimeDelta::seconds(sent.at) + TimeDelta::microseconds(micros);
            for key in ["requestReceivedTimestamp", "stageTimestamp"] {
                line[key] = json!(at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true));
            }
            if let Some(extra) = &sent.extra {
                line["user"]["extra"] = extra.clone();
            }
            whole += usize::from(line["stage"] == "ResponseComplete");
            text.extend([line.to_string().as_str(), "\n"]);
        }
        assert_eq!(whole, self.sent.len(), "every request is in the log, once");
        text
    }

    /// Whether everything that was sent is in the log.
    pub fn is_logged(&self) -> bool {
        let lines = self.cluster.audit_events();
        let whole = lines.iter().filter(|line| {
            line["stage"] == "ResponseComplete"
                && line["auditID"].as_str().is_some_and(|id| id.starts_with("plan-"))
        });
        whole.count() == self.sent.len()
    }
}
