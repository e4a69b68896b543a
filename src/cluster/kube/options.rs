//! Where to connect and as whom: kubectl's flags, meaning what they mean there.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::cluster::REQUEST_TIMEOUT;

/// Where the account of a pod is mounted.
const POD_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Where to connect and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectOptions {
    /// `--kubeconfig`: this file and no other. Without it the files that `KUBECONFIG` lists, else
    /// `~/.kube/config`, else the account of the pod that keybook runs in.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`; without it the current one.
    pub context: Option<String>,
    /// `--cluster`, instead of the context's.
    pub cluster: Option<String>,
    /// `--user`, instead of the context's.
    pub user: Option<String>,
    /// `--as`.
    pub as_user: Option<String>,
    /// `--as-group`, each.
    pub as_groups: Vec<String>,
    /// `--as-uid`.
    pub as_uid: Option<String>,
    /// The short name that the configuration gives this cluster; without it the last part of the
    /// context's name.
    pub name: Option<String>,
    /// `--read-bootstrap`: whether Secrets of bootstrap tokens are asked for whole, to know until
    /// when and for what they are good. The tokens themselves are dropped as they are read.
    pub read_bootstrap: bool,
    /// `--request-timeout`: how long one request may take, connecting included. Zero, which asks
    /// kubectl to wait for ever, is ten minutes here.
    pub request_timeout: Duration,
    /// How long an exec plugin may take.
    pub plugin_timeout: Duration,
    /// The environment.
    pub variables: Variables,
    /// The folder in which a pod's account is mounted.
    pub pod_account: PathBuf,
}

impl Default for ConnectOptions {
    /// No flag given, in this process's environment.
    fn default() -> Self {
        Self {
            kubeconfig: None,
            context: None,
            cluster: None,
            user: None,
            as_user: None,
            as_groups: Vec::new(),
            as_uid: None,
            name: None,
            read_bootstrap: false,
            request_timeout: REQUEST_TIMEOUT,
            plugin_timeout: Duration::from_secs(30),
            variables: Variables::of_process(),
            pod_account: POD_ACCOUNT.into(),
        }
    }
}

impl ConnectOptions {
    pub(super) fn deadline(&self) -> Duration {
        if self.request_timeout.is_zero() {
            return Duration::from_mins(10);
        }
        self.request_timeout
    }
}

/// Environment variables, those that say where a cluster is and how it is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, OsString>);

impl Variables {
    /// Every variable that is looked at.
    const KNOWN: [&'static str; 12] = [
        "KUBECONFIG",
        "HOME",
        "USERPROFILE",
        "KUBERNETES_SERVICE_HOST",
        "KUBERNETES_SERVICE_PORT",
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "NO_PROXY",
        "no_proxy",
        "PATH",
    ];

    /// This process's.
    pub fn of_process() -> Self {
        let known = Self::KNOWN.into_iter();
        Self(known.filter_map(|name| Some((name.to_owned(), std::env::var_os(name)?))).collect())
    }

    /// The same with one set otherwise.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// A variable that is set to something.
    pub(super) fn get(&self, name: &str) -> Option<&OsString> {
        self.0.get(name).filter(|value| !value.is_empty())
    }

    /// The same, as text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.to_str().filter(|text| !text.trim().is_empty())
    }
}
