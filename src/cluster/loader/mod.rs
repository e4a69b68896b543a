//! Snapshots of a live cluster: all lists at once, in pages, each with its health; then kept
//! current by watches.
//!
//! - What every answer stands on comes first; Pods and workloads wait until the rest is there.
//! - A failing list never holds up another. What may not be listed everywhere is listed in the
//!   namespaces that are known.
//! - Reads that may succeed later are tried again, a few times and not for long. A watch goes on
//!   for ever: it is resumed where it broke, and read afresh where the server has forgotten that
//!   place. While it is broken its list is outdated.
//! - An API server that has only just started refuses what it will allow: after it was out of reach
//!   no refusal is the last word, and everything is asked for again.

mod board;
mod follow;
mod held;
mod read;
#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::Utc;
use futures::future::{join, join_all};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::time::Instant;

pub use follow::{Changes, follow, refollow};

use self::board::{Board, Out};
use self::held::Held;
use super::{Cluster, Error, Extent, Source};
use crate::model::{ListKind, Name, Snapshot};

/// How to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// The lists to read; the others are "not given". Namespaces are read in any case, since what
    /// is refused everywhere is asked for in each of them.
    pub lists: Vec<ListKind>,
    /// Namespaces to look into where they cannot be listed (repeated `-n`, contexts, configuration).
    pub namespaces: Vec<Name>,
    /// Objects a page.
    pub page: u32,
    /// Requests at a time, watches not counted.
    pub concurrency: usize,
    /// How often a read is tried, at most.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles from one to the next.
    pub backoff: Duration,
    /// The longest wait between attempts to resume a watch.
    pub longest_backoff: Duration,
    /// No read is tried again once it has taken this long altogether.
    pub patience: Duration,
    /// How often a list is read again that may be read and not watched.
    pub poll: Duration,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            lists: ListKind::ALL.to_vec(),
            namespaces: Vec::new(),
            page: 500,
            concurrency: 12,
            attempts: 4,
            backoff: Duration::from_millis(200),
            longest_backoff: Duration::from_secs(30),
            patience: Duration::from_secs(10),
            poll: Duration::from_mins(1),
        }
    }
}

impl LoadOptions {
    /// The same for some lists only.
    #[must_use]
    pub fn only(lists: &[ListKind]) -> Self {
        Self { lists: lists.to_vec(), ..Self::default() }
    }

    fn sources(&self) -> impl Iterator<Item = &'static Source> {
        ListKind::ALL
            .into_iter()
            .filter(|list| *list == ListKind::Namespaces || self.lists.contains(list))
            .flat_map(Source::of)
    }
}

/// Lists that nobody waits for: who runs as what, which are long, and what limits whom.
fn is_for_later(list: ListKind) -> bool {
    matches!(
        list,
        ListKind::Pods
            | ListKind::Workloads
            | ListKind::NetworkPolicies
            | ListKind::FlowSchemas
            | ListKind::PriorityLevels
    )
}

/// One load, and what its parts tell each other.
struct Loader<'a> {
    cluster: &'a dyn Cluster,
    options: &'a LoadOptions,
    permits: Semaphore,
    board: Mutex<Board>,
    /// Namespaces by name, once known.
    namespaces: watch::Sender<Option<Vec<Name>>>,
    /// When the server was last out of reach.
    away: watch::Sender<Option<Instant>>,
    /// Sources of the first lists that have not been read yet.
    first: watch::Sender<usize>,
    /// The same of the others.
    later: watch::Sender<usize>,
}

impl<'a> Loader<'a> {
    fn new(cluster: &'a dyn Cluster, options: &'a LoadOptions, out: Out, held: Held) -> Self {
        let (later, first) =
            options.sources().partition::<Vec<&Source>, _>(|source| is_for_later(source.list));
        Self {
            cluster,
            options,
            permits: Semaphore::new(options.concurrency.max(1)),
            board: Mutex::new(Board::new(out, held)),
            namespaces: watch::Sender::new(None),
            away: watch::Sender::new(None),
            first: watch::Sender::new(first.len()),
            later: watch::Sender::new(later.len()),
        }
    }

    /// Says of every list that it is on its way.
    async fn announce(&self) {
        let mut board = self.board.lock().await;
        if self.options.lists.contains(&ListKind::Discovery) {
            board.discovery_begins().await;
        }
        for source in self.options.sources() {
            board.begin(source, &Extent::All).await;
        }
    }

    /// Waits for the turn of a source.
    async fn turn(&self, source: &Source) {
        if is_for_later(source.list) {
            // The sender lives as long as `self`.
            let _ = self.first.subscribe().wait_for(|left| *left == 0).await;
        }
    }

    /// Notes that a source was read for the first time, well or not.
    fn done(&self, source: &Source) {
        let left = if is_for_later(source.list) { &self.later } else { &self.first };
        left.send_modify(|left| *left = left.saturating_sub(1));
    }

    async fn discover(&self) -> Option<Error> {
        let found = self.patiently(|| self.cluster.discovery()).await;
        self.board.lock().await.discovery(found).await
    }
}

/// Reads a cluster once. The snapshot is complete where its lists say so; `taken_at` is when
/// reading began.
///
/// # Errors
/// Where the cluster cannot be reached or does not accept the credentials, so that nothing could
/// be learnt. Lists that fail alone are in the snapshot's health.
pub async fn load(cluster: &dyn Cluster, options: &LoadOptions) -> Result<Snapshot, Error> {
    let taken_at = Utc::now();
    let loader = Loader::new(cluster, options, Out::Snapshot(Box::default()), Held::default());
    loader.announce().await;
    let info = async {
        let info = loader.patiently(|| cluster.info()).await?;
        loader.board.lock().await.cluster(info).await;
        Ok(())
    };
    let lists = async {
        let sources = join_all(options.sources().map(|source| async {
            loader.turn(source).await;
            loader.read_source(source, true).await;
            loader.done(source);
        }));
        let discovery = async {
            if options.lists.contains(&ListKind::Discovery) {
                loader.discover().await;
            }
        };
        join(sources, discovery).await;
        Ok(())
    };
    // An unreachable cluster is said at once, not after every list has failed.
    futures::future::try_join(info, lists).await?;
    let mut snapshot = loader.board.into_inner().into_snapshot();
    snapshot.taken_at = Some(taken_at);
    Ok(snapshot)
}
