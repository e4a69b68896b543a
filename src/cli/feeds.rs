//! From flags to feeds: what the terminal UI follows.

use std::sync::{Arc, OnceLock};

use chrono::Utc;
use tokio::runtime::Runtime;

use super::args::Global;
use super::exit::Failure;
use super::sources::{
    connect_options, contexts_named, demo_policy, load_options, log_specs, now, one_standard_input,
    refuse_live_flags, runtime, settings,
};
use super::{kept, served};
use crate::audit;
use crate::cluster::files::{self, Source};
use crate::cluster::kube::connect;
use crate::cluster::memory::MemoryCluster;
use crate::config::Settings;
use crate::demo;
use crate::feed::{Clock, Feed, Followed, Log, Objects, ReadLog, Sources};
use crate::model::{ClusterInfo, ListKind, Name, Snapshot};
use crate::store::Home;

/// Running feeds.
#[derive(Debug)]
pub struct Fleet {
    /// A feed a cluster, with the name of its context, in the order in which they were named.
    pub feeds: Vec<(Name, Arc<Feed>)>,
    /// All settings.
    pub settings: Settings,
    /// What they run on. End it by `shutdown_background`: nothing there is worth waiting for.
    pub runtime: Runtime,
}

/// The clock of feeds and screens: the machine's, unless a moment is given to count from.
pub fn clock() -> Clock {
    Arc::new(|| now().unwrap_or_else(|_| Utc::now()))
}

/// Starts a feed for every cluster that is named. Nothing is waited for but the reading of
/// kubeconfigs.
///
/// # Errors
/// Where flags, settings or kubeconfigs do not say what to read.
pub fn start(global: &Global) -> Result<Fleet, Failure> {
    let settings = settings(global)?;
    one_standard_input(global, false)?;
    // A moment that cannot be read is said now, not at every tick.
    let started = now()?;
    let runtime = runtime()?;
    let within = runtime.enter();
    let feeds = if global.input.demo {
        let cluster = MemoryCluster::new(demo::cluster(), demo::objects(started));
        let sources = Sources {
            objects: Objects::Live {
                cluster: Arc::new(cluster),
                options: load_options(global, &settings, None, &ListKind::ALL),
            },
            log: Log::Opened(Arc::new(move || {
                let bytes = Box::new(demo::log_lines(started));
                vec![audit::Input { name: demo::LOG_NAME.into(), bytes }]
            })),
        };
        let policy = Arc::new(demo_policy(&settings));
        vec![("demo".into(), Arc::new(Feed::start(sources, policy, clock())))]
    } else if global.input.from.is_empty() {
        live(global, &settings, &runtime)?
    } else {
        refuse_live_flags(global)?;
        vec![(Name::from("files"), Arc::new(saved(global, &settings)?))]
    };
    drop(within);
    Ok(Fleet { feeds, settings, runtime })
}

/// The logs named, by way of their cache where that is worth it; None where none are.
fn named_log(global: &Global, settings: &Settings) -> Result<Option<Log>, Failure> {
    let specs = log_specs(global);
    if specs.is_empty() {
        return Ok(None);
    }
    let cluster: Option<Name> = global.input.audit_cluster.as_deref().map(Into::into);
    let home = kept::home(global, settings).filter(|_| kept::is_worth_keeping(&specs));
    if home.is_none() && global.input.follow {
        return Ok(Some(Log::Followed(Followed { specs, cluster, kept: None })));
    }
    let server = served::of(global, settings, &specs)?;
    let plain = cluster.is_none() && server.is_none();
    if home.is_none() && (plain || specs.contains(&audit::SourceSpec::Stdin)) {
        return Ok(Some(Log::Files(specs)));
    }
    let followed = global.input.follow.then(|| (specs.clone(), cluster.clone()));
    let read: ReadLog = Arc::new(move |progress, now| {
        let mut options = audit::Options::new(now);
        options.cluster.clone_from(&cluster);
        options.server.clone_from(&server);
        match kept::of_sources(home.as_ref(), &specs, &options, progress) {
            Ok((activity, notice)) => {
                if let Some(notice) = notice {
                    tracing::warn!("{notice}");
                }
                Ok(Some(activity))
            }
            Err(error) => Err(error.to_string()),
        }
    });
    Ok(Some(match followed {
        // Events of one cluster alone are not kept.
        Some((specs, cluster)) => {
            let kept = cluster.is_none().then_some(read);
            Log::Followed(Followed { specs, cluster, kept })
        }
        None => Log::Read(read),
    }))
}

/// What was taken in for a cluster that can say, when it is asked, which one it is.
fn kept_log(
    global: &Global,
    settings: &Settings,
    which: impl Fn() -> Option<ClusterInfo> + Send + Sync + 'static,
) -> Log {
    let home = kept::home(global, settings).filter(Home::has_any);
    home.map_or(Log::None, |home| {
        Log::Read(Arc::new(move |_, now| {
            let Some(info) = which() else { return Ok(None) };
            let read = kept::of_cluster(&home, &info, &audit::Options::new(now));
            read.map_err(|error| error.to_string())
        }))
    })
}

/// What is not there at all is said before the screen opens.
fn saved(global: &Global, settings: &Settings) -> Result<Feed, Failure> {
    let paths: Vec<Source> = global.input.from.iter().map(|text| Source::parse(text)).collect();
    for path in &paths {
        if let Source::Path(path) = path
            && !path.exists()
        {
            return Err(files::Error::Missing(path.clone()).into());
        }
    }
    // Whose objects they are is known once they are read.
    let tell: Arc<OnceLock<Option<ClusterInfo>>> = Arc::default();
    let known = tell.clone();
    let log = named_log(global, settings)?
        .unwrap_or_else(|| kept_log(global, settings, move || known.wait().clone()));
    let read = move || {
        let read = files::read(&paths).map_err(|error| error.to_string());
        tell.get_or_init(|| read.as_ref().ok().map(|snapshot: &Snapshot| snapshot.cluster.clone()));
        read
    };
    let sources = Sources { objects: Objects::Saved(Arc::new(read)), log };
    Ok(Feed::start(sources, Arc::new(settings.policy()), clock()))
}

fn live(
    global: &Global,
    settings: &Settings,
    runtime: &Runtime,
) -> Result<Vec<(Name, Arc<Feed>)>, Failure> {
    let names = contexts_named(global, settings)?;
    if names.len() > 1 && !global.input.audit.is_empty() {
        return Err(Failure::usage(
            "--audit with several contexts: a log is of one cluster; name one --context",
        ));
    }
    let policy = Arc::new(settings.policy());
    let mut feeds = Vec::new();
    for name in names {
        let options = connect_options(global, settings, name.as_deref());
        let cluster = runtime.block_on(connect(&options))?;
        let options = load_options(global, settings, name.as_deref(), &ListKind::ALL);
        let log = named_log(global, settings)?.unwrap_or_else(|| {
            let (asked, runtime) = (cluster.clone(), runtime.handle().clone());
            // Where the cluster does not answer there is more to say than what is kept of it.
            kept_log(global, settings, move || runtime.block_on(asked.info()).ok())
        });
        let sources = Sources { objects: Objects::Live { cluster, options }, log };
        let feed = Feed::start(sources, policy.clone(), clock());
        feeds.push((name.unwrap_or_default().into(), Arc::new(feed)));
    }
    Ok(feeds)
}
