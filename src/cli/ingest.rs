//! `ingest`: take logs into the store of a cluster.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::answer;
use super::args::Global;
use super::exit::{Code, Failure};
use super::sources::{connect_options, contexts_named, now, runtime, settings};
use super::{kept, served};
use crate::audit::{Options, Progress, SourceSpec};
use crate::cluster::files::{self, Source};
use crate::cluster::kube::connect;
use crate::config::Settings;
use crate::model::{ClusterInfo, counted};
use crate::store::{Cluster, Home, Ingested, Store};

pub(super) fn run(
    global: &Global,
    named: Option<&str>,
    sources: &[String],
) -> Result<Code, Failure> {
    let settings = settings(global)?;
    let home = kept::needed(global, &settings)?;
    if !global.input.audit.is_empty() {
        return Err(Failure::usage(
            "--audit and ingest: name the logs behind ingest, such as keybook ingest audit.log",
        ));
    }
    let mut options = Options::new(now()?);
    options.cluster = global.input.audit_cluster.as_deref().map(Into::into);
    let specs: Vec<SourceSpec> = sources
        .iter()
        .map(|text| match text.parse() {
            Ok(spec) => spec,
            Err(never) => match never {},
        })
        .collect();
    options.server = served::of(global, &settings, &specs)?;
    let cluster = cluster(global, &settings, &home, named)?;
    let mut store = home.open(&cluster)?;
    let (done, taken) = take_in(&mut store, &specs, &options)?;
    text(&cluster, &done, taken, &store).lines().for_each(answer::say);
    answer::say_unread(&done.unreadable, &done.passed);
    Ok(Code::Done)
}

fn take_in(
    store: &mut Store,
    specs: &[SourceSpec],
    options: &Options,
) -> Result<(Ingested, Duration), Failure> {
    let turn = match store.turn_now() {
        Ok(turn) => turn,
        Err(crate::store::Error::Busy { .. }) => {
            answer::say("another keybook takes logs in for this cluster; waiting for it to end");
            store.turn()?
        }
        Err(error) => return Err(error.into()),
    };
    let meter = Meter::new(kept::size(specs, options.server.as_ref()));
    let begun = meter.begun;
    let done = meter.told_while(|| store.ingest(specs, options, &meter, &turn))?;
    Ok((done, begun.elapsed()))
}

/// Whose log it is: what the person says, else whose objects were given, else the context's cluster.
fn cluster(
    global: &Global,
    settings: &Settings,
    home: &Home,
    named: Option<&str>,
) -> Result<Cluster, Failure> {
    if let Some(name) = named {
        if name.trim().is_empty() {
            return Err(Failure::usage(
                "--for needs a name: one of keybook store list, or a new one",
            ));
        }
        return Ok(home.cluster(name));
    }
    if global.input.demo {
        return Err(Failure::usage("--demo keeps nothing: name a cluster with --for"));
    }
    let info = if global.input.from.is_empty() {
        live(global, settings).map_err(|failure| Failure {
            message: format!(
                "{}\nwhose log it is could not be asked: name the cluster with --for",
                failure.message
            ),
            ..failure
        })?
    } else {
        let sources: Vec<Source> =
            global.input.from.iter().map(|text| Source::parse(text)).collect();
        files::read(&sources)?.cluster
    };
    if !kept::says_which(&info) {
        return Err(Failure::usage(
            "these files do not say which cluster they are of: name it with --for",
        ));
    }
    Ok(Cluster { id: info.id, name: info.name })
}

fn live(global: &Global, settings: &Settings) -> Result<ClusterInfo, Failure> {
    let names = contexts_named(global, settings)?;
    let [name] = &names[..] else {
        return Err(Failure::usage(
            "ingest with several contexts: a log is of one cluster; name one --context",
        ));
    };
    let runtime = runtime()?;
    let info = runtime.block_on(async {
        let cluster = connect(&connect_options(global, settings, name.as_deref())).await?;
        cluster.info().await
    });
    runtime.shutdown_background();
    Ok(info?)
}

