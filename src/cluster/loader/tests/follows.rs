use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::cluster::memory::{Call, Fault, Trouble};

#[tokio::test(start_paused = true)]
async fn what_answers_stand_on_comes_before_pods() {
    let cluster = cluster(world());
    let mut changes = follow(Arc::new(cluster), LoadOptions::default());
    let mut seen = Vec::new();
    while order(&seen).0.len() < ListKind::ALL.len() {
        seen.push(changes.next().await.expect("changes never end"));
    }
    let (settled, first_rows) = order(&seen);
    let place = |list| settled.iter().position(|have| *have == list).expect("settled");
    for list in ListKind::RBAC.into_iter().chain([ListKind::Namespaces, ListKind::ServiceAccounts])
    {
        assert!(place(list) < place(ListKind::Pods) && place(list) < place(ListKind::Workloads));
    }
    // All lists are announced before anything else, and rows come before their list is whole.
    assert!(first_rows.is_some_and(|at| at >= ListKind::ALL.len()));
    let whole = seen.iter().position(
        |change| matches!(change, Change::List(_, state) if state.health == Health::Complete && state.count > 0),
    );
    assert!(first_rows < whole);
}

#[tokio::test(start_paused = true)]
async fn changes_are_followed() {
    let cluster = cluster(world());
    let mut followed = Followed::new(&cluster, LoadOptions::default());
    followed.until_settled().await;
    cluster.put(account("shop", "new"));
    cluster.remove(&account("shop", "default"));
    cluster.put(rbac("RoleBinding", "pay", "b"));
    followed.until_fresh(&cluster, &LoadOptions::default()).await;
    assert!(followed.snapshot.taken_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_is_served_anew_is_known_in_half_a_minute() {
    let cluster = cluster(world());
    let mut followed = Followed::new(&cluster, LoadOptions::default());
    followed.until_settled().await;
    let mut discovery = (*followed.snapshot.discovery).clone();
    let mut gizmos = discovery.resources[0].clone();
    (gizmos.group, gizmos.name) = ("zz.example.org".into(), "gizmos".into());
    discovery.resources.push(gizmos);
    cluster.serve(discovery.clone());
    let begun = tokio::time::Instant::now();
    followed.until("the new resource", |snapshot| *snapshot.discovery == discovery).await;
    assert!(begun.elapsed() <= std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_refused_and_not_served_is_whole_and_empty() {
    let cluster = cluster(world());
    let somebody = cluster.operated_by(Operator::new("ada@corp.example", &[]));
    let snapshot = loaded(&somebody, &LoadOptions::default()).await;
    // The table of the cluster in memory has neither of these.
    for list in [ListKind::OAuthTokens, ListKind::RbacDefinitions] {
        assert_eq!(health(&snapshot, list), Health::Complete, "{list}");
    }
    assert_eq!(health(&snapshot, ListKind::Pods), Health::Forbidden);
    let mut discovery = (*snapshot.discovery).clone();
    discovery.failed_groups.push(("oauth.openshift.io".into(), "stale".into()));
    somebody.serve(discovery);
    let snapshot = loaded(&somebody, &LoadOptions::default()).await;
    assert_eq!(health(&snapshot, ListKind::OAuthTokens), Health::Forbidden);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_resumed_without_a_word() {
    let cluster = cluster(world());
    let mut followed = Followed::new(&cluster, LoadOptions::default());
    followed.until_settled().await;
    cluster.disconnect();
    cluster.put(namespace("late"));
    followed.until_fresh(&cluster, &LoadOptions::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_list_is_outdated_while_the_server_is_away() {
    let cluster = cluster(world());
    let mut followed = Followed::new(&cluster, LoadOptions::default());
    followed.until_settled().await;
    cluster.stop();
    followed
        .until("outdated lists", |snapshot| {
            ListKind::ALL
                .into_iter()
                .filter(|list| *list != ListKind::Discovery)
                .all(|list| health(snapshot, list) == Health::Outdated)
                && reason(snapshot, ListKind::Roles).contains("connection refused")
        })
        .await;
    cluster.put(namespace("late"));
    cluster.start();
    followed.until_fresh(&cluster, &LoadOptions::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_past_is_read_afresh() {
    let cluster = cluster(world());
    let mut followed = Followed::new(&cluster, LoadOptions::default());
    followed.until_settled().await;
    cluster.stop();
    cluster.remove(&namespace("pay"));
    cluster.remove(&deployment("pay", "web"));
    cluster.put(deployment("pay", "other"));
    cluster.put(rbac("ClusterRole", "", "late"));
    cluster.compact();
    cluster.start();
    followed.until_fresh(&cluster, &LoadOptions::default()).await;
    // One resource that is read afresh leaves the others of its list alone.
    assert_eq!(followed.snapshot.list(ListKind::Workloads).count, 4);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_at_first_is_there_later() {
    let cluster = cluster(world());
    cluster.inject(Fault::always(Call::List, Trouble::Nonsense).on(ListKind::Roles).times(3));
    cluster.inject(Fault::always(Call::Info, Trouble::Reset).times(30));
    let mut followed = Followed::new(&cluster, LoadOptions::default());
    followed
        .until("a failure", |snapshot| health(snapshot, ListKind::Roles) == Health::Failed)
        .await;
    followed
        .until("the list and who looks", |snapshot| {
            health(snapshot, ListKind::Roles) == Health::Complete && !snapshot.cluster.id.is_empty()
        })
        .await;
    followed.until_fresh(&cluster, &LoadOptions::default()).await;
}

#[tokio::test(start_paused = true)]
async fn what_may_be_read_and_not_watched_is_read_again_and_again() {
    let cluster = cluster(world());
    let refused = Trouble::Forbidden("no watching".to_owned());
    cluster.inject(Fault::always(Call::Watch, refused).on(ListKind::Roles));
    let mut followed = Followed::new(&cluster, LoadOptions::default());
    followed.until_settled().await;
    cluster.put(rbac("Role", "shop", "late"));
    followed.until_fresh(&cluster, &LoadOptions::default()).await;
    assert_eq!(health(&followed.snapshot, ListKind::Roles), Health::Complete);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_found_any_more_leaves_what_was_known_outdated() {
    let cluster = cluster(world());
    let mut followed = Followed::new(&cluster, LoadOptions::default());
    followed.until_settled().await;
    let count = followed.snapshot.list(ListKind::Roles).count;
    // As when something in between forgets the way.
    cluster.inject(Fault::always(Call::List, Trouble::NotFound).on(ListKind::Roles));
    cluster.inject(Fault::always(Call::Watch, Trouble::NotFound).on(ListKind::Roles).times(9));
    cluster.disconnect();
    followed
        .until("an outdated list", |snapshot| health(snapshot, ListKind::Roles) == Health::Outdated)
        .await;
    assert_eq!(followed.snapshot.list(ListKind::Roles).count, count);
    cluster.put(rbac("Role", "shop", "late"));
    followed
        .until("the list again", |snapshot| {
            let roles = snapshot.list(ListKind::Roles);
            (roles.health, roles.count) == (Health::Complete, count + 1)
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_lost_leaves_what_was_known_outdated() {
    let cluster = cluster(world());
    let mut followed = Followed::new(&cluster, LoadOptions::default());
    followed.until_settled().await;
    let refused = || Trouble::Forbidden("not any more".to_owned());
    cluster.inject(Fault::always(Call::List, refused()).on(ListKind::Roles));
    cluster.inject(Fault::always(Call::Watch, refused()).on(ListKind::Roles));
    cluster.disconnect();
    followed
        .until("an outdated list", |snapshot| {
            health(snapshot, ListKind::Roles) == Health::Outdated
                && reason(snapshot, ListKind::Roles).contains("not any more")
        })
        .await;
    cluster.heal();
    followed.until_fresh(&cluster, &LoadOptions::default()).await;
}

#[tokio::test(start_paused = true)]
async fn namespaces_read_one_by_one_are_followed_one_by_one() {
    let cluster = cluster(world());
    let cluster =
        confined(&cluster, &["shop"], &["namespaces", "clusterroles", "clusterrolebindings"]);
    let mut followed = Followed::new(&cluster, LoadOptions::default());
    followed.until_settled().await;
    cluster.put(account("shop", "seen"));
    cluster.put(account("pay", "unseen"));
    cluster.stop();
    cluster.remove(&rbac("Role", "shop", "r"));
    cluster.compact();
    cluster.start();
    followed.until_fresh(&cluster, &LoadOptions::default()).await;
    let names = |ns: &str| {
        let accounts = followed.snapshot.objects.service_accounts.keys();
        accounts.filter(|(have, _)| &**have == ns).count()
    };
    assert_eq!((names("shop"), names("pay")), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn very_many_namespaces_are_read_again_and_again() {
    let mut objects = world();
    let names: Vec<String> = (0..100).map(|number| format!("ns-{number:03}")).collect();
    for name in &names {
        objects.extend([namespace(name), account(name, "default")]);
    }
    let cluster = cluster(objects);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let ada = confined(&cluster, &names, &["namespaces"]);
    let mut followed = Followed::new(&ada, LoadOptions::default());
    followed.until_settled().await;
    cluster.put(account("ns-050", "late"));
    followed.until_fresh(&ada, &LoadOptions::default()).await;
    assert_eq!(followed.snapshot.list(ListKind::ServiceAccounts).count, 101);
}

#[tokio::test(start_paused = true)]
async fn reading_again_empties_nothing_and_leaves_nothing_behind() {
    let cluster = cluster(world());
    let options = LoadOptions { page: 1, ..LoadOptions::default() };
    let mut followed = Followed::new(&cluster, options.clone());
    followed.until_settled().await;
    // Nobody is told of this.
    followed.again(&cluster, options.clone());
    cluster.remove(&rbac("Role", "shop", "r"));
    cluster.remove(&deployment("shop", "web"));
    cluster.remove(&plain("v1", "Pod", "pay", "web-0"));
    cluster.put(deployment("pay", "late"));
    let busy = Trouble::Busy { status: 500, retry_after: None };
    cluster.inject(Fault::always(Call::List, busy.clone()).on(ListKind::ServiceAccounts));
    cluster.inject(Fault::always(Call::List, busy).on_resource("jobs"));
    let mut rows = usize::MAX;
    let settled = |snapshot: &Snapshot| {
        [ListKind::ServiceAccounts, ListKind::Workloads]
            .iter()
            .all(|list| snapshot.list(*list).health == Health::Outdated)
            && snapshot.list(ListKind::Pods).health == Health::Complete
    };
    let mut begun = false;
    while !(begun && settled(&followed.snapshot)) {
        followed.snapshot.apply(followed.changes.next().await.expect("changes never end"));
        begun |= followed.snapshot.list(ListKind::Pods).health == Health::Loading;
        let objects = &followed.snapshot.objects;
        rows = rows.min(objects.service_accounts.len() + objects.others.len());
    }
    // What cannot be read again stays as it was: two accounts, two Deployments and two Jobs.
    assert_eq!(rows, 6);
    assert_eq!(followed.snapshot.objects.pods.len(), 1);
    cluster.heal();
    followed.until_fresh(&cluster, &options).await;
}

/// One random step: a change, or something that goes wrong.
fn step(cluster: &MemoryCluster, random: &mut StdRng) {
    let ns = ["pay", "shop", "ops"][random.random_range(0..3)];
    let name = ["a", "b", "c", "d"][random.random_range(0..4)];
    let object = match random.random_range(0..7) {
        0 => namespace(ns),
        1 => account(ns, name),
        2 => rbac("Role", ns, name),
        3 => rbac("ClusterRole", "", name),
        4 => rbac("RoleBinding", ns, name),
        5 => deployment(ns, name),
        _ => plain("batch/v1", "CronJob", ns, name),
    };
    match random.random_range(0..20) {
        0 => cluster.disconnect(),
        1 => cluster.compact(),
        2 => cluster.stop(),
        3 => {
            cluster.start();
            cluster.heal();
        }
        4 => {
            let lists = ListKind::ALL;
            let list = lists[random.random_range(0..lists.len())];
            let call = if random.random_bool(0.5) { Call::List } else { Call::Watch };
            let trouble = match random.random_range(0..5) {
                0 => Trouble::Gone,
                1 => Trouble::Reset,
                2 => Trouble::Busy { status: 500, retry_after: None },
                3 => Trouble::Slow(Duration::from_secs(40)),
                _ => Trouble::Nonsense,
            };
            cluster.inject(Fault::always(call, trouble).on(list).times(random.random_range(1..6)));
        }
        5..9 => drop(cluster.remove(&object)),
        _ => cluster.put(object),
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_ends_as_a_fresh_load() {
    for seed in 0..20 {
        let mut random = StdRng::seed_from_u64(seed);
        let cluster = cluster(world());
        let options = LoadOptions { page: 3, ..LoadOptions::default() };
        let mut followed = Followed::new(&cluster, options.clone());
        for _ in 0..200 {
            step(&cluster, &mut random);
            if random.random_bool(0.02) {
                followed.again(&cluster, options.clone());
            }
            let pause = Duration::from_millis(random.random_range(0..800));
            // What comes during the pause is taken over; nothing is waited for.
            let _ = tokio::time::timeout(pause, async {
                while let Some(change) = followed.changes.next().await {
                    followed.snapshot.apply(change);
                }
            })
            .await;
        }
        cluster.start();
        cluster.heal();
        followed.until_fresh(&cluster, &options).await;
    }
}
