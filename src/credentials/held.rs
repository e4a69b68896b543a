//! Credentials in kubeconfig files that were given by path.

use chrono::{DateTime, Utc};

use super::certificate::Certificate;
use super::seen::Uses;
use super::{Bound, Credential, Expires, Inventory, Kind, Only, Standing};
use crate::book::Book;
use crate::model::{Claims, Held, HeldKind, Identity, ListKind, Name, SubjectKind};

/// Files say more of what is known already, and show what is not.
pub(super) fn all(book: &Book, only: Only<'_>, uses: &mut Uses, found: &mut Inventory) {
    for held in book.policy.outside.held.iter().filter(|held| is_of(book, held)) {
        let place = place(held);
        let credential = match &held.what {
            HeldKind::Certificate(pem) => match Certificate::read(pem.as_bytes()) {
                Ok(certificate) => certificate.of_file(book, uses),
                Err(reason) => {
                    let place = format!("{place}, client certificate").into();
                    found.unreadable.push((place, reason.to_owned()));
                    continue;
                }
            },
            HeldKind::Claims(claims) => token(book, uses, claims),
            HeldKind::Bootstrap(id) => bootstrap(book, uses, id),
            HeldKind::OAuth(name) => {
                let id = format!("oauthaccesstoken {name}");
                if !add_note(found, &id, &place) && only.0.is_none() {
                    let text = "an access token of OpenShift whose object is not among those that \
                                were listed: whose it is is not known";
                    found.remarks.push((place.into(), text.to_owned()));
                }
                continue;
            }
        };
        if !only.wants(&credential.identity) || add_note(found, &credential.id, &place) {
            continue;
        }
        let mut credential = credential;
        credential.notes.push(format!("a copy is in {place}"));
        found.credentials.push(credential);
    }
}

fn place(held: &Held) -> String {
    match &held.context {
        Some(context) => format!("{}, context {context}", held.file),
        None => format!("{}, user {}, which no context names", held.file, held.user),
    }
}

/// Whether it is for this cluster, as far as both say where that is.
fn is_of(book: &Book, held: &Held) -> bool {
    let own = book.snapshot.cluster.server.trim_end_matches('/');
    let server = held.server.as_deref().unwrap_or_default().trim_end_matches('/');
    own.is_empty() || server.is_empty() || own.eq_ignore_ascii_case(server)
}

/// Notes of a credential that is known already where a copy of it is.
fn add_note(found: &mut Inventory, id: &str, place: &str) -> bool {
    let known = found.credentials.iter_mut().find(|credential| &*credential.id == id);
    known.map(|credential| credential.notes.push(format!("a copy is in {place}"))).is_some()
}

fn bootstrap(book: &Book, uses: &mut Uses, id: &Name) -> Credential {
    let identity = Identity::user(format!("system:bootstrap:{id}"));
    let whole = book.snapshot.covers(&[ListKind::BootstrapTokens], Some("kube-system"));
    Credential {
        kind: Kind::BootstrapToken,
        id: format!("secret kube-system/bootstrap-token-{id}").into(),
        made: None,
        issued: None,
        expires: Expires::NotKnown("its Secret was not seen"),
        bound: None,
        // What is listed was told before.
        standing: if whole {
            Standing::Refused("its Secret is gone".to_owned())
        } else {
            Standing::NotKnown
        },
        last_use: uses.take_user(&identity),
        groups: Vec::new(),
        revoke: "delete its Secret".into(),
        notes: Vec::new(),
        identity,
    }
}

/// The account of a token's subject, if it is one.
fn account(subject: &Name) -> Option<Identity> {
    Some(Identity::from_user_name(subject)).filter(|id| id.kind == SubjectKind::ServiceAccount)
}

fn token(book: &Book, uses: &mut Uses, claims: &Claims) -> Credential {
    match account(&claims.subject) {
        Some(identity) => account_token(book, uses, claims, identity),
        None => provider_token(book, uses, claims),
    }
}

