//! Rules that nothing needed, and without which somebody would be less dangerous. That some rules
//! of a role are not used is usual, and in the list as a figure; this is about those that matter.

use super::idle::{hidden, limits};
use super::unused_grant::is_unused;
use super::{Subject, binding, one_less, rights, severity_of};
use crate::book::{Finding, HeldRule, Severity, UseState};

const RULE: (&str, &str) = ("unused-permissions", "unused rights");

/// So many rules are named.
const NAMED: usize = 2;

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let Some(log) = subject.use_is_told(found) else {
        return;
    };
    let judged: Vec<&HeldRule<'_>> = subject
        .own()
        .filter(|grant| log.judges(grant) && !is_unused(subject, &log, grant))
        .flat_map(|grant| subject.rules_of(grant))
        .collect();
    let (unused, others): (Vec<&HeldRule<'_>>, Vec<&HeldRule<'_>>) =
        judged.into_iter().partition(|held| held.state == UseState::Unused);
    // What is held elsewhere, by a group or by a grant that is too young, counts as needed.
    let elsewhere = subject
        .grants()
        .filter(|grant| grant.key.subject != subject.entry.identity || !log.judges(grant))
        .map(|grant| subject.book.tier_of(grant));
    let needed = others.iter().filter_map(|held| held.tier).chain(elsewhere).max();
    let needed = needed.unwrap_or_default();
    let more: Vec<&HeldRule<'_>> =
        unused.into_iter().filter(|held| held.tier > Some(needed)).collect();
    let Some(held) = more.iter().filter_map(|held| held.tier).max() else {
        return;
    };
    let named: Vec<String> = more
        .iter()
        .filter(|rule| rule.tier == Some(held))
        .chain(more.iter().filter(|rule| rule.tier != Some(held)))
        .take(NAMED)
        .filter_map(|rule| {
            let grant = rule.grant?;
            Some(format!("{} by {}", rights(rule.rule, &grant.scope), binding(grant)))
        })
        .collect();
    let rest = match more.len().saturating_sub(named.len()) {
        0 => String::new(),
        rest => format!(", and {rest} more"),
    };
    let grants = more.iter().filter_map(|rule| rule.grant);
    let last = grants.filter(|grant| log.doubts(grant).is_some());
    let last = last.max_by_key(|grant| grant.changed().map(|(_, at)| at));
    let doubt = last.and_then(|grant| log.doubts(grant));
    let evidence = format!(
        "what was used comes to {}; rules that were not, in a log that begins on {}, make it {}: \
         {}{rest}{}{}{}",
        needed.as_str(),
        log.from.format("%Y-%m-%d"),
        held.as_str(),
        named.join("; "),
        doubt.as_deref().unwrap_or_default(),
        hidden(subject, more.iter().copied()),
        limits(&log)
    );
    let severity = if doubt.is_some() { Severity::Info } else { one_less(severity_of(held)) };
    let mut finding = subject.finding(RULE, severity, None, evidence);
    finding.rests_on_coverage = true;
    found.push(finding);
}
