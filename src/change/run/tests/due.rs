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
        let undo = desk.at_work(&cluster, &cluster, async |runner| runner.undoing(1).await).await;
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
