//! Work beside the screen: a thread a lane, one piece running and one waiting, the newest wins.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::mpsc::UnboundedSender;

use super::effect::Msg;
use super::job::{Job, Lane};
use super::state::{Notice, Tone};

/// What a lane is to do next.
#[derive(Debug, Default)]
struct Waiting {
    job: Option<Job>,
    end: bool,
}

#[derive(Debug, Default)]
struct LaneState {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

impl LaneState {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A panic while it was held left nothing half done: it is one assignment.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lanes.
#[derive(Debug)]
pub struct Workers {
    lanes: BTreeMap<Lane, Arc<LaneState>>,
    results: UnboundedSender<Msg>,
}

impl Workers {
    /// No thread runs before there is work for it.
    pub fn new(results: UnboundedSender<Msg>) -> Self {
        Self { lanes: BTreeMap::new(), results }
    }

    /// Has a piece done; one of its lane that waits still is dropped, and brings no result. Returns
    /// whether there was one.
    pub fn run(&mut self, job: Job) -> bool {
        let results = self.results.clone();
        let lane = self.lanes.entry(job.lane()).or_insert_with(|| {
            let lane = Arc::new(LaneState::default());
            let own = lane.clone();
            // A thread that cannot be had leaves the old rows on the screen.
            drop(
                thread::Builder::new()
                    .name("keybook-work".to_owned())
                    .spawn(move || work(&own, &results)),
            );
            lane
        });
        let dropped = lane.lock().job.replace(job).is_some();
        lane.changed.notify_one();
        dropped
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for lane in self.lanes.values() {
            lane.lock().end = true;
            lane.changed.notify_one();
        }
    }
}

fn work(lane: &LaneState, results: &UnboundedSender<Msg>) {
    loop {
        let mut waiting = lane.lock();
        let job = loop {
            if waiting.end {
                return;
            }
            if let Some(job) = waiting.job.take() {
                break job;
            }
            waiting = lane.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        };
        drop(waiting);
        let msg = catch_unwind(AssertUnwindSafe(|| job.run())).map_or_else(
            |_| {
                let text = "this could not be worked out: a fault in keybook; the log file has it";
                Msg::Notice(Notice { tone: Tone::Refused, text: text.to_owned() })
            },
            |done| Msg::Done(Box::new(done)),
        );
        if results.send(msg).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Query, Sort};
    use crate::tui::job::{Done, RowsJob};

    #[test]
    fn the_newest_piece_is_done_in_the_end() {
        let (results, mut done) = tokio::sync::mpsc::unbounded_channel();
        let mut workers = Workers::new(results);
        let mut awaited = 0;
        for tag in 1..=100 {
            let job =
                RowsJob { tag, books: Vec::new(), query: Query::default(), sort: Sort::default() };
            awaited += i32::from(!workers.run(Job::Rows(job)));
        }
        let mut last = 0;
        while last < 100 {
            let Some(Msg::Done(done)) = done.blocking_recv() else {
                panic!("no result");
            };
            let Done::Rows { tag, .. } = *done else {
                panic!("other result");
            };
            assert!(tag > last, "{tag} after {last}");
            last = tag;
            awaited -= 1;
        }
        // Nobody waits for the result of one that was dropped.
        assert_eq!(awaited, 0);
    }
}
