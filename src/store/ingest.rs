//! Taking logs in.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{File, TryLockError};
use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::database::make_file;
use super::days::{Added, Days, Place as Placed};
use super::prune::INDEX_DAYS;
use super::sources::{Known, Pending, Plan, Source, path_bytes};
use super::{Error, Store};
use crate::audit::index::{self, Covered, Kept};
use crate::audit::{self, Options, Place, Progress, SourceSpec};
use crate::model::{Name, Unreadable};

/// What taking in came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ingested {
    /// Sources of which something was read.
    pub read: u64,
    /// Sources of which nothing was new.
    pub known: u64,
    /// Requests that were not known before.
    pub requests: u64,
    /// Requests of hours whose index is no longer kept: they moved dates only.
    pub late: u64,
    /// Lines that could not be read this time, by reason.
    pub unreadable: BTreeMap<Name, Unreadable>,
    /// What was no audit event, by what it is.
    pub passed: BTreeMap<Name, Unreadable>,
}

/// How much is read before it is written down, in bytes as stored and in files.
const BATCH: (u64, usize) = (4 << 30, 128);

/// Held by the process that takes logs in; gone with it, however it ends.
#[derive(Debug)]
pub struct Turn {
    _file: File,
}

impl Store {
    /// Waits until no other process takes logs into this store.
    ///
    /// # Errors
    /// Where the file that says so cannot be made.
    pub fn turn(&self) -> Result<Turn, Error> {
        let file = self.turn_file()?;
        file.lock().map_err(|cause| Error::io(&self.path, &cause))?;
        Ok(Turn { _file: file })
    }

