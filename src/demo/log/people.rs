//! What people do: on working days, in working hours, in short bursts.

use super::client::Client;
use super::script::{DAY, HOUR, MINUTE, Number, SECOND, Script};
use crate::demo::company::{PEOPLE, Person};
use crate::demo::random::Random;

/// The programs that people use.
const AGENTS: &[&str] = &[
    "kubectl/v1.36.1 (darwin/arm64) kubernetes/b1d5cc9",
    "kubectl/v1.35.4 (linux/amd64) kubernetes/0f17c7b",
    "k9s/v0.50.16 (darwin/arm64) kubernetes/$Format",
    "kubectl/v1.36.2 (windows/amd64) kubernetes/e4c1a77",
];

/// What a group's members ask for; the first ones most often.
const WORK: &[(&str, &[&str])] = &[
    (
        "platform",
        &[
            "list pods -",
            "list nodes -",
            "list applications.argoproj.io argocd",
            "get deployments.apps ingress/ingress-nginx",
            "get pods/log ingress/ingress-nginx",
            "patch applications.argoproj.io argocd/storefront",
            "patch configmaps monitoring/prometheus-rules",
            "list clusterrolebindings.rbac.authorization.k8s.io -",
            "get secrets argocd/repo-credentials",
            "delete pods monitoring/prometheus-0",
        ],
    ),
    (
        "sre",
        &[
            "list pods -",
            "list nodes -",
            "get pods/log shop/storefront",
            "list events -",
            "get deployments.apps checkout/checkout-api",
            "patch deployments.apps/scale shop/storefront",
            "get pods/exec payments/ledger 101",
            "patch nodes -/node-b1",
            "create pods/eviction data/airflow",
            "get configmaps monitoring/alert-routes",
        ],
    ),
    (
        "shop-devs",
        &[
            "list pods shop",
            "get pods/log shop/storefront",
            "list deployments.apps shop",
            "get deployments.apps shop/storefront",
            "patch deployments.apps shop/storefront",
            "list events shop",
            "get configmaps shop/flags",
            "get pods/exec shop/storefront 101",
            "list pods checkout",
        ],
    ),
    (
        "checkout-devs",
        &[
            "list pods checkout",
            "get pods/log checkout/checkout-api",
            "get deployments.apps checkout/checkout-api",
            "patch configmaps checkout/checkout-flags",
            "list events checkout",
            "get secrets payments/psp-key",
            "update configmaps checkout/rates",
        ],
    ),
    (
        "payments-devs",
        &[
            "list pods payments",
            "get pods/log payments/ledger",
            "list deployments.apps payments",
            "patch deployments.apps payments/ledger",
            "get secrets payments/payouts-bank",
            "list events payments",
            "get pods/portforward payments/ledger 101",
        ],
    ),
    (
        "catalog-devs",
        &[
            "list pods catalog",
            "get pods/log catalog/indexer",
            "patch deployments.apps catalog/indexer",
            "list configmaps catalog",
        ],
    ),
    (
        "search-devs",
        &[
            "list pods search",
            "get pods/log search/search-api",
            "list deployments.apps search",
            "patch deployments.apps search/search-api",
            "get configmaps search/synonyms 404",
        ],
    ),
    (
        "data-eng",
        &[
            "list pods data",
            "get pods/log data/airflow",
            "list cronjobs.batch data",
            "create jobs.batch data/backfill",
            "get secrets data/warehouse-dsn",
            "delete jobs.batch data/backfill",
        ],
    ),
    (
        "ml-research",
        &[
            "list pods ml",
            "get pods/log ml/trainer",
            "create jobs.batch ml/train",
            "list persistentvolumeclaims ml",
            "delete pods ml/notebook",
            "create jobs.batch ml/train 409",
        ],
    ),
    (
        "support",
        &[
            "list namespaces -",
            "get namespaces shop/shop",
            "get namespaces checkout/checkout",
            "get namespaces catalog/catalog",
            "list pods checkout",
        ],
    ),
];

/// Everybody's ninety days.
pub(super) fn play(script: &mut Script) {
    for person in PEOPLE {
        one(script, person);
    }
}

/// The clients of a person: at the office and at home, each with its program.
fn clients(script: &mut Script, person: &Person, random: &mut Random) -> [Number; 2] {
    let user = format!("{}@corp.example", person.handle);
    let first = random.pick(AGENTS).copied().unwrap_or(AGENTS[0]);
    let second = random.pick(AGENTS).copied().unwrap_or(AGENTS[0]);
    let home = format!("203.0.113.{}", random.between(20, 250));
    [
        script.client(Client::person(&user, person.groups, first, "198.51.100.7")),
        script.client(Client::person(&user, person.groups, second, home)),
    ]
}

fn one(script: &mut Script, person: &Person) {
    let mut random = Random::of(person.handle);
    let clients = clients(script, person, &mut random);
    let asks = asks(script, person);
    // People keep their hours: some are early, some late.
    let shift = random.between(-90, 91) * MINUTE;
    for (midnight, working) in script.days() {
        let days_ago = (script.end - midnight) / DAY;
        let there = days_ago <= person.from && days_ago >= person.until;
        if !there || !working || !random.chance(person.days) {
            continue;
        }
        // At home or at the office, a day at a time.
        let client = if random.chance(38) { clients[1] } else { clients[0] };
        for _ in 0..random.between(1, 4) {
            let mut at = midnight + 8 * HOUR + shift + random.between(0, 9 * 60) * MINUTE;
            at += random.between(0, MINUTE);
            for _ in 0..random.between(1, 7) {
                script.add(at, client, favourite(&asks, &mut random));
                at += random.between(2 * SECOND, 100 * SECOND);
            }
        }
    }
}

fn asks(script: &mut Script, person: &Person) -> Vec<Number> {
    let groups = person.groups.split(' ');
    let texts: Vec<&'static str> = groups
        .filter_map(|group| WORK.iter().find(|(name, _)| *name == group))
        .flat_map(|(_, texts)| texts.iter().copied())
        .collect();
    script.asks(&texts)
}

/// One of them, the first ones more often: the smaller of two draws.
fn favourite(asks: &[Number], random: &mut Random) -> Number {
    let count = i64::try_from(asks.len()).unwrap_or(1);
    let at = random.between(0, count).min(random.between(0, count));
    usize::try_from(at).ok().and_then(|at| asks.get(at)).copied().unwrap_or(0)
}
