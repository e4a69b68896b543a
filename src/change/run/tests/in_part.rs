//! Taking a run back in part, where somebody changed since what it wrote.

use super::*;

async fn undoing(
    desk: &Desk,
    cluster: &MemoryCluster,
    run: u64,
    changed: Changed,
) -> Result<Plan, String> {
    let work = async |runner: &mut Runner<'_>| runner.undoing(run, changed).await;
    desk.at_work(cluster, cluster, work).await.map_err(|error| error.to_string())
}

async fn subjects(cluster: &MemoryCluster, path: &str, of: Value) {
    let mut object = cluster.get(path).await.expect("there");
    object["subjects"] = of;
    cluster.replace(path, &object, DryRun::No).await.expect("replace");
}

#[test]
fn what_somebody_changed_is_left_and_the_rest_is_taken_back_and_that_later() {
    block_on(async {
        let cluster = cluster().await;
        let before = state(&cluster).await;
        let [every, both, lone, _] = paths();
        let plan = plan(&cluster, &["user:ann"]).await;
        let desk = Desk::new();
        apply(&desk, &cluster, &plan).await.expect("applied");
        subjects(&cluster, &every, json!([user("bob"), user("eve")])).await;
        let now = state(&cluster).await;

        let refused = undoing(&desk, &cluster, 1, Changed::Stops).await.expect_err("it is changed");
        for words in [
            "nothing was written: what somebody changed since run 1 is not overwritten",
            "ClusterRoleBinding every was changed since",
            "take back the other 2 of 3 steps: keybook undo 1 --leave-changed",
        ] {
            assert!(refused.contains(words), "{refused}");
        }
        let part = undoing(&desk, &cluster, 1, Changed::Left).await.expect("a part");
        assert_eq!((part.steps.len(), part.leaves.len()), (2, 1), "{:?}", part.leaves);
        assert!(part.leaves[0].changed && &*part.leaves[0].target.name == "every");
        assert_eq!(part.digest(), part.metadata.digest);
        let said =
            "ClusterRoleBinding every is left as it is: ClusterRoleBinding every was changed since";
        assert!(part.warnings.iter().any(|line| line.starts_with(said)), "{:?}", part.warnings);
        // Of what the run had refused, ann may in the namespace again, and nowhere else.
        let asked: Vec<String> =
            part.verification.again.iter().map(crate::change::plan::Check::what).collect();
        assert_eq!(asked, ["get pods in namespace n"]);
        let found = preflight(&cluster, &cluster, &part, &[]).await.expect("a preflight");
        assert_eq!(found.problems, Vec::<String>::new());
        let (run, ended) = apply(&desk, &cluster, &part).await.expect("applied");
        assert_eq!((run, ended), (2, Ended::Done(Vec::new())));
        let after = state(&cluster).await;
        for path in [&both, &lone] {
            assert_eq!(after[path], before[path]);
        }
        assert_eq!(after[&every], now[&every]);

        let run = desk.history().runs[&1].clone();
        assert_eq!(run.words(), "undone by run 2 but for 1 of its steps");
        assert!(run.stands() && !run.is_open() && run.was_undone());
        let left: Vec<u32> = run.remains().iter().map(|made| made.step).collect();
        assert_eq!((left, run.left_alone.len()), (vec![part.leaves[0].step], 1));
        let finish = desk.at_work(&cluster, &cluster, async |runner| runner.finish(1).await).await;
        assert!(matches!(finish, Err(RunError::Refused(_))), "{finish:?}");

        // As long as it is so, nothing more is.
        for changed in [Changed::Stops, Changed::Left] {
            let refused = undoing(&desk, &cluster, 1, changed).await.expect_err("it is changed");
            assert!(refused.contains("ClusterRoleBinding every"), "{refused}");
        }
        assert_eq!(state(&cluster).await, after);
        // Once it reads as the run left it, that is taken back too.
        subjects(&cluster, &every, json!([user("bob")])).await;
        assert_eq!(undo(&desk, &cluster, 1).await, Ended::Done(Vec::new()));
        assert_eq!(state(&cluster).await, before);
        assert_eq!(desk.history().runs[&1].words(), "undone by run 3");
    });
}

