//! From flags to Books: a live cluster, saved objects or the demo, with the log beside it.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::args::Global;
use super::exit::Failure;
use super::{again, answer, kept, outside, served};
use crate::audit::{self, SourceSpec};
use crate::book::{Book, Inputs, LogState};
use crate::cluster::files::{self, Source};
use crate::cluster::kube::{ConnectOptions, connect, contexts, namespace};
use crate::cluster::loader::{LoadOptions, load};
use crate::cluster::memory::MemoryCluster;
use crate::config::{self, Flags, Origin, Paths, Settings};
use crate::demo;
use crate::findings::floods;
use crate::model::{Activity, ListKind, Name, Policy, Snapshot};

/// The moment to count from instead of now, RFC 3339: for what was saved earlier, and for tests.
const NOW: &str = "KEYBOOK_NOW";

/// What a command reads.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// Lists of the cluster.
    pub lists: &'static [ListKind],
    /// Whether the log.
    pub log: bool,
    /// Whether findings are told, so that what only they are told from is read too.
    pub findings: bool,
}

impl Needs {
    /// The lists to ask for.
    fn lists(self) -> Vec<ListKind> {
        let more = if self.findings { floods::LISTS } else { &[] };
        self.lists.iter().chain(more).copied().collect()
    }
}

/// Everything that answers are made of.
#[derive(Clone, Debug)]
pub struct Session {
    /// A Book a cluster, in the order in which the clusters were named.
    pub books: Vec<Arc<Book>>,
    /// Clusters that were named and could not be had.
    pub failed: Vec<(Name, Failure)>,
    /// All settings.
    pub settings: Settings,
    /// Whether answers read the log.
    pub reads_log: bool,
}

/// The settings of this call.
pub fn settings(global: &Global) -> Result<Settings, Failure> {
    let flags = Flags {
        policy: global.verdict.policy.clone(),
        groups: global.input.groups.clone(),
        audit_policy: global.verdict.audit_policy.clone(),
        require_coverage: global.verdict.require_coverage,
        theme: global.look.theme.clone(),
        color: global.look.color,
        readonly: global.look.readonly,
    };
    let variable = |name: &str| std::env::var(name).ok();
    let mut settings = config::resolve(flags, &variable, Paths::of_system())?;
    settings.outside = outside::read(global)?.into();
    Ok(settings)
}

/// The moment to count from.
pub fn now() -> Result<DateTime<Utc>, Failure> {
    match std::env::var(NOW).ok().filter(|text| !text.is_empty()) {
        None => Ok(Utc::now()),
        Some(text) => match DateTime::parse_from_rfc3339(&text) {
            Ok(time) => Ok(time.with_timezone(&Utc)),
            Err(_) => Err(Failure::usage(format!(
                "{NOW}={text:?} is no time: write it as 2026-01-31T12:00:00Z"
            ))),
        },
    }
}

/// Reads all that a command needs.
pub fn open(global: &Global, needs: Needs) -> Result<Session, Failure> {
    let settings = settings(global)?;
    one_standard_input(global, false)?;
    let now = now()?;
    if global.input.demo {
        return demo(global, settings, needs, now);
    }
    let log = log_specs(global);
    if needs.log
        && !log.is_empty()
        && (global.cluster.all_contexts || global.cluster.context.len() > 1)
    {
        return Err(Failure::usage(
            "--audit with several contexts: a log is of one cluster; name one --context",
        ));
    }
    let (home, mut options) = (kept::home(global, &settings), audit::Options::new(now));
    options.cluster = global.input.audit_cluster.as_deref().map(Into::into);
    if needs.log {
        options.server = served::of(global, &settings, &log)?;
    }
    // The log is read while the cluster answers.
    let (snapshots, activity) = rayon::join(
        || snapshots(global, &settings, &needs.lists()),
        || {
            let read = needs.log && !log.is_empty();
            let home = home.as_ref();
            read.then(|| kept::of_sources(home, &log, &options, &())).transpose()
        },
    );
    let activity = activity?.map(|(activity, notice)| {
        if let Some(notice) = notice {
            answer::say(&notice);
        }
        Arc::new(activity)
    });
    let (snapshots, failed) = snapshots?;
    let mut books = Vec::new();
    for (context, snapshot) in snapshots {
        let policy = policy(global, &settings, context.as_deref());
        let mut own = activity.clone();
        if let (true, true, Some(home)) = (needs.log, log.is_empty(), &home) {
            own = kept::answer_of_cluster(home, &snapshot.cluster, &options)?.map(Arc::new);
        }
        books.push(book(snapshot, own, policy.into(), now));
    }
    Ok(Session { books, failed, settings, reads_log: needs.log })
}

