//! A grant to a service account that does not exist: whoever may make the account gets the rights. Who
//! acts as it all the same is the finding of `not-by-token`.

use super::{Subject, binding, role};
use crate::book::{Existence, Finding, Severity};

const RULE: (&str, &str) = ("dangling-account", "no account");

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let identity = &subject.entry.identity;
    let Some(ns) = &identity.namespace else {
        return;
    };
    if subject.entry.existence != Existence::Missing {
        return;
    }
    if subject.book.snapshot.lacks_namespace(ns) {
        return;
    }
    for grant in subject.own() {
        let evidence = format!(
            "{} grants {} to ServiceAccount {ns}/{}, which does not exist: whoever may create it \
             gets these rights",
            binding(grant),
            role(grant),
            identity.name,
        );
        found.push(subject.finding(RULE, Severity::Medium, Some(grant), evidence));
    }
}
