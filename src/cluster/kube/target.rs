//! From kubeconfig and flags to the one server that is meant, and as whom.

use std::path::{Path, PathBuf};

use super::kubeconfig::{ClusterEntry, ContextEntry, Files, Kubeconfig, UserEntry};
use super::{ConnectOptions, Variables};
use crate::cluster::Error;
use crate::model::Name;

/// A context by which clusters are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextInfo {
    /// Its name.
    pub name: String,
    /// The name of its cluster; empty where it has none.
    pub cluster: String,
    /// The name of its user; empty where it has none.
    pub user: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Whether it is the current one.
    pub current: bool,
}

/// The contexts of the kubeconfig: of the given file, else of the usual ones. Empty where there is
/// none of these.
///
/// # Errors
/// Where a file cannot be read or is no kubeconfig.
pub fn contexts(kubeconfig: Option<&Path>) -> Result<Vec<ContextInfo>, Error> {
    let config = Files::find(kubeconfig, &Variables::of_process()).read()?;
    Ok(config.map(|config| listed(&config)).unwrap_or_default())
}

/// The namespace of the context that is meant, or of the pod that this runs in: where to look if
/// nothing may be listed everywhere.
///
/// # Errors
/// [`Error::Config`] where kubeconfig and flags do not say where to connect.
pub fn namespace(options: &ConnectOptions) -> Result<Option<Name>, Error> {
    Ok(Target::find(options)?.namespace.map(Name::from))
}

fn listed(config: &Kubeconfig) -> Vec<ContextInfo> {
    let contexts = config.contexts.iter().map(|named| ContextInfo {
        name: named.name.clone(),
        cluster: named.context.cluster.clone().unwrap_or_default(),
        user: named.context.user.clone().unwrap_or_default(),
        namespace: named.context.namespace.clone(),
        current: config.current_context.as_ref() == Some(&named.name),
    });
    contexts.collect()
}

/// The server that is meant, and as whom.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    /// Empty inside a pod.
    pub(super) context: String,
    pub(super) server: String,
    pub(super) cluster: ClusterEntry,
    /// The context's, or the pod's own.
    pub(super) namespace: Option<String>,
    /// Empty where there is none.
    pub(super) user_name: String,
    pub(super) user: UserEntry,
    /// The CA file of a pod's account, which is replaced from time to time.
    pub(super) changing_ca: Option<PathBuf>,
    /// What is odd about the choice, to be said where authentication fails.
    pub(super) note: Option<String>,
}

impl Target {
    /// Finds it.
    ///
    /// # Errors
    /// [`Error::Config`] where files, context or cluster are missing or contradict each other.
    pub(super) fn find(options: &ConnectOptions) -> Result<Self, Error> {
        let files = Files::find(options.kubeconfig.as_deref(), &options.variables);
        let config = files.read()?.unwrap_or_default();
        let says_where = options.context.is_some()
            || options.cluster.is_some()
            || config.current_context.is_some();
        let mut target = if says_where {
            Self::of_config(options, &config, &files)?
        } else {
            Self::of_pod(options).ok_or_else(|| nowhere(&config, &files))?
        };
        target.impersonate(options)?;
        Ok(target)
    }

    fn of_config(
        options: &ConnectOptions,
        config: &Kubeconfig,
        files: &Files,
    ) -> Result<Self, Error> {
        let wrong = |cause: String| Error::Config {
            tried: format!("use kubeconfig {}", files.describe()),
            cause,
        };
        let name = options.context.as_ref().or(config.current_context.as_ref());
        let context = match name {
            Some(name) => config.context(name).cloned().ok_or_else(|| {
                let known: Vec<&str> =
                    config.contexts.iter().map(|named| named.name.as_str()).collect();
                wrong(format!("context {name:?} does not exist; {}", choice("contexts", &known)))
            })?,
            None => ContextEntry::default(),
        };
        let name = name.cloned().unwrap_or_default();
        let cluster_name = options.cluster.as_ref().or(context.cluster.as_ref());
        let cluster_name = cluster_name.ok_or_else(|| {
            wrong(format!("context {name:?} names no cluster; name one with --cluster"))
        })?;
        let cluster = config.cluster(cluster_name).cloned().ok_or_else(|| {
            let known: Vec<&str> =
                config.clusters.iter().map(|named| named.name.as_str()).collect();
            wrong(format!(
                "cluster {cluster_name:?} does not exist; {}",
                choice("clusters", &known)
            ))
        })?;
        let server = cluster
            .server
            .clone()
            .ok_or_else(|| wrong(format!("cluster {cluster_name:?} names no server")))?;
        let user_name = options.user.as_ref().or(context.user.as_ref());
        let found = user_name.and_then(|name| config.user(name));
        let mut note = None;
        if let (Some(user), None) = (user_name, found) {
            if options.user.is_some() {
                let known: Vec<&str> =
                    config.users.iter().map(|named| named.name.as_str()).collect();
                return Err(wrong(format!(
                    "user {user:?} does not exist; {}",
                    choice("users", &known)
                )));
            }
            // kubectl goes on without credentials, which suits a local proxy.
            note = Some(format!("user {user:?} of context {name:?} is not in the kubeconfig"));
        }
        Ok(Self {
            context: name,
            server,
            cluster,
            namespace: context.namespace,
            user_name: user_name.cloned().unwrap_or_default(),
            user: found.cloned().unwrap_or_default(),
            changing_ca: None,
            note,
        })
    }

