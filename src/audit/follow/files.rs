//! Which files there are, and which of them were read under another name.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use super::packed::Packed;
use super::prints::Prints;
use super::tail::{FileId, Look, Shared};
use crate::audit::source::find::{Refused, looked};
use crate::audit::source::queue::Queue;
use crate::audit::source::{Input, SourceSpec};
use crate::model::Name;

/// A file that is called nothing any more, or does not change while it should, is believed to be
/// left after so long.
pub const QUIET: TimeDelta = TimeDelta::seconds(10);

/// For how long it is told that a file is back.
const TOLD: TimeDelta = TimeDelta::seconds(60);

/// How many files are left open, those that changed last.
pub const OPEN: usize = 256;

/// How many logs that are gone are remembered by what was read of them.
const REMEMBERED: usize = 64;

/// All files that are followed.
#[derive(Default)]
pub struct Files {
    /// Whether anything was looked at yet.
    pub begun: bool,
    pub last: bool,
    /// Whether everything that is followed was read to its end at the last look.
    pub all_read: bool,
    pub tails: BTreeMap<FileId, Followed>,
    /// What was read of logs that are gone, newest last.
    pub former: VecDeque<Former>,
    pub packed: BTreeMap<FileId, Known<Packed>>,
    /// Files that are copies of one that is there.
    pub copies: BTreeMap<FileId, Look>,
    /// Files in which there is nothing yet, or next to nothing.
    pub empty: BTreeSet<Name>,
    /// What could not be looked at or opened, and has been told.
    refused: BTreeSet<PathBuf>,
    /// Bytes of logs that are gone.
    pub bytes: u64,
    /// Bytes, about, that the queue may read now.
    pub pending: u64,
    /// The folders in which it was looked, also those that hold nothing yet.
    folders: BTreeSet<PathBuf>,
    /// How many files were left for the next look.
    pub left: usize,
    gone: Option<(Name, DateTime<Utc>)>,
    back: Option<(Name, DateTime<Utc>)>,
}

/// A file that is read while it grows.
pub struct Followed {
    /// Its number among the sources; None before its first line is there.
    pub source: Option<u32>,
    /// Sources in which the beginning of it was read under other names.
    pub earlier: Vec<u32>,
    pub tail: Shared,
    /// When it last changed, as far as that was looked at.
    pub changed: DateTime<Utc>,
    /// Since when it is called nothing that is followed.
    pub lost: Option<DateTime<Utc>>,
}

/// A log that is gone.
pub struct Former {
    pub source: Option<u32>,
    pub earlier: Vec<u32>,
    pub lines: Prints,
    /// What is held of a line without its end is kept while a copy may turn up: for this look and
    /// the next.
    pub tail: Option<Shared>,
    /// Whether it was gone at the last look already.
    pub settled: bool,
}

/// How a file looked when this was found of it.
pub struct Known<T> {
    pub look: Look,
    pub since: DateTime<Utc>,
    pub what: T,
}

pub fn name_of(path: &Path) -> Name {
    path.to_string_lossy().into()
}

impl Files {
    /// Says that this look is the last: nobody is waited for.
    pub fn last_look(&mut self) {
        self.last = true;
    }

    /// Says that all that was found at the last look was read: what a file begins with can be told.
    pub fn all_is_read(&mut self) {
        self.all_read = true;
    }

    /// Looks at everything, and lets the queue read what is new.
    pub fn look(&mut self, specs: &[SourceSpec], queue: &mut Queue<'static>, now: DateTime<Utc>) {
        self.empty.clear();
        self.left = 0;
        let found = self.find(specs, queue, now);
        let mut new = Vec::new();
        let mut there = BTreeSet::new();
        for (path, look) in found {
            there.insert(look.id);
            if !self.holds(&look, &path, queue, now) {
                new.push((path, look));
            }
        }
        let lost: Vec<FileId> =
            self.tails.keys().filter(|id| !there.contains(*id)).copied().collect();
        for id in lost {
            self.lost(id, now);
        }
        for (path, look) in new {
            self.meet(path, look, queue, now);
        }
        self.packed.retain(|id, _| there.contains(id));
        self.copies.retain(|id, _| there.contains(id));
        self.settle(queue);
        self.begun = true;
        let living = self.tails.values().map(|followed| followed.tail.lock().pending());
        self.pending += living.sum::<u64>();
    }

