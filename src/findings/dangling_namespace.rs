//! A grant in a namespace that does not exist, or to an account or all accounts of one.

use super::{Subject, binding, role};
use crate::book::{Finding, Severity};
use crate::model::Name;

const RULE: (&str, &str) = ("dangling-namespace", "no namespace");

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let snapshot = &subject.book.snapshot;
    let is_gone = |ns: &&Name| snapshot.lacks_namespace(ns);
    let identity = &subject.entry.identity;
    let home = identity.namespace.as_ref().filter(is_gone);
    let group = identity.accounts_of().map(Name::from);
    let accounts = group.as_ref().filter(is_gone);
    for grant in subject.own() {
        let evidence = if let Some(ns) = grant.key.namespace.as_ref().filter(is_gone) {
            format!(
                "{} is in namespace {ns}, which does not exist: it grants nothing until the \
                 namespace is made again",
                binding(grant)
            )
        } else if let Some(ns) = home {
            format!(
                "{} grants {} to ServiceAccount {ns}/{}, whose namespace does not exist: whoever \
                 may create both gets these rights",
                binding(grant),
                role(grant),
                identity.name,
            )
        } else if let Some(ns) = accounts {
            format!(
                "{} grants {} to every service account of namespace {ns}, which does not exist: \
                 whoever may create it gets these rights",
                binding(grant),
                role(grant)
            )
        } else {
            continue;
        };
        found.push(subject.finding(RULE, Severity::Medium, Some(grant), evidence));
    }
}
