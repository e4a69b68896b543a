//! Whether one rule covers one request, to the letter of
//! `pkg/apis/rbac/v1/evaluation_helpers.go` and `plugin/pkg/auth/authorizer/rbac/rbac.go`.
//!
//! Everything is compared byte by byte: the authorizer knows no case folding and no globs but
//! the few that are spelt out here.

use crate::model::{Name, PolicyRule};

/// What is asked, once the asker is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action<'a> {
    /// A request for a resource.
    Resource {
        /// API group; `""` is core.
        group: &'a str,
        /// Plural resource.
        resource: &'a str,
        /// Subresource; `""` for none.
        subresource: &'a str,
        /// `""` for cluster-scoped and all-namespaces requests.
        namespace: &'a str,
        /// `""` where the request carries no name.
        name: &'a str,
    },
    /// A request for a path.
    Path(&'a str),
}

/// Whether `rule` allows `verb` on `action`, its scope set aside (`RuleAllows`).
pub fn rule_allows(rule: &PolicyRule, verb: &str, action: &Action<'_>) -> bool {
    if !verb_matches(rule, verb) {
        return false;
    }
    match *action {
        Action::Resource { group, resource, subresource, name, .. } => {
            group_matches(rule, group)
                && resource_matches(rule, resource, subresource)
                && name_matches(rule, name)
        }
        Action::Path(path) => path_matches(rule, path),
    }
}

/// `VerbMatches`: exact, or `*`.
pub fn verb_matches(rule: &PolicyRule, verb: &str) -> bool {
    rule.verbs.iter().any(|have| &**have == "*" || &**have == verb)
}

/// `APIGroupMatches`: exact, or `*`.
pub fn group_matches(rule: &PolicyRule, group: &str) -> bool {
    rule.api_groups.iter().any(|have| &**have == "*" || &**have == group)
}

/// `ResourceMatches`: `*` covers every resource and subresource, `*/sub` that subresource of any
/// resource; `pods/*` and `*/*` are literals that no request carries.
pub fn resource_matches(rule: &PolicyRule, resource: &str, subresource: &str) -> bool {
    rule.resources.iter().any(|have| one_resource_matches(have, resource, subresource))
}

/// One entry of `resources` against one request.
pub fn one_resource_matches(have: &str, resource: &str, subresource: &str) -> bool {
    if have == "*" {
        return true;
    }
    if subresource.is_empty() {
        return have == resource;
    }
    let Some((left, right)) = have
        .len()
        .checked_sub(subresource.len() + 1)
        .filter(|&at| have.as_bytes().get(at) == Some(&b'/'))
        .map(|at| (&have.as_bytes()[..at], &have.as_bytes()[at + 1..]))
    else {
        return false;
    };
    right == subresource.as_bytes() && (left == b"*" || left == resource.as_bytes())
}

/// `ResourceNameMatches`: no names is every name; there is no wildcard. Names are compared as text: a
/// request without a name is covered by a rule with names where the empty one is among them.
pub fn name_matches(rule: &PolicyRule, name: &str) -> bool {
    rule.resource_names.is_empty() || rule.resource_names.iter().any(|have| &**have == name)
}

/// `NonResourceURLMatches`: `*`, exact, or a prefix before trailing `*`s, with or without a slash.
pub fn path_matches(rule: &PolicyRule, path: &str) -> bool {
    rule.non_resource_urls.iter().any(|have| one_path_matches(have, path))
}

