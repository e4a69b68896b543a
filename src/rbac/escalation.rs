//! Whether somebody may give away a right: the check that the API server makes of everybody who
//! writes a role or a binding, to the letter of
//! `component-helpers/auth/rbac/validation/policy_comparator.go`.

use crate::model::{Name, PolicyRule};

/// The rights among `wanted` that `held` do not cover, one verb, group, resource or path a rule.
/// Empty where all may be given away.
pub fn missing(held: &[PolicyRule], wanted: &[PolicyRule]) -> Vec<PolicyRule> {
    let mut missing: Vec<PolicyRule> = Vec::new();
    for right in wanted.iter().flat_map(broken_down) {
        if !held.iter().any(|rule| covers(rule, &right)) && !missing.contains(&right) {
            missing.push(right);
        }
    }
    missing
}

/// Whether nothing is missing.
pub fn is_covered(held: &[&PolicyRule], wanted: &[PolicyRule]) -> bool {
    let is_held = |right: &PolicyRule| held.iter().any(|rule| covers(rule, right));
    // What one rule covers whole need not be broken down.
    let whole = |rule: &PolicyRule| held.iter().any(|have| covers_whole(have, rule));
    wanted.iter().all(|rule| whole(rule) || broken_down(rule).iter().all(is_held))
}

/// Whether a rule covers each right of another. Where it does not, it may still with others.
fn covers_whole(have: &PolicyRule, wanted: &PolicyRule) -> bool {
    // Of a rule for both, the paths carry no names.
    let parts_alike = wanted.non_resource_urls.is_empty() || have.resource_names.is_empty();
    parts_alike && covers(have, wanted)
}

/// A rule as rules of a single right each.
pub(crate) fn broken_down(rule: &PolicyRule) -> Vec<PolicyRule> {
    let mut rights = Vec::new();
    for verb in &rule.verbs {
        let verbs = vec![verb.clone()];
        for group in &rule.api_groups {
            for resource in &rule.resources {
                let one = PolicyRule {
                    verbs: verbs.clone(),
                    api_groups: vec![group.clone()],
                    resources: vec![resource.clone()],
                    ..PolicyRule::default()
                };
                if rule.resource_names.is_empty() {
                    rights.push(one.clone());
                }
                rights.extend(
                    rule.resource_names.iter().map(|name| PolicyRule {
                        resource_names: vec![name.clone()],
                        ..one.clone()
                    }),
                );
            }
        }
        rights.extend(rule.non_resource_urls.iter().map(|path| PolicyRule {
            verbs: verbs.clone(),
            non_resource_urls: vec![path.clone()],
            ..PolicyRule::default()
        }));
    }
    rights
}

/// Whether a rule allows all that one of a single right does.
pub(crate) fn covers(rule: &PolicyRule, right: &PolicyRule) -> bool {
    let has = |have: &[Name], want: &[Name]| {
        have.iter().any(|name| &**name == "*") || want.iter().all(|name| have.contains(name))
    };
    has(&rule.verbs, &right.verbs)
        && has(&rule.api_groups, &right.api_groups)
        && right.resources.iter().all(|want| covers_resource(rule, want))
        && covers_names(rule, right)
        && right.non_resource_urls.iter().all(|want| covers_path(rule, want))
}

fn covers_resource(rule: &PolicyRule, want: &Name) -> bool {
    rule.resources.iter().any(|have| {
        &**have == "*"
            || have == want
            || want
                .split_once('/')
                .is_some_and(|(_, subresource)| have.strip_prefix("*/") == Some(subresource))
    })
}

fn covers_names(rule: &PolicyRule, right: &PolicyRule) -> bool {
    rule.resource_names.is_empty()
        || (!right.resource_names.is_empty()
            && right.resource_names.iter().all(|name| rule.resource_names.contains(name)))
}

