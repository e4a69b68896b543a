//! Tokens that were found in a file, by what they say of themselves. Nothing verifies their
//! signatures: a token may say what it likes.

use std::collections::{BTreeMap, BTreeSet};

use super::held::Known;
use super::seen::Uses;
use super::standing::{self, Standing, Tie};
use super::{Bound, Credential, Expires, Kind, LastUse, legacy, minted};
use crate::book::Book;
use crate::model::{Claims, Held, HeldKind, Identity, Name, Secret, SubjectKind, Tied};

/// Users by the ids of the tokens that the log shows them with, of those in files.
pub(super) type Presented = BTreeMap<Name, Identity>;

/// Which users the log shows with the tokens of providers that are in files.
pub(super) fn presented(book: &Book, held: &[Held]) -> Presented {
    let ids = held.iter().filter_map(|held| match &held.what {
        HeldKind::Claims(claims) if account(claims).is_none() => Some(jti(claims)?),
        _ => None,
    });
    let ids: BTreeSet<Name> = ids.collect();
    let Some(activity) = book.activity.as_deref().filter(|_| !ids.is_empty()) else {
        return Presented::new();
    };
    let mut found = Presented::new();
    for row in activity.uses() {
        let id = activity.actor(row.actor).credential.as_ref().filter(|id| ids.contains(*id));
        if let Some(id) = id {
            let identity = activity.identity(row.authenticated);
            found.entry(id.clone()).or_insert_with(|| identity.clone());
        }
    }
    found
}

fn jti(claims: &Claims) -> Option<Name> {
    claims.id.as_ref().map(|id| format!("JTI={id}").into())
}

/// The account of a token's subject, if it is one.
fn account(claims: &Claims) -> Option<Identity> {
    Some(Identity::from_user_name(&claims.subject))
        .filter(|id| id.kind == SubjectKind::ServiceAccount)
}

/// How it is known whom the API server takes a token for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// It is of an account.
    Account,
    /// The log shows somebody with it.
    Log,
    /// The cluster or the log knows one of the names in it.
    Guessed,
    /// Nobody knows any.
    Nobody,
}

/// Why it is not known until when a token is good.
const NO_NUMBER: &str = "its exp is no number";

/// A token, and whom the API server takes its bearer for.
pub(super) struct Token<'a> {
    claims: &'a Claims,
    pub(super) identity: Identity,
    whose: Whose,
    /// The token Secret that holds it.
    held_by: Option<(&'a Name, &'a Name)>,
}

impl<'a> Token<'a> {
    pub(super) fn of(book: &Book, claims: &'a Claims, presented: &Presented) -> Self {
        let held_by = claims.secret.as_ref().filter(|place| {
            let secret = book.snapshot.objects.secrets.get(*place);
            secret.is_none_or(|secret| is_for(secret, claims))
        });
        let held_by = held_by.map(|(namespace, name)| (namespace, name));
        let (identity, whose) = account(claims)
            .map_or_else(|| whose(book, claims, presented), |identity| (identity, Whose::Account));
        Self { claims, identity, whose, held_by }
    }

    /// What its copies have in common.
    pub(super) fn key(&self) -> Name {
        match self.held_by {
            Some((namespace, name)) => format!("secret {namespace}/{name}").into(),
            None => format!("token {}", self.claims.print).into(),
        }
    }

    /// What to call it.
    fn id(&self) -> Name {
        let Claims { print, issuer, .. } = self.claims;
        match (self.held_by, jti(self.claims)) {
            (Some((namespace, name)), _) => format!("secret {namespace}/{name}").into(),
            (None, Some(id)) => id,
            (None, None) if self.whose == Whose::Account => {
                format!("token {print}, without an id").into()
            }
            (None, None) => format!("token {print} of {issuer}").into(),
        }
    }

    /// Whether what this cluster has shows that it is of here.
    pub(super) fn is_of(&self, book: &Book, uses: &Uses) -> bool {
        let seen = jti(self.claims).is_some_and(|id| uses.knows(&self.identity, &id));
        let key = (self.identity.namespace.clone().unwrap_or_default(), self.identity.name.clone());
        let account = book.snapshot.objects.service_accounts.get(&key);
        let uid = account.and_then(|account| account.meta.uid.as_ref());
        let same = self.whose == Whose::Account
            && uid.zip(self.claims.account_uid.as_ref()).is_some_and(|(is, of)| is == of);
        seen || same
    }

