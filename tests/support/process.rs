//! Processes under a test's control, and waiting for what they do.

#![allow(clippy::expect_used)] // A test has nobody to hand an error to.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine before a test calls it broken.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// Looks at a condition until it gives something.
///
/// # Panics
/// Where it does not within [`PATIENCE`].
pub fn await_some<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process runs. One that has ended and that nobody has asked after yet does not.
pub fn is_running(pid: u32) -> bool {
    let pid = pid.to_string();
    let state = if Path::new("/proc/self/stat").exists() {
        let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
        // The state follows the name, which is in parentheses and may hold anything.
        stat.map_or_else(|_| String::new(), |stat| stat.rsplit(") ").next().unwrap_or("").into())
    } else {
        let ps = Command::new("ps").args(["-o", "stat=", "-p", &pid]).output().expect("ps");
        String::from_utf8_lossy(&ps.stdout).trim().to_owned()
    };
    !state.is_empty() && !state.starts_with('Z')
}

/// Kills one process without any chance to tidy up.
pub fn kill(pid: u32) {
    // The shell's own kill: not every machine has one as a program.
    let status = Command::new("sh").args(["-c", &format!("kill -KILL {pid}")]).status();
    assert!(status.expect("sh").success(), "kill {pid}");
}

/// Reads lines as they come, so that they can be waited for with a deadline.
pub fn lines_of(stdout: impl Read + Send + 'static) -> Receiver<String> {
    let (send, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// Runs a command to its end, feeding its stdin while its output is read.
pub fn run(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("start a command");
    let mut stdin = process.stdin.take().expect("stdin is a pipe");
    thread::scope(|scope| {
        // It may stop reading before the end, which its exit code explains better.
        scope.spawn(move || stdin.write_all(input.as_bytes()));
        process.wait_with_output().expect("wait for a command")
    })
}

/// What a command printed.
///
/// # Panics
/// Where it failed.
pub fn stdout(output: Output, what: &str) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{what}: {}\n{errors}{text}", output.status);
    String::from_utf8(output.stdout).expect("UTF-8")
}
