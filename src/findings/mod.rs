//! Something wrong, with its evidence: one file a rule.
//!
//! | rule | says |
//! |---|---|
//! | `dangling-role` | a binding refers to a role that does not exist |
//! | `dangling-account` | a binding grants to a service account that does not exist |
//! | `dangling-namespace` | a grant in, or to an account of, a namespace that does not exist |
//! | `idle` | access is held and was not used in the policy's idle time |
//! | `cluster-admin` | everything in the cluster is allowed |
//! | `everybody` | a grant to everybody who reaches the API server, or to all accounts |
//! | `reach` | somebody can become more than it is |
//!
//! Findings of absence wait for whole lists and for a log. Exactly what the API server itself
//! installs is exempt, by content and version; what was added to it is not.

mod cluster_admin;
mod dangling_account;
mod dangling_namespace;
mod dangling_role;
mod everybody;
mod idle;
pub mod reach;
#[cfg(test)]
mod tests;

pub(crate) use idle::instants;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::book::{Book, Entry, Finding, Grant, Severity, Tier};
use crate::model::BindingKind;

/// One identity under judgement.
struct Subject<'a> {
    book: &'a Book,
    entry: &'a Entry,
    /// When it was last seen; for a group, when a request last carried it. UTC.
    seen: Option<DateTime<Utc>>,
}

/// What is wrong with one identity, worst first. `seen` is when it was last seen; for a group, when
/// a request last carried it (UTC).
pub(crate) fn of(book: &Book, entry: &Entry, seen: Option<DateTime<Utc>>) -> Vec<Finding> {
    let subject = Subject { book, entry, seen };
    let mut found = Vec::new();
    cluster_admin::find(&subject, &mut found);
    everybody::find(&subject, &mut found);
    dangling_role::find(&subject, &mut found);
    dangling_account::find(&subject, &mut found);
    dangling_namespace::find(&subject, &mut found);
    idle::find(&subject, &mut found);
    found.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then_with(|| a.rule.cmp(b.rule))
            .then_with(|| a.grant.cmp(&b.grant))
    });
    found
}

impl<'a> Subject<'a> {
    /// All grants that hold for it.
    fn grants(&self) -> impl Iterator<Item = &'a Arc<Grant>> {
        let book = self.book;
        self.entry.grants.iter().filter_map(move |id| book.grant(*id))
    }

    /// Those that name it itself, and that the API server did not install.
    fn own(&self) -> impl Iterator<Item = &'a Arc<Grant>> {
        let identity = &self.entry.identity;
        self.grants().filter(move |grant| grant.key.subject == *identity && !grant.bootstrap)
    }

    fn finding(
        &self,
        (rule, chip): (&'static str, &'static str),
        severity: Severity,
        grant: Option<&Grant>,
        evidence: String,
    ) -> Finding {
        Finding {
            rule,
            chip,
            severity,
            identity: self.entry.identity.clone(),
            grant: grant.map(|grant| grant.key.clone()),
            evidence,
            rests_on_coverage: false,
        }
    }
}

/// `RoleBinding pay/batch` or `ClusterRoleBinding ops`.
fn binding(grant: &Grant) -> String {
    match (grant.key.binding_kind, &grant.key.namespace) {
        (BindingKind::RoleBinding, Some(ns)) => format!("RoleBinding {ns}/{}", grant.key.binding),
        (kind, _) => format!("{kind} {}", grant.key.binding),
    }
}

/// `ClusterRole edit` or `Role pay/batch`.
fn role(grant: &Grant) -> String {
    match (&*grant.role_ref.kind, &grant.key.namespace) {
        ("Role", Some(ns)) => format!("Role {ns}/{}", grant.role_ref.name),
        (kind, _) => format!("{kind} {}", grant.role_ref.name),
    }
}

/// How bad it is that somebody holds this much who should not.
fn severity_of(tier: Tier) -> Severity {
    match tier {
        Tier::ClusterAdmin | Tier::ClusterWrite | Tier::ReadsSecrets => Severity::High,
        Tier::NamespaceAdmin | Tier::NamespaceWrite => Severity::Medium,
        Tier::Read => Severity::Low,
        Tier::DiscoveryOnly | Tier::None => Severity::Info,
    }
}
