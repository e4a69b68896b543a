//! From a store to an activity.

use super::{Error, Store};
use crate::audit::Options;
use crate::audit::index::Covered;
use crate::model::{Activity, Name};

/// The reason under which a line is counted that is not whole yet.
const CUT_OFF: &str = "cut off";

impl Store {
    /// The activity of everything taken in; None where nothing was.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn activity(&mut self, options: &Options) -> Result<Option<Activity>, Error> {
        let path = self.path.clone();
        let failed = |cause: rusqlite::Error| Error::of(&path, &cause);
        // One moment for everything that is read.
        self.database.execute_batch("BEGIN").map_err(failed)?;
        let activity = self.sum_up(options);
        self.database.execute_batch("COMMIT").map_err(failed)?;
        activity
    }

    fn sum_up(&self, options: &Options) -> Result<Option<Activity>, Error> {
        let Some(kept) = self.kept(options)? else { return Ok(None) };
        let mut summing = options.summing(&kept);
        self.each_day(|bytes| summing.day(bytes).map_err(|_| self.damaged("the sums of a day")))?;
        let mut sources = self.sources()?;
        sources.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        for source in &sources {
            let mut covered: Covered = source.covered().ok_or_else(|| self.damaged("a source"))?;
            if source.cursor.held {
                covered.note_held(CUT_OFF);
            }
            summing.source(Name::from(&*source.name), covered);
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
