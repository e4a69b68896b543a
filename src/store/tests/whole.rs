//! What the days come to is kept as long as it is that, and never longer.

use proptest::prelude::*;

use super::*;
use crate::audit::index::write_whole;

/// What answers now, and whether it is what the days come to.
fn answer(store: &mut Store, options: &Options) -> Option<Activity> {
    let kept = store.is_summed_up(options);
    let found = store.activity(options).unwrap();
    assert_eq!(found, store.activity_of_days(options).unwrap(), "kept: {kept}");
    assert_eq!(store.is_summed_up(options), found.is_some());
    found
}

fn stored(world: &World) -> i64 {
    rusqlite::Connection::open(world.path("store.db"))
        .and_then(|store| store.query_row("SELECT count(*) FROM whole", [], |row| row.get(0)))
        .unwrap()
}

#[test]
fn it_is_kept_until_something_changes() {
    let world = World::new();
    let mut store = world.store();
    assert_eq!(answer(&mut store, &world.options), None);
    let text = log(0..4800);
    let path = world.put("a.log", &text[..text.len() - 20]);
    take(&mut store, &[&path], &world.options).unwrap();
    assert!(store.is_summed_up(&world.options), "an ingest leaves it");
    let first = answer(&mut store, &world.options).unwrap();
    assert_eq!(requests(&first), 4799);
    // Nothing new, and what the cluster is called, leave it.
    take(&mut store, &[&path], &world.options).unwrap();
    store.note("name", "prod").unwrap();
    assert!(store.is_summed_up(&world.options));
    // The line that was not whole, a new name, requests that go, requests that are late.
    fs::write(&path, &text).unwrap();
    take(&mut store, &[&path], &world.options).unwrap();
    assert_eq!(requests(&answer(&mut store, &world.options).unwrap()), 4800);
    fs::rename(&path, world.path("b.log")).unwrap();
    take(&mut store, &[&world.path("b.log")], &world.options).unwrap();
    let renamed = answer(&mut store, &world.options).unwrap();
    assert!(renamed.coverage().sources[0].ends_with("b.log"), "{:?}", renamed.coverage());
    let later = Options::new(now() + TimeDelta::days(40));
    assert!(store.prune_index(14, &later).unwrap().frozen > 0);
    assert!(!store.is_summed_up(&later));
    answer(&mut store, &later);
    let late = world.put("c.log", &line(9, 5, "new", "curl"));
    assert_eq!(take(&mut store, &[&late], &later).unwrap().late, 1);
    assert_eq!(requests(&answer(&mut store, &later).unwrap()), 4801);
    store.prune(Utc.with_ymd_and_hms(2026, 5, 6, 0, 0, 0).unwrap(), &later).unwrap();
    assert!(!store.is_summed_up(&later));
    assert_eq!(requests(&answer(&mut store, &later).unwrap()), 2400);
}

