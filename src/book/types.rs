//! The rows of the join.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::Finding;
use crate::model::{BindingKind, Call, Identity, Name, PolicyRule, Role, RoleRef, Scope};

/// An identity within one feed: dense, never reused, so that marks and cursors survive a rebuild.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IdentityId(pub u32);

/// A grant within one feed: dense, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GrantId(pub u32);

/// What names a grant across rebuilds: binding and subject, never the UID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrantKey {
    /// Kind of the binding.
    pub binding_kind: BindingKind,
    /// Its namespace; None for a `ClusterRoleBinding`.
    pub namespace: Option<Name>,
    /// Its name.
    pub binding: Name,
    /// The subject, folded to an identity.
    pub subject: Identity,
}

/// One subject of one binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Within the feed.
    pub id: GrantId,
    /// Across feeds.
    pub key: GrantKey,
    /// What it refers to, as stored.
    pub role_ref: RoleRef,
    /// Where it holds.
    pub scope: Scope,
    /// The role; None where it does not exist (dangling), or its list is not known:
    /// [`super::Book::role_state`] tells which.
    pub role: Option<Arc<Role>>,
    /// The binding's UID, as evidence.
    pub uid: Option<Name>,
    /// When the binding was made, UTC.
    pub created: Option<DateTime<Utc>>,
    /// When its subjects were last written, UTC, as far as that is told ([`crate::model::Meta::gave`]).
    pub named: Option<DateTime<Utc>>,
    /// True where binding, subject and role are exactly the API server's own bootstrap policy.
    pub bootstrap: bool,
    /// When an authorization was last credited to it by name in the log, UTC.
    pub last_credited: Option<DateTime<Utc>>,
    /// Requests credited to it by name.
    pub credited: u64,
    /// Another grant of the same subject that allows all that this one does; the authorizer may
    /// credit that one instead, so "never credited" proves nothing.
    pub shadowed_by: Option<GrantId>,
}

/// Whether the role that a grant refers to is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleState {
    /// It is.
    Exists,
    /// It is not, although its list is whole, or it is of a kind that the authorizer does not know.
    Missing,
    /// Its list is not whole: the grant may give anything.
    NotKnown,
}

/// How strong an identity is, as far as the lists tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// By what is known.
    pub tier: Tier,
    /// Whether it may be stronger: a list of bindings is not whole, one of its grants leads to a role
    /// that is not known, or it is a node, which another authorizer lets do more.
    pub at_least: bool,
}

/// `read`; `≥read` where it may be stronger; `not known` where nothing at all is known.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.at_least, self.tier) {
            (true, Tier::None) => f.write_str("not known"),
            (true, tier) => write!(f, "≥{}", tier.as_str()),
            (false, tier) => f.write_str(tier.as_str()),
        }
    }
}

/// Where a group membership is known from. Strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GroupSource {
    /// The API server adds it itself.
    Implicit,
    /// Seen on the identity's own authenticated requests.
    Log,
    /// Inside a client certificate that was issued to it.
    Certificate,
    /// Where a cloud's identities are mapped to it (`aws-auth`, an EKS access entry).
    CloudMapping,
    /// In the Secret of the bootstrap token.
    BootstrapToken,
    /// Given by hand.
    Given,
}

/// A group of an identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    /// The group.
    pub name: Name,
    /// Where it is known from.
    pub source: GroupSource,
    /// Last seen on a request, UTC.
    pub last_seen: Option<DateTime<Utc>>,
}

/// How strong an identity is, by effective permissions. Strongest last, so that `max` is right.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum Tier {
    /// Nothing at all.
    #[default]
    None,
    /// Only discovery, health and questions about itself.
    DiscoveryOnly,
    /// Reads something.
    Read,
    /// Writes something in a namespace.
    NamespaceWrite,
    /// Everything in a namespace, or its roles and bindings.
    NamespaceAdmin,
    /// Reads Secrets somewhere.
    ReadsSecrets,
    /// Writes something cluster-wide.
    ClusterWrite,
    /// All verbs on all resources cluster-wide, or `system:masters`.
    ClusterAdmin,
}

impl Tier {
    /// The words on screens and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::DiscoveryOnly => "discovery only",
            Self::Read => "read",
            Self::NamespaceWrite => "namespace write",
            Self::NamespaceAdmin => "namespace admin",
            Self::ReadsSecrets => "reads secrets",
            Self::ClusterWrite => "cluster write",
            Self::ClusterAdmin => "cluster-admin",
        }
    }
}

