//! Credentials of every kind that the control plane can make, in every state that they can be brought
//! into: each is presented to the API server, and what keybook says of it is held against the answer.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use rustls::ClientConfig;
use serde_json::{Value, json};

use crate::activity::client::{Request, Server};
use crate::inventory::keybook;
use crate::support::cluster::{Cluster, Options};
use crate::support::process::await_some;

const NS: &str = "states";

/// A credential as it was made, and what keybook has to say of it.
struct Held {
    /// The id in the inventory.
    id: String,
    token: String,
    state: &'static str,
}

struct Clients<'c> {
    cluster: &'c Cluster,
    server: Server,
    plain: Arc<ClientConfig>,
}

impl Clients<'_> {
    fn apply(&self, object: &Value) {
        let output = self.cluster.kubectl_with(&["apply", "-f", "-"], &object.to_string());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Whether the API server takes a token.
    fn is_taken(&self, tls: &Arc<ClientConfig>, token: Option<&str>) -> bool {
        let authorization =
            token.map(|token| ("Authorization".to_owned(), format!("Bearer {token}")));
        let request = Request {
            method: "GET",
            uri: format!("/api/v1/namespaces/{NS}/configmaps"),
            headers: authorization.into_iter().collect(),
            from: 41,
            ..Request::default()
        };
        let answer = self.server.send(tls, &request).expect("an answer");
        assert!(matches!(answer.status, 200 | 401 | 403), "{}", answer.body);
        answer.status != 401
    }

    fn takes(&self, token: &str) -> bool {
        self.is_taken(&self.plain, Some(token))
    }

    fn account(&self, name: &str) {
        self.cluster.kubectl_ok(&["create", "serviceaccount", name, "-n", NS]);
    }

    fn mint(&self, account: &str, more: &[&str]) -> String {
        let words = [&["create", "token", account, "-n", NS], more].concat();
        let token = self.cluster.kubectl_ok(&words).trim().to_owned();
        assert!(self.takes(&token), "{account} {more:?}");
        token
    }

    fn delete(&self, what: &str) {
        let words = ["delete", what, "-n", NS, "--force", "--grace-period=0"];
        self.cluster.kubectl_ok(&words);
    }

    fn pod(&self, name: &str, account: &str) {
        self.apply(&json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": NS},
            "spec": {"serviceAccountName": account,
                "containers": [{"name": "c", "image": "example.org/app"}]}}));
    }

    fn token_secret(&self, account: &str, name: &str) -> String {
        self.apply(&json!({"apiVersion": "v1", "kind": "Secret",
            "type": "kubernetes.io/service-account-token", "metadata": {"name": name,
                "namespace": NS, "annotations": {"kubernetes.io/service-account.name": account}}}));
        let encoded = await_some("the Secret's token", || {
            let path = "jsonpath={.data.token}";
            let text = self.cluster.kubectl_ok(&["get", "secret", name, "-n", NS, "-o", path]);
            Some(text).filter(|text| !text.is_empty())
        });
        String::from_utf8(STANDARD.decode(encoded).expect("base64")).expect("a token")
    }

    /// Tokens of accounts; most lose what they hang on after they were used.
    fn of_accounts(&self) -> Vec<Held> {
        for account in ["free", "gone", "again", "tied", "stays", "renewed", "left"] {
            self.account(account);
        }
        self.apply(&json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "tie", "namespace": NS}}));
        for (pod, account) in [("stays-0", "stays"), ("renewed-0", "renewed"), ("left-0", "left")] {
            self.pod(pod, account);
        }
        let bound = |kind: &str, name: &str| {
            [format!("--bound-object-kind={kind}"), format!("--bound-object-name={name}")]
        };
        let tied = |account: &str, kind: &str, name: &str| {
            self.mint(account, &bound(kind, name).each_ref().map(String::as_str))
        };
        let all = [
            ("live", self.mint("free", &[])),
            ("refused", self.mint("gone", &[])),
            ("refused", self.mint("again", &[])),
            // Secrets of other types than tokens' are not listed.
            ("not known", tied("tied", "Secret", "tie")),
            ("live", tied("stays", "Pod", "stays-0")),
            ("refused", tied("renewed", "Pod", "renewed-0")),
            ("refused", tied("left", "Pod", "left-0")),
        ];
        next_second();
        for gone in ["sa/gone", "sa/again", "secret/tie", "pod/renewed-0", "pod/left-0"] {
            self.delete(gone);
        }
        self.account("again");
        self.pod("renewed-0", "renewed");
        all.into_iter().map(|(state, token)| Held { id: id(&token), token, state }).collect()
    }

    fn of_secrets(&self) -> Vec<Held> {
        let mut all = Vec::new();
        for (account, state) in [("kept", "live"), ("labelled", "refused")] {
            self.account(account);
            let secret = format!("{account}-token");
            let token = self.token_secret(account, &secret);
            assert!(self.takes(&token), "{account}");
            all.push(Held { id: format!("secret {NS}/{secret}"), token, state });
        }
        let since = "kubernetes.io/legacy-token-invalid-since=2026-01-01";
        self.cluster.kubectl_ok(&["label", "secret", "labelled-token", "-n", NS, since]);
        all
    }

    /// Bootstrap tokens: what is wrong with each beside its name.
    fn of_bootstrap(&self) -> Vec<Held> {
        // One that has run out is deleted by its cleaner at once.
        let cases: [(&str, Value, &str); 8] = [
            ("goodaa", json!({}), "live"),
            ("toolong", json!({}), "refused"),
            ("misfit", json!({"token-id": "another"}), "refused"),
            ("noidaa", json!({"token-id": null}), "refused"),
            ("nosecr", json!({"token-secret": null}), "refused"),
            ("empsec", json!({"token-secret": ""}), "refused"),
            ("emptyg", json!({"auth-extra-groups": "system:bootstrappers:a,"}), "refused"),
            ("nobody", json!({"usage-bootstrap-authentication": "false"}), "refused"),
        ];
        cases
            .into_iter()
            .map(|(name, data, state)| {
                let mut all = json!({"token-id": name, "token-secret": "0123456789abcdef",
                    "usage-bootstrap-authentication": "true"});
                let fields = all.as_object_mut().expect("fields");
                for (key, value) in data.as_object().expect("fields") {
                    if value.is_null() {
                        fields.remove(key);
                    } else {
                        fields.insert(key.clone(), value.clone());
                    }
                }
                let secret = format!("bootstrap-token-{name}");
                self.apply(&json!({"apiVersion": "v1", "kind": "Secret",
                    "type": "bootstrap.kubernetes.io/token", "stringData": all,
                    "metadata": {"name": secret, "namespace": "kube-system"}}));
                let id = format!("secret kube-system/{secret}");
                Held { id, token: format!("{name}.0123456789abcdef"), state }
            })
            .collect()
    }

    /// Certificates: one that Kubernetes has signed, and one that somebody else put into a request.
    fn of_certificates(&self) -> Vec<(String, bool, &'static str)> {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "system:nobodys");
        params.distinguished_name.push(rcgen::DnType::CommonName, "states-user");
        let request = params.serialize_request(&key).expect("a request").pem().expect("PEM");
        let own = params.self_signed(&key).expect("a certificate").pem();
        let mut found = Vec::new();
        for (name, signer, state) in [
            ("trusted", "kubernetes.io/kube-apiserver-client", "live"),
            ("foreign", "example.org/own", "not known"),
        ] {
            self.apply(&json!({"apiVersion": "certificates.k8s.io/v1",
                "kind": "CertificateSigningRequest", "metadata": {"name": name},
                "spec": {"request": STANDARD.encode(&request), "usages": ["client auth"],
                    "signerName": signer}}));
            self.cluster.kubectl_ok(&["certificate", "approve", name]);
            if name == "foreign" {
                let patch = json!({"status": {"certificate": STANDARD.encode(&own)}}).to_string();
                let words = ["patch", "csr", name, "--subresource=status", "--type=merge", "-p"];
                self.cluster.kubectl_ok(&[&words[..], &[&patch]].concat());
            }
            let pem = await_some("the certificate", || {
                let path = "jsonpath={.status.certificate}";
                let text = self.cluster.kubectl_ok(&["get", "csr", name, "-o", path]);
                Some(text).filter(|text| !text.is_empty())
            });
            let file = |ending: &str| self.cluster.folder().join(format!("{name}.{ending}"));
            std::fs::write(file("crt"), STANDARD.decode(pem).expect("base64")).expect("written");
            std::fs::write(file("key"), key.serialize_pem()).expect("written");
            let tls = self.server.tls(Some((&file("crt"), &file("key"))));
            found.push((format!("csr {name},"), self.is_taken(&tls, None), state));
        }
        found
    }
}

