//! Nodes that are asked about though nothing but their pods names them.

use std::sync::Arc;

use super::steps::node::PREFIX;
use crate::book::{Book, Inputs};
use crate::model::{Identity, SubjectKind};

/// The group of every node.
const GROUP: &str = "system:nodes";

/// A Book in which a node is somebody, where pods are bound to it; None where none are, or where the
/// identity is no node. A node is nobody's subject as a rule: it comes into a Book where a log shows
/// it only.
pub fn with_node(book: &Book, identity: &Identity) -> Option<Book> {
    let name = identity.name.strip_prefix(PREFIX)?;
    let mut pods = book.snapshot.objects.pods.values();
    if identity.kind != SubjectKind::User || !pods.any(|pod| pod.node.as_deref() == Some(name)) {
        return None;
    }
    let mut policy = (*book.policy).clone();
    policy.groups.entry(identity.name.clone()).or_default().push(GROUP.into());
    Some(Book::build(Inputs {
        snapshot: book.snapshot.clone(),
        activity: book.activity.clone(),
        log: book.log.clone(),
        policy: Arc::new(policy),
        now: book.now,
    }))
}
