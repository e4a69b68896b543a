//! Every credential that is known to be out, whose it is, until when, and what would revoke it.
//!
//! From objects: token Secrets, certificates that were asked for by CSR, bootstrap tokens, the
//! `aws-auth` map. From the log: whatever else was presented. From files that somebody saved: EKS
//! access entries, Google Cloud's IAM, kubeconfigs. No secret data is kept of any of it.

mod asked;
mod aws_auth;
mod bootstrap;
mod carried;
mod certificate;
mod certificates_asked;
mod claims;
mod cloud;
mod fold;
mod hand;
mod held;
mod in_hand;
mod lasting;
mod legacy;
mod minted;
mod oauth;
mod saved;
mod seen;
mod span;
mod standing;
mod template;
mod token_secret;
mod unnamed;
mod unseen;
mod used;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

pub use aws_auth::MapField;
pub(crate) use aws_auth::{Cut, Mapping, Uncut, counting, mappings, unreadable_lists, without};
pub use carried::strength;
pub(crate) use carried::{Beside, Carried, Sources, carried};
pub use certificate::{bearer, good_until};
pub use certificates_asked::{CertificatesAsked, certificates_asked};
pub(crate) use cloud::stands_for_many;
pub use hand::{Hand, hand};
pub use in_hand::{How, InHand, all_in_hand};
pub(crate) use lasting::{lasting, same_tracking};
pub(crate) use minted::{good_until as token_good_until, has_untold_end, is_for_another};
pub use saved::{read_iam, read_kubeconfig};
pub use standing::Standing;
pub(crate) use standing::refused_from;
pub(crate) use token_secret::believed_from;
pub use unseen::not_seen;
pub use used::missed;
pub(crate) use used::{hidden, mounted_by, mounting_unknown, place};

use crate::book::{Book, Tier};
use crate::model::{Identity, ListKind, Maker, Name, Secret, counted};
use crate::owners::Owner;

/// What a credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A Secret that holds a `ServiceAccount`'s token.
    TokenSecret,
    /// A client certificate.
    Certificate,
    /// A token with an id of its own, made by request (`TokenRequest`) for an account.
    IssuedToken,
    /// The tokens that a pod is given, one after another.
    PodToken,
    /// A token of a Secret that is only known from the log.
    LegacyToken,
    /// A user's tokens from an identity provider, one after another.
    ProviderToken,
    /// A token for joining nodes.
    BootstrapToken,
    /// A cloud identity that EKS maps to a user.
    CloudMapping,
    /// An access token of OpenShift's own login.
    OAuthToken,
    /// A role of Google Cloud that concerns clusters, beside RBAC.
    CloudRole,
    /// Something else that the log names.
    Other,
    /// What somebody presented and the log does not name.
    Unnamed,
    /// Credentials that were too many to keep, together.
    Further,
}

impl Kind {
    /// The words on screens and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TokenSecret => "token Secret",
            Self::Certificate => "client certificate",
            Self::IssuedToken => "issued token",
            Self::PodToken => "pod token",
            Self::LegacyToken => "legacy token",
            Self::ProviderToken => "provider token",
            Self::BootstrapToken => "bootstrap token",
            Self::CloudMapping => "cloud mapping",
            Self::OAuthToken => "OAuth token",
            Self::CloudRole => "cloud role",
            Self::Other => "other",
            Self::Unnamed => "unnamed credential",
            Self::Further => "further credentials",
        }
    }
}

/// When it ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expires {
    /// Then, UTC.
    At(DateTime<Utc>),
    /// Not by itself.
    Never,
    /// Not known, and why.
    NotKnown(&'static str),
}

impl Expires {
    /// Whether it is known not to end by itself.
    pub fn is_never(&self) -> bool {
        matches!(self, Self::Never)
    }
}

/// When it was last presented, as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastUse {
    /// By the log.
    Log {
        /// The last request, UTC.
        at: DateTime<Utc>,
        /// The first, UTC.
        first: DateTime<Utc>,
        /// How many.
        requests: u64,
        /// Last-hop addresses, newest first, a few.
        addresses: Vec<Name>,
        /// User agents, newest first, a few.
        agents: Vec<Name>,
        /// What there is beyond these.
        more: More,
    },
    /// By the label `legacy-token-last-used`: a day (UTC). Once the token is invalidated, also a
    /// mere attempt.
    Label {
        /// The day.
        day: NaiveDate,
        /// Whether it may be a refused attempt.
        attempt: bool,
    },
    /// Not since then (UTC), by the API server's own tracking of token Secrets.
    NotSince(DateTime<Utc>),
    /// Not in the log, which covers so many days.
    NotInLog(i64),
    /// Not known, and why.
    NotKnown(&'static str),
}

