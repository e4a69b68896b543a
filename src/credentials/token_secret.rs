//! Secrets that hold a `ServiceAccount`'s token.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::legacy;
use super::seen::Uses;
use super::span::Span;
use super::standing::{self, Standing, Tie};
use super::unnamed::{LEFT_OUT, NOT_NAMED, TOO_MANY};
use super::{Credential, Expires, Inventory, Kind, LastUse, Made, Only};
use crate::book::Book;
use crate::model::{Identity, Name, Secret, ServiceAccount};
use crate::owners::{self, Owner, Soon};

pub(super) const TYPE: &str = "kubernetes.io/service-account-token";
pub(super) const ACCOUNT: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";
const LAST_USED: &str = "kubernetes.io/legacy-token-last-used";
const INVALID_SINCE: &str = "kubernetes.io/legacy-token-invalid-since";
/// Since when the API server notes the use of such tokens: kept by itself in kube-system.
pub(super) const TRACKING: &str = "kube-apiserver-legacy-service-account-token-tracking";

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
}

/// Whether an account has any.
pub(super) fn has_any(book: &Book, identity: &Identity) -> bool {
    let only = Only(Some(identity));
    let Some(within) = only.namespaces() else { return false };
    let mut secrets = super::secrets(book, &within);
    secrets.any(|((ns, _), secret)| {
        let account = secret.meta.annotations.get(ACCOUNT);
        &*secret.type_ == TYPE && account.is_some_and(|account| only.is_account(ns, account))
    })
}

/// The day of a Secret's label of its last use, UTC; None where there is none that the API server may
/// have written: it writes today's (`pkg/serviceaccount/legacy.go`), and nobody's clock is a day ahead.
pub(super) fn last_used(secret: &Secret, now: DateTime<Utc>) -> Option<NaiveDate> {
    let day = labelled(secret)?.ok()?;
    (day <= now.date_naive().succ_opt()?).then_some(day)
}

/// When a label that is to come would be believed, UTC: a day before its own.
pub(crate) fn believed_from(book: &Book, credential: &Credential) -> Option<DateTime<Utc>> {
    let (namespace, name) = super::place(credential)?;
    let key = (Name::from(namespace), Name::from(name));
    let day = labelled(book.snapshot.objects.secrets.get(&key)?)?.ok()?;
    Some(day.pred_opt()?.and_time(NaiveTime::MIN).and_utc()).filter(|at| *at > book.now)
}

/// What the label says, where there is one.
fn labelled(secret: &Secret) -> Option<chrono::ParseResult<NaiveDate>> {
    let label = secret.meta.labels.get(LAST_USED)?;
    Some(NaiveDate::parse_from_str(label, "%Y-%m-%d"))
}

/// A token Secret.
struct Token<'a> {
    ns: &'a Name,
    name: &'a Name,
    account: &'a Name,
    secret: &'a Secret,
}