#[test]
fn a_run_that_was_cut_off_is_not_gone_on_with_once_a_part_of_it_was_taken_back() {
    block_on(async {
        let cluster = cluster().await;
        let [every, both, ..] = paths();
        let plan = plan(&cluster, &["user:ann"]).await;
        let desk = Desk::new();
        // The third write is refused.
        let refused = Trouble::Forbidden("no".to_owned());
        cluster.inject(Fault::always(Call::Write, refused).after(5));
        let (_, ended) = apply(&desk, &cluster, &plan).await.expect("a run");
        cluster.heal();
        let Ended::Stopped { step: Some(3), .. } = ended else { panic!("{ended:?}") };
        subjects(&cluster, &both, json!([user("eve")])).await;
        let part = undoing(&desk, &cluster, 1, Changed::Left).await.expect("a part");
        apply(&desk, &cluster, &part).await.expect("applied");
        let back = cluster.get(&every).await.expect("there");
        assert_eq!(back["subjects"], json!([user("ann"), user("bob")]));
        let history = desk.history();
        assert_eq!(history.runs[&1].words(), "undone by run 2 but for 1 of its steps");
        assert_eq!(history.open(), None);
        let finish = desk.at_work(&cluster, &cluster, async |runner| runner.finish(1).await).await;
        assert!(matches!(finish, Err(RunError::Refused(_))), "{finish:?}");
    });
}

/// A binding that a later run deleted, and that was put back, is the earlier run's as it was before.
#[test]
fn runs_are_taken_back_one_after_another_though_objects_were_made_again() {
    block_on(async {
        let cluster = cluster().await;
        let before = state(&cluster).await;
        let desk = Desk::new();
        for wish in ["rb:n/both=user:ann", "rb:n/both=user:bob"] {
            let plan = plan(&cluster, &[wish]).await;
            apply(&desk, &cluster, &plan).await.expect("applied");
        }
        assert_eq!(state(&cluster).await[&paths()[1]], None);
        for run in [2, 1] {
            assert_eq!(undo(&desk, &cluster, run).await, Ended::Done(Vec::new()), "run {run}");
        }
        assert_eq!(state(&cluster).await, before);
    });
}

/// A binding that comes back is nothing without its role, and then what somebody makes of it.
#[test]
fn that_a_binding_comes_back_to_a_role_that_is_gone_is_said() {
    block_on(async {
        let cluster = cluster().await;
        let desk = Desk::new();
        let plan = plan(&cluster, &["rb:n/both=user:ann"]).await;
        apply(&desk, &cluster, &plan).await.expect("applied");
        let said = |plan: &Plan| -> usize {
            let gone = "RoleBinding n/both gives ClusterRole reader, which is not there";
            plan.warnings.iter().filter(|line| line.starts_with(gone)).count()
        };
        let there = undoing(&desk, &cluster, 1, Changed::Stops).await.expect("a plan");
        assert_eq!(said(&there), 0);
        let role = format!("{RBAC}/clusterroles/reader");
        cluster.delete(&role, &Preconditions::default(), DryRun::No).await.expect("delete");
        let gone = undoing(&desk, &cluster, 1, Changed::Stops).await.expect("a plan");
        assert_eq!(said(&gone), 1, "{:?}", gone.warnings);
    });
}

