//! The demo: an invented company's cluster with ninety days of audit log, built in.
//!
//! Everything comes from a fixed seed and one moment, `now`, at which the ninety days end, and
//! goes through the ordinary readers: objects as an API server would list them, the log as the
//! JSON lines that an API server writes. Nobody in it exists.

mod company;
mod identifiers;
mod log;
mod objects;
mod random;
mod roles;
mod specs;
#[cfg(test)]
mod tests;
mod workloads;

use std::io::Read;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use crate::audit;
use crate::model::{AuditPolicy, ClusterInfo, Object, Objects, Policy};

/// How far back the log reaches.
pub const DAYS: i64 = 90;

/// What the log is called where a source is named.
pub const LOG_NAME: &str = "demo audit log";

/// The API server's version, whose bootstrap policy the cluster has.
const VERSION: &str = "v1.36.3";

/// The cluster that the demo shows, and who looks at it.
pub fn cluster() -> ClusterInfo {
    ClusterInfo {
        id: identifiers::uid("Namespace", "", "kube-system").into(),
        name: "prod-eu".into(),
        context: "demo/prod-eu".into(),
        server: "https://prod-eu.corp.example:6443".into(),
        server_version: Some(VERSION.into()),
        operator: Some("mira@corp.example".into()),
        impersonator: None,
        authorizers: Vec::new(),
    }
}

/// The thresholds that the demo is judged by: ninety days of log can show somebody as gone for
/// forty-five, not for more than ninety.
pub fn policy() -> Policy {
    let audit = Some(Arc::new(AuditPolicy::of_everything()));
    Policy { idle_days: 45, audit, ..Policy::default() }
}

/// Everything that the cluster's lists hold at `now`, in no particular order.
pub fn objects(now: DateTime<Utc>) -> Vec<Object> {
    objects::all(now)
}

/// The ninety days up to `now` as an API server logs them: JSON lines in the order in which they
/// were written. The first request is ninety days old to the second, the last one just over. They
/// are made while they are read.
pub fn log_lines(now: DateTime<Utc>) -> impl Read + Send + 'static {
    let end = now.trunc_subsecs(0);
    let mut held = Objects::default();
    for object in objects(now) {
        held.insert(object);
    }
    log::reader(&held, end - TimeDelta::days(DAYS), end)
}

/// The same, all at once.
pub fn log(now: DateTime<Utc>) -> Vec<u8> {
    let mut all = Vec::new();
    // Reading from memory does not fail.
    _ = log_lines(now).read_to_end(&mut all);
    all
}

/// The same, as [`audit::read_inputs`] takes it.
pub fn input(now: DateTime<Utc>) -> audit::Input {
    audit::Input { name: LOG_NAME.into(), bytes: Box::new(log_lines(now)) }
}
