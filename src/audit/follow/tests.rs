//! Following must come to what reading the files at once comes to.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::Following;
use super::tail::Look;
use crate::audit::{self, Options, SourceSpec};
use crate::model::{Activity, ActivityParts};

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 6, 1, 0, 0, 0).unwrap()
}

/// A folder in which logs grow and rotate.
struct Logs {
    folder: TempDir,
    /// How many lines were written.
    lines: u32,
    /// Begun lines' ends.
    owed: Vec<u8>,
    rotated: Vec<PathBuf>,
    /// Whether a log was cut in the middle of a line: a piece of one has nothing to be known by, so
    /// that lines may be met again, which repeat what was counted, and pieces be told of twice.
    torn: bool,
    now: DateTime<Utc>,
}

impl Logs {
    fn new() -> Self {
        let logs = Self {
            folder: tempfile::tempdir().unwrap(),
            lines: 0,
            owed: Vec::new(),
            rotated: Vec::new(),
            torn: false,
            now: start(),
        };
        File::create(logs.log()).unwrap();
        logs
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> PathBuf {
        self.path("audit.log")
    }

    fn line(&mut self) -> Vec<u8> {
        self.lines += 1;
        let (at, who) = (self.lines, self.lines % 5);
        let time = start() - TimeDelta::days(1) + TimeDelta::seconds(i64::from(at));
        // Now and then a token is made.
        let (verb, uri, token) = match at % 9 {
            0 => (
                "create",
                format!("/api/v1/namespaces/ci/serviceaccounts/a{}/token", at % 2),
                Some(format!("JTI={at}")),
            ),
            _ => ("get", format!("/api/v1/namespaces/shop/pods/p{}", at % 7), None),
        };
        let event = json!({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
            "auditID": format!("id-{at}"), "stage": "ResponseComplete",
            "requestURI": uri, "verb": verb,
            "user": {"username": format!("user-{who}"), "groups": ["devs"]},
            "sourceIPs": ["198.51.100.7"], "userAgent": "kubectl",
            "responseStatus": {"metadata": {}, "code": 200},
            "requestReceivedTimestamp": time, "stageTimestamp": time,
            "annotations": {
                "authorization.k8s.io/decision": "allow",
                "authentication.kubernetes.io/issued-credential-id": token,
            },
        });
        format!("{event}\n").into_bytes()
    }

    fn append(&self, bytes: &[u8]) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        file.write_all(bytes).unwrap();
    }

    /// Writes lines, the last of them only as far as `part` (of 255) goes.
    fn write(&mut self, lines: u8, part: u8) {
        let mut bytes = std::mem::take(&mut self.owed);
        for _ in 0..lines {
            bytes.extend(self.line());
        }
        let cut = bytes.len() * usize::from(part) / 255;
        self.owed = bytes.split_off(cut);
        self.append(&bytes);
    }

    fn end_line(&mut self) {
        let owed = std::mem::take(&mut self.owed);
        self.append(&owed);
    }

    fn another_name(&self, how: &str) -> PathBuf {
        self.path(&format!("audit-{}.{how}", self.rotated.len()))
    }

    fn activity(&self) -> Activity {
        let sources = [SourceSpec::Path(self.folder.path().to_owned())];
        audit::read(&sources, &Options::new(self.now), &()).unwrap()
    }
}

#[derive(Clone, Debug)]
enum Op {
    Write(u8, u8),
    Rename,
    CopyTruncate {
        look_between: bool,
    },
    /// Which of the rotated, and whether somebody looks while it is written, and while both are
    /// there.
    Compress(u8, bool, bool),
    Away {
        look_between: bool,
    },
    Look,
    Wait,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..6u8, prop_oneof![Just(255u8), any::<u8>()]).prop_map(|(n, part)| Op::Write(n, part)),
        2 => Just(Op::Rename),
        2 => any::<bool>().prop_map(|look_between| Op::CopyTruncate { look_between }),
        2 => any::<(u8, bool, bool)>().prop_map(|(which, a, b)| Op::Compress(which, a, b)),
        1 => any::<bool>().prop_map(|look_between| Op::Away { look_between }),
        4 => Just(Op::Look),
        1 => Just(Op::Wait),
    ]
}

