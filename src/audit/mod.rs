//! Audit logs: from files to an [`Activity`].
//!
//! `source` finds logs, decompresses them and cuts them into blocks of whole lines, one a record
//! whatever their shape was, `format` takes an event out of what carries it, `request` says what one
//! line means. Readers, one a thread, leave a small *trace* of
//! each line: a fingerprint that tells one request from another, its time, and the number of the
//! combination of who, with what, from where and what for that the line repeats. Once everything is
//! read the traces are merged in the order of hours and fingerprints, so that all lines of a request
//! meet, the one that knows most counts, and the requests are added up into rows.
//!
//! Whatever the size of the log and whatever clients send, memory is bounded: traces go to a file
//! that has no name, of what clients choose only the newest is kept, and rows that are too many are
//! summed more coarsely. Nothing of it depends on the order of lines, files or threads.

mod assemble;
mod covered;
mod follow;
mod format;
mod forwarded;
mod hashing;
pub(crate) mod index;
mod kept;
mod lexicon;
mod memo;
mod merge;
mod newest;
pub mod query;
mod rates;
mod reader;
mod record;
mod request;
mod rows;
mod runs;
mod servers;
mod shared;
mod source;
mod stored;
mod summary;
mod summed;
mod tables;
mod tally;
mod who;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{Activity, Name, counted};
use covered::Covered;
pub use follow::{Bell, Following, Waiting};
pub(crate) use format::is_remnant;
use lexicon::Lexicon;
use reader::Reader;
use runs::Runs;
use servers::Servers;
use shared::{Bounds, Shared};
use source::blocks::Next;
use source::queue::Queue;
pub use source::served::{Part, Served};
pub use source::{Address, Input, SourceError, SourceSpec, vlogs};
pub(crate) use source::{
    Contents, Hanging, Place, PlacedFile, decompressed, is_compressed, is_lines, places,
};

/// How to read.
#[derive(Clone, Debug)]
pub struct Options {
    /// The time at which the log is read, UTC: lines dated later than an hour after it are not
    /// believed, they are counted as unreadable.
    pub now: DateTime<Utc>,
    /// How many threads read; by default as many as there are processors, at most eight.
    pub threads: Option<NonZeroUsize>,
    /// Where a log too large for memory leaves its traces while it is read; by default where the
    /// system has temporary files. A file there has no name, and is gone with the process.
    pub folder: Option<PathBuf>,
    /// Of which cluster events are read where a carrier names one; events of which it is not said
    /// are read too. By default there may be only one.
    pub cluster: Option<Name>,
    /// The API server whose logs [`SourceSpec::ApiServer`] names; without it there are none.
    pub server: Option<Arc<dyn Served>>,
    bounds: Bounds,
}

impl Options {
    /// The usual way of reading.
    pub fn new(now: DateTime<Utc>) -> Self {
        let (threads, folder, cluster, server) = (None, None, None, None);
        Self { now, threads, folder, cluster, server, bounds: Bounds::default() }
    }

    fn threads(&self) -> usize {
        let usual = || thread::available_parallelism().map_or(1, NonZeroUsize::get).min(8);
        self.threads.map_or_else(usual, NonZeroUsize::get)
    }
}

/// Told how far reading has come, from any thread.
pub trait Progress: Sync {
    /// So many more bytes of the sources, as stored, have been read.
    fn advanced(&self, bytes: u64);

    /// Whether to stop; [`read`] then returns [`Error::Cancelled`].
    fn cancelled(&self) -> bool {
        false
    }
}

/// Nobody is told.
impl Progress for () {
    fn advanced(&self, _: u64) {}
}

/// Why no activity could be read. What is wrong *inside* a log is no error: it is counted in
/// [`crate::model::Coverage::unreadable`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A named log could not be found or opened.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The log is too large for memory, and its traces cannot be left on disk.
    #[error(
        "cannot write what was read of the audit logs to a temporary file in {}: {cause}; free \
         space there or name another folder with TMPDIR",
        folder.display()
    )]
    Disk {
        /// Where.
        folder: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The logs are of more than one cluster: to mix them would be wrong for each.
    #[error(
        "the audit logs are of {} clusters: {}; name the logs of one, or say which with \
         --audit-cluster",
        clusters.len(), several(clusters)
    )]
    Clusters {
        /// The clusters that carriers name, with the number of events.
        clusters: Vec<(Name, u64)>,
    },
    /// The logs do not name their clusters, and are of more than one all the same.
    #[error(
        "the audit logs are of {} clusters: the service account kube-system/{account} has as many \
         uids at the same time, {}; name the logs of one, or --audit-cluster with any name to read \
         them as if they were of one", logs.len(), apart(logs)
    )]
    ToldApart {
        /// The account by which they are told apart.
        account: Name,
        /// The logs that each is in.
        logs: Vec<Vec<Name>>,
    },
    /// The one who asked no longer wants it.
    #[error("reading the audit logs was cancelled")]
    Cancelled,
}

/// Names from logs, for a message: the largest first, nothing that a terminal would obey.
fn several(clusters: &[(Name, u64)]) -> String {
    let mut sorted: Vec<_> = clusters.iter().collect();
    sorted.sort_by_key(|(name, events)| (std::cmp::Reverse(*events), name.clone()));
    let named = sorted.iter().take(5).map(|(name, events)| {
        let name: String = name.chars().flat_map(char::escape_debug).collect();
        format!("{name} ({})", counted(*events, "event"))
    });
    let more = if sorted.len() > 5 { vec!["…".to_owned()] } else { Vec::new() };
    named.chain(more).collect::<Vec<_>>().join(", ")
}

