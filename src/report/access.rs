//! Who can do something, and by which ways: the answers of `can` and `who-can`.

use std::fmt::Write as _;

use serde::Serialize;

use super::cluster::Undecided;
use super::detail::{ScopePart, Via as GrantVia};
use super::identity::Names;
use super::{Cell, Column, Metadata, Report, Table, Tabular};
use crate::book::{Book, GrantId};
use crate::model::{Identity, Name, printable};
use crate::rbac::query::{self, Asker, Target, Via, Way};

/// What was asked, its words resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// The verb.
    pub verb: Name,
    /// API group; None for a path.
    pub api_group: Option<Name>,
    /// Plural resource.
    pub resource: Option<Name>,
    /// Subresource.
    pub subresource: Option<Name>,
    /// The path.
    #[serde(rename = "nonResourceURL")]
    pub non_resource_url: Option<Name>,
    /// The namespace asked about; None: every scope.
    pub namespace: Option<Name>,
    /// The object asked about; None: any.
    pub name: Option<Name>,
}

impl From<&query::Question> for Question {
    fn from(of: &query::Question) -> Self {
        let (api_group, resource, subresource, path) = match &of.target {
            Target::Path(path) => (None, None, None, Some(path.clone())),
            Target::Resource(target) => (
                Some(target.group.clone()),
                Some(target.resource.clone()),
                Some(target.subresource.clone()).filter(|sub| !sub.is_empty()),
                None,
            ),
        };
        Self {
            verb: of.verb.clone(),
            api_group,
            resource,
            subresource,
            non_resource_url: path,
            namespace: of.namespace.clone(),
            name: of.name.clone(),
        }
    }
}

/// One way to a yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WayRow {
    /// Where.
    pub scope: ScopePart,
    /// On which objects only; None: on every one.
    pub names: Option<Vec<Name>>,
    /// What it depends on besides.
    pub condition: Option<&'static str>,
    /// By which grant; None for `system:masters`, ahead of RBAC.
    pub via: Option<GrantVia>,
    /// The rules of the role that take part, counted from 0.
    pub rules: Vec<usize>,
}

impl WayRow {
    fn new(book: &Book, of: &Way) -> Self {
        let (via, rules) = match &of.via {
            Via::Masters => (None, Vec::new()),
            Via::Grant { grant, rules, .. } => {
                (book.grant(GrantId(*grant)).map(|grant| GrantVia::of(grant)), rules.clone())
            }
        };
        Self {
            scope: ScopePart { namespace: of.scope.namespace().cloned() },
            names: of.names.clone(),
            condition: of.condition.map(query::Condition::as_str),
            via,
            rules,
        }
    }

    fn scope_text(&self) -> String {
        self.scope.namespace.as_ref().map_or_else(|| "cluster".to_owned(), |ns| format!("in {ns}"))
    }

    fn names_text(&self) -> String {
        self.names.as_ref().map_or_else(|| "every".to_owned(), |names| names.join(","))
    }

    fn by(&self) -> String {
        self.via.as_ref().map_or_else(|| "group system:masters".to_owned(), GrantVia::binding_text)
    }
}

/// The columns of ways, without who.
fn way_columns() -> Vec<Column> {
    vec![
        Column::new("SCOPE", "scope"),
        Column::new("NAMES", "names"),
        Column::new("BY", "by"),
        Column::new("ROLE", "role"),
        Column::new("SUBJECT", "subject"),
        Column::new("CONDITION", "condition").at_need(),
    ]
}

fn way_cells(way: &WayRow) -> Vec<Cell> {
    let via = way.via.as_ref();
    vec![
        Cell::new(way.scope_text()),
        Cell::new(way.names_text()),
        Cell::new(way.by()),
        Cell::new(via.map_or_else(String::new, GrantVia::role_text)),
        Cell::new(via.map_or_else(String::new, |via| via.subject.text())),
        Cell::new(way.condition.unwrap_or_default()),
    ]
}

/// A line for each way; one all the same where there is none.
fn with_ways(head: &[Cell], ways: &[WayRow]) -> Vec<Vec<Cell>> {
    let line = |cells: Vec<Cell>| head.iter().cloned().chain(cells).collect();
    if ways.is_empty() {
        return vec![line(way_columns().iter().map(|_| Cell::default()).collect())];
    }
    ways.iter().map(|way| line(way_cells(way))).collect()
}

/// The answer to one `can`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessRow {
    /// Id of the cluster.
    pub cluster: Name,
    /// Who.
    pub identity: Names,
    /// The groups that were counted.
    pub groups: Vec<Name>,
    /// Whether these are all.
    pub groups_known: bool,
    /// What was asked.
    pub question: Question,
    /// Whether RBAC allows it, anywhere that was asked about.
    pub allowed: bool,
    /// Whether another authorizer is seen, so that a "no" is one by RBAC only.
    pub rbac_only: bool,
    /// Every way to a yes, cluster-wide ones first.
    pub ways: Vec<WayRow>,
    /// What has to be said beside it.
    pub notes: Vec<String>,
    #[serde(skip)]
    text: String,
    #[serde(skip)]
    verdict: &'static str,
}

