//! What runs by itself, day and night: controllers, collectors, pipelines.

use super::client::Client;
use super::control_plane::{QUIET, SYSTEM};
use super::script::{DAY, HOUR, MINUTE, Number, SECOND, Script};
use crate::demo::random::Random;
use crate::demo::workloads::pod_name;

/// What calls all the time: [`beat`] in the order of its fields.
pub(super) struct Beat {
    /// Of the account; `""` for a user with a certificate.
    namespace: &'static str,
    /// The account's name, or the user's.
    account: &'static str,
    /// How many pods; 0 for a controller inside the control plane.
    pods: usize,
    /// Its program.
    agent: &'static str,
    /// How often it is its turn, beside the others' weights.
    weight: u64,
    /// What it asks for.
    asks: &'static [&'static str],
}

impl Beat {
    fn clients(&self, random: &mut Random) -> Vec<Client> {
        if self.namespace.is_empty() {
            return vec![Client::certificate(self.account, "", "1", self.agent, "10.4.0.11")];
        }
        if self.pods == 0 {
            return vec![Client::account(self.namespace, self.account, self.agent, "10.4.0.11")];
        }
        let pods = (0..self.pods).map(|number| {
            let pod = pod_name(self.account, number);
            let address = format!("10.42.{}.{}", random.between(0, 5), random.between(2, 250));
            Client::pod(self.namespace, self.account, pod, self.agent, address)
        });
        pods.collect()
    }
}

pub(super) const fn beat(
    namespace: &'static str,
    account: &'static str,
    pods: usize,
    agent: &'static str,
    weight: u64,
    asks: &'static [&'static str],
) -> Beat {
    Beat { namespace, account, pods, agent, weight, asks }
}

const BEATS: &[Beat] = &[
    beat(
        "argocd",
        "argocd-application-controller",
        1,
        "argocd-application-controller/v3.2.1 (linux/amd64) kubernetes/$Format",
        30,
        &[
            "watch deployments.apps -",
            "watch applications.argoproj.io -",
            "patch applications.argoproj.io argocd/storefront",
            "patch applications.argoproj.io argocd/checkout",
            "patch deployments.apps search/search-api",
            "list pods -",
            "get configmaps argocd/argocd-cm",
            "create events argocd/sync",
        ],
    ),
    beat(
        "monitoring",
        "prometheus",
        2,
        "Prometheus/3.7.3",
        18,
        &[
            "watch pods -",
            "watch endpointslices.discovery.k8s.io -",
            "get /metrics",
            "list nodes -",
        ],
    ),
    beat(
        "monitoring",
        "kube-state-metrics",
        1,
        "kube-state-metrics/v2.17.0 (linux/amd64)",
        8,
        &["watch pods -", "list jobs.batch -", "watch deployments.apps -", "list secrets -"],
    ),
    beat(
        "ingress",
        "ingress-nginx",
        3,
        "nginx-ingress-controller/v1.14.0 (linux/amd64) ingress-nginx",
        12,
        &[
            "update leases.coordination.k8s.io ingress/ingress-nginx-leader",
            "watch ingresses.networking.k8s.io -",
            "update ingresses.networking.k8s.io/status shop/storefront",
            "watch endpointslices.discovery.k8s.io -",
        ],
    ),
    beat(
        "ingress",
        "cert-manager",
        1,
        "cert-manager-controller/v1.19.1 (linux/amd64)",
        8,
        &[
            "update leases.coordination.k8s.io ingress/cert-manager-controller",
            "watch certificates.cert-manager.io -",
            "update certificates.cert-manager.io/status shop/storefront-tls",
            "get secrets shop/storefront-tls",
        ],
    ),
    beat(
        "ingress",
        "external-dns",
        1,
        "external-dns/v0.20.0",
        5,
        &["list services -", "list ingresses.networking.k8s.io -"],
    ),
    beat(
        "payments",
        "ledger",
        3,
        "ledger/4.11 (linux/amd64)",
        9,
        &[
            "update leases.coordination.k8s.io payments/ledger-leader",
            "get leases.coordination.k8s.io payments/ledger-leader",
            "watch configmaps payments",
        ],
    ),
    beat("catalog", "indexer", 2, "indexer/2.3", 3, &["watch configmaps catalog"]),
    beat("search", "search-api", 3, "search-api/7", 4, &["watch endpoints search"]),
    beat(
        "shop",
        "storefront",
        4,
        "storefront/2026.4",
        3,
        &["get configmaps shop/flags", "get secrets shop/storefront-session"],
    ),
];

