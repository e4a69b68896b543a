//! What activity summaries say of the time they cover.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::covered::Span;
use super::merge;
use super::record::{HOUR, Summed};
use super::request::clip;
use super::runs::Runs;
use super::stored;
use super::tally::Tally;
use crate::model::{Coverage, Name, Summaries};

/// What was read of summaries, so far, by one reader or by all.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OfSummaries {
    /// As [`super::covered::Covered`] has them of lines.
    #[serde(with = "stored::stretches")]
    pub stretches: HashMap<i64, Span>,
    /// Requests by source.
    requests: BTreeMap<u32, u64>,
    /// Sources that say when there were lines.
    with_stretches: BTreeSet<u32>,
    lacks: BTreeSet<Name>,
}

/// How many words of what is lacking are kept.
const MOST_WORDS: usize = 32;

impl OfSummaries {
    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.stretches.is_empty() && self.lacks.is_empty()
    }

    /// Notes a row of requests of a source.
    pub fn requests(&mut self, source: u32, requests: u64, span: Span) {
        *self.requests.entry(source).or_default() += requests;
        self.note(Span { last: span.first, ..span });
        self.note(Span { first: span.last, ..span });
    }

    /// Notes a row of lines of a source.
    pub fn lines(&mut self, source: u32, span: Span) {
        self.with_stretches.insert(source);
        self.note(Span { last: span.first, ..span });
        self.note(Span { first: span.last, ..span });
    }

    /// Notes what a row says it lacks.
    pub fn lacks<'a>(&mut self, words: impl Iterator<Item = &'a str>) {
        for word in words {
            if self.lacks.len() < MOST_WORDS && !self.lacks.contains(word) {
                self.lacks.insert(clip(word).as_ref().into());
            }
        }
    }

    fn note(&mut self, span: Span) {
        let stretch = span.first.div_euclid(Coverage::GAP.num_seconds() * 1_000_000);
        let known = self.stretches.entry(stretch).or_default();
        *known = known.and(span);
    }

    /// Both together.
    pub fn add(&mut self, other: Self) {
        for (stretch, span) in other.stretches {
            let known = self.stretches.entry(stretch).or_default();
            *known = known.and(span);
        }
        for (source, requests) in other.requests {
            *self.requests.entry(source).or_default() += requests;
        }
        self.with_stretches.extend(other.with_stretches);
        self.lacks(other.lacks.iter().map(|word| &**word));
    }

    /// Makes it that of one source.
    pub fn settle(&mut self, source: u32) {
        let requests = self.requests.values().sum();
        if !std::mem::take(&mut self.requests).is_empty() {
            self.requests.insert(source, requests);
        }
        if !std::mem::take(&mut self.with_stretches).is_empty() {
            self.with_stretches.insert(source);
        }
    }

    /// Forgets the time before `from` (microseconds).
    pub fn forget_before(&mut self, from: i64) {
        self.stretches.retain(|_, span| span.last >= from);
    }

    /// Requests of summaries that do not count lines: each is a line at least.
    pub fn lines_at_least(&self) -> u64 {
        let without = self.requests.iter().filter(|(at, _)| !self.with_stretches.contains(at));
        without.map(|(_, requests)| requests).sum()
    }

    /// Whether there were any.
    pub fn are_any(&self) -> bool {
        !self.requests.is_empty() || !self.with_stretches.is_empty()
    }

    /// As the model has it; None where there were none.
    pub fn summaries(&self) -> Option<Summaries> {
        self.are_any().then(|| Summaries {
            gaps_known: self.requests.keys().all(|source| self.with_stretches.contains(source)),
            lacks: self.lacks.iter().cloned().collect(),
            ..Summaries::default()
        })
    }
}

/// The time of what was counted of each summary, by days.
#[derive(Clone, Debug, Default)]
pub struct Extents {
    by_day: BTreeMap<i64, BTreeMap<u32, Span>>,
    /// How many requests there are.
    requests: u64,
    /// Rows that came again.
    repeated: u64,
}

impl Extents {
    /// Adds up all rows, each once.
    pub fn take(runs: &Runs, tally: &mut Tally<'_>) -> io::Result<Self> {
        let mut all = Self::default();
        merge::summed(runs, |row, repeated| {
            all.note(row);
            all.came_again(repeated.len() as u64);
            tally.take_summed(row);
        })?;
        Ok(all)
    }

    /// Puts it into the model's terms, with so many requests of lines, and their time.
    pub fn cover(&self, events: u64, lines: &HashMap<i64, Span>, coverage: &mut Coverage) {
        coverage.events = events + self.requests;
        coverage.repeats = coverage.lines.saturating_sub(coverage.events);
        if let Some(summaries) = &mut coverage.summaries {
            summaries.requests = self.requests;
            summaries.repeated_rows = self.repeated;
            summaries.overlapping = self.overlap(lines);
        }
    }

    /// Notes a row that is counted.
    fn note(&mut self, row: &Summed) {
        self.counted(row.place.0, Span { first: row.first, last: row.last }, row.requests);
    }

    /// Notes so many requests of a source, of one day.
    pub fn counted(&mut self, source: u32, span: Span, requests: u64) {
        let day = self.by_day.entry(span.first.div_euclid(24 * HOUR)).or_default();
        let known = day.entry(source).or_default();
        *known = known.and(span);
        self.requests += requests;
    }

    /// Notes rows that came again.
    pub fn came_again(&mut self, rows: u64) {
        self.repeated += rows;
    }

    /// Whether two summaries, or a summary and the lines of a log, cover the same time.
    fn overlap(&self, lines: &HashMap<i64, Span>) -> bool {
        let mut of_lines: BTreeMap<i64, Vec<Span>> = BTreeMap::new();
        for span in lines.values() {
            of_lines.entry(span.first.div_euclid(24 * HOUR)).or_default().push(*span);
        }
        self.by_day.iter().any(|(day, spans)| {
            let mut sorted: Vec<Span> = spans.values().copied().collect();
            sorted.sort_unstable_by_key(|span| span.first);
            let lines = of_lines.get(day).map_or(&[][..], Vec::as_slice);
            sorted.windows(2).any(|pair| pair[1].first <= pair[0].last)
                || sorted.iter().any(|span| lines.iter().any(|line| line.meets(*span)))
        })
    }
}
