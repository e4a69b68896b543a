//! What can go wrong with a store.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::audit;

/// Why a store could not be used. It is then as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A later keybook wrote it.
    #[error(
        "the store {} is of format {found}, written by a newer keybook; this one knows formats up \
         to {known}: use the newer keybook, or --no-store",
        path.display()
    )]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// Something else lies there.
    #[error("{} is no store of keybook; it was left alone: move it away, or use --no-store", path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
    },
    /// Its contents are not what was written.
    #[error(
        "the store {} is damaged ({cause}); it was left alone: move it away and ingest the logs \
         again, or use --no-store",
        path.display()
    )]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// Its fingerprints were made under a secret that this process does not have.
    #[error(
        "the store {} was made in another folder than those beside it, and cannot be read together \
         with them: give it a folder of its own, or ingest the logs again",
        path.display()
    )]
    Seed {
        /// Which.
        path: PathBuf,
    },
    /// There is no room.
    #[error(
        "no space left for the store {}; what it held before is still there: free space, or prune \
         it with keybook store prune",
        path.display()
    )]
    Full {
        /// Which.
        path: PathBuf,
    },
    /// It may not be written.
    #[error(
        "cannot write the store {}: {cause}; give it a folder that may be written (XDG_DATA_HOME), or \
         read logs with --audit and --no-store",
        path.display()
    )]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// Another process writes it, and did not end.
    #[error("another keybook is writing the store {}; try again when it has ended", path.display())]
    Busy {
        /// Which.
        path: PathBuf,
    },
    /// The system refused it.
    #[error("cannot use the store {}: {cause}", path.display())]
    Other {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// No store of that name.
    #[error("no store is called {name:?}; keybook store list shows those that there are")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The system knows no folder for it.
    #[error(
        "this system names no home directory to keep a store in; set XDG_DATA_HOME, or use --no-store"
    )]
    Nowhere,
    /// A log could not be read.
    #[error(transparent)]
    Audit(#[from] audit::Error),
}

impl Error {
    /// From what the database said.
    pub(super) fn of(path: &Path, cause: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        let said = cause.to_string();
        match cause.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::Unwritable { path, cause: said }
            }
            Some(ErrorCode::CannotOpen) => Self::Unwritable { path, cause: said },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(ErrorCode::NotADatabase) => Self::Foreign { path },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, cause: said },
            _ => Self::Other { path, cause: said },
        }
    }

    /// From what the file system said.
    pub(super) fn io(path: &Path, cause: &std::io::Error) -> Self {
        let path = path.to_owned();
        match cause.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Self::Full { path }
            }
            _ => Self::Unwritable { path, cause: cause.to_string() },
        }
    }

    /// Whether answers can do without the store: where it cannot be written or is busy. A store that
    /// is there and cannot be understood is told instead.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Full { .. } | Self::Unwritable { .. } | Self::Busy { .. } | Self::Nowhere
        )
    }
}
