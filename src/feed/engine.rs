//! The loop behind a feed.

use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::log::{Reading, Update};
use super::{Clock, PACE, Request, Sources};
use crate::book::{Book, Changes, Inputs, LogChange, LogState};
use crate::cluster::loader::{self, follow, refollow};
use crate::model::{
    Activity, Change, Health, ListKind, ListState, Name, Objects, Policy, Snapshot,
};

/// So many changes more are taken before anything else is looked at.
const AT_ONCE: usize = 32;

/// What comes in.
enum News {
    Change(Change),
    /// The stream of changes ended, which it never should.
    Ended,
    Saved(Result<Snapshot, String>),
    Log(Option<Result<Update, String>>),
    Built(Option<Box<Book>>),
    Asked(Option<Request>),
    /// It is time for a Book.
    Due,
    /// It is time to say how far reading the log has come.
    Progress,
}

pub(super) struct Engine {
    sources: Sources,
    policy: Arc<Policy>,
    clock: Clock,
    /// What is known of the cluster now.
    snapshot: Snapshot,
    changes: Option<loader::Changes>,
    saving: Option<JoinHandle<Result<Snapshot, String>>>,
    reading: Option<Reading>,
    /// The log, once it is read.
    activity: Option<Arc<Activity>>,
    /// What became of it the last Book was begun.
    log_change: LogChange,
    log: LogState,
    /// The newest Book.
    base: Arc<Book>,
    building: Option<JoinHandle<Book>>,
    /// When how far reading the log has come was last looked at.
    told: Instant,
    /// When the last Book with anybody in it was begun.
    begun: Option<Instant>,
    /// Whether anything is not in a Book yet.
    stale: bool,
    books: watch::Sender<Arc<Book>>,
}

impl Engine {
    pub(super) fn new(
        sources: Sources,
        policy: Arc<Policy>,
        clock: Clock,
    ) -> (Self, watch::Receiver<Arc<Book>>) {
        let mut snapshot = Snapshot::default();
        for kind in ListKind::ALL {
            snapshot.lists.insert(kind, ListState::new(Health::Loading));
        }
        let reading = Reading::start(&sources.log, &clock);
        let log = match reading {
            Some(_) => LogState::Reading { bytes: 0, of: None },
            None => LogState::None,
        };
        let base = Arc::new(Book::build(Inputs {
            snapshot: Arc::new(snapshot.clone()),
            activity: None,
            log: log.clone(),
            policy: policy.clone(),
            now: clock(),
        }));
        let (books, receiver) = watch::channel(base.clone());
        let mut engine = Self {
            sources,
            policy,
            clock,
            snapshot,
            changes: None,
            saving: None,
            reading,
            activity: None,
            log_change: LogChange::Same,
            log,
            base,
            building: None,
            told: Instant::now(),
            begun: None,
            stale: false,
            books,
        };
        engine.open_objects();
        (engine, receiver)
    }

    fn open_objects(&mut self) {
        match &self.sources.objects {
            super::Objects::Live { cluster, options } => {
                // Over rows that are there, new ones come once their list is whole.
                let empty = self.snapshot.objects == Objects::default();
                let begin = if empty { follow } else { refollow };
                self.changes = Some(begin(cluster.clone(), options.clone()));
            }
            super::Objects::Saved(read) => {
                let read = read.clone();
                self.saving = Some(tokio::task::spawn_blocking(move || read()));
            }
        }
    }

    /// Runs until nobody holds the feed.
    pub(super) async fn run(mut self, mut asked: mpsc::Receiver<Request>) {
        loop {
            match self.next(&mut asked).await {
                News::Change(change) => self.take_changes(change),
                News::Ended => self.broke("the cluster is no longer followed; reload to try again"),
                News::Saved(Ok(snapshot)) => {
                    self.snapshot = snapshot;
                    self.stale = true;
                }
                News::Saved(Err(reason)) => self.broke(&reason),
                News::Log(read) => self.take_log(read),
                News::Built(book) => self.publish(book),
                News::Asked(None) => return,
                News::Asked(Some(Request::Reload)) => {
                    self.open_objects();
                    if !self.sources.log.is_read_once() {
                        self.reading = Reading::start(&self.sources.log, &self.clock);
                    }
                }
                News::Due => self.begin(),
                News::Progress => self.say_progress(),
            }
        }
    }