/// What a credential was used from and with beside what is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct More {
    /// Addresses.
    pub addresses: usize,
    /// User agents.
    pub agents: usize,
    /// Requests at most whose address was one too many to keep.
    pub requests_without_address: u64,
    /// The same of agents.
    pub requests_without_agent: u64,
}

/// `, and 7 more, and others that were too many to keep (3 requests)`: what there is beyond the addresses or
/// agents that are told; empty for nothing.
pub fn words_beyond(beyond: usize, without: u64) -> String {
    let more = (beyond > 0).then(|| format!(", and {beyond} more"));
    let others = (without > 0).then(|| {
        format!(", and others that were too many to keep ({})", counted(without, "request"))
    });
    more.into_iter().chain(others).collect()
}

impl LastUse {
    /// The time of the last use, UTC; a day's midnight.
    pub fn at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Log { at, .. } => Some(*at),
            Self::Label { day, .. } => Some(day.and_time(chrono::NaiveTime::MIN).and_utc()),
            Self::NotSince(_) | Self::NotInLog(_) | Self::NotKnown(_) => None,
        }
    }
}

/// How a token came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// By the controller, for every account, as before Kubernetes 1.24.
    Automatically,
    /// By somebody, on purpose.
    ByHand,
    /// By request of these, by the log.
    By(Maker),
}

/// What a token ends with, beside its account and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Nothing else.
    Nothing,
    /// This object.
    Object {
        /// `Pod`, `Secret` or `Node`.
        kind: Name,
        /// Where it lies; None for a node.
        namespace: Option<Name>,
        /// What it is called, where that is known.
        name: Option<Name>,
        /// Its UID, where that is known.
        uid: Option<Name>,
    },
    /// Not known, and why.
    NotKnown(&'static str),
}

impl Bound {
    /// Whether it is an object of that kind.
    pub fn is_a(&self, of: &str) -> bool {
        matches!(self, Self::Object { kind, .. } if &**kind == of)
    }
}

/// `Secret a/tie`, `nothing` or `not known`.
impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::NotKnown(_) => f.write_str("not known"),
            Self::Object { kind, namespace, name, uid } => {
                let name = name.as_deref().or(uid.as_deref()).unwrap_or_default();
                match namespace {
                    Some(namespace) => write!(f, "{kind} {namespace}/{name}"),
                    None => write!(f, "{kind} {name}"),
                }
            }
        }
    }
}

/// A credential that is known to be out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Whom it authenticates.
    pub identity: Identity,
    /// What it is.
    pub kind: Kind,
    /// What to call it: `secret pay/batch-token`, `JTI=…`, `X509SHA256=…`, `pod shop/cart-0`.
    pub id: Name,
    /// How it was made, for a token Secret whose account is known and for a token of which the log
    /// shows it.
    pub made: Option<Made>,
    /// When it was made, UTC, where known.
    pub issued: Option<DateTime<Utc>>,
    /// When it ends by itself.
    pub expires: Expires,
    /// What it ends with; None for what is no token of an account, and for several pods' together.
    pub bound: Option<Bound>,
    /// Whether the API server takes it.
    pub standing: Standing,
    /// When it was last presented.
    pub last_use: LastUse,
    /// Groups that it carries by itself.
    pub groups: Vec<Name>,
    /// Who keeps the Secret that holds it.
    pub owners: Vec<Owner>,
    /// What would revoke it.
    pub revoke: Name,
    /// What else has to be known before acting on it.
    pub notes: Vec<String>,
}

/// All that are known, and what of it could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Riskiest first ([`risk`]).
    pub credentials: Vec<Credential>,
    /// What could not be read: where, and why.
    pub unreadable: Vec<(Name, String)>,
    /// What has to be said of files that were given: of which, and what.
    pub remarks: Vec<(Name, String)>,
}