/// Once the second is over in which this is called: objects' times are whole seconds.
fn next_second() {
    let now = Utc::now().timestamp();
    await_some("the next second", || (Utc::now().timestamp() > now).then_some(()));
}

fn payload(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
}

fn id(token: &str) -> String {
    format!("JTI={}", payload(token)["jti"].as_str().expect("a jti"))
}

/// A kubeconfig with all of them.
fn copies(cluster: &Cluster, held: &[Held]) -> std::path::PathBuf {
    let named = |at: usize| format!("k{at}");
    let config = json!({"apiVersion": "v1", "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": cluster.server()}}],
        "contexts": held.iter().enumerate().map(|(at, _)| json!({"name": named(at),
            "context": {"cluster": "c", "user": named(at)}})).collect::<Vec<_>>(),
        "users": held.iter().enumerate().map(|(at, one)| json!({"name": named(at),
            "user": {"token": one.token}})).collect::<Vec<_>>()});
    let path = cluster.folder().join("copies.json");
    std::fs::write(&path, config.to_string()).expect("written");
    path
}

#[test]
fn what_is_live_is_taken_and_what_is_refused_is_not() {
    let options = Options {
        args: vec!["--apiserver-arg=--enable-bootstrap-token-auth=true".to_owned()],
        ..Options::default()
    };
    let Some(cluster) = Cluster::start(&options) else { return };
    let server = Server::new(&cluster.server(), &cluster.ca_file());
    let plain = server.tls(None);
    let clients = Clients { cluster: &cluster, server, plain };
    cluster.kubectl_ok(&["create", "namespace", NS]);
    let began = Utc::now() - TimeDelta::seconds(1);
    let of_accounts = clients.of_accounts();
    let certificates = clients.of_certificates();
    let mut held = clients.of_secrets();
    held.extend(clients.of_bootstrap());
    // What was taken is taken for some seconds more, by the API server's cache.
    for one in of_accounts.iter().chain(&held) {
        let wanted = one.state == "live";
        await_some(&format!("{} to be {}", one.id, one.state), || {
            (clients.takes(&one.token) == wanted).then_some(())
        });
    }

    let log = cluster.audit_log().display().to_string();
    let ask = |more: &[&str]| {
        let words = [&["credentials", "--audit", &log, "--read-bootstrap"], more].concat();
        keybook(&cluster.kubeconfig(), &words)["items"].as_array().expect("items").clone()
    };
    let by_log = ask(&[]);
    for one in &held {
        let item = by_log.iter().find(|item| item["id"] == one.id);
        let item = item.unwrap_or_else(|| panic!("no {}", one.id));
        assert_eq!(item["state"], one.state, "{item:#}");
    }
    for (csr, taken, state) in &certificates {
        let of = |item: &&Value| item["notes"][0].as_str().is_some_and(|it| it.starts_with(csr));
        let item = by_log.iter().find(of).unwrap_or_else(|| panic!("no {csr}"));
        assert_eq!((item["state"].as_str(), *taken), (Some(*state), *state == "live"), "{item:#}");
        let signed = item["issued"].as_str().expect("a time").parse::<DateTime<Utc>>();
        // It was made while this test ran, whatever it says of itself.
        let signed = signed.expect("a time");
        assert!(began <= signed && signed <= Utc::now(), "{signed}: {item:#}");
    }
    let of_pod = |pod: &str| {
        let id = format!("pod {NS}/{pod}");
        let item = by_log.iter().find(|item| item["id"] == id);
        item.unwrap_or_else(|| panic!("no {id}"))["state"].clone()
    };
    assert_eq!(of_pod("left-0"), "refused");
    // This test uses them when their pods have just been made: it may be the pods before them.
    for pod in ["stays-0", "renewed-0"] {
        let state = of_pod(pod);
        assert!(state == "not known" || (state == "live") == (pod == "stays-0"), "{pod}: {state}");
    }

    // How long they are good is not in this log, so that none is called live for certain.
    for one in &of_accounts {
        let item = by_log.iter().find(|item| item["id"] == one.id);
        let state = item.unwrap_or_else(|| panic!("no {}", one.id))["state"].as_str();
        let expected = if one.state == "refused" { "refused" } else { "not known" };
        assert_eq!(state, Some(expected), "{item:#?}");
    }

    // By what the tokens themselves say, without their being made in the log.
    let copies = copies(&cluster, &of_accounts).display().to_string();
    let checked = held.len();
    let held = keybook(&cluster.kubeconfig(), &["credentials", "--inspect", &copies]);
    for (items, from) in [
        (ask(&["--inspect", &copies]), "log and file"),
        (held["items"].as_array().expect("items").clone(), "file"),
    ] {
        for one in &of_accounts {
            let item = items.iter().find(|item| item["id"] == one.id);
            let item = item.unwrap_or_else(|| panic!("no {} of {from}", one.id));
            let state = item["state"].as_str().expect("a state");
            let of_pod = item["boundTo"]["kind"] == "Pod";
            // Without a log, and of a pod, whose tokens the log does not tell apart, no file shows
            // that the signature is right.
            let expected = match one.state {
                "live" if from == "file" || of_pod => "not known",
                state => state,
            };
            assert_eq!(state, expected, "{from}: {item:#}");
        }
    }
    println!(
        "states: {} credentials held against the API server",
        of_accounts.len() + checked + certificates.len()
    );
}
