//! Which `FlowSchema` a request is of: the API server says it in its answer. What keybook makes of the
//! log and of the lists is compared with that, request by request, and so are the rates.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use keybook::audit::{self, Options as Reading, SourceSpec};
use keybook::cluster::kube::{ConnectOptions, connect};
use keybook::cluster::loader::{LoadOptions, load};
use keybook::model::{
    Activity, FlowRequest, FlowSchemaSpec, Identity, ListKind, Name, ObjectBody, Snapshot,
};
use rustls::ClientConfig;
use serde_json::{Value, json};

use crate::activity::client::{Answer, Request, Server};
use crate::commands::Ran;
use crate::relay::{Refusal, Relay};
use crate::support::cluster::{Cluster, Options};
use crate::support::process::{await_some, run};

const NS: &str = "limits";

/// What the server says of requests that may go on for long.
const NONE: &str = "none";

fn level(name: &str, limited: &Value) -> Value {
    json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "PriorityLevelConfiguration",
        "metadata": {"name": name}, "spec": {"type": "Limited", "limited": limited}})
}

fn schema(name: &str, level: &str, precedence: u32, rule: &Value) -> Value {
    json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema",
        "metadata": {"name": name}, "spec": {"matchingPrecedence": precedence,
            "priorityLevelConfiguration": {"name": level}, "rules": [rule]}})
}

fn user(name: &str) -> Value {
    json!({"kind": "User", "user": {"name": name}})
}

fn resources(verbs: &[&str], resources: &[&str], cluster: bool, namespaces: &[&str]) -> Value {
    json!({"verbs": verbs, "apiGroups": ["*"], "resources": resources, "clusterScope": cluster,
        "namespaces": namespaces})
}

fn objects() -> Vec<Value> {
    let queue = json!({"nominalConcurrencyShares": 10, "limitResponse": {"type": "Queue",
        "queuing": {"queues": 8, "handSize": 2, "queueLengthLimit": 20}}});
    let reject = json!({"nominalConcurrencyShares": 0, "borrowingLimitPercent": 0,
        "limitResponse": {"type": "Reject"}});
    let all = resources(&["*"], &["*"], true, &["*"]);
    let pods = resources(&["get", "list"], &["pods", "pods/log"], false, &[NS]);
    let platform = json!({"kind": "Group", "group": {"name": "platform"}});
    let accounts =
        json!({"kind": "ServiceAccount", "serviceAccount": {"namespace": NS, "name": "*"}});
    let paths = json!([{"verbs": ["get"], "nonResourceURLs": ["/version", "/openapi/*"]}]);
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NS}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "worker", "namespace": NS}}),
        level("team", &queue),
        level("closed", &reject),
        schema("team", "team", 600, &json!({"subjects": [platform], "resourceRules": [pods]})),
        schema("paths", "team", 610, &json!({"subjects": [user("*")], "nonResourceRules": paths})),
        schema(
            "closed",
            "closed",
            620,
            &json!({"subjects": [user("ci-runner")],
                "resourceRules": [resources(&["*"], &["secrets"], true, &["*"])]}),
        ),
        // Its level is not there: it counts for nothing.
        schema(
            "dangling",
            "gone",
            5,
            &json!({"subjects": [user("bob@corp.example")], "resourceRules": [all]}),
        ),
        schema(
            "same-b",
            "team",
            700,
            &json!({"subjects": [user("cleo@partner.example")], "resourceRules": [all]}),
        ),
        schema(
            "same-a",
            "team",
            700,
            &json!({"subjects": [user("cleo@partner.example")], "resourceRules": [resources(
                &["list"], &["configmaps"], false, &["*"])]}),
        ),
        schema(
            "accounts",
            "team",
            650,
            &json!({"subjects": [accounts],
                "resourceRules": [resources(&["list"], &["configmaps"], false, &["*"])]}),
        ),
    ]
}

