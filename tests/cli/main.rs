//! The real binary: what it prints, where, and what it ends with.
#![cfg(test)]

mod answers;
mod bad_input;
mod changes;
mod check;
mod completeness;
mod in_hand;
mod names;
mod offline;
mod outside;
mod reach;
mod schemas;
mod secrets;
mod stored;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The moment that every test counts from.
const NOW: &str = "2026-03-31T12:00:00Z";

/// What a run said and ended with.
#[derive(Debug)]
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The same, where it must have ended with `code`.
    #[track_caller]
    fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text only");
        Self {
            code: output.status.code().expect("ended by itself"),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

/// A folder with nothing of the machine in it: no kubeconfig, no settings.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file and returns its path.
    fn put(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("has one")).expect("made");
        std::fs::write(&path, content).expect("written");
        path.display().to_string()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keybook"));
        command
            .args(words)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("KEYBOOK_NOW", NOW)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Run {
        self.command(words).output().expect("it runs").into()
    }

    /// Runs with something on standard input.
    fn run_with(&self, words: &[&str], input: impl AsRef<[u8]>) -> Run {
        let mut child = self
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut stdin = child.stdin.take().expect("piped");
        // A program that ends before it has read everything is no failure of the test.
        let _ = stdin.write_all(input.as_ref());
        drop(stdin);
        child.wait_with_output().expect("it ends").into()
    }
}
