//! Wishes that wait while the cluster changes: still right, or told to be moved or gone.

use std::collections::BTreeSet;

use keybook::change::plan::Intent;
use keybook::model::{Binding, BindingKind, Name, RoleKind, Snapshot};
use keybook::tui::effect::{Effect, Msg};
use keybook::tui::state::FeedId;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::support::invented::{self, LogPart};
use super::support::stage::Stage;

fn changed(stage: &mut Stage, snapshot: &Snapshot) {
    let book = invented::book_of(snapshot.clone(), &LogPart::None);
    stage.send(Msg::Book(FeedId(0), book));
}

/// What the desk is asked for with `p`; nothing where it is not asked.
fn asked(stage: &mut Stage) -> Vec<String> {
    let before = stage.outside.len();
    stage.keys("p");
    let mut asked = stage.outside.iter().skip(before).filter_map(|effect| match effect {
        Effect::Plan { intents, .. } => Some(intents),
        _ => None,
    });
    asked.next().into_iter().flatten().map(ToString::to_string).collect()
}

type Key = (BindingKind, Name, Name);

fn key(namespace: &str, name: &str) -> Key {
    let kind = match namespace {
        "" => BindingKind::ClusterRoleBinding,
        _ => BindingKind::RoleBinding,
    };
    (kind, namespace.into(), name.into())
}

fn binding<'a>(snapshot: &'a mut Snapshot, key: &Key) -> &'a mut Binding {
    let binding = snapshot.objects.bindings.get_mut(key).expect("a binding");
    std::sync::Arc::make_mut(binding)
}

#[test]
fn what_is_gone_is_left_out_and_told() {
    let mut stage = Stage::new(&invented::whole(), (100, 30));
    stage.command("show sa:ci/deployer").keys("tab r esc").command("who gone").keys("r");
    let mut snapshot = invented::snapshot();
    snapshot.objects.bindings.remove(&key("pay", "ci"));
    changed(&mut stage, &snapshot);
    assert_eq!(asked(&mut stage), ["user:gone@corp.example"]);
    stage.send(planned_nothing(&stage));
    let shown = stage.text();
    assert!(shown.contains("left out: revoke rb:pay/ci=sa:ci/deployer"), "{shown}");
    assert!(shown.contains("RoleBinding pay/ci is not there"), "{shown}");
}

#[test]
fn what_gives_another_role_now_is_told_to_have_moved() {
    let mut stage = Stage::new(&invented::whole(), (100, 30));
    stage.command("show sa:ci/deployer").keys("tab r");
    let mut snapshot = invented::snapshot();
    let was = binding(&mut snapshot, &key("pay", "ci")).role_ref.clone();
    binding(&mut snapshot, &key("pay", "ci")).role_ref.name = "something-else".into();
    changed(&mut stage, &snapshot);
    assert_eq!(asked(&mut stage), ["rb:pay/ci=sa:ci/deployer"]);
    stage.send(planned_nothing(&stage));
    let shown = stage.text().split_whitespace().collect::<Vec<_>>().join(" ");
    let said = format!(
        "moved: rb:pay/ci=sa:ci/deployer gave {} {} when it was staged, and gives {} something-else now",
        was.kind, was.name, was.kind
    );
    assert!(shown.contains(&said), "{shown}");
}

#[test]
fn where_nothing_is_left_no_plan_is_asked_for() {
    let mut stage = Stage::new(&invented::whole(), (100, 30));
    stage.command("show sa:ci/deployer").keys("tab r");
    let mut snapshot = invented::snapshot();
    snapshot.objects.bindings.remove(&key("pay", "ci"));
    changed(&mut stage, &snapshot);
    assert!(asked(&mut stage).is_empty());
    assert!(
        stage.text().contains("nothing of what is staged is there any more"),
        "{}",
        stage.text()
    );
}

/// The desk's answer to what was asked last: it does not matter here.
fn planned_nothing(stage: &Stage) -> Msg {
    let tag = stage.outside.iter().rev().find_map(|effect| match effect {
        Effect::Plan { tag, .. } => Some(*tag),
        _ => None,
    });
    Msg::Planned { tag: tag.expect("a plan was asked for"), result: Err("no desk".into()) }
}

