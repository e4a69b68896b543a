//! Credentials of one identity that may be out for long, without what the log shows of their use.

use super::token_secret::TRACKING;
use super::{Credential, Expires, Kind, LastUse, legacy, minted, token_secrets};
use crate::book::Book;
use crate::model::{Identity, Name, Objects, SubjectKind};

/// Token Secrets, certificates, tokens that somebody had made, by the log or a file, and OpenShift's
/// tokens, as far as the API server may take them. Of a token Secret the last use is what its label or
/// the API server's tracking says; of others it is not looked at.
pub(crate) fn lasting(book: &Book, identity: &Identity) -> Vec<Credential> {
    let carried = book.carried(identity).iter().filter_map(|one| one.credential.as_deref());
    let mut all: Vec<Credential> = carried.cloned().collect();
    if identity.kind == SubjectKind::ServiceAccount {
        all.extend(token_secrets(book, identity));
        let held: Vec<Name> = all.iter().map(|one| one.id.clone()).collect();
        all.extend(made(book, identity).filter(|one| !held.contains(&one.id)));
    }
    all.retain(|one| one.standing.is_taken());
    all
}

/// Tokens that somebody had made for an account, by the log.
fn made<'a>(book: &'a Book, identity: &'a Identity) -> impl Iterator<Item = Credential> + 'a {
    let log = book.activity.as_deref().filter(|_| book.log.is_whole());
    log.into_iter().flat_map(|log| log.issued().of(identity)).map(|(issued, minted)| {
        let mut credential = Credential {
            kind: Kind::IssuedToken,
            id: issued.credential.clone(),
            made: None,
            issued: None,
            expires: Expires::NotKnown(super::seen::HOW_LONG),
            bound: None,
            standing: super::Standing::NotKnown("the log was not asked"),
            last_use: LastUse::NotKnown("the log was not asked"),
            groups: Vec::new(),
            owners: Vec::new(),
            revoke: "wait until it runs out".into(),
            notes: Vec::new(),
            identity: identity.clone(),
        };
        minted::tell(book, &mut credential, &issued.by, minted);
        credential
    })
}

/// What the log calls a credential, where it may; `several` is whether its account has more than one
/// token Secret, whose uses older API servers do not tell apart.
pub(crate) fn log_ids(credential: &Credential, several: bool) -> Option<Vec<String>> {
    match credential.kind {
        Kind::Certificate | Kind::IssuedToken => Some(vec![credential.id.to_string()]),
        Kind::TokenSecret => {
            let (namespace, secret) = credential.id.strip_prefix("secret ")?.split_once('/')?;
            let account = &credential.identity.name;
            let named = legacy::named(namespace, account, secret);
            let unnamed = (!several).then(|| legacy::unnamed(namespace, account));
            Some([named].into_iter().chain(unnamed).collect())
        }
        _ => None,
    }
}

/// Whether the API server's own tracking of token Secrets is the same in both.
pub(crate) fn same_tracking(one: &Objects, other: &Objects) -> bool {
    let key = ("kube-system".into(), TRACKING.into());
    one.config_maps.get(&key) == other.config_maps.get(&key)
}
