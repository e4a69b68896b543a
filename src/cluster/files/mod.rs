//! Saved objects: what `kubectl get … -o json|yaml` prints, and keybook's own snapshots.
//!
//! [`read()`] takes `List`s, typed lists, single objects, concatenated and line-separated JSON,
//! JSON arrays, multi-document YAML, directories of all these, each plain or gzip, and standard
//! input. kubectl's output carries no proof of being whole, so every list that was found is
//! [`Health::Unverifiable`](crate::model::Health::Unverifiable), one that was not is `NotGiven`,
//! and one that a broken part may have fed is `Failed`. A folder that [`write()`] made carries the
//! health of its lists and is read back exactly.

mod flow;
mod gather;
mod json;
mod reason;
mod saved;
mod source;
mod yaml;

use std::io::Read;
use std::path::{Path, PathBuf};

pub use saved::{MANIFEST, Written, is_snapshot, write};

use crate::model::Snapshot;
use gather::Gather;

/// A place that objects are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input, written `-`.
    Stdin,
    /// A file or a directory.
    Path(PathBuf),
}

impl Source {
    /// `-` is standard input, anything else a path.
    pub fn parse(text: &str) -> Self {
        if text == "-" { Self::Stdin } else { Self::Path(text.into()) }
    }
}

/// Why nothing could be read at all. What is only partly broken is in
/// [`Snapshot::broken`] instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing at this path.
    #[error("{}: no such file or directory", .0.display())]
    Missing(PathBuf),
    /// A directory without any file that could hold objects.
    #[error(
        "{}: no .json, .yaml or .yml file in this directory ({others} other files); \
         save objects with kubectl get … -o json, or with keybook snapshot --out", .path.display()
    )]
    EmptyDirectory {
        /// The directory.
        path: PathBuf,
        /// Files of other kinds in it.
        others: u64,
    },
    /// An input without a single byte of text.
    #[error("{0}: empty; save objects with kubectl get … -o json")]
    Empty(String),
    /// A snapshot folder beside other sources: its health would say nothing about them.
    #[error(
        "{}: a snapshot folder carries the health of its own lists and is read alone; \
         name no other --from beside it", .0.display()
    )]
    SnapshotNotAlone(PathBuf),
    /// The folder is no snapshot of a version that this program reads.
    #[error("{}: {cause}", .path.display())]
    BadSnapshot {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// Where a snapshot is to be written there is something else.
    #[error(
        "{}: {cause}; nothing was written: name a new folder, or one that keybook snapshot made",
        .path.display()
    )]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// What is there.
        cause: String,
    },
    /// The operating system refused.
    #[error("{tried}: {cause}")]
    Io {
        /// What was tried, on what.
        tried: String,
        /// The operating system's words.
        cause: std::io::Error,
    },
}

impl Error {
    fn io(verb: &str, path: &Path, cause: std::io::Error) -> Self {
        Self::Io { tried: format!("{verb} {}", path.display()), cause }
    }
}

/// Reads all sources into one snapshot, standard input included.
///
/// # Errors
/// [`Error`] where a source cannot be had at all. Broken parts of a source are named in
/// [`Snapshot::broken`] and the rest is read.
pub fn read(sources: &[Source]) -> Result<Snapshot, Error> {
    read_with(sources, &mut std::io::stdin().lock())
}

/// As [`read()`], with something else for standard input.
///
/// # Errors
/// As [`read()`].
pub fn read_with(sources: &[Source], stdin: &mut dyn Read) -> Result<Snapshot, Error> {
    for one in sources {
        if let Source::Path(path) = one
            && is_snapshot(path)
        {
            if sources.len() > 1 {
                return Err(Error::SnapshotNotAlone(path.clone()));
            }
            return saved::read(path);
        }
    }
    let mut gather = Gather::default();
    for one in sources {
        source::read(one, stdin, &mut gather)?;
    }
    Ok(gather.finish(&title(sources)))
}

/// The id of the cluster of files that do not say which one they are of.
pub const UNNAMED: &str = "files";

/// The short name of what was read, for want of a context: the first path's last part.
fn title(sources: &[Source]) -> String {
    match sources.first() {
        Some(Source::Path(path)) => path
            .canonicalize()
            .ok()
            .as_deref()
            .unwrap_or(path)
            .file_name()
            .map_or_else(|| "files".to_owned(), |name| name.to_string_lossy().into_owned()),
        Some(Source::Stdin) => "stdin".to_owned(),
        None => "files".to_owned(),
    }
}

#[cfg(test)]
mod tests;
