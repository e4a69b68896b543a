//! What a store withstands, and what it refuses.

#[cfg(target_os = "linux")]
mod refused;
mod whole;

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use serde_json::json;

use super::*;
use crate::audit::{self, Options, SourceSpec};
use crate::model::{Activity, Use};

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 6, 1, 0, 0, 0).unwrap()
}

/// A line of a request, `minutes` after the beginning of May.
fn line(id: u32, minutes: i64, user: &str, agent: &str) -> String {
    let at = Utc.with_ymd_and_hms(2026, 5, 1, 0, 0, 0).unwrap() + TimeDelta::minutes(minutes);
    let at = at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let line = json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
        "auditID": id.to_string(), "stage": "ResponseComplete", "verb": "get",
        "requestURI": format!("/api/v1/namespaces/shop/pods/p{}", id % 7),
        "user": {"username": user, "groups": ["devs"]}, "userAgent": agent,
        "sourceIPs": ["198.51.100.7"], "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": at, "stageTimestamp": at,
        "annotations": {"authorization.k8s.io/decision": "allow",
            "authorization.k8s.io/reason": ""}});
    format!("{line}\n")
}

fn log(lines: std::ops::Range<u32>) -> String {
    lines.map(|id| line(id, i64::from(id) * 3, &format!("u{}", id % 5), "kubectl")).collect()
}

fn take(store: &mut Store, paths: &[&Path], options: &Options) -> Result<Ingested, Error> {
    let specs: Vec<SourceSpec> =
        paths.iter().map(|path| SourceSpec::Path((*path).to_owned())).collect();
    let turn = store.turn_now()?;
    store.ingest(&specs, options, &(), &turn)
}

fn requests(activity: &Activity) -> u64 {
    activity.uses().map(Use::requests).sum()
}

struct World {
    folder: tempfile::TempDir,
    options: Options,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), options: Options::new(now()) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn store(&self) -> Store {
        Store::open(&self.path("store.db")).unwrap()
    }

    fn count(&self) -> u64 {
        let mut store = Store::open_to_read(&self.path("store.db")).unwrap().unwrap();
        requests(&store.activity(&self.options).unwrap().unwrap())
    }
}

