//! The API server's own log files, by way of the cluster's connection.

use std::sync::Arc;

use tokio::runtime::Runtime;

use super::args::Global;
use super::exit::Failure;
use super::sources::{connect_options, contexts_named, runtime};
use crate::audit::{Part, Served, SourceSpec};
use crate::cluster::kube::connect;
use crate::cluster::{Cluster, Error};
use crate::config::Settings;

/// A connection that waits for its answers.
#[derive(Debug)]
struct Connected {
    cluster: Arc<dyn Cluster>,
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

/// What serves the logs that are named by `apiserver:`; None where none are. Nothing is asked yet.
///
/// # Errors
/// Where it is not one live cluster that is named, or its kubeconfig is none.
pub(super) fn of(
    global: &Global,
    settings: &Settings,
    specs: &[SourceSpec],
) -> Result<Option<Arc<dyn Served>>, Failure> {
    if !specs.iter().any(|spec| matches!(spec, SourceSpec::ApiServer(_))) {
        return Ok(None);
    }
    if global.input.demo || !global.input.from.is_empty() {
        return Err(Failure::usage(
            "apiserver: with --from or --demo: it is the log of a live cluster; leave one of them out",
        ));
    }
    let names = contexts_named(global, settings)?;
    let [name] = &names[..] else {
        return Err(Failure::usage(
            "apiserver: with several contexts: a log is of one cluster; name one --context",
        ));
    };
    let (runtime, options) = (runtime()?, connect_options(global, settings, name.as_deref()));
    let cluster = runtime.block_on(connect(&options))?;
    Ok(Some(Arc::new(Connected { cluster, runtime: Some(runtime) })))
}

impl Served for Connected {
    fn get(&self, path: &str, from: u64, most: u64) -> Result<Part, String> {
        let Some(runtime) = &self.runtime else {
            return Err("the connection is closed".to_owned());
        };
        let wait = || runtime.block_on(self.cluster.served_log(path, from, most));
        let mut answer = wait();
        // What is only busy may have time for it at once.
        if answer.as_ref().is_err_and(Error::is_transient) {
            answer = wait();
        }
        let log = answer.map_err(|error| explained(path, &error))?;
        Ok(Part {
            bytes: log.bytes,
            from: log.from,
            total: log.total,
            changed: log.changed,
            is_page: log.is_page,
        })
    }
}

/// With what to do next.
fn explained(path: &str, error: &Error) -> String {
    let next = match error {
        Error::Forbidden { .. } => {
            "the right to get the nonResourceURLs /logs and /logs/* is missing; it lets one read \
             all of /var/log there, so a file or an export is better"
        }
        Error::NotFound { .. } if path.is_empty() => {
            "the API server serves no logs: it does so with --enable-logs-handler only, which is \
             deprecated and off by default; docs/logs says how else to get them"
        }
        Error::NotFound { .. } => {
            "there is no such file or folder below /var/log of the API server's machine or \
             container, or it serves no logs at all (--enable-logs-handler)"
        }
        _ => return error.to_string(),
    };
    format!("{error}; {next}")
}

impl Drop for Connected {
    fn drop(&mut self) {
        // Nobody waits for what was asked last, wherever it is dropped.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