/// The longest time without any of them: less than what the reader calls a gap.
const PULSE: (i64, i64) = (6 * MINUTE + 30 * SECOND, 9 * MINUTE + 20 * SECOND);

/// Everything that runs.
pub(super) fn play(script: &mut Script) {
    beats(script);
    deployer(script);
    runner(script);
    airflow(script);
    warehouse(script);
    small(script);
    probes(script);
}

/// One after another, from the first moment to the last.
fn beats(script: &mut Script) {
    let mut random = Random::of("beats");
    let mut clients: Vec<(Vec<Number>, Vec<Number>)> = Vec::new();
    let mut turns = Vec::new();
    for (at, beat) in BEATS.iter().chain(SYSTEM).chain(QUIET).enumerate() {
        let pods = beat.clients(&mut random);
        let pods = pods.into_iter().map(|pod| script.client(pod)).collect();
        clients.push((pods, script.asks(beat.asks)));
        turns.extend((0..beat.weight).map(|_| at));
    }
    let mut at = script.start;
    loop {
        let turn = random.pick(&turns).and_then(|turn| clients.get(*turn));
        if let Some((pods, asks)) = turn
            && let (Some(pod), Some(ask)) = (random.pick(pods), random.pick(asks))
        {
            script.add(at, *pod, *ask);
        }
        if at >= script.end {
            return;
        }
        at = (at + random.between(PULSE.0, PULSE.1)).min(script.end);
    }
}