/// Who asks, and as often as the server answered, by the UID of the `FlowSchema`.
struct Drivers<'c> {
    server: &'c Server,
    plain: Arc<ClientConfig>,
    counts: BTreeMap<Identity, BTreeMap<String, u64>>,
    rejected: BTreeMap<Identity, u64>,
}

fn ask(server: &Server, plain: &Arc<ClientConfig>, token: &str, uri: &str) -> Answer {
    let request = Request {
        method: "GET",
        uri: uri.to_owned(),
        headers: vec![("Authorization".to_owned(), format!("Bearer {token}"))],
        ..Request::default()
    };
    server.send(plain, &request).expect("an answer")
}

impl Drivers<'_> {
    fn send(&mut self, who: &Identity, token: &str, uri: &str) -> String {
        let answer = ask(self.server, &self.plain, token, uri);
        self.note(who, answer)
    }

    /// Sends many at once, until some are too many.
    fn flood(&mut self, who: &Identity, token: &str, uri: &str) {
        await_some("too many requests", || {
            let (server, plain) = (self.server, &self.plain);
            let answers: Vec<Answer> = std::thread::scope(|scope| {
                let all: Vec<_> =
                    (0..24).map(|_| scope.spawn(|| ask(server, plain, token, uri))).collect();
                all.into_iter().map(|one| one.join().expect("an answer")).collect()
            });
            for answer in answers {
                self.note(who, answer);
            }
            self.rejected.get(who).map(|_| ())
        });
    }

    fn note(&mut self, who: &Identity, answer: Answer) -> String {
        assert_ne!(answer.status, 401, "{who}");
        if answer.status == 429 {
            *self.rejected.entry(who.clone()).or_default() += 1;
        }
        let flow = answer.flow.unwrap_or_else(|| NONE.to_owned());
        *self.counts.entry(who.clone()).or_default().entry(flow.clone()).or_default() += 1;
        flow
    }
}

fn names(cluster: &Cluster) -> BTreeMap<String, String> {
    let path = "jsonpath={range .items[*]}{.metadata.uid} {.metadata.name}\n{end}";
    let text = cluster.kubectl_ok(&["get", "flowschemas", "-o", path]);
    let pair = |line: &str| line.split_once(' ').map(|(uid, name)| (uid.into(), name.into()));
    text.lines().filter_map(pair).collect()
}

/// Those that count, in their order.
fn schemas(snapshot: &Snapshot) -> Vec<(Name, Arc<FlowSchemaSpec>)> {
    let others = || snapshot.objects.others.values();
    let there = |name: &Name| {
        others().any(|other| {
            matches!(other.body, ObjectBody::PriorityLevel(_)) && other.meta.name == *name
        })
    };
    let mut all: Vec<_> = others()
        .filter_map(|other| match &other.body {
            ObjectBody::FlowSchema(spec) if there(&spec.priority_level_configuration.name) => {
                Some((other.meta.name.clone(), spec.clone()))
            }
            _ => None,
        })
        .collect();
    all.sort_by_key(|(name, spec)| (spec.matching_precedence, name.clone()));
    all
}

/// What keybook makes of the log: how many requests of each `FlowSchema`.
fn told(
    activity: &Activity,
    schemas: &[(Name, Arc<FlowSchemaSpec>)],
    who: &Identity,
) -> BTreeMap<String, u64> {
    let id = activity.seen(who).unwrap_or_else(|| panic!("{who} is not in the log"));
    let mut counts = BTreeMap::new();
    for row in activity.by_authenticated(id) {
        let request = FlowRequest {
            who: activity.identity(row.effective),
            groups: activity.group_set(row.groups),
            call: activity.call(row.call),
        };
        if request.is_unlimited() {
            *counts.entry(NONE.to_owned()).or_default() += row.requests();
            continue;
        }
        let first = schemas.iter().find(|(_, spec)| spec.matches(request).expect("known"));
        *counts.entry(first.expect("one").0.to_string()).or_default() += row.requests();
    }
    counts
}

