//! What keybook exists to show, one function each.

use std::ops::Range;

use super::ask::As;
use super::client::Client;
use super::script::{HOUR, MINUTE, Number, SECOND, Script};
use crate::demo::random::Random;
use crate::model::{BindingKind, Identity, Objects};

/// All stories.
pub(super) fn play(script: &mut Script, objects: &Objects) {
    shared_account(script);
    break_glass(script);
    denied_only(script);
    impersonation(script);
    auditor(script);
    quarter(script);
    debug_grant(script, objects);
    on_call(script);
    rejected(script);
}

/// Requests one after another, some seconds apart.
fn burst(script: &mut Script, random: &mut Random, start: i64, client: Number, asks: &[Number]) {
    apart(script, (random, 2 * SECOND..25 * SECOND), start, client, asks);
}

/// Requests one after another, so far apart.
fn apart(
    script: &mut Script,
    (random, pause): (&mut Random, Range<i64>),
    start: i64,
    client: Number,
    asks: &[Number],
) {
    let mut at = start;
    for &ask in asks {
        script.add(at, client, ask);
        at += random.between(pause.start, pause.end);
    }
}

/// One name, two certificates, four machines, often within the same minutes.
fn shared_account(script: &mut Script) {
    let mut random = Random::of("ops-shared");
    let machines = [
        ("2024", "kubectl/v1.36.1 (darwin/arm64) kubernetes/b1d5cc9", "203.0.113.21"),
        ("2024", "kubectl/v1.33.2 (linux/amd64) kubernetes/a57b6f7", "198.51.100.40"),
        ("2024", "k9s/v0.50.16 (windows/amd64) kubernetes/$Format", "203.0.113.77"),
        ("2025", "helm/v3.19.0 (linux/amd64) kubernetes/v1.34", "10.4.2.9"),
    ];
    let clients: Vec<Number> = machines
        .map(|(which, agent, address)| {
            script.client(Client::certificate("ops-shared", "ops", which, agent, address))
        })
        .into();
    let asks = script.asks(&[
        "list pods -",
        "get deployments.apps shop/storefront",
        "patch deployments.apps shop/storefront",
        "get secrets payments/psp-key",
        "get pods/log payments/ledger",
        "delete pods data/airflow",
        "list nodes -",
    ]);
    for (midnight, working) in script.days() {
        let share = if working { 64 } else { 18 };
        for &client in &clients {
            if !random.chance(share) {
                continue;
            }
            // Everybody at the same hour: the stand-up's.
            let start = midnight + 9 * HOUR + random.between(0, 25) * MINUTE;
            let count = usize::try_from(random.between(1, 5)).unwrap_or(1);
            let from = usize::try_from(random.between(0, 4)).unwrap_or(0);
            let some = asks.get(from..(from + count).min(asks.len())).unwrap_or_default();
            // One thing at a time, with talk in between.
            apart(script, (&mut random, MINUTE..6 * MINUTE), start, client, some);
        }
    }
}

/// The emergency certificate, once, at night. RBAC is never asked about it.
fn break_glass(script: &mut Script) {
    let mut random = Random::of("break-glass");
    let agent = "kubectl/v1.32.0 (linux/amd64) kubernetes/70d3cc9";
    let client = Client::certificate("break-glass", "system:masters", "1", agent, "10.4.0.2");
    let client = script.client(client);
    let asks = script.asks(&[
        "list nodes -",
        "list pods kube-system",
        "delete pods ingress/ingress-nginx",
        "patch deployments.apps ingress/ingress-nginx",
        "get pods/log ingress/ingress-nginx",
        "list pods ingress",
    ]);
    let start = script.ago((33, 6, 12));
    burst(script, &mut random, start, client, &asks);
}

/// Somebody of a partner's who tries doors; each one is shut.
fn denied_only(script: &mut Script) {
    let mut random = Random::of("yann");
    let agent = "curl/8.17.0";
    let client = Client::person("yann@partner.example", "contractors", agent, "203.0.113.199");
    let client = script.client(client);
    let asks = script.asks(&[
        "list secrets payments",
        "get secrets payments/psp-key",
        "list secrets -",
        "create serviceaccounts/token ci/deployer",
        "list secrets shop",
    ]);
    for (days, hours) in [(44, 5), (41, 22), (30, 3), (24, 4)] {
        let start = script.ago((days, hours, 17));
        burst(script, &mut random, start, client, &asks);
    }
}

