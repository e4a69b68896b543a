//! A split that is held against the log as it goes on.

use serde_json::json;

use super::split::{ops, row, split, splitting};
use super::{World, user};
use crate::book::tests::world::{World as Logged, call, day};
use crate::change::plan::{Choices, CoverageRef, Named, Plan, Since, Splitting, since};
use crate::model::ActivityParts;

/// The last day of the log that the plan rests on.
const ENDED: i64 = 10;

/// Ana and the pipeline, and who is named by nobody: by their places in the tests of splits.
const ANA: usize = 0;
const BO: usize = 1;
const CI: usize = 2;
const OTHER: usize = 3;

fn named(all: &[(&str, &str)]) -> Vec<Named> {
    all.iter().map(|(name, is)| Named { name: (*name).into(), is: (*is).into() }).collect()
}

fn how(actors: &[(&str, &str)]) -> Splitting {
    Splitting { actors: named(actors), to: [].into(), ..splitting(Choices::default()) }
}

/// By what both are told in most tests.
const BOTH: [(&str, &str); 2] = [("ana", "203.0.113.1"), ("ci", "X509SHA256=c3")];

/// Rows of who did what on which day, in that order.
fn log(rows: &[(usize, &str, i64)]) -> ActivityParts {
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    for (actor, what, on) in rows {
        row("user:ops", *actor, call(what), *on).put(&mut parts);
    }
    parts
}

const DID: [(usize, &str, i64); 2] = [(ANA, "list pods@a", 1), (CI, "delete pods@a/x", 2)];

/// What is found where this was done besides, of what was planned by what was done before.
fn found(how: Splitting, before: &[(usize, &str, i64)], more: &[(usize, &str, i64)]) -> Since {
    let (world, plan) = planned(how, before);
    let all = [before, more].concat();
    since(&World { log: Some(log(&all)), ..world }.book(), &plan)
}

fn planned(how: Splitting, before: &[(usize, &str, i64)]) -> (World, Plan) {
    let world = World { log: Some(log(before)), ..ops(&[("wide", user("ops"))], &[]) };
    let mut plan = split(&world, "user:ops", how).expect("a plan");
    plan.metadata.coverage = Some(CoverageRef { from: None, to: Some(day(ENDED)), gaps: 0 });
    (world, plan)
}

#[test]
fn who_goes_on_as_they_did_is_in_nobodys_way() {
    let more = [(ANA, "list pods@a", 20), (CI, "delete pods@a/y", 21), (ANA, "get nodes@/x", 22)];
    assert_eq!(found(how(&BOTH), &DID, &more), Since::default());
}

#[test]
fn what_their_new_role_does_not_allow_is_refused_with_who_did_it() {
    let found =
        found(how(&BOTH), &DID, &[(ANA, "get secrets@a/s", 20), (CI, "delete pods@a/z", 20)]);
    assert_eq!(found.notes, [""; 0]);
    assert_eq!(found.refused.len(), 1, "{found:?}");
    let line = &found.refused[0];
    let words = "ana (sa:keys/ana) would not be allowed what was done since as user:ops: get secrets s \
                 in namespace a, the last on 2026-01-2";
    assert!(line.starts_with(words), "{line}");
}

#[test]
fn a_client_that_was_not_there_is_told_and_stops_what_retires_the_account() {
    let more = [(OTHER, "list pods@a", 20)];
    let told = found(how(&BOTH), &DID, &more);
    assert_eq!(told.refused, [""; 0]);
    assert_eq!(told.notes.len(), 1, "{told:?}");
    let words = "user:ops has been used since by who gets no identity: ";
    assert!(told.notes[0].starts_with(words), "{told:?}");
    assert!(told.notes[0].contains("203.0.113.4"), "{told:?}");
    let retires = Splitting { retire_after: Some(14), ..how(&BOTH) };
    let stopped = found(retires.clone(), &DID, &more);
    assert_eq!(stopped.notes, [""; 0]);
    assert_eq!(
        stopped.refused,
        [format!("{}; once user:ops is retired, they are refused", told.notes[0])]
    );
    // Who was there before, and gets nothing, was told when it was planned.
    let retires = Splitting { retire_unattributed: true, ..retires };
    let old = [&DID[..], &[(OTHER, "list pods@a", 3)]].concat();
    assert_eq!(found(retires.clone(), &old, &more), Since::default());
    // Another one was not, though it was said that such may be cut off.
    let another = found(retires, &old, &[(BO, "list pods@a", 20)]);
    assert_eq!(another.refused.len(), 1, "{another:?}");
    assert!(another.refused[0].contains("203.0.113.2"), "{another:?}");
}

#[test]
fn who_gets_what_is_nobodys_has_to_get_what_newcomers_need() {
    let how = Splitting { unattributed: Some("ana".into()), ..how(&BOTH) };
    let enough = found(how.clone(), &DID, &[(OTHER, "list pods@a", 20)]);
    assert_eq!((enough.refused.len(), enough.notes.len()), (0, 1), "{enough:?}");
    assert!(enough.notes[0].ends_with("ana gets what is nobody's"), "{enough:?}");
    let more = found(how, &DID, &[(OTHER, "get secrets@a/s", 20)]);
    assert_eq!(more.refused.len(), 1, "{more:?}");
    assert!(more.refused[0].starts_with("ana (sa:keys/ana) would not be allowed"), "{more:?}");
}

/// The list of who is seen is in the order of requests: one who comes new, and asks for more, moves
/// everybody's place.
#[test]
fn places_in_a_list_that_moved_make_nobody_somebody_else() {
    let before = [&DID[..], &[(CI, "delete pods@a/x", 3)]].concat();
    let more: Vec<_> = (20..30).map(|on| (OTHER, "list pods@a", on)).collect();
    for actors in [&[][..], &[("ci", "1"), ("ana", "2")]] {
        let told = found(how(actors), &before, &more);
        assert_eq!(told.refused, [""; 0], "{actors:?}");
        assert_eq!(told.notes.len(), 1, "{told:?}");
        assert!(told.notes[0].contains("203.0.113.4"), "{told:?}");
        let own =
            found(how(actors), &before, &[&more[..], &[(ANA, "get secrets@a/s", 20)]].concat());
        let who = if actors.is_empty() { "actor-2 (" } else { "ana (" };
        assert_eq!(own.refused.len(), 1, "{own:?}");
        assert!(own.refused[0].starts_with(who), "{own:?}");
    }
}

#[test]
fn who_is_not_found_again_is_not_said_to_have_done_nothing() {
    let (world, plan) = planned(how(&BOTH), &DID);
    let later = log(&[(ANA, "list pods@a", 20)]);
    let found = since(&World { log: Some(later), ..world }.book(), &plan);
    assert_eq!(found.refused, [""; 0]);
    assert_eq!(
        found.notes,
        [
            "ci is not found again behind user:ops in the log: whether they did more since the plan was made, \
         than it gives them, is not known"
        ]
    );
}

#[test]
fn a_split_that_says_by_what_nobody_was_known_is_told_so() {
    let (world, mut plan) = planned(how(&[]), &DID);
    for who in plan.parted.iter_mut().flat_map(|parted| &mut parted.who) {
        assert!(!who.known_by.is_empty(), "{who:?}");
        who.known_by.clear();
    }
    let found = since(&world.book(), &plan);
    assert_eq!((found.refused.len(), found.notes.len()), (0, 2), "{found:?}");
    assert_eq!(json!(plan.parted[0].who[0]).get("knownBy"), None);
}
