//! Tokens for joining nodes. Their expiry, groups and uses are Secret data, which is read only where
//! somebody asks for it, and never the token itself.

use super::seen::Uses;
use super::standing::expired;
use super::{Credential, Expires, Inventory, Kind, Only, Standing, Within, secrets};
use crate::book::Book;
use crate::model::{BootstrapToken, Identity, is_bootstrap_id};

pub(super) const TYPE: &str = "bootstrap.kubernetes.io/token";

pub(super) fn all(book: &Book, only: Only<'_>, uses: &mut Uses, found: &mut Inventory) {
    // Only such a name in kube-system is looked at
    // (`plugin/pkg/auth/authenticator/token/bootstrap`).
    let system = Within::One("kube-system".into());
    let of_use = are_taken(book);
    for ((ns, name), secret) in secrets(book, &system) {
        let Some(id) = name.strip_prefix("bootstrap-token-") else { continue };
        if &*secret.type_ != TYPE {
            continue;
        }
        let identity = Identity::user(format!("system:bootstrap:{id}"));
        if !only.wants(&identity) {
            continue;
        }
        let mut credential = Credential {
            kind: Kind::BootstrapToken,
            id: format!("secret {ns}/{name}").into(),
            made: None,
            issued: secret.meta.creation_timestamp,
            expires: Expires::NotKnown("not read: it is Secret data (--read-bootstrap)"),
            bound: None,
            standing: if is_bootstrap_id(id) {
                Standing::NotKnown("its data was not read (--read-bootstrap)")
            } else {
                Standing::refused("what its name says is no id that a token can have")
            },
            // Such a token carries no id of its own, but its user is its alone.
            last_use: uses.take_user(&identity),
            groups: Vec::new(),
            owners: crate::owners::of_secret(secret),
            revoke: "delete the Secret, which cannot be brought back unless its bytes were kept"
                .into(),
            notes: Vec::new(),
            identity,
        };
        if let Some(token) = secret.bootstrap.as_ref().filter(|_| is_bootstrap_id(id)) {
            tell(book, &mut credential, token, of_use);
        }
        if secret.meta.deletion_timestamp.is_some() {
            credential.standing = Standing::refused("the Secret is being deleted");
        }
        found.credentials.push(credential);
    }
}

/// Whether the log shows that the API server takes such tokens: it does so where it was told to.
fn are_taken(book: &Book) -> bool {
    book.activity.as_deref().is_some_and(|activity| {
        activity.identities().any(|(id, identity)| {
            identity.name.starts_with("system:bootstrap:")
                && !activity.by_authenticated(id).is_empty()
        })
    })
}

/// What its data says (`plugin/pkg/auth/authenticator/token/bootstrap/bootstrap.go`).
fn tell(book: &Book, credential: &mut Credential, token: &BootstrapToken, of_use: bool) {
    let groups = token.groups();
    credential.expires = match token.expires {
        Some(at) => Expires::At(at),
        None if token.bad_expiration => Expires::NotKnown("its expiration is no time"),
        None => Expires::Never,
    };
    let refused = Standing::refused;
    credential.standing = match token.expires {
        Some(at) if expired(book, at) == Standing::Expired => Standing::Expired,
        _ if token.bad_expiration => refused("its expiration is no time"),
        _ if !token.authenticates => refused("it is not for authentication"),
        _ if groups.is_none() => refused("it names a group that no such token may carry"),
        _ if of_use => Standing::Good,
        _ => Standing::NotKnown(
            "whether the API server takes bootstrap tokens at all (--enable-bootstrap-token-auth) \
             is not seen: none is in the log",
        ),
    };
    if let Some(why) = token.matches_none {
        credential.standing = refused(why);
    }
    credential.groups = groups.unwrap_or_default();
}
