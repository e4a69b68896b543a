//! A shared account on a real API server, driven by three people and a pipeline, taken apart: each new
//! kubeconfig does what its holder did, and nothing that only others did.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::ClientConfig;
use serde_json::{Value, json};

use super::faults::{Act, Faulty};
use super::killed::killed_at;
use super::{Desk, RBAC, binding, cluster};
use crate::activity::client::{Request, Server};
use crate::support::cluster::Cluster;
use crate::support::process::await_some;

const MAC: &str = "kubectl/v1.36.1 (darwin/arm64) kubernetes/b1d5cc9";
const WINDOWS: &str = "kubectl/v1.36.2 (windows/amd64) kubernetes/e4c1a77";
const LINUX: &str = "kubectl/v1.35.4 (linux/amd64) kubernetes/0f17c7b";
const PIPELINE: &str = "pipeline/4.1 (linux/amd64)";

/// One behind the account.
pub(super) struct Actor {
    pub(super) name: &'static str,
    agent: &'static str,
    from: u8,
    pub(super) does: &'static [(&'static str, &'static str)],
}

/// What each does: method and path. Nobody does what another does.
pub(super) const ACTORS: [Actor; 4] = [
    Actor {
        name: "ana",
        agent: MAC,
        from: 11,
        does: &[
            ("GET", "/api/v1/namespaces/team/pods"),
            ("PATCH", "/api/v1/namespaces/team/configmaps/settings"),
        ],
    },
    Actor {
        name: "bo",
        agent: WINDOWS,
        from: 12,
        does: &[
            ("GET", "/api/v1/namespaces/team/secrets/db"),
            ("DELETE", "/api/v1/namespaces/team/pods/gone"),
            ("GET", "/metrics"),
        ],
    },
    Actor {
        name: "cy",
        agent: LINUX,
        from: 13,
        does: &[("GET", "/api/v1/nodes"), ("GET", "/api/v1/namespaces/other/configmaps")],
    },
    Actor {
        name: "ci",
        agent: PIPELINE,
        from: 40,
        does: &[
            ("PATCH", "/apis/apps/v1/namespaces/team/deployments/web"),
            ("GET", "/apis/apps/v1/namespaces/team/replicasets"),
        ],
    },
];

fn email(name: &str) -> String {
    format!("{name}@corp.example")
}

/// The account `team/ops` with three grants, and the namespace that new ones are made in.
pub(super) fn world() -> Vec<Value> {
    let ops = json!([{"kind": "ServiceAccount", "name": "ops", "namespace": "team"}]);
    let space =
        |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    vec![
        space("team"),
        space("other"),
        space("keys"),
        json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "ops", "namespace": "team"}}),
        json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "ops-token", "namespace": "team",
                "annotations": {"kubernetes.io/service-account.name": "ops"}}}),
        json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": "look-around"},
            "rules": [
                {"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["nodes"]},
                {"verbs": ["get"], "nonResourceURLs": ["/metrics", "/logs/*"]}]}),
        binding(None, "ops-around", "look-around", &ops),
        binding(Some("team"), "ops", "edit", &ops),
        binding(Some("other"), "ops", "view", &ops),
    ]
}

/// Clients by bearer token, each from where it is.
pub(super) struct Driver<'c> {
    cluster: &'c Cluster,
    server: Server,
    plain: Arc<ClientConfig>,
}

impl<'c> Driver<'c> {
    pub(super) fn new(cluster: &'c Cluster) -> Self {
        let server = Server::new(&cluster.server(), &cluster.ca_file());
        let plain = server.tls(None);
        Self { cluster, server, plain }
    }

