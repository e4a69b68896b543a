//! From the days of a store to the activity.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::bytes::Damaged;
use super::days::Read;
use crate::audit::assemble::assemble;
use crate::audit::covered::Covered;
use crate::audit::kept::Kept;
use crate::audit::merge::Request;
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
            names: Vec::new(),
        }
    }

    /// Adds a day.
    pub fn day(&mut self, packed: &[u8]) -> Result<(), Damaged> {
        let mut day = Read::new(packed)?;
        self.tally.at_least(day.detail);
        self.tally.count(day.counts.unauthenticated, day.counts.left_out);
        if self.numbers.len() > NUMBERED {
            self.numbers.clear();
            self.tally.renumber();
        }
        let mut numbers = Vec::with_capacity(day.dims.len());
        for dims in &day.dims {
            let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
            numbers.push(*self.numbers.entry(*dims).or_insert(next));
        }
        while let Some((at, name, sum)) = day.take()? {
            let (dims, combo) = (day.dims[at], Some(numbers[at]));
            self.tally.take_all(&Request { at: sum.first, name, dims, combo }, &sum);
        }
        Ok(())
    }

    /// Adds what was read of a source.
    pub fn source(&mut self, name: Name, mut covered: Covered) {
        covered.settle(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(name);
        self.covered.add(covered);
    }

    /// All of it. `events` are distinct requests that are counted, `late` those that came when it
    /// was no longer known whether they were, `gone` those counted once and no longer kept.
    pub fn finish(self, events: u64, late: u64, gone: u64) -> Activity {
        let mut coverage = self.covered.coverage(&self.names);
        coverage.events = events;
        coverage.late = late;
        coverage.lines = coverage.lines.saturating_sub(gone);
        coverage.repeats = coverage.lines.saturating_sub(events + late);
        assemble(self.tally.finish(), &self.kept.groups_seen, coverage)
    }
}
