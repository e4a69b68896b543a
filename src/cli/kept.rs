//! From logs that are named, and from what was taken in before, to activities.

use std::sync::Arc;

use super::answer;
use super::args::Global;
use super::exit::{Code, Failure};
use crate::audit::{self, Options, Progress, SourceSpec};
use crate::cluster::files::UNNAMED;
use crate::config::Settings;
use crate::model::{Activity, ClusterInfo};
use crate::store::{self, Home, Store};

/// Logs smaller than this, in bytes, are read again sooner than they are looked up.
const WORTH_KEEPING: u64 = 32 << 20;

/// Where logs are kept; None with `--no-store`, and where this system names no home.
pub(super) fn home(global: &Global, settings: &Settings) -> Option<Home> {
    let folder = settings.paths.data.as_deref().filter(|_| !global.input.no_store);
    folder.map(Home::new)
}

/// The home of a command that is about nothing else.
pub(super) fn needed(global: &Global, settings: &Settings) -> Result<Home, Failure> {
    if global.input.no_store {
        return Err(Failure::usage("--no-store: this command is about the store"));
    }
    home(global, settings).ok_or_else(|| Failure::from(store::Error::Nowhere))
}

/// The activity of exactly the logs named, and what there is to say of the way it came about.
///
/// # Errors
/// As [`audit::read`].
pub fn of_sources(
    home: Option<&Home>,
    specs: &[SourceSpec],
    options: &Options,
    progress: &dyn Progress,
) -> Result<(Activity, Option<String>), audit::Error> {
    let mut notice = None;
    if let Some(home) = home.filter(|_| options.cluster.is_none() && is_worth_keeping(specs)) {
        match through(home, specs, options, progress) {
            Ok(Some(activity)) => return Ok((activity, None)),
            // What cannot be kept can be read.
            Ok(None) => {}
            Err(store::Error::Audit(error)) => return Err(error),
            Err(error) => notice = Some(format!("read without the store: {error}")),
        }
    }
    Ok((audit::read(specs, options, progress)?, notice))
}

fn through(
    home: &Home,
    specs: &[SourceSpec],
    options: &Options,
    progress: &dyn Progress,
) -> Result<Option<Activity>, store::Error> {
    let mut store = home.open_set(specs)?;
    let turn = store.turn_now()?;
    store.mirror(specs, options, progress, &turn)?;
    store.activity(options)
}

/// Whether what was read of these logs is kept.
pub(super) fn is_worth_keeping(specs: &[SourceSpec]) -> bool {
    // What an API server serves is read anew: that two contexts name it alike says nothing.
    size(specs, None).is_some_and(|bytes| bytes >= WORTH_KEEPING)
}

/// How large the files named are, compressed as they are; None where that cannot be told.
pub(super) fn size(specs: &[SourceSpec], server: Option<&Arc<dyn audit::Served>>) -> Option<u64> {
    let places = audit::places(specs, server).ok()?;
    let sizes = places.iter().map(|place| place.file().map(audit::PlacedFile::size));
    sizes.sum()
}

/// Whether it is known which cluster it is.
pub(super) fn says_which(cluster: &ClusterInfo) -> bool {
    !cluster.id.is_empty() && &*cluster.id != UNNAMED
}

/// The activity of everything that was taken in for a cluster; None where nothing was.
///
/// # Errors
/// Where a store is there and cannot be read.
pub fn of_cluster(
    home: &Home,
    cluster: &ClusterInfo,
    options: &Options,
) -> Result<Option<Activity>, store::Error> {
    if !says_which(cluster) {
        return Ok(None);
    }
    let found: Option<Store> = home.find(&cluster.id, &cluster.name)?;
    found.map_or(Ok(None), |mut store| store.activity(options))
}

/// The same for an answer: a store that cannot be written or is busy is said, and done without.
pub(super) fn answer_of_cluster(
    home: &Home,
    cluster: &ClusterInfo,
    options: &Options,
) -> Result<Option<Activity>, Failure> {
    match of_cluster(home, cluster, options) {
        Ok(activity) => Ok(activity),
        Err(error) if error.is_passing() => {
            answer::say(&format!("read without the store: {error}"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Audit(error) => error.into(),
            store::Error::Unknown { .. } => Self::usage(error.to_string()),
            _ => Self { code: Code::Unreachable, message: error.to_string() },
        }
    }
}
