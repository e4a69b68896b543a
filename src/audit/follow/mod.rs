//! Logs that grow while they are read: whatever a rotation does to files, what was read once is not
//! read again, and what was not is.
//!
//! A file is known by its device and inode as long as it holds what was read of it; when it is
//! moved, it is read on under its new name. A file that no longer begins with what was read was
//! truncated or written anew, and is read as a new one. A new file that begins with what was read
//! of one that is gone (a copy before truncation, a compressed one) is read from there on. Should
//! any of that err, lines are met again and counted as repeats: a request is counted once whatever
//! happens.
//!
//! A last line without its end waits for it; it is read as it is once nothing more can come.

mod files;
mod meet;
mod numbers;
mod packed;
mod prints;
mod sums;
mod tail;
#[cfg(test)]
mod tests;
mod wait;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use chrono::{DateTime, Utc};

use super::covered::Covered;
use super::shared::Shared;
use super::source::queue::Queue;
use super::source::{self, SourceError, SourceSpec};
use super::{Error, Options, Progress, assemble, merge, read_all, summed, tally};
use crate::model::{Activity, ActivityDelta, Coverage, Name, SeenId};
use files::Files;
use sums::Sums;
pub use wait::{Bell, Waiting};

/// Logs being followed, and all that was read of them so far.
pub struct Following {
    specs: Vec<SourceSpec>,
    options: Options,
    shared: Shared,
    covered: Covered,
    queue: Queue<'static>,
    files: Files,
    /// Whether anything was read that no activity shows yet.
    changed: bool,
    /// What the last activity was made of, and that.
    sums: Option<Sums>,
    last: Option<Arc<Activity>>,
    /// Whether there are more rows than tell requests apart by the day: they become no fewer.
    coarse: bool,
}

/// So many bytes, or fewer, are read by one thread.
const SMALL: u64 = 1 << 20;

impl Following {
    /// Follows what is named. Nothing is read yet.
    ///
    /// # Errors
    /// Where a named log is not there or cannot be opened.
    pub fn new(specs: &[SourceSpec], options: &Options) -> Result<Self, Error> {
        // Whatever is wrong with names is found here.
        source::places(specs, None)?;
        if specs.iter().any(SourceSpec::is_stream) {
            return Err(SourceError::StdinFollowed.into());
        }
        Ok(Self {
            specs: specs.to_vec(),
            options: options.clone(),
            shared: Shared::new(&options.bounds, options.folder.as_deref()),
            covered: Covered::default(),
            queue: Queue::new(Vec::new(), &()),
            files: Files::default(),
            changed: true,
            sums: None,
            last: None,
            coarse: false,
        })
    }

    /// Reads what is new, at `now`, and says whether anything was. Returns early where `progress`
    /// cancels.
    ///
    /// # Errors
    /// Where a large log finds no room on disk, or on [`Progress::cancelled`].
    pub fn step(&mut self, now: DateTime<Utc>, progress: &dyn Progress) -> Result<bool, Error> {
        self.options.now = now;
        self.files.look(&self.specs, &mut self.queue, now);
        self.read(progress)?;
        Ok(self.changed)
    }

    /// Reads what is left, also lines without their end: nothing more will come.
    ///
    /// # Errors
    /// As [`Following::step`].
    pub fn finish(&mut self, now: DateTime<Utc>, progress: &dyn Progress) -> Result<(), Error> {
        self.files.last_look();
        self.step(now, progress)?;
        // What waited to be told from a log that was still to be read is told now.
        self.files.all_is_read();
        self.step(now, progress)?;
        self.files.close(&mut self.queue);
        self.read(progress)
    }

    /// Shows what is new as what became of `shown`, which is of the same logs.
    pub fn begin_with(&mut self, shown: Arc<Activity>) {
        (self.sums, self.last) = (None, Some(shown));
    }

    /// What became of the files, where there is something to say: one is gone, or came back.
    pub fn note(&self) -> Option<Name> {
        self.files.note()
    }

    /// Whether another look is due soon, though nothing may happen until then.
    pub fn is_undecided(&self) -> bool {
        self.files.is_undecided()
    }

    /// The folders in which something may happen.
    pub fn folders(&self) -> Vec<PathBuf> {
        self.files.folders(&self.specs)
    }

