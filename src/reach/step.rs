//! The kinds of steps, with what is to be said of each.

use std::fmt;

use super::steps::{
    anonymous, automount, aws_auth, bind, certificate, definition, escalate, exec, host,
    impersonate, kubelet, node, policy, secret, token, webhook, workload,
};

/// How somebody becomes more than it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Acts in somebody's name.
    Impersonate,
    /// Acts in somebody's name, for some requests only (KEP-5284).
    ConstrainedImpersonate,
    /// Binds a role to itself.
    Bind,
    /// Makes a role of its own that allows everything, and binds it to itself.
    BindOwnRole,
    /// Binds a role that it holds to the others that were taken over.
    HandOver,
    /// Changes a role that it holds to allow everything.
    Escalate,
    /// Changes a role that is aggregated, no longer so, to allow everything.
    EscalateAggregated,
    /// Makes a role that allows everything part of an aggregated one that it holds.
    Aggregate,
    /// Binds a role that allows nothing to itself, and changes it to allow everything.
    BindAndEscalate,
    /// Has a token made for an account.
    MintToken,
    /// Reads the token of an account from a Secret.
    ReadToken,
    /// Makes a Secret for an account's token, and reads it.
    MakeTokenSecret,
    /// Changes a token Secret that is there to be another account's, and reads it.
    ChangeTokenSecret,
    /// Runs a pod as an account.
    RunPod,
    /// Changes a workload to run as an account.
    ChangeWorkload,
    /// Changes the image of a pod that runs as an account.
    ChangePod,
    /// Runs a command in a pod.
    Exec,
    /// The same by a websocket alone, where the API server is old enough.
    ExecByGet,
    /// Gets into the next pod of a `CronJob`.
    NextPod,
    /// Adds a container to a pod.
    AddContainer,
    /// Adds a container to a pod that sees a Secret.
    AddedSecret,
    /// Has an account's token mounted, and gets into a pod that is made anew.
    Automount,
    /// Types into a container.
    Attach,
    /// Runs a command in a pod by way of its kubelet.
    Kubelet,
    /// By being a node, has tokens of its pods made.
    NodeToken,
    /// Makes a Secret, and reads it as a node, one of whose pods refers to it.
    NodeSecret,
    /// Impersonates a node and does the same.
    ImpersonateNode,
    /// Impersonates the node of its own pod and does the same.
    ImpersonateOwnNode,
    /// Impersonates a node to which it had its token bound and does the same.
    ImpersonateChosenNode,
    /// Has a client certificate made for any name.
    Certificate,
    /// Runs a pod that has its node.
    Host,
    /// Reaches into a pod that has its node.
    HostPod,
    /// Lets a namespace run pods that have their node, and runs one.
    LabelAndHost,
    /// Takes a namespace's Pod Security level away, and changes a pod there that breaks it.
    LabelAndChange,
    /// Makes a namespace that lets pods have their node, and runs one.
    NewNamespaceAndHost,
    /// Rewrites what others write.
    Webhook,
    /// Changes a webhook that is there to do so.
    ChangeWebhook,
    /// Rewrites it by an admission policy.
    Policy,
    /// Changes an admission policy that is there to do so.
    ChangePolicy,
    /// Leaves its credential out.
    Anonymous,
    /// Maps itself to any group, on EKS.
    AwsAuth,
    /// Has rbac-manager bind a role to it.
    Definition,
}

/// What is to be said of a kind of step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    /// The word in JSON.
    pub(crate) id: &'static str,
    /// What is done, before the name of what is gained by it.
    pub(crate) does: &'static str,
    /// Whether a log would show it.
    pub(crate) seen: Seen,
    /// Why it is a model only; None where the API server's own checks decide.
    pub(crate) modelled: Option<&'static str>,
}

/// Whether the API server's audit log would show a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How much of it.
    pub how: Shown,
    /// What it shows, and what it does not.
    pub what: &'static str,
}

/// The same of one step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// How much of it.
    pub how: Shown,
    /// What it shows, and what it does not; what is deleted or made first before the rest.
    pub what: String,
}

/// How much of a step a log shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The step and who made it.
    Yes,
    /// The step, but not that it was made for this.
    Partly,
    /// Nothing of it.
    No,
}

