//! One log being followed.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::prints::Prints;

/// What a file is, wherever it is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    device: u64,
    inode: u64,
}

/// How a file looks from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub id: FileId,
    /// In bytes.
    pub length: u64,
    /// Seconds since 1970, and nanoseconds.
    modified: (i64, i64),
}

impl Look {
    pub fn of(meta: &Metadata) -> Self {
        Self {
            id: FileId { device: meta.dev(), inode: meta.ino() },
            length: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
        }
    }
}

/// A file and how far it was read.
#[derive(Debug)]
pub struct Tail {
    pub path: PathBuf,
    /// Closed while nothing happens to it and there are many.
    file: Option<File>,
    /// Whether it is left open.
    stays_open: bool,
    /// How it looked when it was last found to hold what was read of it.
    pub look: Look,
    /// Everything read so far.
    read: Prints,
    /// As far as it is whole lines.
    pub lines: Prints,
    /// What is read now ends here, so that a log that grows while it is read does not hold all
    /// others up.
    limit: u64,
    /// Whether nothing more will come: what is held of a line without its end is a line.
    closed: bool,
}

impl Tail {
    /// Of an open file whose first bytes, those of `known`, were read under another name.
    pub fn new(path: PathBuf, file: File, look: Look, known: Option<Prints>) -> Self {
        let read = known.unwrap_or_default();
        let limit = read.length;
        let lines = read.clone();
        Self { path, file: Some(file), stays_open: true, look, lines, read, limit, closed: false }
    }

    /// The file, if it is still what it is called.
    fn file(&mut self) -> io::Result<&File> {
        match &mut self.file {
            Some(file) => Ok(file),
            closed => {
                let file = File::open(&self.path)?;
                if Look::of(&file.metadata()?).id != self.look.id {
                    return Err(ErrorKind::NotFound.into());
                }
                Ok(closed.insert(file))
            }
        }
    }

    /// Leaves it open, or not.
    pub fn stay_open(&mut self, stays: bool) {
        self.stays_open = stays;
        if !stays {
            self.file = None;
        }
    }

    /// How it looks now, also where it is called nothing any more.
    pub fn looks(&mut self) -> io::Result<Look> {
        Ok(Look::of(&self.file()?.metadata()?))
    }

    /// Whether a file of this length still begins with what was read of it.
    pub fn still_holds(&mut self, length: u64) -> bool {
        let Prints { length: read, head, recent, .. } = self.read.clone();
        let Ok(file) = self.file() else { return false };
        let same = |bytes: &[u8], at: u64| {
            let mut now = vec![0; bytes.len()];
            file.read_exact_at(&mut now, at).is_ok_and(|()| now == bytes)
        };
        length >= read && same(&head, 0) && same(&recent, read - recent.len() as u64)
    }

    /// Whether there is more in it than was read, and all of it begins so: what a new file that does
    /// as well has of it can be told once it was read.
    pub fn may_be(&mut self, head: &[u8]) -> bool {
        let unread = self.look.length > self.lines.length;
        let Some(file) = self.file().ok().filter(|_| unread) else { return false };
        let mut own = vec![0; head.len()];
        let read = file.read_at(&mut own, 0).unwrap_or(0);
        read > 0 && own[..read] == head[..read]
    }

    /// Lets it be read up to here.
    pub fn allow(&mut self, look: Look) {
        self.look = look;
        self.limit = look.length.max(self.read.length);
    }

    /// How much may be read now, in bytes.
    pub fn pending(&self) -> u64 {
        self.limit - self.read.length
    }

    /// How much was read, in bytes.
    pub fn read_so_far(&self) -> u64 {
        self.read.length
    }

    /// Says that nothing more will come.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Whether it can be opened for reading: its first line, or as much as is looked at to know
    /// what it is, is there.
    pub fn is_begun(&mut self) -> bool {
        const ENOUGH: usize = 1 << 16;
        if self.closed {
            return true;
        }
        let from = self.read.length;
        // Whoever reads it will be told.
        let Ok(file) = self.file() else { return true };
        let mut head = vec![0; ENOUGH];
        let mut filled = 0;
        while filled < ENOUGH {
            match file.read_at(&mut head[filled..], from + filled as u64) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return true,
            }
        }
        filled == ENOUGH || memchr::memchr(b'\n', &head[..filled]).is_some_and(|end| end >= 5)
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let at = self.read.length;
        let most = usize::try_from(self.limit - at).unwrap_or(usize::MAX).min(into.len());
        let read = if most == 0 { 0 } else { self.file()?.read_at(&mut into[..most], at)? };
        if read == 0 && !into.is_empty() {
            self.limit = at;
            self.stay_open(self.stays_open);
            return if self.closed { Ok(0) } else { Err(ErrorKind::WouldBlock.into()) };
        }
        let bytes = &into[..read];
        match memchr::memrchr(b'\n', bytes) {
            Some(last) => {
                self.read.take(&bytes[..=last]);
                self.lines.clone_from(&self.read);
                self.read.take(&bytes[last + 1..]);
            }
            None => self.read.take(bytes),
        }
        Ok(read)
    }
}

/// A log that is looked at from one side and read from the other.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<Tail>>);

impl Shared {
    pub fn new(tail: Tail) -> Self {
        Self(Arc::new(Mutex::new(tail)))
    }

    pub fn lock(&self) -> MutexGuard<'_, Tail> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for Shared {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.lock().read(into)
    }
}
