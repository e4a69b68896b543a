//! Filters of the screens of everything: words, and `key:value` for what a row has by name.

use super::job::holds;
use super::whole::Sort;
use crate::book::{Finding, Grant, GrantKey, Severity, Tier};
use crate::credentials::Credential;
use crate::model::{Identity, SubjectKind};
use crate::query::KEYS;

/// What identities are written with: words, though there is a colon in them.
const NAMES: [&str; 4] = ["user", "group", "sa", "system"];

/// The keys that rows of a sort know.
pub fn keys(sort: Sort) -> &'static [&'static str] {
    match sort {
        Sort::Findings => &["severity", "finding", "kind", "ns"],
        Sort::Credentials => &["kind", "state", "tier", "ns"],
        Sort::Grants => &["tier", "role", "scope", "kind", "ns"],
        Sort::Cuts => &["role", "scope", "kind", "ns"],
    }
}

/// A word with a key that some screen or the list knows.
fn term(word: &str) -> Option<(&str, &str)> {
    let (key, value) = word.strip_prefix(['!', '-']).unwrap_or(word).split_once(':')?;
    let sorts = [Sort::Findings, Sort::Credentials, Sort::Grants, Sort::Cuts];
    let known = KEYS.iter().any(|(have, _)| *have == key)
        || sorts.into_iter().any(|sort| keys(sort).contains(&key));
    (known && !NAMES.contains(&key)).then_some((key, value))
}

/// What is wrong with a filter.
pub fn wrong(sort: Sort, filter: &str) -> Option<String> {
    let mut terms = filter.split_whitespace().filter_map(term);
    let (key, _) = terms.find(|(key, _)| !keys(sort).contains(key))?;
    Some(format!("no {key}: here; there are {}:", keys(sort).join(":, ")))
}

/// Whether a row has every word, and every field as it is asked for.
pub fn keeps(filter: &str, text: impl Fn() -> String, has: impl Fn(&str, &str) -> bool) -> bool {
    filter.split_whitespace().all(|word| match term(word) {
        Some((key, value)) => has(key, value) != word.starts_with(['!', '-']),
        None => holds(&text(), word),
    })
}

fn is_kind(identity: &Identity, value: &str) -> bool {
    let kind = match identity.kind {
        SubjectKind::User => "user",
        SubjectKind::Group => "group",
        SubjectKind::ServiceAccount => "sa",
    };
    kind.starts_with(value)
}

fn is_tier(tier: Tier, value: &str) -> bool {
    tier.as_str().replace(' ', "-").starts_with(value)
}

fn is_severity(severity: Severity, value: &str) -> bool {
    let Some(least) = value.strip_prefix(">=") else {
        return severity.as_str().starts_with(value);
    };
    let all = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    all.into_iter().find(|have| have.as_str() == least).is_some_and(|least| severity >= least)
}

/// Whether a finding's field is as it is asked for.
pub fn finding(of: &Finding, key: &str, value: &str) -> bool {
    let in_namespace = |ns: Option<&crate::model::Name>| ns.is_some_and(|ns| &**ns == value);
    match key {
        "severity" => is_severity(of.severity, value),
        "finding" => value == "any" || of.rule.contains(value),
        "kind" => is_kind(&of.identity, value),
        _ => {
            in_namespace(of.identity.namespace.as_ref())
                || in_namespace(of.grant.as_ref().and_then(|grant| grant.namespace.as_ref()))
        }
    }
}

/// Whether a credential's field is as it is asked for.
pub fn credential(of: &Credential, tier: Tier, key: &str, value: &str) -> bool {
    let has = |text: &str| text.replace(' ', "-").to_lowercase().contains(value);
    match key {
        "kind" => has(of.kind.as_str()),
        "state" => has(of.standing.as_str()),
        "tier" => is_tier(tier, value),
        _ => of.identity.namespace.as_deref().is_some_and(|ns| ns == value),
    }
}

/// Whether a grant's field is as it is asked for.
pub fn grant(of: &Grant, tier: Tier, key: &str, value: &str) -> bool {
    if key == "tier" { is_tier(tier, value) } else { cut(&of.key, &of.role_ref.name, key, value) }
}

/// Whether a field of a grant to cut is as it is asked for.
pub fn cut(of: &GrantKey, role: &str, key: &str, value: &str) -> bool {
    let subject = &of.subject;
    let namespace = of.namespace.as_ref();
    match key {
        "role" => role.contains(value),
        "scope" => {
            let scope = if namespace.is_some() { "namespace" } else { "cluster" };
            scope.starts_with(value)
        }
        "kind" => is_kind(subject, value),
        _ => [namespace, subject.namespace.as_ref()].iter().flatten().any(|ns| &***ns == value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_screen_has_no_field_for_is_said() {
        assert_eq!(wrong(Sort::Findings, "severity:high idle ns:ci user:jane sa:ci/x"), None);
        assert_eq!(
            wrong(Sort::Findings, "seen:<7d").as_deref(),
            Some("no seen: here; there are severity:, finding:, kind:, ns:")
        );
        assert!(wrong(Sort::Credentials, "finding:idle").is_some());
        assert!(wrong(Sort::Grants, "!severity:low").is_some());
        // What only looks like one is a word.
        assert_eq!(wrong(Sort::Grants, "system:node abc:def http://x"), None);
    }

    #[test]
    fn words_and_fields_narrow_together() {
        let text = || "High idle user:Jane".to_owned();
        let has = |key: &str, value: &str| key == "severity" && is_severity(Severity::High, value);
        for (filter, kept) in [
            ("", true),
            ("jane severity:high", true),
            ("jane severity:>=medium", true),
            ("severity:>=critical", false),
            ("!severity:high", false),
            ("-severity:low user:jane", true),
            ("bob severity:high", false),
        ] {
            assert_eq!(keeps(filter, text, has), kept, "{filter}");
        }
    }
}
