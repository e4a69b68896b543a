//! A binding to a role that does not exist: harmless until somebody makes the role again.

use super::{Subject, binding, role};
use crate::book::{Finding, Grant, RoleState, Severity};

const RULE: (&str, &str) = ("dangling-role", "dangling role");

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    for grant in subject.own().filter(|grant| grant.role.is_none()) {
        if let Some((severity, evidence)) = judge(subject, grant) {
            found.push(subject.finding(RULE, severity, Some(grant), evidence));
        }
    }
}

fn judge(subject: &Subject<'_>, grant: &Grant) -> Option<(Severity, String)> {
    if subject.book.role_state(grant) != RoleState::Missing {
        return None;
    }
    let kind = &*grant.role_ref.kind;
    if !["ClusterRole", "Role"].contains(&kind) {
        let binding = binding(grant);
        let evidence = format!(
            "{binding} refers to a {kind:?}, which the authorizer does not know: it grants nothing"
        );
        return Some((Severity::Low, evidence));
    }
    let evidence = format!(
        "{} refers to {}, which does not exist: it grants nothing today, and will grant again if \
         the role is recreated",
        binding(grant),
        role(grant)
    );
    Some((Severity::Medium, evidence))
}
