//! A grant that nothing needed in all that the log covers, of somebody who is about.

use super::idle::{hidden, limits};
use super::{Log, Subject, binding, one_less, role, severity_of};
use crate::book::{Finding, Grant, Severity, Tier, UseState};

const RULE: (&str, &str) = ("unused-grant", "unused grant");

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let Some(log) = subject.use_is_told(found) else {
        return;
    };
    for grant in subject.own().filter(|grant| is_unused(subject, &log, grant)) {
        let tier = subject.book.tier_of(grant);
        if tier <= Tier::DiscoveryOnly {
            continue;
        }
        let rules = subject.rules_of(grant).count();
        let silent =
            subject.rules_of(grant).filter(|held| held.state == UseState::NotObservable).count();
        let what = match rules {
            1 => "its rule was not used".to_owned(),
            _ => format!("none of its {rules} rules was used"),
        };
        let but = match silent {
            0 => String::new(),
            _ => format!("; {silent} of them no log can show in use"),
        };
        let doubt = log.doubts(grant);
        let severity = match &doubt {
            None => one_less(severity_of(tier)),
            Some(_) => Severity::Info,
        };
        let evidence = format!(
            "{} grants {} ({}): {what} in a log that begins on {}{but}{}{}{}",
            binding(grant),
            role(grant),
            tier.as_str(),
            log.from.format("%Y-%m-%d"),
            doubt.unwrap_or_default(),
            hidden(subject, subject.rules_of(grant)),
            limits(&log)
        );
        let mut finding = subject.finding(RULE, severity, Some(grant), evidence);
        finding.rests_on_coverage = true;
        found.push(finding);
    }
}

/// Whether the grant is old enough to be judged, and every rule of it that a log can show in use
/// was not.
pub(super) fn is_unused(subject: &Subject<'_>, log: &Log<'_>, grant: &Grant) -> bool {
    let mut any = false;
    log.judges(grant)
        && subject.rules_of(grant).all(|held| {
            any |= held.state == UseState::Unused;
            matches!(held.state, UseState::Unused | UseState::NotObservable)
        })
        && any
}
