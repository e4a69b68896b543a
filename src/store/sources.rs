//! Which sources are new, which have grown, and which are known by another name.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use rusqlite::{Connection, Row};

use super::cursor::{Cursor, ENDS, End, Ends, skip};
use super::reading::{Reached, Watched};
use crate::audit::index::{self, Covered};
use crate::audit::{self, Contents, Input, PlacedFile};
use crate::model::Name;

/// A source as the store knows it.
#[derive(Clone, Debug)]
pub struct Source {
    pub id: i64,
    pub name: String,
    /// Empty for what is no file.
    pub path: Vec<u8>,
    /// What the file system said when it was last looked at.
    pub stat: Vec<u8>,
    pub cursor: Cursor,
    /// As JSON, compressed.
    pub covered: Vec<u8>,
}

impl Source {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let cursor: String = row.get(4)?;
        let broken = |error: serde_json::Error| {
            rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, error.into())
        };
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            path: row.get(2)?,
            stat: row.get(3)?,
            cursor: serde_json::from_str(&cursor).map_err(broken)?,
            covered: row.get(5)?,
        })
    }

    pub fn all(database: &Connection) -> rusqlite::Result<Vec<Self>> {
        let query = "SELECT id, name, path, stat, cursor, covered FROM sources ORDER BY id";
        database.prepare_cached(query)?.query_map([], Self::of)?.collect()
    }

    /// Writes it, in place of the one of the same id; 0 is a new one.
    pub fn write(&self, database: &Connection) -> rusqlite::Result<()> {
        let cursor = serde_json::to_string(&self.cursor).unwrap_or_default();
        let id = (self.id != 0).then_some(self.id);
        let values = (id, &self.name, &self.path, &self.stat, cursor, &self.covered);
        let query = "INSERT OR REPLACE INTO sources VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        database.prepare_cached(query)?.execute(values).map(|_| ())
    }

    #[cfg(unix)]
    fn exists(&self) -> bool {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(&self.path));
        !self.path.is_empty() && path.exists()
    }

    #[cfg(not(unix))]
    fn exists(&self) -> bool {
        Path::new(&self.name).exists()
    }

    /// What was read of it; None where it is not what was written.
    pub fn covered(&self) -> Option<Covered> {
        serde_json::from_slice(&index::unpack(&self.covered)?).ok()
    }

    pub fn set_covered(&mut self, covered: &Covered) {
        self.covered = index::pack(&serde_json::to_vec(covered).unwrap_or_default());
    }
}

/// What is to be done about something that was named.
pub enum Plan {
    /// Nothing is new. The source, where it is to be noted that it was met under another name.
    Known(Option<Source>),
    /// This is to be read.
    Read(Box<Pending>),
}

/// A source that is being read.
pub struct Pending {
    /// As it is known so far; of id 0 where it is not.
    pub source: Source,
    /// Whether what is read comes behind what was read before, or in place of it.
    pub behind: bool,
    pub input: Input,
    pub reached: Reached,
    /// How much there is to read, as stored; 0 where that is not known.
    pub bytes: u64,
}

/// All known sources, each of which one named file can be.
pub struct Known {
    sources: Vec<Source>,
    claimed: BTreeSet<i64>,
    /// Those that their own files still begin as.
    reserved: BTreeSet<i64>,
    /// Where files were found this time.
    found: BTreeSet<Vec<u8>>,
}

impl Known {
    pub fn new(sources: Vec<Source>) -> Self {
        Self {
            sources,
            claimed: BTreeSet::new(),
            reserved: BTreeSet::new(),
            found: BTreeSet::new(),
        }
    }

