//! However logs come into a store, and however often: the activity of reading them all at once.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::json;

use super::any_order::{Seed, bounds, lines, same, seed};
use super::*;
use crate::model::{ActivityParts, Use};
use crate::store::{Ingested, Store};

fn texts(seeds: &[Seed]) -> Vec<String> {
    seeds.iter().flat_map(lines).map(|line| line.text()).collect()
}

fn taking(store: &mut Store, paths: &[PathBuf], options: &Options) -> Ingested {
    let specs: Vec<SourceSpec> = paths.iter().cloned().map(SourceSpec::Path).collect();
    let turn = store.turn().unwrap();
    store.ingest(&specs, options, &(), &turn).unwrap()
}

fn reading(path: &Path, options: &Options) -> ActivityParts {
    read(&[SourceSpec::Path(path.to_owned())], options, &()).unwrap().to_parts()
}

fn stored(store: &mut Store, options: &Options) -> ActivityParts {
    let found = store.activity(options).unwrap().expect("something was taken in").to_parts();
    // Summed up before or now.
    let days = store.activity_of_days(options).unwrap().expect("something was taken in");
    assert!(found == days.to_parts());
    found
}

fn gzip(path: &Path) {
    let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
    zip.write_all(&fs::read(path).unwrap()).unwrap();
    fs::write(path.with_extension("log.gz"), zip.finish().unwrap()).unwrap();
    fs::remove_file(path).unwrap();
}

/// What a step does to one of the logs of a folder.
#[derive(Clone, Debug)]
enum Step {
    /// So many more bytes of its text are written.
    Grow(u16),
    /// It is renamed, and a new one begun.
    Rotate,
    /// One that was renamed is compressed.
    Compress(u8),
    /// The folder is taken in.
    Take,
    /// The store is closed and opened again.
    Reopen,
}

fn step() -> impl Strategy<Value = (u8, Step)> {
    let step = prop_oneof![
        4 => (1..9000u16).prop_map(Step::Grow),
        1 => Just(Step::Rotate),
        1 => any::<u8>().prop_map(Step::Compress),
        2 => Just(Step::Take),
        1 => Just(Step::Reopen),
    ];
    (0..3u8, step)
}

/// A log that is being written.
struct Log {
    folder: PathBuf,
    name: String,
    text: Vec<u8>,
    written: usize,
    rotated: Vec<PathBuf>,
}

impl Log {
    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    fn grow(&mut self, more: usize) {
        let end = (self.written + more).min(self.text.len());
        let mut options = fs::OpenOptions::new();
        let mut file = options.append(true).create(true).open(self.path()).unwrap();
        file.write_all(&self.text[self.written..end]).unwrap();
        self.written = end;
    }

    /// Servers rotate between lines.
    fn rotate(&mut self) {
        let rest = &self.text[self.written..];
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.grow(end);
        let to = self.folder.join(format!("{}-{}.log", self.name, self.rotated.len()));
        fs::rename(self.path(), &to).unwrap();
        self.rotated.push(to);
        fs::write(self.path(), "").unwrap();
    }

    fn compress(&mut self, which: usize) {
        let plain: Vec<&PathBuf> = self.rotated.iter().filter(|path| path.exists()).collect();
        if let Some(path) = plain.get(which % plain.len().max(1)) {
            gzip(path);
        }
    }
}

/// A row of a summary, of one of a few requests of a day in May.
fn row(day: u8, what: u8, count: u8) -> String {
    let at = |hour: u8| format!("2026-05-{:02}T{hour:02}:{:02}:00Z", day + 1, what);
    let row = json!({
        "keybook_summary": "1", "kind": "requests", "requests": count, "first_seen": at(1),
        "last_seen": at(2 + count % 20), "stage": "ResponseComplete", "code": 200,
        "decision": "allow", "verb": "get", "resource": "pods", "namespace": "shop",
        "name": format!("p{}", what / 2), "user_name": format!("u{}", what % 3),
        "user_groups": "[\"devs\"]", "user_agent": "kubectl", "source_ip": "198.51.100.7",
        "lacks": if what == 5 { "groups" } else { "" },
    });
    format!("{row}\n")
}

