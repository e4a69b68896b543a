//! From what a person names to files.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::served::{self, Served, ServedFile};
use super::vlogs::{self, EngineError};
use super::{Address, Input, SourceError, SourceSpec};
use crate::audit::Progress;
use crate::model::Name;

/// Finds what is named, each file once however often it is named, in the order named, and sorted
/// below folders and patterns. Files that were named themselves must be readable now; others are
/// opened when their turn comes. Engines are asked now, what they answer is left in `folder`.
pub fn open(
    specs: &[SourceSpec],
    server: Option<&Arc<dyn Served>>,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<Vec<Input>, SourceError> {
    let input = |Place { name, bytes, .. }| Input { name, bytes };
    Ok(find(specs, server, Some((folder, progress)))?.into_iter().map(input).collect())
}

/// Something found.
pub struct Place {
    pub name: Name,
    /// None for standard input and pipes.
    file: Option<PlacedFile>,
    bytes: Box<dyn Read + Send>,
}

impl Place {
    /// The file; None for what is none.
    pub fn file(&self) -> Option<&PlacedFile> {
        self.file.as_ref()
    }

    /// Where the file is on this machine; None for what is elsewhere, or no file.
    pub fn path(&self) -> Option<&Path> {
        match &self.file {
            Some(PlacedFile::Local(path)) => Some(path),
            _ => None,
        }
    }

    /// Its bytes, compressed or not.
    pub fn open(self) -> Box<dyn Read + Send> {
        self.bytes
    }
}

/// A file, wherever it lies.
#[derive(Clone, Debug)]
pub enum PlacedFile {
    Local(PathBuf),
    Served(ServedFile),
}

/// What is in a file.
pub trait Contents: Read + Seek + Send {}

impl<T: Read + Seek + Send> Contents for T {}

impl PlacedFile {
    /// Opens it at its beginning.
    pub fn open(&self) -> io::Result<Box<dyn Contents>> {
        Ok(match self {
            Self::Local(path) => Box::new(File::open(path)?),
            Self::Served(file) => Box::new(file.open()),
        })
    }

    /// How large it is, in bytes as stored; 0 where that cannot be told.
    pub fn size(&self) -> u64 {
        match self {
            Self::Local(path) => fs::metadata(path).map_or(0, |meta| meta.len()),
            Self::Served(file) => file.size(),
        }
    }
}

/// As [`open`], with the files, and without engines.
pub fn places(
    specs: &[SourceSpec],
    server: Option<&Arc<dyn Served>>,
) -> Result<Vec<Place>, SourceError> {
    find(specs, server, None)
}

/// What is named by one, and the folders that were gone through for it, also those that hold nothing.
pub fn looked(spec: &SourceSpec) -> (Result<Vec<Place>, SourceError>, Vec<PathBuf>) {
    let mut found = Found::default();
    let result = found.spec(spec, None, None);
    (result.map(|()| found.places), found.folders)
}

fn find(
    specs: &[SourceSpec],
    server: Option<&Arc<dyn Served>>,
    asking: Option<(&Path, &dyn Progress)>,
) -> Result<Vec<Place>, SourceError> {
    let mut found = Found::default();
    for spec in specs {
        found.spec(spec, server, asking)?;
    }
    Ok(found.places)
}

#[derive(Default)]
struct Found {
    places: Vec<Place>,
    stdin: bool,
    /// Files and folders, links followed.
    known: BTreeSet<PathBuf>,
    /// Folders as they were found.
    folders: Vec<PathBuf>,
    /// How many files were met, also again.
    met: usize,
    /// Addresses of engines.
    engines: BTreeSet<Address>,
    /// Names of files that are served.
    served: BTreeSet<String>,
}

impl Found {
    fn spec(
        &mut self,
        spec: &SourceSpec,
        server: Option<&Arc<dyn Served>>,
        asking: Option<(&Path, &dyn Progress)>,
    ) -> Result<(), SourceError> {
        match spec {
            SourceSpec::Stdin if self.stdin => return Err(SourceError::StdinTwice),
            SourceSpec::Stdin => {
                self.stdin = true;
                let bytes = Box::new(io::stdin());
                self.places.push(Place { name: "-".into(), file: None, bytes });
            }
            SourceSpec::Path(path) => self.named(path)?,
            SourceSpec::Engine(address) => self.engine(address, asking)?,
            SourceSpec::ApiServer(path) => self.served(path, server)?,
        }
        Ok(())
    }

    fn engine(
        &mut self,
        address: &Address,
        asking: Option<(&Path, &dyn Progress)>,
    ) -> Result<(), SourceError> {
        let shown = || address.shown().to_owned();
        let Some((folder, progress)) = asking else {
            return Err(EngineError::NotKept { shown: shown() }.into());
        };
        if !self.engines.insert(address.clone()) {
            return Ok(());
        }
        let target = address.target()?;
        // On a thread of its own: the caller's may be one that must not wait.
        let asked = std::thread::scope(|scope| {
            scope.spawn(|| vlogs::open(&target, folder, progress)).join()
        });
        match asked {
            Ok(input) => {
                let Input { name, bytes } = input?;
                self.places.push(Place { name, file: None, bytes });
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
        Ok(())
    }

    fn served(&mut self, path: &str, server: Option<&Arc<dyn Served>>) -> Result<(), SourceError> {
        let shown = || served::shown(path);
        let server = server.ok_or_else(|| SourceError::NoApiServer { shown: shown() })?;
        let files = served::find(server, path).map_err(|why| SourceError::ApiServer { why })?;
        for file in files {
            if self.served.insert(file.name()) {
                let (name, bytes) = (file.name().into(), Box::new(file.open()));
                self.places.push(Place { name, file: Some(PlacedFile::Served(file)), bytes });
            }
        }
        Ok(())
    }

    fn named(&mut self, path: &Path) -> Result<(), SourceError> {
        let failed = |cause| SourceError::Io { path: path.to_owned(), cause };
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => {
                let before = self.met;
                self.folder(path).map_err(failed)?;
                self.must_have_met(before, path, "the folder has no files")
            }
            // A pipe gives what it holds once: it is opened when it is read, and not before.
            Ok(meta) if !meta.is_file() => {
                if self.is_new(path) {
                    let bytes = LazyFile::Closed(path.to_owned(), None);
                    self.places.push(Place { file: None, ..place(path, bytes) });
                }
                Ok(())
            }
            Ok(_) => {
                let file = File::open(path).map_err(failed)?;
                if self.is_new(path) {
                    self.places.push(place(path, LazyFile::Open(file)));
                }
                Ok(())
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound && is_pattern(path) => {
                self.pattern(path)
            }
            Err(cause) => Err(failed(cause)),
        }
    }

    fn pattern(&mut self, path: &Path) -> Result<(), SourceError> {
        let wrong = |why| SourceError::Pattern { path: path.to_owned(), why };
        let text = path.to_str().ok_or_else(|| wrong("it is not UTF-8"))?;
        let matches = glob::glob(text).map_err(|error| wrong(error.msg))?;
        let before = self.met;
        for found in matches {
            match found {
                Ok(found) => self.below(&found),
                // What else matches is read all the same.
                Err(error) => {
                    let path = error.path().to_owned();
                    self.refused(&path, error.into());
                }
            }
        }
        self.must_have_met(before, path, "the pattern matches no file")
    }

    fn must_have_met(
        &self,
        before: usize,
        path: &Path,
        why: &'static str,
    ) -> Result<(), SourceError> {
        if self.met == before {
            return Err(SourceError::Nothing { path: path.to_owned(), why });
        }
        Ok(())
    }

    /// All files below a folder, hidden ones left out.
    fn folder(&mut self, path: &Path) -> io::Result<()> {
        if !self.is_new(path) {
            return Ok(());
        }
        self.folders.push(path.to_owned());
        let mut entries: Vec<PathBuf> =
            fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        entries.sort();
        for entry in entries {
            let hidden = entry.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
            if !hidden {
                self.below(&entry);
            }
        }
        Ok(())
    }

    /// Something found below what was named. What cannot be looked at is found again, and named,
    /// when it is to be read.
    fn below(&mut self, path: &Path) {
        let meta = match fs::metadata(path) {
            Ok(meta) => meta,
            Err(error) => return self.refused(path, error),
        };
        if meta.is_dir() {
            if let Err(error) = self.folder(path) {
                self.refused(path, error);
            }
        } else if meta.is_file() {
            self.met += 1;
            if self.is_new(path) {
                let bytes = LazyFile::Closed(path.to_owned(), Some(FileId::of(&meta)));
                self.places.push(place(path, bytes));
            }
        }
    }

    fn refused(&mut self, path: &Path, error: io::Error) {
        self.met += 1;
        self.places.push(place(path, Refused(Some(error))));
    }

    fn is_new(&mut self, path: &Path) -> bool {
        self.known.insert(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
    }
}

fn place(path: &Path, bytes: impl Read + Send + 'static) -> Place {
    let name = path.to_string_lossy().into();
    let file = Some(PlacedFile::Local(path.to_owned()));
    Place { name, file, bytes: Box::new(bytes) }
}

fn is_pattern(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// A file that is opened when it is first read, and closed at its end.
enum LazyFile {
    /// Which file it was when it was found; None for what is no file, or where that cannot be told.
    Closed(PathBuf, Option<FileId>),
    Open(File),
    Ended,
}

impl Read for LazyFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Self::Closed(path, id) = self {
            *self = Self::Open(open_found(path, *id)?);
        }
        let Self::Open(file) = self else { return Ok(0) };
        let read = file.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            *self = Self::Ended;
        }
        Ok(read)
    }
}

/// What a file is, wherever it is moved.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    fn of(meta: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self(meta.dev(), meta.ino())
    }

    /// All are the same.
    #[cfg(not(unix))]
    fn of(_: &fs::Metadata) -> Self {
        Self(0, 0)
    }
}

