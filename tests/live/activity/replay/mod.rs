//! Every right that keybook derives from a request is one that the request takes, and there is no
//! other: with all of them it works, without any single one it is refused.

mod both;
mod case;
mod cases;
mod clients;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use keybook::model::{Identity, Snapshot};
use serde_json::{Value, json};

use self::case::{Case, Need};
use self::cases::{CASES, NAMESPACE};
use super::client::{Answer, Request, Server};
use super::questions::{Question, needed, question};
use super::{AUDIT_POLICY, kubelet};
use crate::answers::snapshot;
use crate::reviews::folder;
use crate::support::cluster::{self, Beside, Cluster};
use crate::support::process::await_some;

/// A case, by somebody who lacks at most one of the rights.
struct Attempt {
    what: &'static str,
    case: Case,
    tag: String,
    user: String,
    lacks: Option<usize>,
}

impl Attempt {
    fn all() -> Vec<Self> {
        let of = |(at, (what, make)): (usize, &cases::Kind)| {
            let attempt = |number: usize| {
                let tag = format!("c{at}-{number}");
                let lacks = number.checked_sub(1);
                Self { what, case: make(&tag), user: format!("one-{tag}"), tag, lacks }
            };
            let rights = attempt(0).case.needs.len();
            (0..=rights).map(attempt).collect::<Vec<_>>()
        };
        CASES.iter().enumerate().flat_map(of).collect()
    }

    fn holder(&self, need: &Need) -> Identity {
        self.case.holder(need.side, &self.user)
    }

    /// The rights held, all but at most one.
    fn held(&self) -> impl Iterator<Item = &Need> {
        let all = self.case.needs.iter().enumerate();
        all.filter(|(at, _)| Some(*at) != self.lacks).map(|(_, need)| need)
    }

    fn objects(&self) -> Vec<Value> {
        let rights = self
            .held()
            .enumerate()
            .flat_map(|(at, need)| need.objects(&format!("{}-{at}", self.tag), &self.holder(need)));
        self.case.before.iter().cloned().chain(rights).collect()
    }

    fn question(&self, need: &Need) -> Question {
        (self.holder(need), need.call())
    }

    fn send(&self, server: &Server) -> Answer {
        let ask = &self.case.ask;
        let mut headers = ask.headers.clone();
        headers.push(("Authorization".to_owned(), format!("Bearer token-{}", self.tag)));
        headers.push(("Audit-ID".to_owned(), self.tag.clone()));
        headers.extend(self.case.other.iter().flat_map(|other| other.headers.clone()));
        let request = Request {
            method: ask.method,
            uri: ask.uri.clone(),
            headers,
            body: ask.body.clone(),
            from: 3,
            streams: ask.streams,
        };
        server.send(&server.tls(None), &request).expect("an answer")
    }
}

fn start(attempts: &[Attempt]) -> Option<Cluster> {
    let token = |attempt: &Attempt| format!("token-{},{},\n", attempt.tag, attempt.user);
    let clients = clients::TOKENS.iter().map(|user| format!("token-{user},{user},\n"));
    let cluster = Cluster::start(&cluster::Options {
        tokens: Some(attempts.iter().map(token).chain(clients).collect()),
        audit_policy: Some(AUDIT_POLICY.to_owned()),
        record_authorizer: true,
        beside: &[Beside::Kubelet, Beside::ExtensionServer],
        ..cluster::Options::default()
    })?;
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "bot", "namespace": NAMESPACE}});
    let objects: Vec<String> = [namespace, account]
        .into_iter()
        .chain(attempts.iter().flat_map(Attempt::objects))
        .chain(clients::objects())
        .map(|object| object.to_string())
        .collect();
    let report = cluster.load(&objects.join("\n"));
    assert_eq!(report["failed"], 0, "{report}");
    kubelet::make(&cluster, NAMESPACE);
    await_rights(&cluster, attempts);
    Some(cluster)
}

/// The authorizer learns of roles and bindings a moment after they were made.
fn await_rights(cluster: &Cluster, attempts: &[Attempt]) {
    let review = |attempt: &Attempt| -> Vec<String> {
        let held = attempt.held();
        held.map(|need| need.review(&attempt.holder(need)).to_string()).collect()
    };
    let reviews: Vec<String> = attempts.iter().flat_map(review).collect();
    let reviews = reviews.join("\n");
    await_some("the authorizer to know all rights", || {
        let answers = cluster.sar(&reviews);
        answers.iter().all(|answer| answer["status"]["allowed"] == true).then_some(())
    });
}

