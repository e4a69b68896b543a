//! Whether the API server takes a credential: what it looks at, as far as lists show the same.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Credential, Expires, Kind};
use crate::book::Book;
use crate::model::{Absence, Identity, ListKind, Meta, Name};

/// Whether the API server takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Whatever it goes by was looked at, and speaks for it.
    Good,
    /// Not known: what was not, or could not be, looked at.
    NotKnown(&'static str),
    /// The API server refuses it: why.
    Refused(String),
    /// It ran out.
    Expired,
}

impl Standing {
    /// The words on screens and in JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Good => "live",
            Self::NotKnown(_) => "not known",
            Self::Refused(_) => "refused",
            Self::Expired => "expired",
        }
    }

    /// Whether the API server takes it, as far as is known.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Good | Self::NotKnown(_))
    }

    /// Live first.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Good => 0,
            Self::NotKnown(_) => 1,
            Self::Refused(_) | Self::Expired => 2,
        }
    }

    pub(super) fn refused(why: &str) -> Self {
        Self::Refused(why.to_owned())
    }
}

/// So much longer tokens of accounts are taken than they are good, or than what they are bound to is
/// there (`pkg/serviceaccount/claims.go`, by the leeway of the library that reads them).
const LEEWAY: TimeDelta = TimeDelta::minutes(1);

/// For so long, ten seconds, the API server remembers that it took a token, and does not look again; one
/// more, since the times of objects are whole seconds
/// (`apiserver/pkg/authentication/token/cache`, by `pkg/kubeapiserver/authenticator`).
const REMEMBERED: TimeDelta = TimeDelta::seconds(11);

/// What a token goes by beside its time: the API server compares UIDs. Where the UID is not known,
/// the time at which it was made or used tells whether it can be of what is there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tie<'a> {
    /// The UID in the token.
    pub(super) uid: Option<&'a Name>,
    /// When it was made, UTC: then the API server looked.
    pub(super) made: Option<DateTime<Utc>>,
    /// When it was last used, UTC: then it may have remembered.
    pub(super) used: Option<DateTime<Utc>>,
}

/// Whether an object is the one that a token is of.
enum Same {
    Yes,
    No,
    /// Why.
    NotKnown(&'static str),
}

impl Tie<'_> {
    /// Objects' times are whole seconds.
    fn to(self, meta: &Meta) -> Same {
        if let (Some(of), Some(is)) = (self.uid, &meta.uid) {
            return if of == is { Same::Yes } else { Same::No };
        }
        let Some(there) = meta.creation_timestamp else { return Same::Yes };
        match (self.made, self.used) {
            (Some(made), _) if there > made => Same::No,
            // Then it looked at what is there.
            (Some(_), Some(used)) if there + REMEMBERED <= used => Same::Yes,
            (Some(made), _) if there + SECOND > made => Same::NotKnown(AT_ONCE),
            (None, Some(used)) if there > used => Same::No,
            (None, Some(used)) if there + REMEMBERED > used => Same::NotKnown(BARELY),
            _ => Same::Yes,
        }
    }
}

/// What is said where the last use is of about the time at which what is there was made.
const BARELY: &str =
    "it was last used just when what has the name now was made, and may be of what had it before";

/// The same of the time at which it was made.
pub(super) const AT_ONCE: &str = "it was made in the very second in which what has the name now was made, and may be of what \
     had it before";

/// The times of objects are whole seconds.
const SECOND: TimeDelta = TimeDelta::seconds(1);

/// What is said of a token whose time has not come begins so.
pub(super) const EARLY: &str = "it is not good before";

/// Until when a time is of the past: that of the Book. As the API server takes certificates and
/// what is no token of an account.
pub(super) fn expired(book: &Book, at: DateTime<Utc>) -> Standing {
    if at <= book.now { Standing::Expired } else { Standing::Good }
}

/// The same of a token of an account.
pub(super) fn ran_out(book: &Book, expires: &Expires) -> Option<Standing> {
    match expires {
        Expires::At(at) if past_leeway(book, *at) => Some(Standing::Expired),
        Expires::At(_) | Expires::Never | Expires::NotKnown(_) => None,
    }
}

fn past_leeway(book: &Book, at: DateTime<Utc>) -> bool {
    refused_from(at).is_some_and(|at| at <= book.now)
}

/// From when on a token of an account is refused that is good until then, UTC.
pub(crate) fn refused_from(until: DateTime<Utc>) -> Option<DateTime<Utc>> {
    until.checked_add_signed(LEEWAY)
}

fn is_going(book: &Book, meta: &Meta) -> bool {
    meta.deletion_timestamp.is_some_and(|at| past_leeway(book, at))
}

/// What is against a token on the side of an object that is there, or not known of that; None:
/// nothing.
fn of_meta(book: &Book, meta: &Meta, tie: Tie<'_>, another: &str, going: &str) -> Option<Standing> {
    match tie.to(meta) {
        Same::No => Some(Standing::refused(another)),
        _ if is_going(book, meta) => Some(Standing::refused(going)),
        Same::NotKnown(why) => Some(Standing::NotKnown(why)),
        Same::Yes => None,
    }
}

