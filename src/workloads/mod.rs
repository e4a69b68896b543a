//! What a hole in an application is worth: the pods and controllers that use an account, whether its
//! token is in them, what they may do on their node, what isolates them, which Secrets are in them.

mod addresses;
mod enforced;
mod fold;
mod host;
mod isolation;
mod openings;
mod secrets;
pub mod standards;
#[cfg(test)]
mod tests;
mod token;
mod volumes;

pub use crate::model::Containers;
pub use enforced::{Enforced, EnforcedBy, enforced, held_to};
pub use fold::{mirror_words, mirrors, of};
pub use host::has_node;
pub use isolation::{Isolation, State as IsolationState};
pub use secrets::{Readable, readable};
pub use standards::{Level, Violation};
pub use token::{TokenMount, admitted, has_place, tokens_in, tokens_named};
pub use volumes::unread_words;

use crate::book::Book;
use crate::model::{Identity, ListKind, Name};

/// Lists that it reads.
pub const LISTS: &[ListKind] =
    &[ListKind::ServiceAccounts, ListKind::Pods, ListKind::Workloads, ListKind::NetworkPolicies];

/// The lists that are not whole for an account.
pub fn missing(book: &Book, identity: &Identity) -> Vec<ListKind> {
    let namespace = identity.namespace.as_deref();
    LISTS.iter().copied().filter(|list| !book.snapshot.covers(&[*list], namespace)).collect()
}

/// A controller with its pods, or a pod without one, that uses an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// `Deployment`, `CronJob`, …; `Pod` for one that nothing controls.
    pub kind: Name,
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Its pods that have not ended.
    pub pods: u64,
    /// Whether the account's token is in it.
    pub token: TokenMount,
    /// The strictest of the Pod Security Standards that it meets; None where its containers are not
    /// known.
    pub level: Option<Level>,
    /// What it fails of them.
    pub violations: Vec<Violation>,
    /// Whether it runs as root.
    pub root: Root,
    /// Containers that are privileged.
    pub privileged: Vec<Name>,
    /// `process`, `network`, `PID`, `IPC`: the node's own that it is or shares; the first is a
    /// `hostProcess` of Windows.
    pub host_namespaces: Vec<&'static str>,
    /// Folders of the node that it mounts.
    pub host_paths: Vec<Name>,
    /// Types of its volumes that lead to what is not read, and may be folders of the node:
    /// `persistentVolumeClaim`, `ephemeral`, `csi`, `flexVolume`.
    pub unread_volumes: Vec<Name>,
    /// Capabilities added to those that the runtime gives.
    pub capabilities: Vec<Name>,
    /// What isolates it.
    pub isolation: Isolation,
    /// Secrets that are in it.
    pub secrets: Vec<Name>,
    /// Other accounts of its namespace whose tokens are in it, in Secrets.
    pub tokens_of: Vec<Name>,
    /// The account that it runs as, where that is another and it only has this one's token.
    pub runs_as: Option<Name>,
}

/// Whether something runs as user 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Root {
    /// Not in any container.
    No,
    /// As the images say, which are not looked at.
    ByImage,
    /// In a container.
    Yes,
}

impl Root {
    /// The word on screens and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::ByImage => "by image",
            Self::Yes => "yes",
        }
    }
}
