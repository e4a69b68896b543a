//! What fuzzing begins with, and what it found, through the same entry points.

use std::fs;
use std::path::{Path, PathBuf};

use crate::entry;

fn files(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    all.sort();
    assert!(!all.is_empty(), "{}", folder.display());
    all
}

/// Whole, and cut in some places.
fn each(target: &str, entry: fn(&[u8])) {
    for path in files(target) {
        let bytes = fs::read(&path).expect("it can be read");
        let cuts = [1, 2, 3].map(|part| bytes.len() * part / 4);
        for length in cuts.into_iter().chain([bytes.len()]) {
            let run = std::panic::catch_unwind(|| entry(&bytes[..length]));
            assert!(run.is_ok(), "{}, {length} bytes of it", path.display());
        }
    }
}

#[test]
fn logs_withstand_what_was_made_for_them() {
    each("log", entry::log);
    each("event", entry::event);
    each("packed", entry::packed);
}

#[test]
fn saved_objects_withstand_what_was_made_for_them() {
    each("objects", entry::objects);
}
