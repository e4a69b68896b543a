//! Invented logs: the everyday kind, and the kinds that someone writes to break their reader.

use std::fmt::Write as _;
use std::io::Write;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A cluster of 100 nodes, 60 controllers and 60 people, level Metadata.
    Everyday,
    /// The same, with bodies of about 6 KB.
    Bodies,
    /// One user whose agent, address, token, path and name are new in every line.
    Flood,
    /// As many users as lines.
    Crowd,
}

/// A line's parts.
#[derive(Default)]
struct Event {
    user: String,
    agent: String,
    address: String,
    verb: &'static str,
    uri: String,
    object: String,
    reason: String,
    code: u16,
}

const RESOURCES: [&str; 6] =
    ["pods", "configmaps", "secrets", "services", "events", "serviceaccounts"];

/// 2026-05-04T00:00:00Z in microseconds.
const START: i64 = 1_777_852_800_000_000;

/// Writes about `bytes` bytes of a log.
pub fn write(kind: Kind, bytes: u64, seed: u64, mut out: impl Write) -> std::io::Result<u64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut written, mut number, mut at) = (0, 0u64, START);
    let mut line = String::new();
    let body =
        format!(r#"{{"metadata":{{"name":"x"}},"data":{{"k":"{}"}}}}"#, r#"a\"b{"#.repeat(600));
    while written < bytes {
        at += rng.random_range(1000..60_000);
        number += 1;
        let event = match kind {
            Kind::Everyday | Kind::Bodies => everyday(&mut rng, at),
            Kind::Flood => flood(number, "eve@corp.example"),
            Kind::Crowd => flood(number % 1000, &format!("session-{number}@corp.example")),
        };
        let id = format!("{:016x}{:016x}", rng.random::<u64>(), rng.random::<u64>());
        let stages: &[&str] = match event.verb {
            "watch" if rng.random_range(0..3) == 0 => &["ResponseStarted", "ResponseComplete"],
            "watch" => &["ResponseStarted"],
            _ => &["ResponseComplete"],
        };
        for stage in stages {
            line.clear();
            let bodies = match kind {
                Kind::Bodies => format!(r#""requestObject":{body},"#),
                _ => String::new(),
            };
            text(&mut line, &event, [&id, stage, &bodies], at);
            out.write_all(line.as_bytes())?;
            written += line.len() as u64;
        }
    }
    out.flush()?;
    Ok(written)
}

fn text(line: &mut String, event: &Event, [id, stage, bodies]: [&str; 3], at: i64) {
    let Event { user, agent, address, verb, uri, object, reason, code } = event;
    let level = if bodies.is_empty() { "Metadata" } else { "Request" };
    let (received, staged) = (time(at), time(at + 5000));
    let _ = writeln!(
        line,
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"{level}","auditID":"{id}","stage":"{stage}","requestURI":"{uri}","verb":"{verb}","user":{user},"sourceIPs":["{address}"],"userAgent":"{agent}",{object}"responseStatus":{{"metadata":{{}},"code":{code}}},{bodies}"requestReceivedTimestamp":"{received}","stageTimestamp":"{staged}","annotations":{{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"{reason}"}}}}"#
    );
}

