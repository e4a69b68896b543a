//! Staging, the plan, and applying it.

use std::collections::BTreeMap;
use std::sync::Arc;

use keybook::book::Book;
use keybook::change::plan::{Input, Intent, Target, make};
use keybook::change::{Applied, Planned};
use keybook::model::Object;
use keybook::tui::effect::{Effect, Msg};
use serde_json::{Value, json};

use super::support::invented;
use super::support::stage::Stage;

fn stage() -> Stage {
    Stage::new(&invented::whole(), (100, 30))
}

fn words(stage: &Stage) -> Vec<String> {
    stage.state.staged.keys().map(|(_, intent)| intent.words()).collect()
}

/// What the desk was asked for last.
fn asked(stage: &Stage) -> (u64, Arc<Book>, Vec<Intent>) {
    let last = stage.outside.iter().rev().find_map(|effect| match effect {
        Effect::Plan { tag, book, intents, .. } => Some((*tag, book.clone(), intents.clone())),
        _ => None,
    });
    last.expect("a plan was asked for")
}

/// A plan for the binding that nobody but one person is in, as a desk makes it.
fn planned(book: &Book, intents: &[Intent], problems: &[&str]) -> Planned {
    let target = Target {
        kind: "ClusterRoleBinding".into(),
        namespace: None,
        name: "migration-2024".into(),
    };
    let image: Value = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "migration-2024", "uid": "u", "resourceVersion": "7"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
            "name": "cluster-admin"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io",
            "name": "gone@corp.example"}],
    });
    let fresh = BTreeMap::from([(target, image)]);
    let input = Input {
        book,
        intents,
        fresh: &fresh,
        operator: None,
        despite_owners: false,
        now: book.now,
    };
    Planned {
        plan: make(&input).expect("a plan"),
        problems: problems.iter().map(|problem| (*problem).to_owned()).collect(),
        notes: vec!["somebody else would have to take it back".to_owned()],
        confirm: "corp/test-eu".into(),
        finishes: None,
    }
}

#[test]
fn wishes_are_staged_and_taken_back() {
    let mut stage = stage();
    stage.command("who gone").keys("r");
    assert_eq!(words(&stage), ["revoke user:gone@corp.example"]);
    let shown = stage.text();
    assert!(shown.contains("staged: revoke user:gone@corp.example"), "{shown}");
    assert!(shown.contains("~ gone@corp.example"), "{shown}");
    stage.keys("r");
    assert!(stage.text().contains("is staged already"));
    stage.keys("n enter");
    assert_eq!(words(&stage), ["revoke user:gone@corp.example", "narrow user:gone@corp.example"]);
    stage.keys("j");
    assert!(stage.text().contains("p plan 2"), "{}", stage.text());
    stage.keys("k z");
    assert!(words(&stage).is_empty());
    stage.keys("z");
    assert!(stage.text().contains("nothing is staged"));
    stage.keys("p");
    assert!(stage.text().contains("nothing is staged"));
    assert!(stage.outside.iter().all(|effect| !matches!(effect, Effect::Plan { .. })));
}

#[test]
fn what_is_marked_is_meant_and_else_what_the_cursor_is_on() {
    let mut stage = stage();
    stage.command("who kind:user").keys("g space j space r");
    assert_eq!(stage.state.staged.len(), 2, "{:?}", words(&stage));
    let mut stage = self::stage();
    stage.command("show sa:ci/deployer").keys("tab r");
    assert_eq!(words(&stage), ["revoke rb:pay/ci=sa:ci/deployer"]);
    // A permission goes with its grant.
    stage.keys("z shift-tab r");
    assert!(stage.text().contains("a permission goes with its grant"), "{}", stage.text());
    stage.keys("n enter");
    assert_eq!(words(&stage), ["narrow sa:ci/deployer"]);
    let mut stage = self::stage();
    stage.command("credentials").keys("/").type_text("batch-token").keys("enter r");
    assert_eq!(words(&stage), ["revoke quarantine:pay/batch-token"]);
}

