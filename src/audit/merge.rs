//! Sorted runs as one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::io::{self, Read, Seek, SeekFrom};
use std::marker::PhantomData;
use std::sync::PoisonError;

use super::forwarded::Once;
use super::lexicon::Lexicon;
use super::record::{Compact, HOUR, Inline, Key, Record, Summed};
use super::runs::{Disk, Extent, Runs};
use super::who::Dims;

/// How much of a run on disk is read at a time, in bytes, at most.
const READ: u64 = 1 << 15;

/// A run, and how far it has been read.
pub struct Cursor<'r, R> {
    run: Run<'r, R>,
    current: Option<R>,
}

enum Run<'r, R> {
    Memory(std::slice::Iter<'r, R>),
    Disk { disk: &'r Disk, rest: Extent, bytes: Vec<u8>, at: usize, kind: PhantomData<R> },
}

impl<'r, R: Record> Cursor<'r, R> {
    pub fn memory(run: &'r [R]) -> Self {
        Self { run: Run::Memory(run.iter()), current: None }
    }

    pub fn disk(disk: &'r Disk, extent: Extent) -> Self {
        let (bytes, at, kind) = (Vec::new(), 0, PhantomData);
        Self { run: Run::Disk { disk, rest: extent, bytes, at, kind }, current: None }
    }

    fn advance(&mut self) -> io::Result<()> {
        self.current = match &mut self.run {
            Run::Memory(run) => run.next().copied(),
            Run::Disk { disk, rest, bytes, at, .. } => {
                if *at == bytes.len() {
                    read(disk, rest, R::SIZE, bytes)?;
                    *at = 0;
                }
                let record = bytes.get(*at..*at + R::SIZE);
                *at += record.map_or(0, <[u8]>::len);
                record.map(R::decode)
            }
        };
        Ok(())
    }
}

/// The next bytes of a run, none at its end.
fn read(disk: &Disk, rest: &mut Extent, size: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    let records = rest.records.min((READ / size as u64).max(1));
    let length = records * size as u64;
    bytes.resize(usize::try_from(length).unwrap_or(0), 0);
    let mut file = disk.file.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(rest.offset))?;
    file.read_exact(bytes)?;
    rest.offset += length;
    rest.records -= records;
    Ok(())
}

/// Sorted runs as one, in the order of keys.
pub struct Merge<'r, R> {
    cursors: Vec<Cursor<'r, R>>,
    heap: BinaryHeap<Reverse<(Key, usize)>>,
}

impl<'r, R: Record> Merge<'r, R> {
    pub fn new(mut cursors: Vec<Cursor<'r, R>>) -> io::Result<Self> {
        let mut heap = BinaryHeap::with_capacity(cursors.len());
        for (at, cursor) in cursors.iter_mut().enumerate() {
            cursor.advance()?;
            heap.extend(cursor.current.map(|record| Reverse((record.key(), at))));
        }
        Ok(Self { cursors, heap })
    }

    fn key(&self) -> Option<Key> {
        self.heap.peek().map(|Reverse((key, _))| *key)
    }

    /// The next, if there is one.
    pub fn next(&mut self) -> io::Result<Option<R>> {
        let Some(mut first) = self.heap.peek_mut() else { return Ok(None) };
        let cursor = &mut self.cursors[first.0.1];
        let record = cursor.current;
        cursor.advance()?;
        match cursor.current {
            Some(next) => first.0.0 = next.key(),
            None => {
                PeekMut::pop(first);
            }
        }
        Ok(record)
    }
}

/// A request, once, by the line that knows most of it.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Microseconds since 1970, UTC.
    pub at: i64,
    /// Name or path; 0 for none.
    pub name: u64,
    pub dims: Dims,
    /// The number of the combination that `dims` are, if it has one.
    pub combo: Option<u32>,
    /// Whether it is one request, and its time that at which the API server received it.
    pub timed: bool,
}

/// A request, and what tells it from others.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    pub key: Key,
    /// See [`super::hashing::order`].
    pub order: u64,
    pub request: Request,
}

/// What of several lines of one request is best comes last.
type Worth = (u8, u64, u64, i64, u64);

impl Found {
    fn worth(&self) -> Worth {
        let Request { at, name, dims, .. } = self.request;
        (dims.standing, self.order, name, at, dims.via)
    }

