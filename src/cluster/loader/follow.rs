//! Keeping a snapshot current.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::{join, join_all, join3};
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::board::{Out, Standing};
use super::held::Held;
use super::read::{Backoff, Parts, if_served};
use super::{LoadOptions, Loader};
use crate::cluster::{Cluster, Error, Event, Extent, Source};
use crate::model::{Change, ClusterInfo, ListKind, Name};

/// Changes that are reported and not yet taken before reading waits.
const AHEAD: usize = 256;

/// A watch that ends sooner than this is resumed after a pause, so that a server that refuses to
/// serve it is not asked in a circle.
const SHORT: Duration = Duration::from_secs(1);

/// Namespaces in which one source is watched, each by a connection of its own. Where there are more,
/// they are read again and again instead.
const WATCHED: usize = 64;

/// The longest pause between questions that are refused.
const VERY_LONG: Duration = Duration::from_hours(12);

/// So long after it was out of reach an API server may still be starting.
const STARTING: Duration = Duration::from_mins(2);

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

/// The pauses between questions that are refused.
struct Refused {
    /// While the server may only be starting.
    soon: Backoff,
    /// Otherwise.
    seldom: Backoff,
}

impl Loader<'_> {
    fn resuming(&self) -> Backoff {
        Backoff::new(self.options.backoff, self.options.longest_backoff)
    }

    fn refused(&self) -> Refused {
        let seldom = self.options.poll * SELDOM;
        Refused {
            soon: Backoff::new(self.options.backoff, seldom),
            seldom: Backoff::new(seldom, VERY_LONG),
        }
    }

    /// Says the time once the first lists have been read, and once all have.
    async fn say_when(&self) {
        let _ = self.first.subscribe().wait_for(|left| *left == 0).await;
        self.board.lock().await.now().await;
        let _ = self.later.subscribe().wait_for(|left| *left == 0).await;
        self.board.lock().await.now().await;
    }

    /// Waits before something that was refused is asked for again. An API server that starts refuses
    /// everything until it knows its roles: so not for long where it was out of reach just now. Else
    /// a right may have been given meanwhile, and a person who got it reloads: until the server is
    /// out of reach, or very long.
    async fn after_refusal(&self, refused: &mut Refused) {
        if !self.was_away() {
            let pause = refused.seldom.next(None);
            // The sender lives as long as `self`.
            let _ = timeout(pause, self.away.subscribe().changed()).await;
        }
        if self.was_away() {
            tokio::time::sleep(refused.soon.next(None)).await;
        }
    }

    /// Whether the server was out of reach just now.
    fn was_away(&self) -> bool {
        self.away.borrow().is_some_and(|at| at.elapsed() < STARTING)
    }

    /// Asks which cluster it is and who looks; again once the server was out of reach, as it may be
    /// of another version then.
    async fn follow_info(&self) {
        let mut away = self.away.subscribe();
        let (mut failing, mut refused) = (self.resuming(), self.refused());
        let mut told = ClusterInfo::default();
        loop {
            let mut info = match self.patiently(|| self.cluster.info()).await {
                Ok(info) => info,
                Err(error) => {
                    tokio::time::sleep(failing.next(error.retry_after())).await;
                    continue;
                }
            };
            failing.reset();
            away.mark_unchanged();
            // What a server that starts does not say yet is as it was.
            if is_weak(&info.id) && !told.id.is_empty() {
                info.id = told.id.clone();
            }
            info.operator = info.operator.or_else(|| told.operator.clone());
            info.server_version = info.server_version.or_else(|| told.server_version.clone());
            let whole = info.operator.is_some() && info.server_version.is_some();
            if info != told {
                told = info.clone();
                self.board.lock().await.cluster(info).await;
            }
            if whole && !self.was_away() {
                refused = self.refused();
                // The sender lives as long as `self`.
                let _ = away.changed().await;
            } else {
                self.after_refusal(&mut refused).await;
            }
        }
    }

    async fn follow_discovery(&self) {
        if !self.options.lists.contains(&ListKind::Discovery) {
            return;
        }
        let (mut failing, mut refused) = (self.resuming(), self.refused());
        loop {
            match self.discover().await {
                None => {
                    (failing, refused) = (self.resuming(), self.refused());
                    // A resource that is new is asked about soon, and would be called not served.
                    tokio::time::sleep(self.options.poll / 2).await;
                }
                Some(Error::Forbidden { .. }) => self.after_refusal(&mut refused).await,
                Some(error) => tokio::time::sleep(failing.next(error.retry_after())).await,
            }
        }
    }

    /// Reads a source and keeps it current: everywhere, or namespace by namespace, whichever is
    /// answered.
    async fn follow_source(&self, source: &Source) {
        self.turn(source).await;
        let mut refused = self.refused();
        let mut parts = self.read_source(source, true).await;
        self.done(source);
        loop {
            let other_names = self.names_other_than(source, &parts);
            if parts.iter().all(|(_, read)| is_refused(read)) {
                tokio::select! {
                    () = self.after_refusal(&mut refused) => {}
                    () = other_names => {}
                }
            } else if matches!(&parts[..], [(Extent::All, _)]) {
                self.keep_parts(source, parts).await;
            } else {
                tokio::select! {
                    () = self.keep_parts(source, parts) => {}
                    () = other_names => {}
                    everywhere = self.everywhere_after_all(source) => {
                        parts = vec![(Extent::All, Ok(everywhere))];
                        continue;
                    }
                }
            }
            parts = self.read_source(source, false).await;
        }
    }

    /// Waits until other namespaces are known than those that a source was looked for in.
    fn names_other_than(&self, source: &Source, parts: &Parts) -> impl Future<Output = ()> + use<> {
        let used: Vec<Name> =
            parts.iter().filter_map(|(extent, _)| extent.namespace().cloned()).collect();
        let mut names = self.namespaces.subscribe();
        let can_be_split = source.can_be_split();
        async move {
            let others = |known: &Option<Vec<Name>>| {
                can_be_split && known.as_ref().is_some_and(|known| *known != used)
            };
            // The sender lives as long as `self`.
            let _ = names.wait_for(others).await;
        }
    }

    /// Asks for a source everywhere as long as the server may have refused that only because it
    /// starts; gives where its watch begins, once that is answered.
    async fn everywhere_after_all(&self, source: &Source) -> Name {
        let mut refused = self.refused();
        while self.was_away() {
            self.after_refusal(&mut refused).await;
            match self.read(source, &Extent::All, false, true).await {
                Ok(version) => return version,
                // Why is no longer that the server starts.
                Err(error @ Error::Forbidden { .. }) => {
                    let standing = Standing::of(&error);
                    self.board.lock().await.settle(source, &Extent::All, standing).await;
                }
                Err(_) => {}
            }
        }
        std::future::pending().await
    }

    /// Keeps parts current; see [`Loader::keep`] for where that ends.
    async fn keep_parts(&self, source: &Source, parts: Parts) {
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
        let times = u32::try_from(of / WATCHED).unwrap_or(u32::MAX).saturating_add(1);
        let mut refused = self.refused();
        let mut read = first;
        loop {
            if is_refused(&read) {
                self.after_refusal(&mut refused).await;
            } else {
                tokio::time::sleep(self.options.poll.saturating_mul(times)).await;
            }
            read = self.read(source, extent, false, false).await;
            if read.is_ok() {
                self.board.lock().await.now().await;
            }
        }
    }

    /// Keeps one part current, from where its first reading left it; ends where it is refused
    /// everywhere, as it may not be in each namespace.
    async fn keep(&self, source: &Source, extent: Extent, first: Result<Name, Error>) {
        let (mut backoff, mut refused) = (self.resuming(), self.refused());
        // What was read everywhere once is not taken away by a refusal.
        let mut may_split = extent == Extent::All && source.can_be_split();
        let mut known = first;
        let mut was_known = false;
        loop {
            let error = match known {
                Ok(version) => {
                    (was_known, may_split, refused) = (true, false, self.refused());
                    self.watch(source, &extent, version, &mut backoff).await
                }
                Err(error) => {
                    let pause = match &error {
                        Error::Gone { .. } => Duration::ZERO,
                        Error::NotFound { .. } => self.options.poll * SELDOM,
                        Error::Forbidden { .. } if was_known && !self.was_away() => {
                            self.options.poll
                        }
                        Error::Forbidden { .. } => {
                            self.after_refusal(&mut refused).await;
                            Duration::ZERO
                        }
                        error => backoff.next(error.retry_after()),
                    };
                    tokio::time::sleep(pause).await;
                    match self.read(source, &extent, false, may_split).await {
                        Err(Error::Forbidden { .. }) if may_split => return,
                        read => {
                            known = read;
                            continue;
                        }
                    }
                }
            };
            known = Err(error);
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
            let broke = match self.noting(self.cluster.watch(source, extent, &version).await) {
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

/// Whether an id is what a cluster is told by for want of a UID.
fn is_weak(id: &str) -> bool {
    id.starts_with("ca:") || id.starts_with("server:")
}

fn is_refused<T>(read: &Result<T, Error>) -> bool {
    matches!(read, Err(Error::Forbidden { .. }))
}

/// Whether another watch from the same place would fare no better.
fn must_be_read_again(error: &Error) -> bool {
    matches!(error, Error::Gone { .. } | Error::Forbidden { .. } | Error::NotFound { .. })
        || matches!(error, Error::Failed { status: Some(405), .. })
}
