//! Reading one source: in pages, with a few retries, namespace by namespace where it must be.

use std::time::Duration;

use foldhash::HashSet;
use futures::future::join_all;
use tokio::time::Instant;

use super::Loader;
use super::board::Standing;
use crate::cluster::{Error, Extent, Page, Source};
use crate::model::{ListKind, Name};

/// How often a list is begun anew because the server forgot it while it was read.
const RESTARTS: u32 = 3;

/// A page that is too long is asked for again with so many times fewer objects.
const SHORTER: u32 = 8;

/// What reading a source came to: for each extent that was tried in the end, where its watch
/// starts, or why there is none.
pub(super) type Parts = Vec<(Extent, Result<Name, Error>)>;

/// Growing pauses.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    times: u32,
}

impl Backoff {
    pub(super) fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, times: 0 }
    }

    pub(super) fn reset(&mut self) {
        self.times = 0;
    }

    /// The next pause: the server's wish where it has one, within the limit.
    pub(super) fn next(&mut self, wish: Option<Duration>) -> Duration {
        let grown = self.first.saturating_mul(1 << self.times.min(16));
        self.times += 1;
        grown.max(wish.unwrap_or_default()).min(self.most)
    }
}

/// Not to be served says that there are no objects only of what need not be there.
pub(super) fn if_served(source: &Source, error: Error) -> Error {
    match error {
        Error::NotFound { tried } if source.is_always_served() => Error::Failed {
            tried,
            cause: "not found (404): an API server with RBAC serves this; what answers may be \
                    something in between, or the path in the server's URL is wrong"
                .to_owned(),
            status: Some(404),
        },
        error => error,
    }
}

