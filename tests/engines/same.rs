//! What activity by way of an engine must be.

use std::path::Path;

use chrono::{DateTime, Utc};
use keybook::audit::{self, Options, SourceSpec};
use keybook::model::{Activity, ActivityParts};

/// Reads sources into an activity.
pub fn read(sources: &[&Path], now: DateTime<Utc>) -> Activity {
    let specs: Vec<SourceSpec> =
        sources.iter().map(|path| SourceSpec::Path((*path).to_owned())).collect();
    audit::read(&specs, &Options::new(now), &()).expect("an activity")
}

/// What must be equal: everything but the names of the sources, and what only a summary says.
pub fn comparable(activity: &Activity) -> ActivityParts {
    let mut parts = activity.to_parts();
    parts.coverage.sources.clear();
    parts.coverage.summaries = None;
    // These count lines; a summary has requests, and does not say when in between they were.
    parts.coverage.without_groups = 0;
    // Which tokens were made is no part of a summary.
    parts.issued.clear();
    parts.rates.clear();
    (parts.coverage.led, parts.coverage.unled) = (0, 0);
    for server in &mut parts.coverage.api_servers {
        server.events = 0;
    }
    parts
}

/// Fails where they differ, with the first row that does.
pub fn assert_same(by_engine: &Activity, by_file: &Activity, what: &str) {
    let (mut engine, mut file) = (comparable(by_engine), comparable(by_file));
    // Of a row's hours a summary says the first and the last.
    for (one, other) in engine.uses.iter_mut().zip(&mut file.uses) {
        assert_eq!(one.hours & other.hours, one.hours, "{what}: {:?}", by_file.call(other.call));
        (one.hours, other.hours) = (0, 0);
    }
    assert_eq!(engine.coverage, file.coverage, "{what}");
    assert_eq!(engine.tables.identities, file.tables.identities, "{what}");
    assert_eq!(engine.tables.actors, file.tables.actors, "{what}");
    assert_eq!(engine.tables.calls, file.tables.calls, "{what}");
    assert_eq!(engine.tables.credits, file.tables.credits, "{what}");
    assert_eq!(engine.tables.impersonations, file.tables.impersonations, "{what}");
    let pairs = engine.uses.iter().zip(&file.uses);
    for (one, other) in pairs {
        assert_eq!(one, other, "{what}: {:?}", by_file.call(other.call));
    }
    assert_eq!(engine, file, "{what}");
}