/// The Policy, by which commands that are shown mean this context of what was named; None is the current
/// one, or saved objects.
pub(super) fn policy(global: &Global, settings: &Settings, context: Option<&str>) -> Policy {
    Policy { again: again::of_context(global, context), ..settings.policy(context) }
}

fn book(
    snapshot: Snapshot,
    activity: Option<Arc<Activity>>,
    policy: Arc<Policy>,
    now: DateTime<Utc>,
) -> Arc<Book> {
    let log = if activity.is_some() { LogState::Ready } else { LogState::None };
    Arc::new(Book::build(Inputs { snapshot: snapshot.into(), activity, log, policy, now }))
}

/// Standard input is one stream: it can be one thing.
pub fn one_standard_input(global: &Global, taken: bool) -> Result<(), Failure> {
    let named =
        global.input.from.iter().chain(&global.input.audit).filter(|text| *text == "-").count();
    if named + usize::from(taken) > 1 {
        return Err(Failure::usage("standard input (-) is named more than once"));
    }
    Ok(())
}

/// The logs that are named.
pub(super) fn log_specs(global: &Global) -> Vec<SourceSpec> {
    global
        .input
        .audit
        .iter()
        .map(|text| match text.parse() {
            Ok(spec) => spec,
            Err(never) => match never {},
        })
        .collect()
}

/// Each with its context, as far as one was named.
type Snapshots = (Vec<(Option<String>, Snapshot)>, Vec<(Name, Failure)>);

fn snapshots(
    global: &Global,
    settings: &Settings,
    lists: &[ListKind],
) -> Result<Snapshots, Failure> {
    if global.input.from.is_empty() {
        return live(global, settings, lists);
    }
    refuse_live_flags(global)?;
    let sources: Vec<Source> = global.input.from.iter().map(|text| Source::parse(text)).collect();
    Ok((vec![(None, files::read(&sources)?)], Vec::new()))
}

/// Saved objects need no cluster.
pub(super) fn refuse_live_flags(global: &Global) -> Result<(), Failure> {
    let live_flag = [
        (global.cluster.kubeconfig.is_some(), "--kubeconfig"),
        (!global.cluster.context.is_empty(), "--context"),
        (global.cluster.all_contexts, "--all-contexts"),
        (global.cluster.cluster.is_some(), "--cluster"),
        (global.cluster.user.is_some(), "--user"),
        (global.cluster.as_user.is_some(), "--as"),
        (global.credentials.read_bootstrap, "--read-bootstrap"),
    ];
    if let Some((_, flag)) = live_flag.into_iter().find(|(given, _)| *given) {
        return Err(Failure::usage(format!(
            "--from and {flag}: saved objects need no cluster; leave one of them out"
        )));
    }
    Ok(())
}

/// The contexts that are named; None is the current one where nothing is configured for it.
pub(super) fn contexts_named(
    global: &Global,
    settings: &Settings,
) -> Result<Vec<Option<String>>, Failure> {
    let current = || -> Result<Option<String>, Failure> {
        if settings.clusters.is_empty() {
            return Ok(None);
        }
        // The configuration knows clusters by their context.
        let all = contexts(global.cluster.kubeconfig.as_deref())?;
        Ok(all.into_iter().find(|context| context.current).map(|context| context.name))
    };
    let names: Vec<Option<String>> = if global.cluster.all_contexts {
        let all = contexts(global.cluster.kubeconfig.as_deref())?;
        all.into_iter().map(|context| Some(context.name)).collect()
    } else if global.cluster.context.is_empty() {
        vec![current()?]
    } else {
        global.cluster.context.iter().cloned().map(Some).collect()
    };
    if names.is_empty() {
        return Err(Failure::unreachable("--all-contexts: the kubeconfig names no context"));
    }
    Ok(names)
}

