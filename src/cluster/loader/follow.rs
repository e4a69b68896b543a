//! Keeping a snapshot current.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::{join, join_all, join3};
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::board::{Out, Standing};
use super::held::Held;
use super::read::{Backoff, if_served};
use super::{LoadOptions, Loader};
use crate::cluster::{Cluster, Error, Event, Extent, Source};
use crate::model::{Change, ListKind, Name};

/// Changes that are reported and not yet taken before reading waits.
const AHEAD: usize = 256;

/// A watch that ends sooner than this is resumed after a pause, so that a server that refuses to
/// serve it is not asked in a circle.
const SHORT: Duration = Duration::from_secs(1);

/// Namespaces in which one source is watched, each by a connection of its own. Where there are more,
/// they are read again and again instead.
const WATCHED: usize = 64;

/// Resources that are not served, and discovery, are looked at again this many times more seldom
/// than lists that cannot be watched.
const SELDOM: u32 = 5;

/// What becomes known of a cluster, without end. Dropping it stops everything.
#[derive(Debug)]
pub struct Changes {
    receiver: mpsc::Receiver<Change>,
    _task: AbortOnDropHandle<()>,
}

impl Stream for Changes {
    type Item = Change;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Change>> {
        self.receiver.poll_recv(context)
    }
}

/// Reads a cluster and goes on to say what changes. Everything that goes wrong is in the health of
/// lists; [`Change::TakenAt`] comes when the first lists have been read, when all have, and with
/// everything that a watch says. Must be called within a tokio runtime.
pub fn follow(cluster: Arc<dyn Cluster>, options: LoadOptions) -> Changes {
    start(cluster, options, Held::default())
}

/// The same, to be applied over a snapshot that an earlier following of the same cluster made: the
/// rows of a list come once it is whole, in place of all that was known of it. What was known of a
/// list that cannot be read stays, and is outdated.
pub fn refollow(cluster: Arc<dyn Cluster>, options: LoadOptions) -> Changes {
    start(cluster, options, Held::all())
}

fn start(cluster: Arc<dyn Cluster>, options: LoadOptions, held: Held) -> Changes {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let first = held.is_empty();
    let task = tokio::spawn(async move {
        let loader = Loader::new(&*cluster, &options, Out::Channel(sender), held);
        if first {
            // A screen says which cluster it waits for.
            loader.board.lock().await.cluster(cluster.known()).await;
        }
        loader.announce().await;
        let sources = join_all(options.sources().map(|source| loader.follow_source(source)));
        join3(sources, loader.follow_info(), join(loader.follow_discovery(), loader.say_when()))
            .await;
    });
    Changes { receiver, _task: AbortOnDropHandle::new(task) }
}

