//! keybook beside what a user would take instead, in one run on one machine.
//!
//! `cargo bench --bench compare` prints everything; `-- log world demo live apply` only some. What an
//! alternative needs and is not there is said in its place.

#![allow(clippy::expect_used, clippy::panic)] // A bench has nobody to hand an error to.

mod applying;
mod live;
mod log;
mod measure;
mod memory;
mod screen;
#[path = "../../tests/support/mod.rs"]
mod support;
#[path = "../world/mod.rs"]
mod world;

use std::path::PathBuf;

/// One line of the comparison.
struct Row {
    what: String,
    time: String,
    rate: String,
    peak: String,
}

/// A heading with its lines.
struct Section {
    title: String,
    rows: Vec<Row>,
}

impl Section {
    fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), rows: Vec::new() }
    }

    fn add(&mut self, what: &str, seconds: f64, rate: String, peak_kib: Option<u64>) {
        let time = if seconds < 0.1 {
            format!("{:.1} ms", seconds * 1e3)
        } else {
            format!("{seconds:.2} s")
        };
        let peak = peak_kib.map_or_else(|| "-".to_owned(), |kib| format!("{} MB", kib / 1024));
        self.rows.push(Row { what: what.to_owned(), time, rate, peak });
    }

    fn skip(&mut self, what: &str, why: &str) {
        self.rows.push(Row {
            what: what.to_owned(),
            time: format!("not measured: {why}"),
            rate: String::new(),
            peak: String::new(),
        });
    }

    fn print(&self) {
        println!("\n{}", self.title);
        for Row { what, time, rate, peak } in &self.rows {
            println!("  {what:<44} {time:>10} {rate:>18} {peak:>9}");
        }
    }
}

/// A folder for what is written while measuring; it is taken away afterwards.
fn scratch() -> tempfile::TempDir {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    tempfile::tempdir_in(target).expect("a folder")
}

fn main() {
    let mut wanted: Vec<String> = std::env::args().skip(1).collect();
    // What cargo adds.
    wanted.retain(|arg| arg != "--bench");
    if wanted.first().is_some_and(|arg| arg == "--child") {
        return child(&wanted[1..]);
    }
    if let [command, rest @ ..] = wanted.as_slice()
        && command.starts_with("write-")
    {
        return write(command, rest);
    }
    let all = wanted.is_empty();
    let wants = |name: &str| all || wanted.iter().any(|arg| arg == name);
    println!(
        "keybook {} on {} cores; peak is the largest resident set of the process",
        env!("CARGO_PKG_VERSION"),
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    let parts = [
        ("log", log::section as fn() -> Section),
        ("world", memory::section),
        ("demo", screen::section),
        ("live", live::section),
        ("apply", applying::section),
    ];
    for (name, section) in parts {
        if wants(name) {
            section().print();
        }
    }
}

/// Writes a world out: `write-lists large FOLDER` as files for `--from`, `write-lines large` one
/// object a line for `cluster load`.
fn write(command: &str, rest: &[String]) {
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    let size = match words.first() {
        Some(&"large") => world::LARGE,
        Some(&"crowd") => world::CROWD,
        Some(&"small") => world::SMALL,
        other => panic!("no such world: {other:?}; there are small, large and crowd"),
    };
    match (command, words.get(1)) {
        ("write-lists", Some(folder)) => world::write_lists(&size, folder.as_ref()),
        ("write-lines", None) => world::write_lines(&size, &mut std::io::stdout().lock()),
        _ => panic!("write-lists WORLD FOLDER or write-lines WORLD"),
    }
    .expect("it can be written");
}

/// What is measured in a process of its own, so that its memory is its own.
fn child(args: &[String]) {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["read", file] => log::read(file.as_ref()),
        ["typed", file] => log::typed(file.as_ref()),
        ["sonic", file] => log::sonic(file.as_ref()),
        ["build"] => memory::build(),
        ["demo"] => memory::demo(),
        other => panic!("no such part: {other:?}"),
    }
}
