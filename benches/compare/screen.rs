//! The demo in a pseudo-terminal: how long until there is something to see.

use std::io::Read;
use std::num::NonZeroU16;
use std::time::Instant;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use super::Section;

/// What the screen shows, and when: a row of the list, and the log's days in the header.
const STEPS: [(&str, &str); 2] = [
    ("keybook demo, the first rows on the screen", "gwen@corp.example"),
    ("keybook demo, its log read and joined", "log 90d"),
];

const ROWS: NonZeroU16 = NonZeroU16::new(24).expect("not zero");
const COLUMNS: NonZeroU16 = NonZeroU16::new(80).expect("not zero");

/// The best of some starts.
pub fn section() -> Section {
    let mut section = Section::new("the demo, from its start");
    let starts: Vec<[f64; 2]> = (0..5).map(|_| start()).collect();
    for (at, (what, _)) in STEPS.iter().enumerate() {
        let best = starts.iter().map(|start| start[at]).fold(f64::INFINITY, f64::min);
        section.add(what, best, String::new(), None);
    }
    section
}

/// Seconds to each step of one start.
fn start() -> [f64; 2] {
    let size = PtySize { rows: ROWS.get(), cols: COLUMNS.get(), ..PtySize::default() };
    let pty = native_pty_system().openpty(size).expect("a pseudo-terminal");
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_keybook"));
    command.arg("demo");
    command.env("TERM", "xterm-256color");
    let mut out = pty.master.try_clone_reader().expect("its output");
    let began = Instant::now();
    let mut keybook = pty.slave.spawn_command(command).expect("keybook starts");
    let mut screen = vt100::Parser::new(ROWS, COLUMNS, 0);
    let mut seconds = [f64::INFINITY; 2];
    let mut bytes = [0; 16 << 10];
    while seconds.iter().any(|seconds| seconds.is_infinite()) {
        let read = out.read(&mut bytes).expect("its output can be read");
        assert!(read > 0, "keybook ended early:\n{}", screen.screen().contents());
        screen.process(&bytes[..read]);
        let shown = screen.screen().contents();
        for (at, (_, text)) in STEPS.iter().enumerate() {
            if seconds[at].is_infinite() && shown.contains(text) {
                seconds[at] = began.elapsed().as_secs_f64();
            }
        }
    }
    keybook.kill().expect("it can be ended");
    keybook.wait().expect("it ends");
    seconds
}
