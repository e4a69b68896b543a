//! What the log shows of credentials.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::asked::Asked;
use super::fold::Fold;
use super::legacy::{self, Secrets};
use super::span::{Cut, Span};
use super::standing::{self, Standing, Tie};
use super::{Bound, Credential, Expires, Inventory, Kind, LastUse, Only, minted, unnamed};
use crate::book::{Book, LogState};
use crate::model::{
    Activity, BoundTo, Detail, Identity, Issued, Maker, Minted, Name, SeenId, SubjectKind, Use,
    counted,
};

/// Why it is not known how long a token is good for.
pub(super) const HOW_LONG: &str = "the log does not tell how long it was asked for";

/// What ends the tokens of a user.
pub(super) const AT_THE_PROVIDER: &str =
    "end its sessions at the identity provider; a token made before works until it runs out";

/// What pods are called of which the log says only the UID.
const POD_UID: &str = "pod-uid:";

/// What is told as one credential.
struct Seen {
    /// Of the last one used.
    id: Name,
    span: Span,
    tokens: usize,
    /// Of pods' tokens: who had some of them made, not being a kubelet.
    minters: BTreeSet<Maker>,
}

impl Seen {
    fn also(&mut self, id: Name, span: Span) {
        if span.last > self.span.last {
            self.id = id;
        }
        self.tokens += 1;
        self.span.merge(span);
    }
}

/// Credentials in the log that no object has claimed yet.
pub(super) struct Uses {
    spans: BTreeMap<(Identity, Name), Span>,
    /// Uses of Secrets' tokens before the Secrets that are there now were made.
    earlier: BTreeMap<(Identity, Name), Span>,
    users: BTreeMap<Identity, Span>,
    /// Uses by what no id tells.
    unnamed: BTreeMap<Identity, Span>,
    /// What was not kept of whom.
    cut: BTreeMap<Identity, Cut>,
    detail: Detail,
    asked: Asked,
    /// Tokens that somebody had made for accounts: by whom, and what is known of them.
    made: BTreeMap<(Identity, Name), (Maker, Minted)>,
    /// Of whom the audit policy leaves requests out.
    left_out: BTreeSet<Identity>,
    absent: LastUse,
}

impl Uses {
    /// As if there were no log.
    pub(super) fn none() -> Self {
        let absent = LastUse::NotKnown("the log was not asked");
        Self {
            spans: BTreeMap::new(),
            earlier: BTreeMap::new(),
            users: BTreeMap::new(),
            unnamed: BTreeMap::new(),
            cut: BTreeMap::new(),
            detail: Detail::default(),
            asked: Asked::default(),
            made: BTreeMap::new(),
            left_out: BTreeSet::new(),
            absent,
        }
    }

    /// Of those alone that may last (`lasting`) nobody counts what was asked for and is not known.
    pub(super) fn new(book: &Book, only: Only<'_>, lasting: bool) -> Self {
        let left_out = match only.0 {
            None => book.left_out().cloned().collect(),
            Some(identity) => {
                book.leaves_out(identity).then(|| identity.clone()).into_iter().collect()
            }
        };
        let mut uses = Self { absent: absent(book), left_out, ..Self::none() };
        let Some(activity) = book.activity.as_deref().filter(|_| book.log.is_whole()) else {
            return uses;
        };
        uses.detail = activity.detail();
        uses.asked = if lasting { Asked::default() } else { Asked::new(activity, only) };
        let issued: Box<dyn Iterator<Item = (&Issued, &Minted)>> = match only.0 {
            None => Box::new(activity.issued().iter().map(|(issued, of)| (&**issued, of))),
            Some(identity) => Box::new(activity.issued().of(identity)),
        };
        for (issued, of) in issued {
            uses.asked.is_known(&issued.account, &issued.by);
            let key = (issued.account.clone(), issued.credential.clone());
            uses.made.insert(key, (issued.into(), of.clone()));
        }
        let of_one = only.0.map(|identity| activity.seen(identity));
        let rows: Box<dyn Iterator<Item = &Use>> = match of_one {
            None => Box::new(activity.uses()),
            Some(Some(id)) => Box::new(activity.by_authenticated(id).iter()),
            Some(None) => return uses,
        };
        let secrets = Secrets::new(book, only);
        for row in rows {
            let actor = activity.actor(row.actor);
            let identity = activity.identity(row.authenticated);
            if let Some(credential) = &actor.credential {
                let (earlier, row) = secrets.part(credential, row);
                for (part, into) in [(earlier, &mut uses.earlier), (row, &mut uses.spans)] {
                    let Some(row) = part else { continue };
                    let key = (identity.clone(), credential.clone());
                    let span = into.entry(key).or_insert_with(|| Span::new(&row));
                    span.add(&row, actor);
                    span.in_groups(activity, &row);
                }
            } else {
                let span = uses.unnamed.entry(identity.clone()).or_insert_with(|| Span::new(row));
                span.add(row, actor);
                span.in_groups(activity, row);
            }
            if identity.kind == SubjectKind::User {
                let span = uses.users.entry(identity.clone());
                span.or_insert_with(|| Span::new(row)).add(row, actor);
            }
        }
        uses.settle(activity, of_one.flatten());
        uses
    }

