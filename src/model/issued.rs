//! Who had tokens made for accounts, by the log.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Identity, Name, SubjectKind};

/// A token that somebody had made for an account (`authentication.kubernetes.io/issued-credential-id`
/// of a `create serviceaccounts/token`). Of those that kubelets had made only the ones are here that
/// are not known to be a pod's: such a token says itself whose pod presents it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Issued {
    /// Whom it authenticates.
    pub account: Identity,
    /// `JTI=…`, as its use shows it.
    pub credential: Name,
    /// Who asked for it: whose credential was presented.
    pub by: Identity,
    /// In whose name, where who asked impersonated somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_who: Option<Identity>,
}

impl Issued {
    /// Whose doing it is: of what an account asked for in somebody's name, theirs. Proxies that
    /// people log in by (Rancher, Pinniped, Teleport) ask so. A user who impersonates another does it
    /// themselves.
    pub fn maker(&self) -> &Identity {
        let by_account = self.by.kind == SubjectKind::ServiceAccount;
        self.as_who.as_ref().filter(|_| by_account).unwrap_or(&self.by)
    }
}

/// Who had a token made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Maker {
    /// Whose credential was presented.
    pub by: Identity,
    /// In whose name, where they impersonated somebody.
    pub as_who: Option<Identity>,
}

impl From<&Issued> for Maker {
    fn from(of: &Issued) -> Self {
        Self { by: of.by.clone(), as_who: of.as_who.clone() }
    }
}

impl fmt::Display for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.as_who {
            None => self.by.fmt(f),
            Some(who) => write!(f, "{} as {who}", self.by),
        }
    }
}

/// What a token ends with (`spec.boundObjectRef` of its `TokenRequest`; of a pod's and a node's also
/// the extra of who presents it).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BoundTo {
    /// With its account alone.
    Nothing,
    /// With an object: of the account's namespace, or a node.
    Object {
        /// `Pod`, `Secret` or `Node`.
        kind: Name,
        /// What it is called, where that is known.
        name: Option<Name>,
        /// Its UID, where that is known.
        uid: Option<Name>,
    },
}

/// What the bodies of a `TokenRequest` say, where the log has them. The token itself is not kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// What it was asked to be bound to.
    pub bound: BoundTo,
    /// `spec.expirationSeconds`: of the answer, else of the request, to which the API server may
    /// have given less.
    pub seconds: Option<u64>,
    /// `status.expirationTimestamp` of the answer, UTC.
    pub until: Option<DateTime<Utc>>,
    /// `spec.audiences` of what was asked, sorted: for whom it is. Empty: for the API server, whose
    /// own it then gets (`pkg/registry/core/serviceaccount/storage/token.go`).
    #[serde(default)]
    pub audiences: Vec<Name>,
}

impl Asked {
    /// Whether it was asked to be bound to a pod.
    pub fn is_of_pod(&self) -> bool {
        matches!(&self.bound, BoundTo::Object { kind, .. } if &**kind == "Pod")
    }

    /// When it ends, as far as that is known: microseconds since 1970, UTC, of one that was made at
    /// `at`, counted alike.
    pub fn end(&self, at: i64) -> Option<i64> {
        let asked = || i64::try_from(self.seconds?).ok()?.checked_mul(1_000_000);
        match self.until {
            Some(until) => Some(until.timestamp_micros()),
            None => Some(at.saturating_add(asked()?)),
        }
    }
}

/// What is known of a token that was made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Minted {
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// By the bodies of the request.
    pub asked: Option<Asked>,
    /// By its use: the pod or node that who presented it named. None where it was not seen in use,
    /// or is bound to neither.
    pub used_by: Option<BoundTo>,
}

impl Minted {
    /// One of which nothing else is known.
    pub fn new(at: DateTime<Utc>) -> Self {
        Self { at, asked: None, used_by: None }
    }

    /// What it is bound to, as far as the log tells.
    pub fn bound(&self) -> Option<&BoundTo> {
        self.asked.as_ref().map(|asked| &asked.bound).or(self.used_by.as_ref())
    }
}

/// Tokens that were made, each with what is known of it. A clone shares them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issuances(Arc<BTreeMap<Arc<Issued>, Minted>>);

impl Issuances {
    /// Those for an account, sorted.
    pub fn of<'a>(
        &'a self,
        account: &'a Identity,
    ) -> impl Iterator<Item = (&'a Issued, &'a Minted)> + 'a {
        let (credential, by) = ("".into(), Identity::user(""));
        let first = Issued { account: account.clone(), credential, by, as_who: None };
        let all = self.0.range::<Issued, _>(first..).map(|(issued, minted)| (&**issued, minted));
        all.take_while(move |(issued, _)| issued.account == *account)
    }

    /// All, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<Issued>, &Minted)> {
        self.0.iter()
    }

    /// What is known of that one, if it was made.
    pub fn get(&self, issued: &Issued) -> Option<&Minted> {
        self.0.get(issued)
    }

    /// Accounts for which another one was made than these have, or of one of which more is known now.
    pub fn beyond<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a Identity> + 'a {
        let mut old = before.0.iter().peekable();
        let same = Arc::ptr_eq(&self.0, &before.0);
        self.0.iter().filter(move |_| !same).filter_map(move |(one, minted)| {
            while old.peek().is_some_and(|(had, _)| *had < one) {
                old.next();
            }
            let had = old.peek().filter(|(had, _)| *had == one);
            had.is_none_or(|(_, was)| *was != minted).then_some(&one.account)
        })
    }

    /// Adds some, and what is newly known of others.
    pub fn extend(&mut self, more: impl IntoIterator<Item = (Arc<Issued>, Minted)>) {
        let mut more = more.into_iter().peekable();
        if more.peek().is_some() {
            Arc::make_mut(&mut self.0).extend(more);
        }
    }
}

impl FromIterator<(Arc<Issued>, Minted)> for Issuances {
    fn from_iter<T: IntoIterator<Item = (Arc<Issued>, Minted)>>(all: T) -> Self {
        Self(Arc::new(all.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_one_account_are_found_among_all() {
        let one = |account: &Identity, credential: &str| {
            let (credential, by) = (credential.into(), Identity::user("ana"));
            Arc::new(Issued { account: account.clone(), credential, by, as_who: None })
        };
        let accounts = ["a", "b", "c"].map(|name| Identity::service_account("ci", name));
        let all = accounts.iter().flat_map(|of| ["JTI=1", "JTI=2"].map(|id| one(of, id)));
        let minted = Minted::new(DateTime::UNIX_EPOCH);
        let issuances: Issuances = all.map(|one| (one, minted.clone())).collect();
        let found = issuances.of(&accounts[1]).map(|(one, _)| (&one.account, &*one.credential));
        assert_eq!(found.collect::<Vec<_>>(), [(&accounts[1], "JTI=1"), (&accounts[1], "JTI=2")]);
        assert_eq!(issuances.of(&Identity::user("a")).count(), 0);
        assert_eq!(issuances.iter().count(), 6);
        assert_eq!(issuances.get(&one(&accounts[2], "JTI=2")), Some(&minted));
        assert_eq!(issuances.get(&one(&accounts[2], "JTI=3")), None);
        let mut more = issuances.clone();
        assert_eq!(more.beyond(&issuances).count(), 0);
        let known = Minted { used_by: Some(BoundTo::Nothing), ..minted.clone() };
        more.extend([(one(&accounts[0], "JTI=0"), minted), (one(&accounts[2], "JTI=1"), known)]);
        assert_eq!(more.beyond(&issuances).collect::<Vec<_>>(), [&accounts[0], &accounts[2]]);
    }
}
