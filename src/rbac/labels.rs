//! Labels and their selectors, to the letter of `k8s.io/apimachinery`.

use std::collections::BTreeMap;

use crate::model::{LabelSelector, LabelSelectorRequirement, Name};

/// Longest name part of a label key, and longest value, in bytes.
const LONGEST: usize = 63;
/// Longest DNS subdomain, in bytes.
const LONGEST_DOMAIN: usize = 253;

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    ends(bytes.first())
        && ends(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn is_domain(text: &str) -> bool {
    let lower = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.len() <= LONGEST_DOMAIN
        && text.split('.').all(|part| {
            let bytes = part.as_bytes();
            bytes.first().is_some_and(lower)
                && bytes.last().is_some_and(lower)
                && bytes.iter().all(|b| lower(b) || *b == b'-')
        })
}

/// Whether a text may be a label's key: a name, or a DNS subdomain, a slash and a name.
pub fn is_key(text: &str) -> bool {
    let name = match text.split_once('/') {
        Some((prefix, name)) if is_domain(prefix) => name,
        Some(_) => return false,
        None => text,
    };
    name.len() <= LONGEST && is_name(name)
}

/// Whether a text may be a label's value; the empty one may.
pub fn is_value(text: &str) -> bool {
    text.is_empty() || (text.len() <= LONGEST && is_name(text))
}

/// Whether a selector selects these labels; None where the selector is not a valid one, which
/// selects nothing and stops the aggregation of the role it stands in. An empty selector selects
/// everything (`LabelSelectorAsSelector`).
pub fn selects(selector: &LabelSelector, labels: &BTreeMap<Name, Name>) -> Option<bool> {
    let mut all = true;
    for (key, value) in &selector.match_labels {
        if !is_key(key) || !is_value(value) {
            return None;
        }
        all &= labels.get(key) == Some(value);
    }
    for requirement in &selector.match_expressions {
        all &= meets(requirement, labels)?;
    }
    Some(all)
}

/// The fewest labels that a selector selects; None where it is not a valid one, or none meet it.
pub fn selected(selector: &LabelSelector) -> Option<BTreeMap<Name, Name>> {
    let mut labels = selector.match_labels.clone();
    for LabelSelectorRequirement { key, operator, values } in &selector.match_expressions {
        let wanted = match &**operator {
            // What several sets have in common.
            "In" => Some(values.iter().find(|value| {
                let own = |other: &&LabelSelectorRequirement| other.key == *key;
                selector.match_expressions.iter().filter(own).all(|other| match &*other.operator {
                    "In" => other.values.contains(value),
                    "NotIn" => !other.values.contains(value),
                    _ => true,
                })
            })?),
            _ => None,
        };
        if let Some(value) = wanted {
            labels.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    for LabelSelectorRequirement { key, operator, .. } in &selector.match_expressions {
        if &**operator == "Exists" && !labels.contains_key(key) {
            // Any value that no other requirement shuts out.
            let values = ["true".into(), "".into()]
                .into_iter()
                .chain((0..).map(|n: u32| n.to_string().into()));
            let shut: Vec<&Name> = selector
                .match_expressions
                .iter()
                .filter(|other| other.key == *key && &*other.operator == "NotIn")
                .flat_map(|other| &other.values)
                .collect();
            let value = values.into_iter().find(|value: &Name| !shut.contains(&value))?;
            labels.insert(key.clone(), value);
        }
    }
    selects(selector, &labels)?.then_some(labels)
}

/// Whether labels meet one requirement; None where it is not a valid one.
fn meets(requirement: &LabelSelectorRequirement, labels: &BTreeMap<Name, Name>) -> Option<bool> {
    let LabelSelectorRequirement { key, operator, values } = requirement;
    if !is_key(key) || !values.iter().all(|value| is_value(value)) {
        return None;
    }
    let value = labels.get(key);
    match &**operator {
        "In" | "NotIn" if values.is_empty() => None,
        "Exists" | "DoesNotExist" if !values.is_empty() => None,
        "In" => Some(value.is_some_and(|value| values.contains(value))),
        // A label that is not there is in no set.
        "NotIn" => Some(value.is_none_or(|value| !values.contains(value))),
        "Exists" => Some(value.is_some()),
        "DoesNotExist" => Some(value.is_none()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<Name, Name> {
        pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
    }

    fn expression(key: &str, operator: &str, values: &[&str]) -> LabelSelector {
        LabelSelector {
            match_labels: BTreeMap::new(),
            match_expressions: vec![LabelSelectorRequirement {
                key: key.into(),
                operator: operator.into(),
                values: values.iter().map(|value| (*value).into()).collect(),
            }],
        }
    }

    #[test]
    fn a_selector_selects_the_labels_that_it_is_said_to() {
        let selector = |matched: &[(&str, &str)], more: &[(&str, &str, &[&str])]| LabelSelector {
            match_labels: labels(matched),
            match_expressions: more
                .iter()
                .flat_map(|(key, operator, values)| {
                    expression(key, operator, values).match_expressions
                })
                .collect(),
        };
        let one = |key: &str, value: &str| Some(labels(&[(key, value)]));
        assert_eq!(selected(&selector(&[], &[])), Some(labels(&[])));
        assert_eq!(selected(&selector(&[("k", "a")], &[])), one("k", "a"));
        assert_eq!(selected(&selector(&[], &[("k", "In", &["a", "b"])])), one("k", "a"));
        let both = [("k", "In", &["a", "b"][..]), ("k", "In", &["b", "c"])];
        assert_eq!(selected(&selector(&[], &both)), one("k", "b"));
        let but = [("k", "Exists", &[][..]), ("k", "NotIn", &["true", ""])];
        assert_eq!(selected(&selector(&[], &but)), one("k", "0"));
        assert_eq!(selected(&selector(&[], &[("k", "DoesNotExist", &[])])), Some(labels(&[])));
        // None meet it, or it is no selector.
        let never = [("k", "Exists", &[][..]), ("k", "DoesNotExist", &[])];
        assert_eq!(selected(&selector(&[], &never)), None);
        let apart = [("k", "In", &["a"][..]), ("k", "In", &["b"])];
        assert_eq!(selected(&selector(&[], &apart)), None);
        assert_eq!(selected(&selector(&[("k", "a")], &[("k", "NotIn", &["a"])])), None);
        assert_eq!(selected(&selector(&[("", "a")], &[])), None);
        assert_eq!(selected(&selector(&[], &[("k", "Is", &["a"])])), None);
    }

    #[test]
    fn each_operator_against_each_state_of_a_label() {
        let there = labels(&[("k", "a")]);
        let other = labels(&[("k", "c")]);
        let none = labels(&[("x", "a")]);
        for (operator, values, expected) in [
            ("In", &["a", "b"][..], [true, false, false]),
            ("NotIn", &["a", "b"], [false, true, true]),
            ("Exists", &[], [true, true, false]),
            ("DoesNotExist", &[], [false, false, true]),
        ] {
            let selector = expression("k", operator, values);
            for (labels, expected) in [&there, &other, &none].into_iter().zip(expected) {
                assert_eq!(selects(&selector, labels), Some(expected), "{operator} {labels:?}");
            }
        }
    }

    #[test]
    fn the_empty_selector_selects_everything_and_parts_are_joined_by_and() {
        assert_eq!(selects(&LabelSelector::default(), &labels(&[])), Some(true));
        let mut selector = expression("k", "Exists", &[]);
        selector.match_labels = labels(&[("l", "1")]);
        assert_eq!(selects(&selector, &labels(&[("k", ""), ("l", "1")])), Some(true));
        assert_eq!(selects(&selector, &labels(&[("k", ""), ("l", "2")])), Some(false));
        assert_eq!(selects(&selector, &labels(&[("l", "1")])), Some(false));
    }

    #[test]
    fn values_are_compared_by_case() {
        let selector =
            LabelSelector { match_labels: labels(&[("k", "True")]), ..LabelSelector::default() };
        assert_eq!(selects(&selector, &labels(&[("k", "true")])), Some(false));
    }

    #[test]
    fn invalid_selectors_are_told_apart() {
        for selector in [
            expression("k", "In", &[]),
            expression("k", "Exists", &["a"]),
            expression("k", "in", &["a"]),
            expression("k", "Gt", &["1"]),
            expression("", "Exists", &[]),
            expression("-k", "Exists", &[]),
            expression("a/b/c", "Exists", &[]),
            expression("Example.org/k", "Exists", &[]),
            expression("k", "In", &["a b"]),
            expression("k", "In", &["-"]),
        ] {
            assert_eq!(selects(&selector, &labels(&[])), None, "{selector:?}");
        }
        let long = "k".repeat(64);
        assert_eq!(selects(&expression(&long, "Exists", &[]), &labels(&[])), None);
        assert_eq!(
            selects(&expression("example.org/K_1.x", "Exists", &[]), &labels(&[])),
            Some(false)
        );
    }
}