fn covers_path(rule: &PolicyRule, want: &Name) -> bool {
    rule.non_resource_urls.iter().any(|have| {
        have == want || (have.ends_with('*') && want.starts_with(have.trim_end_matches('*')))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(verbs: &[&str], groups: &[&str], resources: &[&str], names: &[&str]) -> PolicyRule {
        let list = |texts: &[&str]| texts.iter().map(|text| Name::from(*text)).collect();
        PolicyRule {
            verbs: list(verbs),
            api_groups: list(groups),
            resources: list(resources),
            resource_names: list(names),
            ..PolicyRule::default()
        }
    }

    #[test]
    fn a_right_may_come_from_any_single_rule() {
        let held = [rule(&["get"], &[""], &["pods"], &[]), rule(&["list"], &["apps"], &["*"], &[])];
        let wanted = [rule(&["get", "list"], &["", "apps"], &["pods"], &[])];
        let missing = missing(&held, &wanted);
        assert_eq!(
            missing,
            [rule(&["get"], &["apps"], &["pods"], &[]), rule(&["list"], &[""], &["pods"], &[])]
        );
    }

    #[test]
    fn a_wildcard_needs_a_wildcard() {
        let all_verbs = ["get", "list", "watch", "create", "update", "patch", "delete"];
        let held = [rule(&all_verbs, &["*"], &["*"], &[])];
        assert!(!missing(&held, &[rule(&["*"], &["*"], &["*"], &[])]).is_empty());
        assert!(missing(&held, &[rule(&["get"], &["*"], &["pods/log"], &[])]).is_empty());
    }

    #[test]
    fn names_narrow_and_never_widen() {
        let held = [rule(&["get"], &[""], &["secrets"], &["a"])];
        assert!(missing(&held, &[rule(&["get"], &[""], &["secrets"], &["a"])]).is_empty());
        assert!(!missing(&held, &[rule(&["get"], &[""], &["secrets"], &[])]).is_empty());
        assert!(!missing(&held, &[rule(&["get"], &[""], &["secrets"], &["a", "b"])]).is_empty());
    }

    /// Rules of few words, so that many cover one another: some for resources and paths at once, which
    /// no API server takes.
    fn some_rule() -> impl Strategy<Value = PolicyRule> {
        let some = |words: &'static [&'static str], least: usize| {
            proptest::sample::subsequence(words, least..=words.len())
        };
        let verbs = some(&["*", "get", "list", "create"], 1);
        let groups = some(&["*", "", "apps"], 0);
        let resources = some(&["*", "pods", "pods/log", "*/log", "secrets"], 0);
        let names = some(&["", "a", "b"], 0);
        let paths = some(&["*", "/logs", "/logs/*", "/healthz"], 0);
        (verbs, groups, resources, names, paths).prop_map(
            |(verbs, groups, resources, names, paths)| PolicyRule {
                non_resource_urls: paths.into_iter().map(Name::from).collect(),
                ..rule(&verbs, &groups, &resources, &names)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_covered_whole_is_covered_in_parts(
            held in proptest::collection::vec(some_rule(), 0..4),
            wanted in proptest::collection::vec(some_rule(), 0..3),
        ) {
            let all: Vec<&PolicyRule> = held.iter().collect();
            prop_assert_eq!(is_covered(&all, &wanted), missing(&held, &wanted).is_empty());
        }

        // What one rule covers for the most part: here the short way is taken.
        #[test]
        fn a_rule_covers_parts_of_itself(
            one in some_rule(),
            other in some_rule(),
            more in some_rule(),
        ) {
            let wide = PolicyRule {
                verbs: [one.verbs.clone(), more.verbs].concat(),
                resources: [one.resources.clone(), more.resources].concat(),
                ..one.clone()
            };
            let held = [other, wide];
            let wanted = [one];
            let all: Vec<&PolicyRule> = held.iter().collect();
            prop_assert_eq!(is_covered(&all, &wanted), missing(&held, &wanted).is_empty());
        }
    }

    #[test]
    fn subresources_are_covered_by_the_star_before_the_slash() {
        let held = [rule(&["get"], &[""], &["*/log"], &[])];
        assert!(missing(&held, &[rule(&["get"], &[""], &["pods/log"], &[])]).is_empty());
        assert!(!missing(&held, &[rule(&["get"], &[""], &["pods"], &[])]).is_empty());
    }
}