    pub(super) fn credential(self, book: &Book, uses: &mut Uses, known: &Known) -> Credential {
        let id = self.id();
        let twice = known.has_id(&self.identity, &id);
        let mut credential = match self.whose {
            Whose::Account => self.of_account(book, uses, twice),
            _ => self.of_provider(book, uses, twice),
        };
        if twice {
            credential.notes.push(
                "it has the id of another token and says otherwise of itself: one of them is made \
                 up"
                .to_owned(),
            );
            credential.last_use = LastUse::NotKnown("the log does not tell the two apart");
        }
        credential
    }

    fn of_account(&self, book: &Book, uses: &mut Uses, twice: bool) -> Credential {
        let claims = self.claims;
        let id = self.id();
        let mut notes = vec![format!("its issuer, by its own words: {}", claims.issuer)];
        let made = uses.made(&self.identity, &id).filter(|_| !twice);
        if let Some((by, _)) = &made {
            notes.push(format!("made by {by}, by the log"));
        }
        let last_use = if twice { uses.absent() } else { self.last_use(uses, &id) };
        let bound = match &claims.bound_to {
            Some(tied) => object(tied),
            None => Bound::Nothing,
        };
        let expires = match (claims.expires, claims.no_number) {
            (Some(at), _) => Expires::At(at),
            (None, Some("exp")) => Expires::NotKnown(NO_NUMBER),
            (None, _) => Expires::Never,
        };
        let kind = match &claims.bound_to {
            _ if claims.secret.is_some() => Kind::TokenSecret,
            Some(tied) if &*tied.kind == "Pod" => Kind::PodToken,
            _ => Kind::IssuedToken,
        };
        let revoke = match kind {
            Kind::TokenSecret => Some("delete its Secret".into()),
            _ => minted::revoke(&bound),
        };
        Credential {
            kind,
            made: None,
            issued: made.map(|(_, minted)| minted.at).or(claims.issued),
            bound: Some(bound).filter(|_| kind != Kind::TokenSecret),
            standing: self.account_standing(book, &expires, &last_use),
            expires,
            last_use,
            groups: Vec::new(),
            owners: Vec::new(),
            revoke: revoke.unwrap_or_else(|| "not known".into()),
            notes,
            id,
            identity: self.identity.clone(),
        }
    }

    fn last_use(&self, uses: &mut Uses, id: &Name) -> LastUse {
        if let Some((namespace, secret)) = &self.claims.secret {
            let account = &self.identity.name;
            let named = legacy::named(namespace, account, secret);
            if uses.find(&self.identity, &named).is_some() {
                return uses.take(&self.identity, &named);
            }
            return match uses.find(&self.identity, &legacy::unnamed(namespace, account)) {
                Some(_) => LastUse::NotKnown(
                    "the log shows tokens of Secrets of the account, not that it is one of them",
                ),
                None => uses.absent(),
            };
        }
        if let Some(Tied { kind, namespace: Some(namespace), name, .. }) = &self.claims.bound_to
            && &**kind == "Pod"
        {
            uses.take(&self.identity, id);
            let pod = uses.find(&self.identity, &format!("pod:{namespace}/{name}"));
            return pod.map_or_else(
                || uses.absent(),
                |_| LastUse::NotKnown("its use is told as its pod's"),
            );
        }
        match jti(self.claims) {
            Some(id) => uses.take(&self.identity, &id),
            None => LastUse::NotKnown("it has no id by which a log could show it"),
        }
    }

