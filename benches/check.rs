//! `check`, from JSON bytes to JSON bytes: answers a second, over a cluster of 8,400 bindings and the
//! API server's own policy. With `KEYBOOK_CLUSTER_BIN` set, the API server's authorizer answers the
//! same reviews in the same run, and the answers are compared.

#![allow(clippy::expect_used, clippy::cast_precision_loss, clippy::print_stdout)]

mod world;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use keybook::model::{Object, Snapshot};
use keybook::rbac::Authorizer;
use keybook::rbac::bootstrap;
use keybook::rbac::review::{Answers, Outcome, Reviewer};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

const REVIEWS: usize = 400_000;
const ROUNDS: usize = 5;

fn main() {
    let snapshot = snapshot();
    let reviews = reviews();
    let begun = Instant::now();
    let authorizer = Authorizer::new(&snapshot.objects);
    println!(
        "check: {} bindings indexed in {:.0} ms; {REVIEWS} reviews of {:.0} bytes, {} cores",
        snapshot.objects.bindings.len(),
        begun.elapsed().as_secs_f64() * 1e3,
        reviews.len() as f64 / REVIEWS as f64,
        rayon::current_num_threads(),
    );
    let reviewer = Reviewer::new(&authorizer, &snapshot);
    let mut best = Duration::MAX;
    let mut answers = Vec::new();
    for _ in 0..ROUNDS {
        drop(std::mem::take(&mut answers));
        let begun = Instant::now();
        answers = reviewer.answer_lines(reviews.as_bytes());
        best = best.min(begun.elapsed());
    }
    let allowed = outcomes(&answers).filter(|outcome| *outcome == Outcome::Allowed).count();
    println!(
        "check: keybook {:.0} a second (best of {ROUNDS}), {:.0} % allowed",
        REVIEWS as f64 / best.as_secs_f64(),
        100.0 * allowed as f64 / REVIEWS as f64
    );
    if let Some(program) = std::env::var_os("KEYBOOK_CLUSTER_BIN") {
        against_the_oracle(&program, &snapshot, &reviews, &answers);
    }
}

/// The large world with the API server's own policy in it.
fn snapshot() -> Snapshot {
    let mut snapshot = world::snapshot(&world::LARGE);
    if let Some(own) = bootstrap::policies().last() {
        let objects = &own.objects;
        let roles = objects.roles.values().map(|role| Object::Role(role.as_ref().clone()));
        let bindings = objects.bindings.values();
        let bindings = bindings.map(|binding| Object::Binding(binding.as_ref().clone()));
        for object in roles.chain(bindings) {
            snapshot.objects.insert(object);
        }
    }
    snapshot
}

const VERBS: [&str; 7] = ["get", "list", "watch", "create", "update", "patch", "delete"];
const RESOURCES: [(&str, &str, &str); 9] = [
    ("", "pods", ""),
    ("", "pods", "log"),
    ("", "pods", "exec"),
    ("", "secrets", ""),
    ("", "configmaps", ""),
    ("", "services", ""),
    ("apps", "deployments", ""),
    ("apps", "deployments", "scale"),
    ("batch", "jobs", ""),
];

/// Reviews of users with a group and of accounts, one a line; one in twenty is of a path.
fn reviews() -> String {
    let rng = &mut ChaCha8Rng::seed_from_u64(9);
    let mut text = String::new();
    for _ in 0..REVIEWS {
        let namespace = format!("team-{:04}", rng.random_range(0..world::LARGE.namespaces));
        let verb = VERBS.choose(rng);
        let mut spec = if rng.random_bool(0.5) {
            let user = format!("user-{:05}@corp.example", rng.random_range(0..world::LARGE.users));
            let group = format!("group-{:03}", rng.random_range(0..400));
            json!({"user": user, "groups": [group, "system:authenticated"]})
        } else {
            let name = ["api", "worker", "cron", "deploy"].choose(rng).expect("a name");
            json!({"user": format!("system:serviceaccount:{namespace}:{name}"),
                "groups": ["system:serviceaccounts",
                    format!("system:serviceaccounts:{namespace}"), "system:authenticated"]})
        };
        if rng.random_bool(0.05) {
            let path = ["/healthz", "/metrics", "/version/"].choose(rng);
            spec["nonResourceAttributes"] = json!({"verb": verb, "path": path});
        } else {
            let (group, resource, subresource) = RESOURCES.choose(rng).expect("a resource");
            let mut attributes = json!({"verb": verb, "group": group, "resource": resource});
            for (field, value, often) in [
                ("subresource", *subresource, 1.0),
                ("namespace", &namespace, 0.9),
                ("name", "x", 0.5),
            ] {
                if !value.is_empty() && rng.random_bool(often) {
                    attributes[field] = json!(value);
                }
            }
            spec["resourceAttributes"] = attributes;
        }
        let review = json!({"apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview", "spec": spec});
        text.push_str(&review.to_string());
        text.push('\n');
    }
    text
}

fn outcomes(answers: &[Answers]) -> impl Iterator<Item = Outcome> {
    answers.iter().flat_map(|part| part.answers.iter().map(|answer| answer.outcome))
}

fn against_the_oracle(
    program: &std::ffi::OsStr,
    snapshot: &Snapshot,
    reviews: &str,
    own: &[Answers],
) {
    let folder = tempfile::tempdir().expect("a folder");
    let objects = snapshot.objects.roles.values().map(|role| Object::Role(role.as_ref().clone()));
    let bindings = snapshot.objects.bindings.values();
    let bindings = bindings.map(|binding| Object::Binding(binding.as_ref().clone()));
    let lines: Vec<String> =
        objects.chain(bindings).map(|object| object.to_json().to_string()).collect();
    std::fs::write(folder.path().join("objects.ndjson"), lines.join("\n")).expect("written");
    let ask = |reviews: &str| {
        let begun = Instant::now();
        let mut oracle = Command::new(program)
            .args(["oracle", "--objects"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the oracle");
        let mut stdin = oracle.stdin.take().expect("a pipe");
        let output = std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(reviews.as_bytes()));
            oracle.wait_with_output().expect("answers")
        });
        (begun.elapsed(), output.stdout)
    };
    let one = reviews.lines().next().unwrap_or_default();
    let (start, _) = ask(one);
    let (whole, answers) = ask(reviews);
    let allowed = |line: &[u8]| {
        let needle = b"\"status\":{\"allowed\":true";
        line.windows(needle.len()).any(|window| window == needle)
    };
    let theirs = answers.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(allowed);
    let own = outcomes(own).map(|outcome| outcome == Outcome::Allowed);
    let differ = theirs.zip(own).filter(|(theirs, own)| theirs != own).count();
    println!(
        "check: the API server's authorizer in process {:.0} a second; {differ} answers differ",
        REVIEWS as f64 / (whole.saturating_sub(start)).as_secs_f64()
    );
}