#[test]
fn nothing_but_a_store_is_touched() {
    let world = World::new();
    let newer = world.store();
    newer.database.pragma_update(None, "user_version", FORMAT + 1).unwrap();
    drop(newer);
    let path = world.path("store.db");
    let before = fs::read(&path).unwrap();
    let refused = Store::open(&path).unwrap_err();
    assert!(matches!(refused, Error::Newer { found: 6, known: 5, .. }), "{refused}");
    assert!(matches!(Store::open_to_read(&path), Err(Error::Newer { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);

    let text = world.put("notes.db", "some notes, not a database, of more than a few bytes\n");
    assert!(matches!(Store::open(&text), Err(Error::Foreign { .. })));
    assert!(matches!(Store::open_to_read(&text), Err(Error::Foreign { .. })));
    assert!(fs::read_to_string(&text).unwrap().starts_with("some notes"));

    let other = world.path("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE mine (a)").unwrap();
    let before = fs::read(&other).unwrap();
    assert!(matches!(Store::open(&other), Err(Error::Foreign { .. })));
    assert_eq!(fs::read(&other).unwrap(), before);
    assert!(Store::open_to_read(&world.path("none.db")).unwrap().is_none());
    assert!(!world.path("none.db").exists());
}

#[test]
fn what_was_of_a_time_to_come_is_read_again_once_it_has_come() {
    let world = World::new();
    // May 1 and on, three minutes apart; the clock stands at the twelfth.
    let path = world.put("audit.log", &log(0..20));
    let start = Utc.with_ymd_and_hms(2026, 5, 1, 0, 0, 0).unwrap();
    let early = Options::new(start + TimeDelta::minutes(33) - TimeDelta::hours(1));
    let mut store = world.store();
    take(&mut store, &[&path], &early).unwrap();
    drop(store);
    assert_eq!(world.count(), 12);
    for _ in 0..2 {
        let mut store = world.store();
        take(&mut store, &[&path], &world.options).unwrap();
        let coverage = store.activity(&world.options).unwrap().unwrap().coverage().clone();
        assert_eq!(coverage.unreadable.len(), 0, "{coverage:?}");
        drop(store);
        assert_eq!(world.count(), 20);
    }
}

#[test]
fn what_is_damaged_is_told_and_left_alone() {
    let world = World::new();
    let log = world.put("a.log", &log(0..400));
    let mut store = world.store();
    take(&mut store, &[&log], &world.options).unwrap();
    store.database.execute("UPDATE days SET bytes = x'00ff'", []).unwrap();
    assert!(matches!(store.activity(&world.options), Err(Error::Damaged { .. })));
    store.database.execute("UPDATE chunks SET bytes = substr(bytes, 1, 40)", []).unwrap();
    let more = world.put("b.log", &self::log(300..500));
    assert!(matches!(take(&mut store, &[&more], &world.options), Err(Error::Damaged { .. })));
    assert_eq!(store.sources().unwrap().len(), 1, "nothing of it was written down");
    drop(store);
    // The pages themselves.
    let path = world.path("store.db");
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[8192..end].fill(0x5a);
    fs::write(&path, &bytes).unwrap();
    let broken = Store::open(&path).and_then(|mut store| store.activity(&world.options));
    assert!(matches!(broken, Err(Error::Damaged { .. })), "{broken:?}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[cfg(unix)]
#[test]
fn only_the_user_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let home = Home::new(&world.path("home"));
    let cluster = Cluster { id: "c-1".into(), name: "prod".into() };
    let mut store = home.open(&cluster).unwrap();
    let log = world.put("a.log", &log(0..9));
    take(&mut store, &[&log], &world.options).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(store.path()), 0o600);
    assert_eq!(mode(store.path().parent().unwrap()), 0o700);
    assert_eq!(mode(&home.folder().join("seed")), 0o600);
    for end in ["db-wal", "db-shm", "lock"] {
        assert_eq!(mode(&store.path().with_extension(end)), 0o600, "{end}");
    }
    let listed = home.list();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].cluster, Some(cluster.clone()));
    let sizes = listed[0].sizes.clone().unwrap();
    assert_eq!((sizes.sources, sizes.requests, sizes.index.0), (1, 9, 9));
    assert_eq!(home.cluster("prod"), cluster);
    assert!(home.find("c-1", "").unwrap().is_some());
    assert!(home.find("c-2", "c-2").unwrap().is_none());
}

#[test]
fn one_writes_and_the_others_read() {
    let world = World::new();
    let first = world.put("a.log", &log(0..100));
    let mut store = world.store();
    take(&mut store, &[&first], &world.options).unwrap();
    let mut other = world.store();
    let turn = store.turn_now().unwrap();
    assert!(matches!(other.turn_now(), Err(Error::Busy { .. })));
    drop(turn);
    // While one is in the middle of writing the others see what was before.
    let writing = other.transaction().unwrap();
    writing.execute("DELETE FROM days", []).unwrap();
    assert_eq!(world.count(), 100);
    drop(writing);
    assert_eq!(world.count(), 100);
    let second = world.put("b.log", &log(50..150));
    take(&mut other, &[&second], &world.options).unwrap();
    assert_eq!(world.count(), 150);
    assert_eq!(requests(&store.activity(&world.options).unwrap().unwrap()), 150);
}

#[test]
fn a_store_that_may_not_grow_stays_what_it_was() {
    let world = World::new();
    let first = world.put("a.log", &log(0..100));
    let mut store = world.store();
    take(&mut store, &[&first], &world.options).unwrap();
    let pages = store.one("PRAGMA page_count").unwrap();
    store.database.pragma_update(None, "max_page_count", pages).unwrap();
    let second = world.put("b.log", &log(100..14_000));
    let full = take(&mut store, &[&second], &world.options).unwrap_err();
    assert!(matches!(full, Error::Full { .. }) && full.is_passing(), "{full}");
    assert_eq!(requests(&store.activity(&world.options).unwrap().unwrap()), 100);
    store.database.pragma_update(None, "max_page_count", 1 << 30).unwrap();
    take(&mut store, &[&second], &world.options).unwrap();
    assert_eq!(world.count(), 14_000);
}

#[test]
fn what_clients_choose_is_bounded_over_all_that_is_taken_in() {
    let world = World::new();
    let mut store = world.store();
    for part in 0..6u32 {
        let text: String = (part * 1000..(part + 1) * 1000)
            .map(|id| line(id, i64::from(id), "ana", &format!("agent/{id}")))
            .collect();
        let log = world.put(&format!("{part}.log"), &text);
        take(&mut store, &[&log], &world.options).unwrap();
    }
    let activity = store.activity(&world.options).unwrap().unwrap();
    assert_eq!(requests(&activity), 6000);
    let parts = activity.to_parts();
    let agents = parts.tables.actors.iter().filter(|actor| actor.agent.is_some()).count();
    assert_eq!(agents, 64, "the newest");
    let cut = parts.truncated.values().next().expect("some were cut");
    assert_eq!(cut["agents"], 6000 - 64);
    let sizes = store.sizes().unwrap();
    assert!(sizes.rows.0 < 1200, "{sizes:?}");
}

#[test]
fn what_is_old_goes_and_what_is_late_moves_dates() {
    let world = World::new();
    let mut store = world.store();
    // Ten days, a request each three minutes.
    let first = world.put("a.log", &log(0..4800));
    take(&mut store, &[&first], &world.options).unwrap();
    let whole = store.activity(&world.options).unwrap().unwrap();
    assert_eq!(store.prune_index(14, &world.options).unwrap(), Pruned::default());
    let later = Options::new(now() + TimeDelta::days(15));
    // An hour that was added to lately keeps its day.
    let again = world.put("b.log", &line(9999, 100, "u1", "kubectl"));
    take(&mut store, &[&again], &later).unwrap();
    let pruned = store.prune_index(14, &later).unwrap();
    assert_eq!(pruned, Pruned::default(), "was done when it was taken in");
    let sizes = store.sizes().unwrap();
    assert_eq!((sizes.requests, sizes.index.0), (4801, 481));
    let now_known = store.activity(&later).unwrap().unwrap();
    assert_eq!(requests(&now_known), requests(&whole) + 1);
    // Late: known requests count nothing, a use that was not there is there.
    let late = format!("{}{}", log(4000..4010), line(1, 60 * 24 * 9, "new", "curl"));
    let late = world.put("c.log", &late);
    let done = take(&mut store, &[&late], &later).unwrap();
    assert_eq!((done.requests, done.late), (0, 11));
    let activity = store.activity(&later).unwrap().unwrap();
    assert_eq!(requests(&activity), 4802);
    assert_eq!((activity.coverage().events, activity.coverage().late), (4802, 10));
    assert!(activity.seen(&crate::model::Identity::user("new")).is_some());
    // And everything before a day.
    let from = Utc.with_ymd_and_hms(2026, 5, 6, 13, 0, 0).unwrap();
    assert_eq!(store.prune(from, &later).unwrap().days, 5);
    let activity = store.activity(&later).unwrap().unwrap();
    assert_eq!(requests(&activity), 2401);
    let start = Utc.with_ymd_and_hms(2026, 5, 6, 0, 0, 0).unwrap();
    assert_eq!(activity.coverage().from, Some(start));
    assert_eq!(activity.coverage().events, 2401);
    // How far sources are read stays known.
    assert_eq!(take(&mut store, &[&first], &later).unwrap().known, 1);
}

#[test]
fn a_half_written_line_waits_and_a_truncated_file_is_another() {
    let world = World::new();
    let mut store = world.store();
    let text = log(0..10);
    let path = world.put("a.log", &text[..text.len() - 20]);
    take(&mut store, &[&path], &world.options).unwrap();
    assert_eq!(world.count(), 9);
    let coverage = store.activity(&world.options).unwrap().unwrap().coverage().clone();
    assert_eq!(coverage.unreadable["cut off"].first.line, 10);
    fs::write(&path, &text).unwrap();
    take(&mut store, &[&path], &world.options).unwrap();
    let coverage = store.activity(&world.options).unwrap().unwrap().coverage().clone();
    assert_eq!((coverage.events, coverage.lines, coverage.unreadable.len()), (10, 10, 0));
    // Copied away and truncated: the same name, another content.
    fs::copy(&path, world.path("a.log.1")).unwrap();
    fs::write(&path, log(10..15)).unwrap();
    let both = [world.path("a.log"), world.path("a.log.1")];
    let done = take(&mut store, &[&both[0], &both[1]], &world.options).unwrap();
    assert_eq!((done.read, done.known, done.requests), (1, 1, 5));
    assert_eq!(world.count(), 15);
}

#[test]
fn a_file_is_the_known_one_of_which_most_is_in_it() {
    let world = World::new();
    let mut store = world.store();
    let text = log(0..300);
    let part = |lines: usize| text.split_inclusive('\n').take(lines).collect::<String>();
    let lengths = |store: &Store| -> Vec<(String, usize)> {
        let sources = store.sources().unwrap();
        let lines = |taken: u64| {
            text.as_bytes()[..usize::try_from(taken).unwrap()]
                .split_inclusive(|byte| *byte == b'\n')
                .count()
        };
        let mut all: Vec<(String, usize)> = sources
            .iter()
            .map(|source| {
                let name = source.name.rsplit('/').next().unwrap_or_default().to_owned();
                (name, lines(source.cursor.taken))
            })
            .collect();
        all.sort();
        all
    };
    // Two copies of one log, of which one went on.
    let (short, long) = (world.put("a.log", &part(100)), world.put("b.log", &part(200)));
    take(&mut store, &[&short, &long], &world.options).unwrap();
    for (name, pack) in [("c.log", false), ("d.log.gz", true)] {
        let path = world.path(name);
        fs::remove_file(&long).or_else(|_| fs::remove_file(world.path("c.log"))).unwrap();
        let whole = part(if pack { 300 } else { 250 });
        if pack {
            let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut zip, whole.as_bytes()).unwrap();
            fs::write(&path, zip.finish().unwrap()).unwrap();
        } else {
            fs::write(&path, &whole).unwrap();
        }
        // The order in which they are named is of no account.
        let done = take(&mut store, &[&path, &short], &world.options).unwrap();
        assert_eq!((done.read, done.known, done.requests), (1, 1, 50), "{name}");
        let end = if pack { 300 } else { 250 };
        assert_eq!(lengths(&store), [("a.log".to_owned(), 100), (name.to_owned(), end)]);
    }
    let coverage = store.activity(&world.options).unwrap().unwrap().coverage().clone();
    assert_eq!((coverage.events, coverage.lines, coverage.repeats), (300, 400, 100));
    // One that only begins like the others is another one.
    let other = world.put("e.log", &format!("{}{}", part(60), log(400..450)));
    let done = take(&mut store, &[&other], &world.options).unwrap();
    assert_eq!((done.read, done.requests), (1, 50));
    assert_eq!(store.sources().unwrap().len(), 3);
}

