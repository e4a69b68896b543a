//! Reading the log beside everything else, once or as long as it grows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use super::{Clock, Followed, Log, PACE};
use crate::audit::{self, Bell, Error, Following, Options, Progress, Waiting};
use crate::book::LogState;
use crate::model::{Activity, SeenId};

/// How far one reading has come, and whether anybody still wants it.
#[derive(Debug, Default)]
struct Meter {
    bytes: AtomicU64,
    stop: AtomicBool,
}

impl Progress for Meter {
    fn advanced(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// What was read.
#[derive(Debug)]
pub(super) struct Update {
    /// All of it; None where only the note is new.
    pub activity: Option<Arc<Activity>>,
    /// Where it grew out of the last one: whose part of it is not as it was.
    pub touched: Option<Vec<SeenId>>,
    /// How reading stands.
    pub state: LogState,
}

/// One reading of the log, on a thread of its own. Dropping it stops it.
#[derive(Debug)]
pub(super) struct Reading {
    meter: Arc<Meter>,
    bell: Option<Bell>,
    updates: mpsc::Receiver<Result<Update, String>>,
}

impl Reading {
    /// Starts to read; None where there is no log.
    pub(super) fn start(log: &Log, clock: &Clock) -> Option<Self> {
        let meter = Arc::new(Meter::default());
        let (send, updates) = mpsc::channel(1);
        let (clock, told) = (clock.clone(), meter.clone());
        let bell = match log.clone() {
            Log::None => return None,
            Log::Followed(followed) => {
                let waiting = Waiting::new();
                let bell = waiting.as_ref().ok().map(Waiting::bell);
                thread::spawn(move || {
                    let read = waiting.map_err(|cause| format!("cannot follow a log: {cause}"));
                    let read = read.and_then(|waiting| {
                        follow(&followed, waiting, &clock, &told, &send).map_err(|e| e.to_string())
                    });
                    if let Err(reason) = read {
                        // Nobody wants to know any more where that fails.
                        let _ = send.blocking_send(Err(reason));
                    }
                });
                bell
            }
            once => {
                tokio::task::spawn_blocking(move || {
                    let _ = send.blocking_send(read_once(once, clock(), &told));
                });
                None
            }
        };
        Some(Self { meter, bell, updates })
    }

    /// Bytes read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.meter.bytes.load(Ordering::Relaxed)
    }

    /// What is read next, good or bad; None where it is at its end.
    pub(super) async fn next(&mut self) -> Option<Result<Update, String>> {
        self.updates.recv().await
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.meter.stop.store(true, Ordering::Relaxed);
        if let Some(bell) = &self.bell {
            bell.ring();
        }
    }
}

/// Reads a log that does not grow.
fn read_once(log: Log, now: DateTime<Utc>, meter: &Meter) -> Result<Update, String> {
    let options = Options::new(now);
    let read = match log {
        Log::None | Log::Followed(_) => Ok(None),
        Log::Read(read) => read(meter, now),
        Log::Files(specs) => {
            audit::read(&specs, &options, meter).map(Some).map_err(|error| error.to_string())
        }
        Log::Opened(open) => {
            let read = audit::read_inputs(open(), &options, meter);
            read.map(Some).map_err(|error| error.to_string())
        }
    };
    let activity = read?.map(Arc::new);
    let state = if activity.is_some() { LogState::Ready } else { LogState::None };
    Ok(Update { activity, touched: None, state })
}

/// Reads a log as it grows, until nobody wants it any more.
fn follow(
    followed: &Followed,
    mut waiting: Waiting,
    clock: &Clock,
    meter: &Meter,
    send: &mpsc::Sender<Result<Update, String>>,
) -> Result<(), Error> {
    let mut options = Options::new(clock());
    options.cluster.clone_from(&followed.cluster);
    let mut following = Following::new(&followed.specs, &options)?;
    // What is wrong with what is kept is of no account: everything is read all the same.
    if let Some(Ok(Some(kept))) = followed.kept.as_ref().map(|read| read(meter, clock())) {
        let kept = Arc::new(kept);
        following.begin_with(kept.clone());
        let (activity, state) = (Some(kept), LogState::Following(None));
        if send.blocking_send(Ok(Update { activity, touched: None, state })).is_err() {
            return Ok(());
        }
    }
    let mut begun_with = false;
    let mut said = None;
    loop {
        let begun = Instant::now();
        let changed = match following.step(clock(), meter) {
            Err(Error::Cancelled) => return Ok(()),
            changed => changed? || !begun_with,
        };
        let note = following.note();
        if changed || note != said {
            let (activity, touched) = if changed {
                let (activity, touched) = following.update()?;
                (Some(activity), touched)
            } else {
                (None, None)
            };
            begun_with = true;
            said.clone_from(&note);
            let update = Update { activity, touched, state: LogState::Following(note) };
            if send.blocking_send(Ok(update)).is_err() {
                return Ok(());
            }
        }
        // A log so large that adding it up takes long is added up less often.
        let pause = PACE.max(begun.elapsed() * 3);
        waiting.within(&following.folders(), changed, following.is_undecided());
        waiting.pause(pause);
        if meter.cancelled() {
            return Ok(());
        }
        waiting.wait();
    }
}