    /// Notes what was not kept; of one, or of everybody.
    fn settle(&mut self, activity: &Activity, only: Option<SeenId>) {
        let whose: Vec<(SeenId, &Identity)> = match only {
            Some(id) => vec![(id, activity.identity(id))],
            None => activity.identities().collect(),
        };
        for (id, identity) in whose {
            if let Some(counts) = activity.truncated(id) {
                self.cut.insert(identity.clone(), Cut::of(counts));
            }
        }
        let by_id = self.spans.iter_mut().chain(&mut self.earlier);
        let by_id = by_id.map(|((identity, _), span)| (identity, span));
        for (identity, span) in by_id.chain(&mut self.users).chain(&mut self.unnamed) {
            span.settle(self.cut.get(identity).copied().unwrap_or_default());
        }
    }

    /// Whether the log had more credentials of somebody than are kept: of none it can be said that
    /// it is not among them.
    pub(super) fn is_cut(&self, identity: &Identity) -> bool {
        self.detail == Detail::NoCalls
            || self.cut.get(identity).is_some_and(|cut| cut.credentials > 0)
    }

    /// What is said of a credential of somebody that the log does not show in use. Where some of their
    /// requests have no id (the log's form has none, the API server is older, the audit policy leaves it
    /// out), those may be by it; so may those that are not in the log.
    pub(super) fn absent_of(&self, identity: &Identity) -> LastUse {
        match self.absent {
            LastUse::NotInLog(_) if self.is_cut(identity) => LastUse::NotKnown(unnamed::TOO_MANY),
            LastUse::NotInLog(_) if self.unnamed.contains_key(identity) => {
                LastUse::NotKnown(unnamed::NOT_NAMED)
            }
            LastUse::NotInLog(_) if self.left_out.contains(identity) => {
                LastUse::NotKnown(unnamed::LEFT_OUT)
            }
            _ => self.absent.clone(),
        }
    }

    /// Whoever is told by a credential that the log knows by the user's name is told whole.
    pub(super) fn tell_users(&mut self, credentials: &[Credential]) {
        for credential in credentials {
            if matches!(credential.kind, Kind::CloudMapping | Kind::CloudRole)
                && matches!(credential.last_use, LastUse::Log { .. })
            {
                self.unnamed.remove(&credential.identity);
            }
        }
    }

    /// Says what can be said of nobody's credentials.
    pub(super) fn remark(&mut self, found: &mut Inventory) {
        for (namespace, count) in std::mem::take(&mut self.asked.nameless) {
            let requests = counted(count, "request");
            let text = format!(
                "{requests} for tokens of accounts whose names were too many to keep: the \
                 tokens that they gave may be missing"
            );
            found.remarks.push((format!("the log, namespace {namespace}").into(), text));
        }
    }

    /// Who had a token made, and what is known of it, where the log shows it.
    pub(super) fn made(&self, identity: &Identity, id: &str) -> Option<(Maker, Minted)> {
        self.made.get(&(identity.clone(), id.into())).cloned()
    }

