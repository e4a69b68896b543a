//! Who asks: a user behind a credential, a program and an address.

use crate::demo::identifiers::{fingerprint, token};
use crate::demo::random::hash;
use crate::demo::workloads::node_of;
use crate::model::{Identity, Name};

/// What a client presents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Credential {
    /// A client certificate, named by its fingerprint.
    Certificate(String),
    /// A token that is replaced every so many hours, each with an id of its own.
    Token {
        /// Hours.
        hours: i64,
    },
    /// A token from a Secret, which has no id and is annotated.
    Legacy {
        /// The Secret's name.
        secret: &'static str,
    },
    /// None at all.
    Nothing,
}

/// One program of one user at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Client {
    /// As authenticated.
    pub(super) user: Name,
    /// The authenticator's, then the API server's own.
    pub(super) groups: Vec<Name>,
    /// The authenticator's `uid`; empty for none.
    pub(super) uid: String,
    /// What it presents.
    pub(super) credential: Credential,
    /// `User-Agent`.
    pub(super) agent: &'static str,
    /// Addresses, the last hop last.
    pub(super) addresses: String,
    /// The pod that a token is bound to.
    pub(super) pod: Option<String>,
}

impl Client {
    /// Somebody who signs in at the identity provider.
    pub(super) fn person(
        user: &str,
        groups: &str,
        agent: &'static str,
        address: impl Into<String>,
    ) -> Self {
        let mut all: Vec<Name> =
            groups.split(' ').filter(|group| !group.is_empty()).map(Name::from).collect();
        all.push(Identity::AUTHENTICATED.into());
        Self {
            user: user.into(),
            groups: all,
            uid: token(user),
            // A week's sign-in.
            credential: Credential::Token { hours: 168 },
            agent,
            addresses: address.into(),
            pod: None,
        }
    }

    /// Somebody with a client certificate; `which` tells one user's certificates apart.
    pub(super) fn certificate(
        user: &str,
        groups: &str,
        which: &str,
        agent: &'static str,
        address: &'static str,
    ) -> Self {
        let credential = Credential::Certificate(fingerprint(&format!("{user}/{which}")));
        Self { credential, uid: String::new(), ..Self::person(user, groups, agent, address) }
    }

    /// A service account's pod.
    pub(super) fn pod(
        namespace: &str,
        account: &str,
        pod: String,
        agent: &'static str,
        address: impl Into<String>,
    ) -> Self {
        let hours = 24 * 15;
        Self {
            pod: Some(pod),
            credential: Credential::Token { hours },
            ..Self::account(namespace, account, agent, address)
        }
    }

    /// A service account outside of any pod, with issued tokens.
    pub(super) fn account(
        namespace: &str,
        account: &str,
        agent: &'static str,
        address: impl Into<String>,
    ) -> Self {
        let identity = Identity::service_account(namespace, account);
        Self {
            user: identity.user_name().unwrap_or_default(),
            groups: identity.implicit_groups(),
            uid: crate::demo::identifiers::uid("ServiceAccount", namespace, account),
            credential: Credential::Token { hours: 24 * 10 },
            agent,
            addresses: address.into(),
            pod: None,
        }
    }

    /// Somebody without credentials.
    pub(super) fn anonymous(agent: &'static str, address: &'static str) -> Self {
        Self {
            user: Identity::ANONYMOUS.into(),
            groups: vec![Identity::UNAUTHENTICATED.into()],
            uid: String::new(),
            credential: Credential::Nothing,
            agent,
            addresses: address.into(),
            pod: None,
        }
    }

    /// Somebody whose credential is not accepted: the log does not say who.
    pub(super) fn rejected(agent: &'static str, address: &'static str) -> Self {
        Self { user: "".into(), groups: Vec::new(), ..Self::anonymous(agent, address) }
    }

    /// The number of the token that is valid at a time (microseconds since 1970, UTC); 0 for what
    /// has no number.
    pub(super) fn token_number(&self, at: i64) -> u64 {
        match self.credential {
            Credential::Token { hours } => {
                let period = at.div_euclid(hours.max(1) * 3_600_000_000);
                hash(&self.user)
                    ^ hash(self.pod.as_deref().unwrap_or_default()).rotate_left(17)
                    ^ u64::try_from(period).unwrap_or(0).wrapping_mul(0x9e37_79b9)
            }
            _ => 0,
        }
    }

    /// `extra` of the user: the credential's id and, for a pod's token, the pod and its node.
    /// `None` stands for the place of a token's id.
    pub(super) fn extra(&self) -> Vec<(&'static str, Option<String>)> {
        let mut extra = Vec::new();
        match &self.credential {
            Credential::Certificate(id) => {
                extra.push((CREDENTIAL, Some(format!("X509SHA256={id}"))));
            }
            Credential::Token { .. } => extra.push((CREDENTIAL, None)),
            Credential::Legacy { .. } | Credential::Nothing => {}
        }
        if let Some(pod) = &self.pod {
            let node = node_of(pod);
            extra.extend([
                ("authentication.kubernetes.io/node-name", Some(node.to_owned())),
                ("authentication.kubernetes.io/pod-name", Some(pod.clone())),
                ("authentication.kubernetes.io/pod-uid", Some(token(pod))),
            ]);
        }
        extra
    }
}

const CREDENTIAL: &str = "authentication.kubernetes.io/credential-id";