/// Deploys on working days: far-reaching rights, of which it uses three.
fn deployer(script: &mut Script) {
    let mut random = Random::of("deployer");
    let agent = "helm/v3.19.0 (linux/amd64) kubernetes/v1.34";
    let runners: Vec<Number> = ["192.0.2.14", "192.0.2.15", "192.0.2.77"]
        .map(|address| script.client(Client::account("ci", "deployer", agent, address)))
        .into();
    let deploys: [[&'static str; 4]; 4] = [
        [
            "get deployments.apps shop/storefront",
            "get configmaps shop/flags",
            "patch deployments.apps shop/storefront",
            "create jobs.batch shop/migrate",
        ],
        [
            "get deployments.apps checkout/checkout-api",
            "get configmaps checkout/checkout-flags",
            "patch deployments.apps checkout/checkout-api",
            "create jobs.batch checkout/migrate",
        ],
        [
            "get deployments.apps catalog/indexer",
            "get configmaps catalog/mapping 404",
            "patch deployments.apps catalog/indexer",
            "create jobs.batch catalog/reindex",
        ],
        [
            "get deployments.apps payments/ledger",
            "get configmaps payments/rates",
            "patch deployments.apps payments/ledger",
            "create jobs.batch payments/migrate",
        ],
    ];
    let deploys: Vec<Vec<Number>> = deploys.iter().map(|asks| script.asks(asks)).collect();
    let deploy = |script: &mut Script, random: &mut Random, mut at: i64| {
        let runner = random.pick(&runners).copied().unwrap_or(0);
        for &ask in random.pick(&deploys).into_iter().flatten() {
            script.add(at, runner, ask);
            at += random.between(SECOND, 9 * SECOND);
        }
    };
    for (midnight, working) in script.days() {
        let count = if working { random.between(5, 13) } else { random.between(0, 2) };
        for _ in 0..count {
            let at = midnight + random.between(7 * 60, 18 * 60) * MINUTE;
            deploy(script, &mut random, at);
        }
    }
    let last = script.ago((0, 0, 4));
    deploy(script, &mut random, last);
}

/// Jobs of the pipeline.
fn runner(script: &mut Script) {
    let mut random = Random::of("runner");
    let agent = "gitlab-runner/18.5.0 (linux/amd64)";
    let pod = pod_name("runner", 0);
    let client = script.client(Client::pod("ci", "runner", pod, agent, "10.42.3.19"));
    let job = script.asks(&[
        "create pods ci/build",
        "get pods ci/build",
        "get pods/exec ci/build 101",
        "get pods/log ci/build",
        "delete pods ci/build",
    ]);
    let refused = script.ask("patch deployments.apps shop/storefront");
    for (midnight, working) in script.days() {
        for _ in 0..if working { random.between(4, 9) } else { 1 } {
            let mut at = midnight + random.between(6 * 60, 19 * 60) * MINUTE;
            for &ask in &job {
                script.add(at, client, ask);
                at += random.between(2 * SECOND, 4 * MINUTE);
            }
            // The release step has failed ever since its role was deleted.
            if random.chance(12) {
                script.add(at, client, refused);
            }
        }
    }
}

/// Pods for the night's tables.
fn airflow(script: &mut Script) {
    let mut random = Random::of("airflow");
    let agent = "OpenAPI-Generator/33.1.0/python";
    let pod = pod_name("airflow", 0);
    let client = script.client(Client::pod("data", "airflow", pod, agent, "10.42.1.88"));
    let night = script.asks(&[
        "create pods data/task",
        "get pods data/task",
        "watch pods data",
        "get pods/log data/task",
        "delete pods data/task",
    ]);
    for (midnight, _) in script.days() {
        let mut at = midnight + HOUR + random.between(0, 30) * MINUTE;
        for _ in 0..2 {
            for &ask in &night {
                script.add(at, client, ask);
                at += random.between(5 * SECOND, 3 * MINUTE);
            }
        }
    }
}

/// A token from a Secret that never expires, carried to a machine outside the cluster.
fn warehouse(script: &mut Script) {
    let mut random = Random::of("warehouse");
    let agent = "python-requests/2.32.5";
    let token = Client {
        credential: super::client::Credential::Legacy { secret: "warehouse-sync-token-m4q9d" },
        ..Client::account("data", "warehouse-sync", agent, "192.0.2.201")
    };
    let client = script.client(token);
    let asks = script.asks(&["get secrets data/warehouse-dsn", "list configmaps data"]);
    let mut at = script.start + 35 * MINUTE;
    while at < script.end {
        for &ask in &asks {
            script.add(at, client, ask);
            at += random.between(SECOND, 20 * SECOND);
        }
        at += 6 * HOUR;
    }
}

/// Those that ask little.
fn small(script: &mut Script) {
    let mut random = Random::of("small");
    let few: [(&str, &str, &'static str, &'static [&'static str], i64); 4] = [
        ("argocd", "argocd-server", "argocd-server/v3.2.1", &["list secrets argocd"], 7),
        (
            "checkout",
            "checkout-api",
            "checkout-api/12",
            &["get configmaps checkout/checkout-flags"],
            31,
        ),
        ("payments", "payouts", "payouts/3", &["get secrets payments/payouts-bank"], 24),
        (
            "ml",
            "trainer",
            "trainer/0.9",
            &["create jobs.batch ml/train", "list pods ml", "get pods/log ml/train"],
            53,
        ),
    ];
    for (namespace, account, agent, asks, hours) in few {
        let address = format!("10.42.{}.{}", random.between(0, 5), random.between(2, 250));
        let pod = pod_name(account, 0);
        let client = script.client(Client::pod(namespace, account, pod, agent, address));
        let asks = script.asks(asks);
        let mut at = script.start + random.between(0, DAY);
        while at < script.end {
            for &ask in &asks {
                script.add(at, client, ask);
                at += random.between(SECOND, 30 * SECOND);
            }
            at += hours * HOUR + random.between(0, 40 * MINUTE);
        }
    }
}

/// The load balancer asks whether the server lives, without credentials.
fn probes(script: &mut Script) {
    let client = script.client(Client::anonymous("lb-probe/2", "10.0.0.10"));
    let ask = script.ask("get /livez");
    let mut at = script.start + 13 * MINUTE;
    while at < script.end {
        script.add(at, client, ask);
        at += 3 * HOUR;
    }
}