    pub fn send(&self, token: &str, actor: &Actor, (method, path): (&'static str, &str)) -> u16 {
        let kind =
            if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let request = Request {
            method,
            uri: path.to_owned(),
            headers: vec![
                ("User-Agent".to_owned(), actor.agent.to_owned()),
                ("Authorization".to_owned(), format!("Bearer {token}")),
                ("Content-Type".to_owned(), kind.to_owned()),
            ],
            body: if method == "PATCH" { "{}".to_owned() } else { String::new() },
            from: actor.from,
            streams: false,
        };
        self.server.send(&self.plain, &request).expect("an answer").status
    }

    /// The token by which an actor uses the account: the pipeline has the Secret's, people have one made.
    pub fn token(&self, actor: &Actor) -> String {
        if actor.name == "ci" {
            let text = await_some("a token", || {
                let args =
                    ["get", "secret", "ops-token", "-n", "team", "-o", "jsonpath={.data.token}"];
                let text = self.cluster.kubectl_ok(&args);
                Some(text).filter(|text| !text.is_empty())
            });
            return String::from_utf8(STANDARD.decode(text).expect("base64")).expect("text");
        }
        let config = self.cluster.client_cert(&email(actor.name), &["system:masters"]).kubeconfig;
        let config = format!("--kubeconfig={}", config.display());
        self.cluster
            .kubectl_ok(&[&config, "create", "token", "ops", "-n", "team"])
            .trim()
            .to_owned()
    }

    /// Everybody does what they do, and it is in the log.
    pub(super) fn drive(&self, actors: &[Actor]) {
        for actor in actors {
            self.does(actor, &self.token(actor));
        }
        self.await_logged(actors.iter().map(|actor| actor.does.len()).sum());
    }

    pub fn does(&self, actor: &Actor, token: &str) {
        for done in actor.does {
            let status = self.send(token, actor, *done);
            assert!(!matches!(status, 401 | 403), "{} {done:?}: {status}", actor.name);
        }
    }

    /// Waits until so many requests of the account are in the log.
    pub fn await_logged(&self, all: usize) {
        await_some("the whole log", || {
            let lines = self.cluster.audit_events();
            let own = lines.iter().filter(|line| {
                line["stage"] == "ResponseComplete"
                    && line["user"]["username"] == "system:serviceaccount:team:ops"
            });
            (own.count() == all).then_some(())
        });
    }
}

/// The comment and the token of a kubeconfig.
pub(super) fn opened(path: &Path) -> (Vec<String>, Value, String) {
    let text = std::fs::read_to_string(path).expect("a kubeconfig");
    let comment = text.lines().filter(|line| line.starts_with('#')).map(str::to_owned).collect();
    let config = text.lines().last().expect("a line");
    let config: Value = serde_json::from_str(config).expect("JSON");
    let token = config["users"][0]["user"]["token"].as_str().expect("a token").to_owned();
    (comment, config, token)
}

/// What a token claims of itself.
fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).expect("claims");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64")).expect("JSON")
}

/// What may be made by a split, but for what the server sets.
pub(super) fn state(cluster: &Cluster) -> BTreeMap<String, Value> {
    let kinds = "serviceaccounts,secrets,roles,rolebindings";
    let mut state = BTreeMap::new();
    for args in [
        &["get", kinds, "-A", "-o", "json"][..],
        &["get", "clusterroles,clusterrolebindings", "-o", "json"],
    ] {
        let list: Value = serde_json::from_str(&cluster.kubectl_ok(args)).expect("JSON");
        for item in list["items"].as_array().expect("items") {
            let mut item = item.clone();
            item.as_object_mut().expect("an object").remove("data");
            let meta = item["metadata"].as_object_mut().expect("metadata");
            for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
                meta.remove(field);
            }
            if let Some(Value::Object(labels)) = meta.get_mut("labels") {
                labels.remove("kubernetes.io/legacy-token-last-used");
            }
            let meta = &item["metadata"];
            let name = format!("{} {} {}", item["kind"], meta["namespace"], meta["name"]);
            state.insert(name, item);
        }
    }
    state
}

/// The shared account, driven by some, and a desk at which it is split.
pub(super) struct Driven<'c> {
    pub(super) driver: Driver<'c>,
    pub(super) desk: Desk,
    /// Where the audit log is.
    pub(super) log: String,
    /// Where a plan goes.
    pub(super) plan: String,
}

impl<'c> Driven<'c> {
    pub(super) fn by(cluster: &'c Cluster, actors: &[Actor]) -> Self {
        let lines: Vec<String> = world().iter().map(Value::to_string).collect();
        cluster.load(&lines.join("\n"));
        let driver = Driver::new(cluster);
        driver.drive(actors);
        let desk = Desk::new(cluster.kubeconfig());
        let log = cluster.audit_log().display().to_string();
        let plan = desk.folder.path().join("plan.yaml").display().to_string();
        Self { driver, desk, log, plan }
    }
}

