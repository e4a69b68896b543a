//! Which grants to cut.

use serde::Serialize;

use super::finding::GrantPart;
use super::identity::Names;
use super::owner::{self, OwnerRow};
use super::{Cell, Column, Metadata, Tabular};
use crate::book::{Book, Tier};
use crate::model::Name;
use crate::reach::{Cut, Lost};

/// Somebody who loses its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LostPart {
    /// Who.
    pub identity: Names,
    /// How strong it can become.
    pub from: &'static str,
    /// How strong without the grant.
    pub to: &'static str,
    /// Where it comes no higher than it is: how strong is what others add as whom it can act.
    pub adds: Option<&'static str>,
    /// How strong is what others still add then; None: nobody adds anything, the way is closed.
    pub still_adds: Option<&'static str>,
}

/// A grant without which some can become less.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CutRow {
    /// Id of the cluster.
    pub cluster: Name,
    /// The grant.
    pub grant: GrantPart,
    /// Kind of its role, as the binding has it.
    pub role_kind: Name,
    /// Name of its role.
    pub role: Name,
    /// Who keeps the binding, and would put the subject back: the soonest first.
    pub kept_by: Vec<OwnerRow>,
    /// How many lose a way to cluster-admin.
    pub cluster_admin: usize,
    /// Of how many of those who can become less the way is closed by it: they cannot become more any
    /// more than they are.
    pub closed: usize,
    /// Who can become less without it.
    pub loses: Vec<LostPart>,
}

impl CutRow {
    /// The row of a cut; None where the grant is not there.
    pub fn new(book: &Book, of: &Cut) -> Option<Self> {
        let grant = book.grant(of.grant)?;
        let lost = |lost: &Lost| {
            Some(LostPart {
                identity: Names::from(&book.entry(lost.id)?.identity),
                from: lost.from.as_str(),
                to: lost.to.as_str(),
                adds: lost.adds.map(Tier::as_str),
                still_adds: lost.still_adds.map(Tier::as_str),
            })
        };
        Some(Self {
            cluster: book.snapshot.cluster.id.clone(),
            grant: GrantPart::from(&grant.key),
            role_kind: grant.role_ref.kind.clone(),
            role: grant.role_ref.name.clone(),
            kept_by: owner::of_cut(book, of.grant),
            cluster_admin: of.admins(),
            closed: of.loses.iter().filter(|lost| lost.closes()).count(),
            loses: of.loses.iter().filter_map(lost).collect(),
        })
    }
}

impl Tabular for CutRow {
    const KIND: &'static str = "CutList";

    fn columns() -> Vec<Column> {
        vec![
            Column::new("CLUSTER", "cluster"),
            Column::new("CUT", "grant"),
            Column::new("SUBJECT", "subject").of_names(),
            Column::new("ROLE", "role"),
            Column::new("TO CLUSTER-ADMIN", "clusterAdmin").right(),
            Column::new("IDENTITIES", "identities").right(),
            Column::new("CLOSED", "closed").right(),
            Column::new("WHO", "loses"),
            Column::new("KEPT BY", "keptBy"),
        ]
    }

    fn lines(&self, about: &Metadata) -> Vec<Vec<Cell>> {
        const NAMED: usize = 3;
        let all: Vec<String> = self.loses.iter().map(|lost| lost.identity.text()).collect();
        let mut some = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        if let Some(more) = all.len().checked_sub(NAMED + 1) {
            some = format!("{some}, {} more", more + 1);
        }
        vec![vec![
            Cell::new(&*about.cluster_name(&self.cluster)),
            Cell::new(self.grant.text()),
            Cell::new(self.grant.subject.text()),
            Cell::new(format!("{} {}", self.role_kind, self.role)),
            Cell::new(self.cluster_admin.to_string()),
            Cell::new(all.len().to_string()),
            Cell::new(self.closed.to_string()),
            Cell::exactly(some, all.join(";")),
            Cell::new(owner::undoing(&self.kept_by).unwrap_or_default()),
        ]]
    }

    fn name(&self) -> String {
        self.grant.text()
    }
}