    /// Of two that tell of one request the one that knows more.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.worth() < other.worth() { other } else { self }
    }

    fn of_compact(found: &Compact, lexicon: &Lexicon) -> Option<Self> {
        let combo = lexicon.combo(found.combo())?;
        let number = Some(found.combo());
        let (at, name, timed) = (found.at(), found.name, is_timed(found.key(), found.at()));
        let request = Request { at, name, dims: combo.dims, combo: number, timed };
        Some(Self { key: found.key(), order: combo.order, request })
    }

    fn of_inline(found: &Inline) -> Self {
        let Inline { at, name, dims, .. } = *found;
        let timed = is_timed(found.key(), at);
        let request = Request { at, name, dims, combo: None, timed };
        Self { key: found.key(), order: found.order, request }
    }
}

/// Whether a request's time is that at which it was received: without it, it lies in hour 0.
pub fn is_timed(key: Key, at: i64) -> bool {
    key.hour() > 0 && key.hour() == at - at.rem_euclid(HOUR)
}

/// Calls `each` for every row of summaries, each once, by hours, with the sources in which it came
/// again.
pub fn summed(runs: &Runs, mut each: impl FnMut(&Summed, &[u32])) -> io::Result<()> {
    let mut rows = runs.summed.merge(runs.disk())?;
    let mut repeated = Vec::new();
    while let Some(mut first) = rows.next()? {
        repeated.clear();
        // Runs are in no order: which of equal rows counts must not depend on which comes first.
        while rows.key() == Some(first.key())
            && let Some(again) = rows.next()?
        {
            repeated.push(again.place.max(first.place).0);
            if again.place < first.place {
                first = again;
            }
        }
        each(&first, &repeated);
    }
    Ok(())
}

/// All requests of a reading, each once, by hours.
pub struct Requests<'r> {
    compact: Merge<'r, Compact>,
    inline: Merge<'r, Inline>,
    lexicon: &'r Lexicon,
}

impl<'r> Requests<'r> {
    pub fn new(runs: &'r Runs, lexicon: &'r Lexicon) -> io::Result<Self> {
        let (compact, inline) = (runs.compact.merge(runs.disk())?, runs.inline.merge(runs.disk())?);
        Ok(Self { compact, inline, lexicon })
    }

    /// Those received in the hours that begin in `within` (microseconds).
    pub fn within(runs: &'r Runs, lexicon: &'r Lexicon, within: (i64, i64)) -> io::Result<Self> {
        let compact = runs.compact.merge_within(runs.disk(), within)?;
        let inline = runs.inline.merge_within(runs.disk(), within)?;
        Ok(Self { compact, inline, lexicon })
    }

    /// The key of the next.
    pub fn key(&self) -> Option<Key> {
        match (self.compact.key(), self.inline.key()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// The hour of the next: its beginning, in microseconds.
    pub fn hour(&self) -> Option<i64> {
        self.key().map(Key::hour)
    }

    /// Takes the next, if there is one.
    pub fn take(&mut self) -> io::Result<Option<Found>> {
        let mut best: Option<Found> = None;
        while best.is_none() {
            let Some(key) = self.key() else { return Ok(None) };
            let mut offer = |found: Found| {
                best = Some(best.map_or(found, |known| known.or(found)));
            };
            while self.compact.key() == Some(key) {
                if let Some(found) = self.compact.next()?
                    && let Some(found) = Found::of_compact(&found, self.lexicon)
                {
                    offer(found);
                }
            }
            while self.inline.key() == Some(key) {
                if let Some(found) = self.inline.next()? {
                    offer(Found::of_inline(&found));
                }
            }
        }
        Ok(best)
    }
}

/// Calls `each` for every request, by hours, one that two servers logged once, and returns how many
/// there are.
pub fn requests(runs: &Runs, lexicon: &Lexicon, mut each: impl FnMut(&Request)) -> io::Result<u64> {
    let mut all = Requests::new(runs, lexicon)?;
    let (mut count, mut once) = (0, Once::default());
    let mut each = |request: &Request| {
        each(request);
        count += 1;
    };
    while let Some(found) = all.take()? {
        once.take(found, &mut each);
    }
    once.settle(&mut each);
    Ok(count)
}