    /// The same without waiting.
    ///
    /// # Errors
    /// Also where another process has its turn.
    pub fn turn_now(&self) -> Result<Turn, Error> {
        let file = self.turn_file()?;
        match file.try_lock() {
            Ok(()) => Ok(Turn { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::Busy { path: self.path.clone() }),
            Err(TryLockError::Error(cause)) => Err(Error::io(&self.path, &cause)),
        }
    }

    fn turn_file(&self) -> Result<File, Error> {
        let path: PathBuf = self.path.with_extension("lock");
        make_file(&path).map_err(|cause| Error::io(&path, &cause))
    }

    /// Takes in what is new in the logs named. What was taken in before is not read again, whatever
    /// it is called now. Each part that was read is written down at once or not at all; what is
    /// written down stays.
    ///
    /// # Errors
    /// Where a log that was named is not there, or the store cannot be written.
    pub fn ingest(
        &mut self,
        specs: &[SourceSpec],
        options: &Options,
        progress: &dyn Progress,
        _turn: &Turn,
    ) -> Result<Ingested, Error> {
        let server = options.server.as_ref();
        let (engines, files): (Vec<_>, Vec<_>) =
            specs.iter().cloned().partition(|spec| matches!(spec, SourceSpec::Engine(_)));
        let places = audit::places(&files, server).map_err(audit::Error::from)?;
        let mut known = Known::new(self.sources()?);
        let mut done = self.take_in(places, &mut known, options, progress)?;
        for engine in engines {
            if let SourceSpec::Engine(address) = engine {
                self.ask(&address, options, progress, &mut done)?;
            }
        }
        if !self.is_summed_up(options) {
            // The next answer need not do it, and can where this is lost. What is wrong with the store
            // that answer tells.
            let _ = self.database.pragma_update(None, "synchronous", "NORMAL");
            let _ = self.activity(options);
            self.settle()?;
        }
        Ok(done)
    }

    /// Makes the store that of exactly the logs named: what was taken in and is no longer there as it
    /// was is forgotten.
    ///
    /// # Errors
    /// As [`Store::ingest`].
    pub fn mirror(
        &mut self,
        specs: &[SourceSpec],
        options: &Options,
        progress: &dyn Progress,
        _turn: &Turn,
    ) -> Result<Ingested, Error> {
        let server = options.server.as_ref();
        let places = || audit::places(specs, server).map_err(audit::Error::from);
        let mut known = Known::new(self.sources()?);
        let mut fits = true;
        let all = places()?;
        known.reserve(all.iter().filter_map(Place::file));
        for place in all {
            let Some(file) = place.file() else {
                fits = false;
                continue;
            };
            match known.plan(&place.name, file) {
                Ok(Plan::Known(_)) => {}
                // What grew only grew, unless what was there is read anew.
                Ok(Plan::Read(pending)) => {
                    fits &= pending.behind || known.was_empty(pending.source.id);
                }
                Err(_) => {
                    known.refused(file);
                }
            }
        }
        if !fits || known.any_left() {
            self.clear()?;
        }
        let mut known = Known::new(self.sources()?);
        self.take_in(places()?, &mut known, options, progress)
    }

    pub(super) fn sources(&self) -> Result<Vec<Source>, Error> {
        Source::all(&self.database).map_err(|cause| self.failed(&cause))
    }

    fn take_in(
        &mut self,
        places: Vec<Place>,
        known: &mut Known,
        options: &Options,
        progress: &dyn Progress,
    ) -> Result<Ingested, Error> {
        let mut done = Ingested::default();
        let mut batch = Batch::default();
        known.reserve(places.iter().filter_map(Place::file));
        for place in places {
            match plan(known, place) {
                Plan::Known(source) => {
                    done.known += 1;
                    batch.met.extend(source);
                }
                Plan::Read(pending) => {
                    done.read += 1;
                    batch.bytes += pending.bytes;
                    batch.pending.push(*pending);
                }
            }
            if batch.bytes >= BATCH.0 || batch.pending.len() >= BATCH.1 {
                let full = std::mem::take(&mut batch);
                self.write_down(full, known, options, progress, &mut done)?;
            }
        }
        self.write_down(batch, known, options, progress, &mut done)?;
        self.forget_sources(&known.nothing())?;
        Ok(done)
    }

    fn write_down(
        &mut self,
        batch: Batch,
        known: &mut Known,
        options: &Options,
        progress: &dyn Progress,
        done: &mut Ingested,
    ) -> Result<(), Error> {
        let mut sources = batch.met;
        if batch.pending.is_empty() {
            if !sources.is_empty() {
                self.write_sources(&sources)?;
            }
            return Ok(());
        }
        let mut told = Ingested::default();
        let (mut inputs, mut reading) = (Vec::new(), Vec::new());
        for Pending { source, behind, input, reached, .. } in batch.pending {
            inputs.push(input);
            reading.push((source, behind, reached));
        }
        let mut taken = index::take(inputs, options, progress)?;
        let mut places = Vec::new();
        for (number, (mut source, behind, reached)) in (0..).zip(reading) {
            let mut covered = taken.covered(number);
            source.cursor = reached.take().unwrap_or_default();
            if behind {
                let mut whole = source.covered().ok_or_else(|| self.damaged("a source"))?;
                covered.behind();
                told.tell(covered.clone(), Some(&whole), &source);
                whole.add(covered);
                covered = whole;
            } else {
                told.tell(covered.clone(), None, &source);
            }
            covered.settle(0);
            source.cursor.early = covered.is_early();
            if source.id == 0 {
                source.id = known.same(&source.cursor).unwrap_or(0);
            }
            source.set_covered(&covered);
            places.push(Placed { source: sources.len(), anew: !behind, part: None });
            sources.push(source);
        }
        let (_, added) = self.write_taken(taken, &sources, &places, options)?;
        done.add(told, added);
        Ok(())
    }

    /// Writes what was read, and how far its sources are read. `places` are those of the inputs, by
    /// number. Returns the ids of the sources.
    pub(super) fn write_taken(
        &mut self,
        mut taken: index::Taken,
        sources: &[Source],
        places: &[Placed],
        options: &Options,
    ) -> Result<(Vec<i64>, Added), Error> {
        self.must_be_one_cluster(sources, options)?;
        let former = self.kept(options)?;
        let kept = taken.kept(former);
        let path = self.path.clone();
        let mut days = Days::new(self.transaction()?, path.clone(), options, &kept);
        let ids = days.sources(sources)?;
        let requests = taken.requests().map_err(|cause| Error::io(&path, &cause))?;
        days.add(requests)?;
        days.summed(&taken, places, &ids)?;
        let added = days.added();
        days.finish()?;
        self.prune_index(INDEX_DAYS, options)?;
        Ok((ids, added))
    }

    /// What is taken in must be of the cluster of what was taken in before.
    fn must_be_one_cluster(&self, new: &[Source], options: &Options) -> Result<(), Error> {
        let known = self.sources()?;
        let known = known.iter().filter(|known| new.iter().all(|new| new.id != known.id));
        let covered = |source: &Source| Some((source.name.as_str().into(), source.covered()?));
        let all = known.chain(new).map(covered).collect::<Option<Vec<_>>>();
        let all = all.ok_or_else(|| self.damaged("a source"))?;
        Ok(index::one_cluster(&all, options)?)
    }

    /// Takes in one source by itself.
    #[cfg(test)]
    pub(super) fn write_down_one(
        &mut self,
        pending: Pending,
        known: &mut Known,
        options: &Options,
    ) -> Result<(), Error> {
        let batch = Batch { pending: vec![pending], ..Batch::default() };
        self.write_down(batch, known, options, &(), &mut Ingested::default())
    }

    fn write_sources(&mut self, sources: &[Source]) -> Result<(), Error> {
        let path = self.path.clone();
        let failed = |cause: rusqlite::Error| Error::of(&path, &cause);
        let transaction = self.transaction()?;
        for source in sources {
            source.write(&transaction).map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    fn forget_sources(&mut self, ids: &[i64]) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let path = self.path.clone();
        let failed = |cause: rusqlite::Error| Error::of(&path, &cause);
        let transaction = self.transaction()?;
        for id in ids {
            transaction.execute("DELETE FROM sources WHERE id = ?1", [id]).map_err(failed)?;
            transaction.execute("DELETE FROM summed WHERE source = ?1", [id]).map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// What is kept of former readings.
    pub(super) fn kept(&self, options: &Options) -> Result<Option<Kept>, Error> {
        let Some(bytes) = self.meta::<Vec<u8>>("kept")? else { return Ok(None) };
        let kept = options.read_kept(&bytes).ok_or_else(|| self.damaged("the values kept"))?;
        Ok(Some(kept))
    }

    fn clear(&mut self) -> Result<(), Error> {
        let path = self.path.clone();
        let failed = |cause: rusqlite::Error| Error::of(&path, &cause);
        let transaction = self.transaction()?;
        let all = "DELETE FROM sources; DELETE FROM hours; DELETE FROM chunks; DELETE FROM days;
            DELETE FROM summed; DELETE FROM meta WHERE key IN ('kept', 'late', 'gone', 'counted_late');";
        transaction.execute_batch(all).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    /// When something was last taken in, UTC.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn written(&self) -> Result<Option<DateTime<Utc>>, Error> {
        let seconds = self.meta::<i64>("written")?;
        Ok(seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)))
    }
}

/// What is written down together.
#[derive(Default)]
struct Batch {
    met: Vec<Source>,
    pending: Vec<Pending>,
    bytes: u64,
}

impl Ingested {
    pub(super) fn add(&mut self, told: Self, added: Added) {
        self.requests += added.requests;
        self.late += added.late;
        note(&mut self.unreadable, told.unreadable);
        note(&mut self.passed, told.passed);
    }

    /// Notes what could not be read of a source, behind what was read of it before.
    pub(super) fn tell(&mut self, mut covered: Covered, before: Option<&Covered>, source: &Source) {
        if let Some(before) = before {
            covered.block(0, 0, before.line_count());
        }
        covered.settle(0);
        let coverage = covered.coverage(&[source.name.as_str().into()]);
        note(&mut self.unreadable, coverage.unreadable);
        note(&mut self.passed, coverage.passed);
    }
}

/// Adds up, by reason; the first place stays.
fn note(all: &mut BTreeMap<Name, Unreadable>, more: BTreeMap<Name, Unreadable>) {
    for (reason, unreadable) in more {
        match all.entry(reason) {
            Entry::Vacant(new) => {
                new.insert(unreadable);
            }
            Entry::Occupied(mut known) => known.get_mut().count += unreadable.count,
        }
    }
}

/// What cannot be opened is read, too: its reason is counted where all are.
fn plan(known: &mut Known, place: Place) -> Plan {
    let Some(file) = place.file().cloned() else {
        return Plan::Read(Box::new(Pending::stream(
            &place.name.clone(),
            Vec::new(),
            place.open(),
        )));
    };
    known.plan(&place.name, &file).unwrap_or_else(|_| {
        let mut pending = Pending::stream(&place.name.clone(), path_bytes(&file), place.open());
        pending.source.id = known.refused(&file);
        Plan::Read(Box::new(pending))
    })
}
