//! Adding requests to the hours and days of a store, an hour at a time.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use rusqlite::{OptionalExtension, Transaction};

use super::Error;
use super::sources::Source;
use super::summed::Stretch;
use crate::audit::Options;
use crate::audit::index::{
    Chunk, Damaged, Day, Found, HOUR, Kept, Once, Read, Request, Requests, Summed, Taken, day_of,
    write_kept,
};

/// Where rows of summaries belong that are read.
pub struct Place {
    /// The number of their source among those written.
    pub source: usize,
    /// Whether they come in place of those that were known.
    pub anew: bool,
    /// The part of an engine, if they are of one.
    pub part: Option<Stretch>,
}

/// What was added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// Requests that were not known before.
    pub requests: u64,
    /// Requests of which it is no longer known whether they were.
    pub late: u64,
}

/// Everything that is added at once.
pub struct Days<'s> {
    transaction: Transaction<'s>,
    path: PathBuf,
    options: &'s Options,
    kept: &'s Kept,
    added: Added,
    /// Late requests that were counted after all, being of a kind that had none.
    counted: u64,
}

/// Rows of summaries of one day, and by number of the input how many came again.
#[derive(Default)]
struct OfDay {
    day: i32,
    rows: Vec<Summed>,
    again: BTreeMap<u32, u64>,
}

/// The requests of an hour that are known already.
struct Known {
    hour: i64,
    /// The part that comes next, and the last.
    next: i64,
    last: i64,
    open: Option<Read>,
    current: Option<Found>,
}

impl<'s> Days<'s> {
    pub fn new(
        transaction: Transaction<'s>,
        path: PathBuf,
        options: &'s Options,
        kept: &'s Kept,
    ) -> Self {
        Self { transaction, path, options, kept, added: Added::default(), counted: 0 }
    }

    fn failed(&self, cause: &rusqlite::Error) -> Error {
        Error::of(&self.path, cause)
    }

    fn damaged(&self, _: Damaged) -> Error {
        Error::Damaged { path: self.path.clone(), cause: "requests or sums".to_owned() }
    }

    fn run(&self, query: &str, values: impl rusqlite::Params) -> Result<(), Error> {
        let run = self.transaction.prepare_cached(query).and_then(|mut all| all.execute(values));
        run.map(|_| ()).map_err(|cause| self.failed(&cause))
    }

    /// Adds all of them.
    pub fn add(&mut self, mut requests: Requests<'_>) -> Result<(), Error> {
        while let Some(hour) = requests.hour() {
            self.day(day_of(hour), &mut requests)?;
        }
        Ok(())
    }

    /// Writes sources down, and returns their ids.
    pub fn sources(&self, sources: &[Source]) -> Result<Vec<i64>, Error> {
        let write = |source: &Source| -> rusqlite::Result<i64> {
            source.write(&self.transaction)?;
            Ok(if source.id == 0 { self.transaction.last_insert_rowid() } else { source.id })
        };
        sources.iter().map(write).collect::<rusqlite::Result<_>>().map_err(|c| self.failed(&c))
    }

    /// Forgets the rows of summaries of a source that is read anew, all or those of an engine's part
    /// that begins at `start`. Returns how many requests they were.
    fn forget_summed(&self, source: i64, start: Option<i64>) -> Result<u64, Error> {
        let within = "source = ?1 AND (?2 IS NULL OR start = ?2)";
        let sum = format!("SELECT coalesce(sum(requests), 0) FROM summed WHERE {within}");
        let sum: rusqlite::Result<i64> =
            self.transaction.query_row(&sum, (source, start), |row| row.get(0));
        let sum = sum.map_err(|cause| self.failed(&cause))?;
        self.run(&format!("DELETE FROM summed WHERE {within}"), (source, start))?;
        Ok(u64::try_from(sum).unwrap_or(0))
    }

