//! Wizards for narrowing and splitting: what is chosen, what is shown of it, and that what is staged is
//! what the command with the same flags plans.

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::Parser as _;
use keybook::book::Book;
use keybook::change::Planned;
use keybook::change::plan::{Input, Intent, Plan, Target, make, targets};
use keybook::cli::{Cli, Command};
use keybook::model::{BindingKind, Object, RoleKind};
use keybook::tui::effect::{Effect, Msg};
use keybook::tui::job::Job;
use keybook::tui::layers::Layer;
use keybook::tui::state::FeedId;
use keybook::tui::wizard::Wizard;
use proptest::prelude::*;
use serde_json::Value;

use super::support::stage::Stage;
use super::support::{invented, shared};

fn splitting() -> Stage {
    let mut stage = Stage::new(&shared::book(), (100, 40));
    stage.command(&format!("show {}", shared::ACCOUNT)).keys("s");
    stage
}

fn wizard(stage: &Stage) -> &Wizard {
    match stage.state.layers.last() {
        Some(Layer::Wizard(view)) => view,
        other => panic!("no wizard: {other:?}\n{}", stage.text()),
    }
}

fn staged(stage: &Stage) -> Vec<Intent> {
    stage.state.staged.keys().map(|(_, intent)| intent.clone()).collect()
}

/// The commands that were copied last, as a shell and the command line read them.
fn copied(stage: &Stage) -> Vec<Intent> {
    let last = stage.outside.iter().rev().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    let text = last.expect("something was copied");
    let read = |line: &str| {
        // Nothing in these names needs a quote.
        assert!(!line.contains('\''), "{line}");
        let cli = Cli::try_parse_from(line.split(' ')).expect("a command line");
        match cli.command {
            Some(Command::Change(command)) => command.wishes().expect("wishes"),
            other => panic!("{other:?}"),
        }
    };
    text.lines().flat_map(read).collect()
}

fn image(book: &Book, target: &Target) -> Value {
    let objects = &book.snapshot.objects;
    let namespace = target.namespace.clone().unwrap_or_else(|| "".into());
    let name = target.name.clone();
    let binding = |kind| {
        Object::Binding((*objects.bindings[&(kind, namespace.clone(), name.clone())]).clone())
    };
    let role =
        |kind| Object::Role((*objects.roles[&(kind, namespace.clone(), name.clone())]).clone());
    let object = match &*target.kind {
        "ClusterRoleBinding" => binding(BindingKind::ClusterRoleBinding),
        "RoleBinding" => binding(BindingKind::RoleBinding),
        "Role" => role(RoleKind::Role),
        _ => role(RoleKind::ClusterRole),
    };
    object.to_json()
}

/// The plan as a command makes it.
fn planned(book: &Book, intents: &[Intent]) -> Plan {
    let fresh: BTreeMap<Target, Value> = targets(book, intents)
        .expect("targets")
        .into_iter()
        .map(|target| (target.clone(), image(book, &target)))
        .collect();
    let input = Input {
        book,
        intents,
        fresh: &fresh,
        operator: None,
        despite_owners: false,
        now: book.now,
    };
    make(&input).expect("a plan")
}

/// Chooses by keys, stages it, and holds it against the command that was copied before, and against
/// what the wizard had shown.
fn choose_and_compare(stage: &mut Stage, book: &Book) {
    stage.keys("c");
    let shown: Vec<Plan> = {
        let sight = wizard(stage).sight.clone().expect("worked out").1;
        sight.of.iter().map(|seen| seen.foreseen.clone().expect("a plan").plan).collect()
    };
    let by_command = copied(stage);
    stage.keys("enter");
    assert!(
        stage.state.notice.as_ref().expect("said").text.contains("staged: "),
        "{}",
        stage.text()
    );
    let mut expected = by_command.clone();
    expected.sort();
    assert_eq!(staged(stage), expected);
    let (one, other) = (planned(book, &staged(stage)), planned(book, &by_command));
    assert_eq!(one.value(), other.value());
    assert_eq!(shown, [one]);
}

