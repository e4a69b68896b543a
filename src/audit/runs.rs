//! All traces, sorted in runs: in memory as long as they are few, then on disk.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::merge::{Cursor, Merge};
use super::record::{Compact, Inline, Record, Summed};

/// All traces so far.
#[derive(Debug)]
pub struct Runs {
    pub compact: Pool<Compact>,
    pub inline: Pool<Inline>,
    /// Rows of summaries.
    pub summed: Pool<Summed>,
    /// How many [`Compact`] traces, or as many bytes of others, may lie in memory.
    in_memory: usize,
    folder: PathBuf,
    disk: Option<Disk>,
    error: Option<io::Error>,
    /// Hours (their beginning, in microseconds) of which there are new traces.
    touched: BTreeSet<i64>,
}

/// Traces of one kind.
#[derive(Debug)]
pub struct Pool<R> {
    memory: Vec<Vec<R>>,
    disk: Vec<Extent>,
}

/// A run on disk.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    pub offset: u64,
    pub records: u64,
}

/// A file that nobody sees, which is gone when it is closed.
#[derive(Debug)]
pub struct Disk {
    pub file: Mutex<File>,
    length: u64,
}

impl Disk {
    /// The number of the first record in a run whose hour does not begin before `hour`.
    fn first_from<R: Record>(&self, run: &Extent, hour: i64) -> io::Result<u64> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = vec![0; R::SIZE];
        let (mut low, mut high) = (0, run.records);
        while low < high {
            let middle = low.midpoint(high);
            file.seek(SeekFrom::Start(run.offset + middle * R::SIZE as u64))?;
            file.read_exact(&mut bytes)?;
            if R::decode(&bytes).key().hour() < hour {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

impl<R: Record> Pool<R> {
    fn held(&self) -> usize {
        self.memory.iter().map(Vec::len).sum::<usize>() * R::SIZE
    }

    /// All of it, in the order of keys.
    pub fn merge<'r>(&'r self, disk: Option<&'r Disk>) -> io::Result<Merge<'r, R>> {
        let memory = self.memory.iter().map(|run| Cursor::memory(run));
        let extents = self.disk.iter().filter_map(|extent| Some(Cursor::disk(disk?, *extent)));
        Merge::new(memory.chain(extents).collect())
    }

    /// Whether nothing came.
    pub fn is_empty(&self) -> bool {
        self.memory.is_empty() && self.disk.is_empty()
    }

    /// Those of the hours that begin in `[from, until)` (microseconds), in the order of keys.
    pub fn merge_within<'r>(
        &'r self,
        disk: Option<&'r Disk>,
        (from, until): (i64, i64),
    ) -> io::Result<Merge<'r, R>> {
        let mut cursors = Vec::new();
        for run in &self.memory {
            let start = run.partition_point(|record| record.key().hour() < from);
            let length = run[start..].partition_point(|record| record.key().hour() < until);
            cursors.push(Cursor::memory(&run[start..start + length]));
        }
        for extent in &self.disk {
            let Some(disk) = disk else { continue };
            let start = disk.first_from::<R>(extent, from)?;
            let end = disk.first_from::<R>(extent, until)?;
            let offset = extent.offset + start * R::SIZE as u64;
            cursors.push(Cursor::disk(disk, Extent { offset, records: end - start }));
        }
        Merge::new(cursors)
    }

    /// Makes one of runs that came one by one, so that there are never many of them: each is left at
    /// least twice as long as the one behind it.
    fn gather(&mut self) {
        while let [.., before, last] = &*self.memory
            && before.len() < last.len() * 2
        {
            let (last, before) = (self.memory.pop(), self.memory.pop());
            let both = [before.unwrap_or_default(), last.unwrap_or_default()].concat();
            self.memory.push(run(both));
        }
    }

    fn spill(&mut self, disk: &mut Disk) -> io::Result<()> {
        let memory = std::mem::take(&mut self.memory);
        let cursors = memory.iter().map(|run| Cursor::memory(run)).collect();
        let mut merge: Merge<'_, R> = Merge::new(cursors)?;
        let file = disk.file.get_mut().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(disk.length))?;
        let mut out = BufWriter::with_capacity(1 << 18, file);
        let (mut records, mut bytes, mut last) = (0, Vec::new(), None);
        while let Some(record) = merge.next()? {
            if superseded(last, &record) {
                continue;
            }
            last = Some(record);
            bytes.clear();
            record.encode(&mut bytes);
            out.write_all(&bytes)?;
            records += 1;
        }
        out.flush()?;
        drop(out);
        self.disk.push(Extent { offset: disk.length, records });
        disk.length += records * R::SIZE as u64;
        Ok(())
    }
}

