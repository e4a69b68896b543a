//! Every credential that the control plane can make is made, used from several clients, and comes out
//! in the inventory with the right times, minters and users; the sums are what the clients counted themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use rustls::ClientConfig;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::activity::client::{Request, Server, certificate};
use crate::support::cluster::{Cluster, Options};
use crate::support::process::{await_some, run};

const NS: &str = "inventory";

/// What a client noted of one credential.
#[derive(Default)]
struct Driven {
    requests: u64,
    addresses: BTreeSet<String>,
    agents: BTreeSet<String>,
    /// Around the first and the last request.
    first: Option<(DateTime<Utc>, DateTime<Utc>)>,
    last: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// Clients, and what they noted by the name of the credential.
struct Drivers<'c> {
    cluster: &'c Cluster,
    server: Server,
    plain: Arc<ClientConfig>,
    driven: BTreeMap<String, Driven>,
}

impl Drivers<'_> {
    /// Sends so many requests from each of some addresses, as another agent each.
    fn drive(
        &mut self,
        id: &str,
        tls: Option<&Arc<ClientConfig>>,
        token: Option<&str>,
        each: &[(u8, u64)],
    ) {
        let driven = self.driven.entry(id.to_owned()).or_default();
        for (from, times) in each {
            let agent = format!("driver-{from}/v1");
            let mut headers = vec![("User-Agent".to_owned(), agent.clone())];
            headers
                .extend(token.map(|token| ("Authorization".to_owned(), format!("Bearer {token}"))));
            for _ in 0..*times {
                let request = Request {
                    method: "GET",
                    uri: format!("/api/v1/namespaces/{NS}/configmaps"),
                    headers: headers.clone(),
                    from: *from,
                    ..Request::default()
                };
                let before = Utc::now();
                let answer = self.server.send(tls.unwrap_or(&self.plain), &request);
                let answer = answer.expect("an answer");
                assert!(matches!(answer.status, 200 | 403), "{id}: {}", answer.body);
                let around = (before, Utc::now());
                driven.first.get_or_insert(around);
                driven.last = Some(around);
                driven.requests += 1;
            }
            driven.addresses.insert(format!("127.0.1.{from}"));
            driven.agents.insert(agent);
        }
    }

    fn apply(&self, object: &Value) {
        let output = self.cluster.kubectl_with(&["apply", "-f", "-"], &object.to_string());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Mints a token as a user of the static tokens.
    fn mint(&self, by: &str, account: &str, more: &[&str]) -> String {
        let kubeconfig = format!("--kubeconfig={}", self.cluster.token(by).display());
        let words = [&[&kubeconfig, "create", "token", account, "-n", NS][..], more].concat();
        self.cluster.kubectl_ok(&words).trim().to_owned()
    }

    /// A token Secret of an account, once it holds its token.
    fn token_secret(&self, account: &str, name: &str) -> String {
        self.apply(&json!({"apiVersion": "v1", "kind": "Secret",
            "type": "kubernetes.io/service-account-token", "metadata": {"name": name,
                "namespace": NS, "annotations": {"kubernetes.io/service-account.name": account}}}));
        let encoded = await_some("the Secret's token", || {
            let path = "jsonpath={.data.token}";
            let text = self.cluster.kubectl_ok(&["get", "secret", name, "-n", NS, "-o", path]);
            Some(text).filter(|text| !text.is_empty())
        });
        let bytes = STANDARD.decode(encoded).expect("base64");
        String::from_utf8(bytes).expect("a token")
    }

    /// A certificate by way of a CSR, with its key: paths.
    fn signed(&self, name: &str, user: &str) -> (PathBuf, PathBuf) {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, user);
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "inventory-team");
        let request = params.serialize_request(&key).expect("a request").pem().expect("PEM");
        self.apply(&json!({"apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest", "metadata": {"name": name},
            "spec": {"request": STANDARD.encode(request), "usages": ["client auth"],
                "signerName": "kubernetes.io/kube-apiserver-client", "expirationSeconds": 3600}}));
        self.cluster.kubectl_ok(&["certificate", "approve", name]);
        let encoded = await_some("the certificate", || {
            let path = "jsonpath={.status.certificate}";
            let text = self.cluster.kubectl_ok(&["get", "csr", name, "-o", path]);
            Some(text).filter(|text| !text.is_empty())
        });
        let file = |ending: &str| self.cluster.folder().join(format!("{name}.{ending}"));
        std::fs::write(file("crt"), STANDARD.decode(encoded).expect("base64")).expect("written");
        std::fs::write(file("key"), key.serialize_pem()).expect("written");
        (file("crt"), file("key"))
    }

    /// When the API server says that an object was made.
    fn made(&self, what: &[&str]) -> Value {
        let path = "jsonpath={.metadata.creationTimestamp}";
        let words = [&["get"][..], what, &["-o", path]].concat();
        json!(self.cluster.kubectl_ok(&words))
    }
}

