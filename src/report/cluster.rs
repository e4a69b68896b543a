//! What an answer stands on: which clusters, how whole their lists are, what the log covers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::identity::Names;
use crate::book::Book;
use crate::findings;
use crate::model::{self, ListKind, Name, Policy};
use crate::rbac::bootstrap::ChosenBy;

/// What an answer stands on.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The clusters, in the order in which they were named.
    pub clusters: Vec<Cluster>,
    /// Whether every list that this answer reads is known, and the log covers what was required.
    pub complete: bool,
    /// Why not, list by list; empty where it is complete.
    pub missing: Vec<Missing>,
    /// The moment of the answer, UTC.
    pub as_of: Option<DateTime<Utc>>,
    /// What decided the verdicts.
    pub policy: Policy,
    /// What the log covers; None where there is no log.
    pub coverage: Option<Coverage>,
    /// Of `who-can`: users whose groups are not known and who may be able to by one of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<Undecided>,
    /// Of `findings`: rules that could not be judged, or not of everybody.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_judged: Vec<NotJudged>,
    /// What has to be said beside the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Rules of findings that rest on what is lacking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NotJudged {
    /// Id of the cluster.
    pub cluster: Name,
    /// The list, or that it is an audit log.
    pub lacks: &'static str,
    /// How that stands.
    pub why: String,
    /// The rules.
    pub rules: Vec<&'static str>,
}

impl NotJudged {
    /// What is not judged of a cluster.
    pub fn of(book: &Book) -> impl Iterator<Item = Self> {
        let cluster = book.snapshot.cluster.id.clone();
        findings::not_judged(book).into_iter().map(move |one| Self {
            cluster: cluster.clone(),
            lacks: one.lacks,
            why: one.why,
            rules: one.rules,
        })
    }
}

/// Somebody of whom it is not known whether they can.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Undecided {
    /// Id of the cluster.
    pub cluster: Name,
    /// Who.
    pub identity: Names,
}

/// A cluster, and how it was read.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// UID of the kube-system namespace, where known.
    pub id: Name,
    /// Short name.
    pub name: Name,
    /// `v1.36.3`; None where it is not known.
    pub server_version: Option<Name>,
    /// The API server's own policy by which grants are told to be its own; None where that was not
    /// looked at.
    pub bootstrap_policy: Option<BootstrapPolicy>,
    /// When its objects were read, UTC; None where files do not say.
    pub taken_at: Option<DateTime<Utc>>,
    /// Signs of authorizers beside RBAC: a "no" is then one by RBAC only.
    pub authorizers: Vec<Name>,
    /// Every list with its health.
    pub lists: Vec<List>,
    /// Inputs that could not be read.
    pub broken: Vec<model::BrokenInput>,
    /// Objects of other kinds among the inputs, by `apiVersion/kind`.
    pub passed: BTreeMap<Name, u64>,
    /// Objects that were given more than once; the newest counts.
    pub repeated: u64,
}

/// Which of the API servers' own policies a cluster is measured by.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BootstrapPolicy {
    /// The Kubernetes version that installs it, `v1.36.3`.
    pub version: Name,
    /// How it was come by.
    pub by: ChosenBy,
}

impl BootstrapPolicy {
    /// The policy by which a Book tells what is the API server's own.
    pub fn of(book: &Book) -> Option<Self> {
        let chosen = book.installed()?;
        Some(Self { version: chosen.policy.version.clone(), by: chosen.by })
    }

    /// What has to be said of it, `server` being the server's version; None where it is the server's.
    pub fn words(&self, server: Option<&str>) -> Option<String> {
        match (self.by, server) {
            (ChosenBy::Nearest, Some(server)) => Some(format!(
                "what the API server installs by itself is not known for its version, {server}: \
                 that of {} is taken",
                self.version
            )),
            _ => None,
        }
    }
}

/// A list with its health.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct List {
    /// The resource.
    pub list: &'static str,
    /// How much of it is known.
    pub health: &'static str,
    /// Why it is not complete.
    pub reason: Option<Name>,
    /// For a partial list: the namespaces that were listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<Name>,
    /// Objects in it.
    pub count: u64,
}

/// A list that the answer reads and that is not whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// Id of the cluster.
    pub cluster: Name,
    /// The list; `audit log` for coverage that was required.
    pub list: &'static str,
    /// The namespace that it was read for; None: all of it.
    pub namespace: Option<Name>,
    /// How much of it is known.
    pub health: &'static str,
    /// Why it is not whole.
    pub reason: Option<Name>,
}

