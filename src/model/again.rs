//! The options of a command line, for commands that are shown to be copied.

/// The options by which keybook's commands mean the same cluster and read the same log; a space before
/// each. A command that is copied without them would be about whatever the kubeconfig is set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Again {
    /// The cluster: all that a command takes which reads no log, such as `apply` and `undo`.
    pub cluster: String,
    /// The log, and what else is read beside the cluster, or in its place.
    pub log: String,
}

impl Again {
    /// All of them.
    pub fn all(&self) -> String {
        format!("{}{}", self.cluster, self.log)
    }
}