    /// Leaves to each of the files what is known of it: what is short may begin like another.
    pub fn reserve<'f>(&mut self, files: impl Iterator<Item = &'f PlacedFile>) {
        for file in files {
            let path = path_bytes(file);
            let own = |source: &&Source| source.path == path && source.cursor.head.length > 0;
            let mut head = None;
            for source in self.sources.iter().filter(own) {
                let is_same = stat(file).is_ok_and(|stat| stat == source.stat) || {
                    let head = head.get_or_insert_with(|| head_of(file).unwrap_or_default());
                    source.cursor.begins(head)
                };
                if is_same {
                    self.reserved.insert(source.id);
                }
            }
            self.found.insert(path);
        }
    }

    /// Sources of which nothing was ever read, and which are gone or are now read as others: nothing
    /// of them is missing.
    pub fn nothing(&self) -> Vec<i64> {
        self.free()
            .filter(|source| source.cursor.taken == 0)
            .filter(|source| {
                // Whatever is there now was read as another: as a new one, or as one that began like it.
                let is_read = self.found.contains(&source.path);
                is_read || !source.exists() || self.is_entered(source)
            })
            .map(|source| source.id)
            .collect()
    }

    /// Whether it is a folder that could not be entered before, and in which there were files this
    /// time.
    fn is_entered(&self, source: &Source) -> bool {
        let mut below = source.path.clone();
        below.push(std::path::MAIN_SEPARATOR as u8);
        self.found.range(below.clone()..).next().is_some_and(|path| path.starts_with(&below))
    }

    /// Whether nothing was read of it so far.
    pub fn was_empty(&self, id: i64) -> bool {
        self.sources.iter().all(|source| source.id != id || source.cursor.taken == 0)
    }

    /// The source at `path` of which nothing could be read before; 0 where there is none.
    pub fn refused(&mut self, file: &PlacedFile) -> i64 {
        let path = path_bytes(file);
        let refused = |source: &&Source| source.path == path && source.cursor.taken == 0;
        let found = self.free().find(refused).cloned();
        self.claim(found).map_or(0, |source| source.id)
    }

    /// Whether some were not met.
    pub fn any_left(&self) -> bool {
        self.sources.iter().any(|source| !self.claimed.contains(&source.id))
    }

    fn free(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| !self.claimed.contains(&source.id))
    }

    fn unreserved(&self) -> impl Iterator<Item = &Source> {
        self.free().filter(|source| !self.reserved.contains(&source.id))
    }

    fn claim(&mut self, found: Option<Source>) -> Option<Source> {
        if let Some(source) = &found {
            self.claimed.insert(source.id);
        }
        found
    }

    /// A source that was read and turns out to be known.
    pub fn same(&mut self, cursor: &Cursor) -> Option<i64> {
        let same = |source: &&Source| cursor.taken > 0 && source.cursor == *cursor;
        let found = self.unreserved().find(same).cloned();
        self.claim(found).map(|source| source.id)
    }

    /// What is to be done about a file.
    pub fn plan(&mut self, name: &Name, placed: &PlacedFile) -> io::Result<Plan> {
        let bytes_of_path = path_bytes(placed);
        let stat = stat(placed)?;
        let is_same = |known: &&Source| {
            known.path == bytes_of_path && known.stat == stat && !known.cursor.early
        };
        let seen = self.free().find(is_same);
        let seen = seen.cloned();
        if self.claim(seen).is_some() {
            return Ok(Plan::Known(None));
        }
        let bytes = placed.size();
        let mut content = Content::of(placed)?;
        let head = content.head();
        let own = Source {
            id: 0,
            name: (**name).to_owned(),
            path: bytes_of_path.clone(),
            stat,
            cursor: Cursor::default(),
            covered: Vec::new(),
        };
        let found = self.best(&head, &bytes_of_path, &mut content, placed)?;
        let Some((known, fits)) = found.and_then(|(id, fits)| Some((self.take(id)?, fits))) else {
            let content = Content::new(placed.open()?, content.compressed);
            return Ok(content.read(own, None, (&head, placed), bytes));
        };
        let own = Source { id: known.id, covered: known.covered, ..own };
        match fits {
            Fits::Whole => Ok(Plan::Known(Some(Source { cursor: known.cursor, ..own }))),
            Fits::Beginning(tail) if known.cursor.by_lines => {
                let behind = Ends::behind(&head, &tail, known.cursor.taken);
                let left =
                    bytes.saturating_sub(if content.compressed { 0 } else { known.cursor.taken });
                Ok(content.read(own, Some(behind), (&head, placed), left))
            }
            // What cannot be read on from where reading ended is read anew.
            Fits::Beginning(_) | Fits::Anew => {
                let content = Content::new(placed.open()?, content.compressed);
                Ok(content.read(own, None, (&head, placed), bytes))
            }
        }
    }

    /// Which of the known sources a content is: of those that it begins with the one of which most
    /// was read. What only begins alike is another source, and stays known. `content` is then behind
    /// what was read.
    fn best(
        &self,
        head: &[u8],
        path: &[u8],
        content: &mut Content,
        placed: &PlacedFile,
    ) -> io::Result<Option<(i64, Fits)>> {
        let of_path = |known: &Source| known.path == path;
        let begins = |known: &&Source| {
            let may = of_path(known) || !self.reserved.contains(&known.id);
            may && known.cursor.head.length > 0 && known.cursor.begins(head)
        };
        let mut alike: Vec<&Source> = self.free().filter(begins).collect();
        alike.sort_by_key(|known| (known.cursor.taken, of_path(known)));
        let (broken, whole): (Vec<_>, Vec<_>) =
            alike.into_iter().partition(|known| known.cursor.broken || known.cursor.early);
        for known in whole.iter().rev() {
            if let Some((tail, ended)) = content.skip(&known.cursor) {
                let fits = if ended { Fits::Whole } else { Fits::Beginning(tail) };
                return Ok(Some((known.id, fits)));
            }
            if content.compressed {
                *content = Content::new(placed.open()?, true);
            }
        }
        let unread = || self.free().find(|known| of_path(known) && known.cursor.taken == 0);
        let anew = broken.last().copied().or_else(unread);
        Ok(anew.map(|known| (known.id, Fits::Anew)))
    }

    fn take(&mut self, id: i64) -> Option<Source> {
        let found = self.free().find(|source| source.id == id).cloned();
        self.claim(found)
    }
}

