//! Which questions rules say yes to.

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

fn said(rule: &PolicyRule) -> Vec<(On, Verb)> {
    caps([rule], Mode::Own).into_iter().map(|cap| (cap.on, cap.verb)).collect()
}

#[test]
fn a_star_after_a_resource_opens_nothing() {
    assert_eq!(said(&rule(&["*"], &[""], &["pods/*"], &[])), []);
    assert_eq!(said(&rule(&["*"], &["*"], &["*/*"], &[])), []);
    assert_eq!(said(&rule(&["create"], &[""], &["*/exec"], &[])), [(On::Exec, Verb::Create)]);
}

#[test]
fn a_resource_is_not_its_subresource() {
    assert_eq!(
        said(&rule(&["create"], &[""], &["serviceaccounts"], &[])),
        [(On::Accounts, Verb::Create)]
    );
    assert_eq!(
        said(&rule(&["create"], &[""], &["serviceaccounts/token"], &[])),
        [(On::Token, Verb::Create)]
    );
    assert_eq!(said(&rule(&["impersonate"], &["authentication.k8s.io"], &["users"], &[])), []);
}

#[test]
fn everything_is_every_question() {
    let all: usize = On::ALL.iter().map(|on| on.verbs().len()).sum();
    assert_eq!(said(&rule(&["*"], &["*"], &["*"], &[])).len(), all);
}

#[test]
fn names_meet() {
    let some =
        |list: &[&str]| -> Names { Some(list.iter().map(|name| Name::from(*name)).collect()) };
    assert_eq!(both(&None, &some(&["a"])), some(&["a"]));
    assert_eq!(both(&some(&["a", "b"]), &some(&["b", "c"])), some(&["b"]));
    assert!(is_empty(&both(&some(&["a"]), &some(&["c"]))));
    assert!(!is_empty(&None));
}