/// The same on the side of its account.
pub(super) fn of_account(book: &Book, identity: &Identity, tie: Tie<'_>) -> Option<Standing> {
    let namespace = identity.namespace.clone().unwrap_or_default();
    let key = (namespace, identity.name.clone());
    let another = "it was made for an earlier account of the same name";
    match book.snapshot.objects.service_accounts.get(&key) {
        Some(account) => of_meta(book, &account.meta, tie, another, "its account is being deleted"),
        None => Some(absent(
            book,
            (ListKind::ServiceAccounts, &key.0),
            "its account does not exist",
            ["ServiceAccounts were not read whole", "the files have no account of its namespace"],
        )),
    }
}

/// The same on the side of the pod that a token is bound to.
pub(super) fn of_pod(book: &Book, place: (&Name, &Name), tie: Tie<'_>) -> Option<Standing> {
    let (namespace, name) = place;
    let another = "its pod is gone; another has its name";
    match book.snapshot.objects.pods.get(&(namespace.clone(), name.clone())) {
        Some(pod) => of_meta(book, &pod.meta, tie, another, "its pod is being deleted"),
        None => Some(absent(
            book,
            (ListKind::Pods, namespace),
            "its pod is gone",
            ["pods were not read whole", "the files have no pod of its namespace"],
        )),
    }
}

/// The same on the side of the Secret that a token is bound to.
pub(super) fn of_secret(book: &Book, place: (&Name, &Name), tie: Tie<'_>) -> Option<Standing> {
    let (namespace, name) = place;
    let another = "its Secret is gone; another has its name";
    match book.snapshot.objects.secrets.get(&(namespace.clone(), name.clone())) {
        Some(secret) => of_meta(book, &secret.meta, tie, another, "its Secret is being deleted"),
        None => Some(Standing::NotKnown(
            "of Secrets only those of tokens are listed: whether the one that it is bound to is \
             still there is not seen",
        )),
    }
}

/// The same of whatever object a token is bound to.
pub(super) fn of_object(
    book: &Book,
    (kind, namespace, name): (&str, Option<&Name>, Option<&Name>),
    tie: Tie<'_>,
) -> Option<Standing> {
    match (kind, namespace, name) {
        ("Pod", Some(namespace), Some(name)) => of_pod(book, (namespace, name), tie),
        ("Secret", Some(namespace), Some(name)) => of_secret(book, (namespace, name), tie),
        ("Node", ..) => Some(Standing::NotKnown(
            "nodes are not listed: whether the one that it is bound to is still there is not seen",
        )),
        _ => Some(Standing::NotKnown("what it is bound to is not listed")),
    }
}

/// What several sides come to: refused by one is refused; what one does not tell is not known.
/// `otherwise` is what it is where none has anything against it.
pub(super) fn weigh(
    sides: impl IntoIterator<Item = Option<Standing>>,
    otherwise: Standing,
) -> Standing {
    sides
        .into_iter()
        .flatten()
        .fold(otherwise, |worst, side| if side.rank() > worst.rank() { side } else { worst })
}

/// The same on the side of the token Secret that held a token and is not listed.
pub(super) fn of_token_secret(book: &Book, namespace: &str) -> Standing {
    no_token_secret(book, namespace, "its Secret is gone")
}

/// The same of one that is in no list, with what is said where it is gone.
pub(super) fn no_token_secret(book: &Book, namespace: &str, gone: &str) -> Standing {
    let unread =
        ["token Secrets were not read whole", "the files have no token Secret of its namespace"];
    absent(book, (ListKind::TokenSecrets, namespace), gone, unread)
}

/// What it means that a list does not have what a credential hangs on: that it is gone, or nothing,
/// where the list was not read whole, or is of files that have nothing of the namespace.
pub(super) fn absent(
    book: &Book,
    (list, namespace): (ListKind, &str),
    gone: &str,
    [unread, elsewhere]: [&'static str; 2],
) -> Standing {
    match book.snapshot.absence(list, namespace) {
        Absence::Told => Standing::refused(gone),
        Absence::NotRead => Standing::NotKnown(unread),
        Absence::NotInFiles => Standing::NotKnown(elsewhere),
    }
}

/// Of what is over nothing has to be revoked: what would end others with it is not said of it. What is
/// held back by a label, or will be good later, is not over.
pub(super) fn end(book: &Book, credential: &mut Credential) {
    let is_of_account = matches!(
        credential.kind,
        Kind::TokenSecret | Kind::LegacyToken | Kind::IssuedToken | Kind::PodToken
    );
    let why = match &credential.standing {
        _ if credential.revoke.starts_with("nothing:") => return,
        Standing::Expired => "it has run out".to_owned(),
        Standing::Refused(why) if is_of_account && !why.starts_with(EARLY) => {
            if let Some((namespace, name)) = super::place(credential)
                && book.snapshot.objects.secrets.contains_key(&(namespace.into(), name.into()))
            {
                credential.revoke =
                    "nothing now: it is refused; later delete the Secret, so that it stays so"
                        .into();
                return;
            }
            format!("it has ended: {why}")
        }
        _ => return,
    };
    credential.revoke = format!("nothing: {why}").into();
}

/// Whether a time is so late that the API server takes no token of an account yet that begins then.
pub(super) fn is_early(book: &Book, at: DateTime<Utc>) -> bool {
    at.checked_sub_signed(LEEWAY).is_some_and(|at| at > book.now)
}
