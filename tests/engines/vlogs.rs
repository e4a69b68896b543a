//! VictoriaLogs asked as a source.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use keybook::audit::{self, Options, Progress, SourceSpec};
use keybook::model::Activity;
use keybook::store::Store;
use tempfile::TempDir;

use crate::same::{assert_same, read};
use crate::support::process::{await_some, kill};
use crate::{given, log};

/// A VictoriaLogs of a test's own, on this machine alone, stopped by its process id.
pub struct Engine {
    program: PathBuf,
    folder: TempDir,
    port: u16,
    process: Mutex<Option<Child>>,
    more: Vec<String>,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number").port()
}

impl Engine {
    pub fn start(more: &[&str]) -> Option<Self> {
        let program = given("KEYBOOK_VLOGS_BIN")?;
        let engine = Self {
            program,
            folder: TempDir::new().expect("a folder"),
            port: free_port(),
            process: Mutex::new(None),
            more: more.iter().map(|word| (*word).to_owned()).collect(),
        };
        engine.run();
        Some(engine)
    }

    pub fn run(&self) {
        let child = Command::new(&self.program)
            .arg(format!("-storageDataPath={}", self.folder.path().display()))
            .arg(format!("-httpListenAddr=127.0.0.1:{}", self.port))
            .args(["-retentionPeriod=100y", "-loggerLevel=ERROR"])
            .args(&self.more)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("victoria-logs");
        *self.process.lock().unwrap() = Some(child);
        await_some("VictoriaLogs", || self.http("GET", "/health", b"").filter(|body| body == "OK"));
    }

    /// Stops it as an update would: what it holds in memory comes to disk.
    pub fn stop(&self) {
        if let Some(mut child) = self.process.lock().unwrap().take() {
            let stopped =
                Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status();
            assert!(stopped.expect("sh").success());
            child.wait().expect("its end");
        }
    }

    /// Takes it away at once, and what it held in memory with it.
    pub fn kill(&self) {
        if let Some(mut child) = self.process.lock().unwrap().take() {
            kill(child.id());
            child.wait().expect("its end");
        }
    }

