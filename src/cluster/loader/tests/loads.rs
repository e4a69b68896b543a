use super::*;
use crate::cluster::Error;
use crate::cluster::memory::{Call, Fault, Trouble};

#[tokio::test(start_paused = true)]
async fn everything_is_read_in_pages() {
    let mut objects = world();
    for n in 0..25 {
        objects.push(namespace(&format!("ns-{n:02}")));
    }
    let cluster = cluster(objects.clone());
    let options = LoadOptions { page: 3, ..LoadOptions::default() };
    let snapshot = loaded(&cluster, &options).await;
    for list in ListKind::ALL {
        assert_eq!(health(&snapshot, list), Health::Complete, "{list}");
    }
    assert_eq!(snapshot.objects, cluster.objects());
    assert_eq!(snapshot.list(ListKind::Namespaces).count, 27);
    assert_eq!(snapshot.list(ListKind::Workloads).count, 4);
    assert!(snapshot.taken_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn lists_that_were_not_asked_for_are_not_given() {
    let cluster = cluster(world());
    let snapshot = loaded(&cluster, &LoadOptions::only(&ListKind::RBAC)).await;
    assert_eq!(health(&snapshot, ListKind::Pods), Health::NotGiven);
    assert_eq!(health(&snapshot, ListKind::Roles), Health::Complete);
    assert_eq!(health(&snapshot, ListKind::Namespaces), Health::Complete);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_everywhere_is_read_in_the_namespaces_that_are_listed() {
    let cluster = cluster(world());
    let cluster = confined(&cluster, &["shop"], &["namespaces", "clusterroles"]);
    let snapshot = loaded(&cluster, &LoadOptions::default()).await;
    let state = snapshot.list(ListKind::RoleBindings);
    assert_eq!((state.health, state.count), (Health::Partial, 2));
    assert_eq!(state.namespaces, ["shop".into()]);
    let words = "User \"ada@corp.example\" cannot list resource \"rolebindings\"";
    assert!(reason(&snapshot, ListKind::RoleBindings).contains(words), "{state:?}");
    assert!(reason(&snapshot, ListKind::RoleBindings).contains("1 of 2 namespaces"), "{state:?}");
    assert_eq!(health(&snapshot, ListKind::ClusterRoles), Health::Complete);
    // What has no namespaces cannot be got around.
    assert_eq!(health(&snapshot, ListKind::ClusterRoleBindings), Health::Forbidden);
    // Six resources, all of them in the same namespace.
    let workloads = snapshot.list(ListKind::Workloads);
    assert_eq!((workloads.health, workloads.count), (Health::Partial, 2));
}

#[tokio::test(start_paused = true)]
async fn without_the_right_to_list_namespaces_the_given_ones_serve() {
    let cluster = cluster(world());
    let cluster = confined(&cluster, &["shop", "pay"], &["clusterroles"]);
    let given = ["shop", "pay", "elsewhere"].map(Into::into).to_vec();
    let options = LoadOptions { namespaces: given, ..LoadOptions::default() };
    let snapshot = loaded(&cluster, &options).await;
    assert_eq!(health(&snapshot, ListKind::Namespaces), Health::Forbidden);
    let state = snapshot.list(ListKind::ServiceAccounts);
    assert_eq!((state.health, state.count), (Health::Partial, 2));
    assert_eq!(state.namespaces, ["pay".into(), "shop".into()]);
}

#[tokio::test(start_paused = true)]
async fn where_no_namespace_is_known_the_refusal_stands_and_says_what_to_do() {
    let cluster = cluster(world());
    let cluster = confined(&cluster, &["shop"], &[]);
    let snapshot = loaded(&cluster, &LoadOptions::default()).await;
    assert_eq!(health(&snapshot, ListKind::Roles), Health::Forbidden);
    assert!(reason(&snapshot, ListKind::Roles).contains("name some with -n"));
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_is_not_served_is_a_whole_list_of_nothing() {
    let cluster = cluster(world());
    cluster.inject(Fault::always(Call::List, Trouble::NotFound).on(ListKind::RbacDefinitions));
    let snapshot = loaded(&cluster, &LoadOptions::default()).await;
    let state = snapshot.list(ListKind::RbacDefinitions);
    assert_eq!((state.health, state.count, state.reason), (Health::Complete, 0, None));
}

#[tokio::test(start_paused = true)]
async fn what_every_api_server_serves_is_not_empty_for_not_being_found() {
    let cluster = cluster(world());
    cluster.inject(Fault::always(Call::List, Trouble::NotFound));
    let snapshot = loaded(&cluster, &LoadOptions::default()).await;
    for list in ListKind::RBAC.into_iter().chain([ListKind::Namespaces, ListKind::ServiceAccounts])
    {
        assert_eq!(health(&snapshot, list), Health::Failed, "{list}");
        assert!(reason(&snapshot, list).contains("the path in the server's URL"), "{list}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_list_holds_up_no_other() {
    let cluster = cluster(world());
    let slow = Trouble::Slow(PATIENCE);
    cluster.inject(Fault::always(Call::List, slow).on(ListKind::ServiceAccounts));
    cluster.inject(Fault::always(Call::List, Trouble::Nonsense).on(ListKind::TokenSecrets));
    cluster.inject(Fault::always(Call::Discovery, Trouble::Reset));
    let snapshot = loaded(&cluster, &LoadOptions::default()).await;
    for list in ListKind::ALL {
        let failing = matches!(
            list,
            ListKind::ServiceAccounts | ListKind::TokenSecrets | ListKind::Discovery
        );
        let want = if failing { Health::Failed } else { Health::Complete };
        assert_eq!(health(&snapshot, list), want, "{list}");
        assert_eq!(failing, snapshot.list(list).reason.is_some(), "{list}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_resource_of_several_that_fails_is_the_lists_failure() {
    let cluster = cluster(world());
    let refused = Trouble::Forbidden("jobs are none of your business".to_owned());
    cluster.inject(Fault::always(Call::List, refused).on_resource("jobs"));
    let snapshot = loaded(&cluster, &LoadOptions::default()).await;
    let state = snapshot.list(ListKind::Workloads);
    assert_eq!((state.health, state.count), (Health::Forbidden, 2));
    assert!(reason(&snapshot, ListKind::Workloads).contains("jobs are none of your business"));
}

#[tokio::test(start_paused = true)]
async fn reads_that_may_succeed_later_are_tried_again_for_a_bounded_time() {
    let cluster = cluster(world());
    let busy = Trouble::Busy { status: 429, retry_after: Some(Duration::from_secs(1)) };
    cluster.inject(Fault::always(Call::List, busy).on(ListKind::Roles).times(2));
    cluster.inject(Fault::always(Call::List, Trouble::Reset).on(ListKind::Namespaces).times(3));
    let down = Trouble::Busy { status: 503, retry_after: Some(Duration::from_hours(2)) };
    cluster.inject(Fault::always(Call::List, down).on(ListKind::ServiceAccounts));
    let began = tokio::time::Instant::now();
    let snapshot = loaded(&cluster, &LoadOptions::default()).await;
    assert_eq!(health(&snapshot, ListKind::Roles), Health::Complete);
    assert_eq!(health(&snapshot, ListKind::Namespaces), Health::Complete);
    assert_eq!(health(&snapshot, ListKind::ServiceAccounts), Health::Failed);
    assert!(began.elapsed() <= LoadOptions::default().patience + Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_the_server_forgets_meanwhile_is_begun_anew() {
    let cluster = cluster(world());
    let gone = Fault::always(Call::List, Trouble::Gone).on(ListKind::ServiceAccounts);
    cluster.inject(gone.after(1).times(1));
    let options = LoadOptions { page: 1, ..LoadOptions::default() };
    let snapshot = loaded(&cluster, &options).await;
    let state = snapshot.list(ListKind::ServiceAccounts);
    assert_eq!((state.health, state.count), (Health::Complete, 2));
    assert_eq!(snapshot.objects, cluster.objects());
}

#[tokio::test(start_paused = true)]
async fn a_cluster_out_of_reach_is_an_error_and_no_snapshot() {
    let cluster = cluster(world());
    cluster.stop();
    let error = load(&cluster, &LoadOptions::default()).await;
    assert!(matches!(error, Err(Error::Unreachable { .. })), "{error:?}");
    cluster.start();
    cluster.inject(Fault::always(Call::Info, Trouble::Unauthenticated));
    let error = load(&cluster, &LoadOptions::default()).await;
    assert!(matches!(error, Err(Error::Unauthenticated { .. })), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn discovery_that_lacks_groups_says_which() {
    let cluster = cluster(world());
    let mut discovery = crate::cluster::Cluster::discovery(&cluster).await.expect("discovery");
    discovery.failed_groups.push(("metrics.example.org".into(), "stale".into()));
    cluster.serve(discovery.clone());
    let snapshot = loaded(&cluster, &LoadOptions::default()).await;
    assert_eq!(health(&snapshot, ListKind::Discovery), Health::Partial);
    assert_eq!(reason(&snapshot, ListKind::Discovery), "metrics.example.org: stale");
    assert_eq!(*snapshot.discovery, discovery);
}