/// What somebody else made again is theirs, though it reads the same.
#[test]
fn what_others_made_again_is_not_the_runs() {
    block_on(async {
        let cluster = cluster().await;
        let desk = Desk::new();
        let plan = plan(&cluster, &["rb:n/both=user:ann"]).await;
        apply(&desk, &cluster, &plan).await.expect("applied");
        let both = &paths()[1];
        let object = without_server_fields(cluster.get(both).await.expect("there"));
        cluster.delete(both, &Preconditions::default(), DryRun::No).await.expect("delete");
        let (collection, _) = both.rsplit_once('/').expect("a path");
        cluster.create(collection, &object, DryRun::No).await.expect("create");
        let refused =
            undoing(&desk, &cluster, 1, Changed::Stops).await.expect_err("another object");
        assert!(refused.contains("RoleBinding n/both was deleted and made again"), "{refused}");
        assert!(refused.ends_with("Nothing else of run 1 is left to be taken back"), "{refused}");
    });
}

#[test]
fn an_account_that_is_retired_in_stages_comes_back_in_stages() {
    const INVALID: &str = "kubernetes.io/legacy-token-invalid-since";

    block_on(async {
        let cluster = cluster().await;
        let account = json!({"kind": "ServiceAccount", "metadata": {"name": "bot"}});
        let accounts = "/api/v1/namespaces/n/serviceaccounts";
        cluster.create(accounts, &account, DryRun::No).await.expect("create");
        let secret = json!({"kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "bot-token", "annotations": {
                "kubernetes.io/service-account.name": "bot",
                "kubernetes.io/service-account.uid": "first"}}});
        let at = "/api/v1/namespaces/n/secrets";
        cluster.create(at, &secret, DryRun::No).await.expect("create");
        let path = format!("{at}/bot-token");
        let labels =
            async || cluster.metadata(&path).await.expect("there")["metadata"]["labels"].clone();
        let desk = Desk::new();
        for wish in ["quarantine:sa:n/bot", "account:n/bot"] {
            let plan = plan(&cluster, &[wish]).await;
            let (_, ended) = apply(&desk, &cluster, &plan).await.expect("applied");
            assert_eq!(ended, Ended::Done(Vec::new()), "{wish}");
        }
        let last = undoing(&desk, &cluster, 2, Changed::Stops).await.expect("a plan");
        let told = "Secret n/bot-token comes back as it was, with the label by which its token is \
                    refused; keybook undo 1 takes that back";
        assert!(last.warnings.iter().any(|line| line == told), "{:?}", last.warnings);
        assert_eq!(undo(&desk, &cluster, 2).await, Ended::Done(Vec::new()));
        assert_eq!(labels().await, json!({INVALID: "2026-03-31"}));
        // The token controller fills it for the account that there is now.
        let filled =
            json!({"metadata": {"annotations": {"kubernetes.io/service-account.uid": "second"}}});
        cluster.patch(&path, &filled, DryRun::No).await.expect("patch");
        let first = undoing(&desk, &cluster, 1, Changed::Stops).await.expect("a plan");
        let told = "Secret n/bot-token was deleted since, and made again by run 3: the token that is \
                    taken again is the one that it holds now";
        assert!(first.warnings.iter().any(|line| line == told), "{:?}", first.warnings);
        assert_eq!(undo(&desk, &cluster, 1).await, Ended::Done(Vec::new()));
        assert_eq!(labels().await.get(INVALID), None);
        let now = cluster.metadata(&path).await.expect("there");
        let uid = &now["metadata"]["annotations"]["kubernetes.io/service-account.uid"];
        assert_eq!(*uid, json!("second"), "only the label is written");
    });
}