fn gzip(path: &Path) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&fs::read(path).unwrap()).unwrap();
    encoder.finish().unwrap()
}

/// Does it; `look` follows the logs once.
fn apply(op: &Op, logs: &mut Logs, look: &mut dyn FnMut(&Logs)) {
    match *op {
        Op::Write(lines, part) => logs.write(lines, part),
        Op::Look => look(logs),
        Op::Wait => {
            logs.now += TimeDelta::seconds(60);
            look(logs);
        }
        Op::Rename => {
            // The API server ends its line before.
            logs.end_line();
            let to = logs.another_name("log");
            fs::rename(logs.log(), &to).unwrap();
            File::create(logs.log()).unwrap();
            logs.rotated.push(to);
        }
        Op::CopyTruncate { look_between } => {
            logs.torn |= !logs.owed.is_empty();
            let to = logs.another_name("copy");
            fs::copy(logs.log(), &to).unwrap();
            if look_between {
                look(logs);
            }
            OpenOptions::new().write(true).truncate(true).open(logs.log()).unwrap();
            logs.rotated.push(to);
        }
        Op::Compress(which, while_written, while_both) => {
            if logs.rotated.is_empty() {
                return;
            }
            let at = usize::from(which) % logs.rotated.len();
            let from = logs.rotated[at].clone();
            if from.extension().is_some_and(|end| end == "gz") {
                return;
            }
            let to = PathBuf::from(format!("{}.gz", from.display()));
            let bytes = gzip(&from);
            let mut file = File::create(&to).unwrap();
            let (one, other) = bytes.split_at(bytes.len() / 2);
            file.write_all(one).unwrap();
            if while_written {
                look(logs);
            }
            file.write_all(other).unwrap();
            if while_both {
                look(logs);
            }
            fs::remove_file(&from).unwrap();
            logs.rotated[at] = to;
        }
        Op::Away { look_between } => {
            let away = logs.folder.path().join(".away");
            fs::rename(logs.log(), &away).unwrap();
            if look_between {
                look(logs);
            }
            fs::rename(&away, logs.log()).unwrap();
        }
    }
}

fn follow(spec: &Path) -> Following {
    let specs = [SourceSpec::Path(spec.to_owned())];
    Following::new(&specs, &Options::new(start())).unwrap()
}

/// All but where something was met first.
fn without_places(activity: &Activity) -> ActivityParts {
    let mut parts = activity.to_parts();
    for unreadable in parts.coverage.unreadable.values_mut() {
        unreadable.first.line = 0;
        unreadable.first.source = "".into();
    }
    parts
}

fn check(ops: &[Op]) -> Result<(), TestCaseError> {
    let mut logs = Logs::new();
    logs.write(3, 255);
    let mut following = follow(logs.folder.path());
    let mut look = |logs: &Logs| {
        following.step(logs.now, &()).unwrap();
    };
    look(&logs);
    for op in ops {
        apply(op, &mut logs, &mut look);
    }
    following.finish(logs.now, &()).unwrap();
    let mut found = without_places(&following.activity().unwrap());
    let mut expected = without_places(&logs.activity());
    // A file that is compressed while it is followed may be met again: its lines are repeats then.
    for coverage in [&mut found.coverage, &mut expected.coverage] {
        coverage.lines -= coverage.repeats;
        coverage.repeats = 0;
        coverage.levels.clear();
        coverage.sources.clear();
    }
    if logs.torn {
        for coverage in [&mut found.coverage, &mut expected.coverage] {
            coverage.unreadable.clear();
            coverage.sources.clear();
            coverage.levels.clear();
            (coverage.lines, coverage.repeats) = (0, 0);
        }
    }
    prop_assert_eq!(&found.coverage, &expected.coverage);
    prop_assert_eq!(found, expected);
    Ok(())
}