    fn http(&self, method: &str, path: &str, body: &[u8]) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nContent-Type: application/stream+json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        )
        .ok()?;
        stream.write_all(body).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.contains(" 200 ").then(|| body.trim().to_owned())
    }

    /// Stores lines with `time` as their time, and waits until they are found.
    pub fn store(&self, lines: &[u8], time: &str) {
        let path = format!(
            "/insert/jsonline?_time_field={time}&_stream_fields=stage&\
             ignore_fields=requestObject.*,responseObject.*"
        );
        for part in parts(lines, 20 << 20) {
            assert!(self.http("POST", &path, part).is_some(), "storing");
        }
        self.flush();
    }

    pub fn flush(&self) {
        assert!(self.http("GET", "/internal/force_flush", b"").is_some(), "flushing");
    }

    pub fn address(&self, more: &str) -> SourceSpec {
        format!("vlogs://127.0.0.1:{}{more}", self.port).parse().expect("a source")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whole lines, about so many bytes at a time.
fn parts(lines: &[u8], size: usize) -> Vec<&[u8]> {
    let (mut all, mut rest) = (Vec::new(), lines);
    while !rest.is_empty() {
        let at = rest.len().min(size);
        let end =
            rest[..at].iter().rposition(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        all.push(&rest[..end]);
        rest = &rest[end..];
    }
    all
}

fn ask(source: SourceSpec, now: DateTime<Utc>) -> Result<Activity, audit::Error> {
    audit::read(&[source], &Options::new(now), &())
}

fn by_file(lines: &[u8], now: DateTime<Utc>) -> Activity {
    let folder = TempDir::new().expect("a folder");
    let path: PathBuf = log::write(folder.path(), "audit.log", lines);
    read(&[Path::new(&path)], now)
}

#[test]
fn victorialogs_says_what_reading_says() {
    let now = Utc::now().max(log::now());
    let mut logs = vec![("pitfalls", log::pitfalls()), ("the demo", log::demo(3))];
    logs.extend(log::real().map(|real| ("a real log", real)));
    for (what, lines) in logs {
        for time in ["stageTimestamp", "requestReceivedTimestamp"] {
            let Some(engine) = Engine::start(&[]) else { return };
            engine.store(&lines, time);
            let activity = ask(engine.address(""), now).expect("an activity");
            assert_same(&activity, &by_file(&lines, now), &format!("{what} by {time}"));
        }
    }
}

#[test]
fn only_what_is_selected_counts() {
    let Some(engine) = Engine::start(&[]) else { return };
    let lines = log::demo(2);
    engine.store(&lines, "stageTimestamp");
    let day = log::now() - chrono::TimeDelta::days(1);
    let text = String::from_utf8(lines).unwrap();
    let since = day.to_rfc3339();
    let late: String = text
        .lines()
        .filter(|line| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            event["requestReceivedTimestamp"].as_str().unwrap() >= &since[..19]
                && event["verb"] == "get"
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let more = format!("?query=verb:%3Dget&since={}", day.format("%Y-%m-%d"));
    let activity = ask(engine.address(&more), log::now()).expect("an activity");
    assert_same(&activity, &by_file(late.as_bytes(), log::now()), "gets of one day");
    let none = ask(engine.address("?query=verb:%3Dnever"), log::now()).expect("an activity");
    assert_eq!((none.uses().count(), none.coverage().from), (0, None));
}

#[test]
fn an_engine_that_says_no_or_is_not_there_is_told() {
    let Some(engine) = Engine::start(&["-httpAuth.username=ops", "-httpAuth.password=s3cret"])
    else {
        return;
    };
    let host = format!("127.0.0.1:{}", engine.port);
    let asked = |user: &str| {
        let source: SourceSpec = format!("vlogs://{user}{host}").parse().expect("a source");
        ask(source, log::now())
    };
    assert!(asked("ops:s3cret@").is_ok());
    let refused = asked("ops:hunter2@").unwrap_err().to_string();
    assert!(refused.contains("401") && refused.contains(&host), "{refused}");
    assert!(!refused.contains("hunter2"), "{refused}");
    let broken = ask(format!("vlogs://ops:s3cret@{host}?query=%7Cno").parse().unwrap(), log::now());
    let broken = broken.unwrap_err().to_string();
    assert!(broken.contains("refuses the query"), "{broken}");
    engine.kill();
    let gone = asked("ops:s3cret@").unwrap_err().to_string();
    assert!(gone.contains("nothing of it was counted"), "{gone}");
    assert!(!gone.contains("s3cret"), "{gone}");
}

#[test]
fn only_what_is_new_is_asked_for_and_taken_in() {
    let Some(engine) = Engine::start(&[]) else { return };
    let now = log::now();
    let lines = log::demo(6);
    // Several stages of a request come at different times, and some lines late.
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (at, line) in lines.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let later = at % 97 == 5 || at > lines.len() / 2000;
        if later { &mut second } else { &mut first }.extend_from_slice(line);
    }
    assert!(!first.is_empty() && !second.is_empty());
    let relay = relay(engine.port);
    let folder = TempDir::new().expect("a folder");
    let mut store = Store::open(&folder.path().join("store.db")).expect("a store");
    let options = Options::new(now);
    let source: SourceSpec =
        format!("vlogs://127.0.0.1:{}?part=3000", relay.port).parse().expect("a source");
    let take = |store: &mut Store| {
        let turn = store.turn().expect("a turn");
        let before = relay.bytes.load(Ordering::SeqCst);
        let done = store.ingest(std::slice::from_ref(&source), &options, &(), &turn);
        (done, relay.bytes.load(Ordering::SeqCst) - before)
    };
    let kept = |store: &mut Store| store.activity(&options).expect("read").expect("something");
    engine.store(&first, "stageTimestamp");
    let (done, _) = take(&mut store);
    let at_first = by_file(&first, now);
    assert_eq!(done.expect("answers").requests, at_first.coverage().events);
    assert_same(&kept(&mut store), &at_first, "at first");
    let (done, nothing) = take(&mut store);
    let done = done.expect("answers");
    assert_eq!((done.read, done.known, done.requests), (0, 1, 0));
    engine.store(&second, "stageTimestamp");
    let (done, whole) = take(&mut store);
    assert_eq!(done.expect("answers").read, 1);
    let all = by_file(&lines, now);
    assert_same(&kept(&mut store), &all, "all of it");
    // One more line is one more part, not all of them.
    let line = lines.split_inclusive(|byte| *byte == b'\n').next().expect("a line");
    let line = String::from_utf8(line.to_vec()).expect("text");
    let line = line.replace("\"auditID\":\"", "\"auditID\":\"another-");
    engine.store(line.as_bytes(), "stageTimestamp");
    let (done, little) = take(&mut store);
    assert_eq!(done.expect("answers").requests, 1);
    assert!(nothing < little && little < whole / 2, "{nothing} {little} {whole}");
    assert_same(
        &kept(&mut store),
        &by_file(&[line.as_bytes(), &lines].concat(), now),
        "one line more",
    );
    // What the engine no longer has, or is away with, stays.
    let before = kept(&mut store);
    engine.stop();
    std::fs::remove_dir_all(engine.folder.path().join("partitions")).expect("partitions");
    assert!(take(&mut store).0.is_err());
    engine.run();
    assert_eq!(take(&mut store).0.expect("answers").known, 1);
    assert_eq!(kept(&mut store), before);
}

/// Does something once the first rows have come.
struct Once<'t> {
    bytes: AtomicU64,
    then: &'t (dyn Fn() + Sync),
}

impl Progress for Once<'_> {
    fn advanced(&self, bytes: u64) {
        if self.bytes.fetch_add(bytes, Ordering::SeqCst) == 0 {
            (self.then)();
        }
    }
}