impl Loader<'_> {
    fn resuming(&self) -> Backoff {
        Backoff::new(self.options.backoff, self.options.longest_backoff)
    }

    /// Says the time once the first lists have been read, and once all have.
    async fn say_when(&self) {
        let _ = self.first.subscribe().wait_for(|left| *left == 0).await;
        self.board.lock().await.now().await;
        let _ = self.later.subscribe().wait_for(|left| *left == 0).await;
        self.board.lock().await.now().await;
    }

    async fn follow_info(&self) {
        let mut backoff = self.resuming();
        loop {
            match self.patiently(|| self.cluster.info()).await {
                Ok(info) => return self.board.lock().await.cluster(info).await,
                Err(error) => tokio::time::sleep(backoff.next(error.retry_after())).await,
            }
        }
    }

    async fn follow_discovery(&self) {
        if !self.options.lists.contains(&ListKind::Discovery) {
            return;
        }
        let mut backoff = self.resuming();
        loop {
            let pause = match self.discover().await {
                None => {
                    backoff.reset();
                    self.options.poll * SELDOM
                }
                Some(Error::Forbidden { .. }) => return,
                Some(error) => backoff.next(error.retry_after()),
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn follow_source(&self, source: &Source) {
        self.turn(source).await;
        let parts = self.read_source(source).await;
        self.done(source);
        let known = parts.iter().filter(|(_, first)| first.is_ok()).count();
        let kept = parts.into_iter().map(async |(extent, first)| {
            if known > WATCHED {
                self.poll(source, &extent, first, known).await;
            } else {
                self.keep(source, extent, first).await;
            }
        });
        join_all(kept).await;
    }

    /// Reads one of many parts again and again; the more there are, the more seldom.
    async fn poll(&self, source: &Source, extent: &Extent, first: Result<Name, Error>, of: usize) {
        if matches!(first, Err(Error::Forbidden { .. })) {
            return;
        }
        let times = u32::try_from(of / WATCHED).unwrap_or(u32::MAX).saturating_add(1);
        loop {
            tokio::time::sleep(self.options.poll.saturating_mul(times)).await;
            let read = self.read(source, extent, false).await;
            if read.is_ok() {
                self.board.lock().await.now().await;
            }
        }
    }

    /// Keeps one part current, from where its first reading left it.
    async fn keep(&self, source: &Source, extent: Extent, first: Result<Name, Error>) {
        if matches!(first, Err(Error::Forbidden { .. })) {
            // That may change one day; a person who got the right reloads.
            return;
        }
        let mut backoff = self.resuming();
        let mut known = first;
        loop {
            known = match known {
                Ok(version) => Err(self.watch(source, &extent, version, &mut backoff).await),
                Err(error) => {
                    let pause = match &error {
                        Error::Gone { .. } => Duration::ZERO,
                        Error::NotFound { .. } => self.options.poll * SELDOM,
                        Error::Forbidden { .. } => self.options.poll,
                        error => backoff.next(error.retry_after()),
                    };
                    tokio::time::sleep(pause).await;
                    self.read(source, &extent, false).await
                }
            };
        }
    }

    /// Watches one part until it has to be read afresh; says why.
    async fn watch(
        &self,
        source: &Source,
        extent: &Extent,
        mut version: Name,
        backoff: &mut Backoff,
    ) -> Error {
        loop {
            let began = Instant::now();
            let broke = match self.cluster.watch(source, extent, &version).await {
                Ok(events) => self.drain(source, extent, events, &mut version).await,
                Err(error) => Err(error),
            };
            let broke = broke.map_err(|error| if_served(source, error));
            match broke {
                Ok(()) if began.elapsed() >= SHORT => backoff.reset(),
                Ok(()) => tokio::time::sleep(backoff.next(None)).await,
                Err(error) if must_be_read_again(&error) => {
                    // Without a pause here a server that forgets at once would be read in a circle.
                    if began.elapsed() < SHORT {
                        tokio::time::sleep(backoff.next(None)).await;
                    }
                    return error;
                }
                Err(error) => {
                    let standing = Standing::Outdated(error.to_string().into());
                    self.board.lock().await.settle(source, extent, standing).await;
                    tokio::time::sleep(backoff.next(error.retry_after())).await;
                }
            }
        }
    }

    /// Takes over what one connection says, until it ends.
    async fn drain(
        &self,
        source: &Source,
        extent: &Extent,
        mut events: crate::cluster::Events,
        version: &mut Name,
    ) -> Result<(), Error> {
        self.board.lock().await.settle(source, extent, Standing::Whole).await;
        while let Some(event) = events.next().await {
            let event = event?;
            match &event {
                Event::Added(object) | Event::Modified(object) | Event::Deleted(object) => {
                    if let Some(at) = &object.meta().resource_version {
                        *version = at.clone();
                    }
                }
                Event::Bookmark(at) => *version = at.clone(),
                Event::Unreadable(..) => {}
            }
            self.board.lock().await.event(source, extent, event).await;
        }
        Ok(())
    }
}

/// Whether another watch from the same place would fare no better.
fn must_be_read_again(error: &Error) -> bool {
    matches!(error, Error::Gone { .. } | Error::Forbidden { .. } | Error::NotFound { .. })
        || matches!(error, Error::Failed { status: Some(405), .. })
}
