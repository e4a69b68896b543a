//! Access tokens of OpenShift's own login: objects of its API, named by their hash.

use chrono::TimeDelta;

use super::{Credential, Expires, Inventory, Kind, LastUse, Only, Standing, expired};
use crate::book::Book;
use crate::model::{Identity, Meta, Name, OAuthToken, ObjectBody};

pub(super) fn all(book: &Book, only: Only<'_>, found: &mut Inventory) {
    let first = (Name::from("OAuthAccessToken"), Name::from(""), Name::from(""));
    let all = book.snapshot.objects.others.range(first..);
    let tokens = all.take_while(|((kind, ..), _)| &**kind == "OAuthAccessToken");
    for ((_, _, name), object) in tokens {
        let ObjectBody::OAuthToken(token) = &object.body else { continue };
        let identity = Identity::from_user_name(&token.user_name);
        if only.wants(&identity) {
            found.credentials.push(credential(book, identity, name, &object.meta, token));
        }
    }
}

fn credential(
    book: &Book,
    identity: Identity,
    name: &Name,
    meta: &Meta,
    token: &OAuthToken,
) -> Credential {
    let issued = meta.creation_timestamp;
    let life = TimeDelta::try_seconds(token.expires_in).filter(|life| *life > TimeDelta::zero());
    let expires = match (issued, life) {
        _ if token.expires_in == 0 => Expires::Never,
        (Some(issued), Some(life)) => issued
            .checked_add_signed(life)
            .map_or(Expires::NotKnown("a time out of range"), Expires::At),
        _ => Expires::NotKnown("when it was made is not known"),
    };
    let mut notes = vec![format!("from a login with {}", token.client_name)];
    if token.inactivity_timeout_seconds > 0 {
        notes.push(format!(
            "it ends by itself when it was not used for {} seconds",
            token.inactivity_timeout_seconds
        ));
    }
    if !token.scopes.is_empty() {
        notes.push(format!("for the scopes {}", token.scopes.join(", ")));
    }
    let revoke = if name.starts_with("sha256~") {
        format!("oc delete oauthaccesstoken {name}")
    } else {
        notes.push("the name of its object is the token itself and is not shown".to_owned());
        format!("delete the OAuthAccessToken of {}, found by its user", token.user_name)
    };
    Credential {
        kind: Kind::OAuthToken,
        id: format!("oauthaccesstoken {name}").into(),
        made: None,
        issued,
        standing: match expires {
            Expires::At(at) => expired(book, at),
            _ => Standing::Good,
        },
        expires,
        bound: None,
        last_use: LastUse::NotKnown("the log names the user, not the token"),
        groups: Vec::new(),
        revoke: revoke.into(),
        notes,
        identity,
    }
}
