//! Rows of activity summaries: by source, and by stretch of time. A summary that was read has a
//! stretch a day, an engine that is asked one for each part it was asked for.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, Row};

use super::days::whole;
use crate::audit::index::{Covered, Key, Record as _, Summed, read_summed, unpack, write_summed};

/// The table, and what takes away what the days come to when it changes.
pub const SUMMED: &str = "
CREATE TABLE IF NOT EXISTS summed (
    source INTEGER NOT NULL,
    start INTEGER NOT NULL,
    until INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    repeated INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    covered BLOB NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (source, start)
) STRICT;
CREATE TRIGGER IF NOT EXISTS summed_added AFTER INSERT ON summed BEGIN DELETE FROM whole; END;
CREATE TRIGGER IF NOT EXISTS summed_changed AFTER UPDATE ON summed BEGIN DELETE FROM whole; END;
CREATE TRIGGER IF NOT EXISTS summed_gone AFTER DELETE ON summed BEGIN DELETE FROM whole; END;
";

/// The lines of a part that is not asked for again, whatever comes.
pub const NEVER_AGAIN: i64 = i64::MAX;

/// Rows of a source in a stretch of time `[start, until)`, microseconds.
#[derive(Clone, Debug, Default)]
pub struct Stretch {
    pub source: i64,
    pub start: i64,
    pub until: i64,
    /// Of an engine's part, how many lines it had; else 0.
    pub lines: u64,
    /// How many requests, and when the first and the last of them were; 0 where there are none.
    pub requests: u64,
    pub first: i64,
    pub last: i64,
    /// Rows that were known already.
    pub repeated: u64,
    /// Of an engine's part, what it says of the time it covers: as JSON, compressed. Else nothing: it
    /// is the source's.
    pub covered: Vec<u8>,
    /// See [`write_summed`]; nothing where there are none.
    pub bytes: Vec<u8>,
    /// How many rows that are.
    pub rows: u64,
}

impl Stretch {
    /// Takes the rows that are not among the known ones.
    pub fn fill(&mut self, rows: &[Summed], known: &HashSet<Key>) {
        let mut new = Vec::new();
        (self.first, self.last) = (i64::MAX, i64::MIN);
        for row in rows {
            if known.contains(&row.key()) {
                self.repeated += 1;
                continue;
            }
            self.requests = self.requests.saturating_add(row.requests);
            self.first = self.first.min(row.first);
            self.last = self.last.max(row.last);
            new.push(*row);
        }
        self.rows = new.len() as u64;
        if new.is_empty() {
            (self.first, self.last) = (0, 0);
        } else {
            self.bytes = write_summed(&new);
        }
    }

    pub fn write(&self, database: &Connection) -> rusqlite::Result<()> {
        let query = "INSERT OR REPLACE INTO summed
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        database.prepare_cached(query)?.execute((
            self.source,
            self.start,
            self.until,
            whole(self.lines),
            whole(self.rows),
            whole(self.requests),
            whole(self.repeated),
            self.first,
            self.last,
            &self.covered,
            &self.bytes,
        ))?;
        Ok(())
    }

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let number = |at: usize| -> rusqlite::Result<u64> {
            Ok(u64::try_from(row.get::<_, i64>(at)?).unwrap_or(0))
        };
        Ok(Self {
            source: row.get(0)?,
            start: row.get(1)?,
            until: row.get(2)?,
            lines: number(3)?,
            rows: number(4)?,
            requests: number(5)?,
            repeated: number(6)?,
            first: row.get(7)?,
            last: row.get(8)?,
            covered: Vec::new(),
            bytes: row.get(9)?,
        })
    }

    /// Calls `each` for all, by time.
    pub fn each<E: From<rusqlite::Error>>(
        database: &Connection,
        mut each: impl FnMut(Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let query = "SELECT source, start, until, lines, rows, requests, repeated, first, last,
            bytes FROM summed ORDER BY start, source";
        let mut query = database.prepare_cached(query)?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            each(Self::of(row)?)?;
        }
        Ok(())
    }

    /// What is known of an engine: start, end and lines of each part.
    pub fn parts(database: &Connection, source: i64) -> rusqlite::Result<Vec<(i64, i64, u64)>> {
        let query = "SELECT start, until, lines FROM summed WHERE source = ?1 AND lines > 0";
        let part = |row: &Row<'_>| {
            Ok((row.get(0)?, row.get(1)?, u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0)))
        };
        database.prepare_cached(query)?.query_map([source], part)?.collect()
    }

    /// What the parts of engines cover, by source; None where it is not what was written.
    pub fn covered(database: &Connection) -> rusqlite::Result<Option<BTreeMap<i64, Covered>>> {
        let query = "SELECT source, covered FROM summed WHERE length(covered) > 0 ORDER BY start";
        let mut query = database.prepare_cached(query)?;
        let mut rows = query.query([])?;
        let mut all: BTreeMap<i64, Covered> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let bytes = unpack(row.get_ref(1)?.as_blob()?);
            let part = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            let Some(part) = part else { return Ok(None) };
            all.entry(row.get(0)?).or_default().add(part);
        }
        Ok(Some(all))
    }

    /// What tells the rows of a day from others, that begins at `start` and ends at `until`.
    pub fn keys(
        database: &Connection,
        start: i64,
        until: i64,
    ) -> rusqlite::Result<Option<HashSet<Key>>> {
        let query = "SELECT bytes FROM summed WHERE rows > 0 AND last >= ?1 AND first < ?2";
        let mut query = database.prepare_cached(query)?;
        let mut rows = query.query((start, until))?;
        let mut all = HashSet::new();
        while let Some(row) = rows.next()? {
            let Ok(rows) = read_summed(row.get_ref(0)?.as_blob()?) else { return Ok(None) };
            all.extend(rows.iter().map(|row| row.key));
        }
        Ok(Some(all))
    }
}
