//! What there is of one sort over everything that is listed: findings, credentials, grants.

use std::cmp::Reverse;
use std::sync::Arc;

use super::state::{FeedId, Who};
use super::terms;
use super::widgets::Scroll;
use super::words;
use crate::book::{Book, Finding, Grant, GrantId, GrantKey, RoleState, Tier};
use crate::credentials::{self, Credential};
use crate::model::{Identity, Name};
use crate::reach::{Lost, Reach};
use crate::report::undoing;

/// Of what sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sort {
    /// Everything that is wrong.
    Findings,
    /// Every credential that is known to be out.
    Credentials,
    /// Every grant.
    Grants,
    /// Every grant without which some can become less.
    Cuts,
}

/// Rows of one sort, the worst first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    /// What is wrong.
    Findings(Arc<[FindingRow]>),
    /// Credentials.
    Credentials(Arc<[CredentialRow]>),
    /// Grants.
    Grants(Arc<[GrantRow]>),
    /// Grants to cut.
    Cuts(Arc<[CutRow]>),
}

/// A screen of them.
#[derive(Clone, Debug)]
pub struct Whole {
    /// Of what sort.
    pub sort: Sort,
    /// Words that a row must hold.
    pub filter: String,
    /// The rows; None while they are put together.
    pub rows: Option<Rows>,
    /// Where the cursor is.
    pub scroll: Scroll,
    /// The number of the newest rows asked for.
    pub tag: u64,
    /// Of which Books they are.
    pub of: Vec<(FeedId, u64)>,
    /// What takes long to work out and is filtered here: all grants to cut.
    pub cuts: Option<Arc<[CutRow]>>,
}

/// A finding in the list of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingRow {
    /// Who it is about.
    pub who: Who,
    /// What.
    pub finding: Finding,
}

/// A credential in the list of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRow {
    /// Of which cluster.
    pub feed: FeedId,
    /// Whom it authenticates, where the list has that identity.
    pub who: Option<Who>,
    /// How strong that is.
    pub tier: Tier,
    /// The credential.
    pub credential: Credential,
}

/// A grant in the list of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    /// Of which cluster.
    pub feed: FeedId,
    /// Which.
    pub id: GrantId,
    /// To whom, where the list has that identity.
    pub who: Option<Who>,
    /// How strong it makes them.
    pub tier: Tier,
}

/// A grant without which some can become less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutRow {
    /// Of which cluster.
    pub feed: FeedId,
    /// Which.
    pub id: GrantId,
    /// Which that is.
    pub key: GrantKey,
    /// Its role's name.
    pub role: Name,
    /// To whom, where the list has that identity.
    pub who: Option<Who>,
    /// How many lose a way to cluster-admin.
    pub admins: usize,
    /// Who would put the subject back, and how soon, in words.
    pub kept_by: Option<String>,
    /// Who can become less without it, and how strong before and then, in words.
    pub loses: Vec<(Identity, String)>,
    /// Of how many of those the way is closed: they cannot become more any more than they are.
    pub closed: usize,
}

impl CutRow {
    fn holds(&self, filter: &str) -> bool {
        let text = || {
            let names = self.loses.iter().map(|(who, ..)| who.to_string());
            let names = names.collect::<Vec<_>>().join(" ");
            format!("{} {} {} {names}", words::binding(&self.key), self.key.subject, self.role)
        };
        filter.is_empty()
            || terms::keeps(filter, text, |key, value| {
                terms::cut(&self.key, &self.role, key, value)
            })
    }
}

