//! Where logs are: files, folders of rotated files, patterns, standard input, engines.

pub(super) mod blocks;
pub(super) mod compressed;
pub(super) mod find;
pub(super) mod framing;
mod plain;
pub(super) mod queue;
pub mod served;
pub mod vlogs;

use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::str::FromStr;

use crate::model::Name;
pub use find::{Contents, Place, PlacedFile, open, places};
pub use plain::{Hanging, decompressed, is_compressed, is_lines};

/// A log as a person names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceSpec {
    /// A file, a folder (all files below it), or a pattern with `*`, `**`, `?` or `[…]`.
    Path(PathBuf),
    /// Standard input: `-`.
    Stdin,
    /// An engine that is asked: `vlogs://…`.
    Engine(Address),
    /// What the cluster's API server serves below `/logs/`, by its path there: `apiserver:PATH`.
    ApiServer(String),
}

/// The address of an engine, which may hold what is secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(String);

impl Address {
    /// Without what is secret.
    pub fn shown(&self) -> &str {
        vlogs::shown(&self.0)
    }

    /// What is asked, of whom.
    ///
    /// # Errors
    /// Where it is no address.
    pub(crate) fn target(&self) -> Result<vlogs::Target, vlogs::EngineError> {
        let shown = self.shown().to_owned();
        let target = vlogs::Target::parse(&self.0, &|name| std::env::var(name).ok());
        target.map_err(|why| vlogs::EngineError::Address { shown, why: why.to_owned() })
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.shown()).finish()
    }
}

impl SourceSpec {
    /// Whether what it holds can be read once only: standard input, or a pipe.
    pub fn is_stream(&self) -> bool {
        match self {
            Self::Stdin => true,
            Self::Path(path) => {
                std::fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
            }
            Self::Engine(_) | Self::ApiServer(_) => false,
        }
    }
}

impl FromStr for SourceSpec {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "-" => Self::Stdin,
            address if vlogs::is_target(address) => Self::Engine(Address(address.to_owned())),
            other => {
                served::path_of(other).map_or_else(|| Self::Path(other.into()), Self::ApiServer)
            }
        })
    }
}

/// A log to be read.
pub struct Input {
    /// As the person named it, or as it was found below what the person named.
    pub name: Name,
    /// The bytes, compressed or not.
    pub bytes: Box<dyn Read + Send>,
}

/// Why a log could not be found or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The system refused it.
    #[error("cannot read the audit log {}: {cause}; check the path and your right to read it", path.display())]
    Io {
        /// What was tried.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// No file there.
    #[error("no audit log at {}: {why}; name a file, a folder or a pattern that has some", path.display())]
    Nothing {
        /// What was tried.
        path: PathBuf,
        /// What was found instead.
        why: &'static str,
    },
    /// Not a pattern.
    #[error("{} is no pattern for audit logs: {why}", path.display())]
    Pattern {
        /// What was tried.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An engine does not answer.
    #[error(transparent)]
    Engine(#[from] vlogs::EngineError),
    /// The API server does not give its logs.
    #[error("{why}")]
    ApiServer {
        /// What was tried, what the server said, what to do next.
        why: String,
    },
    /// Nobody can say which API server.
    #[error(
        "{shown} is read from the API server of a context: it cannot be read with --from, from a \
         demo, or by --follow"
    )]
    NoApiServer {
        /// As it was named.
        shown: String,
    },
    /// Standard input can be read once.
    #[error("standard input (-) is named twice as an audit log: name it once")]
    StdinTwice,
    /// Standard input and pipes have no name under which more of them could be found.
    #[error(
        "standard input (-) or a pipe cannot be followed: name the file or folder, or leave --follow out"
    )]
    StdinFollowed,
}