/// Whether there is an object behind an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Existence {
    /// A `ServiceAccount` that exists.
    Exists,
    /// A `ServiceAccount` that does not exist although the list is whole: its grants dangle.
    Missing,
    /// A `ServiceAccount` whose list is not whole.
    NotKnown,
    /// Users and groups are no objects.
    NoObject,
}

/// Whether the log shows a permission in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UseState {
    /// An allowed request needed it, or it would have allowed one.
    Used,
    /// No request in covered time would have needed it.
    Unused,
    /// No log can show it: a verb that HTTP cannot produce, a subresource outside discovery.
    NotObservable,
    /// The log leaves out what would show it (reads not logged, no groups for a group's grant).
    NotCovered,
    /// There is no log.
    NoLog,
}

impl UseState {
    /// The words on screens and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Unused => "unused",
            Self::NotObservable => "not observable",
            Self::NotCovered => "not covered",
            Self::NoLog => "no log",
        }
    }
}

/// A rule as held, with the state of its use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The rule, as stored in the role.
    pub rule: PolicyRule,
    /// Where it holds.
    pub scope: Scope,
    /// By way of which grant; None for `system:masters`, which needs no grant.
    pub via: Option<GrantId>,
    /// For a rule of an aggregated role: the roles that its selectors bring it from.
    pub aggregated_from: Vec<Name>,
    /// Whether it was used by this identity.
    pub use_state: UseState,
    /// Allowed requests of this identity that it covers.
    pub allowed: u64,
    /// The last of them, UTC.
    pub last_used: Option<DateTime<Utc>>,
}

/// A credential as the log shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenCredential {
    /// `X509SHA256=…`, `JTI=…`, or `legacy token`.
    pub id: Name,
    /// `client certificate`, `token`, `legacy token`.
    pub kind: &'static str,
    /// First request, UTC.
    pub first_seen: DateTime<Utc>,
    /// Last request, UTC.
    pub last_seen: DateTime<Utc>,
    /// Requests.
    pub requests: u64,
}

/// What one who impersonates did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImpersonatedBy {
    /// Requests made in this identity's name.
    pub requests: u64,
    /// The last of them, UTC.
    pub last_seen: Option<DateTime<Utc>>,
}

/// One day of an identity's own requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DayCount {
    /// Allowed requests.
    pub allowed: u64,
    /// Denied requests.
    pub denied: u64,
    /// Requests without a known decision.
    pub undecided: u64,
}

/// An address or agent with its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// The address or agent.
    pub value: Name,
    /// First request, UTC.
    pub first_seen: DateTime<Utc>,
    /// Last request, UTC.
    pub last_seen: DateTime<Utc>,
    /// Requests.
    pub requests: u64,
}

/// The sum of an identity's uses. Counts are of what the identity *authenticated*; times of what
/// others did in its name stay under `impersonated_by`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityActivity {
    /// allowed + denied + undecided.
    pub requests: u64,
    /// The authorizer said yes.
    pub allowed: u64,
    /// The authorizer or the impersonation check said no.
    pub denied: u64,
    /// Not known.
    pub undecided: u64,
    /// First request, UTC; None for one who was only impersonated.
    pub first_seen: Option<DateTime<Utc>>,
    /// Last request of any outcome, UTC.
    pub last_seen: Option<DateTime<Utc>>,
    /// Last allowed request, UTC.
    pub last_allowed: Option<DateTime<Utc>>,
    /// Last allowed request that writes, UTC.
    pub last_write: Option<DateTime<Utc>>,
    /// Last-hop addresses, newest first.
    pub addresses: Vec<Seen>,
    /// User agents, newest first.
    pub agents: Vec<Seen>,
    /// Credentials, newest first.
    pub credentials: Vec<SeenCredential>,
    /// By day, UTC.
    pub days: BTreeMap<NaiveDate, DayCount>,
    /// What was counted but not kept.
    pub truncated: BTreeMap<Name, u64>,
    /// Requests this identity made as another.
    pub impersonated_as: BTreeMap<Identity, u64>,
    /// Requests that others made as this identity.
    pub impersonated_by: BTreeMap<Identity, ImpersonatedBy>,
}

