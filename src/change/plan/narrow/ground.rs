//! What a log is worth to narrow on.

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{Coverage, counted, duration};

/// Days of log below which it is said that they are few.
const ENOUGH: i64 = 30;

/// What makes a log weak ground to narrow on.
pub(super) fn doubts(coverage: &Coverage, now: DateTime<Utc>) -> Vec<String> {
    let mut said = Vec::new();
    let have = coverage.covered();
    if have < TimeDelta::days(ENOUGH) {
        said.push(format!(
            "the log covers {} only: what happens once a month or a quarter is not in it",
            duration(have)
        ));
    }
    if let Some(to) = coverage.to.filter(|to| now - *to > TimeDelta::days(2)) {
        said.push(format!(
            "the log ends on {}: what was done since is not in it",
            to.format("%Y-%m-%d")
        ));
    }
    if let Some(lacking) = coverage.from.and_then(|from| coverage.lacking_in_words(from)) {
        said.push(format!("{lacking}: what it served then is not in it"));
    }
    if coverage.broken > 0 {
        said.push(format!(
            "{} of the log could not be read, or not to the end: what was done in it is not known",
            counted(coverage.broken, "file")
        ));
    }
    for (carrier, lost) in coverage.losses() {
        said.push(format!("not in {carrier}: {lost}"));
    }
    said
}
