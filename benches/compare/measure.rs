//! A process, timed and weighed.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a process took.
pub struct Measured {
    /// From start to end.
    pub seconds: f64,
    /// Largest resident set in KiB; None where the system does not tell.
    pub peak_kib: Option<u64>,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// Whether it ended well.
    pub success: bool,
}

/// Runs it to its end. The peak is read every two milliseconds while it runs, as the system forgets
/// it with the process.
pub fn run(mut command: Command) -> Measured {
    let began = Instant::now();
    let mut process = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = all_of(process.stdout.take().expect("stdout is a pipe"));
    let stderr = all_of(process.stderr.take().expect("stderr is a pipe"));
    let mut peak = None;
    let status = loop {
        peak = peak_of(process.id()).max(peak);
        if let Some(status) = process.try_wait().expect("the process can be waited for") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let seconds = began.elapsed().as_secs_f64();
    let stdout = stdout.join().expect("stdout can be read");
    let stderr = stderr.join().expect("stderr can be read");
    if !status.success() {
        eprintln!("{command:?}: {status}: {}", String::from_utf8_lossy(&stderr));
    }
    Measured { seconds, peak_kib: peak, stdout, success: status.success() }
}

fn all_of(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        pipe.read_to_end(&mut all).expect("a pipe can be read");
        all
    })
}

/// The best of some runs: what the machine does besides only ever adds.
pub fn best(times: usize, make: impl Fn() -> Command) -> Measured {
    let runs = (0..times.max(1)).map(|_| run(make()));
    runs.min_by(|a, b| a.seconds.total_cmp(&b.seconds)).expect("at least one run")
}

/// This program again, for a part of its own.
pub fn part(args: &[&Path]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.arg("--child").args(args);
    command
}

/// Whether a program is there to compare with.
pub fn there_is(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

fn peak_of(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
