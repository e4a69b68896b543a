//! A grant that allows nothing which another grant of the same identity does not allow too: it can
//! go unnoticed, and it hides that the other is not enough to take away.

use super::{Subject, binding, role};
use crate::book::{Finding, Grant, Severity};

const RULE: (&str, &str) = ("redundant-grant", "redundant");

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    for grant in subject.own() {
        let other = grant.shadowed_by.and_then(|id| subject.book.grant(id));
        let Some(other) = other.filter(|other| !is_kept(grant, other)) else {
            continue;
        };
        let whose = if other.key.subject == grant.key.subject {
            String::new()
        } else {
            format!(" to group {}", other.key.subject.name)
        };
        let evidence = format!(
            "{} grants {}: all of it is granted by {} ({}){whose} as well",
            binding(grant),
            role(grant),
            binding(other),
            role(other)
        );
        found.push(subject.finding(RULE, Severity::Low, Some(grant), evidence));
    }
}

/// Of two that allow the same, the first is kept.
fn is_kept(grant: &Grant, other: &Grant) -> bool {
    other.shadowed_by == Some(grant.id) && grant.key < other.key
}