/// Opens the file that was found at `path`, also where it was moved since: a log may rotate while
/// others are read.
fn open_found(path: &Path, id: Option<FileId>) -> io::Result<File> {
    let Some(id) = id else { return File::open(path) };
    let opened = File::open(path).and_then(|file| Ok((FileId::of(&file.metadata()?), file)));
    match opened {
        Ok((opened, file)) if opened == id => return Ok(file),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let beside = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    for entry in fs::read_dir(beside.unwrap_or(Path::new(".")))? {
        let entry = entry?.path();
        // Another one may be a pipe, which is not to be opened.
        if fs::metadata(&entry).is_ok_and(|meta| FileId::of(&meta) == id) {
            return File::open(entry);
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// What could not be opened, told when it is read.
pub struct Refused(pub Option<io::Error>);

impl Read for Refused {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn texts(places: Vec<Place>) -> Vec<io::Result<String>> {
        let text = |place: Place| {
            let mut text = String::new();
            place.open().read_to_string(&mut text).map(|_| text)
        };
        places.into_iter().map(text).collect()
    }

    #[test]
    fn what_rotates_before_it_is_opened_is_what_was_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["a.log", "b.log", "c.log"] {
            fs::write(path(name), name).unwrap();
        }
        let specs = [SourceSpec::Path(folder.path().to_owned())];
        let found = places(&specs, None).unwrap();
        fs::rename(path("a.log"), path("a-1.log")).unwrap();
        fs::write(path("a.log"), "new").unwrap();
        fs::rename(path("b.log"), path("b-1.log")).unwrap();
        fs::write(path("c.log"), "more of c").unwrap();
        let read: Vec<String> = texts(found).into_iter().map(Result::unwrap).collect();
        assert_eq!(read, ["a.log", "b.log", "more of c"]);
        let found = places(&specs, None).unwrap();
        fs::remove_file(path("a.log")).unwrap();
        let gone: Vec<bool> = texts(found).iter().map(Result::is_err).collect();
        assert_eq!(gone, [false, true, false, false], "a-1, a, b-1, c");
    }
}
