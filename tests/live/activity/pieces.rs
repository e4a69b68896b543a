//! The same log in pieces: rotated, compressed, in any order, some of it twice.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use keybook::audit::SourceSpec;
use keybook::model::{Activity, Coverage, Server};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{expected, read};

/// Reads the log in several ways, and each time finds what is in the whole of it.
pub fn compare(folder: &Path, log: &[u8], whole: &Activity) {
    let mut lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    for seed in 0..4 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        if seed >= 2 {
            // Not even the lines are in order.
            lines.shuffle(&mut rng);
        }
        let place = folder.join(format!("pieces-{seed}"));
        fs::create_dir_all(&place).expect("make a folder");
        let mut sources = Vec::new();
        let mut rest = &lines[..];
        let again = rng.random_range(0..5);
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rng.random_range(1..=rest.len().min(900)));
            rest = after;
            let copies = if sources.len() == again { 2 } else { 1 };
            for _ in 0..copies {
                let path = place.join(format!("audit-{}.log", sources.len()));
                write(&path, &piece.concat(), rng.random_bool(0.4));
                sources.push(SourceSpec::Path(path));
            }
        }
        sources.shuffle(&mut rng);
        let pieces = read(&sources);
        same(whole, &pieces);
        if seed % 2 == 0 {
            same(whole, &read(&[SourceSpec::Path(place)]));
        }
    }
}

fn write(path: &Path, bytes: &[u8], gzip: bool) {
    let file = File::create(path).expect("make a file");
    if gzip {
        let mut out = GzEncoder::new(file, Compression::fast());
        out.write_all(bytes).expect("write");
        out.finish().expect("write");
    } else {
        let mut file = file;
        file.write_all(bytes).expect("write");
    }
}

fn same(whole: &Activity, pieces: &Activity) {
    let keep = |activity: &Activity| {
        let mut rows: Vec<String> = activity
            .uses()
            .map(|stored| {
                let key = expected::row(activity, stored);
                let credit = stored.credit.map(|id| activity.credit(id));
                let counts = (stored.allowed, stored.denied, stored.undecided);
                let times = (stored.first, stored.last, stored.last_allowed, stored.day);
                format!("{key:?} {credit:?} {counts:?} {times:?}")
            })
            .collect();
        rows.sort();
        rows
    };
    assert_eq!(keep(whole), keep(pieces));
    let (one, two) = (whole.coverage(), pieces.coverage());
    // What is counted in lines is more where lines come twice.
    let kept = |coverage: &Coverage| Coverage {
        lines: 0,
        repeats: 0,
        levels: coverage.levels.keys().map(|level| (level.clone(), 0)).collect(),
        api_servers: coverage
            .api_servers
            .iter()
            .cloned()
            .map(|server| Server { events: 0, ..server })
            .collect(),
        sources: Vec::new(),
        ..coverage.clone()
    };
    assert_eq!(kept(one), kept(two));
    assert!(two.lines > one.lines && two.repeats - one.repeats == two.lines - one.lines);
}
