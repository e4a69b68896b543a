//! The journal of changes: what was about to be done, written down before it was done.
//!
//! A file a cluster, JSON a line, only ever added to, for the user alone. Each entry holds the hash
//! of the one before, so that an edit shows; a tail that was cut off, or a chain that was made anew
//! throughout, shows only against a head that was noted elsewhere.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Home;
use super::database::{make_file, make_folder};
use super::home::file_name;

/// What the first entry has for the hash of the one before.
const BEGINNING: &str = "";

/// Why the journal cannot be used. Nothing was written to it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another keybook is at work on this cluster.
    #[error(
        "another keybook is applying changes to this cluster (it holds {}); wait until it has ended",
        .0.display()
    )]
    Busy(PathBuf),
    /// It is not what was written.
    #[error(
        "the journal {} was changed after it was written: line {line}: {what}. Nothing is applied or \
         undone by it; compare it with a copy, or move it away to begin another",
        path.display()
    )]
    Tampered {
        /// Which.
        path: PathBuf,
        /// The first line that is wrong, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// The system refused it.
    #[error("cannot use the journal {}: {cause}; nothing is changed without it", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalEntry {
    /// Counts from 1.
    pub seq: u64,
    /// When it was written, UTC.
    pub at: DateTime<Utc>,
    /// The hash of the entry before; empty for the first.
    pub prev: String,
    /// What is recorded.
    pub record: Value,
    /// SHA-256 over the rest of it.
    pub hash: String,
}

impl JournalEntry {
    fn sum(&self) -> String {
        let rest = serde_json::json!([self.seq, self.at, self.prev, self.record]);
        format!("{:x}", Sha256::digest(rest.to_string().as_bytes()))
    }
}

/// The journal of one cluster, held by this process alone.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    length: u64,
    entries: Vec<JournalEntry>,
}

impl Home {
    /// Where the journal of a cluster is.
    pub fn journal(&self, cluster: &str) -> PathBuf {
        self.folder().join("journal").join(format!("{}.jsonl", file_name(cluster)))
    }
}

impl Journal {
    /// Opens a journal, which need not be there, for this process alone. What is left of an entry
    /// that was being written when a process ended is taken off: nothing was done on its account.
    ///
    /// # Errors
    /// Where it is not what was written, another process has it, or the system refuses it.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let failed = |cause| JournalError::Io { path: path.to_owned(), cause };
        let folder = path.parent().unwrap_or(Path::new("."));
        make_folder(folder).map_err(failed)?;
        let mut file = make_file(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(JournalError::Busy(path.to_owned()));
            }
            Err(std::fs::TryLockError::Error(cause)) => return Err(failed(cause)),
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed)?;
        let whole = whole_lines(&text);
        let entries = read(path, &text[..whole])?;
        let length = whole as u64;
        if whole < text.len() {
            file.set_len(length).map_err(failed)?;
            file.sync_all().map_err(failed)?;
        }
        // A file of which the folder does not know is lost with the power.
        #[cfg(unix)]
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file, length, entries })
    }

    /// The entries of a journal, without taking it; none where there is no file.
    ///
    /// # Errors
    /// Where it is not what was written, or cannot be read.
    pub fn entries_at(path: &Path) -> Result<Vec<JournalEntry>, JournalError> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(JournalError::Io { path: path.to_owned(), cause }),
        };
        read(path, &text[..whole_lines(&text)])
    }

    /// Adds entries; they are on the disk when this returns.
    ///
    /// # Errors
    /// Where they could not be written whole. The journal is then as it was.
    pub fn append(
        &mut self,
        at: DateTime<Utc>,
        records: impl IntoIterator<Item = Value>,
    ) -> Result<(), JournalError> {
        let addition = self.prepare(at, records)?;
        let written = addition.write();
        self.take(addition, written)
    }

    /// Entries that are to be added, which another thread may write meanwhile. Nothing else may be
    /// added before [`Self::take`] has had them.
    ///
    /// # Errors
    /// Where the system refuses it.
    pub fn prepare(
        &self,
        at: DateTime<Utc>,
        records: impl IntoIterator<Item = Value>,
    ) -> Result<Addition, JournalError> {
        let mut entries: Vec<JournalEntry> = Vec::new();
        let mut text = Vec::new();
        for record in records {
            let seq = (self.entries.len() + entries.len()) as u64 + 1;
            let prev = entries.last().map_or(self.head(), |entry| &*entry.hash).to_owned();
            let mut entry = JournalEntry { seq, at, prev, record, hash: String::new() };
            entry.hash = entry.sum();
            serde_json::to_writer(&mut text, &entry).map_err(|cause| self.failed(cause.into()))?;
            text.push(b'\n');
            entries.push(entry);
        }
        let file = self.file.try_clone().map_err(|cause| self.failed(cause))?;
        Ok(Addition { file, from: self.length, text, entries })
    }

    /// Takes what was written.
    ///
    /// # Errors
    /// Where it was not written whole. The journal is then as it was.
    pub fn take(
        &mut self,
        addition: Addition,
        written: std::io::Result<()>,
    ) -> Result<(), JournalError> {
        if let Err(cause) = written {
            // Half an entry is none; where even this fails, it is taken off at the next start.
            let _ = self.file.set_len(self.length);
            return Err(self.failed(cause));
        }
        self.length += addition.text.len() as u64;
        self.entries.extend(addition.entries);
        Ok(())
    }

    fn failed(&self, cause: std::io::Error) -> JournalError {
        JournalError::Io { path: self.path.clone(), cause }
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> &[JournalEntry] {
        &self.entries
    }

    /// The hash of the newest entry: noted elsewhere, it proves later that nothing was cut off.
    pub fn head(&self) -> &str {
        self.entries.last().map_or(BEGINNING, |entry| &entry.hash)
    }
}

