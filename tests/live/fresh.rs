//! A fresh control plane is as it should be: nothing about it is found.

use std::sync::Arc;

use chrono::Utc;
use keybook::audit::{self, Options, SourceSpec};
use keybook::book::{Book, Inputs, LogState};
use keybook::cluster::kube::{ConnectOptions, connect};
use keybook::cluster::loader::{LoadOptions, load};
use keybook::findings;
use keybook::model::{Health, Identity, Policy, Snapshot};
use keybook::reach::Reach;

use crate::support::cluster::{self, Cluster};

fn live(cluster: &Cluster) -> Snapshot {
    let options =
        ConnectOptions { kubeconfig: Some(cluster.kubeconfig()), ..ConnectOptions::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let cluster = connect(&options).await.expect("connect");
        load(&*cluster, &LoadOptions::default()).await.expect("a snapshot")
    })
}

#[test]
fn a_fresh_control_plane_has_nothing_to_find() {
    let options = cluster::Options { workloads: true, ..cluster::Options::default() };
    let Some(cluster) = Cluster::start(&options) else { return };
    let snapshot = Arc::new(live(&cluster));
    for (list, state) in &snapshot.lists {
        assert_eq!(state.health, Health::Complete, "{list:?}");
    }
    let build = |activity, log| {
        Book::build(Inputs {
            snapshot: snapshot.clone(),
            activity,
            log,
            policy: Arc::new(Policy::default()),
            now: Utc::now(),
        })
    };
    let without = build(None, LogState::None);
    assert!(without.entries().count() > 40, "{}", without.entries().count());
    assert_eq!(without.findings(), [] as [&_; 0]);
    // Its controllers can become more by design; nobody can by what was added.
    let reach = Reach::new(&without);
    let all = reach.all();
    assert!(all.iter().filter(|one| one.is_higher()).count() > 10);
    assert_eq!(findings::reach::all(&reach, &all), []);
    assert_eq!(reach.cuts(&all), []);
    // Its log covers seconds, which prove nobody idle.
    let log = [SourceSpec::Path(cluster.audit_log())];
    let activity = Arc::new(audit::read(&log, &Options::new(Utc::now()), &()).expect("a log"));
    assert!(activity.coverage().events > 100);
    let with = build(Some(activity), LogState::Ready);
    // It shows who looked, though: the administrator that the tests are, by a certificate.
    let found: Vec<_> = with.findings().iter().map(|f| (f.rule, f.identity.clone())).collect();
    assert_eq!(found, [("cluster-admin", Identity::user("kubernetes-admin"))]);
    println!(
        "fresh: {} identities, {} grants, 0 findings without a log, and with {} requests of its \
         own only that its administrator is one",
        with.entries().count(),
        with.grants().count(),
        with.coverage().map_or(0, |coverage| coverage.events)
    );
}
