//! Which Secrets an account can read.

use crate::book::{Book, Entry};
use crate::model::{Name, PolicyRule};
use crate::rbac::answers::{ANSWERED, READS};
use crate::rbac::matching::name_matches;
use crate::rbac::query::Naming;

/// Secrets that somebody can read by a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Readable {
    /// The namespace; None: every one.
    pub namespace: Option<Name>,
    /// Names; none: every Secret.
    pub names: Vec<Name>,
    /// Of `get`, `list` and `watch` those that the rule allows; where it allows none, what else is
    /// answered with the Secret.
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

/// A rule with names allows `list` and `watch` of one name by a field selector, and no request to
/// delete a collection. One with the empty name among them allows these of all: rules compare names as
/// text, and such a request carries none.
fn by_names(rule: &PolicyRule) -> Vec<(Vec<Name>, Vec<&'static str>)> {
    if rule.resource_names.is_empty() {
        let verbs = verbs(rule, |_| true);
        return if verbs.is_empty() { Vec::new() } else { vec![(Vec::new(), verbs)] };
    }
    let given: Vec<Name> =
        rule.resource_names.iter().filter(|name| !name.is_empty()).cloned().collect();
    let all = if name_matches(rule, "") {
        verbs(rule, |verb| Naming::of(verb, "") != Naming::Always)
    } else {
        Vec::new()
    };
    let by_name = if given.is_empty() {
        Vec::new()
    } else {
        verbs(rule, |verb| Naming::of(verb, "") != Naming::Never)
    };
    [(Vec::new(), all), (given, by_name)]
        .into_iter()
        .filter(|(_, verbs)| !verbs.is_empty())
        .collect()
}

fn verbs(rule: &PolicyRule, fits: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let has =
        |list: &[Name], wanted: &str| list.iter().any(|one| **one == *wanted || &**one == "*");
    if !has(&rule.api_groups, "") || !has(&rule.resources, "secrets") {
        return Vec::new();
    }
    let of = |verbs: [&'static str; 3]| -> Vec<&'static str> {
        verbs.into_iter().filter(|verb| has(&rule.verbs, verb) && fits(verb)).collect()
    };
    let reads = of(READS);
    if reads.is_empty() { of(ANSWERED) } else { reads }
}
