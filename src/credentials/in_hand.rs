//! What somebody has in hand, or may have, that authenticates somebody else: tokens that they had made,
//! certificates that they had signed, tokens in Secrets that they read. What they are granted may be
//! taken from them: none of it ends by that.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::standing::{self, Standing, Tie};
use super::token_secret::{ACCOUNT, TYPE};
use super::{Credential, Expires, LastUse, Only, certificate, gather, strength, unnamed};
use crate::book::Book;
use crate::model::{
    Activity, Call, CallId, Identity, Implied, Issued, Name, SeenId, SubjectKind, Target, Use,
    counted,
};

/// How it came into somebody's hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// They had the token made, by the log.
    Made,
    /// They asked for the certificate, by a `CertificateSigningRequest` that is still there.
    Signed,
    /// They read the Secret by its name, by the log.
    Read,
    /// They read one that had its name before, by the log: a token in a Secret is made of the names and the
    /// account's UID, and signed alike by an RSA key (`pkg/serviceaccount/legacy.go`).
    ReadEarlier,
    /// They made the Secret, by the log.
    Created,
    /// They listed or watched Secrets, and it is one of these.
    Listed,
}

impl How {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Signed => "signed",
            Self::Read => "read",
            Self::ReadEarlier => "readEarlier",
            Self::Created => "created",
            Self::Listed => "listed",
        }
    }
}

/// Something that somebody has in hand, or may have, that authenticates somebody else and that the API
/// server may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InHand {
    /// Who has it.
    pub by: Identity,
    /// How they came by it.
    pub how: How,
    /// The credential; of several that are told as one, the one that lasts longest, of Secrets that were
    /// listed the strongest.
    pub credential: Credential,
    /// How many are told as one.
    pub count: u64,
}

impl InHand {
    /// `a token of sa:ci/bot that user:ana had made (JTI=…)`.
    pub fn what(&self) -> String {
        let Self { by, how, count, credential: Credential { identity, id, .. } } = self;
        let tokens = || match count {
            1 => format!("a token of {identity}"),
            _ => format!("{count} tokens of {identity}"),
        };
        match (how, count) {
            (How::Made, _) if !id.starts_with("JTI=") => {
                format!("{} that {by} asked for, whose ids the log has not", tokens())
            }
            (How::Made, 1) => format!("{} that {by} had made ({id})", tokens()),
            (How::Made, _) => format!("{} that {by} had made (the last to end: {id})", tokens()),
            (How::Signed, _) => format!("a certificate of {identity} that {by} had signed ({id})"),
            (How::Read, _) => {
                format!("the token of {identity} in {id}, which {by} read and may have copied")
            }
            (How::ReadEarlier, _) => format!(
                "the token of {identity} in {id}, which is the one that {by} read there before it was \
                 made anew, and may have copied, where the signing key is an RSA key"
            ),
            (How::Created, _) => {
                format!("the token of {identity} in {id}, which {by} made and may have read")
            }
            (How::Listed, 1) => {
                format!("the token of {identity} in {id}, which {by} listed and may have copied")
            }
            (How::Listed, _) => format!(
                "the tokens in {} that {by} listed and may have copied, the strongest of {identity} \
                 ({id})",
                counted(*count, "Secret")
            ),
        }
    }

    /// Until when it is good, as far as that is known.
    pub fn until(&self) -> String {
        let good = match self.credential.standing {
            Standing::Good => "good",
            _ => "perhaps good",
        };
        match &self.credential.expires {
            Expires::At(at) => format!("{good} until {} UTC", at.format("%Y-%m-%d %H:%M")),
            Expires::Never => format!("{good} without an end"),
            Expires::NotKnown(why) => format!("{good}, until when is not known: {why}"),
        }
    }
}

/// What is known of what those have in hand, the strongest first.
pub(super) fn known(book: &Book, whose: BTreeSet<Identity>) -> Vec<InHand> {
    Hands { book, whose: Some(whose), known: BTreeMap::new(), found: Vec::new() }.all()
}

/// What anybody has in hand, the strongest first.
pub fn all_in_hand(book: &Book) -> Vec<InHand> {
    Hands { book, whose: None, known: BTreeMap::new(), found: Vec::new() }.all()
}

/// The times of objects are whole seconds…
const SECOND: TimeDelta = TimeDelta::seconds(1);

