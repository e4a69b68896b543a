//! An identity as a row: who, how strong, when last seen.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::finding::FixPart;
use super::{Cell, Column, CredentialRow, Metadata, ReachPart, Tabular, age, exact};
use crate::book::{
    Access, Book, Entry, Existence, GroupSource, Hint, HintSource, IdentityActivity,
    ImpersonatedBy, SeenCredential,
};
use crate::credentials;
use crate::model::{Identity, Name, SubjectKind, distinct};
use crate::query::Seen;

/// Who, in the fields of a binding's subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Names {
    /// `User`, `Group` or `ServiceAccount`.
    pub kind: &'static str,
    /// The name.
    pub name: Name,
    /// Of a `ServiceAccount` only.
    pub namespace: Option<Name>,
}

impl Names {
    /// As the command line takes it.
    pub(super) fn text(&self) -> String {
        match (self.kind, &self.namespace) {
            ("Group", _) => format!("group:{}", self.name),
            ("ServiceAccount", Some(namespace)) => format!("sa:{namespace}/{}", self.name),
            _ => format!("user:{}", self.name),
        }
    }
}

impl From<&Identity> for Names {
    fn from(of: &Identity) -> Self {
        Self { kind: of.kind.as_str(), name: of.name.clone(), namespace: of.namespace.clone() }
    }
}

/// A group of an identity, with where that is known from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupRow {
    /// The group.
    pub name: Name,
    /// `implicit`, `log`, `certificate`, `cloudMapping`, `bootstrapToken` or `given`.
    pub source: GroupSource,
    /// When it was last seen on a request, UTC.
    pub last_seen: Option<DateTime<Utc>>,
}

/// What the log shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityRow {
    /// allowed + denied + undecided.
    pub requests: u64,
    /// The authorizer said yes.
    pub allowed: u64,
    /// It said no.
    pub denied: u64,
    /// Not known.
    pub undecided: u64,
    /// First request, UTC.
    pub first_seen: Option<DateTime<Utc>>,
    /// Last request, UTC.
    pub last_seen: Option<DateTime<Utc>>,
    /// Last allowed request, UTC.
    pub last_allowed: Option<DateTime<Utc>>,
    /// Last allowed request that writes, UTC.
    pub last_write: Option<DateTime<Utc>>,
    /// Last-hop addresses, newest first.
    #[serde(rename = "sourceIPs")]
    pub source_ips: Vec<Name>,
    /// User agents, newest first.
    pub user_agents: Vec<Name>,
    /// Credentials presented, newest first.
    pub credentials: Vec<SeenCredential>,
    /// What was counted and not kept, by what it is.
    pub truncated: BTreeMap<Name, u64>,
    /// Requests made as somebody else, by whom.
    pub impersonated_as: BTreeMap<Name, u64>,
    /// Requests that others made as this identity, by who did.
    pub impersonated_by: BTreeMap<Name, ImpersonatedBy>,
}

/// The name under which the log has an identity.
fn logged(identity: &Identity) -> Name {
    identity.user_name().unwrap_or_else(|| identity.name.clone())
}

impl From<&IdentityActivity> for ActivityRow {
    fn from(of: &IdentityActivity) -> Self {
        Self {
            requests: of.requests,
            allowed: of.allowed,
            denied: of.denied,
            undecided: of.undecided,
            first_seen: of.first_seen,
            last_seen: of.last_seen,
            last_allowed: of.last_allowed,
            last_write: of.last_write,
            source_ips: of.addresses.iter().map(|seen| seen.value.clone()).collect(),
            user_agents: of.agents.iter().map(|seen| seen.value.clone()).collect(),
            credentials: of.credentials.clone(),
            truncated: of.truncated.clone(),
            impersonated_as: of
                .impersonated_as
                .iter()
                .map(|(identity, requests)| (logged(identity), *requests))
                .collect(),
            impersonated_by: of
                .impersonated_by
                .iter()
                .map(|(identity, by)| (logged(identity), by.clone()))
                .collect(),
        }
    }
}

/// A sign of life that the cluster shows without a log.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HintRow {
    /// Where from.
    pub source: HintSource,
    /// When, UTC; midnight where the source knows the day only.
    pub at: DateTime<Utc>,
    /// The object that shows it.
    pub object: Name,
    /// What it cannot tell.
    pub weakness: &'static str,
}

