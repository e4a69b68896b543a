//! The log: keybook's reading beside a bare parse and jq.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::Command;

use chrono::TimeDelta;
use keybook::audit;
use serde::Deserialize;

use super::measure::{Measured, best, part, run, there_is};
use super::{Section, scratch, world};

/// Size of the log in MB, unless `KEYBOOK_BENCH_LOG_MB` says another.
const MEGABYTES: u64 = 400;

/// The demo's log over and over, each time ninety days earlier.
fn write(path: &Path, megabytes: u64) -> u64 {
    let mut out = BufWriter::new(File::create(path).expect("a file"));
    let mut written = 0;
    for times in 0.. {
        let log = keybook::demo::log(world::now() - TimeDelta::days(90 * times));
        out.write_all(&log).expect("the log can be written");
        written += log.len() as u64;
        if written >= megabytes << 20 {
            break;
        }
    }
    out.flush().expect("the log can be written");
    written
}

/// The comparison.
pub fn section() -> Section {
    let megabytes = std::env::var("KEYBOOK_BENCH_LOG_MB").ok().and_then(|text| text.parse().ok());
    let folder = scratch();
    let file = folder.path().join("audit.log");
    let bytes = write(&file, megabytes.unwrap_or(MEGABYTES));
    let mut section = Section::new(format!("audit log, {} MB of JSON lines", bytes >> 20));
    let mut add = |what: &str, measured: Measured| {
        if !measured.success {
            return section.skip(what, "it failed");
        }
        #[allow(clippy::cast_precision_loss)] // Megabytes a second.
        let rate = bytes as f64 / measured.seconds / 1e6;
        section.add(what, measured.seconds, format!("{rate:.0} MB/s"), measured.peak_kib);
    };
    let child = |what: &str| best(3, || part(&[what.as_ref(), &file]));
    add("keybook: uses, coverage, every field", child("read"));
    add("bare serde_json, typed, one core", child("typed"));
    add("bare sonic-rs, typed, one core", child("sonic"));
    if there_is("jq") {
        let mut jq = Command::new("jq");
        jq.args(["-r", ".user.username"]).arg(&file);
        add("jq, one field", run(jq));
    } else {
        section.skip("jq, one field", "jq is not installed");
    }
    section
}

/// keybook's reading.
pub fn read(file: &Path) {
    let specs = [audit::SourceSpec::Path(file.to_owned())];
    let options = audit::Options::new(world::now());
    let activity = audit::read(&specs, &options, &()).expect("the log can be read");
    let coverage = activity.coverage();
    assert!(coverage.unreadable.is_empty(), "{coverage:?}");
    println!("{} requests", coverage.events);
}

/// What a line holds, typed and borrowed: the least that a reading of it could be.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow, rename = "auditID")]
    audit_id: &'a str,
    stage: &'a str,
    #[serde(rename = "requestURI")]
    uri: &'a str,
    verb: &'a str,
    #[serde(borrow)]
    user: User<'a>,
    user_agent: Option<&'a str>,
    #[serde(borrow)]
    object_ref: Option<Reference<'a>>,
    response_status: Option<Status>,
    request_received_timestamp: &'a str,
}

#[derive(Deserialize)]
struct User<'a> {
    username: Option<&'a str>,
    #[serde(borrow, default)]
    groups: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Reference<'a> {
    #[serde(borrow)]
    resource: Option<&'a str>,
    namespace: Option<&'a str>,
    name: Option<&'a str>,
}

#[derive(Deserialize)]
struct Status {
    code: u16,
}

impl Line<'_> {
    /// Something that needs every field, so that none is left out.
    fn weight(&self) -> usize {
        let reference = self.object_ref.as_ref().map_or(0, |it| {
            let parts = [it.resource, it.namespace, it.name];
            parts.into_iter().flatten().map(str::len).sum()
        });
        let user = self.user.username.map_or(0, str::len) + self.user.groups.len();
        let texts =
            [self.audit_id, self.stage, self.uri, self.verb, self.request_received_timestamp];
        let texts: usize = texts.into_iter().map(str::len).sum();
        let code = self.response_status.as_ref().map_or(0, |status| usize::from(status.code));
        texts + user + reference + code + self.user_agent.map_or(0, str::len)
    }
}

fn each(file: &Path, mut take: impl FnMut(&[u8]) -> usize) {
    let mut lines = BufReader::with_capacity(1 << 20, File::open(file).expect("the log"));
    let (mut line, mut sum) = (Vec::new(), 0);
    while lines.read_until(b'\n', &mut line).expect("a line") > 0 {
        sum += take(&line);
        line.clear();
    }
    println!("{sum}");
}

/// `serde_json` and nothing else.
pub fn typed(file: &Path) {
    each(file, |line| serde_json::from_slice::<Line<'_>>(line).expect("an event").weight());
}

/// sonic-rs and nothing else.
pub fn sonic(file: &Path) {
    each(file, |line| sonic_rs::from_slice::<Line<'_>>(line).expect("an event").weight());
}
