//! The verbs that steps ask for.

/// A verb that a step asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    /// Of all objects that a selector selects: no such request carries a name.
    DeleteCollection,
    Impersonate,
    /// Constrained impersonation of users and groups (KEP-5284).
    UserInfo,
    /// Constrained impersonation of a service account.
    ServiceAccount,
    /// Constrained impersonation of any node.
    ArbitraryNode,
    /// `create`, `get`, `list` and `watch` in the name of such a node.
    CreateOnNode,
    GetOnNode,
    ListOnNode,
    WatchOnNode,
    /// Constrained impersonation of the node on which the pod runs whose token it is.
    AssociatedNode,
    /// The same in the name of that node.
    CreateOnOwnNode,
    GetOnOwnNode,
    ListOnOwnNode,
    WatchOnOwnNode,
    Bind,
    Escalate,
    Approve,
    /// A change that names an owner that is not there, so that the garbage collector deletes the
    /// object.
    UpdateAway,
    PatchAway,
    /// `create` that is asked behind the `get` of a websocket, of whoever the request is made as: not of
    /// who impersonates.
    CreateBehind,
}

impl Verb {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create | Self::CreateBehind => "create",
            Self::Update | Self::UpdateAway => "update",
            Self::Patch | Self::PatchAway => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Impersonate => "impersonate",
            Self::UserInfo => "impersonate:user-info",
            Self::ServiceAccount => "impersonate:serviceaccount",
            Self::ArbitraryNode => "impersonate:arbitrary-node",
            Self::CreateOnNode => "impersonate-on:arbitrary-node:create",
            Self::GetOnNode => "impersonate-on:arbitrary-node:get",
            Self::ListOnNode => "impersonate-on:arbitrary-node:list",
            Self::WatchOnNode => "impersonate-on:arbitrary-node:watch",
            Self::AssociatedNode => "impersonate:associated-node",
            Self::CreateOnOwnNode => "impersonate-on:associated-node:create",
            Self::GetOnOwnNode => "impersonate-on:associated-node:get",
            Self::ListOnOwnNode => "impersonate-on:associated-node:list",
            Self::WatchOnOwnNode => "impersonate-on:associated-node:watch",
            Self::Bind => "bind",
            Self::Escalate => "escalate",
            Self::Approve => "approve",
        }
    }

    /// Whether it is asked about acting in somebody's name.
    pub(crate) fn is_impersonation(self) -> bool {
        Self::Impersonate <= self && self < Self::Bind
    }

    /// Whether it takes an object away.
    pub(crate) fn deletes(self) -> bool {
        matches!(self, Self::Delete | Self::DeleteCollection) || self.collects()
    }

    /// Whether the garbage collector takes it away then.
    pub(crate) fn collects(self) -> bool {
        matches!(self, Self::UpdateAway | Self::PatchAway)
    }

    /// The verb of the request.
    pub(super) fn asked(self) -> Self {
        match self {
            Self::UpdateAway => Self::Update,
            Self::PatchAway => Self::Patch,
            other => other,
        }
    }

    /// Whether requests of it, where they are about no subresource, may carry no name.
    pub(super) fn is_nameless(self) -> bool {
        matches!(
            self,
            Self::List
                | Self::Watch
                | Self::Create
                | Self::DeleteCollection
                | Self::ListOnNode
                | Self::WatchOnNode
                | Self::ListOnOwnNode
                | Self::WatchOnOwnNode
        )
    }

    /// Whether a request carries the verb itself; the others are asked about one besides.
    pub(super) fn is_http(self) -> bool {
        self <= Self::DeleteCollection
    }
}