/// All lines with an id in a log, once they are whole.
fn lines(log: &Path, id: &str) -> Vec<u8> {
    let quoted = format!("\"auditID\":\"{id}\"");
    let done = |text: &str| {
        // Of what goes on and on there is more to come, but nothing that matters here.
        ["ResponseStarted", "ResponseComplete"]
            .iter()
            .any(|stage| text.contains(&format!("\"stage\":\"{stage}\"")))
    };
    await_some("lines of a request", || {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let end = text.rfind('\n').map_or(0, |last| last + 1);
        let of_it = |line: &&str| line.contains(&quoted);
        let found: String = text[..end].split_inclusive('\n').filter(of_it).collect();
        done(&found).then(|| found.into_bytes())
    })
}

struct World {
    cluster: Cluster,
    server: Server,
    snapshot: Arc<Snapshot>,
}

impl World {
    /// With every right: it works, and needed exactly these.
    fn works(&self, attempt: &Attempt) -> Vec<String> {
        let Attempt { what, tag, case, .. } = attempt;
        let before = self.cluster.authorizer_questions().len();
        let answer = attempt.send(&self.server);
        if answer.status != case.status {
            return vec![format!("{what}: {} {}", answer.status, answer.body)];
        }
        let log = lines(&self.cluster.audit_log(), tag);
        let asked = self.asked(before);
        let needs: BTreeSet<Question> =
            case.needs.iter().map(|need| attempt.question(need)).collect();
        let mut wrong: Vec<String> = needs
            .difference(&asked)
            .map(|question| format!("{what}: the authorizer was not asked for {question:?}"))
            .collect();
        // Whatever else it was asked for was refused: these rights are all that there are.
        let [surely, _] = needed(&self.snapshot, log.clone());
        if surely != needs {
            let shown = String::from_utf8_lossy(&log);
            wrong.push(format!("{what}: needs {needs:#?}\nderived {surely:#?}\n{shown}"));
        }
        wrong
    }

    /// Without one right: it is refused, for want of that one.
    fn fails(&self, attempt: &Attempt, lacks: &Need) -> Vec<String> {
        let what = attempt.what;
        let before = self.cluster.authorizer_questions().len();
        let answer = attempt.send(&self.server);
        if answer.status != 403 {
            return vec![format!("{what} without {lacks:?}: {} {}", answer.status, answer.body)];
        }
        let log = lines(&self.cluster.audit_log(), &attempt.tag);
        let missed = attempt.question(lacks);
        let mut wrong = Vec::new();
        if !self.asked(before).contains(&missed) {
            wrong.push(format!("{what}: nobody asked for {missed:?}"));
        }
        let [surely, _] = needed(&self.snapshot, log);
        if surely.contains(&missed) {
            wrong.push(format!("{what}: derived what was not there: {missed:?}"));
        }
        wrong
    }

    fn asked(&self, since: usize) -> BTreeSet<Question> {
        let questions = self.cluster.authorizer_questions();
        questions.iter().skip(since).map(|review| question(&review["spec"])).collect()
    }
}

#[test]
fn requests_need_every_right_that_is_derived_and_no_other() {
    let attempts = Attempt::all();
    let Some(cluster) = start(&attempts) else { return };
    let folder = folder("replay");
    cluster.save_rbac(&folder);
    let mut snapshot = snapshot(&folder);
    let version = cluster.ready()["version"].as_str().expect("a version").to_owned();
    snapshot.cluster.server_version = Some(version.as_str().into());
    let server = Server::new(&cluster.server(), &cluster.ca_file());
    let world = World { cluster, server, snapshot: Arc::new(snapshot) };
    let mut wrong = Vec::new();
    for attempt in &attempts {
        wrong.extend(match attempt.lacks.map(|at| &attempt.case.needs[at]) {
            None => world.works(attempt),
            Some(lacks) => world.fails(attempt, lacks),
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    clients::reach(&world);
    both::compare(&world, &folder);
    let refused = attempts.iter().filter(|attempt| attempt.lacks.is_some()).count();
    let second = attempts.iter().filter(|a| a.lacks.is_none() && a.case.needs.len() > 1).count();
    println!(
        "replay: {} kinds of requests, {second} of which take more than one right; {refused} \
         times without one of them, each refused",
        CASES.len()
    );
    std::fs::remove_dir_all(folder).expect("remove the folder");
}