impl AccessRow {
    /// The row of an answer; `certain` where more lists could not change it.
    pub fn new(
        book: &Book,
        asker: &Asker,
        question: &query::Question,
        of: &query::Can,
        certain: bool,
    ) -> Self {
        let authorizers = book.authorizers();
        let mut notes: Vec<String> = of.notes.iter().map(ToString::to_string).collect();
        if !of.allowed() && !authorizers.is_empty() {
            notes.push(format!(
                "no by RBAC, not known otherwise: {} may allow it",
                authorizers.join(", ")
            ));
        }
        Self {
            cluster: book.snapshot.cluster.id.clone(),
            identity: Names::from(&asker.identity),
            groups: asker.groups.clone(),
            groups_known: asker.groups_known,
            question: Question::from(question),
            allowed: of.allowed(),
            rbac_only: !authorizers.is_empty() || asker.identity.is_node(),
            ways: of.ways.iter().map(|way| WayRow::new(book, way)).collect(),
            notes,
            text: asker.identity.to_string(),
            verdict: match (of.allowed(), certain) {
                (true, _) => "yes",
                (false, false) => "no, as far as known",
                _ if !authorizers.is_empty() || asker.identity.is_node() => "no by RBAC",
                _ => "no",
            },
        }
    }
}

impl Tabular for AccessRow {
    const KIND: &'static str = "Access";

    fn columns() -> Vec<Column> {
        let mut columns = vec![
            Column::new("CLUSTER", "cluster"),
            Column::new("IDENTITY", "identity").of_names(),
            Column::new("ALLOWED", "allowed"),
        ];
        columns.extend(way_columns());
        columns
    }

    fn lines(&self, about: &Metadata) -> Vec<Vec<Cell>> {
        let head = vec![
            Cell::new(&*about.cluster_name(&self.cluster)),
            Cell::new(self.text.clone()),
            Cell::new(self.name()),
        ];
        with_ways(&head, &self.ways)
    }

    fn name(&self) -> String {
        self.verdict.to_owned()
    }

    fn text(report: &Report<Self>, wide: bool, headers: bool) -> Option<String> {
        let about = &report.metadata;
        let mut text = String::new();
        for item in &report.items {
            // Writing to a String cannot fail.
            let _ = match about.clusters.len() {
                0 | 1 => writeln!(text, "{}", item.name()),
                _ => {
                    let cluster = about.cluster_name(&item.cluster);
                    writeln!(text, "{}: {}", printable(&cluster), item.name())
                }
            };
            let mut table = Table::new(way_columns());
            for way in &item.ways {
                table.push(way_cells(way));
            }
            if !table.rows.is_empty() {
                text.push_str(&table.text(wide, headers));
            }
        }
        Some(text)
    }
}

/// Somebody who can.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HolderRow {
    /// Id of the cluster.
    pub cluster: Name,
    /// Who.
    pub identity: Names,
    /// Every way, cluster-wide ones first.
    pub ways: Vec<WayRow>,
    #[serde(skip)]
    id: Identity,
}

/// The answer to one `who-can`: who can, and who may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// Who can.
    pub rows: Vec<HolderRow>,
    /// Users whose groups are not known and who may by one of them.
    pub undecided: Vec<Undecided>,
    /// What has to be said beside it.
    pub notes: Vec<String>,
}

impl Holders {
    /// Takes over the answer over one Book.
    pub fn add(&mut self, book: &Book, of: &query::WhoCan) {
        self.rows.extend(of.holders.iter().map(|holder| HolderRow {
            cluster: book.snapshot.cluster.id.clone(),
            identity: Names::from(&holder.asker.identity),
            ways: holder.ways.iter().map(|way| WayRow::new(book, way)).collect(),
            id: holder.asker.identity.clone(),
        }));
        self.undecided.extend(of.undecided.iter().map(|asker| Undecided {
            cluster: book.snapshot.cluster.id.clone(),
            identity: Names::from(&asker.identity),
        }));
        let authorizers = book.authorizers();
        let others = (!authorizers.is_empty()).then(|| {
            format!("by RBAC, not known otherwise: {} may allow more", authorizers.join(", "))
        });
        for note in of.notes.iter().map(ToString::to_string).chain(others) {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
    }
}

impl Tabular for HolderRow {
    const KIND: &'static str = "HolderList";

    fn columns() -> Vec<Column> {
        let mut columns =
            vec![Column::new("CLUSTER", "cluster"), Column::new("IDENTITY", "identity").of_names()];
        columns.extend(way_columns());
        columns
    }

    fn lines(&self, about: &Metadata) -> Vec<Vec<Cell>> {
        let head =
            vec![Cell::new(&*about.cluster_name(&self.cluster)), Cell::new(self.id.to_string())];
        with_ways(&head, &self.ways)
    }

    fn name(&self) -> String {
        self.id.to_string()
    }
}