fn payload(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
}

fn at(value: &Value) -> DateTime<Utc> {
    let text = value.as_str().unwrap_or_else(|| panic!("no time: {value}"));
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub fn keybook(kubeconfig: &Path, words: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keybook"));
    command
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(words)
        .args(["--no-store", "-o", "json"])
        .env_remove("KUBECONFIG")
        .env("KEYBOOK_CONFIG", "")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = run(command, "");
    let text = String::from_utf8(output.stdout).expect("text");
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// The names of a set as JSON has them, in its order.
fn set(of: &Value) -> BTreeSet<String> {
    of.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What was made.
struct Made {
    fingerprint: String,
    /// Around the signing of the certificate.
    asked: DateTime<Utc>,
    signed: DateTime<Utc>,
    /// Tokens of Secrets.
    by_hand: String,
    automatic: String,
    /// Tokens by request: free, bound to a Secret, and not used.
    free: String,
    bound: String,
    spare: String,
    /// Until when the bootstrap token is good.
    until: String,
}

const BOOTSTRAP: &str = "secret kube-system/bootstrap-token-inv123";

/// The id of a token in the inventory.
fn id(token: &str) -> String {
    format!("JTI={}", payload(token)["jti"].as_str().expect("a jti"))
}

/// The inventory, as keybook prints it.
struct Inventory(Value);

impl Inventory {
    fn item(&self, id: &str) -> &Value {
        let items = self.0["items"].as_array().expect("items");
        let mut found = items.iter().filter(|item| item["id"] == id);
        let one = found.next().unwrap_or_else(|| panic!("no {id} in {:#}", self.0));
        assert!(found.next().is_none(), "{id} twice");
        one
    }
}

/// Makes a credential of every kind and drives each from its clients.
fn make(drivers: &mut Drivers<'_>) -> Made {
    let cluster = drivers.cluster;
    cluster.kubectl_ok(&["create", "namespace", NS]);
    for account in ["by-hand", "automatic", "tool", "spare"] {
        cluster.kubectl_ok(&["create", "serviceaccount", account, "-n", NS]);
    }
    cluster.kubectl_ok(&[
        "create",
        "clusterrole",
        "minter",
        "--verb=create",
        "--resource=serviceaccounts/token",
    ]);
    cluster.kubectl_ok(&[
        "create",
        "clusterrolebinding",
        "minter",
        "--clusterrole=minter",
        "--user=ada@corp.example",
        "--user=bob@corp.example",
    ]);

    // A certificate.
    let asked = Utc::now();
    let (cert, key) = drivers.signed("by-csr", "carl@corp.example");
    let signed = Utc::now();
    let fingerprint = format!("X509SHA256={:x}", Sha256::digest(certificate(&cert)));
    let tls = drivers.server.tls(Some((&cert, &key)));
    drivers.drive(&fingerprint, Some(&tls), None, &[(11, 3), (12, 2)]);

    // Both sorts of token Secrets.
    let by_hand = drivers.token_secret("by-hand", "by-hand-token");
    drivers.drive("secret inventory/by-hand-token", None, Some(&by_hand), &[(13, 4)]);
    let automatic = drivers.token_secret("automatic", "automatic-token");
    let listed = r#"{"secrets": [{"name": "automatic-token"}]}"#;
    cluster.kubectl_ok(&["patch", "serviceaccount", "automatic", "-n", NS, "-p", listed]);
    drivers.drive("secret inventory/automatic-token", None, Some(&automatic), &[(14, 1), (15, 5)]);

    // Tokens by request: free, bound to a Secret, bound to a pod.
    let free = drivers.mint("token-ada", "tool", &["--duration=2h"]);
    drivers.drive(&id(&free), None, Some(&free), &[(16, 2), (17, 3), (18, 1)]);
    drivers.apply(&json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "tie", "namespace": NS}}));
    let bound = ["--bound-object-kind=Secret", "--bound-object-name=tie"];
    let bound = drivers.mint("token-bob", "tool", &bound);
    drivers.drive(&id(&bound), None, Some(&bound), &[(19, 6)]);
    drivers.apply(&json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "tool-0", "namespace": NS}, "spec": {"serviceAccountName": "tool",
            "containers": [{"name": "c", "image": "example.org/app"}]}}));
    for from in [20, 21] {
        let of_pod = ["--bound-object-kind=Pod", "--bound-object-name=tool-0"];
        let token = drivers.mint("token-ada", "tool", &of_pod);
        drivers.drive("pod inventory/tool-0", None, Some(&token), &[(from, 2)]);
    }

    // One that nobody uses.
    let spare = drivers.mint("token-bob", "spare", &[]);

    // A bootstrap token.
    let until = Utc::now() + TimeDelta::hours(5);
    let until = until.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    drivers.apply(&json!({"apiVersion": "v1", "kind": "Secret",
        "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": "bootstrap-token-inv123", "namespace": "kube-system"},
        "stringData": {"token-id": "inv123", "token-secret": "0123456789abcdef",
            "expiration": until, "usage-bootstrap-authentication": "true",
            "auth-extra-groups": "system:bootstrappers:workers"}}));
    await_some("the bootstrap token to be taken", || {
        let kubeconfig = cluster.token("inv123.0123456789abcdef");
        let kubeconfig = format!("--kubeconfig={}", kubeconfig.display());
        let output = cluster.kubectl(&[&kubeconfig, "auth", "whoami"]);
        output.status.success().then_some(())
    });
    // What kubectl asked is counted too, from its own lines in the log.
    drivers.drive(BOOTSTRAP, None, Some("inv123.0123456789abcdef"), &[(22, 3)]);

    Made { fingerprint, asked, signed, by_hand, automatic, free, bound, spare, until }
}

