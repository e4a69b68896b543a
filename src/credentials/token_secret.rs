//! Secrets that hold a `ServiceAccount`'s token.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::seen::Uses;
use super::{Credential, Expires, Inventory, Kind, LastUse, Made, Only, Standing};
use crate::book::Book;
use crate::model::{Identity, ListKind, Name, Secret, ServiceAccount};
use crate::owners::{self, Soon};

const TYPE: &str = "kubernetes.io/service-account-token";
const ACCOUNT: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";
const LAST_USED: &str = "kubernetes.io/legacy-token-last-used";
const INVALID_SINCE: &str = "kubernetes.io/legacy-token-invalid-since";
/// Since when the API server notes the use of such tokens: kept by itself in kube-system.
const TRACKING: &str = "kube-apiserver-legacy-service-account-token-tracking";

pub(super) fn all(book: &Book, only: Only<'_>, uses: &mut Uses, found: &mut Inventory) {
    let Some(within) = only.namespaces() else { return };
    let secrets = super::secrets(book, &within);
    let tokens: Vec<(&Name, &Name, &Name, &Secret)> = secrets
        .filter(|(_, secret)| &*secret.type_ == TYPE)
        .filter_map(|((ns, name), secret)| {
            Some((ns, name, secret.meta.annotations.get(ACCOUNT)?, &**secret))
        })
        .filter(|(ns, _, account, _)| only.is_account(ns, account))
        .collect();
    let mut of_account: BTreeMap<(&Name, &Name), usize> = BTreeMap::new();
    for (ns, _, account, _) in &tokens {
        *of_account.entry((ns, account)).or_default() += 1;
    }
    for (ns, name, account, secret) in &tokens {
        let several = of_account.get(&(*ns, *account)).copied().unwrap_or_default() > 1;
        let place = Token { ns, name, account, secret };
        found.credentials.push(place.credential(book, uses, several));
    }
    // The log tells tokens of Secrets by account only.
    for (ns, account) in of_account.keys() {
        let identity = Identity::service_account((*ns).clone(), (*account).clone());
        uses.forget(&identity, &format!("legacy:{ns}/{account}"));
    }
}

/// A token Secret.
struct Token<'a> {
    ns: &'a Name,
    name: &'a Name,
    account: &'a Name,
    secret: &'a Secret,
}

impl Token<'_> {
    fn credential(&self, book: &Book, uses: &Uses, several: bool) -> Credential {
        let identity = Identity::service_account(self.ns.clone(), self.account.clone());
        let key = (self.ns.clone(), self.account.clone());
        let account = book.snapshot.objects.service_accounts.get(&key).map(|account| &**account);
        let mut notes = Vec::new();
        let by_log = uses.find(&identity, &format!("legacy:{}/{}", self.ns, self.account));
        let last_use = self.last_use(book, by_log, several, &mut notes);
        if let Some(owner) = owners::of_secret(self.secret)
            .into_iter()
            .find(|owner| owner.deletion.soon != Soon::Never)
        {
            notes.push(format!(
                "{} brings a Secret of this name back {}, and where tokens are signed with RSA that \
                 is the same token",
                owner.words(),
                owner.deletion.when
            ));
        }
        Credential {
            kind: Kind::TokenSecret,
            id: format!("secret {}/{}", self.ns, self.name).into(),
            made: account.map(|account| self.made(account)),
            issued: self.secret.meta.creation_timestamp,
            expires: Expires::Never,
            bound: None,
            standing: self.standing(book, account),
            last_use,
            groups: Vec::new(),
            revoke: format!(
                "label the Secret {INVALID_SINCE}=<date>, which refuses the token and can be taken \
                 back; later delete the Secret"
            )
            .into(),
            notes,
            identity,
        }
    }

    /// The controller that made tokens by itself listed them in the account; the API server's
    /// cleaner goes by the same (`pkg/controller/serviceaccount/legacy_serviceaccount_token_cleaner.go`).
    fn made(&self, account: &ServiceAccount) -> Made {
        if account.secrets.contains(self.name) { Made::Automatically } else { Made::ByHand }
    }

    fn standing(&self, book: &Book, account: Option<&ServiceAccount>) -> Standing {
        if let Some(since) = self.invalid_since() {
            return Standing::Refused(format!("invalidated since {since}"));
        }
        if self.secret.meta.deletion_timestamp.is_some() {
            return Standing::Refused("the Secret is being deleted".to_owned());
        }
        let Some(account) = account else {
            let whole = book.snapshot.covers(&[ListKind::ServiceAccounts], Some(self.ns));
            return if whole {
                Standing::Refused("its account does not exist".to_owned())
            } else {
                Standing::Good
            };
        };
        let made_for = self.secret.meta.annotations.get(ACCOUNT_UID);
        match (made_for, &account.meta.uid) {
            (Some(made_for), Some(uid)) if made_for != uid => {
                Standing::Refused("it was made for an earlier account of the same name".to_owned())
            }
            _ => Standing::Good,
        }
    }

    fn invalid_since(&self) -> Option<&Name> {
        self.secret.meta.labels.get(INVALID_SINCE).filter(|since| !since.is_empty())
    }

    /// The label and the log, whichever is later; the log cannot tell several Secrets of one
    /// account apart.
    fn last_use(
        &self,
        book: &Book,
        by_log: Option<LastUse>,
        several: bool,
        notes: &mut Vec<String>,
    ) -> LastUse {
        let labelled = self.secret.meta.labels.get(LAST_USED);
        let day = labelled.and_then(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").ok());
        if labelled.is_some() && day.is_none() {
            notes.push(format!("its label {LAST_USED} is no date"));
        }
        if several && let Some(LastUse::Log { at, .. }) = &by_log {
            notes.push(format!(
                "the log shows a token of a Secret of this account last on {}, not which one",
                at.format("%Y-%m-%d")
            ));
        }
        if let Some(LastUse::Log { at, .. }) = &by_log
            && !several
            && day.is_none_or(|day| at.date_naive() >= day)
            && let Some(last) = by_log
        {
            return last;
        }
        if let Some(day) = day {
            return LastUse::Label { day, attempt: self.invalid_since().is_some() };
        }
        match tracked_since(book) {
            Some(since) => {
                let made = self.secret.meta.creation_timestamp.unwrap_or(since);
                LastUse::NotSince(since.max(made))
            }
            None => LastUse::NotKnown("the server does not tell since when it tracks such tokens"),
        }
    }
}

/// Midnight of the day since which the API server notes the use of token Secrets, UTC.
fn tracked_since(book: &Book) -> Option<DateTime<Utc>> {
    let key = ("kube-system".into(), TRACKING.into());
    let since = book.snapshot.objects.config_maps.get(&key)?.data.get("since")?;
    let day = NaiveDate::parse_from_str(since, "%Y-%m-%d").ok()?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}