#[test]
fn every_choice_of_a_narrowing_shows_at_once_and_is_staged() {
    let book = invented::whole();
    let mut stage = Stage::new(&book, (100, 40));
    stage.command("show sa:ci/deployer").keys("n");
    let shown = stage.text();
    for words in [
        "Narrow sa:ci/deployer",
        "get, list, watch ‹ together ›",
        "RoleBinding pay/ci",
        // What goes, with why, and what stays, with its evidence.
        "− impersonate of users: no request needed it in",
        "+ get, list, watch of deployments.apps",
        "enter stage",
    ] {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    assert!(!shown.contains("+ get of deployments.apps"), "{shown}");
    // Each of get, list and watch by itself: list and watch go, at once.
    stage.keys("l");
    let shown = stage.text();
    assert!(shown.contains("‹ each by itself ›"), "{shown}");
    assert!(shown.contains("+ get of deployments.apps"), "{shown}");
    // One name was used.
    stage.keys("j l");
    assert!(stage.text().contains("+ get of deployments.apps named web"), "{}", stage.text());
    // Typed.
    stage.keys("j j e ctrl-u").type_text("600").keys("enter");
    assert!(stage.text().contains("Nothing is taken away with these choices"), "{}", stage.text());
    stage.keys("e ctrl-u").type_text("soon").keys("enter");
    assert!(stage.text().contains("\"soon\" is no number"), "{}", stage.text());
    stage.keys("e ctrl-u").type_text("0").keys("enter");
    choose_and_compare(&mut stage, &book);
    assert!(stage.text().contains('~'), "{}", stage.text());
    // Opened again it goes on where it was, and takes the place of what was staged.
    stage.keys("n");
    assert!(stage.text().contains("‹ each by itself ›"), "{}", stage.text());
    stage.keys("h enter");
    assert_eq!(staged(&stage).len(), 1);
    assert_eq!(
        staged(&stage)[0].command(),
        "keybook narrow sa:ci/deployer --names 1 --younger-than 0"
    );
    stage.keys("z");
    assert!(staged(&stage).is_empty());
}

#[test]
fn everybody_marked_is_narrowed_by_the_same_choices() {
    let book = invented::whole();
    let mut stage = Stage::new(&book, (100, 40));
    stage.command("who sa:ci/deployer").keys("space");
    stage.command("who gone").keys("space n");
    let shown = stage.text();
    assert!(shown.contains("Narrow 2 identities"), "{shown}");
    assert!(shown.contains("sa:ci/deployer"), "{shown}");
    assert!(shown.contains("user:gone@corp.example"), "{shown}");
    choose_and_compare(&mut stage, &book);
    assert_eq!(staged(&stage).len(), 2);
}

#[test]
fn a_role_can_be_narrowed_for_all_who_hold_it() {
    let book = invented::whole();
    let mut stage = Stage::new(&book, (100, 40));
    stage.command("grants").keys("/").type_text("deployer pay").keys("enter n");
    assert!(stage.text().contains("of               ‹ sa:ci/deployer ›"), "{}", stage.text());
    stage.keys("l");
    let shown = stage.text();
    assert!(shown.contains("Narrow ClusterRole deployer"), "{shown}");
    assert!(shown.contains("for all: 2 bindings"), "{shown}");
    assert!(shown.contains("a role has no place of its own"), "{shown}");
    choose_and_compare(&mut stage, &book);
    assert_eq!(staged(&stage)[0].words(), "narrow clusterrole:deployer");
    stage.keys("z");
    assert!(staged(&stage).is_empty(), "{}", stage.text());
}

#[test]
fn what_cannot_be_done_is_said_and_not_staged() {
    let mut stage = Stage::new(&invented::without_log(), (100, 40));
    stage.command("show sa:ci/deployer").keys("n");
    assert!(stage.text().contains("no audit log was read"), "{}", stage.text());
    stage.keys("enter");
    let said = stage.state.notice.clone().expect("said").text;
    assert!(said.starts_with("nothing is staged: no audit log was read"), "{said}");
    assert!(staged(&stage).is_empty());
    stage.keys("esc s");
    assert!(stage.text().contains("no audit log was read"), "{}", stage.text());
    stage.keys("enter");
    assert!(staged(&stage).is_empty());
    stage.keys("esc");
    stage.command("show group:platform").keys("s");
    assert!(stage.text().contains("a group is nobody's account"), "{}", stage.text());
    // Somebody of whom the log shows nothing.
    let mut stage = Stage::new(&invented::whole(), (100, 40));
    stage.command("show user:gone@corp.example").keys("s");
    assert!(stage.text().contains("the log does not show who is behind"), "{}", stage.text());
}

#[test]
fn of_several_those_that_the_log_does_not_bear_are_left_out_and_told() {
    // In one of two clusters there is no log.
    let mut other = invented::snapshot();
    other.cluster.name = "test-us".into();
    let other = invented::book_of(other, &invented::LogPart::None);
    let mut stage = Stage::of(&[invented::whole(), other], (100, 40));
    stage.command("who sa:ci/deployer").keys("g space j space n");
    let shown = stage.text();
    assert!(shown.contains("Narrow 2 identities"), "{shown}");
    assert!(shown.contains("test-eu") && shown.contains("test-us"), "{shown}");
    assert!(shown.contains("✗ no audit log was read"), "{shown}");
    stage.keys("enter");
    let said = stage.state.notice.clone().expect("said").text;
    assert!(said.contains("staged: narrow sa:ci/deployer"), "{said}");
    assert!(said.contains("1 left out: no audit log was read"), "{said}");
    let of: Vec<FeedId> = stage.state.staged.keys().map(|(feed, _)| *feed).collect();
    assert_eq!(of, [FeedId(0)]);
}

#[test]
fn the_screen_waits_for_nothing_and_the_newest_choice_wins() {
    let mut stage = Stage::new(&invented::whole(), (100, 40));
    stage.command("show sa:ci/deployer").keys("n");
    let before = stage.text();
    stage.hold = true;
    stage.keys("l j l");
    // What was worked out before stays, and it is told that it is not of this.
    let shown = stage.text();
    assert!(shown.contains("working it out …"), "{shown}");
    assert!(shown.contains("‹ up to 1 ›"), "{shown}");
    assert!(before.contains("+ get, list, watch of deployments.apps"), "{before}");
    assert!(shown.contains("+ get, list, watch of deployments.apps"), "{shown}");
    // Staged as soon as it is known what comes of it.
    stage.keys("enter");
    assert!(staged(&stage).is_empty());
    let jobs: Vec<Job> = std::mem::take(&mut stage.held)
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Run(job @ Job::Sight { .. }) => Some(job),
            _ => None,
        })
        .collect();
    assert_eq!(jobs.len(), 2);
    stage.hold = false;
    // An older answer is none to what is chosen now.
    let [first, second]: [Job; 2] = jobs.try_into().expect("two");
    stage.send(Msg::Done(Box::new(first.run())));
    assert!(staged(&stage).is_empty());
    assert!(stage.text().contains("working it out …"), "{}", stage.text());
    stage.send(Msg::Done(Box::new(second.run())));
    let commands: Vec<String> = staged(&stage).iter().map(Intent::command).collect();
    assert_eq!(commands, ["keybook narrow sa:ci/deployer --single-verbs --names 1"]);
}