/// Users and sums are what the clients noted.
fn uses(drivers: &Drivers<'_>, inventory: &Inventory) {
    for (id, driven) in drivers.driven.iter().filter(|(id, _)| *id != BOOTSTRAP) {
        let used = &inventory.item(id)["lastUse"];
        assert_eq!(used["source"], "log", "{id}: {used}");
        assert_eq!(used["requests"], driven.requests, "{id}");
        assert_eq!(set(&used["addresses"]), driven.addresses, "{id}");
        assert_eq!(set(&used["agents"]), driven.agents, "{id}");
        for (which, around) in [("first", driven.first), ("at", driven.last)] {
            let (before, after) = around.expect("driven");
            let time = at(&used[which]);
            assert!(before <= time && time <= after, "{id} {which}: {before} {time} {after}");
        }
    }
}

/// Kinds and identities.
fn kinds(made: &Made, inventory: &Inventory) {
    let kind = |id: &str| inventory.item(id)["kind"].as_str().map(str::to_owned);
    let name = |id: &str| inventory.item(id)["identity"]["name"].as_str().map(str::to_owned);
    for (id, of, who) in [
        (&*made.fingerprint, "client certificate", "carl@corp.example"),
        ("secret inventory/by-hand-token", "token Secret", "by-hand"),
        ("secret inventory/automatic-token", "token Secret", "automatic"),
        (&id(&made.free), "issued token", "tool"),
        (&id(&made.bound), "issued token", "tool"),
        ("pod inventory/tool-0", "pod token", "tool"),
        (BOOTSTRAP, "bootstrap token", "system:bootstrap:inv123"),
    ] {
        assert_eq!((kind(id).as_deref(), name(id).as_deref()), (Some(of), Some(who)), "{id}");
    }
}

/// Who had them made, and when: to the second it is what the token itself says.
fn minters(made: &Made, inventory: &Inventory) {
    for (token, by) in [(&made.free, "ada"), (&made.bound, "bob"), (&made.spare, "bob")] {
        let id = id(token);
        let found = inventory.item(&id);
        let note = format!("made by user:{by}@corp.example, by the log");
        assert_eq!(found["notes"], json!([note]), "{id}");
        let noted = at(&found["issued"]).timestamp();
        let said = payload(token)["iat"].as_i64().expect("an iat");
        assert!((said - noted).abs() <= 1, "{id}: {noted} {said}");
    }
    let spare = &inventory.item(&id(&made.spare))["lastUse"];
    assert_eq!(spare["requests"], Value::Null);
    assert_eq!(spare["notInDays"], 0);
}