    /// Bytes, about, that there are to read since this was asked last.
    pub fn take_pending(&mut self) -> u64 {
        std::mem::take(&mut self.pending)
    }

    fn find(
        &mut self,
        specs: &[SourceSpec],
        queue: &mut Queue<'static>,
        now: DateTime<Utc>,
    ) -> Vec<(PathBuf, Look)> {
        let mut found = Vec::new();
        let mut gone = None;
        self.folders.clear();
        for spec in specs {
            let (listed, folders) = looked(spec);
            self.folders.extend(folders);
            if let (Err(_), SourceSpec::Path(path)) = (&listed, spec) {
                gone = Some(name_of(path));
            }
            for place in listed.unwrap_or_default() {
                let Some(path) = place.path() else { continue };
                match fs::metadata(path) {
                    Ok(meta) if meta.is_dir() => {
                        if let Err(error) = fs::read_dir(path) {
                            self.refuse(path, error, queue);
                        }
                    }
                    Ok(meta) => found.push((path.to_owned(), Look::of(&meta))),
                    // Where it was moved since it was listed, it will be found where it is.
                    Err(error) => self.refuse(path, error, queue),
                }
            }
        }
        self.note_gone(gone, now);
        found
    }

    pub fn refuse(&mut self, path: &Path, error: std::io::Error, queue: &mut Queue<'static>) {
        let moved = error.kind() == ErrorKind::NotFound;
        if !moved && self.refused.insert(path.to_owned()) {
            let bytes = Box::new(Refused(Some(error)));
            self.pending += 1;
            queue.add(Input { name: name_of(path), bytes });
        }
    }

    fn note_gone(&mut self, gone: Option<Name>, now: DateTime<Utc>) {
        match (&self.gone, gone) {
            (None, Some(name)) => self.gone = Some((name, now)),
            (Some((name, since)), None) => {
                let seconds = (now - *since).num_seconds();
                self.back = Some((format!("{name} is back after {seconds}s").into(), now));
                self.gone = None;
            }
            _ => {
                let recent = |(_, at): &(Name, DateTime<Utc>)| now - *at < TOLD;
                self.back = self.back.take().filter(recent);
            }
        }
    }

    /// What there is to say.
    pub fn note(&self) -> Option<Name> {
        match &self.gone {
            Some((name, since)) => {
                let since = since.format("%H:%M:%S");
                Some(format!("{name} is gone since {since} UTC: waiting for it").into())
            }
            None => self.back.as_ref().map(|(said, _)| said.clone()),
        }
    }

    /// Whether a known file holds what was read of it; then it may be read on.
    fn holds(
        &mut self,
        look: &Look,
        path: &Path,
        queue: &mut Queue<'static>,
        now: DateTime<Utc>,
    ) -> bool {
        let Some(followed) = self.tails.get_mut(&look.id) else { return false };
        let mut tail = followed.tail.lock();
        if tail.path != path {
            path.clone_into(&mut tail.path);
            for source in followed.source.iter().chain(&followed.earlier) {
                queue.rename(*source, name_of(path));
            }
        }
        followed.lost = None;
        if tail.look == *look {
            return true;
        }
        followed.changed = now;
        if tail.still_holds(look.length) {
            tail.allow(*look);
            return true;
        }
        drop(tail);
        self.end(look.id);
        false
    }

    /// A known file that is not found any more: it may be written to all the same.
    fn lost(&mut self, id: FileId, now: DateTime<Utc>) {
        let Some(followed) = self.tails.get_mut(&id) else { return };
        let lost = *followed.lost.get_or_insert(now);
        let mut tail = followed.tail.lock();
        match tail.looks() {
            Ok(look) if look != tail.look && tail.still_holds(look.length) => {
                tail.allow(look);
                followed.changed = now;
            }
            Ok(look)
                if look == tail.look && !self.last && now - followed.changed.max(lost) < QUIET => {}
            _ => {
                drop(tail);
                self.end(id);
            }
        }
    }

