//! Credentials in kubeconfig files that were given by path: what of them is this cluster's, and
//! which is a copy of what is known already.

use std::collections::{BTreeMap, BTreeSet};

use super::certificate::{self, Certificate};
use super::claims::{self, Token};
use super::seen::Uses;
use super::standing;
use super::{Credential, Expires, Inventory, Kind, Only};
use crate::book::Book;
use crate::model::{Held, HeldKind, Identity, ListKind, Name, SubjectKind, counted};

/// So many contexts with a copy are named.
const NAMED: usize = 8;

/// Files say more of what is known already, and show what is not.
pub(super) fn all(book: &Book, only: Only<'_>, uses: &mut Uses, found: &mut Inventory) {
    let held = &book.policy.outside.held;
    if held.is_empty() {
        return;
    }
    // Whose a provider's token is the log may tell; an account's are none.
    let of_account = only.0.is_some_and(|one| one.kind == SubjectKind::ServiceAccount);
    let presented =
        if of_account { claims::Presented::new() } else { claims::presented(book, held) };
    let mut known = Known::of(found);
    let mut elsewhere = Elsewhere::default();
    for one in held {
        let of_here = is_of(book, one);
        let place = place(book, one, of_here);
        let mut remark = |text: &str| {
            if only.0.is_none() {
                found.remarks.push((place.clone().into(), text.to_owned()));
            }
        };
        let read = match &one.what {
            HeldKind::Certificate(pem) => match Certificate::read(pem.as_bytes()) {
                Ok(certificate) if certificate.is_nobodys() => {
                    remark(certificate::NOBODYS);
                    continue;
                }
                Ok(certificate) => Read::Certificate(certificate.identity(), certificate),
                Err(reason) => {
                    let place = format!("{place}, client certificate");
                    found.unreadable.push((place.into(), reason.to_owned()));
                    continue;
                }
            },
            HeldKind::Claims(claims) => Read::Token(Token::of(book, claims, &presented)),
            HeldKind::Bootstrap(id) => {
                Read::Bootstrap(Identity::user(format!("system:bootstrap:{id}")), id)
            }
            HeldKind::OAuth(name) => {
                let key = (None, format!("oauthaccesstoken {name}").into());
                if of_here && !known.by_key.contains_key(&key) {
                    remark(
                        "an access token of OpenShift whose object is not among those that were \
                         listed: whose it is is not known",
                    );
                } else if !known.add_note(found, &key, &place) {
                    elsewhere.add(one);
                }
                continue;
            }
        };
        if !of_here && !read.is_known(book, uses, &known) {
            elsewhere.add(one);
            continue;
        }
        let key = read.key();
        if !only.wants(&key.0) {
            continue;
        }
        let key = (Some(key.0), key.1);
        if known.add_note(found, &key, &place) {
            continue;
        }
        let mut credential = read.credential(book, uses, &known);
        credential.notes.push(format!("a copy is in {place}"));
        known.add(key, &credential, found.credentials.len());
        found.credentials.push(credential);
    }
    if only.0.is_none() {
        found.remarks.extend(elsewhere.remarks(book));
    }
}

/// Which contexts name it: those of this cluster, or all where none is.
fn place(book: &Book, held: &Held, of_here: bool) -> String {
    let file = &held.file;
    let own = held.contexts.iter().filter(|one| !of_here || is_server(book, one.server.as_ref()));
    let names: Vec<&str> = own.map(|one| &*one.name).collect();
    let more = names.len().saturating_sub(NAMED);
    let mut text = match &names[..] {
        [] => format!("{file}, user {}, which no context names", held.user),
        [one] => format!("{file}, context {one}"),
        _ => format!("{file}, contexts {}", names[..names.len() - more].join(", ")),
    };
    if more > 0 {
        text = format!("{text} and {more} more");
    }
    if !of_here {
        text.push_str(", under another URL of this cluster");
    }
    text
}

/// Whether it is for this cluster, as far as both say where that is.
fn is_of(book: &Book, held: &Held) -> bool {
    held.contexts.is_empty() || held.contexts.iter().any(|one| is_server(book, one.server.as_ref()))
}

fn is_server(book: &Book, server: Option<&Name>) -> bool {
    let own = book.snapshot.cluster.server.trim_end_matches('/');
    let server = server.map(|server| server.trim_end_matches('/')).unwrap_or_default();
    own.is_empty() || server.is_empty() || own.eq_ignore_ascii_case(server)
}

/// What was left out since its contexts are for other API servers, by file.
#[derive(Default)]
struct Elsewhere(BTreeMap<Name, (usize, BTreeSet<Name>)>);