/// …and admission may take its time until one is made: for a webhook the API server waits so long by default
/// (`pkg/apis/admissionregistration/v1/defaults.go`).
const MAKING: TimeDelta = TimeDelta::seconds(10);

/// What is looked for, and what was found of it.
struct Hands<'b> {
    book: &'b Book,
    /// Of whom; None: of everybody.
    whose: Option<BTreeSet<Identity>>,
    /// Credentials of those that were looked at.
    known: BTreeMap<Identity, Vec<Credential>>,
    found: Vec<InHand>,
}

impl Hands<'_> {
    fn all(mut self) -> Vec<InHand> {
        let book = self.book;
        if let Some(log) = book.activity.as_deref().filter(|_| book.log.is_whole()) {
            self.tokens(log);
            self.secrets(log);
        }
        self.certificates();
        self.found.sort_by_cached_key(|one| {
            let credential = &one.credential;
            let tier = std::cmp::Reverse(strength(book, credential));
            (tier, one.by.clone(), one.how, credential.identity.clone(), credential.id.clone())
        });
        self.found
    }

    /// Nodes are left out: kubelets have tokens made for their pods all day, may have none of others
    /// (`NodeRestriction`), and what a node has of its pods is told where nodes are.
    fn wants(&self, who: &Identity) -> bool {
        let is_node = who.kind == SubjectKind::User && who.name.starts_with("system:node:");
        !is_node && self.whose.as_ref().is_none_or(|whose| whose.contains(who))
    }

    /// What may be taken of what authenticates somebody, with that id.
    fn credential(&mut self, of: &Identity, id: &str) -> Option<&Credential> {
        let all = self.known.entry(of.clone()).or_insert_with(|| {
            let mut all = gather(self.book, Only(Some(of)), true).credentials;
            all.retain(|one| one.standing.is_taken());
            all
        });
        all.iter().find(|one| *one.id == *id)
    }

    fn tell(&mut self, by: &Identity, how: How, credential: Credential, count: u64) {
        self.found.push(InHand { by: by.clone(), how, credential, count });
    }

    /// Tokens that they had made, and those that they asked for of which the log has no id.
    fn tokens(&mut self, log: &Activity) {
        let mut asked = self.asked(log);
        let mut made: BTreeMap<(Identity, Identity), BTreeSet<Name>> = BTreeMap::new();
        for (issued, _) in log.issued().iter() {
            for by in makers(issued).into_iter().filter(|by| self.wants(by)) {
                let key = (by.clone(), issued.account.clone());
                let ids = made.entry(key.clone()).or_default();
                if ids.insert(issued.credential.clone())
                    && let Some((count, _)) = asked.get_mut(&key)
                {
                    *count = count.saturating_sub(1);
                }
            }
        }
        for ((by, account), ids) in made {
            if by == account {
                continue;
            }
            // What ends them is told of each: those that end alike are one.
            let mut alike: BTreeMap<Name, (Credential, u64)> = BTreeMap::new();
            for id in ids {
                let Some(one) = self.credential(&account, &id) else { continue };
                let (longest, count) =
                    alike.entry(one.revoke.clone()).or_insert_with(|| (one.clone(), 0));
                *count += 1;
                if lasting(one) > lasting(longest) {
                    *longest = one.clone();
                }
            }
            for (credential, count) in alike.into_values() {
                self.tell(&by, How::Made, credential, count);
            }
        }
        for ((by, account), (count, last)) in asked {
            if count == 0 || by == account {
                continue;
            }
            let unknown = LastUse::NotKnown("which they are is not known");
            let mut one = unnamed::asked_for(account, count, &by.to_string(), &unknown);
            let tie = Tie { made: Some(last), ..Tie::default() };
            let account = standing::of_account(self.book, &one.identity, tie);
            one.standing = standing::weigh([account], one.standing);
            if one.standing.is_taken() {
                self.tell(&by, How::Made, one, count);
            }
        }
    }

    /// How many tokens of accounts they asked for, and when for the last one.
    fn asked(&self, log: &Activity) -> BTreeMap<(Identity, Identity), (u64, DateTime<Utc>)> {
        let calls: HashMap<CallId, Identity> = log
            .calls()
            .filter_map(|(id, call)| {
                let (namespace, name) = call.token_for()?;
                Some((id, Identity::service_account(namespace.clone(), name?.clone())))
            })
            .collect();
        let mut asked = BTreeMap::new();
        for row in self.rows(log, &calls) {
            let Some(account) = calls.get(&row.call) else { continue };
            for by in holders(log, row).into_iter().filter(|by| self.wants(by)) {
                let at = row.last_allowed.unwrap_or(row.last);
                let (count, last) = asked.entry((by.clone(), account.clone())).or_insert((0, at));
                *count += row.allowed;
                *last = at.max(*last);
            }
        }
        asked
    }

    /// Allowed requests of these calls whose answers came into their hands, and others'.
    fn rows<'l, T>(
        &self,
        log: &'l Activity,
        calls: &'l HashMap<CallId, T>,
    ) -> impl Iterator<Item = &'l Use> + use<'l, T> {
        let seen: BTreeSet<SeenId> = match &self.whose {
            _ if calls.is_empty() => BTreeSet::new(),
            None => log.identities().map(|(id, _)| id).collect(),
            Some(whose) => {
                let own = whose.iter().filter_map(|who| log.seen(who));
                own.flat_map(|id| log.impersonators(id).iter().copied().chain([id])).collect()
            }
        };
        seen.into_iter()
            .flat_map(move |id| log.by_authenticated(id))
            .filter(move |row| row.allowed > 0 && calls.contains_key(&row.call))
    }

    /// Tokens in Secrets that they read, made or listed since the Secrets are there.
    fn secrets(&mut self, log: &Activity) {
        let calls: HashMap<CallId, Sight> =
            log.calls().filter_map(|(id, call)| Some((id, Sight::of(call)?))).collect();
        let mut seen: BTreeMap<(Identity, Sight), BTreeSet<DateTime<Utc>>> = BTreeMap::new();
        for row in self.rows(log, &calls) {
            let Some(sight) = calls.get(&row.call) else { continue };
            for by in holders(log, row).into_iter().filter(|by| self.wants(by)) {
                let times = seen.entry((by.clone(), sight.clone())).or_default();
                times.extend([row.first, row.last_allowed.unwrap_or(row.last)]);
            }
        }
        let mut told: BTreeSet<(Identity, Name)> = BTreeSet::new();
        let mut listed: BTreeMap<Identity, BTreeMap<Name, Credential>> = BTreeMap::new();
        // By name before lists, and reading before making.
        for ((by, sight), times) in &seen {
            for (id, account, how) in self.tokens_in(sight, times) {
                if account == *by || told.contains(&(by.clone(), id.clone())) {
                    continue;
                }
                let Some(credential) = self.credential(&account, &id).cloned() else { continue };
                match how {
                    How::Listed => {
                        listed.entry(by.clone()).or_default().insert(id, credential);
                    }
                    how => {
                        told.insert((by.clone(), id));
                        self.tell(by, how, credential, 1);
                    }
                }
            }
        }
        let book = self.book;
        for (by, mut all) in listed {
            all.retain(|id, _| !told.contains(&(by.clone(), id.clone())));
            let count = all.len() as u64;
            let strongest = all.into_values().max_by_key(|one| strength(book, one));
            if let Some(credential) = strongest {
                self.tell(&by, How::Listed, credential, count);
            }
        }
    }

    /// The token Secrets that requests of these times showed, with their accounts, and how.
    fn tokens_in(
        &self,
        sight: &Sight,
        times: &BTreeSet<DateTime<Utc>>,
    ) -> Vec<(Name, Identity, How)> {
        let all = &self.book.snapshot.objects.secrets;
        let from = match sight.namespace() {
            Some(namespace) => (namespace.clone(), sight.name().cloned().unwrap_or_default()),
            None => Default::default(),
        };
        all.range(from..)
            .take_while(|((namespace, name), _)| {
                sight.namespace().is_none_or(|of| of == namespace)
                    && sight.name().is_none_or(|of| of == name)
            })
            .filter(|(_, secret)| &*secret.type_ == TYPE)
            .filter_map(|((namespace, name), secret)| {
                let account = secret.meta.annotations.get(ACCOUNT)?.clone();
                let account = Identity::service_account(namespace.clone(), account);
                let how = self.showed(sight, times, &account, secret.meta.creation_timestamp)?;
                Some((format!("secret {namespace}/{name}").into(), account, how))
            })
            .collect()
    }

    /// How requests of these times showed the token of an account in a Secret that was made then.
    fn showed(
        &self,
        sight: &Sight,
        times: &BTreeSet<DateTime<Utc>>,
        account: &Identity,
        made: Option<DateTime<Utc>>,
    ) -> Option<How> {
        let last = times.last()?;
        match (sight.how(), sight.name(), made) {
            // What is made says in no request for it what it is called: the time tells.
            (How::Created, None, None) => None,
            (How::Created, None, Some(made)) => {
                let is_its = |at: &DateTime<Utc>| (-SECOND..=MAKING).contains(&(made - *at));
                times.iter().any(is_its).then_some(How::Created)
            }
            (How::Read, _, Some(made)) if made > *last => {
                let key = (account.namespace.clone()?, account.name.clone());
                let there = self.book.snapshot.objects.service_accounts.get(&key)?;
                let same = there.meta.creation_timestamp.is_none_or(|made| made <= *last);
                same.then_some(How::ReadEarlier)
            }
            (how, _, made) => made.is_none_or(|made| made <= *last).then_some(how),
        }
    }

    /// Certificates of others that they asked for. The requests live for an hour.
    fn certificates(&mut self) {
        let book = self.book;
        for csr in book.snapshot.objects.csrs.values() {
            let by = Identity::from_user_name(&csr.requester);
            if !self.wants(&by) {
                continue;
            }
            let Some((whose, id)) = certificate::given(csr).filter(|(whose, _)| *whose != by)
            else {
                continue;
            };
            let told = |one: &InHand| one.by == by && one.credential.id == id;
            if let Some(credential) = self.credential(&whose, &id).cloned()
                && !self.found.iter().any(told)
            {
                self.tell(&by, How::Signed, credential, 1);
            }
        }
    }
}