/// Every live cluster that is named, all at once.
fn live(global: &Global, settings: &Settings, lists: &[ListKind]) -> Result<Snapshots, Failure> {
    let names = contexts_named(global, settings)?;
    let runtime = runtime()?;
    let loaded = runtime.block_on(futures::future::join_all(names.iter().map(|name| async {
        let options = connect_options(global, settings, name.as_deref());
        let cluster = connect(&options).await?;
        let mut loading = load_options(global, settings, name.as_deref(), lists);
        loading.namespaces.extend(namespace(&options)?);
        load(&*cluster, &loading).await
    })));
    // Resolving a name cannot be called off; nobody waits for it.
    runtime.shutdown_background();
    let several = names.len() > 1;
    let mut snapshots = Vec::new();
    let mut failed = Vec::new();
    for (name, result) in names.into_iter().zip(loaded) {
        match result {
            Ok(snapshot) => snapshots.push((name, snapshot)),
            Err(error) if several => {
                failed.push((name.unwrap_or_default().into(), Failure::from(error)));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if snapshots.is_empty() {
        let all: Vec<String> =
            failed.iter().map(|(name, failure)| format!("{name}: {failure}")).collect();
        return Err(Failure::unreachable(all.join("\n")));
    }
    Ok((snapshots, failed))
}

/// A runtime for what waits on the network.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|cause| Failure::unreachable(format!("starting the runtime: {cause}")))
}

/// How to connect to a context; None is the current one.
pub fn connect_options(
    global: &Global,
    settings: &Settings,
    context: Option<&str>,
) -> ConnectOptions {
    let mut options = ConnectOptions {
        kubeconfig: global.cluster.kubeconfig.clone(),
        context: context.map(str::to_owned),
        cluster: global.cluster.cluster.clone(),
        user: global.cluster.user.clone(),
        as_user: global.cluster.as_user.clone(),
        as_groups: global.cluster.as_group.clone(),
        as_uid: global.cluster.as_uid.clone(),
        name: context
            .and_then(|context| settings.clusters.get(context))
            .and_then(|cluster| cluster.name.clone()),
        read_bootstrap: global.credentials.read_bootstrap,
        ..ConnectOptions::default()
    };
    if let Some(limit) = global.cluster.request_timeout {
        options.request_timeout = limit;
    }
    options
}

/// What to load of a context, and where to look if not everywhere.
pub fn load_options(
    global: &Global,
    settings: &Settings,
    context: Option<&str>,
    lists: &[ListKind],
) -> LoadOptions {
    let configured = context.and_then(|context| settings.clusters.get(context));
    let mut namespaces: Vec<Name> =
        global.cluster.namespace.iter().map(|name| (**name).into()).collect();
    namespaces.extend(configured.into_iter().flat_map(|cluster| cluster.namespaces.clone()));
    namespaces.sort();
    namespaces.dedup();
    LoadOptions { namespaces, ..LoadOptions::only(lists) }
}

/// The demo's thresholds, unless somebody set others.
pub fn demo_policy(global: &Global, settings: &Settings) -> Policy {
    let idle_days = match settings.idle_days.origin {
        Origin::Default => demo::policy().idle_days,
        _ => settings.idle_days.value,
    };
    Policy { idle_days, ..policy(global, settings, None) }
}

fn demo(
    global: &Global,
    settings: Settings,
    needs: Needs,
    now: DateTime<Utc>,
) -> Result<Session, Failure> {
    let cluster = MemoryCluster::new(demo::cluster(), demo::objects(now));
    let (snapshot, activity) = rayon::join(
        || {
            runtime()?
                .block_on(load(&cluster, &LoadOptions::only(&needs.lists())))
                .map_err(Failure::from)
        },
        || {
            let input =
                audit::Input { name: demo::LOG_NAME.into(), bytes: Box::new(demo::log_lines(now)) };
            let read =
                needs.log.then(|| audit::read_inputs(vec![input], &audit::Options::new(now), &()));
            read.transpose()
        },
    );
    let mut snapshot = snapshot?;
    snapshot.taken_at = Some(now);
    let activity = activity?.map(Arc::new);
    let policy = demo_policy(global, &settings).into();
    let books = vec![book(snapshot, activity, policy, now)];
    Ok(Session { books, failed: Vec::new(), settings, reads_log: needs.log })
}