    /// Adds the rows of summaries of what was read. `places` are those of its inputs, by number, and
    /// `sources` the ids of what was written.
    pub fn summed(
        &mut self,
        taken: &Taken,
        places: &[Place],
        sources: &[i64],
    ) -> Result<(), Error> {
        let (mut before, mut after) = (0, 0);
        let mut stretches = Vec::new();
        for place in places {
            let source = sources.get(place.source).copied().unwrap_or_default();
            let part = place.part.clone().map(|part| Stretch { source, ..part });
            if place.anew {
                before += self.forget_summed(source, part.as_ref().map(|part| part.start))?;
            }
            // A part is known by now also where nothing is in it.
            if let Some(part) = &part {
                part.write(&self.transaction).map_err(|cause| self.failed(&cause))?;
            }
            stretches.push((source, part));
        }
        let (mut day, mut wrong) = (OfDay::default(), None);
        let read = taken.summed(|row, again| {
            let own = day_of(row.first);
            if own != day.day && wrong.is_none() {
                match self.summed_day(&mut day, &stretches) {
                    Ok(requests) => after += requests,
                    Err(error) => wrong = Some(error),
                }
            }
            day.day = own;
            day.rows.push(*row);
            for input in again {
                *day.again.entry(*input).or_default() += 1;
            }
        });
        read.map_err(|cause| Error::io(&self.path, &cause))?;
        if let Some(error) = wrong {
            return Err(error);
        }
        after += self.summed_day(&mut day, &stretches)?;
        self.added.requests += after.saturating_sub(before);
        Ok(())
    }

    /// Adds rows of one day. Returns how many requests were added.
    fn summed_day(
        &self,
        day: &mut OfDay,
        stretches: &[(i64, Option<Stretch>)],
    ) -> Result<u64, Error> {
        let OfDay { day, mut rows, again } = std::mem::take(day);
        if rows.is_empty() {
            return Ok(0);
        }
        let start = i64::from(day) * 24 * HOUR;
        let until = start + 24 * HOUR;
        let known: HashSet<_> = Stretch::keys(&self.transaction, start, until)
            .map_err(|cause| self.failed(&cause))?
            .ok_or_else(|| self.damaged(Damaged))?;
        rows.sort_by_key(|row| row.place.0);
        let inputs: BTreeSet<u32> =
            rows.iter().map(|row| row.place.0).chain(again.keys().copied()).collect();
        let mut added = 0;
        for input in inputs {
            let from = rows.partition_point(|row| row.place.0 < input);
            let own = &rows[from..rows.partition_point(|row| row.place.0 <= input)];
            let Some((source, part)) = stretches.get(input as usize) else { continue };
            let mut stretch = part.clone().unwrap_or(Stretch {
                source: *source,
                start,
                until,
                ..Stretch::default()
            });
            stretch.repeated = again.get(&input).copied().unwrap_or(0);
            stretch.fill(own, &known);
            added += stretch.requests;
            stretch.write(&self.transaction).map_err(|cause| self.failed(&cause))?;
        }
        Ok(added)
    }

    /// What was added so far.
    pub fn added(&self) -> Added {
        self.added
    }

    /// Writes down what else changed, and ends it.
    pub fn finish(self) -> Result<(), Error> {
        let added = self.added;
        let note = "INSERT OR REPLACE INTO meta VALUES (?1, ?2)";
        self.run(note, ("kept", write_kept(self.kept)))?;
        self.run(note, ("written", self.options.now.timestamp()))?;
        let more = "INSERT INTO meta VALUES (?1, ?2)
            ON CONFLICT (key) DO UPDATE SET value = value + excluded.value";
        self.run(more, ("late", whole(added.late)))?;
        self.run(more, ("counted_late", whole(self.counted)))?;
        let path = self.path;
        self.transaction.commit().map_err(|cause| Error::of(&path, &cause))
    }

