//! A grant in a namespace that does not exist, or to an account of one.

use super::{Subject, binding, role};
use crate::book::{Finding, Severity};
use crate::model::{ListKind, Name};

const RULE: (&str, &str) = ("dangling-namespace", "no namespace");

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let snapshot = &subject.book.snapshot;
    if !snapshot.covers(&[ListKind::Namespaces], None) {
        return;
    }
    let is_gone = |ns: &&Name| !snapshot.objects.namespaces.contains_key(*ns);
    let identity = &subject.entry.identity;
    let home = identity.namespace.as_ref().filter(is_gone);
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
        } else {
            continue;
        };
        found.push(subject.finding(RULE, Severity::Medium, Some(grant), evidence));
    }
}