impl Elsewhere {
    fn add(&mut self, held: &Held) {
        let (count, servers) = self.0.entry(held.file.clone()).or_default();
        *count += 1;
        servers.extend(held.contexts.iter().filter_map(|one| one.server.clone()));
    }

    fn remarks(self, book: &Book) -> impl Iterator<Item = (Name, String)> + '_ {
        self.0.into_iter().map(|(file, (count, servers))| {
            let more = servers.len().saturating_sub(NAMED);
            let named: Vec<&str> = servers.iter().take(NAMED).map(|one| &**one).collect();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let credentials = counted(count, "credential");
            let text = format!(
                "{credentials} for {}{more} left out: this cluster was asked at {}, and nothing \
                 tells that it is the same",
                named.join(", "),
                book.snapshot.cluster.server
            );
            (file, text)
        })
    }
}

/// By what copies of one credential are known; without an identity where an object says whose it is.
type Key = (Option<Identity>, Name);

/// Where in the inventory a credential is.
#[derive(Default)]
pub(super) struct Known {
    by_key: BTreeMap<Key, usize>,
    ids: BTreeSet<(Identity, Name)>,
}

impl Known {
    fn of(found: &Inventory) -> Self {
        let mut known = Self::default();
        for (at, one) in found.credentials.iter().enumerate() {
            let whose = Some(&one.identity).filter(|_| one.kind != Kind::OAuthToken);
            known.add((whose.cloned(), one.id.clone()), one, at);
        }
        known
    }

    fn add(&mut self, key: Key, credential: &Credential, at: usize) {
        self.by_key.insert(key, at);
        self.ids.insert((credential.identity.clone(), credential.id.clone()));
    }

    /// Whether a credential of that name is told already.
    pub(super) fn has_id(&self, identity: &Identity, id: &Name) -> bool {
        self.ids.contains(&(identity.clone(), id.clone()))
    }

    /// Notes of a credential that is known already where a copy of it is.
    fn add_note(&self, found: &mut Inventory, key: &Key, place: &str) -> bool {
        let at = self.by_key.get(key).copied();
        let credential = at.and_then(|at| found.credentials.get_mut(at));
        credential
            .map(|credential| credential.notes.push(format!("a copy is in {place}")))
            .is_some()
    }
}

/// What was found in a file, as this cluster would take it.
enum Read<'a> {
    Certificate(Identity, Certificate),
    Token(Token<'a>),
    Bootstrap(Identity, &'a Name),
}

impl Read<'_> {
    /// Whose it is, and by what its copies are known.
    fn key(&self) -> (Identity, Name) {
        match self {
            Self::Certificate(identity, certificate) => (identity.clone(), certificate.id()),
            Self::Token(token) => (token.identity.clone(), token.key()),
            Self::Bootstrap(identity, id) => {
                (identity.clone(), format!("secret kube-system/bootstrap-token-{id}").into())
            }
        }
    }

    /// Whether it is this cluster's whatever URL its context has: one API server has several.
    fn is_known(&self, book: &Book, uses: &Uses, known: &Known) -> bool {
        let (identity, id) = self.key();
        known.by_key.contains_key(&(Some(identity.clone()), id.clone()))
            || match self {
                Self::Certificate(..) => uses.knows(&identity, &id),
                Self::Token(token) => token.is_of(book, uses),
                Self::Bootstrap(..) => false,
            }
    }

    fn credential(self, book: &Book, uses: &mut Uses, known: &Known) -> Credential {
        match self {
            Self::Certificate(_, certificate) => certificate.of_file(book, uses),
            Self::Token(token) => token.credential(book, uses, known),
            Self::Bootstrap(identity, id) => bootstrap(book, uses, id, identity),
        }
    }
}

/// One whose Secret is not listed; what is listed was told before.
fn bootstrap(book: &Book, uses: &mut Uses, id: &Name, identity: Identity) -> Credential {
    Credential {
        kind: Kind::BootstrapToken,
        id: format!("secret kube-system/bootstrap-token-{id}").into(),
        made: None,
        issued: None,
        expires: Expires::NotKnown("its Secret was not seen"),
        bound: None,
        standing: standing::absent(
            book,
            (ListKind::BootstrapTokens, "kube-system"),
            "its Secret is gone",
            [
                "Secrets of bootstrap tokens were not read whole",
                "the files have no Secret of a bootstrap token",
            ],
        ),
        last_use: uses.take_user(&identity),
        groups: Vec::new(),
        owners: Vec::new(),
        revoke: "delete its Secret".into(),
        notes: Vec::new(),
        identity,
    }
}