#[test]
fn of_an_account_what_is_meant_is_chosen_and_of_many_their_grants() {
    let mut stage = stage();
    stage.command("who pay/batch").keys("r");
    let shown = stage.text();
    for option in [
        "revoke sa:pay/batch",
        "sa:pay/batch: take it out of every binding",
        "quarantine:sa:pay/batch: have the API server refuse",
        "account:pay/batch: delete it, with the Secrets",
        "renew:pay/batch: make it anew",
    ] {
        assert!(shown.contains(option), "{option:?} in {shown}");
    }
    assert!(words(&stage).is_empty());
    stage.keys("esc r enter");
    assert_eq!(words(&stage), ["revoke sa:pay/batch"]);
    stage.keys("r j enter r j j enter r j j j enter");
    let all = [
        "revoke sa:pay/batch",
        "revoke quarantine:sa:pay/batch",
        "revoke account:pay/batch",
        "revoke renew:pay/batch",
    ];
    let mut staged = words(&stage);
    staged.sort();
    let mut all = all.map(str::to_owned).to_vec();
    all.sort();
    assert_eq!(staged, all);
    // A user has nothing but its grants to ask about, and many are not asked about one by one.
    let mut stage = self::stage();
    stage.command("who kind:serviceaccount").keys("g space j space r");
    assert_eq!(stage.state.staged.len(), 2, "{:?}", words(&stage));
}

/// A stage with a log in which tokens were asked for, a map of EKS' and a bootstrap token.
fn with_credentials() -> Stage {
    let mut snapshot = invented::snapshot();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "aws-auth", "namespace": "kube-system"},
        "data": {"mapUsers": "- userarn: arn:aws:iam::111122223333:user/ana\n  username: ana\n"}});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": "bootstrap-token-abcdef", "namespace": "kube-system"}});
    for raw in [map, secret] {
        let kind = raw["kind"].as_str().expect("a kind").to_owned();
        let mut object = Object::read("v1", &kind, &raw).expect("its form").expect("known");
        if let Object::Secret(secret) = &mut object {
            secret.type_ = "bootstrap.kubernetes.io/token".into();
        }
        snapshot.objects.insert(object);
    }
    Stage::new(&invented::book_of(snapshot, &invented::LogPart::Whole), (120, 30))
}

#[test]
fn of_a_credential_what_the_command_does_is_staged_and_else_it_says_why_not() {
    for (row, staged) in [
        ("aws-auth", "revoke aws-auth:mapUsers/arn:aws:iam::111122223333:user/ana"),
        ("bootstrap-token", "revoke secret:kube-system/bootstrap-token-abcdef"),
        ("batch-token", "revoke quarantine:pay/batch-token"),
    ] {
        let mut stage = with_credentials();
        stage.command("credentials").keys("/").type_text(row).keys("enter r");
        assert_eq!(words(&stage), [staged]);
        let shown = stage.text();
        let marked = shown.lines().find(|line| line.starts_with('▌')).expect("a row");
        assert_eq!(marked.chars().nth(1), Some('~'), "{marked}");
    }
    let mut stage = with_credentials();
    stage.command("credentials").keys("/").type_text("jane").keys("enter r");
    assert!(words(&stage).is_empty());
    let said = "revoke: no write to the cluster revokes it alone";
    assert!(stage.text().contains(said), "{}", stage.text());
}