/// A call of an identity's rights, as the log shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UseSummary {
    /// Verb and target.
    pub call: Arc<Call>,
    /// Requests that the authorizer allowed.
    pub allowed: u64,
    /// Requests that it refused.
    pub denied: u64,
    /// Requests of which no decision is known.
    pub undecided: u64,
    /// First of them, UTC.
    pub first_seen: DateTime<Utc>,
    /// Last of them, UTC.
    pub last_seen: DateTime<Utc>,
}

/// How reading the log stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LogState {
    /// None was given.
    #[default]
    None,
    /// Being read.
    Reading {
        /// Bytes read so far, as they lie on the disk.
        bytes: u64,
        /// Bytes there are, where that is known.
        of: Option<u64>,
    },
    /// Read.
    Ready,
    /// Read as far as it goes, and followed; with what there is to say, such as that a file is gone.
    Following(Option<Name>),
    /// It could not be read: what was tried, and why.
    Failed(Name),
}

impl LogState {
    /// Whether everything that there is was read.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Ready | Self::Following(_))
    }
}

/// How many of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Identities listed.
    pub identities: usize,
    /// Those that hold access and were not seen in the policy's idle time.
    pub idle: usize,
    /// Those behind which more than one person is seen.
    pub shared: usize,
    /// Those of the tier cluster-admin.
    pub admin: usize,
    /// Those that can become more than they are, by what was granted to them.
    pub reach: usize,
    /// Those with a grant whose role, account or namespace is gone, or that are such an account.
    pub dangling: usize,
    /// Those with any finding.
    pub findings: usize,
}

/// Where a sign of life that is not a log's comes from, weakest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HintSource {
    /// The label `kubernetes.io/legacy-token-last-used` of a token Secret: a day, no time; it also
    /// moves when an invalidated token is only tried.
    LegacyTokenLastUsed,
    /// A pod that runs as the account now: the account may be used, it need not be.
    RunningPod,
    /// A certificate request made by this identity: CSR objects live an hour to a day.
    CertificateRequest,
}

impl HintSource {
    /// What the sign cannot tell, in words for a screen.
    pub fn weakness(self) -> &'static str {
        match self {
            Self::LegacyTokenLastUsed => {
                "day only; of this token only; after invalid-since, attempts count too"
            }
            Self::RunningPod => "the pod may never call the API",
            Self::CertificateRequest => "requests are kept for hours; older ones left no trace",
        }
    }
}

/// A sign of life that the cluster itself shows. Never mixed up with a log's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Where from.
    pub source: HintSource,
    /// When, UTC; for a day-only source, midnight of that day.
    pub at: DateTime<Utc>,
    /// The object that shows it: `secret pay/batch-token`, `pod pay/batch-0`, `csr x`.
    pub object: Name,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Tidy up.
    Low,
    /// Should change.
    Medium,
    /// Must change.
    High,
    /// Now.
    Critical,
}

impl Severity {
    /// The word on screens and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// An identity as keybook lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Within the feed.
    pub id: IdentityId,
    /// Who.
    pub identity: Identity,
    /// Whether there is an object.
    pub existence: Existence,
    /// How strong.
    pub tier: Tier,
    /// How strong it can become; None while not known, and where that is no more.
    pub becomes: Option<super::Higher>,
    /// Groups with their sources, sorted by name. A group has none.
    pub groups: Vec<Membership>,
    /// Whether the groups are all there are: always for service accounts and anonymous; for users
    /// only where the log shows them, or they are given.
    pub groups_known: bool,
    /// For a group: who is known to be in it, sorted.
    pub members: Arc<[IdentityId]>,
    /// Grants that hold for it, its own first, then its groups'.
    pub grants: Vec<GrantId>,
    /// Rule rows used of rule rows held; None while not known (no log, lists loading).
    pub used: Option<(u32, u32)>,
    /// Rule rows held.
    pub held: u32,
    /// What the log shows; None where there is no log or nothing in it.
    pub activity: Option<Arc<IdentityActivity>>,
    /// What the cluster shows without a log, newest first.
    pub hints: Vec<Hint>,
    /// What is wrong, worst first.
    pub findings: Vec<Finding>,
    /// What would be, but for the policy's exemptions; worst first.
    pub exempt: Vec<Finding>,
}