/// What the log has of one.
struct Logged {
    span: Option<Span>,
    /// Why it may show more than that, and the last time of it (UTC) where that is known.
    hidden: Option<(&'static str, Option<DateTime<Utc>>)>,
    /// What is said where it shows nothing.
    absent: LastUse,
}

impl Token<'_> {
    fn credential(&self, book: &Book, uses: &mut Uses, several: bool) -> Credential {
        let identity = Identity::service_account(self.ns.clone(), self.account.clone());
        let key = (self.ns.clone(), self.account.clone());
        let account = book.snapshot.objects.service_accounts.get(&key).map(|account| &**account);
        let mut notes = Vec::new();
        let (by_log, unnamed) = self.by_log(uses, &identity, several, &mut notes);
        let hidden = match unnamed {
            Some(last) => Some((legacy::WHICH, Some(last))),
            None => uses.is_cut(&identity).then_some((TOO_MANY, None)),
        };
        let log = Logged { span: by_log, hidden, absent: uses.absent_of(&identity) };
        let last_use = self.last_use(book, &log, &mut notes);
        let owners = owners::of_secret(self.secret);
        notes.extend(owner_notes(&owners));
        if self.is_of_openshift() {
            notes.push(
                "OpenShift's controller made it for the Secret by which the account pulls images"
                    .to_owned(),
            );
        }
        Credential {
            kind: Kind::TokenSecret,
            id: format!("secret {}/{}", self.ns, self.name).into(),
            made: self.made(account),
            issued: self.secret.meta.creation_timestamp,
            expires: Expires::Never,
            bound: None,
            standing: self.standing(book, account),
            last_use,
            groups: Vec::new(),
            owners,
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
    fn made(&self, account: Option<&ServiceAccount>) -> Option<Made> {
        if self.is_of_openshift() {
            return Some(Made::Automatically);
        }
        let listed = account?.secrets.contains(self.name);
        Some(if listed { Made::Automatically } else { Made::ByHand })
    }

    /// Whether OpenShift's controller made it for the Secret by which the account pulls images
    /// (`openshift/openshift-controller-manager`, `pkg/serviceaccounts/controllers`).
    fn is_of_openshift(&self) -> bool {
        let by = self.secret.meta.annotations.get("kubernetes.io/created-by");
        by.is_some_and(|by| &**by == "openshift.io/create-dockercfg-secrets")
    }

    /// As `pkg/serviceaccount/legacy.go` has it, which minds any deletion at once.
    fn standing(&self, book: &Book, account: Option<&ServiceAccount>) -> Standing {
        let annotations = &self.secret.meta.annotations;
        let made_for = annotations.get(ACCOUNT_UID).filter(|uid| !uid.is_empty());
        if let Some(since) =
            self.invalid_since().filter(|_| book.snapshot.cluster.refuses_invalidated())
        {
            return Standing::Refused(format!("invalidated since {since}"));
        }
        if self.secret.meta.deletion_timestamp.is_some() {
            return Standing::refused("the Secret is being deleted");
        }
        if account.is_some_and(|account| account.meta.deletion_timestamp.is_some()) {
            return Standing::refused("its account is being deleted");
        }
        let identity = Identity::service_account(self.ns.clone(), self.account.clone());
        let filled = match made_for {
            Some(_) => Standing::Good,
            // The controller that puts a token in notes for which account it is.
            None => Standing::NotKnown("nothing says that a token was put into it"),
        };
        let tie = Tie { uid: made_for, ..Tie::default() };
        standing::weigh([standing::of_account(book, &identity, tie)], filled)
    }

    fn invalid_since(&self) -> Option<&Name> {
        self.secret.meta.labels.get(INVALID_SINCE).filter(|since| !since.is_empty())
    }

    /// What the log shows of it. Where the API server does not note the Secret's name, and the
    /// account has several, the log cannot tell them apart; then, when it last shows one of them, UTC.
    fn by_log(
        &self,
        uses: &mut Uses,
        identity: &Identity,
        several: bool,
        notes: &mut Vec<String>,
    ) -> (Option<Span>, Option<DateTime<Utc>>) {
        let named = uses.take_span(identity, &legacy::named(self.ns, self.account, self.name));
        let unnamed = legacy::unnamed(self.ns, self.account);
        if several {
            let last = uses.last_of(identity, &unnamed);
            notes.extend(last.map(|last| {
                format!(
                    "the log shows a token of a Secret of this account last on {}, not which one",
                    last.format("%Y-%m-%d")
                )
            }));
            return (named, last);
        }
        let Some(unnamed) = uses.take_span(identity, &unnamed) else { return (named, None) };
        notes.push(
            "the log does not name the Secret whose token was used: that it is this one follows \
             from its being the only one of the account"
                .to_owned(),
        );
        let span = match named {
            Some(mut named) => {
                named.merge(unnamed);
                named
            }
            None => unnamed,
        };
        (Some(span), None)
    }

    /// The label and the log, whichever is later.
    fn last_use(&self, book: &Book, log: &Logged, notes: &mut Vec<String>) -> LastUse {
        let by_log = log.span.as_ref();
        let day = last_used(self.secret, book.now);
        match labelled(self.secret) {
            Some(Err(_)) => notes.push(format!("its label {LAST_USED} is no date")),
            Some(Ok(future)) if day.is_none() => notes.push(format!(
                "its label {LAST_USED} has {future}, which is to come: the API server cannot have \
                 written it, and whoever may patch the Secret can; it is not believed"
            )),
            _ => {}
        }
        let known = by_log.map(|span| span.last.date_naive()).max(day);
        let hides = |last: Option<DateTime<Utc>>| match last {
            Some(last) => known < Some(last.date_naive()),
            None => known.is_none(),
        };
        if let Some((why, _)) = log.hidden.filter(|(_, last)| hides(*last)) {
            return LastUse::NotKnown(why);
        }
        match (by_log, day) {
            (Some(span), Some(day)) if span.last.date_naive() < day => notes.push(format!(
                "the log shows it last on {}, in {} of its requests",
                span.last.format("%Y-%m-%d"),
                span.requests
            )),
            (Some(span), _) => return span.last_use(),
            (None, _) => {}
        }
        if let Some(day) = day {
            let since =
                self.invalid_since().map(|since| NaiveDate::parse_from_str(since, "%Y-%m-%d"));
            if let Some(Ok(since)) = since
                && day > since
            {
                notes.push(format!(
                    "what its label has was refused: it is invalidated since {since}"
                ));
            }
            // Where when is not known, it may have been after.
            let attempt =
                since.is_some_and(|since| since.is_ok_and(|since| day >= since) || since.is_err());
            return LastUse::Label { day, attempt };
        }
        match tracked_since(book) {
            // Whoever put that label on took the API server's own away.
            _ if labelled(self.secret).is_some() => log.absent.clone(),
            Some(since) => {
                let made = self.secret.meta.creation_timestamp.unwrap_or(since);
                LastUse::NotSince(since.max(made))
            }
            None if matches!(
                log.absent,
                LastUse::NotInLog(_) | LastUse::NotKnown(NOT_NAMED | LEFT_OUT)
            ) =>
            {
                log.absent.clone()
            }
            None => LastUse::NotKnown("the server does not tell since when it tracks such tokens"),
        }
    }
}

/// Whether who keeps the Secret takes the label off again by which its token is refused, and whether
/// it brings a deleted one back.
fn owner_notes(owners: &[Owner]) -> Vec<String> {
    let mut notes: Vec<String> = owners
        .iter()
        .map(|owner| {
            format!("{} keeps the Secret; the label put on it: {}", owner.words(), owner.label.when)
        })
        .collect();
    if let Some(owner) = owners.iter().find(|owner| owner.deletion.soon != Soon::Never) {
        let (who, when) = (owner.words(), owner.deletion.when);
        let back = if owner.deletion.soon == Soon::NotKnown {
            format!("whether {who} brings a Secret of this name back is {when}")
        } else {
            format!("{who} brings a Secret of this name back {when}")
        };
        notes.push(format!("{back}. Where tokens are signed with RSA, that holds the same token"));
    }
    notes
}

/// Midnight of the day since which the API server notes the use of token Secrets, UTC.
fn tracked_since(book: &Book) -> Option<DateTime<Utc>> {
    let key = ("kube-system".into(), TRACKING.into());
    let since = book.snapshot.objects.config_maps.get(&key)?.data.get("since")?;
    let day = NaiveDate::parse_from_str(since, "%Y-%m-%d").ok()?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}