#[test]
fn a_plan_is_read_and_applied_once_its_context_is_typed() {
    let mut stage = stage();
    stage.command("who gone").keys("r p");
    let shown = stage.text();
    assert!(shown.contains("plan · test-eu"), "{shown}");
    stage.keys("a");
    assert!(stage.text().contains("still being made"), "{}", stage.text());
    let (tag, book, intents) = asked(&stage);
    assert_eq!(intents.len(), 1);
    let made = Arc::new(planned(&book, &intents, &[]));
    stage.send(Msg::Planned { tag: tag + 1, result: Err("another".into()) });
    stage.send(Msg::Planned { tag, result: Ok(made) });
    let shown = stage.text();
    for words in [
        "the API server takes every step",
        "note: somebody else would have to take it back",
        "1. delete ClusterRoleBinding migration-2024 (reversible)",
        "a apply",
        "s save",
    ] {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    stage.keys("a").type_text("test-eu").keys("enter");
    assert!(stage.text().contains("nothing was written"), "{}", stage.text());
    let applies = |stage: &Stage| {
        stage.outside.iter().filter(|effect| matches!(effect, Effect::Apply { .. })).count()
    };
    assert_eq!(applies(&stage), 0);
    stage.keys("a");
    assert!(stage.text().contains("to apply it, type corp/test-eu:"), "{}", stage.text());
    stage.type_text("corp/test-eu").keys("enter");
    assert_eq!(applies(&stage), 1);
    stage.keys("a");
    assert!(stage.text().contains("is being applied"), "{}", stage.text());
    assert_eq!(applies(&stage), 1);
    stage.send(Msg::Applying { tag, line: "1. delete ClusterRoleBinding: made".into() });
    assert!(stage.text().contains("1. delete ClusterRoleBinding: made"));
    let lines = vec!["run 1 is done; keybook undo 1 takes it back".to_owned()];
    stage.send(Msg::Applied { tag, result: Ok(Applied { run: 1, whole: true, lines }) });
    assert!(stage.text().contains("run 1 is done"), "{}", stage.text());
    assert!(words(&stage).is_empty(), "what was made is wanted no longer");
}

#[test]
fn what_cannot_be_applied_says_why_and_stays_staged() {
    let mut stage = stage();
    stage.command("who gone").keys("r p");
    let (tag, book, intents) = asked(&stage);
    let problem = "step 1: you may not delete clusterrolebindings";
    let made = Arc::new(planned(&book, &intents, &[problem]));
    stage.send(Msg::Planned { tag, result: Ok(made) });
    assert!(stage.text().contains(problem), "{}", stage.text());
    stage.keys("a");
    assert!(stage.text().contains("cannot be applied as it is"), "{}", stage.text());
    // It can be kept for who may.
    stage.keys("s ctrl-u").type_text("/tmp/x.yaml").keys("enter");
    assert!(stage.outside.iter().any(|effect| matches!(effect, Effect::SavePlan { .. })));
    stage.keys("esc p");
    let (tag, _, _) = asked(&stage);
    stage.send(Msg::Planned { tag, result: Err("these are saved objects, and no cluster".into()) });
    assert!(stage.text().contains("no cluster"), "{}", stage.text());
    stage.keys("a");
    assert!(stage.text().contains("there is no plan"), "{}", stage.text());
    assert_eq!(words(&stage).len(), 1);
}

#[test]
fn a_run_that_was_cut_off_is_gone_on_with() {
    let mut stage = stage();
    stage.command("who gone").keys("r p");
    let (_, book, intents) = asked(&stage);
    stage.keys("esc").command("finish x");
    assert!(stage.text().contains("expected the number of a RUN"), "{}", stage.text());
    stage.keys("esc").command("finish 3");
    let asks = stage.outside.iter().rev().find_map(|effect| match effect {
        Effect::Finish { tag, run, .. } => Some((*tag, *run)),
        _ => None,
    });
    let (tag, run) = asks.expect("what is left of it was asked for");
    assert_eq!(run, 3);
    let made = Planned { finishes: Some(3), ..planned(&book, &intents, &[]) };
    stage.send(Msg::Planned { tag, result: Ok(Arc::new(made)) });
    stage.keys("a");
    assert!(stage.text().contains("to apply it, type corp/test-eu:"), "{}", stage.text());
    stage.type_text("corp/test-eu").keys("enter");
    let applies = stage.outside.iter().rev().find_map(|effect| match effect {
        Effect::Apply { planned, .. } => Some(planned.finishes),
        _ => None,
    });
    assert_eq!(applies, Some(Some(3)));
    let lines = vec!["run 3 is done; keybook undo 3 takes it back".to_owned()];
    stage.send(Msg::Applied { tag, result: Ok(Applied { run: 3, whole: true, lines }) });
    assert_eq!(words(&stage).len(), 1, "what is wanted next stays staged");
}

#[test]
fn a_run_that_was_cut_off_is_found() {
    let mut stage = stage();
    assert_eq!(stage.looked, 1, "as soon as the cluster is known");
    let feed = stage.state.feeds[0].id;
    let said = "run 3 was cut off: :finish 3 goes on with it, :undo 3 takes it back";
    assert!(!stage.text().contains(said));
    stage.send(Msg::CutOff { feed, found: Ok(Some(3)) });
    // It stays, whatever is pressed, and wherever one goes.
    for keys in ["j", "enter", "esc", "?"] {
        stage.keys(keys);
        assert!(stage.text().contains(said), "after {keys}: {}", stage.text());
    }
    stage.keys("esc").command("finish 3");
    let tag = stage.outside.iter().rev().find_map(|effect| match effect {
        Effect::Finish { tag, .. } => Some(*tag),
        _ => None,
    });
    let tag = tag.expect("what is left of it was asked for");
    let lines = vec!["run 3 is done".to_owned()];
    stage.send(Msg::Applied { tag, result: Ok(Applied { run: 3, whole: true, lines }) });
    assert_eq!(stage.looked, 2, "and once something was applied");
    stage.send(Msg::CutOff { feed, found: Ok(None) });
    assert!(!stage.text().contains("cut off"), "{}", stage.text());
    stage.send(Msg::CutOff { feed, found: Err("entry 7 was edited".into()) });
    assert!(stage.text().contains("the journal cannot be read: entry 7 was edited"));
}

#[test]
fn how_applying_came_out_is_told_wherever_one_is() {
    let mut stage = stage();
    stage.command("who gone").keys("r p");
    let (tag, book, intents) = asked(&stage);
    stage.send(Msg::Planned { tag, result: Ok(Arc::new(planned(&book, &intents, &[]))) });
    stage.keys("a").type_text("corp/test-eu").keys("enter esc");
    assert!(!stage.text().contains("plan · test-eu"), "{}", stage.text());
    // What is being applied is not cut off by who wants to leave.
    stage.keys("ctrl-c");
    assert!(stage.text().contains("stopping after this step"), "{}", stage.text());
    let ends = |stage: &Stage| {
        let stops = stage.outside.iter().filter(|effect| matches!(effect, Effect::Stop)).count();
        let quits = stage.outside.iter().filter(|effect| matches!(effect, Effect::Quit)).count();
        (stops, quits)
    };
    assert_eq!(ends(&stage), (1, 0));
    let lines = vec!["run 1 was stopped: keybook apply --finish 1".to_owned()];
    stage.send(Msg::Applied { tag, result: Ok(Applied { run: 1, whole: false, lines }) });
    assert!(stage.text().contains("run 1 was stopped: keybook apply --finish 1 (:journal has it)"));
    assert_eq!(words(&stage).len(), 1);
    stage.keys("ctrl-c");
    assert_eq!(ends(&stage), (1, 1));

    let mut stage = self::stage();
    stage.command("who gone").keys("r p");
    let (tag, book, intents) = asked(&stage);
    stage.send(Msg::Planned { tag, result: Ok(Arc::new(planned(&book, &intents, &[]))) });
    stage.keys("a").type_text("corp/test-eu").keys("enter esc ctrl-c ctrl-c");
    assert_eq!(ends(&stage), (1, 1), "said twice, it ends at once");
    let lines = vec!["run 1 is done".to_owned()];
    stage.send(Msg::Applied { tag, result: Ok(Applied { run: 1, whole: true, lines }) });
    assert!(stage.text().contains("run 1 is done (:journal has it)"), "{}", stage.text());
    assert!(words(&stage).is_empty(), "what was made is wanted no longer");
}

#[test]
fn a_plan_that_was_made_before_the_log_was_read_is_not_applied() {
    let mut stage = stage();
    stage.command("who gone").keys("r p");
    let (tag, book, intents) = asked(&stage);
    let mut made = planned(&book, &intents, &[]);
    made.plan.metadata.coverage = None;
    stage.send(Msg::Planned { tag, result: Ok(Arc::new(made)) });
    stage.keys("a");
    let said = "the log has been read since, and the plan says nothing of use: p makes it again";
    assert!(stage.text().contains(said), "{}", stage.text());
}