    fn read(&mut self, progress: &dyn Progress) -> Result<(), Error> {
        let pending = self.files.take_pending();
        if pending == 0 {
            return Ok(());
        }
        let before = self.files.bytes();
        self.queue.again();
        let (queue, shared, options) = (&self.queue, &self.shared, &self.options);
        let threads = if pending < SMALL { 1 } else { options.threads() };
        let covered = thread::scope(|scope| {
            let readers: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| read_all(queue, shared, options, progress)))
                .collect();
            let mut covered = Covered::default();
            for reader in readers {
                match reader.join() {
                    Ok(parts) => parts.into_values().for_each(|part| covered.add(part)),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            covered
        });
        progress.advanced(self.files.bytes() - before);
        self.changed |= !covered.is_empty();
        self.covered.add(covered);
        self.shared.parts().1.gather();
        if progress.cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// All that was read so far, as reading it at once would show it.
    ///
    /// # Errors
    /// Where a large log found no room on disk, or the logs are of more than one cluster.
    pub fn activity(&mut self) -> Result<Activity, Error> {
        self.changed = false;
        self.must_be_whole()?;
        let (lexicon, runs) = self.shared.parts();
        let folder = runs.folder().to_owned();
        let failed = |cause| Error::Disk { folder: folder.clone(), cause };
        let kept = lexicon.settled();
        let mut tally = tally::Tally::new(&kept, self.options.bounds.rows);
        let events =
            merge::requests(runs, lexicon, |request| tally.take(request)).map_err(&failed)?;
        let summed = summed::Extents::take(runs, &mut tally).map_err(failed)?;
        let sums = tally.finish();
        let mut coverage = self.coverage();
        summed.cover(events, &self.covered.stretches, &mut coverage);
        Ok(assemble::assemble(sums, kept.beside(), coverage))
    }

    fn must_be_whole(&mut self) -> Result<(), Error> {
        let all = Name::from("what is followed");
        super::one_cluster(std::iter::once((&all, &self.covered)), &self.options)?;
        let (_, runs) = self.shared.parts();
        match runs.error() {
            Some(cause) => Err(Error::Disk { folder: runs.folder().to_owned(), cause }),
            None => Ok(()),
        }
    }

    fn coverage(&self) -> Coverage {
        let mut coverage = self.covered.coverage(self.queue.names());
        coverage.sources = self.files.names(self.queue.names());
        coverage
    }

    /// The same as [`Following::activity`], made of what this returned before where that is possible:
    /// then ids stay what they were, and it is said whose part is not as it was. What that costs
    /// depends on what is new.
    ///
    /// # Errors
    /// As [`Following::activity`].
    pub fn update(&mut self) -> Result<(Arc<Activity>, Option<Vec<SeenId>>), Error> {
        self.changed = false;
        self.must_be_whole()?;
        let coverage = self.coverage();
        let limit = self.options.bounds.rows;
        let (lexicon, runs) = self.shared.parts();
        let folder = runs.folder().to_owned();
        let failed = |cause| Error::Disk { folder: folder.clone(), cause };
        let hours = runs.take_touched();
        let combos = lexicon.settle_so_far();
        let steady = lexicon.kept().was_steady();
        let told = !lexicon.overflowed() && runs.summed.is_empty();
        if let (true, Some(mut sums), Some(last)) =
            (steady && told, self.sums.take(), self.last.as_ref())
            && let Some(mut delta) = sums.update((runs, lexicon), &hours, limit).map_err(&failed)?
        {
            delta.groups_seen = sums.groups(lexicon, &combos);
            delta.issued = sums.issued(lexicon, last.issued());
            delta.coverage = sums.cover(coverage);
            let next = Arc::new(last.advance(&delta));
            self.sums = Some(sums);
            self.last = Some(next.clone());
            return Ok((next, Some(delta.touched())));
        }
        let mut sums = None;
        if told && !self.coarse {
            sums = Sums::new(runs, lexicon, limit).map_err(failed)?;
            self.coarse = sums.is_none();
        }
        let newer = match &sums {
            Some(sums) => sums.whole(lexicon.settled_so_far().beside(), coverage),
            None => self.activity()?,
        };
        let delta = self
            .last
            .as_ref()
            .and_then(|last| Some((last.clone(), ActivityDelta::between(last, &newer)?)));
        let (next, touched) = match delta {
            Some((last, delta)) => (last.advance(&delta), Some(delta.touched())),
            None => (newer, None),
        };
        if let Some(sums) = &mut sums {
            sums.number(&next);
        }
        let next = Arc::new(next);
        (self.sums, self.last) = (sums, Some(next.clone()));
        Ok((next, touched))
    }
}

impl std::fmt::Debug for Following {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Following").field("specs", &self.specs).finish_non_exhaustive()
    }
}