#[test]
fn what_is_not_it_is_not_believed() {
    let world = World::new();
    let mut store = world.store();
    let path = world.put("a.log", &log(0..50));
    take(&mut store, &[&path], &world.options).unwrap();
    let right = store.activity(&world.options).unwrap();
    let wrong = write_whole(&Activity::default()).unwrap();
    for (form, bytes) in [
        (world.options.form_of_whole(), b"no such thing".to_vec()),
        (world.options.form_of_whole(), Vec::new()),
        ("0.0.1 1".to_owned(), wrong),
    ] {
        store.database.execute("UPDATE whole SET form = ?1, bytes = ?2", (form, bytes)).unwrap();
        assert_eq!(answer(&mut store, &world.options), right);
    }
    // A store of before has no place for it, whoever opens it to read.
    store.database.execute_batch("DROP TABLE whole").unwrap();
    let names = "SELECT name FROM sqlite_schema WHERE type = 'trigger'";
    let names: Vec<String> = store
        .database
        .prepare(names)
        .and_then(|mut all| all.query_map([], |row| row.get(0))?.collect())
        .unwrap();
    for name in names {
        store.database.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    let mut reader = Store::open_to_read(&world.path("store.db")).unwrap().unwrap();
    assert_eq!(reader.activity(&world.options).unwrap(), right);
    assert!(reader.sizes().unwrap().rows.1 > 0);
    drop((reader, store));
    assert_eq!(answer(&mut world.store(), &world.options), right);
}

#[test]
fn what_was_read_before_another_wrote_is_not_kept() {
    let world = World::new();
    let mut store = world.store();
    let path = world.put("a.log", &log(0..50));
    take(&mut store, &[&path], &world.options).unwrap();
    let mut reader = Store::open_to_read(&world.path("store.db")).unwrap().unwrap();
    // One reads, and another takes in before it has noted what that comes to.
    reader.database.execute_batch("BEGIN").unwrap();
    let old = reader.activity_of_days(&world.options).unwrap().unwrap();
    let more = world.put("b.log", &log(50..60));
    let turn = store.turn_now().unwrap();
    let places = audit::places(&[SourceSpec::Path(more)], None).unwrap();
    let mut known = sources::Known::new(store.sources().unwrap());
    for place in places {
        let pending = sources::Pending::stream(&place.name.clone(), Vec::new(), place.open());
        store.write_down_one(pending, &mut known, &world.options).unwrap();
    }
    drop(turn);
    reader.keep_whole(&old, &world.options);
    reader.end_reading().unwrap();
    assert_eq!(stored(&world), 0);
    assert_eq!(requests(&answer(&mut reader, &world.options).unwrap()), 60);
    // While another is writing nobody waits, and the answer is of before.
    let writing = store.transaction().unwrap();
    writing.execute("DELETE FROM days", []).unwrap();
    assert_eq!(requests(&reader.activity(&world.options).unwrap().unwrap()), 60);
    writing.commit().unwrap();
    let writing = store.transaction().unwrap();
    assert_eq!(requests(&reader.activity(&world.options).unwrap().unwrap()), 0);
    drop(writing);
    assert_eq!(stored(&world), 0);
}

#[derive(Clone, Debug)]
enum Step {
    /// So many lines, from one of a few files, are taken in.
    Take(u8, u16, u16),
    /// A file gets another name.
    Rename(u8),
    /// What is older than so many days is no longer known one by one.
    Freeze(u8),
    /// What is before a day goes.
    Forget(u8),
    /// It is closed, and opened again.
    Reopen,
    /// Something is being written, and the program ends.
    Break,
    Ask,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3u8, 0..600u16, 1..40u16).prop_map(|(a, b, c)| Step::Take(a, b, c)),
        1 => (0..3u8).prop_map(Step::Rename),
        1 => (0..4u8).prop_map(Step::Freeze),
        1 => (0..4u8).prop_map(Step::Forget),
        1 => Just(Step::Reopen),
        1 => Just(Step::Break),
        2 => Just(Step::Ask),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_happens_it_is_what_the_days_come_to(
        steps in prop::collection::vec(step(), 1..20)
    ) {
        let world = World::new();
        let mut store = world.store();
        for step in steps {
            match step {
                Step::Take(file, from, count) => {
                    let from = u32::from(from);
                    let path = world.path(&format!("{file}.log"));
                    let before = fs::read_to_string(&path).unwrap_or_default();
                    fs::write(&path, before + &log(from..from + u32::from(count))).unwrap();
                    take(&mut store, &[&path], &world.options).unwrap();
                }
                Step::Rename(file) => {
                    let (from, to) =
                        (world.path(&format!("{file}.log")), world.path(&format!("{file}.old")));
                    if fs::rename(&from, &to).is_ok() {
                        take(&mut store, &[&to], &world.options).unwrap();
                    }
                }
                Step::Freeze(days) => {
                    store.prune_index(days.into(), &world.options).unwrap();
                }
                Step::Forget(days) => {
                    let day = Utc.with_ymd_and_hms(2026, 5, 1, 0, 0, 0).unwrap();
                    let day = day + TimeDelta::days(days.into());
                    store.prune(day, &world.options).unwrap();
                }
                Step::Reopen => store = world.store(),
                Step::Break => {
                    let writing = store.transaction().unwrap();
                    writing.execute("DELETE FROM days", []).unwrap();
                    writing.execute("INSERT INTO whole VALUES ('x', x'00')", []).unwrap();
                    drop(writing);
                }
                Step::Ask => {
                    answer(&mut store, &world.options);
                }
            }
            // Another program asks, and sees the same.
            let mut other = Store::open_to_read(&world.path("store.db")).unwrap().unwrap();
            answer(&mut other, &world.options);
        }
    }
}
