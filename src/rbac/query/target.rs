//! What a question is about, once its words are resolved.

use std::fmt;

use crate::model::Name;
use crate::rbac::Action;

/// Whether requests for a resource carry a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scoping {
    /// They do: the resource is namespaced.
    Namespaced,
    /// They do not: it is cluster-scoped.
    Cluster,
    /// Some do and some do not (`bind` on clusterroles is asked in the new binding's namespace), or
    /// it is not known.
    Either,
}

/// Whether the API server serves what is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Served {
    /// Discovery lists it.
    Yes,
    /// Discovery does not list it and the server asks its authorizer about it all the same; by
    /// what, in words.
    Virtual(&'static str),
    /// A pattern such as `*` or `*/scale`: a rule, rather than a resource.
    Pattern,
    /// The server's own discovery does not list it: nobody can do anything with it. What it lists
    /// instead (subresources of the same resource), sorted.
    No(Vec<Name>),
    /// Not known, with the reason: the table is the built-in one, or a group's discovery failed.
    NotKnown(Name),
    /// Not even its API group is known, for this reason: none was said and nothing that could be
    /// read has it. The core group stands in for it, so that a "no" is not certain.
    Unresolved(Name),
}

/// A resource or subresource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceTarget {
    /// API group; `""` is core, `*` every group.
    pub group: Name,
    /// Plural, or `*`.
    pub resource: Name,
    /// `""` for none.
    pub subresource: Name,
    /// Whether its requests carry a namespace.
    pub scoping: Scoping,
    /// Whether the server serves it.
    pub served: Served,
    /// Verbs that the server offers over HTTP; empty where not known.
    pub verbs: Vec<Name>,
    /// Other resources that the same word names, as `resource.group`: the core group's was taken.
    pub also: Vec<Name>,
}

impl ResourceTarget {
    /// The action that an authorizer is asked about.
    pub fn action<'a>(&'a self, namespace: &'a str, name: &'a str) -> Action<'a> {
        Action::Resource {
            group: &self.group,
            resource: &self.resource,
            subresource: &self.subresource,
            namespace,
            name,
        }
    }

    /// Whether this is `namespaces` itself, or one of its two subresources: the API server
    /// authorises requests for one namespace inside that namespace
    /// (`k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`).
    pub fn is_namespaces(&self) -> bool {
        self.group.is_empty()
            && &*self.resource == "namespaces"
            && matches!(&*self.subresource, "" | "status" | "finalize")
    }

    /// Whether requests of the verb may be for one Namespace, and so authorised inside it; a watch
    /// only by the path of its own, `/api/v1/watch/namespaces/NAME`.
    pub fn is_one_namespace(&self, verb: &str) -> bool {
        self.is_namespaces()
            && (!self.subresource.is_empty()
                || matches!(verb, "get" | "watch" | "update" | "patch" | "delete"))
    }

    /// Whether this is the synthetic resource behind `approve`, `sign` and `attest`.
    pub fn is_signers(&self) -> bool {
        &*self.group == "certificates.k8s.io" && &*self.resource == "signers"
    }
}

/// `resource.group/subresource`, the group left out where it is core.
impl fmt::Display for ResourceTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if !self.subresource.is_empty() {
            write!(f, "/{}", self.subresource)?;
        }
        Ok(())
    }
}

/// What a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A path that is no resource, `/healthz`.
    Path(Name),
    /// A resource or subresource.
    Resource(ResourceTarget),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(path),
            Self::Resource(resource) => resource.fmt(f),
        }
    }
}

/// How a request of some verb comes by a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Naming {
    /// It always carries one.
    Always,
    /// Only where a client selects by `metadata.name` (list, watch).
    Selector,
    /// Only where server-side apply or PUT creates what is not there (create).
    Apply,
    /// Never (deletecollection).
    Never,
    /// As the request behind it: a plain create of a role carries none (`escalate`,
    /// `pkg/registry/rbac/escalation_check.go`).
    Escalate,
}

impl Naming {
    /// By verb, and by whether a subresource is meant: requests for one always name its object.
    /// `impersonate-on:MODE:VERB` is asked about under the name of the request itself.
    pub fn of(verb: &str, subresource: &str) -> Self {
        if !subresource.is_empty() {
            return Self::Always;
        }
        let behind = verb.strip_prefix("impersonate-on:").and_then(|rest| rest.split_once(':'));
        match behind.map_or(verb, |(_, behind)| behind) {
            "escalate" => Self::Escalate,
            "list" | "watch" => Self::Selector,
            "create" => Self::Apply,
            "deletecollection" => Self::Never,
            _ => Self::Always,
        }
    }
}

/// A question, with its words resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The verb, as it stands in rules; `*` asks for all of them at once.
    pub verb: Name,
    /// On what.
    pub target: Target,
    /// In which namespace; None: everywhere that it is allowed.
    pub namespace: Option<Name>,
    /// On which object; None: any.
    pub name: Option<Name>,
}
