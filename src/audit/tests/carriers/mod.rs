//! One log in every carrier, whole, cut, torn, mixed and mutated: the activity of the bare log.

mod bad;
mod split;
mod writers;

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;
use crate::demo;
use crate::model::{ActivityParts, Coverage};
use writers::{OTHERS, QUOTING, Seen, Writer};

/// The end of the demo's log.
fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 5, 20, 12, 0, 0).unwrap()
}

/// Some of the demo's log: every so many lines from all of its ninety days.
static EVENTS: LazyLock<Vec<Seen>> = LazyLock::new(|| {
    let log = String::from_utf8(demo::log(now())).unwrap();
    let every = log.lines().count() / 160;
    log.lines().step_by(every).map(seen).collect()
});

fn seen(json: &str) -> Seen {
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    let time = value["stageTimestamp"].as_str().unwrap();
    let at = DateTime::parse_from_rfc3339(time).unwrap().timestamp_micros();
    Seen { json: json.to_owned(), at: at - at.rem_euclid(1000) }
}

fn all() -> impl Iterator<Item = (&'static str, Writer)> {
    QUOTING.into_iter().chain(OTHERS)
}

fn read(bytes: &[u8]) -> Activity {
    read_by(bytes, Bounds::default().block)
}

fn read_by(bytes: &[u8], block: usize) -> Activity {
    try_read(bytes, block).unwrap()
}

fn try_read(bytes: &[u8], block: usize) -> Result<Activity, Error> {
    let bounds = Bounds { block, ..Bounds::default() };
    let options = Options { bounds, ..Options::new(now() + TimeDelta::days(30)) };
    read_inputs(vec![input("log", bytes)], &options, &())
}

/// Everything but what names the carrier and the places in it.
fn comparable(activity: &Activity) -> ActivityParts {
    let mut parts = activity.to_parts();
    // What names the way by which it came, and places in it.
    let of_the_way = Coverage::default();
    parts.coverage = Coverage {
        carriers: of_the_way.carriers,
        clusters: of_the_way.clusters,
        streams: of_the_way.streams,
        unreadable: of_the_way.unreadable,
        passed: of_the_way.passed,
        sources: of_the_way.sources,
        cut: 0,
        ..parts.coverage
    };
    parts
}

#[track_caller]
fn same(name: &str, found: &Activity, expected: &Activity) {
    let (found_parts, expected) = (comparable(found), comparable(expected));
    assert_eq!(found_parts.coverage, expected.coverage, "{name}: {:?}", found.coverage());
    assert!(found_parts == expected, "{name}: the activity differs");
}

#[track_caller]
fn nothing_unreadable(name: &str, activity: &Activity) {
    let unreadable = &activity.coverage().unreadable;
    assert!(unreadable.is_empty(), "{name}: {unreadable:?}");
}

#[test]
fn every_carrier_whole() {
    let expected = read(&writers::bare(&EVENTS));
    assert!(expected.coverage().lines >= 160);
    for (name, writer) in all() {
        let bytes = writer(&EVENTS);
        for block in [900, 1 << 14, 1 << 18] {
            let found = read_by(&bytes, block);
            nothing_unreadable(name, &found);
            same(name, &found, &expected);
        }
        let packed = [writers::gzip(&bytes), zstd::encode_all(&*bytes, 1).unwrap()];
        for bytes in packed {
            same(name, &read(&bytes), &expected);
        }
    }
}

/// With bodies: large ones, which container runtimes split and readers must pass over.
#[test]
fn every_carrier_with_bodies() {
    let body = format!(
        r#","requestObject":{{"kind":"Pod","note":"{}","auditID":"x","stage":["\n\t\\"]}},"responseObject":{{"items":[{{"a":{{}}}}]}},"requestReceivedTimestamp""#,
        r#"é\"{[ "#.repeat(4000)
    );
    let events: Vec<Seen> = EVENTS
        .iter()
        .take(20)
        .map(|one| Seen { json: one.json.replace(",\"requestReceivedTimestamp\"", &body), ..*one })
        .collect();
    assert!(events[0].json.len() > 28_000);
    let expected = read(&writers::bare(&EVENTS[..20]));
    for (name, writer) in all() {
        let bytes = writer(&events);
        for block in [5000, 1 << 18] {
            let found = read_by(&bytes, block);
            nothing_unreadable(name, &found);
            same(name, &found, &expected);
        }
    }
}