/// A process that ended with a step announced that it had not sent, and somebody who was there since.
#[test]
fn what_nobody_can_tell_of_a_step_is_left_and_the_rest_is_taken_back() {
    block_on(async {
        let cluster = cluster().await;
        let before = state(&cluster).await;
        let [every, both, lone, _] = paths();
        let plan = plan(&cluster, &["user:ann"]).await;
        let desk = Desk::new();
        let step = &plan.steps[0];
        let left = super::super::send::send(&cluster, step, DryRun::No).await.expect("made");
        desk.at_work(&cluster, &cluster, async |runner| {
            let plan = Box::new(plan.clone());
            for record in [
                Record::Began { run: 1, plan, by: None, out: None },
                Record::Writing { run: 1, step: 1 },
                Record::Written { run: 1, step: 1, how: How::Answered, left },
                Record::Writing { run: 1, step: 2 },
            ] {
                runner.note(record).expect("written");
            }
        })
        .await;
        subjects(&cluster, &both, json!([user("ann"), user("bob"), user("eve")])).await;
        let now = state(&cluster).await;

        let open = desk.history().runs[&1].clone();
        let untold = async |runner: &mut Runner<'_>| runner.untold(&open).await.expect("answers");
        let untold = desk.at_work(&cluster, &cluster, untold).await;
        assert_eq!(untold.len(), 1, "{untold:?}");
        for words in [
            "step 2: whether it was made is not known, and RoleBinding n/both was changed",
            "keybook undo 1 --leave-changed takes back what was made",
        ] {
            assert!(untold[0].contains(words), "{untold:?}");
        }
        let refused = undoing(&desk, &cluster, 1, Changed::Stops).await.expect_err("not known");
        assert!(refused.contains("RoleBinding n/both was changed"), "{refused}");
        assert!(refused.contains("keybook undo 1 --leave-changed"), "{refused}");
        let part = undoing(&desk, &cluster, 1, Changed::Left).await.expect("a part");
        let (_, ended) = apply(&desk, &cluster, &part).await.expect("applied");
        assert_eq!(ended, Ended::Done(Vec::new()));
        let after = state(&cluster).await;
        assert_eq!(after[&every], before[&every]);
        assert_eq!((&after[&both], &after[&lone]), (&now[&both], &before[&lone]));
        let history = desk.history();
        assert_eq!(history.runs[&1].words(), "undone by run 2 but for 1 of its steps");
        assert_eq!(history.open(), None);
    });
}

/// The journal knows nothing of it, and the cluster does.
#[test]
fn a_stage_that_was_made_elsewhere_is_told_before_its_split_is_taken_back() {
    block_on(async {
        let cluster = cluster().await;
        let mut first = plan(&cluster, &["rb:n/lone=user:ann"]).await;
        first.later = vec![crate::change::plan::Later {
            still_works: vec![],
            not_before: now(),
            what: String::new(),
            intents: vec!["quarantine:sa:n/bot".parse().expect("an intent")],
        }];
        let account = json!({"kind": "ServiceAccount", "metadata": {"name": "bot"}});
        let accounts = "/api/v1/namespaces/n/serviceaccounts";
        cluster.create(accounts, &account, DryRun::No).await.expect("create");
        let secret = json!({"kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "bot-token", "annotations": {
                "kubernetes.io/service-account.name": "bot"}}});
        let at = "/api/v1/namespaces/n/secrets";
        cluster.create(at, &secret, DryRun::No).await.expect("create");
        let desk = Desk::new();
        apply(&desk, &cluster, &first).await.expect("applied");
        let told = async || {
            let undo = undoing(&desk, &cluster, 1, Changed::Stops).await.expect("a plan");
            undo.warnings.join("\n")
        };
        assert_eq!(told().await, "");
        let label = json!({"metadata": {"labels": {
            "kubernetes.io/legacy-token-invalid-since": "2026-03-31"}}});
        cluster.patch(&format!("{at}/bot-token"), &label, DryRun::No).await.expect("patch");
        let said = told().await;
        let words = "sa:n/bot has tokens that are refused by a label (Secret n/bot-token), by no run of \
                     this journal";
        assert!(said.starts_with(words), "{said}");
        let any = Preconditions::default();
        cluster.delete(&format!("{accounts}/bot"), &any, DryRun::No).await.expect("delete");
        let said = told().await;
        assert!(said.starts_with("sa:n/bot is not there any more, by no run"), "{said}");
    });
}