impl Shown {
    /// The word on screens and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Partly => "partly",
            Self::No => "no",
        }
    }
}

impl Step {
    /// All kinds.
    pub const ALL: [Self; 42] = [
        Self::Impersonate,
        Self::ConstrainedImpersonate,
        Self::Bind,
        Self::BindOwnRole,
        Self::HandOver,
        Self::Escalate,
        Self::EscalateAggregated,
        Self::Aggregate,
        Self::BindAndEscalate,
        Self::MintToken,
        Self::ReadToken,
        Self::MakeTokenSecret,
        Self::ChangeTokenSecret,
        Self::RunPod,
        Self::ChangeWorkload,
        Self::ChangePod,
        Self::Exec,
        Self::ExecByGet,
        Self::NextPod,
        Self::AddContainer,
        Self::AddedSecret,
        Self::Automount,
        Self::Attach,
        Self::Kubelet,
        Self::NodeToken,
        Self::NodeSecret,
        Self::ImpersonateNode,
        Self::ImpersonateOwnNode,
        Self::ImpersonateChosenNode,
        Self::Certificate,
        Self::Host,
        Self::HostPod,
        Self::LabelAndHost,
        Self::LabelAndChange,
        Self::NewNamespaceAndHost,
        Self::Webhook,
        Self::ChangeWebhook,
        Self::Policy,
        Self::ChangePolicy,
        Self::Anonymous,
        Self::AwsAuth,
        Self::Definition,
    ];

    pub(crate) fn about(self) -> &'static About {
        match self {
            Self::Impersonate => &impersonate::LEGACY,
            Self::ConstrainedImpersonate => &impersonate::CONSTRAINED,
            Self::Bind => &bind::BIND,
            Self::BindOwnRole => &bind::OWN,
            Self::HandOver => &bind::HAND_OVER,
            Self::Escalate => &escalate::ABOUT,
            Self::EscalateAggregated => &escalate::AGGREGATED,
            Self::Aggregate => &escalate::AGGREGATE,
            Self::BindAndEscalate => &escalate::BOUND,
            Self::MintToken => &token::ABOUT,
            Self::ReadToken => &secret::READ,
            Self::MakeTokenSecret => &secret::MAKE,
            Self::ChangeTokenSecret => &secret::CHANGE,
            Self::RunPod => &workload::RUN,
            Self::ChangeWorkload => &workload::CHANGE,
            Self::ChangePod => &workload::IMAGE,
            Self::Exec => &exec::EXEC,
            Self::ExecByGet => &exec::BY_GET,
            Self::NextPod => &exec::NEXT,
            Self::AddContainer => &exec::EPHEMERAL,
            Self::AddedSecret => &exec::SECRET,
            Self::Automount => &automount::ABOUT,
            Self::Attach => &exec::ATTACH,
            Self::Kubelet => &kubelet::ABOUT,
            Self::NodeToken => &node::OWN,
            Self::NodeSecret => &secret::NODE,
            Self::ImpersonateNode => &node::POSED,
            Self::ImpersonateOwnNode => &node::POSED_OWN,
            Self::ImpersonateChosenNode => &node::POSED_CHOSEN,
            Self::Certificate => &certificate::ABOUT,
            Self::Host => &host::POD,
            Self::HostPod => &host::REACHED,
            Self::LabelAndHost => &host::LABEL,
            Self::LabelAndChange => &host::CHANGE,
            Self::NewNamespaceAndHost => &host::NEW,
            Self::Webhook => &webhook::ABOUT,
            Self::ChangeWebhook => &webhook::CHANGE,
            Self::Policy => &policy::MAKE,
            Self::ChangePolicy => &policy::CHANGE,
            Self::Anonymous => &anonymous::ABOUT,
            Self::AwsAuth => &aws_auth::ABOUT,
            Self::Definition => &definition::ABOUT,
        }
    }

    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        self.about().id
    }

    /// What is done, before the name of what is gained by it.
    pub fn words(self) -> &'static str {
        self.about().does
    }

    /// Why it is a model only; None where the API server's own checks decide.
    pub fn modelled(self) -> Option<&'static str> {
        self.about().modelled
    }

    /// Whether the API server's log would show it.
    pub fn seen(self) -> Seen {
        self.about().seen
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