fn account_token(book: &Book, uses: &mut Uses, claims: &Claims, identity: Identity) -> Credential {
    let mut notes = vec![format!("its issuer, by its own words: {}", claims.issuer)];
    let snapshot = &book.snapshot;
    let mut credential = Credential {
        kind: Kind::IssuedToken,
        id: "".into(),
        made: None,
        issued: claims.issued,
        expires: claims.expires.map_or(Expires::Never, Expires::At),
        bound: Some(Bound::Nothing),
        standing: standing(book, claims.expires),
        last_use: uses.absent(),
        groups: Vec::new(),
        revoke: "delete the account and make it again, which ends all its tokens; else it works \
                 until it runs out"
            .into(),
        notes: Vec::new(),
        identity,
    };
    let refuse = |credential: &mut Credential, why: &str| {
        if credential.standing == Standing::NotKnown {
            credential.standing = Standing::Refused(why.to_owned());
        }
    };
    let namespace = credential.identity.namespace.clone().unwrap_or_default();
    let key = (namespace.clone(), credential.identity.name.clone());
    if !snapshot.objects.service_accounts.contains_key(&key)
        && snapshot.covers(&[ListKind::ServiceAccounts], Some(&namespace))
    {
        refuse(&mut credential, "its account does not exist");
    }
    if let Some((ns, name)) = &claims.secret {
        // One whose Secret is there was told before.
        credential.kind = Kind::TokenSecret;
        credential.bound = None;
        credential.id = format!("secret {ns}/{name}").into();
        let id = super::legacy::named(ns, &credential.identity.name, name);
        credential.last_use = uses.take(&credential.identity, &id);
        credential.revoke = "delete its Secret".into();
        if snapshot.covers(&[ListKind::TokenSecrets], Some(ns)) {
            refuse(&mut credential, "its Secret is gone");
        }
    } else if let Some((ns, name)) = &claims.pod {
        credential.kind = Kind::PodToken;
        credential.bound = Some(object("Pod", Some(ns), name));
        credential.id = format!("pod {ns}/{name}").into();
        credential.last_use = uses.take(&credential.identity, &format!("pod:{ns}/{name}"));
        credential.revoke = "delete the pod".into();
        if !snapshot.objects.pods.contains_key(&(ns.clone(), name.clone()))
            && snapshot.covers(&[ListKind::Pods], Some(ns))
        {
            refuse(&mut credential, "its pod is gone");
        }
    } else if let Some(id) = &claims.id {
        credential.id = format!("JTI={id}").into();
        if let Some((by, of)) = uses.made(&credential.identity, &credential.id) {
            notes.push(format!("made by {by}, by the log"));
            credential.issued = Some(of.at);
        }
        credential.last_use = uses.take(&credential.identity, &format!("JTI={id}"));
    } else {
        credential.id = "a token without an id".into();
    }
    if let Some((kind, namespace, name)) = &claims.bound_to {
        let bound = object(kind, namespace.as_ref(), name);
        credential.revoke = format!("delete the {bound}, to which it is bound").into();
        credential.bound = Some(bound);
    }
    credential.notes = notes;
    credential
}

fn object(kind: &str, namespace: Option<&Name>, name: &Name) -> Bound {
    let (namespace, name) = (namespace.cloned(), Some(name.clone()));
    Bound::Object { kind: kind.into(), namespace, name, uid: None }
}

fn standing(book: &Book, expires: Option<DateTime<Utc>>) -> Standing {
    match expires {
        Some(at) if at <= book.now => Standing::Expired,
        _ => Standing::NotKnown,
    }
}

/// A token of an identity provider. Whom the API server takes it for is a matter of its settings:
/// the first of the names in the token that the cluster or the log knows.
fn provider_token(book: &Book, uses: &Uses, claims: &Claims) -> Credential {
    let whole = format!("{}#{}", claims.issuer, claims.subject).into();
    let candidates = claims.names.iter().chain([&whole, &claims.subject]);
    let known = candidates
        .map(|name| Identity::from_user_name(name))
        .find(|identity| identity.kind == SubjectKind::User && book.find(identity).is_some());
    let identity = known.clone().unwrap_or_else(|| Identity::from_user_name(&whole));
    let id = claims.id.as_ref().map(|id| format!("JTI={id}"));
    let by_log = id.as_ref().and_then(|id| uses.find(&identity, id));
    let mut notes = vec![format!("from {}, for {}", claims.issuer, claims.subject)];
    if known.is_none() {
        notes.push(
            "whom the API server takes it for is a matter of its settings: the cluster and the \
             log know none of the names in it"
                .to_owned(),
        );
    }
    Credential {
        kind: Kind::ProviderToken,
        id: id.unwrap_or_else(|| format!("token of {}", claims.issuer)).into(),
        made: None,
        issued: claims.issued,
        expires: claims.expires.map_or(Expires::NotKnown("it does not say"), Expires::At),
        bound: None,
        standing: standing(book, claims.expires),
        last_use: by_log.unwrap_or_else(|| uses.absent()),
        groups: claims.groups.clone(),
        revoke: "at the identity provider; what was issued works until it runs out".into(),
        notes,
        identity,
    }
}
