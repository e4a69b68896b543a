//! Access tokens of OpenShift's own login: objects of its API, named by their hash.

use chrono::{DateTime, TimeDelta, Utc};

use super::standing::Standing;
use super::{Credential, Expires, Inventory, Kind, LastUse, Only};
use crate::book::Book;
use crate::model::{Identity, Meta, Name, OAuthToken, ObjectBody};

pub(super) fn all(book: &Book, only: Only<'_>, found: &mut Inventory) {
    if only.0.is_some_and(|identity| book.sources(identity).is_none_or(|of| !of.oauth)) {
        return;
    }
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

/// So many seconds after it was made, as Go adds them up: in nanoseconds of 64 bits.
fn after(made: Option<DateTime<Utc>>, seconds: i64) -> Option<DateTime<Utc>> {
    let length = TimeDelta::nanoseconds(seconds.wrapping_mul(1_000_000_000));
    made?.checked_add_signed(length)
}

/// As the validators of expiration and of inactivity have it
/// (`openshift/oauth-apiserver`, `pkg/tokenvalidation`).
fn credential(
    book: &Book,
    identity: Identity,
    name: &Name,
    meta: &Meta,
    token: &OAuthToken,
) -> Credential {
    let issued = meta.creation_timestamp;
    let mut notes = vec![format!("from a login with {}", token.client_name)];
    let life = (token.expires_in > 0).then(|| after(issued, token.expires_in));
    let idle = i64::from(token.inactivity_timeout_seconds);
    let idle = (idle != 0).then(|| after(issued, idle));
    let expires = match (life, idle) {
        (None, None) => Expires::Never,
        (Some(None), _) | (_, Some(None)) => Expires::NotKnown("when it was made is not known"),
        (Some(Some(life)), Some(Some(idle))) => Expires::At(life.min(idle)),
        (Some(Some(at)), None) | (None, Some(Some(at))) => Expires::At(at),
    };
    if let Some(Some(idle)) = idle {
        notes.push(format!(
            "unused it ends on {} UTC; each use puts that off",
            idle.format("%Y-%m-%d %H:%M:%S")
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
            Expires::At(at) if at < book.now => Standing::Expired,
            _ if meta.deletion_timestamp.is_some() => Standing::refused("it is being deleted"),
            _ => Standing::NotKnown(
                "Users are not listed: whether the one that it is for is still there is not seen",
            ),
        },
        expires,
        bound: None,
        last_use: LastUse::NotKnown("the log names the user, not the token"),
        groups: Vec::new(),
        owners: Vec::new(),
        revoke: revoke.into(),
        notes,
        identity,
    }
}
