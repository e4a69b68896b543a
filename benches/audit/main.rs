//! How fast and in how much memory audit logs are read, beside a bare typed parse of the same lines
//! and jq for one field.
//!
//! `cargo bench --bench audit [-- PART …]`, of the parts `plain`, `packed`, `wrapped`, `hostile`,
//! `large` and `reopen`; all of them by default. `KEYBOOK_BENCH_LOG_MB` sets the size of a log, 1024
//! by default, and `KEYBOOK_BENCH_RUNS` how often each figure is taken, 3 by default. Every reading is
//! a process of its own, so that its memory is its own too. What is compared is run in turn, and the
//! best and the middle of each are printed.

#![allow(clippy::expect_used, clippy::cast_precision_loss)] // A bench has nobody to hand an error to.

mod log;
mod many;
mod reopen;
mod wrapped;

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use chrono::{DateTime, TimeZone, Utc};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use keybook::audit::{self, Input, Options, SourceSpec};
use keybook::model::Activity;

use log::Kind;
use wrapped::Wrapping;

/// What a child process did: seconds, MB resident at most, and a count that must not change.
struct Done {
    seconds: f64,
    resident: u64,
    note: String,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().position(|word| word == "--child") {
        Some(at) => child(&arguments[at + 1], Path::new(&arguments[at + 2])),
        None => parent(&arguments),
    }
}

fn number(variable: &str, usual: u64) -> u64 {
    let given = std::env::var(variable).ok().and_then(|text| text.parse().ok());
    given.unwrap_or(usual)
}

fn parent(arguments: &[String]) {
    let parts: Vec<&String> =
        arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let wants = |part: &str| parts.is_empty() || parts.iter().any(|word| *word == part);
    let bytes = number("KEYBOOK_BENCH_LOG_MB", 1024) << 20;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("everyday.log");
    let out = BufWriter::new(File::create(&path).expect("a file"));
    let size = log::write(Kind::Everyday, bytes, 1, out).expect("the log can be written");
    println!(
        "{:<34} {:>8} {:>8} {:>9} {:>7} {:>9}",
        "", "best s", "middle s", "best MB/s", "ratio", "resident"
    );
    if wants("plain") {
        plain(&path, size);
    }
    if wants("packed") {
        packed(folder.path(), &path, size);
    }
    if wants("wrapped") {
        wrapped_logs(folder.path(), &path);
    }
    if wants("hostile") {
        hostile(folder.path(), bytes);
    }
    if wants("large") {
        show(
            size * many::TIMES,
            &[
                ("plain, ten days, one worker", "many-one", &path),
                ("plain, ten days, two workers", "many-two", &path),
            ],
        );
    }
    if wants("reopen") {
        reopen::show(folder.path(), &path);
    }
}

fn plain(path: &Path, size: u64) {
    show(
        size,
        &[
            ("serde_json, typed, nothing else", "serde", path),
            ("sonic-rs, typed, nothing else", "sonic", path),
            ("keybook, one worker", "one", path),
            ("keybook, two workers", "two", path),
        ],
    );
    // A tenth of it is enough to know how slow that is.
    let part = path.with_extension("part");
    let mut lines = BufReader::new(File::open(path).expect("the log")).take(size / 10);
    let mut out = File::create(&part).expect("a file");
    let copied = std::io::copy(&mut lines, &mut out).expect("it can be copied");
    show(copied, &[("jq, one field", "jq", &part), ("keybook of that, two", "cut", &part)]);
    std::fs::remove_file(part).expect("it was there");
}

fn packed(folder: &Path, path: &Path, size: u64) {
    let gzip = compress(path, &folder.join("gzip"), |part, file| {
        let mut out = GzEncoder::new(file, Compression::default());
        out.write_all(part).expect("it can be compressed");
        out.finish().expect("it can be compressed")
    });
    show(
        size,
        &[
            ("inflating alone, one worker", "inflate", &gzip),
            ("gzip, eight files, one worker", "one", &gzip),
            ("gzip, eight files, two workers", "two", &gzip),
        ],
    );
    std::fs::remove_dir_all(gzip).expect("it was there");
    let zstd = compress(path, &folder.join("zstd"), |part, mut file| {
        zstd::stream::copy_encode(part, &mut file, 3).expect("it can be compressed");
        file
    });
    show(
        size,
        &[
            ("zstd, eight files, one worker", "one", &zstd),
            ("zstd, eight files, two workers", "two", &zstd),
        ],
    );
    std::fs::remove_dir_all(zstd).expect("it was there");
}