#[test]
fn over_a_hundred_changes_each_wish_is_asked_for_left_out_or_told_to_have_moved() {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut snapshot = invented::snapshot();
    let mut stage = Stage::new(&invented::whole(), (200, 50));
    // Every grant of every identity that has some of its own.
    let mut staged: Vec<(Key, String, keybook::model::RoleRef)> = Vec::new();
    for (key, binding) in &snapshot.objects.bindings {
        let namespace = Some(&key.1).filter(|ns| !ns.is_empty());
        for subject in &binding.subjects {
            let Some(identity) = subject.identity(namespace) else { continue };
            // Of others the screen shows something else than the name.
            if !identity.name.chars().all(|c| c.is_ascii_graphic()) {
                continue;
            }
            let place = if key.1.is_empty() { String::new() } else { format!("{}/", key.1) };
            let word = if key.1.is_empty() { "crb" } else { "rb" };
            let text = format!("{word}:{place}{}={identity}", key.2);
            let Ok(intent) = text.parse::<Intent>() else { continue };
            let what = keybook::change::plan::about(&invented::whole(), &intent);
            stage.state.staged.insert((FeedId(0), intent), what.expect("it is there"));
            staged.push((key.clone(), identity.to_string(), binding.role_ref.clone()));
        }
    }
    assert!(staged.len() > 5, "{staged:?}");
    let roles: Vec<Name> = snapshot
        .objects
        .roles
        .keys()
        .filter(|key| key.0 == RoleKind::ClusterRole)
        .map(|key| key.2.clone())
        .collect();
    let (mut gone, mut moved) = (0, 0);
    for step in 0..100 {
        let (key, identity, role) = staged.choose(&mut random).expect("some").clone();
        match random.random_range(0..4) {
            0 => {
                snapshot.objects.bindings.remove(&key);
            }
            1 if snapshot.objects.bindings.contains_key(&key) => {
                let namespace = Some(key.1.clone()).filter(|ns| !ns.is_empty());
                binding(&mut snapshot, &key).subjects.retain(|subject| {
                    subject
                        .identity(namespace.as_ref())
                        .is_none_or(|one| one.to_string() != identity)
                });
            }
            2 if snapshot.objects.bindings.contains_key(&key) => {
                binding(&mut snapshot, &key).role_ref.name =
                    roles.choose(&mut random).expect("some").clone();
            }
            _ => {
                let first = invented::snapshot().objects.bindings[&key].clone();
                assert_eq!(first.role_ref, role);
                snapshot.objects.bindings.insert(key, first);
            }
        }
        changed(&mut stage, &snapshot);
        let asked: BTreeSet<String> = asked(&mut stage).into_iter().collect();
        if !asked.is_empty() {
            stage.send(planned_nothing(&stage));
        }
        let told = stage.text().split_whitespace().collect::<Vec<_>>().join(" ");
        for (key, identity, was) in &staged {
            let now = snapshot.objects.bindings.get(key);
            let namespace = Some(&key.1).filter(|ns| !ns.is_empty());
            let names = now.filter(|binding| {
                binding.subjects.iter().any(|subject| {
                    subject.identity(namespace).is_some_and(|one| one.to_string() == *identity)
                })
            });
            let slash = if key.1.is_empty() { "" } else { "/" };
            let word = if key.1.is_empty() { "crb" } else { "rb" };
            let text = format!("{word}:{}{slash}{}={identity}", key.1, key.2);
            assert_eq!(asked.contains(&text), names.is_some(), "step {step}: {text}");
            if names.is_none() {
                gone += 1;
                assert!(told.contains(&format!("left out: revoke {text}")), "step {step}: {told}");
            } else if names.is_some_and(|binding| binding.role_ref != *was) {
                moved += 1;
                assert!(told.contains(&format!("moved: {text} gave")), "step {step}: {told}");
            } else {
                assert!(!told.contains(&format!("moved: {text} gave")), "step {step}: {told}");
            }
        }
        stage.keys("esc");
    }
    assert!(gone > 50 && moved > 50, "{gone} gone, {moved} moved");
}