impl Loader<'_> {
    /// Asks until there is an answer that another attempt would not change, for a bounded time.
    pub(super) async fn patiently<T, F>(&self, mut ask: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let began = Instant::now();
        let mut backoff = Backoff::new(self.options.backoff, self.options.patience);
        for _ in 1..self.options.attempts {
            let permit = self.permits.acquire().await;
            let answer = self.noting(ask().await);
            drop(permit);
            match answer {
                Err(error) if error.is_transient() => {
                    let pause = backoff.next(error.retry_after());
                    if began.elapsed() + pause > self.options.patience {
                        return Err(error);
                    }
                    tokio::time::sleep(pause).await;
                }
                answer => return answer,
            }
        }
        let _permit = self.permits.acquire().await;
        self.noting(ask().await)
    }

    /// Keeps in mind that the server is out of reach.
    pub(super) fn noting<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        if matches!(answer, Err(Error::Unreachable { .. })) {
            self.away.send_replace(Some(Instant::now()));
        }
        answer
    }

    /// Reads a source everywhere, or else in the namespaces that are known. With `rows_first`, rows
    /// are reported page by page; else all at once, in place of what was known.
    pub(super) async fn read_source(&self, source: &Source, rows_first: bool) -> Parts {
        let everywhere = self.read(source, &Extent::All, rows_first, source.can_be_split()).await;
        let refused = match everywhere {
            Err(error @ Error::Forbidden { .. }) if source.can_be_split() => error,
            everywhere => return vec![(Extent::All, everywhere)],
        };
        let namespaces = self.known_namespaces().await;
        if namespaces.is_empty() {
            let why =
                format!("{refused} (no namespaces are known to look into; name some with -n)");
            let mut board = self.board.lock().await;
            board.settle(source, &Extent::All, Standing::Forbidden(why.into())).await;
            drop(board);
            return vec![(Extent::All, Err(refused))];
        }
        let extents: Vec<Extent> = namespaces.into_iter().map(Extent::Namespace).collect();
        self.board.lock().await.split(source, &extents, Standing::of(&refused)).await;
        join_all(extents.into_iter().map(|extent| async move {
            let read = self.read(source, &extent, rows_first, false).await;
            (extent, read)
        }))
        .await
    }

    /// Namespaces by name: as listed, else as given.
    async fn known_namespaces(&self) -> Vec<Name> {
        let mut known = self.namespaces.subscribe();
        // The sender lives as long as `self`.
        known
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|known| known.clone())
            .unwrap_or_default()
    }

    /// Reads a source in one extent to its end and puts its standing on the board, but for a
    /// refusal that may be `got_around`.
    pub(super) async fn read(
        &self,
        source: &Source,
        extent: &Extent,
        rows_first: bool,
        got_around: bool,
    ) -> Result<Name, Error> {
        let read = self.pages(source, extent, rows_first).await;
        let read = read.map_err(|error| if_served(source, error));
        if source.list == ListKind::Namespaces {
            self.know_namespaces(read.as_ref().ok().map(|(_, names)| names));
        }
        let standing = match &read {
            Ok(_) => Standing::Whole,
            Err(Error::Forbidden { .. }) if got_around => {
                return read.map(|(version, _)| version);
            }
            Err(error) => Standing::of(error),
        };
        let mut board = self.board.lock().await;
        if matches!(read, Err(Error::NotFound { .. })) {
            board.replace(source, extent, Page::default()).await;
        }
        board.settle(source, extent, standing).await;
        drop(board);
        read.map(|(version, _)| version)
    }

    /// Takes over which namespaces there are: as listed; else as listed before; else as given.
    fn know_namespaces(&self, listed: Option<&Vec<Name>>) {
        let mut names = listed.unwrap_or(&self.options.namespaces).clone();
        names.sort();
        names.dedup();
        self.namespaces.send_if_modified(|known| {
            let news = known.as_ref() != Some(&names) && (listed.is_some() || known.is_none());
            if news {
                *known = Some(names);
            }
            news
        });
    }

    /// The pages of a list. Gives its version and, for namespaces, the names.
    async fn pages(
        &self,
        source: &Source,
        extent: &Extent,
        rows_first: bool,
    ) -> Result<(Name, Vec<Name>), Error> {
        let mut rows_first = rows_first;
        let mut restarts = 0;
        let mut whole = Page::default();
        let mut names = Vec::new();
        let mut next: Option<String> = None;
        let mut size = self.options.page;
        let mut given = HashSet::default();
        loop {
            let page =
                self.patiently(|| self.cluster.list(source, extent, size, next.as_deref())).await;
            let mut page = match page {
                Err(Error::Gone { .. }) if next.is_some() && restarts < RESTARTS => {
                    // What was reported so far may be gone; the whole list will replace it.
                    restarts += 1;
                    rows_first = false;
                    next = None;
                    names.clear();
                    given.clear();
                    whole = Page::default();
                    continue;
                }
                Err(Error::TooLong { .. }) if size > 1 => {
                    // Of large objects fewer come at a time.
                    size = (size / SHORTER).max(1);
                    continue;
                }
                page => page?,
            };
            if source.list == ListKind::Namespaces {
                names.extend(page.objects.iter().map(|object| object.meta().name.clone()));
            }
            next = page.next.take();
            if let Some(next) = &next
                && !given.insert(next.clone())
            {
                // Each says where the page before ended: what comes twice never ends.
                return Err(Error::Failed {
                    tried: format!("list {}", source.describe(extent)),
                    cause: format!(
                        "the answer says for the second time that it goes on at the same place, \
                         after {} pages; is it an API server?",
                        given.len() + 1
                    ),
                    status: Some(200),
                });
            }
            let version = page.version.clone();
            if rows_first {
                self.board.lock().await.rows(source, extent, page).await;
            } else {
                whole.objects.append(&mut page.objects);
                whole.unreadable.append(&mut page.unreadable);
            }
            if next.is_none() {
                if !rows_first {
                    self.board.lock().await.replace(source, extent, whole).await;
                }
                return Ok((version, names));
            }
        }
    }
}