fn wrapped_logs(folder: &Path, everyday: &Path) {
    for (one, two, wrapping) in [
        ("EKS, S3 export, one worker", "EKS, S3 export, two workers", Wrapping::EksExport),
        ("EKS, Firehose, one worker", "EKS, Firehose, two workers", Wrapping::EksFirehose),
        ("AKS, storage, one worker", "AKS, storage, two workers", Wrapping::Aks),
        ("GKE, entries, one worker", "GKE, entries, two workers", Wrapping::Gke),
    ] {
        let path = folder.join("wrapped.log");
        let log = BufReader::new(File::open(everyday).expect("the log"));
        let out = BufWriter::new(File::create(&path).expect("a file"));
        wrapped::write(wrapping, log, out).expect("it can be wrapped");
        let size = std::fs::metadata(&path).expect("the log").len();
        show(size, &[(one, "one", &path), (two, "two", &path)]);
    }
}

/// Over a million lines each, or as many as the size has room for.
fn hostile(folder: &Path, bytes: u64) {
    for (what, kind) in [
        ("with bodies, two workers", Kind::Bodies),
        ("all new in every line, two workers", Kind::Flood),
        ("a new user in every line, two", Kind::Crowd),
    ] {
        let path = folder.join("hostile.log");
        let out = BufWriter::new(File::create(&path).expect("a file"));
        let size = log::write(kind, bytes, 1, out).expect("the log can be written");
        show(size, &[(what, "two", &path)]);
        std::fs::remove_file(path).expect("it was there");
    }
}

/// Runs children in turn; prints their rates, and the ratio to the first.
fn show(size: u64, all: &[(&str, &str, &Path)]) {
    let mut runs: Vec<Vec<Done>> = all.iter().map(|_| Vec::new()).collect();
    for _ in 0..number("KEYBOOK_BENCH_RUNS", 3).max(1) {
        for ((_, how, path), done) in all.iter().zip(&mut runs) {
            done.push(run(how, path));
        }
    }
    let mut base = None;
    for ((what, ..), mut done) in all.iter().zip(runs) {
        done.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        let resident = done.iter().map(|done| done.resident).max().unwrap_or(0);
        let (best, middle) = (done[0].seconds, done[done.len() / 2].seconds);
        let ratio = *base.get_or_insert(best) / best;
        let rate = size as f64 / best / 1e6;
        let note = &done[0].note;
        println!(
            "{what:<34} {best:>8.3} {middle:>8.3} {rate:>9.0} {ratio:>7.2} {resident:>6} MB  {note}"
        );
    }
}

fn run(how: &str, path: &Path) -> Done {
    let this = std::env::current_exe().expect("this program has a path");
    let output = Command::new(this).arg("--child").arg(how).arg(path).output().expect("it runs");
    assert!(output.status.success(), "{how}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("it prints text");
    let mut words = text.trim().splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    Done {
        seconds: word().parse().expect("seconds"),
        resident: word().parse().expect("megabytes"),
        note: word(),
    }
}

fn child(how: &str, path: &Path) {
    let start = Instant::now();
    let note = match how {
        "one" => read(path, 1, true),
        "two" => read(path, 2, true),
        "cut" => read(path, 2, false),
        "many-one" => many::read(path, 1),
        "many-two" => many::read(path, 2),
        "inflate" => inflate(path),
        "jq" => jq(path),
        "reopen" => reopen::answer(path),
        parser => bare(path, parser),
    };
    println!("{} {} {note}", start.elapsed().as_secs_f64(), resident());
}

/// When the invented logs are read.
fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2027, 1, 1, 0, 0, 0).single().expect("a time")
}

fn options(threads: usize) -> Options {
    let mut options = Options::new(now());
    options.threads = NonZeroUsize::new(threads);
    options
}

fn read(path: &Path, threads: usize, whole: bool) -> String {
    let specs = [SourceSpec::Path(path.to_owned())];
    let activity = audit::read(&specs, &options(threads), &()).expect("it can be read");
    assert!(!whole || activity.coverage().unreadable.is_empty(), "{:?}", activity.coverage());
    said(&activity)
}

fn said(activity: &Activity) -> String {
    let rows = activity.uses().count();
    format!("{} requests, {rows} rows, {:?}", activity.coverage().events, activity.detail())
}

