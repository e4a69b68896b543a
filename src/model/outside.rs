//! What no list of a cluster shows of its credentials, as files that somebody saved tell it.

use chrono::{DateTime, Utc};

use super::{BrokenInput, Name};

/// All that was given by `--iam` and `--inspect`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// EKS access entries, by cluster and principal.
    pub access_entries: Vec<AccessEntry>,
    /// Members of roles of an IAM policy of Google Cloud that may concern clusters.
    pub role_members: Vec<RoleMember>,
    /// Whether an IAM policy of Google Cloud was read, members or not.
    pub iam_policies: bool,
    /// Credentials in kubeconfig files.
    pub held: Vec<Held>,
    /// Remarks on what was read.
    pub remarks: Vec<(Name, String)>,
    /// What could not be read.
    pub unreadable: Vec<BrokenInput>,
}

impl Outside {
    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An EKS access entry: the cluster takes an IAM principal for a user in groups, or gives it an
/// access policy beside RBAC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessEntry {
    /// The cluster that it is of, where it says so.
    pub cluster: Option<Name>,
    /// The ARN of the IAM principal.
    pub principal: Name,
    /// Whom the API server takes it for; None where only its policies were given.
    pub username: Option<Name>,
    /// Groups that it brings.
    pub groups: Vec<Name>,
    /// `STANDARD`, `EC2_LINUX`, …; None where only its policies were given.
    pub type_: Option<Name>,
    /// When it was made, UTC.
    pub created: Option<DateTime<Utc>>,
    /// When it, or a policy of it, was last changed or added, UTC.
    pub changed: Option<DateTime<Utc>>,
    /// The access policies associated with it; None where they were not given.
    pub policies: Option<Vec<AccessPolicy>>,
}

/// An access policy of EKS, which allows beside RBAC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessPolicy {
    /// Its ARN.
    pub arn: Name,
    /// The namespaces that it holds in, with `*` for any characters; None: the whole cluster.
    pub namespaces: Option<Vec<Name>>,
}

/// A member of a role in an IAM policy of Google Cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleMember {
    /// The file.
    pub file: Name,
    /// The member as written: `user:ana@corp.example`.
    pub member: Name,
    /// The role: `roles/container.admin`.
    pub role: Name,
    /// The title or expression of a condition, where there is one.
    pub condition: Option<Name>,
}

/// A credential in a kubeconfig file. What of it is secret was dropped as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The file.
    pub file: Name,
    /// The kubeconfig's name for the user.
    pub user: Name,
    /// The contexts that name the user, in the order of the file.
    pub contexts: Vec<HeldContext>,
    /// What it is.
    pub what: HeldKind,
}

/// A context of a kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldContext {
    /// What it is called.
    pub name: Name,
    /// The URL of its API server, where the file has it.
    pub server: Option<Name>,
}

/// What a kubeconfig's user holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldKind {
    /// A client certificate, PEM. Public data.
    Certificate(Name),
    /// A token that says what it is of.
    Claims(Box<Claims>),
    /// A token of the form of a bootstrap token: its public id.
    Bootstrap(Name),
    /// An access token of OpenShift: the name of its object, which is its hash.
    OAuth(Name),
}

/// What a token says of itself. Its signature was not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// By what the token is told from others: the start of the SHA-256 of what it says, in
    /// hexadecimal digits. Nothing of its signature is in it.
    pub print: Name,
    /// `iss`.
    pub issuer: Name,
    /// `sub`.
    pub subject: Name,
    /// `jti`.
    pub id: Option<Name>,
    /// `iat`, UTC.
    pub issued: Option<DateTime<Utc>>,
    /// `exp`, UTC.
    pub expires: Option<DateTime<Utc>>,
    /// `nbf`, UTC.
    pub not_before: Option<DateTime<Utc>>,
    /// Which of these three is there and is no number.
    pub no_number: Option<&'static str>,
    /// `email`, `preferred_username`, `upn` and `name`, where they are there, in that order.
    pub names: Vec<Name>,
    /// `groups`.
    pub groups: Vec<Name>,
    /// The UID of the account that it is of.
    pub account_uid: Option<Name>,
    /// The Secret that holds it, by namespace and name: a token of the old kind.
    pub secret: Option<(Name, Name)>,
    /// What it is bound to.
    pub bound_to: Option<Tied>,
}

/// What a token says that it is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tied {
    /// `Pod`, `Secret` or `Node`.
    pub kind: Name,
    /// None of a node.
    pub namespace: Option<Name>,
    /// What it is called.
    pub name: Name,
    /// Its UID, where the token has it.
    pub uid: Option<Name>,
}