    /// Whether the log shows it in use, or that it was made.
    pub(super) fn knows(&self, identity: &Identity, id: &str) -> bool {
        let key = (identity.clone(), id.into());
        self.spans.contains_key(&key) || self.made.contains_key(&key)
    }

    /// What a credential that the log would show by this id was last used for.
    pub(super) fn take(&mut self, identity: &Identity, id: &str) -> LastUse {
        self.made.remove(&(identity.clone(), id.into()));
        let span = self.spans.remove(&(identity.clone(), id.into()));
        span.map_or_else(|| self.absent_of(identity), |span| span.last_use())
    }

    /// The same, where the log has it; it stays for others to take.
    pub(super) fn find(&self, identity: &Identity, id: &str) -> Option<LastUse> {
        self.spans.get(&(identity.clone(), id.into())).map(Span::last_use)
    }

    /// The use of a user by whatever credential.
    pub(super) fn by_user(&self, identity: &Identity) -> LastUse {
        let absent = || match self.absent {
            LastUse::NotInLog(_) if self.left_out.contains(identity) => {
                LastUse::NotKnown(unnamed::LEFT_OUT)
            }
            _ => self.absent.clone(),
        };
        self.users.get(identity).map_or_else(absent, Span::last_use)
    }

    /// The uses of all users.
    pub(super) fn users(&self) -> impl Iterator<Item = (&Identity, &Span)> {
        self.users.iter()
    }

    /// The same, of a user who has no other credential.
    pub(super) fn take_user(&mut self, identity: &Identity) -> LastUse {
        self.spans.retain(|(of, _), _| of != identity);
        self.unnamed.remove(identity);
        self.by_user(identity)
    }

    /// All uses of a credential that the log shows by this id.
    pub(super) fn take_span(&mut self, identity: &Identity, id: &str) -> Option<Span> {
        self.spans.remove(&(identity.clone(), id.into()))
    }

    /// The last of them, where the log has it; it stays for others to take.
    pub(super) fn last_of(&self, identity: &Identity, id: &str) -> Option<DateTime<Utc>> {
        self.spans.get(&(identity.clone(), id.into())).map(|span| span.last)
    }

    /// What is said of a credential that is not in the log.
    pub(super) fn absent(&self) -> LastUse {
        self.absent.clone()
    }

    /// Credentials that only the log shows.
    pub(super) fn rest(mut self, book: &Book) -> impl Iterator<Item = Credential> + '_ {
        let mut only_made = std::mem::take(&mut self.made);
        let spans = std::mem::take(&mut self.spans);
        let mut of_pods: BTreeMap<Identity, DateTime<Utc>> = BTreeMap::new();
        let presented = spans.iter().filter(|((_, id), _)| id.starts_with("pod"));
        for ((identity, _), span) in presented {
            let last = of_pods.entry(identity.clone()).or_insert(span.last);
            *last = (*last).max(span.last);
        }
        let minters = minters_of_pods(&only_made);
        let earlier = std::mem::take(&mut self.earlier);
        let unnamed = std::mem::take(&mut self.unnamed);
        let asked = std::mem::take(&mut self.asked);
        let mut folded: BTreeMap<(Identity, Fold), Seen> = BTreeMap::new();
        for ((identity, id), span) in spans {
            let fold = Fold::of(book, &identity, &id, span.last);
            let mut minters =
                minters.get(&(identity.clone(), id.clone())).cloned().unwrap_or_default();
            match folded.entry((identity, fold)) {
                Entry::Vacant(place) => {
                    place.insert(Seen { id, span, tokens: 1, minters });
                }
                Entry::Occupied(mut place) => {
                    place.get_mut().minters.append(&mut minters);
                    place.get_mut().also(id, span);
                }
            }
        }
        let mut found: Vec<Credential> = folded
            .into_iter()
            .map(|((identity, fold), seen)| {
                let made = only_made.remove(&(identity.clone(), seen.id.clone()));
                let mut credential = only_seen(book, identity, &seen);
                if let Some(id) = fold.several(seen.tokens, &seen.id) {
                    credential.id = id;
                    credential.bound = None;
                    fold.revoke_all(&mut credential.revoke);
                }
                if let Some((by, of)) = made {
                    minted::tell(book, &mut credential, &by, &of);
                }
                let minters = seen.minters.iter();
                let notes = minters.map(|by| format!("{by} had a token of it made, by the log"));
                credential.notes.extend(notes);
                credential
            })
            .collect();
        found.extend(earlier.into_iter().map(|((identity, id), span)| {
            let mut credential = unknown(identity, id, span.last_use());
            legacy::of_an_earlier_secret(&mut credential);
            credential
        }));
        // Made, and not seen in use.
        found.extend(only_made.into_iter().map(|((identity, id), (by, of))| {
            let by_pods = of_pods.get(&identity).is_some_and(|last| *last >= of.at);
            let last_use = match minted::bound(&identity, &of) {
                _ if !by_pods => self.absent_of(&identity),
                Bound::NotKnown(_) => {
                    LastUse::NotKnown("it may be bound to a pod: then its use is told as the pod's")
                }
                bound if bound.is_a("Pod") => LastUse::NotKnown("its use is told as its pod's"),
                _ => self.absent_of(&identity),
            };
            let mut credential = unknown(identity, id, last_use);
            issued_token(&mut credential);
            minted::tell(book, &mut credential, &by, &of);
            credential
        }));
        found.extend(unnamed.into_iter().filter_map(|(identity, span)| {
            let cut = self.cut.get(&identity).copied().unwrap_or_default();
            unnamed::credential(identity, &span, cut, self.detail)
        }));
        found.extend(asked.rest().map(|(account, count, by)| {
            let absent = self.absent_of(&account);
            unnamed::asked_for(account, count, &by, &absent)
        }));
        found.into_iter()
    }
}

