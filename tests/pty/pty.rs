//! A program in a pseudo terminal, with a screen that understands what it draws.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long anything may take. Only a broken program takes so long, on however busy a machine; and
/// it is shorter than the minute after which ages are drawn anew, so that no such frame makes up for
/// one that was never drawn.
const PATIENCE: Duration = Duration::from_secs(45);

struct Seen {
    parser: vt100::Parser,
    /// Everything that came, as it came.
    bytes: Vec<u8>,
    ended: bool,
}

/// A running program.
pub struct Pty {
    master: Box<dyn MasterPty + Send>,
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    before: String,
}

fn size(columns: u16, lines: u16) -> PtySize {
    PtySize { rows: lines, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn sure(count: u16) -> NonZero<u16> {
    NonZero::new(count).expect("more than none")
}

impl Pty {
    /// Starts a program on a terminal of this size.
    pub fn start(words: &[OsString], vars: &[(&str, &str)], columns: u16, lines: u16) -> Self {
        let pair = native_pty_system().openpty(size(columns, lines)).expect("a pseudo terminal");
        let before = format!("{:?}", pair.master.get_termios());
        let mut command = CommandBuilder::new(&words[0]);
        command.args(&words[1..]);
        command.env("TERM", "xterm-256color");
        command.env("RUST_BACKTRACE", "0");
        command.env("KEYBOOK_NOW", "2026-05-06T14:20:00Z");
        for unset in ["NO_COLOR", "COLORTERM", "TMUX", "STY", "KEYBOOK_THEME"] {
            command.env_remove(unset);
        }
        for (name, value) in vars {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let writer = Arc::new(Mutex::new(pair.master.take_writer().expect("a writer")));
        let parser = vt100::Parser::new(sure(lines), sure(columns), 0);
        let seen = Arc::new((
            Mutex::new(Seen { parser, bytes: Vec::new(), ended: false }),
            Condvar::new(),
        ));
        let (own, answers) = (seen.clone(), writer.clone());
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            loop {
                let count = reader.read(&mut buffer).unwrap_or(0);
                let (lock, changed) = &*own;
                let mut seen = lock.lock().unwrap();
                let part = &buffer[..count];
                seen.parser.process(part);
                seen.bytes.extend_from_slice(part);
                seen.ended |= count == 0;
                // Whoever asks where the cursor is gets an answer, as from a terminal.
                if part.windows(4).any(|bytes| bytes == b"\x1b[6n") {
                    let (line, column) = seen.parser.screen().cursor_position();
                    let answer = format!("\x1b[{};{}R", line + 1, column + 1);
                    let _ = answers.lock().unwrap().write_all(answer.as_bytes());
                }
                changed.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Self { master: pair.master, writer, child, seen, before }
    }

    /// Starts keybook on a terminal of 80 by 24.
    pub fn keybook(words: &[&str]) -> Self {
        let mut all = vec![OsString::from(env!("CARGO_BIN_EXE_keybook"))];
        all.extend(words.iter().map(OsString::from));
        Self::start(&all, &[], 80, 24)
    }

    /// Presses keys, as the bytes that a terminal sends.
    pub fn press(&self, bytes: &str) {
        self.writer.lock().unwrap().write_all(bytes.as_bytes()).expect("the program listens");
    }

    /// Gives the terminal another size.
    pub fn resize(&self, columns: u16, lines: u16) {
        self.seen.0.lock().unwrap().parser.screen_mut().set_size(sure(lines), sure(columns));
        self.master.resize(size(columns, lines)).expect("resized");
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.process_id().expect("a process")
    }

    /// Waits until the screen is as wanted.
    pub fn wait(&self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) {
        let (lock, changed) = &*self.seen;
        let begin = Instant::now();
        let mut seen = lock.lock().unwrap();
        while !wanted(seen.parser.screen()) {
            let left = PATIENCE.checked_sub(begin.elapsed()).filter(|_| !seen.ended);
            let Some(left) = left else {
                panic!("{what} never came; the screen:\n{}", seen.parser.screen().contents());
            };
            seen = changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Waits until the screen holds a text.
    pub fn wait_for(&self, text: &str) {
        self.wait(text, |screen| screen.contents().contains(text));
    }

    /// Waits until the bytes that came hold others.
    pub fn wait_for_bytes(&self, wanted: &str) {
        let (lock, changed) = &*self.seen;
        let mut seen = lock.lock().unwrap();
        let holds =
            |bytes: &[u8]| bytes.windows(wanted.len()).any(|part| part == wanted.as_bytes());
        let begin = Instant::now();
        while !holds(&seen.bytes) {
            let left = PATIENCE.checked_sub(begin.elapsed()).filter(|_| !seen.ended);
            let left = left.unwrap_or_else(|| panic!("{wanted:?} never came"));
            seen = changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// What the screen shows.
    pub fn contents(&self) -> String {
        self.seen.0.lock().unwrap().parser.screen().contents()
    }

    /// Waits for the end; returns the exit code, and checks that the terminal is as it was.
    pub fn end(mut self) -> u32 {
        {
            let (lock, changed) = &*self.seen;
            let started = Instant::now();
            let mut seen = lock.lock().unwrap();
            while !seen.ended {
                let Some(left) = PATIENCE.checked_sub(started.elapsed()) else {
                    panic!("it never ended; the screen:\n{}", seen.parser.screen().contents());
                };
                seen = changed.wait_timeout(seen, left).unwrap().0;
            }
            let screen = seen.parser.screen();
            assert!(!screen.alternate_screen(), "the alternate screen is still on");
            assert!(!screen.hide_cursor(), "the cursor is still hidden");
            assert!(!screen.bracketed_paste(), "bracketed paste is still on");
            let text = String::from_utf8_lossy(&seen.bytes).into_owned();
            let (on, off) = (text.rfind("\x1b[?1004h"), text.rfind("\x1b[?1004l"));
            assert!(on <= off, "focus events are still on");
            let (begun, ended) = (text.rfind("\x1b[?2026h"), text.rfind("\x1b[?2026l"));
            assert!(begun <= ended, "a synchronized update is still open");
        }
        // Nobody holds the terminal any more, so whoever held it is ending.
        let code = self.child.wait().expect("it ends").exit_code();
        let after = format!("{:?}", self.master.get_termios());
        assert_eq!(after, self.before, "the line discipline");
        code
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // Nothing is left behind by a test that fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
