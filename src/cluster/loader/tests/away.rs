//! A server that goes away and comes back, before somebody who may not list everywhere.

use super::*;
use crate::cluster::memory::{Call, Fault, Trouble};

/// Ada may read two namespaces, of which one is named.
fn few_rights() -> (MemoryCluster, LoadOptions) {
    let cluster = confined(&cluster(world()), &["pay", "shop"], &[]);
    let options = LoadOptions { namespaces: vec!["shop".into()], ..LoadOptions::default() };
    (cluster, options)
}

fn refused() -> Trouble {
    Trouble::Forbidden("RBAC is not ready".to_owned())
}

async fn until_all_failed(followed: &mut Followed) {
    followed
        .until("failed lists", |snapshot| {
            ListKind::ALL
                .into_iter()
                .all(|list| matches!(health(snapshot, list), Health::Failed | Health::Outdated))
        })
        .await;
}

async fn until_known(followed: &mut Followed, cluster: &MemoryCluster, options: &LoadOptions) {
    followed.until_fresh(cluster, options).await;
    let snapshot = &followed.snapshot;
    assert_eq!(snapshot.cluster.operator.as_deref(), Some("ada@corp.example"));
    assert_eq!(health(snapshot, ListKind::Roles), Health::Partial);
    assert_eq!(*snapshot.list(ListKind::Roles).namespaces, ["shop".into()]);
    assert_eq!(snapshot.objects.roles.len(), 1);
    assert_eq!(health(snapshot, ListKind::Discovery), Health::Complete);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_away_at_first_is_asked_namespace_by_namespace_once_it_is_there() {
    let (cluster, options) = few_rights();
    cluster.stop();
    let mut followed = Followed::new(&cluster, options.clone());
    until_all_failed(&mut followed).await;
    cluster.start();
    until_known(&mut followed, &cluster, &options).await;
    cluster.put(rbac("Role", "shop", "late"));
    followed.until_fresh(&cluster, &options).await;
    assert_eq!(followed.snapshot.objects.roles.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_read_again_while_the_server_is_away_comes_back_with_it() {
    let (cluster, options) = few_rights();
    let mut followed = Followed::new(&cluster, options.clone());
    until_known(&mut followed, &cluster, &options).await;
    cluster.stop();
    followed.again(&cluster, options.clone());
    until_all_failed(&mut followed).await;
    cluster.start();
    until_known(&mut followed, &cluster, &options).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_starts_refuses_for_a_while_what_it_allows() {
    let (cluster, options) = few_rights();
    cluster.stop();
    let mut followed = Followed::new(&cluster, options.clone());
    until_all_failed(&mut followed).await;
    cluster.inject(Fault::always(Call::List, refused()));
    cluster.inject(Fault::always(Call::Discovery, refused()));
    cluster.start();
    followed
        .until("refusals", |snapshot| {
            [ListKind::Roles, ListKind::Pods, ListKind::Discovery]
                .into_iter()
                .all(|list| health(snapshot, list) == Health::Forbidden)
        })
        .await;
    cluster.heal();
    until_known(&mut followed, &cluster, &options).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_starts_anew_refuses_for_a_while_what_it_allowed() {
    let (cluster, options) = few_rights();
    let mut followed = Followed::new(&cluster, options.clone());
    until_known(&mut followed, &cluster, &options).await;
    cluster.stop();
    cluster.inject(Fault::always(Call::Watch, refused()));
    cluster.inject(Fault::always(Call::List, refused()));
    cluster.put(rbac("Role", "shop", "late"));
    cluster.start();
    followed
        .until("refusals", |snapshot| {
            reason(snapshot, ListKind::Roles).ends_with("RBAC is not ready")
        })
        .await;
    cluster.heal();
    followed.until_fresh(&cluster, &options).await;
    assert_eq!(followed.snapshot.objects.roles.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_may_list_everywhere_is_not_left_with_a_part_by_a_server_that_starts() {
    let cluster = cluster(world());
    let options = LoadOptions { namespaces: vec!["shop".into()], ..LoadOptions::default() };
    cluster.stop();
    let mut followed = Followed::new(&cluster, options.clone());
    until_all_failed(&mut followed).await;
    cluster.inject(Fault::always(Call::List, refused()).everywhere());
    cluster.start();
    followed.until("a part", |snapshot| health(snapshot, ListKind::Roles) == Health::Partial).await;
    cluster.heal();
    followed.until_fresh(&cluster, &options).await;
    assert_eq!(health(&followed.snapshot, ListKind::Roles), Health::Complete);
    // What is gone since is gone, of resources that share a list too.
    cluster.remove(&deployment("pay", "web"));
    cluster.remove(&rbac("Role", "pay", "r"));
    followed.until_fresh(&cluster, &options).await;
}

#[tokio::test(start_paused = true)]
async fn namespaces_that_are_listed_late_are_looked_into() {
    let cluster = confined(&cluster(world()), &["pay", "shop"], &["namespaces"]);
    let options = LoadOptions { namespaces: vec!["shop".into()], ..LoadOptions::default() };
    let fault = Fault::always(Call::List, Trouble::Nonsense).on(ListKind::Namespaces);
    cluster.inject(fault.times(9));
    let mut followed = Followed::new(&cluster, options.clone());
    followed
        .until("one namespace", |snapshot| snapshot.list(ListKind::Roles).namespaces.len() == 1)
        .await;
    followed
        .until("two namespaces", |snapshot| snapshot.list(ListKind::Roles).namespaces.len() == 2)
        .await;
    followed.until_fresh(&cluster, &options).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_stands_is_not_asked_about_again_and_again() {
    let (cluster, options) = few_rights();
    let mut followed = Followed::new(&cluster, options.clone());
    until_known(&mut followed, &cluster, &options).await;
    // Would be used up by a question for all Roles.
    cluster.inject(
        Fault::always(Call::List, Trouble::Nonsense).on(ListKind::Roles).everywhere().times(1),
    );
    tokio::time::sleep(Duration::from_hours(1)).await;
    let (list, everywhere) = (ListKind::Roles, crate::cluster::Extent::All);
    let source = crate::cluster::Source::of(list)[0];
    let answer = crate::cluster::Cluster::list(&cluster, &source, &everywhere, 1, None).await;
    assert!(matches!(answer, Err(crate::cluster::Error::Failed { .. })), "{answer:?}");
}
