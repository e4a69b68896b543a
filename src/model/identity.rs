//! Who: users, groups and service accounts.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An immutable, shared string. Names repeat thousands of times in a cluster.
pub type Name = Arc<str>;

/// What a binding's subject may be (`rbac.authorization.k8s.io/v1 Subject.kind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SubjectKind {
    /// A name that an authenticator produced.
    User,
    /// A group that an authenticator attached; it never authenticates itself.
    Group,
    /// A `ServiceAccount` object's identity.
    ServiceAccount,
}

impl SubjectKind {
    /// Kubernetes' own spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::ServiceAccount => "ServiceAccount",
        }
    }
}

impl fmt::Display for SubjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A subject as keybook lists it.
///
/// The authorizer knows users and groups as plain strings and a service account
/// by its user name `system:serviceaccount:NAMESPACE:NAME`; a binding may name
/// the same account either way. [`Identity::from_user_name`] folds both into one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// User, Group or `ServiceAccount`.
    pub kind: SubjectKind,
    /// Only for a service account, and always there for one.
    pub namespace: Option<Name>,
    /// The user name, the group name, or the account's name.
    pub name: Name,
}

/// The user name prefix of every service account
/// (`k8s.io/apiserver/pkg/authentication/serviceaccount/util.go`).
const SERVICE_ACCOUNT_PREFIX: &str = "system:serviceaccount:";

impl Identity {
    /// The group that the API server allows everything, ahead of RBAC.
    pub const SYSTEM_MASTERS: &'static str = "system:masters";
    /// The group of every kubelet.
    pub const NODES: &'static str = "system:nodes";
    /// The user of every request without credentials.
    pub const ANONYMOUS: &'static str = "system:anonymous";
    /// The group of every request that authenticated.
    pub const AUTHENTICATED: &'static str = "system:authenticated";
    /// The group of every request that did not.
    pub const UNAUTHENTICATED: &'static str = "system:unauthenticated";
    /// The group of every service account.
    pub const ALL_SERVICE_ACCOUNTS: &'static str = "system:serviceaccounts";

    /// How the user name of every kubelet begins.
    pub const NODE_PREFIX: &'static str = "system:node:";

    /// Whether it is a node by its name, or the group of all of them: for whoever is both the Node
    /// authorizer decides ahead of RBAC, where it is on (`plugin/pkg/auth/nodeidentifier`).
    pub fn is_node(&self) -> bool {
        match self.kind {
            SubjectKind::User => self.name.starts_with(Self::NODE_PREFIX),
            SubjectKind::Group => &*self.name == Self::NODES,
            SubjectKind::ServiceAccount => false,
        }
    }

    /// The namespace whose accounts the group stands for: the API server puts them in it.
    pub fn accounts_of(&self) -> Option<&str> {
        let of = self.name.strip_prefix(Self::ALL_SERVICE_ACCOUNTS)?.strip_prefix(':')?;
        (self.kind == SubjectKind::Group && !of.is_empty()).then_some(of)
    }

    /// A user, as given: no folding of service account names.
    pub fn user(name: impl Into<Name>) -> Self {
        Self { kind: SubjectKind::User, namespace: None, name: name.into() }
    }

    /// A group.
    pub fn group(name: impl Into<Name>) -> Self {
        Self { kind: SubjectKind::Group, namespace: None, name: name.into() }
    }

    /// A service account.
    pub fn service_account(namespace: impl Into<Name>, name: impl Into<Name>) -> Self {
        Self {
            kind: SubjectKind::ServiceAccount,
            namespace: Some(namespace.into()),
            name: name.into(),
        }
    }

    /// The identity behind an authenticated user name: `system:serviceaccount:NS:NAME`
    /// is the account, anything else a user.
    pub fn from_user_name(name: &str) -> Self {
        if let Some((ns, account)) =
            name.strip_prefix(SERVICE_ACCOUNT_PREFIX).and_then(|rest| rest.split_once(':'))
            && !ns.is_empty()
            && !account.is_empty()
            && !account.contains(':')
        {
            return Self::service_account(ns, account);
        }
        Self::user(name)
    }

