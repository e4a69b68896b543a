//! VictoriaLogs as a source: it adds up by itself, a stretch of time after the other, and what comes
//! back are the rows of an activity summary.
//!
//! Nothing is used before everything is there: rows are left in a file that has no name, so that an
//! engine that goes in the middle leaves an error and nothing half counted.

mod client;
mod parts;
mod slices;
mod target;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use serde::Deserialize;

use super::Input;
use crate::audit::Progress;
use crate::audit::query::logsql;
use client::{Client, Trouble};
pub use parts::{Asked, Known};
use slices::{Hour, Slice};
pub use target::{Target, is_target, shown};

const DAY: i64 = 86_400;

/// Why an engine gives no activity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// What is named is no address of an engine.
    #[error("{shown} is no address of VictoriaLogs: {why}; write vlogs://HOST:9428?query=LOGSQL")]
    Address {
        /// As named, without what is secret.
        shown: String,
        /// What is wrong with it.
        why: String,
    },
    /// Files can be followed, an engine is asked.
    #[error(
        "{shown} is an engine: it cannot be followed; leave --follow out, or take it into the store \
         by keybook ingest again and again"
    )]
    NotKept {
        /// Which engine.
        shown: String,
    },
    /// Nobody answers, or not to the end. Nothing of it is counted.
    #[error(
        "{shown} cannot be asked, or ended in the middle of its answer, several times ({why}); \
         nothing of it was counted: see that VictoriaLogs runs there, then ask again"
    )]
    Gone {
        /// Which engine.
        shown: String,
        /// What happened.
        why: String,
    },
    /// It says no.
    #[error("{shown} refuses the query: {why}")]
    Refused {
        /// Which engine.
        shown: String,
        /// What it said.
        why: String,
    },
    /// Even a second is too much.
    #[error("{shown} cannot add up the second from {from}: {why}; select less with query=")]
    TooMuch {
        /// Which engine.
        shown: String,
        /// The second, UTC.
        from: String,
        /// What it said.
        why: String,
    },
    /// It answers something else.
    #[error("{shown} does not answer as VictoriaLogs does: {why}")]
    Odd {
        /// Which engine.
        shown: String,
        /// What is wrong.
        why: String,
    },
    /// It lost lines while it was asked.
    #[error(
        "{shown} had {found} lines while it was asked and counted {counted} before: it lost some, \
         or a part of it is away; nothing of it was counted: ask again"
    )]
    Lost {
        /// Which engine.
        shown: String,
        /// How many lines it counted at first.
        counted: u64,
        /// How many lines there were in the end.
        found: u64,
    },
    /// Rows find no room on disk.
    #[error("cannot write what {shown} answered to a temporary file in {}: {cause}", folder.display())]
    Disk {
        /// Which engine.
        shown: String,
        /// Where.
        folder: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The one who asked no longer wants it.
    #[error("asking {shown} was cancelled")]
    Cancelled {
        /// Which engine.
        shown: String,
    },
}

/// An engine, and how its log lies in time.
pub struct Engine<'t> {
    target: &'t Target,
    client: Client,
    hours: Vec<Hour>,
    /// How many lines there are of the requests received in each hour, by its beginning.
    received: BTreeMap<i64, u64>,
}

/// What an engine makes of a stretch of time.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// The rows of an activity summary, JSON, one a line.
    pub rows: Vec<u8>,
    /// How many lines they are made of.
    pub lines: u64,
}

/// Asks an engine for everything. Rows are left in `folder`.
///
/// # Errors
/// Where the engine does not answer everything.
pub fn open(target: &Target, folder: &Path, progress: &dyn Progress) -> Result<Input, EngineError> {
    let engine = Engine::new(target)?;
    let failed =
        |cause| EngineError::Disk { shown: target.shown.clone(), folder: folder.to_owned(), cause };
    let mut file = BufWriter::new(tempfile::tempfile_in(folder).map_err(failed)?);
    let mut waiting = engine.slices();
    waiting.reverse();
    let mut found = 0;
    while let Some(slice) = waiting.pop() {
        if progress.cancelled() {
            return Err(EngineError::Cancelled { shown: target.shown.clone() });
        }
        match engine.rows(slice) {
            Ok(part) => {
                found += part.lines;
                progress.advanced(part.rows.len() as u64);
                file.write_all(&part.rows).map_err(failed)?;
            }
            Err(Trouble::TooMuch(why)) => {
                let Some([one, other]) = slice.halves() else {
                    let (shown, from) = (target.shown.clone(), stamp(slice.from));
                    return Err(EngineError::TooMuch { shown, from, why });
                };
                waiting.extend([other, one]);
            }
            Err(trouble) => return Err(engine.error(trouble)),
        }
    }
    let counted = engine.lines();
    if found < counted {
        return Err(EngineError::Lost { shown: target.shown.clone(), counted, found });
    }
    let mut file: File = file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.rewind().map_err(failed)?;
    Ok(Input { name: target.shown.as_str().into(), bytes: Box::new(file) })
}

impl<'t> Engine<'t> {
    /// Looks at how much there is, and when.
    pub fn new(target: &'t Target) -> Result<Self, EngineError> {
        let why = |why: String| EngineError::Address { shown: target.shown.clone(), why };
        let client = Client::new(target).map_err(why)?;
        let mut engine = Self { target, client, hours: Vec::new(), received: BTreeMap::new() };
        let Some((from, to)) = engine.extent()? else { return Ok(engine) };
        let mut waiting: Vec<Slice> = (from.div_euclid(DAY)..=to.div_euclid(DAY))
            .map(|day| Slice { from: day * DAY, to: (day + 1) * DAY })
            .collect();
        while let Some(slice) = waiting.pop() {
            match engine.look(slice) {
                Ok(hours) => engine.found(&hours),
                Err(Trouble::TooMuch(_)) if slice.to - slice.from > 3600 => {
                    waiting.extend(slice.halves().into_iter().flatten());
                }
                Err(trouble) => return Err(engine.error(trouble)),
            }
        }
        engine.hours.sort_unstable_by_key(|hour| hour.start);
        Ok(engine)
    }