    /// All hours of a day: those known whose index is there are added up again.
    fn day(&mut self, day: i32, requests: &mut Requests<'_>) -> Result<(), Error> {
        let start = i64::from(day) * 24 * HOUR;
        let (indexed, pruned) = self.hours(start)?;
        let mut left = indexed.clone();
        let (kept, options) = (self.kept, self.options);
        let mut live = options.day(kept);
        let mut frozen: Option<Day<'_>> = None;
        let mut once = Once::default();
        loop {
            let new = requests.hour().filter(|hour| day_of(*hour) == day);
            let Some(hour) = new.into_iter().chain(left.first().copied()).min() else { break };
            left.remove(&hour);
            if pruned.contains(&hour) {
                let late = match &mut frozen {
                    Some(late) => late,
                    None => frozen.insert(self.frozen(day)?),
                };
                self.late_hour(hour, requests, late)?;
            } else if new == Some(hour) {
                self.hour(hour, requests, &mut once, &mut live)?;
            } else {
                self.known_hour(hour, &mut once, &mut live)?;
            }
        }
        self.write_day(day, false, live)?;
        match frozen {
            Some(frozen) => self.write_day(day, true, frozen),
            None => Ok(()),
        }
    }

    /// The known hours of a day: those whose index is there, and the others.
    fn hours(&self, start: i64) -> Result<(BTreeSet<i64>, BTreeSet<i64>), Error> {
        let read = || -> rusqlite::Result<Vec<(i64, bool)>> {
            let query = "SELECT hour, indexed FROM hours WHERE hour >= ?1 AND hour < ?2";
            let mut query = self.transaction.prepare_cached(query)?;
            let rows = query
                .query_map((start, start + 24 * HOUR), |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        };
        let all = read().map_err(|cause| self.failed(&cause))?;
        let (indexed, pruned): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(_, indexed)| *indexed);
        let hours = |of: Vec<(i64, bool)>| of.into_iter().map(|(hour, _)| hour).collect();
        Ok((hours(indexed), hours(pruned)))
    }