/// How they were made, and when they end.
fn ends(drivers: &Drivers<'_>, made: &Made, inventory: &Inventory) {
    let signed = inventory.item(&made.fingerprint);
    assert_eq!(signed["state"], "live");
    assert_eq!(set(&signed["groups"]), BTreeSet::from(["inventory-team".to_owned()]));
    // The signer dates it back by up to five minutes.
    let end = at(&signed["expires"]["at"]);
    let hour = TimeDelta::hours(1);
    let back = TimeDelta::minutes(5) + TimeDelta::seconds(1);
    assert!(made.asked + hour - back <= end && end <= made.signed + hour, "{end}");
    assert!(signed["notes"].to_string().contains("by-csr, asked for by kubernetes-admin"));
    for (secret, how) in [("by-hand-token", "by hand"), ("automatic-token", "automatically")] {
        let found = inventory.item(&format!("secret inventory/{secret}"));
        assert_eq!((&found["made"], &found["state"]), (&json!(how), &json!("live")));
        assert_eq!(found["expires"]["never"], true);
        assert_eq!(found["issued"], drivers.made(&["secret", secret, "-n", NS]), "{secret}");
    }
    // What was used within ten seconds of the pod's making may be of a pod before it.
    let pod = inventory.item("pod inventory/tool-0");
    let since = drivers.made(&["pod", "tool-0", "-n", NS]);
    let for_sure = at(&pod["lastUse"]["at"]) - at(&since) >= TimeDelta::seconds(11);
    assert_eq!(pod["state"], if for_sure { "live" } else { "not known" }, "{pod:#}");
    let joining = inventory.item(BOOTSTRAP);
    assert_eq!(joining["expires"]["at"], json!(made.until));
    assert_eq!(joining["state"], "live");
    let groups = ["system:bootstrappers", "system:bootstrappers:workers"];
    assert_eq!(set(&joining["groups"]), groups.map(str::to_owned).into());
    assert_eq!(
        joining["issued"],
        drivers.made(&["secret", "bootstrap-token-inv123", "-n", "kube-system"])
    );
}

#[test]
fn every_kind_of_credential_is_told_with_its_uses_and_times() {
    let options = Options {
        args: vec!["--apiserver-arg=--enable-bootstrap-token-auth=true".to_owned()],
        ..Options::default()
    };
    let Some(cluster) = Cluster::start(&options) else { return };
    let server = Server::new(&cluster.server(), &cluster.ca_file());
    let plain = server.tls(None);
    let mut drivers = Drivers { cluster: &cluster, server, plain, driven: BTreeMap::new() };
    let made = make(&mut drivers);
    let log = cluster.audit_log().display().to_string();
    let answer =
        keybook(&cluster.kubeconfig(), &["credentials", "--audit", &log, "--read-bootstrap"]);
    let text = answer.to_string();
    assert!(!text.contains("0123456789abcdef"));
    for token in [&made.by_hand, &made.automatic, &made.free, &made.bound, &made.spare] {
        let signature = token.rsplit('.').next().expect("a signature");
        assert!(!text.contains(signature));
    }
    let inventory = Inventory(answer);
    uses(&drivers, &inventory);
    kinds(&made, &inventory);
    minters(&made, &inventory);
    ends(&drivers, &made, &inventory);
    let of_tool: u64 = [id(&made.free), id(&made.bound), "pod inventory/tool-0".to_owned()]
        .iter()
        .map(|id| drivers.driven[id].requests)
        .sum();
    let account = "sa:inventory/tool";
    let show = keybook(&cluster.kubeconfig(), &["show", account, "--audit", &log]);
    assert_eq!(show["items"][0]["activity"]["requests"], of_tool);

    let of_bootstrap = |event: &&Value| {
        event["user"]["username"] == "system:bootstrap:inv123"
            && event["stage"] == "ResponseComplete"
    };
    let logged = cluster.audit_events();
    assert_eq!(
        inventory.item(BOOTSTRAP)["lastUse"]["requests"],
        logged.iter().filter(of_bootstrap).count()
    );
    assert!(set(&inventory.item(BOOTSTRAP)["lastUse"]["addresses"]).contains("127.0.1.22"));

    // Without being asked for, nothing of the bootstrap token's data is read.
    let blind = keybook(&cluster.kubeconfig(), &["credentials", "--audit", &log]);
    let blind = blind["items"].as_array().expect("items").iter().find(|one| one["id"] == BOOTSTRAP);
    let blind = blind.expect("still listed");
    assert_eq!((&blind["expires"]["at"], &blind["groups"]), (&Value::Null, &json!([])));
    println!(
        "inventory: {} credentials made and driven by {} requests from {} addresses",
        drivers.driven.len(),
        drivers.driven.values().map(|one| one.requests).sum::<u64>(),
        drivers.driven.values().map(|one| one.addresses.len()).sum::<usize>()
    );
}
