//! What a log is worth to narrow on.

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::Coverage;

/// Days of log below which it is said that they are few.
const ENOUGH: i64 = 30;

/// How much of the time the log covers, its gaps taken out.
pub(super) fn covered(coverage: &Coverage) -> TimeDelta {
    let (Some(from), Some(to)) = (coverage.from, coverage.to) else { return TimeDelta::zero() };
    let gaps = coverage.gaps.iter().map(|gap| gap.to - gap.from);
    gaps.fold(to - from, |whole, gap| whole - gap)
}

/// `30 days`, `7 hours`.
pub(super) fn duration(time: TimeDelta) -> String {
    match time.num_hours() {
        ..2 => format!("{} minutes", time.num_minutes()),
        hours @ 2..48 => format!("{hours} hours"),
        hours => format!("{} days", hours / 24),
    }
}

/// What makes a log weak ground to narrow on.
pub(super) fn doubts(coverage: &Coverage, now: DateTime<Utc>) -> Vec<String> {
    let mut said = Vec::new();
    let have = covered(coverage);
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
    for (carrier, lost) in coverage.losses() {
        said.push(format!("not in {carrier}: {lost}"));
    }
    said
}