    /// The parts in which to ask, oldest first: each a stretch of the time in which requests were
    /// received, to be asked for by [`Engine::rows`] in any order and again at any time.
    pub fn slices(&self) -> Vec<Slice> {
        let edge = |time: Option<DateTime<Utc>>| time.map(|time| time.timestamp());
        let since = edge(self.target.since).unwrap_or(i64::MIN);
        let until = edge(self.target.until).unwrap_or(i64::MAX);
        slices::plan(&self.hours, self.target.part, since, until)
    }

    /// How many lines there are at least, of what is asked for.
    fn lines(&self) -> u64 {
        let since = self.target.since.map_or(i64::MIN, |time| time.timestamp());
        let until = self.target.until.map_or(i64::MAX, |time| time.timestamp());
        let within = |hour: &&Hour| hour.first >= since && hour.last < until;
        self.hours.iter().filter(within).map(|hour| hour.lines).sum()
    }

    /// The summary of the requests received in a stretch of time.
    pub fn rows(&self, slice: Slice) -> Result<Part, Trouble> {
        #[derive(Deserialize)]
        struct Lines {
            lines: String,
        }
        let Some(scan) = slice.scan(&self.hours) else { return Ok(Part::default()) };
        let (from, to) = (plain(slice.from), plain(slice.to));
        let requests = logsql::requests(&self.target.query, &from, &to);
        // Lines that come in between are in the requests and not counted, so that it is seen later
        // that there are more.
        let stretches = logsql::stretches(&self.target.query, &from, &to);
        let mut rows = self.client.ask(&stretches, Some(scan))?;
        let all: Vec<Lines> =
            self.objects(&rows).map_err(|error| Trouble::Refused(error.to_string()))?;
        rows.extend(self.client.ask(&requests, Some(scan))?);
        let lines = all.iter().filter_map(|row| row.lines.parse::<u64>().ok()).sum();
        Ok(Part { rows, lines })
    }

    /// The first and the last second that has a line; None where there are none.
    fn extent(&self) -> Result<Option<(i64, i64)>, EngineError> {
        #[derive(Deserialize)]
        struct Extent {
            #[serde(default)]
            first: String,
            #[serde(default)]
            last: String,
        }
        let answer = self.client.ask(&logsql::extent(&self.target.query), None);
        let answer = answer.map_err(|trouble| self.error(trouble))?;
        let all: Vec<Extent> = self.objects(&answer)?;
        let second =
            |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp());
        Ok(all.first().and_then(|all| Some((second(&all.first)?, second(&all.last)?))))
    }

    fn look(&self, slice: Slice) -> Result<Vec<(Hour, i64)>, Trouble> {
        #[derive(Deserialize)]
        struct Look {
            #[serde(rename = "_time")]
            start: DateTime<Utc>,
            asked_hour: String,
            lines: String,
            first: DateTime<Utc>,
            last: DateTime<Utc>,
        }
        let query = logsql::hours(&self.target.query);
        let answer = self.client.ask(&query, Some((slice.from, slice.to)))?;
        let all: Vec<Look> =
            self.objects(&answer).map_err(|error| Trouble::Refused(error.to_string()))?;
        let hours = all.into_iter().map(|look| {
            let hour = Hour {
                start: look.start.timestamp(),
                lines: look.lines.parse().unwrap_or(0),
                first: look.first.timestamp(),
                last: look.last.timestamp(),
            };
            let received = format!("{}:00:00", look.asked_hour);
            let received = NaiveDateTime::parse_from_str(&received, "%Y-%m-%dT%H:%M:%S");
            (hour, received.map_or(hour.first, |time| time.and_utc().timestamp()))
        });
        Ok(hours.collect())
    }

    /// Notes what hours hold, by when lines were written and by when their requests were received.
    fn found(&mut self, all: &[(Hour, i64)]) {
        for (hour, received) in all {
            *self.received.entry(*received).or_default() += hour.lines;
            match self.hours.iter_mut().rev().find(|known| known.start == hour.start) {
                Some(known) => {
                    known.lines += hour.lines;
                    known.first = known.first.min(hour.first);
                    known.last = known.last.max(hour.last);
                }
                None => self.hours.push(*hour),
            }
        }
    }

    fn objects<T: serde::de::DeserializeOwned>(
        &self,
        answer: &[u8],
    ) -> Result<Vec<T>, EngineError> {
        let all = serde_json::Deserializer::from_slice(answer).into_iter();
        all.collect::<Result<_, _>>().map_err(|error| EngineError::Odd {
            shown: self.target.shown.clone(),
            why: error.to_string(),
        })
    }

    fn error(&self, trouble: Trouble) -> EngineError {
        let shown = self.target.shown.clone();
        match trouble {
            Trouble::Gone(why) => EngineError::Gone { shown, why },
            Trouble::Refused(why) | Trouble::TooMuch(why) => EngineError::Refused { shown, why },
        }
    }
}

fn stamp(seconds: i64) -> String {
    let time = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// LogsQL compares text, in which a fraction of a second stands before the zone.
fn plain(seconds: i64) -> String {
    stamp(seconds).trim_end_matches('Z').to_owned()
}