fn jq(path: &Path) -> String {
    let run = Command::new("jq")
        .args(["-r", ".user.username"])
        .arg(path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    // The last line is cut, which it says at its end.
    run.map_or_else(|error| format!("cannot be run: {error}"), |_| String::new())
}

fn inflate(path: &Path) -> String {
    let mut bytes = 0;
    for file in files(path) {
        let mut plain = MultiGzDecoder::new(File::open(file).expect("a file"));
        let mut buffer = vec![0; 1 << 18];
        loop {
            match plain.read(&mut buffer).expect("it inflates") {
                0 => break,
                more => bytes += more,
            }
        }
    }
    format!("{bytes} bytes")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// Eight files, split at lines.
fn compress(
    path: &Path,
    into: &Path,
    pack: impl Fn(&[u8], BufWriter<File>) -> BufWriter<File>,
) -> PathBuf {
    let bytes = std::fs::read(path).expect("the log");
    std::fs::create_dir(into).expect("a folder");
    let mut rest = &bytes[..];
    for number in 0..8 {
        let about = rest.len() / (8 - number);
        let more = rest[about..].iter().position(|byte| *byte == b'\n').map_or(0, |more| more + 1);
        let (part, after) = rest.split_at(about + more);
        let file = File::create(into.join(format!("audit-{number}.log.z"))).expect("a file");
        pack(part, BufWriter::new(file)).flush().expect("it can be written");
        rest = after;
    }
    into.to_owned()
}

/// The least that a typed reading is: every field that keybook reads, borrowed, and nothing done
/// with it.
fn bare(path: &Path, parser: &str) -> String {
    let mut lines = BufReader::with_capacity(1 << 20, File::open(path).expect("the log"));
    let (mut line, mut weight) = (Vec::new(), 0);
    loop {
        line.clear();
        if std::io::BufRead::read_until(&mut lines, b'\n', &mut line).expect("a line") == 0 {
            return format!("{weight} bytes of fields");
        }
        weight += match parser {
            "serde" => serde_json::from_slice::<bare::Event<'_>>(&line).expect("an event").weight(),
            _ => sonic_rs::from_slice::<bare::Event<'_>>(&line).expect("an event").weight(),
        };
    }
}

/// The most memory that this process ever held, in MB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) >> 10
}

mod bare {
    use std::borrow::Cow;
    use std::collections::BTreeMap;

    use serde::Deserialize;

    type Text<'a> = Option<Cow<'a, str>>;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct Event<'a> {
        #[serde(borrow)]
        level: Text<'a>,
        #[serde(borrow, rename = "auditID")]
        audit_id: Text<'a>,
        #[serde(borrow)]
        stage: Text<'a>,
        #[serde(borrow, rename = "requestURI")]
        request_uri: Text<'a>,
        #[serde(borrow)]
        verb: Text<'a>,
        #[serde(borrow)]
        user: Option<User<'a>>,
        #[serde(borrow)]
        impersonated_user: Option<User<'a>>,
        #[serde(borrow, rename = "sourceIPs")]
        source_ips: Option<Vec<Cow<'a, str>>>,
        #[serde(borrow)]
        user_agent: Text<'a>,
        #[serde(borrow)]
        object_ref: Option<Object<'a>>,
        response_status: Option<Status>,
        #[serde(borrow)]
        request_received_timestamp: Text<'a>,
        #[serde(borrow)]
        annotations: Option<Annotations<'a>>,
    }

    #[derive(Deserialize)]
    struct User<'a> {
        #[serde(borrow)]
        username: Text<'a>,
        #[serde(borrow)]
        groups: Option<Vec<Cow<'a, str>>>,
        #[serde(borrow)]
        extra: Option<BTreeMap<Cow<'a, str>, Vec<Cow<'a, str>>>>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Object<'a> {
        #[serde(borrow)]
        api_group: Text<'a>,
        #[serde(borrow)]
        resource: Text<'a>,
        #[serde(borrow)]
        subresource: Text<'a>,
        #[serde(borrow)]
        namespace: Text<'a>,
        #[serde(borrow)]
        name: Text<'a>,
    }

    #[derive(Deserialize)]
    struct Status {
        code: Option<u16>,
    }

    #[derive(Deserialize)]
    struct Annotations<'a> {
        #[serde(borrow, rename = "authorization.k8s.io/decision")]
        decision: Text<'a>,
        #[serde(borrow, rename = "authorization.k8s.io/reason")]
        reason: Text<'a>,
    }

    fn length(text: &Text<'_>) -> usize {
        text.as_ref().map_or(0, |text| text.len())
    }

    impl User<'_> {
        fn weight(&self) -> usize {
            let groups = self.groups.as_ref().map_or(0, Vec::len);
            length(&self.username) + groups + self.extra.as_ref().map_or(0, BTreeMap::len)
        }
    }

    impl Event<'_> {
        /// Something that needs every field, so that none is left out.
        pub fn weight(&self) -> usize {
            let object = self.object_ref.as_ref().map_or(0, |it| {
                let parts = [&it.api_group, &it.resource, &it.subresource, &it.namespace, &it.name];
                parts.into_iter().map(length).sum()
            });
            let notes = self.annotations.as_ref();
            let texts = [
                &self.level,
                &self.audit_id,
                &self.stage,
                &self.request_uri,
                &self.verb,
                &self.user_agent,
                &self.request_received_timestamp,
            ];
            texts.into_iter().map(length).sum::<usize>()
                + object
                + notes.map_or(0, |notes| length(&notes.decision) + length(&notes.reason))
                + self.user.as_ref().map_or(0, User::weight)
                + self.impersonated_user.as_ref().map_or(0, User::weight)
                + self.source_ips.as_ref().map_or(0, Vec::len)
                + usize::from(self.response_status.as_ref().and_then(|s| s.code).unwrap_or(0))
        }
    }
}