    async fn next(&mut self, asked: &mut mpsc::Receiver<Request>) -> News {
        let due = self.begun.map_or_else(Instant::now, |begun| begun + PACE);
        let progress = self.told + PACE;
        let may_begin = self.building.is_none();
        let reads = matches!(self.log, LogState::Reading { .. });
        tokio::select! {
            biased;
            request = asked.recv() => News::Asked(request),
            built = ended(&mut self.building) => News::Built(built.ok().map(Box::new)),
            () = sleep_until(due), if may_begin && self.stale => News::Due,
            read = read_on(&mut self.reading) => News::Log(read),
            saved = ended(&mut self.saving) => {
                News::Saved(saved.unwrap_or_else(|broken| Err(broken.to_string())))
            }
            change = next_change(&mut self.changes) => match change {
                Some(change) => News::Change(change),
                None => News::Ended,
            },
            () = sleep_until(progress), if reads => News::Progress,
        }
    }

    /// Takes over a change, and those that wait behind it: but not for long, as a Book may be due.
    fn take_changes(&mut self, first: Change) {
        self.stale = true;
        self.snapshot.apply(first);
        for _ in 0..AT_ONCE {
            let next = self.changes.as_mut().and_then(|stream| stream.next().now_or_never());
            let Some(Some(change)) = next else {
                return;
            };
            self.snapshot.apply(change);
        }
    }

    /// Nothing more comes from where the objects come from: what is known of lists grows old.
    fn broke(&mut self, reason: &str) {
        let reason: Name = reason.into();
        for kind in ListKind::ALL {
            let state =
                self.snapshot.lists.entry(kind).or_insert_with(|| ListState::new(Health::Loading));
            let health = match state.health {
                Health::Loading => Health::Failed,
                Health::Complete | Health::Partial => Health::Outdated,
                other => other,
            };
            if health != state.health {
                state.health = health;
                state.reason = Some(reason.clone());
            }
        }
        self.stale = true;
    }

    fn take_log(&mut self, read: Option<Result<Update, String>>) {
        let update = match read {
            Some(Ok(update)) => update,
            Some(Err(reason)) => {
                // What was read before stays known.
                self.log = LogState::Failed(reason.into());
                self.stale = true;
                return;
            }
            None if matches!(self.log, LogState::Reading { .. }) => {
                return self.take_log(Some(Err("reading the audit log broke off".to_owned())));
            }
            None => return,
        };
        self.log = update.state;
        if self.log == LogState::None {
            self.activity = None;
            self.log_change = LogChange::Replaced(None);
        }
        if let Some(activity) = update.activity {
            self.activity = Some(activity.clone());
            self.log_change = match (&mut self.log_change, update.touched) {
                (LogChange::Same, Some(touched)) => LogChange::Grown { activity, touched },
                (LogChange::Grown { touched: before, .. }, Some(mut touched)) => {
                    touched.append(before);
                    touched.sort_unstable();
                    touched.dedup();
                    LogChange::Grown { activity, touched }
                }
                _ => LogChange::Replaced(Some(activity)),
            };
        }
        self.stale = true;
    }

    fn say_progress(&mut self) {
        self.told = Instant::now();
        if let (LogState::Reading { bytes, .. }, Some(reading)) = (&mut self.log, &self.reading) {
            let now = reading.bytes();
            self.stale |= *bytes != now;
            *bytes = now;
        }
    }

    /// Begins the next Book from everything that is known.
    fn begin(&mut self) {
        // The first rows wait for nothing, least of all for a Book without any.
        if self.snapshot.objects != Objects::default() {
            self.begun = Some(Instant::now());
        }
        self.stale = false;
        let changes = Changes {
            snapshot: Arc::new(self.snapshot.clone()),
            activity: std::mem::replace(&mut self.log_change, LogChange::Same),
            log: self.log.clone(),
            policy: self.policy.clone(),
            now: (self.clock)(),
        };
        let base = self.base.clone();
        self.building = Some(tokio::task::spawn_blocking(move || base.advance(changes)));
    }

    fn publish(&mut self, book: Option<Box<Book>>) {
        let Some(book) = book else {
            tracing::error!("a Book could not be made; the next one starts from the former");
            self.log_change = LogChange::Replaced(self.activity.clone());
            return;
        };
        self.base = Arc::from(book);
        self.books.send_replace(self.base.clone());
    }
}

/// The end of a task; never where there is none.
async fn ended<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, tokio::task::JoinError> {
    match task {
        Some(running) => {
            let end = running.await;
            *task = None;
            end
        }
        None => std::future::pending().await,
    }
}

/// What is read next, None once at the end; never where nothing is read.
async fn read_on(reading: &mut Option<Reading>) -> Option<Result<Update, String>> {
    match reading {
        Some(running) => {
            let next = running.next().await;
            if next.is_none() {
                *reading = None;
            }
            next
        }
        None => std::future::pending().await,
    }
}

/// The next change, None once after the last; never where nothing is followed.
async fn next_change(changes: &mut Option<loader::Changes>) -> Option<Change> {
    match changes {
        Some(stream) => {
            let change = stream.next().await;
            if change.is_none() {
                *changes = None;
            }
            change
        }
        None => std::future::pending().await,
    }
}
