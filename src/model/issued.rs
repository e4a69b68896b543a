//! Who had tokens made for accounts, by the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Identity, Name};

/// A token that somebody had made for an account (`authentication.kubernetes.io/issued-credential-id`
/// of a `create serviceaccounts/token`). Those that kubelets have made for their pods are not here:
/// such a token says itself whose pod presents it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Issued {
    /// Whom it authenticates.
    pub account: Identity,
    /// `JTI=…`, as its use shows it.
    pub credential: Name,
    /// Who asked for it: whose credential was presented.
    pub by: Identity,
}

/// Tokens that were made, each with the time (UTC). A clone shares them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issuances(Arc<BTreeMap<Arc<Issued>, DateTime<Utc>>>);

impl Issuances {
    /// Those for an account, sorted.
    pub fn of<'a>(
        &'a self,
        account: &'a Identity,
    ) -> impl Iterator<Item = (&'a Issued, DateTime<Utc>)> + 'a {
        let (credential, by) = ("".into(), Identity::user(""));
        let first = Issued { account: account.clone(), credential, by };
        let all = self.0.range::<Issued, _>(first..).map(|(issued, at)| (&**issued, *at));
        all.take_while(move |(issued, _)| issued.account == *account)
    }

    /// All, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<Issued>, DateTime<Utc>)> {
        self.0.iter().map(|(issued, at)| (issued, *at))
    }

    /// When that one was made, UTC, if it was.
    pub fn at(&self, issued: &Issued) -> Option<DateTime<Utc>> {
        self.0.get(issued).copied()
    }

    /// Adds some.
    pub fn extend(&mut self, more: impl IntoIterator<Item = (Arc<Issued>, DateTime<Utc>)>) {
        let mut more = more.into_iter().peekable();
        if more.peek().is_some() {
            Arc::make_mut(&mut self.0).extend(more);
        }
    }
}

impl FromIterator<(Arc<Issued>, DateTime<Utc>)> for Issuances {
    fn from_iter<T: IntoIterator<Item = (Arc<Issued>, DateTime<Utc>)>>(all: T) -> Self {
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
            Arc::new(Issued { account: account.clone(), credential, by })
        };
        let accounts = ["a", "b", "c"].map(|name| Identity::service_account("ci", name));
        let all = accounts.iter().flat_map(|of| ["JTI=1", "JTI=2"].map(|id| one(of, id)));
        let time = DateTime::UNIX_EPOCH;
        let issuances: Issuances = all.map(|one| (one, time)).collect();
        let found = issuances.of(&accounts[1]).map(|(one, _)| (&one.account, &*one.credential));
        assert_eq!(found.collect::<Vec<_>>(), [(&accounts[1], "JTI=1"), (&accounts[1], "JTI=2")]);
        assert_eq!(issuances.of(&Identity::user("a")).count(), 0);
        assert_eq!(issuances.iter().count(), 6);
        assert_eq!(issuances.at(&one(&accounts[2], "JTI=2")), Some(time));
        assert_eq!(issuances.at(&one(&accounts[2], "JTI=3")), None);
    }
}
