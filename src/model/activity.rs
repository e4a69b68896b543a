//! What the log shows: uses, as rows over interned tables.
//!
//! A year of a large cluster is millions of rows, so a row holds small ids into
//! [`ActivityTables`]. Sums over rows are what screens and reports show.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{BindingKind, Identity, Name, RoleKind};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u32);

        impl $name {
            /// As an index into its table.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(
    /// An identity in [`ActivityTables::identities`].
    SeenId
);
id!(
    /// An actor in [`ActivityTables::actors`].
    ActorId
);
id!(
    /// A call in [`ActivityTables::calls`].
    CallId
);
id!(
    /// A credited grant in [`ActivityTables::credits`].
    CreditId
);
id!(
    /// A set of groups in [`ActivityTables::group_sets`].
    GroupSetId
);
id!(
    /// An impersonation in [`ActivityTables::impersonations`].
    ImpersonationId
);

/// Who is seen behind an identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// `X509SHA256=…`, `JTI=…`, `pod:NAMESPACE/NAME`, `legacy:NAMESPACE/ACCOUNT/SECRET` (without the
    /// Secret where the log does not name it), `session:NAME` of a cloud role, `key:ID` of a cloud
    /// user's access key, or none where the log names none.
    pub credential: Option<Name>,
    /// User agent, as the client sent it; None where it was folded away by the cap.
    pub agent: Option<Name>,
    /// The last hop's address: the only one that a client cannot forge. None where folded.
    pub address: Option<Name>,
}

/// What a request was for, as the authorizer saw it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// A resource request.
    Resource {
        /// `""` is core.
        group: Name,
        /// Plural.
        resource: Name,
        /// `""` for none.
        subresource: Name,
        /// None for cluster-scoped and all-namespaces requests.
        namespace: Option<Name>,
        /// The name that the authorizer saw: none for create and deletecollection, and for
        /// list and watch unless selected by `metadata.name`.
        name: Option<Name>,
        /// True where the names were too many to keep and this row stands for all the others.
        names_folded: bool,
    },
    /// A non-resource request: the path, percent-decoded, without its query.
    Path(Name),
    /// The paths that were too many to keep, together.
    Paths,
    /// All calls of an identity that were too many to keep, together: what they asked for is no
    /// longer known, only who asked, when, and what came of it.
    Folded,
}

/// What the answer says beside what was called: a further authorization that the same request needed,
/// which the log shows no line for, or that nothing came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Implied {
    /// Only what the line says.
    Nothing,
    /// A patch or update answered 201: `create` with the name was allowed too
    /// (`endpoints/handlers/{patch,update}.go`).
    CreateBehindWrite,
    /// A `get` of pods/exec, pods/attach or pods/portforward answered 101 (a websocket): from 1.35
    /// `create` was checked too (`pkg/registry/core/pod/rest/subresources.go`).
    UpgradedGet,
    /// The same, answered with anything but 101 and 403: it most likely came as far as that check,
    /// which is made before the pod is looked for, and passed it.
    AttemptedGet,
    /// A patch or update that was allowed and of which the log does not say how it was answered:
    /// `create` may have been allowed too.
    PerhapsCreate,
    /// A `create` of serviceaccounts/token that was allowed and answered with an error (no such
    /// account, a body that is not valid, a conflict, an admission plugin): no token was made
    /// (`pkg/registry/core/serviceaccount/storage/token.go`). Or a list of Secrets by a selector that no
    /// token of an account fits. The right was used all the same.
    NoToken,
}

/// A distinct permission as exercised.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// The verb that the authorizer saw.
    pub verb: Name,
    /// On what.
    pub target: Target,
    /// What else the request needed.
    pub implied: Implied,
}

impl Call {
    /// Whether the call changes something: any verb but get, list, watch; any path method but get,
    /// head and options. Reviews of tokens and of access store nothing, though they are created; a
    /// get that runs something in a pod does what its create does.
    pub fn is_write(&self) -> bool {
        match &self.target {
            Target::Resource { group, resource, .. }
                if matches!(&**group, "authentication.k8s.io" | "authorization.k8s.io") =>
            {
                !resource.ends_with("reviews") && self.verb_writes()
            }
            _ => self.implied == Implied::UpgradedGet || self.verb_writes(),
        }
    }