/// Support looks through customers' developers' eyes; once, through an admin's, in vain.
fn impersonation(script: &mut Script) {
    let mut random = Random::of("tess");
    let agent = "kubectl/v1.36.1 (darwin/arm64) kubernetes/b1d5cc9";
    let client = Client::person("tess@corp.example", "support", agent, "198.51.100.7");
    let client = script.client(client);
    let acting = |user: &str, group: &str| As {
        user: user.into(),
        groups: vec![group.into(), Identity::AUTHENTICATED.into()],
    };
    let pia = acting("pia@corp.example", "shop-devs");
    let nils = acting("nils@corp.example", "checkout-devs");
    let looks =
        script.asks(&["list pods shop", "get pods/log shop/storefront", "list events shop"]);
    let other = script.asks(&["list pods checkout", "get configmaps checkout/rates"]);
    for (midnight, working) in script.days() {
        if !working || !random.chance(46) {
            continue;
        }
        let mut at = midnight + 10 * HOUR + random.between(0, 5 * 60) * MINUTE;
        let (who, asks) = if random.chance(70) { (&pia, &looks) } else { (&nils, &other) };
        for &ask in asks {
            script.add_as(at, client, ask, Some(who));
            at += random.between(3 * SECOND, 40 * SECOND);
        }
    }
    let admin = acting("mira@corp.example", "platform");
    let ask = script.ask("list secrets payments");
    for minutes in [11, 12, 14] {
        let at = script.ago((16, 2, minutes));
        script.add_as(at, client, ask, Some(&admin));
    }
}

/// Twice a quarter, and no more.
fn auditor(script: &mut Script) {
    let mut random = Random::of("vera");
    let agent = "kubectl/v1.35.4 (linux/amd64) kubernetes/0f17c7b";
    let client = Client::person("vera@corp.example", "auditors", agent, "198.51.100.7");
    let client = script.client(client);
    let asks = script.asks(&[
        "list clusterrolebindings.rbac.authorization.k8s.io -",
        "list rolebindings.rbac.authorization.k8s.io -",
        "list clusterroles.rbac.authorization.k8s.io -",
        "list serviceaccounts -",
    ]);
    for (days, hours) in [(67, 4), (66, 3), (5, 2)] {
        let start = script.ago((days, hours, 30));
        burst(script, &mut random, start, client, &asks);
    }
}

/// The quarter's close: one night in ninety days. A review that looks at thirty days would
/// take its rights away.
fn quarter(script: &mut Script) {
    let mut random = Random::of("quarter-close");
    let pod = "quarter-close-29381760-8mt2v".to_owned();
    let agent = "quarter-close/1.8 (linux/amd64)";
    let client = script.client(Client::pod("data", "quarter-close", pod, agent, "10.42.2.140"));
    let asks = script.asks(&[
        "get configmaps data/fiscal-calendar",
        "get secrets data/ledger-export",
        "create jobs.batch data/close",
        "get jobs.batch data/close",
        "watch jobs.batch data",
        "delete jobs.batch data/close",
    ]);
    for night in 0..4 {
        let start = script.ago((64, 8, 50)) + night * 20 * MINUTE;
        burst(script, &mut random, start, client, &asks);
    }
}

/// How the grant to everybody came about.
fn debug_grant(script: &mut Script, objects: &Objects) {
    let key = (BindingKind::ClusterRoleBinding, "".into(), "tmp-debug-logs".into());
    let made = objects.bindings.get(&key).and_then(|binding| binding.meta.creation_timestamp);
    let Some(made) = made else {
        return;
    };
    let agent = "kubectl/v1.35.4 (linux/amd64) kubernetes/0f17c7b";
    let client = Client::person("annika@corp.example", "platform", agent, "198.51.100.7");
    let client = script.client(client);
    let asks = script.asks(&[
        "create clusterroles.rbac.authorization.k8s.io -/pod-log-reader",
        "create clusterrolebindings.rbac.authorization.k8s.io -/tmp-debug-logs",
    ]);
    let mut at = made.timestamp_micros() - 15_000;
    for &ask in asks.iter().rev() {
        script.add(at, client, ask);
        at -= 40 * SECOND;
    }
}

/// Whatever the day of the week: somebody is on call, and somebody looks after the cluster.
fn on_call(script: &mut Script) {
    let mut random = Random::of("on call");
    let people = [
        ("leila@corp.example", "sre", (0, 0, 26), "203.0.113.54"),
        ("mira@corp.example", "platform", (0, 2, 3), "198.51.100.7"),
        ("ondrej@corp.example", "sre", (0, 0, 41), "198.51.100.7"),
    ];
    let agent = "kubectl/v1.36.1 (darwin/arm64) kubernetes/b1d5cc9";
    let looks = script.asks(&["list pods -", "get pods/log shop/storefront", "list events -"]);
    for (user, groups, ago, address) in people {
        let client = script.client(Client::person(user, groups, agent, address));
        let start = script.ago(ago);
        burst(script, &mut random, start, client, &looks);
    }
}

/// A machine that was forgotten when a token was revoked, and tries on.
fn rejected(script: &mut Script) {
    let client = script.client(Client::rejected("curl/7.68.0", "192.0.2.33"));
    let ask = script.ask("list pods legacy");
    for week in 0..12 {
        let at = script.ago((week * 7 + 3, 4, 9));
        script.add(at, client, ask);
    }
}