/// Who had tokens made that are bound to pods, by account and by what their uses are called.
fn minters_of_pods(
    made: &BTreeMap<(Identity, Name), (Maker, Minted)>,
) -> BTreeMap<(Identity, Name), BTreeSet<Maker>> {
    let mut all: BTreeMap<_, BTreeSet<Maker>> = BTreeMap::new();
    for ((account, _), (by, of)) in made {
        let Some(BoundTo::Object { kind, name, .. }) = of.bound() else { continue };
        if let (true, Some(ns), Some(pod)) = (&**kind == "Pod", &account.namespace, name) {
            let id = Name::from(format!("pod:{ns}/{pod}"));
            all.entry((account.clone(), id)).or_default().insert(by.clone());
        }
    }
    all
}

fn absent(book: &Book) -> LastUse {
    match book.coverage() {
        _ if matches!(book.log, LogState::Reading { .. }) => {
            LastUse::NotKnown("the log is still being read")
        }
        Some(coverage) if coverage.identities_left_out > 0 => {
            LastUse::NotKnown("the log names more identities than are kept")
        }
        Some(coverage) if coverage.from.is_some() => LastUse::NotInLog(coverage.days()),
        _ => LastUse::NotKnown("no log"),
    }
}

/// A credential of which there is nothing but its use.
fn only_seen(book: &Book, identity: Identity, seen: &Seen) -> Credential {
    let Seen { id, span, .. } = seen;
    let account = identity.kind == SubjectKind::ServiceAccount;
    let mut credential = unknown(identity, id.clone(), span.last_use());
    if !account {
        credential.groups = span.groups(&credential.identity);
    }
    if id.starts_with("X509SHA256=") {
        credential.kind = Kind::Certificate;
        credential.expires =
            Expires::NotKnown("the certificate itself was not seen; at most as long as its CA");
        credential.standing =
            Standing::NotKnown("it was taken when it was used; whether it has run out is not seen");
        super::certificate::cannot_be_revoked(&mut credential);
    } else if let Some(pod) = id.strip_prefix("pod:") {
        pod_token(book, &mut credential, pod, span.last);
    } else if let Some(uid) = id.strip_prefix(POD_UID) {
        credential.kind = Kind::PodToken;
        let namespace = credential.identity.namespace.as_deref();
        credential.bound = Some(of_pod(namespace, None, Some(uid)));
        let pod = Standing::NotKnown("which pod has the UID is not looked for");
        credential.standing = standing::weigh([account_now(book, &credential, span.last)], pod);
        credential.expires = Expires::NotKnown("it ends with its pod, at most after a year");
        credential.revoke = "delete the pod".into();
    } else if id.starts_with(legacy::PREFIX) {
        legacy::of_a_secret(book, &mut credential);
        let account = account_now(book, &credential, span.last);
        credential.standing = standing::weigh([account], credential.standing);
    } else if id.starts_with("JTI=") && account {
        issued_token(&mut credential);
        let ended = Standing::NotKnown("until when it is good, and what it ends with, is not seen");
        credential.standing = standing::weigh([account_now(book, &credential, span.last)], ended);
    } else if id.starts_with("JTI=") {
        credential.standing = Standing::NotKnown("its issuer knows whether it has run out");
        credential.kind = Kind::ProviderToken;
        credential.expires = Expires::NotKnown("its issuer knows");
        credential.revoke = AT_THE_PROVIDER.into();
    } else if id.starts_with("session:") {
        credential.standing = Standing::NotKnown("the cloud knows who may still assume the role");
        credential.expires = Expires::NotKnown("the cloud knows how long a session lasts");
        credential.revoke =
            "change in IAM who may assume the role, and revoke the role's open sessions; a token made \
             before works for up to 15 minutes"
                .into();
    } else if id.starts_with("key:") {
        credential.standing = Standing::NotKnown("the cloud knows whether the key is active");
        credential.expires = Expires::Never;
        credential.revoke =
            "deactivate the access key in IAM; a token made before works for up to 15 minutes"
                .into();
    }
    credential
}