impl HintRow {
    /// The sign with its source, never to be taken for a log's word.
    pub(super) fn text(&self) -> String {
        match self.source {
            HintSource::LegacyTokenLastUsed => {
                format!("token label {}", self.at.format("%Y-%m-%d"))
            }
            HintSource::RunningPod => "pod running".to_owned(),
            HintSource::CertificateRequest => format!("asked for a certificate {}", exact(self.at)),
        }
    }
}

impl From<&Hint> for HintRow {
    fn from(of: &Hint) -> Self {
        Self {
            source: of.source,
            at: of.at,
            object: of.object.clone(),
            weakness: of.source.weakness(),
        }
    }
}

/// A finding as a part of its identity.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingPart {
    /// The rule.
    pub rule: &'static str,
    /// The word for it on screens.
    pub chip: &'static str,
    /// How bad.
    pub severity: &'static str,
    /// One sentence with figures.
    pub evidence: String,
    /// Whether it rests on what the log does not show.
    pub rests_on_coverage: bool,
    /// What would mend it.
    pub fix: FixPart,
}

/// Rule rows used of rule rows held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Used {
    /// Used; None where that is not known.
    pub rows: Option<u32>,
    /// Held.
    pub of: u32,
}

/// An identity.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityRow {
    /// Id of its cluster.
    pub cluster: Name,
    /// Who.
    pub identity: Names,
    /// What the policy calls a group whose name is an id.
    pub known_as: Option<Name>,
    /// For a service account, whether it exists; None where that is not known, or for users and
    /// groups, which are no objects.
    pub exists: Option<bool>,
    /// How strong.
    pub tier: &'static str,
    /// Whether it may be stronger: a list of bindings or of roles that concerns it is not whole, or it is
    /// a node, which another authorizer lets do more.
    pub tier_at_least: bool,
    /// Its groups.
    pub groups: Vec<GroupRow>,
    /// Whether these are all.
    pub groups_known: bool,
    /// What the log shows; None where there is no log or nothing in it.
    pub activity: Option<ActivityRow>,
    /// What the cluster shows without a log, newest first.
    pub hints: Vec<HintRow>,
    /// The credentials that are known for it, riskiest first; what lists and log lack is in
    /// `metadata`.
    pub credentials: Vec<CredentialRow>,
    /// What is wrong, worst first.
    pub findings: Vec<FindingPart>,
    /// Grants that hold for it.
    pub grants: usize,
    /// How much of what it holds it used.
    pub used: Used,
    /// What it can become; None where that was not asked for.
    pub reach: Option<ReachPart>,
    #[serde(skip)]
    pub(super) access: Access,
    #[serde(skip)]
    id: Identity,
    #[serde(skip)]
    last_seen: Cell,
}

impl IdentityRow {
    /// The row of an entry.
    pub fn new(book: &Book, entry: &Entry) -> Self {
        let access = book.access(entry);
        Self {
            access,
            tier_at_least: access.at_least,
            cluster: book.snapshot.cluster.id.clone(),
            identity: Names::from(&entry.identity),
            known_as: known_as(book, &entry.identity),
            exists: match entry.existence {
                Existence::Exists => Some(true),
                Existence::Missing => Some(false),
                Existence::NotKnown | Existence::NoObject => None,
            },
            tier: entry.tier.as_str(),
            groups: entry
                .groups
                .iter()
                .map(|group| GroupRow {
                    name: group.name.clone(),
                    source: group.source,
                    last_seen: group.last_seen,
                })
                .collect(),
            groups_known: entry.groups_known,
            activity: entry.activity.as_deref().map(ActivityRow::from),
            hints: entry.hints.iter().map(HintRow::from).collect(),
            credentials: Vec::new(),
            findings: entry
                .findings
                .iter()
                .map(|finding| FindingPart {
                    rule: finding.rule,
                    chip: finding.chip,
                    severity: finding.severity.as_str(),
                    evidence: finding.evidence.clone(),
                    rests_on_coverage: finding.rests_on_coverage,
                    fix: FixPart::of(book, &finding.fix),
                })
                .collect(),
            grants: entry.grants.len(),
            used: Used { rows: entry.used.map(|(rows, _)| rows), of: entry.held },
            reach: None,
            id: entry.identity.clone(),
            last_seen: last_seen(book, entry),
        }
    }