/// One entry of `nonResourceURLs` against one path.
pub fn one_path_matches(have: &Name, path: &str) -> bool {
    &**have == "*"
        || &**have == path
        || (have.ends_with('*') && path.starts_with(have.trim_end_matches('*')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(list: &[&str]) -> Vec<Name> {
        list.iter().map(|text| Name::from(*text)).collect()
    }

    #[test]
    fn resources_and_subresources() {
        for (have, resource, subresource, expected) in [
            ("*", "pods", "", true),
            ("*", "pods", "exec", true),
            ("*", "", "", true),
            ("pods", "pods", "", true),
            ("pods", "pods", "exec", false),
            ("pods/exec", "pods", "exec", true),
            ("pods/exec", "pods", "", false),
            ("pods/exec", "pods/exec", "", true),
            ("pods/exec", "pods", "log", false),
            ("pods/exec", "xpods", "exec", false),
            ("*/exec", "pods", "exec", true),
            ("*/exec", "", "exec", true),
            ("*/exec", "pods", "", false),
            ("*/exec", "pods", "xexec", false),
            ("*/a/b", "pods", "a/b", true),
            ("*/b", "pods", "a/b", false),
            // Literals that look like patterns.
            ("pods/*", "pods", "exec", false),
            ("pods/*", "pods", "", false),
            ("pods/*", "pods", "*", true),
            ("*/*", "pods", "exec", false),
            ("*/*", "pods", "*", true),
            ("**", "pods", "", false),
            ("po*", "pods", "", false),
            ("Pods", "pods", "", false),
            ("pods ", "pods", "", false),
            ("", "pods", "", false),
            ("", "", "", true),
            ("/exec", "", "exec", true),
        ] {
            let found = one_resource_matches(have, resource, subresource);
            assert_eq!(found, expected, "{have:?} against {resource:?}/{subresource:?}");
        }
    }

    #[test]
    fn paths() {
        for (have, path, expected) in [
            ("*", "", true),
            ("*", "/anything", true),
            ("/logs", "/logs", true),
            ("/logs", "/logs/", false),
            ("/logs/*", "/logs/", true),
            ("/logs/*", "/logs/a/b", true),
            ("/logs/*", "/logs", false),
            ("/logs*", "/logs", true),
            ("/logs*", "/logsmore", true),
            ("/logs*", "/logs/a", true),
            ("/logs*", "/Logs", false),
            ("/logs/**", "/logs/a", true),
            ("**", "/anything", true),
            ("/*/x", "/a/x", false),
            ("/*/x", "/*/x", true),
            ("logs", "/logs", false),
            ("", "", true),
            ("", "/", false),
        ] {
            assert_eq!(one_path_matches(&have.into(), path), expected, "{have:?} {path:?}");
        }
    }

    #[test]
    fn names_hold_whatever_the_verb_and_are_no_patterns() {
        let rule = |names_: &[&str]| PolicyRule {
            verbs: names(&["*"]),
            api_groups: names(&[""]),
            resources: names(&["*"]),
            resource_names: names(names_),
            non_resource_urls: Vec::new(),
        };
        let allows = |rule: &PolicyRule, verb: &str, name: &str| {
            let action = Action::Resource {
                group: "",
                resource: "cm",
                subresource: "",
                namespace: "",
                name,
            };
            rule_allows(rule, verb, &action)
        };
        for verb in ["get", "list", "create", "deletecollection", "anything"] {
            assert!(allows(&rule(&[]), verb, "") && allows(&rule(&[]), verb, "x"));
            assert!(allows(&rule(&["x", "y"]), verb, "y"));
            assert!(!allows(&rule(&["x"]), verb, "") && !allows(&rule(&["x"]), verb, "X"));
            assert!(!allows(&rule(&["*"]), verb, "x") && allows(&rule(&["*"]), verb, "*"));
            assert!(allows(&rule(&[""]), verb, ""));
        }
    }

    #[test]
    fn a_rule_is_about_resources_or_paths_and_never_the_one_for_the_other() {
        let everything = PolicyRule {
            verbs: names(&["*"]),
            api_groups: names(&["*"]),
            resources: names(&["*"]),
            ..PolicyRule::default()
        };
        assert!(!rule_allows(&everything, "get", &Action::Path("/healthz")));
        let paths = PolicyRule {
            verbs: names(&["*"]),
            non_resource_urls: names(&["*"]),
            ..PolicyRule::default()
        };
        assert!(rule_allows(&paths, "get", &Action::Path("/healthz")));
        let pods = Action::Resource {
            group: "",
            resource: "pods",
            subresource: "",
            namespace: "",
            name: "",
        };
        assert!(!rule_allows(&paths, "get", &pods));
        assert!(!rule_allows(&PolicyRule::default(), "get", &pods));
    }

    /// Short texts over few letters, so that they meet.
    fn text() -> impl Strategy<Value = String> {
        proptest::string::string_regex("[a*/A]{0,4}").expect("a pattern")
    }

    fn texts() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec(text(), 0..4)
    }

    fn as_names(texts: &[String]) -> Vec<Name> {
        texts.iter().map(|text| text.as_str().into()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        /// The same said as membership in sets of texts.
        #[test]
        fn resource_rules_say_what_sets_say(
            verbs in texts(), groups in texts(), resources in texts(), allowed in texts(),
            verb in text(), group in text(), resource in text(), subresource in text(), name in text(),
        ) {
            let rule = PolicyRule {
                verbs: as_names(&verbs),
                api_groups: as_names(&groups),
                resources: as_names(&resources),
                resource_names: as_names(&allowed),
                non_resource_urls: Vec::new(),
            };
            let holds = |set: &[String], any_of: &[&str]| any_of.iter().any(|one| set.iter().any(|have| have == one));
            let combined = if subresource.is_empty() { resource.clone() } else { format!("{resource}/{subresource}") };
            let starred = format!("*/{subresource}");
            let starred = if subresource.is_empty() { "*" } else { &starred };
            let expected = holds(&verbs, &["*", &verb])
                && holds(&groups, &["*", &group])
                && holds(&resources, &["*", &combined, starred])
                && (allowed.is_empty() || holds(&allowed, &[&name]));
            let action = Action::Resource {
                group: &group, resource: &resource, subresource: &subresource, namespace: "n", name: &name,
            };
            prop_assert_eq!(rule_allows(&rule, &verb, &action), expected);
        }

        /// The same said by the shortest text that a prefix rule would have to begin with.
        #[test]
        fn path_rules_say_what_prefixes_say(verbs in texts(), paths in texts(), verb in text(), path in text()) {
            let rule = PolicyRule {
                verbs: as_names(&verbs), non_resource_urls: as_names(&paths), ..PolicyRule::default()
            };
            let covers = |have: &String| {
                let stars = have.chars().rev().take_while(|c| *c == '*').count();
                let prefix: String = have.chars().take(have.chars().count() - stars).collect();
                *have == path || (stars > 0 && path.chars().take(prefix.len()).eq(prefix.chars()))
            };
            let expected = verbs.iter().any(|have| have == "*" || *have == verb) && paths.iter().any(covers);
            prop_assert_eq!(rule_allows(&rule, &verb, &Action::Path(&path)), expected);
        }
    }
}