fn text(cluster: &Cluster, done: &Ingested, taken: Duration, store: &Store) -> String {
    let whose = if cluster.name == cluster.id || cluster.name.is_empty() {
        cluster.id.to_string()
    } else {
        format!("{} ({})", cluster.name, cluster.id)
    };
    let mut text = format!(
        "{whose}: {} new in {}, {} with nothing new, {:.1} s",
        counted(done.requests, "request"),
        counted(done.read, "source"),
        done.known,
        taken.as_secs_f64(),
    );
    if done.late > 0 {
        text = format!(
            "{text}\n{} of days whose index is no longer kept: dates moved, counts did not",
            counted(done.late, "request")
        );
    }
    format!("{text}\nkept in {}", store.path().display())
}

/// Tells on standard error how far it has come.
struct Meter {
    bytes: AtomicU64,
    of: Option<u64>,
    begun: Instant,
    done: Mutex<bool>,
    woken: Condvar,
}

impl Progress for Meter {
    fn advanced(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Meter {
    fn new(of: Option<u64>) -> Self {
        Self {
            bytes: AtomicU64::new(0),
            of,
            begun: Instant::now(),
            done: Mutex::new(false),
            woken: Condvar::new(),
        }
    }

    fn told_while<T>(&self, work: impl FnOnce() -> T) -> T {
        std::thread::scope(|scope| {
            scope.spawn(|| self.tell());
            let result = work();
            *self.done.lock().unwrap_or_else(PoisonError::into_inner) = true;
            self.woken.notify_all();
            result
        })
    }

    /// On a terminal twice a second on one line, elsewhere a line every ten seconds.
    fn tell(&self) {
        let terminal = std::io::stderr().is_terminal();
        let pace = Duration::from_millis(if terminal { 500 } else { 10_000 });
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = false;
        while !*done {
            let (next, waited) =
                self.woken.wait_timeout(done, pace).unwrap_or_else(PoisonError::into_inner);
            done = next;
            if *done || !waited.timed_out() {
                continue;
            }
            let line = self.line(self.begun.elapsed());
            if terminal {
                let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
                told = true;
            } else {
                answer::say(&line);
            }
        }
        if told {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    fn line(&self, elapsed: Duration) -> String {
        let bytes = self.bytes.load(Ordering::Relaxed);
        progress(bytes, self.of, elapsed)
    }
}

/// How far reading has come: amount, rate, time left.
fn progress(bytes: u64, of: Option<u64>, elapsed: Duration) -> String {
    let rate = u128::from(bytes) * 1000 / elapsed.as_millis().max(1);
    let rate = u64::try_from(rate).unwrap_or(u64::MAX);
    let mut text = format!("taking in: {}", size(bytes));
    if let Some(of) = of {
        text = format!("{text} of {}", size(of.max(bytes)));
    }
    text = format!("{text}, {}/s", size(rate));
    match of {
        Some(of) if rate > 0 && of > bytes => {
            format!("{text}, {} left at most", time((of - bytes).div_ceil(rate)))
        }
        Some(_) if rate > 0 => format!("{text}, writing it down"),
        _ => text,
    }
}

/// Bytes as people read them, in powers of ten.
pub(super) fn size(bytes: u64) -> String {
    let steps = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    for (step, unit) in steps {
        if bytes >= step {
            let tenths = bytes * 10 / step;
            return if tenths < 100 {
                format!("{}.{} {unit}", tenths / 10, tenths % 10)
            } else {
                format!("{} {unit}", tenths / 10)
            };
        }
    }
    format!("{bytes} B")
}

fn time(seconds: u64) -> String {
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5999 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_has_a_rate_and_the_time_left() {
        let second = Duration::from_secs(1);
        assert_eq!(
            progress(650_000_000, Some(2_000_000_000), second),
            "taking in: 650 MB of 2.0 GB, 650 MB/s, 3 s left at most"
        );
        assert_eq!(progress(0, Some(10), second), "taking in: 0 B of 10 B, 0 B/s");
        assert_eq!(progress(5_000, None, second), "taking in: 5.0 kB, 5.0 kB/s");
        assert_eq!(progress(9, Some(9), second), "taking in: 9 B of 9 B, 9 B/s, writing it down");
        let shown = [99, 100, 5999, 6000, 90_000].map(time);
        assert_eq!(shown, ["99 s", "2 min", "100 min", "1 h 40 min", "25 h 0 min"]);
        let sizes = [999, 1_000, 12_345, 99_999_999].map(size);
        assert_eq!(sizes, ["999 B", "1.0 kB", "12 kB", "99 MB"]);
    }
}
