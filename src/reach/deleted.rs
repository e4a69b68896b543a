//! What a step deletes, in words.

use std::fmt;

use super::graph::Graph;
use super::moves::Object;
use super::world::Where;
use crate::model::Name;

/// An object that a step deletes, to make another under its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deleted {
    /// API group.
    pub api_group: &'static str,
    /// `rolebindings`.
    pub resource: String,
    /// Its namespace; None for what has none.
    pub namespace: Option<Name>,
    /// Its name.
    pub name: Name,
}

impl Deleted {
    pub(super) fn new(graph: &Graph<'_>, object: &Object) -> Self {
        let (api_group, ..) = object.on.target();
        let namespace = match object.at {
            Where::In(ns) => graph.world.namespace(ns).cloned(),
            Where::Cluster | Where::Each => None,
        };
        let (resource, name) = (object.on.resource(), object.name.clone());
        Self { api_group, resource, namespace, name }
    }
}

impl fmt::Display for Deleted {
    /// `rolebindings deploy in pay`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.resource, self.name)?;
        match &self.namespace {
            Some(ns) => write!(f, " in {ns}"),
            None => Ok(()),
        }
    }
}
