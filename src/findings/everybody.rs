//! Grants to everybody: whoever signs in, whoever does not, every service account, those of a namespace.

use super::{Subject, binding, role, severity_of};
use crate::book::{Finding, Severity, Tier};
use crate::model::{Identity, SubjectKind};

const RULE: (&str, &str) = ("everybody", "everybody");

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let identity = &subject.entry.identity;
    let (whom, unauthenticated) = match (identity.kind, &*identity.name) {
        (SubjectKind::Group, Identity::AUTHENTICATED) => ("everybody who authenticates", false),
        (SubjectKind::Group, Identity::UNAUTHENTICATED)
        | (SubjectKind::User, Identity::ANONYMOUS) => ("anybody without credentials", true),
        (SubjectKind::Group, Identity::ALL_SERVICE_ACCOUNTS) => ("every service account", false),
        _ if is_everybody_of_google(identity) => {
            for beside in subject.book.beside(identity).filter(|one| one.tier > Tier::DiscoveryOnly)
            {
                let evidence = format!("{} ({})", beside.what, beside.tier.as_str());
                let severity = severity_of_all(beside.tier, true);
                let mut finding = subject.finding(RULE, severity, None, evidence);
                finding.fix = super::fix::beside();
                found.push(finding);
            }
            return;
        }
        _ => return of_namespace(subject, found),
    };
    for grant in subject.own().filter(|grant| grant.role.is_some()) {
        let tier = subject.book.tier_of(grant);
        let severity = severity_of_all(tier, unauthenticated);
        let evidence =
            format!("{} grants {} ({}) to {whom}", binding(grant), role(grant), tier.as_str());
        found.push(subject.finding(RULE, severity, Some(grant), evidence));
    }
}

/// Whether it is everybody as Google Cloud's IAM writes it: with an account there, or without one too.
pub(super) fn is_everybody_of_google(identity: &Identity) -> bool {
    identity.kind == SubjectKind::User
        && matches!(&*identity.name, "allUsers" | "allAuthenticatedUsers")
}

fn severity_of_all(tier: Tier, unauthenticated: bool) -> Severity {
    match (tier, unauthenticated) {
        (Tier::None | Tier::DiscoveryOnly, _) => Severity::Info,
        (Tier::Read, false) => Severity::Medium,
        (Tier::Read, true) | (Tier::NamespaceWrite | Tier::NamespaceAdmin, false) => Severity::High,
        _ => Severity::Critical,
    }
}

/// Whether it is everybody, or nobody in particular, of whom this rule says whatever is granted.
pub(super) fn is_everybody(identity: &Identity) -> bool {
    match identity.kind {
        SubjectKind::Group => matches!(
            &*identity.name,
            Identity::AUTHENTICATED | Identity::UNAUTHENTICATED | Identity::ALL_SERVICE_ACCOUNTS
        ),
        SubjectKind::User => &*identity.name == Identity::ANONYMOUS,
        SubjectKind::ServiceAccount => false,
    }
}

/// All accounts of one namespace, those that are made later too: every pod there has the rights. That
/// they read something where they are is usual.
fn of_namespace(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let Some(namespace) = subject.entry.identity.accounts_of() else { return };
    for grant in subject.own().filter(|grant| grant.role.is_some()) {
        let tier = subject.book.tier_of(grant);
        let at_home = grant.scope.namespace().is_some_and(|ns| **ns == *namespace);
        if tier <= Tier::DiscoveryOnly || (tier == Tier::Read && at_home) {
            continue;
        }
        let evidence = format!(
            "{} grants {} ({}) to every service account of namespace {namespace}",
            binding(grant),
            role(grant),
            tier.as_str()
        );
        found.push(subject.finding(RULE, severity_of(tier), Some(grant), evidence));
    }
}