/// Which logs are of which cluster, for a message.
fn apart(logs: &[Vec<Name>]) -> String {
    let shown = |names: &Vec<Name>| {
        let named = names
            .iter()
            .take(3)
            .map(|name| -> String { name.chars().flat_map(char::escape_debug).collect() });
        let more =
            if names.len() > 3 { vec![format!("{} more", names.len() - 3)] } else { Vec::new() };
        format!("one in {}", named.chain(more).collect::<Vec<_>>().join(", "))
    };
    logs.iter().take(5).map(shown).collect::<Vec<_>>().join("; ")
}

/// Reads logs into one activity. The result does not depend on the order of the sources, nor on how
/// the lines are spread over them.
///
/// # Errors
/// Where a named source is not there or cannot be opened, and as [`read_inputs`].
pub fn read(
    sources: &[SourceSpec],
    options: &Options,
    progress: &dyn Progress,
) -> Result<Activity, Error> {
    let folder = options.folder.clone().unwrap_or_else(std::env::temp_dir);
    let server = options.server.as_ref();
    read_inputs(source::open(sources, server, &folder, progress)?, options, progress)
}

/// Reads opened logs into one activity, as [`read`] does.
///
/// # Errors
/// Where a large log finds no room on disk, where carriers name more than one cluster and
/// [`Options::cluster`] does not, or on [`Progress::cancelled`].
pub fn read_inputs(
    inputs: Vec<Input>,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Activity, Error> {
    sum_up(trace(inputs, options, progress)?, options)
}

/// What reading leaves, before it is summed up.
struct Traced {
    lexicon: Lexicon,
    runs: Runs,
    /// By number of the input.
    covered: BTreeMap<u32, Covered>,
    /// What the inputs are called.
    names: Vec<Name>,
}

/// Reads opened logs.
fn trace(inputs: Vec<Input>, options: &Options, progress: &dyn Progress) -> Result<Traced, Error> {
    let queue = Queue::new(inputs, progress);
    let shared = Shared::new(&options.bounds, options.folder.as_deref());
    let covered = thread::scope(|scope| {
        let readers: Vec<_> = (0..options.threads())
            .map(|_| scope.spawn(|| read_all(&queue, &shared, options, progress)))
            .collect();
        let mut covered: BTreeMap<u32, Covered> = BTreeMap::new();
        for reader in readers {
            match reader.join() {
                Ok(parts) => {
                    for (source, part) in parts {
                        covered.entry(source).or_default().add(part);
                    }
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        covered
    });
    if progress.cancelled() {
        return Err(Error::Cancelled);
    }
    let named = covered.iter().filter_map(|(number, part)| {
        Some((queue.names().get(usize::try_from(*number).ok()?)?, part))
    });
    one_cluster(named, options)?;
    let (lexicon, mut runs) = shared.into_parts();
    if let Some(cause) = runs.error() {
        return Err(Error::Disk { folder: runs.folder().to_owned(), cause });
    }
    Ok(Traced { lexicon, runs, covered, names: queue.names().to_vec() })
}

/// Refuses logs of several clusters, unless one was chosen.
fn one_cluster<'c>(
    covered: impl Iterator<Item = (&'c Name, &'c Covered)>,
    options: &Options,
) -> Result<(), Error> {
    if options.cluster.is_some() {
        return Ok(());
    }
    let (mut all, mut sources) = (Servers::default(), Vec::new());
    for (name, part) in covered {
        all.add(part.servers.clone());
        sources.push((name, &part.servers));
    }
    let clusters = all.clusters();
    if clusters.len() > 1 {
        return Err(Error::Clusters { clusters });
    }
    let Some((account, uids)) = all.told_apart() else { return Ok(()) };
    let with = |uid: &Name| -> Vec<Name> {
        let have = sources.iter().filter(|(_, servers)| servers.has(&account, uid));
        have.map(|(name, _)| (*name).clone()).collect()
    };
    let logs = uids.iter().map(with).collect();
    Err(Error::ToldApart { account, logs })
}

/// What one thread does.
fn read_all(
    queue: &Queue<'_>,
    shared: &Shared,
    options: &Options,
    progress: &dyn Progress,
) -> BTreeMap<u32, Covered> {
    let latest = (options.now + TimeDelta::hours(1)).timestamp_micros();
    let mut reader = Reader::new(shared, latest, options.cluster.clone());
    let mut buffer = vec![0; options.bounds.block];
    let mut own = None;
    while !progress.cancelled()
        && !shared.failed()
        && let Some((source, next)) = queue.next(&mut own, &mut buffer)
    {
        match next {
            Next::Lines { number, bytes, framed } => {
                reader.block(source, number, &buffer[..bytes], framed);
            }
            Next::Broken { number, reason } => reader.broken(source, number, reason),
            Next::Nothing | Next::End => {}
        }
    }
    reader.finish()
}

fn sum_up(traced: Traced, options: &Options) -> Result<Activity, Error> {
    let Traced { mut lexicon, runs, covered, names } = traced;
    let folder = runs.folder().to_owned();
    let failed = |cause| Error::Disk { folder: folder.clone(), cause };
    let kept = lexicon.settle();
    let mut tally = tally::Tally::new(&kept, options.bounds.rows);
    let events =
        merge::requests(&runs, &lexicon, |request| tally.take(request)).map_err(&failed)?;
    let summed = summed::Extents::take(&runs, &mut tally).map_err(failed)?;
    let sums = tally.finish();
    // What is not needed any more makes room for what comes.
    drop((runs, lexicon));
    let mut all = Covered::default();
    for part in covered.into_values() {
        all.add(part);
    }
    let mut coverage = all.coverage(&names);
    summed.cover(events, &all.stretches, &mut coverage);
    Ok(assemble::assemble(sums, kept.beside(), coverage))
}

#[cfg(test)]
mod tests;