/// How many lines of it there were in a stretch of time.
fn stretch(day: u8, lines: u8) -> String {
    let row = json!({
        "keybook_summary": "1", "kind": "stretch", "level": "Metadata", "lines": lines,
        "first_seen": format!("2026-05-{:02}T01:00:00Z", day + 1),
        "last_seen": format!("2026-05-{:02}T01:09:00Z", day + 1),
    });
    format!("{row}\n")
}

fn summary() -> impl Strategy<Value = String> {
    let rows = prop::collection::vec((0..3u8, 0..6u8, 1..4u8), 0..12);
    let stretches = prop::collection::vec((0..3u8, 1..9u8), 0..3);
    (rows, stretches).prop_map(|(rows, stretches)| {
        let rows = rows.iter().map(|(day, what, count)| row(*day, *what, *count));
        rows.chain(stretches.iter().map(|(day, lines)| stretch(*day, *lines))).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn logs_that_grow_rotate_and_are_compressed_are_taken_in_once(
        seeds in prop::collection::vec(seed(), 1..50),
        picks in prop::collection::vec(0..3usize, 1..20),
        steps in prop::collection::vec(step(), 1..25),
        small: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let logs_folder = folder.path().join("logs");
        fs::create_dir(&logs_folder).unwrap();
        let mut logs: Vec<Log> = (0..3).map(|at| Log {
            folder: logs_folder.clone(),
            name: format!("server{at}"),
            text: Vec::new(),
            written: 0,
            rotated: Vec::new(),
        }).collect();
        for (text, pick) in texts(&seeds).iter().zip(picks.iter().cycle()) {
            logs[*pick].text.extend(text.bytes());
        }
        for log in &mut logs {
            log.grow(0);
        }
        let options = Options { bounds: bounds(false, 100_000, small), ..options() };
        let database = folder.path().join("store.db");
        let mut store = Store::open(&database).unwrap();
        for (pick, step) in steps {
            let log = &mut logs[usize::from(pick)];
            match step {
                Step::Grow(more) => log.grow(usize::from(more)),
                Step::Rotate => log.rotate(),
                Step::Compress(which) => log.compress(usize::from(which)),
                Step::Take => {
                    taking(&mut store, std::slice::from_ref(&logs_folder), &options);
                }
                Step::Reopen => store = Store::open(&database).unwrap(),
            }
        }
        taking(&mut store, std::slice::from_ref(&logs_folder), &options);
        same(&stored(&mut store, &options), &reading(&logs_folder, &options))?;
        // Nothing is new, whatever is asked again.
        let turn = store.turn().unwrap();
        let specs = [SourceSpec::Path(logs_folder.clone())];
        let again = store.ingest(&specs, &options, &(), &turn).unwrap();
        prop_assert_eq!((again.read, again.requests, again.late), (0, 0, 0));
        // Exactly what is there, whatever was taken in before.
        fs::write(logs_folder.join("server0.log"), "").unwrap();
        for log in &mut logs[1..] {
            log.grow(usize::MAX / 2);
        }
        store.mirror(&specs, &options, &(), &turn).unwrap();
        same(&stored(&mut store, &options), &reading(&logs_folder, &options))?;
    }

    #[test]
    fn whatever_the_parts_their_order_and_their_repetition(
        seeds in prop::collection::vec(seed(), 1..60),
        parts in prop::collection::vec(prop::collection::vec(any::<u16>(), 1..40), 1..6),
        rows in prop_oneof![Just(100_000usize), 1..60usize],
        frozen: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let all = texts(&seeds);
        let options = Options { bounds: bounds(false, rows, false), ..options() };
        let mut store = Store::open(&folder.path().join("store.db")).unwrap();
        let whole = folder.path().join("whole.log");
        let mut order: Vec<&String> = all.iter().collect();
        for (at, part) in parts.iter().enumerate() {
            // Some of the lines, some of them twice, in some order.
            let path = folder.path().join(format!("part{at}.log"));
            let some: String = part.iter().map(|pick| &**order[usize::from(*pick) % order.len()]).collect();
            fs::write(&path, some).unwrap();
            taking(&mut store, &[path], &options);
            order.rotate_left(at % all.len());
        }
        order.reverse();
        fs::write(&whole, order.into_iter().map(String::as_str).collect::<String>()).unwrap();
        taking(&mut store, std::slice::from_ref(&whole), &options);
        let found = stored(&mut store, &options);
        let expected = reading(&whole, &options);
        prop_assert_eq!(found.coverage.events, expected.coverage.events);
        prop_assert_eq!(&found.coverage.gaps, &expected.coverage.gaps);
        if rows > 1000 {
            let found = ActivityParts { coverage: expected.coverage.clone(), ..found };
            same(&found, &expected)?;
        } else {
            let sum = |parts: &ActivityParts| parts.uses.iter().map(Use::requests).sum::<u64>();
            prop_assert_eq!(sum(&found), sum(&expected));
            prop_assert!(found.detail >= expected.detail);
        }
        // Once the requests are no longer known one by one, all of them again change no count.
        if frozen {
            store.prune_index(0, &options).unwrap();
            let before = stored(&mut store, &options);
            let again = folder.path().join("again.log");
            fs::write(&again, all.iter().rev().map(String::as_str).collect::<String>()).unwrap();
            let done = taking(&mut store, &[again], &options);
            let after = stored(&mut store, &options);
            prop_assert_eq!(before.coverage.events, after.coverage.events);
            prop_assert_eq!(after.coverage.late, done.late);
            prop_assert_eq!((done.requests, done.late > 0), (0, done.read > 0));
            prop_assert_eq!(after.uses, before.uses);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn summaries_are_taken_in_once_however_they_come(
        mut files in prop::collection::vec(summary(), 1..5),
        seeds in prop::collection::vec(seed(), 0..6),
        takes in prop::collection::vec(prop::collection::vec(0..6usize, 1..4), 0..6),
        grown in summary(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let options = options();
        let mut store = Store::open(&folder.path().join("store.db")).unwrap();
        // Beside summaries an ordinary log, and both in one file.
        files.push(texts(&seeds).concat());
        files.push(format!("{}{}", files[0], texts(&seeds).concat()));
        let logs = folder.path().join("logs");
        fs::create_dir(&logs).unwrap();
        let mut paths = Vec::new();
        for (at, text) in files.iter().enumerate() {
            paths.push(logs.join(format!("{at}.json")));
            fs::write(&paths[at], text).unwrap();
        }
        for some in takes {
            let some: Vec<PathBuf> =
                some.iter().map(|at| paths[at % paths.len()].clone()).collect();
            taking(&mut store, &some, &options);
        }
        taking(&mut store, std::slice::from_ref(&logs), &options);
        let check = |store: &mut Store| {
            let (mut found, mut expected) = (stored(store, &options), reading(&logs, &options));
            // Which of equal rows is the one that counts says to which of the two summaries its
            // time belongs: where what one says is whole within another the two differ in that.
            for parts in [&mut found, &mut expected] {
                if let Some(summaries) = &mut parts.coverage.summaries {
                    summaries.overlapping = false;
                }
            }
            same(&found, &expected)
        };
        check(&mut store)?;
        let again = taking(&mut store, std::slice::from_ref(&logs), &options);
        prop_assert_eq!((again.read, again.requests), (0, 0));
        // One that grew is read as a whole, in place of what was read of it.
        fs::write(&paths[0], format!("{}{grown}", files[0])).unwrap();
        taking(&mut store, std::slice::from_ref(&logs), &options);
        check(&mut store)?;
        // A day that goes takes its rows along.
        let from = DateTime::parse_from_rfc3339("2026-05-02T00:00:00Z").unwrap();
        store.prune(from.with_timezone(&Utc), &options).unwrap();
        let parts = stored(&mut store, &options);
        prop_assert!(parts.uses.iter().all(|row| row.first >= from));
        let sum = |parts: &ActivityParts| parts.uses.iter().map(Use::requests).sum::<u64>();
        let late = reading(&logs, &options);
        let late: u64 =
            late.uses.iter().filter(|row| row.first >= from).map(Use::requests).sum();
        prop_assert_eq!(sum(&parts), late);
    }
}
