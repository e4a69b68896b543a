//! From a store to an activity.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::OptionalExtension;

use super::database::PATIENCE;
use super::summed::Stretch;
use super::{Error, Store};
use crate::audit::Options;
use crate::audit::index::{Covered, Summing, read_whole, write_whole};
use crate::model::{Activity, Name};

/// The reason under which a line is counted that is not whole yet.
const CUT_OFF: &str = "cut off";

/// What all days come to, in a form that is read back faster than they are summed up: one row, or
/// none. Whatever is added to, changed in or taken from what it was made of takes it away, in the
/// same transaction and whoever does it: keybooks that do not know of this table, too.
pub(super) const WHOLE: &str = "
CREATE TABLE IF NOT EXISTS whole (form TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;
CREATE TRIGGER IF NOT EXISTS days_added AFTER INSERT ON days BEGIN DELETE FROM whole; END;
CREATE TRIGGER IF NOT EXISTS days_changed AFTER UPDATE ON days BEGIN DELETE FROM whole; END;
CREATE TRIGGER IF NOT EXISTS days_gone AFTER DELETE ON days BEGIN DELETE FROM whole; END;
CREATE TRIGGER IF NOT EXISTS hours_added AFTER INSERT ON hours BEGIN DELETE FROM whole; END;
CREATE TRIGGER IF NOT EXISTS hours_changed AFTER UPDATE ON hours BEGIN DELETE FROM whole; END;
CREATE TRIGGER IF NOT EXISTS hours_gone AFTER DELETE ON hours BEGIN DELETE FROM whole; END;
CREATE TRIGGER IF NOT EXISTS sources_added AFTER INSERT ON sources BEGIN DELETE FROM whole; END;
CREATE TRIGGER IF NOT EXISTS sources_changed AFTER UPDATE ON sources BEGIN DELETE FROM whole; END;
CREATE TRIGGER IF NOT EXISTS sources_gone AFTER DELETE ON sources BEGIN DELETE FROM whole; END;
CREATE TRIGGER IF NOT EXISTS meta_added AFTER INSERT ON meta
    WHEN NEW.key NOT IN ('cluster', 'name') BEGIN DELETE FROM whole; END;
CREATE TRIGGER IF NOT EXISTS meta_changed AFTER UPDATE ON meta
    WHEN NEW.key NOT IN ('cluster', 'name') BEGIN DELETE FROM whole; END;
CREATE TRIGGER IF NOT EXISTS meta_gone AFTER DELETE ON meta
    WHEN OLD.key NOT IN ('cluster', 'name') BEGIN DELETE FROM whole; END;
";

impl Store {
    /// The activity of everything taken in; None where nothing was.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn activity(&mut self, options: &Options) -> Result<Option<Activity>, Error> {
        // One moment for everything that is read.
        self.database.execute_batch("BEGIN").map_err(|cause| self.failed(&cause))?;
        if let Some(activity) = self.whole(options) {
            self.end_reading()?;
            return Ok(Some(activity));
        }
        let activity = self.sum_up(options);
        if let Ok(Some(activity)) = &activity {
            self.keep_whole(activity, options);
        }
        self.end_reading()?;
        activity
    }

    /// The same from the days, whether they were summed up before or not.
    #[cfg(test)]
    pub(crate) fn activity_of_days(&self, options: &Options) -> Result<Option<Activity>, Error> {
        self.sum_up(options)
    }

    pub(super) fn end_reading(&self) -> Result<(), Error> {
        // What fills the disk ends a transaction by itself, and so does a commit that fails.
        if self.database.is_autocommit() || self.database.execute_batch("COMMIT").is_ok() {
            return Ok(());
        }
        self.database.execute_batch("ROLLBACK").map_err(|cause| self.failed(&cause))
    }

    /// Whether what the days come to is there, as it is now.
    pub(super) fn is_summed_up(&self, options: &Options) -> bool {
        let query = "SELECT count(*) FROM whole WHERE form = ?1";
        let found = self.database.query_row(query, [options.form_of_whole()], |row| row.get(0));
        found.is_ok_and(|found: i64| found > 0)
    }

    /// What the days were summed up to before, if they are what they were then.
    fn whole(&self, options: &Options) -> Option<Activity> {
        let query = "SELECT bytes FROM whole WHERE form = ?1";
        // Where there is no such table, or not what belongs there, there still are the days.
        let mut query = self.database.prepare_cached(query).ok()?;
        let read = query.query_row([options.form_of_whole()], |row| {
            Ok(row.get_ref(0)?.as_blob().ok().and_then(read_whole))
        });
        read.optional().ok().flatten().flatten()
    }

    /// Notes what the days come to, unless that would wait for somebody or the days are others by
    /// now: then the next one who asks does.
    pub(super) fn keep_whole(&self, activity: &Activity, options: &Options) {
        let Some(bytes) = write_whole(activity) else { return };
        if self.database.busy_timeout(Duration::ZERO).is_err() {
            return;
        }
        // From reading a transaction goes on to writing only where what was read still is so.
        let kept = self.database.execute("DELETE FROM whole", []).and_then(|_| {
            let add = "INSERT INTO whole VALUES (?1, ?2)";
            self.database.execute(add, (options.form_of_whole(), bytes))
        });
        if let Err(error) = kept {
            tracing::debug!(
                "what the days of {} come to is not kept: {error}",
                self.path.display()
            );
            if !self.database.is_autocommit() {
                // Half of it would be nothing at all, which is true of any days.
                let _ = self.database.execute_batch("ROLLBACK");
            }
        }
        let _ = self.database.busy_timeout(PATIENCE);
    }

    fn sum_up(&self, options: &Options) -> Result<Option<Activity>, Error> {
        let Some(kept) = self.kept(options)? else { return Ok(None) };
        let mut summing = options.summing(&kept);
        self.each_day(|bytes| summing.day(bytes).map_err(|_| self.damaged("the sums of a day")))?;
        let mut sources = self.sources()?;
        sources.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        let has_summed = self.has_summed()?;
        let mut parts = BTreeMap::new();
        if has_summed {
            let found = Stretch::covered(&self.database).map_err(|cause| self.failed(&cause))?;
            parts = found.ok_or_else(|| self.damaged("what an engine covers"))?;
        }
        let mut numbers = BTreeMap::new();
        for source in &sources {
            let mut covered: Covered = source.covered().ok_or_else(|| self.damaged("a source"))?;
            if source.cursor.held {
                covered.note_held(CUT_OFF);
            }
            if let Some(part) = parts.remove(&source.id) {
                covered.add(part);
            }
            let number = summing.source(Name::from(&*source.name), covered);
            numbers.insert(source.id, number);
        }
        if has_summed {
            self.sum_up_summed(&mut summing, &numbers)?;
        }
        let number = |key| -> Result<u64, Error> {
            Ok(self.meta::<i64>(key)?.map_or(0, |number| u64::try_from(number).unwrap_or(0)))
        };
        let counted_late = number("counted_late")?;
        let events = self.one("SELECT coalesce(sum(requests), 0) FROM hours")?;
        let events = u64::try_from(events).unwrap_or(0) + counted_late;
        let late = number("late")?.saturating_sub(counted_late);
        Ok(Some(summing.finish(events, late, number("gone")?)))
    }

    fn sum_up_summed(
        &self,
        summing: &mut Summing<'_>,
        numbers: &BTreeMap<i64, u32>,
    ) -> Result<(), Error> {
        enum Wrong {
            Database(rusqlite::Error),
            Rows,
        }
        impl From<rusqlite::Error> for Wrong {
            fn from(error: rusqlite::Error) -> Self {
                Self::Database(error)
            }
        }
        let summed = Stretch::each(&self.database, |stretch| {
            summing.came_again(stretch.repeated);
            let Some(number) = numbers.get(&stretch.source).filter(|_| !stretch.bytes.is_empty())
            else {
                return Ok(());
            };
            let extent = (stretch.first, stretch.last);
            let added = summing.summed(*number, &stretch.bytes, stretch.requests, extent);
            added.map_err(|_| Wrong::Rows)
        });
        summed.map_err(|wrong| match wrong {
            Wrong::Database(cause) => self.failed(&cause),
            Wrong::Rows => self.damaged("rows of a summary"),
        })
    }

    pub(super) fn each_day(
        &self,
        mut each: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let failed = |cause: rusqlite::Error| self.failed(&cause);
        let query = "SELECT bytes FROM days ORDER BY day, frozen";
        let mut query = self.database.prepare_cached(query).map_err(failed)?;
        let mut rows = query.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let bytes = row.get_ref(0).and_then(|value| Ok(value.as_blob()?)).map_err(failed)?;
            each(bytes)?;
        }
        Ok(())
    }
}
