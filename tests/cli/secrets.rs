//! No secret of the cluster or the log is in anything that keybook writes.

use std::fs;
use std::path::Path;

use super::Home;
use super::world::list;
use crate::support::canary;

/// Every file below a folder, as bytes that are text where they are text.
fn all_below(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => all.extend(all_below(&path)),
            path => {
                let bytes = fs::read(&path).expect("readable");
                let text = String::from_utf8_lossy(&bytes).into_owned();
                all.push((path.display().to_string(), text));
            }
        }
    }
    all
}

#[test]
fn no_output_file_or_store_holds_a_secret() {
    let (given, home) = (Home::new(), Home::new());
    let objects = given.put("objects.json", list(&canary::objects()));
    let log = given.put("audit.log", canary::log());
    for input in [&objects, &log] {
        let text = fs::read_to_string(input).expect("readable");
        assert_eq!(canary::found(&text), canary::SECRETS, "the canaries are in what is read");
    }
    let beside = ["--from", &objects, "--audit", &log];
    let saved = home.path().join("saved").display().to_string();
    home.run(&["snapshot", "--from", &objects, "--out", &saved]).ends_with(0);
    let mut said = Vec::new();
    for words in [
        &["who"][..],
        &["show", "sa:inv/robot"],
        &["findings"],
        &["credentials"],
        &["reach", "sa:inv/robot"],
        &["who-can", "get", "secrets"],
        &["info"],
    ] {
        for form in ["table", "wide", "name", "json", "yaml", "csv", "md", "html"] {
            for place in [&beside[..], &["--from", &saved, "--audit", &log]] {
                let run = home.run(&[words, place, &["-o", form]].concat());
                said.push((format!("{words:?} -o {form}"), run.out + &run.err));
            }
        }
    }
    let demo = saved.replace("saved", "demo");
    given.run(&["--demo", "snapshot", "--out", &demo]).ends_with(0);
    home.run(&["ingest", &log, "--from", &demo]).ends_with(0);
    let files = all_below(home.path());
    let paths: Vec<&str> = files.iter().map(|(path, _)| &**path).collect();
    for part in ["bootstrap-tokens.json", "/keybook/"] {
        assert!(paths.iter().any(|path| path.contains(part)), "{part}: {paths:#?}");
    }
    for (what, text) in files.into_iter().chain(said) {
        assert_eq!(canary::found(&text), [""; 0], "{what}");
    }
}
