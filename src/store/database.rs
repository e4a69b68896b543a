//! The database: opening it, and what it must be.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};

use super::Error;
use super::read::WHOLE;
use super::summed::SUMMED;
use crate::audit::index::{self, Seed};

/// The format of stores that this keybook writes.
pub const FORMAT: i64 = 5;

/// `kbok`, in the file's header: what it is.
const APPLICATION: i64 = 0x6b62_6f6b;

/// How long a process waits for another one that is just writing.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    path BLOB NOT NULL,
    stat BLOB NOT NULL,
    cursor TEXT NOT NULL,
    covered BLOB NOT NULL
) STRICT;
CREATE TABLE hours (
    hour INTEGER PRIMARY KEY,
    requests INTEGER NOT NULL,
    touched INTEGER NOT NULL,
    indexed INTEGER NOT NULL
) STRICT;
CREATE TABLE chunks (
    hour INTEGER NOT NULL,
    part INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (hour, part)
) STRICT;
CREATE TABLE days (
    day INTEGER NOT NULL,
    frozen INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (day, frozen)
) STRICT;
";

/// The store of one cluster, or of one set of logs.
#[derive(Debug)]
pub struct Store {
    pub(super) path: PathBuf,
    pub(super) database: Connection,
}

impl Store {
    /// Opens the store at `path` to take logs in, and makes it if there is none.
    ///
    /// # Errors
    /// Where it cannot be written, or is not what this keybook can read; it is then left alone.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if let Some(folder) = path.parent() {
            make_folder(folder).map_err(|cause| Error::io(path, &cause))?;
        }
        make_file(path).map_err(|cause| Error::io(path, &cause))?;
        let mut store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        if store.check()? {
            store.make()?;
        }
        store.settle()?;
        store.renew()?;
        Ok(store)
    }

    /// Opens the store at `path` to be read; None where there is none.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_to_read(path: &Path) -> Result<Option<Self>, Error> {
        match fs::metadata(path) {
            Ok(meta) if meta.len() == 0 => return Ok(None),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(Error::io(path, &cause)),
            Ok(_) => {}
        }
        // A reader may have to make the files in which processes tell each other what they do.
        let store = match Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE) {
            Ok(store) if store.check().is_ok() => store,
            _ => Self::unchanging(path)?,
        };
        if store.check()? {
            return Ok(None);
        }
        // What a reader writes may be lost with the power, as long as nothing else is.
        let set = store.database.pragma_update(None, "synchronous", "NORMAL");
        set.map_err(|cause| store.failed(&cause))?;
        Ok(Some(store))
    }

    /// Where nothing may be written nobody else writes either.
    fn unchanging(path: &Path) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let store = Self::connect(path, flags)?;
        match store.check() {
            Err(Error::Unwritable { .. }) => {}
            Err(error) => return Err(error),
            Ok(_) => return Ok(store),
        }
        let text = path.to_str().ok_or_else(|| Error::Unwritable {
            path: path.to_owned(),
            cause: "the folder cannot be written, and its name is not UTF-8".to_owned(),
        })?;
        let escaped = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        let uri = format!("file:{escaped}?immutable=1");
        let database = Connection::open_with_flags(
            uri,
            OpenFlags::SQLITE_OPEN_READ_ONLY
                | OpenFlags::SQLITE_OPEN_URI
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        );
        let database = database.map_err(|cause| Error::of(path, &cause))?;
        Ok(Self { path: path.to_owned(), database })
    }

    fn connect(path: &Path, flags: OpenFlags) -> Result<Self, Error> {
        let database = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX);
        let database = database.map_err(|cause| Error::of(path, &cause))?;
        database.busy_timeout(PATIENCE).map_err(|cause| Error::of(path, &cause))?;
        Ok(Self { path: path.to_owned(), database })
    }

    /// Whether it is empty; otherwise it is a store that can be read.
    fn check(&self) -> Result<bool, Error> {
        let all = "SELECT (SELECT application_id FROM pragma_application_id),
            (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)";
        let read = self.database.query_row(all, [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        });
        let (application, format, tables) = read.map_err(|cause| self.failed(&cause))?;
        if tables == 0 && application == 0 && format == 0 {
            return Ok(true);
        }
        let path = self.path.clone();
        if application != APPLICATION {
            return Err(Error::Foreign { path });
        }
        if format > FORMAT {
            return Err(Error::Newer { path, found: format, known: FORMAT });
        }
        self.adopt()?;
        Ok(false)
    }

    /// Takes over the secret under which its fingerprints were made.
    fn adopt(&self) -> Result<(), Error> {
        let read = self.database.query_row(
            "SELECT a.value, b.value FROM meta a, meta b WHERE a.key = 'seed' AND b.key = 'check'",
            [],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
        );
        let (seed, check) = read.map_err(|cause| self.failed(&cause))?;
        let seed = seed_of(&seed).ok_or_else(|| self.damaged("its seed is not one"))?;
        if !seed.adopt() {
            return Err(Error::Seed { path: self.path.clone() });
        }
        if check != format!("{:016x}", index::check()) {
            return Err(self.damaged("its fingerprints are made in another way"));
        }
        Ok(())
    }

    /// Makes an empty database a store.
    fn make(&mut self) -> Result<(), Error> {
        let path = self.path.clone();
        let failed = |cause: rusqlite::Error| Error::of(&path, &cause);
        self.database.pragma_update(None, "page_size", 8192).map_err(failed)?;
        self.database.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(failed)?;
        self.database.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        let seed = Seed::of_process();
        let transaction = self.transaction()?;
        let empty: i64 = transaction
            .query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
            .map_err(failed)?;
        // Another process may have been faster.
        if empty == 1 {
            let meta = "INSERT INTO meta VALUES ('seed', ?1), ('check', ?2)";
            transaction.execute_batch(SCHEMA).map_err(failed)?;
            let check = format!("{:016x}", index::check());
            transaction.execute(meta, (text_of(seed), check)).map_err(failed)?;
            transaction.pragma_update(None, "application_id", APPLICATION).map_err(failed)?;
            transaction.pragma_update(None, "user_version", FORMAT).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        self.check().map(|_| ())
    }

    /// Stores of before have no place for what their days come to, and for summaries.
    fn renew(&mut self) -> Result<(), Error> {
        let format = self.one("SELECT user_version FROM pragma_user_version")?;
        if self.has_whole()? && self.has_summed()? && format == FORMAT {
            return Ok(());
        }
        let path = self.path.clone();
        let transaction = self.transaction()?;
        let made = transaction
            .execute_batch(WHOLE)
            .and_then(|()| transaction.execute_batch(SUMMED))
            .and_then(|()| transaction.pragma_update(None, "user_version", FORMAT))
            .and_then(|()| transaction.commit());
        made.map_err(|cause| Error::of(&path, &cause))
    }

    pub(super) fn has_whole(&self) -> Result<bool, Error> {
        Ok(self.one("SELECT count(*) FROM sqlite_schema WHERE name = 'whole'")? > 0)
    }

    pub(super) fn has_summed(&self) -> Result<bool, Error> {
        Ok(self.one("SELECT count(*) FROM sqlite_schema WHERE name = 'summed'")? > 0)
    }

    pub(super) fn settle(&self) -> Result<(), Error> {
        let set = self.database.pragma_update(None, "synchronous", "FULL");
        set.and_then(|()| self.database.pragma_update(None, "cache_size", -8192))
            .and_then(|()| self.database.pragma_update(None, "journal_size_limit", 1 << 24))
            .map_err(|cause| self.failed(&cause))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn failed(&self, cause: &rusqlite::Error) -> Error {
        Error::of(&self.path, cause)
    }

    pub(super) fn damaged(&self, cause: &str) -> Error {
        Error::Damaged { path: self.path.clone(), cause: cause.to_owned() }
    }

    /// One number.
    pub(super) fn one(&self, query: &str) -> Result<i64, Error> {
        self.database.query_row(query, [], |row| row.get(0)).map_err(|cause| self.failed(&cause))
    }

    pub(super) fn transaction(&mut self) -> Result<Transaction<'_>, Error> {
        let path = self.path.clone();
        self.database
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|cause| Error::of(&path, &cause))
    }

    /// What is noted under `key`.
    pub(super) fn meta<T: rusqlite::types::FromSql>(&self, key: &str) -> Result<Option<T>, Error> {
        self.database
            .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
            .optional()
            .map_err(|cause| self.failed(&cause))
    }

    /// Notes something under `key`.
    pub(super) fn note(&self, key: &str, value: impl rusqlite::ToSql) -> Result<(), Error> {
        self.database
            .execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", (key, value))
            .map(|_| ())
            .map_err(|cause| self.failed(&cause))
    }
}

/// A seed as it is written.
pub(super) fn text_of(Seed(words): Seed) -> String {
    words.map(|word| format!("{word:016x}")).concat()
}

/// A seed that was written.
pub(super) fn seed_of(text: &str) -> Option<Seed> {
    let text = text.trim();
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut words = [0; 4];
    for (at, word) in words.iter_mut().enumerate() {
        *word = u64::from_str_radix(&text[at * 16..][..16], 16).ok()?;
    }
    Some(Seed(words))
}

/// Only for the user: what lies there says who did what.
pub(super) fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

pub(super) fn make_file(path: &Path) -> std::io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
