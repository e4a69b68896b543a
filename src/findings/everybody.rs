//! Grants to everybody: whoever signs in, whoever does not, every service account.

use super::{Subject, binding, role};
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
        _ => return,
    };
    for grant in subject.own().filter(|grant| grant.role.is_some()) {
        let tier = subject.book.tier_of(grant);
        let severity = match (tier, unauthenticated) {
            (Tier::None | Tier::DiscoveryOnly, _) => Severity::Info,
            (Tier::Read, false) => Severity::Medium,
            (Tier::Read, true) | (Tier::NamespaceWrite | Tier::NamespaceAdmin, false) => {
                Severity::High
            }
            _ => Severity::Critical,
        };
        let evidence =
            format!("{} grants {} ({}) to {whom}", binding(grant), role(grant), tier.as_str());
        found.push(subject.finding(RULE, severity, Some(grant), evidence));
    }
}
