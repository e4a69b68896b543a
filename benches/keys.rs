//! From a key to the last byte of its frame: the real binary in a pseudo terminal over 100,000
//! identities.
//!
//! `cargo bench --bench keys`. A frame ends with the end of its synchronized update; what is
//! measured is the time from writing the key to reading that, over all frames that the key brings
//! about (the row moves at once; the preview may follow in a frame of its own).

#![allow(clippy::expect_used, clippy::panic)] // A bench has nobody to hand an error to.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use serde_json::json;

/// Identities beside a few.
const USERS: usize = 100_000;

/// Subjects of one binding.
const SUBJECTS: usize = 100;

/// How often each key is pressed.
const PRESSES: usize = 300;

/// No further frame comes after a silence of this length.
const SILENCE: Duration = Duration::from_millis(60);

/// The end of a frame.
const END: &[u8] = b"\x1b[?2026l";

fn main() {
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    write_world(scratch.path());
    for (columns, lines) in [(80, 24), (200, 50)] {
        measure(scratch.path(), columns, lines);
    }
}

/// Bindings of a hundred users each, spread over a hundred namespaces, to one of three roles.
fn write_world(folder: &Path) {
    const RBAC: &str = "rbac.authorization.k8s.io/v1";
    let roles = ["view", "edit", "admin"].map(|name| {
        let verbs = if name == "view" { json!(["get", "list", "watch"]) } else { json!(["*"]) };
        json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": name}, "rules": [
            {"verbs": verbs, "apiGroups": [""], "resources": ["pods", "services", "configmaps"]},
            {"verbs": verbs, "apiGroups": ["apps"], "resources": ["deployments"]}]})
    });
    let bindings = (0..USERS / SUBJECTS).map(|at| {
        let subjects: Vec<_> = (0..SUBJECTS)
            .map(|n| json!({"kind": "User", "name": format!("u{:06}@corp.example", at * SUBJECTS + n)}))
            .collect();
        let role = ["view", "edit", "admin"][at % 3];
        json!({"apiVersion": RBAC, "kind": "RoleBinding",
            "metadata": {"name": format!("team-{at}"), "namespace": format!("ns-{:02}", at % 100)},
            "roleRef": {"kind": "ClusterRole", "name": role},
            "subjects": subjects})
    });
    let items: Vec<_> = roles.into_iter().chain(bindings).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    std::fs::write(folder.join("world.json"), list.to_string()).expect("written");
}

/// What the terminal got, with the time.
type Chunk = (Instant, Vec<u8>);

struct Terminal {
    writer: Box<dyn Write + Send>,
    chunks: Receiver<Chunk>,
}

impl Terminal {
    /// Presses a key; returns how long the first frame and the last took.
    fn press(&mut self, key: &str) -> (Duration, Duration) {
        let begin = Instant::now();
        self.writer.write_all(key.as_bytes()).expect("the program listens");
        let (mut first, mut last) = (None, begin);
        let mut tail: Vec<u8> = Vec::new();
        loop {
            let patience = if first.is_some() { SILENCE } else { Duration::from_secs(30) };
            match self.chunks.recv_timeout(patience) {
                Ok((at, bytes)) => {
                    tail.extend_from_slice(&bytes);
                    if tail.windows(END.len()).any(|part| part == END) {
                        first.get_or_insert(at);
                        last = at;
                        tail.clear();
                    }
                }
                Err(RecvTimeoutError::Timeout) if first.is_some() => break,
                Err(error) => panic!("{key:?} brought no frame: {error}"),
            }
        }
        (first.unwrap_or(last) - begin, last - begin)
    }

    /// Reads until a text has come and nothing more does.
    fn wait_for(&mut self, text: &str) {
        let mut seen = String::new();
        loop {
            match self.chunks.recv_timeout(Duration::from_secs(2)) {
                Ok((_, bytes)) => seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout) if seen.contains(text) => return,
                Err(RecvTimeoutError::Timeout) => {}
                Err(error) => panic!("{text:?} never came: {error}"),
            }
        }
    }
}

fn measure(world: &Path, columns: u16, lines: u16) {
    let size = PtySize { rows: lines, cols: columns, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).expect("a pseudo terminal");
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_keybook"));
    command.arg("--from");
    command.arg(world);
    command.env("TERM", "xterm-256color");
    let begin = Instant::now();
    let mut child = pair.slave.spawn_command(command).expect("keybook starts");
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().expect("a reader");
    let (sender, chunks) = channel();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            if sender.send((Instant::now(), buffer[..count].to_vec())).is_err() {
                return;
            }
        }
    });
    let writer = pair.master.take_writer().expect("a writer");
    let mut terminal = Terminal { writer, chunks };
    terminal.wait_for("100,0");
    println!(
        "keys: {columns}x{lines}: {USERS} identities open, {:.1} s with the silence after",
        begin.elapsed().as_secs_f64()
    );
    for (what, keys) in [
        ("j", vec!["j"]),
        ("page down", vec!["\x06"]),
        ("tab", vec!["\t"]),
        ("mark", vec![" "]),
        ("open, back", vec!["\r", "\x1b"]),
        ("sort by name, by risk", vec!["N", "R"]),
        ("type in a filter", vec!["/", "u", "0", "1", "2", "\x1b"]),
    ] {
        let mut firsts = Vec::new();
        let mut lasts = Vec::new();
        for press in 0..PRESSES {
            let (first, last) = terminal.press(keys[press % keys.len()]);
            firsts.push(first);
            lasts.push(last);
        }
        println!("  {what:<24} first frame {}   last frame {}", figures(firsts), figures(lasts));
    }
    terminal.writer.write_all(b"\x03").expect("the program listens");
    let code = child.wait().expect("it ends").exit_code();
    assert_eq!(code, 0, "keybook's exit code");
}

/// The middle, the 99th percentile and the worst, in milliseconds.
fn figures(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at =
        |part: usize| times[(times.len() * part / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    format!("p50 {:>5.1} ms  p99 {:>5.1} ms  max {:>5.1} ms", at(50), at(99), at(100))
}
