//! What a step deletes, in words.

use std::fmt;

use super::graph::Graph;
use super::moves::Object;
use super::rights::Right;
use super::verb::Verb;
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
    /// By which verb.
    pub verb: &'static str,
    /// Whether the garbage collector does it, once the object names an owner that is not there.
    pub collected: bool,
}

impl Deleted {
    pub(super) fn new(graph: &Graph<'_>, object: &Object, used: &[Right]) -> Self {
        let (api_group, ..) = object.on.target();
        let namespace = match object.at {
            Where::In(ns) => graph.world.namespace(ns).cloned(),
            Where::Cluster | Where::Each => None,
        };
        let (resource, name) = (object.on.resource(), object.name.clone());
        let by = used.iter().map(|right| right.verb).find(|verb| verb.deletes());
        let by = by.unwrap_or(Verb::Delete);
        let (verb, collected) = (by.as_str(), by.collects());
        Self { api_group, resource, namespace, name, verb, collected }
    }

    /// `deletes rolebindings deploy in pay`.
    pub(super) fn words(&self) -> String {
        if self.collected {
            return format!(
                "has the garbage collector delete {self}, by an owner that is not there"
            );
        }
        format!("deletes {self}")
    }

    /// What a log shows of it: `delete of rolebindings deploy in pay`.
    pub(super) fn seen(&self) -> String {
        let by = if self.collected { ", and its deletion by the garbage collector" } else { "" };
        format!("{} of {self}{by}", self.verb)
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
