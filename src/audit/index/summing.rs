//! From the days of a store to the activity.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::bytes::Damaged;
use super::days::Read;
use super::summed::read_summed;
use crate::audit::assemble::assemble;
use crate::audit::covered::{Covered, Span};
use crate::audit::kept::Kept;
use crate::audit::merge::Request;
use crate::audit::summed::Extents;
use crate::audit::tally::Tally;
use crate::audit::who::Dims;
use crate::model::{Activity, Name};

/// Days being summed up.
pub struct Summing<'k> {
    kept: &'k Kept,
    tally: Tally<'k>,
    /// Numbers of combinations, the same in all days.
    numbers: HashMap<Dims, u32, RandomState>,
    covered: Covered,
    summed: Extents,
    names: Vec<Name>,
}

/// How many combinations are numbered before they are numbered anew.
const NUMBERED: usize = 1 << 17;

impl<'k> Summing<'k> {
    pub fn new(kept: &'k Kept, limit: usize) -> Self {
        Self {
            kept,
            tally: Tally::new(kept, limit),
            numbers: HashMap::default(),
            covered: Covered::default(),
            summed: Extents::default(),
            names: Vec::new(),
        }
    }

    /// Adds a day.
    pub fn day(&mut self, packed: &[u8]) -> Result<(), Damaged> {
        let mut day = Read::new(packed)?;
        self.tally.at_least(day.detail);
        self.tally.count(day.counts.unauthenticated, day.counts.left_out);
        self.begin();
        let numbers: Vec<u32> = day.dims.iter().map(|dims| self.number(*dims)).collect();
        while let Some((at, name, sum)) = day.take()? {
            let (dims, combo) = (day.dims[at], Some(numbers[at]));
            self.tally.take_all(&Request { at: sum.first, name, dims, combo, timed: false }, &sum);
        }
        self.tally.add_rates(day.rates()?);
        Ok(())
    }

    fn begin(&mut self) {
        if self.numbers.len() > NUMBERED {
            self.numbers.clear();
            self.tally.renumber();
        }
    }

    fn number(&mut self, dims: Dims) -> u32 {
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(dims).or_insert(next)
    }

    /// Adds what was read of a source, and returns its number.
    pub fn source(&mut self, name: Name, mut covered: Covered) -> u32 {
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        covered.settle(number);
        self.names.push(name);
        self.covered.add(covered);
        number
    }

    /// Adds rows of summaries of a source: so many requests of one day, the first and the last at
    /// these times (microseconds).
    pub fn summed(
        &mut self,
        source: u32,
        packed: &[u8],
        requests: u64,
        (first, last): (i64, i64),
    ) -> Result<(), Damaged> {
        self.begin();
        for row in read_summed(packed)? {
            let combo = Some(self.number(row.dims));
            let (at, name) = (row.sum.last, row.name);
            let request = Request { at, name, dims: row.dims, combo, timed: false };
            self.tally.take_all(&request, &row.sum);
        }
        self.summed.counted(source, Span { first, last }, requests);
        Ok(())
    }

    /// Notes rows of summaries that came again.
    pub fn came_again(&mut self, rows: u64) {
        self.summed.came_again(rows);
    }

    /// All of it. `events` are distinct requests that are counted, `late` those that came when it
    /// was no longer known whether they were, `gone` those counted once and no longer kept.
    pub fn finish(self, events: u64, late: u64, gone: u64) -> Activity {
        let mut coverage = self.covered.coverage(&self.names);
        coverage.late = late;
        coverage.lines = coverage.lines.saturating_sub(gone);
        self.summed.cover(events, &self.covered.stretches, &mut coverage);
        coverage.repeats = coverage.repeats.saturating_sub(late);
        assemble(self.tally.finish(), self.kept.beside(), coverage)
    }
}