    /// The user name under which the authorizer sees this identity; a group has none.
    pub fn user_name(&self) -> Option<Name> {
        match (self.kind, &self.namespace) {
            (SubjectKind::User, _) => Some(self.name.clone()),
            (SubjectKind::Group, _) | (SubjectKind::ServiceAccount, None) => None,
            (SubjectKind::ServiceAccount, Some(ns)) => {
                Some(format!("{SERVICE_ACCOUNT_PREFIX}{ns}:{}", self.name).into())
            }
        }
    }

    /// The groups that the API server itself attaches to this identity, whatever the
    /// credential (`k8s.io/apiserver/pkg/authentication/{group,serviceaccount}`).
    /// A group has none: it does not authenticate.
    pub fn implicit_groups(&self) -> Vec<Name> {
        match (self.kind, &self.namespace) {
            (SubjectKind::Group, _) => Vec::new(),
            (SubjectKind::User, _) if &*self.name == Self::ANONYMOUS => {
                vec![Self::UNAUTHENTICATED.into()]
            }
            (SubjectKind::ServiceAccount, Some(ns)) => vec![
                Self::ALL_SERVICE_ACCOUNTS.into(),
                format!("{}:{ns}", Self::ALL_SERVICE_ACCOUNTS).into(),
                Self::AUTHENTICATED.into(),
            ],
            _ => vec![Self::AUTHENTICATED.into()],
        }
    }
}

/// `user:NAME`, `group:NAME` or `sa:NAMESPACE/NAME`, which [`Identity::from_str`] reads back.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, &self.namespace) {
            (SubjectKind::User, _) => write!(f, "user:{}", self.name),
            (SubjectKind::Group, _) => write!(f, "group:{}", self.name),
            (SubjectKind::ServiceAccount, Some(ns)) => write!(f, "sa:{ns}/{}", self.name),
            (SubjectKind::ServiceAccount, None) => write!(f, "sa:/{}", self.name),
        }
    }
}

/// Why a text does not name an identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} does not name an identity: write user:NAME, group:NAME or sa:NAMESPACE/NAME \
     (u:, g:, s: and system:serviceaccount:NAMESPACE:NAME are understood)"
)]
pub struct IdentityParseError {
    text: String,
}

impl FromStr for Identity {
    type Err = IdentityParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || IdentityParseError { text: text.to_owned() };
        if text.starts_with(SERVICE_ACCOUNT_PREFIX) {
            let identity = Self::from_user_name(text);
            return match identity.kind {
                SubjectKind::ServiceAccount => Ok(identity),
                _ => Err(bad()),
            };
        }
        let (prefix, rest) = text.split_once(':').ok_or_else(bad)?;
        if rest.is_empty() {
            return Err(bad());
        }
        match prefix {
            "user" | "u" => Ok(Self::from_user_name(rest)),
            "group" | "g" => Ok(Self::group(rest)),
            "sa" | "s" | "serviceaccount" => {
                let (ns, name) =
                    rest.split_once('/').or_else(|| rest.split_once(':')).ok_or_else(bad)?;
                if ns.is_empty() || name.is_empty() || name.contains(['/', ':']) {
                    return Err(bad());
                }
                Ok(Self::service_account(ns, name))
            }
            _ => Err(bad()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_account_is_one_identity_however_it_is_written() {
        let account = Identity::service_account("pay", "batch");
        for text in [
            "sa:pay/batch",
            "s:pay/batch",
            "system:serviceaccount:pay:batch",
            "u:system:serviceaccount:pay:batch",
        ] {
            assert_eq!(text.parse::<Identity>().as_ref(), Ok(&account), "{text}");
        }
        assert_eq!(account.user_name().as_deref(), Some("system:serviceaccount:pay:batch"));
    }

    #[test]
    fn user_and_group_of_one_name_are_two() {
        assert_ne!("u:dev".parse::<Identity>(), "g:dev".parse::<Identity>());
    }

    #[test]
    fn what_only_looks_like_an_account_stays_a_user() {
        for name in
            ["system:serviceaccount:a", "system:serviceaccount::x", "system:serviceaccount:a:b:c"]
        {
            assert_eq!(Identity::from_user_name(name), Identity::user(name));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "dev", "user:", "sa:x", "sa:/x", "sa:a/", "role:x"] {
            assert!(text.parse::<Identity>().is_err(), "{text}");
        }
    }
}