    /// As `pkg/serviceaccount/claims.go` and `legacy.go` have it.
    fn account_standing(&self, book: &Book, expires: &Expires, last_use: &LastUse) -> Standing {
        let claims = self.claims;
        if let Some(over) = standing::ran_out(book, expires) {
            return over;
        }
        // None of whose times cannot be read (`go-jose`, `NumericDate`).
        if let Some(claim) = claims.no_number {
            return Standing::Refused(format!("its {claim} is no number: no such token is taken"));
        }
        let used = match last_use {
            LastUse::Log { at, .. } => Some(*at),
            _ => None,
        };
        let tie = |uid| Tie { uid, made: claims.issued, used };
        let account = standing::of_account(book, &self.identity, tie(claims.account_uid.as_ref()));
        let bound = claims.bound_to.as_ref().and_then(|tied| {
            let object = (&*tied.kind, tied.namespace.as_ref(), Some(&tied.name));
            standing::of_object(book, object, tie(tied.uid.as_ref()))
        });
        let secret = claims.secret.as_ref().and_then(|place| {
            let listed = book.snapshot.objects.secrets.get(place);
            match listed {
                Some(secret) if is_for(secret, claims) => None,
                Some(_) => {
                    Some(Standing::refused("its Secret holds the token of another account now"))
                }
                None => Some(standing::of_token_secret(book, &place.0)),
            }
        });
        let early = claims
            .not_before
            .filter(|at| standing::is_early(book, *at))
            .map(|at| Standing::Refused(format!("{} {} UTC", standing::EARLY, at.format("%F %T"))));
        // What the log shows with its id was taken: its signature, its issuer and its audience.
        let taken = if matches!(last_use, LastUse::Log { .. }) {
            Standing::Good
        } else {
            Standing::NotKnown("whether its signature, issuer and audience are taken is not seen")
        };
        standing::weigh([early, account, bound, secret], taken)
    }

    /// Whom the API server takes a provider's token for is a matter of its settings.
    fn of_provider(&self, book: &Book, uses: &mut Uses, twice: bool) -> Credential {
        let claims = self.claims;
        let id = self.id();
        let mut notes = vec![format!("from {}, for {}", claims.issuer, claims.subject)];
        match self.whose {
            Whose::Log | Whose::Account => {}
            Whose::Guessed => notes.push(format!(
                "taken for {}, the first of the names in it that the cluster or the log knows: \
                 whom the API server takes it for is a matter of its settings",
                self.identity
            )),
            Whose::Nobody => notes.push(
                "whom the API server takes it for is a matter of its settings: the cluster and \
                 the log know none of the names in it"
                    .to_owned(),
            ),
        }
        Credential {
            kind: Kind::ProviderToken,
            made: None,
            issued: claims.issued,
            expires: match (claims.expires, claims.no_number) {
                (Some(at), _) => Expires::At(at),
                (None, Some("exp")) => Expires::NotKnown(NO_NUMBER),
                (None, _) => Expires::NotKnown("it does not say"),
            },
            bound: None,
            standing: match claims.expires {
                Some(at) if at <= book.now => Standing::Expired,
                Some(_) => Standing::NotKnown(
                    "whether the API server takes tokens of its issuer is not seen",
                ),
                // The verifier takes the digits of a text too (`coreos/go-oidc`, `jsonTime`).
                None if claims.no_number == Some("exp") => Standing::NotKnown(NO_NUMBER),
                // The verifier takes none for expired (`coreos/go-oidc`).
                None => Standing::refused("it has no exp, without which none is taken"),
            },
            last_use: match jti(claims) {
                Some(id) if !twice => uses.take(&self.identity, &id),
                _ => LastUse::NotKnown("it has no id by which a log could show it"),
            },
            groups: claims.groups.clone(),
            owners: Vec::new(),
            revoke: super::seen::AT_THE_PROVIDER.into(),
            notes,
            id,
            identity: self.identity.clone(),
        }
    }
}

/// The first of the names in a provider's token that the cluster or the log knows, where no log
/// shows somebody with it.
fn whose(book: &Book, claims: &Claims, presented: &Presented) -> (Identity, Whose) {
    if let Some(identity) = jti(claims).and_then(|id| presented.get(&id)) {
        return (identity.clone(), Whose::Log);
    }
    let whole = format!("{}#{}", claims.issuer, claims.subject).into();
    let candidates = claims.names.iter().chain([&whole, &claims.subject]);
    let known = candidates
        .map(|name| Identity::from_user_name(name))
        .find(|identity| identity.kind == SubjectKind::User && book.find(identity).is_some());
    match known {
        Some(identity) => (identity, Whose::Guessed),
        None => (Identity::from_user_name(&whole), Whose::Nobody),
    }
}

/// Whether a token Secret is for the account that a token says: one of the same name that was made
/// anew for the same account holds the same token.
fn is_for(secret: &Secret, claims: &Claims) -> bool {
    let uid = secret.meta.annotations.get("kubernetes.io/service-account.uid");
    uid.zip(claims.account_uid.as_ref()).is_none_or(|(is, of)| is == of)
}

fn object(tied: &Tied) -> Bound {
    Bound::Object {
        kind: tied.kind.clone(),
        namespace: tied.namespace.clone(),
        name: Some(tied.name.clone()),
        uid: tied.uid.clone(),
    }
}
