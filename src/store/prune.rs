//! What is kept for how long.

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Transaction;

use super::days::whole;
use super::summed::NEVER_AGAIN;
use super::{Error, Store};
use crate::audit::Options;
use crate::audit::index::{HOUR, Kept, day_of};

/// For how many days the requests of a day stay known one by one, since the day and since it was
/// last added to: whatever comes later moves dates, not counts.
pub const INDEX_DAYS: u32 = 14;

/// What pruning came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Days that are gone.
    pub days: u64,
    /// Days whose requests are no longer known one by one.
    pub frozen: u64,
}

impl Store {
    /// Forgets the requests of days that are old enough, one by one. Their sums stay.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn prune_index(&mut self, days: u32, options: &Options) -> Result<Pruned, Error> {
        let before = options.now - TimeDelta::days(days.into());
        let due = self.due(before)?;
        if due.is_empty() {
            return Ok(Pruned::default());
        }
        let Some(kept) = self.kept(options)? else { return Ok(Pruned::default()) };
        let path = self.path.clone();
        let freezing = Freezing { transaction: self.transaction()?, path, options, kept: &kept };
        let mut pruned = Pruned::default();
        for day in due {
            let (rows, _) = freezing.rows(day, i32::MIN)?;
            freezing.freeze(day, rows)?;
            pruned.frozen += 1;
        }
        freezing.commit()?;
        self.give_back()?;
        Ok(pruned)
    }

    /// The days with an index that end before `before` and were last added to before it.
    fn due(&self, before: DateTime<Utc>) -> Result<Vec<i32>, Error> {
        let query = "SELECT hour, touched FROM hours WHERE indexed = 1 ORDER BY hour";
        let read = || -> rusqlite::Result<Vec<(i64, i64)>> {
            let mut query = self.database.prepare_cached(query)?;
            query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        let hours = read().map_err(|cause| self.failed(&cause))?;
        let young = |(hour, touched): &(i64, i64)| {
            *hour + HOUR > before.timestamp_micros() || *touched > before.timestamp()
        };
        let days = hours.chunk_by(|a, b| day_of(a.0) == day_of(b.0));
        let due = days.filter(|hours| !hours.iter().any(young));
        Ok(due.map(|hours| day_of(hours[0].0)).collect())
    }

    /// Forgets everything before the day (UTC) of `from`, but for how far sources are read.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn prune(&mut self, from: DateTime<Utc>, options: &Options) -> Result<Pruned, Error> {
        let day = day_of(from.timestamp_micros());
        let start = i64::from(day) * 24 * HOUR;
        let Some(kept) = self.kept(options)? else { return Ok(Pruned::default()) };
        let mut sources = self.sources()?;
        for source in &mut sources {
            let mut covered = source.covered().ok_or_else(|| self.damaged("a source"))?;
            covered.forget_before(start);
            source.set_covered(&covered);
        }
        let path = self.path.clone();
        let freezing = Freezing { transaction: self.transaction()?, path, options, kept: &kept };
        let mut gone = freezing.one(
            "SELECT coalesce(sum(requests), 0) FROM hours WHERE hour > 0 AND hour < ?1",
            start,
        )?;
        freezing.run("DELETE FROM hours WHERE hour > 0 AND hour < ?1", [start])?;
        freezing.run("DELETE FROM chunks WHERE hour > 0 AND hour < ?1", [start])?;
        let days = freezing.run("DELETE FROM days WHERE day > 0 AND day < ?1", [day])?;
        let asked = "UPDATE summed SET lines = ?2, rows = 0, requests = 0, repeated = 0, first = 0,
            last = 0, covered = x'', bytes = x'' WHERE until <= ?1 AND lines > 0";
        freezing.run(asked, (start, NEVER_AGAIN))?;
        let read = "SELECT coalesce(sum(requests), 0) FROM summed WHERE until <= ?1";
        gone = gone.saturating_add(freezing.one(read, start)?);
        freezing.run("DELETE FROM summed WHERE until <= ?1 AND lines = 0", [start])?;
        // Requests whose hour is not known lie on day 0, whatever their time.
        let (rows, fewer) = freezing.rows(0, day)?;
        if fewer > 0 {
            freezing.freeze(0, rows)?;
            freezing.run(
                "UPDATE hours SET requests = max(0, requests - ?1) WHERE hour = 0",
                [whole(fewer)],
            )?;
            gone = gone.saturating_add(whole(fewer));
        }
        let more = "INSERT INTO meta VALUES ('gone', ?1)
            ON CONFLICT (key) DO UPDATE SET value = value + excluded.value";
        freezing.run(more, [gone])?;
        for source in &sources {
            let written = source.write(&freezing.transaction);
            written.map_err(|cause| freezing.failed(&cause))?;
        }
        freezing.commit()?;
        self.give_back()?;
        Ok(Pruned { days: days as u64, frozen: 0 })
    }

    /// Gives the file system back what is no longer used.
    fn give_back(&self) -> Result<(), Error> {
        let run = |pragma: &str| -> rusqlite::Result<()> {
            let mut statement = self.database.prepare(pragma)?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            Ok(())
        };
        run("PRAGMA incremental_vacuum")
            .and_then(|()| run("PRAGMA wal_checkpoint(TRUNCATE)"))
            .map_err(|cause| self.failed(&cause))
    }
}