#[test]
fn a_log_that_changes_its_form_is_read_as_a_whole() {
    let world = World::new();
    let mut store = world.store();
    let half = |id: u32| {
        let text = line(id, i64::from(id), "ana", "kubectl");
        let (one, other) = text.trim_end().split_at(200);
        let head = "2026-05-04T09:10:11.123456789Z stdout";
        [format!("{head} P {one}\n"), format!("{head} F {other}\n")]
    };
    let [one, other] = half(100);
    let [second, rest] = half(101);
    // It begins as the API server writes it, and goes on as a container's output.
    let steps = [
        log(0..20),
        one,
        other,
        format!("{second}{rest}"),
        log(30..33),
        "[\n".to_owned(),
        format!("{}]\n", log(40..41)),
    ];
    let path = world.path("a.log");
    let (mut text, mut read_on) = (String::new(), Vec::new());
    for step in steps {
        text.push_str(&step);
        fs::write(&path, &text).unwrap();
        take(&mut store, &[&path], &world.options).unwrap();
        read_on.push(store.sources().unwrap()[0].cursor.by_lines);
        let found = store.activity(&world.options).unwrap().unwrap();
        let at_once = audit::read(&[SourceSpec::Path(path.clone())], &world.options, &()).unwrap();
        assert_eq!(found, at_once, "{step}");
    }
    assert_eq!(read_on, [true, false, true, true, true, false, true]);
    assert_eq!(world.count(), 20 + 2 + 3 + 1);
}