    fn end(&mut self, id: FileId) {
        if let Some(Followed { source, earlier, tail, .. }) = self.tails.remove(&id) {
            let lines = tail.lock().lines.clone();
            self.bytes += tail.lock().read_so_far();
            self.former.push_back(Former {
                source,
                earlier,
                lines,
                tail: Some(tail),
                settled: false,
            });
        }
    }

    /// Lets go of what is gone and was not found elsewhere, and begins what is there.
    fn settle(&mut self, queue: &mut Queue<'static>) {
        for former in &mut self.former {
            let settled = std::mem::replace(&mut former.settled, true) || self.last;
            if let Some(tail) = former.tail.take_if(|_| settled) {
                let unread = {
                    let mut tail = tail.lock();
                    tail.close();
                    tail.pending() > 0
                };
                // What it holds of a line is to be read.
                self.pending += 1;
                if former.source.is_none() && unread {
                    former.source = Some(begin(&tail, queue));
                }
            }
        }
        while self.former.len() > REMEMBERED {
            self.former.pop_front();
        }
        if self.tails.len() > OPEN {
            let mut order: Vec<&Followed> = self.tails.values().collect();
            order.sort_by_key(|followed| Reverse(followed.changed));
            for (at, followed) in order.into_iter().enumerate() {
                followed.tail.lock().stay_open(at < OPEN || followed.lost.is_some());
            }
        }
        for followed in self.tails.values_mut().filter(|one| one.source.is_none()) {
            if followed.tail.lock().is_begun() {
                followed.source = Some(begin(&followed.tail, queue));
            }
        }
    }

    /// Whether anything ended in this look.
    pub fn has_ended(&self) -> bool {
        self.former.back().is_some_and(|former| former.tail.is_some())
    }

    /// Nothing more will come: everything that is held is read as it is.
    pub fn close(&mut self, queue: &mut Queue<'static>) {
        self.pending += 1;
        for followed in self.tails.values_mut() {
            followed.tail.lock().close();
            if followed.source.is_none() {
                followed.source = Some(begin(&followed.tail, queue));
            }
        }
    }

    /// Bytes read so far, as they lie on the disk.
    pub fn bytes(&self) -> u64 {
        let living = self.tails.values().map(|followed| followed.tail.lock().read_so_far());
        self.bytes + living.sum::<u64>()
    }

    /// What was read is called so now, sorted, each once; and files in which there is nothing yet.
    pub fn names(&self, sources: &[Name]) -> Vec<Name> {
        let empty = self.tails.values().filter(|followed| followed.source.is_none());
        let empty = empty.map(|followed| name_of(&followed.tail.lock().path));
        let empty = empty.chain(self.empty.iter().cloned());
        let all: BTreeSet<Name> = sources.iter().cloned().chain(empty).collect();
        all.into_iter().collect()
    }

    /// Whether the next look may find more though nothing happens until then: something was left for
    /// it, or is given up only after a while.
    pub fn is_undecided(&self) -> bool {
        let waits = |packed: &Packed| matches!(packed, Packed::New | Packed::Unfinished);
        self.left > 0
            || self.tails.values().any(|followed| followed.lost.is_some())
            || self.former.iter().any(|former| former.tail.is_some())
            || self.packed.values().any(|known| waits(&known.what))
    }

    /// Where something may happen.
    pub fn folders(&self, specs: &[SourceSpec]) -> Vec<PathBuf> {
        let mut folders = self.folders.clone();
        for spec in specs {
            if let SourceSpec::Path(path) = spec {
                folders.insert(if path.is_dir() { path.clone() } else { above(path) });
            }
        }
        folders.extend(self.tails.values().map(|followed| above(&followed.tail.lock().path)));
        folders.into_iter().collect()
    }
}

fn above(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => ".".into(),
        Some(folder) => folder.to_owned(),
        None => path.to_owned(),
    }
}

fn begin(tail: &Shared, queue: &mut Queue<'static>) -> u32 {
    let name = name_of(&tail.lock().path);
    queue.add(Input { name, bytes: Box::new(tail.clone()) })
}