/// Entries on their way to the disk.
#[derive(Debug)]
pub struct Addition {
    file: File,
    from: u64,
    text: Vec<u8>,
    entries: Vec<JournalEntry>,
}

impl Addition {
    /// Writes them; they are on the disk when this returns.
    ///
    /// # Errors
    /// As the system says.
    pub fn write(&self) -> std::io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.from))?;
        file.write_all(&self.text)?;
        file.sync_data()
    }
}

/// How many bytes whole lines come to.
fn whole_lines(text: &[u8]) -> usize {
    memchr::memrchr(b'\n', text).map_or(0, |at| at + 1)
}

fn read(path: &Path, text: &[u8]) -> Result<Vec<JournalEntry>, JournalError> {
    let mut entries: Vec<JournalEntry> = Vec::new();
    for (line, bytes) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        if bytes.is_empty() {
            continue;
        }
        let wrong = |what: String| JournalError::Tampered { path: path.to_owned(), line, what };
        let entry: JournalEntry = serde_json::from_slice(bytes)
            .map_err(|error| wrong(format!("it is no entry ({error})")))?;
        let prev = entries.last().map_or(BEGINNING, |entry| &*entry.hash);
        if entry.seq != entries.len() as u64 + 1 || entry.prev != prev {
            return Err(wrong("it does not follow the entry before it".to_owned()));
        }
        if entry.sum() != entry.hash {
            return Err(wrong("it does not have the hash that it says".to_owned()));
        }
        entries.push(entry);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: u32) -> DateTime<Utc> {
        format!("2026-03-31T12:00:{second:02}.123456789Z").parse().expect("a time")
    }

    fn filled(path: &Path, count: u32) -> String {
        let mut journal = Journal::open(path).expect("open");
        for number in 0..count {
            let record = json!({"number": number, "text": "a \"quoted\" \\ line\n\u{202e}ü"});
            journal.append(at(number), [record]).expect("append");
        }
        journal.head().to_owned()
    }

    #[test]
    fn entries_come_back_and_go_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal/x.jsonl");
        assert_eq!(Journal::entries_at(&path).expect("none"), []);
        let head = filled(&path, 3);
        let journal = Journal::open(&path).expect("open again");
        assert_eq!((journal.entries().len(), journal.head()), (3, &*head));
        drop(journal);
        assert_ne!(filled(&path, 1), head);
        let entries = Journal::entries_at(&path).expect("entries");
        assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(entries[3].prev, head);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode();
            assert_eq!(mode(&path) & 0o777, 0o600);
            assert_eq!(mode(path.parent().expect("a folder")) & 0o777, 0o700);
        }
    }

    #[test]
    fn one_process_has_it_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.jsonl");
        let first = Journal::open(&path).expect("open");
        assert!(matches!(Journal::open(&path), Err(JournalError::Busy(_))));
        // Looking is always possible.
        assert_eq!(Journal::entries_at(&path).expect("entries").len(), 0);
        drop(first);
        Journal::open(&path).expect("free again");
    }

    #[test]
    fn half_an_entry_is_none_wherever_it_was_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.jsonl");
        filled(&path, 3);
        let whole = std::fs::read(&path).expect("bytes");
        let second = whole_lines(&whole[..whole.len() - 1]);
        for length in second..whole.len() {
            std::fs::write(&path, &whole[..length]).expect("cut");
            assert_eq!(Journal::entries_at(&path).expect("entries").len(), 2, "{length}");
            let mut journal = Journal::open(&path).expect("open");
            journal.append(at(9), [json!("next")]).expect("append");
            assert_eq!(journal.entries().len(), 3);
            drop(journal);
            assert_eq!(Journal::entries_at(&path).expect("entries").len(), 3, "{length}");
        }
    }

    #[test]
    fn every_edit_of_every_byte_shows() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.jsonl");
        filled(&path, 3);
        let whole = std::fs::read(&path).expect("bytes");
        for at in 0..whole.len() - 1 {
            let mut edited = whole.clone();
            edited[at] = if edited[at] == b'1' { b'2' } else { b'1' };
            std::fs::write(&path, &edited).expect("edit");
            let found = Journal::entries_at(&path);
            assert!(matches!(found, Err(JournalError::Tampered { .. })), "byte {at}");
            assert!(matches!(Journal::open(&path), Err(JournalError::Tampered { .. })));
            assert_eq!(std::fs::read(&path).expect("bytes"), edited, "it was left alone");
        }
        // A line taken out, and two changed about.
        let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        for order in [&[0, 2][..], &[1, 2], &[1, 0, 2]] {
            let text: Vec<u8> = order.iter().flat_map(|at| lines[*at].to_vec()).collect();
            std::fs::write(&path, text).expect("edit");
            assert!(matches!(Journal::open(&path), Err(JournalError::Tampered { .. })));
        }
    }
}