    /// Of which account it had a token made, or may have: its namespace, and its name where that was
    /// kept. None where it asked for none, and where none was made.
    pub fn token_for(&self) -> Option<(&Name, Option<&Name>)> {
        let Target::Resource { group, resource, subresource, namespace, name, .. } = &self.target
        else {
            return None;
        };
        let asked = group.is_empty()
            && &*self.verb == "create"
            && (&**resource, &**subresource) == ("serviceaccounts", "token");
        let namespace = namespace.as_ref().filter(|_| asked && self.implied != Implied::NoToken)?;
        Some((namespace, name.as_ref()))
    }

    fn verb_writes(&self) -> bool {
        !matches!(&*self.verb, "get" | "list" | "watch" | "head" | "options" | "")
    }
}

/// The binding that `authorization.k8s.io/reason` names for an allowed request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CreditedGrant {
    /// RBAC's own wording.
    Rbac {
        /// Kind of the binding.
        binding_kind: BindingKind,
        /// Its namespace, for a `RoleBinding`.
        namespace: Option<Name>,
        /// Its name.
        binding: Name,
        /// Kind of the role.
        role_kind: RoleKind,
        /// Its name.
        role: Name,
        /// The subject that matched, folded to an identity.
        subject: Identity,
    },
    /// Another authorizer allowed it: its own words, cut to 200 characters.
    Other(Name),
}

/// Who impersonated whom, with what the impersonation itself needed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Impersonation {
    /// `Impersonate-Group` values, sorted, without those that the server adds by itself: the log
    /// does not tell whether these were asked for.
    pub groups: Vec<Name>,
    /// `Impersonate-Uid`.
    pub uid: Option<Name>,
    /// `Impersonate-Extra-KEY` keys and values, lower-cased keys, sorted.
    pub extra: Vec<(Name, Name)>,
    /// `authenticationMetadata.impersonationConstraint`; None is the legacy `impersonate`.
    pub constraint: Option<Name>,
}

/// One stored row: everything that happened on one day (UTC) with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Use {
    /// Whose credential was presented.
    pub authenticated: SeenId,
    /// Whose rights were used; equal to `authenticated` without impersonation.
    pub effective: SeenId,
    /// Set where the two differ.
    pub impersonation: Option<ImpersonationId>,
    /// Who is seen behind it.
    pub actor: ActorId,
    /// The groups of the *effective* user as the authorizer saw them.
    pub groups: GroupSetId,
    /// What was asked.
    pub call: CallId,
    /// The grant that the server named.
    pub credit: Option<CreditId>,
    /// Day of the requests, UTC (or as [`super::Detail`] says).
    pub day: NaiveDate,
    /// Requests that the authorizer allowed, whatever came of them.
    pub allowed: u64,
    /// Requests that the authorizer, or the impersonation check, refused.
    pub denied: u64,
    /// Requests of which no decision is known.
    pub undecided: u64,
    /// First of them, UTC.
    pub first: DateTime<Utc>,
    /// Last of them, UTC.
    pub last: DateTime<Utc>,
    /// Last of the allowed ones, UTC.
    pub last_allowed: Option<DateTime<Utc>>,
    /// The hours of the day (UTC, 0 to 23) in which requests came, one bit each, as far as known: those
    /// of the first and of the last are among them.
    #[serde(default)]
    pub hours: u32,
}

impl Use {
    /// All requests of the row.
    pub fn requests(&self) -> u64 {
        self.allowed + self.denied + self.undecided
    }

    /// Whether both rows have one key: only one of them may be in an activity.
    pub fn same_key(&self, other: &Self) -> bool {
        self.key() == other.key()
    }

    /// What tells this row from all others.
    pub(super) fn key(&self) -> impl Ord + use<> {
        let who = (self.authenticated, self.effective, self.impersonation);
        (who, self.actor, self.groups, self.call, self.credit, self.day)
    }
}

/// What rows point into. Ids are dense and never reused while an [`Activity`](super::Activity) grows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityTables {
    /// Identities seen.
    pub identities: Vec<Identity>,
    /// Actors.
    pub actors: Vec<Actor>,
    /// Calls.
    pub calls: Vec<Arc<Call>>,
    /// Credited grants.
    pub credits: Vec<Arc<CreditedGrant>>,
    /// Sets of groups, each sorted.
    pub group_sets: Vec<Arc<[Name]>>,
    /// Impersonations.
    pub impersonations: Vec<Arc<Impersonation>>,
}
