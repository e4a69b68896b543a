//! A fault in keybook itself: the terminal is given back, and the fault is told.

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, Utc};
use keybook::book::{Book, Inputs, LogState};
use keybook::tui::keymap::Preset;
use keybook::tui::theme::ColorChoice;
use keybook::tui::{self, FeedSource, TuiOptions};

use super::pty::Pty;

/// Tells this program that it is the one in the terminal.
const WITHIN: &str = "KEYBOOK_TEST_WITHIN";

/// Opens the terminal UI with a clock that breaks when the first key is pressed.
#[test]
fn within() {
    if std::env::var_os(WITHIN).is_none() {
        return;
    }
    let asked = AtomicU32::new(0);
    let now: DateTime<Utc> = "2026-05-06T14:20:00Z".parse().unwrap();
    let book = Arc::new(Book::build(Inputs {
        snapshot: Arc::default(),
        activity: None,
        log: LogState::None,
        policy: Arc::default(),
        now,
    }));
    let (sender, books) = tokio::sync::watch::channel(book);
    let ended = tui::run(TuiOptions {
        feeds: vec![FeedSource {
            name: "broken".into(),
            books,
            reload: Arc::new(|| {}),
            flags: String::new(),
            desk: None,
        }],
        theme: None,
        theme_dir: None,
        color: ColorChoice::Auto,
        keys: Preset::Keybook,
        clock: Arc::new(move || {
            assert!(asked.fetch_add(1, Ordering::SeqCst) == 0, "the clock broke");
            now
        }),
    });
    drop(sender);
    assert!(matches!(ended, Err(tui::Error::Fault)), "{ended:?}");
    println!("the fault was told");
}

#[test]
fn the_terminal_is_given_back_after_a_fault() {
    let program = std::env::current_exe().unwrap();
    let words: Vec<OsString> = [program.as_os_str().to_owned()]
        .into_iter()
        .chain(["--exact", "fault::within", "--nocapture", "--test-threads=1"].map(OsString::from))
        .collect();
    let pty = Pty::start(&words, &[(WITHIN, "1")], 80, 24);
    pty.wait_for("nobody is known");
    pty.press("j");
    pty.wait_for("the fault was told");
    pty.wait_for_bytes("the clock broke");
    assert_eq!(pty.end(), 0);
}
