//! What stands where an API server should: nothing, something else, or one in trouble. Each is
//! said at once, in words that help, and nothing waits for ever.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use keybook::cluster::kube::{ConnectOptions, Variables, connect};
use keybook::cluster::loader::{LoadOptions, load};
use keybook::cluster::{Cluster, Error, Extent, Source};
use keybook::model::{Health, ListKind};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// How long a request may take in these tests.
const LIMIT: Duration = Duration::from_millis(700);

/// A server that does something with each connection, once a request's head is there. It lives as
/// long as the test process.
fn server(act: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let act = Arc::new(act);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let act = act.clone();
            thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
                    head.push(byte[0]);
                }
                act(&String::from_utf8_lossy(&head), &mut stream);
            });
        }
    });
    format!("http://{address}")
}

/// One that answers everything with a status, headers and a body, and hangs up.
fn answering(status: &'static str, headers: &'static str, body: &'static str) -> String {
    server(move |_, stream| {
        let length = body.len();
        let text = format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        let _ = stream.write_all(text.as_bytes());
    })
}

/// How to connect, by a kubeconfig that is there as long as what comes with it.
fn options(server: &str) -> (NamedTempFile, ConnectOptions) {
    options_of(server, &json!({"token": "t"}))
}

fn options_of(server: &str, user: &Value) -> (NamedTempFile, ConnectOptions) {
    let config = json!({
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    });
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(config.to_string().as_bytes()).expect("write a kubeconfig");
    let options = ConnectOptions {
        kubeconfig: Some(file.path().to_owned()),
        request_timeout: LIMIT,
        variables: Variables::default(),
        ..ConnectOptions::default()
    };
    (file, options)
}

async fn reach(server: &str) -> Arc<dyn Cluster> {
    let (_file, options) = options(server);
    connect(&options).await.expect("connecting sends nothing")
}

