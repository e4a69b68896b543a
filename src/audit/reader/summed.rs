//! Rows of activity summaries, among lines.

use super::super::covered::{At, Covered, EARLY, Span};
use super::super::format::Context;
use super::super::format::json_lines;
use super::super::hashing;
use super::super::record::Many;
use super::super::summary::{Kind, Row};
use super::{EARLIEST, Reader, Reason, level};

impl Reader<'_> {
    /// Reads a row of a summary.
    pub fn summed(&mut self, json: &str, at: At) -> Result<(), Reason> {
        let row = Row::read(json)?;
        self.covered.summaries.lacks(row.lacks());
        match row.kind()? {
            Kind::Stretch { lines, first, last } => {
                self.believed(first)?;
                self.believed(last)?;
                self.covered.lines += lines;
                self.covered.levels[level(row.level())] += lines;
                self.covered.summaries.lines(at.0, Span { first, last });
                Ok(())
            }
            Kind::Requests { requests, first, last } => {
                self.believed(first)?;
                let fingerprint = hashing::fingerprint(&row);
                let many = Many { fingerprint, requests, first, last, place: at };
                let event = row.event(last);
                let fields = json_lines::fields(&event, &mut self.memos)
                    .map_err(|_| "a summary's row that is broken")?;
                self.event(&fields, &Context::default(), Some(&many))
            }
        }
    }

    fn believed(&self, at: i64) -> Result<(), Reason> {
        match at {
            _ if at > self.latest => Err(EARLY),
            _ if at < EARLIEST => Err("dated before 2015"),
            _ => Ok(()),
        }
    }
}

/// Notes what a row says of the time it covers: whether it is of reads, and has groups; which lease
/// was asked for, by which verb and user.
pub fn cover(
    covered: &mut Covered,
    many: &Many,
    (read, groups): (bool, bool),
    lease: Option<&str>,
    who: (&str, &str),
) {
    let span = Span { first: many.first, last: many.last };
    if !groups && !who.1.is_empty() {
        covered.without_groups += many.requests;
    }
    if read {
        covered.reads(span);
    }
    if let Some(lease) = lease {
        covered.servers.leases(lease, who, span, many.requests);
    }
    covered.summaries.requests(many.place.0, many.requests, span);
}
