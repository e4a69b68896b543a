//! How fast and in how much memory audit logs are read, beside a bare typed parse of the same lines.
//!
//! `cargo bench --bench audit`. `KEYBOOK_BENCH_LOG_MB` sets the size, 300 by default. Every reading is
//! a process of its own, so that its memory is its own too; times are the best of three.

#![allow(clippy::expect_used, clippy::cast_precision_loss)] // A bench has nobody to hand an error to.

mod log;
mod wrapped;

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use chrono::{TimeZone, Utc};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use keybook::audit::{self, SourceSpec};

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
        None => parent(),
    }
}

fn parent() {
    let megabytes = std::env::var("KEYBOOK_BENCH_LOG_MB").ok().and_then(|text| text.parse().ok());
    let bytes: u64 = megabytes.unwrap_or(300) << 20;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, kind| {
        let path = folder.path().join(name);
        let out = BufWriter::new(File::create(&path).expect("a file"));
        let written = log::write(kind, bytes, 1, out).expect("the log can be written");
        (path, written)
    };
    println!("{:<44} {:>8} {:>8} {:>7} {:>9}", "", "seconds", "GB/s", "ratio", "resident");
    let (everyday, size) = write("everyday.log", Kind::Everyday);
    let base = show("bare typed parse, serde_json, one thread", "serde", &everyday, size, None);
    show("bare typed parse, sonic-rs, one thread", "sonic", &everyday, size, base);
    show("keybook, one thread", "one", &everyday, size, base);
    show("keybook, two threads", "two", &everyday, size, base);
    let zipped = compress(&everyday, &folder.path().join("gzip"), |part, file| {
        let mut out = GzEncoder::new(file, Compression::default());
        out.write_all(part).expect("it can be compressed");
        out.finish().expect("it can be compressed")
    });
    let base = show("inflating alone, one thread", "inflate", &zipped, size, None);
    show("keybook, gzip, eight files, two threads", "two", &zipped, size, base);
    let zipped = compress(&everyday, &folder.path().join("zstd"), |part, mut file| {
        zstd::stream::copy_encode(part, &mut file, 3).expect("it can be compressed");
        file
    });
    show("keybook, zstd, eight files, two threads", "two", &zipped, size, None);
    for (what, wrapping) in [
        ("keybook, EKS, export to S3, two threads", Wrapping::EksExport),
        ("keybook, EKS, Firehose, two threads", Wrapping::EksFirehose),
        ("keybook, AKS, storage, two threads", Wrapping::Aks),
        ("keybook, GKE, entries, two threads", Wrapping::Gke),
    ] {
        let path = folder.path().join("wrapped.log");
        let log = BufReader::new(File::open(&everyday).expect("the log"));
        let out = BufWriter::new(File::create(&path).expect("a file"));
        wrapped::write(wrapping, log, out).expect("it can be wrapped");
        let size = std::fs::metadata(&path).expect("the log").len();
        show(what, "two", &path, size, None);
    }
    let (bodies, size) = write("bodies.log", Kind::Bodies);
    show("keybook, with bodies, two threads", "two", &bodies, size, None);
    for (what, name, kind) in [
        ("keybook, everything new in every line", "flood.log", Kind::Flood),
        ("keybook, a new user in every line", "crowd.log", Kind::Crowd),
    ] {
        let (path, size) = write(name, kind);
        show(what, "two", &path, size, None);
    }
}

/// Runs a child three times; prints and returns its rate in GB/s.
fn show(what: &str, how: &str, path: &Path, size: u64, base: Option<f64>) -> Option<f64> {
    let best = (0..3).map(|_| run(how, path)).min_by(|a, b| a.seconds.total_cmp(&b.seconds))?;
    let rate = size as f64 / best.seconds / 1e9;
    let ratio = base.map_or_else(String::new, |base| format!("{:.2}", rate / base));
    let Done { seconds, resident, note } = best;
    println!("{what:<44} {seconds:>8.3} {rate:>8.3} {ratio:>7} {resident:>6} MB  {note}");
    Some(rate)
}

fn run(how: &str, path: &Path) -> Done {
    let this = std::env::current_exe().expect("this program has a path");
    let output = Command::new(this).arg("--child").arg(how).arg(path).output().expect("it runs");
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
        "one" => read(path, 1),
        "two" => read(path, 2),
        "inflate" => inflate(path),
        parser => bare(path, parser),
    };
    println!("{} {} {note}", start.elapsed().as_secs_f64(), resident());
}

fn read(path: &Path, threads: usize) -> String {
    let now = Utc.with_ymd_and_hms(2027, 1, 1, 0, 0, 0).single().expect("a time");
    let mut options = audit::Options::new(now);
    options.threads = NonZeroUsize::new(threads);
    let activity =
        audit::read(&[SourceSpec::Path(path.to_owned())], &options, &()).expect("it can be read");
    let coverage = activity.coverage();
    assert!(coverage.unreadable.is_empty(), "{coverage:?}");
    format!(
        "{} requests, {} rows, {:?}",
        coverage.events,
        activity.uses().count(),
        activity.detail()
    )
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
