//! How a snapshot changes: what a load or a watch reports, one at a time.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{ClusterInfo, Discovery, ListKind, ListState, Name, Object, Snapshot};

/// One thing that became known of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Which cluster it is, and who looks.
    Cluster(ClusterInfo),
    /// What it serves.
    Discovery(Arc<Discovery>),
    /// How a list stands.
    List(ListKind, ListState),
    /// Objects that are new or differ from what was known.
    Applied(Vec<Object>),
    /// An object that is gone.
    Deleted(Object),
    /// Everything that a list holds, or all that it holds in one namespace: what is not among
    /// `objects` is gone.
    Replaced {
        /// The list.
        list: ListKind,
        /// None: the whole list.
        namespace: Option<Name>,
        /// All of it.
        objects: Vec<Object>,
    },
    /// The time to which everything above is true, UTC.
    TakenAt(DateTime<Utc>),
}

impl Snapshot {
    /// Takes over one change.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Cluster(info) => self.cluster = info,
            Change::Discovery(discovery) => self.discovery = discovery,
            Change::List(kind, state) => {
                self.lists.insert(kind, state);
            }
            Change::Applied(objects) => {
                for object in objects {
                    self.objects.insert(object);
                }
            }
            Change::Deleted(object) => {
                self.objects.remove(&object);
            }
            Change::Replaced { list, namespace, objects } => {
                self.objects.clear(list, namespace.as_deref());
                for object in objects {
                    self.objects.insert(object);
                }
            }
            Change::TakenAt(at) => self.taken_at = Some(at),
        }
    }
}