/// Which Secrets a request shows, by how.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sight {
    Read(Name, Name),
    /// In a namespace; by a name where that was kept.
    Created(Name, Option<Name>),
    /// Of a namespace, or all.
    Listed(Option<Name>),
}

impl Sight {
    /// An `update` is answered with what was sent, and shows nothing; a `patch` is answered with the
    /// Secret. Of names that were too many to keep, each may be it.
    fn of(call: &Call) -> Option<Self> {
        let Target::Resource { group, resource, subresource, namespace, name, names_folded } =
            &call.target
        else {
            return None;
        };
        if !(group.is_empty() && &**resource == "secrets" && subresource.is_empty()) {
            return None;
        }
        let place = || Some((namespace.clone()?, name.clone()?));
        match &*call.verb {
            _ if call.implied == Implied::NoToken => None,
            "get" | "patch" | "list" | "watch" if *names_folded => {
                Some(Self::Listed(namespace.clone()))
            }
            "get" | "patch" => place().map(|(namespace, name)| Self::Read(namespace, name)),
            "create" => Some(Self::Created(namespace.clone()?, name.clone())),
            "list" | "watch" => Some(match place() {
                Some((namespace, name)) => Self::Read(namespace, name),
                None => Self::Listed(namespace.clone()),
            }),
            _ => None,
        }
    }

