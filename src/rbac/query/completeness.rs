//! Which lists an answer reads, and which of them are not whole.

use std::fmt;

use super::target::{Served, Target};
use super::ways::{Inquiry, Places};
use crate::model::{Health, ListKind, ListState, Name, Snapshot};

/// A list that an answer reads and that is not whole for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which.
    pub list: ListKind,
    /// The namespace that it was read for; None: all of it.
    pub namespace: Option<Name>,
    /// How it stands, with the reason.
    pub state: ListState,
}

impl fmt::Display for Missing {
    /// `roles in prod: forbidden`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list.fmt(f)?;
        if let Some(namespace) = &self.namespace {
            write!(f, " in {}", crate::model::printable(namespace))?;
        }
        write!(f, ": {}", self.state.health.as_str())
    }
}

/// What is missing of `lists` for a namespace (None: everywhere).
pub fn missing(snapshot: &Snapshot, lists: &[ListKind], namespace: Option<&Name>) -> Vec<Missing> {
    lists
        .iter()
        .filter_map(|&list| {
            let namespace = namespace.filter(|_| is_namespaced(list));
            let state = snapshot.list(list);
            (!state.covers(namespace.map(|ns| &**ns))).then(|| Missing {
                list,
                namespace: namespace.cloned(),
                state,
            })
        })
        .collect()
}

fn is_namespaced(list: ListKind) -> bool {
    !matches!(
        list,
        ListKind::ClusterRoles
            | ListKind::ClusterRoleBindings
            | ListKind::Namespaces
            | ListKind::CertificateSigningRequests
            | ListKind::Discovery
    )
}

const CLUSTER_WIDE: [ListKind; 2] = [ListKind::ClusterRoles, ListKind::ClusterRoleBindings];

/// What of `lists` was asked for and not answered, or not wholly: without what nobody asked for, as
/// where files are read.
fn asked_for(snapshot: &Snapshot, lists: &[ListKind]) -> Vec<Missing> {
    let mut found = missing(snapshot, lists, None);
    found.retain(|missing| missing.state.health != Health::NotGiven);
    found
}

/// The same, without a discovery that lacks a group or is a while old: what is in that group is
/// said to be not known where it is asked about.
pub fn refused(snapshot: &Snapshot, lists: &[ListKind]) -> Vec<Missing> {
    let mut found = asked_for(snapshot, lists);
    found.retain(|missing| {
        missing.list != ListKind::Discovery
            || !matches!(missing.state.health, Health::Partial | Health::Outdated)
    });
    found
}

/// What is missing for a "no", or for a whole list of ways, to a question.
pub(super) fn of_inquiry(snapshot: &Snapshot, inquiry: &Inquiry<'_>) -> Vec<Missing> {
    let mut found = of_grants(snapshot, inquiry);
    if let Target::Resource(target) = inquiry.target() {
        let discovery = [ListKind::Discovery];
        found.extend(match target.served {
            Served::Pattern => Vec::new(),
            Served::Unresolved(_) => missing(snapshot, &discovery, None),
            Served::NotKnown(_) => asked_for(snapshot, &discovery),
            // Words that only the server can resolve for certain.
            _ => refused(snapshot, &discovery),
        });
    }
    found
}

fn of_grants(snapshot: &Snapshot, inquiry: &Inquiry<'_>) -> Vec<Missing> {
    match inquiry.places() {
        Places::Nowhere => Vec::new(),
        Places::Cluster => missing(snapshot, &CLUSTER_WIDE, None),
        Places::Namespace(ns) => missing(snapshot, &ListKind::RBAC, Some(ns)),
        Places::Anywhere | Places::OwnNamespace => missing(snapshot, &ListKind::RBAC, None),
    }
}