/// How a content goes on from what was read of a source.
enum Fits {
    /// It does not.
    Whole,
    /// There is more; the bytes before it.
    Beginning(Vec<u8>),
    /// What was read is to be read again.
    Anew,
}

/// The first bytes of a file's content.
fn head_of(file: &PlacedFile) -> io::Result<Vec<u8>> {
    Ok(Content::of(file)?.head())
}

/// A file's content without compression.
struct Content {
    compressed: bool,
    bytes: Bytes,
}

enum Bytes {
    File(Box<dyn Contents>),
    Stream(Box<dyn Read + Send>),
}

impl Content {
    fn of(file: &PlacedFile) -> io::Result<Self> {
        let mut contents = file.open()?;
        let mut first = [0; 8];
        let length = read_up_to(&mut contents, &mut first)?;
        contents.seek(SeekFrom::Start(0))?;
        Ok(Self::new(contents, audit::is_compressed(&first[..length])))
    }

    fn new(file: Box<dyn Contents>, compressed: bool) -> Self {
        let bytes = if compressed {
            Bytes::Stream(audit::decompressed(Box::new(file)))
        } else {
            Bytes::File(file)
        };
        Self { compressed, bytes }
    }

    /// The first bytes; they stay to be read.
    fn head(&mut self) -> Vec<u8> {
        let mut head = vec![0; ENDS];
        let length = match &mut self.bytes {
            Bytes::File(file) => {
                let length = read_up_to(file, &mut head).unwrap_or(0);
                // What cannot be read is told when it is.
                let _ = file.seek(SeekFrom::Start(0));
                length
            }
            Bytes::Stream(stream) => read_up_to(stream, &mut head).unwrap_or(0),
        };
        head.truncate(length);
        if let Bytes::Stream(stream) = &mut self.bytes {
            let rest = std::mem::replace(stream, Box::new(io::empty()));
            *stream = Box::new(io::Cursor::new(head.clone()).chain(rest));
        }
        head
    }