/// Days losing their index.
struct Freezing<'s> {
    transaction: Transaction<'s>,
    path: PathBuf,
    options: &'s Options,
    kept: &'s Kept,
}

impl Freezing<'_> {
    fn failed(&self, cause: &rusqlite::Error) -> Error {
        Error::of(&self.path, cause)
    }

    fn run(&self, query: &str, values: impl rusqlite::Params) -> Result<usize, Error> {
        self.transaction.execute(query, values).map_err(|cause| self.failed(&cause))
    }

    fn one(&self, query: &str, value: i64) -> Result<i64, Error> {
        let read = self.transaction.query_row(query, [value], |row| row.get(0));
        read.map_err(|cause| self.failed(&cause))
    }

    /// The sums of a day as one, those before `from` left out: how many rows, their bytes, and how
    /// many requests were left out.
    fn rows(&self, day: i32, from: i32) -> Result<((u64, Vec<u8>), u64), Error> {
        let query = "SELECT bytes FROM days WHERE day = ?1 ORDER BY frozen";
        let read = || -> rusqlite::Result<Vec<Vec<u8>>> {
            self.transaction.prepare(query)?.query_map([day], |row| row.get(0))?.collect()
        };
        let mut rows = self.options.day(self.kept);
        for bytes in read().map_err(|cause| self.failed(&cause))? {
            let damaged = |_| Error::Damaged {
                path: self.path.clone(),
                cause: "the sums of a day".to_owned(),
            };
            rows.take_rows(&bytes).map_err(damaged)?;
        }
        let count = rows.len() as u64;
        let (bytes, fewer) = rows.finish(from);
        Ok(((count, bytes), fewer))
    }

    fn freeze(&self, day: i32, (count, bytes): (u64, Vec<u8>)) -> Result<(), Error> {
        let start = i64::from(day) * 24 * HOUR;
        let hours = (start, start + 24 * HOUR);
        self.run("DELETE FROM days WHERE day = ?1", [day])?;
        self.run("INSERT INTO days VALUES (?1, 1, ?2, ?3)", (day, whole(count), bytes))?;
        self.run("DELETE FROM chunks WHERE hour >= ?1 AND hour < ?2", hours)?;
        self.run("UPDATE hours SET indexed = 0 WHERE hour >= ?1 AND hour < ?2", hours)?;
        Ok(())
    }

    fn commit(self) -> Result<(), Error> {
        let path = self.path;
        self.transaction.commit().map_err(|cause| Error::of(&path, &cause))
    }
}
