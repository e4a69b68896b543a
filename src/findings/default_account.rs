//! Rights of an account that pods get without asking for it.

use super::{Subject, binding, role, severity_of};
use crate::book::{Finding, Severity, Tier};
use crate::model::SubjectKind;

const RULE: (&str, &str) = ("default-account", "default account");

/// The account of pods that name none (`plugin/pkg/admission/serviceaccount`).
const DEFAULT: &str = "default";

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let identity = &subject.entry.identity;
    let (SubjectKind::ServiceAccount, Some(namespace)) = (identity.kind, &identity.namespace)
    else {
        return;
    };
    if &*identity.name != DEFAULT {
        return;
    }
    for grant in subject.own() {
        let tier = subject.book.tier_of(grant);
        if tier <= Tier::DiscoveryOnly {
            continue;
        }
        let evidence = format!(
            "{} grants {} ({}) to every pod in {namespace} that names no account",
            binding(grant),
            role(grant),
            tier.as_str()
        );
        let severity = severity_of(tier).max(Severity::Medium);
        found.push(subject.finding(RULE, severity, Some(grant), evidence));
    }
}
