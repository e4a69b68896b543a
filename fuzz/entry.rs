//! What is fuzzed: each takes any bytes, and must neither panic nor err. The ordinary tests call the
//! same with what is in corpus/.

use std::io::{self, Cursor, Read};
use std::num::NonZeroUsize;

use chrono::DateTime;
use keybook::audit::{self, Input, Options};
use keybook::cluster::files::{self, Source};
use keybook::model::{Activity, ActivityParts};

/// Hands out a few bytes at a time.
struct Pieces(Cursor<Vec<u8>>, usize);

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(into.len());
        self.1 = self.1 % 61 + 7;
        self.0.read(&mut into[..length])
    }
}

fn read(inputs: Vec<Box<dyn Read + Send>>) -> Option<Activity> {
    let now = DateTime::from_timestamp(1_798_761_600, 0).unwrap_or_default();
    let mut options = Options::new(now);
    options.threads = NonZeroUsize::new(1);
    let inputs = inputs.into_iter().map(|bytes| Input { name: "fuzzed".into(), bytes });
    match audit::read_inputs(inputs.collect(), &options, &()) {
        Ok(activity) => Some(activity),
        // Whose log it is must be said.
        Err(audit::Error::Clusters { .. } | audit::Error::ToldApart { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// All but what depends on where it stood.
fn said(activity: &Activity) -> ActivityParts {
    let mut parts = activity.to_parts();
    parts.coverage = keybook::model::Coverage {
        from: parts.coverage.from,
        to: parts.coverage.to,
        events: parts.coverage.events,
        unauthenticated: parts.coverage.unauthenticated,
        received_only: parts.coverage.received_only,
        ..keybook::model::Coverage::default()
    };
    parts
}

/// A log in any form. Twice is once, and it is the same in pieces.
pub fn log(bytes: &[u8]) {
    let whole = |bytes: &[u8]| -> Box<dyn Read + Send> { Box::new(Cursor::new(bytes.to_vec())) };
    let Some(activity) = read(vec![whole(bytes)]) else { return };
    let coverage = activity.coverage();
    if coverage.summaries.is_none() {
        let in_rows: u64 = activity.uses().map(keybook::model::Use::requests).sum();
        let beside = coverage.unauthenticated + coverage.identities_left_out;
        assert_eq!(in_rows + beside, coverage.events, "{coverage:?}");
        assert!(coverage.events <= coverage.lines, "{coverage:?}");
    }
    let pieces: Box<dyn Read + Send> = Box::new(Pieces(Cursor::new(bytes.to_vec()), 3));
    let again = read(vec![whole(bytes), pieces]).map(|again| said(&again));
    assert_eq!(again, Some(said(&activity)));
}

/// What stands in an event behind what makes it one.
pub fn event(bytes: &[u8]) {
    let head = br#"{"kind":"Event","auditID":"1","stage":"ResponseComplete","#;
    log(&[head, bytes, b"}\n"].concat());
}

/// A log that is compressed, as the first byte says, well or badly.
pub fn packed(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let magic: &[u8] = match kind % 4 {
        0 => b"\x1f\x8b\x08",
        1 => b"\x28\xb5\x2f\xfd",
        2 => b"\xfd7zXZ\x00",
        _ => b"\xff\xfe",
    };
    read(vec![Box::new(Cursor::new([magic, rest].concat()))]);
}

/// Saved objects, JSON or YAML.
pub fn objects(bytes: &[u8]) {
    // What is wrong with them may be said.
    let _ = files::read_with(&[Source::Stdin], &mut Cursor::new(bytes));
}