/// The hours of sorted records, each about once.
fn hours<R: Record>(records: &[R]) -> impl Iterator<Item = i64> + '_ {
    let groups = records.chunk_by(|a, b| a.key().hour() == b.key().hour());
    groups.map(|group| group[0].key().hour())
}

/// Whether `record` adds nothing to what `before` says of the same request.
fn superseded<R: Record>(before: Option<R>, record: &R) -> bool {
    before.is_some_and(|before| {
        before.key() == record.key() && (before.standing() > record.standing() || before == *record)
    })
}

/// A sorted run, without what is said twice.
fn run<R: Record>(mut records: Vec<R>) -> Vec<R> {
    records.sort_unstable_by(R::compare);
    let mut last = None;
    records.retain(|record| {
        let keep = !superseded(last, record);
        if keep {
            last = Some(*record);
        }
        keep
    });
    records
}

impl Runs {
    /// Holds `in_memory` traces before it makes a file in `folder`, or where the system has such
    /// files.
    pub fn new(in_memory: usize, folder: Option<&Path>) -> Self {
        Self {
            compact: Pool { memory: Vec::new(), disk: Vec::new() },
            inline: Pool { memory: Vec::new(), disk: Vec::new() },
            summed: Pool { memory: Vec::new(), disk: Vec::new() },
            in_memory,
            folder: folder.map_or_else(std::env::temp_dir, Path::to_owned),
            disk: None,
            error: None,
            touched: BTreeSet::new(),
        }
    }

    /// Takes traces in any order. Sorting is not done under the lock.
    pub fn take(this: &Mutex<Self>, traces: (Vec<Compact>, Vec<Inline>, Vec<Summed>)) {
        let (compact, inline, summed) = (run(traces.0), run(traces.1), run(traces.2));
        let hours = hours(&compact).chain(hours(&inline)).collect::<Vec<_>>();
        let mut this = this.lock().unwrap_or_else(PoisonError::into_inner);
        this.touched.extend(hours);
        if !compact.is_empty() {
            this.compact.memory.push(compact);
        }
        if !inline.is_empty() {
            this.inline.memory.push(inline);
        }
        if !summed.is_empty() {
            this.summed.memory.push(summed);
        }
        let held = this.compact.held() + this.inline.held() + this.summed.held();
        if held > this.in_memory * Compact::SIZE
            && this.error.is_none()
            && let Err(error) = this.spill()
        {
            this.error = Some(error);
        }
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.disk.is_none() {
            let file = Mutex::new(tempfile::tempfile_in(&self.folder)?);
            self.disk = Some(Disk { file, length: 0 });
        }
        let Some(disk) = &mut self.disk else { return Ok(()) };
        if !self.compact.memory.is_empty() {
            self.compact.spill(disk)?;
        }
        if !self.inline.memory.is_empty() {
            self.inline.spill(disk)?;
        }
        if !self.summed.memory.is_empty() {
            self.summed.spill(disk)?;
        }
        Ok(())
    }

    /// Has few runs in memory, however many came.
    pub fn gather(&mut self) {
        self.compact.gather();
        self.inline.gather();
    }

    /// The hours of which traces came since this was called last.
    pub fn take_touched(&mut self) -> BTreeSet<i64> {
        std::mem::take(&mut self.touched)
    }

    /// Where the rest lies.
    pub fn disk(&self) -> Option<&Disk> {
        self.disk.as_ref()
    }

    /// Where the file is, or would be.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether something could not be written.
    pub fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// What could not be written.
    pub fn error(&mut self) -> Option<io::Error> {
        self.error.take()
    }
}