fn loaded(cluster: &Cluster) -> Snapshot {
    let options =
        ConnectOptions { kubeconfig: Some(cluster.kubeconfig()), ..ConnectOptions::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let cluster = connect(&options).await.expect("connect");
        load(&*cluster, &LoadOptions::default()).await.expect("a snapshot")
    })
}

/// The most lines of finished requests in a stretch of so many seconds, by the log alone.
fn busiest(events: &[Value], who: &str, seconds: i64) -> u64 {
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    let own = events
        .iter()
        .filter(|event| event["user"]["username"] == who && event["stage"] == "ResponseComplete");
    for event in own {
        let time = event["requestReceivedTimestamp"].as_str().expect("a time");
        let time: DateTime<Utc> = time.parse().expect("a time");
        *counts.entry(time.timestamp().div_euclid(seconds)).or_default() += 1;
    }
    counts.into_values().max().unwrap_or(0)
}

#[test]
fn requests_are_of_the_flow_schema_that_the_api_server_says() {
    let Some(cluster) = Cluster::start(&Options::default()) else { return };
    for object in objects() {
        let output = cluster.kubectl_with(&["apply", "-f", "-"], &object.to_string());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let worker = cluster.kubectl_ok(&["create", "token", "worker", "-n", NS]);
    let who = [
        (Identity::user("ada@corp.example"), "token-ada"),
        (Identity::user("bob@corp.example"), "token-bob"),
        (Identity::user("cleo@partner.example"), "token-cleo"),
        (Identity::user("ci-runner"), "token-ci"),
        (Identity::user("root@corp.example"), "token-root"),
        (Identity::service_account(NS, "worker"), worker.trim()),
    ];
    let names = names(&cluster);
    let server = Server::new(&cluster.server(), &cluster.ca_file());
    let plain = server.tls(None);
    let (counts, rejected) = (BTreeMap::new(), BTreeMap::new());
    let mut drivers = Drivers { server: &server, plain, counts, rejected };
    // What was made takes effect once the API server has seen it.
    let configmaps = format!("/api/v1/namespaces/{NS}/configmaps");
    let pods = format!("/api/v1/namespaces/{NS}/pods");
    for (at, uri, name) in [
        (0, &*pods, "team"),
        (1, "/version", "paths"),
        (2, &*configmaps, "same-a"),
        (2, &*pods, "same-b"),
        (3, "/api/v1/secrets", "closed"),
        (5, &*configmaps, "accounts"),
    ] {
        await_some(name, || {
            let flow = drivers.send(&who[at].0, who[at].1, uri);
            (names.get(&flow).map(String::as_str) == Some(name)).then_some(())
        });
    }
    // From here on it is as it is.
    drivers.counts.clear();
    drivers.rejected.clear();
    let begin = cluster.audit_events().len();
    let uris = [
        (&*pods, 3),
        (&*configmaps, 4),
        ("/api/v1/pods", 2),
        ("/api/v1/nodes/n/status", 1),
        ("/api/v1/namespaces/limits/pods/p/log", 5),
        ("/api/v1/namespaces/default/pods", 1),
        ("/apis/apps/v1/deployments", 1),
        ("/api/v1/secrets", 6),
        ("/version", 2),
        ("/openapi/v3", 1),
        ("/healthz", 1),
        ("/healthz/ping", 1),
        ("/api/v1/nodes/n/proxy/metrics", 1),
    ];
    for (identity, token) in &who {
        for (uri, times) in uris {
            for _ in 0..times {
                drivers.send(identity, token, uri);
            }
        }
    }
    drivers.flood(&who[3].0, who[3].1, "/api/v1/secrets");
    let events = cluster.audit_events().split_off(begin);
    let log = cluster.folder().join("driven.log");
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    std::fs::write(&log, lines.join("\n") + "\n").expect("written");
    let activity = audit::read(&[SourceSpec::Path(log.clone())], &Reading::new(Utc::now()), &());
    let activity = activity.expect("an activity");
    let snapshot = loaded(&cluster);
    let schemas = schemas(&snapshot);
    assert_eq!(schemas.len(), names.len() - 1, "all but the one without its level");
    let mut different = std::collections::BTreeSet::new();
    for (identity, by_uid) in &drivers.counts {
        let mut said: BTreeMap<String, u64> = BTreeMap::new();
        for (uid, count) in by_uid {
            let name = names.get(uid).map_or(NONE, |name| name);
            *said.entry(name.to_owned()).or_default() += count;
        }
        assert_eq!(told(&activity, &schemas, identity), said, "{identity}");
        different.extend(said.into_keys());
        let rate = activity.rate(activity.seen(identity).expect("seen")).expect("a rate");
        let name = identity.user_name().expect("a name");
        assert_eq!(rate.minute.requests, busiest(&events, &name, 60), "{identity}");
        assert_eq!(rate.hour.requests, busiest(&events, &name, 3600), "{identity}");
        assert_eq!(rate.counted, by_uid.values().sum::<u64>(), "{identity}");
        let rejected = drivers.rejected.get(identity).copied().unwrap_or(0);
        assert_eq!(rate.rejected, rejected, "{identity}");
    }
    assert!(different.len() >= 9, "{different:?}");
    let rejected: Vec<_> = drivers.rejected.into_iter().collect();
    let [(who, rejected)] = &rejected[..] else { panic!("{rejected:?}") };
    assert_eq!(*who, Identity::user("ci-runner"));
    findings(&cluster, &log, *rejected);
    println!("flooding: requests of {} FlowSchemas, 0 differences: {different:?}", different.len());
}

/// What is said of it, and where a list is refused.
fn findings(cluster: &Cluster, log: &std::path::Path, rejected: u64) {
    let relay = Relay::start(cluster);
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, relay.kubeconfig()).expect("written");
    let policy = folder.path().join("policy.toml");
    std::fs::write(&policy, "flood_minute = 1\n").expect("written");
    let (log, policy) = (log.display().to_string(), policy.display().to_string());
    let ask = |words: &[&str]| -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keybook"));
        command
            .arg("--kubeconfig")
            .arg(&kubeconfig)
            .args(words)
            .args(["--audit", &*log, "--no-store", "--policy", &*policy, "-o", "json"])
            .env_remove("KUBECONFIG")
            .env("KEYBOOK_CONFIG", "")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let output = run(command, "");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    };
    let told = |ran: &Ran| -> BTreeMap<String, String> {
        let json: Value = serde_json::from_str(&ran.out).expect("JSON");
        let floods = json["items"].as_array().expect("items").iter();
        let floods = floods.filter(|item| item["rule"] == "floods");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        floods.map(|item| (text(&item["identity"]["name"]), text(&item["evidence"]))).collect()
    };
    let whole = ask(&["findings"]).ends_with(0);
    let all = told(&whole);
    let says = |who: &str, what: &str| assert!(all[who].contains(what), "{who}: {}", all[who]);
    says("cleo@partner.example", "of FlowSchema same-b, priority level team");
    says("ci-runner", &format!("{rejected} were answered 429"));
    says("root@corp.example", "priority level exempt, which is exempt");
    for (list, path) in [
        (ListKind::FlowSchemas, "/flowschemas?"),
        (ListKind::PriorityLevels, "/prioritylevelconfigurations?"),
    ] {
        relay.refuse(vec![Refusal {
            of: path.to_owned(),
            status: "403 Forbidden",
            body: r#"{"kind":"Status","code":403,"message":"not for you"}"#,
        }]);
        let without = ask(&["findings"]).ends_with(4);
        assert!(without.err.contains(list.as_str()), "{}", without.err);
        let ana = &told(&without)["ada@corp.example"];
        assert!(ana.contains("what limits them is not known"), "{ana}");
        // Nothing else is told from it.
        ask(&["who"]).ends_with(0);
        ask(&["credentials"]).ends_with(0);
    }
}
