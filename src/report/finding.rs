//! A finding as a row.

use chrono::NaiveDate;
use serde::Serialize;

use super::identity::{Names, called, known_as};
use super::{Cell, Column, Metadata, Tabular};
use crate::book::{Book, Finding, Fix, GrantKey};
use crate::change::plan::{Intent, command_of};
use crate::model::{BindingKind, Identity, Name};

/// The grant that a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GrantPart {
    /// Kind of the binding.
    pub binding_kind: BindingKind,
    /// Its name.
    pub binding: Name,
    /// Its namespace.
    pub binding_namespace: Option<Name>,
    /// Whom it names.
    pub subject: Names,
}

impl From<&GrantKey> for GrantPart {
    fn from(of: &GrantKey) -> Self {
        Self {
            binding_kind: of.binding_kind,
            binding: of.binding.clone(),
            binding_namespace: of.namespace.clone(),
            subject: Names::from(&of.subject),
        }
    }
}

impl GrantPart {
    /// `RoleBinding pay/devs`, `ClusterRoleBinding admins`.
    pub(super) fn text(&self) -> String {
        binding_text(self.binding_kind, self.binding_namespace.as_deref(), &self.binding)
    }
}

/// A binding in words.
pub(super) fn binding_text(kind: BindingKind, namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}

/// What would mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FixPart {
    /// `revokeGrant`, `revokeGrants`, `revokeIdentity`, `quarantine`, `narrow`, `split`, or `elsewhere`.
    pub kind: &'static str,
    /// The command that plans it, as a shell takes it; None for what lies elsewhere.
    pub command: Option<String>,
    /// What is to be done.
    pub how: String,
    /// The command without the program, and without the options that it is to be given again.
    #[serde(skip)]
    words: Option<String>,
}

impl FixPart {
    /// What would mend a finding of a Book.
    pub(super) fn of(book: &Book, fix: &Fix) -> Self {
        let command = fix.write.as_ref().map(|mend| command_of(&Intent::to_mend(mend)));
        Self {
            kind: fix.kind(),
            words: command
                .as_ref()
                .map(|all| all.strip_prefix("keybook ").unwrap_or(all).to_owned()),
            command: command.map(|command| command + &book.policy.again.all()),
            how: fix.how.clone(),
        }
    }
}

impl FixPart {
    /// The command in short, or that it lies elsewhere.
    fn short(&self) -> &str {
        self.words.as_deref().unwrap_or(self.kind)
    }

    /// The command with what it does, or what is to be done elsewhere.
    fn text(&self) -> String {
        match &self.command {
            Some(command) => format!("{command}: {}", self.how),
            None => self.how.clone(),
        }
    }
}

/// Why a finding does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExemptionPart {
    /// Who answers for it.
    pub owner: Name,
    /// Why.
    pub reason: Name,
    /// The last day on which it holds, UTC.
    pub expires: NaiveDate,
}

impl ExemptionPart {
    /// `until 2027-01-31, platform@corp.example: sealed`.
    pub(super) fn text(&self) -> String {
        format!("until {}, {}: {}", self.expires, self.owner, self.reason)
    }
}

/// Something wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingRow {
    /// Id of the cluster.
    pub cluster: Name,
    /// The rule.
    pub rule: &'static str,
    /// How bad.
    pub severity: &'static str,
    /// Who it is about.
    pub identity: Names,
    /// What the policy calls a group whose name is an id.
    pub known_as: Option<Name>,
    /// The grant it is about, where it is about one.
    pub grant: Option<GrantPart>,
    /// One sentence with figures.
    pub evidence: String,
    /// Whether it rests on what the log does not show.
    pub rests_on_coverage: bool,
    /// What would mend it.
    pub fix: FixPart,
    /// The policy's exemption that it is under; None for what counts as wrong.
    pub exemption: Option<ExemptionPart>,
    #[serde(skip)]
    id: Identity,
}

impl FindingRow {
    /// The row of a finding that the policy exempts.
    pub fn exempt(book: &Book, finding: &Finding) -> Self {
        let identity = finding.identity.to_string();
        let mut exemptions = book.policy.exemptions.iter();
        let exemption =
            exemptions.find(|one| one.holds(book.now) && one.is_about(finding.rule, &identity));
        let exemption = exemption.map(|one| ExemptionPart {
            owner: one.owner.clone(),
            reason: one.reason.clone(),
            expires: one.expires,
        });
        Self { exemption, ..Self::new(book, finding) }
    }

    /// The row of a finding.
    pub fn new(book: &Book, finding: &Finding) -> Self {
        Self {
            cluster: book.snapshot.cluster.id.clone(),
            rule: finding.rule,
            severity: finding.severity.as_str(),
            identity: Names::from(&finding.identity),
            known_as: known_as(book, &finding.identity),
            grant: finding.grant.as_ref().map(GrantPart::from),
            evidence: finding.evidence.clone(),
            rests_on_coverage: finding.rests_on_coverage,
            fix: FixPart::of(book, &finding.fix),
            exemption: None,
            id: finding.identity.clone(),
        }
    }
}

impl FindingRow {
    /// The evidence; with it, what is to be done where no command does it.
    fn shown(&self) -> String {
        match self.fix.command {
            Some(_) => self.evidence.clone(),
            None => format!("{}; to mend it: {}", self.evidence, self.fix.how),
        }
    }
}

impl Tabular for FindingRow {
    const KIND: &'static str = "FindingList";

    fn columns() -> Vec<Column> {
        vec![
            Column::new("CLUSTER", "cluster"),
            Column::new("SEVERITY", "severity"),
            Column::new("RULE", "rule"),
            Column::new("IDENTITY", "identity").of_names(),
            Column::new("GRANT", "grant").wide(),
            Column::new("EXEMPTION", "exemption").wide(),
            Column::new("FIX", "fix"),
            Column::new("EVIDENCE", "evidence"),
        ]
    }

    fn lines(&self, about: &Metadata) -> Vec<Vec<Cell>> {
        vec![vec![
            Cell::new(&*about.cluster_name(&self.cluster)),
            Cell::new(self.severity),
            Cell::new(self.rule),
            Cell::exactly(called(self.name(), self.known_as.as_deref()), self.name()),
            Cell::new(self.grant.as_ref().map_or_else(String::new, GrantPart::text)),
            Cell::new(self.exemption.as_ref().map_or_else(String::new, ExemptionPart::text)),
            Cell::exactly(self.fix.short().to_owned(), self.fix.text()),
            Cell::exactly(self.shown(), self.evidence.clone()),
        ]]
    }

    fn name(&self) -> String {
        self.id.to_string()
    }
}