#[test]
fn a_newer_book_is_looked_at_and_what_was_chosen_stays() {
    let mut stage = splitting();
    stage.keys("e ctrl-u").type_text("ana").keys("enter");
    let tag = wizard(&stage).tag;
    stage.send(Msg::Book(FeedId(0), shared::book()));
    assert!(wizard(&stage).tag > tag && wizard(&stage).is_worked_out());
    assert!(stage.text().contains("▌ ana "), "{}", stage.text());
}

#[test]
fn those_behind_an_account_are_told_apart_named_and_merged() {
    let book = shared::book();
    let mut stage = splitting();
    let shown = stage.text();
    for words in [
        "Split ops",
        "actor-1",
        "actor-3",
        "a person's screen on darwin/arm64",
        "203.0.113.1",
        "X509SHA256=a1",
        "kubectl/v1.36.1",
        "whom they become is open",
    ] {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    stage.keys("enter");
    assert!(
        stage.text().contains("nothing is staged: whom they become is open"),
        "{}",
        stage.text()
    );
    // Ana is the busiest; then by the order of the list.
    stage.keys("e ctrl-u").type_text("ana").keys("enter j e ctrl-u").type_text("Bo").keys("enter");
    assert!(stage.text().contains("\"Bo\" is no name for an account"), "{}", stage.text());
    let names: Vec<String> = {
        let keybook::tui::wizard::Form::Split(form) = &wizard(&stage).form else {
            panic!("no split")
        };
        form.seats.iter().map(|seat| format!("{}={}", seat.name, seat.is)).collect()
    };
    assert_eq!(names[0], "ana=X509SHA256=a1");
    // Where new accounts are made: typed, with what would complete it.
    stage.keys("j j e").type_text("peop").keys("tab enter");
    let shown = stage.text();
    assert!(shown.contains("→ sa:people/ana"), "{shown}");
    assert!(shown.contains("‹ people ›"), "{shown}");
    stage.keys("g");
    let shown = stage.text();
    assert!(shown.contains("ana becomes sa:people/ana, a person"), "{shown}");
    assert!(shown.contains("+ get, list, watch of pods in namespace pay"), "{shown}");
    assert!(!shown.contains("+ delete of pods"), "{shown}");
    // An existing user in place of an account, then left out, then taken in and merged.
    stage.keys("j b ctrl-u").type_text("user:bo@corp.example").keys("enter");
    assert!(stage.text().contains("becomes user:bo@corp.example"), "{}", stage.text());
    // Or by a certificate, as the actor is called or as somebody else is.
    stage.keys("b ctrl-u").type_text("cert:bo@corp.example").keys("enter");
    let shown = stage.text();
    assert!(shown.contains("certificate, which cannot be revoked"), "{shown}");
    let certified = |stage: &mut Stage| {
        stage.keys("c");
        let [Intent::Split { how, .. }] = &*copied(stage) else { panic!("no split") };
        (how.certificates.iter().map(ToString::to_string).collect::<Vec<_>>(), how.to.len())
    };
    assert_eq!(certified(&mut stage), (vec!["actor-2".to_owned()], 1));
    stage.keys("b ctrl-u").type_text("cert").keys("enter");
    assert_eq!(certified(&mut stage), (vec!["actor-2".to_owned()], 0));
    stage.keys("b ctrl-u").type_text("user:bo@corp.example").keys("enter");
    assert_eq!(certified(&mut stage), (vec![], 1));
    stage.keys("b ctrl-u").type_text("group:x").keys("enter");
    assert!(stage.text().contains("a group is nobody"), "{}", stage.text());
    stage.keys("x");
    assert!(stage.text().contains("left out"), "{}", stage.text());
    stage.keys("x g");
    stage.keys("m");
    assert!(stage.text().contains("mark the others with space first"), "{}", stage.text());
    stage.keys("j space g m");
    let shown = stage.text();
    assert!(shown.contains("one of 2 who are one"), "{shown}");
    choose_and_compare(&mut stage, &book);
    let [Intent::Split { how, .. }] = &*staged(&stage) else { panic!("no split") };
    let actors: Vec<&str> = how.actors.iter().map(|one| &*one.name).collect();
    assert_eq!(actors, ["ana", "ana", "actor-3"]);
}

#[test]
fn stages_folders_and_machines_show_what_comes_of_them() {
    let mut stage = splitting();
    stage.keys("j j j e").type_text("people").keys("enter");
    // Retired after a week, in stages: an account without token Secrets in one.
    stage.keys("j j l l l l");
    let shown = stage.text();
    assert!(shown.contains("‹ 14 days ›"), "{shown}");
    assert!(
        shown.contains("from 2026-05-20T14:20:00Z on: user:ops loses what it is granted"),
        "{shown}"
    );
    // How long tokens are asked for.
    stage.keys("j l");
    assert!(stage.text().contains("‹ 60 days ›"), "{}", stage.text());
    // A folder that cannot be had.
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("none").join("deeper").display().to_string();
    stage.keys("j e").type_text(&out).keys("enter");
    let shown = stage.text();
    assert!(shown.contains("none/deeper: the folder that it is in is not there"), "{shown}");
    let out = folder.path().join("hand-over").display().to_string();
    stage.keys("e ctrl-u").type_text(&out).keys("enter g");
    let shown = stage.text();
    assert!(shown.contains("actor-1.kubeconfig"), "{shown}");
    // A person may be a script; what nobody is at is no person.
    stage.keys("l");
    assert!(
        stage.text().contains("actor-1 becomes sa:people/actor-1, a machine"),
        "{}",
        stage.text()
    );
    stage.keys("h j j l");
    assert!(stage.text().contains("the log shows nobody at it"), "{}", stage.text());
    stage.keys("enter");
    assert_eq!(stage.state.folders.get(&FeedId(0)), Some(&out));
    assert!(!std::path::Path::new(&out).exists(), "nothing is made before it is applied");
}

#[test]
fn a_plan_with_kubeconfigs_asks_for_their_folder_where_none_was_chosen() {
    let book = shared::book();
    let mut stage = splitting();
    stage.keys("j j j e").type_text("people").keys("enter enter p");
    let (tag, intents) = stage
        .outside
        .iter()
        .rev()
        .find_map(|effect| match effect {
            Effect::Plan { tag, intents, .. } => Some((*tag, intents.clone())),
            _ => None,
        })
        .expect("a plan was asked for");
    let made = Planned {
        plan: planned(&book, &intents),
        problems: Vec::new(),
        notes: Vec::new(),
        confirm: "corp/test-eu".into(),
        finishes: None,
    };
    stage.send(Msg::Planned { tag, result: Ok(Arc::new(made)) });
    stage.keys("a");
    assert!(stage.text().contains("folder for the kubeconfigs:"), "{}", stage.text());
    stage.keys("enter");
    assert!(stage.text().contains("kubeconfigs need a folder"), "{}", stage.text());
    stage.keys("a").type_text("hand-over").keys("enter");
    assert!(stage.text().contains("to apply it, type corp/test-eu:"), "{}", stage.text());
    stage.type_text("corp/test-eu").keys("enter");
    let folder = stage.outside.iter().rev().find_map(|effect| match effect {
        Effect::Apply { folder, .. } => Some(folder.clone()),
        _ => None,
    });
    assert_eq!(folder, Some(Some("hand-over".into())));
}

/// What a person does in a wizard, beside what is typed.
fn keys(of: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    proptest::sample::select(of)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_chosen_of_a_narrowing_is_what_the_command_plans(
        who in proptest::sample::select(vec!["sa:ci/deployer", "user:jane@corp.example"]),
        pressed in proptest::collection::vec(keys(&["j", "k", "h", "l", "l", "g", "shift-g", "v"]), 0..24),
    ) {
        let book = invented::whole();
        let mut stage = Stage::new(&book, (120, 40));
        stage.command(&format!("show {who}")).keys("n");
        for key in pressed {
            stage.keys(key);
        }
        choose_and_compare(&mut stage, &book);
    }

    #[test]
    fn whatever_is_chosen_of_a_split_is_what_the_command_plans(
        pressed in proptest::collection::vec(
            keys(&["j", "j", "k", "h", "l", "l", "g", "shift-g", "v", "space", "m", "x", "e a enter"]),
            0..32,
        ),
    ) {
        let book = shared::book();
        let mut stage = splitting();
        stage.keys("j j j e").type_text("people").keys("enter g");
        for key in pressed {
            if key.starts_with('e') {
                // Only names are typed over: a number or a folder is none.
                stage.keys("g e").type_text("z").keys("enter");
            } else {
                stage.keys(key);
            }
        }
        let seen = wizard(&stage).sight.clone().expect("worked out").1;
        if seen.wishes().next().is_some() {
            choose_and_compare(&mut stage, &book);
        } else {
            // Nobody is left, or the namespace is another's.
            stage.keys("enter");
            prop_assert!(staged(&stage).is_empty());
            prop_assert!(stage.text().contains("nothing is staged"), "{}", stage.text());
        }
    }
}

#[test]
fn a_copied_command_means_the_cluster_and_the_log_that_are_on_screen() {
    let mut stage = Stage::new(&shared::book(), (100, 40));
    stage.state.feeds[0].flags = " --context staging --audit audit.log".to_owned();
    stage.command(&format!("show {}", shared::ACCOUNT)).keys("n").keys("c");
    let Some(Effect::Copy(text)) = stage.outside.last() else { panic!("nothing was copied") };
    assert!(text.ends_with(" --context staging --audit audit.log"), "{text}");
    let cli = Cli::try_parse_from(text.split(' ')).expect("a command line");
    assert_eq!(cli.global.cluster.context, ["staging"]);
}