fn time(at: i64) -> String {
    let time = chrono::DateTime::from_timestamp_micros(at).unwrap_or_default();
    time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

fn everyday(rng: &mut ChaCha8Rng, at: i64) -> Event {
    match rng.random_range(0..100) {
        0..40 => kubelet(rng),
        40..85 => controller(rng, at),
        85..97 => person(rng, at),
        _ => Event {
            user: user("system:kube-controller-manager", r#"["system:authenticated"]"#, ""),
            agent: "kube-controller-manager/v1.36.3 (linux/amd64) kubernetes/abc1234".into(),
            address: "10.1.0.4".into(),
            verb: "get",
            uri: ["/healthz", "/readyz?verbose", "/apis", "/api/v1"][rng.random_range(0..4)].into(),
            reason: r#"RBAC: allowed by ClusterRoleBinding \"system:discovery\" of ClusterRole \"system:discovery\" to Group \"system:authenticated\""#.into(),
            code: 200,
            ..Event::default()
        },
    }
}

fn user(name: &str, groups: &str, extra: &str) -> String {
    format!(r#"{{"username":"{name}","uid":"u-{}","groups":{groups}{extra}}}"#, name.len())
}

fn object(resource: &str, namespace: &str, name: &str, rest: &str) -> String {
    format!(
        r#""objectRef":{{"resource":"{resource}","namespace":"{namespace}","name":"{name}","apiVersion":"v1"{rest}}},"#
    )
}

fn kubelet(rng: &mut ChaCha8Rng) -> Event {
    let node = rng.random_range(0..100);
    let credential = format!(
        r#","extra":{{"authentication.kubernetes.io/credential-id":["X509SHA256={:064x}"]}}"#,
        node * 7919
    );
    let mut event = Event {
        user: user(
            &format!("system:node:node-{node}"),
            r#"["system:nodes","system:authenticated"]"#,
            &credential,
        ),
        agent: "kubelet/v1.36.3 (linux/amd64) kubernetes/abc1234".into(),
        address: format!("10.1.0.{node}"),
        code: 200,
        ..Event::default()
    };
    if rng.random_bool(0.5) {
        let name = format!("node-{node}");
        event.verb = "update";
        event.uri = format!(
            "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}?timeout=10s"
        );
        let rest = format!(
            r#","uid":"{node:08x}-0000-4000-8000-{node:012x}","apiGroup":"coordination.k8s.io","resourceVersion":"{}""#,
            rng.random_range(0..10_000_000)
        );
        event.object = object("leases", "kube-node-lease", &name, &rest);
    } else {
        let namespace = format!("team-{}", node % 40);
        let pod = format!("app-{}-{:05x}", node % 7, rng.random_range(0..30));
        event.verb = "get";
        event.uri = format!("/api/v1/namespaces/{namespace}/pods/{pod}");
        event.object = object("pods", &namespace, &pod, "");
    }
    event
}

fn controller(rng: &mut ChaCha8Rng, at: i64) -> Event {
    let (number, hour) = (rng.random_range(0..60), at / 3_600_000_000);
    let home = format!("team-{}", number % 40);
    let name = format!("operator-{number}");
    let extra = format!(
        r#","extra":{{"authentication.kubernetes.io/credential-id":["JTI={number:08x}-1111-4222-8333-{hour:012x}"],"authentication.kubernetes.io/node-name":["node-{number}"],"authentication.kubernetes.io/node-uid":["{number:08x}-9999-4222-8333-444444444444"],"authentication.kubernetes.io/pod-name":["{name}-7c9d8-x{number}"],"authentication.kubernetes.io/pod-uid":["{number:08x}-5555-4222-8333-444444444444"]}}"#
    );
    let groups = format!(
        r#"["system:serviceaccounts","system:serviceaccounts:{home}","system:authenticated"]"#
    );
    let resource = RESOURCES[rng.random_range(0..RESOURCES.len())];
    let namespace = format!("team-{}", (number + rng.random_range(0..3)) % 40);
    let object_name = format!("{resource}-{}", rng.random_range(0..20));
    let mut event = Event {
        user: user(&format!("system:serviceaccount:{home}:{name}"), &groups, &extra),
        agent: format!("operator/v0.{number}.1 (linux/amd64) kubernetes/$Format"),
        address: format!("10.244.{number}.{}", number + 3),
        reason: format!(
            r#"RBAC: allowed by ClusterRoleBinding \"{name}\" of ClusterRole \"{name}\" to ServiceAccount \"{name}/{home}\""#
        ),
        code: 200,
        ..Event::default()
    };
    match rng.random_range(0..4) {
        0 => {
            event.verb = "get";
            event.code = if rng.random_bool(0.06) { 404 } else { 200 };
            event.uri = format!("/api/v1/namespaces/{namespace}/{resource}/{object_name}");
            event.object = object(resource, &namespace, &object_name, "");
        }
        1 => {
            event.verb = "list";
            event.uri = format!(
                r"/api/v1/namespaces/{namespace}/{resource}?labelSelector=app%3Dcart\u0026limit=500"
            );
            event.object = object(resource, &namespace, "", "");
        }
        2 => {
            event.verb = "watch";
            event.uri = format!(
                r"/api/v1/{resource}?allowWatchBookmarks=true\u0026resourceVersion={}\u0026timeout=7m{number}s\u0026timeoutSeconds=4{number}\u0026watch=true",
                rng.random_range(0..10_000_000)
            );
            event.object = object(resource, "", "", "");
        }
        _ => {
            event.verb = "patch";
            event.uri = format!("/api/v1/namespaces/{namespace}/{resource}/{object_name}/status");
            event.object = object(resource, &namespace, &object_name, r#","subresource":"status""#);
        }
    }
    event
}

fn person(rng: &mut ChaCha8Rng, at: i64) -> Event {
    let (number, hour) = (rng.random_range(0..60), at / 3_600_000_000);
    let extra = format!(
        r#","extra":{{"authentication.kubernetes.io/credential-id":["JTI={number:08x}-aaaa-4222-8333-{hour:012x}"]}}"#
    );
    let namespace = format!("team-{}", (number + rng.random_range(0..4)) % 40);
    let resource = RESOURCES[rng.random_range(0..RESOURCES.len())];
    Event {
        user: user(
            &format!("person{number}@corp.example"),
            r#"["oidc:devs","oidc:platform","system:authenticated"]"#,
            &extra,
        ),
        agent: "kubectl/v1.36.1 (darwin/arm64) kubernetes/abc1234".into(),
        address: format!("198.51.100.{number}"),
        verb: "list",
        uri: format!("/api/v1/namespaces/{namespace}/{resource}?limit=500"),
        object: object(resource, &namespace, "", ""),
        reason: format!(
            r#"RBAC: allowed by RoleBinding \"devs-view/{namespace}\" of ClusterRole \"view\" to Group \"oidc:devs\""#
        ),
        code: 200,
    }
}

fn flood(number: u64, name: &str) -> Event {
    let extra = format!(
        r#","extra":{{"authentication.kubernetes.io/credential-id":["JTI={number:08x}-bbbb-4222-8333-444444444444"]}}"#
    );
    let uri = match number % 2 {
        0 => format!("/scan/{number:032x}"),
        _ => format!("/api/v1/namespaces/n-{number}/secrets/s-{number}"),
    };
    Event {
        user: user(name, r#"["system:authenticated"]"#, &extra),
        agent: format!("scanner/{number:032x} (of a rather long name, as they are)"),
        address: format!("2001:db8::{:x}:{:x}", number >> 16, number & 0xffff),
        verb: "get",
        uri,
        object: match number % 2 {
            0 => String::new(),
            _ => object("secrets", &format!("n-{number}"), &format!("s-{number}"), ""),
        },
        reason: String::new(),
        code: 200,
    }
}