/// Words that split everybody apart.
pub(super) fn words(log: &str, plan: &str) -> Vec<String> {
    let words = [
        "split",
        "sa:team/ops",
        "--audit",
        log,
        "--no-store",
        "--out",
        plan,
        "--into",
        "keys",
        "--actor",
        "ana=ana@corp.example",
        "--actor",
        "bo=user:bo@corp.example",
        "--actor",
        "cy=127.0.1.13",
        "--actor",
        "ci=127.0.1.40",
        "--single-verbs",
    ];
    words.map(str::to_owned).to_vec()
}

pub(super) fn strs(words: &[String]) -> Vec<&str> {
    words.iter().map(|word| &**word).collect()
}

/// Everything that a desk has written and said.
pub(super) fn written(desk: &Desk) -> String {
    let mut all = String::new();
    let mut left = vec![desk.folder.path().to_owned()];
    while let Some(at) = left.pop() {
        for entry in std::fs::read_dir(at).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_none_or(|end| end != "kubeconfig") {
                all.push_str(&String::from_utf8_lossy(&std::fs::read(&path).expect("a file")));
            }
        }
    }
    all
}

#[test]
fn each_does_what_they_did_and_nothing_that_only_others_did() {
    let Some(cluster) = cluster() else { return };
    let Driven { driver, desk, log, plan } = Driven::by(&cluster, &ACTORS);
    let planned = desk.keybook(&strs(&words(&log, &plan))).ends_with(0);
    let before = state(&cluster);
    let out: PathBuf = desk.folder.path().join("hand-over");
    let out_text = out.display().to_string();
    // Without a folder nothing is made, and looking makes nothing.
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(5).says("--out");
    desk.keybook(&["apply", &plan, "--out", &out_text]).ends_with(0).says("nothing was written");
    assert_eq!(state(&cluster), before);
    assert!(!out.exists());
    let applied =
        desk.keybook(&["apply", &plan, "--out", &out_text, "--yes", "tests"]).ends_with(0);

    let mut tokens = BTreeMap::new();
    let said =
        [&planned.out, &planned.err, &applied.out, &applied.err].map(String::as_str).concat();
    let kept = written(&desk);
    for actor in &ACTORS {
        let path = out.join(format!("{}.kubeconfig", actor.name));
        let mode = std::fs::metadata(&path).expect("a kubeconfig").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (comment, config, token) = opened(&path);
        assert_eq!(config["clusters"][0]["cluster"]["server"], json!(cluster.server()));
        let claims = claims(&token);
        let expires = claims["exp"].as_i64().and_then(|at| chrono::DateTime::from_timestamp(at, 0));
        let expires = expires.expect("a time").to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        assert!(comment.contains(&format!("# expires: {expires}")), "{comment:?}");
        assert!(applied.err.contains(&expires), "{}", applied.err);
        let bound = &claims["kubernetes.io"]["secret"];
        assert_eq!(bound["name"], json!(format!("{}-key", actor.name)));
        // It is said and kept nowhere.
        let signature = token.rsplit('.').next().expect("a signature");
        assert!(!said.contains(signature) && !kept.contains(signature), "{}", actor.name);
        tokens.insert(actor.name, token);
    }
    for person in ["ana", "bo", "cy", "ci"] {
        let path = "jsonpath={.metadata.annotations.keybook/person}";
        let is = cluster.kubectl_ok(&["get", "sa", person, "-n", "keys", "-o", path]);
        assert_eq!(is, if person == "ci" { "" } else { person });
    }
    for actor in &ACTORS {
        for other in &ACTORS {
            for done in other.does {
                let status = driver.send(&tokens[actor.name], actor, *done);
                let refused = status == 403;
                assert_eq!(refused, actor.name != other.name, "{}: {done:?} {status}", actor.name);
                assert_ne!(status, 401);
            }
        }
    }
    // kubectl reads it too.
    let config = format!("--kubeconfig={}", out.join("ana.kubeconfig").display());
    let who = cluster.kubectl_ok(&[
        &config,
        "auth",
        "whoami",
        "-o",
        "jsonpath={.status.userInfo.username}",
    ]);
    assert_eq!(who, "system:serviceaccount:keys:ana");
    desk.keybook(&["verify", "1"]).ends_with(0);
    // A second time it is refused, and no file is written over.
    desk.keybook(&["apply", &plan, "--out", &out_text, "--yes", "tests"]).ends_with(5);

    let undone = desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0);
    assert_eq!(state(&cluster), before);
    assert!(undone.text().contains("authenticates nobody afterwards"), "{}", undone.out);
    for actor in &ACTORS {
        // API servers remember for ten seconds that they took a token.
        await_some("the token to be refused", || {
            let status = driver.send(&tokens[actor.name], actor, actor.does[0]);
            (status == 401).then_some(())
        });
    }
}

