//! By every kind of kubeconfig to a real API server, and what is said where there is none.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use keybook::cluster::Error;
use keybook::cluster::kube::{ConnectOptions, Variables, connect};
use keybook::model::ClusterInfo;
use serde_json::{Value, json};

use crate::following::options;
use crate::relay::Relay;
use crate::support::cluster::Cluster;

/// A kubeconfig for the shared cluster with a user of one's own, and changes to its cluster.
fn with(real: &Cluster, user: &Value, change: &Value) -> ConnectOptions {
    let mut cluster = json!({"server": real.server(), "certificate-authority": real.ca_file()});
    let entries = cluster.as_object_mut().expect("an object");
    for (name, value) in change.as_object().into_iter().flatten() {
        entries.insert(name.clone(), value.clone());
    }
    entries.retain(|_, value| !value.is_null());
    let config = json!({
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "team@here", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "team@here",
    });
    let file = tempfile::NamedTempFile::new_in(real.folder()).expect("a file");
    let (_, path) = file.keep().expect("keep it");
    fs::write(&path, config.to_string()).expect("write a kubeconfig");
    ConnectOptions {
        kubeconfig: Some(path),
        variables: Variables::default(),
        ..ConnectOptions::default()
    }
}

async fn info(options: &ConnectOptions) -> Result<ClusterInfo, Error> {
    connect(options).await?.info().await
}

async fn operator(options: &ConnectOptions) -> String {
    let info = info(options).await.unwrap_or_else(|error| panic!("{error}"));
    info.operator.expect("the server says who it is").to_string()
}

async fn refusal(options: &ConnectOptions) -> Error {
    info(options).await.expect_err("this cannot work")
}

/// A program that prints what an exec plugin prints.
fn plugin(real: &Cluster, name: &str, script: &str) -> Value {
    let path = real.folder().join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("write a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("make it run");
    json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": path,
        "interactiveMode": "Always"}})
}