#[test]
fn a_folder_is_watched_before_there_is_anything_in_it() {
    let mut logs = Logs::new();
    logs.write(1, 255);
    let mut following = follow(logs.folder.path());
    following.step(logs.now, &()).unwrap();
    let below = logs.path("node2").join("audit");
    fs::create_dir_all(&below).unwrap();
    fs::create_dir(logs.path(".hidden")).unwrap();
    following.step(logs.now, &()).unwrap();
    assert_eq!(
        following.folders(),
        [logs.folder.path().to_owned(), logs.path("node2"), below.clone()]
    );
    // Also where nothing is left.
    fs::remove_file(logs.log()).unwrap();
    following.step(logs.now, &()).unwrap();
    assert!(following.folders().contains(&below));
}

#[test]
fn a_file_that_is_moved_between_looking_and_opening_is_read_all_the_same() {
    for packed in [false, true] {
        let mut logs = Logs::new();
        logs.write(3, 255);
        if packed {
            let bytes = gzip(&logs.log());
            fs::write(logs.log(), bytes).unwrap();
        }
        let look = Look::of(&fs::metadata(logs.log()).unwrap());
        fs::rename(logs.log(), logs.path("audit-1.log")).unwrap();
        logs.write(2, 255);
        let mut following = follow(logs.folder.path());
        let Following { files, queue, .. } = &mut following;
        files.meet(logs.log(), look, queue, logs.now);
        assert!(files.tails.is_empty() && files.packed.is_empty());
        assert!(files.is_undecided(), "it is looked for again");
        following.step(logs.now, &()).unwrap();
        assert_eq!(following.activity().unwrap().coverage().events, 5);
    }
}

#[test]
fn a_summary_that_grows_is_read_on() {
    let mut logs = Logs::new();
    logs.write(3, 255);
    let row = |requests: u32| {
        let row = json!({"keybook_summary": "1", "kind": "requests", "requests": requests,
            "first_seen": "2026-05-04T09:00:00Z", "last_seen": "2026-05-04T09:16:39Z",
            "stage": "ResponseComplete", "code": 200, "decision": "allow", "verb": "get",
            "resource": "pods", "namespace": "shop", "name": "p", "user_name": "ana"});
        format!("{row}\n")
    };
    let append = |name: &str, text: &str| {
        let mut file = OpenOptions::new().create(true).append(true).open(logs.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    append("one.ndjson", &row(10));
    let mut following = follow(logs.folder.path());
    let mut events = || {
        let changed = following.step(logs.now, &()).unwrap();
        changed.then(|| following.update().unwrap().0.coverage().events)
    };
    assert_eq!(events(), Some(13));
    append("two.ndjson", &row(10));
    assert_eq!(events(), None, "a copy");
    append("two.ndjson", &row(7));
    assert_eq!(events(), Some(20));
    append("one.ndjson", &row(5));
    assert_eq!(events(), Some(25));
}

#[test]
fn what_a_look_leaves_is_looked_at_again() {
    let mut logs = Logs::new();
    logs.write(3, 255);
    let mut following = follow(logs.folder.path());
    let mut look = |logs: &Logs| {
        following.step(logs.now, &()).unwrap();
        following.is_undecided()
    };
    assert!(!look(&logs));
    // A compressed file may be what a log is made into that is there still.
    fs::write(logs.path("a.gz"), gzip(&logs.log())).unwrap();
    assert!(look(&logs), "met for the first time");
    assert!(!look(&logs), "a copy");
    let whole = gzip(&logs.log());
    fs::write(logs.path("b.gz"), &whole[..whole.len() / 2]).unwrap();
    assert!(look(&logs));
    assert!(look(&logs), "unfinished");
    logs.now += TimeDelta::seconds(60);
    assert!(!look(&logs), "given up");
    // A log that is gone may be written to all the same, for a while.
    fs::remove_file(logs.log()).unwrap();
    assert!(look(&logs));
    logs.now += TimeDelta::seconds(60);
    look(&logs);
    assert!(!look(&logs));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if std::env::var_os("KEYBOOK_FULL").is_some() { 5000 } else { 200 },
        ..ProptestConfig::default()
    })]

    #[test]
    fn following_is_reading_at_once(ops in prop::collection::vec(op(), 1..40)) {
        check(&ops)?;
    }
}
