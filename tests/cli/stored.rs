//! What is kept of logs between one call and the next.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use keybook::audit::{Options, SourceSpec};
use keybook::model::{ActivityParts, Coverage};
use keybook::store::Store;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;

use super::world::event;
use super::{Home, NOW};
use crate::support::schemas::fits;

fn lines(numbers: std::ops::Range<u32>) -> String {
    let start: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().expect("a time");
    numbers
        .flat_map(|id| {
            // However many there are, none is dated after now.
            let at = start + TimeDelta::minutes(i64::from(id % 8_000) * 5);
            let at = at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
            let who = ["jane@corp.example", "root", "zoe@corp.example"][id as usize % 3];
            let event = event(id, &at, (who, &["ops"]), ("list", "pay", "pods"), id % 7 > 0);
            [event.to_string(), "\n".to_owned()]
        })
        .collect()
}

/// A saved cluster that says which one it is.
fn cluster(home: &Home) -> String {
    let folder = home.path().join("saved").display().to_string();
    home.run(&["--demo", "snapshot", "--out", &folder]).ends_with(0);
    folder
}

fn events(run: &super::Run) -> Option<u64> {
    run.json()["metadata"]["coverage"]["events"].as_u64()
}

/// Every file below a folder.
fn below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(below(&path)),
            path => found.push(path.display().to_string()),
        }
    }
    found
}

#[test]
fn what_is_taken_in_is_answered_from() {
    let home = Home::new();
    let from = cluster(&home);
    let who = ["who", "--from", &from, "-o", "json"];
    assert_eq!(events(&home.run(&who)), None);
    let log = home.put("a.log", lines(0..100));
    let done = home.run(&["ingest", "--from", &from, &log]).ends_with(0);
    assert!(done.out.is_empty(), "{done:?}");
    assert!(done.err.contains("100 requests new in 1 source, 0 with nothing new"), "{done:?}");
    let again = home.run(&["ingest", "--from", &from, &log]).ends_with(0);
    assert!(again.err.contains("0 requests new in 0 sources, 1 with nothing new"), "{again:?}");
    assert_eq!(events(&home.run(&who)), Some(100));
    // Overlapping, from standard input, twice.
    for _ in 0..2 {
        home.run_with(&["ingest", "--from", &from, "-"], lines(50..150)).ends_with(0);
    }
    assert_eq!(events(&home.run(&who)), Some(150));
    // Exactly what is named, and nothing at all.
    let named = home.run(&["who", "--from", &from, "--audit", &log, "-o", "json"]);
    assert_eq!(events(&named), Some(100));
    let without = home.run(&["who", "--from", &from, "--no-store", "-o", "json"]);
    assert_eq!(events(&without), None);
    let expected = home
        .run_with(&["who", "--from", &from, "--audit", "-", "-o", "json"], lines(0..150))
        .out
        // Commands are for what was asked.
        .replace(" --audit -", "");
    let expected: Value = serde_json::from_str(&expected).expect("JSON");
    let found = home.run(&who).json();
    assert_eq!(found["items"], expected["items"]);

    let list = home.run(&["store", "list", "-o", "json"]).ends_with(0).json();
    fits("store-list.json", &list);
    let item = &list["items"][0];
    assert_eq!((&item["requests"], &item["indexed"]), (&150.into(), &150.into()));
    let path = home.run(&["store", "path", item["cluster"].as_str().expect("a name")]);
    assert_eq!(path.out.trim_end(), item["path"].as_str().expect("a path"));
    let table = home.run(&["store", "list"]).ends_with(0);
    assert!(table.out.contains("INDEXED") && table.out.contains("2026-03-01"), "{}", table.out);
}

/// A pipe gives what it holds to the one who reads it, once.
#[cfg(unix)]
#[test]
fn a_pipe_is_read_from_its_beginning_to_its_end() {
    let home = Home::new();
    let from = cluster(&home);
    let pipe = home.path().join("pipe").display().to_string();
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let written = |numbers: std::ops::Range<u32>| {
        let (pipe, text) = (pipe.clone(), lines(numbers));
        std::thread::spawn(move || fs::write(pipe, text).expect("all of it is read"))
    };
    let writer = written(0..100);
    let done = home.run(&["ingest", "--from", &from, &pipe]).ends_with(0);
    writer.join().expect("written");
    assert!(done.err.contains("100 requests new in 1 source"), "{done:?}");
    // Another content, of one that is known by no name.
    let writer = written(100..130);
    let done = home.run(&["ingest", "--from", &from, &pipe]).ends_with(0);
    writer.join().expect("written");
    assert!(done.err.contains("30 requests new in 1 source"), "{done:?}");
    let writer = written(0..70);
    let answer = home.run(&["who", "--from", &from, "--audit", &pipe, "-o", "json"]);
    writer.join().expect("written");
    assert_eq!(events(&answer), Some(70));
}

