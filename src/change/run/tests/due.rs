//! Stages that a plan leaves for later.

use super::*;
use crate::change::plan::Later;

#[test]
fn a_stage_is_left_until_a_later_run_does_it() {
    block_on(async {
        let cluster = cluster().await;
        let desk = Desk::new();
        let mut first = plan(&cluster, &["rb:n/lone=user:ann"]).await;
        let later = |at: &str, words: &[&str]| Later {
            still_works: vec![],
            not_before: at.parse().expect("a time"),
            what: String::new(),
            intents: words.iter().map(|one| one.parse().expect("an intent")).collect(),
        };
        first.later = vec![
            later("2026-05-01T00:00:00Z", &["user:ann"]),
            later("2026-04-10T00:00:00Z", &["rb:n/both=user:ann", "rb:n/other=user:bob"]),
        ];
        let at = |text: &str| -> DateTime<Utc> { text.parse().expect("a time") };
        let stands = |time: &str| -> Vec<(bool, Vec<String>)> {
            let history = desk.history();
            let stages = history.stages(at(time), &|_| None);
            let left = |stage: &Stage<'_>| stage.left.iter().map(ToString::to_string).collect();
            stages.iter().map(|stage| (stage.due, left(stage))).collect()
        };
        assert_eq!(stands("2026-06-01T00:00:00Z"), []);
        apply(&desk, &cluster, &first).await.expect("applied");
        let both = || vec!["rb:n/both=user:ann".to_owned(), "rb:n/other=user:bob".to_owned()];
        let all = || vec!["user:ann".to_owned()];
        assert_eq!(stands("2026-04-09T23:59:59Z"), [(false, both()), (false, all())]);
        assert_eq!(stands("2026-04-10T00:00:00Z"), [(true, both()), (false, all())]);
        // One of the two is done, and then taken back.
        let second = plan(&cluster, &["rb:n/both=user:ann"]).await;
        apply(&desk, &cluster, &second).await.expect("applied");
        let other = || both().split_off(1);
        assert_eq!(stands("2026-05-01T00:00:00Z"), [(true, other()), (true, all())]);
        undo(&desk, &cluster, 2).await;
        assert_eq!(stands("2026-05-01T00:00:00Z"), [(true, both()), (true, all())]);
        // A run that is undone has nothing left to do.
        undo(&desk, &cluster, 1).await;
        assert_eq!(stands("2026-05-01T00:00:00Z"), []);
    });
}

#[test]
fn a_run_that_wrote_nothing_did_nothing_and_the_world_has_the_last_word() {
    block_on(async {
        let cluster = cluster().await;
        let desk = Desk::new();
        let wish = "rb:n/both=user:ann";
        let mut first = plan(&cluster, &["rb:n/lone=user:ann"]).await;
        first.later = vec![Later {
            still_works: vec![],
            not_before: now(),
            what: String::new(),
            intents: vec![wish.parse().expect("an intent")],
        }];
        apply(&desk, &cluster, &first).await.expect("applied");
        let second = plan(&cluster, &[wish]).await;
        let mut empty = second.clone();
        empty.steps.clear();
        apply(&desk, &cluster, &empty).await.expect("applied");
        let left = |is_done: Option<bool>| {
            let history = desk.history();
            let stages = history.stages(now(), &move |_| is_done);
            stages.iter().map(|stage| stage.tried).collect::<Vec<_>>()
        };
        assert_eq!(left(None), [Some((2, false))]);
        assert_eq!(left(Some(true)), []);
        apply(&desk, &cluster, &second).await.expect("applied");
        assert_eq!(left(None), []);
        // Somebody put it back.
        assert_eq!(left(Some(false)), [Some((3, true))]);
        // Undoing the first says that something of its stages stands.
        let undo = desk
            .at_work(&cluster, &cluster, async |runner| runner.undoing(1, Changed::Stops).await)
            .await;
        let undo = undo.expect("a plan that undoes");
        assert!(undo.warnings[0].contains("Undo it first: keybook undo 3"), "{:?}", undo.warnings);
    });
}