/// What listing Roles comes to.
async fn listing(server: &str) -> Error {
    let roles = &Source::of(ListKind::Roles)[0];
    let began = Instant::now();
    let listed = reach(server).await.list(roles, &Extent::All, 500, None).await;
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    listed.expect_err("this is no API server")
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_said_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gone = format!("https://{}", listener.local_addr().expect("an address"));
    drop(listener);
    for (server, words) in [
        (gone.as_str(), "nothing listens there"),
        ("https://no-such-host.invalid", "name cannot be resolved"),
    ] {
        let error = listing(server).await;
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
        let said = error.to_string();
        assert!(said.contains(words) && said.contains(server), "{said}");
        assert!(
            said.starts_with("list roles.rbac.authorization.k8s.io in all namespaces"),
            "{said}"
        );
        let began = Instant::now();
        let error = load(&*reach(server).await, &LoadOptions::default()).await;
        assert!(matches!(error, Err(Error::Unreachable { .. })), "{error:?}");
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_answers_is_given_up() {
    // The one says nothing, the other does not stop saying nothing of worth.
    let silent = server(|_, stream| drop(stream.read(&mut [0])));
    let dripping = server(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while stream.write_all(b"1\r\n \r\n").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    for server in [silent, dripping] {
        let error = listing(&server).await;
        let Error::Unreachable { cause, .. } = &error else { panic!("{error:?}") };
        assert!(cause.contains("no answer from") && cause.contains("--request-timeout"), "{cause}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_no_answer() {
    let slams = server(|_, _| {});
    let breaks = server(|_, stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{\"kind\":\"RoleList\",";
        let _ = stream.write_all(head.as_bytes());
    });
    for server in [slams, breaks] {
        let error = listing(&server).await;
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_api_server_is_told_from_one() {
    const HTML: &str = "Content-Type: text/html\r\n";
    const JSON: &str = "Content-Type: application/json\r\n";
    const PAGE: &str = "<!DOCTYPE html>\n<title>Log in</title>\x1b[31m";
    for (server, words) in [
        (answering("200 OK", HTML, PAGE), "no JSON: \"<!DOCTYPE html> <title>Log in</title>[31m\""),
        (answering("200 OK", JSON, ""), "the answer is empty"),
        (
            answering("200 OK", JSON, r#"{"kind":"RoleList","items":[{"metadata":{"name":"a"#),
            "breaks off after 50 bytes",
        ),
        (answering("200 OK", JSON, r#"{"hello":"token-hunter2"}"#), "not what an API server says"),
        (
            answering("200 OK", JSON, r#"{"kind":"RoleList","items":7}"#),
            "not what an API server says",
        ),
        (
            answering("302 Found", "Location: https://login.example\r\n", ""),
            "302 Found to https://login.example: a login page",
        ),
        (answering("404 Not Found", HTML, PAGE), "404 Not Found (text/html)"),
    ] {
        let error = listing(&server).await;
        let Error::Failed { cause, .. } = &error else { panic!("{error:?}") };
        assert!(cause.contains(words) && !cause.contains("hunter2"), "{cause}");
        assert!(!cause.contains('\x1b'), "{cause:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_become_the_errors_that_they_are() {
    const JSON: &str = "Content-Type: application/json\r\n";
    let status = |code: &'static str, body: &'static str| answering(code, JSON, body);
    let error =
        listing(&status("401 Unauthorized", r#"{"kind":"Status","message":"Unauthorized"}"#)).await;
    assert!(
        matches!(&error, Error::Unauthenticated { cause, .. }
        if cause.starts_with("Unauthorized (401): the credentials of user \"u\"")),
        "{error:?}"
    );
    let error = listing(&status("403 Forbidden", r#"{"kind":"Status","message":"not you"}"#)).await;
    assert!(matches!(&error, Error::Forbidden { cause, .. } if cause == "not you"), "{error:?}");
    let error = listing(&status("404 Not Found", r#"{"kind":"Status","message":"no such"}"#)).await;
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    let error = listing(&answering("404 Not Found", "", "404 page not found\n")).await;
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    let error = listing(&status("410 Gone", r#"{"kind":"Status","message":"too old"}"#)).await;
    assert!(matches!(error, Error::Gone { .. }), "{error:?}");

    let busy = answering("429 Too Many Requests", "Retry-After: 3\r\n", "slow down");
    let error = listing(&busy).await;
    assert!(
        matches!(&error, Error::Busy { status: 429, retry_after: Some(after), .. }
        if *after == Duration::from_secs(3)),
        "{error:?}"
    );
    for (code, number) in [("502 Bad Gateway", 502), ("503 Service Unavailable", 503)] {
        let error = listing(&answering(code, "", "<html>\nup in a moment")).await;
        assert!(
            matches!(&error, Error::Busy { status, cause, .. }
            if *status == number && cause.contains("up in a moment")),
            "{error:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_that_leads_nowhere_is_no_empty_cluster() {
    // The words of the API server, and of many a proxy written in Go.
    let astray = answering("404 Not Found", "", "404 page not found\n");
    let error = reach(&astray).await.info().await.expect_err("no API server");
    assert!(
        matches!(&error, Error::Unreachable { cause, .. } if cause.contains("/version")),
        "{error:?}"
    );
    assert!(load(&*reach(&astray).await, &LoadOptions::default()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_secrets_are_refused() {
    const SECRETS: &str = r#"{"kind":"SecretList","apiVersion":"v1","metadata":{"resourceVersion":"1"},
        "items":[{"metadata":{"name":"s","namespace":"n"},"data":{"k":"aHVudGVyMg=="}}]}"#;
    let careless = answering("200 OK", "Content-Type: application/json\r\n", SECRETS);
    let secrets = &Source::of(ListKind::TokenSecrets)[0];
    let listed = reach(&careless).await.list(secrets, &Extent::All, 500, None).await;
    let Err(Error::Failed { cause, .. }) = &listed else { panic!("{listed:?}") };
    assert!(cause.contains("whole Secrets") && !cause.contains("aHVudGVyMg"), "{cause}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_used_and_one_that_refuses_is_said() {
    // Through the proxy there is no host of this name, so that only the proxy can have answered.
    let asked = Arc::new(std::sync::Mutex::new(String::new()));
    let seen = asked.clone();
    let proxy = server(move |head, stream| {
        head.clone_into(&mut seen.lock().expect("no panic"));
        let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    let variables = Variables::default().with("HTTPS_PROXY", &proxy);
    let reached = |variables: Variables| {
        let (file, options) = options("https://api.cluster.invalid");
        let options = ConnectOptions { variables, ..options };
        async move {
            let _there = file;
            let roles = &Source::of(ListKind::Roles)[0];
            let cluster = connect(&options).await.expect("connect");
            cluster.list(roles, &Extent::All, 500, None).await.expect_err("no such server")
        }
    };
    let error = reached(variables.clone()).await;
    assert!(error.to_string().contains("the proxy would not connect to it"), "{error}");
    assert!(asked.lock().expect("no panic").starts_with("CONNECT api.cluster.invalid:443 "));
    let gone = Variables::default().with("HTTPS_PROXY", "http://127.0.0.1:1");
    let error = reached(gone).await;
    assert!(error.to_string().contains("the proxy that leads there cannot be reached"), "{error}");
    let error = reached(variables.with("NO_PROXY", "cluster.invalid")).await;
    assert!(error.to_string().contains("name cannot be resolved"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn zero_asks_for_much_time_and_not_for_ever() {
    let quick = answering("403 Forbidden", "", r#"{"kind":"Status","message":"not you"}"#);
    let (_file, options) = options(&quick);
    let options = ConnectOptions { request_timeout: Duration::ZERO, ..options };
    let roles = &Source::of(ListKind::Roles)[0];
    let listed = connect(&options).await.expect("connect").list(roles, &Extent::All, 0, None).await;
    assert!(matches!(listed, Err(Error::Forbidden { .. })), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_password_are_sent_as_kubectl_sends_them() {
    let asked = Arc::new(std::sync::Mutex::new(String::new()));
    let seen = asked.clone();
    let server = server(move |head, stream| {
        head.clone_into(&mut seen.lock().expect("no panic"));
        let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n");
    });
    for (user, sent) in [
        (json!({"username": "joe", "password": "open sesame"}), Some("Basic am9lOm9wZW4gc2VzYW1l")),
        (json!({"username": "joe"}), Some("Basic am9lOg==")),
        (json!({"password": "open sesame"}), None),
    ] {
        let (_file, options) = options_of(&server, &user);
        let roles = &Source::of(ListKind::Roles)[0];
        let cluster = connect(&options).await.expect("connect");
        cluster.list(roles, &Extent::All, 500, None).await.expect_err("it refuses everybody");
        let head = asked.lock().expect("no panic").clone();
        let header = head.lines().find_map(|line| line.strip_prefix("authorization: "));
        assert_eq!(header, sent, "{user} {head}");
    }
    let both = json!({"username": "joe", "password": "open sesame", "token": "hunter2"});
    let (_file, options) = options_of(&server, &both);
    let error = connect(&options).await.map(drop).expect_err("one of them is meant");
    let said = error.to_string();
    assert!(said.contains("not both") && said.contains("\"u\""), "{said}");
    assert!(!said.contains("hunter2") && !said.contains("sesame"), "{said}");
}

/// One that serves Roles by `page`, given what was asked for, and nothing else.
fn serving_roles(page: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> String {
    server(move |head, stream| {
        let first = head.lines().next().unwrap_or_default();
        if first.contains("/roles?") {
            return page(first, stream);
        }
        let body = json!({"kind": "Status", "code": 403, "message": "not for you"}).to_string();
        let _ = write!(stream, "HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(body.as_bytes());
    })
}

fn page_of_roles(stream: &mut TcpStream, name: &str, next: &str) {
    let body = json!({
        "kind": "RoleList", "apiVersion": "rbac.authorization.k8s.io/v1",
        "metadata": {"resourceVersion": "7", "continue": next},
        "items": [{"metadata": {"name": name, "namespace": "n"}, "rules": []}],
    })
    .to_string();
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body.as_bytes());
}

/// Chunks without end.
fn flood(stream: &mut TcpStream) {
    let text = format!("{{\"metadata\":{{\"name\":\"{}\"}}}},", "a".repeat(1 << 20));
    let chunk = format!("{:x}\r\n{text}\r\n", text.len());
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    let _ = stream.write_all(b"1c\r\n{\"kind\":\"RoleList\",\"items\":[\r\n");
    while stream.write_all(chunk.as_bytes()).is_ok() {}
}

/// What reading Roles comes to: the list's health, why, and the names.
async fn roles(server: &str) -> (Health, String, Vec<String>) {
    let (_file, mut options) = options(server);
    options.request_timeout = Duration::from_mins(1);
    let cluster = connect(&options).await.expect("connecting sends nothing");
    let options = LoadOptions::only(&[ListKind::Roles]);
    let snapshot = load(&*cluster, &options).await.expect("a snapshot");
    let state = snapshot.list(ListKind::Roles);
    let names = snapshot.objects.roles.keys().map(|(_, _, name)| name.to_string()).collect();
    (state.health, state.reason.map(|why| why.to_string()).unwrap_or_default(), names)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let (health, why, _) = roles(&serving_roles(|_, stream| flood(stream))).await;
    assert_eq!(health, Health::Failed);
    assert!(why.contains("the answer is longer than 64 MiB"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_large_objects_fewer_are_asked_for_at_a_time() {
    let server = serving_roles(|asked, stream| {
        let limit = asked.split("limit=").nth(1).unwrap_or_default();
        let limit: u32 =
            limit.split(['&', ' ']).next().unwrap_or_default().parse().expect("a limit");
        if limit > 10 {
            flood(stream);
        } else if asked.contains("continue=more") {
            page_of_roles(stream, "two", "");
        } else {
            page_of_roles(stream, "one", "more");
        }
    });
    let (health, why, names) = roles(&server).await;
    assert_eq!((health, &*why), (Health::Complete, ""));
    assert_eq!(names, ["one", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_goes_on_at_the_same_place_for_ever_is_given_up() {
    for turns in [["a", "a"], ["a", "b"]] {
        let server = serving_roles(move |asked, stream| {
            let next = if asked.contains("continue=a") { turns[1] } else { turns[0] };
            page_of_roles(stream, "one", next);
        });
        let (health, why, _) = roles(&server).await;
        assert_eq!(health, Health::Failed);
        assert!(why.contains("goes on at the same place"), "{why}");
        assert!(why.contains("list roles.rbac.authorization.k8s.io in all namespaces"), "{why}");
    }
}