    /// Goes to where reading ended. Returns the bytes before it, and whether nothing follows; None
    /// where the content is another one.
    fn skip(&mut self, cursor: &Cursor) -> Option<(Vec<u8>, bool)> {
        match &mut self.bytes {
            Bytes::File(file) => {
                let length = file.seek(SeekFrom::End(0)).ok()?;
                let tail_length = u64::try_from(cursor.tail.length).ok()?;
                if length < cursor.taken {
                    return None;
                }
                file.seek(SeekFrom::Start(cursor.taken - tail_length)).ok()?;
                let mut tail = vec![0; cursor.tail.length];
                file.read_exact(&mut tail).ok()?;
                (End::of(&tail) == cursor.tail).then_some((tail, length == cursor.taken))
            }
            Bytes::Stream(stream) => {
                let tail = skip(stream, cursor).ok()??;
                let mut next = [0; 1];
                let more = read_up_to(stream, &mut next).ok()?;
                let rest = std::mem::replace(stream, Box::new(io::empty()));
                *stream = Box::new(io::Cursor::new(next[..more].to_vec()).chain(rest));
                Some((tail, more == 0))
            }
        }
    }

    fn read(
        self,
        source: Source,
        behind: Option<Ends>,
        (head, placed): (&[u8], &PlacedFile),
        bytes: u64,
    ) -> Plan {
        let by_lines = audit::is_lines(head);
        let is_behind = behind.is_some();
        let stream: Box<dyn Read + Send> = match self.bytes {
            Bytes::File(file) => Box::new(file),
            Bytes::Stream(stream) if is_behind => stream,
            // What decompresses takes room; it is made again when its turn comes.
            Bytes::Stream(_) => Box::new(Later { file: placed.clone(), bytes: None }),
        };
        let (watched, reached) = Watched::new(stream, behind.unwrap_or_default(), by_lines);
        let name = source.name.as_str().into();
        let input = Input { name, bytes: Box::new(watched) };
        Plan::Read(Box::new(Pending { source, behind: is_behind, input, reached, bytes }))
    }
}

/// A compressed file that is opened when it is first read.
struct Later {
    file: PlacedFile,
    bytes: Option<Box<dyn Read + Send>>,
}

impl Read for Later {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(bytes) = &mut self.bytes {
            return bytes.read(buffer);
        }
        let bytes = audit::decompressed(Box::new(self.file.open()?));
        self.bytes.insert(bytes).read(buffer)
    }
}

impl Pending {
    /// Something that is no file, or no file that can be opened.
    pub fn stream(name: &Name, path: Vec<u8>, bytes: Box<dyn Read + Send>) -> Self {
        let (watched, reached) = Watched::new(bytes, Ends::default(), false);
        let source = Source {
            id: 0,
            name: (**name).to_owned(),
            path,
            stat: Vec::new(),
            cursor: Cursor::default(),
            covered: Vec::new(),
        };
        let input = Input { name: name.clone(), bytes: Box::new(watched) };
        Self { source, behind: false, input, reached, bytes: 0 }
    }
}

/// Where a file is, as it is kept, wherever it was named from.
pub fn path_bytes(file: &PlacedFile) -> Vec<u8> {
    match file {
        PlacedFile::Local(path) => {
            let whole = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            whole.as_os_str().as_encoded_bytes().to_vec()
        }
        PlacedFile::Served(file) => file.name().into_bytes(),
    }
}

fn read_up_to(from: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match from.read(&mut into[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Changes where the file did.
fn stat(file: &PlacedFile) -> io::Result<Vec<u8>> {
    Ok(match file {
        PlacedFile::Local(path) => stat_of(&std::fs::metadata(path)?),
        PlacedFile::Served(file) => file.stat().into_bytes(),
    })
}

fn stat_of(meta: &Metadata) -> Vec<u8> {
    let mut words: Vec<i128> = vec![meta.len().into()];
    if let Ok(time) = meta.modified()
        && let Ok(since) = time.duration_since(std::time::UNIX_EPOCH)
    {
        words.push(i128::try_from(since.as_nanos()).unwrap_or_default());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        words.extend([i128::from(meta.dev()), i128::from(meta.ino())]);
        words.extend([i128::from(meta.ctime()), i128::from(meta.ctime_nsec())]);
    }
    let words: Vec<String> = words.iter().map(i128::to_string).collect();
    words.join(" ").into_bytes()
}