    fn frozen(&self, day: i32) -> Result<Day<'s>, Error> {
        let mut frozen = self.options.day(self.kept);
        let query = "SELECT bytes FROM days WHERE day = ?1 AND frozen = 1";
        let bytes = self
            .transaction
            .query_row(query, [day], |row| row.get::<_, Vec<u8>>(0))
            .optional()
            .map_err(|cause| self.failed(&cause))?;
        if let Some(bytes) = bytes {
            frozen.take_rows(&bytes).map_err(|damaged| self.damaged(damaged))?;
        }
        Ok(frozen)
    }

    fn write_day(&self, day: i32, frozen: bool, rows: Day<'_>) -> Result<(), Error> {
        if rows.is_empty() {
            return self.run("DELETE FROM days WHERE day = ?1 AND frozen = ?2", (day, frozen));
        }
        let count = whole(rows.len() as u64);
        let (bytes, _) = rows.finish(i32::MIN);
        let query = "INSERT OR REPLACE INTO days VALUES (?1, ?2, ?3, ?4)";
        self.run(query, (day, frozen, count, bytes))
    }

    /// New requests of an hour, together with those known.
    fn hour(
        &mut self,
        hour: i64,
        requests: &mut Requests<'_>,
        once: &mut Once,
        live: &mut Day<'_>,
    ) -> Result<(), Error> {
        let mut known = self.known(hour)?;
        let mut part = known.last;
        let (mut chunk, mut count) = (Chunk::default(), 0u64);
        let mut each = |request: &Request| {
            live.take(request);
            count += 1;
        };
        loop {
            let next = requests.key().filter(|key| key.hour() == hour);
            let found = match (next, known.current) {
                (None, None) => break,
                (Some(key), Some(old)) if key == old.key => {
                    let fresh = self.take(requests)?;
                    self.advance(&mut known)?;
                    fresh.map(|fresh| old.or(fresh))
                }
                (Some(key), Some(old)) if key > old.key => {
                    self.advance(&mut known)?;
                    Some(old)
                }
                (None, Some(old)) => {
                    self.advance(&mut known)?;
                    Some(old)
                }
                (Some(_), _) => self.take(requests)?,
            };
            let Some(found) = found else { continue };
            chunk.push(&found);
            once.take(found, &mut each);
            if chunk.is_full() {
                part += 1;
                self.write_chunk(hour, part, &mut chunk)?;
            }
        }
        if !chunk.is_empty() {
            self.write_chunk(hour, part + 1, &mut chunk)?;
        }
        once.settle(&mut each);
        let before: Option<i64> = self
            .transaction
            .query_row("SELECT requests FROM hours WHERE hour = ?1", [hour], |row| row.get(0))
            .optional()
            .map_err(|cause| self.failed(&cause))?;
        self.added.requests += count.saturating_sub(before.map_or(0, i64::unsigned_abs));
        self.run("DELETE FROM chunks WHERE hour = ?1 AND part <= ?2", (hour, known.last))?;
        let query = "INSERT OR REPLACE INTO hours VALUES (?1, ?2, ?3, 1)";
        self.run(query, (hour, whole(count), self.options.now.timestamp()))
    }

    fn write_chunk(&self, hour: i64, part: i64, chunk: &mut Chunk) -> Result<(), Error> {
        self.run("INSERT INTO chunks VALUES (?1, ?2, ?3)", (hour, part, chunk.finish()))
    }

    fn known_hour(&self, hour: i64, once: &mut Once, live: &mut Day<'_>) -> Result<(), Error> {
        let (mut known, mut count) = (self.known(hour)?, 0u64);
        let mut each = |request: &Request| {
            live.take(request);
            count += 1;
        };
        while let Some(found) = known.current {
            once.take(found, &mut each);
            self.advance(&mut known)?;
        }
        once.settle(&mut each);
        // The hour before may have come to know of a request at its beginning.
        self.run("UPDATE hours SET requests = ?2 WHERE hour = ?1", (hour, whole(count)))
    }

    fn late_hour(
        &mut self,
        hour: i64,
        requests: &mut Requests<'_>,
        frozen: &mut Day<'_>,
    ) -> Result<(), Error> {
        while requests.hour() == Some(hour) {
            if let Some(found) = self.take(requests)? {
                self.added.late += 1;
                self.counted += u64::from(frozen.take_late(&found.request));
            }
        }
        Ok(())
    }

    fn take(&self, requests: &mut Requests<'_>) -> Result<Option<Found>, Error> {
        requests.take().map_err(|cause| Error::io(&self.path, &cause))
    }

    fn known(&self, hour: i64) -> Result<Known, Error> {
        let query =
            "SELECT coalesce(min(part), 0), coalesce(max(part), -1) FROM chunks WHERE hour = ?1";
        let ends = self.transaction.query_row(query, [hour], |row| Ok((row.get(0)?, row.get(1)?)));
        let (next, last) = ends.map_err(|cause| self.failed(&cause))?;
        let mut known = Known { hour, next, last, open: None, current: None };
        self.advance(&mut known)?;
        Ok(known)
    }

    fn advance(&self, known: &mut Known) -> Result<(), Error> {
        loop {
            if let Some(open) = &mut known.open {
                known.current = open.take().map_err(|damaged| self.damaged(damaged))?;
                if known.current.is_some() {
                    return Ok(());
                }
                known.open = None;
            }
            if known.next > known.last {
                known.current = None;
                return Ok(());
            }
            let query = "SELECT bytes FROM chunks WHERE hour = ?1 AND part = ?2";
            let bytes = self
                .transaction
                .query_row(query, (known.hour, known.next), |row| row.get::<_, Vec<u8>>(0))
                .optional()
                .map_err(|cause| self.failed(&cause))?;
            known.next += 1;
            if let Some(bytes) = bytes {
                let open = Read::new(bytes, known.hour).map_err(|damaged| self.damaged(damaged))?;
                known.open = Some(open);
            }
        }
    }
}

/// As the database holds numbers.
pub fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
