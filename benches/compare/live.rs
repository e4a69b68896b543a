//! The large world on a real API server: keybook beside kubectl, which only fetches.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::measure::{Measured, best};
use super::support::cluster::{Cluster, Options};
use super::{Section, world};

const LISTS: &str =
    "namespaces,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings";

/// How many reviews the API server is asked.
const REVIEWS: usize = 8_000;

/// Why no control plane can be started, where none can.
pub fn there_is_none() -> Option<&'static str> {
    let is_none = std::env::var_os("KEYBOOK_CLUSTER_BIN").is_none();
    is_none.then_some("set KEYBOOK_CLUSTER_BIN to what tests/run --cluster-binary prints")
}

/// The comparison; needs the control plane of the tests.
pub fn section() -> Section {
    let mut section = Section::new("16,700 objects on a real API server");
    if let Some(why) = there_is_none() {
        section.skip("everything", why);
        return section;
    }
    let Some(cluster) = Cluster::start(&Options::default()) else {
        section.skip("everything", "KEYBOOK_WITHOUT_CLUSTER is 1");
        return section;
    };
    let mut objects = Vec::new();
    world::write_lines(&world::LARGE, &mut objects).expect("memory takes everything");
    let began = Instant::now();
    let report = cluster.load(&String::from_utf8(objects).expect("JSON is UTF-8"));
    let created = format!("{} objects", report["created"]);
    section.add("(loading them into the server)", began.elapsed().as_secs_f64(), created, None);
    let kubeconfig = cluster.kubeconfig();
    let mut add = |what: &str, measured: Measured| {
        if measured.success {
            let bytes = format!("{} MB printed", measured.stdout.len() >> 20);
            section.add(what, measured.seconds, bytes, measured.peak_kib);
        } else {
            section.skip(what, "it failed");
        }
    };
    add(
        "keybook who -o name: a whole Book",
        best(3, || {
            let mut keybook = Command::new(env!("CARGO_BIN_EXE_keybook"));
            keybook.arg("--kubeconfig").arg(&kubeconfig).args(["who", "-o", "name"]);
            keybook
        }),
    );
    add(
        "kubectl get -A -o json: the same lists",
        best(3, || {
            let mut kubectl = Command::new(std::env::var_os("KEYBOOK_CLUSTER_BIN").expect("set"));
            kubectl.args(["kubectl", "--kubeconfig"]).arg(&kubeconfig);
            kubectl.args(["get", LISTS, "-A", "-o", "json"]);
            kubectl
        }),
    );
    let reviews = reviews(REVIEWS);
    let began = Instant::now();
    let answers = cluster.sar(&reviews);
    let seconds = began.elapsed().as_secs_f64();
    section.add("the API server's reviews", seconds, rate(answers.len(), seconds), None);
    section
}

/// Random reviews over the large world, one a line.
fn reviews(count: usize) -> String {
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let mut pick = |from: &[&'static str]| from[random.random_range(0..from.len())];
    let mut text = String::new();
    let mut other = ChaCha8Rng::seed_from_u64(10);
    for _ in 0..count {
        let verb = pick(&["get", "list", "watch", "create", "update", "delete", "patch"]);
        let (group, resource) = match pick(&["a", "b", "c", "d"]) {
            "a" => ("", pick(&["pods", "secrets", "configmaps", "services", "events"])),
            "b" => ("apps", pick(&["deployments", "statefulsets"])),
            "c" => ("batch", "jobs"),
            _ => ("rbac.authorization.k8s.io", "roles"),
        };
        let user = other.random_range(0..world::LARGE.users);
        let ns = other.random_range(0..world::LARGE.namespaces);
        let member = other.random_range(0..400);
        writeln!(
            text,
            r#"{{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{{"user":"user-{user:05}@corp.example","groups":["group-{member:03}","system:authenticated"],"resourceAttributes":{{"verb":"{verb}","group":"{group}","resource":"{resource}","namespace":"team-{ns:04}","name":"settings"}}}}}}"#
        )
        .expect("a String takes everything");
    }
    text
}

/// So many a second.
pub fn rate(count: usize, seconds: f64) -> String {
    #[allow(clippy::cast_precision_loss)] // A rate.
    let rate = count as f64 / seconds;
    format!("{rate:.0} a second")
}
