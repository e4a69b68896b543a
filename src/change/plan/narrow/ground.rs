//! What a log is worth to narrow on.

use chrono::TimeDelta;

use crate::book::Book;
use crate::model::{Coverage, counted, duration};

/// Days of log below which it is said that they are few.
const ENOUGH: i64 = 30;

/// Of so many lines of a log one may be unreadable, where something is cut down to what it shows.
const ONE_IN: u64 = 100;

/// Why nothing is to be cut down to what a log shows; None where it may be.
pub(super) fn refused(coverage: &Coverage) -> Option<String> {
    if coverage.lacks_server() {
        return Some(
            "the log of an API server is missing (keybook info says which are there)".to_owned(),
        );
    }
    let unread = coverage.unread_lines();
    let what = match (coverage.broken, unread) {
        (0, lines) if lines > coverage.lines / ONE_IN => {
            format!("{} of it could not be read", counted(lines, "line"))
        }
        (0, _) => return None,
        (files, _) => {
            format!("{} of it could not be read, or not to the end", counted(files, "file"))
        }
    };
    Some(format!(
        "{what}: what is in there would be taken away ({})",
        coverage.unread_in_words().join("; ")
    ))
}

/// What makes a log weak ground to narrow on.
pub(super) fn doubts(book: &Book) -> Vec<String> {
    let mut said = Vec::new();
    let (Some(coverage), now) = (book.coverage(), book.now) else { return said };
    if coverage.from.is_some_and(|from| !book.reads_cover(from)) {
        let when =
            coverage.reads_from.zip(coverage.reads_to).map_or_else(String::new, |(from, to)| {
                format!(
                    " (those there are from {} to {})",
                    from.format("%Y-%m-%d"),
                    to.format("%Y-%m-%d")
                )
            });
        said.push(format!(
            "the log does not have reads, or not all its time{when}: who needs which is not known, and all \
             rights to read stay, or go to everybody who is split off"
        ));
    }
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
    for (carrier, lost) in coverage.losses() {
        said.push(format!("not in {carrier}: {lost}"));
    }
    said
}