/// Lists that the inventory reads.
pub const LISTS: &[ListKind] = &[
    ListKind::TokenSecrets,
    ListKind::BootstrapTokens,
    ListKind::CertificateSigningRequests,
    ListKind::ConfigMaps,
    ListKind::ServiceAccounts,
];

/// Every credential that is known.
pub fn inventory(book: &Book) -> Inventory {
    gather(book, Only(None), false)
}

/// Those of one identity, in the same order.
pub fn of(book: &Book, identity: &Identity) -> Vec<Credential> {
    gather(book, Only(Some(identity)), false).credentials
}

/// Whose credentials are wanted; None: everybody's.
#[derive(Clone, Copy)]
struct Only<'a>(Option<&'a Identity>);

impl Only<'_> {
    fn wants(self, identity: &Identity) -> bool {
        self.0.is_none_or(|only| only == identity)
    }

    /// Whether tokens of such an account are wanted.
    fn is_account(self, namespace: &Name, name: &Name) -> bool {
        self.0.is_none_or(|only| only.namespace.as_ref() == Some(namespace) && only.name == *name)
    }

    /// Where the tokens of accounts lie that are wanted; None where no account is wanted.
    fn namespaces(self) -> Option<Within> {
        match self.0 {
            None => Some(Within::All),
            Some(only) => only.namespace.clone().map(Within::One),
        }
    }
}

/// All namespaces or one.
enum Within {
    All,
    One(Name),
}

/// A Secret behind its namespace and name.
type PlacedSecret<'a> = (&'a (Name, Name), &'a Arc<Secret>);

/// The Secrets of all namespaces or of one.
fn secrets<'a>(
    book: &'a Book,
    within: &'a Within,
) -> Box<dyn Iterator<Item = PlacedSecret<'a>> + 'a> {
    let all = &book.snapshot.objects.secrets;
    match within {
        Within::All => Box::new(all.iter()),
        Within::One(namespace) => Box::new(
            all.range((namespace.clone(), Name::from(""))..)
                .take_while(move |((have, _), _)| have == namespace),
        ),
    }
}

/// What there is; with `lasting` without what the cloud maps and what only joins nodes, which say
/// nothing of the others.
fn gather(book: &Book, only: Only<'_>, lasting: bool) -> Inventory {
    let mut found = Inventory::default();
    let mut uses = seen::Uses::new(book, only, lasting);
    token_secret::all(book, only, &mut uses, &mut found);
    let requested = certificate::requested(book, only);
    certificate::all(book, only, requested, &mut uses, &mut found);
    if !lasting {
        bootstrap::all(book, only, &mut uses, &mut found);
        aws_auth::all(book, only, &uses, &mut found);
    }
    oauth::all(book, only, &mut found);
    if !lasting {
        cloud::all(book, only, &uses, &mut found);
    }
    held::all(book, only, &mut uses, &mut found);
    let outside = &book.policy.outside;
    let broken = outside.unreadable.iter();
    found.unreadable.extend(broken.map(|one| (one.place.clone(), one.reason.to_string())));
    found.remarks.extend(outside.remarks.iter().cloned());
    uses.tell_users(&found.credentials);
    uses.remark(&mut found);
    if only.0.is_none() {
        certificate::without(book, &mut found);
    }
    found.credentials.extend(uses.rest(book));
    for credential in &mut found.credentials {
        standing::end(book, credential);
    }
    let of = |credential: &Credential| risk(credential, strength(book, credential));
    found.credentials.sort_by_cached_key(of);
    found
}

/// By what credentials are ordered, the riskiest first: those that the API server may take before those
/// that it does not, of the strongest identity ([`strength`]), live for sure, without an end, not used
/// for longest. What the API server presents to itself comes with those that are not taken: nobody has it.
pub fn risk(credential: &Credential, tier: Tier) -> impl Ord + use<> {
    let lasting = match credential.expires {
        Expires::Never => 0,
        Expires::NotKnown(_) => 1,
        Expires::At(_) => 2,
    };
    (
        !credential.standing.is_taken() || unnamed::is_servers_own(credential),
        std::cmp::Reverse(tier),
        credential.standing.rank(),
        lasting,
        credential.last_use.at(),
        credential.identity.clone(),
        credential.kind,
        credential.id.clone(),
    )
}

#[cfg(test)]
pub(crate) mod tests;