#[test]
fn a_run_that_was_not_looked_at_again_has_its_stages_all_the_same() {
    block_on(async {
        let cluster = cluster().await;
        let wish = "rb:n/both=user:ann";
        let mut first = plan(&cluster, &["rb:n/lone=user:ann"]).await;
        first.later = vec![Later {
            still_works: vec![],
            not_before: now(),
            what: String::new(),
            intents: vec![wish.parse().expect("an intent")],
        }];
        let second = plan(&cluster, &[wish]).await;
        let began = |run: u64, plan: &Plan| Record::Began {
            run,
            plan: Box::new(plan.clone()),
            by: None,
            out: None,
        };
        let written = |run: u64| Record::Written { run, step: 1, how: How::Answered, left: None };
        let stopped = |run: u64| {
            let why = "every step was made, but not looked at again".to_owned();
            Record::Stopped { run, step: None, why, unmade: true }
        };
        let left = |records: Vec<Record>| {
            let mut history = History::default();
            for record in records {
                history.take(record, now());
            }
            let stages = history.stages(now(), &|_| None);
            stages.iter().map(|stage| stage.tried).collect::<Vec<_>>()
        };
        // It made nothing.
        assert_eq!(left(vec![began(1, &first), stopped(1)]), []);
        // It made all of it, and was cut off, or could not look again.
        assert_eq!(left(vec![began(1, &first), written(1)]), [None]);
        let made = || vec![began(1, &first), written(1), stopped(1)];
        assert_eq!(left(made()), [None]);
        // A stage that stopped on its way is tried, and not known to be done.
        let tried = [made(), vec![began(2, &second), written(2), stopped(2)]].concat();
        assert_eq!(left(tried), [Some((2, true))]);
    });
}

#[test]
fn stages_are_counted_from_when_a_plan_is_applied() {
    block_on(async {
        let cluster = cluster().await;
        let mut first = plan(&cluster, &["rb:n/lone=user:ann"]).await;
        first.later = vec![Later {
            still_works: vec![],
            not_before: now() + chrono::TimeDelta::days(14),
            what: String::new(),
            intents: vec!["rb:n/both=user:ann".parse().expect("an intent")],
        }];
        let from = |hours: i64| {
            let at = now() + chrono::TimeDelta::hours(hours);
            let mut history = History::default();
            let plan = Box::new(first.clone());
            history.take(Record::Began { run: 1, plan, by: None, out: None }, at);
            history.take(Record::Written { run: 1, step: 1, how: How::Answered, left: None }, at);
            let stages = history.stages(now(), &|_| None);
            (stages[0].not_before - now()).num_hours()
        };
        assert_eq!(from(0), 14 * 24);
        assert_eq!(from(23), 14 * 24, "on the day that it says");
        assert_eq!(from(29 * 24), 43 * 24);
    });
}

#[test]
fn what_somebody_touched_and_left_as_it_was_is_taken_back() {
    block_on(async {
        let cluster = cluster().await;
        let before = state(&cluster).await;
        let plan = plan(&cluster, &["user:ann"]).await;
        let desk = Desk::new();
        apply(&desk, &cluster, &plan).await.expect("applied");
        let [every, both, ..] = paths();
        for path in [&every, &both] {
            let was = cluster.get(path).await.expect("there");
            let mut touched = was.clone();
            touched["metadata"]["labels"] = json!({"seen": "yes"});
            let mut back = cluster.replace(path, &touched, DryRun::No).await.expect("touched");
            back["metadata"].as_object_mut().expect("metadata").remove("labels");
            cluster.replace(path, &back, DryRun::No).await.expect("put back");
            let now = cluster.get(path).await.expect("there");
            assert_ne!(now["metadata"]["resourceVersion"], was["metadata"]["resourceVersion"]);
        }
        assert_eq!(undo(&desk, &cluster, 1).await, Ended::Done(Vec::new()));
        assert_eq!(state(&cluster).await, before);
    });
}
