//! The parts of a request that are held apart from it, each with what stands for it.

use std::sync::Arc;

use super::hashing::{Hashed, mix, order};
use super::request::{Person, Verdict};
use crate::model::{Call, CreditedGrant, Identity, Impersonation, Name, SubjectKind};

/// A set of groups, sorted.
pub type Groups = Arc<[Name]>;

/// Whose credential, and whose rights.
#[derive(Clone, Debug)]
pub struct Who {
    /// What stands for both identities together.
    pub pair: u64,
    pub authenticated: Hashed<Identity>,
    /// The groups that came with the credential.
    pub own_groups: Hashed<Groups>,
    pub effective: Hashed<Identity>,
    /// The groups that the authorizer saw.
    pub groups: Hashed<Groups>,
    /// Where the two differ.
    pub impersonation: Option<Hashed<Arc<Impersonation>>>,
}

impl Who {
    /// Without impersonation.
    pub fn oneself(person: &Person) -> Self {
        let (identity, groups) =
            (Hashed::new(person.identity.clone()), Hashed::new(person.groups.clone()));
        Self {
            pair: mix(&[identity.id, identity.id]),
            authenticated: identity.clone(),
            own_groups: groups.clone(),
            effective: identity,
            groups,
            impersonation: None,
        }
    }

    /// The same credential, in another's name.
    pub fn acting_as(&self, other: &Person, constraint: Option<&str>) -> Self {
        let effective = Hashed::new(other.identity.clone());
        Self {
            pair: mix(&[self.authenticated.id, effective.id]),
            effective,
            groups: Hashed::new(other.groups.clone()),
            impersonation: Some(Hashed::new(Arc::new(other.impersonation(constraint)))),
            ..self.clone()
        }
    }

    /// Whether the credential is a kubelet's, as the API server tells them by name and group
    /// (`pkg/auth/nodeidentifier/default.go`); in a log without groups, by name.
    pub fn is_kubelet(&self) -> bool {
        let (who, groups) = (&self.authenticated.value, &self.own_groups.value);
        who.kind == SubjectKind::User
            && who.name.starts_with("system:node:")
            && (groups.is_empty() || groups.iter().any(|group| &**group == Identity::NODES))
    }

    /// All of it as one value.
    pub fn hashed(self) -> Hashed<Arc<Self>> {
        let how = self.impersonation.as_ref();
        let parts =
            [&self.authenticated.id, &self.own_groups.id, &self.effective.id, &self.groups.id];
        let orders = [
            self.authenticated.order,
            self.own_groups.order,
            self.effective.order,
            self.groups.order,
            how.map_or(0, |how| how.order),
        ];
        Hashed {
            id: mix(&[*parts[0], *parts[1], *parts[2], *parts[3], how.map_or(0, |how| how.id)]),
            order: order(&orders),
            value: Arc::new(self),
        }
    }
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    Allowed,
    Denied,
    Undecided,
    /// Nobody authenticated.
    Nobody,
    /// Not decided either: there were too many requests (429).
    Rejected,
}

/// All, in the order of their numbers.
pub const ANSWERS: [Answer; 5] =
    [Answer::Allowed, Answer::Denied, Answer::Undecided, Answer::Nobody, Answer::Rejected];

impl From<&Verdict> for Answer {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Allowed => Self::Allowed,
            Verdict::Denied | Verdict::ImpersonationRefused(_) => Self::Denied,
            Verdict::Undecided => Self::Undecided,
            Verdict::Nobody => Self::Nobody,
        }
    }
}

/// Everything about a request but its key, its time and its name or path, as ids; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dims {
    /// All that follows up to the impersonation, with the groups that came with the credential.
    pub who: u64,
    /// Both identities together.
    pub pair: u64,
    pub authenticated: u64,
    pub effective: u64,
    /// The set of groups that the authorizer saw.
    pub groups: u64,
    pub impersonation: u64,
    pub credential: u64,
    pub agent: u64,
    pub address: u64,
    /// The address from which another server had it, if it was passed on; 0 where it cannot have
    /// been. See [`super::forwarded`].
    pub via: u64,
    pub place: u64,
    pub credit: u64,
    pub answer: Answer,
    /// [`super::request::Standing`].
    pub standing: u8,
}

impl Dims {
    /// What stands for all of it.
    pub fn id(&self) -> u64 {
        let last = self.kind() << 8 | u64::from(self.standing);
        let actor = [self.credential, self.agent, self.address, self.via];
        mix(&[self.who, actor[0], actor[1], actor[2], actor[3], self.place, self.credit, last])
    }

    /// Whether no other server can have passed it on.
    pub fn came_directly(&self) -> bool {
        self.via == 0 || self.via == self.address
    }

    /// Requests whose names compete for being kept: of one place and one answer, and apart from
    /// those of which nothing is known yet.
    pub fn kind(&self) -> u64 {
        let received = u64::from(super::request::Standing(self.standing).received_only());
        self.answer as u64 * 2 + received
    }
}

/// The values behind [`Dims`].
#[derive(Clone, Debug)]
pub struct Values {
    pub who: Arc<Who>,
    pub credential: Option<Name>,
    pub agent: Option<Name>,
    pub address: Option<Name>,
    pub place: Arc<Call>,
    pub credit: Option<Arc<CreditedGrant>>,
}
