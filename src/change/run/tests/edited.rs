//! Plans that were edited, with a sum that fits again: the object as it is read tells.

use super::*;
use crate::change::plan::Action;
use crate::change::run::look::judge;

/// The same plan, edited, as whoever edits it would have it read.
fn edited(plan: &Plan, edit: impl FnOnce(&mut Plan)) -> Plan {
    let mut plan = plan.clone();
    edit(&mut plan);
    plan.sealed()
}

/// What is done to a plan, of which the step is meant.
type Edit = fn(&mut Plan, usize);

async fn problems(cluster: &MemoryCluster, plan: &Plan) -> String {
    let found = preflight(cluster, cluster, plan, &[]).await.expect("a preflight");
    found.problems.join("\n")
}

fn add(image: &mut Option<Value>) {
    let image = image.as_mut().expect("an image");
    image["subjects"].as_array_mut().expect("subjects").push(user("attacker"));
}

#[test]
fn an_image_before_that_the_object_never_had_is_refused() {
    block_on(async {
        let cluster = cluster().await;
        let plan = plan(&cluster, &["user:ann"]).await;
        let [every, lone] = [Action::Replace, Action::Delete]
            .map(|action| plan.steps.iter().position(|step| step.action == action).expect("one"));
        // In both images, so that what is shown is what the honest plan shows.
        let both = edited(&plan, |plan| {
            add(&mut plan.steps[every].before);
            add(&mut plan.steps[every].after);
        });
        // In what undoing would put back.
        let before = edited(&plan, |plan| add(&mut plan.steps[every].before));
        let gone = edited(&plan, |plan| add(&mut plan.steps[lone].before));
        let annotated = edited(&plan, |plan| {
            let image = plan.steps[lone].before.as_mut().expect("an image");
            image["metadata"]["annotations"]["example.org/why"] = json!("other");
        });
        for (plan, place) in [
            (&both, "subjects"),
            (&before, "subjects"),
            (&gone, "subjects"),
            (&annotated, "metadata.annotations.example.org/why"),
        ] {
            let said = problems(&cluster, plan).await;
            let words =
                format!("never read as the plan says it did before (it differs in {place})");
            assert!(said.contains(&words), "{said}");
        }
        assert_eq!(problems(&cluster, &plan).await, "");
    });
}

#[test]
fn steps_that_keybook_does_not_make_are_refused_as_they_are_read() {
    block_on(async {
        let cluster = cluster().await;
        let plan = plan(&cluster, &["user:ann"]).await;
        assert_eq!(Plan::read(plan.value()).as_ref(), Ok(&plan));
        let lone =
            plan.steps.iter().position(|step| step.action == Action::Delete).expect("a deletion");
        let every = usize::from(lone == 0);
        let cases: [(usize, &str, Edit); 8] = [
            (lone, "no objects of that kind", |plan, at| {
                plan.steps[at].target.kind = "Rolebinding".into();
            }),
            (lone, "image before is of another object", |plan, at| {
                plan.steps[at].target.name = "harmless".into();
            }),
            (lone, "image before is of another object", |plan, at| {
                plan.steps[at].before.as_mut().expect("an image")["metadata"]["name"] =
                    json!("harmless");
            }),
            (every, "another UID or version", |plan, at| {
                let after = plan.steps[at].after.as_mut().expect("an image");
                after["metadata"]["resourceVersion"] = json!("");
            }),
            (every, "changes more of the object", |plan, at| {
                plan.steps[at].after.as_mut().expect("an image")["roleRef"]["name"] = json!("root");
            }),
            (lone, "UID and version of its image before", |plan, at| {
                plan.steps[at].precondition.resource_version = None;
            }),
            (lone, "what takes it back", |plan, at| {
                plan.steps[at].inverse.action = Action::Replace;
            }),
            (lone, "what the plan rests on", |plan, _| plan.rests_on.clear()),
        ];
        for (at, words, edit) in cases {
            let sealed = edited(&plan, |plan| edit(plan, at));
            let refused = Plan::read(sealed.value()).expect_err(words).to_string();
            assert!(refused.contains(words), "{words}: {refused}");
        }
    });
}

#[test]
fn an_object_that_finalizers_hold_is_neither_gone_nor_back() {
    block_on(async {
        let cluster = cluster().await;
        let plan = plan(&cluster, &["rb:n/lone=user:ann"]).await;
        let (deletion, mut now) = (&plan.steps[0], plan.steps[0].before.clone().expect("an image"));
        now["metadata"]["deletionTimestamp"] = json!("2026-03-31T12:00:00Z");
        now["metadata"]["finalizers"] = json!(["example.org/hold"]);
        now["metadata"]["resourceVersion"] = json!("999");
        // The deletion was taken, and is not to be made again.
        assert_eq!(judge(deletion, Some(now.clone())), Found::Made(None));
        let desk = Desk::new();
        apply(&desk, &cluster, &plan).await.expect("applied");
        let undo = desk
            .at_work(&cluster, &cluster, async |runner| runner.undoing(1, Changed::Stops).await)
            .await;
        let undo = undo.expect("a plan that undoes");
        let Found::Moved(how) = judge(&undo.steps[0], Some(now)) else { panic!("it is not back") };
        assert!(how.contains("is still there: it is being deleted since"), "{how}");
        assert!(how.contains("example.org/hold"), "{how}");
    });
}
