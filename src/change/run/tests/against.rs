//! Taking a run back against what a later one took.

use super::*;

async fn undoing(desk: &Desk, cluster: &MemoryCluster, run: u64) -> Plan {
    let plan = desk
        .at_work(cluster, cluster, async |runner| runner.undoing(run, Changed::Stops).await)
        .await;
    plan.expect("a plan that undoes")
}

#[test]
fn who_was_revoked_since_is_given_nothing_back_unsaid() {
    block_on(async {
        let cluster = cluster().await;
        let desk = Desk::new();
        let first = plan(&cluster, &["rb:n/lone=user:ann", "rb:n/other=user:bob"]).await;
        apply(&desk, &cluster, &first).await.expect("applied");
        assert_eq!(undoing(&desk, &cluster, 1).await.gives_back, None, "nothing came since");
        let second = plan(&cluster, &["user:ann"]).await;
        apply(&desk, &cluster, &second).await.expect("applied");
        let undo = undoing(&desk, &cluster, 1).await;
        let given = undo.gives_back.clone().expect("it gives something back");
        assert_eq!(given.sentence, "give back what run 2 took");
        assert_eq!(
            given.what,
            "it gives back what was taken since. run 2 (revoke user:ann) stands: user:ann: get pods in \
             namespace n; list pods in namespace n"
        );
        // The sum is over it too.
        assert_eq!(undo.digest(), undo.metadata.digest);
        // What was undone stands for nothing.
        super::undo(&desk, &cluster, 2).await;
        assert_eq!(undoing(&desk, &cluster, 1).await.gives_back, None);
    });
}

#[test]
fn a_later_run_about_others_is_in_nobodys_way() {
    block_on(async {
        let cluster = cluster().await;
        let desk = Desk::new();
        let first = plan(&cluster, &["rb:n/lone=user:ann"]).await;
        apply(&desk, &cluster, &first).await.expect("applied");
        let second = plan(&cluster, &["user:bob"]).await;
        apply(&desk, &cluster, &second).await.expect("applied");
        assert_eq!(undoing(&desk, &cluster, 1).await.gives_back, None);
    });
}

#[test]
fn what_a_later_run_took_by_another_binding_is_the_same_access() {
    block_on(async {
        let cluster = cluster().await;
        let desk = Desk::new();
        for wish in ["rb:n/lone=user:ann", "rb:n/both=user:ann"] {
            let plan = plan(&cluster, &[wish]).await;
            apply(&desk, &cluster, &plan).await.expect("applied");
        }
        // By the binding for the whole cluster ann may all the same.
        assert_eq!(undoing(&desk, &cluster, 1).await.gives_back, None);
        let every = plan(&cluster, &["crb:every=user:ann"]).await;
        apply(&desk, &cluster, &every).await.expect("applied");
        let given = undoing(&desk, &cluster, 1).await.gives_back.expect("it gives back");
        assert_eq!(given.sentence, "give back what run 3 took");
    });
}
