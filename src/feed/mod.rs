//! Sources to Books: one feed a cluster.
//!
//! A feed owns its sources, its policy and its clock. It follows the cluster, reads the log beside
//! it and publishes a Book whenever something is not as it was: the first at once, then at most
//! four a second. One rebuild runs and one waits; whatever came in between is in the one that
//! waits. A source that fails or ends never ends the feed: the health of lists, and
//! [`Book::log`], say what is wrong.

mod engine;
mod log;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::audit;
use crate::book::Book;
use crate::cluster::Cluster;
use crate::cluster::loader::LoadOptions;
use crate::model::{Activity, Name, Policy, Snapshot};
use engine::Engine;

/// The least time between two Books.
pub const PACE: Duration = Duration::from_millis(250);

/// Tells the time, UTC. Tests and the demo pin it.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The machine's clock.
pub fn wall_clock() -> Clock {
    Arc::new(Utc::now)
}

/// Reads saved objects, once and again on [`Feed::reload`]. The error says what was tried, on what,
/// and why it failed.
pub type ReadSnapshot = Arc<dyn Fn() -> Result<Snapshot, String> + Send + Sync>;

/// Opens logs, once and again on [`Feed::reload`].
pub type OpenLog = Arc<dyn Fn() -> Vec<audit::Input> + Send + Sync>;

/// Reads a log that is kept somewhere, once and again on [`Feed::reload`]; None where nothing is. The
/// error says what was tried, on what, and why it failed.
pub type ReadLog = Arc<
    dyn Fn(&dyn audit::Progress, DateTime<Utc>) -> Result<Option<Activity>, String> + Send + Sync,
>;

/// Where the objects come from.
#[derive(Clone)]
pub enum Objects {
    /// A cluster, followed.
    Live {
        /// The cluster.
        cluster: Arc<dyn Cluster>,
        /// How to load and follow it.
        options: LoadOptions,
    },
    /// Saved objects.
    Saved(ReadSnapshot),
}

impl Objects {
    /// Objects that were read already.
    pub fn of(snapshot: Snapshot) -> Self {
        Self::Saved(Arc::new(move || Ok(snapshot.clone())))
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live { cluster, .. } => f.debug_tuple("Live").field(cluster).finish(),
            Self::Saved(_) => f.write_str("Saved"),
        }
    }
}

/// Where the log comes from.
#[derive(Clone, Default)]
pub enum Log {
    /// Nowhere.
    #[default]
    None,
    /// Files, as named on the command line.
    Files(Vec<audit::SourceSpec>),
    /// Files, as named on the command line, and what comes to them while the feed runs.
    Followed(Followed),
    /// What somebody opens.
    Opened(OpenLog),
    /// What is kept of former readings.
    Read(ReadLog),
}

/// Files that are followed.
#[derive(Clone)]
pub struct Followed {
    /// As named on the command line.
    pub specs: Vec<audit::SourceSpec>,
    /// Of which cluster events are read, see [`audit::Options::cluster`].
    pub cluster: Option<Name>,
    /// What is kept of former readings of them, to be there while they are read.
    pub kept: Option<ReadLog>,
}

impl Log {
    /// Whether it can be read no second time: standard input, or a pipe.
    fn is_read_once(&self) -> bool {
        let (Self::Files(specs) | Self::Followed(Followed { specs, .. })) = self else {
            return false;
        };
        specs.iter().any(audit::SourceSpec::is_stream)
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Files(specs) => f.debug_tuple("Files").field(specs).finish(),
            Self::Followed(followed) => f.debug_tuple("Followed").field(&followed.specs).finish(),
            Self::Opened(_) => f.write_str("Opened"),
            Self::Read(_) => f.write_str("Read"),
        }
    }
}

/// What a feed is fed with.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Where the objects come from.
    pub objects: Objects,
    /// Where the log comes from.
    pub log: Log,
}

/// What a person asks of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Reload,
}

/// A running feed. Dropping it stops everything that it started.
#[derive(Debug)]
pub struct Feed {
    books: watch::Receiver<Arc<Book>>,
    requests: mpsc::Sender<Request>,
    _task: AbortOnDropHandle<()>,
}

impl Feed {
    /// Starts to read the sources. An empty Book, all of whose lists are loading, is there at once.
    /// Must be called within a tokio runtime.
    pub fn start(sources: Sources, policy: Arc<Policy>, clock: Clock) -> Self {
        let (requests, asked) = mpsc::channel(1);
        let (engine, books) = Engine::new(sources, policy, clock);
        let task = AbortOnDropHandle::new(tokio::spawn(engine.run(asked)));
        Self { books, requests, _task: task }
    }

    /// The Books, newest first and only: one that comes too late for a reader is never seen.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Book>> {
        self.books.clone()
    }

    /// The newest Book.
    pub fn book(&self) -> Arc<Book> {
        self.books.borrow().clone()
    }

    /// Reads all sources afresh. What is known stays until something newer is; a reload that is
    /// asked for while another waits is the same one.
    pub fn reload(&self) {
        // Full: one waits already.
        let _ = self.requests.try_send(Request::Reload);
    }
}
