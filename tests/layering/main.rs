//! The layout's rules as tests: who may import what, how long a file may be, what a file may be
//! called, what no text may say, and under which licences the dependencies
//! are, and that documents fit what they point to.
#![cfg(test)]

mod documents;
mod licences;
mod rules;
mod scan;
mod text;

use std::path::{Path, PathBuf};

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `dir` with one of the endings, as paths from the repository, sorted.
fn files(dir: &str, endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut left: Vec<PathBuf> = vec![root().join(dir)];
    while let Some(at) = left.pop() {
        let Ok(entries) = std::fs::read_dir(&at) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                left.push(path);
            } else if let Ok(relative) = path.strip_prefix(root()) {
                let name = relative.to_string_lossy().replace('\\', "/");
                if endings.iter().any(|ending| name.ends_with(ending)) {
                    found.push(name);
                }
            }
        }
    }
    found.sort();
    found
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}