#[test]
fn splitting_that_is_killed_at_any_write_is_finished_or_undone_as_if_it_was_not() {
    let Some(cluster) = cluster() else { return };
    let faulty = Faulty::start(&cluster);
    let Driven { mut desk, log, plan, .. } = Driven::by(&cluster, &ACTORS[..2]);
    desk.by(&faulty.kubeconfig());
    let plans = || {
        let mut all = words(&log, &plan);
        all.truncate(all.len() - 5);
        let to = ["--to", "bo=user:bo@corp.example", "--certificate", "bo"];
        all.extend(to.map(str::to_owned));
        // A plan is never written over.
        let _ = std::fs::remove_file(&plan);
        desk.keybook(&strs(&all)).ends_with(0);
    };
    let done = |words: &[&str]| desk.keybook(&[words, &["--yes", "faulty"]].concat()).ends_with(0);
    let out = |run: usize| desk.folder.path().join(format!("out-{run}"));
    let apply = |run: usize| {
        let out = out(run).display().to_string();
        ["apply", &plan, "--out", &out, "--yes", "faulty"].map(str::to_owned).to_vec()
    };
    let files = |run: usize| -> Vec<String> {
        let all = std::fs::read_dir(out(run)).into_iter().flatten().flatten();
        let mut all: Vec<String> =
            all.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        all.sort();
        all
    };
    let before = state(&cluster);
    plans();
    faulty.next(&[]);
    desk.keybook(&strs(&apply(1))).ends_with(0);
    let writes = faulty.writes();
    let split = state(&cluster);
    assert!(writes.iter().any(|line| line.ends_with("/serviceaccounts/ana/token")), "{writes:?}");
    // An account, its Secret, a role and a binding, a token; bo's, cluster-wide and in team; and a
    // request for bo's certificate, and its approval.
    assert_eq!((writes.len(), split.len() - before.len()), (11, 8), "{writes:?}");
    let token = writes.iter().position(|line| line.ends_with("/token")).expect("a token");
    done(&["undo", "1"]);
    assert_eq!(state(&cluster), before);
    let mut run = 1;
    for write in 0..writes.len() {
        for act in [Act::HoldBefore, Act::HoldAfter] {
            for finish in [true, false] {
                run += 2;
                let (of_run, of_undo) = (run.to_string(), (run + 1).to_string());
                plans();
                killed_at(&faulty, &desk, (write, act), &strs(&apply(run)));
                // Where its kubeconfig is, is in the journal.
                if finish {
                    done(&["apply", "--finish", &of_run]);
                    assert_eq!(state(&cluster), split, "{write} {act:?}");
                    let all = ["ana.kubeconfig", "bo.kubeconfig"];
                    assert_eq!(files(run), all, "{write} {act:?}");
                    let undo = (write.min(7), act);
                    killed_at(&faulty, &desk, undo, &["undo", &of_run, "--yes", "faulty"]);
                    done(&["apply", "--finish", &of_undo]);
                } else {
                    done(&["undo", &of_run]);
                    let written = (write > token).then_some("ana.kubeconfig");
                    assert_eq!(files(run), written.into_iter().collect::<Vec<_>>());
                }
                assert_eq!(state(&cluster), before, "{write} {act:?} finish {finish}");
            }
        }
    }
}
