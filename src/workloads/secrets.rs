//! Which Secrets an account can read.

use crate::book::{Book, Entry};
use crate::model::{Name, PolicyRule};
use crate::rbac::matching::name_matches;

/// Secrets that somebody can read by a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Readable {
    /// The namespace; None: every one.
    pub namespace: Option<Name>,
    /// Names; none: every Secret.
    pub names: Vec<Name>,
    /// Of `get`, `list` and `watch` those that the rule allows.
    pub verbs: Vec<&'static str>,
}

/// The Secrets that an identity can read, by its effective permissions.
pub fn readable(book: &Book, entry: &Entry) -> Vec<Readable> {
    let mut found: Vec<Readable> = book
        .permissions(entry.id)
        .iter()
        .flat_map(|permission| {
            let namespace = permission.scope.namespace();
            by_names(&permission.rule).into_iter().map(move |(names, verbs)| Readable {
                namespace: namespace.cloned(),
                names,
                verbs,
            })
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// A rule with names allows `list` and `watch` of one name by a field selector. One with the empty
/// name among them allows these of all: rules compare names as text, and such a request carries none.
fn by_names(rule: &PolicyRule) -> Vec<(Vec<Name>, Vec<&'static str>)> {
    let verbs = verbs(rule);
    if rule.resource_names.is_empty() || !name_matches(rule, "") {
        let all = (rule.resource_names.clone(), verbs);
        return if all.1.is_empty() { Vec::new() } else { vec![all] };
    }
    let given: Vec<Name> =
        rule.resource_names.iter().filter(|name| !name.is_empty()).cloned().collect();
    let all: Vec<_> = verbs.iter().copied().filter(|verb| *verb != "get").collect();
    let by_name = if given.is_empty() { Vec::new() } else { verbs };
    [(Vec::new(), all), (given, by_name)]
        .into_iter()
        .filter(|(_, verbs)| !verbs.is_empty())
        .collect()
}

fn verbs(rule: &PolicyRule) -> Vec<&'static str> {
    let has =
        |list: &[Name], wanted: &str| list.iter().any(|one| **one == *wanted || &**one == "*");
    if !has(&rule.api_groups, "") || !has(&rule.resources, "secrets") {
        return Vec::new();
    }
    ["get", "list", "watch"].into_iter().filter(|verb| has(&rule.verbs, verb)).collect()
}