/// Cut where CloudWatch cuts: in a body. Times and annotations are gone; the time is the carrier's.
#[test]
fn every_carrier_of_cut_events() {
    let heads: Vec<(String, &Seen)> = EVENTS
        .iter()
        .filter_map(|one| {
            Some((one.json.split_once(",\"requestReceivedTimestamp\"")?.0.to_owned(), one))
        })
        .collect();
    for mark in ["", "[Truncated...]"] {
        let cut: Vec<Seen> = heads
            .iter()
            .map(|(head, one)| Seen {
                json: format!(r#"{head},"requestObject":{{"kind":"Pod","spec":{{"a":"x{mark}"#),
                at: one.at,
            })
            .collect();
        // What the head says, at the time at which the carrier saw it.
        let known = heads.iter().fold(String::new(), |all, (head, one)| {
            let time = DateTime::from_timestamp_micros(one.at).unwrap().to_rfc3339();
            all + &format!("{head},\"stageTimestamp\":\"{time}\"}}\n")
        });
        let expected = read(known.as_bytes());
        assert_eq!(expected.coverage().lines, cut.len() as u64);
        for (name, writer) in QUOTING {
            let bytes = writer(&cut);
            for block in [900, 1 << 18] {
                let found = read_by(&bytes, block);
                nothing_unreadable(name, &found);
                same(name, &found, &expected);
                assert_eq!(found.coverage().cut, cut.len() as u64, "{name}");
            }
        }
    }
}

/// Torn anywhere: what came before the tear is read, and the more there is the more is read.
#[test]
fn every_carrier_torn() {
    for (name, writer) in all() {
        let bytes = writer(&EVENTS[..40]);
        let mut before = 0;
        for part in 0..=24 {
            let end = bytes.len() * part / 24;
            let coverage = read(&bytes[..end]).coverage().clone();
            assert!(coverage.lines >= before, "{name}: {before} then {coverage:?}");
            // At most one event is torn, and of packed records what is in one.
            let least = (40 * part / 24).saturating_sub(12) as u64;
            let packed =
                name.contains("twice") || name.contains("Kinesis") || name.contains("Lambda");
            assert!(packed || coverage.lines >= least, "{name} at {part}: {coverage:?}");
            before = coverage.lines;
        }
        assert_eq!(before, 40, "{name}");
        for part in 1..12 {
            let start = bytes.len() * part / 12;
            let coverage = read(&bytes[start..]).coverage().clone();
            assert!(coverage.lines < 40, "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// A file that changes its carrier again and again.
    #[test]
    fn carriers_one_after_the_other(
        picks in prop::collection::vec((0..QUOTING.len() + OTHERS.len(), 1..6usize), 1..14),
        block in prop_oneof![Just(300usize), Just(4000), Just(1 << 18)],
        zip in 0..3u8,
    ) {
        let writers: Vec<(&str, Writer)> = all().filter(|(name, _)| !name.contains("twice")).collect();
        let (mut bytes, mut from, mut names) = (Vec::new(), 0, Vec::new());
        for (pick, count) in picks {
            let (name, writer) = writers[pick % writers.len()];
            // Documents of YAML have a mark between them, or are one.
            if name.ends_with("YAML") && names.last().is_some_and(|last: &&str| last.ends_with("YAML")) {
                bytes.extend(b"---\n");
            }
            names.push(name);
            bytes.extend(writer(&EVENTS[from..from + count]));
            if !bytes.ends_with(b"\n") {
                bytes.push(b'\n');
            }
            from += count;
        }
        let bytes = match zip {
            0 => bytes,
            1 => writers::gzip(&bytes),
            _ => zstd::encode_all(&*bytes, 1).unwrap(),
        };
        let found = read_by(&bytes, block);
        let expected = read(&writers::bare(&EVENTS[..from]));
        let (found_parts, expected) = (comparable(&found), comparable(&expected));
        prop_assert_eq!(&found_parts.coverage, &expected.coverage, "{:?}: {:?}", names, found.coverage());
        prop_assert!(found_parts == expected, "{:?}", names);
    }

    /// Bytes changed, taken out and put in anywhere: never a panic, never more events than there
    /// were lines and copies of them.
    #[test]
    fn mutated(
        pick in 0..QUOTING.len() + OTHERS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..12),
        block in prop_oneof![Just(64usize), Just(4000), Just(1 << 18)],
    ) {
        let (_, writer) = all().nth(pick).unwrap();
        let mut bytes = writer(&EVENTS[..6]);
        for (place, byte, how) in changes {
            let at = place.index(bytes.len());
            let special = b"\"\\{}[],:\n\r\0 -'&*"[usize::from(byte) % 16];
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, special),
                _ => drop(bytes.drain(at..(at + usize::from(byte)).min(bytes.len()))),
            }
            if bytes.is_empty() {
                bytes.push(byte);
            }
        }
        match try_read(&bytes, block) {
            Ok(read) => prop_assert!(read.coverage().lines <= 12),
            // The name of a cluster was hit.
            Err(Error::Clusters { .. }) => {}
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