fn credential(status: &Value) -> String {
    let text = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": status});
    format!("cat <<'END'\n{text}\nEND")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("read a file")
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_who_their_credentials_say() {
    let Some(real) = Cluster::shared() else { return };
    let cert = real.client_cert("kay@corp.example", &["dev"]);
    let files = json!({"client-certificate": cert.cert, "client-key": cert.key});
    assert_eq!(operator(&with(real, &files, &json!({}))).await, "kay@corp.example");
    let data = json!({
        "client-certificate-data": STANDARD.encode(read(&cert.cert)),
        "client-key-data": STANDARD.encode(read(&cert.key)),
    });
    let ca = json!({"certificate-authority": null,
        "certificate-authority-data": STANDARD.encode(read(&real.ca_file()))});
    assert_eq!(operator(&with(real, &data, &ca)).await, "kay@corp.example");

    let token = json!({"token": "token-ada"});
    assert_eq!(operator(&with(real, &token, &json!({}))).await, "ada@corp.example");
    let file = real.folder().join("bob.token");
    fs::write(&file, "token-bob\n").expect("write a token");
    // The file wins over the text, and may end in a new line.
    let both = json!({"token": "token-ada", "tokenFile": file});
    assert_eq!(operator(&with(real, &both, &json!({}))).await, "bob@corp.example");

    for change in [
        json!({"insecure-skip-tls-verify": true, "certificate-authority": null}),
        json!({"tls-server-name": "localhost"}),
    ] {
        assert_eq!(operator(&with(real, &token, &change)).await, "ada@corp.example", "{change}");
    }
    let seen = info(&with(real, &token, &json!({}))).await.expect("info");
    assert_eq!(
        (&*seen.name, &*seen.context, &*seen.server),
        ("here", "team@here", &*real.server())
    );
    assert_eq!(seen.server_version.as_deref(), real.ready()["version"].as_str());
    assert_eq!(seen.authorizers, Vec::<keybook::model::Name>::new());
    let admin = ConnectOptions { kubeconfig: Some(real.kubeconfig()), ..ConnectOptions::default() };
    let uid = "jsonpath={.metadata.uid}";
    let uid = real.kubectl_ok(&["get", "namespace", "kube-system", "-o", uid]);
    assert_eq!(&*info(&admin).await.expect("info").id, uid);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_may_act_as_another() {
    let Some(real) = Cluster::shared() else { return };
    let admin = ConnectOptions { kubeconfig: Some(real.kubeconfig()), ..ConnectOptions::default() };
    let as_user = |name: &str| ConnectOptions {
        as_user: Some(name.to_owned()),
        as_groups: vec!["system:masters".to_owned(), "größe".to_owned()],
        as_uid: Some("u-1".to_owned()),
        ..admin.clone()
    };
    let seen = info(&as_user("jörg@corp.example")).await.expect("info");
    assert_eq!(seen.operator.as_deref(), Some("jörg@corp.example"));
    let own = info(&admin).await.expect("info");
    assert_eq!(own.impersonator, None);
    assert_eq!(seen.impersonator, own.operator);

    let mut options = with(real, &json!({"token": "token-ada"}), &json!({}));
    options.as_user = Some("root@corp.example".to_owned());
    let error = refusal(&options).await;
    let Error::Forbidden { cause, .. } = &error else { panic!("{error:?}") };
    assert!(cause.contains("User \"ada@corp.example\" cannot impersonate"), "{cause}");
    options.as_user = Some("with\nnewline".to_owned());
    assert!(matches!(refusal(&options).await, Error::Config { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_fetch_tokens_and_certificates() {
    let Some(real) = Cluster::shared() else { return };
    let works = plugin(real, "works.sh", &credential(&json!({"token": "token-ada"})));
    assert_eq!(operator(&with(real, &works, &json!({}))).await, "ada@corp.example");

    let cert = real.client_cert("kim@corp.example", &[]);
    let pair = json!({"clientCertificateData": read(&cert.cert), "clientKeyData": read(&cert.key)});
    let works = plugin(real, "certificate.sh", &credential(&pair));
    assert_eq!(operator(&with(real, &works, &json!({}))).await, "kim@corp.example");

    // A token that is no longer accepted, though it should be, is fetched anew.
    let count = real.folder().join("count");
    let (stale, fresh) = (json!({"token": "stale"}), json!({"token": "token-bob"}));
    let script = format!(
        "echo x >>{0}\nif [ $(wc -l <{0}) -le 1 ]; then\n{1}\nelse\n{2}\nfi",
        count.display(),
        credential(&stale),
        credential(&fresh)
    );
    let renewing = plugin(real, "renewing.sh", &script);
    let options = with(real, &renewing, &json!({}));
    let cluster = connect(&options).await.expect("connect");
    assert!(!count.exists(), "nothing is run before it is needed");
    assert_eq!(cluster.info().await.expect("info").operator.as_deref(), Some("bob@corp.example"));
    cluster.info().await.expect("info");
    assert_eq!(read(&count).lines().count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_that_fail_or_hang_are_said_with_their_words() {
    let Some(real) = Cluster::shared() else { return };
    let fails = plugin(real, "fails.sh", "echo 'the session has expired: log in' >&2; exit 3");
    let error = refusal(&with(real, &fails, &json!({}))).await;
    let Error::Unauthenticated { tried, cause } = &error else { panic!("{error:?}") };
    assert!(tried.contains("fails.sh") && tried.contains("\"u\""), "{tried}");
    assert!(cause.contains("the session has expired: log in"), "{cause}");

    let hangs = plugin(real, "hangs.sh", "echo started >&2; exec sleep 1000");
    let mut options = with(real, &hangs, &json!({}));
    options.plugin_timeout = Duration::from_millis(300);
    let began = Instant::now();
    let error = refusal(&options).await;
    // Five questions are asked at once; they wait for the plugin together, not one by one.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let Error::Unauthenticated { cause, .. } = &error else { panic!("{error:?}") };
    assert!(cause.contains("did not end within 300ms"), "{cause}");

    let useless = plugin(real, "useless.sh", &credential(&json!({"token": "nobody's"})));
    let error = refusal(&with(real, &useless, &json!({}))).await;
    let Error::Unauthenticated { cause, .. } = &error else { panic!("{error:?}") };
    assert!(cause.contains("were not accepted") && !cause.contains("nobody's"), "{cause}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_not_accepted_are_explained() {
    let Some(real) = Cluster::shared() else { return };
    let cert = real.expired_cert("kay@corp.example", &[]);
    let expired = json!({"client-certificate": cert.cert, "client-key": cert.key});
    let wrong = json!({"token": "wrong"});
    for (user, words) in [
        (&expired, "the client certificate of user \"u\" expired on "),
        (&wrong, "the credentials of user \"u\" were not accepted"),
    ] {
        let error = refusal(&with(real, user, &json!({}))).await;
        let Error::Unauthenticated { cause, .. } = &error else { panic!("{error:?}") };
        assert!(cause.contains("Unauthorized (401)") && cause.contains(words), "{cause}");
    }
    let missing = json!({"client-certificate": "/nowhere/a.crt", "client-key": "/nowhere/a.key"});
    let half = json!({"client-certificate": cert.cert});
    let retired = json!({"auth-provider": {"name": "gcp", "config": {}}});
    let empty = real.folder().join("empty.crt");
    fs::write(&empty, "").expect("write a file");
    for (user, change, words) in [
        (&missing, json!({}), "/nowhere/a.crt: No such file"),
        (&half, json!({}), "a client-certificate and no client-key"),
        (&retired, json!({}), "no longer supported"),
        (&wrong, json!({"certificate-authority": empty}), "there is no certificate in it"),
        (&wrong, json!({"certificate-authority-data": "%%%"}), "is not base64"),
        (&wrong, json!({"server": "ftp://example.org"}), "write https://HOST:PORT"),
        (&wrong, json!({"proxy-url": "gopher://p.example"}), "http://, https:// or socks5://"),
    ] {
        let error = refusal(&with(real, user, &change)).await;
        let Error::Config { cause, .. } = &error else { panic!("{error:?}") };
        assert!(cause.contains(words), "{cause}");
    }
    // Nobody is somebody to the server, and is not taken for a mistake of it.
    let seen = info(&with(real, &json!({}), &json!({}))).await;
    let who = seen.as_ref().ok().and_then(|info| info.operator.as_deref());
    assert!(seen.is_ok() && matches!(who, None | Some("system:anonymous")), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_another_is_not_talked_to() {
    let Some(real) = Cluster::shared() else { return };
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a CA");
    let other_ca = real.folder().join("other.crt");
    fs::write(&other_ca, stranger.cert.pem()).expect("write a CA");
    let token = json!({"token": "token-ada"});
    for (change, words) in [
        (json!({"certificate-authority": other_ca}), "is not signed by the CA"),
        (json!({"certificate-authority": null}), "is not signed by the CA"),
        (json!({"tls-server-name": "other.example"}), "is for other names"),
        (
            json!({"server": real.server().replace("https", "http")}),
            "HTTP request to an HTTPS server",
        ),
    ] {
        let error = refusal(&with(real, &token, &change)).await;
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_merged_and_a_pod_finds_its_own_cluster() {
    let Some(real) = Cluster::shared() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, config: &Value| {
        let path = folder.path().join(name);
        fs::write(&path, config.to_string()).expect("write a kubeconfig");
        path
    };
    fs::copy(real.ca_file(), folder.path().join("ca.crt")).expect("copy the CA");
    let one = file(
        "one",
        &json!({"current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}, {"name": "blank"}]}),
    );
    let two = file(
        "two",
        &json!({
        "clusters": [{"name": "c", "cluster": {"server": real.server(), "certificate-authority": "ca.crt"}}],
        "users": [{"name": "u", "user": {"token": "token-bob"}}]}),
    );
    let missing = folder.path().join("missing");
    let listed = std::env::join_paths([missing, one, two]).expect("paths");
    let variables = Variables::default().with("KUBECONFIG", listed);
    let options = ConnectOptions { variables, ..ConnectOptions::default() };
    assert_eq!(operator(&options).await, "bob@corp.example");

    real.kubectl_ok(&["create", "serviceaccount", "in-pod"]);
    let token = real.kubectl_ok(&["create", "token", "in-pod"]);
    fs::write(folder.path().join("token"), token).expect("write a token");
    let port = real.server().rsplit(':').next().expect("a port").to_owned();
    let variables = Variables::default()
        .with("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        .with("KUBERNETES_SERVICE_PORT", port);
    let pod_account = folder.path().to_owned();
    let options = ConnectOptions { variables, pod_account, ..ConnectOptions::default() };
    let seen = info(&options).await.expect("info");
    assert_eq!(seen.operator.as_deref(), Some("system:serviceaccount:default:in-pod"));
    assert_eq!((&*seen.name, &*seen.context), ("in-cluster", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_discovery_finds_the_same() {
    let Some(real) = Cluster::shared() else { return };
    let admin = ConnectOptions { kubeconfig: Some(real.kubeconfig()), ..ConnectOptions::default() };
    let cluster: Arc<_> = connect(&admin).await.expect("connect");
    let aggregated = cluster.discovery().await.expect("discovery");
    let raw = real.kubectl_ok(&["api-resources", "--no-headers", "-o", "name"]);
    for name in raw.lines() {
        let (resource, group) = name.split_once('.').unwrap_or((name, ""));
        assert!(
            aggregated.resources.iter().any(|it| &*it.name == resource && &*it.group == group),
            "{name} is missing"
        );
    }
    let relay = Relay::start(real);
    relay.hide_aggregated_discovery();
    let cluster = connect(&options(real, "older", &relay.kubeconfig())).await.expect("connect");
    assert_eq!(cluster.discovery().await.expect("discovery"), aggregated);
    assert!(relay.requests().iter().any(|it| it.path == "/apis/apps/v1"));
    let whole = aggregated.resources.iter().filter(|it| !it.name.contains('/')).count();
    assert_eq!(whole, raw.lines().count());
}