fn of_pod(namespace: Option<&str>, name: Option<&str>, uid: Option<&str>) -> Bound {
    let some = |text: Option<&str>| text.map(Name::from);
    Bound::Object {
        kind: "Pod".into(),
        namespace: some(namespace),
        name: some(name),
        uid: some(uid),
    }
}

fn unknown(identity: Identity, id: Name, last_use: LastUse) -> Credential {
    Credential {
        kind: Kind::Other,
        id,
        made: None,
        issued: None,
        expires: Expires::NotKnown("the log does not tell"),
        bound: None,
        standing: Standing::NotKnown("it was taken when it was used; nothing tells whether it is"),
        last_use,
        groups: Vec::new(),
        owners: Vec::new(),
        revoke: "find out who issued it and have it ended there: the log does not tell".into(),
        notes: Vec::new(),
        identity,
    }
}

fn issued_token(credential: &mut Credential) {
    credential.kind = Kind::IssuedToken;
    credential.expires = Expires::NotKnown(HOW_LONG);
    credential.bound = Some(Bound::NotKnown("the log does not show how it was made"));
    credential.revoke = "delete the object that it is bound to, if any; else delete the account \
                         and make it again, which ends all its tokens"
        .into();
}

/// What is against a token on the side of its account, which was taken for it then.
fn account_now(book: &Book, credential: &Credential, last: DateTime<Utc>) -> Option<Standing> {
    standing::of_account(book, &credential.identity, Tie { used: Some(last), ..Tie::default() })
}

fn pod_token(book: &Book, credential: &mut Credential, pod: &str, last: DateTime<Utc>) {
    credential.kind = Kind::PodToken;
    credential.id = format!("pod {pod}").into();
    credential.expires = Expires::NotKnown(
        "it ends with its pod; by default it is good for a year, whatever the pod asked for",
    );
    credential.revoke = "delete the pod".into();
    let Some((namespace, name)) = pod.split_once('/') else { return };
    credential.bound = Some(of_pod(Some(namespace), Some(name), None));
    let place = (Name::from(namespace), Name::from(name));
    let tie = Tie { used: Some(last), ..Tie::default() };
    let pod = standing::of_pod(book, (&place.0, &place.1), tie);
    let ended = book.snapshot.objects.pods.get(&place).is_some_and(|pod| pod.has_ended());
    let renewed = if ended {
        Standing::NotKnown("its pod has ended, so that its token is renewed no more")
    } else {
        Standing::Good
    };
    credential.standing = standing::weigh([account_now(book, credential, last), pod], renewed);
}