    fn how(&self) -> How {
        match self {
            Self::Read(..) => How::Read,
            Self::Created(..) => How::Created,
            Self::Listed(_) => How::Listed,
        }
    }

    fn namespace(&self) -> Option<&Name> {
        match self {
            Self::Read(namespace, _) | Self::Created(namespace, _) => Some(namespace),
            Self::Listed(namespace) => namespace.as_ref(),
        }
    }

    fn name(&self) -> Option<&Name> {
        match self {
            Self::Read(_, name) => Some(name),
            Self::Created(_, name) => name.as_ref(),
            Self::Listed(_) => None,
        }
    }
}

/// Who has a token that was made: who asked for it, and in whose name an account did.
fn makers(issued: &Issued) -> BTreeSet<&Identity> {
    BTreeSet::from([&issued.by, issued.maker()])
}

/// Who has the answer to a request: alike.
pub(super) fn holders<'l>(log: &'l Activity, row: &Use) -> BTreeSet<&'l Identity> {
    let by = log.identity(row.authenticated);
    let in_name = Some(log.identity(row.effective));
    let in_name = in_name.filter(|_| by.kind == SubjectKind::ServiceAccount);
    in_name.into_iter().chain([by]).collect()
}

/// How long one lasts: what has no end before what has none that is known.
fn lasting(one: &Credential) -> (u8, Option<DateTime<Utc>>) {
    match one.expires {
        Expires::Never => (2, None),
        Expires::NotKnown(_) => (1, None),
        Expires::At(at) => (0, Some(at)),
    }
}