#[test]
fn what_could_not_be_read_is_told_when_it_is_taken_in() {
    let home = Home::new();
    let told = |text: String| {
        let log = home.put("a.log", text);
        home.run(&["ingest", "--for", "prod", &log]).ends_with(0).err.replace(&log, "a.log")
    };
    let first = format!("{}junk\n{{\"a\":1}}\n", lines(0..3));
    let err = told(first.clone());
    assert!(err.contains("1 line unreadable (not JSON), the first at a.log:4"), "{err}");
    assert!(err.contains("1 line unreadable (not an audit event), the first at a.log:5"), "{err}");
    // Of what comes behind, only what is new; where it stands in the file.
    let err = told(format!("{first}{}junk\njunk\n", lines(3..5)));
    assert!(err.contains("2 lines unreadable (not JSON), the first at a.log:8"), "{err}");
    assert!(!err.contains("not an audit event"), "{err}");
    let err = told(format!("{first}{}junk\njunk\n", lines(3..5)));
    assert!(!err.contains("unreadable"), "{err}");
}

#[test]
fn stores_that_are_made_at_once_are_of_one_folder() {
    let names = ["a", "b", "c", "d", "e"];
    for _ in 0..4 {
        let home = Home::new();
        let log = home.put("a.log", lines(0..20));
        let words = |name: &'static str| ["ingest", "--for", name, log.as_str()].map(str::to_owned);
        let begun = names.map(|name| {
            let words = words(name);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            home.command(&words).stderr(Stdio::piped()).spawn().expect("it runs")
        });
        for child in begun {
            let done = child.wait_with_output().expect("it ends");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
        let list = home.run(&["store", "list", "-o", "name"]).ends_with(0);
        assert_eq!(list.out, "a\nb\nc\nd\ne\n");
        // A seed that is lost is in the stores.
        let data = home.run(&["store", "path"]).out.trim_end().to_owned();
        let seed = Path::new(&data).join("seed");
        fs::remove_file(&seed).expect("it was there");
        for name in names {
            let words = words(name);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let again = home.run(&words).ends_with(0);
            assert!(again.err.contains("0 requests new"), "{again:?}");
        }
        fs::write(&seed, "no seed").expect("written");
        let told = home.run(&["ingest", "--for", "a", &log]).ends_with(3);
        assert!(told.err.contains("it is no seed"), "{told:?}");
    }
}

#[test]
fn a_cluster_without_a_name_is_named() {
    let home = Home::new();
    let log = home.put("a.log", lines(0..10));
    let objects = home.put("objects.json", super::world::list(&super::world::objects()));
    let unknown = home.run(&["ingest", "--from", &objects, &log]).ends_with(2);
    assert!(unknown.err.contains("--for"), "{unknown:?}");
    let unreachable = home.run(&["ingest", &log]).ends_with(3);
    assert!(unreachable.err.contains("--for"), "{unreachable:?}");
    home.run(&["ingest", "--for", "prod eu", &log]).ends_with(0);
    let names = home.run(&["store", "list", "-o", "name"]).ends_with(0);
    assert_eq!(names.out, "prod eu\n");
    home.run(&["ingest", "--for", "", &log]).ends_with(2);
    home.run(&["ingest", "--for", "x", "gone.log"]).ends_with(2);
    home.run(&["ingest"]).ends_with(2);
    home.run(&["store", "prune", "--for", "nobody", "--keep", "9d"]).ends_with(2);
    home.run(&["store", "prune", "--keep", "nine"]).ends_with(2);
    home.run(&["ingest", "--no-store", "--for", "x", &log]).ends_with(2);
    let pruned = home.run(&["store", "prune", "--keep", "10d"]).ends_with(0);
    assert!(pruned.err.contains("prod eu: 1 day gone"), "{pruned:?}");
}

#[test]
fn no_store_leaves_nothing() {
    let home = Home::new();
    let from = cluster(&home);
    // Large enough to be worth keeping.
    let log = home.put("big.log", lines(0..500).repeat(130));
    let before = below(home.path());
    let who = ["who", "--from", &from, "--audit", &log, "-o", "json"];
    let plain = home.run(&[&who[..], &["--no-store"]].concat()).ends_with(0);
    assert_eq!(below(home.path()), before);
    let first = home.run(&who).ends_with(0);
    let second = home.run(&who).ends_with(0);
    assert_eq!((&first.out, &second.out), (&plain.out, &plain.out));
    assert!(below(home.path()).len() > before.len(), "it is kept");
    let list = home.run(&["store", "list", "-o", "json"]).ends_with(0).json();
    assert_eq!(list["items"][0]["cluster"], Value::Null);
    // Another content under that name.
    fs::write(&log, lines(0..600).repeat(130)).expect("written");
    assert_eq!(events(&home.run(&who)), Some(600));
    // A cache that cannot be used is done without.
    let data = home.run(&["store", "path"]).out.trim_end().to_owned();
    fs::remove_dir_all(&data).expect("removed");
    fs::write(&data, "in the way").expect("written");
    let without = home.run(&who);
    assert_eq!(events(&without), Some(600));
    assert!(without.err.contains("read without the store"), "{}", without.err);
}

#[test]
fn what_cannot_be_read_is_told_and_left_alone() {
    let home = Home::new();
    let from = cluster(&home);
    let log = home.put("a.log", lines(0..10));
    home.run(&["ingest", "--from", &from, &log]).ends_with(0);
    let list = home.run(&["store", "list", "-o", "json"]).json();
    let path = list["items"][0]["path"].as_str().expect("a path").to_owned();
    for end in ["db-wal", "db-shm"] {
        let _ = fs::remove_file(Path::new(&path).with_extension(end));
    }
    let mut bytes = fs::read(&path).expect("read");
    // The format, as the file's header has it.
    bytes[60..64].copy_from_slice(&99u32.to_be_bytes());
    fs::write(&path, &bytes).expect("written");
    for words in [&["ingest", "--from", &from, &log][..], &["who", "--from", &from]] {
        let refused = home.run(words).ends_with(3);
        assert!(refused.err.contains("newer keybook"), "{refused:?}");
    }
    assert_eq!(fs::read(&path).expect("read"), bytes);
    let list = home.run(&["store", "list"]).ends_with(3);
    assert!(list.err.contains("newer keybook"), "{list:?}");
    home.run(&["who", "--from", &from, "--no-store"]).ends_with(0);
}

/// What a store says now, without what depends on how often files were looked at.
fn state(path: &Path, options: &Options) -> Option<ActivityParts> {
    let mut store = Store::open_to_read(path).expect("a store")?;
    store.activity(options).expect("it can be read").map(|activity| activity.to_parts())
}

#[test]
fn whenever_it_is_killed_nothing_is_lost_and_nothing_is_twice() {
    let full = std::env::var("KEYBOOK_TEST_FULL").is_ok_and(|value| value == "1");
    let moments = if full { 200 } else { 8 };
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
    let home = Home::new();
    let logs = home.path().join("logs");
    fs::create_dir(&logs).expect("made");
    let words = ["ingest", "--for", "prod", "logs"];
    let options = Options::new(NOW.parse().expect("a time"));
    // How long it takes when nobody kills it.
    fs::write(logs.join("0.log"), lines(0..400)).expect("written");
    let begun = Instant::now();
    home.run(&words).ends_with(0);
    let usual = begun.elapsed();
    let list = home.run(&["store", "list", "-o", "json"]).json();
    let path = list["items"][0]["path"].as_str().expect("a path").to_owned();
    let path = Path::new(&path);
    let whole = |_: &ActivityParts| {
        let specs = [SourceSpec::Path(logs.clone())];
        keybook::audit::read(&specs, &options, &()).expect("read").to_parts()
    };
    let mut before = state(path, &options).expect("taken in");
    let (mut killed, mut finished) = (0, 0);
    for moment in 1..=moments {
        let from = moment * 400;
        // One grows, one is new and overlaps.
        let mut text = fs::read_to_string(logs.join("0.log")).expect("read");
        text.push_str(&lines(from..from + 200));
        fs::write(logs.join("0.log"), text).expect("written");
        fs::write(logs.join(format!("{moment}.log")), lines(from + 100..from + 400))
            .expect("written");
        let mut child = Command::new(env!("CARGO_BIN_EXE_keybook"))
            .args(words)
            .current_dir(home.path())
            .env_clear()
            .env("HOME", home.path())
            .env("KEYBOOK_NOW", NOW)
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let wait = usual.mul_f64(random.random_range(0.0..1.3));
        std::thread::sleep(wait.min(Duration::from_secs(20)));
        let ended = child.try_wait().expect("asked").is_some();
        child.kill().expect("killed");
        child.wait().expect("ended");
        let now = state(path, &options).expect("it is there");
        // What was kept of the sums is what the days come to.
        rusqlite::Connection::open(path)
            .and_then(|store| store.execute("DELETE FROM whole", []))
            .expect("forgotten");
        assert!(state(path, &options).as_ref() == Some(&now));
        let after = whole(&now);
        let events = now.coverage.events;
        assert!(
            now == before || same(&now, &after),
            "neither what was nor what is: {} → {events} → {}",
            before.coverage.events,
            after.coverage.events
        );
        if ended {
            assert!(same(&now, &after));
            finished += 1;
        } else {
            killed += 1;
        }
        before = now;
    }
    assert!(killed > 0, "{finished} were never killed");
    home.run(&words).ends_with(0);
    let end = state(path, &options).expect("it is there");
    assert!(same(&end, &whole(&end)));
}

/// Equal but for the folder in which the sources were named.
fn same(one: &ActivityParts, other: &ActivityParts) -> bool {
    let plain = |parts: &ActivityParts| ActivityParts {
        coverage: Coverage { sources: Vec::new(), ..parts.coverage.clone() },
        ..parts.clone()
    };
    plain(one) == plain(other)
}
