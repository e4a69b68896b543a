//! From flags to feeds: what the terminal UI follows.

use std::sync::{Arc, OnceLock};

use chrono::Utc;
use tokio::runtime::Runtime;

use super::args::Global;
use super::desk::ClusterDesk;
use super::exit::Failure;
use super::sources::{
    connect_options, contexts_named, demo_policy, load_options, log_specs, now, one_standard_input,
    policy, refuse_live_flags, runtime, settings,
};
use super::{kept, served};
use crate::audit;
use crate::change::Desk;
use crate::cluster::files::{self, Source};
use crate::cluster::kube::{ConnectOptions, connect, connect_writer};
use crate::cluster::memory::MemoryCluster;
use crate::cluster::{Cluster, Writer};
use crate::config::Settings;
use crate::demo;
use crate::feed::{Clock, Feed, Followed, Log, Objects, ReadLog, Sources};
use crate::model::{ClusterInfo, ListKind, Name, Policy, Snapshot};
use crate::store::Home;

/// A running feed.
#[derive(Clone)]
pub struct Fed {
    /// The name of its context.
    pub name: Name,
    /// The feed.
    pub feed: Arc<Feed>,
    /// The options by which a command means the same cluster and log; a space before each.
    pub flags: String,
    /// Where changes are made from; None for saved objects, which are no cluster.
    pub desk: Option<Arc<dyn Desk>>,
}

impl std::fmt::Debug for Fed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fed").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Running feeds.
#[derive(Debug)]
pub struct Fleet {
    /// A feed a cluster, in the order in which they were named.
    pub feeds: Vec<Fed>,
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
        let policy = Arc::new(demo_policy(global, &settings));
        let flags = policy.again.all();
        let desk = demo_desk(&cluster, (&settings, &policy), &runtime)?;
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
        let feed = Arc::new(Feed::start(sources, policy, clock()));
        vec![Fed { name: "demo".into(), feed, flags, desk: Some(desk) }]
    } else if global.input.from.is_empty() {
        live(global, &settings, &runtime)?
    } else {
        refuse_live_flags(global)?;
        let policy = policy(global, &settings, None);
        let flags = policy.again.all();
        let feed = Arc::new(saved(global, &settings, policy)?);
        vec![Fed { name: "files".into(), feed, flags, desk: None }]
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
fn saved(global: &Global, settings: &Settings, policy: Policy) -> Result<Feed, Failure> {
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
    Ok(Feed::start(sources, Arc::new(policy), clock()))
}

fn live(global: &Global, settings: &Settings, runtime: &Runtime) -> Result<Vec<Fed>, Failure> {
    let names = contexts_named(global, settings)?;
    if names.len() > 1 && !global.input.audit.is_empty() {
        return Err(Failure::usage(
            "--audit with several contexts: a log is of one cluster; name one --context",
        ));
    }
    let mut feeds = Vec::new();
    for name in names {
        let options = connect_options(global, settings, name.as_deref());
        let cluster = runtime.block_on(connect(&options))?;
        let policy = policy(global, settings, name.as_deref());
        let desk = live_desk(&cluster, options, (global, settings, &policy), runtime);
        let options = load_options(global, settings, name.as_deref(), &ListKind::ALL);
        let log = named_log(global, settings)?.unwrap_or_else(|| {
            let (asked, runtime) = (cluster.clone(), runtime.handle().clone());
            // Where the cluster does not answer there is more to say than what is kept of it.
            kept_log(global, settings, move || runtime.block_on(asked.info()).ok())
        });
        let sources = Sources { objects: Objects::Live { cluster, options }, log };
        let flags = policy.again.all();
        let feed = Arc::new(Feed::start(sources, Arc::new(policy), clock()));
        feeds.push(Fed { name: name.unwrap_or_default().into(), feed, flags, desk: Some(desk) });
    }
    Ok(feeds)
}

/// `--readonly` keeps the way to write shut.
fn not_readonly(readonly: bool) -> Result<(), Failure> {
    if readonly {
        return Err(Failure::refused(super::changing::READONLY));
    }
    Ok(())
}

fn live_desk(
    cluster: &Arc<dyn Cluster>,
    options: ConnectOptions,
    (global, settings, policy): (&Global, &Settings, &Policy),
    runtime: &Runtime,
) -> Arc<dyn Desk> {
    let readonly = settings.readonly.value;
    let home = kept::home(global, settings);
    Arc::new(ClusterDesk {
        cluster: cluster.clone(),
        writer: Box::new(move || {
            not_readonly(readonly)?;
            let options = options.clone();
            Ok(Box::pin(async move { Ok(connect_writer(&options).await?) }))
        }),
        journal: Box::new(move |info| {
            let home = home.as_ref().ok_or_else(|| Failure::usage(super::changing::NO_JOURNAL))?;
            Ok(home.journal(&info.id))
        }),
        kubeconfigs: None,
        again: policy.again.cluster.clone(),
        runtime: runtime.handle().clone(),
    })
}

/// The demo's cluster lives as long as the screen, and so does its journal.
fn demo_desk(
    cluster: &MemoryCluster,
    (settings, policy): (&Settings, &Policy),
    runtime: &Runtime,
) -> Result<Arc<dyn Desk>, Failure> {
    let readonly = settings.readonly.value;
    let folder = tempfile::tempdir().map_err(|cause| {
        Failure::unreachable(format!("make a folder for the demo's journal: {cause}"))
    })?;
    let writer = cluster.clone();
    let kubeconfigs = Some(folder.path().join("kubeconfigs"));
    Ok(Arc::new(ClusterDesk {
        kubeconfigs,
        again: policy.again.cluster.clone(),
        cluster: Arc::new(cluster.clone()),
        writer: Box::new(move || {
            not_readonly(readonly)?;
            let writer: Arc<dyn Writer> = Arc::new(writer.clone());
            Ok(Box::pin(async move { Ok(writer) }))
        }),
        journal: Box::new(move |_| Ok(folder.path().join("journal"))),
        runtime: runtime.handle().clone(),
    }))
}