#[test]
fn standard_input_again_is_nothing_new() {
    let world = World::new();
    let mut store = world.store();
    for _ in 0..2 {
        let input =
            sources::Pending::stream(&"-".into(), Vec::new(), Box::new(Cursor::new(log(0..50))));
        let mut known = sources::Known::new(store.sources().unwrap());
        store.write_down_one(input, &mut known, &world.options).unwrap();
    }
    let coverage = store.activity(&world.options).unwrap().unwrap().coverage().clone();
    assert_eq!((coverage.events, coverage.lines, coverage.sources.len()), (50, 50, 1));
}

#[test]
fn a_reading_that_is_called_off_leaves_nothing() {
    struct Stop;
    impl audit::Progress for Stop {
        fn advanced(&self, _: u64) {}
        fn cancelled(&self) -> bool {
            true
        }
    }
    let world = World::new();
    let mut store = world.store();
    let path = world.put("a.log", &log(0..10));
    let turn = store.turn().unwrap();
    let specs = [SourceSpec::Path(path)];
    let stopped = store.ingest(&specs, &world.options, &Stop, &turn);
    assert!(matches!(stopped, Err(Error::Audit(audit::Error::Cancelled))));
    assert!(store.sources().unwrap().is_empty());
    assert!(store.activity(&world.options).unwrap().is_none());
}

