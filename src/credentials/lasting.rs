//! Credentials of one identity that may be out for long: those of the inventory, made by the same
//! hands, so that no finding says of one what the inventory does not.

use super::token_secret::{self, TRACKING};
use super::unnamed::LEFT_OUT;
use super::{Credential, Kind, LastUse, Only, gather, legacy};
use crate::book::{Book, Entry};
use crate::model::{Objects, SubjectKind};

/// Token Secrets, certificates, tokens that somebody had made, by the log or a file, and OpenShift's
/// tokens, as far as the API server may take them; tokens of Secrets that are known from the log alone
/// among them.
pub(crate) fn lasting(book: &Book, entry: &Entry) -> Vec<Credential> {
    // Most have none, and for those nothing is looked through.
    if !may_have_any(book, entry) {
        return Vec::new();
    }
    let mut all = gather(book, Only(Some(&entry.identity)), true).credentials;
    let listed = all.iter().any(|one| one.kind == Kind::TokenSecret);
    all.retain(|one| one.standing.is_taken() && lasts(one, listed));
    // While a Book is made its entries are not to be looked up yet.
    if book.leaves_out_entry(entry) {
        for one in all.iter_mut().filter(|one| matches!(one.last_use, LastUse::NotInLog(_))) {
            one.last_use = LastUse::NotKnown(LEFT_OUT);
        }
    }
    all
}

fn may_have_any(book: &Book, entry: &Entry) -> bool {
    let identity = &entry.identity;
    if book.sources(identity).is_some() {
        return true;
    }
    let log = book.activity.as_deref().filter(|_| book.log.is_whole());
    let seen = entry.activity.iter().flat_map(|activity| &activity.credentials);
    identity.kind == SubjectKind::ServiceAccount
        && (token_secret::has_any(book, identity)
            || log.is_some_and(|log| log.issued().of(identity).next().is_some())
            || seen.into_iter().any(|seen| seen.id.starts_with(legacy::PREFIX)))
}

fn lasts(one: &Credential, listed: bool) -> bool {
    match one.kind {
        Kind::TokenSecret | Kind::Certificate | Kind::IssuedToken | Kind::OAuthToken => true,
        // Where the log does not say of which Secret it is, it is one of those that are listed.
        Kind::LegacyToken => !listed || !one.id.starts_with(legacy::PREFIX),
        _ => false,
    }
}

/// Whether the API server's own tracking of token Secrets is the same in both.
pub(crate) fn same_tracking(one: &Objects, other: &Objects) -> bool {
    let key = ("kube-system".into(), TRACKING.into());
    one.config_maps.get(&key) == other.config_maps.get(&key)
}