/// What the log covers. All times UTC.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// The earliest request.
    pub from: Option<DateTime<Utc>>,
    /// The latest request.
    pub to: Option<DateTime<Utc>>,
    /// The time between, in whole days, gaps taken out.
    pub days: i64,
    /// Distinct requests.
    pub events: u64,
    /// Lines read, stages and repeats included.
    pub lines: u64,
    /// Lines that repeated a request.
    pub repeats: u64,
    /// Requests of days whose index is no longer kept: they moved dates, and counted nothing.
    pub late: u64,
    /// Stretches without any event, oldest first.
    pub gaps: Vec<model::Gap>,
    /// Gaps beyond those in `gaps`.
    pub gaps_left_out: u64,
    /// Requests answered 401.
    pub unauthenticated: u64,
    /// Requests of identities that were too many to keep: the ones seen longest ago.
    pub identities_left_out: u64,
    /// Requests of which only their arrival was seen.
    pub received_only: u64,
    /// Whether reads are in the log, and not only those of few kinds.
    pub reads_logged: bool,
    /// The first read.
    pub reads_from: Option<DateTime<Utc>>,
    /// The last read.
    pub reads_to: Option<DateTime<Utc>>,
    /// Whether the authorizer's decisions are.
    pub decisions_logged: bool,
    /// Whether groups are.
    pub groups_logged: bool,
    /// Events of somebody that carried no groups.
    pub without_groups: u64,
    /// Events that were cut on their way, read as far as they went.
    pub cut: u64,
    /// Lines by audit level.
    pub levels: BTreeMap<Name, u64>,
    /// Lines that could not be read, by reason, with the first of each.
    pub unreadable: BTreeMap<Name, model::Unreadable>,
    /// What carriers hold beside audit events.
    pub passed: BTreeMap<Name, model::Unreadable>,
    /// What events came in, if not as the API server writes them.
    pub carriers: BTreeMap<Name, u64>,
    /// What these leave out, whatever the audit policy.
    pub losses: Vec<Loss>,
    /// Clusters that carriers name.
    pub clusters: BTreeMap<Name, u64>,
    /// API servers.
    pub servers: Servers,
    /// The sources.
    pub sources: Vec<Name>,
    /// What came from activity summaries; left out where nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summaries: Option<model::Summaries>,
}

/// Something that a carrier leaves out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Loss {
    /// What events came in.
    pub carrier: &'static str,
    /// What is not in it.
    pub what: &'static str,
}

/// The API servers whose log it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Servers {
    /// By the leases that they renew, each in its own log.
    pub by_lease: Vec<model::Server>,
    /// Servers, log streams, pods or nodes that carriers name.
    pub by_stream: Vec<model::Server>,
    /// Whether the log of one is missing.
    pub missing: bool,
}

impl Coverage {
    /// What the log of a Book covers: reads of few kinds are not the reads.
    fn of(book: &Book) -> Option<Self> {
        let mut coverage = Self::from(book.coverage()?);
        coverage.reads_logged &= book.logs_reads();
        Some(coverage)
    }
}

impl From<&model::Coverage> for Coverage {
    fn from(of: &model::Coverage) -> Self {
        Self {
            from: of.from,
            to: of.to,
            days: of.days(),
            events: of.events,
            lines: of.lines,
            repeats: of.repeats,
            late: of.late,
            gaps: of.gaps.clone(),
            gaps_left_out: of.gaps_left_out,
            unauthenticated: of.unauthenticated,
            identities_left_out: of.identities_left_out,
            received_only: of.received_only,
            reads_logged: of.reads_logged,
            reads_from: of.reads_from,
            reads_to: of.reads_to,
            decisions_logged: of.decisions_logged,
            groups_logged: of.groups_logged,
            without_groups: of.without_groups,
            cut: of.cut,
            levels: of.levels.clone(),
            unreadable: of.unreadable.clone(),
            passed: of.passed.clone(),
            carriers: of.carriers.clone(),
            losses: of.losses().map(|(carrier, what)| Loss { carrier, what }).collect(),
            clusters: of.clusters.clone(),
            servers: Servers {
                by_lease: of.api_servers.clone(),
                by_stream: of.streams.clone(),
                missing: of.lacks_server(),
            },
            sources: of.sources.clone(),
            summaries: of.summaries.clone(),
        }
    }
}

impl Cluster {
    /// What a Book was made of, and the authorizers that it knows of.
    pub fn of(book: &Book) -> Self {
        Self {
            authorizers: book.authorizers(),
            bootstrap_policy: BootstrapPolicy::of(book),
            ..Self::from(&*book.snapshot)
        }
    }
}

impl From<&model::Snapshot> for Cluster {
    fn from(of: &model::Snapshot) -> Self {
        Self {
            id: of.cluster.id.clone(),
            name: of.cluster.name.clone(),
            server_version: of.cluster.server_version.clone(),
            bootstrap_policy: None,
            taken_at: of.taken_at,
            authorizers: of.cluster.authorizers.clone(),
            lists: ListKind::ALL
                .into_iter()
                .map(|kind| {
                    let state = of.list(kind);
                    List {
                        list: kind.as_str(),
                        health: state.health.as_str(),
                        reason: state.reason,
                        namespaces: state.namespaces,
                        count: state.count,
                    }
                })
                .collect(),
            broken: of.broken.clone(),
            passed: of.passed.clone(),
            repeated: of.repeated,
        }
    }
}

impl Metadata {
    /// Groups, each with what the policy calls it.
    pub(super) fn group_words(&self, groups: &[Name]) -> String {
        let words = groups.iter().map(|group| match self.policy.group_names.get(group) {
            Some(known) => format!("{group} ({known})"),
            None => group.to_string(),
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// What an answer over these Books stands on, `missing` being all that it lacks.
    pub fn of(books: &[std::sync::Arc<Book>], missing: Vec<Missing>) -> Self {
        Self {
            clusters: books.iter().map(|book| Cluster::of(book)).collect(),
            complete: missing.is_empty(),
            missing,
            as_of: books.iter().map(|book| book.now).max(),
            policy: books.first().map(|book| (*book.policy).clone()).unwrap_or_default(),
            coverage: books.iter().find_map(|book| Coverage::of(book)),
            ..Self::default()
        }
    }

    /// The short name of a cluster, by its id.
    pub fn cluster_name(&self, id: &str) -> Name {
        self.clusters
            .iter()
            .find(|cluster| &*cluster.id == id)
            .map_or_else(|| id.into(), |cluster| cluster.name.clone())
    }
}