impl Rows {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Findings(rows) => rows.len(),
            Self::Credentials(rows) => rows.len(),
            Self::Grants(rows) => rows.len(),
            Self::Cuts(rows) => rows.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Whole {
    /// A screen whose rows are on their way.
    pub fn new(sort: Sort) -> Self {
        Self {
            sort,
            filter: String::new(),
            rows: None,
            scroll: Scroll::default(),
            tag: 0,
            of: Vec::new(),
            cuts: None,
        }
    }

    /// Takes over rows as they were worked out.
    pub fn take(&mut self, rows: Rows) {
        match rows {
            Rows::Cuts(all) => {
                self.cuts = Some(all);
                self.filter_cuts();
            }
            rows => self.rows = Some(rows),
        }
    }

    /// Filters the grants to cut; false where they are not known.
    pub fn filter_cuts(&mut self) -> bool {
        let Some(all) = &self.cuts else { return false };
        let kept = all.iter().filter(|row| row.holds(&self.filter)).cloned();
        self.rows = Some(Rows::Cuts(kept.collect()));
        true
    }

    /// How many rows are known.
    pub fn len(&self) -> usize {
        self.rows.as_ref().map_or(0, Rows::len)
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Puts the rows together that hold every word of a filter.
pub fn gather(sort: Sort, books: &[(FeedId, Arc<Book>)], filter: &str) -> Rows {
    match sort {
        Sort::Findings => Rows::Findings(findings(books, filter).into()),
        Sort::Credentials => Rows::Credentials(all_credentials(books, filter).into()),
        Sort::Grants => Rows::Grants(grants(books, filter).into()),
        Sort::Cuts => Rows::Cuts(cuts(books).into()),
    }
}

fn findings(books: &[(FeedId, Arc<Book>)], filter: &str) -> Vec<FindingRow> {
    let mut rows = Vec::new();
    for (feed, book) in books {
        for entry in book.entries() {
            let who = Who { feed: *feed, id: entry.id };
            let found = entry.findings.iter().filter(|finding| wants(finding, filter));
            rows.extend(found.map(|finding| FindingRow { who, finding: finding.clone() }));
        }
    }
    rows.sort_by(|a, b| {
        let (a, b) = (&a.finding, &b.finding);
        b.severity
            .cmp(&a.severity)
            .then_with(|| a.rule.cmp(b.rule))
            .then_with(|| a.identity.cmp(&b.identity))
            .then_with(|| a.evidence.cmp(&b.evidence))
    });
    rows
}

fn wants(finding: &Finding, filter: &str) -> bool {
    let Finding { severity, rule, identity, evidence, .. } = finding;
    let text = || format!("{} {rule} {identity} {evidence}", severity.as_str());
    filter.is_empty()
        || terms::keeps(filter, text, |key, value| terms::finding(finding, key, value))
}

fn all_credentials(books: &[(FeedId, Arc<Book>)], filter: &str) -> Vec<CredentialRow> {
    let mut rows = Vec::new();
    for (feed, book) in books {
        for credential in credentials::inventory(book).credentials {
            let text = || {
                let Credential { identity, kind, id, standing, .. } = &credential;
                format!("{identity} {} {id} {}", kind.as_str(), standing.as_str())
            };
            let entry = book.find(&credential.identity);
            let tier = credentials::strength(book, &credential);
            let has = |key: &str, value: &str| terms::credential(&credential, tier, key, value);
            if !filter.is_empty() && !terms::keeps(filter, text, has) {
                continue;
            }
            rows.push(CredentialRow {
                feed: *feed,
                who: entry.map(|entry| Who { feed: *feed, id: entry.id }),
                tier,
                credential,
            });
        }
    }
    rows.sort_by_cached_key(|row| credentials::risk(&row.credential, row.tier));
    rows
}

/// By what they give, then those that were not credited for longest. What the API server itself
/// installs comes last.
fn grants(books: &[(FeedId, Arc<Book>)], filter: &str) -> Vec<GrantRow> {
    let mut rows = Vec::new();
    for (feed, book) in books {
        for grant in book.grants() {
            let has = |key: &str, value: &str| terms::grant(grant, book.tier_of(grant), key, value);
            if !filter.is_empty() && !terms::keeps(filter, || grant_text(book, grant), has) {
                continue;
            }
            let to = book.find(&grant.key.subject);
            let row = GrantRow {
                feed: *feed,
                id: grant.id,
                who: to.map(|entry| Who { feed: *feed, id: entry.id }),
                tier: book.tier_of(grant),
            };
            let order = (grant.bootstrap, Reverse(row.tier), grant.last_credited);
            rows.push((order, grant.key.clone(), row));
        }
    }
    rows.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    rows.into_iter().map(|(.., row)| row).collect()
}

/// All of them, what takes most ways to cluster-admin first; they are filtered where they are shown.
fn cuts(books: &[(FeedId, Arc<Book>)]) -> Vec<CutRow> {
    let mut rows = Vec::new();
    for (feed, book) in books {
        let reach = Reach::new(book);
        for cut in reach.cuts(&reach.all()) {
            let Some(grant) = book.grant(cut.grant) else { continue };
            let lost = |lost: &Lost| Some((book.entry(lost.id)?.identity.clone(), lost.words()));
            let to = book.find(&grant.key.subject);
            rows.push(CutRow {
                feed: *feed,
                id: grant.id,
                key: grant.key.clone(),
                role: grant.role_ref.name.clone(),
                who: to.map(|entry| Who { feed: *feed, id: entry.id }),
                admins: cut.admins(),
                kept_by: undoing::cut_words(&undoing::of_cut(&book.snapshot, grant)),
                loses: cut.loses.iter().filter_map(lost).collect(),
                closed: cut.loses.iter().filter(|lost| lost.closes()).count(),
            });
        }
    }
    rows.sort_by_key(|row| Reverse((row.admins, row.loses.len())));
    rows
}

fn grant_text(book: &Book, grant: &Grant) -> String {
    let state = match book.role_state(grant) {
        RoleState::Exists => "",
        RoleState::Missing => "dangling",
        RoleState::NotKnown => "unknown",
    };
    let built_in = if grant.bootstrap { "built in" } else { "" };
    format!(
        "{} {} {} {} {} {} {} {state} {built_in}",
        grant.key.binding_kind,
        grant.key.binding,
        grant.role_ref.kind,
        grant.role_ref.name,
        words::full(&grant.key.subject),
        words::scope(&grant.scope),
        book.tier_of(grant).as_str(),
    )
}
