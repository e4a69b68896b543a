//! Following the store's past as it grows.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::unfold;
use tokio::sync::watch::Receiver;

use super::MemoryCluster;
use super::store::{Happened, Store, belongs, too_old};
use crate::cluster::{Error, Event, Events, Extent, Source};

/// How often a watch with nothing to say says so; the API server does it once a minute.
const BOOKMARK: Duration = Duration::from_mins(1);

struct Following {
    cluster: MemoryCluster,
    tick: Receiver<u64>,
    source: Source,
    extent: Extent,
    at: u64,
    epoch: u64,
    tried: String,
    ended: bool,
}

/// What happens to a source after version `at`.
pub(super) fn events(
    cluster: MemoryCluster,
    source: Source,
    extent: Extent,
    at: u64,
    tried: String,
) -> Events {
    let tick = cluster.shared.tick.subscribe();
    let epoch = cluster.lock().epoch;
    let following = Following { cluster, tick, source, extent, at, epoch, tried, ended: false };
    unfold(following, |mut following| async move {
        let item = following.next().await?;
        Some((item, following))
    })
    .boxed()
}

impl Following {
    async fn next(&mut self) -> Option<Result<Event, Error>> {
        loop {
            if self.ended {
                return None;
            }
            // Marked seen before looking, so that what comes in between is not slept over.
            self.tick.mark_unchanged();
            let found = self.look();
            if let Some(item) = found {
                self.ended = item.is_err();
                return Some(item);
            }
            match tokio::time::timeout(BOOKMARK, self.tick.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_) => return Some(Ok(Event::Bookmark(self.at.to_string().into()))),
            }
        }
    }

    fn look(&mut self) -> Option<Result<Event, Error>> {
        let store = self.cluster.shared.store.lock();
        let store = store.unwrap_or_else(std::sync::PoisonError::into_inner);
        if store.epoch != self.epoch {
            let tried = self.tried.clone();
            return Some(Err(Error::Unreachable {
                tried,
                cause: "the connection was reset".to_owned(),
            }));
        }
        if self.at < store.floor {
            // What came in between is forgotten before it was told.
            return Some(Err(too_old(&self.tried)));
        }
        let found = first_after(&store, self.at, &self.source, &self.extent);
        if let Some((version, event)) = found {
            self.at = version;
            return Some(Ok(event));
        }
        self.at = store.version;
        None
    }
}

fn first_after(store: &Store, at: u64, source: &Source, extent: &Extent) -> Option<(u64, Event)> {
    let from = store.past.partition_point(|past| past.version <= at);
    let past = store.past.range(from..).find(|past| belongs(&past.object, source, extent))?;
    let object = past.object.clone();
    let event = match past.happened {
        Happened::Added => Event::Added(object),
        Happened::Modified => Event::Modified(object),
        Happened::Deleted => Event::Deleted(object),
    };
    Some((past.version, event))
}