#[test]
fn an_engine_restarted_in_the_middle_is_asked_again() {
    let Some(engine) = Engine::start(&[]) else { return };
    let lines = log::demo(20);
    engine.store(&lines, "stageTimestamp");
    let engine = Arc::new(engine);
    let asked = |then: &(dyn Fn() + Sync)| {
        let progress = Once { bytes: AtomicU64::new(0), then };
        // Small parts, so that there is a middle.
        let source = engine.address("?part=2000");
        audit::read(&[source], &Options::new(log::now()), &progress)
    };
    let again = engine.clone();
    let activity = asked(&|| {
        again.stop();
        let again = again.clone();
        std::thread::spawn(move || again.run());
    });
    assert_same(&activity.expect("answers"), &by_file(&lines, log::now()), "restarted");

    // One that comes back without what it had is an error, and one that stays away is another.
    let bare = engine.clone();
    let error = asked(&|| {
        bare.stop();
        std::fs::remove_dir_all(bare.folder.path().join("partitions")).expect("partitions");
        let bare = bare.clone();
        std::thread::spawn(move || bare.run());
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains("it lost some"), "{error}");
    engine.store(&lines, "stageTimestamp");
    let error = asked(&|| engine.kill()).unwrap_err().to_string();
    assert!(error.contains("in the middle of its answer"), "{error}");
}

/// What stands between, and counts what the engine says.
struct Relay {
    port: u16,
    bytes: Arc<AtomicU64>,
}

fn relay(to: u16) -> Relay {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its number").port();
    let bytes = Arc::new(AtomicU64::new(0));
    let counted = bytes.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
            let (mut up, mut down) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let counted = counted.clone();
            std::thread::spawn(move || std::io::copy(&mut up, &mut down));
            std::thread::spawn(move || {
                let (mut from, mut to) = (BufReader::new(server), client);
                while let Ok(some) = from.fill_buf() {
                    let length = some.len();
                    if length == 0 || to.write_all(some).is_err() {
                        break;
                    }
                    counted.fetch_add(length as u64, Ordering::SeqCst);
                    from.consume(length);
                }
                let _ = to.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    Relay { port, bytes }
}

/// Five million events, or a part of that, answered without pulling them.
#[test]
fn many_events_are_added_up_where_they_are() {
    let Some(engine) = Engine::start(&[]) else { return };
    let full = std::env::var_os("KEYBOOK_TEST_FULL").is_some_and(|value| value == "1");
    let lines = log::demo(1);
    let each = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    let times = if full { 5_000_000usize.div_ceil(each) } else { 3 };
    let text = String::from_utf8(lines).expect("text");
    let mut stored = 0u64;
    for round in 0..times {
        // Other requests, of the same people, at the same time of the day.
        let other = text.replace("\"auditID\":\"", &format!("\"auditID\":\"{round}-"));
        let day = log::now() - chrono::TimeDelta::days(i64::try_from(round % 30).unwrap() + 1);
        let other = shifted(&other, day);
        stored += other.len() as u64;
        engine.store(other.as_bytes(), "stageTimestamp");
    }
    let relay = relay(engine.port);
    let source = format!("vlogs://127.0.0.1:{}", relay.port).parse().expect("a source");
    let began = Instant::now();
    let activity = ask(source, log::now()).expect("an activity");
    let (took, bytes) = (began.elapsed(), relay.bytes.load(Ordering::SeqCst));
    eprintln!("{} lines, {stored} bytes: {bytes} bytes in {took:?}", each * times);
    assert_eq!(activity.coverage().lines, (each * times) as u64);
    assert!(took < Duration::from_mins(10), "{took:?}");
    if full {
        assert!(bytes < stored / 20, "{bytes} of {stored}");
    }
}

/// The demo's last day, as another day.
fn shifted(text: &str, day: DateTime<Utc>) -> String {
    let last = (log::now() - chrono::TimeDelta::days(1)).format("%Y-%m-%dT").to_string();
    text.replace(&format!("\"{last}"), &format!("\"{}", day.format("%Y-%m-%dT")))
}