#[test]
fn files_that_begin_alike_stay_apart() {
    let world = World::new();
    let mut store = world.store();
    let paths = ["a.log", "b.log", "c.log"].map(|name| world.path(name));
    let named: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let known = |store: &Store| -> Vec<String> {
        store.sources().unwrap().into_iter().map(|source| source.name).collect()
    };
    let expected: Vec<String> = named.iter().map(|path| path.display().to_string()).collect();
    for texts in [["", "", "{"], ["{", "", "{"], ["{", "{", "{\""]] {
        for (path, text) in paths.iter().zip(texts) {
            fs::write(path, text).unwrap();
        }
        take(&mut store, &named, &world.options).unwrap();
        let mut found = known(&store);
        found.sort();
        assert_eq!(found, expected, "{texts:?}");
    }
}

#[test]
fn a_line_that_is_cut_off_is_one_whichever_source_its_file_is_taken_for() {
    let world = World::new();
    let mut store = world.store();
    // As the API server writes it; of seven bytes nobody can tell that.
    let plain = |id: u32| {
        let line = line(id, i64::from(id), "ana", "kubectl");
        let start =
            "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"Metadata\",";
        let line = line.replace("\"kind\":\"Event\",", "");
        let line = line.replace("\"apiVersion\":\"audit.k8s.io/v1\",", "");
        line.replace("\"level\":\"Metadata\",", "").replacen('{', start, 1)
    };
    let (first, second) = (plain(1), plain(2));
    let paths = ["a.log", "b.log", "z.log"].map(|name| world.path(name));
    let told = |store: &mut Store| {
        let coverage = store.activity(&world.options).unwrap().unwrap().coverage().clone();
        let cut = coverage.unreadable.get("cut off").map_or(0, |one| one.count);
        assert_eq!(cut, coverage.unreadable.values().map(|one| one.count).sum::<u64>());
        (coverage.events, cut)
    };
    fs::write(&paths[0], &first[..7]).unwrap();
    fs::write(&paths[1], &second[..100]).unwrap();
    take(&mut store, &[&paths[0], &paths[1]], &world.options).unwrap();
    assert_eq!(told(&mut store), (0, 2));
    // The one with the fewest bytes goes on under another name; the other begins with the same bytes.
    fs::write(&paths[2], &first).unwrap();
    fs::write(&paths[0], "").unwrap();
    fs::write(&paths[1], &second[..120]).unwrap();
    let named: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    take(&mut store, &named, &world.options).unwrap();
    assert_eq!(told(&mut store), (1, 1));
    fs::write(&paths[1], &second).unwrap();
    take(&mut store, &named, &world.options).unwrap();
    assert_eq!(told(&mut store), (2, 0));
}