    /// The account of the pod that this runs in, where it does.
    fn of_pod(options: &ConnectOptions) -> Option<Self> {
        let host = options.variables.text("KUBERNETES_SERVICE_HOST")?;
        let port = options.variables.text("KUBERNETES_SERVICE_PORT")?;
        let folder = &options.pod_account;
        let (token, ca) = (folder.join("token"), folder.join("ca.crt"));
        if !token.is_file() {
            return None;
        }
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let path = |path: &Path| Some(path.to_string_lossy().into_owned());
        let server = format!("https://{host}:{port}");
        Some(Self {
            context: String::new(),
            cluster: ClusterEntry {
                server: Some(server.clone()),
                certificate_authority: path(&ca),
                ..ClusterEntry::default()
            },
            server,
            namespace: std::fs::read_to_string(folder.join("namespace"))
                .ok()
                .map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty()),
            user_name: "the pod's own account".to_owned(),
            user: UserEntry { token_file: path(&token), ..UserEntry::default() },
            changing_ca: Some(ca),
            note: None,
        })
    }

    /// Flags win over the kubeconfig, each for itself.
    fn impersonate(&mut self, options: &ConnectOptions) -> Result<(), Error> {
        let user = &mut self.user;
        if let Some(as_user) = &options.as_user {
            user.as_user = Some(as_user.clone());
        }
        if !options.as_groups.is_empty() {
            user.as_groups.clone_from(&options.as_groups);
        }
        if let Some(uid) = &options.as_uid {
            user.as_uid = Some(uid.clone());
        }
        let more =
            !user.as_groups.is_empty() || user.as_uid.is_some() || !user.as_user_extra.is_empty();
        if user.as_user.is_none() && more {
            return Err(Error::Config {
                tried: "impersonate".to_owned(),
                cause: "groups or a UID are given and no user; name one with --as".to_owned(),
            });
        }
        Ok(())
    }
}

fn choice(what: &str, known: &[&str]) -> String {
    if known.is_empty() {
        format!("there are no {what}")
    } else {
        format!("the {what} are {}", known.join(", "))
    }
}

fn nowhere(config: &Kubeconfig, files: &Files) -> Error {
    let tried = format!("find a cluster in {}", files.describe());
    let known: Vec<&str> = config.contexts.iter().map(|named| named.name.as_str()).collect();
    let cause = if known.is_empty() {
        "no kubeconfig there says where a cluster is, and this is no pod; name a file with \
         --kubeconfig or KUBECONFIG"
            .to_owned()
    } else {
        format!("no context is current; choose one with --context: {}", known.join(", "))
    };
    Error::Config { tried, cause }
}

/// The short name of a cluster, the last part of its context's: `prod` of
/// `arn:aws:eks:REGION:ACCOUNT:cluster/prod`, `ops@prod` and `gke_PROJECT_ZONE_prod`.
pub(super) fn short_name(context: &str) -> &str {
    if context.is_empty() {
        return "in-cluster";
    }
    let last = context.rsplit(['/', '@', ':']).next().unwrap_or(context);
    let last =
        if last.starts_with("gke_") { last.rsplit('_').next().unwrap_or(last) } else { last };
    if last.is_empty() { context } else { last }
}