    /// The rows of several Books, in the order given.
    pub fn all<'a>(rows: impl IntoIterator<Item = (&'a Arc<Book>, &'a Arc<Entry>)>) -> Vec<Self> {
        let mut known: HashMap<*const Book, Credentials> = HashMap::new();
        rows.into_iter()
            .map(|(book, entry)| {
                let of_book = known.entry(Arc::as_ptr(book)).or_insert_with(|| inventory(book));
                let credentials = of_book.remove(&entry.identity).unwrap_or_default();
                Self::new(book, entry).with_credentials(credentials)
            })
            .collect()
    }

    /// The same with the credentials that are known for it.
    pub(super) fn with_credentials(self, credentials: Vec<CredentialRow>) -> Self {
        Self { credentials, ..self }
    }

    /// How strong it is, with how strong it can become: `namespace write → cluster-admin`.
    pub(super) fn access_text(&self) -> String {
        let arrow = self.reach.as_ref().map(ReachPart::arrow).unwrap_or_default();
        format!("{}{arrow}", self.access)
    }

    /// When it was last seen, in words.
    pub(super) fn last_seen(&self) -> &Cell {
        &self.last_seen
    }

    /// Its name, and what the policy calls it.
    pub(super) fn called(&self) -> String {
        called(self.name(), self.known_as.as_deref())
    }

    /// Rule rows used of rule rows held, `3/41`; `?/41` where use is not known.
    pub(super) fn used_text(&self) -> String {
        match self.used.rows {
            Some(rows) => format!("{rows}/{}", self.used.of),
            None => format!("?/{}", self.used.of),
        }
    }
}

/// A name with what the policy calls it: `group:0f9a6a43 (platform team)`.
pub(super) fn called(name: String, known_as: Option<&str>) -> String {
    match known_as {
        Some(known) => format!("{name} ({known})"),
        None => name,
    }
}

/// What the policy calls a group whose name is an id.
pub(super) fn known_as(book: &Book, identity: &Identity) -> Option<Name> {
    let group = identity.kind == SubjectKind::Group;
    book.policy.group_names.get(&identity.name).filter(|_| group).cloned()
}

type Credentials = HashMap<Identity, Vec<CredentialRow>>;

/// The credentials of everybody.
fn inventory(book: &Book) -> Credentials {
    let mut all = Credentials::new();
    for credential in credentials::inventory(book).credentials {
        let row = CredentialRow::new(book, &credential);
        all.entry(credential.identity).or_default().push(row);
    }
    all
}

/// When an entry was last seen: by the log, or in brackets by what the cluster shows.
fn last_seen(book: &Book, entry: &Entry) -> Cell {
    let ago = |time: DateTime<Utc>| age(book.now - time);
    match Seen::of(book, entry) {
        Seen::At(time) => Cell::exactly(ago(time), exact(time)).or_full(format!(
            "{} ({})",
            ago(time),
            exact(time)
        )),
        Seen::DeniedOnly(time) => Cell::exactly(format!("{} denied only", ago(time)), exact(time))
            .or_full(format!("{} denied only ({})", ago(time), exact(time))),
        Seen::InItsName(time) => Cell::exactly(format!("{} by others", ago(time)), exact(time))
            .or_full(format!("{} ago by others, in its name ({})", ago(time), exact(time))),
        Seen::NotIn(days) => {
            let days = if days < 1 { "<1".to_owned() } else { days.to_string() };
            let log = format!("not in {days}d of log");
            let sign = entry.hints.first().map(|hint| format!("{log} ({})", sign(hint)));
            Cell::exactly(log.clone(), "").or_full(sign.unwrap_or(log))
        }
        Seen::Sign(hint) => Cell::exactly(format!("({})", sign(hint)), "").or_full(format!(
            "no log ({}, {})",
            sign(hint),
            hint.object
        )),
        Seen::LeftOut => Cell::exactly("not known", "")
            .or_full("not known (the log names more identities than are kept)"),
        Seen::NotLogged => Cell::exactly("not known", "")
            .or_full("not known (the audit policy leaves its requests out of the log)"),
        Seen::Reading => Cell::exactly("…", ""),
        Seen::NoLog => Cell::exactly("no log", ""),
    }
}

