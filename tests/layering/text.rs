//! What files are called, how long they are, and what no text may say.

use super::{files, read, root};

/// More than this and a file has more than one subject.
const LONGEST: usize = 500;

/// Names that say nothing of what is in a file.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "manager", "misc"];

/// What is left of unfinished work.
const UNFINISHED: &[&str] = &["todo!(", "unimplemented!(", "#[ignore", "FIXME", "XXX"];

/// Paths that only exist on one machine, cut in two so that this file does not hold them.
const ONE_MACHINE: &[(&str, &str)] =
    &[("/wo", "rk/"), ("/ro", "ot/"), ("/ho", "me/"), ("/Use", "rs/"), ("/tmp/", "bash")];

fn sources() -> Vec<String> {
    let mut all = files("src", &[".rs"]);
    all.extend(files("tests", &[".rs", ".go"]));
    all.extend(files("benches", &[".rs"]));
    all
}

/// Everything written by hand, at any depth that is the project's own.
fn texts() -> Vec<String> {
    let mut all = sources();
    all.extend(files("docs", &[".md"]));
    all.extend(files("benches", &[".md", ".toml"]));
    all.extend(files("themes", &[".toml"]));
    all.extend(["tests/run", ".ci/run"].map(str::to_owned));
    let top = std::fs::read_dir(root()).expect("the repository can be read");
    for entry in top.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let text = [".md", ".toml"].iter().any(|ending| name.ends_with(ending));
        if text {
            all.push(name);
        }
    }
    all
}

fn long(source: &str) -> bool {
    source.lines().count() > LONGEST
}

fn empty_name(file: &str) -> bool {
    let stem = |part: &str| part.split('.').next().unwrap_or_default().to_ascii_lowercase();
    file.split('/').any(|part| EMPTY_NAMES.contains(&stem(part).as_str()))
}

/// What the text must not say, with the line.
fn said(text: &str, unfinished: bool) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for (head, tail) in ONE_MACHINE {
            let path = format!("{head}{tail}");
            // Such a part inside a longer path or URL is somebody's example, not a machine's.
            let starts = line.match_indices(&path).any(|(at, _)| {
                !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '.' || c == '-')
            });
            if starts {
                found.push((at + 1, path));
            }
        }
        if unfinished {
            for mark in UNFINISHED {
                if line.contains(mark) {
                    found.push((at + 1, (*mark).to_owned()));
                }
            }
        }
    }
    found
}

#[test]
fn every_file_has_one_subject() {
    let wrong: Vec<String> = sources().into_iter().filter(|file| long(&read(file))).collect();
    assert!(wrong.is_empty(), "longer than {LONGEST} lines: {wrong:?}");
    assert!(long(&"x\n".repeat(LONGEST + 1)) && !long(&"x\n".repeat(LONGEST)));
}

#[test]
fn every_name_says_what_is_in_the_file() {
    let wrong: Vec<String> = sources().into_iter().filter(|file| empty_name(file)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(empty_name("src/utils.rs") && empty_name("src/x/common/y.rs"));
    assert!(!empty_name("src/commonality.rs"));
}

#[test]
fn nothing_is_left_unfinished_and_no_text_names_one_machine() {
    let mut wrong = Vec::new();
    for file in texts() {
        // This file names the marks that it looks for.
        let code = sources().contains(&file) && file != "tests/layering/text.rs";
        for (line, what) in said(&read(&file), code) {
            wrong.push(format!("{file}:{line}: {what}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_text_against_the_rules_is_refused() {
    let machine = ["/wo", "rk/x"].concat();
    assert_eq!(said(&format!("see {machine}"), false).len(), 1);
    assert_eq!(said(&format!("docs.example.org{machine}"), false).len(), 0);
    assert_eq!(said("fn f() { todo!() }", true).len(), 1);
    assert_eq!(said("a list of todo!() marks", false).len(), 0);
}