/// A sign of life with its source.
fn sign(hint: &Hint) -> String {
    HintRow::from(hint).text()
}

impl Tabular for IdentityRow {
    const KIND: &'static str = "IdentityList";

    fn columns() -> Vec<Column> {
        vec![
            Column::new("CLUSTER", "cluster"),
            Column::new("IDENTITY", "identity").of_names(),
            Column::new("ACCESS", "tier"),
            Column::new("LAST SEEN", "lastSeen"),
            Column::new("USED", "used").right(),
            Column::new("FINDINGS", "findings"),
            Column::new("GRANTS", "grants").wide().right(),
            Column::new("REQUESTS", "requests").wide().right(),
            Column::new("DENIED", "denied").wide().right(),
            Column::new("LAST ALLOWED", "lastAllowed").wide(),
            Column::new("LAST WRITE", "lastWrite").wide(),
            Column::new("GROUPS", "groups").wide(),
            Column::new("ALL KNOWN", "groupsKnown").wide(),
            Column::new("CREDENTIALS", "credentials").wide(),
            Column::new("ADDRESSES", "addresses").wide(),
            Column::new("AGENTS", "agents").wide(),
            Column::new("REACHES", "reaches").for_programs(),
        ]
    }

    fn lines(&self, about: &Metadata) -> Vec<Vec<Cell>> {
        let activity = self.activity.as_ref();
        let count = |of: fn(&ActivityRow) -> u64| {
            Cell::new(activity.map_or_else(String::new, |activity| of(activity).to_string()))
        };
        let time = |of: fn(&ActivityRow) -> Option<DateTime<Utc>>| {
            let ago = |time| age(about.as_of.unwrap_or(time) - time);
            activity.and_then(of).map_or_else(Cell::default, |time| {
                Cell::exactly(format!("{} ({})", ago(time), exact(time)), exact(time))
            })
        };
        let chips = counted(self.findings.iter().map(|finding| finding.chip));
        let rules: Vec<&str> = self.findings.iter().map(|finding| finding.rule).collect();
        let groups: Vec<Name> = self.groups.iter().map(|group| group.name.clone()).collect();
        vec![vec![
            Cell::new(&*about.cluster_name(&self.cluster)),
            Cell::exactly(self.called(), self.name()),
            Cell::exactly(self.access_text(), self.tier),
            self.last_seen.clone(),
            Cell::new(self.used_text()),
            Cell::exactly(chips.join(", "), rules.join(";")),
            Cell::new(self.grants.to_string()),
            count(|activity| activity.requests),
            count(|activity| activity.denied),
            time(|activity| activity.last_allowed),
            time(|activity| activity.last_write),
            Cell::exactly(about.group_words(&groups), groups.join(";")),
            Cell::new(if self.groups_known { "yes" } else { "no" }),
            some(activity.map(|activity| {
                activity.credentials.iter().map(|credential| &*credential.id).collect()
            })),
            some(activity.map(|activity| names(&activity.source_ips))),
            some(activity.map(|activity| names(&activity.user_agents))),
            Cell::new(self.reach.as_ref().map_or("", |reach| reach.tier)),
        ]]
    }

    /// As other commands take it, each name another.
    fn name(&self) -> String {
        distinct(&self.id.to_string()).into_owned()
    }
}

/// Each once, in their order, with how often it is where that is more.
fn counted<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<(&str, usize)> = Vec::new();
    for word in words {
        match all.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => all.push((word, 1)),
        }
    }
    let told = |(word, count): (&str, usize)| match count {
        1 => word.to_owned(),
        _ => format!("{word} ({count})"),
    };
    all.into_iter().map(told).collect()
}

fn names(of: &[Name]) -> Vec<&str> {
    of.iter().map(|name| &**name).collect()
}

/// The first few of a list for a person, all of it for a program.
fn some(of: Option<Vec<&str>>) -> Cell {
    const SHOWN: usize = 2;
    let Some(all) = of else {
        return Cell::default();
    };
    let mut shown = all.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if all.len() > SHOWN {
        shown = format!("{shown}, +{} more", all.len() - SHOWN);
    }
    Cell::exactly(shown, all.join(";"))
}
